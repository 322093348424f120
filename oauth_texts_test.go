package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestTexts: an error says what a person does next. Each row has words that the text
// must have; the marker stands for secrets and for queries, which no text has.
func TestTexts(t *testing.T) {
	type m = map[string]any
	ctx := context.Background()
	const marker = "MARKER-4711"
	s := newUnitServer()
	discover := func(issuer, path string, opts DiscoverOptions, a unitAnswer) error {
		s.set(path, a)
		opts.HTTPClient = &http.Client{Transport: s}
		_, err := Discover(ctx, issuer, &opts)
		return err
	}
	at := "/.well-known/openid-configuration"
	document := func(body string) error {
		return discover(unitIssuer, at, DiscoverOptions{}, unitAnswer{mediaType: mediaJSON, body: body})
	}
	redirect := func(to string) unitAnswer {
		return unitAnswer{status: 302, header: http.Header{"Location": {to}}}
	}
	callback := func(config func(*Config), params url.Values) error {
		c := s.client(t, config)
		a := s.start(t, c, nil)
		for name, values := range params {
			if values[0] == "STATE" {
				params[name] = []string{a.State()}
			}
		}
		_, err := c.ValidateAuthorizationResponse(ctx, a, params)
		return err
	}
	says := func(c *Config) { c.Server.AuthorizationResponseIssParameterSupported = true }
	token := func(a unitAnswer) error {
		s.set("/token", a)
		_, err := s.client(t, func(c *Config) { c.Auth = ClientSecretPost(marker) }).ClientCredentials(ctx, nil)
		return err
	}
	refused := func(body string) error { return token(unitAnswer{status: 400, mediaType: mediaJSON, body: body}) }
	verify := func(config func(*Config), raw string) error {
		_, err := s.client(t, config).VerifyIDToken(ctx, raw, VerifyIDTokenOptions{})
		return err
	}
	id := func(change m) string { return s.sign(t, "JWT", unitClaims(change)) }
	config := func(change func(*Config)) error {
		cfg := s.config()
		change(&cfg)
		_, err := NewClient(cfg)
		return err
	}
	request := func(r AuthorizationRequest) error {
		r.RedirectURI = "https://app.example/cb"
		_, err := s.client(t, nil).StartAuthorization(ctx, &r)
		return err
	}
	keys := func(change string) error {
		key := withMember(string(minimalJWK(unitKey().signer.Public())), `"kid":"a",`+change)
		set := must(ParseKeySet([]byte(`{"keys":[` + key + `,` + string(jwksKey("b").PublicJWK()) + `]}`)))
		_, err := set.find(ctx, findAlgorithm(ES256), &joseHeader{alg: ES256, kid: "a", hasKid: true}, fromAnybody)
		return err
	}
	half := strings.Repeat("general ", 100)
	for _, tt := range []struct {
		name  string
		err   error
		words []string
	}{
		// Discovery: what was asked, and where else it may be.
		{"not found", discover(unitIssuer, at, DiscoverOptions{}, unitAnswer{status: 404}), []string{unitIssuer + at, "DiscoverOptions.OAuth2", "URL"}},
		{"not found, at a place of its own", discover(unitIssuer, "/doc", DiscoverOptions{URL: unitIssuer + "/doc?p=" + marker}, unitAnswer{status: 404}), []string{unitIssuer + `/doc"`}},
		{"redirect", discover(unitIssuer, at, DiscoverOptions{}, redirect("/elsewhere?"+marker)), []string{"redirects are not followed", unitIssuer + "/elsewhere", "URL"}},
		{"redirect to nowhere", discover(unitIssuer, at, DiscoverOptions{}, unitAnswer{status: 301}), []string{"redirects are not followed"}},
		{"empty body", document(""), []string{"empty", unitIssuer + at}},
		{"a page", discover(unitIssuer, at, DiscoverOptions{}, unitAnswer{mediaType: "text/html", body: "<html>" + marker}), []string{"web page", unitIssuer + at}},
		{"no issuer", document(`{"token_endpoint":"x"}`), []string{"has no issuer"}},
		{"another issuer", document(`{"issuer":"https://x.example"}`), []string{`"https://x.example"`, unitIssuer, "DiscoverOptions.Issuer"}},
		{"a member twice", document(`{"issuer":"` + unitIssuer + `","jwks_uri":"a","jwks_uri":"b"}`), []string{"discover", `"jwks_uri" comes twice`}},
		{"an alias of another type", document(`{"issuer":"` + unitIssuer + `","mtls_endpoint_aliases":{"token_endpoint":1}}`), []string{"mtls_endpoint_aliases.token_endpoint"}},
		{"the document for the issuer", discover(unitIssuer+at, at, DiscoverOptions{}, unitAnswer{}), []string{"URL of a document", "DiscoverOptions.URL"}},

		// Configuration.
		{"no issuer in the configuration", config(func(c *Config) { c.Server.Issuer = "" }), []string{"Server.Issuer", "GitHub", "its URL"}},
		{"AllowTokenTypes is not for DPoP", config(func(c *Config) { c.AllowTokenTypes = []string{"DPoP"} }), []string{"Config.DPoP"}},
		{"Params", request(AuthorizationRequest{Params: url.Values{"login_hint": {marker}}}), []string{`"login_hint"`, "use LoginHint"}},
		{"Params without a field", request(AuthorizationRequest{Params: url.Values{"nonce": {marker}}}), []string{`"nonce" is set by the package`}},

		// Authorization responses.
		{"no parameters", callback(nil, url.Values{}), []string{"no parameters", "fragment"}},
		{"no parameters, iss announced", callback(says, url.Values{}), []string{"no parameters", "fragment"}},
		{"no state", callback(nil, url.Values{"code": {marker}}), []string{"state: is missing"}},
		{"another state", callback(nil, url.Values{"code": {marker}, "state": {marker}}), []string{"not the one that was sent"}},
		{"no iss", callback(says, url.Values{"code": {marker}, "state": {"STATE"}}), []string{"Server.AuthorizationResponseIssParameterSupported"}},

		// Token endpoint.
		{"token redirect", token(redirect("https://op.example/token/?" + marker)), []string{"token", "redirects are not followed", `"https://op.example/token/"`}},
		{"redirect to a secret", token(redirect("https://op.example/" + marker)), []string{"redirects are not followed", "[redacted]"}},
		{"token empty", token(unitAnswer{}), []string{"empty"}},
		{"a long description", refused(`{"error":"invalid_request","error_description":"` + half + `the reason"}`), []string{"general general", "the reason"}},
		{"a very long description", refused(`{"error":"invalid_request","error_description":"` + half + half + `the reason"}`), []string{"general general", "the reason"}},
		{"a description with the secret", refused(`{"error":"invalid_request","error_description":"` + marker + `"}`), []string{"[redacted]"}},
		{"another type", token(unitAnswer{mediaType: mediaJSON, body: `{"access_token":"at","token_type":"BearerToken"}`}), []string{`"BearerToken"`, "Config.AllowTokenTypes"}},
		{"DPoP by a server that was not asked", token(unitAnswer{mediaType: mediaJSON, body: `{"access_token":"at","token_type":"DPoP"}`}), []string{"Config.DPoP"}},
		{"no type", token(unitAnswer{mediaType: mediaJSON, body: `{"access_token":"at"}`}), []string{`list "" in Config.AllowTokenTypes`}},
		{"a token response with a member twice", token(unitAnswer{mediaType: mediaJSON, body: `{"` + marker + `":1,"` + marker + `":2}`}), []string{"token", "[redacted]", "comes twice"}},

		// Tokens.
		{"another audience", verify(nil, id(m{"aud": "x"})), []string{`"x"`, unitClient}},
		{"another audience beside", verify(nil, id(m{"aud": []string{unitClient, "x"}})), []string{`"x"`, "Config.TrustedAudiences"}},
		{"a bad signature", verify(nil, forged(t, s, unitClaims(nil))), []string{"ES256", `"` + s.key.kid + `"`}},
		{"a header with a member twice", verify(nil, encodeBase64URL([]byte(`{"kid":"a","kid":"a"}`))+".e30.AA"), []string{"header", `"kid" comes twice`}},
		{"claims with a member twice", verify(nil, id(m{"x": json.RawMessage(`{"y":1,"y":2}`)})), []string{"id token", `"y" comes twice`}},
		{"milliseconds", verify(nil, id(m{"iat": int64(unitTime * 1000)})), []string{"in milliseconds?", "iat"}},
		{"no nonce", verify(func(*Config) {}, id(m{"nonce": "n"})), []string{"nonce"}},

		// Keys.
		{"use", keys(`"use":"enc"`), []string{"use", `"enc"`, "sig"}},
		{"key_ops", keys(`"key_ops":["sign"]`), []string{"key_ops", `"sign"`, "verify"}},
		{"no keys", func() error { _, err := ParseKeySet([]byte(`{"issuer":"x"}`)); return err }(), []string{"keys", "missing"}},
	} {
		text := fmt.Sprint(tt.err)
		for _, word := range tt.words {
			if tt.err == nil || !strings.Contains(text, word) {
				t.Errorf("%s: %s\n\tdoes not say %s", tt.name, text, word)
			}
		}
		if strings.Contains(text, marker) && tt.err != nil {
			t.Errorf("%s: %s\n\tsays what is secret", tt.name, text)
		}
	}
}

// TestParamFields: what an error says of Params is there to be used.
func TestParamFields(t *testing.T) {
	for _, p := range paramFields {
		in, name := reflect.TypeFor[AuthorizationRequest](), p.field
		if rest, ok := strings.CutPrefix(p.field, "Config."); ok {
			in, name = reflect.TypeFor[Config](), rest
		}
		if _, ok := in.FieldByName(name); !ok {
			t.Errorf("there is no %s for %s", p.field, p.param)
		}
		if !slices.Contains(reservedParams, p.param) && !slices.Contains(reservedTokenParams, p.param) {
			t.Errorf("%s is not refused", p.param)
		}
	}
}
