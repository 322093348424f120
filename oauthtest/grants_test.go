package oauthtest_test

import (
	"crypto/rand"
	"maps"
	"net/url"
	"testing"
	"time"

	"example.com/oauth/oauthtest"
)

const (
	deviceGrant   = "urn:ietf:params:oauth:grant-type:device_code"
	cibaGrant     = "urn:openid:params:grant-type:ciba"
	exchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange"
	bearerGrant   = "urn:ietf:params:oauth:grant-type:jwt-bearer"
)

// A signer signs as a client: it is a second server, whose key set is the
// client's.
type signer struct {
	t *testing.T
	*oauthtest.Server
}

func newSigner(t *testing.T) signer {
	t.Helper()
	return signer{t, newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}})}
}

func (s signer) jwks() []byte { return []byte(get(s.t, s.Server, s.URL()+"/jwks", "").body) }

// sign signs claims with changes, of which remove takes one out.
func (s signer) sign(claims, changes map[string]any) string {
	s.t.Helper()
	claims = maps.Clone(claims)
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == remove })
	token, err := s.Sign("ES256", nil, claims)
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// form returns parameters with changes: an empty value removes one.
func form(params, changes map[string]string) url.Values {
	params = maps.Clone(params)
	maps.Copy(params, changes)
	f := url.Values{}
	for name, value := range params {
		if value != "" {
			f.Set(name, value)
		}
	}
	return f
}

// confidential is a client that authenticates with what its forms have to have.
var (
	confidential = oauthtest.Client{ID: "bank", Secret: longSecret, AuthMethod: "client_secret_post", RedirectURIs: []string{redirectURI}}
	credentials  = map[string]string{"client_id": "bank", "client_secret": longSecret}
)

// token asks the token endpoint as that client.
func token(t *testing.T, s *oauthtest.Server, grantType string, params map[string]string) *answer {
	t.Helper()
	f := form(credentials, params)
	f.Set("grant_type", grantType)
	return post(t, s.Client(), s.URL()+"/token", f, nil)
}

func TestClientCredentials(t *testing.T) {
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, AuthorizationDetailsTypes: []string{"payment"}})
	c := confidential
	c.RefreshTokens = true
	s.AddClient(c)
	a := token(t, s, "client_credentials", map[string]string{
		"scope": "openid orders offline_access", "resource": "https://api.example.com/", "authorization_details": `[{"type":"payment","n":1}]`,
	})
	details, _ := a.m["authorization_details"].([]any)
	if a.status != 200 || a.str("access_token") == "" || a.str("token_type") != "Bearer" || a.str("scope") != "orders" || len(details) != 1 {
		t.Fatal(a.body)
	}
	if a.m["refresh_token"] != nil || a.m["id_token"] != nil {
		t.Errorf("there is no user, but: %s", a.body)
	}
	if info := get(t, s, s.URL()+"/userinfo", a.str("access_token")); info.status != 403 {
		t.Errorf("userinfo of nobody: %d %s", info.status, info.body)
	}
	for name, tt := range map[string]struct{ param, value, want string }{
		"wrong secret":    {"client_secret", "wrong", "invalid_client"},
		"scope":           {"scope", "a\"b", "invalid_scope"},
		"resource":        {"resource", "relative", "invalid_target"},
		"details":         {"authorization_details", "{}", "invalid_authorization_details"},
		"unknown details": {"authorization_details", `[{"type":"x"}]`, "invalid_authorization_details"},
	} {
		if a := token(t, s, "client_credentials", map[string]string{tt.param: tt.value}); a.status != 400 || a.str("error") != tt.want {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	public := url.Values{"grant_type": {"client_credentials"}, "client_id": {"app"}}
	if a := post(t, s.Client(), s.URL()+"/token", public, nil); a.str("error") != "unauthorized_client" {
		t.Errorf("public client: %s", a.body)
	}
}

func TestKeepRefreshToken(t *testing.T) {
	s := newServer(t, nil)
	s.AddClient(oauthtest.Client{ID: "app", RedirectURIs: []string{redirectURI}, RefreshTokens: true, KeepRefreshToken: true})
	first := redeem(t, s, nil)
	f := url.Values{"grant_type": {"refresh_token"}, "client_id": {"app"}, "refresh_token": {first.str("refresh_token")}}
	for range 3 {
		a := post(t, s.Client(), s.URL()+"/token", f, nil)
		if a.status != 200 || a.m["refresh_token"] != nil || a.str("id_token") == "" {
			t.Fatal(a.body)
		}
	}
}

func TestJWTBearer(t *testing.T) {
	s := newServer(t, nil)
	own, stranger := newSigner(t), newSigner(t)
	c := confidential
	c.JWKS, c.RefreshTokens = own.jwks(), true
	s.AddClient(c)
	ask := func(signer signer, changes map[string]any, params map[string]string) *answer {
		t.Helper()
		assertion := signer.sign(map[string]any{
			"iss": "bank", "sub": "alice", "aud": s.Issuer(), "exp": time.Now().Unix() + 60, "jti": rand.Text(),
		}, changes)
		all := map[string]string{"assertion": assertion, "scope": "openid email"}
		maps.Copy(all, params)
		return token(t, s, bearerGrant, all)
	}

	for _, aud := range []string{s.Issuer(), s.URL() + "/token"} {
		a := ask(own, map[string]any{"aud": aud}, nil)
		if a.status != 200 || a.str("scope") != "openid email" || a.m["refresh_token"] != nil {
			t.Fatal(a.body)
		}
		if _, claims := decodeJWT(t, a.str("id_token")); claims["sub"] != "alice" || claims["aud"] != "bank" {
			t.Errorf("claims %v", claims)
		}
		if info := get(t, s, s.URL()+"/userinfo", a.str("access_token")); info.str("sub") != "alice" {
			t.Errorf("userinfo: %s", info.body)
		}
	}
	if a := ask(own, map[string]any{"jti": "1"}, nil); a.status != 200 {
		t.Error(a.body)
	}
	for name, changes := range map[string]map[string]any{
		"replayed":      {"jti": "1"},
		"no jti":        {"jti": remove},
		"iss":           {"iss": "app"},
		"no iss":        {"iss": remove},
		"unknown sub":   {"sub": "nobody"},
		"no sub":        {"sub": remove},
		"aud":           {"aud": "https://other.example"},
		"two aud":       {"aud": []string{s.Issuer(), "https://other.example"}},
		"no exp":        {"exp": remove},
		"expired":       {"exp": time.Now().Unix() - 1},
		"not yet valid": {"nbf": time.Now().Unix() + 600},
	} {
		if a := ask(own, changes, nil); a.status != 400 || a.str("error") != "invalid_grant" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := ask(stranger, nil, nil); a.str("error") != "invalid_grant" {
		t.Errorf("another's key: %s", a.body)
	}
	if a := ask(own, nil, map[string]string{"assertion": ""}); a.str("error") != "invalid_request" {
		t.Errorf("no assertion: %s", a.body)
	}
	if a := ask(own, nil, map[string]string{"resource": "x"}); a.str("error") != "invalid_target" {
		t.Errorf("resource: %s", a.body)
	}
}
