package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// This file has the tables of storms: how often many tokens make a verifier fetch keys,
// and how it recovers.

const stormSize = 1000

// A stormed is a verifier that is stormed, with the token that it takes.
type stormed struct {
	name string
	make func(context.Context, *issuer) (verifyFunc, error)
	good func(*key) string
	typ  string
}

func stormedVerifiers(quick bool) []stormed {
	idToken := func(k *key) string { return k.idToken(nil) }
	accessToken := func(k *key) string { return k.accessToken(nil) }
	list := []stormed{
		{"ours, client", func(_ context.Context, is *issuer) (verifyFunc, error) { return ourIDToken(is, "ES256"), nil }, idToken, "JWT"},
		{"ours, API", func(_ context.Context, is *issuer) (verifyFunc, error) { return ourAPI(newAPI(nil, is)), nil }, accessToken, "at+jwt"},
	}
	for _, p := range peers {
		if p.remote && !quick {
			list = append(list, stormed{p.name, func(ctx context.Context, is *issuer) (verifyFunc, error) {
				return p.verifier(ctx, is, idExpectation.with("ES256"))
			}, idToken, "JWT"})
		}
	}
	return list
}

// fresh returns a verifier with an issuer of its own, which answers after a
// millisecond.
func (s stormed) fresh(ctx context.Context, k *key) (*issuer, verifyFunc) {
	is := newIssuer(issuerURL, keySet(5, k))
	is.delay = time.Millisecond
	verify, err := s.make(ctx, is)
	check(err)
	return is, verify
}

// warm is fresh, with the keys fetched.
func (s stormed) warm(ctx context.Context, k *key) (*issuer, verifyFunc) {
	is, verify := s.fresh(ctx, k)
	must(verify(s.good(k)))
	is.fetches.Store(0)
	return is, verify
}

// parallel calls f from as many goroutines as a storm has, at the same time.
func parallel(f func(i int)) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range stormSize {
		all.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	all.Wait()
}

func (b *bench) storms() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	k := newKey("ES256", "signing-key-2026")
	list := stormedVerifiers(b.quick)
	t := newTable(fmt.Sprintf("Fetches of the key set for %s tokens", thousands(stormSize)), "",
		"", "cold start", "unknown kids in parallel", "in sequence", "bad signatures")
	for _, s := range list {
		cells := []string{s.name}
		count := func(storm string, is *issuer) {
			b.put("fetches", float64(is.fetches.Load()), "storms", storm, s.name)
			cells = append(cells, fmt.Sprint(is.fetches.Load()))
		}
		unknown := make([]string, stormSize)
		for i := range unknown {
			unknown[i] = strangers(k, s.typ, i)
		}

		is, verify := s.fresh(ctx, k)
		good := s.good(k)
		parallel(func(int) { must(verify(good)) })
		count("cold start", is)

		is, verify = s.warm(ctx, k)
		parallel(func(i int) { verify(unknown[i]) })
		count("kids in parallel", is)

		is, verify = s.warm(ctx, k)
		for _, token := range unknown {
			verify(token)
		}
		count("kids in sequence", is)

		is, verify = s.warm(ctx, k)
		body, signature, _ := cutLast(good)
		bad := body + "." + strings.ToUpper(signature[:20]) + signature[20:]
		for range stormSize {
			if _, err := verify(bad); err == nil {
				check(fmt.Errorf("%s accepts a bad signature", s.name))
			}
		}
		count("bad signatures", is)
		t.add(cells...)
	}
	t.print(b.out)
	b.recoveries(ctx, list)
}

// recoveries measures how long a verifier refuses good tokens after its issuer has
// rotated its key amid a storm, and after one that was down from the start is back.
// The verifiers wait at the same time.
func (b *bench) recoveries(ctx context.Context, list []stormed) {
	longest := 75 * time.Second
	if b.quick {
		list, longest = list[:2], 10*time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, longest+10*time.Second)
	defer cancel()
	type result struct{ rotation, outage string }
	results := make([]result, len(list))
	var all sync.WaitGroup
	var mu sync.Mutex
	for i, s := range list {
		said := func(row string, took time.Duration, ok bool) string {
			if !ok {
				return fmt.Sprintf("not in %s", longest)
			}
			mu.Lock()
			defer mu.Unlock()
			b.put("s", took.Seconds(), "storms", row, s.name)
			return short(took)
		}
		if !b.quick {
			all.Go(func() {
				took, ok := s.rotation(ctx, longest)
				results[i].rotation = said("rotation", took, ok)
			})
		}
		all.Go(func() {
			took, fetches, ok := s.outage(ctx, longest)
			results[i].outage = fmt.Sprintf("%s, %d", said("outage", took, ok), fetches)
		})
	}
	all.Wait()
	t := newTable("Recovery: time until a good token is accepted", "An outage is one of the issuer from the start, during which 100 tokens come: time, and fetches during it.",
		"", "rotated key, the storm goes on", "outage")
	for i, s := range list {
		t.add(s.name, results[i].rotation, results[i].outage)
	}
	t.print(b.out)
}

// rotation storms a verifier, rotates the key of its issuer, and goes on with five
// tokens of strangers a second.
func (s stormed) rotation(ctx context.Context, longest time.Duration) (time.Duration, bool) {
	k, next := newKey("ES256", "signing-key-2026"), newKey("ES256", "signing-key-2027")
	is, verify := s.warm(ctx, k)
	for i := range stormSize {
		verify(strangers(k, s.typ, i))
	}
	is.set("/jwks", keySet(5, k, next))
	good := s.good(next)
	start := time.Now()
	for i := 0; time.Since(start) < longest; i++ {
		verify(strangers(k, s.typ, stormSize+i))
		if _, err := verify(good); err == nil {
			return time.Since(start), true
		}
		time.Sleep(time.Second / 5)
	}
	return 0, false
}

// outage makes a verifier while its issuer is down.
func (s stormed) outage(ctx context.Context, longest time.Duration) (took time.Duration, fetches int64, ok bool) {
	k := newKey("ES256", "signing-key-2026")
	is := newIssuer(issuerURL, keySet(5, k))
	is.setDown(true)
	good := s.good(k)
	made, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	type verifier struct {
		verify verifyFunc
		err    error
	}
	ready := make(chan verifier, 1)
	go func() {
		verify, err := s.make(made, is)
		ready <- verifier{verify, err}
	}()
	var v verifier
	select {
	case v = <-ready:
		for range 100 {
			if v.err == nil {
				v.verify(good)
			}
		}
		fetches = is.fetches.Load()
		is.setDown(false)
	case <-time.After(3 * time.Second): // it waits for its issuer
		fetches = is.fetches.Load()
		is.setDown(false)
		v = <-ready
	}
	if v.err != nil {
		return 0, fetches, false
	}
	start := time.Now()
	for time.Since(start) < longest {
		if _, err := v.verify(good); err == nil {
			return time.Since(start), fetches, true
		}
		time.Sleep(time.Second / 50)
	}
	return 0, fetches, false
}
