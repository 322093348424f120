package oauth

// This file implements the client's side of DPoP (RFC 9449): proofs, and the
// nonces that servers want in them.

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

const opDPoP = "dpop"

// A DPoP makes proofs that its holder has a private key (RFC 9449). If Config.DPoP
// is set, tokens are bound to the key, and are useless without it. A DPoP keeps the
// latest nonces that servers have sent, and an access token that several proofs in a row
// are for, until there is one for another. It is safe for concurrent use, and several
// Clients may share it.
//
// A program that stores refresh tokens must store the key as well, because the
// refresh tokens of a public client are bound to it.
type DPoP struct {
	key        *SigningKey
	header     string // of every proof, encoded
	thumbprint string
	clock      Clock
	of         *DPoP // that keeps the nonces; nil: itself
	second     *DPoP // with the second name of the algorithm; nil: it has one

	mu     sync.Mutex
	nonces []originNonce // the latest used first
	token  *string       // an access token that came twice in a row; nil if another came since
	hash   tokenHash     // of the latest access token
}

type originNonce struct{ origin, nonce string }

// algorithm is that of the key; "" if there is none.
func (d *DPoP) algorithm() Algorithm {
	if d == nil {
		return ""
	}
	return d.key.Algorithm()
}

// NewDPoP returns a DPoP that signs with key. clock is used only by [DPoP.Proof],
// because a Client uses its own; the zero Clock is the local time. If key is nil,
// or if clock is out of range, the error matches [ErrConfig].
func NewDPoP(key *SigningKey, clock Clock) (*DPoP, error) {
	if key == nil || key.alg == nil {
		return nil, withOp(opDPoP, fail(ErrConfig, "key", "is nil or empty: NewSigningKey, GenerateSigningKey and ParseSigningKey make one"))
	}
	d := &DPoP{key: key, thumbprint: key.Thumbprint(), clock: clock}
	if err := d.clock.validate(); err != nil {
		return nil, withOp(opDPoP, err)
	}
	d.header = dpopHeader(key, key.alg.name)
	if name := key.alg.name.secondName(); name != "" {
		d.second = &DPoP{key: key, header: dpopHeader(key, name), thumbprint: d.thumbprint, of: d}
	}
	return d, nil
}

// dpopHeader is Section 4.2: the jwk is public, and minimal here; there is no kid.
func dpopHeader(key *SigningKey, alg Algorithm) string {
	header := append(appendHeader(nil, alg, dpopType, ""), `,"jwk":`...)
	return encodeBase64URL(append(append(header, minimalJWK(key.signer.Public())...), '}'))
}

// namedAt is d with the name of the algorithm that a server lists.
func (d *DPoP) namedAt(list []Algorithm) *DPoP {
	if d == nil {
		return nil
	}
	if d.key.alg.name.nameAt("", list) == d.key.alg.name {
		return d
	}
	return d.second
}

// dpopType is RFC 9449, Section 4.2.
const dpopType = "dpop+jwt"

// Thumbprint returns the RFC 7638 thumbprint of the key. It is the value of
// dpop_jkt, and of jkt in tokens that are bound to the key.
func (d *DPoP) Thumbprint() string {
	if d == nil {
		return ""
	}
	return d.thumbprint
}

// Format prints the algorithm and the thumbprint.
func (d *DPoP) Format(f fmt.State, _ rune) { fmt.Fprint(f, d.summary()) }

// LogValue returns the algorithm and the thumbprint.
func (d *DPoP) LogValue() slog.Value { return slog.StringValue(d.summary()) }

func (d *DPoP) summary() string {
	if d == nil || d.key == nil {
		return "DPoP()"
	}
	return "DPoP(" + string(d.key.alg.name) + " " + d.thumbprint + ")"
}

// Proof returns a proof for one request: the value of its DPoP header field. It is
// for requests that are sent neither by [Client.Do] nor by a [Transport].
// accessToken is the access token in the request; it is empty if there is none. The
// proof contains the latest nonce that d has seen from the origin of u. If d,
// method or u is invalid, or if signing fails, the error matches [ErrConfig].
func (d *DPoP) Proof(method string, u *url.URL, accessToken string) (string, error) {
	switch {
	case d == nil || d.key == nil:
		return "", withOp(opDPoP, fail(ErrConfig, "", "the DPoP is nil or empty: NewDPoP makes one"))
	case method == "" || u == nil || u.Scheme == "" || u.Host == "":
		return "", withOp(opDPoP, fail(ErrConfig, "", "a proof needs a method and an absolute URL"))
	}
	p := &provenRequest{method: method, url: u, token: accessToken}
	p.nonce = d.nonce(p.origin())
	proof, err := d.proof(p, d.clock.now())
	return proof, withOp(opDPoP, err)
}

// proof makes the JWT of Section 4.2.
func (d *DPoP) proof(p *provenRequest, now time.Time) (string, error) {
	u := p.url
	switch {
	case strings.ContainsFunc(p.method, func(r rune) bool { return r > 0x7e || !tokenChar(byte(r)) }):
		return "", fail(ErrConfig, "method", "%s is not a method", printable(p.method, 32))
	case !headerValue(u.Host): // net/http sends it as IDNA has it, and that is what the server compares with
		return "", fail(ErrConfig, "URL", "the host %s is not ASCII: in a proof it stands as IDNA writes it (xn--…)", printable(u.Host, 128))
	case strings.Contains(u.Host, "%"): // net/url has it decoded, and the text of the proof would name another host
		return "", fail(ErrConfig, "URL", "the host %s has a percent sign in it", printable(u.Host, 128))
	}
	htu, ok := p.proofURL()
	if !ok {
		return "", fail(ErrConfig, "URL", "the path %s does not begin with a slash, or the URL is opaque", printable(u.EscapedPath(), 128))
	}
	scratch := newJWSScratch()
	defer scratch.release()
	b := append(scratch.text[:0], `{"jti":"`...)
	b = append(appendJTI(b), '"')
	b = appendJSONString(append(b, `,"htm":`...), p.method)
	b = appendJSONString(append(b, `,"htu":`...), htu)
	b = appendJSONInt(append(b, `,"iat":`...), numericDate(now))
	if p.token != "" {
		ath := d.ath(p.token)
		b = append(appendBase64URL(append(b, `,"ath":"`...), ath[:]), '"')
	}
	if p.nonce != "" {
		b = appendJSONString(append(b, `,"nonce":`...), p.nonce)
	}
	scratch.text = append(b, '}')
	return d.key.signSegment(d.header, scratch)
}

// ath is the hash of an access token, which is much of what a proof costs beside its
// signature. Nearly all requests have the token of the one before: one that comes twice in
// a row is kept.
func (d *DPoP) ath(token string) tokenHash {
	d.mu.Lock()
	known, hash := d.token != nil && *d.token == token, d.hash
	d.mu.Unlock()
	if known {
		return hash
	}
	hash = hashToken(token)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.token = nil
	if d.hash == hash && len(token) <= maxToken {
		kept := strings.Clone(token) // the caller's may be a part of something large, or of a buffer
		d.token = &kept
	}
	d.hash = hash
	return hash
}

// proofURL is htu: "the HTTP target URI, without query and fragment parts", in
// the form that RFC 3986, Section 6.2.3 makes of it. ok is false for a URL that
// names no path of its host.
func (p *provenRequest) proofURL() (htu string, ok bool) {
	if p.url.Opaque != "" { // it goes over the wire in place of host and path
		return "", false
	}
	return joinTarget(p.origin(), p.url.EscapedPath())
}

func proofURL(u *url.URL) (htu string, ok bool) { return (&provenRequest{url: u}).proofURL() }

// ---- nonces

// nonce is the latest of an origin; "" if there is none.
func (d *DPoP) nonce(origin string) string {
	d = cmp.Or(d.of, d)
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, e := range d.nonces {
		if e.origin == origin {
			copy(d.nonces[1:i+1], d.nonces[:i])
			d.nonces[0] = e
			return e.nonce
		}
	}
	return ""
}

// remember keeps the nonce that an answer brought (Section 8.2: any answer may)
// and returns it.
func (d *DPoP) remember(origin string, h http.Header) string {
	nonce := nonceOf(h)
	if nonce == "" {
		return ""
	}
	d = cmp.Or(d.of, d)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.nonces = slices.DeleteFunc(d.nonces, func(e originNonce) bool { return e.origin == origin })
	if len(d.nonces) == maxNonceOrigins {
		d.nonces = d.nonces[:maxNonceOrigins-1]
	}
	d.nonces = slices.Insert(d.nonces, 0, originNonce{origin, nonce})
	return nonce
}

// nonceOf is the nonce that an answer brings; "" if there is none that could be
// one. It keeps nothing of the header alive.
func nonceOf(h http.Header) string {
	values := h.Values("Dpop-Nonce")
	if len(values) != 1 || !nonceValue(values[0]) {
		return ""
	}
	return strings.Clone(values[0])
}

// nonceValue is 1*NQCHAR (Section 8.1) of a length that fits a header.
func nonceValue(s string) bool {
	return s != "" && len(s) <= maxNonce && !strings.ContainsFunc(s, notScopeChar)
}

// ---- requests with a proof

// A provenRequest is what a proof is made for, and what came of it.
type provenRequest struct {
	method string
	url    *url.URL
	token  string // the access token in the request; "" if there is none
	nonce  string // in the proof; prove takes the latest if there is none yet

	cachedOrigin string // of url, which stays what it is; "" before origin is called
}

func (p *provenRequest) origin() string {
	if p.cachedOrigin == "" {
		p.cachedOrigin = originOf(p.url)
	}
	return p.cachedOrigin
}

// A proofSigner is the use of a SigningKey for proofs.
type proofSigner interface {
	signProof(d *DPoP, p *provenRequest, now time.Time) (string, error)
}

func (keyUse) signProof(d *DPoP, p *provenRequest, now time.Time) (string, error) {
	return d.proof(p, now)
}

// prove sets the proof of a request; a nil DPoP sets none.
func (d *DPoP) prove(h http.Header, p *provenRequest, now time.Time) error {
	if d == nil {
		return nil
	}
	if p.nonce == "" {
		p.nonce = d.nonce(p.origin())
	}
	proof, err := d.key.use.(proofSigner).signProof(d, p, now)
	if err == nil {
		h.Set("DPoP", proof)
	}
	return err
}

// retryNonce keeps the nonce of an answer, and returns it if the request is to be
// made once more: it was refused for its nonce, and this is another one. The
// second proof has this one, not the latest: where server and resource are one
// origin with nonces of their own, that may be the other's by then.
func (d *DPoP) retryNonce(p *provenRequest, status int, h http.Header, code func() string) (nonce string) {
	if d == nil {
		return ""
	}
	fresh := d.remember(p.origin(), h)
	if (status == http.StatusBadRequest || status == http.StatusUnauthorized) && fresh != p.nonce && code() == "use_dpop_nonce" {
		return fresh
	}
	return ""
}
