package oauth

// This file implements token revocation: RFC 7009.

import (
	"context"
	"net/http"
)

const opRevocation = "revocation"

// Revoke tells the server that a token is not needed any more. With a refresh
// token, what was granted with it goes too. A token that the server does not
// know is no error (RFC 7009, Section 2.2). Nil options are the default. The
// errors are those of a request, and [*ResponseError]: after a status of 503
// the token is still good, and the request is to be made again.
func (c *Client) Revoke(ctx context.Context, token string, opts *EndpointOptions) error {
	if err := c.made(); err != nil {
		return err
	}
	return withOp(opRevocation, c.revoke(ctx, token, opts))
}

func (c *Client) revoke(ctx context.Context, token string, opts *EndpointOptions) error {
	form, header, err := opts.tokenForm(token)
	if err != nil {
		return err
	}
	res, err := c.post(ctx, revocationEndpoint, opRevocation, form, header)
	if err != nil {
		return err
	}
	return res.expect(http.StatusOK, http.StatusNoContent)
}
