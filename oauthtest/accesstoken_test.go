package oauthtest_test

import (
	"crypto/rand"
	"crypto/sha256"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"example.com/oauth/oauthtest"
)

const (
	apiA = "https://a.example/"
	apiB = "https://b.example/"
)

// newJWTServer starts a server with JWT access tokens and the clients "app",
// "bank" and "rs".
func newJWTServer(t *testing.T, opts oauthtest.Options) *oauthtest.Server {
	t.Helper()
	opts.JWTAccessTokens = true
	if opts.SigningAlgs == nil {
		opts.SigningAlgs = []string{"ES256"}
	}
	s := newServer(t, &opts)
	s.AddClient(oauthtest.Client{ID: "app", RedirectURIs: []string{redirectURI}, CertificateBound: true})
	s.AddClient(confidential)
	addResourceServer(s, "")
	return s
}

// accessClaims are the claims of the access token in an answer, which has to be
// a JWT by RFC 9068, Section 2.1.
func accessClaims(t *testing.T, s *oauthtest.Server, a *answer) map[string]any {
	t.Helper()
	value := a.str("access_token")
	if a.status != 200 || strings.Count(value, ".") != 2 {
		t.Fatalf("no JWT: %d %s", a.status, a.body)
	}
	header, claims := decodeJWT(t, value)
	if header["typ"] != "at+jwt" || header["kid"] == nil || len(header) != 3 || !verified(t, s, value) {
		t.Errorf("header %v, or the signature is wrong", header)
	}
	return claims
}

// Without the option nothing of it is seen.
func TestOpaqueAccessToken(t *testing.T) {
	s := newServer(t, &oauthtest.Options{
		SigningAlgs:     []string{"ES256"},
		EditAccessToken: func(_, _ map[string]any) { t.Error("there is no JWT to edit") },
	})
	if a := redeem(t, s, nil); a.status != 200 || a.str("access_token") == "" || strings.Contains(a.str("access_token"), ".") {
		t.Error(a.body)
	}
}

func TestJWTAccessToken(t *testing.T) {
	clock := newClock()
	s := newJWTServer(t, oauthtest.Options{Now: clock.now, AccessTokenLifetime: 40 * time.Second})
	s.AddUser(oauthtest.User{Subject: "bob"})
	own := newSigner(t)
	withKeys := confidential
	withKeys.JWKS = own.jwks()
	s.AddClient(withKeys)

	login := clock.now()
	const details = `[{"type":"a","n":1},{"type":"b"}]`
	cb, err := s.Authorize(t.Context(), authorizationURL(s, map[string]string{
		"scope": "openid email offline_access", "acr_values": "urn:high urn:low", "authorization_details": details,
	})+"&resource="+url.QueryEscape(apiA)+"&resource="+url.QueryEscape(apiB))
	if err != nil {
		t.Fatal(err)
	}
	clock.advance(7 * time.Second) // auth_time is not iat
	first := post(t, s.Client(), s.URL()+"/token", codeForm(cb.URL.Query().Get("code")), nil)
	refresh := func(params url.Values) *answer {
		params.Set("grant_type", "refresh_token")
		params.Set("client_id", "app")
		params.Set("refresh_token", first.str("refresh_token"))
		a := post(t, s.Client(), s.URL()+"/token", params, nil)
		if a.status == 200 {
			first.m["refresh_token"] = a.m["refresh_token"]
		}
		return a
	}
	exchange := func(params map[string]string) *answer {
		all := map[string]string{"subject_token": first.str("access_token"), "subject_token_type": tokenType + "access_token"}
		maps.Copy(all, params)
		return token(t, s, exchangeGrant, all)
	}
	assert := func(sub string) string {
		return own.sign(map[string]any{"iss": "bank", "sub": sub, "aud": s.Issuer(), "exp": clock.now().Unix() + 60, "jti": rand.Text()}, nil)
	}
	device := startDevice(t, s, map[string]string{"resource": apiA})
	ciba := startCIBA(t, s, map[string]string{"acr_values": "urn:phone", "authorization_details": `[{"type":"a"}]`})
	if err := s.ApproveDevice(device.str("user_code"), "bob"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ApproveBackchannel(ciba.str("auth_req_id"), ""); err != nil {
		t.Fatal(err)
	}
	approved := clock.now()

	type m = map[string]any
	all := []any{m{"type": "a", "n": 1.0}, m{"type": "b"}}
	seen := map[any]bool{}
	for _, tt := range []struct {
		name     string
		ask      func() *answer
		client   string
		sub      string
		aud      any
		scope    any
		authTime time.Time // zero: nobody logged in
		acr      any
		more     m
	}{
		{"code", func() *answer { return first }, "app", "alice", []any{apiA, apiB}, "openid email offline_access", login, "urn:high",
			m{"authorization_details": all}},
		{"plain code", func() *answer { return redeem(t, s, nil) }, "app", "alice", "app", "openid email", approved, "0", nil},
		{"code without scope", func() *answer { return redeem(t, s, map[string]string{"scope": ""}) },
			"app", "alice", "app", nil, approved, "0", nil},
		{"refresh", func() *answer { clock.advance(time.Second); return refresh(url.Values{}) },
			"app", "alice", []any{apiA, apiB}, "openid email offline_access", login, "urn:high", m{"authorization_details": all}},
		{"refresh of less", func() *answer {
			return refresh(url.Values{"scope": {"openid"}, "resource": {apiB}, "authorization_details": {`[{"type":"b"}]`}})
		}, "app", "alice", apiB, "openid", login, "urn:high", m{"authorization_details": all[1:]}},
		{"client credentials", func() *answer {
			return token(t, s, "client_credentials", map[string]string{"scope": "orders", "resource": apiA, "authorization_details": `[{"type":"b"}]`})
		}, "bank", "bank", apiA, "orders", time.Time{}, nil, m{"authorization_details": all[1:]}},
		{"client credentials alone", func() *answer { return token(t, s, "client_credentials", nil) },
			"bank", "bank", "bank", nil, time.Time{}, nil, nil},
		{"device", func() *answer { return pollDevice(t, s, device.str("device_code")) },
			"app", "bob", apiA, "openid email", approved, "0", nil},
		{"CIBA", func() *answer { return pollCIBA(t, s, ciba.str("auth_req_id")) },
			"bank", "alice", "bank", "openid email", approved, "urn:phone", m{"authorization_details": []any{m{"type": "a"}}}},
		{"JWT bearer", func() *answer {
			return token(t, s, bearerGrant, map[string]string{"assertion": assert("bob"), "scope": "openid"})
		}, "bank", "bob", "bank", "openid", approved.Add(time.Second), "0", nil},
		{"exchange", func() *answer { return exchange(nil) },
			"bank", "alice", "bank", "openid email offline_access", login, "urn:high", nil},
		{"exchange for an API, by an actor", func() *answer {
			return exchange(map[string]string{"audience": "one", "resource": apiB, "scope": "email",
				"actor_token": assert("bob"), "actor_token_type": tokenType + "jwt"})
		}, "bank", "alice", []any{"one", apiB}, "email", login, "urn:high", m{"act": m{"sub": "bob"}}},
		{"exchange of the JWT", func() *answer { return exchange(map[string]string{"subject_token_type": tokenType + "jwt"}) },
			"bank", "alice", "bank", "openid email offline_access", login, "urn:high", nil},
		{"exchange of the ID token", func() *answer {
			return exchange(map[string]string{"subject_token": first.str("id_token"), "subject_token_type": tokenType + "id_token"})
		}, "bank", "alice", "bank", nil, login, "urn:high", nil},
	} {
		a := tt.ask()
		got := accessClaims(t, s, a)
		issued := clock.now()
		if tt.name == "code" {
			issued = approved
		}
		want := m{"iss": s.Issuer(), "client_id": tt.client, "sub": tt.sub, "aud": tt.aud,
			"iat": float64(issued.Unix()), "exp": float64(issued.Unix() + 40), "jti": got["jti"]}
		if tt.scope != nil {
			want["scope"] = tt.scope
		}
		if !tt.authTime.IsZero() {
			want["auth_time"], want["acr"] = float64(tt.authTime.Unix()), tt.acr
		}
		maps.Copy(want, tt.more)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %v\nwant %v", tt.name, got, want)
		}
		if jti, _ := got["jti"].(string); jti == "" || seen[jti] {
			t.Errorf("%s: jti %v", tt.name, got["jti"])
		}
		seen[got["jti"]] = true

		// Introspection says the same of it.
		inspected := introspect(t, s, a.str("access_token"), "").m
		for name, value := range got {
			if name != "auth_time" && name != "acr" && name != "act" && !reflect.DeepEqual(inspected[name], value) {
				t.Errorf("%s: %s is %v, for introspection %v", tt.name, name, value, inspected[name])
			}
		}
		if inspected["active"] != true {
			t.Errorf("%s: introspection %v", tt.name, inspected)
		}
		if id := a.str("id_token"); id != "" {
			_, claims := decodeJWT(t, id)
			if claims["auth_time"] != got["auth_time"] || claims["acr"] != got["acr"] || claims["at_hash"] != halfHash(a.str("access_token")) {
				t.Errorf("%s: the ID token %v does not go with %v", tt.name, claims, got)
			}
		}
		wantStatus := 403
		if scope, _ := tt.scope.(string); strings.Contains(scope, "openid") {
			wantStatus = 200
		}
		if info := get(t, s, s.URL()+"/userinfo", a.str("access_token")); info.status != wantStatus || wantStatus == 200 && info.str("sub") != tt.sub {
			t.Errorf("%s: userinfo %d %s", tt.name, info.status, info.body)
		}
	}
}

// A client asks for a better or a newer login (RFC 9470), and its tokens say so.
func TestStepUp(t *testing.T) {
	clock := newClock()
	s := newJWTServer(t, oauthtest.Options{Now: clock.now})
	b := s.NewBrowser()
	start := clock.now()
	for _, tt := range []struct {
		name     string
		changes  map[string]string
		acr      string
		authTime time.Duration
	}{
		{"first", nil, "0", time.Minute},
		{"same session", nil, "0", time.Minute},
		{"acr", map[string]string{"acr_values": "urn:high urn:low"}, "urn:high", time.Minute},
		{"recent enough", map[string]string{"max_age": "3600"}, "0", time.Minute},
		{"too old", map[string]string{"max_age": "30", "acr_values": "urn:low"}, "urn:low", 5 * time.Minute},
		{"login", map[string]string{"prompt": "login"}, "0", 6 * time.Minute},
	} {
		clock.advance(time.Minute)
		cb, err := b.Authorize(t.Context(), authorizationURL(s, tt.changes))
		if err != nil {
			t.Fatal(err)
		}
		claims := accessClaims(t, s, post(t, s.Client(), s.URL()+"/token", codeForm(cb.URL.Query().Get("code")), nil))
		if claims["acr"] != tt.acr || claims["auth_time"] != float64(start.Add(tt.authTime).Unix()) {
			t.Errorf("%s: acr %v, auth_time %v", tt.name, claims["acr"], claims["auth_time"])
		}
	}
}

// A JWT says what it is bound to: RFC 9449, Section 6.1; RFC 8705, Section 3.1.
func TestBoundJWTAccessToken(t *testing.T) {
	s := newJWTServer(t, oauthtest.Options{})
	h := newHolder(t)
	cert := oauthtest.SelfSignedCertificate("app")
	mine := certificateClient(t, s, cert)
	sum := sha256.Sum256(cert.Certificate[0])
	jkt, x5t := h.jkt(), encode64(sum[:])
	for _, tt := range []struct {
		name    string
		client  *http.Client
		url     string
		prove   bool
		faults  []oauthtest.Fault
		scheme  string
		cnf     any
		without string // the scheme under which it is no good without proof and certificate
	}{
		{"nothing", s.Client(), s.URL(), false, nil, "Bearer", nil, ""},
		{"key", s.Client(), s.URL(), true, nil, "DPoP", map[string]any{"jkt": jkt}, "DPoP"},
		{"certificate", mine, s.MTLSURL(), false, nil, "Bearer", map[string]any{"x5t#S256": x5t}, "Bearer"},
		{"both", mine, s.MTLSURL(), true, nil, "DPoP", map[string]any{"jkt": jkt, "x5t#S256": x5t}, "DPoP"},
		{"unbound", s.Client(), s.URL(), true, []oauthtest.Fault{oauthtest.DPoPUnboundToken}, "Bearer", nil, ""},
	} {
		var prove func(*http.Request)
		if tt.prove {
			prove = h.prove()
		}
		ask := map[string]func() *answer{
			"code": func() *answer {
				return post(t, tt.client, tt.url+"/token", codeForm(authorize(t, s, nil).Get("code")), prove)
			},
			"exchange": func() *answer {
				subject := redeem(t, s, nil).str("access_token")
				return post(t, tt.client, tt.url+"/token", url.Values{"grant_type": {exchangeGrant}, "client_id": {"app"},
					"subject_token": {subject}, "subject_token_type": {tokenType + "access_token"}}, prove)
			},
		}
		for grant, ask := range ask {
			s.Fault(tt.faults...)
			a := ask()
			s.Fault()
			claims := accessClaims(t, s, a)
			if !reflect.DeepEqual(claims["cnf"], tt.cnf) || a.str("token_type") != tt.scheme {
				t.Errorf("%s, %s: cnf %v, %s", tt.name, grant, claims["cnf"], a.body)
			}
			value := a.str("access_token")
			if m := introspect(t, s, value, "").m; !reflect.DeepEqual(m["cnf"], tt.cnf) || m["token_type"] != tt.scheme {
				t.Errorf("%s, %s: introspection %v", tt.name, grant, m)
			}
			for _, path := range []string{"/userinfo", "/resource"} {
				target := tt.url + path
				var proofs []string
				if tt.scheme == "DPoP" {
					proofs = append(proofs, h.proof("GET", target, withToken(value)))
				}
				if a := present(t, tt.client, target, tt.scheme+" "+value, proofs...); a.status != 200 {
					t.Errorf("%s, %s, %s: %d %v", tt.name, grant, path, a.status, a.header)
				}
				if tt.without == "" {
					continue
				}
				if a := present(t, s.Client(), target, tt.without+" "+value); a.status != 401 {
					t.Errorf("%s, %s, %s without it: %d", tt.name, grant, path, a.status)
				}
			}
		}
	}
}

// A JWT ends as an opaque token does, though it says that it is good.
func TestJWTAccessTokenEnds(t *testing.T) {
	clock := newClock()
	s := newJWTServer(t, oauthtest.Options{Now: clock.now})
	for name, end := range map[string]func(tokens *answer){
		"revoked": func(tokens *answer) {
			form := url.Values{"client_id": {"app"}, "token": {tokens.str("access_token")}}
			if a := post(t, s.Client(), s.URL()+"/revoke", form, nil); a.status != 200 {
				t.Error(a.body)
			}
		},
		"revoked with its grant": func(tokens *answer) {
			form := url.Values{"client_id": {"app"}, "token": {tokens.str("refresh_token")}}
			if a := post(t, s.Client(), s.URL()+"/revoke", form, nil); a.status != 200 {
				t.Error(a.body)
			}
		},
		"revoked by the test": func(tokens *answer) {
			if !s.RevokeAccessToken(tokens.str("access_token")) {
				t.Error("RevokeAccessToken does not know it")
			}
		},
		"expired": func(*answer) { clock.advance(10 * time.Minute) },
	} {
		tokens := redeem(t, s, map[string]string{"scope": "openid offline_access"})
		value := tokens.str("access_token")
		statuses := func() (all []int) {
			for _, path := range []string{"/userinfo", "/resource"} {
				all = append(all, get(t, s, s.URL()+path, value).status)
			}
			for _, kind := range []string{"access_token", "jwt"} {
				a := token(t, s, exchangeGrant, map[string]string{"subject_token": value, "subject_token_type": tokenType + kind})
				all = append(all, a.status)
			}
			return all
		}
		foreign := url.Values{"client_id": {"bank"}, "client_secret": {longSecret}, "token": {value}}
		if a := post(t, s.Client(), s.URL()+"/revoke", foreign, nil); a.str("error") != "invalid_grant" {
			t.Errorf("%s: revoked by another client: %s", name, a.body)
		}
		if got := statuses(); !reflect.DeepEqual(got, []int{200, 200, 200, 200}) {
			t.Errorf("%s, before: %v", name, got)
		}
		end(tokens)
		if got := statuses(); !reflect.DeepEqual(got, []int{401, 401, 400, 400}) {
			t.Errorf("%s: %v", name, got)
		}
		if a := introspect(t, s, value, ""); a.body != `{"active":false}` {
			t.Errorf("%s: introspection %s", name, a.body)
		}
	}

	// What the server did not issue is no token, if its key signed it or not.
	value := redeem(t, s, nil).str("access_token")
	_, claims := decodeJWT(t, value)
	minted, err := s.Sign("ES256", map[string]any{"typ": "at+jwt"}, claims)
	if err != nil {
		t.Fatal(err)
	}
	if a := get(t, s, s.URL()+"/userinfo", minted); a.status != 401 || !verified(t, s, minted) {
		t.Errorf("minted: %d", a.status)
	}
}

// RFC 9068, Section 4: the typ keeps access tokens and ID tokens apart.
func TestJWTAccessTokenIsNoIDToken(t *testing.T) {
	s := newJWTServer(t, oauthtest.Options{})
	tokens := redeem(t, s, map[string]string{"scope": "openid"})
	value := tokens.str("access_token")
	for name, a := range map[string]*answer{
		"exchange": token(t, s, exchangeGrant, map[string]string{"subject_token": value, "subject_token_type": tokenType + "id_token"}),
		"logout":   get(t, s, s.URL()+"/logout?"+url.Values{"id_token_hint": {value}}.Encode(), ""),
		"CIBA":     startCIBA(t, s, map[string]string{"login_hint": "", "id_token_hint": value}),
	} {
		if a.status != 400 || !strings.Contains(a.body, "invalid_request") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := get(t, s, s.URL()+"/logout?"+url.Values{"id_token_hint": {tokens.str("id_token")}}.Encode(), ""); a.status != 200 {
		t.Errorf("logout with the ID token: %d %s", a.status, a.body)
	}
	// As any JWT it may be exchanged, but for nothing that it does not allow.
	a := token(t, s, exchangeGrant, map[string]string{"subject_token": value, "subject_token_type": tokenType + "jwt", "scope": "openid email"})
	if a.str("error") != "invalid_scope" {
		t.Errorf("more scope for a JWT: %s", a.body)
	}
}

func TestAccessTokenAlg(t *testing.T) {
	for _, tt := range []struct {
		name      string
		algs      []string
		alg       string
		want, kty string
	}{
		{"nothing", nil, "", "ES256", "EC"},
		{"the first", []string{"Ed25519", "ES256"}, "", "Ed25519", "OKP"},
		{"another", []string{"ES256", "ES384"}, "ES384", "ES384", "EC"},
		{"any", nil, "EdDSA", "EdDSA", "OKP"},
	} {
		now := time.Now()
		s := oauthtest.NewServer(&oauthtest.Options{
			JWTAccessTokens: true, SigningAlgs: tt.algs, AccessTokenAlg: tt.alg, Now: func() time.Time { return now },
		})
		t.Cleanup(s.Close)
		// A resource may fetch the keys before there is any client or token.
		keys, _ := get(t, s, s.URL()+"/jwks", "").m["keys"].([]any)
		if len(keys) != 1 || keys[0].(map[string]any)["kty"] != tt.kty {
			t.Errorf("%s: keys %v", tt.name, keys)
		}
		c := confidential
		c.IDTokenAlg, c.AuthorizationAlg = tt.want, tt.want // no RSA key
		s.AddClient(c)
		// Some of the signatures are the same each time, and nothing but jti is new.
		a, b := token(t, s, "client_credentials", nil), token(t, s, "client_credentials", nil)
		one, other := accessClaims(t, s, a), accessClaims(t, s, b)
		if header, _ := decodeJWT(t, a.str("access_token")); header["alg"] != tt.want {
			t.Errorf("%s: alg %v", tt.name, header["alg"])
		}
		if a.str("access_token") == b.str("access_token") || one["jti"] == other["jti"] || one["iat"] != other["iat"] {
			t.Errorf("%s: %v and %v", tt.name, one, other)
		}
	}
	for name, opts := range map[string]oauthtest.Options{
		"unknown":       {AccessTokenAlg: "HS256"},
		"not announced": {SigningAlgs: []string{"ES256"}, AccessTokenAlg: "RS256"},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			oauthtest.NewServer(&opts)
		}()
	}
}

func TestEditAccessToken(t *testing.T) {
	s := newJWTServer(t, oauthtest.Options{EditAccessToken: func(header, claims map[string]any) {
		header["typ"], header["alg"] = "odd", "none"
		claims["aud"] = []string{claims["aud"].(string), "other"}
		delete(claims, "exp")
	}})
	a := redeem(t, s, nil)
	value := a.str("access_token")
	header, claims := decodeJWT(t, value)
	if aud, _ := claims["aud"].([]any); header["typ"] != "odd" || header["alg"] != "none" || len(aud) != 2 || claims["exp"] != nil {
		t.Errorf("%v %v", header, claims)
	}
	if i := strings.LastIndex(value, "."); len(value)-i < 80 {
		t.Error("alg none took the signature away")
	}
	if m := introspect(t, s, value, "").m; m["active"] != true || m["aud"] != "app" || m["exp"] == nil {
		t.Errorf("introspection %v", m)
	}
	if _, id := decodeJWT(t, a.str("id_token")); id["aud"] != "app" || id["exp"] == nil {
		t.Errorf("the ID token was edited too: %v", id)
	}
}

// What is not JSON becomes an error, and no token.
func TestBadEditAccessToken(t *testing.T) {
	s := newJWTServer(t, oauthtest.Options{EditAccessToken: func(_, claims map[string]any) {
		if claims["client_id"] == "bank" || claims["scope"] == "openid" {
			claims["x"] = func() {}
		}
	}})
	good := redeem(t, s, map[string]string{"scope": "openid email"}).str("access_token")
	for name, a := range map[string]*answer{
		"code":     redeem(t, s, map[string]string{"scope": "openid"}),
		"exchange": token(t, s, exchangeGrant, map[string]string{"subject_token": good, "subject_token_type": tokenType + "access_token"}),
	} {
		if a.status != 500 || a.str("error") != "server_error" || a.m["access_token"] != nil {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	s.Fault(oauthtest.StrayAccessToken)
	for scope, bad := range map[string]bool{"openid": true, "openid email": false} {
		stray := authorize(t, s, map[string]string{"scope": scope}).Get("access_token")
		if strings.HasPrefix(stray, "error: ") != bad || !bad && !verified(t, s, stray) {
			t.Errorf("%s: stray %q", scope, stray)
		}
	}
}

// The faults of every JWT are those of access tokens too.
func TestFaultsOfJWTAccessTokens(t *testing.T) {
	s := newJWTServer(t, oauthtest.Options{})
	for fault, seen := range map[oauthtest.Fault]func(header map[string]any, good bool) bool{
		oauthtest.WrongSignature:     func(_ map[string]any, good bool) bool { return !good },
		oauthtest.WrongKey:           func(_ map[string]any, good bool) bool { return !good },
		oauthtest.AlgNone:            func(header map[string]any, _ bool) bool { return header["alg"] == "none" },
		oauthtest.HS256WithPublicKey: func(header map[string]any, _ bool) bool { return header["alg"] == "HS256" },
		oauthtest.UnknownKid:         func(header map[string]any, _ bool) bool { return header["kid"] == "no-such-kid" },
		oauthtest.MissingKid:         func(header map[string]any, _ bool) bool { return header["kid"] == nil },
		oauthtest.CritHeader:         func(header map[string]any, _ bool) bool { return header["crit"] != nil },
		oauthtest.WrongTyp:           func(header map[string]any, _ bool) bool { return header["typ"] == "logout+jwt" },
	} {
		s.Fault(fault)
		value := redeem(t, s, nil).str("access_token")
		s.Fault()
		header, _ := decodeJWT(t, value)
		if good := verified(t, s, value); !seen(header, good) {
			t.Errorf("%s: %v, signature good: %v", fault, header, good)
		}
		if a := get(t, s, s.URL()+"/userinfo", value); a.status != 200 {
			t.Errorf("%s: userinfo %d", fault, a.status)
		}
	}
}
