package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
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
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

const testSecret = "a secret that only the two know"

func TestDemo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		ping  bool
		steps []string
	}{
		{"poll", false, []string{
			"desk: discovery found $ISSUER\n",
			"desk: POST $ISSUER/bc-authorize: status 200\n",
			`desk: has the phone of "alice" asked; the agent reads out `,
			"phone: shows ",
			"desk: POST $ISSUER/token: status 200\n",
			"desk: the customer has confirmed; the ID token is verified\n\n",
			"\nemail: \"alice@example.com\"\n",
			"\nsub: \"alice\"\n",
		}},
		{"ping", true, []string{
			"desk: discovery found $ISSUER\n",
			"desk: takes notifications at http://127.0.0.1:",
			"desk: POST $ISSUER/bc-authorize: status 200\n",
			`desk: has the phone of "alice" asked; the agent reads out `,
			"phone: shows ",
			"desk: was notified that there is an answer\n",
			"server: notified the desk, which answered with status 204\n",
			"desk: POST $ISSUER/token: status 200\n",
			"desk: the customer has confirmed; the ID token is verified\n\n",
			"\nsub: \"alice\"\n",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := newServer()
			defer srv.Close()
			secrets := recordSecrets(srv)
			var out syncBuffer
			if err := demoCall(t.Context(), srv, tt.ping, &out); err != nil {
				t.Fatal(err)
			}
			rest := out.String()
			for _, step := range tt.steps {
				_, after, found := strings.Cut(rest, strings.TrimPrefix(strings.ReplaceAll(step, "$ISSUER", srv.Issuer()), "\n"))
				if !found {
					t.Fatalf("no %q, or not in its place:\n%s", step, out.String())
				}
				rest = after
			}
			_, read, _ := strings.Cut(out.String(), "the agent reads out ")
			read, _, _ = strings.Cut(read, "\n")
			if len(read) != 6 || strings.Count(out.String(), read) != 2 {
				t.Errorf("the phone shows something else than %q:\n%s", read, out.String())
			}
			secrets.wantNone(t, srv, out.String())
			if n := srv.Count("/token"); n != 1 {
				t.Errorf("%d token requests", n)
			}
		})
	}
}

// A recorder keeps what was secret in the answers to the program.
type recorder struct {
	*http.Transport
	mu      sync.Mutex
	secrets []string
}

func recordSecrets(srv *oauthtest.Server) *recorder {
	rec := &recorder{Transport: srv.Client().Transport.(*http.Transport)}
	srv.Client().Transport = rec
	return rec
}

func (rec *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := rec.Transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var answer map[string]any
	json.Unmarshal(body, &answer)
	rec.mu.Lock()
	defer rec.mu.Unlock()
	for _, name := range []string{"access_token", "id_token", "auth_req_id"} {
		if s, ok := answer[name].(string); ok {
			rec.secrets = append(rec.secrets, s)
		}
	}
	return resp, err
}

// wantNone wants no secret in what was printed.
func (rec *recorder) wantNone(t *testing.T, srv *oauthtest.Server, printed string) {
	t.Helper()
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if len(rec.secrets) != 3 {
		t.Errorf("%d secrets were in the answers", len(rec.secrets))
	}
	for _, r := range srv.Requests() {
		_, secret, _ := (&http.Request{Header: r.Header}).BasicAuth()
		for _, s := range []string{secret, r.Form.Get("client_notification_token")} {
			if s != "" {
				rec.secrets = append(rec.secrets, s)
			}
		}
	}
	for _, s := range rec.secrets {
		if strings.Contains(printed, s) {
			t.Errorf("the output has the secret %s:\n%s", s, printed)
		}
	}
}

// A server that does something wrong ends the call without a claim.
func TestMisbehavingServer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fault oauthtest.Fault
		ping  bool
		kind  error
		want  string
	}{
		{oauthtest.PollDenied, false, oauth.ErrRefused, "access_denied"},
		{oauthtest.PollDenied, true, oauth.ErrRefused, "access_denied"},
		{oauthtest.PollExpired, false, oauth.ErrExpired, "expired_token"},
		{oauthtest.PollExpired, true, oauth.ErrExpired, "expired_token"},
		{oauthtest.MissingAuthReqID, false, oauth.ErrResponse, "auth_req_id: is missing"},
		{oauthtest.MissingExpiresIn, true, oauth.ErrResponse, "expires_in: is missing"},
		{oauthtest.HugeInterval, false, oauth.ErrResponse, "interval"},
		{oauthtest.MissingIDToken, true, oauth.ErrResponse, "id_token"},
		{oauthtest.WrongSignature, true, oauth.ErrSignature, "signature"},
		{oauthtest.WrongAudience, true, oauth.ErrAudience, "aud"},
		{oauthtest.WrongIssuer, true, oauth.ErrIssuer, "iss"},
		{oauthtest.DiscoveryWrongIssuer, true, oauth.ErrIssuer, "issuer"},
	} {
		t.Run(fmt.Sprint(tt.fault, " ping ", tt.ping), func(t *testing.T) {
			t.Parallel()
			srv := newServer()
			defer srv.Close()
			srv.Fault(tt.fault)
			var out syncBuffer
			err := demoCall(t.Context(), srv, tt.ping, &out)
			if !errors.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want kind %v with %q", err, tt.kind, tt.want)
			}
			if strings.Contains(out.String(), "sub:") || strings.Contains(out.String(), "confirmed") {
				t.Errorf("output:\n%s", out.String())
			}
		})
	}
}

// newTestDesk is a desk with a client that is registered at the server for ping
// mode and notified at endpoint.
func newTestDesk(t *testing.T, endpoint string) (*desk, *oauthtest.Server, *syncBuffer) {
	t.Helper()
	srv := newServer()
	t.Cleanup(srv.Close)
	srv.AddClient(oauthtest.Client{ID: "desk", Secret: testSecret, DeliveryMode: "ping", NotificationEndpoint: endpoint})
	out := new(syncBuffer)
	d, err := newDesk(t.Context(), settings{
		issuer: srv.Issuer(), clientID: "desk", secret: testSecret, ping: true, httpClient: srv.Client(),
	}, out)
	if err != nil {
		t.Fatal(err)
	}
	return d, srv, out
}

// A notification that is not good is refused, and the desk asks by itself.
func TestBadNotification(t *testing.T) {
	t.Parallel()
	for fault, tt := range map[oauthtest.Fault]struct {
		status int
		want   string
	}{
		oauthtest.PingWrongToken: {http.StatusUnauthorized, "the bearer token is not the one"},
		oauthtest.PingWrongID:    {http.StatusUnauthorized, "auth_req_id: is not known"},
		oauthtest.PingMissingID:  {http.StatusBadRequest, "auth_req_id: is missing"},
	} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			d, srv, out := newTestDesk(t, "http://"+ln.Addr().String()+notificationPath)
			defer d.takeNotifications(ln).Close()
			d.patience = time.Millisecond
			srv.Fault(fault)
			d.asked = func(b *oauth.BackchannelAuthentication) error {
				status, err := srv.ApproveBackchannel(b.AuthReqID(), "")
				if status != tt.status {
					t.Errorf("status %d, want %d", status, tt.status)
				}
				return err
			}
			if err := d.serve(t.Context(), "alice"); err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"desk: refused a notification: ", tt.want, "desk: has waited long enough, and asks\n", "\nsub: \"alice\""} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q:\n%s", want, out.String())
				}
			}
		})
	}
}

// Of two notifications one has an effect; a third one with another token is
// refused before the request is taken.
func TestInbox(t *testing.T) {
	t.Parallel()
	var sent []*http.Request
	keep := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		again := httptest.NewRequest(r.Method, notificationPath, bytes.NewReader(body))
		again.Header = r.Header.Clone()
		again.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		sent = append(sent, again)
	}))
	defer keep.Close()
	d, srv, out := newTestDesk(t, keep.URL)
	b, err := d.client.StartBackchannelAuthentication(t.Context(), &oauth.BackchannelAuthenticationRequest{Scope: []string{"openid"}, LoginHint: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := srv.ApproveBackchannel(b.AuthReqID(), ""); err != nil {
		t.Fatal(err)
	}
	notify := func(header string) int {
		r := sent[0].Clone(t.Context())
		r.Body, _ = sent[0].GetBody()
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		w := httptest.NewRecorder()
		d.inbox.ServeHTTP(w, r)
		if (w.Code == http.StatusUnauthorized) != (w.Header().Get("WWW-Authenticate") == "Bearer") {
			t.Errorf("status %d with the header %v", w.Code, w.Header())
		}
		return w.Code
	}
	early := notify("")
	if err := d.inbox.expect(b); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(early, notify("Bearer x"), notify(""), notify(""), len(d.inbox.answered))
	if want := "401 401 204 401 1"; got != want {
		t.Errorf("%s, want %s:\n%s", got, want, out.String())
	}
	if answered := <-d.inbox.answered; answered == b || answered.AuthReqID() != b.AuthReqID() {
		t.Error("not the request that was kept")
	}

	d.inbox.waiting[b.AuthReqID()] = []byte("damaged")
	if code := notify(""); code != http.StatusInternalServerError || len(d.inbox.waiting) != 1 {
		t.Errorf("damaged: status %d", code)
	}
}

// Ctrl-C is the end of the context.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	d, srv, _ := newTestDesk(t, "http://127.0.0.1:1")
	ctx, cancel := context.WithCancel(t.Context())
	d.patience = time.Hour
	d.asked = func(*oauth.BackchannelAuthentication) error { cancel(); return nil }
	if err := d.serve(ctx, "alice"); !errors.Is(err, context.Canceled) || srv.Count("/token") != 0 {
		t.Error(err)
	}
}

func TestUnknownCustomer(t *testing.T) {
	t.Parallel()
	d, _, out := newTestDesk(t, "http://127.0.0.1:1")
	err := d.serve(t.Context(), "nobody")
	if !errors.Is(err, oauth.ErrRefused) || !strings.Contains(err.Error(), "unknown_user_id") || strings.Contains(out.String(), "agent") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestFlags(t *testing.T) {
	named := []string{"-issuer", "https://127.0.0.1:1", "-client-id", "desk", "-login-hint", "alice", "-client-secret", "x"}
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"no client":      {[]string{"-issuer", "https://127.0.0.1:1", "-login-hint", "alice", "-client-secret", "x"}, "required"},
		"no hint":        {[]string{"-issuer", "https://127.0.0.1:1", "-client-id", "desk", "-client-secret", "x"}, "required"},
		"no secret":      {named[:len(named)-2], "required"},
		"no issuer":      {named[2:4], "-client-id is for the server of -issuer"},
		"argument":       {append(named, "more"), "unexpected argument"},
		"no CA":          {append(named, "-ca", "no-such-file"), "no-such-file"},
		"CA is no PEM":   {append(named, "-ca", "main_test.go"), "no certificate"},
		"http issuer":    {append(named, "-issuer", "http://127.0.0.1:1"), "use https"},
		"nobody listens": {named, "refused"},
	} {
		if err := run(t.Context(), tt.args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Setenv("OAUTH_CLIENT_SECRET", testSecret)
	var usage bytes.Buffer
	if err := run(t.Context(), []string{"-h"}, io.Discard, &usage); err == nil || strings.Contains(usage.String(), testSecret) {
		t.Errorf("-h: %v\n%s", err, usage.String())
	}
	if s, err := parseFlags(named[:len(named)-2], io.Discard); err != nil || s.secret != testSecret {
		t.Errorf("the secret of the environment is not used: %v", err)
	}
}

func TestRunWithoutIssuer(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"-ping"}} {
		var out syncBuffer
		start := time.Now()
		if err := run(t.Context(), args, &out, io.Discard); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "\nsub: \"alice\"\n") || strings.Contains(out.String(), "notified") != (args != nil) {
			t.Errorf("%v:\n%s", args, out.String())
		}
		t.Logf("%v took %v", args, time.Since(start))
	}
}

// TestServer drives the program as a user would start it. The server approves by
// itself, at the second question.
func TestServer(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{false, true} {
		t.Run(fmt.Sprint("plain ", plain), func(t *testing.T) {
			t.Parallel()
			srv := oauthtest.NewServer(&oauthtest.Options{
				Plain: plain, SigningAlgs: []string{"ES256"}, PollInterval: time.Second, PendingAnswers: 1,
			})
			defer srv.Close()
			srv.AddUser(oauthtest.User{Subject: "bob"})
			srv.AddClient(oauthtest.Client{ID: "desk", Secret: testSecret})
			args := []string{"-issuer", srv.Issuer(), "-client-id", "desk", "-client-secret", testSecret, "-login-hint", "bob", "-http"}
			if !plain {
				args = append(args[:len(args)-1], "-ca", caFile(t, srv))
			}
			var out syncBuffer
			if err := run(t.Context(), args, &out, io.Discard); err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(out.String(), "\nsub: \"bob\"\n") || strings.Contains(out.String(), testSecret) || srv.Count("/token") != 2 {
				t.Errorf("output:\n%s", out.String())
			}
		})
	}
}

// TestServerPing does the same in ping mode. What the server answers goes through
// a proxy, where the customer's phone finds out what to approve.
func TestServerPing(t *testing.T) {
	t.Parallel()
	var proxy *httptest.Server
	srv := oauthtest.NewServer(&oauthtest.Options{Plain: true, SigningAlgs: []string{"ES256"}, EditMetadata: func(m map[string]any) {
		m["backchannel_authentication_endpoint"] = proxy.URL + "/bc-authorize"
	}})
	defer srv.Close()
	target, err := url.Parse(srv.URL())
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan string, 1)
	reverse := httputil.NewSingleHostReverseProxy(target)
	reverse.ModifyResponse = func(resp *http.Response) error {
		var answer map[string]any
		body, err := io.ReadAll(resp.Body)
		resp.Body = io.NopCloser(bytes.NewReader(body))
		json.Unmarshal(body, &answer)
		id, _ := answer["auth_req_id"].(string)
		asked <- id
		return err
	}
	proxy = httptest.NewServer(reverse)
	defer proxy.Close()

	out := new(syncBuffer)
	approved := make(chan error, 1)
	screen := writerFunc(func(p []byte) {
		if _, at, ok := strings.Cut(string(p), "desk: takes notifications at "); ok {
			srv.AddClient(oauthtest.Client{ID: "desk", Secret: testSecret, DeliveryMode: "ping", NotificationEndpoint: strings.TrimSpace(at)})
		}
		if strings.Contains(string(p), "the agent reads out") {
			go func() {
				_, err := srv.ApproveBackchannel(<-asked, "")
				approved <- err
			}()
		}
		out.Write(p)
	})
	args := []string{"-issuer", srv.Issuer(), "-client-id", "desk", "-client-secret", testSecret, "-login-hint", "alice", "-http", "-ping", "-listen", "127.0.0.1:0"}
	if err := run(t.Context(), args, screen, io.Discard); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if err := <-approved; err != nil || !strings.HasSuffix(out.String(), "\nsub: \"alice\"\n") || srv.Count("/token") != 1 {
		t.Errorf("%v\n%s", err, out.String())
	}
	args = append(args, "-listen", "nowhere")
	if err := run(t.Context(), args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("an address that is none: %v", err)
	}
}

type writerFunc func(p []byte)

func (f writerFunc) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}

func TestPrintable(t *testing.T) {
	if got := printable("ü\x1b[31m\u202e\n"); got != "ü\ufffd[31m\ufffd\ufffd" {
		t.Errorf("%q", got)
	}
}

// caFile writes the root certificate of the server.
func caFile(t *testing.T, srv *oauthtest.Server) string {
	t.Helper()
	u, err := url.Parse(srv.URL())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tls.Dial("tcp", u.Host, &tls.Config{RootCAs: srv.RootCAs()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	chain := conn.ConnectionState().VerifiedChains[0]
	name := filepath.Join(t.TempDir(), "ca.pem")
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: chain[len(chain)-1].Raw})
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// A syncBuffer is written by several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
