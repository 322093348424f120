package oauth

// This file implements the page that hands an authorization response from the fragment of
// a URL, which does not reach a server, to the handler of the redirect URI.

import (
	"crypto/sha256"
	"net/http"
)

// fragmentScript posts the parameters of the fragment to the page's own URL, without the
// fragment in the browser's history. It names no method of the form: a parameter could
// have the same name.
const fragmentScript = `"use strict";
const form = document.createElement("form");
form.method = "post";
const inputs = document.createDocumentFragment();
for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
	const input = document.createElement("input");
	input.type = "hidden";
	input.name = name;
	input.value = value;
	inputs.append(input);
}
const empty = inputs.childElementCount === 0;
HTMLFormElement.prototype.append.call(form, inputs);
history.replaceState(null, "", location.pathname + location.search);
document.body.append(form);
if (empty) {
	document.getElementById("text").textContent = "This page finishes a login, and there is none to finish. Go back to the application and start again.";
} else {
	HTMLFormElement.prototype.submit.call(form);
}
`

const fragmentPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Logging in</title>
</head>
<body>
<p id="text">Logging in …</p>
<noscript><p>This page needs JavaScript to finish the login.</p></noscript>
<script>` + fragmentScript + `</script>
</body>
</html>
`

// FragmentHandler returns a handler for GET requests to a redirect URI, for a web
// application whose AuthorizationRequest.ResponseMode is fragment, or whose server knows
// no other for "code id_token". A browser does not send the fragment of a URL to a
// server. The handler responds with a page that takes the response out of the fragment
// and posts it to the same URL, where the program handles POST requests and passes them
// to [Client.FinishAuthorization]. That only accepts a request that a page of the same
// origin sent.
//
// The page needs JavaScript. It loads nothing, and has a Content-Security-Policy of its
// own. It keeps the query of the redirect URI.
func FragmentHandler() http.Handler {
	sum := sha256.Sum256([]byte(fragmentScript))
	policy := "default-src 'none'; script-src 'sha256-" + encodeBase64(sum[:]) +
		"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	page := documentHandler("text/html; charset=utf-8", []byte(fragmentPage), "no-store")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "same-origin") // with no-referrer the Origin of the form would be null
		h.Set("X-Content-Type-Options", "nosniff")
		page.ServeHTTP(w, r)
	})
}

// checkSameOrigin wants a request that a page of the redirect URI's own origin sent, by
// what the browser says of it: another site could post a response of its own.
func checkSameOrigin(r *http.Request, redirectURI string) error {
	if site := r.Header["Sec-Fetch-Site"]; len(site) > 0 {
		if len(site) == 1 && site[0] == "same-origin" {
			return nil
		}
		return fail(ErrClaim, "Sec-Fetch-Site", "the response was not posted by a page of the same origin: FragmentHandler has one")
	}
	origin := r.Header["Origin"]
	if u, err := parseFetchURL("", redirectURI, true); err == nil && len(origin) == 1 && origin[0] == originOf(u) {
		return nil
	}
	return fail(ErrClaim, "Origin", "the response was not posted by a page of the same origin: FragmentHandler has one")
}
