package oauth_test

// The table flow × fault: each way in which a server of package oauthtest
// misbehaves, what becomes of a login there, and how far it gets.

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// A flow is a way to log in.
type flow struct {
	name     string
	kind     flowKind
	mode     string // response_mode
	response string // response_type
	pushed   bool
	signed   bool // the request is
}

// A flowKind says what the authorization response is; kinds can be joined to a
// set.
type flowKind int

const (
	plain    flowKind = 1 << iota // a code
	jarm                          // a JWT with a code
	hybrid                        // a code and an ID token
	detached                      // the same, with s_hash required
	implicit                      // an ID token

	coded   = anyFlow &^ implicit
	anyFlow = plain | jarm | hybrid | detached | implicit
)

var flows = []flow{
	{name: "code", kind: plain},
	{name: "code by form_post", kind: plain, mode: "form_post"},
	{name: "code, PAR", kind: plain, pushed: true},
	{name: "code, JAR", kind: plain, signed: true},
	{name: "code, JAR in PAR", kind: plain, pushed: true, signed: true},
	{name: "code, jwt", kind: jarm, mode: "jwt"},
	{name: "code, query.jwt", kind: jarm, mode: "query.jwt"},
	{name: "code, form_post.jwt", kind: jarm, mode: "form_post.jwt"},
	{name: "code, fragment.jwt", kind: jarm, mode: "fragment.jwt"},
	{name: "code, FAPI 2.0 message signing", kind: jarm, mode: "jwt", pushed: true, signed: true},
	{name: "code id_token by form_post", kind: hybrid, mode: "form_post", response: "code id_token"},
	{name: "code id_token in the fragment", kind: hybrid, mode: "fragment", response: "code id_token"},
	{name: "code id_token, detached signature", kind: detached, mode: "form_post", response: "code id_token", signed: true},
	{name: "id_token by form_post", kind: implicit, mode: "form_post", response: "id_token"},
}

// A stage is where in a login a fault is seen.
type stage int

const (
	atDiscovery stage = iota
	atPush
	atCallback  // in the parameters that the browser brings
	inResponse  // in the parameters of the response, which may be in a JWT
	inHeader    // of the first JWT, before a key is looked for
	inSignature // of the first JWT: the keys that are fetched for it are new enough, whatever it names
	inIDToken   // in the claims of the first ID token
	inAnswer    // in that of the token endpoint
	inToken     // in the claims of the ID token from there
	atUserinfo
)

// requests are all that are made up to a stage, after discovery: after the refusal there
// is none.
func (f *flow) requests(s stage) string {
	path := ""
	if s == atDiscovery {
		return path
	}
	if f.pushed {
		path += " par"
	}
	if s == atPush {
		return path
	}
	path += " authorize"    // the browser's
	late := f.kind == plain // the first JWT comes from the token endpoint
	tail := map[stage][2]string{
		inResponse:  {"", ""},
		inHeader:    {" token", ""},
		inSignature: {" token", ""},
		inIDToken:   {" token", ""},
		inAnswer:    {" token", " token"},
		inToken:     {" token", " token"},
		atUserinfo:  {" token userinfo", " token userinfo"},
	}
	switch {
	case late:
		return path + tail[s][0]
	case f.kind == jarm && s == inResponse:
		return path + tail[inSignature][1]
	case f.kind == jarm && s == inIDToken:
		return path + tail[inToken][1]
	case f.kind == implicit && s == atUserinfo: // there is no access token
		return path + tail[inIDToken][1]
	}
	return path + tail[s][1]
}

// A fatalFault ends a login of the given flows with an error. In the others it
// has no effect.
type fatalFault struct {
	fault oauthtest.Fault
	flows flowKind
	stage stage
	kind  error
	param string
}

// fatalFaults are set before discovery. The logins ask for max_age and for
// signed userinfo.
var fatalFaults = []fatalFault{
	{oauthtest.DiscoveryWrongIssuer, anyFlow, atDiscovery, oauth.ErrIssuer, "issuer"},

	{oauthtest.PARError, anyFlow, atPush, oauth.ErrRefused, ""},
	{oauthtest.PARWithoutRequestURI, anyFlow, atPush, oauth.ErrResponse, "request_uri"},
	{oauthtest.PARExpiredNegative, anyFlow, atPush, oauth.ErrResponse, "expires_in"},

	{oauthtest.WrongState, anyFlow, inResponse, oauth.ErrState, "state"},
	{oauthtest.MissingState, anyFlow, inResponse, oauth.ErrState, "state"},
	{oauthtest.DuplicateState, anyFlow &^ jarm, inResponse, oauth.ErrParse, "state"},
	{oauthtest.DuplicateState, jarm, inResponse, oauth.ErrClaim, "state"}, // an array there
	{oauthtest.MissingCode, coded, inResponse, oauth.ErrClaim, "code"},
	{oauthtest.DuplicateCode, coded &^ jarm, inResponse, oauth.ErrParse, "code"},
	{oauthtest.DuplicateCode, jarm, inResponse, oauth.ErrClaim, "code"},
	{oauthtest.MissingIss, plain, inResponse, oauth.ErrIssuer, "iss"}, // elsewhere a JWT says it
	{oauthtest.WrongIss, anyFlow, inResponse, oauth.ErrIssuer, "iss"},
	{oauthtest.MixUp, anyFlow, inResponse, oauth.ErrIssuer, "iss"},
	{oauthtest.ErrorAndCode, anyFlow, inResponse, oauth.ErrRefused, ""},
	{oauthtest.StrayIDToken, plain | jarm, inResponse, oauth.ErrClaim, "id_token"},
	{oauthtest.StrayAccessToken, anyFlow, inResponse, oauth.ErrClaim, "access_token"},
	{oauthtest.MissingResponseIDToken, hybrid | detached | implicit, inResponse, oauth.ErrClaim, "id_token"},

	{oauthtest.JARMDowngrade, jarm, atCallback, oauth.ErrClaim, "response"},
	{oauthtest.JARMExpired, jarm, inResponse, oauth.ErrExpired, "exp"},
	{oauthtest.JARMMissingExp, jarm, inResponse, oauth.ErrClaim, "exp"},
	{oauthtest.JARMWrongIssuer, jarm, inResponse, oauth.ErrIssuer, "iss"},
	{oauthtest.JARMMissingIssuer, jarm, inResponse, oauth.ErrClaim, "iss"},
	{oauthtest.JARMMissingAudience, jarm, inResponse, oauth.ErrClaim, "aud"},
	{oauthtest.JARMWrongAudience, jarm, inResponse, oauth.ErrAudience, "aud"},
	{oauthtest.JARMExtraAudience, jarm, inResponse, oauth.ErrAudience, "aud"},
	{oauthtest.JARMNumberCode, jarm, inResponse, oauth.ErrClaim, "code"},

	{oauthtest.MissingIDToken, coded, inAnswer, oauth.ErrResponse, "id_token"},
	{oauthtest.MissingTokenType, coded, inAnswer, oauth.ErrResponse, "token_type"},
	{oauthtest.WrongTokenType, coded, inAnswer, oauth.ErrTokenType, "token_type"},
	{oauthtest.DPoPTokenType, coded, inAnswer, oauth.ErrTokenType, "token_type"},
	{oauthtest.EmptyAccessToken, coded, inAnswer, oauth.ErrResponse, "access_token"},
	{oauthtest.ControlCharacterInAccessToken, coded, inAnswer, oauth.ErrResponse, "access_token"},
	{oauthtest.TokenErrorWith200, coded, inAnswer, oauth.ErrRefused, ""},
	{oauthtest.TokenHTML, coded, inAnswer, oauth.ErrResponse, ""},
	{oauthtest.TokenRedirect, coded, inAnswer, oauth.ErrRefused, ""},
	{oauthtest.TokenHuge, coded, inAnswer, oauth.ErrResponse, ""},

	{oauthtest.AlgNone, anyFlow, inHeader, oauth.ErrAlgorithm, "alg"},
	{oauthtest.HS256WithPublicKey, anyFlow, inHeader, oauth.ErrAlgorithm, "alg"},
	{oauthtest.CritHeader, anyFlow, inHeader, oauth.ErrUnsupported, "crit"},
	{oauthtest.WrongTyp, anyFlow, inHeader, oauth.ErrType, "typ"},

	{oauthtest.JWKSFails, anyFlow, inSignature, oauth.ErrUnavailable, "jwks_uri"},
	{oauthtest.JWKSEmpty, anyFlow, inSignature, oauth.ErrUnavailable, "jwks_uri"},
	{oauthtest.JWKSHuge, anyFlow, inSignature, oauth.ErrUnavailable, "jwks_uri"},
	{oauthtest.UnknownKid, anyFlow, inSignature, oauth.ErrKeyNotFound, "kid"},
	{oauthtest.WrongKey, anyFlow, inSignature, oauth.ErrSignature, ""},
	{oauthtest.WrongSignature, anyFlow, inSignature, oauth.ErrSignature, ""},

	{oauthtest.WrongIssuer, anyFlow, inIDToken, oauth.ErrIssuer, "iss"},
	{oauthtest.WrongAudience, anyFlow, inIDToken, oauth.ErrAudience, "aud"},
	{oauthtest.ExtraAudience, anyFlow, inIDToken, oauth.ErrAudience, "aud"},
	{oauthtest.WrongAzp, anyFlow, inIDToken, oauth.ErrAudience, "azp"},
	{oauthtest.MissingSub, anyFlow, inIDToken, oauth.ErrClaim, "sub"},
	{oauthtest.WrongNonce, anyFlow, inIDToken, oauth.ErrNonce, "nonce"},
	{oauthtest.MissingNonce, anyFlow, inIDToken, oauth.ErrNonce, "nonce"},
	{oauthtest.ExpiredIDToken, anyFlow, inIDToken, oauth.ErrExpired, "exp"},
	{oauthtest.FutureIAT, anyFlow, inIDToken, oauth.ErrNotYetValid, "iat"},
	{oauthtest.NotYetValid, anyFlow, inIDToken, oauth.ErrNotYetValid, "nbf"},
	{oauthtest.MissingAuthTime, anyFlow, inIDToken, oauth.ErrClaim, "auth_time"},
	{oauthtest.OldAuthTime, anyFlow, inIDToken, oauth.ErrExpired, "auth_time"},
	{oauthtest.WrongAtHash, coded, inToken, oauth.ErrClaim, "at_hash"},
	{oauthtest.WrongCHash, hybrid | detached, inIDToken, oauth.ErrClaim, "c_hash"},
	{oauthtest.MissingCHash, hybrid | detached, inIDToken, oauth.ErrClaim, "c_hash"},
	{oauthtest.WrongSHash, hybrid | detached | implicit, inIDToken, oauth.ErrClaim, "s_hash"},
	{oauthtest.MissingSHash, detached, inIDToken, oauth.ErrClaim, "s_hash"},
	{oauthtest.SubMismatchHybrid, hybrid | detached, inToken, oauth.ErrClaim, "sub"},
	{oauthtest.IssuerMismatchHybrid, hybrid | detached, inToken, oauth.ErrIssuer, "iss"},

	{oauthtest.SubMismatch, coded, atUserinfo, oauth.ErrClaim, "sub"},
	{oauthtest.UserinfoHTML, coded, atUserinfo, oauth.ErrResponse, "Content-Type"},
	{oauthtest.UserinfoJSONInsteadOfJWT, coded, atUserinfo, oauth.ErrResponse, "Content-Type"},
}

// hits reports whether the fault has an effect in a flow.
func (r *fatalFault) hits(f *flow) bool {
	return r.flows&f.kind != 0 && (r.stage != atPush || f.pushed)
}

// userinfoFaults are set after a good login: what is wrong with a JWT is wrong
// with signed userinfo too.
var userinfoFaults = []struct {
	fault    oauthtest.Fault
	requests string
	kind     error
	param    string
}{
	{oauthtest.AlgNone, "userinfo", oauth.ErrAlgorithm, "alg"},
	{oauthtest.HS256WithPublicKey, "userinfo", oauth.ErrAlgorithm, "alg"},
	{oauthtest.CritHeader, "userinfo", oauth.ErrUnsupported, "crit"},
	{oauthtest.WrongTyp, "userinfo", oauth.ErrType, "typ"},
	{oauthtest.UnknownKid, "userinfo", oauth.ErrKeyNotFound, "kid"},
	{oauthtest.WrongKey, "userinfo", oauth.ErrSignature, ""},
	{oauthtest.WrongSignature, "userinfo", oauth.ErrSignature, ""},
	{oauthtest.WrongIssuer, "userinfo", oauth.ErrIssuer, "iss"},
	{oauthtest.WrongAudience, "userinfo", oauth.ErrAudience, "aud"},
	{oauthtest.MissingSub, "userinfo", oauth.ErrClaim, "sub"},
	{oauthtest.SubMismatch, "userinfo", oauth.ErrClaim, "sub"},
	{oauthtest.UserinfoHTML, "userinfo", oauth.ErrResponse, "Content-Type"},
	{oauthtest.UserinfoJSONInsteadOfJWT, "userinfo", oauth.ErrResponse, "Content-Type"},
}

// harmlessFaults are what real servers do: the login succeeds, with the values
// that were meant.
var harmlessFaults = map[oauthtest.Fault]func(*oauth.Token) bool{
	oauthtest.StringExpiresIn: func(tok *oauth.Token) bool {
		left := time.Until(tok.Expiry)
		return left > 9*time.Minute && left <= 10*time.Minute
	},
	// These only inform, and the code is spent.
	oauthtest.NegativeExpiresIn: func(tok *oauth.Token) bool { return tok.Expiry.IsZero() },
	oauthtest.WrongAuthorizationDetails: func(tok *oauth.Token) bool {
		return tok.AuthorizationDetails == nil && tok.Extra["authorization_details"] != nil
	},
	oauthtest.ScopeArray: func(tok *oauth.Token) bool { return slices.Equal(tok.Scope, []string{"openid", "email"}) },
	oauthtest.MissingKid: func(tok *oauth.Token) bool { return tok.IDToken().Subject() == "alice" }, // one key fits
}

// elsewhereFaults are those of what takes no part in a login, which goes on as
// with a correct server.
var elsewhereFaults = []oauthtest.Fault{
	oauthtest.IntrospectionJSONInsteadOfJWT,
	oauthtest.IntrospectionActiveString,
	oauthtest.IntrospectionMissingActive,
	oauthtest.IntrospectionNonStringScope,
	oauthtest.IntrospectionHTML,
	oauthtest.IntrospectionWrongIssuer,
	oauthtest.IntrospectionWrongAudience,
	oauthtest.IntrospectionWrongTyp,
	oauthtest.IntrospectionMissingIat,
	oauthtest.IntrospectionNotObject,

	oauthtest.RevocationUnsupportedTokenType,
	oauthtest.RevocationFails,

	oauthtest.RegistrationWith200,
	oauthtest.RegistrationWithoutClientID,
	oauthtest.RegistrationExpiredSecret,
	oauthtest.RegistrationNegativeSecretExpiry,
	oauthtest.RegistrationWithoutSecret,
	oauthtest.RegistrationOtherRedirectURI,
	oauthtest.RegistrationChangedScope,
	oauthtest.RegistrationHTTPClientURI,
	oauthtest.RegistrationSecretNotString,

	oauthtest.LogoutMissingEvents,
	oauthtest.LogoutWrongEvents,
	oauthtest.LogoutWithNonce,
	oauthtest.LogoutMissingJTI,
	oauthtest.LogoutReplay,
	oauthtest.LogoutWrongTyp,
	oauthtest.LogoutTypJWT,
	oauthtest.LogoutWithoutTyp,
	oauthtest.LogoutOld,
	oauthtest.LogoutExpired,
	oauthtest.LogoutMissingExp,
	oauthtest.LogoutMissingIat,
	oauthtest.LogoutWithoutSubject,
	oauthtest.LogoutSidOnly,
	oauthtest.LogoutSubOnly,
	oauthtest.LogoutWrongIssuer,
	oauthtest.LogoutWrongAudience,

	// Of a client that is not registered to get anything encrypted.
	oauthtest.NotEncrypted,
	oauthtest.WrongEnc,
	oauthtest.RSA15,

	oauthtest.ResourceMetadataWrongResource,
	oauthtest.ResourceMetadataHTTPServer,
	oauthtest.ResourceMetadataWithoutServers,

	oauthtest.SlowDown, oauthtest.SlowDownInterval,
	oauthtest.PendingWith200, oauthtest.PendingWith403, oauthtest.PendingWith428, oauthtest.PendingWith429,
	oauthtest.PollExpired, oauthtest.PollDenied, oauthtest.PollInvalid, oauthtest.PollFails, oauthtest.PollDropped,
	oauthtest.MissingDeviceCode, oauthtest.MissingUserCode, oauthtest.MissingAuthReqID, oauthtest.MissingExpiresIn,
	oauthtest.GoogleVerificationURL, oauthtest.ScriptVerificationURI, oauthtest.ScriptVerificationURIComplete,
	oauthtest.ControlCharacterInUserCode,
	oauthtest.NoInterval, oauthtest.ZeroInterval, oauthtest.NegativeInterval, oauthtest.HugeInterval,
	oauthtest.RefreshOtherSubject, oauthtest.RefreshOtherIssuer, oauthtest.RefreshOtherNonce, oauthtest.RefreshFirstNonce,
	oauthtest.RefreshOldAuthTime, oauthtest.RefreshMissingAuthTime, oauthtest.RefreshWithoutIDToken,
	oauthtest.MissingIssuedTokenType,
	oauthtest.PingWrongToken, oauthtest.PingMissingToken, oauthtest.PingWrongID, oauthtest.PingMissingID,

	oauthtest.DPoPUnboundToken,
	oauthtest.DPoPNonceOnEverything,
	oauthtest.DPoPNonceTwice,
	oauthtest.DPoPBadNonce,
	oauthtest.WrongThumbprint,

	oauthtest.ResourceRejects,
	oauthtest.ResourceRejectsOnce,
	oauthtest.ResourceExpiredOnce,

	oauthtest.RefreshFails,
	oauthtest.RefreshInvalidGrant,
}

func TestEveryFaultIsInATable(t *testing.T) {
	for _, fault := range oauthtest.Faults() {
		var seen flowKind
		for _, row := range fatalFaults {
			if row.fault != fault {
				continue
			}
			if seen&row.flows != 0 || row.flows == 0 {
				t.Errorf("%s stands twice in the table for one flow", fault)
			}
			seen |= row.flows
		}
		tables := 0
		for _, in := range []bool{seen != 0, harmlessFaults[fault] != nil, slices.Contains(elsewhereFaults, fault)} {
			if in {
				tables++
			}
		}
		if tables != 1 {
			t.Errorf("%s is in %d tables", fault, tables)
		}
	}
}

// TestFaultEffects holds what oauthtest says of a fault against what becomes of it here:
// what is fatal is refused, and what is harmless is not.
func TestFaultEffects(t *testing.T) {
	for _, fault := range oauthtest.Faults() {
		var refused, accepted bool
		for _, row := range fatalFaults {
			refused = refused || row.fault == fault
		}
		for _, row := range laterFaults {
			if row.fault != fault {
				continue
			}
			ends := row.kind != nil && row.kind != errPending
			refused, accepted = refused || ends, accepted || !ends
		}
		accepted = accepted || harmlessFaults[fault] != nil
		switch effect := fault.Effect(); {
		case effect == oauthtest.EffectFatal && !refused:
			t.Errorf("%s is fatal, and accepted", fault)
		case effect == oauthtest.EffectHarmless && !accepted:
			t.Errorf("%s is harmless, and refused", fault)
		}
	}
	for _, fault := range oauthtest.FatalFaults() {
		plainly := func(row fatalFault) bool { return row.fault == fault && row.flows&plain != 0 }
		if !slices.ContainsFunc(fatalFaults, plainly) {
			t.Errorf("%s is fatal to a login with a code, and does nothing to one", fault)
		}
	}
}

func TestFaults(t *testing.T) {
	srv := faultyServer(t)
	for _, f := range flows {
		t.Run(f.name, func(t *testing.T) {
			for _, fault := range oauthtest.Faults() {
				t.Run(string(fault), func(t *testing.T) { testFault(t, srv, &f, fault) })
			}
		})
	}
}

func testFault(t *testing.T, srv *oauthtest.Server, f *flow, fault oauthtest.Fault) {
	srv.Fault(fault)
	defer srv.Fault()
	n := len(srv.Requests())
	tap := &wiretap{base: srv.Client().Transport}
	tok, err := journey(t, srv, tap, f)
	hit := slices.IndexFunc(fatalFaults, func(row fatalFault) bool { return row.fault == fault && row.hits(f) })
	want := f.requests(atUserinfo)
	if hit >= 0 {
		row := fatalFaults[hit]
		want = f.requests(row.stage)
		oauth.WantError(t, err, row.kind, row.param)
		wantNoSecret(t, err, append(tap.secrets(), sentSecrets(srv.Requests()[n:])...))
	} else {
		ok := harmlessFaults[fault]
		if err != nil || tok.Subject() != "alice" || ok != nil && f.kind != implicit && !ok(tok) {
			t.Errorf("%v, %v", tok, err)
		}
	}
	if got := asked(srv, n); got != strings.TrimSpace(want) {
		t.Errorf("requests: %s\nwant:     %s", got, want)
	}
}

func TestUserinfoFaults(t *testing.T) {
	srv := faultyServer(t)
	for _, tt := range userinfoFaults {
		t.Run(string(tt.fault), func(t *testing.T) {
			client := newClient(t, srv, signedUserinfo)
			tok := login(t, srv, client, nil)
			srv.Fault(tt.fault)
			defer srv.Fault()
			n := len(srv.Requests())
			info, err := client.UserInfo(t.Context(), tok, nil)
			if info != nil {
				t.Errorf("userinfo %v", info)
			}
			oauth.WantError(t, err, tt.kind, tt.param)
			if got := asked(srv, n); got != tt.requests {
				t.Errorf("requests: %s, want %s", got, tt.requests)
			}
			wantNoSecret(t, err, []string{tok.AccessToken.Reveal()})
		})
	}
}

// requestKey signs the requests of the flows.
var requestKey = sync.OnceValues(func() (*oauth.SigningKey, error) { return oauth.GenerateSigningKey(oauth.ES256) })

// faultyServer signs its userinfo, and says s_hash.
func faultyServer(t *testing.T) *oauthtest.Server {
	key, err := requestKey()
	if err != nil {
		t.Fatal(err)
	}
	srv := newServer(t, nil)
	addClient(srv, func(c *oauthtest.Client) {
		c.UserinfoAlg, c.RefreshTokens, c.SHash = "ES256", true, true
		c.JWKS = fmt.Appendf(nil, `{"keys":[%s]}`, key.PublicJWK())
	})
	return srv
}

func signedUserinfo(c *oauth.Config) { c.Metadata.UserinfoSignedResponseAlg = oauth.ES256 }

// journey goes through a login from discovery to the userinfo, and ends at the
// first error. With an error nothing may come.
func journey(t *testing.T, srv *oauthtest.Server, tap *wiretap, f *flow) (*oauth.Token, error) {
	t.Helper()
	alone := func(nothing bool, err error) {
		t.Helper()
		if nothing != (err != nil) {
			t.Errorf("a result together with the error %v, or neither", err)
		}
	}
	hc := &http.Client{Transport: tap}
	as, err := oauth.Discover(t.Context(), srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: hc})
	if alone(as == nil, err); err != nil {
		return nil, err
	}
	cfg := oauth.Config{Server: as, Metadata: oauth.ClientMetadata{ClientID: "web"}, Auth: oauth.ClientSecretBasic(appSecret), HTTPClient: hc}
	signedUserinfo(&cfg)
	cfg.DetachedSignature = f.kind == detached
	if f.signed {
		cfg.RequestKey, _ = requestKey()
	}
	client, err := oauth.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	hour := int64(3600)
	pending, err := client.StartAuthorization(t.Context(), request(func(r *oauth.AuthorizationRequest) {
		r.MaxAge, r.Pushed, r.ResponseType, r.ResponseMode = &hour, f.pushed, f.response, f.mode
	}))
	if alone(pending == nil, err); err != nil {
		return nil, err
	}
	callback, err := srv.Authorize(t.Context(), pending.URL())
	if err != nil {
		t.Fatal(err)
	}
	tok, err := finish(t, client, pending, callback, tap)
	if alone(tok == nil, err); err != nil || f.kind == implicit {
		return tok, err
	}
	info, err := client.UserInfo(t.Context(), tok, nil)
	alone(info == nil, err)
	return tok, err
}

// finish ends a login, wherever its parameters came. A tap learns what is
// secret in them.
func finish(t *testing.T, client *oauth.Client, pending *oauth.PendingAuthorization, callback *http.Request, tap *wiretap) (*oauth.Token, error) {
	t.Helper()
	params, err := url.ParseQuery(callback.URL.EscapedFragment())
	if err != nil {
		t.Fatal(err)
	}
	inFragment := len(params) > 0
	if !inFragment {
		copied := callback.Clone(t.Context())
		body, err := io.ReadAll(callback.Body)
		if err != nil {
			t.Fatal(err)
		}
		callback.Body, copied.Body = io.NopCloser(bytes.NewReader(body)), io.NopCloser(bytes.NewReader(body))
		if err := copied.ParseForm(); err != nil {
			t.Fatal(err)
		}
		params = copied.Form
	}
	if tap != nil {
		tap.learn(params)
	}
	if inFragment {
		return finishByHand(t, client, pending, params)
	}
	return client.FinishAuthorization(callback, pending, nil)
}

// A wiretap is a transport that keeps the answers of the token endpoint.
type wiretap struct {
	base http.RoundTripper

	mu     sync.Mutex
	tokens []byte
	seen   []string // in authorization responses
}

// learn remembers what is secret in an authorization response.
func (w *wiretap) learn(params url.Values) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range []string{"code", "state", "id_token", "access_token", "response"} {
		w.seen = append(w.seen, params[name]...)
	}
}

func (w *wiretap) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := w.base.RoundTrip(req)
	if err != nil || req.URL.Path != "/token" {
		return resp, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tokens = body
	return resp, err
}

// secrets are the tokens that were given out.
func (w *wiretap) secrets() (secrets []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var members map[string]any
	json.Unmarshal(w.tokens, &members)
	secrets = slices.Clone(w.seen)
	for _, name := range []string{"access_token", "refresh_token", "id_token"} {
		if s, _ := members[name].(string); s != "" {
			secrets = append(secrets, strings.Split(s, "\r\n")[0])
		}
	}
	return secrets
}

// sentSecrets are the parameters and credentials of requests that no log may
// have.
func sentSecrets(requests []oauthtest.Request) (secrets []string) {
	for _, r := range requests {
		for _, params := range []url.Values{r.Query, r.Form, r.Params} {
			for _, name := range []string{"state", "nonce", "code", "code_verifier", "request", "request_uri"} {
				secrets = append(secrets, params[name]...)
			}
		}
		if header := r.Header.Get("Authorization"); header != "" {
			_, credentials, _ := strings.Cut(header, " ")
			secrets = append(secrets, credentials)
		}
	}
	return append(secrets, appSecret)
}

func wantNoSecret(t *testing.T, err error, secrets []string) {
	t.Helper()
	text := fmt.Sprintf("%v %+v %#v %q", err, err, err, err)
	var refused *oauth.ResponseError
	if errors.As(err, &refused) {
		text += fmt.Sprintf("%v %+v %#v", refused, *refused, *refused)
	}
	for _, s := range secrets {
		if strings.Contains(text, s) {
			t.Errorf("the error %v has %s in it", err, s)
		}
	}
}
