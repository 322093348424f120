package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/coreos/go-oidc/v3/oidc"
	jose "github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	"github.com/golang-jwt/jwt/v5"
	capjwt "github.com/hashicorp/cap/jwt"
	"github.com/lestrrat-go/httprc/v3"
	jwxjwk "github.com/lestrrat-go/jwx/v3/jwk"
	jwxjwt "github.com/lestrrat-go/jwx/v3/jwt"
	"github.com/zitadel/oidc/v3/pkg/client/rp"
	zitadel "github.com/zitadel/oidc/v3/pkg/oidc"
)

// This file has the other libraries, each used as its documentation says, with the
// checks that it offers: algorithm, issuer, audience, times and, if there is one, the
// nonce.

// A verifyFunc verifies a token and returns its subject.
type verifyFunc func(raw string) (subject string, err error)

// An expectation is what a token must be.
type expectation struct {
	alg, issuer, audience string
	nonce                 string // empty for an access token
}

var (
	idExpectation     = expectation{issuer: issuerURL, audience: clientID, nonce: nonce}
	accessExpectation = expectation{issuer: issuerURL, audience: apiURL}
)

func (e expectation) with(alg string) expectation {
	e.alg = alg
	return e
}

// A peer is another library.
type peer struct {
	name string
	// verifier makes a verifyFunc for the keys of an issuer. ctx ends what it starts.
	verifier func(ctx context.Context, is *issuer, e expectation) (verifyFunc, error)
	remote   bool // it fetches keys by itself
}

var peers = []peer{
	{"floor (strings.Split, encoding/json)", floorVerifier, false},
	{"golang-jwt", golangJWTVerifier, false},
	{"keyfunc", keyfuncVerifier, true},
	{"go-oidc", goOIDCVerifier, true},
	{"go-jose", goJoseVerifier, false},
	{"zitadel", zitadelVerifier, true},
	{"jwx", jwxVerifier, true},
	{"cap", capVerifier, true},
}

var errNonce = errors.New("the nonce is wrong")

// fetchedKeys returns the keys of an issuer, by their ids, read by the standard library.
func fetchedKeys(is *issuer) (map[string]crypto.PublicKey, error) {
	var set struct {
		Keys []struct{ Kty, Crv, Kid, N, X, Y string }
	}
	if err := json.Unmarshal(is.answers["/jwks"], &set); err != nil {
		return nil, err
	}
	keys := map[string]crypto.PublicKey{}
	for _, k := range set.Keys {
		number := func(s string) *big.Int { return new(big.Int).SetBytes(unbase64(s)) }
		switch k.Kty {
		case "RSA":
			keys[k.Kid] = &rsa.PublicKey{N: number(k.N), E: 65537}
		case "EC":
			public, err := parsePoint(k.Crv, k.X, k.Y)
			if err != nil {
				return nil, err
			}
			keys[k.Kid] = public
		case "OKP":
			keys[k.Kid] = ed25519.PublicKey(unbase64(k.X))
		}
	}
	return keys, nil
}

// parsePoint returns the EC key with these members of a JWK.
func parsePoint(crv, x, y string) (*ecdsa.PublicKey, error) {
	point, err := base64.RawURLEncoding.DecodeString(x)
	if err != nil {
		return nil, err
	}
	more, err := base64.RawURLEncoding.DecodeString(y)
	if err != nil {
		return nil, err
	}
	return ecdsa.ParseUncompressedPublicKey(curves[crv], slices.Concat([]byte{4}, point, more))
}

// floorVerifier is what a developer writes in forty lines, with few checks.
func floorVerifier(_ context.Context, is *issuer, e expectation) (verifyFunc, error) {
	keys, err := fetchedKeys(is)
	verify := signatureChecks[e.alg]
	return func(raw string) (string, error) {
		parts := strings.Split(raw, ".")
		if len(parts) != 3 {
			return "", errors.New("not a token")
		}
		var header struct{ Alg, Kid string }
		if err := decodePart(parts[0], &header); err != nil {
			return "", err
		}
		key, found := keys[header.Kid]
		if !found || header.Alg != e.alg {
			return "", errors.New("no such key")
		}
		signature, err := base64.RawURLEncoding.DecodeString(parts[2])
		if err != nil || !verify(key, []byte(raw[:len(parts[0])+1+len(parts[1])]), signature) {
			return "", errors.New("bad signature")
		}
		var claims struct {
			Iss, Sub, Aud, Nonce string
			Exp, Iat             int64
		}
		if err := decodePart(parts[1], &claims); err != nil {
			return "", err
		}
		now := time.Now().Unix()
		if claims.Iss != e.issuer || claims.Aud != e.audience || claims.Nonce != e.nonce || claims.Exp < now || claims.Iat > now+60 {
			return "", errors.New("wrong claims")
		}
		return claims.Sub, nil
	}, err
}

func decodePart(part string, dst any) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, dst)
}

type golangJWTClaims struct {
	jwt.RegisteredClaims
	Nonce string `json:"nonce"`
}

// parseGolangJWT parses with golang-jwt, and with the keys of find.
func parseGolangJWT(find jwt.Keyfunc, e expectation) verifyFunc {
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{e.alg}), jwt.WithIssuer(e.issuer), jwt.WithAudience(e.audience),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
	)
	return func(raw string) (string, error) {
		var claims golangJWTClaims
		if _, err := parser.ParseWithClaims(raw, &claims, find); err != nil {
			return "", err
		}
		if claims.Nonce != e.nonce {
			return "", errNonce
		}
		return claims.Subject, nil
	}
}

func golangJWTVerifier(_ context.Context, is *issuer, e expectation) (verifyFunc, error) {
	keys, err := fetchedKeys(is)
	return parseGolangJWT(func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		if key, found := keys[kid]; found {
			return key, nil
		}
		return nil, errors.New("no such key")
	}, e), err
}

func keyfuncVerifier(ctx context.Context, is *issuer, e expectation) (verifyFunc, error) {
	keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{is.jwksURI()}, keyfunc.Override{
		Client:                  is.client(),
		RefreshErrorHandlerFunc: func(string) func(context.Context, error) { return func(context.Context, error) {} }, // it would log
	})
	if err != nil {
		return nil, err
	}
	return parseGolangJWT(keys.Keyfunc, e), nil
}

func goOIDCVerifier(ctx context.Context, is *issuer, e expectation) (verifyFunc, error) {
	ctx = oidc.ClientContext(ctx, is.client())
	verifier := oidc.NewVerifier(e.issuer, oidc.NewRemoteKeySet(ctx, is.jwksURI()), &oidc.Config{
		ClientID: e.audience, SupportedSigningAlgs: []string{e.alg},
	})
	return func(raw string) (string, error) {
		id, err := verifier.Verify(ctx, raw)
		if err != nil {
			return "", err
		}
		if id.Nonce != e.nonce {
			return "", errNonce
		}
		return id.Subject, nil
	}, nil
}

func goJoseVerifier(_ context.Context, is *issuer, e expectation) (verifyFunc, error) {
	var set jose.JSONWebKeySet
	err := json.Unmarshal(is.answers["/jwks"], &set)
	algorithms := []jose.SignatureAlgorithm{jose.SignatureAlgorithm(e.alg)}
	return func(raw string) (string, error) {
		token, err := josejwt.ParseSigned(raw, algorithms)
		if err != nil {
			return "", err
		}
		var claims struct {
			josejwt.Claims
			Nonce string `json:"nonce"`
		}
		if err := token.Claims(&set, &claims); err != nil {
			return "", err
		}
		if err := claims.Validate(josejwt.Expected{Issuer: e.issuer, AnyAudience: josejwt.Audience{e.audience}}); err != nil {
			return "", err
		}
		if claims.Nonce != e.nonce {
			return "", errNonce
		}
		return claims.Subject, nil
	}, err
}

// zitadelVerifier verifies an access token as an ID token without a nonce: what the
// library has for access tokens does not check the audience.
func zitadelVerifier(ctx context.Context, is *issuer, e expectation) (verifyFunc, error) {
	options := []rp.VerifierOption{rp.WithSupportedSigningAlgorithms(e.alg)}
	if e.nonce != "" {
		options = append(options, rp.WithNonce(func(context.Context) string { return e.nonce }))
	}
	verifier := rp.NewIDTokenVerifier(e.issuer, e.audience, rp.NewRemoteKeySet(is.client(), is.jwksURI()), options...)
	if e.nonce == "" {
		verifier.Nonce = nil
	}
	return func(raw string) (string, error) {
		claims, err := rp.VerifyIDToken[*zitadel.IDTokenClaims](ctx, raw, verifier)
		if err != nil {
			return "", err
		}
		return claims.Subject, nil
	}, nil
}

func jwxVerifier(ctx context.Context, is *issuer, e expectation) (verifyFunc, error) {
	cache, err := jwxjwk.NewCache(ctx, httprc.NewClient())
	if err != nil {
		return nil, err
	}
	if err := cache.Register(ctx, is.jwksURI(), jwxjwk.WithHTTPClient(is.client())); err != nil {
		return nil, err
	}
	set, err := cache.CachedSet(is.jwksURI())
	if err != nil {
		return nil, err
	}
	options := []jwxjwt.ParseOption{
		jwxjwt.WithKeySet(set), jwxjwt.WithIssuer(e.issuer), jwxjwt.WithAudience(e.audience), jwxjwt.WithRequiredClaim("exp"),
	}
	if e.nonce != "" {
		options = append(options, jwxjwt.WithClaimValue("nonce", e.nonce))
	}
	return func(raw string) (string, error) {
		token, err := jwxjwt.ParseString(raw, options...)
		if err != nil {
			return "", err
		}
		sub, _ := token.Subject()
		return sub, nil
	}, nil
}

func capVerifier(ctx context.Context, is *issuer, e expectation) (verifyFunc, error) {
	ctx = oidc.ClientContext(ctx, is.client())
	keys, err := capjwt.NewJSONWebKeySet(ctx, is.jwksURI(), "")
	if err != nil {
		return nil, err
	}
	validator, err := capjwt.NewValidator(keys)
	if err != nil {
		return nil, err
	}
	expected := capjwt.Expected{Issuer: e.issuer, Audiences: []string{e.audience}, SigningAlgorithms: []capjwt.Alg{capjwt.Alg(e.alg)}}
	return func(raw string) (string, error) {
		claims, err := validator.Validate(ctx, raw, expected)
		if err != nil {
			return "", err
		}
		if e.nonce != "" && claims["nonce"] != e.nonce {
			return "", errNonce
		}
		sub, _ := claims["sub"].(string)
		return sub, nil
	}, nil
}

// jwxSet returns the keys of an issuer for jwx.
func jwxSet(is *issuer) jwxjwk.Set { return must(jwxjwk.Parse(is.answers["/jwks"])) }

// jwxKey returns a JWK for jwx.
func jwxKey(m map[string]any) jwxjwk.Key { return must(jwxjwk.ParseKey(must(json.Marshal(m)))) }

func jwxThumbprint(k jwxjwk.Key) (string, error) {
	sum, err := k.Thumbprint(crypto.SHA256)
	return base64url(string(sum)), err
}
