package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// This file has the table of program sizes. The programs are in programs/.

// goCommand runs the go command in this module.
func goCommand(args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GODEBUG=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), err
}

// build builds a program as one that is shipped, and returns its size.
func build(dir, program string) (path string, size int64) {
	path = filepath.Join(dir, program)
	must(goCommand("build", "-trimpath", "-ldflags", "-s -w", "-o", path, "./programs/"+program))
	return path, must(os.Stat(path)).Size()
}

// jweSymbols are of what a program that only verifies must not link.
var jweSymbols = regexp.MustCompile(`example\.com/oauth\.(\(\*decrypter\)|\(\*DecryptionKey\)|NewDecrypt|ParseDecryption|sealGCM|openGCM|concatKDF|\(\*contentEncryption\)|\(\*encryption\))\S*`)

func (b *bench) sizes() {
	dir := must(os.MkdirTemp("", "bench"))
	defer os.RemoveAll(dir)
	_, floor := build(dir, "verify-floor")
	t := newTable("Programs that verify one ID token against a key-set URL, over the floor", "-trimpath, -ldflags \"-s -w\", without cgo. The floor does it with the standard library alone, and with fewer checks.",
		"", "bytes", "over the floor", "encoding/json")
	t.add("floor", thousands(floor), "", linksJSON("verify-floor"))
	for _, name := range []string{"oauth", "go-jose", "go-oidc", "cap", "keyfunc", "zitadel", "jwx"} {
		_, size := build(dir, "verify-"+name)
		if name == "oauth" {
			b.put("bytes", float64(size-floor), "sizes", "verify", "ours")
			name = "ours"
		}
		t.add(name, thousands(size), over(float64(size-floor)), linksJSON("verify-"+strings.Replace(name, "ours", "oauth", 1)))
	}
	_, loginFloor := build(dir, "login-floor")
	t.add("a login: net/http server and client", thousands(loginFloor), over(float64(loginFloor-floor)), linksJSON("login-floor"))
	for _, name := range []string{"oauth", "go-oidc"} {
		_, size := build(dir, "login-"+name)
		t.add("a login: "+strings.NewReplacer("go-oidc", "go-oidc and x/oauth2").Replace(strings.Replace(name, "oauth", "ours", 1)), thousands(size), over(float64(size-floor)), linksJSON("login-"+name))
	}
	t.print(b.out)

	whole := filepath.Join(dir, "whole")
	must(goCommand("build", "-trimpath", "-o", whole, "./programs/verify-oauth"))
	jwe := jweSymbols.FindAllString(must(goCommand("tool", "nm", whole)), -1)
	cmd := exec.Command(whole)
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	var inits []string
	for line := range strings.Lines(string(must(cmd.CombinedOutput()))) {
		if strings.HasPrefix(line, "init example.com/oauth ") {
			inits = append(inits, strings.TrimSpace(line))
		}
	}
	b.put("jwe", float64(len(jwe)), "sizes", "verify", "ours")
	b.put("init", float64(len(inits)), "sizes", "verify", "ours")
	fmt.Fprintf(b.out, "\nSymbols of JWE in our program: %d %s. Lines of inittrace for the package: %d %s.\n", len(jwe), strings.Join(jwe, ", "), len(inits), strings.Join(inits, ", "))
}

// linksJSON says whether a program contains encoding/json.
func linksJSON(program string) string {
	if strings.Contains(must(goCommand("list", "-deps", "./programs/"+program)), "encoding/json\n") {
		return "imported"
	}
	return "no"
}
