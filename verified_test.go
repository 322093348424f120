package oauth

// Tests of the memory of verified tokens.

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// remembers reports whether the token would not be verified again.
func remembers(rs *ResourceServer, token string) bool {
	return rs.remembered(bearer(token).Context(), &presentedToken{raw: token}) != nil
}

func TestVerifiedTokens(t *testing.T) {
	s := newUnitServer()
	now := time.Unix(unitTime, 0)
	accepted := true
	const tenant = "11111111-2222-3333-4444-555555555555"
	rs := s.resource(t, func(c *ResourceServerConfig) {
		c.VerifiedTokens = 10
		c.Clock = Clock{Now: func() time.Time { return now }}
		c.Servers[0].Server.Issuer = "https://op.example/{tenantid}"
		c.Servers[0].AcceptIssuer = func(_, tid string) bool { return accepted }
		set, err := ParseKeySet([]byte(`{"keys":[` + string(s.key.PublicJWK()) + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		c.Servers[0].KeySet = set
	})
	claims := map[string]any{"iss": "https://op.example/" + tenant, "tid": tenant, "nbf": unitTime}
	raw := s.accessToken(t, claims)
	first, err := authenticate(t, rs, bearer(raw))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := rs.Authenticate(bearer(raw)); again != first || err != nil {
		t.Error("it was verified anew: ", err)
	}
	accepted = false
	_, err = authenticate(t, rs, bearer(raw))
	wantError(t, err, ErrIssuer, "iss")
	accepted = true
	now = time.Unix(unitTime-31, 0)
	_, err = authenticate(t, rs, bearer(raw))
	wantError(t, err, ErrNotYetValid, "nbf")
	now = time.Unix(unitTime+330, 0)
	_, err = authenticate(t, rs, bearer(raw))
	wantError(t, err, ErrExpired, "exp")
	now = time.Unix(unitTime, 0)

	// A token that fails is not remembered, and one that was changed is another.
	bad := s.accessToken(t, map[string]any{"iss": claims["iss"], "tid": tenant, "aud": "other"})
	for _, token := range []string{bad, raw[:len(raw)-4] + "AAAA", raw + "A"} {
		for range 2 {
			if _, err := authenticate(t, rs, bearer(token)); err == nil {
				t.Error("taken")
			}
		}
		if remembers(rs, token) {
			t.Error("a token that failed is remembered")
		}
	}
}

// TestVerifiedTokensBinding: what depends on the request is judged for each.
func TestVerifiedTokensBinding(t *testing.T) {
	s := newUnitServer()
	key, other := proofKeyOf(t, ES256), proofKeyOf(t, ES256)
	rs := s.resource(t, func(c *ResourceServerConfig) { c.VerifiedTokens = 10 })
	token := s.accessToken(t, boundTo(key))
	for range 2 {
		if _, err := rs.Authenticate(provenRequestOf(token, signProof(t, key, nil, proofClaims(token, nil)))); err != nil {
			t.Fatal(err)
		}
	}
	if !remembers(rs, token) {
		t.Fatal("not remembered")
	}
	for name, r := range map[string]*http.Request{
		"as Bearer":       bearer(token),
		"without a proof": provenRequestOf(token),
		"with another":    provenRequestOf(token, signProof(t, other, nil, proofClaims(token, nil))),
		"for another URL": provenRequestOf(token, signProof(t, key, nil, proofClaims(token, map[string]any{"htm": "PUT"}))),
	} {
		if _, err := authenticate(t, rs, r); err == nil {
			t.Error(name, " it was taken")
		}
	}
}

// TestVerifiedTokensKeys: a token is remembered as long as the keys are those that
// verified it, and the keys as long as they may be used.
func TestVerifiedTokensKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newUnitServer()
		rs := s.resource(t, func(c *ResourceServerConfig) { c.VerifiedTokens, c.Clock = 10, Clock{} })
		raw := s.accessToken(t, map[string]any{"exp": time.Now().Add(24 * time.Hour).Unix(), "iat": time.Now().Unix()})
		use := func() error {
			_, err := rs.Authenticate(bearer(raw))
			synctest.Wait()
			return err
		}
		for range 2 { // the first fetches the keys
			if err := use(); err != nil {
				t.Fatal(err)
			}
		}
		if !remembers(rs, raw) {
			t.Fatal("not remembered")
		}
		time.Sleep(keySoftAge)
		if err := use(); err != nil { // starts a refresh
			t.Error(err)
		}
		if n := len(s.requests("/jwks")); n != 2 {
			t.Errorf("a hit does not keep the keys new: %d fetches", n)
		}
		if !remembers(rs, raw) {
			t.Error("forgotten, and the keys are the same")
		}
		// With one more they are others.
		other := proofKeyOf(t, ES256)
		jwk := string(s.key.PublicJWK())
		s.answer("/jwks", `{"keys":[`+jwk+`,`+string(other.PublicJWK())+`]}`)
		time.Sleep(keySoftAge)
		if err := use(); err != nil {
			t.Error(err)
		}
		if remembers(rs, raw) {
			t.Error("remembered beyond the keys")
		}
		if err := use(); err != nil || !remembers(rs, raw) {
			t.Error(err)
		}

		// After a pause the keys are looked at again first.
		s.answer("/jwks", `{"keys":[`+string(other.PublicJWK())+`]}`)
		time.Sleep(2 * keySoftAge)
		if err := use(); err == nil {
			t.Error("the key was taken out while nobody asked, and its token is good")
		}
		s.answer("/jwks", `{"keys":[`+jwk+`,`+string(other.PublicJWK())+`]}`)
		time.Sleep(2 * keySoftAge)
		for range 2 {
			if err := use(); err != nil {
				t.Error(err)
			}
		}

		s.set("/jwks", unitAnswer{status: http.StatusBadGateway})
		time.Sleep(defaultKeyAge - 1)
		if err := use(); err != nil { // they may still be used
			t.Error(err)
		}
		time.Sleep(time.Nanosecond)
		wantError(t, use(), ErrUnavailable, "jwks_uri")

		s.answer("/jwks", `{"keys":[`+string(other.PublicJWK())+`]}`)
		time.Sleep(maxKeyBackoff)
		if err := use(); err == nil {
			t.Error("the key was taken out, and its token is good")
		}
	})
}

// TestAskedTokensAge: what a server said of a token is forgotten while the machine
// sleeps, too.
func TestAskedTokensAge(t *testing.T) {
	const life = time.Minute
	for name, tt := range map[string]struct {
		asked moment
		want  bool
	}{
		"now":                 {thisMoment(), true},
		"too long ago":        {momentAgo(life), false},
		"the machine slept":   {slept(thisMoment(), life), false},
		"a clock set back":    {slept(momentAgo(life), -time.Hour), false},
		"set back, and new":   {slept(thisMoment(), -time.Hour), true},
		"not yet for so long": {momentAgo(life / 2), true},
	} {
		nobody := &Client{server: new(AuthorizationServer)} // who would ask
		rs := &ResourceServer{asked: newTokenCache(2), introspect: nobody, inquiries: newInquiries()}
		rs.asked.add(hashKey("t"), &rememberedToken{client: nobody, token: &AccessToken{new(accessTokenData)}, asked: tt.asked, life: life})
		if got, err := rs.ask(context.Background(), "t", hashToken("t")); (got != nil) != tt.want || (err == nil) != tt.want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// count is how many are in the cache.
func (c *tokenCache) count() (n int) {
	for i := range c.shards {
		n += len(c.shards[i].newer) + len(c.shards[i].old)
	}
	return n
}

func hashKey(token string) string {
	hash := hashToken(token)
	return string(hash[:])
}

// TestTokenCacheShards: a large one is in several, and all of them are used.
func TestTokenCacheShards(t *testing.T) {
	if c := newTokenCache(minShardedTokens - 1); len(c.shards) != 1 {
		t.Errorf("a small one is in %d", len(c.shards))
	}
	c := newTokenCache(minShardedTokens)
	for i := range minShardedTokens {
		c.add(hashKey(fmt.Sprint(i)), &rememberedToken{token: &AccessToken{new(accessTokenData)}})
	}
	for i := range c.shards {
		if n := len(c.shards[i].newer) + len(c.shards[i].old); n < minShardedTokens/tokenShards/2 {
			t.Errorf("shard %d of %d has %d", i, len(c.shards), n)
		}
	}
}

// TestTokenCache is the bound, and what is used stays.
func TestTokenCache(t *testing.T) {
	for _, size := range []int{1, 2, 7, 100, minShardedTokens} {
		c := newTokenCache(size)
		hash := func(i int) string { return fmt.Sprint(i) }
		entry := func() *rememberedToken { return &rememberedToken{token: &AccessToken{new(accessTokenData)}} }
		used := entry()
		c.add(hash(-1), used)
		for i := range 10 * size {
			c.add(hash(i), entry())
			if n := c.count(); n > size {
				t.Fatalf("size %d: there are %d", size, n)
			}
			if size > 2 && c.get(hash(-1)) != used {
				t.Fatalf("size %d: what is used was forgotten after %d", size, i)
			}
		}
		if c.get(hash(10*size-1)) == nil || size > 2 && c.get(hash(0)) != nil {
			t.Errorf("size %d: the last is not there, or the first is", size)
		}
	}
	// It has room for what it was made for, and what is there takes no more of it.
	for _, size := range []int{1, 2, 3, 4, 7, 10, 100} {
		c := newTokenCache(size)
		room := max(size/2*2, 1)
		for i := range room {
			c.add(string(rune(i)), &rememberedToken{token: &AccessToken{new(accessTokenData)}})
		}
		for range size {
			c.add(string(rune(room-1)), &rememberedToken{token: &AccessToken{new(accessTokenData)}})
		}
		if n := c.count(); n != room {
			t.Errorf("size %d: %d of %d are there", size, n, room)
		}
	}
	// What was found good later counts, wherever the token stood before.
	twice := newTokenCache(4)
	later := &rememberedToken{token: &AccessToken{new(accessTokenData)}}
	for i := range 3 {
		twice.add(fmt.Sprint(i), &rememberedToken{token: &AccessToken{new(accessTokenData)}})
	}
	twice.add("0", later)
	if twice.shards[0].old["0"].value == nil || twice.get("0") != later {
		t.Error("an older memory of the token counts")
	}
	var none *tokenCache
	none.add("", nil)
	if none.get("") != nil {
		t.Error("no cache remembers")
	}
	c := newTokenCache(50)
	var wg sync.WaitGroup
	var wrong atomic.Int32
	for g := range 8 {
		wg.Go(func() {
			for i := range 2000 {
				n := (i*7 + g) % 120
				h := fmt.Sprint(n)
				if m := c.get(h); m != nil && m.life != time.Duration(n) {
					wrong.Add(1)
				}
				c.add(h, &rememberedToken{token: &AccessToken{new(accessTokenData)}, life: time.Duration(n)})
			}
		})
	}
	wg.Wait()
	if wrong.Load() > 0 {
		t.Errorf("%d times the token of somebody else", wrong.Load())
	}
}

// TestVerifiedTokenAllocations: PERFORMANCE of a hit is that it allocates nothing.
func TestVerifiedTokenAllocations(t *testing.T) {
	s := newUnitServer()
	rs := s.resource(t, func(c *ResourceServerConfig) { c.VerifiedTokens = 10 })
	r := bearer(s.accessToken(t, nil))
	for range 2 {
		if _, err := rs.Authenticate(r); err != nil {
			t.Fatal(err)
		}
	}
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	if n := testing.AllocsPerRun(100, func() { rs.Authenticate(r) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestVerifiedTokensLarge: a few large tokens would take the memory of many.
func TestVerifiedTokensLarge(t *testing.T) {
	s := newUnitServer()
	rs := s.resource(t, func(c *ResourceServerConfig) { c.VerifiedTokens = 10 })
	for size, want := range map[int]bool{4 << 10: true, 16 << 10: false} {
		raw := s.accessToken(t, map[string]any{"x": strings.Repeat("x", size)})
		for range 2 { // the first fetches the keys
			if _, err := rs.Authenticate(bearer(raw)); err != nil {
				t.Fatal(err)
			}
		}
		if remembers(rs, raw) != want {
			t.Errorf("%d bytes: remembered %v", size, !want)
		}
	}
}
