package oauth

// This file implements WWW-Authenticate (RFC 9110, Section 11.6.1).

import (
	"net/http"
	"strings"
)

// ParseChallenges returns the challenges of all WWW-Authenticate fields of h, in
// order. If a challenge is malformed, it and the rest of its field are ignored.
// Parameters that are separated by spaces alone are read, and of parameters with the
// same name the first counts. At most 32 challenges are returned; a field of more than
// 16 KiB is ignored.
func ParseChallenges(h http.Header) []Challenge {
	var all []Challenge
	for _, line := range h.Values("WWW-Authenticate") {
		if len(line) > maxChallengeLine {
			continue
		}
		all = append(all, (&challengeReader{s: line}).read(maxChallenges-len(all))...)
	}
	return all
}

// challengeReader reads
//
//	WWW-Authenticate = #challenge
//	challenge        = auth-scheme [ 1*SP ( token68 / #auth-param ) ]
//	auth-param       = token BWS "=" BWS ( token / quoted-string )
//
// in one pass. Both lists use the comma; a name followed by "=" is a
// parameter, one that is not begins a challenge. Between parameters a space is
// enough; a challenge begins only after a comma.
type challengeReader struct {
	s string
	i int
}

func (r *challengeReader) read(limit int) []Challenge {
	var list []Challenge
	for {
		r.skip(" \t,") // empty list members are legal
		if r.i == len(r.s) || len(list) >= limit {
			return list
		}
		c := Challenge{Scheme: r.token()}
		if c.Scheme == "" || !r.end() && !r.skip(" \t") {
			return list
		}
		if c.Token68 = r.token68(); c.Token68 == "" && !r.params(&c) {
			return list
		}
		list = append(list, c)
	}
}

// end reports whether a list member ends here.
func (r *challengeReader) end() bool { return r.i == len(r.s) || r.s[r.i] == ',' }

// skip passes over the characters and reports whether there were any.
func (r *challengeReader) skip(chars string) bool {
	start := r.i
	for r.i < len(r.s) && strings.IndexByte(chars, r.s[r.i]) >= 0 {
		r.i++
	}
	return r.i > start
}

func (r *challengeReader) token() string {
	start := r.i
	for r.i < len(r.s) && tokenChar(r.s[r.i]) {
		r.i++
	}
	return r.s[start:r.i]
}

// token68 reads one if what stands here up to the end of the list member is one.
func (r *challengeReader) token68() string {
	i := r.i
	for i < len(r.s) && (tokenChar(r.s[i]) || r.s[i] == '/') && strings.IndexByte("!#$%&'*^`|", r.s[i]) < 0 {
		i++
	}
	if i == r.i {
		return ""
	}
	for i < len(r.s) && r.s[i] == '=' {
		i++
	}
	after := challengeReader{r.s, i}
	after.skip(" \t")
	if !after.end() {
		return ""
	}
	t := r.s[r.i:i]
	r.i = i
	return t
}

// params reads the parameters of c up to where the next challenge begins. It
// reports false if one is malformed.
func (r *challengeReader) params(c *Challenge) bool {
	for {
		start := r.i
		r.skip(" \t,")
		at := r.i
		name := strings.ToLower(r.token())
		r.skip(" \t")
		if name == "" || r.i == len(r.s) || r.s[r.i] != '=' {
			// Not a parameter: the next challenge, or the end.
			r.i = start
			return at == len(r.s) || strings.Contains(r.s[start:at], ",")
		}
		r.i++
		r.skip(" \t")
		value, ok := r.value()
		if !ok {
			return false
		}
		if c.Params == nil {
			c.Params = make(map[string]string)
		}
		// RFC 9110, Section 11.2 wants a name once, and Section 11.6.1 a comma between
		// parameters. Sentry repeats one, Google Cloud Run has no comma.
		if _, known := c.Params[name]; !known {
			c.Params[name] = value
		}
		if !r.skip(" \t") && !r.end() {
			return false
		}
	}
}

func (r *challengeReader) value() (string, bool) {
	if r.i == len(r.s) || r.s[r.i] != '"' {
		v := r.token()
		return v, v != ""
	}
	var b strings.Builder
	for r.i++; r.i < len(r.s); r.i++ {
		switch c := r.s[r.i]; {
		case c == '"':
			r.i++
			return b.String(), true
		case c == '\\':
			if r.i++; r.i == len(r.s) || control(r.s[r.i]) {
				return "", false
			}
			b.WriteByte(r.s[r.i])
		case control(c):
			return "", false
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

// appendParam writes a parameter of a challenge behind others. The value has no
// character that would have to be escaped.
func appendParam(b []byte, name, value string) []byte {
	return appendParams(b, " "+name+`="`+value+`"`)
}

// appendParams writes parameters that appendParam has written elsewhere, or none.
func appendParams(b []byte, params string) []byte {
	if params != "" && len(b) > 0 {
		b = append(b, ',')
	}
	return append(b, params...)
}

// challengeError is the error of the challenges of a scheme. Each scheme has its
// own: of the others nothing follows for a token that was not sent under them.
func challengeError(h http.Header, scheme string) string {
	for _, c := range ParseChallenges(h) {
		if code := c.Params["error"]; code != "" && c.HasScheme(scheme) {
			return code
		}
	}
	return ""
}
