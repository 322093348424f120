package oauth

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var updateAPI = flag.Bool("update-api", false, "write the files of api")

// apiFiles are the packages whose exported surface is recorded.
var apiFiles = map[string]string{".": "api/v0.txt", "oauthtest": "api/oauthtest.txt", "weblogin": "api/weblogin.txt"}

// TestAPI holds the exported surface against the files of api: a new symbol is a
// decision. `go test -run TestAPI -update-api .` writes the files.
func TestAPI(t *testing.T) {
	for dir, file := range apiFiles {
		testAPI(t, dir, file)
	}
}

func testAPI(t *testing.T, dir, file string) {
	got := []byte(strings.Join(exportedSymbols(t, dir), "\n") + "\n")
	if *updateAPI {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want = bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n"))
	if !bytes.Equal(got, want) {
		gotLines, wantLines := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
		for _, l := range gotLines {
			if !slices.Contains(wantLines, l) {
				t.Errorf("not in %s: %s", file, l)
			}
		}
		for _, l := range wantLines {
			if !slices.Contains(gotLines, l) {
				t.Errorf("only in %s: %s", file, l)
			}
		}
		t.Error("run go test -run TestAPI -update-api . if that is what you want")
	}
}

// parseDir parses the Go files of a directory, without its tests.
func parseDir(t *testing.T, dir string) (*token.FileSet, map[string]*ast.File) {
	t.Helper()
	fset, files := token.NewFileSet(), map[string]*ast.File{}
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(name)] = f
	}
	return fset, files
}

func exportedSymbols(t *testing.T, dir string) []string {
	fset, files := parseDir(t, dir)
	text := func(n any) string {
		var b bytes.Buffer
		if err := printer.Fprint(&b, fset, n); err != nil {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(b.String()), " ")
	}
	var lines []string
	add := func(doc *ast.CommentGroup, format string, args ...any) {
		line := fmt.Sprintf(format, args...)
		if doc == nil || doc.Text() == "" {
			t.Errorf("no documentation: %s", line)
		}
		lines = append(lines, line)
	}
	for _, f := range files {
		for _, decl := range f.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if !d.Name.IsExported() {
					continue
				}
				signature := strings.TrimPrefix(text(d.Type), "func")
				if d.Recv == nil {
					add(d.Doc, "func %s%s", d.Name.Name, signature)
				} else if receiver := text(d.Recv.List[0].Type); ast.IsExported(strings.TrimPrefix(receiver, "*")) {
					add(d.Doc, "method (%s) %s%s", receiver, d.Name.Name, signature)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch s := spec.(type) {
					case *ast.ValueSpec:
						for _, name := range s.Names {
							if name.IsExported() {
								doc := d.Doc
								for _, c := range []*ast.CommentGroup{s.Doc, s.Comment} {
									if c != nil {
										doc = c
									}
								}
								typ := ""
								if s.Type != nil {
									typ = " " + text(s.Type)
								}
								add(doc, "%s %s%s", d.Tok, name.Name, typ)
							}
						}
					case *ast.TypeSpec:
						if s.Name.IsExported() {
							doc := s.Doc
							if doc == nil {
								doc = d.Doc
							}
							addType(add, text, doc, s)
						}
					}
				}
			}
		}
	}
	slices.Sort(lines)
	return lines
}

func addType(add func(*ast.CommentGroup, string, ...any), text func(any) string, doc *ast.CommentGroup, s *ast.TypeSpec) {
	switch typ := s.Type.(type) {
	case *ast.StructType:
		add(doc, "type %s struct", s.Name.Name)
		for _, field := range typ.Fields.List {
			for _, name := range field.Names {
				if name.IsExported() {
					add(doc, "field %s.%s %s", s.Name.Name, name.Name, text(field.Type))
				}
			}
		}
	default:
		add(doc, "type %s %s", s.Name.Name, text(typ))
	}
}
