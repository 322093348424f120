package oauth

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// webURLs are URLs of servers, and whether they may be shown.
var webURLs = []struct {
	url string
	ok  bool
}{
	{"https://op.example", true},
	{"http://op.example/device", true},
	{"HTTPS://OP.Example/", true},
	{"https://op.example:8443/a/b?c=d&e=%C3%A4#f", true},
	{"https://xn--bcher-kva.example/", true},
	{"https://localhost/", true},
	{"https://op.example./", true},
	{"https://op-1.x.3com.example/", true},
	{"https://127.0.0.1:8080/", true},
	{"https://[::1]:8080/", true},
	{"https://op.example/-._~!$&'()*+,;=:@?/:@[]", true},

	{"", false},
	{"op.example", false},
	{"//op.example", false},
	{"/device", false},
	{"https:op.example", false},
	{"https:///device", false},
	{"https://", false},
	{"https://:443/", false},
	{"javascript:alert(1)", false},
	{"javascript://op.example/%0aalert(1)", false},
	{"data:text/html,x", false},
	{"ftp://op.example/", false},
	{"mailto:a@op.example", false},

	// Who the host is.
	{"https://op.example@x.example/", false},
	{"https://@x.example/", false},
	{"https://a:b@op.example/", false},
	{`https://x.example\@op.example/`, false},
	{`https://op.example\.x.example/`, false},
	{"https://op%2eexample/", false},
	{"https://op.example%00/", false},
	{"https://op_1.example/", false},
	{"https://-op.example/", false},
	{"https://op-.example/", false},
	{"https://op..example/", false},
	{"https://.example/", false},
	{"https://op.example../", false},
	{"https://" + strings.Repeat("a", 63) + ".example/", true},
	{"https://" + strings.Repeat("a", 64) + ".example/", false},
	{"https://" + strings.Repeat("a.", 123) + "example/", true},
	{"https://" + strings.Repeat("a.", 123) + "example./", true},
	{"https://" + strings.Repeat("a.", 123) + "examples/", false},
	{"https://AZ.az09.example/", true},
	{"https://a:b.example/", false},
	{"https://a,b.example/", false},
	{"https://a=b.example/", false},
	{"https://a;b.example/", false},
	{"https://a`b.example/", false},
	{"https://a~b.example/", false},
	{"https://b\u00fccher.example/", false},
	{"https://\u043ep.example/", false},
	{"https://2130706433/", false},
	{"https://0x7f000001/", false},
	{"https://127.0.0.0x1/", false},
	{"https://127.1/", false},
	{"https://1.2.3.256/", false},
	{"https://[fe80::1%25eth0]/", false},
	{"https://[127.0.0.1]/", false},
	{"https://::1/", false},
	{"https://[::1/", false},
	{"https://op.example:port/", false},

	// What ends an attribute, moves a cursor, or is read backwards.
	{`https://op.example/"onclick="x`, false},
	{"https://op.example/<script>", false},
	{"https://op.example/a b", false},
	{" https://op.example/", false},
	{"https://op.example/\n", false},
	{"https://op.example/\x1b[2J", false},
	{"https://op.example/\x7f", false},
	{"https://op.example/\u009b2J", false},
	{"https://op.example/\u202egpj", false},
	{"https://op.example/?q=\u200b", false},
	{"https://op.example/#\xff", false},
	{"https://op.example/`id`", false},
	{"https://op.example/{a}|^", false},
	{"https://op.example/%zz", false},
	{"https://op.example/?a=%", false},
	{"https://op.example/?a=%4", false},
	{"https://op.example/?a=%g0", false},
}

// TestWebURL: at each place where the server names one.
func TestWebURL(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, withDevice)
	for _, tt := range webURLs {
		if u, ok := webURL(tt.url); ok != tt.ok || ok != (u != nil) {
			t.Errorf("%q: %v, want %v", tt.url, ok, tt.ok)
		}
		want := ""
		if tt.ok {
			want = tt.url
		}
		s.answer("/device", unitBody(t, deviceBody(), map[string]any{"verification_uri": tt.url, "verification_uri_complete": unitRemoved}))
		d, err := c.StartDeviceAuthorization(context.Background(), nil)
		if tt.ok && (err != nil || d.VerificationURI() != tt.url) {
			t.Errorf("verification_uri %q: %v", tt.url, err)
		} else if !tt.ok && strings.ToValidUTF8(tt.url, "") == tt.url {
			wantError(t, err, ErrResponse, "verification_uri")
		}
		if got := linkable(tt.url); got != want {
			t.Errorf("error_uri %q: %q", tt.url, got)
		}
		if strings.ContainsAny(tt.url, "#?") || strings.HasPrefix(tt.url, "http:") {
			continue // endpoints have rules of their own for these
		}
		for name, start := range map[string]func(*Client) (string, error){
			"authorization_endpoint": func(c *Client) (string, error) {
				a, err := c.StartAuthorization(context.Background(), &AuthorizationRequest{RedirectURI: "https://app.example/cb"})
				if err != nil {
					return "", err
				}
				return a.URL(), nil
			},
			"end_session_endpoint": func(c *Client) (string, error) { return c.EndSessionURL(&EndSessionRequest{}) },
		} {
			c := s.client(t, func(c *Config) { c.Server.AuthorizationEndpoint, c.Server.EndSessionEndpoint = tt.url, tt.url })
			got, err := start(c)
			if !tt.ok {
				if err == nil {
					t.Errorf("%s %q gives %q", name, tt.url, got)
				} else if tt.url != "" && !strings.Contains(err.Error(), name) {
					t.Errorf("%s %q: %v", name, tt.url, err)
				}
				continue
			}
			if _, ok := webURL(got); err != nil || !ok {
				t.Errorf("%s %q gives %q, %v", name, tt.url, got, err)
			}
		}
	}
}

// TestWebURLErrors: an error_uri is a link or nothing, in each of the errors.
func TestWebURLErrors(t *testing.T) {
	s := newUnitServer()
	for uri, want := range map[string]string{
		"https://op.example/errors#1": "https://op.example/errors#1", `https://op.example/"x`: "", "https://a@op.example/": "", "javascript:alert(1)": "",
	} {
		s.set("/token", unitAnswer{status: 400, mediaType: mediaJSON, body: unitJSON(t, map[string]any{"error": "invalid_grant", "error_uri": uri})})
		c := s.client(t, nil)
		_, err := c.ClientCredentials(context.Background(), nil)
		if got := err.(*ResponseError).URI; got != want {
			t.Errorf("%s: %q", uri, got)
		}
		a := s.start(t, c, nil)
		_, err = c.ValidateAuthorizationResponse(context.Background(), a, url.Values{"state": {a.State()}, "error": {"access_denied"}, "error_uri": {uri}})
		if got := err.(*AuthorizationError).URI; got != want {
			t.Errorf("%s: %q", uri, got)
		}
	}
}

// TestBrowserURLQuery: the metadata have no say in what is asked for.
func TestBrowserURLQuery(t *testing.T) {
	s := newUnitServer()
	s.set("/par", unitAnswer{status: http.StatusCreated, mediaType: mediaJSON, body: `{"request_uri":"urn:x","expires_in":60}`})
	for _, tt := range []struct {
		name     string
		reserved []string
		start    func(c *Client, pushed bool) error
	}{
		{"authorization_endpoint", reservedParams, func(c *Client, pushed bool) error {
			_, err := c.StartAuthorization(context.Background(), &AuthorizationRequest{RedirectURI: "https://app.example/cb", Pushed: pushed, Params: url.Values{"mine": {"x"}}})
			return err
		}},
		{"end_session_endpoint", endSessionParams, func(c *Client, _ bool) error {
			_, err := c.EndSessionURL(&EndSessionRequest{Params: url.Values{"mine": {"x"}}})
			return err
		}},
	} {
		for _, name := range append([]string{"p", "Scope", "mine"}, tt.reserved...) {
			for _, query := range []string{name + "=x", "a=b&" + url.QueryEscape(name), "%" + "70=1&" + name + "="} {
				for _, key := range []*SigningKey{nil, s.key} {
					for _, pushed := range []bool{false, true} {
						c := s.client(t, func(c *Config) {
							c.Server.AuthorizationEndpoint, c.Server.EndSessionEndpoint = unitIssuer+"/go?"+query, unitIssuer+"/go?"+query
							c.RequestKey = key
						})
						err := tt.start(c, pushed)
						if name == "mine" && (key != nil || pushed) && tt.name == "authorization_endpoint" {
							continue // it is not in the URL
						}
						if name == "p" || name == "Scope" {
							if err != nil {
								t.Errorf("%s %s: %v", tt.name, query, err)
							}
							continue
						}
						wantError(t, err, ErrConfig, tt.name)
					}
				}
			}
		}
	}
}

// TestQuoteList: at most four elements, none of which can forge a line.
func TestQuoteList(t *testing.T) {
	for want, list := range map[string][]string{
		"": nil, `"a"`: {"a"},
		`"a\n", "b"`: {"a\n", "b"}, `"a", "b", "c", "d"`: {"a", "b", "c", "d"}, `"a", "b", "c", "d", …`: {"a", "b", "c", "d", "e", "f"},
	} {
		if got := quoteList(list); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
