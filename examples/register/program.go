package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"example.com/oauth"
)

// A program is the life of a registration.
type program struct {
	settings
	store store
	opts  *oauth.RegistrationOptions
	out   io.Writer
	step  func(format string, args ...any)
}

// A user has a browser and opens pages of the application in it.
type user interface {
	login(ctx context.Context, loginURL string) error
	logout(ctx context.Context, logoutURL string) error
}

func newProgram(s settings, out io.Writer) *program {
	p := &program{settings: s, store: store{file: s.file}, out: out}
	p.step = func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	p.opts = &oauth.RegistrationOptions{
		InitialAccessToken: oauth.NewSecret(s.initialToken),
		HTTPClient:         s.httpClient,
		Trace:              p.trace(),
		InsecureAllowHTTP:  s.allowHTTP,
	}
	return p
}

func (p *program) trace() *oauth.Trace {
	return &oauth.Trace{RequestDone: func(_ context.Context, r oauth.RequestInfo) {
		// No parameter and no token is in it. Without an answer the status is 0.
		p.step("app: %s %s: status %d", r.Method, r.URL, r.Status)
	}}
}

func (p *program) run(ctx context.Context, ln net.Listener, u user) error {
	server, err := oauth.Discover(ctx, p.issuer, &oauth.DiscoverOptions{
		HTTPClient:        p.httpClient,
		InsecureAllowHTTP: p.allowHTTP,
	})
	if err != nil {
		return err
	}
	p.step("app: discovery found %s", server.Issuer)
	reg, err := p.registered(ctx, server)
	if err != nil {
		return err
	}
	subject, err := p.use(ctx, server, reg, ln, u)
	if err == nil || p.file == "" { // nobody could end what was kept in memory later
		err = errors.Join(err, p.delete(ctx))
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.out, "\nsub: %s\n", printable(subject))
	return err
}

// registered returns the client in the store, or registers one.
func (p *program) registered(ctx context.Context, server *oauth.AuthorizationServer) (*oauth.Registration, error) {
	reg, err := p.store.load()
	if err != nil {
		return nil, err
	}
	if reg != nil {
		p.step("app: is the client %s of before", printable(reg.Metadata.ClientID))
		if !slices.Contains(reg.Metadata.RedirectURIs, p.origin+callbackPath) {
			return nil, fmt.Errorf("the client in the store is not registered with the redirect URI %s", p.origin+callbackPath)
		}
		return reg, nil
	}
	if reg, err = oauth.Register(ctx, server, p.metadata(server), p.opts); err != nil {
		var made *oauth.RegistrationError
		if errors.As(err, &made) { // a client that is not to be used, and exists
			err = errors.Join(err, made.Registration.Delete(ctx, p.opts))
		}
		return nil, err
	}
	p.step("app: is registered as the client %s", printable(reg.Metadata.ClientID))
	if err := p.store.save(reg); err != nil {
		return nil, errors.Join(err, reg.Delete(ctx, p.opts))
	}
	p.step("app: keeps the registration in %s", cmp.Or(p.file, "memory"))
	return reg, nil
}

// metadata is what the client registers with. What it leaves out is the server's
// choice.
func (p *program) metadata(server *oauth.AuthorizationServer) oauth.ClientMetadata {
	m := oauth.ClientMetadata{
		ClientName:              "register-example",
		RedirectURIs:            []string{p.origin + callbackPath},
		ResponseTypes:           []string{"code"},
		GrantTypes:              []string{"authorization_code"},
		TokenEndpointAuthMethod: "client_secret_basic",
		// Only native clients may use http on loopback (OpenID Connect Dynamic
		// Client Registration 1.0, Section 2).
		ApplicationType: "native",
	}
	if server.EndSessionEndpoint != "" {
		m.PostLogoutRedirectURIs = []string{p.origin + loggedOutPath}
	}
	if server.BackchannelLogoutSupported {
		m.BackchannelLogoutURI = p.origin + logoutTokenPath
		m.BackchannelLogoutSessionRequired = true
	}
	return m
}

// use logs a user in and out as the registered client.
func (p *program) use(ctx context.Context, server *oauth.AuthorizationServer, reg *oauth.Registration, ln net.Listener, u user) (subject string, err error) {
	cfg, err := reg.Config(server, nil)
	if err != nil {
		return "", err
	}
	cfg.HTTPClient = p.httpClient
	cfg.InsecureAllowHTTP = p.allowHTTP
	cfg.Trace = p.trace()
	client, err := oauth.NewClient(cfg)
	if err != nil {
		return "", err
	}
	app := newApp(client, p.origin, p.step)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- serve(ctx, ln, app) }()
	defer func() {
		cancel()
		err = errors.Join(err, <-done)
	}()

	if err := u.login(ctx, p.origin+loginPath); err != nil {
		return "", err
	}
	token, err := app.wait(ctx)
	if err != nil {
		return "", err
	}
	if err := p.read(ctx); err != nil {
		return "", err
	}
	return token.Subject(), p.logout(ctx, server, app, u)
}

// read asks how the client is registered now. A registration access token is
// good for one time at many servers: what comes replaces what there is, and where
// the secret is another one, Config makes a new Client of it.
func (p *program) read(ctx context.Context) error {
	reg, err := p.store.load()
	if err != nil {
		return err
	}
	if reg.RegistrationClientURI == "" {
		p.step("app: the server does not let clients manage their registration")
		return nil
	}
	fresh, err := reg.Read(ctx, p.opts)
	if err != nil {
		var read *oauth.RegistrationError
		if errors.As(err, &read) && read.Registration.Metadata.ClientID == reg.Metadata.ClientID { // the token of before may not work any more
			err = errors.Join(err, p.store.save(read.Registration))
		}
		return err
	}
	p.step("app: read that it is registered as %q and authenticates by %s",
		fresh.Metadata.ClientName, printable(fresh.Metadata.TokenEndpointAuthMethod))
	return p.store.save(fresh)
}

// logout ends the session at the server and hears of it from there.
func (p *program) logout(ctx context.Context, server *oauth.AuthorizationServer, app *app, u user) error {
	if server.EndSessionEndpoint == "" {
		p.step("app: the server has no end_session_endpoint: the user stays logged in there")
		return nil
	}
	if err := u.logout(ctx, p.origin+logoutPath); err != nil {
		return err
	}
	select {
	case <-app.back:
	case <-ctx.Done():
		return ctx.Err()
	}
	if !server.BackchannelLogoutSupported {
		return nil
	}
	select {
	case <-app.heard:
	case <-time.After(p.patience):
		p.step("app: no good logout token came from the server: can it reach %s?", p.origin+logoutTokenPath)
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// delete ends the registration, also after an interrupt.
func (p *program) delete(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	reg, err := p.store.load()
	if err != nil {
		return err
	}
	if reg.RegistrationClientURI == "" {
		p.step("app: stays registered")
		return nil
	}
	if err := reg.Delete(ctx, p.opts); err != nil {
		return err
	}
	p.step("app: ended its registration")
	return p.store.clear()
}
