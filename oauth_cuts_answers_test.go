package oauth

// The kinds of oauth_cuts_test.go that are answers. Others that are not signed are in
// oauth_cuts_forms_test.go.

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Why changed texts are accepted.
const (
	whyAnswer = "TLS protects it, and nothing in it: each member that is taken says to a second reader what the result says, a name twice says the same twice, and nothing is taken for a name that it is not"
	whyForm   = "the browser brings it: what the result says is what net/url reads, once, with the state that was sent and the issuer"
	whySaved  = "the program's own store keeps it: what is restored is written as the same bytes again, white space of JSON aside"
	whyHeader = "it informs: what is read of it says the same when it is written anew, and what stands before the change is read as it was"
)

// A cutAnswerer gives every request the same answer, and counts them.
type cutAnswerer struct {
	status    int
	mediaType string
	body      string
	asked     int
	form      url.Values // of the last one
}

func (a *cutAnswerer) RoundTrip(r *http.Request) (*http.Response, error) {
	a.asked++
	if r.Body != nil {
		b, _ := io.ReadAll(r.Body)
		a.form, _ = url.ParseQuery(string(b))
	}
	return &http.Response{
		StatusCode: a.status, Header: http.Header{"Content-Type": {a.mediaType}}, Request: r, ContentLength: int64(len(a.body)),
		Body: io.NopCloser(strings.NewReader(a.body)),
	}, nil
}

func (a *cutAnswerer) http() *http.Client { return &http.Client{Transport: a} }

// An answerKind describes answers of one endpoint.
type answerKind struct {
	status int
	object func(t testing.TB, r *rand.Rand) string
	fields []cutField
	kinds  []error
	call   func(t testing.TB, s *cutAnswerer) func() (map[string]string, error) // nil: there is no result

	judge func(object string, says map[string]string) string // beside the fields
}

func (k *answerKind) make(t testing.TB, r *rand.Rand) *cutBase {
	s := &cutAnswerer{status: k.status, mediaType: mediaJSON}
	call := k.call(t, s)
	base := &cutBase{
		text: k.object(t, r), kinds: ofKinds(append(k.kinds, ErrResponse)...),
		read: func(text string) cutResult {
			s.body = text
			before := s.asked
			says, err := call()
			return cutResult{says: says, err: err, both: (says == nil) == (err == nil), requests: s.asked - before}
		},
		judge: func(c cutChange, says map[string]string) string {
			if k.fields != nil {
				if fault := judgeFields(c.text, k.fields, says); fault != "" || k.judge == nil {
					return fault
				}
			}
			return k.judge(c.text, says)
		},
	}
	base.changes = func(yield func(cutChange)) {
		cutFields(base.text, k.fields, func(c cutChange) {
			c.text = c.object
			yield(c)
		})
		for _, c := range []string{"\ufeff" + base.text, "\xef\xbb\xbf\xef\xbb\xbf" + base.text, strings.ReplaceAll(base.text, `":`, "\" :\n\t"), strings.Replace(base.text, `{"`, `{"\u0078":1,"`, 1)} {
			yield(cutChange{what: "written otherwise", text: c, at: -1})
		}
	}
	return base
}

// judgeDocument wants all of a document to be kept: in fields, or as it came.
func judgeDocument(without ...string) func(string, map[string]string) string {
	return func(object string, says map[string]string) string {
		if all := cutText(object, without...); all != says[cutAll] {
			return fmt.Sprintf("it is kept as %s, a second reader has %s", says[cutAll], all)
		}
		return ""
	}
}

// cutDocument is what a document is kept as.
func cutDocument(says map[string]string, v any) map[string]string {
	says[cutAll] = cutText(string(must(json.Marshal(v))))
	return says
}

func cutExpiry(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.Unix()-unitTime, 10)
}

// cutStamp is a time as a number or as digits, of which 0 is as good as none.
func cutStamp(raw json.RawMessage) string {
	if s := cutNumber(raw, maxNumericDate); s != "0" {
		return s
	}
	return ""
}

var pendingFields = []cutField{
	{member: "expires_in", need: true, render: cutSeconds},
	{member: "interval", absent: "5", render: func(raw json.RawMessage) string {
		text := strings.Trim(string(raw), `"`)
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || n <= 0 {
			return ""
		}
		whole := int64(n)
		if float64(whole) < n {
			whole++
		}
		return strconv.FormatInt(whole, 10)
	}},
}

func clientOf(t testing.TB, s *cutAnswerer, change func(*Config)) *Client {
	u := newUnitServer()
	return u.client(t, func(c *Config) {
		c.HTTPClient, c.KeySet = s.http(), cutKeySet(u.key)
		c.Server.DeviceAuthorizationEndpoint, c.Server.BackchannelAuthenticationEndpoint = unitIssuer+"/device", unitIssuer+"/ciba"
		c.Server.IntrospectionEndpoint = unitIssuer + "/introspect"
		if change != nil {
			change(c)
		}
	})
}

var answerKinds = map[string]answerKind{
	"token response": {
		status: 200,
		object: func(t testing.TB, r *rand.Rand) string {
			return `{"access_token":"` + cutWord(r, 12) + `","token_type":"Bearer","expires_in":` + strconv.Itoa(60+r.IntN(9000)) +
				`,"refresh_token":"` + cutWord(r, 8) + `","scope":"a ` + cutWord(r, 3) + `","x":{"y":[1]}}`
		},
		fields: []cutField{
			{member: "access_token", need: true, render: cutString},
			{member: "token_type", need: true, render: cutString, good: func(s string) bool { return strings.EqualFold(s, "Bearer") }},
			{member: "expires_in", informs: true, render: cutSeconds},
			{member: "refresh_token", informs: true, render: cutString},
			{member: "scope", informs: true, absent: "asked", render: func(raw json.RawMessage) string {
				if s := cutScope(raw); s != "" || cutList(raw) == "" {
					return s
				}
				return "none"
			}},
			{member: "x", informs: true, render: func(raw json.RawMessage) string { return string(raw) }},
		},
		kinds: []error{ErrTokenType},
		call: func(t testing.TB, s *cutAnswerer) func() (map[string]string, error) {
			c := clientOf(t, s, nil)
			return func() (map[string]string, error) {
				tok, err := c.ClientCredentials(context.Background(), &GrantOptions{Scope: []string{"asked"}})
				if tok == nil {
					return nil, err
				}
				x := string(tok.Extra["x"])
				if x == "null" {
					x = ""
				}
				return map[string]string{
					"access_token": tok.AccessToken.Reveal(), "token_type": tok.TokenType, "expires_in": cutExpiry(tok.Expiry),
					"refresh_token": tok.RefreshToken.Reveal(), "scope": cmp.Or(strings.Join(tok.Scope, " "), "none"), "x": x,
				}, err
			}
		},
	},
	"server metadata": {
		status: 200,
		object: func(t testing.TB, r *rand.Rand) string {
			return `{"issuer":"` + unitIssuer + `","token_endpoint":"` + unitIssuer + "/" + cutWord(r, 4) + `","jwks_uri":"` + unitIssuer + `/jwks",` +
				`"id_token_signing_alg_values_supported":["ES256"],"scopes_supported":["` + cutWord(r, 3) + `"],` +
				`"authorization_response_iss_parameter_supported":true,"mtls_endpoint_aliases":{"token_endpoint":"https://m.op.example/t"},"x":[1.5,null]}`
		},
		fields: []cutField{{member: "issuer", need: true, render: cutString, good: func(s string) bool { return strings.TrimSuffix(s, "/") == unitIssuer }}},
		kinds:  []error{ErrIssuer},
		judge:  judgeDocument(),
		call: func(t testing.TB, s *cutAnswerer) func() (map[string]string, error) {
			opts := &DiscoverOptions{HTTPClient: s.http()}
			return func() (map[string]string, error) {
				as, err := Discover(context.Background(), unitIssuer, opts)
				if as == nil {
					return nil, err
				}
				return cutDocument(map[string]string{"issuer": as.Issuer}, as), err
			}
		},
	},
	"resource metadata": {
		status: 200,
		object: func(t testing.TB, r *rand.Rand) string {
			return `{"resource":"` + unitResource + `","authorization_servers":["https://` + strings.ToLower(cutWord(r, 5)) + `.example"],"scopes_supported":["` + cutWord(r, 3) + `"],` +
				`"dpop_signing_alg_values_supported":["ES256"],"resource_name":"` + cutWord(r, 6) + `","dpop_bound_access_tokens_required":true,"x":[1.5,null]}`
		},
		fields: []cutField{{member: "resource", need: true, render: cutString, good: func(s string) bool { return strings.TrimSuffix(s, "/") == unitResource }}},
		judge: func(object string, says map[string]string) string {
			var servers []string
			members, _ := cutObject(object)
			json.Unmarshal(members["authorization_servers"], &servers)
			for _, s := range servers {
				if u, err := url.Parse(s); err != nil || u.Scheme != "https" || u.Host == "" {
					return "it names the server " + s
				}
			}
			return judgeDocument()(object, says)
		},
		call: func(t testing.TB, s *cutAnswerer) func() (map[string]string, error) {
			opts := &DiscoverOptions{HTTPClient: s.http()}
			return func() (map[string]string, error) {
				m, err := DiscoverResource(context.Background(), unitResource, opts)
				if m == nil {
					return nil, err
				}
				return cutDocument(map[string]string{"resource": m.Resource}, m), err
			}
		},
	},
	"PAR answer": {
		status: 201,
		object: func(t testing.TB, r *rand.Rand) string {
			return `{"request_uri":"urn:ietf:params:oauth:request_uri:` + cutWord(r, 8) + `","expires_in":` + strconv.Itoa(10+r.IntN(90)) + `}`
		},
		fields: []cutField{{member: "request_uri", need: true, render: cutString}, {member: "expires_in", need: true, render: cutSeconds, hidden: true}},
		call: func(t testing.TB, s *cutAnswerer) func() (map[string]string, error) {
			c := clientOf(t, s, nil)
			return func() (map[string]string, error) {
				a, err := c.StartAuthorization(context.Background(), &AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"a"}, Pushed: true})
				if a == nil {
					return nil, err
				}
				u := must(url.Parse(a.URL()))
				return map[string]string{"request_uri": u.Query().Get("request_uri")}, err
			}
		},
	},
	"device answer": {
		status: 200,
		object: func(t testing.TB, r *rand.Rand) string {
			return `{"device_code":"` + cutWord(r, 8) + `","user_code":"` + cutWord(r, 4) + `","verification_uri":"https://op.example/d","verification_uri_complete":"https://op.example/d?c=` +
				cutWord(r, 3) + `","expires_in":` + strconv.Itoa(60+r.IntN(900)) + `,"interval":` + strconv.Itoa(2+r.IntN(60)) + `}`
		},
		fields: append([]cutField{
			{member: "device_code", need: true, render: cutString},
			{member: "user_code", need: true, render: cutString},
			{member: "verification_uri", need: true, render: cutString, good: func(s string) bool { _, ok := webURL(s); return ok }},
			{member: "verification_uri_complete", render: cutString, good: func(s string) bool { _, ok := webURL(s); return ok || s == "" }},
		}, pendingFields...),
		call: func(t testing.TB, s *cutAnswerer) func() (map[string]string, error) {
			c := clientOf(t, s, nil)
			return func() (map[string]string, error) {
				d, err := c.StartDeviceAuthorization(context.Background(), nil)
				if d == nil {
					return nil, err
				}
				return map[string]string{
					"device_code": d.g.data().code, "user_code": d.UserCode(), "verification_uri": d.VerificationURI(), "verification_uri_complete": d.VerificationURIComplete(),
					"expires_in": cutExpiry(d.Expiry()), "interval": strconv.Itoa(int(d.Interval() / time.Second)),
				}, err
			}
		},
	},
	"CIBA answer": {
		status: 200,
		object: func(t testing.TB, r *rand.Rand) string {
			return `{"auth_req_id":"` + cutWord(r, 10) + `","expires_in":` + strconv.Itoa(60+r.IntN(900)) + `,"interval":` + strconv.Itoa(2+r.IntN(60)) + `}`
		},
		fields: append([]cutField{{member: "auth_req_id", need: true, render: cutString}}, pendingFields...),
		call: func(t testing.TB, s *cutAnswerer) func() (map[string]string, error) {
			c := clientOf(t, s, nil)
			return func() (map[string]string, error) {
				b, err := c.StartBackchannelAuthentication(context.Background(), &BackchannelAuthenticationRequest{Scope: []string{"openid"}, LoginHint: "alice"})
				if b == nil {
					return nil, err
				}
				return map[string]string{"auth_req_id": b.AuthReqID(), "expires_in": cutExpiry(b.Expiry()), "interval": strconv.Itoa(int(b.Interval() / time.Second))}, err
			}
		},
	},
	"introspection answer": {
		status: 200,
		object: func(t testing.TB, r *rand.Rand) string { return unitJSON(t, cutIntrospected(r)) },
		fields: introspectionFields,
		kinds:  []error{ErrInactive, ErrBinding},
		call: func(t testing.TB, s *cutAnswerer) func() (map[string]string, error) {
			c := clientOf(t, s, nil)
			return func() (map[string]string, error) {
				i, err := c.Introspect(context.Background(), "the-token", nil)
				if i == nil {
					return nil, err
				}
				return introspectionSays(i), err
			}
		},
	},
	"registration answer": {
		status: 201,
		object: func(t testing.TB, r *rand.Rand) string {
			return registrationAnswer(t, map[string]any{"client_id": cutWord(r, 5), "client_secret": cutWord(r, 9), "registration_access_token": cutWord(r, 6)}).body
		},
		fields: []cutField{
			{member: "client_id", need: true, render: cutString},
			{member: "client_secret", need: true, render: cutString},
			{member: "client_secret_expires_at", render: cutStamp, good: func(s string) bool {
				n, err := strconv.ParseInt(s, 10, 64)
				return s == "" || err == nil && n > unitTime-30
			}},
			{member: "client_id_issued_at", informs: true, render: func(raw json.RawMessage) string { return cutNumber(raw, maxNumericDate) }},
			{member: "registration_access_token", render: cutString},
			{member: "registration_client_uri", render: cutString, good: func(s string) bool {
				u, err := url.Parse(s)
				return s == "" || err == nil && strings.EqualFold(u.Scheme+"://"+strings.TrimSuffix(u.Host, ":443"), unitIssuer)
			}},
			{member: "redirect_uris", need: true, render: cutList, good: cutIs(`["https://app.example/cb"]`), hidden: true},
			{member: "client_name", informs: true, render: cutString, hidden: true},
		},
		kinds: []error{ErrInsecureURL, ErrConfig}, // of the place where the client is managed
		judge: func(object string, says map[string]string) string {
			kept := []string{} // what was asked for stays where the answer says it in no way that can be read
			members, _ := cutObject(object)
			if cutString(members["token_endpoint_auth_method"]) == "" {
				kept = append(kept, "token_endpoint_auth_method")
			}
			return judgeDocument(append(kept, registrationMembers[:]...)...)(object, says)
		},
		call: func(t testing.TB, s *cutAnswerer) func() (map[string]string, error) {
			as, opts := newUnitServer().registrar()
			opts.HTTPClient = s.http()
			return func() (map[string]string, error) {
				reg, err := Register(context.Background(), as, registrationAsked, opts)
				if reg == nil {
					return nil, err
				}
				return cutDocument(map[string]string{
					"client_id": reg.Metadata.ClientID, "client_secret": reg.ClientSecret.Reveal(), "client_secret_expires_at": cutUnix(reg.ClientSecretExpiry),
					"client_id_issued_at": cutUnix(reg.ClientIDIssuedAt), "registration_access_token": reg.RegistrationAccessToken.Reveal(),
					"registration_client_uri": reg.RegistrationClientURI,
				}, reg.Metadata), err
			}
		},
	},
	"userinfo answer": {
		status: 200,
		object: func(t testing.TB, r *rand.Rand) string {
			return `{"sub":"alice","name":"` + cutWord(r, 8) + `","email":"` + cutWord(r, 3) + `@x.example","email_verified":true,"address":{"country":"` + cutWord(r, 2) + `"}}`
		},
		fields: []cutField{{member: "sub", need: true, render: cutString, good: cutIs("alice")}},
		kinds:  []error{ErrClaim},
		judge:  func(object string, says map[string]string) string { return judgeClaims(nil)(object, says) },
		call: func(t testing.TB, s *cutAnswerer) func() (map[string]string, error) {
			c := clientOf(t, s, nil)
			tok := protectedToken("Bearer")
			return func() (map[string]string, error) {
				u, err := c.UserInfo(context.Background(), tok, &UserInfoOptions{Subject: "alice"})
				if u == nil {
					return nil, err
				}
				return cutClaims(map[string]string{"sub": u.Subject()}, u.Claims), err
			}
		},
	},
	"error answer": {
		status: 400,
		object: func(t testing.TB, r *rand.Rand) string {
			return `{"error":"` + cutWord(r, 8) + `","error_description":"` + cutWord(r, 9) + ` ` + cutWord(r, 3) + `","error_uri":"https://op.example/` + cutWord(r, 3) + `"}`
		},
		judge: func(object string, says map[string]string) string {
			members, err := cutObject(object)
			if err != nil && says["error"] != "" {
				return err.Error()
			}
			for name, said := range says { // what is not ASCII is not printed as it came
				if want := cutPrintable(members[name]); (said != "" || name == "error" && !strings.Contains(object, "[[[")) && want != "" && said != want {
					return fmt.Sprintf("%s is %q, a second reader has %q", name, said, want)
				}
				if said != "" && members[name] == nil {
					return name + " is made up"
				}
			}
			return ""
		},
		call: func(t testing.TB, s *cutAnswerer) func() (map[string]string, error) {
			c := clientOf(t, s, nil)
			return func() (map[string]string, error) {
				tok, err := c.ClientCredentials(context.Background(), nil)
				refused, ok := errorAs[*ResponseError](err)
				if tok != nil || !ok || !errors.Is(err, ErrRefused) && !errors.Is(err, ErrResponse) {
					return nil, nil
				}
				return map[string]string{"error": refused.Code, "error_description": refused.Description}, nil
			}
		},
	},
	"challenge for an attestation": {
		status: 200,
		object: func(t testing.TB, r *rand.Rand) string {
			return `{"attestation_challenge":"` + cutWord(r, 16) + `","x":1}`
		},
		fields: []cutField{{member: "attestation_challenge", need: true, render: cutString}},
		call: func(t testing.TB, s *cutAnswerer) func() (map[string]string, error) {
			server := newUnitServer().config().Server
			server.ChallengeEndpoint = unitIssuer + "/challenge"
			return func() (map[string]string, error) {
				q := &attestedRequest{server: server, caller: newCaller(s.http(), false, nil), last: new(lastChallenge)}
				challenge, err := q.fetchChallenge(context.Background())
				if err != nil && challenge == "" {
					return nil, err
				}
				return map[string]string{"attestation_challenge": challenge}, err
			}
		},
	},
}

// cutPrintable is a string of printable ASCII; "" for another.
func cutPrintable(raw json.RawMessage) string {
	s := cutString(raw)
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return ""
	}
	return s
}

func cutIntrospected(r *rand.Rand) map[string]any {
	return map[string]any{
		"active": true, "sub": cutWord(r, 6), "client_id": cutWord(r, 3), "scope": "a " + cutWord(r, 2), "exp": unitTime + 60, "iat": unitTime, "iss": unitIssuer,
		"aud": []string{"r", cutWord(r, 2)}, "cnf": map[string]any{"jkt": cutWord(r, 8)}, "token_type": "DPoP", "username": cutWord(r, 2), "jti": cutWord(r, 3),
	}
}

var introspectionFields = []cutField{
	{member: "active", need: true, hidden: true, render: func(raw json.RawMessage) string { return string(raw) }, good: cutIs("true")},
	{member: "sub", informs: true, render: cutString}, {member: "client_id", informs: true, render: cutString},
	{member: "scope", informs: true, render: cutScope}, {member: "exp", informs: true, render: cutDate}, {member: "iat", informs: true, render: cutDate},
	{member: "iss", informs: true, render: cutString}, {member: "aud", informs: true, render: cutList}, {member: "token_type", informs: true, render: cutString},
	{member: "username", informs: true, render: cutString}, {member: "jti", informs: true, render: cutString},
	{member: "cnf", render: func(raw json.RawMessage) string {
		cnf, err := cutObject(string(raw))
		if err != nil {
			return ""
		}
		return cutString(cnf["jkt"])
	}},
}

func introspectionSays(i *Introspection) map[string]string {
	aud := ""
	if i.Audience() != nil {
		aud = cutQuoted(i.Audience())
	}
	return map[string]string{
		"sub": i.Subject(), "client_id": i.ClientID(), "scope": strings.Join(i.Scope(), " "), "exp": cutUnix(i.Expiry()), "iat": cutUnix(i.IssuedAt()), "iss": i.Issuer(),
		"aud": aud, "token_type": i.TokenType(), "username": i.Username(), "jti": i.ID(), "cnf": i.KeyThumbprint(),
	}
}

func readIntrospection(c *Client, mediaType, body string) cutResult {
	res := &httpResponse{op: opIntrospection, status: http.StatusOK, header: http.Header{}, mediaType: mediaType, body: body}
	i, _, err := c.processIntrospectionResponse(context.Background(), res)
	got := cutResult{err: err, both: (i == nil) == (err == nil)}
	if i != nil {
		got.says = introspectionSays(i)
	}
	return got
}

// answerReads are the functions that read the answers.
var answerReads = map[string][]string{
	"token response":               {"Client.processTokenResponse", "parseNumericDate"},
	"server metadata":              {"processDiscoveryResponse", "parseMetadata", "AuthorizationServer.UnmarshalJSON"},
	"resource metadata":            {"processResourceResponse", "ResourceMetadata.UnmarshalJSON"},
	"PAR answer":                   {"processPushedResponse"},
	"device answer":                {"Client.processDeviceResponse"},
	"CIBA answer":                  {"Client.processBackchannelResponse"},
	"introspection answer":         {"Client.processIntrospectionResponse"},
	"registration answer":          {"Registration.process", "ClientMetadata.UnmarshalJSON"},
	"userinfo answer":              {"Client.processUserInfoResponse"},
	"error answer":                 nil,
	"challenge for an attestation": nil,
}

func cutKinds() []cutKind {
	kinds := cutTokenKinds()
	var names []string
	for name := range answerKinds {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		k := answerKinds[name]
		kinds = append(kinds, cutKind{name: name, reads: answerReads[name], why: whyAnswer, make: k.make})
	}
	kinds = append(kinds,
		cutKind{name: "key set", reads: []string{"ParseKeySet", "parseKeySet", "parseObject"}, make: cutKeys, why: whyAnswer},
		cutKind{name: "CIBA ping", reads: []string{"ParseBackchannelPing", "parseBackchannelPing"}, make: cutPing, why: whyAnswer},
		cutKind{name: "callback, query", make: func(t testing.TB, r *rand.Rand) *cutBase { return cutCallback(t, r, "") }, why: whyForm,
			reads: []string{"Client.processAuthorizationResponse"}},
		cutKind{name: "callback, form", make: func(t testing.TB, r *rand.Rand) *cutBase { return cutCallback(t, r, "form_post") }, why: whyForm},
		cutKind{name: "callback, fragment of a URL", make: func(t testing.TB, r *rand.Rand) *cutBase { return cutCallback(t, r, "fragment") }, why: whyForm,
			reads: []string{"Client.ValidateAuthorizationResponseURL"}},
		cutKind{name: "front-channel logout", reads: []string{"Client.ParseFrontchannelLogout"}, make: cutFrontchannel, why: whyForm},
		cutKind{name: "initiated login", reads: []string{"Client.ParseInitiatedLogin"}, make: cutInitiated, why: whyForm},
		cutKind{name: "WWW-Authenticate", reads: []string{"ParseChallenges"}, make: cutChallenges, why: whyHeader},
		cutKind{name: "exported key set", reads: []string{"KeySet.Import"}, make: cutExported, why: whySaved},
	)
	for _, name := range []string{"PendingAuthorization", "Token", "DeviceAuthorization", "BackchannelAuthentication", "Registration"} {
		kinds = append(kinds, cutKind{name: "saved " + name, reads: []string{name + ".UnmarshalBinary"}, why: whySaved,
			make: func(t testing.TB, r *rand.Rand) *cutBase { return cutSaved(t, r, name) }})
	}
	return kinds
}
