package oauthotel_test

import (
	"context"
	"fmt"
	"log"

	"example.com/oauth"
	"example.com/oauth/oauthotel"
	"example.com/oauth/oauthtest"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// A client whose requests are spans below the one of the program.
func Example() {
	exporter := tracetest.NewInMemoryExporter() // in place of one that sends
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
	trace, err := oauthotel.NewTrace(&oauthotel.Options{TracerProvider: tracers})
	if err != nil {
		log.Fatal(err)
	}

	srv := oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}})
	defer srv.Close()
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
	ctx, span := tracers.Tracer("job").Start(context.Background(), "nightly report")
	if _, err := client.ClientCredentials(ctx, nil); err != nil {
		log.Fatal(err)
	}
	span.End()
	for _, s := range exporter.GetSpans() {
		fmt.Println(s.Name, s.Parent.IsValid())
	}
	// Output:
	// POST token true
	// nightly report false
}
