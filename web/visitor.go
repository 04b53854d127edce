package web

import "net/http"

// visitorCookie is the cookie by which a visitor is known again.
const visitorCookie = "gv"

// VisitorCookie is what a visitor is known by, "" for who brings nothing.
func VisitorCookie(r *http.Request) string {
	if cookie, err := r.Cookie(visitorCookie); err == nil {
		return cookie.Value
	}
	return ""
}

// SetVisitorCookie lets a visitor be known again, as long as browsers keep a
// cookie: 400 days. Over HTTPS it goes along when a merchant's page calls from
// another site; browsers want the word None for that, and take it over HTTPS
// only. It says nothing but which browser this is.
func SetVisitorCookie(w http.ResponseWriter, r *http.Request, value string) {
	cookie := visitorCookie + "=" + value + "; Path=/; Max-Age=34560000; HttpOnly; SameSite="
	if Secure(r) {
		cookie += "None; Secure"
	} else {
		cookie += "Lax"
	}
	w.Header()["Set-Cookie"] = []string{cookie}
}
