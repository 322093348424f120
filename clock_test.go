package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// clockNow is what time it is in the tests of this file.
var clockNow = time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)

// clockAt is a Clock at clockNow.
func clockAt(skew, tolerance time.Duration) Clock {
	return Clock{Skew: skew, Tolerance: tolerance, Now: func() time.Time { return clockNow }}
}

const (
	clockIssuer = "https://op.example.com"
	clockClient = "client"
)

// clockIssuerKey is a server's key, and the set that it publishes.
func clockIssuerKey(t *testing.T) (*SigningKey, *KeySet) {
	t.Helper()
	key, err := GenerateSigningKey(ES256)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ParseKeySet([]byte(`{"keys":[` + string(key.PublicJWK()) + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return key, keys
}

// clockVerifier is a Client that only verifies, with the given clock.
func clockVerifier(t *testing.T, keys *KeySet, clock Clock) *Client {
	t.Helper()
	c, err := NewClient(Config{
		Server:   &AuthorizationServer{Issuer: clockIssuer},
		Metadata: ClientMetadata{ClientID: clockClient, IDTokenSignedResponseAlg: ES256},
		KeySet:   keys,
		Clock:    clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// clockToken is an ID token with the given claims in place of the usual ones.
// A claim that is nil is left out.
func clockToken(t *testing.T, key *SigningKey, claims map[string]any) string {
	t.Helper()
	all := map[string]any{
		"iss": clockIssuer, "sub": "alice", "aud": clockClient,
		"iat": clockNow.Unix(), "exp": clockNow.Add(5 * time.Minute).Unix(),
	}
	maps.Copy(all, claims)
	for name, value := range all {
		if value == nil {
			delete(all, name)
		}
	}
	token, err := key.SignJWT("JWT", all)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// clockAfter is clockNow and so much, as a NumericDate.
func clockAfter(d time.Duration) json.RawMessage {
	at := clockNow.Add(d)
	return json.RawMessage(fmt.Sprintf("%d.%03d", at.Unix(), at.Nanosecond()/1e6))
}

// TestClientClockSkew is the property "clock skew" of a client: what is added
// to its clock, so that it agrees with that of the server.
func TestClientClockSkew(t *testing.T) {
	key, keys := clockIssuerKey(t)
	for _, tt := range []struct {
		name   string
		server time.Duration // the server's clock, ahead of ours
		skew   time.Duration
		want   error
	}{
		{"same clock", 0, 0, nil},
		{"the local clock is an hour behind", time.Hour, 0, ErrNotYetValid},
		{"put right", time.Hour, time.Hour, nil},
		{"put right in part", time.Hour, 30 * time.Minute, ErrNotYetValid},
		{"put right the wrong way", time.Hour, -time.Hour, ErrNotYetValid},
		{"the local clock is an hour ahead", -time.Hour, 0, ErrExpired},
		{"put right backwards", -time.Hour, -time.Hour, nil},
		{"put right backwards in part", -time.Hour, -30 * time.Minute, ErrExpired},
		{"a skew for a clock that is right", 0, time.Hour, ErrExpired},
		{"the greatest skew", maxSkew, maxSkew, nil},
		{"the greatest skew backwards", -maxSkew, -maxSkew, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := clockVerifier(t, keys, clockAt(tt.skew, 0))
			token := clockToken(t, key, map[string]any{
				"iat": clockAfter(tt.server), "nbf": clockAfter(tt.server), "exp": clockAfter(tt.server + 5*time.Minute),
			})
			id, err := c.VerifyIDToken(context.Background(), token, VerifyIDTokenOptions{})
			if !errors.Is(err, tt.want) || (err == nil) != (id != nil) {
				t.Errorf("got %v, %v, want %v", id, err, tt.want)
			}
			if tt.want == nil {
				return
			}
			if text := err.Error(); !strings.Contains(text, "Clock.Skew") {
				t.Errorf("the error does not name Clock.Skew: %s", text)
			}
		})
	}
}

// TestClientClockTolerance is the property "clock tolerance" of a client: how
// far the times in a token may be off.
func TestClientClockTolerance(t *testing.T) {
	key, keys := clockIssuerKey(t)
	const none = -1
	maxAge := int64(60)
	for _, tt := range []struct {
		name      string
		tolerance time.Duration
		claim     string
		at        time.Duration
		want      error
	}{
		// RFC 7519, Section 4.1.4: "on or after which the JWT MUST NOT be accepted".
		{"exp: equal is expired", none, "exp", 0, ErrExpired},
		{"exp: a moment later", none, "exp", time.Millisecond, nil},
		{"exp: at the default tolerance", 0, "exp", -DefaultTolerance, ErrExpired},
		{"exp: within the default tolerance", 0, "exp", -DefaultTolerance + time.Second, nil},
		{"exp: at 5 minutes", 5 * time.Minute, "exp", -5 * time.Minute, ErrExpired},
		{"exp: within 5 minutes", 5 * time.Minute, "exp", -5*time.Minute + time.Second, nil},
		{"exp: within the greatest tolerance", maxTolerance, "exp", -maxTolerance + time.Second, nil},
		{"exp: a large negative tolerance is none", -time.Hour, "exp", time.Second, nil},
		// Section 4.1.5: "before which the JWT MUST NOT be accepted".
		{"nbf: equal is valid", none, "nbf", 0, nil},
		{"nbf: a moment later", none, "nbf", time.Millisecond, ErrNotYetValid},
		{"nbf: at the default tolerance", 0, "nbf", DefaultTolerance, nil},
		{"nbf: beyond it", 0, "nbf", DefaultTolerance + time.Second, ErrNotYetValid},
		{"nbf: at 5 minutes", 5 * time.Minute, "nbf", 5 * time.Minute, nil},
		{"nbf: a large negative tolerance is none", -time.Hour, "nbf", 0, nil},
		// Real clocks are ahead: iat and auth_time, by up to ten minutes whatever
		// the tolerance.
		{"iat: 10 minutes ahead", none, "iat", maxAhead, nil},
		{"iat: a moment more", none, "iat", maxAhead + time.Millisecond, ErrNotYetValid},
		{"iat: a tolerance does not add to it", 5 * time.Minute, "iat", maxAhead + time.Second, ErrNotYetValid},
		{"iat: any age", none, "iat", -1000 * time.Hour, nil},
		{"auth_time: 10 minutes ahead", none, "auth_time", maxAhead, nil},
		{"auth_time: a moment more", none, "auth_time", maxAhead + time.Millisecond, ErrNotYetValid},
		{"auth_time: at max_age", none, "auth_time", -time.Minute, nil},
		{"auth_time: over max_age", none, "auth_time", -time.Minute - time.Millisecond, ErrExpired},
		{"auth_time: at max_age and the tolerance", 0, "auth_time", -time.Minute - DefaultTolerance, nil},
		{"auth_time: over both", 0, "auth_time", -time.Minute - DefaultTolerance - time.Millisecond, ErrExpired},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := clockVerifier(t, keys, clockAt(0, tt.tolerance))
			claims := map[string]any{tt.claim: clockAfter(tt.at)}
			opts := VerifyIDTokenOptions{}
			if tt.claim == "auth_time" {
				opts.MaxAge = &maxAge
			}
			_, err := c.VerifyIDToken(context.Background(), clockToken(t, key, claims), opts)
			var e *Error
			if !errors.Is(err, tt.want) || err != nil && (!errors.As(err, &e) || e.Param != tt.claim) {
				t.Errorf("error %v, want %v about %s", err, tt.want, tt.claim)
			}
		})
	}
}

func TestClockLimits(t *testing.T) {
	for _, tt := range []struct {
		name  string
		clock Clock
		param string
	}{
		{"zero", Clock{}, ""},
		{"greatest tolerance", Clock{Tolerance: 10 * time.Minute}, ""},
		{"tolerance too large", Clock{Tolerance: 10*time.Minute + 1}, "Clock.Tolerance"},
		{"no tolerance", Clock{Tolerance: -1}, ""},
		{"greatest skew", Clock{Skew: 24 * time.Hour}, ""},
		{"greatest skew backwards", Clock{Skew: -24 * time.Hour}, ""},
		{"skew too large", Clock{Skew: 24*time.Hour + 1}, "Clock.Skew"},
		{"skew too large backwards", Clock{Skew: -24*time.Hour - 1}, "Clock.Skew"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := NewClient(Config{
				Server:   &AuthorizationServer{Issuer: clockIssuer},
				Metadata: ClientMetadata{ClientID: clockClient},
				Clock:    tt.clock,
			})
			var e *Error
			switch {
			case tt.param == "" && err != nil:
				t.Errorf("error %v", err)
			case tt.param != "" && (!errors.As(err, &e) || e.Kind != ErrConfig || e.Param != tt.param):
				t.Errorf("error %v, want ErrConfig about %s", err, tt.param)
			}
		})
	}
}

func TestClockTime(t *testing.T) {
	if DefaultTolerance != 30*time.Second {
		t.Errorf("DefaultTolerance is %v", DefaultTolerance)
	}
	for tolerance, want := range map[time.Duration]time.Duration{
		0: DefaultTolerance, -1: 0, -time.Hour: 0, 1: 1, time.Minute: time.Minute,
	} {
		if got := (Clock{Tolerance: tolerance}).tolerance(); got != want {
			t.Errorf("a tolerance of %v counts as %v, want %v", tolerance, got, want)
		}
	}
	c := clockAt(time.Hour, 0)
	if got := c.local(); !got.Equal(clockNow) {
		t.Errorf("the local time is %v: Skew is not part of it", got)
	}
	if got := c.now(); !got.Equal(clockNow.Add(time.Hour)) {
		t.Errorf("the time is %v, want one with Skew", got)
	}
	before := time.Now()
	got := Clock{Skew: -time.Hour}.now().Add(time.Hour)
	if got.Before(before) || got.After(time.Now()) {
		t.Errorf("without Now the time is %v", got)
	}
	// Two times with a monotonic reading are compared by it, also after a night in which it
	// stood still.
	for name, c := range map[string]Clock{"none": {}, "time.Now": {Now: time.Now}, "with Skew": {Skew: time.Second}} {
		if text := c.local().String() + c.now().String() + c.instant().now.String(); strings.Contains(text, " m=") {
			t.Errorf("%s: the time has a monotonic reading: %s", name, text)
		}
	}
}

// TestClockChecks has the boundaries of each check, to the nanosecond.
func TestClockChecks(t *testing.T) {
	const ns = time.Nanosecond
	type check func(Clock, time.Time) error
	expiry := func(c Clock, at time.Time) error { return c.instant().checkExpiry("p", at) }
	notBefore := func(c Clock, at time.Time) error { return c.instant().checkNotBefore("p", at) }
	notAhead := func(c Clock, at time.Time) error { return c.instant().checkNotAhead("p", at) }
	age := func(c Clock, at time.Time) error { return c.instant().checkAge("p", at, time.Minute) }
	ageZero := func(c Clock, at time.Time) error { return c.instant().checkAge("p", at, 0) }
	for _, tt := range []struct {
		name            string
		check           check
		skew, tolerance time.Duration
		at              time.Duration
		want            error
	}{
		{"expiry, now", expiry, 0, -1, 0, ErrExpired},
		{"expiry, next", expiry, 0, -1, ns, nil},
		{"expiry, tolerance", expiry, 0, time.Minute, -time.Minute, ErrExpired},
		{"expiry, within the tolerance", expiry, 0, time.Minute, -time.Minute + ns, nil},
		{"expiry, skew", expiry, time.Hour, -1, time.Hour, ErrExpired},
		{"expiry, skew, next", expiry, time.Hour, -1, time.Hour + ns, nil},
		{"not before, now", notBefore, 0, -1, 0, nil},
		{"not before, next", notBefore, 0, -1, ns, ErrNotYetValid},
		{"not before, tolerance", notBefore, 0, time.Minute, time.Minute, nil},
		{"not before, over the tolerance", notBefore, 0, time.Minute, time.Minute + ns, ErrNotYetValid},
		{"not before, skew", notBefore, time.Hour, -1, time.Hour, nil},
		{"not ahead, limit", notAhead, 0, -1, maxAhead, nil},
		{"not ahead, over it", notAhead, 0, -1, maxAhead + ns, ErrNotYetValid},
		{"not ahead, greatest tolerance", notAhead, 0, maxTolerance, maxAhead, nil},
		{"not ahead, past", notAhead, 0, -1, -1000 * time.Hour, nil},
		{"not ahead, skew", notAhead, time.Hour, -1, time.Hour + maxAhead, nil},
		{"age, limit", age, 0, -1, -time.Minute, nil},
		{"age, over it", age, 0, -1, -time.Minute - ns, ErrExpired},
		{"age, tolerance", age, 0, time.Minute, -2 * time.Minute, nil},
		{"age, over the tolerance", age, 0, time.Minute, -2*time.Minute - ns, ErrExpired},
		{"age, skew", age, time.Hour, -1, time.Hour - time.Minute, nil},
		{"age, future", age, 0, -1, time.Hour, nil},
		{"age 0, now", ageZero, 0, -1, 0, nil},
		{"age 0, past", ageZero, 0, -1, -ns, ErrExpired},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.check(clockAt(tt.skew, tt.tolerance), clockNow.Add(tt.at))
			if !errors.Is(err, tt.want) || err == nil && tt.want != nil {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}

// TestClockApart: an error says how far a time is away, or its date where a Duration
// would saturate or say nothing to a person.
func TestClockApart(t *testing.T) {
	for _, tt := range []struct {
		at   time.Time
		want string
	}{
		{clockNow.Add(-90 * time.Second), "1m30s ago by"},
		{clockNow.Add(time.Hour + time.Second), "1h0m0s ago by"},
		{time.Unix(0, 0), "at 1970-01-01T00:00:00Z, far from"},
		{clockNow.AddDate(293, 0, 0), "at 2318-06-01T12:00:00Z, far from"},
		{time.Unix(clockNow.UnixMilli(), 0), "at 57386-08-10T00:00:00Z (in milliseconds?), far from"},
		{time.Unix(1<<53, 0), "at 285428751-11-12T07:36:32Z, far from"},
		{time.Unix(-1<<53, 0), "at -285424812-02-20T16:23:28Z, far from"},
	} {
		if got := apart(tt.at, clockNow, "ago by"); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.at, got, tt.want)
		}
	}
	for n, want := range map[int64]time.Duration{0: 0, 60: time.Minute, 1 << 31: maxLifetime, 1<<31 + 1: maxLifetime, 1 << 53: maxLifetime, 1<<63 - 1: maxLifetime} {
		if got := seconds(n); got != want {
			t.Errorf("%d seconds are %v, want %v", n, got, want)
		}
	}
}

// TestMomentAge: neither a machine that slept nor a clock that was set makes anything
// younger.
func TestMomentAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			name                  string
			monotonic, wall, want time.Duration // ages
		}{
			{"now", 0, 0, 0},
			{"a minute", time.Minute, time.Minute, time.Minute},
			{"slept for an hour", time.Minute, time.Hour, time.Hour},
			{"set back by an hour", time.Minute, time.Minute - time.Hour, time.Minute},
			{"set to the year 1", time.Minute, -1 << 62, time.Minute},
			{"set from the year 1", time.Minute, 1<<63 - 1, 1<<63 - 1},
		} {
			m := moment{momentAgo(tt.monotonic).monotonic, momentAgo(tt.wall).wall}
			if got := m.age(); got != tt.want {
				t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
			}
			if before := m.age(); before == tt.want && tt.want < 1<<62 {
				time.Sleep(time.Second)
				if got := m.age(); got != before+time.Second {
					t.Errorf("%s: a second later %v", tt.name, got)
				}
			}
		}
	})
}

func TestClockNumericDate(t *testing.T) {
	for _, tt := range []struct {
		raw  string
		want time.Time
	}{
		{"0", time.Unix(0, 0)},
		{"1700000000", time.Unix(1700000000, 0)},
		// RFC 7519, Section 2: "non-integer values can be represented".
		{"1700000000.5", time.Unix(1700000000, 5e8)},
		{"1700000000.25", time.Unix(1700000000, 25e7)},
		{"1.7e9", time.Unix(1700000000, 0)},
		{"17E+8", time.Unix(1700000000, 0)},
		{"17000000000e-1", time.Unix(1700000000, 0)},
		{"1700000000.0", time.Unix(1700000000, 0)},
		{"-1", time.Unix(-1, 0)},
		{"-1.5", time.Unix(-1, -5e8)},
		{"-0", time.Unix(0, 0)},
		{"1e-400", time.Unix(0, 0)},
		{"999999999999999", time.Unix(999999999999999, 0)},
		{"9007199254740992", time.Unix(1<<53, 0)},
		{"-9007199254740992", time.Unix(-1<<53, 0)},
		{"9007199254740994", time.Time{}},
		{"-9007199254740994", time.Time{}},
		{"9.007199254740994e15", time.Time{}},
		{"99999999999999999999", time.Time{}},
		{"1e300", time.Time{}},
		{"1e400", time.Time{}},
		{"-1e400", time.Time{}},
	} {
		got, ok := parseNumericDate(tt.raw)
		if ok == tt.want.IsZero() || ok && !got.Equal(tt.want) {
			t.Errorf("%s gives %v, %v, want %v", tt.raw, got, ok, tt.want)
		}
	}
	// The short way gives what the long one does.
	for _, raw := range []string{"", "-1", "+1", "1.0", "1e3", " 1", "0x1", "1000000000000000", "/", ":"} {
		if n, ok := parseDigits(raw); ok {
			t.Errorf("parseDigits(%q) gives %d", raw, n)
		}
	}
	if got := numericDate(time.Unix(1700000000, 999999999)); got != 1700000000 {
		t.Errorf("written as %d, want whole seconds", got)
	}
}

// TestClockTokenTimes: the times of a token are numbers and nothing else.
func TestClockTokenTimes(t *testing.T) {
	key, keys := clockIssuerKey(t)
	c := clockVerifier(t, keys, clockAt(0, 0))
	unix := fmt.Sprint(clockNow.Add(time.Minute).Unix())
	for _, claim := range []string{"exp", "nbf", "iat", "auth_time"} {
		for _, tt := range []struct {
			name  string
			value json.RawMessage
		}{
			{"string", json.RawMessage(`"` + unix + `"`)},
			{"date", json.RawMessage(`"2025-06-01T12:00:00Z"`)},
			{"null", json.RawMessage(`null`)},
			{"true", json.RawMessage(`true`)},
			{"array", json.RawMessage(`[` + unix + `]`)},
			{"object", json.RawMessage(`{}`)},
			{"beyond 2^53", json.RawMessage(`1e17`)},
			{"beyond -2^53", json.RawMessage(`-1e17`)},
		} {
			t.Run(claim+" "+tt.name, func(t *testing.T) {
				token := clockToken(t, key, map[string]any{claim: tt.value})
				opts := VerifyIDTokenOptions{}
				if claim == "auth_time" { // without a limit it only informs
					if id, err := c.VerifyIDToken(context.Background(), token, opts); err != nil || !id.AuthTime().IsZero() {
						t.Errorf("not needed: %v", err)
					}
					opts.MaxAge = int64p(3600)
				}
				_, err := c.VerifyIDToken(context.Background(), token, opts)
				if claim == "nbf" && tt.name == "null" { // as if it were not there
					if err != nil {
						t.Error(err)
					}
					return
				}
				var e *Error
				if !errors.As(err, &e) || e.Kind != ErrClaim || e.Param != claim {
					t.Errorf("error %v, want ErrClaim about %s", err, claim)
				}
			})
		}
	}
	token := clockToken(t, key, map[string]any{"exp": json.RawMessage(unix + ".5e0"), "iat": json.RawMessage("1.7e9")})
	id, err := c.VerifyIDToken(context.Background(), token, VerifyIDTokenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if want := clockNow.Add(time.Minute + 500*time.Millisecond); !id.Expiry().Equal(want) {
		t.Errorf("exp is %v, want %v", id.Expiry(), want)
	}
	if want := time.Unix(1700000000, 0); !id.IssuedAt().Equal(want) {
		t.Errorf("iat is %v, want %v", id.IssuedAt(), want)
	}
}
