package oauth

// Tests of the bounds of what is read of keys and of key sets.

import (
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestJWKBytes: base64url of no more than it may be, with some room for a zero in front.
func TestJWKBytes(t *testing.T) {
	for _, tt := range []struct {
		limit, length int
		ok            bool
	}{
		{3, 2, true}, {3, 4, true}, {3, 8, true}, {3, 10, false}, {3, 1, false}, {4, 8, true}, {4, 10, false}, {32, 43, true}, {32, 48, false},
	} {
		o, err := parseObject(`{"x":"`+strings.Repeat("A", tt.length)+`"}`, documentForm, ErrParse)
		if err != nil {
			t.Fatal(err)
		}
		b, err := o.bytes("x", tt.limit)
		if !tt.ok {
			if wantError(t, err, ErrParse, "x"); b != nil {
				t.Errorf("%v: %x with the error", tt, b)
			}
		} else if err != nil || len(b) != tt.length*6/8 {
			t.Errorf("%v: %d bytes, %v", tt, len(b), err)
		}
	}
	for _, value := range []string{`""`, `"AA*A"`, `"AAA="`, `1`, `null`} {
		o, _ := parseObject(`{"x":`+value+`}`, documentForm, ErrParse)
		_, err := o.bytes("x", 8)
		wantError(t, err, ErrParse, "x")
	}
}

// TestKeysThatAreNone: what is no key is refused as it is everywhere.
func TestKeysThatAreNone(t *testing.T) {
	wantError(t, checkRSA(ErrConfig, nil), ErrConfig, "n")
	wantError(t, checkRSA(ErrConfig, new(rsa.PublicKey)), ErrConfig, "n")
	o, _ := parseObject(`{"crv":"P-256"}`, documentForm, ErrParse)
	_, err := jwkThumbprint(&o)
	wantError(t, err, ErrParse, "kty")
	for _, text := range []string{`{"kty":`, `{}`, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", ""} {
		key, err := ParseSigningKey([]byte(text), ES256, "")
		if wantError(t, err, ErrParse, ""); key != nil || strings.Contains(err.Error(), "does not sign") {
			t.Errorf("%q: %v, %v", text, key, err)
		}
		other, err := ParseDecryptionKey([]byte(text), "RSA-OAEP-256", []string{"A128GCM"}, "")
		if wantError(t, err, ErrParse, ""); other != nil {
			t.Errorf("%q: %v", text, other)
		}
	}
	var empty SigningKey
	for _, k := range []*SigningKey{nil, &empty} {
		if k.Algorithm() != "" || k.KeyID() != "" || k.Thumbprint() != "" || k.PublicJWK() != nil {
			t.Errorf("%v is a key", k)
		}
	}
}

// TestSkippedKeyID: a key that cannot be used is that of the token by its key id, to the
// letter; for any other a newer set may know better.
func TestSkippedKeyID(t *testing.T) {
	alg := findAlgorithm(ES256)
	for _, tt := range []struct {
		skipped string
		h       joseHeader
		again   bool
	}{
		{"k", joseHeader{hasKid: true, kid: "k"}, false},
		{"k", joseHeader{hasKid: true, kid: "K"}, true},
		{"", joseHeader{}, true},
		{"", joseHeader{hasKid: true}, false},
	} {
		snap := newKeySnapshot(nil, []skippedKey{{tt.skipped, ErrUnsupported}})
		key, miss := snap.selectKey(alg, &tt.h)
		again := miss.again()
		var err error
		if key == nil {
			err = snap.missing(alg, &tt.h, miss)
		}
		if wantError(t, err, ErrKeyNotFound, "kid"); key != nil || again != tt.again {
			t.Errorf("%+v: again %v, %v", tt, again, err)
		}
	}
}

// TestHeaderMemoBounds: only what comes twice is in it, it has a bound, and what is in it
// stays until then.
func TestHeaderMemoBounds(t *testing.T) {
	s := must(ParseKeySet([]byte(`{"keys":[` + string(unitKey().PublicJWK()) + `]}`)))
	snap := s.current.Load()
	twice := func(s *KeySet, segment, kid string) {
		for range 2 {
			s.remember(segment, &joseHeader{kid: kid}, s.current.Load().keys[0])
		}
	}
	twice(s, "0", "0")
	first := snap.memo.m.Load() // which others may be reading
	for i := range maxMemo {
		twice(s, fmt.Sprint(i), fmt.Sprint(i))
		s.remember(fmt.Sprint("once", i), &joseHeader{}, snap.keys[0])
	}
	if len(*first) != 1 {
		t.Errorf("a map that was published has %d headers now", len(*first))
	}
	full := snap.memo.m.Load()
	if len(*full) != maxMemo {
		t.Errorf("%d headers are remembered", len(*full))
	}
	twice(s, "0", "")
	if e := memoOf(s, "0"); e.header.kid != "0" || e.key != snap.keys[0] || snap.memo.m.Load() != full {
		t.Errorf("%v", e)
	}
	twice(s, "more", "more")
	if memoOf(s, "more").key == nil || len(*snap.memo.m.Load()) != 1 {
		t.Errorf("of a full memo %d are left with one more", len(*snap.memo.m.Load()))
	}
	for i := range memoCandidates {
		s.remember("later", &joseHeader{}, snap.keys[0])
		for j := range i {
			s.remember(fmt.Sprint("between", i, j), &joseHeader{}, snap.keys[0])
		}
		s.remember("later", &joseHeader{}, snap.keys[0])
		if memoOf(s, "later").key == nil {
			t.Errorf("a header that comes again after %d others is not remembered", i)
		}
		snap.memo.m.Store(nil)
		snap.memo.once = [memoCandidates]string{}
	}
	few := must(ParseKeySet([]byte(`{"keys":[` + string(unitKey().PublicJWK()) + `]}`)))
	keys := few.current.Load()
	twice(few, "a", "a")
	before := keys.memo.m.Load()
	twice(few, "a", "b")
	twice(few, strings.Repeat("x", maxMemoHeader+1), "")
	for range 2 {
		few.remember("c", &joseHeader{}, new(publicKey))
	}
	if keys.memo.m.Load() != before {
		t.Error("it was written again")
	}
	if e := memoOf(few, "a"); e.key == nil || e.header.kid != "a" {
		t.Error("another header took its place")
	}
	new(KeySet).remember("a", &joseHeader{}, keys.keys[0]) // there are no keys yet
	if memoOf(new(KeySet), "a").key != nil {
		t.Error("an empty set remembers")
	}
}

func TestCacheMaxAge(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"no-store": 0, "No-Cache": 0, "max-age=60": time.Minute, `Max-Age="60"`: time.Minute, "private, max-age=60": time.Minute, "max-age=60, no-store": 0, "max-age=0": 0,
		"max-age=1073741824": 1 << 30 * time.Second, "max-age=2147483647": (1<<31 - 1) * time.Second,
		"": -1, "private": -1, "max-age=2147483648": -1, "max-age=-1": -1, "max-age=1.5": -1, `max-age="60~"`: -1, "max-age=": -1, "s-maxage=60": -1,
	} {
		age, ok := cacheMaxAge(http.Header{"Cache-Control": {value}})
		if ok != (want >= 0) || ok && age != want {
			t.Errorf("%q: %v, %v", value, age, ok)
		}
	}
}

// TestKeySetParameters: an error says which of the parameters it is about.
func TestKeySetParameters(t *testing.T) {
	for age, ok := range map[time.Duration]bool{
		0: true, keySoftAge: true, maxKeyAge: true, keySoftAge - 1: false, maxKeyAge + 1: false, -1: false,
	} {
		if _, err := NewKeySet(unitIssuer+"/jwks", &KeySetOptions{MaxAge: age}); !ok {
			wantError(t, err, ErrConfig, "MaxAge")
		} else if err != nil {
			t.Errorf("%v: %v", age, err)
		}
	}
	s := newUnitServer()
	keys := must(NewKeySet(unitIssuer+"/jwks", &KeySetOptions{HTTPClient: &http.Client{Transport: s}}))
	if err := keys.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	data := must(keys.Export())
	var exported map[string]any
	if err := json.Unmarshal(data, &exported); err != nil || exported["max_age"] != keySoftAge.Seconds() || exported["jwks_uri"] != unitIssuer+"/jwks" {
		t.Errorf("%s, %v", data, err)
	}
	now := time.Now().Unix()
	for _, tt := range []struct {
		member string
		v      any
		kind   error
		param  string
	}{
		{"jwks_uri", unitIssuer + "/other", ErrConfig, "jwks_uri"},
		{"jwks_uri", unitRemoved, ErrParse, "jwks_uri"},
		{"time", unitRemoved, ErrParse, "time"},
		{"time", "now", ErrParse, "time"},
		{"time", now + 3600, ErrNotYetValid, "time"},
		{"time", now - 3600, ErrExpired, "time"},
		{"time", now - 60, ErrExpired, "time"}, // there are newer ones
		{"max_age", "x", ErrParse, "max_age"},
		{"keys", unitRemoved, ErrParse, "keys"},
		{"keys", []int{1}, ErrParse, "keys"},
		{"keys", "x", ErrParse, "keys"},
	} {
		wantError(t, keys.Import([]byte(unitBody(t, exported, map[string]any{tt.member: tt.v}))), tt.kind, tt.param)
	}
	parsed := must(ParseKeySet([]byte(`{"keys":[` + string(s.key.PublicJWK()) + `]}`)))
	wantError(t, parsed.Import(data), ErrConfig, "jwks_uri")
	jwk := strings.Replace(string(s.key.PublicJWK()), `"use":"sig"`, `"use":"enc"`, 1)
	_, err := ParseKeySet([]byte(`{"keys":[` + jwk + `]}`))
	wantError(t, err, ErrParse, "keys")
	if _, err := ParseKeySet([]byte(`{"keys":[` + strings.Replace(jwk, `"enc"`, `"ENC"`, 1) + `]}`)); err != nil {
		t.Error(err) // it is a use that nobody knows here
	}
}
