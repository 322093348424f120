package oauth

import (
	"crypto/ed25519"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

// printed says of an exported type what of it may be printed, and why.
type printed struct {
	zero any
	// public are the fields, of it and of what it holds, that may be seen. "*": all.
	public []string
	why    string
	// data: encoding/json, and with it slog's JSON, may show it: that is what it is for.
	data bool
}

const (
	whyPublic  = "a document that is public, or a part of one"
	whyNames   = "server and client are named in every request"
	whyTrace   = "made to be logged: URLs without queries, errors without secrets"
	whyRefused = "the secrets of the request were taken out, see TestRedactAnswers; the rest is data and does not print"
	whyConfig  = "what the API is, and whom it trusts"
)

// printedTypes are all exported types that hold anything.
var printedTypes = map[string]printed{
	"AuthorizationServer": {AuthorizationServer{}, []string{"*"}, whyPublic, true},
	"MTLSEndpointAliases": {MTLSEndpointAliases{}, []string{"*"}, whyPublic, true},
	"ClientMetadata":      {ClientMetadata{}, []string{"*"}, whyPublic, true},
	"ResourceMetadata":    {ResourceMetadata{}, []string{"*"}, whyPublic, true},
	"Challenge":           {Challenge{}, []string{"*"}, "a header field of an answer, taken apart: what is wanted of it is the parameters", true},
	"AccessTokenProfile":  {AccessTokenProfile{}, []string{"*"}, whyConfig, true},
	"TrustedServer":       {TrustedServer{}, []string{"*"}, whyConfig, true},
	"Requirement":         {Requirement{}, []string{"*"}, whyConfig, true},
	"DiscoverOptions":     {DiscoverOptions{}, []string{"*"}, "URLs of public documents", true},
	"KeySetOptions":       {KeySetOptions{}, []string{"*"}, "no text in it", true},
	"MetadataInfo":        {MetadataInfo{}, []string{"*"}, whyTrace, true},
	"KeySetInfo":          {KeySetInfo{}, []string{"*"}, whyTrace, true},
	"RequestInfo":         {RequestInfo{}, []string{"*"}, whyTrace, true},
	"RefusalInfo":         {RefusalInfo{}, []string{"*"}, whyTrace, true},
	"TransportOptions":    {TransportOptions{}, []string{"*"}, "origins", true},
	"Error":               {Error{}, []string{"*"}, "free of secrets where it is made", true},
	"AuthorizationError":  {AuthorizationError{}, []string{"*"}, whyRefused, true},
	"SecurityProfile":     {SecurityProfile(0), []string{"*"}, "a name of a specification", true},
	"Algorithm":           {Algorithm(""), []string{"*"}, "a name of a registry", true},
	"TokenTypeIdentifier": {TokenTypeIdentifier(""), []string{"*"}, "a name of a registry", true},
	"Clock":               {Clock{}, nil, "", false},
	"LogoutOptions":       {LogoutOptions{}, nil, "", false},
	"Trace":               {Trace{}, nil, "", false},
	"AssertionAudience":   {AssertionAudience(0), nil, "", false},

	"Config": {
		Config{},
		[]string{"Server", "Metadata", "AllowTokenTypes", "TrustedAudiences", "KeySet", "alg", "kid", "thumbprint"},
		whyNames,
		false,
	},
	"ResourceServerConfig":             {ResourceServerConfig{}, []string{"Resource", "BaseURL", "Servers"}, whyConfig, false},
	"RegistrationOptions":              {RegistrationOptions{}, nil, "", false},
	"Credential":                       {Credential{}, nil, "", false},
	"InitiatedLogin":                   {InitiatedLogin{}, nil, "", false},
	"VerifiedJWT":                      {VerifiedJWT{}, nil, "", false},
	"VerifyJWTOptions":                 {VerifyJWTOptions{}, []string{"*"}, whyConfig, true},
	"ClientAuthRequest":                {ClientAuthRequest{}, nil, "", false},
	"AssertionOptions":                 {AssertionOptions{}, nil, "", false},
	"MutualTLS":                        {MutualTLS{}, nil, "", false},
	"AuthorizationRequest":             {AuthorizationRequest{}, nil, "", false},
	"BackchannelAuthenticationRequest": {BackchannelAuthenticationRequest{}, nil, "", false},
	"DeviceAuthorizationRequest":       {DeviceAuthorizationRequest{}, nil, "", false},
	"EndSessionRequest":                {EndSessionRequest{}, nil, "", false},
	"TokenExchangeRequest":             {TokenExchangeRequest{}, nil, "", false},
	"GrantOptions":                     {GrantOptions{}, nil, "", false},
	"EndpointOptions":                  {EndpointOptions{}, nil, "", false},
	"VerifyIDTokenOptions":             {VerifyIDTokenOptions{}, nil, "", false},
	"UserInfoOptions":                  {UserInfoOptions{}, nil, "", false},
	"AuthorizationDetail":              {AuthorizationDetail{}, []string{"Type"}, "the kind of the detail; its JSON is what is sent", true},

	"Secret":                    {Secret{}, nil, "", false},
	"SigningKey":                {SigningKey{}, []string{"alg", "kid"}, "in the header of all that it signs", false},
	"DecryptionKey":             {DecryptionKey{}, []string{"alg", "kid"}, "in the header of all that is encrypted to it", false},
	"DPoP":                      {DPoP{}, []string{"alg", "thumbprint"}, "a hash of the public key", false},
	"Token":                     {Token{}, []string{"TokenType", "Scope"}, "what it is good for", false},
	"IDToken":                   {IDToken{}, []string{"issuer", "subject"}, "who logged in, for a log", false},
	"AccessToken":               {AccessToken{}, []string{"issuer", "subject", "clientID"}, "who called, for a log", false},
	"LogoutToken":               {LogoutToken{}, []string{"issuer", "id"}, "which token it was", false},
	"UserInfo":                  {UserInfo{}, []string{"subject"}, "who it is, for a log", false},
	"Introspection":             {Introspection{}, []string{"subject", "clientID"}, "whose token it is, for a log", false},
	"PendingAuthorization":      {PendingAuthorization{}, []string{"issuer", "clientID"}, whyNames, false},
	"AuthorizationResponse":     {AuthorizationResponse{}, []string{"issuer", "clientID"}, whyNames, false},
	"DeviceAuthorization":       {DeviceAuthorization{}, []string{"issuer", "clientID"}, whyNames, false},
	"BackchannelAuthentication": {BackchannelAuthentication{}, []string{"issuer", "clientID"}, whyNames, false},
	"Registration":              {Registration{}, []string{"server", "ClientID"}, whyNames, false},
	"RegistrationError":         {RegistrationError{}, []string{"server", "ClientID"}, whyNames, false},
	"RefreshError":              {RefreshError{}, nil, "", false},
	"ResponseError":             {ResponseError{}, []string{"Op", "Code", "Description", "notes"}, whyRefused, false},
	"Client":                    {Client{}, []string{"server", "meta"}, whyNames, false},
	"ResourceServer":            {ResourceServer{}, []string{"resource", "servers"}, whyConfig, false},
	"KeySet":                    {KeySet{}, []string{"*"}, "public keys, and the URL that they are at", true},
	"Transport":                 {Transport{}, []string{"server", "meta", "origins", "TokenType", "Scope"}, whyNames, false},
}

// printedInterfaces hold nothing by themselves.
var printedInterfaces = []string{"ClientAuth", "Decrypter", "PublishedKey", "ReplayCache"}

// printedFiller puts the marker into every text of a value that is not public, in
// unexported fields, too.
type printedFiller struct {
	public []string
	seen   map[reflect.Type]int
}

func (f *printedFiller) fill(v reflect.Value) {
	t := v.Type()
	switch x := v.Addr().Interface().(type) {
	case *tls.Certificate:
		*x = tls.Certificate{Certificate: [][]byte{[]byte(secretMarker)}, PrivateKey: ed25519.PrivateKey(strings.Repeat(secretMarker, 6)[:ed25519.PrivateKeySize])}
		return
	case *ClientAuth:
		*x = ClientSecretPost(secretMarker)
		return
	case *error:
		return // the errors of the package are tested by themselves
	case *any:
		*x = secretMarker
		return
	case *json.RawMessage:
		*x = json.RawMessage(`"` + secretMarker + `"`)
		return
	}
	if p := t.PkgPath(); p != "" && p != reflect.TypeFor[Client]().PkgPath() && t.Kind() == reflect.Struct {
		return // of the standard library: clocks, locks, pools
	}
	switch t.Kind() {
	case reflect.String:
		v.SetString(secretMarker)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(secretMarker))
			return
		}
		v.Set(reflect.MakeSlice(t, 1, 1))
		f.fill(v.Index(0))
	case reflect.Map:
		key, elem := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		f.fill(key)
		f.fill(elem)
		v.Set(reflect.MakeMap(t))
		v.SetMapIndex(key, elem)
	case reflect.Pointer:
		if f.seen[t] >= 2 || t.Elem().Kind() == reflect.Struct && t.Elem().PkgPath() != reflect.TypeFor[Client]().PkgPath() {
			return
		}
		f.seen[t]++
		p := reflect.New(t.Elem())
		f.fill(p.Elem())
		v.Set(p)
		f.seen[t]--
	case reflect.Struct:
		for i := range t.NumField() {
			if field := v.Field(i); !slices.Contains(f.public, t.Field(i).Name) {
				f.fill(reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem())
			}
		}
	}
}

// TestPrintingTypes: no type of the package shows a text that is not public,
// however it is printed.
func TestPrintingTypes(t *testing.T) {
	var all []string
	for _, symbol := range exportedSymbols(t, ".") {
		if f := strings.Fields(symbol); f[0] == "type" {
			all = append(all, f[1])
		}
	}
	for name := range printedTypes {
		if !slices.Contains(all, name) {
			t.Errorf("there is no type %s", name)
		}
	}
	for _, name := range all {
		p, ok := printedTypes[name]
		if !ok {
			if !slices.Contains(printedInterfaces, name) {
				t.Errorf("nothing says how %s prints", name)
			}
			continue
		}
		if (p.why == "") != (p.public == nil) {
			t.Errorf("%s: what may be seen needs a reason, and nothing else does", name)
		}
		if got := reflect.TypeOf(p.zero).Name(); got != name {
			t.Fatalf("%s is %s", name, got)
		}
		if slices.Contains(p.public, "*") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			value := reflect.New(reflect.TypeOf(p.zero))
			f := &printedFiller{p.public, map[reflect.Type]int{}}
			f.fill(value.Elem())
			pointer, plain := value.Interface(), value.Elem().Interface()
			skip := []string{"%w"} // see TestSecretTypesOddVerbs
			if p.data {
				skip = append(skip, "JSON", "slog JSON")
			}
			secretLeaks(t, pointer, skip...)
			secretLeaks(t, []any{pointer}, append(skip, "slog JSON")...)
			secretLeaks(t, fmt.Errorf("%v %+v: %w", pointer, pointer, errors.New("x")), skip...)
			for _, in := range []any{struct{ V any }{pointer}, map[string]any{"k": pointer}, &struct{ V []any }{[]any{pointer}}} {
				secretLeaks(t, in, skip...)
			}
			secretLeaks(t, struct{ v any }{pointer}, append(secretOddVerbs(), skip...)...)
			if holdsLock(reflect.TypeOf(p.zero), 0) {
				return // not for copying
			}
			skip = append(skip, "%p", "%#p")
			for _, in := range []any{plain, struct{ V any }{plain}, map[string]any{"k": plain}, []any{plain}} {
				secretLeaks(t, in, skip...)
			}
		})
	}
}

// TestPrintingLogValue: a log says that something is left out, not nothing or an error.
func TestPrintingLogValue(t *testing.T) {
	if got := (AuthorizationRequest{}).LogValue().String(); got != redacted {
		t.Errorf("logged as %q", got)
	}
}

// holdsLock reports whether go vet would not let a value be copied.
func holdsLock(t reflect.Type, depth int) bool {
	if _, ok := reflect.PointerTo(t).MethodByName("Lock"); ok {
		return true
	}
	if t.Kind() != reflect.Struct || depth > 3 {
		return false
	}
	for i := range t.NumField() {
		if f := t.Field(i); f.Type.PkgPath() == "sync/atomic" || holdsLock(f.Type, depth+1) {
			return true
		}
	}
	return false
}
