package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// errLives ends a run that found a row which does not hold.
var errLives = errors.New("mutants of docs/requirements.md live: name a test that kills the mutant, or write it")

// The table below each heading of docs/requirements.md begins with these lines.
const (
	columns = "| Section | Requirement | Role | Function | Test | Mutant |"
	ruler   = "|---|---|---|---|---|---|"
)

// nothing stands in an empty cell.
const nothing = "—"

// reasons are how the cell of the test begins where there is none.
var reasons = []string{notDone, "by construction: ", "the program's: "}

const notDone = "not done: "

// A requirement is a row: what a specification demands, where it is done, the test
// that holds it, and the mutant that shows that the test does.
type requirement struct {
	at            entry
	heading       string
	section, text string
	functions     []string
	tests         []string
	reason        string // why there is no test
	name          string // of the mutant, as in the table
	mutant        *mutant
}

// requirements are the rows of the document, and its headings in their order.
type requirements struct {
	headings []string
	rows     []*requirement
}

// readRequirements reads docs/requirements.md. What does not fit the package is an
// error.
func readRequirements(p *program, mutants []*mutant, v verdict) (*requirements, error) {
	list, wrong := readTables(filepath.Join(p.dir, "docs", "requirements.md"))
	tests, err := testNames(p.dir)
	if err != nil {
		return nil, err
	}
	functions := map[string]bool{}
	for _, s := range p.files {
		for _, d := range s.tree.Decls {
			for _, d := range declarations(d) {
				functions[d.name] = true
			}
		}
	}
	named := map[string]*mutant{}
	for _, m := range mutants {
		named[strings.Replace(m.String(), " | ", ": ", 2)] = m
	}
	for _, q := range list.rows {
		for _, name := range q.tests {
			if !tests[name] {
				wrong = append(wrong, fmt.Errorf("%s: no test is called %s", q.at, name))
			}
		}
		if !q.here() {
			continue
		}
		q.mutant = named[q.name]
		for _, name := range q.functions {
			if !functions[name] {
				wrong = append(wrong, fmt.Errorf("%s: no function is called %s", q.at, name))
			}
		}
		switch {
		case q.name != "" && q.mutant == nil:
			wrong = append(wrong, fmt.Errorf("%s: no mutant is called %s", q.at, q.name))
		case q.mutant != nil && v.reasons[q.mutant.String()] != "":
			wrong = append(wrong, fmt.Errorf("%s: the mutant may survive: %s", q.at, v.reasons[q.mutant.String()]))
		}
	}
	return list, errors.Join(wrong...)
}

// here: whether this Go has what the row is about, so that it can be checked.
func (q *requirement) here() bool {
	return !strings.HasPrefix(q.heading, "RFC 9964") || satisfied("go1.27") // ML-DSA
}

// testNames are the tests and fuzz targets of the package, whatever Go they are for.
func testNames(dir string) (map[string]bool, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, path := range paths {
		tree, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range tree.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Recv == nil && testName.MatchString(d.Name.Name) {
				names[d.Name.Name] = true
			}
		}
	}
	return names, nil
}

var testName = regexp.MustCompile(`^(Test|Fuzz)[A-Z]`)

// readTables reads the document. It returns also what is wrong with its form: under
// a heading there may be one sentence, and there must be a table.
func readTables(path string) (list *requirements, wrong []error) {
	const (
		before = iota // the first heading
		headed
		said
		named // the columns
		inside
		behind
	)
	list = new(requirements)
	text, err := os.ReadFile(path)
	if err != nil {
		return list, []error{err}
	}
	state, at := before, entry{path: path}
	var last *requirement // of the table
	complain := func(format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("%s: %s", at, fmt.Sprintf(format, args...)))
	}
	lines := append(strings.Split(string(text), "\n"), "## ") // which ends the last table
	for i, line := range lines {
		at.line, at.text = i+1, line
		heading, isHeading := strings.CutPrefix(line, "## ")
		switch {
		case isHeading:
			if state != before && last == nil || i == len(lines)-1 && len(list.rows) == 0 {
				complain("there is no row before this")
			}
			if slices.Contains(list.headings, heading) {
				complain("this heading stands here twice")
			}
			if state, last = headed, nil; heading != "" {
				list.headings = append(list.headings, heading)
			}
		case state == before:
		case line == "" && state != named:
			if state == inside {
				state = behind
			}
		case line == columns && (state == headed || state == said):
			state = named
		case line == ruler && state == named:
			state = inside
		case state == inside:
			q, err := readRow(at)
			if err != nil {
				complain("%v", err)
				continue
			}
			if last != nil && compareSections(last.section, q.section) > 0 {
				complain("section %s stands below %s", q.section, last.section)
			}
			if q.heading = list.headings[len(list.headings)-1]; list.says(q) {
				complain("the specification says this twice")
			}
			list.rows, last = append(list.rows, q), q
		case state == headed && !strings.HasPrefix(line, "|"):
			state = said
		default:
			complain("neither a heading nor a sentence below it, nor the head or a row of a table: %s", brief(line))
		}
	}
	return list, wrong
}

// says: whether a row of the same specification has the same sentence.
func (list *requirements) says(q *requirement) bool {
	return slices.ContainsFunc(list.rows, func(r *requirement) bool { return r.heading == q.heading && r.text == q.text })
}

// readRow reads the six cells of a row.
func readRow(at entry) (*requirement, error) {
	cells := cut(at.text)
	if len(cells) != 6 {
		return nil, fmt.Errorf("%d cells, not six: section, requirement, role, function, test, mutant", len(cells))
	}
	q := &requirement{at: at, section: cells[0], text: cells[1]}
	switch {
	case slices.Contains(cells, ""):
		return nil, errors.New("a cell is empty, without " + nothing)
	case !strings.HasSuffix(q.text, ".") || utf8.RuneCountInString(q.text) > 200:
		return nil, errors.New("the requirement is not one sentence of at most 200 characters")
	case !slices.Contains([]string{"client", "API", "client, API"}, cells[2]):
		return nil, fmt.Errorf("the role is %s, not client, API or client, API", cells[2])
	}
	if slices.ContainsFunc(reasons, func(s string) bool { return strings.HasPrefix(cells[4], s) }) {
		q.reason = cells[4]
	}
	var err error
	if q.functions, err = names(cells[3], q.reason != ""); err != nil {
		return nil, fmt.Errorf("the function: %w", err)
	}
	if q.reason != "" {
		if cells[5] != nothing {
			return nil, errors.New("there is a mutant, and no test that kills it")
		}
		return q, nil
	}
	if q.tests, err = names(cells[4], false); err != nil {
		return nil, fmt.Errorf("the test, which is neither named nor left out for a reason: %w", err)
	}
	if cells[5] == nothing {
		return q, nil
	}
	tick := "`"
	if q.name = strings.Trim(cells[5], "`"); strings.Contains(q.name, tick) {
		tick, q.name = "``", strings.TrimSpace(q.name)
		cells[5] = strings.NewReplacer("`` ", "``", " ``", "``").Replace(cells[5])
	}
	if cells[5] != tick+q.name+tick {
		return nil, errors.New("the mutant is not in backticks, or has one in it and is not in two")
	}
	if function, _, _ := strings.Cut(q.name, ": "); !slices.Contains(q.functions, function) {
		return nil, fmt.Errorf("the mutant is of %s, which the row does not name", function)
	}
	return q, nil
}

// cut takes a row apart. A pipe within a cell has a backslash before it.
func cut(line string) (cells []string) {
	line, begins := strings.CutPrefix(line, "| ")
	line, ends := strings.CutSuffix(line, " |")
	if !begins || !ends {
		return nil
	}
	const within = "\x00"
	for cell := range strings.SplitSeq(strings.ReplaceAll(line, `\|`, within), "|") {
		cells = append(cells, strings.TrimSpace(strings.ReplaceAll(cell, within, "|")))
	}
	return cells
}

// names reads one or two names in backticks, or none where there may be none.
func names(cell string, none bool) (list []string, err error) {
	if cell == nothing && none {
		return nil, nil
	}
	for name := range strings.SplitSeq(cell, ", ") {
		bare := strings.Trim(name, "`")
		if bare == "" || name != "`"+bare+"`" {
			return nil, fmt.Errorf("%s is no name in backticks", name)
		}
		list = append(list, bare)
	}
	if len(list) > 2 {
		return nil, errors.New("more than two names")
	}
	return list, nil
}

var sectionNumber = regexp.MustCompile(`^([0-9]+|[A-Z])(\.[0-9]+)*\b`)

// compareSections compares 4.1.3 and A.2, with or without words behind them. Sections
// without a number have no order.
func compareSections(a, b string) int {
	a, b = sectionNumber.FindString(a), sectionNumber.FindString(b)
	if a == "" || b == "" {
		return 0
	}
	parts := func(s string) (list []int) {
		for part := range strings.SplitSeq(s, ".") {
			n, err := strconv.Atoi(part)
			if err != nil { // appendices come last
				n = 1000 + int(part[0])
			}
			list = append(list, n)
		}
		return list
	}
	return slices.Compare(parts(a), parts(b))
}

// figures are lines with figures: of each specification, and of all.
func (list *requirements) figures() (lines []string) {
	for _, heading := range list.headings {
		lines = append(lines, figure(heading, slices.DeleteFunc(slices.Clone(list.rows), func(q *requirement) bool { return q.heading != heading })))
	}
	return append(lines, figure("docs/requirements.md", list.rows))
}

func figure(of string, rows []*requirement) string {
	var tested, shown, undone, absent int
	for _, q := range rows {
		if len(q.tests) > 0 {
			tested++
		}
		if q.name != "" {
			shown++
		}
		if strings.HasPrefix(q.reason, notDone) {
			undone++
		}
		if !q.here() {
			absent++
		}
	}
	text := fmt.Sprintf("%s: %d requirements, %d tested, %d with a mutant, %d not done", of, len(rows), tested, shown, undone)
	if absent > 0 {
		text += fmt.Sprintf("; not checked: %d, which need Go 1.27", absent)
	}
	return text
}

// choose takes the rows whose mutants the options ask for: all, without any.
func (list *requirements) choose(p *program, o options) ([]*requirement, error) {
	rows := map[*mutant][]*requirement{}
	var mutants []*mutant
	for _, q := range list.rows {
		if q.mutant == nil {
			continue
		}
		if rows[q.mutant] == nil {
			mutants = append(mutants, q.mutant)
		}
		rows[q.mutant] = append(rows[q.mutant], q)
	}
	o.all = o.all || o.most == 0
	mutants, err := choose(p, mutants, verdict{}, o)
	if err != nil {
		return nil, err
	}
	var chosen []*requirement
	for _, m := range mutants {
		chosen = append(chosen, rows[m]...)
	}
	if !o.all && o.only == "" {
		chosen = chosen[:min(o.most, len(chosen))]
	}
	return chosen, nil
}

// hold runs the mutant of each row with the tests of the row alone.
func hold(r *runner, f *finder, rows []*requirement) error {
	tests := map[string]*test{}
	for _, q := range rows {
		for _, name := range q.tests {
			if tests[name] == nil {
				tests[name] = &test{name: name}
				r.tests = append(r.tests, tests[name])
			}
		}
	}
	if err := r.prepare(f); err != nil {
		return err
	}
	if err := r.record(0); err != nil {
		return err
	}
	var mu sync.Mutex
	lives := 0
	begin := time.Now()
	err := each(r, rows, func(q *requirement) error {
		var group []*test
		for _, name := range q.tests {
			group = append(group, tests[name])
		}
		if r.fails(q.mutant.n, group) {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		lives++
		became := "SURVIVED"
		if !slices.ContainsFunc(group, func(t *test) bool { return slices.Contains(r.deciders[q.mutant.n], t) }) {
			became = "UNDECIDED"
		}
		fmt.Printf("%s: %s: with %s: %s\n", q.at, became, strings.Join(q.tests, ", "), q.mutant)
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Printf("%d rows with a mutant in %v: %d killed, %d not\n", len(rows), time.Since(begin).Round(time.Second), len(rows)-lives, lives)
	if lives > 0 {
		return errLives
	}
	return nil
}
