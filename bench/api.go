package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"example.com/oauth"
)

// This file has the tables of resource servers: bearer tokens, and remembered ones.

// authenticating returns an op that authenticates one prebuilt request. It may be
// called concurrently.
func authenticating(rs *oauth.ResourceServer, r *http.Request) op {
	return op{call: func() {
		if t, err := rs.Authenticate(r); err != nil || t.Subject() != subject || !t.HasScope("orders") {
			check(fmt.Errorf("a good request is refused: %w", orWrong(err)))
		}
	}}
}

// api measures Authenticate with bearer tokens over the bare signature check, on one
// processor and on two, with one trusted server and with two.
func (b *bench) api() {
	algs := algorithms
	if b.quick {
		algs = []string{"RS256", "ES256"}
	}
	for _, alg := range algs {
		b.apiOf(alg)
	}
}

func (b *bench) apiOf(alg string) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	k := newKey(alg, "signing-key-2026")
	is := newIssuer(issuerURL, keySet(20, k))
	second := newIssuer(secondURL, keySet(20, newKey(alg, "second-key-2026")))
	token := k.accessToken(nil)
	request := apiRequest("Bearer " + token)

	t := newTable(fmt.Sprintf("Authenticate, access token of %d B, %s, over the bare signature check", len(token), alg),
		"Scaling is how much faster two processors are than one.",
		"", "1 proc", "2 procs", "scaling", "of bare's", "ns", "allocs over bare", "bytes over bare")
	bare := k.bareCheck(token)
	bareAllocs, bareBytes := allocs(bare)
	var bareScaling float64

	// row measures subject on one processor and on two. The two ratios give how it
	// scales over bare: the times themselves are of different moments.
	row := func(name string, servers int, subject op) {
		subject.call() // fetches the keys
		one, two := b.onProcs(bare, subject)
		allocated, bytes := allocs(subject)
		scaling := one.ratio / two.ratio
		b.put("ratio", one.ratio, "api", alg, fmt.Sprint(servers), "1", name)
		b.put("ratio", two.ratio, "api", alg, fmt.Sprint(servers), "2", name)
		b.put("scaling", scaling, "api", alg, fmt.Sprint(servers), name)
		b.put("allocs", allocated-bareAllocs, "api", alg, fmt.Sprint(servers), name)
		b.put("bytes", bytes-bareBytes, "api", alg, fmt.Sprint(servers), name)
		if name == "ours" {
			name += ", " + count(servers, "server")
		}
		t.add(name, ratio(one.ratio), ratio(two.ratio), ratio(scaling*bareScaling), ratio(scaling), nanos(one.ns), over(allocated-bareAllocs), over(bytes-bareBytes))
	}

	one, two := b.sameOnProcs(bare, "api", alg)
	bareScaling = 2 * one.bare / two.bare
	t.add("A/A", ratio(one.ratio), ratio(two.ratio))
	t.add("bare", "", "", ratio(bareScaling), "", nanos(one.bare), number(bareAllocs), number(bareBytes))
	row("ours", 1, authenticating(newAPI(nil, is), request))
	row("ours", 2, authenticating(newAPI(nil, second, is), request))
	if !b.quick {
		for _, p := range peers {
			verify := must(p.verifier(ctx, is, accessExpectation.with(alg)))
			row(p.name, 1, op{call: func() {
				raw, found := strings.CutPrefix(request.Header.Get("Authorization"), "Bearer ")
				if sub, err := verify(raw); err != nil || !found || sub != subject {
					check(fmt.Errorf("%s refuses a good request: %w", p.name, orWrong(err)))
				}
			}})
		}
	}
	t.print(b.out)
}

// onProcs measures a pair on one processor, and on two with as many goroutines.
func (b *bench) onProcs(bare, subject op) (one, two pairing) {
	withProcs(1, func() { one = b.pair(bare, subject) })
	bare.procs, subject.procs = 2, 2
	withProcs(2, func() { two = b.pair(bare, subject) })
	return one, two
}

func (b *bench) sameOnProcs(bare op, key ...string) (one, two pairing) {
	withProcs(1, func() { one = b.same(bare, append(key, "1 proc")...) })
	bare.procs = 2
	withProcs(2, func() { two = b.same(bare, append(key, "2 procs")...) })
	return one, two
}

// cache measures Authenticate with a token that was remembered after its signature was
// verified.
func (b *bench) cache() {
	t := newTable("A remembered token over the bare signature check", "No peer remembers verified tokens.",
		"", "1 proc", "2 procs", "of bare's scaling", "ns", "allocs")
	for _, alg := range []string{"RS256", "ES256"} {
		k := newKey(alg, "signing-key-2026")
		token := k.accessToken(nil)
		is := newIssuer(issuerURL, keySet(20, k))
		rs := newAPI(func(c *oauth.ResourceServerConfig) { c.VerifiedTokens = 1000 }, is)
		hit := authenticating(rs, apiRequest("Bearer "+token))
		hit.call()
		bare := k.bareCheck(token)
		same1, same2 := b.sameOnProcs(bare, "cache", alg)
		one, two := b.onProcs(bare, hit)
		allocated, _ := allocs(hit)
		b.put("ratio", one.ratio, "cache", alg, "ours")
		b.put("scaling", one.ratio/two.ratio, "cache", alg, "ours")
		b.put("allocs", allocated, "cache", alg, "ours")
		t.add(alg+", A/A", ratio(same1.ratio), ratio(same2.ratio), "", nanos(same1.bare))
		t.add(alg+", ours", fmt.Sprintf("%.4f", one.ratio), fmt.Sprintf("%.4f", two.ratio), ratio(one.ratio/two.ratio), nanos(one.ns), number(allocated))
	}
	t.print(b.out)
}
