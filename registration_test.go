package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
)

const (
	registerPath = "/register"
	managePath   = "/register/c1"
)

func (s *unitServer) registrar() (*AuthorizationServer, *RegistrationOptions) {
	as := s.config().Server
	as.RegistrationEndpoint = unitIssuer + registerPath
	return as, &RegistrationOptions{HTTPClient: &http.Client{Transport: s}, Clock: Clock{Now: unitNow}}
}

// register registers m, and wants a nil result with an error, which has what an
// answer that made a client brought.
func (s *unitServer) register(t testing.TB, m ClientMetadata, a unitAnswer) (*Registration, error) {
	t.Helper()
	s.set(registerPath, a)
	as, opts := s.registrar()
	reg, err := Register(context.Background(), as, m, opts)
	if (reg == nil) == (err == nil) {
		t.Fatalf("%v with the error %v", reg, err)
	}
	return reg, err
}

// registrationAnswer is a good answer; a member of the second is taken out where
// its value is unitRemoved.
func registrationAnswer(t testing.TB, change map[string]any) unitAnswer {
	t.Helper()
	members := map[string]any{
		"client_id": "c1", "client_id_issued_at": unitTime, "client_secret": "the-secret-of-c1", "client_secret_expires_at": unitTime + 3600,
		"registration_access_token": "rat-1", "registration_client_uri": unitIssuer + managePath,
		"redirect_uris": []string{"https://app.example/cb"}, "token_endpoint_auth_method": "client_secret_basic", "client_name": "App", "x": 1,
	}
	maps.Copy(members, change)
	maps.DeleteFunc(members, func(_ string, v any) bool { return v == unitRemoved })
	return unitAnswer{status: 201, mediaType: mediaJSON, body: unitJSON(t, members)}
}

// registrationAsked is what registrationAnswer answers to.
var registrationAsked = ClientMetadata{RedirectURIs: []string{"https://app.example/cb"}, ClientName: "My App"}

func TestRegister(t *testing.T) {
	s := newUnitServer()
	reg, err := s.register(t, registrationAsked, registrationAnswer(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	want := &Registration{
		Metadata: ClientMetadata{
			ClientID: "c1", RedirectURIs: []string{"https://app.example/cb"}, TokenEndpointAuthMethod: "client_secret_basic", ClientName: "App",
			Extra: map[string]json.RawMessage{"x": json.RawMessage("1")},
		},
		ClientSecret: reg.ClientSecret, ClientSecretExpiry: time.Unix(unitTime+3600, 0), ClientIDIssuedAt: unitNow(),
		RegistrationAccessToken: reg.RegistrationAccessToken, RegistrationClientURI: unitIssuer + managePath, server: unitIssuer, origins: unitIssuer,
	}
	if !reflect.DeepEqual(reg, want) || reg.ClientSecret.Reveal() != "the-secret-of-c1" || reg.RegistrationAccessToken.Reveal() != "rat-1" {
		t.Errorf("got %+v\nwant %+v", *reg, *want)
	}
	r := s.requests(registerPath)[0]
	if r.method != http.MethodPost || r.body != `{"redirect_uris":["https://app.example/cb"],"client_name":"My App"}` ||
		r.header.Get("Content-Type") != mediaJSON || r.header.Get("Accept") != mediaJSON || r.header.Get("Authorization") != "" {
		t.Errorf("request %+v", r)
	}
}

func TestRegisterRequest(t *testing.T) {
	s := newUnitServer()
	s.set(registerPath, registrationAnswer(t, map[string]any{"redirect_uris": nil}))
	as, opts := s.registrar()
	opts.InitialAccessToken = NewSecret("iat-1")
	m := ClientMetadata{
		SoftwareStatement: "a.b.c", TokenEndpointAuthMethod: "private_key_jwt", JWKS: json.RawMessage(`{"keys":[` + string(s.key.PublicJWK()) + `]}`),
		DefaultMaxAge: int64p(0), Extra: map[string]json.RawMessage{"client_name#de": json.RawMessage(`"Ä"`)},
	}
	if _, err := Register(context.Background(), as, m, opts); err != nil {
		t.Fatal(err)
	}
	r := s.requests(registerPath)[0]
	if got := r.header.Get("Authorization"); got != "Bearer iat-1" {
		t.Errorf("Authorization %q", got)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(r.body), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 5 || got["software_statement"] != "a.b.c" || got["client_name#de"] != "Ä" || got["default_max_age"] != 0.0 {
		t.Errorf("request %s", r.body)
	}
}

func TestRegisterErrors(t *testing.T) {
	s := newUnitServer()
	for _, tt := range []struct {
		name   string
		change func(*AuthorizationServer, *ClientMetadata, *RegistrationOptions)
		kind   error
		param  string
	}{
		{"no issuer", func(as *AuthorizationServer, _ *ClientMetadata, _ *RegistrationOptions) { as.Issuer = "" }, ErrConfig, "server"},
		{"no endpoint", func(as *AuthorizationServer, _ *ClientMetadata, _ *RegistrationOptions) { as.RegistrationEndpoint = "" }, ErrConfig, "registration_endpoint"},
		{"http", func(as *AuthorizationServer, _ *ClientMetadata, o *RegistrationOptions) {
			as.RegistrationEndpoint, o.InitialAccessToken = "http://op.example/register", NewSecret("iat")
		}, ErrInsecureURL, "registration_endpoint"},
		{"client_id", func(_ *AuthorizationServer, m *ClientMetadata, _ *RegistrationOptions) { m.ClientID = "c" }, ErrConfig, "ClientID"},
		{"token that breaks the header", func(_ *AuthorizationServer, _ *ClientMetadata, o *RegistrationOptions) {
			o.InitialAccessToken = NewSecret("a\r\nX: " + secretMarker)
		}, ErrConfig, "InitialAccessToken"},
		{"token with a space", func(_ *AuthorizationServer, _ *ClientMetadata, o *RegistrationOptions) {
			o.InitialAccessToken = NewSecret("a b")
		}, ErrConfig, "InitialAccessToken"},
		{"clock", func(_ *AuthorizationServer, _ *ClientMetadata, o *RegistrationOptions) { o.Clock.Tolerance = time.Hour }, ErrConfig, "Clock.Tolerance"},
		{"metadata", func(_ *AuthorizationServer, m *ClientMetadata, _ *RegistrationOptions) {
			m.Extra = map[string]json.RawMessage{"x": json.RawMessage("{")}
		}, ErrConfig, "Metadata"},
		{"metadata twice", func(_ *AuthorizationServer, m *ClientMetadata, _ *RegistrationOptions) {
			m.Extra = map[string]json.RawMessage{"redirect_uris": json.RawMessage(`["https://attacker.example"]`)}
		}, ErrConfig, "Metadata"},
		{"private key", func(_ *AuthorizationServer, m *ClientMetadata, _ *RegistrationOptions) {
			m.JWKS = json.RawMessage(`{"keys":[` + privateJWK(ES256) + `]}`)
		}, ErrConfig, "JWKS"},
		{"keys and their place", func(_ *AuthorizationServer, m *ClientMetadata, _ *RegistrationOptions) {
			m.JWKS, m.JWKSURI = json.RawMessage(`{"keys":[]}`), "https://app.example/jwks"
		}, ErrConfig, "JWKS"},
		{"certificate without a key", func(_ *AuthorizationServer, _ *ClientMetadata, o *RegistrationOptions) { o.MTLS = new(MutualTLS) }, ErrConfig, "MTLS"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			as, opts := s.registrar()
			m := registrationAsked
			tt.change(as, &m, opts)
			reg, err := Register(context.Background(), as, m, opts)
			if reg != nil {
				t.Error("a registration came with the error")
			}
			wantError(t, err, tt.kind, tt.param)
			secretLook(t, err, secretMarker)
		})
	}
	_, err := Register(context.Background(), nil, registrationAsked, nil)
	wantError(t, err, ErrConfig, "server")
	insecure := &AuthorizationServer{Issuer: unitIssuer, RegistrationEndpoint: "http://op.example/register"}
	_, err = Register(context.Background(), insecure, registrationAsked, nil)
	wantError(t, err, ErrInsecureURL, "registration_endpoint")
	if n := len(s.requests("")); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

// registrationKept wants the error of an answer that made a client to have what
// came with it.
func registrationKept(t *testing.T, err error, a unitAnswer) {
	t.Helper()
	var answer map[string]any
	made := json.Unmarshal([]byte(a.body), &answer) == nil && a.status/100 == 2 && answer["error"] == nil && (a.status < 202 || answer["client_id"] != nil)
	var kept *RegistrationError
	if errors.As(err, &kept) != made {
		t.Fatalf("%T after an answer that made a client: %v", err, made)
	}
	if !made {
		return
	}
	text := func(name string) string { s, _ := answer[name].(string); return s }
	reg := kept.Registration
	if reg.Metadata.ClientID != text("client_id") || reg.ClientSecret.Reveal() != text("client_secret") ||
		reg.RegistrationAccessToken.Reveal() != text(
			"registration_access_token",
		) || reg.RegistrationClientURI != text("registration_client_uri") || reg.server != unitIssuer {
		t.Errorf("kept is %s of\n%s", savedFields(reg), a.body)
	}
	again := new(Registration)
	if err := again.UnmarshalBinary(must(reg.MarshalBinary())); err != nil || savedFields(again) != savedFields(reg) {
		t.Errorf("restored %s, %v", savedFields(again), err)
	}
}

func TestRegistrationAnswers(t *testing.T) {
	s := newUnitServer()
	type m = map[string]any
	with := func(change m) unitAnswer { return registrationAnswer(t, change) }
	status := func(n int) unitAnswer { a := with(nil); a.status = n; return a }
	text := func(mediaType, body string) unitAnswer {
		return unitAnswer{status: 201, mediaType: mediaType, body: body}
	}
	asked := func(method string, uris ...string) *ClientMetadata {
		return &ClientMetadata{RedirectURIs: uris, TokenEndpointAuthMethod: method}
	}
	uri := func(uris ...string) m { return m{"redirect_uris": uris} }
	noSecret := func(method any) m {
		return m{"client_secret": unitRemoved, "client_secret_expires_at": unitRemoved, "token_endpoint_auth_method": method}
	}
	for _, tt := range []struct {
		name   string
		asked  *ClientMetadata // nil: registrationAsked
		answer unitAnswer
		kind   error
		param  string
	}{
		{name: "201", answer: with(nil)},
		{name: "200", answer: status(200)},
		{name: "202", answer: status(202), kind: ErrResponse},
		{name: "202 without a client_id", answer: unitAnswer{status: 202, mediaType: mediaJSON, body: "{}"}, kind: ErrResponse},
		{name: "204", answer: status(204), kind: ErrResponse},
		{name: "299", answer: status(299), kind: ErrResponse},
		{name: "302", answer: status(302), kind: ErrResponse},
		{name: "400", answer: status(400), kind: ErrResponse},
		{name: "error", answer: unitAnswer{status: 400, mediaType: mediaJSON, body: `{"error":"invalid_redirect_uri"}`}, kind: ErrRefused},
		{name: "error with 201", answer: text(mediaJSON, `{"error":"invalid_client_metadata","client_id":"c1"}`), kind: ErrRefused},
		{name: "as text", answer: text("text/plain", with(nil).body)},
		{name: "as a page", answer: text("text/html", with(nil).body)},
		{name: "page", answer: text("text/html", "<html>"), kind: ErrResponse},
		{name: "no JSON", answer: text(mediaJSON, "x"), kind: ErrResponse},
		{name: "array", answer: text(mediaJSON, "["+with(nil).body+"]"), kind: ErrResponse},
		{name: "client_id twice", answer: text(mediaJSON, `{"client_id":"c2",`+with(nil).body[1:]), kind: ErrResponse},

		{name: "client_id missing", answer: with(m{"client_id": unitRemoved}), kind: ErrResponse, param: "client_id"},
		{name: "client_id null", answer: with(m{"client_id": nil}), kind: ErrResponse, param: "client_id"},
		{name: "client_id empty", answer: with(m{"client_id": ""}), kind: ErrResponse, param: "client_id"},
		{name: "client_id number", answer: with(m{"client_id": 1}), kind: ErrResponse, param: "client_id"},

		{name: "secret never expires", answer: with(m{"client_secret_expires_at": 0})},
		{name: "secret empty", answer: with(m{"client_secret": ""}), kind: ErrResponse, param: "client_secret"},
		{name: "secret empty, public", answer: with(m{"client_secret": "", "token_endpoint_auth_method": "none"})},
		{name: "secret number", answer: with(m{"client_secret": 1}), kind: ErrResponse, param: "client_secret"},
		{name: "secret number, public", answer: with(m{"client_secret": 1, "token_endpoint_auth_method": "none"}), kind: ErrResponse, param: "client_secret"},
		{name: "secret without expiry, which is never", answer: with(m{"client_secret_expires_at": unitRemoved})},
		{name: "expiry null, which is never", answer: with(m{"client_secret_expires_at": nil})},
		{name: "expiry string, which is never", answer: with(m{"client_secret_expires_at": "0"})},
		{name: "expiry of another type", answer: with(m{"client_secret_expires_at": false}), kind: ErrResponse, param: "client_secret_expires_at"},
		{name: "expiry negative", answer: with(m{"client_secret_expires_at": -1}), kind: ErrResponse, param: "client_secret_expires_at"},
		{name: "expiry out of range", answer: with(m{"client_secret_expires_at": 1e300})},
		{name: "expired within the tolerance", answer: with(m{"client_secret_expires_at": unitTime - 29})},
		{name: "expired", answer: with(m{"client_secret_expires_at": unitTime - 30}), kind: ErrResponse, param: "client_secret_expires_at"},
		{name: "expired long ago", answer: with(m{"client_secret_expires_at": 1}), kind: ErrResponse, param: "client_secret_expires_at"},

		{name: "no secret, basic", answer: with(noSecret("client_secret_basic")), kind: ErrResponse, param: "client_secret"},
		{name: "no secret, post", answer: with(noSecret("client_secret_post")), kind: ErrResponse, param: "client_secret"},
		{name: "no secret, HMAC", answer: with(noSecret("client_secret_jwt")), kind: ErrResponse, param: "client_secret"},
		{name: "no secret, by default", answer: with(noSecret(unitRemoved)), kind: ErrResponse, param: "client_secret"},
		{name: "secret null", answer: with(m{"client_secret": nil}), kind: ErrResponse, param: "client_secret"},
		{name: "no secret, changed to one that needs it", asked: asked("none", "https://app.example/cb"), answer: with(noSecret("client_secret_basic")), kind: ErrResponse, param: "client_secret"},
		{name: "no secret, public", answer: with(noSecret("none"))},
		{name: "no secret, key", answer: with(noSecret("private_key_jwt"))},
		{name: "no secret, certificate", answer: with(noSecret("tls_client_auth"))},
		{name: "no secret, an unknown method", answer: with(noSecret("x_client_secret_y"))},
		{name: "method number", answer: with(m{"token_endpoint_auth_method": 1})},

		{name: "redirect_uris in another order, and twice", asked: asked("", "https://a.example", "https://b.example"), answer: with(uri("https://b.example", "https://a.example", "https://b.example"))},
		{name: "redirect_uris none", asked: asked(""), answer: with(m{"redirect_uris": unitRemoved})},
		{name: "redirect_uris none, and an empty list", asked: asked(""), answer: with(uri([]string{}...))},
		{name: "redirect_uris missing", answer: with(m{"redirect_uris": unitRemoved}), kind: ErrResponse, param: "redirect_uris"},
		{name: "redirect_uris null", answer: with(m{"redirect_uris": nil}), kind: ErrResponse, param: "redirect_uris"},
		{name: "redirect_uris of another", answer: with(uri("https://attacker.example/cb")), kind: ErrResponse, param: "redirect_uris"},
		{
			name:  "redirect_uris of another, and a statement",
			asked: &ClientMetadata{RedirectURIs: registrationAsked.RedirectURIs, SoftwareStatement: "a.b.c"}, answer: with(uri("https://attacker.example/cb")),
			kind: ErrResponse, param: "redirect_uris",
		},
		{name: "redirect_uris, and one more", answer: with(uri("https://app.example/cb", "https://attacker.example/cb")), kind: ErrResponse, param: "redirect_uris"},
		{name: "redirect_uris, one less", asked: asked("", "https://a.example", "https://b.example"), answer: with(uri("https://a.example")), kind: ErrResponse, param: "redirect_uris"},
		{name: "redirect_uris that were not asked for", asked: asked(""), answer: with(nil), kind: ErrResponse, param: "redirect_uris"},
		{name: "redirect_uris with a slash", answer: with(uri("https://app.example/cb/")), kind: ErrResponse, param: "redirect_uris"},
		{name: "redirect_uris string", answer: with(m{"redirect_uris": "https://app.example/cb"}), kind: ErrResponse, param: "redirect_uris"},

		{name: "issued_at string", answer: with(m{"client_id_issued_at": "1"})},
		{name: "issued_at negative", answer: with(m{"client_id_issued_at": -1})},
		{name: "issued_at missing", answer: with(m{"client_id_issued_at": unitRemoved})},
		{name: "access token empty", answer: with(m{"registration_access_token": ""})},
		{name: "access token number", answer: with(m{"registration_access_token": 1}), kind: ErrResponse, param: "registration_access_token"},
		{name: "access token that breaks the header", answer: with(m{"registration_access_token": "a\nb"}), kind: ErrResponse, param: "registration_access_token"},
		{name: "client URI empty", answer: with(m{"registration_client_uri": ""})},
		{name: "client URI number", answer: with(m{"registration_client_uri": 1}), kind: ErrResponse, param: "registration_client_uri"},
		{name: "not to be managed", answer: with(m{"registration_client_uri": unitRemoved, "registration_access_token": unitRemoved})},
		{name: "client URI elsewhere", answer: with(m{"registration_client_uri": "https://x.example/c1"}), kind: ErrResponse, param: "registration_client_uri"},
		{name: "client URI elsewhere, without a token", answer: with(m{"registration_client_uri": "https://x.example/c1", "registration_access_token": unitRemoved})},
		{name: "client URI with http", answer: with(m{"registration_client_uri": "http://op.example/c1"}), kind: ErrInsecureURL, param: "registration_client_uri"},
		{name: "client URI with a port", answer: with(m{"registration_client_uri": unitIssuer + ":443/c1"})},
		{name: "client URI relative", answer: with(m{"registration_client_uri": "/c1"}), kind: ErrResponse, param: "registration_client_uri"},
		{name: "metadata that inform, of another type", answer: with(m{"grant_types": "authorization_code", "client_name": 1, "contacts": []int{1}, "tls_client_auth_san_dns": m{}})},
		{name: "a check of another type", answer: with(m{"require_auth_time": "true", "default_max_age": "1"})},
		{name: "another name", answer: with(m{"client_name": "Other"})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.asked == nil {
				tt.asked = &registrationAsked
			}
			reg, err := s.register(t, *tt.asked, tt.answer)
			if tt.kind != nil {
				wantError(t, err, tt.kind, tt.param)
				registrationKept(t, err, tt.answer)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if reg.Metadata.ClientID != "c1" || (len(reg.Metadata.Extra) != 1) != strings.Contains(tt.name, "that inform") {
				t.Errorf("%+v", reg.Metadata)
			}
			if tt.name == "issued_at string" && reg.ClientIDIssuedAt.Unix() != 1 {
				t.Errorf("issued at %v", reg.ClientIDIssuedAt)
			}
			if reg.ClientSecretExpiry.IsZero() != (reg.ClientSecret.IsZero() || strings.Contains(tt.name, "never")) {
				t.Errorf("expiry %v", reg.ClientSecretExpiry)
			}
		})
	}
}

// TestRegistrationUnreadable: of an answer with a status that is not expected, and that
// cannot be read, the status is told.
func TestRegistrationUnreadable(t *testing.T) {
	_, err := newUnitServer().register(t, registrationAsked, unitAnswer{status: 202, mediaType: "text/html", body: "<html>"})
	if refused := new(ResponseError); !errors.As(err, &refused) || refused.StatusCode != 202 {
		t.Errorf("%v", err)
	}
}

// TestRegisteredVerdicts: each member of the metadata has a verdict, and the answer
// is read by it.
func TestRegisteredVerdicts(t *testing.T) {
	s := newUnitServer()
	asked := ClientMetadata{SoftwareStatement: "a.b.c", TokenEndpointAuthMethod: "none", RedirectURIs: []string{"https://app.example/cb"}}
	v := reflect.ValueOf(&asked).Elem()
	names := map[string]string{} // of a member, its verdict
	for i := range v.NumField() {
		field, tag := v.Field(i), v.Type().Field(i).Tag
		name, _, _ := strings.Cut(tag.Get("json"), ",")
		verdict := tag.Get("member")
		if name == "-" {
			continue
		}
		switch verdict {
		case "kept", "informs", "same", "required":
			names[name] = verdict
		default:
			t.Errorf("%s has no verdict", name)
		}
		switch {
		case !field.IsZero() || name == "client_id" || name == "jwks_uri":
		case field.Type() == reflect.TypeFor[json.RawMessage]():
			field.SetBytes([]byte(`{"keys":[]}`))
		case strings.HasSuffix(name, "_encrypted_response_alg"): // Register refuses what no client can have
			field.SetString("dir")
		case strings.HasSuffix(name, "_response_enc") || name == "request_object_encryption_enc":
			field.SetString("A128GCM")
		case name == "request_object_encryption_alg":
			field.SetString("RSA-OAEP-256")
		case field.Type() == reflect.TypeFor[Algorithm]():
			field.SetString("ES256")
		case field.Kind() == reflect.String:
			field.SetString("asked")
		case field.Kind() == reflect.Bool:
			field.SetBool(true)
		case field.Kind() == reflect.Pointer:
			field.Set(reflect.ValueOf(int64p(60)))
		case field.Kind() == reflect.Slice:
			field.Set(reflect.ValueOf([]string{"asked"}))
		default:
			t.Errorf("%s is a %v", name, field.Type())
		}
	}
	for name, nothing := range map[string]func(of reflect.Kind) any{
		"left out": func(reflect.Kind) any { return unitRemoved },
		"null":     func(reflect.Kind) any { return nil },
		"empty": func(of reflect.Kind) any {
			if of == reflect.String {
				return ""
			}
			return nil
		},
	} {
		answer := map[string]any{"client_id": "c", "redirect_uris": asked.RedirectURIs}
		for i := range v.NumField() {
			if name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ","); names[name] == "kept" || names[name] == "informs" {
				answer[name] = nothing(v.Field(i).Kind())
			}
		}
		maps.DeleteFunc(answer, func(_ string, v any) bool { return v == unitRemoved })
		reg, err := s.register(t, asked, unitAnswer{status: 201, mediaType: mediaJSON, body: unitJSON(t, answer)})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := reflect.ValueOf(reg.Metadata)
		for i := range got.NumField() {
			name, _, _ := strings.Cut(got.Type().Field(i).Tag.Get("json"), ",")
			if same := reflect.DeepEqual(got.Field(i).Interface(), v.Field(i).Interface()); same != (names[name] == "kept" || names[name] == "same") &&
				!got.Field(i).IsZero() {
				t.Errorf("%s (%s) is %v", name, names[name], got.Field(i))
			} else if names[name] == "kept" && !same {
				t.Errorf("%s is not kept: %v", name, got.Field(i))
			}
		}
		if got, err := (&Registration{
			Metadata: reg.Metadata, RegistrationAccessToken: NewSecret("rat"), RegistrationClientURI: unitIssuer + registerPath, server: unitIssuer,
		}).Read(context.Background(), func() *RegistrationOptions {
			_, opts := s.registrar()
			s.set(registerPath, unitAnswer{mediaType: mediaJSON, body: unitJSON(t, answer)})
			return opts
		}()); err != nil || unitJSON(t, got.Metadata) != unitJSON(t, reg.Metadata) {
			t.Errorf("%s: read again\n%s, %v, was\n%s", name, unitJSON(t, got.Metadata), err, unitJSON(t, reg.Metadata))
		}
	}
	// In another type, each is refused or as if it were left out; the client is not lost.
	for name, verdict := range names {
		reg, err := s.register(
			t,
			asked,
			registrationAnswer(t, map[string]any{name: map[string]any{"of another": "type"}, "token_endpoint_auth_method": "none"}),
		)
		if name == "token_endpoint_auth_method" || name == "jwks" {
			continue
		}
		if verdict == "informs" || verdict == "kept" { // as if it were left out
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			field, _, _ := fieldByName(reflect.ValueOf(&reg.Metadata).Elem(), name)
			old, _, _ := fieldByName(v, name)
			if same := reflect.DeepEqual(field.Interface(), old.Interface()); !same && (verdict == "kept" || !field.IsZero()) {
				t.Errorf("%s (%s) is %v", name, verdict, field)
			}
			if raw := reg.Metadata.Extra[name]; (raw != nil) != (verdict == "informs") {
				t.Errorf("%s (%s) is %s in Extra", name, verdict, raw)
			}
			saved, err := reg.MarshalBinary()
			if again := new(Registration); err != nil || again.UnmarshalBinary(saved) != nil || unitJSON(t, again.Metadata) != unitJSON(t, reg.Metadata) {
				t.Errorf("%s is not restored: %v", name, err)
			}
			continue
		}
		var kept *RegistrationError
		if wantError(t, err, ErrResponse, name); !errors.As(err, &kept) || kept.Registration.ClientSecret.IsZero() {
			t.Errorf("%s: %v", name, err)
			continue
		}
	}
}

// The registration access token goes to no other place than the server's.
func TestRegistrationManagedAt(t *testing.T) {
	s := newUnitServer()
	for _, tt := range []struct {
		name, uri string
		change    func(*AuthorizationServer, *RegistrationOptions)
		ok        bool
	}{
		{name: "the endpoint's", uri: unitIssuer + managePath, ok: true},
		{name: "in capitals", uri: "HTTPS://OP.EXAMPLE:443" + managePath, ok: true},
		{name: "another host", uri: "https://x.example" + managePath},
		{name: "another port", uri: unitIssuer + ":8443" + managePath},
		{name: "a host that begins alike", uri: unitIssuer + ".x.example" + managePath},
		{name: "the alias", uri: "https://mtls.op.example" + managePath, change: func(as *AuthorizationServer, _ *RegistrationOptions) {
			as.MTLSEndpointAliases = &MTLSEndpointAliases{RegistrationEndpoint: "https://mtls.op.example/register"}
		}, ok: true},
		{name: "the endpoint's, beside an alias", uri: unitIssuer + managePath, change: func(as *AuthorizationServer, _ *RegistrationOptions) {
			as.MTLSEndpointAliases = &MTLSEndpointAliases{RegistrationEndpoint: "https://mtls.op.example/register"}
		}, ok: true},
		{name: "the endpoint's, beside an alias that is no URL", uri: unitIssuer + managePath, change: func(as *AuthorizationServer, _ *RegistrationOptions) {
			as.MTLSEndpointAliases = &MTLSEndpointAliases{RegistrationEndpoint: "https://mtls.op.example/%zz"}
		}, ok: true},
		{name: "the issuer, and the endpoint is elsewhere", uri: unitIssuer + managePath, change: func(as *AuthorizationServer, _ *RegistrationOptions) {
			as.RegistrationEndpoint = "https://register.example" + registerPath
		}},
		{name: "ManagementOrigin", uri: "https://admin.example" + managePath, change: func(_ *AuthorizationServer, o *RegistrationOptions) {
			o.ManagementOrigin = "https://ADMIN.example:443/"
		}, ok: true},
		{name: "another than ManagementOrigin", uri: "https://x.example" + managePath, change: func(_ *AuthorizationServer, o *RegistrationOptions) {
			o.ManagementOrigin = "https://admin.example"
		}},
		{name: "another than ManagementOrigin, beyond ASCII", uri: "https://\u00c4.example" + managePath, change: func(_ *AuthorizationServer, o *RegistrationOptions) {
			o.ManagementOrigin = "https://\u00e4.example"
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			as, opts := s.registrar()
			if tt.change != nil {
				tt.change(as, opts)
			}
			s.set(registerPath, registrationAnswer(t, map[string]any{"registration_client_uri": tt.uri}))
			reg, err := Register(context.Background(), as, registrationAsked, opts)
			if !tt.ok {
				var kept *RegistrationError
				if wantError(t, err, ErrResponse, "registration_client_uri"); !errors.As(err, &kept) || !strings.Contains(err.Error(), "ManagementOrigin") {
					t.Fatal(err)
				}
				reg = kept.Registration
			} else if err != nil {
				t.Fatal(err)
			}
			// Stored and used later.
			again := new(Registration)
			if err := again.UnmarshalBinary(must(reg.MarshalBinary())); err != nil {
				t.Fatal(err)
			}
			a := registrationAnswer(t, map[string]any{"registration_client_uri": tt.uri})
			a.status = 200
			s.set(managePath, a)
			before := len(s.requests(managePath))
			for name, call := range registrationCalls(again, again.Metadata, opts) {
				if name == "delete" && tt.ok {
					s.set(managePath, unitAnswer{status: 204})
				}
				if _, err := call(); tt.ok && err != nil {
					t.Errorf("%s: %v", name, err)
				} else if !tt.ok {
					wantError(t, err, ErrConfig, "registration_client_uri")
				}
				s.set(managePath, a)
			}
			if n := len(s.requests(managePath)) - before; (n == 3) != tt.ok || (n == 0) == tt.ok {
				t.Errorf("%d requests", n)
			}
			// The option is the way.
			u := must(url.Parse(tt.uri))
			opts.ManagementOrigin = u.Scheme + "://" + u.Host
			if _, err := again.Read(context.Background(), opts); err != nil {
				t.Error(err)
			}
		})
	}
	// A rotation does not move what the application wrote itself.
	_, opts := s.registrar()
	own := &Registration{
		Metadata:                ClientMetadata{ClientID: "c1"},
		RegistrationAccessToken: NewSecret("rat"),
		RegistrationClientURI:   "https://own.example" + managePath,
	}
	a := registrationAnswer(t, map[string]any{"registration_client_uri": "https://x.example" + managePath, "registration_access_token": "rat-2"})
	a.status = 200
	s.set(managePath, a)
	_, err := own.Read(context.Background(), opts)
	var kept *RegistrationError
	if wantError(t, err, ErrResponse, "registration_client_uri"); !errors.As(err, &kept) || kept.Registration.RegistrationAccessToken.Reveal() != "rat-2" ||
		own.origins != "" {
		t.Errorf("%v", err)
	}
	for _, origin := range []string{
		"admin.example", "http://admin.example", "https://admin.example/path", "https://admin.example?", "https://admin.example?a=b", "https://u@admin.example",
	} {
		as, opts := s.registrar()
		opts.ManagementOrigin = origin
		_, err := Register(context.Background(), as, registrationAsked, opts)
		if e := new(Error); !errors.As(err, &e) || e.Kind != ErrConfig && e.Kind != ErrInsecureURL || e.Param != "ManagementOrigin" {
			t.Errorf("%s: %v", origin, err)
		}
	}
}

// ---- management

// managed is what Register gave out, with the options for it.
func (s *unitServer) managed(t testing.TB) (*Registration, *RegistrationOptions) {
	t.Helper()
	reg, err := s.register(t, registrationAsked, registrationAnswer(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	_, opts := s.registrar()
	return reg, opts
}

func TestRegistrationRead(t *testing.T) {
	s := newUnitServer()
	reg, opts := s.managed(t)
	before := fmt.Sprintf("%+v", savedFields(reg))
	opts.InitialAccessToken = NewSecret("iat-1") // is for Register
	none := map[string]any{
		"client_secret": unitRemoved, "client_secret_expires_at": unitRemoved, "registration_access_token": unitRemoved,
		"registration_client_uri": unitRemoved, "client_id_issued_at": unitRemoved, "client_name": "New",
	}
	rotated := map[string]any{
		"client_secret": "secret-2", "client_secret_expires_at": 0, "registration_access_token": "rat-2", "registration_client_uri": unitIssuer + "/r2",
		"redirect_uris": []string{"https://app.example/other"},
	}
	for _, tt := range []struct {
		name               string
		change             map[string]any
		secret, token, uri string
		expiry             int64
	}{
		{"kept", none, "the-secret-of-c1", "rat-1", unitIssuer + managePath, unitTime + 3600},
		{"nothing said of them", map[string]any{
			"client_secret": "", "registration_access_token": "", "registration_client_uri": "",
		}, "the-secret-of-c1", "rat-1", unitIssuer + managePath, unitTime + 3600},
		{"null", map[string]any{
			"client_secret": nil, "registration_access_token": nil, "registration_client_uri": nil,
		}, "the-secret-of-c1", "rat-1", unitIssuer + managePath, unitTime + 3600},
		{"rotated", rotated, "secret-2", "rat-2", unitIssuer + "/r2", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := registrationAnswer(t, tt.change)
			a.status = 200
			s.set(managePath, a)
			fresh, err := reg.Read(context.Background(), opts)
			if err != nil {
				t.Fatal(err)
			}
			if fresh.ClientSecret.Reveal() != tt.secret || fresh.RegistrationAccessToken.Reveal() != tt.token || fresh.RegistrationClientURI != tt.uri ||
				fresh.server != unitIssuer ||
				!fresh.ClientIDIssuedAt.Equal(unitNow()) {
				t.Errorf("%s", savedFields(fresh))
			}
			if fresh.ClientSecretExpiry.IsZero() != (tt.expiry == 0) || tt.expiry != 0 && fresh.ClientSecretExpiry.Unix() != tt.expiry {
				t.Errorf("expiry %v", fresh.ClientSecretExpiry)
			}
			list := s.requests(managePath)
			r := list[len(list)-1]
			if r.method != http.MethodGet || r.body != "" || r.header.Get("Authorization") != "Bearer rat-1" || r.header.Get("Content-Type") != "" {
				t.Errorf("request %+v", r)
			}
			if after := savedFields(reg); after != before {
				t.Errorf("the argument became\n%s, was\n%s", after, before)
			}
		})
	}
}

func TestRegistrationUpdate(t *testing.T) {
	s := newUnitServer()
	reg, opts := s.managed(t)
	m := reg.Metadata
	m.RedirectURIs = []string{"https://app.example/new"}
	a := registrationAnswer(t, map[string]any{"redirect_uris": m.RedirectURIs, "registration_access_token": "rat-2"})
	a.status = 200
	s.set(managePath, a)
	fresh, err := reg.Update(context.Background(), m, opts)
	if err != nil {
		t.Fatal(err)
	}
	if fresh.RegistrationAccessToken.Reveal() != "rat-2" || fresh.Metadata.RedirectURIs[0] != "https://app.example/new" {
		t.Errorf("%s", savedFields(fresh))
	}
	r := s.requests(managePath)[0]
	if r.method != http.MethodPut || r.header.Get("Authorization") != "Bearer rat-1" || r.header.Get("Content-Type") != mediaJSON {
		t.Errorf("request %+v", r)
	}
	var sent map[string]any
	if err := json.Unmarshal([]byte(r.body), &sent); err != nil {
		t.Fatal(err)
	}
	// RFC 7592, Section 2.2: the client includes its client_id, and not the
	// registration_access_token and what else stands beside the metadata.
	for _, name := range registrationMembers {
		if _, ok := sent[name]; ok {
			t.Errorf("%s was sent", name)
		}
	}
	if sent["client_id"] != "c1" || sent["x"] != 1.0 {
		t.Errorf("sent %s", r.body)
	}
	// The answer is held against what was sent, not against what was.
	a = registrationAnswer(t, nil)
	a.status = 200
	s.set(managePath, a)
	_, err = reg.Update(context.Background(), m, opts)
	wantError(t, err, ErrResponse, "redirect_uris")
}

func TestRegistrationDelete(t *testing.T) {
	s := newUnitServer()
	reg, opts := s.managed(t)
	for _, tt := range []struct {
		answer unitAnswer
		kind   error
	}{
		{unitAnswer{status: 204}, nil},
		{unitAnswer{status: 200, mediaType: "text/html", body: "ok"}, nil},
		{unitAnswer{status: 200, mediaType: mediaJSON, body: `{"error":"invalid_token"}`}, ErrRefused},
		{unitAnswer{status: 202}, ErrResponse},
		{unitAnswer{status: 405}, ErrResponse},
	} {
		s.set(managePath, tt.answer)
		if err := reg.Delete(context.Background(), opts); !errors.Is(err, tt.kind) || err != nil && tt.kind == nil {
			t.Errorf("%+v: %v", tt.answer, err)
		}
	}
	if r := s.requests(managePath)[0]; r.method != http.MethodDelete || r.body != "" || r.header.Get("Authorization") != "Bearer rat-1" {
		t.Errorf("request %+v", r)
	}
}

// registrationCalls are the three functions for what was registered.
func registrationCalls(reg *Registration, m ClientMetadata, opts *RegistrationOptions) map[string]func() (*Registration, error) {
	ctx := context.Background()
	return map[string]func() (*Registration, error){
		"read":   func() (*Registration, error) { return reg.Read(ctx, opts) },
		"update": func() (*Registration, error) { return reg.Update(ctx, m, opts) },
		"delete": func() (*Registration, error) { return nil, reg.Delete(ctx, opts) },
	}
}

func TestManageRegistrationErrors(t *testing.T) {
	s := newUnitServer()
	good, opts := s.managed(t)
	id := ClientMetadata{ClientID: "c1", RedirectURIs: []string{"https://app.example/cb"}}
	change := func(f func(*Registration)) *Registration { reg := *good; f(&reg); return &reg }
	refusal := unitAnswer{status: 401, header: http.Header{"Www-Authenticate": {`Bearer error="invalid_token"`}}}
	answer := func(status int, change map[string]any) unitAnswer {
		a := registrationAnswer(t, change)
		a.status = status
		return a
	}
	for _, tt := range []struct {
		name   string
		reg    *Registration
		meta   ClientMetadata
		only   string // "": all three functions
		answer *unitAnswer
		kind   error
		param  string
	}{
		{name: "nil", meta: id, kind: ErrConfig, param: "RegistrationClientURI"},
		{name: "zero", reg: &Registration{}, kind: ErrConfig, param: "RegistrationClientURI"},
		{name: "no URI", reg: change(func(r *Registration) { r.RegistrationClientURI = "" }), meta: id, kind: ErrConfig, param: "RegistrationClientURI"},
		{name: "no token", reg: change(func(r *Registration) { r.RegistrationAccessToken = Secret{} }), meta: id, kind: ErrConfig, param: "RegistrationClientURI"},
		{name: "http", reg: change(func(r *Registration) { r.RegistrationClientURI = "http://op.example/register/c1" }), meta: id, kind: ErrInsecureURL, param: "registration_client_uri"},
		{name: "file", reg: change(func(r *Registration) { r.RegistrationClientURI = "file:///etc/passwd" }), meta: id, kind: ErrInsecureURL, param: "registration_client_uri"},
		{name: "relative", reg: change(func(r *Registration) { r.RegistrationClientURI = "/register/c1" }), meta: id, kind: ErrConfig, param: "registration_client_uri"},
		{name: "token that breaks the header", reg: change(func(r *Registration) { r.RegistrationAccessToken = NewSecret("a\nb") }), meta: id, kind: ErrConfig, param: "RegistrationAccessToken"},
		{name: "a private key", reg: good, meta: ClientMetadata{ClientID: "c1", JWKS: json.RawMessage(`{"keys":[` + privateJWK(ES256) + `]}`)}, only: "update", kind: ErrConfig, param: "JWKS"},
		{name: "another client_id", reg: good, meta: ClientMetadata{ClientID: "c2"}, only: "update", kind: ErrConfig, param: "ClientID"},
		{name: "a client_id in other letters", reg: good, meta: ClientMetadata{ClientID: "C1"}, only: "update", kind: ErrConfig, param: "ClientID"},
		{name: "no client_id", reg: good, only: "update", kind: ErrConfig, param: "ClientID"},

		{name: "401", reg: good, meta: id, answer: &refusal, kind: ErrRefused},
		{name: "client_id of another", reg: good, meta: id, only: "read", answer: ptr(answer(200, map[string]any{"client_id": "c2"})), kind: ErrResponse, param: "client_id"},
		{name: "client_id of another, updated", reg: good, meta: id, only: "update", answer: ptr(answer(200, map[string]any{"client_id": "c2"})), kind: ErrResponse, param: "client_id"},
		{name: "201 to a GET", reg: good, meta: id, only: "read", answer: ptr(answer(201, nil)), kind: ErrResponse},
		{name: "201 to a PUT", reg: good, meta: id, only: "update", answer: ptr(answer(201, nil)), kind: ErrResponse},
		{name: "204 to a GET", reg: good, meta: id, only: "read", answer: &unitAnswer{status: 204}, kind: ErrResponse},
		{name: "expired secret", reg: good, meta: id, only: "read", answer: ptr(answer(200, map[string]any{"client_secret_expires_at": 1})), kind: ErrResponse, param: "client_secret_expires_at"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.answer != nil {
				s.set(managePath, *tt.answer)
			}
			for name, call := range registrationCalls(tt.reg, tt.meta, opts) {
				if tt.only != "" && tt.only != name {
					continue
				}
				before := len(s.requests(""))
				fresh, err := call()
				if fresh != nil {
					t.Errorf("%s: a registration came with the error", name)
				}
				wantError(t, err, tt.kind, tt.param)
				// A secret that was changed is not lost; another client's is not mixed with it.
				var kept *RegistrationError
				if made := tt.answer != nil && tt.answer.body != "" && name != "delete"; errors.As(err, &kept) != made {
					t.Errorf("%s: %T", name, err)
				} else if made && (kept.Registration.ClientSecret.Reveal() != "the-secret-of-c1" || kept.Registration.RegistrationAccessToken.Reveal() != "rat-1") {
					t.Errorf("%s: kept is %s", name, savedFields(kept.Registration))
				}
				if n := len(s.requests("")) - before; (n == 0) != (tt.answer == nil) {
					t.Errorf("%s: %d requests", name, n)
				}
			}
		})
	}
	var kept *RegistrationError
	for _, id := range []string{"c2", "C1"} {
		s.set(managePath, answer(200, map[string]any{
			"client_id": id, "client_secret": unitRemoved, "client_id_issued_at": unitRemoved, "registration_client_uri": "https://x.example/c2",
		}))
		if _, err := good.Read(context.Background(), opts); !errors.As(err, &kept) || kept.Registration.Metadata.ClientID != id ||
			!kept.Registration.ClientSecret.IsZero() ||
			!kept.Registration.ClientIDIssuedAt.IsZero() || kept.Registration.server != good.server || kept.Registration.origins != good.origins {
			t.Errorf("%v", err)
		}
	}
	// Without a client_id it can only be that of the request.
	s.set(managePath, answer(200, map[string]any{"client_id": 1, "client_secret": "secret-2"}))
	if _, err := good.Read(context.Background(), opts); !errors.As(err, &kept) || kept.Registration.Metadata.ClientID != "c1" ||
		kept.Registration.ClientSecret.Reveal() != "secret-2" {
		t.Errorf("%v", err)
	}
	var refused *ResponseError
	s.set(managePath, refusal)
	if _, err := good.Read(context.Background(), opts); !errors.As(err, &refused) || refused.Code != "invalid_token" || refused.Op != opRegistration {
		t.Errorf("%v", err)
	}
	opts.Clock.Tolerance = time.Hour
	for _, call := range registrationCalls(good, id, opts) {
		_, err := call()
		wantError(t, err, ErrConfig, "Clock.Tolerance")
	}
}

func ptr[T any](v T) *T { return &v }

// A redirect would take token and metadata elsewhere.
func TestRegistrationRedirect(t *testing.T) {
	s := newUnitServer()
	reg, opts := s.managed(t)
	for _, status := range []int{301, 302, 303, 307, 308} {
		a := unitAnswer{status: status, header: http.Header{"Location": {unitIssuer + "/elsewhere"}}}
		s.set(managePath, a)
		for name, call := range registrationCalls(reg, reg.Metadata, opts) {
			if _, err := call(); !errors.Is(err, ErrResponse) {
				t.Errorf("%s, %d: %v", name, status, err)
			}
		}
		if _, err := s.register(t, registrationAsked, a); !errors.Is(err, ErrResponse) {
			t.Errorf("register, %d: %v", status, err)
		}
	}
	if n := len(s.requests("/elsewhere")); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

// Secrets are in no error and in no metadata, whatever is wrong with them.
func TestRegistrationErrorsQuoteNothing(t *testing.T) {
	s := newUnitServer()
	for name, change := range map[string]map[string]any{
		"client_id":   {"client_id": unitRemoved},
		"expiry":      {"client_secret_expires_at": 1},
		"no secret":   {"client_secret": nil, "registration_access_token": 1},
		"token":       {"registration_access_token": secretMarker + "\n"},
		"token array": {"registration_access_token": []string{secretMarker}},
		"redirect":    {"redirect_uris": nil},
		"error":       {"error": "invalid_client_metadata"},
	} {
		members := map[string]any{
			"client_secret":             secretMarker + "1",
			"registration_access_token": secretMarker + "2",
			"jwks":                      map[string]any{"keys": []string{secretMarker}},
		}
		maps.Copy(members, change)
		_, err := s.register(t, registrationAsked, registrationAnswer(t, members))
		if err == nil {
			t.Fatalf("%s: no error", name)
		}
		secretLook(t, err, secretMarker)
	}
	// What was sent stands in the host or the scheme of the answer's URL.
	as, opts := s.registrar()
	opts.InitialAccessToken = NewSecret(secretMarker)
	for _, uri := range []string{"https://" + secretMarker + ".example", "http://" + secretMarker + ".example", secretMarker + "://x"} {
		s.set(registerPath, registrationAnswer(t, map[string]any{"registration_client_uri": uri}))
		_, err := Register(context.Background(), as, registrationAsked, opts)
		var made *RegistrationError
		if !errors.As(err, &made) || strings.Contains(strings.ToLower(err.Error()), strings.ToLower(secretMarker)) {
			t.Errorf("%s: %v", uri, err)
		}
		secretLook(t, err, secretMarker)
	}
	reg, err := s.register(
		t,
		registrationAsked,
		registrationAnswer(t, map[string]any{"client_secret": secretMarker + "1", "registration_access_token": secretMarker + "2"}),
	)
	if err != nil {
		t.Fatal(err)
	}
	if text := unitJSON(t, reg.Metadata); strings.Contains(text, secretMarker) {
		t.Errorf("metadata %s", text)
	}
	if text := fmt.Sprint(reg.Metadata); strings.Contains(text, secretMarker) {
		t.Errorf("metadata %s", text)
	}
}

// TestRegistrationSalvaged: what the credentials of before are worth beside an answer
// that is not read otherwise.
func TestRegistrationSalvaged(t *testing.T) {
	reg := &Registration{
		Metadata: ClientMetadata{ClientID: "ours"}, ClientSecret: NewSecret("secret"), RegistrationAccessToken: NewSecret("rat"),
		RegistrationClientURI: "https://op.example/reg/ours", server: unitIssuer, origins: unitIssuer,
	}
	for _, tt := range []struct{ name, body, id, secret, token, uri string }{
		{"nothing new", `{"client_id":"ours"}`, "ours", "secret", "rat", "https://op.example/reg/ours"},
		{"a new token", `{"client_id":"ours","registration_access_token":"rat-2"}`, "ours", "secret", "rat-2", "https://op.example/reg/ours"},
		{"a new place", `{"client_id":"ours","registration_client_uri":"https://op.example/reg/2"}`, "ours", "secret", "rat", "https://op.example/reg/2"},
		{"another client", `{"client_id":"theirs","client_secret":"s2"}`, "theirs", "s2", "", ""},
		{"another client, in other letters", `{"client_id":"OURS"}`, "OURS", "", "", ""},
		{"no client", `{"client_secret":"s2"}`, "", "", "", ""},
		{"no JSON", `<html>`, "", "", "", ""},
	} {
		twice := strings.Replace(tt.body, "}", `,"x":1,"x":2}`, 1)
		res := &httpResponse{status: http.StatusOK, header: http.Header{}, body: twice}
		_, err := reg.process(res, nil, new(registrar), http.StatusOK)
		var kept *RegistrationError
		if errors.As(err, &kept) != (tt.id != "") || err == nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if tt.id == "" {
			continue
		}
		got := kept.Registration
		if got.Metadata.ClientID != tt.id || got.ClientSecret.Reveal() != tt.secret || got.RegistrationAccessToken.Reveal() != tt.token ||
			got.RegistrationClientURI != tt.uri ||
			got.server != unitIssuer || got.origins != unitIssuer {
			t.Errorf("%s: kept is %s", tt.name, savedFields(got))
		}
	}
}
