// Package xoauth2 connects package oauth with golang.org/x/oauth2, which the clients of
// Google and of many other APIs take their tokens from: [TokenSource] gives them the token
// of an [oauth.Transport], [Renew] gives a Transport the tokens of an
// [oauth2.TokenSource], and [ParseToken] reads what programs with x/oauth2 have stored.
package xoauth2

import (
	"context"
	"encoding/json"
	"strings"

	"example.com/oauth"
	"golang.org/x/oauth2"
)

// TokenSource returns an [oauth2.TokenSource] with the token of tr, which is valid, and is
// renewed as [oauth.Transport.Fresh] does. It needs no [oauth2.ReuseTokenSource] around
// it. Its tokens have no refresh token, because the Transport keeps that: a second user of
// a refresh token ends the session.
//
// ctx is the context of all renewals; when it has ended, only a token that is still valid
// is returned.
//
// WARNING: x/oauth2 sends the token to every host that a request names, and to every host
// that a redirect leads to. The origins of the Transport do not limit that.
//
// x/oauth2 sends no proof of a key. If the tokens of tr are bound to a DPoP key or to a
// client certificate, or if tr is nil, the error matches [oauth.ErrConfig]; so does the
// error of Token if the token turns out to be bound. The other errors of Token are those
// of Fresh.
func TokenSource(ctx context.Context, tr *oauth.Transport) (oauth2.TokenSource, error) {
	s := source{ctx, tr}
	switch {
	case ctx == nil || tr == nil:
		return nil, &oauth.Error{Kind: oauth.ErrConfig, Param: "Transport", Detail: "is nil, or the context is"}
	case tr.Bound():
		return nil, errBound
	}
	return s, nil
}

var errBound = &oauth.Error{Kind: oauth.ErrConfig, Param: "Transport", Detail: "its tokens are bound to a key of the client, and x/oauth2 sends no proof of that: use the Transport itself"}

type source struct {
	ctx context.Context
	tr  *oauth.Transport
}

// Token implements [oauth2.TokenSource].
func (s source) Token() (*oauth2.Token, error) {
	t, err := s.tr.Fresh(s.ctx)
	switch {
	case err != nil:
		return nil, err
	case strings.EqualFold(t.TokenType, "DPoP"):
		return nil, errBound
	}
	// A type that Config.AllowTokenTypes lists is Bearer by another name.
	return &oauth2.Token{AccessToken: t.AccessToken.Reveal(), TokenType: "Bearer", Expiry: t.Expiry}, nil
}

// Renew returns a function for Renew of [oauth.TransportOptions], which takes the tokens of
// src: of a cloud's metadata server, for example. src is asked when the Transport needs
// another token, and should not keep one that is about to expire: an
// [oauth2.ReuseTokenSource] returns the same token until 10 seconds before its end, and a
// Transport renews 30 seconds before it.
//
// The refresh token of src stays with src. x/oauth2 has no context for a call; the
// Transport waits at most 30 seconds, and a request at most until its context ends.
//
// If src is nil, or if its token is not a bearer token, the error of the function matches
// [oauth.ErrConfig]. Other errors are those of src.
func Renew(src oauth2.TokenSource) func(context.Context, *oauth.Token) (*oauth.Token, error) {
	return func(context.Context, *oauth.Token) (*oauth.Token, error) {
		if src == nil {
			return nil, &oauth.Error{Kind: oauth.ErrConfig, Param: "src", Detail: "is nil"}
		}
		t, err := src.Token()
		if err != nil {
			return nil, err
		}
		if t == nil || t.AccessToken == "" {
			return nil, &oauth.Error{Kind: oauth.ErrConfig, Param: "src", Detail: "returned neither a token nor an error"}
		}
		fresh, err := FromToken(t)
		if err != nil {
			return nil, err
		}
		fresh.RefreshToken = oauth.Secret{}
		return fresh, nil
	}
}

// FromToken returns a Token of package oauth with the access token, refresh token and
// expiry of t, for [oauth.Client.NewTransport] or, without an access token, for
// [oauth.Client.Refresh]. It names no server, client or user, because t does not: the
// caller must know that it is theirs. If t has no Expiry, the token is renewed when a
// resource rejects it.
//
// If t is nil or has neither an access token nor a refresh token, or if it is of another
// type than Bearer, the error matches [oauth.ErrConfig]: a token that is bound to a key
// cannot be used without the key.
func FromToken(t *oauth2.Token) (*oauth.Token, error) {
	switch {
	case t == nil || t.AccessToken == "" && t.RefreshToken == "":
		return nil, &oauth.Error{Kind: oauth.ErrConfig, Param: "access_token", Detail: "is missing, and so is refresh_token"}
	case !strings.EqualFold(t.Type(), "Bearer"):
		return nil, &oauth.Error{Kind: oauth.ErrConfig, Param: "token_type", Detail: "is not Bearer: a token that is bound to a key is of no use without the key"}
	}
	return &oauth.Token{
		AccessToken: oauth.NewSecret(t.AccessToken), TokenType: "Bearer",
		RefreshToken: oauth.NewSecret(t.RefreshToken), Expiry: t.Expiry,
	}, nil
}

// ParseToken is [FromToken] for the JSON text of an [oauth2.Token], as programs with
// x/oauth2 store it. If the text cannot be read, the error matches [oauth.ErrParse]. No
// error quotes the text.
//
// A program that has moved to package oauth stores the result of the next refresh by its
// MarshalBinary, which keeps what the JSON text does not have: server, client and user.
func ParseToken(text []byte) (*oauth.Token, error) {
	var t oauth2.Token
	if err := json.Unmarshal(text, &t); err != nil { // which may quote it
		return nil, &oauth.Error{Kind: oauth.ErrParse, Detail: "the text is not the JSON of an oauth2.Token"}
	}
	return FromToken(&t)
}
