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
set -euo pipefail
cd "$(dirname "$0")"
only=${1:-.}
jobs=${JOBS:-$(nproc 2>/dev/null || echo 2)}

list() {
  grep -vE '^(#|$)' <<'MUTANTS'
# idtoken.go
idtoken.go | IDToken | if claims.has("events") { | if false {
idtoken.go | IDToken | case "at+jwt", "dpop+jwt", "logout+jwt", "token-introspection+jwt", "oauth-authz-req+jwt", "secevent+jwt": | case "nothing":
idtoken.go | IDToken | if iss != want { | if false {
idtoken.go | IDToken | if !isGUID(tid) { | if false {
idtoken.go | IDToken | if template && !c.accept(iss, tid) { | if false {
idtoken.go | IDTokenKeyIssuer | if key.issuer != "" && strings.ReplaceAll | if false && strings.ReplaceAll
idtoken.go | IDToken | case !slices.Contains(aud, c.meta.ClientID): | case false:
idtoken.go | IDToken | case slices.Contains(aud, ""): | case false:
idtoken.go | IDToken | case !ok && len(aud) > 1: | case false:
idtoken.go | IDToken | case !ok, outside && len(aud) == 1: | case !ok, outside:
idtoken.go | IDToken | case !ok, outside && len(aud) == 1: // | case !ok: //
idtoken.go | IDToken | case azp != c.meta.ClientID: | case azp == "":
idtoken.go | IDToken | return fail(ErrClaim, "iat", "is missing") | return nil
idtoken.go | IDToken | if x.frontend {\n | if false {\n
idtoken.go | IDToken | c.meta.RequireAuthTime | false
idtoken.go | IDToken | x.needTime | false
idtoken.go | IDToken | if err := c.clock.checkNotAhead("auth_time", id.authTime); err != nil { | if false {
idtoken.go | IDToken | return c.clock.checkAge("auth_time", id.authTime, seconds(*x.maxAge)) | return nil
idtoken.go | IDToken | return exp, fail(ErrClaim, "exp", "is missing") | return exp, nil
idtoken.go | IDToken | if err := clock.checkExpiry("exp", exp); err != nil { | if false {
idtoken.go | IDToken | return exp, checkStart(claims, clock) | return exp, nil
idtoken.go | IDToken | if err := clock.checkNotBefore("nbf", nbf); err != nil { | if nbf.IsZero() {
idtoken.go | IDToken | return clock.checkNotAhead("iat", iat) | _ = iat; return nil
idtoken.go | IDToken | case ok && x.nonce == "": | case false:
idtoken.go | IDToken | case !sameSecret(nonce, x.nonce): | case false:
idtoken.go | IDToken | if !sameSecret(got, encodeBase64URL(h[:len(h)/2])) { | if got == "" {
idtoken.go | IDToken | case !ok && required: | case false:
idtoken.go | VerifyIDToken | x.nonceRule = nonceIgnored\n | _ = x\n
idtoken.go | VerifyIDToken | if x.maxAge != nil && *x.maxAge < 0 { | if false {
# callback.go
callback.go | Authorization | a.issuer != c.server.Issuer || a.clientID | a.clientID
callback.go | Authorization | a.issuer != c.server.Issuer || a.clientID != c.meta.ClientID | a.issuer != c.server.Issuer
callback.go | AuthorizationLifetime | if age > c.lifetime { | if age > 2*maxAuthorizationAge {
callback.go | ValidateCallback | if len(params[name]) > 1 { | if false {
callback.go | ValidateCallback | if params.Has("response") { | if false {
callback.go | ValidateCallback | if c.server.AuthorizationResponseIssParameter { | if false {
callback.go | ValidateCallback | if iss != c.server.Issuer && !matchesTemplate(c.server.Issuer, iss) { | if false {
callback.go | ValidateCallback | return ok && isGUID(tid) | return ok
callback.go | ValidateCallback | if !sameSecret(params.Get("state"), a.state) { | if false {
callback.go | UsedOnce | if a.used.Swap(true) { | if false {
callback.go | ValidateCallback | if code := params.Get("error"); code != "" { | if code := ""; code != "" {
callback.go | ValidateCallback | if params.Has(name) { | if false {
callback.go | ValidateCallback | if code == "" { | if false {
callback.go | CallbackPlace | if r.Method != http.MethodGet { | if false {
callback.go | CallbackPlace | if r.Method != http.MethodPost { | if false {
callback.go | CallbackPlace | if query.Has(name) { | if false {
callback.go | CallbackPlace | if !strings.EqualFold(strings.TrimSpace(mediaType), mediaForm) { | if mediaType == "x" {
callback.go | CallbackPlace | if len(body) > maxBody { | if false {
callback.go | CallbackPlace | if a.responseMode == "fragment" { | if false {
# authorize.go
authorize.go | AuthorizationURL | form.Set("code_challenge_method", "S256") | _ = 0
authorize.go | AuthorizationURL | state: randomString(), | state: "fixed",
authorize.go | NonceGoes | if a.openid() && !r.InsecureNoNonce { | if !r.InsecureNoNonce {
authorize.go | FinishAuthorization | a.verifier = randomString()\n | a.verifier = ""\n
authorize.go | Pushed | if r.Pushed || c.server.RequirePushedAuthorizationRequests || | if r.Pushed ||
authorize.go | Pushed | || c.meta.RequirePushedAuthorizationRequests { | {
authorize.go | Pushed | return url.Values{"client_id": {c.meta.ClientID}, "request_uri": {requestURI}}, nil | form.Set("request_uri", requestURI); return form, nil
authorize.go | Pushed | return "", fail(ErrResponse, "expires_in", "is missing") | return requestURI, nil
authorize.go | RequestErrors | if c.server.RequireSignedRequestObject || c.meta | if c.meta
authorize.go | RequestErrors | if !loopback(u.Hostname()) && !insecure { | if false {
authorize.go | RequestErrors | case "javascript", "data", | case "data",
authorize.go | RequestErrors | if s == "" || strings.ContainsFunc(s, notScopeChar) { | if false {
authorize.go | RequestErrors | (public || !openid || r.InsecureNoNonce) | (public && false || !openid || r.InsecureNoNonce)
authorize.go | RequestErrors | (public || !openid || r.InsecureNoNonce) | (public || !openid && false || r.InsecureNoNonce)
authorize.go | RequestErrors | (public || !openid || r.InsecureNoNonce) | (public || !openid)
authorize.go | RequestErrors | if _, twice := form[name]; twice { | if false {
authorize.go | RequestErrors | return fail(ErrConfig, "ResponseType", "%s is not supported | _ = fail(ErrConfig, "ResponseType", "%s is not supported
authorize.go | RequestErrors | case u.Fragment != "" || strings.HasSuffix(raw, "#"): // RFC 6749, Section 3.1.2 | case false:
authorize.go | RequestErrors | if err != nil || claims[0] != '{' { | if err != nil {
authorize.go | RequestErrors | len(saved) > maxSaved { | false {
authorize.go | RequestErrors | if r.MaxAge != nil && *r.MaxAge < 0 { | if false {
authorize.go | DefaultMaxAge | a.maxAge = c.meta.DefaultMaxAge | _ = 0
authorize.go | AuthorizationSaved | if len(data) > maxSaved { | if false {
authorize.go | AuthorizationSaved | if err == nil && (fresh.state == "" || fresh.created.IsZero()) { | if false {
saved.go | Saved | if r.err == nil && len(r.b) > 0 { | if false {
saved.go | Saved | case b[0] != version: | case false:
# token.go
token.go | AuthorizationOfAnother|Refusals | if cb.used.Swap(true) { | if false {
token.go | ResponseIssuerOfTenant | t.idToken.issuer != cb.issuer { | false {
token.go | TokenIDToken | if x.openid {\n | if false {\n
token.go | TokenIDToken | x.checks.accessToken = t.AccessToken.Reveal() | _ = 0
token.go | TokenIDToken|FinishAuthorization | checks: idTokenChecks{nonce: a.nonce, maxAge: a.maxAge} | checks: idTokenChecks{maxAge: a.maxAge}
token.go | MaxAge | checks: idTokenChecks{nonce: a.nonce, maxAge: a.maxAge} | checks: idTokenChecks{nonce: a.nonce}
token.go | TokenResponse | if !headerValue(accessToken) { | if false {
token.go | TokenResponse | return "", fail(ErrTokenType, | return s, nil; return "", fail(ErrTokenType,
token.go | TokenResponse | if ok && s == "" { | if false {
token.go | TokenResponse | return strings.Fields(asked), nil | return nil, nil
token.go | TokenRefusals | if err := res.expect(http.StatusOK); err != nil { | if err := res.expect(http.StatusOK, http.StatusCreated); err != nil {
token.go | ExpiryIsLocal | t.Expiry = c.clock.local() | t.Expiry = c.clock.now()
token.go | GrantOptions | if slices.Contains(reservedHeaders[:], http.CanonicalHeaderKey(name)) { | if false {
token.go | GrantOptions | "client_assertion_type", "code", "redirect_uri", "code_verifier", "resource", "refresh_token", "scope") | "client_assertion_type", "resource")
# userinfo.go
userinfo.go | UserInfo | if subject != "" && sub != subject { | if false {
userinfo.go | UserInfo | case known != "" && o.Subject != "" && known != o.Subject: | case false:
userinfo.go | UserInfo | return "", fail(ErrConfig, "Subject", "is not known | return "", nil; return "", fail(ErrConfig, "Subject", "is not known
userinfo.go | UserInfo | if t.server != "" && t.server != c.server.Issuer { | if false {
userinfo.go | UserInfo | } else if c.meta.UserinfoSignedResponseAlg != "" { | } else if false {
userinfo.go | UserInfo | } else if ok && !slices.Contains(aud, c.meta.ClientID) { | } else if ok && slices.Contains(aud, "") {
userinfo.go | UserInfo | if claims.has("iss") || v.key.issuer != "" { | if false {
userinfo.go | UserInfo | if !strings.EqualFold(t.TokenType, "bearer") && t.TokenType != "" { | if strings.EqualFold(t.TokenType, "none") {
userinfo.go | UserInfo | if !headerValue(t.AccessToken.Reveal()) { | if false {
userinfo.go | UserInfo | _, err = checkLifetime(claims, c.clock) | _ = 0
userinfo.go | UserInfo | err = checkStart(claims, c.clock) | _ = 0
# metadata.go
metadata.go | Discover | if !sameIssuer(as.Issuer, issuer) { | if false {
metadata.go | Discover | return ok && !strings.Contains(host, "/") && b == a+"/" | return ok && host != "" && b == a+"/"
metadata.go | WellKnown | base := strings.TrimSuffix(issuer, "/") | base := issuer
metadata.go | Discover | if strings.Contains(issuer, "?") { | if false {
metadata.go | Endpoint | c.useAliases && aliases != nil | aliases != nil
metadata.go | DropsSecrets | "client_secret", "registration_access_token"} | "client_secret"}
jsonstruct.go | Metadata|Discover | if m.raw == "null" && | if false &&
jsonstruct.go | Collision | known { | known && false {
# oauth.go
oauth.go | NewClient | case template && c.accept == nil: | case false:
oauth.go | NewClient | case !template && c.accept != nil: | case false:
oauth.go | NewClient | case c.meta.ClientID == "": | case false:
oauth.go | NewClient | case c.server.Issuer == "": | case false:
oauth.go | NewClient | if m := c.meta.DefaultMaxAge; m != nil && *m < 0 { | if false {
oauth.go | NewClient | server, err := cfg.Server.clone() | server, err := cfg.Server, error(nil)
oauth.go | NewClient | if err := f.fault(); err != nil { | if err := f.fault(); err == ErrConfig {
oauth.go | NewClient | if c.lifetime < 0 || c.lifetime > maxAuthorizationAge { | if false {
oauth.go | NewClient | if _, err := signatureAlgorithm(a.param, a.alg); err != nil { | if false {
oauth.go | NewClient | if _, err := a.audienceOf(c.server); err != nil { | if a == nil {
oauth.go | CheckedWhenUsed | if _, err := c.caller.checkURL(member, target); err != nil { | if false {
oauth.go | Partial | if c.auth == nil { | if false {
oauth.go | RequestErrors|GrantOptions | if _, set := form[name]; set || slices.Contains(reserved, name) { | if false {
oauth.go | LeavesForm | Header: http.Header{}, Form: url.Values{}, | Header: http.Header{}, Form: form,
MUTANTS
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git ls-files -zco --exclude-standard -- '*.go' go.mod api testdata README.md |
  perl -0ne 'chomp; print "$_\0" if -e && !m{^(interop|bench|examples)/}' >"$work/files"

# mutant COPY LINE applies a line in a copy of the tree, tests it, and undoes it.
mutant() {
  local copy=$1 line=$2 file tests text replacement
  IFS=$'\t' read -r file tests text replacement < <(sed -E 's/ \| /\t/g' <<<"$line")
  cp "$copy/$file" "$copy/$file.orig"
  if ! TEXT=$text NEW=$replacement perl -0pi -e '
      my ($t, $n) = map { s/\\n/\n/gr } @ENV{qw(TEXT NEW)};
      my $c = () = /\Q$t\E/g; $c == 1 or do { print STDERR "the text stands $c times\n"; exit 3 };
      s/\Q$t\E/$n/' "$copy/$file"; then
    echo "BROKEN   $line"
  elif out=$(cd "$copy" && timeout 300 go test -vet=off -failfast -count=1 -run "${tests:-.}" . 2>&1); then
    echo "SURVIVED $line"
  elif grep -qE 'build failed|no tests to run' <<<"$out"; then
    echo "BROKEN   $line: $(grep -m1 -E '\.go:[0-9]+' <<<"$out")"
  else
    echo "killed   $line"
  fi
  mv "$copy/$file.orig" "$copy/$file"
}

# Each worker takes every n-th line, in a copy of its own.
worker() {
  local n=$1 i=0 copy=$work/copy$1
  mkdir "$copy"
  xargs -0 tar cf - <"$work/files" | tar xf - -C "$copy"
  while IFS= read -r line; do
    [ $((i++ % jobs)) -eq "$n" ] && mutant "$copy" "$line"
  done < <(list | grep -E -- "$only")
  return 0
}

for n in $(seq 0 $((jobs - 1))); do worker "$n" >"$work/report$n" 2>&1 & done
wait
cat "$work"/report* | tee "$work/report" | grep -v '^killed' || true
killed=$(grep -c '^killed' "$work/report" || true)
left=$(grep -cE '^(SURVIVED|BROKEN)' "$work/report" || true)
total=$(list | grep -cE -- "$only" || true)
echo "$killed of $total mutants killed"
[ "$left" -eq 0 ] && [ "$killed" -eq "$total" ]
