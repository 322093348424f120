package oauth

// This file holds the encoding of what applications keep between requests: a
// version byte and length-prefixed fields in a fixed order. It is neither
// encrypted nor signed; that is the session store's part.

import (
	"encoding/binary"
	"strconv"
	"time"
)

type savedWriter struct{ b []byte }

func newSaved(version byte) *savedWriter { return &savedWriter{[]byte{version}} }

func (w *savedWriter) string(s string) {
	w.b = binary.AppendUvarint(w.b, uint64(len(s)))
	w.b = append(w.b, s...)
}

// time writes whole seconds; the zero time is an empty field.
func (w *savedWriter) time(t time.Time) {
	if t.IsZero() {
		w.string("")
		return
	}
	w.string(strconv.FormatInt(t.Unix(), 10))
}

// int writes a number that may be absent.
func (w *savedWriter) int(n *int64) {
	if n == nil {
		w.string("")
		return
	}
	w.string(strconv.FormatInt(*n, 10))
}

// damaged is the error of what was restored and does not pass the checks of its
// making: the store, or somebody on the way to it, changed it.
func damaged(err error) error {
	e, ok := errorAs[*Error](err)
	if !ok {
		return err
	}
	return fail(ErrParse, e.Param, "%s", "the data is damaged: "+e.Detail)
}

// savedReader reads the fields; the first fault stays.
type savedReader struct {
	b       []byte
	err     error
	version byte // of the data
}

func readSaved(b []byte, version byte) *savedReader {
	r := &savedReader{b: b}
	switch {
	case len(b) == 0:
		r.err = fail(ErrParse, "", "there is no data")
	case b[0] != version:
		r.err = fail(ErrParse, "", "the data is of version %d, this package reads version %d", b[0], version)
	default:
		r.b, r.version = b[1:], version
	}
	return r
}

// readSavedSince is readSaved of what the versions from oldest on wrote.
func readSavedSince(b []byte, version, oldest byte) *savedReader {
	if len(b) > 0 && oldest <= b[0] && b[0] < version {
		version = b[0]
	}
	return readSaved(b, version)
}

func (r *savedReader) string() string {
	if r.err != nil {
		return ""
	}
	n, size := binary.Uvarint(r.b)
	// The shortest form only: one value has one encoding.
	if size <= 0 || n > uint64(len(r.b)-size) || size > 1 && n>>(7*(size-1)) == 0 {
		r.err = fail(ErrParse, "", "the data is cut off or damaged")
		return ""
	}
	s := string(r.b[size : size+int(n)])
	r.b = r.b[size+int(n):]
	return s
}

func (r *savedReader) int() *int64 {
	s := r.string()
	if s == "" {
		return nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != s {
		r.err = fail(ErrParse, "", "the data is damaged")
		return nil
	}
	return &n
}

func (r *savedReader) time() time.Time {
	if n := r.int(); n != nil && !savedTime(unixTime(*n)) {
		r.err = fail(ErrParse, "", "the data is damaged")
	} else if n != nil {
		return unixTime(*n)
	}
	return time.Time{}
}

// savedTime reports whether a time can be saved, and be compared when it is
// restored: over 2⁵³ s a time.Time overflows somewhere.
func savedTime(t time.Time) bool {
	return t.IsZero() || 0 <= t.Unix() && t.Unix() <= maxNumericDate
}

// end reports the first fault, or that there is more than was read.
func (r *savedReader) end() error {
	if r.err == nil && len(r.b) > 0 {
		r.err = fail(ErrParse, "", "there is data after the last field")
	}
	return r.err
}
