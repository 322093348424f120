package oauth

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// atLimit is a limit, and what becomes of something of n bytes, or of that time.
type atLimit struct {
	name string
	max  int
	try  func(t *testing.T, n int) error
	kind error // of what is larger by step
	step int   // 0: 1
}

// TestLimits has each limit that is cheap to reach: what is as large is taken, and what
// is larger by one is not. Others are where their tests are: bodies in
// TestHTTPBodyLimit, JSON in TestJSONRefused, tokens in TestJWSSize, attestations,
// challenges, notifications and caches in those of their rooms.
func TestLimits(t *testing.T) {
	for _, tt := range append(limitsOfTokens(t), limitsOfTexts(t)...) {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.try(t, tt.max); err != nil {
				t.Errorf("%d: %v", tt.max, err)
			}
			over := tt.max + max(tt.step, 1)
			if err := tt.try(t, over); !errors.Is(err, tt.kind) {
				t.Errorf("%d: %v, want %v", over, err, tt.kind)
			}
		})
	}
}

var errOverLimit = errors.New("over the limit")

// overUnless is for limits beyond which something is left out, and nobody is told.
func overUnless(ok bool) error {
	if ok {
		return nil
	}
	return errOverLimit
}

// tooLong lets an error pass that is about something else than the length.
func tooLong(err error) error {
	if err == nil || !strings.Contains(err.Error(), "longer than") {
		return nil
	}
	return err
}

func limitsOfTokens(t *testing.T) []atLimit {
	s := newUnitServer()
	rs := s.resource(t, nil)
	key := proofKeyOf(t, ES256)
	bound := s.accessToken(t, boundTo(key))
	return []atLimit{
		{"Authorization header field", maxToken, func(t *testing.T, n int) error {
			_, err := authenticate(t, rs, apiRequest("Bearer "+strings.Repeat("a", n-len("Bearer "))))
			return tooLong(err)
		}, ErrParse, 0},
		{"access token that is stored", maxToken, func(_ *testing.T, n int) error {
			_, err := (&Token{AccessToken: NewSecret(strings.Repeat("a", n)), TokenType: "Bearer"}).MarshalBinary()
			return err
		}, ErrConfig, 0},
		{"encrypted token", maxToken, func(_ *testing.T, n int) error {
			_, err := splitJWE("...." + strings.Repeat("a", n-4))
			return err
		}, ErrParse, 0},
		{"header of an encrypted token", maxHeader, func(_ *testing.T, n int) error {
			_, err := splitJWE(strings.Repeat("a", n) + "....")
			return err
		}, ErrParse, 0},
		{"header of a token that may be none", maxHeader, func(_ *testing.T, n int) error {
			const open, end = `{"x":"`, `"}`
			header := encodeBase64URL([]byte(open + strings.Repeat("x", n/4*3-len(open+end)) + end))
			return overUnless(!isJWT(header + ".e30.AA"))
		}, errOverLimit, 4},
		{"DPoP proof", maxProof, func(t *testing.T, n int) error {
			_, err := authenticate(t, rs, provenRequestOf(bound, proofOfSize(t, key, bound, n)))
			return err
		}, ErrParse, 0},
		{"token that is remembered", maxRemembered, func(_ *testing.T, n int) error {
			cache := newTokenCache(8)
			d := &accessTokenData{raw: strings.Repeat("a", n-100), tokenClaims: tokenClaims{payload: strings.Repeat("a", 100)}}
			cache.add("1", &rememberedToken{token: &AccessToken{content: d}})
			return overUnless(cache.get("1") != nil)
		}, errOverLimit, 0},
	}
}

// proofOfSize is a good proof of n bytes. A base64url segment cannot have every
// length: a member of the header makes up for it.
func proofOfSize(t *testing.T, key *SigningKey, token string, n int) string {
	t.Helper()
	for kid := range 4 {
		for pad := n * 3 / 4; pad > n/2; pad-- {
			proof := signProof(t, key, map[string]any{"kid": strings.Repeat("k", kid)}, proofClaims(token, map[string]any{"x": strings.Repeat("x", pad)}))
			if len(proof) == n {
				return proof
			}
			if len(proof) < n {
				break
			}
		}
	}
	t.Fatalf("no proof has %d bytes", n)
	return ""
}

func limitsOfTexts(t *testing.T) []atLimit {
	s := newUnitServer()
	c := s.client(t, nil)
	start := func(scope int) (*PendingAuthorization, error) {
		return c.StartAuthorization(context.Background(), &AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{strings.Repeat("x", scope)}})
	}
	saved := func(t *testing.T, a *PendingAuthorization) []byte {
		t.Helper()
		data, err := a.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	// Beside a scope so long that its length takes the bytes that it takes at the limit.
	const scope = 2000
	a, err := start(scope)
	if err != nil {
		t.Fatal(err)
	}
	rest := len(saved(t, a)) - scope
	return []atLimit{
		{"Authorization that begins", maxSaved, func(t *testing.T, n int) error {
			a, err := start(n - rest)
			if err == nil && len(saved(t, a)) != n {
				t.Errorf("%d bytes, not %d", len(saved(t, a)), n)
			}
			return err
		}, ErrConfig, 0},
		{"Authorization that is restored", maxSaved, func(t *testing.T, n int) error {
			d := *a.content
			d.scope = strings.Repeat("x", n-rest)
			return new(PendingAuthorization).UnmarshalBinary(saved(t, &PendingAuthorization{content: &d}))
		}, ErrParse, 0},
		{"key set", maxBody, func(_ *testing.T, n int) error {
			document := jwksDocument("a")
			_, err := ParseKeySet([]byte(document + strings.Repeat(" ", n-len(document))))
			return err
		}, ErrParse, 0},
		{"answer of an announced length", maxBody, func(_ *testing.T, n int) error {
			c := newCaller(httpFunc(func(r *http.Request) (*http.Response, error) {
				res := httpAnswer(r, 200, strings.Repeat("x", n))
				res.ContentLength = int64(n)
				return res, nil
			}).client(), false, nil)
			_, err := c.do(context.Background(), httpGet("https://op.example/"))
			return err
		}, ErrResponse, 0},
		{"error_uri", maxErrorText, func(_ *testing.T, n int) error {
			const page = "https://op.example/"
			_, _, uri := refusalText(errorMembers{uri: page + strings.Repeat("x", n-len(page))}, nil)
			return overUnless(len(uri) == n)
		}, errOverLimit, 0},
		{"header field of an error", maxErrorHeader, func(_ *testing.T, n int) error {
			h := boundedHeader(http.Header{"A": {strings.Repeat("a", n-1)}})
			return overUnless(len(h["A"]) == 1)
		}, errOverLimit, 0},
		{"header fields of an error", maxErrorHeader, func(_ *testing.T, n int) error {
			h := boundedHeader(http.Header{"A": {strings.Repeat("a", 99), strings.Repeat("a", 99)}, "B": {strings.Repeat("b", n-201)}})
			return overUnless(len(h["A"]) == 2 && len(h["B"]) == 1)
		}, errOverLimit, 0},
		{"AuthorizationLifetime in hours", int(maxAuthorizationAge / time.Hour), func(_ *testing.T, n int) error {
			cfg := s.config()
			cfg.AuthorizationLifetime = time.Duration(n) * time.Hour
			_, err := NewClient(cfg)
			return err
		}, ErrConfig, 0},
		{"stored interval in seconds", int(maxPollInterval / time.Second), func(_ *testing.T, n int) error {
			return new(DeviceAuthorization).UnmarshalBinary(savePending(savedSamples()["DeviceAuthorization"].(*DeviceAuthorization).g.content, int64(n)))
		}, ErrParse, 0},
	}
}

// TestNumbers has the limits as numbers. Other tests name the constants, and would follow
// a slip in one.
func TestNumbers(t *testing.T) {
	const kib, mib = 1 << 10, 1 << 20
	for _, tt := range []struct {
		name     string
		is, want int64
	}{
		{"bytes of a body, and of a key set", maxBody, mib},
		{"keys of a set", maxKeys, 500},
		{"bytes of a token", maxToken, 64 * kib},
		{"bytes of its header", maxHeader, 8 * kib},
		{"depth of JSON", maxDepth, 32},
		{"members of an object", maxMembers, 1024},
		{"members of a JOSE header", maxHeaderMembers, 64},
		{"names that are compared in pairs", pairwiseNames, 64},
		{"greatest NumericDate", maxNumericDate, 1 << 53},
		{"headers that are remembered", maxMemo, 256},
		{"bytes of one", maxMemoHeader, kib},
		{"least bits of an RSA key", minRSABits, 2048},
		{"most bits of an RSA key", maxRSABits, 8192},
		{"most bits of that of a proof", maxProofRSABits, 4096},
		{"bytes of a proof", maxProof, 16 * kib},
		{"bytes of a saved authorization", maxSaved, 3 * kib},
		{"origins whose nonces are kept", maxNonceOrigins, 100},
		{"bytes of a nonce key", minNonceKey, 32},
		{"proofs that are kept", maxReplays, mib},
		{"the part of them of one key", replayShare, 64},
		{"fetches at once for the tokens of strangers", strangerKeyBurst, 3},
	} {
		if tt.is != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, tt.is, tt.want)
		}
	}
	for _, tt := range []struct {
		name     string
		is, want time.Duration
	}{
		{"a request", overallTimeout, 30 * time.Second},
		{"a token request that is held", pollTimeout, 65 * time.Second},
		{"connecting", dialTimeout, 5 * time.Second},
		{"the TLS handshake", tlsTimeout, 5 * time.Second},
		{"an idle connection", idleTimeout, 90 * time.Second},
		{"a fetch of keys", keyFetchTimeout, 10 * time.Second},
		{"a renewal", refreshTimeout, 30 * time.Second},
		{"clocks that are ahead", maxAhead, 10 * time.Minute},
		{"an ID token from the browser", frontChannelAge, time.Hour},
		{"a logout token", logoutTokenAge, time.Hour},
		{"an authorization", authorizationAge, time.Hour},
		{"what a server says lasts longer", maxLifetime, 1 << 31 * time.Second},
		{"between two polls", pollInterval, 5 * time.Second},
		{"between two polls, at most", maxPollInterval, time.Hour},
		{"slow_down", slowDownStep, 5 * time.Second},
		{"an assertion", assertionLifetime, time.Minute},
		{"an assertion, at most", maxAssertionLifetime, 10 * time.Minute},
		{"a request object", requestObjectAge, 5 * time.Minute},
		{"a request object that is pushed", pushedObjectAge, time.Minute},
		{"a proof, either way", proofWindow, time.Minute},
		{"a proof, either way, at most", maxProofWindow, 5 * time.Minute},
		{"what is used once", maxReplayLife, 25 * time.Hour},
		{"the slot of a nonce", nonceSlot, time.Minute},
		{"keys that count as new", keySoftAge, 5 * time.Minute},
		{"keys that count as new, at least", minKeySoftAge, time.Minute},
		{"keys that cannot be refreshed", defaultKeyAge, time.Hour},
		{"keys that cannot be refreshed, at most", maxKeyAge, 24 * time.Hour},
		{"between fetches for a server's response", answerKeyInterval, 2 * time.Second},
		{"between fetches for what strangers send", strangerKeyInterval, time.Minute},
		{"a renewal before the end of a token", earlyRefresh, 30 * time.Second},
		{"after a renewal that failed", refreshBackoff, time.Second},
		{"after renewals that failed, at most", maxRefreshBackoff, 30 * time.Second},
	} {
		if tt.is != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, tt.is, tt.want)
		}
	}
}
