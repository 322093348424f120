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

// The requests of a login, up to where it ends.
const (
	atDiscovery = "openid-configuration"
	atCallback  = atDiscovery + " authorize" // the browser's
	atToken     = atCallback + " token"
	atKeys      = atToken + " jwks"
	atUserinfo  = atKeys + " userinfo"
)

// A fatalFault ends a login with an error.
type fatalFault struct {
	fault    oauthtest.Fault
	requests string // all of them: after the refusal there is none
	kind     error
	param    string
}

// fatalFaults are set before discovery. The logins ask for max_age and for
// signed userinfo.
var fatalFaults = []fatalFault{
	{oauthtest.DiscoveryWrongIssuer, atDiscovery, oauth.ErrIssuer, "issuer"},

	{oauthtest.WrongState, atCallback, oauth.ErrState, "state"},
	{oauthtest.MissingState, atCallback, oauth.ErrState, "state"},
	{oauthtest.DuplicateState, atCallback, oauth.ErrParse, "state"},
	{oauthtest.MissingCode, atCallback, oauth.ErrClaim, "code"},
	{oauthtest.DuplicateCode, atCallback, oauth.ErrParse, "code"},
	{oauthtest.MissingIss, atCallback, oauth.ErrIssuer, "iss"},
	{oauthtest.WrongIss, atCallback, oauth.ErrIssuer, "iss"},
	{oauthtest.ErrorAndCode, atCallback, oauth.ErrRefused, ""},
	{oauthtest.StrayIDToken, atCallback, oauth.ErrClaim, "id_token"},
	{oauthtest.StrayAccessToken, atCallback, oauth.ErrClaim, "access_token"},

	{oauthtest.MissingIDToken, atToken, oauth.ErrResponse, "id_token"},
	{oauthtest.MissingTokenType, atToken, oauth.ErrResponse, "token_type"},
	{oauthtest.WrongTokenType, atToken, oauth.ErrTokenType, "token_type"},
	{oauthtest.DPoPTokenType, atToken, oauth.ErrTokenType, "token_type"},
	{oauthtest.NegativeExpiresIn, atToken, oauth.ErrResponse, "expires_in"},
	{oauthtest.EmptyAccessToken, atToken, oauth.ErrResponse, "access_token"},
	{oauthtest.ControlCharacterInAccessToken, atToken, oauth.ErrResponse, "access_token"},
	{oauthtest.TokenErrorWith200, atToken, oauth.ErrRefused, ""},
	{oauthtest.TokenHTML, atToken, oauth.ErrResponse, ""},
	{oauthtest.TokenRedirect, atToken, oauth.ErrRefused, ""},
	{oauthtest.TokenHuge, atToken, oauth.ErrResponse, ""},

	{oauthtest.AlgNone, atToken, oauth.ErrAlgorithm, "alg"},
	{oauthtest.HS256WithPublicKey, atToken, oauth.ErrAlgorithm, "alg"},
	{oauthtest.CritHeader, atToken, oauth.ErrUnsupported, "crit"},
	{oauthtest.WrongTyp, atToken, oauth.ErrType, "typ"},

	{oauthtest.JWKSFails, atKeys, oauth.ErrUnavailable, "jwks_uri"},
	{oauthtest.JWKSEmpty, atKeys, oauth.ErrUnavailable, "jwks_uri"},
	{oauthtest.JWKSHuge, atKeys, oauth.ErrUnavailable, "jwks_uri"},
	{oauthtest.UnknownKid, atKeys + " jwks", oauth.ErrKeyNotFound, "kid"},
	{oauthtest.WrongKey, atKeys, oauth.ErrSignature, ""},
	{oauthtest.WrongSignature, atKeys, oauth.ErrSignature, ""},

	{oauthtest.WrongIssuer, atKeys, oauth.ErrIssuer, "iss"},
	{oauthtest.WrongAudience, atKeys, oauth.ErrAudience, "aud"},
	{oauthtest.ExtraAudience, atKeys, oauth.ErrClaim, "azp"},
	{oauthtest.WrongAzp, atKeys, oauth.ErrAudience, "azp"},
	{oauthtest.MissingSub, atKeys, oauth.ErrClaim, "sub"},
	{oauthtest.WrongNonce, atKeys, oauth.ErrNonce, "nonce"},
	{oauthtest.MissingNonce, atKeys, oauth.ErrNonce, "nonce"},
	{oauthtest.ExpiredIDToken, atKeys, oauth.ErrExpired, "exp"},
	{oauthtest.FutureIAT, atKeys, oauth.ErrNotYetValid, "iat"},
	{oauthtest.NotYetValid, atKeys, oauth.ErrNotYetValid, "nbf"},
	{oauthtest.MissingAuthTime, atKeys, oauth.ErrClaim, "auth_time"},
	{oauthtest.OldAuthTime, atKeys, oauth.ErrExpired, "auth_time"},
	{oauthtest.WrongAtHash, atKeys, oauth.ErrClaim, "at_hash"},

	{oauthtest.SubMismatch, atUserinfo, oauth.ErrClaim, "sub"},
	{oauthtest.UserinfoHTML, atUserinfo, oauth.ErrResponse, "Content-Type"},
	{oauthtest.UserinfoJSONInsteadOfJWT, atUserinfo, oauth.ErrResponse, "Content-Type"},
}

// userinfoFaults are set after a good login: what is wrong with a JWT is wrong
// with signed userinfo too.
var userinfoFaults = []fatalFault{
	{oauthtest.AlgNone, "userinfo", oauth.ErrAlgorithm, "alg"},
	{oauthtest.HS256WithPublicKey, "userinfo", oauth.ErrAlgorithm, "alg"},
	{oauthtest.CritHeader, "userinfo", oauth.ErrUnsupported, "crit"},
	{oauthtest.WrongTyp, "userinfo", oauth.ErrType, "typ"},
	{oauthtest.UnknownKid, "userinfo jwks", oauth.ErrKeyNotFound, "kid"},
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
	oauthtest.ScopeArray: func(tok *oauth.Token) bool { return slices.Equal(tok.Scope, []string{"openid", "email"}) },
	oauthtest.MissingKid: func(tok *oauth.Token) bool { return tok.IDToken().Subject() == "alice" }, // one key fits
}

func TestEveryFaultIsInATable(t *testing.T) {
	seen := map[oauthtest.Fault]int{}
	for _, row := range fatalFaults {
		seen[row.fault]++
	}
	for fault := range harmlessFaults {
		seen[fault]++
	}
	for _, fault := range oauthtest.Faults() {
		if seen[fault] != 1 {
			t.Errorf("%s stands %d times in the tables", fault, seen[fault])
		}
	}
}

func TestFaults(t *testing.T) {
	srv := faultyServer(t)
	for _, tt := range fatalFaults {
		t.Run(string(tt.fault), func(t *testing.T) {
			srv.Fault(tt.fault)
			defer srv.Fault()
			n := len(srv.Requests())
			tap := &wiretap{base: srv.Client().Transport}
			_, err := journey(t, srv, tap)
			wantError(t, err, tt.kind, tt.param)
			if got := asked(srv, n); got != tt.requests {
				t.Errorf("requests: %s\nwant:     %s", got, tt.requests)
			}
			wantNoSecret(t, err, append(tap.secrets(), sentSecrets(srv.Requests()[n:])...))
		})
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
			wantError(t, err, tt.kind, tt.param)
			if got := asked(srv, n); got != tt.requests {
				t.Errorf("requests: %s, want %s", got, tt.requests)
			}
			wantNoSecret(t, err, []string{tok.AccessToken.Reveal()})
		})
	}
}

func TestHarmlessFaults(t *testing.T) {
	srv := faultyServer(t)
	for fault, ok := range harmlessFaults {
		t.Run(string(fault), func(t *testing.T) {
			srv.Fault(fault)
			defer srv.Fault()
			n := len(srv.Requests())
			tok, err := journey(t, srv, srv.Client().Transport)
			if err != nil || !ok(tok) {
				t.Errorf("%v, %v", tok, err)
			}
			if got := asked(srv, n); got != atUserinfo {
				t.Errorf("requests: %s", got)
			}
		})
	}
}

// faultyServer signs its userinfo.
func faultyServer(t *testing.T) *oauthtest.Server {
	srv := newServer(t, nil)
	addClient(srv, func(c *oauthtest.Client) { c.UserinfoAlg, c.RefreshTokens = "ES256", true })
	return srv
}

func signedUserinfo(c *oauth.Config) { c.Metadata.UserinfoSignedResponseAlg = oauth.ES256 }

// journey goes through a login from discovery to the userinfo, and ends at the
// first error. With an error nothing may come.
func journey(t *testing.T, srv *oauthtest.Server, transport http.RoundTripper) (*oauth.Token, error) {
	t.Helper()
	alone := func(nothing bool, err error) {
		t.Helper()
		if nothing != (err != nil) {
			t.Errorf("a result together with the error %v, or neither", err)
		}
	}
	hc := &http.Client{Transport: transport}
	as, err := oauth.Discover(t.Context(), srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: hc})
	if alone(as == nil, err); err != nil {
		return nil, err
	}
	cfg := oauth.Config{Server: as, Metadata: oauth.ClientMetadata{ClientID: "web"}, Auth: oauth.ClientSecretBasic(appSecret), HTTPClient: hc}
	signedUserinfo(&cfg)
	client, err := oauth.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	hour := int64(3600)
	pending, callback := begin(t, srv, client, func(r *oauth.AuthorizationRequest) { r.MaxAge = &hour })
	tok, err := client.FinishAuthorization(callback, pending, nil)
	if alone(tok == nil, err); err != nil {
		return nil, err
	}
	info, err := client.UserInfo(t.Context(), tok, nil)
	alone(info == nil, err)
	return tok, err
}

// A wiretap is a transport that keeps the answers of the token endpoint.
type wiretap struct {
	base http.RoundTripper

	mu     sync.Mutex
	tokens []byte
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
		for _, params := range []url.Values{r.Query, r.Form} {
			for _, name := range []string{"state", "nonce", "code", "code_verifier"} {
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
