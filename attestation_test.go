package oauth

import (
	"context"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// attestationAttester vouches for instances; the package never sees its public key.
var attestationAttester = sync.OnceValue(func() *SigningKey { return must(GenerateSigningKey(ES256)) })

// attestationOf is an attestation of the key. change replaces claims, and takes
// out those that it has as unitRemoved.
func attestationOf(t testing.TB, typ string, key *SigningKey, change map[string]any) string {
	t.Helper()
	claims := unitClaims(map[string]any{
		"iss": "https://attester.example", "sub": unitClient, "aud": unitRemoved,
		"cnf": map[string]any{"jwk": key.PublicJWK()},
	})
	for name, v := range change {
		if claims[name] = v; v == unitRemoved {
			delete(claims, name)
		}
	}
	return must(attestationAttester().SignJWT(typ, claims))
}

// attested is a function that returns a good attestation.
func attested(t testing.TB, key *SigningKey) func(context.Context) (string, error) {
	a := attestationOf(t, attestationType, key, nil)
	return func(context.Context) (string, error) { return a, nil }
}

// An attestationServer answers at the token and the challenge endpoint with what
// a test says, and keeps the requests there.
type attestationServer struct {
	t          *testing.T
	challenges []string                                             // of the challenge endpoint, one after the other
	token      func(n int, r *http.Request) (*http.Response, error) // n counts from 1

	mu      sync.Mutex
	asked   int
	headers []http.Header // of the requests to the token endpoint
	forms   []url.Values
}

func (s *attestationServer) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	switch r.URL.Path {
	case "/challenge":
		for name := range r.Header {
			if name != "Accept" && name != "Content-Type" {
				s.t.Errorf("the challenge is asked for with %s", name)
			}
		}
		if s.asked++; r.Method != http.MethodPost || len(body) > 0 || s.asked > len(s.challenges) {
			s.t.Errorf("%s with %q for a challenge, number %d", r.Method, body, s.asked)
			return httpAnswer(r, 500, ""), nil
		}
		return httpAnswer(r, 200, unitJSON(s.t, map[string]any{"attestation_challenge": s.challenges[s.asked-1]})), nil
	case "/token":
		s.headers, s.forms = append(s.headers, r.Header.Clone()), append(s.forms, form)
		if len(s.headers) > 10 {
			return nil, io.EOF
		}
		return s.token(len(s.headers), r)
	}
	return httpAnswer(r, 404, ""), nil
}

func (s *attestationServer) client(change func(*Config)) *Client {
	s.t.Helper()
	return newUnitServer().client(s.t, func(c *Config) {
		c.HTTPClient = &http.Client{Transport: s}
		c.Auth = AttestJWTClientAuth(unitKey(), attested(s.t, unitKey()))
		if len(s.challenges) > 0 {
			c.Server.ChallengeEndpoint = unitIssuer + "/challenge"
		}
		if change != nil {
			change(c)
		}
	})
}

// sent are the challenges of the proofs so far; "-" stands for none. Each
// request has a proof of its own.
func (s *attestationServer) sent() (challenges []string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := map[any]bool{}
	for _, h := range s.headers {
		claims := attestationProof(s.t, h, unitKey().signer.Public())
		if seen[claims["jti"]] {
			s.t.Error("a proof was sent twice")
		}
		seen[claims["jti"]] = true
		challenge, ok := claims["challenge"].(string)
		if !ok {
			challenge = "-"
		}
		challenges = append(challenges, challenge)
	}
	return challenges
}

// attestationProof verifies the PoP JWT of a request, and returns its claims.
func attestationProof(t *testing.T, h http.Header, key crypto.PublicKey) map[string]any {
	t.Helper()
	if len(h.Values(attestationHeader)) != 1 || len(h.Values(attestationPoPHeader)) != 1 {
		t.Fatalf("header fields %v", h)
	}
	header, claims := clientauthAssertion(t, h.Get(attestationPoPHeader), key, crypto.SHA256.New)
	if alg, _ := header["alg"].(string); !reflect.DeepEqual(header, map[string]any{"alg": alg, "typ": "oauth-client-attestation-pop+jwt"}) {
		t.Errorf("the header of the proof is %v", header)
	}
	return claims
}

const attestationToken = `{"access_token":"at","token_type":"Bearer"}`

func attestationRefusal(r *http.Request, challenges ...string) *http.Response {
	res := httpAnswer(r, 400, `{"error":"use_attestation_challenge"}`)
	for _, c := range challenges {
		res.Header.Add(challengeHeader, c)
	}
	return res
}

func TestAttestationWireForm(t *testing.T) {
	for _, alg := range []Algorithm{ES256, Ed25519} {
		key, public := clientauthKey(t, alg)
		attestation := attestationOf(t, attestationType, key, map[string]any{"sub": "wallet", "exp": clientauthAt.Unix() + 1})
		auth := AttestJWTClientAuth(key, func(context.Context) (string, error) { return attestation, nil })
		form, header := clientauthSent(t, auth, "wallet")
		if !reflect.DeepEqual(form, url.Values{"client_id": {"wallet"}}) || len(header) != 2 || header.Get("OAuth-Client-Attestation") != attestation {
			t.Errorf("sends %v and %v", form, header)
		}
		claims := attestationProof(t, header, public)
		if jti, _ := claims["jti"].(string); len(jti) != 22 {
			t.Errorf("jti %q", claims["jti"])
		}
		delete(claims, "jti")
		want := map[string]any{"iss": "wallet", "aud": clientauthIssuer, "iat": json.Number("1700000000")}
		if !reflect.DeepEqual(claims, want) {
			t.Errorf("claims %v, want %v", claims, want)
		}
	}
	// Without a Client there is nobody who makes the DPoP proof.
	err := AttestJWTClientAuthDPoP(attested(t, unitKey())).Authenticate(context.Background(), clientauthRequest(unitClient))
	wantError(t, err, ErrConfig, "DPoP")
}

// TestAttestationChallenge: where the challenge is from, and what leads to another
// attempt.
func TestAttestationChallenge(t *testing.T) {
	use := func(challenges ...string) func(int, *http.Request) (*http.Response, error) {
		return func(_ int, r *http.Request) (*http.Response, error) { return attestationRefusal(r, challenges...), nil }
	}
	first := func(answer func(*http.Request) *http.Response) func(int, *http.Request) (*http.Response, error) {
		return func(n int, r *http.Request) (*http.Response, error) {
			if n == 1 {
				return answer(r), nil
			}
			return httpAnswer(r, 200, attestationToken), nil
		}
	}
	good := func(fields ...string) func(int, *http.Request) (*http.Response, error) {
		return func(_ int, r *http.Request) (*http.Response, error) {
			return httpAnswer(r, 200, attestationToken, fields...), nil
		}
	}
	other := func(status int, body string) func(int, *http.Request) (*http.Response, error) {
		return first(func(r *http.Request) *http.Response {
			return httpAnswer(r, status, body, challengeHeader, "c2")
		})
	}
	const refusal = `{"error":"use_attestation_challenge"}`
	for _, tt := range []struct {
		name     string
		endpoint []string
		token    func(int, *http.Request) (*http.Response, error)
		sent     []string // in one call
		asked    int
		ok       bool
		next     string // what the client has for the next call; "-": nothing
	}{
		{"no challenge at all", nil, good(), []string{"-"}, 0, true, "-"},
		{"from the endpoint", []string{"c1"}, good(), []string{"c1"}, 1, true, "c1"},
		{"from an answer", nil, good(challengeHeader, "c2"), []string{"-"}, 0, true, "c2"},
		{"a newer one", []string{"c1"}, good(challengeHeader, "c2"), []string{"c1"}, 1, true, "c2"},
		{"refused, then good", []string{"c1"}, first(func(r *http.Request) *http.Response { return attestationRefusal(r, "c2") }), []string{"c1", "c2"}, 1, true, "c2"},
		{"refused without one", nil, first(func(r *http.Request) *http.Response { return attestationRefusal(r, "c2") }), []string{"-", "c2"}, 0, true, "c2"},
		{"401", nil, other(401, refusal), []string{"-", "c2"}, 0, true, "c2"},
		{"always refused", []string{"c1"}, func(n int, r *http.Request) (*http.Response, error) {
			return attestationRefusal(r, "r"+strconv.Itoa(n)), nil
		}, []string{"c1", "r1"}, 1, false, "r2"},
		{"always the same", []string{"c1"}, use("c2"), []string{"c1", "c2"}, 1, false, "-"},
		{"the one that was sent", []string{"c1", "e2"}, use("c1"), []string{"c1", "e2"}, 2, false, "c1"},
		{"the one that was sent, in other letters", []string{"c1"}, first(func(r *http.Request) *http.Response {
			return attestationRefusal(r, "C1")
		}), []string{"c1", "C1"}, 1, true, "C1"},
		{"no new one", []string{"c1", "e2"}, use(), []string{"c1", "e2"}, 2, false, "-"},
		{"no new one, then good", []string{"c1", "e2"}, first(func(r *http.Request) *http.Response { return attestationRefusal(r) }), []string{"c1", "e2"}, 2, true, "e2"},
		{"no new one, and no endpoint", nil, use(), []string{"-"}, 0, false, "-"},
		{"two", []string{"c1", "e2"}, use("c2", "c3"), []string{"c1", "e2"}, 2, false, "-"},
		{"an empty one", []string{"c1", "e2"}, use(""), []string{"c1", "e2"}, 2, false, "-"},
		{"one with a space", []string{"c1", "e2"}, use("c 2"), []string{"c1", "e2"}, 2, false, "-"},
		{"one with a control character", []string{"c1", "e2"}, use("c\x012"), []string{"c1", "e2"}, 2, false, "-"},
		{"one that is too long", []string{"c1", "e2"}, use(strings.Repeat("c", maxServerChallenge+1)), []string{"c1", "e2"}, 2, false, "-"},
		{"invalid_client alone", []string{"c1"}, func(_ int, r *http.Request) (*http.Response, error) {
			return httpAnswer(r, 401, `{"error":"invalid_client"}`), nil
		}, []string{"c1"}, 1, false, "-"},
		{"another error", []string{"c1"}, other(400, `{"error":"invalid_client"}`), []string{"c1"}, 1, false, "c2"},
		{"another error, with the one that was sent", []string{"c1"}, first(func(r *http.Request) *http.Response {
			return httpAnswer(r, 400, `{"error":"invalid_client"}`, challengeHeader, "c1")
		}), []string{"c1"}, 1, false, "c1"},
		{"another status", []string{"c1"}, other(403, refusal), []string{"c1"}, 1, false, "c2"},
		{"a success", []string{"c1"}, other(200, refusal), []string{"c1"}, 1, false, "c2"},
		{"not JSON", []string{"c1"}, other(400, "use_attestation_challenge"), []string{"c1"}, 1, false, "c2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &attestationServer{t: t, challenges: tt.endpoint, token: tt.token}
			c := s.client(nil)
			_, err := c.ClientCredentials(context.Background(), nil)
			var refused *ResponseError
			if (err == nil) != tt.ok || !tt.ok && !errors.As(err, &refused) {
				t.Errorf("error %v", err)
			}
			if got := s.sent(); !slices.Equal(got, tt.sent) || s.asked != tt.asked {
				t.Errorf("sent %v, asked %d times, want %v, %d", got, s.asked, tt.sent, tt.asked)
			}
			for i, h := range s.headers {
				if h.Get(attestationHeader) != s.headers[0].Get(attestationHeader) || s.forms[i].Get("client_id") != unitClient ||
					s.forms[i].Get("grant_type") != "client_credentials" {
					t.Errorf("attempt %d has %v and %v", i, h, s.forms[i])
				}
			}
			next := c.challenge.latest()
			if next == "" {
				next = "-"
			}
			if next != tt.next {
				t.Errorf("the client keeps %q, want %q", next, tt.next)
			}
			// That is what the next request has, and nothing is asked for again.
			if next != "-" {
				s.token = good()
				if _, err := c.ClientCredentials(context.Background(), nil); err != nil || s.asked != tt.asked || s.sent()[len(tt.sent)] != next {
					t.Errorf("%v, asked %d times, sent %v", err, s.asked, s.sent())
				}
			}
		})
	}
}

// TestAttestationChallengeOfOthers: who sends no proof with a challenge in it keeps
// none, and does not try again.
func TestAttestationChallengeOfOthers(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"a secret":            func(c *Config) { c.Auth = ClientSecretPost("the-client-secret") },
		"a secret, with DPoP": func(c *Config) { c.Auth, c.DPoP = ClientSecretPost("the-client-secret"), unitDPoP(t) },
	} {
		s := &attestationServer{t: t, token: func(_ int, r *http.Request) (*http.Response, error) { return attestationRefusal(r, "c2"), nil }}
		c := s.client(change)
		if _, err := c.ClientCredentials(context.Background(), nil); !errors.Is(err, ErrRefused) || len(s.headers) != 1 || c.challenge.latest() != "" {
			t.Errorf("%s: %v after %d requests, the client keeps %q", name, err, len(s.headers), c.challenge.latest())
		}
	}
}

// TestAttestationForgets: a challenge that the server may not take any more, and has
// no successor for in its refusal, does not stay for ever.
func TestAttestationForgets(t *testing.T) {
	s := &attestationServer{t: t, challenges: []string{"c1", "c2"}, token: func(n int, r *http.Request) (*http.Response, error) {
		if n == 1 {
			return httpAnswer(r, 401, `{"error":"invalid_client"}`), nil
		}
		return httpAnswer(r, 200, attestationToken), nil
	}}
	c := s.client(nil)
	if _, err := c.ClientCredentials(context.Background(), nil); !errors.Is(err, ErrRefused) {
		t.Errorf("error %v", err)
	}
	if _, err := c.ClientCredentials(context.Background(), nil); err != nil || !slices.Equal(s.sent(), []string{"c1", "c2"}) || s.asked != 2 {
		t.Errorf("%v, sent %v", err, s.sent())
	}
	// One that another request brought meanwhile is not forgotten.
	c.challenge.keep("c3")
	c.challenge.forget("c2")
	if got := c.challenge.latest(); got != "c3" {
		t.Errorf("the client keeps %q", got)
	}
}

// TestAttestationOwnChallenge: the second attempt has the challenge of its own
// refusal, not what another request brought since.
func TestAttestationOwnChallenge(t *testing.T) {
	var c *Client
	s := &attestationServer{t: t, challenges: []string{"c1"}}
	s.token = func(n int, r *http.Request) (*http.Response, error) {
		if n == 1 {
			return attestationRefusal(r, "mine"), nil
		}
		return httpAnswer(r, 200, attestationToken), nil
	}
	calls := 0
	good := attested(t, unitKey())
	c = s.client(func(cfg *Config) {
		cfg.Auth = AttestJWTClientAuth(unitKey(), func(ctx context.Context) (string, error) {
			if calls++; calls == 2 {
				c.challenge.keep("theirs")
			}
			return good(ctx)
		})
	})
	if _, err := c.ClientCredentials(context.Background(), nil); err != nil || !slices.Equal(s.sent(), []string{"c1", "mine"}) || calls != 2 {
		t.Errorf("%v, sent %v after %d calls", err, s.sent(), calls)
	}
}

// TestAttestationBothRetries: a DPoP nonce and a challenge, in either order, and
// each of them once.
func TestAttestationBothRetries(t *testing.T) {
	nonce := func(r *http.Request, n string) *http.Response {
		return httpAnswer(r, 400, `{"error":"use_dpop_nonce"}`, "DPoP-Nonce", n)
	}
	for _, tt := range []struct {
		name  string
		token func(int, *http.Request) *http.Response
		sent  []string
		proof []any
		code  string
	}{
		{"nonce first", func(n int, r *http.Request) *http.Response {
			return [...]*http.Response{nonce(r, "n1"), attestationRefusal(r, "c2"), httpAnswer(r, 200, dpopTokenAnswer)}[n-1]
		}, []string{"c1", "c1", "c2"}, []any{nil, "n1", "n1"}, ""},
		{"challenge first", func(n int, r *http.Request) *http.Response {
			return [...]*http.Response{attestationRefusal(r, "c2"), nonce(r, "n1"), httpAnswer(r, 200, dpopTokenAnswer)}[n-1]
		}, []string{"c1", "c2", "c2"}, []any{nil, nil, "n1"}, ""},
		{"a second nonce", func(n int, r *http.Request) *http.Response {
			return [...]*http.Response{nonce(r, "n1"), attestationRefusal(r, "c2"), nonce(r, "n2"), nil}[n-1]
		}, []string{"c1", "c1", "c2"}, []any{nil, "n1", "n1"}, "use_dpop_nonce"},
		{"a second challenge", func(n int, r *http.Request) *http.Response {
			return [...]*http.Response{attestationRefusal(r, "c2"), nonce(r, "n1"), attestationRefusal(r, "c3"), nil}[n-1]
		}, []string{"c1", "c2", "c2"}, []any{nil, nil, "n1"}, "use_attestation_challenge"},
		{"two nonces", func(n int, r *http.Request) *http.Response {
			return [...]*http.Response{nonce(r, "n1"), nonce(r, "n2"), nil}[n-1]
		}, []string{"c1", "c1"}, []any{nil, "n1"}, "use_dpop_nonce"},
		{"a challenge beside a nonce", func(n int, r *http.Request) *http.Response {
			first := nonce(r, "n1")
			first.Header.Set(challengeHeader, "c2")
			return [...]*http.Response{first, httpAnswer(r, 200, dpopTokenAnswer)}[n-1]
		}, []string{"c1", "c2"}, []any{nil, "n1"}, ""},
		{"a challenge beside a nonce, which is refused", func(n int, r *http.Request) *http.Response {
			first := nonce(r, "n1")
			first.Header.Set(challengeHeader, "c2")
			return [...]*http.Response{first, attestationRefusal(r), httpAnswer(r, 200, dpopTokenAnswer)}[n-1]
		}, []string{"c1", "c2", "e2"}, []any{nil, "n1", "n1"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &attestationServer{t: t, challenges: []string{"c1", "e2"}, token: func(n int, r *http.Request) (*http.Response, error) {
				return tt.token(n, r), nil
			}}
			_, err := s.client(withDPoP(unitDPoP(t))).ClientCredentials(context.Background(), nil)
			var refused *ResponseError
			if (err == nil) != (tt.code == "") || err != nil && (!errors.As(err, &refused) || refused.Code != tt.code) {
				t.Errorf("error %v", err)
			}
			if got := s.sent(); !slices.Equal(got, tt.sent) {
				t.Fatalf("sent %v, want %v", got, tt.sent)
			}
			for i, want := range tt.proof {
				if got := openProof(t, s.headers[i]).claims["nonce"]; got != want {
					t.Errorf("the DPoP proof of attempt %d has the nonce %v, want %v", i+1, got, want)
				}
			}
		})
	}
}

// TestAttestationChallengeEndpoint: without the challenge that it says it has, the
// server is not asked for anything.
func TestAttestationChallengeEndpoint(t *testing.T) {
	long := strings.Repeat("c", maxServerChallenge)
	for _, tt := range []struct {
		name, endpoint string
		answer         unitAnswer
		kind           error
		param          string
	}{
		{"the longest", "", unitAnswer{body: `{"attestation_challenge":"` + long + `"}`}, nil, ""},
		{"too long", "", unitAnswer{body: `{"attestation_challenge":"` + long + `c"}`}, ErrResponse, "attestation_challenge"},
		{"a line break", "", unitAnswer{body: `{"attestation_challenge":"a\r\nb"}`}, ErrResponse, "attestation_challenge"},
		{"a letter beyond ASCII", "", unitAnswer{body: `{"attestation_challenge":"é"}`}, ErrResponse, "attestation_challenge"},
		{"empty", "", unitAnswer{body: `{"attestation_challenge":""}`}, ErrResponse, "attestation_challenge"},
		{"no string", "", unitAnswer{body: `{"attestation_challenge":1}`}, ErrResponse, "attestation_challenge"},
		{"missing", "", unitAnswer{body: `{"c_nonce":"n"}`}, ErrResponse, "attestation_challenge"},
		{"not JSON", "", unitAnswer{body: `challenge`}, ErrResponse, ""},
		{"a web page", "", unitAnswer{mediaType: "text/html", body: `<html>`}, ErrResponse, ""},
		{"an error", "", unitAnswer{status: 400, body: `{"error":"invalid_request"}`}, ErrRefused, ""},
		{"201", "", unitAnswer{status: 201, body: `{"attestation_challenge":"c"}`}, ErrRefused, ""},
		{"a redirect", "", unitAnswer{status: 307, header: http.Header{"Location": {unitIssuer + "/token"}}}, ErrRefused, ""},
		{"http", "http://op.example/challenge", unitAnswer{}, ErrInsecureURL, "challenge_endpoint"},
		{"no URL", "/challenge", unitAnswer{}, ErrConfig, "challenge_endpoint"},
	} {
		for _, combined := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, combined %v", tt.name, combined), func(t *testing.T) {
				s := newUnitServer()
				s.set("/challenge", tt.answer)
				s.answer("/token", attestationToken)
				c := s.client(t, func(c *Config) {
					c.Server.ChallengeEndpoint = unitIssuer + "/challenge"
					if tt.endpoint != "" {
						c.Server.ChallengeEndpoint = tt.endpoint
					}
					c.Auth = AttestJWTClientAuth(unitKey(), attested(t, unitKey()))
					if combined {
						c.Auth, c.DPoP, c.AllowTokenTypes = AttestJWTClientAuthDPoP(attested(t, unitKey())), unitDPoP(t), []string{"Bearer"}
					}
				})
				_, err := c.ClientCredentials(context.Background(), nil)
				sent := s.requests("/token")
				if tt.kind == nil {
					if err != nil || len(sent) != 1 {
						t.Fatalf("error %v", err)
					}
					challenge := ""
					if combined {
						challenge, _ = openProof(t, sent[0].header).claims["nonce"].(string)
					} else {
						challenge, _ = attestationProof(t, sent[0].header, unitKey().signer.Public())["challenge"].(string)
					}
					if challenge != long {
						t.Errorf("sent %q", challenge)
					}
					return
				}
				wantError(t, err, tt.kind, tt.param)
				if !strings.HasPrefix(err.Error(), "oauth: attestation challenge: ") {
					t.Errorf("the operation is not named: %v", err)
				}
				if len(sent) != 0 {
					t.Error("the token endpoint was asked")
				}
			})
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	c := newUnitServer().client(t, func(c *Config) {
		c.Server.ChallengeEndpoint = unitIssuer + "/challenge"
		c.Auth = AttestJWTClientAuth(unitKey(), attested(t, unitKey()))
	})
	if _, err := c.ClientCredentials(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// TestAttestationFaults: what the server would refuse is not sent.
func TestAttestationFaults(t *testing.T) {
	key := unitKey()
	other := must(GenerateSigningKey(ES256))
	private := map[string]any{}
	if err := json.Unmarshal(key.PublicJWK(), &private); err != nil {
		t.Fatal(err)
	}
	private["d"] = "AAAA"
	with := func(name string, v any) string {
		return attestationOf(t, attestationType, key, map[string]any{name: v})
	}
	typed := func(typ string) string { return attestationOf(t, typ, key, nil) }
	good := typed(attestationType)
	parts := strings.Split(good, ".")
	// Nobody verifies the signature here, so that it can have any length that base64url has.
	longest := ""
	for _, x := range []string{"", "x"} {
		p := strings.Split(with("x", x), ".")
		if n := maxAttestation - len(p[0]) - len(p[1]) - 2; n%4 != 1 {
			longest = p[0] + "." + p[1] + "." + strings.Repeat("A", n)
		}
	}
	for _, tt := range []struct{ name, attestation, text string }{
		{"good", good, ""},
		{"type with application/", typed("application/OAuth-Client-Attestation+JWT"), ""},
		{"the longest", longest, ""},
		{"within the tolerance", with("exp", unitTime-29), ""},
		{"empty", "", "it is empty"},
		{"too long", longest + "A", "it is longer than 16384 bytes"},
		{"two parts", parts[0] + "." + parts[1], "not a JWT"},
		{"five parts", good + ".a.b", "the token is encrypted"},
		{"a line break", good + "\r\nX-Other: a", ""},
		{"a line break in the header", parts[0] + "\n." + parts[1] + "." + parts[2], ""},
		{"a header that is no JSON", "AAAA." + parts[1] + "." + parts[2], ""},
		{"a payload that is no JSON", parts[0] + ".AAAA." + parts[2], ""},
		{"another type", typed("JWT"), `typ: is "jwt", not oauth-client-attestation+jwt`},
		{"a letter that only Unicode takes for another", typed("oauth-client-atte\u017ftation+jwt"), "typ: is"},
		{"that of a proof", typed(attestationPoPType), "typ: is"},
		{"another client", with("sub", "client-2"), `sub: it is for the client "client-2", not for "client-1"`},
		{"the client in other letters", with("sub", strings.ToUpper(unitClient)), `sub: it is for the client "CLIENT-1", not for "client-1"`},
		{"no client", with("sub", unitRemoved), "sub: is missing"},
		{"a client that is no string", with("sub", []string{unitClient}), "sub: is not a string"},
		{"no expiry", with("exp", unitRemoved), "exp: is missing"},
		{"an expiry that is no number", with("exp", "1"), "exp: is not"},
		{"expired", with("exp", unitTime-30), "exp: it expired at 2023-11-14T22:12:50Z"},
		{"no key", with("cnf", unitRemoved), "cnf: has no jwk"},
		{"a thumbprint alone", with("cnf", map[string]any{"jkt": key.Thumbprint()}), "cnf: has no jwk"},
		{"a key that is no object", with("cnf", map[string]any{"jwk": "k"}), "jwk: is not an object"},
		{"cnf that is no object", with("cnf", "k"), "cnf: is not an object"},
		{"a key of another kind", with("cnf", map[string]any{"jwk": map[string]any{"kty": "oct"}}), "kty"},
		{"a private key", with("cnf", map[string]any{"jwk": private}), "jwk: has private members"},
		{"another key", attestationOf(t, attestationType, other, nil), "cnf: it is for the key with the thumbprint " + other.Thumbprint() + ", and the client's is " + key.Thumbprint()},
	} {
		for _, combined := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, combined %v", tt.name, combined), func(t *testing.T) {
				s := newUnitServer()
				s.answer("/token", strings.Replace(attestationToken, "Bearer", map[bool]string{false: "Bearer", true: "DPoP"}[combined], 1))
				s.answer("/challenge", `{"attestation_challenge":"c"}`)
				made := func(context.Context) (string, error) { return tt.attestation, nil }
				c := s.client(t, func(c *Config) {
					c.Server.ChallengeEndpoint = unitIssuer + "/challenge"
					c.Auth = AttestJWTClientAuth(key, made)
					if combined {
						c.Auth, c.DPoP = AttestJWTClientAuthDPoP(made), unitDPoP(t)
					}
				})
				_, err := c.ClientCredentials(context.Background(), nil)
				if slices.Contains([]string{"good", "type with application/", "the longest", "within the tolerance"}, tt.name) {
					if err != nil || s.requests("/token")[0].header.Get(attestationHeader) != tt.attestation {
						t.Errorf("error %v", err)
					}
					return
				}
				wantError(t, err, ErrConfig, "Auth")
				if !strings.Contains(err.Error(), "the client attestation cannot be used: "+tt.text) {
					t.Errorf("error %v, want %q in it", err, tt.text)
				}
				if errors.Is(err, ErrInvalid) || errors.Is(err, ErrParse) {
					t.Errorf("%v looks like an answer's fault", err)
				}
				for _, part := range strings.Split(tt.attestation, ".") {
					if len(part) >= 8 && strings.Contains(err.Error(), part) {
						t.Errorf("the error has the attestation in it: %v", err)
					}
				}
				if len(s.requests("")) != 0 {
					t.Error("a request was made")
				}
			})
		}
	}
}

// TestAttestationTolerance: it is the client's clock that judges.
func TestAttestationTolerance(t *testing.T) {
	for _, tt := range []struct {
		clock Clock
		exp   int64
		ok    bool
	}{
		{Clock{Now: unitNow}, unitTime - 30, false},
		{Clock{Now: unitNow, Tolerance: time.Minute}, unitTime - 59, true},
		{Clock{Now: unitNow, Tolerance: time.Minute}, unitTime - 60, false},
		{Clock{Now: unitNow, Tolerance: -1}, unitTime, false},
		{Clock{Now: unitNow, Tolerance: -1}, unitTime + 1, true},
		{Clock{Now: unitNow, Tolerance: -1, Skew: time.Hour}, unitTime + 3600, false},
	} {
		s := newUnitServer()
		s.answer("/token", attestationToken)
		a := attestationOf(t, attestationType, unitKey(), map[string]any{"exp": tt.exp})
		_, err := s.client(t, func(c *Config) {
			c.Clock = tt.clock
			c.Auth = AttestJWTClientAuth(unitKey(), func(context.Context) (string, error) { return a, nil })
		}).ClientCredentials(context.Background(), nil)
		if (err == nil) != tt.ok {
			t.Errorf("%+v, exp %d: %v", tt.clock, tt.exp, err)
		}
	}
	// Where there is no client, the tolerance is the default one.
	for exp, ok := range map[int64]bool{clientauthAt.Unix() - 29: true, clientauthAt.Unix() - 30: false} {
		a := attestationOf(t, attestationType, unitKey(), map[string]any{"exp": exp})
		auth := AttestJWTClientAuth(unitKey(), func(context.Context) (string, error) { return a, nil })
		if err := auth.Authenticate(context.Background(), clientauthRequest(unitClient)); (err == nil) != ok {
			t.Errorf("without a client, exp %d: %v", exp, err)
		}
	}
}

func TestAttestationFunctionFails(t *testing.T) {
	s := newUnitServer()
	for _, cause := range []error{io.ErrUnexpectedEOF, context.Canceled} {
		c := s.client(t, func(c *Config) {
			c.Server.ChallengeEndpoint = unitIssuer + "/challenge"
			c.Auth = AttestJWTClientAuth(unitKey(), func(context.Context) (string, error) { return "a.b.c", cause })
		})
		_, err := c.ClientCredentials(context.Background(), nil)
		if wantError(t, err, ErrUnavailable, "Auth"); !errors.Is(err, cause) || !transient(err) {
			t.Errorf("error %v", err)
		}
	}
	// A signer that fails.
	key := must(NewSigningKey(failingSigner{unitKey().signer.Public()}, ES256, ""))
	c := s.client(t, func(c *Config) { c.Auth = AttestJWTClientAuth(key, attested(t, key)) })
	_, err := c.ClientCredentials(context.Background(), nil)
	if wantError(t, err, ErrConfig, "SigningKey"); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", err)
	}
	if len(s.requests("")) != 0 {
		t.Error("a request was made")
	}
}

type failingSigner struct{ public crypto.PublicKey }

func (s failingSigner) Public() crypto.PublicKey { return s.public }
func (s failingSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, io.ErrUnexpectedEOF
}

func TestAttestationNewClient(t *testing.T) {
	made := attested(t, unitKey())
	template := func(c *Config) {
		c.Server.Issuer = "https://op.example/{tenantid}/v2.0"
		c.AcceptIssuer = func(string, string) bool { return true }
	}
	for _, tt := range []struct {
		name   string
		auth   ClientAuth
		change func(*Config)
		param  string // "": it is good
	}{
		{"good", AttestJWTClientAuth(unitKey(), made), func(*Config) {}, ""},
		{"good, combined", AttestJWTClientAuthDPoP(made), withDPoP(unitDPoP(t)), ""},
		{"nil key", AttestJWTClientAuth(nil, made), func(*Config) {}, "Auth"},
		{"empty key", AttestJWTClientAuth(&SigningKey{}, made), func(*Config) {}, "Auth"},
		{"nil function", AttestJWTClientAuth(unitKey(), nil), func(*Config) {}, "Auth"},
		{"nil function, combined", AttestJWTClientAuthDPoP(nil), withDPoP(unitDPoP(t)), "Auth"},
		{"combined without DPoP", AttestJWTClientAuthDPoP(made), func(*Config) {}, "DPoP"},
		{"combined with an empty DPoP", AttestJWTClientAuthDPoP(made), withDPoP(&DPoP{}), "DPoP"},
		{"template", AttestJWTClientAuth(unitKey(), made), template, "Auth"},
		// The audience of a DPoP proof is its URL.
		{"template, combined", AttestJWTClientAuthDPoP(made), func(c *Config) { template(c); c.DPoP = unitDPoP(t) }, ""},
	} {
		cfg := newUnitServer().config()
		cfg.Auth = tt.auth
		tt.change(&cfg)
		c, err := NewClient(cfg)
		if tt.param == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		if wantError(t, err, ErrConfig, tt.param); c != nil {
			t.Errorf("%s: a client and an error", tt.name)
		}
		// It is the same where nobody asked NewClient.
		r := clientauthRequest(unitClient)
		r.Server = cfg.Server
		err = tt.auth.Authenticate(context.Background(), r)
		if wantError(t, err, ErrConfig, ""); len(r.Form) != 1 || len(r.Header) != 1 {
			t.Errorf("%s: sends %v, %v", tt.name, r.Form, r.Header)
		}
	}
}

// TestAttestationHeader: the caller's field would be a second one, or one that
// makes the server look at it in place of the DPoP proof.
func TestAttestationHeader(t *testing.T) {
	s := newUnitServer()
	for _, auth := range []ClientAuth{AttestJWTClientAuth(unitKey(), attested(t, unitKey())), AttestJWTClientAuthDPoP(attested(t, unitKey()))} {
		c := s.client(t, func(c *Config) { c.Auth, c.DPoP = auth, unitDPoP(t) })
		for _, name := range []string{attestationHeader, attestationPoPHeader} {
			for _, spelling := range []string{name, http.CanonicalHeaderKey(name), strings.ToLower(name)} {
				_, err := c.ClientCredentials(context.Background(), &GrantOptions{Header: http.Header{spelling: {"mine"}}})
				wantError(t, err, ErrConfig, "Header")
			}
		}
	}
	if len(s.requests("")) != 0 {
		t.Error("a request was made")
	}
}

// TestAttestationWhere: the attestation and its proof stand in the requests that
// authenticate the client, and in no other.
func TestAttestationWhere(t *testing.T) {
	ctx := context.Background()
	token := &Token{AccessToken: NewSecret("at"), TokenType: "Bearer", login: &identity{subject: "alice"}}
	for _, combined := range []bool{false, true} {
		for _, tt := range []struct {
			path string
			auth bool
			call func(*Client) error
		}{
			{"/token", true, func(c *Client) error { _, err := c.ClientCredentials(ctx, nil); return err }},
			{"/token", true, func(c *Client) error {
				_, err := c.Refresh(ctx, &Token{RefreshToken: NewSecret("r")}, nil)
				return err
			}},
			{"/par", true, func(c *Client) error {
				_, err := c.StartAuthorization(ctx, &AuthorizationRequest{RedirectURI: "https://app.example/cb", Pushed: true})
				return err
			}},
			{"/introspect", true, func(c *Client) error { _, err := c.Introspect(ctx, "t", nil); return err }},
			{"/revoke", true, func(c *Client) error { return c.Revoke(ctx, "t", nil) }},
			{"/device", true, func(c *Client) error {
				_, err := c.StartDeviceAuthorization(ctx, &DeviceAuthorizationRequest{})
				return err
			}},
			{"/ciba", true, func(c *Client) error {
				_, err := c.StartBackchannelAuthentication(ctx, &BackchannelAuthenticationRequest{Scope: []string{"openid"}, LoginHint: "alice"})
				return err
			}},
			{"/jwks", false, func(c *Client) error { return c.needKeys(ctx) }},
			{"/userinfo", false, func(c *Client) error { _, err := c.UserInfo(ctx, token, nil); return err }},
			{"/api", false, func(c *Client) error {
				_, err := c.Do(protectedRequest(t, "GET", unitIssuer+"/api", nil), token)
				return err
			}},
		} {
			t.Run(fmt.Sprintf("%s, combined %v", tt.path, combined), func(t *testing.T) {
				s := newUnitServer()
				s.answer("/challenge", `{"attestation_challenge":"c"}`)
				for _, path := range []string{"/token", "/par", "/introspect", "/revoke", "/device", "/ciba"} {
					refusal := unitAnswer{status: 400, mediaType: mediaJSON, body: `{"error":"use_attestation_challenge"}`, header: http.Header{}}
					refusal.header.Set(challengeHeader, "c2")
					if combined {
						refusal = unitAnswer{status: 400, mediaType: mediaJSON, body: `{"error":"use_dpop_nonce"}`, header: nonceHeader("n1")}
					}
					s.set(path, refusal)
				}
				c := s.client(t, func(cfg *Config) {
					cfg.Server.ChallengeEndpoint = unitIssuer + "/challenge"
					cfg.Server.IntrospectionEndpoint, cfg.Server.RevocationEndpoint = unitIssuer+"/introspect", unitIssuer+"/revoke"
					cfg.Server.DeviceAuthorizationEndpoint, cfg.Server.BackchannelAuthenticationEndpoint = unitIssuer+"/device", unitIssuer+"/ciba"
					cfg.Auth = AttestJWTClientAuth(unitKey(), attested(t, unitKey()))
					if combined {
						cfg.Auth, cfg.DPoP = AttestJWTClientAuthDPoP(attested(t, unitKey())), unitDPoP(t)
						cfg.AllowTokenTypes = []string{"Bearer"}
					}
				})
				err := tt.call(c)
				log := s.requests(tt.path)
				if !tt.auth {
					if len(log) == 0 || len(s.requests("/challenge")) != 0 {
						t.Errorf("%d requests, %v", len(log), err)
					}
					for _, r := range log {
						for name := range r.header {
							if strings.HasPrefix(name, "Oauth-Client-") || name == "Dpop" {
								t.Errorf("%s has %s", tt.path, name)
							}
						}
					}
					return
				}
				if !errors.Is(err, ErrRefused) || len(log) != 2 {
					t.Fatalf("error %v after %d requests", err, len(log))
				}
				for i, r := range log {
					if len(r.header.Values(attestationHeader)) != 1 || !slices.Equal(r.form["client_id"], []string{unitClient}) {
						t.Errorf("attempt %d has %v and %v", i+1, r.header, r.form)
					}
					if !combined {
						if claims := attestationProof(t, r.header, unitKey().signer.Public()); claims["challenge"] != [...]string{"c", "c2"}[i] ||
							claims["aud"] != unitIssuer ||
							r.header["Dpop"] != nil {
							t.Errorf("attempt %d has the claims %v", i+1, claims)
						}
						continue
					}
					openProof(t, r.header).want(t, "POST", unitIssuer+tt.path, unitTime, "", [...]string{"c", "n1"}[i])
					if r.header.Values(attestationPoPHeader) != nil || len(s.requests("/challenge")) != 1 {
						t.Errorf("attempt %d has two proofs, or %d challenges were asked for", i+1, len(s.requests("/challenge")))
					}
				}
			})
		}
	}
}

// TestAttestationWrapped: a ClientAuth of the program's that hands on to one of
// these is one of these.
func TestAttestationWrapped(t *testing.T) {
	s := &attestationServer{t: t, challenges: []string{"c1"}, token: func(n int, r *http.Request) (*http.Response, error) {
		if n == 1 {
			return attestationRefusal(r, "c2"), nil
		}
		return httpAnswer(r, 200, attestationToken), nil
	}}
	c := s.client(func(cfg *Config) { cfg.Auth = authFunc(cfg.Auth.Authenticate) })
	if _, err := c.ClientCredentials(context.Background(), nil); err != nil || !slices.Equal(s.sent(), []string{"c1", "c2"}) {
		t.Errorf("%v, sent %v", err, s.sent())
	}
	u := newUnitServer()
	u.answer("/introspect", `{"active":true}`)
	auth := authFunc(AttestJWTClientAuthDPoP(attested(t, unitKey())).Authenticate)
	for _, d := range []*DPoP{nil, unitDPoP(t)} {
		c := u.client(t, func(c *Config) {
			c.Server.IntrospectionEndpoint, c.Auth, c.DPoP = unitIssuer+"/introspect", auth, d
		})
		_, err := c.Introspect(context.Background(), "t", nil)
		if d == nil {
			wantError(t, err, ErrConfig, "DPoP")
		} else if err != nil || len(u.requests("/introspect")) != 1 || u.requests("/introspect")[0].header["Dpop"] == nil {
			t.Errorf("%v, %d requests", err, len(u.requests("/introspect")))
		}
	}
}

// TestAttestationApart: a request without an attestation has nothing of one, whatever its
// server says, and an attestation of two proofs leaves DPoP to RFC 9449.
func TestAttestationApart(t *testing.T) {
	plain := authFunc(func(_ context.Context, r *ClientAuthRequest) error {
		r.Form.Set("client_id", r.ClientID)
		return nil
	})
	s := newUnitServer()
	s.set("/introspect", unitAnswer{status: 400, mediaType: mediaJSON, body: `{"error":"use_attestation_challenge"}`, header: http.Header{http.CanonicalHeaderKey(challengeHeader): {"c"}}})
	for name, auth := range map[string]ClientAuth{"none": plain, "two proofs": AttestJWTClientAuth(unitKey(), attested(t, unitKey()))} {
		c := s.client(t, func(c *Config) {
			c.Server.IntrospectionEndpoint, c.Auth, c.DPoP = unitIssuer+"/introspect", auth, unitDPoP(t)
		})
		before := len(s.requests("/introspect"))
		_, err := c.Introspect(context.Background(), "t", nil)
		log := s.requests("/introspect")[before:]
		if !errors.Is(err, ErrRefused) || len(log) != map[string]int{"none": 1, "two proofs": 2}[name] {
			t.Errorf("%s: %v after %d requests", name, err, len(log))
		}
		for _, r := range log {
			if r.header["Dpop"] != nil || (r.header.Get(attestationHeader) != "") != (name == "two proofs") {
				t.Errorf("%s: sent %v", name, slices.Collect(maps.Keys(r.header)))
			}
		}
	}
}

// TestAttestationShared: one value in Clients of two servers, each with its own
// challenges, and many requests at once.
func TestAttestationShared(t *testing.T) {
	auth := AttestJWTClientAuth(unitKey(), attested(t, unitKey()))
	var wg sync.WaitGroup
	for _, name := range []string{"a", "b"} {
		issuer := "https://" + name + ".example"
		transport := httpFunc(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/challenge" {
				return httpAnswer(r, 200, `{"attestation_challenge":"`+name+`1"}`), nil
			}
			claims := attestationProof(t, r.Header, unitKey().signer.Public())
			challenge, _ := claims["challenge"].(string)
			if !strings.HasPrefix(challenge, name) || claims["aud"] != issuer {
				t.Errorf("%s got the claims %v", name, claims)
			}
			if challenge == name+"1" {
				return attestationRefusal(r, name+"2"), nil
			}
			return httpAnswer(r, 200, attestationToken, challengeHeader, name+"3"), nil
		})
		c := newUnitServer().client(t, func(c *Config) {
			c.Server.Issuer, c.Server.TokenEndpoint, c.Server.ChallengeEndpoint = issuer, issuer+"/token", issuer+"/challenge"
			c.Auth, c.HTTPClient = auth, transport.client()
		})
		for range 20 {
			wg.Go(func() {
				if _, err := c.ClientCredentials(context.Background(), nil); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
}

// TestAttestationQuoted: servers quote what they do not like.
func TestAttestationQuoted(t *testing.T) {
	s := &attestationServer{t: t, token: func(_ int, r *http.Request) (*http.Response, error) {
		return httpAnswer(r, 401, unitJSON(t, map[string]any{"error": "invalid_client", "error_description": "bad: " +
			r.Header.Get(attestationHeader) + " and " + r.Header.Get(attestationPoPHeader)})), nil
	}}
	_, err := s.client(nil).ClientCredentials(context.Background(), nil)
	var refused *ResponseError
	if !errors.As(err, &refused) || refused.Description != "bad: "+redacted+" and "+redacted {
		t.Errorf("error %v", err)
	}
	s.token = func(_ int, r *http.Request) (*http.Response, error) {
		return httpAnswer(r, 401, unitJSON(t, map[string]any{"error": "invalid_client", "error_description": "bad: " + r.Header.Get("DPoP")})), nil
	}
	_, err = s.client(func(c *Config) {
		c.Auth, c.DPoP = AttestJWTClientAuthDPoP(attested(t, unitKey())), unitDPoP(t)
	}).ClientCredentials(context.Background(), nil)
	if !errors.As(err, &refused) || refused.Description != "bad: "+redacted {
		t.Errorf("combined: error %v", err)
	}
}

// TestAttestationRegistration: such a client has no secret, and its Config needs
// what no registration has.
func TestAttestationRegistration(t *testing.T) {
	for _, method := range []string{"attest_jwt_client_auth", "attest_jwt_client_auth_dpop"} {
		s := newUnitServer()
		s.set("/register", unitAnswer{status: 201, body: `{"client_id":"c"}`})
		as := s.config().Server
		as.RegistrationEndpoint = unitIssuer + "/register"
		reg, err := Register(context.Background(), as, ClientMetadata{TokenEndpointAuthMethod: method}, &RegistrationOptions{
			HTTPClient: &http.Client{Transport: s}, Clock: Clock{Now: unitNow},
		})
		if err != nil || reg.Metadata.TokenEndpointAuthMethod != method || !strings.Contains(s.requests("/register")[0].body, method) {
			t.Fatalf("%v, %+v", err, reg)
		}
		_, err = reg.Config(as, nil)
		if wantError(t, err, ErrConfig, "token_endpoint_auth_method"); !strings.Contains(err.Error(), "AttestJWTClientAuth") {
			t.Errorf("error %v", err)
		}
	}
}

// FuzzAttestation: no error has the attestation in it, and what is accepted has
// the client, the key and the time that it was held against.
func FuzzAttestation(f *testing.F) {
	key := unitKey()
	good := attestationOf(f, attestationType, key, nil)
	for _, seed := range []string{good, "", "a.b.c", good[1:], good + ".", strings.Replace(good, ".", "\n.", 1), attestationOf(f, "JWT", key, nil), attestationOf(f, attestationType, key, map[string]any{"exp": 1e300})} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if err := checkAttestation(raw, unitClient, key.Thumbprint(), unitNow()); err != nil {
			if len(raw) >= 64 && strings.Contains(err.Error(), raw) {
				t.Errorf("the error has the attestation in it: %v", err)
			}
			return
		}
		parts := strings.Split(raw, ".")
		payload, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
		var claims map[string]json.RawMessage // exact names
		var sub string
		var exp float64
		if err != nil || len(parts) != 3 || !headerValue(raw) || json.Unmarshal(payload, &claims) != nil ||
			json.Unmarshal(claims["sub"], &sub) != nil || json.Unmarshal(claims["exp"], &exp) != nil ||
			sub != unitClient || exp <= unitTime || claims["cnf"] == nil {
			t.Errorf("accepted %q", raw)
		}
	})
}
