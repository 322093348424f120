package oauthtest_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"example.com/oauth/oauthtest"
)

// The place and the form of the answer, for each response type and mode.
func TestResponseModes(t *testing.T) {
	s := newServer(t, nil)
	for _, tt := range []struct {
		responseType, mode string
		place              string // query, fragment, body
		params             string // in the order of their names
	}{
		{"code", "", "query", "code iss state"},
		{"code", "query", "query", "code iss state"},
		{"code", "fragment", "fragment", "code iss state"},
		{"code", "form_post", "body", "code iss state"},
		{"code", "jwt", "query", "response"},
		{"code", "query.jwt", "query", "response"},
		{"code", "fragment.jwt", "fragment", "response"},
		{"code", "form_post.jwt", "body", "response"},
		{"code id_token", "", "fragment", "code id_token state"},
		{"code id_token", "form_post", "body", "code id_token state"},
		{"code id_token", "jwt", "fragment", "response"},
		{"id_token", "", "fragment", "id_token state"},
		{"id_token", "form_post", "body", "id_token state"},
		{"id_token", "query", "query", "error error_description iss state"},
		{"code id_token", "query.jwt", "query", "response"},
	} {
		t.Run(tt.responseType+"/"+tt.mode, func(t *testing.T) {
			cb, err := s.Authorize(t.Context(), authorizationURL(s, map[string]string{"response_type": tt.responseType, "response_mode": tt.mode}))
			if err != nil {
				t.Fatal(err)
			}
			params, err := url.ParseQuery(cb.URL.EscapedFragment())
			if err != nil {
				t.Fatal(err)
			}
			place := "fragment"
			if len(params) == 0 {
				place, params = "query", cb.URL.Query()
				params.Del("tenant")
			}
			if cb.Method == "POST" {
				cb.ParseForm()
				place, params = "body", cb.PostForm
			}
			var names []string
			for _, name := range []string{"code", "error", "error_description", "id_token", "iss", "response", "state"} {
				if params.Has(name) {
					names = append(names, name)
				}
			}
			if got := strings.Join(names, " "); place != tt.place || got != tt.params || len(names) != len(params) {
				t.Errorf("%s in the %s: %v", got, place, params)
			}
		})
	}
}

// The JWT of a response has what the parameters would have, errors too.
func TestJARM(t *testing.T) {
	now := time.Now()
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256", "ES384"}, Now: func() time.Time { return now }})
	for _, alg := range []string{"", "ES384"} {
		s.AddClient(oauthtest.Client{ID: "app", RedirectURIs: []string{redirectURI}, AuthorizationAlg: alg})
		for hint, want := range map[string]string{"": "", "deny": "access_denied"} {
			token := answered(t, s, map[string]string{"response_mode": "jwt", "login_hint": hint}).Get("response")
			header, claims := decodeJWT(t, token)
			if alg != "" && header["alg"] != alg || !verified(t, s, token) {
				t.Errorf("header %v", header)
			}
			code, _ := claims["code"].(string)
			if claims["iss"] != s.Issuer() || claims["aud"] != "app" || claims["exp"] != float64(now.Add(10*time.Minute).Unix()) ||
				claims["state"] != "the state" || (code == "") != (want != "") || want != "" && claims["error"] != want {
				t.Errorf("claims %v", claims)
			}
		}
	}
}

func TestResponseIDToken(t *testing.T) {
	s := newServer(t, nil)
	for _, hash := range []bool{false, true} {
		s.AddClient(oauthtest.Client{ID: "app", RedirectURIs: []string{redirectURI}, SHash: hash})
		for _, responseType := range []string{"code id_token", "id_token"} {
			params := answered(t, s, map[string]string{"response_type": responseType})
			_, claims := decodeJWT(t, params.Get("id_token"))
			var cHash, sHash any
			if params.Has("code") {
				cHash = halfHash(params.Get("code"))
			}
			if hash {
				sHash = halfHash("the state")
			}
			if !verified(t, s, params.Get("id_token")) || claims["nonce"] != "the-nonce" || claims["sub"] != "alice" ||
				claims["c_hash"] != cHash || claims["s_hash"] != sHash || claims["at_hash"] != nil {
				t.Errorf("%s: %v", responseType, claims)
			}
		}
	}
	for name, changes := range map[string]map[string]string{
		"no nonce":  {"response_type": "id_token", "nonce": ""},
		"no openid": {"response_type": "code id_token", "scope": "email"},
	} {
		if got := answered(t, s, changes).Get("error"); got != "invalid_request" {
			t.Errorf("%s: error %q", name, got)
		}
	}
	// There is no code that PKCE could protect.
	if got := answered(t, s, map[string]string{"response_type": "id_token", "code_challenge": "", "code_challenge_method": ""}); !got.Has("id_token") {
		t.Errorf("without PKCE: %v", got)
	}
}

func TestResources(t *testing.T) {
	s := newServer(t, nil)
	two := "&resource=https%3A%2F%2Fa.example&resource=https%3A%2F%2Fb.example"
	for _, tt := range []struct {
		name, query string
		token       []string // resource at the token endpoint
		want        string   // the error
	}{
		{"none", "", nil, ""},
		{"two", two, nil, ""},
		{"one of two", two, []string{"https://b.example"}, ""},
		{"two of two", two, []string{"https://b.example", "https://a.example"}, ""},
		{"another", two, []string{"https://c.example"}, "invalid_target"},
		{"relative", "&resource=api", nil, "invalid_target"},
		{"fragment", "&resource=https%3A%2F%2Fa.example%23x", nil, "invalid_target"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cb, err := s.Authorize(t.Context(), authorizationURL(s, nil)+tt.query)
			if err != nil {
				t.Fatal(err)
			}
			log := s.Requests()
			if got := len(log[len(log)-1].Params["resource"]); got != strings.Count(tt.query, "resource") {
				t.Errorf("%d resources in the record", got)
			}
			got := cb.URL.Query().Get("error")
			if got == "" {
				form := codeForm(cb.URL.Query().Get("code"))
				form["resource"] = tt.token
				got = post(t, s.Client(), s.URL()+"/token", form, nil).str("error")
			}
			if got != tt.want {
				t.Errorf("error %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAuthorizationDetails(t *testing.T) {
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, AuthorizationDetailsTypes: []string{"payment", "account"}})
	const payment, account = `{"amount":12345678901234567890,"type":"payment"}`, `{"type":"account"}`
	for _, tt := range []struct {
		name, asked, token string
		granted            string // in the answer; "": none
		want               string // the error
	}{
		{"none", "", "", "", ""},
		{"one", "[" + payment + "]", "", "[" + payment + "]", ""},
		{"two", "[" + payment + "," + account + "]", "", "[" + payment + "," + account + "]", ""},
		{"narrowed", "[" + payment + "," + account + "]", "[" + account + "]", "[" + account + "]", ""},
		{"widened", "[" + account + "]", "[" + payment + "]", "", "invalid_authorization_details"},
		{"widened from nothing", "", "[" + payment + "]", "", "invalid_authorization_details"},
		{"object", payment, "", "", "invalid_authorization_details"},
		{"no JSON", "payment", "", "", "invalid_authorization_details"},
		{"null", "null", "", "", "invalid_authorization_details"},
		{"array of strings", `["payment"]`, "", "", "invalid_authorization_details"},
		{"no type", `[{}]`, "", "", "invalid_authorization_details"},
		{"number as type", `[{"type":1}]`, "", "", "invalid_authorization_details"},
		{"unknown type", `[{"type":"other"}]`, "", "", "invalid_authorization_details"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			params := authorize(t, s, map[string]string{"authorization_details": tt.asked})
			got := params.Get("error")
			if got == "" {
				form := codeForm(params.Get("code"))
				if tt.token != "" {
					form.Set("authorization_details", tt.token)
				}
				a := post(t, s.Client(), s.URL()+"/token", form, nil)
				got = a.str("error")
				if !strings.Contains(a.body, `"authorization_details":`+tt.granted) == (tt.granted != "") {
					t.Errorf("answer %s", a.body)
				}
			}
			if got != tt.want {
				t.Errorf("error %q, want %q", got, tt.want)
			}
		})
	}
	types, _ := get(t, s, s.URL()+"/.well-known/openid-configuration", "").m["authorization_details_types_supported"].([]any)
	if len(types) != 2 {
		t.Errorf("metadata: %v", types)
	}
}
