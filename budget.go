package oauth

// This file holds what limits fetches: the budgets of what strangers can have the package
// fetch, and the back-off after failures.

import "time"

// A fetchBudget allows burst fetches at once, and one more in every interval. What
// pays is a fetch that succeeded: the others fall under the back-off.
type fetchBudget struct {
	interval time.Duration
	burst    int
	whole    time.Time // when nothing of it is spent any more, a monotonic reading
}

// next is when a fetch may begin.
func (b *fetchBudget) next() time.Time {
	return b.whole.Add(-times(b.burst-1, b.interval))
}

// pay takes a fetch that began then out of the budget. One of Refresh can be charged
// beyond what there is: that leaves no debt.
func (b *fetchBudget) pay(began time.Time) {
	if b.whole.Before(began) {
		b.whole = began
	}
	b.whole = b.whole.Add(b.interval)
	if spent := began.Add(times(b.burst, b.interval)); b.whole.After(spent) {
		b.whole = spent
	}
}

// An outage is the failures of what is fetched since it last succeeded. The zero value is
// none.
type outage struct {
	failures int
	err      error     // of the last one
	ended    moment    // when that ended
	retryAt  time.Time // before it nothing is fetched, a monotonic reading
}

// add counts a failure.
func (o *outage) add(err error) {
	o.err, o.ended = err, thisMoment()
	o.retryAt = o.ended.monotonic.Add(min(keyBackoff<<min(o.failures, maxDoublings), maxKeyBackoff))
	o.failures++
}

// backsOff reports whether it is too early for the next try.
func (o *outage) backsOff() bool { return monotonic().Before(o.retryAt) }

// lasts reports whether there was a failure just now: callers that have something older do
// not wait for each try.
func (o *outage) lasts() bool { return o.ended.age() < keySoftAge }
