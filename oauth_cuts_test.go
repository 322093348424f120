package oauth

// Every place at which a thing that the package reads can be cut: bits, ends, segments and
// members of all kinds of tokens and answers, with the engine that changes them. The kinds
// are in oauth_cuts_tokens_test.go, oauth_cuts_answers_test.go and oauth_cuts_forms_test.go.

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// cutFloor is the least number of changed texts of each kind with OAUTH_CUTS=all; without
// it there are a twentieth, which are drawn by a hash, and a fifth of these with -short.
const cutFloor = 20_000

// A cutKind is a kind of thing that others send and the package reads.
type cutKind struct {
	name  string
	reads []string // the functions that read it
	why   string   // why a changed one that is accepted means the same, or no other thing than it says
	make  func(t testing.TB, r *rand.Rand) *cutBase

	allocs uint64 // bytes that reading one may take, beside 64 for each of its own; 0: cutAllocs
	asks   int    // requests that all readings of changes of one good text may make; 0: each as many as the good one
}

// cutAllocs is enough for what any of the kinds needs: a second copy of everything, the
// error with what it says, and net/http's own.
const cutAllocs = 64 << 10

// A cutBase is a good one of its kind.
type cutBase struct {
	text      string
	donor     string // another good one, of which segments are taken
	separator string // of the segments; "": it has none
	read      func(text string) cutResult

	// changes has further ones: of members, signed again where the test has the key.
	changes func(yield func(cutChange))

	// kinds are those of the errors; of the text from the place i on, for a token whose
	// segments say different things.
	kinds func(i int) []error

	// judge says what is wrong with a changed text that was accepted; nil: any is wrong.
	judge func(c cutChange, says map[string]string) string
}

// A cutChange is a changed text.
type cutChange struct {
	what   string
	text   string
	build  func() string // makes the text, where that takes a signature
	at     int           // the first byte that differs; -1: it was made anew
	object string        // the JSON object that was changed, where it is not the text itself
	member string        // that was changed
	must   bool          // it is refused, with an error that names the member
	may    bool          // nothing depends on it: it is accepted
}

// A cutResult is what became of a text.
type cutResult struct {
	says     map[string]string // nil: there is no result
	both     bool              // a result came with an error, or neither
	err      error
	requests int
}

// ---- the engine

// cutBytes are the changes of a text: every bit, every end, every byte left out and twice,
// every segment elsewhere, empty, twice and another's.
func cutBytes(base *cutBase, yield func(cutChange)) {
	s := base.text
	at := func(i int, text, what string, args ...any) {
		yield(cutChange{what: fmt.Sprintf(what, args...), text: text, at: i})
	}
	for i := range len(s) {
		for bit := range 8 {
			b := []byte(s)
			b[i] ^= 1 << bit
			at(i, string(b), "bit %d of byte %d flipped", bit, i)
		}
		at(i, s[:i], "cut to %d bytes", i)
		at(0, s[i+1:], "without its first %d bytes", i+1)
		at(i, s[:i]+s[i+1:], "without byte %d", i)
		at(i, s[:i]+s[i:i+1]+s[i:], "byte %d twice", i)
	}
	if base.separator == "" {
		return
	}
	parts, others := strings.Split(s, base.separator), strings.Split(base.donor, base.separator)
	join := func(parts []string, what string, args ...any) {
		text := strings.Join(parts, base.separator)
		at(commonPrefix(text, s), text, what, args...)
	}
	for i := range parts {
		for j := range parts {
			swapped := slices.Clone(parts)
			swapped[i], swapped[j] = parts[j], parts[i]
			join(swapped, "segments %d and %d swapped", i, j)
			swapped = slices.Clone(parts)
			swapped[i] = parts[j]
			join(swapped, "segment %d is segment %d", i, j)
			join(slices.Insert(slices.Clone(parts), i, parts[j]), "segment %d in front of segment %d", j, i)
		}
		empty := slices.Clone(parts)
		empty[i] = ""
		join(empty, "segment %d empty", i)
		join(slices.Delete(slices.Clone(parts), i, i+1), "without segment %d", i)
		for j, other := range others {
			mixed := slices.Clone(parts)
			mixed[i] = other
			join(mixed, "segment %d is another's segment %d", i, j)
		}
	}
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// TestCuts tries every change of every kind, and prints how many.
func TestCuts(t *testing.T) {
	floor, all := cutFloor/20, os.Getenv("OAUTH_CUTS") == "all"
	switch {
	case all:
		floor = cutFloor
	case testing.Short():
		floor /= 5
	}
	total := 0
	for _, kind := range cutKinds() {
		t.Run(kind.name, func(t *testing.T) {
			var c cutCount
			for seed := uint64(0); c.cases < floor; seed++ {
				if seed == 2000 {
					t.Fatalf("%d cases after %d good ones", c.cases, seed)
				}
				c.run(t, &kind, seed, all)
				if t.Failed() {
					return
				}
			}
			t.Logf("%d cases of %d good ones, %d accepted, %d requests, at most %d bytes allocated", c.cases, c.bases, c.accepted, c.asks, c.most)
			total += c.cases
		})
	}
	t.Logf("%d cases in all", total)
}

// A cutCount is what was tried of a kind.
type cutCount struct {
	bases, cases, accepted, asks int
	most                         uint64
}

// run tries all changes of one good text.
func (c *cutCount) run(t *testing.T, kind *cutKind, seed uint64, all bool) {
	base := kind.make(t, rand.New(rand.NewPCG(seed, 24)))
	good := base.read(base.text)
	if good.err != nil || good.both || good.says == nil {
		t.Fatalf("seed %d: %q is not accepted: %v", seed, base.text, good.err)
	}
	c.bases++
	before := c.asks
	seen := map[string]bool{base.text: true}
	try := func(change cutChange) {
		key := change.text
		if change.build != nil {
			key = change.what + "\x00" + change.object
		}
		if t.Failed() || seen[key] || !all && cutHash(key)%20 != 0 {
			return
		}
		seen[key] = true
		if change.build != nil {
			change.text = change.build()
		}
		c.cases++
		bytes := allocated()
		got := base.read(change.text)
		bytes = allocated() - bytes
		c.asks += got.requests
		limit := kind.allocs
		if limit == 0 {
			limit = cutAllocs
		}
		fault := got.fault(base, change)
		limit += 64 * uint64(len(change.text))
		// What the runtime counts now may have been allocated before.
		if bytes > limit || c.cases%97 == 0 {
			bytes = allocatedBy(func() { base.read(change.text) })
			c.most = max(c.most, bytes)
		}
		switch {
		case bytes > limit:
			fault = fmt.Sprintf("%d bytes are allocated", bytes)
		case got.requests > good.requests && kind.asks == 0:
			fault = fmt.Sprintf("%d requests are made", got.requests)
		}
		if fault != "" {
			t.Errorf("seed %d, %s: %s\nof   %q\nmade %q\n%s", seed, change.what, fault, base.text, change.text, change.object)
		}
		if got.err == nil {
			c.accepted++
		}
	}
	cutBytes(base, try)
	if base.changes != nil {
		base.changes(try)
	}
	if made := c.asks - before; kind.asks > 0 && made > kind.asks {
		t.Errorf("seed %d: %d requests, %d are enough", seed, made, kind.asks)
	}
}

// fault is what is wrong with a result.
func (got cutResult) fault(base *cutBase, change cutChange) string {
	switch {
	case got.both || (got.says == nil) == (got.err == nil):
		return fmt.Sprintf("result %v, and the error %v", got.says, got.err)
	case got.err == nil && change.must:
		return fmt.Sprintf("it is accepted: %v", got.says)
	case got.err == nil && base.judge == nil:
		return fmt.Sprintf("it is accepted: %v", got.says)
	case got.err == nil:
		return base.judge(change, got.says)
	case change.may:
		return fmt.Sprintf("nothing depends on it, and it is refused: %v", got.err)
	}
	if !slices.ContainsFunc(base.kinds(change.at), func(kind error) bool { return errors.Is(got.err, kind) }) {
		return fmt.Sprintf("the error is of another kind: %v", got.err)
	}
	var e *Error
	if change.must && (!errors.As(got.err, &e) || e.Param != change.member && !strings.HasPrefix(e.Param, change.member+".")) {
		return fmt.Sprintf("the error does not name %s: %v", change.member, got.err)
	}
	return ""
}

func cutHash(s string) uint64 {
	h := fnv.New64a()
	io.WriteString(h, s)
	return h.Sum64()
}

// allocatedBy counts exactly, and stops the world for it.
func allocatedBy(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// allocated are the bytes that this process has allocated, as far as the runtime has
// counted them: what stands in spans that are not full comes later.
func allocated() uint64 {
	metrics.Read(allocatedSample)
	return allocatedSample[0].Value.Uint64()
}

var allocatedSample = []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}

// ofKinds are errors that do not depend on the place.
func ofKinds(kinds ...error) func(int) []error { return func(int) []error { return kinds } }

// ---- members

// A cutField is a member of an object that the package reads.
type cutField struct {
	member  string
	need    bool   // without it nothing is accepted
	informs bool   // nothing depends on it
	absent  string // what a result says where there is none
	render  func(raw json.RawMessage) string
	hidden  bool                   // no result says it
	good    func(said string) bool // what it must be; nil: anything
}

// A cutMember is a member as it stands in an object.
type cutMember struct {
	name string
	raw  json.RawMessage
}

// cutMembers is a second reader of an object: encoding/json's tokens, with exact names.
func cutMembers(text string) ([]cutMember, error) {
	text = strings.TrimPrefix(text, "\ufeff")
	if !utf8.ValidString(text) {
		return nil, errors.New("not UTF-8")
	}
	d := json.NewDecoder(strings.NewReader(text))
	if begin, err := d.Token(); err != nil || begin != json.Delim('{') {
		return nil, errors.New("not an object")
	}
	var list []cutMember
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, err
		}
		list = append(list, cutMember{name.(string), raw})
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("data after the object")
	}
	return list, nil
}

// cutObject is cutMembers by name; a name twice with two values is an error.
func cutObject(text string) (map[string]json.RawMessage, error) {
	list, err := cutMembers(text)
	if err != nil {
		return nil, err
	}
	members := map[string]json.RawMessage{}
	for _, m := range list {
		if before, twice := members[m.name]; twice && !cutSameScalar(before, m.raw) {
			return nil, fmt.Errorf("%q is there twice: %s and %s", m.name, before, m.raw)
		}
		members[m.name] = m.raw
	}
	return members, nil
}

// cutSameScalar reports whether two values are the same string, number or boolean.
func cutSameScalar(a, b json.RawMessage) bool {
	var x, y any
	if decodeAny(string(a), &x) != nil || decodeAny(string(b), &y) != nil {
		return false
	}
	switch x.(type) {
	case string, json.Number, bool:
		return x == y
	}
	return false
}

// judgeFields wants a result to say of each field what a second reader reads.
func judgeFields(object string, fields []cutField, says map[string]string) string {
	members, err := cutObject(object)
	if err != nil {
		return "a second reader refuses it: " + err.Error()
	}
	for _, f := range fields {
		want, raw := f.absent, members[f.member]
		if raw != nil && string(raw) != "null" {
			if s := f.render(raw); s != "" {
				want = s
			}
		}
		switch {
		case f.need && want == f.absent:
			return "it is accepted without " + f.member
		case !f.hidden && says[f.member] != want:
			return fmt.Sprintf("%s is %q, a second reader has %q", f.member, says[f.member], want)
		case f.good != nil && !f.good(want):
			return fmt.Sprintf("it is accepted with %s %q", f.member, want)
		}
	}
	return ""
}

// cutFields changes each member of an object, and those that are in it.
func cutFields(object string, fields []cutField, yield func(cutChange)) {
	list, err := cutMembers(object)
	if err != nil {
		panic(err)
	}
	for i, m := range list {
		var f cutField
		if at := slices.IndexFunc(fields, func(f cutField) bool { return f.member == m.name }); at >= 0 {
			f = fields[at]
		}
		put := func(what string, must, may bool, with ...cutMember) {
			changed := slices.Concat(list[:i], with, list[i+1:])
			yield(cutChange{
				what: m.name + " " + what, at: -1, object: joinMembers(changed), member: m.name,
				must: must && f.need, may: may && f.informs,
			})
		}
		put("removed", true, true)
		for _, value := range cutValues(m.raw) {
			other := cutType(value) != cutType(m.raw)
			null := string(value) == "null"
			// Of another type it is as good as none; of the same, it is another value.
			deep := strings.HasPrefix(string(value), "[[[")
			put("is "+short(string(value)), null, (other || null) && !deep, cutMember{m.name, value})
			put("twice, then "+short(string(value)), false, false, m, cutMember{m.name, value})
			put("twice, first "+short(string(value)), false, false, cutMember{m.name, value}, m)
		}
		put("twice", false, false, m, m)
		for _, name := range cutNames(m.name) {
			put("named "+strconv.QuoteToASCII(name), true, true, cutMember{name, m.raw})
			put("also named "+strconv.QuoteToASCII(name), false, false, m, cutMember{name, json.RawMessage(`"x"`)})
			put("after "+strconv.QuoteToASCII(name), false, false, cutMember{name, json.RawMessage(`"x"`)}, m)
		}
		if sub, err := cutMembers(string(m.raw)); err == nil && len(sub) > 0 {
			cutFields(string(m.raw), nil, func(c cutChange) {
				put(c.what, false, false, cutMember{m.name, json.RawMessage(c.object)})
			})
		}
		for j := range i {
			swapped := slices.Clone(list)
			swapped[i], swapped[j] = list[j], list[i]
			yield(cutChange{what: m.name + " and " + list[j].name + " swapped", at: -1, object: joinMembers(swapped)})
			crossed := slices.Clone(list)
			crossed[i].raw, crossed[j].raw = list[j].raw, list[i].raw
			yield(cutChange{what: "values of " + m.name + " and " + list[j].name + " swapped", at: -1, object: joinMembers(crossed)})
		}
	}
	for _, text := range []string{"", " ", "null", "[]", "{}", `""`, "0", object + object, object + ",", object + " ", "\n" + object, "[" + object + "]", object[:len(object)-1] + ",}"} {
		yield(cutChange{what: "in its place " + short(text), at: -1, object: text})
	}
}

func short(s string) string { return s[:min(len(s), 40)] }

func joinMembers(list []cutMember) string {
	var b strings.Builder
	for i, m := range list {
		b.WriteString(map[bool]string{true: "{", false: ","}[i == 0])
		name, _ := json.Marshal(m.name)
		b.Write(name)
		b.WriteByte(':')
		b.Write(m.raw)
	}
	if len(list) == 0 {
		b.WriteByte('{')
	}
	return b.String() + "}"
}

// cutValues are others for a member: of each type, and with the value inside.
func cutValues(raw json.RawMessage) []json.RawMessage {
	texts := []string{
		"null", "true", "false", "0", "1", "-1", "1.5", "1e400", "1700000000", `""`, `"x"`, `" "`, `"\u0000"`, `"\ud800"`, `"null"`,
		"[]", "{}", `[null]`, `[""]`, `["x","x"]`, `{"x":1}`, "[" + string(raw) + "]", "[" + string(raw) + `,"x"]`, `{"x":` + string(raw) + "}",
		strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1),
	}
	if raw[0] == '"' {
		inner := string(raw[1 : len(raw)-1])
		texts = append(texts, `" `+inner+`"`, `"`+inner+` "`, `"`+inner+`\u0000"`, `"`+strings.ToUpper(inner)+`"`, `"`+inner+inner+`"`, `"`+inner+`\n"`)
	} else {
		quoted, _ := json.Marshal(string(raw))
		texts = append(texts, string(quoted))
	}
	var list []json.RawMessage
	for _, s := range texts {
		list = append(list, json.RawMessage(s))
	}
	return list
}

func cutType(raw json.RawMessage) byte {
	switch c := raw[0]; {
	case c == '-' || '0' <= c && c <= '9':
		return '0'
	case c == 't' || c == 'f':
		return 't'
	default:
		return c
	}
}

// cutNames are names that a careless reader takes for another.
func cutNames(name string) []string {
	names := []string{strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:], name + " ", " " + name, name + "\x00", strings.ReplaceAll(name, "_", "-"), strings.ReplaceAll(name, "_", "")}
	for plain, folded := range map[string]string{"k": "\u212a", "s": "\u017f"} { // which encoding/json takes for k and s
		names = append(names, strings.Replace(name, plain, folded, 1))
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(s string) bool { return s == name })
}

// ---- how a second reader renders values

// cutString is a string; "" where it is none, or half of a surrogate pair is in it, which
// encoding/json replaces.
func cutString(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	if strings.Contains(s, "\ufffd") && !strings.Contains(string(raw), "\ufffd") {
		return ""
	}
	return s
}

// cutDate is a NumericDate in whole seconds.
func cutDate(raw json.RawMessage) string {
	n, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || math.Abs(n) > maxNumericDate {
		return ""
	}
	return strconv.FormatInt(int64(math.Floor(n)), 10)
}

// cutSeconds is a number of seconds, at most those of maxLifetime, as a number or as digits.
func cutSeconds(raw json.RawMessage) string { return cutNumber(raw, 1<<31) }

// cutNumber is a number that is not negative, at most limit, as a number or as digits.
func cutNumber(raw json.RawMessage, limit float64) string {
	text := string(raw)
	if raw[0] == '"' {
		if text = cutString(raw); text == "" || strings.Trim(text, "0123456789") != "" {
			return ""
		}
	}
	n, err := strconv.ParseFloat(text, 64)
	if errors.Is(err, strconv.ErrRange) && n > 0 {
		err, n = nil, limit
	}
	if err != nil || n < 0 || strings.HasPrefix(text, "-") && n != 0 {
		return ""
	}
	return strconv.FormatInt(int64(min(n, limit)), 10)
}

// cutList is a list of strings, or one.
func cutList(raw json.RawMessage) string {
	if raw[0] == '"' {
		raw = slices.Concat(json.RawMessage("["), raw, json.RawMessage("]"))
	}
	var parts []json.RawMessage
	if json.Unmarshal(raw, &parts) != nil || raw[0] != '[' {
		return ""
	}
	var list []string
	for _, p := range parts {
		if p[0] != '"' {
			return ""
		}
		text := cutString(p)
		if text == "" && len(p) > 2 {
			return "" // half of a surrogate pair is in it
		}
		list = append(list, text)
	}
	return cutQuoted(list)
}

func cutQuoted(list []string) string { return fmt.Sprintf("%q", list) }

// cutScope is scopes as a string or an array.
func cutScope(raw json.RawMessage) string {
	if raw[0] == '"' {
		return strings.Join(strings.FieldsFunc(cutString(raw), func(r rune) bool { return r == ' ' }), " ")
	}
	var list []string
	if json.Unmarshal(raw, &list) != nil || cutList(raw) == "" {
		return ""
	}
	return strings.Join(slices.DeleteFunc(list, func(s string) bool { return s == "" || strings.Contains(s, " ") }), " ")
}

// cutSame is a document without what says nothing, for a comparison of meanings.
func cutSame(v any) any {
	switch v := v.(type) {
	case json.Number:
		if f, err := v.Float64(); err == nil {
			return f
		}
		return "number " + v.String()
	case []any:
		for i, e := range v {
			v[i] = cutSame(e)
		}
	case map[string]any:
		for name, e := range v {
			v[name] = cutSame(e)
		}
		maps.DeleteFunc(v, func(_ string, e any) bool {
			n, isNumber := e.(float64)
			return e == nil || e == "" || e == false || isNumber && n == 0
		})
	}
	return v
}

// cutWord is a text of the length n.
func cutWord(r *rand.Rand, n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[r.IntN(len(letters))]
	}
	return string(b)
}
