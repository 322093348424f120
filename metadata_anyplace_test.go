package oauth

// Tests of the search for a document of a type that is not known.

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
)

// TestDiscoverAnyPlace: the places are asked in the order of the Model Context Protocol,
// after a 4xx alone, and never after a document.
func TestDiscoverAnyPlace(t *testing.T) {
	const host, tenant = "https://op.example", "https://op.example/t/1"
	const rfc8414, oidc = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"
	good := func(issuer string) string {
		return fmt.Sprintf(`{"issuer":%q,"token_endpoint":"https://x.example/t"}`, issuer)
	}
	for name, row := range map[string]struct {
		issuer  string
		answers []int // of the places in turn; 0 breaks the connection
		body    string
		want    []string // places that were asked
		kind    error
	}{
		"the first":           {tenant, []int{200}, good(tenant), []string{host + rfc8414 + "/t/1"}, nil},
		"the second":          {tenant, []int{404, 200}, good(tenant), []string{host + rfc8414 + "/t/1", host + oidc + "/t/1"}, nil},
		"the third":           {tenant, []int{404, 410, 200}, good(tenant), []string{host + rfc8414 + "/t/1", host + oidc + "/t/1", tenant + oidc}, nil},
		"later":               {tenant, []int{404, 429}, "", []string{host + rfc8414 + "/t/1", host + oidc + "/t/1"}, ErrRefused},
		"none":                {tenant, []int{499, 400, 404}, "", []string{host + rfc8414 + "/t/1", host + oidc + "/t/1", tenant + oidc}, ErrRefused},
		"no path":             {host, []int{404, 200}, good(host), []string{host + rfc8414, host + oidc}, nil},
		"no path, none":       {host, []int{404, 404}, "", []string{host + rfc8414, host + oidc}, ErrRefused},
		"a bare slash":        {host + "/", []int{404, 200}, good(host), []string{host + rfc8414, host + oidc}, nil},
		"a slash at the end":  {tenant + "/", []int{404, 404, 200}, good(tenant + "/"), []string{host + rfc8414 + "/t/1", host + oidc + "/t/1", tenant + oidc}, nil},
		"the server is down":  {tenant, []int{500}, "", []string{host + rfc8414 + "/t/1"}, ErrRefused},
		"down, the second":    {tenant, []int{404, 503}, "", []string{host + rfc8414 + "/t/1", host + oidc + "/t/1"}, ErrRefused},
		"a redirect":          {tenant, []int{302}, "", []string{host + rfc8414 + "/t/1"}, ErrRefused},
		"a broken connection": {tenant, []int{0}, "", []string{host + rfc8414 + "/t/1", host + rfc8414 + "/t/1"}, ErrNetwork},
		"another issuer":      {tenant, []int{200}, good("https://evil.example"), []string{host + rfc8414 + "/t/1"}, ErrIssuer},
		"another, the second": {tenant, []int{404, 200}, good(host), []string{host + rfc8414 + "/t/1", host + oidc + "/t/1"}, ErrIssuer},
		"no document":         {tenant, []int{200}, "<html>", []string{host + rfc8414 + "/t/1"}, ErrResponse},
		"204":                 {tenant, []int{204}, "", []string{host + rfc8414 + "/t/1"}, ErrRefused},
	} {
		var asked []string
		client := &http.Client{Transport: roundTripFunc(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, r.URL.String())
			status := row.answers[min(len(asked), len(row.answers))-1]
			if status == 0 {
				return nil, fmt.Errorf("broken")
			}
			return httpAnswer(r, status, row.body, "Content-Type", mediaJSON), nil
		})}
		got, err := Discover(t.Context(), row.issuer, &DiscoverOptions{AnyPlace: true, HTTPClient: client})
		wantError(t, err, row.kind, "")
		if row.kind == ErrNetwork {
			row.want = row.want[:len(asked)] // whether it is tried again is not this test's
		}
		if !slices.Equal(asked, row.want) || (got == nil) != (row.kind != nil) {
			t.Errorf("%s: asked %q, want %q, got %v", name, asked, row.want, got)
		}
	}
	for _, o := range []DiscoverOptions{{AnyPlace: true, OAuth2: true}, {AnyPlace: true, URL: host + oidc}} {
		got, err := Discover(t.Context(), host, &o)
		if wantError(t, err, ErrConfig, "AnyPlace"); got != nil {
			t.Error(got)
		}
	}
}

// TestDiscoverResourceAnyPlace: after a 4xx at the place of the resource, that of its
// origin is asked, whose document is of the resource or of the origin. Nowhere else is a
// document of the origin one of the resource.
func TestDiscoverResourceAnyPlace(t *testing.T) {
	const host, api = "https://api.example", "https://api.example/v1/mcp"
	const inserted, root = host + "/.well-known/oauth-protected-resource/v1/mcp", host + "/.well-known/oauth-protected-resource"
	for name, row := range map[string]struct {
		resource, url string
		answers       []int // of the places in turn
		document      string
		want          []string // places that were asked
		kind          error
	}{
		"the first":                  {api, "", []int{200}, api, []string{inserted}, nil},
		"the second":                 {api, "", []int{404, 200}, api, []string{inserted, root}, nil},
		"the second, its origin":     {api, "", []int{401, 200}, host, []string{inserted, root}, nil},
		"the second, with a slash":   {api, "", []int{404, 200}, host + "/", []string{inserted, root}, nil},
		"the first, its origin":      {api, "", []int{200}, host, []string{inserted}, ErrResponse},
		"the second, another path":   {api, "", []int{404, 200}, host + "/v1", []string{inserted, root}, ErrResponse},
		"the second, another host":   {api, "", []int{404, 200}, "https://evil.example", []string{inserted, root}, ErrResponse},
		"the second, not https":      {api, "", []int{404, 200}, "http://api.example", []string{inserted, root}, ErrResponse},
		"none":                       {api, "", []int{404, 499}, "", []string{inserted, root}, ErrRefused},
		"down":                       {api, "", []int{500}, "", []string{inserted}, ErrRefused},
		"a redirect":                 {api, "", []int{302}, "", []string{inserted}, ErrRefused},
		"no path":                    {host, "", []int{404}, "", []string{root}, ErrRefused},
		"capitals":                   {"https://API.example", "", []int{404}, "", []string{"https://API.example/.well-known/oauth-protected-resource"}, ErrRefused},
		"a bare slash":               {host + "/", "", []int{404}, "", []string{root}, ErrRefused},
		"a query":                    {host + "?a=b", "", []int{404, 200}, host + "?a=b", []string{root + "?a=b", root}, nil},
		"of a challenge":             {api, host + "/doc", []int{200}, api, []string{host + "/doc"}, nil},
		"of a challenge, none":       {api, host + "/doc", []int{404}, "", []string{host + "/doc"}, ErrRefused},
		"of a challenge, its origin": {api, root, []int{200}, host, []string{root}, ErrResponse},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []string
			client := &http.Client{Transport: roundTripFunc(func(r *http.Request) (*http.Response, error) {
				asked = append(asked, r.URL.String())
				body := fmt.Sprintf(`{"resource":%q,"authorization_servers":["https://op.example"]}`, row.document)
				return httpAnswer(r, row.answers[min(len(asked), len(row.answers))-1], body, "Content-Type", mediaJSON), nil
			})}
			o := &DiscoverOptions{AnyPlace: true, URL: row.url, HTTPClient: client}
			got, err := DiscoverResource(t.Context(), row.resource, o)
			wantError(t, err, row.kind, "")
			if !slices.Equal(asked, row.want) || (got == nil) != (row.kind != nil) || got != nil && got.Resource != row.document {
				t.Errorf("asked %q, want %q, got %v", asked, row.want, got)
			}
			o.AnyPlace, asked = false, nil
			DiscoverResource(t.Context(), row.resource, o)
			if !slices.Equal(asked, row.want[:1]) {
				t.Errorf("without AnyPlace: asked %q", asked)
			}
		})
	}
}
