package oauth

// This file implements the device authorization grant: RFC 8628, for programs
// that have no browser, or none that could be sent back to them.

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A DeviceAuthorizationRequest contains the parameters of
// [Client.StartDeviceAuthorization]. The zero value requests the server's default
// scope.
type DeviceAuthorizationRequest struct {
	unprinted

	Scope                []string              // if it contains "openid", the token response contains an ID token
	Resource             []string              // absolute URIs (RFC 8707)
	AuthorizationDetails []AuthorizationDetail // RFC 9396
	Params               url.Values            // additional parameters, but none that the package sets
}

// A DeviceAuthorization is a device authorization on which the user has not decided
// yet. The program must show the VerificationURI and the UserCode to the user, and then
// call [Client.PollDevice]. Several goroutines may use a DeviceAuthorization, but only
// one should poll.
//
// MarshalBinary is for programs in which different processes make the attempts to get
// the token.
type DeviceAuthorization struct{ g pendingGrant }

func (d *DeviceAuthorization) grant() *pendingGrant {
	if d == nil {
		return nil
	}
	return &d.g
}

// UserCode returns the code that the user must enter at the VerificationURI. It
// contains no control characters.
func (d *DeviceAuthorization) UserCode() string { return d.grant().data().userCode }

// VerificationURI returns the URL of the page that the user must open, on any device.
// It is an http or https URL that contains only characters of RFC 3986 and no user
// name. Its host is an IP address or a name of letters, digits and hyphens.
func (d *DeviceAuthorization) VerificationURI() string { return d.grant().data().verificationURI }

// VerificationURIComplete returns a VerificationURI that contains the UserCode, for a
// QR code or a link. The program should also show the UserCode, so that the user can
// compare it (RFC 8628, Section 3.3.1). It is empty if the server has no such URL.
func (d *DeviceAuthorization) VerificationURIComplete() string {
	return d.grant().data().verificationURIComplete
}

// Expiry returns the time, by the local clock, at which the codes expire.
func (d *DeviceAuthorization) Expiry() time.Time { return d.grant().data().expiry }

// Interval returns the time that must pass before each attempt. It grows if the server
// answers slow_down.
func (d *DeviceAuthorization) Interval() time.Duration { return d.grant().wait() }

// MarshalBinary implements [encoding.BinaryMarshaler]. It encodes d for another
// process. The result is secret.
func (d *DeviceAuthorization) MarshalBinary() ([]byte, error) { return d.grant().save(opDevice) }

// UnmarshalBinary implements [encoding.BinaryUnmarshaler]. It decodes the result of
// MarshalBinary. If data is anything else, the error matches [ErrParse].
func (d *DeviceAuthorization) UnmarshalBinary(data []byte) error {
	return d.grant().restore(opDevice, data)
}

// MarshalJSON always returns an error, because a DeviceAuthorization contains a secret.
// Use MarshalBinary.
func (d *DeviceAuthorization) MarshalJSON() ([]byte, error) {
	return nil, withOp(opDevice, fail(ErrConfig, "", "a DeviceAuthorization does not encode to JSON: use MarshalBinary"))
}

// Format implements [fmt.Formatter]. It prints the issuer of the server and the
// client_id, and no secrets.
func (d *DeviceAuthorization) Format(f fmt.State, _ rune) { fmt.Fprint(f, d.summary()) }

// LogValue implements [slog.LogValuer]. It returns the text that Format prints.
func (d *DeviceAuthorization) LogValue() slog.Value { return slog.StringValue(d.summary()) }

func (d *DeviceAuthorization) summary() string {
	if d == nil {
		return "DeviceAuthorization(nil)"
	}
	return d.g.summary("DeviceAuthorization")
}

// StartDeviceAuthorization requests the codes that the user needs (RFC 8628, Section
// 3.1). If r is nil, the zero DeviceAuthorizationRequest is used.
//
// The request has a PKCE challenge (RFC 7636, S256), and the attempts to get the token
// have its verifier. Some servers require them, for example Keycloak if it is
// configured to. Others ignore them.
//
// StartDeviceAuthorization returns the errors of a request.
func (c *Client) StartDeviceAuthorization(ctx context.Context, r *DeviceAuthorizationRequest) (*DeviceAuthorization, error) {
	c, err := c.ready(ctx)
	if err != nil {
		return nil, err
	}
	d, err := c.startDevice(ctx, r)
	if err != nil {
		return nil, withOp(opDevice, err)
	}
	return d, nil
}

func (c *Client) startDevice(ctx context.Context, r *DeviceAuthorizationRequest) (*DeviceAuthorization, error) {
	if r == nil {
		r = new(DeviceAuthorizationRequest)
	}
	// RFC 8628 has no PKCE. Keycloak and Rauthy can require it; RFC 6749, Section 3.2
	// has the others ignore what they do not know.
	verifier := randomString()
	form := url.Values{"code_challenge": {codeChallenge(verifier)}, "code_challenge_method": {"S256"}}
	if err := setTargets(form, r.Scope, r.Resource, r.AuthorizationDetails); err != nil {
		return nil, err
	}
	if err := setParams(form, r.Params, reservedTokenParams...); err != nil {
		return nil, err
	}
	if err := c.checkTokenRequest(r.Scope); err != nil {
		return nil, err
	}
	started := c.clock.local()
	res, err := c.post(ctx, deviceEndpoint, opDevice, form, headerFields{})
	if err != nil {
		return nil, err
	}
	d, err := c.processDeviceResponse(res, strings.Join(r.Scope, " "), started)
	if err != nil {
		return nil, err
	}
	d.g.content.verifier, d.g.content.resource = verifier, keepResource(r.Resource)
	return d, nil
}

// processDeviceResponse reads the answer of RFC 8628, Section 3.2.
func (c *Client) processDeviceResponse(res *httpResponse, scope string, started time.Time) (*DeviceAuthorization, error) {
	if err := res.expect(http.StatusOK); err != nil {
		return nil, err
	}
	o, err := res.object()
	if err != nil {
		return nil, err
	}
	data, interval, err := c.readPending(&o, "device_code", scope, started)
	if err != nil {
		return nil, err
	}
	if data.userCode, err = o.need("user_code"); err != nil {
		return nil, err
	}
	member := "verification_uri"
	if !o.has(member) && o.has("verification_url") {
		member = "verification_url" // Google, from a draft
	}
	if data.verificationURI, err = o.need(member); err != nil {
		return nil, err
	}
	if o.has("verification_uri_complete") {
		if data.verificationURIComplete, err = o.need("verification_uri_complete"); err != nil {
			return nil, err
		}
	}
	if err := data.validate(opDevice, member); err != nil {
		return nil, err
	}
	d := &DeviceAuthorization{g: pendingGrant{content: data}}
	d.g.interval.Store(interval)
	return d, nil
}

// DeviceToken makes one attempt to get the token. opts may be nil.
//
// DeviceToken returns the errors of a request. If the user has not decided yet, the
// error matches [ErrPending]: the caller may try again after
// [DeviceAuthorization.Interval]. If the codes have expired, it matches [ErrExpired].
// If the user refused, it is a [*ResponseError] with the code access_denied.
func (c *Client) DeviceToken(ctx context.Context, d *DeviceAuthorization, opts *GrantOptions) (*Token, error) {
	c, err := c.ready(ctx)
	if err != nil {
		return nil, err
	}
	t, err := c.deviceToken(ctx, d, opts)
	if err != nil {
		return nil, withOp(opToken, err)
	}
	return t, nil
}

func (c *Client) deviceToken(ctx context.Context, d *DeviceAuthorization, opts *GrantOptions) (*Token, error) {
	if d == nil {
		return nil, fail(ErrConfig, "DeviceAuthorization", "is nil")
	}
	return c.attempt(ctx, &d.g, deviceGrant, "device_code", opts)
}

// PollDevice waits until the user has decided, and returns the token. opts may be nil.
//
// PollDevice makes an attempt once per Interval. It waits longer if the server tells it
// to, with slow_down or with the Retry-After of a status 429 or 503, or if the server
// cannot be reached. It stops if the user refuses, if the codes expire or will expire
// before the next attempt, or if ctx ends.
//
// The errors are the same as for [Client.DeviceToken], except [ErrPending]. If ctx
// ends, the error matches the error of ctx.
func (c *Client) PollDevice(ctx context.Context, d *DeviceAuthorization, opts *GrantOptions) (*Token, error) {
	c, err := c.ready(ctx)
	if err != nil {
		return nil, err
	}
	if d == nil {
		return nil, withOp(opToken, fail(ErrConfig, "DeviceAuthorization", "is nil"))
	}
	t, err := c.poll(ctx, &d.g, deviceGrant, "device_code", opts)
	if err != nil {
		return nil, withOp(opToken, err)
	}
	return t, nil
}
