package oauthtest_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.com/oauth/oauthtest"
)

const longSecret = "a secret of at least 64 octets, which is what HS512 asks for: 0123456789 ü"

// hmacJWT is a client assertion by client_secret_jwt.
func hmacJWT(t *testing.T, secret string, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	input := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload)
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

func TestClientAuthentication(t *testing.T) {
	s := newServer(t, nil)
	// A second server signs the assertions of private_key_jwt: its key set is
	// the client's.
	signer := newServer(t, nil)
	jwks := []byte(get(t, signer, signer.URL()+"/jwks", "").body)
	own := oauthtest.SelfSignedCertificate("own")
	for _, c := range []oauthtest.Client{
		{ID: "basic a+b:c", Secret: longSecret},
		{ID: "post", Secret: longSecret, AuthMethod: "client_secret_post"},
		{ID: "hmac", Secret: longSecret, AuthMethod: "client_secret_jwt"},
		{ID: "short", Secret: "short", AuthMethod: "client_secret_jwt"},
		{ID: "key", AuthMethod: "private_key_jwt", JWKS: jwks},
		{ID: "mtls", AuthMethod: "tls_client_auth", CertificateSubject: "CN=bank"},
		{ID: "self", AuthMethod: "self_signed_tls_client_auth", Certificate: own.Certificate[0]},
	} {
		c.RedirectURIs = []string{redirectURI}
		s.AddClient(c)
	}
	meta := get(t, s, s.URL()+"/.well-known/openid-configuration", "")
	mtlsToken := meta.m["mtls_endpoint_aliases"].(map[string]any)["token_endpoint"].(string)

	basic := func(id, secret string) func(*http.Request, url.Values) {
		return func(r *http.Request, _ url.Values) {
			r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
		}
	}
	form := func(pairs ...string) func(*http.Request, url.Values) {
		return func(_ *http.Request, f url.Values) {
			for i := 0; i < len(pairs); i += 2 {
				f.Set(pairs[i], pairs[i+1])
			}
		}
	}
	claims := func(id string, changes map[string]any) map[string]any {
		m := map[string]any{"iss": id, "sub": id, "aud": s.Issuer(), "jti": rand.Text(), "exp": time.Now().Add(time.Minute).Unix()}
		maps.Copy(m, changes)
		return m
	}
	const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	assertion := func(jwt string) func(*http.Request, url.Values) {
		return form("client_assertion_type", assertionType, "client_assertion", jwt)
	}
	hmacAssertion := func(id string, changes map[string]any) func(*http.Request, url.Values) {
		return assertion(hmacJWT(t, longSecret, claims(id, changes)))
	}
	keyAssertion := func(signer *oauthtest.Server, changes map[string]any) func(*http.Request, url.Values) {
		jwt, err := signer.Sign("ES256", nil, claims("key", changes))
		if err != nil {
			t.Fatal(err)
		}
		return assertion(jwt)
	}

	// The author of a client learns what is wrong with it.
	says := map[string]string{
		"basic, wrong secret": "wrong client secret",
		"hmac, wrong secret":  "not signed with the client secret",
		"hmac, short secret":  "shorter than the hash of HS256",
		"key, wrong key":      "not signed with a key of the client's JWKS",
		"key, wrong aud":      "aud of the client assertion",
		"key, wrong iss":      "iss and sub",
		"key, expired":        "Options.Now",
		"key, no jti":         "no jti, or was used before",
		"mtls, other subject": "its subject is not CertificateSubject",
		"mtls, none":          "no client certificate",
		"self, another":       "not Certificate of the client",
	}
	for _, tt := range []struct {
		name    string
		client  string
		prepare func(*http.Request, url.Values)
		cert    *tls.Certificate
		status  int
	}{
		{"basic", "basic a+b:c", basic("basic a+b:c", longSecret), nil, 200},
		{"basic, wrong secret", "basic a+b:c", basic("basic a+b:c", "x"), nil, 401},
		{"basic, not encoded", "basic a+b:c", func(r *http.Request, _ url.Values) { r.SetBasicAuth("basic a+b:c", longSecret) }, nil, 401},
		{"basic, unknown client", "basic a+b:c", basic("nobody", longSecret), nil, 401},
		{"basic, another client_id", "basic a+b:c", func(r *http.Request, f url.Values) {
			basic("basic a+b:c", longSecret)(r, f)
			f.Set("client_id", "post")
		}, nil, 401},
		{"basic in the body", "basic a+b:c", form("client_id", "basic a+b:c", "client_secret", longSecret), nil, 400},
		{"basic and body", "basic a+b:c", func(r *http.Request, f url.Values) {
			basic("basic a+b:c", longSecret)(r, f)
			f.Set("client_secret", longSecret)
		}, nil, 400},
		{"bearer", "basic a+b:c", func(r *http.Request, _ url.Values) { r.Header.Set("Authorization", "Bearer x") }, nil, 401},
		{"post", "post", form("client_id", "post", "client_secret", longSecret), nil, 200},
		{"post, wrong secret", "post", form("client_id", "post", "client_secret", "x"), nil, 400},
		{"post, no secret", "post", form("client_id", "post"), nil, 400},
		{"hmac", "hmac", hmacAssertion("hmac", nil), nil, 200},
		{"hmac, wrong secret", "hmac", assertion(hmacJWT(t, longSecret+"x", claims("hmac", nil))), nil, 400},
		{"hmac, short secret", "short", assertion(hmacJWT(t, longSecret, claims("short", nil))), nil, 400},
		{"key", "key", keyAssertion(signer, nil), nil, 200},
		{"key, token endpoint", "key", keyAssertion(signer, map[string]any{"aud": s.URL() + "/token"}), nil, 200},
		{"key, wrong key", "key", keyAssertion(s, nil), nil, 400},
		{"key, aud array", "key", keyAssertion(signer, map[string]any{"aud": []string{s.Issuer()}}), nil, 400},
		{"key, wrong aud", "key", keyAssertion(signer, map[string]any{"aud": "https://other.example"}), nil, 400},
		{"key, wrong iss", "key", keyAssertion(signer, map[string]any{"iss": "app"}), nil, 400},
		{"key, wrong sub", "key", keyAssertion(signer, map[string]any{"sub": "app"}), nil, 400},
		{"key, no exp", "key", keyAssertion(signer, map[string]any{"exp": nil}), nil, 400},
		{"key, expired", "key", keyAssertion(signer, map[string]any{"exp": 1}), nil, 400},
		{"key, not yet valid", "key", keyAssertion(signer, map[string]any{"nbf": time.Now().Add(time.Hour).Unix()}), nil, 400},
		{"key, no jti", "key", keyAssertion(signer, map[string]any{"jti": ""}), nil, 400},
		{"key with a MAC", "key", hmacAssertion("key", nil), nil, 400},
		{"key, garbage", "key", assertion("a.b.c"), nil, 400},
		{"mtls", "mtls", form("client_id", "mtls"), ptr(s.NewCertificate("bank", time.Time{})), 200},
		{"mtls, other subject", "mtls", form("client_id", "mtls"), ptr(s.NewCertificate("shop", time.Time{})), 400},
		{"mtls, expired", "mtls", form("client_id", "mtls"), ptr(s.NewCertificate("bank", time.Now().Add(-time.Hour))), 400},
		{"mtls, self-signed", "mtls", form("client_id", "mtls"), ptr(oauthtest.SelfSignedCertificate("bank")), 400},
		{"mtls, none", "mtls", form("client_id", "mtls"), nil, 400},
		{"self", "self", form("client_id", "self"), &own, 200},
		{"self, another", "self", form("client_id", "self"), ptr(oauthtest.SelfSignedCertificate("own")), 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := codeForm(authorize(t, s, map[string]string{"client_id": tt.client}).Get("code"))
			f.Del("client_id")
			scratch := &http.Request{Header: http.Header{}}
			tt.prepare(scratch, f)
			client, target := s.Client(), s.URL()+"/token"
			if tt.cert != nil {
				target = mtlsToken
				client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
					RootCAs:      s.RootCAs(),
					Certificates: []tls.Certificate{*tt.cert},
				}}}
				defer client.CloseIdleConnections()
			}
			a := post(t, client, target, f, func(r *http.Request) { maps.Copy(r.Header, scratch.Header) })
			if a.status != tt.status {
				t.Fatalf("%d %s, want %d", a.status, a.body, tt.status)
			}
			if want := says[tt.name]; want != "" && !strings.Contains(a.str("error_description"), want) {
				t.Errorf("%s does not say %q", a.body, want)
			}
			if challenge := a.header.Get("WWW-Authenticate"); (a.status == 401) != strings.HasPrefix(challenge, "Basic ") {
				t.Errorf("WWW-Authenticate: %q", challenge)
			}
			if a.status == 200 {
				if last := s.Requests()[len(s.Requests())-1]; last.ClientID != tt.client || (last.Certificate != nil) != (tt.cert != nil) {
					t.Errorf("log: %+v", last)
				}
			}
		})
	}

	t.Run("key, replay", func(t *testing.T) {
		prepare := keyAssertion(signer, nil)
		for _, want := range []int{200, 400} {
			f := codeForm(authorize(t, s, map[string]string{"client_id": "key"}).Get("code"))
			f.Del("client_id")
			prepare(nil, f)
			if a := post(t, s.Client(), s.URL()+"/token", f, nil); a.status != want {
				t.Errorf("%d %s, want %d", a.status, a.body, want)
			}
		}
	})
}

func ptr[T any](v T) *T { return &v }
