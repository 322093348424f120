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
			var reader io.Reader
			if body != "-" {
				reader = bytes.NewReader([]byte(body))
			}
			want := must(http.NewRequestWithContext(ctx, http.MethodPut, text, reader))
			u := must(url.Parse(text))
			got := newRequest(ctx, http.MethodPut, u, nil, body != "-", strings.TrimPrefix(body, "-"))
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

// TestReadAll: what comes is read, however it comes, and of what is longer than the limit
// nothing is taken.
func TestReadAll(t *testing.T) {
	long := strings.Repeat("0123456789", 3*bodyChunkSize/10)
	cut := errors.New("cut")
	for _, text := range []string{"", "a", long[:bodyChunkSize-1], long[:bodyChunkSize], long[:bodyChunkSize+1], long} {
		for _, limit := range []int{0, 1, bodyChunkSize - 1, bodyChunkSize, bodyChunkSize + 1, len(long) - 1, len(long), 1 << 20} {
			for name, r := range map[string]io.Reader{
				"whole": strings.NewReader(text), "bytes": iotest.OneByteReader(strings.NewReader(text)),
				"end with the data": iotest.DataErrReader(strings.NewReader(text)), "error with the end": &lastError{strings.NewReader(text), cut},
			} {
				want, wantErr := text, error(nil)
				if len(text) > limit {
					want = ""
				} else if name == "error with the end" {
					want, wantErr = "", cut
				}
				got, whole, err := readAll(r, limit)
				if got != want || err != wantErr || whole != (err == nil && len(text) <= limit) {
					t.Errorf("%s, %d bytes, limit %d: %d bytes, whole %v, %v", name, len(text), limit, len(got), whole, err)
				}
			}
		}
	}
}

// lastError is a reader with another end, which comes with the last bytes.
type lastError struct {
	*strings.Reader
	err error
}

func (r *lastError) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil || r.Len() == 0 {
		err = r.err
	}
	return n, err
}

// TestBodyChunks: a chunk that is used again has nothing of another body in it, and the text
// of a body nothing of a chunk. One that a reader may still write into is not used again.
func TestBodyChunks(t *testing.T) {
	secret := strings.Repeat("secret", bodyChunkSize/3)
	var kept [][]byte // what the reader was given
	keeping := func(r io.Reader) io.Reader {
		return httpReader(func(p []byte) (int, error) {
			kept = append(kept, p)
			return r.Read(p)
		})
	}
	for name, limit := range map[string]int{"taken": 1 << 20, "too long": 100, "too long by one": len(secret) - 1} {
		kept = nil
		text, whole, err := readAll(keeping(strings.NewReader(secret)), limit)
		if whole != (limit > len(secret)) || err != nil {
			t.Fatalf("%s: %v, %v", name, whole, err)
		}
		for _, p := range kept {
			if len(p) == 0 {
				t.Errorf("%s: a read of nothing", name)
			}
			for i := range p {
				if p[i] != 0 {
					t.Fatalf("%s: %q is left in a chunk", name, p[i:])
				}
			}
		}
		for _, p := range kept {
			for i := range p {
				p[i] = 'x'
			}
		}
		if whole && text != secret {
			t.Errorf("%s: the text changes with the chunk", name)
		}
		for _, p := range kept { // or it is found by others
			clear(p)
		}
	}
	for range 100 {
		kept = nil
		cut := errors.New("cut")
		broken := io.MultiReader(strings.NewReader("part"), iotest.ErrReader(cut))
		if _, _, err := readAll(keeping(broken), 1<<20); err != cut {
			t.Fatal(err)
		}
		if next := bodyChunks.Get().(*bodyChunk); &next[0] == &kept[0][0] {
			t.Fatal("a chunk is used again although the reading of it broke off")
		}
	}
}

// TestEncodeForm: a form is encoded as net/url does it.
func TestEncodeForm(t *testing.T) {
	many := url.Values{}
	for i := range 40 {
		many[strings.Repeat("n", i)] = []string{strings.Repeat("v", i), ""}
	}
	for _, form := range []url.Values{nil, {}, {"a": nil}, {"a": {}}, {"a": {""}}, {"": {"", "b"}}, {"b": {"2", "1"}, "a": {"x y&=+%\u00e9", "/"}, "c d": {"\x00"}}, many} {
		if got, want := encodeForm(form), form.Encode(); got != want {
			t.Errorf("%v: %q, want %q", form, got, want)
		}
	}
}

// TestEndpointURLRemembered: a URL that was checked says nothing of another.
func TestEndpointURLRemembered(t *testing.T) {
	c := newCaller(nil, false, nil)
	for range 2 {
		for _, raw := range []string{"https://op.example/token", "https://op.example/token?a", "https://op.example/TOKEN?a", "https://op.example/introspect"} {
			if u, err := c.endpointURL("member", raw); err != nil || u.String() != raw {
				t.Errorf("%s: %v, %v", raw, u, err)
			}
		}
		for _, raw := range []string{"http://op.example/token", "", "https://op.example/token#a"} {
			for range 2 {
				if u, err := c.endpointURL("member", raw); err == nil || u != nil {
					t.Errorf("%s: %v, %v", raw, u, err)
				}
			}
		}
	}
}
