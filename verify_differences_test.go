package oauth

// Two implementations of one rule: the package and oauthtest, which share no code, judge
// the same proofs, client assertions, request objects and ID tokens, of which each has
// something odd about it. They agree, but where a table says who is stricter, and why that
// is right.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"example.com/oauth/oauthtest"
)

// A jwtDraft is a JWT before it is signed. Texts are JSON: what json.Marshal would not
// write can be in it.
type jwtDraft struct {
	make           func(header, claims []byte) (string, error)
	header, claims map[string]json.RawMessage
	texts          []func(header, claims []byte) ([]byte, []byte)
	signed         []func(string) string
}

// sign returns the JWT, or an error if it cannot be made as it is.
func (d *jwtDraft) sign() (token string, err error) {
	defer func() { // of an oddity for which another one has left nothing
		if v := recover(); v != nil {
			err = fmt.Errorf("%v", v)
		}
	}()
	object := func(members map[string]json.RawMessage) []byte {
		var list []string
		for _, name := range slices.Sorted(maps.Keys(members)) {
			list = append(list, fmt.Sprintf("%q:%s", name, members[name]))
		}
		return []byte("{" + strings.Join(list, ",") + "}")
	}
	header, claims := object(d.header), object(d.claims)
	for _, edit := range d.texts {
		header, claims = edit(header, claims)
	}
	token, err = d.make(header, claims)
	for _, edit := range d.signed {
		if err == nil {
			token = edit(token)
		}
	}
	return token, err
}

// A jwtOddity is one odd thing about a JWT.
type jwtOddity struct {
	name string
	do   func(*jwtDraft)
}

// A jwtDifference says that one of the two refuses what the other accepts. Names are those
// of oddities; a star stands for the beginning or the end.
type jwtDifference struct {
	stricter string // oauth or oauthtest
	names    []string
	why      string
}

func (d *jwtDifference) explains(stricter, oddity string) (by string) {
	for _, name := range d.names {
		before, prefix := strings.CutSuffix(name, "*")
		behind, suffix := strings.CutPrefix(name, "*")
		if d.stricter == stricter && (name == oddity || prefix && strings.HasPrefix(oddity, before) || suffix && strings.HasSuffix(oddity, behind)) {
			return name
		}
	}
	return ""
}

// jwtTimes are NumericDates, of which offsets are from now.
func jwtTimes() map[string]string {
	times := map[string]string{
		"null": "null", "a string": `"1700000000"`, "true": "true", "an array": "[1700000000]", "zero": "0", "minus zero": "-0", "minus one": "-1",
		"in milliseconds": "1700000000000", "2^31": "2147483648", "2^53": "9007199254740992", "2^53+1": "9007199254740993", "2^53+2": "9007199254740994",
		"int64's end": "9223372036854775807", "int64's other end": "-9223372036854775808",
		"beyond int64": "9223372036854775808", "uint64's end": "18446744073709551615",
		"1e18": "1e18", "1e300": "1e300", "1e999": "1e999", "-1e300": "-1e300", "-2^53": "-9007199254740992", "1e-300": "1e-300",
		"292 years on": "10923372037", "292 years before": "-7523372037", "before year 1": "-62135596801",
		"now with an exponent": "1.7e9", "now with another exponent": "17000000000e-1",
		"now with a fraction": "1700000000.5", "now, 20 digits": "1700000000.0000000000",
		"leading zero": "01700000000", "plus": "+1700000000", "hexadecimal": "0x6553F100", "an empty fraction": "1700000000.",
	}
	for _, n := range []int64{-3600, -61, -60, -31, -30, -29, -1, 0, 1, 29, 30, 31, 59, 60, 61, 599, 600, 601, 3000} {
		times[fmt.Sprintf("now%+ds", n)] = fmt.Sprint(unitTime + n)
	}
	for _, f := range []string{"-60.000001", "-59.999999", "-30.5", "30.5", "59.5", "60.000001", "60.5", "600.5"} {
		whole, fraction, _ := strings.Cut(f, ".")
		var n int64
		fmt.Sscan(whole, &n)
		if n < 0 { // now−60.000001 is a second before that, and the rest of it
			var micro int64
			fmt.Sscan((fraction + "00000")[:6], &micro)
			times["now"+f+"s"] = fmt.Sprintf("%d.%06d", unitTime+n-1, 1_000_000-micro)
			continue
		}
		times["now+"+f+"s"] = fmt.Sprintf("%d.%s", unitTime+n, fraction)
	}
	return times
}

// jwtStrings are values for a claim that has to be a certain string.
func jwtStrings(right string) map[string]string {
	quoted := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	return map[string]string{
		"null": "null", "a number": "1", "true": "true", "an object": "{}", "an empty array": "[]", "empty": `""`, "a space": `" "`,
		"in upper case": quoted(strings.ToUpper(right)), "with a space behind": quoted(right + " "), "with a space before": quoted(" " + right),
		"with a slash behind": quoted(right + "/"), "with a zero byte": quoted(right + "\x00"),
		"with escapes": `"\u` + fmt.Sprintf("%04x", right[0]) + quoted(right[1:])[1:],
		"in an array":  "[" + quoted(right) + "]", "in an array of two": "[" + quoted(right) + `,"https://other.example"]`,
		"in an array twice": "[" + quoted(right) + "," + quoted(right) + "]", "in an array with a number": "[" + quoted(right) + ",1]",
		"in an array with null": "[" + quoted(right) + ",null]", "in an array with nothing": "[" + quoted(right) + `,""]`,
		"another": `"https://other.example"`, "half an emoji": `"\ud83d"`, "with half an emoji behind": quoted(right)[:len(quoted(right))-1] + `\ud83d"`,
		"long": quoted(right + strings.Repeat("x", 1000)),
	}
}

// jwtOddities are those of every kind: of form, header and times, and of these claims.
func jwtOddities(typ string, claims map[string]string, times ...string) (list []jwtOddity) {
	add := func(name string, do func(*jwtDraft)) { list = append(list, jwtOddity{name, do}) }
	claim := func(name, what, text string) {
		add(name+": "+what, func(d *jwtDraft) { d.claims[name] = json.RawMessage(text) })
	}
	header := func(name, what, text string) {
		add("header "+name+": "+what, func(d *jwtDraft) { d.header[name] = json.RawMessage(text) })
	}
	for _, name := range times {
		all := jwtTimes()
		for _, what := range slices.Sorted(maps.Keys(all)) {
			claim(name, what, all[what])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		all := jwtStrings(claims[name])
		for _, what := range slices.Sorted(maps.Keys(all)) {
			claim(name, what, all[what])
		}
	}
	for _, name := range append(slices.Sorted(maps.Keys(claims)), times...) {
		add(name+": missing", func(d *jwtDraft) { delete(d.claims, name) })
		add(name+": in upper case besides", func(d *jwtDraft) { d.claims[strings.ToUpper(name)] = json.RawMessage(`"x"`) })
		add(name+": in upper case alone", func(d *jwtDraft) {
			d.claims[strings.ToUpper(name)] = d.claims[name]
			delete(d.claims, name)
		})
		twice := func(value func(*jwtDraft) []byte) func(*jwtDraft) {
			return func(d *jwtDraft) {
				d.texts = append(d.texts, func(h, c []byte) ([]byte, []byte) {
					if d.claims[name] == nil { // another oddity has taken it out
						return h, c
					}
					return h, bytes.Replace(c, []byte("{"), fmt.Appendf(nil, `{%q:%s,`, name, value(d)), 1)
				})
			}
		}
		add(name+": twice, different", twice(func(*jwtDraft) []byte { return []byte(`"x"`) }))
		add(name+": twice, the same", twice(func(d *jwtDraft) []byte { return d.claims[name] }))
	}
	for what, text := range map[string]string{
		"in other case": strings.ToUpper(typ), "with application/": "application/" + typ, "with APPLICATION/": "APPLICATION/" + typ,
		"with a space": typ + " ", "with a parameter": typ + "; charset=utf-8", "at+jwt": "at+jwt", "JWT": "JWT", "empty": "", "secevent+jwt": "secevent+jwt",
	} {
		header("typ", what, `"`+text+`"`)
	}
	for what, text := range map[string]string{"null": "null", "a number": "1", "an array": `["` + typ + `"]`} {
		header("typ", what, text)
	}
	add("header typ: missing", func(d *jwtDraft) { delete(d.header, "typ") })
	for _, alg := range []string{`"none"`, `"None"`, `"HS256"`, `"RS256"`, `"es256"`, `"ES256 "`, `"ES512"`, `""`, `null`, `1`, `["ES256"]`} {
		header("alg", strings.Trim(alg, `"`), alg)
	}
	add("header alg: missing", func(d *jwtDraft) { delete(d.header, "alg") })
	for _, more := range [][2]string{
		{"crit", `[]`}, {"crit", `["exp"]`}, {"crit", `null`}, {"b64", `true`}, {"b64", `false`}, {"zip", `"DEF"`},
		{"x5c", `["x"]`}, {"jku", `"https://evil.example"`},
		{"cty", `"JWT"`}, {"unknown", `{"deep":[[[[[[]]]]]]}`}, {"kid", `""`}, {"kid", `1`}, {"kid", `null`}, {"kid", `"other"`}, {"ALG", `"none"`},
	} {
		header(more[0], more[1], more[1])
	}
	return append(list, jwtForms()...)
}

// jwtForms are oddities of the text of a JWT.
func jwtForms() (list []jwtOddity) {
	signed := func(name string, edit func(string) string) {
		list = append(list, jwtOddity{"form: " + name, func(d *jwtDraft) { d.signed = append(d.signed, edit) }})
	}
	parts := func(name string, edit func(p []string)) {
		signed(name, func(s string) string { p := strings.Split(s, "."); edit(p); return strings.Join(p, ".") })
	}
	text := func(name string, edit func(h, c []byte) ([]byte, []byte)) {
		list = append(list, jwtOddity{"text: " + name, func(d *jwtDraft) {
			d.texts = append(d.texts, edit)
		}})
	}
	signed("a dot behind", func(s string) string { return s + "." })
	signed("a space behind", func(s string) string { return s + " " })
	signed("a space before", func(s string) string { return " " + s })
	signed("a fourth part", func(s string) string { return s + ".x" })
	signed("two parts", func(s string) string { return s[:strings.LastIndex(s, ".")] })
	parts("no signature", func(p []string) { p[2] = "" })
	parts("padding in the header", func(p []string) { p[0] += "=" })
	parts("padding in the claims", func(p []string) { p[1] += "=" })
	parts("padding in the signature", func(p []string) { p[2] += "==" })
	parts("a character more in the signature", func(p []string) { p[2] += "A" })
	parts("a character less in the signature", func(p []string) { p[2] = p[2][:len(p[2])-1] })
	parts("other bits at the end of the signature", func(p []string) { p[2] = p[2][:len(p[2])-1] + "_" })
	parts("a signature of zeros", func(p []string) { p[2] = strings.Repeat("A", len(p[2])) })
	parts("another signature", func(p []string) { p[2] = map[bool]string{true: "B", false: "A"}[p[2][0] == 'A'] + p[2][1:] })
	parts("claims of another", func(p []string) { p[1] = encodeBase64URL([]byte(`{}`)) })
	text("claims with white space", func(h, c []byte) ([]byte, []byte) { return h, append([]byte(" \n\t"), append(c, "\r\n "...)...) })
	text("header with white space", func(h, c []byte) ([]byte, []byte) { return append([]byte(" \n\t"), append(h, "\r\n "...)...), c })
	text("a byte order mark before the claims", func(h, c []byte) ([]byte, []byte) { return h, append([]byte("\ufeff"), c...) })
	text("a byte order mark before the header", func(h, c []byte) ([]byte, []byte) { return append([]byte("\ufeff"), h...), c })
	text("more behind the claims", func(h, c []byte) ([]byte, []byte) { return h, append(c, "{}"...) })
	text("more behind the header", func(h, c []byte) ([]byte, []byte) { return append(h, "x"...), c })
	text("claims in an array", func(h, c []byte) ([]byte, []byte) { return h, append(append([]byte("["), c...), ']') })
	text("claims that end early", func(h, c []byte) ([]byte, []byte) { return h, c[:len(c)-1] })
	text("no claims", func(h, c []byte) ([]byte, []byte) { return h, nil })
	text("null for claims", func(h, c []byte) ([]byte, []byte) { return h, []byte("null") })
	members := 0
	more := func(s string) func(h, c []byte) ([]byte, []byte) {
		members++
		name := fmt.Sprintf("more-%d", members) // not twice in a pair
		return func(h, c []byte) ([]byte, []byte) {
			return h, append(c[:len(c)-1:len(c)-1], fmt.Sprintf(",%q:%s}", name, s)...)
		}
	}
	text("a claim more", more(`[1,{"x":null}]`))
	text("a comma too much", func(h, c []byte) ([]byte, []byte) { return h, append(c[:len(c)-1:len(c)-1], ",}"...) })
	text("bytes that are no UTF-8", more("\"\xff\""))
	text("half an emoji elsewhere", more(`"\ud83d"`))
	text("a claim that is 40 deep", more(strings.Repeat("[", 40)+strings.Repeat("]", 40)))
	text("a claim of 100 members", more("["+strings.TrimSuffix(strings.Repeat(`{"a":1},`, 100), ",")+"]"))
	text("a claim with a member twice", more(`{"a":1,"a":2}`))
	text("a claim of 10 kB", more(`"`+strings.Repeat("x", 10_000)+`"`))
	text("a line break in a string", more("\"a\nb\""))
	text("a comment", func(h, c []byte) ([]byte, []byte) { return h, append([]byte("/**/"), c...) })
	header := func(s string) func(h, c []byte) ([]byte, []byte) {
		return func(h, c []byte) ([]byte, []byte) { return append([]byte(s), h[1:]...), c }
	}
	text("alg twice in the header, different", header(`{"alg":"none",`))
	text("typ twice in the header, different", header(`{"typ":"x",`))
	text("a member twice in the header", header(`{"x":1,"x":1,`))
	text("half an emoji in the header", header(`{"x":"\ud83d",`))
	text("bytes in the header that are no UTF-8", header("{\"x\":\"\xff\","))
	return list
}

// A jwtJudge says whether a JWT is accepted, and why it is not.
type jwtJudge func(token string) (accepted bool, why string)

// compareJWTs has both judge all oddities, alone and so many in pairs: times OAUTH_SEQUENCES,
// as in package statetest.
func compareJWTs(t *testing.T, draft func() *jwtDraft, oddities []jwtOddity, pairs int, table []jwtDifference, ours, theirs jwtJudge) {
	t.Helper()
	seen, inputs, accepted := map[string]bool{}, 0, 0
	judge := func(odd ...jwtOddity) {
		d := draft()
		var names []string
		for _, o := range odd {
			o.do(d)
			names = append(names, o.name)
		}
		token, err := d.sign()
		if err != nil {
			return
		}
		here, why := ours(token)
		there, whyThere := theirs(token)
		if inputs++; here && there {
			accepted++
		}
		if here == there {
			return
		}
		stricter := "oauth"
		if here {
			stricter = "oauthtest"
		}
		for _, name := range names {
			for _, d := range table {
				if by := d.explains(stricter, name); by != "" {
					seen[d.why+by] = true
					return
				}
			}
		}
		t.Errorf("%q is refused by %s alone: oauth says %q, oauthtest %q", names, stricter, why, whyThere)
	}
	if judge(); accepted != 1 {
		t.Fatal("with nothing odd it is not accepted by both")
	}
	for _, o := range oddities {
		judge(o)
	}
	if n, err := strconv.Atoi(os.Getenv("OAUTH_SEQUENCES")); err == nil {
		pairs *= n
	}
	slices.SortFunc(oddities, func(a, b jwtOddity) int { return strings.Compare(a.name, b.name) })
	random := rand.New(rand.NewPCG(1, 1))
	for range pairs {
		one, two := oddities[random.IntN(len(oddities))], oddities[random.IntN(len(oddities))]
		judge(one, two)
	}
	names := 0
	for _, d := range table {
		for _, name := range d.names {
			if names++; !seen[d.why+name] {
				t.Errorf("%q makes no difference: the table says that %s refuses it (%s)", name, d.stricter, d.why)
			}
		}
	}
	t.Logf("%d inputs, %d accepted by both; %d differences, for %d reasons", inputs, accepted, names, len(table))
	if inputs < len(oddities)/2+pairs/2 || accepted < 60 { // of an ID token the server does not sign every text
		t.Errorf("%d inputs, of which %d are accepted: does it try?", inputs, accepted)
	}
}

// A differenceWorld is the server of oauthtest.
type differenceWorld struct {
	*oauthtest.Server
	t     *testing.T
	clock Clock
	keys  *KeySet
	jti   int
}

// differenceKey is that of clients.
func differenceKey() *SigningKey { return must(NewSigningKey(unitKey().signer, ES256, "")) }

func newDifferenceWorld(t *testing.T) *differenceWorld {
	w := &differenceWorld{t: t, clock: Clock{Now: unitNow}}
	w.Server = oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}, Now: unitNow, JWTAccessTokens: true})
	t.Cleanup(w.Close)
	jwks := []byte(`{"keys":[` + string(minimalJWK(unitKey().signer.Public())) + `]}`)
	w.AddClient(oauthtest.Client{ID: "asserting", AuthMethod: "private_key_jwt", JWKS: jwks, GrantTypes: []string{"client_credentials"}})
	w.AddClient(oauthtest.Client{
		ID: "app", Secret: "the-secret", AuthMethod: "client_secret_post", JWKS: jwks, RedirectURIs: []string{"https://app.example/cb"},
		GrantTypes: []string{"authorization_code", "client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange"},
	})
	w.keys = must(ParseKeySet(jwks))
	return w
}

// post sends a form, and returns the status and the error of the answer.
func (w *differenceWorld) post(path string, form url.Values, fields ...string) (int, map[string]any) {
	w.t.Helper()
	r := must(http.NewRequest("POST", w.URL()+path, strings.NewReader(form.Encode())))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	res, err := w.Client().Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	var answer map[string]any
	json.Unmarshal(must(io.ReadAll(res.Body)), &answer)
	return res.StatusCode, answer
}

func (w *differenceWorld) credentials(more url.Values) url.Values {
	form := url.Values{"client_id": {"app"}, "client_secret": {"the-secret"}}
	maps.Copy(form, more)
	return form
}

// newDraft is a JWT whose claims are made of Go's values. Its jti is a new one.
func (w *differenceWorld) newDraft(key *SigningKey, typ string, claims map[string]any) *jwtDraft {
	w.jti++
	claims["jti"] = fmt.Sprintf("jti-%d", w.jti)
	d := &jwtDraft{make: key.signCompact, header: map[string]json.RawMessage{}, claims: map[string]json.RawMessage{}}
	for name, v := range map[string]any{"alg": key.alg.name, "typ": typ} {
		d.header[name] = json.RawMessage(unitJSON(w.t, v))
	}
	for name, v := range claims {
		d.claims[name] = json.RawMessage(unitJSON(w.t, v))
	}
	return d
}

// jtiOddities are those of a claim that is any string, once.
func (w *differenceWorld) jtiOddities() (list []jwtOddity) {
	for what, text := range map[string]string{
		"null": "null", "a number": "1", "an array": `["x"]`, "empty": `""`, "a space": `" %d"`, "long": `"` + strings.Repeat("x", 3000) + `%d"`,
		"not ASCII": `"ä€ %d"`, "a zero byte": `"\u0000%d"`, "half an emoji": `"\ud83d%d"`,
	} {
		list = append(list, jwtOddity{"jti: " + what, func(d *jwtDraft) {
			w.jti++
			d.claims["jti"] = json.RawMessage(strings.ReplaceAll(text, "%d", fmt.Sprint(w.jti)))
		}})
	}
	return append(list, jwtOddity{"jti: missing", func(d *jwtDraft) { delete(d.claims, "jti") }})
}

// ownJWT is how the package judges a JWT that has no method of its own: as VerifyJWT does,
// with any type.
func (w *differenceWorld) ownJWT(token, typ, iss string) (bool, string) {
	v, err := verifyJWS(context.Background(), token, w.keys, fromAnybody, &jwsRules{
		allowed: []Algorithm{ES256}, typ: func(got string) bool { return got == typ || typ == "" }, what: "a token",
	})
	if err != nil {
		return false, err.Error()
	}
	claims, err := v.ownClaims()
	if err == nil {
		_, _, err = issuerRule{issuer: iss}.match(&claims, v.key)
	}
	if err == nil {
		_, err = audienceIn(&claims, w.Issuer(), nil)
	}
	var times tokenTimes
	if err == nil {
		times, err = claims.times()
	}
	if err == nil {
		err = times.checkLifetime(w.clock.instant())
	}
	if err != nil {
		return false, err.Error()
	}
	return true, ""
}

func TestAssertionDifferences(t *testing.T) {
	w := newDifferenceWorld(t)
	oddities := append(jwtOddities("JWT", map[string]string{"iss": "asserting", "sub": "asserting", "aud": w.Issuer()}, "exp", "nbf", "iat"), w.jtiOddities()...)
	compareJWTs(t, func() *jwtDraft {
		return w.newDraft(differenceKey(), "JWT", map[string]any{
			"iss": "asserting", "sub": "asserting", "aud": w.Issuer(), "iat": unitTime, "nbf": unitTime, "exp": unitTime + 60,
		})
	}, oddities, 600, slices.Concat(jwtDifferences, headerDifferences, assertionDifferences), func(token string) (bool, string) {
		return w.ownJWT(token, "", "asserting")
	}, func(token string) (bool, string) {
		status, answer := w.post("/token", url.Values{
			"grant_type": {"client_credentials"}, "client_assertion": {token}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		})
		return status == 200, fmt.Sprint(answer["error_description"])
	})
}

func TestRequestObjectDifferences(t *testing.T) {
	w := newDifferenceWorld(t)
	const typ = "oauth-authz-req+jwt"
	oddities := append(jwtOddities(typ, map[string]string{"iss": "app", "aud": w.Issuer()}, "exp", "nbf", "iat"), w.jtiOddities()...)
	compareJWTs(t, func() *jwtDraft {
		return w.newDraft(differenceKey(), typ, map[string]any{
			"iss": "app", "aud": w.Issuer(), "iat": unitTime, "nbf": unitTime, "exp": unitTime + 60,
			"client_id": "app", "response_type": "code", "redirect_uri": "https://app.example/cb", "scope": "openid", "nonce": "n", "state": "s",
			"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256",
		})
	}, oddities, 600, slices.Concat(jwtDifferences, headerDifferences, requestObjectDifferences), func(token string) (bool, string) {
		return w.ownJWT(token, typ, "app")
	}, func(token string) (bool, string) {
		status, answer := w.post("/par", w.credentials(url.Values{"request": {token}}))
		return status == 201, fmt.Sprint(answer["error_description"])
	})
}

func TestIDTokenDifferences(t *testing.T) {
	w := newDifferenceWorld(t)
	ctx := context.Background()
	server, err := Discover(ctx, w.Issuer(), &DiscoverOptions{HTTPClient: w.Client()})
	if err != nil {
		t.Fatal(err)
	}
	c := must(NewClient(Config{
		Server: server, Metadata: ClientMetadata{ClientID: "app", IDTokenSignedResponseAlg: ES256}, Auth: ClientSecretPost("the-secret"),
		HTTPClient: w.Client(), Clock: w.clock,
	}))
	oddities := jwtOddities("JWT", map[string]string{"iss": w.Issuer(), "sub": "alice", "aud": "app"}, "exp", "nbf", "iat", "auth_time")
	compareJWTs(t, func() *jwtDraft {
		d := w.newDraft(differenceKey(), "JWT", map[string]any{
			"iss": w.Issuer(), "sub": "alice", "aud": "app", "iat": unitTime, "nbf": unitTime, "exp": unitTime + 60, "auth_time": unitTime,
		})
		d.make = w.signAsServer
		return d
	}, oddities, 600, slices.Concat(jwtDifferences, idTokenDifferences), func(token string) (bool, string) {
		_, err := c.VerifyIDToken(ctx, token, VerifyIDTokenOptions{InsecureNoNonce: true})
		return err == nil, fmt.Sprint(err)
	}, func(token string) (bool, string) {
		status, answer := w.post("/token", w.credentials(url.Values{
			"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {token},
			"subject_token_type": {"urn:ietf:params:oauth:token-type:id_token"},
		}))
		return status == 200, fmt.Sprint(answer["error_description"])
	})
}

// signAsServer signs with the key of the server, which does so only if it can read both
// texts.
func (w *differenceWorld) signAsServer(header, claims []byte) (string, error) {
	members := map[string]any{"typ": nil}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(header, &raw); err != nil {
		return "", err
	}
	for name, v := range raw {
		members[name] = v
	}
	if raw["alg"] == nil {
		members["alg"] = nil
	}
	return w.Sign("ES256", members, json.RawMessage(claims))
}

func TestProofDifferences(t *testing.T) {
	w := newDifferenceWorld(t)
	server := must(Discover(context.Background(), w.Issuer(), &DiscoverOptions{HTTPClient: w.Client()}))
	resource := w.URL() + "/resource"
	rs := must(NewResourceServer(ResourceServerConfig{
		Resource: resource, Servers: []TrustedServer{{Server: server}}, HTTPClient: w.Client(), Clock: w.clock,
	}))
	for _, alg := range []Algorithm{ES256, ES384, RS256, PS256, Ed25519} {
		key := jwsKey(alg, "")
		jwk := json.RawMessage(minimalJWK(key.signer.Public()))
		draft := func(claims map[string]any) *jwtDraft {
			all := map[string]any{"htm": "GET", "htu": resource, "iat": unitTime}
			maps.Copy(all, claims)
			d := w.newDraft(key, "dpop+jwt", all)
			d.header["jwk"] = jwk
			return d
		}
		sign := draft(map[string]any{"htm": "POST", "htu": w.URL() + "/token"}).sign
		status, answer := w.post("/token", w.credentials(url.Values{"grant_type": {"client_credentials"}, "resource": {resource}}), "DPoP", must(sign()))
		access, _ := answer["access_token"].(string)
		if status != 200 {
			t.Fatal(status, answer)
		}
		ath := hashToken(access)
		oddities := append(jwtOddities("dpop+jwt", map[string]string{"htm": "GET", "htu": resource, "ath": encodeBase64URL(ath[:])}, "iat"), w.jtiOddities()...)
		oddities = append(oddities, proofOddities(w, resource, jwk)...)
		pairs := 600
		if alg != ES256 { // RSA takes long
			pairs = 60
		}
		t.Run(string(alg), func(t *testing.T) {
			good := func() *jwtDraft { return draft(map[string]any{"ath": encodeBase64URL(ath[:])}) }
			compareJWTs(t, good, oddities, pairs, slices.Concat(jwtDifferences, headerDifferences, proofDifferences), func(proof string) (bool, string) {
				r := httptest.NewRequest("GET", resource, nil)
				r.Header.Set("Authorization", "DPoP "+access)
				r.Header.Set("DPoP", strings.TrimSpace(proof)) // as net/http does on the way
				_, err := rs.Authenticate(r)
				if err != nil && !errors.Is(err, ErrInvalid) { // what is wrong with it was not found
					t.Errorf("%s: %v", proof, err)
				}
				return err == nil, fmt.Sprint(err)
			}, func(proof string) (bool, string) {
				r := must(http.NewRequest("GET", resource, nil))
				r.Header.Set("Authorization", "DPoP "+access)
				r.Header.Set("DPoP", proof)
				res, err := w.Client().Do(r)
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				return res.StatusCode == 200, res.Header.Get("WWW-Authenticate")
			})
		})
	}
}

// proofOddities are those of proofs alone: the key, and the URL.
func proofOddities(w *differenceWorld, resource string, jwk json.RawMessage) (list []jwtOddity) {
	add := func(name string, do func(*jwtDraft)) { list = append(list, jwtOddity{name, do}) }
	for what, u := range map[string]string{
		"with a query": resource + "?x=1", "with a fragment": resource + "#x", "with an empty query": resource + "?",
		"with a user":    strings.Replace(resource, "://", "://u@", 1),
		"with an escape": strings.Replace(resource, "/resource", "/%72esource", 1), "with a scheme in upper case": strings.Replace(resource, "https", "HTTPS", 1),
		"of http": strings.Replace(resource, "https", "http", 1), "with dot segments": strings.Replace(resource, "/resource", "/x/../resource", 1),
		"with a double slash": strings.Replace(resource, "/resource", "//resource", 1), "a path": "/resource", "with a bad escape": resource + "%zz",
		"with an escaped slash": strings.Replace(resource, "/resource", "%2Fresource", 1), "with a slash behind": resource + "/",
	} {
		add("htu: "+what, func(d *jwtDraft) { d.claims["htu"] = json.RawMessage(unitJSON(w.t, u)) })
	}
	member := func(name string, edit func(m map[string]any)) {
		add("jwk: "+name, func(d *jwtDraft) {
			var m map[string]any
			json.Unmarshal(jwk, &m)
			edit(m)
			d.header["jwk"] = json.RawMessage(unitJSON(w.t, m))
		})
	}
	for name, v := range map[string]any{
		"kid": "x", "use": "sig", "use ": "enc", "key_ops": []string{"verify"}, "key_ops ": []string{"sign"}, "alg": "x",
		"d": "x", "k": "x", "p": "x", "oth": []any{}, "x5c": []string{"x"},
		"ext": true, "d ": nil, "alg ": "RS512",
	} {
		member(fmt.Sprintf("%s %v", strings.TrimSpace(name), v), func(m map[string]any) { m[strings.TrimSpace(name)] = v })
	}
	for _, name := range []string{"x", "n", "y", "e"} {
		change := func(what string, f func(s string) string) {
			member(name+" "+what, func(m map[string]any) {
				if s, ok := m[name].(string); ok {
					m[name] = f(s)
				}
			})
		}
		change("with padding", func(s string) string { return s + "=" })
		change("with a zero in front", func(s string) string {
			b, _ := decodeBase64URL(nil, s)
			return encodeBase64URL(append([]byte{0}, b...))
		})
		change("with a line break", func(s string) string { return s + "\n" })
		change("of another", func(s string) string { return s[:len(s)-2] + "AA" })
	}
	member("kty in lower case", func(m map[string]any) { m["kty"] = strings.ToLower(m["kty"].(string)) })
	member("kty missing", func(m map[string]any) { delete(m, "kty") })
	add("jwk: missing", func(d *jwtDraft) { delete(d.header, "jwk") })
	add("jwk: a string", func(d *jwtDraft) { d.header["jwk"] = json.RawMessage(unitJSON(w.t, string(jwk))) })
	add("jwk: in an array", func(d *jwtDraft) { d.header["jwk"] = slices.Concat([]byte("["), jwk, []byte("]")) })
	add("jwk: a member twice", func(d *jwtDraft) { d.header["jwk"] = bytes.Replace(jwk, []byte("{"), []byte(`{"kty":"x",`), 1) })
	for what, text := range map[string]string{
		"exp: past": fmt.Sprint(unitTime - 3600), "exp: in 60 s": fmt.Sprint(unitTime + 60),
		"exp: 29 s ago": fmt.Sprint(unitTime - 29), "exp: 30 s ago": fmt.Sprint(unitTime - 30),
		"exp: a string": `"x"`, "nbf: in 31 s": fmt.Sprint(unitTime + 31), "nbf: in 30 s": fmt.Sprint(unitTime + 30), "nbf: a string": `"x"`,
		"nonce: one that nobody asked for": `"x"`, "nonce: a number": "1", "nonce: null": "null", "aud: another": `"https://other.example"`,
	} {
		name, _, _ := strings.Cut(what, ":")
		add(what, func(d *jwtDraft) { d.claims[name] = json.RawMessage(text) })
	}
	return list
}
