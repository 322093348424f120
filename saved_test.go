package oauth

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// This file tests the encodings of what applications keep: Authorization,
// Token and, at its end, the keys of a KeySet.

func TestSavedFields(t *testing.T) {
	zero, number, least := int64(0), int64(3600), int64(math.MinInt64)
	w := newSaved(7)
	for _, s := range []string{"", "a", "\x00\xff", strings.Repeat("x", 127), strings.Repeat("y", 128), strings.Repeat("z", 20000)} {
		w.string(s)
	}
	for _, n := range []*int64{nil, &zero, &number, &least} {
		w.int(n)
	}
	at := time.Unix(1700000000, 999)
	for _, tm := range []time.Time{{}, at, time.Unix(0, 0), time.Unix(5, 0)} {
		w.time(tm)
	}

	r := readSaved(w.b, 7)
	for _, want := range []string{"", "a", "\x00\xff", strings.Repeat("x", 127), strings.Repeat("y", 128), strings.Repeat("z", 20000)} {
		if got := r.string(); got != want {
			t.Errorf("got %.20q, want %.20q", got, want)
		}
	}
	for _, want := range []*int64{nil, &zero, &number, &least} {
		if got := r.int(); !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	for _, want := range []time.Time{{}, at.Truncate(time.Second), time.Unix(0, 0), time.Unix(5, 0)} {
		if got := r.time(); !got.Equal(want) || got.IsZero() != want.IsZero() {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	if err := r.end(); err != nil {
		t.Error(err)
	}
}

func TestSavedFaults(t *testing.T) {
	huge := binary.AppendUvarint([]byte{7}, math.MaxUint64)
	for _, tt := range []struct {
		name string
		data []byte
		read func(*savedReader)
	}{
		{"no data", nil, func(*savedReader) {}},
		{"another version", []byte{8}, func(*savedReader) {}},
		{"another version that could be a length", []byte("\x05hello"), func(r *savedReader) { _ = r.string() }},
		{"length of 100 in a longer form", append([]byte{7, 0xe4, 0}, make([]byte, 100)...), func(r *savedReader) { _ = r.string() }},
		{"version 0", []byte{0}, func(*savedReader) {}},
		{"no field", []byte{7}, func(r *savedReader) { _ = r.string() }},
		{"cut off", []byte{7, 3, 'a', 'b'}, func(r *savedReader) { _ = r.string() }},
		{"length cut off", []byte{7, 0x80}, func(r *savedReader) { _ = r.string() }},
		{"length over 64 bits", append([]byte{7}, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f), func(r *savedReader) { _ = r.string() }},
		{"length of all memory", append(huge, 'a'), func(r *savedReader) { _ = r.string() }},
		{"length over an int", append(binary.AppendUvarint([]byte{7}, 1<<63), 'a'), func(r *savedReader) { _ = r.string() }},
		// One value has one encoding.
		{"length in a longer form", []byte{7, 0x81, 0, 'a'}, func(r *savedReader) { _ = r.string() }},
		{"length 0 in a longer form", []byte{7, 0x80, 0}, func(r *savedReader) { _ = r.string() }},
		{"number with a plus", []byte{7, 2, '+', '5'}, func(r *savedReader) { r.int() }},
		{"number with a zero", []byte{7, 2, '0', '5'}, func(r *savedReader) { r.int() }},
		{"minus zero", []byte{7, 2, '-', '0'}, func(r *savedReader) { r.int() }},
		{"time before the epoch", []byte{7, 2, '-', '5'}, func(r *savedReader) { r.time() }},
		{"time that wraps around", append([]byte{7, 19}, "9223372036854775807"...), func(r *savedReader) { r.time() }},
		{"time beyond 2^53", append([]byte{7, 16}, "9007199254740993"...), func(r *savedReader) { r.time() }},
		{"number: no digits", []byte{7, 1, 'x'}, func(r *savedReader) { r.int() }},
		{"number: too large", append([]byte{7, 19}, "9999999999999999999"...), func(r *savedReader) { r.int() }},
		{"time: no digits", []byte{7, 1, 'x'}, func(r *savedReader) { r.time() }},
		{"data after the last field", []byte{7, 1, 'a', 0}, func(r *savedReader) { _ = r.string() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := readSaved(tt.data, 7)
			tt.read(r)
			if err := r.end(); !errors.Is(err, ErrParse) {
				t.Errorf("error %v, want ErrParse", err)
			}
		})
	}
	// The first fault stays, and nothing is read after it.
	r := readSaved([]byte{7, 1, 'x', 1, 'a'}, 7)
	if n, s, at := r.int(), r.string(), r.time(); n != nil || s != "" || !at.IsZero() || !errors.Is(r.end(), ErrParse) {
		t.Errorf("after a fault: %v, %q, %v, %v", n, s, at, r.err)
	}
}

// savedSamples are values of the types that are saved, full and nearly empty.
func savedSamples() map[string]interface {
	MarshalBinary() ([]byte, error)
	UnmarshalBinary([]byte) error
} {
	n := int64(0)
	return map[string]interface {
		MarshalBinary() ([]byte, error)
		UnmarshalBinary([]byte) error
	}{
		"PendingAuthorization": &PendingAuthorization{content: &pendingAuthorizationData{
			issuer: "issuer", clientID: "client", redirectURI: "https://app.example.com/cb", responseType: "code", responseMode: "form_post",
			scope: "openid a", state: savedRandom(1), nonce: savedRandom(2), verifier: savedRandom(3), maxAge: &n, thumbprint: savedRandom(4), requireACR: "gold silver", created: time.Unix(1700000000, 0),
			resource: "https://a.example/\nurn:b",
		}},
		"PendingAuthorization, bare": &PendingAuthorization{content: &pendingAuthorizationData{
			issuer: "issuer", clientID: "é", redirectURI: "com.example.app:/cb", responseType: "code", state: savedRandom(1), verifier: savedRandom(2), created: time.Unix(1700000000, 0),
		}},
		"Token": &Token{
			AccessToken: NewSecret("access"), RefreshToken: NewSecret("refresh"), TokenType: "Bearer", Expiry: time.Unix(1700000000, 0),
			Scope: []string{"a", "b"}, Extra: map[string]json.RawMessage{"x": json.RawMessage(`{"y":[1,"<"]}`), "é\"": json.RawMessage(`null`)},
			IssuedTokenType: TokenTypeJWT, server: "issuer", clientID: "client", granted: "a b c", resource: "https://a.example/b c",
			login: &identity{
				issuer:     "tenant",
				subject:    "subject",
				sessionID:  "session",
				nonce:      "nonce",
				raw:        "a.b.c",
				acr:        "gold",
				authTime:   time.Unix(1690000000, 0),
				requireACR: "gold silver",
			},
		},
		"Token, bound": &Token{AccessToken: NewSecret("access"), TokenType: "dPoP", jkt: savedRandom(5)},
		"Token, bare":  &Token{},
		"DeviceAuthorization": savedDevice(&pendingData{
			issuer: "issuer", clientID: "client", code: "code", scope: "openid a", started: time.Unix(1600000000, 0), expiry: time.Unix(1700000000, 0),
			userCode: "user", verificationURI: "https://op.example/device", verificationURIComplete: "https://op.example/device?user",
			verifier: savedRandom(7), resource: "urn:a",
		}),
		"BackchannelAuthentication": savedBackchannel(&pendingData{
			issuer: "issuer", clientID: "client", code: "code", scope: "openid", started: time.Unix(1600000000, 0), expiry: time.Unix(1700000000, 0), notificationToken: savedRandom(6),
			resource: "urn:a\nurn:b",
		}),
		"Registration": &Registration{
			Metadata: ClientMetadata{
				ClientID: "client", RedirectURIs: []string{"https://app.example.com/cb"}, DefaultMaxAge: &n,
				JWKS: json.RawMessage(`{"keys":[]}`), Extra: map[string]json.RawMessage{"x": json.RawMessage(`{"y":[1]}`)},
			},
			ClientSecret: NewSecret("secret"), ClientSecretExpiry: time.Unix(1700000000, 0), ClientIDIssuedAt: time.Unix(0, 0),
			RegistrationAccessToken: NewSecret(
				"token",
			), RegistrationClientURI: "https://op.example/register/client", server: "issuer", origins: "https://op.example https://mtls.op.example",
		},
		"Registration, bare": &Registration{},
	}
}

// savedRandom has the form of what randomString makes.
func savedRandom(n byte) string { return encodeBase64URL(bytes.Repeat([]byte{n}, 32)) }

func savedDevice(data *pendingData) *DeviceAuthorization {
	d := new(DeviceAuthorization)
	d.g.content = data
	d.g.interval.Store(7)
	return d
}

func savedBackchannel(data *pendingData) *BackchannelAuthentication {
	b := new(BackchannelAuthentication)
	b.g.content = data
	b.g.interval.Store(7)
	return b
}

// savedFields is v in a form to compare: what is saved of it.
func savedFields(v any) string {
	switch v := v.(type) {
	case *PendingAuthorization:
		d := *v.data()
		if d.maxAge != nil {
			d.state += fmt.Sprint(" max_age ", *d.maxAge)
			d.maxAge = nil
		}
		return fmt.Sprintf("%+v", d)
	case *Token:
		extra, _ := json.Marshal(v.Extra)
		return fmt.Sprintf("%q %q %q %q %v %q %s %q %q %q %q %q %+v %v", v.IssuedTokenType, v.AccessToken.Reveal(), v.RefreshToken.Reveal(), v.TokenType, v.Expiry.Unix(),
			v.Scope, extra, v.server, v.clientID, v.jkt, v.granted, v.resource, v.identity(), v.idToken)
	case *DeviceAuthorization:
		return fmt.Sprintf("%+v %v", *v.g.content, v.g.wait())
	case *BackchannelAuthentication:
		return fmt.Sprintf("%+v %v", *v.g.content, v.g.wait())
	case *Registration:
		metadata, _ := json.Marshal(v.Metadata)
		return fmt.Sprintf("%s %q %v %v %q %q %q %q", metadata, v.ClientSecret.Reveal(), v.ClientSecretExpiry, v.ClientIDIssuedAt,
			v.RegistrationAccessToken.Reveal(), v.RegistrationClientURI, v.server, v.origins)
	}
	return ""
}

// savedVersion is the version byte: a release that reads another layout changes it.
func savedVersion(v any) byte {
	switch v.(type) {
	case *Token:
		return 4
	case *DeviceAuthorization, *BackchannelAuthentication, *PendingAuthorization:
		return 3
	case *Registration:
		return 2
	}
	return 1
}

// savedNew is an empty value of the type of v.
func savedNew(v any) interface{ UnmarshalBinary([]byte) error } {
	return reflect.New(reflect.TypeOf(v).Elem()).Interface().(interface{ UnmarshalBinary([]byte) error })
}

func TestSavedRoundTrip(t *testing.T) {
	for name, v := range savedSamples() {
		t.Run(name, func(t *testing.T) {
			data, err := v.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			if data[0] != savedVersion(v) {
				t.Errorf("the version is %d", data[0])
			}
			got := savedNew(v)
			if err := got.UnmarshalBinary(data); err != nil {
				t.Fatal(err)
			}
			if a, b := savedFields(v), savedFields(got); a != b {
				t.Errorf("it becomes\n%s, was\n%s", b, a)
			}
			// Nothing of it is a part of the data.
			clear(data)
			if a, b := savedFields(v), savedFields(got); a != b {
				t.Errorf("after the data is gone it is\n%s, was\n%s", b, a)
			}
		})
	}
}

// TestSavedDamaged: cut off at every length, with something after it, of
// another version: an error of kind ErrParse, and the receiver stays as it was.
func TestSavedDamaged(t *testing.T) {
	for name, v := range savedSamples() {
		t.Run(name, func(t *testing.T) {
			good, err := v.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			before := savedFields(v)
			check := func(what string, data []byte) {
				t.Helper()
				if err := v.UnmarshalBinary(data); !errors.Is(err, ErrParse) {
					t.Errorf("%s: error %v, want ErrParse", what, err)
				}
				if after := savedFields(v); after != before {
					t.Fatalf("%s: the receiver becomes\n%s, was\n%s", what, after, before)
				}
			}
			for n := range good {
				check(fmt.Sprint("cut off at ", n), good[:n])
			}
			check("one byte more", append(slices.Clone(good), 0))
			check("a field more", append(slices.Clone(good), 1, 'x'))
			for _, version := range []byte{0, savedVersion(v) - 1, savedVersion(v) + 1, 255} {
				check(fmt.Sprint("version ", version), append([]byte{version}, good[1:]...))
			}
			check("garbage", []byte("garbage of some length, not to be read"))
			// Any byte changed: an error or another value, never a panic.
			for i := range good {
				bad := slices.Clone(good)
				bad[i] ^= 0x81
				_ = savedNew(v).UnmarshalBinary(bad)
			}
		})
	}
}

func TestSavedAuthorization(t *testing.T) {
	if data, err := new(PendingAuthorization).MarshalBinary(); !errors.Is(err, ErrConfig) || data != nil {
		t.Errorf("the zero PendingAuthorization encodes to %q, %v", data, err)
	}
	a := savedSamples()["PendingAuthorization"].(*PendingAuthorization)
	a.content.url = "https://op.example.com/authorize?x"
	data, err := a.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	a.used.Store(true)
	if err := a.UnmarshalBinary(data); err != nil {
		t.Fatal(err)
	}
	if a.URL() != "" || a.State() != savedRandom(1) || a.used.Load() {
		t.Errorf("restored it has the URL %q and the state %q, used %v", a.URL(), a.State(), a.used.Load())
	}
	// Without a state or a time nothing can be checked.
	for name, d := range map[string]*pendingAuthorizationData{
		"no state": {created: time.Unix(1, 0)}, "no time": {state: "s"},
	} {
		w := newSaved(authorizationVersion)
		for _, s := range d.fields() {
			w.string(*s)
		}
		w.int(nil)
		w.time(d.created)
		if err := new(PendingAuthorization).UnmarshalBinary(w.b); !errors.Is(err, ErrParse) {
			t.Errorf("%s: error %v, want ErrParse", name, err)
		}
	}
	// It shares a cookie of 4 KiB.
	long := savedSamples()["PendingAuthorization"].(*PendingAuthorization)
	long.content.scope = "openid " + strings.Repeat("x", maxSaved)
	if data, err = long.MarshalBinary(); err != nil {
		t.Fatal(err)
	}
	if err := new(PendingAuthorization).UnmarshalBinary(data); !errors.Is(err, ErrParse) {
		t.Errorf("%d bytes: error %v, want ErrParse", len(data), err)
	}
}

func TestSavedToken(t *testing.T) {
	v := savedSamples()["Token"].(*Token)
	v.idToken = new(IDToken)
	data, err := v.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var got Token
	if err := got.UnmarshalBinary(data); err != nil {
		t.Fatal(err)
	}
	if got.IDToken() != nil || got.Subject() != "subject" {
		t.Errorf("restored it has the ID token %v and the subject %q", got.IDToken(), got.Subject())
	}
	if err := got.UnmarshalBinary([]byte(savedTokenWithExtra(t, `{"a":1,"a":2}`))); !errors.Is(err, ErrParse) {
		t.Errorf("duplicate extra members: %v, want ErrParse", err)
	}
	if err := got.UnmarshalBinary([]byte(savedTokenWithExtra(t, `[]`))); !errors.Is(err, ErrParse) {
		t.Errorf("extra members in an array: %v, want ErrParse", err)
	}
	v.Extra = map[string]json.RawMessage{"x": json.RawMessage("{")}
	if data, err := v.MarshalBinary(); !errors.Is(err, ErrConfig) || data != nil {
		t.Errorf("an extra member that is no JSON encodes to %q, %v", data, err)
	}
}

// savedTokenWithExtra is a saved Token with that text for its extra members.
func savedTokenWithExtra(t *testing.T, extra string) string {
	t.Helper()
	data, err := new(Token).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(string(data), "\x02{}", string(rune(len(extra)))+extra, 1)
}

// ---- export and import

func TestJWKSExport(t *testing.T) {
	ec, err := GenerateSigningKey(ES384)
	if err != nil {
		t.Fatal(err)
	}
	document := `{"keys":[` + strings.Join([]string{
		string(jwksKey("a").PublicJWK()),
		strings.Replace(string(jwksKey("b").PublicJWK()), `"use":"sig"`, `"key_ops":["verify","x"],"issuer":"https://op.example.com/{tenantid}"`, 1),
		strings.Replace(string(ec.PublicJWK()), `"alg":"ES384",`, `"key_ops":[],`, 1),
		`{"kty":"EC","crv":"P-256","kid":"point","x":"AA","y":"AA"}`, // skipped
	}, ",") + `]}`
	synctest.Test(t, func(t *testing.T) {
		s := &jwksServer{body: document}
		from, to := s.keySet(t, 0), s.keySet(t, 0)
		if data, err := from.Export(); !errors.Is(err, ErrUnavailable) || data != nil {
			t.Errorf("before the first fetch: %s, %v", data, err)
		}
		jwksWant(t, s, from, "a", nil, 1)
		time.Sleep(4 * time.Minute)
		data, err := from.Export()
		if err != nil {
			t.Fatal(err)
		}
		if err := to.Import(data); err != nil {
			t.Fatal(err)
		}
		if got, want := to.current.Load().keys, from.current.Load().keys; len(want) != 3 || !reflect.DeepEqual(got, want) {
			t.Errorf("the keys become %+v, were %+v", got, want)
		}
		// They are as old as they were.
		time.Sleep(time.Minute - 1)
		jwksWant(t, s, to, "a", nil, 1)
		time.Sleep(time.Nanosecond)
		jwksWant(t, s, to, "a", nil, 2)
	})
}

func TestJWKSImport(t *testing.T) {
	key := string(jwksKey("a").PublicJWK())
	for _, tt := range []struct {
		name string
		data func(now int64) string
		want error
	}{
		{"good", func(now int64) string { return fmt.Sprintf(`{"jwks_uri":%q,"time":%d,"keys":[%s]}`, jwksURI, now, key) }, nil},
		{"a moment ahead", func(now int64) string {
			return fmt.Sprintf(`{"jwks_uri":%q,"time":%d,"keys":[%s]}`, jwksURI, now+600, key)
		}, nil},
		{"just not too old", func(now int64) string {
			return fmt.Sprintf(`{"jwks_uri":%q,"time":%d,"keys":[%s]}`, jwksURI, now-299, key)
		}, nil},
		{"too old", func(now int64) string {
			return fmt.Sprintf(`{"jwks_uri":%q,"time":%d,"keys":[%s]}`, jwksURI, now-300, key)
		}, ErrExpired},
		{"10 minutes ahead", func(now int64) string {
			return fmt.Sprintf(`{"jwks_uri":%q,"time":%d,"keys":[%s]}`, jwksURI, now+600, key)
		}, nil},
		{"from the future", func(now int64) string {
			return fmt.Sprintf(`{"jwks_uri":%q,"time":%d.001,"keys":[%s]}`, jwksURI, now+600, key)
		}, ErrNotYetValid},
		{"from the distant past", func(now int64) string { return fmt.Sprintf(`{"jwks_uri":%q,"time":-9e15,"keys":[%s]}`, jwksURI, key) }, ErrExpired},
		{"a shorter life", func(now int64) string {
			return fmt.Sprintf(`{"jwks_uri":%q,"time":%d,"max_age":100,"keys":[%s]}`, jwksURI, now-99, key)
		}, nil},
		{"a shorter life, too old", func(now int64) string {
			return fmt.Sprintf(`{"jwks_uri":%q,"time":%d,"max_age":100,"keys":[%s]}`, jwksURI, now-100, key)
		}, ErrExpired},
		{"the shortest life", func(now int64) string {
			return fmt.Sprintf(`{"jwks_uri":%q,"time":%d,"max_age":1,"keys":[%s]}`, jwksURI, now-59, key)
		}, nil},
		{"a longer life, too old", func(now int64) string {
			return fmt.Sprintf(`{"jwks_uri":%q,"time":%d,"max_age":86400,"keys":[%s]}`, jwksURI, now-300, key)
		}, ErrExpired},
		{"far in the future", func(now int64) string { return fmt.Sprintf(`{"jwks_uri":%q,"time":9e15,"keys":[%s]}`, jwksURI, key) }, ErrNotYetValid},
		{"another URL", func(now int64) string {
			return fmt.Sprintf(`{"jwks_uri":%q,"time":%d,"keys":[%s]}`, jwksURI+"/", now, key)
		}, ErrConfig},
		{"the URL in other case", func(now int64) string {
			return fmt.Sprintf(`{"jwks_uri":%q,"time":%d,"keys":[%s]}`, strings.ToUpper(jwksURI), now, key)
		}, ErrConfig},
		{"a life that is no number", func(now int64) string {
			return fmt.Sprintf(`{"jwks_uri":%q,"time":%d,"max_age":"60","keys":[%s]}`, jwksURI, now, key)
		}, ErrParse},
		{"no URL", func(now int64) string { return fmt.Sprintf(`{"time":%d,"keys":[%s]}`, now, key) }, ErrParse},
		{"no time", func(now int64) string { return fmt.Sprintf(`{"jwks_uri":%q,"keys":[%s]}`, jwksURI, key) }, ErrParse},
		{"time as a string", func(now int64) string {
			return fmt.Sprintf(`{"jwks_uri":%q,"time":"%d","keys":[%s]}`, jwksURI, now, key)
		}, ErrParse},
		{"no keys", func(now int64) string { return fmt.Sprintf(`{"jwks_uri":%q,"time":%d,"keys":[]}`, jwksURI, now) }, ErrParse},
		{"time twice", func(now int64) string {
			return fmt.Sprintf(`{"jwks_uri":%q,"time":%d,"time":%[2]d,"keys":[%s]}`, jwksURI, now, key)
		}, ErrParse},
		{"a key set", func(int64) string { return jwksDocument("a") }, ErrParse},
		{"no JSON", func(int64) string { return "x" }, ErrParse},
		{"nothing", func(int64) string { return "" }, ErrParse},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newJWKSServer("b")
				set := s.keySet(t, 0)
				err := set.Import([]byte(tt.data(time.Now().Unix())))
				if !errors.Is(err, tt.want) || err == nil && tt.want != nil {
					t.Errorf("error %v, want %v", err, tt.want)
				}
				if e, _ := err.(*Error); err != nil && (e == nil || e.Op != "key set") {
					t.Errorf("the error does not say what it is of: %v", err)
				}
				if (set.current.Load() != nil) != (tt.want == nil) {
					t.Error("an import that fails changes something, or one that does not changes nothing")
				}
				jwksWant(t, s, set, map[bool]string{true: "a", false: "b"}[tt.want == nil], nil, map[bool]int{true: 0, false: 1}[tt.want == nil])
				synctest.Wait()
			})
		})
	}
	parsed, err := ParseKeySet([]byte(jwksDocument("b")))
	if err != nil {
		t.Fatal(err)
	}
	if err := parsed.Import(fmt.Appendf(nil, `{"jwks_uri":"","time":%d,"keys":[%s]}`, time.Now().Unix(), key)); err == nil {
		t.Error("a parsed key set imports")
	}
	if err := parsed.Import(fmt.Appendf(nil, `{"jwks_uri":%q,"time":%d,"keys":[%s]}`, jwksURI, time.Now().Unix(), key)); !errors.Is(err, ErrConfig) {
		t.Errorf("a parsed key set imports: %v", err)
	}
}

// Keys that the server took out do not come back with an import.
func TestJWKSImportOlder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newJWKSServer("a")
		set := s.keySet(t, 0)
		jwksWant(t, s, set, "a", nil, 1)
		old, err := set.Export()
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		s.set(nil, "b")
		if err := set.Refresh(context.Background()); err != nil {
			t.Fatal(err)
		}
		wantError(t, set.Import(old), ErrExpired, "time")
		jwksWant(t, s, set, "b", nil, 2)
		fresh := s.keySet(t, 0)
		if err := fresh.Import(old); err != nil {
			t.Error(err)
		}
		// Nor do those of a machine whose clock is ahead.
		ahead := func() []byte {
			return fmt.Appendf(nil, `{"jwks_uri":%q,"time":%d,"keys":[%s]}`, jwksURI, time.Now().Add(maxAhead).Unix(), jwksKey("a").PublicJWK())
		}
		time.Sleep(maxAhead - 1)
		wantError(t, set.Import(ahead()), ErrExpired, "time")
		time.Sleep(time.Nanosecond)
		if err := set.Import(ahead()); err != nil {
			t.Error(err)
		}
		// They count as new, and are refreshed in their time.
		jwksWant(t, s, set, "a", nil, 2)
		time.Sleep(keySoftAge)
		jwksWant(t, s, set, "a", nil, 3)
	})
}

func TestKeySetZero(t *testing.T) {
	var set KeySet
	_, err := set.find(context.Background(), findAlgorithm(ES256), &joseHeader{alg: ES256}, fromAnybody)
	wantError(t, err, ErrConfig, "KeySet")
}

// What the version before wrote is read: users stay logged in, and logins that were begun
// can be finished. It had no resource.
func TestSavedBefore(t *testing.T) {
	a := savedSamples()["PendingAuthorization"].(*PendingAuthorization)
	a.content.resource = ""
	w := newSaved(2)
	d := a.content
	for _, field := range []string{
		d.issuer, d.clientID, d.redirectURI, d.responseType, d.responseMode, d.scope, d.state, d.nonce, d.verifier, d.thumbprint, d.requireACR,
	} {
		w.string(field)
	}
	w.int(d.maxAge)
	w.time(d.created)
	oldAuthorization := w.b

	tok := savedSamples()["Token"].(*Token)
	tok.resource = ""
	w = newSaved(3)
	extra, _ := json.Marshal(tok.Extra)
	for _, field := range []string{
		"", "access", "refresh", "a b", string(extra), "Bearer", string(TokenTypeJWT), "issuer", "client", "", "a b c",
		"tenant", "subject", "session", "nonce", "a.b.c", "gold", "gold silver",
	} {
		w.string(field)
	}
	w.time(tok.login.authTime)
	w.time(tok.Expiry)
	for _, tt := range []struct {
		data []byte
		want interface{ MarshalBinary() ([]byte, error) }
	}{{oldAuthorization, a}, {w.b, tok}} {
		got := savedNew(tt.want)
		if err := got.UnmarshalBinary(tt.data); err != nil || savedFields(got) != savedFields(tt.want) {
			t.Errorf("%v, it becomes\n%s, was\n%s", err, savedFields(got), savedFields(tt.want))
		}
		tt.data[0]--
		if err := got.UnmarshalBinary(tt.data); !errors.Is(err, ErrParse) {
			t.Errorf("version %d: %v", tt.data[0], err)
		}
	}
}
