package oauth_test

// Whole flows of the profiles that go beyond the plain code flow: pushed,
// signed and encrypted requests, authorization details, and the profiles of
// FAPI. What else a response can be is in callback_flow_test.go.

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// keySet is a JWK Set with the public halves.
func keySet(keys ...*oauth.SigningKey) []byte {
	var list []string
	for _, k := range keys {
		list = append(list, string(k.PublicJWK()))
	}
	return fmt.Appendf(nil, `{"keys":[%s]}`, strings.Join(list, ","))
}

// lastRequest is the last request to a path.
func lastRequest(t *testing.T, srv *oauthtest.Server, path string) oauthtest.Request {
	t.Helper()
	for _, r := range slices.Backward(srv.Requests()) {
		if r.Path == path {
			return r
		}
	}
	t.Fatalf("there was no request to %s", path)
	return oauthtest.Request{}
}

// joseHeader is the header of a compact token.
func joseHeader(t *testing.T, token string) (header struct{ Alg, Enc, Typ, Cty, Kid string }) {
	t.Helper()
	segment, _, _ := strings.Cut(token, ".")
	b, err := base64.RawURLEncoding.DecodeString(segment)
	if err == nil {
		err = json.Unmarshal(b, &header)
	}
	if err != nil {
		t.Fatal(err)
	}
	return header
}

// query is the list of the parameters of a URL, in the order of their names.
func query(t *testing.T, raw string) (names string, params url.Values) {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	params = u.Query()
	var list []string
	for name := range params {
		list = append(list, name)
	}
	slices.Sort(list)
	return strings.Join(list, " "), params
}

func TestPushedRequest(t *testing.T) {
	for _, tt := range []struct {
		name     string
		metadata map[string]any
		config   func(*oauth.Config)
		pushed   bool // AuthorizationRequest.Pushed
		par      int  // requests to the endpoint
	}{
		{"asked for", nil, nil, true, 1},
		{"not asked for", nil, nil, false, 0},
		{"required by the server", map[string]any{"require_pushed_authorization_requests": true}, nil, false, 1},
		{"required of the client", nil, func(c *oauth.Config) { c.Metadata.RequirePushedAuthorizationRequests = true }, false, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(t, &oauthtest.Options{EditMetadata: func(m map[string]any) {
				for name, value := range tt.metadata {
					m[name] = value
				}
			}})
			addClient(srv, func(c *oauthtest.Client) { c.RequirePAR = tt.par > 0 })
			pending, callback := begin(t, srv, newClient(t, srv, tt.config), func(r *oauth.AuthorizationRequest) { r.Pushed = tt.pushed })
			if n := srv.Count("/par"); n != tt.par {
				t.Errorf("%d requests were pushed", n)
			}
			names, params := query(t, pending.URL())
			if tt.par > 0 && (names != "client_id request_uri" || params.Get("client_id") != "web") {
				t.Errorf("the URL has %v", params)
			}
			if sent := lastRequest(t, srv, "/authorize"); sent.Params.Get("state") != pending.State() || sent.Params.Get("code_challenge") == "" {
				t.Errorf("asked for %v", sent.Params)
			}
			tok, err := newClient(t, srv, tt.config).FinishAuthorization(callback, pending, nil)
			if err != nil || tok.Subject() != "alice" {
				t.Errorf("%v, %v", tok, err)
			}
			if _, err := srv.Authorize(t.Context(), pending.URL()); (err != nil) != (tt.par > 0) {
				t.Errorf("the URL a second time: %v", err)
			}
		})
	}
}

// The client authenticates at the endpoint as everywhere, with a certificate
// at its alias.
func TestPushedRequestAuthentication(t *testing.T) {
	srv := newServer(t, nil)
	key := signingKey(t, oauth.ES256)
	for _, tt := range []struct {
		method, credentials string
		config              func(*oauth.Config)
	}{
		{"none", "", func(c *oauth.Config) { c.Auth = oauth.PublicClient() }},
		{"client_secret_basic", "header", nil},
		{"client_secret_post", "secret", func(c *oauth.Config) { c.Auth = oauth.ClientSecretPost(appSecret) }},
		{"client_secret_jwt", "assertion", func(c *oauth.Config) { c.Auth = oauth.ClientSecretJWT(appSecret, oauth.HS512, nil) }},
		{"private_key_jwt", "assertion", func(c *oauth.Config) { c.Auth = oauth.PrivateKeyJWT(key, nil) }},
		{"tls_client_auth", "certificate", func(c *oauth.Config) {
			c.Auth, c.MTLS = oauth.TLSClientAuth(), &oauth.MutualTLS{Certificate: srv.NewCertificate("web", time.Time{})}
		}},
	} {
		t.Run(tt.method, func(t *testing.T) {
			addClient(srv, func(c *oauthtest.Client) {
				c.AuthMethod, c.JWKS, c.CertificateSubject = tt.method, keySet(key), "CN=web"
			})
			login(t, srv, newClient(t, srv, tt.config), func(r *oauth.AuthorizationRequest) { r.Pushed = true })
			r := lastRequest(t, srv, "/par")
			if got := credentials(r); got != tt.credentials || r.ClientID != "web" {
				t.Errorf("%s authenticates by %q", r.ClientID, got)
			}
			if alias := !strings.HasSuffix(srv.URL(), r.Host); alias != (tt.method == "tls_client_auth") {
				t.Errorf("the request went to %s", r.Host)
			}
		})
	}
}

// What the server refuses of a pushed request reaches the caller, and nothing
// is made up for with a plain URL.
func TestPushedRequestRefused(t *testing.T) {
	srv := newServer(t, nil)
	pending, err := newClient(t, srv, nil).StartAuthorization(t.Context(), request(func(r *oauth.AuthorizationRequest) {
		r.Pushed, r.Prompt = true, "none login"
	}))
	var refused *oauth.ResponseError
	if !errors.As(err, &refused) || refused.Code != "invalid_request" || refused.StatusCode != 400 || pending != nil {
		t.Errorf("%v, %v", pending, err)
	}
	if got := asked(srv, 0); got != "par" {
		t.Errorf("requests: %s", got)
	}
}

// fullRequest has all that stands in a request object as something else than a
// string.
func fullRequest(r *oauth.AuthorizationRequest) {
	hour := int64(3600)
	r.MaxAge = &hour
	r.Resource = []string{"https://a.example.com", "https://b.example.com"}
	r.Claims = json.RawMessage(`{"id_token":{"email":null}}`)
	r.AuthorizationDetails = []oauth.AuthorizationDetail{{Type: "payment", Actions: []string{"read"}}}
	r.Params = url.Values{"hd": {"example.com"}}
}

func wantFullRequest(t *testing.T, r oauthtest.Request) {
	t.Helper()
	for name, want := range map[string]string{
		"max_age":               "3600",
		"resource":              "https://a.example.com https://b.example.com",
		"claims":                `{"id_token":{"email":null}}`,
		"authorization_details": `[{"type":"payment","actions":["read"]}]`,
		"hd":                    "example.com",
		"scope":                 "openid email",
		"redirect_uri":          appCallback,
	} {
		if got := strings.Join(r.Params[name], " "); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

// Request objects with every algorithm, in the URL and pushed.
func TestSignedRequest(t *testing.T) {
	srv := newServer(t, nil)
	for _, alg := range algorithms {
		for _, pushed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, pushed %t", alg, pushed), func(t *testing.T) {
				key := signingKey(t, alg)
				addClient(srv, func(c *oauthtest.Client) {
					c.RequestObjectAlg, c.RequireSignedRequest, c.RequirePAR = string(alg), true, pushed
					c.JWKS = keySet(key)
				})
				client := newClient(t, srv, func(c *oauth.Config) { c.RequestKey = key })
				edit := func(r *oauth.AuthorizationRequest) { fullRequest(r); r.Pushed = pushed }
				pending, callback := begin(t, srv, client, edit)
				names, params := query(t, pending.URL())
				want := "client_id request response_type scope"
				if pushed {
					want = "client_id request_uri"
					params = lastRequest(t, srv, "/par").Form
				}
				if names != want {
					t.Errorf("the URL has %s", names)
				}
				if h := joseHeader(t, params.Get("request")); h.Alg != string(alg) || h.Typ != "oauth-authz-req+jwt" {
					t.Errorf("header %v", h)
				}
				wantFullRequest(t, lastRequest(t, srv, "/authorize"))
				tok, err := client.FinishAuthorization(callback, pending, nil)
				if err != nil || tok.Subject() != "alice" {
					t.Errorf("%v, %v", tok, err)
				}
			})
		}
	}
}

// What the server does not get in an object signed by the client is refused.
func TestSignedRequestRefused(t *testing.T) {
	srv := newServer(t, nil)
	key, other := signingKey(t, oauth.ES256), signingKey(t, oauth.ES256)
	addClient(srv, func(c *oauthtest.Client) { c.JWKS, c.RequireSignedRequest = keySet(key), true })
	_, err := try(t, srv, newClient(t, srv, nil), nil)
	var refused *oauth.AuthorizationError
	if !errors.As(err, &refused) || refused.Code != "invalid_request" {
		t.Errorf("not signed: %v", err)
	}
	_, err = newClient(t, srv, func(c *oauth.Config) { c.RequestKey = other }).StartAuthorization(t.Context(),
		request(func(r *oauth.AuthorizationRequest) { r.Pushed = true }))
	var answer *oauth.ResponseError
	if !errors.As(err, &answer) || answer.Code != "invalid_request_object" {
		t.Errorf("another key: %v", err)
	}
}

func TestEncryptedRequest(t *testing.T) {
	srv := newServer(t, nil)
	key := signingKey(t, oauth.ES256)
	// The server keeps the key of the first beside that of the second.
	for _, alg := range []string{"ECDH-ES", "RSA-OAEP-256"} {
		for _, enc := range []string{"A128GCM", "A256GCM", "A128CBC-HS256", ""} {
			t.Run(alg+" "+enc, func(t *testing.T) {
				addClient(srv, func(c *oauthtest.Client) {
					c.JWKS = keySet(key)
					c.RequestObjectEncryptionAlg, c.RequestObjectEncryptionEnc = alg, enc
				})
				client := newClient(t, srv, func(c *oauth.Config) {
					c.RequestKey = key
					c.Metadata.RequestObjectEncryptionAlg, c.Metadata.RequestObjectEncryptionEnc = alg, enc
				})
				pending, callback := begin(t, srv, client, fullRequest)
				_, params := query(t, pending.URL())
				object := params.Get("request")
				if enc == "" { // OpenID Connect Registration, Section 2
					enc = "A128CBC-HS256"
				}
				if h := joseHeader(t, object); h.Alg != alg || h.Enc != enc || h.Cty != "JWT" || h.Kid == "" {
					t.Errorf("header %v", h)
				}
				wantFullRequest(t, lastRequest(t, srv, "/authorize"))
				if tok, err := client.FinishAuthorization(callback, pending, nil); err != nil || tok.Subject() != "alice" {
					t.Errorf("%v, %v", tok, err)
				}

				// The server decrypts what was encrypted, and nothing else.
				parts := strings.Split(object, ".")
				for i := range parts {
					changed := slices.Clone(parts)
					changed[i] = flip(parts[i])
					params.Set("request", strings.Join(changed, "."))
					if callback, err := srv.Authorize(t.Context(), srv.URL()+"/authorize?"+params.Encode()); err == nil {
						t.Errorf("part %d changed: sent to %s", i, callback.URL)
					}
				}
				plain := newClient(t, srv, func(c *oauth.Config) { c.RequestKey = key })
				pending, err := plain.StartAuthorization(t.Context(), request(nil))
				if err != nil {
					t.Fatal(err)
				}
				if callback, err := srv.Authorize(t.Context(), pending.URL()); err == nil {
					t.Errorf("not encrypted: sent to %s", callback.URL)
				}
			})
		}
	}
}

// flip changes a bit in the middle of a segment; an empty one gets a byte.
func flip(segment string) string {
	b, _ := base64.RawURLEncoding.DecodeString(segment)
	if len(b) == 0 {
		b = []byte{0}
	}
	b[len(b)/2] ^= 1
	return base64.RawURLEncoding.EncodeToString(b)
}

// A server without a key to encrypt to is not sent what was to be secret.
func TestEncryptedRequestWithoutKey(t *testing.T) {
	srv := newServer(t, nil)
	client := newClient(t, srv, func(c *oauth.Config) {
		c.RequestKey = signingKey(t, oauth.ES256)
		c.Metadata.RequestObjectEncryptionAlg = "ECDH-ES"
	})
	pending, err := client.StartAuthorization(t.Context(), request(nil))
	oauth.WantError(t, err, oauth.ErrKeyNotFound, "jwks_uri")
	if pending != nil {
		t.Errorf("%v", pending)
	}
}

// FAPI 1.0 Advanced: a signed request, a detached signature of the response,
// private_key_jwt with PS256 over mutual TLS.
func TestFAPI1Advanced(t *testing.T) {
	srv := newServer(t, &oauthtest.Options{SigningAlgs: []string{"PS256"}})
	key := signingKey(t, oauth.PS256)
	addClient(srv, func(c *oauthtest.Client) {
		c.AuthMethod, c.JWKS = "private_key_jwt", keySet(key)
		c.RequireSignedRequest, c.RequestObjectAlg, c.SHash = true, "PS256", true
	})
	client := newClient(t, srv, func(c *oauth.Config) {
		c.Auth, c.RequestKey, c.DetachedSignature = oauth.PrivateKeyJWT(key, nil), key, true
		c.MTLS = &oauth.MutualTLS{Certificate: srv.NewCertificate("web", time.Time{})}
		c.Metadata.IDTokenSignedResponseAlg, c.Metadata.RequestObjectSigningAlg = oauth.PS256, oauth.PS256
	})
	pending, callback := begin(t, srv, client, func(r *oauth.AuthorizationRequest) {
		r.ResponseType, r.ResponseMode = "code id_token", "form_post"
	})
	if names, _ := query(t, pending.URL()); names != "client_id request response_type scope" {
		t.Errorf("the URL has %s", names)
	}
	tok, err := client.FinishAuthorization(callback, pending, nil)
	if err != nil || tok.Subject() != "alice" {
		t.Fatalf("%v, %v", tok, err)
	}
	r := tokenRequest(t, srv)
	if r.Certificate == nil || !r.Form.Has("client_assertion") || joseHeader(t, r.Form.Get("client_assertion")).Alg != "PS256" {
		t.Errorf("token request %v", r)
	}
	if keys := lastRequest(t, srv, "/jwks"); keys.Certificate != nil {
		t.Error("the certificate was offered to the key set")
	}
	srv.Fault(oauthtest.MissingSHash)
	_, err = try(t, srv, client, func(r *oauth.AuthorizationRequest) {
		r.ResponseType, r.ResponseMode = "code id_token", "form_post"
	})
	oauth.WantError(t, err, oauth.ErrClaim, "s_hash")
}

// FAPI 2.0 Message Signing: a signed request that is pushed, a signed response,
// private_key_jwt.
func TestFAPI2MessageSigning(t *testing.T) {
	for _, alg := range []oauth.Algorithm{oauth.ES256, oauth.PS256} {
		t.Run(string(alg), func(t *testing.T) {
			srv := newServer(t, &oauthtest.Options{SigningAlgs: []string{string(alg)}})
			key := signingKey(t, alg)
			addClient(srv, func(c *oauthtest.Client) {
				c.AuthMethod, c.JWKS, c.RequestObjectAlg = "private_key_jwt", keySet(key), string(alg)
				c.RequirePAR, c.RequireSignedRequest, c.RequirePKCE = true, true, true
			})
			client := newClient(t, srv, func(c *oauth.Config) {
				c.Auth, c.RequestKey = oauth.PrivateKeyJWT(key, nil), key
				c.Metadata.AuthorizationSignedResponseAlg, c.Metadata.RequirePushedAuthorizationRequests = alg, true
			})
			pending, callback := begin(t, srv, client, func(r *oauth.AuthorizationRequest) { r.ResponseMode = "jwt" })
			if names, _ := query(t, pending.URL()); names != "client_id request_uri" {
				t.Errorf("the URL has %s", names)
			}
			if names, params := query(t, callback.URL.String()); names != "response" || joseHeader(t, params.Get("response")).Alg != string(alg) {
				t.Errorf("the response has %s", names)
			}
			tok, err := client.FinishAuthorization(callback, pending, nil)
			if err != nil || tok.Subject() != "alice" {
				t.Fatalf("%v, %v", tok, err)
			}
			par, token := lastRequest(t, srv, "/par").Form, tokenRequest(t, srv).Form
			if par.Get("client_assertion") == "" || par.Get("client_assertion") == token.Get("client_assertion") {
				t.Error("an assertion was sent twice, or none")
			}
			if got := asked(srv, 0); got != "par authorize token" {
				t.Errorf("requests: %s", got)
			}
		})
	}
}

func TestAuthorizationDetails(t *testing.T) {
	srv := newServer(t, &oauthtest.Options{AuthorizationDetailsTypes: []string{"payment", "account"}})
	key := signingKey(t, oauth.ES256)
	addClient(srv, func(c *oauthtest.Client) { c.JWKS = keySet(key) })
	payment := oauth.AuthorizationDetail{
		Type: "payment", Locations: []string{"https://bank.example.com"}, Actions: []string{"initiate"},
		Extra: map[string]json.RawMessage{"amount": json.RawMessage(`{"value":12345678901234567890.10,"currency":"EUR"}`)},
	}
	account := oauth.AuthorizationDetail{Type: "account", Identifier: "DE02", DataTypes: []string{"balance"}, Privileges: []string{"owner"}}
	for _, signed := range []bool{false, true} {
		client := newClient(t, srv, func(c *oauth.Config) {
			if signed {
				c.RequestKey = key
			}
		})
		if !slices.Equal(config(t, srv, nil).Server.AuthorizationDetailsTypesSupported, []string{"payment", "account"}) {
			t.Error("the types are not in the metadata")
		}
		for _, tt := range []struct {
			name          string
			asked, narrow []oauth.AuthorizationDetail
			granted       []oauth.AuthorizationDetail
			refused       string
		}{
			{"none", nil, nil, nil, ""},
			{"one", []oauth.AuthorizationDetail{payment}, nil, []oauth.AuthorizationDetail{payment}, ""},
			{"two", []oauth.AuthorizationDetail{payment, account}, nil, []oauth.AuthorizationDetail{payment, account}, ""},
			{"narrowed", []oauth.AuthorizationDetail{payment, account}, []oauth.AuthorizationDetail{account}, []oauth.AuthorizationDetail{account}, ""},
			{"widened", []oauth.AuthorizationDetail{account}, []oauth.AuthorizationDetail{payment}, nil, "invalid_authorization_details"},
			{"unknown", []oauth.AuthorizationDetail{{Type: "other"}}, nil, nil, "invalid_authorization_details"},
		} {
			t.Run(fmt.Sprintf("%s, signed %t", tt.name, signed), func(t *testing.T) {
				pending, callback := begin(t, srv, client, func(r *oauth.AuthorizationRequest) { r.AuthorizationDetails = tt.asked })
				tok, err := client.FinishAuthorization(callback, pending, &oauth.GrantOptions{AuthorizationDetails: tt.narrow})
				if tt.refused != "" {
					var atToken *oauth.ResponseError
					var atAuthorize *oauth.AuthorizationError
					if !(errors.As(err, &atToken) && atToken.Code == tt.refused) && !(errors.As(err, &atAuthorize) && atAuthorize.Code == tt.refused) {
						t.Errorf("%v", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				got, err1 := json.Marshal(tok.AuthorizationDetails)
				want, err2 := json.Marshal(tt.granted)
				if decode(t, got) != decode(t, want) || err1 != nil || err2 != nil {
					t.Errorf("granted %s\nwant    %s", got, want)
				}
			})
		}
	}
}

// decode is the text of a JSON value with its members in order.
func decode(t *testing.T, text []byte) string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(v)
}

// Two resources are asked for, and the token is for one of them, or for both.
func TestResources(t *testing.T) {
	const a, b = "https://a.example.com/", "https://b.example.com/api?x=1"
	srv := newServer(t, nil)
	client := newClient(t, srv, nil)
	for _, tt := range []struct {
		name    string
		token   []string
		want    []string
		refused bool
	}{
		{"neither named", nil, []string{a, b}, false},
		{"none", []string{}, nil, false},
		{"one", []string{b}, []string{b}, false},
		{"both", []string{a, b}, []string{a, b}, false},
		{"another", []string{"https://c.example.com/"}, []string{"https://c.example.com/"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pending, callback := begin(t, srv, client, func(r *oauth.AuthorizationRequest) { r.Resource = []string{a, b} })
			if got := lastRequest(t, srv, "/authorize").Params["resource"]; !slices.Equal(got, []string{a, b}) {
				t.Errorf("asked for %q", got)
			}
			tok, err := client.FinishAuthorization(callback, pending, &oauth.GrantOptions{Resource: tt.token})
			var refused *oauth.ResponseError
			if tt.refused != (errors.As(err, &refused) && refused.Code == "invalid_target") || (tok == nil) != tt.refused {
				t.Errorf("%v, %v", tok, err)
			}
			if got := tokenRequest(t, srv).Form["resource"]; !slices.Equal(got, tt.want) {
				t.Errorf("the token request has %q", got)
			}
		})
	}
}

// A saved PendingAuthorization remembers what kind of response it expects.
func TestSavedAdvancedAuthorization(t *testing.T) {
	srv := newServer(t, nil)
	addClient(srv, func(c *oauthtest.Client) { c.SHash = true })
	for _, tt := range []struct{ responseType, mode string }{
		{"code", "jwt"}, {"code id_token", "form_post"}, {"code id_token", "form_post.jwt"}, {"id_token", "form_post"},
	} {
		t.Run(path.Join(tt.responseType, tt.mode), func(t *testing.T) {
			use := func() *oauth.Client {
				return newClient(t, srv, func(c *oauth.Config) { c.DetachedSignature = true })
			}
			pending, callback := begin(t, srv, use(), func(r *oauth.AuthorizationRequest) {
				r.ResponseType, r.ResponseMode, r.Pushed = tt.responseType, tt.mode, true
			})
			saved, err := pending.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			var restored oauth.PendingAuthorization
			if err := restored.UnmarshalBinary(saved); err != nil {
				t.Fatal(err)
			}
			if tok, err := use().FinishAuthorization(callback, &restored, nil); err != nil || tok.Subject() != "alice" {
				t.Errorf("%v, %v", tok, err)
			}
		})
	}
}
