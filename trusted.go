package oauth

// This file holds the servers whose JWT access tokens a resource server accepts.

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync"
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

	// Audiences are the names that this server has for the API, in place of
	// ResourceServerConfig.Audiences. A name that other servers give to other APIs, for
	// example api://default, should be set here. If nil, they are those of the
	// ResourceServerConfig; Audiences must not be empty otherwise.
	Audiences []string

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

	metadata  string      // the issuer of its metadata
	audiences []string    // the API's names
	use       func() bool // notes that a token was good, of a server that was found; nil: it was configured
}

// trustRules are what all servers of an API have together.
type trustRules struct {
	audiences []string
	security  *securityRules
	keys      KeySetOptions
	sets      map[string]*KeySet // one for each jwks_uri
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
		issuer: issuerRule{issuer: t.Server.Issuer, accept: t.AcceptIssuer},
		keys:   t.KeySet,
		accept: t.AcceptIssuer,

		metadata: t.Server.Issuer, audiences: rules.audiences,
		profile:  profile,
		standard: t.Profile == nil,
	}
	if profile.Issuer != "" {
		s.issuer.issuer = profile.Issuer
	}
	if t.Audiences != nil {
		if s.audiences, err = audiencesOf("Servers.Audiences", t.Audiences); err != nil {
			return nil, err
		}
	}
	s.rules = jwsRules{typ: s.readable, what: "an access token", op: opResource, foreign: s.foreign}
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

// audiencesOf checks and copies the names of an API.
func audiencesOf(param string, list []string) ([]string, error) {
	if len(list) == 0 || slices.Contains(list, "") {
		return nil, fail(ErrConfig, param, "is empty, or names an empty one: leave it nil")
	}
	return slices.Clone(list), nil
}

// mayBe reports whether a token that names the issuer can be one of the server.
func (s *trustedServer) mayBe(iss string) bool {
	return s.issuer.issuer == iss || matchesTemplate(s.issuer.issuer, iss)
}

// foreign is that of jwsRules.
func (s *trustedServer) foreign(payload []byte) error {
	value := scanMember(payload, "iss")
	if string(plainString(value)) == s.issuer.issuer {
		return nil
	}
	if iss, err := unverifiedIn(payload, "iss", value); err == nil && !s.mayBe(iss) {
		return saying("the token is from ").quoted(iss, 256).text(", expected is ").quoted(s.issuer.issuer, 256).fail(ErrIssuer, "iss")
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

	mu     sync.Mutex
	uses   uint64
	known  map[string]*foundServer // by issuer
	budget fetchBudget
}

// A foundServer is what is known of an issuer.
type foundServer struct {
	flight *flight[*trustedServer] // of the latest question

	// These are used under the lock of the finder.
	used   uint64         // the greatest had a good token last; 0: none ever
	ended  bool           // the flight
	server *trustedServer // nil: none; while a question is under way, that of the one before
	said   moment         // when the program said so
	at     moment         // when the flight ended
	life   time.Duration  // of what it brought
}

func newServerFinder(find func(context.Context, string) (*TrustedServer, error), allow func(string) bool, rules *trustRules) *serverFinder {
	return &serverFinder{
		find: find, allow: allow, rules: rules, known: map[string]*foundServer{},
		budget: fetchBudget{interval: newIssuerInterval, burst: maxNewIssuers},
	}
}

// allowed asks the program about an issuer that anybody may have written.
func (f *serverFinder) allowed(iss string) (ok bool, err error) {
	fault := guarded(func() error {
		ok = f.allow(iss)
		return nil
	})
	if fault != nil {
		return false, &Error{Kind: ErrUnavailable, Param: "AllowIssuer", Detail: "whether the issuer is accepted is not known", Err: fault}
	}
	return ok, nil
}

// server is that of an issuer that a token names, unverified.
func (f *serverFinder) server(ctx context.Context, iss string) (*trustedServer, error) {
	switch ok, err := f.allowed(iss); {
	case err != nil:
		return nil, err
	case !ok:
		return nil, fail(ErrIssuer, "iss", "the token is from %s, which is not one of Servers, and AllowIssuer does not accept it", printable(iss, 256))
	}
	f.mu.Lock()
	e := f.known[iss]
	if e == nil || e.ended && e.at.age() >= e.life {
		next, err := f.ask(ctx, iss, e)
		if err == nil {
			e = next
		} else if e == nil || e.server == nil {
			f.mu.Unlock()
			return nil, err
		}
	}
	s := e.server
	f.mu.Unlock()
	if s != nil {
		return s, nil
	}
	if err := e.flight.wait(ctx, opResource); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if e.server != nil { // whatever a hook of the flight did
		return e.server, nil
	}
	return nil, copied(e.flight.err) // others have it, too
}

// ask begins to ask for the server of an issuer, of which before is known, under the lock.
func (f *serverFinder) ask(ctx context.Context, iss string, before *foundServer) (*foundServer, error) {
	now := monotonic()
	if now.Before(f.budget.next()) {
		return nil, fail(ErrUnavailable, "ServerFor", "tokens of more than %d new issuers came within a second", maxNewIssuers)
	}
	f.budget.pay(now)
	e := new(foundServer)
	if before != nil {
		e.server, e.said, e.used = before.server, before.said, before.used
	} else {
		f.makeRoom()
	}
	e.flight = launch(ctx, keyFetchTimeout,
		func(ctx context.Context) (*trustedServer, error) { return f.found(ctx, iss) },
		func(_ context.Context, s *trustedServer, err error, late bool) (*trustedServer, error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			if late {
				return s, err
			}
			e.ended, e.at = true, thisMoment()
			none, ok := err.(*Error)
			switch {
			case err == nil:
				e.server, e.said, e.life = s, e.at, foundServerLife
			case ok && none.Kind == ErrIssuer:
				e.server, e.life = nil, noServerLife
			default:
				if e.life = retryAfter; e.server != nil && e.said.age() >= maxFoundServerLife {
					e.server = nil
				}
			}
			return s, err
		})
	f.known[iss] = e
	return e, nil
}

// makeRoom takes an issuer out if there are as many as may be: one of which no token was
// good, or the one whose last good token is longest ago.
func (f *serverFinder) makeRoom() {
	if len(f.known) < maxFoundServers {
		return
	}
	oldest, least := "", uint64(math.MaxUint64)
	for iss, e := range f.known {
		if e.used < least {
			oldest, least = iss, e.used
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
	rules.sets = f.keySets()
	s, err := newTrustedServer(t, &rules)
	switch {
	case err != nil:
		return nil, &Error{Kind: ErrUnavailable, Param: "ServerFor", Detail: "the server of " + printable(iss, 256) + " cannot be used", Err: err}
	case s.issuer.issuer != iss:
		return nil, fail(ErrUnavailable, "ServerFor", "the server of %s has the issuer %s", printable(iss, 256), printable(s.issuer.issuer, 256))
	}
	s.accept = func(iss, _ string) bool {
		ok, _ := f.allowed(iss)
		return ok
	}
	s.use = func() bool { return f.use(iss, s) }
	return s, nil
}

// keySets are those of the servers that are known, one for each jwks_uri.
func (f *serverFinder) keySets() map[string]*KeySet {
	f.mu.Lock()
	defer f.mu.Unlock()
	sets := map[string]*KeySet{}
	for _, e := range f.known {
		if e.server != nil && e.server.keys.uri != "" {
			sets[e.server.keys.uri] = e.server.keys
		}
	}
	return sets
}

// use notes that a token of a server was good, and reports whether the server is still
// what the program says of the issuer, as far as that need not be asked again.
func (f *serverFinder) use(iss string, s *trustedServer) (current bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.known[iss]
	if e == nil || e.server != s {
		return false
	}
	f.uses++
	e.used = f.uses
	return !e.ended || e.at.age() < e.life
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
