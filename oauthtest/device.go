package oauthtest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// This file implements device authorization: RFC 8628.

// serveDeviceAuthorization is Section 3.1.
func (s *Server) serveDeviceAuthorization(w http.ResponseWriter, r *http.Request) {
	params, perr := formParams(r)
	if perr != nil {
		perr.write(w)
		return
	}
	client, perr := s.authenticateClient(r, params)
	if perr == nil {
		perr = client.checkGrantType(deviceGrantType)
	}
	if perr != nil {
		perr.write(w)
		return
	}
	g, perr := s.readGrant(client, params)
	if perr != nil {
		perr.write(w)
		return
	}
	p := &polled{kind: deviceGrantType, grant: g, user: "alice"}
	deviceCode := s.startPolling(p, deviceLifetime)
	userCode := newUserCode()
	s.mu.Lock()
	s.userCodes[plainUserCode(userCode)] = p
	s.mu.Unlock()
	page := s.endpointURL(devicePagePath)
	answer := map[string]any{
		"device_code":               deviceCode,
		"user_code":                 userCode,
		"verification_uri":          page,
		"verification_uri_complete": page + "?" + url.Values{"user_code": {userCode}}.Encode(),
		"expires_in":                int(deviceLifetime / time.Second),
		"interval":                  int(s.opts.PollInterval / time.Second),
	}
	if s.preset.start != nil {
		s.preset.start(answer)
	}
	s.editStart(answer)
	noStore(w)
	writeJSON(w, http.StatusOK, answer)
}

// userCodeLetters are those of Section 6.1: without vowels, no words.
const userCodeLetters = "BCDFGHJKLMNPQRSTVWXZ"

func newUserCode() string {
	var code []byte
	for len(code) < 8 {
		var b [1]byte
		rand.Read(b[:])
		if b[0] < 12*byte(len(userCodeLetters)) { // else the first letters come more often
			code = append(code, userCodeLetters[int(b[0])%len(userCodeLetters)])
		}
	}
	return string(code[:4]) + "-" + string(code[4:])
}

// plainUserCode takes a code as people type it: Section 6.1 wants case and
// punctuation ignored.
func plainUserCode(typed string) string {
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune(userCodeLetters, c) {
			return c
		}
		return -1
	}, strings.ToUpper(typed))
}

func (s *Server) byUserCode(typed string) (*polled, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.userCodes[plainUserCode(typed)]
	if p == nil {
		return nil, errors.New("oauthtest: no such user code")
	}
	return p, nil
}

// ApproveDevice approves a device authorization request as the given user. If user
// is empty, it is alice. If there is no such code or user, or if the request was
// already decided or has expired, ApproveDevice returns an error.
func (s *Server) ApproveDevice(userCode, user string) error {
	p, err := s.byUserCode(userCode)
	if err != nil {
		return err
	}
	return s.approve(p, user, rand.Text())
}

// DenyDevice refuses a device authorization request. Its errors are the same as for
// [Server.ApproveDevice].
func (s *Server) DenyDevice(userCode string) error {
	p, err := s.byUserCode(userCode)
	if err != nil {
		return err
	}
	return s.refuse(p)
}

// serveDevicePage is the page of Section 3.3, with the code in it already if it
// was in the URL (Section 3.3.1).
func (s *Server) serveDevicePage(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		s.takeDevicePage(w, r)
		return
	}
	writePage(w, "Connect a device", fmt.Sprintf(`<body>
<form method="post" action="%s">
<p>Is this the code that your device shows?</p>
<input type="text" name="user_code" value="%s">
<input type="text" name="user" value="alice">
<button>Yes, log it in</button>
</form>
<p>The user %s refuses.</p>
`, html.EscapeString(s.endpointURL(devicePagePath)), html.EscapeString(r.URL.Query().Get("user_code")), denied))
}

// takeDevicePage takes the form of that page.
func (s *Server) takeDevicePage(w http.ResponseWriter, r *http.Request) {
	params, perr := formParams(r)
	if perr != nil {
		http.Error(w, perr.description, http.StatusBadRequest)
		return
	}
	p, err := s.byUserCode(params.Get("user_code"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	user := params.Get("user")
	if user == denied {
		err = s.refuse(p)
	} else if sess := s.login(w, user); sess != nil {
		err = s.approve(p, sess.user, sess.id)
	} else {
		err = errors.New("oauthtest: no such user")
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	writePage(w, "Done", "<body>\n<p>You can go back to your device.</p>\n")
}

// grantDevice is Section 3.4.
func (s *Server) grantDevice(r *tokenRequest) (map[string]any, *protocolError) {
	g, perr := s.poll(r, deviceGrantType, r.params.Get("device_code"))
	if perr != nil {
		return nil, perr
	}
	return s.issueTokens(idTokenJWT, g, r, g.scope, "", g.offline())
}
