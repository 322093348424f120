package oauth

// This file implements JWK Sets (RFC 7517, Section 5): fetching one, keeping
// it, and selecting the key of a token.

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A KeySet holds the public keys of an issuer. It fetches them when they are
// first needed and again when they are old or a token names a key that is not
// among them, but never more often than that, whoever sends the tokens:
//
//   - after 5 minutes (less if the server's Cache-Control says so, not below 1
//     minute) the next use starts a refresh and does not wait for it;
//   - a key id that is not in the set starts one fetch, at most once in 60
//     seconds; a bad signature starts none;
//   - while refreshes fail, old keys stay in use up to KeySetOptions.MaxAge,
//     and the tries are spaced out;
//   - a refresh that succeeds replaces the set at once and whole: a key that
//     was taken out is gone.
//
// Callers share one fetch, which takes 10 seconds at the most and goes on when
// the caller who started it leaves; values of that caller's context
// (net/http/httptrace) stay with it. A KeySet is safe for concurrent use. One
// KeySet serves all Clients of an issuer. The zero KeySet has no keys.
type KeySet struct {
	uri    string // "": fixed keys
	shown  string // uri without its query, for the trace
	caller *caller
	maxAge time.Duration
	trace  *Trace

	current atomic.Pointer[keySnapshot]

	mu        sync.Mutex
	flight    *flight[*keySnapshot]
	failures  int       // fetches that failed since the last good one
	lastErr   error     // of the last fetch; nil after a good one
	retryAt   time.Time // before it no fetch is started, after failures
	unknownAt time.Time // when a fetch for an unknown key id was last started
}

// KeySetOptions are the options of [NewKeySet].
type KeySetOptions struct {
	// HTTPClient fetches the set; it is copied. Nil: one of the package's own.
	HTTPClient *http.Client

	// MaxAge is how long keys are used while they cannot be fetched anew, from
	// 5 minutes to 24 hours. Zero: 1 hour.
	MaxAge time.Duration

	Trace             *Trace
	InsecureAllowHTTP bool // allow an http URL: loopback and tests
}

// A keySnapshot is one state of the set. It is immutable but for the memo.
type keySnapshot struct {
	keys    []*publicKey
	skipped []skippedKey
	fetched time.Time     // a monotonic reading
	softAge time.Duration // when to look for a newer one
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

// NewKeySet makes a KeySet of the keys at jwksURI. Nothing is fetched yet. The
// errors are of kind [ErrConfig] and [ErrInsecureURL].
func NewKeySet(jwksURI string, opts *KeySetOptions) (*KeySet, error) {
	const op = "key set"
	var o KeySetOptions
	if opts != nil {
		o = *opts
	}
	switch {
	case o.MaxAge == 0:
		o.MaxAge = defaultKeyAge
	case o.MaxAge < keySoftAge || o.MaxAge > maxKeyAge:
		return nil, &Error{Kind: ErrConfig, Op: op, Param: "MaxAge", Detail: o.MaxAge.String() + " is not between " + keySoftAge.String() + " and " + maxKeyAge.String()}
	}
	c := newCaller(withoutClientCertificate(o.HTTPClient), o.InsecureAllowHTTP, o.Trace)
	u, err := c.checkURL("jwks_uri", jwksURI)
	if err != nil {
		return nil, withOp(op, err)
	}
	return &KeySet{uri: jwksURI, shown: withoutQuery(u), caller: c, maxAge: o.MaxAge, trace: o.Trace}, nil
}

// ParseKeySet makes a KeySet of a JWK Set document. Its keys never change.
// Keys that cannot be used are skipped; a set without any other is an error of
// kind [ErrParse].
func ParseKeySet(jwks []byte) (*KeySet, error) {
	snap, err := parseKeySet(jwks)
	if err != nil {
		return nil, withOp("key set", err)
	}
	s := new(KeySet)
	s.current.Store(snap)
	return s, nil
}

// empty reports whether this is the zero KeySet.
func (s *KeySet) empty() bool { return s.uri == "" && s.current.Load() == nil }

// usable returns the keys that there are, if they may still be used, and has newer
// ones fetched where they are old. Nobody waits.
func (s *KeySet) usable(ctx context.Context) *keySnapshot {
	snap := s.current.Load()
	if snap == nil || s.uri == "" {
		return snap
	}
	switch age := elapsed(snap.fetched); {
	case age < snap.softAge:
	case age < s.maxAge:
		s.start(ctx, false)
	default:
		return nil
	}
	return snap
}

func parseKeySet(document []byte) (*keySnapshot, error) {
	if len(document) > maxBody {
		return nil, fail(ErrParse, "", "the key set is longer than %d bytes", maxBody)
	}
	o, err := parseObject(string(document), documentLimits, ErrParse)
	if err != nil {
		return nil, err
	}
	raw, _ := o.get("keys")
	list, err := arrayElements(raw, maxKeys)
	if err != nil {
		return nil, fail(ErrParse, "keys", "is not an array of at most %d keys", maxKeys)
	}
	snap := &keySnapshot{fetched: monotonic(), softAge: keySoftAge, id: new(keysID)}
	for _, raw := range list {
		o, err := parseObject(raw, documentLimits, ErrParse)
		key := new(publicKey)
		if err == nil {
			key, err = parsePublicJWK(o)
		}
		if err != nil {
			snap.skipped = append(snap.skipped, skippedKey{strings.Clone(key.kid), err})
			continue
		}
		key.detach()
		snap.keys = append(snap.keys, key)
	}
	// Keys for encryption alone would leave nothing to verify with.
	if !slices.ContainsFunc(snap.keys, func(k *publicKey) bool { return k.use != "enc" }) {
		e := fail(ErrParse, "keys", "the set has no key that signatures can be verified with")
		if len(snap.skipped) > 0 {
			e.Err = snap.skipped[0].reason
		}
		return nil, e
	}
	return snap, nil
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
func (s *KeySet) find(ctx context.Context, alg *algorithm, h *joseHeader) (*publicKey, error) {
	snap, err := s.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	key, again, err := snap.selectKey(alg, h)
	if !again || s.uri == "" {
		return key, err
	}
	if err := s.fetchUnknown(ctx); err != nil {
		return nil, err
	}
	// Also where nothing was fetched: another caller may have done it meanwhile.
	if next := s.current.Load(); next != snap {
		key, _, err = next.selectKey(alg, h)
	}
	return key, err
}

// selectKey finds the key. With an error, again says whether a newer set may
// know better.
func (snap *keySnapshot) selectKey(alg *algorithm, h *joseHeader) (key *publicKey, again bool, err error) {
	kidKnown := false
	for _, k := range snap.keys {
		if h.hasKid && k.kid != h.kid {
			continue
		}
		kidKnown = true
		if !k.fits(alg) {
			continue
		}
		if key != nil {
			if h.hasKid {
				return nil, false, fail(ErrKeyNotFound, "kid", "several keys of the set have the key id %s", printable(h.kid, 128))
			}
			return nil, false, fail(ErrKeyNotFound, "kid", "the token names no key, and several keys of the set fit %s: a kid is needed", alg.name)
		}
		key = k
	}
	if key != nil {
		return key, false, nil
	}
	for _, k := range snap.skipped {
		if h.hasKid && k.kid == h.kid {
			return nil, false, &Error{Kind: ErrKeyNotFound, Param: "kid", Detail: "the key " + printable(h.kid, 128) + " cannot be used", Err: k.reason}
		}
	}
	switch {
	case !h.hasKid:
		return nil, true, fail(ErrKeyNotFound, "kid", "the token names no key, and no key of the set fits %s", alg.name)
	case kidKnown:
		return nil, false, fail(ErrKeyNotFound, "kid", "the key %s is not for %s (see its kty, crv, use, key_ops, alg)", printable(h.kid, 128), alg.name)
	}
	return nil, true, fail(ErrKeyNotFound, "kid", "no key of the set has the key id %s", printable(h.kid, 128))
}

// encryptionKey returns a key to encrypt to the issuer with: the first that is
// for it. Which of several is of no matter, the kid says it.
func (s *KeySet) encryptionKey(ctx context.Context, x *encryption) (*publicKey, error) {
	snap, err := s.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range snap.keys {
		if k.kty == x.alg.kty && k.use == "enc" && (k.alg == "" || string(k.alg) == x.alg.name) {
			return k, nil
		}
	}
	return nil, fail(ErrKeyNotFound, "jwks_uri", "the server's key set has no %s key with use enc for %s", x.alg.kty, x.alg.name)
}

// ---- fetching

// snapshot returns the current keys, fetched if there are none or they are too
// old to be used.
func (s *KeySet) snapshot(ctx context.Context) (*keySnapshot, error) {
	if s.empty() {
		return nil, fail(ErrConfig, "KeySet", "is empty: NewKeySet and ParseKeySet make one")
	}
	if snap := s.usable(ctx); snap != nil {
		return snap, nil
	}
	if err := s.wait(s.start(ctx, false))(ctx); err != nil {
		return nil, err
	}
	return s.current.Load(), nil
}

// fetchUnknown fetches for a key id that is not in the set, at most once in
// unknownKidInterval. Where that was just done it returns at once, with what
// the last fetch said.
func (s *KeySet) fetchUnknown(ctx context.Context) error {
	now := monotonic()
	s.mu.Lock()
	recent := !s.unknownAt.IsZero() && elapsed(s.unknownAt) < unknownKidInterval
	if recent && s.flight == nil {
		err := s.lastErr
		s.mu.Unlock()
		if err != nil {
			return unavailable(err)
		}
		return nil
	}
	f, err := s.startLocked(ctx, false)
	if err == nil && !recent {
		s.unknownAt = now
	}
	s.mu.Unlock()
	return s.wait(f, err)(ctx)
}

// start joins the fetch that is under way or starts one. After a failure it
// starts none before the back-off is over, unless forced.
func (s *KeySet) start(ctx context.Context, force bool) (*flight[*keySnapshot], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.startLocked(ctx, force)
}

func (s *KeySet) startLocked(ctx context.Context, force bool) (*flight[*keySnapshot], error) {
	if s.flight != nil {
		return s.flight, nil
	}
	if !force && s.failures > 0 && monotonic().Before(s.retryAt) {
		return nil, s.lastErr
	}
	s.flight = launch(ctx, keyFetchTimeout, s.fetch, s.land)
	return s.flight, nil
}

// wait returns a function that waits for the flight, but not longer than its
// context lives.
func (s *KeySet) wait(f *flight[*keySnapshot], err error) func(context.Context) error {
	return func(ctx context.Context) error {
		if err == nil {
			if given := f.wait(ctx, "key set"); given != nil {
				return given
			}
			err = f.err
		}
		if err != nil {
			return unavailable(err)
		}
		return nil
	}
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
	s.flight, s.lastErr = nil, err
	if err == nil {
		s.failures = 0
		s.replace(snap)
	} else {
		s.retryAt = monotonic().Add(min(keyBackoff<<min(s.failures, 10), maxKeyBackoff))
		s.failures++
	}
	s.mu.Unlock()
	s.trace.keySetFetched(ctx, info)
	return snap, err
}

func (s *KeySet) fetch(ctx context.Context) (*keySnapshot, error) {
	res, err := s.caller.do(ctx, &httpRequest{
		op: "key set", method: http.MethodGet, url: s.uri, param: "jwks_uri",
		accept: "application/jwk-set+json, " + mediaJSON,
	})
	if err != nil {
		return nil, err
	}
	if err := res.expect(http.StatusOK); err != nil {
		return nil, err
	}
	if _, err := res.object(); err != nil {
		return nil, err
	}
	snap, err := parseKeySet(res.body)
	if err != nil {
		return nil, &Error{Kind: ErrResponse, Op: "key set", Detail: "the answer is not a key set that can be used", Err: err}
	}
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

// Refresh fetches the set now, or waits for the fetch that is under way.
func (s *KeySet) Refresh(ctx context.Context) error {
	if s.uri == "" {
		return &Error{Kind: ErrConfig, Op: "key set", Detail: "a parsed key set cannot be refreshed"}
	}
	return withOp("key set", s.wait(s.start(ctx, true))(ctx))
}

// ---- remembered headers

// headerMemo maps the header segment of tokens that verified to what parsing
// it gives and the key it selects. Tokens of one issuer share few headers. It
// replaces parsing and lookup; what is allowed is judged for every token.
type headerMemo struct {
	mu sync.Mutex
	m  atomic.Pointer[map[string]memoEntry]
}

type memoEntry struct {
	header *joseHeader
	key    *publicKey
}

// remembered looks the header up in keys that are fresh; nil if it is not there.
func (s *KeySet) remembered(segment string) (*joseHeader, *publicKey) {
	snap := s.current.Load()
	if snap == nil || s.uri != "" && elapsed(snap.fetched) >= snap.softAge {
		return nil, nil
	}
	if m := snap.memo.m.Load(); m != nil {
		e := (*m)[segment]
		return e.header, e.key
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
	memo := &snap.memo
	if m := memo.m.Load(); m != nil {
		if _, known := (*m)[segment]; known || len(*m) >= maxMemo {
			return
		}
	}
	memo.mu.Lock()
	defer memo.mu.Unlock()
	next := make(map[string]memoEntry)
	if m := memo.m.Load(); m != nil {
		for k, v := range *m {
			next[k] = v
		}
	}
	if len(next) >= maxMemo {
		return
	}
	header := *h
	header.typ, header.kid, header.alg = strings.Clone(h.typ), strings.Clone(h.kid), Algorithm(strings.Clone(string(h.alg)))
	next[strings.Clone(segment)] = memoEntry{&header, key}
	memo.m.Store(&next)
}

// ---- export and import

// exportedKeySet is what Export writes.
type exportedKeySet struct {
	JWKSURI string            `json:"jwks_uri"`
	Time    int64             `json:"time"`
	MaxAge  int64             `json:"max_age"` // seconds in which the keys count as new
	Keys    []json.RawMessage `json:"keys"`
}

// Export returns the keys in a form that [KeySet.Import] reads, for a program
// that starts often and would fetch them each time. Before the first fetch it
// is an error of kind [ErrUnavailable].
func (s *KeySet) Export() ([]byte, error) {
	snap := s.current.Load()
	if snap == nil || s.uri == "" {
		return nil, &Error{Kind: ErrUnavailable, Op: "key set", Detail: "there are no fetched keys to export"}
	}
	e := exportedKeySet{JWKSURI: s.uri, Time: numericDate(monotonic().Add(-elapsed(snap.fetched))), MaxAge: int64(snap.softAge / time.Second)}
	for _, k := range snap.keys {
		e.Keys = append(e.Keys, k.encode())
	}
	return json.Marshal(e)
}

// Import sets the keys from what [KeySet.Export] wrote. Data of another
// jwks_uri, from the future, so old that it would be refreshed, or older than
// the keys there are is refused with [ErrConfig], [ErrNotYetValid] or
// [ErrExpired], and changes nothing: a key that the server took out does not
// come back.
//
// Whoever can write what Import reads can sign as the issuer: keep it where
// nobody else writes.
func (s *KeySet) Import(data []byte) error {
	const op = "key set"
	o, err := parseObject(string(data), documentLimits, ErrParse)
	if err != nil {
		return withOp(op, err)
	}
	uri, err := o.need("jwks_uri")
	if err != nil {
		return withOp(op, err)
	}
	if s.uri == "" || uri != s.uri {
		return &Error{Kind: ErrConfig, Op: op, Param: "jwks_uri", Detail: "the exported keys are those of another URL"}
	}
	stamp, ok, err := o.date("time")
	if err != nil || !ok {
		return &Error{Kind: ErrParse, Op: op, Param: "time", Detail: "is missing or not a number"}
	}
	softAge := keySoftAge
	if maxAge, ok, err := o.seconds("max_age", false); err != nil {
		return withOp(op, err)
	} else if ok {
		softAge = min(keySoftAge, max(seconds(maxAge), minKeySoftAge))
	}
	now := monotonic()
	switch {
	case stamp.After(now.Add(maxAhead)): // another machine may have exported them
		return &Error{Kind: ErrNotYetValid, Op: op, Param: "time", Detail: "the exported keys are from the future"}
	case !stamp.After(now.Add(-softAge)):
		return &Error{Kind: ErrExpired, Op: op, Param: "time", Detail: "the exported keys are older than " + softAge.String()}
	}
	snap, err := parseKeySet(data)
	if err != nil {
		return withOp(op, err)
	}
	snap.fetched, snap.softAge = snap.fetched.Add(-max(elapsed(stamp), 0)), softAge
	s.mu.Lock()
	defer s.mu.Unlock()
	// The stamp has whole seconds: of keys fetched in the same one, those here stay.
	if now := s.current.Load(); now != nil && now.fetched.Add(-time.Second).After(snap.fetched) {
		return &Error{Kind: ErrExpired, Op: op, Param: "time", Detail: "the exported keys are older than those there are"}
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

// equal reports whether nothing that a token could be verified by differs.
func (k *publicKey) equal(o *publicKey) bool { return bytes.Equal(k.encode(), o.encode()) }

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
	if k.ops != nil {
		ops, _ := json.Marshal(k.ops) // strings always encode
		b = append(append(b, `,"key_ops":`...), ops...)
	}
	return append(b, '}')
}
