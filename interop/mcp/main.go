// Command mcp is a client of the Model Context Protocol, of which the official Go SDK
// speaks the protocol and package oauth does the authorization. It is the client that the
// official conformance suite tests (npm @modelcontextprotocol/conformance), which starts it
// with the URL of a server, and plays the server, the authorization server, and the user.
//
// It is a test: it takes http, and opens no browser.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 25*time.Second)
	defer cancel()
	if len(os.Args) != 2 {
		log.Fatal("usage: mcp URL")
	}
	l := &login{server: os.Args[1], httpClient: http.DefaultClient, browse: browse}
	if text := os.Getenv("MCP_CONFORMANCE_CONTEXT"); text != "" {
		if err := json.Unmarshal([]byte(text), &l.known); err != nil {
			log.Fatal(err)
		}
	}
	said, err := use(ctx, l)
	fmt.Print(said)
	if err != nil {
		log.Fatal(err)
	}
}

// use connects to the server with the login, and calls each of its tools.
func use(ctx context.Context, l *login) (said string, err error) {
	return callTools(ctx, &mcp.StreamableClientTransport{
		Endpoint: l.server, HTTPClient: &http.Client{Transport: l}, DisableStandaloneSSE: true, MaxRetries: -1,
	})
}

func callTools(ctx context.Context, tr *mcp.StreamableClientTransport) (said string, err error) {
	client := mcp.NewClient(&mcp.Implementation{Name: "interop", Version: "1"}, nil)
	session, err := client.Connect(ctx, tr, nil)
	if err != nil {
		return "", err
	}
	defer session.Close()
	list, err := session.ListTools(ctx, nil)
	if err != nil {
		return "", err
	}
	for _, tool := range list.Tools {
		result, err := session.CallTool(ctx, &mcp.CallToolParams{Name: tool.Name, Arguments: struct{}{}})
		if err != nil {
			return said, err
		}
		said += fmt.Sprintf("%s: %s\n", tool.Name, must(json.Marshal(result.Content)))
	}
	return said, nil
}

// browse plays the user: the suite's authorization server sends the browser back at once.
func browse(ctx context.Context, url string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	stay := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := stay.Do(req)
	if err != nil {
		return nil, err
	}
	resp.Body.Close()
	at, err := resp.Location()
	if err != nil {
		return nil, fmt.Errorf("the authorization server answers %d: %w", resp.StatusCode, err)
	}
	return http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
