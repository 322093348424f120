package oauthtest

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"
)

// This file implements request objects: RFC 9101 (JAR) and OpenID Connect Core,
// Section 6.1.

// openRequestObject returns the parameters in the request object of a client,
// with whose signature they win over those beside it.
func (s *Server) openRequestObject(client *Client, outer url.Values) (url.Values, *protocolError) {
	refuse := func(description string) (url.Values, *protocolError) {
		return nil, invalid("invalid_request_object", description)
	}
	token := outer.Get("request")
	if client.RequestObjectEncryptionAlg != "" {
		var err error
		if token, err = s.decrypt(client, token); err != nil {
			return refuse("the request object is not encrypted as it should be")
		}
	}
	jws, err := parseJWS(token)
	switch {
	case err != nil:
		return refuse("the request object is not a JWT")
	case !strings.EqualFold(jws.typ, "oauth-authz-req+jwt"): // RFC 9101, Section 10.8
		return refuse("the typ is not oauth-authz-req+jwt")
	case client.RequestObjectAlg != "" && client.RequestObjectAlg != jws.alg:
		return refuse("the algorithm is not the registered one")
	case !client.signed(jws):
		return refuse("the signature is not by a key of the client")
	}
	if description := s.checkRequestClaims(client, jws.claims); description != "" {
		return refuse(description)
	}
	params, description := objectParams(jws.payload)
	if description != "" {
		return refuse(description)
	}
	beside := url.Values{}
	for name, values := range outer {
		if name != "request" {
			beside[name] = values
		}
	}
	if !agree(beside, params) {
		return refuse("a parameter contradicts the request object")
	}
	params.Set("client_id", client.ID) // Section 5: it is beside the object at least
	return params, nil
}

// checkRequestClaims is RFC 9101, Section 4 with the times of FAPI 1 Advanced,
// Section 5.2.2. It returns what is wrong, "" for nothing.
func (s *Server) checkRequestClaims(client *Client, claims map[string]any) string {
	if claims["iss"] != client.ID {
		return "iss is not the client_id"
	}
	if claims["aud"] != s.issuer {
		// Not a list: it would be good at another server too.
		return "aud is not the issuer"
	}
	now := s.now()
	exp, ok1 := numericDate(claims["exp"])
	nbf, ok2 := numericDate(claims["nbf"])
	iat, ok3 := numericDate(claims["iat"])
	switch {
	case !ok1 || !ok2 || !ok3:
		return "exp, nbf or iat is missing"
	case !now.Before(exp):
		return "the request object has expired"
	case nbf.After(now.Add(time.Minute)), iat.After(now.Add(time.Minute)):
		return "the request object is not valid yet"
	case exp.Sub(nbf) > maxRequestLifetime:
		return "the request object lives too long"
	}
	jti, _ := claims["jti"].(string)
	if jti == "" || !s.firstUse("request\x00"+client.ID+"\x00"+jti, exp) {
		return "jti is missing, or was seen before"
	}
	return ""
}

// objectParams makes parameters of the claims of a request object. JSON values
// stand there as themselves (RFC 9101, Section 4; RFC 9396, Section 3), what
// comes several times as an array, and all else as a string.
func objectParams(payload []byte) (params url.Values, description string) {
	var claims map[string]json.RawMessage
	if err := json.Unmarshal(payload, &claims); err != nil {
		return nil, "the claims cannot be read"
	}
	params = url.Values{}
	for name, raw := range claims {
		var values []string
		kind := raw[0]
		switch name {
		case "iss", "aud", "exp", "nbf", "iat", "jti":
			continue
		case "sub", "request", "request_uri": // Sections 4 and 10.8
			return nil, name + " is forbidden in a request object"
		case "max_age":
			if kind < '0' || kind > '9' {
				return nil, "max_age is not a number"
			}
			values = []string{string(raw)}
		case "requested_expiry": // CIBA, Section 7.1.1: a number or a string
			values = []string{strings.Trim(string(raw), `"`)}
		case "claims", "authorization_details":
			if want := map[string]byte{"claims": '{', "authorization_details": '['}[name]; kind != want {
				return nil, name + " is not JSON of the right type"
			}
			values = []string{string(raw)}
		default:
			if kind != '[' {
				raw = slices.Concat([]byte{'['}, raw, []byte{']'})
			} else if !slices.Contains(repeatable[:], name) {
				return nil, name + " is an array"
			}
			var elements []any
			if err := json.Unmarshal(raw, &elements); err != nil {
				return nil, name + " cannot be read"
			}
			for _, e := range elements {
				v, ok := e.(string)
				if !ok {
					return nil, name + " is not a string"
				}
				values = append(values, v)
			}
		}
		if len(values) == 1 && values[0] == "" {
			continue // as good as omitted, as in parseParams
		}
		params[name] = values
	}
	return params, ""
}
