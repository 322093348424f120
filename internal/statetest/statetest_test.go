package statetest

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// A counter fails when it was raised three times and reset never.
func counter(edit func(*Machine[*int])) *Machine[*int] {
	m := &Machine[*int]{
		Sequences: 50, Length: 30,
		New: func(*Run) *int { return new(int) },
		Steps: []Step[*int]{
			{Name: "nothing", Weight: 5, Do: func(*Run, *int) {}},
			{Name: "raise", Do: func(r *Run, n *int) {
				r.Say("by %d", 1+r.Rand.IntN(9))
				if *n++; *n == 3 {
					r.Fatalf("it is %d", *n)
				}
			}},
			{Name: "reset", Do: func(r *Run, n *int) { *n = 0; r.Count("zero") }},
		},
	}
	if edit != nil {
		edit(m)
	}
	return m
}

func TestShrinks(t *testing.T) {
	for name, tt := range map[string]struct {
		edit    func(*Machine[*int])
		failure string
		steps   []string
	}{
		"steps":     {nil, "it is 3", []string{"raise", "raise", "raise"}},
		"in bubble": {func(m *Machine[*int]) { m.Bubble = true }, "it is 3", []string{"raise", "raise", "raise"}},
		"a panic": {func(m *Machine[*int]) {
			m.Steps[2].Do = func(*Run, *int) { panic("no reset") }
			m.Steps[1].Do = m.Steps[0].Do
		}, "panic: no reset", []string{"reset"}},
		"the end": {func(m *Machine[*int]) {
			m.Steps[1].Do = func(_ *Run, n *int) { *n++ }
			m.End = func(r *Run, n *int) {
				if *n == 1 {
					r.Error("it is one")
				}
			}
		}, "it is one", []string{"raise", "the end"}},
		"a goroutine that is left": {func(m *Machine[*int]) {
			m.Bubble = true
			m.Steps[1].Do = func(*Run, *int) { go func() { select {} }() }
		}, "the bubble: deadlock", []string{"raise"}},
	} {
		_, found := counter(tt.edit).try(t, 1, 50)
		if found == nil || !strings.HasPrefix(found.failure, tt.failure) {
			t.Fatalf("%s: %+v", name, found)
		}
		var steps []string
		for _, line := range found.trace {
			step, _, _ := strings.Cut(strings.TrimSpace(line), ":")
			steps = append(steps, step)
		}
		if !slices.Equal(steps, tt.steps) {
			t.Errorf("%s: %q is left of %d steps, want %q", name, steps, found.length, tt.steps)
		}
		// The seed alone says which sequence it was, and what its steps were given.
		_, again := counter(tt.edit).try(t, found.seed, 1)
		if again == nil || !slices.Equal(again.calls, found.calls) || !slices.Equal(again.trace, found.trace) {
			t.Errorf("%s: again it is %+v, not %+v", name, again, found)
		}
	}
}

// TestRunsAll: what does not fail runs to its end, in time that stands for itself.
func TestRunsAll(t *testing.T) {
	m := counter(func(m *Machine[*int]) {
		m.Bubble = true
		m.Steps[1].Do = func(r *Run, n *int) {
			before := time.Now()
			time.Sleep(time.Hour)
			if time.Since(before) != time.Hour {
				r.Error("an hour is none")
			}
			r.Finally(func() { *n++ })
		}
		m.Events = map[string]int{"zero": 1, "nothing": 1}
	})
	m.Test(t)
	events, found := m.try(t, 1, 50)
	if found != nil || events["nothing"]+events["raise"]+events["reset"] != 50*30 || events["zero"] != events["reset"] {
		t.Errorf("%+v with the events %v", found, events)
	}
	if floors := m.floors(); floors["raise"] != 50*30/7/2 || floors["nothing"] != 1 {
		t.Errorf("the floors are %v", floors)
	}
}

func TestExtent(t *testing.T) {
	if testing.Short() {
		t.Skip("-short is one of the settings that this test would have to set")
	}
	m := counter(nil)
	for _, tt := range []struct {
		seed, sequences string
		n               int
		first           uint64
		one             bool
	}{
		{"", "", 50, 1, false},
		{"17", "", 1, 17, true},
		{"0x11", "", 1, 17, true},
		{"", "3", 150, 1, false},
	} {
		t.Setenv("OAUTH_SEED", tt.seed)
		t.Setenv("OAUTH_SEQUENCES", tt.sequences)
		if n, first, one := m.extent(t); n != tt.n || first != tt.first || one != tt.one {
			t.Errorf("%+v: %d sequences from %d, %v", tt, n, first, one)
		}
	}
	t.Setenv("OAUTH_SEED", "random")
	os.Unsetenv("OAUTH_SEQUENCES")
	if n, first, one := m.extent(t); n != 50 || first == 1 || one {
		t.Errorf("%d sequences from %d, %v", n, first, one)
	}
}
