package oauth

// This file implements registration: RFC 7591 and OpenID Connect Dynamic Client
// Registration 1.0, the management of what was registered (RFC 7592), and
// clients that register nowhere because their client_id is the URL of their
// metadata (OAuth Client ID Metadata Document).

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const opRegistration = "registration"

// RegistrationOptions are the options of [Register] and of the methods of
// [Registration]. The zero value is for a server where every client may register.
type RegistrationOptions struct {
	unprinted

	// InitialAccessToken authorizes [Register] (RFC 7591, Section 3). If zero, none is
	// sent.
	InitialAccessToken Secret

	// MTLS is the client certificate for the registration endpoint, or for its alias if
	// the server has one. If nil, no certificate is used.
	MTLS *MutualTLS

	// DPoP is the key to which the tokens for the registration endpoint are bound. If
	// nil, they are Bearer tokens.
	DPoP *DPoP

	// ManagementOrigin is an origin, for example "https://admin.example", at which
	// registrations may be managed, in addition to the origins of the registration
	// endpoint and of its alias. If empty, there is no other. A RegistrationClientURI
	// at any other origin is refused, because the registration access token is sent
	// there.
	ManagementOrigin string

	// Header contains additional header fields of the requests. It must not contain
	// fields that the package or net/http sets.
	Header http.Header

	// ResponseHeader receives the header fields of the response; see
	// GrantOptions.ResponseHeader.
	ResponseHeader http.Header

	// HTTPClient makes the requests; see Config.HTTPClient. If nil, the package uses a
	// client of its own, with timeouts.
	HTTPClient *http.Client

	// Clock provides the time against which the expiry of secrets is checked. The zero
	// value means the local time.
	Clock Clock

	// Trace contains hooks that observe the requests. If nil, there are none.
	Trace *Trace

	// InsecureAllowHTTP allows http URLs. It should be used only for loopback addresses
	// and tests.
	InsecureAllowHTTP bool
}

// A Registration is a client as the server registered it. It contains secrets, which it
// does not print, and does not encode to JSON. The program must store the result of
// MarshalBinary.
type Registration struct {
	// Metadata is the registered metadata, which may differ from the requested
	// metadata.
	Metadata ClientMetadata

	ClientSecret            Secret    // zero if the server issued none
	ClientSecretExpiry      time.Time // zero if the secret does not expire
	ClientIDIssuedAt        time.Time // zero if the server did not state it
	RegistrationAccessToken Secret    // for the RegistrationClientURI; zero if the server issued none
	RegistrationClientURI   string    // for Read, Update and Delete; empty if the registration cannot be managed

	server  string // the issuer
	origins string // where it is managed, with spaces between them; empty: the application says it
}

// A RegistrationError is the error of [Register], [Registration.Read] and
// [Registration.Update] if the server processed the request, but its response failed a
// check. A client then exists, or its secrets have changed.
type RegistrationError struct {
	// Registration contains everything that could be read of the response. It is never
	// nil. The program should store it, because there may be no other way to access the
	// client. Read, Update and Delete can be called if it has a RegistrationClientURI
	// and a RegistrationAccessToken. If its Metadata.ClientID differs from the
	// Registration on which the method was called, the response is about another
	// client, and the program must keep the old Registration.
	//
	// WARNING: Registration has not passed the check that Err states. The program must
	// not configure a Client with it before the cause is resolved.
	Registration *Registration

	Err error // the failed check; never nil
}

// Error returns the text of Err, and states where the response is.
func (e *RegistrationError) Error() string {
	if e == nil || e.Err == nil {
		return "oauth: registration"
	}
	return e.Err.Error() + " (the response is in RegistrationError.Registration: do not lose it)"
}

// Unwrap returns Err.
func (e *RegistrationError) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.Err
}

// Format implements [fmt.Formatter]. It prints the result of Error for every verb.
func (e RegistrationError) Format(f fmt.State, _ rune) { fmt.Fprint(f, e.Error()) }

// LogValue implements [slog.LogValuer]. It returns the text that Format prints.
func (e RegistrationError) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// MarshalJSON always returns an error, because a Registration contains secrets.
func (e RegistrationError) MarshalJSON() ([]byte, error) {
	return nil, withOp(opRegistration, fail(ErrConfig, "", "a RegistrationError does not encode to JSON: use its Error text"))
}

// Register registers a client with the metadata m (RFC 7591, Section 3). opts may be
// nil.
//
// If a list in m is nil, it is not sent, and the server uses its default. If it is
// empty but not nil, it is sent. For example, a client without users should set
// RedirectURIs and ResponseTypes to empty lists. A software statement belongs in
// m.SoftwareStatement.
//
// The result contains the metadata that the server registered, which may differ from m.
// The redirect URIs must be the same. If the response omits a member that determines
// the checks or requests of the client, such as the encryption of ID tokens, the result
// contains the member of m.
//
// WARNING: A client that registers at servers that others name must keep their
// responses apart (RFC 9700, Section 4.4). It should give each server a redirect URI of
// its own, and should set Config.RequireResponseIssuer if all of them send iss. A
// malicious server can give the client the client_id that it has at another server.
//
// Register returns the errors of a request. A [*ResponseError] can have the codes
// invalid_redirect_uri, invalid_client_metadata, invalid_software_statement and
// unapproved_software_statement. If the server registered a client, but its response
// fails a check, the error is a [*RegistrationError], which contains the credentials of
// the client.
func Register(ctx context.Context, as *AuthorizationServer, m ClientMetadata, opts *RegistrationOptions) (*Registration, error) {
	reg, err := register(ctx, as, &m, opts)
	if err != nil {
		return nil, withOp(opRegistration, err)
	}
	return reg, nil
}

func register(ctx context.Context, as *AuthorizationServer, m *ClientMetadata, opts *RegistrationOptions) (*Registration, error) {
	switch {
	case as == nil || as.Issuer == "":
		return nil, fail(ErrConfig, "server", "is nil or has no issuer: pass what Discover returns")
	case m.ClientID != "":
		return nil, fail(ErrConfig, "ClientID", "is for the server to give: use Registration.Update for a client that is registered")
	}
	r, err := newRegistrar(opts)
	if err != nil {
		return nil, err
	}
	defer r.close()
	target, member, err := endpointURL(as, registrationEndpoint, r.mtls || m.UseMTLSEndpointAliases)
	if err != nil {
		return nil, err
	}
	if err := m.checkUsable(as); err != nil {
		return nil, err
	}
	res, err := r.send(ctx, &httpRequest{url: target, param: member, method: http.MethodPost}, r.initial, m)
	if err != nil {
		return nil, err
	}
	reg := &Registration{server: as.Issuer, origins: registrationOrigins(as)}
	return reg.process(res, m, r, http.StatusCreated, http.StatusOK)
}

// Read returns the current registration of the client (RFC 7592, Section 2.1). The
// server may have changed the secret and the registration access token, so the result
// must replace reg. opts may be nil.
//
// Read returns the errors of a request, or a [*RegistrationError]. If reg cannot be
// managed, the error matches [ErrConfig].
func (reg *Registration) Read(ctx context.Context, opts *RegistrationOptions) (*Registration, error) {
	return reg.manage(ctx, http.MethodGet, nil, opts)
}

// Update replaces all metadata of the client with m (RFC 7592, Section 2.2). Members
// that m omits are removed from the registration, so m should be a modified copy of
// reg.Metadata. This includes the members of the server's own in its Extra; if the
// server refuses one that it wrote itself, it must be deleted there. The result must
// replace reg. opts may be nil.
//
// The errors are the same as for [Register] and [Registration.Read].
func (reg *Registration) Update(ctx context.Context, m ClientMetadata, opts *RegistrationOptions) (*Registration, error) {
	return reg.manage(ctx, http.MethodPut, &m, opts)
}

// Delete deletes the registration, and with it everything that was granted to the
// client (RFC 7592, Section 2.3). opts may be nil.
//
// The errors are the same as for [Registration.Read].
func (reg *Registration) Delete(ctx context.Context, opts *RegistrationOptions) error {
	_, err := reg.manage(ctx, http.MethodDelete, nil, opts)
	return err
}

func (reg *Registration) manage(ctx context.Context, method string, m *ClientMetadata, opts *RegistrationOptions) (*Registration, error) {
	fresh, err := reg.change(ctx, method, m, opts)
	if err != nil {
		return nil, withOp(opRegistration, err)
	}
	return fresh, nil
}

func (reg *Registration) change(ctx context.Context, method string, m *ClientMetadata, opts *RegistrationOptions) (*Registration, error) {
	if reg == nil || reg.RegistrationClientURI == "" || reg.RegistrationAccessToken.IsZero() {
		return nil, fail(ErrConfig, "RegistrationClientURI", "there is none, or no RegistrationAccessToken: the server does not let this client manage its registration")
	}
	if m != nil && m.ClientID != reg.Metadata.ClientID {
		return nil, fail(ErrConfig, "ClientID", "is not that of the registration (RFC 7592, Section 2.2)")
	}
	if m != nil {
		if err := m.checkUsable(new(AuthorizationServer)); err != nil {
			return nil, err
		}
	}
	r, err := newRegistrar(opts)
	if err != nil {
		return nil, err
	}
	defer r.close()
	managed := *reg
	if err := r.checkManaged(&managed); err != nil {
		return nil, err
	}
	res, err := r.send(ctx, &httpRequest{url: reg.RegistrationClientURI, param: "registration_client_uri", method: method}, reg.RegistrationAccessToken, m)
	if err != nil {
		return nil, err
	}
	if method == http.MethodDelete {
		return nil, res.expect(http.StatusNoContent, http.StatusOK)
	}
	return managed.process(res, m, r, http.StatusOK)
}

// checkUsable refuses what NewClient would refuse, before the server makes a client that
// nobody can use.
func (m *ClientMetadata) checkUsable(as *AuthorizationServer) error {
	c := &Client{server: as, meta: *m, decrypter: anyDecrypter{}, rules: SecurityProfile(0).rules()}
	if err := cmp.Or(c.checkDefaults(), c.setAlgorithms(nil), c.setDecrypter(nil)); err != nil {
		return err
	}
	_, err := newRequestEncryption(requestEncryptionParam, m.RequestObjectEncryptionAlg, "Metadata.RequestObjectEncryptionEnc", m.RequestObjectEncryptionEnc)
	return err
}

// anyDecrypter stands for the one that a client is going to have.
type anyDecrypter struct{ Decrypter }

// ---- requests

// A registrar sends the requests of this file.
type registrar struct {
	caller  *caller
	clock   Clock
	fields  headerFields
	initial Secret
	mtls    bool
	dpop    *DPoP
	origin  string // ManagementOrigin
}

func newRegistrar(opts *RegistrationOptions) (*registrar, error) {
	var o RegistrationOptions
	if opts != nil {
		o = *opts
	}
	if err := o.Clock.validate(); err != nil {
		return nil, err
	}
	fields := headerFields{o.Header, o.ResponseHeader}
	if err := fields.check(); err != nil {
		return nil, err
	}
	client := o.HTTPClient
	if o.MTLS != nil {
		clients, err := o.MTLS.clients(client, o.Clock)
		if err != nil {
			return nil, err
		}
		client = clients.with
	}
	r := &registrar{
		caller: newCaller(client, o.InsecureAllowHTTP, o.Trace), clock: o.Clock, fields: fields,
		initial: o.InitialAccessToken, mtls: o.MTLS != nil, dpop: o.DPoP,
	}
	if o.ManagementOrigin != "" {
		u, err := r.caller.checkURL("ManagementOrigin", o.ManagementOrigin)
		switch {
		case err != nil:
			return nil, err
		case strings.TrimSuffix(u.EscapedPath(), "/") != "" || u.RawQuery != "" || u.ForceQuery:
			return nil, fail(ErrConfig, "ManagementOrigin", "is not an origin: it has a path or a query")
		}
		r.origin = originOf(u)
	}
	r.caller.ownsConnections = r.caller.ownsConnections || r.mtls
	return r, nil
}

// close ends the connections that nobody else can.
func (r *registrar) close() {
	r.caller.release()
}

func (r *registrar) send(ctx context.Context, req *httpRequest, token Secret, m *ClientMetadata) (*httpResponse, error) {
	req.op, req.accept, req.header, req.received = opRegistration, mediaJSON, http.Header{}, r.fields.received
	maps.Copy(req.header, r.fields.more)
	if r.dpop != nil && r.dpop.key == nil {
		return nil, fail(ErrConfig, "DPoP", "is empty: NewDPoP makes one")
	}
	scheme := "Bearer "
	if r.dpop != nil {
		scheme = "DPoP "
	}
	if !token.IsZero() {
		param := "InitialAccessToken"
		if req.method != http.MethodPost {
			param = "RegistrationAccessToken"
		}
		if !headerValue(token.Reveal()) {
			return nil, fail(ErrConfig, param, "has characters that cannot stand in a header")
		}
		req.header.Set("Authorization", scheme+token.Reveal())
	}
	if m != nil {
		var err error
		if req.json, err = publicJSON(m); err != nil {
			return nil, err
		}
	}
	return r.caller.doProven(ctx, r.dpop, r.clock, token.Reveal(), func() (*httpRequest, error) { return req, nil })
}

// ---- where registrations are managed

// registrationOrigins are the origins of the registration endpoint and its alias.
func registrationOrigins(as *AuthorizationServer) string {
	var list []string
	for _, alias := range [...]bool{false, true} {
		if target, _, err := endpointURL(as, registrationEndpoint, alias); err == nil {
			if u, err := url.Parse(target); err == nil {
				list = append(list, originOf(u))
			}
		}
	}
	return strings.Join(slices.Compact(list), " ")
}

// checkManaged refuses to send the registration access token, and a certificate
// with it, to a place that an answer named and that is not the server's. Where the
// application made reg itself, the place is its own word.
func (r *registrar) checkManaged(reg *Registration) error {
	const param = "registration_client_uri"
	u, err := r.caller.checkURL(param, reg.RegistrationClientURI)
	if err != nil {
		return err
	}
	origin := originOf(u)
	if reg.origins == "" {
		reg.origins = origin
	}
	if origin != r.origin && !slices.Contains(strings.Fields(reg.origins), origin) {
		return fail(ErrConfig, param, "is at %s, which is not the origin of the registration endpoint: if the registration access token may go there, set RegistrationOptions.ManagementOrigin", printable(origin, 128))
	}
	return nil
}

// ---- answers

// process reads the answer of RFC 7591, Section 3.2.1 and RFC 7592, Section 3.
// asked is what was sent; nil: nothing. What reg has and the answer leaves out
// stays.
func (reg *Registration) process(res *httpResponse, asked *ClientMetadata, r *registrar, statuses ...int) (*Registration, error) {
	refusal := res.expect(statuses...)
	if refusal != nil && (res.status/100 != 2 || res.refusal().Code != "") {
		return nil, refusal
	}
	o, err := res.object()
	if err != nil {
		err = cmp.Or(refusal, err)
		if fresh := reg.salvage(res.body); fresh != nil {
			err = &RegistrationError{Registration: fresh, Err: withOp(opRegistration, err)}
		}
		return nil, err
	}
	if refusal != nil && !o.has("client_id") {
		return nil, refusal
	}
	fresh, err := reg.read(&o, asked, r)
	if err = cmp.Or(refusal, err); err != nil {
		return nil, &RegistrationError{Registration: fresh, Err: withOp(opRegistration, res.withoutSecrets(err))}
	}
	return fresh, nil
}

// salvage takes the credentials out of an answer that is not read otherwise, because it
// says something twice or calls itself a web page; nil if it names no client.
func (reg *Registration) salvage(body string) *Registration {
	id := looseString(body, "client_id")
	if id == "" {
		return nil
	}
	fresh := Registration{server: reg.server, origins: reg.origins}
	if id == reg.Metadata.ClientID { // whose secrets ours are
		fresh = *reg
	}
	fresh.Metadata.ClientID = id
	for _, m := range [...]struct {
		name string
		dst  *Secret
	}{{"client_secret", &fresh.ClientSecret}, {"registration_access_token", &fresh.RegistrationAccessToken}} {
		if s := looseString(body, m.name); s != "" {
			*m.dst = NewSecret(s)
		}
	}
	fresh.RegistrationClientURI = cmp.Or(looseString(body, "registration_client_uri"), fresh.RegistrationClientURI)
	return &fresh
}

// read takes from the answer what can be taken, and returns the first fault beside
// it: the client is there, or its secrets are new, whatever is wrong with the rest.
func (reg *Registration) read(o *jsonObject, asked *ClientMetadata, r *registrar) (*Registration, error) {
	id, err := o.need("client_id")
	if was := reg.Metadata.ClientID; was != "" && err == nil && id != was {
		err = fail(ErrResponse, "client_id", "is that of another client")
		reg = &Registration{server: reg.server, origins: reg.origins} // whose secrets ours are not
	}
	fresh := &Registration{
		ClientSecret: reg.ClientSecret, ClientSecretExpiry: reg.ClientSecretExpiry, ClientIDIssuedAt: reg.ClientIDIssuedAt,
		RegistrationAccessToken: reg.RegistrationAccessToken, RegistrationClientURI: reg.RegistrationClientURI,
		server: reg.server, origins: reg.origins,
	}
	// Where the answer leaves a check out, it is the one that was asked for, or that
	// of before: what Config makes of it has to be what is judged here.
	was := &reg.Metadata
	if asked != nil {
		was = asked
	}
	known, wrong := decodeRegistered(o, &fresh.Metadata, was)
	fresh.Metadata.Extra = extraMembers(o, append(known, registrationMembers[:]...)...)
	err = cmp.Or(err, fresh.readSecret(o, r.clock), fresh.readManagement(o, r), wrong, fresh.checkAnswer(o, asked))
	fresh.Metadata.ClientID = cmp.Or(fresh.Metadata.ClientID, reg.Metadata.ClientID)
	informs := o.informing()
	if n, ok, _ := informs.seconds("client_id_issued_at", true); ok {
		fresh.ClientIDIssuedAt = unixTime(n)
	}
	return fresh, err
}

// checkAnswer wants what the client cannot do without, and codes that go nowhere else.
func (reg *Registration) checkAnswer(o *jsonObject, asked *ClientMetadata) error {
	method := reg.authMethod()
	switch {
	case reg.ClientSecret.IsZero() && strings.HasPrefix(method, "client_secret_"):
		return fail(ErrResponse, "client_secret", "is missing, and the client authenticates with %s", o.quote(method, 64))
	case asked != nil && !(asked.RedirectURIs == nil && asked.SoftwareStatement != "") && // the statement may say them
		!sameSet(reg.Metadata.RedirectURIs, asked.RedirectURIs):
		return fail(ErrResponse, "redirect_uris", "are not those that were asked for")
	}
	return nil
}

// registrationMembers stand in fields of Registration.
var registrationMembers = [...]string{
	"client_secret", "client_secret_expires_at", "client_id_issued_at", "registration_access_token", "registration_client_uri",
}

func (reg *Registration) readSecret(o *jsonObject, clock Clock) error {
	secret, _, err := o.string("client_secret")
	if err != nil || secret == "" {
		return err
	}
	reg.ClientSecret, reg.ClientSecretExpiry = NewSecret(secret), time.Time{}
	// RFC 7591, Section 3.2.1: "REQUIRED if client_secret is issued", and 0 if it does
	// not expire. Some servers leave it out (LemonLDAP::NG, doorkeeper).
	n, _, err := o.seconds("client_secret_expires_at", true)
	if err != nil || n == 0 {
		return err
	}
	reg.ClientSecretExpiry = unixTime(n)
	if !clock.now().Add(-clock.tolerance()).Before(reg.ClientSecretExpiry) {
		return fail(ErrResponse, "client_secret_expires_at", "the client secret has expired already")
	}
	return nil
}

// readManagement reads token and place before it judges either: a token that was
// rotated is the only one.
func (reg *Registration) readManagement(o *jsonObject, r *registrar) error {
	token, uri := reg.RegistrationAccessToken.Reveal(), reg.RegistrationClientURI
	var err error
	for _, m := range [...]struct {
		name string
		dst  *string
	}{{"registration_access_token", &token}, {"registration_client_uri", &uri}} {
		s, ok, wrong := o.string(m.name)
		if err = cmp.Or(err, wrong); ok && s != "" && wrong == nil {
			*m.dst = s
		}
	}
	reg.RegistrationAccessToken, reg.RegistrationClientURI = NewSecret(token), uri
	switch {
	case err != nil:
		return err
	case token != "" && !headerValue(token):
		return fail(ErrResponse, "registration_access_token", "has characters that cannot stand in a header")
	case token == "" || uri == "": // it goes nowhere
		return nil
	}
	if err := r.checkManaged(reg); err != nil {
		// It was an answer that named it, and not the configuration.
		e := *err.(*Error)
		if e.Kind == ErrConfig {
			e.Kind = ErrResponse
		}
		return &e
	}
	return nil
}

// authMethod is how the client authenticates: RFC 7591, Section 2, "if
// unspecified or omitted, the default is client_secret_basic".
func (reg *Registration) authMethod() string {
	return cmp.Or(reg.Metadata.TokenEndpointAuthMethod, "client_secret_basic")
}

// ---- use

// Config returns a configuration for a [Client] with the registered metadata and client
// authentication. as must be the server at which the client is registered. key is the
// key for private_key_jwt, and must be nil for other authentication methods.
//
// The caller must set Config.MTLS for tls_client_auth and self_signed_tls_client_auth,
// and Config.Decrypter if responses are encrypted, for which [Registration.Decrypter]
// makes one. A client that authenticates with
// attestations must be configured without this method.
//
// If an argument or the registration cannot be used, the error matches [ErrConfig].
func (reg *Registration) Config(as *AuthorizationServer, key *SigningKey) (Config, error) {
	if reg == nil {
		return Config{}, withOp(opRegistration, nilReceiver())
	}
	cfg := Config{Server: as, Metadata: reg.Metadata}
	var err error
	switch method, secret := reg.authMethod(), reg.ClientSecret.Reveal(); method {
	case "none":
		cfg.Auth = PublicClient()
	case "client_secret_basic":
		cfg.Auth = ClientSecretBasic(secret)
	case "client_secret_post":
		cfg.Auth = ClientSecretPost(secret)
	case "client_secret_jwt":
		cfg.Auth = ClientSecretJWT(secret, cmp.Or(reg.Metadata.TokenEndpointAuthSigningAlg, HS256), nil)
	case "private_key_jwt":
		cfg.Auth = PrivateKeyJWT(key, nil)
	case "tls_client_auth", "self_signed_tls_client_auth":
		cfg.Auth = TLSClientAuth()
	case "attest_jwt_client_auth", "attest_jwt_client_auth_dpop":
		err = fail(ErrConfig, "token_endpoint_auth_method", "%s needs attestations: write the Config, with AttestJWTClientAuth or AttestJWTClientAuthDPoP", method)
	default:
		err = fail(ErrConfig, "token_endpoint_auth_method", "%s is not known: set Config.Auth by hand", printable(method, 64))
	}
	if f, ok := cfg.Auth.(faulty); ok {
		err = f.fault()
	}
	switch {
	case err != nil:
	case as == nil || reg.server != "" && as.Issuer != reg.server:
		err = fail(ErrConfig, "server", "is not the one that the client is registered with")
	case key != nil && reg.authMethod() != "private_key_jwt":
		err = fail(ErrConfig, "key", "is set, and the client authenticates with %s", printable(reg.authMethod(), 64))
	}
	if err != nil {
		return Config{}, withOp(opRegistration, err)
	}
	return cfg, nil
}

// Decrypter returns a Decrypter for Config.Decrypter, for the encrypted responses that
// Metadata names. keys are the client's private keys. The keys that are derived from the
// client secret (OpenID Connect Core, Section 10.2), which Metadata asks for by the
// algorithms dir, A128KW and the like, are added to them. The result is nil if there are
// no keys, and no responses are encrypted.
//
// The errors are those of [NewClientSecretDecryptionKey] and [NewDecrypter].
func (reg *Registration) Decrypter(keys ...*DecryptionKey) (Decrypter, error) {
	if reg == nil {
		return nil, withOp(opRegistration, nilReceiver())
	}
	m := &reg.Metadata
	made := map[string][]string{} // the enc of each alg
	for _, e := range [...]struct{ alg, enc string }{
		{m.IDTokenEncryptedResponseAlg, m.IDTokenEncryptedResponseEnc},
		{m.UserinfoEncryptedResponseAlg, m.UserinfoEncryptedResponseEnc},
		{m.AuthorizationEncryptedResponseAlg, m.AuthorizationEncryptedResponseEnc},
		{m.IntrospectionEncryptedResponseAlg, m.IntrospectionEncryptedResponseEnc},
	} {
		enc := cmp.Or(e.enc, "A128CBC-HS256")
		if how, err := keyManagementOf("alg", e.alg); err == nil && how.kty == "oct" && !slices.Contains(made[e.alg], enc) {
			made[e.alg] = append(made[e.alg], enc)
		}
	}
	keys = slices.Clone(keys)
	for _, alg := range slices.Sorted(maps.Keys(made)) {
		key, err := NewClientSecretDecryptionKey(reg.ClientSecret.Reveal(), alg, made[alg])
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, nil
	}
	return NewDecrypter(keys...)
}

const registrationVersion = 2 // 1 had no origins

// MarshalBinary implements [encoding.BinaryMarshaler]. It encodes reg for storage. The
// result is secret.
func (reg *Registration) MarshalBinary() ([]byte, error) {
	if reg == nil {
		return nil, withOp(opRegistration, nilReceiver())
	}
	metadata, err := reg.Metadata.MarshalJSON()
	if err != nil {
		return nil, withOp(opRegistration, &Error{Kind: ErrConfig, Param: "Metadata", Detail: "does not encode", Err: err})
	}
	w := newSaved(registrationVersion)
	for _, s := range [...]string{
		string(metadata), reg.ClientSecret.Reveal(), reg.RegistrationAccessToken.Reveal(), reg.RegistrationClientURI, reg.server, reg.origins,
	} {
		w.string(s)
	}
	w.time(reg.ClientSecretExpiry)
	w.time(reg.ClientIDIssuedAt)
	return w.b, nil
}

// UnmarshalBinary implements [encoding.BinaryUnmarshaler]. It decodes the result of
// MarshalBinary. If data is anything else, the error matches [ErrParse].
func (reg *Registration) UnmarshalBinary(data []byte) error {
	if reg == nil {
		return nilReceiver()
	}
	version := byte(registrationVersion)
	if len(data) > 0 && data[0] == 1 { // a client is registered once, and kept for years
		version = 1
	}
	r := readSaved(data, version)
	metadata := r.string()
	fresh := Registration{ClientSecret: NewSecret(r.string()), RegistrationAccessToken: NewSecret(r.string())}
	fresh.RegistrationClientURI, fresh.server = r.string(), r.string()
	if version > 1 {
		fresh.origins = r.string()
	}
	fresh.ClientSecretExpiry, fresh.ClientIDIssuedAt = r.time(), r.time()
	err := r.end()
	if err == nil {
		err = fresh.Metadata.UnmarshalJSON([]byte(metadata))
	}
	if err != nil {
		return withOp(opRegistration, err)
	}
	*reg = fresh
	return nil
}

// MarshalJSON always returns an error, because a Registration contains secrets. Use
// MarshalBinary.
func (reg Registration) MarshalJSON() ([]byte, error) {
	return nil, withOp(opRegistration, fail(ErrConfig, "", "a Registration does not encode to JSON: use MarshalBinary, and Metadata for what is public"))
}

// Format implements [fmt.Formatter]. It prints the issuer of the server and the
// client_id.
func (reg Registration) Format(f fmt.State, _ rune) { fmt.Fprint(f, reg.summary()) }

// LogValue implements [slog.LogValuer]. It returns the text that Format prints.
func (reg Registration) LogValue() slog.Value { return slog.StringValue(reg.summary()) }

func (reg *Registration) summary() string {
	return "Registration(" + printable(reg.server, 256) + " " + printable(reg.Metadata.ClientID, 128) + ")"
}

// ---- client ID metadata documents

// ClientIDMetadataHandler returns a handler that serves m, the metadata of a client
// whose client_id is the URL of the handler. It is for servers that fetch this URL
// instead of registering clients (draft-ietf-oauth-client-id-metadata-document). The
// metadata of such a server have client_id_metadata_document_supported.
//
// m.ClientID must be an https URL with a path, and m must not name an authentication
// method that uses a secret. If m cannot be used, the error matches [ErrConfig]. If the
// URL is not https, it matches [ErrInsecureURL].
//
// WARNING: Such a client has the same client_id and the same redirect URIs at all
// servers. If it uses one redirect URI with several servers, it must set
// Config.RequireResponseIssuer. Otherwise a malicious server, which need not announce
// in its metadata that it sends iss, can have the code of an honest server sent to it
// (RFC 9700, Section 4.4).
func ClientIDMetadataHandler(m ClientMetadata) (http.Handler, error) {
	document, err := clientIDDocument(&m)
	if err != nil {
		return nil, withOp("client id metadata", err)
	}
	return documentHandler(mediaJSON, document, ""), nil
}

func clientIDDocument(m *ClientMetadata) ([]byte, error) {
	u, err := parseFetchURL("ClientID", m.ClientID, false)
	if err != nil {
		return nil, err
	}
	switch {
	case u.Path == "" || u.Path == "/":
		return nil, fail(ErrConfig, "ClientID", "has no path")
	case slices.ContainsFunc(strings.Split(u.Path, "/"), func(s string) bool { return s == "." || s == ".." }):
		return nil, fail(ErrConfig, "ClientID", "has dot segments in its path")
	case strings.HasPrefix(m.TokenEndpointAuthMethod, "client_secret_") || m.TokenEndpointAuthMethod == "":
		return nil, fail(ErrConfig, "TokenEndpointAuthMethod", "has to be said, and cannot need a secret: it would be public")
	}
	// The draft forbids client_secret and its expiry, since everybody can read
	// the document; what else a registration brings has no place in it either.
	for _, name := range registrationMembers {
		if _, ok := m.Extra[name]; ok {
			return nil, fail(ErrConfig, "Extra", "has %s, which is for the client alone", name)
		}
	}
	return publicJSON(m)
}

// publicJSON encodes metadata for others to read.
func publicJSON(m *ClientMetadata) ([]byte, error) {
	if o, err := parseObject(string(m.JWKS), documentForm, ErrParse); err == nil && len(o.members) == 0 { // Ory Hydra writes {} for none
		without := *m
		without.JWKS = nil
		m = &without
	}
	for _, name := range [...]string{"jwks", "jwks_uri"} {
		if _, ok := m.Extra[name]; ok { // where nobody looks whether they are public
			return nil, fail(ErrConfig, "Extra", "%s has a field of its own", name)
		}
	}
	if m.JWKS != nil && m.JWKSURI != "" { // RFC 7591, Section 2: "MUST NOT both be present"
		return nil, fail(ErrConfig, "JWKS", "is set, and so is JWKSURI: choose one of them")
	}
	if m.JWKS != nil {
		if err := checkPublicKeys(m.JWKS); err != nil {
			return nil, &Error{Kind: ErrConfig, Param: "JWKS", Detail: "cannot be published", Err: err}
		}
	}
	document, err := m.MarshalJSON()
	if err != nil {
		return nil, &Error{Kind: ErrConfig, Param: "Metadata", Detail: "does not encode", Err: err}
	}
	return document, nil
}
