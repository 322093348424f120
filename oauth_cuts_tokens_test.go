package oauth

// The signed and encrypted kinds of oauth_cuts_test.go.

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Why changed tokens are accepted.
const (
	whySigned = "of a signed token nothing but its own bytes; signed again, what its claims say to a second reader, " +
		"and with another header only where that changes nothing that is looked at"
	whyEncrypted = "of an encrypted token nothing but its own bytes; encrypted again, with a member of the header that nobody looks at, the same content"
)

// cutHeaderKinds and so on are what can be wrong with a segment that is not signed any more.
var (
	cutHeaderKinds    = []error{ErrParse, ErrAlgorithm, ErrKeyNotFound, ErrUnsupported, ErrType, ErrSignature}
	cutSignatureKinds = []error{ErrParse, ErrSignature}
	cutClaimKinds     = []error{ErrClaim, ErrIssuer, ErrAudience, ErrExpired, ErrNotYetValid, ErrNonce, ErrType, ErrState, ErrAlgorithm, ErrUnsupported, ErrKeyNotFound, ErrParse}
)

// A cutJWT is a good JWT to be changed.
type cutJWT struct {
	key            *SigningKey
	header, claims string
	needs          []string // members of the header
	fields         []cutField
	read           func(raw string) cutResult
	unsigned       []error // kinds of errors about claims that are looked at before the signature
	more           []error // and after it
	judge          func(claims string, says map[string]string) string
}

func (j *cutJWT) base() *cutBase {
	text := jwsToken(j.key, j.header, j.claims)
	first := strings.IndexByte(text, '.')
	last := strings.LastIndexByte(text, '.')
	judge := j.judge
	if judge == nil {
		judge = func(claims string, says map[string]string) string { return judgeFields(claims, j.fields, says) }
	}
	return &cutBase{
		text: text, donor: jwsToken(j.key, j.header, strings.Replace(j.claims, "{", `{"x":1,`, 1)), separator: ".", read: j.read,
		changes: func(yield func(cutChange)) {
			cutFields(j.claims, j.fields, func(c cutChange) {
				c.build = func() string { return jwsToken(j.key, j.header, c.object) }
				yield(c)
			})
			j.headers(yield)
		},
		kinds: func(i int) []error {
			switch {
			case i < 0:
				return slices.Concat(cutClaimKinds, j.more)
			case i <= first:
				return slices.Concat(cutHeaderKinds, j.unsigned)
			case i < last:
				return slices.Concat(cutSignatureKinds, j.unsigned)
			}
			return slices.Concat(cutSignatureKinds, j.unsigned)
		},
		judge: func(c cutChange, says map[string]string) string {
			switch {
			case c.at >= 0:
				return "it was changed after it was signed"
			case c.member == cutHeader:
				return judge(j.claims, says)
			}
			return judge(c.object, says)
		},
	}
}

// cutHeader stands for the header, of which a change names no member.
const cutHeader = "\x00header"

// headers signs with changed headers. What they need is never accepted without; what nobody
// implements is never looked past.
func (j *cutJWT) headers(yield func(cutChange)) {
	var fields []cutField
	for _, name := range j.needs {
		fields = append(fields, cutField{member: name, need: true})
	}
	sign := func(c cutChange) {
		c.build = func() string { return jwsToken(j.key, c.object, j.claims) }
		c.must, c.may, c.member = false, false, cutHeader
		yield(c)
	}
	cutFields(j.header, fields, func(c cutChange) {
		if c.must {
			object, at := c.object, c.member
			c.what += ", which it needs"
			refused := c
			refused.build = func() string { return jwsToken(j.key, object, j.claims) }
			refused.must, refused.member = true, at
			yield(refused)
			return
		}
		sign(c)
	})
	for _, more := range []string{`"crit":["x"]`, `"crit":[]`, `"crit":null`, `"b64":false`, `"b64":true`, `"zip":"DEF"`} {
		name := strings.Split(more, `"`)[1]
		object := strings.Replace(j.header, "{", "{"+more+",", 1)
		yield(cutChange{what: "header with " + more, at: -1, object: object, member: name, must: true,
			build: func() string { return jwsToken(j.key, object, j.claims) }})
	}
	for _, more := range []string{`"jku":"https://attacker.example"`, `"x5u":"https://attacker.example"`, `"x":1`, `"x5c":[]`} {
		sign(cutChange{what: "header with " + more, at: -1, object: strings.Replace(j.header, "{", "{"+more+",", 1)})
	}
}

func cutIs(want string) func(string) bool { return func(s string) bool { return s == want } }

func cutHas(want string) func(string) bool {
	return func(s string) bool { return strings.Contains(s, strconv.Quote(want)) }
}

// cutPresent renders what no result says.
func cutPresent(json.RawMessage) string { return "there" }

func cutUnix(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.Unix(), 10)
}

// cutIssued are the claims that a server says of itself, its client and the time.
func cutIssued(audience string) []cutField {
	return []cutField{
		{member: "iss", need: true, render: cutString, good: cutIs(unitIssuer)},
		{member: "aud", need: true, render: cutList, good: cutHas(audience)},
		{member: "exp", need: true, render: cutDate},
		{member: "iat", need: true, render: cutDate},
	}
}

func cutHeaderOf(key *SigningKey, typ string) string {
	return string(append(appendHeader(nil, key.alg.name, typ, key.kid), '}'))
}

// cutKeySet has the key, and others that are not asked for.
func cutKeySet(key *SigningKey) *KeySet {
	return must(ParseKeySet([]byte(`{"keys":[` + string(key.PublicJWK()) + "," + string(jwsKey(PS384, "other").PublicJWK()) + `]}`)))
}

func cutTokenKinds() []cutKind {
	var kinds []cutKind
	for _, alg := range []Algorithm{RS256, PS256, ES256, Ed25519, MLDSA44} {
		if alg == MLDSA44 && mldsaNeeds != "" {
			continue // this Go has no ML-DSA
		}
		kinds = append(kinds, cutKind{
			name: "ID token, " + string(alg), reads: []string{"Client.VerifyIDToken", "Client.verifyIDToken", "parsePublicJWK"}, why: whySigned,
			make: func(t testing.TB, r *rand.Rand) *cutBase { return cutIDToken(t, r, jwsKey(alg, "key-1")) },
		})
	}
	for name, key := range map[string]sender{
		"RSA-OAEP-256, A128GCM":         {name: "RSA", alg: "RSA-OAEP-256", enc: "A128GCM"},
		"ECDH-ES, A128CBC-HS256":        {name: "P-256", alg: "ECDH-ES", enc: "A128CBC-HS256", apu: "a", apv: "b"},
		"ECDH-ES+A128KW, A256GCM":       {name: "P-256", alg: "ECDH-ES+A128KW", enc: "A256GCM"},
		"A256GCMKW, A256CBC-HS512":      {name: "secret", alg: "A256GCMKW", enc: "A256CBC-HS512"},
		"A128KW, A192CBC-HS384":         {name: "secret", alg: "A128KW", enc: "A192CBC-HS384"},
		"dir, A256GCM":                  {name: "secret", alg: "dir", enc: "A256GCM"},
		"ECDH-ES+A256KW of X25519, GCM": {name: "X25519", alg: "ECDH-ES+A256KW", enc: "A128GCM"},
	} {
		if unitDecryptionKeys()[key.name] == nil && key.name != "secret" {
			continue // X25519 is not approved in this mode
		}
		kinds = append(kinds, cutKind{
			name: "JWE, " + name, reads: []string{"parseJWE", "ownDecrypter.DecryptJWE"}, why: whyEncrypted,
			make: func(t testing.TB, r *rand.Rand) *cutBase { return cutJWE(t, r, key) },
		})
	}
	slices.SortFunc(kinds, func(a, b cutKind) int { return strings.Compare(a.name, b.name) })
	return append(kinds,
		cutKind{name: "ID token in a JWE", reads: []string{"decryptToken"}, why: whyEncrypted, make: cutNested},
		cutKind{name: "access token", reads: []string{"ResourceServer.Authenticate", "ResourceServer.AuthenticateCredential"}, why: whySigned, make: cutAccessToken, asks: 4},
		cutKind{name: "access token of one of two servers", reads: []string{"ResourceServer.verify"}, why: whySigned, make: cutAccessTokenOfTwo},
		cutKind{name: "DPoP proof", reads: []string{"parseProofHeader"}, why: whySigned, make: cutProof},
		cutKind{name: "logout token", reads: []string{"Client.VerifyLogoutToken", "Client.verifyLogoutToken"}, why: whySigned, make: cutLogoutToken},
		cutKind{name: "JARM response", reads: []string{"Client.ValidateAuthorizationResponse", "Client.validateResponse"}, why: whySigned, make: cutJARM},
		cutKind{name: "userinfo JWT", reads: []string{"Client.processUserInfoResponse"}, why: whySigned, make: cutUserInfoJWT},
		cutKind{name: "introspection JWT", reads: []string{"Client.processIntrospectionResponse"}, why: whySigned, make: cutIntrospectionJWT},
		cutKind{name: "JWT of an API", reads: []string{"KeySet.VerifyJWT", "KeySet.verifyJWT"}, why: whySigned, make: cutAPIJWT},
		cutKind{
			name: "client attestation", reads: []string{"parseHeader"}, make: cutAttestation,
			why: "its signature is for the server to verify, which gets the text as it is; what is read of it says the same to a second reader",
		},
	)
}

// cutClaims is a result that has claims.
func cutClaims(says map[string]string, claims func(any) error) map[string]string {
	var members map[string]json.RawMessage
	if err := claims(&members); err == nil {
		says[cutAll] = cutText(string(must(json.Marshal(members))))
	} else if !errors.Is(err, ErrClaim) { // two names that are one to encoding/json
		says[cutAll] = err.Error()
	}
	return says
}

// cutText is the meaning of a document in one form.
func cutText(object string, without ...string) string {
	var all any
	if err := decodeAny(strings.TrimPrefix(object, "\ufeff"), &all); err != nil {
		return err.Error()
	}
	if m, ok := cutSame(all).(map[string]any); ok {
		for _, name := range without {
			delete(m, name)
		}
	}
	return string(must(json.Marshal(all)))
}

// cutAll stands for all claims together.
const cutAll = "\x00all"

// judgeClaims is judgeFields, and that Claims gives what encoding/json reads.
func judgeClaims(fields []cutField) func(string, map[string]string) string {
	return func(object string, says map[string]string) string {
		if all := cutText(object); says[cutAll] != "" && says[cutAll] != all {
			return fmt.Sprintf("Claims gives %s, encoding/json %s", says[cutAll], all)
		}
		return judgeFields(object, fields, says)
	}
}

func cutIDToken(t testing.TB, r *rand.Rand, key *SigningKey) *cutBase {
	c := newUnitServer().client(t, func(c *Config) {
		c.KeySet, c.Metadata.IDTokenSignedResponseAlg = cutKeySet(key), Algorithm(key.alg.name)
	})
	nonce := cutWord(r, 8)
	fields := append(
		cutIssued(unitClient),
		cutField{member: "sub", need: true, render: cutString},
		cutField{member: "nonce", need: true, render: cutString, good: cutIs(nonce)},
		cutField{member: "acr", informs: true, render: cutString},
		cutField{member: "sid", informs: true, render: cutString},
	)
	j := &cutJWT{
		key: key, header: cutHeaderOf(key, "JWT"), needs: []string{"alg"}, fields: fields, judge: judgeClaims(fields),
		claims: unitJSON(t, unitClaims(map[string]any{"sub": cutWord(r, 6), "nonce": nonce, "acr": cutWord(r, 3), "sid": cutWord(r, 4), "email": "a@b"})),
		read: func(raw string) cutResult {
			id, err := c.VerifyIDToken(context.Background(), raw, VerifyIDTokenOptions{Nonce: nonce})
			res := cutResult{err: err, both: (id == nil) == (err == nil)}
			if id != nil {
				res.says = cutClaims(map[string]string{
					"iss": id.Issuer(), "aud": cutQuoted(id.Audience()), "exp": cutUnix(id.Expiry()), "iat": cutUnix(id.IssuedAt()),
					"sub": id.Subject(), "nonce": id.Nonce(), "acr": id.ACR(), "sid": id.SessionID(),
				}, id.Claims)
			}
			return res
		},
	}
	return j.base()
}

// cutNested is an ID token that is encrypted.
func cutNested(t testing.TB, r *rand.Rand) *cutBase {
	seal := sender{name: "P-256", alg: "ECDH-ES", enc: "A128GCM"}
	s := newUnitServer()
	c := s.client(t, func(c *Config) {
		c.KeySet = cutKeySet(s.key)
		c.Decrypter = newUnitDecrypter(t, decryptionKey(t, seal.name, seal.alg, []string{seal.enc}, ""))
		c.Metadata.IDTokenEncryptedResponseAlg, c.Metadata.IDTokenEncryptedResponseEnc = seal.alg, seal.enc
	})
	subject := cutWord(r, 6)
	inner := s.sign(t, "JWT", unitClaims(map[string]any{"sub": subject}))
	return &cutBase{
		text: seal.seal(t, inner), donor: seal.seal(t, inner), separator: ".",
		read: func(raw string) cutResult {
			id, err := c.VerifyIDToken(context.Background(), raw, VerifyIDTokenOptions{})
			res := cutResult{err: err, both: (id == nil) == (err == nil)}
			if id != nil {
				res.says = map[string]string{"sub": id.Subject()}
			}
			return res
		},
		kinds: func(i int) []error {
			if i < 0 {
				return cutHeaderKinds
			}
			return []error{ErrDecrypt, ErrParse, ErrAlgorithm, ErrUnsupported}
		},
		changes: func(yield func(cutChange)) {
			for i := range len(inner) { // what is inside is verified, too
				b := []byte(inner)
				b[i] ^= 1 << r.IntN(8)
				yield(cutChange{what: fmt.Sprintf("byte %d of the content", i), at: -1, object: string(b), build: func() string { return seal.seal(t, string(b)) }})
			}
		},
	}
}

func cutJWE(t testing.TB, r *rand.Rand, seal sender) *cutBase {
	d := newUnitDecrypter(t, decryptionKey(t, seal.name, seal.alg, []string{seal.enc}, ""))
	content := cutWord(r, 10)
	return &cutBase{
		text: seal.seal(t, content), donor: seal.seal(t, content), separator: ".",
		read: func(raw string) cutResult {
			got, err := d.DecryptJWE(context.Background(), raw)
			res := cutResult{err: err, both: (got == nil) == (err == nil)}
			if got != nil {
				res.says = map[string]string{"content": string(got)}
			}
			return res
		},
		kinds: ofKinds(ErrDecrypt),
		changes: func(yield func(cutChange)) {
			header := func(what string, must bool, change map[string]any) {
				x := seal
				x.header = change
				yield(cutChange{what: what, at: -1, object: what, must: must, build: func() string { return x.seal(t, content) }})
			}
			for _, name := range []string{"alg", "enc", "cty", "x"} {
				for _, v := range []any{nil, "", 1, true, []any{}, map[string]any{}, "none", "RSA1_5", json.RawMessage("null")} {
					header(fmt.Sprintf("%s %v", name, v), false, map[string]any{name: v})
				}
			}
			for _, name := range []string{"zip", "crit", "epk", "iv", "tag", "p2s", "p2c"} {
				for _, v := range []any{"", "DEF", 1, []any{"x"}, map[string]any{}} {
					header(fmt.Sprintf("%s %v", name, v), false, map[string]any{name: v})
				}
			}
		},
		judge: func(c cutChange, says map[string]string) string {
			needed := strings.HasPrefix(c.what, "alg ") || strings.HasPrefix(c.what, "enc ") || strings.HasPrefix(c.what, "zip ") || strings.HasPrefix(c.what, "crit ")
			if c.at >= 0 || says["content"] != content || needed {
				return "it is decrypted to " + says["content"]
			}
			return ""
		},
	}
}

// cutAPI is a resource server's judgment of a token.
func cutAPI(rs *ResourceServer, scheme string, proof func(token string) string) func(string) cutResult {
	r := apiRequest()
	return func(raw string) cutResult {
		r.Header = http.Header{"Authorization": {scheme + " " + raw}}
		if proof != nil {
			r.Header["Dpop"] = []string{proof(raw)}
		}
		token, err := rs.Authenticate(r)
		res := cutResult{err: err, both: (token == nil) == (err == nil)}
		if token != nil {
			res.says = cutClaims(map[string]string{
				"iss": token.Issuer(), "aud": cutQuoted(token.Audience()), "exp": cutUnix(token.Expiry()), "iat": cutUnix(token.IssuedAt()),
				"sub": token.Subject(), "client_id": token.ClientID(), "jti": token.ID(), "scope": strings.Join(token.Scope(), " "), "acr": token.ACR(),
			}, token.Claims)
		}
		return res
	}
}

func cutAccessClaims(t testing.TB, r *rand.Rand) (string, []cutField) {
	fields := append(
		cutIssued(unitResource),
		cutField{member: "sub", need: true, render: cutString},
		cutField{member: "client_id", need: true, render: cutString},
		cutField{member: "jti", need: true, render: cutString},
		cutField{member: "scope", render: cutScope},
		cutField{member: "acr", informs: true, render: cutString},
	)
	return unitJSON(t, accessClaims(map[string]any{"sub": cutWord(r, 6), "jti": cutWord(r, 6), "acr": cutWord(r, 3)})), fields
}

// cutAccessToken has its keys fetched: key ids that nobody has lead to fetches, and not to
// more than strangers can have.
func cutAccessToken(t testing.TB, r *rand.Rand) *cutBase {
	s := newUnitServer()
	rs := s.resource(t, nil)
	j := &cutJWT{key: s.key, header: cutHeaderOf(s.key, accessTokenType), needs: []string{"alg", "typ"}, unsigned: []error{ErrMalformed, ErrUnavailable}}
	j.claims, j.fields = cutAccessClaims(t, r)
	j.judge, j.more = judgeClaims(j.fields), []error{ErrBinding, ErrUnavailable}
	read := cutAPI(rs, bearerScheme, nil)
	j.read = func(raw string) cutResult {
		before := len(s.requests("/jwks"))
		res := read(raw)
		res.requests = len(s.requests("/jwks")) - before
		return res
	}
	return j.base()
}

func cutAccessTokenOfTwo(t testing.TB, r *rand.Rand) *cutBase {
	s := newUnitServer()
	other := jwsKey(Ed25519, "other")
	rs := s.resource(t, func(c *ResourceServerConfig) {
		c.Servers[0].KeySet = cutKeySet(s.key)
		second := *c.Servers[0].Server
		second.Issuer, second.JWKSURI = "https://second.example", "https://second.example/jwks"
		c.Servers = append(c.Servers, TrustedServer{Server: &second, KeySet: cutKeySet(other)})
	})
	j := &cutJWT{
		key: s.key, header: cutHeaderOf(s.key, accessTokenType), needs: []string{"alg", "typ"},
		unsigned: []error{ErrMalformed, ErrIssuer, ErrClaim}, // iss tells whose keys verify it
		more:     []error{ErrBinding, ErrSignature},
	}
	j.claims, j.fields = cutAccessClaims(t, r)
	j.judge, j.read = judgeClaims(j.fields), cutAPI(rs, bearerScheme, nil)
	return j.base()
}

// cutReplay takes every proof for a new one: one is read many times here.
type cutReplay struct{}

func (cutReplay) Add(context.Context, string, time.Time) (bool, error) { return true, nil }

func cutProof(t testing.TB, r *rand.Rand) *cutBase {
	s, key := newUnitServer(), proofKeyOf(t, ES256)
	rs := s.resource(t, func(c *ResourceServerConfig) { c.Servers[0].KeySet, c.Replay = cutKeySet(s.key), cutReplay{} })
	token := s.accessToken(t, boundTo(key))
	proof := ""
	read := cutAPI(rs, dpopScheme, func(string) string { return proof })
	sum := sha256.Sum256([]byte(token))
	j := &cutJWT{
		key: key, header: `{"alg":"ES256","typ":"dpop+jwt","jwk":` + string(minimalJWK(key.signer.Public())) + `}`, needs: []string{"alg", "typ", "jwk"},
		claims: unitJSON(t, proofClaims(token, map[string]any{"jti": cutWord(r, 12)})),
		fields: []cutField{
			{member: "htm", need: true, render: cutString, good: cutIs("GET"), hidden: true},
			{member: "htu", need: true, render: cutString, hidden: true, good: func(s string) bool {
				u, err := url.Parse(s)
				return err == nil && u.Host == "api.example" && u.Path == "/orders" && u.Scheme == "https" // its query does not count
			}},
			{member: "ath", need: true, render: cutString, good: cutIs(encodeBase64URL(sum[:])), hidden: true},
			{member: "jti", need: true, render: cutString, hidden: true},
			{member: "iat", need: true, render: cutDate, hidden: true, good: func(s string) bool {
				n, _ := strconv.ParseInt(s, 10, 64)
				return n >= unitTime-60 && n <= unitTime+60
			}},
		},
		// All that is cheap comes before the signature.
		unsigned: []error{ErrClaim, ErrBinding, ErrExpired, ErrNotYetValid},
		more:     []error{ErrBinding},
	}
	j.read = func(raw string) cutResult {
		proof = raw
		res := read(token)
		if res.says != nil && res.says["sub"] != "alice" {
			res.both = true
		}
		return res
	}
	return j.base()
}

func cutLogoutToken(t testing.TB, r *rand.Rand) *cutBase {
	s := newUnitServer()
	c := s.client(t, func(c *Config) { c.KeySet = cutKeySet(s.key) })
	fields := []cutField{
		{member: "iss", need: true, render: cutString, good: cutIs(unitIssuer)},
		{member: "aud", need: true, render: cutList, good: cutHas(unitClient), hidden: true},
		{member: "exp", render: cutDate, hidden: true},
		{member: "iat", need: true, render: cutDate},
		{member: "jti", need: true, render: cutString},
		{member: "events", need: true, render: cutPresent, hidden: true},
		{member: "sub", render: cutString},
		{member: "sid", render: cutString},
	}
	j := &cutJWT{
		key: s.key, header: cutHeaderOf(s.key, "logout+jwt"), needs: []string{"alg"}, fields: fields,
		claims: unitJSON(t, logoutClaims(map[string]any{"sub": cutWord(r, 6), "jti": cutWord(r, 6), "sid": cutWord(r, 4)})),
		judge: func(claims string, says map[string]string) string {
			members, _ := cutObject(claims)
			events, _ := cutObject(string(members["events"]))
			if !strings.HasPrefix(string(events[logoutEvent]), "{") || members["nonce"] != nil && string(members["nonce"]) != "null" {
				return "it says of no logout"
			}
			if says["sub"] == "" && says["sid"] == "" {
				return "it names nobody"
			}
			return judgeFields(claims, fields, says)
		},
		read: func(raw string) cutResult {
			token, err := c.VerifyLogoutToken(context.Background(), raw)
			res := cutResult{err: err, both: (token == nil) == (err == nil)}
			if token != nil {
				res.says = map[string]string{"iss": token.Issuer(), "iat": cutUnix(token.IssuedAt()), "jti": token.ID(), "sub": token.Subject(), "sid": token.SessionID()}
			}
			return res
		},
	}
	return j.base()
}

func cutJARM(t testing.TB, r *rand.Rand) *cutBase {
	s := newUnitServer()
	c := s.client(t, func(c *Config) {
		c.KeySet, c.Server.AuthorizationSigningAlgValuesSupported = cutKeySet(s.key), []Algorithm{ES256}
	})
	pending := s.start(t, c, &jarmRequest)
	saved := must(pending.MarshalBinary())
	j := &cutJWT{
		key: s.key, header: cutHeaderOf(s.key, "JWT"), needs: []string{"alg"}, more: []error{ErrRefused},
		claims: unitJSON(t, map[string]any{"iss": unitIssuer, "aud": unitClient, "exp": unitTime + 60, "state": pending.State(), "code": cutWord(r, 12)}),
		fields: []cutField{
			{member: "iss", need: true, render: cutString, good: cutIs(unitIssuer), hidden: true},
			{member: "aud", need: true, render: cutList, good: cutHas(unitClient), hidden: true},
			{member: "exp", need: true, render: cutDate, hidden: true},
			{member: "state", need: true, render: cutString, good: cutIs(pending.State()), hidden: true},
			{member: "code", need: true, render: cutString},
		},
		read: func(raw string) cutResult {
			var a PendingAuthorization
			if err := a.UnmarshalBinary(saved); err != nil {
				t.Fatal(err)
			}
			resp, err := c.ValidateAuthorizationResponse(context.Background(), &a, url.Values{"response": {raw}})
			res := cutResult{err: err, both: (resp == nil) == (err == nil)}
			if resp != nil {
				res.says = map[string]string{"code": resp.code.Reveal()}
			}
			return res
		},
	}
	base := j.base()
	inner := base.kinds
	base.kinds = func(i int) []error { return append(inner(i), ErrClaim) } // the parameter is missing where the text is empty
	return base
}

func cutUserInfoJWT(t testing.TB, r *rand.Rand) *cutBase {
	s, subject := newUnitServer(), cutWord(r, 6)
	c := s.client(t, func(c *Config) { c.KeySet, c.Metadata.UserinfoSignedResponseAlg = cutKeySet(s.key), ES256 })
	fields := []cutField{
		{member: "iss", render: cutString, hidden: true, good: func(s string) bool { return s == unitIssuer || s == "" }},
		{member: "aud", render: cutList, hidden: true, good: func(s string) bool { return s == "" || cutHas(unitClient)(s) }},
		{member: "sub", need: true, render: cutString, good: cutIs(subject)},
	}
	j := &cutJWT{
		key: s.key, header: cutHeaderOf(s.key, "JWT"), needs: []string{"alg"}, fields: fields, judge: judgeClaims(fields),
		claims:   unitJSON(t, unitClaims(map[string]any{"sub": subject, "email": cutWord(r, 4), "email_verified": true})),
		unsigned: []error{ErrResponse},
		read: func(raw string) cutResult {
			res := &httpResponse{op: opUserInfo, status: http.StatusOK, header: http.Header{}, mediaType: mediaJWT, body: raw}
			u, err := c.processUserInfoResponse(context.Background(), res, subject, "")
			got := cutResult{err: err, both: (u == nil) == (err == nil)}
			if u != nil {
				got.says = cutClaims(map[string]string{"sub": u.Subject()}, u.Claims)
			}
			return got
		},
	}
	return j.base()
}

func cutIntrospectionJWT(t testing.TB, r *rand.Rand) *cutBase {
	s := newUnitServer()
	c := s.introspector(t, func(c *Config) { c.KeySet, c.Metadata.IntrospectionSignedResponseAlg = cutKeySet(s.key), ES256 })
	fields := []cutField{
		{member: "iss", need: true, render: cutString, hidden: true, good: cutIs(unitIssuer)},
		{member: "aud", need: true, render: cutList, hidden: true, good: cutHas(unitClient)},
		{member: "iat", need: true, render: cutPresent, hidden: true},
		{member: "token_introspection", need: true, render: cutPresent, hidden: true},
	}
	j := &cutJWT{
		key: s.key, header: cutHeaderOf(s.key, "token-introspection+jwt"), needs: []string{"alg", "typ"}, fields: fields,
		claims:   unitJSON(t, introspectionClaims(map[string]any{"token_introspection": cutIntrospected(r)})),
		unsigned: []error{ErrResponse}, more: []error{ErrInactive, ErrBinding},
		judge: func(claims string, says map[string]string) string {
			if fault := judgeFields(claims, fields, says); fault != "" {
				return fault
			}
			members, _ := cutObject(claims)
			return judgeFields(string(members["token_introspection"]), introspectionFields, says)
		},
		read: func(raw string) cutResult {
			return readIntrospection(c, mediaIntrospectionJWT, raw)
		},
	}
	return j.base()
}

func cutAPIJWT(t testing.TB, r *rand.Rand) *cutBase {
	key := jwsKey(ES256, "key-1")
	keys := cutKeySet(key)
	fields := []cutField{
		{member: "iss", need: true, render: cutString, hidden: true, good: cutIs(unitIssuer)},
		{member: "aud", need: true, render: cutList, hidden: true, good: cutHas(unitClient)},
		{member: "exp", need: true, render: cutDate, hidden: true},
	}
	j := &cutJWT{
		key: key, header: cutHeaderOf(key, "payment+jwt"), needs: []string{"alg", "typ"}, fields: fields, judge: judgeClaims(fields),
		claims: unitJSON(t, unitClaims(map[string]any{"amount": cutWord(r, 4)})),
		read: func(raw string) cutResult {
			token, err := keys.VerifyJWT(context.Background(), raw, VerifyJWTOptions{Type: "payment+jwt", Issuer: unitIssuer, Audience: unitClient, Clock: Clock{Now: unitNow}})
			res := cutResult{err: err, both: (token == nil) == (err == nil)}
			if token != nil {
				res.says = cutClaims(map[string]string{}, token.Claims)
			}
			return res
		},
	}
	return j.base()
}

func cutAttestation(t testing.TB, r *rand.Rand) *cutBase {
	key := unitKey()
	text := attestationOf(t, attestationType, key, map[string]any{"iss": "https://" + cutWord(r, 8) + ".example"})
	parts := strings.Split(text, ".")
	claims := string(must(decodeBase64URL(nil, parts[1])))
	header := string(must(decodeBase64URL(nil, parts[0])))
	judge := func(raw string) string {
		segments := strings.Split(raw, ".")
		if len(segments) != 3 {
			return "it has not three segments"
		}
		h, err := decodeBase64URL(nil, segments[0])
		if err != nil {
			return err.Error()
		}
		payload, err := decodeBase64URL(nil, segments[1])
		if err != nil {
			return err.Error()
		}
		head, err := cutObject(string(h))
		if err != nil || !strings.EqualFold(strings.TrimPrefix(strings.ToLower(cutString(head["typ"])), "application/"), attestationType) {
			return fmt.Sprintf("the header is %s", h)
		}
		return judgeFields(string(payload), []cutField{
			{member: "sub", need: true, render: cutString, hidden: true, good: cutIs(unitClient)},
			{member: "exp", need: true, render: cutDate, hidden: true, good: func(s string) bool {
				n, _ := strconv.ParseInt(s, 10, 64)
				return n > unitTime
			}},
			{member: "cnf", need: true, hidden: true, render: func(raw json.RawMessage) string {
				var cnf struct{ JWK map[string]any }
				own := map[string]any{}
				json.Unmarshal(raw, &cnf)
				json.Unmarshal(key.PublicJWK(), &own)
				for _, name := range []string{"kty", "crv", "x", "y"} {
					if cnf.JWK[name] != own[name] {
						return ""
					}
				}
				return "the key"
			}},
		}, nil)
	}
	return &cutBase{
		text: text, donor: attestationOf(t, attestationType, key, nil), separator: ".",
		kinds: ofKinds(ErrParse, ErrType, ErrClaim, ErrExpired, ErrBinding, ErrUnsupported, ErrAlgorithm),
		read: func(raw string) cutResult {
			err := checkAttestation(raw, unitClient, key.Thumbprint(), unitNow())
			if err != nil {
				return cutResult{err: err}
			}
			return cutResult{says: map[string]string{}}
		},
		changes: func(yield func(cutChange)) {
			cutFields(claims, nil, func(c cutChange) {
				c.text = parts[0] + "." + encodeBase64URL([]byte(c.object)) + "." + parts[2]
				yield(c)
			})
			cutFields(header, nil, func(c cutChange) {
				c.text = encodeBase64URL([]byte(c.object)) + "." + parts[1] + "." + parts[2]
				yield(c)
			})
		},
		judge: func(c cutChange, _ map[string]string) string { return judge(c.text) },
	}
}
