package oauth

// Tests of the servers that an API trusts: which of them a token is held against, and
// those that are found at run time.

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// A finding is an API whose servers are found: every issuer below tenants.example that
// has a key here.
type finding struct {
	*ResourceServer
	keys    map[string]*SigningKey
	asked   sync.Map // issuer → *atomic.Int32
	refused atomic.Pointer[string]
	answer  func(iss string) (*TrustedServer, error) // nil: the server with the key
}

const tenantIssuers = "https://tenants.example/"

func newFinding(t *testing.T, s *unitServer, change func(*ResourceServerConfig)) *finding {
	f := &finding{keys: map[string]*SigningKey{}}
	f.ResourceServer = s.resource(t, func(c *ResourceServerConfig) {
		c.AllowIssuer = func(iss string) bool {
			no := f.refused.Load()
			return strings.HasPrefix(iss, tenantIssuers) && (no == nil || *no != iss)
		}
		c.ServerFor = func(_ context.Context, iss string) (*TrustedServer, error) {
			n, _ := f.asked.LoadOrStore(iss, new(atomic.Int32))
			n.(*atomic.Int32).Add(1)
			if f.answer != nil {
				return f.answer(iss)
			}
			if f.keys[iss] == nil {
				return nil, nil
			}
			return &TrustedServer{Server: &AuthorizationServer{Issuer: iss}, KeySet: setOfKeys(f.keys[iss])}, nil
		}
		if change != nil {
			change(c)
		}
	})
	return f
}

func setOfKeys(keys ...*SigningKey) *KeySet {
	var list []string
	for _, k := range keys {
		list = append(list, string(k.PublicJWK()))
	}
	return must(ParseKeySet([]byte(`{"keys":[` + strings.Join(list, ",") + `]}`)))
}

func (f *finding) count(iss string) int32 {
	n, _ := f.asked.Load(iss)
	if n == nil {
		return 0
	}
	return n.(*atomic.Int32).Load()
}

func tokenFrom(iss string, key *SigningKey) *http.Request {
	return bearer(must(key.SignJWT("at+jwt", accessClaims(map[string]any{"iss": iss}))))
}

func TestServerFor(t *testing.T) {
	s := newUnitServer()
	one, two := proofKeyOf(t, ES256), proofKeyOf(t, RS256)
	f := newFinding(t, s, func(c *ResourceServerConfig) { c.VerifiedTokens = 10 })
	f.keys[tenantIssuers+"1"], f.keys[tenantIssuers+"2"] = one, two
	for _, tt := range []struct {
		name string
		r    *http.Request
		kind error
		asks map[string]int32
	}{
		{"one that is configured", bearer(s.accessToken(t, nil)), nil, nil},
		{"a tenant", tokenFrom(tenantIssuers+"1", one), nil, map[string]int32{tenantIssuers + "1": 1}},
		{"again", tokenFrom(tenantIssuers+"1", one), nil, map[string]int32{tenantIssuers + "1": 1}},
		{"another tenant", tokenFrom(tenantIssuers+"2", two), nil, map[string]int32{tenantIssuers + "2": 1}},
		{"a tenant with the key of another", tokenFrom(tenantIssuers+"1", two), ErrInvalid, map[string]int32{tenantIssuers + "1": 1}},
		{"a tenant with the key of the configured one", tokenFrom(tenantIssuers+"1", s.key), ErrInvalid, nil},
		{"the configured one with the key of a tenant", tokenFrom(unitIssuer, one), ErrInvalid, nil},
		{"a tenant that is not there", tokenFrom(tenantIssuers+"3", one), ErrIssuer, map[string]int32{tenantIssuers + "3": 1}},
		{"again, within the minute", tokenFrom(tenantIssuers+"3", one), ErrIssuer, map[string]int32{tenantIssuers + "3": 1}},
		{"one that is not allowed", tokenFrom("https://other.example/1", one), ErrIssuer, map[string]int32{"https://other.example/1": 0}},
		{"in other letters", tokenFrom(strings.ToUpper(tenantIssuers)+"1", one), ErrIssuer, map[string]int32{strings.ToUpper(tenantIssuers) + "1": 0}},
		{"no iss", bearer(must(one.SignJWT("at+jwt", accessClaims(map[string]any{"iss": unitRemoved})))), ErrClaim, nil},
	} {
		token, err := authenticate(t, f.ResourceServer, tt.r)
		if wantError(t, err, tt.kind, ""); tt.kind != nil && errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: %v, which says nothing of the token", tt.name, err)
		}
		for iss, n := range tt.asks {
			if got := f.count(iss); got != n {
				t.Errorf("%s: ServerFor was asked %d times for %s, want %d", tt.name, got, iss, n)
			}
		}
		if token != nil && token.Issuer() != unitIssuer && !strings.HasPrefix(token.Issuer(), tenantIssuers) {
			t.Errorf("%s: %v", tt.name, token)
		}
	}
	// A tenant that is no longer allowed is not, a token that is remembered neither.
	kept := tokenFrom(tenantIssuers+"1", one)
	for _, no := range []string{"", tenantIssuers + "1", ""} {
		f.refused.Store(&no)
		_, err := authenticate(t, f.ResourceServer, kept)
		wantError(t, err, map[bool]error{true: ErrIssuer}[no != ""], "")
	}
	// After a minute it is asked again for one that was not there.
	f.finder.known[tenantIssuers+"3"].at = momentAgo(noServerLife)
	f.keys[tenantIssuers+"3"] = one
	if _, err := authenticate(t, f.ResourceServer, tokenFrom(tenantIssuers+"3", one)); err != nil || f.count(tenantIssuers+"3") != 2 {
		t.Errorf("%v, asked %d times", err, f.count(tenantIssuers+"3"))
	}
	f.CloseIdleConnections()
}

// TestServerForFails: what ServerFor cannot say is no fault of the token, and does not
// stay for long.
func TestServerForFails(t *testing.T) {
	s := newUnitServer()
	cause := errors.New("the database is away")
	iss := tenantIssuers + "1"
	good := &TrustedServer{Server: &AuthorizationServer{Issuer: iss}, KeySet: setOfKeys(s.key)}
	other, letters := *good, *good
	other.Server = &AuthorizationServer{Issuer: tenantIssuers + "2"}
	letters.Server = &AuthorizationServer{Issuer: strings.ToUpper(iss)}
	template := *good
	template.Server = &AuthorizationServer{Issuer: tenantIssuers + "{tenantid}"}
	template.AcceptIssuer = func(string, string) bool { return true }
	insecure := *good
	insecure.Server, insecure.KeySet = &AuthorizationServer{Issuer: iss, JWKSURI: "http://tenants.example/jwks"}, nil
	hmac := *good
	hmac.Algorithms = []Algorithm{HS256}
	for name, answer := range map[string]func(string) (*TrustedServer, error){
		"an error":         func(string) (*TrustedServer, error) { return nil, cause },
		"an error of ours": func(string) (*TrustedServer, error) { return nil, fail(ErrIssuer, "issuer", "is another") },
		"a panic":          func(string) (*TrustedServer, error) { panic("x") },
		"in other letters": func(string) (*TrustedServer, error) { return &letters, nil },
		"another issuer":   func(string) (*TrustedServer, error) { return &other, nil },
		"a template":       func(string) (*TrustedServer, error) { return &template, nil },
		"no metadata":      func(string) (*TrustedServer, error) { return new(TrustedServer), nil },
		"http keys":        func(string) (*TrustedServer, error) { return &insecure, nil },
		"HS256":            func(string) (*TrustedServer, error) { return &hmac, nil },
	} {
		f := newFinding(t, s, nil)
		f.answer = answer
		for range 2 {
			_, err := authenticate(t, f.ResourceServer, tokenFrom(iss, s.key))
			if wantError(t, err, ErrUnavailable, ""); name == "an error" && !errors.Is(err, cause) {
				t.Errorf("%s: %v", name, err)
			}
			if StatusCode(err) != http.StatusServiceUnavailable {
				t.Errorf("%s: status %d", name, StatusCode(err))
			}
		}
		if n := f.count(iss); n != 1 {
			t.Errorf("%s: asked %d times", name, n)
		}
		f.answer = func(string) (*TrustedServer, error) { return good, nil }
		if e := f.finder.known[iss]; e != nil {
			e.at = momentAgo(retryAfter)
		}
		if _, err := authenticate(t, f.ResourceServer, tokenFrom(iss, s.key)); err != nil {
			t.Errorf("%s, five seconds later: %v", name, err)
		}
	}
}

// TestServerForBounds: a stranger who names issuers costs ten questions a second, and
// 1,000 places, none of them one that is in use.
func TestServerForBounds(t *testing.T) {
	s := newUnitServer()
	f := newFinding(t, s, nil)
	f.keys[tenantIssuers+"used"] = s.key
	used := tokenFrom(tenantIssuers+"used", s.key)
	name := func(i int) *http.Request { return tokenFrom(fmt.Sprint(tenantIssuers, i), s.key) }
	late := 0
	for i := range 2 * maxNewIssuers {
		_, err := authenticate(t, f.ResourceServer, name(i))
		if errors.Is(err, ErrUnavailable) {
			late++
		} else if wantError(t, err, ErrIssuer, "iss"); i >= maxNewIssuers+3 { // the test takes time, too
			t.Errorf("issuer %d: %v", i, err)
		}
	}
	if late < maxNewIssuers-3 {
		t.Errorf("%d of %d were not asked for", late, 2*maxNewIssuers)
	}
	f.finder.budget.burst = 2 * maxFoundServers
	if _, err := authenticate(t, f.ResourceServer, used); err != nil {
		t.Fatal(err)
	}
	for i := range maxFoundServers + 50 {
		authenticate(t, f.ResourceServer, name(1000+i))
	}
	if n := len(f.finder.known); n != maxFoundServers || f.finder.known[tenantIssuers+"used"] == nil {
		t.Errorf("%d issuers are known", n)
	}
	if _, err := authenticate(t, f.ResourceServer, used); err != nil || f.count(tenantIssuers+"used") != 1 {
		t.Errorf("%v, asked %d times", err, f.count(tenantIssuers+"used"))
	}
	// Of those with a server the one goes that was used least recently.
	full := newFinding(t, s, nil)
	full.finder.budget.burst = 2 * maxFoundServers
	full.answer = func(iss string) (*TrustedServer, error) {
		return &TrustedServer{Server: &AuthorizationServer{Issuer: iss}, KeySet: setOfKeys(s.key)}, nil
	}
	for i := range maxFoundServers {
		if _, err := authenticate(t, full.ResourceServer, name(i)); err != nil {
			t.Fatal(err)
		}
	}
	authenticate(t, full.ResourceServer, name(0))
	authenticate(t, full.ResourceServer, name(maxFoundServers))
	if full.finder.known[tenantIssuers+"0"] == nil || full.finder.known[tenantIssuers+"1"] != nil || len(full.finder.known) != maxFoundServers {
		t.Errorf("the wrong one of %d went", len(full.finder.known))
	}
}

// TestServerForShared: callers share a question, and one who leaves takes it from nobody.
func TestServerForShared(t *testing.T) {
	s := newUnitServer()
	synctest.Test(t, func(t *testing.T) { testServerForShared(t, s) })
}

func testServerForShared(t *testing.T, s *unitServer) {
	f := newFinding(t, s, nil)
	begun, open := make(chan struct{}), make(chan struct{})
	var once sync.Once
	f.answer = func(iss string) (*TrustedServer, error) {
		once.Do(func() { close(begun) })
		<-open
		return &TrustedServer{Server: &AuthorizationServer{Issuer: iss}, KeySet: setOfKeys(s.key)}, nil
	}
	r := tokenFrom(tenantIssuers+"1", s.key)
	ctx, leave := context.WithCancel(context.Background())
	first := make(chan error, 1)
	go func() {
		_, err := f.Authenticate(r.WithContext(ctx))
		first <- err
	}()
	<-begun
	leave()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := f.Authenticate(r); err != nil {
				t.Error(err)
			}
		})
	}
	synctest.Wait()
	close(open)
	wg.Wait()
	if n := f.count(tenantIssuers + "1"); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestServerForConfig(t *testing.T) {
	s := newUnitServer()
	find := func(context.Context, string) (*TrustedServer, error) { return nil, nil }
	allow := func(string) bool { return true }
	for _, tt := range []struct {
		name  string
		find  func(context.Context, string) (*TrustedServer, error)
		allow func(string) bool
		param string
	}{
		{"both", find, allow, ""},
		{"nobody decides", find, nil, "AllowIssuer"},
		{"nothing to decide", nil, allow, "AllowIssuer"},
		{"neither", nil, nil, "Servers"},
	} {
		cfg := s.resourceConfig()
		if cfg.ServerFor, cfg.AllowIssuer = tt.find, tt.allow; tt.param != "AllowIssuer" {
			cfg.Servers = nil
		}
		rs, err := NewResourceServer(cfg)
		if tt.param == "" {
			if wantError(t, err, nil, ""); rs == nil {
				t.Error(tt.name)
			}
			continue
		}
		wantError(t, err, ErrConfig, tt.param)
	}
	// JWTs are verified, and only the rest is asked about.
	f := newFinding(t, s, func(c *ResourceServerConfig) { c.Servers, c.Introspect = nil, s.introspector(t, nil) })
	s.answer(introspectionPath, `{"active":true}`)
	if _, err := authenticate(t, f.ResourceServer, bearer("opaque")); err != nil {
		t.Error(err)
	}
	_, err := authenticate(t, f.ResourceServer, tokenFrom("https://other.example", s.key))
	if wantError(t, err, ErrIssuer, "iss"); len(s.requests(introspectionPath)) != 1 {
		t.Error("a JWT was asked about")
	}
}

// TestServerOfKey: of several servers the one counts that alone has the key id, and where
// two have it, or the keys of one are not known, the one that the token names.
func TestServerOfKey(t *testing.T) {
	s := newUnitServer()
	mine, shared, theirs := namedKey(t, "mine"), namedKey(t, "shared"), namedKey(t, "theirs")
	const second = "https://second.example"
	rs := s.resource(t, func(c *ResourceServerConfig) {
		c.Servers[0].KeySet = setOfKeys(mine, shared)
		other := namedKey(t, "shared")
		c.Servers = append(c.Servers, TrustedServer{Server: &AuthorizationServer{Issuer: second}, KeySet: setOfKeys(theirs, other)})
	})
	header := func(kid string) *joseHeader { return &joseHeader{alg: ES256, kid: kid, hasKid: kid != ""} }
	for kid, want := range map[string]*trustedServer{"mine": rs.servers[0], "theirs": rs.servers[1], "shared": nil, "nobody's": nil, "": nil, "MINE": nil} {
		if got := rs.serverWithKey(header(kid), monotonic()); got != want {
			t.Errorf("%s: %v", kid, got)
		}
	}
	for _, tt := range []struct {
		iss  string
		key  *SigningKey
		kind error
	}{
		{unitIssuer, mine, nil}, {second, theirs, nil}, {unitIssuer, shared, nil},
		{second, shared, ErrSignature}, {second, mine, ErrIssuer}, {unitIssuer, theirs, ErrIssuer}, {"https://third.example", mine, ErrIssuer},
		// The second has a new key, whose id the first has, and nobody has fetched it yet.
		{second, namedKey(t, "mine"), ErrKeyNotFound},
	} {
		_, err := authenticate(t, rs, tokenFrom(tt.iss, tt.key))
		wantError(t, err, tt.kind, "")
	}
	cold := s.resource(t, func(c *ResourceServerConfig) {
		c.Servers = append(c.Servers, TrustedServer{Server: &AuthorizationServer{Issuer: second}, KeySet: setOfKeys(theirs)})
	})
	if got := cold.serverWithKey(header("theirs"), monotonic()); got != nil {
		t.Error("the keys of a server are not known, and the key id decides")
	}
	if _, err := authenticate(t, cold, bearer(s.accessToken(t, nil))); err != nil {
		t.Error(err)
	}
	if got := cold.serverWithKey(header("theirs"), monotonic()); got != cold.servers[1] {
		t.Error("the keys are known, and the key id does not decide")
	}
}

// TestServerOfKeyRotated: a server may take up a key id that another has. Its token is
// judged by its keys all the same.
func TestServerOfKeyRotated(t *testing.T) {
	const second = "https://second.example"
	s, theirs := newUnitServer(), newUnitServer()
	mine, old, fresh := namedKey(t, "mine"), namedKey(t, "old"), namedKey(t, "mine")
	theirs.answer("/jwks", `{"keys":[`+string(old.PublicJWK())+`]}`)
	keys := must(NewKeySet(unitIssuer+"/jwks", &KeySetOptions{HTTPClient: &http.Client{Transport: theirs}}))
	rs := s.resource(t, func(c *ResourceServerConfig) {
		c.Servers[0].KeySet = setOfKeys(mine)
		c.Servers = append(c.Servers, TrustedServer{Server: &AuthorizationServer{Issuer: second}, KeySet: keys})
	})
	if _, err := authenticate(t, rs, tokenFrom(second, old)); err != nil {
		t.Fatal(err)
	}
	theirs.answer("/jwks", `{"keys":[`+string(old.PublicJWK())+`,`+string(fresh.PublicJWK())+`]}`)
	token := func(claims map[string]any) *http.Request {
		return bearer(must(fresh.SignJWT("at+jwt", accessClaims(claims))))
	}
	for _, tt := range []struct {
		name string
		r    *http.Request
		kind error
	}{
		{"of the first, forged", token(nil), ErrSignature},
		{"of nobody", token(map[string]any{"iss": "https://third.example"}), ErrSignature},
		{"of nobody that it names", token(map[string]any{"iss": unitRemoved}), ErrSignature},
		{"of the second", token(map[string]any{"iss": second}), nil},
		{"of the second, and long", token(map[string]any{"iss": second, "pad": strings.Repeat("x", maxToken/2)}), nil},
	} {
		_, err := authenticate(t, rs, tt.r)
		if wantError(t, err, tt.kind, ""); tt.kind != nil && len(theirs.requests("/jwks")) != 1 {
			t.Errorf("%s: %d fetches", tt.name, len(theirs.requests("/jwks")))
		}
	}
	// A token without a key id, and servers that are found, are told by their names.
	bare := s.resource(t, func(c *ResourceServerConfig) {
		c.Servers[0].KeySet = setOfKeys(namedKey(t, ""))
		c.Servers = append(c.Servers, TrustedServer{Server: &AuthorizationServer{Issuer: second}, KeySet: setOfKeys(old)})
	})
	aged := *keys.current.Load()
	aged.fetched = momentAgo(aged.softAge)
	keys.current.Store(&aged)
	if rs.serverWithKey(&joseHeader{alg: ES256, kid: "old", hasKid: true}, monotonic()) != nil {
		t.Error("which keys a server has now is not known")
	}
	if bare.serverWithKey(&joseHeader{alg: ES256}, monotonic()) != nil {
		t.Error("a token without a key id has one")
	}
	finding := newFinding(t, s, func(c *ResourceServerConfig) { c.Servers[0].KeySet = setOfKeys(mine) })
	if finding.serverWithKey(&joseHeader{alg: ES256, kid: "mine", hasKid: true}, monotonic()) != nil {
		t.Error("servers that are not known yet may have the key id")
	}
}

// TestHeaderOfAnotherServer: what the keys of one server remember of a header is not for a
// token in the name of another, whose keys nobody has fetched yet.
func TestHeaderOfAnotherServer(t *testing.T) {
	const second = "https://second.example"
	for _, kid := range []string{"", "mine"} {
		s, theirs := newUnitServer(), newUnitServer()
		mine := namedKey(t, kid)
		theirs.answer("/jwks", `{"keys":[`+string(namedKey(t, kid).PublicJWK())+`]}`)
		keys := must(NewKeySet(unitIssuer+"/jwks", &KeySetOptions{HTTPClient: &http.Client{Transport: theirs}}))
		rs := s.resource(t, func(c *ResourceServerConfig) {
			c.Servers[0].KeySet = setOfKeys(mine)
			c.Servers = append(c.Servers, TrustedServer{Server: &AuthorizationServer{Issuer: second}, KeySet: keys})
		})
		for range 3 {
			if _, err := authenticate(t, rs, tokenFrom(unitIssuer, mine)); err != nil {
				t.Fatal(err)
			}
		}
		if n := memoSize(rs.servers[0].keys); n != 1 || keys.current.Load() != nil {
			t.Fatalf("%d headers are remembered, and the other's keys are %v", n, keys.current.Load())
		}
		_, err := authenticate(t, rs, tokenFrom(second, mine))
		if wantError(t, err, ErrSignature, ""); len(theirs.requests("/jwks")) != 1 {
			t.Errorf("%q: %d fetches", kid, len(theirs.requests("/jwks")))
		}
	}
}

// TestKeyIDsOfASet: those of keys that cannot be used are among them, and no others.
func TestKeyIDsOfASet(t *testing.T) {
	set := must(ParseKeySet([]byte(`{"keys":[{"kty":"RSA","kid":"short","n":"AQAB","e":"AQAB"},` + string(namedKey(t, "good").PublicJWK()) + `]}`)))
	for kid, want := range map[string]bool{"short": true, "good": true, "SHORT": false, "GOOD": false, "": false, "other": false} {
		if got := set.current.Load().names(kid); got != want {
			t.Errorf("%q: %v", kid, got)
		}
		if got := set.mayHave(&joseHeader{kid: kid, hasKid: true}); got != want {
			t.Errorf("%q may be there: %v", kid, got)
		}
	}
	if !set.mayHave(new(joseHeader)) || !must(NewKeySet("https://op.example/jwks", nil)).mayHave(&joseHeader{kid: "x", hasKid: true}) {
		t.Error("a token without a key id, and keys that are not known yet")
	}
}

func TestHeaderNonce(t *testing.T) {
	for header, want := range map[string]bool{
		`{"alg":"RS256","nonce":"n"}`: true, `{"alg":"RS256"}`: false, `{"Nonce":"n"}`: false, `{"x":{"nonce":"n"}}`: false, `{}`: false, "": false,
	} {
		if got := hasHeaderNonce(encodeBase64URL([]byte(header)) + ".e30.AA"); got != want {
			t.Errorf("%s: %v", header, got)
		}
	}
	for _, raw := range []string{"", "a.b", "!.e30.AA", "a.b.c.d.e"} {
		if hasHeaderNonce(raw) {
			t.Errorf("%q has a nonce", raw)
		}
	}
}

func namedKey(t *testing.T, kid string) *SigningKey {
	key := *must(GenerateSigningKey(ES256))
	key.kid = kid
	return &key
}

// TestForeignIssuer: a token of another issuer is one, and no reason to fetch keys.
func TestForeignIssuer(t *testing.T) {
	s := newUnitServer()
	rs := s.resource(t, nil)
	if _, err := authenticate(t, rs, bearer(s.accessToken(t, nil))); err != nil {
		t.Fatal(err)
	}
	stranger := namedKey(t, "stranger")
	before := len(s.log)
	for range 5 {
		_, err := authenticate(t, rs, tokenFrom("https://other.example", stranger))
		wantError(t, err, ErrIssuer, "iss")
	}
	if n := len(s.log) - before; n != 0 {
		t.Errorf("%d requests", n)
	}
	_, err := authenticate(t, rs, tokenFrom("https://other.example", namedKey(t, "")))
	wantError(t, err, ErrSignature, "") // it names no key, and the server has one
	_, err = authenticate(t, rs, tokenFrom(unitIssuer, stranger))
	_, noIssuer := authenticate(t, rs, bearer(must(stranger.SignJWT("at+jwt", accessClaims(map[string]any{"iss": unitRemoved})))))
	wantError(t, noIssuer, ErrKeyNotFound, "kid")
	if wantError(t, err, ErrKeyNotFound, "kid"); len(s.log)-before != 2 {
		t.Errorf("%d requests for a key that the server may have", len(s.log)-before)
	}
}
