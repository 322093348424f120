// Package storetest tests implementations of [weblogin.Store] against what its
// documentation promises. The test of a Store that keeps sessions in a database:
//
//	func TestStore(t *testing.T) {
//		db := open(t)
//		storetest.Run(t, func() weblogin.Store { return NewStore(db) })
//	}
package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/oauth/weblogin"
)

// Run tests a Store. open is called several times, and returns Stores that share their
// records, as two processes would; it may return the same one. The test leaves records
// behind that expire within a minute.
func Run(t *testing.T, open func() weblogin.Store) {
	for name, test := range map[string]func(*testing.T, weblogin.Store, weblogin.Store){
		"Get and Put": getPut, "Versions": versions, "Delete": deleted, "DeleteBy": deleteBy,
		"Expires": expires, "OneWins": oneWins, "NothingComesBack": nothingComesBack,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(), open()) })
	}
}

func record(version int64, data string) *weblogin.Record {
	return &weblogin.Record{Version: version, Expires: time.Now().Add(time.Minute), Data: []byte(data), Tags: []string{"user"}}
}

// put stores a record, and want is whether that must go well.
func put(t *testing.T, s weblogin.Store, id string, r *weblogin.Record, want error) {
	t.Helper()
	if err := s.Put(context.Background(), id, r); !errors.Is(err, want) || (want == nil) != (err == nil) {
		t.Errorf("Put of version %d: %v, want %v", r.Version, err, want)
	}
}

// get wants a record with that content; an empty one is none.
func get(t *testing.T, s weblogin.Store, id string, version int64, data string) *weblogin.Record {
	t.Helper()
	r, err := s.Get(context.Background(), id)
	switch {
	case err != nil:
		t.Errorf("Get: %v", err)
	case data == "" && r != nil:
		t.Errorf("Get: version %d, want none", r.Version)
	case data != "" && (r == nil || r.Version != version || string(r.Data) != data):
		t.Errorf("Get: %v, want version %d of %q", r, version, data)
	}
	return r
}

func getPut(t *testing.T, a, b weblogin.Store) {
	id := rand.Text()
	get(t, a, id, 0, "")
	data := []byte{0, 1, 255, '\n'}
	data = append(data, bytes.Repeat([]byte("x"), 20_000)...)
	want := &weblogin.Record{Version: 1, Expires: time.Now().Add(time.Minute), Data: data, Tags: []string{"user", "sid"}}
	put(t, a, id, want, nil)
	got := get(t, b, id, 1, string(data))
	if got == nil {
		return
	}
	if d := got.Expires.Sub(want.Expires); d < -time.Second || d > time.Second {
		t.Errorf("it expires at %v, want %v", got.Expires, want.Expires)
	}
	got.Data[0] = 7 // which is the caller's
	get(t, a, id, 1, string(data))
}

func versions(t *testing.T, a, b weblogin.Store) {
	id := rand.Text()
	put(t, a, id, record(2, "2"), weblogin.ErrConflict)
	put(t, a, id, record(0, "0"), weblogin.ErrConflict)
	put(t, a, id, record(1, "1"), nil)
	put(t, b, id, record(1, "again"), weblogin.ErrConflict)
	put(t, b, id, record(3, "3"), weblogin.ErrConflict)
	get(t, b, id, 1, "1")
	put(t, b, id, record(2, "2"), nil)
	put(t, a, id, record(2, "again"), weblogin.ErrConflict)
	get(t, a, id, 2, "2")
}

func deleted(t *testing.T, a, b weblogin.Store) {
	id := rand.Text()
	put(t, a, id, record(1, "1"), nil)
	for range 2 {
		if err := b.Delete(context.Background(), id); err != nil {
			t.Error(err)
		}
	}
	get(t, a, id, 0, "")
	put(t, a, id, record(2, "2"), weblogin.ErrConflict)
	get(t, b, id, 0, "")
}

func deleteBy(t *testing.T, a, b weblogin.Store) {
	run := rand.Text()
	tagged := func(tags ...string) (r *weblogin.Record) {
		r = record(1, "x")
		r.Tags = nil
		for _, tag := range tags {
			r.Tags = append(r.Tags, run+tag)
		}
		return r
	}
	of := func(tags ...string) (id string) {
		id = rand.Text()
		put(t, a, id, tagged(tags...), nil)
		return id
	}
	by := func(tag string) {
		t.Helper()
		if err := b.DeleteBy(context.Background(), run+tag); err != nil {
			t.Error(err)
		}
	}
	one, two, mapped, bob := of("alice", "sid1"), of("alice", "sid2"), of("42", "alice", "sid3"), of("bob", "sid4")
	by("sid1")
	get(t, a, one, 0, "")
	for _, id := range []string{two, mapped, bob} {
		get(t, a, id, 1, "x")
	}
	by("nobody")
	by("alic")
	by("")
	get(t, a, two, 1, "x")
	by("alice")
	get(t, a, two, 0, "")
	get(t, a, mapped, 0, "")
	get(t, a, bob, 1, "x")
	// A record that a Put has changed is still found.
	r := tagged("bob", "sid4")
	r.Version = 2
	put(t, a, bob, r, nil)
	by("sid4")
	get(t, a, bob, 0, "")
}

func expires(t *testing.T, a, b weblogin.Store) {
	id := rand.Text()
	r := record(1, "1")
	r.Expires = time.Now().Add(1500 * time.Millisecond)
	put(t, a, id, r, nil)
	get(t, b, id, 1, "1")
	time.Sleep(2 * time.Second)
	get(t, b, id, 0, "")
	put(t, a, id, record(2, "2"), weblogin.ErrConflict)
	past := record(1, "1")
	past.Expires = time.Now().Add(-time.Second)
	if err := a.Put(context.Background(), rand.Text(), past); err != nil && !errors.Is(err, weblogin.ErrConflict) {
		t.Error(err)
	}
}

// oneWins: of many that put one version, one does.
func oneWins(t *testing.T, a, b weblogin.Store) {
	id := rand.Text()
	for version := int64(1); version <= 5; version++ {
		var won atomic.Int64
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				s := a
				if i%2 == 0 {
					s = b
				}
				switch err := s.Put(context.Background(), id, record(version, fmt.Sprint(version, i))); {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, weblogin.ErrConflict):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("version %d was put %d times", version, won.Load())
		}
	}
}

// nothingComesBack: whatever is put while a session ends, it is gone then.
func nothingComesBack(t *testing.T, a, b weblogin.Store) {
	for range 20 {
		id, tag := rand.Text(), rand.Text()
		of := func(version int64) *weblogin.Record {
			r := record(version, "x")
			r.Tags = []string{"sid " + tag, tag}
			return r
		}
		put(t, a, id, of(1), nil)
		var wg sync.WaitGroup
		wg.Go(func() {
			for version := int64(2); version < 50; version++ {
				if a.Put(context.Background(), id, of(version)) != nil {
					return
				}
			}
		})
		if err := b.DeleteBy(context.Background(), tag); err != nil {
			t.Error(err)
		}
		wg.Wait()
		get(t, a, id, 0, "")
	}
}
