package oauth

// The fixtures of providers as they look to a program that is configured as docs/providers
// says. Its tests are in package oauth_test, because package weblogin imports this one:
// provider_pages_login_test.go and provider_pages_api_test.go.

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A ProviderWeb has the documents of a provider under their URLs, and signs its tokens.
// There is nothing else on it.
type ProviderWeb struct {
	signer *unitServer

	mu     sync.Mutex
	bodies map[string]string
	log    []ProviderCall
}

// A ProviderCall is a request that came.
type ProviderCall struct {
	URL           string
	Form          url.Values
	Authorization string
}

// NewProviderWeb returns one whose tokens are signed with RS256. Its keys are under the
// URLs; those of Entra ID say whose they are.
func NewProviderWeb(keyIssuer string, jwksURIs ...string) *ProviderWeb {
	key := must(NewSigningKey(jwsSigners.rsa(), RS256, "k"))
	w := &ProviderWeb{signer: &unitServer{key: key}, bodies: map[string]string{}}
	jwk := string(key.PublicJWK())
	if keyIssuer != "" {
		jwk = `{"issuer":"` + keyIssuer + `",` + jwk[1:]
	}
	for _, u := range jwksURIs {
		w.bodies[u] = `{"keys":[` + jwk + `]}`
	}
	return w
}

// Set has the URL answered with JSON.
func (w *ProviderWeb) Set(url, body string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bodies[url] = body
}

// Calls are the requests that came to the URL.
func (w *ProviderWeb) Calls(url string) (list []ProviderCall) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.log {
		if c.URL == url {
			list = append(list, c)
		}
	}
	return list
}

func (w *ProviderWeb) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	call := ProviderCall{URL: r.URL.String(), Authorization: r.Header.Get("Authorization")}
	if r.Body != nil {
		body, _ := io.ReadAll(r.Body)
		call.Form, _ = url.ParseQuery(string(body))
	}
	w.log = append(w.log, call)
	status := http.StatusOK
	body, ok := w.bodies[call.URL]
	if !ok {
		status = http.StatusNotFound
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {mediaJSON}}, Request: r, ContentLength: -1,
		Body: io.NopCloser(strings.NewReader(body)),
	}, nil
}

func (w *ProviderWeb) HTTPClient() *http.Client { return &http.Client{Transport: w} }

// Clock is that of all fixtures.
func (w *ProviderWeb) Clock() Clock { return Clock{Now: unitNow} }

// Options are those of Discover that a page leaves out.
func (w *ProviderWeb) Options() *DiscoverOptions { return &DiscoverOptions{HTTPClient: w.HTTPClient()} }

// Sign signs a token; typ "-" is none.
func (w *ProviderWeb) Sign(t testing.TB, typ string, claims map[string]any) string {
	return w.signer.signTyped(t, typ, claims)
}

// HalfHash is at_hash and c_hash where a token is signed with RS256.
func HalfHash(value string) string { return halfHash(value) }

// A ProviderTwin is what becomes of a token of which claims are others; a claim that is
// Removed is not there.
type ProviderTwin struct {
	What   string
	Change map[string]any
	Kind   error
}

// Removed is the value of a claim that is not there.
var Removed any = unitRemoved

// ProviderIDToken is a row of providerIDTokens that is accepted, and its twins.
func ProviderIDToken(t *testing.T, provider, what string) (claims map[string]any, typ string, twins []ProviderTwin) {
	t.Helper()
	i := slices.IndexFunc(providerIDTokens, func(p providerIDToken) bool { return p.provider == provider && p.what == what })
	if i < 0 || providerIDTokens[i].kind != nil {
		t.Fatalf("no ID token of %s is %q, or it is refused", provider, what)
	}
	p := providerIDTokens[i]
	if typ = p.typ; typ == "" {
		typ = "JWT"
	}
	for _, b := range p.bad {
		twins = append(twins, ProviderTwin{b.what, b.change, b.kind})
	}
	return maps.Clone(p.claims), typ, twins
}

// ProviderAnswer is a row of providerAnswers that is accepted.
func ProviderAnswer(t *testing.T, provider, what string) string {
	t.Helper()
	i := slices.IndexFunc(providerAnswers, func(a providerAnswer) bool { return a.provider == provider && a.what == what })
	if i < 0 || providerAnswers[i].kind != nil {
		t.Fatalf("no answer of %s is %q, or it is refused", provider, what)
	}
	return providerAnswers[i].body
}

// pageForger signs under the kid of a ProviderWeb, whose key it does not have.
var pageForger = sync.OnceValue(func() *unitServer {
	key := must(GenerateSigningKey(RS256))
	key.kid = "k"
	return &unitServer{key: key}
})

// PresentProviderTokens presents the access tokens of a provider and their twins to an API
// that is configured as its page says, but for the rows of except.
func PresentProviderTokens(t *testing.T, w *ProviderWeb, provider string, except []string, rs *ResourceServer) {
	t.Helper()
	presented := 0
	for _, p := range slices.Concat(providerAccessTokens, providerRecipes) {
		if p.provider == provider && !slices.Contains(except, p.what) {
			presented++
			p.present(t, w.signer, pageForger(), rs)
		}
	}
	if presented == 0 {
		t.Errorf("there is no token of %s", provider)
	}
}

// ProviderTokens are the access token of a provider's first recipe, and another token.
func ProviderTokens(t *testing.T, w *ProviderWeb, provider string) (token, other string) {
	t.Helper()
	p := recipeOf(t, provider)
	return w.Sign(t, p.typ, p.claims), w.Sign(t, p.typ, p.idToken)
}

// ProviderTokenWithAnother is the access token of another, by a claim that the API has to
// look at; "": it is not another.
func ProviderTokenWithAnother(t *testing.T, w *ProviderWeb, provider, claim string) string {
	t.Helper()
	p := recipeOf(t, provider)
	claims := maps.Clone(p.claims)
	if claim != "" {
		claims[claim] = p.unchecked[claim]
	}
	return w.Sign(t, p.typ, claims)
}

func recipeOf(t *testing.T, provider string) *providerAccessToken {
	t.Helper()
	i := slices.IndexFunc(providerRecipes, func(p providerAccessToken) bool { return p.provider == provider })
	if i < 0 {
		t.Fatalf("there is no recipe for %s", provider)
	}
	return &providerRecipes[i]
}

// ProviderJSON is a value as JSON.
func ProviderJSON(v any) string { return string(must(json.Marshal(v))) }

// DecodeSegment decodes a part of a JWT.
func DecodeSegment(s string) ([]byte, error) { return decodeBase64URL(nil, s) }
