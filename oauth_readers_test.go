package oauth

// The functions that read what others send, with the kinds of oauth_cuts_test.go and the
// fuzz targets that are for them: none can be forgotten.

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// readerName matches the names of functions that read something.
var readerName = regexp.MustCompile(`^(process|parse|Parse|Unmarshal|Verify|verify|Validate|validate|Import|Authenticate|FinishAuthorization|ResponseState)`)

// readers are all functions with such a name: the fuzz target that gets there, and, where no
// kind of token or answer names the function, why there need not be one.
var readers = map[string]struct{ fuzz, uncut string }{
	"Client.processTokenResponse":         {"FuzzTokenResponse", ""},
	"Client.processDeviceResponse":        {"FuzzDeviceResponse", ""},
	"Client.processBackchannelResponse":   {"FuzzBackchannelResponse", ""},
	"Client.processUserInfoResponse":      {"FuzzUserInfoResponse", ""},
	"Client.processIntrospectionResponse": {"FuzzIntrospectionResponse", ""},
	"Client.processAuthorizationResponse": {"FuzzAuthorizationResponse", ""},
	"processDiscoveryResponse":            {"FuzzDiscoveryResponse", ""},
	"processResourceResponse":             {"FuzzResourceResponse", ""},
	"processPushedResponse":               {"FuzzPushedResponse", ""},
	"Registration.process":                {"FuzzRegistrationResponse", ""},

	"Client.FinishAuthorization":              {"FuzzAuthorizationResponse", "the callbacks go through it"},
	"Client.ResponseState":                    {"FuzzResponseState", "it finds a PendingAuthorization, which then judges all"},
	"Client.ValidateAuthorizationResponse":    {"FuzzJARMClaims", ""},
	"Client.ValidateAuthorizationResponseURL": {"FuzzResponseURL", ""},
	"Client.validateResponse":                 {"FuzzJARMClaims", ""},
	"Client.ParseInitiatedLogin":              {"FuzzInitiatedLogin", ""},
	"Client.ParseFrontchannelLogout":          {"FuzzFrontchannelLogout", ""},
	"ParseBackchannelPing":                    {"FuzzBackchannelPing", ""},
	"parseBackchannelPing":                    {"FuzzBackchannelPing", ""},
	"ParseChallenges":                         {"FuzzParseChallenges", ""},

	"Client.VerifyIDToken":                  {"FuzzIDTokenClaims", ""},
	"Client.verifyIDToken":                  {"FuzzIDTokenClaims", ""},
	"Client.VerifyLogoutToken":              {"FuzzLogoutTokenClaims", ""},
	"Client.verifyLogoutToken":              {"FuzzLogoutTokenClaims", ""},
	"KeySet.VerifyJWT":                      {"FuzzVerifyJWT", ""},
	"KeySet.verifyJWT":                      {"FuzzVerifyJWT", ""},
	"ResourceServer.Authenticate":           {"FuzzAuthorization", ""},
	"ResourceServer.AuthenticateCredential": {"FuzzAccessTokenClaims", ""},
	"ResourceServer.verify":                 {"FuzzAccessTokenClaims", ""},
	"parseProofHeader":                      {"FuzzProof", ""},
	"parseHeader":                           {"FuzzJWS", ""},
	"parseJWE":                              {"FuzzDecrypt", ""},
	"verifyJWS":                             {"FuzzJWS", "every signed kind goes through it"},
	"verifyReceived":                        {"FuzzJWS", "every signed kind goes through it"},
	"verifySignature":                       {"FuzzECDSASignature", "every signed kind goes through it"},
	"verifyMLDSA":                           {"FuzzJWS", "the ID token of ML-DSA, with a Go that has it"},
	"parsedJWS.verify":                      {"FuzzJWS", "every signed kind goes through it"},
	"jwsScratch.parse":                      {"FuzzJWS", "every signed kind goes through it"},

	"parsePublicJWK":                    {"FuzzJWK", ""},
	"ParseKeySet":                       {"FuzzKeySet", ""},
	"parseKeySet":                       {"FuzzKeySet", ""},
	"KeySet.Import":                     {"FuzzKeySetImport", ""},
	"ParseSigningKey":                   {"FuzzParseSigningKey", "the program's own key, which nobody sends"},
	"parsePrivateJWK":                   {"FuzzParseSigningKey", "the program's own key, which nobody sends"},
	"ParseDecryptionKey":                {"FuzzParseDecryptionKey", "the program's own key, which nobody sends"},
	"ParsePublicKeyPEM":                 {"FuzzParsePublicKeyPEM", "a file of the program's, which nobody sends"},
	"parseObject":                       {"FuzzStrictJSON", ""},
	"parseNumericDate":                  {"FuzzNumericDate", ""},
	"parseDigits":                       {"FuzzNumericDate", "the short way of parseNumericDate"},
	"parseMetadata":                     {"FuzzAuthorizationServerJSON", ""},
	"parseDetails":                      {"FuzzAuthorizationDetails", "it stands in answers and saved values as their member"},
	"parseFetchURL":                     {"FuzzWellKnownURL", "a URL is a member of documents"},
	"AuthorizationDetail.UnmarshalJSON": {"FuzzAuthorizationDetails", "it stands in answers and saved values as their member"},
	"AuthorizationServer.UnmarshalJSON": {"FuzzAuthorizationServerJSON", ""},
	"ClientMetadata.UnmarshalJSON":      {"FuzzClientMetadataJSON", ""},
	"ResourceMetadata.UnmarshalJSON":    {"FuzzResourceResponse", ""},

	"PendingAuthorization.UnmarshalBinary":      {"FuzzAuthorizationBinary", ""},
	"Token.UnmarshalBinary":                     {"FuzzTokenBinary", ""},
	"DeviceAuthorization.UnmarshalBinary":       {"FuzzPendingBinary", ""},
	"BackchannelAuthentication.UnmarshalBinary": {"FuzzPendingBinary", ""},
	"Registration.UnmarshalBinary":              {"FuzzRegistrationBinary", ""},
}

// noReaders have such a name, and read nothing of others.
var noReaders = map[string]string{
	"Clock.validate": "the configuration", "pendingAuthorizationData.validate": "a part of what reads saved values",
	"pendingData.validate": "a part of what reads answers and saved values", "Token.validate": "a part of what reads saved values",
	"attestationAuth.Authenticate": "the program's own side", "jwtAuth.Authenticate": "the program's own side", "secretAuth.Authenticate": "the program's own side",
	"secretFunc.Authenticate": "the program's own side", "assertionFunc.Authenticate": "the program's own side", "noAuth.Authenticate": "the program's own side",
	"tlsAuth.Authenticate": "the program's own side", "accessTokenProfile.validate": "the configuration",
	"ResourceServer.verifiedBy": "a part of ResourceServer.verify", "ResourceServer.verifiesJWTs": "the configuration", "verifiable": "the configuration",
	"verifiedJWS.claims": "", "verifiedJWS.ownClaims": "", "Algorithm.verifies": "the configuration",
}

// TestReaders: a function with the name of a reader is read about in these tables.
func TestReaders(t *testing.T) {
	_, list, _ := typeCheck(t)
	targets := map[string]bool{}
	sources, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range sources {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && strings.HasPrefix(fn.Name.Name, "Fuzz") {
				targets[fn.Name.Name] = true
			}
		}
	}
	cut := map[string]bool{}
	for _, kind := range cutKinds() {
		if kind.why == "" {
			t.Errorf("it is not said why a changed %s can be accepted", kind.name)
		}
		for _, name := range kind.reads {
			cut[name] = true
		}
	}
	there := map[string]bool{}
	for _, f := range list {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !readerName.MatchString(fn.Name.Name) {
				continue
			}
			name := fn.Name.Name
			if fn.Recv != nil {
				of := fn.Recv.List[0].Type
				if star, ok := of.(*ast.StarExpr); ok {
					of = star.X
				}
				name = of.(*ast.Ident).Name + "." + name
			}
			there[name] = true
			if _, no := noReaders[name]; no {
				continue
			}
			reader, known := readers[name]
			switch {
			case !known:
				t.Errorf("%s reads something: name its fuzz target in readers, and the function in a cutKind", name)
			case !targets[reader.fuzz]:
				t.Errorf("%s has no fuzz target %s", name, reader.fuzz)
			case !cut[name] && reader.uncut == "":
				t.Errorf("no kind of token or answer is said to be read by %s", name)
			}
		}
	}
	for name := range readers {
		if !there[name] && name != "verifyMLDSA" {
			t.Errorf("there is no function %s", name)
		}
	}
	corpora, err := os.ReadDir("testdata/fuzz")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range corpora {
		if !targets[dir.Name()] {
			t.Errorf("there is no fuzz target %s for its corpus", dir.Name())
		}
	}
}
