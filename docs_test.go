package oauth

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documented are the packages whose public comments are held to the rules below.
var documented = []string{".", "oauthtest", "oauthredis", "oauthotel", "weblogin", "weblogin/storetest"}

// docRules are found in no public comment, whose lines are joined and in which each
// paragraph begins on a line of its own.
var docRules = []struct {
	name string
	rule *regexp.Regexp
	bad  []string // that it finds
	good []string // that it does not
}{
	{
		"a default is a sentence (If nil, …; The zero value means …), not a label",
		regexp.MustCompile(`(?im)(?:^|[.!?:;,)] )(?:- )?(?:nil|zero|empty|negative): `),
		[]string{"Nil: none.", "zero: none", "copied; nil: one of the package's own", "It is a list. Empty: all.", "First.\nNegative: no limit."},
		[]string{"If nil, none.", "These are nil: a and b.", "It is never empty."},
	},
	{
		"must, not has to",
		regexp.MustCompile(`(?i)\b(?:has|have) to\b`),
		[]string{"It has to be signed.", "Machines have to share one."},
		[]string{"It must be signed.", "The server has tokens."},
	},
	{
		"a sentence names its subject and does not begin with What",
		regexp.MustCompile(`(?m)\bWhat\b|^what\b`),
		[]string{"What it returns passed every check.", "It ends. What is left goes on.", "what the user types", "(What is kept.)"},
		[]string{"It knows what is left.", "Whatever is left."},
	},
}

// TestDocRules: the rules find what they should.
func TestDocRules(t *testing.T) {
	for _, r := range docRules {
		for _, text := range r.bad {
			if !r.rule.MatchString(text) {
				t.Errorf("%s: does not find %q", r.name, text)
			}
		}
		for _, text := range r.good {
			if r.rule.MatchString(text) {
				t.Errorf("%s: finds %q", r.name, text)
			}
		}
	}
}

// TestDocs holds the public comments to the rules.
func TestDocs(t *testing.T) {
	seen := map[string]int{}
	for _, dir := range documented {
		fset, files := parseDir(t, dir)
		for _, f := range files {
			comments := publicComments(f)
			seen[dir] += len(comments)
			for _, c := range comments {
				text := prose(c)
				for _, r := range docRules {
					if found := r.rule.FindStringIndex(text); found != nil {
						t.Errorf("%s: %s: …%s…", fset.Position(c.Pos()), r.name, strings.TrimSpace(text[found[0]:min(found[0]+60, len(text))]))
					}
				}
			}
		}
	}
	for dir, least := range map[string]int{".": 500, "oauthtest": 250, "oauthredis": 10, "weblogin": 40} {
		if seen[dir] < least {
			t.Errorf("%s: it saw %d comments: does it look?", dir, seen[dir])
		}
	}
}

// warnings are sentences without which the package cannot be used safely: the code
// cannot make sure of what they ask for.
var warnings = map[string][]string{
	"callback.go": {
		"The caller must take a from the session of the browser that sent r, by the state of the response, and delete it from the session first.",
		"Looking it up by the state alone would allow an attacker to log a user in to the attacker's account.",
	},
	"authorize.go": {
		"An application with several servers must give each of them a redirect URI with a path or query of its own.",
		"An application with several servers must then set Config.RequireResponseIssuer",
		"With form_post, the browser only sends the session cookie if it is neither SameSite=Lax nor SameSite=Strict.",
		"If InsecureNoPKCE and InsecureNoNonce are both set, an attacker who obtains a user's code can have it accepted in a session of the attacker",
	},
	"token.go":     {"Decisions that require a recent authentication must use AuthTime."},
	"jwks.go":      {"Anyone who can write the data can sign tokens as the issuer."},
	"resource.go":  {"ClientCertificate must make sure that the request comes from the proxy."},
	"require.go":   {"A handler that responds to CORS preflight requests must be outside"},
	"oauth.go":     {"Any other round tripper must not follow redirects."},
	"mtls.go":      {"It must not follow redirects or repeat requests"},
	"protected.go": {"It must not follow redirects or repeat requests"},
}

// TestWarnings: they stand in public comments.
func TestWarnings(t *testing.T) {
	_, files := parseDir(t, ".")
	for name, sentences := range warnings {
		var text strings.Builder
		for _, c := range publicComments(files[name]) {
			text.WriteString(prose(c) + "\n")
		}
		for _, s := range sentences {
			if !strings.Contains(text.String(), s) {
				t.Errorf("%s does not say %q", name, s)
			}
		}
	}
}

// prose is the text of a comment without code, a paragraph or list item a line.
func prose(c *ast.CommentGroup) string {
	var b strings.Builder
	for line := range strings.SplitSeq(c.Text(), "\n") {
		switch text := strings.TrimSpace(line); {
		case text == "":
			b.WriteByte('\n')
		case strings.HasPrefix(line, "\t"):
		case strings.HasPrefix(text, "- "):
			b.WriteString("\n" + strings.TrimPrefix(text, "- ") + " ")
		default:
			b.WriteString(text + " ")
		}
	}
	return b.String()
}

// publicComments are the comments of a file that go doc shows: of the package, and of
// what is exported with its fields and methods, those at the end of a line too.
func publicComments(f *ast.File) (list []*ast.CommentGroup) {
	add := func(comments ...*ast.CommentGroup) {
		for _, c := range comments {
			if c != nil {
				list = append(list, c)
			}
		}
	}
	add(f.Doc)
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && (d.Recv == nil || ast.IsExported(receiverName(d))) {
				add(d.Doc)
			}
		case *ast.GenDecl:
			if d.Tok == token.IMPORT {
				continue
			}
			exported := 0
			for _, spec := range d.Specs {
				comments, ok := specComments(spec)
				if ok {
					exported++
					add(comments...)
				}
			}
			if exported > 0 {
				add(d.Doc)
			}
		}
	}
	return list
}

// specComments are the comments of a declaration, and whether it is exported.
func specComments(spec ast.Spec) (list []*ast.CommentGroup, exported bool) {
	switch s := spec.(type) {
	case *ast.ValueSpec:
		return []*ast.CommentGroup{s.Doc, s.Comment}, slices.ContainsFunc(s.Names, (*ast.Ident).IsExported)
	case *ast.TypeSpec:
		list = []*ast.CommentGroup{s.Doc, s.Comment}
		var members *ast.FieldList
		switch typ := s.Type.(type) {
		case *ast.StructType:
			members = typ.Fields
		case *ast.InterfaceType:
			members = typ.Methods
		default:
			return list, s.Name.IsExported()
		}
		for _, m := range members.List {
			if len(m.Names) == 0 || slices.ContainsFunc(m.Names, (*ast.Ident).IsExported) {
				list = append(list, m.Doc, m.Comment)
			}
		}
		return list, s.Name.IsExported()
	}
	return nil, false
}

func receiverName(d *ast.FuncDecl) string {
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	if id, ok := typ.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

// TestReadingOrder: the package documentation lists the files in the order of rooms.
func TestReadingOrder(t *testing.T) {
	_, files := parseDir(t, ".")
	_, order, _ := strings.Cut(files["oauth.go"].Doc.Text(), "# Reading the source\n")
	_, order, _ = strings.Cut(order, ":\n") // the sentence before the list names rooms_test.go
	var got []string
	for _, m := range regexp.MustCompile(`\b([a-z0-9_]+)\.go\b`).FindAllStringSubmatch(order, -1) {
		got = append(got, m[1])
	}
	if !slices.Equal(got, rooms) {
		t.Errorf("the documentation has the order\n%v, and the rooms have\n%v", got, rooms)
	}
}
