package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var built string // the directory of the program

// program builds the command once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "oauthtest")
	if err != nil {
		return "", err
	}
	built = dir
	name := filepath.Join(dir, "oauthtest.exe")
	out, err := exec.Command("go", "build", "-o", name, ".").CombinedOutput()
	if err != nil {
		return "", &exec.Error{Name: string(out), Err: err}
	}
	return name, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if built != "" {
		os.RemoveAll(built)
	}
	os.Exit(code)
}

// start runs the command and returns the issuer that it prints, and what it says.
func start(t *testing.T, args ...string) (issuer string, said *bytes.Buffer, stop func() error) {
	t.Helper()
	name, err := program()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(name, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	said = new(bytes.Buffer)
	cmd.Stderr = said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop = func() error {
		stopped = true
		cmd.Process.Signal(syscall.SIGTERM)
		return cmd.Wait()
	}
	t.Cleanup(func() {
		if !stopped {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err, said)
	}
	return strings.TrimSpace(line), said, stop
}

// ask makes a request as a program in another language does, and returns status and
// JSON.
func ask(t *testing.T, c *http.Client, method, target, contentType, body string, change func(*http.Request)) (*http.Response, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if change != nil {
		change(req)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	json.Unmarshal(data, &m)
	return resp, m
}

const (
	typeJSON = "application/json"
	typeForm = "application/x-www-form-urlencoded"
	callback = "http://127.0.0.1:8080/cb"
	verifier = "dBjftJeZ4CVP-mBxSoJwTrh8Lw2Zaq4rBz2M8PmkVxk"
)

// login is a login by plain HTTP, and returns the claims of the ID token.
func login(t *testing.T, c *http.Client, issuer string) map[string]any {
	t.Helper()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	_, metadata := ask(t, c, "GET", issuer+"/.well-known/openid-configuration", "", "", nil)
	authorize, _ := metadata["authorization_endpoint"].(string)
	token, _ := metadata["token_endpoint"].(string)
	challenge := sha256.Sum256([]byte(verifier))
	resp, _ := ask(t, c, "GET", authorize+"?"+url.Values{
		"response_type": {"code"}, "client_id": {"web"}, "redirect_uri": {callback}, "scope": {"openid email"}, "state": {"st"},
		"nonce": {"n-1"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"}, "login_hint": {"bob"},
	}.Encode(), "", "", nil)
	location, err := resp.Location()
	if err != nil {
		t.Fatal(resp.Status, err)
	}
	_, answer := ask(t, c, "POST", token, typeForm, url.Values{
		"grant_type": {"authorization_code"}, "code": {location.Query().Get("code")}, "redirect_uri": {callback}, "code_verifier": {verifier},
	}.Encode(), func(r *http.Request) { r.SetBasicAuth("web", "s") })
	id, _ := answer["id_token"].(string)
	parts := strings.Split(id, ".")
	if len(parts) != 3 {
		t.Fatal(answer)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// TestProcess: a login at the command, with a user, a client and a fault that it was
// told over JSON.
func TestProcess(t *testing.T) {
	issuer, said, stop := start(t)
	if !strings.HasPrefix(issuer, "http://127.0.0.1:") {
		t.Fatalf("issuer %q", issuer)
	}
	c := new(http.Client)
	for path, body := range map[string]string{
		"users":   `{"sub":"bob","claims":{"email":"bob@example.com"}}`,
		"clients": `{"client_id":"web","client_secret":"s","redirect_uris":["` + callback + `"]}`,
	} {
		if resp, m := ask(t, c, "POST", issuer+"/oauthtest/"+path, typeJSON, body, nil); resp.StatusCode != http.StatusNoContent {
			t.Fatal(path, resp.Status, m)
		}
	}
	if claims := login(t, c, issuer); claims["sub"] != "bob" || claims["email"] != "bob@example.com" || claims["nonce"] != "n-1" || claims["iss"] != issuer {
		t.Error(claims)
	}
	refused := []struct {
		name, contentType string
		change            func(*http.Request)
	}{
		{"foreign Host", typeJSON, func(r *http.Request) { r.Host = "attacker.example" }},
		{"text", "text/plain", nil},
	}
	for _, tt := range refused {
		resp, m := ask(t, c, "PUT", issuer+"/oauthtest/faults", tt.contentType, `{"faults":["WrongNonce"]}`, tt.change)
		if resp.StatusCode < 400 || m["error"] == nil {
			t.Errorf("%s: %s %v", tt.name, resp.Status, m)
		}
	}
	if claims := login(t, c, issuer); claims["nonce"] != "n-1" {
		t.Error("a refused request has set a fault")
	}
	if resp, m := ask(t, c, "PUT", issuer+"/oauthtest/faults", typeJSON, `{"faults":["WrongNonce"]}`, nil); resp.StatusCode != http.StatusNoContent {
		t.Fatal(resp.Status, m)
	}
	if claims := login(t, c, issuer); claims["nonce"] == "n-1" {
		t.Error("the fault is not set")
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(said.String(), "Anybody who reaches it can log in as anybody") {
		t.Errorf("it says %q", said)
	}
}

// TestProcessTLS: with the root certificate in a file.
func TestProcessTLS(t *testing.T) {
	file := filepath.Join(t.TempDir(), "root.pem")
	issuer, _, _ := start(t, "-tls", "-root", file, "-path", "/tenant")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		t.Fatal("no certificate")
	}
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer c.CloseIdleConnections()
	_, m := ask(t, c, "GET", issuer+"/.well-known/openid-configuration", "", "", nil)
	if !strings.HasPrefix(issuer, "https://127.0.0.1:") || m["issuer"] != issuer || !strings.HasSuffix(issuer, "/tenant") {
		t.Error(issuer, m["issuer"])
	}
}

// TestProcessRefused: it does not listen where other machines can reach it, unless it is
// told to.
func TestProcessRefused(t *testing.T) {
	name, err := program()
	if err != nil {
		t.Fatal(err)
	}
	for i, args := range [][]string{
		{"-addr", "0.0.0.0:0"}, {"-addr", ":0"}, {"-addr", "[::]:0"}, {"-addr", "192.0.2.1:0"}, {"-addr", "nonsense"},
		{"-url", "https://idp"}, {"-path", "tenant"}, {"-provider", "nobody"}, {"argument"}, {"-unknown"},
	} {
		cmd := exec.Command(name, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
		var out, said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
		err := cmd.Wait()
		if i < 4 && !strings.Contains(said.String(), "-insecure-listen allows it") { // it did not even listen
			t.Errorf("%v: it says %q", args, &said)
		}
		if !kill.Stop() || err == nil || out.Len() > 0 || said.Len() == 0 || strings.Contains(said.String(), "goroutine") {
			t.Errorf("%v: %v, it prints %q and says %q", args, err, &out, &said)
		}
	}
	issuer, said, stop := start(t, "-addr", ":0", "-insecure-listen")
	resp, _ := ask(t, new(http.Client), "GET", issuer+"/oauthtest/faults", "", "", nil)
	if resp.StatusCode != 200 || !strings.HasPrefix(issuer, "http://localhost:") {
		t.Error(issuer, resp.Status)
	}
	if err := stop(); err != nil || !strings.Contains(said.String(), "WARNING") {
		t.Error(err, said)
	}
}
