package oauth

// Everything that is kept and that time ends, against every way in which time can go
// wrong: nothing is new after a night, and nothing lives longer because a clock was off
// for a while.

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A keptWorld has a wall clock that can be set, and a machine that can sleep.
type keptWorld struct {
	*unitServer
	t *testing.T

	mu      sync.Mutex
	ahead   time.Duration
	falling time.Duration // by which each reading is before the last one
	moments []*moment     // of what is kept
}

// now is the Clock of the program.
func (w *keptWorld) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ahead -= w.falling
	return time.Now().Add(w.ahead)
}

func (w *keptWorld) clock(c *Config) { c.Clock = Clock{Now: w.now, Tolerance: -1} }

// set sets the wall clock ahead, which is what a machine that slept finds as well: its
// monotonic time stood still.
func (w *keptWorld) set(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ahead += d
	for _, m := range w.moments {
		*m = slept(*m, d)
	}
}

// keep notes an age by both clocks.
func (w *keptWorld) keep(m *moment) { w.moments = append(w.moments, m) }

// asked is how often the server was asked at a path since the last time.
func (w *keptWorld) asked(path string) func() bool {
	n := len(w.requests(path))
	return func() bool {
		before := n
		n = len(w.requests(path))
		return n > before
	}
}

// A keptThing is something that is kept. fresh uses it, and reports whether that went
// without asking again.
type keptThing struct {
	name   string
	fields string // in which its time stands
	life   time.Duration
	keep   func(w *keptWorld) (fresh func() bool)

	// wall says why it is judged by the wall clock alone: that ends when somebody else
	// says, and a clock that is set back makes it good again. If begins is set, it is
	// refused before it begins.
	wall   string
	begins bool
}

const byServer = "a server, or the other machines of the program, says by its own clock when it ends"

func keptThings() []keptThing {
	ctx := context.Background()
	keys := func(fails bool) func(*keptWorld) func() bool {
		return func(w *keptWorld) func() bool {
			set := must(NewKeySet(unitIssuer+"/jwks", &KeySetOptions{HTTPClient: &http.Client{Transport: w.unitServer}}))
			if err := set.Refresh(ctx); err != nil {
				w.t.Fatal(err)
			}
			snap := set.current.Load()
			w.keep(&snap.fetched)
			asked := w.asked("/jwks")
			asked()
			if fails {
				w.set_("/jwks", 503)
			}
			return func() bool {
				_, err := set.snapshot(ctx)
				synctest.Wait()
				if fails { // the last try was another day: it does not count as a failure of now
					set.outage.retryAt = time.Time{}
					return err == nil
				}
				return !asked()
			}
		}
	}
	introspected := func(active bool, ttl time.Duration) func(*keptWorld) func() bool {
		return func(w *keptWorld) func() bool {
			w.answer(introspectionPath, fmt.Sprintf(`{"active":%v}`, active))
			rs := w.resource(w.t, func(c *ResourceServerConfig) {
				c.Introspect, c.IntrospectionTTL, c.Clock = w.introspector(w.t, w.clock), ttl, Clock{Now: w.now}
			})
			use := func() { rs.Authenticate(bearer("opaque")) }
			use()
			cache := rs.asked
			if !active {
				cache = rs.inquiries.inactive
			}
			hash := hashToken("opaque")
			w.keep(&cache.get(string(hash[:])).asked)
			asked := w.asked(introspectionPath)
			return func() bool { use(); return !asked() }
		}
	}
	return []keptThing{
		{"keys", "keySnapshot.fetched", keySoftAge, keys(false), "", false},
		{"keys that cannot be fetched again", "keySnapshot.fetched", defaultKeyAge, keys(true), "", false},
		{"metadata of NewClientFromIssuer", "discovered.fetched", keySoftAge, keptMetadata, "", false},
		{"a verified token", "tokenTimes.expiry", 10 * time.Minute, keptVerified, byServer, false},
		{"an introspected token", "rememberedToken.asked", time.Minute, introspected(true, time.Minute), "", false},
		{"the answer that a token is not active", "rememberedToken.asked", inactiveLife, introspected(false, 0), "", false},
		{"the server that ServerFor gave", "foundServer.at", foundServerLife, keptFound, "", false},
		{"a nonce of ours", "", 2 * nonceSlot, keptNonce, byServer, false},
		{"the token of a Transport", "keptToken.until Token.Expiry", 9*time.Minute + 30*time.Second, keptToken_(false), "", false},
		{"a Token that the program made", "keptToken.until Token.Expiry", 9*time.Minute + 30*time.Second, keptToken_(true), "", false},
		{"a Token", "Token.Expiry", 10 * time.Minute, keptExpiry, byServer, false},
		{"an authorization that is pending", "pendingAuthorizationData.created", authorizationAge + time.Second, keptAuthorization(false),
			"it is saved and finished by another process, which knows no other time", true},
		{"one that is saved", "pendingAuthorizationData.created", authorizationAge + time.Second, keptAuthorization(true),
			"it is saved and finished by another process, which knows no other time", true},
		{"a device authorization", "pendingData.started pendingData.expiry", 10 * time.Minute, keptDevice, byServer, false},
	}
}

// set_ has a path answer with a status.
func (w *keptWorld) set_(path string, status int) { w.unitServer.set(path, unitAnswer{status: status}) }

func keptMetadata(w *keptWorld) func() bool {
	w.publish(w.t, nil)
	c := w.discovering(w.t, w.clock)
	asked := w.asked(unitMetadata)
	if _, err := c.ready(context.Background()); err != nil || !asked() {
		w.t.Fatal(err)
	}
	w.keep(&c.discovery.(*discovery).current.Load().fetched)
	return func() bool {
		c.ready(context.Background())
		synctest.Wait()
		return !asked()
	}
}

func keptVerified(w *keptWorld) func() bool {
	rs := w.resource(w.t, func(c *ResourceServerConfig) {
		c.VerifiedTokens, c.Clock = 8, Clock{Now: w.now, Tolerance: -1}
		c.Servers[0].KeySet = must(ParseKeySet([]byte(`{"keys":[` + string(w.key.PublicJWK()) + `]}`)))
	})
	token := w.accessToken(w.t, map[string]any{"iat": w.now().Unix(), "exp": w.now().Add(10 * time.Minute).Unix()})
	if _, err := rs.Authenticate(bearer(token)); err != nil || !remembers(rs, token) {
		w.t.Fatal(err)
	}
	return func() bool {
		_, err := rs.Authenticate(bearer(token))
		if err != nil && !errors.Is(err, ErrExpired) && !errors.Is(err, ErrNotYetValid) {
			w.t.Error(err)
		}
		return err == nil
	}
}

func keptFound(w *keptWorld) func() bool {
	questions, last := 0, 0
	rs := w.resource(w.t, func(c *ResourceServerConfig) {
		server := c.Servers[0]
		server.KeySet = must(ParseKeySet([]byte(`{"keys":[` + string(w.key.PublicJWK()) + `]}`)))
		c.Servers, c.Clock = nil, Clock{Now: w.now, Tolerance: -1}
		c.AllowIssuer = func(string) bool { return true }
		c.ServerFor = func(context.Context, string) (*TrustedServer, error) { questions++; return &server, nil }
	})
	use := func() {
		rs.Authenticate(bearer(w.accessToken(w.t, map[string]any{"exp": w.now().Unix() + 60, "iat": w.now().Unix()})))
		synctest.Wait()
	}
	use()
	last = questions
	w.keep(&rs.finder.known[unitIssuer].at)
	return func() bool {
		before := last
		use()
		last = questions
		return questions == before
	}
}

func keptNonce(w *keptWorld) func() bool {
	keys := &nonceKeys{[][]byte{[]byte("0123456789abcdef0123456789abcdef")}}
	time.Sleep(time.Until(time.Now().Truncate(nonceSlot).Add(nonceSlot))) // at the beginning of a slot it lives longest
	nonce := keys.make(w.now())
	return func() bool {
		_, err := keys.accept(nonce, w.now())
		return err == nil
	}
}

// keptToken_ is a Transport. If the program made the Token itself, its expiry may have a
// monotonic reading.
func keptToken_(made bool) func(w *keptWorld) func() bool {
	return func(w *keptWorld) func() bool {
		renewals := 0
		first := protectedToken("Bearer")
		first.Expiry = time.Now().Add(10 * time.Minute)
		if !made {
			first.Expiry = first.Expiry.Round(0)
		}
		tr := newTransportOf(w.t, w.client(w.t, func(c *Config) { w.clock(c) }), first, TransportOptions{
			Renew: func(_ context.Context, t *Token) (*Token, error) {
				renewals++
				return nil, errors.New("no other one")
			},
		})
		return func() bool {
			before := renewals
			tr.Fresh(context.Background())
			synctest.Wait()
			return renewals == before
		}
	}
}

func keptExpiry(w *keptWorld) func() bool {
	c := w.client(w.t, w.clock)
	tok := protectedToken("Bearer")
	tok.Expiry = c.clock.expiry(600)
	return func() bool { return !c.Expired(tok, 0) }
}

func keptAuthorization(saved bool) func(w *keptWorld) func() bool {
	return func(w *keptWorld) func() bool {
		c := w.client(w.t, w.clock)
		a := w.start(w.t, c, nil)
		if saved {
			data := must(a.MarshalBinary())
			if a = new(PendingAuthorization); a.UnmarshalBinary(data) != nil {
				w.t.Fatal("it cannot be restored")
			}
		}
		return func() bool {
			_, err := c.ValidateAuthorizationResponse(context.Background(), a, url.Values{"state": {"another"}})
			if !errors.Is(err, ErrExpired) && !errors.Is(err, ErrState) {
				w.t.Error(err)
			}
			return !errors.Is(err, ErrExpired)
		}
	}
}

func keptDevice(w *keptWorld) func() bool {
	c := w.client(w.t, func(cfg *Config) { withDevice(cfg); w.clock(cfg) })
	d, err := c.processDeviceResponse(extremeResponse(unitJSON(w.t, unitChange(deviceBody(), "expires_in", 600))), "", c.clock.local())
	if err != nil {
		w.t.Fatal(err)
	}
	return func() bool { return c.clock.local().Before(d.Expiry()) }
}

// keptJumps are the ways in which time goes wrong. Each ends when the life of a thing has
// gone by, as far as somebody could know, and then it must not count any more.
var keptJumps = []struct {
	name string
	do   func(w *keptWorld, life time.Duration)
	wall time.Duration // that has gone by for the wall clock, beyond life
}{
	{"time goes by", func(_ *keptWorld, life time.Duration) { time.Sleep(life) }, 0},
	{"the machine sleeps", func(w *keptWorld, life time.Duration) { w.set(life) }, 0},
	{"the machine sleeps, and works before and after", func(w *keptWorld, life time.Duration) {
		time.Sleep(life / 4)
		w.set(life / 2)
		time.Sleep(life - life/4 - life/2)
	}, 0},
	{"it sleeps for a night", func(w *keptWorld, _ time.Duration) { w.set(9 * time.Hour) }, 9 * time.Hour},
	{"the clock jumps ahead and back", func(w *keptWorld, life time.Duration) {
		w.set(24 * time.Hour)
		time.Sleep(life / 2)
		w.set(-24 * time.Hour)
		time.Sleep(life - life/2)
	}, 0},
	{"the clock is set back by an hour", func(w *keptWorld, life time.Duration) { w.set(-time.Hour); time.Sleep(life) }, -time.Hour},
	{"the clock is set back by a year", func(w *keptWorld, life time.Duration) { w.set(-365 * 24 * time.Hour); time.Sleep(life) }, -365 * 24 * time.Hour},
	{"a clock that goes back", func(w *keptWorld, life time.Duration) { w.falling = time.Second; time.Sleep(life) }, -time.Second},
	{"leap smear", func(w *keptWorld, life time.Duration) {
		for range 10 { // a second over the time, in both directions
			time.Sleep(life / 10)
			w.set(100 * time.Millisecond)
		}
		w.set(-time.Second)
		time.Sleep(life - life/10*10)
	}, 0},
}

func keptIn(t *testing.T, do func(w *keptWorld)) {
	unitKey()
	synctest.Test(t, func(t *testing.T) { do(&keptWorld{unitServer: newUnitServer(), t: t}) })
}

// TestKeptThings: every kept thing × every jump.
func TestKeptThings(t *testing.T) {
	for _, thing := range keptThings() {
		t.Run(thing.name, func(t *testing.T) {
			keptIn(t, func(w *keptWorld) {
				fresh := thing.keep(w)
				if !fresh() {
					t.Fatal("it is kept for no time at all")
				}
				time.Sleep(thing.life - thing.life/50)
				w.set(thing.life / 100) // leap smear, and a clock that is a little off
				if !fresh() {
					t.Error("it does not live as long as it may")
				}
			})
			if thing.begins {
				keptIn(t, func(w *keptWorld) {
					fresh := thing.keep(w)
					if w.set(-time.Hour); fresh() {
						t.Error("it is used before it begins")
					}
				})
			}
			for _, jump := range keptJumps {
				keptIn(t, func(w *keptWorld) {
					fresh := thing.keep(w)
					jump.do(w, thing.life)
					if jump.wall < 0 && thing.wall != "" {
						return // for whoever set the clock
					}
					if fresh() {
						t.Errorf("%s: it is as new", jump.name)
					}
				})
			}
		})
	}
}

// TestKeptReplays: what was used is remembered for as long as it could be used again,
// whatever the clock and the machine do; see memoryReplay.
func TestKeptReplays(t *testing.T) {
	const life = 2 * time.Minute
	for _, jump := range keptJumps {
		keptIn(t, func(w *keptWorld) {
			m := newMemoryReplay(Clock{Now: w.now}, minReplaySize)
			if added, err := m.Add(context.Background(), "key", w.now().Add(life+time.Minute)); !added || err != nil {
				t.Fatal(added, err)
			}
			jump.do(w, life-time.Second)
			if used, err := m.Has(context.Background(), "key"); !used || err != nil {
				t.Errorf("%s: it can be used again: %v", jump.name, err)
			}
			time.Sleep(life + time.Minute)
			if used, err := m.Has(context.Background(), "key"); used || err != nil || m.count.Load() != 0 {
				t.Errorf("%s: it stays in memory: %v", jump.name, err)
			}
		})
	}
}

// notKept are the times in the structs of the package that keep nothing from one use to
// the next, or that something else ends.
var notKept = map[string]string{
	"moment.monotonic": "the type of ages", "moment.wall": "the type of ages",
	"instant.now":           "one reading, for the claims of one token",
	"ClientAuthRequest.Now": "one reading, for one request",
	"fetchBudget.whole":     "a wait, by monotonic time: no clock shortens it, and it is bounded",
	"outage.retryAt":        "a wait, by monotonic time, of a minute at most",
	"outage.ended":          "an age, of which TestJWKSIdleOutage and the model of the KeySet are",
	"keptToken.retryAt":     "a wait, by monotonic time, of 30 s at most",
	"keptToken.refusedAt":   "a wait, by monotonic time, of 30 s at most",
	"wire.since":            "whether a connection was there before, by monotonic time",
	"wire.until":            "the end of a certificate, which its server sees to",
	"watch.got":             "a silence of a second, by monotonic time",
	"memoryReplay.started":  "from which TestKeptReplays counts",
	"question.asked":        "a question that is under way, which a flight ends",
	"foundServer.said":      "an age like foundServer.at, while ServerFor fails",
	"tokenTimes.start":      "a claim", "tokenTimes.issuedAt": "a claim",
	"idTokenData.authTime": "a claim", "rareClaims.authTime": "a claim", "identity.authTime": "a claim",
	"idTokenChecks.started": "of a pendingAuthorizationData", "idTokenChecks.requested": "of a pendingData",
	"Registration.ClientSecretExpiry": "for the program", "Registration.ClientIDIssuedAt": "for the program",
}

// TestKeptThingsAreAll: a struct that gets a time is one of the kept things, or says why
// it is not.
func TestKeptThingsAreAll(t *testing.T) {
	listed := map[string]bool{}
	for _, thing := range keptThings() {
		for _, field := range strings.Fields(thing.fields) {
			listed[field] = false
		}
	}
	for field := range notKept {
		listed[field] = false
	}
	_, files := parseDir(t, ".")
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			body, ok := spec.Type.(*ast.StructType)
			if !ok {
				return true
			}
			for _, field := range body.Fields.List {
				if !holdsTime(field.Type) {
					continue
				}
				for _, name := range field.Names {
					full := spec.Name.Name + "." + name.Name
					if _, ok := listed[full]; !ok {
						t.Errorf("%s is a time: is what it belongs to kept? It goes into keptThings, or with a reason into notKept", full)
					}
					listed[full] = true
				}
			}
			return true
		})
	}
	for field, seen := range listed {
		if !seen {
			t.Errorf("there is no %s", field)
		}
	}
	if len(listed) < 20 {
		t.Errorf("it saw %d times: does it look?", len(listed))
	}
}

// holdsTime reports whether a type has a time in it, or an age.
func holdsTime(e ast.Expr) (found bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncType, *ast.StructType:
			return false
		case *ast.SelectorExpr:
			found = found || selectorText(n) == "time.Time"
		case *ast.Ident:
			found = found || n.Name == "moment"
		}
		return true
	})
	return found
}
