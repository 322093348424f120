package oauth

// Tests that values which hold keys and tokens for a program's whole life print
// nothing of them.

import (
	"crypto"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
)

// markedSigner is a signer that would show its key.
type markedSigner struct {
	crypto.Signer
	Private string
}

func (s markedSigner) Sign(r io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("not used")
}

func TestSecretDPoPAndTransport(t *testing.T) {
	key, err := NewSigningKey(markedSigner{*unitKey().signer.signer, secretMarker}, ES256, "")
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDPoP(key, Clock{})
	if err != nil {
		t.Fatal(err)
	}
	c := newUnitServer().client(t, withDPoP(d))
	tok := &Token{AccessToken: NewSecret(secretMarker), RefreshToken: NewSecret(secretMarker), TokenType: "DPoP"}
	tr := newTransportOf(t, c, tok, TransportOptions{Base: http.DefaultTransport})
	tr.lastErr = &ResponseError{Body: []byte(secretMarker)}
	tr.flight = &flight[*Token]{result: tr.token, err: tr.lastErr}
	d.remember(secretMarker, nonceHeader(secretMarker)) // not for logs either
	for _, v := range []any{d, tr} {
		for _, in := range []any{v, []any{v}, map[string]any{"k": v}, struct{ V any }{v}} {
			secretLeaks(t, in, "%w")
		}
		secretLeaks(t, struct{ v any }{v}, secretOddVerbs()...)
		secretLeaks(t, &struct{ v any }{v}, secretOddVerbs()...)
	}
	want := "DPoP(ES256 " + d.Thumbprint() + ")"
	if fmt.Sprint(d) != want || d.LogValue().String() != want || slog.AnyValue(d).Resolve().String() != want {
		t.Errorf("a DPoP prints as %v", d)
	}
	want = `Transport(Client("https://op.example" "client-1") https://api.example)`
	if fmt.Sprint(tr) != want || tr.LogValue().String() != want {
		t.Errorf("a Transport prints as %v", tr)
	}
	for _, none := range []slog.LogValuer{(*DPoP)(nil), &DPoP{}, (*Transport)(nil), &Transport{}} {
		if text := fmt.Sprint(none); text != none.LogValue().String() || !strings.HasSuffix(text, "()") {
			t.Errorf("an empty %T prints as %s", none, text)
		}
	}
}
