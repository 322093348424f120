package oauth

// What the linker leaves out of a program that only verifies, or only logs users in. The
// model is crypto/tls/link_test.go.

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

const linkLogin = `package main

import (
	"context"
	"net/http"
	"os"

	"example.com/oauth"
)

func main() {
	as, err := oauth.Discover(context.Background(), os.Args[1], nil)
	if err != nil {
		return
	}
	client, err := oauth.NewClient(oauth.Config{
		Server: as, Metadata: oauth.ClientMetadata{ClientID: os.Args[3]}, Auth: oauth.ClientSecretBasic(os.Args[4]),
	})
	if err != nil {
		panic(err)
	}
	a, err := client.StartAuthorization(context.Background(), &oauth.AuthorizationRequest{RedirectURI: os.Args[2], Scope: []string{"openid"}})
	if err != nil {
		panic(err)
	}
	saved, err := a.MarshalBinary()
	println(a.URL(), saved, err, a.UnmarshalBinary(saved))
	http.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) {
		token, err := client.FinishAuthorization(r, a, nil)
		saved, _ := token.MarshalBinary()
		println(token.Subject(), err, saved, token.UnmarshalBinary(saved))
	})
	http.ListenAndServe("", nil)
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
			"more.go": "package main\n\nimport (\n\t\"context\"\n\t\"net/http/httptrace\"\n\n\t\"example.com/oauth\"\n)\n\nvar _ oauth.Config\nvar _ context.Context\nvar _ httptrace.ClientTrace\n\nfunc more() {" + more + "}\n",
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

	asking := regexp.MustCompile(`example\.com/oauth\.(\(\*Client\)\.(signedRequest|requestObjectClaims)|\(\*DPoP\)\.proof)\S*`)
	joining := regexp.MustCompile(`net/http/httptrace\.WithClientTrace|reflect\.MakeFunc`)

	discovering := regexp.MustCompile(`example\.com/oauth\.(Discover|NewClientFromIssuer|processDiscoveryResponse|\(\*discovery\))\S*`)

	// encoding/json is 270 kB, and only for what the program encodes and decodes.
	encoding := regexp.MustCompile(`(?m)encoding/json(/v2)?\.(Marshal|Unmarshal|[mM]arshalEncode|[uU]nmarshalDecode|\(\*(decodeState|encodeState|Decoder)\)\S+)$`)
	idToken, inits := symbols(t, linkIDToken, "")
	if !strings.Contains(inits, "init net/http @") {
		t.Fatalf("the program says nothing of its start: %s", inits)
	}
	if strings.Contains(inits, "init example.com/oauth @") {
		t.Errorf("the package works when a program starts: %s", inits)
	}
	api, _ := symbols(t, linkVerify, "")
	login, _ := symbols(t, linkLogin, "")
	for job, program := range map[string]string{"verifies ID tokens": idToken, "protects an API": api, "logs users in": login} {
		if !strings.Contains(program, "example.com/oauth.verifyJWS") {
			t.Fatalf("the program that %s does not verify", job)
		}
		for name, what := range map[string]*regexp.Regexp{
			"decryption": decrypting, "encryption": encrypting, "signing": signing, "request objects and proofs": asking,
			"encoding/json": encoding, "hooks joined by reflection": joining, "discovery": discovering,
		} {
			if found := what.FindAllString(program, -1); found != nil && !(program == login && what == discovering) {
				t.Errorf("a program that only %s has %s in it: %v", job, name, found)
			}
		}
	}
	all, _ := symbols(t, linkVerify, `
	k, _ := oauth.NewClientSecretDecryptionKey("s", "A128KW", nil)
	oauth.NewDecrypter(k)
	c, _ := oauth.NewClient(oauth.Config{})
	c.StartAuthorization(context.Background(), nil)
	oauth.ParseSigningKey(nil, "", "")
	oauth.NewClientFromIssuer("", nil, oauth.Config{})
	new(oauth.IDToken).Claims(nil)
	httptrace.WithClientTrace(context.Background(), new(httptrace.ClientTrace))
`)
	for _, what := range []*regexp.Regexp{decrypting, encrypting, signing, asking, discovering, encoding, joining} {
		if !what.MatchString(all) {
			t.Errorf("%v finds nothing in a program that has it", what)
		}
	}
}
