package migrating

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCalls: the tables of docs/migrating.md have each name once that x/oauth2 and go-oidc
// export, but for methods of the standard interfaces, and no others.
func TestCalls(t *testing.T) {
	page, err := os.ReadFile("../migrating.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]int{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`.+?`) \\| ").FindAllStringSubmatch(section(string(page), "golang.org/x/oauth2")+section(string(page), "go-oidc"), -1) {
		for name := range strings.SplitSeq(row[1], ", ") {
			named[strings.Trim(name, "`")]++
		}
	}
	seen := 0
	for _, path := range []string{
		"golang.org/x/oauth2", "golang.org/x/oauth2/clientcredentials", "golang.org/x/oauth2/jwt", "golang.org/x/oauth2/authhandler",
		"github.com/coreos/go-oidc/v3/oidc",
	} {
		for _, name := range exported(t, path) {
			if named[name] != 1 {
				t.Errorf("%s stands there %d times", name, named[name])
			}
			delete(named, name)
			seen++
		}
	}
	for name := range named {
		t.Errorf("there is no %s", name)
	}
	if seen < 90 {
		t.Errorf("it saw %d names: does it look?", seen)
	}
}

// TestZitadel: the table about zitadel/oidc has each function of its packages rp and rs once,
// and no name that there is not.
func TestZitadel(t *testing.T) {
	page, err := os.ReadFile("../migrating.md")
	if err != nil {
		t.Fatal(err)
	}
	_, part, _ := strings.Cut(string(page), "\n## zitadel/oidc\n")
	part, _, _ = strings.Cut(part, "\n## ")
	named := map[string]int{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`.+?`) \\| ").FindAllStringSubmatch(part, -1) {
		for name := range strings.SplitSeq(row[1], ", ") {
			named[strings.Trim(name, "`")]++
		}
	}
	const root = "github.com/zitadel/oidc/v3/pkg/"
	known := map[string]bool{}
	for _, path := range []string{"client", "client/rp", "client/rp/cli", "client/rs", "client/profile", "client/tokenexchange", "http", "oidc"} {
		for _, name := range exported(t, root+path) {
			known[strings.Replace(name, "http.", "httphelper.", 1)] = true
		}
	}
	for name, times := range named {
		if !known[name] || times != 1 {
			t.Errorf("%s stands there %d times, and there is one: %t", name, times, known[name])
		}
	}
	seen := 0
	for _, path := range []string{"client/rp", "client/rs"} {
		for _, f := range sources(t, root+path) {
			for _, d := range f.Decls {
				if d, ok := d.(*ast.FuncDecl); ok && d.Recv == nil && d.Name.IsExported() {
					if seen++; named[f.Name.Name+"."+d.Name.Name] == 0 {
						t.Errorf("%s.%s is not there", f.Name, d.Name)
					}
				}
			}
		}
	}
	if seen < 50 {
		t.Errorf("it saw %d functions: does it look?", seen)
	}
}

// section is the part of the page about a library, call by call.
func section(page, library string) string {
	_, part, _ := strings.Cut(page, "\n## "+library+", call by call\n")
	part, _, _ = strings.Cut(part, "\n## ")
	return part
}

// standard are the methods that fmt and encoding/json call.
var standard = map[string]bool{"Error": true, "MarshalJSON": true, "UnmarshalJSON": true}

// exported are the names of a package: package.Name, and package.Type.Method.
func exported(t *testing.T, path string) (names []string) {
	t.Helper()
	pkg := path[strings.LastIndexByte(path, '/')+1:]
	add := func(id *ast.Ident, of string) {
		if id.IsExported() && (of == "" || ast.IsExported(of) && !standard[id.Name]) {
			names = append(names, strings.ReplaceAll(pkg+"."+of+"."+id.Name, "..", "."))
		}
	}
	for _, f := range sources(t, path) {
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				add(d.Name, receiver(d))
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						add(s.Name, "")
					case *ast.ValueSpec:
						for _, id := range s.Names {
							add(id, "")
						}
					}
				}
			}
		}
	}
	return names
}

// sources are the files of a package, without its tests.
func sources(t *testing.T, path string) (list []*ast.File) {
	t.Helper()
	dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, f)
	}
	return list
}

func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	return typ.(*ast.Ident).Name
}
