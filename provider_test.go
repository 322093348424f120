package oauth

// What providers send that the specifications do not have, and what tells their
// tokens apart. It is a list: each row names the provider, the oddity and where it was
// seen, then what is sent, what a user configures for it, and what becomes of it.
// Values that look like secrets are made up. What is accepted is sent again in the
// ways by which an attacker would gain, so that no leniency is a hole.

import (
	"context"
	"encoding/json"
	"testing"
)

// seen says whose oddity a row is, and where it was seen: a page of the provider's
// documentation, an issue, a source file.
type seen struct {
	provider string
	what     string
	source   string
}

type claimsOf = map[string]any

// A providerTwin is what an attacker would gain by.
type providerTwin struct {
	what   string
	change claimsOf
	kind   error
	param  string
}

func (s seen) where() seen  { return s }
func (s seen) name() string { return s.provider + ", " + s.what }

// newForger signs under the kid of a server whose key it does not have.
func newForger(s *unitServer) *unitServer {
	key := must(GenerateSigningKey(ES256))
	key.kid = s.key.kid
	return &unitServer{key: key}
}

// unsignedToken is what everybody can make.
func unsignedToken(t testing.TB, claims claimsOf) string {
	t.Helper()
	return encodeBase64URL([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + encodeBase64URL([]byte(unitJSON(t, claims))) + "."
}

// answerMembers takes an answer apart, to be changed.
func answerMembers(t testing.TB, text string) (members map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		t.Fatal(err)
	}
	return members
}

// Authenticating users with Sign in with Apple: email_verified is "a string or
// Boolean value".
// https://developer.apple.com/documentation/signinwithapple/authenticating-users-with-sign-in-with-apple
// Verifying a user: what a refresh token gives has no refresh_token, but an ID
// token without nonce.
// https://developer.apple.com/documentation/signinwithapple/verifying-a-user
func TestProviderApple(t *testing.T) {
	type m = map[string]any
	s := newUnitServer()
	s.answer("/token", unitTokenBody(t, nil))
	c := s.client(t, nil)
	for verified, want := range map[any]bool{"true": true, true: true, "false": false, false: false, "TRUE": false, 1: false, unitRemoved: false} {
		resp := unitResponse(t, s, c, &AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid", "email"}})
		s.answer("/token", unitTokenBody(t, m{"expires_in": 3600, "refresh_token": "rt-1", "id_token": s.sign(t, "JWT", unitClaims(m{
			"nonce": resp.authorization.content.nonce, "nonce_supported": true, "email": "a@privaterelay.appleid.com", "email_verified": verified, "is_private_email": "true",
		}))}))
		token, err := c.ExchangeCode(context.Background(), resp, nil)
		if err != nil || token.IDToken().EmailVerified() != want {
			t.Fatalf("email_verified %v: %v, %v", verified, token, err)
		}
		s.answer("/token", unitTokenBody(t, m{"expires_in": 3600, "id_token": s.sign(t, "JWT", unitClaims(m{"email_verified": verified}))}))
		fresh, err := c.Refresh(context.Background(), token, nil)
		if err != nil || fresh.RefreshToken.Reveal() != "rt-1" || fresh.IDToken().EmailVerified() != want {
			t.Errorf("refreshed: %v, %v", fresh, err)
		}
	}
}
