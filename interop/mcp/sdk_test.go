package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
)

// A world has an authorization server, and an MCP server with the tools whoami and
// restart, which say who calls them. The second needs a scope that the first does not.
type world struct {
	as     *oauthtest.Server
	url    string       // of the MCP server
	client *http.Client // that trusts both
	ca     string       // the file with the authorities of both

	audience atomic.Value // of the tokens, if it is not the MCP server
}

func newWorld(t *testing.T) *world {
	w := new(world)
	w.as = oauthtest.NewServer(&oauthtest.Options{
		JWTAccessTokens: true, SigningAlgs: []string{"ES256"},
		EditAccessToken: func(_, claims map[string]any) {
			if aud := w.audience.Load(); aud != nil {
				claims["aud"] = aud
			}
		},
	})
	t.Cleanup(w.as.Close)
	w.as.AddUser(oauthtest.User{Subject: "alice"})
	w.ca = filepath.Join(t.TempDir(), "ca.pem")
	conn := must(tls.Dial("tcp", strings.TrimPrefix(w.as.URL(), "https://"), &tls.Config{RootCAs: w.as.RootCAs()}))
	defer conn.Close()
	chain := conn.ConnectionState().VerifiedChains[0]
	w.trust(t, chain[len(chain)-1])
	return w
}

func (w *world) trust(t *testing.T, c *x509.Certificate) {
	text, _ := os.ReadFile(w.ca)
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	if err := os.WriteFile(w.ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	w.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
}

// serve has the MCP server listen. h is made when its URL is known.
func (w *world) serve(t *testing.T, h func(url string) http.Handler) {
	mux := http.NewServeMux()
	s := httptest.NewTLSServer(mux)
	t.Cleanup(s.Close)
	w.trust(t, s.Certificate())
	w.url = s.URL + "/mcp"
	mux.Handle("/", h(w.url))
}

// resourceServer is what protects the MCP server.
func (w *world) resourceServer(t *testing.T) *oauth.ResourceServer {
	as, err := oauth.Discover(t.Context(), w.as.Issuer(), &oauth.DiscoverOptions{HTTPClient: w.client})
	if err != nil {
		t.Fatal(err)
	}
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource: w.url, Servers: []oauth.TrustedServer{{Server: as}}, HTTPClient: w.client,
		Metadata: oauth.ResourceMetadata{ScopesSupported: []string{"tools:read"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

// sdkServer is a server of the SDK. user says who calls.
func sdkServer(user func(context.Context, *mcp.CallToolRequest) string) http.Handler {
	s := mcp.NewServer(&mcp.Implementation{Name: "interop", Version: "1"}, nil)
	for _, name := range []string{"whoami", "restart"} {
		s.AddTool(&mcp.Tool{Name: name, InputSchema: map[string]any{"type": "object"}},
			func(ctx context.Context, req *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
				return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: user(ctx, req)}}}, nil
			})
	}
	return mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s }, &mcp.StreamableHTTPOptions{Stateless: true, JSONResponse: true})
}

var (
	read  = oauth.Requirement{Scope: []string{"tools:read"}}
	write = oauth.Requirement{Scope: []string{"tools:read", "tools:write"}}
)

// servers are MCP servers that package oauth protects.
var servers = map[string]func(*testing.T, *world){
	// The program examples/mcp, behind a proxy that ends TLS.
	"example": func(t *testing.T, w *world) {
		program := filepath.Join(t.TempDir(), "mcp")
		build := exec.Command("go", "build", "-o", program, "./examples/mcp")
		build.Dir = "../.."
		if printed, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, printed)
		}
		// The system chooses ports from 32768 on by itself: nobody else gets this one.
		addr := fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(20000))
		w.serve(t, func(string) http.Handler {
			return httputil.NewSingleHostReverseProxy(must(url.Parse("http://" + addr)))
		})
		cmd := exec.Command(program)
		cmd.Env = append(os.Environ(), "OAUTH_ISSUER="+w.as.Issuer(), "OAUTH_CA="+w.ca, "OAUTH_RESOURCE="+w.url, "OAUTH_LISTEN="+addr)
		var printed bytes.Buffer
		cmd.Stdout, cmd.Stderr = &printed, &printed
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
		for range 500 {
			if conn, err := net.Dial("tcp", addr); err == nil {
				conn.Close()
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		cmd.Process.Kill()
		cmd.Wait()
		t.Fatalf("examples/mcp does not listen: %s", &printed)
	},
	// The handler of the SDK behind Require.
	"require": func(t *testing.T, w *world) {
		w.serve(t, func(string) http.Handler {
			rs := w.resourceServer(t)
			mux := http.NewServeMux()
			mux.Handle(rs.MetadataPath(), rs.MetadataHandler())
			mux.Handle("/mcp", rs.Require(read, stepUp(rs, sdkServer(func(ctx context.Context, _ *mcp.CallToolRequest) string {
				token, _ := oauth.AccessTokenFromContext(ctx)
				return token.Subject()
			}))))
			return mux
		})
	},
	// The SDK's own middleware, for which a ResourceServer verifies the tokens.
	"verifier": func(t *testing.T, w *world) {
		w.serve(t, func(string) http.Handler {
			rs := w.resourceServer(t)
			verify := func(ctx context.Context, token string, req *http.Request) (*auth.TokenInfo, error) {
				at, err := rs.AuthenticateCredential(ctx, oauth.Credential{Scheme: "Bearer", Token: token})
				switch {
				case errors.Is(err, oauth.ErrUnavailable): // which says nothing of the token
					return nil, err
				case err != nil:
					return nil, fmt.Errorf("%w: %w", auth.ErrInvalidToken, err)
				}
				return &auth.TokenInfo{UserID: at.Subject(), Scopes: at.Scope(), Expiration: at.Expiry()}, nil
			}
			metadata := strings.TrimSuffix(w.url, "/mcp") + rs.MetadataPath()
			mux := http.NewServeMux()
			mux.Handle(rs.MetadataPath(), rs.MetadataHandler())
			guard := auth.RequireBearerToken(verify, &auth.RequireBearerTokenOptions{ResourceMetadataURL: metadata, Scopes: read.Scope})
			mux.Handle("/mcp", guard(sdkServer(func(_ context.Context, req *mcp.CallToolRequest) string {
				return req.Extra.TokenInfo.UserID
			})))
			return mux
		})
	},
}

// stepUp refuses the calls of a tool that needs more than was granted.
func stepUp(rs *oauth.ResourceServer, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, "too long", http.StatusRequestEntityTooLarge)
			return
		}
		// What the SDK could read otherwise is refused: a batch, and a name in other letters.
		var m, params map[string]json.RawMessage
		if json.Unmarshal(body, &m) != nil || m["params"] != nil && json.Unmarshal(m["params"], &params) != nil || odd(m) || odd(params) {
			http.Error(w, "not a message", http.StatusBadRequest)
			return
		}
		if string(m["method"]) == `"tools/call"` && string(params["name"]) != `"whoami"` {
			token, _ := oauth.AccessTokenFromContext(r.Context())
			if err := rs.Check(token, write); err != nil {
				rs.WriteError(w, err)
				return
			}
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

// odd reports whether a name is not written as the protocol has it.
func odd(m map[string]json.RawMessage) bool {
	for name := range m {
		for _, known := range []string{"jsonrpc", "id", "method", "params", "name"} {
			if name != known && strings.EqualFold(name, known) {
				return true
			}
		}
	}
	return false
}

// clients connect, log alice in, call each tool, and return what they say.
var clients = map[string]func(context.Context, *testing.T, *world) (string, error){
	// The SDK with package oauth.
	"oauth": func(ctx context.Context, _ *testing.T, w *world) (string, error) {
		l := &login{server: w.url, httpClient: w.client, browse: w.as.Authorize}
		return use(ctx, l)
	},
	// The SDK with its own authorization.
	"sdk": func(ctx context.Context, t *testing.T, w *world) (string, error) {
		fetch := func(ctx context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
			back, err := w.as.Authorize(ctx, args.URL)
			if err != nil {
				return nil, err
			}
			q := back.URL.Query()
			return &auth.AuthorizationResult{Code: q.Get("code"), State: q.Get("state"), Iss: q.Get("iss")}, nil
		}
		h, err := auth.NewAuthorizationCodeHandler(&auth.AuthorizationCodeHandlerConfig{
			RedirectURL: redirectURI, AuthorizationCodeFetcher: fetch, Client: w.client,
			DynamicClientRegistrationConfig: &auth.DynamicClientRegistrationConfig{Metadata: &oauthex.ClientRegistrationMetadata{
				RedirectURIs: []string{redirectURI}, TokenEndpointAuthMethod: "none",
			}},
		})
		if err != nil {
			return "", err
		}
		return callTools(ctx, &mcp.StreamableClientTransport{
			Endpoint: w.url, OAuthHandler: h, HTTPClient: w.client, DisableStandaloneSSE: true, MaxRetries: -1,
		})
	},
	// The TypeScript SDK.
	"typescript": func(ctx context.Context, t *testing.T, w *world) (string, error) {
		if _, err := os.Stat("node_modules/@modelcontextprotocol/sdk"); err != nil {
			t.Fatal("run interop/run --mcp, which installs the TypeScript SDK: ", err)
		}
		node := "node"
		if named := os.Getenv("INTEROP_NODE"); named != "" {
			node = named
		}
		cmd := exec.CommandContext(ctx, node, "client.mjs", w.url)
		cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+w.ca)
		printed, err := cmd.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, printed)
		}
		return string(printed), err
	},
}

// TestSDKs: the clients of both SDKs, and the SDK with package oauth, log in at servers
// that package oauth protects, and get more when a tool needs more.
func TestSDKs(t *testing.T) {
	for serverName, start := range servers {
		t.Run(serverName, func(t *testing.T) {
			for clientName, use := range clients {
				t.Run(clientName, func(t *testing.T) {
					w := newWorld(t)
					start(t, w)
					ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
					defer cancel()
					said, err := use(ctx, t, w)
					logins := 2
					if serverName == "verifier" { // both tools need the same
						logins = 1
					}
					if err != nil || strings.Count(said, `"alice"`) != 2 || w.as.Count("/authorize") != logins {
						t.Errorf("%v, %d logins\n%s", err, w.as.Count("/authorize"), said)
					}
				})
			}
		})
	}
}

// TestTokenOfAnother: a token that is not for the MCP server gets no client in.
func TestTokenOfAnother(t *testing.T) {
	for serverName, start := range servers {
		t.Run(serverName, func(t *testing.T) {
			w := newWorld(t)
			start(t, w)
			w.audience.Store("https://other.example/mcp")
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			for clientName, use := range clients {
				if said, err := use(ctx, t, w); err == nil || strings.Contains(said, `"alice"`) {
					t.Errorf("%s: %v\n%s", clientName, err, said)
				}
			}
		})
	}
}
