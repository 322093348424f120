package oauthtest_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/oauth/oauthtest"
)

func init() { maps.Copy(faultTests, grantFaultTests) }

// device is the answer to a device authorization request.
func (f *flow) device() *answer { return startDevice(f.t, f.s, nil) }

// backchannel is the answer to a backchannel authentication request.
func (f *flow) backchannel() *answer {
	f.s.AddClient(confidential)
	return startCIBA(f.t, f.s, nil)
}

// start reports whether a member is so in the answers that start both grants.
func (f *flow) start(ok func(a *answer) bool) bool { return ok(f.device()) && ok(f.backchannel()) }

// polls reports whether the answers to the first two polls for a new code of
// either grant are so.
func (f *flow) polls(first, second func(a *answer) bool) bool {
	device, backchannel := f.device().str("device_code"), f.backchannel().str("auth_req_id")
	return first(pollDevice(f.t, f.s, device)) && first(pollCIBA(f.t, f.s, backchannel)) &&
		second(pollDevice(f.t, f.s, device)) && second(pollCIBA(f.t, f.s, backchannel))
}

// failed is an error answer of the token endpoint.
func failed(status int, code string) func(a *answer) bool {
	return func(a *answer) bool { return a.status == status && a.str("error") == code }
}

// slowed is a slow_down with an interval, or without one.
func slowed(interval any) func(a *answer) bool {
	return func(a *answer) bool { return failed(400, "slow_down")(a) && a.m["interval"] == interval }
}

// pendingWith shows a status of authorization_pending, and then of slow_down.
func pendingWith(status int) func(f *flow) bool {
	return func(f *flow) bool {
		return f.polls(failed(status, "authorization_pending"), failed(status, "slow_down"))
	}
}

// refreshed is the answer to a refresh after a new login.
func (f *flow) refreshed() *answer {
	first := redeem(f.t, f.s, map[string]string{"scope": "openid email offline_access"})
	form := url.Values{"grant_type": {"refresh_token"}, "client_id": {"app"}, "refresh_token": {first.str("refresh_token")}}
	return post(f.t, f.s.Client(), f.s.URL()+"/token", form, nil)
}

// refreshedClaim is a claim of its ID token, whose signature is good, and which
// is that of the first login but for the claim.
func (f *flow) refreshedClaim(name string) any {
	token := f.refreshed().str("id_token")
	_, claims := decodeJWT(f.t, token)
	_, first := f.idToken()
	if !verified(f.t, f.s, token) {
		f.t.Error("the ID token does not verify")
	}
	for _, other := range []string{"iss", "sub", "aud"} {
		if other != name && claims[other] != first[other] {
			f.t.Errorf("%s is %v too", other, claims[other])
		}
	}
	return claims[name]
}

// notification is what a client in ping mode gets, and the auth_req_id that it
// waits for.
func (f *flow) notification() (token string, id any, want string) {
	e := &endpoint{status: http.StatusNoContent}
	app := httptest.NewServer(e)
	defer app.Close()
	c := confidential
	c.DeliveryMode, c.NotificationEndpoint = "ping", app.URL
	f.s.AddClient(c)
	want = startCIBA(f.t, f.s, map[string]string{"client_notification_token": "the-token"}).str("auth_req_id")
	if _, err := f.s.ApproveBackchannel(want, ""); err != nil {
		f.t.Fatal(err)
	}
	r, id, n := e.last()
	if n != 1 {
		f.t.Fatalf("%d notifications", n)
	}
	return r.Header.Get("Authorization"), id, want
}

var grantFaultTests = map[oauthtest.Fault]func(f *flow) bool{
	oauthtest.SlowDown:         func(f *flow) bool { return f.polls(slowed(nil), slowed(nil)) },
	oauthtest.SlowDownInterval: func(f *flow) bool { return f.polls(slowed(30.0), slowed(nil)) },
	oauthtest.PendingWith200:   pendingWith(200),
	oauthtest.PendingWith403:   pendingWith(403),
	oauthtest.PendingWith428:   pendingWith(428),
	oauthtest.PendingWith429:   pendingWith(429),
	oauthtest.PollExpired: func(f *flow) bool {
		return f.polls(failed(400, "expired_token"), failed(400, "expired_token"))
	},
	oauthtest.PollDenied: func(f *flow) bool {
		return f.polls(failed(400, "access_denied"), failed(400, "access_denied"))
	},
	oauthtest.PollInvalid: func(f *flow) bool {
		return f.polls(failed(400, "invalid_request"), failed(400, "invalid_request"))
	},
	oauthtest.PollFails: func(f *flow) bool {
		return f.polls(func(a *answer) bool { return a.status == 503 && a.body == "" }, failed(400, "authorization_pending"))
	},
	oauthtest.PollDropped: func(f *flow) bool {
		code := f.device().str("device_code")
		form := url.Values{"grant_type": {deviceGrant}, "client_id": {"app"}, "device_code": {code}}
		resp, err := f.s.Client().PostForm(f.s.URL()+"/token", form)
		if err == nil {
			resp.Body.Close()
		}
		return err != nil && failed(400, "authorization_pending")(pollDevice(f.t, f.s, code))
	},

	oauthtest.MissingDeviceCode: func(f *flow) bool { a := f.device(); return a.status == 200 && a.m["device_code"] == nil },
	oauthtest.MissingUserCode:   func(f *flow) bool { a := f.device(); return a.status == 200 && a.m["user_code"] == nil },
	oauthtest.GoogleVerificationURL: func(f *flow) bool {
		a := f.device()
		return a.m["verification_uri"] == nil && a.str("verification_url") == f.s.URL()+"/device"
	},
	oauthtest.ScriptVerificationURI: func(f *flow) bool {
		a := f.device()
		return strings.HasPrefix(a.str("verification_uri"), "javascript:") && strings.HasPrefix(a.str("verification_uri_complete"), "https:")
	},
	oauthtest.ScriptVerificationURIComplete: func(f *flow) bool {
		a := f.device()
		return strings.HasPrefix(a.str("verification_uri"), "https:") && strings.HasPrefix(a.str("verification_uri_complete"), "javascript:")
	},
	oauthtest.ControlCharacterInUserCode: func(f *flow) bool { return strings.Contains(f.device().str("user_code"), "\x1b") },
	oauthtest.MissingAuthReqID:           func(f *flow) bool { a := f.backchannel(); return a.status == 200 && a.m["auth_req_id"] == nil },
	oauthtest.MissingExpiresIn: func(f *flow) bool {
		return f.start(func(a *answer) bool { return a.status == 200 && a.m["expires_in"] == nil })
	},
	oauthtest.NoInterval: func(f *flow) bool {
		return f.start(func(a *answer) bool { return a.status == 200 && a.m["interval"] == nil })
	},
	oauthtest.ZeroInterval: func(f *flow) bool { return f.start(func(a *answer) bool { return a.m["interval"] == 0.0 }) },
	oauthtest.NegativeInterval: func(f *flow) bool {
		return f.start(func(a *answer) bool { n, _ := a.m["interval"].(float64); return n < 0 })
	},
	oauthtest.HugeInterval: func(f *flow) bool { return f.start(func(a *answer) bool { return a.m["interval"] == 7200.0 }) },

	oauthtest.RefreshOtherSubject: func(f *flow) bool { return f.refreshedClaim("sub") != f.claim("sub") },
	oauthtest.RefreshOtherIssuer:  func(f *flow) bool { return f.refreshedClaim("iss") != f.s.Issuer() },
	oauthtest.RefreshOtherNonce: func(f *flow) bool {
		nonce := f.refreshedClaim("nonce")
		return nonce != nil && nonce != "the-nonce"
	},
	oauthtest.RefreshFirstNonce: func(f *flow) bool { return f.refreshedClaim("nonce") == "the-nonce" },
	oauthtest.RefreshOldAuthTime: func(f *flow) bool {
		at, ok := f.refreshedClaim("auth_time").(float64)
		return ok && time.Since(time.Unix(int64(at), 0)) > 300*24*time.Hour
	},
	oauthtest.RefreshMissingAuthTime: func(f *flow) bool { return f.refreshedClaim("auth_time") == nil },
	oauthtest.RefreshWithoutIDToken:  func(f *flow) bool { a := f.refreshed(); return a.status == 200 && a.m["id_token"] == nil },

	oauthtest.MissingIssuedTokenType: func(f *flow) bool {
		a := post(f.t, f.s.Client(), f.s.URL()+"/token", url.Values{"grant_type": {exchangeGrant}, "client_id": {"app"},
			"subject_token": {f.tokens.str("access_token")}, "subject_token_type": {tokenType + "access_token"}}, nil)
		return a.status == 200 && a.m["issued_token_type"] == nil
	},

	oauthtest.PingWrongToken: func(f *flow) bool {
		token, id, want := f.notification()
		return token != "Bearer the-token" && strings.HasPrefix(token, "Bearer ") && id == want
	},
	oauthtest.PingMissingToken: func(f *flow) bool { token, id, want := f.notification(); return token == "" && id == want },
	oauthtest.PingWrongID: func(f *flow) bool {
		token, id, want := f.notification()
		return token == "Bearer the-token" && id != nil && id != want
	},
	oauthtest.PingMissingID: func(f *flow) bool { token, id, _ := f.notification(); return token == "Bearer the-token" && id == nil },
}

// The faults of these grants leave a login, and what its ID token is, alone.
func TestGrantFaultsOfLogins(t *testing.T) {
	s := newServer(t, nil)
	for fault := range grantFaultTests {
		s.Fault(fault)
		a := redeem(t, s, nil)
		_, claims := decodeJWT(t, a.str("id_token"))
		if a.status != 200 || a.m["error"] != nil || claims["sub"] != "alice" || claims["iss"] != s.Issuer() || claims["nonce"] != "the-nonce" ||
			time.Since(time.Unix(int64(claims["auth_time"].(float64)), 0)) > time.Minute || !verified(t, s, a.str("id_token")) {
			t.Errorf("%s: %s", fault, a.body)
		}
	}
}

// The intervals that the faults of a first poll speak of count.
func TestFaultIntervals(t *testing.T) {
	clock := newClock()
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, Now: clock.now})
	for fault, interval := range map[oauthtest.Fault]time.Duration{
		oauthtest.SlowDown: 10 * time.Second, oauthtest.SlowDownInterval: 30 * time.Second,
	} {
		s.Fault(fault)
		code := startDevice(t, s, nil).str("device_code")
		wantOAuthError(t, string(fault), pollDevice(t, s, code), "slow_down")
		clock.advance(interval)
		wantOAuthError(t, "in time", pollDevice(t, s, code), "authorization_pending")
		clock.advance(interval - 1)
		wantOAuthError(t, "early", pollDevice(t, s, code), "slow_down")
	}
	// A first poll fails even if there would be tokens, and spends nothing.
	s.Fault(oauthtest.PollFails)
	start := startDevice(t, s, nil)
	if err := s.ApproveDevice(start.str("user_code"), ""); err != nil {
		t.Fatal(err)
	}
	first, second := pollDevice(t, s, start.str("device_code")), pollDevice(t, s, start.str("device_code"))
	if first.status != 503 || second.status != 200 {
		t.Errorf("%d, %d", first.status, second.status)
	}
	// The status of a last answer is not that of the pending ones.
	s.Fault(oauthtest.PendingWith200)
	start = startDevice(t, s, nil)
	if err := s.DenyDevice(start.str("user_code")); err != nil {
		t.Fatal(err)
	}
	wantOAuthError(t, "denied", pollDevice(t, s, start.str("device_code")), "access_denied")
	// Faults of a code that nobody knows have no effect.
	wantOAuthError(t, "unknown", pollDevice(t, s, "x"), "invalid_grant")
}

func TestGrantFaultsAreListed(t *testing.T) {
	for fault := range grantFaultTests {
		if !slices.Contains(oauthtest.Faults(), fault) {
			t.Errorf("%s is not in Faults", fault)
		}
	}
}
