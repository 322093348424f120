package oauth

// The examples of the RFCs, as printed there. Each is verified here by the
// package's own way in, so that a slip in copying one cannot hide.

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"testing"
)

// rfcRules allow what the examples are signed with; their headers have neither
// typ nor kid.
func rfcRules(alg Algorithm) *jwsRules {
	return &jwsRules{
		allowed: []Algorithm{alg},
		typ:     func(typ string) bool { return typ == "" },
		what:    "an example",
	}
}

// rfcPayload is the payload of RFC 7515, Appendices A.2.1 and A.3.1: with line
// breaks, which the example in the RFC's text writes as %x0d %x0a.
const rfcPayload = "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"

const (
	// RFC 7515, Appendix A.2.1.
	rfc7515RSAModulus = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
	// RFC 7517, Appendix A.1, and RFC 7638, Section 3.1.
	rfc7517RSAModulus = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
)

func TestRFC7515Examples(t *testing.T) {
	for _, x := range []struct {
		name, section string
		alg           Algorithm
		jwk           string
		token         string
		payload       string
	}{
		{
			"RS256", "RFC 7515, Appendix A.2", RS256,
			`{"kty":"RSA","n":"` + rfc7515RSAModulus + `","e":"AQAB"}`,
			"eyJhbGciOiJSUzI1NiJ9" +
				".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ" +
				".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
			rfcPayload,
		},
		{
			"ES256", "RFC 7515, Appendix A.3", ES256,
			`{"kty":"EC","crv":"P-256",
			  "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
			  "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`,
			"eyJhbGciOiJFUzI1NiJ9" +
				".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ" +
				".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
			rfcPayload,
		},
		{
			"ES512", "RFC 7515, Appendix A.4", ES512,
			`{"kty":"EC","crv":"P-521",
			  "x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
			  "y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}`,
			"eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA" +
				".AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn",
			"Payload",
		},
		{
			"EdDSA", "RFC 8037, Appendices A.2, A.4 and A.5", EdDSA,
			`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`,
			rfc8037Token,
			"Example of Ed25519 signing",
		},
	} {
		t.Run(x.name, func(t *testing.T) {
			keys, err := ParseKeySet([]byte(`{"keys":[` + x.jwk + `]}`))
			if err != nil {
				t.Fatalf("%s: %v", x.section, err)
			}
			v, err := verifyJWS(context.Background(), x.token, keys, rfcRules(x.alg))
			if err != nil {
				t.Fatalf("%s: %v", x.section, err)
			}
			if v.payload != x.payload {
				t.Errorf("%s: payload %q, want %q", x.section, v.payload, x.payload)
			}
			if v.alg.name != x.alg {
				t.Errorf("%s: algorithm %s, want %s", x.section, v.alg.name, x.alg)
			}
		})
	}
}

// RFC 7517, Appendix A.1: an EC key for encryption, an RSA key for RS256. Both
// are read, and only the second is ever selected for a signature.
func TestRFC7517PublicKeys(t *testing.T) {
	keys, err := ParseKeySet([]byte(`{"keys":[
		{"kty":"EC","crv":"P-256",
		 "x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
		 "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
		 "use":"enc","kid":"1"},
		{"kty":"RSA","n":"` + rfc7517RSAModulus + `","e":"AQAB","alg":"RS256","kid":"2011-04-29"}
	]}`))
	if err != nil {
		t.Fatal(err)
	}
	snap := keys.current.Load()
	if len(snap.keys) != 2 || len(snap.skipped) != 0 {
		t.Fatalf("%d keys and %d skipped, want 2 and 0", len(snap.keys), len(snap.skipped))
	}
	ec, ok := snap.keys[0].key.(*ecdsa.PublicKey)
	if !ok || ec.Curve.Params().Name != "P-256" {
		t.Errorf("the first key is %T, want one on P-256", snap.keys[0].key)
	}
	rsaKey, ok := snap.keys[1].key.(*rsa.PublicKey)
	if !ok || rsaKey.N.BitLen() != 2048 || rsaKey.E != 65537 {
		t.Errorf("the second key is %T, want RSA with 2048 bits and exponent 65537", snap.keys[1].key)
	}
	for _, x := range []struct {
		alg  Algorithm
		kid  string
		want error
	}{
		{RS256, "2011-04-29", nil},
		{RS384, "2011-04-29", ErrKeyNotFound}, // its alg is RS256
		{ES256, "1", ErrKeyNotFound},          // its use is enc
	} {
		_, err := keys.find(context.Background(), findAlgorithm(x.alg), &joseHeader{alg: x.alg, kid: x.kid, hasKid: true})
		if x.want == nil && err != nil {
			t.Errorf("%s %s: %v", x.alg, x.kid, err)
		} else if x.want != nil {
			wantError(t, err, x.want, "kid")
		}
	}
}

// RFC 7517, Appendix A.2. The members belong together, or ParseSigningKey
// would refuse them; what the keys sign verifies with those of Appendix A.1.
func TestRFC7517PrivateKeys(t *testing.T) {
	for _, x := range []struct {
		name, jwk string
		alg       Algorithm // "": that of the JWK
		kid       string
	}{
		{"EC", `{"kty":"EC","crv":"P-256",
			"x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
			"y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
			"d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE",
			"use":"enc","kid":"1"}`, ES256, "1"},
		{"RSA", `{"kty":"RSA","n":"` + rfc7517RSAModulus + `","e":"AQAB",
			"d":"X4cTteJY_gn4FYPsXB8rdXix5vwsg1FLN5E3EaG6RJoVH-HLLKD9M7dx5oo7GURknchnrRweUkC7hT5fJLM0WbFAKNLWY2vv7B6NqXSzUvxT0_YSfqijwp3RTzlBaCxWp4doFk5N2o8Gy_nHNKroADIkJ46pRUohsXywbReAdYaMwFs9tv8d_cPVY3i07a3t8MN6TNwm0dSawm9v47UiCl3Sk5ZiG7xojPLu4sbg1U2jx4IBTNBznbJSzFHK66jT8bgkuqsk0GjskDJk19Z4qwjwbsnn4j2WBii3RL-Us2lGVkY8fkFzme1z0HbIkfz0Y6mqnOYtqc0X4jfcKoAC8Q",
			"p":"83i-7IvMGXoMXCskv73TKr8637FiO7Z27zv8oj6pbWUQyLPQBQxtPVnwD20R-60eTDmD2ujnMt5PoqMrm8RfmNhVWDtjjMmCMjOpSXicFHj7XOuVIYQyqVWlWEh6dN36GVZYk93N8Bc9vY41xy8B9RzzOGVQzXvNEvn7O0nVbfs",
			"q":"3dfOR9cuYq-0S-mkFLzgItgMEfFzB2q3hWehMuG0oCuqnb3vobLyumqjVZQO1dIrdwgTnCdpYzBcOfW5r370AFXjiWft_NGEiovonizhKpo9VVS78TzFgxkIdrecRezsZ-1kYd_s1qDbxtkDEgfAITAG9LUnADun4vIcb6yelxk",
			"alg":"RS256","kid":"2011-04-29"}`, "", "2011-04-29"},
	} {
		t.Run(x.name, func(t *testing.T) {
			key, err := ParseSigningKey([]byte(x.jwk), x.alg, "")
			if err != nil {
				t.Fatal(err)
			}
			if key.KeyID() != x.kid {
				t.Errorf("key id %q, want %q", key.KeyID(), x.kid)
			}
			token, err := key.SignJWT("", map[string]string{"iss": "joe"})
			if err != nil {
				t.Fatal(err)
			}
			keys, err := ParseKeySet([]byte(`{"keys":[` + string(key.PublicJWK()) + `]}`))
			if err != nil {
				t.Fatal(err)
			}
			rules := &jwsRules{allowed: []Algorithm{key.Algorithm()}, typ: idTokenType, what: "a token"}
			if _, err := verifyJWS(context.Background(), token, keys, rules); err != nil {
				t.Error(err)
			}
		})
	}
}

// RFC 7636, Appendix B.
func TestRFC7636Challenge(t *testing.T) {
	const verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	if got := codeChallenge(verifier); got != challenge {
		t.Errorf("challenge %s, want %s", got, challenge)
	}
}

// RFC 7638, Section 3.1, and RFC 8037, Appendix A.3. Members that are not
// required (alg and kid of the first) do not count.
func TestRFC7638Thumbprints(t *testing.T) {
	for _, x := range []struct{ section, jwk, want string }{
		{
			"RFC 7638, Section 3.1",
			`{"kty":"RSA","n":"` + rfc7517RSAModulus + `","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`,
			"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
		},
		{
			"RFC 8037, Appendix A.3",
			`{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`,
			"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
		},
	} {
		o, err := parseObject(x.jwk, documentLimits, ErrParse)
		if err != nil {
			t.Fatalf("%s: %v", x.section, err)
		}
		key, err := parsePublicJWK(o)
		if err != nil {
			t.Fatalf("%s: %v", x.section, err)
		}
		if got := thumbprint(key.key); got != x.want {
			t.Errorf("%s: thumbprint %s, want %s", x.section, got, x.want)
		}
	}
}

// rfc8037Token is RFC 8037, Appendix A.4.
const rfc8037Token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc" +
	".hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"

// RFC 8037, Appendices A.1 and A.4. Ed25519 signatures are deterministic: the
// token comes out to the letter.
func TestRFC8037Signing(t *testing.T) {
	key, err := ParseSigningKey([]byte(`{"kty":"OKP","crv":"Ed25519",
		"d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
		"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`), EdDSA, "")
	if err != nil {
		t.Fatal(err)
	}
	token, err := key.signCompact([]byte(`{"alg":"EdDSA"}`), []byte("Example of Ed25519 signing"))
	if err != nil {
		t.Fatal(err)
	}
	if token != rfc8037Token {
		t.Errorf("token %s, want %s", token, rfc8037Token)
	}
	if public, ok := key.signer.Public().(ed25519.PublicKey); !ok || encodeBase64URL(public) != "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" {
		t.Error("the public key is not that of Appendix A.2")
	}
}

// RFC 8705, Appendix A: a certificate, its cnf value, and its key as a JWK. The
// certificate is signed by its own key, so that no bit of it can be off.
func TestRFC8705Certificate(t *testing.T) {
	const (
		certificate = `-----BEGIN CERTIFICATE-----
MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4XDTE4MTAx
ODEyMzcwOVoXDTIyMDUwMjEyMzcwOVowDzENMAsGA1UEAwwEbXRsczBZMBMGByqG
SM49AgEGCCqGSM49AwEHA0IABNcnyxwqV6hY8QnhxxzFQ03C7HKW9OylMbnQZjjJ
/Au08/coZwxS7LfA4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8wCgYIKoZIzj0EAwID
SQAwRgIhAP0RC1E+vwJD/D1AGHGzuri+hlV/PpQEKTWUVeORWz83AiEA5x2eXZOV
bUlJSGQgjwD5vaUaKlLR50Q2DmFfQj1L+SY=
-----END CERTIFICATE-----`
		confirmation = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"
		jwk          = `{"kty":"EC","crv":"P-256",
			"x":"1yfLHCpXqFjxCeHHHMVDTcLscpb07KUxudBmOMn8C7Q",
			"y":"8_coZwxS7LfA4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8"}`
	)
	block, _ := pem.Decode([]byte(certificate))
	if block == nil {
		t.Fatal("no PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if got := CertificateThumbprint(cert); got != confirmation {
		t.Errorf("x5t#S256 is %s, want %s", got, confirmation)
	}
	if err := cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature); err != nil {
		t.Error(err)
	}
	o, err := parseObject(jwk, documentLimits, ErrParse)
	if err != nil {
		t.Fatal(err)
	}
	key, err := parsePublicJWK(o)
	if err != nil {
		t.Fatal(err)
	}
	if !key.key.(*ecdsa.PublicKey).Equal(cert.PublicKey) {
		t.Error("the JWK is not the key of the certificate")
	}
}
