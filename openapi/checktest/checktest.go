// Package checktest holds what a handler does against an OpenAPI document, in
// both directions: nothing happens that the document does not tell, and what
// the document tells happens in some test.
package checktest

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"grapevine/engine/address"
	"grapevine/openapi"
)

// Document is an OpenAPI document and what was seen of it. Safe for concurrent
// use.
type Document struct {
	spec   *openapi3.T
	router routers.Router

	mu    sync.Mutex
	seen  map[answer]bool // guarded by mu
	shown map[field]bool  // guarded by mu
}

// field is one of an object in an answer.
type field struct {
	object *openapi3.Schema
	name   string
}

// answer is one status of an operation.
type answer struct {
	operation string // method and path, as documented
	status    int
}

func (a answer) String() string { return a.operation + " " + strconv.Itoa(a.status) }

// Open reads a document of package openapi, which must be a valid one.
func Open(name string) (*Document, error) {
	text, err := openapi.Documents.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return parse(text)
}

func init() {
	openapi3filter.RegisterBodyDecoder("text/javascript", openapi3filter.PlainBodyDecoder)
}

func parse(text []byte) (*Document, error) {
	loader := openapi3.NewLoader()
	spec, err := loader.LoadFromData(text)
	if err != nil {
		return nil, err
	}
	if err := spec.Validate(loader.Context); err != nil {
		return nil, err
	}
	router, err := gorillamux.NewRouter(spec)
	if err != nil {
		return nil, err
	}
	return &Document{spec: spec, router: router, seen: map[answer]bool{}, shown: map[field]bool{}}, nil
}

// options make the filter strict, and give formats a meaning.
func options() *openapi3filter.Options {
	formats := map[string]openapi3.StringFormatValidator{
		"uuid":  openapi3.NewRegexpFormatValidator(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`),
		"email": openapi3.NewCallbackValidator(checkWith(address.Valid)),
		"ipv4":  openapi3.NewCallbackValidator(checkWith(func(s string) bool { ip, err := netip.ParseAddr(s); return err == nil && ip.Is4() })),
		"ipv6":  openapi3.NewCallbackValidator(checkWith(func(s string) bool { ip, err := netip.ParseAddr(s); return err == nil && ip.Is6() })),
		"uri":   openapi3.NewCallbackValidator(checkWith(func(s string) bool { u, err := url.Parse(s); return err == nil && u.IsAbs() })),
	}
	return &openapi3filter.Options{
		IncludeResponseStatus:   true,
		SkipSettingDefaults:     true,
		AuthenticationFunc:      openapi3filter.NoopAuthenticationFunc,
		SchemaValidationOptions: []openapi3.SchemaValidationOption{openapi3.WithStringFormatValidators(formats)},
	}
}

func checkWith(valid func(string) bool) func(string) error {
	return func(s string) error {
		if !valid(s) {
			return fmt.Errorf("%q is none", s)
		}
		return nil
	}
}

// Watch fails the test for every exchange with next that the document does not
// allow: a path or method that it does not have and that is not refused (404,
// 405), a status or body that is not documented, and in calls that succeed
// also a parameter or field.
func (d *Document) Watch(t testing.TB, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("%s %s: read the body: %v", r.Method, r.URL, err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		got := httptest.NewRecorder()
		next.ServeHTTP(got, r)
		if err := d.check(r, body, got); err != nil {
			t.Errorf("%s %s answers %d, and its document does not say so: %v\n%s", r.Method, r.URL, got.Code, err, got.Body)
		}
		maps.Copy(w.Header(), got.Header())
		w.WriteHeader(got.Code)
		w.Write(got.Body.Bytes())
	})
}

// check holds one exchange against the document, and notes what was seen.
func (d *Document) check(sent *http.Request, body []byte, got *httptest.ResponseRecorder) error {
	r := sent.Clone(sent.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	head := r.Method == http.MethodHead
	if head {
		r.Method = http.MethodGet // HEAD is GET without a body
	}
	if len(body) > 0 && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json")
	}
	route, params, err := d.router.FindRoute(r)
	switch {
	case err == routers.ErrMethodNotAllowed && got.Code == http.StatusMethodNotAllowed:
		return nil
	case err == routers.ErrPathNotFound && got.Code == http.StatusNotFound:
		return nil
	case err != nil:
		return err
	}
	operation := route.Method + " " + route.Path
	request := &openapi3filter.RequestValidationInput{
		Request:    r,
		PathParams: params,
		Route:      route,
		Options:    options(),
	}
	if got.Code < 300 {
		if err := d.unlisted(r, body, route); err != nil {
			return err
		}
		if err := openapi3filter.ValidateRequest(r.Context(), request); err != nil {
			return err
		}
	}
	if head {
		if route.Operation.Responses.Status(got.Code) == nil {
			return errors.New("status is not supported")
		}
		return nil
	}
	response := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: request,
		Status:                 got.Code,
		Header:                 got.Header(),
		Options:                request.Options,
	}
	response.SetBodyBytes(got.Body.Bytes())
	if err := openapi3filter.ValidateResponse(r.Context(), response); err != nil {
		return err
	}
	d.note(answer{operation, got.Code})
	d.noteFields(route.Operation.Responses.Status(got.Code), got.Body.Bytes())
	return nil
}

// unlisted finds what the filter lets pass.
func (d *Document) unlisted(r *http.Request, body []byte, route *routers.Route) error {
	if len(body) > 0 && route.Operation.RequestBody == nil {
		return errors.New("it takes no body")
	}
	for name := range r.URL.Query() {
		if d.authenticates(name) {
			continue
		}
		if route.Operation.Parameters.GetByInAndName("query", name) == nil && route.PathItem.Parameters.GetByInAndName("query", name) == nil {
			return fmt.Errorf("it has no parameter %s", name)
		}
	}
	return nil
}

// authenticates reports whether a query parameter says who calls.
func (d *Document) authenticates(name string) bool {
	for _, scheme := range d.spec.Components.SecuritySchemes {
		if scheme.Value.In == openapi3.ParameterInQuery && scheme.Value.Name == name {
			return true
		}
	}
	return false
}

func (d *Document) note(a answer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen[a] = true
}

// noteFields notes which fields a valid answer has.
func (d *Document) noteFields(response *openapi3.ResponseRef, body []byte) {
	content := response.Value.Content.Get("application/json")
	var value any
	if content == nil || json.Unmarshal(body, &value) != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.noteValue(content.Schema.Value, value)
}

func (d *Document) noteValue(schema *openapi3.Schema, value any) {
	for _, part := range parts(schema) {
		switch value := value.(type) {
		case map[string]any:
			if !describes(part, value) {
				continue
			}
			for name, inner := range value {
				if property := part.Properties[name]; property != nil {
					d.shown[field{part, name}] = true
					d.noteValue(property.Value, inner)
				}
			}
		case []any:
			for _, item := range value {
				if part.Items != nil {
					d.noteValue(part.Items.Value, item)
				}
			}
		}
	}
}

// describes tells whether an object is what a part of a schema means, and not
// another part.
func describes(part *openapi3.Schema, object map[string]any) bool {
	for _, name := range part.Required {
		if _, ok := object[name]; !ok {
			return false
		}
	}
	closed := part.AdditionalProperties.Has != nil && !*part.AdditionalProperties.Has
	for name := range object {
		if closed && part.Properties[name] == nil {
			return false
		}
	}
	return true
}

// Unseen are the statuses and fields that are documented and that no answer
// had.
func (d *Document) Unseen() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var unseen []string
	for at, item := range d.spec.Paths.Map() {
		for method, operation := range item.Operations() {
			name := method + " " + at
			for status, response := range operation.Responses.Map() {
				told := name + " " + status
				if code, err := strconv.Atoi(status); err != nil || !d.seen[answer{name, code}] {
					unseen = append(unseen, told)
				}
				if content := response.Value.Content.Get("application/json"); content != nil {
					unseen = append(unseen, d.unshown(told, content.Schema.Value)...)
				}
			}
		}
	}
	slices.Sort(unseen)
	return slices.Compact(unseen)
}

// unshown are the fields of a schema that no answer had. What several answers
// have in common one of them has to show. A schema that stands within itself
// has been looked at already.
func (d *Document) unshown(at string, schema *openapi3.Schema, within ...*openapi3.Schema) (fields []string) {
	for _, part := range parts(schema) {
		if slices.Contains(within, part) {
			continue
		}
		within := append(slices.Clone(within), part)
		for name, property := range part.Properties {
			switch {
			case property.Value.Always != nil: // false: it is told to be missing
			case !d.shown[field{part, name}]:
				fields = append(fields, at+" "+name)
			default:
				fields = append(fields, d.unshown(at+" "+name, property.Value, within...)...)
			}
		}
		if part.Items != nil {
			fields = append(fields, d.unshown(at+"[]", part.Items.Value, within...)...)
		}
	}
	return fields
}

// Run runs the tests of a package, and then fails if a documented status was
// not seen. A run that leaves tests out proves nothing either way.
func (d *Document) Run(m *testing.M) (code int) {
	code = m.Run()
	if code != 0 || testing.Short() || given("test.run") || given("test.skip") || given("test.list") {
		return code
	}
	if unseen := d.Unseen(); len(unseen) > 0 {
		fmt.Fprintf(os.Stderr, "documented, and produced by no test:\n%s\n", strings.Join(unseen, "\n"))
		return 1
	}
	return code
}

func given(name string) bool {
	f := flag.Lookup(name)
	return f != nil && f.Value.String() != ""
}
