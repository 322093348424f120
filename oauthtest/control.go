package oauthtest

import (
	"encoding/pem"
	"fmt"
	"mime"
	"net"
	"net/http"
	"slices"
	"strings"
)

// This file implements the interface for programs in other languages, of
// Options.Control.

const controlPath = "/oauthtest/"

// A controlEndpoint is a row of the table in the comment of Options.Control.
type controlEndpoint struct {
	method, path string
	serve        func(s *Server, w http.ResponseWriter, body map[string]any) error
}

func controlEndpoints() []controlEndpoint {
	return []controlEndpoint{
		{http.MethodPost, "users", (*Server).controlUser},
		{http.MethodPost, "clients", (*Server).controlClient},
		{http.MethodGet, "faults", (*Server).controlFaults},
		{http.MethodPut, "faults", (*Server).controlFault},
		{http.MethodPost, "access_token", (*Server).controlAccessToken},
		{http.MethodPost, "id_token", (*Server).controlIDToken},
		{http.MethodGet, "root.pem", (*Server).controlRoot},
	}
}

// serveControl is not recorded: Server.Requests are those of the application.
func (s *Server) serveControl(w http.ResponseWriter, r *http.Request) {
	status, text := s.refuseControl(r)
	if status == 0 {
		status, text = http.StatusNotFound, "no such path"
		for _, e := range controlEndpoints() {
			if controlPath+e.path != r.URL.Path {
				continue
			}
			if e.method == r.Method {
				s.runControl(w, r, e)
				return
			}
			status, text = http.StatusMethodNotAllowed, "no such method here"
		}
	}
	writeJSON(w, status, map[string]any{"error": text})
}

func (s *Server) runControl(w http.ResponseWriter, r *http.Request, e controlEndpoint) {
	var body map[string]any
	if e.method != http.MethodGet {
		var perr *protocolError
		if body, perr = jsonBody(r.Header, r.Body); perr != nil {
			writeJSON(w, http.StatusBadRequest, map[string]any{"error": perr.description})
			return
		}
	}
	if err := e.serve(s, w, body); err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": err.Error()})
	}
}

// refuseControl returns a status for a request that a page in a browser may have made;
// 0 for others.
func (s *Server) refuseControl(r *http.Request) (status int, text string) {
	// A page whose own name leads to this server, by a change in DNS, may read and send
	// all that its own server may: the Host is all that tells it from us.
	if !s.ownHost(r.Host) {
		return http.StatusMisdirectedRequest, "the Host is not that of this server"
	}
	// Any page may send a form, or text, to any server. For JSON it must ask before.
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.Method != http.MethodGet && (err != nil || mediaType != "application/json") {
		return http.StatusUnsupportedMediaType, "the body is not application/json"
	}
	if err := new(http.CrossOriginProtection).Check(r); err != nil {
		return http.StatusForbidden, err.Error()
	}
	return 0, ""
}

// ownHost reports whether a Host is that of the server's URL, or a name of loopback
// with the port of the listener.
func (s *Server) ownHost(host string) bool {
	if strings.EqualFold(host, hostOf(s.main.URL)) {
		return true
	}
	if !strings.Contains(host[strings.LastIndexByte(host, ']')+1:], ":") { // the port of the scheme
		host += map[bool]string{true: ":80", false: ":443"}[s.opts.Plain]
	}
	name, port, err := net.SplitHostPort(host)
	_, own, _ := net.SplitHostPort(s.main.Listener.Addr().String())
	return err == nil && port == own && slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, strings.ToLower(name))
}

// members checks that the body has no other members: a name that is written wrongly
// would else be a test that tests something else.
func members(body map[string]any, names ...string) error {
	for name := range body {
		if !slices.Contains(names, name) {
			return fmt.Errorf("unknown member %q", name)
		}
	}
	return nil
}

func (s *Server) controlUser(w http.ResponseWriter, body map[string]any) error {
	if err := members(body, "sub", "claims", "user_code"); err != nil {
		return err
	}
	u := User{}
	u.Subject, _ = body["sub"].(string)
	u.Claims, _ = body["claims"].(map[string]any)
	u.UserCode, _ = body["user_code"].(string)
	if u.Subject == "" {
		return fmt.Errorf("sub is missing")
	}
	s.AddUser(u)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// controlClient takes the metadata that a registration has, with client_id and
// client_secret, which it would get. It has the defaults of Client: a registration has
// those of RFC 7591.
func (s *Server) controlClient(w http.ResponseWriter, body map[string]any) error {
	names := []string{"client_id", "client_secret"}
	c := Client{}
	c.ID, _ = body["client_id"].(string)
	c.Secret, _ = body["client_secret"].(string)
	for _, member := range clientMembers() {
		names = append(names, member.name)
		if v := body[member.name]; v != nil && !member.set(&c, v) {
			return fmt.Errorf("%s is of the wrong type", member.name)
		}
	}
	if err := members(body, names...); err != nil {
		return err
	}
	c.GrantTypes, _ = stringList(body["grant_types"])
	c.RefreshTokens = slices.Contains(c.GrantTypes, "refresh_token")
	if err := s.addClient(c); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) controlFaults(w http.ResponseWriter, _ map[string]any) error {
	all := []any{}
	for _, f := range Faults() {
		all = append(all, map[string]any{"fault": f, "part": f.Part(), "fatal": f.Effect() == EffectFatal, "set": s.faulty(f)})
	}
	writeJSON(w, http.StatusOK, map[string]any{"faults": all})
	return nil
}

func (s *Server) controlFault(w http.ResponseWriter, body map[string]any) error {
	if err := members(body, "faults"); err != nil {
		return err
	}
	names, ok := stringList(body["faults"])
	if !ok {
		return fmt.Errorf("faults is not an array of strings")
	}
	known, faults := Faults(), []Fault{}
	for _, name := range names {
		if !slices.Contains(known, Fault(name)) {
			return fmt.Errorf("no such fault: %q", name)
		}
		faults = append(faults, Fault(name))
	}
	s.Fault(faults...)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) controlAccessToken(w http.ResponseWriter, body map[string]any) error {
	return s.controlMint(w, body, "access_token", s.AccessToken)
}

func (s *Server) controlIDToken(w http.ResponseWriter, body map[string]any) error {
	return s.controlMint(w, body, "id_token", s.IDToken)
}

// A minter is AccessToken or IDToken.
type minter func(clientID, user string, claims map[string]any) (string, error)

func (s *Server) controlMint(w http.ResponseWriter, body map[string]any, name string, mint minter) error {
	if err := members(body, "client_id", "user", "claims"); err != nil {
		return err
	}
	id, _ := body["client_id"].(string)
	if id == "" {
		return fmt.Errorf("client_id is missing")
	}
	user, _ := body["user"].(string)
	claims, _ := body["claims"].(map[string]any)
	token, err := mint(id, user, claims)
	if err != nil {
		return err
	}
	noStore(w)
	writeJSON(w, http.StatusOK, map[string]any{name: token})
	return nil
}

func (s *Server) controlRoot(w http.ResponseWriter, _ map[string]any) error {
	w.Header().Set("Content-Type", "application/x-pem-file")
	return pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: s.RootCertificate().Raw})
}
