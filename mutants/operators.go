package main

import (
	"fmt"
	"go/ast"
	"go/token"
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
