package oauth

// This file holds the servers whose JWT access tokens a resource server accepts.

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A TrustedServer is an authorization server whose JWT access tokens a resource
// server accepts.
type TrustedServer struct {
	// Server is the metadata of the server, as [Discover] returns it. Its Issuer
	// must be set and, if KeySet is nil, its JWKSURI.
	Server *AuthorizationServer

	// KeySet holds the server's keys. If nil, a KeySet for Server.JWKSURI is used.
	KeySet *KeySet

	// Algorithms are the algorithms that access tokens may be signed with. If nil,
	// they are all algorithms that the package verifies. It must not be empty
	// otherwise.
	Algorithms []Algorithm

	// Profile describes the server's access tokens. If nil, they follow RFC 9068.
	Profile *AccessTokenProfile

	// AcceptIssuer decides which tenants of a multi-tenant server are accepted, as
	// Config.AcceptIssuer does. It must be set for such a server, and only then.
	AcceptIssuer func(iss, tid string) bool
}

// A trustedServer is a TrustedServer that was checked.
type trustedServer struct {
	issuer   issuerRule
	keys     *KeySet
	rules    jwsRules
	profile  *AccessTokenProfile
	standard bool                       // the profile was not chosen, and may be the wrong one
	accept   func(iss, tid string) bool // what may change: AcceptIssuer or AllowIssuer; nil: neither
}

// trustRules are what all servers of an API have together.
type trustRules struct {
	security *securityRules
	keys     KeySetOptions
	sets     map[string]*KeySet // one for each jwks_uri
}

func newTrustedServer(t *TrustedServer, rules *trustRules) (*trustedServer, error) {
	if t.Server == nil || t.Server.Issuer == "" {
		return nil, fail(ErrConfig, "Servers.Server", "is nil, or has no Issuer: pass what Discover returns")
	}
	profile := t.Profile
	if profile == nil {
		profile = standardProfile()
	}
	profile, err := profile.compile()
	if err != nil {
		return nil, err
	}
	s := &trustedServer{
		issuer:   issuerRule{issuer: t.Server.Issuer, accept: t.AcceptIssuer},
		keys:     t.KeySet,
		accept:   t.AcceptIssuer,
		profile:  profile,
		standard: t.Profile == nil,
	}
	if profile.Issuer != "" {
		s.issuer.issuer = profile.Issuer
	}
	s.rules = jwsRules{typ: s.readable, what: "an access token", foreign: s.foreign}
	if err := rules.security.judgeKeys("Servers.KeySet", t.KeySet); err != nil {
		return nil, err
	}
	for _, alg := range t.Algorithms {
		if err := rules.security.checkAlgorithm("Servers.Algorithms", alg); err != nil {
			return nil, err
		}
	}
	if s.rules.allowed, err = verifiable("Servers.Algorithms", t.Algorithms, rules.security); err != nil {
		return nil, err
	}
	switch template := strings.Contains(s.issuer.issuer, tenantPlaceholder); {
	case template && t.AcceptIssuer == nil:
		return nil, fail(ErrConfig, "Servers.AcceptIssuer", "is required, because the issuer is a template for all tenants: decide there whose tokens are taken")
	case !template && t.AcceptIssuer != nil:
		return nil, fail(ErrConfig, "Servers.AcceptIssuer", "is set, but the issuer has no %s in it: it would never be called", tenantPlaceholder)
	case s.keys == nil && t.Server.JWKSURI == "":
		return nil, fail(ErrConfig, "jwks_uri", "the server's metadata has none: set it in Servers.Server, or set Servers.KeySet")
	case s.keys == nil && rules.sets[t.Server.JWKSURI] != nil:
		s.keys = rules.sets[t.Server.JWKSURI]
	case s.keys == nil:
		s.keys, err = NewKeySet(t.Server.JWKSURI, &rules.keys)
		rules.sets[t.Server.JWKSURI] = s.keys
	case s.keys.empty():
		return nil, fail(ErrConfig, "Servers.KeySet", "is empty: NewKeySet and ParseKeySet make one")
	}
	return s, err
}

// mayBe reports whether a token that names the issuer can be one of the server.
func (s *trustedServer) mayBe(iss string) bool {
	return s.issuer.issuer == iss || matchesTemplate(s.issuer.issuer, iss)
}

// foreign is that of jwsRules.
func (s *trustedServer) foreign(payload []byte) error {
	if iss, err := unverifiedIn(payload, "iss"); err == nil && !s.mayBe(iss) {
		return fail(ErrIssuer, "iss", "the token is from %s, expected is %s", printable(iss, 256), printable(s.issuer.issuer, 256))
	}
	return nil
}

// readable are the types that are worth a look: those of the profile, and, where
// none was chosen, those of the ready-made ones, to say in the error which it
// is. The profile decides.
func (s *trustedServer) readable(typ string) bool {
	return slices.Contains(s.profile.Types, typ) || s.standard && (typ == "jwt" || typ == "")
}

// ---- servers that are found at run time

// A serverFinder asks the program for the servers of issuers that are not configured.
type serverFinder struct {
	find  func(ctx context.Context, iss string) (*TrustedServer, error)
	allow func(iss string) bool
	rules *trustRules

	uses   atomic.Uint64
	mu     sync.Mutex
	known  map[string]*foundServer // by issuer
	budget fetchBudget
}

// A foundServer is what is known of an issuer.
type foundServer struct {
	flight *flight[*trustedServer] // of the question
	used   atomic.Uint64           // the greatest was used last

	// These are set under the lock of the finder when the flight ends.
	ended  bool
	server *trustedServer // nil: none
	at     moment
	life   time.Duration // from then on; 0: as long as there is room
}

func newServerFinder(find func(context.Context, string) (*TrustedServer, error), allow func(string) bool, rules *trustRules) *serverFinder {
	return &serverFinder{
		find: find, allow: allow, rules: rules, known: map[string]*foundServer{},
		budget: fetchBudget{interval: newIssuerInterval, burst: maxNewIssuers},
	}
}

// server is that of an issuer that a token names, unverified.
func (f *serverFinder) server(ctx context.Context, iss string) (*trustedServer, error) {
	if !f.allow(iss) {
		return nil, fail(ErrIssuer, "iss", "the token is from %s, which is not one of Servers, and AllowIssuer does not accept it", printable(iss, 256))
	}
	f.mu.Lock()
	e := f.known[iss]
	if e == nil || e.ended && e.life > 0 && e.at.age() >= e.life {
		var err error
		if e, err = f.ask(ctx, iss); err != nil {
			f.mu.Unlock()
			return nil, err
		}
	}
	f.mu.Unlock()
	e.used.Store(f.uses.Add(1))
	if err := e.flight.wait(ctx, opResource); err != nil {
		return nil, err
	}
	return e.flight.result, e.flight.err
}

// ask begins to ask for the server of an issuer, under the lock.
func (f *serverFinder) ask(ctx context.Context, iss string) (*foundServer, error) {
	now := monotonic()
	if now.Before(f.budget.next()) {
		return nil, fail(ErrUnavailable, "ServerFor", "tokens of more than %d new issuers came within a second", maxNewIssuers)
	}
	f.budget.pay(now)
	f.makeRoom()
	e := new(foundServer)
	e.flight = launch(ctx, keyFetchTimeout,
		func(ctx context.Context) (*trustedServer, error) { return f.found(ctx, iss) },
		func(_ context.Context, s *trustedServer, err error, late bool) (*trustedServer, error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			if late {
				return s, err
			}
			e.ended, e.server, e.at = true, s, thisMoment()
			if none, ok := err.(*Error); ok && none.Kind == ErrIssuer {
				e.life = noServerLife
			} else if err != nil {
				e.life = retryAfter
			}
			return s, err
		})
	f.known[iss] = e
	return e, nil
}

// makeRoom takes an issuer out if there are as many as may be: one without a server, or
// the one that was used least recently.
func (f *serverFinder) makeRoom() {
	if len(f.known) < maxFoundServers {
		return
	}
	oldest, least := "", uint64(math.MaxUint64)
	for iss, e := range f.known {
		use := e.used.Load()
		if e.ended && e.life > 0 {
			use = 0
		}
		if use < least {
			oldest, least = iss, use
		}
	}
	delete(f.known, oldest)
}

// found asks the program, and checks what it says.
func (f *serverFinder) found(ctx context.Context, iss string) (*trustedServer, error) {
	t, err := f.find(ctx, iss)
	if err != nil {
		return nil, &Error{Kind: ErrUnavailable, Param: "ServerFor", Detail: "the server of " + printable(iss, 256) + " is not known", Err: err}
	}
	if t == nil {
		return nil, fail(ErrIssuer, "iss", "the token is from %s, of which ServerFor knows no server", printable(iss, 256))
	}
	rules := *f.rules
	rules.sets = map[string]*KeySet{} // they are those of one server, and go with it
	s, err := newTrustedServer(t, &rules)
	switch {
	case err != nil:
		return nil, &Error{Kind: ErrUnavailable, Param: "ServerFor", Detail: "the server of " + printable(iss, 256) + " cannot be used", Err: err}
	case s.issuer.issuer != iss:
		return nil, fail(ErrUnavailable, "ServerFor", "the server of %s has the issuer %s", printable(iss, 256), printable(s.issuer.issuer, 256))
	}
	s.accept = func(iss, _ string) bool { return f.allow(iss) }
	return s, nil
}

// closeIdle closes idle connections to the servers that were found.
func (f *serverFinder) closeIdle() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.known {
		if e.server != nil && e.server.keys.caller != nil {
			e.server.keys.caller.closeIdle()
		}
	}
}
