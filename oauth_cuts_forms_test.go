package oauth

// The kinds of oauth_cuts_test.go that are neither signed nor answers: key sets, what browsers
// and servers bring to the program, header fields, and what is saved.

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// ---- documents and requests

// cutKeys is a set of two keys: what happens to one does not spoil the other.
func cutKeys(t testing.TB, r *rand.Rand) *cutBase {
	var texts []string
	for _, alg := range []Algorithm{ES256, Ed25519} {
		texts = append(texts, string(must(GenerateSigningKey(alg)).PublicJWK()))
	}
	base := &cutBase{text: `{"keys":[` + strings.Join(texts, ",") + `],"x":"` + cutWord(r, 4) + `"}`, kinds: ofKinds(ErrParse)}
	base.read = func(text string) cutResult {
		s, err := ParseKeySet([]byte(text))
		res := cutResult{err: err, both: (s == nil) == (err == nil)}
		if s != nil {
			res.says = map[string]string{}
			for i, k := range s.current.Load().keys {
				res.says[strconv.Itoa(i)] = string(k.encode())
			}
		}
		return res
	}
	base.changes = func(yield func(cutChange)) {
		cutFields(base.text, []cutField{{member: "keys", need: true}, {member: "x", informs: true}}, func(c cutChange) {
			c.text = c.object
			yield(c)
		})
		for i, text := range texts {
			cutFields(text, nil, func(c cutChange) {
				other := slices.Clone(texts)
				other[i] = c.object
				yield(cutChange{what: fmt.Sprintf("key %d: %s", i, c.what), at: -1, text: `{"keys":[` + strings.Join(other, ",") + "]}"})
			})
		}
	}
	base.judge = func(c cutChange, says map[string]string) string { return judgeKeys(c.text, texts, says) }
	return base
}

// judgeKeys wants each key to be one that a second reader reads, and those that were not
// changed to be there.
func judgeKeys(text string, before []string, says map[string]string) string {
	members, err := cutObject(text)
	if err != nil {
		return err.Error()
	}
	var list []json.RawMessage
	if err := json.Unmarshal(members["keys"], &list); err != nil {
		return err.Error()
	}
	var there []any
	for _, raw := range list {
		key, err := cutObject(string(raw))
		if err != nil {
			continue // and is skipped
		}
		there = append(there, cutKey(key))
		if slices.Contains(before, string(raw)) && !slices.ContainsFunc(mapValues(says), func(s string) bool { return reflect.DeepEqual(cutKey(must(cutObject(s))), cutKey(key)) }) {
			return "a key that was not changed is not there: " + string(raw)
		}
	}
	for _, s := range says {
		if !slices.ContainsFunc(there, func(k any) bool { return reflect.DeepEqual(k, cutKey(must(cutObject(s)))) }) {
			return "no second reader has the key " + s
		}
	}
	return ""
}

func mapValues(m map[string]string) (list []string) {
	for _, v := range m {
		list = append(list, v)
	}
	return list
}

// cutKey is what of a key is looked at.
func cutKey(key map[string]json.RawMessage) map[string]string {
	all := map[string]string{}
	for _, name := range []string{"kty", "crv", "x", "y", "n", "e", "kid", "alg", "use", "issuer"} {
		if s := cutString(key[name]); key[name] != nil && s != "" {
			all[name] = s
		}
	}
	if ops := key["key_ops"]; ops != nil && string(ops) != "null" {
		all["key_ops"] = cutList(ops)
	}
	return all
}

func cutExported(t testing.TB, r *rand.Rand) *cutBase {
	jwk := string(must(GenerateSigningKey(ES256)).PublicJWK())
	uri := unitIssuer + "/jwks"
	now := time.Now().Unix()
	base := &cutBase{
		text:  `{"jwks_uri":"` + uri + `","time":` + strconv.FormatInt(now-1, 10) + `,"max_age":` + strconv.Itoa(200+r.IntN(90)) + `,"keys":[` + jwk + `]}`,
		kinds: ofKinds(ErrParse, ErrConfig, ErrNotYetValid, ErrExpired),
	}
	base.read = func(text string) cutResult {
		s := must(NewKeySet(uri, nil))
		err := s.Import([]byte(text))
		snap := s.current.Load()
		res := cutResult{err: err, both: (snap == nil) == (err == nil)}
		if snap != nil {
			res.says = map[string]string{}
			for i, k := range snap.keys {
				res.says[strconv.Itoa(i)] = string(k.encode())
			}
		}
		return res
	}
	fields := []cutField{{member: "jwks_uri", need: true}, {member: "time", need: true}, {member: "keys", need: true}}
	base.changes = func(yield func(cutChange)) {
		cutFields(base.text, fields, func(c cutChange) {
			c.text = c.object
			yield(c)
		})
	}
	base.judge = func(c cutChange, says map[string]string) string {
		members, err := cutObject(c.text)
		if err != nil {
			return err.Error()
		}
		at, err := strconv.ParseFloat(string(members["time"]), 64)
		if cutString(members["jwks_uri"]) != uri || err != nil || at > float64(now+700) || at < float64(now-400) {
			return "it is imported"
		}
		return judgeKeys(c.text, []string{jwk}, says)
	}
	return base
}

// cutPing is the header field and the body of a notification.
func cutPing(t testing.TB, r *rand.Rand) *cutBase {
	token, id := cutWord(r, 43), cutWord(r, 8)
	b := savedBackchannel(&pendingData{code: id, notificationToken: token})
	base := &cutBase{
		text:  "Bearer " + token + "\n" + `{"auth_req_id":"` + id + `","x":1}`,
		kinds: ofKinds(ErrNoCredentials, ErrParse),
		read: func(text string) cutResult {
			header, body, _ := strings.Cut(text, "\n")
			req := &http.Request{Method: http.MethodPost, Header: http.Header{"Authorization": {header}}, Body: io.NopCloser(strings.NewReader(body))}
			got, err := ParseBackchannelPing(req, func(_ context.Context, asked string) (*BackchannelAuthentication, error) {
				if asked != id {
					return nil, nil
				}
				return b, nil
			})
			res := cutResult{err: err, both: (got == nil) == (err == nil)}
			if got != nil {
				res.says = map[string]string{"auth_req_id": got.AuthReqID()}
			}
			return res
		},
	}
	fields := []cutField{{member: "auth_req_id", need: true, render: cutString, good: cutIs(id)}, {member: "x", informs: true, render: cutPresent, hidden: true}}
	base.changes = func(yield func(cutChange)) {
		cutFields(`{"auth_req_id":"`+id+`","x":1}`, fields, func(c cutChange) {
			c.text = "Bearer " + token + "\n" + c.object
			yield(c)
		})
		for _, header := range []string{"bearer " + token, "BEARER " + token, "Bearer  " + token, "Bearer", "Basic " + token, token, "Bearer " + token + ", Bearer " + token, ""} {
			yield(cutChange{what: "Authorization " + header, at: -1, text: header + "\n" + `{"auth_req_id":"` + id + `"}`})
		}
	}
	base.judge = func(c cutChange, says map[string]string) string {
		header, body, _ := strings.Cut(c.text, "\n")
		scheme, credential, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") || credential != token {
			return "it is believed with " + header
		}
		return judgeFields(body, fields, says)
	}
	return base
}

// ---- what browsers bring

// cutPairs changes the pairs of a query.
func cutPairs(query string, yield func(cutChange)) {
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		put := func(what string, with ...string) {
			yield(cutChange{what: name + " " + what, at: -1, text: strings.Join(slices.Concat(pairs[:i], with, pairs[i+1:]), "&")})
		}
		put("removed")
		put("twice", pair, pair)
		for _, v := range []string{"", "x", "null", "0", value + "x", "x" + value, strings.ToUpper(value), strings.ToLower(value), value + value, "%00", "%zz", value + "%00", "+", value + "+", "%FF"} {
			put("is "+v, name+"="+v)
			put("twice, then "+v, pair, name+"="+v)
			put("twice, first "+v, name+"="+v, pair)
		}
		for _, n := range append(cutNames(name), name+"[]", name+"%5B%5D", "%"+fmt.Sprintf("%02X", name[0])+name[1:]) {
			put("named "+strconv.Quote(n), n+"="+value)
			put("also named "+strconv.Quote(n), pair, n+"=x")
			put("after "+strconv.Quote(n), n+"=x", pair)
		}
		put("without =", name)
		put("with ;", pair+";x=1")
		for j := range i {
			swapped := slices.Clone(pairs)
			swapped[i], swapped[j] = pairs[j], pairs[i]
			yield(cutChange{what: fmt.Sprintf("pairs %d and %d swapped", i, j), at: -1, text: strings.Join(swapped, "&")})
		}
	}
	for _, more := range []string{"x=1", "error=access_denied", "error=", "response=a.b.c", "id_token=a.b.c", "access_token=a", "error_description=x", "&", "="} {
		yield(cutChange{what: "with " + more, at: -1, text: query + "&" + more})
	}
}

// cutCallback is a response with a code and the issuer; the code goes to the token endpoint
// if all is well, and nowhere else.
func cutCallback(t testing.TB, r *rand.Rand, mode string) *cutBase {
	s := &cutAnswerer{status: 200, mediaType: mediaJSON, body: `{"access_token":"at","token_type":"Bearer"}`}
	c := clientOf(t, s, func(c *Config) { c.RequireResponseIssuer = true })
	pending, err := c.StartAuthorization(context.Background(), &AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"a"}, ResponseMode: mode})
	if err != nil {
		t.Fatal(err)
	}
	saved := must(pending.MarshalBinary())
	base := &cutBase{
		text:  "code=" + cutWord(r, 10) + "&state=" + pending.State() + "&iss=" + url.QueryEscape(unitIssuer),
		kinds: ofKinds(ErrParse, ErrState, ErrIssuer, ErrClaim, ErrRefused), separator: "&", donor: "code=" + cutWord(r, 10) + "&state=" + savedRandom(9) + "&x=y",
	}
	base.read = func(text string) cutResult {
		var a PendingAuthorization
		if err := a.UnmarshalBinary(saved); err != nil {
			t.Fatal(err)
		}
		before := s.asked
		tok, err := finishCut(c, &a, mode, text)
		res := cutResult{err: err, both: (tok == nil) == (err == nil), requests: s.asked - before}
		if tok != nil {
			res.says = map[string]string{"code": s.form.Get("code")}
		} else if res.requests > 0 {
			res.both = true // the code went out
		}
		return res
	}
	base.changes = func(yield func(cutChange)) { cutPairs(base.text, yield) }
	base.judge = func(c cutChange, says map[string]string) string {
		params, err := url.ParseQuery(c.text)
		switch {
		case err != nil || len(params["code"]) != 1 || len(params["state"]) != 1 || len(params["iss"]) != 1:
			return fmt.Sprintf("it is accepted: %v", err)
		case params.Get("state") != pending.State() || params.Get("iss") != unitIssuer || params.Get("error") != "":
			return "it is accepted"
		case params.Get("code") != says["code"] || says["code"] == "" || params.Has("response") || params.Has("id_token") || params.Has("access_token"):
			return "the code " + says["code"] + " was sent"
		}
		return ""
	}
	return base
}

// finishCut finishes an authorization with parameters where they belong.
func finishCut(c *Client, a *PendingAuthorization, mode, params string) (*Token, error) {
	if mode == "fragment" {
		resp, err := c.ValidateAuthorizationResponseURL(context.Background(), a, "https://app.example/cb#"+params)
		if err != nil {
			return nil, err
		}
		return c.ExchangeCode(context.Background(), resp, nil)
	}
	req := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/cb", RawQuery: params}, Header: http.Header{}, Body: http.NoBody}
	if mode != "" {
		req.Method, req.URL.RawQuery, req.Body = http.MethodPost, "", io.NopCloser(strings.NewReader(params))
		req.Header.Set("Content-Type", mediaForm)
	}
	return c.FinishAuthorization(req, a, nil)
}

func cutFrontchannel(t testing.TB, r *rand.Rand) *cutBase {
	c := newUnitServer().client(t, func(c *Config) { c.Metadata.FrontchannelLogoutSessionRequired = true })
	base := &cutBase{
		text:  "iss=" + url.QueryEscape(unitIssuer) + "&sid=" + cutWord(r, 6) + "&x=" + cutWord(r, 3),
		kinds: ofKinds(ErrParse, ErrClaim, ErrIssuer), separator: "&", donor: "sid=" + cutWord(r, 5),
	}
	base.read = func(text string) cutResult {
		sid, err := c.ParseFrontchannelLogout(&http.Request{Method: http.MethodGet, URL: &url.URL{RawQuery: text}})
		res := cutResult{err: err, both: (sid == "") == (err == nil)}
		if sid != "" {
			res.says = map[string]string{"sid": sid}
		}
		return res
	}
	base.changes = func(yield func(cutChange)) { cutPairs(base.text, yield) }
	base.judge = func(c cutChange, says map[string]string) string {
		// What net/url cannot read is read as it stands.
		values := map[string][]string{}
		for _, pair := range strings.Split(c.text, "&") {
			name, value, _ := strings.Cut(pair, "=")
			for _, s := range []*string{&name, &value} {
				if plain, err := url.QueryUnescape(*s); err == nil {
					*s = plain
				}
			}
			values[name] = append(values[name], value)
		}
		if len(values["iss"]) != 1 || len(values["sid"]) != 1 || values["iss"][0] != unitIssuer || values["sid"][0] != says["sid"] {
			return "the session " + says["sid"] + " would be ended"
		}
		return ""
	}
	return base
}

func cutInitiated(t testing.TB, r *rand.Rand) *cutBase {
	c := newUnitServer().client(t, nil)
	const origin = "https://app.example"
	base := &cutBase{
		text:  "iss=" + url.QueryEscape(unitIssuer) + "&login_hint=" + cutWord(r, 5) + "&target_link_uri=" + url.QueryEscape(origin+"/"+cutWord(r, 4)),
		kinds: ofKinds(ErrParse, ErrClaim, ErrIssuer), separator: "&", donor: "target_link_uri=https%3A%2F%2Fattacker.example&login_hint=x",
	}
	base.read = func(text string) cutResult {
		l, err := c.ParseInitiatedLogin(&http.Request{Method: http.MethodGet, URL: &url.URL{RawQuery: text}}, origin)
		res := cutResult{err: err, both: (l == nil) == (err == nil)}
		if l != nil {
			res.says = map[string]string{"login_hint": l.LoginHint, "target_link_uri": l.TargetLinkURI}
		}
		return res
	}
	base.changes = func(yield func(cutChange)) { cutPairs(base.text, yield) }
	base.judge = func(c cutChange, says map[string]string) string {
		params, err := url.ParseQuery(c.text)
		switch {
		case err != nil || len(params["iss"]) != 1 || params.Get("iss") != unitIssuer || len(params["login_hint"]) > 1 || len(params["target_link_uri"]) > 1:
			return fmt.Sprintf("it is accepted: %v", err)
		case params.Get("login_hint") != says["login_hint"] || params.Get("target_link_uri") != says["target_link_uri"]:
			return fmt.Sprintf("it says %v", says)
		}
		u, err := url.Parse(says["target_link_uri"])
		if says["target_link_uri"] != "" && (err != nil || u.Scheme != "https" || u.Host != "app.example" && u.Host != "app.example:443" && !strings.EqualFold(u.Host, "app.example") || u.User != nil || strings.HasPrefix(u.Path, "//")) {
			return "it leads to " + says["target_link_uri"]
		}
		return ""
	}
	return base
}

// ---- header fields and saved values

func cutChallenges(t testing.TB, r *rand.Rand) *cutBase {
	parts := []string{
		`Bearer realm="` + cutWord(r, 5) + `", error="invalid_token", error_description="a \"` + cutWord(r, 3) + `\" b"`,
		`DPoP algs="ES256 RS256", error=use_dpop_nonce`, `Negotiate ` + cutWord(r, 6) + `==`, `Basic realm="` + cutWord(r, 4) + `"`,
	}
	base := &cutBase{text: strings.Join(parts, ", "), kinds: ofKinds(), separator: ", ", donor: `Bearer error="insufficient_scope", scope="x"`}
	read := func(text string) []Challenge { return ParseChallenges(http.Header{"Www-Authenticate": {text}}) }
	base.read = func(text string) cutResult {
		list := read(text)
		return cutResult{says: map[string]string{"n": strconv.Itoa(len(list))}}
	}
	before := read(base.text)
	base.judge = func(c cutChange, says map[string]string) string {
		list := read(c.text)
		written, fault := writeChallenges(list)
		if fault != "" {
			return fault
		}
		if again := read(written); !reflect.DeepEqual(again, list) {
			return fmt.Sprintf("%+v, written as %q, reads as %+v", list, written, again)
		}
		// A challenge ends where the next one has begun.
		for i, end := 0, len(parts[0])+len(parts[1])+2; i < len(parts)-1 && end < c.at; i++ {
			if i >= len(list) || !reflect.DeepEqual(list[i], before[i]) {
				return fmt.Sprintf("challenge %d was not changed, and %+v is read", i, list)
			}
			if i+2 < len(parts) {
				end += len(parts[i+2]) + 2
			}
		}
		return ""
	}
	return base
}

func cutSaved(t testing.TB, r *rand.Rand, name string) *cutBase {
	type saved interface {
		MarshalBinary() ([]byte, error)
		UnmarshalBinary([]byte) error
	}
	value := savedSamples()[name]
	switch v := value.(type) {
	case *PendingAuthorization:
		v.content.state, v.content.clientID = savedRandom(byte(r.IntN(256))), cutWord(r, 5)
	case *Token:
		v.AccessToken, v.Scope = NewSecret(cutWord(r, 8)), []string{cutWord(r, 2), "b"}
	case *DeviceAuthorization:
		v.g.content.code, v.g.content.clientID = cutWord(r, 8), cutWord(r, 3)
	case *BackchannelAuthentication:
		v.g.content.code, v.g.content.clientID = cutWord(r, 8), cutWord(r, 3)
	case *Registration:
		v.ClientSecret, v.RegistrationAccessToken = NewSecret(cutWord(r, 8)), NewSecret(cutWord(r, 3))
	}
	base := &cutBase{text: string(must(value.MarshalBinary())), kinds: ofKinds(ErrParse)}
	restore := func(text string) (saved, error) {
		fresh := reflect.New(reflect.TypeOf(value).Elem()).Interface().(saved)
		return fresh, fresh.UnmarshalBinary([]byte(text))
	}
	empty, _ := restore("")
	base.read = func(text string) cutResult {
		v, err := restore(text)
		if err != nil {
			return cutResult{err: err, both: !reflect.DeepEqual(v, empty)}
		}
		again, err := v.MarshalBinary()
		if err != nil {
			return cutResult{both: true}
		}
		return cutResult{says: map[string]string{"again": string(again)}}
	}
	base.judge = func(c cutChange, says map[string]string) string {
		if says["again"] == c.text {
			return ""
		}
		// JSON is in it, which encoding/json writes in its own way; and a version before this one.
		first, _ := restore(c.text)
		second, err := restore(says["again"])
		if err != nil || !bytes.Equal(must(second.MarshalBinary()), []byte(says["again"])) || name != "Token" && name != "Registration" {
			return fmt.Sprintf("it is written as %q again", says["again"])
		}
		return sameRestored(first, second)
	}
	return base
}

// sameRestored compares what JSON says, and not how.
func sameRestored(a, b any) string {
	switch x := a.(type) {
	case *Token:
		y := b.(*Token)
		if !sameJSON(x.Extra, y.Extra) {
			return fmt.Sprintf("%s became %s", x.Extra, y.Extra)
		}
		x.Extra, y.Extra = nil, nil
	case *Registration:
		y := b.(*Registration)
		keys := func(r *Registration) map[string]json.RawMessage {
			if r.Metadata.JWKS == nil {
				return nil
			}
			return map[string]json.RawMessage{"jwks": r.Metadata.JWKS}
		}
		if !sameJSON(x.Metadata.Extra, y.Metadata.Extra) || !sameJSON(keys(x), keys(y)) {
			return fmt.Sprintf("%+v became %+v", x.Metadata, y.Metadata)
		}
		x.Metadata.Extra, y.Metadata.Extra, x.Metadata.JWKS, y.Metadata.JWKS = nil, nil, nil, nil
	}
	if !reflect.DeepEqual(a, b) {
		return fmt.Sprintf("%+v became %+v", a, b)
	}
	return ""
}
