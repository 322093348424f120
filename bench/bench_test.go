package main

import (
	"crypto/sha256"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	"unsafe"
)

func TestQuantile(t *testing.T) {
	for _, row := range []struct {
		values []float64
		q      float64
		want   float64
	}{
		{[]float64{3}, 0.5, 3},
		{[]float64{5, 1, 3}, 0.5, 3},
		{[]float64{4, 1, 3, 2}, 0.5, 2.5},
		{[]float64{4, 1, 3, 2}, 0, 1},
		{[]float64{4, 1, 3, 2}, 1, 4},
		{[]float64{10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110}, 0.1, 20},
	} {
		if got := quantile(row.values, row.q); got != row.want {
			t.Errorf("quantile(%v, %v) = %v, want %v", row.values, row.q, got, row.want)
		}
	}
	values := []float64{2, 1}
	quantile(values, 0.5)
	if values[0] != 2 {
		t.Error("quantile sorts the values of its caller")
	}
	if !math.IsNaN(median(nil)) {
		t.Error("the median of nothing is a number")
	}
}

// TestPairwise: a machine that becomes slower at a constant rate changes no ratio, and one
// that is disturbed now and then moves the median to neither side.
func TestPairwise(t *testing.T) {
	for _, row := range []struct{ bares, subjects, want []float64 }{
		{[]float64{100, 100, 100}, []float64{110, 110}, []float64{1.1, 1.1, 1.1}},
		{[]float64{100, 200, 300}, []float64{150, 250}, []float64{1, 1, 1}},
		{[]float64{300, 200, 100}, []float64{250, 150}, []float64{1, 1, 1}},
		{[]float64{100, 100}, []float64{120}, []float64{1.2}},
		{[]float64{100}, nil, nil},
	} {
		got := pairwise(row.bares, row.subjects, quotient)
		if !slices.EqualFunc(got, row.want, func(a, b float64) bool { return math.Abs(a-b) < 1e-12 }) {
			t.Errorf("pairwise(%v, %v) = %v, want %v", row.bares, row.subjects, got, row.want)
		}
	}
	var above, below int
	r := rand.New(rand.NewPCG(1, 2))
	for range 400 {
		batches := [2][]float64{make([]float64, 41), make([]float64, 40)}
		for _, side := range batches {
			for i := range side {
				side[i] = 100 + r.Float64()
				if r.IntN(3) == 0 {
					side[i] *= 1.5
				}
			}
		}
		if m := median(pairwise(batches[0], batches[1], quotient)); m > 1 {
			above++
		} else {
			below++
		}
	}
	if above < 160 || below < 160 {
		t.Errorf("of two equal sides one is slower %d times, and the other %d times", above, below)
	}
}

// TestBatchLength: a batch is long where the bare side leaves garbage, and on several
// processors.
func TestBatchLength(t *testing.T) {
	var kept []byte
	quiet := func() { time.Sleep(100 * time.Microsecond) }
	wasteful := func() { kept = make([]byte, 1<<20); quiet() }
	for _, row := range []struct {
		name string
		bare op
		want time.Duration
	}{
		{"quiet", op{call: quiet}, batchTime},
		{"wasteful", op{call: wasteful}, longTime},
		{"shared", op{call: quiet, procs: 2}, longTime},
	} {
		if got := batchLength(row.bare); got != row.want {
			t.Errorf("%s: %v, want %v", row.name, got, row.want)
		}
	}
	_ = kept
}

// TestAbout: a batch has up to a quarter more or fewer calls, and at least one.
func TestAbout(t *testing.T) {
	for _, row := range []struct{ n, least, most int }{{1, 1, 1}, {4, 3, 5}, {100, 75, 125}} {
		var seen []int
		for range 5000 {
			seen = append(seen, about(row.n))
		}
		if least, most := slices.Min(seen), slices.Max(seen); least != row.least || most != row.most {
			t.Errorf("about(%d) is from %d to %d, want %d to %d", row.n, least, most, row.least, row.most)
		}
	}
}

// TestBelow: the frames put what is below them at every distance from a cache line.
func TestBelow(t *testing.T) {
	places := map[uintptr]bool{}
	for frames := range stackPlaces {
		below(frames, func() {
			var local byte
			places[uintptr(unsafe.Pointer(&local))&^7%64] = true
		})
	}
	if len(places) != 8 {
		t.Errorf("batches start at %d of 8 places in a cache line", len(places))
	}
}

// TestStandardError: it is 1.25 deviations for one pair, and falls with the root of their
// number.
func TestStandardError(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, pairs := range []int{1000, 4000} {
		ratios := make([]float64, 2*pairs)
		for i := range ratios {
			ratios[i] = 1 + 0.1*r.NormFloat64()
		}
		want := 0.1 * math.Sqrt(math.Pi/2) / math.Sqrt(float64(pairs))
		if got := standardError(ratios, pairs); math.Abs(got/want-1) > 0.1 {
			t.Errorf("%d pairs: %v, want about %v", pairs, got, want)
		}
	}
}

// TestTypical: three slow batches among the first five do not make the result. A busy
// machine may need more than one try.
func TestTypical(t *testing.T) {
	text := make([]byte, 50_000)
	work := func(times int) {
		for range times {
			sha256.Sum256(text)
		}
	}
	b := &bench{pairs: 20, mostPairs: 200} // from 5 to 50 batches
	for try := 1; ; try++ {
		last, repeated := 0, 0 // calls of the last batch, and how many have had the same number
		times := 1
		got := b.typical(op{
			call: func() { work(times) },
			prepare: func(n int) {
				if n == last {
					repeated++
				}
				last, times = n, 1
				if 1 <= repeated && repeated <= 3 {
					times = 10
				}
			},
		})
		slow := b.typical(op{call: func() { work(10) }})
		switch {
		case repeated < 4:
			t.Fatalf("%d batches", repeated+1)
		case got < slow/2:
			return
		case try == 3:
			t.Fatalf("%.0f ns, and the slow ones take %.0f", got, slow)
		}
	}
}

// TestPair: an op that does twice the work takes about twice as long, and is prepared
// for as many calls as there are. A busy machine may need more than one try.
func TestPair(t *testing.T) {
	text := make([]byte, 50_000)
	work := func() { sha256.Sum256(text) }
	b := &bench{pairs: 9, results: map[string]float64{}}
	for try := 1; ; try++ {
		calls, prepared := 0, 0
		p := b.pair(op{call: work}, op{call: func() { calls++; work(); work() }, prepare: func(n int) { prepared += n }})
		if calls != prepared || calls == 0 {
			t.Fatalf("%d calls, but prepared for %d", calls, prepared)
		}
		if p.ratio > 1.7 && p.ratio < 2.3 {
			break
		}
		if try == 5 {
			t.Fatalf("ratio %v, want about 2", p.ratio)
		}
	}
	b.same(op{call: work}, "test")
	if want := math.Abs(b.results["test/A/A ratio"] - 1); b.resolution != want || want == 0 {
		t.Errorf("resolution %v, want %v", b.resolution, want)
	}
}

// TestMorePairs: as many pairs are taken as may be where the batches differ.
func TestMorePairs(t *testing.T) {
	text := make([]byte, 50_000)
	work := func() { sha256.Sum256(text) }
	batches := func(most int) (n int) {
		b := &bench{pairs: 2, mostPairs: most}
		b.pair(op{call: work}, op{prepare: func(int) { n++ }, call: func() {
			for range 1 + n%2*4 {
				work()
			}
		}})
		return n
	}
	if few, many := batches(2), batches(40); many-few < 20 {
		t.Errorf("%d batches, and %d where 38 more may be taken", few, many)
	}
}

func TestJudge(t *testing.T) {
	ratios := bar{rows: `t/(a|b)/ours ratio`, limit: 1.10, timed: true}
	counts := bar{rows: `t/.*/ours allocs`, limit: 5}
	least := bar{rows: `t/.*/ours scaling`, limit: 0.94, least: true, timed: true}
	for _, row := range []struct {
		name       string
		bar        bar
		results    map[string]float64
		resolution float64
		whole      bool
		missed     bool
		worst      string
	}{
		{"on the limit", ratios, map[string]float64{"t/a/ours ratio": 1.10}, 0, true, false, "t/a/ours ratio"},
		{"above it", ratios, map[string]float64{"t/a/ours ratio": 1.101}, 0, true, true, "t/a/ours ratio"},
		{"within the resolution", ratios, map[string]float64{"t/a/ours ratio": 1.105}, 0.01, true, false, "t/a/ours ratio"},
		{"beyond the resolution", ratios, map[string]float64{"t/a/ours ratio": 1.112}, 0.01, true, true, "t/a/ours ratio"},
		{"the worst counts", ratios, map[string]float64{"t/a/ours ratio": 1.0, "t/b/ours ratio": 1.3}, 0, true, true, "t/b/ours ratio"},
		{"no part of a name", ratios, map[string]float64{"t/a/ours ratio": 1.0, "x/t/b/ours ratio": 1.3}, 0, true, false, "t/a/ours ratio"},
		{"a peer's row", ratios, map[string]float64{"t/a/ours ratio": 1.0, "t/b/peer ratio": 1.3}, 0, true, false, "t/a/ours ratio"},
		{"not a number", ratios, map[string]float64{"t/a/ours ratio": math.NaN()}, 0.01, true, true, "t/a/ours ratio"},
		{"not a number beside one", ratios, map[string]float64{"t/a/ours ratio": 1, "t/b/ours ratio": math.NaN()}, 0.01, true, true, "t/b/ours ratio"},
		{"counts have no resolution", counts, map[string]float64{"t/a/ours allocs": 5.01}, 0.01, true, true, "t/a/ours allocs"},
		{"below a lower limit", least, map[string]float64{"t/a/ours scaling": 0.92}, 0.01, true, true, "t/a/ours scaling"},
		{"within the resolution of one", least, map[string]float64{"t/a/ours scaling": 0.935}, 0.01, true, false, "t/a/ours scaling"},
		{"the least counts", least, map[string]float64{"t/a/ours scaling": 1, "t/b/ours scaling": 0.5}, 0, true, true, "t/b/ours scaling"},
		{"not measured in a whole run", ratios, nil, 0, true, true, ""},
		{"not measured in a part", ratios, nil, 0, false, false, ""},
	} {
		found := judge([]bar{row.bar}, row.results, row.resolution, row.whole)
		if len(found) != 1 || found[0].missed != row.missed || found[0].row != row.worst {
			t.Errorf("%s: %+v, want missed %v by %q", row.name, found, row.missed, row.worst)
		}
	}
}

// TestBarsOf: a bar that is about one Go is left out with others, and no other bar is.
func TestBarsOf(t *testing.T) {
	for version, left := range map[string]int{"go1.26": 0, "go1.26.8": 0, "go1.25.3": 1, "go1.27.3": 1, "go1.260": 1} {
		if got := len(barsOf(version)); got != len(bars)-left {
			t.Errorf("%s: %d bars of %d, want %d left out", version, got, len(bars), left)
		}
	}
}

// TestVerdict: a run that is not exact is void, whatever its results are.
func TestVerdict(t *testing.T) {
	for _, row := range []struct {
		resolution, result float64
		code               int
	}{
		{0.004, 1, 0},
		{0.004, 2, 1},
		{0.011, 1, 2},
		{0.011, 2, 2},
	} {
		b := &bench{resolution: row.resolution, results: map[string]float64{"id-token/RS256/1/ours ratio": row.result}}
		if code := b.verdict(io.Discard, false); code != row.code {
			t.Errorf("resolution %v, result %v: exit %d, want %d", row.resolution, row.result, code, row.code)
		}
	}
}

func TestSyntheticTokens(t *testing.T) {
	for _, alg := range algorithms {
		k := newKey(alg, "k")
		is := newIssuer(issuerURL, keySet(3, k))
		for name, verify := range map[string]verifyFunc{
			"ours": ourIDToken(is, alg), "floor": must(floorVerifier(t.Context(), is, idExpectation.with(alg))),
		} {
			if sub, err := verify(k.idToken(nil)); err != nil || sub != subject {
				t.Errorf("%s, %s: %q, %v", alg, name, sub, err)
			}
			if sub, err := verify(k.idToken(map[string]any{"nonce": "another"})); err == nil {
				t.Errorf("%s, %s: accepts another nonce for %q", alg, name, sub)
			}
		}
	}
}
