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

// A DeviceAuthorizationRequest says what [Client.StartDeviceAuthorization] asks for. The
// zero value asks for the server's default.
type DeviceAuthorizationRequest struct {
	unprinted

	Scope                []string              // with "openid" among it, the answer has an ID token
	Resource             []string              // RFC 8707: absolute URIs
	AuthorizationDetails []AuthorizationDetail // RFC 9396
	Params               url.Values            // further parameters; they cannot name one that the package sets
}

// A DeviceAuthorization is a request that waits for the user: show the
// VerificationURI and the UserCode, then call [Client.PollDevice]. It may be
// used by several goroutines, but only one should poll.
//
// MarshalBinary is for programs whose attempts are made by different processes.
type DeviceAuthorization struct{ g pendingGrant }

func (d *DeviceAuthorization) grant() *pendingGrant {
	if d == nil {
		return nil
	}
	return &d.g
}

// UserCode is what the user types in at the VerificationURI. It is free of
// control characters.
func (d *DeviceAuthorization) UserCode() string { return d.grant().data().userCode }

// VerificationURI is the page that the user opens, on any device: an http or
// https URL of the characters of RFC 3986, whose host is a name of letters, digits
// and hyphens or an IP address. It has no user name in it.
func (d *DeviceAuthorization) VerificationURI() string { return d.grant().data().verificationURI }

// VerificationURIComplete has the code in it already, for a QR code or a link:
// a URL like VerificationURI. Show the UserCode beside it, so that the user can
// compare (RFC 8628, Section 3.3.1). Empty: the server has none.
func (d *DeviceAuthorization) VerificationURIComplete() string {
	return d.grant().data().verificationURIComplete
}

// Expiry is when the codes expire, by the local clock.
func (d *DeviceAuthorization) Expiry() time.Time { return d.grant().data().expiry }

// Interval is the time to let pass before each attempt. It grows when the
// server says slow_down.
func (d *DeviceAuthorization) Interval() time.Duration { return d.grant().wait() }

// MarshalBinary encodes d for another process. The result is secret.
func (d *DeviceAuthorization) MarshalBinary() ([]byte, error) { return d.grant().save(opDevice) }

// UnmarshalBinary restores what MarshalBinary encoded. Anything else is an
// error of kind [ErrParse].
func (d *DeviceAuthorization) UnmarshalBinary(data []byte) error {
	return d.grant().restore(opDevice, data)
}

// MarshalJSON fails: what is needed is secret.
func (d *DeviceAuthorization) MarshalJSON() ([]byte, error) {
	return nil, withOp(opDevice, fail(ErrConfig, "", "a DeviceAuthorization does not encode to JSON: use MarshalBinary"))
}

// Format prints the server and the client, nothing that is secret.
func (d *DeviceAuthorization) Format(f fmt.State, _ rune) { fmt.Fprint(f, d.summary()) }

// LogValue is the server and the client.
func (d *DeviceAuthorization) LogValue() slog.Value { return slog.StringValue(d.summary()) }

func (d *DeviceAuthorization) summary() string {
	if d == nil {
		return "DeviceAuthorization(nil)"
	}
	return d.g.summary("DeviceAuthorization")
}

// StartDeviceAuthorization asks the server for the codes that the user is shown.
// The errors are those of a request, and [*ResponseError].
func (c *Client) StartDeviceAuthorization(ctx context.Context, r *DeviceAuthorizationRequest) (*DeviceAuthorization, error) {
	if err := c.made(); err != nil {
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
	form := url.Values{}
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
	res, err := c.post(ctx, deviceEndpoint, opDevice, form, nil)
	if err != nil {
		return nil, err
	}
	return c.processDeviceResponse(res, strings.Join(r.Scope, " "), started)
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
	data, interval, err := c.readPending(o, "device_code", scope, started)
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

// DeviceToken asks once for the token. If the user has not decided yet, the error
// matches [ErrPending]: ask again, but not before [DeviceAuthorization.Interval] has
// passed. If the codes have expired, it matches [ErrExpired], and if the user refused, it
// is a [*ResponseError] with the code access_denied. The other errors are those of a
// request, and the kinds under [ErrInvalid]. opts may be nil.
func (c *Client) DeviceToken(ctx context.Context, d *DeviceAuthorization, opts *GrantOptions) (*Token, error) {
	if err := c.made(); err != nil {
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

// PollDevice waits until the user has decided, and returns the token. It keeps
// to the interval of the server, slows down when told to and when the server
// cannot be reached, and ends with the user's refusal, the expiry of the codes
// or the context. The errors are those of [Client.DeviceToken], and the
// context's, for [errors.Is].
func (c *Client) PollDevice(ctx context.Context, d *DeviceAuthorization, opts *GrantOptions) (*Token, error) {
	if err := c.made(); err != nil {
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
