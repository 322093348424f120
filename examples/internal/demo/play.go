package demo

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"strings"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// startWeb starts a web application that is a client of the server.
func (s *Stage) startWeb(ctx context.Context, c oauthtest.Client) (p *process, origin string, err error) {
	if origin, err = s.listen(); err != nil {
		return nil, "", err
	}
	s.settings["OAUTH_REDIRECT_URI"] = origin + "/callback"
	c.RedirectURIs = []string{origin + "/callback"}
	c.PostLogoutRedirectURIs = []string{origin + "/"}
	c.BackchannelLogoutURI = origin + "/backchannel-logout"
	s.register(c)
	p, err = s.start(ctx)
	return p, origin, err
}

// newVisitor returns the user's browser, for the pages of an application. It follows
// no redirect by itself.
func newVisitor() *http.Client {
	jar, _ := cookiejar.New(nil) // without options it does not fail
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{Jar: jar, CheckRedirect: stay}
}

// begin goes up to the callback, which it does not send.
func (s *Stage) begin(ctx context.Context, visitor *http.Client, origin string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, origin+"/login", nil)
	resp, _, err := fetch(visitor, req, err)
	if err != nil {
		return nil, err
	}
	toServer, err := resp.Location()
	if err != nil {
		return nil, fmt.Errorf("the application answered %s", resp.Status)
	}
	return s.Browser.Authorize(ctx, toServer.String())
}

// logIn logs the user in and returns what the application shows then.
func (s *Stage) logIn(ctx context.Context, visitor *http.Client, origin string) (string, error) {
	s.Step("browser: opens %s/login", origin)
	callback, err := s.begin(ctx, visitor, origin)
	if err != nil {
		return "", err
	}
	s.Step("browser: the user logs in at the server, which sends the browser back to %s/callback", origin)
	resp, body, err := fetch(visitor, callback, nil)
	if err != nil {
		return "", err
	}
	if resp.StatusCode == http.StatusSeeOther {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, origin+"/", nil)
		if resp, body, err = fetch(visitor, req, err); err != nil {
			return "", err
		}
	}
	s.Step("browser: shows (%s)\n%s", resp.Status, body)
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the application answered %s", resp.Status)
	}
	return body, nil
}

func playLogin(ctx context.Context, s *Stage) error {
	p, origin, err := s.startWeb(ctx, oauthtest.Client{})
	if err != nil {
		return err
	}
	defer p.stop()
	visitor := newVisitor()
	if _, err := s.logIn(ctx, visitor, origin); err != nil {
		return err
	}
	s.Step("browser: the user logs out")
	return s.logOut(ctx, visitor, origin)
}

func (s *Stage) logOut(ctx context.Context, visitor *http.Client, origin string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, origin+"/logout", nil)
	resp, _, err := fetch(visitor, req, err)
	if err != nil {
		return err
	}
	toServer, err := resp.Location()
	if err != nil {
		return fmt.Errorf("the application answered %s", resp.Status)
	}
	back, err := s.Browser.Logout(ctx, toServer.String())
	if err != nil {
		return err
	}
	for _, l := range s.Server.BackchannelLogouts() {
		s.Step("server: sent a logout token to %s, which answered with status %d", l.URI, l.Status)
	}
	_, body, err := fetch(visitor, back, nil)
	s.Step("browser: is back, and shows\n%s", body)
	return err
}

func (s *Stage) setCLI() {
	s.register(oauthtest.Client{AuthMethod: "none", RedirectURIs: []string{"http://127.0.0.1/callback"}})
	s.settings["OAUTH_API"] = s.Server.URL() + "/resource"
	s.settings["OAUTH_TOKEN_FILE"] = filepath.Join(s.dir, "token")
}

// playCLI shows two runs: the second has the token of the first.
func playCLI(ctx context.Context, s *Stage) error {
	s.setCLI()
	p, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer p.stop()
	if err := s.open(ctx, p); err != nil {
		return err
	}
	if err := p.wait(); err != nil {
		return err
	}
	s.Step("---- the next time")
	if p, err = s.start(ctx); err != nil {
		return err
	}
	return p.wait()
}

// open opens the URL that the program prints, and logs in.
func (s *Stage) open(ctx context.Context, p *process) error {
	line, err := p.await(`To log in, open (\S+)`)
	if err != nil {
		return err
	}
	callback, err := s.Browser.Authorize(ctx, line[1])
	if err != nil {
		return err
	}
	s.Step("browser: the user logs in at the server, which sends the browser back to http://%s%s", callback.URL.Host, callback.URL.Path)
	_, body, err := fetch(http.DefaultClient, callback, nil)
	s.Step("browser: shows %q", strings.TrimSpace(body))
	return err
}

func playDevice(ctx context.Context, s *Stage) error {
	s.register(oauthtest.Client{AuthMethod: "none"})
	p, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer p.stop()
	if err := s.enterCode(ctx, p); err != nil {
		return err
	}
	return p.wait()
}

// enterCode enters the code that the program prints, and logs in.
func (s *Stage) enterCode(ctx context.Context, p *process) error {
	line, err := p.await(`To log in, open (\S+) on any device and enter (\S+)`)
	if err != nil {
		return err
	}
	s.Step("phone: opens %s; the user enters %s and logs in", line[1], line[2])
	return s.Browser.EnterUserCode(ctx, line[1], line[2])
}

// makeKey gives the program a key, and returns what the server knows it by.
func (s *Stage) makeKey() (jwks []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	key, err := oauth.NewSigningKey(private, oauth.ES256, "")
	if err != nil {
		return nil, err
	}
	s.settings["OAUTH_KEY"], s.settings["OAUTH_KEY_ALG"] = filepath.Join(s.dir, "key.pem"), "ES256"
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return fmt.Appendf(nil, `{"keys":[%s]}`, key.PublicJWK()), os.WriteFile(s.settings["OAUTH_KEY"], text, 0o600)
}

// runToEnd runs a program that nobody has to do anything for.
func (s *Stage) runToEnd(ctx context.Context) error {
	p, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer p.stop()
	return p.wait()
}

func playService(ctx context.Context, s *Stage) error {
	jwks, err := s.makeKey()
	if err != nil {
		return err
	}
	s.register(oauthtest.Client{AuthMethod: "private_key_jwt", JWKS: jwks, GrantTypes: []string{"client_credentials"}})
	s.settings["OAUTH_API"], s.settings["OAUTH_SCOPE"] = s.Server.URL()+"/resource", "orders"
	return s.runToEnd(ctx)
}

func (s *Stage) startFAPI2(ctx context.Context) (p *process, origin string, err error) {
	jwks, err := s.makeKey()
	if err != nil {
		return nil, "", err
	}
	s.settings["OAUTH_API"] = s.Server.URL() + "/resource"
	return s.startWeb(ctx, oauthtest.Client{
		AuthMethod:           "private_key_jwt",
		JWKS:                 jwks,
		AuthorizationAlg:     "ES256",
		RequestObjectAlg:     "ES256",
		RequirePAR:           true,
		RequireSignedRequest: true,
		RequirePKCE:          true,
		RequireDPoP:          true,
	})
}

func playFAPI2(ctx context.Context, s *Stage) error {
	p, origin, err := s.startFAPI2(ctx)
	if err != nil {
		return err
	}
	defer p.stop()
	_, err = s.logIn(ctx, newVisitor(), origin)
	return err
}

// playCIBA shows both modes.
func playCIBA(ctx context.Context, s *Stage) error {
	s.register(oauthtest.Client{})
	if err := s.confirm(ctx); err != nil {
		return err
	}
	s.Step("---- with a notification")
	if err := s.setPing(); err != nil {
		return err
	}
	return s.confirm(ctx)
}

func (s *Stage) setPing() error {
	origin, err := s.listen()
	s.register(oauthtest.Client{DeliveryMode: "ping", NotificationEndpoint: origin + "/notification"})
	return err
}

// confirm is a call. The phone of the customer hears from the server what to ask.
func (s *Stage) confirm(ctx context.Context) error {
	s.settings["OAUTH_LOGIN_HINT"] = "alice"
	asked := make(chan string, 1)
	stop, err := s.intercept("backchannel_authentication_endpoint", "/bc-authorize", func(body []byte) []byte {
		var answer struct {
			ID string `json:"auth_req_id"`
		}
		json.Unmarshal(body, &answer) // of an error it has none
		asked <- answer.ID
		return body
	})
	if err != nil {
		return err
	}
	defer stop()
	p, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer p.stop()
	line, err := p.await(`The phone is asked. Read out (\S+)`)
	if err != nil {
		return err
	}
	shown := ""
	for _, r := range s.Server.Requests() {
		if r.Path == "/bc-authorize" {
			shown = r.Params.Get("binding_message")
		}
	}
	s.Step("phone: shows %s; the customer hears %s, and approves", shown, line[1])
	notified, err := s.Server.ApproveBackchannel(<-asked, "")
	if notified != 0 {
		s.Step("server: has notified the program, which answered with status %d", notified)
	}
	return errors.Join(err, p.wait())
}

const initialToken = "only-those-have-it-who-may-register"

func playRegister(ctx context.Context, s *Stage) error {
	s.settings["OAUTH_INITIAL_ACCESS_TOKEN"] = initialToken
	s.settings["OAUTH_REGISTRATION_FILE"] = filepath.Join(s.dir, "registration")
	p, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer p.stop()
	if err := s.open(ctx, p); err != nil {
		return err
	}
	return p.wait()
}
