package weblogin_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
	"example.com/oauth/weblogin"
)

// TestOtherApplication: a cookie of another application with the same keys is none.
func TestOtherApplication(t *testing.T) {
	for name, edit := range modes {
		t.Run(name, func(t *testing.T) {
			store := weblogin.NewMemoryStore(0)
			shared := func(c *weblogin.Config, o *oauth.Config) {
				if edit != nil {
					edit(c, o)
					c.Store = store
				}
			}
			w := newWorld(t, shared, nil)
			b := w.browser(t)
			b.logIn("/").want(t, http.StatusOK, "hello alice")
			for what, base := range map[string]string{"another host": "https://admin.example.com", "another path": w.app.URL + "/admin"} {
				h := w.handler(t, func(c *weblogin.Config, o *oauth.Config) { shared(c, o); c.BaseURL = base })
				rec := httptest.NewRecorder()
				req := b.request(http.MethodGet, "/", "cors", "empty")
				req.Header.Set("Cookie", weblogin.SessionCookie(h)+"="+b.cookies()[w.session()])
				h.Require(weblogin.Requirement{}, http.HandlerFunc(w.home)).ServeHTTP(rec, req)
				if rec.Code != http.StatusUnauthorized {
					t.Errorf("%s: %d", what, rec.Code)
				}
			}
		})
	}
}

// TestMappedUser: a logout at the server finds the session of a user whom the application
// knows by another name, and nobody becomes another user in Admit.
func TestMappedUser(t *testing.T) {
	w := newWorld(t, func(c *weblogin.Config, o *oauth.Config) {
		withStore(c, o)
		c.Providers[0].Identify = func(context.Context, *oauth.Token) (weblogin.User, map[string]any, error) {
			return weblogin.User{Issuer: "https://accounts.example.com", Subject: "42"}, nil, nil
		}
	}, nil)
	for _, fault := range []oauthtest.Fault{"", oauthtest.LogoutSubOnly} {
		b := w.browser(t)
		b.logIn("/").want(t, http.StatusOK, "hello 42")
		if fault != "" {
			w.srv.Fault(fault)
		}
		w.srv.Logout(t.Context(), "alice")
		w.srv.Fault()
		if p := b.open("/"); p.status != http.StatusSeeOther {
			t.Errorf("%s: %d %s", fault, p.status, p.body)
		}
	}
	b := w.browser(t)
	for _, u := range []weblogin.User{{Issuer: "https://accounts.example.com", Subject: "42"}, {Issuer: w.srv.Issuer(), Subject: "alice"}} {
		b.logIn("/").want(t, http.StatusOK, "hello 42")
		if err := w.login.EndSessions(t.Context(), u); err != nil {
			t.Error(err)
		}
		if p := b.open("/"); p.status != http.StatusSeeOther {
			t.Errorf("EndSessions of %v: %d %s", u, p.status, p.body)
		}
	}
	for name, change := range map[string]func(*weblogin.User){
		"another": func(u *weblogin.User) { u.Subject = "admin" },
		"nobody":  func(u *weblogin.User) { *u = weblogin.User{} },
	} {
		w := newWorld(t, func(c *weblogin.Config, _ *oauth.Config) {
			c.Admit = func(_ context.Context, l *weblogin.Login) error { change(&l.User); return nil }
		}, nil)
		w.browser(t).logIn("/").want(t, http.StatusInternalServerError, "not possible")
		if len(w.reported()) != 1 {
			t.Errorf("%s: %v", name, w.reported())
		}
	}
}

// TestEndSessions: the application ends the sessions of a user.
func TestEndSessions(t *testing.T) {
	w := newWorld(t, withStore, nil)
	a, b := w.browser(t), w.browser(t)
	a.logIn("/").want(t, http.StatusOK, "hello alice")
	b.logIn("/").want(t, http.StatusOK, "hello alice")
	if err := w.login.EndSessions(t.Context(), weblogin.User{Issuer: w.srv.Issuer(), Subject: "bob"}); err != nil {
		t.Error(err)
	}
	a.open("/").want(t, http.StatusOK, "hello alice")
	if err := w.login.EndSessions(t.Context(), weblogin.User{Issuer: w.srv.Issuer(), Subject: "alice"}); err != nil {
		t.Error(err)
	}
	for _, tab := range []*tab{a, b} {
		if p := tab.open("/"); p.status != http.StatusSeeOther {
			t.Errorf("%d %s", p.status, p.body)
		}
	}
	for _, u := range []weblogin.User{{}, {Issuer: "i"}, {Subject: "s"}} {
		if err := w.login.EndSessions(t.Context(), u); !errors.Is(err, oauth.ErrConfig) {
			t.Errorf("%v: %v", u, err)
		}
	}
	cookies := newWorld(t, nil, nil)
	if err := cookies.login.EndSessions(t.Context(), weblogin.User{Issuer: "i", Subject: "s"}); !errors.Is(err, oauth.ErrConfig) {
		t.Error(err)
	}
}

// TestKeysAndLogout: a logout finds the sessions that began with an older key, also after
// they were changed under the new one.
func TestKeysAndLogout(t *testing.T) {
	store := weblogin.NewMemoryStore(0)
	fresh := bytes.Repeat([]byte("fedcba9876543210"), 2)
	with := func(keys ...[]byte) func(c *weblogin.Config, o *oauth.Config) {
		return func(c *weblogin.Config, o *oauth.Config) { withStore(c, o); c.Store, c.Keys = store, keys }
	}
	w := newWorld(t, with(key), nil)
	for _, row := range []struct {
		name    string
		changed bool
		process *weblogin.Handler
	}{
		{"the new key in front", false, w.handler(t, with(fresh, key))},
		{"and changed", true, w.handler(t, with(fresh, key))},
		{"changed, and the old key in front", true, w.handler(t, with(key, fresh))},
	} {
		b := w.browser(t)
		b.logIn("/").want(t, http.StatusOK, "hello alice")
		open := func() int {
			rec := httptest.NewRecorder()
			req := b.request(http.MethodGet, "/", "cors", "empty")
			req.Header.Set("Cookie", w.session()+"="+b.cookies()[w.session()])
			w.handler(t, with(fresh, key)).Require(weblogin.Requirement{}, http.HandlerFunc(w.home)).ServeHTTP(rec, req)
			return rec.Code
		}
		if row.changed {
			w.wait(30 * time.Minute)
		}
		if code := open(); code != http.StatusOK {
			t.Errorf("%s: %d", row.name, code)
		}
		if err := row.process.EndSessions(t.Context(), weblogin.User{Issuer: w.srv.Issuer(), Subject: "alice"}); err != nil {
			t.Error(err)
		}
		if code := open(); code != http.StatusUnauthorized {
			t.Errorf("%s: after the logout %d", row.name, code)
		}
	}
}

// TestFixation: whoever knew the session before a login is not logged in by it, and a
// session that another login replaces has ended.
func TestFixation(t *testing.T) {
	w := newWorld(t, withStore, nil)
	b := w.browser(t)
	b.logIn("/")
	before := b.cookies()[w.session()]
	b.op.User = "bob"
	w.srv.AddUser(oauthtest.User{Subject: "bob"})
	again := w.browser(t) // another user of the same browser
	again.setCookie(w.session(), before)
	again.op.User = "bob"
	p := again.send(again.authorize(again.open("/auth/login")))
	after := again.cookies()[w.session()]
	if p.status != http.StatusSeeOther || after == before || after == "" {
		t.Fatalf("%d %s; the cookie is the same: %v", p.status, p.body, after == before)
	}
	thief := w.browser(t)
	thief.setCookie(w.session(), before)
	if p := thief.open("/"); p.status != http.StatusSeeOther {
		t.Errorf("the session before the login: %d %s", p.status, p.body)
	}
}

// TestTimes: a session ends by age and by idleness, and use keeps it alive up to its age.
func TestTimes(t *testing.T) {
	for name, edit := range modes {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *weblogin.Config, o *oauth.Config) {
				if edit != nil {
					edit(c, o)
				}
				c.Lifetime, c.IdleTime = 3*time.Hour, time.Hour
			}, nil)
			b := w.browser(t)
			b.logIn("/")
			for range 5 { // 2 h 55 min
				w.wait(35 * time.Minute)
				b.open("/").want(t, http.StatusOK, "hello alice")
			}
			w.wait(6 * time.Minute)
			if p := b.open("/"); p.status != http.StatusSeeOther {
				t.Errorf("after its age: %d", p.status)
			}
			b.logIn("/")
			w.wait(time.Hour)
			if p := b.open("/"); p.status != http.StatusSeeOther {
				t.Errorf("after an idle hour: %d", p.status)
			}
			b.logIn("/")
			w.wait(-2 * time.Minute) // a clock that is set back
			if p := b.open("/"); p.status != http.StatusSeeOther {
				t.Errorf("before it began: %d", p.status)
			}
		})
	}
}

// TestKeys: sessions of an older key go on, and of an unknown one do not.
func TestKeys(t *testing.T) {
	for name, edit := range modes {
		t.Run(name, func(t *testing.T) {
			store := weblogin.NewMemoryStore(0)
			with := func(keys ...[]byte) func(c *weblogin.Config, o *oauth.Config) {
				return func(c *weblogin.Config, o *oauth.Config) {
					if edit != nil {
						edit(c, o)
						c.Store = store
					}
					c.Keys = keys
				}
			}
			w := newWorld(t, with(key), nil)
			b := w.browser(t)
			b.logIn("/")
			fresh := bytes.Repeat([]byte("fedcba9876543210"), 2)
			for row, keys := range map[string][][]byte{"both": {fresh, key}, "the new one": {fresh}} {
				h := w.handler(t, with(keys...))
				rec := httptest.NewRecorder()
				req := b.request(http.MethodGet, "/", "navigate", "document")
				req.Header.Set("Cookie", w.session()+"="+b.cookies()[w.session()])
				h.Require(weblogin.Requirement{}, http.HandlerFunc(w.home)).ServeHTTP(rec, req)
				if (rec.Code == http.StatusOK) != (row == "both") {
					t.Errorf("%s: %d", row, rec.Code)
				}
			}
		})
	}
}

// TestProviderRemoved: nobody is logged in by a provider that the application has no more.
func TestProviderRemoved(t *testing.T) {
	w := newWorld(t, twoProviders, nil)
	b := w.browser(t)
	b.send(b.authorize(b.open("/auth/login?provider=two")))
	b.open("/").want(t, http.StatusOK, "hello alice")
	one := w.handler(t, func(c *weblogin.Config, o *oauth.Config) {
		twoProviders(c, o)
		c.Providers = c.Providers[:1]
	})
	w.app.Config.Handler = one.Require(weblogin.Requirement{}, http.HandlerFunc(w.home))
	if p := b.open("/"); p.status != http.StatusSeeOther {
		t.Errorf("%d %s", p.status, p.body)
	}
}

// goneStore loses a record after it was read.
type goneStore struct {
	weblogin.Store
	gone atomic.Bool
}

func (s *goneStore) Get(ctx context.Context, id string) (*weblogin.Record, error) {
	r, err := s.Store.Get(ctx, id)
	if s.gone.Load() {
		s.Delete(ctx, id)
	}
	return r, err
}

// TestEndsMeanwhile: a session that ends while a request begins is no error.
func TestEndsMeanwhile(t *testing.T) {
	store := &goneStore{Store: weblogin.NewMemoryStore(0)}
	w := newWorld(t, func(c *weblogin.Config, o *oauth.Config) { withStore(c, o); c.Store = store }, nil)
	b := w.browser(t)
	b.logIn("/").want(t, http.StatusOK, "hello alice")
	w.wait(30 * time.Minute) // so that its use is noted
	store.gone.Store(true)
	b.open("/").want(t, http.StatusOK, "hello alice")
	if p := b.open("/"); p.status != http.StatusSeeOther || len(w.reported()) != 0 {
		t.Errorf("%d %s; %v", p.status, p.body, w.reported())
	}
}
