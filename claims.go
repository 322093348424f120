package oauth

import (
	"slices"
	"strings"
	"time"
)

// This file implements claims that tokens of several kinds have: the issuer and its
// templates, times, scope, confirmation, and the marks that tell one kind from another.

// tenantPlaceholder makes an issuer a template (Entra ID).
const tenantPlaceholder = "{tenantid}"

// An issuerRule says which issuers a token may have.
type issuerRule struct {
	issuer string                     // a template, if {tenantid} is in it
	accept func(iss, tid string) bool // decides about the tenants of a template
}

// entraAdvice is for tokens that name another issuer than the metadata of the tenant do.
const entraAdvice = "if this is an access token of version 1.0 of Entra ID, set requestedAccessTokenVersion to 2 in the manifest of the API's application"

// match compares iss byte for byte. Of a template it must be what the token's
// own tid makes of it, and AcceptIssuer decides about the tenant. A key that
// belongs to one issuer (Entra ID) signs for no other. Nil: there is no key. The
// tid is empty where it was not looked at.
func (rule issuerRule) match(claims *jsonObject, key *publicKey) (iss, tid string, err error) {
	if iss, err = claims.need("iss"); err != nil {
		return "", "", err
	}
	owner := ""
	if key != nil {
		owner = key.issuer
	}
	want := rule.issuer
	template := strings.Contains(want, tenantPlaceholder)
	if template || strings.Contains(owner, tenantPlaceholder) {
		if tid, err = claims.need("tid"); err != nil {
			return "", "", err
		}
		if !isGUID(tid) {
			return "", "", fail(ErrClaim, "tid", "is not a GUID")
		}
		want = strings.ReplaceAll(want, tenantPlaceholder, tid)
	}
	if iss != want {
		if strings.HasPrefix(iss, "https://sts.windows.net/") {
			return "", "", fail(ErrIssuer, "iss", "the token is from %s, expected is %s; %s", printable(iss, 256), printable(want, 256), entraAdvice)
		}
		return "", "", fail(ErrIssuer, "iss", "the token is from %s, expected is %s", printable(iss, 256), printable(want, 256))
	}
	if owner = strings.ReplaceAll(owner, tenantPlaceholder, tid); owner != "" && owner != iss {
		return "", "", fail(ErrIssuer, "iss", "the key that signed the token is one of %s, not of this issuer; %s", printable(owner, 256), entraAdvice)
	}
	if template && !rule.accept(iss, tid) {
		return "", "", fail(ErrIssuer, "iss", "AcceptIssuer does not accept the tenant %s", tid)
	}
	return iss, tid, nil
}

// isGUID reports whether s is 8-4-4-4-12 hexadecimal digits.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if !('0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F') {
			return false
		}
	}
	return true
}

// matchesTemplate reports whether iss is the template with a tenant's GUID in
// it. Which tenant is compared with the ID token later.
func matchesTemplate(template, iss string) bool {
	before, after, ok := strings.Cut(template, tenantPlaceholder)
	if !ok {
		return false
	}
	tid, ok := strings.CutPrefix(iss, before)
	if !ok {
		return false
	}
	tid, ok = strings.CutSuffix(tid, after)
	return ok && isGUID(tid)
}

// sameIssuer compares strings; only no path and the path "/" are the same.
func sameIssuer(a, b string) bool {
	if a == b {
		return true
	}
	if len(a) > len(b) {
		a, b = b, a
	}
	_, host, ok := strings.Cut(a, "://")
	return ok && !strings.ContainsAny(host, "/?") && b == a+"/"
}

// audienceIn wants one among the audiences of a JWT, and returns them. There may be room
// for them.
func audienceIn(claims *jsonObject, want string, room []string) ([]string, error) {
	aud, ok, err := claims.stringsInto(room, "aud", true)
	switch {
	case err != nil:
		return nil, err
	case !ok || len(aud) == 0:
		return nil, fail(ErrClaim, "aud", "is missing")
	case !slices.Contains(aud, want):
		return nil, fail(ErrAudience, "aud", "the token is for %s, not for %s", quoteList(aud), printable(want, 256))
	case slices.Contains(aud, ""):
		return nil, fail(ErrClaim, "aud", "is empty")
	}
	return aud, nil
}

// tokenTimes are the claims of RFC 7519 about time. Those that a token does not have are
// zero.
type tokenTimes struct{ expiry, start, issuedAt time.Time }

// times reads exp, nbf and iat.
func (o *jsonObject) times() (t tokenTimes, err error) {
	if t.expiry, _, err = o.date("exp"); err != nil {
		return t, err
	}
	if t.start, _, err = o.date("nbf"); err != nil {
		return t, err
	}
	t.issuedAt, _, err = o.date("iat")
	return t, err
}

// checkLifetime is the part of the time checks that every JWT with an expiry
// shares: exp is required, nbf and iat are judged where they are present.
func (t *tokenTimes) checkLifetime(at instant) error {
	if t.expiry.IsZero() {
		return fail(ErrClaim, "exp", "is missing")
	}
	if err := at.checkExpiry("exp", t.expiry); err != nil {
		return err
	}
	return t.checkStart(at)
}

// checkOptionalLifetime is checkLifetime for what may have no expiry.
func checkOptionalLifetime(claims *jsonObject, at instant) error {
	t, err := claims.times()
	switch {
	case err != nil:
		return err
	case !t.expiry.IsZero():
		return t.checkLifetime(at)
	}
	return t.checkStart(at)
}

// checkPeriod judges exp and nbf where they are present.
func (t *tokenTimes) checkPeriod(at instant) error {
	if !t.expiry.IsZero() {
		if err := at.checkExpiry("exp", t.expiry); err != nil {
			return err
		}
	}
	if !t.start.IsZero() {
		return at.checkNotBefore("nbf", t.start)
	}
	return nil
}

// checkStart judges nbf and iat where they are present.
func (t *tokenTimes) checkStart(at instant) error {
	if !t.start.IsZero() {
		if err := at.checkNotBefore("nbf", t.start); err != nil {
			return err
		}
	}
	if t.issuedAt.IsZero() {
		return nil
	}
	return at.checkNotAhead("iat", t.issuedAt)
}

// saysKind is the claim in which a server says that its token is one of these kinds;
// "" if it does not. Keycloak says it in typ (TokenUtil: Bearer, DPoP, ID, Refresh,
// Offline), Amazon Cognito (access, id) and Ory Hydra (access_token, refresh_token)
// in token_use. Nothing else may tell an access token from an ID token where the
// client is among its audiences.
func saysKind(claims *jsonObject, kinds ...string) string {
	for _, name := range [...]string{"typ", "token_use"} {
		if s, ok, err := claims.string(name); ok && err == nil && slices.Contains(kinds, strings.ToLower(s)) {
			return name
		}
	}
	return ""
}

// checkScope wants scopes that can be sent.
func checkScope(scope []string) error {
	for _, s := range scope {
		if s == "" || strings.ContainsFunc(s, notScopeChar) {
			return fail(ErrConfig, "Scope", "%s is not a scope: pass one scope per element", printable(s, 64))
		}
	}
	return nil
}

// The schemes of RFC 6750, Section 2.1 and RFC 9449, Section 7.1.
const (
	bearerScheme = "Bearer"
	dpopScheme   = "DPoP"
)

const opIDToken = "id token"

// idTokenType refuses the types of other tokens. An ID token says JWT, says
// nothing, or says something of its server's own.
func idTokenType(typ string) bool {
	switch typ {
	case "at+jwt", "dpop+jwt", "logout+jwt", "token-introspection+jwt", "oauth-authz-req+jwt", "secevent+jwt":
		return false
	}
	return true
}

// accessTokenType is RFC 9068, Section 2.1.
const accessTokenType = "at+jwt"

// A confirmation is what a token is bound to: the cnf of RFC 7800.
type confirmation struct {
	jkt string // RFC 9449, Section 6
	x5t string // x5t#S256, RFC 8705, Section 3.1
}

// scheme is that under which a token with this confirmation is presented.
func (c confirmation) scheme() string {
	if c.jkt != "" {
		return dpopScheme
	}
	return bearerScheme
}

func readConfirmation(o *jsonObject) (c confirmation, err error) {
	cnf, ok, err := o.object("cnf")
	if err != nil || !ok {
		return c, err
	}
	// An empty one would look like none, and the token like one that everybody may
	// present.
	if cnf.has("jkt") {
		if c.jkt, err = cnf.need("jkt"); err != nil {
			return confirmation{}, err
		}
	}
	if cnf.has("x5t#S256") {
		if c.x5t, err = cnf.need("x5t#S256"); err != nil {
			return confirmation{}, err
		}
	}
	// RFC 7800, Section 3.1: what confirms the possession may be something else. A
	// token that is bound by what nobody here looks at is not one of anybody's.
	if c == (confirmation{}) {
		return c, fail(ErrBinding, "cnf", "says that the token is bound, and not to a DPoP key or a certificate")
	}
	return c, nil
}

// A scopeText is the scopes of a token as RFC 6749, Section 3.3 writes them. Only spaces
// are between scopes: what somebody could have written into one with another character
// must not become two.
type scopeText string

// list returns the scopes; nil if there are none.
func (s scopeText) list() []string {
	if s == "" {
		return nil
	}
	return strings.FieldsFunc(string(s), func(r rune) bool { return r == ' ' })
}

// has reports whether one of the scopes is scope.
func (s scopeText) has(scope string) bool {
	for one := range strings.SplitSeq(string(s), " ") {
		if one == scope {
			return scope != ""
		}
	}
	return false
}

// scope returns a member that is a string of scopes or an array of them.
func (o *jsonObject) scope(name string) (s scopeText, ok bool, err error) {
	if raw, ok := o.get(name); ok && raw[0] == '[' { // as Twitch writes it
		// An element with a space in it is no scope: written as a string, it would become
		// two.
		list, ok, err := o.strings(name, false)
		return scopeText(strings.Join(slices.DeleteFunc(list, notOneScope), " ")), ok, err
	}
	text, ok, err := o.string(name)
	return scopeText(text), ok, err
}

func emailVerified(o *jsonObject) bool {
	raw, _ := o.get("email_verified")
	return raw == "true" || raw == `"true"`
}
