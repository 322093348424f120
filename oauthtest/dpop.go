package oauthtest

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// This file implements the server's side of DPoP, RFC 9449: proofs and nonces.
// What tokens are bound to is in bound.go.

const (
	proofWindow  = 60 * time.Second // how far iat may be from the server's clock, both ways
	maxProofSize = 8 << 10
)

// A DPoPNonceMode says which nonces the server requires in DPoP proofs (RFC 9449,
// Sections 8 and 9). A request without a proof needs no nonce in any mode.
type DPoPNonceMode int

const (
	// DPoPNonceNone requires no nonce, and ignores any.
	DPoPNonceNone DPoPNonceMode = iota

	// DPoPNonceOnce requires a nonce. The server sends it with the error
	// use_dpop_nonce, and it stays valid.
	DPoPNonceOnce

	// DPoPNonceRotating requires one of the last two nonces. Each response contains
	// a new one.
	DPoPNonceRotating

	// DPoPNonceEvery requires a nonce that was not used yet. Each response contains
	// a new one.
	DPoPNonceEvery

	// DPoPNonceForever refuses every proof with use_dpop_nonce and a new nonce.
	DPoPNonceForever
)

// proofEndpoint is what an endpoint does with proofs.
type proofEndpoint struct {
	path     string
	resource bool // its nonces are those of Options.DPoPResourceNonce
}

var proofEndpoints = [...]proofEndpoint{
	{tokenPath, false},
	{parPath, false},
	{registerPath, false},
	{registrationPath, false},
	{userinfoPath, true},
	{resourcePath, true},
}

// A proof is a DPoP proof that was looked at.
type proof struct {
	jkt string // thumbprint of the key
	ath any
	err *protocolError
}

// proofKey is the key of a request's proof.
type proofKey struct{}

// proofOf returns the proof of a request; nil if there is none.
func proofOf(r *http.Request) *proof {
	p, _ := r.Context().Value(proofKey{}).(*proof)
	return p
}

// proofError is what is wrong with the proof of a request, if there is one.
func proofError(r *http.Request) *protocolError {
	if p := proofOf(r); p != nil {
		return p.err
	}
	return nil
}

// takeProof reads the proof of a request before its endpoint sees it, and gives
// out the nonce for the next one.
func (s *Server) takeProof(w http.ResponseWriter, r *http.Request) *http.Request {
	i := slices.IndexFunc(proofEndpoints[:], func(e proofEndpoint) bool { return s.fullPath(e.path) == r.URL.Path })
	if i < 0 {
		s.editNonce(w.Header(), false)
		return r
	}
	mode := s.opts.DPoPNonce
	if proofEndpoints[i].resource {
		mode = s.opts.DPoPResourceNonce
	}
	p := s.readProof(r, mode)
	refused := p != nil && p.err != nil && p.err.code == "use_dpop_nonce"
	if mode > DPoPNonceOnce || refused {
		w.Header().Set("DPoP-Nonce", s.nextNonce(mode))
	}
	s.editNonce(w.Header(), true)
	if p == nil {
		return r
	}
	return r.WithContext(context.WithValue(r.Context(), proofKey{}, p))
}

// readProof is RFC 9449, Section 4.3. What depends on an access token is
// checked with that.
func (s *Server) readProof(r *http.Request, mode DPoPNonceMode) *proof {
	values := r.Header.Values("DPoP")
	if len(values) == 0 {
		return nil
	}
	refuse := func(description string) *proof {
		return &proof{err: invalid("invalid_dpop_proof", description)}
	}
	if len(values) > 1 {
		return refuse("more than one DPoP header field")
	}
	if len(values[0]) > maxProofSize {
		return refuse("the proof is too large")
	}
	jws, err := parseJWS(values[0])
	if err != nil {
		return refuse("the proof is not a JWT")
	}
	alg, ok := algorithmByName(jws.alg)
	if !ok {
		return refuse("the alg is not supported, or not asymmetric")
	}
	if jws.typ != "dpop+jwt" {
		return refuse("the typ is not dpop+jwt")
	}
	key, jkt := proofJWK(jws.header["jwk"])
	if key == nil {
		return refuse("the jwk is not a public key in its plain form")
	}
	if description := s.checkProofClaims(r, jws.claims); description != "" {
		return refuse(description)
	}
	if !alg.verify(key, jws.input, jws.signature) {
		return refuse("the signature is not by the jwk")
	}
	iat, _ := numericDate(jws.claims["iat"])
	// A second more than it can be used: the one at the end of the window.
	until := iat.Add(proofWindow + time.Second)
	if jti, _ := jws.claims["jti"].(string); jti == "" || !s.firstUse("dpop\x00"+jkt+"\x00"+jti, until) {
		return refuse("jti is missing, or was seen before")
	}
	// The last, so that only a proof that is good otherwise uses up a nonce. A
	// second try needs another jti nevertheless.
	if nonce, _ := jws.claims["nonce"].(string); !s.takeNonce(mode, nonce) {
		return &proof{err: invalid("use_dpop_nonce", "the proof needs a nonce of this server")}
	}
	return &proof{jkt: jkt, ath: jws.claims["ath"]}
}

// checkProofClaims returns what is wrong, "" for nothing.
func (s *Server) checkProofClaims(r *http.Request, claims map[string]any) string {
	iat, ok := numericDate(claims["iat"])
	htu, _ := claims["htu"].(string)
	uri, good := normalURL(htu)
	scheme := "https://"
	if r.TLS == nil {
		scheme = "http://"
	}
	target, _ := normalURL(scheme + r.Host + r.URL.EscapedPath())
	switch {
	case claims["htm"] != r.Method:
		return "htm is not the method of the request"
	case !good:
		return "htu is not an absolute http URI without query and fragment"
	case uri != target:
		return "htu is not the URI of the request"
	case !ok || s.now().Sub(iat).Abs() > proofWindow:
		return "iat is missing, too old or in the future"
	}
	return ""
}

// proofJWK reads the key of a proof and returns its thumbprint (RFC 7638). The
// members have to be those that the thumbprint is made of, octet by octet: a
// number with leading zeros would be the same key with another one.
func proofJWK(v any) (crypto.PublicKey, string) {
	jwk, _ := v.(map[string]any)
	for _, private := range [...]string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"} {
		if _, present := jwk[private]; present {
			return nil, "" // RFC 9449, Section 4.3, point 7
		}
	}
	set, err := json.Marshal(map[string]any{"keys": []any{jwk}})
	if err != nil {
		return nil, ""
	}
	keys, err := parseJWKS(set)
	if err != nil {
		return nil, ""
	}
	members := publicMembers(keys[0].key)
	for name, value := range members {
		if jwk[name] != value {
			return nil, ""
		}
	}
	// A map is written in the order of its names, and base64url needs no escapes.
	canonical, err := json.Marshal(members)
	if err != nil {
		return nil, ""
	}
	return keys[0].key, hashOf(canonical)
}

// isThumbprint reports whether s can be the base64url of a SHA-256 hash. Both
// lengths count: the decoder ignores line breaks.
func isThumbprint(s string) bool {
	sum, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(sum) == sha256.Size && len(s) == base64.RawURLEncoding.EncodedLen(sha256.Size)
}

// hashOf is the form of thumbprints and of ath.
func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return encode(sum[:])
}

// normalURL is the form of an http URI that RFC 3986, Sections 6.2.2 and 6.2.3
// make of it. It is stricter than RFC 9449, Section 4.3, which looks past query
// and fragment: Section 4.2 leaves them out in the first place.
func normalURL(raw string) (string, bool) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || strings.ContainsAny(raw, "?#") {
		return "", false
	}
	port := map[string]string{"http": ":80", "https": ":443"}[u.Scheme] // Parse has lowered it
	if port == "" {
		return "", false
	}
	host := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(u.Host), port), ":")
	// Dot segments stay: no endpoint has one, so that they are refused.
	return u.Scheme + "://" + host + normalPath(u.EscapedPath()), true
}

func normalPath(escaped string) string {
	if escaped == "" {
		return "/"
	}
	var b strings.Builder
	for i := 0; i < len(escaped); i++ {
		if escaped[i] != '%' {
			b.WriteByte(escaped[i])
			continue
		}
		octet, _ := hex.DecodeString(escaped[i+1 : i+3]) // url.Parse refuses what is none
		if c := octet[0]; unreserved(c) {
			b.WriteByte(c)
		} else {
			b.WriteString(strings.ToUpper(escaped[i : i+3]))
		}
		i += 2
	}
	return b.String()
}

// unreserved is RFC 3986, Section 2.3.
func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// takeNonce reports whether a nonce is good in a mode, and uses it up where it
// is good once. Both kinds of endpoints have the same nonces, because clients
// keep them by origin (RFC 9449, Section 8.2) and here it is one.
func (s *Server) takeNonce(mode DPoPNonceMode, nonce string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.nonces, nonce)
	switch mode {
	case DPoPNonceNone:
		return true
	case DPoPNonceOnce:
		return i >= 0
	case DPoPNonceRotating:
		return i >= 0 && i >= len(s.nonces)-2
	case DPoPNonceEvery:
		if i >= 0 {
			s.nonces = slices.Delete(s.nonces, i, i+1)
		}
		return i >= 0
	default: // DPoPNonceForever
		return false
	}
}

// nextNonce is the nonce for the next proof.
func (s *Server) nextNonce(mode DPoPNonceMode) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.nonces); mode == DPoPNonceOnce && n > 0 {
		return s.nonces[n-1]
	}
	nonce := rand.Text()
	s.nonces = append(s.nonces, nonce)
	return nonce
}
