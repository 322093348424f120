package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"example.com/oauth"
)

// An api answers with what another API says about the user whose token it was
// called with.
type api struct {
	client     *oauth.Client
	identifier string // the audience of tokens that are for this API
	other      string // URL of the other API
	audience   []string
	resource   []string
	scope      []string
	step       func(format string, args ...any)
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := a.answer(r)
	if err != nil {
		a.fail(w, err)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	w.Write(body)
}

func (a *api) answer(r *http.Request) ([]byte, error) {
	subject, err := bearer(r)
	if err != nil {
		return nil, err
	}
	if err := a.check(r.Context(), subject); err != nil {
		return nil, err
	}
	// An API with many calls keeps the token that it gets, for this subject
	// token and until its Expiry.
	token, err := a.exchange(r.Context(), subject)
	if err != nil {
		return nil, err
	}
	return a.call(r.Context(), token)
}

// A denial is an error that the caller of the API can do something about. Every
// other one is between this API, the server and the other API.
type denial struct {
	status int
	code   string // RFC 6750, Section 3.1; empty: no credentials came
	err    error
}

func (d *denial) Error() string { return d.err.Error() }
func (d *denial) Unwrap() error { return d.err }

// bearer returns the token that came with a request: RFC 6750, Section 2.1.
func bearer(r *http.Request) (oauth.Secret, error) {
	header := r.Header["Authorization"]
	if len(header) == 1 {
		scheme, token, _ := strings.Cut(header[0], " ")
		if strings.EqualFold(scheme, "Bearer") && token != "" {
			return oauth.NewSecret(token), nil
		}
	}
	return oauth.Secret{}, &denial{http.StatusUnauthorized, "", oauth.ErrNoCredentials}
}

// check asks the server whether a token is good, and finds out whether it is
// good here: the server says what a token is for, and the API has to compare.
func (a *api) check(ctx context.Context, subject oauth.Secret) error {
	info, err := a.client.Introspect(ctx, subject.Reveal(), &oauth.EndpointOptions{TokenTypeHint: "access_token"})
	switch {
	case errors.Is(err, oauth.ErrInactive): // expired, revoked, or never issued
	case err != nil:
		return err
	case !slices.Contains(info.Audience(), a.identifier):
		// Whoever else gets tokens of users could use them here.
		err = fmt.Errorf("the token is for another API: %w", oauth.ErrAudience)
	case info.KeyThumbprint() != "" || info.CertificateThumbprint() != "":
		// Not a bearer token: whoever has it has to prove that it is theirs.
		err = fmt.Errorf("the token is bound to a key of the client: %w", oauth.ErrTokenType)
	}
	if err != nil {
		return &denial{http.StatusUnauthorized, "invalid_token", err}
	}
	a.step("api: the token is that of %s, who uses %s", printable(info.Subject()), printable(info.ClientID()))
	return nil
}

// exchange gets a token for the other API that stands for the same user.
func (a *api) exchange(ctx context.Context, subject oauth.Secret) (*oauth.Token, error) {
	token, err := a.client.ExchangeToken(ctx, &oauth.TokenExchangeRequest{
		SubjectToken:       subject,
		SubjectTokenType:   oauth.TokenTypeAccessToken,
		RequestedTokenType: oauth.TokenTypeAccessToken,
		Audience:           a.audience,
	}, &oauth.GrantOptions{Scope: a.scope, Resource: a.resource})
	if err != nil {
		return nil, asDenial(err)
	}
	// The server may have its own mind about RequestedTokenType.
	if token.IssuedTokenType != oauth.TokenTypeAccessToken || !strings.EqualFold(token.TokenType, "Bearer") {
		return nil, fmt.Errorf("got a %s of type %s, which the other API would not take: %w",
			printable(string(token.IssuedTokenType)), printable(token.TokenType), oauth.ErrTokenType)
	}
	a.step("api: exchanged it for a %s of type %s with the scope %s",
		printable(string(token.IssuedTokenType)), printable(token.TokenType), printable(strings.Join(token.Scope, " ")))
	return token, nil
}

// asDenial tells what the server has against the user's token (RFC 8693, Section
// 2.2.2, and what servers send in its place) from what it has against this API,
// such as invalid_client.
func asDenial(err error) error {
	var refused *oauth.ResponseError
	if !errors.As(err, &refused) {
		return err
	}
	switch refused.Code {
	case "invalid_request", "invalid_grant", "invalid_scope", "access_denied":
		return &denial{http.StatusForbidden, "insufficient_scope", err}
	}
	return err
}

// call calls the other API. The token is for it, and not for where it may
// redirect to: Do follows no redirect.
func (a *api) call(ctx context.Context, token *oauth.Token) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.other, nil)
	if err != nil {
		return nil, err
	}
	resp, err := a.client.Do(req, token)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the other API answered %s", resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, 1<<20))
}

// fail tells the caller what it can make use of (RFC 6750, Section 3) and logs
// the rest. The errors of package oauth have no secret in them.
func (a *api) fail(w http.ResponseWriter, err error) {
	a.step("api: refused the call: %v", err)
	var d *denial
	if !errors.As(err, &d) {
		http.Error(w, "something is wrong behind this API", http.StatusBadGateway)
		return
	}
	challenge := "Bearer"
	if d.code != "" {
		challenge += fmt.Sprintf(" error=%q", d.code)
	}
	w.Header().Set("WWW-Authenticate", challenge)
	http.Error(w, http.StatusText(d.status), d.status)
}

// printable makes what came from outside fit for a line of a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
