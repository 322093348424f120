//go:build ignore

// Select writes what it takes to run the tests that a pattern of -run matches:
// of every test file the declarations that these tests use, directly or not,
// and a main package. To compile the rest is most of what a mutant would cost.
//
//	go run mutants/select.go PACKAGE IMPORTCFG DIR <patterns
//
// It runs in the directory of PACKAGE. IMPORTCFG says where the archives of the
// imported packages are, in the form that the compiler reads. The n-th pattern,
// from 0, gets DIR/n/in (test files of the package), DIR/n/ex (those of its
// external test package, if a test there matches) and DIR/n/main.go.
//
// What a declaration uses is what the type checker says. Always kept are init
// functions, variables named _, blank imports, the methods of a type that is
// kept, and those that a test file gives to a type of the package. A test that
// runs its binary again names tests in a string "^Test…": these it uses too.
package main

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/doc"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A decl is a declaration at the top level of a test file.
type decl struct {
	file *ast.File
	pkg  string // in, or ex for the external test package
	text string
	test string // its name, if it is a test, a fuzz target or an example
	root bool   // always kept
	uses []types.Object
	runs []string // patterns of the tests that it runs in another process
}

var (
	fset  = token.NewFileSet()
	info  = &types.Info{Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}, Implicits: map[ast.Node]types.Object{}}
	decls []*decl
	needs = map[types.Object][]*decl{} // what goes with an object: its declaration, its methods
)

func main() {
	log.SetFlags(log.Lshortfile)
	path, dir := os.Args[1], os.Args[3]
	archives := map[string]string{}
	for line := range strings.Lines(string(must(os.ReadFile(os.Args[2])))) {
		name, archive, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "packagefile ")), "=")
		archives[name] = archive
	}
	from := &imports{Importer: importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(archives[path])
	})}
	p := must(build.ImportDir(".", 0))
	in, ex := parse(p.TestGoFiles), parse(p.XTestGoFiles)
	from.tested = must((&types.Config{Importer: from}).Check(path, fset, append(parse(p.GoFiles), in...), info))
	must((&types.Config{Importer: from}).Check(path+"_test", fset, ex, info))
	collect("in", in)
	collect("ex", ex)
	patterns := strings.TrimSuffix(string(must(io.ReadAll(os.Stdin))), "\n")
	for n, pattern := range strings.Split(patterns, "\n") {
		dir := filepath.Join(dir, strconv.Itoa(n))
		kept := keep(pattern)
		write(filepath.Join(dir, "in"), in, kept)
		if uses(kept, "ex") {
			write(filepath.Join(dir, "ex"), ex, kept)
		}
		must(0, os.WriteFile(filepath.Join(dir, "main.go"), mainText(path, kept), 0o644))
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Output(2, err.Error())
		os.Exit(1)
	}
	return v
}

func parse(names []string) (files []*ast.File) {
	for _, name := range names {
		files = append(files, must(parser.ParseFile(fset, name, nil, parser.ParseComments)))
	}
	return files
}

func nameOf(f *ast.File) string { return fset.File(f.FileStart).Name() }

// The external test package imports the package with what its test files add.
type imports struct {
	types.Importer
	tested *types.Package
}

func (i *imports) Import(path string) (*types.Package, error) {
	if i.tested != nil && path == i.tested.Path() {
		return i.tested, nil
	}
	return i.Importer.Import(path)
}

// collect appends the declarations of test files to decls.
func collect(pkg string, files []*ast.File) {
	for _, f := range files {
		source := must(os.ReadFile(nameOf(f)))
		for _, node := range f.Decls {
			d := &decl{file: f, pkg: pkg}
			var comment *ast.CommentGroup // it may have a directive
			switch node := node.(type) {
			case *ast.GenDecl:
				if node.Tok == token.IMPORT {
					continue
				}
				comment = node.Doc
			case *ast.FuncDecl:
				d.function(node)
				comment = node.Doc
			}
			ast.Inspect(node, d.visit)
			from := fset.Position(node.Pos())
			if comment != nil {
				from = fset.Position(comment.Pos())
			}
			d.text = fmt.Sprintf("//line %s:%d\n%s\n", from.Filename, from.Line, source[from.Offset:fset.Position(node.End()).Offset])
			decls = append(decls, d)
		}
	}
}

var isTest = regexp.MustCompile(`^(Test|Fuzz|Example)(\P{Ll}|$)`)

func (d *decl) function(f *ast.FuncDecl) {
	name := f.Name.Name
	switch recv := info.Defs[f.Name].(*types.Func).Signature().Recv(); {
	case recv != nil:
		t := recv.Type()
		if pointer, ok := t.(*types.Pointer); ok {
			t = pointer.Elem()
		}
		of := t.(*types.Named).Obj()
		needs[of] = append(needs[of], d)
		d.root = !strings.HasSuffix(fset.Position(of.Pos()).Filename, "_test.go")
	case name == "TestMain":
		log.Fatal("there is a TestMain, which is not provided for here")
	case name == "init":
		d.root = true
	case isTest.MatchString(name):
		d.test = name
	}
}

func (d *decl) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.Ident:
		if o := info.Defs[n]; o != nil && o.Parent() == o.Pkg().Scope() {
			needs[o] = append(needs[o], d)
		}
		if o := info.Uses[n]; o != nil {
			d.uses = append(d.uses, o)
		}
	case *ast.ValueSpec:
		d.root = d.root || n.Names[0].Name == "_"
	case *ast.BasicLit:
		if strings.HasPrefix(n.Value, `"^Test`) {
			d.runs = append(d.runs, must(strconv.Unquote(n.Value)))
		}
	}
	return true
}

// subtests is what follows the name of a test in a pattern of -run.
var subtests = regexp.MustCompile(`/[^|]*`)

// keep finds what the tests use that a pattern matches.
func keep(pattern string) map[*decl]bool {
	kept := map[*decl]bool{}
	var match func(pattern string)
	var add func(d *decl)
	match = func(pattern string) {
		tests := must(regexp.Compile(subtests.ReplaceAllString(pattern, "")))
		for _, d := range decls {
			if d.test != "" && tests.MatchString(d.test) {
				add(d)
			}
		}
	}
	add = func(d *decl) {
		if kept[d] {
			return
		}
		kept[d] = true
		for _, o := range d.uses {
			for _, d := range needs[o] {
				add(d)
			}
		}
		for _, pattern := range d.runs {
			match(pattern)
		}
	}
	match(pattern)
	external := uses(kept, "ex")
	for _, d := range decls {
		if d.root && (d.pkg == "in" || external) {
			add(d)
		}
	}
	return kept
}

func uses(kept map[*decl]bool, pkg string) bool {
	return slices.ContainsFunc(decls, func(d *decl) bool { return d.pkg == pkg && kept[d] })
}

// write makes a directory with what is kept of the files.
func write(dir string, files []*ast.File, kept map[*decl]bool) {
	must(0, os.MkdirAll(dir, 0o755))
	for _, f := range files {
		body, used := "", map[types.Object]bool{}
		for _, d := range decls {
			if d.file == f && kept[d] {
				body += d.text
				for _, o := range d.uses {
					used[o] = true
				}
			}
		}
		head := ""
		for _, spec := range f.Imports {
			name := ""
			if spec.Name != nil {
				name = spec.Name.Name
			}
			if name == "_" || used[info.Implicits[spec]] || used[info.Defs[spec.Name]] {
				head += "import " + name + " " + spec.Path.Value + "\n"
			}
		}
		if head+body != "" {
			text := "package " + f.Name.Name + "\n" + head + body
			must(0, os.WriteFile(filepath.Join(dir, nameOf(f)), []byte(text), 0o644))
		}
	}
}

// mainText is the main package, which otherwise the go command writes.
func mainText(path string, kept map[*decl]bool) []byte {
	var imports, tests, targets, examples string
	for _, d := range decls {
		if d.test == "" || !kept[d] {
			continue
		}
		switch entry := fmt.Sprintf("{%q, %s.%s", d.test, d.pkg, d.test); d.test[0] {
		case 'T':
			tests += entry + "},\n"
		case 'F':
			targets += entry + "},\n"
		case 'E':
			for _, e := range doc.Examples(d.file) {
				if "Example"+e.Name == d.test && (e.Output != "" || e.EmptyOutput) {
					examples += fmt.Sprintf("%s, %q, %t},\n", entry, e.Output, e.Unordered)
				}
			}
		}
	}
	for pkg, path := range map[string]string{"in": path, "ex": path + "_test"} {
		if strings.Contains(tests+targets+examples, " "+pkg+".") {
			imports += fmt.Sprintf("%s %q\n", pkg, path)
		}
	}
	return fmt.Appendf(nil, `package main

import (
"os"
"testing"
"testing/internal/testdeps"
%s)

var (
tests = []testing.InternalTest{
%s}
targets = []testing.InternalFuzzTarget{
%s}
examples = []testing.InternalExample{
%s}
)

func main() {
	os.Exit(testing.MainStart(testdeps.TestDeps{}, tests, nil, targets, examples).Run())
}
`, imports, tests, targets, examples)
}
