package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// ---- statement: it is left out

func (f *finder) statement(s ast.Stmt) {
	switch f.parent(0).(type) {
	case *ast.BlockStmt, *ast.CaseClause:
	case *ast.CommClause:
		if f.parent(0).(*ast.CommClause).Comm == s {
			return
		}
	default:
		return
	}
	if f.removable(s) {
		f.wrap(s, fmt.Sprintf("if !mutOn(%d) { ", f.add("statement", s, "")), " }")
	}
}

func (f *finder) removable(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.ExprStmt:
		call, ok := s.X.(*ast.CallExpr)
		// Without panic a return may be missing.
		return !ok || f.calls(call) != "panic" && !f.locks(call)
	case *ast.DeferStmt:
		return !f.locks(s.Call)
	case *ast.AssignStmt:
		return s.Tok != token.DEFINE && !f.blank(s.Lhs)
	case *ast.BranchStmt:
		return s.Tok == token.BREAK || s.Tok == token.CONTINUE
	case *ast.IncDecStmt, *ast.GoStmt, *ast.SendStmt:
		return true
	}
	return false
}

func (f *finder) blank(list []ast.Expr) bool {
	for _, e := range list {
		if f.text(e) != "_" {
			return false
		}
	}
	return true
}

// locks: without a lock only the race detector sees a difference, one that is not
// released costs a time-out and is no finding, and what is not put into a pool is made
// again.
func (f *finder) locks(call *ast.CallExpr) bool {
	fun, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	method, ok := f.p.info.Uses[fun.Sel].(*types.Func)
	return ok && method.Pkg() != nil && method.Pkg().Path() == "sync" && (strings.HasSuffix(method.Name(), "ock") || method.Name() == "Put")
}

// ---- result: each is lost once. A changed return stands before the other, for a
// wrapped one is none to the compiler.

func (f *finder) result(s *ast.ReturnStmt) {
	results := f.signature().Results()
	switch {
	case len(s.Results) == results.Len():
		f.results(s, results)
	case len(s.Results) == 1:
		f.calledResults(s, results)
	}
}

// signature is that of the function around the visited node.
func (f *finder) signature() *types.Signature {
	for i := len(f.stack) - 1; i >= 0; i-- {
		if lit, ok := f.stack[i].(*ast.FuncLit); ok {
			return f.p.info.TypeOf(lit).(*types.Signature)
		}
	}
	return f.declared
}

func (f *finder) results(s *ast.ReturnStmt, results *types.Tuple) {
	var list []string
	fails := false // the last result is an error that is not nil
	for i, e := range s.Results {
		list = append(list, f.text(e))
		fails = isError(results.At(i).Type()) && !f.p.info.Types[e].IsNil()
	}
	for i, e := range s.Results {
		t := results.At(i).Type()
		if fails && !isError(t) {
			continue
		}
		zero, when := f.zero(e, t)
		if zero == "" {
			continue
		}
		changed := append([]string(nil), list...)
		changed[i] = zero
		n := f.add("result", s, "return "+strings.ReplaceAll(strings.Join(changed, ", "), "mutZeroOf", "zero"))
		if when != "" {
			when = fmt.Sprintf("mutOnIf(%d, %s)", n, when)
		} else {
			when = fmt.Sprintf("mutOn(%d)", n)
		}
		f.wrap(s, fmt.Sprintf("if %s { return %s }; ", when, strings.Join(changed, ", ")), "")
	}
}

// zero is the text of the zero value of a result, and when that is another value;
// "" if nothing changes, or another operator does the same.
func (f *finder) zero(e ast.Expr, t types.Type) (zero, when string) {
	tv := f.p.info.Types[e]
	if literal, ok := e.(*ast.CompositeLit); ok && len(literal.Elts) == 0 {
		return "", ""
	}
	if tv.IsNil() || tv.Value != nil || f.has(e, types.IsBoolean) {
		return "", ""
	}
	nilable := false
	switch t.Underlying().(type) {
	case *types.Pointer, *types.Slice, *types.Map, *types.Chan, *types.Signature, *types.Interface:
		nilable = true
		if _, ok := t.(*types.TypeParam); ok {
			return "", ""
		}
	}
	text := f.text(e)
	switch {
	case nilable && pure(e):
		return "nil", text + " != nil"
	case nilable:
		return "nil", ""
	case !types.Identical(tv.Type, t):
		return "", ""
	case pure(e):
		return "mutZeroOf(" + text + ")", "mutSet(" + text + ")"
	}
	return "mutZeroOf(" + text + ")", ""
}

// pure: to evaluate e once more changes nothing and costs nothing.
func pure(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return true
	case *ast.SelectorExpr:
		return pure(e.X)
	}
	return false
}

// calledResults is for return f(), where f has several results.
func (f *finder) calledResults(s *ast.ReturnStmt, results *types.Tuple) {
	last := results.Len() - 1
	for i := range results.Len() {
		t := results.At(i).Type()
		if isError(results.At(last).Type()) && i < last {
			continue
		}
		zero := "nil"
		switch t.Underlying().(type) {
		case *types.Pointer, *types.Slice, *types.Map, *types.Chan, *types.Signature, *types.Interface:
		case *types.Basic, *types.Struct, *types.Array:
			zero = fmt.Sprintf("mutZeroOf(r%d)", i)
		}
		var from, to []string
		for j := range results.Len() {
			from = append(from, fmt.Sprintf("r%d", j))
			to = append(to, fmt.Sprintf("r%d", j))
		}
		to[i] = zero
		n := f.add("result", s, "return the results of "+f.text(s.Results[0])+fmt.Sprintf(", the %d. of them zero", i+1))
		f.wrap(s, fmt.Sprintf("if mutOn(%d) { %s := %s; _ = r%d; return %s }; ",
			n, strings.Join(from, ", "), f.text(s.Results[0]), i, strings.Join(to, ", ")), "")
	}
}
