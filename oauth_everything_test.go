package oauth_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// TestEverythingAtOnce runs all that one program can have at the same time, over real
// connections: logins, an API, a Transport whose store fails and panics, keys that
// rotate, garbage, logouts, hooks that call back. It is for the race detector, and
// wants every part to get somewhere. OAUTH_STRESS is how long it takes: 15s.
func TestEverythingAtOnce(t *testing.T) {
	length := time.Second
	if s := os.Getenv("OAUTH_STRESS"); s != "" {
		var err error
		if length, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
	}
	e := newEverything(t)
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	var wg sync.WaitGroup
	counts := map[string]*atomic.Int64{}
	for name, part := range map[string]struct {
		workers int
		pause   time.Duration
		do      func(context.Context) error
	}{
		"login":     {2, 0, e.login},
		"api":       {6, 0, e.callAPI},
		"garbage":   {1, 10 * time.Millisecond, e.garbage},
		"replay":    {1, 5 * time.Millisecond, e.replay},
		"logout":    {1, 10 * time.Millisecond, e.logout},
		"ask":       {1, 5 * time.Millisecond, e.ask},
		"exchange":  {1, 5 * time.Millisecond, e.serviceToken},
		"rotate":    {1, 300 * time.Millisecond, e.rotate},
		"look":      {1, time.Millisecond, e.look},
		"idle":      {1, 50 * time.Millisecond, e.closeIdle},
		"keys":      {1, 20 * time.Millisecond, e.moveKeys},
		"authorize": {1, 5 * time.Millisecond, e.abandon},
	} {
		count := new(atomic.Int64)
		counts[name] = count
		for range part.workers {
			wg.Go(func() {
				for ctx.Err() == nil {
					switch err := part.do(ctx); {
					case err == nil:
						count.Add(1)
					case ctx.Err() == nil && !e.expected(err):
						t.Errorf("%s: %v", name, err)
						return
					}
					time.Sleep(part.pause)
				}
			})
		}
	}
	wg.Wait()
	for name, count := range counts {
		// A second is short on a busy machine: the store fails, and the back-off begins.
		if count.Load() == 0 && length > 5*time.Second {
			t.Errorf("%s: nothing succeeded", name)
		}
	}
	t.Logf(
		"succeeded: login %d, api %d; renewals stored %d, not stored %d, hooks %d",
		counts["login"].Load(),
		counts["api"].Load(),
		e.stored.Load(),
		e.unstored.Load(),
		e.hooks.Load(),
	)
	// When it is over, all is as at the beginning.
	e.quiet.Store(true)
	time.Sleep(2 * time.Second) // the back-off of the renewal, and the pause between fetches
	for name, do := range map[string]func(context.Context) error{"login": e.login, "api": e.callAPI, "ask": e.ask} {
		if err := do(t.Context()); err != nil {
			t.Errorf("afterwards, %s: %v", name, err)
		}
	}
}

// everything is a program with all parts.
type everything struct {
	srv       *oauthtest.Server
	api       *httptest.Server
	http      *http.Client
	client    *oauth.Client // with DPoP
	keys      *oauth.KeySet
	rs        *oauth.ResourceServer
	dpop      *oauth.DPoP
	transport *oauth.Transport
	logouts   http.Handler
	stranger  *oauth.SigningKey

	quiet                   atomic.Bool
	stored, unstored, hooks atomic.Int64
}

const everythingSecret = "a secret of at least 32 characters, for all"

func newEverything(t *testing.T) *everything {
	e := new(everything)
	e.srv = oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}, JWTAccessTokens: true, AccessTokenLifetime: 2 * time.Second})
	t.Cleanup(e.srv.Close)
	e.srv.AddClient(oauthtest.Client{
		ID: "web", Secret: everythingSecret, RedirectURIs: []string{"https://app.example.com/cb"}, RefreshTokens: true,
	})
	e.api = httptest.NewUnstartedServer(nil)
	base := "https://" + e.api.Listener.Addr().String()
	e.stranger = check1(oauth.GenerateSigningKey(oauth.ES256))
	e.dpop = check1(oauth.NewDPoP(check1(oauth.GenerateSigningKey(oauth.ES256)), oauth.Clock{}))

	as := check1(oauth.Discover(t.Context(), e.srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: e.srv.Client()}))
	trace := &oauth.Trace{
		KeySetFetched:  func(ctx context.Context, _ oauth.KeySetInfo) { e.hooks.Add(1); e.keys.Export() },
		RequestDone:    func(ctx context.Context, _ oauth.RequestInfo) { e.hooks.Add(1) },
		RequestRefused: func(ctx context.Context, _ oauth.RefusalInfo) { e.hooks.Add(1) },
	}
	e.keys = check1(oauth.NewKeySet(as.JWKSURI, &oauth.KeySetOptions{HTTPClient: e.srv.Client(), Trace: trace}))
	e.rs = check1(oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource: base, Servers: []oauth.TrustedServer{{Server: as, KeySet: e.keys}},
		VerifiedTokens: 64, DPoPNonceKeys: [][]byte{make([]byte, 32)}, Trace: trace,
	}))
	e.api.Config.Handler = e.rs.Require(oauth.Requirement{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := oauth.AccessTokenFromContext(r.Context())
		io.WriteString(w, token.Subject())
	}))
	e.api.Config.ErrorLog = log.New(io.Discard, "", 0) // closeIdle breaks connections that are being made
	e.api.StartTLS()
	t.Cleanup(e.api.Close)

	roots := e.srv.RootCAs()
	roots.AddCert(e.api.Certificate())
	e.http = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}, Timeout: 10 * time.Second}
	e.client = check1(oauth.NewClient(oauth.Config{
		Server: as, Metadata: oauth.ClientMetadata{ClientID: "web"}, Auth: oauth.ClientSecretBasic(everythingSecret),
		HTTPClient: e.http, DPoP: e.dpop, KeySet: e.keys, Trace: trace,
	}))
	e.logouts = e.client.BackchannelLogoutHandler(oauth.LogoutOptions{OnLogout: func(context.Context, *oauth.LogoutToken) error { return nil }})
	token := check1(e.tokenOf(t.Context()))
	e.transport = check1(e.client.NewTransport(token, oauth.TransportOptions{Origins: []string{base}, OnRefresh: e.store}))
	return e
}

func check1[T any](v T, err error) T {
	check(err)
	return v
}

// store is one that fails now and then, and panics.
func (e *everything) store(context.Context, *oauth.Token) error {
	if !e.quiet.Load() {
		switch rand.IntN(5) {
		case 0:
			e.unstored.Add(1)
			return errors.New("the store is away")
		case 1:
			e.unstored.Add(1)
			panic("the store has a fault")
		}
	}
	e.stored.Add(1)
	return nil
}

// expected are the errors that a part may see while keys rotate, the store is away and
// others use up what there is.
func (e *everything) expected(err error) bool {
	return errors.Is(err, oauth.ErrUnavailable) || errors.Is(err, errAgain) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		strings.Contains(err.Error(), "the store is away") || strings.Contains(err.Error(), "panicked") ||
		// The set that was fetched is not the one that the token was signed with any more.
		errors.Is(err, oauth.ErrKeyNotFound)
}

var errAgain = errors.New("an answer that says to try again")

func (e *everything) tokenOf(ctx context.Context) (*oauth.Token, error) {
	pending, err := e.client.StartAuthorization(ctx, &oauth.AuthorizationRequest{
		RedirectURI: "https://app.example.com/cb", Scope: []string{"openid", "offline_access"}, Resource: []string{"https://" + e.api.Listener.Addr().String()},
	})
	if err != nil {
		return nil, err
	}
	callback, err := e.srv.Authorize(ctx, pending.URL())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errAgain, err)
	}
	return e.client.FinishAuthorization(
		callback.WithContext(ctx),
		pending,
		&oauth.GrantOptions{Resource: []string{"https://" + e.api.Listener.Addr().String()}},
	)
}

func (e *everything) login(ctx context.Context) error {
	token, err := e.tokenOf(ctx)
	if err == nil && token.Subject() != "alice" {
		return fmt.Errorf("the subject is %q", token.Subject())
	}
	return err
}

func (e *everything) callAPI(ctx context.Context) error {
	req := check1(http.NewRequestWithContext(ctx, http.MethodGet, e.api.URL+"/orders", nil))
	res, err := e.transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return err
	case res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusServiceUnavailable:
		return errAgain // the key that the token was signed with is gone, or not known yet
	case res.StatusCode != http.StatusOK || string(body) != "alice":
		return fmt.Errorf("status %d, %q", res.StatusCode, body)
	}
	return nil
}

// garbage is what a stranger sends: it must be refused, or not be judged.
func (e *everything) garbage(ctx context.Context) error {
	now := time.Now()
	token := check1(e.stranger.SignJWT("at+jwt", map[string]any{
		"iss": e.srv.Issuer(), "sub": "alice", "aud": e.api.URL, "client_id": "web", "jti": fmt.Sprint(rand.Int64()), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}))
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, e.api.URL+"/orders", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	if _, err := e.rs.Authenticate(r); err == nil {
		return errors.New("a stranger's token was accepted")
	}
	if _, err := e.client.VerifyIDToken(ctx, token, oauth.VerifyIDTokenOptions{}); err == nil {
		return errors.New("a stranger's token was accepted as an ID token")
	}
	return nil
}

// replay sends one proof twice at once.
func (e *everything) replay(ctx context.Context) error {
	token := e.transport.Token().AccessToken.Reveal()
	u := check1(url.Parse(e.api.URL + "/orders"))
	proof := check1(e.dpop.Proof(http.MethodGet, u, token))
	var accepted atomic.Int64
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
			r.Header.Set("Authorization", "DPoP "+token)
			r.Header.Set("DPoP", proof)
			if _, err := e.rs.Authenticate(r); err == nil {
				accepted.Add(1)
			}
		})
	}
	wg.Wait()
	switch accepted.Load() {
	case 2:
		return errors.New("one proof was accepted twice")
	case 0:
		return errAgain
	}
	return nil
}

func (e *everything) logout(ctx context.Context) error {
	token, err := e.srv.LogoutToken("web", "alice")
	if err != nil {
		return err
	}
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "https://app.example.com/logout", strings.NewReader(url.Values{"logout_token": {token}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	if e.logouts.ServeHTTP(w, r); w.Code != http.StatusOK {
		return errAgain
	}
	return nil
}

// ask is userinfo and introspection about the token in use.
func (e *everything) ask(ctx context.Context) error {
	t := e.transport.Token()
	if _, err := e.client.Introspect(ctx, t.AccessToken.Reveal(), nil); err != nil && !errors.Is(err, oauth.ErrInactive) {
		return err
	}
	_, err := e.client.UserInfo(ctx, t, nil)
	var refused *oauth.ResponseError
	if errors.As(err, &refused) && refused.Code == "invalid_token" {
		return nil // it was replaced
	}
	return err
}

func (e *everything) serviceToken(ctx context.Context) error {
	t, err := e.client.ClientCredentials(ctx, nil)
	if err != nil {
		return err
	}
	return e.client.Revoke(ctx, t.AccessToken.Reveal(), nil)
}

// rotate lets a set of keys live for as long as the tokens that it signs, twice over.
func (e *everything) rotate(ctx context.Context) error {
	e.srv.RotateKeys()
	select {
	case <-ctx.Done():
	case <-time.After(4 * time.Second):
	}
	return nil
}

// look is what monitoring does.
func (e *everything) look(context.Context) error {
	_ = fmt.Sprint(e.transport, e.client, e.rs, e.dpop, e.transport.Token())
	return nil
}

func (e *everything) closeIdle(context.Context) error {
	e.client.CloseIdleConnections()
	e.transport.CloseIdleConnections()
	e.rs.CloseIdleConnections()
	return nil
}

func (e *everything) moveKeys(ctx context.Context) error {
	data, err := e.keys.Export()
	if err == nil {
		err = e.keys.Import(data)
	}
	if errors.Is(err, oauth.ErrExpired) { // newer ones came meanwhile
		return nil
	}
	return err
}

// abandon is a user who does not come back, and a response that is not its own.
func (e *everything) abandon(ctx context.Context) error {
	pending, err := e.client.StartAuthorization(ctx, &oauth.AuthorizationRequest{RedirectURI: "https://app.example.com/cb", Scope: []string{"openid"}})
	if err != nil {
		return err
	}
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "https://app.example.com/cb?code=c&state=other", nil)
	if _, err := e.client.FinishAuthorization(r, pending, nil); !errors.Is(err, oauth.ErrInvalid) {
		return fmt.Errorf("a response that is not its own: %v", err)
	}
	return nil
}
