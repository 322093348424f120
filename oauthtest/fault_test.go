package oauthtest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/oauth/oauthtest"
)

// A flow is what a client gets to see of a login, step by step.
type flow struct {
	t      *testing.T
	s      *oauthtest.Server
	params url.Values
	tokens *answer
}

func (f *flow) idToken() (header, claims map[string]any) {
	return decodeJWT(f.t, f.tokens.str("id_token"))
}

func (f *flow) claim(name string) any {
	_, claims := f.idToken()
	return claims[name]
}

func (f *flow) after(name string, offset time.Duration) bool {
	n, _ := f.claim(name).(float64)
	return time.Unix(int64(n), 0).After(time.Now().Add(offset))
}

func (f *flow) header(name string) any {
	header, _ := f.idToken()
	return header[name]
}

func (f *flow) verified() bool { return verified(f.t, f.s, f.tokens.str("id_token")) }

func (f *flow) jwks() *answer { return get(f.t, f.s, f.s.URL()+"/jwks", "") }

func (f *flow) userinfo() *answer {
	return get(f.t, f.s, f.s.URL()+"/userinfo", f.tokens.str("access_token"))
}

// hybrid is the authorization response of response type "code id_token", with
// the claims of its ID token.
func (f *flow) hybrid() (params url.Values, claims map[string]any) {
	params = answered(f.t, f.s, map[string]string{"response_type": "code id_token"})
	if params.Has("id_token") {
		_, claims = decodeJWT(f.t, params.Get("id_token"))
	}
	return params, claims
}

func (f *flow) responseClaim(name string) any {
	_, claims := f.hybrid()
	return claims[name]
}

// second is a claim of the other ID token of that response type.
func (f *flow) second(name string) any {
	params, _ := f.hybrid()
	a := post(f.t, f.s.Client(), f.s.URL()+"/token", codeForm(params.Get("code")), nil)
	_, claims := decodeJWT(f.t, a.str("id_token"))
	return claims[name]
}

// jarm is a claim of a JWT authorization response, whose signature is good.
func (f *flow) jarm(name string) any {
	params := answered(f.t, f.s, map[string]string{"response_mode": "jwt"})
	if !verified(f.t, f.s, params.Get("response")) {
		f.t.Error("the response does not verify")
	}
	_, claims := decodeJWT(f.t, params.Get("response"))
	return claims[name]
}

// encrypted is the number of parts and the header of the ID token of a client that
// gets it encrypted to a key on P-256.
func (f *flow) encrypted() (parts int, header map[string]any) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		f.t.Fatal(err)
	}
	return f.encryptedTo("ECDH-ES", fmt.Sprintf(`"kty":"EC","crv":"P-256","x":%q,"y":%q`, encode64(point[1:33]), encode64(point[33:])))
}

// encryptedRSA is the same to an RSA key.
func (f *flow) encryptedRSA() (parts int, header map[string]any) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		f.t.Fatal(err)
	}
	return f.encryptedTo("RSA-OAEP-256", fmt.Sprintf(`"kty":"RSA","e":"AQAB","n":%q`, encode64(key.N.Bytes())))
}

func (f *flow) encryptedTo(alg, key string) (parts int, header map[string]any) {
	f.s.AddClient(oauthtest.Client{
		ID: "vault", RedirectURIs: []string{redirectURI}, IDTokenEncryptionAlg: alg, IDTokenEncryptionEnc: "A128GCM",
		JWKS: fmt.Appendf(nil, `{"keys":[{"use":"enc",%s}]}`, key),
	})
	token := answered(f.t, f.s, map[string]string{"client_id": "vault", "response_type": "id_token"}).Get("id_token")
	segments := strings.Split(token, ".")
	if err := json.Unmarshal(unbase64(f.t, segments[0]), &header); err != nil {
		f.t.Fatal(err)
	}
	return len(segments), header
}

func (f *flow) push() *answer {
	return post(f.t, f.s.Client(), f.s.URL()+"/par", authorizationParams(nil), nil)
}

// faultTests has for each fault what shows that it is there. Each must report
// false for a correct server.
var faultTests = map[oauthtest.Fault]func(f *flow) bool{
	oauthtest.WrongState:       func(f *flow) bool { return f.params.Get("state") != "the state" },
	oauthtest.MissingState:     func(f *flow) bool { return !f.params.Has("state") },
	oauthtest.DuplicateState:   func(f *flow) bool { return len(f.params["state"]) == 2 },
	oauthtest.MissingCode:      func(f *flow) bool { return !f.params.Has("code") && !f.params.Has("error") },
	oauthtest.DuplicateCode:    func(f *flow) bool { return len(f.params["code"]) == 2 },
	oauthtest.MissingIss:       func(f *flow) bool { return !f.params.Has("iss") },
	oauthtest.WrongIss:         func(f *flow) bool { return f.params.Has("iss") && f.params.Get("iss") != f.s.Issuer() },
	oauthtest.ErrorAndCode:     func(f *flow) bool { return f.params.Has("code") && f.params.Has("error") },
	oauthtest.StrayIDToken:     func(f *flow) bool { return verifiedParam(f) },
	oauthtest.StrayAccessToken: func(f *flow) bool { return f.params.Has("access_token") },

	oauthtest.MixUp: func(f *flow) bool {
		return f.params.Get("iss") != f.s.Issuer() && f.params.Has("iss") && f.tokens.str("error") == "invalid_grant"
	},
	oauthtest.MissingResponseIDToken: func(f *flow) bool {
		params, _ := f.hybrid()
		return !params.Has("id_token") && params.Has("code")
	},

	oauthtest.JARMDowngrade: func(f *flow) bool {
		params := answered(f.t, f.s, map[string]string{"response_mode": "jwt"})
		return !params.Has("response") && params.Has("code") && params.Has("iss")
	},
	oauthtest.JARMExpired: func(f *flow) bool {
		exp, _ := f.jarm("exp").(float64)
		return time.Unix(int64(exp), 0).Before(time.Now())
	},
	oauthtest.JARMMissingExp:      func(f *flow) bool { return f.jarm("exp") == nil },
	oauthtest.JARMWrongIssuer:     func(f *flow) bool { return f.jarm("iss") != f.s.Issuer() },
	oauthtest.JARMWrongAudience:   func(f *flow) bool { return f.jarm("aud") == "another-client" },
	oauthtest.JARMMissingIssuer:   func(f *flow) bool { return f.jarm("iss") == nil },
	oauthtest.JARMMissingAudience: func(f *flow) bool { return f.jarm("aud") == nil },
	oauthtest.JARMExtraAudience: func(f *flow) bool {
		aud, _ := f.jarm("aud").([]any)
		return len(aud) == 2 && aud[0] == "app"
	},
	oauthtest.JARMNumberCode: func(f *flow) bool { return f.jarm("code") == 4711.0 },

	oauthtest.WrongCHash: func(f *flow) bool {
		params, claims := f.hybrid()
		return claims["c_hash"] != nil && claims["c_hash"] != halfHash(params.Get("code"))
	},
	oauthtest.MissingCHash: func(f *flow) bool { return f.responseClaim("c_hash") == nil },
	oauthtest.WrongSHash: func(f *flow) bool {
		hash := f.responseClaim("s_hash")
		return hash != nil && hash != halfHash("the state")
	},
	oauthtest.MissingSHash:         func(f *flow) bool { return f.responseClaim("s_hash") == nil },
	oauthtest.SubMismatchHybrid:    func(f *flow) bool { return f.second("sub") != "alice" && f.responseClaim("sub") == "alice" },
	oauthtest.IssuerMismatchHybrid: func(f *flow) bool { return f.second("iss") != f.s.Issuer() && f.responseClaim("iss") == f.s.Issuer() },

	oauthtest.PARError:             func(f *flow) bool { a := f.push(); return a.status == 400 && a.str("error") == "invalid_request" },
	oauthtest.PARWithoutRequestURI: func(f *flow) bool { a := f.push(); return a.status == 201 && a.m["request_uri"] == nil },
	oauthtest.PARExpiredNegative:   func(f *flow) bool { return f.push().m["expires_in"] == -1.0 },

	oauthtest.AlgNone: func(f *flow) bool {
		return f.header("alg") == "none" && strings.HasSuffix(f.tokens.str("id_token"), ".")
	},
	oauthtest.HS256WithPublicKey: func(f *flow) bool { return f.header("alg") == "HS256" },
	oauthtest.WrongKey:           func(f *flow) bool { return f.header("alg") == "ES256" && !f.verified() },
	oauthtest.WrongSignature:     func(f *flow) bool { return f.header("alg") == "ES256" && !f.verified() },
	oauthtest.UnknownKid:         func(f *flow) bool { return f.header("kid") == "no-such-kid" },
	oauthtest.MissingKid:         func(f *flow) bool { return f.header("kid") == nil },
	oauthtest.CritHeader:         func(f *flow) bool { return f.header("crit") != nil && f.verified() },
	oauthtest.WrongTyp:           func(f *flow) bool { return f.header("typ") == "logout+jwt" && f.verified() },

	oauthtest.NotEncrypted: func(f *flow) bool { parts, _ := f.encrypted(); return parts == 3 },
	oauthtest.WrongEnc: func(f *flow) bool {
		parts, header := f.encrypted()
		return parts == 5 && header["alg"] == "ECDH-ES" && header["enc"] != "A128GCM"
	},

	oauthtest.RSA15: func(f *flow) bool {
		parts, header := f.encryptedRSA()
		return parts == 5 && header["alg"] == "RSA1_5" && header["enc"] == "A128GCM"
	},

	oauthtest.WrongIssuer:   func(f *flow) bool { return f.claim("iss") != f.s.Issuer() && f.verified() },
	oauthtest.WrongAudience: func(f *flow) bool { return f.claim("aud") == "another-client" && f.verified() },
	oauthtest.ExtraAudience: func(f *flow) bool {
		aud, _ := f.claim("aud").([]any)
		return len(aud) == 2 && aud[0] == "app" && f.claim("azp") == nil
	},
	oauthtest.WrongAzp:        func(f *flow) bool { return f.claim("azp") != "app" },
	oauthtest.MissingSub:      func(f *flow) bool { return f.claim("sub") == nil },
	oauthtest.WrongNonce:      func(f *flow) bool { return f.claim("nonce") != nil && f.claim("nonce") != "the-nonce" },
	oauthtest.MissingNonce:    func(f *flow) bool { return f.claim("nonce") == nil },
	oauthtest.ExpiredIDToken:  func(f *flow) bool { return !f.after("exp", 0) },
	oauthtest.FutureIAT:       func(f *flow) bool { return f.after("iat", 59*time.Minute) },
	oauthtest.NotYetValid:     func(f *flow) bool { return f.after("nbf", 59*time.Minute) },
	oauthtest.MissingAuthTime: func(f *flow) bool { return f.claim("auth_time") == nil },
	oauthtest.OldAuthTime: func(f *flow) bool {
		return f.claim("auth_time") != nil && !f.after("auth_time", -300*24*time.Hour)
	},
	oauthtest.WrongAtHash: func(f *flow) bool {
		return f.claim("at_hash") != challenge(f.tokens.str("access_token"))[:21]+f.claim("at_hash").(string)[21:]
	},

	oauthtest.MissingIDToken:    func(f *flow) bool { return f.tokens.m["id_token"] == nil },
	oauthtest.MissingTokenType:  func(f *flow) bool { return f.tokens.m["token_type"] == nil },
	oauthtest.WrongTokenType:    func(f *flow) bool { return f.tokens.str("token_type") == "mac" },
	oauthtest.DPoPTokenType:     func(f *flow) bool { return f.tokens.str("token_type") == "DPoP" },
	oauthtest.StringExpiresIn:   func(f *flow) bool { return f.tokens.str("expires_in") == "600" },
	oauthtest.NegativeExpiresIn: func(f *flow) bool { return f.tokens.m["expires_in"] == -1.0 },
	oauthtest.ScopeArray: func(f *flow) bool {
		scope, _ := f.tokens.m["scope"].([]any)
		return len(scope) == 2
	},
	oauthtest.EmptyAccessToken: func(f *flow) bool { return f.tokens.str("access_token") == "" },
	oauthtest.ControlCharacterInAccessToken: func(f *flow) bool {
		return strings.Contains(f.tokens.str("access_token"), "\r\n")
	},
	oauthtest.TokenErrorWith200: func(f *flow) bool { return f.tokens.status == 200 && f.tokens.str("error") != "" },
	oauthtest.TokenHTML: func(f *flow) bool {
		return f.tokens.status == 200 && strings.HasPrefix(f.tokens.header.Get("Content-Type"), "text/html")
	},
	oauthtest.TokenRedirect: func(f *flow) bool {
		return f.tokens.status == 307 && f.tokens.header.Get("Location") == f.s.URL()+"/elsewhere"
	},
	oauthtest.TokenHuge: func(f *flow) bool { return len(f.tokens.body) > 2<<20 && json.Valid([]byte(f.tokens.body)) },
	oauthtest.WrongAuthorizationDetails: func(f *flow) bool {
		_, object := f.tokens.m["authorization_details"].(map[string]any)
		return object
	},

	oauthtest.SubMismatch: func(f *flow) bool {
		_, claims := decodeJWT(f.t, f.userinfo().body)
		return claims["sub"] != "alice" && f.claim("sub") == "alice"
	},
	oauthtest.UserinfoHTML: func(f *flow) bool {
		return strings.HasPrefix(f.userinfo().header.Get("Content-Type"), "text/html")
	},
	oauthtest.UserinfoJSONInsteadOfJWT: func(f *flow) bool { return f.userinfo().str("sub") == "alice" },

	oauthtest.DiscoveryWrongIssuer: func(f *flow) bool {
		return get(f.t, f.s, f.s.URL()+"/.well-known/openid-configuration", "").str("issuer") != f.s.Issuer()
	},
	oauthtest.JWKSFails: func(f *flow) bool { return f.jwks().status == 500 },
	oauthtest.JWKSEmpty: func(f *flow) bool {
		keys, ok := f.jwks().m["keys"].([]any)
		return ok && len(keys) == 0
	},
	oauthtest.JWKSHuge: func(f *flow) bool { a := f.jwks(); return len(a.body) > 2<<20 && a.m["keys"] != nil },
}

func verifiedParam(f *flow) bool {
	return f.params.Has("id_token") && verified(f.t, f.s, f.params.Get("id_token"))
}

func TestFaults(t *testing.T) {
	s := newServer(t, nil)
	s.AddClient(oauthtest.Client{ID: "app", RedirectURIs: []string{redirectURI}, UserinfoAlg: "ES256", SHash: true})
	client := *s.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	play := func(t *testing.T) *flow {
		f := &flow{t: t, s: s, params: authorize(t, s, nil)}
		f.tokens = post(t, &client, s.URL()+"/token", codeForm(f.params.Get("code")), nil)
		return f
	}

	tests := maps.Clone(faultTests)
	maps.Copy(tests, endpointFaultTests)
	maps.Copy(tests, boundFaultTests)
	correct := play(t)
	seen := map[oauthtest.Fault]bool{}
	for _, fault := range oauthtest.Faults() {
		if seen[fault] {
			t.Errorf("%s stands in two tables", fault)
		}
		seen[fault] = true
		visible := tests[fault]
		if visible == nil {
			t.Errorf("no test for %s", fault)
			continue
		}
		t.Run(string(fault), func(t *testing.T) {
			if visible(correct) {
				t.Fatal("a correct server shows the fault")
			}
			s.Fault(fault)
			defer s.Fault()
			if f := play(t); !visible(f) {
				t.Errorf("the fault is not to be seen in %v, %s", f.params, f.tokens.body)
			}
		})
	}
	if len(seen) != len(tests) || len(tests) != len(faultTests)+len(endpointFaultTests)+len(boundFaultTests) {
		t.Errorf("%d faults in tables, %d tests", len(seen), len(tests))
	}
}

// Faults can be set together: the order of the tables decides.
func TestFaultsTogether(t *testing.T) {
	s := newServer(t, nil)
	s.Fault(oauthtest.WrongState, oauthtest.MissingNonce, oauthtest.UnknownKid)
	params := authorize(t, s, nil)
	if params.Get("state") == "the state" {
		t.Error("the state is right")
	}
	tokens := post(t, s.Client(), s.URL()+"/token", codeForm(params.Get("code")), nil)
	header, claims := decodeJWT(t, tokens.str("id_token"))
	if claims["nonce"] != nil || header["kid"] != "no-such-kid" {
		t.Errorf("%v %v", header, claims)
	}
}

// Faults of signatures, headers and ID tokens are in the JWTs of the
// authorization response too, and a claim's in none where it means nothing.
func TestFaultsOfResponses(t *testing.T) {
	s := newServer(t, nil)
	for fault, want := range map[oauthtest.Fault]string{
		oauthtest.AlgNone:            "id_token response",
		oauthtest.HS256WithPublicKey: "id_token response",
		oauthtest.WrongKey:           "id_token response",
		oauthtest.WrongSignature:     "id_token response",
		oauthtest.UnknownKid:         "id_token response",
		oauthtest.CritHeader:         "id_token response",
		oauthtest.WrongTyp:           "id_token response",
		oauthtest.WrongNonce:         "id_token",
		oauthtest.WrongIssuer:        "id_token",
		oauthtest.WrongAudience:      "id_token",
		oauthtest.MissingSub:         "id_token",
		oauthtest.ExpiredIDToken:     "id_token",
		oauthtest.JARMExpired:        "response",
		oauthtest.WrongAtHash:        "",
		oauthtest.SubMismatchHybrid:  "",
	} {
		t.Run(string(fault), func(t *testing.T) {
			s.Fault(fault)
			defer s.Fault()
			var got []string
			for name, changes := range map[string]map[string]string{
				"id_token": {"response_type": "code id_token"}, "response": {"response_mode": "fragment.jwt"},
			} {
				token := answered(t, s, changes).Get(name)
				header, claims := decodeJWT(t, token)
				exp, _ := claims["exp"].(float64)
				if header["alg"] != "ES256" || header["crit"] != nil || header["typ"] != nil || !verified(t, s, token) ||
					name == "id_token" && (claims["nonce"] != "the-nonce" || claims["sub"] != "alice") ||
					claims["iss"] != s.Issuer() || claims["aud"] != "app" || time.Unix(int64(exp), 0).Before(time.Now()) {
					got = append(got, name)
				}
			}
			slices.Sort(got)
			if strings.Join(got, " ") != want {
				t.Errorf("it is in %q, want %q", got, want)
			}
		})
	}
}

// Signature faults go with every key family.
func TestSignatureFaultsOfAllFamilies(t *testing.T) {
	s := newServer(t, &oauthtest.Options{})
	for _, alg := range []string{"RS256", "PS256", "ES384", "ES512", "EdDSA"} {
		s.AddClient(oauthtest.Client{ID: "app", RedirectURIs: []string{redirectURI}, IDTokenAlg: alg})
		for _, fault := range []oauthtest.Fault{oauthtest.WrongKey, oauthtest.WrongSignature, oauthtest.HS256WithPublicKey, oauthtest.AlgNone} {
			s.Fault(fault)
			id := redeem(t, s, nil).str("id_token")
			header, _ := decodeJWT(t, id)
			changed := slices.Contains([]oauthtest.Fault{oauthtest.HS256WithPublicKey, oauthtest.AlgNone}, fault)
			if (header["alg"] != alg) != changed {
				t.Errorf("%s, %s: header %v", alg, fault, header)
			}
			if !changed && verified(t, s, id) {
				t.Errorf("%s, %s: verifies", alg, fault)
			}
		}
	}
}
