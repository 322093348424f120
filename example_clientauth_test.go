package oauth_test

import (
	"context"
	"log"
	"net/http"
	"os"
	"time"

	"example.com/oauth"
)

// rawBasic is HTTP Basic without form encoding (RFC 7617), for servers that do not
// decode. The secret may be empty.
type rawBasic struct{ secret oauth.Secret }

func (a rawBasic) Authenticate(_ context.Context, r *oauth.ClientAuthRequest) error {
	(&http.Request{Header: r.Header}).SetBasicAuth(r.ClientID, a.secret.Reveal())
	return nil
}

// A ClientAuth for servers that do not decode what client_secret_basic encodes, or that
// expect an empty password, such as Reddit for installed apps.
func ExampleClientAuth() {
	as := &oauth.AuthorizationServer{
		Issuer:                "https://www.reddit.com",
		AuthorizationEndpoint: "https://www.reddit.com/api/v1/authorize",
		TokenEndpoint:         "https://www.reddit.com/api/v1/access_token",
	}
	client, err := oauth.NewClient(oauth.Config{
		Server:   as,
		Metadata: oauth.ClientMetadata{ClientID: "installed-app"},
		Auth:     rawBasic{}, // of a web app: rawBasic{oauth.NewSecret(secret)}
	})
	if err != nil {
		log.Fatal(err)
	}
	defer client.CloseIdleConnections()
}

// Sign in with Apple: the client secret is a JWT that the client signs.
func ExampleClientSecretPostFunc() {
	const teamID, clientID = "TEAM123456", "com.example.app"
	text, err := os.ReadFile("AuthKey.p8")
	if err != nil {
		log.Fatal(err)
	}
	key, err := oauth.ParseSigningKey(text, oauth.ES256, "KEYID12345")
	if err != nil {
		log.Fatal(err)
	}
	secret := func(context.Context) (string, error) {
		now := time.Now().Unix()
		return key.SignJWT("JWT", map[string]any{
			"iss": teamID, "sub": clientID, "aud": "https://appleid.apple.com",
			"iat": now, "exp": now + 300,
		})
	}
	as, err := oauth.Discover(context.Background(), "https://appleid.apple.com", nil)
	if err != nil {
		log.Fatal(err)
	}
	client, err := oauth.NewClient(oauth.Config{
		Server:   as,
		Metadata: oauth.ClientMetadata{ClientID: clientID},
		Auth:     oauth.ClientSecretPostFunc(secret),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer client.CloseIdleConnections()
}
