package oauth

// This file implements token revocation: RFC 7009.

import (
	"context"
	"net/http"
)

const opRevocation = "revocation"

// Revoke revokes a token. If it is a refresh token, the server also revokes the tokens
// that were issued with it. opts may be nil. If Config.DPoP is set, the request has a
// proof, which for example Keycloak can require.
//
// Revoke returns the errors of a request. A token that the server does not know is not
// an error (RFC 7009, Section 2.2). If the server answers with status 503, the token is
// still valid, and Revoke should be called again.
func (c *Client) Revoke(ctx context.Context, token string, opts *EndpointOptions) error {
	c, err := c.ready(ctx)
	if err != nil {
		return err
	}
	return withOp(opRevocation, c.revoke(ctx, token, opts))
}

func (c *Client) revoke(ctx context.Context, token string, opts *EndpointOptions) error {
	form, fields, err := opts.tokenForm(token)
	if err != nil {
		return err
	}
	res, err := c.post(ctx, revocationEndpoint, opRevocation, form, fields)
	if err != nil {
		return err
	}
	return res.expect(http.StatusOK, http.StatusNoContent)
}
