package oauth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"go/ast"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const unitMetadata = "/.well-known/openid-configuration"

// publish has the server say these metadata.
func (s *unitServer) publish(t testing.TB, change func(*AuthorizationServer)) {
	t.Helper()
	as := *s.config().Server
	if change != nil {
		change(&as)
	}
	s.answer(unitMetadata, unitJSON(t, as))
}

// discovering is a Client that discovers the server.
func (s *unitServer) discovering(t testing.TB, change func(*Config)) *Client {
	t.Helper()
	cfg := s.config()
	cfg.Server = nil
	if change != nil {
		change(&cfg)
	}
	c, err := NewClientFromIssuer(unitIssuer, nil, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(s.requests("")); n != 0 || c.server.TokenEndpoint != "" {
		t.Errorf("%d requests; the endpoint %q", n, c.server.TokenEndpoint)
	}
	return c
}

// TestDiscoveredAge: the metadata are fetched once, again when they are old, and waited
// for when they are very old. A failure changes nothing but the time of the next try.
func TestDiscoveredAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newUnitServer()
		s.publish(t, nil)
		hang := make(chan struct{})
		close(hang)
		c := s.discovering(t, func(cfg *Config) {
			cfg.HTTPClient = httpFunc(func(r *http.Request) (*http.Response, error) {
				select {
				case <-hang:
					return s.RoundTrip(r)
				case <-r.Context().Done():
					return nil, r.Context().Err()
				}
			}).client()
		})
		// ready is what a call at this time is done with, and how long it waits.
		ready := func(endpoint string, takes time.Duration, fetches int) {
			t.Helper()
			start := time.Now()
			now, err := c.ready(t.Context())
			if err != nil || now.server.TokenEndpoint != unitIssuer+endpoint || time.Since(start) != takes {
				t.Fatalf("%v after %v, %v; want %s after %v", now, time.Since(start), err, endpoint, takes)
			}
			synctest.Wait()
			if n := len(s.requests(unitMetadata)); n != fetches {
				t.Fatalf("%d fetches, want %d", n, fetches)
			}
		}
		ready("/token", 0, 1)
		s.publish(t, func(as *AuthorizationServer) { as.TokenEndpoint = unitIssuer + "/token2" })
		time.Sleep(keySoftAge - 1)
		ready("/token", 0, 1)
		time.Sleep(time.Nanosecond)
		ready("/token", 0, 2) // it starts a refresh
		ready("/token2", 0, 2)

		s.publish(t, func(as *AuthorizationServer) { as.TokenEndpoint = unitIssuer + "/token3" })
		time.Sleep(2*keySoftAge - 1)
		ready("/token2", 0, 3)
		time.Sleep(2 * keySoftAge)
		s.publish(t, func(as *AuthorizationServer) { as.TokenEndpoint = unitIssuer + "/token4" })
		ready("/token4", 0, 4) // it waits for the refresh

		// The server is down: nobody waits for more than one try.
		time.Sleep(2 * keySoftAge)
		hang = make(chan struct{})
		ready("/token4", keyFetchTimeout, 4)
		ready("/token4", 0, 4)
		time.Sleep(time.Minute)
		ready("/token4", 0, 4)
		time.Sleep(2 * keyFetchTimeout)
		s.set(unitMetadata, unitAnswer{status: http.StatusBadGateway})
		close(hang)
		time.Sleep(maxKeyBackoff)
		ready("/token4", 0, 5)
		time.Sleep(48 * time.Hour) // it goes on with what it has
		ready("/token4", 0, 6)
		s.publish(t, func(as *AuthorizationServer) { as.Issuer = "https://evil.example" })
		time.Sleep(maxKeyBackoff)
		ready("/token4", 0, 7)

		s.publish(t, nil)
		time.Sleep(maxKeyBackoff)
		ready("/token4", 0, 8) // an outage was just now: it does not wait
		ready("/token", 0, 8)

		// The next outage begins with the shortest pause.
		s.set(unitMetadata, unitAnswer{status: http.StatusBadGateway})
		time.Sleep(keySoftAge)
		ready("/token", 0, 9)
		time.Sleep(keyBackoff)
		ready("/token", 0, 10)
	})
}

// TestDiscoveredSleep: nothing is fresh after a night in which the machine slept.
func TestDiscoveredSleep(t *testing.T) {
	s := newUnitServer()
	s.publish(t, nil)
	c := s.discovering(t, nil)
	if _, err := c.ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	now := c.discovery.(*discovery).current.Load()
	now.fetched = slept(now.fetched, 8*time.Hour)
	s.publish(t, func(as *AuthorizationServer) { as.TokenEndpoint = unitIssuer + "/token2" })
	if got, err := c.ready(t.Context()); err != nil || got.server.TokenEndpoint != unitIssuer+"/token2" {
		t.Errorf("%v, %v", got, err)
	}
}

// TestDiscoveredErrors: what passes by itself is ErrUnavailable, and what does not is not.
// Between two tries there is a pause.
func TestDiscoveredErrors(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*Config)
		answer func(*testing.T, *unitServer)
		kind   error
		passes bool
	}{
		"no metadata": {nil, func(_ *testing.T, s *unitServer) { s.answer(unitMetadata, "{}") }, ErrResponse, true},
		"not found":   {nil, func(*testing.T, *unitServer) {}, ErrRefused, true},
		"down":        {nil, func(_ *testing.T, s *unitServer) { s.set(unitMetadata, unitAnswer{status: 503}) }, ErrRefused, true},
		"a page": {nil, func(_ *testing.T, s *unitServer) {
			s.set(unitMetadata, unitAnswer{mediaType: "text/html", body: "<html>"})
		}, ErrResponse, true},
		"an error of another endpoint": {nil, func(_ *testing.T, s *unitServer) { s.answer(unitMetadata, `{"error":"expired_token"}`) }, ErrRefused, true},
		"its status": {nil, func(_ *testing.T, s *unitServer) {
			s.set(unitMetadata, unitAnswer{status: 400, mediaType: mediaJSON, body: `{"error":"invalid_grant"}`})
		}, ErrRefused, true},
		"its challenge": {nil, func(_ *testing.T, s *unitServer) {
			s.set(unitMetadata, unitAnswer{status: 401, header: http.Header{"Www-Authenticate": {`Bearer error="invalid_token"`}}})
		}, ErrRefused, true},
		"another issuer": {nil, func(t *testing.T, s *unitServer) {
			s.publish(t, func(as *AuthorizationServer) { as.Issuer = "https://evil.example" })
		}, ErrConfig, false},
		"an algorithm": {nil, func(t *testing.T, s *unitServer) {
			s.publish(t, func(as *AuthorizationServer) { as.IDTokenSigningAlgValuesSupported = []Algorithm{"none", HS256} })
		}, ErrConfig, false},
		"no endpoint for the audience": {
			func(cfg *Config) {
				cfg.Auth = PrivateKeyJWT(unitKey(), &AssertionOptions{Audience: TokenEndpointAudience})
			},
			func(t *testing.T, s *unitServer) {
				s.publish(t, func(as *AuthorizationServer) { as.TokenEndpoint = "" })
			}, ErrConfig, false,
		},
		"a profile": {
			func(cfg *Config) {
				cfg.SecurityProfile = FAPI2SecurityProfile
				cfg.Auth = PrivateKeyJWT(unitKey(), nil)
				cfg.DPoP, _ = NewDPoP(unitKey(), Clock{})
			},
			func(t *testing.T, s *unitServer) {
				s.publish(t, func(as *AuthorizationServer) { as.PushedAuthorizationRequestEndpoint = "" })
			}, ErrUnsupported, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newUnitServer()
				c := s.discovering(t, row.change)
				row.answer(t, s)
				try := func(fetches int) {
					t.Helper()
					got, err := c.ready(t.Context())
					wantError(t, err, row.kind, "")
					if errors.Is(err, ErrInvalid) { // which would be about a token
						t.Errorf("it matches ErrInvalid: %v", err)
					}
					if refused, ok := errorAs[*ResponseError](err); ok && refused.Code != "" { // as of a refresh token
						t.Errorf("it has a code: %v", err)
					}
					if got != nil || errors.Is(err, ErrUnavailable) != row.passes || len(s.requests(unitMetadata)) != fetches {
						t.Fatalf("%v, %v, %d fetches; want %d", got, err, len(s.requests(unitMetadata)), fetches)
					}
				}
				try(1)
				try(1)
				time.Sleep(keyBackoff)
				try(2)
				time.Sleep(2*keyBackoff - 1)
				try(2)
				time.Sleep(time.Nanosecond)
				try(3)
				s.publish(t, func(as *AuthorizationServer) { as.AuthorizationResponseIssParameterSupported = true })
				time.Sleep(maxKeyBackoff)
				if _, err := c.ready(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestDiscoveredUnreachable: without a network, every call says so.
func TestDiscoveredUnreachable(t *testing.T) {
	c := newUnitServer().discovering(t, func(cfg *Config) {
		cfg.HTTPClient = httpFunc(func(*http.Request) (*http.Response, error) { return nil, errors.New("no network") }).client()
	})
	_, err := c.ClientCredentials(t.Context(), nil)
	wantError(t, err, ErrUnavailable, "")
	wantError(t, err, ErrNetwork, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.ClientCredentials(ctx, nil)
	if err == nil {
		t.Error("no error")
	}
}

// TestDiscoveredTakesOver: a Client of newer metadata has the connections and challenges
// of the one before, and its keys, with their budgets, if they are in the same place.
func TestDiscoveredTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newUnitServer()
		s.publish(t, nil)
		c := s.discovering(t, nil)
		next := func(change func(*AuthorizationServer)) *Client {
			t.Helper()
			s.publish(t, change)
			time.Sleep(2 * keySoftAge)
			now, err := c.ready(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return now
		}
		first := next(nil)
		if next(nil) != first || c.atHand() != first {
			t.Error("the document is the same, and the Client another")
		}
		second := next(func(as *AuthorizationServer) { as.TokenEndpoint = unitIssuer + "/token2" })
		if second == first || second.caller != c.caller || second.challenge != c.challenge || second.keys != first.keys || second.keys == nil {
			t.Error("it does not take over what there was")
		}
		third := next(func(as *AuthorizationServer) { as.JWKSURI = unitIssuer + "/jwks2" })
		if third.keys == first.keys || third.keys.uri != unitIssuer+"/jwks2" || third.caller != c.caller {
			t.Error("the keys are elsewhere")
		}
		if c := next(func(as *AuthorizationServer) { as.JWKSURI = unitIssuer + "/JWKS2" }); c.keys.uri != unitIssuer+"/JWKS2" {
			t.Error("the keys are elsewhere again")
		}
		if none := next(func(as *AuthorizationServer) { as.JWKSURI = "" }); none.keys != nil || none.keysErr == nil {
			t.Error("there are no keys any more")
		}
		own, err := ParseKeySet([]byte(`{"keys":[` + string(s.key.PublicJWK()) + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		s.forget()
		c = s.discovering(t, func(cfg *Config) { cfg.KeySet = own })
		if next(nil).keys != own {
			t.Error("the program's own keys")
		}
	})
}

// TestDiscoveredProxy: whether the way to the token endpoint is through a proxy that would be
// offered the client certificate is known with the metadata.
func TestDiscoveredProxy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newUnitServer()
		s.publish(t, func(as *AuthorizationServer) { as.TokenEndpoint = "https://inside.example/token" })
		cfg := s.config()
		wrapped := 0
		cfg.Server, cfg.MTLS = nil, &MutualTLS{
			GetCertificate: func(context.Context) (*tls.Certificate, error) { return nil, nil },
			Wrap:           func(rt http.RoundTripper) http.RoundTripper { wrapped++; return rt },
		}
		cfg.HTTPClient = &http.Client{Transport: &http.Transport{Proxy: func(r *http.Request) (*url.URL, error) {
			if r.URL.Host == "inside.example" {
				return nil, nil
			}
			return url.Parse("https://proxy.example")
		}}}
		c, err := NewClientFromIssuer(unitIssuer, &DiscoverOptions{HTTPClient: &http.Client{Transport: s}}, cfg)
		if err != nil || wrapped != 2 { // with the certificate, and without
			t.Fatalf("%v; %d transports", err, wrapped)
		}
		if _, err := c.ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c, err = NewClientFromIssuer(unitIssuer, &DiscoverOptions{HTTPClient: &http.Client{Transport: s}}, cfg); err != nil {
			t.Fatal(err)
		}
		s.publish(t, nil)
		_, err = c.ready(t.Context())
		wantError(t, err, ErrConfig, "")
	})
}

// forget forgets the requests.
func (s *unitServer) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = nil
}

// TestDiscoveredShared: callers share one fetch, which goes on if the one that started it
// gives up.
func TestDiscoveredShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newUnitServer()
		s.publish(t, nil)
		c := s.discovering(t, func(cfg *Config) {
			cfg.HTTPClient = httpFunc(func(r *http.Request) (*http.Response, error) {
				time.Sleep(time.Second)
				return s.RoundTrip(r)
			}).client()
		})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := c.ready(ctx)
			wantError(t, err, context.Canceled, "")
		})
		synctest.Wait()
		cancel()
		for range 20 {
			wg.Go(func() {
				if _, err := c.ready(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := len(s.requests(unitMetadata)); n != 1 {
			t.Errorf("%d fetches", n)
		}
	})
}

// TestNewClientFromIssuerErrors: what can be known without the metadata is known at once.
func TestNewClientFromIssuerErrors(t *testing.T) {
	s := newUnitServer()
	for name, row := range map[string]struct {
		issuer string
		opts   *DiscoverOptions
		change func(*Config)
		kind   error
		param  string
	}{
		"metadata that are known": {unitIssuer, nil, func(c *Config) { c.Server = new(AuthorizationServer) }, ErrConfig, "Server"},
		"no issuer":               {"", nil, nil, ErrConfig, "issuer"},
		"http":                    {"http://op.example", nil, nil, ErrInsecureURL, "issuer"},
		"a document":              {unitIssuer + unitMetadata, nil, nil, ErrConfig, "issuer"},
		"a query":                 {unitIssuer + "?a=b", nil, nil, ErrConfig, "issuer"},
		"http place":              {unitIssuer, &DiscoverOptions{URL: "http://op.example/x"}, nil, ErrInsecureURL, "URL"},
		"a place that is no URL":  {unitIssuer, &DiscoverOptions{URL: "x"}, nil, ErrConfig, "URL"},
		"two places":              {unitIssuer, &DiscoverOptions{AnyPlace: true, OAuth2: true}, nil, ErrConfig, "AnyPlace"},
		"no client_id":            {unitIssuer, nil, func(c *Config) { c.Metadata.ClientID = "" }, ErrConfig, "Metadata.ClientID"},
		"an empty secret":         {unitIssuer, nil, func(c *Config) { c.Auth = ClientSecretBasic("") }, ErrConfig, "Auth"},
		"a lifetime":              {unitIssuer, nil, func(c *Config) { c.AuthorizationLifetime = -1 }, ErrConfig, "AuthorizationLifetime"},
		"a template":              {unitIssuer, &DiscoverOptions{Issuer: "https://op.example/{tenantid}"}, nil, ErrConfig, "AcceptIssuer"},
		"no template":             {unitIssuer, nil, func(c *Config) { c.AcceptIssuer = func(_, _ string) bool { return true } }, ErrConfig, "AcceptIssuer"},
		"an empty KeySet":         {unitIssuer, nil, func(c *Config) { c.KeySet = new(KeySet) }, ErrConfig, "KeySet"},
		"http in the options":     {unitIssuer, &DiscoverOptions{InsecureAllowHTTP: true}, nil, ErrConfig, "InsecureAllowHTTP"},
		"no signature":            {unitIssuer, nil, func(c *Config) { c.Metadata.IDTokenSignedResponseAlg = "none" }, ErrAlgorithm, ""},
		"a profile with a secret": {unitIssuer, nil, func(c *Config) { c.SecurityProfile = FAPI2SecurityProfile }, ErrConfig, "Auth"},
		"a profile over http": {unitIssuer, nil, func(c *Config) {
			c.SecurityProfile, c.Auth, c.InsecureAllowHTTP = FAPI2SecurityProfile, PrivateKeyJWT(unitKey(), nil), true
			c.DPoP, _ = NewDPoP(unitKey(), Clock{})
		}, ErrConfig, "InsecureAllowHTTP"},
		"certificates without one": {unitIssuer, nil, func(c *Config) { c.Auth = TLSClientAuth(); c.HTTPClient = nil }, ErrConfig, "MTLS"},
	} {
		cfg := s.config()
		cfg.Server = nil
		if row.change != nil {
			row.change(&cfg)
		}
		c, err := NewClientFromIssuer(row.issuer, row.opts, cfg)
		wantError(t, err, row.kind, row.param)
		if c != nil {
			t.Errorf("%s: %v", name, c)
		}
	}
	if n := len(s.requests("")); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// TestDiscoveredProfiles: a configuration that goes with a profile is accepted, and one that
// does not is refused, before the metadata are known.
func TestDiscoveredProfiles(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*Config)
		param  string // empty: it is accepted
	}{
		"DPoP": {func(c *Config) {
			c.SecurityProfile, c.Auth = FAPI2SecurityProfile, PrivateKeyJWT(unitKey(), nil)
			c.DPoP, _ = NewDPoP(unitKey(), Clock{})
		}, ""},
		"a certificate": {func(c *Config) {
			c.SecurityProfile, c.Auth, c.HTTPClient = FAPI2SecurityProfile, PrivateKeyJWT(unitKey(), nil), nil
			c.MTLS = &MutualTLS{GetCertificate: func(context.Context) (*tls.Certificate, error) { return nil, nil }}
		}, ""},
		"signed requests": {func(c *Config) {
			c.SecurityProfile, c.Auth, c.RequestKey = FAPI2MessageSigning, PrivateKeyJWT(unitKey(), nil), unitKey()
			c.DPoP, _ = NewDPoP(unitKey(), Clock{})
		}, ""},
		"requests that are not signed": {func(c *Config) {
			c.SecurityProfile, c.Auth = FAPI2MessageSigning, PrivateKeyJWT(unitKey(), nil)
			c.DPoP, _ = NewDPoP(unitKey(), Clock{})
		}, "RequestKey"},
		"nothing that binds": {func(c *Config) {
			c.SecurityProfile, c.Auth, c.HTTPClient = FAPI2SecurityProfile, PrivateKeyJWT(unitKey(), nil), nil
		}, "DPoP"},
		"the audience of an endpoint": {func(c *Config) {
			c.Auth = PrivateKeyJWT(unitKey(), &AssertionOptions{Audience: TokenEndpointAudience})
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := newUnitServer().config()
			cfg.Server = nil
			row.change(&cfg)
			_, err := NewClientFromIssuer(unitIssuer, nil, cfg)
			if row.param == "" && err != nil {
				t.Error(err)
			}
			if row.param != "" {
				wantError(t, err, ErrConfig, row.param)
			}
		})
	}
}

// TestDiscoveredOptions: the options for http and the HTTP client of either place hold.
func TestDiscoveredOptions(t *testing.T) {
	for name, set := range map[string]func(*DiscoverOptions, *Config, *http.Client){
		"of the Config": func(_ *DiscoverOptions, c *Config, h *http.Client) { c.HTTPClient, c.InsecureAllowHTTP = h, true },
		"of the options": func(o *DiscoverOptions, c *Config, h *http.Client) {
			o.HTTPClient, o.InsecureAllowHTTP, c.InsecureAllowHTTP = h, true, true
		},
	} {
		s := newUnitServer()
		s.answer("/.well-known/oauth-authorization-server", `{"issuer":"http://op.example"}`)
		o, cfg := DiscoverOptions{OAuth2: true}, Config{Metadata: ClientMetadata{ClientID: "c"}}
		set(&o, &cfg, &http.Client{Transport: s})
		c, err := NewClientFromIssuer("http://op.example", &o, cfg)
		if err != nil {
			t.Fatal(name, err)
		}
		if _, err := c.ready(t.Context()); err != nil {
			t.Error(name, err)
		}
	}
}

// TestDiscoveredGoesOn: a token that is valid needs no server, and what ends is not lost.
func TestDiscoveredGoesOn(t *testing.T) {
	s := newUnitServer()
	s.set(unitMetadata, unitAnswer{status: http.StatusServiceUnavailable})
	s.answer("/api", "{}")
	c := s.discovering(t, func(cfg *Config) { cfg.Clock = Clock{} })
	tok := &Token{AccessToken: NewSecret("a"), RefreshToken: NewSecret("r"), TokenType: "Bearer", Expiry: time.Now().Add(time.Hour)}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example/api", nil)
	if res, err := c.Do(req, tok); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("Do: %v", err)
	}
	tr, err := c.NewTransport(tok, TransportOptions{Origins: []string{"https://api.example"}})
	if err != nil {
		t.Fatal(err)
	}
	if res, err := tr.RoundTrip(req); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("RoundTrip: %v", err)
	}
	if cred, err := tr.Credential(t.Context(), "POST", req.URL); err != nil || cred.Token != "a" {
		t.Errorf("Credential: %v", err)
	}
	if len(s.requests(unitMetadata)) != 0 {
		t.Error("the server was asked")
	}
	err = tr.Renew(t.Context())
	wantError(t, err, ErrUnavailable, "")
	wantError(t, err, ErrRefused, "")
	if now := tr.Token(); now.RefreshToken.Reveal() != "r" || len(s.requests("/token")) != 0 {
		t.Errorf("after a renewal without the server: %v", now)
	}
	for name, call := range map[string]func() error{
		"EndSessionURL": func() error { _, err := c.EndSessionURL(nil); return err },
		"VerifyIDToken": func() error {
			_, err := c.VerifyIDToken(t.Context(), "a.b.c", VerifyIDTokenOptions{Nonce: "n"})
			return err
		},
		"FinishAuthorization": func() error {
			_, err := c.FinishAuthorization(req, nil, nil)
			return err
		},
		"UserInfo":         func() error { _, err := c.UserInfo(t.Context(), tok, nil); return err },
		"logout":           func() error { return c.backchannelLogout(logoutRequest("a.b.c"), new(LogoutOptions)) },
		"StartAuthorizing": func() error { _, err := c.StartAuthorization(t.Context(), nil); return err },
	} {
		if err := call(); !errors.Is(err, ErrUnavailable) || !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDiscoveredSpelling: a server may spell its issuer with a slash at the end. What its
// tokens and requests name is its own, before and after the metadata are known.
func TestDiscoveredSpelling(t *testing.T) {
	s := newUnitServer()
	s.publish(t, func(as *AuthorizationServer) { as.Issuer += "/" })
	s.answer("/api", "{}")
	tok := &Token{AccessToken: NewSecret("a"), TokenType: "Bearer", server: unitIssuer + "/", clientID: unitClient}
	for _, known := range []bool{false, true} {
		c := s.discovering(t, nil)
		if known {
			if _, err := c.ready(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.NewTransport(tok, TransportOptions{Origins: []string{"https://api.example"}}); err != nil {
			t.Errorf("known: %t: %v", known, err)
		}
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example/api", nil)
		if _, err := c.Do(req, tok); err != nil {
			t.Errorf("known: %t: %v", known, err)
		}
		at := "https://app.example/?sid=s&iss=" + url.QueryEscape(unitIssuer+"/")
		logout, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
		if sid, err := c.ParseFrontchannelLogout(logout); sid != "s" || err != nil {
			t.Errorf("known: %t: %q, %v", known, sid, err)
		}
		if _, err := c.ParseInitiatedLogin(logout, "https://app.example"); err != nil {
			t.Errorf("known: %t: %v", known, err)
		}
		other := *tok
		other.server = unitIssuer + "/a"
		_, err := c.Do(req, &other)
		wantError(t, err, ErrConfig, "Token")
		s.forget()
	}
	// One whose metadata are known compares byte for byte.
	_, err := s.client(t, nil).NewTransport(tok, TransportOptions{Origins: []string{"https://api.example"}})
	wantError(t, err, ErrConfig, "Token")
}

// TestDiscoveredSpellingStays: users are known by the issuer as it is spelled, which a refresh
// does not change.
func TestDiscoveredSpellingStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, first := range []string{unitIssuer, unitIssuer + "/"} {
			s := newUnitServer()
			s.publish(t, func(as *AuthorizationServer) { as.Issuer = first })
			var heard error
			c := s.discovering(t, func(cfg *Config) {
				cfg.Trace = &Trace{MetadataFetched: func(_ context.Context, info MetadataInfo) { heard = info.Err }}
			})
			if _, err := c.ready(t.Context()); err != nil || heard != nil {
				t.Fatal(err, heard)
			}
			other := map[string]string{unitIssuer: unitIssuer + "/", unitIssuer + "/": unitIssuer}[first]
			s.publish(t, func(as *AuthorizationServer) { as.Issuer, as.TokenEndpoint = other, unitIssuer+"/token2" })
			time.Sleep(2 * keySoftAge)
			now, err := c.ready(t.Context())
			if err != nil || now.server.Issuer != first || now.server.TokenEndpoint != unitIssuer+"/token" {
				t.Errorf("%v, %v", now, err)
			}
			wantError(t, heard, ErrConfig, "")
		}
	})
}

// TestDiscoveredPlace: a refresh asks only where the metadata were found, and an answer
// that says to try later leads to no other document.
func TestDiscoveredPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newUnitServer()
		s.publish(t, func(as *AuthorizationServer) { as.TokenEndpoint = unitIssuer + "/other" })
		const first = "/.well-known/oauth-authorization-server"
		s.answer(first, unitJSON(t, *s.config().Server))
		cfg := s.config()
		cfg.Server = nil
		c, err := NewClientFromIssuer(unitIssuer, &DiscoverOptions{AnyPlace: true}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		for _, status := range []int{408, 425, 429} {
			s.set(first, unitAnswer{status: status})
			_, err := c.ready(t.Context())
			wantError(t, err, ErrUnavailable, "")
			time.Sleep(maxKeyBackoff)
		}
		s.answer(first, unitJSON(t, *s.config().Server))
		if _, err := c.ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, status := range []int{404, 410, 429, 500} {
			s.set(first, unitAnswer{status: status})
			time.Sleep(keySoftAge)
			now, err := c.ready(t.Context())
			synctest.Wait()
			if err != nil || now.server.TokenEndpoint != unitIssuer+"/token" || len(s.requests(unitMetadata)) != 0 {
				t.Errorf("after %d: %v, %v", status, now, err)
			}
		}
	})
}

// TestDiscoveredKeepsConfig: the program may change what it has passed.
func TestDiscoveredKeepsConfig(t *testing.T) {
	s := newUnitServer()
	s.publish(t, nil)
	types, audiences, age := []string{"a"}, []string{"b"}, int64(5)
	c := s.discovering(t, func(cfg *Config) {
		cfg.AllowTokenTypes, cfg.TrustedAudiences, cfg.Metadata.DefaultMaxAge = types, audiences, &age
	})
	types[0], audiences[0], age = "x", "x", 6
	now, err := c.ready(t.Context())
	if err != nil || now.tokenTypes[0] != "a" || now.audiences[0] != "b" || *now.meta.DefaultMaxAge != 5 {
		t.Errorf("%v %v %v, %v", now.tokenTypes, now.audiences, *now.meta.DefaultMaxAge, err)
	}
}

// TestDiscoveredKeepsTransport: and what it has of its HTTPClient is that of the beginning.
func TestDiscoveredKeepsTransport(t *testing.T) {
	s := newUnitServer()
	s.publish(t, nil)
	cfg := s.config()
	cfg.Server, cfg.Auth, cfg.HTTPClient = nil, TLSClientAuth(), &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{{}}},
	}}
	c, err := NewClientFromIssuer(unitIssuer, &DiscoverOptions{HTTPClient: &http.Client{Transport: s}}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.HTTPClient.Transport = nil
	if now, err := c.ready(t.Context()); err != nil || !now.certified {
		t.Error(now, err)
	}
}

// TestDiscoveredTrace: the program hears of each fetch, and may use the Client there.
func TestDiscoveredTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newUnitServer()
		s.publish(t, nil)
		var heard []MetadataInfo
		var c *Client
		c = s.discovering(t, func(cfg *Config) {
			cfg.Trace = &Trace{MetadataFetched: func(ctx context.Context, info MetadataInfo) {
				heard = append(heard, info)
				c.ready(ctx)
			}}
		})
		for _, change := range []func(){
			func() {}, func() {},
			func() { s.publish(t, func(as *AuthorizationServer) { as.TokenEndpoint += "2" }) },
			func() { s.set(unitMetadata, unitAnswer{status: 500}) },
		} {
			change()
			if _, err := c.ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			time.Sleep(keySoftAge)
		}
		s.forget()
		s.publish(t, nil)
		if _, err := s.discovering(t, func(cfg *Config) { cfg.Trace = new(Trace) }).ready(t.Context()); err != nil {
			t.Error(err)
		}
		var got []bool
		for _, info := range heard {
			if info.Issuer != unitIssuer || info.Err != nil && info.Changed {
				t.Errorf("%+v", info)
			}
			got = append(got, info.Changed, info.Err != nil)
		}
		if want := []bool{true, false, false, false, true, false, false, true}; !slices.Equal(got, want) {
			t.Errorf("changed and failed: %v, want %v", got, want)
		}
	})
}

// TestDiscoveredLogoutURL: a logout waits for no refresh.
func TestDiscoveredLogoutURL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newUnitServer()
		s.publish(t, func(as *AuthorizationServer) { as.EndSessionEndpoint = unitIssuer + "/end" })
		hang := false
		c := s.discovering(t, func(cfg *Config) {
			cfg.HTTPClient = httpFunc(func(r *http.Request) (*http.Response, error) {
				if hang {
					<-r.Context().Done()
					return nil, r.Context().Err()
				}
				return s.RoundTrip(r)
			}).client()
		})
		if u, err := c.EndSessionURL(nil); err != nil || !strings.HasPrefix(u, unitIssuer+"/end?") {
			t.Fatal(u, err)
		}
		hang = true
		time.Sleep(time.Hour)
		start := time.Now()
		if u, err := c.EndSessionURL(nil); err != nil || time.Since(start) != 0 {
			t.Error(u, err, time.Since(start))
		}
	})
}

// TestDiscoveredLogoutPost: a post that is no logout token asks no server.
func TestDiscoveredLogoutPost(t *testing.T) {
	s := newUnitServer()
	c := s.discovering(t, nil)
	h := c.BackchannelLogoutHandler(LogoutOptions{OnLogout: func(context.Context, *LogoutToken) error { return nil }})
	r := logoutRequest("a")
	r.Body = io.NopCloser(strings.NewReader("x=y"))
	logoutPost(t, h, r, logoutRefused)
	if n := len(s.requests(unitMetadata)); n != 0 {
		t.Errorf("%d requests", n)
	}
	logoutPost(t, h, logoutRequest("a.b.c"), logoutFailed)
}

// TestDiscoveredCertificates: the metadata are fetched as keys are: with the authorities of
// MutualTLS, and without the client certificate.
func TestDiscoveredCertificates(t *testing.T) {
	var offered atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		offered.Add(int32(len(r.TLS.PeerCertificates)))
		w.Header().Set("Content-Type", mediaJSON)
		fmt.Fprintf(w, `{"issuer":"https://%s"}`, r.Host)
	}))
	srv.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	srv.StartTLS()
	defer srv.Close()
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	cert := srv.TLS.Certificates[0]
	c, err := NewClientFromIssuer(srv.URL, nil, Config{
		Metadata: ClientMetadata{ClientID: "c"}, Auth: TLSClientAuth(), MTLS: &MutualTLS{Certificate: cert, RootCAs: roots},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdleConnections()
	if _, err := c.ready(t.Context()); err != nil || offered.Load() != 0 {
		t.Errorf("%v; %d certificates were offered", err, offered.Load())
	}
}

// TestDiscoveredLate: what comes after a fetch was given up replaces nothing.
func TestDiscoveredLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newUnitServer()
		s.publish(t, nil)
		slow := true
		c := s.discovering(t, func(cfg *Config) {
			cfg.HTTPClient = httpFunc(func(r *http.Request) (*http.Response, error) {
				if slow { // it ignores the context
					slow = false
					res, err := s.RoundTrip(r)
					time.Sleep(time.Minute)
					return res, err
				}
				return s.RoundTrip(r)
			}).client()
		})
		_, err := c.ready(t.Context())
		wantError(t, err, ErrUnavailable, "")
		time.Sleep(keyBackoff)
		s.publish(t, func(as *AuthorizationServer) { as.TokenEndpoint = unitIssuer + "/token2" })
		want := func() {
			t.Helper()
			if now, err := c.ready(t.Context()); err != nil || now.server.TokenEndpoint != unitIssuer+"/token2" {
				t.Errorf("%v, %v", now, err)
			}
		}
		want()
		time.Sleep(time.Minute)
		want()
	})
}

// TestDiscoveredName: a proof has the name of the algorithm that the server lists, as soon
// as it is known.
func TestDiscoveredName(t *testing.T) {
	key, err := GenerateSigningKey(Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	s := newUnitServer()
	s.publish(t, func(as *AuthorizationServer) { as.DPoPSigningAlgValuesSupported = []Algorithm{EdDSA} })
	s.answer("/api", "{}")
	c := s.discovering(t, func(cfg *Config) { cfg.DPoP, _ = NewDPoP(key, Clock{}) })
	tok := &Token{AccessToken: NewSecret("a"), TokenType: "DPoP"}
	tr, err := c.NewTransport(tok, TransportOptions{Origins: []string{"https://api.example"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []Algorithm{Ed25519, EdDSA} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example/api", nil)
		if _, err := c.Do(req, tok); err != nil {
			t.Fatal(err)
		}
		if _, err := tr.RoundTrip(req); err != nil {
			t.Fatal(err)
		}
		cred, err := tr.Credential(t.Context(), http.MethodGet, req.URL)
		if err != nil {
			t.Fatal(err)
		}
		proofs := []string{cred.Proof}
		for _, r := range s.requests("/api") {
			proofs = append(proofs, r.header.Get("DPoP"))
		}
		for _, proof := range proofs {
			header, _, _ := strings.Cut(proof, ".")
			text, err := base64.RawURLEncoding.DecodeString(header)
			if err != nil || !strings.Contains(string(text), `"alg":"`+string(want)+`"`) {
				t.Errorf("%s, %v; want %s", text, err, want)
			}
		}
		s.forget()
		if _, err := c.ready(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDiscoveredClosesIdle: the connections of all HTTP clients that it has been given.
func TestDiscoveredClosesIdle(t *testing.T) {
	s := newUnitServer()
	closed := map[string]int{}
	counting := func(name string) *http.Client {
		return &http.Client{Transport: closer{s, func() { closed[name]++ }}}
	}
	cfg := s.config()
	cfg.Server, cfg.HTTPClient = nil, counting("Config")
	c, err := NewClientFromIssuer(unitIssuer, &DiscoverOptions{HTTPClient: counting("DiscoverOptions")}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if c.CloseIdleConnections(); closed["Config"] == 0 || closed["DiscoverOptions"] == 0 {
		t.Errorf("closed: %v", closed)
	}
	if cfg.KeySet, err = NewKeySet(unitIssuer+"/jwks", &KeySetOptions{HTTPClient: counting("KeySet")}); err != nil {
		t.Fatal(err)
	}
	if c, err = NewClientFromIssuer(unitIssuer, nil, cfg); err != nil {
		t.Fatal(err)
	}
	if c.CloseIdleConnections(); closed["KeySet"] == 0 {
		t.Errorf("closed: %v", closed)
	}
}

type closer struct {
	http.RoundTripper
	close func()
}

func (c closer) CloseIdleConnections() { c.close() }

// TestDiscoveredIntrospection: an API that asks a server can start without it.
func TestDiscoveredIntrospection(t *testing.T) {
	s := newUnitServer()
	s.answer(unitMetadata, `{"error":"unsupported_token_type"}`) // which says nothing of the token
	c := s.discovering(t, nil)
	for name, cfg := range map[string]ResourceServerConfig{
		"Introspect":    {Introspect: c},
		"IntrospectFor": {IntrospectFor: func(context.Context, string) (*Client, error) { return c, nil }},
	} {
		cfg.Resource = "https://api.example"
		cfg.Clock = Clock{Now: unitNow}
		rs, err := NewResourceServer(cfg)
		if err != nil {
			t.Fatal(name, err)
		}
		_, err = rs.AuthenticateCredential(t.Context(), Credential{Scheme: "Bearer", Token: "opaque"})
		wantError(t, err, ErrUnavailable, "Introspect")
		wantError(t, err, ErrRefused, "Introspect")
		if errors.Is(err, ErrInactive) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.publish(t, func(as *AuthorizationServer) { as.Issuer = "https://other.example" }) // nor does this
	s.forget()
	rs, err := NewResourceServer(ResourceServerConfig{Resource: "https://api.example", Introspect: s.discovering(t, nil), Clock: Clock{Now: unitNow}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = rs.AuthenticateCredential(t.Context(), Credential{Scheme: "Bearer", Token: "opaque"})
	wantError(t, err, ErrUnavailable, "Introspect")

	s.publish(t, func(as *AuthorizationServer) { as.IntrospectionEndpoint = unitIssuer + "/introspect" })
	s.answer("/introspect", `{"active":true,"sub":"alice","client_id":"c","aud":"https://api.example","scope":"a"}`)
	s.forget()
	c = s.discovering(t, nil)
	rs, err = NewResourceServer(ResourceServerConfig{Resource: "https://api.example", Introspect: c, Clock: Clock{Now: unitNow}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := rs.AuthenticateCredential(t.Context(), Credential{Scheme: "Bearer", Token: "opaque"})
	if err != nil || got.Subject() != "alice" {
		t.Errorf("%v, %v", got, err)
	}
}

// TestReadyEverywhere: every method of a Client takes the metadata as they are now, but
// for those that need none.
func TestReadyEverywhere(t *testing.T) {
	without := map[string]string{
		"BackchannelLogoutHandler": "each request that its handler gets does",
		"CloseIdleConnections":     "no call of the server",
		"Do":                       "a token is valid without its server",
		"Expired":                  "the clock alone",
		"Format":                   "for people",
		"LogValue":                 "for people",
		"NewTransport":             "its renewals do",
		"ParseFrontchannelLogout":  "the issuer alone, which the Client knows",
		"ParseInitiatedLogin":      "the issuer alone",
		"ResponseState":            "it verifies nothing",
	}
	_, files := parseDir(t, ".")
	seen := 0
	for _, f := range files {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv == nil || !fn.Name.IsExported() || receiverName(fn) != "Client" {
				continue
			}
			seen++
			calls := false
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "ready" {
					calls = true
				}
				return true
			})
			if _, exempt := without[fn.Name.Name]; calls == exempt {
				t.Errorf("%s: calls ready %v, is exempt %v", fn.Name.Name, calls, exempt)
			}
		}
	}
	if seen < 30 {
		t.Errorf("it saw %d methods: does it look?", seen)
	}
}
