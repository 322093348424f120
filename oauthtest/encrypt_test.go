package oauthtest

// Round trips through the server's own decryption, whose parts have test vectors
// in jwe_test.go, and what a registration can say.

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// encryptionJWKS has a key to sign, and then for each algorithm one of use enc.
func encryptionJWKS(t *testing.T, s *Server) []byte {
	t.Helper()
	s.encryptionKeys.get("RSA")
	s.encryptionKeys.get("P-256")
	data, err := json.Marshal(map[string]any{"keys": append(s.encryptionKeys.jwks("sig"), s.encryptionKeys.jwks("enc")...)})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestEncrypt(t *testing.T) {
	s := NewServer(&Options{SigningAlgs: []string{"ES256"}})
	defer s.Close()
	jwks := encryptionJWKS(t, s)
	for _, alg := range keyManagements {
		for _, enc := range contentEncryptions {
			s.AddClient(Client{
				ID: "app", JWKS: jwks,
				RequestObjectEncryptionAlg: alg.name, RequestObjectEncryptionEnc: enc.name,
				IDTokenEncryptionAlg: alg.name, IDTokenEncryptionEnc: enc.name,
			})
			client := s.clientByID("app")
			seen := map[string]bool{}
			for n := range 33 { // all lengths of the padding
				text := strings.Repeat("x", n)
				token, err := client.encryptionOf(idTokenJWT).encrypt(text)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := s.decrypt(client, token); err != nil || got != text {
					t.Errorf("%s %s: %q, %v", alg.name, enc.name, got, err)
				}
				parts := strings.Split(token, ".")
				for _, part := range []string{parts[0] + parts[1], parts[2]} { // a new key, a new iv
					if seen[part] {
						t.Errorf("%s %s: %q twice", alg.name, enc.name, part)
					}
					seen[part] = true
				}
			}
		}
	}
}

// The fault RSA15 is RSA1_5 as others make it, and leaves what is not RSA alone.
func TestRSA15(t *testing.T) {
	s := NewServer(&Options{SigningAlgs: []string{"ES256"}})
	defer s.Close()
	s.Fault(RSA15)
	s.AddClient(Client{ID: "ec", JWKS: encryptionJWKS(t, s), IDTokenEncryptionAlg: "ECDH-ES"})
	s.AddClient(Client{ID: "app", JWKS: encryptionJWKS(t, s), IDTokenEncryptionAlg: "RSA-OAEP-256", IDTokenEncryptionEnc: "A256GCM"})
	for id, want := range map[string]string{"ec": "ECDH-ES", "app": "RSA1_5"} {
		token, err := s.LogoutToken(id, "alice")
		if err != nil {
			t.Fatal(err)
		}
		var raw [5][]byte
		parts := strings.Split(token, ".")
		for i, part := range parts {
			raw[i], _ = base64.RawURLEncoding.DecodeString(part)
		}
		if header, err := decodeObject(raw[0]); err != nil || header["alg"] != want {
			t.Errorf("header %v, want %s", header, want)
		}
		if id == "ec" {
			continue
		}
		key := s.encryptionKeys.get("RSA").private.(*rsa.PrivateKey)
		m := new(big.Int).SetBytes(raw[1])
		padded := m.Exp(m, key.D, key.N).FillBytes(make([]byte, key.Size())) // 0, 2, at least eight that are not 0, 0, key
		zero := slices.Index(padded[2:], 0) + 2
		if padded[0] != 0 || padded[1] != 2 || zero < 10 || len(padded)-zero-1 != 32 {
			t.Fatalf("padded as % x", padded)
		}
		if plain, err := openGCM(padded[zero+1:], raw[2], raw[3], raw[4], []byte(parts[0])); err != nil || strings.Count(string(plain), ".") != 2 {
			t.Errorf("%q, %v", plain, err)
		}
	}
}

// What is encrypted is what the field says, and nothing else.
func TestEncryptionOf(t *testing.T) {
	s := NewServer(&Options{SigningAlgs: []string{"ES256"}})
	defer s.Close()
	jwks := encryptionJWKS(t, s)
	for name, tt := range map[string]struct {
		client Client
		kinds  jwtKind
	}{
		"none":           {Client{RequestObjectEncryptionAlg: "ECDH-ES"}, 0},
		"ID token":       {Client{IDTokenEncryptionAlg: "ECDH-ES"}, anyIDToken | logoutJWT},
		"userinfo":       {Client{UserinfoEncryptionAlg: "ECDH-ES", UserinfoAlg: "ES256"}, userinfoJWT},
		"authorization":  {Client{AuthorizationEncryptionAlg: "ECDH-ES"}, responseJWT},
		"introspection":  {Client{IntrospectionEncryptionAlg: "ECDH-ES"}, introspectionJWT},
		"two, enc apart": {Client{IDTokenEncryptionAlg: "ECDH-ES", AuthorizationEncryptionAlg: "RSA-OAEP-256", AuthorizationEncryptionEnc: "A256GCM"}, anyIDToken | logoutJWT | responseJWT},
	} {
		c := tt.client
		c.ID, c.JWKS = "app", jwks
		s.AddClient(c)
		for kind := idTokenJWT; kind <= accessTokenJWT; kind <<= 1 {
			e := s.clientByID("app").encryptionOf(kind)
			if (e != nil) != (kind&tt.kinds != 0) {
				t.Errorf("%s: kind %b: %v", name, kind, e)
			}
			wantAlg, wantEnc := "ECDH-ES", "A128CBC-HS256"
			if kind == responseJWT && c.AuthorizationEncryptionEnc != "" {
				wantAlg, wantEnc = "RSA-OAEP-256", "A256GCM"
			}
			if e != nil && (e.alg.name != wantAlg || e.enc.name != wantEnc || e.key.use != "enc") {
				t.Errorf("%s: kind %b: %s %s to a key for %s", name, kind, e.alg.name, e.enc.name, e.key.use)
			}
		}
	}
}

// The header is all that can be read of a logout token.
func TestEncryptedLogoutToken(t *testing.T) {
	s := NewServer(&Options{SigningAlgs: []string{"ES256"}})
	defer s.Close()
	s.AddClient(Client{ID: "app", JWKS: encryptionJWKS(t, s), IDTokenEncryptionAlg: "RSA-OAEP-256"})
	token, err := s.LogoutToken("app", "alice")
	if err != nil {
		t.Fatal(err)
	}
	segment, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(segment)
	if err != nil {
		t.Fatal(err)
	}
	header, err := decodeObject(raw)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"alg": "RSA-OAEP-256", "enc": "A128CBC-HS256", "cty": "JWT",
		"iss": s.Issuer(), "kid": s.encryptionKeys.get("RSA").id,
	}
	if !maps.Equal(header, want) {
		t.Errorf("header %v, want %v", header, want)
	}
}

// What is registered to be encrypted is never JSON, whatever the request accepts.
func TestEncryptedIntrospectionIsAlwaysAJWT(t *testing.T) {
	s := NewServer(&Options{SigningAlgs: []string{"ES256"}})
	defer s.Close()
	s.AddClient(Client{ID: "rs", Secret: "secret", JWKS: encryptionJWKS(t, s), IntrospectionEncryptionAlg: "ECDH-ES"})
	req, err := http.NewRequest(http.MethodPost, s.URL()+"/introspect", strings.NewReader("token=unknown"))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("rs", "secret")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.Header.Get("Content-Type") != introspectionMediaType || strings.Count(string(body), ".") != 4 {
		t.Errorf("%v, %s: %s", err, resp.Header.Get("Content-Type"), body)
	}
}

func TestEncryptionKey(t *testing.T) {
	s := NewServer(&Options{SigningAlgs: []string{"ES256"}})
	defer s.Close()
	jwk := func(family, kid string, more map[string]any) map[string]any {
		m := publicMembers(s.encryptionKeys.get(family).private.Public())
		m["kid"] = kid
		maps.Copy(m, more)
		return m
	}
	enc := map[string]any{"use": "enc"}
	for name, tt := range map[string]struct {
		keys []any
		want string
	}{
		"no key":         {nil, ""},
		"no use":         {[]any{jwk("P-256", "a", nil)}, ""},
		"for signatures": {[]any{jwk("P-256", "a", map[string]any{"use": "sig"})}, ""},
		"another type":   {[]any{jwk("Ed25519", "a", enc)}, ""},
		"another curve":  {[]any{jwk("P-384", "a", enc)}, ""},
		"another alg":    {[]any{jwk("P-256", "a", map[string]any{"use": "enc", "alg": "ECDH-ES+A128KW"})}, ""},
		"the alg":        {[]any{jwk("P-256", "a", map[string]any{"use": "enc", "alg": "ECDH-ES"})}, "a"},
		"the first":      {[]any{jwk("P-384", "a", enc), jwk("P-256", "b", enc), jwk("P-256", "c", enc)}, "b"},
	} {
		jwks, err := json.Marshal(map[string]any{"keys": tt.keys})
		if err != nil {
			t.Fatal(err)
		}
		err = s.addClient(Client{ID: name, JWKS: jwks, IDTokenEncryptionAlg: "ECDH-ES"})
		if (err == nil) != (tt.want != "") {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && s.clientByID(name).encryptionOf(idTokenJWT).key.id != tt.want {
			t.Errorf("%s: another key than %s", name, tt.want)
		}
	}
	if err := s.addClient(Client{ID: "app", IDTokenEncryptionAlg: "ECDH-ES"}); err == nil {
		t.Error("without JWKS")
	}
}

// A key to encrypt to signs nothing.
func TestEncryptionKeyDoesNotSign(t *testing.T) {
	s := NewServer(&Options{SigningAlgs: []string{"ES256"}})
	defer s.Close()
	token, err := s.Sign("ES256", nil, map[string]any{})
	if err != nil {
		t.Fatal(err)
	}
	jws, err := parseJWS(token)
	if err != nil {
		t.Fatal(err)
	}
	for use, want := range map[string]bool{"": true, "sig": true, "enc": false} {
		k := s.keys.get("P-256")
		if got := signedBy([]publicKey{{id: k.id, use: use, key: k.private.Public()}}, jws); got != want {
			t.Errorf("use %q: %v", use, got)
		}
	}
}

func TestEncryptionConfig(t *testing.T) {
	s := NewServer(&Options{SigningAlgs: []string{"ES256"}})
	defer s.Close()
	jwks := encryptionJWKS(t, s)
	for name, tt := range map[string]struct {
		client Client
		want   string // in the error; "" for none
	}{
		"ID token":               {Client{IDTokenEncryptionAlg: "RSA-OAEP-256"}, ""},
		"alg":                    {Client{IDTokenEncryptionAlg: "RSA1_5"}, "IDTokenEncryptionAlg"},
		"enc":                    {Client{AuthorizationEncryptionAlg: "ECDH-ES", AuthorizationEncryptionEnc: "A192GCM"}, "AuthorizationEncryptionEnc"},
		"enc alone":              {Client{IntrospectionEncryptionEnc: "A128GCM"}, "IntrospectionEncryptionEnc without IntrospectionEncryptionAlg"},
		"userinfo":               {Client{UserinfoEncryptionAlg: "ECDH-ES", UserinfoAlg: "ES256"}, ""},
		"userinfo without a JWT": {Client{UserinfoEncryptionAlg: "ECDH-ES"}, "without UserinfoAlg"},
	} {
		tt.client.ID, tt.client.JWKS = "app", jwks
		err := s.addClient(tt.client)
		if (err != nil) != (tt.want != "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

// The members of client metadata set the fields of their names, and discovery
// announces what goes.
func TestEncryptionMetadata(t *testing.T) {
	s := NewServer(&Options{SigningAlgs: []string{"ES256"}})
	defer s.Close()
	var set map[string]any
	if err := json.Unmarshal(encryptionJWKS(t, s), &set); err != nil {
		t.Fatal(err)
	}
	m := map[string]any{
		"redirect_uris": []any{"https://app.example.com/cb"}, "jwks": set, "userinfo_signed_response_alg": "ES256",
		"id_token_encrypted_response_alg": "ECDH-ES", "id_token_encrypted_response_enc": "A128GCM",
		"userinfo_encrypted_response_alg": "RSA-OAEP-256", "userinfo_encrypted_response_enc": "A256GCM",
		"authorization_encrypted_response_alg": "ECDH-ES", "authorization_encrypted_response_enc": "A256GCM",
		"introspection_encrypted_response_alg": "RSA-OAEP-256",
	}
	c, kept, perr := s.readClient(m)
	if perr != nil {
		t.Fatal(perr)
	}
	got := []string{
		c.IDTokenEncryptionAlg, c.IDTokenEncryptionEnc, c.UserinfoEncryptionAlg, c.UserinfoEncryptionEnc,
		c.AuthorizationEncryptionAlg, c.AuthorizationEncryptionEnc, c.IntrospectionEncryptionAlg, c.IntrospectionEncryptionEnc,
	}
	if want := []string{"ECDH-ES", "A128GCM", "RSA-OAEP-256", "A256GCM", "ECDH-ES", "A256GCM", "RSA-OAEP-256", ""}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for name, v := range m {
		if _, isText := v.(string); isText && kept[name] != v {
			t.Errorf("%s: registered as %v", name, kept[name])
		}
	}
	c.ID = "app"
	if err := s.addClient(c); err != nil {
		t.Error(err)
	}

	resp, err := s.Client().Get(s.URL() + "/.well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var metadata map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&metadata); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status, err)
	}
	for _, what := range []string{"request_object", "id_token", "userinfo", "authorization", "introspection"} {
		algs, _ := stringList(metadata[what+"_encryption_alg_values_supported"])
		encs, _ := stringList(metadata[what+"_encryption_enc_values_supported"])
		if !slices.Equal(algs, []string{"RSA-OAEP-256", "ECDH-ES"}) || !slices.Equal(encs, []string{"A128GCM", "A256GCM", "A128CBC-HS256"}) {
			t.Errorf("%s: %q, %q", what, algs, encs)
		}
	}
}
