package oauth_test

// The table of what comes after the login: each way in which a server of package
// oauthtest misbehaves at its other endpoints and grants, and what becomes of the
// call there.

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// A scene is a call whose server misbehaves. What comes before the call goes
// well: arm sets the fault.
type scene struct {
	name string
	play func(t *testing.T, s *stageServer, arm func()) error
}

// A stageServer is a server with the client that the scenes need.
type stageServer struct {
	*oauthtest.Server
	client *oauth.Client
	pings  chan *http.Request // that came to the client
}

// pending is the kind of an answer that says to ask again.
var errPending = errors.New("pending")

type laterFault struct {
	fault oauthtest.Fault
	scene *scene
	kind  error // nil: harmless
	param string
}

var laterFaults = []laterFault{
	{oauthtest.MissingDeviceCode, startDevice, oauth.ErrResponse, "device_code"},
	{oauthtest.MissingUserCode, startDevice, oauth.ErrResponse, "user_code"},
	{oauthtest.GoogleVerificationURL, startDevice, nil, ""},
	{oauthtest.ScriptVerificationURI, startDevice, oauth.ErrResponse, "verification_uri"},
	{oauthtest.ScriptVerificationURIComplete, startDevice, oauth.ErrResponse, "verification_uri_complete"},
	{oauthtest.ControlCharacterInUserCode, startDevice, oauth.ErrResponse, "user_code"},
	{oauthtest.MissingExpiresIn, startDevice, oauth.ErrResponse, "expires_in"},
	{oauthtest.NoInterval, startDevice, nil, ""},
	{oauthtest.ZeroInterval, startDevice, nil, ""},
	{oauthtest.NegativeInterval, startDevice, oauth.ErrResponse, "interval"},
	{oauthtest.HugeInterval, startDevice, oauth.ErrResponse, "interval"},
	{oauthtest.MissingAuthReqID, startCIBA, oauth.ErrResponse, "auth_req_id"},
	{oauthtest.MissingExpiresIn, startCIBA, oauth.ErrResponse, "expires_in"},
	{oauthtest.NegativeInterval, startCIBA, oauth.ErrResponse, "interval"},
	{oauthtest.HugeInterval, startCIBA, oauth.ErrResponse, "interval"},

	{oauthtest.SlowDown, waitDevice, errPending, ""},
	{oauthtest.SlowDownInterval, waitDevice, errPending, ""},
	{oauthtest.PendingWith200, waitDevice, errPending, ""},
	{oauthtest.PendingWith403, waitDevice, errPending, ""},
	{oauthtest.PendingWith428, waitDevice, errPending, ""},
	{oauthtest.PendingWith429, waitDevice, errPending, ""},
	{oauthtest.PollExpired, waitDevice, oauth.ErrExpired, ""},
	{oauthtest.PollDenied, waitDevice, oauth.ErrRefused, ""},
	{oauthtest.PollInvalid, waitDevice, oauth.ErrRefused, ""},
	{oauthtest.PollFails, waitDevice, oauth.ErrResponse, ""},
	{oauthtest.PollDropped, waitDevice, oauth.ErrNetwork, ""},
	{oauthtest.SlowDown, waitCIBA, errPending, ""},
	{oauthtest.PollExpired, waitCIBA, oauth.ErrExpired, ""},
	{oauthtest.PollDenied, waitCIBA, oauth.ErrRefused, ""},
	{oauthtest.PollInvalid, waitCIBA, oauth.ErrRefused, ""},

	{oauthtest.PingWrongToken, takePing, oauth.ErrNoCredentials, "Authorization"},
	{oauthtest.PingMissingToken, takePing, oauth.ErrNoCredentials, "Authorization"},
	{oauthtest.PingWrongID, takePing, oauth.ErrNoCredentials, "auth_req_id"},
	{oauthtest.PingMissingID, takePing, oauth.ErrParse, "auth_req_id"},

	{oauthtest.RefreshOtherSubject, refresh, oauth.ErrClaim, "sub"},
	{oauthtest.RefreshOtherIssuer, refresh, oauth.ErrIssuer, "iss"},
	{oauthtest.RefreshOtherNonce, refresh, oauth.ErrNonce, "nonce"},
	{oauthtest.RefreshFirstNonce, refresh, nil, ""},
	{oauthtest.RefreshOldAuthTime, refresh, nil, ""},
	{oauthtest.RefreshMissingAuthTime, refresh, oauth.ErrClaim, "auth_time"},
	{oauthtest.RefreshWithoutIDToken, refresh, nil, ""},
	{oauthtest.RefreshFails, refresh, oauth.ErrResponse, ""},
	{oauthtest.RefreshInvalidGrant, refresh, oauth.ErrRefused, ""},
	{oauthtest.MissingIssuedTokenType, exchange, oauth.ErrResponse, "issued_token_type"},

	{oauthtest.IntrospectionJSONInsteadOfJWT, introspectSigned, oauth.ErrResponse, "Content-Type"},
	{oauthtest.IntrospectionActiveString, introspect, oauth.ErrResponse, "active"},
	{oauthtest.IntrospectionMissingActive, introspect, oauth.ErrResponse, "active"},
	{oauthtest.IntrospectionNonStringScope, introspect, nil, ""}, // it has none then
	{oauthtest.IntrospectionHTML, introspect, oauth.ErrResponse, ""},
	{oauthtest.IntrospectionActiveString, introspectSigned, oauth.ErrClaim, "active"},
	{oauthtest.IntrospectionMissingActive, introspectSigned, oauth.ErrClaim, "active"},
	{oauthtest.IntrospectionNonStringScope, introspectSigned, nil, ""},
	{oauthtest.IntrospectionHTML, introspectSigned, oauth.ErrResponse, ""},
	{oauthtest.IntrospectionWrongIssuer, introspectSigned, oauth.ErrIssuer, "iss"},
	{oauthtest.IntrospectionWrongAudience, introspectSigned, oauth.ErrAudience, "aud"},
	{oauthtest.IntrospectionWrongTyp, introspectSigned, oauth.ErrType, "typ"},
	{oauthtest.IntrospectionMissingIat, introspectSigned, oauth.ErrClaim, "iat"},
	{oauthtest.IntrospectionNotObject, introspectSigned, oauth.ErrClaim, "token_introspection"},
	{oauthtest.AlgNone, introspectSigned, oauth.ErrAlgorithm, "alg"},
	{oauthtest.HS256WithPublicKey, introspectSigned, oauth.ErrAlgorithm, "alg"},
	{oauthtest.WrongKey, introspectSigned, oauth.ErrSignature, ""},
	{oauthtest.WrongSignature, introspectSigned, oauth.ErrSignature, ""},
	{oauthtest.UnknownKid, introspectSigned, oauth.ErrKeyNotFound, "kid"},
	{oauthtest.CritHeader, introspectSigned, oauth.ErrUnsupported, "crit"},
	{oauthtest.WrongTyp, introspectSigned, oauth.ErrType, "typ"},

	{oauthtest.RevocationUnsupportedTokenType, revoke, oauth.ErrRefused, ""},
	{oauthtest.RevocationFails, revoke, oauth.ErrResponse, ""},

	{oauthtest.RegistrationWith200, register, nil, ""},
	{oauthtest.RegistrationWithoutClientID, register, oauth.ErrResponse, "client_id"},
	{oauthtest.RegistrationExpiredSecret, register, oauth.ErrResponse, "client_secret_expires_at"},
	{oauthtest.RegistrationNegativeSecretExpiry, register, oauth.ErrResponse, "client_secret_expires_at"},
	{oauthtest.RegistrationWithoutSecret, register, oauth.ErrResponse, "client_secret"},
	{oauthtest.RegistrationOtherRedirectURI, register, oauth.ErrResponse, "redirect_uris"},
	{oauthtest.RegistrationChangedScope, register, nil, ""},
	{oauthtest.RegistrationSecretNotString, register, oauth.ErrResponse, "client_secret"},
	{oauthtest.RegistrationHTTPClientURI, register, oauth.ErrInsecureURL, "registration_client_uri"}, // when it is read

	{oauthtest.LogoutMissingEvents, verifyLogout, oauth.ErrType, "events"},
	{oauthtest.LogoutWrongEvents, verifyLogout, oauth.ErrType, "events"},
	{oauthtest.LogoutWithNonce, verifyLogout, oauth.ErrNonce, "nonce"},
	{oauthtest.LogoutMissingJTI, verifyLogout, oauth.ErrClaim, "jti"},
	{oauthtest.LogoutReplay, replayLogout, oauth.ErrReplay, ""},
	{oauthtest.LogoutWrongTyp, verifyLogout, oauth.ErrType, "typ"},
	{oauthtest.LogoutTypJWT, verifyLogout, nil, ""},
	{oauthtest.LogoutWithoutTyp, verifyLogout, nil, ""},
	{oauthtest.LogoutOld, verifyLogout, oauth.ErrExpired, "iat"},
	{oauthtest.LogoutExpired, verifyLogout, oauth.ErrExpired, "exp"},
	{oauthtest.LogoutMissingExp, verifyLogout, nil, ""}, // Ory Hydra
	{oauthtest.LogoutMissingIat, verifyLogout, oauth.ErrClaim, "iat"},
	{oauthtest.LogoutWithoutSubject, verifyLogout, oauth.ErrClaim, "sub"},
	{oauthtest.LogoutSidOnly, verifyLogout, nil, ""},
	{oauthtest.LogoutSubOnly, verifyLogout, nil, ""},
	{oauthtest.LogoutWrongIssuer, verifyLogout, oauth.ErrIssuer, "iss"},
	{oauthtest.LogoutWrongAudience, verifyLogout, oauth.ErrAudience, "aud"},
	{oauthtest.AlgNone, verifyLogout, oauth.ErrAlgorithm, "alg"},
	{oauthtest.WrongKey, verifyLogout, oauth.ErrSignature, ""},
	{oauthtest.UnknownKid, verifyLogout, oauth.ErrKeyNotFound, "kid"},

	{oauthtest.NotEncrypted, encryptedIDToken, oauth.ErrDecrypt, ""},
	{oauthtest.WrongEnc, encryptedIDToken, oauth.ErrAlgorithm, "alg"},
	{oauthtest.RSA15, encryptedIDToken, nil, ""}, // to a key on P-256
	{oauthtest.RSA15, encryptedRSA, oauth.ErrAlgorithm, "alg"},
	{oauthtest.NotEncrypted, encryptedResponse, oauth.ErrDecrypt, ""},
	{oauthtest.WrongEnc, encryptedResponse, oauth.ErrAlgorithm, "alg"},
	{oauthtest.NotEncrypted, encryptedRefresh, oauth.ErrDecrypt, ""},
	{oauthtest.WrongEnc, encryptedRefresh, oauth.ErrAlgorithm, "alg"},
	{oauthtest.NotEncrypted, encryptedLogout, oauth.ErrDecrypt, ""},
	{oauthtest.WrongEnc, encryptedLogout, oauth.ErrAlgorithm, "alg"},
	{oauthtest.NotEncrypted, encryptedUserinfo, oauth.ErrDecrypt, ""},
	{oauthtest.WrongEnc, encryptedUserinfo, oauth.ErrAlgorithm, "alg"},
	{oauthtest.NotEncrypted, encryptedIntrospection, oauth.ErrDecrypt, ""},
	{oauthtest.WrongEnc, encryptedIntrospection, oauth.ErrAlgorithm, "alg"},

	{oauthtest.ResourceMetadataWrongResource, discoverResource, oauth.ErrResponse, "resource"},
	{oauthtest.ResourceMetadataHTTPServer, discoverResource, oauth.ErrResponse, "authorization_servers"},
	{oauthtest.ResourceMetadataWithoutServers, discoverResource, oauth.ErrConfig, "issuer"}, // in the next step

	{oauthtest.DPoPUnboundToken, boundLogin, oauth.ErrTokenType, "token_type"},
	{oauthtest.DPoPNonceOnEverything, boundLogin, nil, ""},
	{oauthtest.DPoPNonceTwice, boundLogin, nil, ""},
	{oauthtest.DPoPBadNonce, boundLogin, nil, ""},
	{oauthtest.WrongThumbprint, boundIntrospection, oauth.ErrBinding, ""},
	{oauthtest.ResourceRejects, callResource, oauth.ErrRefused, ""}, // the answer, after one refresh
	{oauthtest.ResourceRejectsOnce, callResource, nil, ""},
	{oauthtest.ResourceExpiredOnce, callResource, nil, ""},
}

// TestLaterFaults: the kind of each fault, and what it names; the scenes see to
// it that no result comes with an error.
func TestLaterFaults(t *testing.T) {
	for _, tt := range laterFaults {
		t.Run(string(tt.fault), func(t *testing.T) {
			s := newStage(t)
			armed := false
			err := tt.scene.play(t, s, func() { armed = true; s.Fault(tt.fault) })
			if !armed {
				t.Fatal("the fault was never set")
			}
			if tt.kind == errPending {
				if !errors.Is(err, oauth.ErrPending) || !errors.Is(err, oauth.ErrRefused) {
					t.Fatalf("%v, want one to go on after", err)
				}
				return
			}
			oauth.WantError(t, err, tt.kind, tt.param)
			if errors.Is(err, oauth.ErrPending) {
				t.Errorf("%v is pending", err)
			}
		})
	}
}

// TestLaterScenes plays the scenes at a correct server: what the table shows is
// the faults'.
func TestLaterScenes(t *testing.T) {
	played := map[*scene]bool{}
	for _, tt := range laterFaults {
		if played[tt.scene] {
			continue
		}
		played[tt.scene] = true
		t.Run(tt.scene.name, func(t *testing.T) {
			err := tt.scene.play(t, newStage(t), func() {})
			if waits := tt.scene == waitDevice || tt.scene == waitCIBA; waits != errors.Is(err, oauth.ErrPending) || !waits && err != nil {
				t.Error(err)
			}
		})
	}
}

// TestEveryLaterFaultIsInTheTable: a fault of oauthtest that does nothing to a
// login does something here.
func TestEveryLaterFaultIsInTheTable(t *testing.T) {
	for _, fault := range elsewhereFaults {
		if !slices.ContainsFunc(laterFaults, func(row laterFault) bool { return row.fault == fault }) {
			t.Errorf("%s is in no table", fault)
		}
	}
}

// newStage starts a server whose client may do all that the scenes do.
func newStage(t *testing.T) *stageServer {
	s := &stageServer{pings: make(chan *http.Request, 1)}
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.pings <- r.WithContext(context.Background())
	}))
	t.Cleanup(app.Close)
	s.Server = newServer(t, nil)
	addClient(s.Server, func(c *oauthtest.Client) {
		c.RefreshTokens, c.DeliveryMode, c.NotificationEndpoint = true, "ping", app.URL
	})
	s.client = newClient(t, s.Server, func(c *oauth.Config) {
		c.Metadata.RequireAuthTime, c.Metadata.BackchannelTokenDeliveryMode = true, "ping"
	})
	return s
}

// alone reports a result that comes with an error, or neither.
func alone(t *testing.T, none bool, err error) {
	t.Helper()
	if none != (err != nil) {
		t.Errorf("no result: %v, with the error %v", none, err)
	}
}

func (s *stageServer) device(t *testing.T) (*oauth.DeviceAuthorization, error) {
	d, err := s.client.StartDeviceAuthorization(t.Context(), &oauth.DeviceAuthorizationRequest{Scope: []string{"openid"}})
	alone(t, d == nil, err)
	return d, err
}

func (s *stageServer) backchannel(t *testing.T) (*oauth.BackchannelAuthentication, error) {
	b, err := s.client.StartBackchannelAuthentication(t.Context(), &oauth.BackchannelAuthenticationRequest{Scope: []string{"openid"}, LoginHint: "alice"})
	alone(t, b == nil, err)
	return b, err
}

var startDevice = &scene{"start of a device authorization", func(t *testing.T, s *stageServer, arm func()) error {
	arm()
	d, err := s.device(t)
	if err == nil && (d.Interval() != 5*time.Second || !strings.HasPrefix(d.VerificationURI(), s.URL())) {
		t.Errorf("interval %v, %s", d.Interval(), d.VerificationURI())
	}
	return err
}}

var startCIBA = &scene{"start of a backchannel authentication", func(t *testing.T, s *stageServer, arm func()) error {
	arm()
	_, err := s.backchannel(t)
	return err
}}

var waitDevice = &scene{"attempt of a device", func(t *testing.T, s *stageServer, arm func()) error {
	d, err := s.device(t)
	if err != nil {
		t.Fatal(err)
	}
	arm()
	tok, err := s.client.DeviceToken(t.Context(), d, nil)
	alone(t, tok == nil, err)
	return err
}}

var waitCIBA = &scene{"attempt of a backchannel authentication", func(t *testing.T, s *stageServer, arm func()) error {
	b, err := s.backchannel(t)
	if err != nil {
		t.Fatal(err)
	}
	arm()
	tok, err := s.client.BackchannelAuthenticationToken(t.Context(), b, nil)
	alone(t, tok == nil, err)
	return err
}}

var takePing = &scene{"ping", func(t *testing.T, s *stageServer, arm func()) error {
	b, err := s.backchannel(t)
	if err != nil {
		t.Fatal(err)
	}
	arm()
	if _, err := s.ApproveBackchannel(b.AuthReqID(), ""); err != nil {
		t.Fatal(err)
	}
	found, err := oauth.ParseBackchannelPing(<-s.pings, func(_ context.Context, id string) (*oauth.BackchannelAuthentication, error) {
		if id != b.AuthReqID() {
			return nil, nil
		}
		return b, nil
	})
	alone(t, found == nil, err)
	return err
}}

var refresh = &scene{"refresh", func(t *testing.T, s *stageServer, arm func()) error {
	tok := login(t, s.Server, s.client, nil)
	arm()
	fresh, err := s.client.Refresh(t.Context(), tok, nil)
	alone(t, fresh == nil, err)
	if err == nil && fresh.Subject() != tok.Subject() {
		t.Errorf("subject %q", fresh.Subject())
	}
	return err
}}

var exchange = &scene{"token exchange", func(t *testing.T, s *stageServer, arm func()) error {
	tok := login(t, s.Server, s.client, nil)
	arm()
	other, err := s.client.ExchangeToken(
		t.Context(),
		&oauth.TokenExchangeRequest{SubjectToken: tok.AccessToken, SubjectTokenType: oauth.TokenTypeAccessToken},
		nil,
	)
	alone(t, other == nil, err)
	return err
}}

func introspection(signed bool) func(t *testing.T, s *stageServer, arm func()) error {
	return func(t *testing.T, s *stageServer, arm func()) error {
		tok := login(t, s.Server, s.client, nil)
		client := newClient(t, s.Server, func(c *oauth.Config) {
			if signed {
				c.Metadata.IntrospectionSignedResponseAlg = oauth.ES256
			}
		})
		arm()
		i, err := client.Introspect(t.Context(), tok.AccessToken.Reveal(), nil)
		alone(t, i == nil, err)
		return err
	}
}

var (
	introspect       = &scene{"introspection", introspection(false)}
	introspectSigned = &scene{"signed introspection", introspection(true)}
)

var revoke = &scene{"revocation", func(t *testing.T, s *stageServer, arm func()) error {
	tok := login(t, s.Server, s.client, nil)
	arm()
	return s.client.Revoke(t.Context(), tok.RefreshToken.Reveal(), nil)
}}

var register = &scene{"registration", func(t *testing.T, s *stageServer, arm func()) error {
	as, err := oauth.Discover(t.Context(), s.Issuer(), &oauth.DiscoverOptions{HTTPClient: s.Client()})
	if err != nil {
		t.Fatal(err)
	}
	opts := &oauth.RegistrationOptions{HTTPClient: s.Client()}
	arm()
	reg, err := oauth.Register(t.Context(), as, oauth.ClientMetadata{RedirectURIs: []string{appCallback}, Scope: "openid email"}, opts)
	alone(t, reg == nil, err)
	if err != nil {
		return err
	}
	read, err := reg.Read(t.Context(), opts)
	alone(t, read == nil, err)
	return err
}}

var verifyLogout = &scene{"logout token", func(t *testing.T, s *stageServer, arm func()) error {
	login(t, s.Server, s.client, nil)
	arm()
	raw, err := s.LogoutToken("web", "alice")
	if err != nil {
		t.Fatal(err)
	}
	token, err := s.client.VerifyLogoutToken(t.Context(), raw)
	alone(t, token == nil, err)
	return err
}}

var replayLogout = &scene{"logout tokens in a row", func(t *testing.T, s *stageServer, arm func()) error {
	login(t, s.Server, s.client, nil)
	ended := 0
	handler := s.client.BackchannelLogoutHandler(oauth.LogoutOptions{OnLogout: func(context.Context, *oauth.LogoutToken) error { ended++; return nil }})
	send := func() int {
		raw, err := s.LogoutToken("web", "alice")
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/logout", strings.NewReader(url.Values{"logout_token": {raw}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Code
	}
	if code := send(); code != http.StatusOK || ended != 1 {
		t.Fatalf("status %d, %d sessions ended", code, ended)
	}
	arm()
	if code := send(); code != http.StatusOK {
		t.Fatalf("status %d", code)
	}
	if ended == 1 {
		return oauth.ErrReplay // it is known, which is no failure
	}
	return nil
}}

var discoverResource = &scene{"metadata of a resource", func(t *testing.T, s *stageServer, arm func()) error {
	opts := &oauth.DiscoverOptions{HTTPClient: s.Client()}
	arm()
	m, err := oauth.DiscoverResource(t.Context(), s.URL()+"/resource", opts)
	alone(t, m == nil, err)
	if err != nil {
		return err
	}
	as, err := m.Discover(t.Context(), "", opts)
	alone(t, as == nil, err)
	return err
}}

// bound is a client with a key.
func (s *stageServer) bound(t *testing.T) (*oauth.Client, *oauth.DPoP) {
	dpop, err := oauth.NewDPoP(signingKey(t, oauth.ES256), oauth.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	return newClient(t, s.Server, func(c *oauth.Config) { c.DPoP = dpop }), dpop
}

var boundLogin = &scene{"login with a key", func(t *testing.T, s *stageServer, arm func()) error {
	client, _ := s.bound(t)
	arm()
	tok, err := try(t, s.Server, client, nil)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/resource", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(req, tok)
	alone(t, res == nil, err)
	if err == nil {
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("status %d", res.StatusCode)
		}
	}
	return err
}}

// What a token is bound to is for who asks to compare.
var boundIntrospection = &scene{"introspection of a bound token", func(t *testing.T, s *stageServer, arm func()) error {
	client, dpop := s.bound(t)
	tok := login(t, s.Server, client, nil)
	arm()
	i, err := client.Introspect(t.Context(), tok.AccessToken.Reveal(), nil)
	alone(t, i == nil, err)
	if err == nil && i.KeyThumbprint() != dpop.Thumbprint() {
		return oauth.ErrBinding
	}
	return err
}}

var callResource = &scene{"resource", func(t *testing.T, s *stageServer, arm func()) error {
	transport, err := s.client.NewTransport(login(t, s.Server, s.client, nil), oauth.TransportOptions{Origins: []string{s.URL()}})
	if err != nil {
		t.Fatal(err)
	}
	before := s.Count("/token")
	arm()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/resource", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&http.Client{Transport: transport}).Do(req)
	alone(t, res == nil, err)
	if err != nil {
		return err
	}
	res.Body.Close()
	if n := s.Count("/token") - before; n > 1 {
		t.Errorf("%d refreshes", n)
	}
	if res.StatusCode == http.StatusUnauthorized {
		return &oauth.ResponseError{StatusCode: res.StatusCode, Code: "invalid_token"}
	}
	return nil
}}
