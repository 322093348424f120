package keycloak

// This file starts Keycloak and ends it: certificates, a free port, a directory
// of its own, and a listener for what Keycloak sends by itself.

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// startLimit is what the server may take until it answers. It takes six seconds on
// two idle cores.
const startLimit = 120 * time.Second

// A keycloak is a server that runs, and what the tests need to reach it.
type keycloak struct {
	base      string // without a slash at its end
	roots     *x509.CertPool
	transport *http.Transport // trusts the server, has no client certificate
	authority *authority
	listener  *listener
	admin     *admin
	log       string // the file of its output

	mu     sync.Mutex
	realms map[string]*realm
}

// An authority makes certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	mu   sync.Mutex
	last int64
}

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &authority{cert: cert, key: key, last: 1}, err
}

// issue makes a certificate for the name; that of a server is good for localhost, too.
func (a *authority) issue(name string, server bool) (tls.Certificate, error) {
	a.mu.Lock()
	a.last++
	serial := a.last
	a.mu.Unlock()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if server {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		template.DNSNames, template.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
}

// writePEM writes blocks to a file that only its owner can read.
func writePEM(file string, blocks ...*pem.Block) error {
	var b bytes.Buffer
	for _, block := range blocks {
		if err := pem.Encode(&b, block); err != nil {
			return err
		}
	}
	return os.WriteFile(file, b.Bytes(), 0o600)
}

// startKeycloak starts the distribution at home, which has been built. Everything
// that it writes goes to state.
func startKeycloak(ctx context.Context, home, state string) (*keycloak, func(), error) {
	k := &keycloak{realms: map[string]*realm{}, log: filepath.Join(state, "log")}
	var err error
	if k.authority, err = newAuthority(); err != nil {
		return nil, nil, err
	}
	cert, err := k.authority.issue("localhost", true)
	if err != nil {
		return nil, nil, err
	}
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		return nil, nil, err
	}
	certFile, keyFile, caFile := filepath.Join(state, "cert.pem"), filepath.Join(state, "key.pem"), filepath.Join(state, "ca.pem")
	for file, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: cert.Certificate[0]},
		keyFile:  {Type: "PRIVATE KEY", Bytes: key},
		caFile:   {Type: "CERTIFICATE", Bytes: k.authority.cert.Raw},
	} {
		if err := writePEM(file, block); err != nil {
			return nil, nil, err
		}
	}
	k.roots = x509.NewCertPool()
	k.roots.AddCert(k.authority.cert)
	k.transport = http.DefaultTransport.(*http.Transport).Clone()
	k.transport.Proxy = nil // everything is on loopback
	k.transport.TLSClientConfig = &tls.Config{RootCAs: k.roots}

	// The distribution may serve several runs: only its code is shared.
	own := filepath.Join(state, "keycloak")
	if err := shareHome(home, own); err != nil {
		return nil, nil, err
	}
	k.listener = newListener(cert)
	for range 3 { // the port can be taken before the server has it
		port, err := freePort()
		if err != nil {
			return nil, nil, err
		}
		k.base = fmt.Sprint("https://localhost:", port)
		password := random()
		k.admin = &admin{base: k.base, password: password, http: &http.Client{Transport: k.transport}}
		stop, err := k.run(ctx, own, password,
			"--http-host=127.0.0.1", fmt.Sprint("--https-port=", port), "--hostname="+k.base, "--cache=local", "--shutdown-delay=0s", "--shutdown-timeout=1s",
			"--https-certificate-file="+certFile, "--https-certificate-key-file="+keyFile, "--truststore-paths="+caFile,
			"--spi-ciba-auth-channel--ciba-http-auth-channel--http-authentication-channel-uri="+k.listener.URL+cibaPath)
		if err == nil {
			return k, func() { stop(); k.listener.Close() }, nil
		}
		if said, _ := os.ReadFile(k.log); !bytes.Contains(said, []byte("already bound")) && !bytes.Contains(said, []byte("in use")) {
			k.listener.Close()
			return nil, nil, err
		}
	}
	k.listener.Close()
	return nil, nil, fmt.Errorf("no free port")
}

// shareHome makes a home of the server that has the code of another. The script of
// the server takes its home from its own place.
func shareHome(home, own string) error {
	for _, dir := range []string{"bin", "conf", "providers"} {
		if err := os.MkdirAll(filepath.Join(own, dir), 0o700); err != nil {
			return err
		}
	}
	for _, file := range []string{"bin/kc.sh", "conf/keycloak.conf", "conf/cache-ispn.xml"} {
		raw, err := os.ReadFile(filepath.Join(home, file))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(own, file), raw, 0o700); err != nil {
			return err
		}
	}
	for _, dir := range []string{"lib", "themes"} {
		if err := os.Symlink(filepath.Join(home, dir), filepath.Join(own, dir)); err != nil {
			return err
		}
	}
	return nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// keeper runs a command until it ends or standard input does, which only the
// process that started it holds open: however that ends, the server ends too.
const keeper = `exec 3<&0
"$@" </dev/null 3<&- &
server=$!
(cat <&3 >/dev/null; kill $server 2>/dev/null) &
wait $server`

// run starts the server and returns when it answers.
func (k *keycloak) run(ctx context.Context, home, password string, args ...string) (stop func(), err error) {
	log, err := os.Create(k.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command("sh", append([]string{"-c", keeper, "sh", "sh", filepath.Join(home, "bin/kc.sh"), "start", "--optimized"}, args...)...)
	cmd.Env = append(os.Environ(), "KC_BOOTSTRAP_ADMIN_USERNAME=admin", "KC_BOOTSTRAP_ADMIN_PASSWORD="+password, "JAVA_OPTS_KC_HEAP=-Xms256m -Xmx1g")
	cmd.Stdout, cmd.Stderr = log, log
	alive, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	stop = func() {
		alive.Close()
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			cmd.Process.Kill()
		}
	}
	deadline := time.Now().Add(startLimit)
	for {
		if _, err = k.admin.token(ctx); err == nil {
			return stop, nil
		}
		select {
		case <-ended:
			return nil, fmt.Errorf("the server ended before it was ready:\n%s", k.tail())
		case <-time.After(200 * time.Millisecond):
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			stop()
			return nil, fmt.Errorf("the server was not ready within %v: %v\n%s", startLimit, err, k.tail())
		}
	}
}

// tail is the end of the server's output.
func (k *keycloak) tail() string {
	raw, _ := os.ReadFile(k.log)
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

// cibaPath is where Keycloak says which users it wants asked.
const cibaPath = "/ciba"

// A listener keeps what Keycloak sends by itself, by path, and serves documents.
type listener struct {
	*httptest.Server
	mu        sync.Mutex
	messages  map[string][]message
	documents map[string]string // path to what is served there
}

// A message is a request that Keycloak made.
type message struct {
	header http.Header
	body   string
}

func newListener(cert tls.Certificate) *listener {
	l := &listener{messages: map[string][]message{}, documents: map[string]string{}}
	l.Server = httptest.NewUnstartedServer(l)
	l.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	l.StartTLS()
	l.URL = "https://localhost:" + fmt.Sprint(l.Listener.Addr().(*net.TCPAddr).Port)
	return l
}

func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.messages[r.URL.Path] = append(l.messages[r.URL.Path], message{r.Header.Clone(), string(body)})
	if document, ok := l.documents[r.URL.Path]; ok {
		io.WriteString(w, document)
	} else if r.URL.Path == cibaPath {
		w.WriteHeader(http.StatusCreated)
	}
}

// serve has a document served at the path and returns its URL.
func (l *listener) serve(path, document string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.documents[path] = document
	return l.URL + path
}

// sent are the messages that came to the path.
func (l *listener) sent(path string) []message {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]message(nil), l.messages[path]...)
}
