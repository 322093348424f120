package main

import (
	"context"
	"errors"
	"fmt"
)

// This file has the tables of ID tokens.

// keySetSizes are the numbers of keys that an issuer has.
func (b *bench) keySetSizes() []int {
	if b.quick {
		return []int{20}
	}
	return []int{1, 20, 100}
}

// verifying returns an op that verifies a token and looks at its subject.
func verifying(verify verifyFunc, token string) op {
	return op{call: func() {
		if sub, err := verify(token); err != nil || sub != subject {
			check(fmt.Errorf("a good token is refused: subject %q, %w", sub, orWrong(err)))
		}
	}}
}

func orWrong(err error) error {
	if err == nil {
		return errors.New("the subject is wrong")
	}
	return err
}

// idTokens measures the verification of ID tokens over the bare signature check.
func (b *bench) idTokens() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	algs := algorithms
	if b.quick {
		algs = []string{"RS256", "ES256", "EdDSA"}
	}
	for _, alg := range algs {
		k := newKey(alg, "signing-key-2026")
		token := k.idToken(nil)
		bare := k.bareCheck(token)
		bareAllocs, bareBytes := allocs(bare)
		sizes := b.keySetSizes()
		head := []string{""}
		for _, n := range sizes {
			head = append(head, count(n, "key"))
		}
		t := newTable(fmt.Sprintf("ID token of %d B, %s, over the bare signature check", len(token), alg), "",
			append(head, "ns", "allocs over bare", "bytes over bare")...)

		same := b.same(bare, "id-token", alg)
		t.add("A/A", ratio(same.ratio))
		cells := []string{"bare"}
		for range sizes {
			cells = append(cells, "")
		}
		t.add(append(cells, nanos(same.bare), number(bareAllocs), number(bareBytes))...)

		row := func(name string, make func(*issuer) (verifyFunc, error)) {
			cells := []string{name}
			var last pairing
			var allocated, bytes float64
			for _, n := range sizes {
				is := newIssuer(issuerURL, keySet(n, k))
				subject := verifying(must(make(is)), token)
				subject.call() // fetches the keys
				last = b.pair(bare, subject)
				allocated, bytes = allocs(subject)
				cells = append(cells, ratio(last.ratio))
				at := []string{"id-token", alg, fmt.Sprint(n), name}
				b.put("ratio", last.ratio, at...)
				b.put("allocs", allocated-bareAllocs, at...)
				b.put("bytes", bytes-bareBytes, at...)
			}
			t.add(append(cells, nanos(last.ns), over(allocated-bareAllocs), over(bytes-bareBytes))...)
		}
		row("ours", func(is *issuer) (verifyFunc, error) { return ourIDToken(is, alg), nil })
		if !b.quick {
			for _, p := range peers {
				row(p.name, func(is *issuer) (verifyFunc, error) { return p.verifier(ctx, is, idExpectation.with(alg)) })
			}
		}
		t.print(b.out)
	}
}
