package oauth_test

// docs/troubleshooting.md: each of its sections is about a mistake, which is made here for
// real. What the package says of it is what the page says. The mistakes are in
// docs_troubleshooting_setup_test.go and the files beside it.

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// A mistake makes one, and returns the error that the program gets.
type mistake func(m *mishap) error

// needsSockets skips a mistake of which the operating system writes a part of the text.
func (m *mishap) needsSockets() {
	if runtime.GOOS == "js" {
		m.Skip("js has no sockets")
	}
}

// mistakes are by the headings of the page.
func mistakes() map[string]mistake {
	all := map[string]mistake{}
	for _, some := range []map[string]mistake{setupMistakes, loginMistakes, idTokenMistakes, tokenMistakes, apiMistakes} {
		maps.Copy(all, some)
	}
	return all
}

// TestTroubleshooting makes each mistake, and finds the text of its error on the page.
func TestTroubleshooting(t *testing.T) {
	sections := troubleshooting(t)
	for name, make := range mistakes() {
		t.Run(name, func(t *testing.T) {
			m := &mishap{T: t}
			err := make(m)
			if err == nil {
				t.Fatal("nothing is wrong with that")
			}
			switch section, ok := sections[name]; {
			case !ok:
				t.Errorf("the page has no section of this name, for\n%s", m.text(err))
			case section.error != m.text(err):
				t.Errorf("the page has\n%s\nand the error is\n%s", section.error, m.text(err))
			}
		})
	}
	for name := range sections {
		if mistakes()[name] == nil {
			t.Errorf("nobody makes the mistake %q", name)
		}
	}
	if len(sections) < 40 {
		t.Errorf("the page has %d mistakes", len(sections))
	}
}

// A troubleSection is a section of the page.
type troubleSection struct{ error, why, wayOut string }

var troublePattern = regexp.MustCompile("(?s)^\n```text\n([^\n]+)\n```\n\n(.+?)\n\n\\*\\*Way out:\\*\\* (.+)\n\n*$")

// troubleshooting reads the page.
func troubleshooting(t *testing.T) map[string]troubleSection {
	t.Helper()
	b, err := os.ReadFile("docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]troubleSection{}
	for _, part := range regexp.MustCompile(`(?m)^## .*$`).Split(string(b), -1)[1:] {
		for _, section := range strings.Split(part, "\n### ")[1:] {
			name, rest, _ := strings.Cut(section, "\n")
			found := troublePattern.FindStringSubmatch(rest)
			switch {
			case found == nil:
				t.Errorf("%s: it is not the error, why it comes, and the way out", name)
			case sections[name] != troubleSection{}:
				t.Errorf("%s comes twice", name)
			default:
				sections[name] = troubleSection{found[1], found[2], found[3]}
			}
		}
	}
	return sections
}

// TestTroubleshootingNames: the page names nothing that the package does not have.
func TestTroubleshootingNames(t *testing.T) {
	b, err := os.ReadFile("docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	wantNames(t, string(b))
}

var (
	// namedSymbol is oauth.X or oauth.X.Y in code of a page.
	namedSymbol = regexp.MustCompile(`\boauth\.([A-Z]\w*)(?:\.([A-Z]\w*))?`)
	// namedField is Config.X and the like, without the package.
	namedField = regexp.MustCompile("`(Client|Config|ClientMetadata|DiscoverOptions|AuthorizationRequest|AuthorizationServer|TransportOptions|ResourceServer|" +
		"ResourceServerConfig|TrustedServer|AccessTokenProfile|MutualTLS|Clock|Token|Requirement|GrantOptions|PendingAuthorization|ResponseError|RefreshError)\\.([A-Z]\\w*)")
)

// wantNames wants every symbol that a page names in api/v0.txt.
func wantNames(t *testing.T, page string) {
	t.Helper()
	b, err := os.ReadFile("api/v0.txt")
	if err != nil {
		t.Fatal(err)
	}
	symbol := regexp.MustCompile(`(?m)^(?:const|func|type|var) (\w+)`)
	member := regexp.MustCompile(`(?m)^(?:field |method \(\*?)(\w+)[.)] ?(\w+)`)
	known := map[string]bool{}
	for _, m := range symbol.FindAllStringSubmatch(string(b), -1) {
		known[m[1]] = true
	}
	for _, m := range member.FindAllStringSubmatch(string(b), -1) {
		known[m[1]+"."+m[2]] = true
	}
	named := append(namedSymbol.FindAllStringSubmatch(page, -1), namedField.FindAllStringSubmatch(page, -1)...)
	for _, m := range named {
		if !known[m[1]] || m[2] != "" && !known[m[1]+"."+m[2]] {
			t.Errorf("%s: there is no such name", m[0])
		}
	}
	if len(known) < 500 || len(named) < 20 {
		t.Errorf("it knows %d names, and %d are named: does it look?", len(known), len(named))
	}
}

// A mishap is a server and an application that does something wrong. Their clock stands
// still, so that errors say the same each time.
type mishap struct {
	*testing.T
	*oauthtest.Server
	ahead atomic.Int64
}

func (m *mishap) now() time.Time {
	return time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC).Add(time.Duration(m.ahead.Load()))
}

func (m *mishap) pass(d time.Duration) { m.ahead.Add(int64(d)) }

// text is an error without the address of the test's server.
func (m *mishap) text(err error) string {
	text := err.Error()
	if m.Server != nil {
		text = strings.ReplaceAll(text, strings.TrimPrefix(m.URL(), "https://"), "op.example.com")
	}
	return strings.ReplaceAll(text, "ML-DSA-44, ML-DSA-65, ML-DSA-87, ", "") // with Go 1.27
}

// start starts the server, with the client that addClient registers.
func (m *mishap) start(opts oauthtest.Options) {
	m.Helper()
	opts.Now = m.now
	m.Server = newServer(m.T, &opts)
}

// client is the one that addClient registers, of a server that is started if there is none.
func (m *mishap) client(edit func(*oauth.Config)) *oauth.Client {
	m.Helper()
	client, err := oauth.NewClient(m.config(edit))
	if err != nil {
		m.Fatal(err)
	}
	return client
}

func (m *mishap) config(edit func(*oauth.Config)) oauth.Config {
	m.Helper()
	if m.Server == nil {
		m.start(oauthtest.Options{})
	}
	cfg := config(m.T, m.Server, nil)
	cfg.Clock.Now = m.now
	if edit != nil {
		edit(&cfg)
	}
	return cfg
}

// discover asks for the metadata of an issuer.
func (m *mishap) discover(issuer string, client *http.Client) error {
	_, err := oauth.Discover(m.Context(), issuer, &oauth.DiscoverOptions{HTTPClient: client})
	return err
}

// login is one that fails.
func (m *mishap) login(client *oauth.Client, edit func(*oauth.AuthorizationRequest)) error {
	m.Helper()
	_, err := try(m.T, m.Server, client, edit)
	return err
}

// inMemory is a client of a server that is called and not connected to.
func inMemory(serve http.HandlerFunc) *http.Client {
	return &http.Client{Transport: called(serve)}
}

type called http.HandlerFunc

func (serve called) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	serve(w, r)
	res := w.Result()
	res.Request = r
	return res, nil
}

// written is a server that always says the same.
func written(status int, mediaType, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		for pair := range slices.Chunk(header, 2) {
			w.Header().Set(pair[0], pair[1])
		}
		w.WriteHeader(status)
		w.Write([]byte(body))
	}
}
