package oauthredis

// This file implements the check that the store does not delete what it was given.

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"example.com/oauth"
	"github.com/redis/go-redis/v9"
)

const (
	// evictionAge is how long a good answer counts: the policy can be changed at any
	// time, and be another one at the node that a failover promotes.
	evictionAge = time.Minute
	// evictionPause is how long a bad answer counts, or none.
	evictionPause = time.Second
)

// An eviction is what is known of the policy of a store.
type eviction struct {
	allowed bool
	known   atomic.Pointer[evictionAnswer]
}

type evictionAnswer struct {
	next time.Time // when to ask again
	err  error
}

// keeps returns an error if the store deletes keys when its memory is short. A store that
// does not say so passes, and so does one that cannot be reached, where the write fails.
func (s *store) keeps(ctx context.Context) error {
	if s.eviction.allowed {
		return nil
	}
	last, now := s.eviction.known.Load(), time.Now()
	if last != nil && now.Before(last.next) {
		return last.err
	}
	// One call asks. Meanwhile the others go by the last answer, and in the beginning by
	// none: the memory is not short in just that moment.
	asking := &evictionAnswer{next: now.Add(evictionPause)}
	if last != nil {
		asking.err = last.err
	}
	if !s.eviction.known.CompareAndSwap(last, asking) {
		return asking.err
	}
	// A node that hangs, be it a replica that a client of a Cluster asks for the others,
	// must not take up the time that this call has for its own.
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timeout)
		defer cancel()
		s.askAgain(ctx)
	}()
	wait := time.NewTimer(s.timeout / 4)
	defer wait.Stop()
	select {
	case <-asked:
	case <-wait.C:
	}
	return s.eviction.known.Load().err
}

// askAgain asks, and keeps the answer if there is one.
func (s *store) askAgain(ctx context.Context) {
	answered, err := s.askEviction(ctx)
	if !answered {
		return
	}
	age := evictionAge
	if err != nil {
		age = evictionPause
	}
	s.eviction.known.Store(&evictionAnswer{next: time.Now().Add(age), err: err})
}

// askEviction asks the store, in a Cluster each node that is written to. It reports
// whether it was answered, be it that the user may not ask.
func (s *store) askEviction(ctx context.Context) (answered bool, evicts error) {
	var found atomic.Pointer[storeError]
	ask := func(ctx context.Context, c redis.Cmdable) error {
		text, err := c.Info(ctx, "memory").Result()
		if refused := redis.Error(nil); errors.As(err, &refused) {
			return nil
		}
		if policy := evictionPolicy(text); err == nil && policy != "" {
			found.Store(&storeError{"the store deletes keys when its memory is short: its maxmemory-policy is " + policy +
				", and must be noeviction (Options.InsecureAllowEviction)", []error{oauth.ErrUnavailable}})
		}
		return err
	}
	var err error
	if c, ok := s.client.(interface {
		ForEachMaster(context.Context, func(context.Context, *redis.Client) error) error
	}); ok {
		err = c.ForEachMaster(ctx, func(ctx context.Context, c *redis.Client) error { return ask(ctx, c) })
	} else {
		err = ask(ctx, s.client)
	}
	if found := found.Load(); found != nil {
		return true, found
	}
	return err == nil, nil
}

// evictionPolicies are those of Redis and Valkey that delete keys.
var evictionPolicies = []string{
	"allkeys-lru", "allkeys-lfu", "allkeys-lrm", "allkeys-random",
	"volatile-lru", "volatile-lfu", "volatile-lrm", "volatile-random", "volatile-ttl",
}

// evictionPolicy returns the policy of INFO by which keys are deleted. It is empty if none
// are, or if the text does not say. Without maxmemory, no policy does anything.
func evictionPolicy(text string) string {
	var policy string
	for line := range strings.Lines(text) {
		switch name, value, _ := strings.Cut(strings.TrimSpace(line), ":"); name {
		case "maxmemory":
			if value == "0" {
				return ""
			}
		case "maxmemory_policy":
			policy = value
		}
	}
	switch {
	case policy == "" || policy == "noeviction":
		return ""
	case slices.Contains(evictionPolicies, policy):
		return policy
	}
	return "not a known one" // errors repeat no text of a store
}
