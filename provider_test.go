package oauth

// What providers send that the specifications do not have, and what tells their
// tokens apart. It is a list: each row names the provider, the oddity and where it was
// seen, then what is sent, what a user configures for it, and what becomes of it.
// Values that look like secrets are made up. What is accepted is sent again in the
// ways by which an attacker would gain, so that no leniency is a hole.

import (
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
