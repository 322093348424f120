package oauth

// Tests of the token that is asked for without a request.

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
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
		time.Sleep(1)
		fresh("access-0", 0)
		synctest.Wait()
		fresh("access-0", 0)
		r.wantAttempts(30)
		time.Sleep(2 * time.Second)
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
		time.Sleep(1)
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
		tr = newTransportOf(t, c, &Token{AccessToken: NewSecret("b"), TokenType: "Bearer", Expiry: time.Now().Add(time.Minute)}, TransportOptions{})
		time.Sleep(time.Minute - 1)
		if got, err := tr.Fresh(context.Background()); err != nil || got.AccessToken.Reveal() != "b" {
			t.Error(got, err)
		}
		time.Sleep(1)
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
}
