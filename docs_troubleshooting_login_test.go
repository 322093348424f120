package oauth_test

// The mistakes of docs/troubleshooting.md that show when a user logs in.

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
	"example.com/oauth/weblogin"
)

var loginMistakes = map[string]mistake{
	"The redirect URI is not the registered one": func(m *mishap) error {
		_, err := m.client(nil).StartAuthorization(m.Context(), request(func(r *oauth.AuthorizationRequest) {
			r.RedirectURI, r.Pushed = appCallback+"/", true
		}))
		return err
	},
	"A proxy changes the path of the callback": func(m *mishap) error {
		client := m.client(nil)
		pending, callback := begin(m.T, m.Server, client, nil)
		callback.URL.Path = "/app" + callback.URL.Path
		_, err := client.FinishAuthorization(callback, pending, nil)
		return err
	},
	"CallbackURL returns an internal name": func(m *mishap) error {
		client := m.client(func(c *oauth.Config) {
			c.CallbackURL = func(r *http.Request) (*url.URL, error) {
				return url.Parse("http://app.internal:8080" + r.URL.RequestURI())
			}
		})
		return m.login(client, nil)
	},
	"The login is not in the session": func(m *mishap) error {
		client := m.client(nil)
		jar := map[string]*oauth.PendingAuthorization{} // of the session, of which the cookie is SameSite=Strict
		pending, callback := begin(m.T, m.Server, client, nil)
		jar["the session's id"] = pending
		_, err := client.FinishAuthorization(callback, jar[callback.Header.Get("Cookie")], nil)
		return err
	},
	"Two logins share a place in the session": func(m *mishap) error {
		client := m.client(nil)
		session := map[string]*oauth.PendingAuthorization{}
		first, callback := begin(m.T, m.Server, client, nil)
		session["login"] = first
		second, _ := begin(m.T, m.Server, client, nil) // in another tab
		session["login"] = second
		_, err := client.FinishAuthorization(callback, session["login"], nil)
		return err
	},
	"A login is saved as JSON": func(m *mishap) error {
		pending, _ := begin(m.T, m.Server, m.client(nil), nil)
		_, err := json.Marshal(pending)
		if e := new(oauth.Error); errors.As(err, &e) { // without the words of encoding/json, which change
			return e
		}
		return err
	},
	"The response is posted": func(m *mishap) error {
		client := m.client(nil)
		pending, callback := begin(m.T, m.Server, client, nil)
		posted := httptest.NewRequest("POST", appCallback, strings.NewReader(callback.URL.RawQuery))
		posted.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		_, err := client.FinishAuthorization(posted, pending, nil)
		return err
	},
	"The response is in the fragment of the URL": func(m *mishap) error {
		client := m.client(nil)
		pending, callback := begin(m.T, m.Server, client, nil)
		callback.URL.RawQuery, callback.URL.Fragment = "", callback.URL.RawQuery // which no browser sends
		_, err := client.FinishAuthorization(callback, pending, nil)
		return err
	},
	"weblogin does not find its cookie": func(m *mishap) (err error) {
		handler, fault := weblogin.New(weblogin.Config{
			BaseURL: "https://app.example.com", Keys: [][]byte{[]byte("0123456789abcdefghijklmnopqrstuv")},
			Providers: []weblogin.Provider{{Client: m.client(nil)}},
			OnError:   func(_ *http.Request, e error) { err = e },
		})
		if fault != nil {
			m.Fatal(fault)
		}
		addClient(m.Server, func(c *oauthtest.Client) { c.RedirectURIs = []string{"https://app.example.com/auth/callback"} })
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "https://www.app.example.com/auth/login", nil)) // which has the cookie
		callback, fault := m.Authorize(m.Context(), w.Header().Get("Location"))
		if fault != nil {
			m.Fatal(fault)
		}
		handler.ServeHTTP(httptest.NewRecorder(), callback)
		return err
	},
	"The callback is loaded twice": func(m *mishap) error {
		client := m.client(nil)
		pending, callback := begin(m.T, m.Server, client, nil)
		if _, err := client.FinishAuthorization(callback, pending, nil); err != nil {
			m.Fatal(err)
		}
		_, err := client.FinishAuthorization(callback, pending, nil)
		return err
	},
	"The code has expired or was used": func(m *mishap) error {
		client := m.client(nil)
		pending, callback := begin(m.T, m.Server, client, nil)
		m.pass(2 * time.Minute)
		_, err := client.FinishAuthorization(callback, pending, nil)
		return err
	},
	"The login took too long": func(m *mishap) error {
		client := m.client(nil)
		pending, callback := begin(m.T, m.Server, client, nil)
		m.pass(2 * time.Hour)
		_, err := client.FinishAuthorization(callback, pending, nil)
		return err
	},
	"The user declined": func(m *mishap) error {
		return m.login(m.client(nil), func(r *oauth.AuthorizationRequest) { r.LoginHint = "deny" })
	},
	"The user is not logged in at the server": func(m *mishap) error {
		m.start(oauthtest.Options{Interactive: true})
		return m.login(m.client(nil), func(r *oauth.AuthorizationRequest) { r.Prompt = "none" })
	},
	"The server wants pushed requests": func(m *mishap) error {
		m.start(oauthtest.Options{})
		addClient(m.Server, func(c *oauthtest.Client) { c.RequirePAR = true })
		return m.login(m.client(nil), nil)
	},
	"The server does not know PKCE": func(m *mishap) error {
		client := m.client(nil)
		pending, _ := begin(m.T, m.Server, client, nil)
		_, err := client.ValidateAuthorizationResponse(m.Context(), pending, url.Values{
			"error": {"invalid_request"}, "error_description": {"unknown parameter code_challenge"}, "state": {pending.State()}, "iss": {m.Issuer()},
		})
		return err
	},
	"The response does not name its issuer": func(m *mishap) error {
		client := m.client(nil)
		m.Fault(oauthtest.MissingIss)
		return m.login(client, nil)
	},
	"The client authenticates in another way than it is registered": func(m *mishap) error {
		m.start(oauthtest.Options{})
		addClient(m.Server, func(c *oauthtest.Client) { c.AuthMethod = "client_secret_post" })
		return m.login(m.client(nil), nil)
	},
	"The client secret has expired": func(m *mishap) error {
		m.start(oauthtest.Options{})
		client := m.client(func(c *oauth.Config) {
			c.HTTPClient = inMemory(written(401, "application/json", `{"error":"invalid_client","error_description":"AADSTS7000222: The provided client secret keys are expired."}`))
		})
		return m.login(client, nil)
	},
}

var idTokenMistakes = map[string]mistake{
	"The scope openid is missing": func(m *mishap) error {
		client := m.client(nil)
		token := login(m.T, m.Server, client, func(r *oauth.AuthorizationRequest) { r.Scope = []string{"email"} })
		_, _, err := token.Identity()
		return err
	},
	"The server issues no ID tokens": func(m *mishap) error {
		client := m.client(nil)
		m.Fault(oauthtest.MissingIDToken)
		return m.login(client, nil)
	},
	"The user info is of nobody": func(m *mishap) error {
		client := m.client(nil)
		token := login(m.T, m.Server, client, func(r *oauth.AuthorizationRequest) { r.Scope = []string{"email"} })
		_, err := client.UserInfo(m.Context(), token, nil)
		return err
	},
	"A clock is wrong": func(m *mishap) error {
		return m.login(m.client(func(c *oauth.Config) {
			c.Clock.Now = func() time.Time { return m.now().Add(time.Hour) }
		}), nil)
	},
	"The ID token is of another issuer": func(m *mishap) error {
		m.start(oauthtest.Options{EditIDToken: func(_, claims map[string]any) { claims["iss"] = "http://keycloak:8080/realms/main" }})
		return m.login(m.client(nil), nil)
	},
	"The ID token is for another client": func(m *mishap) error {
		m.start(oauthtest.Options{EditIDToken: func(_, claims map[string]any) { claims["aud"] = "ios-app" }})
		return m.login(m.client(nil), nil)
	},
	"The nonce does not come back": func(m *mishap) error {
		client := m.client(nil)
		m.Fault(oauthtest.MissingNonce)
		return m.login(client, nil)
	},
	"The ID token is signed with another algorithm": func(m *mishap) error {
		return m.login(m.client(func(c *oauth.Config) { c.Server.IDTokenSigningAlgValuesSupported = nil }), nil)
	},
	"The ID token is signed with HS256": func(m *mishap) error {
		client := m.client(nil)
		m.Fault(oauthtest.HS256WithPublicKey)
		return m.login(client, nil)
	},
	"The key set does not have the key": func(m *mishap) error {
		client := m.client(nil)
		m.Fault(oauthtest.UnknownKid)
		return m.login(client, nil)
	},
	"The keys cannot be had": func(m *mishap) error {
		client := m.client(nil)
		m.Fault(oauthtest.JWKSFails)
		return m.login(client, nil)
	},
	"The ID token is encrypted": func(m *mishap) error {
		m.start(oauthtest.Options{})
		addClient(m.Server, func(c *oauthtest.Client) {
			c.IDTokenEncryptionAlg = "ECDH-ES"
			c.JWKS = []byte(`{"keys":[` + string(decryptionKey(m.T, "ECDH-ES").PublicJWK()) + `]}`)
		})
		return m.login(m.client(nil), nil)
	},
}
