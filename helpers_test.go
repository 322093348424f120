package oauth

// Helpers for the unit tests of the rooms: a server in memory that answers
// what a test wants, and a client of it whose time stands still.

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	unitIssuer = "https://op.example"
	unitClient = "client-1"
	unitTime   = 1_700_000_000
)

func unitNow() time.Time { return time.Unix(unitTime, 0) }

// unitServer answers requests in memory. Paths without an answer get 404.
type unitServer struct {
	key *SigningKey

	mu      sync.Mutex
	answers map[string]unitAnswer
	log     []unitRequest
}

type unitAnswer struct {
	status    int // 0: 200
	mediaType string
	header    http.Header
	body      string
}

type unitRequest struct {
	method string
	path   string
	header http.Header
	form   url.Values
	body   string
}

// unitKey is one key for all tests: making one per test is slow under -race.
var unitKey = sync.OnceValue(func() *SigningKey {
	k, err := GenerateSigningKey(ES256)
	if err != nil {
		panic(err)
	}
	return k
})

func newUnitServer() *unitServer {
	s := &unitServer{key: unitKey(), answers: map[string]unitAnswer{}}
	s.answer("/jwks", `{"keys":[`+string(s.key.PublicJWK())+`]}`)
	return s
}

func (s *unitServer) answer(path, body string) {
	s.set(path, unitAnswer{mediaType: mediaJSON, body: body})
}

func (s *unitServer) set(path string, a unitAnswer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[path] = a
}

// requests are those made to the path; "" for all but the key set's.
func (s *unitServer) requests(path string) []unitRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []unitRequest
	for _, r := range s.log {
		if r.path == path || path == "" && r.path != "/jwks" {
			list = append(list, r)
		}
	}
	return list
}

func (s *unitServer) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	entry := unitRequest{method: r.Method, path: r.URL.Path, header: r.Header.Clone()}
	if r.Body != nil {
		body, _ := io.ReadAll(r.Body)
		entry.form, _ = url.ParseQuery(string(body))
		entry.body = string(body)
	}
	s.log = append(s.log, entry)
	a, ok := s.answers[r.URL.Path]
	if !ok {
		a.status = http.StatusNotFound
	}
	if a.status == 0 {
		a.status = http.StatusOK
	}
	h := a.header.Clone()
	if h == nil {
		h = http.Header{}
	}
	if a.mediaType != "" {
		h.Set("Content-Type", a.mediaType)
	}
	return &http.Response{
		StatusCode: a.status, Header: h, Request: r, ContentLength: -1,
		Body: io.NopCloser(strings.NewReader(a.body)),
	}, nil
}

// config is a working configuration for the server; a test changes it.
func (s *unitServer) config() Config {
	return Config{
		Server: &AuthorizationServer{
			Issuer:                             unitIssuer,
			AuthorizationEndpoint:              unitIssuer + "/authorize",
			TokenEndpoint:                      unitIssuer + "/token",
			UserinfoEndpoint:                   unitIssuer + "/userinfo",
			PushedAuthorizationRequestEndpoint: unitIssuer + "/par",
			JWKSURI:                            unitIssuer + "/jwks",
			IDTokenSigningAlgValuesSupported:   []Algorithm{ES256},
		},
		Metadata:   ClientMetadata{ClientID: unitClient},
		Auth:       ClientSecretPost("the-client-secret"),
		Clock:      Clock{Now: unitNow},
		HTTPClient: &http.Client{Transport: s},
	}
}

func (s *unitServer) client(t testing.TB, change func(*Config)) *Client {
	t.Helper()
	cfg := s.config()
	if change != nil {
		change(&cfg)
	}
	c, err := NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// unitClaims are the claims of a good ID token; change replaces some, and a
// value of unitRemoved takes one out.
func unitClaims(change map[string]any) map[string]any {
	claims := map[string]any{
		"iss": unitIssuer, "sub": "alice", "aud": unitClient,
		"exp": unitTime + 300, "iat": unitTime,
	}
	maps.Copy(claims, change)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == unitRemoved })
	return claims
}

var unitRemoved = struct{ removed bool }{true}

func (s *unitServer) sign(t testing.TB, typ string, claims any) string {
	t.Helper()
	token, err := s.key.SignJWT(typ, claims)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// wantError wants an error of a kind and, if param is not empty, one that names it; with
// a nil kind, none.
func wantError(t testing.TB, err, kind error, param string) {
	t.Helper()
	if kind == nil {
		if err != nil {
			t.Errorf("error %v", err)
		}
		return
	}
	if !errors.Is(err, kind) {
		t.Fatalf("error %v, want the kind %v", err, kind)
	}
	var e *Error
	if param != "" && (!errors.As(err, &e) || e.Param != param) {
		t.Fatalf("error %v names %q, want %q", err, e.Param, param)
	}
}

// WantError is for the tests of flows, which are in another package.
var WantError = wantError

func unitJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// start begins an authorization.
func (s *unitServer) start(t testing.TB, c *Client, r *AuthorizationRequest) *PendingAuthorization {
	t.Helper()
	if r == nil {
		r = &AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid"}}
	}
	a, err := c.StartAuthorization(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func int64p(n int64) *int64 { return &n }

// signatureHolds is verifySignature with a scratch of its own.
func signatureHolds(a *algorithm, key crypto.PublicKey, input, sig []byte) bool {
	return verifySignature(a, key, input, sig, new(jwsScratch))
}
