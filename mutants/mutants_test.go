package main

import (
	"errors"
	"fmt"
	"go/importer"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var exports = sync.OnceValues(func() (importer.Lookup, error) {
	return exportData(".", "context", "errors", "fmt", "maps", "net/http", "slices", "sync")
})

// small makes a program of a file's text.
func small(t *testing.T, text string) *program {
	t.Helper()
	exports, err := exports()
	if err != nil {
		t.Fatal(err)
	}
	p, err := parse("example.com/small", map[string][]byte{"small.go": []byte(text)}, []string{"small.go"}, exports)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// changes are the mutants of the function called f.
func changes(f *finder) (list []string) {
	for _, m := range f.mutants {
		if m.function == "f" {
			list = append(list, m.operator+": "+m.change)
		}
	}
	return list
}

func TestOperators(t *testing.T) {
	for _, row := range []struct {
		name, imports, code string
		want                []string
	}{
		{"condition", "", "func f(a, b bool) { if a { g(b) } }; func g(bool) {}", []string{
			"condition: a → true", "condition: a → false", "statement: g(b) → nothing", "condition: b → true", "condition: b → false"}},
		{"case", "", "func f(a int) { switch { case a != 1: } }", []string{
			"condition: a != 1 → true", "condition: a != 1 → false", "constant: 1 → 1 + 1", "constant: 1 → 1 - 1"}},
		{"logic", "", "func f(a, b, c bool) bool { return a && (b || c) }", []string{
			"condition: a && (b || c) → true", "condition: a && (b || c) → false",
			"logic: a && (b || c) → a || (b || c)", "condition: a → true",
			"condition: (b || c) → true", "logic: b || c → b && c", "condition: b → false", "condition: c → false"}},
		{"a type of its own", "", "type own bool; func f(a own, b int) own { var over own = b == 3; return over && a }", []string{
			"constant: 3 → 3 + 1", "constant: 3 → 3 - 1"}},
		{"boundary", "time", "func f(t, u time.Time, a, b string) bool { for a < b { break }; return t.After(u) }", []string{
			"condition: a < b → true", "condition: a < b → false", "boundary: a < b → a <= b", "statement: break → nothing",
			"condition: t.After(u) → true", "condition: t.After(u) → false", "boundary: t.After(u) → !t.Before(u)"}},
		{"comments", "", "func f(a int8) { if a > // why\n\t3 {\n\t} // so\n}", []string{
			"condition: a > // why 3 → true", "condition: a > // why 3 → false", "boundary: a > // why 3 → a >= 3",
			"constant: 3 → 3 + 1", "constant: 3 → 3 - 1"}},
		{"result", "errors", "func f(p *int) (*int, error) { if err := errors.New(\"it is so\"); err != nil { return p, err }; return p, nil }", []string{
			"condition: err != nil → true", "condition: err != nil → false",
			"result: return p, err → return p, nil", "result: return p, nil → return nil, nil"}},
		{"beside a failure", "errors", "func f(b []int) (string, bool) { g := func() ([]int, error) { return b, errors.New(\"no\") }; g(); return \"x\", false }", []string{
			"result: return b, errors.New(\"no\") → return b, nil", "statement: g() → nothing", "constant: false → !false"}},
		{"results that are zero", "", "type s struct{ a int }; func f(a *s) (s, *s) { return s{}, nil }", nil},
		{"results of a call", "", "func f() (int, error) { return f() }", []string{
			"result: return f() → return the results of f(), the 2. of them zero"}},
		{"result of a type", "time", "func f(t time.Time) time.Time { g := func() time.Time { return t }; return g() }", []string{
			"result: return t → return zero(t)", "result: return g() → return zero(g())"}},
		{"letters", "strings", "func f(a, b string) { _ = a != b; _ = a == \"1\"; _ = strings.EqualFold(a, b) }", []string{
			"condition: a != b → true", "condition: a != b → false", "letters: a != b → !strings.EqualFold(a, b)",
			"condition: a == \"1\" → true", "condition: a == \"1\" → false", "constant: \"1\" → \"1\" + \"~\"",
			"condition: strings.EqualFold(a, b) → true", "condition: strings.EqualFold(a, b) → false",
			"letters: strings.EqualFold(a, b) → a == b"}},
		{"statement", "sync", "func f(m *sync.Mutex, c chan int) (x int) { m.Lock(); defer m.Unlock(); x = <-c; x++; c <- x; go f(m, c); panic(x) }", []string{
			"statement: x = <-c → nothing", "statement: x++ → nothing", "statement: c <- x → nothing", "statement: go f(m, c) → nothing"}},
		{"constant", "time", "type own string; func f(a own) own { const c = 5; _ = [8]int{c: 1}; _ = 1 << 3; time.Sleep(5 * time.Second); " +
			"_ = make([]int, 7); return a + \"b\" }", []string{
			"constant: 1 → 1 + 1", "constant: 1 → 1 - 1",
			"constant: 1 << 3 → 1 << 3 + 1", "constant: 1 << 3 → 1 << 3 - 1", "statement: time.Sleep(5 * time.Second) → nothing",
			"constant: 5 * time.Second → 5 * time.Second * 2", "constant: 5 * time.Second → 5 * time.Second / 2",
			"result: return a + \"b\" → return zero(a + \"b\")", "constant: \"b\" → \"b\" + \"~\""}},
		{"words for people", "fmt", "func f(a int) { fmt.Println(\"x\", a == 3); g(\"it failed\") }; func g(string) {}", []string{
			"statement: fmt.Println(\"x\", a == 3) → nothing", "statement: g(\"it failed\") → nothing"}},
		{"a sentence for people", "", "type sentence struct{}; type other struct{}; func (s *sentence) text(t string) *sentence { return s }; " +
			"func (o other) text(t string) {}; func f(s *sentence, o other, a int) { _ = s.text(\"x\").text(\"y\"); o.text(\"it is\") }", []string{
			"statement: o.text(\"it is\") → nothing"}},
		{"copy", "slices maps net/http", "func f(a []int, m map[int]int, h http.Header) { _, _, _ = slices.Clone(a), maps.Clone(m), h.Clone() }", []string{
			"copy: slices.Clone(a) → a", "copy: maps.Clone(m) → m", "copy: h.Clone() → h"}},
		{"field", "", "type s struct { a any; b *int; c bool }; func f(p *int, ok bool) { _ = s{a: p, b: p, c: ok} }", []string{
			"field: a: p → nothing", "field: b: p → nothing", "condition: ok → true", "condition: ok → false"}},
		{"neighbour", "strings", "func f(a string, b []byte, i int) { _ = strings.HasPrefix(a, \"x\"); _ = b[i:]; _ = b[0]; _ = min(i, 3-i) }", []string{
			"condition: strings.HasPrefix(a, \"x\") → true", "condition: strings.HasPrefix(a, \"x\") → false",
			"neighbour: strings.HasPrefix(a, \"x\") → strings.Contains(a, \"x\")", "constant: \"x\" → \"x\" + \"~\"",
			"neighbour: i → i + 1", "neighbour: i → i - 1", "neighbour: 0 → 0 + 1", "neighbour: min(i, 3-i) → max(i, 3-i)",
			"neighbour: 3-i → 3 + i", "constant: 3 → 3 + 1", "constant: 3 → 3 - 1"}},
		{"the same twice", "", "func f(a *bool) { if *a {}; if *a {} }", []string{
			"condition: *a → true", "condition: *a → false", "condition: *a → true #2", "condition: *a → false #2"}},
		{"generic", "", "type l[T any] struct{ v []T }; func (x *l[T]) get(i int) T { return x.v[i] }; " +
			"func f[K int | string](a, b K) bool { return a < b }", []string{
			"condition: a < b → true", "condition: a < b → false"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			head := "package small\n"
			for path := range strings.FieldsSeq(row.imports) {
				head += fmt.Sprintf("import %q\n", path)
			}
			p := small(t, head+row.code)
			f := find(p)
			if got := changes(f); !slices.Equal(got, row.want) {
				t.Errorf("mutants:\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(row.want, "\n"))
			}
			if err := p.check(f.rewritten()); err != nil {
				t.Errorf("%v\n%s", err, f.rewritten()["small.go"])
			}
		})
	}
}

// A function whose arguments are words, and that was renamed, is missed.
func TestTexts(t *testing.T) {
	err := small(t, "package small\nfunc fail() {}").checkTexts()
	if err == nil || !strings.Contains(err.Error(), "no function printable") {
		t.Errorf("error %v", err)
	}
	if err := small(t, "package small\nfunc fail() {}\nfunc printable() {}\nfunc saying() {}\ntype sentence struct{}").checkTexts(); err != nil {
		t.Error(err)
	}
}

// write makes a file of a directory.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const ideasOf = `package small

var table = [...]int{1, 2, 3}

type s struct{}

func (s) f(_ int, list ...string) (n int, err error) { return len(list) + table[0], nil }

func (*s) g(a, b int) { _, _ = a, b; _ = a }

func generic[T any](v T) T { return v }
`

func TestIdeas(t *testing.T) {
	for _, row := range []struct{ name, lines, wrong string }{
		{"all that there is", "s.f | len(list) + | cap(list) +\ns.f | , nil | , err\ns.g | _, _ =\\ta, b | _, _ = b, a\n" +
			"generic | return v | var w T\\n return w\ntable | 1,\t2 | 1, 5\n# a comment", ""},
		{"a replacement that does not compile", "s.g | _, _ = a, b | _ = c", "list.txt:1:"},
		{"no function", "s.h | a | b", "list.txt:1: no function or table is called s.h"},
		{"no such text", "s.f | cap(list) | len(list)", "list.txt:1: the text stands 0 times in s.f: cap(list)"},
		{"text that stands twice", "\ns.g | = a | = b", "list.txt:2: the text stands 2 times"},
		{"two parts", "s.g | = a", "list.txt:1: 2 parts, not three"},
		{"not the body", "s.f | list ...string | list ...int", "not in the body of s.f"},
		{"not the value", "table | var | const", "stands 0 times"},
		{"another version of Go", "//go:build go1.999\ns.h | a | b", ""},
		{"this version of Go", "//go:build go1.25\ns.h | a | b", "no function"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := small(t, ideasOf)
			f := find(p)
			ideas, err := readIdeas([]string{write(t, t.TempDir(), "list.txt", strings.ReplaceAll(row.lines, `\t`, "\t"))})
			if err == nil {
				err = errors.Join(f.addIdeas(ideas)...)
			}
			if err == nil {
				err = p.check(f.rewritten())
			}
			if text := fmt.Sprint(err); !strings.Contains(text, row.wrong) || (err == nil) != (row.wrong == "") {
				t.Errorf("error %s, want %q\n%s", text, row.wrong, f.rewritten()["small.go"])
			}
		})
	}
}

// A line of a list that stands for nothing is an error.
func TestVerdict(t *testing.T) {
	mutants := find(small(t, "package small\nfunc f(a bool, b int) bool { _ = b | 1; return a }")).mutants
	for _, row := range []struct{ name, survivors, unjudged, wrong string }{
		{"as it should be", "f | condition | a → true | because | value: it is\nf | constant | 1 → 1 + 1 | cost: so", "f", `[no mutant is called "f | condition | a → true | because"]`},
		{"a mutant", "f | condition | a → true | value: it is so", "", "[]"},
		{"words", "f | condition | a → true | words", "", "[]"},
		{"no kind", "f | condition | a → true | it is so", "", fmt.Sprintf("[the reason %q is of none of the kinds %q]", "it is so", reasonKinds)},
		{"a kind alone", "f | condition | a → true | value", "", fmt.Sprintf("[the reason %q is of none of the kinds %q]", "value", reasonKinds)},
		{"no reason", "f | condition | a → true", "", `[no mutant is called "f | condition"]`},
		{"no mutant", "f | condition | b → true | value: it is so", "", `[no mutant is called "f | condition | b → true"]`},
		{"no parts", "f", "", `[no mutant is called ""]`},
		{"twice", "f | condition | a → true | value: so\nf | condition | a → true | value: or so", "", "[stands here twice]"},
		{"no function", "", "f\ng", `[no function with mutants is called "g", or it stands here twice]`},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			survivors := write(t, dir, "survivors.txt", row.survivors)
			v, wrong := readVerdict([]string{survivors}, write(t, dir, "unjudged.txt", row.unjudged), mutants)
			texts := []string{}
			for _, err := range wrong {
				_, text, _ := strings.Cut(err.Error(), ": ")
				texts = append(texts, text)
			}
			if got := fmt.Sprint(texts); got != row.wrong {
				t.Errorf("wrong: %s, want %s", got, row.wrong)
			}
			if row.name == "a mutant" && v.reasons["f | condition | a → true"] != "value: it is so" {
				t.Errorf("reasons: %v", v.reasons)
			}
		})
	}
}

func TestDraw(t *testing.T) {
	var mutants []*mutant
	for i := range 300 {
		mutants = append(mutants, &mutant{n: i, function: []string{"new", "old", "unjudged"}[i%3], change: fmt.Sprint(i)})
	}
	changed, unjudged := map[string]bool{"new": true}, map[string]bool{"unjudged": true}
	list, first := draw(mutants, changed, unjudged, 150, "seed")
	of := map[string]int{}
	for i, m := range list {
		of[m.function]++
		if i < 100 && m.function != "new" {
			t.Errorf("%s at %d", m.function, i)
		}
	}
	if first != 100 || of["new"] != 100 || of["old"] != 50 || len(of) != 2 {
		t.Errorf("%d of changed functions, all in all %v", first, of)
	}
	if again, _ := draw(mutants, changed, unjudged, 150, "seed"); !slices.Equal(list, again) {
		t.Error("the same seed draws others")
	}
	if other, _ := draw(mutants, changed, unjudged, 150, "other"); slices.Equal(list, other) {
		t.Error("another seed draws the same")
	}
	if all, _ := draw(mutants, nil, nil, 1000, ""); len(all) != len(mutants) {
		t.Errorf("%d of all", len(all))
	}
}

// A function that stands elsewhere, or has another comment, has not changed.
func TestChanged(t *testing.T) {
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		args = append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)
		if _, err := output(dir, "git", args...); err != nil {
			t.Fatal(err)
		}
	}
	git("init", "-q")
	write(t, dir, "go.mod", "module example.com/small\n")
	write(t, dir, "a.go", "package small\nfunc stays() int { return 1 }\nfunc moves() int { return 2 }\nfunc changes() int { return 3 }\n")
	git("add", ".")
	git("commit", "-q", "-m", "before")
	write(t, dir, "a.go", "package small\n// stays stays.\nfunc stays() int {\n\treturn 1\n}\nfunc changes() int { return 4 }\nvar added = 1\n")
	write(t, dir, "b.go", "package small\nfunc moves() int { return 2 }\n")
	p, err := load(dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.changed("HEAD")
	if err != nil || len(got) != 2 || !got["changes"] || !got["added"] {
		t.Errorf("changed: %v, %v", got, err)
	}
}

func TestGroups(t *testing.T) {
	var tests []*test
	for range 100 {
		tests = append(tests, &test{time: time.Millisecond})
	}
	for range 3 {
		tests = append(tests, &test{time: 550 * time.Millisecond})
	}
	tests = append(tests, &test{time: time.Second}, &test{time: 2 * time.Second})
	var sizes []int
	for _, group := range groups(tests) {
		sizes = append(sizes, len(group))
	}
	if !slices.Equal(sizes, []int{40, 40, 22, 1, 1, 1}) {
		t.Errorf("groups of %v", sizes)
	}
}

const head = columns + "\n" + ruler + "\n"

// A row that does not have the form of the document, or does not fit the package, is
// an error.
func TestRequirements(t *testing.T) {
	dir := t.TempDir()
	p := small(t, "package small\nvar table = []int{1, 2}\nfunc f(a, b bool) bool { return a || b }\nfunc g() string { return `x` }")
	p.dir = dir
	write(t, dir, "small_test.go", "package small\nfunc TestF(*testing.T) {}\nfunc FuzzG(*testing.F) {}\nfunc help() {}\n")
	if err := os.Mkdir(filepath.Join(dir, "docs"), 0o700); err != nil {
		t.Fatal(err)
	}
	const row = "| 4.1 | It is so. | client | `f` | `TestF` | `f: condition: a → false` |\n"
	old := ""
	if !satisfied("go1.27") {
		old = "; not checked: 1, which need Go 1.27"
	}
	for _, r := range []struct{ name, text, wrong string }{
		{"all that there is", "# Title\n\n| A | B |\n\n## RFC 1: one\n\n" + head + row +
			"| 4.1, step 2 | It is more so. | API | `f`, `g` | `TestF`, `FuzzG` | `f: logic: a \\|\\| b → a && b` |\n" +
			"| 4.10 | It is less so. | client, API | `g` | `FuzzG` | `` g: constant: `x` → `x` + \"~\" `` |\n" +
			"| A.1 | It was so. | client | `table` | `TestF` | — |\n" +
			"| Words | It was not. | client | `f` | by construction: it cannot | — |\n" +
			"\n## RFC 9964: two\nA sentence.\n" + head + "| 1 | It is so. | API | — | not done: nobody asked | — |\n", ""},
		{"text", "## RFC 1\n" + head + row + "\nMore words.\n", "6: neither a heading"},
		{"a second sentence", "## RFC 1\nA sentence.\nAnother.\n" + head + row, "3: neither a heading"},
		{"no head", "## RFC 1\n" + row, "2: neither a heading"},
		{"no ruler", "## RFC 1\n" + columns + "\n" + row, "3: neither a heading"},
		{"a heading without a row", "## RFC 1\n" + head + "## RFC 2\n" + head + row, "4: there is no row before this"},
		{"the last heading without a row", "## RFC 1\n" + head + row + "## RFC 2\n" + head, "9: there is no row before this"},
		{"the same heading", "## RFC 1\n" + head + row + "## RFC 1\n" + head + row, "5: this heading stands here twice"},
		{"five cells", "## RFC 1\n" + head + strings.Replace(row, " `f` |", "", 1), "5 cells"},
		{"an empty cell", "## RFC 1\n" + head + strings.Replace(row, " 4.1 ", "  ", 1), "a cell is empty"},
		{"half a sentence", "## RFC 1\n" + head + strings.Replace(row, "so.", "so", 1), "not one sentence"},
		{"a long sentence", "## RFC 1\n" + head + strings.Replace(row, "so.", strings.Repeat("so ", 70)+".", 1), "not one sentence"},
		{"another role", "## RFC 1\n" + head + strings.Replace(row, "client", "server", 1), "the role is server"},
		{"a bare function", "## RFC 1\n" + head + strings.Replace(row, "`f` |", "f |", 1), "the function: f is no name"},
		{"three functions", "## RFC 1\n" + head + strings.Replace(row, "`f` |", "`f`, `g`, `table` |", 1), "more than two names"},
		{"no function", "## RFC 1\n" + head + strings.Replace(row, "`f` |", "— |", 1), "the function: — is no name"},
		{"no test", "## RFC 1\n" + head + strings.Replace(row, "`TestF`", "—", 1), "neither named nor left out for a reason"},
		{"a mutant and no test", "## RFC 1\n" + head + strings.Replace(row, "`TestF`", "not done: so", 1), "no test that kills it"},
		{"a bare mutant", "## RFC 1\n" + head + strings.Replace(row, "false`", "false", 1), "the mutant is not in backticks"},
		{"a mutant of another function", "## RFC 1\n" + head + strings.Replace(row, "`f` |", "`g` |", 1), "the mutant is of f"},
		{"the order", "## RFC 1\n" + head + strings.Replace(row, "4.1", "4.10", 1) + strings.Replace(row, "4.1 | It", "4.2 | This", 1),
			"section 4.2 stands below 4.10"},
		{"an appendix", "## RFC 1\n" + head + strings.Replace(row, "4.1", "A", 1) + strings.Replace(row, "is", "was", 1), "section 4.1 stands below A"},
		{"twice", "## RFC 1\n" + head + row + row, "says this twice"},
		{"an unknown test", "## RFC 1\n" + head + strings.Replace(row, "TestF", "TestG", 1), "4: no test is called TestG"},
		{"a function in place of a test", "## RFC 1\n" + head + strings.Replace(row, "TestF", "help", 1), "no test is called help"},
		{"an unknown function", "## RFC 1\n" + head + strings.Replace(row, "`f` |", "`f`, `h` |", 1), "4: no function is called h"},
		{"an unknown mutant", "## RFC 1\n" + head + strings.Replace(row, "a →", "c →", 1), "4: no mutant is called f: condition: c → false"},
		{"a mutant that may live", "## RFC 1\n" + head + strings.Replace(row, "a →", "b →", 1), "4: the mutant may survive: it is so"},
		{"no document", "", "there is no row"},
	} {
		t.Run(r.name, func(t *testing.T) {
			write(t, dir, "docs/requirements.md", r.text)
			f := find(p)
			list, err := readRequirements(p, f.mutants, verdict{reasons: map[string]string{"f | condition | b → false": "it is so"}})
			if text := fmt.Sprint(err); !strings.Contains(text, r.wrong) || (err == nil) != (r.wrong == "") {
				t.Fatalf("error %s, want %q", text, r.wrong)
			}
			if r.wrong != "" {
				return
			}
			want := []string{"RFC 1: one: 5 requirements, 4 tested, 3 with a mutant, 0 not done",
				"RFC 9964: two: 1 requirements, 0 tested, 0 with a mutant, 1 not done" + old,
				"docs/requirements.md: 6 requirements, 4 tested, 3 with a mutant, 1 not done" + old}
			if got := list.figures(); !slices.Equal(got, want) {
				t.Errorf("figures:\n%s", strings.Join(got, "\n"))
			}
		})
	}
}

// The whole way, with a package that has one test.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "go.mod", "module example.com/small\n\ngo 1.25\n")
	write(t, dir, "small.go", "package small\n\nfunc f(a int) bool { return a < 3 }\n\nfunc g() int { return 1 }\n\n"+
		"func forever(n int) { for n > 0 { n-- } }\n")
	write(t, dir, "small_test.go", "package small\n\nimport \"testing\"\n\n"+
		"func TestF(t *testing.T) {\n\tforever(1)\n\tif !f(2) || f(4) {\n\t\tt.Fatal()\n\t}\n}\n")
	if err := os.Mkdir(filepath.Join(dir, "mutants"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "mutants/small.txt", "f | a | -a\nf | return | return a < 3 && false ||\n")
	write(t, dir, "mutants/survivors.txt", "f | boundary | a < 3 → a <= 3 | choice: nobody needs 3\n")
	write(t, dir, "mutants/unjudged.txt", "g\n")
	p, err := load(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = prepare(p)
	if err == nil || !strings.Contains(err.Error(), "small.txt:1: the text stands 2 times") {
		t.Errorf("an idea that does not fit: %v", err)
	}
	write(t, dir, "mutants/small.txt", "f | a < | -a <\nf | return | return a < 3 && false ||\n")
	f, v, err := prepare(p)
	if err != nil {
		t.Fatal(err)
	}
	r := &runner{ctx: t.Context(), dir: dir, work: t.TempDir(), jobs: 2, killers: map[string]map[*test]int{}}
	if err := start(r, f, v, options{}); err != nil {
		t.Fatal(err)
	}
	mutants := slices.DeleteFunc(slices.Clone(f.mutants), func(m *mutant) bool { return m.function == "forever" })
	logged := filepath.Join(t.TempDir(), "log")
	if err := report(r, mutants, f.mutants, v, options{log: logged}); !errors.Is(err, errSurvivors) {
		t.Errorf("a survivor that has no line: %v", err)
	}
	text, err := os.ReadFile(logged)
	if err != nil {
		t.Fatal(err)
	}
	became := map[string]string{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(line, "\t")
		became[fields[2]] = fields[0]
	}
	for name, want := range map[string]string{
		"f | condition | a < 3 → true":                 "killed",
		"f | condition | a < 3 → false":                "killed",
		"f | boundary | a < 3 → a <= 3":                "known",
		"f | constant | 3 → 3 + 1":                     "SURVIVED",
		"f | constant | 3 → 3 - 1":                     "killed",
		"g | constant | 1 → 1 + 1":                     "not judged",
		"g | constant | 1 → 1 - 1":                     "not judged",
		"f | idea | a < → -a <":                        "killed",
		"f | idea | return → return a < 3 && false ||": "SURVIVED",
	} {
		if became[name] != want {
			t.Errorf("%s: %s, want %s", name, became[name], want)
		}
	}
	if len(became) != 9 {
		t.Errorf("%d mutants: %v", len(became), became)
	}
	if err := os.Mkdir(filepath.Join(dir, "docs"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		mutant string
		want   error
	}{{"f: condition: a < 3 → true", nil}, {"f: constant: 3 → 3 + 1", errLives}, {"g: constant: 1 → 1 + 1", errLives}} {
		write(t, dir, "docs/requirements.md", "## RFC 1\n"+head+"| 1 | So. | API | `f`, `g` | `TestF` | `"+row.mutant+"` |\n")
		list, err := readRequirements(p, f.mutants, v)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := list.choose(p, options{})
		if err != nil {
			t.Fatal(err)
		}
		r := &runner{ctx: t.Context(), dir: dir, work: t.TempDir(), jobs: 2}
		if err := hold(r, f, rows); err != row.want || len(rows) != 1 {
			t.Errorf("%s: %v, of %d rows", row.mutant, err, len(rows))
		}
	}
}
