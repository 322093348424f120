package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// A mutant is one small change that makes the package wrong.
type mutant struct {
	n        int
	file     string
	line     int
	function string // Type.method, or the name of a function or variable
	operator string
	change   string // what stands there, and what the mutant makes of it
	from, to int    // where in the file
	text     string // in the place of what stands there
}

func (m *mutant) String() string { return m.function + " | " + m.operator + " | " + m.change }

// texts are the functions, and the types with methods, whose arguments are words for people.
var texts = []string{"fail", "printable", "saying", "sentence", "errors.New", "panic"}

// A finder finds the mutants of a program and the edits that make them.
type finder struct {
	p       *program
	mutants []*mutant
	next    int // the next number; 0 is no mutant
	edits   map[*source][]edit
	copies  map[*source][]byte // functions that stand below the file

	file     *source
	function string
	declared *types.Signature // of the function that is visited
	stack    []ast.Node       // from the declaration to the node that is visited
}

// find finds all mutants that an operator makes.
func find(p *program) *finder {
	f := &finder{p: p, next: 1, edits: map[*source][]edit{}, copies: map[*source][]byte{}}
	for _, s := range p.files {
		f.file = s
		for _, d := range s.tree.Decls {
			for _, d := range declarations(d) {
				f.function, f.declared = d.name, nil
				if d, ok := d.node.(*ast.FuncDecl); ok {
					f.declared = p.info.Defs[d.Name].(*types.Func).Signature()
				}
				f.walk(d.body)
			}
		}
	}
	number(f.mutants)
	return f
}

// A declaration is a function, or a variable with its value.
type declaration struct {
	name string
	node ast.Node // *ast.FuncDecl or *ast.ValueSpec
	body ast.Node // where there may be mutants
}

func declarations(d ast.Decl) (list []declaration) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Body != nil {
			list = append(list, declaration{functionName(d), d, d.Body})
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			if spec, ok := spec.(*ast.ValueSpec); ok && d.Tok == token.VAR && len(spec.Values) > 0 {
				list = append(list, declaration{spec.Names[0].Name, spec, spec})
			}
		}
	}
	return list
}

// functionName is Type.method, or the name of a function.
func functionName(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return d.Name.Name
	}
	t := d.Recv.List[0].Type
	for {
		switch of := t.(type) {
		case *ast.StarExpr:
			t = of.X
		case *ast.IndexExpr:
			t = of.X
		case *ast.IndexListExpr:
			t = of.X
		case *ast.Ident:
			return of.Name + "." + d.Name.Name
		default:
			return d.Name.Name
		}
	}
}

// number tells mutants apart that look the same: the second is #2.
func number(mutants []*mutant) {
	times := map[string]int{}
	for _, m := range mutants {
		name := m.String()
		if times[name]++; times[name] > 1 {
			m.change += fmt.Sprintf(" #%d", times[name])
		}
	}
}

// walk visits a node and what is in it.
func (f *finder) walk(root ast.Node) {
	f.stack = nil
	ast.Inspect(root, func(n ast.Node) bool {
		if n == nil {
			f.stack = f.stack[:len(f.stack)-1]
			return true
		}
		f.stack = append(f.stack, n)
		if f.visit(n) {
			return true
		}
		f.stack = f.stack[:len(f.stack)-1]
		return false
	})
}

// parent is the node around the visited one, or around its i-th parent.
func (f *finder) parent(i int) ast.Node {
	if i = len(f.stack) - 2 - i; i >= 0 {
		return f.stack[i]
	}
	return nil
}

// visit makes the mutants of a node. It reports whether to look into it.
func (f *finder) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GenDecl:
		return n.Tok == token.VAR
	case *ast.FuncType:
		return false
	case *ast.ReturnStmt:
		f.result(n)
		return true
	case ast.Stmt:
		f.statement(n)
		return true
	case ast.Expr:
		return f.expression(n)
	}
	return true
}

func (f *finder) expression(n ast.Expr) bool {
	tv := f.p.info.Types[n]
	if tv.IsType() || f.isKey(n) {
		return false
	}
	if tv.Value != nil {
		f.constant(n, tv)
		return false
	}
	f.condition(n)
	f.member(n)
	f.position(n)
	switch n := n.(type) {
	case *ast.BinaryExpr:
		f.binary(n)
	case *ast.CallExpr:
		return f.call(n)
	}
	return true
}

// isKey: a key of a literal, which is the name of a field or of no use to change.
func (f *finder) isKey(n ast.Expr) bool {
	pair, ok := f.parent(0).(*ast.KeyValueExpr)
	return ok && pair.Key == n
}

// add makes a mutant that puts text in the place of a node.
func (f *finder) add(operator string, n ast.Node, text string) int {
	at := f.p.fset.PositionFor(n.Pos(), false)
	m := &mutant{
		n: f.next, file: f.file.name, line: at.Line, function: f.function, operator: operator,
		from: at.Offset, to: f.p.offset(n.End()), text: text,
	}
	m.change = brief(f.text(n)) + " → " + brief(text)
	if text == "" {
		m.change += "nothing"
	}
	f.mutants = append(f.mutants, m)
	f.next++
	return m.n
}

// brief is a text on one line, which is not too long.
func brief(text string) string {
	r := []rune(strings.Join(strings.Fields(text), " "))
	if len(r) > 120 {
		r = append(r[:120:120], '…')
	}
	return string(r)
}

// text is what stands in the file.
func (f *finder) text(n ast.Node) string {
	return string(f.file.text[f.p.offset(n.Pos()):f.p.offset(n.End())])
}

// wrap puts text before and after a node.
func (f *finder) wrap(n ast.Node, before, after string) {
	from, to, order := f.p.offset(n.Pos()), f.p.offset(n.End()), len(f.edits[f.file])
	f.edits[f.file] = append(f.edits[f.file],
		edit{at: from, text: before, kind: opens, size: to - from, order: order},
		edit{at: to, text: after, kind: closes, size: to - from, order: order})
}

// replace puts text in the place of what stands between two positions.
func (f *finder) replace(from, to token.Pos, text string) {
	at := f.p.offset(from)
	f.edits[f.file] = append(f.edits[f.file], edit{at: at, del: f.p.offset(to) - at, text: text, kind: replaces})
}

// typeOf is the type of an expression, without that of a type parameter, of
// which nothing is known.
func (f *finder) typeOf(e ast.Expr) types.Type {
	t := f.p.info.TypeOf(e)
	if _, ok := t.(*types.TypeParam); ok {
		return nil
	}
	return t
}

// has reports whether the underlying type of an expression is a basic one of a kind.
func (f *finder) has(e ast.Expr, kind types.BasicInfo) bool {
	t := f.typeOf(e)
	if t == nil {
		return false
	}
	basic, ok := t.Underlying().(*types.Basic)
	return ok && basic.Info()&kind != 0
}

// isBool: not one of a type of its own, which the switches do not return.
func (f *finder) isBool(e ast.Expr) bool {
	basic, ok := f.typeOf(e).(*types.Basic)
	return ok && basic.Info()&types.IsBoolean != 0
}

// typeName is how a type is written at the visited place; "" if it cannot be.
func (f *finder) typeName(t types.Type, at token.Pos) string {
	known := true
	scope := f.p.pkg.Scope().Innermost(at)
	name := types.TypeString(t, func(pkg *types.Package) string {
		if pkg == f.p.pkg {
			return ""
		}
		for _, imported := range f.p.info.Scopes[f.file.tree].Names() {
			if _, obj := scope.LookupParent(imported, at); isImport(obj, pkg) {
				return imported
			}
		}
		known = false
		return ""
	})
	if named, ok := t.(*types.Named); ok && named.Obj().Pkg() == f.p.pkg {
		_, obj := scope.LookupParent(named.Obj().Name(), at)
		known = known && obj == named.Obj()
	}
	if !known {
		return ""
	}
	return name
}

func isImport(obj types.Object, pkg *types.Package) bool {
	name, ok := obj.(*types.PkgName)
	return ok && name.Imported() == pkg
}

// calls is the name of a called function: of this package, of a built-in one, or of
// another package with the package's name before it; of a method of this package it has
// that of the type before it.
func (f *finder) calls(call *ast.CallExpr) string {
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		switch obj := f.p.info.Uses[fun].(type) {
		case *types.Builtin:
			return obj.Name()
		case *types.Func:
			if obj.Parent() == f.p.pkg.Scope() {
				return obj.Name()
			}
		}
	case *ast.SelectorExpr:
		obj, ok := f.p.info.Uses[fun.Sel].(*types.Func)
		switch {
		case !ok || obj.Pkg() == nil:
		case obj.Pkg() == f.p.pkg:
			return receiver(obj) + "." + obj.Name()
		case obj.Signature().Recv() == nil:
			return obj.Pkg().Path() + "." + obj.Name()
		}
	}
	return ""
}

// receiver is the name of the type that a method of this package has.
func receiver(method *types.Func) string {
	t := method.Signature().Recv().Type()
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	if n, ok := t.(*types.Named); ok {
		return n.Obj().Name()
	}
	return ""
}

// checkTexts finds names in texts that the package does not have any more: after a
// renaming the words would be mutated.
func (p *program) checkTexts() error {
	for _, name := range texts {
		if !strings.Contains(name, ".") && p.pkg.Scope().Lookup(name) == nil && types.Universe.Lookup(name) == nil {
			return fmt.Errorf("the package has no function %s, which mutants/find.go names", name)
		}
	}
	return nil
}

// forPeople: the arguments of a call are words.
func forPeople(name string) bool {
	typ, _, _ := strings.Cut(name, ".")
	return typ == "fmt" || slices.Contains(texts, typ) || slices.Contains(texts, name)
}
