package oauth_test

// Whole flows of a client that the server encrypts its answers to. How each of
// them is refused that is wrong is in decrypt_test.go.

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// A tally is a Decrypter that remembers what came encrypted.
type tally struct {
	oauth.Decrypter

	mu     sync.Mutex
	tokens []string
}

func (d *tally) DecryptJWE(ctx context.Context, compact string) ([]byte, error) {
	d.mu.Lock()
	d.tokens = append(d.tokens, compact)
	d.mu.Unlock()
	return d.Decrypter.DecryptJWE(ctx, compact)
}

// take is what came since the last time.
func (d *tally) take() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	tokens := d.tokens
	d.tokens = nil
	return tokens
}

// decryptionKey makes a key for alg.
func decryptionKey(t *testing.T, alg string) *oauth.DecryptionKey {
	t.Helper()
	var private any
	var err error
	if alg == "ECDH-ES" {
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	} else {
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	key, err := oauth.NewDecryptionKey(private, alg, nil, "the key of "+alg)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// encryptAll registers "web" to get encrypted all that can be, logout tokens at
// logoutURI, and makes the client of it.
func encryptAll(t *testing.T, srv *oauthtest.Server, key *oauth.DecryptionKey, alg, enc, logoutURI string) (*oauth.Client, *tally) {
	t.Helper()
	decrypter, err := oauth.NewDecrypter(key)
	if err != nil {
		t.Fatal(err)
	}
	d := &tally{Decrypter: decrypter}
	addClient(srv, func(c *oauthtest.Client) {
		// The other key is for something else.
		c.JWKS = fmt.Appendf(nil, `{"keys":[%s,%s]}`, signingKey(t, oauth.ES256).PublicJWK(), key.PublicJWK())
		c.UserinfoAlg, c.IntrospectionAlg, c.RefreshTokens, c.BackchannelLogoutURI = "ES256", "ES256", true, logoutURI
		c.IDTokenEncryptionAlg, c.IDTokenEncryptionEnc = alg, enc
		c.UserinfoEncryptionAlg, c.UserinfoEncryptionEnc = alg, enc
		c.AuthorizationEncryptionAlg, c.AuthorizationEncryptionEnc = alg, enc
		c.IntrospectionEncryptionAlg, c.IntrospectionEncryptionEnc = alg, enc
	})
	client := newClient(t, srv, func(c *oauth.Config) {
		c.Decrypter = d
		m := &c.Metadata
		m.UserinfoSignedResponseAlg, m.IntrospectionSignedResponseAlg = oauth.ES256, oauth.ES256
		m.IDTokenEncryptedResponseAlg, m.IDTokenEncryptedResponseEnc = alg, enc
		m.UserinfoEncryptedResponseAlg, m.UserinfoEncryptedResponseEnc = alg, enc
		m.AuthorizationEncryptedResponseAlg, m.AuthorizationEncryptedResponseEnc = alg, enc
		m.IntrospectionEncryptedResponseAlg, m.IntrospectionEncryptedResponseEnc = alg, enc
	})
	return client, d
}

func TestEncryptedAnswers(t *testing.T) {
	for _, alg := range []string{"ECDH-ES", "RSA-OAEP-256"} {
		key := decryptionKey(t, alg)
		for _, enc := range []string{"A128GCM", "A256GCM", "A128CBC-HS256", ""} {
			t.Run(alg+" "+enc, func(t *testing.T) { testEncryptedAnswers(t, key, alg, enc) })
		}
	}
}

func testEncryptedAnswers(t *testing.T, key *oauth.DecryptionKey, alg, enc string) {
	srv := newServer(t, nil)
	var logout http.Handler
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { logout.ServeHTTP(w, r) }))
	defer app.Close()
	client, d := encryptAll(t, srv, key, alg, enc, app.URL)
	var ended []string
	logout = client.BackchannelLogoutHandler(oauth.LogoutOptions{OnLogout: func(_ context.Context, l *oauth.LogoutToken) error {
		ended = append(ended, l.Subject())
		return nil
	}})
	if enc == "" { // OpenID Connect Registration, Section 2
		enc = "A128CBC-HS256"
	}
	// came wants that since the last time n tokens came, each encrypted as registered.
	came := func(what string, n int) (tokens []string) {
		t.Helper()
		tokens = d.take()
		if len(tokens) != n {
			t.Errorf("%s: %d encrypted tokens, want %d", what, len(tokens), n)
		}
		for _, token := range tokens {
			if h := joseHeader(t, token); h.Alg != alg || h.Enc != enc || h.Cty != "JWT" || h.Kid != "the key of "+alg {
				t.Errorf("%s: header %v", what, h)
			}
		}
		return tokens
	}

	tok := login(t, srv, client, nil)
	came("code", 1)
	login(t, srv, client, func(r *oauth.AuthorizationRequest) { r.ResponseMode = "jwt" })
	came("JARM", 2)
	login(t, srv, client, func(r *oauth.AuthorizationRequest) {
		r.ResponseType, r.ResponseMode = "code id_token", "form_post"
	})
	came("code id_token", 2)

	if info, err := client.UserInfo(t.Context(), tok, nil); err != nil || info.Subject() != "alice" {
		t.Errorf("%v, %v", info, err)
	}
	came("userinfo", 1)
	if i, err := client.Introspect(t.Context(), tok.AccessToken.Reveal(), nil); err != nil || i.Subject() != "alice" {
		t.Errorf("%v, %v", i, err)
	}
	came("introspection", 1)
	if fresh, err := client.Refresh(t.Context(), tok, nil); err != nil || fresh.Subject() != "alice" {
		t.Errorf("%v, %v", fresh, err)
	}
	came("refresh", 1)

	// As a hint it goes back in the clear: OpenID Connect Core, Section 3.1.2.1.
	end, err := client.EndSessionURL(&oauth.EndSessionRequest{Token: tok})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := srv.NewBrowser().Logout(t.Context(), end); err != nil {
		t.Error(err)
	}

	sent := srv.Logout(t.Context(), "alice")
	var tokens []string
	for _, l := range sent {
		if tokens = append(tokens, l.Token); l.Status != http.StatusOK {
			t.Errorf("logout: %d, %v", l.Status, l.Err)
		}
	}
	if len(sent) == 0 || len(ended) != len(sent) || slices.ContainsFunc(ended, func(sub string) bool { return sub != "alice" }) {
		t.Errorf("%d logout tokens ended the sessions of %q", len(sent), ended)
	}
	if got := came("logout", len(sent)); !slices.Equal(got, tokens) {
		t.Error("the logout tokens are not those that were sent")
	}
}

// encrypted is a scene whose client gets everything encrypted.
func encrypted(name string, play func(t *testing.T, s *stageServer, arm func()) error) *scene {
	return encryptedBy("ECDH-ES", name, play)
}

func encryptedBy(alg, name string, play func(t *testing.T, s *stageServer, arm func()) error) *scene {
	return &scene{name, func(t *testing.T, s *stageServer, arm func()) error {
		s.client, _ = encryptAll(t, s.Server, decryptionKey(t, alg), alg, "A256GCM", "")
		return play(t, s, arm)
	}}
}

func encryptedLogin(mode string) func(t *testing.T, s *stageServer, arm func()) error {
	return func(t *testing.T, s *stageServer, arm func()) error {
		arm()
		_, err := try(t, s.Server, s.client, func(r *oauth.AuthorizationRequest) { r.ResponseMode = mode })
		return err
	}
}

var (
	encryptedIDToken  = encrypted("login with an encrypted ID token", encryptedLogin(""))
	encryptedRSA      = encryptedBy("RSA-OAEP-256", "login with an ID token encrypted to an RSA key", encryptedLogin(""))
	encryptedResponse = encrypted("login with an encrypted response", encryptedLogin("jwt"))
	encryptedRefresh  = encrypted("refresh with an encrypted ID token", refresh.play)
	encryptedLogout   = encrypted("encrypted logout token", verifyLogout.play)

	encryptedUserinfo = encrypted("encrypted userinfo", func(t *testing.T, s *stageServer, arm func()) error {
		tok := login(t, s.Server, s.client, nil)
		arm()
		info, err := s.client.UserInfo(t.Context(), tok, nil)
		alone(t, info == nil, err)
		return err
	})

	encryptedIntrospection = encrypted("encrypted introspection", func(t *testing.T, s *stageServer, arm func()) error {
		tok := login(t, s.Server, s.client, nil)
		arm()
		i, err := s.client.Introspect(t.Context(), tok.AccessToken.Reveal(), nil)
		alone(t, i == nil, err)
		return err
	})
)
