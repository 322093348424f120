package before

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	httphelper "github.com/zitadel/oidc/v3/pkg/http"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

type (
	claims = *oidc.IDTokenClaims
	tokens = *oidc.Tokens[claims]
)

// Web has a page that greets the user of a new login. Sessions are still to be written.
func Web(ctx context.Context, issuer, clientID, secret, base string, key []byte, hc *http.Client) (http.Handler, error) {
	party, err := rp.NewRelyingPartyOIDC(ctx, issuer, clientID, secret, base+"/auth/callback",
		[]string{oidc.ScopeOpenID, oidc.ScopeEmail},
		rp.WithPKCE(httphelper.NewCookieHandler(key, key)), rp.WithHTTPClient(hc), rp.WithSigningAlgsFromDiscovery())
	if err != nil {
		return nil, err
	}
	greet := func(w http.ResponseWriter, r *http.Request, t tokens, state string, party rp.RelyingParty, info *oidc.UserInfo) {
		fmt.Fprintf(w, "hello %s, %s", t.IDTokenClaims.Subject, info.Email)
	}
	mux := http.NewServeMux()
	mux.Handle("/auth/login", rp.AuthURLHandler(rand.Text, party))
	mux.Handle("/auth/callback", rp.CodeExchangeHandler(rp.UserinfoCallback(greet), party))
	return mux, nil
}
