package demo

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"example.com/oauth/oauthtest"
)

// A Stage is where a program is shown.
type Stage struct {
	Server  *oauthtest.Server
	Browser *oauthtest.Browser // of the user, at the server

	program, command string
	dir              string // for files
	settings         map[string]string
	screen           screen

	mu        sync.Mutex
	endpoints map[string]string // those of the server that are intercepted
}

// newStage starts a server with a client whose settings the program gets.
func newStage(program, command string, out io.Writer) (*Stage, error) {
	return newStageWith(optionsOf(program), program, command, out)
}

func newStageWith(o *oauthtest.Options, program, command string, out io.Writer) (*Stage, error) {
	dir, err := os.MkdirTemp("", "oauth-example-")
	if err != nil {
		return nil, err
	}
	s := &Stage{program: program, command: command, dir: dir, endpoints: make(map[string]string)}
	o.EditMetadata = s.editMetadata
	srv := oauthtest.NewServer(o)
	s.Server, s.Browser = srv, srv.NewBrowser()
	s.screen.server, s.screen.out, s.screen.changed = srv, out, make(chan struct{})
	s.settings = map[string]string{
		"OAUTH_ISSUER":        srv.Issuer(),
		"OAUTH_CA":            filepath.Join(dir, "ca.pem"),
		"OAUTH_CLIENT_ID":     program + "-example",
		"OAUTH_CLIENT_SECRET": rand.Text(),
	}
	if err := s.trustServer(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close ends the server. The programs have ended before.
func (s *Stage) Close() error {
	s.Server.Close()
	return os.RemoveAll(s.dir)
}

// Play shows the program.
func (s *Stage) Play(ctx context.Context) error {
	s.Step("server: listens at %s", s.Server.Issuer())
	return shows[s.program].play(ctx, s)
}

// Step prints what somebody does.
func (s *Stage) Step(format string, args ...any) {
	fmt.Fprintf(&s.screen, format+"\n", args...)
}

func (s *Stage) editMetadata(m map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, place := range s.endpoints {
		m[name] = place
	}
}

// intercept puts a proxy before an endpoint of the server, until stop is called. It
// sees the body of each answer, and returns the one that the program gets.
func (s *Stage) intercept(endpoint, path string, see func(body []byte) []byte) (stop func(), err error) {
	target, err := url.Parse(s.Server.URL())
	if err != nil {
		return nil, err
	}
	proxy := httptest.NewTLSServer(&httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: s.Server.Client().Transport,
		ModifyResponse: func(resp *http.Response) error {
			body, err := io.ReadAll(resp.Body)
			body = see(body)
			resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			resp.Header.Del("Content-Length")
			return err
		},
	})
	s.mu.Lock()
	s.endpoints[endpoint] = proxy.URL + path
	s.mu.Unlock()
	return proxy.Close, s.trust(proxy.Certificate().Raw)
}

// trust lets the program trust an authority.
func (s *Stage) trust(der []byte) error {
	f, err := os.OpenFile(s.settings["OAUTH_CA"], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(pem.Encode(f, &pem.Block{Type: "CERTIFICATE", Bytes: der}), f.Close())
}

// trustServer finds the root of the server's certificate.
func (s *Stage) trustServer() error {
	host := strings.TrimPrefix(s.Server.URL(), "https://")
	conn, err := tls.Dial("tcp", host, &tls.Config{RootCAs: s.Server.RootCAs()})
	if err != nil {
		return err
	}
	defer conn.Close()
	chain := conn.ConnectionState().VerifiedChains[0]
	return s.trust(chain[len(chain)-1].Raw)
}

// register makes the program a client of the server.
func (s *Stage) register(c oauthtest.Client) {
	c.ID = s.settings["OAUTH_CLIENT_ID"]
	if c.AuthMethod == "" {
		c.Secret = s.settings["OAUTH_CLIENT_SECRET"]
	}
	s.Server.AddClient(c)
}

// listen has the program listen at an address that is free.
func (s *Stage) listen() (origin string, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s.settings["OAUTH_LISTEN"] = ln.Addr().String()
	return "http://" + ln.Addr().String(), ln.Close()
}

// A process is a program that runs.
type process struct {
	stage *Stage
	cmd   *exec.Cmd
	from  int // where the screen was before
	end   context.CancelFunc
	done  chan struct{} // closed when the process has ended
	err   error         // then
}

// start runs the program with the settings, and waits until it listens, if it does.
func (s *Stage) start(ctx context.Context) (*process, error) {
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, s.command)
	for _, setting := range os.Environ() {
		if !strings.HasPrefix(setting, "OAUTH_") {
			cmd.Env = append(cmd.Env, setting)
		}
	}
	for name, value := range s.settings {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Stdout, cmd.Stderr = &s.screen, &s.screen
	before, _ := s.screen.read()
	p := &process{stage: s, cmd: cmd, from: len(before), end: cancel, done: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, err
	}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	if addr := s.settings["OAUTH_LISTEN"]; addr != "" {
		return p, p.untilListens(addr)
	}
	return p, nil
}

func (p *process) untilListens(addr string) error {
	for {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.done:
			return p.failed()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// failed is the error of a program that has ended too soon.
func (p *process) failed() error {
	return fmt.Errorf("the program has ended too soon: %w", cmp.Or(p.err, io.ErrUnexpectedEOF))
}

// stop ends a program that does not end by itself.
func (p *process) stop() {
	p.end()
	<-p.done
}

// wait waits for the end of a program that ends by itself.
func (p *process) wait() error {
	<-p.done
	return p.err
}

// await waits until the program prints a line, and returns the parts of it.
func (p *process) await(line string) ([]string, error) {
	re := regexp.MustCompile(`(?m)^` + line + `\n`)
	for ended := false; ; {
		text, changed := p.stage.screen.read()
		if parts := re.FindStringSubmatch(text[p.from:]); parts != nil {
			return parts, nil
		}
		if ended {
			return nil, p.failed()
		}
		select {
		case <-changed:
		case <-p.done:
			ended = true // and has printed all
		}
	}
}

// A screen shows what is printed, and the requests to the server before it.
type screen struct {
	server *oauthtest.Server
	out    io.Writer

	mu      sync.Mutex
	text    bytes.Buffer
	seen    int           // requests
	changed chan struct{} // closed with the next text
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b bytes.Buffer
	for _, r := range s.server.Requests()[s.seen:] {
		s.seen++
		fmt.Fprintf(&b, "server: %s %s\n", r.Method, r.Path)
	}
	b.Write(p)
	s.text.Write(b.Bytes())
	close(s.changed)
	s.changed = make(chan struct{})
	_, err := s.out.Write(b.Bytes())
	return len(p), err
}

func (s *screen) read() (text string, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String(), s.changed
}

// fetch sends a request and returns the body of the response.
func fetch(c *http.Client, req *http.Request, err error) (*http.Response, string, error) {
	if err != nil {
		return nil, "", err
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}
