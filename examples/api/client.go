package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"example.com/oauth"
)

// A caller calls the API as itself: there is no user.
type caller struct {
	api       string // its URL
	resource  string // its identifier at the server, which the metadata say
	client    *oauth.Client
	transport *oauth.Transport // with the scope that the API named
	step      stepFunc
}

// newCaller finds out how the API is called.
func newCaller(ctx context.Context, s settings, step stepFunc) (*caller, error) {
	wanted, err := knock(ctx, s, step)
	if err != nil {
		return nil, err
	}
	o := &oauth.DiscoverOptions{
		HTTPClient:        s.httpClient,
		URL:               wanted.Params["resource_metadata"],
		InsecureAllowHTTP: s.allowHTTP,
	}
	resource, err := oauth.DiscoverResource(ctx, s.call, o)
	if err != nil {
		return nil, err
	}
	// The API may name whom it likes. The credentials of the client are for the
	// server that they are from, and for it only if the API takes its tokens.
	server, err := resource.Discover(ctx, s.issuer, o)
	if err != nil {
		return nil, err
	}
	step("client: the API takes tokens of %s for %s", server.Issuer, resource.Resource)
	c := &caller{api: s.call, resource: resource.Resource, step: step}
	if c.client, err = newClient(s, server, step); err != nil {
		return nil, err
	}
	c.transport, err = c.withScope(wanted.Params["scope"])
	return c, err
}

// knock calls the API without a token, to hear what it wants.
func knock(ctx context.Context, s settings, step stepFunc) (wanted oauth.Challenge, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.call, nil)
	if err != nil {
		return wanted, err
	}
	own := s.httpClient
	if own == nil {
		own = &http.Client{Timeout: 30 * time.Second}
	}
	resp, err := own.Do(req)
	if err != nil {
		return wanted, err
	}
	resp.Body.Close()
	step("client: GET %s: status %d", s.call, resp.StatusCode)
	return challenge(resp, step)
}

// challenge is the one of DPoP in an answer: RFC 9449, Section 7.1.
func challenge(resp *http.Response, step stepFunc) (oauth.Challenge, error) {
	for _, c := range oauth.ParseChallenges(resp.Header) {
		if !c.HasScheme("DPoP") {
			continue
		}
		for _, name := range []string{"error", "scope", "max_age", "resource_metadata"} {
			if value, ok := c.Params[name]; ok {
				step("client: the API says %s: %s", name, printable(value))
			}
		}
		return c, nil
	}
	return oauth.Challenge{}, fmt.Errorf("the API answered %s, and does not ask for DPoP", resp.Status)
}

// newClient makes a client of the server that the API named.
func newClient(s settings, server *oauth.AuthorizationServer, step stepFunc) (*oauth.Client, error) {
	// Tokens are bound to it, and it is no other's: not the key that the client
	// authenticates with. One that lives as long as the program is enough.
	key, err := oauth.GenerateSigningKey(oauth.ES256)
	if err != nil {
		return nil, err
	}
	cfg := oauth.Config{
		Server:     server,
		Metadata:   oauth.ClientMetadata{ClientID: s.clientID},
		HTTPClient: s.httpClient,
		Trace: &oauth.Trace{RequestDone: func(_ context.Context, r oauth.RequestInfo) {
			// No parameter and no token is in it. Without an answer the status is 0.
			step("client: %s %s: status %d", r.Method, r.URL, r.Status)
		}},
		InsecureAllowHTTP: s.allowHTTP,
	}
	if cfg.DPoP, err = oauth.NewDPoP(key, oauth.Clock{}); err != nil {
		return nil, err
	}
	if s.key != nil {
		cfg.Auth = oauth.PrivateKeyJWT(s.key, nil)
	} else {
		cfg.Auth = oauth.ClientSecretBasic(s.secret)
	}
	return oauth.NewClient(cfg)
}

// withScope makes a Transport that gets itself tokens with the scope.
func (c *caller) withScope(scope string) (*oauth.Transport, error) {
	grant := &oauth.GrantOptions{Scope: strings.Fields(scope), Resource: []string{c.resource}}
	origins, err := c.origins()
	if err != nil {
		return nil, err
	}
	return c.client.NewTransport(nil, oauth.TransportOptions{
		Origins: origins,
		Renew: func(ctx context.Context, _ *oauth.Token) (*oauth.Token, error) {
			token, err := c.client.ClientCredentials(ctx, grant)
			if err != nil {
				return nil, err
			}
			c.step("client: has a token of type %s with the scope %s", printable(token.TokenType), printable(strings.Join(token.Scope, " ")))
			return token, nil
		},
	})
}

// origins are where tokens may go.
func (c *caller) origins() ([]string, error) {
	u, err := url.Parse(c.api)
	if err != nil {
		return nil, err
	}
	return []string{u.Scheme + "://" + u.Host}, nil
}

// A refusal is an answer of the API that says what is missing.
type refusal struct {
	status    int
	challenge oauth.Challenge
}

func (r *refusal) Error() string {
	return fmt.Sprintf("the API answered with status %d: %s", r.status, printable(r.challenge.Params["error"]))
}

// orders asks the API for its orders, or with POST for one more. The Transport has a
// proof in each request. A nonce that the API wants in it, it learns from the answer,
// and asks once more.
func (c *caller) orders(ctx context.Context, transport *oauth.Transport, method string) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.api, nil)
	if err != nil {
		return nil, err
	}
	// A redirect to another origin than the API's fails: the token is not for it.
	resp, err := (&http.Client{Transport: transport, Timeout: 30 * time.Second}).Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK, http.StatusCreated:
	case http.StatusUnauthorized, http.StatusForbidden:
		wanted, err := challenge(resp, c.step)
		return nil, errors.Join(err, &refusal{resp.StatusCode, wanted})
	default:
		return nil, fmt.Errorf("the API answered %s", resp.Status)
	}
	said := new(answer)
	err = json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(said)
	return said, err
}

// print ends the output of the program.
func (a *answer) print(out io.Writer) {
	fmt.Fprintf(out, "\nsub: %s\nclient_id: %s\nscope: %s\norders: %d\n",
		printable(a.Sub), printable(a.ClientID), printable(a.Scope), a.Orders)
}
