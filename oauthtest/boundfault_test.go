package oauthtest_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"example.com/oauth/oauthtest"
)

// nonces are the DPoP-Nonce header fields of an endpoint that takes proofs.
func (f *flow) nonces() []string {
	return get(f.t, f.s, f.s.URL()+"/userinfo", "").header.Values("DPoP-Nonce")
}

// visits are the answers of the resource to one token, one after the other.
func (f *flow) visits(token string) (statuses []int) {
	for range 3 {
		a := get(f.t, f.s, f.s.URL()+"/resource", token)
		statuses = append(statuses, a.status)
		if a.status == 401 && !strings.Contains(challengeOf(a, "Bearer"), `error="invalid_token"`) {
			f.t.Errorf("challenges %q", a.header.Values("WWW-Authenticate"))
		}
	}
	return statuses
}

func (f *flow) refresh() *answer {
	tokens := redeem(f.t, f.s, map[string]string{"scope": "openid offline_access"})
	form := url.Values{"grant_type": {"refresh_token"}, "client_id": {"app"}, "refresh_token": {tokens.str("refresh_token")}}
	return post(f.t, f.s.Client(), f.s.URL()+"/token", form, nil)
}

// boundFaultTests go on where endpointFaultTests end.
var boundFaultTests = map[oauthtest.Fault]func(f *flow) bool{
	oauthtest.DPoPUnboundToken: func(f *flow) bool {
		a := newHolder(f.t).redeem(f.s, nil)
		return a.str("token_type") == "Bearer" && get(f.t, f.s, f.s.URL()+"/resource", a.str("access_token")).status == 200
	},
	oauthtest.DPoPNonceOnEverything: func(f *flow) bool {
		return f.jwks().header.Get("DPoP-Nonce") != "" && len(f.nonces()) == 1
	},
	oauthtest.DPoPNonceTwice: func(f *flow) bool {
		n := f.nonces()
		return len(n) == 2 && n[0] != n[1] && f.jwks().header.Get("DPoP-Nonce") == ""
	},
	oauthtest.DPoPBadNonce: func(f *flow) bool {
		n := f.nonces()
		return len(n) == 1 && strings.ContainsAny(n[0], ` "\`) && f.jwks().header.Get("DPoP-Nonce") == ""
	},
	oauthtest.WrongThumbprint: func(f *flow) bool {
		h := newHolder(f.t)
		addResourceServer(f.s, "")
		token := h.redeem(f.s, nil).str("access_token")
		cnf, _ := introspect(f.t, f.s, token, "").m["cnf"].(map[string]any)
		jkt, _ := cnf["jkt"].(string)
		return len(jkt) == 43 && jkt != h.jkt() && h.fetch(f.s, f.s.URL()+"/resource", token).status == 200
	},

	oauthtest.ResourceRejects: func(f *flow) bool {
		return slices.Equal(f.visits(f.tokens.str("access_token")), []int{401, 401, 401}) && f.userinfo().status == 200
	},
	oauthtest.ResourceRejectsOnce: func(f *flow) bool {
		return slices.Equal(f.visits(f.tokens.str("access_token")), []int{401, 200, 200})
	},
	oauthtest.ResourceExpiredOnce: func(f *flow) bool {
		token, other := redeem(f.t, f.s, nil).str("access_token"), redeem(f.t, f.s, nil).str("access_token")
		return slices.Equal(f.visits(token), []int{401, 401, 401}) && slices.Equal(f.visits(other), []int{200, 200, 200})
	},

	oauthtest.RefreshFails: func(f *flow) bool {
		a := f.refresh()
		return a.status == 503 && a.m == nil
	},
	oauthtest.RefreshInvalidGrant: func(f *flow) bool {
		a := f.refresh()
		return a.status == 400 && a.str("error") == "invalid_grant"
	},
}

// The faults of resources speak under the scheme of the request, and come after
// what is really wrong with it.
func TestResourceFaultsOfBoundTokens(t *testing.T) {
	s := newServer(t, nil)
	h := newHolder(t)
	token := h.redeem(s, nil).str("access_token")
	s.Fault(oauthtest.ResourceRejectsOnce)
	if a := h.fetch(s, s.URL()+"/resource", token, claim("ath", "x")); !strings.Contains(challengeOf(a, "DPoP"), "invalid_dpop_proof") {
		t.Errorf("a bad proof: %v", a.header)
	}
	if a := h.fetch(s, s.URL()+"/resource", token); a.status != 401 || !strings.Contains(challengeOf(a, "DPoP"), "invalid_token") {
		t.Errorf("%d %v", a.status, a.header)
	}
	if a := h.fetch(s, s.URL()+"/resource", token); a.status != 200 {
		t.Errorf("the second time: %d %v", a.status, a.header)
	}
}

// The faults of nonces change those that a mode gives out, which stay good where
// they can be read.
func TestNonceFaultsWithNonces(t *testing.T) {
	h := newHolder(t)
	for fault, n := range map[oauthtest.Fault]int{oauthtest.DPoPNonceOnEverything: 1, oauthtest.DPoPNonceTwice: 2, oauthtest.DPoPBadNonce: 1} {
		s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, DPoPNonce: oauthtest.DPoPNonceOnce})
		s.Fault(fault)
		a := h.redeem(s, nil)
		nonces := a.header.Values("DPoP-Nonce")
		if a.str("error") != "use_dpop_nonce" || len(nonces) != n {
			t.Fatalf("%s: %q %s", fault, nonces, a.body)
		}
		form := codeForm(authorize(t, s, nil).Get("code"))
		again := post(t, s.Client(), s.URL()+"/token", form, h.prove(claim("nonce", nonces[0])))
		if (again.status == http.StatusOK) != (fault != oauthtest.DPoPBadNonce) {
			t.Errorf("%s: %s", fault, again.body)
		}
	}
}

// A refresh that failed leaves the refresh token as it was.
func TestRefreshFaultsUseNothingUp(t *testing.T) {
	s := newServer(t, nil)
	tokens := redeem(t, s, map[string]string{"scope": "openid offline_access"})
	form := url.Values{"grant_type": {"refresh_token"}, "client_id": {"app"}, "refresh_token": {tokens.str("refresh_token")}}
	for _, fault := range []oauthtest.Fault{oauthtest.RefreshFails, oauthtest.RefreshInvalidGrant} {
		s.Fault(fault)
		if a := post(t, s.Client(), s.URL()+"/token", form, nil); a.status == 200 {
			t.Errorf("%s: %s", fault, a.body)
		}
		if a := redeem(t, s, nil); a.status != 200 {
			t.Errorf("%s: a login failed: %s", fault, a.body)
		}
	}
	s.Fault()
	if a := post(t, s.Client(), s.URL()+"/token", form, nil); a.status != 200 {
		t.Error(a.body)
	}
}
