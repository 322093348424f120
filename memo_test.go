package oauth

import (
	"fmt"
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
