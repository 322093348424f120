package oauthtest

import (
	"bytes"
	"crypto/subtle"
	"crypto/x509"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// This file implements client authentication: RFC 6749, Section 2.3, OpenID
// Connect Core, Section 9, RFC 7523 and RFC 8705.

// The forms in which credentials come. A client certificate is none of them:
// every connection to the mTLS port may have one.
const (
	noCredentials = iota
	headerCredentials
	bodyCredentials
	assertionCredentials
)

// An authMethod is a row of the table of client authentication methods.
type authMethod struct {
	name  string
	form  int
	check func(*Server, *credentials) (fault string) // "" if they prove it
	mtls  bool                                       // needs the listener that asks for certificates
}

func authMethods() []authMethod {
	return []authMethod{
		{"none", noCredentials, func(*Server, *credentials) string { return "" }, false},
		{"client_secret_basic", headerCredentials, (*Server).checkSecret, false},
		{"client_secret_post", bodyCredentials, (*Server).checkSecret, false},
		{"client_secret_jwt", assertionCredentials, (*Server).checkMAC, false},
		{"private_key_jwt", assertionCredentials, (*Server).checkSignature, false},
		{"tls_client_auth", noCredentials, (*Server).checkIssuedCertificate, true},
		{"self_signed_tls_client_auth", noCredentials, (*Server).checkOwnCertificate, true},
	}
}

func authMethodByName(name string) (authMethod, bool) {
	for _, m := range authMethods() {
		if m.name == name {
			return m, true
		}
	}
	return authMethod{}, false
}

// credentials are what a request brings to prove that it is the client's.
type credentials struct {
	client *Client
	form   int
	secret string
	jws    *parsedJWS
	cert   *x509.Certificate
	url    string // of the endpoint that was asked
}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// authenticateClient returns the client that made a request with the given
// form parameters.
func (s *Server) authenticateClient(r *http.Request, params url.Values) (*Client, *protocolError) {
	header := r.Header.Get("Authorization")
	refuse := func(description string) (*Client, *protocolError) {
		e := invalid("invalid_client", description)
		if header != "" {
			// RFC 6749, Section 5.2: the status and the challenge that answer
			// an Authorization header. Without one a 401 would lack the
			// challenge that RFC 9110, Section 15.5.2 requires; so 400.
			e.status = http.StatusUnauthorized
			e.challenge = fmt.Sprintf("Basic realm=%q", s.issuer)
		}
		return nil, e
	}

	c := &credentials{url: s.main.URL + r.URL.Path}
	id := params.Get("client_id")
	forms := 0
	if header != "" {
		forms++
		c.form = headerCredentials
		user, secret, ok := basicCredentials(r)
		if !ok {
			return refuse("malformed Authorization header")
		}
		if id != "" && id != user {
			return refuse("client_id is not that of the Authorization header")
		}
		id, c.secret = user, secret
	}
	if params.Has("client_secret") {
		forms++
		c.form, c.secret = bodyCredentials, params.Get("client_secret")
	}
	if params.Has("client_assertion") || params.Has("client_assertion_type") {
		forms++
		c.form = assertionCredentials
		jws, err := parseJWS(params.Get("client_assertion"))
		if err != nil || params.Get("client_assertion_type") != assertionType {
			return refuse("malformed client assertion")
		}
		sub, _ := jws.claims["sub"].(string)
		if id != "" && id != sub {
			return refuse("client_id is not the subject of the assertion")
		}
		id, c.jws = sub, jws
	}
	if forms > 1 {
		// RFC 6749, Section 2.3: "The client MUST NOT use more than one
		// authentication method in each request."
		return nil, invalid("invalid_request", "more than one client authentication method")
	}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		c.cert = r.TLS.PeerCertificates[0]
	}

	c.client = s.clientByID(id)
	if c.client == nil {
		return refuse("unknown client")
	}
	method, ok := authMethodByName(c.client.AuthMethod)
	if !ok || method.form != c.form && !c.byEitherSecret(s.preset) {
		return refuse("not the registered authentication method")
	}
	if fault := method.check(s, c); fault != "" {
		return refuse(fault)
	}
	return c.client, nil
}

// basicCredentials reads client_id and client_secret from a Basic header. Both
// are form-encoded before they are joined (RFC 6749, Section 2.3.1).
func basicCredentials(r *http.Request) (id, secret string, ok bool) {
	user, password, ok := r.BasicAuth()
	if !ok {
		return "", "", false
	}
	id, err1 := url.QueryUnescape(user)
	secret, err2 := url.QueryUnescape(password)
	return id, secret, err1 == nil && err2 == nil
}

// authenticatedForm is what every endpoint with client authentication starts
// with.
func (s *Server) authenticatedForm(r *http.Request) (url.Values, *Client, *protocolError) {
	params, perr := formParams(r)
	if perr != nil {
		return nil, nil, perr
	}
	client, perr := s.authenticateClient(r, params)
	return params, client, perr
}

// claimedClient returns the client_id that the credentials of a request name,
// for the record.
func claimedClient(r *http.Request, form url.Values) string {
	if id := form.Get("client_id"); id != "" {
		return id
	}
	if id, _, ok := basicCredentials(r); ok {
		return id
	}
	if jws, err := parseJWS(form.Get("client_assertion")); err == nil {
		sub, _ := jws.claims["sub"].(string)
		return sub
	}
	return ""
}

// byEitherSecret reports whether a secret came in one of the two ways, at a provider
// that takes both from every client.
func (c *credentials) byEitherSecret(p *preset) bool {
	ways := []string{"client_secret_basic", "client_secret_post"}
	return p.anySecret && slices.Contains(ways, c.client.AuthMethod) && (c.form == headerCredentials || c.form == bodyCredentials)
}

func (s *Server) checkSecret(c *credentials) (fault string) {
	switch {
	case s.preset.secret != nil:
		if !s.preset.secret(s, c) {
			return "the client secret is not one that the provider accepts"
		}
	case c.client.Secret == "" || subtle.ConstantTimeCompare([]byte(c.secret), []byte(c.client.Secret)) != 1:
		return "wrong client secret"
	}
	return ""
}

func (s *Server) checkMAC(c *credentials) (fault string) {
	for _, m := range macs {
		if m.name != c.jws.alg {
			continue
		}
		secret := []byte(c.client.Secret)
		// RFC 7518, Section 3.2: the key is at least as long as the hash.
		// crypto/hmac panics on short ones under fips140=only.
		if len(secret) < m.hash.Size() {
			return "the client secret is shorter than the hash of " + m.name
		}
		want := m.mac(secret, c.jws.input)
		if subtle.ConstantTimeCompare(want, c.jws.signature) != 1 {
			return "the client assertion is not signed with the client secret"
		}
		return s.checkAssertion(c)
	}
	return "the client assertion is not signed with HS256, HS384 or HS512"
}

func (s *Server) checkSignature(c *credentials) (fault string) {
	if !c.client.signed(c.jws) {
		return "the client assertion is not signed with a key of the client's JWKS"
	}
	return s.checkAssertion(c)
}

// signed reports whether a signature is by one of the client's keys.
func (c *Client) signed(jws *parsedJWS) bool { return signedBy(c.keys, jws) }

func signedBy(keys []publicKey, jws *parsedJWS) bool {
	a, ok := algorithmByName(jws.alg)
	if !ok {
		return false
	}
	for _, k := range keys {
		if jws.kid != "" && jws.kid != k.id || k.use == "enc" {
			continue
		}
		if a.verify(k.key, jws.input, jws.signature) {
			return true
		}
	}
	return false
}

// checkAssertion checks the claims of a client assertion whose signature is
// good: RFC 7523, Section 3 and OpenID Connect Core, Section 9.
func (s *Server) checkAssertion(c *credentials) (fault string) {
	claim := func(name string) string { v, _ := c.jws.claims[name].(string); return v }
	if claim("iss") != c.client.ID || claim("sub") != c.client.ID {
		return "iss and sub of the client assertion are not both the client_id"
	}
	// Only a plain string: an assertion for two servers could be replayed by
	// the one at the other.
	switch claim("aud") {
	case s.issuer, s.endpointURL(tokenPath), c.url:
	default:
		return "aud of the client assertion is neither the issuer nor this endpoint nor the token endpoint"
	}
	exp, timely := s.timely(c.jws.claims)
	switch {
	case !timely:
		return "the client assertion has expired, or is not valid yet, by the server's clock (Options.Now)"
	case claim("jti") == "" || !s.firstUse(c.client.ID+"\x00"+claim("jti"), exp):
		return "the client assertion has no jti, or was used before"
	}
	return ""
}

// timely reports whether a JWT has an exp and is in its time, with a minute for
// clocks that run ahead (RFC 7523, Section 3, points 4 to 6).
func (s *Server) timely(claims map[string]any) (exp time.Time, ok bool) {
	now := s.now()
	exp, ok = numericDate(claims["exp"])
	if !ok || !now.Before(exp) {
		return exp, false
	}
	for _, name := range []string{"nbf", "iat"} {
		if v, present := claims[name]; present {
			if t, ok := numericDate(v); !ok || t.After(now.Add(time.Minute)) {
				return exp, false
			}
		}
	}
	return exp, true
}

// numericDate reads the NumericDate of RFC 7519, Section 2, which can have a fraction.
func numericDate(v any) (time.Time, bool) {
	f, ok := v.(float64)
	if !ok || f < 0 || f > 1<<53 {
		return time.Time{}, false
	}
	whole, fraction := math.Modf(f)
	return time.Unix(int64(whole), int64(fraction*1e9)), true
}

// firstUse reports whether a jti was not seen before, and remembers it until
// it expires.
func (s *Server) firstUse(jti string, until time.Time) bool {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if seen, ok := s.jtis[jti]; ok && now.Before(seen) {
		return false
	}
	s.jtis[jti] = until
	return true
}

// checkIssuedCertificate is tls_client_auth: a certificate of the server's CA
// with the registered subject (RFC 8705, Section 2.1).
func (s *Server) checkIssuedCertificate(c *credentials) (fault string) {
	if c.cert == nil || c.client.CertificateSubject == "" {
		return "the connection has no client certificate, or CertificateSubject of the client is empty"
	}
	_, err := c.cert.Verify(x509.VerifyOptions{
		Roots:       s.ca.pool,
		CurrentTime: s.now(),
		KeyUsages:   []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil || c.cert.Subject.String() != c.client.CertificateSubject {
		return "the certificate is not from the server's CA, or its subject is not CertificateSubject of the client"
	}
	return ""
}

// checkOwnCertificate is self_signed_tls_client_auth: the registered
// certificate, whoever signed it (RFC 8705, Section 2.2).
func (s *Server) checkOwnCertificate(c *credentials) (fault string) {
	if c.cert == nil || len(c.client.Certificate) == 0 || !bytes.Equal(c.cert.Raw, c.client.Certificate) {
		return "the connection has no client certificate, or not Certificate of the client"
	}
	return ""
}
