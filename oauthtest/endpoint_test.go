package oauthtest_test

import (
	"net/http"
	"slices"
	"testing"

	"example.com/oauth/oauthtest"
)

// x-fapi-interaction-id comes back as it was sent, from good answers and errors.
func TestInteractionID(t *testing.T) {
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, Path: "/op"})
	for path, want := range map[string]string{
		"/par": "c770aef3", "/token": "c770aef3", "/userinfo": "c770aef3", "/bc-authorize": "c770aef3", "/resource": "c770aef3",
		"/jwks": "", "/introspect": "", "/nothing": "",
	} {
		for _, sent := range []string{"c770aef3", ""} {
			a := post(t, s.Client(), s.URL()+"/op"+path, authorizationParams(nil), func(r *http.Request) { r.Header.Set("x-fapi-interaction-id", sent) })
			if want := want[:min(len(want), len(sent))]; a.header.Get("x-fapi-interaction-id") != want {
				t.Errorf("%s, status %d: sent %q, got %q", path, a.status, sent, a.header.Get("x-fapi-interaction-id"))
			}
		}
	}
}

func TestEndpointMetadata(t *testing.T) {
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, Path: "/op"})
	m := get(t, s, s.URL()+"/op/.well-known/openid-configuration", "").m
	aliases, _ := m["mtls_endpoint_aliases"].(map[string]any)
	for name, alias := range map[string]bool{
		"introspection_endpoint": true, "revocation_endpoint": true, "registration_endpoint": false, "end_session_endpoint": false,
	} {
		if v, _ := m[name].(string); v == "" || (aliases[name] != nil) != alias {
			t.Errorf("%s: %v, alias %v", name, m[name], aliases[name])
		}
	}
	has := func(member, value string) bool {
		values, _ := m[member].([]any)
		return slices.Contains(values, any(value))
	}
	for _, endpoint := range []string{"introspection", "revocation"} {
		if !has(endpoint+"_endpoint_auth_methods_supported", "private_key_jwt") || !has(endpoint+"_endpoint_auth_signing_alg_values_supported", "ES256") ||
			has(endpoint+"_endpoint_auth_methods_supported", "none") != (endpoint == "revocation") {
			t.Errorf("%s: %v", endpoint, m)
		}
	}
	if !has("introspection_signing_alg_values_supported", "ES256") || !has("protected_resources", s.URL()+"/op/resource") ||
		m["client_id_metadata_document_supported"] != nil {
		t.Errorf("metadata: %v", m)
	}
	for _, name := range []string{"backchannel_logout", "frontchannel_logout"} {
		if m[name+"_supported"] != true || m[name+"_session_supported"] != true {
			t.Errorf("%s: %v", name, m)
		}
	}
}
