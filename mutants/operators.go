package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"regexp"
	"slices"
)

// ---- condition: what decides is always true, and always false

func (f *finder) condition(e ast.Expr) {
	if _, ok := e.(*ast.ParenExpr); ok || !f.isBool(e) {
		return
	}
	// One operand alone that is false makes && false, which the whole is, too; and
	// one that is true makes || true.
	parent, e := f.around(e)
	switch operatorOf(parent) {
	case token.LAND:
		f.wrap(e, fmt.Sprintf("mutTrue(%d, ", f.add("condition", e, "true")), ")")
	case token.LOR:
		f.wrap(e, fmt.Sprintf("mutFalse(%d, ", f.add("condition", e, "false")), ")")
	default:
		if decides(parent, e) {
			n := f.add("condition", e, "true")
			f.add("condition", e, "false")
			f.wrap(e, fmt.Sprintf("mutCond(%d, ", n), ")")
		}
	}
}

// around is the node around the visited expression and its parentheses, and the
// expression with them.
func (f *finder) around(e ast.Expr) (ast.Node, ast.Expr) {
	for i := 0; ; i++ {
		paren, ok := f.parent(i).(*ast.ParenExpr)
		if !ok {
			return f.parent(i), e
		}
		e = paren
	}
}

// operatorOf is && or ||, if the node is that.
func operatorOf(n ast.Node) token.Token {
	e, ok := n.(*ast.BinaryExpr)
	if !ok || e.Op != token.LAND && e.Op != token.LOR {
		return token.ILLEGAL
	}
	return e.Op
}

// decides: e, in n, is a condition, or a bool that is returned, assigned or passed.
func decides(n ast.Node, e ast.Expr) bool {
	switch n := n.(type) {
	case *ast.IfStmt:
		return n.Cond == e
	case *ast.ForStmt:
		return n.Cond == e
	case *ast.CaseClause:
		return slices.Contains(n.List, e)
	case *ast.ReturnStmt, *ast.KeyValueExpr:
		return true
	case *ast.ValueSpec:
		return slices.Contains(n.Values, e)
	case *ast.AssignStmt:
		return slices.Contains(n.Rhs, e)
	case *ast.CallExpr:
		return slices.Contains(n.Args, e)
	}
	return false
}

// ---- boundary, case of letters, logic, and the neighbours + and -

// comparisons are the switches of a boundary, and the operator that it becomes.
var comparisons = map[token.Token][2]string{
	token.LSS: {"mutLess", "<="},
	token.LEQ: {"mutLessEqual", "<"},
	token.GTR: {"mutMore", ">="},
	token.GEQ: {"mutMoreEqual", ">"},
}

func (f *finder) binary(e *ast.BinaryExpr) {
	x, y := f.text(e.X), f.text(e.Y)
	number := f.has(e.X, types.IsNumeric) && f.has(e.Y, types.IsNumeric)
	words := f.has(e.X, types.IsString) && f.has(e.Y, types.IsString)
	switch e.Op {
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		if to := comparisons[e.Op]; number || words {
			f.operator(e, to[0], f.add("boundary", e, x+" "+to[1]+" "+y))
		}
	case token.EQL, token.NEQ:
		if words && f.hasLetters(e.X) && f.hasLetters(e.Y) {
			name, not := "mutEqual", ""
			if e.Op == token.NEQ {
				name, not = "mutUnequal", "!"
			}
			f.operator(e, name, f.add("letters", e, fmt.Sprintf("%sstrings.EqualFold(%s, %s)", not, x, y)))
		}
	case token.LAND, token.LOR:
		if !f.isBool(e) {
			return
		}
		other := token.LAND + token.LOR - e.Op
		n := f.add("logic", e, fmt.Sprintf("%s %s %s", x, other, y))
		f.wrap(e, fmt.Sprintf("(mutOn(%d) && ((%s) %s (%s)) || !mutOn(%d) && (", n, x, other, y, n), "))")
	case token.ADD:
		if number {
			f.operator(e, "mutSum", f.add("neighbour", e, x+" - "+y))
		}
	case token.SUB:
		if number {
			f.operator(e, "mutDifference", f.add("neighbour", e, x+" + "+y))
		}
	}
}

// operator makes a call of a switch of an operator between two operands.
func (f *finder) operator(e *ast.BinaryExpr, name string, n int) {
	f.wrap(e, fmt.Sprintf("%s(%d, ", name, n), ")")
	f.replace(e.OpPos, e.OpPos+token.Pos(len(e.Op.String())), ",")
}

// hasLetters: e is not a constant without letters, which have no case.
func (f *finder) hasLetters(e ast.Expr) bool {
	tv := f.p.info.Types[e]
	if tv.Value == nil {
		return true
	}
	return slices.ContainsFunc([]byte(constant.StringVal(tv.Value)), func(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' })
}

// ---- calls: boundary, case of letters, copy, neighbour

// call reports whether to look into the call.
func (f *finder) call(e *ast.CallExpr) bool {
	name := f.calls(e)
	if forPeople(name) || name == "make" {
		return false
	}
	switch name {
	case "strings.HasPrefix", "strings.HasSuffix", "bytes.HasPrefix", "bytes.HasSuffix":
		other := f.text(e.Fun.(*ast.SelectorExpr).X) + ".Contains"
		n := f.add("neighbour", e, f.called(other, e))
		f.callee(e, fmt.Sprintf("mutEither(%d, %s, %s, ", n, other, f.text(e.Fun)))
	case "strings.EqualFold":
		n := f.add("letters", e, f.text(e.Args[0])+" == "+f.text(e.Args[1]))
		f.callee(e, fmt.Sprintf("mutEither(%d, mutSame, %s, ", n, f.text(e.Fun)))
	case "slices.Clone", "bytes.Clone", "maps.Clone":
		f.callee(e, fmt.Sprintf("mutCloned(%d, %s, ", f.add("copy", e, f.text(e.Args[0])), f.text(e.Fun)))
	case "min", "max":
		if len(e.Args) == 2 {
			other, changed := "max", "mutMin"
			if name == "max" {
				other, changed = "min", "mutMax"
			}
			f.callee(e, fmt.Sprintf("%s(%d, ", changed, f.add("neighbour", e, f.called(other, e))))
		}
	case "":
		f.method(e)
	}
	return true
}

// called is the text of a call with another function.
func (f *finder) called(name string, e *ast.CallExpr) string {
	return name + "(" + f.text(e.Args[0]) + ", " + f.text(e.Args[1]) + ")"
}

// callee puts text in the place of a call's function and parenthesis.
func (f *finder) callee(e *ast.CallExpr, text string) { f.replace(e.Pos(), e.Lparen+1, text) }

// method makes mutants of After and Before of times, and of a method Clone.
func (f *finder) method(e *ast.CallExpr) {
	fun, ok := e.Fun.(*ast.SelectorExpr)
	if !ok {
		return
	}
	method, ok := f.p.info.Uses[fun.Sel].(*types.Func)
	if !ok {
		return
	}
	x := f.text(fun.X)
	switch full := method.FullName(); {
	case full == "(time.Time).After" || full == "(time.Time).Before":
		other := map[string]string{"After": "Before", "Before": "After"}[fun.Sel.Name]
		n := f.add("boundary", e, "!"+x+"."+other+"("+f.text(e.Args[0])+")")
		f.wrap(e, fmt.Sprintf("mut%s(%d, ", fun.Sel.Name, n), "")
		f.replace(fun.X.End(), e.Lparen+1, ", ")
	case fun.Sel.Name == "Clone" && len(e.Args) == 0 && types.Identical(f.typeOf(e), f.typeOf(fun.X)):
		f.wrap(e, fmt.Sprintf("mutOwn(%d, ", f.add("copy", e, x)), "")
		f.replace(fun.X.End(), e.End(), ")")
	}
}

// ---- constant

func (f *finder) constant(e ast.Expr, tv types.TypeAndValue) {
	if f.fixed(e) || f.aside(e) || !written(e) && tv.Type.String() != "time.Duration" {
		return
	}
	t := types.Default(tv.Type)
	name := f.typeName(t, e.Pos())
	basic, ok := t.Underlying().(*types.Basic)
	text := f.text(e)
	switch {
	case !ok || name == "":
	case basic.Info()&types.IsBoolean != 0:
		if name == "bool" {
			f.wrap(e, fmt.Sprintf("mutFlip(%d, ", f.add("constant", e, "!"+text)), ")")
		}
	case basic.Info()&types.IsString != 0:
		if constant.StringVal(tv.Value) != "" || !f.compared() {
			f.wrap(e, fmt.Sprintf("mutText[%s](%d, ", name, f.add("constant", e, text+` + "~"`)), ")")
		}
	case name == "time.Duration" && constant.Sign(tv.Value) != 0:
		f.pair(e, "constant", "mutScale["+name+"]", " * 2", " / 2")
	case constant.Sign(tv.Value) == 0 && f.indexes(e):
		f.wrap(e, fmt.Sprintf("mutNext[%s](%d, ", name, f.add("neighbour", e, text+" + 1")), ")")
	case basic.Info()&(types.IsInteger|types.IsFloat) != 0:
		f.pair(e, "constant", "mutPlus["+name+"]", " + 1", " - 1")
	}
}

// pair makes the two mutants of one switch.
func (f *finder) pair(e ast.Expr, operator, name, first, second string) {
	n := f.add(operator, e, f.text(e)+first)
	f.add(operator, e, f.text(e)+second)
	f.wrap(e, fmt.Sprintf("%s(%d, ", name, n), ")")
}

// fixed: e counts shifts, or stands where a call may not.
func (f *finder) fixed(e ast.Expr) bool {
	switch n := f.parent(0).(type) {
	case *ast.BinaryExpr:
		return n.Op == token.SHL || n.Op == token.SHR
	case *ast.AssignStmt:
		return n.Tok == token.SHL_ASSIGN || n.Tok == token.SHR_ASSIGN || slices.Contains(n.Lhs, e)
	}
	return false
}

// sentence is in what people read: two words with a space between them.
var sentence = regexp.MustCompile(`[A-Za-z,] [A-Za-z]`)

// aside: e is returned beside an error or false, where nobody may look, or is for
// people.
func (f *finder) aside(e ast.Expr) bool {
	if n, ok := f.parent(0).(*ast.ReturnStmt); ok {
		last := n.Results[len(n.Results)-1]
		fails := isError(f.p.info.TypeOf(last)) && !f.p.info.Types[last].IsNil()
		if last != e && (fails || f.text(last) == "false") {
			return true
		}
	}
	return f.has(e, types.IsString) && sentence.MatchString(constant.StringVal(f.p.info.Types[e].Value))
}

func isError(t types.Type) bool {
	return types.Implements(t, types.Universe.Lookup("error").Type().Underlying().(*types.Interface))
}

// written reports whether there is a literal in e, or true or false: a constant
// with a name is mutated by its boundary.
func written(e ast.Expr) (yes bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			yes = true
		case *ast.Ident:
			yes = yes || n.Name == "true" || n.Name == "false"
		}
		return true
	})
	return yes
}

// compared: the visited expression is compared with another one.
func (f *finder) compared() bool {
	e, ok := f.parent(0).(*ast.BinaryExpr)
	return ok && (e.Op == token.EQL || e.Op == token.NEQ)
}

// ---- field: it is left out of a literal

func (f *finder) member(e ast.Expr) {
	pair, ok := f.parent(0).(*ast.KeyValueExpr)
	if !ok || f.isBool(e) || f.p.info.Types[e].IsNil() {
		return
	}
	key, ok := pair.Key.(*ast.Ident)
	if !ok {
		return
	}
	field, ok := f.p.info.Uses[key].(*types.Var)
	if literal, isLiteral := e.(*ast.CompositeLit); !ok || !field.IsField() || isLiteral && literal.Type == nil {
		return
	}
	of := ""
	if !types.Identical(f.typeOf(e), field.Type()) {
		if of = f.typeName(field.Type(), e.Pos()); of == "" {
			return
		}
		of = "[" + of + "]"
	}
	f.wrap(e, fmt.Sprintf("mutZero%s(%d, ", of, f.add("field", pair, "")), ")")
}

// ---- neighbour: an index or a bound of a slice

func (f *finder) position(e ast.Expr) {
	if f.indexes(e) && f.has(e, types.IsInteger) {
		f.pair(e, "neighbour", "mutPlus", " + 1", " - 1")
	}
}

// indexes: e says where in a slice, an array or a text.
func (f *finder) indexes(e ast.Expr) bool {
	switch n := f.parent(0).(type) {
	case *ast.IndexExpr:
		if n.Index != e {
			return false
		}
		t := f.typeOf(n.X)
		if t == nil {
			return false
		}
		switch t.Underlying().(type) {
		case *types.Slice, *types.Array, *types.Pointer, *types.Basic:
			return true
		}
	case *ast.SliceExpr:
		return n.Low == e || n.High == e || n.Max == e
	}
	return false
}
