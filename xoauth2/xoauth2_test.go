package xoauth2

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

const secret = "a secret that only the two know"

// A fixture is a server with a resource, and a client of it.
type fixture struct {
	*oauthtest.Server
	client *oauth.Client
}

func newFixture(t *testing.T, change func(*oauth.Config)) *fixture {
	t.Helper()
	f := &fixture{Server: oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}, AccessTokenLifetime: 2 * time.Second})}
	t.Cleanup(f.Close)
	f.AddClient(oauthtest.Client{ID: "web", Secret: secret, RedirectURIs: []string{"https://app.example.com/cb"}})
	as, err := oauth.Discover(t.Context(), f.Issuer(), &oauth.DiscoverOptions{HTTPClient: f.Server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	cfg := oauth.Config{
		Server: as, Metadata: oauth.ClientMetadata{ClientID: "web"},
		Auth: oauth.ClientSecretBasic(secret), HTTPClient: f.Server.Client(),
	}
	if change != nil {
		change(&cfg)
	}
	if f.client, err = oauth.NewClient(cfg); err != nil {
		t.Fatal(err)
	}
	return f
}

// login is the token of a user, with a refresh token.
func (f *fixture) login(t *testing.T) *oauth.Token {
	t.Helper()
	pending, err := f.client.StartAuthorization(t.Context(), &oauth.AuthorizationRequest{RedirectURI: "https://app.example.com/cb", Scope: []string{"openid", "offline_access"}})
	if err != nil {
		t.Fatal(err)
	}
	callback, err := f.Authorize(t.Context(), pending.URL())
	if err != nil {
		t.Fatal(err)
	}
	token, err := f.client.FinishAuthorization(callback, pending, nil)
	if err != nil || token.RefreshToken.IsZero() {
		t.Fatal(token, err)
	}
	return token
}

func (f *fixture) transport(t *testing.T, token *oauth.Token, opts oauth.TransportOptions) *oauth.Transport {
	t.Helper()
	opts.Origins = []string{f.URL()}
	tr, err := f.client.NewTransport(token, opts)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// get asks for the resource, and returns the status.
func get(t *testing.T, client *http.Client, url string) int {
	t.Helper()
	res, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode
}

// TestTokenSource: an HTTP client of x/oauth2 goes on after the token has expired, with
// the refresh token that rotates in the Transport.
func TestTokenSource(t *testing.T) {
	f := newFixture(t, nil)
	tr := f.transport(t, f.login(t), oauth.TransportOptions{})
	source, err := TokenSource(t.Context(), tr)
	if err != nil {
		t.Fatal(err)
	}
	client := oauth2.NewClient(context.WithValue(t.Context(), oauth2.HTTPClient, f.Server.Client()), source)
	first, err := source.Token()
	if err != nil || !first.Valid() && first.Expiry.Before(time.Now()) || first.RefreshToken != "" || first.Type() != "Bearer" {
		t.Fatal(first.Type(), err)
	}
	for range 3 {
		if status := get(t, client, f.URL()+"/resource"); status != http.StatusOK {
			t.Errorf("status %d", status)
		}
		time.Sleep(1500 * time.Millisecond)
	}
	if last, err := source.Token(); err != nil || last.AccessToken == first.AccessToken {
		t.Error("the token is the same:", err)
	}
	if err := f.client.Revoke(t.Context(), tr.Token().RefreshToken.Reveal(), nil); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second)
	var refused *oauth.ResponseError
	if last, err := source.Token(); last != nil || !errors.As(err, &refused) || refused.Code != "invalid_grant" {
		t.Error(last, err)
	}
}

// TestTokenSourceBound: a token that needs a proof is not handed to what makes none.
func TestTokenSourceBound(t *testing.T) {
	key, err := oauth.GenerateSigningKey(oauth.ES256)
	if err != nil {
		t.Fatal(err)
	}
	dpop, err := oauth.NewDPoP(key, oauth.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, func(c *oauth.Config) { c.DPoP = dpop })
	bound := f.login(t)
	certificate := newFixture(t, func(c *oauth.Config) {
		c.Metadata.TLSClientCertificateBoundAccessTokens, c.MTLS = true, f.certificate()
	})
	later := f.transport(t, nil, oauth.TransportOptions{Renew: func(context.Context, *oauth.Token) (*oauth.Token, error) { return bound, nil }})
	for name, tr := range map[string]*oauth.Transport{
		"nil": nil, "DPoP": f.transport(t, bound, oauth.TransportOptions{}), "DPoP, no token yet": later,
		"certificate": certificate.transport(t, &oauth.Token{AccessToken: oauth.NewSecret("a"), TokenType: "Bearer"}, oauth.TransportOptions{}),
	} {
		source, err := TokenSource(t.Context(), tr)
		if !errors.Is(err, oauth.ErrConfig) || source != nil {
			t.Errorf("%s: %v %v", name, source, err)
		}
	}
	var none context.Context
	plain := f.transport(t, &oauth.Token{AccessToken: oauth.NewSecret("a"), TokenType: "Bearer"}, oauth.TransportOptions{})
	if source, err := TokenSource(none, plain); !errors.Is(err, oauth.ErrConfig) || source != nil {
		t.Error("without a context:", err)
	}
	// Bearer by another name is Bearer to x/oauth2, which would send the name.
	named := newFixture(t, func(c *oauth.Config) { c.AllowTokenTypes = []string{"BearerToken"} })
	bearer, err := TokenSource(t.Context(), named.transport(t, &oauth.Token{AccessToken: oauth.NewSecret("a"), TokenType: "BearerToken"}, oauth.TransportOptions{}))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := bearer.Token(); err != nil || got.TokenType != "Bearer" {
		t.Error(got, err)
	}
	// A first token that is not bound, and then one that is.
	tr := f.transport(t, &oauth.Token{AccessToken: oauth.NewSecret("a"), TokenType: "Bearer", Expiry: time.Now().Add(time.Second)},
		oauth.TransportOptions{Renew: func(context.Context, *oauth.Token) (*oauth.Token, error) { return bound, nil }})
	source, err := TokenSource(t.Context(), tr)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	if got, err := source.Token(); got != nil || !errors.Is(err, oauth.ErrConfig) {
		t.Error("a bound token without a proof:", err)
	}
}

// certificate is one that the server's own authority has signed.
func (f *fixture) certificate() *oauth.MutualTLS {
	return &oauth.MutualTLS{Certificate: f.NewCertificate("web", time.Time{}), RootCAs: f.RootCAs()}
}

// TestRenew: a Transport takes its tokens from x/oauth2.
func TestRenew(t *testing.T) {
	f := newFixture(t, nil)
	f.AddClient(oauthtest.Client{ID: "job", Secret: secret})
	config := clientcredentials.Config{ClientID: "job", ClientSecret: secret, TokenURL: f.URL() + "/token"}
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, f.Server.Client())
	tr := f.transport(t, nil, oauth.TransportOptions{Renew: Renew(config.TokenSource(ctx))})
	client := &http.Client{Transport: tr}
	for range 2 {
		if status := get(t, client, f.URL()+"/resource"); status != http.StatusOK {
			t.Errorf("status %d", status)
		}
		time.Sleep(2 * time.Second)
	}
	if n := f.Count("/token"); n != 2 {
		t.Errorf("%d token requests", n)
	}
	down := errors.New("down")
	for name, row := range map[string]struct {
		source oauth2.TokenSource
		want   error
	}{
		"nil": {nil, oauth.ErrConfig}, "an error": {sourceFunc(func() (*oauth2.Token, error) { return nil, down }), down},
		"neither":      {sourceFunc(func() (*oauth2.Token, error) { return nil, nil }), oauth.ErrConfig},
		"empty":        {oauth2.StaticTokenSource(&oauth2.Token{RefreshToken: "r"}), oauth.ErrConfig},
		"another type": {oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "a", TokenType: "DPoP"}), oauth.ErrConfig},
	} {
		if got, err := Renew(row.source)(t.Context(), nil); got != nil || !errors.Is(err, row.want) {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
	got, err := Renew(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "a", RefreshToken: "r"}))(t.Context(), nil)
	if err != nil || got.AccessToken.Reveal() != "a" || !got.RefreshToken.IsZero() {
		t.Error("the refresh token of the source is not ours:", got, err)
	}
}

type sourceFunc func() (*oauth2.Token, error)

func (f sourceFunc) Token() (*oauth2.Token, error) { return f() }

// TestParseToken: what x/oauth2 has written is read, and refreshed.
func TestParseToken(t *testing.T) {
	f := newFixture(t, nil)
	token := f.login(t)
	text, err := json.Marshal(&oauth2.Token{
		AccessToken: token.AccessToken.Reveal(), TokenType: "bearer", RefreshToken: token.RefreshToken.Reveal(), Expiry: token.Expiry, ExpiresIn: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	stored, err := ParseToken(text)
	if err != nil || !stored.AccessToken.Equal(token.AccessToken) || !stored.RefreshToken.Equal(token.RefreshToken) || !stored.Expiry.Equal(token.Expiry) {
		t.Fatal(stored, err)
	}
	time.Sleep(2 * time.Second)
	if status := get(t, &http.Client{Transport: f.transport(t, stored, oauth.TransportOptions{})}, f.URL()+"/resource"); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	for text, want := range map[string]error{
		``: oauth.ErrParse, `{`: oauth.ErrParse, `[]`: oauth.ErrParse, `{"access_token":1}`: oauth.ErrParse, `{"access_token":"sEcReT","expiry":"sEcReT"}`: oauth.ErrParse,
		`{}`: oauth.ErrConfig, `null`: oauth.ErrConfig, `{"token_type":"Bearer"}`: oauth.ErrConfig, `{"access_token":"sEcReT","token_type":"DPoP"}`: oauth.ErrConfig,
		`{"access_token":"a"}`: nil, `{"refresh_token":"r"}`: nil, `{"access_token":"a","token_type":"BEARER","expires_in":3600}`: nil,
	} {
		got, err := ParseToken([]byte(text))
		if !errors.Is(err, want) || (got == nil) != (err != nil) || err != nil && strings.Contains(err.Error(), "sEcReT") {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	if got, err := FromToken(nil); got != nil || !errors.Is(err, oauth.ErrConfig) {
		t.Error(got, err)
	}
}
