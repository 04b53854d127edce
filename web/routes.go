package web

import (
	"net/http"
	"path"
	"slices"
	"strings"
)

// Routes are the endpoints of a facade, by method and path. Whatever else is
// asked for is answered in the facade's own shape, which http.ServeMux would
// answer in text or redirect with HTML.
type Routes struct {
	fail    Fail
	unknown HandlerFunc
	refuse  func(allow string) HandlerFunc

	mux   *http.ServeMux
	paths *http.ServeMux      // the same paths under any method
	allow map[string][]string // path -> its methods
}

// NewRoutes makes an empty table. fail answers the errors of all endpoints,
// unknown answers paths that there are not, and refuse makes what answers a
// path that is there under other methods.
func NewRoutes(fail Fail, unknown HandlerFunc, refuse func(allow string) HandlerFunc) *Routes {
	r := &Routes{
		fail: fail, unknown: unknown, refuse: refuse,
		mux: http.NewServeMux(), paths: http.NewServeMux(), allow: map[string][]string{},
	}
	r.mux.Handle("/", Handle(r.rest, fail))
	return r
}

// Add routes an endpoint, such as "GET /users/{id}".
func (s *Routes) Add(pattern string, h HandlerFunc) {
	s.mux.Handle(pattern, Handle(h, s.fail))
	method, at, _ := strings.Cut(pattern, " ")
	if s.allow[at] == nil {
		s.paths.Handle(at, http.NotFoundHandler()) // it is only looked up
	}
	if s.allow[at] = append(s.allow[at], method); method == http.MethodGet {
		s.allow[at] = append(s.allow[at], http.MethodHead)
	}
}

// ServeHTTP answers a request.
func (s *Routes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path.Clean(r.URL.Path) != r.URL.Path {
		r.Pattern = "/"
		Handle(s.unknown, s.fail).ServeHTTP(w, r)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// rest answers what no endpoint does.
func (s *Routes) rest(w http.ResponseWriter, r *http.Request) error {
	_, at := s.paths.Handler(r)
	if at == "" {
		return s.unknown(w, r)
	}
	allow := slices.Clone(s.allow[at])
	slices.Sort(allow)
	return s.refuse(strings.Join(allow, ", "))(w, r)
}
