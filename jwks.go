package oauth

// This file implements JWK Sets (RFC 7517, Section 5): fetching one, keeping
// it, and selecting the key of a token.

import (
	"context"
	"crypto"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const opKeySet = "key set"

// A KeySet holds the public keys of an issuer. It fetches them when they are first
// needed, and again when they are old or when a token names a key that is not in
// the set. The number of fetches does not depend on the number of tokens:
//
//   - When the keys are 5 minutes old (or less, down to 1 minute, if the server's
//     Cache-Control says so), the next use starts a refresh and does not wait for
//     it. When they are twice as old, because the set was not used for a while, the
//     next use waits for the refresh. It uses the old keys only if the refresh
//     fails or one has failed within the last 5 minutes. The age of the keys
//     includes the time for which the machine slept.
//   - A token whose key is not in the set starts a fetch and waits for it. There
//     are two limits, which do not affect each other. Only a fetch that succeeds
//     counts towards them. For tokens in a token, userinfo or introspection
//     response, which only the server can send, the limit is one fetch in 2
//     seconds, for which the token waits. For tokens in an authorization response,
//     logout tokens, access tokens and [Client.VerifyIDToken], which anyone can
//     send, it is 3 fetches at once and then one in 60 seconds. Beyond that, the
//     error matches [ErrUnavailable] and not [ErrKeyNotFound], because it is not
//     known whether the key exists.
//   - A bad signature under a key of the set starts no fetch.
//   - After a fetch that failed, there is no fetch for 1 second. That time doubles
//     with each failure, up to 60 seconds. Old keys stay in use up to
//     KeySetOptions.MaxAge.
//   - A refresh that succeeds replaces the whole set at once: a key that the server
//     has removed is not used any more.
//
// Callers share one fetch. It takes at most 10 seconds, and it continues if the
// caller that started it gives up. It sees the values of that caller's context, for
// example those of [net/http/httptrace].
//
// A KeySet is safe for concurrent use. One KeySet may serve all Clients of an
// issuer. The zero KeySet has no keys.
type KeySet struct {
	uri    string // "": fixed keys
	shown  string // uri without its query, for the trace
	caller *caller
	maxAge time.Duration
	trace  *Trace

	latest[keySnapshot]
	begun atomic.Uint64 // the number of the last fetch that began

	// These are used under the lock.
	payer   *fetchBudget // pays for the flight if it succeeds; nil: it is free
	budgets [2]fetchBudget
}

// KeySetOptions are the options of [NewKeySet]. The zero value is the usual case.
type KeySetOptions struct {
	// HTTPClient fetches the set. It is copied, and a client certificate in it is
	// not offered. If nil, the package uses a client of its own, with timeouts.
	HTTPClient *http.Client

	// MaxAge is how long keys are used while they cannot be fetched again. It must
	// be between 5 minutes and 24 hours; zero means 1 hour.
	MaxAge time.Duration

	// Trace observes the fetches. If nil, nothing does.
	Trace             *Trace
	InsecureAllowHTTP bool // allow an http URL, for loopback and tests only
}

// A keySnapshot is one state of the set. It is immutable but for the memo.
type keySnapshot struct {
	keys    []*publicKey
	skipped []skippedKey
	kids    map[string]bool // of both
	number  uint64          // of the fetch that brought it; 0: none did
	paid    bool            // whether a budget paid for that, under the lock of the KeySet
	fetched moment          // when that fetch began
	softAge time.Duration   // when to look for a newer one
	memo    headerMemo
	id      *keysID // that of every snapshot with the same keys
}

// A keysID is the same pointer as long as the keys are the same.
type keysID struct{ _ byte }

// A skippedKey is a key of the document that cannot be used.
type skippedKey struct {
	kid    string
	reason error
}

// NewKeySet returns a KeySet with the keys at jwksURI. It does not fetch them yet.
// If opts is nil, it is the zero KeySetOptions. If jwksURI is not an https URL, the
// error matches [ErrInsecureURL]; if it is not a URL, or if an option is invalid,
// it matches [ErrConfig].
func NewKeySet(jwksURI string, opts *KeySetOptions) (*KeySet, error) {
	var o KeySetOptions
	if opts != nil {
		o = *opts
	}
	switch {
	case o.MaxAge == 0:
		o.MaxAge = defaultKeyAge
	case o.MaxAge < keySoftAge || o.MaxAge > maxKeyAge:
		return nil, withOp(opKeySet, &Error{Kind: ErrConfig, Param: "MaxAge", Detail: o.MaxAge.String() + " is not between " + keySoftAge.String() + " and " + maxKeyAge.String()})
	}
	s, err := newKeySet(jwksURI, o.MaxAge, newCaller(withoutClientCertificate(o.HTTPClient), o.InsecureAllowHTTP, o.Trace))
	return s, withOp(opKeySet, err)
}

func newKeySet(uri string, maxAge time.Duration, c *caller) (*KeySet, error) {
	u, err := c.checkURL("jwks_uri", uri)
	if err != nil {
		return nil, err
	}
	return &KeySet{
		uri: uri, shown: withoutQuery(u), caller: c, maxAge: maxAge, trace: c.trace,
		budgets: [...]fetchBudget{
			fromServer - 1:  {interval: answerKeyInterval, burst: 1},
			fromAnybody - 1: {interval: strangerKeyInterval, burst: strangerKeyBurst},
		},
	}, nil
}

// ParseKeySet returns a KeySet with the keys of a JWK Set document. They never
// change. Keys that cannot be used are skipped. If the document cannot be read, or
// if no key is left to verify with, the error matches [ErrParse].
func ParseKeySet(jwks []byte) (*KeySet, error) {
	snap, err := parseKeySet(string(jwks))
	if err != nil {
		return nil, withOp(opKeySet, err)
	}
	s := new(KeySet)
	s.current.Store(snap)
	return s, nil
}

// keySetOf is a KeySet whose keys never change.
func keySetOf(keys []*publicKey) *KeySet {
	s := new(KeySet)
	s.current.Store(newKeySnapshot(keys, nil))
	return s
}

func newKeySnapshot(keys []*publicKey, skipped []skippedKey) *keySnapshot {
	snap := &keySnapshot{keys: keys, skipped: skipped, fetched: thisMoment(), softAge: keySoftAge, id: new(keysID)}
	snap.kids = make(map[string]bool, len(keys)+len(skipped))
	for _, k := range keys {
		snap.kids[k.kid] = true
	}
	for _, k := range skipped {
		snap.kids[k.kid] = true
	}
	return snap
}

// allowsHTTP reports whether the keys may come by http.
func (s *KeySet) allowsHTTP() bool { return s != nil && s.caller != nil && s.caller.insecure }

// empty reports whether this is the zero KeySet.
func (s *KeySet) empty() bool { return s.uri == "" && s.current.Load() == nil }

func parseKeySet(document string) (*keySnapshot, error) {
	if len(document) > maxBody {
		return nil, fail(ErrParse, "", "the key set is longer than %d bytes", maxBody)
	}
	o, err := parseObject(withoutMark(document), answerForm, ErrParse)
	if err != nil {
		return nil, err
	}
	raw, ok := o.get("keys")
	if !ok {
		return nil, fail(ErrParse, "keys", "is missing")
	}
	list, err := arrayElements(nil, raw, maxKeys)
	if err != nil {
		return nil, fail(ErrParse, "keys", "is not an array of at most %d keys", maxKeys)
	}
	var keys []*publicKey
	var skipped []skippedKey
	for _, raw := range list {
		o, err := parseObject(raw, documentForm, ErrParse)
		key := new(publicKey)
		if err == nil {
			o.nullAbsent = true // .NET writes all that a key could have, "d":null too
			key, err = parsePublicJWK(&o)
		}
		if err != nil {
			skipped = append(skipped, skippedKey{strings.Clone(key.kid), err})
			continue
		}
		if slices.ContainsFunc(keys, key.twin) {
			continue
		}
		key.detach()
		keys = append(keys, key)
	}
	// Keys for encryption alone would leave nothing to verify with.
	if !slices.ContainsFunc(keys, func(k *publicKey) bool { return k.use != "enc" }) {
		e := fail(ErrParse, "keys", "the set has no key that signatures can be verified with")
		if len(skipped) > 0 {
			e.Err = skipped[0].reason
		}
		return nil, e
	}
	return newKeySnapshot(keys, skipped), nil
}

// detach copies the strings, which are parts of the document, so that the
// document is not kept in memory for the sake of a kid.
func (k *publicKey) detach() {
	for _, s := range [...]*string{&k.kty, &k.crv, &k.kid, (*string)(&k.alg), &k.use, &k.issuer} {
		*s = strings.Clone(*s)
	}
	for i := range k.ops {
		k.ops[i] = strings.Clone(k.ops[i])
	}
}

// ---- selection

// find returns the key for a token. It never tries one key after another: what
// the header says selects exactly one, or it is an error.
func (s *KeySet) find(ctx context.Context, alg *algorithm, h *joseHeader, from source) (*publicKey, error) {
	asked := s.begun.Load() // before the look: a fetch that begins later answers the question
	snap, err := s.snapshot(ctx)
	for err == nil {
		key, miss := snap.selectKey(alg, h)
		if key != nil {
			return key, nil
		}
		if !miss.again() || s.uri == "" {
			return nil, snap.missing(alg, h, miss)
		}
		if snap.number > asked {
			s.settle(snap, from)
			return nil, snap.missing(alg, h, miss)
		}
		snap, err = s.newer(ctx, snap, asked, from)
	}
	return nil, err
}

// mayHave reports whether the key of a token can be in the set as it is now.
func (s *KeySet) mayHave(h *joseHeader) bool {
	snap := s.current.Load()
	return snap == nil || !h.hasKid || snap.names(h.kid)
}

// names reports whether a key of the set, usable or not, has the key id.
func (snap *keySnapshot) names(kid string) bool { return snap.kids[kid] }

// A keyMiss says why a set has no key for a token.
type keyMiss uint8

const (
	keyFound     keyMiss = iota
	keyUnknown           // no key has the id: a newer set may
	keyUnnamed           // no id is named, and no key fits: a newer set may have one
	keyAmbiguous         // several have the id, or fit
	keyUnusable          // the one with the id cannot be used
	keyUnfit             // it is for something else
)

// again reports whether a newer set may know better.
func (m keyMiss) again() bool { return m == keyUnknown || m == keyUnnamed }

// selectKey finds the key, or says why there is none.
func (snap *keySnapshot) selectKey(alg *algorithm, h *joseHeader) (key *publicKey, miss keyMiss) {
	unfit := false
	for _, k := range snap.keys {
		switch {
		case h.hasKid && k.kid != h.kid:
		case !k.fits(alg):
			unfit = true
		case key != nil:
			return nil, keyAmbiguous
		default:
			key = k
		}
	}
	switch {
	case key != nil:
		return key, keyFound
	case h.hasKid && slices.ContainsFunc(snap.skipped, func(k skippedKey) bool { return k.kid == h.kid }):
		return nil, keyUnusable
	case !h.hasKid:
		return nil, keyUnnamed
	case unfit:
		return nil, keyUnfit
	}
	return nil, keyUnknown
}

// missing is the error of what selectKey did not find.
func (snap *keySnapshot) missing(alg *algorithm, h *joseHeader, miss keyMiss) error {
	const param = "kid"
	switch {
	case miss == keyUnnamed:
		return saying("the token names no key, and no key of the set fits ").text(string(alg.name)).fail(ErrKeyNotFound, param)
	case miss == keyAmbiguous && h.hasKid:
		return saying("several keys of the set have the key id ").quoted(h.kid, 128).fail(ErrKeyNotFound, param)
	case miss == keyAmbiguous:
		return saying("the token names no key, and several keys of the set fit ").text(string(alg.name)).text(": a kid is needed").fail(ErrKeyNotFound, param)
	case miss == keyUnusable:
		e := saying("the key ").quoted(h.kid, 128).text(" cannot be used").fail(ErrKeyNotFound, param)
		for _, k := range snap.skipped {
			if k.kid == h.kid {
				e.Err = k.reason
			}
		}
		return e
	case miss == keyUnfit:
		s := saying("the key ").quoted(h.kid, 128).text(" is not for ").text(string(alg.name))
		for _, k := range snap.keys {
			if k.kid == h.kid {
				s.text(": ").text(k.misfit(alg))
				break
			}
		}
		return s.fail(ErrKeyNotFound, param)
	}
	return saying("no key of the set has the key id ").quoted(h.kid, 128).fail(ErrKeyNotFound, param)
}

// encryptionKey returns a key to encrypt to the issuer with: the first that is
// for it. Any of several will do: the kid says which it was.
func (s *KeySet) encryptionKey(ctx context.Context, x *encryption) (*publicKey, error) {
	snap, err := s.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range snap.keys {
		named := string(k.alg) == x.alg.name // which says what it is for, if use does not
		if k.kty == x.alg.kty && (k.use == "enc" && (named || k.alg == "") || k.use == "" && named) {
			return k, nil
		}
	}
	return nil, fail(ErrKeyNotFound, "jwks_uri", "the server's key set has no %s key with use enc for %s", x.alg.kty, x.alg.name)
}

// ---- fetching

// snapshot returns the current keys. It has newer ones fetched if they are old, and
// waits for these if they are very old: a key that the server took out must not go on
// because nobody asked for a while. Old keys are then for a fetch that fails.
func (s *KeySet) snapshot(ctx context.Context) (*keySnapshot, error) {
	if s.empty() {
		return nil, fail(ErrConfig, "KeySet", "is empty: NewKeySet and ParseKeySet make one")
	}
	snap := s.current.Load()
	if s.fresh(snap) {
		return snap, nil
	}
	f, failing, err := s.look(s.fresh, func() { s.begin(ctx, nil) })
	if snap = s.current.Load(); snap != nil {
		if age := snap.fetched.age(); age < s.maxAge && (failing || age < 2*snap.softAge) {
			return snap, nil
		}
	}
	if f != nil {
		if err := f.wait(ctx, opKeySet); err != nil {
			return nil, err
		}
		err = f.err
	}
	snap = s.current.Load()
	if err != nil && (snap == nil || snap.fetched.age() >= s.maxAge) {
		return nil, unavailable(err)
	}
	return snap, nil
}

// fresh reports whether snap need not be fetched again for its age; freshAt, at a reading of
// monotonic.
func (s *KeySet) fresh(snap *keySnapshot) bool { return s.freshAt(snap, monotonic()) }

func (s *KeySet) freshAt(snap *keySnapshot, now time.Time) bool {
	return snap != nil && (s.uri == "" || snap.fetched.ageAt(now) < snap.softAge)
}

// warm starts a fetch, if the keys will be needed and are old or not there yet. It does
// not wait; what becomes of the fetch is for who needs the keys. No budget pays.
func (s *KeySet) warm(ctx context.Context) {
	if s == nil || s.empty() || s.fresh(s.current.Load()) {
		return
	}
	s.look(s.fresh, func() { s.begin(ctx, nil) }) // an error is that of the back-off
}

// newer returns keys that came after snap, which lacks the key of a token: those that
// there are meanwhile, or those of a fetch, which may be waited for. asked is the
// number of the last fetch that began before the question.
func (s *KeySet) newer(ctx context.Context, snap *keySnapshot, asked uint64, from source) (*keySnapshot, error) {
	for {
		s.mu.Lock()
		if now := s.current.Load(); now != snap {
			s.mu.Unlock()
			return now, nil
		}
		var at time.Time
		var err error
		if s.flight == nil {
			if at, err = s.mayBegin(from); err == nil && !monotonic().Before(at) {
				s.begin(ctx, s.budget(from))
			}
		}
		f, number := s.flight, s.begun.Load()
		s.mu.Unlock()
		switch {
		case err != nil:
			return nil, err
		case f == nil:
			if err := sleepUntil(ctx, at); err != nil {
				return nil, withOp(opKeySet, &Error{Detail: "given up", Err: err})
			}
		default:
			if err := f.wait(ctx, opKeySet); err != nil {
				return nil, err
			}
			// One that began before the question is followed by one more.
			if f.err != nil && number > asked {
				return nil, unavailable(f.err)
			}
		}
	}
}

// mayBegin is when a fetch for a token of that source may begin, or an error if that is
// too late for it. It is called under the lock.
func (s *KeySet) mayBegin(from source) (time.Time, error) {
	b := s.budget(from)
	if b == nil {
		return time.Time{}, fail(ErrConfig, "kid", "nothing says where the token is from")
	}
	at := b.next()
	backingOff := at.Before(s.outage.retryAt) // which is zero without an outage
	if backingOff {
		at = s.outage.retryAt
	}
	now := monotonic()
	switch {
	case !now.Before(at):
		return at, nil
	case from == fromServer && !at.After(now.Add(b.interval)):
		return at, nil // a code or refresh token was spent for it: it waits, others would in crowds
	case backingOff:
		return time.Time{}, unavailable(s.outage.err)
	}
	// Not ErrKeyNotFound: the key may exist, and to look is what must not be done now.
	return time.Time{}, saying("the set has no key for the token and was fetched for others of that kind just now: try again in ").
		number(int(b.interval/time.Second)).text(" seconds, or call KeySet.Refresh").fail(ErrUnavailable, "kid")
}

// begin starts a fetch, for which payer pays if it succeeds. It is called under the lock.
func (s *KeySet) begin(ctx context.Context, payer *fetchBudget) {
	number := s.begun.Add(1)
	s.payer = payer
	s.flight = launch(ctx, keyFetchTimeout, func(ctx context.Context) (*keySnapshot, error) { return s.fetch(ctx, number) }, s.land)
}

func unavailable(err error) error {
	return &Error{Kind: ErrUnavailable, Param: "jwks_uri", Detail: "the issuer's keys cannot be had", Err: err}
}

// land publishes what a flight brought. Of one that was given up nothing is taken
// when it ends after all: another has begun.
func (s *KeySet) land(ctx context.Context, snap *keySnapshot, err error, late bool) (*keySnapshot, error) {
	if late {
		return nil, err
	}
	info := KeySetInfo{JWKSURI: s.shown, Err: err}
	if snap != nil {
		info.Keys, info.Skipped = len(snap.keys), len(snap.skipped)
	}
	s.mu.Lock()
	if s.landed(err); err == nil {
		s.charge(s.payer, snap)
		s.replace(snap)
	}
	s.mu.Unlock()
	s.trace.keySetFetched(ctx, info)
	return snap, err
}

func (s *KeySet) fetch(ctx context.Context, number uint64) (*keySnapshot, error) {
	began := thisMoment()
	res, err := s.caller.do(ctx, &httpRequest{
		op: opKeySet, method: http.MethodGet, url: s.uri, param: "jwks_uri",
		accept: "application/jwk-set+json, " + mediaJSON,
	})
	if err != nil {
		return nil, err
	}
	if res.status != http.StatusOK {
		return nil, res.refused(func(place string) string { return place }) // the request had no secret
	}
	snap, err := parseKeySet(res.body)
	if err != nil {
		return nil, withOp(opKeySet, res.notExpected("the answer is not a key set that can be used", err))
	}
	snap.number, snap.fetched = number, began
	if age, ok := cacheMaxAge(res.header); ok {
		snap.softAge = min(keySoftAge, max(age, minKeySoftAge))
	}
	return snap, nil
}

// cacheMaxAge reads the directives of RFC 9111, Section 5.2.2 that shorten how
// long the keys count as new.
func cacheMaxAge(h http.Header) (age time.Duration, ok bool) {
	for _, d := range strings.Split(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(d), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return 0, true
		case "max-age":
			n, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
			if err == nil {
				age, ok = seconds(int64(n)), true
			}
		}
	}
	return age, ok
}

// Refresh fetches the set now, or waits for a fetch that is already running. If the
// set was made by [ParseKeySet], the error matches [ErrConfig]. If the fetch fails,
// it matches [ErrUnavailable]. If ctx ends first, it matches the error of ctx.
func (s *KeySet) Refresh(ctx context.Context) error {
	if s == nil || s.uri == "" {
		return withOp(opKeySet, &Error{Kind: ErrConfig, Detail: "a parsed key set cannot be refreshed"})
	}
	s.mu.Lock()
	if s.flight == nil {
		s.begin(ctx, nil)
	}
	f := s.flight
	s.mu.Unlock()
	err := f.wait(ctx, opKeySet)
	if err == nil && f.err != nil {
		err = unavailable(f.err)
	}
	return withOp(opKeySet, err)
}

// ---- fetches for key ids that are not in the set

// A source is where a token is from. Who can send such tokens decides how often the
// set may be fetched for one whose key is not in it. The zero source is none.
type source uint8

const (
	_           source = iota
	fromServer         // in its answer to a request of ours, over TLS
	fromAnybody        // through a browser, or to an endpoint of ours
)

// budget is that of a source. Each has its own: what strangers send must not cost the
// server's answers their keys. It is nil for the zero source.
func (s *KeySet) budget(from source) *fetchBudget {
	if from == 0 || int(from) > len(s.budgets) {
		return nil
	}
	return &s.budgets[from-1]
}

// charge has a budget pay for the fetch that brought the keys, if none has yet. It is
// called under the lock.
func (s *KeySet) charge(b *fetchBudget, snap *keySnapshot) {
	if b == nil || snap.paid {
		return
	}
	snap.paid = true
	b.pay(snap.fetched.monotonic)
}

// settle is charge for a fetch that was needed anyway and has answered a question
// besides.
func (s *KeySet) settle(snap *keySnapshot, from source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.charge(s.budget(from), snap)
}

// ---- remembered headers

// remembered returns what the keys know of the header, and which keys these are. An entry is
// never without them. Both are nil if the keys are not fresh or remember no header.
func (s *KeySet) remembered(segment string, now time.Time) (*memoEntry, *keySnapshot) {
	snap := s.current.Load()
	if s.freshAt(snap, now) {
		if m := snap.memo.m.Load(); m != nil {
			return (*m)[segment], snap
		}
	}
	return nil, nil
}

// remember is called after the signature of a token with this header verified,
// so that only who has a key of the issuer can write here.
func (s *KeySet) remember(segment string, h *joseHeader, key *publicKey) {
	snap := s.current.Load()
	if snap == nil || len(segment) > maxMemoHeader || !slices.Contains(snap.keys, key) {
		return
	}
	snap.memo.add(segment, h, key)
}

// ---- export and import

// exportedKeySet is what Export writes.
type exportedKeySet struct {
	JWKSURI string            `json:"jwks_uri"`
	Time    int64             `json:"time"`
	MaxAge  int64             `json:"max_age"` // seconds in which the keys count as new
	Keys    []json.RawMessage `json:"keys"`
}

// Export returns the keys in a form that [KeySet.Import] accepts, for programs that
// start often and would otherwise fetch the keys each time. If no keys were fetched
// yet, the error matches [ErrUnavailable].
func (s *KeySet) Export() ([]byte, error) {
	var snap *keySnapshot
	if s != nil {
		snap = s.current.Load()
	}
	if snap == nil || s.uri == "" {
		return nil, withOp(opKeySet, &Error{Kind: ErrUnavailable, Detail: "there are no fetched keys to export"})
	}
	e := exportedKeySet{JWKSURI: s.uri, Time: numericDate(momentAgo(snap.fetched.age()).wall), MaxAge: int64(snap.softAge / time.Second)}
	for _, k := range snap.keys {
		e.Keys = append(e.Keys, k.encode())
	}
	return json.Marshal(e)
}

// Import sets the keys from data that [KeySet.Export] wrote. If it refuses the
// data, it changes nothing, so that a key that the server has removed does not come
// back.
//
// WARNING: Anyone who can write the data can sign tokens as the issuer. Keep it
// where only the program can write.
//
// If the data is for another jwks_uri, the error matches [ErrConfig]. If its time
// is more than 10 minutes in the future, which allows for the clocks of different
// machines, it matches [ErrNotYetValid]. If the keys are so old that they would be
// refreshed, or not newer than the keys of the set, it matches [ErrExpired]. If the
// data cannot be read, it matches [ErrParse].
func (s *KeySet) Import(data []byte) error {
	if s == nil {
		return withOp(opKeySet, &Error{Kind: ErrConfig, Detail: "the KeySet is nil: NewKeySet makes one"})
	}
	o, err := parseObject(string(data), documentForm, ErrParse)
	if err != nil {
		return withOp(opKeySet, err)
	}
	uri, err := o.need("jwks_uri")
	if err != nil {
		return withOp(opKeySet, err)
	}
	if s.uri == "" || uri != s.uri {
		return withOp(opKeySet, &Error{Kind: ErrConfig, Param: "jwks_uri", Detail: "the exported keys are those of another URL"})
	}
	stamp, ok, err := o.date("time")
	if err != nil || !ok {
		return withOp(opKeySet, &Error{Kind: ErrParse, Param: "time", Detail: "is missing or not a number"})
	}
	softAge := keySoftAge
	if maxAge, ok, err := o.seconds("max_age", false); err != nil {
		return withOp(opKeySet, err)
	} else if ok {
		softAge = min(keySoftAge, max(seconds(maxAge), minKeySoftAge))
	}
	now, fetched := thisMoment().wall, momentAt(stamp)
	switch {
	case stamp.After(now.Add(maxAhead)): // less: clocks of machines differ
		return withOp(opKeySet, &Error{Kind: ErrNotYetValid, Param: "time", Detail: "the exported keys are from the future, by the clock of this machine: set it"})
	case fetched.age() >= softAge:
		return withOp(opKeySet, &Error{Kind: ErrExpired, Param: "time", Detail: "the exported keys are older than " + softAge.String() + ": leave them to be fetched"})
	}
	snap, err := parseKeySet(string(data))
	if err != nil {
		return withOp(opKeySet, err)
	}
	snap.fetched, snap.softAge = fetched, softAge
	// The stamp has whole seconds. One that is ahead is of a clock that can be wrong by
	// all that is allowed, and must not make old keys the newer ones.
	least := fetched.age() - time.Second
	if stamp.After(now) {
		least = maxAhead
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.current.Load(); old != nil && old.fetched.age() < least {
		return withOp(opKeySet, &Error{Kind: ErrExpired, Param: "time", Detail: "the exported keys are not newer than those there are, which stay"})
	}
	s.replace(snap)
	return nil
}

// replace makes snap the current keys, under the lock.
func (s *KeySet) replace(snap *keySnapshot) {
	if old := s.current.Load(); old != nil && slices.EqualFunc(old.keys, snap.keys, (*publicKey).equal) {
		snap.id = old.id
	}
	s.current.Store(snap)
}

// twin reports whether two keys of a set are one that stands there twice: of the same
// thumbprint, kid, use and alg, whatever else it says. A key whose key_ops forbid what
// those of the other allow is not the same.
func (k *publicKey) twin(o *publicKey) bool {
	return k.kid == o.kid && k.use == o.use && k.alg.same(o.alg) && k.opsAllow() == o.opsAllow() && samePublicKey(k.key, o.key)
}

// equal reports whether nothing that a token could be verified by differs.
func (k *publicKey) equal(o *publicKey) bool {
	return k.kid == o.kid && k.use == o.use && k.alg == o.alg && k.issuer == o.issuer &&
		(k.ops == nil) == (o.ops == nil) && slices.Equal(k.ops, o.ops) && samePublicKey(k.key, o.key)
}

// samePublicKey reports whether two keys are one, as crypto.PublicKey says of all types.
func samePublicKey(k, o crypto.PublicKey) bool {
	key, ok := k.(interface{ Equal(crypto.PublicKey) bool })
	return ok && key.Equal(o)
}

// encode is the key as a JWK with all that selection looks at.
func (k *publicKey) encode() json.RawMessage {
	b := minimalJWK(k.key)
	b = b[:len(b)-1]
	for _, m := range [...]struct{ name, value string }{{"kid", k.kid}, {"use", k.use}, {"alg", string(k.alg)}, {"issuer", k.issuer}} {
		if m.value != "" {
			b = append(appendJSONString(append(b, ','), m.name), ':')
			b = appendJSONString(b, m.value)
		}
	}
	for i, op := range k.ops {
		start := ","
		if i == 0 {
			start = `,"key_ops":[`
		}
		b = appendJSONString(append(b, start...), op)
	}
	if len(k.ops) > 0 {
		b = append(b, ']')
	} else if k.ops != nil {
		b = append(b, `,"key_ops":[]`...)
	}
	return append(b, '}')
}
