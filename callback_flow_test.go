package oauth_test

// Whole flows whose authorization response is more than a code: a JWT (JARM),
// a code with an ID token, an ID token alone.

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

func TestJARM(t *testing.T) {
	srv := newServer(t, nil)
	for _, tt := range []struct {
		responseType, mode, method string
		inFragment                 bool
	}{
		{"code", "jwt", "GET", false},
		{"code", "query.jwt", "GET", false},
		{"code", "form_post.jwt", "POST", false},
		{"code", "fragment.jwt", "GET", true},
		{"code id_token", "form_post.jwt", "POST", false},
		{"code id_token", "fragment.jwt", "GET", true},
		{"id_token", "form_post.jwt", "POST", false},
	} {
		for _, refusal := range []string{"", "access_denied"} {
			t.Run(tt.responseType+" "+tt.mode+" "+refusal, func(t *testing.T) {
				client := newClient(t, srv, nil)
				pending, callback := begin(t, srv, client, func(r *oauth.AuthorizationRequest) {
					r.ResponseType, r.ResponseMode = tt.responseType, tt.mode
					if refusal != "" {
						r.LoginHint = "deny"
					}
				})
				if callback.Method != tt.method || (callback.URL.Fragment != "") != tt.inFragment {
					t.Errorf("%s %s", callback.Method, callback.URL)
				}
				if text := callback.URL.String(); strings.Contains(text, "state=") || strings.Contains(text, "error=") {
					t.Errorf("there is more than a JWT in %s", text)
				}
				tok, err := finish(t, client, pending, callback, nil)
				var refused *oauth.AuthorizationError
				switch {
				case refusal == "" && (err != nil || tok.Subject() != "alice"):
					t.Errorf("%v, %v", tok, err)
				case refusal != "" && (!errors.As(err, &refused) || refused.Code != refusal || refused.Description == "" || tok != nil):
					t.Errorf("%v, %v", tok, err)
				}
			})
		}
	}
}

// A mode that would show an ID token in a query is refused before it is asked
// for, and so is a JWT that would not be verified.
func TestJARMConfiguration(t *testing.T) {
	srv := newServer(t, nil)
	for _, tt := range []struct {
		responseType, mode string
		algs               []oauth.Algorithm
		kind               error
		param              string
	}{
		{"code id_token", "query.jwt", nil, oauth.ErrConfig, "ResponseMode"},
		{"id_token", "jwt", nil, oauth.ErrConfig, "ResponseMode"},
		{"code", "query.jwt", []oauth.Algorithm{"none", oauth.HS256}, oauth.ErrAlgorithm, "Server.AuthorizationSigningAlgValuesSupported"},
	} {
		client := newClient(t, srv, func(c *oauth.Config) { c.Server.AuthorizationSigningAlgValuesSupported = tt.algs })
		_, err := client.StartAuthorization(t.Context(), request(func(r *oauth.AuthorizationRequest) {
			r.ResponseType, r.ResponseMode = tt.responseType, tt.mode
		}))
		oauth.WantError(t, err, tt.kind, tt.param)
	}
}

func TestJARMAlgorithms(t *testing.T) {
	names := make([]string, len(algorithms))
	for i, alg := range algorithms {
		names[i] = string(alg)
	}
	srv := newServer(t, &oauthtest.Options{SigningAlgs: names})
	for i, alg := range algorithms {
		t.Run(string(alg), func(t *testing.T) {
			addClient(srv, func(c *oauthtest.Client) { c.AuthorizationAlg, c.IDTokenAlg = string(alg), "ES256" })
			use := func(alg oauth.Algorithm) *oauth.Client {
				return newClient(t, srv, func(c *oauth.Config) { c.Metadata.AuthorizationSignedResponseAlg = alg })
			}
			signed := func(r *oauth.AuthorizationRequest) { r.ResponseMode = "jwt" }
			login(t, srv, use(alg), signed)
			n := len(srv.Requests())
			_, err := try(t, srv, use(algorithms[(i+1)%len(algorithms)]), signed)
			oauth.WantError(t, err, oauth.ErrAlgorithm, "alg")
			if got := asked(srv, n); got != "authorize" {
				t.Errorf("requests: %s", got)
			}
		})
	}
}

// A plain response to a request for a JWT, and the reverse.
func TestJARMNotAsAsked(t *testing.T) {
	srv := newServer(t, nil)
	client := newClient(t, srv, nil)
	signed := func(r *oauth.AuthorizationRequest) { r.ResponseMode = "query.jwt" }
	srv.Fault(oauthtest.JARMDowngrade)
	_, err := try(t, srv, client, func(r *oauth.AuthorizationRequest) { signed(r); r.LoginHint = "deny" })
	oauth.WantError(t, err, oauth.ErrClaim, "response") // an error is not believed either
	srv.Fault()

	pending, _ := begin(t, srv, client, nil)
	_, callback := begin(t, srv, client, signed)
	_, err = client.FinishAuthorization(callback, pending, nil)
	oauth.WantError(t, err, oauth.ErrClaim, "response")
}

// The hybrid flow with every algorithm, whose hash c_hash is made with.
func TestHybrid(t *testing.T) {
	names := make([]string, len(algorithms))
	for i, alg := range algorithms {
		names[i] = string(alg)
	}
	srv := newServer(t, &oauthtest.Options{SigningAlgs: names})
	for _, alg := range algorithms {
		for _, mode := range []string{"form_post", "fragment"} {
			t.Run(string(alg)+" "+mode, func(t *testing.T) {
				addClient(srv, func(c *oauthtest.Client) { c.IDTokenAlg, c.SHash = string(alg), true })
				client := newClient(t, srv, func(c *oauth.Config) {
					c.Metadata.IDTokenSignedResponseAlg, c.DetachedSignature = alg, true
				})
				pending, callback := begin(t, srv, client, func(r *oauth.AuthorizationRequest) {
					r.ResponseType, r.ResponseMode = "code id_token", mode
				})
				tok, err := finish(t, client, pending, callback, nil)
				if err != nil || tok.Subject() != "alice" || tok.AccessToken.IsZero() {
					t.Fatalf("%v, %v", tok, err)
				}
				var claims map[string]any
				if err := tok.IDToken().Claims(&claims); err != nil || claims["at_hash"] == nil || claims["c_hash"] != nil {
					t.Errorf("it is not the second ID token that is returned: %v, %v", claims, err)
				}
			})
		}
	}
}

// The second ID token passes all the checks of the first, and is about the
// same login.
func TestHybridSecondToken(t *testing.T) {
	for name, tt := range map[string]struct {
		claim string
		value any // nil: removed
		kind  error
	}{
		"issuer":    {"iss", "https://other.example.com", oauth.ErrIssuer},
		"subject":   {"sub", "mallory", oauth.ErrClaim},
		"audience":  {"aud", "other", oauth.ErrAudience},
		"nonce":     {"nonce", "another", oauth.ErrNonce},
		"no nonce":  {"nonce", nil, oauth.ErrNonce},
		"expired":   {"exp", 1, oauth.ErrExpired},
		"auth_time": {"auth_time", 1, oauth.ErrExpired},
		"at_hash":   {"at_hash", "AAAAAAAAAAAAAAAAAAAAAA", oauth.ErrClaim},
		"s_hash":    {"s_hash", "AAAAAAAAAAAAAAAAAAAAAA", oauth.ErrClaim},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t, &oauthtest.Options{EditIDToken: func(_, claims map[string]any) {
				if claims["at_hash"] == nil {
					return // the first
				}
				claims[tt.claim] = tt.value
				if tt.value == nil {
					delete(claims, tt.claim)
				}
			}})
			hour := int64(3600)
			_, err := try(t, srv, newClient(t, srv, nil), func(r *oauth.AuthorizationRequest) {
				r.ResponseType, r.ResponseMode, r.MaxAge = "code id_token", "form_post", &hour
			})
			oauth.WantError(t, err, tt.kind, tt.claim)
			if got := asked(srv, 0); got != "authorize token" {
				t.Errorf("requests: %s", got)
			}
		})
	}
}

// Of a multi-tenant server both ID tokens are of one tenant, whichever are
// accepted.
func TestHybridTenants(t *testing.T) {
	const template = "https://login.example.com/{tenantid}/v2.0"
	tenants := []string{"11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"}
	for _, same := range []bool{true, false} {
		srv := newServer(t, &oauthtest.Options{Issuer: template, EditIDToken: func(_, claims map[string]any) {
			tid := tenants[0]
			if claims["at_hash"] != nil && !same {
				tid = tenants[1]
			}
			claims["tid"], claims["iss"] = tid, strings.Replace(template, "{tenantid}", tid, 1)
		}})
		as, err := oauth.Discover(t.Context(), srv.URL(), &oauth.DiscoverOptions{Issuer: template, HTTPClient: srv.Client()})
		if err != nil {
			t.Fatal(err)
		}
		client, err := oauth.NewClient(oauth.Config{
			Server: as, Metadata: oauth.ClientMetadata{ClientID: "web"}, Auth: oauth.ClientSecretBasic(appSecret), HTTPClient: srv.Client(),
			AcceptIssuer: func(_, tid string) bool { return slices.Contains(tenants, tid) },
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = try(t, srv, client, func(r *oauth.AuthorizationRequest) {
			r.ResponseType, r.ResponseMode = "code id_token", "form_post"
		})
		if same {
			oauth.WantError(t, err, nil, "")
		} else {
			oauth.WantError(t, err, oauth.ErrIssuer, "iss")
		}
	}
}

// A login without a token request. It needs no client authentication.
func TestIDTokenLogin(t *testing.T) {
	srv := newServer(t, nil)
	for _, mode := range []string{"form_post", "fragment", "form_post.jwt"} {
		t.Run(mode, func(t *testing.T) {
			client := newClient(t, srv, func(c *oauth.Config) { c.Auth = nil })
			n := len(srv.Requests())
			pending, callback := begin(t, srv, client, func(r *oauth.AuthorizationRequest) {
				r.ResponseType, r.ResponseMode = "id_token", mode
			})
			if names, params := query(t, pending.URL()); params.Has("code_challenge") || params.Get("nonce") == "" {
				t.Errorf("the URL has %s", names)
			}
			if err := callback.ParseForm(); err != nil { // as a middleware may
				t.Fatal(err)
			}
			tok, err := finish(t, client, pending, callback, nil)
			if err != nil {
				t.Fatal(err)
			}
			if tok.Subject() != "alice" || tok.IDToken() == nil || !tok.AccessToken.IsZero() || !tok.RefreshToken.IsZero() ||
				tok.TokenType != "" || !tok.Expiry.IsZero() || tok.Scope != nil || tok.Extra != nil {
				t.Errorf("token %v", tok)
			}
			if got := asked(srv, n); got != "authorize" {
				t.Errorf("requests: %s", got)
			}
			if _, err := finish(t, client, pending, callback, nil); !errors.Is(err, oauth.ErrReplay) {
				t.Errorf("finished twice: %v", err)
			}
			saved, err := tok.MarshalBinary()
			var restored oauth.Token
			if err != nil || restored.UnmarshalBinary(saved) != nil || restored.Subject() != "alice" {
				t.Errorf("restored %v, %v", &restored, err)
			}
		})
	}
}

// What was not asked for is refused in the response of an ID token too.
func TestIDTokenLoginStrayCode(t *testing.T) {
	srv := newServer(t, nil)
	client := newClient(t, srv, nil)
	pending, callback := begin(t, srv, client, func(r *oauth.AuthorizationRequest) {
		r.ResponseType, r.ResponseMode = "id_token", "fragment"
	})
	params, err := url.ParseQuery(callback.URL.EscapedFragment())
	if err != nil {
		t.Fatal(err)
	}
	params.Set("code", "x")
	_, err = client.ValidateAuthorizationResponse(t.Context(), pending, params)
	oauth.WantError(t, err, oauth.ErrClaim, "code")
}
