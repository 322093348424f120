package main

import (
	"context"
	"fmt"
	"runtime"

	"example.com/oauth"
)

// This file has the tables of growth: many keys, and many key sets.

func (b *bench) growth() {
	b.manyKeys()
	b.manySets()
	b.idleSets()
}

// manyKeys measures verification with 100 keys over verification with one.
func (b *bench) manyKeys() {
	t := newTable("ID token with a set of 100 keys over one with a set of one key", "", "", "A/A", "ratio")
	for _, alg := range []string{"RS256", "ES256"} {
		k := newKey(alg, "signing-key-2026")
		token := k.idToken(nil)
		one := verifying(ourIDToken(newIssuer(issuerURL, keySet(1, k)), alg), token)
		many := verifying(ourIDToken(newIssuer(issuerURL, keySet(100, k)), alg), token)
		same := b.same(one, "growth", "keys", alg)
		p := b.pair(one, many)
		b.put("growth", p.ratio, "growth", "keys", alg)
		t.add(alg, ratio(same.ratio), ratio(p.ratio))
	}
	t.print(b.out)
}

// manySets measures verification by 100 clients in turn, of 10,000 whose key sets are
// all in memory, over verification by one of them.
func (b *bench) manySets() {
	const sets, working = 10_000, 100
	t := newTable(fmt.Sprintf("ID token by %d of %s clients in turn over one of them", working, thousands(sets)), "", "", "A/A", "ratio")
	for _, alg := range []string{"RS256", "ES256"} {
		k := newKey(alg, "signing-key-2026")
		token := k.idToken(nil)
		is := newIssuer(issuerURL, keySet(10, k))
		all := make([]verifyFunc, sets)
		for i := range all {
			all[i] = ourIDToken(is, alg)
			must(all[i](token))
		}
		next := 0
		turning := verifying(func(raw string) (string, error) {
			next = (next + 1) % working
			return all[next*(sets/working)](raw)
		}, token)
		one := verifying(all[0], token)
		same := b.same(one, "growth", "sets", alg)
		p := b.pair(one, turning)
		b.put("growth", p.ratio, "growth", "sets", alg)
		t.add(alg, ratio(same.ratio), ratio(p.ratio))
	}
	t.print(b.out)
}

// idleSets measures the memory of a key set that was fetched and is not in use.
func (b *bench) idleSets() {
	const sets = 2000
	t := newTable("Bytes of an idle key set of 10 keys", "", "", "bytes")
	for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
		is := newIssuer(issuerURL, keySet(10, newKey(alg, "signing-key-2026")))
		options := &oauth.KeySetOptions{HTTPClient: is.client()}
		all := make([]*oauth.KeySet, sets)
		before := heap()
		for i := range all {
			all[i] = must(oauth.NewKeySet(is.jwksURI(), options))
			check(all[i].Refresh(context.Background()))
		}
		bytes := (heap() - before) / sets
		runtime.KeepAlive(all)
		b.put("bytes", bytes, "growth", "memory", alg)
		t.add(alg, number(bytes))
	}
	t.print(b.out)
}

// heap returns the bytes that are in use.
func heap() float64 {
	runtime.GC()
	runtime.GC() // also that of pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
