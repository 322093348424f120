package oauth

// A resource server as a state machine, against a twin that keeps nothing but what it has
// seen: it has no caches, parses with encoding/json, shares no code with the package, and
// says all that is wrong with a request instead of the first.

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/oauth/internal/statetest"
)

// A resourceModel is an authorization server, two machines of an API, and their twin.
type resourceModel struct {
	*statetest.Run
	machines [2]*ResourceServer
	keySet   *KeySet
	withKeys bool // nonces are required
	ttl      time.Duration

	mu       sync.Mutex
	signers  []*SigningKey // whose keys the server publishes
	opaque   map[string]map[string]any
	down     bool // introspection
	asked    int
	ahead    time.Duration
	tokens   []string
	requests []*modelRequest
	serial   int

	// What the twin has seen.
	used    map[string]bool           // proofs that were accepted
	nonces  map[string]time.Time      // that were given out, and when
	latest  string                    // of these
	answers [2]map[string]modelAnswer // of introspection, by machine
	asks    int
}

// A modelAnswer is what introspection has said of a token, and when.
type modelAnswer struct {
	at     time.Time
	claims map[string]any
}

type modelRequest struct {
	machine int
	scheme  string
	token   string
	proofs  []string
}

func (q *modelRequest) http() *http.Request {
	r := httptest.NewRequest(http.MethodGet, unitResource+"/orders?page=1", nil)
	r.Header.Set("Authorization", q.scheme+" "+q.token)
	for _, p := range q.proofs {
		r.Header.Add("DPoP", p)
	}
	return r
}

// The keys of the model: two of the server's, one of nobody's, two for proofs.
var modelSigners = sync.OnceValue(func() (list []*SigningKey) {
	for i := range 5 {
		list = append(list, must(NewSigningKey(must(GenerateSigningKey(ES256)).signer, ES256, fmt.Sprintf("key-%d", i))))
	}
	return list
})

func newResourceModel(r *statetest.Run) *resourceModel {
	w := &resourceModel{
		Run: r, withKeys: r.Chance(50), ttl: statetest.Pick(r, 0, 40*time.Second),
		signers: modelSigners()[:2:2], opaque: map[string]map[string]any{},
		used: map[string]bool{}, nonces: map[string]time.Time{},
		answers: [2]map[string]modelAnswer{{}, {}},
	}
	r.Say("nonces %v, introspection is kept for %v", w.withKeys, w.ttl)
	client := &http.Client{Transport: w}
	clock := Clock{Now: w.now}
	s := newUnitServer()
	w.keySet = must(NewKeySet(unitIssuer+"/jwks", &KeySetOptions{HTTPClient: client}))
	replay := newMemoryReplay(clock, minReplaySize)
	for i := range w.machines {
		introspect := s.introspector(r, func(c *Config) { c.HTTPClient, c.Clock = client, clock })
		w.machines[i] = s.resource(r, func(c *ResourceServerConfig) {
			c.Servers[0].KeySet, c.HTTPClient, c.Clock = w.keySet, nil, clock
			c.Introspect, c.IntrospectionTTL, c.VerifiedTokens, c.Replay = introspect, w.ttl, 8, replay
			if w.withKeys {
				c.DPoPNonceKeys = [][]byte{[]byte("0123456789abcdef0123456789abcdef")}
			}
		})
	}
	return w
}

func (w *resourceModel) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.ahead)
}

// RoundTrip is the authorization server.
func (w *resourceModel) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.URL.Path == "/jwks" {
		var list []string
		for _, k := range w.signers {
			list = append(list, string(k.PublicJWK()))
		}
		return httpAnswer(r, 200, `{"keys":[`+strings.Join(list, ",")+`]}`), nil
	}
	w.asked++
	if w.down {
		return nil, errors.New("connection refused")
	}
	b, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(b))
	return httpAnswer(r, 200, string(must(json.Marshal(w.introspection(form.Get("token")))))), nil
}

// introspection is what the server says of a token.
func (w *resourceModel) introspection(token string) map[string]any {
	if claims := w.opaque[token]; claims != nil {
		return claims
	}
	return map[string]any{"active": false}
}

// ---- what is sent

func (w *resourceModel) unix(d time.Duration) int64 { return w.now().Add(d).Unix() }

// newToken makes one, in which something may be wrong.
func (w *resourceModel) newToken() string {
	w.serial++
	subject := fmt.Sprintf("user-%d", w.serial)
	life := statetest.Pick(w.Run, 10*time.Second, time.Minute, time.Hour, time.Hour, time.Hour)
	claims := map[string]any{
		"iss": unitIssuer, "sub": subject, "aud": unitResource, "client_id": unitClient, "jti": subject, "scope": "read",
		"iat": w.unix(0), "exp": w.unix(life),
	}
	if w.Chance(50) {
		claims["cnf"] = map[string]any{"jkt": modelSigners()[3+w.Rand.IntN(2)].Thumbprint()}
	}
	typ, signer := "at+jwt", statetest.Pick(w.Run, w.signers...)
	if w.Chance(30) {
		switch fault := w.Rand.IntN(9); fault {
		case 0:
			claims["iss"] = "https://other.example"
		case 1:
			claims["aud"] = []string{"https://other.example", unitResource + "/x"}
		case 2:
			claims["nbf"] = w.unix(time.Minute)
		case 3:
			claims["exp"] = w.unix(-time.Minute)
		case 4:
			typ = "JWT"
		case 5:
			signer = modelSigners()[2]
		case 6:
			delete(claims, "sub")
		case 7:
			claims["cnf"] = map[string]any{"other": "x"}
		case 8:
			claims["iat"] = w.unix(24 * time.Hour) // not nearer: a token that was accepted once is not refused for it when a clock goes back
		}
	}
	if w.Chance(40) && claims["jti"] != nil {
		token := "opaque-" + subject
		claims["active"] = true
		delete(claims, "jti")
		w.opaque[token] = claims
		return token
	}
	token := must(signer.SignJWT(typ, claims))
	if w.Chance(5) { // another token's signature
		other := must(signer.SignJWT(typ, map[string]any{}))
		token = token[:strings.LastIndex(token, ".")] + other[strings.LastIndex(other, "."):]
	}
	return token
}

// newProof makes a proof for a token, in which something may be wrong.
func (w *resourceModel) newProof(token string) string {
	w.serial++
	sum := sha256.Sum256([]byte(token))
	claims := map[string]any{
		"jti": fmt.Sprintf("proof-%d", w.serial), "htm": "GET", "htu": unitResource + "/orders", "iat": w.unix(0),
		"ath": base64.RawURLEncoding.EncodeToString(sum[:]),
	}
	if w.latest != "" {
		claims["nonce"] = w.latest
	}
	key := modelSigners()[3+w.Rand.IntN(2)]
	if jkt := modelJKT(w.claimsOf(token)); jkt != "" && w.Chance(90) {
		key = modelSigners()[3]
		if jkt != key.Thumbprint() {
			key = modelSigners()[4]
		}
	}
	header := map[string]any{}
	if w.Chance(35) {
		switch fault := w.Rand.IntN(10); fault {
		case 0:
			claims["htm"] = "POST"
		case 1:
			claims["htu"] = unitResource + "/order"
		case 2:
			claims["ath"] = "x"
		case 3:
			claims["iat"] = w.unix(statetest.Pick(w.Run, -62*time.Second, -59*time.Second, 58*time.Second, 62*time.Second, time.Hour))
		case 4:
			claims["nonce"] = statetest.Pick(w.Run, append(slices.Sorted(maps.Keys(w.nonces)), "x")...)
		case 5:
			delete(claims, statetest.Pick(w.Run, "jti", "htm", "htu", "ath", "iat"))
		case 6:
			header["typ"] = "JWT"
		case 7:
			claims["exp"] = w.unix(-31 * time.Second)
		case 8:
			claims["nbf"] = w.unix(32 * time.Second)
		case 9:
			other := signProof(w, key, header, map[string]any{})
			proof := signProof(w, key, header, claims)
			return proof[:strings.LastIndex(proof, ".")] + other[strings.LastIndex(other, "."):]
		}
	}
	return signProof(w, key, header, claims)
}

// newRequest makes one with a new token, or with one that came before.
func (w *resourceModel) newRequest() *modelRequest {
	if len(w.tokens) == 0 || w.Chance(20) {
		w.tokens = append(w.tokens, w.newToken())
	}
	q := &modelRequest{machine: w.Rand.IntN(2), scheme: "Bearer", token: w.tokens[max(0, len(w.tokens)-1-w.Rand.IntN(12))]}
	if bound := modelJKT(w.claimsOf(q.token)) != ""; bound != w.Chance(6) {
		q.scheme, q.proofs = "DPoP", []string{w.newProof(q.token)}
	}
	switch {
	case w.Chance(3):
		q.proofs = append(q.proofs, w.newProof(q.token))
	case w.Chance(3):
		q.proofs = nil
	case w.Chance(3):
		q.scheme = map[string]string{"Bearer": "DPoP", "DPoP": "Bearer"}[q.scheme]
	}
	return q
}

// ---- the twin

// claimsOf are those of a token, of which nothing is judged.
func (w *resourceModel) claimsOf(token string) map[string]any {
	if parts := strings.Split(token, "."); len(parts) == 3 {
		return modelJSON(parts[1])
	}
	return w.opaque[token]
}

func modelJKT(claims map[string]any) string {
	cnf, _ := claims["cnf"].(map[string]any)
	jkt, _ := cnf["jkt"].(string)
	return jkt
}

func modelJSON(segment string) (m map[string]any) {
	b, _ := base64.RawURLEncoding.DecodeString(segment)
	json.Unmarshal(b, &m)
	return m
}

// modelTime is a NumericDate; nil: there is none.
func modelTime(v any) *time.Time {
	n, ok := v.(float64)
	if i, isInt := v.(int64); isInt {
		n, ok = float64(i), true
	}
	if !ok {
		return nil
	}
	t := time.Unix(int64(n), 0)
	return &t
}

// signedBy reports whether a key has made the signature of a compact token.
func modelSigned(raw string, key *ecdsa.PublicKey) bool {
	at := strings.LastIndex(raw, ".")
	sig, _ := base64.RawURLEncoding.DecodeString(raw[at+1:])
	sum := sha256.Sum256([]byte(raw[:at]))
	return len(sig) == 64 && ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]))
}

// judge says all that is wrong with a request; nothing: it is to be accepted.
func (w *resourceModel) judge(q *modelRequest) (wrong []error) {
	say := func(is bool, kinds ...error) {
		if is {
			wrong = append(wrong, kinds...)
		}
	}
	var claims map[string]any
	if parts := strings.Split(q.token, "."); len(parts) == 3 {
		header := modelJSON(parts[0])
		claims = modelJSON(parts[1])
		key := slices.IndexFunc(w.signers, func(k *SigningKey) bool { return k.KeyID() == header["kid"] })
		say(key < 0, ErrKeyNotFound, ErrUnavailable) // the latter if it may not be looked for now
		say(key >= 0 && !modelSigned(q.token, w.signers[max(key, 0)].signer.Public().(*ecdsa.PublicKey)), ErrSignature)
		say(header["typ"] != "at+jwt", ErrType)
		for _, name := range []string{"iss", "sub", "aud", "client_id", "jti", "iat", "exp"} {
			say(claims[name] == nil, ErrClaim)
		}
	} else {
		var fault error
		claims, fault = w.twinAsks(q)
		if fault != nil {
			return []error{fault}
		}
	}
	now := w.now()
	say(claims["iss"] != unitIssuer, ErrIssuer)
	say(claims["aud"] != unitResource, ErrAudience)
	wrong = append(wrong, modelPeriod(claims, now)...)
	if iat := modelTime(claims["iat"]); iat != nil {
		say(iat.After(now.Add(10*time.Minute)), ErrNotYetValid)
	}
	jkt := modelJKT(claims)
	say(claims["cnf"] != nil && jkt == "", ErrBinding)
	say((jkt != "") != (q.scheme == "DPoP") || jkt == "" && len(q.proofs) > 0, ErrBinding)
	if jkt != "" && q.scheme == "DPoP" {
		wrong = append(wrong, w.judgeProofs(q, jkt, now)...)
	}
	return wrong
}

// modelPeriod judges exp and nbf.
func modelPeriod(claims map[string]any, now time.Time) (wrong []error) {
	if exp := modelTime(claims["exp"]); exp != nil && !exp.Add(30*time.Second).After(now) {
		wrong = append(wrong, ErrExpired)
	}
	if nbf := modelTime(claims["nbf"]); nbf != nil && nbf.Add(-30*time.Second).After(now) {
		wrong = append(wrong, ErrNotYetValid)
	}
	return wrong
}

// twinAsks is what introspection says, or has said for as long as that counts.
func (w *resourceModel) twinAsks(q *modelRequest) (map[string]any, error) {
	before, ok := w.answers[q.machine][q.token]
	life := w.ttl
	if before.claims["active"] == false {
		life = time.Second
	}
	if !ok || time.Since(before.at) >= life {
		if w.asks++; w.down {
			return nil, ErrUnavailable
		}
		before = modelAnswer{time.Now(), w.introspection(q.token)}
	}
	if before.claims["active"] == false {
		w.answers[q.machine][q.token] = before
		return nil, ErrInactive
	}
	now := w.now()
	iat := modelTime(before.claims["iat"])
	cnf := before.claims["cnf"]
	if before.claims["iss"] == unitIssuer && before.claims["aud"] == unitResource && len(modelPeriod(before.claims, now)) == 0 &&
		!iat.After(now.Add(10*time.Minute)) && (cnf == nil || modelJKT(before.claims) != "") {
		w.answers[q.machine][q.token] = before // what is refused for itself is asked about again
	}
	return before.claims, nil
}

// judgeProofs is RFC 9449, Section 4.3.
func (w *resourceModel) judgeProofs(q *modelRequest, jkt string, now time.Time) (wrong []error) {
	say := func(is bool, kind error) {
		if is {
			wrong = append(wrong, kind)
		}
	}
	switch len(q.proofs) {
	case 0:
		return []error{ErrClaim}
	case 2:
		return []error{ErrParse}
	}
	parts := strings.Split(q.proofs[0], ".")
	header, claims := modelJSON(parts[0]), modelJSON(parts[1])
	say(header["typ"] != "dpop+jwt", ErrType)
	jwk, _ := header["jwk"].(map[string]any)
	x, _ := base64.RawURLEncoding.DecodeString(jwk["x"].(string))
	var key *ecdsa.PublicKey
	for _, k := range modelSigners() {
		if public := k.signer.Public().(*ecdsa.PublicKey); must(public.Bytes())[1] == x[0] && string(must(public.Bytes())[1:33]) == string(x) {
			key = public
			say(k.Thumbprint() != jkt, ErrBinding)
		}
	}
	say(!modelSigned(q.proofs[0], key), ErrSignature)
	sum := sha256.Sum256([]byte(q.token))
	for name, want := range map[string]any{"htm": "GET", "htu": unitResource + "/orders", "ath": base64.RawURLEncoding.EncodeToString(sum[:])} {
		say(claims[name] != want, ErrClaim)
	}
	say(claims["jti"] == nil, ErrClaim)
	wrong = append(wrong, modelPeriod(claims, now)...)
	iat := modelTime(claims["iat"])
	say(iat == nil, ErrClaim)
	if w.withKeys {
		given, ok := w.nonces[fmt.Sprint(claims["nonce"])]
		slots := now.Unix()/60 - given.Unix()/60
		say(!ok || slots < -1 || slots > 1, ErrNonce)
	} else if iat != nil {
		say(iat.Before(now.Add(-time.Minute)), ErrExpired)
		say(iat.After(now.Add(time.Minute)), ErrNotYetValid)
	}
	say(w.used[modelProofID(q, jkt)], ErrReplay)
	return wrong
}

// modelProofID is the proof of a request, which is used once.
func modelProofID(q *modelRequest, jkt string) string {
	return jkt + " " + fmt.Sprint(modelJSON(strings.Split(q.proofs[0], ".")[1])["jti"])
}

// ---- both

// send shows a request to a machine, and holds the answer against the twin's.
func (w *resourceModel) send(q *modelRequest) {
	wrong := w.judge(q)
	t, err := w.machines[q.machine].Authenticate(q.http())
	w.compare(q, wrong, t, err)
	if w.asked != w.asks {
		w.Errorf("the server was asked %d times, and not %d times", w.asked, w.asks)
	}
}

func (w *resourceModel) compare(q *modelRequest, wrong []error, t *AccessToken, err error) {
	claims := w.claimsOf(q.token)
	w.Say("%v to machine %d: %v", claims["sub"], q.machine, err)
	switch {
	case len(wrong) == 0:
		if err != nil {
			w.Errorf("refused, and nothing is wrong: %v", err)
			return
		}
		w.Count("accepted")
		if subject, _ := claims["sub"].(string); t.Subject() != subject || !t.HasScope("read") {
			w.Errorf("the token of %q is accepted as that of %q", subject, t.Subject())
		}
		if q.scheme == "DPoP" {
			w.Count("accepted with a proof")
			w.used[modelProofID(q, modelJKT(claims))] = true
		}
	case err == nil:
		w.Errorf("accepted, and this is wrong: %v", wrong)
	case !slices.ContainsFunc(wrong, func(kind error) bool { return errors.Is(err, kind) }):
		w.Errorf("refused with %v, and not for one of these: %v", err, wrong)
	default:
		w.answer(q, err)
	}
}

// answer is that to a request that was refused.
func (w *resourceModel) answer(q *modelRequest, err error) {
	for _, kind := range []error{ErrSignature, ErrKeyNotFound, ErrType, ErrIssuer, ErrAudience, ErrExpired, ErrNotYetValid, ErrClaim, ErrBinding,
		ErrNonce, ErrReplay, ErrInactive, ErrUnavailable, ErrParse} {
		if errors.Is(err, kind) {
			w.Count("refused: " + fmt.Sprint(kind))
		}
	}
	rec := httptest.NewRecorder()
	w.machines[q.machine].WriteError(rec, err)
	want := 401
	switch {
	case errors.Is(err, ErrUnavailable):
		want = 503
	case errors.Is(err, ErrMalformed):
		want = 400
	}
	if rec.Code != want {
		w.Errorf("%v is answered with %d, and not %d", err, rec.Code, want)
	}
	nonce := rec.Header().Get("DPoP-Nonce")
	if (nonce != "") != errors.Is(err, ErrNonce) {
		w.Errorf("%v comes with the nonce %q", err, nonce)
	}
	if nonce != "" {
		w.nonces[nonce], w.latest = w.now(), nonce
	}
}

// twice sends one request to both machines at the same moment.
func (w *resourceModel) twice(q *modelRequest) {
	good, want := 0, 0
	var verdicts [2][]error
	for i := range verdicts { // before they begin: what they ask of the server changes what it says
		one := *q
		one.machine = i
		if verdicts[i] = w.judge(&one); len(verdicts[i]) == 0 {
			want++
		}
	}
	var errs [2]error
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, errs[i] = w.machines[i].Authenticate(q.http()) })
	}
	wg.Wait()
	w.asks = w.asked
	w.answers = [2]map[string]modelAnswer{{}, {}}
	time.Sleep(w.ttl + time.Second) // what they remember may differ now
	for _, err := range errs {
		if err == nil {
			good++
		}
	}
	if q.scheme == "DPoP" && want > 0 {
		want = 1
		w.Count("proof of two requests at once")
		w.used[modelProofID(q, modelJKT(w.claimsOf(q.token)))] = true
	}
	if good != want {
		w.Errorf("%d of two are accepted, and not %d: %v, and this is wrong: %v", good, want, errs, verdicts)
	}
}

func resourceSteps() []statetest.Step[*resourceModel] {
	type step = statetest.Step[*resourceModel]
	return []step{
		{Name: "request", Weight: 20, Do: func(r *statetest.Run, w *resourceModel) {
			q := w.newRequest()
			w.requests = append(w.requests, q)
			w.send(q)
		}},
		{Name: "request again", Weight: 5, Do: func(r *statetest.Run, w *resourceModel) {
			if n := len(w.requests); n > 0 {
				q := *w.requests[max(0, n-1-r.Rand.IntN(10))]
				q.machine = r.Rand.IntN(2)
				w.send(&q)
			}
		}},
		{Name: "request twice", Weight: 2, Do: func(r *statetest.Run, w *resourceModel) {
			q := w.newRequest()
			w.requests = append(w.requests, q)
			w.twice(q)
		}},
		{Name: "time", Weight: 5, Do: func(r *statetest.Run, w *resourceModel) {
			d := statetest.Pick(r, 300*time.Millisecond, time.Second, time.Second, 20*time.Second, 59*time.Second, 90*time.Second, 6*time.Minute)
			r.Say("%v", d)
			time.Sleep(d)
		}},
		{Name: "clock", Do: func(r *statetest.Run, w *resourceModel) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.ahead = statetest.Pick(r, 0, 20*time.Second, -20*time.Second)
		}},
		{Name: "revocation", Do: func(r *statetest.Run, w *resourceModel) {
			if all := slices.Sorted(maps.Keys(w.opaque)); len(all) > 0 {
				token := statetest.Pick(r, all...)
				r.Say("%s", token)
				w.opaque[token] = map[string]any{"active": false, "sub": w.opaque[token]["sub"], "cnf": w.opaque[token]["cnf"]}
			}
		}},
		{Name: "rotation", Do: func(r *statetest.Run, w *resourceModel) {
			synctest.Wait() // a fetch that is under way may have the old keys, and Refresh waits for it
			w.mu.Lock()
			w.signers = statetest.Pick(r, modelSigners()[:1:1], modelSigners()[:2:2], modelSigners()[:2:2], modelSigners()[1:2:2])
			w.mu.Unlock()
			if err := w.keySet.Refresh(context.Background()); err != nil {
				r.Fatal(err)
			}
		}},
		{Name: "introspection fails, or does not", Do: func(r *statetest.Run, w *resourceModel) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.down = r.Chance(20)
		}},
	}
}

// TestResourceModel: with all its caches, a resource server decides as one that has none.
func TestResourceModel(t *testing.T) {
	modelSigners()
	unitKey()
	(&statetest.Machine[*resourceModel]{
		New: newResourceModel, Steps: resourceSteps(),
		Sequences: 150, Length: 80, Bubble: true,
		Events: map[string]int{
			"accepted": 1500, "accepted with a proof": 500, "proof of two requests at once": 40, "refused: oauth: replay": 60, "refused: oauth: nonce": 60,
			"refused: oauth: binding": 200, "refused: oauth: signature": 50, "refused: oauth: key not found": 100, "refused: oauth: inactive": 200,
			"refused: oauth: unavailable": 100, "refused: oauth: expired": 200, "refused: oauth: not yet valid": 50, "refused: oauth: claim": 100,
		},
	}).Test(t)
}
