package oauth

import (
	"bytes"
	"errors"
	"go/ast"
	"go/build"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// onlyIn lists the packages that not every room may import, with the rooms
// that may: what is dangerous has one place.
var onlyIn = map[string][]string{
	"crypto/rsa":      {"decrypt.go", "jwe.go", "jws.go", "jwk.go"},
	"crypto/ecdsa":    {"decrypt.go", "jwe.go", "jws.go", "jwk.go"},
	"crypto/ed25519":  {"jws.go", "jwk.go"},
	"crypto/elliptic": {"jwk.go"},
	"crypto/hmac":     {"decrypt.go", "jwe.go", "jws.go"},
	"crypto/mldsa":    {"mldsa.go"},
	"crypto/sha3":     {"algorithm.go"},
	"crypto/tls":      {"dial.go", "http.go", "mtls.go"},
	"crypto/x509":     {"credential.go", "dial.go", "http.go", "jwk.go", "mtls.go", "proof.go", "publickeys.go", "resource.go"},
	"crypto/rand":     {"decrypt.go", "jwe.go", "jws.go", "jwk.go", "secret.go"},
	"crypto/aes":      {"decrypt.go", "jwe.go"},
	"crypto/cipher":   {"decrypt.go", "jwe.go"},
	"crypto/ecdh":     {"decrypt.go", "jwe.go"},
	"crypto/sha1":     {"decrypt.go"}, // of RSA-OAEP
	"crypto/subtle":   {"secret.go"},
	"encoding/base64": {"json.go"},
	"encoding/asn1":   {"jws.go"},
	"encoding/pem":    {"jwk.go", "publickeys.go"},
	"math/big":        {"jws.go", "jwk.go"},
	"reflect":         {"jsonstruct.go"},
	"sync/atomic":     {"authorize.go", "callback.go", "flight.go", "http.go", "jwks.go", "memo.go", "poll.go", "replay.go"},
}

// never lists what no room imports.
var never = []string{"C", "unsafe", "os", "log", "os/exec", "math/rand", "math/rand/v2", "encoding/gob", "crypto/md5", "testing"}

// callsOnlyIn lists functions that are called in one room alone.
var callsOnlyIn = map[string][]string{
	"time.Now":              {"clock.go"},
	"http.Get":              nil,
	"http.Post":             nil,
	"http.PostForm":         nil,
	"http.DefaultClient":    nil,
	"c.client.Do":           nil, // it follows redirects
	"json.NewDecoder":       nil,
	"json.Unmarshal":        {"jsonstruct.go", "metadata.go"}, // after the strict reader, or into types that use it
	"ecdsa.Verify":          nil,
	"hmac.New":              {"jwe.go", "jws.go"},
	"rand.Int":              nil,
	"fmt.Println":           nil,
	"context.Background":    {"flight.go", "logout.go"}, // valuesOf; EndSessionURL has none
	"context.TODO":          nil,
	"base64.URLEncoding":    nil,
	"base64.StdEncoding":    {"json.go"},
	"rsa.VerifyPKCS1v15":    {"jws.go"},
	"rsa.VerifyPSS":         {"jws.go"},
	"ed25519.Verify":        {"jws.go"},
	"ecdsa.VerifyASN1":      {"jws.go"},
	"mldsa.Verify":          {"mldsa.go"},
	"url.PathEscape":        nil,
	"errors.ErrUnsupported": nil,
}

func TestImports(t *testing.T) {
	fset, files := parseDir(t, ".")
	for name, f := range files {
		for _, imp := range f.Imports {
			path, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") {
				t.Errorf("%s imports %s: the package has no dependency", name, path)
			}
			if slices.Contains(never, path) {
				t.Errorf("%s imports %s", name, path)
			}
			if rooms, limited := onlyIn[path]; limited && !slices.Contains(rooms, name) {
				t.Errorf("%s imports %s, which is for %v", name, path, rooms)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				call := selectorText(n)
				if rooms, limited := callsOnlyIn[call]; limited && !slices.Contains(rooms, name) {
					t.Errorf("%s: %s is for %v", fset.Position(n.Pos()), call, rooms)
				}
				// An http.Client or a RoundTripper under any name.
				if (n.Sel.Name == "Do" || n.Sel.Name == "RoundTrip") && name != "http.go" && name != "dial.go" {
					t.Errorf("%s: requests go through http.go and dial.go", fset.Position(n.Pos()))
				}
			case *ast.GoStmt:
				if name != "flight.go" {
					t.Errorf("%s: a goroutine, which is for flight.go", fset.Position(n.Pos()))
				}
			case *ast.FuncDecl:
				if n.Name.Name == "init" && n.Recv == nil {
					t.Errorf("%s: init", fset.Position(n.Pos()))
				}
			}
			return true
		})
		if code := codeLines(t, name); code > 600 {
			t.Errorf("%s has %d lines of code", name, code)
		}
	}
}

func selectorText(n *ast.SelectorExpr) string {
	switch x := n.X.(type) {
	case *ast.Ident:
		return x.Name + "." + n.Sel.Name
	case *ast.SelectorExpr:
		return selectorText(x) + "." + n.Sel.Name
	}
	return "." + n.Sel.Name
}

// codeLines counts lines that are neither empty nor comments.
func codeLines(t *testing.T, name string) (n int) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			n++
		}
	}
	return n
}

func TestNoRequire(t *testing.T) {
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "require") {
		t.Error("go.mod has a require: what needs dependencies lives in a nested module")
	}
}

// onlyClock lists what clock.go alone uses, by the full names of go/types, and not
// only in calls: a difference of times saturates, and time.Unix wraps around.
var onlyClock = []string{
	"(time.Time).Sub", "time.Since", "time.Until", "time.Unix", "time.UnixMilli", "time.UnixMicro",
}

// TestTimesAreComparedInTheClock: outside clock.go nothing subtracts times, makes one
// of a number, or makes a Duration of a number that is not written down. The types say
// so, whatever the names are.
func TestTimesAreComparedInTheClock(t *testing.T) {
	fset, _, info := typeCheck(t)
	inClock := 0
	wrong := func(n ast.Node, text string) {
		if at := fset.Position(n.Pos()); at.Filename != "clock.go" {
			t.Errorf("%s: %s is for clock.go", at, text)
			return
		}
		inClock++
	}
	for id, obj := range info.Uses {
		if f, ok := obj.(*types.Func); ok && slices.Contains(onlyClock, f.FullName()) {
			wrong(id, f.FullName())
		}
	}
	for e, tv := range info.Types {
		call, ok := e.(*ast.CallExpr)
		if ok && tv.Value == nil && info.Types[call.Fun].IsType() && info.Types[call.Fun].Type.String() == "time.Duration" {
			wrong(call, "a Duration of a number")
		}
	}
	if inClock < 5 {
		t.Errorf("it saw %d places in clock.go: does it look?", inClock)
	}
}

// secretNames are those of strings that a stranger's are compared with.
var secretNames = []string{"state", "nonce", "verifier", "notificationToken", "accessToken", "refreshToken", "secret", "ath", "Reveal"}

// TestSecretsAreComparedInConstantTime: no == stands between a secret and another
// string that is not written down. One nonce is none: the client's latest, which the
// server sent in the open.
func TestSecretsAreComparedInConstantTime(t *testing.T) {
	fset, list, info := typeCheck(t)
	secret := func(e ast.Expr) bool {
		if call, ok := e.(*ast.CallExpr); ok {
			e = call.Fun
		}
		name := ""
		switch e := e.(type) {
		case *ast.Ident:
			name = e.Name
		case *ast.SelectorExpr:
			name = e.Sel.Name
		}
		return slices.Contains(secretNames, name)
	}
	text := func(e ast.Expr) bool { // that is no constant
		basic, ok := info.Types[e].Type.Underlying().(*types.Basic)
		return ok && basic.Info()&types.IsString != 0 && info.Types[e].Value == nil
	}
	in, constant, public := "", []string(nil), 0
	for _, f := range list {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				in = n.Name.Name
			case *ast.SelectorExpr:
				if strings.HasPrefix(selectorText(n), "subtle.") {
					constant = append(constant, in)
				}
			case *ast.BinaryExpr:
				if n.Op != token.EQL && n.Op != token.NEQ || !text(n.X) || !text(n.Y) || !secret(n.X) && !secret(n.Y) {
					return true
				}
				if public++; in != "retryNonce" {
					t.Errorf("%s: secrets are compared by sameSecret", fset.Position(n.Pos()))
				}
			}
			return true
		})
	}
	if !slices.Equal(constant, []string{"sameSecret"}) || public == 0 {
		t.Errorf("constant time is that of %q, and it saw %d comparisons: does it look?", constant, public)
	}
}

// TestNoContextIsStored: a context ends with the call that it was given to. That of a
// response body belongs to the call that asked for it, and a keyFinder lives for one call.
func TestNoContextIsStored(t *testing.T) {
	fset, list, info := typeCheck(t)
	seen := 0
	for _, f := range list {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			ast.Inspect(spec, func(n ast.Node) bool {
				field, ok := n.(*ast.Field)
				if _, isFunc := n.(*ast.FuncType); isFunc || !ok || info.Types[field.Type].Type.String() != "context.Context" {
					return !isFunc
				}
				if seen++; spec.Name.Name != "watchedBody" && spec.Name.Name != "keyFinder" {
					t.Errorf("%s: a context in a %s", fset.Position(field.Pos()), spec.Name.Name)
				}
				return true
			})
			return true
		})
	}
	if seen == 0 {
		t.Error("it saw no context: does it look?")
	}
}

// typeCheck checks the types of the package without its tests, and returns the files
// of this Go version.
func typeCheck(t *testing.T) (*token.FileSet, []*ast.File, *types.Info) {
	t.Helper()
	fset, files := parseDir(t, ".")
	here, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	var list []*ast.File
	for _, name := range here.GoFiles {
		list = append(list, files[name])
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: importer.ForCompiler(fset, "gc", exportData(t))}
	if _, err := config.Check("example.com/oauth", fset, list, info); err != nil {
		t.Fatal(err)
	}
	return fset, list, info
}

// exportData finds what the compiler wrote about the packages that this one imports.
func exportData(t *testing.T) importer.Lookup {
	t.Helper()
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("there is no go command that says what the compiler wrote")
	}
	cmd := exec.CommandContext(t.Context(), goTool, "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", ".")
	cmd.Env = append(os.Environ(), "GODEBUG=") // the mode of the test is not that of the compiler
	out, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		t.Fatalf("%s", failed.Stderr)
	} else if err != nil {
		t.Fatal(err)
	}
	places := map[string]string{}
	for line := range bytes.Lines(out) {
		path, place, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		places[path] = place
	}
	return func(path string) (io.ReadCloser, error) { return os.Open(places[path]) }
}
