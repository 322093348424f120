package shop

import (
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"testing"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
	"example.com/oauth/weblogin"
)

// newShop is the application. Outside of tests, hc is nil.
func newShop(baseURL, issuer, clientID, secret string, key []byte, hc *http.Client) (http.Handler, error) {
	client, err := oauth.NewClientFromIssuer(issuer, nil, oauth.Config{
		Metadata:   oauth.ClientMetadata{ClientID: clientID},
		Auth:       oauth.ClientSecretBasic(secret),
		HTTPClient: hc,
	})
	if err != nil {
		return nil, err
	}
	login, err := weblogin.New(weblogin.Config{
		BaseURL:   baseURL,
		Keys:      [][]byte{key},
		Providers: []weblogin.Provider{{Client: client}},
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/auth/", login)
	mux.Handle("/orders", login.Require(weblogin.Requirement{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session, _ := weblogin.FromContext(r.Context())
		fmt.Fprint(w, "the orders of ", session.User().Subject)
	})))
	return mux, nil
}

// openOrders starts the application, opens its page /orders in a new browser, which follows
// the redirects to the server and back, and returns the page at the end.
func openOrders(t *testing.T, srv *oauthtest.Server) (status int, page string) {
	t.Helper()
	mux := http.NewServeMux()
	app := httptest.NewTLSServer(mux)
	defer app.Close()
	srv.AddClient(oauthtest.Client{ID: "shop", Secret: "the secret of the shop", RedirectURIs: []string{app.URL + "/auth/callback"}})
	key := make([]byte, 32)
	rand.Read(key)
	shop, err := newShop(app.URL, srv.Issuer(), "shop", "the secret of the shop", key, srv.Client())
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle("/", shop)

	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	trusted := srv.RootCAs()
	trusted.AddCert(app.Certificate())
	browser := &http.Client{Jar: jar, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}}
	defer browser.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, app.URL+"/orders", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html") // a script is not redirected
	res, err := browser.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestLogin(t *testing.T) {
	srv := oauthtest.NewServer(nil)
	defer srv.Close()
	if status, page := openOrders(t, srv); status != http.StatusOK || page != "the orders of alice" {
		t.Errorf("%d %s", status, page)
	}
}

func TestNoLogin(t *testing.T) {
	srv := oauthtest.NewServer(nil)
	defer srv.Close()
	for _, fault := range oauthtest.FatalFaults() {
		srv.Fault(fault)
		if status, page := openOrders(t, srv); status == http.StatusOK {
			t.Errorf("with %s: %s", fault, page)
		}
	}
}
