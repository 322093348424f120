package oauth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
)

var plainBackchannel = BackchannelAuthenticationRequest{Scope: []string{"openid"}, LoginHint: "alice"}

// TestBackchannelAnswer: CIBA, Section 7.3.
func TestBackchannelAnswer(t *testing.T) {
	type m = map[string]any
	good := m{"auth_req_id": "id", "expires_in": 60, "interval": 7}
	for _, tt := range append([]pendingRule{
		{name: "good"},
		{name: "interval missing", change: m{"interval": unitRemoved}, interval: 5 * time.Second},
		{name: "auth_req_id missing", change: m{"auth_req_id": unitRemoved}, param: "auth_req_id"},
		{name: "auth_req_id empty", change: m{"auth_req_id": ""}, param: "auth_req_id"},
		{name: "auth_req_id null", change: m{"auth_req_id": nil}, param: "auth_req_id"},
		{name: "auth_req_id number", change: m{"auth_req_id": 1}, param: "auth_req_id"},
	}, pendingRules...) {
		t.Run(tt.name, func(t *testing.T) {
			s := newUnitServer()
			s.answer("/ciba", unitBody(t, good, tt.change))
			b, err := s.client(t, withCIBA).StartBackchannelAuthentication(context.Background(), &plainBackchannel)
			if tt.param != "" {
				if wantError(t, err, ErrResponse, tt.param); b != nil {
					t.Error("a result came with the error")
				}
				return
			}
			if err != nil || b.AuthReqID() != "id" {
				t.Fatalf("%v, %v", b, err)
			}
			tt.check(t, b.Expiry(), b.Interval())
		})
	}
}

// fullBackchannel sets every member but two of the hints.
var fullBackchannel = BackchannelAuthenticationRequest{
	Scope: []string{"openid", "a"}, LoginHint: "alice", BindingMessage: "W4 \"7\"", UserCode: NewSecret("1234"),
	ACRValues: []string{"gold", "silver"}, RequestedExpiry: 2*time.Minute + time.Second,
	Resource: someOptions.Resource, AuthorizationDetails: someDetails, Params: url.Values{"x": {"1"}},
}

var fullBackchannelForm = url.Values{
	"scope": {"openid a"}, "login_hint": {"alice"}, "binding_message": {"W4 \"7\""}, "user_code": {"1234"}, "acr_values": {"gold silver"},
	"requested_expiry": {"121"}, "resource": someOptions.Resource, "authorization_details": {someDetailsText}, "x": {"1"},
}

// TestBackchannelRequest: CIBA, Section 7.1.
func TestBackchannelRequest(t *testing.T) {
	s := newUnitServer()
	s.answer("/ciba", `{"auth_req_id":"id","expires_in":60}`)
	last := func() url.Values {
		sent := s.requests("/ciba")
		return sent[len(sent)-1].form
	}
	for _, mode := range []string{"", "poll"} {
		c := s.client(t, func(c *Config) {
			withCIBA(c)
			c.Metadata.BackchannelTokenDeliveryMode = mode
			c.RequestKey = unitKey() // of no use without BackchannelRequestAlg
		})
		b, err := c.StartBackchannelAuthentication(context.Background(), &fullBackchannel)
		if err != nil || b.g.content.notificationToken != "" || b.g.content.scope != "openid a" {
			t.Fatalf("%v, %v", b, err)
		}
		wantForm(t, last(), fullBackchannelForm)
		for name, r := range map[string]*BackchannelAuthenticationRequest{
			"login_hint":       {Scope: []string{"openid"}, LoginHint: "hint"},
			"login_hint_token": {Scope: []string{"openid"}, LoginHintToken: "hint"},
			"id_token_hint":    {Scope: []string{"openid"}, IDTokenHint: "hint"},
		} {
			if _, err := c.StartBackchannelAuthentication(context.Background(), r); err != nil {
				t.Fatal(err)
			}
			wantForm(t, last(), url.Values{"scope": {"openid"}, name: {"hint"}})
		}
	}
	// Ping mode: a token for the notification, of this request alone.
	c := s.client(t, func(c *Config) { withCIBA(c); c.Metadata.BackchannelTokenDeliveryMode = "ping" })
	seen := map[string]bool{}
	for range 3 {
		b, err := c.StartBackchannelAuthentication(context.Background(), &plainBackchannel)
		if err != nil {
			t.Fatal(err)
		}
		token := last().Get("client_notification_token")
		if len(token) != 43 || token != b.g.content.notificationToken || seen[token] {
			t.Errorf("notification token %q, kept is %q", token, b.g.content.notificationToken)
		}
		seen[token] = true
		wantForm(t, last(), url.Values{"scope": {"openid"}, "login_hint": {"alice"}, "client_notification_token": {token}})
	}
}

func TestBackchannelRequestErrors(t *testing.T) {
	mode := func(mode string) func(*Config) {
		return func(c *Config) { c.Metadata.BackchannelTokenDeliveryMode = mode }
	}
	signed := func(alg Algorithm, key *SigningKey) func(*Config) {
		return func(c *Config) { c.Metadata.BackchannelRequestAlg, c.RequestKey = alg, key }
	}
	with := func(change func(*BackchannelAuthenticationRequest)) *BackchannelAuthenticationRequest {
		r := plainBackchannel
		change(&r)
		return &r
	}
	type request struct {
		name   string
		config func(*Config)
		r      *BackchannelAuthenticationRequest
		kind   error
		param  string
	}
	tests := []request{
		{"nil", nil, nil, ErrConfig, ""},
		{"push", mode("push"), &plainBackchannel, ErrUnsupported, "Metadata.BackchannelTokenDeliveryMode"},
		{"a mode unheard of", mode("Ping"), &plainBackchannel, ErrConfig, "Metadata.BackchannelTokenDeliveryMode"},
		{"poll in capitals", mode("POLL"), &plainBackchannel, ErrConfig, "Metadata.BackchannelTokenDeliveryMode"},
		{"push in capitals", mode("PUSH"), &plainBackchannel, ErrConfig, "Metadata.BackchannelTokenDeliveryMode"},
		{"a public client", func(c *Config) { c.Auth = PublicClient() }, &plainBackchannel, ErrConfig, "Auth"},
		{"no scope", nil, with(func(r *BackchannelAuthenticationRequest) { r.Scope = nil }), ErrConfig, "Scope"},
		{"a scope without openid", nil, with(func(r *BackchannelAuthenticationRequest) { r.Scope = []string{"openid2", "OpenID"} }), ErrConfig, "Scope"},
		{"scopes in one", nil, with(func(r *BackchannelAuthenticationRequest) { r.Scope = []string{"openid", "a b"} }), ErrConfig, "Scope"},
		{"no hint", nil, with(func(r *BackchannelAuthenticationRequest) { r.LoginHint = "" }), ErrConfig, "LoginHint"},
		{"a login hint and its token", nil, with(func(r *BackchannelAuthenticationRequest) { r.LoginHintToken = "x" }), ErrConfig, "LoginHint"},
		{"a login hint and an ID token", nil, with(func(r *BackchannelAuthenticationRequest) { r.IDTokenHint = "x" }), ErrConfig, "LoginHint"},
		{
			"two tokens",
			nil,
			with(func(r *BackchannelAuthenticationRequest) { r.LoginHint, r.LoginHintToken, r.IDTokenHint = "", "x", "y" }),
			ErrConfig,
			"LoginHint",
		},
		{"all hints", nil, with(func(r *BackchannelAuthenticationRequest) { r.LoginHintToken, r.IDTokenHint = "x", "y" }), ErrConfig, "LoginHint"},
		{"a negative expiry", nil, with(func(r *BackchannelAuthenticationRequest) { r.RequestedExpiry = -time.Second }), ErrConfig, "RequestedExpiry"},
		{
			"an expiry of less than a second",
			nil,
			with(func(r *BackchannelAuthenticationRequest) { r.RequestedExpiry = time.Millisecond }),
			ErrConfig,
			"RequestedExpiry",
		},
		{
			"an expiry of half a second more",
			nil,
			with(func(r *BackchannelAuthenticationRequest) { r.RequestedExpiry = 1500 * time.Millisecond }),
			ErrConfig,
			"RequestedExpiry",
		},
		{"an expiry that is a number", nil, with(func(r *BackchannelAuthenticationRequest) { r.RequestedExpiry = 120 }), ErrConfig, "RequestedExpiry"},
		{"a relative resource", nil, with(func(r *BackchannelAuthenticationRequest) { r.Resource = []string{"a"} }), ErrConfig, "Resource"},
		{
			"a detail without type",
			nil,
			with(func(r *BackchannelAuthenticationRequest) { r.AuthorizationDetails = []AuthorizationDetail{{}} }),
			ErrConfig,
			"AuthorizationDetails",
		},
		{
			"no endpoint",
			func(c *Config) { c.Server.BackchannelAuthenticationEndpoint = "" },
			&plainBackchannel,
			ErrConfig,
			"backchannel_authentication_endpoint",
		},
		{
			"an insecure endpoint",
			func(c *Config) { c.Server.BackchannelAuthenticationEndpoint = "http://op.example/ciba" },
			&plainBackchannel,
			ErrInsecureURL,
			"backchannel_authentication_endpoint",
		},
		{"no token endpoint", func(c *Config) { c.Server.TokenEndpoint = "" }, &plainBackchannel, ErrConfig, "token_endpoint"},
		{"no keys", func(c *Config) { c.Server.JWKSURI = "" }, &plainBackchannel, ErrConfig, "jwks_uri"},
		{"no authentication", func(c *Config) { c.Auth = nil }, &plainBackchannel, ErrConfig, "Auth"},
		{"no key to sign with", signed(ES256, nil), &plainBackchannel, ErrConfig, "RequestKey"},
		{"a key that does not sign", signed(ES256, must(NewSigningKey(lostSigner{unitKey().signer}, ES256, ""))), &plainBackchannel, ErrConfig, "SigningKey"},
		{"a key for another algorithm", signed(RS256, unitKey()), &plainBackchannel, ErrConfig, "RequestKey"},
		{
			"signed, a parameter twice",
			signed(ES256, unitKey()),
			with(func(r *BackchannelAuthenticationRequest) { r.Params = url.Values{"x": {"1", "2"}} }),
			ErrConfig,
			"Params",
		},
		{
			"signed, a parameter without value",
			signed(ES256, unitKey()),
			with(func(r *BackchannelAuthenticationRequest) { r.Params = url.Values{"x": nil} }),
			ErrConfig,
			"Params",
		},
	}
	// A value that goes into the object as it is must not bring members along: sub
	// would make the object a client assertion.
	for name, value := range map[string]string{"max_age": `60,"sub":"x"`, "claims": `{},"sub":"x"`} {
		tests = append(
			tests,
			request{
				"signed, with more in " + name,
				signed(ES256, unitKey()),
				with(func(r *BackchannelAuthenticationRequest) { r.Params = url.Values{name: {value}} }),
				ErrConfig,
				"Params",
			},
		)
	}
	const own = " login_hint login_hint_token id_token_hint binding_message user_code acr_values requested_expiry client_notification_token request claims"
	for name := range strings.FieldsSeq(tokenParamNames + own) {
		tests = append(
			tests,
			request{"with " + name, nil, with(func(r *BackchannelAuthenticationRequest) { r.Params = url.Values{name: {"x"}} }), ErrConfig, "Params"},
		)
	}
	for _, name := range []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti"} {
		tests = append(
			tests,
			request{
				"signed, with " + name,
				signed(ES256, unitKey()),
				with(func(r *BackchannelAuthenticationRequest) { r.Params = url.Values{name: {"x"}} }),
				ErrConfig,
				"Params",
			},
		)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newUnitServer()
			s.answer("/ciba", `{"auth_req_id":"id","expires_in":60}`)
			b, err := s.client(t, func(c *Config) {
				if withCIBA(c); tt.config != nil {
					tt.config(c)
				}
			}).StartBackchannelAuthentication(context.Background(), tt.r)
			wantError(t, err, tt.kind, tt.param)
			var e *Error
			if b != nil || len(s.requests(""))+len(s.requests("/jwks")) != 0 || !errors.As(err, &e) || e.Op != opBackchannel {
				t.Errorf("%v, %v", b, err)
			}
		})
	}
}

// TestBackchannelSigned: CIBA, Section 7.1.1. The parameters are in the JWT and
// nowhere else; without sub it is no client assertion.
func TestBackchannelSigned(t *testing.T) {
	s := newUnitServer()
	s.answer("/ciba", `{"auth_req_id":"id","expires_in":60}`)
	c := s.client(t, func(c *Config) {
		withCIBA(c)
		c.RequestKey, c.Metadata.BackchannelRequestAlg = unitKey(), ES256
		c.Metadata.BackchannelTokenDeliveryMode = "ping"
		c.Auth = PrivateKeyJWT(unitKey(), nil)
	})
	seen := map[any]bool{}
	for range 2 {
		b, err := c.StartBackchannelAuthentication(context.Background(), &fullBackchannel)
		if err != nil {
			t.Fatal(err)
		}
		sent := s.requests("/ciba")
		form := sent[len(sent)-1].form
		if got := names(form); got != "client_assertion client_assertion_type client_id request" {
			t.Errorf("beside the object: %s", got)
		}
		object := form.Get("request")
		keys := must(ParseKeySet([]byte(`{"keys":[` + string(unitKey().PublicJWK()) + `]}`)))
		if _, err := jwsVerify(object, keys, jwsAllow(ES256)); err != nil {
			t.Fatal(err)
		}
		var parts [2]map[string]any
		for i, segment := range strings.Split(object, ".")[:2] {
			if err := json.Unmarshal(must(base64.RawURLEncoding.DecodeString(segment)), &parts[i]); err != nil {
				t.Fatal(err)
			}
		}
		jti, _ := parts[1]["jti"].(string)
		if len(jti) != 22 || seen[jti] || jti == assertionID(t, form.Get("client_assertion")) {
			t.Errorf("jti %q", jti)
		}
		seen[jti] = true
		delete(parts[1], "jti")
		want := [2]map[string]any{
			{"alg": "ES256", "kid": unitKey().kid}, // no typ
			{
				"iss": unitClient, "aud": unitIssuer, "iat": float64(unitTime), "nbf": float64(unitTime), "exp": float64(unitTime + 60),
				"scope": "openid a", "login_hint": "alice", "binding_message": "W4 \"7\"", "user_code": "1234", "acr_values": "gold silver",
				"requested_expiry": float64(121), "resource": []any{"https://a.example", "https://b.example"},
				"authorization_details": []any{map[string]any{"type": "pay"}}, "x": "1", "client_notification_token": b.g.content.notificationToken,
			},
		}
		if !reflect.DeepEqual(parts, want) {
			t.Errorf("signed\n%v, want\n%v", parts, want)
		}
	}
}

// brokenBody is one whose sender hung up.
type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
func (brokenBody) Close() error             { return nil }

// TestBackchannelPing: CIBA, Section 10.2.
func TestBackchannelPing(t *testing.T) {
	s := newUnitServer()
	s.answer("/ciba", `{"auth_req_id":"id","expires_in":60}`)
	start := func(mode string) *BackchannelAuthentication {
		c := s.client(t, func(c *Config) { withCIBA(c); c.Metadata.BackchannelTokenDeliveryMode = mode })
		return must(c.StartBackchannelAuthentication(context.Background(), &plainBackchannel))
	}
	ping, poll := start("ping"), start("poll")
	other := start("ping") // of the same id: another server's may be equal
	otherID := start("ping")
	otherID.g.content.code = "id-2"
	token := "Bearer " + ping.g.content.notificationToken
	errFind := errors.New("the store is down")

	const good = `{"auth_req_id":"id"}`
	tests := []struct {
		name   string
		method string // "": POST
		header []string
		body   string
		found  *BackchannelAuthentication
		err    error
		kind   error // nil: accepted
		param  string
		asked  bool // find was called
	}{
		{name: "good", header: []string{token}, body: good, found: ping, asked: true},
		{
			name:   "in small letters, with more members",
			header: []string{"bearer " + token[7:]},
			body:   ` {"x":[1],"auth_req_id":"\u0069d"} `,
			found:  ping,
			asked:  true,
		},
		{name: "GET", method: http.MethodGet, header: []string{token}, body: good, found: ping, kind: ErrParse},
		{name: "PUT", method: http.MethodPut, header: []string{token}, body: good, found: ping, kind: ErrParse},
		{name: "no method", method: "post", header: []string{token}, body: good, found: ping, kind: ErrParse},
		{name: "no token", body: good, found: ping, kind: ErrNoCredentials, param: "Authorization"},
		{name: "two tokens", header: []string{token, token}, body: good, found: ping, kind: ErrNoCredentials, param: "Authorization"},
		{name: "an empty header", header: []string{""}, body: good, found: ping, kind: ErrNoCredentials, param: "Authorization"},
		{name: "an empty token", header: []string{"Bearer "}, body: good, found: ping, kind: ErrNoCredentials, param: "Authorization"},
		{name: "a scheme alone", header: []string{"Bearer"}, body: good, found: ping, kind: ErrNoCredentials, param: "Authorization"},
		{name: "another scheme", header: []string{"Basic " + token[7:]}, body: good, found: ping, kind: ErrNoCredentials, param: "Authorization"},
		{name: "a token without scheme", header: []string{token[7:]}, body: good, found: ping, kind: ErrNoCredentials, param: "Authorization"},
		{name: "another token", header: []string{"Bearer x"}, body: good, found: ping, kind: ErrNoCredentials, param: "Authorization", asked: true},
		{
			name:   "a token that is cut",
			header: []string{token[:len(token)-1]},
			body:   good,
			found:  ping,
			kind:   ErrNoCredentials,
			param:  "Authorization",
			asked:  true,
		},
		{name: "a token and more", header: []string{token + " "}, body: good, found: ping, kind: ErrNoCredentials, param: "Authorization", asked: true},
		{
			name:   "a token in a list",
			header: []string{token + ", " + token},
			body:   good,
			found:  ping,
			kind:   ErrNoCredentials,
			param:  "Authorization",
			asked:  true,
		},
		{name: "the token of another request", header: []string{token}, body: good, found: other, kind: ErrNoCredentials, param: "Authorization", asked: true},
		{
			name:   "the token of a request in poll mode",
			header: []string{token},
			body:   good,
			found:  poll,
			kind:   ErrNoCredentials,
			param:  "Authorization",
			asked:  true,
		},
		{
			name:   "of an empty BackchannelAuthentication",
			header: []string{token},
			body:   good,
			found:  new(BackchannelAuthentication),
			kind:   ErrNoCredentials,
			param:  "Authorization",
			asked:  true,
		},
		{name: "an unknown id", header: []string{token}, body: good, kind: ErrNoCredentials, param: "auth_req_id", asked: true},
		{name: "find fails", header: []string{token}, body: good, found: ping, err: errFind, kind: errFind, asked: true},
		{
			name:   "find finds another one",
			header: []string{"Bearer " + otherID.g.content.notificationToken},
			body:   good,
			found:  otherID,
			kind:   ErrConfig,
			param:  "auth_req_id",
			asked:  true,
		},
		{name: "find finds another one, by the token of this one", header: []string{token}, body: good, found: otherID, kind: ErrNoCredentials, asked: true},
		{name: "no body", header: []string{token}, found: ping, kind: ErrParse},
		{name: "not JSON", header: []string{token}, body: "auth_req_id=id", found: ping, kind: ErrParse},
		{name: "a list", header: []string{token}, body: `[{"auth_req_id":"id"}]`, found: ping, kind: ErrParse},
		{name: "no id", header: []string{token}, body: `{"AUTH_REQ_ID":"id"}`, found: ping, kind: ErrParse, param: "auth_req_id"},
		{name: "an empty id", header: []string{token}, body: `{"auth_req_id":""}`, found: ping, kind: ErrParse, param: "auth_req_id"},
		{name: "null for an id", header: []string{token}, body: `{"auth_req_id":null}`, found: ping, kind: ErrParse, param: "auth_req_id"},
		{name: "a number for an id", header: []string{token}, body: `{"auth_req_id":1}`, found: ping, kind: ErrParse, param: "auth_req_id"},
		{name: "two ids", header: []string{token}, body: `{"auth_req_id":"id","auth_req_id":"x"}`, found: ping, kind: ErrParse},
		{name: "two notifications", header: []string{token}, body: good + good, found: ping, kind: ErrParse},
		{name: "as long as can be", header: []string{token}, body: good + strings.Repeat(" ", maxPing-len(good)), found: ping, asked: true},
		{name: "too long", header: []string{token}, body: good + strings.Repeat(" ", maxPing-len(good)+1), found: ping, kind: ErrParse},
		{name: "the sender hung up", header: []string{token}, body: "BROKEN", found: ping, kind: ErrParse},
		{name: "without a body", header: []string{token}, body: "NIL", found: ping, kind: ErrParse},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			type key struct{}
			r := must(http.NewRequestWithContext(context.WithValue(context.Background(), key{}, 1), http.MethodPost, "https://app.example/ping", nil))
			if tt.method != "" {
				r.Method = tt.method
			}
			switch tt.body {
			case "BROKEN":
				r.Body = brokenBody{}
			case "NIL":
				r.Body = nil
			default:
				r.Body = io.NopCloser(strings.NewReader(tt.body))
			}
			r.Header["Authorization"] = tt.header
			asked := false
			b, err := ParseBackchannelPing(r, func(ctx context.Context, id string) (*BackchannelAuthentication, error) {
				if asked = true; id != "id" || ctx.Value(key{}) == nil {
					t.Errorf("asked for %q", id)
				}
				return tt.found, tt.err
			})
			if asked != tt.asked {
				t.Errorf("asked for the id: %v", asked)
			}
			if tt.kind != nil {
				if wantError(t, err, tt.kind, tt.param); b != nil {
					t.Error("a result came with the error")
				}
				if strings.Contains(err.Error(), token[7:]) {
					t.Errorf("the error shows the token: %v", err)
				}
				return
			}
			if err != nil || b != tt.found {
				t.Errorf("%v, %v", b, err)
			}
		})
	}
}

// A notification finds its request after a restart too, and the token is asked
// for once.
func TestBackchannelRestored(t *testing.T) {
	s := newUnitServer()
	s.answer("/ciba", `{"auth_req_id":"id","expires_in":60}`)
	c := s.client(t, func(c *Config) { withCIBA(c); c.Metadata.BackchannelTokenDeliveryMode = "ping" })
	first := must(c.StartBackchannelAuthentication(context.Background(), &plainBackchannel))
	saved := must(first.MarshalBinary())
	r := must(http.NewRequest(http.MethodPost, "https://app.example/ping", strings.NewReader(`{"auth_req_id":"id"}`)))
	r.Header.Set("Authorization", "Bearer "+first.g.content.notificationToken)
	b, err := ParseBackchannelPing(r, func(context.Context, string) (*BackchannelAuthentication, error) {
		b := new(BackchannelAuthentication)
		return b, b.UnmarshalBinary(saved)
	})
	if err != nil {
		t.Fatal(err)
	}
	s.answer("/token", unitTokenBody(t, map[string]any{"id_token": s.sign(t, "JWT", unitClaims(nil))}))
	token, err := c.BackchannelAuthenticationToken(context.Background(), b, nil)
	if err != nil || token.Subject() != "alice" {
		t.Fatalf("%v, %v", token, err)
	}
	wantForm(t, s.requests("/token")[0].form, url.Values{"grant_type": {"urn:openid:params:grant-type:ciba"}, "auth_req_id": {"id"}})
	s.answer("/token", unitTokenBody(t, nil))
	_, err = c.BackchannelAuthenticationToken(context.Background(), b, nil)
	wantError(t, err, ErrResponse, "id_token")
	// A user who refuses, and one who never answers.
	for code, expired := range map[string]bool{"access_denied": false, "expired_token": true} {
		s.set("/token", unitAnswer{status: 400, mediaType: mediaJSON, body: `{"error":"` + code + `"}`})
		if _, err := c.BackchannelAuthenticationToken(context.Background(), b, nil); !errors.Is(err, ErrRefused) || errors.Is(err, ErrExpired) != expired {
			t.Errorf("%s: %v", code, err)
		}
	}
}
