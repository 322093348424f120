package oauth

// Code that is not the package's own and falls over, or hangs, where callers share what
// it does.

import (
	"context"
	"crypto"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// foreignFaults are what the code does, once.
var foreignFaults = map[string]func(){
	"panic":  func() { panic("the fault of somebody") },
	"Goexit": func() { runtime.Goexit() },
	"hang":   func() { time.Sleep(time.Hour) }, // whatever the context says
}

// A foreignSigner falls over at one signature.
type foreignSigner struct {
	crypto.Signer
	fall func()
}

func (s *foreignSigner) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	s.fall()
	return s.Signer.Sign(r, digest, opts)
}

type foreignAuth func(ctx context.Context, r *ClientAuthRequest) error

func (f foreignAuth) Authenticate(ctx context.Context, r *ClientAuthRequest) error { return f(ctx, r) }

// TestForeignKeySet: the fetch fails, or not even that, and the next one succeeds.
func TestForeignKeySet(t *testing.T) {
	for name, fault := range foreignFaults {
		for _, where := range []string{"RoundTripper", "RequestDone", "KeySetFetched"} {
			t.Run(where+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newUnitServer()
					var left atomic.Int32
					left.Store(1)
					fall := func(here string) {
						if here == where && left.Add(-1) == 0 {
							fault()
						}
					}
					set, err := NewKeySet(unitIssuer+"/jwks", &KeySetOptions{
						HTTPClient: httpFunc(func(r *http.Request) (*http.Response, error) { fall("RoundTripper"); return s.RoundTrip(r) }).client(),
						Trace: &Trace{
							RequestDone:   func(context.Context, RequestInfo) { fall("RequestDone") },
							KeySetFetched: func(context.Context, KeySetInfo) { fall("KeySetFetched") },
						},
					})
					if err != nil {
						t.Fatal(err)
					}
					start := monotonic()
					err = set.Refresh(t.Context())
					if took := monotonic().Sub(start); took > keyFetchTimeout+flightGrace {
						t.Errorf("given up after %v", took)
					}
					// A hook that hangs comes after the keys.
					if hook := where != "RoundTripper"; (err == nil) != (hook && name == "hang") {
						t.Errorf("the first: %v", err)
					}
					time.Sleep(2 * keyBackoff)
					if err := set.Refresh(t.Context()); err != nil {
						t.Errorf("the second: %v", err)
					}
					time.Sleep(2 * time.Hour)
				})
			})
		}
	}
}

// TestForeignTransport: the renewal fails, or not even that, and the next one succeeds.
func TestForeignTransport(t *testing.T) {
	for name, fault := range foreignFaults {
		for _, where := range []string{"RoundTripper", "ClientAuth", "PrivateKeyJWT", "DPoP", "Renew", "OnRefresh", "RequestDone"} {
			t.Run(where+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newUnitServer()
					var left atomic.Int32
					fall := func(here string) {
						if here == where && left.Add(-1) == 0 {
							fault()
						}
					}
					key := func(here string) *SigningKey {
						return must(NewSigningKey(&foreignSigner{unitKey().signer, func() { fall(here) }}, ES256, ""))
					}
					typ := "Bearer"
					c := s.client(t, func(cfg *Config) {
						cfg.Clock, cfg.Server.JWKSURI = Clock{}, ""
						cfg.HTTPClient = httpFunc(func(r *http.Request) (*http.Response, error) {
							if r.URL.Path == "/token" {
								fall("RoundTripper")
							}
							return s.RoundTrip(r)
						}).client()
						cfg.Trace = &Trace{RequestDone: func(_ context.Context, i RequestInfo) {
							if i.Op == opToken {
								fall("RequestDone")
							}
						}}
						switch where {
						case "ClientAuth":
							cfg.Auth = foreignAuth(func(ctx context.Context, r *ClientAuthRequest) error {
								fall("ClientAuth")
								return PublicClient().Authenticate(ctx, r)
							})
						case "PrivateKeyJWT":
							cfg.Auth = PrivateKeyJWT(key("PrivateKeyJWT"), nil)
						case "DPoP":
							typ, cfg.DPoP = "DPoP", must(NewDPoP(key("DPoP"), Clock{}))
						}
					})
					s.answer("/token", `{"access_token":"new","token_type":"`+typ+`","expires_in":3600,"refresh_token":"rt-2"}`)
					opts := TransportOptions{Origins: []string{unitAPI}, OnRefresh: func(context.Context, *Token) error { fall("OnRefresh"); return nil }}
					if where == "Renew" {
						opts.Renew = func(ctx context.Context, tok *Token) (*Token, error) {
							fall("Renew")
							return c.Refresh(ctx, tok, nil)
						}
					}
					tr, err := c.NewTransport(
						&Token{AccessToken: NewSecret("old"), RefreshToken: NewSecret("rt-1"), TokenType: typ, Expiry: time.Now().Add(-time.Hour)},
						opts,
					)
					if err != nil {
						t.Fatal(err)
					}
					left.Store(1)
					start := monotonic()
					if res, err := tr.RoundTrip(protectedRequest(t, "GET", unitAPI, nil)); (err == nil) != (where == "RequestDone") { // the token is in use before the hook runs
						t.Errorf("the first: %v, %v", res, err)
					}
					if took := monotonic().Sub(start); took > refreshTimeout+flightGrace {
						t.Errorf("given up after %v", took)
					}
					time.Sleep(2 * maxRefreshBackoff)
					_, err = tr.RoundTrip(protectedRequest(t, "GET", unitAPI, nil))
					if where == "OnRefresh" && name == "hang" {
						// What it may still write must not come after a newer token: it is not
						// called again before it has returned, and nobody waits for it.
						if !errors.Is(err, ErrUnavailable) {
							t.Errorf("the second, with the hook still at work: %v", err)
						}
						time.Sleep(2 * time.Hour)
						_, err = tr.RoundTrip(protectedRequest(t, "GET", unitAPI, nil))
					}
					if err != nil {
						t.Errorf("the second: %v", err)
					}
					if tok := tr.Token(); tok.AccessToken.Reveal() != "new" {
						t.Error("the token is the old one")
					}
					time.Sleep(2 * time.Hour)
				})
			})
		}
	}
}

// TestForeignGetCertificate: net/http calls it on a goroutine of its own, where a panic
// ends the process.
func TestForeignGetCertificate(t *testing.T) {
	cert, _ := httpServerCertificate(t)
	for name, fault := range foreignFaults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var fallen atomic.Bool
				m := &MutualTLS{GetCertificate: func(context.Context) (*tls.Certificate, error) {
					if !fallen.Swap(true) {
						fault()
					}
					return &cert, nil
				}}
				get, err := m.source(Clock{Now: func() time.Time { return cert.Leaf.NotBefore.Add(time.Minute) }})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), tlsTimeout)
				defer cancel()
				got, err := get(ctx)
				wantError(t, err, ErrConfig, "MTLS.GetCertificate")
				if got != nil {
					t.Error("a certificate came with the error")
				}
				if got, err = get(t.Context()); err != nil || got != &cert {
					t.Errorf("the second: %v", err)
				}
				time.Sleep(2 * time.Hour)
			})
		})
	}
}

// TestNilContext: a mistake of one caller does not hold up the others.
func TestNilContext(t *testing.T) { synctest.Test(t, testNilContext) }

func testNilContext(t *testing.T) {
	s := newUnitServer()
	s.publish(t, nil)
	discovering := s.discovering(t, nil)
	metadata := discovering.discovery.(*discovery)
	first, now, known := s.client(t, nil).keys, s.client(t, nil).keys, s.client(t, nil).keys
	if err := known.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.answer("/token", unitTokenBody(t, nil))
	renewed := newTransportOf(t, s.client(t, nil), loggedIn(func(tok *Token) { tok.login = nil }), TransportOptions{})
	expired := newTransportOf(t, s.client(t, nil), loggedIn(func(tok *Token) { tok.login, tok.Expiry = nil, unitNow().Add(-time.Hour) }), TransportOptions{})
	asked := newInquiries()
	finder := newServerFinder(func(context.Context, string) (*TrustedServer, error) { return nil, nil }, func(string) bool { return true }, new(trustRules))
	for name, row := range map[string]struct {
		lock *sync.Mutex
		call func(ctx context.Context)
	}{
		"metadata": {&metadata.mu, func(ctx context.Context) { discovering.ready(ctx) }},
		"keys":     {&first.mu, func(ctx context.Context) { first.snapshot(ctx) }},
		"keys now": {&now.mu, func(ctx context.Context) { now.Refresh(ctx) }},
		"a key that nobody knows": {&known.mu, func(ctx context.Context) {
			known.find(ctx, findAlgorithm(ES256), &joseHeader{kid: "x", hasKid: true}, fromAnybody)
		}},
		"a renewal":        {&renewed.mu, func(ctx context.Context) { renewed.Renew(ctx) }},
		"an expired token": {&expired.mu, func(ctx context.Context) { expired.Fresh(ctx) }},
		"introspection": {&asked.mu, func(ctx context.Context) {
			asked.make(ctx, inquiry{}, func(context.Context) (*AccessToken, error) { return nil, nil })
		}},
		"a server": {&finder.mu, func(ctx context.Context) { finder.server(ctx, unitIssuer) }},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: a nil context is taken", name)
				}
			}()
			var none context.Context
			row.call(none)
		}()
		if synctest.Wait(); !row.lock.TryLock() {
			t.Errorf("%s: it is locked for ever", name)
		}
		row.lock.Unlock()
	}
	if _, err := discovering.ready(t.Context()); err != nil {
		t.Error(err)
	}
}
