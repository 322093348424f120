package oauth

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// pages are those that are held to the rules of public comments.
var pages = []string{"docs/architecture.md", "docs/troubleshooting.md", "docs/migrating.md"}

// TestPages holds the prose of the pages to the rules of public comments.
func TestPages(t *testing.T) {
	code := regexp.MustCompile("(?s)```.*?\n```|`[^`\n]+`")
	for _, page := range pages {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		text := code.ReplaceAllString(string(b), "`")
		if len(text) < 4000 {
			t.Errorf("%s: it saw %d bytes: does it look?", page, len(text))
		}
		for _, r := range docRules {
			for _, found := range r.rule.FindAllStringIndex(text, -1) {
				t.Errorf("%s: %s: …%s…", page, r.name, strings.TrimSpace(text[found[0]:min(found[0]+60, len(text))]))
			}
		}
	}
}
