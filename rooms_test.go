package oauth

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// rooms are the files of the package from ground to roof: each takes names from those
// before it alone.
var rooms = strings.Fields(`
	limits text clock errors url json secret flight trace mldsa_go126 mldsa algorithm jsonstruct
	jwk jws claims jwe encrypted decrypt
	dial challenge dpop redact http mtls jwks verify metadata clientauth attestation
	oauth details client saved authorize idtoken token callback grants poll device ciba
	renewal protected userinfo introspection revocation registration replay logout
	accesstoken profile verified opaque refusal proof resource authenticate require
`)

// TestRooms: no room takes a name from one above it.
func TestRooms(t *testing.T) {
	fset, list, info := typeCheck(t)
	room := func(p token.Pos) string { return strings.TrimSuffix(filepath.Base(fset.Position(p).Filename), ".go") }
	up := map[string][]string{}
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
			fn, _ := obj.(*types.Func)
			if obj.Parent() != obj.Pkg().Scope() && fn == nil {
				return true
			}
			if to := room(obj.Pos()); slices.Index(rooms, to) > floor {
				name := obj.Name()
				if !slices.Contains(up[from+" → "+to], name) {
					up[from+" → "+to] = append(up[from+" → "+to], name)
				}
			}
			return true
		})
	}
	for a, names := range up {
		t.Errorf("%s: %s", a, fmt.Sprint(names))
	}
}
