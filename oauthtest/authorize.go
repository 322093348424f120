package oauthtest

import (
	"crypto/rand"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// This file implements the authorization endpoint: RFC 6749, Section 4.1,
// OpenID Connect Core, Sections 3.1.2, 3.2.2 and 3.3.2, RFC 7636, RFC 8707 and
// RFC 9207.

// An authorizationRequest is what the authorization endpoint was asked for,
// wherever the parameters came from.
type authorizationRequest struct {
	client        *Client
	redirectURI   string
	redirectGiven bool // else redirectURI is the only one registered
	responseType  string
	mode          responseMode
	state         string
	nonce         string
	challenge     string
	scope         []string
	prompt        []string
	maxAge        int64 // seconds; -1: not asked
	loginHint     string
	acr           string
	resource      []string
	details       []any
	accessType    string // of Google
	jkt           string // dpop_jkt, or that of a proof at the PAR endpoint
}

// wants reports whether the response type has the part: code, id_token.
func (r *authorizationRequest) wants(part string) bool {
	return slices.Contains(strings.Fields(r.responseType), part)
}

// A session is a user logged in at the server in one user agent.
type session struct {
	id       string // the sid claim, not the cookie
	user     string
	authTime time.Time
}

const sessionCookie = "oauthtest_session"

func (s *Server) serveAuthorize(w http.ResponseWriter, r *http.Request) {
	var params url.Values
	var perr *protocolError
	if r.Method == http.MethodPost { // OpenID Connect Core, Section 3.1.2.1: both methods
		params, perr = formParams(r)
	} else {
		params, perr = parseParams(r.URL.RawQuery)
	}
	req, resolved, perr := s.readAuthorization(params, perr)
	s.recordParams(r, resolved)
	if perr != nil {
		s.refuseAuthorization(w, req, perr)
		return
	}
	if req.loginHint == denied {
		s.refuseAuthorization(w, req, invalid("access_denied", "the user refused"))
		return
	}
	sess := s.sessionOf(r)
	if sess == nil || !sess.satisfies(req, s.now()) {
		switch {
		case slices.Contains(req.prompt, "none"):
			s.refuseAuthorization(w, req, invalid("login_required", "prompt is none and the user would have to log in"))
			return
		case s.opts.Interactive:
			s.showLogin(w, req)
			return
		}
		sess = s.login(w, req.loginHint)
		if sess == nil {
			s.refuseAuthorization(w, req, invalid("access_denied", "no such user"))
			return
		}
	}
	s.finishAuthorization(w, req, sess)
}

// denied is the login_hint, and the name at the login page, of a user who
// refuses.
const denied = "deny"

// readAuthorization finds the parameters of a request, which stand in the
// request itself, in a request object (RFC 9101) or at the server (RFC 9126),
// and parses them. What it returns beside an error is as with
// parseAuthorization; resolved are the parameters that count.
func (s *Server) readAuthorization(params url.Values, perr *protocolError) (req *authorizationRequest, resolved url.Values, _ *protocolError) {
	if perr == nil && params.Has("request_uri") {
		return s.takePushed(params)
	}
	signed := perr == nil && params.Has("request")
	if outer := params; signed {
		client := s.clientByID(params.Get("client_id"))
		if client == nil {
			return nil, nil, invalid("invalid_request", "unknown client_id")
		}
		// Where the error of a bad object should go stands in the object.
		if params, perr = s.openRequestObject(client, params); perr != nil {
			return nil, nil, perr
		}
		// OpenID Connect Core, Section 6.1: beside the object there is what makes
		// a valid request of OAuth 2.0, and scope openid.
		if scope := strings.Fields(params.Get("scope")); slices.Contains(scope, "openid") &&
			(!outer.Has("response_type") || !slices.Contains(strings.Fields(outer.Get("scope")), "openid")) {
			return nil, nil, invalid("invalid_request", "response_type or scope openid is missing beside the request object")
		}
	}
	req, perr = s.parseAuthorization(params, perr)
	switch {
	case perr != nil:
	case req.client.RequirePAR: // RFC 9126, Section 6
		perr = invalid("invalid_request", "the client has to push its requests")
	case req.client.RequireSignedRequest && !signed: // RFC 9101, Section 10.5
		perr = invalid("invalid_request", "the client has to sign its requests")
	}
	return req, params, perr
}

// parseAuthorization reads and checks the parameters of an authorization
// request. Beside an error the request is not nil if the error may go to the
// client's redirect URI; else it is for the user's eyes (RFC 6749,
// Section 4.1.2.1).
func (s *Server) parseAuthorization(params url.Values, perr *protocolError) (*authorizationRequest, *protocolError) {
	if params == nil || len(params["client_id"]) > 1 || len(params["redirect_uri"]) > 1 {
		return nil, perr
	}
	req := &authorizationRequest{maxAge: -1}
	req.client = s.clientByID(params.Get("client_id"))
	if req.client == nil {
		return nil, invalid("invalid_request", "unknown client_id")
	}
	req.scope = strings.Fields(params.Get("scope"))
	req.redirectURI = params.Get("redirect_uri")
	req.redirectGiven = req.redirectURI != ""
	if !req.redirectGiven && len(req.client.RedirectURIs) == 1 && !slices.Contains(req.scope, "openid") {
		req.redirectURI = req.client.RedirectURIs[0]
	} else if !slices.ContainsFunc(req.client.RedirectURIs, func(registered string) bool {
		return sameRedirect(registered, req.redirectURI)
	}) {
		return nil, invalid("invalid_request", "redirect_uri is missing or not registered")
	}
	if len(params["state"]) < 2 { // which of two it should get back is not for us to choose
		req.state = params.Get("state")
	}

	// From here on errors go to the redirect URI.
	req.responseType = params.Get("response_type")
	var ok bool
	req.mode, ok = responseModeOf(params.Get("response_mode"), req.wants("id_token"))
	if perr != nil {
		return req, perr
	}
	if !ok {
		return req, invalid("invalid_request", "unknown response_mode")
	}
	if perr := req.checkResponseType(params.Get("nonce")); perr != nil {
		return req, perr
	}
	if perr := checkScope(req.scope); perr != nil {
		return req, perr
	}
	if perr := req.readChallenge(params); perr != nil {
		return req, perr
	}
	if perr := s.readParams(req, params); perr != nil {
		return req, perr
	}
	if s.preset.check != nil {
		shown, perr := s.preset.check(req)
		if shown {
			return nil, perr
		}
		return req, perr
	}
	return req, nil
}

// readChallenge is RFC 7636, Section 4.3.
func (req *authorizationRequest) readChallenge(params url.Values) *protocolError {
	req.challenge = params.Get("code_challenge")
	switch {
	case req.challenge == "" && params.Has("code_challenge_method"):
		return invalid("invalid_request", "code_challenge is missing")
	case !req.wants("code"):
	case req.challenge == "" && (req.client.RequirePKCE || req.client.AuthMethod == "none"):
		return invalid("invalid_request", "code_challenge is required")
	case req.challenge != "" && params.Get("code_challenge_method") != "S256":
		return invalid("invalid_request", "code_challenge_method must be S256") // absent means plain
	case req.challenge != "" && len(req.challenge) != 43:
		return invalid("invalid_request", "code_challenge is not a base64url SHA-256 hash")
	}
	return nil
}

// readParams reads the parameters that ask for something of the login or the tokens.
func (s *Server) readParams(req *authorizationRequest, params url.Values) (perr *protocolError) {
	req.prompt = strings.Fields(params.Get("prompt"))
	if slices.Contains(req.prompt, "none") && len(req.prompt) > 1 {
		return invalid("invalid_request", "prompt has none and another value")
	}
	if v := params.Get("max_age"); v != "" {
		n, err := strconv.ParseInt(v, 10, 32)
		if err != nil || n < 0 {
			return invalid("invalid_request", "max_age is not a number of seconds")
		}
		req.maxAge = n
	}
	req.nonce = params.Get("nonce")
	req.jkt = params.Get("dpop_jkt")
	if req.jkt != "" && !isThumbprint(req.jkt) { // RFC 9449, Section 10
		return invalid("invalid_request", "dpop_jkt is not a base64url SHA-256 hash")
	}
	req.loginHint = params.Get("login_hint")
	req.acr, _, _ = strings.Cut(params.Get("acr_values"), " ")
	req.resource = params["resource"]
	if perr := checkResources(req.resource); perr != nil {
		return perr
	}
	req.accessType = params.Get("access_type")
	req.details, perr = s.parseDetails(params.Get("authorization_details"))
	return perr
}

// responseTypes are those that the server answers.
var responseTypes = []string{"code", "code id_token", "id_token"}

func (r *authorizationRequest) checkResponseType(nonce string) *protocolError {
	switch {
	case r.responseType == "":
		return invalid("invalid_request", "response_type is missing")
	case !slices.Contains(responseTypes, r.responseType):
		return invalid("unsupported_response_type", "only "+strings.Join(responseTypes, ", "))
	case r.wants("code") && !r.client.mayUse("authorization_code"), r.wants("id_token") && !r.client.mayUse("implicit"):
		// OpenID Connect Dynamic Client Registration, Section 2, of grant_types.
		return invalid("unauthorized_client", "the client did not register the grant types of this response_type")
	case !r.wants("id_token"):
	case !slices.Contains(r.scope, "openid"):
		return invalid("invalid_request", "an ID token needs the scope openid")
	case nonce == "": // OpenID Connect Core, Sections 3.2.2.1 and 3.3.2.11
		return invalid("invalid_request", "nonce is required with this response_type")
	case r.mode.inQuery():
		// OAuth 2.0 Multiple Response Types, Section 5; JARM, Section 2.3.1.
		return invalid("invalid_request", "an ID token does not come in a query")
	}
	return nil
}

// checkResources is RFC 8707, Section 2.
func checkResources(resources []string) *protocolError {
	for _, r := range resources {
		if u, err := url.Parse(r); err != nil || !u.IsAbs() || u.Fragment != "" {
			return invalid("invalid_target", "a resource is not an absolute URI without a fragment")
		}
	}
	return nil
}

func checkScope(scope []string) *protocolError {
	for _, token := range scope {
		if strings.ContainsFunc(token, notScopeCharacter) {
			return invalid("invalid_scope", "scope has characters that RFC 6749, Section 3.3 forbids")
		}
	}
	return nil
}

// notScopeCharacter is the complement of scope-token in RFC 6749, Section 3.3.
func notScopeCharacter(c rune) bool {
	return c < 0x21 || c > 0x7e || c == '"' || c == '\\'
}

// sameRedirect compares a redirect URI with a registered one: as strings
// (RFC 9700, Section 2.1), or without the port for the loopback IP literals
// (RFC 8252, Section 7.3).
func sameRedirect(registered, given string) bool {
	if registered == given {
		return true
	}
	a, err1 := url.Parse(registered)
	b, err2 := url.Parse(given)
	if err1 != nil || err2 != nil || a.Scheme != "http" || a.Hostname() != b.Hostname() {
		return false
	}
	if h := a.Hostname(); h != "127.0.0.1" && h != "::1" {
		return false
	}
	return strings.Replace(registered, a.Host, "", 1) == strings.Replace(given, b.Host, "", 1)
}

// satisfies reports whether the session is good enough for the request, so
// that nobody has to log in.
func (s *session) satisfies(req *authorizationRequest, now time.Time) bool {
	for _, p := range req.prompt {
		if p == "login" || p == "select_account" {
			return false
		}
	}
	if req.loginHint != "" && req.loginHint != s.user {
		return false
	}
	return req.maxAge < 0 || now.Sub(s.authTime) <= time.Duration(req.maxAge)*time.Second
}

func (s *Server) sessionOf(r *http.Request) *session {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[cookie.Value]
}

// login makes a session for a user, for alice if the name is empty, and sets
// the cookie. It returns nil if there is no such user.
func (s *Server) login(w http.ResponseWriter, user string) *session {
	if user == "" {
		user = "alice"
	}
	sess := &session{id: rand.Text(), user: user, authTime: s.now()}
	cookie := rand.Text()
	s.mu.Lock()
	_, ok := s.users[user]
	if ok {
		s.sessions[cookie] = sess
	}
	s.mu.Unlock()
	if !ok {
		return nil
	}
	http.SetCookie(w, &http.Cookie{
		Name:     sessionCookie,
		Value:    cookie,
		Path:     "/",
		HttpOnly: true,
		Secure:   !s.opts.Plain,
		SameSite: http.SameSiteLaxMode,
	})
	return sess
}

// showLogin shows the login page of Options.Interactive.
func (s *Server) showLogin(w http.ResponseWriter, req *authorizationRequest) {
	id := rand.Text()
	s.mu.Lock()
	s.pending[id] = req
	s.mu.Unlock()
	user := req.loginHint
	if user == "" {
		user = "alice"
	}
	writePage(w, "Log in", fmt.Sprintf(`<body>
<form method="post" action="%s">
<p>%s wants to know who you are.</p>
<input type="hidden" name="request" value="%s">
<input type="text" name="user" value="%s">
<button>Log in</button>
</form>
<p>The user %s refuses.</p>
`, html.EscapeString(s.endpointURL(loginPath)), html.EscapeString(req.client.ID), id, html.EscapeString(user), denied))
}

// serveLogin takes the form of the login page. The hidden field is the proof
// that the form came from the page: it cannot be guessed and works once.
func (s *Server) serveLogin(w http.ResponseWriter, r *http.Request) {
	params, perr := formParams(r)
	if perr != nil {
		http.Error(w, perr.description, http.StatusBadRequest)
		return
	}
	id := params.Get("request")
	s.mu.Lock()
	req := s.pending[id]
	delete(s.pending, id)
	s.mu.Unlock()
	if req == nil {
		http.Error(w, "this login page was used before", http.StatusBadRequest)
		return
	}
	user := params.Get("user")
	if user == denied {
		s.refuseAuthorization(w, req, invalid("access_denied", "the user refused"))
		return
	}
	sess := s.login(w, user)
	if sess == nil {
		s.showLogin(w, req)
		return
	}
	s.finishAuthorization(w, req, sess)
}

// finishAuthorization answers an authorization request with what it asked for.
func (s *Server) finishAuthorization(w http.ResponseWriter, req *authorizationRequest, sess *session) {
	g := &grant{
		client:   req.client,
		user:     sess.user,
		scope:    req.scope,
		nonce:    req.nonce,
		acr:      req.acr,
		session:  sess.id,
		authTime: sess.authTime,
		resource: req.resource,
		details:  req.details,
		hybrid:   req.wants("code") && req.wants("id_token"),
	}
	s.join(sess, req.client)
	g.first = s.firstConsent(req.client.ID, sess.user)
	params := url.Values{}
	if req.wants("code") {
		value := rand.Text()
		s.mu.Lock()
		s.codes[value] = &code{
			grant:         g,
			redirectURI:   req.redirectURI,
			redirectGiven: req.redirectGiven,
			challenge:     req.challenge,
			jkt:           req.jkt,
			expiry:        s.now().Add(codeLifetime),
		}
		s.mu.Unlock()
		params.Set("code", value)
	}
	if req.wants("id_token") {
		hashes := map[string]string{"c_hash": params.Get("code")} // OpenID Connect Core, Section 3.3.2.11
		if req.client.SHash {
			hashes["s_hash"] = req.state
		}
		id, err := s.newIDToken(responseIDTokenJWT, g, req.nonce, hashes)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		params.Set("id_token", id)
	}
	s.respond(w, req, g, params)
}

// A membershipKey is a user of a client.
type membershipKey struct{ client, user string }

// firstConsent reports whether the user has not logged in at the client before.
func (s *Server) firstConsent(client, user string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := membershipKey{client, user}
	first := !s.consents[key]
	s.consents[key] = true
	return first
}

// refuseAuthorization answers with an error, at the redirect URI if req is not
// nil and else with a page.
func (s *Server) refuseAuthorization(w http.ResponseWriter, req *authorizationRequest, e *protocolError) {
	if req == nil {
		http.Error(w, e.code+": "+e.description, http.StatusBadRequest)
		return
	}
	s.respond(w, req, nil, url.Values{"error": {e.code}, "error_description": {e.description}})
}

// respond sends an authorization response. The grant is nil with an error.
func (s *Server) respond(w http.ResponseWriter, req *authorizationRequest, g *grant, params url.Values) {
	signed := req.mode.jwt && !s.faulty(JARMDowngrade)
	if req.state != "" {
		params.Set("state", req.state)
	}
	// RFC 9207, Section 2, in errors too. Where a signed token says it, certified
	// servers leave the parameter out.
	if !signed && (g == nil || !req.wants("id_token")) {
		params.Set("iss", s.issuer)
	}
	if s.preset.callback != nil {
		s.preset.callback(s, req, g, params)
	}
	s.editCallback(req, g, params)
	if signed {
		response, err := s.newResponseJWT(req.client, params)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		params = url.Values{"response": {response}}
	}
	req.mode.send(w, req.redirectURI, params)
}

// A responseMode is a way back to the client.
type responseMode struct {
	name string
	jwt  bool // the parameters come in a JWT (JARM)
	send func(w http.ResponseWriter, redirectURI string, params url.Values)
}

func (m responseMode) inQuery() bool { return strings.HasPrefix(m.name, "query") }

// responseModes is the table of OAuth 2.0 Multiple Response Type Encoding
// Practices, Section 2.1, OAuth 2.0 Form Post Response Mode, and JARM, Section
// 2.3.
var responseModes = [...]responseMode{
	{"query", false, sendQuery},
	{"fragment", false, sendFragment},
	{"form_post", false, sendForm},
	{"query.jwt", true, sendQuery},
	{"fragment.jwt", true, sendFragment},
	{"form_post.jwt", true, sendForm},
}

// responseModeOf finds the mode of a request; for an unknown one the default
// beside false, since even that error has to go somewhere. "jwt" is the default
// of the response type, signed (JARM, Section 2.3.4).
func responseModeOf(name string, idToken bool) (responseMode, bool) {
	fallback := "query"
	if idToken {
		fallback = "fragment"
	}
	switch name {
	case "":
		name = fallback
	case "jwt":
		name = fallback + ".jwt"
	}
	i := slices.IndexFunc(responseModes[:], func(m responseMode) bool { return m.name == name })
	if i < 0 {
		m, _ := responseModeOf("", idToken)
		return m, false
	}
	return responseModes[i], true
}

func sendQuery(w http.ResponseWriter, redirectURI string, params url.Values) {
	seeOther(w, withQuery(redirectURI, params))
}

func withQuery(uri string, params url.Values) string {
	separator := "?"
	if strings.Contains(uri, "?") {
		separator = "&" // its own query stays, RFC 6749, Section 3.1.2
	}
	return uri + separator + params.Encode()
}

func sendFragment(w http.ResponseWriter, redirectURI string, params url.Values) {
	seeOther(w, redirectURI+"#"+params.Encode())
}

// seeOther redirects with 303, never 307, which would repeat a login form's
// POST at the client (RFC 9700, Section 4.12).
func seeOther(w http.ResponseWriter, location string) {
	noStore(w)
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusSeeOther)
}

func sendForm(w http.ResponseWriter, redirectURI string, params url.Values) {
	var b strings.Builder
	b.WriteString("<body onload=\"document.forms[0].submit()\">\n")
	fmt.Fprintf(&b, "<form method=\"post\" action=\"%s\">\n", html.EscapeString(redirectURI))
	for _, name := range slices.Sorted(maps.Keys(params)) {
		for _, value := range params[name] {
			fmt.Fprintf(&b, "<input type=\"hidden\" name=\"%s\" value=\"%s\">\n",
				html.EscapeString(name), html.EscapeString(value))
		}
	}
	b.WriteString("<noscript><button>Continue</button></noscript>\n</form>\n")
	writePage(w, "Continue", b.String())
}

func writePage(w http.ResponseWriter, title, body string) {
	noStore(w)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	io.WriteString(w, "<!DOCTYPE html>\n<title>"+title+"</title>\n"+body+"</body>\n")
}
