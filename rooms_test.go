package oauth

import (
	"go/ast"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// rooms are the files of the package from ground to roof: each takes names from those
// before it alone.
var rooms = strings.Fields(`
	limits text errors clock budget url json jsonobject secret flight trace algorithm mldsa mldsa_go126 jsonstruct
	jwk jws memo claims jwe encrypted decrypt
	dial internet challenge dpop redact http mtls jwks publickeys verify metadata clientauth attestation securityprofile signedjwt published
	oauth details client discovered saved authorize idtoken token fragment callback initiated grants poll device ciba
	renewal protected userinfo introspection revocation registration replay logout
	accesstoken nonce profile verified trusted resource opaque refusal proof authenticate credential require
`)

// upward are the names that a room takes from one above it all the same, with the reason.
var upward = map[string]string{
	"accesstoken → resource: ResourceServer": "a token knows who accepted it, and the ResourceServer remembers tokens",
	"protected → credential: Credential":     "a client presents what an API takes, and the type stands where it is judged",
	"resource → require: Requirement":        "the configuration has a function that is asked for one",
	"oauth → client: endpointURL":            "NewClient makes a Client, of which the endpoints are a part",
	"algorithm → mldsa: mldsaNeeds":          "one of two files, by the version of Go",
	"algorithm → mldsa_go126: mldsaNeeds":    "one of two files, by the version of Go",
}

// TestRooms: no room takes a name from one above it.
func TestRooms(t *testing.T) {
	fset, list, info := typeCheck(t)
	room := func(p token.Pos) string { return strings.TrimSuffix(filepath.Base(fset.Position(p).Filename), ".go") }
	names := 0
	for _, f := range list {
		from := room(f.Pos())
		floor := slices.Index(rooms, from)
		if floor < 0 {
			t.Errorf("%s.go is not in the list of rooms", from)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if !ok {
				return true
			}
			obj := info.Uses[id]
			if obj == nil || obj.Pkg() == nil || obj.Pkg().Path() != "example.com/oauth" {
				return true
			}
			if _, isFunc := obj.(*types.Func); obj.Parent() != obj.Pkg().Scope() && !isFunc { // a field, or a variable
				return true
			}
			names++
			to := room(obj.Pos())
			if upward[from+" → "+to+": "+obj.Name()] == "" && slices.Index(rooms, to) > floor {
				t.Errorf("%s: %s is of the room %s, which is above %s", fset.Position(id.Pos()), obj.Name(), to, from)
			}
			return true
		})
	}
	for _, name := range rooms {
		if _, err := os.Stat(name + ".go"); err != nil {
			t.Errorf("there is no room %s", name)
		}
	}
	if names < 1000 {
		t.Errorf("it saw %d names: does it look?", names)
	}
}

// madeIn are the rooms in which a value is made that others rely on as judged. Their
// methods for zero values make an empty one.
var madeIn = map[string][]string{
	"parsedJWS":                 {"jws.go"},
	"verifiedJWS":               {"jws.go"},
	"IDToken":                   nil, // newIDToken has it beside its data
	"newIDToken":                {"idtoken.go"},
	"idTokenData":               {"idtoken.go"},
	"AccessToken":               nil,
	"newAccessToken":            {"authenticate.go", "opaque.go"},
	"accessTokenData":           {"accesstoken.go"},
	"AuthorizationResponse":     {"callback.go"},
	"LogoutToken":               {"logout.go"},
	"logoutTokenData":           {"logout.go"},
	"Introspection":             {"introspection.go"},
	"introspectionData":         {"introspection.go"},
	"UserInfo":                  {"userinfo.go"},
	"VerifiedJWT":               {"signedjwt.go"},
	"PendingAuthorization":      {"authorize.go"},
	"pendingAuthorizationData":  {"authorize.go"},
	"Token":                     {"token.go", "callback.go"}, // of an ID token alone
	"DeviceAuthorization":       {"device.go"},
	"BackchannelAuthentication": {"ciba.go"},
	"pendingData":               {"poll.go", "device.go", "ciba.go"},
	"publicKey":                 {"jwk.go", "jwks.go"},
	"keySnapshot":               {"jwks.go"},
}

// TestTrustIsMadeInOneRoom: who has such a value knows that it was judged.
func TestTrustIsMadeInOneRoom(t *testing.T) {
	fset, list, info := typeCheck(t)
	made := map[string]bool{}
	check := func(n ast.Node, name string) {
		rooms, limited := madeIn[name]
		if at := fset.Position(n.Pos()); limited && !slices.Contains(rooms, at.Filename) {
			t.Errorf("%s: a %s is made in %v alone", at, name, rooms)
		}
		made[name] = true
	}
	for _, f := range list {
		ast.Inspect(f, func(n ast.Node) bool {
			var of ast.Expr
			switch n := n.(type) {
			case *ast.CompositeLit:
				of = n
			case *ast.CallExpr:
				fn, ok := n.Fun.(*ast.Ident)
				switch {
				case !ok:
					return true
				case fn.Name == "new":
					of = n.Args[0]
				default:
					check(n, fn.Name)
					return true
				}
			default:
				return true
			}
			if named, ok := types.Unalias(info.Types[of].Type).(*types.Named); ok {
				check(n, named.Obj().Name())
			}
			return true
		})
	}
	for name, rooms := range madeIn {
		if !made[name] && rooms != nil {
			t.Errorf("no %s is made: is that its name?", name)
		}
	}
}
