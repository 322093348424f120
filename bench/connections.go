package main

import (
	"bufio"
	"encoding/json"
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
	"sync"
	"sync/atomic"
	"time"
)

// This file has the table of connections and round trips of a login. A login program
// speaks TLS with an issuer on loopback, through a proxy that makes the way long.

const (
	roundTrip = 40 * time.Millisecond // that the proxy simulates
	idleFor   = 35 * time.Second      // before the third login
)

// A farProxy passes bytes on after half a round trip. It does not look into them.
type farProxy struct {
	listener    net.Listener
	target      string
	connections atomic.Int64
	turns       atomic.Int64 // times that the server answered after the client had spoken
}

func newFarProxy(target string) *farProxy {
	p := &farProxy{listener: must(net.Listen("tcp", "127.0.0.1:0")), target: target}
	go func() {
		for {
			client, err := p.listener.Accept()
			if err != nil {
				return
			}
			p.connections.Add(1)
			go p.serve(client)
		}
	}()
	return p
}

// serve joins a connection with one to the target. The first bytes wait for one more
// round trip: that of the TCP handshake, which loopback makes at once.
func (p *farProxy) serve(client net.Conn) {
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		client.Close()
		return
	}
	var clientSpoke atomic.Bool
	var both sync.WaitGroup
	both.Go(func() { pass(server, client, roundTrip, func() { clientSpoke.Store(true) }) })
	both.Go(func() {
		pass(client, server, 0, func() {
			if clientSpoke.Swap(false) {
				p.turns.Add(1)
			}
		})
	})
	both.Wait()
}

// pass copies bytes, each of which arrives half a round trip after it was sent.
func pass(to, from net.Conn, first time.Duration, seen func()) {
	type chunk struct {
		bytes []byte
		due   time.Time
	}
	way := make(chan chunk, 1024)
	go func() {
		defer close(way)
		opened := time.Now()
		for {
			buffer := make([]byte, 16<<10)
			n, err := from.Read(buffer)
			if n > 0 {
				seen()
				due := time.Now().Add(roundTrip / 2)
				if earliest := opened.Add(first + roundTrip/2); due.Before(earliest) {
					due = earliest
				}
				way <- chunk{buffer[:n], due}
			}
			if err != nil {
				return
			}
		}
	}()
	for c := range way {
		time.Sleep(time.Until(c.due))
		if _, err := to.Write(c.bytes); err != nil {
			break
		}
	}
	to.Close()
	for range way { // until the reader has ended
	}
}

// A farIssuer is an issuer behind a proxy.
type farIssuer struct {
	key    *key
	server *httptest.Server
	proxy  *farProxy
	url    string
	nonces sync.Map // by code
}

func newFarIssuer() *farIssuer {
	f := &farIssuer{key: newKey("RS256", "signing-key-2026")}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		answer(w, map[string]any{
			"issuer": f.url, "authorization_endpoint": f.url + "/authorize", "token_endpoint": f.url + "/token", "jwks_uri": f.url + "/jwks",
			"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
			"id_token_signing_alg_values_supported": []string{"RS256"}, "code_challenge_methods_supported": []string{"S256"},
		})
	})
	jwks := json.RawMessage(keySet(2, f.key))
	mux.HandleFunc("GET /jwks", func(w http.ResponseWriter, r *http.Request) { answer(w, jwks) })
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		n, found := f.nonces.LoadAndDelete(r.FormValue("code"))
		if id, secret, _ := r.BasicAuth(); !found || id != clientID || secret != "secret" {
			http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
			return
		}
		answer(w, map[string]any{
			"access_token": "access-token-of-the-bench", "token_type": "Bearer", "expires_in": 3600,
			"id_token": f.key.idToken(map[string]any{"iss": f.url, "nonce": n}),
		})
	})
	f.server = httptest.NewUnstartedServer(mux)
	f.server.EnableHTTP2 = true
	f.server.StartTLS()
	f.proxy = newFarProxy(f.server.Listener.Addr().String())
	f.url = "https://" + f.proxy.listener.Addr().String()
	return f
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

func (f *farIssuer) close() {
	f.proxy.listener.Close()
	f.server.CloseClientConnections()
	f.server.Close()
}

// A journey is what a program did in one phase.
type journey struct {
	trips              float64 // its time in round trips
	turns, connections int64
}

// measured counts what happens at the proxy during f.
func (f *farIssuer) measured(call func()) journey {
	turns, connections, start := f.proxy.turns.Load(), f.proxy.connections.Load(), time.Now()
	call()
	return journey{float64(time.Since(start)) / float64(roundTrip), f.proxy.turns.Load() - turns, f.proxy.connections.Load() - connections}
}

// login is the browser: it asks the program for a login, is logged in at once, and
// returns with a code. None of its requests goes through the proxy.
func (f *farIssuer) login(program string) error {
	browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := browser.Get("http://" + program + "/login")
	if err != nil {
		return err
	}
	response.Body.Close()
	authorize, err := response.Location()
	if err != nil {
		return err
	}
	query := authorize.Query()
	code := "code-" + query.Get("state")
	f.nonces.Store(code, query.Get("nonce"))
	response, err = browser.Get(query.Get("redirect_uri") + "?" + url.Values{"code": {code}, "state": {query.Get("state")}}.Encode())
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && string(text) != subject {
		err = fmt.Errorf("the program answers %q", text)
	}
	return err
}

// run starts a program and logs in three times.
func (f *farIssuer) run(path, roots string) (journeys [4]journey, err error) {
	cmd := exec.Command(path, f.url, clientID, "secret")
	cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+roots, "SSL_CERT_DIR="+filepath.Dir(roots), "NO_PROXY=*")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return journeys, err
	}
	if err := cmd.Start(); err != nil {
		return journeys, err
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		return journeys, errors.New("the program does not start")
	}
	journeys[0] = f.measured(func() { lines.Scan() })
	address := lines.Text()
	for i := 1; i < len(journeys); i++ {
		if i == 3 {
			time.Sleep(idleFor)
		}
		journeys[i] = f.measured(func() { err = errors.Join(err, f.login(address)) })
	}
	return journeys, err
}

func (b *bench) connections() {
	dir := must(os.MkdirTemp("", "bench"))
	defer os.RemoveAll(dir)
	names := []string{"login-oauth", "login-go-oidc"}
	rows := make([][4]journey, len(names))
	errs := make([]error, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		path, _ := build(dir, name)
		f := newFarIssuer()
		defer f.close()
		roots := filepath.Join(dir, name+".pem")
		check(os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.server.Certificate().Raw}), 0o600))
		all.Go(func() { rows[i], errs[i] = f.run(path, roots) })
	}
	all.Wait()
	check(errors.Join(errs...))
	t := newTable("A login over TLS, with a round trip of 40 ms: round trips, and new connections",
		"Round trips are the time in units of 40 ms, and in brackets the times that the server answered. A connection costs one for TCP, which is in the time.",
		"", "discovery", "first login", "second", fmt.Sprintf("third, %s later", idleFor))
	for i, name := range []string{"ours", "go-oidc and x/oauth2"} {
		cells := []string{name}
		for _, j := range rows[i] {
			cells = append(cells, fmt.Sprintf("%.1f (%d), %d", j.trips, j.turns, j.connections))
		}
		t.add(cells...)
	}
	t.print(b.out)
}
