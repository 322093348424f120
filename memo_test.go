package oauth

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"
)

// TestMemo: what was used last stays, and there is never more than there is room for.
func TestMemo(t *testing.T) {
	for _, tt := range []struct {
		size int
		do   string // + adds, ? looks
		want string // what is there then
	}{
		{0, "+a", "a"},
		{0, "+a+b", "b"},
		{1, "+a+b", "b"},
		{2, "+a+b", "ab"},
		{2, "+a+b+c", "bc"},
		{2, "+a+b?a+c", "ac"},
		{4, "+a+b+c+d", "abcd"},
		{4, "+a+b+c+d+e", "cde"},
		{4, "+a+b+c?a+d+e", "acde"}, // a moves beside c
		{4, "+a+b+c+b+b+b", "abc"},
		{4, "+a+b+c+d+c+d", "abcd"},
		{4, "+a+b+c?x?a?a", "abc"},
		{5, "+a+b+c+d+e", "cde"}, // room for one less
	} {
		m := newMemo[string](tt.size)
		for i := 0; i < len(tt.do); i += 2 {
			key := tt.do[i+1 : i+2]
			if tt.do[i] == '+' {
				m.add(key, key+"!")
			} else {
				m.get(key)
			}
		}
		if n := len(m.newer) + len(m.old); n > max(tt.size, 1) {
			t.Errorf("size %d, %s: there are %d", tt.size, tt.do, n)
		}
		var there string
		for _, key := range [...]string{"a", "b", "c", "d", "e", "x"} {
			_, newer := m.newer[key]
			_, old := m.old[key]
			if newer || old {
				there += key
			}
		}
		for _, key := range [...]string{"x", tt.want[:1]} {
			if v, ok := m.get(key); ok != (key != "x") || ok && v != key+"!" || !ok && v != "" {
				t.Errorf("size %d, %s: %s is %q, %v", tt.size, tt.do, key, v, ok)
			}
		}
		if there != tt.want {
			t.Errorf("size %d, %s: %s is there, not %s", tt.size, tt.do, there, tt.want)
		}
	}
	// The zero memo has room for one, and a later value of a key counts.
	var zero memo[int]
	for i := range 3 {
		zero.add(fmt.Sprint(i), i)
		zero.add(fmt.Sprint(i), i+10)
		if v, ok := zero.get(fmt.Sprint(i)); v != i+10 || !ok || len(zero.newer)+len(zero.old) != 1 {
			t.Errorf("%d: %d, %v, of %d", i, v, ok, len(zero.newer)+len(zero.old))
		}
	}
}

// TestMemoKey: what is used keeps the key that it was added with, and not that of who
// looked it up, which may be a part of something large.
func TestMemoKey(t *testing.T) {
	m := newMemo[int](2)
	first := strings.Clone("a")
	m.add(first, 1)
	m.add("b", 2) // the first is in the older half
	m.get(strings.Repeat("a", 1000)[:1])
	if e := m.newer["a"]; e.value != 1 || unsafe.StringData(e.key) != unsafe.StringData(first) {
		t.Errorf("%v", e)
	}
}

// TestMemoFront: what is read without the lock is what the maps have, whatever comes.
func TestMemoFront(t *testing.T) {
	for _, size := range []int{0, 1, 2, 8, 100, 4 * memoFront} {
		m := newMemo[int](size)
		r := rand.New(rand.NewPCG(1, uint64(size)))
		latest := map[string]int{}
		for i := range 20_000 {
			key := fmt.Sprint(r.IntN(size*3/2 + 3))
			if r.IntN(3) == 0 {
				m.add(key, i)
				latest[key] = i
			} else {
				there := m.newer[key] != nil || m.old[key] != nil
				if v, ok := m.get(key); ok != there || ok && v != latest[key] {
					t.Fatalf("size %d, %s: %d, %v, want %d, %v", size, key, v, ok, latest[key], there)
				}
				if there && m.newer[key] == nil {
					t.Fatalf("size %d: what was used is in the older half", size)
				}
			}
			for j := range m.front {
				if e := m.front[j].Load(); e != nil && m.newer[e.key] != e {
					t.Fatalf("size %d: %s is in front, and not in the newer half", size, e.key)
				}
			}
		}
		if n := len(m.front); n != min(size/2, memoFront) {
			t.Errorf("size %d: %d are in front", size, n)
		}
	}
}

// TestMemoWithoutLock: what was used last is found while the lock is held.
func TestMemoWithoutLock(t *testing.T) {
	m := newMemo[int](4 * memoFront)
	there := func(key string, value int) {
		t.Helper()
		m.mu.Lock()
		defer m.mu.Unlock()
		if v, ok := m.get(key); v != value || !ok {
			t.Errorf("%s: %d, %v, want %d", key, v, ok, value)
		}
	}
	same := "b" // has the place of a
	for i := 0; m.place(same) != m.place("a"); i++ {
		same = fmt.Sprint(i)
	}
	m.add("a", 1)
	there("a", 1)
	m.add(same, 2)
	there(same, 2)
	if v, ok := m.get("a"); v != 1 || !ok { // gets its place back
		t.Errorf("%d, %v", v, ok)
	}
	there("a", 1)
	m.add("a", 3)
	there("a", 3)
	for i := 0; ; i++ { // one that is not there takes no place
		if none := fmt.Sprint("none", i); m.place(none) == m.place("a") {
			if v, ok := m.get(none); v != 0 || ok {
				t.Errorf("%d, %v", v, ok)
			}
			break
		}
	}
	there("a", 3)
	m.move(&remembered[int]{"a", 1}) // found before the last value came
	there("a", 3)
	m.move(&remembered[int]{"dropped", 1})
	if v, ok := m.get("dropped"); ok {
		t.Errorf("what was dropped is %d", v)
	}
	few := newMemo[int](4)
	few.add("a", 1)
	found := few.newer["a"]
	few.add("b", 2)
	few.add("c", 2) // found is in the older half now
	few.add("a", 2) // and a later value in the newer one
	few.move(found)
	if v, _ := few.get("a"); v != 2 {
		t.Errorf("a is %d again", v)
	}
	few.add("d", 2) // and that in the older half
	few.move(found)
	if v, _ := few.get("a"); v != 2 {
		t.Errorf("a is %d again", v)
	}
	one := newMemo[int](2) // one place
	one.add("a", 1)
	if v, ok := one.get("A"); ok {
		t.Errorf("A is %d", v)
	}
}

// TestSpread: tokens, their hashes and headers of proofs have places of their own.
func TestSpread(t *testing.T) {
	token := func(i, size int) string { // its signature
		sum := sha256.Sum256([]byte(fmt.Sprint(i)))
		return base64.RawURLEncoding.EncodeToString(bytes.Repeat(sum[:], size/len(sum)))
	}
	for name, key := range map[string]func(i int) string{
		"tokens": func(i int) string { return strings.Repeat("eyJh", 100) + "." + hashKey(fmt.Sprint(i)) },
		"large":  func(i int) string { return strings.Repeat("eyJh", 1000) + "." + token(i, 64) },
		"RSA":    func(i int) string { return strings.Repeat("eyJh", 2000) + "." + token(i, 256) },
		"hashes": func(i int) string { return hashKey(fmt.Sprint(i)) },
		"headers": func(i int) string {
			return `{"typ":"dpop+jwt","jwk":{"x":"` + hashKey(fmt.Sprint(i)) + `"},"alg":"ES256"}`
		},
	} {
		places, shards := map[uint]bool{}, map[uint]bool{}
		for i := range memoFront {
			n := spread(key(i))
			places[n/tokenShards%memoFront], shards[n%tokenShards] = true, true
		}
		if len(shards) < tokenShards*3/4 {
			t.Errorf("%s: %d shards of %d", name, len(shards), tokenShards)
		}
		if len(places) < memoFront/2 { // 1 - 1/e of them if they fell at random
			t.Errorf("%s: %d places of %d", name, len(places), memoFront)
		}
	}
	spread("")
}

// TestScratchRelease: a scratch that one large token has made does not stay.
func TestScratchRelease(t *testing.T) {
	large := &jwsScratch{text: make([]byte, 0, 3*maxToken+1)}
	large.release()
	for range 100 {
		if s := newJWSScratch(); s == large {
			t.Fatal("it is used again")
		}
	}
}
