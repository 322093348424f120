// Package keep keeps the secrets of a program in files: tokens and registrations.
package keep

import (
	"context"
	"encoding"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"example.com/oauth"
)

// Save replaces the file at once and whole, so that no half of a secret stays. It
// can be read by its owner alone: os.CreateTemp gives it the mode 0600.
func Save(file string, secret encoding.BinaryMarshaler) error {
	data, err := secret.MarshalBinary()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".keep-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // after Rename there is none
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}

// Load reads what Save wrote into secret, and reports whether the file is there.
func Load(file string, secret encoding.BinaryUnmarshaler) (found bool, err error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := secret.UnmarshalBinary(data); err != nil {
		return false, fmt.Errorf("%s: %w", file, err)
	}
	return true, nil
}

// Lock makes the processes that use the file take turns. It waits until ctx is
// done, and returns what lets the next one in.
func Lock(ctx context.Context, file string) (unlock func(), err error) {
	lock := file + ".lock"
	for {
		f, err := os.OpenFile(lock, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err == nil {
			f.Close()
			return func() { os.Remove(lock) }, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, fmt.Errorf("another program uses %s; if it has crashed, remove %s", file, lock)
		}
	}
}

// Renew returns a TransportOptions.Renew for processes that share the file: a server
// takes the second use of a refresh token for theft, so that they take turns. A
// program of which one process runs has Save in OnRefresh instead.
func Renew(client *oauth.Client, file string) func(context.Context, *oauth.Token) (*oauth.Token, error) {
	return func(ctx context.Context, old *oauth.Token) (*oauth.Token, error) {
		unlock, err := Lock(ctx, file)
		if err != nil {
			return nil, err
		}
		defer unlock()
		stored := new(oauth.Token)
		found, err := Load(file, stored)
		if err != nil {
			return nil, err
		}
		if found && stored.RefreshToken.Reveal() != old.RefreshToken.Reveal() {
			return stored, nil // another process was quicker
		}
		token, err := client.Refresh(ctx, old, nil)
		var rotated *oauth.RefreshError
		if errors.As(err, &rotated) {
			old.RefreshToken = rotated.RefreshToken
			return nil, errors.Join(err, Save(file, old))
		}
		if err != nil {
			return nil, err
		}
		return token, Save(file, token)
	}
}
