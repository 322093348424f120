package oauth

// This file implements the publication of a client's own public keys: its jwks and
// jwks_uri (RFC 7591, Section 2).

import (
	"encoding/json"
	"net/http"
)

// A PublishedKey is a key whose public part a client publishes: a [SigningKey] or a
// [DecryptionKey].
type PublishedKey interface {
	// PublicJWK returns the public key as a JWK. It is nil if there is none.
	PublicJWK() json.RawMessage
}

// PublicJWKS returns the JWK Set (RFC 7517, Section 5) of the public keys of a client,
// for ClientMetadata.JWKS or its jwks_uri.
//
// To replace a key, a program first publishes the set of the old and the new key. When
// the server has fetched it, which can take as long as the response may be cached, the
// program makes a Client with the new key. It publishes the set without the old key when
// nothing that the old key has signed, or that was encrypted to it, is under way.
//
// If a key is nil, empty or a client secret, or if two keys have the same kid, the error
// matches [ErrConfig].
func PublicJWKS(keys ...PublishedKey) (json.RawMessage, error) {
	set, err := publicJWKS(keys)
	if err != nil {
		return nil, withOp("public keys", err)
	}
	return set, nil
}

func publicJWKS(keys []PublishedKey) (json.RawMessage, error) {
	list := make([]json.RawMessage, 0, len(keys))
	seen := map[string]bool{}
	for i, key := range keys {
		var jwk json.RawMessage
		if key != nil {
			jwk = key.PublicJWK()
		}
		o, err := parseObject(string(jwk), documentForm, ErrConfig)
		if err != nil {
			return nil, fail(ErrConfig, "keys", "number %d is nil or empty, or a client secret: it has no public part", i+1)
		}
		if kid, ok, _ := o.string("kid"); ok {
			if seen[kid] {
				return nil, fail(ErrConfig, "keys", "two have the key id %s", printable(kid, 128))
			}
			seen[kid] = true
		}
		list = append(list, jwk)
	}
	document, err := json.Marshal(map[string]any{"keys": list})
	if err == nil {
		err = checkPublicKeys(document)
	}
	if err != nil {
		return nil, &Error{Kind: ErrConfig, Param: "keys", Detail: "cannot be published", Err: err}
	}
	return document, nil
}

// PublicJWKSHandler returns a handler for the client's jwks_uri, which serves the set of
// [PublicJWKS]. It allows responses to be cached for an hour. The errors are those of
// PublicJWKS.
func PublicJWKSHandler(keys ...PublishedKey) (http.Handler, error) {
	document, err := PublicJWKS(keys...)
	if err != nil {
		return nil, err
	}
	return documentHandler("application/jwk-set+json", document, "public, max-age=3600"), nil
}

// documentHandler serves a document to GET and HEAD.
func documentHandler(mediaType string, document []byte, cache string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Content-Type", mediaType)
		if cache != "" {
			w.Header().Set("Cache-Control", cache)
		}
		if r.Method == http.MethodGet {
			w.Write(document)
		}
	})
}

// checkPublicKeys wants a set without private members (RFC 7518, Section 6).
// Keys for encryption, and those that nothing can be verified with here, are
// the client's to publish.
func checkPublicKeys(jwks []byte) error {
	o, err := parseObject(string(jwks), documentForm, ErrParse)
	if err != nil {
		return err
	}
	raw, _ := o.get("keys")
	list, err := arrayElements(nil, raw, maxKeys)
	if err != nil {
		return fail(ErrParse, "keys", "is not an array of at most %d keys", maxKeys)
	}
	for _, raw := range list {
		key, err := parseObject(raw, documentForm, ErrParse)
		if err != nil {
			return err
		}
		if _, err := key.need("kty"); err != nil {
			return err
		}
		for _, private := range privateMembers {
			if key.has(private) {
				return fail(ErrParse, private, "the key has private members")
			}
		}
	}
	return nil
}
