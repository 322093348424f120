package oauth

// This file holds the servers whose JWT access tokens a resource server accepts.

import (
	"slices"
	"strings"
)

// A TrustedServer is an authorization server whose JWT access tokens a resource
// server accepts.
type TrustedServer struct {
	// Server is the metadata of the server, as [Discover] returns it. Its Issuer
	// must be set and, if KeySet is nil, its JWKSURI.
	Server *AuthorizationServer

	// KeySet holds the server's keys. If nil, a KeySet for Server.JWKSURI is used.
	KeySet *KeySet

	// Algorithms are the algorithms that access tokens may be signed with. If nil,
	// they are all algorithms that the package verifies. It must not be empty
	// otherwise.
	Algorithms []Algorithm

	// Profile describes the server's access tokens. If nil, they follow RFC 9068.
	Profile *AccessTokenProfile

	// AcceptIssuer decides which tenants of a multi-tenant server are accepted, as
	// Config.AcceptIssuer does. It must be set for such a server, and only then.
	AcceptIssuer func(iss, tid string) bool
}

// A trustedServer is a TrustedServer that was checked.
type trustedServer struct {
	issuer   issuerRule
	keys     *KeySet
	rules    jwsRules
	profile  *AccessTokenProfile
	standard bool // the profile was not chosen, and may be the wrong one
}

// trustRules are what all servers of an API have together.
type trustRules struct {
	security *securityRules
	keys     KeySetOptions
	sets     map[string]*KeySet // one for each jwks_uri
}

func newTrustedServer(t *TrustedServer, rules *trustRules) (*trustedServer, error) {
	if t.Server == nil || t.Server.Issuer == "" {
		return nil, fail(ErrConfig, "Servers.Server", "is nil, or has no Issuer: pass what Discover returns")
	}
	profile := t.Profile
	if profile == nil {
		profile = standardProfile()
	}
	profile, err := profile.compile()
	if err != nil {
		return nil, err
	}
	s := &trustedServer{
		issuer:   issuerRule{issuer: t.Server.Issuer, accept: t.AcceptIssuer},
		keys:     t.KeySet,
		profile:  profile,
		standard: t.Profile == nil,
	}
	if profile.Issuer != "" {
		s.issuer.issuer = profile.Issuer
	}
	s.rules = jwsRules{typ: s.readable, what: "an access token"}
	if s.rules.allowed, err = verifiable("Servers.Algorithms", t.Algorithms, rules.security); err != nil {
		return nil, err
	}
	switch template := strings.Contains(s.issuer.issuer, tenantPlaceholder); {
	case template && t.AcceptIssuer == nil:
		return nil, fail(ErrConfig, "Servers.AcceptIssuer", "is required, because the issuer is a template for all tenants: decide there whose tokens are taken")
	case !template && t.AcceptIssuer != nil:
		return nil, fail(ErrConfig, "Servers.AcceptIssuer", "is set, but the issuer has no %s in it: it would never be called", tenantPlaceholder)
	case s.keys == nil && t.Server.JWKSURI == "":
		return nil, fail(ErrConfig, "jwks_uri", "the server's metadata has none: set it in Servers.Server, or set Servers.KeySet")
	case s.keys == nil && rules.sets[t.Server.JWKSURI] != nil:
		s.keys = rules.sets[t.Server.JWKSURI]
	case s.keys == nil:
		s.keys, err = NewKeySet(t.Server.JWKSURI, &rules.keys)
		rules.sets[t.Server.JWKSURI] = s.keys
	case s.keys.empty():
		return nil, fail(ErrConfig, "Servers.KeySet", "is empty: NewKeySet and ParseKeySet make one")
	}
	return s, err
}

// readable are the types that are worth a look: those of the profile, and, where
// none was chosen, those of the ready-made ones, to say in the error which it
// is. The profile decides.
func (s *trustedServer) readable(typ string) bool {
	return slices.Contains(s.profile.Types, typ) || s.standard && (typ == "jwt" || typ == "")
}
