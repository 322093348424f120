package before

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
)

type subjectKey struct{}

// Protect accepts JWT access tokens of the server that have the scope.
func Protect(provider *oidc.Provider, audience, scope string, next http.Handler) http.Handler {
	verifier := provider.Verifier(&oidc.Config{ClientID: audience}) // which also accepts ID tokens for the audience
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "no token", http.StatusUnauthorized)
			return
		}
		token, err := verifier.Verify(r.Context(), raw)
		if err != nil {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			http.Error(w, "bad token", http.StatusUnauthorized)
			return
		}
		var claims struct{ Scope string }
		if err := token.Claims(&claims); err != nil || !slices.Contains(strings.Fields(claims.Scope), scope) {
			w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="`+scope+`"`)
			http.Error(w, "scope is missing", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), subjectKey{}, token.Subject)))
	})
}

// Caller is the subject of the token of a request.
func Caller(r *http.Request) string {
	subject, _ := r.Context().Value(subjectKey{}).(string)
	return subject
}
