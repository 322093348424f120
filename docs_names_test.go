package oauth

import (
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// named lists the pages whose names of files and tests are held against the tree.
var named = []string{"SECURITY.md", "CONTRIBUTING.md", "docs/testing.md", "docs/performance.md"}

// TestNamedInPages: the files that pages name exist, and so do tests, fuzz targets and
// examples.
func TestNamedInPages(t *testing.T) {
	files, tests := map[string]bool{}, map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark|Example)\w*)\(`)
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() == "node_modules" || d.Name() == ".git" {
			return fs.SkipDir
		}
		files[name] = true
		if strings.HasSuffix(name, "_test.go") {
			text, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			for _, m := range declared.FindAllSubmatch(text, -1) {
				tests[string(m[1])] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	file := regexp.MustCompile(`^[\w./-]+\.(go|md|txt|json|mjs)$|^[\w.-]+(/[\w.-]+)+$`)
	test := regexp.MustCompile(`^(Test|Fuzz|Benchmark|Example)[A-Z_]\w*$`)
	for _, page := range named {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Error(err)
			continue
		}
		seen := 0
		for _, m := range regexp.MustCompile("`([^`\n]+)`|\\]\\(([^):]+)\\)").FindAllStringSubmatch(string(text), -1) {
			name := m[1]
			if m[2] != "" {
				name = path.Join(path.Dir(page), strings.TrimSuffix(m[2], "#"))
			}
			switch {
			case test.MatchString(name):
				seen++
				if !tests[name] {
					t.Errorf("%s: there is no %s", page, name)
				}
			case file.MatchString(name) && !strings.Contains(name, "..."):
				seen++
				if !files[name] && !files[path.Join(path.Dir(page), name)] {
					t.Errorf("%s: there is no %s", page, name)
				}
			}
		}
		if seen == 0 {
			t.Errorf("%s names %d files and tests", page, seen)
		}
	}
}

// TestSBOM: the bill of materials is that of go.mod, which requires nothing.
func TestSBOM(t *testing.T) {
	text, err := os.ReadFile("sbom.cdx.json")
	if err != nil {
		t.Fatal(err)
	}
	type component struct {
		Name, PURL, Type string
		Ref              string `json:"bom-ref"`
	}
	var bom struct {
		BOMFormat, SpecVersion string
		Metadata               struct{ Component component }
		Components             []component
		Dependencies           []struct {
			Ref       string
			DependsOn []string
		}
	}
	if err := json.Unmarshal(text, &bom); err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	module, rest, _ := strings.Cut(strings.TrimPrefix(string(mod), "module "), "\n")
	if strings.Contains(rest, "require") {
		t.Error("go.mod requires something: the bill of materials must have it")
	}
	self := bom.Metadata.Component
	if bom.BOMFormat != "CycloneDX" || bom.SpecVersion != "1.6" || self.Name != module || self.PURL != "pkg:golang/"+module || self.Ref != self.PURL {
		t.Errorf("%+v", bom)
	}
	if len(bom.Components) != 1 || bom.Components[0].Name != "std" {
		t.Errorf("components %+v", bom.Components)
	}
	if len(bom.Dependencies) != 1 || bom.Dependencies[0].Ref != self.Ref || !slices.Equal(bom.Dependencies[0].DependsOn, []string{bom.Components[0].Ref}) {
		t.Errorf("dependencies %+v", bom.Dependencies)
	}
}
