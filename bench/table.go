package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// This file implements the tables, which are printed as Markdown.

// A table is a head and rows of as many cells.
type table struct {
	title string
	note  string // a line below the title; may be empty
	rows  [][]string
}

func newTable(title, note string, head ...string) *table {
	return &table{title: title, note: note, rows: [][]string{head}}
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// print writes the table with aligned columns.
func (t *table) print(w io.Writer) {
	widths := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	fmt.Fprintf(w, "\n### %s\n\n", t.title)
	if t.note != "" {
		fmt.Fprintf(w, "%s\n\n", t.note)
	}
	for i, row := range t.rows {
		for j, width := range widths {
			cell := ""
			if j < len(row) {
				cell = row[j]
			}
			fmt.Fprint(w, "| ", cell, strings.Repeat(" ", width-utf8.RuneCountInString(cell)), " ")
		}
		fmt.Fprintln(w, "|")
		if i == 0 {
			for _, width := range widths {
				fmt.Fprint(w, "|", strings.Repeat("-", width+2))
			}
			fmt.Fprintln(w, "|")
		}
	}
}

func ratio(r float64) string { return fmt.Sprintf("%.3f", r) }

func nanos(ns float64) string { return thousands(int64(ns + 0.5)) }

func number(n float64) string { return thousands(int64(n + 0.5)) }

// over returns a difference with its sign.
func over(n float64) string {
	if n < 0 {
		return "−" + thousands(int64(0.5-n))
	}
	return "+" + number(n)
}

// short returns a time with three digits.
func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return fmt.Sprintf("%.3g s", d.Seconds())
	case d >= time.Millisecond:
		return fmt.Sprintf("%.3g ms", d.Seconds()*1e3)
	}
	return fmt.Sprintf("%.3g µs", d.Seconds()*1e6)
}

// thousands writes a number with a comma after each three digits.
func thousands(n int64) string {
	if n < 0 {
		return "−" + thousands(-n)
	}
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

// count returns a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
