package oauth_test

// The mistakes of docs/troubleshooting.md with tokens, in the client and in the API.

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

const anyAPI = "https://api.example.com"

var tokenMistakes = map[string]mistake{
	"The refresh token was used twice": func(m *mishap) error {
		client := m.client(nil)
		token := m.offline(client)
		if _, err := client.Refresh(m.Context(), token, nil); err != nil {
			m.Fatal(err)
		}
		_, err := client.Refresh(m.Context(), token, nil) // by another process, which had the old one
		return err
	},
	"There is no refresh token": func(m *mishap) error {
		client := m.client(nil)
		_, err := client.Refresh(m.Context(), login(m.T, m.Server, client, nil), nil)
		return err
	},
	"The DPoP key was not kept": func(m *mishap) error {
		m.start(oauthtest.Options{})
		addClient(m.Server, func(c *oauthtest.Client) { c.Secret = "" })
		public := func() *oauth.Client {
			return m.client(func(c *oauth.Config) {
				c.Auth = oauth.PublicClient()
				c.DPoP = m.dpop()
			})
		}
		token := m.offline(public())
		_, err := public().Refresh(m.Context(), token, nil) // after a restart
		return err
	},
	"The token may not go there": func(m *mishap) error {
		client := m.client(nil)
		transport, err := client.NewTransport(login(m.T, m.Server, client, nil), oauth.TransportOptions{Origins: []string{anyAPI}})
		if err != nil {
			m.Fatal(err)
		}
		_, err = transport.RoundTrip(httptest.NewRequest("GET", "https://files.example.com/report", nil))
		return err
	},
	"The password grant is not there": func(m *mishap) error {
		_, err := m.client(nil).Grant(m.Context(), "password", url.Values{"username": {"alice"}, "password": {"secret"}})
		return err
	},
	"The server limits requests": func(m *mishap) error {
		client := m.client(func(c *oauth.Config) {
			c.HTTPClient = inMemory(written(429, "text/plain", "Too many requests\n", "Retry-After", "30"))
		})
		_, err := client.ClientCredentials(m.Context(), nil)
		return err
	},
	"The resource has another name": func(m *mishap) error {
		m.start(oauthtest.Options{})
		_, err := oauth.DiscoverResource(m.Context(), m.URL()+"/resource/orders", &oauth.DiscoverOptions{
			HTTPClient: inMemory(func(w http.ResponseWriter, r *http.Request) {
				written(200, "application/json", `{"resource":"`+m.URL()+`/resource","authorization_servers":["`+m.Issuer()+`"]}`)(w, r)
			}),
		})
		return err
	},
}

// offline is a token with a refresh token.
func (m *mishap) offline(client *oauth.Client) *oauth.Token {
	m.Helper()
	return login(m.T, m.Server, client, func(r *oauth.AuthorizationRequest) { r.Scope = []string{"openid", "offline_access"} })
}

func (m *mishap) dpop() *oauth.DPoP {
	m.Helper()
	d, err := oauth.NewDPoP(signingKey(m.T, oauth.ES256), oauth.Clock{Now: m.now})
	if err != nil {
		m.Fatal(err)
	}
	return d
}

var apiMistakes = map[string]mistake{
	"The request has no token": func(m *mishap) error {
		_, err := m.api(nil).Authenticate(httptest.NewRequest("GET", anyAPI+"/orders", nil))
		return err
	},
	"The token is for another audience": func(m *mishap) error {
		return m.refused(m.api(nil), m.accessToken(oauth.GrantOptions{Resource: []string{"https://other.example.com"}}))
	},
	"An ID token is sent to the API": func(m *mishap) error {
		api := m.api(nil)
		return m.refused(api, login(m.T, m.Server, m.client(nil), nil).IDToken().Raw())
	},
	"Access tokens do not follow RFC 9068": func(m *mishap) error {
		m.start(oauthtest.Options{JWTAccessTokens: true, EditAccessToken: func(header, claims map[string]any) {
			header["typ"], claims["azp"], claims["scope"] = "JWT", claims["client_id"], "orders" // as Keycloak has them
			delete(claims, "client_id")
		}})
		return m.refused(m.api(nil), m.accessToken(oauth.GrantOptions{}))
	},
	"The access token is opaque": func(m *mishap) error {
		m.start(oauthtest.Options{})
		return m.refused(m.api(nil), m.accessToken(oauth.GrantOptions{}))
	},
	"Entra ID issues tokens of version 1.0": func(m *mishap) error {
		const tenant = "11111111-2222-3333-4444-555555555555"
		m.start(oauthtest.Options{JWTAccessTokens: true, EditAccessToken: func(header, claims map[string]any) {
			header["typ"], claims["iss"], claims["ver"] = "JWT", "https://sts.windows.net/"+tenant+"/", "1.0"
		}})
		api := m.api(func(c *oauth.ResourceServerConfig) {
			c.Servers[0].Server.Issuer = "https://login.microsoftonline.com/" + tenant + "/v2.0"
			c.Servers[0].Profile = oauth.EntraProfile()
		})
		return m.refused(api, m.accessToken(oauth.GrantOptions{}))
	},
	"The token is from another server": func(m *mishap) error {
		api := m.api(func(c *oauth.ResourceServerConfig) {
			c.Servers = append(c.Servers, oauth.TrustedServer{Server: &oauth.AuthorizationServer{Issuer: "https://a.example.com", JWKSURI: "https://a.example.com/jwks"}})
			c.Servers[0].Server.Issuer = "https://b.example.com"
		})
		return m.refused(api, m.accessToken(oauth.GrantOptions{}))
	},
	"The scope is missing": func(m *mishap) error {
		api := m.api(nil)
		r := httptest.NewRequest("GET", anyAPI+"/orders", nil)
		r.Header.Set("Authorization", "Bearer "+m.accessToken(oauth.GrantOptions{Scope: []string{"orders.read"}}))
		token, err := api.Authenticate(r)
		if err != nil {
			m.Fatal(err)
		}
		return api.Check(token, oauth.Requirement{Scope: []string{"orders.write"}})
	},
	"Introspection refuses the API": func(m *mishap) error {
		m.start(oauthtest.Options{})
		return m.refused(m.introspecting("an old secret"), m.accessToken(oauth.GrantOptions{}))
	},
	"Introspection says that the token is not active": func(m *mishap) error {
		m.start(oauthtest.Options{})
		return m.refused(m.introspecting(appSecret), "a-token-of-another-realm")
	},
	"A DPoP token comes as Bearer": func(m *mishap) error {
		api := m.api(nil)
		return m.refused(api, m.boundToken(m.dpop(), oauth.GrantOptions{}))
	},
	"The DPoP proof is for another URL": func(m *mishap) error {
		api, dpop := m.api(nil), m.dpop()
		return m.proven(api, dpop, anyAPI+"/v1/orders") // the proxy takes /v1 away
	},
	"The DPoP proof was used before": func(m *mishap) error {
		api, r := m.api(nil), m.provenRequest(m.dpop(), anyAPI+"/orders")
		if _, err := api.Authenticate(r); err != nil {
			m.Fatal(err)
		}
		_, err := api.Authenticate(r)
		return err
	},
	"The DPoP proof has no nonce": func(m *mishap) error {
		api := m.api(func(c *oauth.ResourceServerConfig) {
			c.DPoPNonceKeys = [][]byte{[]byte("0123456789abcdefghijklmnopqrstuv")}
		})
		return m.proven(api, m.dpop(), anyAPI+"/orders")
	},
	"The client certificate does not reach the API": func(m *mishap) error {
		m.start(oauthtest.Options{JWTAccessTokens: true})
		addClient(m.Server, func(c *oauthtest.Client) { c.CertificateBound = true })
		api := m.api(nil)
		client := m.client(func(c *oauth.Config) {
			c.MTLS = &oauth.MutualTLS{Certificate: m.NewCertificate("web", time.Time{}), RootCAs: m.RootCAs()}
			c.HTTPClient = nil
		})
		token, err := client.ClientCredentials(m.Context(), &oauth.GrantOptions{Resource: []string{anyAPI}})
		if err != nil {
			m.Fatal(err)
		}
		return m.refused(api, token.AccessToken.Reveal())
	},
	"The token is too large": func(m *mishap) error {
		m.start(oauthtest.Options{JWTAccessTokens: true, EditAccessToken: func(_, claims map[string]any) {
			claims["groups"] = strings.Repeat("a group of a large company, ", 2500)
		}})
		_, err := m.client(nil).ClientCredentials(m.Context(), &oauth.GrantOptions{Resource: []string{anyAPI}})
		return err
	},
}

// api is an API that accepts the tokens of the server, which issues JWTs if there is none yet.
func (m *mishap) api(edit func(*oauth.ResourceServerConfig)) *oauth.ResourceServer {
	m.Helper()
	if m.Server == nil {
		m.start(oauthtest.Options{JWTAccessTokens: true})
	}
	cfg := oauth.ResourceServerConfig{
		Resource: anyAPI, Servers: []oauth.TrustedServer{{Server: m.config(nil).Server}},
		HTTPClient: m.Client(), Clock: oauth.Clock{Now: m.now},
	}
	if edit != nil {
		edit(&cfg)
	}
	api, err := oauth.NewResourceServer(cfg)
	if err != nil {
		m.Fatal(err)
	}
	return api
}

// introspecting is an API that asks the server about tokens, with a secret.
func (m *mishap) introspecting(secret string) *oauth.ResourceServer {
	m.Helper()
	client := m.client(func(c *oauth.Config) { c.Auth = oauth.ClientSecretBasic(secret) })
	return m.api(func(c *oauth.ResourceServerConfig) { c.Servers, c.Introspect = nil, client })
}

// accessToken is one for the API, unless opts has another Resource.
func (m *mishap) accessToken(opts oauth.GrantOptions) string {
	m.Helper()
	if opts.Resource == nil {
		opts.Resource = []string{anyAPI}
	}
	token, err := m.client(nil).ClientCredentials(m.Context(), &opts)
	if err != nil {
		m.Fatal(err)
	}
	return token.AccessToken.Reveal()
}

func (m *mishap) boundToken(dpop *oauth.DPoP, opts oauth.GrantOptions) string {
	m.Helper()
	opts.Resource = []string{anyAPI}
	token, err := m.client(func(c *oauth.Config) { c.DPoP = dpop }).ClientCredentials(m.Context(), &opts)
	if err != nil {
		m.Fatal(err)
	}
	return token.AccessToken.Reveal()
}

// refused is the error of a request with the token.
func (m *mishap) refused(api *oauth.ResourceServer, token string) error {
	r := httptest.NewRequest("GET", anyAPI+"/orders", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	_, err := api.Authenticate(r)
	return err
}

// provenRequest is one to /orders of the API, with a proof for the URL.
func (m *mishap) provenRequest(dpop *oauth.DPoP, target string) *http.Request {
	m.Helper()
	token := m.boundToken(dpop, oauth.GrantOptions{})
	u, err := url.Parse(target)
	if err != nil {
		m.Fatal(err)
	}
	proof, err := dpop.Proof("GET", u, token)
	if err != nil {
		m.Fatal(err)
	}
	r := httptest.NewRequest("GET", anyAPI+"/orders", nil)
	r.Header.Set("Authorization", "DPoP "+token)
	r.Header.Set("DPoP", proof)
	return r
}

func (m *mishap) proven(api *oauth.ResourceServer, dpop *oauth.DPoP, target string) error {
	m.Helper()
	_, err := api.Authenticate(m.provenRequest(dpop, target))
	return err
}
