package oauth

// This file implements a login that a third party begins: OpenID Connect Core 1.0, Section
// 4.

import (
	"net/http"
	"net/url"
	"strings"
)

// An InitiatedLogin is a request of a third party to log a user in. Anyone can make the
// browser send one. It only says with what a login may begin.
type InitiatedLogin struct {
	unprinted

	LoginHint     string // for AuthorizationRequest.LoginHint; empty if there is none
	TargetLinkURI string // where the user wants to go after the login; empty if there is no such wish
}

const opInitiatedLogin = "initiated login"

// ParseInitiatedLogin reads a request to the client's initiate_login_uri (OpenID Connect
// Core, Section 4), which comes by GET or POST. Its iss must be the issuer of the
// server. An application with several servers selects the Client by the iss parameter
// first. origin is that of the application, for example "https://app.example". A
// target_link_uri that does not lead there is refused, because the application would
// otherwise redirect to any place that an attacker names.
//
// The program then calls [Client.StartAuthorization] as for any other login. It must not
// log the user out, or change anything else, because of the request.
//
// If r or origin cannot be used, the error matches [ErrConfig]. If the request is
// malformed, it matches [ErrParse]. If it is for another server, it matches [ErrIssuer].
// If target_link_uri leads elsewhere, it matches [ErrClaim].
func (c *Client) ParseInitiatedLogin(r *http.Request, origin string) (*InitiatedLogin, error) {
	if err := c.made(); err != nil {
		return nil, err
	}
	l, err := c.initiatedLogin(r, origin)
	if err != nil {
		return nil, withOp(opInitiatedLogin, err)
	}
	return l, nil
}

func (c *Client) initiatedLogin(r *http.Request, origin string) (*InitiatedLogin, error) {
	if r == nil || r.URL == nil {
		return nil, fail(ErrConfig, "", "the request is nil or has no URL")
	}
	base, err := parseFetchURL("origin", origin, c.caller.insecure)
	if err != nil {
		return nil, err
	}
	var params url.Values
	switch r.Method {
	case http.MethodGet:
		params, err = url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			err = fail(ErrParse, "", "the query cannot be read")
		}
	case http.MethodPost:
		params, err = formParams(r)
	default:
		err = fail(ErrParse, "", "the request came by %s, expected is GET or POST", printable(r.Method, 16))
	}
	if err != nil {
		return nil, err
	}
	for _, name := range [...]string{"iss", "login_hint", "target_link_uri"} {
		if len(params[name]) > 1 {
			return nil, fail(ErrParse, name, "comes more than once")
		}
	}
	if !params.Has("iss") {
		return nil, fail(ErrParse, "iss", "is missing")
	}
	if err := c.matchIssuer(params.Get("iss")); err != nil {
		return nil, err
	}
	l := &InitiatedLogin{LoginHint: params.Get("login_hint"), TargetLinkURI: params.Get("target_link_uri")}
	if l.TargetLinkURI == "" {
		return l, nil
	}
	target, err := parseFetchURL("target_link_uri", l.TargetLinkURI, c.caller.insecure)
	if _, ok := webURL(l.TargetLinkURI); err != nil || !ok || originOf(target) != originOf(base) || strings.HasPrefix(target.EscapedPath(), "//") {
		return nil, fail(ErrClaim, "target_link_uri", "does not lead to %s", printable(originOf(base), 128))
	}
	return l, nil
}
