package checktest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

const document = `
openapi: 3.1.0
info: {title: Shop, version: "1"}
servers: [{url: /}]
paths:
  /things:
    get:
      parameters: [{name: size, in: query, schema: {type: integer, maximum: 9}}]
      responses:
        "200": &things
          description: All of them.
          content:
            application/json:
              schema:
                type: object
                additionalProperties: false
                required: [at]
                properties:
                  at: {$ref: "#/components/schemas/time"}
                  by: {type: string, format: email}
        "429":
          description: Too many.
          headers: {Retry-After: {required: true, schema: {type: integer}}}
    post:
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              additionalProperties: false
              required: [name]
              properties: {name: {type: string, minLength: 1}, owner: {type: [string, "null"], anyOf: [{format: uuid}, {const: ""}]}}
      responses: {"201": *things, "400": {description: Refused.}}
components:
  schemas:
    time: {type: string, format: date-time}
`

// exchange is one request and what is answered.
type exchange struct {
	method, target, sent string
	status               int
	answer, header       string
}

func (e exchange) against(t testing.TB, d *Document) error {
	t.Helper()
	got := httptest.NewRecorder()
	got.Header().Set("Content-Type", "application/json")
	if name, value, ok := strings.Cut(e.header, ": "); ok {
		got.Header().Set(name, value)
	}
	got.WriteHeader(e.status)
	io.WriteString(got, e.answer)
	return d.check(httptest.NewRequest(e.method, e.target, nil), []byte(e.sent), got)
}

func TestCheckFinds(t *testing.T) {
	t.Parallel()
	const noon = `{"at":"2026-03-01T12:00:00.000Z"}`
	for _, c := range []struct {
		name string
		exchange
		want string // "" where the document allows it
	}{
		{"as documented", exchange{"GET", "/things?size=9", "", 200, noon, ""}, ""},
		{"HEAD for GET", exchange{"HEAD", "/things", "", 200, "", ""}, ""},
		{"a body as documented", exchange{"POST", "/things", `{"name":"a","owner":""}`, 201, noon, ""}, ""},
		{"a null", exchange{"POST", "/things", `{"name":"a","owner":null}`, 201, noon, ""}, ""},
		{"a refused body", exchange{"POST", "/things", `{`, 400, "", ""}, ""},
		{"an unknown path, refused", exchange{"GET", "/thing", "", 404, "", ""}, ""},
		{"another method, refused", exchange{"PUT", "/things", "", 405, "", ""}, ""},
		{"a header as documented", exchange{"GET", "/things", "", 429, "", "Retry-After: 3"}, ""},

		{"an unknown path, answered", exchange{"GET", "/thing", "", 200, noon, ""}, "no matching"},
		{"another method, answered", exchange{"PUT", "/things", "", 200, noon, ""}, "method not allowed"},
		{"an unknown status", exchange{"GET", "/things", "", 422, "{}", ""}, "status is not supported"},
		{"a missing field", exchange{"GET", "/things", "", 200, `{}`, ""}, "at"},
		{"an unknown field", exchange{"GET", "/things", "", 200, `{"at":"2026-03-01T12:00:00.000Z","on":1}`, ""}, "on"},
		{"a wrong format", exchange{"GET", "/things", "", 200, `{"at":"noon"}`, ""}, "date-time"},
		{"a wrong address", exchange{"GET", "/things", "", 200, `{"at":"2026-03-01T12:00:00.000Z","by":"ann"}`, ""}, "ann"},
		{"no JSON", exchange{"GET", "/things", "", 200, `at noon`, ""}, "decode"},
		{"an unknown parameter", exchange{"GET", "/things?page=2", "", 200, noon, ""}, "page"},
		{"a parameter out of range", exchange{"GET", "/things?size=10", "", 200, noon, ""}, "size"},
		{"an unknown field sent", exchange{"POST", "/things", `{"name":"a","colour":"red"}`, 201, noon, ""}, "colour"},
		{"a missing field sent", exchange{"POST", "/things", `{"owner":""}`, 201, noon, ""}, "name"},
		{"a wrong UUID sent", exchange{"POST", "/things", `{"name":"a","owner":"me"}`, 201, noon, ""}, "owner"},
		{"a body where none is", exchange{"GET", "/things", `{"name":"a"}`, 200, noon, ""}, "body"},
		{"a missing header", exchange{"GET", "/things", "", 429, "", ""}, "Retry-After"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d, err := parse([]byte(document))
			if err != nil {
				t.Fatal(err)
			}
			err = c.against(t, d)
			switch {
			case c.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want something about %q", err, c.want)
			}
		})
	}
}

func TestUnseenIsWhatNobodyProduced(t *testing.T) {
	t.Parallel()
	d, err := parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	expect := func(want ...string) {
		t.Helper()
		if got := d.Unseen(); !slices.Equal(got, want) {
			t.Errorf("unseen: %q, want %q", got, want)
		}
	}
	expect("GET /things 200", "GET /things 200 at", "GET /things 200 by", "GET /things 429",
		"POST /things 201", "POST /things 201 at", "POST /things 201 by", "POST /things 400")
	for _, e := range []exchange{
		{"GET", "/things", "", 200, `{"at":"2026-03-01T12:00:00.000Z"}`, ""},
		{"POST", "/things", "{", 400, "", ""},
		{"POST", "/things", `{"name":1}`, 201, `{"at":"2026-03-01T12:00:00.000Z"}`, ""}, // not allowed, so not seen
	} {
		e.against(t, d)
	}
	expect("GET /things 200 by", "GET /things 429", "POST /things 201", "POST /things 201 at", "POST /things 201 by")
	exchange{"GET", "/things", "", 200, `{"at":"2026-03-01T12:00:00.000Z","by":"a@example.com"}`, ""}.against(t, d)
	expect("GET /things 429", "POST /things 201", "POST /things 201 at", "POST /things 201 by")
}

// A field counts for the part of a schema that the object is.
func TestFieldsAreSeenInTheirPart(t *testing.T) {
	t.Parallel()
	d, err := parse([]byte(`
openapi: 3.1.0
info: {title: Shop, version: "1"}
servers: [{url: /}]
paths:
  /things:
    get:
      responses:
        "200":
          description: Things, or what is wrong.
          content:
            application/json:
              schema:
                oneOf:
                  - {type: array, items: {type: object, additionalProperties: false, required: [id], properties: {id: {type: integer}, error: {type: string}}}}
                  - {type: object, additionalProperties: false, required: [error], properties: {error: {type: string}}}
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		answer string
		want   []string
	}{
		{`[]`, []string{"GET /things 200 error", "GET /things 200[] error", "GET /things 200[] id"}},
		{`{"error":"none"}`, []string{"GET /things 200[] error", "GET /things 200[] id"}},
		{`[{"id":1},{"id":2,"error":"late"}]`, nil},
	} {
		if err := (exchange{"GET", "/things", "", 200, step.answer, ""}).against(t, d); err != nil {
			t.Error(err)
		}
		if got := d.Unseen(); !slices.Equal(got, step.want) {
			t.Errorf("after %s: %q, want %q", step.answer, got, step.want)
		}
	}
}

// A document may tell of a thing that stands within a thing of its kind.
func TestWhatStandsWithinItselfIsLookedAtOnce(t *testing.T) {
	t.Parallel()
	d, err := parse([]byte(`
openapi: 3.1.0
info: {title: Things, version: "1"}
paths:
  /things:
    get:
      responses:
        "200":
          description: A thing.
          content: {application/json: {schema: {$ref: "#/components/schemas/thing"}}}
components:
  schemas:
    thing:
      type: object
      additionalProperties: false
      properties: {id: {type: integer}, of: {anyOf: [{$ref: "#/components/schemas/thing"}, {type: "null"}]}}
`))
	if err != nil {
		t.Fatal(err)
	}
	if err := (exchange{"GET", "/things", "", 200, `{"of":{"id":1,"of":null}}`, ""}).against(t, d); err != nil {
		t.Error(err)
	}
	if got := d.Unseen(); len(got) != 0 {
		t.Errorf("unseen: %v", got)
	}
}

func TestWatchPassesAnAnswerOn(t *testing.T) {
	t.Parallel()
	d, err := parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	var read string
	watched := d.Watch(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		read = string(body)
		w.Header().Set("X-Id", "7")
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, "no")
	}))
	w := httptest.NewRecorder()
	watched.ServeHTTP(w, httptest.NewRequest("POST", "/things", strings.NewReader("{")))
	if w.Code != 400 || w.Body.String() != "no" || w.Header().Get("X-Id") != "7" || read != "{" {
		t.Errorf("got %d %q %v after %q", w.Code, w.Body, w.Header(), read)
	}
}
