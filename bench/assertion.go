package main

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	"github.com/golang-jwt/jwt/v5"
	zitadel "github.com/zitadel/oidc/v3/pkg/client"

	"example.com/oauth"
)

// This file has the table of client assertions (private_key_jwt, RFC 7523).

const tokenEndpoint = issuerURL + "/token"

func (b *bench) assertions() {
	algs := []string{"ES256", "RS256"}
	if b.quick {
		algs = algs[:1]
	}
	for _, alg := range algs {
		k := newKey(alg, "client-key-2026")
		bare := k.bareSignature()
		bareAllocs, bareBytes := allocs(bare)
		t := newTable("private_key_jwt, "+alg+", over the bare signature", "", "", "ratio", "ns", "allocs over bare", "bytes over bare")
		same := b.same(bare, "assertion", alg)
		t.add("A/A", ratio(same.ratio), nanos(same.bare), number(bareAllocs), number(bareBytes))
		row := func(name string, call func() error) {
			subject := op{call: func() { check(call()) }}
			p := b.pair(bare, subject)
			allocated, bytes := allocs(subject)
			b.put("ratio", p.ratio, "assertion", alg, name)
			t.add(name, ratio(p.ratio), nanos(p.ns), over(allocated-bareAllocs), over(bytes-bareBytes))
		}
		row("ours", ourAssertion(k))
		if !b.quick {
			row("golang-jwt", golangJWTAssertion(k))
			signer := must(jose.NewSigner(
				jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: jose.JSONWebKey{Key: k.private, KeyID: k.kid}},
				(&jose.SignerOptions{}).WithType("JWT"),
			))
			row("zitadel", func() error {
				_, err := zitadel.SignedJWTProfileAssertion(clientID, []string{issuerURL}, time.Minute, signer)
				return err
			})
			row("go-jose", func() error {
				now := time.Now()
				_, err := josejwt.Signed(signer).Claims(josejwt.Claims{
					Issuer: clientID, Subject: clientID, Audience: josejwt.Audience{issuerURL}, ID: rand.Text(),
					IssuedAt: josejwt.NewNumericDate(now), Expiry: josejwt.NewNumericDate(now.Add(time.Minute)),
				}).Serialize()
				return err
			})
		}
		t.print(b.out)
	}
}

// ourAssertion makes assertions with the ClientAuth that a Client would call. The maps
// of the request are part of what is measured.
func ourAssertion(k *key) func() error {
	auth := oauth.PrivateKeyJWT(k.signingKey(), nil)
	server := &oauth.AuthorizationServer{Issuer: issuerURL, TokenEndpoint: tokenEndpoint}
	return func() error {
		return auth.Authenticate(context.Background(), &oauth.ClientAuthRequest{
			Server: server, ClientID: clientID, Endpoint: tokenEndpoint, Now: time.Now(), Header: http.Header{}, Form: url.Values{},
		})
	}
}

func golangJWTAssertion(k *key) func() error {
	method := jwt.GetSigningMethod(k.alg)
	return func() error {
		now := time.Now()
		t := jwt.NewWithClaims(method, jwt.RegisteredClaims{
			Issuer: clientID, Subject: clientID, Audience: jwt.ClaimStrings{issuerURL}, ID: rand.Text(),
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(time.Minute)),
		})
		t.Header["kid"] = k.kid
		_, err := t.SignedString(k.private)
		return err
	}
}
