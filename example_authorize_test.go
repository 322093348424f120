package oauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// The request goes directly to the server (RFC 9126): the URL that the browser sees has
// only a reference to it.
func ExampleAuthorizationRequest_pushed() {
	srv, client := exampleServer(nil)
	defer srv.Close()
	pending, err := client.StartAuthorization(context.Background(), &oauth.AuthorizationRequest{
		RedirectURI: "https://app.example.com/callback",
		Scope:       []string{"openid"},
		Pushed:      true,
	})
	check(err)
	u, err := url.Parse(pending.URL())
	check(err)
	fmt.Println(len(u.Query()), u.Query().Get("client_id"), strings.HasPrefix(u.Query().Get("request_uri"), "urn:"))
	// Output: 2 web true
}

// The two steps of FinishAuthorization, for a program that looks at the response before it
// redeems the code, or that gets the parameters in some other way than by a request.
func ExampleClient_ValidateAuthorizationResponseURL() {
	ctx := context.Background()
	srv, client := exampleServer(nil)
	defer srv.Close()
	pending, err := client.StartAuthorization(ctx, &oauth.AuthorizationRequest{
		RedirectURI: "https://app.example.com/callback", Scope: []string{"openid"},
	})
	check(err)
	callback, err := srv.Authorize(ctx, pending.URL()) // the browser
	check(err)

	response, err := client.ValidateAuthorizationResponseURL(ctx, pending, callback.URL.String())
	check(err)
	token, err := client.ExchangeCode(ctx, response, nil)
	check(err)
	fmt.Println("hello", token.Subject())
	// Output: hello alice
}

// The user says no, or the server does.
func ExampleAuthorizationError() {
	ctx := context.Background()
	srv, client := exampleServer(nil)
	defer srv.Close()
	pending, err := client.StartAuthorization(ctx, &oauth.AuthorizationRequest{
		RedirectURI: "https://app.example.com/callback", Scope: []string{"openid"}, LoginHint: "deny",
	})
	check(err)
	callback, err := srv.Authorize(ctx, pending.URL()) // the browser, where the user refuses
	check(err)

	_, err = client.FinishAuthorization(callback, pending, nil)
	var refused *oauth.AuthorizationError
	if errors.As(err, &refused) {
		fmt.Println(refused.Code)
	}
	// Output: access_denied
}

// A parameter that the package has no field for, and the claims that the application wants.
func ExampleAuthorizationRequest_params() {
	srv, client := exampleServer(nil)
	defer srv.Close()
	pending, err := client.StartAuthorization(context.Background(), &oauth.AuthorizationRequest{
		RedirectURI: "https://app.example.com/callback",
		Scope:       []string{"openid"},
		Claims:      json.RawMessage(`{"id_token":{"email":null}}`), // OpenID Connect Core, Section 5.5
		Params:      url.Values{"hd": {"example.com"}},              // of Google
	})
	check(err)
	u, err := url.Parse(pending.URL())
	check(err)
	fmt.Println(u.Query().Get("hd"), u.Query().Get("claims"))
	// Output: example.com {"id_token":{"email":null}}
}

// An application of all tenants of Entra ID decides which of them may log in.
func ExampleConfig_acceptIssuer() {
	tenants := map[string]bool{"f8cdef31-a31e-4b4a-93e4-5f571e91255a": true}
	client, err := oauth.NewClient(oauth.Config{
		Server: &oauth.AuthorizationServer{ // of Discover, whose DiscoverOptions.Issuer is this template
			Issuer:                "https://login.microsoftonline.com/{tenantid}/v2.0",
			AuthorizationEndpoint: "https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize",
			TokenEndpoint:         "https://login.microsoftonline.com/organizations/oauth2/v2.0/token",
			JWKSURI:               "https://login.microsoftonline.com/organizations/discovery/v2.0/keys",
		},
		Metadata:     oauth.ClientMetadata{ClientID: "6731de76-14a6-49ae-97bc-6eba6914391e"},
		Auth:         oauth.ClientSecretPost("a secret that only the two know"),
		AcceptIssuer: func(iss, tid string) bool { return tenants[tid] }, // iss fits tid, which is checked before
	})
	check(err)
	pending, err := client.StartAuthorization(context.Background(), &oauth.AuthorizationRequest{
		RedirectURI: "https://app.example.com/callback", Scope: []string{"openid"},
	})
	check(err)
	fmt.Println(strings.HasPrefix(pending.URL(), "https://login.microsoftonline.com/organizations/"))
	// Output: true
}

// A login that a third party begins, such as a page of the server with all applications of
// a company (OpenID Connect Core, Section 4).
func ExampleClient_ParseInitiatedLogin() {
	srv, client := exampleServer(nil)
	defer srv.Close()
	request := exampleRequest("GET", "https://app.example.com/initiate?"+url.Values{
		"iss": {srv.Issuer()}, "login_hint": {"alice"}, "target_link_uri": {"https://app.example.com/orders"},
	}.Encode())

	wish, err := client.ParseInitiatedLogin(request, "https://app.example.com")
	check(err)
	pending, err := client.StartAuthorization(request.Context(), &oauth.AuthorizationRequest{
		RedirectURI: "https://app.example.com/callback", Scope: []string{"openid"}, LoginHint: wish.LoginHint,
	})
	check(err)
	fmt.Println(strings.HasPrefix(pending.URL(), srv.URL()), "and then", wish.TargetLinkURI)
	// Output: true and then https://app.example.com/orders
}

// A login with which the user agrees to one payment, and to nothing else (RFC 9396).
func ExampleAuthorizationDetail() {
	ctx := context.Background()
	srv, client := exampleServer(func(o *oauthtest.Options, _ *oauthtest.Client, _ *oauth.Config) {
		o.AuthorizationDetailsTypes = []string{"payment_initiation"}
	})
	defer srv.Close()
	pending, err := client.StartAuthorization(ctx, &oauth.AuthorizationRequest{
		RedirectURI: "https://app.example.com/callback",
		AuthorizationDetails: []oauth.AuthorizationDetail{{
			Type:  "payment_initiation",
			Extra: map[string]json.RawMessage{"instructedAmount": json.RawMessage(`{"currency":"EUR","amount":"123.50"}`)},
		}},
	})
	check(err)
	callback, err := srv.Authorize(ctx, pending.URL()) // the browser
	check(err)
	token, err := client.FinishAuthorization(callback, pending, nil)
	check(err)
	for _, granted := range token.AuthorizationDetails {
		fmt.Println(granted.Type, len(granted.Extra["instructedAmount"]) > 0)
	}
	// Output: payment_initiation true
}
