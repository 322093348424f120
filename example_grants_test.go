package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// A program that keeps tokens itself. Servers may rotate refresh tokens: the new one must be
// stored, also if the rest of the response is not usable.
func ExampleClient_Refresh() {
	ctx := context.Background()
	srv, client := exampleServer(nil)
	defer srv.Close()
	token := exampleLogin(srv, client, "openid", "offline_access")
	store := func(t *oauth.Token) { _, err := t.MarshalBinary(); check(err) } // encrypted, in a database

	fresh, err := client.Refresh(ctx, token, nil)
	var rotated *oauth.RefreshError
	var refused *oauth.ResponseError
	switch {
	case errors.As(err, &rotated):
		token.RefreshToken = rotated.RefreshToken
		store(token)
	case errors.As(err, &refused) && refused.Code == "invalid_grant":
		fmt.Println("log in again")
	case err == nil:
		store(fresh)
	}
	check(err)
	fmt.Println(fresh.RefreshToken.Equal(token.RefreshToken), fresh.Subject())
	// Output: false alice
}

// An API calls another one for its user (RFC 8693).
func ExampleClient_ExchangeToken() {
	ctx := context.Background()
	srv, client := exampleServer(nil)
	defer srv.Close()
	received := exampleLogin(srv, client, "openid", "orders").AccessToken // from a request to this API

	token, err := client.ExchangeToken(ctx, &oauth.TokenExchangeRequest{
		SubjectToken:     received,
		SubjectTokenType: oauth.TokenTypeAccessToken,
	}, &oauth.GrantOptions{Resource: []string{"https://stock.example.com"}, Scope: []string{"orders"}})
	check(err)
	fmt.Println(token.TokenType, token.Scope)
	// Output: Bearer [orders]
}

// An assertion that another party has signed for a user (RFC 7523, Section 2.1).
func ExampleClient_JWTBearer() {
	ctx := context.Background()
	key, err := oauth.GenerateSigningKey(oauth.ES256)
	check(err)
	srv, client := exampleServer(func(_ *oauthtest.Options, c *oauthtest.Client, _ *oauth.Config) {
		c.JWKS = fmt.Appendf(nil, `{"keys":[%s]}`, key.PublicJWK())
	})
	defer srv.Close()
	now := time.Now()
	assertion, err := key.SignJWT("JWT", map[string]any{
		"iss": "web", "sub": "alice", "aud": srv.Issuer(), "jti": "1", "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	})
	check(err)

	token, err := client.JWTBearer(ctx, assertion, &oauth.GrantOptions{Scope: []string{"orders"}})
	check(err)
	fmt.Println(token.TokenType, token.Scope)
	// Output: Bearer [orders]
}

// An extension grant that the package has no method for (RFC 6749, Section 4.5).
func ExampleClient_Grant() {
	srv, client := exampleServer(nil)
	defer srv.Close()
	_, err := client.Grant(context.Background(), "urn:example:grant-type:voucher", url.Values{"voucher": {"ABCD-EFGH"}})
	var refused *oauth.ResponseError
	if errors.As(err, &refused) {
		fmt.Println(refused.Code) // of a server that does not have it either
	}
	// Output: unsupported_grant_type
}

// A service that calls an API as itself. The Transport gets a token when it first needs one,
// and another one before that expires.
func ExampleClient_ClientCredentials() {
	srv, client := exampleServer(nil)
	defer srv.Close()
	transport, err := client.NewTransport(nil, oauth.TransportOptions{
		Origins: []string{srv.URL()},
		Renew: func(ctx context.Context, _ *oauth.Token) (*oauth.Token, error) {
			return client.ClientCredentials(ctx, &oauth.GrantOptions{Scope: []string{"orders"}})
		},
	})
	check(err)
	res, err := (&http.Client{Transport: transport}).Get(srv.URL() + "/resource")
	check(err)
	defer res.Body.Close()
	fmt.Println(res.StatusCode)
	// Output: 200
}

// A login on a device without a browser (RFC 8628).
func ExampleClient_PollDevice() {
	ctx := context.Background()
	srv, client := exampleServer(func(o *oauthtest.Options, _ *oauthtest.Client, _ *oauth.Config) {
		o.PendingAnswers, o.PollInterval = 1, time.Second // the user needs a moment
	})
	defer srv.Close()
	device, err := client.StartDeviceAuthorization(ctx, &oauth.DeviceAuthorizationRequest{Scope: []string{"openid"}})
	check(err)
	fmt.Println("Open", device.VerificationURI() == srv.URL()+"/device", "and enter a code of", len(device.UserCode()), "characters.")

	token, err := client.PollDevice(ctx, device, nil) // until the user has entered it, or ctx ends
	check(err)
	fmt.Println("hello", token.Subject())
	// Output:
	// Open true and enter a code of 9 characters.
	// hello alice
}

// A login that the user confirms at a phone (OpenID Connect CIBA Core).
func ExampleClient_StartBackchannelAuthentication() {
	ctx := context.Background()
	srv, client := exampleServer(func(o *oauthtest.Options, _ *oauthtest.Client, _ *oauth.Config) {
		o.PollInterval = time.Second
	})
	defer srv.Close()
	request, err := client.StartBackchannelAuthentication(ctx, &oauth.BackchannelAuthenticationRequest{
		Scope:          []string{"openid"},
		LoginHint:      "alice",
		BindingMessage: "W4SCT", // which the user sees at the phone, too
	})
	check(err)
	_, err = srv.ApproveBackchannel(request.AuthReqID(), "") // at the phone
	check(err)

	token, err := client.PollBackchannelAuthentication(ctx, request, nil)
	check(err)
	fmt.Println("hello", token.Subject())
	// Output: hello alice
}

// An API of a server whose tokens are opaque asks the server what they are (RFC 7662). A
// ResourceServer does so by itself if TrustedServer.Introspect is set.
func ExampleClient_Introspect() {
	ctx := context.Background()
	srv, client := exampleServer(nil)
	defer srv.Close()
	received := exampleLogin(srv, client, "openid", "orders").AccessToken

	token, err := client.Introspect(ctx, received.Reveal(), nil)
	check(err)
	fmt.Println(token.Subject(), slices.Contains(token.Scope(), "orders"))

	_, err = client.Introspect(ctx, "a token that the server does not know", nil)
	fmt.Println(errors.Is(err, oauth.ErrInactive))
	// Output:
	// alice true
	// true
}

// The tokens of a user who has logged out are of no use to a thief (RFC 7009).
func ExampleClient_Revoke() {
	ctx := context.Background()
	srv, client := exampleServer(nil)
	defer srv.Close()
	token := exampleLogin(srv, client, "openid", "offline_access")

	err := client.Revoke(ctx, token.RefreshToken.Reveal(), &oauth.EndpointOptions{TokenTypeHint: "refresh_token"})
	check(err)
	_, err = client.Refresh(ctx, token, nil)
	var refused *oauth.ResponseError
	fmt.Println(errors.As(err, &refused) && refused.Code == "invalid_grant")
	// Output: true
}

// One call of an API. Programs that call an API often should use a Transport, which renews
// the token.
func ExampleClient_Do() {
	srv, client := exampleServer(nil)
	defer srv.Close()
	token := exampleLogin(srv, client, "openid", "orders")
	res, err := client.Do(exampleRequest("GET", srv.URL()+"/resource"), token)
	check(err)
	defer res.Body.Close()
	fmt.Println(res.StatusCode)

	fmt.Println(oauth.ParseChallenges(res.Header)) // of a response with 401: what the API misses
	// Output:
	// 200
	// []
}

// An API of the user's, called with a token that is renewed and stored. There is one
// Transport for each user and process: two would renew with the same refresh token, and a
// server that rotates refresh tokens takes that for theft. A program with many users keeps
// their Transports in a map.
func ExampleClient_NewTransport() {
	srv, client := exampleServer(func(o *oauthtest.Options, _ *oauthtest.Client, _ *oauth.Config) {
		o.AccessTokenLifetime = 20 * time.Second // so that it is renewed at once
	})
	defer srv.Close()
	token := exampleLogin(srv, client, "openid", "offline_access") // or restored with UnmarshalBinary
	transport, err := client.NewTransport(token, oauth.TransportOptions{
		Origins: []string{srv.URL()}, // no other host gets the token
		OnRefresh: func(_ context.Context, t *oauth.Token) error {
			_, err := t.MarshalBinary() // which a program stores, encrypted: the refresh token is a new one
			return err
		},
	})
	check(err)
	api := &http.Client{Transport: transport}
	for range 2 {
		res, err := api.Get(srv.URL() + "/resource")
		var refused *oauth.ResponseError
		if errors.As(err, &refused) && refused.Code == "invalid_grant" {
			fmt.Println("log in again")
		}
		check(err)
		res.Body.Close()
		fmt.Println(res.StatusCode)
	}
	// Output:
	// 200
	// 200
}

// Claims that are not in the ID token. The response is about the user of the token, or it is
// an error.
func ExampleClient_UserInfo() {
	srv, client := exampleServer(nil)
	defer srv.Close()
	token := exampleLogin(srv, client, "openid", "email")
	info, err := client.UserInfo(context.Background(), token, nil)
	var refused *oauth.ResponseError
	if errors.As(err, &refused) && refused.StatusCode == http.StatusUnauthorized {
		fmt.Println("the access token is not good any more: refresh it, or log in again")
	}
	check(err)
	var claims struct {
		Email string `json:"email"`
	}
	check(info.Claims(&claims))
	fmt.Println(info.Subject(), claims.Email, info.EmailVerified())
	// Output: alice alice@example.com true
}
