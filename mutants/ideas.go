package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
)

// An idea is a mutant that somebody thought of and no operator makes: in a function
// or a table, another text in the place of one that stands there once.
type idea struct {
	at                          entry
	function, text, replacement string
}

// readIdeas reads lists of ideas, lines of
//
//	function | text | replacement
//
// Spaces are as good as line breaks in text; in replacement \n is a line break.
func readIdeas(paths []string) (ideas []idea, err error) {
	for _, path := range paths {
		list, err := readList(path)
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			parts := strings.Split(e.text+" ", " | ") // the last may be empty
			if len(parts) != 3 {
				return nil, fmt.Errorf("%s: %d parts, not three: function | text | replacement", e, len(parts))
			}
			replacement := strings.ReplaceAll(strings.TrimSpace(parts[2]), `\n`, "\n")
			ideas = append(ideas, idea{e, parts[0], parts[1], replacement})
		}
	}
	return ideas, nil
}

// addIdeas makes the mutants of ideas. It returns what is wrong with them.
func (f *finder) addIdeas(ideas []idea) (wrong []error) {
	type place struct {
		file *source
		declaration
	}
	places := map[string]place{}
	for _, s := range f.p.files {
		for _, d := range s.tree.Decls {
			for _, d := range declarations(d) {
				places[d.name] = place{s, d}
			}
		}
	}
	named := map[ast.Node]bool{} // functions whose parameters have names now
	first := len(f.mutants)
	for _, idea := range ideas {
		at, ok := places[idea.function]
		if !ok {
			wrong = append(wrong, fmt.Errorf("%s: no function or table is called %s", idea.at, idea.function))
			continue
		}
		f.file, f.function = at.file, idea.function
		if err := f.addIdea(idea, at.node, named); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", idea.at, err))
		}
	}
	number(f.mutants[first:])
	return wrong
}

func (f *finder) addIdea(idea idea, node ast.Node, named map[ast.Node]bool) error {
	var words []string
	for _, word := range strings.Fields(idea.text) {
		words = append(words, regexp.QuoteMeta(word))
	}
	found := regexp.MustCompile(strings.Join(words, `\s+`)).FindAllStringIndex(f.text(node), -1)
	if len(found) != 1 {
		return fmt.Errorf("the text stands %d times in %s: %s", len(found), idea.function, idea.text)
	}
	start := f.p.fset.File(node.Pos()).Pos(f.p.offset(node.Pos()))
	from, to := start+token.Pos(found[0][0]), start+token.Pos(found[0][1])
	n := f.add("idea", span{from, to}, idea.replacement)
	changed := func(around ast.Node) string {
		text := f.text(around)
		return text[:from-around.Pos()] + idea.replacement + text[to-around.Pos():]
	}
	switch node := node.(type) {
	case *ast.FuncDecl:
		if from <= node.Body.Lbrace || to >= node.Body.End() {
			return fmt.Errorf("the text is not in the body of %s", idea.function)
		}
		f.copyOf(node, changed(node), n, idea, named)
	case *ast.ValueSpec:
		if len(node.Values) != 1 || from < node.Values[0].Pos() {
			return fmt.Errorf("%s has not one value with the text in it", idea.function)
		}
		value := node.Values[0]
		f.wrap(value, fmt.Sprintf("mutChoose(%d, %s, ", n, changed(value)), ")")
	}
	return nil
}

// A span is a piece of a file that need not be a node.
type span struct{ from, to token.Pos }

func (s span) Pos() token.Pos { return s.from }
func (s span) End() token.Pos { return s.to }

// copyOf puts a changed copy of a function below its file, which the function calls
// if the mutant is on. Text in a function may be declarations and half sentences:
// only whole functions can be switched.
func (f *finder) copyOf(d *ast.FuncDecl, text string, n int, idea idea, named map[ast.Node]bool) {
	name := fmt.Sprintf("mutIdea%d", n)
	at := int(d.Name.Pos() - d.Pos())
	path, err := filepath.Abs(idea.at.path)
	if err != nil {
		path = idea.at.path
	}
	f.copies[f.file] = fmt.Appendf(f.copies[f.file], "\n//line %s:%d\n%s%s%s\n",
		path, idea.at.line, text[:at], name, text[at+len(d.Name.Name):])
	call := name
	if d.Recv != nil {
		call = f.names(d.Recv, !named[d])[0] + "." + name
	}
	if d.Type.TypeParams != nil {
		call += "[" + strings.Join(f.names(d.Type.TypeParams, false), ", ") + "]"
	}
	call += "(" + strings.Join(f.names(d.Type.Params, !named[d]), ", ") + ")"
	if d.Type.Results == nil {
		call += "; return"
	} else {
		call = "return " + call
	}
	named[d] = true
	f.edits[f.file] = append(f.edits[f.file], edit{
		at: f.p.offset(d.Body.Lbrace) + 1, kind: closes, order: n, text: fmt.Sprintf(" if mutOn(%d) { %s }; ", n, call),
	})
}

// names are the arguments for the parameters of a list. Those without a name get
// one.
func (f *finder) names(list *ast.FieldList, edits bool) (names []string) {
	for _, field := range list.List {
		if len(field.Names) == 0 {
			name := fmt.Sprintf("mutArg%d", f.p.offset(field.Pos()))
			names = append(names, name)
			if edits {
				f.replace(field.Pos(), field.Pos(), name+" ")
			}
		}
		for _, id := range field.Names {
			name := id.Name
			if name == "_" {
				name = fmt.Sprintf("mutArg%d", f.p.offset(id.Pos()))
				if edits {
					f.replace(id.Pos(), id.End(), name)
				}
			}
			if _, variadic := field.Type.(*ast.Ellipsis); variadic {
				name += "..."
			}
			names = append(names, name)
		}
	}
	return names
}
