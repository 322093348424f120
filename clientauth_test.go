package oauth

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"example.com/oauth/oauthtest"
)

const (
	clientauthIssuer = "https://op.example.com/tenant"
	clientauthToken  = "https://op.example.com/tenant/oauth2/token"
)

// clientauthAt is what time it is for the client.
var clientauthAt = time.Unix(1700000000, 999999999)

// clientauthRequest is a request that is to be authenticated.
func clientauthRequest(clientID string) *ClientAuthRequest {
	return &ClientAuthRequest{
		Server:   &AuthorizationServer{Issuer: clientauthIssuer, TokenEndpoint: clientauthToken},
		ClientID: clientID,
		Endpoint: "https://op.example.com/tenant/par",
		Now:      clientauthAt,
		Header:   http.Header{"X-Mine": {"kept"}},
		Form:     url.Values{"grant_type": {"authorization_code"}},
	}
}

// clientauthSent authenticates a request and returns what that added to it.
func clientauthSent(t *testing.T, auth ClientAuth, clientID string) (form url.Values, header http.Header) {
	t.Helper()
	r := clientauthRequest(clientID)
	if err := auth.Authenticate(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	if r.Form.Get("grant_type") != "authorization_code" || r.Header.Get("X-Mine") != "kept" {
		t.Errorf("what was there is changed: %v, %v", r.Form, r.Header)
	}
	delete(r.Form, "grant_type")
	delete(r.Header, "X-Mine")
	return r.Form, r.Header
}

func TestClientAuthWireForm(t *testing.T) {
	made := func(context.Context, string) (string, error) { return "a.b.c", nil }
	for _, tt := range []struct {
		name   string
		auth   ClientAuth
		id     string
		form   url.Values
		header http.Header
	}{
		{"none", PublicClient(), "web", url.Values{"client_id": {"web"}}, http.Header{}},
		// RFC 6749, Section 2.3.1: id and secret are form-encoded each, then joined.
		{"basic", ClientSecretBasic("secret"), "web", url.Values{}, http.Header{"Authorization": {"Basic d2ViOnNlY3JldA=="}}},
		{"basic, encoded", ClientSecretBasic("a b:c+%é"), "id:é", url.Values{},
			http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte("id%3A%C3%A9:a+b%3Ac%2B%25%C3%A9"))}}},
		{"post", ClientSecretPost("a b:c+%é"), "id:é", url.Values{"client_id": {"id:é"}, "client_secret": {"a b:c+%é"}}, http.Header{}},
		{"TLS", TLSClientAuth(), "bank", url.Values{"client_id": {"bank"}}, http.Header{}},
		{"assertion", ClientAssertion(made), "web", url.Values{
			"client_id": {"web"}, "client_assertion": {"a.b.c"},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		}, http.Header{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			form, header := clientauthSent(t, tt.auth, tt.id)
			if !reflect.DeepEqual(form, tt.form) || !reflect.DeepEqual(header, tt.header) {
				t.Errorf("sends %v and %v, want %v and %v", form, header, tt.form, tt.header)
			}
		})
	}
}

// clientauthAssertion takes an assertion apart and verifies its signature,
// with nothing of the package. The key is an HMAC secret or a public key.
func clientauthAssertion(t *testing.T, assertion string, key any, h func() hash.Hash) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 {
		t.Fatalf("the assertion has %d parts", len(parts))
	}
	decoded := make([][]byte, 3)
	for i, part := range parts {
		var err error
		if decoded[i], err = base64.RawURLEncoding.DecodeString(part); err != nil {
			t.Fatal(err)
		}
	}
	input, sig := []byte(parts[0]+"."+parts[1]), decoded[2]
	good := false
	switch key := key.(type) {
	case []byte:
		m := hmac.New(h, key)
		m.Write(input)
		good = hmac.Equal(m.Sum(nil), sig)
	case *ecdsa.PublicKey:
		digest := h()
		digest.Write(input)
		half := len(sig) / 2
		good = len(sig) == 64 && ecdsa.Verify(key, digest.Sum(nil), new(big.Int).SetBytes(sig[:half]), new(big.Int).SetBytes(sig[half:]))
	case ed25519.PublicKey:
		good = ed25519.Verify(key, input, sig)
	}
	if !good {
		t.Fatal("the signature does not verify")
	}
	for i, dst := range []*map[string]any{&header, &claims} {
		d := json.NewDecoder(bytes.NewReader(decoded[i]))
		d.UseNumber()
		if err := d.Decode(dst); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Token(); err != io.EOF {
			t.Fatalf("there is more behind the object: %v", err)
		}
	}
	return header, claims
}

// clientauthKey is a key with a key id and its public half.
func clientauthKey(t *testing.T, alg Algorithm) (*SigningKey, crypto.PublicKey) {
	t.Helper()
	key, err := GenerateSigningKey(alg)
	if err != nil {
		t.Fatal(err)
	}
	if key, err = NewSigningKey(key.signer, alg, "the \"key\""); err != nil {
		t.Fatal(err)
	}
	return key, key.signer.Public()
}

func TestClientAuthAssertion(t *testing.T) {
	ec, ecPublic := clientauthKey(t, ES256)
	ed, edPublic := clientauthKey(t, EdDSA)
	bare, err := NewSigningKey(ec.signer, ES256, "")
	if err != nil {
		t.Fatal(err)
	}
	secret := strings.Repeat("0123456789abcdef", 4)
	now := json.Number("1700000000")
	header := func(alg string, more ...any) map[string]any {
		m := map[string]any{"alg": alg, "typ": "JWT"}
		for i := 0; i < len(more); i += 2 {
			m[more[i].(string)] = more[i+1]
		}
		return m
	}
	claims := func(aud string, exp json.Number, more ...any) map[string]any {
		m := map[string]any{"iss": "web", "sub": "web", "aud": aud, "iat": now, "nbf": now, "exp": exp}
		for i := 0; i < len(more); i += 2 {
			m[more[i].(string)] = more[i+1]
		}
		return m
	}
	for _, tt := range []struct {
		name           string
		auth           ClientAuth
		key            any
		hash           func() hash.Hash
		header, claims map[string]any
	}{
		// The audience is one string, the issuer (RFC 7523bis).
		{"private_key_jwt", PrivateKeyJWT(ec, nil), ecPublic, sha256.New, header("ES256", "kid", "the \"key\""), claims(clientauthIssuer, "1700000060")},
		{"EdDSA", PrivateKeyJWT(ed, nil), edPublic, nil, header("EdDSA", "kid", "the \"key\""), claims(clientauthIssuer, "1700000060")},
		{"without a key id", PrivateKeyJWT(bare, nil), ecPublic, sha256.New, header("ES256"), claims(clientauthIssuer, "1700000060")},
		{"HS256", ClientSecretJWT(secret[:32], HS256, nil), []byte(secret[:32]), sha256.New, header("HS256"), claims(clientauthIssuer, "1700000060")},
		{"HS384", ClientSecretJWT(secret[:48], HS384, nil), []byte(secret[:48]), sha512.New384, header("HS384"), claims(clientauthIssuer, "1700000060")},
		{"HS512", ClientSecretJWT(secret, HS512, nil), []byte(secret), sha512.New, header("HS512"), claims(clientauthIssuer, "1700000060")},
		{"zero options", PrivateKeyJWT(ec, &AssertionOptions{}), ecPublic, sha256.New, header("ES256", "kid", "the \"key\""), claims(clientauthIssuer, "1700000060")},
		{"audience: token endpoint", PrivateKeyJWT(ec, &AssertionOptions{Audience: TokenEndpointAudience}), ecPublic, sha256.New,
			header("ES256", "kid", "the \"key\""), claims(clientauthToken, "1700000060")},
		{"typ: JWT", PrivateKeyJWT(ec, &AssertionOptions{Type: "JWT"}), ecPublic, sha256.New, header("ES256", "kid", "the \"key\""), claims(clientauthIssuer, "1700000060")},
		{"typ: 7523bis (PingFederate)", PrivateKeyJWT(ec, &AssertionOptions{Type: "client-authentication+jwt"}), ecPublic, sha256.New,
			header("ES256", "kid", "the \"key\"", "typ", "client-authentication+jwt"), claims(clientauthIssuer, "1700000060")},
		{"typ: 7523bis, HMAC", ClientSecretJWT(secret, HS256, &AssertionOptions{Type: "client-authentication+jwt"}), []byte(secret), sha256.New,
			header("HS256", "typ", "client-authentication+jwt"), claims(clientauthIssuer, "1700000060")},
		{"lifetime: least", PrivateKeyJWT(ec, &AssertionOptions{Lifetime: time.Second}), ecPublic, sha256.New,
			header("ES256", "kid", "the \"key\""), claims(clientauthIssuer, "1700000001")},
		{"lifetime: greatest", ClientSecretJWT(secret, HS256, &AssertionOptions{Lifetime: 10 * time.Minute}), []byte(secret), sha256.New,
			header("HS256"), claims(clientauthIssuer, "1700000600")},
		{"more members", PrivateKeyJWT(ec, &AssertionOptions{
			Header: map[string]any{"x5t#S256": "thumb", "x": []int{1}}, Claims: map[string]any{"tenant": "t<é>", "n": 1},
		}), ecPublic, sha256.New,
			header("ES256", "kid", "the \"key\"", "x5t#S256", "thumb", "x", []any{json.Number("1")}), claims(clientauthIssuer, "1700000060", "tenant", "t<é>", "n", json.Number("1"))},
		{"empty maps", PrivateKeyJWT(ec, &AssertionOptions{Header: map[string]any{}, Claims: map[string]any{}}), ecPublic, sha256.New,
			header("ES256", "kid", "the \"key\""), claims(clientauthIssuer, "1700000060")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			jtis := map[any]bool{}
			for range 3 {
				form, sent := clientauthSent(t, tt.auth, "web")
				if len(sent) != 0 || len(form) != 3 || form.Get("client_id") != "web" || form.Get("client_assertion_type") != assertionType {
					t.Fatalf("sends %v and %v", form, sent)
				}
				header, claims := clientauthAssertion(t, form.Get("client_assertion"), tt.key, tt.hash)
				jti, _ := claims["jti"].(string)
				if len(jti) != 22 || jtis[jti] {
					t.Errorf("jti %q is short or was used before", jti)
				}
				jtis[jti] = true
				delete(claims, "jti")
				if !reflect.DeepEqual(header, tt.header) {
					t.Errorf("the header is %v, want %v", header, tt.header)
				}
				if !reflect.DeepEqual(claims, tt.claims) {
					t.Errorf("the claims are %v, want %v", claims, tt.claims)
				}
			}
		})
	}
}

// TestClientAuthAudience: a token endpoint is an audience only for requests to its
// own origin (CVE-2025-27370), and its alias for requests to an alias (RFC 8705,
// Section 5).
func TestClientAuthAudience(t *testing.T) {
	const op, mtls, honest = "https://op.example", "https://mtls.op.example", "https://honest.example"
	aliases := &MTLSEndpointAliases{TokenEndpoint: mtls + "/token", PushedAuthorizationRequestEndpoint: mtls + "/par", RevocationEndpoint: op + "/revoke"}
	for _, tt := range []struct {
		name, token string
		aliases     *MTLSEndpointAliases
		endpoint    string
		want        string // "": refused
	}{
		{"token", op + "/token", nil, op + "/token", op + "/token"},
		{"another endpoint", op + "/token", nil, op + "/par", op + "/token"},
		{"another endpoint, port and letters", "https://OP.example:443/token", nil, op + "/par", "https://OP.example:443/token"},
		{"an honest server's", honest + "/token", nil, op + "/par", ""},
		{"an honest server's, by another scheme", honest + "/token", nil, "http://honest.example/par", ""},
		{"an honest server's, by another port", honest + "/token", nil, honest + ":8443/par", ""},
		{"an honest server's, behind a user", honest + "/token", nil, "https://honest.example@op.example/par", ""},
		{"a subdomain", op + "/token", nil, mtls + "/par", ""},
		{"alias of the token endpoint", op + "/token", aliases, mtls + "/token", mtls + "/token"},
		{"alias of another", op + "/token", aliases, mtls + "/par", mtls + "/token"},
		{"alias in other letters", op + "/token", aliases, mtls + "/PAR", ""},
		{"alias at the origin of the others", op + "/token", aliases, op + "/revoke", op + "/token"},
		{"aliases that are not used", op + "/token", aliases, op + "/token", op + "/token"},
		{"no alias, at the origin of aliases", op + "/token", aliases, mtls + "/introspect", ""},
		{"alias, and an honest token endpoint", honest + "/token", aliases, mtls + "/token", mtls + "/token"},
		{"alias of another, and an honest alias", op + "/token", &MTLSEndpointAliases{TokenEndpoint: honest + "/token", PushedAuthorizationRequestEndpoint: mtls + "/par"}, mtls + "/par", ""},
		{"no endpoint said", op + "/token", &MTLSEndpointAliases{}, "", ""},
		{"no endpoint said, and no URL", "token", nil, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key, public := clientauthKey(t, ES256)
			r := clientauthRequest("web")
			r.Server = &AuthorizationServer{Issuer: op, TokenEndpoint: tt.token, MTLSEndpointAliases: tt.aliases}
			r.Endpoint = tt.endpoint
			err := PrivateKeyJWT(key, &AssertionOptions{Audience: TokenEndpointAudience}).Authenticate(context.Background(), r)
			if tt.want == "" {
				wantError(t, err, ErrConfig, "")
				if r.Form.Has("client_assertion") {
					t.Error("an assertion was made")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, claims := clientauthAssertion(t, r.Form.Get("client_assertion"), public, sha256.New); claims["aud"] != tt.want {
				t.Errorf("aud %v", claims["aud"])
			}
		})
	}
}

// TestClientAuthAudienceOfOthers: no operation sends an assertion for another
// server's token endpoint, whatever the metadata say.
func TestClientAuthAudienceOfOthers(t *testing.T) {
	operations := map[string]func(*Client) error{
		"PAR": func(c *Client) error {
			_, err := c.StartAuthorization(context.Background(), &AuthorizationRequest{RedirectURI: "https://app.example/cb", Pushed: true})
			return err
		},
		"introspection": func(c *Client) error { _, err := c.Introspect(context.Background(), "t", nil); return err },
		"revocation":    func(c *Client) error { return c.Revoke(context.Background(), "t", nil) },
		"device":        func(c *Client) error { _, err := c.StartDeviceAuthorization(context.Background(), nil); return err },
		"CIBA": func(c *Client) error {
			_, err := c.StartBackchannelAuthentication(context.Background(), &BackchannelAuthenticationRequest{Scope: []string{"openid"}, LoginHint: "a"})
			return err
		},
	}
	for name, call := range operations {
		t.Run(name, func(t *testing.T) {
			s := newUnitServer()
			c := s.client(t, func(c *Config) {
				c.Auth = PrivateKeyJWT(unitKey(), &AssertionOptions{Audience: TokenEndpointAudience})
				c.Server.TokenEndpoint = "https://honest.example/token"
				c.Server.IntrospectionEndpoint, c.Server.RevocationEndpoint = unitIssuer+"/introspect", unitIssuer+"/revoke"
				c.Server.DeviceAuthorizationEndpoint, c.Server.BackchannelAuthenticationEndpoint = unitIssuer+"/device", unitIssuer+"/ciba"
			})
			wantError(t, call(c), ErrConfig, "AssertionOptions.Audience")
			if n := len(s.requests("")); n != 0 {
				t.Errorf("%d requests were made", n)
			}
		})
	}
}

// TestClientAuthEndpointAudience: Okta wants the endpoint that is called for aud at its
// introspection, revocation and pushed authorization request endpoints. What is
// signed for an endpoint goes there, an alias too.
func TestClientAuthEndpointAudience(t *testing.T) {
	const mtls = "https://mtls.example"
	for _, aliases := range []bool{false, true} {
		s := newUnitServer()
		c := s.client(t, func(c *Config) {
			c.Auth = PrivateKeyJWT(unitKey(), &AssertionOptions{Audience: EndpointAudience})
			c.Server.IntrospectionEndpoint, c.Server.RevocationEndpoint = unitIssuer+"/introspect", unitIssuer+"/revoke"
			c.Server.MTLSEndpointAliases = &MTLSEndpointAliases{RevocationEndpoint: mtls + "/alias"}
			c.Metadata.UseMTLSEndpointAliases = aliases
		})
		c.StartAuthorization(context.Background(), &AuthorizationRequest{RedirectURI: "https://app.example/cb", Pushed: true})
		c.Introspect(context.Background(), "t", nil)
		c.Revoke(context.Background(), "t", nil)
		c.ClientCredentials(context.Background(), nil)
		want := map[string]string{
			"/par": unitIssuer + "/par", "/introspect": unitIssuer + "/introspect", "/token": unitIssuer + "/token", "/revoke": unitIssuer + "/revoke",
		}
		if aliases {
			delete(want, "/revoke")
			want["/alias"] = mtls + "/alias"
		}
		for path, aud := range want {
			sent := s.requests(path)
			if len(sent) != 1 {
				t.Fatalf("%d requests to %s", len(sent), path)
			}
			_, claims := clientauthAssertion(t, sent[0].form.Get("client_assertion"), unitKey().signer.Public(), sha256.New)
			if claims["aud"] != aud {
				t.Errorf("%s: aud %v", path, claims["aud"])
			}
		}
	}
	for _, endpoint := range []string{"", "token", "https:///token"} {
		r := clientauthRequest("web")
		r.Endpoint = endpoint
		wantError(t, PrivateKeyJWT(unitKey(), &AssertionOptions{Audience: EndpointAudience}).Authenticate(context.Background(), r), ErrConfig, "Endpoint")
	}
}

// TestClientAuthOptionsAreCopied: what the caller does with its maps later
// changes nothing.
func TestClientAuthOptionsAreCopied(t *testing.T) {
	key, public := clientauthKey(t, ES256)
	opts := &AssertionOptions{Claims: map[string]any{"a": "b"}}
	auth := PrivateKeyJWT(key, opts)
	opts.Claims["a"], opts.Claims["iss"], opts.Lifetime = "c", "evil", time.Hour
	form, _ := clientauthSent(t, auth, "web")
	if _, claims := clientauthAssertion(t, form.Get("client_assertion"), public, sha256.New); claims["a"] != "b" || claims["iss"] != "web" ||
		claims["exp"] != json.Number("1700000060") {
		t.Errorf("the claims are %v", claims)
	}
}

// clientauthFails reports with which error NewClient and Authenticate refuse.
func clientauthFails(auth ClientAuth, server *AuthorizationServer) (newClient, authenticate error) {
	cfg := Config{Server: server, Metadata: ClientMetadata{ClientID: "web"}, Auth: auth}
	if strings.Contains(server.Issuer, tenantPlaceholder) {
		cfg.AcceptIssuer = func(string, string) bool { return true }
	}
	_, newClient = NewClient(cfg)
	r := clientauthRequest("web")
	r.Server = server
	authenticate = auth.Authenticate(context.Background(), r)
	if authenticate != nil && (len(r.Form) != 1 || len(r.Header) != 1) {
		authenticate = errors.New("something is added to the request beside the error")
	}
	return newClient, authenticate
}

// TestClientAuthFaults: what is wrong with the arguments is kept in the value,
// and both NewClient and Authenticate say so.
func TestClientAuthFaults(t *testing.T) {
	key, _ := clientauthKey(t, ES256)
	secret := strings.Repeat("0123456789abcdef", 4)
	server := &AuthorizationServer{Issuer: clientauthIssuer, TokenEndpoint: clientauthToken}
	noToken := &AuthorizationServer{Issuer: clientauthIssuer}
	template := &AuthorizationServer{Issuer: "https://login.example.com/{tenantid}/v2.0", TokenEndpoint: clientauthToken}
	type row struct {
		name   string
		auth   ClientAuth
		server *AuthorizationServer
		want   string // of the text; "": good
	}
	rows := []row{
		{"basic", ClientSecretBasic("s"), server, ""},
		{"basic, no secret", ClientSecretBasic(""), server, "Auth: the client secret is empty"},
		{"post, no secret", ClientSecretPost(""), server, "Auth: the client secret is empty"},
		{"basic, function nil", ClientSecretBasicFunc(nil), server, "Auth: the function that returns the client secret is nil"},
		{"post, function nil", ClientSecretPostFunc(nil), server, "Auth: the function that returns the client secret is nil"},
		{"no key", PrivateKeyJWT(nil, nil), server, "Auth: the key of PrivateKeyJWT is nil"},
		{"no function", ClientAssertion(nil), server, "Auth: the function of ClientAssertion is nil"},
		{"HMAC, no secret", ClientSecretJWT("", HS256, nil), server, "Auth: the client secret is empty"},
		// RFC 7518, Section 3.2: at least as long as the hash.
		{"HS256, 31 bytes", ClientSecretJWT(secret[:31], HS256, nil), server, "Auth: the client secret has 31 bytes, HS256 needs at least 32"},
		{"HS384, 47 bytes", ClientSecretJWT(secret[:47], HS384, nil), server, "Auth: the client secret has 47 bytes, HS384 needs at least 48"},
		{"HS512, 63 bytes", ClientSecretJWT(secret[:63], HS512, nil), server, "Auth: the client secret has 63 bytes, HS512 needs at least 64"},
		{"HMAC with RS256", ClientSecretJWT(secret, RS256, nil), server, `Auth: ClientSecretJWT works with HS256, HS384 and HS512, not with "RS256"`},
		{"HMAC with nothing", ClientSecretJWT(secret, "", nil), server, `not with ""`},
		{
			"lifetime too long",
			PrivateKeyJWT(key, &AssertionOptions{Lifetime: 10*time.Minute + 1}),
			server,
			"AssertionOptions.Lifetime: 10m0.000000001s is not between 1 s and 10m0s",
		},
		{"lifetime too short", PrivateKeyJWT(key, &AssertionOptions{Lifetime: time.Second - 1}), server, "AssertionOptions.Lifetime: "},
		{"negative lifetime", ClientSecretJWT(secret, HS256, &AssertionOptions{Lifetime: -time.Minute}), server, "AssertionOptions.Lifetime: "},
		{"unknown audience", PrivateKeyJWT(key, &AssertionOptions{Audience: 3}), server, "AssertionOptions.Audience: is not one of the constants"},
		{"negative audience", PrivateKeyJWT(key, &AssertionOptions{Audience: -1}), server, "AssertionOptions.Audience: is not one of the constants"},
		{"unknown type", PrivateKeyJWT(key, &AssertionOptions{Type: "at+jwt"}), server, "AssertionOptions.Type: is neither JWT nor client-authentication+jwt"},
		{"type in capitals", ClientSecretJWT(secret, HS256, &AssertionOptions{Type: "Client-Authentication+JWT"}), server, "AssertionOptions.Type: "},
		{
			"header that does not encode",
			PrivateKeyJWT(key, &AssertionOptions{Header: map[string]any{"x": func() {}}}),
			server,
			"AssertionOptions.Header: cannot be used",
		},
		{
			"claims that do not encode",
			PrivateKeyJWT(key, &AssertionOptions{Claims: map[string]any{"x": make(chan int)}}),
			server,
			"AssertionOptions.Claims: cannot be used",
		},
		{
			"no token endpoint for the audience",
			PrivateKeyJWT(key, &AssertionOptions{Audience: TokenEndpointAudience}),
			noToken,
			"token_endpoint: the server's metadata has none, and AssertionOptions.Audience wants it",
		},
		{
			"template as the audience",
			PrivateKeyJWT(key, nil),
			template,
			"AssertionOptions.Audience: the issuer is a template and no audience: set TokenEndpointAudience or EndpointAudience",
		},
		{"template, token endpoint", PrivateKeyJWT(key, &AssertionOptions{Audience: TokenEndpointAudience}), template, ""},
		{"template, endpoint", PrivateKeyJWT(key, &AssertionOptions{Audience: EndpointAudience}), template, ""},
	}
	for _, name := range []string{"alg", "crit", "typ", "kid", "b64", "zip"} {
		rows = append(rows, row{"header " + name, PrivateKeyJWT(key, &AssertionOptions{Header: map[string]any{name: "x"}}), server,
			"AssertionOptions.Header: cannot be used: " + name + ": is set by the package"})
	}
	for _, name := range []string{"iss", "sub", "aud", "exp", "iat", "nbf", "jti"} {
		rows = append(rows, row{"claim " + name, ClientSecretJWT(secret, HS256, &AssertionOptions{Claims: map[string]any{name: "x"}}), server,
			"AssertionOptions.Claims: cannot be used: " + name + ": is set by the package"})
	}
	for _, tt := range rows {
		t.Run(tt.name, func(t *testing.T) {
			newClient, authenticate := clientauthFails(tt.auth, tt.server)
			for where, err := range map[string]error{"NewClient": newClient, "Authenticate": authenticate} {
				if tt.want == "" && err != nil || tt.want != "" && (!errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), tt.want)) {
					t.Errorf("%s: error %v, want ErrConfig: %s", where, err, tt.want)
				}
			}
		})
	}
}

func TestClientAuthSigner(t *testing.T) {
	good, _ := clientauthKey(t, ES256)
	broken, err := NewSigningKey(clientauthBroken{good.signer}, ES256, "")
	if err != nil {
		t.Fatal(err)
	}
	r := clientauthRequest("web")
	err = PrivateKeyJWT(broken, nil).Authenticate(context.Background(), r)
	if !errors.Is(err, ErrConfig) || !errors.Is(err, errClientauthHSM) || r.Form.Has("client_assertion") {
		t.Errorf("error %v, form %v", err, r.Form)
	}
}

var errClientauthHSM = errors.New("the HSM is not there")

type clientauthBroken struct{ crypto.Signer }

func (clientauthBroken) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errClientauthHSM
}

func TestClientAuthFunction(t *testing.T) {
	cause := errors.New("the workload has no identity")
	type key struct{}
	ctx := context.WithValue(context.Background(), key{}, "value")
	n := 0
	auth := ClientAssertion(func(got context.Context, audience string) (string, error) {
		if got.Value(key{}) != "value" || audience != clientauthIssuer {
			t.Errorf("called with %v and %s", got.Value(key{}), audience)
		}
		n++
		return []string{"", "first", "second"}[n%3], []error{nil, nil, nil, nil, cause}[n]
	})
	for _, want := range []string{"first", "second", "", ""} {
		r := clientauthRequest("web")
		err := auth.Authenticate(ctx, r)
		if want != "" && (err != nil || r.Form.Get("client_assertion") != want) {
			t.Errorf("sends %v, %v, want %s", r.Form, err, want)
		}
		if want == "" && (!errors.Is(err, ErrConfig) || r.Form.Has("client_assertion") || n == 4 && !errors.Is(err, cause)) {
			t.Errorf("call %d: sends %v, error %v", n, r.Form, err)
		}
	}
}

// clientauthCustom is a method of the application's own.
type clientauthCustom func(context.Context, *ClientAuthRequest) error

func (f clientauthCustom) Authenticate(ctx context.Context, r *ClientAuthRequest) error {
	return f(ctx, r)
}

// TestClientAuthCustom: what such a method gets to see, and that it is asked
// anew for every attempt.
func TestClientAuthCustom(t *testing.T) {
	var sent []*http.Request
	var forms []url.Values
	transport := httpFunc(func(r *http.Request) (*http.Response, error) {
		r.ParseForm()
		sent, forms = append(sent, r), append(forms, r.PostForm)
		return httpAnswer(r, 200, "{}"), nil
	})
	refusal := errors.New("not today")
	calls := 0
	auth := clientauthCustom(func(ctx context.Context, r *ClientAuthRequest) error {
		calls++
		if r.ClientID != "web" || r.Endpoint != clientauthToken || r.Server.Issuer != clientauthIssuer ||
			!r.Now.Equal(clientauthAt.Add(time.Hour)) || r.Form.Get("grant_type") != "x" || r.Header.Get("X-Mine") != "kept" {
			t.Errorf("it gets %+v", r)
		}
		if calls == 3 {
			return refusal
		}
		r.Header.Set("Authorization", "Custom x")
		r.Form.Set("call", strings.Repeat("I", calls))
		return nil
	})
	c, err := NewClient(Config{
		Server: &AuthorizationServer{Issuer: clientauthIssuer, TokenEndpoint: clientauthToken}, Metadata: ClientMetadata{ClientID: "web"},
		Auth: auth, HTTPClient: transport.client(), Clock: Clock{Skew: time.Hour, Now: func() time.Time { return clientauthAt }},
	})
	if err != nil {
		t.Fatal(err)
	}
	form, header := url.Values{"grant_type": {"x"}}, http.Header{"X-Mine": {"kept"}}
	for range 2 {
		if _, err := c.post(context.Background(), tokenEndpoint, "test", form, headerFields{more: header}); err != nil {
			t.Fatal(err)
		}
	}
	if len(sent) != 2 || forms[0].Get("call") != "I" || forms[1].Get("call") != "II" || sent[1].Header.Get("Authorization") != "Custom x" {
		t.Errorf("sends %v", forms)
	}
	if len(form) != 1 || len(header) != 1 {
		t.Errorf("the caller's form and header become %v and %v", form, header)
	}
	if _, err := c.post(context.Background(), tokenEndpoint, "test", form, headerFields{more: header}); !errors.Is(err, refusal) || len(sent) != 2 {
		t.Errorf("error %v, %d requests", err, len(sent))
	}
}

// TestClientAuthSecretFunc: the secret is asked for at every attempt, with the context of
// the call, and is a secret like another.
func TestClientAuthSecretFunc(t *testing.T) {
	type key struct{}
	lost := errors.New("the vault is sealed")
	for name, method := range map[string]func(func(context.Context) (string, error)) ClientAuth{
		"basic": ClientSecretBasicFunc, "post": ClientSecretPostFunc,
	} {
		t.Run(name, func(t *testing.T) {
			s := newUnitServer()
			calls, secret, fault, stop := 0, "", error(nil), func() {}
			c := s.client(t, func(c *Config) {
				c.Auth = method(func(ctx context.Context) (string, error) {
					if ctx.Value(key{}) != name {
						t.Error("another context")
					}
					calls++
					stop()
					return secret, fault
				})
			})
			if calls != 0 {
				t.Error("NewClient asks for the secret")
			}
			ctx, cancel := context.WithCancel(context.WithValue(context.Background(), key{}, name))
			defer cancel()
			for i, next := range []string{"first-secret", "second-secret"} {
				secret = next
				s.set("/token", unitAnswer{status: 401, mediaType: mediaJSON, body: `{"error":"invalid_client","error_description":"not ` + next + `"}`})
				_, err := c.ClientCredentials(ctx, nil)
				if err == nil || strings.Contains(err.Error(), next) || !errors.Is(err, ErrRefused) {
					t.Errorf("error %v", err)
				}
				sent := s.requests("/token")[i]
				got := sent.form.Get("client_secret")
				if _, password, ok := (&http.Request{Header: sent.header}).BasicAuth(); ok {
					got = password
				}
				if got != next || calls != i+1 {
					t.Errorf("sent %q after %d calls", got, calls)
				}
			}
			secret = ""
			_, err := c.ClientCredentials(ctx, nil)
			wantError(t, err, ErrConfig, "Auth")
			secret, fault = "third-secret", lost
			_, err = c.ClientCredentials(ctx, nil)
			if wantError(t, err, ErrUnavailable, "Auth"); !errors.Is(err, lost) {
				t.Errorf("error %v", err)
			}
			stop = cancel
			if _, err = c.ClientCredentials(ctx, nil); !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnavailable) {
				t.Errorf("error %v", err)
			}
			if n := len(s.requests("/token")); n != 2 {
				t.Errorf("%d requests", n)
			}
			// A function that fails because the caller has left is not one that is away, and
			// a secret that it returned nevertheless is one.
			for _, fault = range []error{lost, nil} {
				r := clientauthRequest(unitClient)
				err := c.auth.Authenticate(ctx, r)
				if (err == nil) != (fault == nil) || err != nil && (!errors.Is(err, context.Canceled) || errors.Is(err, ErrUnavailable)) {
					t.Errorf("after the end, %v: %v", fault, err)
				}
			}
		})
	}
}

// TestClientAuthNil: a Client without Auth verifies and does not call.
func TestClientAuthNil(t *testing.T) {
	key, keys := clockIssuerKey(t)
	c := clockVerifier(t, keys, clockAt(0, 0))
	if _, err := c.VerifyIDToken(context.Background(), clockToken(t, key, nil), VerifyIDTokenOptions{}); err != nil {
		t.Error(err)
	}
	_, err := c.StartAuthorization(context.Background(), &AuthorizationRequest{RedirectURI: "https://app.example.com/cb"})
	var e *Error
	if !errors.As(err, &e) || e.Kind != ErrConfig || e.Param != "Auth" {
		t.Errorf("StartAuthorization: %v", err)
	}
}

// TestClientAuthServer holds every method against a server that shares no code
// with the package, and each against one that wants another.
func TestClientAuthServer(t *testing.T) {
	srv := oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}})
	defer srv.Close()
	as, err := Discover(context.Background(), srv.Issuer(), &DiscoverOptions{HTTPClient: srv.Client()})
	if err != nil {
		t.Fatal(err)
	}
	secret := "a b:c+%é " + strings.Repeat("0123456789abcdef", 4)
	ec, _ := clientauthKey(t, ES256)
	ed, _ := clientauthKey(t, EdDSA)
	jwks := []byte(`{"keys":[` + string(ec.PublicJWK()) + `]}`)
	for _, tt := range []struct {
		name, method string
		auth         ClientAuth
		good         bool
	}{
		{"none", "none", PublicClient(), true},
		{"basic", "client_secret_basic", ClientSecretBasic(secret), true},
		{"post", "client_secret_post", ClientSecretPost(secret), true},
		{"basic, from a function", "client_secret_basic", ClientSecretBasicFunc(func(context.Context) (string, error) { return secret, nil }), true},
		{"post, from a function", "client_secret_post", ClientSecretPostFunc(func(context.Context) (string, error) { return secret, nil }), true},
		{"HS256", "client_secret_jwt", ClientSecretJWT(secret, HS256, nil), true},
		{"HS512", "client_secret_jwt", ClientSecretJWT(secret, HS512, &AssertionOptions{Lifetime: time.Minute}), true},
		{"private key", "private_key_jwt", PrivateKeyJWT(ec, nil), true},
		{"private key, token endpoint", "private_key_jwt", PrivateKeyJWT(ec, &AssertionOptions{Audience: TokenEndpointAudience}), true},
		{"another private key", "private_key_jwt", PrivateKeyJWT(ed, nil), false},
		{"another secret", "client_secret_basic", ClientSecretBasic(secret + "x"), false},
		{"another method", "client_secret_post", ClientSecretBasic(secret), false},
		{"no secret", "client_secret_basic", PublicClient(), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := oauthtest.Client{ID: "id:é", AuthMethod: tt.method, RedirectURIs: []string{"https://app.example.com/cb"}}
			switch {
			case strings.HasPrefix(tt.method, "client_secret"):
				c.Secret = secret
			case tt.method == "private_key_jwt":
				c.JWKS = jwks
			}
			srv.AddClient(c)
			err := errorsLogin(srv, Config{Server: as, Metadata: ClientMetadata{ClientID: "id:é"}, Auth: tt.auth, HTTPClient: srv.Client()})
			var re *ResponseError
			if tt.good && err != nil || !tt.good && (!errors.As(err, &re) || re.Code != "invalid_client") {
				t.Errorf("error %v, want good %v", err, tt.good)
			}
		})
	}
}

// TestAssertionParametersApart: what is appended to one parameter is not in another.
func TestAssertionParametersApart(t *testing.T) {
	r := &ClientAuthRequest{Server: newUnitServer().config().Server, ClientID: unitClient, Endpoint: unitIssuer + "/token"}
	if err := PrivateKeyJWT(must(GenerateSigningKey(ES256)), nil).Authenticate(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	before := r.Form.Encode()
	for _, values := range r.Form {
		_ = append(values, "more")
	}
	if after := r.Form.Encode(); after != before {
		t.Errorf("%s, and was %s", after, before)
	}
}
