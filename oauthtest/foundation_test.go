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
	"slices"
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

// A module is one in which the client has to stop.
type module struct {
	name    string // testName
	parties []*party
	play    func(r *partyRun)
	step    partyStep // where the client stops
	kind    error
	param   string
}

func faults(list ...oauthtest.Fault) func(*partyRun) {
	return func(r *partyRun) { r.Fault(list...) }
}

// claims changes the claims of every ID token.
func claims(edit func(claims map[string]any)) func(*partyRun) {
	return func(r *partyRun) { r.edit.Store(&edit) }
}

func without(name string) func(*partyRun) {
	return claims(func(m map[string]any) { delete(m, name) })
}

// weekOld is an ID token of last week that is still good.
var weekOld = claims(func(m map[string]any) { m["iat"] = time.Now().Add(-7 * 24 * time.Hour).Unix() })

// rs256 signs ID tokens, and logout tokens, with another algorithm than agreed.
func rs256(r *partyRun) {
	r.role.IDTokenAlg = "RS256"
	r.AddClient(r.role)
}

// twoKeys has no kid, and two keys that fit.
func twoKeys(r *partyRun) {
	other, err := oauth.GenerateSigningKey(oauth.ES256)
	if err != nil {
		r.t.Fatal(err)
	}
	r.AddJWK(other.PublicJWK())
	r.Fault(oauthtest.MissingKid)
}

// silently asks for a login without a page, of a browser that has none.
func silently(r *partyRun) {
	now := int64(0)
	r.request.Prompt, r.request.MaxAge = "none", &now
}

func ofNobody(r *partyRun) { r.hint = "nobody" }

var (
	connect = []*party{basic, codeIDToken}
	fapi1s  = []*party{fapi1Hybrid, fapi1JARM}
	fapi2s  = []*party{fapi2, fapi2Signing}
	cibas   = []*party{cibaPoll, cibaPing}
	only    = func(p *party) []*party { return []*party{p} }
)

const (
	oidcc     = "oidcc-client-test-"
	advanced  = "fapi1-advanced-final-client-test-"
	security  = "fapi2-security-profile-final-client-test-"
	ciba      = "fapi-ciba-id1-client-"
	logoutOf  = oidcc + "rp-backchannel-rpinitlogout-"
	refreshOf = oidcc + "refresh-token-invalid-"
)

var modules = []module{
	{oidcc + "discovery-issuer-mismatch", connect, faults(oauthtest.DiscoveryWrongIssuer), atDiscovery, oauth.ErrIssuer, "issuer"},
	{oidcc + "invalid-iss", connect, faults(oauthtest.WrongIssuer), atIDToken, oauth.ErrIssuer, "iss"},
	{oidcc + "missing-sub", connect, faults(oauthtest.MissingSub), atIDToken, oauth.ErrClaim, "sub"},
	{oidcc + "invalid-aud", connect, faults(oauthtest.WrongAudience), atIDToken, oauth.ErrAudience, "aud"},
	{oidcc + "missing-aud", connect, without("aud"), atIDToken, oauth.ErrClaim, "aud"},
	{oidcc + "missing-iat", connect, without("iat"), atIDToken, oauth.ErrClaim, "iat"},
	{oidcc + "nonce-invalid", connect, faults(oauthtest.WrongNonce), atIDToken, oauth.ErrNonce, "nonce"},
	{oidcc + "kid-absent-multiple-jwks", connect, twoKeys, atIDToken, oauth.ErrKeyNotFound, "kid"},             // the client may try both
	{oidcc + "idtoken-sig-none", only(basic), faults(oauthtest.AlgNone), atIDToken, oauth.ErrAlgorithm, "alg"}, // or take it
	{oidcc + "invalid-sig-rs256", only(basicRS256), faults(oauthtest.WrongSignature), atIDToken, oauth.ErrSignature, ""},
	{oidcc + "invalid-sig-es256", connect, faults(oauthtest.WrongSignature), atIDToken, oauth.ErrSignature, ""},
	{oidcc + "invalid-sig-hs256", connect, faults(oauthtest.HS256WithPublicKey), atIDToken, oauth.ErrAlgorithm, "alg"},
	{oidcc + "invalid-chash", only(codeIDToken), faults(oauthtest.WrongCHash), atResponse, oauth.ErrClaim, "c_hash"},
	{oidcc + "missing-chash", only(codeIDToken), faults(oauthtest.MissingCHash), atResponse, oauth.ErrClaim, "c_hash"},
	{oidcc + "invalid-athash", connect, faults(oauthtest.WrongAtHash), atToken, oauth.ErrClaim, "at_hash"}, // of the token endpoint
	{oidcc + "form-post-error", only(formPost), silently, atResponse, oauth.ErrRefused, ""},
	{oidcc + "userinfo-invalid-sub", connect, faults(oauthtest.SubMismatch), atUserinfo, oauth.ErrClaim, "sub"},

	{refreshOf + "issuer", only(basic), faults(oauthtest.RefreshOtherIssuer), atRefresh, oauth.ErrIssuer, "iss"},
	{refreshOf + "sub", only(basic), faults(oauthtest.RefreshOtherSubject), atRefresh, oauth.ErrClaim, "sub"},
	{refreshOf + "aud", only(basic), faults(oauthtest.WrongAudience), atRefresh, oauth.ErrAudience, "aud"},
	{refreshOf + "azp", only(basic), faults(oauthtest.WrongAzp), atRefresh, oauth.ErrAudience, "azp"},

	{logoutOf + "alg-none", connect, faults(oauthtest.AlgNone), atLogout, oauth.ErrAlgorithm, "alg"},
	{logoutOf + "wrong-alg", only(basic), rs256, atLogout, oauth.ErrAlgorithm, "alg"},
	{logoutOf + "wrong-iss", connect, faults(oauthtest.LogoutWrongIssuer), atLogout, oauth.ErrIssuer, "iss"},
	{logoutOf + "wrong-aud", connect, faults(oauthtest.LogoutWrongAudience), atLogout, oauth.ErrAudience, "aud"},
	{logoutOf + "no-event", connect, faults(oauthtest.LogoutMissingEvents), atLogout, oauth.ErrType, "events"},
	{logoutOf + "wrong-event", connect, faults(oauthtest.LogoutWrongEvents), atLogout, oauth.ErrType, "events"},
	{logoutOf + "with-nonce", connect, faults(oauthtest.LogoutWithNonce), atLogout, oauth.ErrNonce, "nonce"},

	{advanced + "discovery-issuer-mismatch", fapi1s, faults(oauthtest.DiscoveryWrongIssuer), atDiscovery, oauth.ErrIssuer, "issuer"},
	{advanced + "invalid-iss", fapi1s, faults(oauthtest.WrongIssuer), atIDToken, oauth.ErrIssuer, "iss"},
	{advanced + "invalid-missing-iss", fapi1s, without("iss"), atIDToken, oauth.ErrClaim, "iss"},
	{advanced + "invalid-aud", fapi1s, faults(oauthtest.WrongAudience), atIDToken, oauth.ErrAudience, "aud"},
	{advanced + "invalid-missing-aud", fapi1s, without("aud"), atIDToken, oauth.ErrClaim, "aud"},
	{advanced + "invalid-secondary-aud", fapi1s, faults(oauthtest.ExtraAudience), atIDToken, oauth.ErrAudience, "aud"},
	{advanced + "invalid-expired-exp", fapi1s, faults(oauthtest.ExpiredIDToken), atIDToken, oauth.ErrExpired, "exp"},
	{advanced + "invalid-missing-exp", fapi1s, without("exp"), atIDToken, oauth.ErrClaim, "exp"},
	{advanced + "iat-is-week-in-past", only(fapi1Hybrid), weekOld, atResponse, oauth.ErrExpired, "iat"},
	{advanced + "invalid-nonce", fapi1s, faults(oauthtest.WrongNonce), atIDToken, oauth.ErrNonce, "nonce"},
	{advanced + "invalid-missing-nonce", fapi1s, faults(oauthtest.MissingNonce), atIDToken, oauth.ErrNonce, "nonce"},
	{advanced + "invalid-chash", only(fapi1Hybrid), faults(oauthtest.WrongCHash), atResponse, oauth.ErrClaim, "c_hash"},
	{advanced + "invalid-shash", only(fapi1Hybrid), faults(oauthtest.WrongSHash), atResponse, oauth.ErrClaim, "s_hash"},
	{advanced + "invalid-missing-shash", only(fapi1Hybrid), faults(oauthtest.MissingSHash), atResponse, oauth.ErrClaim, "s_hash"},
	{advanced + "invalid-signature", only(fapi1Hybrid), faults(oauthtest.WrongSignature), atResponse, oauth.ErrSignature, ""},
	{advanced + "invalid-null-alg", only(fapi1Hybrid), faults(oauthtest.AlgNone), atResponse, oauth.ErrAlgorithm, "alg"},
	{advanced + "invalid-alternate-alg", only(fapi1Hybrid), rs256, atIDToken, oauth.ErrAlgorithm, "alg"},
	{advanced + "encrypted-idtoken-usingrsa15", only(fapi1Encrypted), faults(oauthtest.RSA15), atResponse, oauth.ErrAlgorithm, "alg"},

	{security + "discovery-issuer-mismatch", fapi2s, faults(oauthtest.DiscoveryWrongIssuer), atDiscovery, oauth.ErrIssuer, "issuer"},
	{security + "grant-management-invalid-grant-id-fails", fapi2s, faults(oauthtest.PARError), atStart, oauth.ErrRefused, ""},
	{security + "ensure-authorization-response-with-invalid-state-fails", fapi2s, faults(oauthtest.WrongState), atResponse, oauth.ErrState, "state"},
	{security + "ensure-authorization-response-with-invalid-missing-state-fails", fapi2s, faults(oauthtest.MissingState), atResponse, oauth.ErrState, "state"},
	{security + "invalid-authorization-response-iss", only(fapi2), faults(oauthtest.WrongIss), atResponse, oauth.ErrIssuer, "iss"},
	{security + "remove-authorization-response-iss", only(fapi2), faults(oauthtest.MissingIss), atResponse, oauth.ErrIssuer, "iss"},
	{security + "invalid-iss", fapi2s, faults(oauthtest.WrongIssuer), atIDToken, oauth.ErrIssuer, "iss"},
	{security + "invalid-missing-iss", fapi2s, without("iss"), atIDToken, oauth.ErrClaim, "iss"},
	{security + "invalid-aud", fapi2s, faults(oauthtest.WrongAudience), atIDToken, oauth.ErrAudience, "aud"},
	{security + "invalid-missing-aud", fapi2s, without("aud"), atIDToken, oauth.ErrClaim, "aud"},
	{security + "invalid-secondary-aud", fapi2s, faults(oauthtest.ExtraAudience), atIDToken, oauth.ErrAudience, "aud"},
	{security + "invalid-expired-exp", fapi2s, faults(oauthtest.ExpiredIDToken), atIDToken, oauth.ErrExpired, "exp"},
	{security + "invalid-missing-exp", fapi2s, without("exp"), atIDToken, oauth.ErrClaim, "exp"},
	{security + "invalid-nonce", fapi2s, faults(oauthtest.WrongNonce), atIDToken, oauth.ErrNonce, "nonce"},
	{security + "invalid-missing-nonce", fapi2s, faults(oauthtest.MissingNonce), atIDToken, oauth.ErrNonce, "nonce"},
	{security + "invalid-null-alg", only(fapi2), faults(oauthtest.AlgNone), atIDToken, oauth.ErrAlgorithm, "alg"},
	{security + "invalid-alternate-alg", only(fapi2), rs256, atIDToken, oauth.ErrAlgorithm, "alg"},

	{security + "ensure-jarm-without-iss-fails", only(fapi2Signing), faults(oauthtest.JARMMissingIssuer), atResponse, oauth.ErrClaim, "iss"},
	{security + "ensure-jarm-with-invalid-iss-fails", only(fapi2Signing), faults(oauthtest.JARMWrongIssuer), atResponse, oauth.ErrIssuer, "iss"},
	{security + "ensure-jarm-without-aud-fails", only(fapi2Signing), faults(oauthtest.JARMMissingAudience), atResponse, oauth.ErrClaim, "aud"},
	{security + "ensure-jarm-with-invalid-aud-fails", only(fapi2Signing), faults(oauthtest.JARMWrongAudience), atResponse, oauth.ErrAudience, "aud"},
	{security + "ensure-jarm-without-exp-fails", only(fapi2Signing), faults(oauthtest.JARMMissingExp), atResponse, oauth.ErrClaim, "exp"},
	{security + "ensure-jarm-with-expired-exp-fails", only(fapi2Signing), faults(oauthtest.JARMExpired), atResponse, oauth.ErrExpired, "exp"},
	{security + "ensure-jarm-with-invalid-sig-fails", only(fapi2Signing), faults(oauthtest.WrongSignature), atResponse, oauth.ErrSignature, ""},
	{security + "ensure-jarm-signature-is-not-none", only(fapi2Signing), faults(oauthtest.AlgNone), atResponse, oauth.ErrAlgorithm, "alg"},

	{ciba + "invalid-missing-authreqid-test", cibas, faults(oauthtest.MissingAuthReqID), atStart, oauth.ErrResponse, "auth_req_id"},
	{ciba + "invalid-missing-expiresin-test", cibas, faults(oauthtest.MissingExpiresIn), atStart, oauth.ErrResponse, "expires_in"},
	{ciba + "invalid-unknown-user-id-test", cibas, ofNobody, atStart, oauth.ErrRefused, ""},
	{ciba + "invalid-request-test", only(cibaPoll), faults(oauthtest.PollInvalid), atPoll, oauth.ErrRefused, ""},
	{ciba + "invalid-access-denied-test", only(cibaPoll), faults(oauthtest.PollDenied), atPoll, oauth.ErrRefused, ""},
	{ciba + "invalid-expired-token-test", only(cibaPoll), faults(oauthtest.PollExpired), atPoll, oauth.ErrExpired, ""},
	{ciba + "invalid-iss-test", cibas, faults(oauthtest.WrongIssuer), atIDToken, oauth.ErrIssuer, "iss"},
	{ciba + "invalid-missing-iss-test", cibas, without("iss"), atIDToken, oauth.ErrClaim, "iss"},
	{ciba + "invalid-aud-test", cibas, faults(oauthtest.WrongAudience), atIDToken, oauth.ErrAudience, "aud"},
	{ciba + "invalid-missing-aud-test", cibas, without("aud"), atIDToken, oauth.ErrClaim, "aud"},
	{ciba + "invalid-secondary-aud-test", cibas, faults(oauthtest.ExtraAudience), atIDToken, oauth.ErrAudience, "aud"},
	{ciba + "invalid-expired-exp-test", cibas, faults(oauthtest.ExpiredIDToken), atIDToken, oauth.ErrExpired, "exp"},
	{ciba + "invalid-missing-exp-test", cibas, without("exp"), atIDToken, oauth.ErrClaim, "exp"},
	{ciba + "invalid-iat-is-week-in-past-test", cibas, weekOld, atIDToken, oauth.ErrExpired, "iat"},
	{ciba + "invalid-signature-test", cibas, faults(oauthtest.WrongSignature), atIDToken, oauth.ErrSignature, ""},
	{ciba + "invalid-null-alg-test", cibas, faults(oauthtest.AlgNone), atIDToken, oauth.ErrAlgorithm, "alg"},
	{ciba + "invalid-alternate-alg-test", only(cibaPoll), rs256, atIDToken, oauth.ErrAlgorithm, "alg"},
	{ciba + "ping-with-invalid-bearer-token-test", only(cibaPing), faults(oauthtest.PingWrongToken), atNotification, oauth.ErrNoCredentials, "Authorization"},
	{ciba + "ping-without-bearer-token-test", only(cibaPing), faults(oauthtest.PingMissingToken), atNotification, oauth.ErrNoCredentials, "Authorization"},
	{ciba + "ping-with-wrong-auth-req-id-test", only(cibaPing), faults(oauthtest.PingWrongID), atNotification, oauth.ErrNoCredentials, "auth_req_id"},
}

// TestFoundationModules: the client stops where it has to, with the right error, and has
// asked for nothing after that.
func TestFoundationModules(t *testing.T) {
	for _, m := range modules {
		for _, p := range m.parties {
			for _, whole := range []bool{false, true} {
				want := m.step
				switch {
				case m.step == atPoll && !whole, p.ciba && whole && m.step != atPoll: // which waits for a second
					continue
				case m.step == atPoll:
					want = atToken
				case m.step == atIDToken:
					want = p.idToken
				}
				t.Run(fmt.Sprintf("%s/%s, whole %t", m.name, p.name, whole), func(t *testing.T) {
					t.Parallel()
					r := newPartyRun(t, p, time.Second)
					step, err := r.play(want, whole, m.play)
					if step != want || !errors.Is(err, m.kind) {
						t.Fatalf("stopped at %d with %v, want %d with %v", step, err, want, m.kind)
					}
					var e *oauth.Error
					if errors.As(err, &e); m.param != "" && (e == nil || e.Param != m.param) {
						t.Errorf("%v, want %s", err, m.param)
					}
					if more := r.after(step); more != "" {
						t.Errorf("the client went on: %s", more)
					}
				})
			}
		}
	}
}

// waiting are the modules of CIBA in which the client has to wait, and for how long.
var waiting = []struct {
	name  string
	party *party
	fault oauthtest.Fault // at the first poll; "": there is none
	want  time.Duration
}{
	{ciba + "respects-interval-test", cibaPoll, "", 31 * time.Second},
	{ciba + "slow-down-test", cibaPoll, oauthtest.SlowDown, 36 * time.Second},
	{ciba + "ping-mode-poll-fallback-test", cibaPing, oauthtest.SlowDown, 36 * time.Second},
}

// TestFoundationWaiting: the client does not ask before its time, and no more after an
// answer that is final.
func TestFoundationWaiting(t *testing.T) {
	for _, m := range waiting {
		t.Run(m.name, func(t *testing.T) {
			r := newPartyRun(t, m.party, 31*time.Second)
			if err := r.begin(r.role.IDTokenAlg); err != nil {
				t.Fatal(err)
			}
			b, err := r.client.StartBackchannelAuthentication(t.Context(), &oauth.BackchannelAuthenticationRequest{Scope: r.request.Scope, LoginHint: "alice"})
			if err != nil {
				t.Fatal(err)
			}
			polls := 0
			if m.fault != "" {
				r.Fault(m.fault)
				if _, err := r.client.BackchannelAuthenticationToken(t.Context(), b, nil); !errors.Is(err, oauth.ErrPending) {
					t.Errorf("the first poll: %v", err)
				}
				polls++
			}
			if b.Interval() != m.want {
				t.Errorf("interval %v, want %v", b.Interval(), m.want)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if _, err := r.client.PollBackchannelAuthentication(ctx, b, nil); !errors.Is(err, context.DeadlineExceeded) || r.Count("/token") != polls {
				t.Errorf("%v after %d polls, want %d", err, r.Count("/token"), polls)
			}
			r.Fault(oauthtest.PollExpired)
			_, err = r.client.BackchannelAuthenticationToken(t.Context(), b, nil)
			if !errors.Is(err, oauth.ErrExpired) || errors.Is(err, oauth.ErrPending) {
				t.Errorf("the last poll: %v", err)
			}
		})
	}
}

// notAsked are the modules in which the client has nothing to refuse, with the reason.
var notAsked = []struct{ name, why string }{
	{oidcc + "discovery-webfinger-acct", "Discover is given the issuer; nobody's address is turned into one"},
	{oidcc + "discovery-webfinger-url", "as above"},
	{oidcc + "session-management", "browsers keep the cookies of a check_session_iframe from its server"},
	{oidcc + "aggregated-claims", "the claims of a third party are the program's to verify: UserInfo.Claims has them"},
	{oidcc + "distributed-claims", "as above, and to fetch"},
	{oidcc + "request-uri-signed-rs256", "a signed request is in the URL or is pushed: the client serves none"},
	{oidcc + "request-uri-signed-none", "as above, and is signed"},
	{oidcc + "userinfo-bearer-body", "an alternative to the header, which the client uses"},
	{oidcc + "missing-athash", "comes with an access token in the authorization response, which is never asked for; elsewhere at_hash is optional"},
	{oidcc + "rp-init-logout-no-state", "the browser comes back to the program, which knows the State of its EndSessionRequest"},
	{oidcc + "rp-init-logout-other-state", "as above"},

	{advanced + "invalid-openbanking-intent-id", "the program compares the claim with that of its request: IDToken.Claims has it"},
	{advanced + "invalid-scope-in-token-endpoint-response", "was withdrawn: FAPI 1.0, Part 1, Section 5.2.3, number 10 is for requests that are not signed"},
	{security + "grant-management-query-and-revoke", "Grant Management is not implemented"},

	{ciba + "connectid-invalid-missing-txn-test", "the claims of an ecosystem are the program's to judge: IDToken.Claims has them"},
	{ciba + "connectid-invalid-missing-trust-framework-test", "as above"},
	{ciba + "connectid-invalid-wrong-trust-framework-test", "as above"},
	{ciba + "connectid-invalid-unexpected-acr-test", "as above: IDToken.ACR has it"},
	{ciba + "connectid-token-response-missing-fapi-interaction-id-test", "the program compares x-fapi-interaction-id in ResponseHeader with that of its request"},
	{ciba + "connectid-token-response-mismatched-fapi-interaction-id-test", "as above"},
	{ciba + "connectid-userinfo-response-missing-fapi-interaction-id-test", "as above"},
	{ciba + "connectid-userinfo-response-mismatched-fapi-interaction-id-test", "as above"},
	{ciba + "ping-without-mtls-certificate-test", "the program listens, with the TLS of its own choice"},
	{ciba + "ping-duplicate-notification-test", "two of them are legitimate: the program asks once, and its find knows no finished request"},
}

// TestFoundationNames: a module is in one table, once.
func TestFoundationNames(t *testing.T) {
	var names []string
	for _, m := range modules {
		names = append(names, m.name)
	}
	for _, m := range waiting {
		names = append(names, m.name)
	}
	for _, m := range notAsked {
		if names = append(names, m.name); m.why == "" {
			t.Errorf("%s: why?", m.name)
		}
	}
	slices.Sort(names)
	for i, name := range names {
		if i > 0 && name == names[i-1] {
			t.Errorf("%s stands twice", name)
		}
	}
}
