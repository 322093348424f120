package demo

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// A Stage is where a program is shown. Its methods end the play if something fails.
type Stage struct {
	Server  *oauthtest.Server
	Browser *oauthtest.Browser // of the user, at the server

	ctx              context.Context
	program, command string
	dir              string // for files
	settings         map[string]string
	key              *ecdsa.PrivateKey
	origin           string // of the program, if it listens
	screen           screen
	closers          []func()
}

// newStage starts a server and registers a program, of which command is the file. edit,
// if not nil, changes the options of the server.
func newStage(ctx context.Context, program, command string, out io.Writer, edit func(*oauthtest.Options)) *Stage {
	o := plays[program].options
	o.SigningAlgs, o.PollInterval = []string{"ES256"}, time.Second // the fastest
	if edit != nil {
		edit(&o)
	}
	srv, dir := oauthtest.NewServer(&o), must(os.MkdirTemp("", "oauth-example-"))
	s := &Stage{Server: srv, Browser: srv.NewBrowser(), ctx: ctx, program: program, command: command, dir: dir}
	s.closers = []func(){func() { os.RemoveAll(dir) }, srv.Close}
	s.screen.server, s.screen.out = srv, out
	s.settings = map[string]string{
		"OAUTH_ISSUER":               srv.Issuer(),
		"OAUTH_CA":                   filepath.Join(dir, "ca.pem"),
		"OAUTH_CLIENT_ID":            program + "-example",
		"OAUTH_CLIENT_SECRET":        rand.Text(),
		"OAUTH_KEY":                  filepath.Join(dir, "key.pem"),
		"OAUTH_KEY_ALG":              "ES256",
		"OAUTH_API":                  srv.URL() + "/resource",
		"OAUTH_SCOPE":                "orders",
		"OAUTH_TOKEN_FILE":           filepath.Join(dir, "token"),
		"OAUTH_REGISTRATION_FILE":    filepath.Join(dir, "registration"),
		"OAUTH_INITIAL_ACCESS_TOKEN": initialToken,
		"OAUTH_LOGIN_HINT":           "alice",
	}
	conn := must(tls.Dial("tcp", strings.TrimPrefix(srv.URL(), "https://"), &tls.Config{RootCAs: srv.RootCAs()}))
	defer conn.Close()
	chain := conn.ConnectionState().VerifiedChains[0]
	s.trust(chain[len(chain)-1].Raw)
	s.key = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(s.key))})
	check(os.WriteFile(s.settings["OAUTH_KEY"], text, 0o600))
	if plays[program].listens {
		s.listen()
	}
	s.register(plays[program].client)
	return s
}

// register makes the program a client of the server.
func (s *Stage) register(c oauthtest.Client) {
	c.ID = s.settings["OAUTH_CLIENT_ID"]
	switch c.AuthMethod {
	case "":
		c.Secret = s.settings["OAUTH_CLIENT_SECRET"]
	case "private_key_jwt":
		c.JWKS = fmt.Appendf(nil, `{"keys":[%s]}`, must(oauth.NewSigningKey(s.key, oauth.ES256, "")).PublicJWK())
	}
	if s.origin != "" {
		c.RedirectURIs = []string{s.origin + "/auth/callback", s.origin + "/auth/callback/op"}
		c.PostLogoutRedirectURIs = []string{s.origin + "/"}
		c.BackchannelLogoutURI = s.origin + "/auth/backchannel-logout/op"
	}
	s.Server.AddClient(c)
}

// listen has the program listen at an address that is free, behind a proxy that ends
// TLS and serves what is below /v1 from its root.
func (s *Stage) listen() {
	addr := freeAddress()
	s.origin = "http://" + addr
	program := must(url.Parse(s.origin))
	proxy := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Path, r.Out.URL.RawPath = strings.TrimPrefix(r.In.URL.Path, "/v1"), ""
		r.Out.Header.Del("Client-Cert")
		r.SetURL(program)
	}})
	s.closers = append(s.closers, proxy.Close)
	s.trust(proxy.Certificate().Raw)
	s.settings["OAUTH_LISTEN"] = addr
	s.settings["OAUTH_APP"] = s.origin
	s.settings["OAUTH_RESOURCE"], s.settings["OAUTH_PROXY"] = proxy.URL+cmp.Or(plays[s.program].path, "/v1/orders"), "127.0.0.1"
}

// given are the addresses that freeAddress has returned.
var given sync.Map

// freeAddress returns an address that is free, and is given to nobody else before the
// program listens there: the system chooses ports from 32768 on by itself.
func freeAddress() string {
	for {
		addr := fmt.Sprintf("127.0.0.1:%d", 10000+mathrand.IntN(20000))
		if _, twice := given.LoadOrStore(addr, true); twice {
			continue
		}
		if ln, err := net.Listen("tcp", addr); err == nil {
			ln.Close()
			return addr
		}
	}
}

// Close ends the programs and the server.
func (s *Stage) Close() {
	for _, c := range slices.Backward(s.closers) {
		c()
	}
}

// Play shows the program.
func (s *Stage) Play() {
	defer s.screen.Write(nil) // the requests that came last
	s.Step("server: listens at %s", s.Server.Issuer())
	p, play := s.start(), plays[s.program]
	defer p.stop() // and all that it has printed is there
	if play.act != nil {
		play.act(s, p)
	}
	if !play.listens {
		check(p.wait())
	}
}

// Serve has the program and the server run for a person with a browser, until that person
// ends it.
func (s *Stage) Serve() {
	p := s.start()
	defer p.stop()
	s.Step("Open %s in a browser, and log in as alice. Ctrl-C ends it.", s.origin)
	s.Step("The certificate of the server, %s, is made for this run: the browser will warn of it.", s.Server.Issuer())
	<-s.ctx.Done()
}

// Step prints what somebody does.
func (s *Stage) Step(format string, args ...any) {
	fmt.Fprintf(&s.screen, format+"\n", args...)
}

// trust lets the program trust an authority.
func (s *Stage) trust(der []byte) {
	f := must(os.OpenFile(s.settings["OAUTH_CA"], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600))
	defer f.Close()
	check(pem.Encode(f, &pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// A process is a program that runs.
type process struct {
	stage *Stage
	cmd   *exec.Cmd
	from  int           // where the screen was before, or the line that was awaited ended
	done  chan struct{} // closed when the process has ended
	err   error         // then
}

// start runs the program with the settings, and waits until it listens, if it does.
func (s *Stage) start() *process {
	p := &process{stage: s, cmd: exec.CommandContext(s.ctx, s.command), from: len(s.screen.read()), done: make(chan struct{})}
	p.cmd.Env = slices.DeleteFunc(os.Environ(), func(setting string) bool { return strings.HasPrefix(setting, "OAUTH_") })
	for name, value := range s.settings {
		p.cmd.Env = append(p.cmd.Env, name+"="+value)
	}
	p.cmd.Stdout, p.cmd.Stderr = &s.screen, &s.screen
	check(p.cmd.Start())
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	s.closers = append(s.closers, p.stop)
	if addr := s.settings["OAUTH_LISTEN"]; addr != "" {
		p.until(func() bool {
			conn, err := net.DialTimeout("tcp", addr, time.Second)
			return err == nil && conn.Close() == nil
		})
	}
	return p
}

// stop ends a program that does not end by itself.
func (p *process) stop() {
	p.cmd.Process.Kill()
	<-p.done
}

// wait waits for the end of a program that ends by itself.
func (p *process) wait() error {
	<-p.done
	return p.err
}

// until waits for something that the program does.
func (p *process) until(seen func() bool) {
	for !seen() {
		select {
		case <-p.done:
			if !seen() {
				check(fmt.Errorf("the program has ended too soon: %w", cmp.Or(p.err, io.ErrUnexpectedEOF)))
			}
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// await waits until the program prints a line, after the one that was awaited before, and
// returns the parts of it.
func (p *process) await(line string) (parts []string) {
	re := regexp.MustCompile(`(?m)^` + line + `\n`)
	p.until(func() bool {
		printed := p.stage.screen.read()[p.from:]
		at := re.FindStringIndex(printed)
		if at == nil {
			return false
		}
		parts = re.FindStringSubmatch(printed[at[0]:at[1]])
		p.from += at[1]
		return true
	})
	return parts
}

// A screen shows what is printed, and the requests to the server before it.
type screen struct {
	server *oauthtest.Server
	out    io.Writer

	mu   sync.Mutex
	text bytes.Buffer
	seen int // requests
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := s.text.Len()
	for _, r := range s.server.Requests()[s.seen:] {
		s.seen++
		fmt.Fprintf(&s.text, "server: %s %s\n", r.Method, r.Path)
	}
	s.text.Write(p)
	_, err := s.out.Write(s.text.Bytes()[from:])
	return len(p), err
}

func (s *screen) read() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}
