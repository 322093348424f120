package oauth

// Fuzz tests of the resource server: what anybody can send it.

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"
	"time"
)

// FuzzAuthorization: of two header fields at most one token comes out, which
// stands in the one field, behind one of two schemes; and every refusal has an
// answer without server error.
func FuzzAuthorization(f *testing.F) {
	for _, s := range []string{"Bearer x", "DPoP a.b.c", "bearer  x", "Bearer", "Basic YTpi", "Bearer a b", "Bearer \"x\"", "", "Bearer\tx", "Bearer x,y", "Bearer e30.e30.", "DPoP eyJhbGciOiJFUzI1NiJ9.e30.AA"} {
		f.Add(s, "", false)
	}
	f.Add("Bearer x", "Bearer x", true)
	s := newUnitServer()
	rs := s.resource(f, nil)
	f.Fuzz(func(t *testing.T, first, second string, two bool) {
		h := http.Header{"Authorization": {first}}
		if two {
			h.Add("Authorization", second)
		}
		scheme, token, err := credential(h)
		if (err == nil) != (token != "") || err == nil && (two || scheme == "") {
			t.Fatalf("%q: %q %q %v", h, scheme, token, err)
		}
		if err == nil {
			name, rest, ok := strings.Cut(first, " ")
			if !ok || !strings.EqualFold(name, scheme) || strings.TrimLeft(rest, " ") != token {
				t.Fatalf("%q: %q %q", first, scheme, token)
			}
		}
		r := apiRequest()
		r.Header = h
		got, err := rs.Authenticate(r)
		if got != nil || err == nil {
			t.Fatalf("%q was taken", first) // nothing here is signed
		}
		if wrong := strings.ContainsAny(token, " \t\r\n,\"\\\x00"); wrong && !errors.Is(err, ErrMalformed) {
			t.Fatalf("%q: %v", first, err)
		}
		w := httptest.NewRecorder()
		rs.WriteError(w, err)
		if w.Code != 400 && w.Code != 401 || len(ParseChallenges(w.Header())) != 2 {
			t.Fatalf("%q: %v: status %d, %v", first, err, w.Code, w.Header())
		}
		if len(token) > 12 && strings.Contains(err.Error(), token) {
			t.Fatalf("%v has the token in it", err)
		}
	})
}

// FuzzAccessTokenClaims: claims that are accepted say, to encoding/json too, that
// the token is from the issuer, for the resource, and not expired.
func FuzzAccessTokenClaims(f *testing.F) {
	for _, change := range []map[string]any{
		nil, {"aud": []string{"x", unitResource}}, {"cnf": map[string]any{"x5t#S256": "a"}}, {"scope": []string{"a"}}, {"ISS": "x"}, {"exp": 1.5e9}, {"aud": unitRemoved},
	} {
		f.Add(unitJSON(f, accessClaims(change)))
	}
	f.Add(`{"iss":"https://op.example","iſs":"x"}`)
	s := newUnitServer()
	rs := s.resource(f, nil)
	f.Fuzz(func(t *testing.T, payload string) {
		raw, err := s.key.signCompact([]byte(`{"alg":"ES256","typ":"at+jwt","kid":"`+s.key.kid+`"}`), []byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		token, err := rs.Authenticate(bearer(raw))
		if (token == nil) == (err == nil) {
			t.Fatalf("%v with %v", token, err)
		}
		if err != nil {
			return
		}
		claims := map[string]any{}
		if err := json.Unmarshal([]byte(payload), &claims); err != nil {
			t.Fatal(err)
		}
		exp, _ := claims["exp"].(float64)
		aud, _ := claims["aud"].(string)
		for _, a := range asList(claims["aud"]) {
			if a == unitResource {
				aud = unitResource
			}
		}
		if claims["iss"] != unitIssuer || aud != unitResource || exp <= unitTime-30 || claims["sub"] != token.Subject() ||
			claims["client_id"] != token.ClientID() {
			t.Fatalf("accepted %s", payload)
		}
		if _, bound := claims["cnf"]; bound { // Bearer, and without a certificate
			t.Fatalf("bound, and accepted: %s", payload)
		}
	})
}

// FuzzProof: a proof that is accepted has, to encoding/json too, the claims of
// this request; what it is signed with does not matter for it.
func FuzzProof(f *testing.F) {
	s := newUnitServer()
	key := unitKey()
	token := s.accessToken(f, boundTo(key))
	good := proofClaims(token, map[string]any{"jti": "x"})
	jwk := string(minimalJWK(key.signer.Public()))
	header := `{"alg":"ES256","typ":"dpop+jwt","jwk":` + jwk + `}`
	f.Add(header, unitJSON(f, good))
	f.Add(`{"typ":"dpop+jwt","alg":"ES256","jwk":`+strings.Replace(jwk, "{", `{"d":"AA",`, 1)+`}`, unitJSON(f, good))
	f.Add(header, strings.Replace(unitJSON(f, good), `"GET"`, `"get"`, 1))
	f.Add(header, strings.Replace(unitJSON(f, good), `/orders`, `/%6Frders?x#y`, 1))
	f.Add(`{}`, `{}`)
	f.Fuzz(func(t *testing.T, header, payload string) {
		proof, err := key.signCompact([]byte(header), []byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		rs := s.resource(t, nil)
		got, err := rs.Authenticate(provenRequestOf(token, proof))
		if (got == nil) == (err == nil) {
			t.Fatalf("%v with %v", got, err)
		}
		if err != nil {
			if status, _, _ := codeOf(rs, err); status != http.StatusUnauthorized {
				t.Fatalf("status %d of %v", status, err)
			}
			return
		}
		var h, claims map[string]any
		if json.Unmarshal([]byte(header), &h) != nil || json.Unmarshal([]byte(payload), &claims) != nil {
			t.Fatal("not JSON")
		}
		iat, _ := claims["iat"].(float64)
		htu, _ := claims["htu"].(string)
		if h["alg"] != "ES256" || claims["htm"] != "GET" || claims["ath"] != good["ath"] || claims["jti"] == "" || iat < unitTime-60 || iat > unitTime+60 ||
			!strings.HasPrefix(strings.ToLower(htu), "https://api.example") {
			t.Fatalf("accepted %s %s", header, payload)
		}
		if _, err := rs.Authenticate(provenRequestOf(token, proof)); err == nil {
			t.Fatal("accepted twice")
		}
	})
}

// FuzzProofTarget: an htu that counts as the URL of the request is that URL to
// net/url as well.
func FuzzProofTarget(f *testing.F) {
	for _, s := range [][2]string{
		{"/orders", unitResource + "/orders"}, {"/", unitResource}, {"/a%2fb", unitResource + "/a%2Fb?x"}, {"/%7e", "https://API.example:443/~"},
		{"/a/../b", unitResource + "/b"}, {"/a//b", unitResource + "/a//b"}, {"*", unitResource + "/*"}, {"/%", unitResource + "/%"}, {"//x", unitResource + "//x"},
		{"http://evil/orders", unitResource + "/orders"}, {"/é", unitResource + "/%C3%A9"}, {"/a", "https://user@api.example/a"},
	} {
		f.Add(s[0], s[1])
	}
	s := newUnitServer()
	rs := s.resource(f, nil)
	f.Fuzz(func(t *testing.T, requestURI, htu string) {
		r := &http.Request{Method: "GET", RequestURI: requestURI, URL: new(url.URL)}
		if requestURI == "" || rs.checkTarget(httpPresentation{r}, htu) != nil {
			return
		}
		line, _, _ := strings.Cut(requestURI, "?")
		if _, rest, absolute := strings.Cut(line, "://"); absolute && line[0] != '/' {
			line = rest[strings.IndexByte(rest+"/", '/'):]
		}
		htu, _, _ = strings.Cut(htu, "#")
		htu, _, _ = strings.Cut(htu, "?")
		got, err := url.Parse(htu)
		if err != nil {
			return // net/url does not read every byte that a request line may have
		}
		want, err := url.Parse(unitResource + line)
		if err != nil {
			return
		}
		if !strings.EqualFold(got.Scheme, "https") || !strings.EqualFold(got.Hostname(), "api.example") || got.User != nil ||
			got.Port() != "" && got.Port() != "443" {
			t.Fatalf("%q is of another origin", htu)
		}
		if p := got.Path; p != want.Path && p+want.Path != "/" {
			t.Fatalf("%q for the path %q", htu, line)
		}
		if clean := path.Clean("/" + strings.TrimLeft(got.Path, "/")); strings.Contains(got.EscapedPath(), "/../") ||
			strings.Contains(got.Path, "/./") && !strings.Contains(line, "%") {
			t.Fatalf("dot segments in %q: %q", htu, clean)
		}
	})
}

// FuzzRequirement: what a challenge says of a requirement is read back from it.
func FuzzRequirement(f *testing.F) {
	f.Add("read", "gold", int64(5), true)
	f.Add("a b", `"`, int64(-1), true)
	f.Add("", "", int64(0), false)
	f.Add("a\\", "b,c=\"d", int64(1), true)
	s := newUnitServer()
	rs := s.resource(f, nil)
	token, err := rs.Authenticate(bearer(s.accessToken(f, nil)))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, scope, acr string, age int64, step bool) {
		need := Requirement{Scope: []string{scope}}
		if step {
			need = Requirement{ACRValues: []string{acr}, MaxAge: &age}
		}
		err := rs.Check(token, need)
		e, ok := err.(*Error)
		if err == nil && (step || scope != "read" && scope != "write") || err != nil && !ok {
			t.Fatalf("%+v: %v", need, err)
		}
		if err == nil || e.Kind == ErrConfig {
			return
		}
		w := httptest.NewRecorder()
		rs.WriteError(w, err)
		list := ParseChallenges(w.Header())
		if len(list) != 2 {
			t.Fatalf("%q", w.Header())
		}
		p := list[0].Params
		if !step && p["scope"] != scope || step && (p["acr_values"] != acr || p["max_age"] != unitJSON(t, age)) {
			t.Fatalf("%+v: %v", need, p)
		}
	})
}

// FuzzNonce: no text is a nonce of ours but those that were made.
func FuzzNonce(f *testing.F) {
	k := &nonceKeys{[][]byte{[]byte(strings.Repeat("a", 32)), []byte(strings.Repeat("b", 32))}}
	other := &nonceKeys{[][]byte{[]byte(strings.Repeat("c", 32))}}
	f.Add(k.make(unitNow()), int64(0))
	f.Add(k.make(unitNow()), int64(60))
	f.Add(other.make(unitNow()), int64(0))
	f.Add(k.make(unitNow())+"=", int64(60))
	f.Add("", int64(-60))
	f.Fuzz(func(t *testing.T, nonce string, after int64) {
		now := time.Unix(unitTime+after%1000, 0)
		until, err := k.accept(nonce, now)
		made := false
		for _, keys := range []*nonceKeys{k, {[][]byte{k.keys[1]}}} {
			for _, slot := range []time.Duration{-nonceSlot, 0, nonceSlot} { // of a process whose clock is ahead, too
				made = made || nonce == keys.make(now.Add(slot))
			}
		}
		if (err == nil) != made {
			t.Fatalf("%q: %v", nonce, err)
		}
		if err == nil && (!until.After(now) || until.Sub(now) > 3*nonceSlot) {
			t.Fatalf("until %v, now %v", until, now)
		}
	})
}
