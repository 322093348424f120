package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"example.com/oauth"
)

// This file has the table of tokens that are refused before their signature is checked.

// refusing returns an op that wants an error.
func refusing(call func() error) op {
	return op{call: func() {
		if call() == nil {
			check(errors.New("a bad token is accepted"))
		}
	}}
}

// A refuser is a way to have a token refused. It returns the call for one token.
type refuser struct {
	name string
	of   func(token string) func() error
}

// refusers are the ways of package oauth, with keys that are fetched already. They have
// used up their fetches for unknown keys.
func refusers(k *key, is, second *issuer) []refuser {
	client := newClient(is, k.alg)
	api := func(name string, rs *oauth.ResourceServer) refuser {
		return refuser{name, func(token string) func() error {
			r := apiRequest("Bearer " + token)
			return func() error { _, err := rs.Authenticate(r); return err }
		}}
	}
	list := []refuser{
		{"ours, ID token", func(token string) func() error {
			return func() error {
				_, err := client.VerifyIDToken(context.Background(), token, oauth.VerifyIDTokenOptions{Nonce: nonce})
				return err
			}
		}},
		api("ours, API", newAPI(nil, is)),
		api("ours, API with two servers", newAPI(nil, second, is)),
	}
	for i, r := range list {
		good, typ := k.accessToken(nil), "at+jwt"
		if i == 0 {
			good, typ = k.idToken(nil), "JWT"
		}
		check(r.of(good)())
		for n := range 5 {
			if r.of(strangers(k, typ, n))() == nil {
				check(errors.New("a token of an unknown key is accepted"))
			}
		}
	}
	return list
}

// strangers returns a token with a key id that no set has, which is another for each n.
func strangers(k *key, typ string, n int) string {
	header := fmt.Sprintf(`{"alg":%q,"typ":%q,"kid":"unknown-%d"}`, k.alg, typ, n)
	audience := clientID
	if typ == "at+jwt" {
		audience = apiURL
	}
	now := time.Now().Unix()
	return forged(header, object(map[string]any{"iss": issuerURL, "sub": subject, "aud": audience, "nonce": nonce, "exp": now + 600, "iat": now}, nil), 256)
}

// forged returns a token with a signature of n bytes that nobody made.
func forged(header, claims string, n int) string {
	return base64url(header) + "." + base64url(claims) + "." + base64url(strings.Repeat("s", n))
}

// refusedTokens are the reference token of k, each made wrong in one way.
func refusedTokens(k *key, good string) []struct{ name, token string } {
	parts := strings.Split(good, ".")
	with := func(header string) string { return base64url(header) + "." + parts[1] + "." + parts[2] }
	typ := ""
	if strings.Contains(string(unbase64(parts[0])), "at+jwt") {
		typ = `"typ":"at+jwt",`
	}
	head := func(alg, more, kid string) string {
		return `{"alg":"` + alg + `",` + typ + more + `"kid":"` + kid + `"}`
	}
	return []struct{ name, token string }{
		{"shape", parts[0] + "." + parts[1]},
		{"size", good + strings.Repeat("A", 64<<10)},
		{"base64", good[:len(good)-1] + "!"},
		{"crit", with(head(k.alg, `"crit":["b64"],"b64":false,`, k.kid))},
		{"typ", with(`{"alg":"` + k.alg + `","typ":"logout+jwt","kid":"` + k.kid + `"}`)},
		{"no kid", with(strings.TrimSuffix(`{"alg":"`+k.alg+`",`+typ, ",") + "}")},
		{"unknown kid", with(head(k.alg, "", "unknown"))},
		{"alg", with(head("HS256", "", k.kid))},
	}
}

// typical returns the median time of a call in batches. It takes more of them where they
// differ, as a pair does: there is no batch beside them that the machine disturbs as well.
func (b *bench) typical(o op) float64 {
	n := o.size(batchTime)
	var times []float64
	least, most := max(5, b.pairs/4), max(5, b.mostPairs/4)
	for len(times) < least || len(times) < most && standardError(times, len(times)) > exactOfRest*median(times) {
		times = append(times, o.perCall(n))
	}
	return median(times)
}

func (b *bench) refusals() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	k := newKey("RS256", "signing-key-2026")
	is := newIssuer(issuerURL, keySet(20, k))
	second := newIssuer(secondURL, keySet(20, newKey("RS256", "second-key-2026")))
	list := refusers(k, is, second)
	if !b.quick {
		for _, p := range peers {
			if p.name == "golang-jwt" || p.name == "go-oidc" {
				verify := must(p.verifier(ctx, is, idExpectation.with(k.alg)))
				list = append(list, refuser{p.name, func(token string) func() error {
					return func() error { _, err := verify(token); return err }
				}})
			}
		}
	}
	head := []string{""}
	for _, r := range list {
		head = append(head, r.name)
	}
	t := newTable("Tokens refused before the signature: time and allocations", "The tokens are the reference token of RS256, made wrong in one way.", head...)
	for i, kind := range refusedTokens(k, k.idToken(nil)) {
		cells := []string{kind.name}
		for _, r := range list {
			token := kind.token
			if strings.Contains(r.name, "API") {
				token = refusedTokens(k, k.accessToken(nil))[i].token
			}
			refuse := refusing(r.of(token))
			if (kind.name == "typ" || kind.name == "no kid" || kind.name == "crit") && !strings.HasPrefix(r.name, "ours") {
				cells = append(cells, "") // not looked at, or only after the signature
				continue
			}
			ns := b.typical(refuse)
			allocated, _ := allocs(refuse)
			b.put("µs", ns/1000, "refusals", r.name, kind.name)
			b.put("allocs", allocated, "refusals", r.name, kind.name)
			cells = append(cells, fmt.Sprintf("%.2f µs, %s", ns/1000, number(allocated)))
		}
		t.add(cells...)
	}
	t.print(b.out)
	b.refusalsGrow(k, list[:3])
}

// refusalsGrow measures refusals of tokens of 60 kB over those of 15 kB.
func (b *bench) refusalsGrow(k *key, list []refuser) {
	head := []string{""}
	for _, r := range list {
		head = append(head, r.name)
	}
	t := newTable("Refusal of a token of 60 kB over that of one of 15 kB", "Four times is linear.", head...)
	bare := k.bareCheck(k.idToken(nil))
	t.add("A/A", ratio(b.same(bare, "refusals").ratio))
	for _, s := range shapes {
		cells := []string{s.name}
		for _, r := range list {
			typ := "at+jwt"
			if strings.Contains(r.name, "ID") {
				typ = "JWT"
			}
			token := func(n int) string {
				return forged(`{"alg":"RS256","typ":"`+typ+`","kid":"unknown"}`, `{"iss":"`+issuerURL+`",`+s.make(n*3/4-600)+`}`, 256)
			}
			small, large := refusing(r.of(token(15_000))), refusing(r.of(token(60_000)))
			p := b.pair(small, large)
			b.put("growth", p.ratio, "refusals", r.name, s.name)
			cells = append(cells, fmt.Sprintf("%.2f (%.1f µs)", p.ratio, p.ns/1000))
		}
		t.add(cells...)
		if b.quick {
			break
		}
	}
	t.print(b.out)
}
