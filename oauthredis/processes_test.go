//go:build unix

package oauthredis_test

// This file tests what the package is for: one API served by two processes, which
// are this test binary started again.

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthredis"
	"example.com/oauth/oauthtest"
	"github.com/redis/go-redis/v9"
)

// processEnv makes the test binary one of the processes; it has a processConfig.
const processEnv = "OAUTHREDIS_TEST_PROCESS"

type processConfig struct {
	Store   storeConfig
	Options struct { // those of oauthredis.Options that are not the usual case
		Replicas, PerKey int
		Timeout          time.Duration
	}
	Issuer string // of the authorization server
}

// A storeConfig is that of redis.UniversalOptions which can be written down.
type storeConfig struct {
	Addrs   []string
	Master  string // of Sentinels
	Cluster bool
}

func (c storeConfig) client() redis.UniversalClient {
	return redis.NewUniversalClient(&redis.UniversalOptions{Addrs: c.Addrs, MasterName: c.Master, IsClusterMode: c.Cluster})
}

const (
	api       = "https://api.example.com"
	apiURL    = api + "/orders" // what clients call: a balancer is in front of the processes
	storeTime = 3 * time.Second // Options.Timeout: two cores have four programs to run here
)

func TestMain(m *testing.M) {
	if text := os.Getenv(processEnv); text != "" {
		if err := serveProcess(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// serveProcess is the resource server. It writes its address to standard output,
// and ends when its standard input does.
func serveProcess(text string) error {
	var cfg processConfig
	if err := json.Unmarshal([]byte(text), &cfg); err != nil {
		return err
	}
	as, err := oauth.Discover(context.Background(), cfg.Issuer, &oauth.DiscoverOptions{InsecureAllowHTTP: true})
	if err != nil {
		return err
	}
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource: api,
		BaseURL:  api,
		Servers:  []oauth.TrustedServer{{Server: as}},
		Replay: oauthredis.New(cfg.Store.client(), &oauthredis.Options{
			Replicas: cfg.Options.Replicas, PerKey: cfg.Options.PerKey, Timeout: cfg.Options.Timeout,
		}),
		InsecureAllowHTTP: true,
	})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	go http.Serve(l, rs.Require(oauth.Requirement{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "hello")
	})))
	io.Copy(io.Discard, os.Stdin)
	return nil
}

// startProcess returns the address of a new one, which ends with the test.
func startProcess(t *testing.T, cfg processConfig) string {
	t.Helper()
	text, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path)
	cmd.Env = append(os.Environ(), processEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = endsWithTheTest
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("a process ended with %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("a process does not start: %v", err)
	}
	return strings.TrimSpace(line)
}

// An apiClient has an access token for the API, and what it is bound to.
type apiClient struct {
	t         *testing.T
	http      *http.Client
	dpop      *oauth.DPoP
	token     string
	processes [2]string // addresses
}

// newAPIClient starts an authorization server and two processes at one store.
func newAPIClient(t *testing.T, cfg processConfig) *apiClient {
	t.Helper()
	srv := oauthtest.NewServer(&oauthtest.Options{Plain: true, SigningAlgs: []string{"ES256"}, JWTAccessTokens: true, AccessTokenLifetime: time.Hour})
	t.Cleanup(srv.Close)
	srv.AddClient(oauthtest.Client{ID: "service", Secret: "a secret that only the two know"})
	as, err := oauth.Discover(ctx, srv.Issuer(), &oauth.DiscoverOptions{InsecureAllowHTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	signing, err := oauth.GenerateSigningKey(oauth.ES256)
	if err != nil {
		t.Fatal(err)
	}
	c := &apiClient{t: t, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 20 * time.Second}}
	t.Cleanup(c.http.CloseIdleConnections)
	if c.dpop, err = oauth.NewDPoP(signing, oauth.Clock{}); err != nil {
		t.Fatal(err)
	}
	client, err := oauth.NewClient(oauth.Config{
		Server:            as,
		Metadata:          oauth.ClientMetadata{ClientID: "service"},
		Auth:              oauth.ClientSecretBasic("a secret that only the two know"),
		DPoP:              c.dpop,
		InsecureAllowHTTP: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	token, err := client.ClientCredentials(ctx, &oauth.GrantOptions{Resource: []string{api}})
	if err != nil {
		t.Fatal(err)
	}
	c.token = token.AccessToken.Reveal()
	cfg.Issuer = srv.Issuer()
	for i := range c.processes {
		c.processes[i] = startProcess(t, cfg)
	}
	return c
}

// proof makes a new one.
func (c *apiClient) proof() string {
	u, _ := url.Parse(apiURL)
	proof, err := c.dpop.Proof(http.MethodGet, u, c.token)
	if err != nil {
		c.t.Error(err)
	}
	return proof
}

// send calls the API at one of the processes, and returns the status. What has to
// come with the status is checked.
func (c *apiClient) send(process int, proof string) int {
	r, err := http.NewRequest(http.MethodGet, "http://"+c.processes[process]+"/orders", nil)
	if err != nil {
		c.t.Error(err)
		return 0
	}
	r.Header.Set("Authorization", "DPoP "+c.token)
	r.Header.Set("DPoP", proof)
	res, err := c.http.Do(r)
	if err != nil {
		c.t.Error(err)
		return 0
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Error(err)
	}
	challenge, retry := strings.Join(res.Header.Values("WWW-Authenticate"), ", "), res.Header.Get("Retry-After")
	switch {
	case res.StatusCode == http.StatusOK && string(body) == "hello":
	case res.StatusCode == http.StatusUnauthorized && strings.Contains(challenge, `error="invalid_dpop_proof"`):
	case res.StatusCode == http.StatusServiceUnavailable && retry != "" && challenge == "":
	default:
		c.t.Errorf("status %d, WWW-Authenticate %q, Retry-After %q, body %q", res.StatusCode, challenge, retry, body)
	}
	return res.StatusCode
}

// want sends, and fails the test where another status comes.
func (c *apiClient) want(what string, process int, proof string, status int) {
	c.t.Helper()
	if got := c.send(process, proof); got != status {
		c.t.Fatalf("%s: status %d, not %d", what, got, status)
	}
}

// TestProcesses: two processes with one store are one resource server, and with a
// stopped one they accept nothing and find nothing bad.
func TestProcesses(t *testing.T) {
	s := newServer(t)
	cfg := processConfig{Store: storeConfig{Addrs: []string{s.addr}}}
	cfg.Options.Timeout = storeTime
	c := newAPIClient(t, cfg)
	const workers = 32

	t.Run("what one took the other refuses", func(t *testing.T) {
		for i := range 20 {
			a, b := i%2, 1-i%2
			proof := c.proof()
			c.want("a new proof", a, proof, http.StatusOK)
			c.want("at the other process", b, proof, http.StatusUnauthorized)
			c.want("at the same process", a, proof, http.StatusUnauthorized)
		}
	})

	t.Run("at the same time", func(t *testing.T) {
		for range 10 {
			proof := c.proof()
			var statuses [600]atomic.Int64
			var group sync.WaitGroup
			for w := range workers {
				group.Go(func() { statuses[c.send(w%2, proof)].Add(1) })
			}
			group.Wait()
			if ok, refused := statuses[200].Load(), statuses[401].Load(); ok != 1 || refused != workers-1 {
				t.Fatalf("%d of %d were accepted, %d refused", ok, workers, refused)
			}
		}
	})

	t.Run("none is lost", func(t *testing.T) {
		const proofs = 10_000
		begin := time.Now()
		var used [proofs]string
		var statuses [600]atomic.Int64
		var next atomic.Int64
		var group sync.WaitGroup
		for range workers {
			group.Go(func() {
				for n := next.Add(1) - 1; n < proofs; n = next.Add(1) - 1 {
					used[n] = c.proof()
					statuses[c.send(int(n%2), used[n])].Add(1)
				}
			})
		}
		group.Wait()
		if ok := statuses[200].Load(); ok != proofs {
			t.Fatalf("%d of %d were accepted, %d refused, %d not judged", ok, proofs, statuses[401].Load(), statuses[503].Load())
		}
		t.Logf("%d proofs, each its own, accepted in %v", proofs, time.Since(begin).Round(time.Millisecond))
		for n := 0; n < proofs; n += proofs / 200 {
			c.want("once more, at the other process", int(1-n%2), used[n], http.StatusUnauthorized)
		}
	})

	t.Run("the store stops and comes back", func(t *testing.T) {
		// Requests go on all the time, each with a proof of its own.
		var statuses [600]atomic.Int64
		var group sync.WaitGroup
		stop := make(chan struct{})
		for w := range 4 {
			group.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						statuses[c.send(w%2, c.proof())].Add(1)
					}
				}
			})
		}
		defer func() { // also where a check fails
			close(stop)
			group.Wait()
			if n := statuses[401].Load(); n != 0 {
				t.Errorf("%d new proofs were called bad", n)
			}
			t.Logf("meanwhile %d requests were accepted, %d not judged", statuses[200].Load(), statuses[503].Load())
		}()
		used := c.proof()
		c.want("before", 0, used, http.StatusOK)
		eventually(t, "requests", func() bool { return statuses[200].Load() > 50 })
		s.stop()
		for i := range 6 {
			c.want("without the store", i%2, c.proof(), http.StatusServiceUnavailable)
			c.want("without the store, a used proof", i%2, used, http.StatusServiceUnavailable)
		}
		s.restart()
		for p := range c.processes {
			eventually(t, "accepting again", func() bool {
				switch status := c.send(p, c.proof()); status {
				case http.StatusOK:
					return true
				case http.StatusServiceUnavailable:
					return false
				default:
					t.Fatalf("status %d", status)
					return false
				}
			})
		}
		for i := range 50 {
			proof := c.proof()
			c.want("after", i%2, proof, http.StatusOK)
			c.want("after, at the other process", 1-i%2, proof, http.StatusUnauthorized)
		}
	})
}
