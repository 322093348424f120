#!/usr/bin/env bash
# Takes the package's checks out, one at a time, and wants a test to fail each
# time. A line of the list below is
#
#	file.go | TestPattern | text | replacement
#
# where text stands once in the file, and TestPattern says which tests see it
# (empty: all of the package); \n stands for a line break. A mutant that no test
# sees is a check that could be lost without anybody noticing.
#
#	./mutants.sh [REGEXP]   only the lines that match
#	./mutants.sh -s K/N     only every N-th line, from the K-th (of 0 to N-1) on
#	./mutants.sh -m …       the short list of ML-DSA in place of the long one; it takes
#	                        a Go that has it, 1.27 or newer
#	./mutants.sh -n         only whether each text stands once; takes a second
#
# Nearly all the time goes into building test binaries, so they are made small:
# mutants/select.go finds, for each TestPattern, the declarations of the test
# files that the tests it matches use, and only these are compiled with the
# package. The compiler and the linker are run without the go command, whose
# cache would keep what every mutant leaves. First each of these binaries has to
# pass without a mutant: what fails afterwards fails for the mutant's sake.
set -euo pipefail
cd "$(dirname "$0")"
of=list
[ "${1:-}" != -m ] || { of=mldsa; shift; }
texts=
[ "${1:-}" != -n ] || { texts=only; shift; }
part=0/1
[ "${1:-}" != -s ] || { part=$2; shift 2; }
[[ $part =~ ^([0-9]+)/([1-9][0-9]*)$ && BASH_REMATCH[1] -lt BASH_REMATCH[2] ]] || { echo "-s wants K/N with K < N, not $part" >&2; exit 2; }
only=${1:-.}
jobs=${JOBS:-$(nproc 2>/dev/null || echo 2)}

list() {
  grep -vE '^(#|$)' <<'MUTANTS'
# algorithm.go
algorithm.go | Algorithm|IDTokenAlg | if list == nil { | if len(list) == 0 {
algorithm.go | Algorithm|NewClient | if usable == nil { | if false {
algorithm.go | Algorithm|UserInfo | if fallback == "" { | if false {
algorithm.go | AlgorithmNames | if usable[i].name == name { | if strings.EqualFold(string(usable[i].name), string(name)) {
algorithm.go | AlgorithmNames|JWSKeyConfusion | return nil\n}\n\n// notBuiltIn | return findHMAC(name)\n}\n\n// notBuiltIn
algorithm.go | AlgorithmTable | {ES384, "EC", "P-384", crypto.SHA384, false, 96, crypto.SHA384}, | {ES384, "EC", "P-384", crypto.SHA256, false, 96, crypto.SHA384},
algorithm.go | AlgorithmTable | {EdDSA, "OKP", "Ed25519", 0, false, 64, crypto.SHA512}, | {EdDSA, "OKP", "Ed25519", 0, false, 64, crypto.SHA256},
algorithm.go | AlgorithmTable|PSSSalt|JWSAlgorithms | {PS256, "RSA", "", crypto.SHA256, true, 0, crypto.SHA256}, | {PS256, "RSA", "", crypto.SHA256, false, 0, crypto.SHA256},
algorithm.go | AllowedAlgorithms | _, err := signatureAlgorithm(param, configured) | var err error
algorithm.go | AllowedAlgorithms | if configured != "" { | if configured != "" && list == nil {
algorithm.go | AllowedAlgorithms | if findAlgorithm(name) != nil { | if name != "" {
algorithm.go | AllowedAlgorithms | if usable == nil { | if usable == nil && fallback != "" { return []Algorithm{fallback}, nil }; if usable == nil {
algorithm.go | HMACTable|FIPSClientSecretJWT | {HS384, "oct", "", crypto.SHA384, false, 48, 0}, | {HS384, "oct", "", crypto.SHA384, false, 32, 0},
algorithm.go | TestSum | d := sha512.Sum384(b) | d := sha512.Sum512_256(b)
algorithm.go | AlgorithmTable | {MLDSA65, "AKP", "ML-DSA-65", 0, false, 3309, shake256}, | {MLDSA65, "AKP", "ML-DSA-65", 0, false, 3293, shake256},
algorithm.go | AlgorithmTable | {MLDSA87, "AKP", "ML-DSA-87", 0, false, 4627, shake256}, | {MLDSA87, "AKP", "ML-DSA-87", 0, false, 4627, crypto.SHA512},
algorithm.go | HalfHash | sha3.SumSHAKE256(b, 64) | sha3.SumSHAKE256(b, 32)
algorithm.go | MLDSA | return algorithms[:len(algorithms)-3] | return algorithms[:]
algorithm.go | MLDSAMissing | if err := notBuiltIn(param, name); err != nil { | if err := error(nil); err != nil {
algorithm.go | MLDSAMissing | return nil, err // all | _ = err // all
# attestation.go
attestation.go | AttestationNewClient | case a.attestation == nil: | case false:
attestation.go | AttestationNewClient | (a.key == nil || a.key.alg == nil) | (a.key == nil)
attestation.go | AttestationNewClient|AttestationWrapped | case a.dpop && d == nil: | case false:
attestation.go | AttestationNewClient | case strings.Contains(server.Issuer, tenantPlaceholder): | case false:
attestation.go | AttestationHeader | if strings.EqualFold(name, attestationHeader) || strings.EqualFold(name, attestationPoPHeader) { | if strings.EqualFold(name, attestationHeader) {
attestation.go | AttestationHeader | if strings.EqualFold(name, attestationHeader) || strings.EqualFold(name, attestationPoPHeader) { | if strings.EqualFold(name, attestationPoPHeader) {
attestation.go | AttestationHeader | if strings.EqualFold(name, attestationHeader) || | if name == http.CanonicalHeaderKey(attestationHeader) ||
attestation.go | AttestationFunctionFails | Kind: ErrUnavailable, Param: "Auth" | Kind: ErrConfig, Param: "Auth"
attestation.go | AttestationFaults | return fail(ErrConfig, "Auth", "the client attestation cannot | return err // cannot
attestation.go | AttestationTolerance | r.Now.Add(-r.attested.tolerance()) | r.Now
attestation.go | AttestationWireForm | r.Form.Set("client_id", r.ClientID) | _ = 0
attestation.go | AttestationWhere | q.proven = true | _ = 0
attestation.go | AttestationCombinedNonce | _, err := q.take(ctx) | var err error
attestation.go | AttestationCombinedNonce | if nonce := nonceOf(h); q.proven && nonce != "" { | if nonce := ""; nonce != "" {
attestation.go | AttestationBothRetries|AttestationChallenge$ | if nonce := nonceOf(h); q.proven && nonce != "" { | if nonce := nonceOf(h); nonce != "" {
attestation.go | AttestationCombinedNonce | res.header); nonce != "" && q.proven { | res.header); false {
attestation.go | AttestationChallengeEndpointNonce | err == nil && c.dpop != nil { | err == nil && c.dpop != nil && q.proven {
attestation.go | AttestationCombinedNonce | , q.proven && code == "use_dpop_nonce": // | : //
attestation.go | AttestationCombinedCode | return ok && a.dpop | return ok && (true || a.dpop)
dpop.go | AttestationCombinedNonce | nonce: cmp.Or(nonce, r.attested.nonce())} | nonce: cmp.Or(nonce, "")}
authorize.go | AttestationCombinedCode | if !c.combined() { | {
attestation.go | AttestationWhere | if a.dpop {\n | if false {\n
attestation.go | AttestationWireForm | appendHeader(a.key.alg.name, attestationPoPType, "") | appendHeader(a.key.alg.name, attestationPoPType, a.key.kid)
attestation.go | AttestationWireForm | appendHeader(a.key.alg.name, attestationPoPType, "") | appendHeader(a.key.alg.name, "JWT", "")
attestation.go | AttestationWireForm | `,"aud":`...), r.Server.Issuer) | `,"aud":`...), r.Endpoint)
attestation.go | AttestationChallenge | `,"jti":`...), randomString()) | `,"jti":`...), "fixed-fixed-fixed-fixed-fixed-fixed-fixed-fix")
attestation.go | AttestationChallenge | if challenge != "" { | if true {
attestation.go | AttestationFaults | case raw == "": | case false:
attestation.go | AttestationFaults | case len(raw) > maxAttestation: | case false:
attestation.go | AttestationFaults | case len(raw) > maxAttestation: | case len(raw) >= maxAttestation:
attestation.go | AttestationFaults | if header.typ != attestationType { | if false {
attestation.go | AttestationFaults | case subject != clientID: | case false:
attestation.go | AttestationFaults | case !ok: | case !ok && false:
attestation.go | AttestationFaults|AttestationTolerance | case !expiry.After(now): | case false:
attestation.go | AttestationFaults|AttestationTolerance | case !expiry.After(now): | case expiry.Before(now):
attestation.go | AttestationFaults | return fail(ErrClaim, "cnf", "has no jwk") | _ = 0
attestation.go | AttestationFaults | if jwk.has(private) { | if jwk.has(private) && false {
attestation.go | AttestationFaults | if attested != jkt { | if false {
attestation.go | AttestationTolerance | return q.client.clock.tolerance() | return DefaultTolerance
attestation.go | AttestationOwnChallenge | challenge := q.next | challenge := ""
attestation.go | AttestationChallenge | challenge = c.challenge.latest() | _ = 0
attestation.go | AttestationChallenge | if challenge == "" && c.server.ChallengeEndpoint != "" { | if c.server.ChallengeEndpoint != "" {
attestation.go | AttestationChallenge | if challenge == "" && c.server.ChallengeEndpoint != "" { | if challenge == "" {
attestation.go | AttestationChallengeOfOthers | if q == nil || !q.signed { | if q == nil {
attestation.go | AttestationChallenge | if res.status == http.StatusBadRequest || res.status == http.StatusUnauthorized { | if res.status == http.StatusBadRequest {
attestation.go | AttestationChallenge | if res.status == http.StatusBadRequest || res.status == http.StatusUnauthorized { | if res.status == http.StatusUnauthorized {
attestation.go | AttestationChallenge | if res.status == http.StatusBadRequest || res.status == http.StatusUnauthorized { | if res.status > 0 {
attestation.go | AttestationChallenge | refused := code == "use_attestation_challenge" | refused := code != ""
attestation.go | AttestationChallenge | len(values) == 1 && challengeValue(values[0]) | len(values) > 0 && challengeValue(values[0])
attestation.go | AttestationChallenge | len(values) == 1 && challengeValue(values[0]) | len(values) == 1
attestation.go | AttestationChallenge | && !(refused && fresh == q.challenge) | 
attestation.go | AttestationChallenge | q.client.challenge.keep(fresh) | _ = 0
attestation.go | AttestationChallenge | q.client.challenge.forget(q.challenge)\n		q.next = "" | q.next = ""
attestation.go | AttestationForgets | case code == "invalid_client", | case
attestation.go | AttestationChallenge | return q.client.server.ChallengeEndpoint != "" | return true
attestation.go | AttestationChallenge | return q.client.server.ChallengeEndpoint != "" | return false
attestation.go | AttestationChallenge | return refused\n} | return true\n}
attestation.go | AttestationChallengeEndpoint | if err := res.expect(http.StatusOK); err != nil { | if err := error(nil); err != nil {
attestation.go | AttestationChallengeEndpoint | if !challengeValue(challenge) { | if false {
attestation.go | AttestationChallenge | c.challenge.keep(challenge)\n | _ = 0\n
attestation.go | AttestationChallenge | return len(s) <= maxServerChallenge && headerValue(s) | return headerValue(s)
attestation.go | AttestationChallenge | return len(s) <= maxServerChallenge && headerValue(s) | return len(s) <= maxServerChallenge
attestation.go | AttestationForgets | if l.value == challenge { | if true {
# authorize.go
authorize.go | AuthorizationURL | form.Set("code_challenge_method", "S256") | _ = 0
authorize.go | AuthorizationURL | state: randomString(), | state: "fixed",
authorize.go | NonceGoes | if a.openid() && !r.InsecureNoNonce { | if !r.InsecureNoNonce {
authorize.go | FinishAuthorization | a.verifier = randomString()\n | a.verifier = ""\n
authorize.go | Pushed | pushed := r.Pushed || c.server.RequirePushedAuthorizationRequests || | pushed := r.Pushed ||
authorize.go | Pushed | c.server.RequirePushedAuthorizationRequests || c.meta.RequirePushedAuthorizationRequests | c.server.RequirePushedAuthorizationRequests
authorize.go | Pushed | return url.Values{"client_id": {c.meta.ClientID}, "request_uri": {requestURI}}, nil | form.Set("request_uri", requestURI); return form, nil
authorize.go | Pushed | return "", fail(ErrResponse, "expires_in", "is missing") | return requestURI, nil
authorize.go | RequestErrors | if !loopback(u.Hostname()) && !insecure { | if false {
authorize.go | RequestErrors | case "javascript", "data", | case "data",
authorize.go | RequestErrors|BrowserURLQuery | if form.Has(name) || slices.Contains(reserved, name) { | if slices.Contains(reserved, name) {
authorize.go | BrowserURLQuery | if form.Has(name) || slices.Contains(reserved, name) { | if form.Has(name) {
authorize.go | WebURL$ | if _, ok := webURL(raw); !ok { | if false {
authorize.go | RequestErrors | if r.InsecureNoPKCE && public { | if public && false {
authorize.go | RequestErrors | case d.wants("code") && d.verifier == "" && d.nonce == "": | case false:
authorize.go | PrivateScheme | if !strings.Contains(u.Scheme, ".") { | if false {
authorize.go | PrivateScheme | if u.Opaque != "" && '0' <= u.Opaque[0] | if false && '0' <= u.Opaque[0]
authorize.go | RequestErrors | return fail(ErrConfig, "ResponseType", "%s is not supported | _ = fail(ErrConfig, "ResponseType", "%s is not supported
authorize.go | RequestErrors | case u.Fragment != "" || strings.HasSuffix(raw, "#"): // RFC 6749, Section 3.1.2 | case false:
authorize.go | RequestErrors | if err != nil || claims[0] != '{' { | if err != nil {
authorize.go | RequestErrors | len(saved) > maxSaved { | false {
authorize.go | RequestErrors|SavedAuthorizationChecks | case d.maxAge != nil && *d.maxAge < 0: | case false:
authorize.go | DefaultMaxAge | a.maxAge = c.meta.DefaultMaxAge | _ = 0
authorize.go | AuthorizationSaved | if len(data) > maxSaved { | if false {
authorize.go | SavedAuthorizationChecks | err = damaged(fresh.validate(true)) // | _ = 0 //
authorize.go | SavedAuthorizationChecks | if err := checkRedirectURI("RedirectURI", d.redirectURI, insecure); err != nil { | if err := checkRedirectURI("RedirectURI", d.redirectURI, insecure); err != nil && false {
authorize.go | SavedAuthorizationChecks | if err := checkResponseType(d.responseType, d.responseMode); err != nil { | if err := checkResponseType(d.responseType, d.responseMode); err != nil && false {
authorize.go | SavedAuthorizationChecks | if err := checkScope(strings.Split(d.scope, " ")); err != nil { | if err := checkScope(strings.Split(d.scope, " ")); err != nil && false {
authorize.go | SavedAuthorizationChecks | case !d.openid() && d.nonce != "", !d.wants("code") && d.verifier != "": | case false:
authorize.go | SavedAuthorizationChecks | case d.issuer == "" || d.clientID == "" || d.created.IsZero(): | case false:
authorize.go | SavedAuthorizationChecks | case !isRandom(d.state), | case d.state == "",
authorize.go | RequestObject | case "iss", "sub", "aud", "exp", "nbf", "iat", "jti": // | case "sub": //
authorize.go | ResponseTypes | case strings.Contains(responseType, "id_token") && m.place == inQuery: // | case false: //
authorize.go | RequestObject | lifetime = pushedObjectAge | _ = 0
authorize.go | TestRequestObject | name == "max_age" || name == "requested_expiry" || name == "claims" || name == "authorization_details" | name == "max_age" || name == "requested_expiry" || name == "claims"
authorize.go | BackchannelSigned | name == "max_age" || name == "requested_expiry" || name == "claims" | name == "max_age" || name == "claims"
authorize.go | BackchannelRequestErrors | if !json.Valid([]byte(values[0])) { | if false {
authorize.go | ResponseTypes|SavedAuthorizationChecks | case d.wants("id_token") && d.nonce == "": // | case false: //
authorize.go | RequestObject | if len(values) != 1 { | if len(values) == 0 {
authorize.go | RequestObject | if c.requestKey == nil && (c.server.RequireSignedRequestObject || | if c.requestKey == nil && (
authorize.go | JARMAlgorithm | if responseModes.find(r.ResponseMode).jwt {\n | if false {\n
authorize.go | EndSessionURL | if u.RawQuery != "" { | if false {
authorize.go | EndSessionURL | return "", fail(ErrConfig, member, "has a query that cannot be read") | _ = 0
authorize.go | EndSessionURL | if u.Host == "" { | if false {
authorize.go | EndSessionURL | return host == "localhost" || ip != nil && ip.IsLoopback() | return host == "localhost" || ip != nil && false
token.go | TestHybrid$ | code: cb.code.Reveal(), state: a.state | state: a.state
# callback.go
callback.go | ResponseAtItsRedirectURI | case got.path != want.path: | case false:
callback.go | ResponseAtItsRedirectURI|ValidateCallbackURL | case got.origin != "" && got.origin != want.origin: | case false:
callback.go | ResponseAtItsRedirectURI | if !slices.Equal(got.query[name], values) { | if !slices.Equal(got.query[name], values) && !got.query.Has(name) {
callback.go | ResponseAtItsRedirectURI | if got.path, _ = normalPath(path); !ok { | if got.path, _ = normalPath(path); !ok && false {
callback.go | ResponseAtItsRedirectURI | if err := c.checkLanding(r, a.d); err != nil { | if err := c.checkLanding(r, a.d); err == ErrConfig {
callback.go | ResponseAtItsRedirectURI | case u == nil || u.Scheme == "" || u.Host == "": | case u == nil:
callback.go | ResponseAtItsRedirectURI | cannot be had", Err: withoutURL(err)} | cannot be had", Err: err}
callback.go | WithoutRequest | if r == nil || r.URL == nil { | if r == nil {
callback.go | ValidateCallbackURL | if err := a.d.landed(got, ""); err != nil { | if err := a.d.landed(got, ""); err == ErrConfig {
callback.go | ValidateCallbackURL | if err != nil || !u.IsAbs() { | if err != nil {
callback.go | ZeroValues | rawURL string) (*Callback, error) {\n	if err := c.made(); err != nil { | rawURL string) (*Callback, error) {\n	if err := c.made(); err == ErrConfig {
callback.go | ValidateCallback$|ResponseIssuerBesideIDToken | case c.requireIssuer: | case false:
callback.go | ResponseIssuerBesideIDToken | says := a.d.wants("id_token") && params.Get("error") == "" | says := a.d.wants("id_token")
callback.go | ResponseIssuerBesideIDToken | AuthorizationResponseIssParameter && !says: | AuthorizationResponseIssParameter && (true || says):
callback.go | ValidateCallbackURL | if got.query.Has(name) { | if false {
callback.go | RequestErrors | if l.query.Has(name) { | if l.query.Has(name) && false {
callback.go | Authorization | a.d.issuer != c.server.Issuer || a.d.clientID | a.d.clientID
callback.go | Authorization | a.d.issuer != c.server.Issuer || a.d.clientID != c.meta.ClientID | a.d.issuer != c.server.Issuer
callback.go | AuthorizationLifetime | case a.d.created.Before(now.Add(-c.lifetime)): | case false:
callback.go | AuthorizationLifetime | case a.d.created.After(now.Add(maxAhead)): | case false:
callback.go | AuthorizationLifetime | case a.d.created.After(now.Add(maxAhead)): | case a.d.created.After(now):
callback.go | AuthorizationOfAnother | a.d.issuer != c.server.Issuer || a.d.clientID | !strings.EqualFold(a.d.issuer, c.server.Issuer) || a.d.clientID
callback.go | AuthorizationOfAnother | || a.d.clientID != c.meta.ClientID: | || !strings.EqualFold(a.d.clientID, c.meta.ClientID):
callback.go | MatchesTemplate | tid, ok := strings.CutPrefix(iss, before)\n	if !ok { | tid, ok := strings.CutPrefix(iss, before)\n	if !ok && false {
callback.go | MatchesTemplate | return ok && isGUID(tid) | return isGUID(tid)
callback.go | MatchesTemplate | before, after, ok := strings.Cut(template, tenantPlaceholder)\n	if !ok { | before, after, ok := strings.Cut(template, tenantPlaceholder)\n	if !ok && false {
callback.go | JARMKeyIssuer | if key.issuer != "" && key.issuer != iss && | if key.issuer != "" && !strings.EqualFold(key.issuer, iss) &&
callback.go | JARMKeyIssuer | if key.issuer != "" && key.issuer != iss && !matchesTemplate(key.issuer, iss) { | if iss == "none" {
callback.go | JARMKeyIssuer | key.issuer != iss && !matchesTemplate(key.issuer, iss) { | key.issuer != iss {
callback.go | TenantWithoutIDToken | cb.issuer != "" && id != nil && | cb.issuer != "" &&
callback.go | SlowConsent | started: d.created.Add(c.clock.Skew), code: | code:
token.go | SlowConsent | started: a.created.Add(c.clock.Skew), code: | code:
authorize.go | RequestErrors | _, err := c.keySet()\n	return err | return nil
authorize.go | RequestErrors | return nil, err\n	}\n	if c.encryption != nil { | return nil, nil\n	}\n	if c.encryption != nil {
authorize.go | TestPushed | o.seconds("expires_in", true) | o.seconds("expires_in", false)
callback.go | ValidateCallback | if len(params[name]) > 1 { | if false {
callback.go | ValidateCallback | if params.Has("response") {\n | if false {\n
callback.go | ValidateCallback | return ok && isGUID(tid) | return ok
callback.go | ValidateCallback | if !sameSecret(params.Get("state"), a.d.state) { | if false {
callback.go | UsedOnce | if a.used.Swap(true) { | if false {
callback.go | ValidateCallback | if params.Get("error") != "" { | if false {
callback.go | CallbackPlace | if r.Method != http.MethodGet { | if false {
callback.go | CallbackPlace | if r.Method != http.MethodPost { | if false {
callback.go | CallbackPlace | if query.Has(name) { | if false {
callback.go | CallbackPlace | if !strings.EqualFold(strings.TrimSpace(mediaType), mediaForm) { | if mediaType == "x" {
callback.go | CallbackPlace | if in == inFragment { | if false {
callback.go | JARM | if params.Get("response") == "" { | if params.Get("response") == "" && !params.Has("state") {
callback.go | ValidateCallback | if !match { | if !match && iss == "" {
callback.go | JARM | return nil, claims.wrong(name, "a string") | _ = 0
callback.go | Hybrid | case !wanted && params.Has(name): | case false:
callback.go | JARM | case len(aud) != 1 || aud[0] != c.meta.ClientID: | case len(aud) != 1:
callback.go | Hybrid | needSHash: c.detached, frontend: true, | frontend: true,
# challenge.go
challenge.go | Challenge | if len(line) > maxChallengeLine { | if false {
challenge.go | Challenge | len(list) >= limit { | false {
challenge.go | Challenge | if _, twice := c.Params[name]; twice { | if false {
challenge.go | Challenge | name := strings.ToLower(r.token()) | name := r.token()
# ciba.go
ciba.go | BackchannelRequestErrors | case mode == "push": | case false:
ciba.go | BackchannelRequestErrors | case mode != "" && mode != "poll" && mode != "ping": | case false:
ciba.go | BackchannelRequestErrors | case !slices.Contains(r.Scope, "openid"): | case false:
ciba.go | BackchannelRequestErrors | case hints != 1: | case hints == 0:
ciba.go | BackchannelRequestErrors | case hints != 1: | case hints > 1:
ciba.go | BackchannelRequestErrors | case r.RequestedExpiry < 0 || r.RequestedExpiry%time.Second != 0: | case r.RequestedExpiry%time.Second != 0:
ciba.go | BackchannelRequestErrors | case r.RequestedExpiry < 0 || r.RequestedExpiry%time.Second != 0: | case r.RequestedExpiry < 0:
ciba.go | BackchannelRequestErrors | return c.checkTokenRequest(r.Scope) | return nil
ciba.go | BackchannelRequestErrors | slices.Concat(backchannelParams, reservedTokenParams)... | backchannelParams...
ciba.go | BackchannelRequestErrors | slices.Concat(backchannelParams, reservedTokenParams)... | reservedTokenParams...
ciba.go | BackchannelRequestErrors | case key.alg.name != alg: | case false:
ciba.go | DeviceRequestErrors | _, err = c.caller.checkURL(member, target) | _, _ = member, target
ciba.go | DeviceRequestErrors | if err == nil && slices.Contains(scope, "openid") { | if false {
ciba.go | TestBackchannelRequest$ | if c.meta.BackchannelTokenDeliveryMode == "ping" { | if true {
ciba.go | TestBackchannelRequest$ | notificationToken = randomString() | notificationToken = "fixed"
ciba.go | BackchannelPing | b.g.d.notificationToken = notificationToken | b.g.d.notificationToken = notificationToken[:0]
ciba.go | BackchannelSigned | return url.Values{"request": {object}}, nil | form.Set("request", object); return form, nil
ciba.go | BackchannelSigned | c.requestObjectClaims(form, pushedObjectAge) | c.requestObjectClaims(form, requestObjectAge)
ciba.go | PendingRefused | res.expect(http.StatusOK) | res.expect(http.StatusOK, http.StatusCreated)
ciba.go | BackchannelPing | if r.Method != http.MethodPost { | if false {
ciba.go | BackchannelPing | if len(header) != 1 { | if len(header) == 0 {
ciba.go | BackchannelPing | !strings.EqualFold(scheme, "bearer") || token == "" { | scheme == "" || token == "" {
ciba.go | BackchannelPing | !strings.EqualFold(scheme, "bearer") || token == "" { | !strings.EqualFold(scheme, "bearer") {
ciba.go | BackchannelPing | !sameSecret(token, d.notificationToken): | false:
ciba.go | BackchannelPing | case d.code != id: | case false:
ciba.go | BackchannelPing | return nil, fail(ErrNoCredentials, "auth_req_id", "is not known") | return nil, nil
# clientauth.go
clientauth.go | ZeroClientAuth | case a.audience == IssuerAudience && server.Issuer == "": | case false:
clientauth.go | ClientAuth | url.QueryEscape(r.ClientID), url.QueryEscape(a.secret.Reveal()) | r.ClientID, a.secret.Reveal()
clientauth.go | ClientAuth | if assertion == "" { | if false {
clientauth.go | ClientAuth | case len(secret) < mac.size: | case false:
clientauth.go | ClientAuth | b = appendJSONString(append(b, `,"jti":`...), randomString()) | b = appendJSONString(append(b, `,"jti":`...), "1")
clientauth.go | ClientAuth | o.Lifetime < time.Second || o.Lifetime > maxAssertionLifetime | o.Lifetime < time.Second
clientauth.go | ClientAuth | if a.audience == IssuerAudience { | if true {
clientauth.go | ClientAuthAudience | err == nil && originOf(u) == originOf(to) { | err == nil && u != nil {
clientauth.go | ClientAuthAudience | if server.hasAlias(endpoint) { | if false {
clientauth.go | ClientAuthAudience | {server.MTLSEndpointAliases.TokenEndpoint, server.TokenEndpoint} | {server.MTLSEndpointAliases.TokenEndpoint}
clientauth.go | ClientAuth | case a.audience == IssuerAudience && strings.Contains(server.Issuer, tenantPlaceholder): | case strings.Contains(server.Issuer, "{none}"):
clientauth.go | ClientAuthAudience | if err != nil || to.Host == "" { | if err != nil {
clientauth.go | ClientAuthFaults | if a.typ != "JWT" && a.typ != clientAuthenticationType { | if false {
clientauth.go | ClientAuthAssertion | cmp.Or(o.Type, "JWT") | cmp.Or("JWT", o.Type)
# clock.go
clock.go | Clock | if !t.After(now.Add(-c.tolerance())) { | if t.Before(now.Add(-c.tolerance())) {
clock.go | Clock | if t.After(now.Add(c.tolerance())) { | if !t.Before(now.Add(c.tolerance())) {
clock.go | Clock | return c.local().Add(c.Skew) } | return c.local() }
clock.go | Clock|NewClient | if c.Tolerance > maxTolerance { | if false {
clock.go | Clock|NewClient | if c.Skew > maxSkew || c.Skew < -maxSkew { | if c.Skew > maxSkew {
clock.go | Clock | case c.Tolerance < 0: | case false:
clock.go | ClockApart | min(n, int64(maxLifetime/time.Second)) | n
clock.go | ClockApart | if !t.Before(now.AddDate(-farAway, 0, 0)) && | if
clock.go | ClockApart | if !t.Before(now.AddDate(-farAway, 0, 0)) && !t.After(now.AddDate(farAway, 0, 0)) { | if !t.Before(now.AddDate(-farAway, 0, 0)) {
clock.go | ExpiryIsLocal | return c.local().Add(seconds(n)) | return c.now().Add(seconds(n))
clock.go | Clock|IDToken | math.Abs(f) > maxNumericDate | false
# decrypt.go, jwe.go
decrypt.go | DecryptContext | if err := ctx.Err(); err != nil { | if err := ctx.Err(); false {
decrypt.go | NewDecryptionKeyErrors | } else if len(encs) == 0 { | } else if false {
decrypt.go | NewDecryptionKeyErrors | if _, err := contentEncryptionOf("enc", name); err != nil { | if _, err := contentEncryptionOf("enc", name); false {
decrypt.go | NewDecryptionKeyErrors | if !ok || k.alg.kty != "RSA" { | if !ok {
decrypt.go | NewDecryptionKeyErrors | return checkRSA(ErrConfig, public) | return checkRSA(nil, public)
decrypt.go | NewDecryptionKeyErrors | case kty == "" || k.alg.kty != "EC": | case kty == "":
decrypt.go | NewDecryptionKeyErrors | case k.alg.kty != "oct": | case false:
decrypt.go | NewDecryptionKeyErrors | case len(secret) < minDecryptSecret: | case len(secret) < minDecryptSecret-1:
decrypt.go | NewDecryptionKeyErrors | case k.alg.name == "dir" && len(enc) != 1: | case k.alg.name == "dir" && enc == nil:
decrypt.go | ParseDecryptionKey | if crv != "X25519" { | if false {
decrypt.go | ParseDecryptionKey | !bytes.Equal(key.PublicKey().Bytes(), parts[1]) | false
decrypt.go | ParseDecryptionKey | `","use":"enc"`...) | `","use":"sig"`...)
decrypt.go | SecretDecryptionKey | return "DecryptionKey(" + k.alg.name | return "DecryptionKey("
decrypt.go | NewDecrypterErrors | if len(keys) == 0 { | if false {
decrypt.go | NewDecrypterErrors | if k == nil || k.alg == nil { | if k == nil {
decrypt.go | NewDecrypterErrors | if k.confusable(other) { | if k.confusable(other) && false {
decrypt.go | NewDecrypterErrors | return k.alg == other.alg && k.curve() == other.curve() && | return k.curve() == other.curve() &&
decrypt.go | NewDecrypterErrors | return k.alg == other.alg && k.curve() == other.curve() && | return k.alg == other.alg &&
decrypt.go | NewDecrypterErrors | return slices.Contains(other.encs, enc) }) && | return enc != "" }) &&
decrypt.go | NewDecrypterErrors | (k.kid == "" || other.kid == "" || k.kid == other.kid) | (k.kid == "" || other.kid == "")
decrypt.go | NewDecrypterErrors | (k.kid == "" || other.kid == "" || k.kid == other.kid) | (k.kid == other.kid)
decrypt.go | DecryptKeySelection | if k.alg.name != string(j.header.alg) || | if
decrypt.go | DecryptKeySelection | !slices.Contains(k.encs, j.enc) || | false ||
decrypt.go | DecryptKeySelection | k.exchange != nil && k.curve() != j.crv || | false ||
decrypt.go | DecryptKeySelection | j.header.hasKid && k.kid != "" && k.kid != j.header.kid { | false {
decrypt.go | DecryptKeySelection | j.header.hasKid && k.kid != "" && k.kid != j.header.kid { | j.header.hasKid && k.kid != j.header.kid {
decrypt.go | DecryptKeySelection | if found != nil { | if false {
decrypt.go | DecryptFaults | if len(j.encryptedKey) > 0 { | if false {
decrypt.go | DecryptFaults | if err != nil || len(cek) != enc.size { | if err != nil {
decrypt.go | ContentKeySubstitute | return random, nil | return random[:0], nil
decrypt.go | ContentKeySubstitute | random := enc.randomKey() | random := make([]byte, enc.size)
decrypt.go | DecryptWithHSM | if err != nil && errors.Is(err, ErrUnavailable) { | if false {
decrypt.go | DecryptWithHSM | if err != nil && errors.Is(err, ErrUnavailable) { | if err != nil {
decrypt.go | DecryptWithHSM | !ok || len(encrypted) != public.Size() { | !ok || public == nil {
decrypt.go | DecryptWithHSM | if len(z) != size || hmac.Equal(z, make([]byte, size)) { | if hmac.Equal(z, make([]byte, size)) {
decrypt.go | DecryptWithHSM | if len(z) != size || hmac.Equal(z, make([]byte, size)) { | if len(z) != size {
decrypt.go | DecryptFaults | if len(iv) != aes.BlockSize || | if
decrypt.go | DecryptFaults | if len(b) != size { | if false {
decrypt.go | DecrypterCopies | k := &DecryptionKey{encs: slices.Clone(encs), kid: kid} | k := &DecryptionKey{encs: encs, kid: kid}
decrypt.go | DecrypterCopies | return &decrypter{slices.Clone(keys)}, nil | return &decrypter{keys}, nil
decrypt.go | NewDecryptionKeyErrors | if key == nil || key.D == nil { | if key == nil {
decrypt.go | NewDecryptionKeyErrors | case key.PublicKey() == nil: | case false:
decrypt.go | ParseDecryptionKey | } else if ok && use != "enc" { | } else if ok && use == "none" {
jwk.go | NewDecryptionKeyErrors | if key == nil || key.N == nil { | if key != nil && key.N == nil {
decrypt.go | DecryptFaults | if s, err := epk.need("kty"); err != nil || s != kty { | if _, err := epk.need("kty"); err != nil {
decrypt.go | DecryptFaults | if len(wrapped)%half != 0 || n < 2 { | if false {
decrypt.go | DecryptFaults | if len(iv) != gcmIVSize || len(tag) != gcmTagSize { | if len(iv) != gcmIVSize {
decrypt.go | DecryptFaults | if len(iv) != gcmIVSize || len(tag) != gcmTagSize { | if len(tag) != gcmTagSize {
decrypt.go | DecryptFaults | len(ciphertext) == 0 || len(ciphertext)%aes.BlockSize != 0 { | false {
decrypt.go | DecryptChanged | if !hmac.Equal(tag, e.mac(key, iv, ciphertext, additional)) { | if false {
decrypt.go | DecryptFaults | if pad == 0 || pad > aes.BlockSize || | if pad > aes.BlockSize ||
decrypt.go | DecryptFaults | if pad == 0 || pad > aes.BlockSize || | if pad == 0 ||
decrypt.go | DecryptFaults | !bytes.Equal(plaintext[len(plaintext)-pad:], bytes.Repeat([]byte{byte(pad)}, pad)) { | false {
decrypt.go | TestDecrypt$|Wycheproof | size, name = enc.size, enc.name | size = enc.size
decrypt.go | RFCKeyAgreement|TestDecrypt$ | return concatKDF(z, name, info[0], info[1], size) | return concatKDF(z, name, "", "", size)
decrypt.go | TestDecrypt$ | MGFHash: k.alg.hash} | MGFHash: crypto.SHA256}
decrypt.go | SecretKey | case size <= sha512.Size384: | case false:
decrypt.go | UnwrapAES | if !hmac.Equal(b[:half], bytes.Repeat([]byte{0xa6}, half)) { | if false {
decrypt.go | DecryptChanged|DecryptFaults | return nil, withOp(opDecrypt, errUndecryptable("the token")) | return nil, withOp(opDecrypt, fail(ErrDecrypt, "", "no"))
jwe.go | EncryptedAnswers | if answer.as != nil { | if false {
jwe.go | EncryptedAnswers | (string(j.header.alg) != as.alg.name || j.enc != as.enc.name) { | (j.enc != as.enc.name) {
jwe.go | EncryptedAnswers | (string(j.header.alg) != as.alg.name || j.enc != as.enc.name) { | (string(j.header.alg) != as.alg.name) {
jwe.go | EncryptedAnswers | case errors.Is(err, ErrDecrypt): | case err != nil && errors.Is(err, ErrDecrypt):\n		return "", err\n	case err != nil && errors.Is(err, ErrSignature):
jwe.go | EncryptedAnswers | ; err != nil || findEncryption(j.enc) == nil { | ; err != nil {
jwe.go | EncryptedAnswers | ; err != nil || findEncryption(j.enc) == nil { | ; err == nil && findEncryption(j.enc) == nil {
jwe.go | EncryptedAnswerGivenUp | case err != nil && ctx.Err() != nil: | case false:
jwe.go | EncryptedAnswers | Kind: ErrUnavailable, Param: "Decrypter" | Kind: ErrDecrypt, Param: "Decrypter"
jwe.go | EncryptedAnswers | case bytes.Count(plaintext, []byte{'.'}) != 2: | case bytes.Count(plaintext, []byte{'.'}) == 100:
jwe.go | EncryptedAnswers|DecryptFaults | if len(raw) > maxToken { | if false {
jwe.go | EncryptedAnswers|DecryptFaults | if len(segments[0]) > maxHeader { | if false {
jwe.go | DecryptChanged | if strings.Count(raw, ".") != len(segments)-1 { | if strings.Count(raw, ".") < len(segments)-1 {
jwe.go | DecrypterConfig | if d == nil { | if false {
jwe.go | DecrypterConfig | ok && !ours.decrypts(a.as) { | ok && a.as != nil && ours == nil {
jwe.go | DecrypterConfig|RequestObject | if enc != "" { | if false {
jwe.go | EncryptedDefault | enc = defaultEncryption | enc = "A128GCM"
jwe.go | EncryptedRequest|RequestObject | case "RSA-OAEP-256", "ECDH-ES": | case "RSA-OAEP-256", "ECDH-ES", "A128KW":
idtoken.go | IDTokenOfAPI | claims.has(name) && (name == "scp" | claims.has(name) && (false
idtoken.go | IDTokenOfAPI | (name == "scp" || x.outside && x.nonce == "") | (name == "scp" || x.outside)
idtoken.go | IDTokenOfAPI | (name == "scp" || x.outside && x.nonce == "") | (name == "scp" || x.nonce == "n")
idtoken.go | TestIdentity | if d.issuer == "" || d.subject == "" { | if false {
token.go | TestIdentity | if id.issuer == "" || id.subject == "" { | if id.issuer == "" {
token.go | TestIdentity | if id.issuer == "" || id.subject == "" { | if id.subject == "" {
accesstoken.go | TestIdentity | case d.subject == "": | case false:
idtoken.go | IDTokenNil | if id == nil || id.d == nil { | if id.d == nil {
json.go | HTTPKeepsLittle | return strings.Clone(s) | return s
json.go | HTTPKeepsLittle | list[i] = o.own(s) | list[i] = s
json.go | HTTPKeepsLittle | sub.nullAbsent, sub.answer = o.nullAbsent, o.answer | sub.nullAbsent = o.nullAbsent
jsonstruct.go | HTTPKeepsLittle | extra[o.own(m.name)] | extra[m.name]
token.go | HTTPKeepsLittle | extra[o.own(m.name)] | extra[m.name]
details.go | HTTPKeepsLittle | sub.answer = o.answer | _ = 0
jsonstruct.go | IDTokenNil | if text == "" { | if false {
idtoken.go | EncryptedAnswers | if raw, err = c.signedToken(ctx, raw, &c.encrypted.idToken); err != nil { | if false {
logout.go | EncryptedAnswers | if token, err = c.signedToken(ctx, token, &c.encrypted.idToken); err != nil { | if false {
userinfo.go | EncryptedAnswers | if token, err = c.signedToken(ctx, token, &c.encrypted.userinfo); err != nil { | if false {
introspection.go | EncryptedAnswers | if d.jwt, err = c.signedToken(ctx, d.jwt, &c.encrypted.introspection); err != nil { | if false {
introspection.go | EncryptedAnswersAsJSON | } else if c.encrypted.introspection.as != nil { | } else if false {
introspection.go | EncryptedAnswersAsJSON | != "" || c.encrypted.introspection.as != nil { | != "" {
callback.go | EncryptedAnswers | response, err := c.signedToken(ctx, params.Get("response"), &c.encrypted.authorization) // | response, err := params.Get("response"), error(nil) //
oauth.go | ZeroValues | if c == nil || c.server == nil {\n		return fail | if c == nil {\n		return fail
oauth.go | EncryptedUserInfoIsSigned | m.UserinfoSignedResponseAlg == "" { | false {
oauth.go | DecrypterConfig | if err := e.answer.check(c.decrypter); err != nil { | if err := e.answer.check(c.decrypter); false {
jwk.go | X25519DoesNotSign | if !ok { // X25519 | if !ok && false { //
# device.go
poll.go | DeviceAnswer|SavedPendingChecks | case strings.ContainsFunc(d.userCode, unprintable): | case false:
device.go | DeviceAnswer | if data.userCode, err = o.need("user_code"); err != nil { | if data.userCode, _, err = o.string("user_code"); err != nil {
device.go | ProviderDevices | if !o.has(member) && o.has("verification_url") { | if false {
device.go | DeviceAnswer | if !o.has(member) && o.has("verification_url") { | if o.has("verification_url") {
device.go | DeviceAnswer | data.verificationURIComplete, err = o.need( | data.verificationURIComplete, _, err = o.string(
device.go | WebURL$|DeviceAnswer | if err := data.validate(opDevice, member); err != nil { | if false {
poll.go | WebURL$|DeviceAnswer|SavedPendingChecks | if _, ok := webURL(page.url); !ok && page.url != "" { | if false {
poll.go | SavedPendingChecks | err = damaged(fresh.validate(op, "verification_uri")) | _ = 0
poll.go | SavedPendingChecks | device && d.notificationToken != "", d.notificationToken | d.notificationToken
poll.go | SavedPendingChecks | d.notificationToken != "" && !isRandom(d.notificationToken), | false,
poll.go | SavedPendingChecks | !device && !slices.Contains(strings.Split(d.scope, " "), "openid"): | false:
device.go | DeviceRequestErrors | setParams(form, r.Params, reservedTokenParams...) | setParams(form, r.Params)
device.go | DeviceRequestErrors | if err := c.checkTokenRequest(r.Scope); err != nil { | if err := error(nil); err != nil {
device.go | PendingRefused | res.expect(http.StatusOK) | res.expect(http.StatusOK, http.StatusCreated)
# errors.go
errors.go | Error|Secret | return strconv.QuoteToASCII(s) | return s
errors.go | ErrorOfToken | if e.token { | if false {
errors.go | ErrorNotOfToken|ErrorKinds | if e.token { | if e.Kind == ErrParse || e.Kind == ErrUnsupported {
jws.go | ErrorOfToken | return nil, ofToken(err) | return nil, err
jws.go | ErrorOfToken | o, err := r.object(v.payload, documentLimits, ErrClaim)\n	return o, ofToken(err) | o, err := r.object(v.payload, documentLimits, ErrClaim)\n	return o, err
jws.go | ErrorOfToken | o, err := parseObject(v.payload, documentLimits, ErrClaim)\n	return o, ofToken(err) | o, err := parseObject(v.payload, documentLimits, ErrClaim)\n	return o, err
jwe.go | ErrorOfToken | return token, ofToken(err) | return token, err
resource.go | ErrorOfToken | return nil, ofToken(err) | return nil, err
resource.go | ErrorOfToken | answered(ofToken(err), | answered(err,
errors.go | PollKinds | return e.Code == "expired_token" | return false
errors.go | PollKinds | case ErrExpired, ErrInvalid: | case ErrExpired:
errors.go | Error|Token | return e.Code == "" | return false
# flight.go
flight.go | JWKS|CallerLeaves | context.WithTimeout(context.WithoutCancel(ctx), limit) | context.WithTimeout(ctx, limit)
flight.go | FlightHangs | time.AfterFunc(limit+flightGrace, | time.AfterFunc(100*limit,
flight.go | FlightEnds | defer func() { // a Goexit | func() { // a Goexit
flight.go | FlightHooks | giveUp.Stop() // before the hooks, which may take long | defer giveUp.Stop() // after the hooks
flight.go | FlightEnds | if v := recover(); v != nil { | if v := any(nil); v != nil {
flight.go | FlightHangs | result, err = land(ctx, result, err, late) | result, err = land(ctx, result, err, false)
flight.go | FlightHooks | time.AfterFunc(hookTime, func() { open(nil) }) | time.AfterFunc(100*hookTime, func() { open(nil) })
flight.go | FlightHooks | hookErr = guarded(f.hooks.run) | hookErr = f.hooks.run()
flight.go | FlightHooks | q == f.hooks && !q.isClosed() | q == f.hooks && false
flight.go | FlightHooks | q == f.hooks && !q.isClosed() | q == f.hooks
flight.go | FlightHooks | if q := hooksOf(ctx); q == nil || !q.add(call) { | if q := hooksOf(ctx); q == nil || q != nil {
flight.go | RotationSurvives | ctx.Done() == nil || q != nil && !q.isClosed() { | ctx.Done() == nil || q != nil && false {
flight.go | FlightEnds | return fmt.Sprintf("a value of type %T", e.value) | return fmt.Sprint(e.value)
flight.go | CallerLeaves | case <-ctx.Done():\n		return &Error | case <-context.Background().Done():\n		return &Error
flight.go | TestDetached$ | case <-ctx.Done():\n	} | case <-context.Background().Done():\n	}
flight.go | TestDetached$ | late(o.result) | _ = late
flight.go | DetachedPanics | panic(o.panic) | _ = 0
flight.go | DetachedPanics | v == http.ErrAbortHandler { | false && v == http.ErrAbortHandler {
flight.go | DetachedPanics | o := outcome{err: goexit()} | o := outcome{}
# grants.go
grants.go | TestGrantErrors | if t == nil || t.RefreshToken.IsZero() { | if t == nil {
grants.go | TestGrantErrors | if t.server != "" && t.server != c.server.Issuer || t.clientID != "" | if t.clientID != ""
grants.go | TestGrantErrors | || t.clientID != "" && t.clientID != c.meta.ClientID { | {
grants.go | RefreshIDToken | r.x.checks.nonce, r.x.checks.nonceRule = nonce, nonceIfPresent | _ = 0
grants.go | RefreshNeedsKeys | if t.known != nil || t.server == "" && c.keysErr == nil { | if false {
grants.go | RefreshIDToken | case first.issuer != "" && t.known.issuer != first.issuer: | case false:
grants.go | RefreshIDToken | case first.subject != "" && t.known.subject != first.subject: | case false:
grants.go | RefreshScopeNeverGranted | if err := opts.checkGranted(granted, t.Scope); err != nil { | if err := error(nil); err != nil {
grants.go | RefreshScopeNeverGranted | strings.Fields(granted), s) && !slices.Contains(now, s) { | strings.Fields(granted), s) {
grants.go | RefreshScopeNeverGranted | if o == nil || granted == "" { | if o == nil {
grants.go | RefreshError | case r.foreign: // | case false: //
grants.go | RefreshError | errors.Is(err, ErrIssuer) || errors.Is(err, ErrAudience) || | errors.Is(err, ErrIssuer) ||
grants.go | RefreshError | if r.refusal().Code != "" { | if false {
grants.go | RotationSurvives | tellRotation(ctx, r.old.RefreshToken, r.rotated) | _ = 0
grants.go | RotationForeign | tellRotation(ctx, r.rotated, r.old.RefreshToken) | _ = 0
grants.go | RefreshKeeps | fresh.RefreshToken = r.old.RefreshToken | _ = 0
grants.go | RefreshKeeps | fresh.known = r.old.known | _ = 0
grants.go | RefreshKeeps | fresh.known.nonce = cmp.Or(fresh.known.nonce, first.nonce) | _ = 0
grants.go | RefreshKeeps | fresh.known.sessionID = cmp.Or(fresh.known.sessionID, first.sessionID) | _ = 0
grants.go | RefreshKeeps | opts.askedScope(granted) | granted
grants.go | RefreshIDToken | maxAge: c.meta.DefaultMaxAge, anyAge: true} | maxAge: c.meta.DefaultMaxAge}
grants.go | RefreshIDToken | nonceRule: nonceIgnored, maxAge: c.meta.DefaultMaxAge, anyAge | nonceRule: nonceIgnored, anyAge
grants.go | TestGrantAnswers | nonceRule: nonceIgnored, maxAge | maxAge
grants.go | TestGrantErrors | case public && grantType == clientCredentialsGrant: | case false:
grants.go | TestGrantErrors|BackchannelRequestErrors | case public && grantType == backchannelGrant: | case false:
token.go | TestGrantErrors | if err := c.checkGrant(form.Get("grant_type")); err != nil { | if err := error(nil); err != nil {
ciba.go | BackchannelRequestErrors | if err := c.checkGrant(backchannelGrant); err != nil { | if err := error(nil); err != nil {
require.go | TestCheckLater | rs.checkAgain(t.d, &need))\n | rs.check(t.d, &need))\n
grants.go | TestGrantErrors | reserved = exchangeParams | _ = exchangeParams
grants.go | TestGrantErrors | "subject_token", "subject_token_type", "actor_token", "actor_token_type", "requested_token_type", "audience", | "subject_token",
grants.go | TestGrantErrors | case x == nil || x.SubjectToken.IsZero(): | case x == nil:
grants.go | TestGrantErrors | case x.SubjectTokenType == "": | case false:
grants.go | TestGrantErrors | case x.ActorToken.IsZero() != (x.ActorTokenType == ""): | case false:
grants.go | TestGrantErrors | case slices.Contains(x.Audience, ""): | case false:
grants.go | TestGrantErrors | if assertion == "" { | if false {
grants.go | TestGrantErrors | case "": | case "x":
grants.go | TestGrantErrors | case "authorization_code", "refresh_token": | case "authorization_code":
grants.go | TestGrantErrors | case "authorization_code", "refresh_token": | case "refresh_token":
grants.go | TestGrantErrors | case "password": | case "x":
grants.go | TestGrantErrors | setParams(form, params, "client_id", "client_secret", "client_assertion", "client_assertion_type") | setParams(form, params)
# http.go
http.go | HTTP | io.LimitReader(res.Body, maxBody+1) | io.LimitReader(res.Body, maxBody)
http.go | CallbackPlace | return nil, fail(ErrParse, "", "the body is longer than %d bytes", limit) | _ = 0
http.go | BackchannelPing | if r == nil { | if false {
http.go | TestPoll$ | return refused.Code == "" && (refused.StatusCode | return (refused.StatusCode
http.go | TestPoll$ | refused.StatusCode == http.StatusTooManyRequests || | false ||
http.go | TestPoll$ | || refused.StatusCode >= 500) | || refused.StatusCode > 502)
http.go | TestPoll$ | return !handshakeRefused(err) && (errors | return (errors
http.go | TestPoll$ | && (errors.Is(err, ErrNetwork) || errors.Is(err, ErrUnavailable)) | && errors.Is(err, ErrUnavailable)
http.go | PollNeedsKeys | && (errors.Is(err, ErrNetwork) || errors.Is(err, ErrUnavailable)) | && errors.Is(err, ErrNetwork)
http.go | LogoutHandler$ | io.LimitReader(r, limit+1) | io.LimitReader(r, limit)
dial.go | MeasuredConn | if c.unasked += n; c.unasked > maxUnasked { | if c.unasked += n; c.unasked > 1<<40 {
dial.go | MeasuredConn | if c.requests > 0 {\n | if false {\n
dial.go | MeasuredConn | for { // two layers | for range 1 { // two layers
flight.go | FlightLands | }); fault != nil { | }); false {
flight.go | DetachedLate | guarded(func() error { late(o.result); return nil }) | late(o.result)
dial.go | MeasuredConn | c.unasked = 0\n | _ = 0\n
dial.go | WireLong | w.ends = append(w.ends, use(info.Conn)) | _ = 0
dial.go | WireFlood | for _, end := range w.ends {\n		end()\n	} | _ = 0
dial.go | TestWireDead | w.transport == t && !monotonic().Before(w.since.Add(silence)) | w.transport == t
dial.go | TestWireDead | (timeout || ctx.Err() != nil && patient) | (timeout && false || ctx.Err() != nil && patient)
dial.go | TestWireDead | (timeout || ctx.Err() != nil && patient) | (timeout || false && patient)
dial.go | TestWireDead | (timeout || ctx.Err() != nil && patient) | (timeout || ctx.Err() != nil && (patient || true))
dial.go | TestWireDead | && network.Timeout() | && false
dial.go | TestWireDead | b.watch.judge(b.ctx, err) | _ = 0
dial.go | TestWirePings | if t.HTTP2.SendPingTimeout == 0 && t.HTTP2.PingTimeout == 0 { | if true {
dial.go | TestWirePings | if t.HTTP2.SendPingTimeout == 0 && t.HTTP2.PingTimeout == 0 { | if false {
dial.go | TestWireCertificate | w.leaf != nil && !bytes.Equal(w.leaf, leaf.Raw) | w.leaf != nil && false && !bytes.Equal(w.leaf, leaf.Raw)
dial.go | TestWireCertificate | && now.After(w.until) | && now.IsZero()
dial.go | TestWireCertificate | case err != nil || w.transport != t: | case err != nil:
dial.go | TestWireCertificate | 		w.bind(w.transport)\n | 		_ = 0\n
dial.go | TestWireCertificate | config != nil && config.GetClientCertificate != nil { | config != nil && false {
dial.go | HTTP | t.ForceAttemptHTTP2 = true | _ = 0
http.go | HTTP | case u.Scheme == "https", u.Scheme == "http" && insecure: | case u.Scheme == "https", insecure:
http.go | HTTP|Token | if r.mediaType == "text/html" { | if false {
http.go | HTTP | r.body[:min(len(r.body), maxErrorBody)] | r.body
http.go | HTTP|Token | if s[i] < 0x21 || s[i] > 0x7e { | if s[i] > 0x7e {
http.go | TestDetached$ | if timeout > 0 { | if false {
http.go | HTTPSwitching | req.Header.Del("Upgrade") | _ = 0
http.go | HTTPSwitching | res.StatusCode == http.StatusSwitchingProtocols && | false &&
http.go | HTTPSwitching | && req.Header.Get("Upgrade") == "" | 
http.go | HTTPFollowed | case res.Request != nil && res.Request.Response != nil: | case false:
http.go | HTTPFollowed|HTTPSwitching | res.Body.Close()\n	return nil, err | return nil, err
http.go | ReplayHTTP2 | if sendAgain(ctx, err) {\n		res | if false {\n		res
dial.go | ReplayHTTP2 | r.GetBody = nil // | _ = 0 //
dial.go | ReplayHTTP | w.cancel(repeatedError{}) | _ = repeatedError{}
dial.go | TestWatch | info.Conn.Close() | _ = 0
dial.go | TestWatch | secure.NetConn().Close() | _ = 0
dial.go | ReplayHTTP2 | !w.answered && (idempotent(req) || !w.wrote || w.direct && w.http1) | true
dial.go | ReplayHTTP2 | !w.answered && (idempotent(req) || | !w.answered && (
dial.go | ReplayForeign | !w.answered && (idempotent(req) || | (idempotent(req) ||
dial.go | ReplayForeign | w.conns == 2 && w.answered && !w.direct | w.answered && !w.direct
dial.go | ReplayForeign | w.conns == 2 && w.answered && !w.direct | false
dial.go | ReplayHTTP2 | strings.Contains(text, "REFUSED_STREAM") || strings.Contains(text, "GOAWAY") | true
dial.go | ReplayHTTP2 | (strings.Contains(text, "REFUSED_STREAM") || strings.Contains(text, "GOAWAY")) | false
dial.go | ProtectedTransports | t.ResponseHeaderTimeout, t.MaxResponseHeaderBytes = 0, maxResourceHeader | _ = 0
http.go | HTTP | case u.User != nil: | case false:
http.go | HTTP|Token | o.has("access_token") { | false {
http.go | HTTP|Trace | func withoutQuery(u *url.URL) string { return u.Scheme + "://" + u.Host + u.EscapedPath() } | func withoutQuery(u *url.URL) string { return u.String() }
http.go | TestRegister$|UpdateRegistration | body, mediaType = bytes.NewReader(r.json), mediaJSON | body = bytes.NewReader(r.json)
http.go | RedactAnswers | res.request, res.sent = r, req.Header | res.request = r
http.go | HTTP|Refusal | size == 0 || size > room { | size == 0 {
http.go | Refusal | bytes.Clone(r.body[:min(len(r.body), maxErrorBody)]) | r.body[:min(len(r.body), maxErrorBody)]
http.go | Refusal | []string{"Www-Authenticate", "Retry-After", "Dpop-Nonce"} | []string(nil)
# idtoken.go
idtoken.go | IDToken | if claims.has("events") { | if false {
idtoken.go | IDToken | case "at+jwt", "dpop+jwt", "logout+jwt", "token-introspection+jwt", "oauth-authz-req+jwt", "secevent+jwt": | case "nothing":
idtoken.go | IDToken | if iss != want { | if false {
idtoken.go | IDToken | if !isGUID(tid) { | if false {
idtoken.go | IDToken | if template && !rule.accept(iss, tid) { | if false {
idtoken.go | IDTokenKeyIssuer | if owner != "" && strings.ReplaceAll | if false && strings.ReplaceAll
idtoken.go | IDToken | case !ok || len(aud) == 0: | case ok && false:
idtoken.go | IntrospectJWT | case !ok || len(aud) == 0: | case ok && false:
idtoken.go | VerifyLogoutToken | case !ok || len(aud) == 0: | case ok && false:
idtoken.go | IDToken | case !slices.Contains(aud, c.meta.ClientID): | case false:
idtoken.go | IntrospectJWT | case !slices.Contains(aud, c.meta.ClientID): | case false:
idtoken.go | VerifyLogoutToken | case !slices.Contains(aud, c.meta.ClientID): | case false:
idtoken.go | IDToken | case slices.Contains(aud, ""): | case false:
idtoken.go | IDToken | case !ok && len(aud) > 1: | case false:
idtoken.go | IDToken | case !ok, outside && len(aud) == 1: | case !ok, outside:
idtoken.go | IDToken | case !ok, outside && len(aud) == 1: // | case !ok: //
idtoken.go | IDToken | case azp != c.meta.ClientID: | case azp == "":
idtoken.go | IDToken | return fail(ErrClaim, "iat", "is missing") | return nil
idtoken.go | IDToken | if x.frontend {\n | if false {\n
idtoken.go | IDToken | c.meta.RequireAuthTime | false
idtoken.go | IDToken | if err := c.clock.checkNotAhead("auth_time", id.authTime); err != nil { | if false {
idtoken.go | IDToken | return c.clock.checkAge("auth_time", id.authTime, seconds(*x.maxAge)) | return nil
idtoken.go | IDToken | return exp, fail(ErrClaim, "exp", "is missing") | return exp, nil
idtoken.go | IDToken | if err := clock.checkExpiry("exp", exp); err != nil { | if false {
idtoken.go | IDToken | return exp, checkStart(claims, clock) | return exp, nil
idtoken.go | IDToken | if err := checkIfPresent(claims, "nbf", clock, Clock.checkNotBefore); err != nil { | if false { var err error
proof.go | TestProof$ | if err := checkIfPresent(claims, "exp", rs.clock, Clock.checkExpiry); err != nil { | if false { var err error
proof.go | TestProof$ | if err := checkIfPresent(claims, "nbf", rs.clock, Clock.checkNotBefore); err != nil { | if false { var err error
idtoken.go | IDToken | return checkIfPresent(claims, "iat", clock, Clock.checkNotAhead) | return nil
idtoken.go | IDToken | case ok && x.nonce == "": | case false:
idtoken.go | RefreshIDToken | case x.nonceRule == nonceIgnored, x.nonceRule == nonceIfPresent && !ok: | case x.nonceRule == nonceIgnored:
idtoken.go | RefreshIDToken | case x.nonceRule == nonceIgnored, x.nonceRule == nonceIfPresent && !ok: | case x.nonceRule != nonceEqual:
idtoken.go | RefreshIDToken | if x.maxAge != nil && !x.anyAge && !since { | if x.maxAge != nil && !since {
idtoken.go | IDToken | case !sameSecret(nonce, x.nonce): | case false:
idtoken.go | IDToken | case !ok && required: | case false:
idtoken.go | VerifyIDToken | x.nonceRule = nonceIgnored\n | _ = x\n
idtoken.go | VerifyIDToken | if x.maxAge != nil && *x.maxAge < 0 { | if false {
idtoken.go | IDToken | if !sameSecret(got, encodeBase64URL(h[:len(h)/2])) { | if got == "" && h != nil {
# introspection.go
introspection.go | EndpointOptionsErrors | if token == "" { | if false {
introspection.go | EndpointOptionsErrors | if err := checkHeader(o.Header); err != nil { | if err := error(nil); err != nil {
introspection.go | EndpointOptionsErrors | "token_type_hint", "client_id", "client_secret", "client_assertion", "client_assertion_type") | "token_type_hint", "client_id", "client_secret")
introspection.go | EndpointOptionsErrors | "token_type_hint", "client_id", "client_secret", "client_assertion", "client_assertion_type") | "client_id", "client_secret", "client_assertion", "client_assertion_type")
introspection.go | IntrospectRequest | form.Set("token_type_hint", o.TokenTypeHint) | _ = 0
introspection.go | IntrospectRequest | accept = mediaIntrospectionJWT | _ = 0
introspection.go | IntrospectMembers | return slices.Clone(i.data().scope) | return i.data().scope
introspection.go | IntrospectMembers | return slices.Clone(i.data().audience) | return i.data().audience
details.go | IntrospectMembers|AccessTokenAccessors | list = slices.Clone(list) | _ = 0
introspection.go | IntrospectMembers | return cloneDetails(i.data().details) | return i.data().details
details.go | IntrospectMembers | *field = slices.Clone(*field) | _ = field
details.go | IntrospectMembers | d.Extra = maps.Clone(d.Extra) | _ = maps.Clone(d.Extra)
details.go | IntrospectMembers | &d.Locations, &d.Actions, &d.DataTypes, &d.Privileges | &d.Locations, &d.Actions, &d.DataTypes
introspection.go | SecretTypes | func (i Introspection) Format(f fmt.State, _ rune) { fmt.Fprint(f, i.summary()) } | func (i Introspection) Format(f fmt.State, _ rune) { fmt.Fprint(f, i.Username()) }
introspection.go | SecretTypes | return nil, fail(ErrConfig, "", "an Introspection does not encode itself | return []byte("{}"), nil; return nil, fail(ErrConfig, "", "an Introspection does not encode itself
introspection.go | IntrospectJSON | if err := res.expect(http.StatusOK); err != nil { | if err := res.expect(http.StatusOK, http.StatusCreated); err != nil {
introspection.go | IntrospectJWT | } else if c.meta.IntrospectionSignedResponseAlg != "" { | } else if false {
introspection.go | IntrospectJSON | return nil, fail(o.kind, "active", "is missing") | _ = 0
introspection.go | IntrospectJSON | case !active: | case !active && false:
introspection.go | IntrospectJSON | {"iss", &d.issuer}, {"sub", &d.subject}, {"client_id", &d.clientID}, | {"iss", &d.issuer}, {"sub", &d.subject},
introspection.go | IntrospectJSON | {"token_type", &d.tokenType}, {"jti", &d.id}, | {"token_type", &d.tokenType},
introspection.go | IntrospectJSON | {{"exp", &d.expiry}, {"iat", &d.issuedAt}, {"nbf", &d.start}} | {{"exp", &d.expiry}, {"iat", &d.issuedAt}}
introspection.go | IntrospectJSON | if d.scope, err = tokenScope(o, ""); err != nil { | if d.scope, _ = tokenScope(o, ""); false {
introspection.go | IntrospectJSON | if d.audience, _, err = o.strings("aud", true); err != nil { | if d.audience, _, _ = o.strings("aud", true); false {
introspection.go | IntrospectJSON | if d.details, err = o.authorizationDetails(); err != nil { | if d.details, _ = o.authorizationDetails(); false {
introspection.go | IntrospectJSON | d.confirm, err = readConfirmation(o) | d.confirm, _ = readConfirmation(o)
introspection.go | IntrospectJSON | if *m.dst, err = cnf.need(m.name); err != nil { | if *m.dst, _, err = cnf.string(m.name); err != nil {
introspection.go | IntrospectMembers | {{"jkt", &c.jkt}, {"x5t#S256", &c.x5t}} | {{"jkt", &c.jkt}}
introspection.go | IntrospectJWT | return typ == "token-introspection+jwt" } | return typ == "token-introspection+jwt" || typ == "jwt" }
introspection.go | IntrospectJWT | return typ == "token-introspection+jwt" } | return typ == "token-introspection+jwt" || typ == "" }
introspection.go | IntrospectJWT | return typ == "token-introspection+jwt" } | return idTokenType(typ) || typ == "token-introspection+jwt" }
introspection.go | IntrospectJWTDefault | "Server.IntrospectionSigningAlgValues", c.server.IntrospectionSigningAlgValues, RS256) | "Server.IntrospectionSigningAlgValues", c.server.IntrospectionSigningAlgValues, "")
introspection.go | IntrospectJWT | "Server.IntrospectionSigningAlgValues", c.server.IntrospectionSigningAlgValues, RS256) | "Server.IntrospectionSigningAlgValues", nil, RS256)
introspection.go | IntrospectJWT | c.meta.IntrospectionSignedResponseAlg,\n | c.meta.IDTokenSignedResponseAlg,\n
introspection.go | IntrospectJWT | if _, err := c.checkIssuer(claims, v.key); err != nil { | if false {
introspection.go | IntrospectJWT | if _, err := c.audienceOf(claims); err != nil { | if false {
introspection.go | IntrospectJWT | return o, fail(ErrClaim, "iat", "is missing") | _ = 0
introspection.go | IntrospectJWT | _, err = checkLifetime(claims, c.clock) | _ = 0
introspection.go | IntrospectJWT | err = checkStart(claims, c.clock) | _ = 0
introspection.go | IntrospectJWT | err = fail(ErrClaim, "token_introspection", "is missing") | o = claims
introspection.go | IntrospectMembers | d.payload, _ = claims.get("token_introspection") | d.payload = v.payload
# json.go
json.go | JSON | if r.pos != len(text) { | if false {
json.go | JSON | _, duplicate = r.seen[nameInObject{depth, name}] | _ = 0
json.go | JSON | duplicate = slices.Contains(open, name) | _ = 0
json.go | JSON | len(open) >= r.perObj || | false ||
json.go | JSON|Header | || r.inAll < 0 { | {
json.go | JSON | delete(r.seen, nameInObject{depth, name}) | _ = name
jsonstruct.go | JSON | r.folding = true | r.folding = false
json.go | JSON|Base64|JWS | base64.RawURLEncoding.Strict().AppendDecode | base64.RawURLEncoding.AppendDecode
json.go | JSON | !o.nullAbsent || raw != "null" | true
json.go | JSON | return 0, true, fail(o.kind, name, "is negative") | return 0, true, nil
json.go | JSON | return maxNumericDate, true, nil | return 0, true, o.wrong(name, "a number")
json.go | JSON | (!ok || t.Before(unixTime(0))): | (ok && t.Before(unixTime(0))):
json.go | JSON | if raw == "" || strings.Trim(raw, "0123456789") != "" { | if raw == "" {
json.go | JWSBase64Strict | < 0 && bytes.IndexByte(src, '\r') < 0 { | < 0 {
json.go | JWSBase64Strict | base64.RawURLEncoding.Strict().AppendDecode(dst, src) | base64.RawURLEncoding.AppendDecode(dst, src)
json.go | JWSBase64Strict | if bytes.IndexByte(src, | if -1+0*bytes.IndexByte(src,
json.go | JWSBase64Strict|FuzzBase64URL | base64.RawURLEncoding.Strict().AppendDecode(dst, src) | base64.RawURLEncoding.Strict().AppendDecode(dst, bytes.TrimRight(src, "="))
json.go | JWK|JWKS|KeySet | if len(elems) == limit { | if false {
json.go | JSON | if duplicate { | if duplicate && name == "" {
json.go | JSON|Base64 | && bytes.IndexByte(src, '\r') < 0 { | {
json.go | JSON | if !utf8.ValidString(text) { | if !utf8.ValidString("") {
json.go | JSON | utf16.DecodeRune(u, low) == unicode.ReplacementChar { | low == 0 {
# jsonstruct.go
jsonstruct.go | Metadata|Discover | if m.raw == "null" && | if false &&
jsonstruct.go | Collision | known { | known && false {
jsonstruct.go | JSON|Metadata | tag == name && tag != "-" | strings.EqualFold(tag, name) && tag != "-"
# jwk.go
jwk.go | ThumbprintAKP | names = []string{"alg", "kty", "pub"} | names = []string{"kty", "pub"}
jwk.go | MLDSAMissing | if err := notBuiltIn("alg", alg); err != nil { | if err := notBuiltIn("alg", alg); false {
jwk.go | MLDSA | key, err = newMLDSAPublicKey(Algorithm(alg), pub) | _, _ = newMLDSAPublicKey(Algorithm(alg), pub)
jwk.go | TestPublicJWK$ | if len(pub) != size { | if len(pub) > size {
jwk.go | TestPublicJWK$ | if size == 0 { | if size < 0 {
jwk.go | TestPublicJWK$ | if alg, err = o.need("alg"); err != nil { | if alg, _, err = o.string("alg"); err != nil {
jwk.go | TestPublicJWK$|MLDSAMissing | return 2592 | return 2420
resource.go | ZeroValues | if rs == nil || r == nil { | if rs == nil {
resource.go | MLDSANotAnnounced | for _, a := range usableAlgorithms() { | for _, a := range algorithms {
jwk.go | FIPSProcess | case key.E <= 1<<16: // | case key.E < 3: //
jwk.go | FIPSProcess | case key.N.BitLen()%2 != 0: // | case false: //
jwk.go | FIPSProcess | return fail(ErrUnsupported, "e", | return fail(kind, "e",
jwk.go | KeySelection | (k.ops == nil || slices.Contains(k.ops, "verify")) && | (len(k.ops) == 0 || slices.Contains(k.ops, "verify")) &&
jwk.go | KeySelection | (k.ops == nil || slices.Contains(k.ops, "verify")) && | true &&
jwk.go | KeySelection | (k.use == "" || k.use == "sig") && | true &&
jwk.go | KeySelection | return k.kty == a.kty && k.crv == a.crv && | return k.kty == a.kty &&
jwk.go | KeySelection|EdDSANames | (k.alg == "" || k.alg == a.name) | true
jwk.go | NewSigningKeyErrors | if err := checkRSA(ErrConfig, key); err != nil { | if err := checkRSA(ErrConfig, key); err == ErrConfig {
jwk.go | NewSigningKeyErrors | if signer == nil { | if false {
jwk.go | NewSigningKeyErrors | kty != a.kty || crv != a.crv { | kty != a.kty || crv == "x" {
jwk.go | ParseSigningKeyErrors | !public.Equal(ed25519.NewKeyFromSeed(d).Public()) { | public == nil {
jwk.go | ParseSigningKeyErrors | cannot be read", block.Type) | cannot be read", block.Bytes)
jwk.go | ParseSigningKeyErrors | case "ENCRYPTED PRIVATE KEY": | case "x":
jwk.go | ParseSigningKeyErrors | if block.Headers["DEK-Info"] != "" { | if false {
jwk.go | ParseSigningKeyErrors | if err != nil || !key.PublicKey.Equal(public) { | if err != nil || public == nil {
jwk.go | ParseSigningKeyErrors | if err := key.Validate(); err != nil { | if false {
jwk.go | ParseSigningKeyErrors | if len(d) != ed25519.SeedSize || !public | if !public
jwk.go | ParseSigningKeyErrors | if len(d) != ed25519.SeedSize || !public | if len(d) == 0 || !public
jwk.go | ParseSigningKeyErrors | if o.has("oth") { | if false {
jwk.go | ParseSigningKeyForms|ParseDecryptionKey | if err == nil && *alg == "" { | if err == nil {
jwk.go | ParseSigningKeyForms|ParseDecryptionKey | if err == nil && *keyID == "" { | if err == nil {
jwk.go | PublicJWK | {"d", "k", "priv", "p", | {"d", "k", "p",
jwk.go | PublicJWK | "p", "q", "dp", | "p", "dp",
jwk.go | PublicJWK | "p", "q", "dp", | "q", "dp",
jwk.go | PublicJWK | {"d", "k", "priv", | {"d", "priv",
jwk.go | PublicJWK | {"d", "k", "priv", | {"k", "priv",
jwk.go | PublicJWK | case "P-521":\n | case "P-521", "P-224":\n
jwk.go | PublicJWK | case bits < minRSABits || bits > maxRSABits: | case bits < minRSABits-1 || bits > maxRSABits:
jwk.go | PublicJWK | case bits < minRSABits || bits > maxRSABits: | case bits < minRSABits:
jwk.go | PublicJWK | case bits < minRSABits || bits > maxRSABits: | case bits > maxRSABits:
jwk.go | PublicJWK | case key.E&1 == 0 || key.E < 3: | case key.E < 3:
jwk.go | PublicJWK | case key.E&1 == 0 || key.E < 3: | case key.E&1 == 0:
jwk.go | PublicJWK | case key.N.Bit(0) == 0: | case false:
jwk.go | PublicJWK | if crv != "Ed25519" { | if curveByName(crv) != nil {
jwk.go | PublicJWK | if exp.BitLen() > 31 { | if exp.BitLen() > 32 {
jwk.go | PublicJWK | if exp.BitLen() > 31 { | if false {
jwk.go | PublicJWK | if len(b) != size { | if false {
jwk.go | PublicJWK | if len(b) != size { | if len(b) < size {
jwk.go | PublicJWK | if len(x) != ed25519.PublicKeySize { | if len(x) < ed25519.PublicKeySize {
jwk.go | RFC7638 | sum := sha256.Sum256(minimalJWK(key))\n | sum := sha256.Sum256(minimalJWK(key)); sum[0]++\n
jwk.go | SigningKeyPublicJWK | b = append(b, `,"use":"sig"`...) | _ = 0
jwk.go | SigningKeyPublicJWK | return NewSigningKey(signer, alg, thumbprint(signer.Public())) | return NewSigningKey(signer, alg, "")
jwk.go | SmallOrder | if smallOrder(x) { | if false {
jwk.go | SmallOrder | y[31] &= 0x7f | _ = 0
jwk.go | SmallOrder | {1}, // order 1 | {2}, // order 1
jwk.go | SmallOrder | {},  // order 4 | {2},  // order 4
jwk.go | FIPS | case key.E <= 1<<16: | case false:
# jwks.go
jwks.go | HeaderMemo | len(segment) > maxMemoHeader || | false ||
jwks.go | HeaderMemo | len(segment) > maxMemoHeader || | len(segment) >= maxMemoHeader ||
jwks.go | HeaderMemo | return e.header, e.key | _ = e; return nil, nil
jwks.go | HeaderMemoDropped | !slices.Contains(snap.keys, key) { | slices.Contains(snap.keys[:0], key) {
jwks.go | KeySelection | if !k.fits(alg) {\n | if false {\n
jwks.go | KeySelection | if h.hasKid && k.kid != h.kid {\n | if false {\n
jwks.go | KeySelection | if h.hasKid && k.kid != h.kid {\n | if h.hasKid && k.kid != "" && k.kid != h.kid {\n
jwks.go | KeySelection | if h.hasKid && k.kid != h.kid {\n | if h.kid != "" && k.kid != h.kid {\n
jwks.go | KeySelection | return nil, false, fail(ErrKeyNotFound, "kid", "several keys | return key, false, nil; return nil, false, fail(ErrKeyNotFound, "kid", "several keys
jwks.go | KeySelection | return nil, false, fail(ErrKeyNotFound, "kid", "the token names no key, and several | return key, false, nil; return nil, false, fail(ErrKeyNotFound, "kid", "the token names no key, and several
jwks.go | KeySetErrors | arrayElements(raw, maxKeys) | arrayElements(raw, maxKeys+1)
jwks.go | KeySetErrors | arrayElements(raw, maxKeys) | arrayElements(raw, maxKeys-1)
jwks.go | KeySetErrors | if !slices.ContainsFunc(snap.keys, func(k *publicKey) bool { return k.use != "enc" }) { | if false {
jwks.go | KeySetErrors | if len(document) > maxBody { | if false {
jwks.go | KeySetErrors | return k.use != "enc" }) { | return true }) {
jwks.go | KeySetSkips | if h.hasKid && k.kid == h.kid { | if false {
jwks.go | KeySetSkips | snap.skipped = append(snap.skipped, skippedKey{strings.Clone(key.kid), err}) | _ = err
jwks.go | KeySetSkips | snap.skipped = append(snap.skipped, skippedKey{strings.Clone(key.kid), err}) | return nil, err
jwks.go | JWKSUnknown | if snap.number > asked {\n | if false {\n
jwks.go | JWKSUnknown | if f.err != nil && number > asked { | if f.err != nil && number > 0 {
jwks.go | JWKSUnknown | s.charge(s.payer, snap)\n | _ = 0\n
jwks.go | JWKSUnknown | s.settle(snap, from)\n | _ = 0\n
jwks.go | JWKSUnknown | case from == fromServer && !at.After(now.Add(b.interval)): | case !at.After(now.Add(b.interval)):
jwks.go | JWKSUnknown | case from == fromServer && !at.After(now.Add(b.interval)): | case from == fromServer:
jwks.go | JWKSUnknown | return &s.budgets[from-1] | return &s.budgets[1]
jwks.go | JWKSUnknown | if backingOff {\n | if false {\n
jwks.go | JWKSUnknown | b.whole.After(spent) { | false {
userinfo.go | JWKSSources | verifyJWS(ctx, token, keys, fromServer, | verifyJWS(ctx, token, keys, fromAnybody,
introspection.go | JWKSSources | verifyJWS(ctx, d.jwt, keys, fromServer, | verifyJWS(ctx, d.jwt, keys, fromAnybody,
callback.go | JWKSSources | verifyJWS(ctx, response, keys, fromAnybody, | verifyJWS(ctx, response, keys, fromServer,
callback.go | JWKSSources | c.verifyIDToken(ctx, raw, fromAnybody, | c.verifyIDToken(ctx, raw, fromServer,
idtoken.go | JWKSSources | c.verifyIDToken(ctx, raw, fromAnybody, x) | c.verifyIDToken(ctx, raw, fromServer, x)
logout.go | JWKSSources | verifyJWS(ctx, token, keys, fromAnybody, | verifyJWS(ctx, token, keys, fromServer,
resource.go | JWKSSources | verifyJWS(ctx, raw, s.keys, fromAnybody, | verifyJWS(ctx, raw, s.keys, fromServer,
jwks.go | JWKS | min(keySoftAge, max(age, minKeySoftAge)) | max(age, minKeySoftAge)
jwks.go | JWKS|KeySet|JWS | if h.hasKid && k.kid != h.kid { | if false {
jwks.go | JWKS | case stamp.After(now.Add(maxAhead)): // | case false: //
jwks.go | JWKS | (s.uri == "" || snap.fetched.age() < snap.softAge) { | true {
jwks.go | JWKSIdle | (failing || age < 2*snap.softAge) { | (failing || true) {
jwks.go | JWKSIdle | (failing || age < 2*snap.softAge) { | (failing && false || age < 2*snap.softAge) {
jwks.go | JWKSIdle | failing := s.failures > 0 && s.failed.age() < keySoftAge | failing := s.failures > 0
jwks.go | JWKSIdle | if err != nil && (snap == nil || snap.fetched.age() >= s.maxAge) { | if err != nil {
clock.go | MomentAge|JWKSIdle | max(now.Sub(m.monotonic), now.Round(0).Sub(m.wall)) | now.Sub(m.monotonic)
clock.go | MomentAge|JWKSIdle | max(now.Sub(m.monotonic), now.Round(0).Sub(m.wall)) | now.Round(0).Sub(m.wall)
jwks.go | JWKS | min(keySoftAge, max(age, minKeySoftAge)) | min(keySoftAge, age)
jwks.go | JWKSImport | case stamp.After(now.Add(maxAhead)): // | case false: //
jwks.go | JWKSImport | case fetched.age() >= softAge: | case fetched.age() >= 100*softAge:
jwks.go | JWKSImport | old.fetched.age() < least { | least < 0 {
jwks.go | JWKSImport | if stamp.After(now) {\n | if false {\n
jwks.go | JWKSImport | softAge = min(keySoftAge, max(seconds(maxAge), minKeySoftAge)) | softAge = max(keySoftAge, seconds(maxAge))
jwks.go | JWKSEncryption | (k.alg == "" || string(k.alg) == x.alg.name) | true
jwks.go | JWKS|MTLS|CertificateNot | newCaller(withoutClientCertificate(o.HTTPClient), | newCaller(o.HTTPClient,
jwks.go | JWKS | if age := snap.fetched.age(); age < s.maxAge && | if age := snap.fetched.age(); true &&
jwks.go | JWKS | (snap == nil || snap.fetched.age() >= s.maxAge) { | snap == nil {
jwks.go | JWKS | if s.failures > 0 && monotonic().Before(s.retryAt) { | if false {
# jws.go
jws.go | ECDSAShort | if len(sig) != a.size { | if len(sig) > a.size {
jws.go | ECDSASignatureConversion | body >= 0x80 { | body > 0x80 {
jws.go | ECDSASignatureConversion | n = bytes.TrimLeft(n, "\x00") | n = bytes.TrimLeft(n, "\xff")
jws.go | ECDSASignatureConversion | pad := len(n) == 0 || n[0] >= 0x80 | pad := len(n) == 0
jws.go | ECDSASignatureForms | if len(sig) != a.size { | if ecdsa.VerifyASN1(key, sum(a.hash, input, &buf), sig) { return true }; if len(sig) != a.size {
jws.go | ECDSASignatureForms | if len(sig) != a.size { | if len(sig) < a.size {
jws.go | HeaderMemo | alg, err := rules.check(header) | alg, err := rules.check(header); if key != nil { alg, err = findAlgorithm(header.alg), nil }
jws.go | HeaderMemo | keys.remember(segments[0], header, key) | _ = 0
jws.go | HeaderMemo|FuzzJWS | v, err := p.verify(alg, key) | keys.remember(segments[0], header, key); v, err := p.verify(alg, key)
jws.go | JWS | if !verifySignature(alg, key.key, p.input, p.sig) { | if false {
jws.go | JWSAlgorithms | if !a.pss {\n | if !a.pss || rsa.VerifyPKCS1v15(key, a.hash, digest, sig) == nil {\n
jws.go | JWSAlgorithms | return rsa.VerifyPKCS1v15(key, a.hash, digest, sig) == nil | return rsa.VerifyPKCS1v15(key, a.hash, digest, sig) == nil || rsa.VerifyPSS(key, a.hash, digest, sig, nil) == nil
jws.go | JWSDots | case 2: | case 1, 2:
jws.go | JWSDots | case 4: | case 3, 4:
jws.go | JWSDots | case 4: | case 44:
jws.go | JWSHeader | [...]string{"crit", "b64", "zip"} | [...]string{"b64", "zip"}
jws.go | JWSHeader | [...]string{"crit", "b64", "zip"} | [...]string{"crit", "b64"}
jws.go | JWSHeader | [...]string{"crit", "b64", "zip"} | [...]string{"crit", "zip"}
jws.go | JWSHeader | alg, err := o.need("alg") | alg, _, err := o.string("alg")
jws.go | JWSHeader | kid, hasKid, err := o.string("kid") | kid, hasKid, _ := o.string("kid")
jws.go | JWSHeader | o, err := r.object(string(b), headerLimits, ErrParse) | o, err := r.object(string(b), documentLimits, ErrParse)
jws.go | JWSHeader | typ, _, err := o.string("typ") | typ, _, _ := o.string("typ")
jws.go | JWSLengthCaps | if len(header) > maxHeader { | if false {
jws.go | JWSLengthCaps | if len(header) > maxHeader { | if len(header) >= maxHeader {
jws.go | JWSLengthCaps | if len(raw) > maxToken { | if false {
jws.go | JWSLengthCaps | if len(raw) > maxToken { | if len(raw) > maxToken+1 {
jws.go | JWSLengthCaps | if len(raw) > maxToken { | if len(raw) >= maxToken {
jws.go | JWSMutations | &parsedJWS{segments[0], buf[:signed], | &parsedJWS{segments[0], buf[:signed-1],
jws.go | NormalType | && !strings.Contains(sub, "/") { | {
jws.go | NormalType|RefusedBeforeKeyLookup | strings.CutPrefix(typ, "application/"); ok && | strings.CutPrefix(typ, "application/"); !ok && sub == "" &&
jws.go | NormalType|RefusedBeforeKeyLookup | typ = strings.ToLower(typ) | _ = 0
jws.go | PSSSaltLength | return rsa.VerifyPSS(key, a.hash, digest, sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil | return rsa.VerifyPSS(key, a.hash, digest, sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto}) == nil
jws.go | RefusedBeforeKeyLookup | if !slices.Contains(rules.allowed, h.alg) { | if !slices.ContainsFunc(rules.allowed, func(a Algorithm) bool { return strings.EqualFold(string(a), string(h.alg)) }) {
jws.go | RefusedBeforeKeyLookup|HeaderMemo | if !slices.Contains(rules.allowed, h.alg) { | if findAlgorithm(h.alg) == nil && !slices.Contains(rules.allowed, h.alg) {
jws.go | RefusedBeforeKeyLookup|Memo | if !rules.typ(h.typ) { | if false {
jws.go | SignJWT | if kid != "" {\n | if true {\n
jws.go | SignJWT | if payload[0] != '{' { | if false {
jws.go | SignJWT | typ = "JWT" | typ = "jwt"
jws.go | SignerErrors | der, err := k.signer.Sign(rand.Reader, sum(a.hash, input, &buf), a.hash) | der, _ := k.signer.Sign(rand.Reader, sum(a.hash, input, &buf), a.hash); var err error
jws.go | SignerErrors | if rest, err := asn1.Unmarshal(der, &sig); err != nil || len(rest) > 0 || | if _, err := asn1.Unmarshal(der, &sig); err != nil ||
jws.go | SignerErrors | sig.R.Sign() <= 0 || sig.S.Sign() <= 0 || | sig.R.Sign() < 0 || sig.S.Sign() <= 0 ||
jws.go | SignerErrors | sig.R.Sign() <= 0 || sig.S.Sign() <= 0 || | sig.R.Sign() <= 0 || sig.S.Sign() == 0 ||
jws.go | SignerErrors | || sig.R.BitLen() > size*4 || sig.S.BitLen() > size*4 { | || sig.R.BitLen() > size*4 {
jws.go | SignerErrors | || sig.R.BitLen() > size*4 || sig.S.BitLen() > size*4 { | || sig.S.BitLen() > size*4 {
jws.go | SignerOptions|JWSAlgorithms | opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: a.hash} | opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto, Hash: a.hash}
jws.go | SignJWT | if k == nil || k.alg == nil { | if false {
# logout.go
logout.go | EndSessionURL | if err := c.checkToken(e.Token); err != nil { | if err := error(nil); err != nil {
logout.go | EndSessionURL | if hint = e.Token.IDTokenHint(); hint == "" { | if hint = e.Token.IDTokenHint(); false {
logout.go | EndSessionURL | if err := checkRedirectURI("PostLogoutRedirectURI", e.PostLogoutRedirectURI, c.caller.insecure); err != nil { | if err := error(nil); err != nil {
logout.go | EndSessionURL | } else if e.State != "" { | } else if false {
logout.go | EndSessionURL | {"state", e.State}, | {"state", ""},
logout.go | ZeroValues | if c.made() != nil {\n | if false {\n
logout.go | EndSessionURL | {"client_id", "id_token_hint", "logout_hint", "post_logout_redirect_uri", | {"client_id", "logout_hint", "post_logout_redirect_uri",
logout.go | EndSessionURL | {"client_id", "id_token_hint", "logout_hint", "post_logout_redirect_uri", | {"client_id", "id_token_hint", "logout_hint",
logout.go | EndSessionURL | return c.browserURL(endSessionEndpoint, form, | return c.browserURL(authorizationEndpoint, form,
logout.go | SecretTypes | func (t LogoutToken) Format(f fmt.State, _ rune) { fmt.Fprint(f, t.summary()) } | func (t LogoutToken) Format(f fmt.State, _ rune) { fmt.Fprint(f, t.Subject()) }
logout.go | SecretTypes | return nil, fail(ErrConfig, "", "a LogoutToken does not encode itself") | return []byte("{}"), nil; return nil, fail(ErrConfig, "", "a LogoutToken does not encode itself")
logout.go | VerifyLogoutToken | return typ == "logout+jwt" || typ == "jwt" || typ == "" } | return true }
logout.go | VerifyLogoutToken | return typ == "logout+jwt" || typ == "jwt" || typ == "" } | return typ == "logout+jwt" || typ == "jwt" }
logout.go | VerifyLogoutToken | return typ == "logout+jwt" || typ == "jwt" || typ == "" } | return typ == "logout+jwt" || typ == "" }
logout.go | VerifyLogoutToken | &jwsRules{allowed: c.idTokens.allowed, | &jwsRules{allowed: []Algorithm{ES256},
logout.go | VerifyLogoutToken | if d.issuer, err = c.checkIssuer(claims, v.key); err != nil { | if d.issuer, _, err = claims.string("iss"); err != nil {
logout.go | VerifyLogoutToken | if _, err := c.audienceOf(claims); err != nil { | if false {
logout.go | VerifyLogoutToken | if d.expiry, err = checkLifetime(claims, c.clock); err != nil { | if d.expiry, _, err = claims.date("exp"); err != nil {
logout.go | VerifyLogoutToken | return nil, fail(ErrClaim, "iat", "is missing") | _ = 0
logout.go | VerifyLogoutToken | if err := c.clock.checkAge("iat", d.issuedAt, logoutTokenAge); err != nil { | if false {
logout.go | VerifyLogoutToken | if d.id, err = claims.need("jti"); err != nil { | if d.id, _, err = claims.string("jti"); err != nil {
logout.go | VerifyLogoutToken | if err := checkLogoutEvent(claims); err != nil { | if false {
logout.go | VerifyLogoutToken | if claims.has("nonce") { | if n, _, _ := claims.string("nonce"); n != "" {
logout.go | VerifyLogoutToken | events, ok, err := claims.object("events") | events, ok, err := claims.object("events"); err = nil
logout.go | VerifyLogoutToken | _, ok, err = events.object(logoutEvent) | ok = events.has(logoutEvent)
logout.go | VerifyLogoutToken | _, ok, err = events.object(logoutEvent) | _ = events
logout.go | VerifyLogoutToken | if *m.dst, err = claims.need(m.name); err != nil { | if *m.dst, _, err = claims.string(m.name); err != nil {
logout.go | VerifyLogoutToken | if d.subject == "" && d.sessionID == "" { | if false {
logout.go | LogoutHandlerNeeds | panic("oauth: LogoutHandler: OnLogout is nil") | _ = 0
logout.go | LogoutHandler | w.Header().Set("Cache-Control", "no-store") | _ = 0
logout.go | LogoutHandlerMethods | if r.Method != http.MethodPost { | if r.Method == http.MethodGet {
logout.go | LogoutHandlerMethods | w.Header().Set("Allow", http.MethodPost) | _ = 0
logout.go | LogoutHandler | w.WriteHeader(http.StatusBadRequest) | w.WriteHeader(http.StatusUnauthorized)
logout.go | LogoutHandlerCallbackFails | if errors.Is(err, errLogoutFailed) || errors.Is(err, ErrUnavailable) { | if errors.Is(err, ErrUnavailable) {
logout.go | LogoutHandlerFormWasRead|LogoutHandler$ | params, err := formParams(r) | err := r.ParseForm(); params := r.Form
logout.go | LogoutHandler$ | if len(params["logout_token"]) != 1 { | if len(params["logout_token"]) == 0 {
logout.go | LogoutHandlerUntil | if t.d.expiry.Before(until) { | if false {
logout.go | LogoutHandlerUntil | until := t.d.issuedAt.Add(logoutTokenAge) | until := t.d.expiry
logout.go | LogoutHandlerUntil|ToTheEnd | until.Add(c.clock.tolerance() + replayMargin - c.clock.Skew) | until.Add(replayMargin - c.clock.Skew)
logout.go | LogoutHandlerUntil | until.Add(c.clock.tolerance() + replayMargin - c.clock.Skew) | until.Add(c.clock.tolerance() - c.clock.Skew)
logout.go | LogoutHandlerUntil | until.Add(c.clock.tolerance() + replayMargin - c.clock.Skew) | until.Add(c.clock.tolerance() + replayMargin)
logout.go | FrontchannelLogout | if r.Method != http.MethodGet { | if false {
logout.go | FrontchannelLogout | if len(params[name]) > 1 { | if false {
logout.go | FrontchannelLogout | [...]string{"iss", "sid"} { | [...]string{"iss"} {
logout.go | FrontchannelLogout | && !c.meta.FrontchannelLogoutSessionRequired: | :
logout.go | FrontchannelLogout | case iss == "" || sid == "": | case iss == "":
logout.go | FrontchannelLogout | case iss == "" || sid == "": | case sid == "":
logout.go | FrontchannelLogout | return sid, c.matchIssuer(iss) | return sid, nil
# metadata.go
metadata.go | Discover | if !sameIssuer(as.Issuer, issuer) { | if false {
metadata.go | TestDiscover$ | return ok && !strings.ContainsAny(host, "/?") && b == a+"/" | return ok && host != "" && b == a+"/"
metadata.go | WellKnown | base := strings.TrimSuffix(issuer, "/") | base := issuer
metadata.go | Discover | if strings.Contains(issuer, "?") { | if false {
metadata.go | Endpoint | useAliases && aliases != nil && row | aliases != nil && row
metadata.go | PendingAliases | func(a *MTLSEndpointAliases) string { return a.DeviceAuthorizationEndpoint } | nil
metadata.go | PendingAliases | func(a *MTLSEndpointAliases) string { return a.BackchannelAuthenticationEndpoint } | nil
metadata.go | TestEndpointURL | useAliases && aliases != nil | aliases != nil
metadata.go | DropsSecrets | "client_secret", "registration_access_token"} | "client_secret"}
metadata.go | DiscoverResource | if _, err := parseFetchURL("resource", resource, o.InsecureAllowHTTP); err != nil { | if err := error(nil); err != nil {
metadata.go | DiscoverResource | strings.IndexAny(rest, "/?"); | strings.IndexAny(rest, "/");
metadata.go | DiscoverResource | if path == "/" || strings.HasPrefix(path, "/?") { | if path == "/" {
metadata.go | DiscoverResource | if path == "/" || strings.HasPrefix(path, "/?") { | if strings.HasPrefix(path, "/?") {
metadata.go | DiscoverResource | if !sameIssuer(m.Resource, resource) { | if false {
metadata.go | DiscoverResource | return ok && !strings.ContainsAny(host, "/?") && b == a+"/" | return ok && !strings.ContainsAny(host, "/") && b == a+"/"
metadata.go | DiscoverResource | if _, err := parseFetchURL("", issuer, insecure); err != nil { | if _, err := parseFetchURL("", issuer, true); err != nil {
metadata.go | DiscoverResource | if _, err := parseFetchURL("", issuer, insecure); err != nil { | if !strings.HasPrefix(issuer, "https:") && !insecure {
metadata.go | DiscoverResource | if errors.Is(err, ErrInsecureURL) { | if errors.Is(err, ErrInsecureURL) && err == nil {
metadata.go | ResourceServers | case issuer == "" && len(list) == 1: | case issuer == "" && len(list) > 0:
metadata.go | ResourceServers | case !slices.Contains(list, issuer): | case slices.Contains(list, "x"):
metadata.go | ResourceWrites | o.URL = "" | _ = 0
metadata.go | ResourceMetadataRoundTrip | return encodeStruct(plain(m), m.Extra)\n}\n\nfunc parseMetadata | return encodeStruct(plain(m), nil)\n}\n\nfunc parseMetadata
# mtls.go
mtls.go | ForeignGetCertificate | err = guarded(func() error { | err = func(f func() error) error { return f() }(func() error {
mtls.go | ForeignGetCertificate | detached(ctx, true, func() | detached(ctx, false, func()
mtls.go | TestPoll$ | return errors.As(err, &verification) || errors.As(err, &alert) | return errors.As(err, &verification) && errors.As(err, &alert)
mtls.go | MTLS | if now := clock.now(); now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) { | if now := clock.now(); now.Before(leaf.NotBefore) {
mtls.go | MTLS | t.DialTLSContext != nil || t.DialTLS != nil || len(t.TLSNextProto) > 0 { | t.DialTLS != nil || len(t.TLSNextProto) > 0 {
mtls.go | MTLS | config.Certificates, config.GetClientCertificate = nil, nil | _ = 0
mtls.go | MTLS | if now := clock.now(); now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) { | if now := clock.now(); now.After(leaf.NotAfter) {
mtls.go | MTLS | if err == nil && u != nil && u.Scheme == "https" { | if false {
mtls.go | MTLS | config.ClientSessionCache = nil | _ = 0
mtls.go | MTLS | case fixed == (m.GetCertificate != nil): | case !fixed && m.GetCertificate == nil:
# oauth.go
oauth.go | NewClientErrors | case c.dpop == nil && c.meta.DPoPBoundAccessTokens && c.auth != nil: // | case false: //
oauth.go | NewClientErrors | case c.dpop != nil && c.dpop.key == nil: | case false:
oauth.go | NewClient | case template && c.accept == nil: | case false:
oauth.go | NewClient | case !template && c.accept != nil: | case false:
oauth.go | NewClient | case c.meta.ClientID == "": | case false:
oauth.go | NewClient | case c.server.Issuer == "": | case false:
oauth.go | NewClient | if m := c.meta.DefaultMaxAge; m != nil && *m < 0 { | if false {
oauth.go | NewClient | server, err := cfg.Server.clone() | server, err := cfg.Server, error(nil)
oauth.go | NewClient | if c.lifetime < 0 || c.lifetime > maxAuthorizationAge { | if false {
oauth.go | NewClient | if _, err := signatureAlgorithm(a.param, a.alg); err != nil { | if false {
oauth.go | CheckedWhenUsed | if _, err := c.caller.checkURL(member, target); err != nil { | if false {
oauth.go | Partial | if c.auth == nil { | if false {
oauth.go | ReservedNames|GrantOptions | if _, set := form[name]; set || slices.Contains(reserved, name) { | if false {
oauth.go | ReservedNames | if _, set := form[name]; set || slices.Contains(reserved, name) { | if slices.Contains(reserved, name) {
authorize.go | ReservedNames | "code_challenge", "code_challenge_method", "prompt", "display", "login_hint", | "code_challenge", "code_challenge_method", "prompt", "display",
token.go | ReservedNames | "Host", "Cookie", "Dpop", | "Host", "Dpop",
token.go | ReservedNames | http.CanonicalHeaderKey(name)) { | name) {
ciba.go | ReservedNames | "login_hint", "login_hint_token", "id_token_hint", "binding_message", "user_code", "acr_values",\n | "login_hint", "id_token_hint", "binding_message", "user_code", "acr_values",\n
introspection.go | ReservedNames | o.Params, "token_type_hint", "client_id", | o.Params, "client_id",
grants.go | ReservedNames | "requested_token_type", "audience",\n | "requested_token_type",\n
oauth.go | LeavesForm | Header: http.Header{}, Form: url.Values{}, | Header: http.Header{}, Form: form,
oauth.go | HeaderMemoBound | = 256       // remembered | = 512       // remembered
oauth.go | NewClient | if err := f.fault(); err != nil { | if err := f.fault(); err == ErrConfig {
oauth.go | MTLSClientAuthNeeds | case authenticates:\n | case authenticates && false:\n
oauth.go | MTLSClientAuthNeeds | case c.meta.TLSClientCertificateBoundAccessTokens: // | case false: //
oauth.go | MTLSClientAuthNeeds | if cfg.MTLS == nil && c.auth != nil && | if cfg.MTLS == nil &&
oauth.go | MTLSAliasesAreImplied | cfg.MTLS != nil || authenticates || cfg. | cfg.MTLS != nil || authenticates && false || cfg.
oauth.go | MTLSAliasesAreImplied | authenticates || cfg.Metadata.TLSClientCertificateBoundAccessTokens || | authenticates ||
mtls.go | MTLSClientAuthNeeds | return t.DialTLSContext != nil || t.DialTLS != nil || offersCertificate(t) | return t.DialTLSContext != nil || offersCertificate(t)
oauth.go | NewClient | return a.checkServer(c.server) | return nil
oauth.go | AttestationNewClient | _, err := a.thumbprintFor(c.server, c.dpop) | var err error; _ = a
oauth.go | AttestationWhere|AttestationChallenge | patience: patience, attested: attested}, nil | patience: patience}, nil
oauth.go | AttestationWhere|AttestationChallenge | Form: url.Values{}, attested: attested, | Form: url.Values{},
# poll.go
poll.go | PollLost | lost && refused != nil | refused != nil
poll.go | PollLost | lost && refused != nil | (lost || true) && refused != nil
poll.go | PollLost | g.lost.Swap(errors.Is(err, ErrNetwork) || | g.lost.Swap(false && errors.Is(err, ErrNetwork) ||
http.go | PollHeld | if c.own || timeout == 0 { | if true {
http.go | HTTPTimeouts | if c.own || timeout == 0 { | if timeout == 0 {
http.go | HTTPTimeouts | rt = c.resources // | _ = 0 //
poll.go | DeviceAnswer | return nil, 0, fail(ErrResponse, "expires_in", "is missing") | _ = 0
poll.go | DeviceAnswer | if interval > int64(maxPollInterval/time.Second) { | if false {
poll.go | DeviceAnswer | if interval == 0 { | if false {
poll.go | DeviceAnswer | t.Nanosecond() > 0 { | t.IsZero() {
poll.go | PollCodeIsSpent | || errors.Is(err, ErrUnavailable) { // | { //
poll.go | PollCodeIsSpent | return c.acceptToken(ctx, got)\n		case IsPending | if t, err := c.acceptToken(ctx, got); err == nil { return t, nil }\n		case IsPending
poll.go | PollErrors | case d.issuer != c.server.Issuer || d.clientID != c.meta.ClientID: | case d.issuer != c.server.Issuer:
poll.go | PollErrors | case d.issuer != c.server.Issuer || d.clientID != c.meta.ClientID: | case d.clientID != c.meta.ClientID:
poll.go | PollByHand | case !c.clock.local().Before(d.expiry): | case false:
poll.go | PollNeedsKeys | if openid { | if false {
poll.go | PollIDToken | openid: openid, checks | checks
poll.go | TestPoll$ | g.slowDown(refused) | _ = 0
poll.go | TestPoll$ | next = max(next, n) | next = n
poll.go | TestPoll$ | g.interval.Store(min(next, int64(maxPollInterval/time.Second))) | g.interval.Store(next)
poll.go | TestPoll$ | if interval >= left { | if false {
poll.go | TestPoll$ | if interval >= left { | if interval > left {
poll.go | TestPoll$ | maxDoublings), maxPollBackoff, left/2) | maxDoublings), left/2)
poll.go | TestPoll$ | maxDoublings), maxPollBackoff, left/2) | maxDoublings), maxPollBackoff)
poll.go | TestPoll$ | sleep(ctx, max(interval, backoff)) | sleep(ctx, min(interval, backoff))
poll.go | TestPoll$ | failures = 0 | _ = 0
poll.go | TestPoll$ | failures++ | _ = 0
poll.go | PollContext | sleep(ctx, max(interval, backoff)) | sleep(context.WithoutCancel(ctx), max(interval, backoff))
poll.go | PendingZero | if d.code == "" { | if false {
poll.go | PollOldIDToken | checks.requested = d.started.Add(c.clock.Skew) | _ = 0
poll.go | PollOldIDToken | checks.requested = d.started.Add(c.clock.Skew) | checks.requested = d.started
idtoken.go | PollOldIDToken | x.requested.Add(-maxAhead) | x.requested
idtoken.go | PollOldIDToken | x.requested.Add(-maxAhead) | x.requested.Add(-2*maxAhead)
poll.go | FuzzPendingBinary | (interval == nil || | (
poll.go | SavedPendingChecks | (interval == nil || | (
poll.go | FuzzPendingBinary | *interval < 1 || *interval > int64(maxPollInterval/time.Second)) { | *interval > int64(maxPollInterval/time.Second)) {
poll.go | FuzzPendingBinary | *interval < 1 || *interval > int64(maxPollInterval/time.Second)) { | *interval < 1) {
poll.go | SavedPendingChecks | case d.issuer == "" || d.clientID == "" || d.code == "" || d.started.IsZero() || d.expiry.IsZero(): | case false:
poll.go | PollHeld | patience := min(pollTimeout, c.clock.left(d.expiry)) | patience := pollTimeout
poll.go | PollHeld | checks: checks, patience: patience} | checks: checks, patience: 0 * patience}
# registration.go
registration.go | RegisterErrors | case as == nil || as.Issuer == "": | case as == nil:
registration.go | RegisterErrors | case m.ClientID != "": | case false:
registration.go | RegistrationAlias | r.mtls || m.UseMTLSEndpointAliases) | r.mtls)
registration.go | RegistrationMTLS | r.mtls || m.UseMTLSEndpointAliases) | m.UseMTLSEndpointAliases)
registration.go | RegistrationAnswers | m, r, http.StatusCreated, http.StatusOK) | m, r, http.StatusCreated)
registration.go | RegistrationAnswers | m, r, http.StatusCreated, http.StatusOK) | m, r, http.StatusOK)
registration.go | ManageRegistration | reg.RegistrationClientURI == "" || reg.RegistrationAccessToken.IsZero() { | reg.RegistrationClientURI == "" {
registration.go | ManageRegistration | if m != nil && m.ClientID != reg.Metadata.ClientID { | if false {
registration.go | ReadRegistration | method: method}, reg.RegistrationAccessToken, m) | method: method}, r.initial, m)
registration.go | DeleteRegistration | res.expect(http.StatusNoContent, http.StatusOK) | res.expect(http.StatusNoContent)
registration.go | DeleteRegistration | res.expect(http.StatusNoContent, http.StatusOK) | res.expect(http.StatusOK)
registration.go | ManageRegistration | return managed.process(res, m, r, http.StatusOK) | return managed.process(res, m, r, http.StatusOK, http.StatusCreated)
registration.go | RegisterErrors | if err := o.Clock.validate(); err != nil { | if err := error(nil); err != nil {
registration.go | RegisterErrors|ManageRegistration | if !headerValue(token.Reveal()) { | if false {
registration.go | ManageRegistration | param = "RegistrationAccessToken" | _ = param
registration.go | RegisterRequest | req.header.Set("Authorization", scheme+token.Reveal()) | _ = scheme
registration.go | RegistrationAnswers | refusal := res.expect(statuses...) | refusal := res.expect(200, 201, 202, 204)
registration.go | RegistrationAnswers | if refusal != nil && !o.has("client_id") { | if refusal != nil {
registration.go | RegistrationAnswers | if refusal != nil && !o.has("client_id") { | if false {
registration.go | RegistrationAnswers | id, err := o.need("client_id") | id, _, err := o.string("client_id")
registration.go | ManageRegistration | reg = &Registration{server: reg.server, origins: reg.origins} // | _ = 0 //
registration.go | ManageRegistration | cmp.Or(fresh.Metadata.ClientID, reg.Metadata.ClientID) | fresh.Metadata.ClientID
registration.go | RegistrationAnswers|ManagedAt | if err = cmp.Or(refusal, err); err != nil { | if err = cmp.Or(refusal, err); err != nil && refusal == nil { return nil, err } else if err != nil {
registration.go | ManageRegistration | && err == nil && id != was { | && id == "" {
registration.go | ReadRegistration | ClientSecret: reg.ClientSecret, ClientSecretExpiry: reg.ClientSecretExpiry, | ClientSecretExpiry: reg.ClientSecretExpiry,
registration.go | ReadRegistration | ClientSecret: reg.ClientSecret, ClientSecretExpiry: reg.ClientSecretExpiry, | ClientSecret: reg.ClientSecret,
registration.go | ReadRegistration | RegistrationAccessToken: reg.RegistrationAccessToken, RegistrationClientURI: | RegistrationClientURI:
registration.go | ReadRegistration | RegistrationClientURI: reg.RegistrationClientURI,\n | \n
registration.go | ReadRegistration | 		server: reg.server, origins: reg.origins, | 		origins: reg.origins,
jsonstruct.go | RegistrationErrorsQuote|RegistrationAnswers | known := registrationMembers[:] | var known []string
jsonstruct.go | RegisteredVerdicts|MethodKept | verdict == "kept" && ( | verdict == "none" && (
jsonstruct.go | RegisteredVerdicts | (wrong != nil || !o.has(name) || | (!o.has(name) ||
jsonstruct.go | RegisteredVerdicts | (wrong != nil || !o.has(name) || | (wrong != nil ||
jsonstruct.go | RegisteredVerdicts | || field.Kind() == reflect.String && field.IsZero()) { | ) {
jsonstruct.go | RegisteredVerdicts | if verdict != "informs" { | if true {
jsonstruct.go | RegisteredVerdicts | if verdict != "informs" { | if false {
registration.go | RegistrationManagedAt | if origin != r.origin && !slices | if false && !slices
registration.go | RegistrationManagedAt | if origin != r.origin && !slices | if !slices
registration.go | RegistrationManagedAt | for _, alias := range [...]bool{false, true} { | for _, alias := range [...]bool{false} {
registration.go | RegistrationManagedAt | if err := r.checkManaged(&managed); err != nil { | if false {
registration.go | RegistrationManagedAt | reg.origins = origin\n | _ = 0\n
registration.go | RegistrationSaved | data[0] == 1 { // | data[0] == 0 { //
registration.go | RegisterErrors|ClientIDMetadataErrors | if m.JWKS != nil && m.JWKSURI != "" { | if false {
registration.go | RegistrationMethodKept | was = asked | _ = 0
registration.go | RegistrationAnswers | case reg.ClientSecret.IsZero() && strings.HasPrefix(method, "client_secret_"): | case false:
registration.go | RegistrationAnswers | !sameSet(reg.Metadata.RedirectURIs, asked.RedirectURIs): | false:
registration.go | RegistrationAnswers | secret, err := o.need("client_secret") | secret, _, err := o.string("client_secret")
registration.go | RegistrationAnswers | o.seconds("client_secret_expires_at", false) | o.seconds("client_secret_expires_at", true)
registration.go | RegistrationAnswers | return fail(ErrResponse, "client_secret_expires_at", "is missing") | return nil
registration.go | RegistrationAnswers | if !clock.now().Add(-clock.tolerance()).Before(reg.ClientSecretExpiry) { | if false {
registration.go | RegistrationAnswers | if !clock.now().Add(-clock.tolerance()).Before(reg.ClientSecretExpiry) { | if !clock.now().Before(reg.ClientSecretExpiry) {
registration.go | RegistrationAnswers | if !clock.now().Add(-clock.tolerance()).Before(reg.ClientSecretExpiry) { | if clock.now().Add(-clock.tolerance()).After(reg.ClientSecretExpiry) {
registration.go | RegistrationAnswers | case token != "" && !headerValue(token): | case false:
registration.go | RegistrationAnswers | s, wrong := o.need(m.name) | s, _, wrong := o.string(m.name)
registration.go | RegistrationConfig | return cmp.Or(reg.Metadata.TokenEndpointAuthMethod, "client_secret_basic") | return cmp.Or(reg.Metadata.TokenEndpointAuthMethod, "none")
registration.go | RegistrationAnswers | return slices.Equal(slices.Compact(a), slices.Compact(b)) | return slices.Equal(a, b)
registration.go | RegistrationAnswers | slices.Sort(a)\n | _ = 0\n
registration.go | RegistrationConfig | cfg.Auth = ClientSecretPost(secret) | cfg.Auth = ClientSecretBasic(secret)
registration.go | RegistrationConfig | cmp.Or(reg.Metadata.TokenEndpointAuthSigningAlg, HS256) | HS256
registration.go | RegistrationConfig | err = fail(ErrConfig, "token_endpoint_auth_method", "%s is not known | cfg.Auth = None(); _ = fail(ErrConfig, "token_endpoint_auth_method", "%s is not known
registration.go | RegistrationConfig | err = f.fault() | _ = f
registration.go | RegistrationConfig | reg.server != "" && as.Issuer != reg.server: | false:
registration.go | RegistrationConfig | case key != nil && reg.authMethod() != "private_key_jwt": | case false:
registration.go | RegistrationConfig | return Config{}, withOp(opRegistration, err) | return cfg, withOp(opRegistration, err)
registration.go | RegistrationSaved | err = fresh.Metadata.UnmarshalJSON([]byte(metadata)) | _ = fresh.Metadata.UnmarshalJSON([]byte(metadata))
registration.go | SavedDamaged | err := r.end() | err := r.err
registration.go | SecretTypes | func (reg Registration) MarshalJSON() ([]byte, error) { | func (reg Registration) MarshalJSON2() ([]byte, error) {
registration.go | SecretTypes | func (reg Registration) Format(f fmt.State, _ rune) { fmt.Fprint(f, reg.summary()) } | func (reg Registration) Format(f fmt.State, _ rune) { fmt.Fprint(f, reg.RegistrationClientURI) }
registration.go | ClientIDMetadataHandler | if r.Method != http.MethodGet && r.Method != http.MethodHead { | if r.Method == http.MethodPost {
registration.go | ClientIDMetadataHandler | if r.Method == http.MethodGet {\n | if true {\n
registration.go | ClientIDMetadataErrors | u, err := parseFetchURL("ClientID", m.ClientID, false) | u, err := parseFetchURL("ClientID", m.ClientID, true)
registration.go | ClientIDMetadataErrors | case u.Path == "" || u.Path == "/": | case u.Path == "":
registration.go | ClientIDMetadataErrors | case u.Path == "" || u.Path == "/": | case u.Path == "/":
registration.go | ClientIDMetadataErrors | return s == "." || s == ".." }) | return s == ".." })
registration.go | ClientIDMetadataErrors | return s == "." || s == ".." }) | return s == "." })
registration.go | ClientIDMetadataErrors | strings.Split(u.Path, "/") | strings.Split(u.EscapedPath(), "/")
registration.go | ClientIDMetadataErrors | strings.HasPrefix(m.TokenEndpointAuthMethod, "client_secret_") || m.TokenEndpointAuthMethod == "": | m.TokenEndpointAuthMethod == "":
registration.go | ClientIDMetadataErrors | strings.HasPrefix(m.TokenEndpointAuthMethod, "client_secret_") || m.TokenEndpointAuthMethod == "": | strings.HasPrefix(m.TokenEndpointAuthMethod, "client_secret_"):
registration.go | ClientIDMetadataErrors | if _, ok := m.Extra[name]; ok { | if false {
registration.go | ClientIDMetadataErrors|RegisterErrors | if err := checkPublicKeys(m.JWKS); err != nil { | if err := error(nil); err != nil {
registration.go | ClientIDMetadataErrors | if key.has(private) { | if s, _, _ := key.string(private); s != "" {
registration.go | ClientIDMetadataErrors | range privateMembers { | range privateMembers[:0] {
registration.go | ClientIDMetadataErrors | if _, err := key.need("kty"); err != nil { | if false {
registration.go | ClientIDMetadataErrors | arrayElements(raw, maxKeys) | arrayElements(raw, maxKeys+1)
registration.go | AttestationRegistration | case "attest_jwt_client_auth", "attest_jwt_client_auth_dpop": | case "attest_jwt_client_auth":
registration.go | AttestationRegistration | case "attest_jwt_client_auth", "attest_jwt_client_auth_dpop": | case "attest_jwt_client_auth_dpop":
# replay.go
replay.go | ReplayExpiry | && !now.Before(s.queue[0].end) { | && now.After(s.queue[0].end) {
replay.go | ReplayExpiry|ReplayFull | && !now.Before(s.queue[0].end) { | && !now.Before(s.queue[0].end) && false {
replay.go | ReplayExpiry|ReplayConcurrent | if s.known[e.id] != nil { | if false {
replay.go | ReplayFull | if m.count.Add(1) > m.limit { | if m.count.Add(1); false {
replay.go | ReplayFull | if m.count.Add(1) > m.limit { | if m.count.Add(1) > m.limit+1 {
replay.go | ReplayModel|ReplayShare | delete(s.known, e.id)\n | _ = e\n
replay.go | ReplayModel | return q[i].end.Before(q[j].end) } | return q[j].end.Before(q[i].end) }
replay.go | ReplayModel | q[i].index, q[j].index = i, j | _ = 0
replay.go | ReplayModel | e.index = len(*q) | _ = 0
replay.go | ReplayRemove|ReplayModel | heap.Remove(&s.queue, e.index) | heap.Remove(&s.queue, 0)
clock.go | LogoutHandlerReplayToTheEnd | return t.Sub(c.local()) } | return t.Sub(c.now()) }
replay.go | ReplayJump | e.end = now.Add(left) | e.end = until
replay.go | ReplayJump | s.forget(m, now)\n | s.forget(m, m.clock.local())\n
replay.go | ReplayLongest | case left > maxReplayLife: | case left > 2*maxReplayLife:
replay.go | ReplayLongest | case left > maxReplayLife: | case left >= maxReplayLife:
replay.go | ReplayGivesBack | s.known, s.owned, s.queue = nil, nil, nil\n | _ = 0\n
replay.go | ReplayKey | strings.Join(parts, "\x00") | strings.Join(parts, "")
# revocation.go
revocation.go | TestRevoke | return res.expect(http.StatusOK, http.StatusNoContent) | return res.expect(http.StatusOK)
revocation.go | TestRevoke | return res.expect(http.StatusOK, http.StatusNoContent) | return res.expect(http.StatusNoContent)
revocation.go | TestRevoke | return res.expect(http.StatusOK, http.StatusNoContent) | return res.expect(http.StatusOK, http.StatusNoContent, http.StatusCreated, http.StatusAccepted)
revocation.go | TestRevoke | return res.expect(http.StatusOK, http.StatusNoContent) | if res.status == http.StatusOK { return nil }; return res.expect(http.StatusNoContent)
# saved.go
saved.go | Saved | if r.err == nil && len(r.b) > 0 { | if false {
saved.go | Saved | case b[0] != version: | case false:
saved.go | FuzzAuthorizationBinary | size > 1 && n>>(7*(size-1)) == 0 { | false {
saved.go | FuzzAuthorizationBinary | strconv.FormatInt(n, 10) != s { | false {
saved.go | FuzzTokenBinary | if size <= 0 || | if
saved.go | SavedAuthorizationChecks|SavedTokenChecks | 0 <= t.Unix() && t.Unix() <= maxNumericDate | 0 <= t.Unix()
saved.go | SavedFaults|SavedTokenChecks | 0 <= t.Unix() && t.Unix() <= maxNumericDate | t.Unix() <= maxNumericDate
# redact.go
redact.go | TestRedact$ | if 'A' <= c && c <= 'Z' { | if false {
redact.go | TestRedact$ | if len(s) < minRedacted && (wordByte | if false && (wordByte
redact.go | TestRedact$ | if len(s) < minRedactedWord { | if false {
redact.go | TestRedact$ | s[:min(len(s), redactedHead)] | s
redact.go | TestRedact$ | for _, layer := range layersOf(s) { | for _, layer := range layersOf(s)[:1] {
redact.go | TestRedact$ | for len(layers) < maxSpellings { | for len(layers) < 2 {
redact.go | RedactKeepsCodes | if code = m.code; !keepsCode(code) { | if code = m.code; true {
redact.go | RedactAnswers | if code = m.code; !keepsCode(code) { | if code = m.code; false {
redact.go | RedactAnswers | redact(m.description, secrets), | m.description,
redact.go | RedactAnswers | if redact(uri, secrets) != uri | if false
redact.go | RedactBeforeCutting|Refusal | strings.Clone(s[:min(len(s), maxErrorText)]) | strings.Clone(s)
redact.go | RedactAnswers | if !slices.Contains(publicParams[:], name) { | if name == "" {
redact.go | RedactKeepsCodes | if !slices.Contains(publicParams[:], name) { | if name != "" {
redact.go | RedactAnswers|RedactBasic | secrets = append(secrets, password) | _ = password
redact.go | RedactBasic | strings.TrimRight(credentials, "=") | credentials
redact.go | RedactTokens | e2.Detail = redact(e.Detail, secrets()) | _ = 0
redact.go | RedactAnswers | "client_secret", "registration_access_token", "software_statement" | "client_secret"
redact.go | RedactAuthorization | list := []string{d.state, d.nonce, d.verifier} | list := []string{d.state, d.nonce}
redact.go | RedactAuthorization | [...]string{"code", "state", | [...]string{"state",
callback.go | RedactAuthorization | printable(redact(code, a.d.secrets(params)), 64) | printable(code, 64)
token.go | RedactAnswers | o.quote(s, 32), want) | printable(s, 32), want)
userinfo.go | RedactTokens | return nil, res.withoutSecrets(err) | return nil, err
callback.go | RedactResponse | withOp(opCallback, withoutSecrets(err, func() []string { return a.data().secrets(params) })) | withOp(opCallback, err)
registration.go | RegistrationErrorsQuoteNothing | withOp(opRegistration, res.withoutSecrets(err)) | withOp(opRegistration, err)
# secret.go
secret.go | PrintingTypes | func (unprinted) Format(f fmt.State, _ rune) | func (unprinted) Format2(f fmt.State, _ rune)
secret.go | PrintingLogValue | return slog.StringValue(redacted) | return slog.StringValue("")
secret.go | PrintingTypes | func (unprinted) MarshalJSON() | func (unprinted) MarshalJSON2()
authorize.go | PrintingTypes | type AuthorizationRequest struct {\n	unprinted | type AuthorizationRequest struct {
idtoken.go | PrintingTypes | type VerifyIDTokenOptions struct {\n	unprinted | type VerifyIDTokenOptions struct {
mtls.go | MTLSDiscover | t = cloneTransport(t)\n	//lint | //lint
mtls.go | PrintingTypes | type MutualTLS struct {\n	unprinted | type MutualTLS struct {
details.go | PrintingTypes | func (d AuthorizationDetail) Format(f fmt.State, _ rune) | func (d AuthorizationDetail) Format2(f fmt.State, _ rune)
oauth.go | PrintingTypes | func (c Client) Format(f fmt.State, _ rune) | func (c *Client) Format(f fmt.State, _ rune)
secret.go | Secret | func (s Secret) MarshalJSON() ([]byte, error) { return nil, errSecretEncoding } | func (s Secret) MarshalJSON() ([]byte, error) { return []byte("\"\""), nil }
secret.go | Secret | func (s Secret) Format(f fmt.State, _ rune) | func (s Secret) Format2(f fmt.State, _ rune)
# weburl.go
weburl.go | WebURL$ | if !uriText(s) { | if false {
weburl.go | WebURL$ | u.Scheme != "https" && u.Scheme != "http" || u.User | u.User
weburl.go | WebURL$ | || u.User != nil || !webHost(u) { | || !webHost(u) {
weburl.go | WebURL$ | || u.User != nil || !webHost(u) { | || u.User != nil {
weburl.go | WebURL$ | && isHex(s[i+1]) && isHex(s[i+2]): | :
weburl.go | WebURL$ | err == nil && ip.Is6() && ip.Zone() == "" | err == nil && ip.Is6()
weburl.go | WebURL$ | number := strings.TrimLeft(label, "0123456789") | number := label
weburl.go | WebURL$ | && !strings.HasPrefix(strings.ToLower(label), "0x") | && true
weburl.go | WebURL$ | strings.ContainsFunc(label, notLDH) { | false {
weburl.go | WebURL$ | if len(host) > 253 { | if false {
errors.go | WebURLErrors | if _, ok := webURL(uri); ok { | if true {
# token.go
token.go | SavedTokenChecks | return withOp(opToken, damaged(err)) | _ = 0
token.go | SavedTokenChecks | if err := t.validate(); err != nil { | if err := t.validate(); err != nil && false {
token.go | SavedTokenChecks | case access != "" && !headerValue(access) || len(access) > maxToken: | case access == "\x00":
token.go | SavedTokenChecks | case strings.ContainsFunc(t.TokenType, unprintable): | case false:
token.go | SavedTokenChecks | (!isRandom(t.jkt) || !strings.EqualFold(t.TokenType, "dpop")): | !isRandom(t.jkt):
token.go | SavedTokenChecks | case slices.ContainsFunc(t.Scope, notOneScope): | case false:
token.go | SavedTokenChecks | case t.known != nil && (t.known.issuer == "" || t.known.subject == ""): | case false:
token.go | ScopeOfOneElement | return slices.DeleteFunc(list, notOneScope), err | return list, err
token.go | GrantOptions|PollErrors | if o != nil && o.Scope != nil { | if false {
token.go | TokenIDToken | if x.openid {\n | if false {\n
token.go | TokenIDToken | x.checks.accessToken = t.AccessToken.Reveal() | _ = 0
token.go | TokenIDToken|FinishAuthorization | checks: idTokenChecks{nonce: a.nonce, maxAge: a.maxAge, | checks: idTokenChecks{maxAge: a.maxAge,
token.go | MaxAge | checks: idTokenChecks{nonce: a.nonce, maxAge: a.maxAge, | checks: idTokenChecks{nonce: a.nonce,
token.go | TokenResponse | case !headerValue(accessToken): | case false:
token.go | TokenResponse | return "", fail(ErrTokenType, | return s, nil; return "", fail(ErrTokenType,
token.go | TokenResponse | if ok && s == "" { | if false {
token.go | TokenResponse | return strings.Fields(asked), nil | return nil, nil
token.go | TokenRefusals | if err := res.expect(http.StatusOK); err != nil { | if err := res.expect(http.StatusOK, http.StatusCreated); err != nil {
token.go | GrantOptions | if slices.Contains(reservedHeaders[:], http.CanonicalHeaderKey(name)) { | if false {
token.go | TestGrantOptions | "scope", "resource", "authorization_details",\n} | "authorization_details",\n}
token.go | TestGrantErrors | "code", "redirect_uri", "code_verifier", "refresh_token", "device_code", "auth_req_id", "assertion", | "code",
token.go | TestGrantErrors | "grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type", | "grant_type",
token.go | TestGrantErrors | return setParams(form, o.Params, slices.Concat(reserved, reservedTokenParams)...) | return setParams(form, o.Params, reserved...)
token.go | TestGrantErrors | return setParams(form, o.Params, slices.Concat(reserved, reservedTokenParams)...) | return setParams(form, o.Params, reservedTokenParams...)
token.go | RequestErrors | if s == "" || strings.ContainsFunc(s, notScopeChar) { | if false {
token.go | DeviceRequestErrors | err != nil || !u.IsAbs() || strings.Contains(uri, "#") { | err != nil || u == nil || strings.Contains(uri, "#") {
token.go | DeviceRequestErrors | err != nil || !u.IsAbs() || strings.Contains(uri, "#") { | err != nil || !u.IsAbs() || u.Fragment != "" {
token.go | TokenExchangeAnswer | exchange && strings.EqualFold(s, "N_A") { | strings.EqualFold(s, "N_A") {
token.go | TokenExchangeAnswer | issued, err := o.need("issued_token_type") | issued, _, err := o.string("issued_token_type")
token.go | TokenExchangeAnswer | known = append(known, "issued_token_type") | _ = 0
token.go | RefreshKeeps | nonce: d.nonce, raw: d.raw, acr | nonce: d.nonce, acr
token.go | LoginStays | if d.authTime.Unix() >= 0 { // | if true { //
token.go | RequireACR | state: a.state, acr: a.acr()}}) | state: a.state}})
callback.go | RequireACR | frontend: true, acr: d.acr(),\n | frontend: true,\n
idtoken.go | RequireACR | (ok || !x.acrIfAny) && | (ok || true) &&
idtoken.go | RequireACR | (ok || !x.acrIfAny) && | ok &&
authorize.go | RequireACR | if r.RequireACR != nil && ( | if false && (
grants.go | RequireACR | r.x.checks.acr, r.x.checks.acrIfAny = acrList(t.identity().requireACR), true | _ = 0
grants.go | LoginStays | fresh.known.acr, fresh.known.authTime, fresh.known.requireACR = first.acr, first.authTime, first.requireACR | _ = 0
token.go | EndpointOptionsErrors | r > 0x7e || !tokenChar(byte(r)) | !tokenChar(byte(r))
token.go | EndpointOptionsErrors | !tokenChar(byte(r)) }) || name == "" { | !tokenChar(byte(r)) }) {
token.go | EndpointOptionsErrors | slices.Contains(reservedHeaders[:], http.CanonicalHeaderKey(name)) | slices.Contains(reservedHeaders[:], name)
# userinfo.go
userinfo.go | UserInfo | if subject != "" && sub != subject { | if false {
userinfo.go | UserInfo | case known != "" && o.Subject != "" && known != o.Subject: | case false:
userinfo.go | UserInfo | return "", fail(ErrConfig, "Subject", "is not known | return "", nil; return "", fail(ErrConfig, "Subject", "is not known
protected.go | UserInfo | if t.server != "" && t.server != c.server.Issuer { | if false {
userinfo.go | UserInfo | } else if c.meta.UserinfoSignedResponseAlg != "" { | } else if false {
userinfo.go | UserInfo | } else if ok && !slices.Contains(aud, c.meta.ClientID) { | } else if ok && slices.Contains(aud, "") {
userinfo.go | UserInfo | if claims.has("iss") || v.key.issuer != "" { | if false {
protected.go | UserInfo | if !headerValue(t.AccessToken.Reveal()) { | if false {
userinfo.go | UserInfo | _, err = checkLifetime(claims, c.clock) | _ = 0
userinfo.go | UserInfo | err = checkStart(claims, c.clock) | _ = 0
# dpop.go
dpop.go | DPoPErrors | if key == nil || key.alg == nil { | if key == nil {
dpop.go | DPoPErrors | if err := d.clock.validate(); err != nil { | if false { var err error
dpop.go | DPoPProof | append(appendHeader(key.alg.name, dpopType, ""), `,"jwk":`...) | append(appendHeader(key.alg.name, dpopType, key.KeyID()), `,"jwk":`...)
dpop.go | DPoPProof | const dpopType = "dpop+jwt" | const dpopType = "JWT"
dpop.go | DPoPProof | d.proof(d.clock.now(), method | d.proof(d.clock.local(), method
dpop.go | DPoPErrors | case d == nil || d.key == nil: | case false:
dpop.go | DPoPErrors | case method == "" || u == nil || u.Scheme == "" || u.Host == "": | case u == nil:
dpop.go | DPoPErrors | return r > 0x7e || !tokenChar(byte(r)) | return false
dpop.go | DPoPErrors | case !headerValue(u.Host): | case false:
dpop.go | DPoPErrors | case strings.Contains(u.Host, "%"): | case false:
dpop.go | DPoPJTI | appendJSONString(b, randomString()) | appendJSONString(b, "fixed-fixed-fixed-fixed-fixed-fixed")
dpop.go | DPoPExamples | if accessToken != "" {\n | if false {\n
dpop.go | DPoPProof | if accessToken != "" {\n | {\n
dpop.go | DPoPNoncePerOrigin | if nonce != "" {\n | if false {\n
dpop.go | DPoPProofURL | joinTarget(originOf(u), u.EscapedPath()) | joinTarget(originOf(u), u.Path)
dpop.go | DPoPGlued | case path[0] != '/': | case false:
dpop.go | DPoPGlued | if u.Opaque != "" { | if false {
dpop.go | DPoPProofURL | path = "/" | return origin, true
dpop.go | DPoPProofURL | host = strings.TrimSuffix(host, ":443") | _ = 0
dpop.go | DPoPProofURL | host = strings.TrimSuffix(host, ":80") | _ = 0
dpop.go | DPoPProofURL|OriginMatch | strings.TrimSuffix(host, ":")\n | host\n
dpop.go | OriginMatch | scheme, host = lowerASCII(scheme), lowerASCII(host) | scheme, host = strings.ToLower(scheme), strings.ToLower(host)
dpop.go | FoldedRedirect | scheme, host = lowerASCII(scheme), lowerASCII(host) | scheme, host = strings.ToLower(scheme), strings.ToLower(host)
dpop.go | DPoPNonceOrigins | copy(d.nonces[1:i+1], d.nonces[:i]) | _ = i
dpop.go | DPoPNoncePerOrigin | if e.origin == origin { | if true {
dpop.go | DPoPNonces | if len(values) != 1 || !nonceValue(values[0]) { | if len(values) == 0 || !nonceValue(values[0]) {
dpop.go | DPoPNonces | if len(values) != 1 || !nonceValue(values[0]) { | if len(values) != 1 {
dpop.go | DPoPNonceOrigins | d.nonces = slices.DeleteFunc(d.nonces, func(e originNonce) bool { return e.origin == origin }) | _ = 0
dpop.go | DPoPNonceOrigins | if len(d.nonces) == maxNonceOrigins { | if false {
dpop.go | DPoPNonceOrigins | d.nonces = d.nonces[:maxNonceOrigins-1] | d.nonces = d.nonces[1:]
dpop.go | DPoPNonces | return s != "" && len(s) <= maxNonce && | return s != "" &&
dpop.go | DPoPNonces | && !strings.ContainsFunc(s, notScopeChar) | 
dpop.go | DoNonce|DPoPTokenNonce | if (status == http.StatusBadRequest || status == http.StatusUnauthorized) && fresh | if fresh
dpop.go | DoNonce|DPoPTokenNonce | (status == http.StatusBadRequest || status == http.StatusUnauthorized) | (status == http.StatusUnauthorized)
dpop.go | DoNonce|DPoPTokenNonce | (status == http.StatusBadRequest || status == http.StatusUnauthorized) | (status == http.StatusBadRequest)
dpop.go | DoKnownNonce | && fresh != p.nonce && code() | && code()
dpop.go | DoNonce|DPoPTokenNonce | && code() == "use_dpop_nonce" | 
dpop.go | DPoPSecondNonce|AttestationBothRetries | case nonce != "" && !renewed: | case nonce != "" && (!renewed || true):
dpop.go | AttestationChallenge | case again && !challenged: | case again && (!challenged || true):
dpop.go | AttestationWhere | d := r.attested.prover(d)\n | _ = 0\n
dpop.go | DPoPNonceOfSuccess | fresh := d.remember(originOf(p.url), h)\n | fresh := ""; if status >= 400 { fresh = d.remember(originOf(p.url), h) }\n
# protected.go
protected.go | DoRefuses | req.Body.Close() | _ = 0
protected.go | DoNonce | if !first && req.GetBody != nil { | if false {
protected.go | DoBareRequest | r.Method = cmp.Or(r.Method, http.MethodGet) | _ = cmp.Or("")
protected.go | DoBareRequest | if r.Header == nil {\n | if false {\n
protected.go | DPoPErrors | closeBody(r)\n | _ = 0\n
protected.go | DoNonce | code); nonce == "" || renewed || !resendable(req) { | code); nonce == "" || renewed && false || !resendable(req) {
protected.go | DoNonce | code); nonce == "" || renewed || !resendable(req) { | code); nonce == "" || renewed {
protected.go | DoGetBodyFails | res.Body.Close()\n} | }
protected.go | DoRefuses | case !strings.EqualFold(t.TokenType, "dpop"): | case t.TokenType == "none":
protected.go | DoRefuses | case c.dpop == nil:\n | case false:\n
protected.go | DoRefuses|DPoPRefresh | case t.jkt != "" && t.jkt != c.dpop.thumbprint: | case false:
protected.go | DoSends | strings.EqualFold(t.TokenType, "bearer") || t.TokenType == "" | strings.EqualFold(t.TokenType, "bearer")
protected.go | DoSends | return c.dpop\n | return nil\n
protected.go | DoRefuses | case req == nil || req.URL == nil: | case req == nil:
protected.go | DoRefuses | case hasField(req.Header, "Authorization") || hasField(req.Header, "DPoP"): | case hasField(req.Header, "DPoP"):
protected.go | DoRefuses | case hasField(req.Header, "Authorization") || hasField(req.Header, "DPoP"): | case hasField(req.Header, "Authorization"):
protected.go | DoRefuses | if strings.EqualFold(n, name) { | if n == http.CanonicalHeaderKey(name) {
protected.go | DoRefuses | case req.URL.Opaque != "": | case false:
protected.go | DoBareRequest | r.RequestURI = "" // | _ = 0 //
protected.go | DoBareRequest | r.Response = nil  // | _ = 0 //
protected.go | ReplayHTTP1 | if !repeated && resendable(req) && sendAgain | if false && !repeated && sendAgain
dpop.go | ReplayHTTP2 | if !repeated && sendAgain(ctx, err) { | if !repeated && false {
protected.go | DoRefuses | _, err := c.caller.checkURL("URL", u.String()) | var err error
protected.go | DoNonce|TransportRejected | code != "" && c.Is(scheme) | code != ""
protected.go | TransportRejected | code != "" && c.Is(scheme) | c.Is(scheme)
protected.go | TransportRejected | req.Body == nil || req.Body == http.NoBody || | req.Body == nil ||
protected.go | TransportOrigins | if len(o.Origins) == 0 { | if false {
protected.go | TransportOrigins | u, err := c.caller.checkURL("Origins", raw) | u, err := url.Parse(raw)
protected.go | TransportOrigins | strings.TrimSuffix(u.Path, "/") != "" || | 
protected.go | TransportOrigins | u.RawQuery != "" || u.ForceQuery | u.ForceQuery
protected.go | TransportOrigins | u.RawQuery != "" || u.ForceQuery | u.RawQuery != ""
protected.go | NewTransportErrors | return nil, fail(ErrConfig, "Token", "is nil, and so is Renew") | _ = 0
protected.go | NewTransportErrors | if err := c.checkToken(t); err != nil { | if false { var err error
protected.go | NewTransportErrors | if _, err := c.authorization(t); err != nil { | if false { var err error
renewal.go | TransportToken | tr.token, tr.refusedBy = t.clone(), nil | tr.token, tr.refusedBy = t, nil
protected.go | TransportRenewFirst | if tr.renew == nil && !t.RefreshToken.IsZero() { | if !t.RefreshToken.IsZero() {
protected.go | UnknownExpiry | if tr.renew == nil && !t.RefreshToken.IsZero() { | if tr.renew == nil {
protected.go | TransportToken | return tr.token.clone() | return tr.token
protected.go | TransportBase | if tr.base == nil {\n | if true {\n
protected.go | OriginMatch|TransportRedirect | err := tr.checkOrigin(req.URL) | var err error
protected.go | OriginMatch | if u == nil || !slices.Contains( | if !slices.Contains(
protected.go | TransportRejected | res.StatusCode != http.StatusUnauthorized || | 
protected.go | UnknownExpiry | tr.renew == nil || !invalidToken(res.Header, t) | !invalidToken(res.Header, t)
protected.go | TransportRejected | tr.renew == nil || !invalidToken(res.Header, t) | tr.renew == nil
protected.go | TransportRejected | if !tr.reject(t, originOf(req.URL)) || !resendable(req) { | if !resendable(req) {
protected.go | TransportRejected | if !tr.reject(t, originOf(req.URL)) || !resendable(req) { | if !tr.reject(t, originOf(req.URL)) {
protected.go | TransportRejected | if again.Body, err = req.GetBody(); err != nil { | if false {
# renewal.go
renewal.go | TransportRejectedLate | if !sameSecret(tr.token.AccessToken.Reveal(), t.AccessToken.Reveal()) || slices | if slices
renewal.go | EarlyRefresh | tr.expired(now, tr.early) | tr.expired(now, 0)
renewal.go | ClockExcursion | !now.Add(d).Before(tr.token.Expiry) || | 
renewal.go | TransportRejected$|UnknownExpiry | !tr.token.Expiry.IsZero() && ( | (
renewal.go | ClockExcursion | || !monotonic().Add(d).Before(tr.until)) | )
renewal.go | InvalidGrant | if tr.ended || tr.waits(usable) { | if tr.waits(usable) {
renewal.go | Backoff | tr.failures > 0 && monotonic().Before(tr.retryAt) | false
renewal.go | OnRefreshFails | case usable && !stale && !tr.unsaved: // | case usable && !stale: //
renewal.go | TransportRejected | !slices.Contains(tr.refusedBy, origin) && !tr | !tr
renewal.go | RefusedByOne | !slices.Contains(tr.refusedBy, origin) && !tr | len(tr.refusedBy) == 0 && !tr
renewal.go | Backoff|InvalidGrant | && !tr.expired(now, 0)) | )
renewal.go | OnRefreshFails | if tr.unsaved || !tr.usable | if !tr.usable
renewal.go | Backoff | if tr.unsaved || !tr.usable(now, origin) { | if true {
renewal.go | OnRefreshAfterFailed | err = tr.lastErr // | _ = tr.lastErr //
renewal.go | OnRefreshFails | if hookErr := tr.store(ctx); err == nil { | if hookErr := tr.store(ctx); false {
renewal.go | OnRefreshAfterFailed | if hookErr := tr.store(ctx); err == nil { | if err != nil { } else if hookErr := tr.store(ctx); true {
renewal.go | TransportRenew | old, pending, renewals := tr.token.clone(), | old, pending, renewals := tr.token,
renewal.go | TransportRenew$ | if err == nil && t == nil { | if false {
renewal.go | TransportRenew$ | _, err = tr.c.authorization(t) | _ = 0
renewal.go | Backoff | refreshBackoff<<min(tr.failures, maxDoublings) | refreshBackoff
renewal.go | Backoff | min(refreshBackoff<<min(tr.failures, maxDoublings), maxRefreshBackoff) | refreshBackoff<<min(tr.failures, maxDoublings)
grants.go | InvalidGrant|Backoff | r.over = refused != nil && refused.Code == "invalid_grant" | r.over = refused != nil
renewal.go | InvalidGrant | tr.ended = over | _ = over
renewal.go | ShortLife | min(earlyRefresh, tr.use(t)/2) | min(earlyRefresh, earlyRefresh+tr.use(t))
renewal.go | TransportRenewNow | case tr.ended: | case false:
renewal.go | TransportRenewNow | if renews { | if renews || true {
renewal.go | OnRefreshBeforeUse | tr.hook(ctx, t.clone()) | tr.hook(ctx, t)
renewal.go | OnRefreshFails | tr.unsaved = false | _ = 0
renewal.go | RotationSurvives | if stored && tr.token == t { | if stored || tr.token == t {
renewal.go | RotationSurvives | case storing:\n | case false:\n
renewal.go | RotationSurvives | tr.storing = false | _ = 0
renewal.go | RotationSurvives | tr.token, tr.unsaved, tr.ended = t, tr.hook != nil, false | _ = t
renewal.go | RotationSurvives | tr.pending = rotated.again | _ = rotated
renewal.go | RotationSurvives | (late || died) && tr.unsaved | late && tr.unsaved
renewal.go | RotationLate | (late || died) && tr.unsaved | died && tr.unsaved
renewal.go | RotationSurvives | if late { // who | if late && false { // who
renewal.go | RotationLate | if err != nil || tr.renewals != renewals || | if err != nil || tr.renewals < renewals ||
renewal.go | RotationLate | || !tr.holds(t.RefreshToken) && !tr.holds(old.refreshToken()) { | {
renewal.go | RotationOfElse | if tr.token == nil || !tr.holds(old) || tr.holds(fresh) { // | if tr.token == nil || tr.holds(fresh) { //
# what DPoP and protected resources changed elsewhere
http.go | ProtectedTransports | wired(patientTransport(newTransport())) | wired(newTransport())
oauth.go | ProtectedTransports | c.caller.resources, c.caller.own = clients.resources, cfg.HTTPClient == nil | c.caller.own = cfg.HTTPClient == nil
mtls.go | ProtectedTransports | all.resources = m.wrap(offering(patientTransport(cloneTransport(transport)), get, clock)) | _ = 0
mtls.go | ProtectedTransports | all.resources = m.wrap(offering(patientTransport(cloneTransport(transport)), get, clock)) | all.resources = m.wrap(wired(patientTransport(cloneTransport(plain))))
http.go | HTTPFollowed|RewritesHost | case cameFromElsewhere(rt, req, res): | case false:
http.go | RewritesHost | _, meant := rt.(rewriter); meant || res | res
http.go | HTTPFollowed | res.Request.URL == nil { | false {
http.go | RewritesHost | rt = http.DefaultTransport\n	}\n	return rewriter | rt = patientTransport(nil)\n	}\n	return rewriter
http.go | HTTPRelease | if c.ours || ok && w.isReplaced() { | if c.ours || ok && w == nil {
dial.go | HTTPRelease | return w.replaced | return true
http.go | HTTPSend | case res == nil:\n | case false:\n
http.go | HTTPSend|DoBare | case res.Body == nil: // | case false: //
http.go | DPoPChallengeScheme | && (m.code == "" || c.Is(scheme)) { | && m.code == "" {
http.go | DPoPChallengeScheme | if c.Is(scheme) {\n | if false {\n
http.go | DoTellsNothing | URL: withoutQuery(req.URL), Duration | URL: req.URL.String(), Duration
oauth.go | DPoPWhere | if endpoints[e].proof { | if true {
oauth.go | DPoPErrors | case c.dpop != nil && c.dpop.key == nil: | case false:
metadata.go | DPoPWhere | a.TokenEndpoint }, true}, | a.TokenEndpoint }, false},
metadata.go | DPoPWhere | a.PushedAuthorizationRequestEndpoint }, true}, | a.PushedAuthorizationRequestEndpoint }, false},
metadata.go | DPoPWhere | a.IntrospectionEndpoint }, false}, | a.IntrospectionEndpoint }, true},
metadata.go | DPoPWhere | a.RevocationEndpoint }, false}, | a.RevocationEndpoint }, true},
metadata.go | DPoPWhere | a.DeviceAuthorizationEndpoint }, false}, | a.DeviceAuthorizationEndpoint }, true},
metadata.go | DPoPWhere | a.BackchannelAuthenticationEndpoint }, false}, | a.BackchannelAuthenticationEndpoint }, true},
token.go | DPoPTokenType | want = "DPoP" | _ = 0
token.go | DPoPTokenType|DPoPRefresh | t.jkt = c.dpop.thumbprint | _ = 0
authorize.go | DPoPAuthorization | form.Set("dpop_jkt", a.thumbprint) // | _ = 0 //
authorize.go | DPoPAuthorization | a.thumbprint = c.dpop.thumbprint | a.thumbprint = ""
authorize.go | RequestErrors | if err := checkComparable(d.redirectURI); err != nil { | if err := error(nil); err != nil {
callback.go | DPoPAuthorization | if a.d.thumbprint != c.thumbprint() { | if c.thumbprint() == "none" {
callback.go | DPoPAuthorization | if a.d.thumbprint != c.thumbprint() { | if c.dpop != nil && a.d.thumbprint != c.thumbprint() {
userinfo.go | UserInfoNonce | c.caller.doProven(ctx, c.dpopOf(t), | c.caller.doProven(ctx, nil,
registration.go | DPoPRegistration | scheme = "DPoP " | _ = 0
registration.go | DPoPRegistration | if r.dpop != nil && r.dpop.key == nil { | if false {
# accesstoken.go, resource.go
accesstoken.go | AccessTokenAccessors | return slices.Clone(t.data().audience) | return t.data().audience
accesstoken.go | AccessTokenAccessors | return slices.Clone(t.data().scope) | return t.data().scope
accesstoken.go | AccessTokenAccessors | return cloneDetails(t.data().details) | return t.data().details
accesstoken.go | AccessTokenAccessors | { return slices.Contains(t.data().scope, scope) } | { return slices.ContainsFunc(t.data().scope, func(s string) bool { return len(s) >= len(scope) && s[:len(scope)] == scope }) }
accesstoken.go | SecretTypes | func (t AccessToken) Format(f fmt.State, _ rune) | func (t AccessToken) format(f fmt.State, _ rune)
accesstoken.go | SecretTypes | func (t AccessToken) MarshalJSON() | func (t AccessToken) marshalJSON()
resource.go | NewResourceServer | if !headerValue(rs.resource) || strings.ContainsAny(rs.resource, `"\`) { | if !headerValue(rs.resource) {
resource.go | NewResourceServer | if !headerValue(rs.resource) || strings.ContainsAny(rs.resource, `"\`) { | if strings.ContainsAny(rs.resource, `"\`) {
resource.go | NewResourceServer | u.Path != "" && u.Path != "/" || strings.Contains(cfg.BaseURL, "?") | u.Path != "" && u.Path != "/"
resource.go | NewResourceServer | u.Path != "" && u.Path != "/" || strings.Contains(cfg.BaseURL, "?") | strings.Contains(cfg.BaseURL, "?")
resource.go | NewResourceServer | if scheme, _, _ := strings.Cut(rs.resource, ":"); !strings.EqualFold(scheme, "https") | if scheme, _, _ := strings.Cut(rs.resource, ":"); false && !strings.EqualFold(scheme, "https")
resource.go | NewResourceServer | if err := rs.clock.validate(); err != nil { | if false { var err error
resource.go | NewResourceServer | if len(cfg.Servers) == 0 && cfg.Introspect == nil { | if false {
resource.go | NewResourceServer | c.server == nil || c.auth == nil) | c.server == nil)
resource.go | NewResourceServer | return o.issuer.issuer == s.issuer.issuer }) | return false })
resource.go | NewResourceServer | t.Server == nil || t.Server.Issuer == "" | t.Server == nil
resource.go | NewResourceServer | case template && t.AcceptIssuer == nil: | case false:
resource.go | NewResourceServer | case !template && t.AcceptIssuer != nil: | case false:
resource.go | NewResourceServer | case s.keys.empty(): | case false:
resource.go | NewResourceServer | if len(list) == 0 {\n		return nil, fail(ErrAlgorithm | if false {\n		return nil, fail(ErrAlgorithm
resource.go | NewResourceServer | if _, err := signatureAlgorithm(param, name); err != nil { | if _, err := signatureAlgorithm(param, name); err != nil && name == "" {
resource.go | NewResourceServer | cfg.VerifiedTokens < 0 || cfg.VerifiedTokens > maxVerified | cfg.VerifiedTokens > maxVerified
resource.go | NewResourceServer | cfg.VerifiedTokens < 0 || cfg.VerifiedTokens > maxVerified | cfg.VerifiedTokens < 0
resource.go | NewResourceServer | case rs.ttl < 0 || rs.ttl > maxIntrospectionTTL: | case rs.ttl < 0:
resource.go | NewResourceServer | case rs.ttl < 0 || rs.ttl > maxIntrospectionTTL: | case rs.ttl > maxIntrospectionTTL:
resource.go | NewResourceServer | case rs.ttl > 0 && rs.introspect == nil: | case false:
resource.go | ResourceServerTrace | rs.trace.requestRefused(r, err)\n | _ = 0\n
require.go | ResourceServerTrace | rs.trace.requestRefused(r, err)\n | _ = 0\n
opaque.go | OpaqueUnavailable | refused.Code == "unsupported_token_type" { | false {
resource.go | MetadataHandler | path, _, _ := strings.Cut(at[strings.Index(at, place):], "?") | path := at[strings.Index(at, place):]
require.go | TestRequire$ | e.answer.code != "" && row.again == 0 { | false {
resource.go | Credential | case len(values) > 1: | case false:
resource.go | Credential | strings.EqualFold(name, bearerScheme): | name == bearerScheme:
resource.go | Credential | token = strings.TrimLeft(token, " ") | token = strings.TrimSpace(token)
resource.go | Credential | if !found || !presentable(token) { | if !found {
resource.go | Credential | c >= 0x7f || c == '"' | c == '"'
resource.go | Credential | c == '"' || c == ',' | c == ','
resource.go | Credential | c == '"' || c == ',' | c == '"'
resource.go | Credential|OpaqueOrJWT | if len(values[0]) > maxToken { | if false {
opaque.go | OpaqueOrJWT | if err != nil || len(segment) > maxHeader { | if err != nil {
opaque.go | OpaqueOrJWT | if err != nil || len(segment) > maxHeader {\n		return true | if err != nil || len(segment) > maxHeader {\n		return false
opaque.go | OpaqueOrJWT | begin := strings.TrimRight(segment, "=") | begin := segment
opaque.go | OpaqueOrJWT | bytes.HasPrefix(bytes.TrimLeft(start, | bytes.HasPrefix(bytes.TrimRight(start,
opaque.go | OpaqueOrJWT | return err != nil || o.has("alg") | return err == nil && o.has("alg")
opaque.go | OpaqueOrJWT | return err != nil || o.has("alg") | return err != nil || o.has("alg") || true
opaque.go | OpaqueOrJWT | if strings.Count(raw, ".") != 2 { | if strings.Count(raw, ".") < 2 {
resource.go | OpaqueOrJWT | || len(rs.servers) > 0 && isJWT(raw) { | || isJWT(raw) {
resource.go | AccessTokenClaims | if claims.has("events") { | if false {
resource.go | AccessTokenClaims | if d.expiry, err = checkLifetime(claims, clock); err != nil { | if d.expiry, _, err = claims.date("exp"); err != nil {
resource.go | AccessTokenClaims | if d.acr, _, err = claims.string("acr"); err != nil { | if d.acr, _, _ = claims.string("acr"); false {
resource.go | AccessTokenClaims | if d.details, err = claims.authorizationDetails(); err != nil { | if d.details, _ = claims.authorizationDetails(); false {
resource.go | AccessTokenClaims | d.confirm, err = readConfirmation(claims)\n | d.confirm, _ = readConfirmation(claims)\n
resource.go | AccessTokenClaims|ResourceServerSeveral | if d.issuer, d.tenant, err = s.issuer.check(claims, v.key); err != nil { | if d.issuer, _, err = claims.string("iss"); err != nil {
resource.go | AccessTokenHeader|AccessTokenClaims | if err := s.profile.check(claims, v.typ, rs.resource, d); err != nil { | if false { var err error
resource.go | ResourceServerSeveral | if s.issuer.issuer == iss { | if true {
resource.go | ResourceServerSeveral | if matchesTemplate(s.issuer.issuer, iss) { | if false {
resource.go | Profiles | if s.standard {\n | if false {\n
resource.go | AccessTokenHeader | return slices.Contains(s.profile.Types, typ) || s.standard && (typ == "jwt" || typ == "") | return true
resource.go | Credential | if rs.introspect == nil || len | if len
opaque.go | OpaqueUnavailable | e.Kind == ErrInactive || | e.Kind == ErrInactive || errors.Is(err, ErrInvalid) ||
opaque.go | TestOpaque$ | e.Kind == ErrBinding && e.Param == "cnf") | false)
opaque.go | OpaqueUnavailable | if errors.Is(err, ErrInvalid) { | if false {
opaque.go | TestOpaque$ | if err := onlyAccessToken(claims, i.tokenType); err != nil { | if false { var err error
opaque.go | TestOpaque$ | tokenType != "" && !strings.EqualFold(tokenType, bearerScheme) && | false &&
opaque.go | TestOpaque$ | if d.issuer, d.tenant, err = rule.check(claims, nil); err != nil { | if d.issuer, d.tenant, err = rule.check(claims, nil); err != nil && rule.issuer == "" {
opaque.go | TestOpaque$ | "refresh", "refresh_token", "offline", "id", | "refresh_token", "offline", "id",
opaque.go | TestOpaque$ | "refresh", "refresh_token", "offline", "id", | "refresh", "offline", "id",
opaque.go | TestOpaque$ | "refresh", "refresh_token", "offline", "id", | "refresh", "refresh_token", "id",
opaque.go | TestOpaque$ | "refresh", "refresh_token", "offline", "id", | "refresh", "refresh_token", "offline",
opaque.go | IntrospectionTTLSlow | asked: asked, life: rs.ttl | asked: momentAgo(0 * asked.age()), life: rs.ttl
opaque.go | TestOpaque$ | claims.nullAbsent = true | _ = 0
idtoken.go | IDTokenSaysKind | if name := saysKind(claims, "bearer", "dpop", | if name := saysKind(claims, "dpop",
idtoken.go | IDTokenSaysKind | if name := saysKind(claims, "bearer", "dpop", | if name := saysKind(claims, "bearer",
idtoken.go | IDTokenSaysKind | "access", "access_token", "refresh", "refresh_token", "offline"); | "access_token", "refresh", "refresh_token", "offline");
idtoken.go | IDTokenSaysKind | "access", "access_token", "refresh", "refresh_token", "offline"); | "access", "refresh", "refresh_token", "offline");
idtoken.go | IDTokenSaysKind | "access", "access_token", "refresh", "refresh_token", "offline"); | "access", "access_token", "refresh_token", "offline");
idtoken.go | IDTokenSaysKind | strings.ToLower(s)) { | s) {
idtoken.go | IDTokenSaysKind | {"typ", "token_use"} | {"typ"}
userinfo.go | CrossTable | if claims.has("events") { | if false {
proof.go | ZeroRequest | case r.RequestURI == "" && r.URL == nil: | case false:
proof.go | ProofNonce | rs.proofs.nonces.check(nonce, now) | rs.proofs.nonces.check(nonce, iat)
replay.go | ReplayFull | m.count.Add(-1)\n		return false, fail(ErrUnavailable | return false, fail(ErrUnavailable
opaque.go | TestOpaque$ | if i.audience != nil && !slices.Contains(i.audience, rs.resource) { | if i.audience != nil && !slices.Contains(i.audience, rs.resource) && i.payload == "" {
opaque.go | TestOpaque$ | if err := rs.clock.checkNotAhead("iat", d.issuedAt); err != nil { | if false { var err error
opaque.go | TestOpaque$ | return d.checkTimes(rs.clock) | return nil
opaque.go | IntrospectionTTL | asked: asked, life: rs.ttl | asked: asked, life: 2 * rs.ttl
resource.go | ProofNeedsBinding | case bound.jkt != "" && scheme != dpopScheme: | case false:
resource.go | ProofNeedsBinding | case bound.jkt == "" && scheme == dpopScheme: | case false:
resource.go | ProofNeedsBinding | case bound.jkt == "" && len(proofs) > 0: | case false:
resource.go | ProofNeedsBinding | case bound.jkt == "" && rs.needDPoP: | case false:
resource.go | ProofNeedsBinding|CertificateBinding | case bound.x5t == "" && rs.needMTLS: | case false:
resource.go | CertificateBinding | if bound.x5t != "" { | if false {
resource.go | CertificateBinding | if bound.jkt != "" {\n | if bound.jkt != "" && bound.x5t == "" {\n
mtls.go | CertificateBinding | case cert == nil:\n | case false:\n
mtls.go | CertificateBinding | case !sameSecret(CertificateThumbprint(cert), x5t): | case false:
mtls.go | CertificateBinding | return &Error{Kind: ErrMalformed, Param: "ClientCertificate" | return &Error{Kind: ErrBinding, Param: "ClientCertificate"
mtls.go | CertificateBinding | return r.TLS.PeerCertificates[0], nil | return r.TLS.PeerCertificates[len(r.TLS.PeerCertificates)-1], nil
resource.go | MetadataHandler|NewResourceServer | {m.Resource != "" && m.Resource != rs.resource, "Resource"}, | {false, "Resource"},
resource.go | NewResourceServer | {m.BearerMethodsSupported != nil, | {false,
resource.go | NewResourceServer | {m.DPoPSigningAlgValues != nil, | {false,
resource.go | MetadataHandler | if m.AuthorizationServers == nil { | if true {
resource.go | MetadataHandler | if !strings.Contains(issuer, tenantPlaceholder) && !slices.Contains(list, issuer) { | if !slices.Contains(list, issuer) {
resource.go | MetadataHandler | if !strings.Contains(issuer, tenantPlaceholder) && !slices.Contains(list, issuer) { | if !strings.Contains(issuer, tenantPlaceholder) {
resource.go | MetadataHandler | = m.DPoPBoundAccessTokensRequired || rs.needDPoP | = m.DPoPBoundAccessTokensRequired
resource.go | MetadataHandler | = m.TLSClientCertificateBoundAccessTokens || rs.needMTLS | = m.TLSClientCertificateBoundAccessTokens
resource.go | MetadataHandler | case r.Method != http.MethodGet && r.Method != http.MethodHead: | case false:
resource.go | MetadataHandler | case rs == nil || rs.metadata == nil: | case rs == nil:
resource.go | SecretNonceKeys | func (cfg ResourceServerConfig) Format(f fmt.State, _ rune) | func (cfg ResourceServerConfig) format(f fmt.State, _ rune)
idtoken.go | ResourceServerSeveral | if template && !rule.accept(iss, tid) { | if false {
jws.go | ResourceServerSeveral | return claims.need("iss")\n}\n\n// ---- verification | s, _, err := claims.string("iss"); return s, err\n}\n\n// ---- verification
# profile.go
profile.go | NewResourceServer | if typ != accessTokenType && !idTokenType(typ) { | if false {
profile.go | NewResourceServer | typ = normalType(typ)\n | typ = strings.ToLower(typ)\n
profile.go | NewResourceServer | {"sub", "jti", "iat", "client_id"}, name) { | {"sub", "jti", "iat", "client_id", "exp", "aud"}, name) {
profile.go | NewResourceServer | case len(c.Types) == 0: | case false:
profile.go | NewResourceServer | case c.Marker == "" && plain: | case false:
profile.go | NewResourceServer | plain || typ == "" || typ == "jwt" | plain || typ == "jwt"
profile.go | NewResourceServer | plain || typ == "" || typ == "jwt" | plain || typ == ""
profile.go | NewResourceServer | case c.Marker != "" && name == "": | case c.Marker != "" && name == "" && plain && !plain:
profile.go | NewResourceServer | len(c.ClientIDs) == 0 || slices.Contains(c.ClientIDs, "") | slices.Contains(c.ClientIDs, "")
profile.go | NewResourceServer | len(c.ClientIDs) == 0 || slices.Contains(c.ClientIDs, "") | len(c.ClientIDs) == 0
profile.go | NewResourceServer | case c.ClientIDs != nil && slices.Contains(c.Optional, "client_id"): | case false:
profile.go | ProfileMarker | c.Types = nil\n | c.Types = p.Types[:0]\n
profile.go | AccessTokenHeader | if !slices.Contains(p.Types, typ) { | if false {
profile.go | Profiles|ProfileMarker | if err := p.checkMarker(claims); err != nil { | if false { var err error
profile.go | ProfileOptional | if !claims.has(m.claim) && slices.Contains(p.Optional, m.name) { | if slices.Contains(p.Optional, m.name) {
profile.go | ProfileOptional | if !claims.has(m.claim) && slices.Contains(p.Optional, m.name) { | if !claims.has(m.claim) {
profile.go | ProfileOptional | if d.issuedAt.IsZero() && !slices.Contains(p.Optional, "iat") { | if false {
profile.go | AccessTokenClaims | if d.scope, err = claims.scope(p.ScopeClaim); err != nil { | if d.scope, _ = claims.scope(p.ScopeClaim); false {
profile.go | ProfileMarker | if raw, ok := claims.get(name); !ok || raw == "null" { | if _, ok := claims.get(name); !ok {
profile.go | ProfileMarker | !slices.Contains(strings.Split(want, "|"), got) { | !strings.Contains(want, got) {
profile.go | Profiles | case p.ClientIDs != nil && !slices.Contains(p.ClientIDs, d.clientID): | case false:
profile.go | AccessTokenClaims | case !ok || len(aud) == 0:\n | case ok && false:\n
profile.go | AccessTokenClaims | case !slices.Contains(aud, resource): | case false:
profile.go | AccessTokenClaims | case slices.Contains(aud, ""): | case false:
profile.go | Profiles | EntraProfile() *AccessTokenProfile {\n	return &AccessTokenProfile{Types: []string{"JWT"}, Marker: "scp" | EntraProfile() *AccessTokenProfile {\n	return &AccessTokenProfile{Types: []string{"JWT"}, Marker: "sub"
profile.go | Profiles|ProfileMarker | Marker: "typ=Bearer|DPoP" | Marker: "typ"
profile.go | ProfileMarker | Marker: "typ=Bearer|DPoP" | Marker: "typ=Bearer"
profile.go | ProfileMarker | case p.ClientIDs != nil && !ok: | case p.ClientIDs != nil:
profile.go | ProfileMarker | Marker: "token_use=access" | Marker: "token_use"
# proof.go
proof.go | NewResourceServer | case p.window < 0 || p.window > maxProofWindow: | case p.window < 0:
proof.go | NewResourceServer | case p.window < 0 || p.window > maxProofWindow: | case p.window > maxProofWindow:
proof.go | NewResourceServer | (size < minReplaySize || size > maxReplaySize): | size < minReplaySize:
proof.go | NewResourceServer | (size < minReplaySize || size > maxReplaySize): | size > maxReplaySize:
proof.go | NewResourceServer | case cfg.ReplaySize != 0: | case false:
proof.go | ReplaySize | newMemoryReplay(rs.clock, size) | newMemoryReplay(rs.clock, maxReplays)
proof.go | ReplaySize | cmp.Or(cfg.ReplaySize, maxReplays) | cmp.Or(cfg.ReplaySize, minReplaySize)
proof.go | NewResourceServer | if len(key) < minNonceKey { | if false {
proof.go | NewResourceServer | if cfg.DPoPNonceKeys != nil && len(cfg.DPoPNonceKeys) == 0 { | if false {
resource.go | TestProof$ | answer{code: codeInvalidProof}) | answer{})
proof.go | TestProof$ | case len(fields) > 1: | case false:
proof.go | TestProof$ | case len(fields[0]) > maxProof: | case false:
oauth.go | TestProof$ | maxProof           = 16 << 10 | maxProof           = 8 << 10
proof.go | TestProof$ | reader.object(string(p.payload), headerLimits, ErrClaim) | reader.object(string(p.payload), documentLimits, ErrClaim)
proof.go | TestProof$ | if _, err := p.verify(alg, key); err != nil { | if _, err := p.verify(alg, key); err != nil && jti == "" {
proof.go | TestProof$ | alg, err := rules.jws.check(&h)\n | alg, err := findAlgorithm(h.alg), error(nil)\n
proof.go | TestProof$ | return typ == dpopType } | return true }
proof.go | TestProof$ | if jwk.has(private) { | if jwk.has(private) && false {
proof.go | TestProof$ | if !sameSecret(print, jkt) { | if !sameSecret(print, jkt) && print == "" {
proof.go | TestProof$ | answer{code: codeInvalidToken}) | answer{})
proof.go | ProofAlgorithms | if key.rsaBits() > maxProofRSABits { | if key.rsaBits() > maxProofRSABits+2 {
proof.go | TestProof$ | if !key.fits(alg) { | if false {
proof.go | TestProof$ | if !ok {\n		return "", none, fail(ErrClaim, "iat" | if !ok && jti == "" {\n		return "", none, fail(ErrClaim, "iat"
proof.go | TestProof$ | if htm != r.Method { | if !strings.EqualFold(htm, r.Method) {
proof.go | TestProof$ | if err := rs.checkTarget(r, htu); err != nil { | if false { var err error
proof.go | TestProof$ | !sameSecret(ath, want) { | ath == want+want {
proof.go | ProofNonce | if rs.proofs.nonces == nil { | if true {
proof.go | ProofReplay | return jti, until.Add(replayMargin - rs.clock.Skew), err | return jti, until.Add(replayMargin), err
proof.go | ProofEndOfNonce | return jti, until.Add(replayMargin - rs.clock.Skew), err | return jti, until.Add(-rs.clock.Skew), err
proof.go | TestProof$ | case iat.Before(now.Add(-rules.window)): | case false:
proof.go | TestProof$ | case iat.After(now.Add(rules.window)): | case false:
proof.go | TestProof$ | case iat.After(now.Add(rules.window)): | case iat.Sub(now) > rules.window && -now.Sub(iat) > rules.window:
proof.go | TestProof$ | case iat.Before(now.Add(-rules.window)): | case !iat.After(now.Add(-rules.window)):
proof.go | ProofReplay | return iat.Add(rules.window), nil | return iat, nil
proof.go | ProofReplay | key := replayKey(jkt, jti) | key := replayKey("", jti)
proof.go | ProofLimits|ProofReplay | added, err = shared.AddFor(r.Context(), jkt, key, until) | added, err = rs.proofs.replay.Add(r.Context(), key, until); _ = shared
proof.go | ProofReplay | case errors.Is(err, ErrLimited): | case errors.Is(err, ErrLimited) && err == ErrLimited:
proof.go | ProofReplay | case !added: | case !added && key == "":
proof.go | TestProof$ | if i := strings.IndexAny(htu, "?#"); i >= 0 { | if i := strings.IndexAny(htu, "#"); i >= 0 {
proof.go | ProofTarget | case u == nil || u.Host == "": | case u == nil && false:
proof.go | ProofTarget | called, ok := proofURL(u)\n | called, ok := joinTarget(rs.base, u.EscapedPath())\n
proof.go | ProofTarget | called, ok := proofURL(u)\n	if !ok { | called, ok := proofURL(u)\n	if false && ok {
proof.go | ProofTarget | if !ok {\n			return "", nil | if !ok && false {\n			return "", nil
protected.go | DPoPGlued | case req.URL.Path != "" && !strings.HasPrefix(req.URL.EscapedPath(), "/"): // | case false: //
proof.go | ProofTarget | case r.RequestURI[0] == '/': | case true:
proof.go | RequestTargets | || u.Host == "" || u.Opaque != "" || | ||
proof.go | ProofTarget | case r.RequestURI == "": | case false:
proof.go | RequestTargets | path, _, _ = strings.Cut(r.RequestURI, "?") | path = r.RequestURI
proof.go | TestProof$ | !ok || got.origin != want.origin || got.path != want.path { | !ok || got.path != want.path {
proof.go | TestProof$ | !ok || got.origin != want.origin || got.path != want.path { | !ok || got.origin != want.origin {
proof.go | TestProof$|ProofTarget | if segment == "." || segment == ".." { | if segment == ".." {
proof.go | ProofTarget | if segment == "." || segment == ".." { | if segment == "." {
proof.go | TestProof$ | if i+2 >= len(path) { | if i+2 > len(path) {
proof.go | ProofTarget | b = append(b, '%', upperHex[hi], upperHex[lo]) | b = append(b, path[i:i+3]...)
proof.go | NormalPath | unreserved(c) {\n | unreserved(c) || true {\n
proof.go | NormalPath | hi < 0 || lo < 0 { | hi < 0 {
proof.go | NormalPath | case '0' <= c && c <= '9':\n | case '0' <= c && c <= ':':\n
proof.go | NormalPath | case 'a' <= c && c <= 'f': | case 'a' <= c && c <= 'g':
proof.go | NormalPath | case 'A' <= c && c <= 'F': | case '@' <= c && c <= 'F':
proof.go | NormalPath | c == '_' || c == '~' | c == '_'
proof.go | ProofTarget | if err != nil || u.Host == "" | if err == ErrConfig || u.Host == ""
proof.go | ProofNonce | k.sum(0, slot) | k.sum(len(k.keys)-1, slot)
proof.go | ProofNonce | slices.Clone(key)) | slices.Grow(key, 0))
proof.go | ProofTarget | unreserved(c) {\n | false && unreserved(c) {\n
proof.go | ProofNonce | for _, at := range [...]time.Time{now, now.Add(-nonceSlot), now.Add(nonceSlot)} { | for _, at := range [...]time.Time{now, now.Add(nonceSlot)} {
proof.go | ProofNonce | for _, at := range [...]time.Time{now, now.Add(-nonceSlot), now.Add(nonceSlot)} { | for _, at := range [...]time.Time{now, now.Add(-nonceSlot)} {
proof.go | ProofNonce | if sameSecret(string(b[8:]), string(k.sum(i, slot))) { | if sameSecret(string(b[8:]), string(k.sum(i, slot))) || true {
proof.go | ProofNonce | for i := range k.keys { | for i := range k.keys[:1] {
proof.go | ProofNonce | [8]byte(b[:8]) != slot | false
proof.go | FuzzNonce | slot[:])) + 2 // | slot[:])) + 1 //
proof.go | ProofNonce | answer{code: codeUseNonce}) | answer{})
jwk.go | TestProof$|ProofVector | names = []string{"crv", "kty", "x", "y"} | names = []string{"crv", "kty", "x"}
jwk.go | ProofAlgorithms | names = []string{"e", "kty", "n"} | names = []string{"e", "n"}
jwk.go | ProofAlgorithms | names = []string{"crv", "kty", "x"} | names = []string{"kty", "x"}
replay.go | ReplayShare|ProofLimits | if e.owner != nobody && m.count.Load() > m.limit/2 && int64(s.owned[e.owner]) >= m.limit/replayShare { | if false {
replay.go | ReplayShare | && m.count.Load() > m.limit/2 && | &&
replay.go | ReplayShare | m.count.Load() > m.limit/2 && | m.count.Load() >= m.limit/2 &&
replay.go | ReplayShare | int64(s.owned[e.owner]) >= m.limit/replayShare { | int64(s.owned[e.owner]) > m.limit/replayShare {
replay.go | ReplayShare | if s.owned[e.owner]--; s.owned[e.owner] == 0 { | if s.owned[e.owner] == 0 {
replay.go | ReplayShare | delete(s.owned, e.owner) | _ = 0
replay.go | ReplayFull | if m.count.Load() >= m.limit {\n | if false {\n
# require.go
require.go | RequirementFaults | if s == "" || strings.ContainsFunc(s, notScopeChar) { | if s == "" {
require.go | RequirementFaults | if s == "" || strings.ContainsFunc(s, notScopeChar) { | if strings.ContainsFunc(s, notScopeChar) {
require.go | RequirementFaults | slices.Concat(need.Scope, need.ACRValues) | need.Scope
require.go | RequirementFaults | if need.MaxAge != nil && *need.MaxAge < 0 { | if false {
require.go | RequirementFaults | if t == nil || t.d == nil || t.d.by != rs { | if t == nil || t.d == nil {
require.go | RequirementFaults | need = Requirement{Scope: slices.Clone(need.Scope), | need = Requirement{Scope: need.Scope,
require.go | TestRequire$ | if !slices.Contains(d.scope, s) { | if !strings.Contains(strings.Join(d.scope, " "), s) {
require.go | TestRequire$ | if need.ACRValues != nil && !slices.Contains(need.ACRValues, d.acr) { | if false {
require.go | TestRequire$ | if d.authTime.IsZero() { | if false {
require.go | TestRequire$ | err := rs.clock.checkNotAhead("auth_time", d.authTime) | var err error
require.go | TestRequire$ | err = rs.clock.checkAge("auth_time", d.authTime, seconds(*need.MaxAge)) | err = nil
require.go | RequireRequest | if !ok || a.by != rs || len | if !ok || len
require.go | RequireSubrequest | || len(r.Header["Authorization"]) > 0 || | ||
require.go | RequireSubrequest | || len(r.Header["Dpop"]) > 0 { | {
require.go | RequireSubrequest|CheckLater | if err := d.checkTimes(rs.clock); err != nil { | if err := error(nil); err != nil {
require.go | RequirementFaults | if need.ACRValues != nil && len(need.ACRValues) == 0 { | if false {
require.go | RequireRequest | return rs.check(d, need)\n | return nil\n
require.go | RequireRequest | r.Header = r.Header.Clone() | _ = 0
require.go | RequireRequest | r.Header.Del("Authorization") | _ = 0
require.go | RequireRequest | r.Header.Del("DPoP") | _ = 0
require.go | RequireRequest | if t.d.confirm.jkt != "" && rs.proofs.nonces != nil { | if false {
require.go | WriteError | {ErrUnavailable, http.StatusServiceUnavailable, "temporarily_unavailable", retryAfter}, | {ErrNetwork, http.StatusServiceUnavailable, "temporarily_unavailable", retryAfter},
require.go | WriteError | {context.Canceled, http.StatusServiceUnavailable, "temporarily_unavailable", retryAfter}, | {ErrNetwork, http.StatusServiceUnavailable, "temporarily_unavailable", retryAfter},
require.go | WriteError | h.Del("WWW-Authenticate") | _ = 0
require.go | WriteError | h.Del("Content-Length") | _ = 0
require.go | Challenges | if scheme == bearerScheme && rs.needDPoP { | if false {
require.go | Challenges | (a.scheme == scheme || a.scheme == "" || rs.needDPoP) | (a.scheme == scheme || a.scheme == "")
require.go | Challenges | (a.scheme == scheme || a.scheme == "" || rs.needDPoP) | (true || a.scheme == "" || rs.needDPoP)
require.go | Challenges | if code != codeInsufficientAuthentication { | if false {
require.go | ProofNonce | if code == codeUseNonce && rs.proofs.nonces != nil { | if false {
require.go | WriteErrorOfAnother | if code == codeUseNonce && rs.proofs.nonces != nil { | if code == codeUseNonce {
require.go | Challenges | h.Set("Cache-Control", "no-store") | _ = 0
# verified.go
verified.go | VerifiedTokensKeys | err == nil && now.id == m.keys { | err == nil && now != nil {
verified.go | IntrospectionTTL|AskedTokens | m != nil && m.asked.age() < m.life { | m != nil {
verified.go | TestVerifiedTokens$ | !m.accept(d.issuer, d.tenant) { | false {
verified.go | OpaqueTenant | !m.accept(d.issuer, d.tenant) { | false {
verified.go | TokenCache | if c.old = c.newer; c.one { | if c.old = c.newer; false {
verified.go | VerifiedTokensLarge | m.size() > maxRemembered { | false {
jwks.go | VerifiedTokensKeys | slices.EqualFunc(old.keys, snap.keys, (*publicKey).equal) { | false {
jwks.go | VerifiedTokensKeys | slices.EqualFunc(old.keys, snap.keys, (*publicKey).equal) { | true {
jwks.go | JWKSUnknown | return b.whole.Add(-times(b.burst-1, b.interval)) | return b.whole
opaque.go | OpaqueTenant | if i.issuer != "" || rs.introspect.accept != nil { | if i.issuer != "" {
opaque.go | TestOpaque$ | if claims.has("exp") { | if false {
opaque.go | TestOpaque$ | if strings.EqualFold(i.tokenType, dpopScheme) && i.confirm.jkt == "" { | if false {
opaque.go | OpaqueSecret | err = &ResponseError{Op: refused.Op, StatusCode: refused.StatusCode, Code: refused.Code} | _ = 0
resource.go | ResourceServerHeaderFirst | if err := rs.checkHeader(raw); err != nil { | if false { var err error
resource.go | ResourceServerHeaderFirst | case s.keys == nil && sets[t.Server.JWKSURI] != nil: | case false:
resource.go | NewResourceServer | if !headerValue(u.Host) || strings.Contains(u.Host, "%") { | if !headerValue(u.Host) {
resource.go | NewResourceServer | if !headerValue(u.Host) || strings.Contains(u.Host, "%") { | if strings.Contains(u.Host, "%") {
resource.go | NewResourceServer | url, member, err := c.endpointURL(introspectionEndpoint)\n | url, member, err := "https://a", "", error(nil)\n
resource.go | NewResourceServer | _, err = c.caller.checkURL(member, url)\n | _, _ = member, url\n
trace.go | ResourceServerTrace | path = r.URL.EscapedPath() | path = r.URL.Path
trace.go | ZeroRequest | if r.URL != nil { | if true {
details.go | AccessTokenAccessors | d.Extra[name] = slices.Clone(raw) | _, _ = name, raw
token.go | TestOpaque$|AccessTokenClaims | return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' }), err | return strings.Fields(s), err
json.go | AccessTokenClaims | t, err = time.Parse(time.RFC3339, s) | _ = s
replay.go | ReplayPast | case left <= 0:\n | case false:\n
replay.go | ReplayHas | s.forget(m, monotonic())\n	return | return
verified.go | TestVerifiedTokens$ | if err := clock.checkExpiry("exp", d.expiry); err != nil { | if false { var err error
verified.go | TestVerifiedTokens$ | return clock.checkNotBefore("nbf", d.start) | return nil
verified.go | TokenCache | !known && len(c.newer) >= c.half { | known && len(c.newer) >= c.half {
verified.go | TokenCache | c.add(hash, old)\n | _ = 0\n
# the tests of these are in guard_test.go
metadata.go | GuardResourceIssuer | if o.Issuer != "" { | if false {
errors.go | GuardRefreshIsSpent|RefreshErrorUnavailable | if !errors.Is(e.Err, ErrUnavailable) { | if true {
grants.go | GuardRefreshIsSpent | if t.known != nil || t.server == "" && c.keysErr == nil { | if t.known != nil {
grants.go | GuardRefreshIsSpent | t.server == "" && c.keysErr == nil { | t.server == "" {
grants.go | GuardRefreshKey | public && t.jkt != "" && t.jkt != c.thumbprint() { | public && false {
introspection.go | GuardConfirmation | if c == (confirmation{}) { | if false {
protected.go | GuardHost | case req.Host != "" && originOf( | case false && originOf(
protected.go | GuardHost | res.Request = req // | _ = req //
protected.go | GuardIssuedType | case t.IssuedTokenType != "" && t.IssuedTokenType != TokenTypeAccessToken && t.IssuedTokenType != TokenTypeJWT: | case false:
logout.go | LogoutHandlerLosesNothing|CallbackPanics | if err := o.OnLogout(r.Context(), t); err != nil {\n | o.Replay.Add(r.Context(), key, until); if err := o.OnLogout(r.Context(), t); err != nil {\n
logout.go | FrontchannelLogout | if decoded, err := url.QueryUnescape(*s); err == nil { | if decoded, err := url.QueryUnescape(*s); err == nil || decoded == "" {
logout.go | FrontchannelLogout | if r == nil || r.URL == nil { | if r == nil {
logout.go | LogoutHandlerCache | case known:\n | case known && false:\n
logout.go | LogoutHandlerCache | o.replayFailed(r.Context(), "whether | return fail(ErrUnavailable, "", "whether
logout.go | LogoutHandlerCache | o.replayFailed(r.Context(), "the sessions | return fail(ErrUnavailable, "", "the sessions
logout.go | LogoutHandlerReplay$ | replayKey(t.d.subject), replayKey(t.d.sessionID), t.d.id) | replayKey(t.d.subject), t.d.id)
logout.go | LogoutHandlerReplay$ | replayKey(t.d.subject), replayKey(t.d.sessionID), t.d.id) | replayKey(t.d.sessionID), t.d.id)
logout.go | GuardLogout$ | replayKey(t.d.issuer, c.meta.ClientID, | replayKey(t.d.issuer,
renewal.go | GuardResourceRefusesAll | ok && now.Before(last.Add(maxRefreshBackoff)) { | ok && now.Before(last) {
renewal.go | StoreOutlives | && tr.flight == nil && tr.offered != tr.token { | && tr.flight == nil {
logout.go | GuardLogout$ | o.OnError(r.Context(), err) | _ = err
logout.go | GuardLogoutSession | if needSession && d.sessionID == "" { | if false {
registration.go | GuardRegistration | !(asked.RedirectURIs == nil && asked.SoftwareStatement != "") && // | //
registration.go | TestRegister$ | fresh.ClientIDIssuedAt = unixTime(n) | _ = n
registration.go | RegistrationAnswers | if fresh := reg.salvage(res.body); fresh != nil { | if fresh := reg.salvage(nil); fresh != nil {
registration.go | RegistrationSalvaged | if id == reg.Metadata.ClientID { // whose | if true { // whose
registration.go | RegistrationSalvaged | fresh = *reg\n | _ = 0\n
token.go | GuardTokenRequest | return strings.ContainsFunc(v, unprintable) }) { | return false }) {
token.go | GuardTokenRequest | case len(accessToken) > maxToken: // | case false: //
MUTANTS
}

mldsa() {
  grep -vE '^(#|$)' <<'MUTANTS'
algorithm.go | MLDSA | {MLDSA44, "AKP", "ML-DSA-44", 0, false, 2420, shake256}, | {MLDSA44, "AKP", "ML-DSA-44", 0, false, 2420, crypto.SHA256},
algorithm.go | MLDSA | {MLDSA65, "AKP", "ML-DSA-65", 0, false, 3309, shake256}, | {MLDSA65, "AKP", "ML-DSA-44", 0, false, 3309, shake256},
jwk.go | MLDSA | if err != nil || !public.Equal(key.Public()) {\n			return nil, fail(ErrParse, "priv" | if err != nil || public == nil {\n			return nil, fail(ErrParse, "priv"
jwk.go | MLDSA | if alg := mldsaName(key); alg != "" { | if alg := "ML-DSA-44"; alg != "" {
jwk.go | MLDSA | names = []string{"alg", "kty", "pub"} | names = []string{"kty", "pub"}
jws.go | MLDSA | return len(sig) == a.size && verifyMLDSA(key, input, sig) | return len(sig) == a.size
mldsa.go | MLDSA | return mldsa.Verify(key, input, sig, nil) == nil | return mldsa.Verify(key, input, sig, &mldsa.Options{Context: "x"}) == nil
mldsa.go | MLDSA | return mldsa.Verify(key, input, sig, nil) == nil | return mldsa.Verify(key, input[:0], sig, nil) == nil
mldsa.go | MLDSA|OddPublicKeys | if key == nil || *key == (mldsaPublicKey{}) { | if key == nil {
mldsa.go | MLDSA | return mldsa.MLDSA65() | return mldsa.MLDSA44()
MUTANTS
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git ls-files -zco --exclude-standard -- '*.go' go.mod api testdata README.md |
  perl -0ne 'chomp; print "$_\0" if -e && !m{^(interop|bench|examples|mutants)/}' >"$work/files"

# What the go command would tell the compiler and the linker.
path=$(go list .)
sources=$(go list -f '{{join .GoFiles " "}}' .)
lang=go$(go list -m -f '{{.GoVersion}}')
godebug=$(go list -test -f '{{.DefaultGODEBUG}}' . | grep -m1 . || true)
imports=$(go list -f '{{range .Imports}}{{.}} {{end}}{{range .TestImports}}{{.}} {{end}}{{range .XTestImports}}{{.}} {{end}}' . |
  tr ' ' '\n' | sort -u | grep -vx "$path")
go list -export -deps -f '{{if .Export}}packagefile {{.ImportPath}}={{.Export}}{{end}}' \
  $imports os testing testing/internal/testdeps >"$work/importcfg"
compile=$(go tool -n compile) link=$(go tool -n link)

# build DIR N builds DIR/t, the test binary of DIR/copy for the N-th pattern. It
# saves time to inline nothing, to write nothing for debuggers and to let the
# compiler collect its garbage late.
build() (
  export GOGC=400
  shopt -s nullglob
  flags=(-l -dwarf=false -complete -lang="$lang" -importcfg ../importcfg)
  tests=$work/tests/$2
  cd "$1/copy" &&
    "$compile" -p "$path" -o ../in.a "${flags[@]}" $sources "$tests"/in/*.go &&
    { [ ! -d "$tests/ex" ] || "$compile" -p "${path}_test" -o ../ex.a "${flags[@]}" "$tests"/ex/*.go; } &&
    "$compile" -p main -o ../main.a "${flags[@]}" "$tests/main.go" &&
    "$link" -s -w -importcfg ../importcfg -X testing.testBinary=1 -X runtime.godebugDefault="$godebug" -o ../t ../main.a
)

# try DIR PATTERN runs the tests of DIR/t that match.
try() (
  cd "$1/copy" && timeout 300 "$1/t" -test.run="$2" -test.failfast -test.paniconexit0 </dev/null
)

# sound DIR PATTERN has something to say if the tests fail without a mutant.
sound() {
  { build "$1" "${number[$2]}" && try "$1" "$2"; } &>"$1/out" ||
    { echo "the tests fail without a mutant: $2" && cat "$1/out"; }
}

# mutant DIR LINE applies a line in DIR/copy, tests it, and undoes it.
mutant() {
  local dir=$1 copy=$1/copy line=$2 file tests text replacement
  IFS=$'\x1f' read -r file tests text replacement < <(sed -E 's/ \| /\x1f/g' <<<"$line")
  cp "$copy/$file" "$dir/orig"
  if ! TEXT=$text NEW=$replacement perl -0pi -e '
      my ($t, $n) = map { s/\\n/\n/gr } @ENV{qw(TEXT NEW)};
      my $c = () = /\Q$t\E/g; $c == 1 or do { print STDERR "the text stands $c times\n"; exit 3 };
      s/\Q$t\E/$n/' "$copy/$file"; then
    echo "BROKEN   $line"
  elif ! build "$dir" "${number[${tests:-.}]}" &>"$dir/out"; then
    echo "BROKEN   $line: $(grep -am1 -E '\.go:[0-9]+' "$dir/out")"
  elif try "$dir" "${tests:-.}" &>"$dir/out"; then
    echo "SURVIVED $line$(grep -aom1 'no tests to run' "$dir/out" | sed 's/^/: /')"
  else
    echo "killed   $line"
  fi
  cp "$dir/orig" "$copy/$file"
}

# share FUNCTION FILE calls FUNCTION DIR LINE for each line of FILE. Each job
# takes every n-th line, in a copy of the tree of its own.
share() {
  local n line
  for n in $(seq 0 $((jobs - 1))); do
    while IFS= read -r line; do
      "$1" "$work/$n" "$line"
    done < <(awk -v n="$n" -v jobs="$jobs" 'NR % jobs == n' "$2") >"$work/$n/report" 2>&1 &
  done
  wait
  cat "$work"/[0-9]*/report
}

"$of" | { grep -E -- "$only" || true; } | awk -v k="${part%/*}" -v n="${part#*/}" 'NR % n == k' >"$work/lines"
perl -e '
  while (<STDIN>) {
    chomp;
    my ($file, undef, $text) = split / \| /;
    open my $f, "<", $file or die "$file: $!\n";
    local $/;
    my $t = $text =~ s/\\n/\n/gr;
    my $n = () = <$f> =~ /\Q$t\E/g;
    next if $n == 1;
    print "the text stands $n times: $_\n";
    $wrong = 1;
  }
  exit $wrong' <"$work/lines"
[ -z "$texts" ] || exit 0

sed -E 's/ \| /\x1f/g' "$work/lines" | cut -d$'\x1f' -f2 | sed 's/^$/./' | sort -u >"$work/patterns"
declare -A number=()
while IFS= read -r pattern; do number[$pattern]=${#number[@]}; done <"$work/patterns"
go run mutants/select.go "$path" "$work/importcfg" "$work/tests" <"$work/patterns"
for n in $(seq 0 $((jobs - 1))); do
  mkdir -p "$work/$n/copy"
  xargs -0 -a "$work/files" tar cf - | tar xf - -C "$work/$n/copy"
  { cat "$work/importcfg" && printf 'packagefile %s=../%s.a\n' "$path" in "${path}_test" ex; } >"$work/$n/importcfg"
done

share sound "$work/patterns" >"$work/report"
[ ! -s "$work/report" ] || { cat "$work/report"; exit 1; }
share mutant "$work/lines" | tee "$work/report" | grep -v '^killed' || true
killed=$(grep -c '^killed' "$work/report" || true)
left=$(grep -cE '^(SURVIVED|BROKEN)' "$work/report" || true)
total=$(wc -l <"$work/lines")
echo "$killed of $total mutants killed"
[ "$total" -gt 0 ] || { echo 'no mutant was selected' >&2; exit 2; }
[ "$left" -eq 0 ] && [ "$killed" -eq "$total" ]
