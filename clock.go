package oauth

// This file implements the clock: NumericDate (RFC 7519, Section 2) and the checks
// of age and expiry. It is the only file that reads the time, and the only one that
// subtracts times: a difference saturates at 292 years, and its negation stays
// negative then. Times that others wrote are compared as instants.

import (
	"context"
	"math"
	"strconv"
	"time"
)

// DefaultTolerance is the clock tolerance that is used if Clock.Tolerance is zero.
const DefaultTolerance = 30 * time.Second

// A Clock is the source of the current time, and its accuracy, for checks of
// claims. The zero Clock is the local time with [DefaultTolerance].
type Clock struct {
	// Skew is added to the local time. It is positive if the local clock is behind
	// the server's clock. It must be between -24 and 24 hours.
	Skew time.Duration

	// Tolerance is how far exp, nbf, iat and auth_time may be off. It makes checks
	// more lenient and never stricter. If zero, it is DefaultTolerance; if
	// negative, there is no tolerance. It must not be over 10 minutes.
	Tolerance time.Duration

	// Now returns the local time. If nil, time.Now is used. It is called from
	// several goroutines, and with locks held: it must return at once, and must not
	// call the package.
	Now func() time.Time
}

func (c Clock) validate() error {
	if c.Tolerance > maxTolerance {
		return fail(ErrConfig, "Clock.Tolerance", "%v is over the limit of %v: mend the clock, or set Clock.Skew", c.Tolerance, maxTolerance)
	}
	if c.Skew > maxSkew || c.Skew < -maxSkew {
		return fail(ErrConfig, "Clock.Skew", "%v is over the limit of %v", c.Skew, maxSkew)
	}
	return nil
}

// local is the local time, without skew: what a user compares Expiry with. It has no
// monotonic reading, which stands still while a machine sleeps: two times that had one
// would be compared by it, and what was begun in the evening be new in the morning.
func (c Clock) local() time.Time {
	if c.Now != nil {
		return c.Now().Round(0)
	}
	return time.Now().Round(0)
}

// now is the local time put right by Skew: what claims are compared with, and
// what the package writes into the tokens that it makes.
func (c Clock) now() time.Time { return c.local().Add(c.Skew) }

func (c Clock) tolerance() time.Duration {
	switch {
	case c.Tolerance == 0:
		return DefaultTolerance
	case c.Tolerance < 0:
		return 0
	}
	return c.Tolerance
}

// monotonic is a reading for ages and intervals, which must not follow
// somebody who sets the clock.
func monotonic() time.Time { return time.Now() }

// sleep waits, or returns the error of the context that ended before.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// An instant is one reading of a Clock, which all claims of a token are held against. It
// is read after what may have to be waited for.
type instant struct {
	now       time.Time
	tolerance time.Duration
}

func (c Clock) instant() instant { return instant{c.now(), c.tolerance()} }

// checkExpiry wants t > now − tolerance (RFC 7519, Section 4.1.4: the current
// time MUST be before the expiration time, so equal is expired).
func (i instant) checkExpiry(param string, t time.Time) error {
	if !t.After(i.now.Add(-i.tolerance)) {
		return fail(ErrExpired, param, "expired %s this clock (%s); if that is wrong, set the clock or Clock.Skew", apart(t, i.now, "ago by"), stamp(i.now))
	}
	return nil
}

// checkNotBefore wants t ≤ now + tolerance (RFC 7519, Section 4.1.5).
func (i instant) checkNotBefore(param string, t time.Time) error {
	if t.After(i.now.Add(i.tolerance)) {
		return fail(ErrNotYetValid, param, "begins %s this clock (%s); if that is wrong, set the clock or Clock.Skew", apart(t, i.now, "ahead of"), stamp(i.now))
	}
	return nil
}

// checkNotAhead refuses a time in the past tense (iat, auth_time) that lies
// more than maxAhead in the future. Less is not refused: real clocks differ.
func (i instant) checkNotAhead(param string, t time.Time) error {
	if t.After(i.now.Add(max(maxAhead, i.tolerance))) {
		return fail(ErrNotYetValid, param, "is %s this clock (%s); if that is wrong, set the clock or Clock.Skew", apart(t, i.now, "ahead of"), stamp(i.now))
	}
	return nil
}

// checkAge wants t + age ≥ now − tolerance.
func (i instant) checkAge(param string, t time.Time, age time.Duration) error {
	if t.Add(age).Before(i.now.Add(-i.tolerance)) {
		return fail(ErrExpired, param, "is %s this clock (%s), the limit is %v", apart(t, i.now, "old by"), stamp(i.now), age)
	}
	return nil
}

// ---- differences, which nothing is decided by that somebody else wrote

// elapsed is how long ago t was: a monotonic reading, or a time that was compared
// with this clock before.
func elapsed(t time.Time) time.Duration { return monotonic().Sub(t) }

// left is what remains until t by the local clock. It ends at 292 years either way:
// it is for bounds and waiting.
func (c Clock) left(t time.Time) time.Duration { return t.Sub(c.local()) }

// expiry is the end, by the local clock, of what a server says lasts n seconds.
func (c Clock) expiry(n int64) time.Time { return c.local().Add(seconds(n)).Round(0) }

// seconds is n seconds of an answer, at most maxLifetime.
func seconds(n int64) time.Duration {
	return time.Duration(min(n, int64(maxLifetime/time.Second))) * time.Second
}

// times is n times d, of limits of the package.
func times(n int, d time.Duration) time.Duration { return time.Duration(n) * d }

// apart is how far t is from now, with the word that joins it to the clock, for the
// text of an error. Of what is far away it is the date.
func apart(t, now time.Time, word string) string {
	if !t.Before(now.AddDate(-farAway, 0, 0)) && !t.After(now.AddDate(farAway, 0, 0)) {
		return roughly(now.Sub(t).Abs()).String() + " " + word
	}
	in := ""
	if ms := time.UnixMilli(t.Unix()); ms.After(now.AddDate(-farAway, 0, 0)) && ms.Before(now.AddDate(farAway, 0, 0)) {
		in = " (in milliseconds?)" // as Date.now() of JavaScript is
	}
	return "at " + stamp(t) + in + ", far from"
}

// ---- ages

// A moment is a reading of both clocks, for the age of what must not be used for
// longer. Neither is enough: the monotonic one stands still while a machine sleeps, and
// the other follows whoever sets it.
type moment struct{ monotonic, wall time.Time }

func thisMoment() moment { return momentAgo(0) }

// momentAgo is the moment of so long ago.
func momentAgo(age time.Duration) moment {
	then := monotonic().Add(-age)
	return moment{then, then.Round(0)} // Round takes the monotonic reading away
}

// momentAt is the moment of a stamp; one that is ahead of the clock is now.
func momentAt(stamp time.Time) moment {
	return momentAgo(max(monotonic().Sub(stamp), 0))
}

// age is the greater one.
func (m moment) age() time.Duration { return m.ageAt(monotonic()) }

// ageAt is the age at a reading of monotonic.
func (m moment) ageAt(now time.Time) time.Duration {
	return max(now.Sub(m.monotonic), now.Round(0).Sub(m.wall))
}

// sleepUntil is sleep until a monotonic reading.
func sleepUntil(ctx context.Context, t time.Time) error { return sleep(ctx, t.Sub(monotonic())) }

// roughly is d as a person wants to read it.
func roughly(d time.Duration) time.Duration {
	if d > 10*time.Minute {
		return d.Round(time.Minute)
	}
	return d.Round(time.Second)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// maxNumericDate bounds |NumericDate|: up to here a float64 is an exact integer.
const maxNumericDate = 1 << 53

// parseNumericDate reads a JSON number as seconds since the epoch. Fractions
// and exponents are legal (RFC 7519, Section 2: "a JSON numeric value").
func parseNumericDate(raw string) (time.Time, bool) {
	if n, ok := parseDigits(raw); ok {
		return time.Unix(n, 0), true
	}
	f, err := strconv.ParseFloat(raw, 64)
	if err != nil || math.Abs(f) > maxNumericDate {
		return time.Time{}, false
	}
	whole, frac := math.Modf(f)
	return time.Unix(int64(whole), int64(frac*1e9)), true
}

// parseDigits is the short way for what nearly every NumericDate is.
func parseDigits(raw string) (n int64, ok bool) {
	if len(raw) == 0 || len(raw) > 15 { // 15 digits are below 2⁵³
		return 0, false
	}
	for i := 0; i < len(raw); i++ {
		if raw[i] < '0' || raw[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(raw[i]-'0')
	}
	return n, true
}

// unixTime is the time of whole seconds since the epoch, of a number that
// parseNumericDate or the like has bounded: time.Unix wraps around beyond.
func unixTime(n int64) time.Time { return time.Unix(n, 0) }

// numericDate is t as this package writes it: whole seconds.
func numericDate(t time.Time) int64 { return t.Unix() }
