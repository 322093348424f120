package oauthtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// This file implements OpenID Connect Client-Initiated Backchannel
// Authentication (CIBA) Core 1.0 in the modes poll and ping.

// deliveryModes are those of Section 5 that the server has.
var deliveryModes = []string{"poll", "ping"}

// serveBackchannel is Section 7.
func (s *Server) serveBackchannel(w http.ResponseWriter, r *http.Request) {
	params, perr := formParams(r)
	if perr != nil {
		perr.write(w)
		return
	}
	client, perr := s.authenticateClient(r, params)
	if perr == nil {
		perr = client.checkGrantType(backchannelGrantType)
	}
	if perr == nil && client.AuthMethod == "none" {
		perr = invalid("unauthorized_client", "the client does not authenticate")
	}
	if perr != nil {
		perr.write(w)
		return
	}
	params, perr = s.openBackchannelRequest(client, params)
	s.recordParams(r, params)
	if perr != nil {
		perr.write(w)
		return
	}
	p, lifetime, perr := s.readBackchannel(client, params)
	if perr != nil {
		perr.write(w)
		return
	}
	authReqID := s.startPolling(p, lifetime)
	answer := map[string]any{ // Section 7.3
		"auth_req_id": authReqID,
		"expires_in":  int(lifetime / time.Second),
		"interval":    int(s.opts.PollInterval / time.Second),
	}
	s.editStart(answer)
	noStore(w)
	writeJSON(w, http.StatusOK, answer)
}

// openBackchannelRequest returns the parameters of a request, which are the
// claims of a JWT if it is signed (Section 7.1.1).
func (s *Server) openBackchannelRequest(client *Client, params url.Values) (url.Values, *protocolError) {
	refuse := func(description string) (url.Values, *protocolError) {
		return nil, invalid("invalid_request", description)
	}
	for _, name := range credentialParams {
		params.Del(name)
	}
	if !params.Has("request") {
		if client.BackchannelRequestAlg != "" {
			return refuse("the client has to sign its requests")
		}
		return params, nil
	}
	for name := range params {
		if name != "request" && name != "client_id" { // which is that of the client authentication
			return refuse("there is a parameter beside the signed request")
		}
	}
	jws, err := parseJWS(params.Get("request"))
	switch {
	case err != nil:
		return refuse("the request is not a JWT")
	case client.BackchannelRequestAlg != "" && client.BackchannelRequestAlg != jws.alg:
		return refuse("the algorithm of the request is not the registered one")
	case !client.signed(jws):
		return refuse("the signature of the request is not by a key of the client")
	}
	if description := s.checkRequestClaims(client, jws.claims); description != "" {
		return refuse(description)
	}
	params, description := objectParams(jws.payload)
	if description != "" {
		return refuse(description)
	}
	return params, nil
}

// notificationToken is the syntax of RFC 6750, Section 2.1, which Section 7.1
// wants of client_notification_token.
var notificationToken = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

// readBackchannel checks a request as Sections 7.1 and 7.2 say, with the errors
// of Section 13.
func (s *Server) readBackchannel(client *Client, params url.Values) (*polled, time.Duration, *protocolError) {
	refuse := func(code, description string) (*polled, time.Duration, *protocolError) {
		return nil, 0, invalid(code, description)
	}
	g, perr := s.readGrant(client, params)
	if perr != nil {
		return nil, 0, perr
	}
	token, message := params.Get("client_notification_token"), params.Get("binding_message")
	lifetime, ok := requestedExpiry(params.Get("requested_expiry"))
	switch {
	case len(g.scope) == 0:
		return refuse("invalid_request", "scope is missing")
	case !slices.Contains(g.scope, "openid"):
		return refuse("invalid_scope", "scope lacks openid")
	case !ok:
		return refuse("invalid_request", "requested_expiry is not a positive number of seconds")
	case client.DeliveryMode == "poll":
		token = ""
	case len(token) > 1024 || !notificationToken.MatchString(token):
		return refuse("invalid_request", "client_notification_token is missing, too long or no bearer token")
	}
	if !utf8.ValidString(message) || utf8.RuneCountInString(message) > maxBindingMessage ||
		strings.ContainsFunc(message, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return refuse("invalid_binding_message", "binding_message is too long or not plain text")
	}
	user, perr := s.readHint(client, params)
	if perr == nil {
		perr = s.checkUserCode(user, params.Get("user_code"))
	}
	if perr != nil {
		return nil, 0, perr
	}
	g.acr, _, _ = strings.Cut(params.Get("acr_values"), " ")
	return &polled{kind: backchannelGrantType, grant: g, user: user, pingToken: token}, lifetime, nil
}

// requestedExpiry reads a lifetime; without one, or over the limit, it is the
// server that chooses.
func requestedExpiry(text string) (time.Duration, bool) {
	if text == "" {
		return backchannelLifetime, true
	}
	n, err := strconv.ParseInt(text, 10, 32)
	return min(time.Duration(n)*time.Second, maxRequestedExpiry), err == nil && n > 0
}

// readHint returns the user whom one of the three hints names.
func (s *Server) readHint(client *Client, params url.Values) (user string, perr *protocolError) {
	hints := 0
	for name, read := range map[string]func(*Client, string) (string, *protocolError){
		"login_hint":       func(_ *Client, hint string) (string, *protocolError) { return hint, nil },
		"id_token_hint":    s.hintedUser,
		"login_hint_token": s.readLoginHintToken,
	} {
		if params.Has(name) {
			hints++
			user, perr = read(client, params.Get(name))
		}
	}
	switch {
	case hints != 1:
		return "", invalid("invalid_request", "there has to be one of login_hint, id_token_hint and login_hint_token")
	case perr != nil:
		return "", perr
	case user != denied && !s.hasUser(user):
		return "", invalid("unknown_user_id", "the hint names no user")
	}
	return user, nil
}

// hintedUser takes an ID token that the client was given, expired or not: it
// says who, and lets nobody in.
func (s *Server) hintedUser(client *Client, hint string) (string, *protocolError) {
	claims, err := s.readIDTokenHint(hint)
	if err != nil {
		return "", invalid("invalid_request", "id_token_hint is not an ID token of this server")
	}
	list, _ := claims["aud"].([]any)
	if claims["aud"] != client.ID && !slices.Contains(list, any(client.ID)) {
		return "", invalid("invalid_request", "id_token_hint is for another client")
	}
	sub, _ := claims["sub"].(string)
	return sub, nil
}

// readLoginHintToken takes any JWT with a sub: what such a token is, and who
// signs it, Section 7.1 leaves to the deployment.
func (s *Server) readLoginHintToken(_ *Client, hint string) (string, *protocolError) {
	jws, err := parseJWS(hint)
	if err != nil {
		return "", invalid("invalid_request", "login_hint_token is not a JWT")
	}
	if exp, ok := numericDate(jws.claims["exp"]); ok && !s.now().Before(exp) {
		return "", invalid("expired_login_hint_token", "login_hint_token has expired")
	}
	sub, _ := jws.claims["sub"].(string)
	return sub, nil
}

func (s *Server) checkUserCode(user, code string) *protocolError {
	s.mu.Lock()
	want := s.users[user].UserCode
	s.mu.Unlock()
	switch {
	case want == "" || code == want:
		return nil
	case code == "":
		return invalid("missing_user_code", "the user has a user code")
	}
	return invalid("invalid_user_code", "not the user's user code")
}

// grantBackchannel is Section 10.1.
func (s *Server) grantBackchannel(r *tokenRequest) (map[string]any, *protocolError) {
	g, perr := s.poll(r, backchannelGrantType, r.params.Get("auth_req_id"))
	if perr != nil {
		return nil, perr
	}
	return s.issueTokens(idTokenJWT, g, r, g.scope, "", g.offline())
}

// ApproveBackchannel approves a backchannel authentication request as the given
// user. If user is empty, it is the user of the hint. If the delivery mode of the
// client is ping, the server then notifies it, and notified is the status of its
// response; otherwise, notified is 0. If there is no such request or user, if the
// request was already decided or has expired, or if there is no response to the
// notification, ApproveBackchannel returns an error.
func (s *Server) ApproveBackchannel(authReqID, user string) (notified int, err error) {
	p, err := s.byAuthReqID(authReqID)
	if err == nil {
		err = s.approve(p, user, rand.Text())
	}
	if err != nil {
		return 0, err
	}
	return s.ping(p, authReqID)
}

// DenyBackchannel refuses a backchannel authentication request. It also notifies a
// client in ping mode. Its results are the same as for [Server.ApproveBackchannel].
func (s *Server) DenyBackchannel(authReqID string) (notified int, err error) {
	p, err := s.byAuthReqID(authReqID)
	if err == nil {
		err = s.refuse(p)
	}
	if err != nil {
		return 0, err
	}
	return s.ping(p, authReqID)
}

func (s *Server) byAuthReqID(id string) (*polled, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.polls[id]
	if p == nil || p.kind != backchannelGrantType {
		return nil, errors.New("oauthtest: no such auth_req_id")
	}
	return p, nil
}

// A ping is a notification about to be sent.
type ping struct {
	token string // "": none is sent
	body  map[string]any
}

// ping notifies a client that its request was answered: Section 10.2.
func (s *Server) ping(p *polled, authReqID string) (status int, err error) {
	if p.pingToken == "" {
		return 0, nil
	}
	n := &ping{p.pingToken, map[string]any{"auth_req_id": authReqID}}
	s.editPing(n)
	body, err := json.Marshal(n.body)
	if err != nil {
		return 0, fmt.Errorf("oauthtest: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), outgoingTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.grant.client.NotificationEndpoint, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("oauthtest: %w", err)
	}
	if n.token != "" {
		req.Header.Set("Authorization", "Bearer "+n.token)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.send(req)
	if err != nil {
		return 0, fmt.Errorf("oauthtest: notifying the client: %w", err)
	}
	resp.Body.Close()
	return resp.StatusCode, nil
}
