package switches

import (
	"bytes"
	"cmp"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// The functions of this file stand in the copy of the package. A mutant calls one of
// them with its number, and it is on if the environment says so. Those that have two
// mutants in one place take n and n+1.

var (
	mutSwitch  = mutNumber()
	mutRecords = os.Getenv("MUTANT_SEEN") != ""
	mutSeen    [mutCount]atomic.Bool
)

func mutNumber() int {
	n, err := strconv.Atoi(os.Getenv("MUTANT"))
	if err != nil {
		panic("MUTANT: " + err.Error())
	}
	return n
}

// mutWrite writes the mutants that this process let decide, one a line.
func mutWrite() error {
	if !mutRecords {
		return nil
	}
	var b bytes.Buffer
	for n := range mutSeen {
		if mutSeen[n].Load() {
			b.WriteString(strconv.Itoa(n) + "\n")
		}
	}
	return os.WriteFile(os.Getenv("MUTANT_SEEN")+"."+strconv.Itoa(os.Getpid()), b.Bytes(), 0o600)
}

func mutOn(n int) bool { return mutOnIf(n, true) }

// mutOnIf: differs says whether the mutant would make a difference here.
func mutOnIf(n int, differs bool) bool {
	if differs && mutRecords && !mutSeen[n].Load() {
		mutSeen[n].Store(true)
	}
	return n == mutSwitch
}

func mutTrue(n int, v bool) bool { return mutOnIf(n, !v) || v }

func mutFalse(n int, v bool) bool { return !mutOnIf(n, v) && v }

func mutCond(n int, v bool) bool { return mutTrue(n, mutFalse(n+1, v)) }

func mutPick(n int, v, w bool) bool {
	if mutOnIf(n, v != w) {
		return w
	}
	return v
}

func mutLess[T cmp.Ordered](n int, a, b T) bool { return mutPick(n, a < b, a <= b) }

func mutLessEqual[T cmp.Ordered](n int, a, b T) bool { return mutPick(n, a <= b, a < b) }

func mutMore[T cmp.Ordered](n int, a, b T) bool { return mutPick(n, a > b, a >= b) }

func mutMoreEqual[T cmp.Ordered](n int, a, b T) bool { return mutPick(n, a >= b, a > b) }

func mutAfter(n int, t, u time.Time) bool { return mutPick(n, t.After(u), !t.Before(u)) }

func mutBefore(n int, t, u time.Time) bool { return mutPick(n, t.Before(u), !t.After(u)) }

func mutEqual[T ~string](n int, a, b T) bool {
	return mutPick(n, a == b, strings.EqualFold(string(a), string(b)))
}

func mutUnequal[T ~string](n int, a, b T) bool { return !mutEqual(n, a, b) }

func mutSame(a, b string) bool { return a == b }

func mutEither[T any](n int, g, f func(T, T) bool, a, b T) bool { return mutPick(n, f(a, b), g(a, b)) }

func mutPlus[T mutNumeric](n int, v T) T {
	if mutOn(n) {
		return v + 1
	}
	if mutOn(n + 1) {
		return v - 1
	}
	return v
}

func mutNext[T mutNumeric](n int, v T) T {
	if mutOn(n) {
		return v + 1
	}
	return v
}

func mutScale[T mutNumeric](n int, v T) T {
	if mutOn(n) {
		return v * 2
	}
	if mutOn(n + 1) {
		return v / 2
	}
	return v
}

func mutText[T ~string](n int, v T) T {
	if mutOn(n) {
		return v + "~"
	}
	return v
}

func mutFlip(n int, v bool) bool { return v != mutOn(n) }

func mutCloned[T any](n int, clone func(T) T, v T) T {
	if mutOn(n) {
		return v
	}
	return clone(v)
}

func mutOwn[T interface{ Clone() T }](n int, v T) T {
	if mutOn(n) {
		return v
	}
	return v.Clone()
}

func mutZero[T any](n int, v T) T {
	if mutOnIf(n, mutSet(v)) {
		return mutZeroOf(v)
	}
	return v
}

func mutZeroOf[T any](T) (zero T) { return zero }

// mutSet reports whether v is not the zero value, if somebody wants to know.
func mutSet[T any](v T) bool {
	if !mutRecords {
		return false
	}
	r := reflect.ValueOf(any(v))
	return r.IsValid() && !r.IsZero()
}

// mutChoose is for tables that are made once.
func mutChoose[T any](n int, other, v T) T {
	if mutOn(n) {
		return other
	}
	return v
}

type mutNumeric interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr | ~float32 | ~float64
}

func mutSum[T mutNumeric](n int, a, b T) T {
	if mutOnIf(n, b != 0) {
		return a - b
	}
	return a + b
}

func mutDifference[T mutNumeric](n int, a, b T) T {
	if mutOnIf(n, b != 0) {
		return a + b
	}
	return a - b
}

func mutMin[T cmp.Ordered](n int, a, b T) T {
	if mutOnIf(n, a != b) {
		return max(a, b)
	}
	return min(a, b)
}

func mutMax[T cmp.Ordered](n int, a, b T) T {
	if mutOnIf(n, a != b) {
		return min(a, b)
	}
	return max(a, b)
}
