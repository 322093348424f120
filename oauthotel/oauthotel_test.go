package oauthotel

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

const secret = "a secret that only the two know"

// A bench is the SDK with its exporters in memory, and a server.
type bench struct {
	*oauthtest.Server
	t      *testing.T
	spans  *tracetest.InMemoryExporter
	reader *sdkmetric.ManualReader
	tracer trace.Tracer // of the program
	trace  *oauth.Trace
	as     *oauth.AuthorizationServer
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{
		t: t, Server: oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}, JWTAccessTokens: true}),
		spans: tracetest.NewInMemoryExporter(), reader: sdkmetric.NewManualReader(),
	}
	t.Cleanup(b.Close)
	b.AddClient(oauthtest.Client{ID: "web", Secret: secret, RedirectURIs: []string{"https://app.example.com/cb"}})
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSyncer(b.spans))
	b.tracer = tracers.Tracer("the program")
	var err error
	if b.trace, err = NewTrace(&Options{TracerProvider: tracers, MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(b.reader))}); err != nil {
		t.Fatal(err)
	}
	if b.as, err = oauth.Discover(t.Context(), b.Issuer(), &oauth.DiscoverOptions{HTTPClient: b.Server.Client()}); err != nil {
		t.Fatal(err)
	}
	return b
}

// login is one of alice, below a span of the program.
func (b *bench) login() error {
	b.t.Helper()
	client, err := oauth.NewClient(oauth.Config{
		Server: b.as, Metadata: oauth.ClientMetadata{ClientID: "web"}, Auth: oauth.ClientSecretBasic(secret), HTTPClient: b.Server.Client(), Trace: b.trace,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, span := b.tracer.Start(b.t.Context(), "login")
	defer span.End()
	pending, err := client.StartAuthorization(ctx, &oauth.AuthorizationRequest{RedirectURI: "https://app.example.com/cb", Scope: []string{"openid"}})
	if err != nil {
		b.t.Fatal(err)
	}
	callback, err := b.Authorize(ctx, pending.URL())
	if err != nil {
		b.t.Fatal(err)
	}
	_, err = client.FinishAuthorization(callback.WithContext(ctx), pending, nil)
	return err
}

// recorded is the text of all that the exporters have got.
func (b *bench) recorded() string {
	return fmt.Sprintf("%+v %+v", b.spans.GetSpans(), b.metrics())
}

func (b *bench) metrics() metricdata.ResourceMetrics {
	b.t.Helper()
	var m metricdata.ResourceMetrics
	if err := b.reader.Collect(context.Background(), &m); err != nil {
		b.t.Fatal(err)
	}
	return m
}

// metric is the data of a metric; nil if there is none.
func (b *bench) metric(name string) metricdata.Aggregation {
	for _, scope := range b.metrics().ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name == name && scope.Scope.Name == scopeName {
				return m.Data
			}
		}
	}
	return nil
}

// span is the one of a name.
func (b *bench) span(name string) tracetest.SpanStub {
	b.t.Helper()
	spans := b.spans.GetSpans()
	i := slices.IndexFunc(spans, func(s tracetest.SpanStub) bool { return s.Name == name })
	if i < 0 {
		b.t.Fatalf("no span %q among %d", name, len(spans))
	}
	return spans[i]
}

func values(attrs []attribute.KeyValue) map[string]string {
	m := map[string]string{}
	for _, a := range attrs {
		m[string(a.Key)] = a.Value.Emit()
	}
	return m
}

func TestSpans(t *testing.T) {
	b := newBench(t)
	if err := b.login(); err != nil {
		t.Fatal(err)
	}
	parent, token := b.span("login"), b.span("POST token")
	if token.Parent.SpanID() != parent.SpanContext.SpanID() || token.SpanKind != trace.SpanKindClient || token.Status.Code != codes.Unset {
		t.Errorf("%+v", token)
	}
	if token.StartTime.Before(parent.StartTime) || !token.EndTime.After(token.StartTime) || token.EndTime.After(parent.EndTime) {
		t.Errorf("from %v to %v, in %v to %v", token.StartTime, token.EndTime, parent.StartTime, parent.EndTime)
	}
	host, port, _ := strings.Cut(strings.TrimPrefix(b.URL(), "https://"), ":")
	want := map[string]string{
		"oauth.operation": "token", "http.request.method": "POST", "http.response.status_code": "200",
		"url.scheme": "https", "server.address": host, "server.port": port,
	}
	if got := values(token.Attributes); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
	// The fetch of the keys is a span, and an event of the program's.
	b.span("GET key set")
	if len(parent.Events) != 1 || parent.Events[0].Name != "oauth.key_set" || values(parent.Events[0].Attributes)["oauth.key_set.keys"] != "1" {
		t.Errorf("%+v", parent.Events)
	}

	b.spans.Reset()
	b.RevokeAccessToken("") // nothing
	b.Fault(oauthtest.TokenRedirect)
	if err := b.login(); err == nil {
		t.Fatal("no error")
	}
	if s := b.span("POST token"); s.Status.Code != codes.Unset || values(s.Attributes)["http.response.status_code"] != "307" {
		t.Errorf("%+v", s)
	}
	b.spans.Reset()
	b.Fault()
	b.AddClient(oauthtest.Client{ID: "web", Secret: "another secret", RedirectURIs: []string{"https://app.example.com/cb"}})
	if err := b.login(); err == nil {
		t.Fatal("no error")
	}
	s := b.span("POST token")
	if s.Status.Code != codes.Error || s.Status.Description != "" || values(s.Attributes)["error.type"] != "401" {
		t.Errorf("%+v", s)
	}
}

// TestUnreachable: a request without a response.
func TestUnreachable(t *testing.T) {
	b := newBench(t)
	b.Close()
	if err := func() (err error) {
		client, err := oauth.NewClient(oauth.Config{
			Server: b.as, Metadata: oauth.ClientMetadata{ClientID: "web"}, Auth: oauth.ClientSecretBasic(secret), HTTPClient: b.Server.Client(), Trace: b.trace,
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.ClientCredentials(t.Context(), nil)
		return err
	}(); !errors.Is(err, oauth.ErrNetwork) {
		t.Fatal(err)
	}
	s := b.span("POST token")
	attrs := values(s.Attributes)
	if _, ok := attrs["http.response.status_code"]; ok || attrs["error.type"] != "network" || s.Status.Code != codes.Error {
		t.Errorf("%+v", s)
	}
}

func TestMetrics(t *testing.T) {
	b := newBench(t)
	if err := b.login(); err != nil {
		t.Fatal(err)
	}
	b.Fault(oauthtest.JWKSFails)
	if err := b.login(); err == nil {
		t.Fatal("no error")
	}
	h, ok := b.metric("oauth.client.request.duration").(metricdata.Histogram[float64])
	counts := map[string]uint64{}
	for _, point := range h.DataPoints {
		attrs := values(point.Attributes.ToSlice())
		counts[attrs["oauth.operation"]+" "+attrs["http.response.status_code"]+" "+attrs["error.type"]] = point.Count
		if point.Sum <= 0 || point.Sum > 60 || len(point.Bounds) != 14 {
			t.Errorf("%+v", point)
		}
	}
	if want := map[string]uint64{"token 200 ": 2, "key set 200 ": 1, "key set 500 500": 1}; !ok || fmt.Sprint(counts) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", counts, want)
	}
	sums := map[string]int64{}
	fetches, _ := b.metric("oauth.key_set.fetches").(metricdata.Sum[int64])
	for _, point := range fetches.DataPoints {
		sums[values(point.Attributes.ToSlice())["error.type"]] = point.Value
	}
	if fmt.Sprint(sums) != "map[:1 refused:1]" {
		t.Error(sums)
	}
}

// TestRefusals: what a resource server refuses, whatever an attacker sends.
func TestRefusals(t *testing.T) {
	b := newBench(t)
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource: "https://api.example.com", Servers: []oauth.TrustedServer{{Server: b.as}}, HTTPClient: b.Server.Client(), Trace: b.trace,
	})
	if err != nil {
		t.Fatal(err)
	}
	handler := rs.Require(oauth.Requirement{}, http.NotFoundHandler())
	for _, row := range []struct {
		method string
		claims map[string]any
		want   map[string]string
	}{
		{"GET", map[string]any{"aud": "https://other.example.com"}, map[string]string{"error.type": "audience", "http.request.method": "GET"}},
		{"BREW", map[string]any{"aud": "https://api.example.com", "exp": time.Now().Add(-time.Hour).Unix()},
			map[string]string{"error.type": "expired", "http.request.method": "_OTHER"}},
	} {
		token, err := b.AccessToken("web", "alice", row.claims)
		if err != nil {
			t.Fatal(err)
		}
		b.spans.Reset()
		ctx, span := b.tracer.Start(t.Context(), "request")
		r := httptest.NewRequestWithContext(ctx, row.method, "https://api.example.com/users/alice", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		span.End()
		row.want["http.response.status_code"] = "401"
		events := b.span("request").Events
		i := slices.IndexFunc(events, func(e sdktrace.Event) bool { return e.Name == "oauth.refusal" })
		if w.Code != http.StatusUnauthorized || i < 0 || fmt.Sprint(values(events[i].Attributes)) != fmt.Sprint(row.want) {
			t.Errorf("%s: %d, %+v, want %v", row.method, w.Code, events, row.want)
		}
		if text := b.recorded(); strings.Contains(text, token) || strings.Contains(text, "alice") || strings.Contains(text, "BREW") {
			t.Errorf("the exporters got what is not for them: %s", text)
		}
	}
	refusals, _ := b.metric("oauth.server.refusals").(metricdata.Sum[int64])
	if len(refusals.DataPoints) != 2 {
		t.Errorf("%+v", refusals)
	}
}

// TestMetadata: of a client that finds its server by itself.
func TestMetadata(t *testing.T) {
	b := newBench(t)
	b.trace.MetadataFetched(t.Context(), oauth.MetadataInfo{Issuer: b.Issuer(), Changed: true})
	b.trace.MetadataFetched(t.Context(), oauth.MetadataInfo{Issuer: b.Issuer(), Err: &oauth.Error{Kind: oauth.ErrIssuer}})
	sums := map[string]int64{}
	fetches, _ := b.metric("oauth.metadata.fetches").(metricdata.Sum[int64])
	for _, point := range fetches.DataPoints {
		sums[values(point.Attributes.ToSlice())["error.type"]] = point.Value
	}
	if fmt.Sprint(sums) != "map[:1 issuer:1]" {
		t.Error(sums)
	}
}

// TestNothingSecret: no secret, code, token or user of a login reaches an exporter, nor
// the path of a URL.
func TestNothingSecret(t *testing.T) {
	b := newBench(t)
	faults := []oauthtest.Fault{"", oauthtest.TokenErrorWith200, oauthtest.TokenHTML, oauthtest.WrongNonce, oauthtest.WrongIssuer, oauthtest.TokenHuge}
	for _, fault := range faults {
		if fault != "" {
			b.Fault(fault)
		}
		if err := b.login(); (err == nil) != (fault == "") {
			t.Fatal(fault, err)
		}
	}
	secrets := []string{secret, "alice", "/token", "/jwks"}
	for _, r := range b.Requests() {
		for _, name := range []string{"code", "code_verifier", "state", "nonce"} {
			secrets = append(secrets, r.Query.Get(name), r.Form.Get(name))
		}
		secrets = append(secrets, r.Header.Get("Authorization"))
	}
	secrets = slices.DeleteFunc(secrets, func(s string) bool { return s == "" })
	text := b.recorded()
	if len(secrets) < 20 || !strings.Contains(text, "oauth.operation") {
		t.Fatalf("%d secrets, %d octets", len(secrets), len(text))
	}
	for _, s := range secrets {
		if strings.Contains(text, s) {
			t.Errorf("%q reaches an exporter", s)
		}
	}
}

// TestKinds: each kind of package oauth has a name, and no other one's.
func TestKinds(t *testing.T) {
	names := map[string]bool{}
	for _, k := range kinds {
		if names[k.name] || kind(fmt.Errorf("wrapped: %w", k.err)) != k.name && k.err != oauth.ErrInvalid {
			t.Errorf("%s is %s", k.name, kind(k.err))
		}
		names[k.name] = true
	}
	if kind(oauth.ErrInvalid) != "invalid" || kind(errors.New("alice")) != "_OTHER" {
		t.Error("an error of no kind")
	}
	both := &oauth.Error{Kind: oauth.ErrUnavailable, Err: &oauth.Error{Kind: oauth.ErrNetwork}}
	if kind(both) != "network" {
		t.Errorf("keys that cannot be fetched: %s", kind(both))
	}
}

// TestGlobal: without options it uses the providers of the process, which do nothing
// until the program sets them.
func TestGlobal(t *testing.T) {
	tr, err := NewTrace(nil)
	if err != nil {
		t.Fatal(err)
	}
	tr.RequestDone(t.Context(), oauth.RequestInfo{Op: "token", Method: "POST", URL: ":", Status: 200})
	tr.RequestDone(t.Context(), oauth.RequestInfo{Op: "token", Method: "POST", URL: "https://op.example.com/token", Status: 200})
	if got := values(server("https://op.example.com/token")); got["server.port"] != "443" {
		t.Error(got)
	}
}
