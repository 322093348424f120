package oauth

// The examples of the RFCs, as printed there. Each is verified here by the
// package's own way in, so that a slip in copying one cannot hide.

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/fips140"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
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
			v, err := verifyJWS(context.Background(), x.token, keys, fromAnybody, rfcRules(x.alg))
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
		_, err := keys.find(context.Background(), findAlgorithm(x.alg), &joseHeader{alg: x.alg, kid: x.kid, hasKid: true}, fromAnybody)
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
			if _, err := verifyJWS(context.Background(), token, keys, fromAnybody, rules); err != nil {
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
		o, err := parseObject(x.jwk, documentForm, ErrParse)
		if err != nil {
			t.Fatalf("%s: %v", x.section, err)
		}
		key, err := parsePublicJWK(&o)
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
	o, err := parseObject(jwk, documentForm, ErrParse)
	if err != nil {
		t.Fatal(err)
	}
	key, err := parsePublicJWK(&o)
	if err != nil {
		t.Fatal(err)
	}
	if !key.key.(*ecdsa.PublicKey).Equal(cert.PublicKey) {
		t.Error("the JWK is not the key of the certificate")
	}
}

// RFC 7516, Appendices A.1 and A.3.
func TestRFC7516Decryption(t *testing.T) {
	aesKW, err := newDecryptionKey("A128KW", []string{"A128CBC-HS256"}, "")
	if err != nil {
		t.Fatal(err)
	}
	aesKW.symmetric = func(int) []byte { return must(decodeBase64URL(nil, "GawgguFyGrWKav7AX4VKUg")) }
	const rsaKey = `{"kty":"RSA","e":"AQAB",
		"n":"oahUIoWw0K0usKNuOR6H4wkf4oBUXHTxRvgb48E-BVvxkeDNjbC4he8rUWcJoZmds2h7M70imEVhRU5djINXtqllXI4DFqcI1DgjT9LewND8MW2Krf3Spsk_ZkoFnilakGygTwpZ3uesH-PFABNIUYpOiN15dsQRkgr0vEhxN92i2asbOenSZeyaxziK72UwxrrKoExv6kc5twXTq4h-QChLOln0_mtUZwfsRaMStPs6mS6XrgxnxbWhojf663tuEQueGC-FCMfra36C9knDFGzKsNa7LZK2djYgyD3JR_MB_4NUJW_TqOQtwHYbxevoJArm-L5StowjzGy-_bq6Gw",
		"d":"kLdtIj6GbDks_ApCSTYQtelcNttlKiOyPzMrXHeI-yk1F7-kpDxY4-WY5NWV5KntaEeXS1j82E375xxhWMHXyvjYecPT9fpwR_M9gV8n9Hrh2anTpTD93Dt62ypW3yDsJzBnTnrYu1iwWRgBKrEYY46qAZIrA2xAwnm2X7uGR1hghkqDp0Vqj3kbSCz1XyfCs6_LehBwtxHIyh8Ripy40p24moOAbgxVw3rxT_vlt3UVe4WO3JkJOzlpUf-KTVI2Ptgm-dARxTEtE-id-4OJr0h-K-VFs3VSndVTIznSxfyrj8ILL6MG_Uv8YAu7VILSB3lOW085-4qE3DzgrTjgyQ",
		"p":"1r52Xk46c-LsfB5P442p7atdPUrxQSy4mti_tZI3Mgf2EuFVbUoDBvaRQ-SWxkbkmoEzL7JXroSBjSrK3YIQgYdMgyAEPTPjXv_hI2_1eTSPVZfzL0lffNn03IXqWF5MDFuoUYE0hzb2vhrlN_rKrbfDIwUbTrjjgieRbwC6Cl0",
		"q":"wLb35x7hmQWZsWJmB_vle87ihgZ19S8lBEROLIsZG4ayZVe9Hi9gDVCOBmUDdaDYVTSNx_8Fyw1YYa9XGrGnDew00J28cRUoeBB_jKI1oma0Orv1T9aXIWxKwd4gvxFImOWr3QRL9KEBRzk2RatUBnmDZJTIAfwTs0g68UZHvtc"}`
	oaep, err := ParseDecryptionKey([]byte(rsaKey), "RSA-OAEP", nil, "")
	if fips140.Enabled() {
		wantError(t, err, ErrUnsupported, "alg") // SHA-1
	} else if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		section, token, want string
		key                  *DecryptionKey
	}{
		{
			"RFC 7516, Appendix A.1",
			"eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ." +
				"OKOawDo13gRp2ojaHV7LFpZcgV7T6DVZKTyKOMTYUmKoTCVJRgckCL9kiMT03JGeipsEdY3mx_etLbbWSrFr05kLzcSr4qKAq7YN7e9jwQRb23nfa6c9d-StnImGyFDbSv04uVuxIp5Zms1gNxKKK2Da14B8S4rzVRltdYwam_lDp5XnZAYpQdb76FdIKLaVmqgfwX7XWRxv2322i-vDxRfqNzo_tETKzpVLzfiwQyeyPGLBIO56YJ7eObdv0je81860ppamavo35UgoRdbYaBcoh9QcfylQr66oc6vFWXRcZ_ZT2LawVCWTIy3brGPi6UklfCpIMfIjf7iGdXKHzg." +
				"48V1_ALb6US04U3b." +
				"5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6jiSdiwkIr3ajwQzaBtQD_A." +
				"XFBoMYUZodetZdvTiFvSkQ",
			"The true sign of intelligence is not knowledge but imagination.", oaep,
		},
		{
			"RFC 7516, Appendix A.3",
			"eyJhbGciOiJBMTI4S1ciLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0." +
				"6KB707dM9YTIgHtLvtgWQ8mKwboJW3of9locizkDTHzBC2IlrT1oOQ." +
				"AxY8DCtDaGlsbGljb3RoZQ." +
				"KDlTtXchhZTGufMYmOYGS4HffxPSUrfmqCHXaI9wOGY." +
				"U0m_YmjN04DJvceFICbCVQ",
			"Live long and prosper.", aesKW,
		},
	} {
		if x.key == nil {
			continue
		}
		got, err := newUnitDecrypter(t, x.key).DecryptJWE(t.Context(), x.token)
		if err != nil || string(got) != x.want {
			t.Errorf("%s: %q, %v", x.section, got, err)
		}
	}
}

// RFC 7518, Appendix C: what Bob makes of Alice's header; and RFC 8037, Appendix
// A.6, of which the key that both agree on is printed.
func TestRFCKeyAgreement(t *testing.T) {
	bob, err := ParseDecryptionKey([]byte(`{"kty":"EC","crv":"P-256",
		"x":"weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ",
		"y":"e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck",
		"d":"VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"}`), "ECDH-ES", []string{"A128GCM"}, "")
	if err != nil {
		t.Fatal(err)
	}
	var j parsedJWE
	if err := j.readHeader(encodeBase64URL([]byte(`{"alg":"ECDH-ES","enc":"A128GCM","apu":"QWxpY2U","apv":"Qm9i","epk":{"kty":"EC","crv":"P-256",
		"x":"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0",
		"y":"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps"}}`))); err != nil {
		t.Fatal(err)
	}
	if key, err := bob.contentKey(&j, findEncryption("A128GCM")); err != nil || encodeBase64URL(key) != "VqqN6vgjbSBcIijNcacQGg" {
		t.Errorf("RFC 7518, Appendix C: key %x, %v", key, err)
	}
	if fips140.Enabled() {
		return // no X25519: TestFIPSDecryption
	}
	// Bob's private key is that of RFC 7748, Section 6.1, which the RFC refers to.
	d := must(hex.DecodeString("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"))
	bob, err = ParseDecryptionKey([]byte(`{"kty":"OKP","crv":"X25519","kid":"Bob","x":"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08","d":"`+
		encodeBase64URL(d)+`"}`), "ECDH-ES+A128KW", []string{"A128GCM"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := j.readHeader(encodeBase64URL([]byte(`{"alg":"ECDH-ES+A128KW","epk":{"kty":"OKP","crv":"X25519",
		"x":"hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo"},"enc":"A128GCM","kid":"Bob"}`))); err != nil {
		t.Fatal(err)
	}
	z, err := bob.agree(&j.object)
	if err != nil || hex.EncodeToString(z) != "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742" {
		t.Errorf("RFC 8037, Appendix A.6: Z %x, %v", z, err)
	}
}
