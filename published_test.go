package oauth

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"example.com/oauth/oauthtest"
)

// madeKey is a key of the program's own.
type madeKey string

func (k madeKey) PublicJWK() json.RawMessage { return json.RawMessage(k) }

func TestPublicJWKS(t *testing.T) {
	one, two := unitKey(), jwksKey("b")
	enc := decryptionKey(t, "P-256", "ECDH-ES", nil, "e")
	set, err := PublicJWKS(one, two, enc)
	if err != nil {
		t.Fatal(err)
	}
	parsed := must(ParseKeySet(set))
	snap := parsed.current.Load()
	if len(snap.keys) != 3 || len(snap.skipped) != 0 || checkPublicKeys(set) != nil {
		t.Errorf("%s has %d keys", set, len(snap.keys))
	}
	for name, keys := range map[string][]PublishedKey{
		"nil": {one, nil}, "a nil key": {(*SigningKey)(nil)}, "an empty one": {new(SigningKey)}, "a nil decryption key": {(*DecryptionKey)(nil)},
		"one that is private": {madeKey(`{"kty":"OKP","crv":"Ed25519","x":"AA","d":"AA"}`)}, "one without a type": {madeKey(`{}`)}, "no JSON": {madeKey(`{`)},
		"the client secret": {decryptionKey(t, "secret", "A128KW", nil, "")}, "one twice": {one, one},
	} {
		set, err := PublicJWKS(keys...)
		if wantError(t, err, ErrConfig, "keys"); set != nil {
			t.Errorf("%s: %s", name, set)
		}
		if _, err := PublicJWKSHandler(keys...); err == nil {
			t.Errorf("%s is served", name)
		}
	}
	if set, err := PublicJWKS(); err != nil || string(set) != `{"keys":[]}` {
		t.Errorf("none are %s, %v", set, err)
	}
	h := must(PublicJWKSHandler(one, two))
	for method, body := range map[string]string{"GET": string(must(PublicJWKS(one, two))), "HEAD": "", "POST": "", "get": "", "head": ""} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, "/jwks", nil))
		if ok := method == "GET" || method == "HEAD"; w.Body.String() != body || (w.Code == 200) != ok ||
			ok && (w.Header().Get("Content-Type") != "application/jwk-set+json" || w.Header().Get("Cache-Control") == "") {
			t.Errorf("%s: %d %v %s", method, w.Code, w.Header(), w.Body)
		}
	}
}

// rawKey is a PublishedKey of a program's own.
type rawKey string

func (k rawKey) PublicJWK() json.RawMessage { return json.RawMessage(k) }

// TestPublicJWKSWithoutKid: keys without an id are not two of one id.
func TestPublicJWKSWithoutKid(t *testing.T) {
	const key = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
	set, err := PublicJWKS(rawKey(key), rawKey(key))
	if want := `{"keys":[` + key + `,` + key + `]}`; err != nil || string(set) != want {
		t.Errorf("%s, %v", set, err)
	}
}

// TestDocumentCache: what a document says of caches, and whether it does.
func TestDocumentCache(t *testing.T) {
	for _, want := range [][]string{nil, {"no-store"}} {
		w := httptest.NewRecorder()
		documentHandler(mediaJSON, []byte(`{}`), strings.Join(want, "")).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		if got := w.Header()["Cache-Control"]; !slices.Equal(got, want) || w.Body.String() != "{}" {
			t.Errorf("Cache-Control %q, %s", got, w.Body)
		}
	}
}

// TestKeyRollover: both keys are published, and the server takes what either signs.
func TestKeyRollover(t *testing.T) {
	srv := oauthtest.NewServer(nil)
	defer srv.Close()
	as := must(Discover(context.Background(), srv.Issuer(), &DiscoverOptions{HTTPClient: srv.Client()}))
	before, after := must(GenerateSigningKey(ES256)), must(GenerateSigningKey(ES256))
	for _, step := range []struct {
		published []PublishedKey
		signs     *SigningKey
		ok        bool
	}{
		{[]PublishedKey{before}, before, true}, {[]PublishedKey{before}, after, false},
		{[]PublishedKey{before, after}, before, true}, {[]PublishedKey{before, after}, after, true},
		{[]PublishedKey{after}, after, true}, {[]PublishedKey{after}, before, false},
	} {
		srv.AddClient(oauthtest.Client{ID: "c", AuthMethod: "private_key_jwt", JWKS: must(PublicJWKS(step.published...))})
		c := must(NewClient(Config{Server: as, Metadata: ClientMetadata{ClientID: "c"}, Auth: PrivateKeyJWT(step.signs, nil), HTTPClient: srv.Client()}))
		if _, err := c.ClientCredentials(context.Background(), nil); (err == nil) != step.ok {
			t.Errorf("%d keys published: %v, want ok %v", len(step.published), err, step.ok)
		}
	}
}

func TestCertificateJWK(t *testing.T) {
	cert := oauthtest.SelfSignedCertificate("client").Leaf
	jwk, err := CertificateJWK(cert)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		KID string   `json:"kid"`
		Use string   `json:"use"`
		X5C []string `json:"x5c"`
	}
	if err := json.Unmarshal(jwk, &got); err != nil {
		t.Fatal(err)
	}
	der, err := base64.StdEncoding.DecodeString(strings.Join(got.X5C, ""))
	again, parseErr := x509.ParseCertificate(der)
	if err != nil || parseErr != nil || !again.Equal(cert) || got.KID != CertificateThumbprint(cert) || got.Use != "sig" {
		t.Errorf("%s: %v, %v", jwk, err, parseErr)
	}
	set := must(ParseKeySet([]byte(`{"keys":[` + string(jwk) + `]}`)))
	if key := set.current.Load().keys[0]; thumbprint(key.key) != thumbprint(cert.PublicKey) {
		t.Errorf("%s is another key", jwk)
	}
	for name, cert := range map[string]*x509.Certificate{"nil": nil, "empty": {}, "no key of ours": {PublicKey: "x"}} {
		if jwk, err := CertificateJWK(cert); jwk != nil || err == nil {
			t.Errorf("%s: %s, %v", name, jwk, err)
		}
	}
}

// TestRegistrationDecrypter: the keys of the client secret are those that the metadata
// ask for, and the Client can use the result.
func TestRegistrationDecrypter(t *testing.T) {
	s := newUnitServer()
	for _, tt := range []struct {
		name   string
		change func(*ClientMetadata)
		keys   []*DecryptionKey
		none   bool
		kind   error
	}{
		{"nothing", func(*ClientMetadata) {}, nil, true, nil},
		{"ID tokens, dir", func(m *ClientMetadata) { m.IDTokenEncryptedResponseAlg = "dir" }, nil, false, nil},
		{"two kinds, one alg", func(m *ClientMetadata) {
			m.IDTokenEncryptedResponseAlg, m.AuthorizationEncryptedResponseAlg, m.AuthorizationEncryptedResponseEnc = "A128KW", "A128KW", "A256GCM"
		}, nil, false, nil},
		{"two kinds, dir", func(m *ClientMetadata) {
			m.IDTokenEncryptedResponseAlg, m.AuthorizationEncryptedResponseAlg = "dir", "dir"
		}, nil, false, nil},
		{"a key that is none", func(*ClientMetadata) {}, []*DecryptionKey{nil}, true, ErrConfig},
		{"a key", func(m *ClientMetadata) {
			m.IDTokenEncryptedResponseAlg, m.IDTokenEncryptedResponseEnc = "ECDH-ES", "A128GCM"
		}, []*DecryptionKey{decryptionKey(t, "P-256", "ECDH-ES", nil, "")}, false, nil},
		{"a key and the secret", func(m *ClientMetadata) {
			m.IDTokenEncryptedResponseAlg, m.IntrospectionEncryptedResponseAlg = "ECDH-ES", "A256GCMKW"
		}, []*DecryptionKey{decryptionKey(t, "P-256", "ECDH-ES", nil, "")}, false, nil},
		{"dir with two enc", func(m *ClientMetadata) {
			m.IDTokenEncryptedResponseAlg, m.AuthorizationEncryptedResponseAlg, m.AuthorizationEncryptedResponseEnc = "dir", "dir", "A256GCM"
		}, nil, true, ErrConfig},
	} {
		reg := &Registration{ClientSecret: NewSecret(unitSecret)}
		reg.Metadata.ClientID = unitClient
		tt.change(&reg.Metadata)
		keys := append(make([]*DecryptionKey, 0, 10), tt.keys...)
		d, err := reg.Decrypter(keys...)
		param := map[string]string{"dir with two enc": "enc", "a key that is none": "keys"}[tt.name]
		if wantError(t, err, tt.kind, param); (d == nil) != tt.none {
			t.Errorf("%s: %v, %v", tt.name, d, err)
		}
		if n := len(tt.keys); !slices.Equal(keys, tt.keys) || keys[:n+1][n] != nil {
			t.Errorf("%s: it writes to the keys of the caller", tt.name)
		}
		if tt.kind != nil {
			continue
		}
		cfg := s.config()
		cfg.Metadata, cfg.Decrypter = reg.Metadata, d
		if _, err := NewClient(cfg); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	_, err := (*Registration)(nil).Decrypter()
	wantError(t, err, ErrConfig, "")
}
