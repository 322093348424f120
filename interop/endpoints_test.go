package interop

// This file holds what can be asked about tokens and resources: introspection,
// revocation, the metadata of a protected resource.

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"example.com/oauth"
)

func endpointScenarios(t table) {
	for _, alg := range signingAlgorithms {
		t.add("introspection JWT "+alg, signedIntrospection(alg))
	}
	t.add("introspection of garbage: active=false", introspectGarbage)
	t.add("revocation of garbage is 200; token_type_hint; refresh token", revokeGarbage)
	t.add("RFC 9728 protected resource metadata", resourceMetadata)
}

// introspect asks the server about the access token, which it has to know as
// that of this client and user, with the scope and the lifetime that it came
// with, and bound to the certificate if the client is registered for that, and
// to the key if it has one.
func (f *flow) introspect(s *scenario) *oauth.Introspection {
	i, err := f.client.Introspect(s.ctx, f.token.AccessToken.Reveal(), nil)
	s.check(err, "Introspect")
	equal(s, i.ClientID(), f.reg.ClientID, "client_id of the introspection")
	equal(s, i.Issuer(), f.server.Issuer, "iss of the introspection")
	if sub := f.token.Subject(); sub != "" {
		equal(s, i.Subject(), sub, "sub of the introspection")
	}
	s.require(slices.Equal(i.Scope(), f.token.Scope), "scope of the introspection: got %q, want %q", i.Scope(), f.token.Scope)
	off := i.Expiry().Sub(f.token.Expiry)
	s.require(off.Abs() < 5*time.Second, "exp of the introspection is %v off", off)
	equal(s, i.CertificateThumbprint(), f.boundTo(s), "x5t#S256 of the introspection")
	equal(s, i.KeyThumbprint(), f.keyThumbprint(), "jkt of the introspection")
	equal(s, i.TokenType(), f.tokenType(), "token_type of the introspection")
	equal(s, i.Raw() != "", f.meta.IntrospectionSignedResponseAlg != "", "the introspection is signed")
	return i
}

// boundTo is the thumbprint of the certificate that the client's tokens are
// bound to, or "".
func (p *party) boundTo(s *scenario) string {
	if !p.meta.TLSClientCertificateBoundAccessTokens {
		return ""
	}
	cert, err := s.desc.certificate(p.reg.Cert)
	s.check(err, "client certificate")
	sum := sha256.Sum256(cert.Certificate[0])
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// revoke gives the access token back.
func (f *flow) revoke(s *scenario) {
	s.check(f.client.Revoke(s.ctx, f.token.AccessToken.Reveal(), nil), "Revoke")
}

// requireInactive ends the scenario unless the access token is good for
// nothing any more.
func (f *flow) requireInactive(s *scenario) {
	s.requireInactive(f.client.Introspect(s.ctx, f.token.AccessToken.Reveal(), nil))
	if f.token.Subject() != "" {
		_, err := f.client.UserInfo(s.ctx, f.token, nil)
		s.requireResponseError(err, http.StatusUnauthorized, "invalid_token")
	}
	f.requireRefused(s)
}

func (s *scenario) requireInactive(i *oauth.Introspection, err error) {
	s.require(errors.Is(err, oauth.ErrInactive), "wanted ErrInactive, got: %v", err)
	s.require(i == nil, "an Introspection beside an error")
}

// signedIntrospection has the server sign what it says, also the no.
func signedIntrospection(alg string) scenarioFunc {
	return func(s *scenario) {
		id := "intro-" + alg
		f := s.code("tls", id, options{})
		i := f.introspect(s)
		f.requireSigned(s)
		header := headerOf(s, i.Raw())
		equal(s, header.Alg, alg, "alg of the introspection")
		equal(s, header.Typ, "token-introspection+jwt", "typ of the introspection")

		// The audience of the JWT is who asked, that of the token is inside.
		narrow := s.code("tls", id, options{
			request: func(r *oauth.AuthorizationRequest) {
				r.Scope = []string{"openid", "api:read"}
				r.Resource = []string{opaqueResource}
			},
			grant: &oauth.GrantOptions{Resource: []string{opaqueResource}},
		})
		narrow.requireAudience(s, opaqueResource)

		f.revoke(s)
		f.requireInactive(s)
		f.requireSigned(s)
		s.refusedIntrospections(narrow) // of a token that is active: an inactive one needs no signature
	}
}

// requireSigned ends the scenario unless the last introspection came signed.
func (f *flow) requireSigned(s *scenario) {
	e := f.wire.last(s, f.server.IntrospectionEndpoint)
	equal(s, e.mediaType, "application/token-introspection+jwt", "media type of the introspection")
}

// refusedIntrospections are answers that are not signed as the client is
// registered, by a server that was not asked for it or does it otherwise.
func (s *scenario) refusedIntrospections(f *flow) {
	for what, o := range map[string]struct {
		options
		kind error
	}{
		"an unsigned answer": {options{around: func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			r = r.Clone(r.Context())
			r.Header.Set("Accept", "application/json")
			return next.RoundTrip(r)
		}}, oauth.ErrResponse},
		"another algorithm": {options{config: func(c *oauth.Config) {
			other := oauth.ES256
			if c.Metadata.IntrospectionSignedResponseAlg == other {
				other = oauth.RS256
			}
			c.Metadata.IntrospectionSignedResponseAlg = other
		}}, oauth.ErrAlgorithm},
	} {
		p := s.setup("tls", f.reg.ClientID, o.options)
		i, err := p.client.Introspect(s.ctx, f.token.AccessToken.Reveal(), nil)
		s.require(errors.Is(err, o.kind) && !errors.Is(err, oauth.ErrInactive), "%s: wanted %v, got: %v", what, o.kind, err)
		s.require(i == nil, "an Introspection beside an error")
	}
}

// introspectGarbage: what the server does not know is not active. What looks
// like a JWT it refuses to look for, whatever it is.
func introspectGarbage(s *scenario) {
	p := s.setup("tls", "basic", options{})
	s.requireInactive(p.client.Introspect(s.ctx, "garbage", nil))
	s.requireInactive(p.client.Introspect(s.ctx, "garbage", &oauth.EndpointOptions{TokenTypeHint: "access_token"}))

	f := s.code("tls", "basic", options{})
	_, err := f.client.Introspect(s.ctx, f.idToken(s).Raw(), nil)
	s.requireResponseError(err, http.StatusBadRequest, "unsupported_token_type")

	// A client that is not who it says hears nothing.
	p = s.setup("tls", "basic", options{config: func(c *oauth.Config) { c.Auth = oauth.ClientSecretBasic("nope") }})
	_, err = p.client.Introspect(s.ctx, f.token.AccessToken.Reveal(), nil)
	s.requireResponseError(err, http.StatusUnauthorized, "invalid_client")
	f.introspect(s)
}

// revokeGarbage: a token that is not known is as good as revoked (RFC 7009,
// Section 2.2). With a refresh token the access token goes, and on this server
// the other way round, too, which Section 2.1 leaves to it.
func revokeGarbage(s *scenario) {
	p := s.setup("tls", "basic", options{})
	s.check(p.client.Revoke(s.ctx, "garbage", nil), "Revoke")

	for hint, token := range map[string]func(*oauth.Token) oauth.Secret{
		"refresh_token": func(t *oauth.Token) oauth.Secret { return t.RefreshToken },
		"access_token":  func(t *oauth.Token) oauth.Secret { return t.AccessToken },
		"":              func(t *oauth.Token) oauth.Secret { return t.RefreshToken },
		"id_token":      func(t *oauth.Token) oauth.Secret { return t.AccessToken }, // a wrong hint is only slower
	} {
		var form url.Values
		f := s.code("tls", "basic", options{around: sentForm(&form, p.server.RevocationEndpoint)})
		refresh := f.token.RefreshToken.Reveal()
		i, err := f.client.Introspect(s.ctx, refresh, &oauth.EndpointOptions{TokenTypeHint: "refresh_token"})
		s.check(err, "Introspect")
		s.require(i.Expiry().After(f.token.Expiry), "exp of the refresh token is %v", i.Expiry())

		err = f.client.Revoke(s.ctx, token(f.token).Reveal(), &oauth.EndpointOptions{TokenTypeHint: hint})
		s.check(err, "Revoke")
		equal(s, form.Get("token_type_hint"), hint, "token_type_hint")
		_, err = f.client.Refresh(s.ctx, f.token, nil)
		s.requireResponseError(err, http.StatusBadRequest, "invalid_grant")
		s.requireInactive(f.client.Introspect(s.ctx, refresh, nil))
		f.requireInactive(s)
	}
	s.refusedRevocations()
}

// refusedRevocations are those of another client's token, and of a JWT, which
// is good until its exp (RFC 7009, Section 2.2.1).
func (s *scenario) refusedRevocations() {
	f := s.code("tls", "basic", options{})
	other := s.setup("tls", "post", options{})
	err := other.client.Revoke(s.ctx, f.token.AccessToken.Reveal(), nil)
	s.requireResponseError(err, http.StatusBadRequest, "invalid_request")
	f.introspect(s)

	f = s.clientCredentials("cc", &oauth.GrantOptions{Resource: []string{"https://rs.example/jwt/ES256"}})
	err = f.client.Revoke(s.ctx, f.token.AccessToken.Reveal(), nil)
	s.requireResponseError(err, http.StatusBadRequest, "unsupported_token_type")
}

// resourceMetadata begins at a resource and ends with a token for it.
func resourceMetadata(s *scenario) {
	for _, instance := range []string{"tls", "tenant", "http"} {
		issuer := s.desc.Issuers[instance]
		resource := originOf(issuer) + "/resource"
		o := &oauth.DiscoverOptions{HTTPClient: s.desc.httpClient(), InsecureAllowHTTP: s.desc.insecure(instance)}
		meta, err := oauth.DiscoverResource(s.ctx, resource, o)
		s.check(err, "DiscoverResource")
		equal(s, meta.Resource, resource, "resource")
		s.require(slices.Equal(meta.AuthorizationServers, []string{issuer}), "authorization_servers: %q", meta.AuthorizationServers)
		s.require(slices.Equal(meta.ScopesSupported, []string{"api:read", "api:write"}), "scopes_supported: %q", meta.ScopesSupported)
		s.require(slices.Contains(meta.DPoPSigningAlgValuesSupported, oauth.ES256), "dpop_signing_alg_values_supported: %q", meta.DPoPSigningAlgValuesSupported)

		for _, name := range []string{"", issuer} {
			server, err := meta.Discover(s.ctx, name, o)
			s.check(err, "ResourceMetadata.Discover")
			equal(s, server.Issuer, issuer, "issuer")
			p := s.setup(instance, "cc", options{config: func(c *oauth.Config) { c.Server = server }})
			t, err := p.client.ClientCredentials(s.ctx, &oauth.GrantOptions{Scope: meta.ScopesSupported, Resource: []string{meta.Resource}})
			s.check(err, "ClientCredentials")
			(&flow{party: p, token: t}).requireSignedFor(s, resource)
		}
		_, err = meta.Discover(s.ctx, "https://another.example", o)
		s.require(errors.Is(err, oauth.ErrConfig), "an issuer that the resource does not name: wanted ErrConfig, got: %v", err)
	}

	// The document of one resource is not that of another.
	o := &oauth.DiscoverOptions{HTTPClient: s.desc.httpClient()}
	resource := s.desc.Issuers["tls"] + "/resource"
	o.URL = s.desc.Issuers["tls"] + "/.well-known/oauth-protected-resource/resource"
	_, err := oauth.DiscoverResource(s.ctx, resource, o)
	s.check(err, "DiscoverResource by the document's address")
	meta, err := oauth.DiscoverResource(s.ctx, resource+"/other", o)
	s.require(errors.Is(err, oauth.ErrResponse) && meta == nil, "the document of another resource: wanted ErrResponse, got: %v", err)
}
