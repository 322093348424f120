package demo

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"regexp"
	"strings"

	"example.com/oauth"
	"example.com/oauth/examples/internal/env"
	"example.com/oauth/oauthtest"
)

// This file plays the user, and the client that calls an API.

// newVisitor returns the user's browser, for the pages of an application. It follows
// no redirect by itself.
func newVisitor() *http.Client {
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{Jar: must(cookiejar.New(nil)), CheckRedirect: stay}
}

// fetch returns the response to a request, and its body.
func fetch(c *http.Client, req *http.Request) (*http.Response, string) {
	resp := must(c.Do(req))
	defer resp.Body.Close()
	return resp, string(must(io.ReadAll(resp.Body)))
}

// visit opens a page of the application.
func (s *Stage) visit(c *http.Client, method, path string) (*http.Response, string) {
	req := must(http.NewRequestWithContext(s.ctx, method, s.origin+path, nil))
	req.Header.Set("Accept", "text/html")
	return fetch(c, req)
}

// begin goes up to the callback, which it does not send.
func (s *Stage) begin(visitor *http.Client) *http.Request {
	resp, _ := s.visit(visitor, http.MethodGet, "/auth/login")
	return must(s.Browser.Authorize(s.ctx, must(resp.Location()).String()))
}

// logIn logs the user in, and shows what the application shows then.
func (s *Stage) logIn(visitor *http.Client) {
	s.Step("browser: opens %s/auth/login", s.origin)
	callback := s.begin(visitor)
	s.Step("browser: the user logs in at the server, which sends the browser back to http://%s%s", callback.URL.Host, callback.URL.Path)
	resp, body := fetch(visitor, callback)
	if resp.StatusCode == http.StatusSeeOther {
		resp, body = s.visit(visitor, http.MethodGet, "/")
	}
	s.Step("browser: shows (%s)\n%s", resp.Status, body)
	if resp.StatusCode != http.StatusOK {
		check(fmt.Errorf("the application answered %s", resp.Status))
	}
}

func playLogin(s *Stage, _ *process) {
	visitor := newVisitor()
	s.logIn(visitor)
	_, body := s.visit(visitor, http.MethodGet, "/token")
	s.Step("browser: shows %q", strings.TrimSpace(body))
	s.Step("browser: the user logs out")
	resp, _ := s.visit(visitor, http.MethodPost, "/auth/logout")
	back := must(s.Browser.Logout(s.ctx, must(resp.Location()).String()))
	for _, l := range s.Server.BackchannelLogouts() {
		s.Step("server: sent a logout token to %s, which answered with status %d", l.URI, l.Status)
	}
	_, body = fetch(visitor, back)
	s.Step("browser: is back, and shows\n%s", body)
}

// playCLI shows two runs: the second has the token of the first.
func playCLI(s *Stage, p *process) {
	s.open(p)
	check(p.wait())
	s.Step("---- the next time")
	check(s.start().wait())
}

// open opens the URL that the program prints, and logs in.
func (s *Stage) open(p *process) {
	line := p.await(`To log in, open (\S+)`)
	callback := must(s.Browser.Authorize(s.ctx, line[1]))
	s.Step("browser: the user logs in at the server, which sends the browser back to http://%s%s", callback.URL.Host, callback.URL.Path)
	_, body := fetch(http.DefaultClient, callback)
	s.Step("browser: shows %q", strings.TrimSpace(body))
}

func playDevice(s *Stage, p *process) {
	line := p.await(`To log in, open (\S+) on any device and enter (\S+)`)
	s.Step("phone: opens %s; the user enters %s and logs in", line[1], line[2])
	check(s.Browser.EnterUserCode(s.ctx, line[1], line[2]))
}

func playCIBA(s *Stage, p *process) {
	line := p.await(`The phone is asked. Read out (\S+)`)
	s.Step("phone: shows %s; the customer hears %s", s.sent("binding_message"), line[1])
	p.until(func() bool { return s.sent("auth_req_id") != "" }) // the program asks the server
	_, err := s.Server.ApproveBackchannel(s.sent("auth_req_id"), "")
	s.Step("phone: the customer approves")
	check(cmp.Or(p.wait(), err))
}

// sent returns what the server was sent last in a parameter.
func (s *Stage) sent(name string) (value string) {
	for _, r := range s.Server.Requests() {
		value = cmp.Or(r.Params.Get(name), r.Form.Get(name), value)
	}
	return value
}

// playAPI shows a call that goes well, and one that needs a user.
func playAPI(s *Stage, _ *process) {
	c := s.newCaller(true)
	c.take("orders:read", "orders:write")
	c.call(http.MethodGet, http.StatusOK)
	c.call(http.MethodPost, http.StatusUnauthorized)
	c.grant("openid", "orders:write")
	c.call(http.MethodPost, http.StatusOK)
}

// playMCP shows the client, which has no setting but the URL and whom to trust. It logs
// its user in before the first message, and again for a tool that needs more.
func playMCP(s *Stage, _ *process) {
	s.settings = map[string]string{"OAUTH_API": s.settings["OAUTH_RESOURCE"], "OAUTH_CA": s.settings["OAUTH_CA"]}
	client := s.start()
	s.open(client)
	s.Step("---- a tool that needs more")
	s.open(client)
	check(client.wait())
}

// playExchange shows a call for which the user has not granted what it needs, one that
// goes well, and one with a token that is revoked.
func playExchange(s *Stage, _ *process) {
	c := s.newCaller(false)
	c.grant("openid")
	c.call(http.MethodGet, http.StatusForbidden)
	c.grant("openid", "orders")
	c.call(http.MethodGet, http.StatusOK)
	check(c.Revoke(s.ctx, c.token.AccessToken.Reveal(), nil))
	s.Step("client: has revoked the token")
	c.call(http.MethodGet, http.StatusUnauthorized)
}

// A caller is a client of the server that calls the program.
type caller struct {
	*oauth.Client
	stage *Stage
	token *oauth.Token
}

// callerRedirectURI is where a caller gets its answers: nobody listens there.
const callerRedirectURI = "https://caller.example.com/callback"

// newCaller returns a caller whose tokens may be bound to a key.
func (s *Stage) newCaller(bound bool) *caller {
	secret, httpClient := rand.Text(), must(env.Trusting(s.settings["OAUTH_CA"]))
	s.Server.AddClient(oauthtest.Client{ID: "shop", Secret: secret, RedirectURIs: []string{callerRedirectURI}, RequireDPoP: bound})
	cfg := oauth.Config{
		Server:     must(oauth.Discover(s.ctx, s.Server.Issuer(), &oauth.DiscoverOptions{HTTPClient: httpClient})),
		Metadata:   oauth.ClientMetadata{ClientID: "shop"},
		Auth:       oauth.ClientSecretBasic(secret),
		HTTPClient: httpClient,
	}
	if bound {
		cfg.DPoP = must(oauth.NewDPoP(must(oauth.GenerateSigningKey(oauth.ES256)), oauth.Clock{}))
	}
	return &caller{Client: must(oauth.NewClient(cfg)), stage: s}
}

// take gets a token of its own.
func (c *caller) take(scope ...string) {
	resource := []string{c.stage.settings["OAUTH_RESOURCE"]}
	c.token = must(c.ClientCredentials(c.stage.ctx, &oauth.GrantOptions{Scope: scope, Resource: resource}))
	c.stage.Step("client: has a token of its own")
}

// grant logs the user in, who grants the scope at the API.
func (c *caller) grant(scope ...string) {
	s, fresh := c.stage, int64(60)
	auth := must(c.StartAuthorization(s.ctx, &oauth.AuthorizationRequest{
		RedirectURI: callerRedirectURI,
		Scope:       scope,
		Resource:    []string{s.settings["OAUTH_RESOURCE"]},
		MaxAge:      &fresh,
	}))
	c.token = must(c.FinishAuthorization(must(s.Browser.Authorize(s.ctx, auth.URL())), auth, nil))
	s.Step("client: %s has logged in and granted %s", c.token.Subject(), scope)
}

// call calls the API, which must answer with that status, and shows what it says.
func (c *caller) call(method string, want int) {
	req := must(http.NewRequestWithContext(c.stage.ctx, method, c.stage.settings["OAUTH_RESOURCE"], nil))
	resp := must(c.Do(req, c.token))
	defer resp.Body.Close()
	body := must(io.ReadAll(resp.Body))
	c.stage.Step("client: %s is answered with %d %s", method, resp.StatusCode, resp.Header.Get("WWW-Authenticate"))
	if resp.StatusCode != want {
		check(fmt.Errorf("%d was to be expected", want))
	}
	if sub := regexp.MustCompile(`"sub":("\w+")`).FindSubmatch(body); sub != nil {
		c.stage.Step("client: the API says %s\nsub: %s", body, sub[1])
	}
}
