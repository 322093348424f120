package oauthtest_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/oauth/oauthtest"
)

const endpointTyp = "token-introspection+jwt"

// introspection is the answer about the flow's access token, as JSON.
func (f *flow) introspection() *answer {
	addResourceServer(f.s, "")
	return introspect(f.t, f.s, f.tokens.str("access_token"), "")
}

// introspectionJWT is the same as a JWT, whose signature is good.
func (f *flow) introspectionJWT() (header, claims map[string]any) {
	addResourceServer(f.s, "ES256")
	token := introspect(f.t, f.s, f.tokens.str("access_token"), "").body
	if !verified(f.t, f.s, token) {
		f.t.Error("the introspection does not verify")
	}
	return decodeJWT(f.t, token)
}

func (f *flow) introspectionClaim(name string) any {
	_, claims := f.introspectionJWT()
	return claims[name]
}

func (f *flow) revocation() *answer {
	return post(f.t, f.s.Client(), f.s.URL()+"/revoke", url.Values{"token": {"garbage"}, "client_id": {"app"}}, nil)
}

// registration is the answer to a registration that asks for a secret.
func (f *flow) registration() *answer {
	return register(f.t, f.s, map[string]any{"scope": "openid"})
}

// logout is a logout token, whose signature is good.
func (f *flow) logout() (header, claims map[string]any) {
	token, err := f.s.LogoutToken("app", "alice")
	if err != nil {
		f.t.Fatal(err)
	}
	if !verified(f.t, f.s, token) {
		f.t.Error("the logout token does not verify")
	}
	return decodeJWT(f.t, token)
}

func (f *flow) logoutHeader(name string) any {
	header, _ := f.logout()
	return header[name]
}

func (f *flow) logoutClaim(name string) any {
	_, claims := f.logout()
	return claims[name]
}

// logoutTime is a time in a logout token, relative to now.
func (f *flow) logoutTime(name string) time.Duration {
	n, _ := f.logoutClaim(name).(float64)
	return time.Until(time.Unix(int64(n), 0))
}

// resource are the metadata of the protected resource.
func (f *flow) resource() *answer {
	return get(f.t, f.s, f.s.URL()+"/.well-known/oauth-protected-resource/resource", "")
}

// endpointFaultTests go on where faultTests end.
var endpointFaultTests = map[oauthtest.Fault]func(f *flow) bool{
	oauthtest.IntrospectionJSONInsteadOfJWT: func(f *flow) bool {
		addResourceServer(f.s, "ES256")
		return introspect(f.t, f.s, f.tokens.str("access_token"), "").m["active"] == true
	},
	oauthtest.IntrospectionActiveString: func(f *flow) bool { return f.introspection().m["active"] == "true" },
	oauthtest.IntrospectionMissingActive: func(f *flow) bool {
		a := f.introspection()
		return a.m["active"] == nil && a.str("sub") == "alice"
	},
	oauthtest.IntrospectionNonStringScope: func(f *flow) bool { return f.introspection().m["scope"] == 42.0 },
	oauthtest.IntrospectionHTML: func(f *flow) bool {
		a := f.introspection()
		return a.status == 200 && strings.HasPrefix(a.header.Get("Content-Type"), "text/html")
	},
	oauthtest.IntrospectionWrongIssuer: func(f *flow) bool {
		iss := f.introspectionClaim("iss")
		return iss != nil && iss != f.s.Issuer()
	},
	oauthtest.IntrospectionWrongAudience: func(f *flow) bool { return f.introspectionClaim("aud") == "another-client" },
	oauthtest.IntrospectionWrongTyp: func(f *flow) bool {
		header, _ := f.introspectionJWT()
		return header["typ"] == "at+jwt"
	},
	oauthtest.IntrospectionMissingIat: func(f *flow) bool { return f.introspectionClaim("iat") == nil },
	oauthtest.IntrospectionNotObject: func(f *flow) bool {
		_, isString := f.introspectionClaim("token_introspection").(string)
		return isString
	},

	oauthtest.RevocationUnsupportedTokenType: func(f *flow) bool {
		a := f.revocation()
		return a.status == 400 && a.str("error") == "unsupported_token_type"
	},
	oauthtest.RevocationFails: func(f *flow) bool {
		a := f.revocation()
		return a.status == 503 && a.header.Get("Retry-After") == "120"
	},

	oauthtest.RegistrationWith200: func(f *flow) bool {
		a := f.registration()
		return a.status == 200 && a.str("client_id") != ""
	},
	oauthtest.RegistrationWithoutClientID: func(f *flow) bool {
		a := f.registration()
		return a.m["client_id"] == nil && a.str("client_secret") != ""
	},
	oauthtest.RegistrationExpiredSecret: func(f *flow) bool {
		n, _ := f.registration().m["client_secret_expires_at"].(float64)
		return n > 0 && time.Unix(int64(n), 0).Before(time.Now())
	},
	oauthtest.RegistrationNegativeSecretExpiry: func(f *flow) bool {
		return f.registration().m["client_secret_expires_at"] == -1.0
	},
	oauthtest.RegistrationWithoutSecret: func(f *flow) bool {
		a := f.registration()
		return a.m["client_secret"] == nil && a.str("token_endpoint_auth_method") == "client_secret_basic"
	},
	oauthtest.RegistrationOtherRedirectURI: func(f *flow) bool {
		uris, _ := f.registration().m["redirect_uris"].([]any)
		return len(uris) == 1 && uris[0] != redirectURI
	},
	oauthtest.RegistrationChangedScope: func(f *flow) bool {
		scope := f.registration().str("scope")
		return scope != "" && scope != "openid"
	},
	oauthtest.RegistrationHTTPClientURI: func(f *flow) bool {
		return strings.HasPrefix(f.registration().str("registration_client_uri"), "http://")
	},
	oauthtest.RegistrationSecretNotString: func(f *flow) bool {
		_, number := f.registration().m["client_secret"].(float64)
		return number
	},

	oauthtest.LogoutMissingEvents: func(f *flow) bool { return f.logoutClaim("events") == nil },
	oauthtest.LogoutWrongEvents: func(f *flow) bool {
		events, _ := f.logoutClaim("events").(map[string]any)
		return len(events) == 1 && events["http://schemas.openid.net/event/backchannel-logout"] == nil
	},
	oauthtest.LogoutWithNonce:  func(f *flow) bool { return f.logoutClaim("nonce") != nil },
	oauthtest.LogoutMissingJTI: func(f *flow) bool { return f.logoutClaim("jti") == nil },
	oauthtest.LogoutReplay: func(f *flow) bool {
		first := f.logoutClaim("jti")
		return first != nil && first == f.logoutClaim("jti")
	},
	oauthtest.LogoutWrongTyp:       func(f *flow) bool { return f.logoutHeader("typ") == "at+jwt" },
	oauthtest.LogoutTypJWT:         func(f *flow) bool { return f.logoutHeader("typ") == "JWT" },
	oauthtest.LogoutWithoutTyp:     func(f *flow) bool { return f.logoutHeader("typ") == nil },
	oauthtest.LogoutOld:            func(f *flow) bool { return f.logoutTime("iat") < -119*time.Minute && f.logoutTime("exp") > 0 },
	oauthtest.LogoutExpired:        func(f *flow) bool { return f.logoutTime("exp") < 0 && f.logoutTime("iat") > -time.Hour },
	oauthtest.LogoutMissingExp:     func(f *flow) bool { return f.logoutClaim("exp") == nil },
	oauthtest.LogoutMissingIat:     func(f *flow) bool { return f.logoutClaim("iat") == nil },
	oauthtest.LogoutWithoutSubject: func(f *flow) bool { return f.logoutClaim("sub") == nil && f.logoutClaim("sid") == nil },
	oauthtest.LogoutSidOnly:        func(f *flow) bool { return f.logoutClaim("sub") == nil && f.logoutClaim("sid") != nil },
	oauthtest.LogoutSubOnly:        func(f *flow) bool { return f.logoutClaim("sub") == "alice" && f.logoutClaim("sid") == nil },
	oauthtest.LogoutWrongIssuer: func(f *flow) bool {
		iss := f.logoutClaim("iss")
		return iss != nil && iss != f.s.Issuer()
	},
	oauthtest.LogoutWrongAudience: func(f *flow) bool { return f.logoutClaim("aud") == "another-client" },

	oauthtest.ResourceMetadataWrongResource: func(f *flow) bool {
		resource := f.resource().str("resource")
		return resource != "" && resource != f.s.URL()+"/resource"
	},
	oauthtest.ResourceMetadataHTTPServer: func(f *flow) bool {
		servers, _ := f.resource().m["authorization_servers"].([]any)
		return slices.Equal(servers, []any{strings.Replace(f.s.Issuer(), "https", "http", 1)})
	},
	oauthtest.ResourceMetadataWithoutServers: func(f *flow) bool {
		a := f.resource()
		return a.m["authorization_servers"] == nil && a.str("resource") != ""
	},
}

// The first logout token has nothing to replay: it has a jti of its own.
func TestLogoutReplayOfTheFirst(t *testing.T) {
	s := newServer(t, nil)
	s.Fault(oauthtest.LogoutReplay)
	token, err := s.LogoutToken("app", "alice")
	if err != nil {
		t.Fatal(err)
	}
	if _, claims := decodeJWT(t, token); claims["jti"] == nil || claims["jti"] == "" {
		t.Errorf("claims %v", claims)
	}
}

// What is wrong with every JWT is wrong with these too, and what is wrong with
// the claims of another is not.
func TestFaultsOfEndpointJWTs(t *testing.T) {
	s := newServer(t, nil)
	f := &flow{t: t, s: s, tokens: redeem(t, s, nil)}
	addResourceServer(s, "ES256")
	for fault, want := range map[oauthtest.Fault]string{
		oauthtest.AlgNone:               "introspection logout",
		oauthtest.HS256WithPublicKey:    "introspection logout",
		oauthtest.WrongKey:              "introspection logout",
		oauthtest.WrongSignature:        "introspection logout",
		oauthtest.UnknownKid:            "introspection logout",
		oauthtest.CritHeader:            "introspection logout",
		oauthtest.WrongTyp:              "introspection", // it is the right one of a logout token
		oauthtest.WrongIssuer:           "",
		oauthtest.WrongAudience:         "",
		oauthtest.MissingSub:            "",
		oauthtest.LogoutWrongTyp:        "logout",
		oauthtest.IntrospectionWrongTyp: "introspection",
	} {
		t.Run(string(fault), func(t *testing.T) {
			s.Fault(fault)
			defer s.Fault()
			logout, err := s.LogoutToken("app", "alice")
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, tt := range []struct{ name, typ, aud, token string }{
				{"introspection", endpointTyp, "rs", introspect(t, s, f.tokens.str("access_token"), "").body},
				{"logout", "logout+jwt", "app", logout},
			} {
				header, claims := decodeJWT(t, tt.token)
				if header["alg"] != "ES256" || header["crit"] != nil || header["typ"] != tt.typ || !verified(t, s, tt.token) ||
					claims["iss"] != s.Issuer() || claims["aud"] != tt.aud || tt.name == "logout" && claims["sub"] != "alice" {
					got = append(got, tt.name)
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("it is in %q, want %q", got, want)
			}
		})
	}
}

// A client sees the faults of a registration when it reads and updates it too.
func TestRegistrationFaultsOfManagement(t *testing.T) {
	s := newServer(t, nil)
	first := register(t, s, nil)
	s.Fault(oauthtest.RegistrationNegativeSecretExpiry, oauthtest.RegistrationWith200)
	uri := first.str("registration_client_uri")
	read := get(t, s, uri, first.str("registration_access_token"))
	updated := sendJSON(t, s, "PUT", uri, read.str("registration_access_token"),
		map[string]any{"client_id": first.str("client_id"), "redirect_uris": []string{redirectURI}})
	for name, a := range map[string]*answer{"read": read, "updated": updated} {
		if a.status != 200 || a.m["client_secret_expires_at"] != -1.0 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}
