package keycloak

// This file is Keycloak's REST interface for administration: realms, users,
// clients, keys and client policies.

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"example.com/oauth"
)

// random is a name or a secret of 26 letters and digits.
func random() string { return strings.ToLower(rand.Text()) }

// object is a representation in JSON, rawJSON what is JSON already.
type (
	object  = map[string]any
	rawJSON = json.RawMessage
)

// An admin speaks to the REST interface.
type admin struct {
	base, password string
	http           *http.Client

	mu      sync.Mutex
	current string
	until   time.Time
}

// token is one of the administrator's, which lasts a minute.
func (a *admin) token(ctx context.Context) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if time.Now().Before(a.until) {
		return a.current, nil
	}
	form := url.Values{"grant_type": {"password"}, "client_id": {"admin-cli"}, "username": {"admin"}, "password": {a.password}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost,
		a.base+"/realms/master/protocol/openid-connect/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := a.http.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var answer struct {
		Token string `json:"access_token"`
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("token for the administrator: status %d", resp.StatusCode)
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return "", err
	}
	a.current, a.until = answer.Token, time.Now().Add(30*time.Second)
	return a.current, nil
}

// do makes a request and returns the ID at the end of Location. A nil body is none, a
// nil result is not looked at.
func (a *admin) do(ctx context.Context, method, where string, body, result any) (id string, err error) {
	token, err := a.token(ctx)
	if err != nil {
		return "", err
	}
	var raw []byte
	if body != nil {
		if raw, err = json.Marshal(body); err != nil {
			return "", err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, a.base+"/admin/realms"+where, bytes.NewReader(raw))
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode/100 != 2 {
		return "", &adminError{method, where, resp.StatusCode, string(text)}
	}
	if result != nil {
		return "", json.Unmarshal(text, result)
	}
	return path.Base(resp.Header.Get("Location")), nil
}

// An adminError is a refusal of the REST interface.
type adminError struct {
	method, where string
	status        int
	text          string
}

func (e *adminError) Error() string {
	return fmt.Sprintf("%s /admin/realms%s: status %d: %.300s", e.method, e.where, e.status, e.text)
}

// contextForSetup is for what several rows share: not the context of the row that
// happens to come first.
var contextForSetup = context.Background()

// A realm is one of the server's.
type realm struct {
	*keycloak
	name   string
	issuer string
	once   sync.Once
	err    error

	discovered sync.Once
	metadata   *oauth.AuthorizationServer
	keySet     *oauth.KeySet
}

// apiResource is the audience of the access tokens.
const apiResource = "https://api.example.com"

// password is that of every user, and otpSecret the seed of their second factor.
const (
	password  = "correct horse"
	otpSecret = "c0ffeec0ffeec0ffeec0"
)

// realm finds a realm, and makes it when it is asked for first. change adapts its
// representation, then is called with the realm there is.
func (k *keycloak) realm(s *scenario, name string, change func(rep object), then func(*realm) error) *realm {
	k.mu.Lock()
	r := k.realms[name]
	if r == nil {
		r = &realm{keycloak: k, name: name, issuer: k.base + "/realms/" + name}
		k.realms[name] = r
	}
	k.mu.Unlock()
	r.once.Do(func() {
		rep := object{
			"realm": name, "enabled": true, "sslRequired": "all",
			// Fast, and that is all: nobody else reaches this server.
			"passwordPolicy": "hashAlgorithm(pbkdf2-sha256) and hashIterations(1)",
			"otpPolicyType":  "totp", "otpPolicyAlgorithm": "HmacSHA1", "otpPolicyDigits": 6, "otpPolicyPeriod": 30, "otpPolicyLookAheadWindow": 1,
			"otpPolicyCodeReusable": true,
			"revokeRefreshToken":    true, "refreshTokenMaxReuse": 0,
			"accessTokenLifespan": 300,
			"eventsEnabled":       true,
			"attributes":          object{"cibaInterval": "1", "cibaExpiresIn": "120", "oauth2DevicePollingInterval": "1", "oauth2DeviceCodeLifespan": "600"},
			"users":               []object{user("alice"), user("bob"), withOTP(user("dora"))},
		}
		if change != nil {
			change(rep)
		}
		if _, r.err = k.admin.do(contextForSetup, http.MethodPost, "", rep, nil); r.err == nil && then != nil {
			r.err = then(r)
		}
	})
	s.check(r.err, "the realm "+name)
	return r
}

// user is one with all that Keycloak asks new users for.
func user(name string) object {
	return object{
		"username": name, "enabled": true, "email": name + "@example.com", "emailVerified": true,
		"firstName": strings.ToUpper(name[:1]) + name[1:], "lastName": "Test",
		"credentials": []object{{"type": "password", "value": password}}, "realmRoles": []string{"offline_access"},
		"clientRoles": object{"account": []string{"view-profile"}}, // which puts account into the audience
	}
}

// withOTP gives a user a second factor.
func withOTP(u object) object {
	u["credentials"] = append(u["credentials"].([]object), object{
		"type": "otp", "secretData": `{"value":"` + otpSecret + `"}`,
		"credentialData": `{"subType":"totp","digits":6,"counter":0,"period":30,"algorithm":"HmacSHA1"}`,
	})
	return u
}

// main is the realm in which most rows are.
func (k *keycloak) main(s *scenario) *realm { return k.realm(s, "main", nil, nil) }

// server are the metadata of the realm.
func (r *realm) server(s *scenario) *oauth.AuthorizationServer {
	r.discovered.Do(func() {
		r.metadata, r.err = oauth.Discover(context.Background(), r.issuer, &oauth.DiscoverOptions{HTTPClient: &http.Client{Transport: r.transport}})
		if r.err == nil {
			r.keySet, r.err = oauth.NewKeySet(r.metadata.JWKSURI, &oauth.KeySetOptions{HTTPClient: &http.Client{Transport: r.transport}})
		}
	})
	s.check(r.err, "discovery")
	return r.metadata
}

// admin makes a request of the realm's administration.
func (r *realm) do(s *scenario, method, where string, body, result any) string {
	id, err := r.keycloak.admin.do(s.ctx, method, "/"+r.name+where, body, result)
	s.check(err, "administration")
	return id
}

// A spec is what a client of a row has of its own. The zero value is a client with
// a secret in an Authorization header.
type spec struct {
	auth     string            // as in token_endpoint_auth_method; empty: client_secret_basic
	alg      oauth.Algorithm   // of its assertions; empty: ES256, or HS256
	attrs    map[string]string // attributes of the representation
	rep      object            // members of the representation
	keys     []rawJSON         // public keys beside those of its assertions and requests
	requests oauth.Algorithm   // of its request objects; empty: it signs none
	config   func(*oauth.Config)
	noAud    bool // no audience in its access tokens but Keycloak's own

	certificate bool // it uses a client certificate, however it authenticates
}

// attr is the client with one more attribute.
func (sp spec) attr(name, value string) spec {
	sp.attrs = maps.Clone(sp.attrs)
	if sp.attrs == nil {
		sp.attrs = map[string]string{}
	}
	sp.attrs[name] = value
	return sp
}

// also is the client with one more change of its configuration.
func (sp spec) also(change func(*oauth.Config)) spec {
	before := sp.config
	sp.config = func(c *oauth.Config) {
		if before != nil {
			before(c)
		}
		change(c)
	}
	return sp
}

// A party is a client of the package, set up as one of the server's.
type party struct {
	*realm
	spec
	uuid   string // of the representation
	id     string // client_id
	secret string
	key    *oauth.SigningKey // signs assertions and requests
	cfg    oauth.Config
	client *oauth.Client
	wire   *wire

	registration *oauth.Registration // of one that registered itself
}

// redirectURI is where the browser of the tests stops; nothing listens there.
const redirectURI = "https://rp.example/cb"

const loggedOutURI = "https://rp.example/logged-out"

// representation is the client as the administration takes it.
func (p *party) representation() object {
	attrs := map[string]string{
		"post.logout.redirect.uris":        loggedOutURI,
		"access.token.signed.response.alg": "ES256", "id.token.signed.response.alg": "ES256",
	}
	rep := object{
		"clientId": p.id, "enabled": true, "protocol": "openid-connect", "redirectUris": []string{redirectURI},
		"standardFlowEnabled": true, "directAccessGrantsEnabled": false, "publicClient": false, "secret": p.secret,
	}
	keys := append([]rawJSON(nil), p.keys...)
	switch p.auth {
	case "client_secret_basic", "client_secret_post":
		rep["clientAuthenticatorType"] = "client-secret"
	case "client_secret_jwt":
		rep["clientAuthenticatorType"] = "client-secret-jwt"
		attrs["token.endpoint.auth.signing.alg"] = string(p.alg)
	case "private_key_jwt":
		rep["clientAuthenticatorType"] = "client-jwt"
		attrs["token.endpoint.auth.signing.alg"] = string(p.alg)
	case "tls_client_auth":
		rep["clientAuthenticatorType"] = "client-x509"
		attrs["x509.subjectdn"] = "CN=" + p.id
	case "none":
		rep["publicClient"] = true
		attrs["pkce.code.challenge.method"] = "S256"
		delete(rep, "secret")
	}
	if p.key != nil {
		keys = append(keys, p.key.PublicJWK())
	}
	if p.cfg.RequestKey != nil {
		keys = append(keys, p.cfg.RequestKey.PublicJWK())
	}
	if len(keys) > 0 {
		set, _ := json.Marshal(object{"keys": keys})
		attrs["use.jwks.string"], attrs["jwks.string"] = "true", string(set)
	}
	if !p.noAud {
		rep["protocolMappers"] = []object{audience("aud", "included.custom.audience", apiResource), audience("self", "included.client.audience", p.id)}
	}
	maps.Copy(attrs, p.attrs)
	rep["attributes"] = attrs
	maps.Copy(rep, p.rep)
	return rep
}

// audience is a mapper that adds to the aud of access tokens.
func audience(name, kind, value string) object {
	return object{
		"name": name, "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper",
		"config": object{kind: value, "access.token.claim": "true", "introspection.token.claim": "true", "id.token.claim": "false"},
	}
}

// client registers a client and sets the package up as it.
func (r *realm) client(s *scenario, sp spec) *party {
	p := r.unregistered(s, sp)
	p.uuid = r.do(s, http.MethodPost, "/clients", p.representation(), nil)
	var err error
	p.client, err = oauth.NewClient(p.cfg)
	s.check(err, "NewClient")
	return p
}

// unregistered is a client that Keycloak does not know yet.
func (r *realm) unregistered(s *scenario, sp spec) *party {
	p := &party{realm: r, spec: sp, id: "c-" + random(), secret: random() + random() + random(), wire: new(wire)}
	if p.auth == "" {
		p.auth = "client_secret_basic"
	}
	server := r.server(s)
	p.cfg = oauth.Config{
		Server: server, KeySet: r.keySet, HTTPClient: &http.Client{Transport: p.wire.wrap(r.transport)},
		Metadata: oauth.ClientMetadata{
			ClientID: p.id, TokenEndpointAuthMethod: p.auth, IDTokenSignedResponseAlg: oauth.ES256, RedirectURIs: []string{redirectURI},
		},
	}
	switch p.auth {
	case "client_secret_basic":
		p.cfg.Auth = oauth.ClientSecretBasic(p.secret)
	case "client_secret_post":
		p.cfg.Auth = oauth.ClientSecretPost(p.secret)
	case "client_secret_jwt":
		if p.alg == "" {
			p.alg = oauth.HS256
		}
		p.cfg.Auth = oauth.ClientSecretJWT(p.secret, p.alg, nil)
	case "private_key_jwt":
		if p.alg == "" {
			p.alg = oauth.ES256
		}
		p.key = s.newKey(p.alg)
		p.cfg.Auth = oauth.PrivateKeyJWT(p.key, nil)
	case "tls_client_auth":
		p.cfg.Auth = oauth.TLSClientAuth()
		p.certificate = true
	case "none":
		p.cfg.Auth = oauth.PublicClient()
	default:
		s.fatalf("no client authentication %q here", p.auth)
	}
	if p.certificate {
		p.useCertificate(s, p.id)
	}
	if p.requests != "" {
		p.cfg.RequestKey = s.newKey(p.requests)
		p.cfg.Metadata.RequestObjectSigningAlg = p.requests
	}
	if sp.config != nil {
		sp.config(&p.cfg)
	}
	return p
}

// useCertificate has the client use a certificate for that name.
func (p *party) useCertificate(s *scenario, name string) {
	cert, err := p.authority.issue(name, false)
	s.check(err, "client certificate")
	// The package makes the transport itself, and the wire goes around it.
	p.cfg.HTTPClient = nil
	p.cfg.MTLS = &oauth.MutualTLS{Certificate: cert, RootCAs: p.roots, Wrap: p.wire.wrap}
}

// as is another client of the package that calls itself by the same name.
func (p *party) as(s *scenario, change func(q *party)) *party {
	q := *p
	q.wire = new(wire)
	if p.cfg.MTLS != nil {
		m := *p.cfg.MTLS
		m.Wrap = q.wire.wrap
		q.cfg.MTLS = &m
	} else {
		q.cfg.HTTPClient = &http.Client{Transport: q.wire.wrap(p.transport)}
	}
	if change != nil {
		change(&q)
	}
	var err error
	q.client, err = oauth.NewClient(q.cfg)
	s.check(err, "NewClient")
	return &q
}

// update changes the client at the server.
func (p *party) update(s *scenario, change func(rep object)) {
	var rep object
	p.do(s, http.MethodGet, "/clients/"+p.uuid, nil, &rep)
	change(rep)
	p.do(s, http.MethodPut, "/clients/"+p.uuid, rep, nil)
}
