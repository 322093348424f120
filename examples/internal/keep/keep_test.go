package keep

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A text is a secret, or what cannot be one.
type text string

func (s text) MarshalBinary() ([]byte, error) {
	if s == "" {
		return nil, errors.New("no secret")
	}
	return []byte(s), nil
}

func (s *text) UnmarshalBinary(data []byte) error {
	if string(data) == "damaged" {
		return errors.ErrUnsupported
	}
	*s = text(data)
	return nil
}

func TestSave(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "secret")
	var got text
	if found, err := Load(file, &got); found || err != nil {
		t.Errorf("before: %t, %v", found, err)
	}
	if err := os.WriteFile(file, nil, 0o644); err != nil { // as somebody else may have left it
		t.Fatal(err)
	}
	for _, secret := range []text{"one", "two"} {
		if err := Save(file, secret); err != nil {
			t.Fatal(err)
		}
		if found, err := Load(file, &got); !found || err != nil || got != secret {
			t.Errorf("%q, %t, %v", got, found, err)
		}
	}
	if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := Save(file, text("")); err == nil {
		t.Error("saved what cannot be encoded")
	}
	if found, err := Load(file, &got); !found || err != nil || got != "two" {
		t.Errorf("after a failure: %q, %t, %v", got, found, err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("left over: %v, %v", files, err)
	}
	if err := Save(filepath.Join(dir, "none", "secret"), text("x")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if err := Save(file, text("damaged")); err != nil {
		t.Fatal(err)
	}
	if found, err := Load(file, &got); found || !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), file) {
		t.Errorf("damaged: %t, %v", found, err)
	}
}

func TestLock(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	var inside atomic.Int32
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			unlock, err := Lock(t.Context(), file)
			if err != nil {
				t.Error(err)
				return
			}
			defer unlock()
			if n := inside.Add(1); n != 1 {
				t.Errorf("%d at once", n)
			}
			time.Sleep(time.Millisecond)
			inside.Add(-1)
		})
	}
	all.Wait()
	unlock, err := Lock(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := Lock(ctx, file); err == nil || !strings.Contains(err.Error(), file+".lock") {
		t.Error(err)
	}
}
