package oauth

// This file holds the budgets of what strangers can have the package fetch.

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
