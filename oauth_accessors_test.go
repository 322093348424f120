package oauth

// Every accessor of what was verified, with a claim of its own in each.

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// accessorClaims are a claim for each accessor, no two alike.
func accessorClaims(change map[string]any) map[string]any {
	claims := accessClaims(map[string]any{
		"sub": "the-sub", "jti": "the-jti", "client_id": "the-client", "scope": "one two", "acr": "the-acr", "auth_time": unitTime - 5, "nbf": unitTime - 7, "iat": unitTime - 6,
		"cnf":                   map[string]any{"jkt": "the-jkt", "x5t#S256": "the-x5t"},
		"authorization_details": []any{map[string]any{"type": "the-detail"}},
	})
	for name, v := range change {
		if claims[name] = v; v == unitRemoved {
			delete(claims, name)
		}
	}
	return claims
}

// accessorValues are what is verified, with all its claims, and what each accessor
// returns.
func accessorValues(t *testing.T) map[any]map[string]string {
	s := newUnitServer()
	access := s.accessToken(t, accessorClaims(nil))
	rs := s.resource(t, nil)
	token, err := rs.accessToken(t.Context(), &presentedToken{raw: access}) // apart from the proof and the certificate
	if err != nil {
		t.Fatal(err)
	}
	opaque := s.opaqueServer(t, nil)
	answer := accessorClaims(map[string]any{"active": true, "token_type": "DPoP", "username": "the-name"})
	s.answer(introspectionPath, unitJSON(t, answer))
	asked, err := opaque.accessToken(t.Context(), &presentedToken{raw: "opaque"})
	if err != nil {
		t.Fatal(err)
	}
	signed := s.sign(t, "token-introspection+jwt", map[string]any{"iss": unitIssuer, "aud": unitClient, "iat": unitTime, "token_introspection": answer})
	s.set(introspectionPath, unitAnswer{mediaType: mediaIntrospectionJWT, body: signed})
	introspection, err := s.introspector(t, signedIntrospection).Introspect(t.Context(), "opaque", nil)
	if err != nil {
		t.Fatal(err)
	}
	rawID := s.sign(t, "JWT", unitClaims(map[string]any{
		"sub": "the-sub", "iat": unitTime - 6, "auth_time": unitTime - 5, "nonce": "the-nonce", "acr": "the-acr", "amr": []string{"pwd", "otp"}, "sid": "the-sid", "email_verified": true,
	}))
	id, err := s.client(t, nil).VerifyIDToken(t.Context(), rawID, VerifyIDTokenOptions{Nonce: "the-nonce"})
	if err != nil {
		t.Fatal(err)
	}
	rawLogout := s.sign(t, "logout+jwt", logoutClaims(map[string]any{"sub": "the-sub", "sid": "the-sid", "jti": "the-jti", "iat": unitTime - 6}))
	logout, err := s.client(t, nil).VerifyLogoutToken(t.Context(), rawLogout)
	if err != nil {
		t.Fatal(err)
	}
	s.answer("/userinfo", `{"sub":"the-sub","email_verified":true}`)
	user, err := s.client(t, nil).UserInfo(t.Context(), unitToken("the-sub"), nil)
	if err != nil {
		t.Fatal(err)
	}
	at := func(n int64) string { return fmt.Sprint(unitNow().UTC().Unix() + n) }
	ofAccess := map[string]string{
		"Issuer": unitIssuer, "Subject": "the-sub", "Identity": unitIssuer + " the-sub", "ClientID": "the-client", "Audience": "[" + unitResource + "]", "Scope": "[one two]",
		"Expiry": at(300), "IssuedAt": at(-6), "AuthTime": at(-5), "ACR": "the-acr", "ID": "the-jti", "AuthorizationDetails": "[the-detail]",
		"KeyThumbprint": "the-jkt", "CertificateThumbprint": "the-x5t", "Raw": access,
	}
	ofAsked := map[string]string{}
	for name, v := range ofAccess {
		ofAsked[name] = v
	}
	ofAsked["Raw"] = "opaque"
	ofAnswer := map[string]string{"Username": "the-name", "TokenType": "DPoP", "NotBefore": at(-7)}
	for name, v := range ofAccess {
		if name != "Identity" {
			ofAnswer[name] = v
		}
	}
	ofAnswer["Raw"] = signed
	return map[any]map[string]string{
		token: ofAccess, asked: ofAsked, introspection: ofAnswer,
		id: {
			"Issuer": unitIssuer, "Subject": "the-sub", "Identity": unitIssuer + " the-sub", "Audience": "[" + unitClient + "]", "Expiry": at(300), "IssuedAt": at(-6), "AuthTime": at(-5),
			"Nonce": "the-nonce", "ACR": "the-acr", "AMR": "[pwd otp]", "SessionID": "the-sid", "EmailVerified": "true", "Raw": rawID,
		},
		logout: {"Issuer": unitIssuer, "Subject": "the-sub", "SessionID": "the-sid", "ID": "the-jti", "IssuedAt": at(-6)},
		user:   {"Subject": "the-sub", "EmailVerified": "true"},
	}
}

// accessorText is what an accessor returns, without the error.
func accessorText(results []reflect.Value) string {
	var texts []string
	for _, r := range results {
		switch v := r.Interface().(type) {
		case nil, error:
		case interface{ Unix() int64 }:
			texts = append(texts, fmt.Sprint(v.Unix()))
		case Secret:
			texts = append(texts, v.Reveal())
		case []AuthorizationDetail:
			texts = append(texts, "["+v[0].Type+"]")
		default:
			texts = append(texts, fmt.Sprint(v))
		}
	}
	return strings.Join(texts, " ")
}

// TestAccessors: each returns its own claim, and none was left out here.
func TestAccessors(t *testing.T) {
	for v, want := range accessorValues(t) {
		of := reflect.ValueOf(v)
		for i := range of.NumMethod() {
			name := of.Type().Method(i).Name
			m := of.Method(i)
			if m.Type().NumIn() > 0 || name == "LogValue" || name == "MarshalJSON" {
				continue
			}
			text, ok := want[name]
			if got := accessorText(m.Call(nil)); !ok || got != text {
				t.Errorf("%T.%s: %q, want %q", v, name, got, text)
			}
			delete(want, name)
		}
		for name := range want {
			t.Errorf("%T has no %s", v, name)
		}
	}
}

// TestAccessorsCopy: a caller that changes what it was given changes nothing.
func TestAccessorsCopy(t *testing.T) {
	for v := range accessorValues(t) {
		of := reflect.ValueOf(v)
		for i := range of.NumMethod() {
			m := of.Method(i)
			if m.Type().NumIn() > 0 || m.Type().NumOut() != 1 || m.Type().Out(0).Kind() != reflect.Slice {
				continue
			}
			list := m.Call(nil)[0]
			before := fmt.Sprint(list)
			list.Index(0).SetZero()
			if after := fmt.Sprint(m.Call(nil)[0]); after != before {
				t.Errorf("%T.%s: %s became %s", v, of.Type().Method(i).Name, before, after)
			}
		}
	}
}

// TestIdentityNeedsBoth: a subject without its issuer is nobody, and the other way round.
func TestIdentityNeedsBoth(t *testing.T) {
	for _, tt := range []struct {
		issuer, subject string
		id, access      error
	}{
		{unitIssuer, "alice", nil, nil},
		{"", "alice", ErrConfig, ErrConfig},
		{unitIssuer, "", ErrConfig, ErrClaim},
		{"", "", ErrConfig, ErrConfig},
	} {
		id := &IDToken{&idTokenData{issuer: tt.issuer, subject: tt.subject}}
		access := &AccessToken{&accessTokenData{tokenClaims: tokenClaims{issuer: tt.issuer, subject: tt.subject}}}
		for want, identity := range map[*error]func() (string, string, error){&tt.id: id.Identity, &tt.access: access.Identity} {
			issuer, subject, err := identity()
			if wantError(t, err, *want, ""); err == nil && (issuer != tt.issuer || subject != tt.subject) || err != nil && issuer+subject != "" {
				t.Errorf("%q %q gives %q %q, %v", tt.issuer, tt.subject, issuer, subject, err)
			}
		}
	}
}

// TestAMRIsAList: anything else counts as absent.
func TestAMRIsAList(t *testing.T) {
	for amr, want := range map[string]string{`["pwd","otp"]`: "pwd otp", `[]`: "", `"pwd"`: "", `["pwd",1]`: "", `1`: "", `null`: ""} {
		id := &IDToken{&idTokenData{payload: `{"amr":` + amr + `}`}}
		if got := strings.Join(id.AMR(), " "); got != want {
			t.Errorf("%s: %q", amr, got)
		}
	}
}
