package oauth

// What the linker leaves out of a program that only verifies. The model is
// crypto/tls/link_test.go.

import (
	"crypto/fips140"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const linkIDToken = `package main

import (
	"context"
	"os"

	"example.com/oauth"
)

func main() {
	as := &oauth.AuthorizationServer{Issuer: os.Args[1], JWKSURI: os.Args[2]}
	client, err := oauth.NewClient(oauth.Config{Server: as, Metadata: oauth.ClientMetadata{ClientID: os.Args[3]}})
	if err != nil {
		panic(err)
	}
	id, err := client.VerifyIDToken(context.Background(), os.Args[4], oauth.VerifyIDTokenOptions{Nonce: os.Args[5]})
	println(id.Subject(), err)
	more()
}
`

const linkVerify = `package main

import (
	"context"
	"net/http"
	"os"

	"example.com/oauth"
)

func main() {
	as := &oauth.AuthorizationServer{Issuer: os.Args[1], JWKSURI: os.Args[2]}
	client, err := oauth.NewClient(oauth.Config{Server: as, Metadata: oauth.ClientMetadata{ClientID: os.Args[3]}})
	if err != nil {
		panic(err)
	}
	id, err := client.VerifyIDToken(context.Background(), os.Args[4], oauth.VerifyIDTokenOptions{Nonce: os.Args[5]})
	println(id.Subject(), err)
	api, err := oauth.NewResourceServer(oauth.ResourceServerConfig{Resource: os.Args[6], Servers: []oauth.TrustedServer{{Server: as}}})
	if err != nil {
		panic(err)
	}
	http.ListenAndServe("", api.Require(oauth.Requirement{}, http.NotFoundHandler()))
	more()
}
`

// TestLink builds a program that verifies tokens and protects an API, with and
// without each thing that is not to be in it otherwise: what is looked for is found
// where it has to be.
func TestLink(t *testing.T) {
	if testing.Short() || raceEnabled || fips140.Enabled() {
		t.Skip("builds programs, which is the same whatever mode the test is in")
	}
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("there is no go command to build with")
	}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	symbols := func(t *testing.T, main, more string) (names, inits string) {
		dir := t.TempDir()
		for name, text := range map[string]string{
			"go.mod":  "module verify\n\ngo 1.25.0\n\nrequire example.com/oauth v0.0.0\n\nreplace example.com/oauth => " + root + "\n",
			"main.go": main,
			"more.go": "package main\n\nimport (\n\t\"context\"\n\n\t\"example.com/oauth\"\n)\n\nvar _ oauth.Config\nvar _ context.Context\n\nfunc more() {" + more + "}\n",
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		run := func(args ...string) string {
			cmd := exec.CommandContext(t.Context(), goTool, args...)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "GODEBUG=", "CGO_ENABLED=0")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("go %s: %v\n%s", args[0], err, out)
			}
			return string(out)
		}
		run("build", "-o", "verify", ".")
		program := exec.CommandContext(t.Context(), filepath.Join(dir, "verify"), "https://op.invalid", "http://op.invalid/jwks", "c", "t", "n", "r")
		program.Env = append(os.Environ(), "GODEBUG=inittrace=1")
		out, _ := program.CombinedOutput() // it ends with an error: there is no such server
		return run("tool", "nm", "verify"), string(out)
	}
	decrypting := regexp.MustCompile(
		`example\.com/oauth\.(\(\*decrypter\)|\(\*DecryptionKey\)|NewDecrypt|ParseDecryption|ClientSecretDecryption|newGCM|openGCM|unwrap|concatKDF|\(\*contentEncryption\))\S*`,
	)
	encrypting := regexp.MustCompile(`example\.com/oauth\.(sealGCM|\(\*encryption\)\.(encrypt|agree)|concatKDF)\S*`)
	signing := regexp.MustCompile(`example\.com/oauth\.(GenerateSigningKey|ParseSigningKey|\(\*jwtAuth\)\.Authenticate)\S*`)

	discovering := regexp.MustCompile(`example\.com/oauth\.(Discover|NewClientFromIssuer|processDiscoveryResponse|\(\*discovery\))\S*`)

	// encoding/json is 270 kB, and only for metadata that is encoded and claims that are
	// decoded.
	encoding := regexp.MustCompile(`(?m)encoding/json(/v2)?\.(Marshal|Unmarshal|[mM]arshalEncode|[uU]nmarshalDecode|\(\*(decodeState|encodeState|Decoder)\)\S+)$`)
	idToken, inits := symbols(t, linkIDToken, "")
	if !strings.Contains(idToken, "example.com/oauth.verifyJWS") {
		t.Fatal("the program does not verify")
	}
	if found := encoding.FindAllString(idToken, -1); found != nil {
		t.Errorf("a program that only verifies ID tokens has encoding/json in it: %v", found)
	}
	if !strings.Contains(inits, "init net/http @") {
		t.Fatalf("the program says nothing of its start: %s", inits)
	}
	if strings.Contains(inits, "init example.com/oauth @") {
		t.Errorf("the package works when a program starts: %s", inits)
	}
	plain, _ := symbols(t, linkVerify, "")
	if !strings.Contains(plain, "example.com/oauth.verifyJWS") {
		t.Fatal("the program does not verify")
	}
	for name, what := range map[string]*regexp.Regexp{"decryption": decrypting, "encryption": encrypting, "signing": signing, "discovery": discovering} {
		if found := what.FindAllString(plain, -1); found != nil {
			t.Errorf("a program that only verifies has %s in it: %v", name, found)
		}
	}
	all, _ := symbols(t, linkVerify, `
	k, _ := oauth.NewClientSecretDecryptionKey("s", "A128KW", nil)
	oauth.NewDecrypter(k)
	c, _ := oauth.NewClient(oauth.Config{})
	c.StartAuthorization(context.Background(), nil)
	oauth.ParseSigningKey(nil, "", "")
	oauth.NewClientFromIssuer("", nil, oauth.Config{})
`)
	for _, what := range []*regexp.Regexp{decrypting, encrypting, signing, discovering, encoding} {
		if !what.MatchString(all) {
			t.Errorf("%v finds nothing in a program that has it", what)
		}
	}
}
