package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

func TestLogin(t *testing.T) {
	srv := newServer()
	defer srv.Close()
	var out bytes.Buffer
	if err := login(t.Context(), srv, &out); err != nil {
		t.Fatal(err)
	}
	rest := out.String()
	for _, step := range []string{
		"server: knows the client fapi2-example by its ES256 key",
		"app: discovery found " + srv.Issuer(),
		"app: POST " + srv.URL() + "/par: status 400", // with the nonce that the next try has
		"app: POST " + srv.URL() + "/par: status 201",
		"app: has pushed the signed request",
		"browser: the user logged in as alice; is sent back to https://app.example.com/callback",
		"app: GET " + srv.URL() + "/jwks: status 200",
		"app: POST " + srv.URL() + "/token: status 200",
		"app: verified the response, exchanged the code, and verified the ID token; the token is of type DPoP",
		"app: GET " + srv.URL() + "/resource: status 200",
		"app: called the API with the token and a proof",
		"\n\n",
		"\nemail: \"alice@example.com\"\n",
		"\nsub: \"alice\"\n",
	} {
		_, after, found := strings.Cut(rest, strings.TrimPrefix(step, "\n"))
		if !found {
			t.Fatalf("no %q, or not in its place:\n%s", step, out.String())
		}
		rest = after
	}
	for _, r := range srv.Requests() {
		for _, params := range []map[string][]string{r.Query, r.Form, r.Params} {
			for _, name := range []string{"request_uri", "request", "state", "nonce", "code", "code_verifier", "client_assertion"} {
				for _, secret := range params[name] {
					if strings.Contains(out.String(), secret) {
						t.Errorf("the output has the %s", name)
					}
				}
			}
		}
		if r.Path == "/authorize" && len(r.Query) != 2 {
			t.Errorf("the browser's URL has %v", r.Query)
		}
	}
}

// A server that does not keep to the profile is refused.
func TestLoginRefused(t *testing.T) {
	for fault, kind := range map[oauthtest.Fault]error{
		oauthtest.PARError:      oauth.ErrRefused,
		oauthtest.JARMDowngrade: oauth.ErrClaim,
		oauthtest.WrongNonce:    oauth.ErrNonce,

		oauthtest.DPoPUnboundToken: oauth.ErrTokenType,
	} {
		srv := newServer()
		srv.Fault(fault)
		var out bytes.Buffer
		if err := login(t.Context(), srv, &out); !errors.Is(err, kind) || strings.Contains(out.String(), "sub:") {
			t.Errorf("%s: %v\n%s", fault, err, out.String())
		}
		srv.Close()
	}
}
