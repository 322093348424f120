package oauth

// Fuzz tests of the endpoints after the login: what their answers and the
// tokens that they send are taken for. See fuzz_test.go.

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// An answer is taken for an active token only if it says so, as encoding/json
// reads it too; signed, only if it is addressed to the client.
func FuzzIntrospectionResponse(f *testing.F) {
	for _, s := range []string{
		`"active":true`, `"active":false`, `"active":"true"`, `"active":true,"active":false`, `"Active":true`, `"active":null`, `"\u0061ctive":true`,
		`"active":true,"sub":"alice","scope":"a b","aud":["r"],"exp":1700000300,"iat":1.7e9,"nbf":0.5,"cnf":{"jkt":"K","x5t#S256":"X"}`,
		`"active":true,"authorization_details":[{"type":"pay","x":1}],"client_id":"c","username":"u","token_type":"DPoP","jti":"j","iss":"i"`,
		`"active":true,"cnf":{"jkt":""}`, `"active":true,"cnf":{}`, `"active":true,"scope":["a",1]`, `"active":true,"error":"e"`, `"active":true,"error":"e","access_token":"a"`,
	} {
		f.Add(s, uint8(0))
		f.Add(s, uint8(16))
		f.Add(s, uint8(4))
	}
	s := newUnitServer()
	c := s.introspector(f, func(c *Config) { c.Server.IntrospectionSigningAlgValuesSupported = []Algorithm{ES256} })
	f.Fuzz(func(t *testing.T, members string, kind uint8) {
		body := "{" + members + "}"
		res := fuzzResponse(opIntrospection, kind%16, body)
		signed := kind&16 != 0
		if signed {
			if json.Valid([]byte(body)) {
				body = `{"iss":"` + unitIssuer + `","aud":"` + unitClient + `","iat":1700000000,"token_introspection":` + body + `}`
			}
			token, err := s.key.signCompact(append(appendHeader(nil, ES256, "token-introspection+jwt", s.key.kid), '}'), []byte(body))
			if err != nil {
				t.Fatal(err)
			}
			res.mediaType, res.body = mediaIntrospectionJWT, token
		}
		i, _, err := c.processIntrospectionResponse(context.Background(), res)
		if (i == nil) == (err == nil) {
			t.Fatalf("%v with the error %v", i, err)
		}
		if i == nil {
			return
		}
		if res.status != http.StatusOK || (i.Raw() != "") != signed {
			t.Fatalf("status %d as %s, JWT %q", res.status, res.mediaType, i.Raw())
		}
		var reference map[string]any
		if err := json.Unmarshal([]byte(strings.TrimPrefix(body, "\ufeff")), &reference); err != nil {
			t.Fatal(err)
		}
		if inner, ok := reference["token_introspection"].(map[string]any); signed {
			if !ok || reference["iss"] != unitIssuer || reference["iat"] == nil || !slices.Contains(fuzzStrings(reference["aud"]), unitClient) {
				t.Fatalf("%s is accepted", body)
			}
			reference = inner
		}
		if reference["active"] != true {
			t.Fatalf("%s is active", body)
		}
		for name, got := range map[string]string{
			"sub": i.Subject(), "iss": i.Issuer(), "client_id": i.ClientID(), "username": i.Username(), "token_type": i.TokenType(), "jti": i.ID(),
		} {
			if want, _ := reference[name].(string); got != want && !strings.Contains(want, "\ufffd") { // half of a surrogate pair
				t.Fatalf("%s is %q, encoding/json has %q", name, got, want)
			}
		}
		cnf, _ := reference["cnf"].(map[string]any)
		for name, got := range map[string]string{"jkt": i.KeyThumbprint(), "x5t#S256": i.CertificateThumbprint()} {
			if want, ok := cnf[name]; got == "" && ok && want != nil || got != "" && got != want {
				t.Fatalf("%s is %q, encoding/json has %v", name, got, want)
			}
		}
		for name, zero := range map[string]bool{"exp": i.Expiry().IsZero(), "iat": i.IssuedAt().IsZero(), "nbf": i.NotBefore().IsZero()} {
			if n, ok := reference[name].(float64); (ok && math.Abs(n) <= maxNumericDate) == zero {
				t.Fatalf("%s is left out or made up", name)
			}
		}
	})
}

// fuzzStrings is a string or the strings of a list.
func fuzzStrings(v any) (list []string) {
	for _, e := range append([]any{v}, asList(v)...) {
		if s, ok := e.(string); ok {
			list = append(list, s)
		}
	}
	return list
}

func asList(v any) []any { list, _ := v.([]any); return list }

// A registration that is accepted has what was asked for, and can be kept.
func FuzzRegistrationResponse(f *testing.F) {
	const good = `"client_id":"c1","redirect_uris":["https://app.example/cb"]`
	for _, s := range []string{
		good + `,"client_secret":"s","client_secret_expires_at":0,"registration_access_token":"rat","registration_client_uri":"https://op.example/r","client_id_issued_at":1700000000`,
		good + `,"token_endpoint_auth_method":"none"`, good + `,"token_endpoint_auth_method":"client_secret_post"`,
		good + `,"client_secret":"s","client_secret_expires_at":1`, good + `,"client_secret":"s"`, good + `,"client_secret":null,"token_endpoint_auth_method":null`,
		`"client_id":"c2","token_endpoint_auth_method":"none","redirect_uris":["https://app.example/cb","https://app.example/cb"]`,
		`"client_id":"","redirect_uris":[]`, good + `,"registration_access_token":"a\nb","token_endpoint_auth_method":"none"`,
		good + `,"token_endpoint_auth_method":"none","jwks":{"keys":[]},"x":{"a":[1.0,"<"]},"client_id_issued_at":1.5,"error":1`,
		`"error":"invalid_client_metadata"`,
	} {
		f.Add(s, uint8(1))
		f.Add(s, uint8(0))
		f.Add(s, uint8(0x10))
	}
	r := &registrar{caller: newCaller(nil, false, nil), clock: Clock{Now: unitNow}}
	f.Fuzz(func(t *testing.T, members string, kind uint8) {
		res := fuzzResponse(opRegistration, kind%16, "{"+members+"}")
		was, asked, statuses := &Registration{server: unitIssuer}, &registrationAsked, []int{201, 200}
		if kind&0x10 != 0 {
			was.Metadata.ClientID, was.RegistrationAccessToken, asked, statuses = "c1", NewSecret("old"), nil, []int{200}
		}
		reg, err := was.process(res, asked, r, statuses...)
		if (reg == nil) == (err == nil) {
			t.Fatalf("%v with the error %v", reg, err)
		}
		if reg == nil {
			// What made a client is not lost.
			var kept *RegistrationError
			o, wrong := res.object()
			if !errors.As(err, &kept) {
				if wrong == nil && res.status/100 == 2 && o.has("client_id") && res.refusal().Code == "" {
					t.Fatalf("lost with %v", err)
				}
				return
			}
			// Not a struct, whose fields encoding/json takes from names in other letters, too.
			var answer map[string]any
			if strings.Contains(members, "\\") || json.Unmarshal([]byte(res.body), &answer) != nil {
				return
			}
			said := func(name string) string { s, _ := answer[name].(string); return s }
			for _, name := range []string{"client_id", "client_secret", "registration_access_token"} {
				if v, ok := answer[name]; ok && said(name) == "" && v != "" {
					return // it is no string, and what counts then is in TestRegistrationSalvaged
				}
			}
			if got := kept.Registration; said("client_id") != got.Metadata.ClientID && was.Metadata.ClientID == "" ||
				said("client_secret") != got.ClientSecret.Reveal() ||
				said("registration_access_token") != "" && said("registration_access_token") != got.RegistrationAccessToken.Reveal() {
				t.Fatalf("%+v kept of %s", savedFields(got), res.body)
			}
			if _, err := kept.Registration.MarshalBinary(); err != nil {
				t.Fatal(err)
			}
			return
		}
		if !slices.Contains(statuses, res.status) {
			t.Fatalf("status %d is accepted", res.status)
		}
		m := &reg.Metadata
		switch {
		case m.ClientID == "" || was.Metadata.ClientID != "" && m.ClientID != was.Metadata.ClientID:
			t.Fatalf("client_id %q", m.ClientID)
		case asked != nil && !slices.Equal(slices.Compact(slices.Clone(m.RedirectURIs)), asked.RedirectURIs):
			t.Fatalf("redirect_uris %q", m.RedirectURIs)
		case reg.ClientSecret.IsZero() && (m.TokenEndpointAuthMethod == "" || strings.HasPrefix(m.TokenEndpointAuthMethod, "client_secret_")):
			t.Fatalf("no secret for %q", m.TokenEndpointAuthMethod)
		case !reg.ClientSecretExpiry.IsZero() && reg.ClientSecretExpiry.Unix() <= unitTime-30:
			t.Fatalf("the secret expired at %v", reg.ClientSecretExpiry)
		case !reg.RegistrationAccessToken.IsZero() && !headerValue(reg.RegistrationAccessToken.Reveal()):
			t.Fatal("the access token breaks the header")
		case reg.server != unitIssuer:
			t.Fatalf("server %q", reg.server)
		}
		for _, name := range registrationMembers {
			if _, ok := m.Extra[name]; ok {
				t.Fatalf("%s is among the metadata", name)
			}
		}
		data, err := reg.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var again Registration
		if err := again.UnmarshalBinary(data); err != nil || savedFields(&again) != savedFields(reg) {
			t.Fatalf("%s became\n%s, %v", savedFields(reg), savedFields(&again), err)
		}
	})
}

// What is restored says the same when it is kept again.
func FuzzRegistrationBinary(f *testing.F) {
	for _, name := range []string{"Registration", "Registration, bare"} {
		data := must(savedSamples()[name].MarshalBinary())
		f.Add(data)
		f.Add(data[:len(data)-1])
		f.Add(append(data, 0))
	}
	f.Add([]byte("\x01\x02{}\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("\x01\x15{\"client_secret\":\"s\"}\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("\x01\x02{}\x00\x00\x00\x00\x02-1\x00"))
	f.Add([]byte("\x02\x02{}\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		reg := Registration{server: "kept"}
		if err := reg.UnmarshalBinary(data); err != nil {
			if !errors.Is(err, ErrParse) || !reflect.DeepEqual(reg, Registration{server: "kept"}) {
				t.Fatalf("%v with the error %v", savedFields(&reg), err)
			}
			return
		}
		again, err := reg.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var second Registration
		if err := second.UnmarshalBinary(again); err != nil || savedFields(&second) != savedFields(&reg) {
			t.Fatalf("%s became\n%s, %v", savedFields(&reg), savedFields(&second), err)
		}
		for _, secret := range []string{"client_secret", "registration_access_token"} {
			if _, ok := reg.Metadata.Extra[secret]; ok {
				t.Fatalf("%s is among the metadata", secret)
			}
		}
	})
}

// A token of the server's, with whatever is in it, ends a session only if it has
// all that makes it a logout token.
func FuzzLogoutTokenClaims(f *testing.F) {
	good := logoutClaims(nil)
	all := func(change map[string]any) string {
		claims := maps.Clone(good)
		maps.Copy(claims, change)
		maps.DeleteFunc(claims, func(_ string, v any) bool { return v == unitRemoved })
		return unitJSON(f, claims)
	}
	f.Add(all(nil), "logout+jwt")
	f.Add(all(map[string]any{"nonce": "n"}), "JWT")
	for name := range good {
		f.Add(all(map[string]any{name: unitRemoved}), "")
		f.Add(all(map[string]any{name: nil}), "")
		f.Add(all(map[string]any{name: []any{}}), "jwt")
	}
	f.Add(all(map[string]any{"aud": []any{unitClient, "x"}, "exp": 1.7000003e9}), "application/logout+jwt")
	f.Add(`{"jti":"a","jti":"b"}`, "at+jwt")
	s := newUnitServer()
	c := s.client(f, nil)
	f.Fuzz(func(t *testing.T, claims, typ string) {
		typ = strings.ToValidUTF8(typ, "")
		token, err := s.key.signCompact(append(appendHeader(nil, ES256, typ, s.key.kid), '}'), []byte(claims))
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.VerifyLogoutToken(context.Background(), token)
		if (got == nil) == (err == nil) {
			t.Fatalf("%v with the error %v", got, err)
		}
		if got == nil {
			return
		}
		var reference map[string]any
		if err := json.Unmarshal([]byte(claims), &reference); err != nil {
			t.Fatal(err)
		}
		exp, hasExp := reference["exp"].(float64)
		iat, ok := reference["iat"].(float64)
		events, _ := reference["events"].(map[string]any)
		_, event := events[logoutEvent].(map[string]any)
		nonce := reference["nonce"] != nil
		sub, _ := reference["sub"].(string)
		sid, _ := reference["sid"].(string)
		switch {
		case reference["iss"] != unitIssuer || got.Issuer() != unitIssuer,
			!slices.Contains(fuzzStrings(reference["aud"]), unitClient),
			hasExp != (reference["exp"] != nil) || hasExp && exp <= unitTime-30,
			!ok || iat < unitTime-3630 || iat > unitTime+600,
			got.ID() == "" || reference["jti"] != got.ID(),
			!event || nonce,
			sub == "" && sid == "" || sub != got.Subject() || sid != got.SessionID():
			t.Fatalf("%s is accepted: %v", claims, got)
		}
		if !slices.Contains([]string{"", "jwt", "logout+jwt"}, normalType(typ)) {
			t.Fatalf("of type %q it is accepted", typ)
		}
		// An ID token it is not.
		if _, err := c.VerifyIDToken(context.Background(), token, VerifyIDTokenOptions{InsecureNoNonce: true}); err == nil {
			t.Fatalf("%s is an ID token too", claims)
		}
	})
}

// Metadata that are accepted are those of the resource, with servers that may be
// asked; and they say the same when they are written again.
func FuzzResourceResponse(f *testing.F) {
	const api = "https://api.example"
	f.Add(`{"resource":"https://api.example","authorization_servers":["https://op.example"],"x":{"a":[1.0,"<"]}}`, uint8(0))
	f.Add(`{"resource":"https://api.example/","authorization_servers":null,"dpop_signing_alg_values_supported":[]}`, uint8(4))
	f.Add(`{"resource":"https://api.example/","authorization_servers":["http://op.example"]}`, uint8(0))
	f.Add(`{"resource":"https://api.example","authorization_servers":["https:op.example"]}`, uint8(0))
	f.Add(`{"resource":"https://api.example?/"}`, uint8(0))
	f.Add(`{"resource":"https://api.example","resource":"https://evil.example"}`, uint8(0))
	f.Add(`{"dpop_signing_alg_values_supported":null}`, uint8(0))
	f.Add(`{"error":"e"}`, uint8(2))
	f.Fuzz(func(t *testing.T, body string, kind uint8) {
		metadataRoundTrip(t, body, func(m *ResourceMetadata) map[string]json.RawMessage {
			extra := m.Extra
			m.Extra = nil
			return extra
		})
		res := fuzzResponse(opDiscoverResource, kind, body)
		m, err := processResourceResponse(res, []string{api}, false)
		if (m == nil) == (err == nil) {
			t.Fatalf("%v with the error %v", m, err)
		}
		if m == nil {
			return
		}
		if res.status != http.StatusOK || m.Resource != api && m.Resource != api+"/" {
			t.Fatalf("resource %q with status %d", m.Resource, res.status)
		}
		for _, issuer := range m.AuthorizationServers {
			if _, err := http.NewRequest(http.MethodGet, issuer, nil); err != nil || !strings.HasPrefix(strings.ToLower(issuer), "https://") {
				t.Fatalf("server %q, %v", issuer, err)
			}
		}
	})
}
