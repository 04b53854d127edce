package app

import (
	"net/http"
	"path"
	"strings"

	"grapevine/openapi"
)

// documents answers /openapi/{dialect}.yaml. Anybody may read them, also pages
// of other sites that show such documents.
func documents(w http.ResponseWriter, r *http.Request) {
	text, err := openapi.Documents.ReadFile(strings.TrimPrefix(r.URL.Path, "/openapi/"))
	if err != nil || path.Dir(r.URL.Path) != "/openapi" {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "application/yaml")
	w.Header().Set("Access-Control-Allow-Origin", "*")
	// Where the answer cannot be sent, there is nobody left to tell.
	_, _ = w.Write(text)
}
