package oauth

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// What the server gives one client alone must not stand in a document that
// everybody can read.
func TestClientIDMetadataHandlerSecrets(t *testing.T) {
	m := ClientMetadata{ClientID: "https://app.example.com/client", TokenEndpointAuthMethod: "none"}
	document := func(extra string) (http.Handler, error) {
		m.Extra = map[string]json.RawMessage{extra: json.RawMessage(`"value"`)}
		return ClientIDMetadataHandler(m)
	}
	for _, name := range []string{
		"client_secret", "client_secret_expires_at", "registration_access_token", "registration_client_uri", "client_id_issued_at",
	} {
		h, err := document(name)
		if e := new(Error); !errors.Is(err, ErrConfig) || !errors.As(err, &e) || e.Param != "Extra" || h != nil {
			t.Errorf("%s: got %v, %v", name, h, err)
		}
	}
	h, err := document("client_brand")
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/client", nil))
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"client_brand":"value"`) {
		t.Errorf("another member: status %d, %s", w.Code, w.Body)
	}
}
