package demo

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// This file plays the programs that are APIs, and a client that one of them tells how
// it is called.

func playAPIClient(ctx context.Context, s *Stage) error {
	s.register(oauthtest.Client{RequireDPoP: true})
	s.settings["OAUTH_API"] = s.Server.URL() + "/resource"
	return s.runToEnd(ctx)
}

// startAPI starts the API behind a proxy that ends TLS and serves what is below /v1
// from the root of the API.
func (s *Stage) startAPI(ctx context.Context) (stop func(), err error) {
	origin, err := s.listen()
	if err != nil {
		return nil, err
	}
	api, err := url.Parse(origin)
	if err != nil {
		return nil, err
	}
	proxy := httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Path, r.Out.URL.RawPath = strings.TrimPrefix(r.In.URL.Path, "/v1"), ""
		r.SetURL(api)
		r.Out.Header.Del("Client-Cert")
		if certs := r.In.TLS.PeerCertificates; len(certs) > 0 {
			r.Out.Header.Set("Client-Cert", ":"+base64.StdEncoding.EncodeToString(certs[0].Raw)+":")
		}
	}})
	proxy.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	proxy.StartTLS()
	s.settings["OAUTH_RESOURCE"], s.settings["OAUTH_PROXY"] = proxy.URL+"/v1/orders", "127.0.0.1"
	if err := s.trust(proxy.Certificate().Raw); err != nil {
		proxy.Close()
		return nil, err
	}
	p, err := s.start(ctx)
	if err != nil {
		proxy.Close()
		return nil, err
	}
	return func() { p.stop(); proxy.Close() }, nil
}

// playAPI shows a call that goes well, and one that needs a user.
func playAPI(ctx context.Context, s *Stage) error {
	stop, err := s.startAPI(ctx)
	if err != nil {
		return err
	}
	defer stop()
	resource := s.settings["OAUTH_RESOURCE"]
	s.Step("proxy: serves the API at %s", resource)
	c, err := s.newCaller(ctx, "shop", true)
	if err != nil {
		return err
	}
	token, err := c.ClientCredentials(ctx, &oauth.GrantOptions{Scope: []string{"orders:read", "orders:write"}, Resource: []string{resource}})
	if err != nil {
		return err
	}
	s.Step("client: has a token of its own")
	if _, err := s.call(ctx, c, token, http.MethodGet, http.StatusOK); err != nil {
		return err
	}
	if _, err := s.call(ctx, c, token, http.MethodPost, http.StatusUnauthorized); err != nil {
		return err
	}
	if token, err = s.grant(ctx, c, "openid", "orders:write"); err != nil {
		return err
	}
	return s.callAndShow(ctx, c, token, http.MethodPost)
}

// callerRedirectURI is where a caller gets its answers: nobody listens there.
const callerRedirectURI = "https://caller.example.com/callback"

// newCaller makes a client of the server that calls the program.
func (s *Stage) newCaller(ctx context.Context, id string, bound bool) (*oauth.Client, error) {
	secret := rand.Text()
	s.Server.AddClient(oauthtest.Client{ID: id, Secret: secret, RedirectURIs: []string{callerRedirectURI}, RequireDPoP: bound})
	httpClient, err := trusting(s.settings["OAUTH_CA"])
	if err != nil {
		return nil, err
	}
	server, err := oauth.Discover(ctx, s.Server.Issuer(), &oauth.DiscoverOptions{HTTPClient: httpClient})
	if err != nil {
		return nil, err
	}
	cfg := oauth.Config{
		Server:     server,
		Metadata:   oauth.ClientMetadata{ClientID: id},
		Auth:       oauth.ClientSecretBasic(secret),
		HTTPClient: httpClient,
	}
	if bound {
		key, err := oauth.GenerateSigningKey(oauth.ES256)
		if err != nil {
			return nil, err
		}
		if cfg.DPoP, err = oauth.NewDPoP(key, oauth.Clock{}); err != nil {
			return nil, err
		}
	}
	return oauth.NewClient(cfg)
}

// grant logs the user in, who grants the scope at the API.
func (s *Stage) grant(ctx context.Context, c *oauth.Client, scope ...string) (*oauth.Token, error) {
	fresh := int64(60)
	auth, err := c.StartAuthorization(ctx, &oauth.AuthorizationRequest{
		RedirectURI: callerRedirectURI,
		Scope:       scope,
		Resource:    []string{s.settings["OAUTH_RESOURCE"]},
		MaxAge:      &fresh,
	})
	if err != nil {
		return nil, err
	}
	callback, err := s.Browser.Authorize(ctx, auth.URL())
	if err != nil {
		return nil, err
	}
	token, err := c.FinishAuthorization(callback, auth, nil)
	if err != nil {
		return nil, err
	}
	s.Step("client: %s has logged in and granted %s", token.Subject(), scope)
	return token, nil
}

// call calls the API, which answers with that status.
func (s *Stage) call(ctx context.Context, c *oauth.Client, token *oauth.Token, method string, want int) (body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, s.settings["OAUTH_RESOURCE"], nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.Do(req, token)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	s.Step("client: %s is answered with %d %s", method, resp.StatusCode, resp.Header.Get("WWW-Authenticate"))
	if resp.StatusCode != want {
		return nil, errors.New("that is not the answer it should be")
	}
	var raw json.RawMessage
	err = json.NewDecoder(resp.Body).Decode(&raw)
	return raw, err
}

// callAndShow prints who calls, as the API says it.
func (s *Stage) callAndShow(ctx context.Context, c *oauth.Client, token *oauth.Token, method string) error {
	body, err := s.call(ctx, c, token, method, http.StatusOK)
	if err != nil {
		return err
	}
	var said struct{ Sub string }
	err = json.Unmarshal(body, &said)
	s.Step("client: the API says %s\nsub: %q", body, said.Sub)
	return err
}

// playExchange shows a call that goes well, one for which the user has not granted
// what it needs, and one with a token that is revoked.
func playExchange(ctx context.Context, s *Stage) error {
	s.register(oauthtest.Client{GrantTypes: []string{"urn:ietf:params:oauth:grant-type:token-exchange"}})
	s.settings["OAUTH_API"], s.settings["OAUTH_SCOPE"] = s.Server.URL()+"/resource", "stock"
	stop, err := s.startAPI(ctx)
	if err != nil {
		return err
	}
	defer stop()
	c, err := s.newCaller(ctx, "front", false)
	if err != nil {
		return err
	}
	less, err := s.grant(ctx, c, "openid")
	if err != nil {
		return err
	}
	if _, err := s.call(ctx, c, less, http.MethodGet, http.StatusForbidden); err != nil {
		return err
	}
	token, err := s.grant(ctx, c, "openid", "stock")
	if err != nil {
		return err
	}
	if err := s.callAndShow(ctx, c, token, http.MethodGet); err != nil {
		return err
	}
	if err := c.Revoke(ctx, token.AccessToken.Reveal(), nil); err != nil {
		return err
	}
	s.Step("client: has revoked the token")
	_, err = s.call(ctx, c, token, http.MethodGet, http.StatusUnauthorized)
	return err
}
