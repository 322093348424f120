package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
)

// changed finds the functions whose text is another one than in a commit. One that
// stands in another file only is the same.
func (p *program) changed(base string) (map[string]bool, error) {
	listed, err := output(p.dir, "git", "ls-tree", "--name-only", base, "./")
	if err != nil {
		return nil, err
	}
	before := map[string]bool{}
	for name := range strings.FieldsSeq(string(listed)) {
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := output(p.dir, "git", "show", base+":./"+name)
		if err != nil {
			return nil, err
		}
		fset := token.NewFileSet()
		tree, err := parser.ParseFile(fset, name, text, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for name := range versions(fset, tree, text) {
			before[name] = true
		}
	}
	functions := map[string]bool{}
	for _, s := range p.files {
		for version, name := range versions(p.fset, s.tree, s.text) {
			if !before[version] {
				functions[name] = true
			}
		}
	}
	return functions, nil
}

// versions are the names of the declarations in a file, by name and text.
func versions(fset *token.FileSet, tree *ast.File, text []byte) map[string]string {
	list := map[string]string{}
	for _, d := range tree.Decls {
		for _, d := range declarations(d) {
			from, to := fset.PositionFor(d.node.Pos(), false).Offset, fset.PositionFor(d.node.End(), false).Offset
			list[d.name+"\n"+string(bytes.Join(bytes.Fields(text[from:to]), []byte(" ")))] = d.name
		}
	}
	return list
}

// draw takes at most n mutants: those of functions that changed first, then those of
// functions that have been judged. The seed decides which.
func draw(mutants []*mutant, changed, unjudged map[string]bool, n int, seed string) (list []*mutant, ofChanged int) {
	ranks := map[*mutant]string{}
	for _, m := range mutants {
		if changed[m.function] || !unjudged[m.function] {
			rank := sha256.Sum256([]byte(seed + "\n" + m.String()))
			ranks[m] = "1" + string(rank[:])
			if changed[m.function] {
				ranks[m] = "0" + string(rank[:])
			}
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b *mutant) int { return cmp.Compare(ranks[a], ranks[b]) })
	list = list[:min(n, len(list))]
	for _, m := range list {
		if changed[m.function] {
			ofChanged++
		}
	}
	return list, ofChanged
}
