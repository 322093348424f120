// Package oauthotel makes an [oauth.Trace] that records spans and metrics with
// OpenTelemetry.
//
//	trace, err := oauthotel.NewTrace(nil)
//	if err != nil {
//		log.Fatal(err)
//	}
//	client, err := oauth.NewClient(oauth.Config{Trace: trace, …})
//
// # Spans
//
// Each HTTP request of package oauth is a span of kind client, below the span in the
// context of the call. Its name is the method and the operation, for example "POST
// token". It has these attributes, and the status Error if there was no response or
// its status was 400 or higher:
//
//   - oauth.operation: the operation, as in [oauth.RequestInfo]
//   - http.request.method, http.response.status_code
//   - url.scheme, server.address, server.port
//   - error.type: the status, or the kind of the error
//
// A call of package oauth that makes several requests has no span of its own; the
// caller starts one around it. The fetch of a key set or of metadata, and each request
// that a resource server refuses, is an event of the span in the context:
// oauth.key_set, oauth.metadata or oauth.refusal.
//
// # Metrics
//
// The instruments are:
//
//   - oauth.client.request.duration: a histogram in seconds, with the attributes of the
//     spans
//   - oauth.key_set.fetches and oauth.metadata.fetches: counters, with error.type
//   - oauth.server.refusals: a counter, with http.request.method,
//     http.response.status_code and error.type
//
// An HTTP client that is instrumented itself, for example with otelhttp, records the
// same requests once more, under other names.
//
// # Personal data
//
// Neither tokens nor parameters reach a Trace. This package also leaves out the path of
// URLs, which often names a user or a client, and the text of errors. An error has only
// its kind, for example "network" or "expired". Methods that HTTP does not define become
// "_OTHER". The number of different attributes is therefore bounded, whatever a client
// or a server sends, except that server.address and server.port name the servers that the
// program calls. A program whose servers others name should drop them with a View.
package oauthotel

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"example.com/oauth"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace"
)

// scopeName is the name of the instrumentation.
const scopeName = "example.com/oauth/oauthotel"

// operationKey is the one attribute that OpenTelemetry does not define.
const operationKey = attribute.Key("oauth.operation")

// Options configures [NewTrace].
type Options struct {
	// TracerProvider makes the spans. If nil, it is the global TracerProvider.
	TracerProvider trace.TracerProvider

	// MeterProvider makes the metrics. If nil, it is the global MeterProvider.
	MeterProvider metric.MeterProvider
}

// A recorder has what the hooks record with.
type recorder struct {
	tracer   trace.Tracer
	duration metric.Float64Histogram
	keySets  metric.Int64Counter
	metadata metric.Int64Counter
	refusals metric.Int64Counter
}

// NewTrace returns a Trace for the Trace fields of package oauth. If opts is nil, it is
// the zero Options. The caller may replace or wrap its hooks before it is in use. If the
// MeterProvider refuses an instrument, NewTrace returns its error.
func NewTrace(opts *Options) (*oauth.Trace, error) {
	if opts == nil {
		opts = new(Options)
	}
	tracers, meters := opts.TracerProvider, opts.MeterProvider
	if tracers == nil {
		tracers = otel.GetTracerProvider()
	}
	if meters == nil {
		meters = otel.GetMeterProvider()
	}
	r := &recorder{tracer: tracers.Tracer(scopeName, trace.WithSchemaURL(semconv.SchemaURL))}
	meter := meters.Meter(scopeName, metric.WithSchemaURL(semconv.SchemaURL))
	var errs [4]error
	r.duration, errs[0] = meter.Float64Histogram("oauth.client.request.duration", metric.WithUnit("s"),
		metric.WithDescription("Duration of the HTTP requests of package oauth."),
		// Those that the conventions advise for http.client.request.duration.
		metric.WithExplicitBucketBoundaries(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10))
	r.keySets, errs[1] = meter.Int64Counter("oauth.key_set.fetches", metric.WithUnit("{fetch}"),
		metric.WithDescription("Attempts to fetch the keys of a server."))
	r.metadata, errs[2] = meter.Int64Counter("oauth.metadata.fetches", metric.WithUnit("{fetch}"),
		metric.WithDescription("Attempts to fetch the metadata of a server."))
	r.refusals, errs[3] = meter.Int64Counter("oauth.server.refusals", metric.WithUnit("{request}"),
		metric.WithDescription("Requests that a resource server has refused."))
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	return &oauth.Trace{
		RequestDone: r.requestDone, KeySetFetched: r.keySetFetched, MetadataFetched: r.metadataFetched, RequestRefused: r.requestRefused,
	}, nil
}

func (r *recorder) requestDone(ctx context.Context, info oauth.RequestInfo) {
	attrs := append([]attribute.KeyValue{operationKey.String(info.Op), method(info.Method)}, server(info.URL)...)
	failed := info.Err != nil || info.Status >= http.StatusBadRequest
	if info.Status != 0 {
		attrs = append(attrs, semconv.HTTPResponseStatusCode(info.Status))
	}
	switch {
	case info.Err != nil:
		attrs = append(attrs, semconv.ErrorTypeKey.String(kind(info.Err)))
	case failed:
		attrs = append(attrs, semconv.ErrorTypeKey.String(strconv.Itoa(info.Status)))
	}
	// The hook comes at the end: the beginning is so long ago.
	end := time.Now()
	_, span := r.tracer.Start(ctx, attrs[1].Value.AsString()+" "+info.Op, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithTimestamp(end.Add(-info.Duration)), trace.WithAttributes(attrs...))
	if failed {
		span.SetStatus(codes.Error, "")
	}
	span.End(trace.WithTimestamp(end))
	r.duration.Record(ctx, info.Duration.Seconds(), metric.WithAttributes(attrs...))
}

func (r *recorder) keySetFetched(ctx context.Context, info oauth.KeySetInfo) {
	attrs := outcome(info.Err)
	r.keySets.Add(ctx, 1, metric.WithAttributes(attrs...))
	event(ctx, "oauth.key_set", append(attrs, attribute.Int("oauth.key_set.keys", info.Keys), attribute.Int("oauth.key_set.skipped", info.Skipped)))
}

func (r *recorder) metadataFetched(ctx context.Context, info oauth.MetadataInfo) {
	attrs := outcome(info.Err)
	r.metadata.Add(ctx, 1, metric.WithAttributes(attrs...))
	event(ctx, "oauth.metadata", append(attrs, attribute.Bool("oauth.metadata.changed", info.Changed)))
}

func (r *recorder) requestRefused(ctx context.Context, info oauth.RefusalInfo) {
	attrs := append(outcome(info.Err), method(info.Method), semconv.HTTPResponseStatusCode(info.Status))
	r.refusals.Add(ctx, 1, metric.WithAttributes(attrs...))
	event(ctx, "oauth.refusal", attrs)
}

func event(ctx context.Context, name string, attrs []attribute.KeyValue) {
	trace.SpanFromContext(ctx).AddEvent(name, trace.WithAttributes(attrs...))
}

// outcome is error.type, if there is an error.
func outcome(err error) []attribute.KeyValue {
	if err == nil {
		return nil
	}
	return []attribute.KeyValue{semconv.ErrorTypeKey.String(kind(err))}
}

// methods are those that HTTP defines: RFC 9110 and RFC 5789.
var methods = [...]string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}

func method(name string) attribute.KeyValue {
	if !slices.Contains(methods[:], name) {
		name = "_OTHER"
	}
	return semconv.HTTPRequestMethodKey.String(name)
}

// server is the origin of a URL. The path stays here.
func server(text string) []attribute.KeyValue {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return nil
	}
	attrs := []attribute.KeyValue{semconv.URLScheme(u.Scheme), semconv.ServerAddress(u.Hostname())}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		port = map[string]int{"http": 80, "https": 443}[u.Scheme]
	}
	return append(attrs, semconv.ServerPort(port))
}

// kinds are the names of the kinds of errors. The first that fits counts, so that the
// narrower one of several does, and the cause of what is unavailable.
var kinds = [...]struct {
	err  error
	name string
}{
	{oauth.ErrPending, "pending"}, {oauth.ErrExpired, "expired"}, {oauth.ErrNotYetValid, "not_yet_valid"}, {oauth.ErrAlgorithm, "algorithm"},
	{oauth.ErrKeyNotFound, "key_not_found"}, {oauth.ErrSignature, "signature"}, {oauth.ErrDecrypt, "decrypt"}, {oauth.ErrType, "type"},
	{oauth.ErrIssuer, "issuer"}, {oauth.ErrAudience, "audience"}, {oauth.ErrNonce, "nonce"}, {oauth.ErrState, "state"},
	{oauth.ErrTokenType, "token_type"}, {oauth.ErrBinding, "binding"}, {oauth.ErrInactive, "inactive"}, {oauth.ErrScope, "scope"},
	{oauth.ErrReplay, "replay"}, {oauth.ErrClaim, "claim"}, {oauth.ErrConfig, "configuration"}, {oauth.ErrInsecureURL, "insecure_url"},
	{oauth.ErrRefused, "refused"}, {oauth.ErrResponse, "response"}, {oauth.ErrNoCredentials, "no_credentials"}, {oauth.ErrMalformed, "malformed"},
	{oauth.ErrRateLimited, "rate_limited"}, {oauth.ErrParse, "parse"}, {oauth.ErrUnsupported, "unsupported"},
	{context.Canceled, "canceled"}, {context.DeadlineExceeded, "timeout"}, {oauth.ErrNetwork, "network"},
	{oauth.ErrUnavailable, "unavailable"}, {oauth.ErrInvalid, "invalid"},
}

func kind(err error) string {
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return k.name
		}
	}
	return "_OTHER" // as the conventions have it
}
