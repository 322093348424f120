package main

import (
	"fmt"
	"io"
	"log"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// This file implements the measurements: paired times, allocations, and where the
// results are kept until the bars are checked.

const (
	batchTime    = 10 * time.Millisecond
	longTime     = 40 * time.Millisecond // of a batch in which there is garbage to collect
	garbage      = 1 << 20               // bytes in a batch are a quarter of what starts a collection
	exact        = 0.003                 // is the standard error of a row that needs no more pairs, or
	exactOfRest  = 0.03                  // of how far the row is from one, if that is more
	morePairs    = 10                    // times as many may be taken to reach it
	voidAbove    = 0.01                  // of |A/A − 1|: the machine was not quiet enough to say anything
	allocCalls   = 64                    // in a row, of which the allocations are counted
	allocRepeats = 5                     // of which the least counts: the rest is the runtime's own
	stackPlaces  = 64                    // at which a batch may start
	stackStep    = 24                    // bytes in a frame between two of them
)

// An op is one side of a comparison.
type op struct {
	call    func()
	prepare func(n int) // before a batch of n calls, outside the clock; may be nil
	procs   int         // goroutines that call at the same time; zero means one
}

// batch returns how long n calls take, in each goroutine.
func (o op) batch(n int) time.Duration {
	if o.prepare != nil {
		o.prepare(n * max(1, o.procs))
	}
	calls := func() {
		for range n {
			o.call()
		}
	}
	start := time.Now()
	if o.procs < 2 {
		below(rand.IntN(stackPlaces), calls)
		return time.Since(start)
	}
	var all sync.WaitGroup
	for range o.procs {
		all.Go(func() { below(rand.IntN(stackPlaces), calls) })
	}
	all.Wait()
	return time.Since(start)
}

// below calls f that many frames further down the stack. Where on it a call starts follows
// from the sizes of the frames above and is the same in all batches of a side, but a
// signature is 2% slower at some places than at others.
//
//go:noinline
func below(frames int, f func()) {
	var room [stackStep]byte
	if frames > 0 {
		below(frames-1, f)
	} else {
		f()
	}
	runtime.KeepAlive(&room)
}

// perCall returns the nanoseconds of a call, in a batch of n.
func (o op) perCall(n int) float64 { return float64(o.batch(n)) / float64(n) }

// size returns the number of calls that fill a batch of that length.
func (o op) size(length time.Duration) int {
	for n := 1; ; n *= 2 {
		if d := o.batch(n); d >= length/4 {
			return max(1, int(math.Round(float64(n)*float64(length)/float64(d))))
		}
	}
}

// batchLength returns how long the batches of a row are. Where the garbage collector runs
// about as often as there are batches, and it does on several processors and for
// signatures, it takes a part of some: the median would be that of batches with it or of
// batches without it, as it happens. A batch has to be long enough for it to run in each,
// of both sides.
func batchLength(bare op) time.Duration {
	if bare.procs > 1 || bare.allocated(bare.size(batchTime)) > garbage {
		return longTime
	}
	return batchTime
}

// allocated returns the bytes that n calls allocate.
func (o op) allocated(n int) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	o.batch(n)
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// bench is one run: its settings, and what it has measured.
type bench struct {
	pairs      int // of each row, at least
	mostPairs  int // where the machine swings
	quick      bool
	out        io.Writer
	resolution float64            // the largest |A/A − 1|
	results    map[string]float64 // by "table/…/row metric"
}

// put keeps a result for the bars. The name of the row are the parts of key.
func (b *bench) put(metric string, value float64, key ...string) {
	b.results[strings.Join(key, "/")+" "+metric] = value
}

// A pairing is the result of one row.
type pairing struct {
	ratio    float64 // subject over bare
	ns, bare float64 // of one call
	beyond   float64 // ns of a call more than bare
}

// pair measures batches of bare and of subject in turn, and returns medians. It takes more
// pairs than b.pairs where the machine swings.
func (b *bench) pair(bare, subject op) pairing {
	runtime.GC() // what came before is not paid for here
	length := batchLength(bare)
	nBare, nSubject := bare.size(length), subject.size(length)
	bares, times := []float64{bare.perCall(about(nBare))}, []float64(nil)
	for n := 0; n < b.pairs || n < b.mostPairs && !known(pairwise(bares, times, quotient)); n++ {
		times = append(times, subject.perCall(about(nSubject)))
		bares = append(bares, bare.perCall(about(nBare)))
	}
	return pairing{
		ratio: median(pairwise(bares, times, quotient)), ns: median(times), bare: median(bares),
		beyond: median(pairwise(bares, times, func(subject, bare float64) float64 { return subject - bare })),
	}
}

// about returns a random number of calls, between three quarters and five quarters of n.
// In batches of one size garbage collections come every so many of them, and can keep
// falling on the same side of the pairs.
func about(n int) int { return n - n/4 + rand.IntN(n/2+1) }

func quotient(subject, bare float64) float64 { return subject / bare }

// pairwise compares each time of the subject with the mean of those of bare before and
// after it, and each time of bare between two of the subject with their mean. It takes
// both, because a batch that was disturbed is between two others once, and beside one
// twice: with the first kind alone, the median for equal sides would be below one.
func pairwise(bares, subjects []float64, compare func(subject, bare float64) float64) []float64 {
	var list []float64
	for i, t := range subjects {
		if i > 0 {
			list = append(list, compare((subjects[i-1]+t)/2, bares[i]))
		}
		list = append(list, compare(t, (bares[i]+bares[i+1])/2))
	}
	return list
}

// known is whether the median of ratios is as exact as a row has to be. One that is far
// above one needs fewer digits, and one below it as many of its own.
func known(ratios []float64) bool {
	m := median(ratios)
	return standardError(ratios, len(ratios)/2) <= min(1, m)*max(exact, exactOfRest*math.Abs(m-1))
}

// standardError returns that of the median of values of n measurements; a pair has two
// ratios. It follows from the middle half of them, as if they were normally distributed.
func standardError(values []float64, n int) float64 {
	deviation := (quantile(values, 0.75) - quantile(values, 0.25)) / 1.349
	return deviation * math.Sqrt(math.Pi/2) / math.Sqrt(float64(n))
}

// same measures bare against itself. How far its ratio is from one is how exact the
// run is.
func (b *bench) same(bare op, key ...string) pairing {
	p := b.pair(bare, bare)
	b.resolution = max(b.resolution, math.Abs(p.ratio-1))
	b.put("ratio", p.ratio, append(key, "A/A")...)
	return p
}

func median(values []float64) float64 { return quantile(values, 0.5) }

// quantile returns the value below which the part q of the values lies, between two of
// them if need be.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := q * float64(len(sorted)-1)
	low := int(at)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}

// allocs returns the number of allocations of a call, and their bytes.
func allocs(o op) (count, bytes float64) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	count, bytes = math.Inf(1), math.Inf(1)
	o.procs = 0
	for range allocRepeats {
		if o.prepare != nil {
			o.prepare(allocCalls)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range allocCalls {
			o.call()
		}
		runtime.ReadMemStats(&after)
		count = min(count, float64(after.Mallocs-before.Mallocs)/allocCalls)
		bytes = min(bytes, float64(after.TotalAlloc-before.TotalAlloc)/allocCalls)
	}
	return math.Round(count), math.Round(bytes)
}

// once returns the median time of a few calls that are too long for batches, and the
// least number of bytes that one of them allocates.
func once(times int, call func()) (took time.Duration, bytes float64) {
	var all []float64
	bytes = math.Inf(1)
	for range times {
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		call()
		all = append(all, float64(time.Since(start)))
		runtime.ReadMemStats(&after)
		bytes = min(bytes, float64(after.TotalAlloc-before.TotalAlloc))
	}
	return time.Duration(median(all)), bytes
}

// withProcs runs f on n processors.
func withProcs(n int, f func()) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n))
	f()
}

// must ends the run: a row that does not do what it says measures nothing.
func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		log.Output(2, err.Error())
		panic(fmt.Sprintf("bench: %v", err))
	}
}
