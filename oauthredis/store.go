package oauthredis

// This file implements what the two stores have in common: calls that end in time, writes
// that replicas confirm, and errors without secrets.

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"example.com/oauth"
	"github.com/redis/go-redis/v9"
)

// A store is the Redis of a [ReplayCache] or a [SessionStore].
type store struct {
	client   redis.UniversalClient
	timeout  time.Duration // of one call
	replicas int           // that must confirm each write
	eviction eviction
}

// newStore panics for a client that cannot be used, and for options that mean nothing.
func newStore(name string, client redis.UniversalClient, timeout time.Duration, replicas int, mayEvict bool) *store {
	if client == nil {
		panic("oauthredis: " + name + ": the client is nil")
	}
	if _, ok := client.(*redis.Ring); ok {
		panic("oauthredis: " + name + ": a Ring forgets keys when a shard seems dead: use Redis Cluster, Sentinel or a single Redis")
	}
	if c, ok := client.(*redis.ClusterClient); ok && c.Options().ReadOnly {
		panic("oauthredis: " + name + ": the client reads from replicas, which have proofs and logouts later: leave ReadOnly, RouteByLatency and RouteRandomly out")
	}
	if timeout < 0 {
		panic("oauthredis: " + name + ": Options.Timeout is negative")
	}
	if replicas < 0 {
		panic("oauthredis: " + name + ": Options.Replicas is negative")
	}
	if timeout == 0 {
		timeout = defaultTimeout
	}
	return &store{client: client, timeout: timeout, replicas: replicas, eviction: eviction{allowed: mayEvict}}
}

// bounded runs f for at most the store's timeout. A client heeds a context while it waits
// for a connection, but while it waits for the answer only where it was made with
// ContextTimeoutEnabled. So f is left alone there: at most as many of them as the
// pool has connections, until the client's own timeouts end them.
func bounded[T any](ctx context.Context, s *store, f func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	type answer struct {
		result T
		err    error
	}
	done := make(chan answer, 1)
	go func() {
		result, err := f(ctx)
		done <- answer{result, err}
	}()
	var a answer
	select {
	case a = <-done:
	case <-ctx.Done():
		a.err = ctx.Err()
	}
	if a.err != nil {
		s.lookAround(a.err)
		var none T
		return none, unavailable(a.err, s.timeout)
	}
	return a.result, nil
}

// lookAround has the client of a Cluster ask which node has which keys now. By itself it
// asks once a minute, and when a node says that it has not: a dead one does not say so.
// The client asks in the background, at most five times a second.
func (s *store) lookAround(err error) {
	if c, ok := s.client.(interface{ ReloadState(context.Context) }); ok && !errors.Is(err, context.Canceled) {
		c.ReloadState(context.Background())
	}
}

// write runs f, which reports whether it has written to key, and waits until the replicas
// have that.
func (s *store) write(ctx context.Context, key string, f func(redis.Cmdable) (bool, error)) (bool, error) {
	if s.replicas == 0 {
		return f(s.client)
	}
	// WAIT is about what its own connection has written, so both must use one. Watch is how
	// every kind of client gives one away, and in a Cluster it is of the node that has the
	// key. That connection is not replaced: if it breaks, nothing is sent again on another,
	// whose WAIT would know nothing of the write.
	keys := []string{key}
	if _, single := s.client.(*redis.Client); single {
		keys = nil // any connection is of the right node, and need not watch
	}
	var ran, wrote bool
	err := s.client.Watch(ctx, func(tx *redis.Tx) (err error) {
		ran = true
		if wrote, err = f(tx); err != nil || !wrote {
			return err
		}
		return s.wait(ctx, tx)
	}, keys...)
	if err == nil && !ran { // that is how a ClusterClient gives up where each node names another
		err = errNoNode
	}
	return wrote && err == nil, err
}

var errNoNode = &storeError{"no node of the Cluster has the key at the moment", []error{oauth.ErrUnavailable}}

// wait waits until the replicas have what tx wrote last.
func (s *store) wait(ctx context.Context, tx *redis.Tx) error {
	// Less than all of the time that is left, or the caller would not learn why it failed.
	// More than none, which is for ever.
	end, _ := ctx.Deadline()
	n, err := tx.Wait(ctx, s.replicas, max(time.Until(end)*3/4, time.Millisecond)).Result()
	if err == nil && n < int64(s.replicas) {
		err = &storeError{fmt.Sprintf("%d of %d replicas have confirmed the write in time (Options.Replicas)", n, s.replicas), []error{oauth.ErrUnavailable}}
	}
	return err
}

// A storeError has a text that is ours alone, and none of the errors that it
// came from.
type storeError struct {
	text  string
	kinds []error
}

func (e *storeError) Error() string   { return "oauthredis: " + e.text }
func (e *storeError) Unwrap() []error { return e.kinds }

// unavailable says what kind of failure it was. It does not repeat texts that
// others chose: servers quote the arguments of a command that they refuse, also
// those of HELLO and AUTH, and a dialer or a provider of credentials is the
// program's own.
func unavailable(err error, timeout time.Duration) error {
	if known := (*storeError)(nil); errors.As(err, &known) {
		return known
	}
	kinds := []error{oauth.ErrUnavailable}
	for _, kind := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, kind) {
			kinds = append(kinds, kind)
		}
	}
	return &storeError{"the store cannot be asked: " + reason(err, timeout), kinds}
}

func reason(err error, timeout time.Duration) string {
	var (
		answer      redis.Error
		dns         *net.DNSError
		certificate *tls.CertificateVerificationError
		op          *net.OpError
		errno       syscall.Errno
		network     net.Error
	)
	switch {
	case errors.Is(err, context.Canceled):
		return "the request was given up"
	case errors.Is(err, redis.ErrClosed):
		return "the client is closed"
	case errors.Is(err, redis.ErrPoolTimeout), errors.Is(err, redis.ErrPoolExhausted):
		return "all connections of the client are in use"
	case errors.As(err, &answer):
		return "it answers " + errorCode(answer.Error())
	case errors.As(err, &dns):
		return dns.Error()
	case errors.As(err, &certificate):
		return certificate.Error()
	case errors.As(err, &errno):
		if errors.As(err, &op) && op.Addr != nil {
			return fmt.Sprintf("%s %s: %v", op.Op, op.Addr, errno)
		}
		return errno.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return "the connection was closed"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return fmt.Sprintf("no answer in time (Options.Timeout is %v)", timeout)
	}
	return fmt.Sprintf("%T", err)
}

// errorCode is the word in capitals that an error of Redis begins with, such as
// NOAUTH, OOM or READONLY.
func errorCode(text string) string {
	code, _, _ := strings.Cut(text, " ")
	if code == "" || len(code) > 16 || strings.ContainsFunc(code, func(r rune) bool { return r < 'A' || r > 'Z' }) {
		return "an error"
	}
	return code
}
