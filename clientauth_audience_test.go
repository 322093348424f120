package oauth

// Tests of the audience, the type and the signer of client assertions.

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/url"
	"testing"
)

func TestAssertionAudience(t *testing.T) {
	for _, tt := range []struct {
		name     string
		audience AssertionAudience
		server   AuthorizationServer
		endpoint string
		want     string // "": it is refused
		param    string
	}{
		{"endpoint, no issuer", EndpointAudience, AuthorizationServer{}, "https://op.example/par", "https://op.example/par", ""},
		{"endpoint that is none", EndpointAudience, AuthorizationServer{Issuer: unitIssuer}, "https://op.example/%zz", "", "Endpoint"},
		{"endpoint without a host", EndpointAudience, AuthorizationServer{Issuer: unitIssuer}, "/par", "", "Endpoint"},
		{"origin in other case", TokenEndpointAudience, AuthorizationServer{TokenEndpoint: "https://OP.example/token"}, "https://op.example:443/par", "https://OP.example/token", ""},
		{"token endpoint elsewhere", TokenEndpointAudience, AuthorizationServer{TokenEndpoint: "https://other.example/token"}, "https://op.example/par", "", "AssertionOptions.Audience"},
		{"token endpoint in other letters beyond ASCII", TokenEndpointAudience, AuthorizationServer{TokenEndpoint: "https://\u00c4.example/token"}, "https://\u00e4.example/par", "", "AssertionOptions.Audience"},
		{"token endpoint that is none", TokenEndpointAudience, AuthorizationServer{TokenEndpoint: "https://op.example/%zz"}, "https://op.example/par", "", "AssertionOptions.Audience"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			auth := PrivateKeyJWT(unitKey(), &AssertionOptions{Audience: tt.audience})
			r := &ClientAuthRequest{Server: &tt.server, ClientID: unitClient, Endpoint: tt.endpoint, Now: unitNow(), Header: http.Header{}, Form: url.Values{}}
			err := auth.Authenticate(context.Background(), r)
			if tt.want == "" {
				if wantError(t, err, ErrConfig, tt.param); len(r.Form)+len(r.Header) > 0 {
					t.Errorf("%v and %v with the error", r.Form, r.Header)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, claims := clientauthAssertion(t, r.Form.Get("client_assertion"), unitKey().signer.Public(), sha256.New); claims["aud"] != tt.want {
				t.Errorf("aud %v", claims["aud"])
			}
		})
	}
}

// TestAssertionType: the two types, to the letter.
func TestAssertionType(t *testing.T) {
	for typ, ok := range map[string]bool{"": true, "JWT": true, "client-authentication+jwt": true, "jwt": false, "Client-Authentication+jwt": false, "at+jwt": false} {
		err := PrivateKeyJWT(unitKey(), &AssertionOptions{Type: typ}).Authenticate(t.Context(), clientauthRequest("web"))
		if !ok {
			wantError(t, err, ErrConfig, "AssertionOptions.Type")
		} else if err != nil {
			t.Errorf("%q: %v", typ, err)
		}
	}
}

// TestAssertionFails: nothing is sent without a signature, and the error says whose
// fault it is.
func TestAssertionFails(t *testing.T) {
	cause := errors.New("it is away")
	for name, auth := range map[string]ClientAuth{
		"function":        ClientAssertion(func(context.Context, string) (string, error) { return "a.b.c", cause }),
		"nothing from it": ClientAssertion(func(context.Context, string) (string, error) { return "", nil }),
		"signer":          PrivateKeyJWT(must(NewSigningKey(clientauthBroken{unitKey().signer}, ES256, "")), nil),
	} {
		r := clientauthRequest("web")
		err := auth.Authenticate(t.Context(), r)
		if wantError(t, err, ErrConfig, "Auth"); len(r.Form) != 1 || name == "function" && !errors.Is(err, cause) {
			t.Errorf("%s: %v, %v", name, err, r.Form)
		}
	}
}
