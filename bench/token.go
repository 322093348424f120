package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	zitadel "github.com/zitadel/oidc/v3/pkg/client"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"example.com/oauth"
)

// This file has the table of token responses.

// tokenBody returns a token response of n bytes.
func tokenBody(n int) string {
	body := func(token string) string {
		return fmt.Sprintf(`{"access_token":%q,"token_type":"Bearer","expires_in":3600,"refresh_token":"8xLOxBtZp8dVqV1mZk3Q7w","scope":"orders profile"}`, token)
	}
	return body(strings.Repeat("a", n-len(body(""))))
}

type plainToken struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	RefreshToken string `json:"refresh_token"`
	Scope        string `json:"scope"`
}

// plainRequest is net/http and encoding/json, and nothing around them.
func plainRequest(client *http.Client) error {
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"orders profile"}}
	r, err := http.NewRequest(http.MethodPost, tokenEndpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(clientID, "secret")
	response, err := client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	var t plainToken
	if err := json.Unmarshal(body, &t); err != nil || response.StatusCode != http.StatusOK || t.AccessToken == "" {
		return errors.New("no token")
	}
	return nil
}

// zitadelCaller is an endpoint for zitadel's client.
type zitadelCaller struct{ client *http.Client }

func (zitadelCaller) TokenEndpoint() string { return tokenEndpoint }

func (c zitadelCaller) HttpClient() *http.Client { return c.client }

// tokenResponses measures a token request that is answered from memory.
func (b *bench) tokenResponses() {
	t := newTable("Token response from memory over plain net/http and encoding/json", "", "", "body", "ratio", "ns", "allocs over plain", "bytes over plain")
	for _, size := range []int{2000, 900} {
		is := newIssuer(issuerURL, `{"keys":[]}`)
		is.set("/token", tokenBody(size))
		client := is.client()
		bare := op{call: func() { check(plainRequest(client)) }}
		bareAllocs, bareBytes := allocs(bare)
		body := fmt.Sprintf("%.1f kB", float64(size)/1000)
		same := b.same(bare, "token", body)
		t.add("A/A", body, ratio(same.ratio), nanos(same.bare), number(bareAllocs), number(bareBytes))
		row := func(name string, call func() error) {
			subject := op{call: func() { check(call()) }}
			p := b.pair(bare, subject)
			allocated, bytes := allocs(subject)
			b.put("ratio", p.ratio, "token", body, name)
			t.add(name, body, ratio(p.ratio), nanos(p.ns), over(allocated-bareAllocs), over(bytes-bareBytes))
		}
		ctx := context.Background()
		ours := must(oauth.NewClient(oauth.Config{
			Server:     &oauth.AuthorizationServer{Issuer: issuerURL, JWKSURI: is.jwksURI(), TokenEndpoint: tokenEndpoint},
			Metadata:   oauth.ClientMetadata{ClientID: clientID},
			Auth:       oauth.ClientSecretBasic("secret"),
			HTTPClient: client,
		}))
		options := &oauth.GrantOptions{Scope: []string{"orders", "profile"}}
		row("ours", func() error {
			_, err := ours.ClientCredentials(ctx, options)
			return err
		})
		if !b.quick {
			theirs := clientcredentials.Config{
				ClientID: clientID, ClientSecret: "secret", TokenURL: tokenEndpoint,
				Scopes: options.Scope, AuthStyle: oauth2.AuthStyleInHeader,
			}
			withClient := context.WithValue(ctx, oauth2.HTTPClient, client)
			row("x/oauth2", func() error {
				_, err := theirs.Token(withClient)
				return err
			})
			caller := zitadelCaller{client}
			form := struct {
				GrantType string `schema:"grant_type"`
				Scope     string `schema:"scope"`
			}{"client_credentials", "orders profile"}
			row("zitadel", func() error {
				_, err := zitadel.CallTokenEndpointWithAuthFn(ctx, &form, nil, caller)
				return err
			})
		}
	}
	t.print(b.out)
}
