package keycloak

// This file says which rows there are, and which of them may fail.

import (
	"fmt"
	"testing"
)

// A table has the rows in the order of the report.
type table struct {
	rows  []row
	kinds map[string]int
}

// add enters a row. The first of its kind belongs to the core.
func (t *table) add(kind, name string, run func(*scenario)) {
	t.kinds[kind]++
	t.rows = append(t.rows, row{kind: kind, name: name, run: run, core: t.kinds[kind] == 1})
}

// allRows is the whole table.
func allRows() []row {
	t := &table{kinds: map[string]int{}}
	clientAuthRows(t)
	requestRows(t)
	jarmRows(t)
	boundRows(t)
	refreshRows(t)
	deviceRows(t)
	grantRows(t)
	endpointRows(t)
	registrationRows(t)
	logoutRows(t)
	oidcRows(t)
	resourceRows(t)
	fapiRows(t)
	rotationRows(t)
	return t.rows
}

// pending says why a row may fail. One that passes all the same fails the run, so that
// its line leaves this list.
var pending = map[string]string{}

// perKind is how many rows of one kind there may be, and atLeast how many rows.
const (
	perKind = 5
	atLeast = 200
)

// TestRows looks at the table, without a server.
func TestRows(t *testing.T) {
	names, kinds := map[string]bool{}, map[string]int{}
	for _, r := range allRows() {
		if names[r.String()] {
			t.Errorf("two rows are called %q", r)
		}
		names[r.String()] = true
		kinds[r.kind]++
	}
	for kind, n := range kinds {
		if n > perKind {
			t.Errorf("%d rows of the kind %q", n, kind)
		}
	}
	for name := range pending {
		if !names[name] {
			t.Errorf("no row is called %q", name)
		}
	}
	if len(names) < atLeast {
		t.Errorf("%d rows", len(names))
	}
	t.Log(fmt.Sprint(len(names), " rows of ", len(kinds), " kinds"))
}
