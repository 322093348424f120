package main

import (
	"fmt"
	"strings"
)

// This file makes large and odd JSON, for tokens and for bodies.

// A shape makes members of a JSON object of about n bytes.
type shape struct {
	name string
	make func(n int) string
}

// shapes are what can be expensive to read. None has a closing brace.
var shapes = []shape{
	{"many members", func(n int) string { return numbered(n, `"%07d":1`) }},
	{"one string", func(n int) string { return `"pad":"` + strings.Repeat("a", n) + `"` }},
	{"escapes", func(n int) string { return `"pad":"` + strings.Repeat(`\u0061`, n/6) + `"` }},
	{"a long name", func(n int) string { return `"` + strings.Repeat("a", n) + `":1` }},
	{"an escaped name", func(n int) string { return `"` + strings.Repeat(`\u0061`, n/6) + `":1` }},
	{"deep", func(n int) string { return `"pad":` + strings.Repeat("[", n/2) + strings.Repeat("]", n/2) }},
	{"empty arrays", func(n int) string { return `"pad":[` + repeated(n, "[]") + `]` }},
	{"objects of 17 members", func(n int) string { return `"pad":[` + repeated(n, "{"+numbered(17*8, `"%02d":1`)+"}") + `]` }},
	{"numbers", func(n int) string { return `"pad":[` + repeated(n, "1e1") + `]` }},
	{"one number", func(n int) string { return `"pad":` + strings.Repeat("1", n) }},
	{"the same name", func(n int) string { return repeated(n, `"pad":1`) }},
	{"spaces", func(n int) string { return `"pad":` + strings.Repeat(" ", n) + `1` }},
	{"broken at the end", func(n int) string { return numbered(n, `"%07d":1`) + "," }},
}

// repeated returns n bytes of an item with commas between them.
func repeated(n int, item string) string {
	return strings.TrimSuffix(strings.Repeat(item+",", max(1, n/(len(item)+1))), ",")
}

// numbered is repeated with a number in each item.
func numbered(n int, format string) string {
	var text strings.Builder
	for i := 0; text.Len() < n; i++ {
		if i > 0 {
			text.WriteByte(',')
		}
		fmt.Fprintf(&text, format, i)
	}
	return text.String()
}
