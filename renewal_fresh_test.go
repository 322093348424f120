package oauth

// Tests of the token that is asked for without a request.

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/oauth/oauthtest"
)

// TestTransportFresh: a valid token is there at once, also while the next one is under way,
// and one that has expired is waited for by all together.
func TestTransportFresh(t *testing.T) {
	inBubble(t, time.Minute, TransportOptions{}, func(r *renewal) {
		r.latency = 2 * time.Second
		fresh := func(want string, after time.Duration) {
			t.Helper()
			began := time.Now()
			got, err := r.tr.Fresh(context.Background())
			if err != nil || got.AccessToken.Reveal() != want || time.Since(began) != after {
				t.Errorf("%v after %v: %v, want %s after %v", got, time.Since(began), err, want, after)
			}
		}
		fresh("access-0", 0)
		if got, _ := r.tr.Fresh(context.Background()); got != nil {
			got.RefreshToken = Secret{} // a copy
		}
		time.Sleep(30*time.Second - 1)
		fresh("access-0", 0)
		synctest.Wait()
		r.wantAttempts()
		time.Sleep(time.Nanosecond)
		fresh("access-0", 0)
		synctest.Wait()
		fresh("access-0", 0)
		r.wantAttempts(30)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		fresh("access-1", 0)
		time.Sleep(time.Minute)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { fresh("access-2", 2*time.Second) })
		}
		wg.Wait()
		r.wantAttempts(30, 92)
	})
}

// TestTransportFreshFails: a token that is still good is there whatever becomes of the
// renewal, and one that is not is there for nobody.
func TestTransportFreshFails(t *testing.T) {
	down := errors.New("down")
	inBubble(t, time.Minute, TransportOptions{Renew: func(context.Context, *Token) (*Token, error) { return nil, down }}, func(r *renewal) {
		time.Sleep(time.Minute - 1)
		for range 3 {
			if got, err := r.tr.Fresh(context.Background()); err != nil || got.AccessToken.Reveal() != "access-0" {
				t.Error(got, err)
			}
			synctest.Wait()
		}
		time.Sleep(time.Nanosecond)
		if got, err := r.tr.Fresh(context.Background()); got != nil || !errors.Is(err, down) || r.tr.failures != 1 {
			t.Errorf("%v %v, %d failures", got, err, r.tr.failures)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		time.Sleep(time.Minute)
		if got, err := r.tr.Fresh(ctx); got != nil || !errors.Is(err, context.Canceled) {
			t.Error(got, err)
		}
	})
	stored := errors.New("no store")
	inBubble(t, time.Minute, TransportOptions{OnRefresh: func(context.Context, *Token) error { return stored }}, func(r *renewal) {
		time.Sleep(time.Minute)
		if got, err := r.tr.Fresh(context.Background()); got != nil || !errors.Is(err, stored) {
			t.Error("a token that is not stored is handed out:", got, err)
		}
		if got, err := r.tr.Fresh(context.Background()); got != nil || !errors.Is(err, stored) {
			t.Error("a token that is not stored is handed out:", got, err)
		}
	})
	var none *Transport
	for _, tr := range []*Transport{none, {}} {
		got, err := tr.Fresh(context.Background())
		if wantError(t, err, ErrConfig, "Transport"); got != nil {
			t.Error(got)
		}
	}
}

// TestTransportFreshFirst: without a token the first one is got, and one that cannot be
// renewed is good until it expires.
func TestTransportFreshFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newUnitServer().client(t, func(cfg *Config) { cfg.Clock = Clock{} })
		made := 0
		tr := newTransportOf(t, c, nil, TransportOptions{Renew: func(context.Context, *Token) (*Token, error) {
			made++
			return &Token{AccessToken: NewSecret("a"), TokenType: "Bearer"}, nil
		}})
		for range 2 {
			if got, err := tr.Fresh(context.Background()); err != nil || got.AccessToken.Reveal() != "a" || made != 1 {
				t.Error(got, err, made)
			}
		}
		old := newTransportOf(t, c, nil, TransportOptions{Renew: func(context.Context, *Token) (*Token, error) {
			return &Token{AccessToken: NewSecret("old"), TokenType: "Bearer", Expiry: time.Now()}, nil
		}})
		if got, err := old.Fresh(context.Background()); got != nil || !errors.Is(err, ErrExpired) {
			t.Error("a token that has expired is new:", got, err)
		}
		tr = newTransportOf(t, c, &Token{AccessToken: NewSecret("b"), TokenType: "Bearer", Expiry: time.Now().Add(time.Minute)}, TransportOptions{})
		time.Sleep(time.Minute - 1)
		if got, err := tr.Fresh(context.Background()); err != nil || got.AccessToken.Reveal() != "b" {
			t.Error(got, err)
		}
		time.Sleep(time.Nanosecond)
		got, err := tr.Fresh(context.Background())
		if wantError(t, err, ErrExpired, "Expiry"); got != nil {
			t.Error(got)
		}
	})
}

// TestExpired: a token expires by the clock of the Client, without its skew.
func TestExpired(t *testing.T) {
	now := time.Unix(1e9, 0)
	c := newUnitServer().client(t, func(cfg *Config) {
		cfg.Clock = Clock{Now: func() time.Time { return now }, Skew: time.Minute}
	})
	at := func(d time.Duration) *Token { return &Token{Expiry: now.Add(d)} }
	for name, row := range map[string]struct {
		t      *Token
		margin time.Duration
		want   bool
	}{
		"none": {nil, 0, true}, "not known": {&Token{}, time.Hour, false},
		"now": {at(0), 0, true}, "before": {at(-1), 0, true}, "after": {at(1), 0, false},
		"within": {at(time.Minute), time.Minute, true}, "beyond": {at(time.Minute + 1), time.Minute, false},
		"below zero": {at(0), -time.Hour, true},
	} {
		if got := c.Expired(row.t, row.margin); got != row.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if !(*Client)(nil).Expired(at(time.Hour), 0) {
		t.Error("no Client")
	}
}

// TestTransportCredential: a call that something else sends has the token, a proof for
// itself and the nonce, at the origins of the Transport alone.
func TestTransportCredential(t *testing.T) {
	key := must(GenerateSigningKey(ES256))
	for name, dpop := range map[string]*DPoP{"Bearer": nil, "DPoP": must(NewDPoP(key, Clock{}))} {
		c := newUnitServer().client(t, func(cfg *Config) { cfg.Clock, cfg.DPoP = Clock{}, dpop })
		renewals := 0
		tr := newTransportOf(t, c, nil, TransportOptions{Renew: func(context.Context, *Token) (*Token, error) {
			renewals++
			made := &Token{AccessToken: NewSecret(fmt.Sprintf("access-%d", renewals)), TokenType: name}
			if dpop != nil {
				made.jkt = dpop.thumbprint
			}
			return made, nil
		}})
		u := must(url.Parse(unitAPI + "/a.B/C?x#y"))
		if tr.Bound() != (dpop != nil) {
			t.Errorf("%s: bound %v, without a token", name, tr.Bound())
		}
		if !tr.Rejected(&Credential{Token: "access-0", URL: u}) {
			t.Error("another token may do better than one that is not there")
		}
		got, err := tr.Credential(t.Context(), "POST", u)
		if err != nil || got.Scheme != name || got.Token != "access-1" || got.Method != "POST" || got.URL != u || (got.Proof != "") != (dpop != nil) || tr.Bound() != (dpop != nil) {
			t.Fatalf("%s: %v %v", name, got, err)
		}
		if tr.ReceiveNonce(u, "n-0") != (dpop != nil) || tr.ReceiveNonce(u, "N-1") != (dpop != nil) || tr.ReceiveNonce(u, "n-1") != (dpop != nil) || tr.ReceiveNonce(u, "n\n") || tr.ReceiveNonce(must(url.Parse("https://other.example/")), "n-2") {
			t.Error(name, "nonces")
		}
		got = must(tr.Credential(t.Context(), "POST", u))
		if dpop != nil {
			var claims map[string]any
			if err := json.Unmarshal(must(decodeBase64URL(nil, strings.Split(got.Proof, ".")[1])), &claims); err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256([]byte("access-1"))
			if claims["htm"] != "POST" || claims["htu"] != unitAPI+"/a.B/C" || claims["nonce"] != "n-1" || claims["ath"] != encodeBase64URL(sum[:]) {
				t.Error(claims)
			}
		}
		for where, u := range map[string]*url.URL{"nowhere": nil, "another origin": must(url.Parse("https://other.example/a.B/C")), "no host": {Path: "/a.B/C"}} {
			got, err := tr.Credential(t.Context(), "POST", u)
			if wantError(t, err, ErrConfig, "Origins"); got != nil {
				t.Error(where, got)
			}
		}
		if got, err := tr.Credential(t.Context(), "P OST", u); dpop != nil && (got != nil || !errors.Is(err, ErrConfig)) {
			t.Error(got, err)
		}
		// The token is renewed once for an origin that rejects it, and not for each call.
		for i, want := range []bool{true, false} {
			if tr.Rejected(got) != want {
				t.Errorf("%s: rejected for the %d. time", name, i)
			}
			if got = must(tr.Credential(t.Context(), "POST", u)); got.Token != "access-2" {
				t.Error(got.Token)
			}
		}
		stale := *got
		stale.Token = "access-1"
		elsewhere := *got
		elsewhere.URL = must(url.Parse("https://other.example/"))
		if !tr.Rejected(&stale) || tr.Rejected(&elsewhere) || tr.Rejected(nil) || must(tr.Credential(t.Context(), "POST", u)).Token != "access-2" {
			t.Error(name, "what was replaced meanwhile is renewed again")
		}
		fixed := newTransportOf(t, c, &Token{AccessToken: NewSecret("a"), TokenType: "Bearer"}, TransportOptions{})
		if got := must(fixed.Credential(t.Context(), "POST", u)); fixed.Rejected(got) || fixed.Bound() {
			t.Error("what cannot be renewed, and is not bound")
		}
		down := errors.New("down")
		failing := newTransportOf(t, c, nil, TransportOptions{Renew: func(context.Context, *Token) (*Token, error) { return nil, down }})
		if got, err := failing.Credential(t.Context(), "POST", u); got != nil || !errors.Is(err, down) {
			t.Error(got, err)
		}
	}
	certificate := newUnitServer().client(t, func(cfg *Config) {
		cfg.Metadata.TLSClientCertificateBoundAccessTokens, cfg.MTLS, cfg.HTTPClient = true, &MutualTLS{Certificate: oauthtest.SelfSignedCertificate("own")}, nil
	})
	tr := newTransportOf(t, certificate, nil, TransportOptions{Renew: func(context.Context, *Token) (*Token, error) {
		return &Token{AccessToken: NewSecret("a"), TokenType: "Bearer"}, nil
	}})
	if !tr.Bound() || must(tr.Fresh(t.Context())) == nil || !tr.Bound() {
		t.Error("a token is bound to the certificate")
	}
	var none *Transport
	for _, tr := range []*Transport{none, {}} {
		got, err := tr.Credential(t.Context(), "POST", nil)
		if wantError(t, err, ErrConfig, "Transport"); got != nil || tr.Bound() || tr.Rejected(&Credential{}) || tr.ReceiveNonce(nil, "n") {
			t.Error(got)
		}
	}
}

// TestNonce: a nonce that is handed out is one that a proof may have.
func TestNonce(t *testing.T) {
	s := newUnitServer()
	rs := s.resource(t, func(c *ResourceServerConfig) { c.DPoPNonceKeys = [][]byte{make([]byte, 32)} })
	if n := rs.Nonce(); n == "" {
		t.Error("no nonce")
	} else if _, err := rs.proofs.nonces.accept(n, rs.clock.now()); err != nil {
		t.Error(err)
	}
	if n := s.resource(t, nil).Nonce() + new(ResourceServer).Nonce() + (*ResourceServer)(nil).Nonce(); n != "" {
		t.Error(n)
	}
}
