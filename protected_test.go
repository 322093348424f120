package oauth

// Tests of Client.Do: a token in a request to a protected resource.

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// protectedClient is a client whose resources are in memory.
func protectedClient(t testing.TB, change func(*Config), resource httpFunc) *Client {
	t.Helper()
	return newUnitServer().client(t, func(cfg *Config) {
		cfg.HTTPClient = resource.client()
		if change != nil {
			change(cfg)
		}
	})
}

func unitDPoP(t testing.TB) *DPoP {
	t.Helper()
	d, err := NewDPoP(unitKey(), Clock{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func withDPoP(d *DPoP) func(*Config) { return func(cfg *Config) { cfg.DPoP = d } }

func protectedRequest(t testing.TB, method, rawURL string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, rawURL, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestDoRefusesBeforeSending(t *testing.T) {
	d := unitDPoP(t)
	other, err := GenerateSigningKey(ES256)
	if err != nil {
		t.Fatal(err)
	}
	bound := protectedToken("DPoP")
	bound.jkt = other.Thumbprint()
	folded := protectedToken("DPoP")
	folded.jkt = strings.ToLower(d.Thumbprint())
	edit := func(f func(*Token)) *Token {
		tok := protectedToken("Bearer")
		f(tok)
		return tok
	}
	good := protectedToken("Bearer")
	for _, tt := range []struct {
		name   string
		token  *Token
		dpop   *DPoP
		url    string
		change func(*http.Request)
		kind   error
		param  string
	}{
		{name: "no token", kind: ErrConfig, param: "Token"},
		{name: "empty token", token: &Token{}, kind: ErrConfig, param: "Token"},
		{name: "another server's token", token: edit(func(tok *Token) { tok.server = "https://other.example" }), kind: ErrConfig, param: "Token"},
		{name: "the server's token, its name in other case", token: edit(func(tok *Token) { tok.server = "https://OP.example" }), kind: ErrConfig, param: "Token"},
		{name: "token that breaks the header", token: edit(func(tok *Token) { tok.AccessToken = NewSecret("a\r\nX: b") }), kind: ErrConfig, param: "AccessToken"},
		{name: "token with a space", token: edit(func(tok *Token) { tok.AccessToken = NewSecret("a b") }), kind: ErrConfig, param: "AccessToken"},
		{name: "N_A", token: protectedToken("N_A"), kind: ErrTokenType, param: "TokenType"},
		{name: "unknown type", token: protectedToken("mac"), kind: ErrTokenType, param: "TokenType"},
		{name: "unknown type that begins like one", token: protectedToken("Bearers"), kind: ErrTokenType, param: "TokenType"},
		{name: "unknown type, with a key", token: protectedToken("mac"), dpop: d, kind: ErrTokenType, param: "TokenType"},
		{name: "DPoP without a key", token: protectedToken("DPoP"), kind: ErrBinding, param: "DPoP"},
		{name: "DPoP without a key, another spelling", token: protectedToken("dpop"), kind: ErrBinding, param: "DPoP"},
		{name: "DPoP with another key", token: bound, dpop: d, kind: ErrBinding, param: "DPoP"},
		{name: "DPoP with the key in other case", token: folded, dpop: d, kind: ErrBinding, param: "DPoP"},
		{name: "http", token: good, url: "http://api.example/", kind: ErrInsecureURL, param: "URL"},
		{name: "another scheme", token: good, url: "ftp://api.example/", kind: ErrInsecureURL, param: "URL"},
		{name: "no scheme", token: good, url: "//api.example/", kind: ErrConfig, param: "URL"},
		{name: "no host", token: good, url: "https:///a", kind: ErrConfig, param: "URL"},
		{name: "userinfo", token: good, url: "https://user:pass@api.example/", kind: ErrConfig, param: "URL"},
		{name: "opaque", token: good, change: func(r *http.Request) { r.URL.Opaque = "api.example/a" }, kind: ErrConfig, param: "URL"},
		{name: "opaque with a host", token: good, change: func(r *http.Request) { r.URL.Opaque = "//other.example/a" }, kind: ErrConfig, param: "URL"},
		{name: "no URL", token: good, change: func(r *http.Request) { r.URL = nil }, kind: ErrConfig, param: "req"},
		{name: "another host", token: good, change: func(r *http.Request) { r.Host = "other.example" }, kind: ErrConfig, param: "Host"},
		{name: "a host that folds", token: good, url: "https://kiosk.example/", change: func(r *http.Request) {
			r.Host = "\u212aiosk.example"
		}, kind: ErrConfig, param: "Host"},
		{name: "Authorization", token: good, change: func(r *http.Request) { r.Header.Set("Authorization", "Basic x") }, kind: ErrConfig, param: "Authorization"},
		{name: "empty PendingAuthorization", token: good, change: func(r *http.Request) { r.Header.Set("Authorization", "") }, kind: ErrConfig, param: "Authorization"},
		{name: "authorization", token: good, change: func(r *http.Request) { r.Header["authorization"] = []string{"Basic x"} }, kind: ErrConfig, param: "Authorization"},
		{name: "Dpop", token: good, change: func(r *http.Request) { r.Header.Set("DPoP", "x") }, kind: ErrConfig, param: "Authorization"},
		{name: "DPoP", token: good, change: func(r *http.Request) { r.Header["DPoP"] = []string{"x"} }, kind: ErrConfig, param: "Authorization"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sent := false
			c := protectedClient(t, withDPoP(tt.dpop), func(r *http.Request) (*http.Response, error) {
				sent = true
				return httpAnswer(r, 200, ""), nil
			})
			if tt.url == "" {
				tt.url = unitAPI + "/a?query=secret"
			}
			body := &closeCounter{Reader: strings.NewReader("x")}
			req := protectedRequest(t, "POST", tt.url, body)
			if tt.change != nil {
				tt.change(req)
			}
			res, err := c.Do(req, tt.token)
			if res != nil || sent {
				t.Errorf("an answer %v, sent %v", res != nil, sent)
			}
			wantError(t, err, tt.kind, tt.param)
			if body.closed == 0 {
				t.Error("the body is left open")
			}
			var e *Error
			if errors.As(err, &e); e.Op != opProtected || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "the-access-token") {
				t.Errorf("the error is %v", err)
			}
		})
	}
	c := protectedClient(t, nil, nil)
	if _, err := c.Do(nil, protectedToken("Bearer")); !errors.Is(err, ErrConfig) {
		t.Errorf("no request: error %v", err)
	}
	body := &closeCounter{Reader: strings.NewReader("x")}
	_, err = new(Client).Do(protectedRequest(t, "POST", unitAPI, body), good)
	if wantError(t, err, ErrConfig, "Client"); body.closed == 0 {
		t.Error("an empty Client leaves the body open")
	}
}

func TestDoSends(t *testing.T) {
	d := unitDPoP(t)
	issued := func(typ TokenTypeIdentifier) *Token {
		tok := protectedToken("Bearer")
		tok.IssuedTokenType = typ
		return tok
	}
	bound := protectedToken("dPoP")
	bound.jkt = d.Thumbprint()
	for _, tt := range []struct {
		name   string
		token  *Token
		dpop   *DPoP
		scheme string
	}{
		{"Bearer", protectedToken("Bearer"), nil, "Bearer"},
		{"bearer", protectedToken("bEARER"), nil, "Bearer"},
		{"no type", protectedToken(""), nil, "Bearer"},
		{"of an exchange", issued(TokenTypeAccessToken), nil, "Bearer"},
		{"of an exchange, a JWT", issued(TokenTypeJWT), nil, "Bearer"},
		{"a program's own", &Token{AccessToken: NewSecret("the-access-token")}, nil, "Bearer"},
		{"Bearer beside a key", protectedToken("Bearer"), d, "Bearer"},
		{"DPoP", protectedToken("DPoP"), d, "DPoP"},
		{"DPoP, bound", bound, d, "DPoP"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var sent *http.Request
			var body string
			c := protectedClient(t, withDPoP(tt.dpop), func(r *http.Request) (*http.Response, error) {
				b, _ := io.ReadAll(r.Body)
				sent, body = r, string(b)
				return httpAnswer(r, 200, "answer"), nil
			})
			req := protectedRequest(t, "PUT", unitAPI+"/a%2fb?c=d#e", strings.NewReader("the body"))
			req.Header.Set("X-Own", "1")
			header, place := maps.Clone(req.Header), *req.URL
			res, err := c.Do(req, tt.token)
			if err != nil {
				t.Fatal(err)
			}
			answer, _ := io.ReadAll(res.Body)
			if string(answer) != "answer" || res.Body.Close() != nil || body != "the body" {
				t.Errorf("sent %q, answer %q", body, answer)
			}
			want := http.Header{"X-Own": {"1"}, "Authorization": {tt.scheme + " the-access-token"}}
			if tt.scheme == "DPoP" {
				want["Dpop"] = sent.Header["Dpop"]
				p := openProof(t, sent.Header)
				p.want(t, "PUT", unitAPI+"/a%2fb", unitTime, "the-access-token", "")
			}
			if !maps.EqualFunc(sent.Header, want, slices.Equal) || sent.URL.RawQuery != "c=d" || sent.ContentLength != 8 {
				t.Errorf("sent %v to %v", sent.Header, sent.URL)
			}
			if !maps.EqualFunc(req.Header, header, slices.Equal) || *req.URL != place {
				t.Errorf("the caller's request became %v to %v", req.Header, req.URL)
			}
		})
	}
}

// TestDoBareRequest: a request without method, header and body, as a composite
// literal makes it.
func TestDoBareRequest(t *testing.T) {
	u, _ := url.Parse(unitAPI)
	var info RequestInfo
	trace := &Trace{RequestDone: func(_ context.Context, i RequestInfo) { info = i }}
	c := protectedClient(t, func(cfg *Config) { cfg.DPoP, cfg.Trace = unitDPoP(t), trace }, func(r *http.Request) (*http.Response, error) {
		openProof(t, r.Header).want(t, "GET", unitAPI+"/", unitTime, "the-access-token", "")
		if r.RequestURI != "" || r.Response != nil { // net/http refuses the one; the other is of the caller's redirect
			t.Errorf("sent with RequestURI %q, Response %v", r.RequestURI, r.Response)
		}
		return &http.Response{StatusCode: 204, Request: r}, nil // without a body
	})
	req := &http.Request{URL: u, RequestURI: "/of/the/proxy", Response: &http.Response{StatusCode: 307}}
	res, err := c.Do(req, protectedToken("DPoP"))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(res.Body); len(b) != 0 || err != nil || res.Body.Close() != nil {
		t.Errorf("body %q, %v", b, err)
	}
	if req.Header != nil || req.Method != "" || req.RequestURI == "" || req.Response == nil || info.Method != "GET" || info.Status != 204 {
		t.Errorf("the request became %v, the trace says %+v", req, info)
	}
}

func TestDoHandsBack(t *testing.T) {
	for _, status := range []int{200, 204, 301, 302, 303, 307, 308, 400, 401, 403, 404, 429, 500, 503} {
		calls := 0
		c := protectedClient(t, nil, func(r *http.Request) (*http.Response, error) {
			calls++
			return httpAnswer(r, status, "body", "Location", "https://other.example/?code=x", "Set-Cookie", "a=b",
				"WWW-Authenticate", `Bearer error="invalid_token"`, "WWW-Authenticate", `DPoP error="use_dpop_nonce"`, "DPoP-Nonce", "n"), nil
		})
		res, err := c.Do(protectedRequest(t, "GET", unitAPI, nil), protectedToken("Bearer"))
		if err != nil || res.StatusCode != status || res.Header.Get("Location") != "https://other.example/?code=x" || calls != 1 {
			t.Errorf("status %d: %v, %v, %d requests", status, res, err, calls)
		}
	}
}

// TestDoNonce: one more try where the resource wants a nonce, never two, and
// only if the body can be had again.
func TestDoNonce(t *testing.T) {
	const wanted = `DPoP error="use_dpop_nonce", algs="ES256"`
	nonces := func(n ...string) []string { return n }
	for _, tt := range []struct {
		name      string
		status    int
		challenge []string
		nonces    []string // DPoP-Nonce of each answer
		noGetBody bool
		body      io.Reader
		requests  int
		last      string // the nonce in the last proof
	}{
		{name: "without body", status: 401, challenge: nonces(wanted), nonces: nonces("a", "b"), requests: 2, last: "a"},
		{name: "with GetBody", status: 401, challenge: nonces(wanted), nonces: nonces("a", "b"), body: strings.NewReader("the body"), requests: 2, last: "a"},
		{name: "NoBody", status: 401, challenge: nonces(wanted), nonces: nonces("a", "b"), body: http.NoBody, noGetBody: true, requests: 2, last: "a"},
		{name: "400", status: 400, challenge: nonces(wanted), nonces: nonces("a", "b"), requests: 2, last: "a"},
		{name: "among others", status: 401, challenge: nonces(`Bearer error="invalid_token"`, `Basic realm="DPoP", `+wanted), nonces: nonces("a", "b"), requests: 2, last: "a"},
		{name: "body that cannot be sent again", status: 401, challenge: nonces(wanted), nonces: nonces("a", "b"), body: strings.NewReader("the body"), noGetBody: true, requests: 1},
		{name: "no nonce", status: 401, challenge: nonces(wanted), nonces: nonces("", ""), requests: 1},
		{name: "malformed nonce", status: 401, challenge: nonces(wanted), nonces: nonces("a b", ""), requests: 1},
		{name: "another status", status: 403, challenge: nonces(wanted), nonces: nonces("a", "b"), requests: 1},
		{name: "a success", status: 200, challenge: nonces(wanted), nonces: nonces("a", "b"), requests: 1},
		{name: "another error", status: 401, challenge: nonces(`DPoP error="invalid_token"`), nonces: nonces("a", "b"), requests: 1},
		{name: "error of another scheme", status: 401, challenge: nonces(`Bearer error="use_dpop_nonce"`), nonces: nonces("a", "b"), requests: 1},
		{name: "no challenge", status: 401, nonces: nonces("a", "b"), requests: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var proofs []*proof
			var bodies []string
			c := protectedClient(t, withDPoP(unitDPoP(t)), func(r *http.Request) (*http.Response, error) {
				b := []byte("-")
				if r.Body != nil {
					b, _ = io.ReadAll(r.Body)
				}
				bodies = append(bodies, string(b))
				proofs = append(proofs, openProof(t, r.Header))
				a := httpAnswer(r, tt.status, "answer")
				a.Header["Www-Authenticate"] = tt.challenge
				if n := tt.nonces[min(len(proofs), len(tt.nonces))-1]; n != "" {
					a.Header.Set("DPoP-Nonce", n)
				}
				return a, nil
			})
			req := protectedRequest(t, "POST", unitAPI, tt.body)
			if tt.noGetBody {
				req.GetBody = nil
			}
			res, err := c.Do(req, protectedToken("DPoP"))
			if err != nil || res.StatusCode != tt.status {
				t.Fatal(res, err)
			}
			if b, _ := io.ReadAll(res.Body); string(b) != "answer" {
				t.Errorf("the answer is %q", b)
			}
			if len(proofs) != tt.requests || proofs[len(proofs)-1].claims["nonce"] != any(tt.last) && tt.last != "" {
				t.Errorf("%d requests, the last with nonce %v", len(proofs), proofs[len(proofs)-1].claims["nonce"])
			}
			if len(proofs) == 2 && (proofs[0].claims["jti"] == proofs[1].claims["jti"] || proofs[0].claims["nonce"] != nil || bodies[0] != bodies[1]) {
				t.Errorf("jti %v and %v, bodies %q", proofs[0].claims["jti"], proofs[1].claims["jti"], bodies)
			}
			if _, text := tt.body.(*strings.Reader); text && bodies[0] != "the body" {
				t.Errorf("bodies %q", bodies)
			}
		})
	}
}

// TestDoKnownNonce: the nonce that a proof had is no reason to send it again.
func TestDoKnownNonce(t *testing.T) {
	calls, nonce := 0, "same"
	c := protectedClient(t, withDPoP(unitDPoP(t)), func(r *http.Request) (*http.Response, error) {
		calls++
		return httpAnswer(r, 401, "", "WWW-Authenticate", `DPoP error="use_dpop_nonce"`, "DPoP-Nonce", nonce), nil
	})
	for i, want := range []int{2, 3, 4, 5} {
		if i == 3 {
			nonce = ""
		}
		if _, err := c.Do(protectedRequest(t, "GET", unitAPI, nil), protectedToken("DPoP")); err != nil || calls != want {
			t.Errorf("request %d: %v, %d requests, want %d", i, err, calls, want)
		}
	}
}

// TestDoGetBodyFails: the first answer is given up by then, and its body closed.
func TestDoGetBodyFails(t *testing.T) {
	answer := &closeCounter{Reader: strings.NewReader("")}
	c := protectedClient(t, withDPoP(unitDPoP(t)), func(r *http.Request) (*http.Response, error) {
		a := httpAnswer(r, 401, "", "WWW-Authenticate", `DPoP error="use_dpop_nonce"`, "DPoP-Nonce", "n")
		a.Body = answer
		return a, nil
	})
	req := protectedRequest(t, "POST", unitAPI, strings.NewReader("x"))
	cause := errors.New("the file is gone")
	req.GetBody = func() (io.ReadCloser, error) { return nil, cause }
	_, err := c.Do(req, protectedToken("DPoP"))
	wantError(t, err, ErrConfig, "GetBody")
	if !errors.Is(err, cause) || answer.closed != 1 {
		t.Errorf("error %v, the answer closed %d times", err, answer.closed)
	}
}

// TestDoRepeats: after an error that allows it, a request is sent once more if its body
// can be had again, and never twice.
func TestDoRepeats(t *testing.T) {
	for _, tt := range []struct {
		name     string
		body     io.Reader
		requests int
	}{
		{"without body", nil, 2},
		{"with GetBody", strings.NewReader("x"), 2},
		{"body that cannot be sent again", &closeCounter{Reader: strings.NewReader("x")}, 1},
	} {
		calls := 0
		c := protectedClient(t, nil, func(*http.Request) (*http.Response, error) {
			calls++
			return nil, againError{errors.New("the connection broke")}
		})
		_, err := c.Do(protectedRequest(t, "GET", unitAPI, tt.body), protectedToken("Bearer"))
		if wantError(t, err, ErrNetwork, ""); calls != tt.requests {
			t.Errorf("%s: %d requests", tt.name, calls)
		}
	}
}

// TestDiscard: a short answer is read to its end, and for a long one nobody waits.
func TestDiscard(t *testing.T) {
	for length, want := range map[int64]int{-1: 0, 0: 0, maxErrorBody: maxErrorBody, maxErrorBody + 1: 0} {
		read := 0
		body := &closeCounter{Reader: httpReader(func(b []byte) (int, error) { read += len(b); return len(b), nil })}
		discard(&http.Response{ContentLength: length, Body: body})
		if read != want || body.closed != 1 {
			t.Errorf("of %d bytes %d were read, and it was closed %d times", length, read, body.closed)
		}
	}
}

// TestDoSlow: no timeout over all, and no limit of the answer's size.
func TestDoSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var left = 3 * maxBody
		c := protectedClient(t, func(cfg *Config) { cfg.Clock.Now, cfg.HTTPClient.Timeout = nil, time.Second }, func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Hour)
			a := httpAnswer(r, 200, "")
			a.ContentLength = 3 * maxBody
			a.Body = io.NopCloser(httpReader(func(b []byte) (int, error) {
				if time.Sleep(time.Minute); left == 0 {
					return 0, io.EOF
				}
				n := min(len(b), left, 1<<16)
				left -= n
				return n, r.Context().Err()
			}))
			return a, nil
		})
		res, err := c.Do(protectedRequest(t, "GET", unitAPI, nil), protectedToken("Bearer"))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, res.Body); n != 3*maxBody || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
	})
}

func TestDoCancelled(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(context.Context) (context.Context, context.CancelFunc)
		want error
	}{
		{"cancelled", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			time.AfterFunc(time.Second, func() { cancel(errors.New("the user left")) })
			return ctx, func() { cancel(nil) }
		}, context.Canceled},
		{"too late", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		}, context.DeadlineExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := protectedClient(t, nil, func(r *http.Request) (*http.Response, error) {
					<-r.Context().Done()
					return nil, r.Context().Err()
				})
				ctx, cancel := tt.end(context.Background())
				defer cancel()
				_, err := c.Do(protectedRequest(t, "GET", unitAPI, nil).WithContext(ctx), protectedToken("Bearer"))
				if !errors.Is(err, tt.want) || errors.Is(err, ErrNetwork) != (tt.want == context.DeadlineExceeded) {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}

// TestDoTellsNothing: neither the Trace nor an error sees token, proof or query.
func TestDoTellsNothing(t *testing.T) {
	var seen []RequestInfo
	trace := &Trace{RequestDone: func(_ context.Context, i RequestInfo) { seen = append(seen, i) }}
	for _, fails := range []bool{false, true} {
		seen = nil
		var proof string
		c := protectedClient(t, func(cfg *Config) { cfg.DPoP, cfg.Trace = unitDPoP(t), trace }, func(r *http.Request) (*http.Response, error) {
			proof = r.Header.Get("DPoP")
			if fails {
				return nil, &url.Error{Op: "Get", URL: r.URL.String(), Err: errors.New(r.Header.Get("Authorization"))}
			}
			return httpAnswer(r, 404, "the-answer"), nil
		})
		_, err := c.Do(protectedRequest(t, "DELETE", unitAPI+"/path?the-query=1", nil), protectedToken("DPoP"))
		if (err != nil) != fails || len(seen) != 1 {
			t.Fatal(err, seen)
		}
		i := seen[0]
		if i.Op != opProtected || i.Method != "DELETE" || i.URL != unitAPI+"/path" || (i.Status == 404) == fails || (i.Err != nil) != fails || i.Duration < 0 {
			t.Errorf("the trace saw %+v", i)
		}
		if fails {
			wantError(t, err, ErrNetwork, "")
			for _, secret := range []string{"the-access-token", "the-query", proof} {
				if strings.Contains(err.Error()+i.Err.Error(), secret) {
					t.Errorf("the error shows %q: %v", secret, err)
				}
			}
		}
	}
}

// TestUserInfoNonce: a request of ours with a token gets one more try as well.
func TestUserInfoNonce(t *testing.T) {
	s := newUnitServer()
	s.set(
		"/userinfo",
		unitAnswer{status: 401, header: http.Header{"Dpop-Nonce": {"n1"}, "Www-Authenticate": {`Bearer error="invalid_token", DPoP error="use_dpop_nonce"`}}},
	)
	c := s.client(t, withDPoP(unitDPoP(t)))
	tok := protectedToken("DPoP")
	tok.login = &identity{subject: "alice"}
	var refused *ResponseError
	if _, err := c.UserInfo(context.Background(), tok, nil); !errors.As(err, &refused) || refused.Code != "use_dpop_nonce" {
		t.Fatalf("error %v", err)
	}
	s.answer("/userinfo", `{"sub":"alice"}`)
	if _, err := c.UserInfo(context.Background(), tok, nil); err != nil {
		t.Fatal(err)
	}
	log := s.requests("/userinfo")
	if len(log) != 3 {
		t.Fatalf("%d requests", len(log))
	}
	for i, nonce := range []string{"", "n1", "n1"} {
		openProof(t, log[i].header).want(t, "GET", unitIssuer+"/userinfo", unitTime, "the-access-token", nonce)
		if log[i].header.Get("Authorization") != "DPoP the-access-token" {
			t.Errorf("request %d: Authorization %q", i, log[i].header.Get("Authorization"))
		}
	}
	if _, err := c.UserInfo(context.Background(), protectedToken("mac"), &UserInfoOptions{Subject: "alice"}); !errors.Is(err, ErrTokenType) {
		t.Errorf("error %v", err)
	}
}
