package oauthtest

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// This file implements what the server fetches and sends by itself, and client
// ID metadata documents: draft-ietf-oauth-client-id-metadata-document.

const outgoingTimeout = 10 * time.Second

// maxDocument is the limit that the draft recommends, in octets.
const maxDocument = 5 << 10

// send makes a request of the server's own. The caller closes the body and
// cancels the context.
func (s *Server) send(req *http.Request) (*http.Response, error) {
	c := *s.client
	if s.opts.OutgoingClient != nil {
		c = *s.opts.OutgoingClient
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c.Do(req)
}

// fetchClient makes a client of the metadata document at the client_id that a
// request names, if that is the URL of one and not known yet.
func (s *Server) fetchClient(r *http.Request) *protocolError {
	id := s.recorded(r).ClientID
	if !s.opts.ClientIDMetadataDocuments || !strings.HasPrefix(id, "https://") || s.clientByID(id) != nil {
		return nil
	}
	if !goodDocumentURL(id) {
		return invalid("invalid_client", "the client_id is not the URL of a metadata document")
	}
	metadata, perr := s.fetchDocument(r.Context(), id)
	if perr != nil {
		return perr
	}
	return s.addDocument(id, metadata)
}

// goodDocumentURL is Section 3 of the draft.
func goodDocumentURL(id string) bool {
	u, err := url.Parse(id)
	if err != nil || u.Host == "" || u.Path == "" || u.User != nil || strings.Contains(id, "#") {
		return false
	}
	segments := strings.Split(u.Path, "/")
	return !slices.Contains(segments, ".") && !slices.Contains(segments, "..")
}

func (s *Server) fetchDocument(ctx context.Context, id string) (map[string]any, *protocolError) {
	refuse := func(description string) (map[string]any, *protocolError) {
		return nil, invalid("invalid_client", "the client metadata document: "+description)
	}
	ctx, cancel := context.WithTimeout(ctx, outgoingTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, id, nil)
	if err != nil {
		return refuse(err.Error())
	}
	req.Header.Set("Accept", "application/json")
	resp, err := s.send(req)
	if err != nil {
		return refuse(err.Error())
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK { // a redirect too
		return refuse("status " + resp.Status)
	}
	metadata, perr := jsonBody(resp.Header, http.MaxBytesReader(nil, resp.Body, maxDocument))
	if perr != nil {
		return refuse(perr.description)
	}
	return metadata, nil
}

// addDocument is Section 4 of the draft: nobody shares a secret with a document
// that everybody can read. Without token_endpoint_auth_method the client is a
// public one.
func (s *Server) addDocument(id string, metadata map[string]any) *protocolError {
	refuse := func(description string) *protocolError {
		return invalid("invalid_client", "the client metadata document: "+description)
	}
	if metadata["client_id"] != id {
		return refuse("client_id is not its URL")
	}
	for _, name := range [...]string{"client_secret", "client_secret_expires_at"} {
		if _, present := metadata[name]; present {
			return refuse("there is a " + name)
		}
	}
	if metadata["token_endpoint_auth_method"] == nil {
		metadata["token_endpoint_auth_method"] = "none"
	}
	client, _, perr := s.readClient(metadata)
	if perr != nil {
		return refuse(perr.description)
	}
	if client.AuthMethod != "none" && client.AuthMethod != "private_key_jwt" {
		return refuse("token_endpoint_auth_method is neither none nor private_key_jwt")
	}
	client.ID = id
	if err := s.addClient(client); err != nil {
		return refuse(err.Error())
	}
	return nil
}
