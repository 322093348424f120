package oauthtest_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"example.com/oauth/oauthtest"
)

func TestGrantTypes(t *testing.T) {
	s := newServer(t, nil)
	c := confidential
	c.GrantTypes, c.RefreshTokens = []string{"authorization_code"}, true
	s.AddClient(c)
	changes := map[string]string{"client_id": "bank"}
	a := token(t, s, "authorization_code", map[string]string{
		"code": authorize(t, s, changes).Get("code"), "redirect_uri": redirectURI, "code_verifier": verifier,
	})
	if a.status != 200 || a.m["refresh_token"] != nil {
		t.Errorf("code: %s", a.body)
	}
	for _, grant := range []string{"refresh_token", "client_credentials", deviceGrant, cibaGrant, exchangeGrant, bearerGrant} {
		if a := token(t, s, grant, nil); a.status != 400 || a.str("error") != "unauthorized_client" {
			t.Errorf("%s: %d %s", grant, a.status, a.body)
		}
	}
	if a := token(t, s, "password", nil); a.str("error") != "unsupported_grant_type" {
		t.Errorf("password: %s", a.body)
	}
	changes["response_type"] = "code id_token"
	if params := answered(t, s, changes); params.Get("error") != "unauthorized_client" {
		t.Errorf("code id_token: %v", params)
	}
	c.GrantTypes = []string{"implicit", "client_credentials"}
	s.AddClient(c)
	if params := answered(t, s, changes); params.Get("error") != "unauthorized_client" {
		t.Errorf("code id_token without authorization_code: %v", params)
	}
	changes["response_type"] = "id_token"
	if params := answered(t, s, changes); !params.Has("id_token") {
		t.Errorf("id_token: %v", params)
	}
	if a := token(t, s, "client_credentials", nil); a.status != 200 {
		t.Errorf("client_credentials: %s", a.body)
	}
	for _, path := range []string{"/device_authorization", "/bc-authorize"} {
		if a := post(t, s.Client(), s.URL()+path, form(credentials, nil), nil); a.str("error") != "unauthorized_client" {
			t.Errorf("%s: %s", path, a.body)
		}
	}

	supported, _ := get(t, s, s.URL()+"/.well-known/openid-configuration", "").m["grant_types_supported"].([]any)
	for _, grant := range []string{"client_credentials", deviceGrant, cibaGrant, exchangeGrant, bearerGrant} {
		if !slices.Contains(supported, any(grant)) {
			t.Errorf("%s is not in the metadata: %v", grant, supported)
		}
	}
}

func TestGrantsByMTLS(t *testing.T) {
	s := newServer(t, nil)
	s.AddClient(oauthtest.Client{ID: "bank", AuthMethod: "tls_client_auth", CertificateSubject: "CN=bank"})
	aliases, _ := get(t, s, s.URL()+"/.well-known/openid-configuration", "").m["mtls_endpoint_aliases"].(map[string]any)
	for name, f := range map[string]url.Values{
		"token_endpoint":                      {"grant_type": {"client_credentials"}},
		"device_authorization_endpoint":       {},
		"backchannel_authentication_endpoint": {"scope": {"openid"}, "login_hint": {"alice"}},
	} {
		f.Set("client_id", "bank")
		alias, _ := aliases[name].(string)
		if alias == "" {
			t.Errorf("no alias for %s", name)
			continue
		}
		transport := s.Client().Transport.(*http.Transport).Clone()
		if a := post(t, &http.Client{Transport: transport}, alias, f, nil); a.str("error") != "invalid_client" {
			t.Errorf("%s without a certificate: %s", name, a.body)
		}
		transport.TLSClientConfig.Certificates = append(transport.TLSClientConfig.Certificates, s.NewCertificate("bank", time.Now().Add(time.Hour)))
		transport.CloseIdleConnections()
		if a := post(t, &http.Client{Transport: transport}, alias, f, nil); a.status != 200 {
			t.Errorf("%s: %s", name, a.body)
		}
		transport.CloseIdleConnections()
	}
}
