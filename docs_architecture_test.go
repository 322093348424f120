package oauth

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestArchitecture compares docs/architecture.md with the source: its house has each room
// once and in their order, its ways have functions that are where it says, and every file
// that it names exists.
func TestArchitecture(t *testing.T) {
	b, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	for _, m := range regexp.MustCompile("[`(]([\\w./]+\\.(?:go|md|txt))[`)]").FindAllStringSubmatch(page, -1) {
		if _, err := os.Stat(m[1]); err != nil {
			if _, err := os.Stat(filepath.Join("docs", m[1])); err != nil {
				t.Errorf("there is no %s", m[1])
			}
		}
	}
	_, house, _ := strings.Cut(page, "\n## The house\n")
	_, house, _ = strings.Cut(house, "\n### ")
	house, _, _ = strings.Cut(house, "\n## ")
	var named []string
	for _, m := range regexp.MustCompile("`([a-z0-9_]+)\\.go`").FindAllStringSubmatch(house, -1) {
		named = append(named, m[1])
	}
	if !slices.Equal(named, rooms) {
		t.Errorf("the page has the rooms\n%v, and the house has\n%v", named, rooms)
	}
	_, files := parseDir(t, ".")
	steps := regexp.MustCompile("(?m)^\\| `(\\w+\\.go)` \\| `(\\w+)` \\| .+ \\|$").FindAllStringSubmatch(page, -1)
	for _, step := range steps {
		if f := files[step[1]]; f == nil || !declares(f, step[2]) {
			t.Errorf("%s has no function %s", step[1], step[2])
		}
	}
	if len(steps) < 30 || strings.Count(page, "\n| ") != len(steps)+2 { // and the heads of two tables
		t.Errorf("it read %d steps: does it look?", len(steps))
	}
}

// declares reports whether a file has a function or method of the name.
func declares(f *ast.File, name string) bool {
	return slices.ContainsFunc(f.Decls, func(d ast.Decl) bool {
		fn, ok := d.(*ast.FuncDecl)
		return ok && fn.Name.Name == name
	})
}
