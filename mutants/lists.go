package main

import (
	"fmt"
	"go/build"
	"go/build/constraint"
	"os"
	"runtime"
	"slices"
	"strings"
)

// An entry is a line of a list.
type entry struct {
	path string
	line int
	text string
}

func (e entry) String() string { return fmt.Sprintf("%s:%d", e.path, e.line) }

// readList reads the lines of a list, without those that are empty or begin with #.
// A list that begins with //go:build is for these versions of Go alone.
func readList(path string) (list []entry, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if constraint.IsGoBuild(line) {
			expr, err := constraint.Parse(line)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", path, i+1, err)
			}
			if !expr.Eval(satisfied) {
				return nil, nil
			}
		} else if line != "" && line[0] != '#' {
			list = append(list, entry{path, i + 1, line})
		}
	}
	return list, nil
}

func satisfied(tag string) bool {
	return tag == runtime.GOOS || tag == runtime.GOARCH || slices.Contains(build.Default.ReleaseTags, tag)
}

// reasonKinds are how the reason of a mutant that may survive begins. The head of
// survivors.txt says what each means; what is of none of them needs a test.
var reasonKinds = []string{"words", "value", "elsewhere", "unused", "cost", "choice", "library", "not run"}

// hasKind reports whether a reason is of a kind, and says why; words speak for themselves.
func hasKind(reason string) bool {
	kind, why, _ := strings.Cut(reason, ": ")
	return slices.Contains(reasonKinds, kind) && (why != "" || kind == "words")
}

// A verdict is what is known of survivors.
type verdict struct {
	reasons  map[string]string // of the mutants that may survive
	unjudged map[string]bool   // functions whose survivors nobody has judged
}

// readVerdict reads the lists of survivors, lines of
//
//	function | operator | change | kind of reason: reason
//
// and of functions. It returns also what is wrong with them: a line that stands for
// no mutant, or twice, or has a reason of no kind.
func readVerdict(survivors []string, unjudged string, mutants []*mutant) (verdict, []error) {
	v := verdict{map[string]string{}, map[string]bool{}}
	exists, functions := map[string]bool{}, map[string]bool{}
	for _, m := range mutants {
		exists[m.String()] = true
		functions[m.function] = true
	}
	var wrong []error
	for _, path := range survivors {
		list, err := readList(path)
		if err != nil {
			wrong = append(wrong, err)
		}
		for _, e := range list {
			cut := max(strings.LastIndex(e.text, " | "), 0)
			name, reason := e.text[:cut], strings.TrimPrefix(e.text[cut:], " | ")
			switch {
			case !exists[name]:
				wrong = append(wrong, fmt.Errorf("%s: no mutant is called %q", e, name))
			case v.reasons[name] != "":
				wrong = append(wrong, fmt.Errorf("%s: stands here twice", e))
			case !hasKind(reason):
				wrong = append(wrong, fmt.Errorf("%s: the reason %q is of none of the kinds %q", e, reason, reasonKinds))
			default:
				v.reasons[name] = reason
			}
		}
	}
	list, err := readList(unjudged)
	if err != nil {
		wrong = append(wrong, err)
	}
	for _, e := range list {
		if !functions[e.text] || v.unjudged[e.text] {
			wrong = append(wrong, fmt.Errorf("%s: no function with mutants is called %q, or it stands here twice", e, e.text))
		}
		v.unjudged[e.text] = true
	}
	return v, wrong
}
