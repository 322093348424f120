package weblogin_test

// Sessions and logins against every way in which time goes wrong. They are judged by the
// wall clock alone, because every process of the application has to come to the same end.

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A keptLogin is what a browser has for a while. fresh uses it, and reports whether that
// went as if nothing was over.
type keptLogin struct {
	life time.Duration
	keep func(b *tab) (fresh func() bool)
}

func keptLogins() map[string]keptLogin {
	session := func(b *tab) func() bool {
		b.logIn("/").want(b.t, http.StatusOK, "hello alice")
		return func() bool { return b.open("/").status == http.StatusOK }
	}
	return map[string]keptLogin{
		"a session that is not used": {time.Hour, session},
		"a session that is used": {12 * time.Hour, func(b *tab) func() bool {
			fresh := session(b)
			for range 15 { // the jump is its last 45 minutes
				b.w.wait(45 * time.Minute)
				if !fresh() {
					b.t.Error("it is over, although it is used")
				}
			}
			return fresh
		}},
		"a login that is under way": {10*time.Minute + time.Second, func(b *tab) func() bool {
			back := b.authorize(b.open("/"))
			return func() bool { return b.send(back).status == http.StatusSeeOther }
		}},
	}
}

func TestKeptLogins(t *testing.T) {
	for mode, edit := range modes {
		for name, thing := range keptLogins() {
			for jump, tt := range map[string]struct {
				waits []time.Duration // of life, or of that much
				fresh bool
			}{
				"time goes by":                      {[]time.Duration{thing.life}, false},
				"the machine sleeps for a night":    {[]time.Duration{9 * time.Hour, time.Hour}, false},
				"the clock jumps ahead and back":    {[]time.Duration{24 * time.Hour, -24 * time.Hour, thing.life}, false},
				"the clock is set back by two days": {[]time.Duration{-48 * time.Hour}, false}, // it begins in the future
				"the clock is set back by 30 s":     {[]time.Duration{-30 * time.Second}, true},
				"leap smear":                        {[]time.Duration{500 * time.Millisecond, -time.Second}, true},
				"half a minute goes by":             {[]time.Duration{30 * time.Second}, true},
			} {
				if name == "a session that is used" && len(tt.waits) > 0 && tt.waits[0] == thing.life {
					tt.waits = []time.Duration{45*time.Minute + time.Second}
				}
				w := newWorld(t, edit, nil)
				b := w.browser(t)
				fresh := thing.keep(b)
				for _, d := range tt.waits {
					w.wait(d)
				}
				if got := fresh(); got != tt.fresh {
					t.Errorf("%s, %s: %s: as new %v, want %v", mode, name, jump, got, tt.fresh)
				}
			}
		}
	}
}

// TestKeptLoginsAreAll: what has a time in it is one of these, or is judged as they are.
func TestKeptLoginsAreAll(t *testing.T) {
	known := []string{
		"pending.started",                                                 // a login that is under way
		"content.AuthTime",                                                // a claim
		"content.Started", "content.Ends", "content.Seen", "content.Idle", // a session
		"content.Lease", "content.Retry", // TestLeaseOfTheFuture
		"Record.Expires",                                               // when a store may forget a session that is over
		"memoryStore.next",                                             // when it looks for these
		"Record.Version", "storedContent.version", "beginning.version", // none
		"renewed.ends",  // when a token that the store has not taken may be forgotten
		"login.started", // that of a pending
		"entry.expires", // that of a Record
	}
	var seen []string
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			body, ok := spec.Type.(*ast.StructType)
			if !ok {
				return true
			}
			for _, field := range body.Fields.List {
				text := ""
				switch e := field.Type.(type) {
				case *ast.SelectorExpr:
					text = e.X.(*ast.Ident).Name + "." + e.Sel.Name
				case *ast.Ident:
					text = e.Name
				}
				if text != "time.Time" && text != "int64" {
					continue
				}
				for _, name := range field.Names {
					full := spec.Name.Name + "." + name.Name
					if seen = append(seen, full); !slices.Contains(known, full) {
						t.Errorf("%s may be a time: what ends it, if the clock jumps?", full)
					}
				}
			}
			return true
		})
	}
	for _, full := range known {
		if !slices.Contains(seen, full) {
			t.Errorf("there is no %s", full)
		}
	}
}
