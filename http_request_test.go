package oauth

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
)

// TestNewRequest: a request is as net/http makes it of the text of the URL, but for what
// would send it again.
func TestNewRequest(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(context.Background(), key{}, "x")
	for _, text := range []string{
		"https://op.example", "https://op.example/token?a=b%20c&d", "https://op.example:8443/%2f", "https://op.example:/token", "https://[::1]/token", "https://[::1]:/x",
	} {
		for _, body := range []string{"-", "", "a=b"} {
			var bytesOf []byte
			var reader io.Reader
			if body != "-" {
				bytesOf, reader = []byte(body), bytes.NewReader([]byte(body))
			}
			want := must(http.NewRequestWithContext(ctx, http.MethodPut, text, reader))
			u := must(url.Parse(text))
			got := newRequest(ctx, http.MethodPut, u, bytesOf)
			if got.Method != want.Method || *got.URL != *want.URL || got.Host != want.Host || got.ContentLength != want.ContentLength ||
				got.Proto != want.Proto || got.ProtoMajor != want.ProtoMajor || got.ProtoMinor != want.ProtoMinor || got.Header == nil || len(got.Header) != 0 {
				t.Errorf("%s: %+v, not %+v", text, got, want)
			}
			if (got.Body == nil) != (want.Body == nil) || (got.Body == http.NoBody) != (want.Body == http.NoBody) {
				t.Errorf("%s: another body of %q", text, body)
			} else if got.Body != nil && string(must(io.ReadAll(got.Body))) != body {
				t.Errorf("%s: the body is not %q", text, body)
			}
			if got.Context().Value(key{}) != "x" || got.GetBody != nil {
				t.Errorf("%s: another context, or a second body", text)
			}
			if got.URL.Path = "/changed"; u.Path == got.URL.Path {
				t.Error("a round tripper can write into the URL")
			}
		}
	}
}

// countingReader counts the reads, and notes the largest.
type countingReader struct {
	io.Reader
	reads, largest int
}

func (r *countingReader) Read(p []byte) (int, error) {
	r.reads++
	r.largest = max(r.largest, len(p))
	return r.Reader.Read(p)
}

// TestReadAll: whatever is announced, what comes is read, and one byte more than may be.
func TestReadAll(t *testing.T) {
	text := strings.Repeat("0123456789", 200)
	cut := errors.New("cut")
	for _, limit := range []int{0, 1, 511, 512, 513, 1024, 1999, 2000, 2001, 1 << 20} {
		for _, announced := range []int64{-1, 0, 1, 511, 1999, 2000, 2001, 1 << 40} {
			want := text[:min(len(text), limit+1)]
			for name, r := range map[string]io.Reader{
				"whole": strings.NewReader(text), "bytes": iotest.OneByteReader(strings.NewReader(text)),
				"end with the data": iotest.DataErrReader(strings.NewReader(text)),
			} {
				if got, err := readAll(r, announced, limit); err != nil || string(got) != want {
					t.Errorf("%s, limit %d, announced %d: %d bytes, %v", name, limit, announced, len(got), err)
				}
			}
			broken := io.MultiReader(strings.NewReader(text[:1000]), iotest.ErrReader(cut))
			if got, err := readAll(broken, announced, limit); limit >= 1000 && (err != cut || string(got) != text[:1000]) || limit < 1000 && err != nil {
				t.Errorf("limit %d, announced %d: %d bytes of what breaks, %v", limit, announced, len(got), err)
			}
		}
	}
	// What was announced is read at once, and nobody has memory allocated by announcing.
	for announced, largest := range map[int64]int{2000: 2001, maxAnnounced: maxAnnounced + 1, 1 << 40: maxAnnounced + 1, -1: 4096} {
		r := &countingReader{Reader: strings.NewReader(text)}
		if _, err := readAll(r, announced, 1<<20); err != nil || r.largest > largest || announced == 2000 && (r.reads > 2 || r.largest != largest) {
			t.Errorf("announced %d: %d reads of at most %d, %v", announced, r.reads, r.largest, err)
		}
	}
}
