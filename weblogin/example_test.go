package weblogin_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
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

// application starts a server and an application, for the examples below. edit changes the
// configuration.
func application(edit func(*weblogin.Config)) (srv *oauthtest.Server, app *httptest.Server, mux *http.ServeMux, login *weblogin.Handler) {
	mux = http.NewServeMux()
	app = httptest.NewTLSServer(mux)
	srv = oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}})
	srv.AddClient(oauthtest.Client{ID: "web", Secret: "the-secret-of-the-client", RedirectURIs: []string{app.URL + "/auth/callback"}})
	client, err := oauth.NewClientFromIssuer(srv.Issuer(), nil, oauth.Config{
		Metadata:   oauth.ClientMetadata{ClientID: "web"},
		Auth:       oauth.ClientSecretBasic("the-secret-of-the-client"),
		HTTPClient: srv.Client(),
	})
	if err != nil {
		log.Fatal(err)
	}
	key := make([]byte, 32)
	rand.Read(key)
	cfg := weblogin.Config{BaseURL: app.URL, Keys: [][]byte{key}, Providers: []weblogin.Provider{{Client: client}}}
	edit(&cfg)
	if login, err = weblogin.New(cfg); err != nil {
		log.Fatal(err)
	}
	mux.Handle("/auth/", login)
	return srv, app, mux, login
}

// A page that needs a login of the last five minutes. A script gets 401 in its place.
func ExampleHandler_Require() {
	srv, app, mux, login := application(func(*weblogin.Config) {})
	defer srv.Close()
	defer app.Close()
	fresh := weblogin.Requirement{MaxAge: 5 * time.Minute}
	mux.Handle("/payment", login.Require(fresh, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session, _ := weblogin.FromContext(r.Context())
		fmt.Fprint(w, session.User().Subject, " may pay: ", time.Since(session.AuthTime()) < 6*time.Minute)
	})))

	printBody(visit(srv, app, "/payment"))
	script, err := app.Client().Post(app.URL+"/payment", "text/plain", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(script.StatusCode)
	// Output:
	// 200 alice may pay: true
	// 401
}

// A page that everybody may see.
func ExampleHandler_Optional() {
	srv, app, mux, login := application(func(*weblogin.Config) {})
	defer srv.Close()
	defer app.Close()
	mux.Handle("/", login.Optional(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if session, ok := weblogin.FromContext(r.Context()); ok {
			fmt.Fprint(w, "hello ", session.User().Subject)
			return
		}
		fmt.Fprint(w, "log in at ", login.LoginPath(r.URL.Path))
	})))

	stranger, err := app.Client().Get(app.URL + "/news")
	if err != nil {
		log.Fatal(err)
	}
	printBody(stranger)
	printBody(visit(srv, app, "/auth/login?return_to=/news"))
	// Output:
	// 200 log in at /auth/login?return_to=%2Fnews
	// 200 hello alice
}

// The account of a user is disabled.
func ExampleHandler_EndSessions() {
	srv, app, mux, login := application(func(cfg *weblogin.Config) { cfg.Store = weblogin.NewMemoryStore(0) })
	defer srv.Close()
	defer app.Close()
	mux.Handle("/disable-me", login.Require(weblogin.Requirement{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session, _ := weblogin.FromContext(r.Context())
		fmt.Fprint(w, login.EndSessions(r.Context(), session.User()))
	})))
	printBody(visit(srv, app, "/disable-me"))
	// Output: 200 <nil>
}

// A session keeps the claims that the provider lists, and others that the program adds.
func ExampleSession_Claims() {
	srv, app, mux, login := application(func(cfg *weblogin.Config) {
		cfg.Providers[0].Claims = []string{"email"}
		cfg.Admit = func(_ context.Context, l *weblogin.Login) error {
			l.Claims["account"] = 42 // of the program's own table, by l.User
			return nil
		}
	})
	defer srv.Close()
	defer app.Close()
	mux.Handle("/", login.Require(weblogin.Requirement{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session, _ := weblogin.FromContext(r.Context())
		var claims struct {
			Email   string
			Account int
		}
		if err := session.Claims(&claims); err != nil {
			http.Error(w, "", http.StatusInternalServerError)
			return
		}
		fmt.Fprint(w, claims.Email, " ", claims.Account)
	})))
	printBody(visit(srv, app, "/"))
	// Output: 200 alice@example.com 42
}

// A session that keeps tokens calls an API with the one that is good now.
func ExampleSession_Token() {
	var client *oauth.Client
	srv, app, mux, login := application(func(cfg *weblogin.Config) {
		cfg.Store = weblogin.NewMemoryStore(0)
		cfg.Providers[0].Tokens = true
		client = cfg.Providers[0].Client
	})
	defer srv.Close()
	defer app.Close()
	mux.Handle("/", login.Require(weblogin.Requirement{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session, _ := weblogin.FromContext(r.Context())
		token, err := session.Token(r.Context())
		if errors.Is(err, weblogin.ErrEnded) {
			http.Redirect(w, r, login.LoginPath(r.URL.Path), http.StatusSeeOther)
			return
		}
		if err != nil {
			http.Error(w, "try again later", http.StatusBadGateway)
			return
		}
		req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, srv.URL()+"/resource", nil)
		if err != nil {
			http.Error(w, "", http.StatusInternalServerError)
			return
		}
		resp, err := client.Do(req, token)
		if err != nil {
			http.Error(w, "try again later", http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		fmt.Fprint(w, "the API answers ", resp.StatusCode)
	})))
	printBody(visit(srv, app, "/"))
	// Output: 200 the API answers 200
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

// A server that issues no ID tokens says in an API who the user is.
func ExampleProvider() {
	var api string // set below
	srv, app, mux, login := application(func(cfg *weblogin.Config) {
		p := &cfg.Providers[0]
		client := p.Client
		p.Request.Scope = []string{"profile"}
		p.Identify = func(ctx context.Context, t *oauth.Token) (weblogin.User, map[string]any, error) {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, api, nil)
			if err != nil {
				return weblogin.User{}, nil, err
			}
			resp, err := client.Do(req, t)
			if err != nil {
				return weblogin.User{}, nil, err
			}
			defer resp.Body.Close()
			var said struct{ Sub string }
			if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&said); err != nil {
				return weblogin.User{}, nil, err
			}
			// An identifier that the server gives to nobody else, such as GitHub's id.
			return weblogin.User{Issuer: "https://code.example.com", Subject: said.Sub}, nil, nil
		}
	})
	defer srv.Close()
	defer app.Close()
	api = srv.URL() + "/resource"
	mux.Handle("/", login.Require(weblogin.Requirement{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session, _ := weblogin.FromContext(r.Context())
		fmt.Fprint(w, session.User())
	})))
	printBody(visit(srv, app, "/"))
	// Output: 200 {https://code.example.com alice}
}

// A Store forgets a session that has ended, whatever is put at the same time.
func ExampleStore() {
	var store weblogin.Store = weblogin.NewMemoryStore(0)
	ctx := context.Background()
	record := &weblogin.Record{Version: 1, Expires: time.Now().Add(time.Hour), Tags: []string{"user"}}
	fmt.Println(store.Put(ctx, "id", record), store.DeleteBy(ctx, "user"))
	record.Version = 2
	fmt.Println(errors.Is(store.Put(ctx, "id", record), weblogin.ErrConflict))
	// Output:
	// <nil> <nil>
	// true
}
