package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"time"

	"example.com/oauth"
)

// This file has the tables of hostile input: tokens and bodies.

// cost returns the time of a call in µs and the bytes that it allocates.
func (b *bench) cost(call func() error) (µs, bytes float64) {
	start := time.Now()
	call()
	if time.Since(start) > 2*time.Millisecond {
		took, bytes := once(3, func() { call() })
		return float64(took) / 1000, bytes
	}
	o := op{call: func() { call() }}
	_, bytes = allocs(o)
	return b.typical(o) / 1000, bytes
}

// hostileTokens are refused before a signature is checked. typ is that of the tokens
// that are expected.
func hostileTokens(typ string) []struct{ name, token string } {
	unknown := `{"alg":"RS256","typ":"` + typ + `","kid":"unknown"}`
	list := []struct{ name, token string }{
		{"10 MB of a", strings.Repeat("a", 10_000_000)},
		{"10 MB of dots", strings.Repeat(".", 10_000_000)},
		{"10 MB of claims", forged(unknown, `{"a":"`+strings.Repeat("a", 7_400_000)+`"}`, 256)},
		{"header of 900 kB", forged(`{"alg":"RS256","kid":"`+strings.Repeat("a", 675_000)+`"}`, `{}`, 256)},
		{"header of 900 kB, members", forged(`{"alg":"RS256","kid":"a",`+numbered(675_000, `"%07d":1`)+`}`, `{}`, 256)},
		{"header of 8 kB, members", forged(`{"alg":"RS256","kid":"a",`+numbered(5_900, `"%07d":1`)+`}`, `{}`, 256)},
		{"header of 8 kB, deep", forged(`{"alg":"RS256","kid":"a","x":`+strings.Repeat("[", 5_900), `{}`, 256)},
		{"64 kB of dots", strings.Repeat(".", 65_000)},
		{"64 kB, base64 bad at the end", strings.TrimSuffix(forged(unknown, `{"a":"`+strings.Repeat("a", 48_000)+`"}`, 256), "c") + "!"},
		{"64 kB, typ", forged(`{"alg":"RS256","typ":"logout+jwt","kid":"unknown"}`, `{"a":"`+strings.Repeat("a", 48_000)+`"}`, 256)},
	}
	for _, s := range shapes {
		for _, iss := range []string{issuerURL, "https://stranger.example"} {
			claims := `{` + s.make(47_500) + `,"iss":"` + iss + `"}`
			name := "64 kB, " + s.name
			if iss != issuerURL {
				name += ", iss of nobody"
			}
			list = append(list, struct{ name, token string }{name, forged(unknown, claims, 256)})
		}
	}
	return list
}

func (b *bench) hostile() {
	k := newKey("RS256", "signing-key-2026")
	is := newIssuer(issuerURL, keySet(20, k))
	second := newIssuer(secondURL, keySet(20, newKey("RS256", "second-key-2026")))
	ours := refusers(k, is, second)
	b.hostileTokens(k, is, ours)
	b.badSignatures(k, ours)
	b.badProofs(newIssuer(issuerURL, ""))
	b.hostileBodies()
	if !b.quick {
		b.endlessKeySets()
		b.drips()
	}
}

func (b *bench) hostileTokens(k *key, is *issuer, list []refuser) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if !b.quick {
		for _, p := range peers {
			if p.remote {
				verify := must(p.verifier(ctx, is, idExpectation.with(k.alg)))
				verify(k.idToken(nil))
				list = append(list, refuser{p.name, func(token string) func() error {
					return func() error { _, err := verify(token); return err }
				}})
			}
		}
	}
	head := []string{""}
	for _, r := range list {
		head = append(head, r.name)
	}
	t := newTable("Hostile tokens, refused before any signature: time and bytes allocated", "", head...)
	accessTokens := hostileTokens("at+jwt")
	for i, h := range hostileTokens("JWT") {
		cells := []string{h.name}
		for _, r := range list {
			call := r.of(h.token)
			if strings.Contains(r.name, "API") {
				call = r.of(accessTokens[i].token)
			}
			if call() == nil {
				check(errors.New(r.name + " accepts: " + h.name))
			}
			µs, bytes := b.cost(call)
			b.put("µs", µs, "hostile", "token", h.name, r.name)
			b.put("bytes", bytes, "hostile", "token", h.name, r.name)
			cells = append(cells, fmt.Sprintf("%s, %s B", short(time.Duration(µs*1000)), number(bytes)))
		}
		t.add(cells...)
	}
	t.print(b.out)
}

// badSignatures measures tokens of 64 kB under a good key id, whose signature has to be
// checked, beyond one check.
func (b *bench) badSignatures(k *key, list []refuser) {
	head := []string{""}
	for _, r := range list {
		head = append(head, r.name)
	}
	t := newTable("Tokens of 64 kB with a bad signature: µs beyond one bare check", "", head...)
	bare := k.bareCheck(k.idToken(nil))
	t.add("A/A", ratio(b.same(bare, "hostile", "signature").ratio))
	for _, s := range shapes {
		cells := []string{s.name}
		for _, r := range list {
			header := k.header("at+jwt")
			if strings.Contains(r.name, "ID") {
				header = k.header("")
			}
			token := forged(header, `{"iss":"`+issuerURL+`",`+s.make(47_500)+`}`, 256)
			p := b.pair(bare, refusing(r.of(token)))
			b.put("µs", p.beyond/1000, "hostile", "signature", s.name, r.name)
			cells = append(cells, fmt.Sprintf("%.1f", p.beyond/1000))
		}
		t.add(cells...)
		if b.quick {
			break
		}
	}
	t.print(b.out)
}

// badProofs measures a good bound token with a bad proof, beyond the check of two
// signatures.
func (b *bench) badProofs(is *issuer) {
	server, holder := newKey("ES256", "signing-key-2026"), newKey("ES256", "")
	is.set("/jwks", keySet(20, server))
	rs := newAPI(nil, is)
	token := server.accessToken(map[string]any{"cnf": map[string]any{"jkt": thumbprint(publicHeader(holder))}})
	header := `{"typ":"dpop+jwt","alg":"ES256","jwk":` + object(publicHeader(holder), nil) + `}`
	claims := func(more string) string {
		return fmt.Sprintf(`{"jti":"j","htm":"GET","htu":%q,"iat":%d,"ath":%q%s}`, proofURL, time.Now().Unix(), hash(token), more)
	}
	list := []struct{ name, proof string }{
		{"bad signature", forged(header, claims(""), 64)},
		{"1 MB", strings.Repeat("a", 1_000_000)},
		{"1 MB of dots", strings.Repeat(".", 1_000_000)},
		{"1 MB of header", forged(strings.Repeat(" ", 750_000)+header, claims(""), 64)},
	}
	for _, s := range shapes {
		list = append(list, struct{ name, proof string }{"16 kB, " + s.name, forged(header, claims(","+s.make(11_000)), 64)})
	}
	bare1 := server.bareCheck(token)
	bare := op{call: func() { bare1.call(); bare1.call() }}
	t := newTable("A good DPoP-bound token with a hostile proof: µs beyond two bare checks, and bytes allocated", "", "", "ours", "bytes")
	t.add("A/A", ratio(b.same(bare, "hostile", "proof").ratio))
	for _, h := range list {
		r := apiRequest("DPoP " + token)
		r.Header.Set("DPoP", h.proof)
		refuse := refusing(func() error { _, err := rs.Authenticate(r); return err })
		p := b.pair(bare, refuse)
		_, bytes := allocs(refuse)
		b.put("µs", p.beyond/1000, "hostile", "proof", h.name, "ours")
		b.put("bytes", bytes, "hostile", "proof", h.name, "ours")
		t.add(h.name, fmt.Sprintf("%.1f", p.beyond/1000), number(bytes))
	}
	t.print(b.out)
}

// A reader is a call that reads a body, and a good begin of that body.
type reader struct {
	name, path, begin string
	read              func(ctx context.Context, is *issuer) error
}

// readers are the four kinds of bodies.
func readers(k *key) []reader {
	server := func(is *issuer) *oauth.AuthorizationServer {
		return &oauth.AuthorizationServer{Issuer: is.url, JWKSURI: is.jwksURI(), TokenEndpoint: is.url + "/token", IntrospectionEndpoint: is.url + "/introspect"}
	}
	client := func(is *issuer) *oauth.Client {
		return must(oauth.NewClient(oauth.Config{
			Server: server(is), Metadata: oauth.ClientMetadata{ClientID: clientID},
			Auth: oauth.ClientSecretBasic("secret"), HTTPClient: is.client(),
		}))
	}
	jwks := keySet(1, k)
	return []reader{
		{"key set", "/jwks", strings.TrimSuffix(jwks, "}"), func(ctx context.Context, is *issuer) error {
			return must(oauth.NewKeySet(is.jwksURI(), &oauth.KeySetOptions{HTTPClient: is.client()})).Refresh(ctx)
		}},
		{"token response", "/token", `{"access_token":"a","token_type":"Bearer"`, func(ctx context.Context, is *issuer) error {
			_, err := client(is).ClientCredentials(ctx, nil)
			return err
		}},
		{"discovery", "/.well-known/openid-configuration", fmt.Sprintf(
			`{"issuer":%q,"authorization_endpoint":"%s/authorize","token_endpoint":"%s/token","jwks_uri":%q,"response_types_supported":["code"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256"]`,
			issuerURL, issuerURL, issuerURL, issuerURL+"/jwks"), func(ctx context.Context, is *issuer) error {
			_, err := oauth.Discover(ctx, is.url, &oauth.DiscoverOptions{HTTPClient: is.client()})
			return err
		}},
		{"introspection", "/introspect", `{"active":true,"sub":"a"`, func(ctx context.Context, is *issuer) error {
			_, err := client(is).Introspect(ctx, "token", nil)
			return err
		}},
	}
}

// hostileBodies measures bodies of 1 MiB, which are read whole.
func (b *bench) hostileBodies() {
	const size = 1 << 20
	k := newKey("RS256", "signing-key-2026")
	list := readers(k)
	head := []string{""}
	for _, r := range list {
		head = append(head, r.name)
	}
	t := newTable("Hostile bodies of 1 MiB: time and bytes allocated", "", append(head, "encoding/json into a map")...)
	more := []shape{
		{"many keys", func(n int) string {
			return `"keys":[` + repeated(n, object(jwk(filler("RS256"), "RS256", "a"), nil)) + `]`
		}},
		{"keys of nothing", func(n int) string { return `"keys":[` + repeated(n, "{}") + `]` }},
	}
	for i, s := range append(more, shapes...) {
		cells := []string{s.name}
		var last string
		for _, r := range list {
			begin := r.begin + ","
			if i < len(more) { // the keys stand in place of the good ones
				if begin = "{"; r.name != "key set" {
					begin = r.begin + ","
				}
			}
			body := begin + s.make(size-len(begin)-1000) + "}"
			if len(body) > size {
				check(fmt.Errorf("%s makes %d bytes", s.name, len(body)))
			}
			body += strings.Repeat(" ", size-len(body))
			is := newIssuer(issuerURL, `{"keys":[]}`)
			is.set(r.path, body)
			took, bytes := once(3, func() { r.read(context.Background(), is) })
			b.put("ms", took.Seconds()*1000, "hostile", "body", s.name, r.name, "ours")
			b.put("bytes", bytes, "hostile", "body", s.name, r.name, "ours")
			cells = append(cells, short(took)+", "+number(bytes)+" B")
			last = body
		}
		took, bytes := once(3, func() {
			var m map[string]any
			json.Unmarshal([]byte(last), &m)
		})
		t.add(append(cells, short(took)+", "+number(bytes)+" B")...)
		if b.quick && i > 3 {
			break
		}
	}
	t.print(b.out)
}

// endlessKeySets lets a key set go on for 50 MB.
func (b *bench) endlessKeySets() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	k := newKey("RS256", "signing-key-2026")
	token := k.idToken(nil)
	body := `{"keys":[` + repeated(50_000_000, object(jwk(filler("RS256"), "RS256", "a"), nil)) + `]}`
	t := newTable("A key set of 50 MB: time and bytes allocated", "", "", "time", "bytes")
	row := func(name string, call func(*issuer)) {
		is := newIssuer(issuerURL, body)
		took, bytes := once(1, func() { call(is) })
		t.add(name, short(took), number(bytes))
	}
	row("ours", func(is *issuer) { ourIDToken(is, k.alg)(token) })
	for _, p := range peers {
		if p.remote {
			row(p.name, func(is *issuer) {
				ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
				defer cancel()
				if verify, err := p.verifier(ctx, is, idExpectation.with(k.alg)); err == nil {
					verify(token)
				}
			})
		}
	}
	t.print(b.out)
}

// A dripper answers with a body of which a byte comes each tenth of a second.
type dripper struct{}

func (dripper) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: -1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: &drip{ctx: r.Context(), closed: make(chan struct{})},
	}, nil
}

// drip ends with the context of its request, or when it is closed, as a body of
// net/http does.
type drip struct {
	ctx    context.Context
	closed chan struct{}
}

func (d *drip) Read(p []byte) (int, error) {
	select {
	case <-d.closed:
		return 0, io.ErrClosedPipe
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	case <-time.After(time.Second / 10):
		p[0] = ' '
		return 1, nil
	}
}

func (d *drip) Close() error {
	close(d.closed)
	return nil
}

// drips measures how long after the end of its context a call returns, and what of it
// is left 11 seconds later.
func (b *bench) drips() {
	const patience = time.Second
	t := newTable("A body that drips: return after the end of the context, and goroutines 11 s later", "", "", "after", "left")
	before := runtime.NumGoroutine()
	list := readers(newKey("RS256", "signing-key-2026"))
	late := make(chan time.Duration, len(list))
	for _, r := range list {
		go func() {
			is := &issuer{url: issuerURL, transport: dripper{}}
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			start := time.Now()
			if r.read(ctx, is) == nil {
				panic("a body that never ends is read")
			}
			late <- time.Since(start) - patience
		}()
	}
	var worst time.Duration
	for range list {
		worst = max(worst, <-late)
	}
	time.Sleep(11 * time.Second)
	left := runtime.NumGoroutine() - before
	b.put("s", worst.Seconds(), "hostile", "drip", "ours")
	b.put("left", float64(left), "hostile", "drip", "ours")
	t.add("ours, the worst of four calls", short(worst), fmt.Sprint(left))
	t.print(b.out)
}
