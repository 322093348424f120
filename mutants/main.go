// Mutants shows which behavior of the package no test holds. It makes the package
// wrong in one small place at a time and runs the tests that could notice it. A
// mutant that survives is behavior that could be lost by a slip.
//
// All mutants stand in one copy of the package, each behind a switch, so that one
// binary has them all. It first runs each test alone and records which mutants the
// test lets decide; then it runs each mutant with these tests.
//
//	go run ./mutants           at most 300: of functions that changed, and a draw
//	go run ./mutants -all      all of them, which takes two hours on two cores
//	go run ./mutants -only RE  those whose "file function | operator | change" matches
//	go run ./mutants -n        checks the lists and that the copy compiles, and with
//	                           -only prints the names of mutants
//	go run ./mutants -requirements
//	                           the mutants of docs/requirements.md, each with the tests
//	                           of its row alone; with -most, at most so many rows
//
// Three kinds of lists stand beside it. ROOM.txt has ideas, which no operator makes.
// survivors.txt says of mutants why they may survive; no other may. Excepted are the
// functions of unjudged.txt, whose survivors nobody has judged yet: a draw leaves
// them out, and what survives there is printed, and fails nothing. That list is to
// become shorter only.
//
// docs/requirements.md says what the specifications demand, and of each requirement
// where it is done, which test holds it and which mutant this test kills.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// errSurvivors ends a run that found something.
var errSurvivors = errors.New("mutants survived: write a test, or a line of mutants/survivors.txt with the reason")

type options struct {
	lists, all, requirements bool

	only, base string
	most, jobs int
	longest    time.Duration
	log        string
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("mutants: ")
	var o options
	flag.BoolVar(&o.lists, "n", false, "only check the lists, and that the copy compiles; with -only, print those that match")
	flag.BoolVar(&o.all, "all", false, "take all mutants")
	flag.BoolVar(&o.requirements, "requirements", false, "take the mutants of docs/requirements.md, each with the tests of its row")
	flag.StringVar(&o.only, "only", "", "take the mutants whose \"file function | operator | change\" matches this `regexp`")
	flag.StringVar(&o.base, "base", "HEAD~1", "take first what changed since this `commit`")
	flag.IntVar(&o.most, "most", 0, "take at most `n`, without -all and -only; 0: 300, and all with -requirements")
	flag.IntVar(&o.jobs, "jobs", runtime.NumCPU(), "run `n` at a time")
	flag.DurationVar(&o.longest, "longest", 0, "leave out tests that take longer than `d`, for a first look; 0: none")
	flag.StringVar(&o.log, "log", "", "write what became of each mutant to this `file`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, o options) error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	p, err := load(dir)
	if err != nil {
		return err
	}
	if err := p.checkTexts(); err != nil {
		return err
	}
	f, v, err := prepare(p)
	if err != nil {
		return err
	}
	fmt.Printf("%d mutants in %d files, %d functions not judged\n", len(f.mutants), len(p.files), len(v.unjudged))
	work, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	r := &runner{ctx: ctx, dir: dir, work: work, jobs: o.jobs, killers: map[string]map[*test]int{}}
	if o.requirements || o.lists && o.only == "" {
		list, err := readRequirements(p, f.mutants, v)
		if err != nil {
			return err
		}
		figures := list.figures()
		if !o.requirements {
			figures = figures[len(figures)-1:]
		}
		fmt.Println(strings.Join(figures, "\n"))
		if o.lists {
			return nil
		}
		rows, err := list.choose(p, o)
		if err != nil {
			return err
		}
		return hold(r, f, rows)
	}
	chosen, err := choose(p, f.mutants, v, o)
	if err != nil {
		return err
	}
	if o.lists {
		for _, m := range chosen {
			fmt.Printf("%s:%d\t%s\n", m.file, m.line, m)
		}
		return nil
	}
	if err := start(r, f, v, o); err != nil {
		return err
	}
	return report(r, chosen, f.mutants, v, o)
}

// prepare finds the mutants and reads the lists. A list that does not fit the package
// is an error, and so is a copy that does not compile.
func prepare(p *program) (*finder, verdict, error) {
	f := find(p)
	lists, err := filepath.Glob(filepath.Join(p.dir, "mutants", "*.txt"))
	if err != nil {
		return nil, verdict{}, err
	}
	var survivors, rooms []string
	unjudged := filepath.Join(p.dir, "mutants", "unjudged.txt")
	for _, path := range lists {
		switch {
		case path == unjudged:
		case strings.HasPrefix(filepath.Base(path), "survivors"):
			survivors = append(survivors, path)
		default:
			rooms = append(rooms, path)
		}
	}
	ideas, err := readIdeas(rooms)
	if err != nil {
		return nil, verdict{}, err
	}
	wrong := f.addIdeas(ideas)
	v, more := readVerdict(survivors, unjudged, f.mutants)
	if wrong = append(wrong, more...); len(wrong) > 0 {
		return nil, verdict{}, errors.Join(wrong...)
	}
	if err := p.check(f.rewritten()); err != nil {
		return nil, verdict{}, fmt.Errorf("the copy with its mutants does not compile: %w", err)
	}
	return f, v, nil
}

// choose takes the mutants that the options ask for.
func choose(p *program, mutants []*mutant, v verdict, o options) ([]*mutant, error) {
	if o.only != "" {
		only, err := regexp.Compile(o.only)
		if err != nil {
			return nil, err
		}
		mutants = slices.DeleteFunc(slices.Clone(mutants), func(m *mutant) bool {
			return !only.MatchString(m.file + " " + m.String())
		})
		if len(mutants) == 0 {
			return nil, fmt.Errorf("no mutant matches %s", o.only)
		}
	}
	if o.only != "" || o.all {
		fmt.Printf("taking %d\n", len(mutants))
		return mutants, nil
	}
	head, err := output(p.dir, "git", "rev-parse", "HEAD")
	if err != nil {
		return nil, err
	}
	var changed map[string]bool
	if _, err := output(p.dir, "git", "rev-parse", "--verify", "--quiet", o.base+"^{commit}"); err != nil {
		fmt.Printf("not checked: which functions changed, for there is no commit %s here\n", o.base)
	} else if changed, err = p.changed(o.base); err != nil {
		return nil, err
	}
	seed := strings.TrimSpace(string(head))
	// Those that may survive would take most of the time.
	mutants = slices.DeleteFunc(slices.Clone(mutants), func(m *mutant) bool { return v.reasons[m.String()] != "" })
	list, first := draw(mutants, changed, v.unjudged, cmp.Or(o.most, 300), seed)
	fmt.Printf("taking %d: %d of %d functions that changed since %s, %d drawn by %.12s from the functions that are judged\n",
		len(list), first, len(changed), o.base, len(list)-first, seed)
	return list, nil
}

// start builds the binary, records what the tests let decide, and sees a mutant die.
func start(r *runner, f *finder, v verdict, o options) error {
	if err := r.prepare(f); err != nil {
		return err
	}
	if err := r.list(); err != nil {
		return err
	}
	if err := r.record(o.longest); err != nil {
		return err
	}
	return r.trust(f.mutants, v)
}

// trust wants a mutant to die that many tests let decide: without it, the switches do
// not work, and nothing that survives means anything.
func (r *runner) trust(mutants []*mutant, v verdict) error {
	wide := slices.DeleteFunc(slices.Clone(mutants), func(m *mutant) bool { return v.reasons[m.String()] != "" })
	slices.SortStableFunc(wide, func(a, b *mutant) int { return len(r.deciders[b.n]) - len(r.deciders[a.n]) })
	for _, m := range wide[:min(10, len(wide))] {
		if r.killed(m) {
			fmt.Printf("seen to die: %s\n", m)
			return nil
		}
	}
	return errors.New("none of the mutants dies that most tests let decide: the switches do not work")
}

// A tally counts what became of mutants.
type tally struct {
	killed, known, unjudged, survived, undecided int
}

// report runs the mutants and prints the survivors as they come, and figures.
func report(r *runner, chosen, all []*mutant, v verdict, o options) error {
	var out *os.File
	if o.log != "" {
		var err error
		if out, err = os.Create(o.log); err != nil {
			return err
		}
		defer out.Close()
	}
	var mu sync.Mutex
	var sum tally
	alive := map[string]int{} // survivors without a line, by function; 0 if all was tried and none is
	begin := time.Now()
	err := each(r, chosen, func(m *mutant) error {
		start := time.Now()
		dead := r.killed(m)
		mu.Lock()
		defer mu.Unlock()
		became := sum.count(m, dead, len(r.deciders[m.n]) > 0, v)
		if !dead && v.reasons[m.String()] == "" {
			alive[m.function]++
			fmt.Printf("%s: %s:%d: %s\n", became, m.file, m.line, m)
		} else if dead && v.reasons[m.String()] != "" {
			fmt.Printf("killed, take it out of the list of survivors: %s\n", m)
		}
		if out != nil {
			fmt.Fprintf(out, "%s\t%s:%d\t%s\t%.1fs\n", became, m.file, m.line, m, time.Since(start).Seconds())
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Printf("%d mutants in %v: %d killed, %d survived with a reason, %d in functions not judged, %d without either; "+
		"%d of the survivors no test let decide\n", len(chosen), time.Since(begin).Round(time.Second),
		sum.killed, sum.known, sum.unjudged, sum.survived, sum.undecided)
	printJudged(chosen, all, alive, v)
	if sum.survived > 0 {
		return errSurvivors
	}
	return nil
}

func (t *tally) count(m *mutant, dead, decided bool, v verdict) string {
	if dead {
		t.killed++
		return "killed"
	}
	if !decided {
		t.undecided++
	}
	switch {
	case v.reasons[m.String()] != "":
		t.known++
		return "known"
	case v.unjudged[m.function]:
		t.unjudged++
		return "not judged"
	case !decided:
		t.survived++
		return "UNDECIDED"
	}
	t.survived++
	return "SURVIVED"
}

// printJudged names functions that can be taken out of the list of those not judged.
func printJudged(chosen, all []*mutant, alive map[string]int, v verdict) {
	left := map[string]int{}
	for _, m := range all {
		left[m.function]++
	}
	for _, m := range chosen {
		left[m.function]--
	}
	for function := range v.unjudged {
		if left[function] == 0 && alive[function] == 0 {
			fmt.Printf("judged, take it out of mutants/unjudged.txt: %s\n", function)
		}
	}
}
