package oauth

// What the zero and nil values of everything that is exported do.

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// zeroFunctions are all exported functions, and zeroTypes all exported types:
// TestZeroComplete holds them against api/v0.txt. The methods come from the types.
var zeroFunctions = map[string]any{
	"ADFSProfile": ADFSProfile, "AccessTokenFromContext": AccessTokenFromContext, "AttestJWTClientAuth": AttestJWTClientAuth,
	"AttestJWTClientAuthDPoP": AttestJWTClientAuthDPoP, "Auth0Profile": Auth0Profile, "CertificateThumbprint": CertificateThumbprint,
	"ClientAssertion": ClientAssertion, "ClientIDMetadataHandler": ClientIDMetadataHandler, "ClientSecretBasic": ClientSecretBasic,
	"ClientSecretBasicFunc": ClientSecretBasicFunc, "ClientSecretPostFunc": ClientSecretPostFunc,
	"NewClientSecretDecryptionKey": NewClientSecretDecryptionKey, "ClientSecretJWT": ClientSecretJWT, "ClientSecretPost": ClientSecretPost,
	"CognitoProfile": CognitoProfile, "CertificateJWK": CertificateJWK, "ContextWithAccessToken": ContextWithAccessToken, "StatusCode": StatusCode, "FragmentHandler": FragmentHandler, "PublicJWKS": PublicJWKS,
	"PublicJWKSHandler": PublicJWKSHandler, "Discover": Discover, "DiscoverResource": DiscoverResource,
	"AutheliaProfile": AutheliaProfile, "EntraProfile": EntraProfile, "HydraProfile": HydraProfile, "NewPublicKeySet": NewPublicKeySet, "ParsePublicKeyPEM": ParsePublicKeyPEM, "GenerateSigningKey": GenerateSigningKey, "KeycloakProfile": KeycloakProfile,
	"RewritesHost": RewritesHost, "NewClient": NewClient, "NewClientFromIssuer": NewClientFromIssuer, "NewDPoP": NewDPoP, "NewDecrypter": NewDecrypter, "NewDecryptionKey": NewDecryptionKey, "NewInternetHTTPClient": NewInternetHTTPClient, "NewKeySet": NewKeySet,
	"NewResourceServer": NewResourceServer, "NewSecret": NewSecret, "NewSigningKey": NewSigningKey, "PublicClient": PublicClient, "OktaProfile": OktaProfile,
	"ParseBackchannelPing": ParseBackchannelPing, "ParseChallenges": ParseChallenges, "ParseDecryptionKey": ParseDecryptionKey,
	"ParseKeySet": ParseKeySet, "ParseSigningKey": ParseSigningKey, "PrivateKeyJWT": PrivateKeyJWT,
	"Register": Register, "TLSClientAuth": TLSClientAuth,
}

var zeroTypes = []any{
	AccessToken{}, AccessTokenProfile{}, Algorithm(""), AssertionAudience(0), SecurityProfile(0), AssertionOptions{}, PendingAuthorization{}, AuthorizationDetail{},
	AuthorizationError{}, AuthorizationRequest{}, AuthorizationServer{}, BackchannelAuthentication{}, BackchannelAuthenticationRequest{}, AuthorizationResponse{}, Challenge{},
	Client{}, ClientAuthRequest{}, ClientMetadata{}, Clock{}, Config{}, DPoP{}, DecryptionKey{}, DeviceAuthorization{},
	DeviceAuthorizationRequest{}, DiscoverOptions{}, EndSessionRequest{}, EndpointOptions{}, Error{}, GrantOptions{}, IDToken{}, Introspection{},
	KeySet{}, KeySetInfo{}, KeySetOptions{}, LogoutOptions{}, LogoutToken{}, MetadataInfo{}, MTLSEndpointAliases{}, MutualTLS{}, RefusalInfo{}, Registration{},
	RefreshError{}, RegistrationError{}, RegistrationOptions{}, RequestInfo{}, Requirement{}, ResourceMetadata{}, ResourceServer{}, ResourceServerConfig{}, ResponseError{},
	Secret{}, SigningKey{}, Token{}, TokenExchangeRequest{}, TokenTypeIdentifier(""), Trace{}, Transport{}, TransportOptions{}, TrustedServer{},
	UserInfo{}, UserInfoOptions{}, VerifyIDTokenOptions{}, Credential{}, InitiatedLogin{}, VerifiedJWT{}, VerifyJWTOptions{},
}

// zeroInterfaces are exported, and have no methods of ours.
var zeroInterfaces = []string{"ClientAuth", "Decrypter", "PublishedKey", "ReplayCache"}

func TestZeroComplete(t *testing.T) {
	api, err := os.ReadFile("api/v0.txt")
	if err != nil {
		t.Fatal(err)
	}
	types := slices.Clone(zeroInterfaces)
	for _, v := range zeroTypes {
		types = append(types, reflect.TypeOf(v).Name())
	}
	for _, m := range regexp.MustCompile(`(?m)^(func|type) (\w+)`).FindAllStringSubmatch(string(api), -1) {
		if _, ok := zeroFunctions[m[2]]; m[1] == "func" && !ok {
			t.Errorf("the function %s is not called with zero values", m[2])
		}
		if m[1] == "type" && !slices.Contains(types, m[2]) {
			t.Errorf("the methods of %s are not called on zero values", m[2])
		}
	}
}

// zeroPanics are the panics that are documented.
var zeroPanics = regexp.MustCompile(`^oauth: (Require|Middleware|BackchannelLogoutHandler): `)

// zeroArguments are what stands for a parameter of a type: nil or zero, and what a
// careless program has in its place. A nil context is none of these: the standard
// library panics for it, and so does net/http for a nil ResponseWriter.
func zeroArguments(in reflect.Type) []reflect.Value {
	none := reflect.Zero(in)
	var more []any
	switch in {
	case reflect.TypeFor[context.Context]():
		return []reflect.Value{reflect.ValueOf(context.Background())}
	case reflect.TypeFor[http.ResponseWriter]():
		return []reflect.Value{reflect.ValueOf(httptest.NewRecorder())}
	case reflect.TypeFor[fmt.State]():
		return []reflect.Value{reflect.ValueOf(zeroState{httptest.NewRecorder()})}
	case reflect.TypeFor[*http.Request]():
		more = []any{
			new(http.Request),
			&http.Request{URL: new(url.URL)},
			&http.Request{Header: http.Header{"Authorization": {"Bearer a.b.c"}, "Dpop": {"a.b.c"}}},
			&http.Request{Method: "POST", Header: http.Header{"Content-Type": {mediaForm}}},
		}
	case reflect.TypeFor[http.Handler]():
		more = []any{http.NotFoundHandler(), http.HandlerFunc(nil)}
	case reflect.TypeFor[ClientAuth]():
		more = []any{PublicClient()}
	case reflect.TypeFor[crypto.Signer](), reflect.TypeFor[crypto.PrivateKey]():
		more = []any{new(zeroSigner)}
	case reflect.TypeFor[*PendingAuthorization](): // a good one reaches what a zero Client does not have
		more = []any{
			new(PendingAuthorization),
			&PendingAuthorization{content: &pendingAuthorizationData{issuer: "x", clientID: "x", redirectURI: "https://app.example/"}},
		}
	case reflect.TypeFor[*AuthorizationResponse]():
		more = []any{new(AuthorizationResponse), &AuthorizationResponse{authorization: &PendingAuthorization{content: new(pendingAuthorizationData)}}}
	case reflect.TypeFor[*Token]():
		login := &identity{subject: "x"}
		more = []any{
			new(Token),
			&Token{AccessToken: NewSecret("x"), RefreshToken: NewSecret("x"), TokenType: "Bearer"},
			&Token{AccessToken: NewSecret("x"), TokenType: "Bearer", login: login},
		}
	case reflect.TypeFor[*DeviceAuthorization]():
		more = []any{new(DeviceAuthorization), savedDevice(&pendingData{code: "x", expiry: unitNow().AddDate(50, 0, 0)})}
	case reflect.TypeFor[*BackchannelAuthentication]():
		more = []any{new(BackchannelAuthentication), savedBackchannel(&pendingData{code: "x", expiry: unitNow().AddDate(50, 0, 0)})}
	case reflect.TypeFor[LogoutOptions]():
		more = []any{LogoutOptions{OnLogout: func(context.Context, *LogoutToken) error { return nil }}}
	case reflect.TypeFor[error]():
		more = []any{new(Error), new(ResponseError)}
	case reflect.TypeFor[*x509.Certificate]():
		more = []any{new(x509.Certificate)}
	case reflect.TypeFor[string]():
		more = []any{"x", "https://op.example/"}
	case reflect.TypeFor[[]byte]():
		more = []any{[]byte("{}")}
	case reflect.TypeFor[any]():
		more = []any{new(struct{}), new(map[string]any)}
	case reflect.TypeFor[rune]():
		more = []any{'v', 's'}
	}
	values := []reflect.Value{none}
	for _, v := range more {
		values = append(values, reflect.ValueOf(v))
	}
	switch {
	case more == nil && in.Kind() == reflect.Pointer:
		values = append(values, reflect.New(in.Elem()))
	case in.Kind() == reflect.Func:
		values = append(values, reflect.MakeFunc(in, func([]reflect.Value) []reflect.Value {
			var results []reflect.Value
			for i := range in.NumOut() {
				results = append(results, reflect.Zero(in.Out(i)))
			}
			return results
		}))
	}
	return values
}

type zeroState struct{ http.ResponseWriter }

func (zeroState) Width() (int, bool)     { return 0, false }
func (zeroState) Precision() (int, bool) { return 0, false }
func (zeroState) Flag(int) bool          { return false }

type zeroSigner struct{ crypto.Signer }

func (*zeroSigner) Public() crypto.PublicKey { return nil }

// zeroCalls calls f with every combination of arguments.
func zeroCalls(t *testing.T, name string, f reflect.Value, args []reflect.Value) {
	in := f.Type()
	if n := len(args); n < in.NumIn() {
		if in.IsVariadic() && n == in.NumIn()-1 {
			zeroCall(t, name, f, args)
		}
		param := in.In(n)
		if in.IsVariadic() && n == in.NumIn()-1 {
			param = param.Elem()
		}
		for _, v := range zeroArguments(param) {
			zeroCalls(t, name, f, append(slices.Clone(args), v))
		}
		return
	}
	zeroCall(t, name, f, args)
}

func zeroCall(t *testing.T, name string, f reflect.Value, args []reflect.Value) {
	var shown []string
	for _, v := range args {
		shown = append(shown, fmt.Sprintf("%T", v.Interface()))
		if v.Kind() == reflect.Pointer && v.IsNil() {
			shown[len(shown)-1] += "(nil)"
		}
	}
	defer func() {
		if v := recover(); v != nil && !zeroPanics.MatchString(fmt.Sprint(v)) {
			t.Errorf("%s(%s) panics: %v", name, strings.Join(shown, ", "), v)
		}
	}()
	results := f.Call(args)
	var err error
	for _, v := range results {
		if e, ok := v.Interface().(error); ok && v.Type() == reflect.TypeFor[error]() {
			err = e
		}
	}
	for _, v := range results {
		switch v := v.Interface().(type) {
		case http.Handler:
			for _, r := range zeroArguments(reflect.TypeFor[*http.Request]())[1:] {
				v.ServeHTTP(httptest.NewRecorder(), r.Interface().(*http.Request).Clone(context.Background()))
			}
		case ClientAuth:
			for _, r := range []*ClientAuthRequest{nil, {}} {
				v.Authenticate(context.Background(), r)
			}
		}
		if err != nil && v.Type() != reflect.TypeFor[error]() && !v.IsZero() && v.Kind() != reflect.Bool {
			t.Logf("%s: %v comes with %v", name, v.Type(), err)
		}
	}
	if n := len(results); n == 2 && results[1].Type() == reflect.TypeFor[error]() && err == nil &&
		(results[0].Kind() == reflect.Pointer || results[0].Kind() == reflect.Slice) &&
		results[0].IsNil() {
		t.Errorf("%s(%s): neither a result nor an error", name, strings.Join(shown, ", "))
	}
	if (strings.HasSuffix(name, ").UnmarshalBinary") || strings.HasSuffix(name, ").UnmarshalJSON")) && args[0].IsNil() && !errors.Is(err, ErrConfig) {
		t.Errorf("%s into nil: %v", name, err)
	}
	// Of a Client that NewClient did not make nothing can be had.
	if n := len(results); strings.HasPrefix(name, "(*Client).") && n > 0 && results[n-1].Type() == reflect.TypeFor[error]() && !errors.Is(err, ErrConfig) {
		t.Errorf("%s(%s): %v", name, strings.Join(shown, ", "), err)
	}
	if err != nil {
		_ = err.Error()
	}
}

// TestZeroArguments: a Client, a ResourceServer and the like that are good look at what
// they are given.
func TestZeroArguments(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, func(c *Config) {
		withDevice(c)
		withCIBA(c)
		c.Server.IntrospectionEndpoint, c.Server.RevocationEndpoint, c.Server.EndSessionEndpoint = unitIssuer+"/introspect", unitIssuer+"/revoke", unitIssuer+"/end"
	})
	keys := must(NewKeySet(unitIssuer+"/jwks", &KeySetOptions{HTTPClient: s.config().HTTPClient}))
	transport := must(c.NewTransport(unitToken("x"), TransportOptions{Origins: []string{unitResource}}))
	for _, v := range []any{c, s.resource(t, nil), keys, transport, unitKey(), unitDPoP(t)} {
		of := reflect.TypeOf(v)
		for i := range of.NumMethod() {
			zeroCalls(t, fmt.Sprintf("(a good %s).%s", of.Elem().Name(), of.Method(i).Name), of.Method(i).Func, []reflect.Value{reflect.ValueOf(v)})
		}
	}
}

// TestZeroAccessors: there is nothing in what is nil or zero, and no accessor makes
// something of it.
func TestZeroAccessors(t *testing.T) {
	for _, zero := range zeroTypes {
		pointer := reflect.PointerTo(reflect.TypeOf(zero))
		for i := range pointer.NumMethod() {
			m := pointer.Method(i)
			out := m.Type.NumOut()
			// Texts are never empty, and the path of metadata has a part that is always the same.
			if m.Type.NumIn() > 1 || out == 0 || slices.Contains([]string{"LogValue", "Error", "IsZero", "MetadataHandler", "MetadataPath"}, m.Name) {
				continue
			}
			receivers := []reflect.Value{reflect.New(pointer.Elem())}
			if _, ofValue := pointer.Elem().MethodByName(m.Name); !ofValue {
				receivers = append(receivers, reflect.Zero(pointer))
			}
			for _, receiver := range receivers {
				results := m.Func.Call([]reflect.Value{receiver})
				fails := m.Type.Out(out-1) == reflect.TypeFor[error]()
				for _, r := range results {
					if r.Type() != reflect.TypeFor[error]() && !r.IsZero() && (r.Kind() != reflect.Slice || r.Len() > 0) &&
						(!fails || !results[out-1].IsNil()) {
						t.Errorf("%v of %v: %v", m.Name, receiver, r)
					}
				}
			}
		}
	}
}

// TestZeroRequest: a request without a URL, as gRPC and WebSocket shims make it, is
// refused, whatever token and proof it has, and is no panic that anybody can cause.
func TestZeroRequest(t *testing.T) {
	s := newUnitServer()
	d := unitDPoP(t)
	var refused []RefusalInfo
	rs, err := NewResourceServer(ResourceServerConfig{
		Servers: []TrustedServer{
			{Server: &AuthorizationServer{Issuer: unitIssuer}, KeySet: must(ParseKeySet([]byte(`{"keys":[` + string(s.key.PublicJWK()) + `]}`)))},
		},
		Resource: unitAPI, Clock: Clock{Now: unitNow},
		Trace: &Trace{RequestRefused: func(_ context.Context, i RefusalInfo) { refused = append(refused, i) }},
	})
	if err != nil {
		t.Fatal(err)
	}
	bound := s.sign(t, "at+jwt", unitClaims(map[string]any{"aud": unitAPI, "client_id": "c", "jti": "j", "cnf": map[string]any{"jkt": d.Thumbprint()}}))
	u, _ := url.Parse(unitAPI)
	proof, err := d.proof(&provenRequest{method: "GET", url: u, token: bound}, unitNow())
	if err != nil {
		t.Fatal(err)
	}
	_, err = rs.Authenticate(&http.Request{Method: "GET", Header: http.Header{"Authorization": {"DPoP " + bound}, "Dpop": {proof}}})
	wantError(t, err, ErrClaim, "htu")
	_, err = rs.Authenticate(&http.Request{Header: http.Header{"Authorization": {"Bearer x"}}})
	if err == nil || len(refused) != 2 || refused[0].Path != "" {
		t.Errorf("%v; the hook gets %+v", err, refused)
	}
}

// TestZeroClientAuth: those that are good for something look at what they are given.
func TestZeroClientAuth(t *testing.T) {
	text := func(context.Context) (string, error) { return "x", nil }
	for name, auth := range map[string]ClientAuth{
		"PublicClient": PublicClient(), "ClientSecretBasic": ClientSecretBasic("the-secret"), "ClientSecretPost": ClientSecretPost("the-secret"), "TLSClientAuth": TLSClientAuth(),
		"PrivateKeyJWT": PrivateKeyJWT(unitKey(), nil), "ClientSecretJWT": ClientSecretJWT(strings.Repeat("s", 32), HS256, nil),
		"ClientAssertion":         ClientAssertion(func(context.Context, string) (string, error) { return "x", nil }),
		"ClientSecretBasicFunc":   ClientSecretBasicFunc(text),
		"ClientSecretPostFunc":    ClientSecretPostFunc(text),
		"AttestJWTClientAuth":     AttestJWTClientAuth(unitKey(), text),
		"AttestJWTClientAuthDPoP": AttestJWTClientAuthDPoP(text),
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, auth.Authenticate(t.Context(), nil), ErrConfig, "")
			err := auth.Authenticate(t.Context(), new(ClientAuthRequest)) // and does not panic
			if _, ok := auth.(*jwtAuth); ok {
				wantError(t, err, ErrConfig, "Server") // an assertion for nobody is one for anybody
			}
		})
	}
}

// TestZeroValues: the zero and nil value of everything exported is inert or an error.
func TestZeroValues(t *testing.T) {
	for name, f := range zeroFunctions {
		zeroCalls(t, name, reflect.ValueOf(f), nil)
	}
	for _, zero := range zeroTypes {
		value := reflect.TypeOf(zero)
		pointer := reflect.PointerTo(value)
		for i := range pointer.NumMethod() {
			m := pointer.Method(i)
			name := fmt.Sprintf("(*%s).%s", value.Name(), m.Name)
			zeroCalls(t, name, m.Func, []reflect.Value{reflect.New(value)})
			// A method of the value has no nil receiver: Go panics before it is called.
			if _, ofValue := value.MethodByName(m.Name); !ofValue {
				zeroCalls(t, name, m.Func, []reflect.Value{reflect.Zero(pointer)})
			}
		}
		for _, v := range []any{reflect.New(value).Interface(), reflect.Zero(pointer).Interface()} {
			_ = fmt.Sprintf("%v %+v %#v %s %x", v, v, v, v, v)
			if _, ok := v.(fmt.Formatter); ok && value.Name() != "Secret" && !reflect.ValueOf(v).IsZero() && fmt.Sprint(v) == "" {
				t.Errorf("%T prints nothing", v) // as an empty Secret does
			}
			slog.AnyValue(v).Resolve()
			json.Marshal(v)
		}
	}
}
