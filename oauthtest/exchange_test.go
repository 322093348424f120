package oauthtest_test

import (
	"maps"
	"net/url"
	"slices"
	"testing"
	"time"

	"example.com/oauth/oauthtest"
)

const tokenType = "urn:ietf:params:oauth:token-type:"

func TestTokenExchange(t *testing.T) {
	s := newServer(t, nil)
	own, stranger := newSigner(t), newSigner(t)
	c := confidential
	c.JWKS = own.jwks()
	s.AddClient(c)
	s.AddUser(oauthtest.User{Subject: "bob"})
	other := redeem(t, s, map[string]string{"scope": "openid email offline_access"}) // of the client "app"
	tokens := token(t, s, "authorization_code", map[string]string{
		"code":         authorize(t, s, map[string]string{"client_id": "bank", "scope": "openid email offline_access"}).Get("code"),
		"redirect_uri": redirectURI, "code_verifier": verifier,
	})
	claims := map[string]any{"iss": "bank", "sub": "alice", "aud": s.Issuer(), "exp": time.Now().Unix() + 60}
	ask := func(changes map[string]string) *answer {
		t.Helper()
		params := map[string]string{"subject_token": other.str("access_token"), "subject_token_type": tokenType + "access_token"}
		maps.Copy(params, changes)
		return token(t, s, exchangeGrant, params)
	}

	for _, tt := range []struct{ kind, token, scope string }{
		{"access_token", other.str("access_token"), "openid email offline_access"},
		{"id_token", other.str("id_token"), ""},
		{"refresh_token", tokens.str("refresh_token"), "openid email offline_access"},
		{"jwt", other.str("id_token"), ""},
		{"jwt", own.sign(claims, nil), ""},
	} {
		a := ask(map[string]string{"subject_token": tt.token, "subject_token_type": tokenType + tt.kind})
		if a.status != 200 || a.str("issued_token_type") != tokenType+"access_token" || a.str("token_type") != "Bearer" ||
			a.m["expires_in"] != 600.0 || a.str("scope") != tt.scope || a.m["refresh_token"] != nil || a.m["id_token"] != nil {
			t.Errorf("%s: %s", tt.kind, a.body)
		}
		want := 200
		if tt.scope == "" {
			want = 403 // without openid
		}
		if info := get(t, s, s.URL()+"/userinfo", a.str("access_token")); info.status != want {
			t.Errorf("userinfo with what %s gave: %d", tt.kind, info.status)
		}
	}
	narrow := token(t, s, "refresh_token", map[string]string{"refresh_token": tokens.str("refresh_token"), "scope": "openid"})
	if narrow.status != 200 {
		t.Errorf("the exchange used the refresh token up: %s", narrow.body)
	}
	if a := ask(map[string]string{"subject_token": narrow.str("access_token"), "scope": "openid email"}); a.str("error") != "invalid_scope" {
		t.Errorf("more scope than the token, less than the grant: %s", a.body)
	}

	for name, tt := range map[string]struct {
		changes map[string]string
		want    string
	}{
		"no subject_token":       {map[string]string{"subject_token": ""}, "invalid_request"},
		"no subject":             {map[string]string{"subject_token": "", "subject_token_type": ""}, "invalid_request"},
		"no subject_token_type":  {map[string]string{"subject_token_type": ""}, "invalid_request"},
		"unknown subject type":   {map[string]string{"subject_token_type": "x"}, "invalid_request"},
		"unknown requested type": {map[string]string{"requested_token_type": tokenType + "saml2"}, "invalid_request"},
		"unknown token":          {map[string]string{"subject_token": "x"}, "invalid_request"},
		"another type":           {map[string]string{"subject_token_type": tokenType + "id_token"}, "invalid_request"},
		"another's refresh token": {map[string]string{
			"subject_token": other.str("refresh_token"), "subject_token_type": tokenType + "refresh_token"}, "invalid_request"},
		"a used refresh token": {map[string]string{
			"subject_token": tokens.str("refresh_token"), "subject_token_type": tokenType + "refresh_token"}, "invalid_request"},
		"a JWT by a stranger": {map[string]string{
			"subject_token": stranger.sign(claims, nil), "subject_token_type": tokenType + "jwt"}, "invalid_request"},
		"a JWT by the client, as ID token": {map[string]string{
			"subject_token": own.sign(claims, map[string]any{"iss": s.Issuer()}), "subject_token_type": tokenType + "id_token"}, "invalid_request"},
		"an expired JWT": {map[string]string{
			"subject_token": own.sign(claims, map[string]any{"exp": 1}), "subject_token_type": tokenType + "jwt"}, "invalid_request"},
		"a JWT about nobody": {map[string]string{
			"subject_token": own.sign(claims, map[string]any{"sub": "nobody"}), "subject_token_type": tokenType + "jwt"}, "invalid_request"},
		"actor_token alone":      {map[string]string{"actor_token": "x"}, "invalid_request"},
		"actor_token_type alone": {map[string]string{"actor_token_type": tokenType + "jwt"}, "invalid_request"},
		"bad actor_token":        {map[string]string{"actor_token": "x", "actor_token_type": tokenType + "jwt"}, "invalid_request"},
		"more scope":             {map[string]string{"scope": "openid phone"}, "invalid_scope"},
		"resource":               {map[string]string{"resource": "x"}, "invalid_target"},
	} {
		if a := ask(tt.changes); a.status != 400 || a.str("error") != tt.want {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := ask(map[string]string{"scope": "openid"}); a.str("scope") != "openid" {
		t.Errorf("less scope: %s", a.body)
	}
	// An ID token has no scope that could limit.
	if a := ask(map[string]string{"scope": "orders", "subject_token": other.str("id_token"), "subject_token_type": tokenType + "id_token"}); a.str(
		"scope",
	) != "orders" {
		t.Errorf("scope for an ID token: %s", a.body)
	}

	actor := map[string]string{"actor_token": own.sign(claims, map[string]any{"sub": "bob"}), "actor_token_type": tokenType + "jwt"}
	for kind, lifetime := range map[string]any{"id_token": 300.0, "jwt": 600.0, "refresh_token": nil} {
		actor["requested_token_type"], actor["audience"] = tokenType+kind, "https://api.example.com"
		a := ask(actor)
		if a.status != 200 || a.str("token_type") != "N_A" || a.str("issued_token_type") != tokenType+kind || a.m["expires_in"] != lifetime {
			t.Fatalf("%s: %s", kind, a.body)
		}
		if kind == "refresh_token" {
			if a := token(t, s, "refresh_token", map[string]string{"refresh_token": a.str("access_token")}); a.status != 200 {
				t.Errorf("refresh with what came: %s", a.body)
			}
			continue
		}
		_, got := decodeJWT(t, a.str("access_token"))
		act, _ := got["act"].(map[string]any)
		if got["iss"] != s.Issuer() || got["sub"] != "alice" || act["sub"] != "bob" || !verified(t, s, a.str("access_token")) {
			t.Errorf("%s: %v", kind, got)
		}
		aud, _ := got["aud"].([]any)
		if kind == "jwt" && (got["client_id"] != "bank" || !slices.Equal(aud, []any{"https://api.example.com"})) ||
			kind == "id_token" && got["aud"] != "bank" {
			t.Errorf("%s: aud %v", kind, got["aud"])
		}
	}

	// A public client may exchange, an access token of a client without user cannot be.
	public := url.Values{"grant_type": {exchangeGrant}, "client_id": {"app"},
		"subject_token": {other.str("access_token")}, "subject_token_type": {tokenType + "access_token"}}
	if a := post(t, s.Client(), s.URL()+"/token", public, nil); a.status != 200 {
		t.Errorf("public client: %s", a.body)
	}
	if a := ask(map[string]string{"subject_token": token(t, s, "client_credentials", nil).str("access_token")}); a.str("error") != "invalid_request" {
		t.Errorf("nobody's token: %s", a.body)
	}
}
