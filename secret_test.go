package oauth

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/oauth/oauthtest"
)

// secretMarker stands where a secret or personal text is.
const secretMarker = "MARKERmarker"

// secretVerbs are all the ways of package fmt.
var secretVerbs = []string{
	"%v", "%+v", "%#v", "%s", "%q", "%+q", "%#q", "%x", "%X", "%#x", "% x", "% X", "%d", "%p", "%#p", "%t", "%b", "%o", "%O",
	"%c", "%U", "%e", "%f", "%g", "%G", "%40v", "%-40s", "%.100s", "%z", "%w", "%!",
}

// secretPrints are v as fmt, log/slog and the encoders of the standard library
// write it.
func secretPrints(v any) map[string]string {
	out := map[string]string{}
	for _, verb := range secretVerbs {
		out[verb] = fmt.Sprintf(verb, v)
	}
	out["Sprint"] = fmt.Sprint(v)
	out["Sprintln"] = fmt.Sprintln(v)
	out["Errorf"] = fmt.Errorf("%v", v).Error()
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"slog text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"slog JSON": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var b bytes.Buffer
		log := slog.New(handler(&b))
		log.Info("m", "value", v)
		log.With("with", v).WithGroup("g").Info("m", slog.Group("group", slog.Any("value", v)))
		out[name] = b.String()
	}
	text, err := json.Marshal(v)
	out["JSON"] = fmt.Sprintf("%s %v", text, err)
	return out
}

// secretLeaks reports the prints that show the marker, but for those skipped.
func secretLeaks(t *testing.T, v any, skip ...string) {
	t.Helper()
	for how, text := range secretPrints(v) {
		plain := strings.ToLower(strings.ReplaceAll(text, " ", ""))
		if slices.Contains(skip, how) {
			continue
		}
		if strings.Contains(plain, strings.ToLower(secretMarker)) ||
			strings.Contains(plain, hex.EncodeToString([]byte(secretMarker))) ||
			strings.Contains(text, fmt.Sprint([]byte(secretMarker))[1:20]) {
			t.Errorf("%s of %T shows the secret: %.200s", how, v, text)
			return // one is enough
		}
	}
}

type secretHolder struct {
	Exported   Secret
	unexported Secret
	Pointer    *Secret
	pointer    *Secret
	Any        any
	any        any
	List       []Secret
	list       []Secret
	Map        map[string]Secret
	byKey      map[Secret]Secret
	Nested     struct{ nested Secret }
}

func TestSecretPrint(t *testing.T) {
	s := NewSecret(secretMarker)
	nested := struct{ nested Secret }{s}
	for _, v := range []any{
		s, &s, []Secret{s}, [1]Secret{s}, []any{s}, map[string]Secret{"k": s}, map[Secret]int{s: 1}, map[string]any{"k": []any{&s}},
		secretHolder{s, s, &s, &s, s, s, []Secret{s}, []Secret{s}, map[string]Secret{"k": s}, map[Secret]Secret{s: s}, nested},
		&secretHolder{s, s, &s, &s, s, s, []Secret{s}, []Secret{s}, map[string]Secret{"k": s}, map[Secret]Secret{s: s}, nested},
		struct{ unexported Secret }{s}, &struct{ unexported any }{s}, struct{ Secret }{s},
		fmt.Errorf("with %v: %w", s, errors.New("x")),
	} {
		secretLeaks(t, v)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, s); got != redacted {
			t.Errorf("%s gives %q", verb, got)
		}
		if got := fmt.Sprintf(verb, Secret{}); got != "" {
			t.Errorf("%s of the zero Secret gives %q", verb, got)
		}
	}
	if s.String() != redacted || s.GoString() != redacted || s.LogValue().String() != redacted {
		t.Error("String, GoString or LogValue is not " + redacted)
	}
	if (Secret{}).String() != "" || (Secret{}).LogValue().String() != "" {
		t.Error("the zero Secret prints")
	}
}

func TestSecretEncode(t *testing.T) {
	s := NewSecret(secretMarker)
	for _, v := range []any{s, &s, []Secret{s}, map[string]Secret{"k": s}, map[Secret]int{s: 1}, struct{ S Secret }{s}, Secret{}} {
		if text, err := json.Marshal(v); err == nil {
			t.Errorf("%T encodes to JSON: %s", v, text)
		}
	}
	if text, err := s.MarshalText(); err == nil || text != nil {
		t.Errorf("MarshalText gives %q, %v", text, err)
	}
	if text, err := xml.Marshal(s); err == nil {
		t.Errorf("a Secret encodes to XML: %s", text)
	}
}

func TestSecretValue(t *testing.T) {
	s := NewSecret(secretMarker)
	if s.Reveal() != secretMarker || s.IsZero() {
		t.Errorf("Reveal gives %q, IsZero %v", s.Reveal(), s.IsZero())
	}
	if s == NewSecret(secretMarker) {
		t.Error("two Secrets of one text are ==: comparing them would not take constant time")
	}
	if copied := s; copied != s {
		t.Error("a copy is not the same Secret")
	}
	for _, zero := range []Secret{{}, NewSecret("")} {
		if !zero.IsZero() || zero.Reveal() != "" || zero != (Secret{}) {
			t.Errorf("no secret: IsZero %v, Reveal %q", zero.IsZero(), zero.Reveal())
		}
	}
	if !sameSecret("a", "a") || sameSecret("a", "b") || sameSecret("a", "aa") || sameSecret("a", "") || !sameSecret("", "") {
		t.Error("sameSecret is wrong")
	}
}

// TestSecretRandom: 256 bits in 43 letters that are safe in a URL, a code
// verifier of RFC 7636, Section 4.1 among others.
func TestSecretRandom(t *testing.T) {
	seen := map[string]bool{}
	var all [32]byte // what some had set
	for range 1000 {
		s := randomString()
		b, err := decodeBase64URL(nil, s)
		if len(s) != 43 || err != nil || len(b) != 32 || seen[s] {
			t.Fatalf("%q, %d bytes, %v, seen before %v", s, len(b), err, seen[s])
		}
		seen[s] = true
		for i, octet := range b {
			all[i] |= octet
		}
	}
	if all != [32]byte(bytes.Repeat([]byte{0xff}, 32)) {
		t.Errorf("of all bits, only %x are random", all)
	}
}

// ---- types with secrets in them

// secretValues are values of all the types that hold what must not be
// printed, with the marker in every field that is secret or personal.
func secretValues() map[string]any {
	const m = secretMarker
	n := int64(7)
	id := &IDToken{&idTokenData{
		raw: m, payload: `{"email":"` + m + `"}`, issuer: "https://op.example.com", subject: "subject",
		audience: []string{m}, tokenTimes: tokenTimes{expiry: time.Unix(1, 0)}, nonce: m, acr: m, sid: m, alg: findAlgorithm(ES256),
	}}
	a := &PendingAuthorization{content: &pendingAuthorizationData{
		url: m, issuer: "https://op.example.com", clientID: "client", redirectURI: m, responseType: m, responseMode: m,
		scope: m, state: m, nonce: m, verifier: m, maxAge: &n, thumbprint: m, requireACR: m, created: time.Unix(1, 0),
	}}
	claims := tokenClaims{
		payload: `{"email":"` + m + `"}`, issuer: "https://op.example.com", tenant: m, subject: "subject", clientID: "client", id: m,
		scope: scopeText(m), audience: []string{m}, rare: &rareClaims{acr: m, details: []AuthorizationDetail{{Type: m}}, confirm: confirmation{m, m}},
	}
	return map[string]any{
		"Token": &Token{
			AccessToken: NewSecret(m), RefreshToken: NewSecret(m), TokenType: "Bearer", Expiry: time.Unix(1, 0), Scope: []string{"a"},
			AuthorizationDetails: []AuthorizationDetail{{Type: m}},
			Extra:                map[string]json.RawMessage{"id": json.RawMessage(`"` + m + `"`)},
			IssuedTokenType:      TokenTypeIdentifier(m), idToken: id, server: m, clientID: m, jkt: m, granted: "a", resource: "urn:a",
			login: &identity{issuer: m, subject: m, sessionID: m, nonce: m, raw: m, acr: m, requireACR: m},
		},
		"DeviceAuthorization": savedDevice(&pendingData{
			issuer: "https://op.example.com", clientID: "client", code: m, scope: m, expiry: time.Unix(1, 0),
			userCode: m, verificationURI: m, verificationURIComplete: m,
		}),
		"BackchannelAuthentication": savedBackchannel(&pendingData{
			issuer: "https://op.example.com", clientID: "client", code: m, scope: m, expiry: time.Unix(1, 0), notificationToken: m,
		}),
		"Introspection": &Introspection{&introspectionData{
			raw: m, username: m, tokenType: m, tokenClaims: claims,
		}},
		"AccessToken": &AccessToken{&accessTokenData{
			raw: m, tokenClaims: claims,
		}},
		"LogoutToken": &LogoutToken{&logoutTokenData{issuer: "https://op.example.com", id: "jti", subject: m, sessionID: m}},
		"Registration": &Registration{
			Metadata: ClientMetadata{ClientID: "client"}, ClientSecret: NewSecret(m), ClientSecretExpiry: time.Unix(1, 0), ClientIDIssuedAt: time.Unix(1, 0),
			RegistrationAccessToken: NewSecret(m), RegistrationClientURI: m, server: "https://op.example.com", origins: "https://op.example.com",
		},
		"RegistrationError": &RegistrationError{
			Registration: &Registration{ClientSecret: NewSecret(m), RegistrationClientURI: m},
			Err:          fail(ErrResponse, "redirect_uris", "differ"),
		},
		"IDToken":               id,
		"PendingAuthorization":  a,
		"AuthorizationResponse": &AuthorizationResponse{code: NewSecret(m), idToken: id, issuer: m, authorization: a},
		"UserInfo":              &UserInfo{payload: NewSecret(`{"email":"` + m + `"}`), subject: "subject"},
		"ResponseError": &ResponseError{
			notes: []string{"redirects are not followed"},
			Op:    "token", StatusCode: 400, Code: "invalid_grant", Description: "description", URI: m,
			Challenges: []Challenge{{Scheme: m, Token68: m, Params: map[string]string{m: m}}},
			Header:     http.Header{"Set-Cookie": {m}}, Body: []byte(m),
		},
		"RefreshError": &RefreshError{RefreshToken: NewSecret(m), Err: fail(ErrTokenType, "token_type", "is another")},
	}
}

// secretOddVerbs are those that fmt has no use for with a pointer: of one that
// it cannot call methods of it then prints what is behind it.
func secretOddVerbs() (odd []string) {
	for _, verb := range secretVerbs {
		switch verb {
		case "%v", "%+v", "%#v", "%40v", "%p", "%#p", "%x", "%X", "%#x", "% x", "% X", "%d", "%b", "%o":
		default:
			odd = append(odd, verb)
		}
	}
	return odd
}

// TestSecretTypes prints pointers, as the package hands them out, alone and in
// values of the application's.
func TestSecretTypes(t *testing.T) {
	for name, v := range secretValues() {
		t.Run(name, func(t *testing.T) {
			// A field without text in it would make the rest of this test void.
			for f := range reflect.TypeOf(v).Elem().NumField() {
				field := reflect.ValueOf(v).Elem().Field(f)
				if k := field.Kind(); (k == reflect.String || k == reflect.Slice || k == reflect.Map || k == reflect.Pointer) && field.IsZero() {
					t.Errorf("the field %s is empty", reflect.TypeOf(v).Elem().Field(f).Name)
				}
			}
			for _, in := range []any{v, []any{v}, map[string]any{"k": v}, struct{ V any }{v}, &struct{ V []any }{[]any{v}}} {
				secretLeaks(t, in, "%w")
			}
			secretLeaks(t, struct{ v any }{v}, secretOddVerbs()...)
			secretLeaks(t, &struct{ v any }{v}, secretOddVerbs()...)
		})
	}
	for _, v := range []any{(*Token)(nil), (*IDToken)(nil), (*PendingAuthorization)(nil), (*AuthorizationResponse)(nil), &AuthorizationResponse{}, (*UserInfo)(nil), &Token{}, &PendingAuthorization{},
		(*DeviceAuthorization)(nil), (*BackchannelAuthentication)(nil), &DeviceAuthorization{}, &BackchannelAuthentication{},
		(*Introspection)(nil), (*LogoutToken)(nil), (*Registration)(nil), (*AccessToken)(nil), &AccessToken{}, (*ResourceServer)(nil), &ResourceServer{}, ResourceServerConfig{}, &Introspection{}, &LogoutToken{}, &Registration{}, (*RegistrationError)(nil), &RegistrationError{}} {
		if text := fmt.Sprintf("%+v", v); strings.Contains(text, "PANIC") {
			t.Errorf("%T: %s", v, text)
		}
	}
}

// TestSecretTypesOddVerbs has what TestSecretTypes leaves out: %w outside of an
// error, and verbs that do not fit (%s of a struct that holds a pointer in an
// unexported field). fmt answers with the plain fields, so these types must
// keep what is secret behind a pointer to a string, as Secret does. The fields
// of ResponseError are exported and stay what they are.
func TestSecretTypesOddVerbs(t *testing.T) {
	values := secretValues()
	for _, name := range []string{"Token", "IDToken", "PendingAuthorization", "AuthorizationResponse", "UserInfo", "DeviceAuthorization", "BackchannelAuthentication", "Introspection", "AccessToken", "LogoutToken", "Registration"} {
		t.Run(name, func(t *testing.T) {
			v := values[name]
			switch v := v.(type) {
			case *Token: // the rest is as public as the names of server and client
				v.Extra, v.AuthorizationDetails, v.IssuedTokenType, v.server, v.clientID, v.jkt = nil, nil, "", "", "", ""
			case *IDToken:
				v.content.audience = nil
			case *AuthorizationResponse:
				v.issuer = ""
			case *Registration:
				v.RegistrationClientURI = ""
			}
			for _, in := range []any{v, struct{ v any }{v}, &struct{ v any }{v}} {
				for _, verb := range []string{"%w", "%s", "%q", "%z"} {
					if text := fmt.Sprintf(verb, in); strings.Contains(text, secretMarker) {
						t.Errorf("%s of %T shows the secret: %.200s", verb, in, text)
						return
					}
				}
			}
		})
	}
}

// TestSecretTypesByValue prints the types that an application may copy: the
// methods that redact have to be there for the value too. Authorization and
// Callback hold an atomic.Bool and are not to be copied (go vet says so).
func TestSecretTypesByValue(t *testing.T) {
	values := secretValues()
	for _, v := range []any{
		*values["Token"].(*Token), *values["IDToken"].(*IDToken), *values["UserInfo"].(*UserInfo), *values["ResponseError"].(*ResponseError), *values["RefreshError"].(*RefreshError),
		*values["AccessToken"].(*AccessToken), *values["Introspection"].(*Introspection), *values["LogoutToken"].(*LogoutToken), *values["Registration"].(*Registration),
	} {
		t.Run(fmt.Sprintf("%T", v), func(t *testing.T) {
			secretLeaks(t, v, "%p", "%#p", "%w")
			secretLeaks(t, struct{ V any }{v}, "%p", "%#p", "%w")
		})
	}
}

func TestSecretTypesRefuseJSON(t *testing.T) {
	values := secretValues()
	for name, hint := range map[string]string{"Token": "MarshalBinary", "DeviceAuthorization": "MarshalBinary", "BackchannelAuthentication": "MarshalBinary", "IDToken": "Claims", "ResponseError": "Error", "RefreshError": "MarshalBinary",
		"Introspection": "Claims", "AccessToken": "Claims", "LogoutToken": "does not encode", "Registration": "MarshalBinary"} {
		if text, err := json.Marshal(values[name]); err == nil || !strings.Contains(err.Error(), hint) {
			t.Errorf("%s encodes to %s, %v; want an error that names %s", name, text, err, hint)
		}
	}
	// Nothing of the others is exported.
	for _, name := range []string{"PendingAuthorization", "AuthorizationResponse", "UserInfo"} {
		if text, _ := json.Marshal(values[name]); strings.Contains(string(text), secretMarker) {
			t.Errorf("%s encodes to %s", name, text)
		}
	}
}

// TestSecretTypesSay: what is printed is of use.
func TestSecretTypesSay(t *testing.T) {
	for name, want := range map[string]string{
		"Token":                 `Token("Bearer" until 1970-01-01T00:00:01Z scope "a")`,
		"IDToken":               `IDToken("https://op.example.com" "subject")`,
		"PendingAuthorization":  `PendingAuthorization("https://op.example.com" "client")`,
		"AuthorizationResponse": `AuthorizationResponse(PendingAuthorization("https://op.example.com" "client"))`,
		"UserInfo":              `UserInfo("subject")`,
		"Introspection":         `Introspection("subject" "client")`,
		"AccessToken":           `AccessToken("https://op.example.com" "subject" "client")`,
		"LogoutToken":           `LogoutToken("https://op.example.com" "jti")`,
		"Registration":          `Registration("https://op.example.com" "client")`,
		"ResponseError":         `oauth: token: the server answered with status 400 and error "invalid_grant" ("description"); redirects are not followed; the code, refresh token or assertion has expired, was used before, or is not one for this client and redirect URI: if the user can, let them log in again`,
		"RefreshError":          `oauth: token: the refresh token was rotated (RefreshError.RefreshToken is the new one), but: token_type: is another`,
	} {
		v := secretValues()[name]
		if got := fmt.Sprint(v); got != want {
			t.Errorf("%s prints as %s, want %s", name, got, want)
		}
		if got := v.(slog.LogValuer).LogValue().String(); got != want {
			t.Errorf("%s is logged as %s, want %s", name, got, want)
		}
	}
	if got := jwksKey("kid").LogValue().String(); got != `SigningKey(Ed25519 "kid")` || fmt.Sprint(jwksKey("kid")) != got {
		t.Errorf("a SigningKey is logged as %s", got)
	}
}

// TestSecretSigningKey: no print of a private key, or of what holds one, shows
// it. An Ed25519 key is a slice of bytes, which fmt prints from anywhere.
func TestSecretSigningKey(t *testing.T) {
	key, err := GenerateSigningKey(Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	private := reflect.ValueOf(*key.signer.signer).Bytes()[:8]
	decimal := strings.Trim(fmt.Sprint(private), "[]")
	attest := AttestJWTClientAuth(key, func(context.Context) (string, error) { return "", nil })
	for _, v := range []any{key, *key, PrivateKeyJWT(key, nil), Config{Auth: PrivateKeyJWT(key, nil)}, attest, Config{Auth: attest}, struct{ K any }{key}} {
		for how, text := range secretPrints(v) {
			plain := strings.ToLower(strings.ReplaceAll(text, " ", ""))
			if how == "%p" || how == "%#p" || how == "%w" { // see TestSecretTypesOddVerbs
				continue
			}
			if strings.Contains(text, decimal) || strings.Contains(plain, hex.EncodeToString(private)) ||
				strings.Contains(strings.ReplaceAll(plain, ",0x", ""), hex.EncodeToString(private)) {
				t.Errorf("%s of %T shows the private key: %.200s", how, v, text)
				break
			}
		}
	}
}

// TestSecretDecryptionKey: the same of a key that decrypts, whatever it is made of.
func TestSecretDecryptionKey(t *testing.T) {
	secret, err := NewClientSecretDecryptionKey(secretMarker+secretMarker, "A128KW", nil)
	if err != nil {
		t.Fatal(err)
	}
	// A key service's handle, which may be all that is needed to use it.
	held, err := NewDecryptionKey(markedHSM{hsm{unitDecryptionKeys()["RSA"].(*rsa.PrivateKey)}, secretMarker, []byte(secretMarker)}, "RSA-OAEP-256", nil, "k")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []*DecryptionKey{secret, held} {
		d := newUnitDecrypter(t, key)
		for _, v := range []any{key, *key, []*DecryptionKey{key}, d, Config{Decrypter: d}, &Config{Decrypter: d}, struct{ k *DecryptionKey }{key}} {
			secretLeaks(t, v)
		}
		secretLeaks(t, struct{ K DecryptionKey }{*key})
		secretLeaks(t, struct{ k DecryptionKey }{*key})
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d"} {
		if got := fmt.Sprintf(verb, held); got != `DecryptionKey(RSA-OAEP-256 "k")` {
			t.Errorf("%s gives %s", verb, got)
		}
	}
	if got := held.LogValue().String(); got != `DecryptionKey(RSA-OAEP-256 "k")` {
		t.Errorf("logged as %s", got)
	}
	if got := fmt.Sprint(&DecryptionKey{}); got != "DecryptionKey()" {
		t.Errorf("the zero one prints as %s", got)
	}
}

type markedHSM struct {
	hsm
	Handle string
	Bytes  []byte
}

func TestSecretClientAuth(t *testing.T) {
	secret := strings.Repeat(secretMarker, 6)
	for name, auth := range map[string]ClientAuth{
		"basic": ClientSecretBasic(secret), "post": ClientSecretPost(secret),
		"JWT": ClientSecretJWT(secret, HS256, nil), "short JWT": ClientSecretJWT(secretMarker, HS256, nil),
		"assertion":        ClientAssertion(func(context.Context, string) (string, error) { return secret, nil }),
		"attestation":      AttestJWTClientAuth(unitKey(), func(context.Context) (string, error) { return secret, nil }),
		"attestation DPoP": AttestJWTClientAuthDPoP(func(context.Context) (string, error) { return secret, nil }),
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Config{Server: &AuthorizationServer{Issuer: clockIssuer}, Metadata: ClientMetadata{ClientID: "c"}, Auth: auth}
			c, err := NewClient(cfg)
			if c != nil { // what a server gave it is nobody else's either
				c.challenge.keep(secretMarker)
			}
			for _, v := range []any{auth, cfg, &cfg, c, struct{ a ClientAuth }{auth}, err} {
				if v != nil {
					secretLeaks(t, v)
				}
			}
		})
	}
}

// ---- errors

// TestSecretErrors goes through a login with every fault that the server has,
// and looks for everything secret that was under way in the text of the error.
func TestSecretErrors(t *testing.T) {
	srv := oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}})
	defer srv.Close()
	srv.AddClient(oauthtest.Client{
		ID: "web", Secret: "the-secret-of-the-client", RedirectURIs: []string{"https://app.example.com/cb"},
		UserinfoAlg: "ES256", RefreshTokens: true,
	})
	ctx := context.Background()
	as, err := Discover(ctx, srv.Issuer(), &DiscoverOptions{HTTPClient: srv.Client()})
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, fault := range []oauthtest.Fault{
		"",
		oauthtest.WrongState, oauthtest.MissingState, oauthtest.DuplicateState, oauthtest.MissingCode, oauthtest.DuplicateCode,
		oauthtest.MissingIss, oauthtest.WrongIss, oauthtest.ErrorAndCode, oauthtest.StrayIDToken, oauthtest.StrayAccessToken,
		oauthtest.AlgNone, oauthtest.HS256WithPublicKey, oauthtest.WrongKey, oauthtest.WrongSignature, oauthtest.UnknownKid,
		oauthtest.MissingKid, oauthtest.CritHeader, oauthtest.WrongTyp, oauthtest.WrongIssuer, oauthtest.WrongAudience,
		oauthtest.ExtraAudience, oauthtest.WrongAzp, oauthtest.MissingSub, oauthtest.WrongNonce, oauthtest.MissingNonce,
		oauthtest.ExpiredIDToken, oauthtest.FutureIAT, oauthtest.NotYetValid, oauthtest.MissingAuthTime, oauthtest.OldAuthTime,
		oauthtest.WrongAtHash, oauthtest.MissingIDToken, oauthtest.MissingTokenType, oauthtest.WrongTokenType,
		oauthtest.DPoPTokenType, oauthtest.NegativeExpiresIn, oauthtest.EmptyAccessToken,
		oauthtest.ControlCharacterInAccessToken, oauthtest.TokenErrorWith200, oauthtest.TokenHTML, oauthtest.TokenRedirect,
		oauthtest.TokenHuge, oauthtest.SubMismatch, oauthtest.UserinfoHTML, oauthtest.UserinfoJSONInsteadOfJWT,
		oauthtest.JWKSFails, oauthtest.JWKSEmpty, oauthtest.JWKSHuge,
	} {
		t.Run(string(fault), func(t *testing.T) {
			rec := &secretRecorder{base: srv.Client().Transport}
			c, err := NewClient(Config{
				Server: as, Metadata: ClientMetadata{ClientID: "web", UserinfoSignedResponseAlg: ES256},
				Auth: ClientSecretPost("the-secret-of-the-client"), HTTPClient: &http.Client{Transport: rec},
			})
			if err != nil {
				t.Fatal(err)
			}
			if fault != "" {
				srv.Fault(fault)
				defer srv.Fault()
			}
			maxAge := int64(1000)
			a, err := c.StartAuthorization(ctx, &AuthorizationRequest{
				RedirectURI: "https://app.example.com/cb", Scope: []string{"openid"}, MaxAge: &maxAge,
			})
			if err != nil {
				t.Fatal(err)
			}
			rec.keep(a.content.state, a.content.nonce, a.content.verifier)
			callback, err := srv.Authorize(ctx, a.URL())
			if err != nil {
				t.Fatal(err)
			}
			for _, values := range callback.URL.Query() {
				rec.keep(values...)
			}
			tok, err := c.FinishAuthorization(callback, a, nil)
			if err == nil {
				_, err = c.UserInfo(ctx, tok, nil)
			}
			if err != nil {
				failed++
			}
			rec.look(t, err)
		})
	}
	if failed < 40 {
		t.Errorf("only %d logins failed", failed)
	}
}

// secretRecorder keeps what is secret in requests and answers.
type secretRecorder struct {
	base http.RoundTripper
	mu   sync.Mutex
	kept []string
}

func (s *secretRecorder) keep(list ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, text := range list {
		if len(text) >= 16 && !strings.HasPrefix(text, "https://") {
			s.kept = append(s.kept, text)
		}
	}
}

func (s *secretRecorder) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		var b bytes.Buffer
		b.ReadFrom(r.Body)
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(b.Bytes()))
		form, _ := url.ParseQuery(b.String())
		for name, values := range form {
			if name == "code" || name == "client_secret" || name == "code_verifier" {
				s.keep(values...)
			}
		}
	}
	if _, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
		s.keep(token)
	}
	res, err := s.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.ReadFrom(res.Body)
	res.Body.Close()
	res.Body = secretBody{bytes.NewReader(b.Bytes())}
	var members map[string]any
	if json.Unmarshal(b.Bytes(), &members) == nil {
		for _, name := range []string{"access_token", "refresh_token", "id_token"} {
			if text, ok := members[name].(string); ok {
				s.keep(text)
			}
		}
	}
	return res, nil
}

type secretBody struct{ *bytes.Reader }

func (secretBody) Close() error { return nil }

// look searches the whole chain of the error.
func (s *secretRecorder) look(t *testing.T, err error) {
	t.Helper()
	for _, secret := range s.kept {
		secretLook(t, err, secret)
	}
}

func secretLook(t *testing.T, err error, secret string) {
	t.Helper()
	if err == nil {
		return
	}
	if strings.Contains(err.Error(), secret) || strings.Contains(fmt.Sprintf("%+v", err), secret) {
		t.Errorf("%T shows %q: %v", err, secret, err)
	}
	switch x := err.(type) {
	case interface{ Unwrap() error }:
		secretLook(t, x.Unwrap(), secret)
	case interface{ Unwrap() []error }:
		for _, e := range x.Unwrap() {
			secretLook(t, e, secret)
		}
	}
}

// TestSecretErrorsOfInput: errors about a secret that was passed in do not quote it.
func TestSecretErrorsOfInput(t *testing.T) {
	const m = secretMarker
	err := func(_ any, err error) error { return err }
	auth := func(a ClientAuth) error {
		_, err := NewClient(Config{Server: &AuthorizationServer{Issuer: clockIssuer}, Metadata: ClientMetadata{ClientID: "c"}, Auth: a})
		return err
	}
	_, keys := clockIssuerKey(t)
	c := clockVerifier(t, keys, Clock{})
	verify := func(token string) error {
		return err(c.VerifyIDToken(context.Background(), token, VerifyIDTokenOptions{Nonce: m}))
	}
	segment := func(s string) string { return encodeBase64URL([]byte(s)) }
	for name, err := range map[string]error{
		"short HMAC secret":          auth(ClientSecretJWT(m, HS256, nil)),
		"HMAC secret, RS256":         auth(ClientSecretJWT(m, RS256, nil)),
		"key: text":                  err(ParseSigningKey([]byte(m), ES256, "")),
		"key: JWK":                   err(ParseSigningKey([]byte(`{"kty":"RSA","d":"`+m+`","n":"`+m+`","e":"AQAB"}`), RS256, "")),
		"key: no JWK":                err(ParseSigningKey([]byte(`{"kty":"EC","d":"`+m), ES256, "")),
		"key: duplicate":             err(ParseSigningKey([]byte(`{"d":"`+m+`","d":"`+m+`"}`), ES256, "")),
		"key: PEM":                   err(ParseSigningKey([]byte("-----BEGIN PRIVATE KEY-----\n"+m+"\n-----END PRIVATE KEY-----\n"), ES256, "")),
		"token: no dots":             verify(m),
		"token: no base64url":        verify(m + "!." + m + "." + m),
		"token: no JSON":             verify(segment(m) + "." + segment(m) + "." + m),
		"token: bad signature":       verify(segment(`{"alg":"ES256","kid":"x"}`) + "." + segment(m) + "." + m),
		"token: JWE":                 verify(m + "." + m + "." + m + "." + m + "." + m),
		"saved PendingAuthorization": new(PendingAuthorization).UnmarshalBinary([]byte("\x01" + m)),
		"saved Token":                new(Token).UnmarshalBinary([]byte("\x01\x0c" + m)),
		"saved Registration":         new(Registration).UnmarshalBinary([]byte("\x01\x0c" + m)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			secretLook(t, err, m)
			secretLook(t, err, segment(m))
		})
	}
}

// Whatever holds a SigningKey, and with whatever verb it is printed.
func TestSecretSigningKeyWithin(t *testing.T) {
	private := ed25519.NewKeyFromSeed([]byte("MARKER-MARKER-MARKER-MARKER-MARK"))
	key, err := NewSigningKey(private, EdDSA, "k")
	if err != nil {
		t.Fatal(err)
	}
	s := newUnitServer()
	c := s.client(t, func(c *Config) { c.RequestKey, c.Auth = key, PrivateKeyJWT(key, nil) })
	plain := fmt.Sprint([]byte(private[:16]))
	for _, v := range []any{key, *key, c, struct{ k *SigningKey }{key}, struct{ k any }{*key}, struct{ c *Client }{c}} {
		for _, verb := range secretVerbs {
			text := fmt.Sprintf(verb, v)
			if strings.Contains(text, "MARKER") || strings.Contains(text, plain[1:len(plain)-1]) ||
				strings.Contains(strings.ToLower(text), fmt.Sprintf("%x", private[:16])) {
				t.Errorf("%s of %T: %.200s", verb, v, text)
			}
		}
	}
}

// TestSecretNonceKeys: keys for nonces are slices of bytes, and print.
func TestSecretNonceKeys(t *testing.T) {
	key := []byte(strings.Repeat(secretMarker, 3))
	s := newUnitServer()
	cfg := s.resourceConfig()
	cfg.DPoPNonceKeys = [][]byte{key}
	rs, err := NewResourceServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{cfg, &cfg, rs, struct{ V any }{rs}, struct{ v *ResourceServer }{rs}, []any{cfg}} {
		for how, text := range secretPrints(v) {
			for _, form := range []string{secretMarker, fmt.Sprint(key[:4])[1:12], hex.EncodeToString(key[:6]), strings.ToUpper(hex.EncodeToString(key[:6]))} {
				// Package fmt has no method to call for these: see TestSecretTypesByValue.
				if strings.Contains(text, form) && !slices.Contains([]string{"%w", "%!", "%p", "%#p"}, how) {
					t.Errorf("%T by %s: %.200s", v, how, text)
				}
			}
		}
	}
}

// TestSecretEqual: Secrets are equal by their texts.
func TestSecretEqual(t *testing.T) {
	for _, row := range []struct {
		a, b Secret
		want bool
	}{
		{NewSecret("a"), NewSecret("a"), true}, {NewSecret("a"), NewSecret("b"), false}, {NewSecret("a"), NewSecret("A"), false}, {NewSecret("a"), NewSecret("aa"), false},
		{NewSecret("a"), Secret{}, false}, {Secret{}, NewSecret("a"), false}, {Secret{}, Secret{}, false}, {NewSecret(""), Secret{}, false},
	} {
		if got := row.a.Equal(row.b); got != row.want {
			t.Errorf("%q and %q: %v", row.a.Reveal(), row.b.Reveal(), got)
		}
	}
}
