package oauth

// This file implements the resource server's middleware, and the requirements that a
// token is held against (RFC 6750, Section 3.1; RFC 9470).

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// A Requirement says which tokens are sufficient for a part of the API. The zero
// value accepts any valid token.
type Requirement struct {
	// Scope lists the scopes that the token must have. It must have all of them.
	Scope []string

	// ACRValues lists the authentication contexts that are accepted (RFC 9470). The
	// acr claim of the token must be one of them. If nil, it may have any;
	// ACRValues must not be empty otherwise.
	ACRValues []string

	// MaxAge is the maximum age, in seconds, of the user's authentication (RFC
	// 9470). It must not be negative. If nil, there is no limit.
	MaxAge *int64

	// Optional also lets requests without credentials through; the handler finds no
	// token then. A request with a token is refused as without Optional if the token is
	// not valid or not sufficient.
	Optional bool
}

// clone shares nothing with need.
func (need Requirement) clone() Requirement {
	need.Scope, need.ACRValues = slices.Clone(need.Scope), slices.Clone(need.ACRValues)
	if need.MaxAge != nil {
		age := *need.MaxAge
		need.MaxAge = &age
	}
	return need
}

// fault is what is wrong with a requirement; "" if nothing.
func (need *Requirement) fault() string {
	for _, s := range slices.Concat(need.Scope, need.ACRValues) {
		if s == "" || strings.ContainsFunc(s, notScopeChar) {
			return printable(s, 64) + " is not one scope or acr value"
		}
	}
	if need.ACRValues != nil && len(need.ACRValues) == 0 {
		return "ACRValues is empty: no token has one of none; leave it nil for any"
	}
	if need.MaxAge != nil && *need.MaxAge < 0 {
		return "MaxAge is negative"
	}
	return ""
}

// answer is an answer with the parameters of RFC 6750, Section 3 and RFC 9470, Section 3
// that tell the client about the requirement.
func (need *Requirement) answer(scheme, code string) answer {
	var params, stepUp []byte
	if len(need.Scope) > 0 {
		params = appendParam(params, "scope", strings.Join(need.Scope, " "))
	}
	if need.ACRValues != nil {
		stepUp = appendParam(stepUp, "acr_values", strings.Join(need.ACRValues, " "))
	}
	if need.MaxAge != nil {
		stepUp = appendParam(stepUp, "max_age", strconv.FormatInt(*need.MaxAge, 10))
	}
	return answer{scheme, code, string(params), string(stepUp)}
}

// Check returns nil if t satisfies need, and an error otherwise. t must have been
// accepted by this ResourceServer. Check is for handlers that learn only while
// serving a request which requirement applies. It is also for handlers that may run
// longer than the token is valid, for example to serve a stream. Other handlers
// should use [ResourceServer.Require].
//
// If a scope is missing, the error matches [ErrScope]. If the token has expired
// since it was accepted, it matches [ErrExpired]. If the user must authenticate
// again, or in another way, it matches [ErrClaim], [ErrExpired] or
// [ErrNotYetValid]. [ResourceServer.WriteError] turns each into the right response.
// If t or need is invalid, it matches [ErrConfig].
func (rs *ResourceServer) Check(t *AccessToken, need Requirement) error {
	if t == nil || t.content == nil || t.content.acceptedBy != rs {
		return withOp(opResource, fail(ErrConfig, "AccessToken", "is nil or empty, or not one of this resource server"))
	}
	if fault := need.fault(); fault != "" {
		return withOp(opResource, fail(ErrConfig, "Requirement", "%s", fault))
	}
	return withOp(opResource, rs.checkAgain(t.content, &need))
}

// checkAgain is satisfies for a token that was accepted a while ago.
func (rs *ResourceServer) checkAgain(d *accessTokenData, need *Requirement) error {
	if err := d.checkPeriod(rs.clock.instant()); err != nil {
		return answered(err, need.answer(d.confirmation().scheme(), ""))
	}
	return rs.satisfies(d, need)
}

func (rs *ResourceServer) satisfies(d *accessTokenData, need *Requirement) error {
	for _, s := range need.Scope {
		if !d.scope.has(s) {
			err := fail(ErrScope, "scope", "the token does not have the scope %s%s", printable(s, 64), d.otherScopes())
			return answered(err, need.answer(d.confirmation().scheme(), ""))
		}
	}
	if err := rs.checkAuthentication(d, need); err != nil {
		return answered(err, need.answer(d.confirmation().scheme(), codeInsufficientAuthentication))
	}
	return nil
}

// otherScopes says of a token without scopes that its server has another claim for them.
func (d *accessTokenData) otherScopes() string {
	if !d.verified || d.scope != "" || scanMember([]byte(d.payload), "scp") == nil {
		return ""
	}
	return `; it has scopes in the claim scp: set ScopeClaim to "scp" in TrustedServer.Profile`
}

// checkAuthentication is RFC 9470, Section 4.
func (rs *ResourceServer) checkAuthentication(d *accessTokenData, need *Requirement) error {
	r := d.rarely()
	if need.ACRValues != nil && !slices.Contains(need.ACRValues, r.acr) {
		return fail(ErrClaim, "acr", "is %s, and not one that is needed", printable(r.acr, 64))
	}
	if need.MaxAge == nil {
		return nil
	}
	if r.authTime.IsZero() {
		return fail(ErrClaim, "auth_time", "is missing, and the age of the authentication has to be known")
	}
	at := rs.clock.instant()
	if err := at.checkNotAhead("auth_time", r.authTime); err != nil {
		return err
	}
	return at.checkAge("auth_time", r.authTime, seconds(*need.MaxAge))
}

// authenticatedKey is that of a request's token, in its context.
type authenticatedKey struct{}

type authenticated struct {
	acceptedBy *ResourceServer
	token      *AccessToken
	other      []string // the Authorization field that OtherCredentials took; there is no token
}

func (rs *ResourceServer) refuse(w http.ResponseWriter, r *http.Request, err error, need *Requirement) {
	err = withOp(opResource, answered(err, need.answer("", "")))
	rs.trace.requestRefused(r.Context(), r.Method, r.URL, err)
	rs.WriteError(w, err)
}

// ContextWithAccessToken returns a context in which [AccessTokenFromContext] finds t, for
// handlers that are called without [ResourceServer.Require]. t is the result of
// [ResourceServer.AuthenticateCredential] or [ResourceServer.Authenticate]. If t is nil or
// empty, AccessTokenFromContext finds none, also if ctx has one that another
// ResourceServer has accepted.
//
// A Require of the ResourceServer that has accepted t does not ask for credentials in a
// request with this context.
func ContextWithAccessToken(ctx context.Context, t *AccessToken) context.Context {
	if t == nil || t.content == nil {
		return context.WithValue(ctx, authenticatedKey{}, authenticated{})
	}
	return context.WithValue(ctx, authenticatedKey{}, authenticated{acceptedBy: t.content.acceptedBy, token: t})
}

// AccessTokenFromContext returns the access token of a request that has passed
// [ResourceServer.Require]. If there is none, it returns nil and false.
func AccessTokenFromContext(ctx context.Context) (*AccessToken, bool) {
	a, _ := ctx.Value(authenticatedKey{}).(authenticated)
	return a.token, a.token != nil
}

// Require returns a handler that calls next for requests with a valid token that
// satisfies need. It responds to other requests as [ResourceServer.WriteError]
// does. next gets the token from [AccessTokenFromContext]. The header fields
// Authorization and DPoP are removed from its request, so that they do not end up
// in a log.
//
// If the handler runs inside another Require of the same ResourceServer, it checks
// the token that the outer one has accepted. Inside a Require of another
// ResourceServer, it finds no token, and refuses every request.
//
// A handler that changes the method or the path of requests must be inside Require,
// because a proof is for the method and path of the request line. A handler that
// responds to CORS preflight requests must be outside, because these have no token.
// It should expose WWW-Authenticate and DPoP-Nonce to scripts.
//
// Header fields that a handler outside has set, for example an x-fapi-interaction-id,
// stay in the responses.
//
// Require panics if rs or next is nil, or if need is invalid, as
// [http.ServeMux.Handle] does.
func (rs *ResourceServer) Require(need Requirement, next http.Handler) http.Handler {
	if fault := need.fault(); fault != "" {
		panic("oauth: Require: " + fault)
	}
	if rs == nil {
		panic("oauth: Require: the ResourceServer is nil")
	}
	if next == nil {
		panic("oauth: Require: the handler is nil")
	}
	need = need.clone()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if t := rs.authenticatedBefore(r); t != nil {
			if err := rs.checkAgain(t.content, &need); err != nil {
				rs.refuse(w, r, err, &need)
				return
			}
			next.ServeHTTP(w, r)
			return
		}
		if other, err := rs.otherCredentials(r, &need); err != nil {
			rs.refuse(w, r, err, &need)
			return
		} else if other != nil {
			next.ServeHTTP(w, withoutCredentials(other))
			return
		}
		t, err := rs.authenticate(r)
		if need.Optional && errors.Is(err, ErrNoCredentials) && len(r.Header["Authorization"]) == 0 && len(r.Header["Dpop"]) == 0 {
			// A token in the context is one that another ResourceServer has accepted.
			next.ServeHTTP(w, r.WithContext(ContextWithAccessToken(r.Context(), nil)))
			return
		}
		if err == nil {
			err = rs.satisfies(t.content, &need)
		}
		if err != nil {
			rs.refuse(w, r, err, &need)
			return
		}
		if t.content.confirmation().jkt != "" && rs.proofs.nonces != nil {
			// RFC 9449, Section 8.2: the next one before this one is too old.
			w.Header().Set("DPoP-Nonce", rs.proofs.nonces.make(rs.clock.now()))
		}
		next.ServeHTTP(w, withoutCredentials(r.WithContext(ContextWithAccessToken(r.Context(), t))))
	})
}

// withoutCredentials takes them out of a request for the next handler, so that they do not
// end up in a log.
func withoutCredentials(r *http.Request) *http.Request {
	r.Header = r.Header.Clone()
	r.Header.Del("Authorization")
	r.Header.Del("DPoP")
	return r
}

// otherCredentials asks the program about credentials that are none of the package's. The
// request is nil if it does not know them either.
func (rs *ResourceServer) otherCredentials(r *http.Request, need *Requirement) (*http.Request, error) {
	if rs.other == nil {
		return nil, nil
	}
	asked := r
	if a, ok := r.Context().Value(authenticatedKey{}).(authenticated); ok && a.acceptedBy == rs && a.other != nil && len(r.Header["Authorization"]) == 0 {
		asked = r.Clone(r.Context()) // an outer Require took them out
		asked.Header["Authorization"] = slices.Clone(a.other)
	}
	if !rs.mayBeOther(asked.Header) {
		return nil, nil
	}
	ctx, err := rs.other(asked, need.clone())
	if err != nil || ctx == nil {
		return nil, err
	}
	next := r.WithContext(context.WithValue(ctx, authenticatedKey{}, authenticated{acceptedBy: rs, other: asked.Header["Authorization"]}))
	next.Body = asked.Body // it may have read it, and put another in its place
	return next, nil
}

// mayBeOther reports whether credentials can be of another kind than tokens of the
// configured servers: none that was or would be refused is tried once more.
func (rs *ResourceServer) mayBeOther(h http.Header) bool {
	values := h["Authorization"]
	if len(values) != 1 || len(values[0]) > maxToken || len(h["Dpop"]) > 0 {
		return false
	}
	name, token, _ := strings.Cut(values[0], " ")
	token = strings.TrimLeft(token, " ")
	switch knownScheme(name) {
	case "":
		return name != "" && token != ""
	case bearerScheme:
		return rs.introspect == nil && rs.introspectFor == nil && presentable(token) && !isJWT(token) && strings.Count(token, ".") != 4
	}
	return false
}

// Middleware returns [ResourceServer.Require] in the form that routers such as chi and
// gorilla/mux take. It panics as Require does.
func (rs *ResourceServer) Middleware(need Requirement) func(http.Handler) http.Handler {
	if rs == nil {
		panic("oauth: Middleware: the ResourceServer is nil")
	}
	if fault := need.fault(); fault != "" {
		panic("oauth: Middleware: " + fault)
	}
	return func(next http.Handler) http.Handler { return rs.Require(need, next) }
}

// authenticatedBefore is the token of a request that came through another Require of
// this resource server. That took the credentials out: a request with some is
// another one, which a handler made with the context of the first.
func (rs *ResourceServer) authenticatedBefore(r *http.Request) *AccessToken {
	a, ok := r.Context().Value(authenticatedKey{}).(authenticated)
	if !ok || a.acceptedBy != rs || len(r.Header["Authorization"]) > 0 || len(r.Header["Dpop"]) > 0 {
		return nil
	}
	return a.token
}
