package oauth

// Fuzz tests of tokens, and of the grants that wait for a user: what fuzz_test.go
// says holds here too.

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

// One saved value has one encoding, but for the white space and the order of
// the extra members: those are JSON.
func FuzzTokenBinary(f *testing.F) {
	token := Token{
		AccessToken: NewSecret("access"), RefreshToken: NewSecret("refresh"), TokenType: "Bearer",
		Expiry: time.Unix(unitTime, 0), Scope: []string{"a", "b"}, Extra: map[string]json.RawMessage{"x": json.RawMessage(`{"y":1}`)},
	}
	saved := must(token.MarshalBinary())
	f.Add(saved)
	f.Add(saved[:len(saved)-1])
	empty := must((&Token{}).MarshalBinary())
	f.Add(empty)
	f.Add(empty[:len(empty)-1])
	f.Add([]byte("\x01\x00\x00\x00\x02{}\x00\x00\x00\x00\x00\x00\x00\x00\x02-1"))
	f.Add([]byte("\x01\x00\x00\x00\x02{}\x00\x00\x00\x00\x00\x00\x00\x00\x0200"))
	f.Add([]byte("\x01\x00\x00\x00\x02{}\x00\x00\x00\x00\x00\x00\x00\x00\x0c-62135596800"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var first, second Token
		if err := first.UnmarshalBinary(data); err != nil {
			if !reflect.DeepEqual(first, Token{}) || !errors.Is(err, ErrParse) {
				t.Fatalf("%v with the error %v", &first, err)
			}
			return
		}
		if first.IDToken() != nil {
			t.Fatal("a restored Token has an IDToken")
		}
		written := must(first.MarshalBinary())
		if err := second.UnmarshalBinary(written); err != nil {
			t.Fatal(err)
		}
		if !sameJSON(first.Extra, second.Extra) {
			t.Fatalf("extra %s became %s", first.Extra, second.Extra)
		}
		if first.Extra == nil && bytes.Contains(data, []byte("\x02{}")) && !bytes.Equal(written, data) {
			t.Fatalf("%q became %q", data, written)
		}
		first.Extra, second.Extra = nil, nil
		if !reflect.DeepEqual(first, second) {
			t.Fatalf("%v became %v", &first, &second)
		}
	})
}

func FuzzTokenResponse(f *testing.F) {
	for _, s := range []string{
		`{"access_token":"a","token_type":"Bearer","expires_in":3600,"refresh_token":"r","scope":"a b","id_token":"x.y.z","more":1}`,
		`{"access_token":"a","token_type":"bEARER","expires_in":"3600","scope":["a","b"],"refresh_token":null}`,
		`{"access_token":"a\n","token_type":"Bearer"}`, `{"access_token":"","token_type":"Bearer"}`, `{"access_token":"a","token_type":"N_A"}`,
		`{"access_token":"a","token_type":"Bearer","expires_in":1e300}`, `{"access_token":"a","token_type":"Bearer","expires_in":-1}`,
		`{"access_token":"a","token_type":"Bearer","expires_in":9007199254740992}`,
		`{"error":"invalid_grant","error_description":"d"}`, `{"error":1}`, `{"error":"e","access_token":"a","token_type":"Bearer"}`,
	} {
		f.Add(s, uint8(0))
		f.Add(s, uint8(2))
	}
	c := newUnitServer().client(f, nil)
	f.Fuzz(func(t *testing.T, body string, kind uint8) {
		res := fuzzResponse(opToken, kind, body)
		token, idToken, err := c.processTokenResponse(res, &tokenExpectation{scope: "openid"})
		if err != nil {
			if token != nil || idToken != "" {
				t.Fatalf("%v with the error %v", token, err)
			}
			return
		}
		if res.status != http.StatusOK || res.mediaType == "text/html" {
			t.Fatalf("status %d as %s is accepted", res.status, res.mediaType)
		}
		if !headerValue(token.AccessToken.Reveal()) || !strings.EqualFold(token.TokenType, "Bearer") || token.IDToken() != nil {
			t.Fatalf("%v", token)
		}
		if !token.Expiry.IsZero() && token.Expiry.Before(unitNow()) {
			t.Fatalf("expired when it came: %v", token.Expiry)
		}
		var reference map[string]any
		if decodeAny(body, &reference) != nil || reference["access_token"] != any(token.AccessToken.Reveal()) {
			t.Fatal("the access token is another than encoding/json reads")
		}
	})
}
