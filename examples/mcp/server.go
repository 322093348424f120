package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"example.com/oauth"
	"example.com/oauth/examples/internal/env"
)

// newServer returns the server's routes: the protocol, and the metadata by which clients
// find the authorization server (RFC 9728).
func newServer(ctx context.Context, httpClient *http.Client) http.Handler {
	server, err := oauth.Discover(ctx, env.Get("OAUTH_ISSUER"), &oauth.DiscoverOptions{HTTPClient: httpClient, AnyPlace: true})
	env.Check(err)
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource:   env.Get("OAUTH_RESOURCE"),
		Servers:    []oauth.TrustedServer{{Server: server}},
		Metadata:   oauth.ResourceMetadata{ScopesSupported: []string{"tools:read", "tools:write"}},
		HTTPClient: httpClient,
	})
	env.Check(err)
	mux := http.NewServeMux()
	mux.Handle(rs.MetadataPath(), rs.MetadataHandler())
	mux.Handle("POST /mcp", rs.Require(oauth.Requirement{Scope: []string{"tools:read"}}, tools{rs}))
	return mux
}

// tools answers messages.
type tools struct{ rs *oauth.ResourceServer }

func (t tools) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var m struct {
		ID     json.RawMessage
		Method string
		Params struct{ Name string }
	}
	if json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&m) != nil {
		http.Error(w, "not a message", http.StatusBadRequest)
		return
	}
	token, _ := oauth.AccessTokenFromContext(r.Context())
	answer := `"error":{"code":-32601,"message":"there is no such method or tool"}`
	switch {
	case m.ID == nil: // a notification
		w.WriteHeader(http.StatusAccepted)
		return
	case m.Method == "initialize":
		answer = `"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"example","version":"1"}}`
	case m.Method == "tools/list":
		answer = `"result":{"tools":[{"name":"whoami","inputSchema":{"type":"object"}},{"name":"restart","inputSchema":{"type":"object"}}]}`
	case m.Method == "tools/call" && (m.Params.Name == "whoami" || m.Params.Name == "restart"):
		need := oauth.Requirement{Scope: []string{"tools:read"}}
		if m.Params.Name == "restart" { // all that this call needs, and not only what others do not
			need.Scope = append(need.Scope, "tools:write")
		}
		if err := t.rs.Check(token, need); err != nil {
			t.rs.WriteError(w, err) // 403 and insufficient_scope
			return
		}
		user, _ := json.Marshal(token.Subject())
		answer = fmt.Sprintf(`"result":{"content":[{"type":"text","text":%s}]}`, user)
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,%s}`, m.ID, answer)
}
