package oauth

// The runs of dial_below_test.go.

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// ---- the runs

// A belowRun is one operation with one fault.
type belowRun struct {
	op     *belowOperation
	server *belowServer
	do     func(context.Context) error
	fault  *belowFault
	at     int
	kept   bool // on a connection that was used before
	each   bool
	whole  bool // the answer is whole before the fault
}

func (r *belowRun) String() string {
	return fmt.Sprintf("%s, %s at byte %d, on a kept connection %v, each time %v", r.op.name, r.fault.name, r.at, r.kept, r.each)
}

// play does it in the bubble, and says what is wrong.
func (r *belowRun) play(answer []byte) (fault string) {
	if r.kept {
		r.server.arm(r.op.target, nil, 0, false, answer)
		if err := r.call(belowLimit); err != nil {
			return fmt.Sprintf("without a fault: %v", err)
		}
	}
	synctest.Wait()
	r.server.arm(r.op.target, r.fault, r.at, r.each, answer)
	start := time.Now()
	err := r.call(belowLimit)
	took := time.Since(start)
	if took > belowLimit {
		return fmt.Sprintf("it ends after %v: %v", took, err)
	}
	r.server.mu.Lock()
	arrived, conns := slices.Clone(r.server.arrived), slices.Clone(r.server.conns)
	r.server.mu.Unlock()
	if fault := r.judge(err, took, arrived); fault != "" {
		return fault
	}
	left := belowLeft
	if r.op.renews {
		left = refreshTimeout + flightGrace
	}
	time.Sleep(left)
	synctest.Wait()
	for _, c := range conns {
		if !c.in.left() {
			return fmt.Sprintf("%v later the connection is open", left)
		}
	}
	// And everything goes on.
	r.server.arm(r.op.target, nil, 0, false, answer)
	if err := r.call(belowLimit); err != nil {
		return fmt.Sprintf("%v later, at a good server: %v", left, err)
	}
	return ""
}

func (r *belowRun) call(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return r.do(ctx)
}

// judge holds what happened against RULES: what may be sent twice, and as what errors come.
func (r *belowRun) judge(err error, took time.Duration, arrived []http.Header) string {
	most := 1
	if r.op.idempotent || r.fault.undone {
		most = 2
	}
	if r.op.polls { // it asks again, after its interval
		most = 1 + int(belowLimit/time.Second)
	}
	switch n := len(arrived); {
	case n < 1 || n > most:
		return fmt.Sprintf("the request arrived %d times: %v", n, err)
	case err == nil && (n == 1 || r.each) && !r.fault.may && !r.whole && !r.op.unread:
		return "there is no error"
	case err == nil, took == belowLimit && errors.Is(err, context.DeadlineExceeded):
	case !slices.ContainsFunc([]error{ErrNetwork, ErrResponse, ErrUnavailable, ErrRefused}, func(k error) bool { return errors.Is(err, k) }):
		return fmt.Sprintf("the error is of another kind: %v", err)
	}
	for i := range arrived {
		for j := range i {
			for _, name := range []string{"Dpop", "Oauth-Client-Attestation-Pop"} {
				if p := arrived[i].Get(name); p != "" && p == arrived[j].Get(name) {
					return "one proof arrived twice"
				}
			}
			a, _ := url.ParseQuery(arrived[i].Get("X-Body"))
			b, _ := url.ParseQuery(arrived[j].Get("X-Body"))
			if p := a.Get("client_assertion"); p != "" && p == b.Get("client_assertion") {
				return "one assertion arrived twice"
			}
		}
	}
	return ""
}

// drawn reports whether the run is among those that every test has: with OAUTH_CUTS=all all
// are, else one in 32 of those at a byte and one in 4 of the others, of HTTP/2 in 16, by a
// hash; a quarter of these with -short.
func (r *belowRun) drawn(http2 bool) bool {
	n := uint64(4)
	if http2 {
		n = 16
	}
	if r.fault.bytes {
		n = 32
	}
	if testing.Short() {
		n *= 4
	}
	return os.Getenv("OAUTH_CUTS") == "all" || cutHash(r.String())%n == 0
}

// TestBelowHTTP1 has every operation meet every fault of HTTP/1, at every byte of the answer
// where it has a place, on new connections and on kept ones.
func TestBelowHTTP1(t *testing.T) {
	faults := http1Faults()
	for _, op := range belowOperations() {
		t.Run(op.name, func(t *testing.T) {
			runs := 0
			for _, fault := range slices.Concat(cutFaults, faults) {
				for _, kept := range []bool{false, true} {
					runs += belowBubble(t, &op, nil, fault, kept, !kept)
				}
			}
			t.Logf("%d runs", runs)
		})
	}
}

// belowBubble runs an operation with a fault at each byte, and wants nothing to be left.
func belowBubble(t *testing.T, op *belowOperation, http2 *belowTLS, fault belowFault, kept, each bool) (runs int) {
	t.Helper()
	log.SetOutput(io.Discard) // net/http says there what comes on a connection that nobody uses
	defer log.SetOutput(os.Stderr)
	synctest.Test(t, func(t *testing.T) {
		before := runtime.NumGoroutine()
		model := newBelowFixture(t, http2, each)
		op.prepare(t, model)
		size := len(op.answer(model))
		if http2 != nil {
			size = len(http2Answer(1, op.answer(model)))
		}
		for at := 0; at == 0 || fault.bytes && at <= size; at++ {
			run := &belowRun{op: op, fault: &fault, at: at, kept: kept, each: each, whole: fault.bytes && at == size}
			if !run.drawn(http2 != nil) {
				continue
			}
			f := newBelowFixture(t, http2, each)
			run.server, run.do = f.server, op.prepare(t, f)
			answer := op.answer(f)
			runs++
			if wrong := run.play(answer); wrong != "" {
				t.Errorf("%v: %s", run, wrong)
			}
			f.close()
			synctest.Wait()
			if left := leftGoroutines(before); left != "" {
				t.Errorf("%v: goroutines are left\n%s", run, left)
				time.Sleep(5 * time.Minute)
			}
			if t.Failed() {
				return
			}
		}
	})
	return runs
}

// leftGoroutines are those of the bubble, if there are more than before in all, which says
// it sooner: but for this one, the one that waits for it, and the bubble's own.
func leftGoroutines(before int) string {
	if runtime.NumGoroutine() <= before {
		return ""
	}
	stacks := make([]byte, 256<<10)
	stacks = stacks[:runtime.Stack(stacks, true)]
	var left []string
	for _, stack := range strings.Split(string(stacks), "\n\n") {
		head, _, _ := strings.Cut(stack, "\n")
		if strings.Contains(head, "synctest bubble") {
			left = append(left, stack)
		}
	}
	if len(left) <= 3 {
		return ""
	}
	return strings.Join(left, "\n\n")
}

// A belowTLS is what a server of HTTP/2 needs.
type belowTLS struct {
	server *tls.Config
	roots  *x509.CertPool
	now    time.Time // by which its certificate is valid: the bubble's time is another
}

// belowFixture is a server, and how it is reached.
type belowFixture struct {
	server *belowServer
	base   string
	client *http.Client
	close  func()
}

// newBelowFixture has the transport of the package's own client, or a program's, of which
// the package makes a copy.
func newBelowFixture(t *testing.T, http2 *belowTLS, own bool) *belowFixture {
	t.Helper()
	s := &belowServer{good: newUnitServer()}
	transport := &http.Transport{DialContext: s.dial, MaxResponseHeaderBytes: maxResponseHeader}
	if own {
		transport = newTransport()
		transport.Proxy, transport.DialContext = nil, measured(s.dial)
	}
	transport.IdleConnTimeout = 3 * time.Second // those that are well are not waited for
	f := &belowFixture{server: s, base: "http://op.example", client: &http.Client{Transport: transport}}
	if http2 != nil {
		s.http2, f.base = http2.server, "https://127.0.0.1"
		transport.ForceAttemptHTTP2 = true
		transport.TLSClientConfig = &tls.Config{RootCAs: http2.roots, Time: func() time.Time { return http2.now }}
	}
	f.close = func() { time.Sleep(4 * time.Second) }
	return f
}
