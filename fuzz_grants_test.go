package oauth

// Fuzz tests of tokens, and of the grants that wait for a user: what fuzz_test.go
// says holds here too.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
)

// One saved value has one encoding, but for the white space and the order of
// the extra members: those are JSON.
func FuzzTokenBinary(f *testing.F) {
	token := Token{
		AccessToken: NewSecret("access"), RefreshToken: NewSecret("refresh"), TokenType: "Bearer",
		Expiry: time.Unix(unitTime, 0), Scope: []string{"a", "b"}, Extra: map[string]json.RawMessage{"x": json.RawMessage(`{"y":1}`)},
	}
	saved := must(token.MarshalBinary())
	f.Add(saved)
	f.Add(saved[:len(saved)-1])
	empty := must((&Token{}).MarshalBinary())
	f.Add(empty)
	f.Add(empty[:len(empty)-1])
	// Times before the epoch, and in more digits than they need.
	fields := "\x02" + strings.Repeat("\x00", 4) + "\x02{}" + strings.Repeat("\x00", 9)
	for _, at := range []string{"\x00", "\x011", "\x02-1", "\x0200", "\x0c-62135596800"} {
		f.Add([]byte(fields + at))
	}
	s := newUnitServer()
	s.answer("/token", `{"access_token":"at","token_type":"Bearer"}`)
	s.answer("/userinfo", `{"sub":"alice"}`)
	f.Fuzz(func(t *testing.T, data []byte) {
		var first, second Token
		if err := first.UnmarshalBinary(data); err != nil {
			if !reflect.DeepEqual(first, Token{}) || !errors.Is(err, ErrParse) {
				t.Fatalf("%v with the error %v", &first, err)
			}
			return
		}
		if first.IDToken() != nil {
			t.Fatal("a restored Token has an IDToken")
		}
		written := must(first.MarshalBinary())
		if err := second.UnmarshalBinary(written); err != nil {
			t.Fatal(err)
		}
		if !sameJSON(first.Extra, second.Extra) {
			t.Fatalf("extra %s became %s", first.Extra, second.Extra)
		}
		if first.Extra == nil && bytes.Contains(data, []byte("\x02{}")) && !bytes.Equal(written, data) {
			t.Fatalf("%q became %q", data, written)
		}
		first.Extra, second.Extra = nil, nil
		if !reflect.DeepEqual(first, second) {
			t.Fatalf("%v became %v", &first, &second)
		}
		useToken(t, s, &first)
	})
}

// useToken calls everything that takes a Token: no panic, and no header field that
// is not one line.
func useToken(t *testing.T, s *unitServer, token *Token) {
	t.Helper()
	ctx := context.Background()
	c := s.client(t, func(c *Config) {
		c.Server.EndSessionEndpoint = unitIssuer + "/end"
		if token.server != "" {
			c.Server.Issuer = token.server
		}
		if token.clientID != "" {
			c.Metadata.ClientID = token.clientID
		}
	})
	_, _, _, _ = token.IDToken(), token.Issuer(), token.Subject(), token.IDTokenHint()
	_, _ = token.LogValue(), fmt.Sprint(token)
	if got, err := c.authorization(token); err == nil && (!strings.HasPrefix(got, "Bearer ") || !headerValue(got[len("Bearer "):])) {
		t.Fatalf("Authorization %q", got)
	}
	if u, err := c.EndSessionURL(&EndSessionRequest{Token: token}); err == nil {
		if _, ok := webURL(u); !ok {
			t.Fatalf("to be opened is %q", u)
		}
	}
	if fresh, err := c.Refresh(ctx, token, nil); err == nil {
		if _, err := fresh.MarshalBinary(); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := c.UserInfo(ctx, token, nil); err == nil && info.Subject() != token.Subject() {
		t.Fatalf("%v for %q", info, token.Subject())
	}
	req := must(http.NewRequest(http.MethodGet, unitIssuer+"/resource", nil))
	if res, err := c.Do(req, token); err == nil {
		res.Body.Close()
	}
}

func FuzzTokenResponse(f *testing.F) {
	for _, s := range []string{
		`{"access_token":"a","token_type":"Bearer","expires_in":3600,"refresh_token":"r","scope":"a b","id_token":"x.y.z","more":1}`,
		`{"access_token":"a","token_type":"bEARER","expires_in":"3600","scope":["a","b"],"refresh_token":null}`,
		`{"access_token":"a\n","token_type":"Bearer"}`, `{"access_token":"","token_type":"Bearer"}`, `{"access_token":"a","token_type":"N_A"}`,
		`{"access_token":"a","token_type":"Bearer","expires_in":1e300}`, `{"access_token":"a","token_type":"Bearer","expires_in":-1}`,
		`{"access_token":"a","token_type":"Bearer","expires_in":9007199254740992}`,
		`{"error":"invalid_grant","error_description":"d"}`, `{"error":1}`, `{"error":"e","access_token":"a","token_type":"Bearer"}`,
	} {
		f.Add(s, uint8(0))
		f.Add(s, uint8(2))
	}
	c := newUnitServer().client(f, nil)
	f.Fuzz(func(t *testing.T, body string, kind uint8) {
		res := fuzzResponse(opToken, kind, body)
		token, idToken, err := c.processTokenResponse(res, &tokenExpectation{scope: "openid"})
		if err != nil {
			if token != nil || idToken != "" {
				t.Fatalf("%v with the error %v", token, err)
			}
			return
		}
		if res.status/100 != 2 {
			t.Fatalf("status %d is accepted", res.status)
		}
		if token.AccessToken.IsZero() && idToken != "" { // scope openid, and nothing to access
			return
		}
		if !headerValue(token.AccessToken.Reveal()) || !strings.EqualFold(token.TokenType, "Bearer") || token.IDToken() != nil {
			t.Fatalf("%v", token)
		}
		if !token.Expiry.IsZero() && token.Expiry.Before(unitNow()) {
			t.Fatalf("expired when it came: %v", token.Expiry)
		}
		var reference map[string]any
		if decodeAny(res.text(), &reference) != nil || reference["access_token"] != any(token.AccessToken.Reveal()) {
			t.Fatal("the access token is another than encoding/json reads")
		}
	})
}

// ---- grants that wait for a user

// checkPending wants what is accepted to be usable: a code, an interval within
// the limits, and an expiry that is not in the past.
func checkPending(t *testing.T, g *pendingGrant, body, code string) {
	t.Helper()
	d := g.data()
	if d.issuer != unitIssuer || d.clientID != unitClient || d.scope != "openid a" || d.expiry.Before(unitNow()) || d.notificationToken != "" {
		t.Fatalf("%+v", d)
	}
	if every := g.wait(); every < time.Second || every > maxPollInterval {
		t.Fatalf("every %v", every)
	}
	var reference map[string]any
	if decodeAny(strings.TrimPrefix(body, "\ufeff"), &reference) != nil || d.code == "" || reference[code] != any(d.code) {
		t.Fatalf("the code is %q, another than encoding/json reads", d.code)
	}
	if n, ok := reference["interval"].(json.Number); ok {
		if asked, err := n.Float64(); err != nil || g.wait().Seconds() < asked-1e-6 || asked >= 1 && g.wait().Seconds() > asked+1 {
			t.Fatalf("every %v, asked for is %s", g.wait(), n)
		}
	}
}

func fuzzPending(f *testing.F, members string) {
	for _, s := range []string{
		`"expires_in":60`, `"expires_in":"60","interval":"7"`, `"expires_in":1e3,"interval":5.5`, `"expires_in":60,"interval":0`, `"expires_in":60,"interval":-1`,
		`"expires_in":60,"interval":3600.5`, `"expires_in":0,"interval":3600`, `"interval":5`, `"expires_in":9007199254740992,"interval":null`, `"expires_in":-0.5`, `"expires_in":1e300`,
	} {
		f.Add("{"+members+","+s+"}", uint8(0))
	}
	f.Add(`{`+members+`,"expires_in":60,"error":"e"}`, uint8(0))
	f.Add(`{`+members+`,"expires_in":60}`, uint8(1))
	f.Add(`{`+members+`,"expires_in":60}`, uint8(12))
	f.Add(`{"error":"slow_down"}`, uint8(2))
}

// RFC 8628, Section 3.2. What is to be opened or shown is harmless.
func FuzzDeviceResponse(f *testing.F) {
	fuzzPending(f, `"device_code":"dc","user_code":"ABCD","verification_uri":"https://op.example/device"`)
	for _, uri := range []string{"javascript:alert(1)", "https://op.example/\u202e", "http://[::1]/x", "https://", "https:op.example", "HTTPS://op.example\\@attacker.example/", "https://op.example/%zz", "https://\u0000"} {
		f.Add(
			`{"device_code":"dc","user_code":"A\u0007","verification_uri":"https://op.example","expires_in":60,"verification_uri_complete":"`+uri+`"}`,
			uint8(0),
		)
		f.Add(`{"device_code":"dc","user_code":"A","verification_url":"`+uri+`","expires_in":60}`, uint8(0))
	}
	c := newUnitServer().client(f, nil)
	f.Fuzz(func(t *testing.T, body string, kind uint8) {
		res := fuzzResponse(opDevice, kind, body)
		d, err := c.processDeviceResponse(res, "openid a", unitNow())
		if (d == nil) == (err == nil) {
			t.Fatalf("%v with the error %v", d, err)
		}
		if d == nil {
			return
		}
		if res.status != http.StatusOK {
			t.Fatalf("status %d is accepted", res.status)
		}
		checkPending(t, &d.g, body, "device_code")
		for _, uri := range []string{d.VerificationURI(), d.VerificationURIComplete()} {
			lower := strings.ToLower(uri)
			if uri != "" && !strings.HasPrefix(lower, "https://") && !strings.HasPrefix(lower, "http://") {
				t.Fatalf("URL %q", uri)
			}
		}
		for _, s := range []string{d.UserCode(), d.VerificationURI(), d.VerificationURIComplete()} {
			if strings.ContainsFunc(s, func(r rune) bool { return unicode.In(r, unicode.C, unicode.Zl, unicode.Zp) }) {
				t.Fatalf("%q would be shown", s)
			}
		}
		if d.UserCode() == "" || d.VerificationURI() == "" {
			t.Fatal("nothing would be shown")
		}
	})
}

// CIBA, Section 7.3.
func FuzzBackchannelResponse(f *testing.F) {
	fuzzPending(f, `"auth_req_id":"id"`)
	c := newUnitServer().client(f, nil)
	f.Fuzz(func(t *testing.T, body string, kind uint8) {
		res := fuzzResponse(opBackchannel, kind, body)
		b, err := c.processBackchannelResponse(res, "openid a", unitNow())
		if (b == nil) == (err == nil) {
			t.Fatalf("%v with the error %v", b, err)
		}
		if b == nil {
			return
		}
		if res.status != http.StatusOK {
			t.Fatalf("status %d is accepted", res.status)
		}
		checkPending(t, &b.g, body, "auth_req_id")
	})
}

// Whatever comes to the notification endpoint, it is believed only with the
// token of the request that it names.
func FuzzBackchannelPing(f *testing.F) {
	for _, header := range []string{"Bearer TOKEN", "bearer TOKEN", "Basic TOKEN", "TOKEN", "Bearer", "Bearer ", "Bearer  TOKEN", "Bearer TOKEN ", "Bearer TOKEN, Bearer TOKEN", "Bearer other", ""} {
		f.Add("POST", header, `{"auth_req_id":"id"}`)
	}
	for _, body := range []string{``, `{}`, `{"auth_req_id":"id","x":1}`, `{"auth_req_id":"i\u0064"}`, `{"auth_req_id":"other"}`, `{"auth_req_id":["id"]}`, `{"auth_req_id":null}`, `{"auth_req_id":"id","auth_req_id":"id"}`, `{"AUTH_REQ_ID":"id"}`} {
		f.Add("POST", "Bearer TOKEN", body)
	}
	f.Add("GET", "Bearer TOKEN", `{"auth_req_id":"id"}`)
	const token = "k8nXJ5dSj2Gv1eUqBz0LQdXw7cYtRfHmPaOi3ZsNy9A"
	f.Fuzz(func(t *testing.T, method, header, body string) {
		header = strings.ReplaceAll(header, "TOKEN", token)
		r := &http.Request{Method: method, Header: http.Header{"Authorization": {header}}, Body: io.NopCloser(strings.NewReader(body))}
		asked := ""
		b, err := ParseBackchannelPing(r, func(_ context.Context, id string) (*BackchannelAuthentication, error) {
			asked = id
			return savedBackchannel(&pendingData{code: "id", notificationToken: token}), nil
		})
		if (b == nil) == (err == nil) {
			t.Fatalf("%v with the error %v", b, err)
		}
		if b == nil {
			return
		}
		scheme, credential, _ := strings.Cut(header, " ")
		var reference map[string]any
		if method != http.MethodPost || !strings.EqualFold(scheme, "Bearer") || credential != token || asked != "id" || decodeAny(body, &reference) != nil ||
			reference["auth_req_id"] != any("id") {
			t.Fatalf("%s with %q and %q is believed", method, header, body)
		}
	})
}

// One saved value has one encoding, and is of one kind.
func FuzzPendingBinary(f *testing.F) {
	samples := savedSamples()
	for _, name := range []string{"DeviceAuthorization", "BackchannelAuthentication"} {
		saved := must(samples[name].MarshalBinary())
		f.Add(saved)
		f.Add(saved[:len(saved)-1])
		f.Add(append(bytes.Clone(saved), 0))
		f.Add(bytes.Replace(saved, []byte("\x017"), []byte("\x010"), 1))
		f.Add(bytes.Replace(saved, []byte("\x017"), []byte("\x043601"), 1))
		f.Add(bytes.Replace(saved, []byte("\x017"), []byte("\x02+7"), 1))
	}
	// Without issuer, code, start, expiry, interval; the interval out of its limits.
	f.Add([]byte("\x02\x00\x00\x01c\x00\x00\x00\x00\x00\x011\x011\x011"))
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00\x00\x011\x011\x011"))
	f.Add([]byte("\x02\x00\x00\x01c\x00\x00\x00\x00\x00\x00\x011\x011"))
	f.Add([]byte("\x02\x00\x00\x01c\x00\x00\x00\x00\x00\x011\x00\x011"))
	f.Add([]byte("\x02\x00\x00\x01c\x00\x00\x00\x00\x00\x011\x011\x00"))
	f.Add([]byte("\x02\x00\x00\x01c\x00\x00\x00\x00\x00\x011\x011\x010"))
	f.Add([]byte("\x02\x00\x00\x01c\x00\x00\x00\x00\x00\x011\x011\x043601"))
	f.Add([]byte("\x02\x00\x00\x01c\x00\x01u\x00\x00\x00\x00\x011\x011"))
	f.Add([]byte("\x01\x00\x00\x01c\x00\x00\x00\x00\x00\x011\x011"))
	f.Add([]byte{2})
	f.Fuzz(func(t *testing.T, data []byte) {
		var d DeviceAuthorization
		var b BackchannelAuthentication
		deviceErr, backchannelErr := d.UnmarshalBinary(data), b.UnmarshalBinary(data)
		if deviceErr == nil && backchannelErr == nil {
			t.Fatal("restored as either kind")
		}
		for _, x := range []struct {
			g    *pendingGrant
			err  error
			save func() ([]byte, error)
		}{{&d.g, deviceErr, d.MarshalBinary}, {&b.g, backchannelErr, b.MarshalBinary}} {
			if x.err != nil {
				if x.g.content != nil || x.g.wait() != 0 || !errors.Is(x.err, ErrParse) {
					t.Fatalf("%+v with the error %v", x.g.content, x.err)
				}
				continue
			}
			if x.g.content.code == "" || x.g.content.started.IsZero() || x.g.content.expiry.IsZero() || x.g.wait() < time.Second ||
				x.g.wait() > maxPollInterval {
				t.Fatalf("%+v every %v", x.g.content, x.g.wait())
			}
			if written := must(x.save()); !bytes.Equal(written, data) {
				t.Fatalf("%q became %q", data, written)
			}
		}
		for _, page := range []string{d.VerificationURI(), d.VerificationURIComplete()} {
			if u, err := url.Parse(page); err != nil || page != "" && u.Scheme != "https" && u.Scheme != "http" || strings.ContainsFunc(page, unprintable) {
				t.Fatalf("%q is to be opened", page)
			}
		}
		if strings.ContainsFunc(d.UserCode(), unprintable) {
			t.Fatalf("%q is to be shown", d.UserCode())
		}
		if deviceErr == nil {
			usePending(t, &d.g, func(ctx context.Context, c *Client) (*Token, error) { return c.DeviceToken(ctx, &d, nil) },
				func(ctx context.Context, c *Client) (*Token, error) { return c.PollDevice(ctx, &d, nil) })
		}
		if backchannelErr == nil {
			usePending(t, &b.g, func(ctx context.Context, c *Client) (*Token, error) {
				return c.BackchannelAuthenticationToken(ctx, &b, nil)
			},
				func(ctx context.Context, c *Client) (*Token, error) {
					return c.PollBackchannelAuthentication(ctx, &b, nil)
				})
		}
	})
}

// Whatever slow_down says, the next attempts are not sooner, 5 seconds later
// where that is within the limit, and not put off for ever.
func FuzzSlowDown(f *testing.F) {
	for _, s := range []string{`{"error":"slow_down"}`, `{"interval":30}`, `{"interval":"30"}`, `{"interval":30.5}`, `{"interval":1}`, `{"interval":0}`, `{"interval":-30}`, `{"interval":1e15}`, `{"interval":1e300}`, `{"interval":9007199254740992}`, `{"interval":null}`, `{"interval":[30]}`, `{"interval":3599.5}`, `x`, ``} {
		f.Add(s, uint16(5))
		f.Add(s, uint16(3598))
	}
	f.Fuzz(func(t *testing.T, body string, interval uint16) {
		before := seconds(min(max(1, int64(interval)), 3600))
		var g pendingGrant
		g.interval.Store(int64(before / time.Second))
		g.slowDown(&ResponseError{Code: "slow_down", Body: []byte(body)})
		after := g.wait()
		if after < min(before+slowDownStep, maxPollInterval) || after > maxPollInterval {
			t.Fatalf("%v became %v with %q", before, after, body)
		}
		o, err := parseObject(body, documentForm, ErrParse)
		if err != nil && after != min(before+slowDownStep, maxPollInterval) {
			t.Fatalf("%v became %v with %q", before, after, body)
		}
		if n, ok, err := o.seconds("interval", true); ok && err == nil && after < min(seconds(n), maxPollInterval) {
			t.Fatalf("%v became %v with %q", before, after, body)
		}
	})
}
