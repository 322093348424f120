package oauth

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.com/oauth/oauthtest"
)

// This file tests what is done with a registration, and the metadata of
// clients that need none.

func TestRegistrationConfig(t *testing.T) {
	s := newUnitServer()
	as, _ := s.registrar()
	const long = "a-secret-of-at-least-32-characters-for-HS256"
	for _, tt := range []struct {
		name, method, secret string
		alg                  Algorithm
		key                  *SigningKey
		change               func(*AuthorizationServer)
		has                  string // a parameter or field of the request
		param                string // of the error
	}{
		{name: "none", method: "none", has: "client_id"},
		{name: "by default", secret: "s", has: "Authorization"},
		{name: "basic", method: "client_secret_basic", secret: "s", has: "Authorization"},
		{name: "post", method: "client_secret_post", secret: "s", has: "client_secret"},
		{name: "HMAC", method: "client_secret_jwt", secret: long, has: "client_assertion"},
		{name: "HMAC with an algorithm", method: "client_secret_jwt", secret: long + long, alg: HS512, has: "client_assertion"},
		{name: "key", method: "private_key_jwt", key: s.key, has: "client_assertion"},

		{name: "default without a secret", param: "Auth"},
		{name: "basic without a secret", method: "client_secret_basic", param: "Auth"},
		{name: "post without a secret", method: "client_secret_post", param: "Auth"},
		{name: "HMAC without a secret", method: "client_secret_jwt", param: "Auth"},
		{name: "HMAC with a short secret", method: "client_secret_jwt", secret: "short", param: "Auth"},
		{name: "HMAC with a short secret for its algorithm", method: "client_secret_jwt", secret: long, alg: HS512, param: "Auth"},
		{name: "HMAC with an algorithm of keys", method: "client_secret_jwt", secret: long, alg: RS256, param: "Auth"},
		{name: "key is nil", method: "private_key_jwt", param: "Auth"},
		{name: "key is empty", method: "private_key_jwt", key: &SigningKey{}, param: "Auth"},
		{name: "key for another method", method: "client_secret_basic", secret: "s", key: s.key, param: "key"},
		{name: "key for a public client", method: "none", key: s.key, param: "key"},
		{name: "unknown method", method: "magic", secret: "s", param: "token_endpoint_auth_method"},
		{name: "another server", method: "none", change: func(as *AuthorizationServer) { as.Issuer = "https://x.example" }, param: "server"},
		{name: "the server in other letters", method: "none", change: func(as *AuthorizationServer) { as.Issuer = "https://OP.example" }, param: "server"},
		{name: "the server with a slash", method: "none", change: func(as *AuthorizationServer) { as.Issuer += "/" }, param: "server"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := *as
			server.RevocationEndpoint = unitIssuer + "/revoke"
			if tt.change != nil {
				tt.change(&server)
			}
			reg := &Registration{
				Metadata: ClientMetadata{
					ClientID:                    "c1",
					TokenEndpointAuthMethod:     tt.method,
					TokenEndpointAuthSigningAlg: tt.alg,
				}, ClientSecret: NewSecret(tt.secret), server: unitIssuer,
			}
			cfg, err := reg.Config(&server, tt.key)
			if tt.param != "" {
				wantError(t, err, ErrConfig, tt.param)
				if cfg.Server != nil || cfg.Auth != nil || cfg.Metadata.ClientID != "" {
					t.Errorf("%v with the error", cfg)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			s.set("/revoke", unitAnswer{})
			cfg.HTTPClient = &http.Client{Transport: s}
			c, err := NewClient(cfg)
			if err == nil {
				err = c.Revoke(context.Background(), "rt", nil)
			}
			if err != nil {
				t.Fatal(err)
			}
			list := s.requests("/revoke")
			r := list[len(list)-1]
			for _, name := range []string{"client_secret", "client_assertion", "Authorization"} {
				if (r.form.Has(name) || r.header.Get(name) != "") != (name == tt.has) {
					t.Errorf("%s: %v %v", name, r.form, r.header)
				}
			}
			if tt.alg != "" {
				header, _, _ := strings.Cut(r.form.Get("client_assertion"), ".")
				if h, err := parseHeader(header); err != nil || h.alg != tt.alg {
					t.Errorf("%v, %v", h, err)
				}
			}
		})
	}
	for _, method := range []string{"tls_client_auth", "self_signed_tls_client_auth"} {
		reg := &Registration{Metadata: ClientMetadata{ClientID: "c1", TokenEndpointAuthMethod: method}, server: unitIssuer}
		cfg, err := reg.Config(as, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = NewClient(cfg)
		wantError(t, err, ErrConfig, "MTLS")
		cfg.MTLS = &MutualTLS{Certificate: oauthtest.SelfSignedCertificate("own")}
		if _, err := NewClient(cfg); err != nil {
			t.Error(err)
		}
	}
	own := &Registration{Metadata: ClientMetadata{ClientID: "c1", TokenEndpointAuthMethod: "none"}}
	if _, err := own.Config(nil, nil); !errors.Is(err, ErrConfig) {
		t.Errorf("no server: %v", err)
	}
	if _, err := own.Config(as, nil); err != nil {
		t.Errorf("a registration that the application made: %v", err)
	}
	_, err := (*Registration)(nil).Config(as, nil)
	wantError(t, err, ErrConfig, "")
}

// Where the server does not repeat how the client authenticates, what Register
// and Read take is what Config uses.
func TestRegistrationMethodKept(t *testing.T) {
	s := newUnitServer()
	silent := registrationAnswer(t, map[string]any{
		"token_endpoint_auth_method": unitRemoved, "client_secret": unitRemoved, "client_secret_expires_at": unitRemoved, "redirect_uris": unitRemoved,
	})
	as, opts := s.registrar()
	reg, err := s.register(t, ClientMetadata{TokenEndpointAuthMethod: "private_key_jwt"}, silent)
	if err != nil {
		t.Fatal(err)
	}
	silent.status = 200
	s.set(managePath, silent)
	read, err := reg.Read(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, reg := range []*Registration{reg, read} {
		if _, err := reg.Config(as, s.key); err != nil || reg.Metadata.TokenEndpointAuthMethod != "private_key_jwt" {
			t.Errorf("%v: %v", reg.Metadata, err)
		}
	}
	// The method that is left out of an update is the default (RFC 7591, Section 2).
	_, err = reg.Update(context.Background(), ClientMetadata{ClientID: "c1"}, opts)
	wantError(t, err, ErrResponse, "client_secret")
}

// What was stored is of the same use as before.
func TestRegistrationRestored(t *testing.T) {
	s := newUnitServer()
	reg, opts := s.managed(t)
	restored := new(Registration)
	if err := restored.UnmarshalBinary(must(reg.MarshalBinary())); err != nil {
		t.Fatal(err)
	}
	a := registrationAnswer(t, nil)
	a.status = 200
	s.set(managePath, a)
	if _, err := restored.Read(context.Background(), opts); err != nil {
		t.Error(err)
	}
	if got := s.requests(managePath)[0].header.Get("Authorization"); got != "Bearer rat-1" {
		t.Errorf("Authorization %q", got)
	}
	as, _ := s.registrar()
	if _, err := restored.Config(as, nil); err != nil {
		t.Error(err)
	}
	as.Issuer = "https://x.example"
	_, err := restored.Config(as, nil)
	wantError(t, err, ErrConfig, "server")
}

func TestRegistrationSaved(t *testing.T) {
	reg := savedSamples()["Registration"].(*Registration)
	for name, metadata := range map[string]string{
		"no JSON": "x", "array": "[]", "null": "null", "duplicate": `{"client_id":"a","client_id":"b"}`, "another type": `{"client_id":1}`, "empty": "",
	} {
		w := newSaved(registrationVersion)
		for _, field := range []string{metadata, "", "", "", "", ""} {
			w.string(field)
		}
		w.time(time.Time{})
		w.time(time.Time{})
		before := savedFields(reg)
		if err := reg.UnmarshalBinary(w.b); !errors.Is(err, ErrParse) || savedFields(reg) != before {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Version 1 had no origins: it is read for as long as clients are registered.
	w := newSaved(1)
	for _, field := range []string{`{"client_id":"c1"}`, "secret", "rat-1", "https://own.example" + managePath, unitIssuer} {
		w.string(field)
	}
	w.time(time.Unix(1, 0))
	w.time(time.Unix(2, 0))
	old := new(Registration)
	if err := old.UnmarshalBinary(w.b); err != nil || old.Metadata.ClientID != "c1" || old.RegistrationAccessToken.Reveal() != "rat-1" ||
		old.ClientIDIssuedAt.Unix() != 2 ||
		old.origins != "" {
		t.Errorf("version 1: %s, %v", savedFields(old), err)
	}
	if data := must(old.MarshalBinary()); data[0] != registrationVersion {
		t.Errorf("it becomes version %d", data[0])
	}
	reg.Metadata.Extra = map[string]json.RawMessage{"x": json.RawMessage("{")}
	data, err := reg.MarshalBinary()
	if wantError(t, err, ErrConfig, "Metadata"); data != nil {
		t.Errorf("a member that is no JSON encodes to %q", data)
	}
}

// With a certificate the request goes to the alias (RFC 8705, Section 5), and
// the server sees it.
func TestRegistrationMTLS(t *testing.T) {
	cert, roots := httpServerCertificate(t)
	origin := httpTLSServer(
		t,
		&tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAnyClientCert},
		func(w http.ResponseWriter, r *http.Request) {
			if name := r.TLS.PeerCertificates[0].Subject.CommonName; name != "own" {
				t.Errorf("certificate of %q", name)
			}
			body, _ := io.ReadAll(r.Body)
			w.Header().Set("Content-Type", mediaJSON)
			fmt.Fprintf(
				w,
				`{"client_id":"c1","token_endpoint_auth_method":"self_signed_tls_client_auth","path":%q,"sent":%q,"registration_access_token":"rat","registration_client_uri":"https://%s/manage"}`,
				r.URL.Path,
				body,
				r.Host,
			)
		},
	)
	as := &AuthorizationServer{
		Issuer:               unitIssuer,
		RegistrationEndpoint: origin + "/plain",
		MTLSEndpointAliases:  &MTLSEndpointAliases{RegistrationEndpoint: origin + "/alias"},
	}
	opts := &RegistrationOptions{MTLS: &MutualTLS{Certificate: oauthtest.SelfSignedCertificate("own"), RootCAs: roots}}
	reg, err := Register(context.Background(), as, ClientMetadata{TokenEndpointAuthMethod: "self_signed_tls_client_auth"}, opts)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(reg.Metadata.Extra["path"]); got != `"/alias"` {
		t.Errorf("it went to %s", got)
	}
	if reg, err = reg.Read(context.Background(), opts); err != nil || string(reg.Metadata.Extra["path"]) != `"/manage"` {
		t.Errorf("%v, %v", reg, err)
	}
	as.MTLSEndpointAliases = nil
	if reg, err = Register(context.Background(), as, ClientMetadata{}, opts); err == nil && string(reg.Metadata.Extra["path"]) != `"/plain"` {
		t.Errorf("without an alias it went to %s", reg.Metadata.Extra["path"])
	} else if err != nil {
		t.Error(err)
	}
	opts.HTTPClient = &http.Client{Transport: newUnitServer()} // cannot be given the certificate
	_, err = Register(context.Background(), as, ClientMetadata{}, opts)
	wantError(t, err, ErrConfig, "HTTPClient")
}

// TestRegistrationReleases: no connection is left that nobody can close, as those with a
// certificate.
func TestRegistrationReleases(t *testing.T) {
	ctx := context.Background()
	for _, secure := range []bool{false, true} {
		start := (*httptest.Server).Start
		if secure {
			start = (*httptest.Server).StartTLS
		}
		options := func(server *httptest.Server, client *http.Client) *RegistrationOptions {
			o := &RegistrationOptions{HTTPClient: client, InsecureAllowHTTP: true}
			if secure {
				roots := x509.NewCertPool()
				roots.AddCert(server.Certificate())
				o.HTTPClient, o.MTLS = nil, &MutualTLS{Certificate: oauthtest.SelfSignedCertificate("own"), RootCAs: roots}
			}
			return o
		}
		wantReleased(t, start, func(server *httptest.Server, client *http.Client) {
			_, err := Register(ctx, &AuthorizationServer{Issuer: unitIssuer, RegistrationEndpoint: server.URL}, ClientMetadata{}, options(server, client))
			wantError(t, err, ErrRefused, "")
		})
		wantReleased(t, start, func(server *httptest.Server, client *http.Client) {
			reg := &Registration{RegistrationAccessToken: NewSecret("rat"), RegistrationClientURI: server.URL}
			_, err := reg.Read(ctx, options(server, client))
			wantError(t, err, ErrRefused, "")
		})
	}
	// Those of the transport of the caller are the caller's to close.
	server, connections := countedServer(t, (*httptest.Server).Start)
	theirs := &RegistrationOptions{HTTPClient: &http.Client{Transport: &http.Transport{TLSHandshakeTimeout: time.Minute}}, InsecureAllowHTTP: true}
	for range 2 {
		_, err := Register(ctx, &AuthorizationServer{Issuer: unitIssuer, RegistrationEndpoint: server.URL}, ClientMetadata{}, theirs)
		wantError(t, err, ErrRefused, "")
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestRegistrationAlias(t *testing.T) {
	s := newUnitServer()
	as, opts := s.registrar()
	as.MTLSEndpointAliases = &MTLSEndpointAliases{RegistrationEndpoint: unitIssuer + "/mtls/register"}
	for _, path := range []string{registerPath, "/mtls/register"} {
		s.set(path, registrationAnswer(t, map[string]any{"redirect_uris": nil}))
		m := ClientMetadata{UseMTLSEndpointAliases: strings.HasPrefix(path, "/mtls")}
		if _, err := Register(context.Background(), as, m, opts); err != nil || len(s.requests(path)) != 1 {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// ---- client ID metadata documents

func TestClientIDMetadataHandler(t *testing.T) {
	const id = "https://app.example/client.json"
	m := ClientMetadata{ClientID: id, ClientName: "App", RedirectURIs: []string{"https://app.example/cb"}, TokenEndpointAuthMethod: "none"}
	h, err := ClientIDMetadataHandler(m)
	if err != nil {
		t.Fatal(err)
	}
	m.RedirectURIs[0] = "https://attacker.example" // changes nothing any more
	const want = `{"client_id":"https://app.example/client.json","redirect_uris":["https://app.example/cb"],"client_name":"App","token_endpoint_auth_method":"none"}`
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "get"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, id, nil)
		r.Method = method
		h.ServeHTTP(w, r)
		switch method {
		case "GET", "HEAD":
			body := want
			if method == "HEAD" {
				body = ""
			}
			if w.Code != http.StatusOK || w.Header().Get("Content-Type") != mediaJSON || w.Header().Get("Cache-Control") != "" || w.Body.String() != body {
				t.Errorf("%s: %d %v %s", method, w.Code, w.Header(), w.Body)
			}
		default:
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" || w.Body.Len() != 0 {
				t.Errorf("%s: %d %v %s", method, w.Code, w.Header(), w.Body)
			}
		}
	}
}

func TestClientIDMetadataErrors(t *testing.T) {
	s := newUnitServer()
	good := ClientMetadata{ClientID: "https://app.example/client.json", TokenEndpointAuthMethod: "private_key_jwt"}
	id := func(id string) func(*ClientMetadata) { return func(m *ClientMetadata) { m.ClientID = id } }
	method := func(method string) func(*ClientMetadata) {
		return func(m *ClientMetadata) { m.TokenEndpointAuthMethod = method }
	}
	jwks := func(keys ...string) func(*ClientMetadata) {
		return func(m *ClientMetadata) { m.JWKS = json.RawMessage(`{"keys":[` + strings.Join(keys, ",") + `]}`) }
	}
	public := string(s.key.PublicJWK())
	for _, tt := range []struct {
		name   string
		change func(*ClientMetadata)
		kind   error // nil: it is served
		param  string
	}{
		{"good", id(good.ClientID), nil, ""},
		{"with a port and a query", id("https://app.example:8443/a/b?c=d"), nil, ""},
		{"dots in a name", id("https://app.example/..a/b..json"), nil, ""},
		{"public key", jwks(public), nil, ""},
		{"public key, and another place for it", func(m *ClientMetadata) { jwks(public)(m); m.JWKSURI = "https://app.example/jwks" }, ErrConfig, "JWKS"},
		{"keys elsewhere", func(m *ClientMetadata) { m.JWKSURI = "https://app.example/jwks" }, nil, ""},
		{"key for encryption", jwks(public, `{"kty":"OKP","crv":"X25519","use":"enc","x":"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08"}`), nil, ""},
		{"key of a type of tomorrow", jwks(`{"kty":"AKP","alg":"ML-DSA-44","pub":"AA"}`), nil, ""},
		{"no key", jwks(), nil, ""},
		{"method none", method("none"), nil, ""},
		{"an unknown method", method("x_client_secret_y"), nil, ""},
		{"method with a certificate", method("self_signed_tls_client_auth"), nil, ""},

		{"empty", id(""), ErrConfig, "ClientID"},
		{"a name", id("client-1"), ErrConfig, "ClientID"},
		{"http", id("http://app.example/client.json"), ErrInsecureURL, "ClientID"},
		{"http on loopback", id("http://127.0.0.1/client.json"), ErrInsecureURL, "ClientID"},
		{"another scheme", id("com.example.app:/client.json"), ErrInsecureURL, "ClientID"},
		{"no path", id("https://app.example"), ErrConfig, "ClientID"},
		{"no path but a slash", id("https://app.example/"), ErrConfig, "ClientID"},
		{"no path but a query", id("https://app.example?a=/b"), ErrConfig, "ClientID"},
		{"fragment", id("https://app.example/client.json#a"), ErrConfig, "ClientID"},
		{"empty fragment", id("https://app.example/client.json#"), ErrConfig, "ClientID"},
		{"user", id("https://user:pw@app.example/client.json"), ErrConfig, "ClientID"},
		{"no host", id("https:///client.json"), ErrConfig, "ClientID"},
		{"dot segment", id("https://app.example/a/./client.json"), ErrConfig, "ClientID"},
		{"dot segments", id("https://app.example/a/../client.json"), ErrConfig, "ClientID"},
		{"dot segment at the end", id("https://app.example/a/.."), ErrConfig, "ClientID"},
		{"dot segments, escaped", id("https://app.example/a/%2e%2E/client.json"), ErrConfig, "ClientID"},
		{"no method", method(""), ErrConfig, "TokenEndpointAuthMethod"},
		{"basic", method("client_secret_basic"), ErrConfig, "TokenEndpointAuthMethod"},
		{"post", method("client_secret_post"), ErrConfig, "TokenEndpointAuthMethod"},
		{"HMAC", method("client_secret_jwt"), ErrConfig, "TokenEndpointAuthMethod"},
		{"private RSA key", jwks(privateJWK(RS256)), ErrConfig, "JWKS"},
		{"private EC key", jwks(privateJWK(ES256)), ErrConfig, "JWKS"},
		{"private Ed25519 key", jwks(privateJWK(EdDSA)), ErrConfig, "JWKS"},
		{"private key among others", jwks(public, privateJWK(ES256), public), ErrConfig, "JWKS"},
		{"private key for encryption", jwks(public, withMember(privateJWK(ES256), `"use":"enc"`)), ErrConfig, "JWKS"},
		{"primes alone", jwks(withMember(public, `"p":"AA"`)), ErrConfig, "JWKS"},
		{"private member with null", jwks(withMember(public, `"d":null`)), ErrConfig, "JWKS"},
		{"private member, escaped", jwks(withMember(public, `"\u0064":"AA"`)), ErrConfig, "JWKS"},
		{"private parts alone", jwks(withMember(public, `"dp":"AA"`)), ErrConfig, "JWKS"},
		{"private part dq", jwks(withMember(public, `"dq":"AA"`)), ErrConfig, "JWKS"},
		{"private part qi", jwks(withMember(public, `"qi":"AA"`)), ErrConfig, "JWKS"},
		{"private part q", jwks(withMember(public, `"q":"AA"`)), ErrConfig, "JWKS"},
		{"further primes", jwks(withMember(public, `"oth":[]`)), ErrConfig, "JWKS"},
		{"no key type", jwks(`{"x":"AA"}`), ErrConfig, "JWKS"},
		{"keys that are none", jwks(public, `"x"`), ErrConfig, "JWKS"},
		{"too many keys", jwks(strings.Split(strings.Repeat(public+" ", maxKeys+1), " ")[:maxKeys+1]...), ErrConfig, "JWKS"},
		{"secret beside", func(m *ClientMetadata) {
			m.Extra = map[string]json.RawMessage{"client_secret": json.RawMessage(`"` + secretMarker + `"`)}
		}, ErrConfig, "Extra"},
		{"access token beside", func(m *ClientMetadata) {
			m.Extra = map[string]json.RawMessage{"registration_access_token": json.RawMessage(`"` + secretMarker + `"`)}
		}, ErrConfig, "Extra"},
		{"keys beside", func(m *ClientMetadata) {
			m.Extra = map[string]json.RawMessage{"jwks": json.RawMessage(`{"keys":[` + privateJWK(ES256) + `]}`)}
		}, ErrConfig, "Extra"},
		{"the place of keys beside", func(m *ClientMetadata) {
			m.Extra = map[string]json.RawMessage{"jwks_uri": json.RawMessage(`"https://app.example/jwks"`)}
		}, ErrConfig, "Extra"},
		{"symmetric key", jwks(public, `{"kty":"oct","k":"`+secretMarker+`"}`), ErrConfig, "JWKS"},
		{"seed of ML-DSA", jwks(public, `{"kty":"AKP","alg":"ML-DSA-44","pub":"AA","priv":"`+secretMarker+`"}`), ErrConfig, "JWKS"},
		{"not a set", func(m *ClientMetadata) { m.JWKS = json.RawMessage(privateJWK(ES256)) }, ErrConfig, "JWKS"},
		{"keys twice", func(m *ClientMetadata) {
			m.JWKS = json.RawMessage(`{"keys":[` + privateJWK(ES256) + `],"keys":[` + public + `]}`)
		}, ErrConfig, "JWKS"},
		{"no JSON", func(m *ClientMetadata) { m.JWKS = json.RawMessage("{") }, ErrConfig, "JWKS"},
		{"extra member that is no JSON", func(m *ClientMetadata) { m.Extra = map[string]json.RawMessage{"x": json.RawMessage("{")} }, ErrConfig, "Metadata"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := good
			tt.change(&m)
			h, err := ClientIDMetadataHandler(m)
			if (h == nil) != (err != nil) {
				t.Errorf("handler %v with the error %v", h, err)
			}
			if tt.kind != nil {
				wantError(t, err, tt.kind, tt.param)
				secretLook(t, err, secretMarker)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, m.ClientID, nil))
			if want, _ := json.Marshal(m); !bytes.Equal(w.Body.Bytes(), want) {
				t.Errorf("served is %s", w.Body)
			}
			if u, err := url.Parse(m.ClientID); err != nil || u.Path == "" {
				t.Error("the test's URL is wrong")
			}
		})
	}
}

// TestRegisterChecksFirst: what NewClient refuses is not registered: a client that nobody
// can use would lie at the server.
func TestRegisterChecksFirst(t *testing.T) {
	s := newUnitServer()
	for name, m := range map[string]ClientMetadata{
		"none":             {IDTokenSignedResponseAlg: "none"},
		"HS256":            {IDTokenSignedResponseAlg: HS256},
		"userinfo HS256":   {UserinfoSignedResponseAlg: HS256},
		"plain encryption": {UserinfoEncryptedResponseAlg: "ECDH-ES"},
		"RSA1_5":           {IDTokenEncryptedResponseAlg: "RSA1_5"},
		"RSA1_5 for JAR":   {RequestObjectEncryptionAlg: "RSA1_5"},
		"a negative age":   {DefaultMaxAge: int64p(-1)},
	} {
		m.RedirectURIs = []string{"https://app.example/cb"}
		asked := len(s.requests(registerPath))
		reg, err := s.register(t, m, registrationAnswer(t, nil))
		if reg != nil || !errors.Is(err, ErrConfig) && !errors.Is(err, ErrAlgorithm) && !errors.Is(err, ErrUnsupported) ||
			len(s.requests(registerPath)) != asked {
			t.Errorf("%s: %v", name, err)
		}
		cfg := s.config()
		cfg.Metadata, cfg.Decrypter, cfg.RequestKey = m, anyDecrypter{}, unitKey()
		cfg.Metadata.ClientID = unitClient
		if _, err := NewClient(cfg); err == nil {
			t.Errorf("%s: NewClient takes it", name)
		}
		old, opts := s.managed(t)
		m.ClientID = old.Metadata.ClientID
		before := len(s.requests(managePath))
		if _, err := old.Update(context.Background(), m, opts); err == nil || len(s.requests(managePath)) != before {
			t.Errorf("%s: Update sends it: %v", name, err)
		}
	}
	_, err := s.register(t, ClientMetadata{RequestObjectEncryptionAlg: "RSA-OAEP-256", RequestObjectEncryptionEnc: "x"}, registrationAnswer(t, nil))
	wantError(t, err, ErrUnsupported, "Metadata.RequestObjectEncryptionEnc")
	// What is right for some client is asked for.
	good := ClientMetadata{
		RedirectURIs: registrationAsked.RedirectURIs, IDTokenEncryptedResponseAlg: "dir", UserinfoSignedResponseAlg: "none", IDTokenSignedResponseAlg: RS256,
		JWKS: json.RawMessage("{}"), JWKSURI: "https://app.example/jwks", // as Ory Hydra writes that there are none
	}
	if _, err := s.register(t, good, registrationAnswer(t, nil)); err != nil {
		t.Error(err)
	}
	if list := s.requests(registerPath); strings.Contains(list[len(list)-1].body, `"jwks":`) || string(good.JWKS) != "{}" {
		t.Errorf("sent %s", list[len(list)-1].body)
	}
}
