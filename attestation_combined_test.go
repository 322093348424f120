package oauth

// Tests of attestations whose proof is that of DPoP.

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"testing"
)

// TestAttestationCombinedNonce: in combined mode the server's challenge is the nonce
// of the DPoP proof, and what the draft's versions bring it in is one thing: the
// DPoP-Nonce of the challenge endpoint (version 11, Section 6.3), its challenge and
// that of answers (version 10, Section 7.3), the DPoP-Nonce of answers (RFC 9449).
func TestAttestationCombinedNonce(t *testing.T) {
	refusal := func(code string, header ...string) func(*http.Request) *http.Response {
		return func(r *http.Request) *http.Response { return httpAnswer(r, 400, `{"error":"`+code+`"}`, header...) }
	}
	good := func(header ...string) func(*http.Request) *http.Response {
		return func(r *http.Request) *http.Response { return httpAnswer(r, 200, dpopTokenAnswer, header...) }
	}
	for _, tt := range []struct {
		name     string
		endpoint []any // its answers: a challenge, or a whole one
		token    []func(*http.Request) *http.Response
		calls    int
		nonces   []any // of the proofs; nil: none
		code     string
	}{
		{"no endpoint", nil, []func(*http.Request) *http.Response{good()}, 1, []any{nil}, ""},
		{"a challenge", []any{"c1"}, []func(*http.Request) *http.Response{good(), good()}, 2, []any{"c1", "c1"}, ""},
		{"a nonce beside the challenge", []any{http.Header{"Dpop-Nonce": {"n1"}}}, []func(*http.Request) *http.Response{good(), good()}, 2, []any{"n1", "n1"}, ""},
		{"a nonce that is none beside the challenge", []any{http.Header{"Dpop-Nonce": {"n 1"}}}, []func(*http.Request) *http.Response{good()}, 1, []any{"body"}, ""},
		{"an answer brings a challenge", []any{"c1"}, []func(*http.Request) *http.Response{good(challengeHeader, "c2"), good()}, 2, []any{"c1", "c2"}, ""},
		{"an answer brings a nonce", []any{"c1"}, []func(*http.Request) *http.Response{good("DPoP-Nonce", "n2"), good()}, 2, []any{"c1", "n2"}, ""},
		{"an answer brings both", []any{"c1"}, []func(*http.Request) *http.Response{good("DPoP-Nonce", "n2", challengeHeader, "c2"), good()}, 2, []any{"c1", "n2"}, ""},
		{"refused for the nonce", []any{"c1"}, []func(*http.Request) *http.Response{refusal("use_dpop_nonce", "DPoP-Nonce", "n2"), good(), good()}, 2, []any{"c1", "n2", "n2"}, ""},
		{"refused for the challenge", []any{"c1"}, []func(*http.Request) *http.Response{refusal("use_attestation_challenge", challengeHeader, "c2"), good(), good()}, 2, []any{"c1", "c2", "c2"}, ""},
		{"refused for the challenge, which the endpoint has", []any{"c1", "c2"}, []func(*http.Request) *http.Response{refusal("use_attestation_challenge"), good()}, 1, []any{"c1", "c2"}, ""},
		{"refused for the challenge, and again", []any{"c1"}, []func(*http.Request) *http.Response{
			refusal("use_attestation_challenge", challengeHeader, "c2"), refusal("use_attestation_challenge", challengeHeader, "c3")}, 1, []any{"c1", "c2"}, "use_attestation_challenge"},
		{"refused for the nonce, and again", []any{"c1"}, []func(*http.Request) *http.Response{
			refusal("use_dpop_nonce", "DPoP-Nonce", "n2"), refusal("use_dpop_nonce", "DPoP-Nonce", "n3")}, 1, []any{"c1", "n2"}, "use_dpop_nonce"},
		{"refused for the nonce, and no other comes", []any{"c1", "c2"}, []func(*http.Request) *http.Response{refusal("use_dpop_nonce"), good()}, 2, []any{"c1", "c2"}, "use_dpop_nonce"},
	} {
		for _, origin := range []string{unitIssuer, "https://challenges.example"} { // of the challenge endpoint
			t.Run(tt.name+", "+origin, func(t *testing.T) {
				asked, sent, code := 0, []any{}, ""
				transport := httpFunc(func(r *http.Request) (*http.Response, error) {
					if r.URL.Path == "/challenge" {
						if asked++; asked > len(tt.endpoint) {
							return nil, io.EOF
						}
						if h, ok := tt.endpoint[asked-1].(http.Header); ok {
							return httpAnswer(r, 200, `{"attestation_challenge":"body"}`, "DPoP-Nonce", h.Get("DPoP-Nonce")), nil
						}
						return httpAnswer(r, 200, unitJSON(t, map[string]any{"attestation_challenge": tt.endpoint[asked-1]})), nil
					}
					if r.Header.Values(attestationPoPHeader) != nil || len(sent) == len(tt.token) {
						return nil, io.EOF
					}
					sent = append(sent, openProof(t, r.Header).claims["nonce"])
					return tt.token[len(sent)-1](r), nil
				})
				c := newUnitServer().client(t, func(c *Config) {
					c.HTTPClient = &http.Client{Transport: transport}
					c.Auth, c.DPoP = AttestJWTClientAuthDPoP(attested(t, unitKey())), unitDPoP(t)
					if tt.endpoint != nil {
						c.Server.ChallengeEndpoint = origin + "/challenge"
					}
				})
				for range tt.calls {
					_, err := c.ClientCredentials(context.Background(), nil)
					var refused *ResponseError
					if errors.As(err, &refused) {
						code = refused.Code
					} else if err != nil {
						t.Fatal(err)
					}
				}
				if !reflect.DeepEqual(sent, tt.nonces) || code != tt.code || asked != len(tt.endpoint) {
					t.Errorf("nonces %v, want %v; %d challenges asked for; code %q", sent, tt.nonces, asked, code)
				}
			})
		}
	}
}

// TestAttestationChallengeEndpointNonce: beside a PoP JWT the DPoP-Nonce of the
// challenge endpoint is the first nonce of the DPoP proofs.
func TestAttestationChallengeEndpointNonce(t *testing.T) {
	for _, d := range []*DPoP{nil, unitDPoP(t)} { // without a key there is nothing to take it for
		s := &attestationServer{t: t, challenges: []string{"c1"}, token: func(_ int, r *http.Request) (*http.Response, error) {
			if d == nil {
				return httpAnswer(r, 200, attestationToken), nil
			}
			return httpAnswer(r, 200, dpopTokenAnswer), nil
		}}
		transport := httpFunc(func(r *http.Request) (*http.Response, error) {
			res, err := s.RoundTrip(r)
			if r.URL.Path == "/challenge" {
				res.Header.Set("DPoP-Nonce", "n1")
			}
			return res, err
		})
		c := s.client(func(c *Config) { c.DPoP, c.HTTPClient = d, &http.Client{Transport: transport} })
		if _, err := c.ClientCredentials(context.Background(), nil); err != nil || !slices.Equal(s.sent(), []string{"c1"}) {
			t.Errorf("%v, sent %v", err, s.sent())
		}
		if d == nil {
			continue
		}
		if got := openProof(t, s.headers[0]).claims["nonce"]; got != "n1" {
			t.Errorf("nonce %v", got)
		}
	}
}

// TestAttestationCombinedCode: combined mode binds the code by the proof of the pushed
// request, and not by dpop_jkt (Section 5.2).
func TestAttestationCombinedCode(t *testing.T) {
	for _, combined := range []bool{false, true} {
		for _, pushed := range []bool{false, true} {
			s := newUnitServer()
			s.set("/par", unitAnswer{status: 201, mediaType: mediaJSON, body: `{"request_uri":"urn:x","expires_in":60}`})
			c := s.client(t, func(c *Config) {
				c.Auth, c.DPoP = AttestJWTClientAuth(unitKey(), attested(t, unitKey())), unitDPoP(t)
				if combined {
					c.Auth = AttestJWTClientAuthDPoP(attested(t, unitKey()))
				}
			})
			a := s.start(t, c, &AuthorizationRequest{RedirectURI: "https://app.example/cb", Pushed: pushed})
			u := must(url.Parse(a.URL()))
			form := u.Query()
			if pushed {
				form = s.requests("/par")[0].form
			}
			if form.Has("dpop_jkt") == combined {
				t.Errorf("combined %v, pushed %v: %v", combined, pushed, form)
			}
			// The key is still compared at the end.
			if a.content.thumbprint != c.dpop.thumbprint {
				t.Error("the authorization forgot the key")
			}
		}
	}
}
