package oauth

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

// challengesOf parses the lines as those of one response.
func challengesOf(lines ...string) []Challenge {
	return ParseChallenges(http.Header{"Www-Authenticate": lines})
}

// challenge is one with parameters, given as name, value, name, value, …
func challenge(scheme string, params ...string) Challenge {
	c := Challenge{Scheme: scheme}
	for i := 0; i < len(params); i += 2 {
		if c.Params == nil {
			c.Params = map[string]string{}
		}
		c.Params[params[i]] = params[i+1]
	}
	return c
}

func TestChallenge(t *testing.T) {
	for _, tt := range []struct {
		name  string
		lines []string
		want  []Challenge
	}{
		// RFC 9110, Section 11.6.1: both examples of the section.
		{"RFC 9110, one line", []string{`Basic realm="simple", Newauth realm="apps", type=1, title="Login to \"apps\""`},
			[]Challenge{challenge("Basic", "realm", "simple"), challenge("Newauth", "realm", "apps", "type", "1", "title", `Login to "apps"`)}},
		{"RFC 9110, reversed", []string{`Newauth realm="apps", type=1, title="Login to \"apps\"", Basic realm="simple"`},
			[]Challenge{challenge("Newauth", "realm", "apps", "type", "1", "title", `Login to "apps"`), challenge("Basic", "realm", "simple")}},
		{"RFC 6750, Section 3", []string{"Bearer realm=\"example\",\t\t\terror=\"invalid_token\", error_description=\"The access token expired\""},
			[]Challenge{challenge("Bearer", "realm", "example", "error", "invalid_token", "error_description", "The access token expired")}},
		{"RFC 9449, Section 8.2", []string{`DPoP error="use_dpop_nonce", error_description="Resource server requires nonce in DPoP proof"`},
			[]Challenge{challenge("DPoP", "error", "use_dpop_nonce", "error_description", "Resource server requires nonce in DPoP proof")}},
		{"RFC 9449, Section 7.1", []string{`DPoP algs="ES256 PS256", Bearer error="invalid_token"`},
			[]Challenge{challenge("DPoP", "algs", "ES256 PS256"), challenge("Bearer", "error", "invalid_token")}},
		{"RFC 9728, Section 5.1", []string{`Bearer resource_metadata="https://resource.example.com/.well-known/oauth-protected-resource"`},
			[]Challenge{challenge("Bearer", "resource_metadata", "https://resource.example.com/.well-known/oauth-protected-resource")}},

		// Three that broke others.
		{"token68 with padding", []string{`Negotiate YWJjZA==`}, []Challenge{{Scheme: "Negotiate", Token68: "YWJjZA=="}}},
		{"quoted backslash before the end of the string", []string{`Basic realm="a\\", Bearer realm="b"`},
			[]Challenge{challenge("Basic", "realm", `a\`), challenge("Bearer", "realm", "b")}},
		{"tab after the scheme", []string{"Bearer\trealm=\"a\""}, []Challenge{challenge("Bearer", "realm", "a")}},

		{"nothing", nil, nil},
		{"an empty line", []string{""}, nil},
		{"commas alone", []string{" , ,\t,"}, nil},
		{"scheme alone", []string{"Basic"}, []Challenge{challenge("Basic")}},
		{"scheme and space", []string{"Basic  "}, []Challenge{challenge("Basic")}},
		{"schemes alone", []string{"Basic, Bearer,DPoP ,Negotiate"},
			[]Challenge{challenge("Basic"), challenge("Bearer"), challenge("DPoP"), challenge("Negotiate")}},
		{"several lines", []string{`Basic realm="a"`, `Bearer realm="b"`, "Negotiate"},
			[]Challenge{challenge("Basic", "realm", "a"), challenge("Bearer", "realm", "b"), challenge("Negotiate")}},
		{"one scheme twice", []string{`Bearer realm="a", Bearer realm="b"`, `Bearer realm="c"`},
			[]Challenge{challenge("Bearer", "realm", "a"), challenge("Bearer", "realm", "b"), challenge("Bearer", "realm", "c")}},
		{"empty members", []string{`,, Basic realm="a",,, charset="UTF-8" , ,Bearer realm="b",,`},
			[]Challenge{challenge("Basic", "realm", "a", "charset", "UTF-8"), challenge("Bearer", "realm", "b")}},
		{"an empty member before the parameters", []string{`Basic , realm="a"`}, []Challenge{challenge("Basic", "realm", "a")}},
		{"space around the equals sign", []string{"Basic realm =\t\"a\" , charset= UTF-8"}, []Challenge{challenge("Basic", "realm", "a", "charset", "UTF-8")}},
		// A tilde is a letter of a token, and no space.
		{"a tilde before the scheme", []string{`~Basic realm="a"`}, []Challenge{challenge("~Basic", "realm", "a")}},
		{"a tilde before token68", []string{"Basic ~abc"}, []Challenge{{Scheme: "Basic", Token68: "~abc"}}},
		{"a tilde for a value", []string{"X a= ~"}, []Challenge{challenge("X", "a", "~")}},
		{"a tilde before a value", []string{"X a= ~b"}, []Challenge{challenge("X", "a", "~b")}},
		{"a tilde before a name", []string{`X a="b" ~c=d`}, []Challenge{challenge("X", "a", "b", "~c", "d")}},
		{"malformed: a tilde before the equals sign", []string{`X a ~="b"`}, nil},
		{"malformed: a tilde behind a string", []string{`X a="b"~, c=d`}, nil},

		{"no space after the comma", []string{`Bearer realm="a",error="b",Basic realm="c"`},
			[]Challenge{challenge("Bearer", "realm", "a", "error", "b"), challenge("Basic", "realm", "c")}},

		{"parameter names in lower case", []string{`Bearer REALM="A", Error_Description="B"`},
			[]Challenge{challenge("Bearer", "realm", "A", "error_description", "B")}},
		{"an empty string", []string{`Bearer realm=""`}, []Challenge{challenge("Bearer", "realm", "")}},
		{"a value of token characters", []string{"Bearer a=!#$%&'*+-.^_`|~09azAZ"}, []Challenge{challenge("Bearer", "a", "!#$%&'*+-.^_`|~09azAZ")}},
		{"a comma, an equals sign and a challenge in a string", []string{`Bearer realm="a, Basic realm=b, c=", x=y`},
			[]Challenge{challenge("Bearer", "realm", "a, Basic realm=b, c=", "x", "y")}},
		{"quoted pairs", []string{`Bearer realm="\a\"\\\,"`}, []Challenge{challenge("Bearer", "realm", `a"\,`)}},
		{"a tab and other text in a string", []string{"Bearer realm=\"a\tb é\""}, []Challenge{challenge("Bearer", "realm", "a\tb é")}},

		{"token68 of all its letters", []string{"Negotiate azAZ09-._~+/"}, []Challenge{{Scheme: "Negotiate", Token68: "azAZ09-._~+/"}}},
		{"token68 among others", []string{`Negotiate YWI=, Basic realm="a", NTLM TlRM , Bearer`},
			[]Challenge{{Scheme: "Negotiate", Token68: "YWI="}, challenge("Basic", "realm", "a"), {Scheme: "NTLM", Token68: "TlRM"}, challenge("Bearer")}},
		{"token68 or parameter: at the end", []string{"X realm="}, []Challenge{{Scheme: "X", Token68: "realm="}}},
		{"token68 or parameter: with a value", []string{"X realm=a"}, []Challenge{challenge("X", "realm", "a")}},

		// What is malformed ends the reading of its line; what came before stands.
		{"malformed: no value", []string{`Basic realm="a", Bearer a="b", error=, x=y`, "Negotiate"}, []Challenge{challenge("Basic", "realm", "a"), challenge("Negotiate")}},
		{"malformed: string without end", []string{`Basic realm="a", Bearer realm="b`, "Negotiate"}, []Challenge{challenge("Basic", "realm", "a"), challenge("Negotiate")}},
		{"malformed: string that ends in a backslash", []string{`Basic, Bearer realm="b\`}, []Challenge{challenge("Basic")}},
		{"malformed: text after a string", []string{`Basic, Bearer realm="b"c`}, []Challenge{challenge("Basic")}},
		{"malformed: no comma between challenges", []string{`Basic, Bearer realm="b" Digest realm="c"`}, []Challenge{challenge("Basic")}},
		{"malformed: no space between parameters", []string{`Basic, Bearer realm="b"error="c"`}, []Challenge{challenge("Basic")}},
		{"malformed: the second of two parameters", []string{`Basic, Bearer realm="b" error="c`}, []Challenge{challenge("Basic")}},
		{"malformed: the value that does not count", []string{`Basic, Bearer error="b", error="c`}, []Challenge{challenge("Basic")}},
		{"malformed: three words", []string{`Basic, Bearer one two`}, []Challenge{challenge("Basic")}},
		{"malformed: no scheme", []string{`="a"`, `"a"`, `(Basic)`, "Basic"}, []Challenge{challenge("Basic")}},
		{"malformed: parameter without a challenge", []string{`realm="a"`}, nil},
		{"malformed: character in a name", []string{`Basic, Bearer a/b="c"`}, []Challenge{challenge("Basic")}},
		{"malformed: no space after the scheme", []string{`Basic, Bearer/abc`}, []Challenge{challenge("Basic")}},
		{"malformed: no name", []string{`Bearer ="b"`, `Bearer a=b, ="c"`}, []Challenge{challenge("Bearer", "a", "b")}},
		{"malformed: padding alone", []string{"N =", "N =="}, nil},
		{"malformed: token68 with a parameter", []string{`Negotiate YWI=, x=y, Basic`}, []Challenge{{Scheme: "Negotiate", Token68: "YWI="}}},
		{"malformed: token68 with other letters of tokens", []string{"N a!", "N a#", "N a$", "N a%", "N a&", "N a'", "N a*", "N a^", "N a`", "N a|"}, nil},
		{"malformed: control character in a string", []string{"Basic, Bearer realm=\"a\x00b\"", "Bearer realm=\"\x7f\""}, []Challenge{challenge("Basic")}},
		{"malformed: padding in the middle", []string{`Basic, Negotiate YQ==YQ`, `Negotiate YQ=Y=`}, []Challenge{challenge("Basic")}},
		{"malformed: other text", []string{"Basic, é"}, []Challenge{challenge("Basic")}},

		// What real servers send beside the grammar.
		{"no comma between parameters (Google Cloud Run)", []string{`Bearer error="invalid_token" error_description="The access token could not be verified"`},
			[]Challenge{challenge("Bearer", "error", "invalid_token", "error_description", "The access token could not be verified")}},
		{"no comma between parameters, then a challenge", []string{"Bearer a=b \tc=d, Basic realm=\"e\"\tf=g"},
			[]Challenge{challenge("Bearer", "a", "b", "c", "d"), challenge("Basic", "realm", "e", "f", "g")}},
		{"a parameter twice: the first counts (Sentry)", []string{`Bearer resource_metadata="a", error="invalid_token", resource_metadata="b", Basic realm="c"`},
			[]Challenge{challenge("Bearer", "resource_metadata", "a", "error", "invalid_token"), challenge("Basic", "realm", "c")}},
		{"a parameter twice, by case, the first empty", []string{`Bearer error="" ERROR="y"`}, []Challenge{challenge("Bearer", "error", "")}},
		{"a comma after the scheme (oauthlib 3.0)", []string{`Bearer, error="invalid_token"`}, []Challenge{challenge("Bearer", "error", "invalid_token")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := challengesOf(tt.lines...); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func TestChallengeLimits(t *testing.T) {
	many := make([]string, 0, 50)
	for i := range 50 {
		many = append(many, fmt.Sprintf("S%d a=b", i))
	}
	for name, lines := range map[string][]string{
		"in one line":    {strings.Join(many, ", ")},
		"in many lines":  many,
		"in a few lines": {strings.Join(many[:20], ","), strings.Join(many[20:40], ","), strings.Join(many[40:], ",")},
	} {
		got := challengesOf(lines...)
		if len(got) != maxChallenges || got[maxChallenges-1].Scheme != fmt.Sprintf("S%d", maxChallenges-1) {
			t.Errorf("50 challenges %s: %d are returned", name, len(got))
		}
	}
	line := func(n int) string { return `Bearer realm="` + strings.Repeat("a", n-len(`Bearer realm=""`)) + `"` }
	if got := challengesOf(line(maxChallengeLine)); len(got) != 1 {
		t.Errorf("a line at the limit gives %d challenges", len(got))
	}
	if got := challengesOf(line(maxChallengeLine+1), "Basic"); len(got) != 1 || got[0].Scheme != "Basic" {
		t.Errorf("a line over the limit gives %+v", got)
	}
	if got := ParseChallenges(http.Header{"Proxy-Authenticate": {"Basic"}, "Authentication-Info": {"x"}}); got != nil {
		t.Errorf("other fields give %+v", got)
	}
}

func TestChallengeIs(t *testing.T) {
	c := Challenge{Scheme: "DPoP"}
	if !c.HasScheme("dpop") || !c.HasScheme("DPOP") || c.HasScheme("DPo") || c.HasScheme("") || c.HasScheme("Bearer") {
		t.Error("Is is wrong")
	}
}

// TestChallengeQuotedControl: a backslash does not make a control character
// legal (RFC 9110, Section 5.6.4: HTAB, SP, VCHAR, obs-text).
func TestChallengeQuotedControl(t *testing.T) {
	for _, c := range []string{"\x00", "\n", "\r", "\x1b", "\x7f"} {
		if got := challengesOf("Basic, Bearer realm=\"a\\" + c + "b\""); len(got) != 1 {
			t.Errorf("%q after a backslash: got %+v", c, got)
		}
	}
	if got := challengesOf("Bearer realm=\"\\\t\\ \\é\""); !reflect.DeepEqual(got, []Challenge{challenge("Bearer", "realm", "\t é")}) {
		t.Errorf("legal quoted pairs give %+v", got)
	}
}

// TestChallengeGarbage: whatever the line is, it is read to its end without a
// panic, and nothing is returned that a scheme could not be.
func TestChallengeGarbage(t *testing.T) {
	const alphabet = "aB=,\"\\ \t/"
	var line [6]byte
	var walk func(int)
	walk = func(n int) {
		for _, c := range challengesOf(string(line[:n])) {
			if c.Scheme == "" || strings.ContainsAny(c.Scheme, "=,\"\\ \t/") || c.Token68 != "" && c.Params != nil {
				t.Errorf("%q gives %+v", line[:n], c)
			}
		}
		if n == len(line) {
			return
		}
		for i := range alphabet {
			line[n] = alphabet[i]
			walk(n + 1)
		}
	}
	walk(0)
}
