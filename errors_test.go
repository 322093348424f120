package oauth

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.com/oauth/oauthtest"
)

var (
	errorsPlainKinds   = []error{ErrConfig, ErrInsecureURL, ErrNetwork, ErrResponse, ErrParse, ErrUnsupported, ErrUnavailable, ErrNoCredentials, ErrRefused}
	errorsInvalidKinds = []error{
		ErrAlgorithm, ErrKeyNotFound, ErrSignature, ErrType, ErrClaim, ErrIssuer, ErrAudience, ErrExpired,
		ErrNotYetValid, ErrNonce, ErrState, ErrTokenType, ErrReplay,
	}
)

func TestErrorKinds(t *testing.T) {
	texts := map[string]bool{}
	all := append(append([]error{ErrInvalid}, errorsPlainKinds...), errorsInvalidKinds...)
	for i, kind := range all {
		if text := kind.Error(); !strings.HasPrefix(text, "oauth: ") || texts[text] {
			t.Errorf("%q is the text of two kinds, or has no prefix", text)
		}
		texts[kind.Error()] = true
		err := fmt.Errorf("wrapped: %w", withOp("op", fail(kind, "param", "detail")))
		for j, other := range all {
			umbrella := other == ErrInvalid && i > len(errorsPlainKinds)
			if want := i == j || umbrella; errors.Is(err, other) != want || errors.Is(kind, other) != want {
				t.Errorf("errors.Is(%q, %q) is not %v", kind, other, want)
			}
		}
		var e *Error
		if !errors.As(err, &e) || e.Kind != kind || e.Op != "op" || e.Param != "param" || e.Detail != "detail" {
			t.Errorf("errors.As gives %#v", e)
		}
	}
}

func TestErrorText(t *testing.T) {
	cause := errors.New("the cause")
	for _, tt := range []struct {
		err  *Error
		want string
	}{
		{&Error{}, "oauth: "},
		{&Error{Kind: ErrNonce}, "oauth: nonce"},
		{&Error{Kind: ErrNonce, Op: "id token"}, "oauth: id token: nonce"},
		{&Error{Kind: ErrNonce, Op: "id token", Param: "nonce", Detail: "is missing"}, "oauth: id token: nonce: is missing"},
		{&Error{Kind: ErrNetwork, Detail: "no answer", Err: cause}, "oauth: no answer: the cause"},
		// One prefix is enough.
		{&Error{Kind: ErrUnavailable, Op: "id token", Detail: "no keys", Err: withOp("key set", fail(ErrResponse, "", "a web page"))}, "oauth: id token: no keys: key set: a web page"},
		{fail(ErrClaim, "p", "%d of %s", 1, "x"), "oauth: p: 1 of x"},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("%#v prints as %q, want %q", tt.err, got, tt.want)
		}
	}
	e := &Error{Kind: ErrNetwork, Err: fmt.Errorf("x: %w", context.DeadlineExceeded)}
	if !errors.Is(e, ErrNetwork) || !errors.Is(e, context.DeadlineExceeded) || errors.Is(e, context.Canceled) {
		t.Error("errors.Is does not see kind and cause")
	}
	if len((&Error{}).Unwrap()) != 0 {
		t.Error("an Error without kind and cause unwraps to something")
	}
	e = &Error{Err: context.Canceled}
	for _, kind := range append(errorsPlainKinds, ErrInvalid) {
		if errors.Is(e, kind) {
			t.Errorf("an Error without a kind is %v", kind)
		}
	}
}

// TestErrorWithOp: several callers may hold one error, as those of one
// key-set fetch do. The operation of one must not show in that of another.
func TestErrorWithOp(t *testing.T) {
	shared := fail(ErrNetwork, "p", "d")
	a, b := withOp("a", shared), withOp("b", shared)
	if shared.Op != "" || a.(*Error).Op != "a" || b.(*Error).Op != "b" || a.(*Error).Kind != ErrNetwork {
		t.Errorf("shared %v, a %v, b %v", shared, a, b)
	}
	if again := withOp("c", a); again != a {
		t.Errorf("a second operation gives %v", again)
	}
	if withOp("a", nil) != nil {
		t.Error("an operation makes an error of nil")
	}
	for _, other := range []error{io.EOF, &ResponseError{}, &AuthorizationError{}} {
		if withOp("a", other) != other {
			t.Errorf("%T changes", other)
		}
	}
}

func TestErrorResponse(t *testing.T) {
	var err error = &ResponseError{Op: "token", StatusCode: 400, Code: "invalid_grant"}
	if !errors.Is(err, ErrRefused) || errors.Is(err, ErrResponse) || errors.Is(err, ErrInvalid) {
		t.Error("with a code it has to be ErrRefused alone")
	}
	err = fmt.Errorf("wrapped: %w", &ResponseError{StatusCode: 502})
	if !errors.Is(err, ErrRefused) || !errors.Is(err, ErrResponse) || errors.Is(err, ErrNetwork) {
		t.Error("without a code it has to be ErrRefused and ErrResponse")
	}
	var re *ResponseError
	if !errors.As(err, &re) || re.StatusCode != 502 {
		t.Error("errors.As does not find it")
	}
	for _, tt := range []struct {
		err  *ResponseError
		want string
	}{
		{&ResponseError{StatusCode: 502}, "oauth: the server answered with status 502"},
		{&ResponseError{Op: "token", StatusCode: 400, Code: "invalid_grant", Description: "Code is used", URI: "https://op.example.com/e"},
			`oauth: token: the server answered with status 400 and error "invalid_grant" ("Code is used"); the code, refresh token or assertion has expired, was used before, or is not one for this client and redirect URI: if the user can, let them log in again`},
		// Only a refusal without a code is said to be a matter of time: slow_down has its own way.
		{&ResponseError{StatusCode: 429}, "oauth: the server answered with status 429; wait before the next request, as long as Retry-After in its Header says"},
		{&ResponseError{StatusCode: 429, Code: "slow_down"}, `oauth: the server answered with status 429 and error "slow_down"`},
		{&ResponseError{Op: "token", StatusCode: 401, Code: "invalid_client"},
			`oauth: token: the server answered with status 401 and error "invalid_client"; check Metadata.ClientID, the secret or key in Config.Auth, and that its method is the one registered for the client`},
		// Keycloak says this of a wrong secret.
		{&ResponseError{Op: "token", StatusCode: 401, Code: "unauthorized_client"},
			`oauth: token: the server answered with status 401 and error "unauthorized_client"; the client is not registered for this grant or response type, or its secret is wrong (Keycloak)`},
		// What the server writes cannot forge lines of a log, nor fill it.
		{&ResponseError{StatusCode: 400, Code: "a\nb", Description: "\x1b[31m"}, `oauth: the server answered with status 400 and error "a\nb" ("\x1b[31m")`},
		{&ResponseError{StatusCode: 400, Code: strings.Repeat("c", 100), Description: strings.Repeat("d", 1100)},
			`oauth: the server answered with status 400 and error "` + strings.Repeat("c", 64) + `\u2026" ("` + strings.Repeat("d", 1024) + `\u2026")`},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("prints as %s, want %s", got, tt.want)
		}
	}
}

func TestErrorAuthorization(t *testing.T) {
	err := fmt.Errorf("wrapped: %w", &AuthorizationError{Code: "access_denied", Description: "no\n", URI: "https://op.example.com/e"})
	if !errors.Is(err, ErrRefused) || errors.Is(err, ErrResponse) || errors.Is(err, ErrInvalid) {
		t.Error("it has to be ErrRefused alone")
	}
	var ae *AuthorizationError
	if !errors.As(err, &ae) || ae.Error() != `oauth: authorization: the server answered with error "access_denied" ("no\n")` {
		t.Errorf("it prints as %v", ae)
	}
	if got := (&AuthorizationError{Code: strings.Repeat("c", 65)}).Error(); !strings.HasSuffix(got, strings.Repeat("c", 64)+`\u2026"`) {
		t.Errorf("a long code prints as %s", got)
	}
}

func TestErrorPrintable(t *testing.T) {
	for _, tt := range []struct {
		s    string
		n    int
		want string
	}{
		{"", 4, `""`}, {"abcd", 4, `"abcd"`}, {"abcde", 4, `"abcd\u2026"`}, {"a\"\n\x00\x7f", 9, `"a\"\n\x00\x7f"`},
		{"é\u202e", 9, `"\u00e9\u202e"`}, {"\xff", 4, `"\xff"`}, {"aé", 2, `"a\xc3\u2026"`},
	} {
		if got := printable(tt.s, tt.n); got != tt.want {
			t.Errorf("printable(%q, %d) is %s, want %s", tt.s, tt.n, got, tt.want)
		}
	}
}

// errorsSmallRSA is a signer with an RSA key of 1024 bits. It cannot sign; its
// public key is refused before that.
type errorsSmallRSA struct{ crypto.Signer }

func errorsModulus() *big.Int {
	n := new(big.Int).Lsh(big.NewInt(1), 1023)
	return n.Add(n, big.NewInt(1))
}

func (errorsSmallRSA) Public() crypto.PublicKey { return &rsa.PublicKey{N: errorsModulus(), E: 65537} }

// errorsServer is a server with the client "web", which authenticates by
// client_secret_basic, and the configuration for it.
func errorsServer(t *testing.T, opts *oauthtest.Options) (*oauthtest.Server, Config) {
	t.Helper()
	if opts == nil {
		opts = new(oauthtest.Options)
	}
	opts.SigningAlgs = []string{"ES256"}
	srv := oauthtest.NewServer(opts)
	t.Cleanup(srv.Close)
	srv.AddClient(oauthtest.Client{ID: "web", Secret: "the secret that both know", RedirectURIs: []string{"https://app.example.com/cb"}})
	as, err := Discover(context.Background(), srv.Issuer(), &DiscoverOptions{HTTPClient: srv.Client()})
	if err != nil {
		t.Fatal(err)
	}
	return srv, Config{
		Server: as, Metadata: ClientMetadata{ClientID: "web"}, HTTPClient: srv.Client(),
		Auth: ClientSecretBasic("the secret that both know"),
	}
}

// errorsLogin is a login from end to end.
func errorsLogin(srv *oauthtest.Server, cfg Config) error {
	c, err := NewClient(cfg)
	if err != nil {
		return err
	}
	ctx := context.Background()
	a, err := c.StartAuthorization(ctx, &AuthorizationRequest{RedirectURI: "https://app.example.com/cb", Scope: []string{"openid"}})
	if err != nil {
		return err
	}
	callback, err := srv.Authorize(ctx, a.URL())
	if err != nil {
		return err
	}
	_, err = c.FinishAuthorization(callback, a, nil)
	return err
}

// TestErrorsToActOn has the mistakes that are made most. For each the error has
// the right kind and is one sentence that names what is at fault, what is wrong
// with it, and what to do.
func TestErrorsToActOn(t *testing.T) {
	ctx := context.Background()
	srv, good := errorsServer(t, nil)
	if err := errorsLogin(srv, good); err != nil {
		t.Fatalf("without a mistake: %v", err)
	}
	config := func(change func(*Config)) error {
		cfg := good
		change(&cfg)
		return errorsLogin(srv, cfg)
	}
	server := func(change func(*AuthorizationServer)) error {
		return config(func(cfg *Config) {
			as := *good.Server
			change(&as)
			cfg.Server = &as
		})
	}
	shifted := func(d time.Duration) error {
		return config(func(cfg *Config) { cfg.Clock.Now = func() time.Time { return time.Now().Add(d) } })
	}
	lateTransport := srv.Client().Transport.(*http.Transport).Clone()
	lateTransport.TLSClientConfig.Time = func() time.Time { return time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC) }
	otherTrust := httptest.NewTLSServer(http.NotFoundHandler()) // of another authority
	defer otherTrust.Close()
	ecKey, err := GenerateSigningKey(ES256)
	if err != nil {
		t.Fatal(err)
	}
	smallJWK := fmt.Sprintf(`{"keys":[{"kty":"RSA","kid":"small","e":"AQAB","n":%q},%s]}`, encodeBase64URL(errorsModulus().Bytes()), ecKey.PublicJWK())
	smallSet, err := ParseKeySet([]byte(smallJWK))
	if err != nil {
		t.Fatal(err)
	}
	smallToken := encodeBase64URL([]byte(`{"alg":"RS256","kid":"small"}`)) + ".e30.AAAA"
	verifier, err := NewClient(Config{Server: &AuthorizationServer{Issuer: clockIssuer}, Metadata: ClientMetadata{ClientID: "web"}, KeySet: smallSet})
	if err != nil {
		t.Fatal(err)
	}

	for _, tt := range []struct {
		name string
		err  func() error
		kind error
		want string // of the text; * stands for anything
	}{
		{"http issuer", func() error { _, err := Discover(ctx, "http://op.example.com", nil); return err }, ErrInsecureURL,
			`oauth: discover: issuer: is an http URL (host "op.example.com"): use https; for tests on loopback there is InsecureAllowHTTP`},
		{"issuer without a scheme", func() error { _, err := Discover(ctx, "op.example.com", nil); return err }, ErrConfig,
			`oauth: discover: issuer: is not an absolute URL: it has to begin with https://`},
		{"unknown algorithm", func() error {
			return config(func(cfg *Config) { cfg.Metadata.IDTokenSignedResponseAlg = "ES257" })
		}, ErrAlgorithm,
			`oauth: configuration: Metadata.IDTokenSignedResponseAlg: "ES257" is not known: use one of ES256, *`},
		{"algorithm none", func() error {
			return config(func(cfg *Config) { cfg.Metadata.IDTokenSignedResponseAlg = "none" })
		}, ErrAlgorithm,
			`oauth: configuration: Metadata.IDTokenSignedResponseAlg: none is never accepted: tokens have to be signed with the server's private key; register the client with one of ES256, *`},
		{"server with HMAC alone", func() error {
			return server(func(as *AuthorizationServer) { as.IDTokenSigningAlgValuesSupported = []Algorithm{HS256} })
		}, ErrAlgorithm,
			`oauth: configuration: Server.IDTokenSigningAlgValuesSupported: the server lists no algorithm that this package verifies: ES256, *`},
		{"missing secret", func() error { return config(func(cfg *Config) { cfg.Auth = ClientSecretBasic("") }) }, ErrConfig,
			`oauth: configuration: Auth: the client secret is empty: pass the one the server gave out, or use PublicClient() for a public client`},
		{"short HMAC secret", func() error { return config(func(cfg *Config) { cfg.Auth = ClientSecretJWT("too short", HS256, nil) }) }, ErrConfig,
			`oauth: configuration: Auth: the client secret has 9 bytes, HS256 needs at least 32: use another method, or have a longer secret made`},
		{"no Auth", func() error { return config(func(cfg *Config) { cfg.Auth = nil }) }, ErrConfig,
			`oauth: authorization: Auth: is nil, so this client cannot exchange a code: set it, PublicClient() for a public client`},
		{"no client_id", func() error { return config(func(cfg *Config) { cfg.Metadata.ClientID = "" }) }, ErrConfig,
			`oauth: configuration: Metadata.ClientID: is empty: set the client_id that the server gave out`},
		{"no authorization endpoint", func() error { return server(func(as *AuthorizationServer) { as.AuthorizationEndpoint = "" }) }, ErrConfig,
			`oauth: authorization: authorization_endpoint: the server's metadata has none: set it in Config.Server, or the server does not offer this`},
		{"no token endpoint", func() error { return server(func(as *AuthorizationServer) { as.TokenEndpoint = "" }) }, ErrConfig,
			`oauth: authorization: token_endpoint: the server's metadata has none: set it in Config.Server, or the server does not offer this`},
		{"no key set", func() error { return server(func(as *AuthorizationServer) { as.JWKSURI = "" }) }, ErrConfig,
			`oauth: authorization: jwks_uri: the server's metadata has none: set it in Config.Server, or set Config.KeySet`},
		{"http token endpoint", func() error {
			return server(func(as *AuthorizationServer) { as.TokenEndpoint = "http://op.example.com/token" })
		}, ErrInsecureURL,
			`oauth: authorization: token_endpoint: is an http URL (host "op.example.com"): use https; for tests on loopback there is InsecureAllowHTTP`},
		{"RSA key of 1024 bits", func() error { _, err := NewSigningKey(errorsSmallRSA{}, RS256, "kid"); return err }, ErrConfig,
			`oauth: signing key: n: the RSA key has 1024 bits: use one of 2048 to 8192`},
		{"server's RSA key of 1024 bits", func() error {
			_, err := verifier.VerifyIDToken(ctx, smallToken, VerifyIDTokenOptions{})
			return err
		}, ErrKeyNotFound,
			`oauth: id token: kid: the key "small" cannot be used: n: the RSA key has 1024 bits: use one of 2048 to 8192`},
		{"own certificate expired", func() error {
			cert := srv.NewCertificate("client", time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC))
			return config(func(cfg *Config) { cfg.MTLS, cfg.Auth = &MutualTLS{Certificate: cert}, TLSClientAuth() })
		}, ErrConfig,
			`oauth: configuration: MTLS.Certificate: is valid from 1990-01-01T00:00:00Z to 2020-02-03T04:05:06Z only, and now is *: renew it, or set this machine's clock`},
		{"no client certificate", func() error { return config(func(cfg *Config) { cfg.Auth = TLSClientAuth() }) }, ErrConfig,
			`oauth: configuration: MTLS: TLSClientAuth needs a client certificate: set Config.MTLS`},
		{"server's certificate expired", func() error {
			return config(func(cfg *Config) { cfg.HTTPClient = &http.Client{Transport: lateTransport} })
		}, ErrNetwork,
			`oauth: token: the certificate of "127.0.0.1:*" is valid from 1990-01-01T00:00:00Z to 2084-01-01T00:00:00Z only: renew it, or set this machine's clock: *`},
		{"unknown authority", func() error {
			return config(func(cfg *Config) { cfg.HTTPClient = otherTrust.Client() })
		}, ErrNetwork,
			`oauth: token: the certificate of "127.0.0.1:*" is not from an authority that this client trusts: set RootCAs in the transport of HTTPClient, or in MutualTLS: *`},
		{"server not there", func() error {
			return server(func(as *AuthorizationServer) { as.TokenEndpoint = "https://127.0.0.1:1/token" })
		}, ErrNetwork,
			`oauth: token: no answer from "127.0.0.1:1": dial tcp 127.0.0.1:1: *`},
		{"wrong issuer", func() error {
			srv.Fault(oauthtest.DiscoveryWrongIssuer)
			defer srv.Fault()
			_, err := Discover(ctx, srv.Issuer(), &DiscoverOptions{HTTPClient: srv.Client()})
			return err
		}, ErrIssuer,
			`oauth: discover: issuer: the document is that of "https://attacker.example", asked for was "https://127.0.0.1:*": use the server's own spelling, or say DiscoverOptions.Issuer (asked was "https://127.0.0.1:*/.well-known/openid-configuration")`},
		{"clock an hour ahead", func() error { return shifted(time.Hour) }, ErrExpired,
			`oauth: id token: exp: expired 55m0s ago by this clock (*Z); if that is wrong, set the clock or Clock.Skew`},
		{"clock an hour behind", func() error { return shifted(-time.Hour) }, ErrNotYetValid,
			`oauth: id token: iat: is 1h0m0s ahead of this clock (*Z); if that is wrong, set the clock or Clock.Skew`},
		{"wrong client secret", func() error { return config(func(cfg *Config) { cfg.Auth = ClientSecretBasic("another secret") }) }, ErrRefused,
			`oauth: token: the server answered with status 401 and error "invalid_client" (*); check Metadata.ClientID, the secret or key in Config.Auth, and that its method is the one registered for the client`},
		{"wrong method", func() error {
			return config(func(cfg *Config) { cfg.Auth = ClientSecretPost("the secret that both know") })
		}, ErrRefused,
			`oauth: token: the server answered with status 40* and error "invalid_client" (*); check Metadata.ClientID, the secret or key in Config.Auth, and that its method is the one registered for the client`},
		{"web page", func() error {
			srv.Fault(oauthtest.TokenHTML)
			defer srv.Fault()
			return errorsLogin(srv, good)
		}, ErrResponse,
			`oauth: token: the answer is a web page, not JSON: is the URL right?`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.err()
			if !errors.Is(err, tt.kind) {
				t.Fatalf("error %v, want %v", err, tt.kind)
			}
			if text := err.Error(); !errorsMatch(tt.want, text) {
				t.Errorf("the text is\n%s\nwant\n%s", text, tt.want)
			}
			if text := err.Error(); strings.ContainsAny(text, "\n\r") || strings.Count(text, "oauth: ") != 1 || strings.Contains(text, "%!") {
				t.Errorf("the text is no sentence: %s", text)
			}
		})
	}
}

// errorsMatch reports whether the text is the pattern, in which * stands for anything.
func errorsMatch(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	for i, part := range parts {
		at := strings.Index(text, part)
		if at < 0 || i == 0 && at != 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return text == "" || parts[len(parts)-1] == ""
}

// TestErrorsOfMTLS: the same with MTLS too, whose client is another.
func TestErrorsOfMTLS(t *testing.T) {
	srv, cfg := errorsServer(t, nil)
	cfg.HTTPClient = nil
	cfg.MTLS = &MutualTLS{Certificate: oauthtest.SelfSignedCertificate("client")}
	err := errorsLogin(srv, cfg)
	if want := `oauth: token: the certificate of "127.0.0.1:*" is not from an authority that this client trusts: set RootCAs in the transport of HTTPClient, or in MutualTLS: *`; !errors.Is(
		err,
		ErrNetwork,
	) ||
		!errorsMatch(want, err.Error()) {
		t.Errorf("without RootCAs: %v", err)
	}
	cfg.MTLS.RootCAs = srv.RootCAs()
	cfg.HTTPClient = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: srv.RootCAs()}}}
	if err := errorsLogin(srv, cfg); err != nil {
		t.Errorf("with RootCAs: %v", err)
	}
}

// TestErrorOfToken: what anybody can put into a token is the token's fault, in
// every place where one comes in.
func TestErrorOfToken(t *testing.T) {
	ctx := context.Background()
	s := newUnitServer()
	c := s.client(t, func(cfg *Config) { cfg.Server.AuthorizationSigningAlgValuesSupported = []Algorithm{ES256} })
	rs := s.resource(t, nil)
	two := s.resource(t, func(cfg *ResourceServerConfig) {
		second := cfg.Servers[0]
		second.Server = &AuthorizationServer{Issuer: "https://second.example", JWKSURI: second.Server.JWKSURI}
		cfg.Servers = append(cfg.Servers, second)
	})
	jarm := s.start(t, c, &AuthorizationRequest{RedirectURI: "https://app.example/cb", ResponseMode: "jwt"})
	bound := s.accessToken(t, boundTo(unitKey()))
	seg := func(text string) string { return encodeBase64URL([]byte(text)) }
	doors := map[string]func(token string) error{
		"VerifyIDToken": func(token string) error {
			_, err := c.VerifyIDToken(ctx, token, VerifyIDTokenOptions{InsecureNoNonce: true})
			return err
		},
		"VerifyLogoutToken": func(token string) error {
			_, err := c.VerifyLogoutToken(ctx, token)
			return err
		},
		"JARM": func(token string) error {
			_, err := c.ValidateAuthorizationResponse(ctx, jarm, url.Values{"response": {token}})
			return err
		},
		"Authenticate": func(token string) error {
			_, err := authenticate(t, rs, bearer(token))
			return err
		},
		"Authenticate, two servers": func(token string) error {
			_, err := authenticate(t, two, bearer(token))
			return err
		},
		"DPoP proof": func(token string) error {
			_, err := authenticate(t, rs, provenRequestOf(bound, token))
			return err
		},
	}
	payloads := map[string]string{
		"no JSON": "garbage", "an array": "[]", "duplicate claim": `{"iss":"a","iss":"b"}`, "no UTF-8": "{\"a\":\"\xff\"}", "data after it": "{}{}",
		"too deep": strings.Repeat(`{"a":`, maxDepth+1) + "1" + strings.Repeat("}", maxDepth+1),
	}
	for name, token := range map[string]string{
		"no token":          "garbage",
		"one dot":           "a.b",
		"JWE":               seg(`{"alg":"dir","enc":"A128GCM"}`) + "..a.b.c",
		"too long":          strings.Repeat("a", maxToken+1),
		"long header":       strings.Repeat("a", maxHeader+1) + ".e30.AA",
		"header no base64":  "!!!.e30.AA",
		"header no JSON":    "AAAA.e30.AA",
		"header no object":  seg(`[]`) + ".e30.AA",
		"no alg":            seg(`{}`) + ".e30.AA",
		"alg a number":      seg(`{"alg":1}`) + ".e30.AA",
		"duplicate alg":     seg(`{"alg":"ES256","alg":"ES256"}`) + ".e30.AA",
		"crit":              seg(`{"alg":"ES256","crit":["x"]}`) + ".e30.AA",
		"b64":               seg(`{"alg":"ES256","b64":false}`) + ".e30.AA",
		"payload no base64": seg(`{"alg":"ES256","typ":"at+jwt"}`) + ".!.AA",
		"sig no base64":     seg(`{"alg":"ES256","typ":"at+jwt"}`) + ".e30.!",
		"jwk of nothing":    seg(`{"alg":"ES256","typ":"dpop+jwt","jwk":{"kty":"x"}}`) + ".e30.AA",
		"private jwk":       seg(`{"alg":"ES256","typ":"dpop+jwt","jwk":{"kty":"EC","d":"AA"}}`) + ".e30.AA",
	} {
		for door, enter := range doors {
			if err := enter(token); !errors.Is(err, ErrInvalid) {
				t.Errorf("%s at %s: %v is not ErrInvalid", name, door, err)
			}
		}
	}
	for name, payload := range payloads { // that the server signed
		for typ, list := range map[string][]string{"JWT": {"VerifyIDToken", "VerifyLogoutToken", "JARM"}, "at+jwt": {"Authenticate", "Authenticate, two servers"}} {
			token, err := unitKey().signCompact(append(appendHeader(nil, ES256, typ, unitKey().KeyID()), '}'), []byte(payload))
			if err != nil {
				t.Fatal(err)
			}
			for _, door := range list {
				if err := doors[door](token); !errors.Is(err, ErrInvalid) || !errors.Is(err, ErrParse) {
					t.Errorf("%s at %s: %v is not ErrInvalid and ErrParse", name, door, err)
				}
			}
		}
	}
}

// TestErrorNotOfToken: the same kinds of what no stranger sends say nothing about a
// token.
func TestErrorNotOfToken(t *testing.T) {
	ctx := context.Background()
	s := newUnitServer()
	token := s.sign(t, "JWT", unitClaims(nil))
	verify := func(change func(*Config)) error {
		_, err := s.client(t, change).VerifyIDToken(ctx, token, VerifyIDTokenOptions{InsecureNoNonce: true})
		return err
	}
	of := func(_ any, err error) error { return err }
	for name, test := range map[string]struct {
		err, kind error
	}{
		"key set no JSON":          {func() error { s.answer("/jwks", "garbage"); return verify(nil) }(), ErrUnavailable},
		"key set without a key":    {func() error { s.answer("/jwks", `{"keys":[{"kty":"x"}]}`); return verify(nil) }(), ErrUnavailable},
		"ParseKeySet":              {of(ParseKeySet([]byte("{}{}"))), ErrParse},
		"ParseSigningKey":          {of(ParseSigningKey([]byte("garbage"), ES256, "")), ErrParse},
		"metadata":                 {new(AuthorizationServer).UnmarshalJSON([]byte("garbage")), ErrParse},
		"a saved Token":            {new(Token).UnmarshalBinary([]byte{99}), ErrParse},
		"an answer":                {func() error { s.answer("/token", "garbage"); return of(s.client(t, nil).ClientCredentials(ctx, nil)) }(), ErrResponse},
		"a key management of ours": {of(NewClientSecretDecryptionKey(strings.Repeat("x", 64), "PBES2", nil)), ErrUnsupported},
		"a signed introspection": {func() error {
			s := newUnitServer()
			s.set("/introspect", unitAnswer{mediaType: mediaIntrospectionJWT, body: "garbage"})
			rs := s.opaqueServer(t, func(c *ResourceServerConfig) { c.Introspect = s.introspector(t, signedIntrospection) })
			return of(authenticate(t, rs, bearer("opaque")))
		}(), ErrUnavailable},
	} {
		if !errors.Is(test.err, test.kind) || errors.Is(test.err, ErrInvalid) {
			t.Errorf("%s: %v is not %v alone", name, test.err, test.kind)
		}
	}
}

// TestSentence: what strangers sent is as bounded and as harmless in it as in printable,
// whatever was said before.
func TestSentence(t *testing.T) {
	saying(strings.Repeat("x", 1000)).fail(ErrParse, "")
	for _, text := range []string{"", "a", "abcd", "abcde", "abcdef", "\"\\\n\x00\x7f", "ab\u00e9\u00e9", "abc\u00e9\u00e9", "abcd\u00e9\u00e9", "\xff\xfe", "abcd\xff\xff", strings.Repeat("\u2028", 100)} {
		for _, n := range []int{0, 1, 4, 5, 6} {
			e := saying("it is ").quoted(text, n).text(" and ").number(-1234567890).text("!").fail(ErrAlgorithm, "alg")
			if want := "it is " + printable(text, n) + " and -1234567890!"; e.Detail != want || e.Kind != ErrAlgorithm || e.Param != "alg" || e.Err != nil || e.Op != "" {
				t.Errorf("%q, not %q: %+v", e.Detail, want, e)
			}
		}
	}
}

// TestErrorAs: an error is found where errors.As finds it.
func TestErrorAs(t *testing.T) {
	own, network := fail(ErrParse, "p", "x"), &net.OpError{Op: "read", Err: io.EOF}
	for name, err := range map[string]error{
		"nil": nil, "itself": own, "another": io.EOF, "wrapped": fmt.Errorf("a: %w", own), "twice": fmt.Errorf("a: %w", fmt.Errorf("b: %w", own)),
		"joined": errors.Join(io.EOF, own), "joined twice": errors.Join(io.EOF, errors.Join(network, fmt.Errorf("b: %w", own))),
		"the first of two": errors.Join(fail(ErrClaim, "q", "y"), own), "depth first": errors.Join(fmt.Errorf("b: %w", fail(ErrClaim, "q", "y")), own),
		"joined without": errors.Join(io.EOF, network), "as it says": posing{own}, "that does not say so": posing{nil}, "behind": posing{network},
		"wraps nil": fmt.Errorf("%w", error(nil)), "a typed nil": (*Error)(nil),
	} {
		var want *Error
		found := errors.As(err, &want)
		if got, ok := errorAs[*Error](err); ok != found || got != want {
			t.Errorf("%s: %v %v, want %v %v", name, got, ok, want, found)
		}
		var timeout net.Error
		found = errors.As(err, &timeout)
		if got, ok := errorAs[net.Error](err); ok != found || got != timeout {
			t.Errorf("%s: %v %v, want %v %v", name, got, ok, timeout, found)
		}
	}
}

// TestInTree: what matches is found in every branch, and nowhere else.
func TestInTree(t *testing.T) {
	for name, row := range map[string]struct {
		err  error
		want bool
	}{
		"nil": {nil, false}, "itself": {io.EOF, true}, "another": {io.ErrNoProgress, false}, "wrapped": {fmt.Errorf("a: %w", io.EOF), true},
		"first": {errors.Join(io.EOF, io.ErrNoProgress), true}, "second": {errors.Join(io.ErrNoProgress, io.EOF), true}, "neither": {errors.Join(io.ErrNoProgress, io.ErrNoProgress), false},
		"deep": {fmt.Errorf("a: %w", errors.Join(io.ErrNoProgress, fmt.Errorf("b: %w", io.EOF))), true},
	} {
		if got := inTree(row.err, func(err error) bool { return err == io.EOF }); got != row.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestEncodingErrors: what does not encode is named, and an error of the program's own is
// found.
func TestEncodingErrors(t *testing.T) {
	extra := map[string]json.RawMessage{"the-member": json.RawMessage("{")}
	register := func(m ClientMetadata) error {
		as, opts := newUnitServer().registrar()
		_, err := Register(t.Context(), as, m, opts)
		return err
	}
	serve := func() error {
		cfg := newUnitServer().resourceConfig()
		cfg.Metadata.Extra = extra
		_, err := NewResourceServer(cfg)
		return err
	}
	own := errors.New("the-member is not known yet")
	for name, err := range map[string]error{
		"Token":        second((&Token{AccessToken: NewSecret("at"), TokenType: "Bearer", Extra: extra}).MarshalBinary()),
		"Registration": second((&Registration{Metadata: ClientMetadata{ClientID: "c", Extra: extra}}).MarshalBinary()),
		"details":      second(encodeDetails([]AuthorizationDetail{{Type: "pay", Extra: extra}})),
		"Register":     register(ClientMetadata{Extra: extra}),
		"resource":     serve(),
		"JWKS":         register(ClientMetadata{JWKS: json.RawMessage(`{"keys":[` + privateJWK(ES256) + `]}`)}),
		"claims":       second(unitKey().SignJWT("x+jwt", map[string]any{"a": failingJSON{own}})),
	} {
		if e, ok := err.(*Error); !ok || e.Kind != ErrConfig { // itself, and not its cause alone
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := "the-member"
		if name == "JWKS" {
			want = "d: the key has private members"
		}
		if !strings.Contains(err.Error(), want) || name == "claims" && !errors.Is(err, own) {
			t.Errorf("%s does not say what it is about: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// failingJSON does not encode.
type failingJSON struct{ err error }

func (f failingJSON) MarshalJSON() ([]byte, error) { return nil, f.err }

// A posing error is whatever it has in it, if asked.
type posing struct{ as error }

func (posing) Error() string { return "posing" }

func (posing) Unwrap() error { return posed }

var posed = fail(ErrClaim, "q", "y")

func (p posing) As(target any) bool {
	e, ok := p.as.(*Error)
	if target, is := target.(**Error); is && ok {
		*target = e
		return true
	}
	return false
}
