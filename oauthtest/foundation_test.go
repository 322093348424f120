package oauthtest_test

// The modules of the OpenID Foundation's conformance suite in which a relying party has
// to stop: by what this package plays each, and where and with which error package oauth
// stops then. A module has the name that it has there
// (https://gitlab.com/openid/conformance-suite).

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// A partyStep is a call of the client, in the order of their turns.
type partyStep int

const (
	atDiscovery    partyStep = iota
	atStart                  // StartAuthorization, StartBackchannelAuthentication
	atNotification           // ParseBackchannelPing
	atResponse               // ValidateAuthorizationResponse
	atToken                  // ExchangeCode, BackchannelAuthenticationToken
	atUserinfo
	atRefresh
	atLogout
	atEnd

	atIDToken // atResponse or atToken: where the first ID token comes
	atPoll    // PollBackchannelAuthentication in place of BackchannelAuthenticationToken
)

// A party is a relying party as one of the plans has it.
type party struct {
	name    string
	profile oauth.SecurityProfile
	client  func(c *oauthtest.Client)
	config  func(t *testing.T, srv *oauthtest.Server, c *oauth.Config)
	request oauth.AuthorizationRequest // without what all have
	idToken partyStep                  // where the first one comes
	ciba    bool
}

var (
	basic       = &party{name: "basic", idToken: atToken}
	basicRS256  = &party{name: "basic, RS256", idToken: atToken, client: func(c *oauthtest.Client) { c.IDTokenAlg = "RS256" }}
	formPost    = &party{name: "form_post", idToken: atToken, request: oauth.AuthorizationRequest{ResponseMode: "form_post"}}
	codeIDToken = &party{name: "hybrid", idToken: atResponse, request: oauth.AuthorizationRequest{ResponseType: "code id_token", ResponseMode: "form_post"}}

	fapi1Hybrid = &party{name: "FAPI 1 Advanced", profile: oauth.FAPI1Advanced, idToken: atResponse, client: fapi1Client, config: withCertificate,
		request: codeIDToken.request}
	fapi1JARM      = &party{name: "FAPI 1 Advanced with JARM", profile: oauth.FAPI1Advanced, idToken: atToken, client: fapi1Client, config: withCertificate}
	fapi1Encrypted = &party{name: "FAPI 1 Advanced, encrypted", profile: oauth.FAPI1Advanced, idToken: atResponse, request: codeIDToken.request,
		client: func(c *oauthtest.Client) {
			fapi1Client(c)
			c.IDTokenEncryptionAlg, c.IDTokenEncryptionEnc = "RSA-OAEP-256", "A256GCM"
		},
		config: func(t *testing.T, srv *oauthtest.Server, c *oauth.Config) {
			withCertificate(t, srv, c)
			c.Metadata.IDTokenEncryptedResponseAlg, c.Metadata.IDTokenEncryptedResponseEnc = "RSA-OAEP-256", "A256GCM"
			decrypter, err := oauth.NewDecrypter(partyKeys().decryption)
			if err != nil {
				t.Fatal(err)
			}
			c.Decrypter = decrypter
		}}
	fapi2        = &party{name: "FAPI 2 Security Profile", profile: oauth.FAPI2SecurityProfile, idToken: atToken, client: fapi2Client, config: withProof}
	fapi2Signing = &party{name: "FAPI 2 Message Signing", profile: oauth.FAPI2MessageSigning, idToken: atToken,
		client: func(c *oauthtest.Client) { fapi2Client(c); c.RequireSignedRequest = true },
		config: func(t *testing.T, srv *oauthtest.Server, c *oauth.Config) {
			withProof(t, srv, c)
			c.RequestKey = partyKeys().signing
		}}
	cibaPoll = &party{name: "FAPI-CIBA poll", profile: oauth.FAPICIBA, idToken: atToken, ciba: true, client: cibaClient, config: withCertificate}
	cibaPing = &party{name: "FAPI-CIBA ping", profile: oauth.FAPICIBA, idToken: atToken, ciba: true,
		client: func(c *oauthtest.Client) { cibaClient(c); c.DeliveryMode = "ping" },
		config: func(t *testing.T, srv *oauthtest.Server, c *oauth.Config) {
			withCertificate(t, srv, c)
			c.Metadata.BackchannelTokenDeliveryMode = "ping"
		}}
)

var parties = []*party{
	basic, basicRS256, formPost, codeIDToken, fapi1Hybrid, fapi1JARM, fapi1Encrypted, fapi2, fapi2Signing, cibaPoll, cibaPing,
}

func fapi1Client(c *oauthtest.Client) {
	c.AuthMethod, c.RequireSignedRequest, c.SHash, c.CertificateBound = "private_key_jwt", true, true, true
}

func fapi2Client(c *oauthtest.Client) {
	c.AuthMethod, c.RequirePAR, c.RequirePKCE, c.RequireDPoP = "private_key_jwt", true, true, true
}

func cibaClient(c *oauthtest.Client) {
	c.AuthMethod, c.CertificateBound, c.BackchannelRequestAlg = "private_key_jwt", true, "ES256"
}

func withCertificate(_ *testing.T, srv *oauthtest.Server, c *oauth.Config) {
	c.Auth, c.RequestKey = oauth.PrivateKeyJWT(partyKeys().signing, nil), partyKeys().signing
	c.MTLS = &oauth.MutualTLS{Certificate: srv.NewCertificate("web", time.Time{})}
}

func withProof(t *testing.T, _ *oauthtest.Server, c *oauth.Config) {
	c.Auth = oauth.PrivateKeyJWT(partyKeys().signing, nil)
	dpop, err := oauth.NewDPoP(partyKeys().signing, oauth.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	c.DPoP = dpop
}

type partyKeyPair struct {
	signing    *oauth.SigningKey
	decryption *oauth.DecryptionKey
}

// partyKeys are the keys of all relying parties.
var partyKeys = sync.OnceValue(func() (keys partyKeyPair) {
	private, err1 := rsa.GenerateKey(rand.Reader, 2048)
	var err2, err3 error
	keys.decryption, err2 = oauth.NewDecryptionKey(private, "RSA-OAEP-256", nil, "the key to decrypt with")
	keys.signing, err3 = oauth.GenerateSigningKey(oauth.ES256)
	if err := errors.Join(err1, err2, err3); err != nil {
		panic(err)
	}
	return keys
})

// A partyRun is a relying party at a server.
type partyRun struct {
	*party
	*oauthtest.Server
	t       *testing.T
	app     *httptest.Server // its notification endpoint and back-channel logout
	handler http.HandlerFunc // of app; set before it is asked
	edit    atomic.Pointer[func(claims map[string]any)]
	role    oauthtest.Client // as it is registered
	request oauth.AuthorizationRequest
	hint    string // of a backchannel request

	client *oauth.Client
	begun  *oauth.BackchannelAuthentication
}

func newPartyRun(t *testing.T, p *party, interval time.Duration) *partyRun {
	r := &partyRun{party: p, t: t, request: p.request, hint: "alice"}
	r.request.RedirectURI, r.request.Scope = redirectURI, []string{"openid", "email"}
	r.Server = oauthtest.NewServer(&oauthtest.Options{
		SigningAlgs: []string{"ES256", "RS256"}, AccessTokenAlg: "ES256", PollInterval: interval,
		EditIDToken: func(_, claims map[string]any) {
			if edit := r.edit.Load(); edit != nil {
				(*edit)(claims)
			}
		},
	})
	t.Cleanup(r.Close)
	r.app = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.handler(w, req) }))
	t.Cleanup(r.app.Close)
	r.role = oauthtest.Client{
		ID: "web", Secret: "a secret that only the two know", RedirectURIs: []string{redirectURI}, RefreshTokens: true,
		IDTokenAlg: "ES256", AuthorizationAlg: "ES256", NotificationEndpoint: r.app.URL, BackchannelLogoutURI: r.app.URL,
		JWKS: fmt.Appendf(nil, `{"keys":[%s,%s]}`, partyKeys().signing.PublicJWK(), partyKeys().decryption.PublicJWK()),
	}
	if p.client != nil {
		p.client(&r.role)
	}
	r.AddClient(r.role)
	return r
}

// play goes through all calls and returns the one that failed, after which there is no
// other. misbehave is called before the first or, of a later answer, when all before it
// is done. With whole, FinishAuthorization and PollBackchannelAuthentication stand for
// their parts.
func (r *partyRun) play(last partyStep, whole bool, misbehave func(r *partyRun)) (partyStep, error) {
	alg := r.role.IDTokenAlg // that is agreed
	if last != atRefresh && last != atLogout {
		misbehave(r)
	}
	if err := r.begin(alg); err != nil {
		return atDiscovery, err
	}
	logIn := r.logIn
	if r.ciba {
		logIn = r.logInByCIBA
	}
	tok, step, err := logIn(whole)
	if err != nil {
		return step, err
	}
	info, err := r.client.UserInfo(r.t.Context(), tok, nil)
	if err != nil {
		return atUserinfo, err
	}
	if tok.Subject() != "alice" || info.Subject() != "alice" {
		r.t.Fatalf("logged in as %q, %q", tok.Subject(), info.Subject())
	}
	if last == atRefresh {
		misbehave(r)
	}
	if _, err = r.client.Refresh(r.t.Context(), tok, nil); err != nil {
		return atRefresh, err
	}
	if last == atLogout {
		misbehave(r)
	}
	return atLogout, r.logOut()
}

// begin is discovery, and makes the client.
func (r *partyRun) begin(alg string) error {
	as, err := oauth.Discover(r.t.Context(), r.Issuer(), &oauth.DiscoverOptions{HTTPClient: r.Client()})
	if err != nil {
		return err
	}
	cfg := oauth.Config{
		Server: as, Auth: oauth.ClientSecretBasic(r.role.Secret), HTTPClient: r.Server.Client(), SecurityProfile: r.profile,
		Metadata: oauth.ClientMetadata{ClientID: "web", IDTokenSignedResponseAlg: oauth.Algorithm(alg)},
	}
	if r.config != nil {
		r.config(r.t, r.Server, &cfg)
	}
	if r.client, err = oauth.NewClient(cfg); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(r.client.CloseIdleConnections)
	return nil
}

func (r *partyRun) logIn(whole bool) (*oauth.Token, partyStep, error) {
	ctx := r.t.Context()
	pending, err := r.client.StartAuthorization(ctx, &r.request)
	if err != nil {
		return nil, atStart, err
	}
	callback, err := r.Authorize(ctx, pending.URL())
	if err != nil {
		r.t.Fatal(err)
	}
	if whole {
		before := r.Count("/token")
		tok, err := r.client.FinishAuthorization(callback, pending, nil)
		if r.Count("/token") == before {
			return tok, atResponse, err
		}
		return tok, atToken, err
	}
	if err := callback.ParseForm(); err != nil {
		r.t.Fatal(err)
	}
	response, err := r.client.ValidateAuthorizationResponse(ctx, pending, callback.Form)
	if err != nil {
		return nil, atResponse, err
	}
	tok, err := r.client.ExchangeCode(ctx, response, nil)
	return tok, atToken, err
}

func (r *partyRun) logInByCIBA(whole bool) (tok *oauth.Token, step partyStep, err error) {
	ctx := r.t.Context()
	r.begun, err = r.client.StartBackchannelAuthentication(ctx, &oauth.BackchannelAuthenticationRequest{Scope: r.request.Scope, LoginHint: r.hint})
	if err != nil {
		return nil, atStart, err
	}
	var pinged error
	r.handler = func(w http.ResponseWriter, req *http.Request) {
		_, pinged = oauth.ParseBackchannelPing(req, func(_ context.Context, id string) (*oauth.BackchannelAuthentication, error) {
			if id != r.begun.AuthReqID() {
				return nil, nil
			}
			return r.begun, nil
		})
		w.WriteHeader(http.StatusNoContent)
	}
	if _, err := r.ApproveBackchannel(r.begun.AuthReqID(), ""); err != nil {
		r.t.Fatal(err)
	}
	if pinged != nil {
		return nil, atNotification, pinged
	}
	get := r.client.BackchannelAuthenticationToken
	if whole {
		get = r.client.PollBackchannelAuthentication
	}
	tok, err = get(ctx, r.begun, nil)
	return tok, atToken, err
}

// logOut returns what is wrong with the logout token that the server sends.
func (r *partyRun) logOut() (refused error) {
	if r.ciba { // there is no session in a browser
		return nil
	}
	ended := 0
	handler := r.client.BackchannelLogoutHandler(oauth.LogoutOptions{
		OnLogout: func(context.Context, *oauth.LogoutToken) error { ended++; return nil },
		OnError:  func(_ context.Context, err error) { refused = err },
	})
	r.handler = handler.ServeHTTP
	sent := r.Logout(r.t.Context(), "alice")
	want, status := 1, http.StatusOK
	if refused != nil {
		want, status = 0, http.StatusBadRequest
	}
	if len(sent) != 1 || sent[0].Status != status || ended != want {
		r.t.Errorf("%d sessions ended, %v", ended, sent)
	}
	return refused
}

// after is the number of requests to the endpoints after that of a step, if the client
// stopped there.
func (r *partyRun) after(step partyStep) string {
	var more []string
	for _, e := range []struct {
		path string
		step partyStep
	}{{"/par", atStart}, {"/bc-authorize", atStart}, {"/authorize", atResponse}, {"/token", atToken}, {"/userinfo", atUserinfo}} {
		n, most := r.Count(e.path), 1
		switch {
		case e.step > step:
			most = 0
		case e.path == "/token" && step >= atRefresh:
			most = 2
		}
		if n > most {
			more = append(more, fmt.Sprintf("%d to %s", n, e.path))
		}
	}
	return strings.Join(more, ", ")
}

// TestFoundationParties: each relying party gets to its end at a correct server.
func TestFoundationParties(t *testing.T) {
	for _, p := range parties {
		t.Run(p.name, func(t *testing.T) {
			for _, whole := range []bool{false, true} {
				r := newPartyRun(t, p, time.Second)
				if step, err := r.play(atEnd, whole, func(*partyRun) {}); err != nil {
					t.Errorf("step %d: %v", step, err)
				}
				if more := r.after(atLogout); more != "" {
					t.Errorf("%s", more)
				}
			}
		})
	}
}
