package link

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
)

//go:embed page.html
var pageHTML string

var pages = template.Must(template.New("page").Parse(pageHTML))

// page is what a visitor sees who is not sent on.
type page struct {
	Title, Text string
	Button      string // of a form that is sent back to the same address; may be empty
	Onward      string // an address to go on to; may be empty
	Reference   string // for the operator; may be empty
}

// show answers with a page that loads nothing from anywhere.
func show(w http.ResponseWriter, status int, p page) {
	var b bytes.Buffer
	if err := pages.Execute(&b, p); err != nil {
		http.Error(w, p.Title, status)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'")
	header.Set("Referrer-Policy", "no-referrer")
	header["Cache-Control"] = noStore
	header["X-Robots-Tag"] = noIndex
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // a visitor who left misses nothing
}
