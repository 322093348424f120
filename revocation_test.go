package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"testing"
)

func TestRevoke(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, func(c *Config) { c.Server.RevocationEndpoint = unitIssuer + "/revoke" })
	for _, tt := range []struct {
		name   string
		answer unitAnswer
		kind   error
		code   string
	}{
		{"200", unitAnswer{}, nil, ""},
		{"204", unitAnswer{status: 204}, nil, ""},
		// RFC 7009, Section 2.2: "the content of the response body is ignored".
		{"page with 200", unitAnswer{mediaType: "text/html", body: "<h1>ok</h1>"}, nil, ""},
		{"text with 200", unitAnswer{mediaType: "text/plain", body: "ok"}, nil, ""},
		{"JSON with 200", unitAnswer{mediaType: mediaJSON, body: `{"error":null,"ok":true}`}, nil, ""},
		{"challenge with 200", unitAnswer{header: http.Header{"Www-Authenticate": {`Bearer error="invalid_token"`}}}, nil, ""},
		{"error with 200", unitAnswer{mediaType: mediaJSON, body: `{"error":"unsupported_token_type"}`}, ErrRefused, "unsupported_token_type"},
		{"error of another type with 200", unitAnswer{mediaType: mediaJSON, body: `{"error":true}`}, nil, ""},
		{"unsupported_token_type", unitAnswer{status: 400, mediaType: mediaJSON, body: `{"error":"unsupported_token_type","error_description":"d"}`}, ErrRefused, "unsupported_token_type"},
		{"invalid_client", unitAnswer{status: 401, mediaType: mediaJSON, body: `{"error":"invalid_client"}`}, ErrRefused, "invalid_client"},
		{"503", unitAnswer{status: 503, header: http.Header{"Retry-After": {"5"}}}, ErrResponse, ""},
		{"201", unitAnswer{status: 201}, ErrResponse, ""},
		{"202", unitAnswer{status: 202}, ErrResponse, ""},
		{"206", unitAnswer{status: 206}, ErrResponse, ""},
		{"302", unitAnswer{status: 302, header: http.Header{"Location": {unitIssuer + "/jwks"}}}, ErrResponse, ""},
		{"307", unitAnswer{status: 307, header: http.Header{"Location": {"https://attacker.example"}}}, ErrResponse, ""},
		{"404", unitAnswer{status: 404, mediaType: "text/html", body: "<h1>no</h1>"}, ErrResponse, ""},
		{"500", unitAnswer{status: 500}, ErrResponse, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.set("/revoke", tt.answer)
			before := len(s.requests(""))
			err := c.Revoke(context.Background(), "rt", &EndpointOptions{TokenTypeHint: "refresh_token"})
			if n := len(s.requests("")) - before; n != 1 {
				t.Errorf("%d requests", n)
			}
			if tt.kind == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError(t, err, tt.kind, "")
			var refused *ResponseError
			if !errors.As(err, &refused) || refused.Code != tt.code || refused.StatusCode != max(tt.answer.status, 200) || refused.Op != opRevocation {
				t.Fatalf("error %#v", err)
			}
			if tt.name == "503" && refused.Header.Get("Retry-After") != "5" {
				t.Error("Retry-After is lost")
			}
		})
	}
	r := s.requests("/revoke")[0]
	want := url.Values{"token": {"rt"}, "token_type_hint": {"refresh_token"}, "client_id": {unitClient}, "client_secret": {"the-client-secret"}}
	if r.form.Encode() != want.Encode() {
		t.Errorf("form %v", r.form)
	}
}

// A public client revokes with its client_id alone: RFC 7009, Section 2.1.
func TestRevokePublicClient(t *testing.T) {
	s := newUnitServer()
	s.set("/revoke", unitAnswer{})
	c := s.client(t, func(c *Config) { c.Server.RevocationEndpoint, c.Auth = unitIssuer+"/revoke", PublicClient() })
	if err := c.Revoke(context.Background(), "rt", nil); err != nil {
		t.Fatal(err)
	}
	if got := s.requests("/revoke")[0].form.Encode(); got != "client_id="+unitClient+"&token=rt" {
		t.Errorf("form %s", got)
	}
}
