package oauth_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func migrating(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("docs/migrating.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestMigratingCode: the code of docs/migrating.md is that of the module docs/migrating,
// whose tests run it: ten tasks, the static keys and the web application, each before and
// after.
func TestMigratingCode(t *testing.T) {
	page := migrating(t)
	header := regexp.MustCompile(`^package \w+\n\n(?:import \((?s:.*?)\n\)\n\n)?`)
	block := regexp.MustCompile("(?s)(Before|After), \\[(before|after)/(\\w+)\\.go\\]\\(migrating/(before|after)/(\\w+)\\.go\\):\n\n```go\n(.*?)```\n")
	shown := map[string]bool{}
	var order []string
	for _, m := range block.FindAllStringSubmatch(page, -1) {
		name := m[2] + "/" + m[3] + ".go"
		if strings.ToLower(m[1]) != m[2] || m[2] != m[4] || m[3] != m[5] {
			t.Errorf("%s is called otherwise, too", name)
		}
		source, err := os.ReadFile("docs/migrating/" + name)
		if err != nil {
			t.Error(err)
			continue
		}
		if want := header.ReplaceAllString(string(source), ""); m[6] != want {
			t.Errorf("the page has another %s", name)
		}
		shown[name], order = true, append(order, name)
	}
	for _, side := range []string{"before", "after"} {
		files, err := filepath.Glob("docs/migrating/" + side + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			name := side + "/" + filepath.Base(file)
			if !shown[name] && filepath.Base(file) != "doc.go" {
				t.Errorf("the page does not show %s", name)
			}
		}
	}
	for i := 0; i+1 < len(order); i += 2 {
		if strings.TrimPrefix(order[i], "before/") != strings.TrimPrefix(order[i+1], "after/") {
			t.Errorf("%s is followed by %s", order[i], order[i+1])
		}
	}
	tasks := regexp.MustCompile(`(?m)^### \d+\. `).FindAllString(page, -1)
	if len(tasks) != 10 || len(order) != 24 || strings.Count(page, "```go") != len(order) {
		t.Errorf("it read %d tasks and %d blocks: does it look?", len(tasks), len(order))
	}
}

// TestMigratingNames: the page names nothing that the package does not have.
func TestMigratingNames(t *testing.T) {
	page := migrating(t)
	wantNames(t, page)
	source, err := os.ReadFile("xoauth2/xoauth2.go")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`xoauth2\\.(\\w+)`").FindAllStringSubmatch(page, -1)
	for _, m := range named {
		if !strings.Contains(string(source), "\nfunc "+m[1]+"(") {
			t.Errorf("package xoauth2 has no %s", m[1])
		}
	}
	if len(named) < 5 {
		t.Errorf("it read %d names of xoauth2: does it look?", len(named))
	}
}

// TestMigratingFromJavaScript: the tables about oauth4webapi have each name that it exports
// once, and for each a name of the package, or that there is none.
func TestMigratingFromJavaScript(t *testing.T) {
	_, part, found := strings.Cut(migrating(t), "\n## oauth4webapi, from JavaScript\n")
	if !found {
		t.Fatal("there is no such section")
	}
	b, err := os.ReadFile("docs/migrating/oauth4webapi.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	comment, exported := lines[0], lines[1:]
	version := regexp.MustCompile(`\d+\.\d+\.\d+`).FindString(comment)
	if version == "" || !strings.Contains(part, "version "+version+" ") {
		t.Errorf("the page is not about version %q", version)
	}
	members, rest, _ := strings.Cut(part, "\n### Members of options\n")
	_, after, _ := strings.Cut(rest, "\n### ")
	named := map[string]int{}
	row := regexp.MustCompile("(?m)^\\| (`\\w+`(?:, `\\w+`)*) \\| (.+) \\|$")
	for _, m := range row.FindAllStringSubmatch(members+"\n### "+after, -1) {
		for name := range strings.SplitSeq(m[1], ", ") {
			named[strings.Trim(name, "`")]++
		}
		if !strings.Contains(m[2], "oauth.") && !strings.HasPrefix(m[2], "none") {
			t.Errorf("%s has no counterpart: %s", m[1], m[2])
		}
	}
	for _, name := range exported {
		if named[name] != 1 {
			t.Errorf("%s stands there %d times", name, named[name])
		}
	}
	for name := range named {
		if !slices.Contains(exported, name) {
			t.Errorf("oauth4webapi does not export %s", name)
		}
	}
	if len(exported) < 140 {
		t.Errorf("it read %d names: does it look?", len(exported))
	}
}
