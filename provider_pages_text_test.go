package oauth

// The text of docs/providers: what it says of the code, of the fixtures and of the API.

import (
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pageProviders are the providers whose rows a page is about.
var pageProviders = map[string][]string{
	"adfs.md": {"AD FS"}, "apple.md": {"Apple"}, "auth0.md": {"Auth0"}, "authelia.md": {"Authelia"}, "authentik.md": {"authentik"},
	"clerk.md": {"Clerk"}, "cloudflare-access.md": {"Cloudflare Access"}, "cognito.md": {"Cognito"}, "dex.md": {"dex"},
	"duende-identityserver.md": {"Duende IdentityServer"}, "entra.md": {"Entra", "Entra v1", "Entra, many tenants"},
	"entra-external-id.md": {"Azure AD B2C"}, "firebase.md": {"Firebase"}, "github.md": {"GitHub"}, "github-actions.md": {"GitHub Actions"},
	"gitlab.md": {"GitLab"}, "gitlab-ci.md": {"GitLab CI"}, "google.md": {"Google"}, "google-cloud-run.md": {"Google Cloud service identity"},
	"google-iap.md": {"Google IAP"}, "google-pubsub.md": {"Google Pub/Sub push"}, "hydra.md": {"Hydra"}, "keycloak.md": {"Keycloak"},
	"kubernetes.md": {"Kubernetes"}, "lemonldap-ng.md": {"LemonLDAP::NG"}, "linkedin.md": {"LinkedIn"}, "login-gov.md": {"Login.gov"},
	"okta.md": {"Okta"}, "pingfederate.md": {"PingFederate"}, "salesforce.md": {"Salesforce"}, "slack.md": {"Slack"},
	"spiffe.md": {"SPIFFE JWT-SVID"}, "supabase.md": {"Supabase"}, "zitadel.md": {"Zitadel"},
}

// A providerPage is a page of docs/providers, its code apart from the rest.
type providerPage struct {
	name   string
	text   string
	prose  string
	blocks []string
}

func readProviderPages(t *testing.T) (list []providerPage) {
	t.Helper()
	files := must(filepath.Glob("docs/providers/*.md"))
	for _, file := range files {
		p := providerPage{name: filepath.Base(file), text: string(must(os.ReadFile(file)))}
		parts := strings.Split(p.text, "```")
		for i, part := range parts {
			switch {
			case i%2 == 0:
				p.prose += part
			case strings.HasPrefix(part, "go\n"):
				p.blocks = append(p.blocks, strings.TrimPrefix(part, "go\n"))
			default:
				t.Errorf("%s has a block that is no Go", p.name)
			}
		}
		list = append(list, p)
	}
	if len(list) < 30 {
		t.Fatalf("%d pages", len(list))
	}
	return list
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

// providerPageCode is what the tests run: the bodies of functions by their page, without the
// lines of the test, and whole functions that are on a page.
func providerPageCode(t *testing.T) (bodies map[string][]string, functions []string) {
	t.Helper()
	bodies = map[string][]string{}
	for _, name := range []string{"provider_code_login_test.go", "provider_code_api_test.go"} {
		source := must(os.ReadFile(name))
		fset := token.NewFileSet()
		offset := func(p token.Pos) int { return fset.Position(p).Offset }
		for _, decl := range must(parser.ParseFile(fset, name, source, parser.ParseComments)).Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			page, ok := strings.CutPrefix(strings.TrimSpace(f.Doc.Text()), "docs/providers/")
			if !ok {
				functions = append(functions, squeeze(string(source[offset(f.Doc.Pos()):offset(f.End())])))
				continue
			}
			var lines []string
			for line := range strings.SplitSeq(string(source[offset(f.Body.Lbrace)+1:offset(f.Body.Rbrace)]), "\n") {
				if !strings.HasSuffix(line, "// test") {
					lines = append(lines, strings.ReplaceAll(line, "web.Options()", "nil"))
				}
			}
			bodies[page] = append(bodies[page], squeeze(strings.Join(lines, "\n")))
		}
	}
	return bodies, functions
}

// TestProviderPageCode: the code of the pages is the code that is tested, and formatted.
func TestProviderPageCode(t *testing.T) {
	bodies, functions := providerPageCode(t)
	for _, p := range readProviderPages(t) {
		for _, block := range p.blocks {
			if formatted, err := format.Source([]byte(block)); err != nil || string(formatted) != block {
				t.Errorf("%s: not formatted: %v\n%s", p.name, err, block)
			}
			if i := slices.Index(bodies[p.name], squeeze(block)); i >= 0 {
				bodies[p.name] = slices.Delete(bodies[p.name], i, i+1)
			} else if i := slices.Index(functions, squeeze(block)); i >= 0 {
				functions = slices.Delete(functions, i, i+1)
			} else {
				t.Errorf("%s: not tested, or twice:\n%s", p.name, block)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(bodies)) {
		if len(bodies[name]) > 0 {
			t.Errorf("%s does not have %q", name, bodies[name])
		}
	}
	if len(functions) > 0 {
		t.Errorf("no page has %q", functions)
	}
}

// pageParts are those of every page.
var pageParts = regexp.MustCompile(`(?s)\A# [^\n]+\n\n.+\n## (Register|Configure)\n.+\n## (Log users in|Accept the tokens)\n.+` +
	`\n## Oddities\n\n- .+\n## Checked\n\n20\d\d-\d\d-\d\d\..*\n- Fixtures`)

// TestProviderPages: each page has its parts, says where its fixtures are from and which claims
// the API must check, and keeps to the rules for public comments.
func TestProviderPages(t *testing.T) {
	rows := providerRows()
	for _, p := range readProviderPages(t) {
		for _, r := range docRules {
			if found := r.rule.FindString(p.prose); found != "" {
				t.Errorf("%s: %s: %q", p.name, r.name, found)
			}
		}
		if p.name == "README.md" {
			continue
		}
		if !pageParts.MatchString(p.text) {
			t.Errorf("%s: it does not have the parts of a page", p.name)
		}
		for _, row := range rows {
			if !slices.Contains(pageProviders[p.name], row.provider) {
				continue
			}
			for source := range strings.SplitSeq(row.source, "; ") {
				if !strings.Contains(p.text, source) {
					t.Errorf("%s: %s is from %s", p.name, row.name(), source)
				}
			}
		}
		for _, row := range providerRecipes {
			if slices.Contains(pageProviders[p.name], row.provider) {
				row.mustBeTold(t, &p)
			}
		}
	}
}

// mustBeTold holds a page against a row for which the API has something to check.
func (p *providerAccessToken) mustBeTold(t *testing.T, page *providerPage) {
	t.Helper()
	told := page.prose
	for name := range p.unchecked {
		if !strings.Contains(told, "`"+name+"`") {
			t.Errorf("%s does not say that the API must check %s", page.name, name)
		}
	}
	if strings.Contains(told, "\nWARNING: Any ") != p.anybody {
		t.Errorf("%s: WARNING is for tokens that every customer gets", page.name)
	}
	if !p.anybody && !strings.Contains(told, "API must check") && p.provider != "PingFederate" {
		t.Errorf("%s does not say what the API must check", page.name)
	}
}

// TestProviderPagesIndex: the index has every page and no other, README.md has the index, and
// every provider has a page or is named as one without.
func TestProviderPagesIndex(t *testing.T) {
	links := regexp.MustCompile(`\]\(([a-z0-9-]+\.md)[)#]`)
	var index string
	pages, about := map[string]bool{}, map[string]bool{}
	for _, p := range readProviderPages(t) {
		if p.name == "README.md" {
			index = p.text
		} else {
			pages[p.name] = true
		}
	}
	listed := map[string]bool{}
	for _, m := range links.FindAllStringSubmatch(index, -1) {
		listed[m[1]] = true
	}
	if !maps.Equal(listed, pages) {
		t.Errorf("the index has %v, and the pages are %v", slices.Sorted(maps.Keys(listed)), slices.Sorted(maps.Keys(pages)))
	}
	for _, p := range readProviderPages(t) {
		for _, m := range links.FindAllStringSubmatch(p.text, -1) {
			if !pages[m[1]] && m[1] != "README.md" {
				t.Errorf("%s: no page %s", p.name, m[1])
			}
		}
		if pages[p.name] && pageProviders[p.name] == nil {
			t.Errorf("%s is about no provider", p.name)
		}
		for _, provider := range pageProviders[p.name] {
			about[provider] = true
		}
	}
	_, others, _ := strings.Cut(index, "There are fixtures, but no pages, for ")
	others, _, _ = strings.Cut(others, ": see")
	named := strings.Split(strings.Replace(others, " and ", ", ", 1), ", ")
	for _, provider := range providers {
		if about[provider] == slices.Contains(named, provider) {
			t.Errorf("%s has a page: %t", provider, about[provider])
		}
	}
	if !strings.Contains(string(must(os.ReadFile("README.md"))), "(docs/providers/README.md)") {
		t.Error("README.md has no link to the pages")
	}
}

// TestProviderPageNames: whatever a page calls by a name of Go exists.
func TestProviderPageNames(t *testing.T) {
	known := map[string]bool{}
	for _, dir := range []string{".", "weblogin"} {
		prefix := ""
		if dir != "." {
			prefix = dir + "."
		}
		for _, symbol := range exportedSymbols(t, dir) {
			for _, m := range regexp.MustCompile(`^(?:const|var|func|type|field|method) (?:\(\*?(\w+)\) )?(\w+(?:\.\w+)?)`).FindAllStringSubmatch(symbol, -1) {
				name := m[2]
				if m[1] != "" {
					name = m[1] + "." + name
				}
				known[prefix+name] = true
			}
		}
	}
	called, code := 0, regexp.MustCompile("`(?:oauth\\.)?((?:weblogin\\.)?[A-Z]\\w+(?:\\.[A-Z]\\w+)?)(?:\\(.*?\\))?`")
	for _, p := range readProviderPages(t) {
		for _, m := range code.FindAllStringSubmatch(p.prose, -1) {
			if strings.HasPrefix(m[1], "CF_") { // a cookie
				continue
			}
			if called++; !known[m[1]] {
				t.Errorf("%s: there is no %s", p.name, m[1])
			}
		}
	}
	if called < 80 {
		t.Errorf("it saw %d names: does it look?", called)
	}
}
