package interop

// This file holds the authorization request and the ways its answer comes back.

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"

	"example.com/oauth"
)

func authorizeScenarios(t table) {
	for _, instance := range []string{"http", "tls", "tenant"} {
		t.add("PAR required "+instance, parRequired(instance))
	}
	t.add("PAR missing where required is invalid_request", parMissing)
	t.add("PAR with a redirect_uri that is not registered", parUnregisteredRedirect)
	t.add("FAPI 2.0 security profile: PAR + mTLS client auth + certificate-bound", fapi2MutualTLS)

	for _, mode := range []string{"query", "fragment", "form_post"} {
		t.add("response_mode="+mode, responseMode(mode))
	}
	t.add("implicit id_token token (checked with jose: oauth4webapi has no implicit)", refusedResponseType("implicit", "id_token token"))
	t.add("hybrid code token (front-channel part with jose)", refusedResponseType("hybrid", "code token"))
	t.add("hybrid code id_token token (front-channel part with jose)", refusedResponseType("hybrid", "code id_token token"))
	t.add("response_type none", refusedResponseType("rt-none", "none"))

	t.add("native app: loopback redirect with a port of its own", nativeApp("http://127.0.0.1:45678/cb"))
	t.add("native app: private-use URI scheme redirect", nativeApp("com.example.app:/cb"))
	t.add("OAuth 2.0 only (no openid scope): no id token", withoutOpenID)
	t.add("code replay is invalid_grant and revokes", codeReplay)
	t.add("wrong code_verifier is invalid_grant", wrongVerifier)
	t.add("no refresh token where the client has no such grant", noRefreshToken)
	const told = ": authorization_details in the token response and introspection"
	t.add("rich authorization requests"+told, grantedDetail(false))
	t.add("rich authorization requests in PAR"+told, grantedDetail(true))
	t.add("RAR unknown type: invalid_authorization_details", unknownDetailType)
}

// parRequired pushes the request, once because it is asked to and once because
// the client's metadata says that the server wants it.
func parRequired(instance string) scenarioFunc {
	return func(s *scenario) {
		asked := options{request: pushed, without: []string{"require_pushed_authorization_requests"}}
		for _, o := range []options{asked, {}} {
			s.requirePushed(s.full(instance, "par", o))
		}
	}
}

// requirePushed ends the scenario unless the browser carried no more than the
// client_id and the request_uri.
func (s *scenario) requirePushed(f *flow) {
	requireOnly(s, f.query(s), "the URL", "client_id", "request_uri")
}

// parMissing leaves out what tells the package that the server wants a pushed
// request of this client, so that the server has to say it.
func parMissing(s *scenario) {
	f, err := s.tryCode("tls", "par", options{without: []string{"require_pushed_authorization_requests"}})
	s.requireRefusal(f, err, "invalid_request")
}

// parUnregisteredRedirect: this server takes any redirect URI in a pushed
// request of a client that authenticates.
func parUnregisteredRedirect(s *scenario) {
	s.full("tls", "basic", options{
		without: []string{"redirect_uris"},
		request: func(r *oauth.AuthorizationRequest) {
			r.Pushed = true
			r.RedirectURI = "http://127.0.0.1:9399/other"
		},
	})
}

func fapi2MutualTLS(s *scenario) {
	f := s.full("tls", "fapi2-mtls", options{request: pushed})
	s.requirePushed(f)
	f.requireAliases(s)
}

// answerBy says how the answer is to come.
func answerBy(mode string) func(*oauth.AuthorizationRequest) {
	return func(r *oauth.AuthorizationRequest) { r.ResponseMode = mode }
}

func responseMode(mode string) scenarioFunc {
	return func(s *scenario) {
		f := s.full("tls", "basic", options{request: answerBy(mode)})
		f.requirePlace(s, mode)
	}
}

// refusedResponseType: the server would do it, the package does not (RFC 9700,
// Section 2.1.2), and says so before anything is sent. The same request for a
// code is fine.
func refusedResponseType(id, responseType string) scenarioFunc {
	return func(s *scenario) {
		p := s.setup("tls", id, options{})
		start := func(responseType string) (*oauth.PendingAuthorization, error) {
			return p.client.StartAuthorization(s.ctx, s.authorizationRequest(p, options{
				request: func(r *oauth.AuthorizationRequest) { r.ResponseType = responseType },
			}))
		}
		pending, err := start(responseType)
		s.require(errors.Is(err, oauth.ErrConfig), "wanted ErrConfig, got: %v", err)
		s.require(pending == nil, "an Authorization beside an error")
		p.wire.requireSilent(s)
		_, err = start("code")
		s.check(err, "StartAuthorization with response type code")
		p.wire.requireOnlyKeys(s, p.server)
	}
}

func nativeApp(redirectURI string) scenarioFunc {
	return full("tls", "native", options{
		request: func(r *oauth.AuthorizationRequest) { r.RedirectURI = redirectURI },
	})
}

func withoutOpenID(s *scenario) {
	f := s.code("tls", "basic", options{
		request: func(r *oauth.AuthorizationRequest) {
			r.Scope = []string{"api:read"}
			r.Resource = []string{opaqueResource}
		},
	})
	s.require(f.token.IDToken() == nil, "an ID token without the scope openid")
	s.require(!f.landing.params().Has("id_token"), "an ID token in the answer")
	s.require(!f.query(s).Has("nonce"), "a nonce without the scope openid")
}

// codeReplay sends the token request a second time behind the package's back;
// the server then takes back what the first one brought.
func codeReplay(s *scenario) {
	var again *http.Response
	f := s.code("tls", "basic", options{
		around: func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			if r.Method != http.MethodPost {
				return next.RoundTrip(r)
			}
			form, err := takeForm(r)
			if err != nil {
				return nil, err
			}
			first, err := buffered(next.RoundTrip(withForm(r, form)))
			if err != nil {
				return nil, err
			}
			again, err = buffered(next.RoundTrip(withForm(r, form)))
			return first, err
		},
	})
	body, err := io.ReadAll(again.Body)
	s.check(err, "reading the second answer")
	equal(s, again.StatusCode, http.StatusBadRequest, "status of the second answer")
	s.require(bytes.Contains(body, []byte(`"invalid_grant"`)), "the second answer is %s", body)
	f.requireInactive(s)
}

// buffered reads the body of a response, so that another request can follow.
func buffered(resp *http.Response, err error) (*http.Response, error) {
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, err
}

// wrongVerifier changes the code_verifier on its way.
func wrongVerifier(s *scenario) {
	_, err := s.tryCode("tls", "public", options{
		around: func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			if r.Method != http.MethodPost {
				return next.RoundTrip(r)
			}
			form, err := takeForm(r)
			if err != nil {
				return nil, err
			}
			form.Set("code_verifier", "another-verifier-that-is-long-enough-0123456789")
			return next.RoundTrip(withForm(r, form))
		},
	})
	s.requireResponseError(err, http.StatusBadRequest, "invalid_grant")
}

func noRefreshToken(s *scenario) {
	f := s.code("tls", "no-refresh", options{})
	s.require(f.token.RefreshToken.IsZero(), "a refresh token")
	before := len(f.wire.exchanges())
	_, err := f.client.Refresh(s.ctx, f.token, nil)
	s.require(errors.Is(err, oauth.ErrConfig), "refreshing without a refresh token: wanted ErrConfig, got: %v", err)
	equal(s, len(f.wire.exchanges()), before, "number of requests after the refusal")
	f = s.code("tls", "basic", options{}) // so that the first line means something
	s.require(!f.token.RefreshToken.IsZero(), "no refresh token for a client with the grant")
}

// unknownDetailType is refused where the request is read: by the answer, or by
// the response to a pushed request. The same of a type that the server knows is
// granted in the scenarios "rich authorization requests".
func unknownDetailType(s *scenario) {
	unknown := oauth.AuthorizationDetail{Type: "nope"}
	f, err := s.tryCode("tls", "rar", asking(unknown, false))
	s.requireRefusal(f, err, "invalid_authorization_details")

	p := s.setup("tls", "rar", options{})
	pending, err := p.client.StartAuthorization(s.ctx, s.authorizationRequest(p, asking(unknown, true)))
	s.requireResponseError(err, http.StatusBadRequest, "invalid_authorization_details")
	s.require(pending == nil, "an Authorization beside an error")
}

// asking is a flow that asks for one detail.
func asking(detail oauth.AuthorizationDetail, pushed bool) options {
	return options{
		request: func(r *oauth.AuthorizationRequest) {
			r.Scope = []string{"openid", "api:read"}
			r.Resource = []string{opaqueResource}
			r.AuthorizationDetails = []oauth.AuthorizationDetail{detail}
			r.Pushed = pushed
		},
		grant: &oauth.GrantOptions{Resource: []string{opaqueResource}},
	}
}

// grantedDetail is told with the token, and to whoever introspects it.
func grantedDetail(pushed bool) scenarioFunc {
	return func(s *scenario) {
		known := paymentInitiation()
		f := s.code("tls", "rar", asking(known, pushed))
		f.requireGranted(s, known)
		s.requireDetail(f.introspect(s).AuthorizationDetails(), known)
	}
}

// paymentInitiation is a detail of the type that the server knows.
func paymentInitiation() oauth.AuthorizationDetail {
	return oauth.AuthorizationDetail{
		Type:      "payment_initiation",
		Locations: []string{opaqueResource},
		Extra: map[string]json.RawMessage{
			"instructedAmount": mustJSON(map[string]string{"currency": "EUR", "amount": "123.50"}),
			"creditorName":     mustJSON("Merchant"),
		},
	}
}

// requireGranted ends the scenario unless the token has that one detail.
func (f *flow) requireGranted(s *scenario, known oauth.AuthorizationDetail) {
	s.requireDetail(f.token.AuthorizationDetails, known)
}

// requireDetail ends the scenario unless the details are that one, with what
// this server adds to it.
func (s *scenario) requireDetail(details []oauth.AuthorizationDetail, known oauth.AuthorizationDetail) {
	equal(s, len(details), 1, "number of authorization_details")
	equal(s, details[0].Type, known.Type, "type of the detail")
	s.require(slices.Equal(details[0].Locations, known.Locations), "locations of the detail: %q", details[0].Locations)
	equal(s, string(details[0].Extra["granted"]), "true", "what the server added to the detail")
	equal(s, string(details[0].Extra["creditorName"]), `"Merchant"`, "creditorName of the detail")
}
