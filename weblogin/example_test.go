package weblogin_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"html/template"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
	"example.com/oauth/weblogin"
)

// visit plays a user who opens a page of the application, logs in at the server, and comes
// back to it.
func visit(srv *oauthtest.Server, app *httptest.Server, path string) *http.Response {
	jar, _ := cookiejar.New(nil)
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	browser := &http.Client{Jar: jar, CheckRedirect: stay, Transport: app.Client().Transport}
	open := func(url string) *http.Response {
		req, _ := http.NewRequest(http.MethodGet, url, nil)
		req.Header.Set("Accept", "text/html")
		resp, err := browser.Do(req)
		if err != nil {
			log.Fatal(err)
		}
		return resp
	}
	callback, err := srv.Authorize(context.Background(), open(app.URL+path).Header.Get("Location"))
	if err != nil {
		log.Fatal(err)
	}
	resp, err := browser.Do(callback)
	if err != nil {
		log.Fatal(err)
	}
	if at := resp.Header.Get("Location"); at != "" {
		resp = open(at)
	}
	return resp
}

func printBody(resp *http.Response) {
	var line [200]byte
	n, _ := resp.Body.Read(line[:])
	fmt.Println(resp.StatusCode, string(line[:n]))
}

// A whole application.
func Example() {
	mux := http.NewServeMux()
	app := httptest.NewTLSServer(mux)
	defer app.Close()
	srv := oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}})
	defer srv.Close()
	srv.AddClient(oauthtest.Client{ID: "web", Secret: "the-secret-of-the-client", RedirectURIs: []string{app.URL + "/auth/callback"}})
	key := make([]byte, 32) // which all processes of the application share
	rand.Read(key)

	client, err := oauth.NewClientFromIssuer(srv.Issuer(), nil, oauth.Config{
		Metadata:   oauth.ClientMetadata{ClientID: "web"},
		Auth:       oauth.ClientSecretBasic("the-secret-of-the-client"),
		HTTPClient: srv.Client(),
	})
	if err != nil {
		log.Fatal(err)
	}
	login, err := weblogin.New(weblogin.Config{
		BaseURL:   app.URL,
		Keys:      [][]byte{key},
		Providers: []weblogin.Provider{{Client: client}},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux.Handle("/auth/", login)
	mux.Handle("/", login.Require(weblogin.Requirement{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session, _ := weblogin.FromContext(r.Context())
		fmt.Fprintf(w, "hello %s", session.User().Subject)
	})))

	printBody(visit(srv, app, "/"))
	// Output: 200 hello alice
}

// A page that needs a login of the last five minutes, with a second factor.
func ExampleHandler_Require() {
	var login *weblogin.Handler // of New
	strong := weblogin.Requirement{ACR: []string{"urn:example:mfa"}, MaxAge: 5 * time.Minute}
	protect := func(next http.Handler) http.Handler { return login.Require(strong, next) }
	fmt.Println(protect != nil)
	// Output: true
}

// A session that keeps tokens calls an API with the one that is good now.
func ExampleSession_Token() {
	var client *oauth.Client // of the provider
	orders := func(w http.ResponseWriter, r *http.Request) {
		session, _ := weblogin.FromContext(r.Context())
		token, err := session.Token(r.Context())
		if errors.Is(err, weblogin.ErrEnded) {
			http.Redirect(w, r, "/", http.StatusSeeOther) // to log in again
			return
		}
		if err != nil {
			http.Error(w, "try again later", http.StatusBadGateway)
			return
		}
		req, _ := http.NewRequestWithContext(r.Context(), http.MethodGet, "https://api.example.com/orders", nil)
		resp, err := client.Do(req, token)
		if err != nil {
			http.Error(w, "try again later", http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
	}
	fmt.Println(orders != nil)
	// Output: true
}

// The configuration of two providers, with sessions in memory that end when a provider says
// so, and pages of the application.
func ExampleNew() {
	client := func(issuer string) *oauth.Client {
		c, err := oauth.NewClientFromIssuer(issuer, nil, oauth.Config{
			Metadata: oauth.ClientMetadata{ClientID: "web"}, Auth: oauth.ClientSecretBasic("secret"),
		})
		if err != nil {
			log.Fatal(err)
		}
		return c
	}
	key := make([]byte, 32)
	rand.Read(key)
	login, err := weblogin.New(weblogin.Config{
		BaseURL: "https://app.example.com",
		Keys:    [][]byte{key},
		Store:   weblogin.NewMemoryStore(0),
		Providers: []weblogin.Provider{
			{Name: "staff", Title: "Staff", Client: client("https://sso.example.com"), BackchannelLogout: true},
			{Name: "guests", Title: "Guests", Client: client("https://accounts.example.org"), Claims: []string{"email"}},
		},
		Admit: func(_ context.Context, l *weblogin.Login) error {
			if l.Provider == "guests" && l.Claims["email"] == nil {
				return errors.New("a guest without an email address")
			}
			return nil
		},
		Pages: template.Must(template.New("").Parse(`
			{{define "message"}}<h1>{{.Title}}</h1>{{.Text}}{{end}}
			{{define "choose"}}{{range .Choices}}<a href="{{.LoginURL}}">{{.Title}}</a>{{end}}{{end}}`)),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(login.RedirectURI("staff"))
	fmt.Println(login.LoginPath("/orders"), login.LogoutPath())
	// Output:
	// https://app.example.com/auth/callback/staff
	// /auth/login?return_to=%2Forders /auth/logout
}

// GitHub issues no ID tokens: its API says who the user is.
func ExampleProvider() {
	var client *oauth.Client // of https://github.com, without metadata: see docs
	provider := weblogin.Provider{
		Client:  client,
		Request: oauth.AuthorizationRequest{Scope: []string{"read:user"}},
		Identify: func(ctx context.Context, t *oauth.Token) (weblogin.User, map[string]any, error) {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://api.github.com/user", nil)
			if err != nil {
				return weblogin.User{}, nil, err
			}
			resp, err := client.Do(req, t)
			if err != nil {
				return weblogin.User{}, nil, err
			}
			defer resp.Body.Close()
			// Decode the answer: its id, a number that GitHub gives to nobody else, is the
			// subject, and its login is a name for people.
			return weblogin.User{Issuer: "https://github.com", Subject: "583231"}, nil, nil
		},
	}
	fmt.Println(provider.Identify != nil)
	// Output: true
}

// A Store forgets a session that has ended, whatever is put at the same time.
func ExampleStore() {
	var store weblogin.Store = weblogin.NewMemoryStore(0)
	ctx := context.Background()
	record := &weblogin.Record{Version: 1, Expires: time.Now().Add(time.Hour), Issuer: "i", Subject: "s"}
	fmt.Println(store.Put(ctx, "id", record), store.DeleteBy(ctx, "i", "s", ""))
	record.Version = 2
	fmt.Println(errors.Is(store.Put(ctx, "id", record), weblogin.ErrConflict))
	// Output:
	// <nil> <nil>
	// true
}
