package oauth_test

import (
	"context"
	"expvar"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// logTrace writes to a log. Requests that succeed are of interest only to those who look
// for something.
func logTrace(logger *slog.Logger) *oauth.Trace {
	level := func(failed bool) slog.Level {
		if failed {
			return slog.LevelWarn
		}
		return slog.LevelDebug
	}
	return &oauth.Trace{
		RequestDone: func(ctx context.Context, i oauth.RequestInfo) {
			logger.LogAttrs(ctx, level(i.Err != nil || i.Status >= 400), "request",
				slog.String("op", i.Op), slog.String("method", i.Method), slog.String("url", i.URL),
				slog.Int("status", i.Status), slog.Duration("duration", i.Duration), slog.Any("err", i.Err))
		},
		KeySetFetched: func(ctx context.Context, i oauth.KeySetInfo) {
			logger.LogAttrs(ctx, level(i.Err != nil), "key set",
				slog.String("url", i.JWKSURI), slog.Int("keys", i.Keys), slog.Int("skipped", i.Skipped), slog.Any("err", i.Err))
		},
		MetadataFetched: func(ctx context.Context, i oauth.MetadataInfo) {
			logger.LogAttrs(ctx, level(i.Err != nil), "metadata",
				slog.String("issuer", i.Issuer), slog.Bool("changed", i.Changed), slog.Any("err", i.Err))
		},
		RequestRefused: func(ctx context.Context, i oauth.RefusalInfo) {
			// Some are normal, for example without credentials.
			logger.LogAttrs(ctx, level(i.Status >= 500), "refused",
				slog.String("method", i.Method), slog.String("path", i.Path), slog.Int("status", i.Status), slog.Any("err", i.Err))
		},
	}
}

// A Trace that feeds log/slog.
func ExampleTrace_slog() {
	// Without what is different in each run.
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			switch a.Key {
			case slog.TimeKey, "duration", "url":
				return slog.Attr{}
			}
			return a
		},
	}))
	srv := oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}, JWTAccessTokens: true})
	defer srv.Close()
	client, api := traced(srv, logTrace(logger))

	ctx := context.Background()
	token, err := client.ClientCredentials(ctx, &oauth.GrantOptions{Resource: []string{"https://api.example.com"}})
	if err != nil {
		log.Fatal(err)
	}
	call(api, token.AccessToken.Reveal())
	call(api, "an-invented-token")
	srv.AddClient(oauthtest.Client{ID: "job", Secret: "another secret, which the client does not have"})
	if _, err := client.ClientCredentials(ctx, nil); err == nil {
		log.Fatal("no error")
	}
	// Output:
	// level=DEBUG msg=request op=token method=POST status=200 err=<nil>
	// level=DEBUG msg=request op="key set" method=GET status=200 err=<nil>
	// level=DEBUG msg="key set" keys=1 skipped=0 err=<nil>
	// level=DEBUG msg=refused method=GET path=/orders status=401 err="oauth: resource server: not a JWT: a signed one has three parts; if the server's access tokens are opaque, set ResourceServerConfig.Introspect"
	// level=WARN msg=request op=token method=POST status=401 err=<nil>
}

// A Trace that counts in expvar.
func ExampleTrace_expvar() {
	requests, refusals := new(expvar.Map), new(expvar.Map) // of expvar.NewMap in a program
	trace := &oauth.Trace{
		RequestDone: func(_ context.Context, i oauth.RequestInfo) {
			requests.Add(fmt.Sprintf("%s %d", i.Op, i.Status), 1) // 0: no response
		},
		RequestRefused: func(_ context.Context, i oauth.RefusalInfo) {
			refusals.Add(fmt.Sprint(i.Status), 1)
		},
	}
	srv := oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}, JWTAccessTokens: true})
	defer srv.Close()
	client, api := traced(srv, trace)

	ctx := context.Background()
	for range 2 {
		token, err := client.ClientCredentials(ctx, &oauth.GrantOptions{Resource: []string{"https://api.example.com"}})
		if err != nil {
			log.Fatal(err)
		}
		call(api, token.AccessToken.Reveal())
	}
	call(api, "an-invented-token")
	fmt.Println(requests)
	fmt.Println(refusals)
	// Output:
	// {"key set 200": 1, "token 200": 2}
	// {"401": 1}
}

// traced are a client and an API that use a Trace.
func traced(srv *oauthtest.Server, trace *oauth.Trace) (*oauth.Client, http.Handler) {
	srv.AddClient(oauthtest.Client{ID: "job", Secret: "a secret that only the two know"})
	as, err := oauth.Discover(context.Background(), srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: srv.Client()})
	if err != nil {
		log.Fatal(err)
	}
	client, err := oauth.NewClient(oauth.Config{
		Server:     as,
		Metadata:   oauth.ClientMetadata{ClientID: "job"},
		Auth:       oauth.ClientSecretBasic("a secret that only the two know"),
		HTTPClient: srv.Client(),
		Trace:      trace,
	})
	if err != nil {
		log.Fatal(err)
	}
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource:   "https://api.example.com",
		Servers:    []oauth.TrustedServer{{Server: as}},
		HTTPClient: srv.Client(),
		Trace:      trace,
	})
	if err != nil {
		log.Fatal(err)
	}
	return client, rs.Require(oauth.Requirement{}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
}

func call(api http.Handler, token string) {
	r := httptest.NewRequest(http.MethodGet, "https://api.example.com/orders", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	api.ServeHTTP(httptest.NewRecorder(), r)
}
