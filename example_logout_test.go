package oauth_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// The user logs out at the server, too (OpenID Connect RP-Initiated Logout). The application
// ends its own session first.
func ExampleClient_EndSessionURL() {
	srv, client := exampleServer(nil)
	defer srv.Close()
	token := exampleLogin(srv, client, "openid")
	target, err := client.EndSessionURL(&oauth.EndSessionRequest{
		Token:                 token,
		PostLogoutRedirectURI: "https://app.example.com/",
	})
	check(err)
	u, err := url.Parse(target) // where the browser is sent
	check(err)
	fmt.Println(strings.HasPrefix(target, srv.URL()), u.Query().Get("post_logout_redirect_uri"))
	// Output: true https://app.example.com/
}

// The server tells the application that a session has ended. OnLogout must do no harm when
// it is called again.
func ExampleClient_BackchannelLogoutHandler() {
	app := http.NewServeMux()
	application := httptest.NewServer(app)
	defer application.Close()
	srv, client := exampleServer(func(_ *oauthtest.Options, c *oauthtest.Client, _ *oauth.Config) {
		c.BackchannelLogoutURI = application.URL + "/backchannel-logout"
	})
	defer srv.Close()
	app.Handle("POST /backchannel-logout", client.BackchannelLogoutHandler(oauth.LogoutOptions{
		OnLogout: func(_ context.Context, t *oauth.LogoutToken) error {
			fmt.Println("ended: the sessions of", t.Subject()) // or the one with t.SessionID
			return nil
		},
	}))
	exampleLogin(srv, client, "openid")
	for _, sent := range srv.Logout(context.Background(), "alice") { // at another application
		fmt.Println(sent.Status)
	}
	// Output:
	// ended: the sessions of alice
	// 200
}

// The frontchannel_logout_uri of an application: the server's page loads it in a frame, so
// that headers which a middleware sets for all pages do not fit it.
func ExampleClient_ParseFrontchannelLogout() {
	srv, client := exampleServer(nil)
	defer srv.Close()
	session := map[string]string{"sid": "08a5019c"} // of the cookie that the browser sends
	logout := func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Del("X-Frame-Options")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors "+srv.URL())
		sid, err := client.ParseFrontchannelLogout(r)
		if err != nil {
			http.Error(w, "not a logout", http.StatusBadRequest)
			return
		}
		// Any page can cause the request: it ends the session of this browser, and only if
		// it is the one that is meant.
		if sid == "" || sid == session["sid"] {
			clear(session)
		}
	}
	frame := url.Values{"iss": {srv.Issuer()}, "sid": {"08a5019c"}}.Encode()
	logout(httptest.NewRecorder(), exampleRequest("GET", "https://app.example.com/frontchannel-logout?"+frame))
	fmt.Println(len(session))
	// Output: 0
}
