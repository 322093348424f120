package oauth

// Tests of where a response came to, and of what the code is good for.

import (
	"net/http/httptest"
	"testing"
)

// TestFinishAuthorizationPlace: the parameters come from where they were asked for, or
// it is said that they do not.
func TestFinishAuthorizationPlace(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	a := s.start(t, c, nil)
	for _, method := range []string{"POST", "HEAD"} {
		token, err := c.FinishAuthorization(httptest.NewRequest(method, "/cb?code=the-code&state="+a.State(), nil), a, nil)
		if wantError(t, err, ErrParse, ""); token != nil {
			t.Errorf("%s: %v", method, token)
		}
	}
	if n := len(s.requests("/token")); n > 0 {
		t.Errorf("%d requests", n)
	}
}

// TestGrantedScope: what was asked for and not granted cannot be asked for at a refresh,
// but what the user granted and the exchange did not ask for can.
func TestGrantedScope(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	for _, tt := range []struct {
		asked []string // of the exchange
		kind  error
	}{
		{nil, ErrConfig}, {[]string{"read"}, nil},
	} {
		a := s.start(t, c, &AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"read", "write"}})
		s.answer("/token", `{"access_token":"at","token_type":"Bearer","refresh_token":"rt","scope":"read"}`)
		token, err := c.FinishAuthorization(httptest.NewRequest("GET", "/cb?code=c&state="+a.State(), nil), a, &GrantOptions{Scope: tt.asked})
		if err != nil {
			t.Fatal(err)
		}
		s.answer("/token", `{"access_token":"at","token_type":"Bearer","scope":"write"}`)
		_, err = c.Refresh(t.Context(), token, &GrantOptions{Scope: []string{"write"}})
		wantError(t, err, tt.kind, "Scope")
	}
}
