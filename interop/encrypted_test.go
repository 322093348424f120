package interop

// This file holds what the server encrypts to the client: ID tokens, userinfo,
// authorization and introspection responses.

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"

	"example.com/oauth"
)

func encryptedScenarios(t table) {
	for _, alg := range []string{
		"RSA-OAEP", "RSA-OAEP-256", "RSA-OAEP-384", "RSA-OAEP-512", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW",
	} {
		for _, enc := range []string{"A128GCM", "A256GCM", "A128CBC-HS256"} {
			t.addEncrypted(alg, enc)
		}
	}
	for _, pair := range [][2]string{
		{"RSA-OAEP-256", "A256CBC-HS512"}, {"ECDH-ES", "A256CBC-HS512"},
		{"dir", "A128GCM"}, {"dir", "A128CBC-HS256"}, {"A128KW", "A128GCM"}, {"A256GCMKW", "A256GCM"},
	} {
		t.addEncrypted(pair[0], pair[1])
	}
	t.add("JWE ECDH-ES over X25519", encryptedX25519)
}

func (t table) addEncrypted(alg, enc string) {
	t.add("JWE "+alg+" "+enc+": id token, userinfo, JARM, introspection", encryptedAnswers(alg, enc))
}

// decrypter has the client's key for what the server encrypts to it, if it is
// registered to be sent such things. The kid of a JWK is the key's.
func (c *registration) decrypter(meta *oauth.ClientMetadata) (oauth.Decrypter, error) {
	alg, enc := meta.IDTokenEncryptedResponseAlg, []string{meta.IDTokenEncryptedResponseEnc}
	if alg == "" {
		return nil, nil
	}
	var key *oauth.DecryptionKey
	var err error
	if c.DecryptJWK != nil {
		key, err = oauth.ParseDecryptionKey(c.DecryptJWK, alg, enc, "")
	} else {
		var m struct {
			Secret string `json:"client_secret"`
		}
		if err := json.Unmarshal(c.Metadata, &m); err != nil {
			return nil, err
		}
		key, err = oauth.NewClientSecretDecryptionKey(m.Secret, alg, enc)
	}
	if err != nil {
		return nil, err
	}
	return oauth.NewDecrypter(key)
}

// A witness is a Decrypter that keeps what it decrypted.
type witness struct {
	oauth.Decrypter
	mu   sync.Mutex
	seen []string
}

func (w *witness) DecryptJWE(ctx context.Context, compact string) ([]byte, error) {
	plaintext, err := w.Decrypter.DecryptJWE(ctx, compact)
	if err == nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.seen = append(w.seen, compact)
	}
	return plaintext, err
}

// requireDecrypted ends the scenario unless that many answers were decrypted,
// each with these algorithms.
func (w *witness) requireDecrypted(s *scenario, n int, alg, enc string) {
	equal(s, len(w.seen), n, "number of answers that were decrypted")
	for _, token := range w.seen {
		header := headerOf(s, token)
		equal(s, header.Alg, alg, "alg of what was decrypted")
		equal(s, header.Enc, enc, "enc of what was decrypted")
	}
}

// encryptedAnswers is a flow in which the server encrypts all that it can.
func encryptedAnswers(alg, enc string) scenarioFunc {
	return func(s *scenario) {
		w := new(witness)
		f := s.full("tls", "jwe-"+alg+"-"+enc, options{
			config:  func(c *oauth.Config) { w.Decrypter, c.Decrypter = c.Decrypter, w },
			request: func(r *oauth.AuthorizationRequest) { r.ResponseMode = "jwt" },
		})
		equal(s, strings.Count(f.token.IDToken().Raw(), "."), 2, "dots in what IDToken.Raw gives")
		// JARM, ID token, userinfo, introspection; the refreshed token's ID token,
		// userinfo and introspection; and that of the revoked one.
		w.requireDecrypted(s, 8, alg, enc)
		s.requireEncrypted(alg, enc)
	}
}

// requireEncrypted ends the scenario unless a client that expects another enc, or
// has another key, gets nothing out of what the server sends.
func (s *scenario) requireEncrypted(alg, enc string) {
	other := "A256GCM"
	if enc == other {
		other = "A128GCM"
	}
	jwt := func(r *oauth.AuthorizationRequest) { r.ResponseMode = "jwt" }
	f, err := s.tryCode("tls", "jwe-"+alg+"-"+enc, options{request: jwt, config: func(c *oauth.Config) {
		c.Metadata.AuthorizationEncryptedResponseEnc = other
		c.Decrypter = &witness{Decrypter: c.Decrypter}
	}})
	s.require(errors.Is(err, oauth.ErrAlgorithm) && f.token == nil, "another enc: wanted ErrAlgorithm and no Token, got: %v", err)
	key, err := oauth.NewClientSecretDecryptionKey("another secret than the client's", "dir", []string{enc})
	s.check(err, "NewClientSecretDecryptionKey")
	stranger, err := oauth.NewDecrypter(key)
	s.check(err, "NewDecrypter")
	f, err = s.tryCode("tls", "jwe-"+alg+"-"+enc, options{request: jwt, config: func(c *oauth.Config) {
		c.Decrypter = &witness{Decrypter: stranger}
	}})
	s.require(errors.Is(err, oauth.ErrDecrypt) && f.token == nil, "another key: wanted ErrDecrypt and no Token, got: %v", err)
}

func encryptedX25519(s *scenario) {
	w := new(witness)
	f := s.code("tls", "jwe-x25519", options{
		config: func(c *oauth.Config) { w.Decrypter, c.Decrypter = c.Decrypter, w },
	})
	f.idToken(s)
	w.requireDecrypted(s, 1, "ECDH-ES", "A128GCM")
	var header struct{ Epk struct{ Kty, Crv string } }
	decodeSegment(s, w.seen[0], 0, &header)
	equal(s, header.Epk.Crv, "X25519", "curve of the ephemeral key")
	s.encryptedLogout()
}

// encryptedLogout is the logout of a client whose ID tokens are encrypted: so is the
// logout token, and the hint is the ID token that was in the JWE (RP-Initiated
// Logout, Section 2).
func (s *scenario) encryptedLogout() {
	const id, sink = "jwe-logout", "/sink/bcl/jwe-logout"
	metadata := map[string]any{
		"client_id": id, "client_secret": "a secret of this scenario's own, of thirty-two bytes and more",
		"grant_types": []string{"authorization_code"}, "response_types": []string{"code"}, "redirect_uris": []string{s.desc.RedirectURI},
		"id_token_encrypted_response_alg": "A256KW", "id_token_encrypted_response_enc": "A192CBC-HS384",
		"post_logout_redirect_uris": []string{s.desc.LoggedOut},
		"backchannel_logout_uri":    s.desc.Control + sink, "backchannel_logout_session_required": true,
	}
	s.control(http.MethodPost, "/clients?instance=tls", metadata, nil)
	s.control(http.MethodDelete, sink, nil, nil)
	w := new(witness)
	f := s.code("tls", id, options{
		reg:    &registration{ClientID: id, Metadata: mustJSON(metadata)},
		config: func(c *oauth.Config) { w.Decrypter, c.Decrypter = c.Decrypter, w },
	})
	s.endSession(f, oauth.EndSessionRequest{Token: f.token, PostLogoutRedirectURI: s.desc.LoggedOut})
	var sent []notification
	s.control(http.MethodGet, sink, nil, &sent)
	equal(s, len(sent), 1, "number of logout tokens")
	t, err := f.client.VerifyLogoutToken(s.ctx, logoutTokenOf(s, sent[0]))
	s.check(err, "VerifyLogoutToken")
	equal(s, t.SessionID(), f.idToken(s).SessionID(), "sid of the logout token")
	w.requireDecrypted(s, 2, "A256KW", "A192CBC-HS384")
}
