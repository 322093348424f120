package proxies

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// A proxy is one of the page, with how its configuration is made one for a test.
type proxy struct {
	name, language string
	edit           func(w *world, text string) string
	command        func(w *world) []string
	certificate    func(http.Header) (*x509.Certificate, error)
	forged         string // a value that a client writes into the field
}

var proxies = []proxy{
	{"nginx", "nginx", nginx(""), nginxCommand, escapedCert, ""},
	{"nginx, `proxy_pass …/`", "nginx", nginx("/"), nginxCommand, escapedCert, ""},
	{"HAProxy", "haproxy", func(w *world, text string) string {
		return "global\n    tune.ssl.default-dh-param 2048\ndefaults\n    timeout connect 5s\n    timeout client 30s\n    timeout server 30s\n" + text
	}, func(w *world) []string { return []string{"haproxy", "-db", "-f", w.config} }, clientCert, ""},
	{"Caddy", "caddyfile", func(w *world, text string) string {
		return "{\n\tadmin off\n\tauto_https off\n}\n" + strings.Replace(text, "https://api.example.com", w.origin, 1)
	}, func(w *world) []string {
		return []string{"caddy", "run", "--adapter", "caddyfile", "--config", w.config}
	}, clientCert, ""},
}

func nginx(slash string) func(*world, string) string {
	return func(w *world, text string) string {
		text = regexp.MustCompile(`(proxy_pass +[^;]+);`).ReplaceAllString(text, "${1}"+slash+";")
		return "daemon off;\nmaster_process off;\nerror_log " + w.dir + "/error.log;\npid " + w.dir + "/pid;\nevents {}\nhttp {\naccess_log off;\nclient_body_temp_path " + w.dir +
			";\nproxy_temp_path " + w.dir + ";\nfastcgi_temp_path " + w.dir + ";\nuwsgi_temp_path " + w.dir + ";\nscgi_temp_path " + w.dir + ";\n" + text + "\n}\n"
	}
}

func nginxCommand(w *world) []string {
	return []string{"nginx", "-e", w.dir + "/error.log", "-c", w.config}
}

// page is docs/proxies.md.
func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/proxies.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// block is the code of the page in a language.
func block(t *testing.T, language string) string {
	t.Helper()
	_, text, found := strings.Cut(page(t), "```"+language+"\n")
	text, _, closed := strings.Cut(text, "```")
	if !found || !closed {
		t.Fatalf("the page has no %s", language)
	}
	return text
}

// A world has a server, an API, and a proxy in front of it.
type world struct {
	srv               *oauthtest.Server
	origin            string // of the proxy
	port, dir, config string
	behind            *httptest.Server
	roots             *x509.CertPool
	refused           chan error
}

func newWorld(t *testing.T, p proxy) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), refused: make(chan error, 100)}
	w.config = filepath.Join(w.dir, "config")
	command := p.command(w)
	binary, err := exec.LookPath(command[0])
	if err != nil {
		t.Skipf("%s is not on this machine", command[0])
	}
	w.srv = oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}, JWTAccessTokens: true})
	t.Cleanup(w.srv.Close)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.port = fmt.Sprint(ln.Addr().(*net.TCPAddr).Port)
	w.origin = "https://localhost:" + w.port // by name: Caddy compares Host with the name of the handshake
	ln.Close()
	w.serve(t, p)
	text := w.writeFiles(t, block(t, p.language))
	if err := os.WriteFile(w.config, []byte(p.edit(w, text)), 0o600); err != nil {
		t.Fatal(err)
	}
	var printed bytes.Buffer
	cmd := exec.Command(binary, command[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = &printed, &printed, w.dir
	cmd.WaitDelay = 5 * time.Second
	cmd.Env = append(os.Environ(), "HOME="+w.dir, "XDG_DATA_HOME="+w.dir, "XDG_CONFIG_HOME="+w.dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() { cmd.Process.Kill(); <-ended })
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", "127.0.0.1:"+w.port)
		if err == nil {
			conn.Close()
			return w
		}
		select {
		case <-ended:
			t.Fatalf("%s has ended: %s", command[0], printed.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not listen: %v", command[0], err)
		}
	}
}

// serve starts the API, whose ResourceServer is that of the page but for its addresses.
func (w *world) serve(t *testing.T, p proxy) {
	t.Helper()
	as, err := oauth.Discover(t.Context(), w.srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: w.srv.Client()})
	if err != nil {
		t.Fatal(err)
	}
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource: w.origin, Servers: []oauth.TrustedServer{{Server: as}}, HTTPClient: w.srv.Client(),
		ClientCertificate: func(r *http.Request) (*x509.Certificate, error) {
			if r.Header.Get("X-Past-The-Proxy") != "" { // stands for another address: all are of loopback here
				return nil, errors.New("the request does not come from the proxy")
			}
			return p.certificate(r.Header)
		},
		Trace: &oauth.Trace{RequestRefused: func(_ context.Context, r oauth.RefusalInfo) {
			select {
			case w.refused <- r.Err:
			default:
			}
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	inner := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		token, _ := oauth.AccessTokenFromContext(r.Context())
		fmt.Fprint(rw, token.ClientID())
	})
	protected := rs.Require(oauth.Requirement{}, inner)
	// No http.ServeMux: it would redirect paths that it cleans.
	w.behind = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == rs.MetadataPath() {
			rs.MetadataHandler().ServeHTTP(rw, r)
			return
		}
		protected.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.behind.Close)
}

// writeFiles makes the certificate of the proxy, and has the configuration name it and the
// ports of the test.
func (w *world) writeFiles(t *testing.T, text string) string {
	t.Helper()
	cert := oauthtest.SelfSignedCertificate("localhost")
	pkcs8, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	w.roots = w.srv.RootCAs().Clone()
	w.roots.AddCert(cert.Leaf)
	for name, content := range map[string][]byte{"api.pem": certPEM, "api.key": keyPEM, "api-with-key.pem": append(certPEM, keyPEM...)} {
		if err := os.WriteFile(filepath.Join(w.dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return strings.NewReplacer("/etc/ssl/", w.dir+"/", "127.0.0.1:8080", strings.TrimPrefix(w.behind.URL, "http://"),
		"listen 443", "listen 127.0.0.1:"+w.port, "bind :443", "bind 127.0.0.1:"+w.port, "server_name api.example.com", "server_name localhost").Replace(text)
}

// transport speaks to the proxy, with a certificate or without. The names in the proxy's
// certificate do not matter here.
func (w *world) transport(t *testing.T, certs ...tls.Certificate) *http.Transport {
	cfg := &tls.Config{RootCAs: w.roots, InsecureSkipVerify: true}
	cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if len(certs) == 0 {
			return new(tls.Certificate), nil
		}
		return &certs[0], nil // whatever authorities the proxy names, as MutualTLS does
	}
	tr := &http.Transport{TLSClientConfig: cfg, ResponseHeaderTimeout: 20 * time.Second}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// token is one for the API, bound to a key or a certificate.
func (w *world) token(t *testing.T, cfg oauth.Config, registered oauthtest.Client) *oauth.Token {
	t.Helper()
	registered.Secret = "a secret that only the two know"
	w.srv.AddClient(registered)
	as, err := oauth.Discover(t.Context(), w.srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: w.srv.Client()})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Server, cfg.Metadata.ClientID, cfg.Auth = as, registered.ID, oauth.ClientSecretBasic(registered.Secret)
	if cfg.MTLS == nil {
		cfg.HTTPClient = w.srv.Client()
	}
	client, err := oauth.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	token, err := client.ClientCredentials(t.Context(), &oauth.GrantOptions{Resource: []string{w.origin}})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// call calls the API, and returns the status and why it was refused.
func (w *world) call(t *testing.T, tr http.RoundTripper, origin, target string, header http.Header) (int, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, origin+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.URL.Opaque = "//" + req.URL.Host + target // as it is
	req.Header = header
	for len(w.refused) > 0 {
		<-w.refused
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	select {
	case err := <-w.refused:
		return resp.StatusCode, err
	default:
		return resp.StatusCode, nil
	}
}

// proved is the header of a call with a token and a proof for a path.
func (w *world) proved(t *testing.T, d *oauth.DPoP, token *oauth.Token, path string) http.Header {
	t.Helper()
	u, err := url.Parse(w.origin + path)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := d.Proof(http.MethodGet, u, token.AccessToken.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	return http.Header{"Authorization": {"DPoP " + token.AccessToken.Reveal()}, "Dpop": {proof}}
}

func newDPoP(t *testing.T) *oauth.DPoP {
	t.Helper()
	key, err := oauth.GenerateSigningKey(oauth.ES256)
	if err != nil {
		t.Fatal(err)
	}
	d, err := oauth.NewDPoP(key, oauth.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestCertificate: a token that is bound to a certificate is good with it, through each
// proxy, and with nothing that a client writes into a field.
func TestCertificate(t *testing.T) {
	for _, p := range proxies {
		t.Run(p.name, func(t *testing.T) {
			w := newWorld(t, p)
			own, other := w.srv.NewCertificate("shop", time.Time{}), w.srv.NewCertificate("thief", time.Time{})
			token := w.token(t, oauth.Config{
				Metadata: oauth.ClientMetadata{UseMTLSEndpointAliases: true},
				MTLS:     &oauth.MutualTLS{Certificate: own, RootCAs: w.srv.RootCAs()},
			}, oauthtest.Client{ID: "shop", CertificateBound: true})
			escaped := url.PathEscape(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Certificate[0]})))
			for name, row := range map[string]struct {
				certs  []tls.Certificate
				header http.Header
				origin string
				want   int
			}{
				"its certificate": {[]tls.Certificate{own}, nil, w.origin, http.StatusOK},
				"another one":     {[]tls.Certificate{other}, nil, w.origin, http.StatusUnauthorized},
				"none":            {nil, nil, w.origin, http.StatusUnauthorized},
				"written by a thief": {[]tls.Certificate{other}, http.Header{
					"Client-Cert": {":" + base64.StdEncoding.EncodeToString(own.Certificate[0]) + ":"}, "X-Client-Cert": {escaped},
				}, w.origin, http.StatusUnauthorized},
				"written without a certificate": {nil, http.Header{
					"Client-Cert": {":" + base64.StdEncoding.EncodeToString(own.Certificate[0]) + ":"}, "X-Client-Cert": {escaped}, "X_Client_Cert": {escaped},
				}, w.origin, http.StatusUnauthorized},
				"past the proxy": {nil, http.Header{
					"Client-Cert": {":" + base64.StdEncoding.EncodeToString(own.Certificate[0]) + ":"}, "X-Client-Cert": {escaped}, "X-Past-The-Proxy": {"1"},
				}, w.behind.URL, http.StatusBadRequest},
			} {
				header := row.header.Clone()
				if header == nil {
					header = http.Header{}
				}
				header.Set("Authorization", "Bearer "+token.AccessToken.Reveal())
				if status, err := w.call(t, w.transport(t, row.certs...), row.origin, "/orders", header); status != row.want {
					t.Errorf("%s: %d %v", name, status, err)
				}
			}
		})
	}
}

// paths are those of the table of the page.
var paths = []string{"/v1/orders", "/v1/orders?year=2026", "/v1/a%2Fb", "/v1/%6Frders", "/v1/a%20b", "/v1//orders", "/v1/./orders", "/v1/x/../orders", "/v1/größe"}

// TestPaths: for which paths proofs are accepted is as the page says.
func TestPaths(t *testing.T) {
	columns := map[string][]string{}
	for _, p := range proxies {
		t.Run(p.name, func(t *testing.T) {
			w, d := newWorld(t, p), newDPoP(t)
			token := w.token(t, oauth.Config{DPoP: d}, oauthtest.Client{ID: "shop", RequireDPoP: true})
			tr := w.transport(t)
			for _, path := range paths {
				u, err := url.Parse(path)
				if err != nil {
					t.Fatal(err)
				}
				sent := u.EscapedPath()
				if u.RawQuery != "" {
					sent += "?" + u.RawQuery
				}
				status, refusal := w.call(t, tr, w.origin, sent, w.proved(t, d, token, u.EscapedPath()))
				cell := fmt.Sprint(status)
				if status == http.StatusOK {
					cell = "accepted"
				} else if status == http.StatusUnauthorized && !strings.Contains(fmt.Sprint(refusal), "htu") {
					t.Errorf("%s: %v", path, refusal)
				}
				columns[p.name] = append(columns[p.name], cell)
			}
		})
	}
	table := page(t)[strings.Index(page(t), "| path |"):]
	for i, path := range paths {
		row := "| `" + path + "` |"
		for _, p := range proxies {
			if columns[p.name] == nil {
				t.Skipf("%s is not on this machine: the table cannot be compared", p.name)
			}
			row += " " + columns[p.name][i] + " |"
		}
		if !strings.Contains(table, row+"\n") {
			t.Errorf("the page lacks\n%s", row)
		}
	}
}

// TestForwarded: the fields as proxies and attackers write them.
func TestForwarded(t *testing.T) {
	der := oauthtest.SelfSignedCertificate("client").Certificate[0]
	good, text := ":"+base64.StdEncoding.EncodeToString(der)+":", url.PathEscape(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	for _, row := range []struct {
		read   func(http.Header) (*x509.Certificate, error)
		field  string
		values []string
		want   string
	}{
		{clientCert, "Client-Cert", []string{good}, "certificate"},
		{clientCert, "Client-Cert", nil, "none"},
		{clientCert, "Client-Cert", []string{""}, "none"},
		{clientCert, "Client-Cert", []string{"::"}, "none"},
		{clientCert, "Client-Cert", []string{good, good}, "error"},
		{clientCert, "Client-Cert", []string{good + ", " + good}, "error"},
		{clientCert, "Client-Cert", []string{":"}, "error"},
		{clientCert, "Client-Cert", []string{strings.Trim(good, ":")}, "error"},
		{clientCert, "Client-Cert", []string{":AAAA:"}, "error"},
		{escapedCert, "X-Client-Cert", []string{text}, "certificate"},
		{escapedCert, "X-Client-Cert", nil, "none"},
		{escapedCert, "X-Client-Cert", []string{""}, "none"},
		{escapedCert, "X-Client-Cert", []string{text, text}, "error"},
		{escapedCert, "X-Client-Cert", []string{text + text}, "error"},
		{escapedCert, "X-Client-Cert", []string{"%zz"}, "error"},
		{escapedCert, "X-Client-Cert", []string{strings.Replace(text, "CERTIFICATE", "PRIVATE%20KEY", 2)}, "error"},
	} {
		got, err := row.read(http.Header{row.field: row.values})
		kind := "none"
		if err != nil {
			kind = "error"
		} else if got != nil {
			kind = "certificate"
		}
		if kind != row.want {
			t.Errorf("%.40q: %s, %v; want %s", row.values, kind, err, row.want)
		}
	}
}

// TestCode: the Go of the page is that of this package.
func TestCode(t *testing.T) {
	source, err := os.ReadFile("certificate.go")
	if err != nil {
		t.Fatal(err)
	}
	squeeze := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(page(t), -1)
	for _, b := range blocks {
		if !strings.Contains(squeeze(string(source)), squeeze(b[1])) {
			t.Errorf("not in certificate.go:\n%s", b[1])
		}
	}
	lines := bufio.NewScanner(strings.NewReader(page(t)))
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "```") && len(lines.Text()) > 3 && !regexp.MustCompile("^```(go|nginx|haproxy|caddyfile|yaml)$").MatchString(lines.Text()) {
			t.Errorf("%s is not tested", lines.Text())
		}
	}
	if len(blocks) != 3 {
		t.Errorf("%d blocks of Go", len(blocks))
	}
}
