// Command mcp is a server of the Model Context Protocol (MCP, 2025-11-25) whose tools
// are protected, and a client that knows nothing of it but the URL.
//
//	OAUTH_ISSUER=https://op.example.com OAUTH_RESOURCE=https://mcp.example.com/mcp \
//	OAUTH_LISTEN=10.0.0.2:8080 go run ./examples/mcp
//
//	OAUTH_API=https://mcp.example.com/mcp go run ./examples/mcp
//
// With OAUTH_LISTEN it is the server, behind a proxy that ends TLS. OAUTH_RESOURCE is the
// URL that clients call, which ends in /mcp. Without OAUTH_LISTEN it is the client, which logs its user in
// with a browser. It registers itself at the authorization server, unless that takes the
// URL of a document as the client_id and OAUTH_CLIENT_ID has one. OAUTH_ISSUER chooses
// the authorization server if the MCP server names several.
//
// It differs from apiclient: the MCP server says which authorization server to use,
// whatever that is, and the client asks its user for more when a tool needs more. The
// protocol itself is cut short here. A program that has an SDK for it gives the SDK's
// client an HTTP client that does what client.go does, and puts Require in front of the
// SDK's handler.
//
// Without settings both are shown, with a server of package oauthtest:
//
//	go run ./examples/mcp
package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"example.com/oauth/examples/internal/demo"
	"example.com/oauth/examples/internal/env"
	"example.com/oauth/examples/internal/web"
)

func main() {
	if os.Getenv("OAUTH_API") == "" || os.Getenv("OAUTH_LISTEN") != "" {
		demo.Run("mcp")
		ctx := env.Context()
		log.Fatal(web.Serve(ctx, newServer(ctx, env.HTTPClient())))
	}
	ctx, httpClient := env.Context(), env.HTTPClient()
	s := session{url: env.Get("OAUTH_API"), http: httpClient, calls: cmp.Or(httpClient, &http.Client{Timeout: 30 * time.Second})}
	s.call(ctx, "initialize", `{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"mcp-example","version":"1"}}`)
	for _, tool := range []string{"whoami", "restart"} {
		var said struct{ Content [1]struct{ Text string } }
		env.Check(json.Unmarshal(s.call(ctx, "tools/call", `{"name":"`+tool+`","arguments":{}}`), &said))
		fmt.Printf("%s:\nsub: %q\n", tool, said.Content[0].Text)
	}
}
