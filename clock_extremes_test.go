package oauth

// Every time that comes from outside, in every kind of token and answer, as far from
// now as a number can be: where a difference of times saturates (292 years), where 32
// and 53 bits end, in milliseconds, and beyond all of them.

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// extremes are numbers by where they lie. What is under and over is none of a time.
var extremes = map[string][]string{
	"past": { // a second before the last one is the zero time, which counts as absent
		"-7523372036", "-7523372037", "-7523372038", // 292 years, where now − t ends, and a second either way
		"-6889934592", "-9007197554740992", "-9007199254740992", "-1700000000000", "-62135596799",
	},
	"future": {
		"10923372035", "10923372036", "10923372037", "10923372038", // 292 years
		"10289934592", "9007199254740992", "1700000000000", "1700000000e3", "1e15",
	},
	"under": {"-9007199254740994", "-1e300", "-1e999"},
	"over":  {"9007199254740994", "9223372036854775807", "1e300", "1e999"},
}

// An extremeCase is one time: try presents it, and says what came of it. Each of the
// four errors is what has to come of those numbers; nil: it is accepted.
type extremeCase struct {
	name                      string
	try                       func(t *testing.T, n json.RawMessage) error
	past, future, under, over error
}

func TestExtremeTimes(t *testing.T) {
	s := newUnitServer()
	for _, tt := range append(append(extremeTokens(t, s), extremeAnswers(t, s)...), extremeStores(t, s)...) {
		t.Run(tt.name, func(t *testing.T) {
			for where, want := range map[string]error{"past": tt.past, "future": tt.future, "under": tt.under, "over": tt.over} {
				for _, n := range extremes[where] {
					if err := tt.try(t, json.RawMessage(n)); !errors.Is(err, want) || want == nil && err != nil {
						t.Errorf("%s: %v, want %v", n, err, want)
					}
				}
			}
		})
	}
}

func extremeTokens(t *testing.T, s *unitServer) []extremeCase {
	ctx := context.Background()
	c := s.client(t, func(c *Config) { c.Server.AuthorizationSigningAlgValuesSupported = []Algorithm{ES256} })
	rs, key := s.resource(t, nil), proofKeyOf(t, ES256)
	bound := s.accessToken(t, boundTo(key))
	// nbf beside the others: what comes after it is judged as well.
	with := func(claim string, n json.RawMessage, more map[string]any) map[string]any {
		claims := map[string]any{"nbf": unitTime}
		for name, v := range more {
			claims[name] = v
		}
		claims[claim] = n
		return claims
	}
	idToken := func(claim string) func(*testing.T, json.RawMessage) error {
		return func(t *testing.T, n json.RawMessage) error {
			opts := VerifyIDTokenOptions{}
			if claim == "auth_time" {
				opts.MaxAge = int64p(60)
			}
			_, err := c.VerifyIDToken(ctx, s.sign(t, "JWT", unitClaims(with(claim, n, nil))), opts)
			return err
		}
	}
	accessToken := func(claim string) func(*testing.T, json.RawMessage) error {
		return func(t *testing.T, n json.RawMessage) error {
			at, err := authenticate(t, rs, bearer(s.accessToken(t, with(claim, n, nil))))
			if err == nil && claim == "auth_time" {
				err = rs.Check(at, Requirement{MaxAge: int64p(60)})
			}
			return err
		}
	}
	logoutToken := func(claim string) func(*testing.T, json.RawMessage) error {
		return func(t *testing.T, n json.RawMessage) error {
			_, err := c.VerifyLogoutToken(ctx, s.sign(t, "logout+jwt", logoutClaims(with(claim, n, nil))))
			return err
		}
	}
	jarm := func(claim string) func(*testing.T, json.RawMessage) error {
		return func(t *testing.T, n json.RawMessage) error {
			a := s.start(t, c, &jarmRequest)
			claims := with(claim, n, map[string]any{"iss": unitIssuer, "aud": unitClient, "exp": unitTime + 60, "code": "c", "state": a.State()})
			claims[claim] = n
			_, err := c.ValidateAuthorizationResponse(ctx, a, url.Values{"response": {s.sign(t, "JWT", claims)}})
			return err
		}
	}
	frontChannel := func(t *testing.T, n json.RawMessage) error {
		a := s.start(
			t,
			c,
			&AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid"}, ResponseType: "id_token", ResponseMode: "form_post"},
		)
		id := s.sign(t, "JWT", unitClaims(map[string]any{"iat": n, "nonce": a.content.nonce}))
		_, err := c.ValidateAuthorizationResponse(ctx, a, url.Values{"id_token": {id}, "state": {a.State()}})
		return err
	}
	proof := func(claim string) func(*testing.T, json.RawMessage) error {
		return func(t *testing.T, n json.RawMessage) error {
			_, err := authenticate(t, rs, provenRequestOf(bound, signProof(t, key, nil, proofClaims(bound, with(claim, n, nil)))))
			return err
		}
	}
	signed := func(claim string) func(*testing.T, json.RawMessage) error {
		return func(t *testing.T, n json.RawMessage) error {
			claims := introspectionClaims(with(claim, n, nil))
			_, err := s.introspect(t, s.introspector(t, signedIntrospection), introspectionJWTAnswer(s.sign(t, "token-introspection+jwt", claims)))
			return err
		}
	}
	opaque := func(member string) func(*testing.T, json.RawMessage) error {
		rs := s.opaqueServer(t, nil)
		return func(t *testing.T, n json.RawMessage) error {
			s.answer(introspectionPath, fmt.Sprintf(`{"active":true,"sub":"alice",%q:%s}`, member, n))
			at, err := authenticate(t, rs, bearer("opaque"))
			if err == nil && member == "auth_time" {
				err = rs.Check(at, Requirement{MaxAge: int64p(60)})
			}
			return err
		}
	}
	attestation := func(t *testing.T, n json.RawMessage) error {
		token := s.sign(t, attestationType, map[string]any{"sub": unitClient, "exp": n, "cnf": map[string]any{"jwk": json.RawMessage(key.PublicJWK())}})
		return checkAttestation(token, unitClient, key.Thumbprint(), unitNow())
	}
	return []extremeCase{
		{"ID token, exp", idToken("exp"), ErrExpired, nil, ErrClaim, ErrClaim},
		{"ID token, nbf", idToken("nbf"), nil, ErrNotYetValid, ErrClaim, ErrClaim},
		{"ID token, iat", idToken("iat"), nil, ErrNotYetValid, ErrClaim, ErrClaim},
		{"ID token, auth_time", idToken("auth_time"), ErrExpired, ErrNotYetValid, ErrClaim, ErrClaim},
		{"ID token in the front channel, iat", frontChannel, ErrExpired, ErrNotYetValid, ErrClaim, ErrClaim},
		{"access token, exp", accessToken("exp"), ErrExpired, nil, ErrClaim, ErrClaim},
		{"access token, nbf", accessToken("nbf"), nil, ErrNotYetValid, ErrClaim, ErrClaim},
		{"access token, iat", accessToken("iat"), nil, ErrNotYetValid, ErrClaim, ErrClaim},
		{"access token, auth_time", accessToken("auth_time"), ErrExpired, ErrNotYetValid, ErrClaim, ErrClaim},
		{"logout token, exp", logoutToken("exp"), ErrExpired, nil, ErrClaim, ErrClaim},
		{"logout token, nbf", logoutToken("nbf"), nil, ErrNotYetValid, ErrClaim, ErrClaim},
		{"logout token, iat", logoutToken("iat"), ErrExpired, ErrNotYetValid, ErrClaim, ErrClaim},
		{"JARM, exp", jarm("exp"), ErrExpired, nil, ErrClaim, ErrClaim},
		{"JARM, nbf", jarm("nbf"), nil, ErrNotYetValid, ErrClaim, ErrClaim},
		{"JARM, iat", jarm("iat"), nil, ErrNotYetValid, ErrClaim, ErrClaim},
		{"proof, iat", proof("iat"), ErrExpired, ErrNotYetValid, ErrClaim, ErrClaim},
		{"proof, exp", proof("exp"), ErrExpired, nil, ErrClaim, ErrClaim},
		{"proof, nbf", proof("nbf"), nil, ErrNotYetValid, ErrClaim, ErrClaim},
		{"signed introspection, iat", signed("iat"), nil, ErrNotYetValid, ErrClaim, ErrClaim},
		{"signed introspection, nbf", signed("nbf"), nil, ErrNotYetValid, ErrClaim, ErrClaim},
		// Of an answer that cannot be read nothing follows for the token.
		{"introspection, exp", opaque("exp"), ErrExpired, nil, ErrUnavailable, ErrUnavailable},
		{"introspection, nbf", opaque("nbf"), nil, ErrNotYetValid, ErrUnavailable, ErrUnavailable},
		{"introspection, iat", opaque("iat"), nil, ErrNotYetValid, ErrUnavailable, ErrUnavailable},
		{"introspection, auth_time", opaque("auth_time"), ErrExpired, ErrNotYetValid, ErrClaim, ErrClaim},
		{"attestation, exp", attestation, ErrExpired, nil, ErrClaim, ErrClaim},
	}
}

func extremeAnswers(t *testing.T, s *unitServer) []extremeCase {
	ctx := context.Background()
	c := s.client(t, withDevice)
	ciba := s.client(t, withCIBA)
	bounded := func(t *testing.T, expiry time.Time, err error) error {
		if err == nil && (expiry.Before(unitNow()) || expiry.After(unitNow().Add(maxLifetime))) {
			t.Errorf("it expires at %v", expiry)
		}
		return err
	}
	token := func(t *testing.T, n json.RawMessage) error {
		s.answer("/token", unitTokenBody(t, map[string]any{"expires_in": n}))
		tok, err := c.ClientCredentials(ctx, nil)
		if err != nil {
			return err
		}
		if n[0] == '-' && tok.Expiry.IsZero() { // as if it were not said
			return nil
		}
		return bounded(t, tok.Expiry, nil)
	}
	device := func(member string) func(*testing.T, json.RawMessage) error {
		return func(t *testing.T, n json.RawMessage) error {
			d, err := c.processDeviceResponse(extremeResponse(unitJSON(t, unitChange(deviceBody(), member, n))), "", unitNow())
			if err != nil {
				return err
			}
			return bounded(t, d.Expiry(), nil)
		}
	}
	backchannel := func(member string) func(*testing.T, json.RawMessage) error {
		return func(t *testing.T, n json.RawMessage) error {
			body := unitChange(map[string]any{"auth_req_id": "r", "expires_in": 60, "interval": 5}, member, n)
			b, err := ciba.processBackchannelResponse(extremeResponse(unitJSON(t, body)), "", unitNow())
			if err != nil {
				return err
			}
			return bounded(t, b.Expiry(), nil)
		}
	}
	pushed := func(t *testing.T, n json.RawMessage) error {
		s.set("/par", unitAnswer{status: http.StatusCreated, mediaType: mediaJSON, body: fmt.Sprintf(`{"request_uri":"urn:r","expires_in":%s}`, n)})
		_, err := c.StartAuthorization(ctx, &AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid"}, Pushed: true})
		return err
	}
	registration := func(member string) func(*testing.T, json.RawMessage) error {
		return func(t *testing.T, n json.RawMessage) error {
			reg, err := s.register(t, registrationAsked, registrationAnswer(t, map[string]any{member: n}))
			if err == nil && member == "client_secret_expires_at" && reg.ClientSecretExpiry.Before(unitNow()) {
				t.Errorf("%s: the secret expires at %v", n, reg.ClientSecretExpiry)
			}
			return err
		}
	}
	cache := func(t *testing.T, n json.RawMessage) error {
		age, ok := cacheMaxAge(http.Header{"Cache-Control": {"max-age=" + string(n)}})
		if ok && (age < 0 || age > maxLifetime) {
			t.Errorf("%s: %v", n, age)
		}
		return nil
	}
	return []extremeCase{
		{"token, expires_in", token, nil, nil, nil, nil},
		{"device, expires_in", device("expires_in"), ErrResponse, nil, ErrResponse, nil},
		{"device, interval", device("interval"), ErrResponse, ErrResponse, ErrResponse, ErrResponse},
		{"CIBA, expires_in", backchannel("expires_in"), ErrResponse, nil, ErrResponse, nil},
		{"CIBA, interval", backchannel("interval"), ErrResponse, ErrResponse, ErrResponse, ErrResponse},
		{"PAR, expires_in", pushed, ErrResponse, nil, ErrResponse, nil},
		{"registration, client_secret_expires_at", registration("client_secret_expires_at"), ErrResponse, nil, ErrResponse, nil},
		{"registration, client_id_issued_at", registration("client_id_issued_at"), nil, nil, nil, nil}, // it only informs
		{"key set, max-age", cache, nil, nil, nil, nil},
	}
}

func extremeResponse(body string) *httpResponse {
	return &httpResponse{status: http.StatusOK, header: http.Header{}, mediaType: mediaJSON, body: body}
}

func unitChange(body map[string]any, member string, v any) map[string]any {
	body[member] = v
	return body
}

func extremeStores(t *testing.T, s *unitServer) []extremeCase {
	ctx := context.Background()
	c := s.client(t, nil)
	keySet := func(t *testing.T, n json.RawMessage) error {
		set := must(NewKeySet(jwksURI, nil))
		return set.Import(fmt.Appendf(nil, `{"jwks_uri":%q,"time":%s,"keys":[%s]}`, jwksURI, n, s.key.PublicJWK()))
	}
	// replaced has another number in place of the saved time.
	replaced := func(t *testing.T, saved []byte, at time.Time, n json.RawMessage) []byte {
		t.Helper()
		field := fmt.Appendf(nil, "\n%d", at.Unix())
		if bytes.Count(saved, field) != 1 {
			t.Fatalf("%q is not once in %q", field, saved)
		}
		w := newSaved(0)
		w.string(string(n))
		return bytes.Replace(saved, field, w.b[1:], 1)
	}
	authorization := func(t *testing.T, n json.RawMessage) error {
		a := s.start(t, c, nil)
		var restored PendingAuthorization
		if err := restored.UnmarshalBinary(replaced(t, must(a.MarshalBinary()), unitNow(), n)); err != nil {
			return err
		}
		_, err := c.ValidateAuthorizationResponse(ctx, &restored, url.Values{"code": {"c"}, "state": {a.State()}})
		return err
	}
	token := func(t *testing.T, n json.RawMessage) error {
		saved := must((&Token{AccessToken: NewSecret("at"), TokenType: "Bearer", Expiry: unitNow()}).MarshalBinary())
		return new(Token).UnmarshalBinary(replaced(t, saved, unitNow(), n))
	}
	pending := func(started, expiry bool) func(*testing.T, json.RawMessage) error {
		return func(t *testing.T, n json.RawMessage) error {
			data := pendingData{
				issuer: unitIssuer, clientID: unitClient, code: "code", scope: "openid", userCode: "u",
				verificationURI: "https://op.example/device", started: unitNow(), expiry: unitNow().Add(time.Minute),
			}
			at := data.expiry
			if started {
				at = data.started
			}
			var d DeviceAuthorization
			if err := d.UnmarshalBinary(replaced(t, must(savedDevice(&data).MarshalBinary()), at, n)); err != nil || expiry {
				return err
			}
			s.answer("/token", unitTokenBody(t, map[string]any{"id_token": s.sign(t, "JWT", unitClaims(nil))}))
			_, err := c.DeviceToken(ctx, &d, nil)
			return err
		}
	}
	certificate := func(before bool) func(*testing.T, json.RawMessage) error {
		return func(t *testing.T, n json.RawMessage) error {
			at, ok := parseNumericDate(string(n))
			if !ok {
				return nil
			}
			leaf := &x509.Certificate{NotBefore: unitNow(), NotAfter: unitNow(), PublicKey: s.key.signer.Public()}
			if before {
				leaf.NotBefore = at
			} else {
				leaf.NotAfter = at
			}
			return checkCertificate("MTLS", &tls.Certificate{Certificate: [][]byte{{0}}, Leaf: leaf, PrivateKey: s.key.signer}, Clock{Now: unitNow})
		}
	}
	return []extremeCase{
		{"exported keys, time", keySet, ErrExpired, ErrNotYetValid, ErrParse, ErrParse},
		{"saved PendingAuthorization", whole(authorization), ErrParse, ErrExpired, ErrParse, ErrParse},
		{"saved DeviceAuthorization, start", whole(pending(true, false)), ErrParse, ErrExpired, ErrParse, ErrParse},
		{"certificate, notBefore", certificate(true), nil, ErrConfig, nil, nil},
		{"certificate, notAfter", certificate(false), ErrConfig, nil, nil, nil},
		{"saved Token", whole(token), ErrParse, nil, ErrParse, ErrParse},
		{"saved DeviceAuthorization, expiry", whole(pending(false, true)), ErrParse, nil, ErrParse, ErrParse},
	}
}

// whole writes a number as saved values have it, without point and exponent.
func whole(try func(*testing.T, json.RawMessage) error) func(*testing.T, json.RawMessage) error {
	return func(t *testing.T, n json.RawMessage) error {
		if at, ok := parseNumericDate(string(n)); ok {
			n = fmt.Append(nil, at.Unix())
		}
		return try(t, n)
	}
}
