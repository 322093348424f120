package main

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"slices"
)

// An edit replaces del bytes at a place of a file. Three kinds meet at one offset:
// text that closes a mutant comes first, the innermost first; then text that opens
// one, the outermost first; then text in the place of another.
type edit struct {
	at, del int
	text    string
	kind    int
	size    int // of the node that the text opens or closes
	order   int
}

const (
	closes = iota
	opens
	replaces
)

func compareEdits(a, b edit) int {
	inner := cmp.Or(cmp.Compare(a.size, b.size), -cmp.Compare(a.order, b.order))
	if a.kind == opens {
		inner = -inner
	}
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.kind, b.kind), inner)
}

// apply makes the edits in a text.
func apply(text []byte, edits []edit) []byte {
	slices.SortFunc(edits, compareEdits)
	var b bytes.Buffer
	at := 0
	for _, e := range edits {
		b.Write(text[at:e.at])
		b.WriteString(e.text)
		at = e.at + e.del
	}
	b.Write(text[at:])
	return b.Bytes()
}

//go:embed testdata/switches.go
var switches []byte

//go:embed testdata/switches_test.go
var switchesTest []byte

//go:embed testdata/limit_linux_test.go
var limitTest []byte

// added are the files of the copy that the package does not have.
func added(pkg string, count int) map[string][]byte {
	files := map[string][]byte{
		"zz_mutants.go":            fmt.Appendf(slices.Clone(switches), "\nconst mutCount = %d\n", count),
		"zz_mutants_test.go":       switchesTest,
		"zz_mutants_linux_test.go": limitTest,
	}
	for name, text := range files {
		files[name] = bytes.Replace(text, []byte("package switches"), []byte("package "+pkg), 1)
	}
	return files
}

// rewritten are the files of the copy: the package with all its mutants.
func (f *finder) rewritten() map[string][]byte {
	files := added(f.p.pkg.Name(), f.next)
	for _, s := range f.p.files {
		files[s.name] = append(apply(s.text, f.edits[s]), f.copies[s]...)
	}
	return files
}
