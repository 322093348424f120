package oauth_test

// The properties of a client that change what a flow does: its metadata, and
// how it authenticates.

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

func TestClientMetadataRoundTrip(t *testing.T) {
	const text = `{
		"client_id": "web",
		"authorization_signed_response_alg": "PS256",
		"default_max_age": 0,
		"id_token_signed_response_alg": "ES256",
		"introspection_signed_response_alg": "ES384",
		"require_auth_time": true,
		"use_mtls_endpoint_aliases": true,
		"userinfo_signed_response_alg": "Ed25519",
		"redirect_uris": ["https://app.example.com/cb"],
		"client_name": "Beispiel",
		"client_name#ja": "例",
		"CLIENT_ID": "another",
		"jwks": {"keys": [{"kty": "OKP", "x-unknown": 1.50}]},
		"token_endpoint_auth_method": "private_key_jwt",
		"tls_client_auth_san_ip": "192.0.2.1",
		"https://example.com/member": [null, {"deep": 12345678901234567890}]
	}`
	var m oauth.ClientMetadata
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	if m.ClientID != "web" || m.AuthorizationSignedResponseAlg != oauth.PS256 || m.DefaultMaxAge == nil || *m.DefaultMaxAge != 0 ||
		m.IDTokenSignedResponseAlg != oauth.ES256 || m.IntrospectionSignedResponseAlg != oauth.ES384 || !m.RequireAuthTime ||
		!m.UseMTLSEndpointAliases || m.UserinfoSignedResponseAlg != oauth.Ed25519 || m.TLSClientAuthSANIP != "192.0.2.1" {
		t.Errorf("decoded %+v", m)
	}
	if len(m.Extra) != 3 || string(m.Extra["client_name#ja"]) != `"例"` || m.Extra["https://example.com/member"] == nil {
		t.Errorf("unknown members %s", m.Extra)
	}
	out, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := decoded(t, string(out)), decoded(t, text); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	var again oauth.ClientMetadata
	if err := json.Unmarshal(out, &again); err != nil {
		t.Fatal(err)
	}
	if second, err := json.Marshal(again); err != nil || string(second) != string(out) {
		t.Errorf("the second time: %s, %v", second, err)
	}
	for name, bad := range map[string]string{
		"duplicate":  `{"client_id": "a", "client_id": "b"}`,
		"wrong type": `{"client_id": 1}`,
		"wrong list": `{"redirect_uris": "https://app.example.com/cb"}`,
		"negative":   `{"default_max_age": -1}`,
	} {
		kept := m
		if err := json.Unmarshal([]byte(bad), &kept); !errors.Is(err, oauth.ErrParse) || kept.ClientID != "web" {
			t.Errorf("%s: %v, %+v", name, err, kept)
		}
	}
}

func decoded(t *testing.T, text string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestClientDefaultMaxAge(t *testing.T) {
	srv := newServer(t, nil)
	age := func(n int64) *int64 { return &n }
	for _, tt := range []struct {
		name      string
		configure *int64 // default_max_age
		request   *int64 // max_age
		fault     oauthtest.Fault
		sent      string
		kind      error
	}{
		{"neither", nil, nil, oauthtest.OldAuthTime, "", nil},
		{"neither, no auth_time", nil, nil, oauthtest.MissingAuthTime, "", nil},
		{"default", age(3600), nil, "", "", nil}, // not sent: the server has it from the registration
		{"default, too old", age(3600), nil, oauthtest.OldAuthTime, "", oauth.ErrExpired},
		{"default, no auth_time", age(3600), nil, oauthtest.MissingAuthTime, "", oauth.ErrClaim},
		{"default zero", age(0), nil, "", "", nil},
		{"default zero, too old", age(0), nil, oauthtest.OldAuthTime, "", oauth.ErrExpired},
		{"request is stricter", age(3600 * 24 * 1000), age(60), oauthtest.OldAuthTime, "60", oauth.ErrExpired},
		{"request is laxer", age(60), age(3600 * 24 * 1000), oauthtest.OldAuthTime, "86400000", nil},
		{"request alone", nil, age(60), oauthtest.OldAuthTime, "60", oauth.ErrExpired},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client := newClient(t, srv, func(c *oauth.Config) { c.Metadata.DefaultMaxAge = tt.configure })
			if tt.fault != "" {
				srv.Fault(tt.fault)
				defer srv.Fault()
			}
			pending, callback := begin(t, srv, client, func(r *oauth.AuthorizationRequest) { r.MaxAge = tt.request })
			if got := lastRequest(t, srv, "/authorize").Query.Get("max_age"); got != tt.sent {
				t.Errorf("max_age %q, want %q", got, tt.sent)
			}
			tok, err := client.FinishAuthorization(callback, pending, nil)
			oauth.WantError(t, err, tt.kind, "auth_time")
			if (tok == nil) != (err != nil) {
				t.Errorf("token %v", tok)
			}
		})
	}
	_, err := oauth.NewClient(config(t, srv, func(c *oauth.Config) { c.Metadata.DefaultMaxAge = age(-1) }))
	oauth.WantError(t, err, oauth.ErrConfig, "Metadata.DefaultMaxAge")
}

func TestClientRequireAuthTime(t *testing.T) {
	srv := newServer(t, nil)
	for _, tt := range []struct {
		name    string
		require bool
		fault   oauthtest.Fault
		kind    error
	}{
		{"there", true, oauthtest.StringExpiresIn, nil},
		{"missing", true, oauthtest.MissingAuthTime, oauth.ErrClaim},
		{"its age does not matter", true, oauthtest.OldAuthTime, nil},
		{"not required", false, oauthtest.MissingAuthTime, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv.Fault(tt.fault)
			defer srv.Fault()
			client := newClient(t, srv, func(c *oauth.Config) { c.Metadata.RequireAuthTime = tt.require })
			_, err := try(t, srv, client, nil)
			oauth.WantError(t, err, tt.kind, "auth_time")
			if lastRequest(t, srv, "/authorize").Query.Has("max_age") {
				t.Error("max_age was sent")
			}
		})
	}
}

func TestClientIDTokenSignedResponseAlg(t *testing.T) {
	srv := newServer(t, &oauthtest.Options{SigningAlgs: []string{"RS256", "ES256", "ES384"}})
	for _, tt := range []struct {
		name       string
		configured oauth.Algorithm
		list       []oauth.Algorithm // what the server says that it supports
		signed     string            // what it signs with
		kind       error
	}{
		{"configured", oauth.ES384, []oauth.Algorithm{oauth.ES256, oauth.ES384}, "ES384", nil},
		{"configured, not in the list", oauth.ES384, []oauth.Algorithm{oauth.ES256}, "ES384", nil},
		{"configured, signed otherwise", oauth.ES384, []oauth.Algorithm{oauth.ES256, oauth.ES384}, "ES256", oauth.ErrAlgorithm},
		{"configured, signed with the default", oauth.ES384, nil, "RS256", oauth.ErrAlgorithm},
		{"server's list", "", []oauth.Algorithm{oauth.ES256}, "ES256", nil},
		{"server's list, second", "", []oauth.Algorithm{oauth.ES256, oauth.ES384}, "ES384", nil},
		{"server's list, odd members", "", []oauth.Algorithm{"none", oauth.HS256, "XX999", oauth.ES256}, "ES256", nil},
		{"server's list, signed otherwise", "", []oauth.Algorithm{oauth.ES256}, "ES384", oauth.ErrAlgorithm},
		{"server's list, without the default", "", []oauth.Algorithm{oauth.ES256}, "RS256", oauth.ErrAlgorithm},
		{"default", "", nil, "RS256", nil},
		{"default, signed otherwise", "", nil, "ES256", oauth.ErrAlgorithm},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addClient(srv, func(c *oauthtest.Client) { c.IDTokenAlg = tt.signed })
			client := newClient(t, srv, func(c *oauth.Config) {
				c.Metadata.IDTokenSignedResponseAlg, c.Server.IDTokenSigningAlgValuesSupported = tt.configured, tt.list
			})
			_, err := try(t, srv, client, nil)
			oauth.WantError(t, err, tt.kind, "alg")
		})
	}
	for _, tt := range []struct {
		name       string
		configured oauth.Algorithm
		list       []oauth.Algorithm
		param      string
	}{
		{"configured none", "none", nil, "Metadata.IDTokenSignedResponseAlg"},
		{"configured HS256", oauth.HS256, nil, "Metadata.IDTokenSignedResponseAlg"},
		{"configured unknown", "ES256K", nil, "Metadata.IDTokenSignedResponseAlg"},
		{"list without any", "", []oauth.Algorithm{"none", oauth.HS256}, "Server.IDTokenSigningAlgValuesSupported"},
		{"empty list", "", []oauth.Algorithm{}, "Server.IDTokenSigningAlgValuesSupported"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := oauth.NewClient(config(t, srv, func(c *oauth.Config) {
				c.Metadata.IDTokenSignedResponseAlg, c.Server.IDTokenSigningAlgValuesSupported = tt.configured, tt.list
			}))
			oauth.WantError(t, err, oauth.ErrAlgorithm, tt.param)
		})
	}
}

func TestClientUserinfoSignedResponseAlg(t *testing.T) {
	srv := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256", "ES384"}})
	const param = "Metadata.UserinfoSignedResponseAlg"
	for _, tt := range []struct {
		name       string
		configured oauth.Algorithm
		list       []oauth.Algorithm
		signed     string // "": plain JSON
		kind       error
		param      string
	}{
		{"configured", oauth.ES384, []oauth.Algorithm{oauth.ES256}, "ES384", nil, ""},
		{"configured, signed otherwise", oauth.ES384, []oauth.Algorithm{oauth.ES256, oauth.ES384}, "ES256", oauth.ErrAlgorithm, "alg"},
		{"configured, not signed", oauth.ES384, nil, "", oauth.ErrResponse, "Content-Type"},
		{"server's list", "", []oauth.Algorithm{oauth.ES256}, "ES256", nil, ""},
		{"server's list, signed otherwise", "", []oauth.Algorithm{oauth.ES256}, "ES384", oauth.ErrAlgorithm, "alg"},
		{"server's list, not signed", "", []oauth.Algorithm{oauth.ES256}, "", nil, ""},
		{"server's list is empty", "", []oauth.Algorithm{}, "ES256", oauth.ErrAlgorithm, "Server.UserinfoSigningAlgValuesSupported"},
		{"neither", "", nil, "ES256", oauth.ErrAlgorithm, param},
		{"neither, not signed", "", nil, "", nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addClient(srv, func(c *oauthtest.Client) { c.UserinfoAlg = tt.signed })
			client := newClient(t, srv, func(c *oauth.Config) {
				c.Metadata.UserinfoSignedResponseAlg, c.Server.UserinfoSigningAlgValuesSupported = tt.configured, tt.list
			})
			info, err := client.UserInfo(t.Context(), login(t, srv, client, nil), nil)
			oauth.WantError(t, err, tt.kind, tt.param)
			if (info == nil) != (err != nil) {
				t.Errorf("userinfo %v", info)
			}
			if err == nil && info.Subject() != "alice" {
				t.Errorf("subject %q", info.Subject())
			}
			sent := srv.Requests()
			wantAccept := "application/json, application/jwt"
			if tt.configured != "" {
				wantAccept = "application/jwt"
			}
			if got := sent[len(sent)-1].Header.Get("Accept"); got != wantAccept {
				t.Errorf("Accept: %s", got)
			}
		})
	}
	for _, alg := range []oauth.Algorithm{oauth.HS256, "None"} {
		_, err := oauth.NewClient(config(t, srv, func(c *oauth.Config) { c.Metadata.UserinfoSignedResponseAlg = alg }))
		oauth.WantError(t, err, oauth.ErrAlgorithm, param)
	}
}

// credentials says in which forms a request authenticates the client.
func credentials(r oauthtest.Request) string {
	var forms []string
	for name, present := range map[string]bool{
		"header":      strings.HasPrefix(r.Header.Get("Authorization"), "Basic "),
		"secret":      r.Form.Has("client_secret"),
		"assertion":   r.Form.Has("client_assertion"),
		"certificate": r.Certificate != nil,
	} {
		if present {
			forms = append(forms, name)
		}
	}
	return strings.Join(forms, " ")
}

func TestClientAuthMethods(t *testing.T) {
	srv := newServer(t, nil)
	issued, own := srv.NewCertificate("web", time.Time{}), oauthtest.SelfSignedCertificate("web")
	type method struct {
		name, method, credentials string
		client                    func(*oauthtest.Client)
		config                    func(*oauth.Config)
	}
	auth := func(a oauth.ClientAuth) func(*oauth.Config) { return func(c *oauth.Config) { c.Auth = a } }
	methods := []method{
		{"none", "none", "", nil, auth(oauth.PublicClient())},
		{"basic", "client_secret_basic", "header", nil, auth(oauth.ClientSecretBasic(appSecret))},
		{"post", "client_secret_post", "secret", nil, auth(oauth.ClientSecretPost(appSecret))},
		{"token endpoint audience", "client_secret_jwt", "assertion", nil,
			auth(oauth.ClientSecretJWT(appSecret, oauth.HS256, &oauth.AssertionOptions{Audience: oauth.TokenEndpointAudience}))},
		{"certificate of the CA", "tls_client_auth", "certificate",
			func(c *oauthtest.Client) { c.CertificateSubject = "CN=web" },
			func(c *oauth.Config) {
				c.Auth, c.MTLS = oauth.TLSClientAuth(), &oauth.MutualTLS{Certificate: issued}
			}},
		{"self-signed certificate", "self_signed_tls_client_auth", "certificate",
			func(c *oauthtest.Client) { c.Certificate = own.Certificate[0] },
			func(c *oauth.Config) {
				c.Auth, c.MTLS = oauth.TLSClientAuth(), &oauth.MutualTLS{Certificate: own, RootCAs: srv.RootCAs()}
			}},
	}
	for _, alg := range []oauth.Algorithm{oauth.HS256, oauth.HS384, oauth.HS512} {
		methods = append(methods, method{string(alg), "client_secret_jwt", "assertion", nil, auth(oauth.ClientSecretJWT(appSecret, alg, nil))})
	}
	for _, alg := range algorithms {
		key := signingKey(t, alg)
		methods = append(methods, method{string(alg), "private_key_jwt", "assertion",
			func(c *oauthtest.Client) { c.JWKS = fmt.Appendf(nil, `{"keys":[%s]}`, key.PublicJWK()) },
			auth(oauth.PrivateKeyJWT(key, nil))})
	}
	for _, tt := range methods {
		t.Run(tt.method+"/"+tt.name, func(t *testing.T) {
			addClient(srv, func(c *oauthtest.Client) {
				c.AuthMethod = tt.method
				if tt.client != nil {
					tt.client(c)
				}
			})
			if tok := login(t, srv, newClient(t, srv, tt.config), nil); tok.Subject() != "alice" {
				t.Errorf("token %v", tok)
			}
			r := tokenRequest(t, srv)
			if got := credentials(r); got != tt.credentials || r.ClientID != "web" {
				t.Errorf("%s authenticates by %q", r.ClientID, got)
			}
			// RFC 8705, Section 5: only the aliases are asked with a certificate.
			if alias := !strings.HasSuffix(srv.URL(), r.Host); alias != (tt.credentials == "certificate") {
				t.Errorf("the request went to %s", r.Host)
			}
		})
	}
}

func TestClientRefused(t *testing.T) {
	srv := newServer(t, nil)
	client := newClient(t, srv, func(c *oauth.Config) { c.Auth = oauth.ClientSecretBasic("another secret") })
	_, err := try(t, srv, client, nil)
	var refused *oauth.ResponseError
	if !errors.As(err, &refused) || refused.Code != "invalid_client" || refused.StatusCode != 401 || len(refused.Challenges) != 1 ||
		!errors.Is(err, oauth.ErrRefused) {
		t.Errorf("error %v", err)
	}
	if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "another secret") {
		t.Errorf("the error has the secret: %v", err)
	}
}

// rsaKey is shared, because it takes long to make.
var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func signingKey(t *testing.T, alg oauth.Algorithm) *oauth.SigningKey {
	t.Helper()
	if alg[:2] != "RS" && alg[:2] != "PS" {
		key, err := oauth.GenerateSigningKey(alg)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	private, err := rsaKey()
	if err != nil {
		t.Fatal(err)
	}
	key, err := oauth.NewSigningKey(private, alg, "rsa")
	if err != nil {
		t.Fatal(err)
	}
	return key
}
