package oauthtest

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/url"
	"time"
)

// This file implements the JWTs that the server issues. All of them pass
// through a draft, where faults can change them.

// A jwtKind is what a JWT is for; kinds can be joined to a set.
type jwtKind uint

const (
	idTokenJWT         jwtKind = 1 << iota // of the token endpoint
	secondIDTokenJWT                       // of the token endpoint, after one in the authorization response
	responseIDTokenJWT                     // of the authorization response
	refreshIDTokenJWT                      // of the token endpoint, with a refresh
	userinfoJWT
	responseJWT // JARM
	introspectionJWT
	logoutJWT
	exchangedJWT   // RFC 8693
	accessTokenJWT // RFC 9068

	anyIDToken = idTokenJWT | secondIDTokenJWT | responseIDTokenJWT | refreshIDTokenJWT
	anyJWT     = ^jwtKind(0)
)

// A draft is a JWT before it is signed and, for some, encrypted.
type draft struct {
	server *Server
	kind   jwtKind
	alg    algorithm
	key    *key
	header map[string]any
	claims map[string]any
	sign   func(input []byte) ([]byte, error)

	encryption *encryption // of what is signed; nil: none
}

func (s *Server) newDraft(kind jwtKind, client *Client, alg algorithm, claims map[string]any) *draft {
	k := s.keys.get(alg.family)
	return &draft{
		server: s,
		kind:   kind,
		alg:    alg,
		key:    k,
		header: map[string]any{"alg": alg.name, "kid": k.id},
		claims: claims,
		sign:   func(in []byte) ([]byte, error) { return alg.sign(k.private, in) },

		encryption: client.encryptionOf(kind),
	}
}

// issue applies the faults, signs, and encrypts where the client is registered so.
func (d *draft) issue() (string, error) {
	d.server.editJWT(d)
	token, err := compact(d.header, d.claims, d.sign)
	if err != nil || d.encryption == nil {
		return token, err
	}
	return d.encryption.encrypt(token)
}

// newResponseJWT makes the JWT of an authorization response: JWT Secured
// Authorization Response Mode for OAuth 2.0 (JARM), Section 2.1.
func (s *Server) newResponseJWT(client *Client, params url.Values) (string, error) {
	alg, _ := algorithmByName(client.AuthorizationAlg)
	claims := map[string]any{
		"iss": s.issuer,
		"aud": client.ID,
		"exp": s.now().Add(responseLifetime).Unix(),
	}
	for name, values := range params {
		claims[name] = values[0]
		if len(values) > 1 { // a fault
			claims[name] = values
		}
	}
	return s.newDraft(responseJWT, client, alg, claims).issue()
}

// setTime sets a NumericDate claim relative to the server's clock.
func (d *draft) setTime(claim string, offset time.Duration) {
	d.claims[claim] = d.server.now().Add(offset).Unix()
}

// publicPEM is the public key as everybody finds it on disk, which is what the
// attack of HS256WithPublicKey takes for a secret.
func publicPEM(k *key) []byte {
	der, err := x509.MarshalPKIXPublicKey(k.private.Public())
	if err != nil {
		panic(fmt.Sprintf("oauthtest: encoding a public key: %v", err))
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}
