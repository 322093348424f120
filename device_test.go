package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

func withDevice(c *Config) {
	c.Server.DeviceAuthorizationEndpoint = unitIssuer + "/device"
}

func withCIBA(c *Config) {
	c.Server.BackchannelAuthenticationEndpoint = unitIssuer + "/ciba"
}

// pendingRules are those that the answers of both endpoints share: RFC 8628,
// Section 3.2; CIBA, Section 7.3.
var pendingRules = []pendingRule{
	{name: "expires_in missing", change: map[string]any{"expires_in": unitRemoved}, param: "expires_in"},
	{name: "expires_in null", change: map[string]any{"expires_in": nil}, param: "expires_in"},
	{name: "expires_in negative", change: map[string]any{"expires_in": -1}, param: "expires_in"},
	{name: "expires_in words", change: map[string]any{"expires_in": "soon"}, param: "expires_in"},
	{name: "expires_in list", change: map[string]any{"expires_in": []int{60}}, param: "expires_in"},
	{name: "expires_in over the limit of numbers", change: map[string]any{"expires_in": 1e17}, lifetime: maxLifetime},
	{name: "expires_in beyond all numbers", change: map[string]any{"expires_in": json.RawMessage("1e400")}, lifetime: maxLifetime},
	{name: "expires_in string beyond all numbers", change: map[string]any{"expires_in": strings.Repeat("9", 400)}, lifetime: maxLifetime},
	{name: "expires_in string with a point", change: map[string]any{"expires_in": "60.0"}, param: "expires_in"},
	{name: "expires_in negative beyond all numbers", change: map[string]any{"expires_in": json.RawMessage("-1e400")}, param: "expires_in"},
	{name: "expires_in string", change: map[string]any{"expires_in": "60"}},
	{name: "expires_in fraction", change: map[string]any{"expires_in": 60.9}},
	{name: "expires_in 0", change: map[string]any{"expires_in": 0}, lifetime: -1},
	{name: "expires_in of ages", change: map[string]any{"expires_in": int64(1 << 52)}, lifetime: seconds(1 << 52)},
	{name: "interval null", change: map[string]any{"interval": nil}, interval: 5 * time.Second},
	{name: "interval 0", change: map[string]any{"interval": 0}, interval: 5 * time.Second},
	{name: "interval string", change: map[string]any{"interval": "9"}, interval: 9 * time.Second},
	{name: "interval fraction", change: map[string]any{"interval": 9.1}, interval: 10 * time.Second},
	{name: "interval small fraction", change: map[string]any{"interval": 0.1}, interval: time.Second},
	{name: "interval of an hour", change: map[string]any{"interval": 3600}, interval: time.Hour},
	{name: "interval over an hour", change: map[string]any{"interval": 3601}, param: "interval"},
	{name: "interval a little over an hour", change: map[string]any{"interval": 3600.5}, param: "interval"},
	{name: "interval of ages", change: map[string]any{"interval": 1e300}, param: "interval"},
	{name: "interval negative", change: map[string]any{"interval": -1}, param: "interval"},
	{name: "interval negative fraction", change: map[string]any{"interval": -0.5}, param: "interval"},
	{name: "interval negative string", change: map[string]any{"interval": "-5"}, param: "interval"},
	{name: "interval words", change: map[string]any{"interval": "often"}, param: "interval"},
	{name: "interval boolean", change: map[string]any{"interval": true}, param: "interval"},
}

type pendingRule struct {
	name     string
	change   map[string]any
	param    string        // not empty: ErrResponse
	lifetime time.Duration // 0: a minute; negative: none
	interval time.Duration // 0: 7 s
}

func (r *pendingRule) check(t *testing.T, expiry time.Time, interval time.Duration) {
	t.Helper()
	wantInterval, lifetime := r.interval, r.lifetime
	if wantInterval == 0 {
		wantInterval = 7 * time.Second
	}
	if lifetime == 0 {
		lifetime = time.Minute
	}
	if want := unitNow().Add(max(lifetime, 0)); interval != wantInterval || !expiry.Equal(want) {
		t.Errorf("every %v until %v, want %v until %v", interval, expiry, wantInterval, want)
	}
}

// unitBody is a document with some members replaced.
func unitBody(t testing.TB, good, change map[string]any) string {
	t.Helper()
	body := map[string]any{}
	for _, m := range []map[string]any{good, change} {
		for name, v := range m {
			if body[name] = v; v == unitRemoved {
				delete(body, name)
			}
		}
	}
	return unitJSON(t, body)
}

func deviceBody() map[string]any {
	return map[string]any{
		"device_code": "dc", "user_code": "ABCD-1234", "verification_uri": "https://op.example/device", "expires_in": 60, "interval": 7,
	}
}

// TestDeviceAnswer: RFC 8628, Section 3.2.
func TestDeviceAnswer(t *testing.T) {
	type m = map[string]any
	rules := append([]pendingRule{
		{name: "good"},
		{name: "interval missing", change: m{"interval": unitRemoved}, interval: 5 * time.Second},
		{name: "device_code missing", change: m{"device_code": unitRemoved}, param: "device_code"},
		{name: "device_code empty", change: m{"device_code": ""}, param: "device_code"},
		{name: "device_code number", change: m{"device_code": 1}, param: "device_code"},
		{name: "user_code missing", change: m{"user_code": unitRemoved}, param: "user_code"},
		{name: "user_code empty", change: m{"user_code": ""}, param: "user_code"},
		{name: "user_code null", change: m{"user_code": nil}, param: "user_code"},
		{name: "user_code number", change: m{"user_code": 1234}, param: "user_code"},
		{name: "user_code of two lines", change: m{"user_code": "A\nB"}, param: "user_code"},
		{name: "user_code that moves the cursor", change: m{"user_code": "A\x1b[2J"}, param: "user_code"},
		{name: "user_code that is read backwards", change: m{"user_code": "\u202e4321-DCBA"}, param: "user_code"},
		{name: "user_code in isolation", change: m{"user_code": "\u2066ABCD\u2069"}, param: "user_code"},
		{name: "user_code with nothing in it", change: m{"user_code": "AB\u200bCD"}, param: "user_code"},
		{name: "user_code with a line separator", change: m{"user_code": "AB\u2028CD"}, param: "user_code"},
		{name: "user_code with a delete", change: m{"user_code": "AB\x7f"}, param: "user_code"},
		{name: "user_code with a control of 8 bits", change: m{"user_code": "AB\u009bCD"}, param: "user_code"},
		{name: "verification_uri missing", change: m{"verification_uri": unitRemoved}, param: "verification_uri"},
		{name: "verification_uri empty", change: m{"verification_uri": ""}, param: "verification_uri"},
		{name: "verification_uri list", change: m{"verification_uri": []string{"https://op.example"}}, param: "verification_uri"},
		{
			name:   "verification_uri bad, verification_url good",
			change: m{"verification_uri": "x", "verification_url": "https://op.example"},
			param:  "verification_uri",
		},
		{name: "verification_url bad", change: m{"verification_uri": unitRemoved, "verification_url": "javascript:alert(1)"}, param: "verification_url"},
		{name: "verification_uri_complete empty", change: m{"verification_uri_complete": ""}, param: "verification_uri_complete"},
		{name: "verification_uri_complete null", change: m{"verification_uri_complete": nil}},
	}, pendingRules...)
	for _, uri := range []string{
		"javascript:alert(1)", "JavaScript:alert(1)", "javascript://op.example/%0aalert(1)", " javascript:alert(1)", "data:text/html,x", "data://op.example/x",
		"vbscript:x", "file:///etc/passwd", "file://op.example/etc", "ftp://op.example/", "app://op.example", "//op.example/device", "/device", "op.example",
		"https:op.example", "https:///device", "https://", "https://op.example/\n", "https://op.example/\x1b[2J", "https://op.example/\u202egpj", "https://op.example/\u200b",
		"https://op.example/%zz", "https://[::1", "https://op.example:port/", "mailto:a@op.example", "",
	} {
		rules = append(rules,
			pendingRule{name: "verification_uri " + uri, change: m{"verification_uri": uri}, param: "verification_uri"},
			pendingRule{name: "verification_uri_complete " + uri, change: m{"verification_uri_complete": uri}, param: "verification_uri_complete"})
	}
	for _, tt := range rules {
		t.Run(tt.name, func(t *testing.T) {
			s := newUnitServer()
			s.answer("/device", unitBody(t, deviceBody(), tt.change))
			d, err := s.client(t, withDevice).StartDeviceAuthorization(context.Background(), nil)
			if tt.param != "" {
				if wantError(t, err, ErrResponse, tt.param); d != nil {
					t.Error("a result came with the error")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			tt.check(t, d.Expiry(), d.Interval())
			if d.UserCode() != "ABCD-1234" || d.VerificationURI() != "https://op.example/device" || d.VerificationURIComplete() != "" {
				t.Errorf("%s at %s", d.UserCode(), d.VerificationURI())
			}
		})
	}
}

func TestDeviceAnswerURLs(t *testing.T) {
	s := newUnitServer()
	s.answer("/device", unitBody(t, deviceBody(), map[string]any{
		"user_code": "Ä 1", "verification_uri": "http://127.0.0.1:8080/a%20b?x=1#y", "verification_uri_complete": "HTTPS://op.example/%C3%A9?user_code=%C3%84+1",
	}))
	d, err := s.client(t, withDevice).StartDeviceAuthorization(context.Background(), &DeviceAuthorizationRequest{})
	if err != nil || d.UserCode() != "Ä 1" || d.VerificationURI() != "http://127.0.0.1:8080/a%20b?x=1#y" ||
		d.VerificationURIComplete() != "HTTPS://op.example/%C3%A9?user_code=%C3%84+1" {
		t.Errorf("%v, %v", d, err)
	}
}

// The statuses and bodies of a start, for both endpoints.
func TestPendingRefused(t *testing.T) {
	good := unitBody(t, deviceBody(), map[string]any{"auth_req_id": "id"})
	for _, tt := range []struct {
		name   string
		answer unitAnswer
		kind   error
		code   string
	}{
		{"refused", unitAnswer{status: 400, mediaType: mediaJSON, body: `{"error":"unknown_user_id"}`}, ErrRefused, "unknown_user_id"},
		{"refused with 200", unitAnswer{mediaType: mediaJSON, body: `{"error":"device_flow_disabled"}`}, ErrRefused, "device_flow_disabled"},
		{"created", unitAnswer{status: 201, mediaType: mediaJSON, body: good}, ErrResponse, ""},
		{"a page", unitAnswer{mediaType: "text/html", body: "<html>"}, ErrResponse, ""},
		{"not JSON", unitAnswer{mediaType: mediaForm, body: "device_code=dc&auth_req_id=id&user_code=UC"}, ErrResponse, ""},
		{"twice the same", unitAnswer{mediaType: mediaJSON, body: `{"device_code":"a","device_code":"b","auth_req_id":"a","auth_req_id":"b"}`}, ErrResponse, ""},
		{"huge", unitAnswer{mediaType: mediaJSON, body: `{"device_code":"` + strings.Repeat("a", maxBody) + `"}`}, ErrResponse, ""},
		{"gone", unitAnswer{status: 404}, ErrResponse, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newUnitServer()
			s.set("/device", tt.answer)
			s.set("/ciba", tt.answer)
			c := s.client(t, func(c *Config) { withDevice(c); withCIBA(c) })
			d, deviceErr := c.StartDeviceAuthorization(context.Background(), nil)
			b, cibaErr := c.StartBackchannelAuthentication(
				context.Background(),
				&BackchannelAuthenticationRequest{Scope: []string{"openid"}, LoginHint: "alice"},
			)
			if d != nil || b != nil {
				t.Error("a result came with the error")
			}
			for _, err := range []error{deviceErr, cibaErr} {
				var refused *ResponseError
				if wantError(t, err, tt.kind, ""); tt.code != "" && (!errors.As(err, &refused) || refused.Code != tt.code) {
					t.Errorf("error %v", err)
				}
			}
		})
	}
}

func TestDeviceRequest(t *testing.T) {
	s := newUnitServer()
	s.answer("/device", unitJSON(t, deviceBody()))
	c := s.client(t, withDevice)
	for _, r := range []*DeviceAuthorizationRequest{nil, {}} {
		if _, err := c.StartDeviceAuthorization(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	}
	d, err := c.StartDeviceAuthorization(context.Background(), &DeviceAuthorizationRequest{
		Scope: []string{"a", "b"}, Resource: someOptions.Resource, AuthorizationDetails: someDetails, Params: someOptions.Params,
	})
	if err != nil {
		t.Fatal(err)
	}
	// A scope that the server leaves out is the one that was asked for.
	s.answer("/token", unitTokenBody(t, nil))
	if tok, err := c.DeviceToken(context.Background(), d, nil); err != nil || !slices.Equal(tok.Scope, []string{"a", "b"}) {
		t.Errorf("%v, %v", tok, err)
	}
	sent := s.requests("/device")
	challenges := map[string]bool{}
	for _, r := range sent { // RFC 7636; each has its own
		challenge := r.form.Get("code_challenge")
		if challenges[challenge] = true; !isRandom(challenge) || r.form.Get("code_challenge_method") != "S256" {
			t.Errorf("sent %v", r.form)
		}
		r.form.Del("code_challenge")
		r.form.Del("code_challenge_method")
	}
	if len(challenges) != 3 {
		t.Errorf("the challenges are %v", challenges)
	}
	wantForm(t, sent[0].form, url.Values{})
	wantForm(t, sent[1].form, url.Values{})
	wantForm(t, sent[2].form, someForm(nil))
	if sent[0].header.Get("Accept") != mediaJSON || sent[0].header.Get("Content-Type") != mediaForm {
		t.Errorf("sent %v", sent[0].header)
	}
	// A public client says who it is.
	if _, err := s.client(t, func(c *Config) { withDevice(c); c.Auth = PublicClient() }).StartDeviceAuthorization(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	if sent = s.requests("/device"); sent[3].form.Get("client_id") != unitClient || len(sent[3].form) != 3 {
		t.Errorf("sent %v", sent[3].form)
	}
}

// Keycloak and Rauthy can require PKCE here (int128/kubelogin#1470, zitadel/oidc#784): the
// verifier of the challenge goes out with every attempt, also of another process.
func TestDevicePKCE(t *testing.T) {
	s := newUnitServer()
	s.answer("/device", unitJSON(t, deviceBody()))
	s.answer("/token", `{"access_token":"at","token_type":"Bearer"}`)
	c := s.client(t, withDevice)
	d, err := c.StartDeviceAuthorization(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restored := new(DeviceAuthorization)
	if err := restored.UnmarshalBinary(must(d.MarshalBinary())); err != nil {
		t.Fatal(err)
	}
	for _, d := range []*DeviceAuthorization{d, d, restored} {
		if _, err := c.DeviceToken(context.Background(), d, nil); err != nil {
			t.Fatal(err)
		}
	}
	challenge := s.requests("/device")[0].form.Get("code_challenge")
	for _, r := range s.requests("/token") {
		if codeChallenge(r.form.Get("code_verifier")) != challenge {
			t.Errorf("sent %v, the challenge was %s", r.form, challenge)
		}
	}
	if n := len(s.requests("/token")); n != 3 {
		t.Errorf("%d attempts", n)
	}
}

// A request that was begun before there was a verifier is finished without one.
func TestPendingSavedBefore(t *testing.T) {
	for name, version := range map[string]byte{"DeviceAuthorization": 2, "BackchannelAuthentication": 2} {
		v := savedSamples()[name]
		var d *pendingData
		switch v := v.(type) {
		case *DeviceAuthorization:
			d = v.g.content
		case *BackchannelAuthentication:
			d = v.g.content
		}
		d.verifier, d.resource = "", ""
		w := newSaved(version)
		for _, field := range []string{d.issuer, d.clientID, d.code, d.scope, d.userCode, d.verificationURI, d.verificationURIComplete, d.notificationToken} {
			w.string(field)
		}
		w.time(d.started)
		w.time(d.expiry)
		w.int(int64p(7))
		old := savedNew(v)
		if err := old.UnmarshalBinary(w.b); err != nil || savedFields(old) != savedFields(v) {
			t.Errorf("%s: %v, it becomes\n%s, was\n%s", name, err, savedFields(old), savedFields(v))
		}
		w.b[0] = 1 // the version before had other fields
		wantError(t, savedNew(v).UnmarshalBinary(w.b), ErrParse, "")
	}
}

// What would fail when the user has decided fails before anybody is troubled.
func TestDeviceRequestErrors(t *testing.T) {
	type request struct {
		name   string
		config func(*Config)
		r      *DeviceAuthorizationRequest
		kind   error
		param  string
	}
	tests := []request{
		{"no endpoint", func(c *Config) { c.Server.DeviceAuthorizationEndpoint = "" }, nil, ErrConfig, "device_authorization_endpoint"},
		{
			"an insecure endpoint",
			func(c *Config) { c.Server.DeviceAuthorizationEndpoint = "http://op.example/device" },
			nil,
			ErrInsecureURL,
			"device_authorization_endpoint",
		},
		{"no token endpoint", func(c *Config) { c.Server.TokenEndpoint = "" }, nil, ErrConfig, "token_endpoint"},
		{"an insecure token endpoint", func(c *Config) { c.Server.TokenEndpoint = "http://op.example/token" }, nil, ErrInsecureURL, "token_endpoint"},
		{"no keys", func(c *Config) { c.Server.JWKSURI = "" }, &DeviceAuthorizationRequest{Scope: []string{"openid"}}, ErrConfig, "jwks_uri"},
		{"no authentication", func(c *Config) { c.Auth = nil }, nil, ErrConfig, "Auth"},
		{"scopes in one", nil, &DeviceAuthorizationRequest{Scope: []string{"a b"}}, ErrConfig, "Scope"},
		{"a relative resource", nil, &DeviceAuthorizationRequest{Resource: []string{"/a"}}, ErrConfig, "Resource"},
		{"a resource with an empty fragment", nil, &DeviceAuthorizationRequest{Resource: []string{"https://a.example/#"}}, ErrConfig, "Resource"},
		{"a resource with a fragment", nil, &DeviceAuthorizationRequest{Resource: []string{"https://a.example/#x"}}, ErrConfig, "Resource"},
		{"a detail without type", nil, &DeviceAuthorizationRequest{AuthorizationDetails: []AuthorizationDetail{{}}}, ErrConfig, "AuthorizationDetails"},
	}
	for name := range strings.FieldsSeq(tokenParamNames) {
		tests = append(tests, request{"with " + name, nil, &DeviceAuthorizationRequest{Params: url.Values{name: {"x"}}}, ErrConfig, "Params"})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newUnitServer()
			s.answer("/device", unitJSON(t, deviceBody()))
			d, err := s.client(t, func(c *Config) {
				if withDevice(c); tt.config != nil {
					tt.config(c)
				}
			}).StartDeviceAuthorization(context.Background(), tt.r)
			wantError(t, err, tt.kind, tt.param)
			var e *Error
			if d != nil || len(s.requests(""))+len(s.requests("/jwks")) != 0 || !errors.As(err, &e) || e.Op != opDevice {
				t.Errorf("%v, %v", d, err)
			}
		})
	}
}

// Both endpoints are where the aliases are, for a client with a certificate:
// RFC 8705, Section 5.
func TestPendingAliases(t *testing.T) {
	for _, use := range []bool{false, true} {
		s := newUnitServer()
		prefix := map[bool]string{false: "", true: "/mtls"}[use]
		s.answer(prefix+"/device", unitJSON(t, deviceBody()))
		s.answer(prefix+"/ciba", `{"auth_req_id":"id","expires_in":60}`)
		s.answer(prefix+"/token", unitTokenBody(t, nil))
		c := s.client(t, func(c *Config) {
			withDevice(c)
			withCIBA(c)
			c.Metadata.UseMTLSEndpointAliases = use
			c.Server.MTLSEndpointAliases = &MTLSEndpointAliases{
				TokenEndpoint: unitIssuer + "/mtls/token", DeviceAuthorizationEndpoint: unitIssuer + "/mtls/device",
				BackchannelAuthenticationEndpoint: unitIssuer + "/mtls/ciba",
			}
		})
		d, err := c.StartDeviceAuthorization(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.DeviceToken(context.Background(), d, nil); err != nil {
			t.Error(err)
		}
		if _, err := c.StartBackchannelAuthentication(context.Background(), &BackchannelAuthenticationRequest{Scope: []string{"openid"}, LoginHint: "alice"}); err != nil {
			t.Error(err)
		}
	}
}

// The zero value is inert, and nothing that is saved is taken for it.
func TestPendingZero(t *testing.T) {
	var d DeviceAuthorization
	var b BackchannelAuthentication
	if d.UserCode() != "" || d.VerificationURI() != "" || d.VerificationURIComplete() != "" || !d.Expiry().IsZero() || d.Interval() != 0 ||
		b.AuthReqID() != "" ||
		!b.Expiry().IsZero() ||
		b.Interval() != 0 {
		t.Error("the zero value says something")
	}
	_, err := d.MarshalBinary()
	wantError(t, err, ErrConfig, "")
	_, err = b.MarshalBinary()
	wantError(t, err, ErrConfig, "")
}

// One kind is not restored as the other: its code would go out under the wrong
// grant type.
func TestPendingKinds(t *testing.T) {
	samples := savedSamples()
	device, backchannel := must(samples["DeviceAuthorization"].MarshalBinary()), must(samples["BackchannelAuthentication"].MarshalBinary())
	var d DeviceAuthorization
	var b BackchannelAuthentication
	wantError(t, d.UnmarshalBinary(backchannel), ErrParse, "")
	wantError(t, b.UnmarshalBinary(device), ErrParse, "")
	if d.Interval() != 0 || b.AuthReqID() != "" {
		t.Error("something was restored")
	}
}

// A start that is given up.
func TestPendingStartCancelled(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, func(c *Config) { withDevice(c); withCIBA(c) })
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if d, err := c.StartDeviceAuthorization(ctx, nil); d != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", d, err)
	}
	if b, err := c.StartBackchannelAuthentication(ctx, &BackchannelAuthenticationRequest{Scope: []string{"openid"}, LoginHint: "alice"}); b != nil ||
		!errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", b, err)
	}
}
