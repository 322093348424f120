package interop

// This file is the package's resource server: an API on loopback that answers as
// /resource of the server does, so that both can be asked the same.

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/oauth"
)

// apiScope is what the resources of the server name in their challenges, and what
// the API needs.
var apiScope = []string{"api:read", "api:write"}

// resourceServer makes one for the tokens of the tls instance, unless cfg says
// otherwise.
func (s *scenario) resourceServer(cfg oauth.ResourceServerConfig) *oauth.ResourceServer {
	if cfg.Servers == nil {
		server, err := s.desc.server("tls")
		s.check(err, "discovery")
		cfg.Servers = []oauth.TrustedServer{{Server: server}}
	}
	cfg.HTTPClient = s.desc.httpClient()
	rs, err := oauth.NewResourceServer(cfg)
	s.check(err, "NewResourceServer")
	return rs
}

// incoming is a request as a resource server gets it.
func (s *scenario) incoming(address, scheme, token string) *http.Request {
	r := httptest.NewRequestWithContext(s.ctx, http.MethodGet, address, nil)
	r.Header.Set("Authorization", scheme+" "+token)
	return r
}

// requireRefusedBy ends the scenario unless the resource server refuses the token,
// presented as Bearer, with an error of that kind.
func (s *scenario) requireRefusedBy(rs *oauth.ResourceServer, token, what string, kind error) {
	t, err := rs.Authenticate(s.incoming("https://rs.example/", "Bearer", token))
	s.require(errors.Is(err, kind), "%s: wanted %v, got: %v", what, kind, err)
	s.require(t == nil, "%s: an AccessToken beside an error", what)
}

// requireSameToken ends the scenario unless the resource server has read in the
// token what its server said when it gave it to the client.
func (f *flow) requireSameToken(s *scenario, t *oauth.AccessToken, audience ...string) {
	equal(s, t.Issuer(), f.server.Issuer, "issuer of the access token")
	equal(s, t.ClientID(), f.reg.ClientID, "client of the access token")
	s.require(slices.Equal(t.Scope(), f.token.Scope), "scope of the access token: got %q, want %q", t.Scope(), f.token.Scope)
	s.require(slices.Equal(t.Audience(), audience), "audience of the access token: got %q, want %q", t.Audience(), audience)
	off := t.Expiry().Sub(f.token.Expiry)
	s.require(off.Abs() < 5*time.Second, "expiry of the access token is %v off", off)
	// The server reads its clock for exp, and again for iat.
	off = t.Expiry().Sub(t.IssuedAt()) - 600*time.Second
	s.require(off.Abs() <= time.Second, "lifetime of the access token is %v off 600 s", off)
	equal(s, t.Raw().Reveal(), f.token.AccessToken.Reveal(), "the access token itself")
	equal(s, t.KeyThumbprint(), f.keyThumbprint(), "jkt of the access token")
	equal(s, t.CertificateThumbprint(), f.boundTo(s), "x5t#S256 of the access token")
	if sub := f.token.Subject(); sub != "" {
		equal(s, t.Subject(), sub, "subject of the access token")
	}
}

// An api is a protected resource of the package.
type api struct {
	*oauth.ResourceServer
	resource, url string

	mu      sync.Mutex
	request *http.Request // the latest, as it came
	token   *oauth.AccessToken
	refused error // why it was, or nil
}

// startAPI starts one. Its Resource is its URL, unless cfg says otherwise. Client
// certificates are asked for, and are not required.
func (s *scenario) startAPI(cfg oauth.ResourceServerConfig) (a *api, stop func()) {
	cert, err := s.desc.certificate("server")
	s.check(err, "certificate of the API")
	a = new(api)
	mux := http.NewServeMux()
	srv := httptest.NewUnstartedServer(a.watching(mux))
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequestClientCert}
	origin := "https://" + srv.Listener.Addr().String()
	a.url = origin + "/resource"
	cfg.BaseURL = origin
	if cfg.Resource == "" {
		cfg.Resource, cfg.BaseURL = a.url, "" // its origin
	}
	cfg.Metadata.ScopesSupported = apiScope
	cfg.Trace = &oauth.Trace{RequestRefused: func(_ context.Context, info oauth.RefusalInfo) {
		err := info.Err
		a.mu.Lock()
		defer a.mu.Unlock()
		a.refused = err
	}}
	a.resource, a.ResourceServer = cfg.Resource, s.resourceServer(cfg)
	mux.Handle("/resource", a.Require(oauth.Requirement{Scope: apiScope}, http.HandlerFunc(a.serve)))
	mux.Handle("/.well-known/oauth-protected-resource/resource", a.MetadataHandler())
	srv.StartTLS()
	return a, srv.Close
}

// watching keeps each request as it came.
func (a *api) watching(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.request, a.token, a.refused = r.Clone(r.Context()), nil, nil
		a.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

// serve answers as /resource of the server does.
func (a *api) serve(w http.ResponseWriter, r *http.Request) {
	t, ok := oauth.AccessTokenFromContext(r.Context())
	body, err := io.ReadAll(r.Body)
	if !ok || err != nil || r.Header.Get("Authorization")+r.Header.Get("DPoP") != "" {
		http.Error(w, "no token, or one that is still in the header", http.StatusInternalServerError)
		return
	}
	a.mu.Lock()
	a.token = t
	a.mu.Unlock()
	answer := resourceAnswer{OK: true, Method: r.Method, Scheme: "Bearer", Body: string(body)}
	answer.Token.ClientID = t.ClientID()
	answer.Token.Cnf.JKT, answer.Token.Cnf.X5T = t.KeyThumbprint(), t.CertificateThumbprint()
	if t.KeyThumbprint() != "" {
		answer.Scheme = "DPoP"
	}
	json.NewEncoder(w).Encode(answer)
}

// requireTaken ends the scenario unless the API takes the token of a flow, and
// reads in it what its server says.
func (a *api) requireTaken(s *scenario, f *flow) {
	f.requireTaken(s, s.request(http.MethodGet, a.url+"?a=b%20c&a", ""), f.do)
	f.requireTaken(s, s.request(http.MethodPost, a.url, "hello"), f.do)
	audience := []string{a.resource}
	if f.opaque() {
		audience = f.introspect(s).Audience()
	}
	t, _ := a.latest()
	f.requireSameToken(s, t, audience...)
}

// opaque reports whether the access token is no JWT.
func (f *flow) opaque() bool { return !strings.Contains(f.token.AccessToken.Reveal(), ".") }

// latest is what became of the latest request: a token, or why there is none.
func (a *api) latest() (*oauth.AccessToken, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.token, a.refused
}

// requireRefused ends the scenario unless the API has refused a request with that
// error, in the challenge of that scheme, for a reason of that kind.
func (a *api) requireRefused(s *scenario, res *http.Response, err error, scheme, code string, kind error) {
	s.requireChallenge(res, err, scheme, code)
	_, why := a.latest()
	s.require(errors.Is(why, kind), "refused by the API: wanted %v, got: %v", kind, why)
}

// requireAgreed sends a request to /resource of the server and to the API, which
// have to refuse it with the same status and error, and challenges of the same
// members. The error is in the challenge of the scheme here; where it is there
// does not matter.
func (a *api) requireAgreed(s *scenario, resource string, send func(address string) (*http.Response, error), scheme string, kind error) {
	theirs, err := send(resource)
	s.check(err, resource)
	theirs.Body.Close()
	want := oauth.ParseChallenges(theirs.Header)
	code := ""
	for _, c := range want {
		code += c.Params["error"]
	}
	res, err := send(a.url)
	a.requireRefused(s, res, err, scheme, code, kind)
	equal(s, res.StatusCode, theirs.StatusCode, "status of the API")
	got := oauth.ParseChallenges(res.Header)
	for _, c := range got {
		equal(s, c.Params["error_description"] != "", c.Params["error"] != "", "error_description in the challenge "+c.Scheme)
	}
	equal(s, len(got), len(want), "number of challenges of the API")
	for _, name := range []string{"Bearer", "DPoP"} {
		have, need := members(challengeOf(s, got, name)), members(challengeOf(s, want, name))
		need["scope"] = true // RFC 9449, Section 7.1 allows it in both; the server has it in one
		s.require(maps.Equal(have, need), "members of the challenge %s of the API: got %v, want %v", name, have, need)
	}
	equal(s, challengeOf(s, got, "Bearer").Params["scope"], challengeOf(s, want, "Bearer").Params["scope"], "scope of the challenge")
}

// members are those of a challenge that do not depend on which scheme was tried.
func members(c oauth.Challenge) map[string]bool {
	m := map[string]bool{}
	for name := range c.Params {
		if name != "error" && name != "error_description" {
			m[name] = true
		}
	}
	return m
}
