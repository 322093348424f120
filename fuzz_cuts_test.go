package oauth

// Fuzz tests with the good ones and the judges of oauth_cuts_test.go: whatever a text is made
// into, it is refused with an error of the right kind and nothing else, or says to a second
// reader what the result says.

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"testing"
)

// fuzzCut fuzzes a kind, with some of its changes as seeds. made makes the text of what is
// fuzzed; nil: it is the text.
func fuzzCut(f *testing.F, base *cutBase, seed string, made func(string) string) {
	f.Add(seed)
	n := 0
	if base.changes != nil {
		base.changes(func(c cutChange) {
			if n++; n%40 == 0 && c.object != "" {
				f.Add(c.object)
			}
		})
	}
	f.Fuzz(func(t *testing.T, text string) {
		change := cutChange{what: "fuzzed", text: text, object: text, at: -1}
		if made != nil {
			change.text = made(text)
		}
		if fault := base.read(change.text).fault(base, change); fault != "" {
			t.Fatal(fault)
		}
	})
}

func fuzzRand() *rand.Rand { return rand.New(rand.NewPCG(0, 24)) }

func FuzzIDTokenClaims(f *testing.F) {
	key := jwsKey(ES256, "key-1")
	header := cutHeaderOf(key, "JWT")
	fuzzCut(f, cutIDToken(f, fuzzRand(), key), unitJSON(f, unitClaims(nil)), func(claims string) string { return jwsToken(key, header, claims) })
}

func FuzzVerifyJWT(f *testing.F) {
	key := jwsKey(ES256, "key-1")
	header := cutHeaderOf(key, "payment+jwt")
	fuzzCut(f, cutAPIJWT(f, fuzzRand()), unitJSON(f, unitClaims(nil)), func(claims string) string { return jwsToken(key, header, claims) })
}

func FuzzKeySetImport(f *testing.F) {
	base := cutExported(f, fuzzRand())
	fuzzCut(f, base, base.text, nil)
}

func FuzzFrontchannelLogout(f *testing.F) {
	base := cutFrontchannel(f, fuzzRand())
	fuzzCut(f, base, base.text, nil)
}

func FuzzInitiatedLogin(f *testing.F) {
	base := cutInitiated(f, fuzzRand())
	fuzzCut(f, base, base.text, nil)
}

func FuzzResponseURL(f *testing.F) {
	base := cutCallback(f, fuzzRand(), "fragment")
	fuzzCut(f, base, base.text, nil)
}

// The state by which a program finds its PendingAuthorization is the one that net/url reads,
// where there is one.
func FuzzResponseState(f *testing.F) {
	for _, s := range []string{"state=a", "state=a&state=b", "state=", "code=c", "state=%zz", "state=a;b", "STATE=a", "state=a&response=b.c.d", "response=e30.eyJzdGF0ZSI6ImEifQ.AA"} {
		f.Add(s)
	}
	c := newUnitServer().client(f, nil)
	f.Fuzz(func(t *testing.T, query string) {
		state, err := c.ResponseState(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/cb", RawQuery: query}, Header: http.Header{}})
		if (state == "") == (err == nil) || err != nil && !errors.Is(err, ErrParse) && !errors.Is(err, ErrInvalid) {
			t.Fatalf("%q, %v", state, err)
		}
		params, wrong := url.ParseQuery(query)
		if err == nil && (wrong != nil || !params.Has("response") && (len(params["state"]) != 1 || params.Get("state") != state)) {
			t.Fatalf("%q, net/url reads %q, %v", state, params["state"], wrong)
		}
	})
}

// A key that is read is written as one that reads the same.
func FuzzParsePublicKeyPEM(f *testing.F) {
	for _, alg := range []Algorithm{ES256, Ed25519, RS256} {
		der := must(x509.MarshalPKIXPublicKey(jwsKey(alg, "").signer.Public()))
		f.Add(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		f.Add(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	f.Add([]byte("-----BEGIN RSA PUBLIC KEY-----\nMAA=\n-----END RSA PUBLIC KEY-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		key, err := ParsePublicKeyPEM(text)
		if err != nil {
			if key != nil || !errors.Is(err, ErrParse) {
				t.Fatalf("%v with the error %v", key, err)
			}
			return
		}
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			return // DSA, which crypto/x509 reads and does not write
		}
		again, err := ParsePublicKeyPEM(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		same, ok := key.(interface{ Equal(crypto.PublicKey) bool })
		if err != nil || ok && !same.Equal(again) {
			t.Fatalf("%v became %v, %v", key, again, err)
		}
	})
}
