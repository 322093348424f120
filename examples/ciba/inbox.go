package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"example.com/oauth"
)

const notificationPath = "/notification"

// An inbox is the notification endpoint (CIBA, Section 10.2) with the requests
// that wait. A program with several instances keeps those in a database: the
// notification of one comes to any.
type inbox struct {
	answered chan *oauth.BackchannelAuthentication
	printf   func(format string, args ...any)

	mu      sync.Mutex
	waiting map[string][]byte // of MarshalBinary, by AuthReqID
}

func newInbox(printf func(format string, args ...any)) *inbox {
	return &inbox{
		answered: make(chan *oauth.BackchannelAuthentication, 1), // this program makes one request
		printf:   printf,
		waiting:  make(map[string][]byte),
	}
}

func (in *inbox) expect(b *oauth.BackchannelAuthentication) error {
	data, err := b.MarshalBinary()
	if err != nil {
		return err
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.waiting[b.AuthReqID()] = data
	return nil
}

// find leaves what it finds where it is: who sent the notification is not
// verified yet.
func (in *inbox) find(_ context.Context, authReqID string) (*oauth.BackchannelAuthentication, error) {
	in.mu.Lock()
	data, ok := in.waiting[authReqID]
	in.mu.Unlock()
	if !ok {
		return nil, nil
	}
	b := new(oauth.BackchannelAuthentication)
	if err := b.UnmarshalBinary(data); err != nil {
		return nil, fmt.Errorf("the store: %v", err) // with its kind, ErrParse, it would be the server's fault
	}
	return b, nil
}

// take removes a request and reports whether it was there: of two notifications
// one has an effect.
func (in *inbox) take(authReqID string) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	_, ok := in.waiting[authReqID]
	delete(in.waiting, authReqID)
	return ok
}

func (in *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, err := oauth.ParseBackchannelPing(r, in.find)
	if err != nil {
		in.printf("desk: refused a notification: %v", err)
	}
	switch {
	case err == nil:
		if in.take(b.AuthReqID()) {
			in.printf("desk: was notified that there is an answer")
			in.answered <- b
		}
		w.WriteHeader(http.StatusNoContent)
	case errors.Is(err, oauth.ErrNoCredentials):
		w.Header().Set("WWW-Authenticate", "Bearer")
		w.WriteHeader(http.StatusUnauthorized)
	case errors.Is(err, oauth.ErrParse):
		w.WriteHeader(http.StatusBadRequest)
	default:
		w.WriteHeader(http.StatusInternalServerError) // it may come again
	}
}
