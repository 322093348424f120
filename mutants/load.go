package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A source is a file of the package.
type source struct {
	name string // without its directory
	text []byte
	tree *ast.File
}

// A program is the package, parsed and checked: its files for this version of Go,
// without its tests.
type program struct {
	dir   string
	path  string // import path
	fset  *token.FileSet
	files []*source
	info  *types.Info
	pkg   *types.Package
	from  types.Importer
}

// load reads the package in a directory.
func load(dir string) (*program, error) {
	out, err := goCommand(dir, "list", "-f", "{{.ImportPath}} {{join .GoFiles \" \"}}", ".")
	if err != nil {
		return nil, err
	}
	words := strings.Fields(string(out))
	texts := map[string][]byte{}
	for _, name := range words[1:] {
		if texts[name], err = os.ReadFile(filepath.Join(dir, name)); err != nil {
			return nil, err
		}
	}
	exports, err := exportData(dir, ".")
	if err != nil {
		return nil, err
	}
	p, err := parse(words[0], texts, words[1:], exports)
	if err != nil {
		return nil, err
	}
	p.dir = dir
	return p, nil
}

// parse makes a program of the texts of files, in the order of names.
func parse(path string, texts map[string][]byte, names []string, exports importer.Lookup) (*program, error) {
	p := &program{path: path, fset: token.NewFileSet(), info: &types.Info{
		Types:  map[ast.Expr]types.TypeAndValue{},
		Defs:   map[*ast.Ident]types.Object{},
		Uses:   map[*ast.Ident]types.Object{},
		Scopes: map[ast.Node]*types.Scope{},
	}}
	p.from = importer.ForCompiler(p.fset, "gc", exports)
	var trees []*ast.File
	for _, name := range names {
		tree, err := parser.ParseFile(p.fset, name, texts[name], parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		p.files = append(p.files, &source{name: name, text: texts[name], tree: tree})
		trees = append(trees, tree)
	}
	var err error
	p.pkg, err = (&types.Config{Importer: p.from}).Check(path, p.fset, trees, p.info)
	return p, err
}

// check says whether the files would compile: all errors, if not.
func (p *program) check(files map[string][]byte) error {
	fset := token.NewFileSet()
	var trees []*ast.File
	for name, text := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(fset, name, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		trees = append(trees, tree)
	}
	var errs []error
	config := types.Config{Importer: p.from, Error: func(err error) { errs = append(errs, err) }}
	config.Check(p.path, fset, trees, nil)
	return errors.Join(errs...)
}

// offset is the place of a position in the text of its file.
func (p *program) offset(pos token.Pos) int { return p.fset.PositionFor(pos, false).Offset }

// exportData finds what the compiler wrote about the packages that others import.
func exportData(dir string, packages ...string) (importer.Lookup, error) {
	// The switches need these, whatever the package imports.
	args := []string{"list", "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}",
		"bytes", "cmp", "os", "reflect", "strconv", "strings", "sync/atomic", "time"}
	args = append(args, packages...)
	out, err := goCommand(dir, args...)
	if err != nil {
		return nil, err
	}
	places := map[string]string{}
	for line := range bytes.Lines(out) {
		path, place, _ := strings.Cut(strings.TrimSpace(string(line)), "=")
		places[path] = place
	}
	return func(path string) (io.ReadCloser, error) { return os.Open(places[path]) }, nil
}

func goCommand(dir string, args ...string) ([]byte, error) { return output(dir, "go", args...) }

// output runs a command in a directory. An error has what it wrote.
func output(dir, name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GODEBUG=") // the mode of the tests is not that of the compiler
	out, err := cmd.Output()
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		err = fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, failed.Stderr, out)
	}
	return out, err
}
