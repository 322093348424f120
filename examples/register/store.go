package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"example.com/oauth"
)

// A store keeps a registration, in a file or in memory. What is in it is secret.
type store struct {
	file string // empty: memory
	data []byte
}

// save replaces what is in the store, in one step: a registration access token
// that was lost cannot be had again. The mode of the file is 0600.
func (s *store) save(reg *oauth.Registration) error {
	data, err := reg.MarshalBinary()
	if err != nil || s.file == "" {
		s.data = data
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(s.file), ".register-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), s.file)
}

// load returns nil if the store is empty.
func (s *store) load() (*oauth.Registration, error) {
	data := s.data
	if s.file != "" {
		var err error
		if data, err = os.ReadFile(s.file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	if data == nil {
		return nil, nil
	}
	reg := new(oauth.Registration)
	if err := reg.UnmarshalBinary(data); err != nil {
		return nil, err
	}
	return reg, nil
}

func (s *store) clear() error {
	s.data = nil
	if s.file == "" {
		return nil
	}
	return os.Remove(s.file)
}
