// Command verify-floor verifies one ID token with the standard library, in as few lines
// as that takes.
package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

// main takes the issuer, the URL of its keys, the client id, the token and the nonce.
func main() {
	if len(os.Args) < 6 {
		return
	}
	subject, err := verify(context.Background(), os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5])
	if err != nil {
		println(err.Error())
		os.Exit(1)
	}
	println(subject)
}

type key struct{ Kty, Crv, Kid, N, E, X, Y string }

func verify(ctx context.Context, issuer, jwksURI, clientID, token, nonce string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, jwksURI, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return "", err
	}
	var set struct{ Keys []key }
	if err := json.Unmarshal(body, &set); err != nil {
		return "", err
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", errors.New("not a token")
	}
	var header struct{ Alg, Kid string }
	if err := decode(parts[0], &header); err != nil {
		return "", err
	}
	at := slices.IndexFunc(set.Keys, func(k key) bool { return k.Kid == header.Kid })
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if at < 0 || err != nil || !set.Keys[at].verifies(header.Alg, parts[0]+"."+parts[1], signature) {
		return "", errors.New("bad signature")
	}
	var claims struct {
		Iss, Sub, Aud, Nonce string
		Exp                  int64
	}
	if err := decode(parts[1], &claims); err != nil {
		return "", err
	}
	if claims.Iss != issuer || claims.Aud != clientID || claims.Nonce != nonce || claims.Exp < time.Now().Unix() {
		return "", errors.New("wrong claims")
	}
	return claims.Sub, nil
}

func decode(part string, dst any) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, dst)
}

func number(s string) *big.Int {
	text, _ := base64.RawURLEncoding.DecodeString(s)
	return new(big.Int).SetBytes(text)
}

func (k key) verifies(alg, input string, signature []byte) bool {
	sum256, sum384, sum512 := sha256.Sum256([]byte(input)), sha512.Sum384([]byte(input)), sha512.Sum512([]byte(input))
	hash, sum, curve := crypto.SHA256, sum256[:], elliptic.P256()
	switch {
	case strings.HasSuffix(alg, "384"):
		hash, sum, curve = crypto.SHA384, sum384[:], elliptic.P384()
	case strings.HasSuffix(alg, "512"):
		hash, sum, curve = crypto.SHA512, sum512[:], elliptic.P521()
	}
	switch k.Kty + alg[:2] {
	case "RSARS":
		return rsa.VerifyPKCS1v15(&rsa.PublicKey{N: number(k.N), E: int(number(k.E).Int64())}, hash, sum, signature) == nil
	case "RSAPS":
		return rsa.VerifyPSS(&rsa.PublicKey{N: number(k.N), E: int(number(k.E).Int64())}, hash, sum, signature, nil) == nil
	case "ECES":
		size, half := (curve.Params().BitSize+7)/8, len(signature)/2
		point := slices.Concat([]byte{4}, number(k.X).FillBytes(make([]byte, size)), number(k.Y).FillBytes(make([]byte, size)))
		public, err := ecdsa.ParseUncompressedPublicKey(curve, point)
		return err == nil && ecdsa.Verify(public, sum, new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:]))
	case "OKPEd":
		x := number(k.X).FillBytes(make([]byte, ed25519.PublicKeySize))
		return ed25519.Verify(x, []byte(input), signature)
	}
	return false
}
