package checktest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const faulty = `
openapi: 3.1.0
info: {title: Shop, version: "1"}
servers: [{url: /}]
paths:
  /things:
    get:
      parameters:
        - {name: size, in: query, schema: {type: integer, maximum: 9}}
        - {name: by, in: query, required: true, schema: {type: string, format: email}}
      responses: {"200": {description: All of them.}}
    post:
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              additionalProperties: false
              required: [name, tags]
              properties:
                name: {type: string, minLength: 1}
                age: {type: [integer, "null"], minimum: 0}
                kind: {anyOf: [{type: string, enum: [new, old]}, {type: "null"}]}
                tags: {type: array, maxItems: 2, items: {type: object, required: [key], properties: {key: {type: number, exclusiveMinimum: 0}}}}
                more: {type: object, additionalProperties: {type: [string, "null"]}}
                note: {type: [string, "null"], minLength: 1}
      responses: {"201": {description: Made.}}
  /things/{id}:
    put:
      parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
      requestBody:
        content:
          application/json:
            schema:
              anyOf:
                - {type: object, required: [thing], properties: {thing: {$ref: "#/components/schemas/thing"}}}
                - {$ref: "#/components/schemas/thing"}
      responses: {"200": {description: Changed.}}
components:
  schemas:
    thing:
      type: object
      properties:
        thing: false
        parts: {anyOf: [{type: array, items: {type: string}}, {type: object, required: [part], properties: {part: {type: string}}}, {type: "null"}]}
`

func TestFaultsAreWhatTheDocumentTells(t *testing.T) {
	t.Parallel()
	d, err := parse([]byte(faulty))
	if err != nil {
		t.Fatal(err)
	}
	made := func(method, target, body string) (all []string) {
		t.Helper()
		faults, err := d.Faults(method, target, body)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range faults {
			changed := f.Body
			if f.Target != target {
				changed = strings.TrimPrefix(f.Target, "/things?")
			}
			all = append(all, fmt.Sprintf("%s: %s", f.Kind, changed))
		}
		return all
	}
	expect := func(got []string, want ...string) {
		t.Helper()
		for _, w := range want {
			if !slices.Contains(got, w) {
				t.Errorf("nobody tries %s", w)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%d faults, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
		}
	}
	expect(made("GET", "/things?by=a%40b.com&size=3", ""),
		"bad parameter: by=a%40b.com&size=10",
		"bad parameter: by=a%40b.com&size=many",
		"missing parameter: size=3",
		"missing parameter: by=&size=3",
		"bad parameter: by=no-email&size=3",
	)
	const sent = `{"age":1,"kind":"new","more":{},"name":"a","note":"n","tags":[{"key":1}]}`
	instead := func(kind, was, is string) string { return kind + ": " + strings.Replace(sent, was, is, 1) }
	expect(made("POST", "/things", sent),
		"wrong type: 7",
		instead("fine", `"age":1,`, ``), instead("fine", `"age":1`, `"age":null`),
		instead("wrong type", `"age":1`, `"age":"text"`), instead("wrong type", `"age":1`, `"age":1.5`), instead("bad value", `"age":1`, `"age":-1`),
		instead("fine", `"kind":"new",`, ``), instead("fine", `"new"`, `null`), instead("fine", `"new"`, `""`),
		instead("wrong type", `"new"`, `7`), instead("bad value", `"new"`, `"no-such-value"`),
		instead("fine", `"more":{},`, ``), instead("fine", `"more":{}`, `"more":null`), instead("wrong type", `"more":{}`, `"more":7`),
		instead("wrong type", `"more":{}`, `"more":{"more":7}`),
		instead("missing field", `"name":"a",`, ``), instead("missing field", `"a"`, `null`), instead("missing field", `"a"`, `""`), instead("wrong type", `"a"`, `7`),
		instead("fine", `,"note":"n"`, ``), instead("fine", `"n"`, `null`), instead("bad value", `"n"`, `""`), instead("wrong type", `"n"`, `7`),
		instead("missing field", `,"tags":[{"key":1}]`, ``), instead("missing field", `[{"key":1}]`, `null`), instead("wrong type", `[{"key":1}]`, `7`),
		instead("bad value", `[{"key":1}]`, `[{"key":1},{"key":1},{"key":1}]`),
		instead("wrong type", `{"key":1}`, `7`),
		instead("missing field", `{"key":1}`, `{}`), instead("missing field", `{"key":1}`, `{"key":null}`), instead("wrong type", `{"key":1}`, `{"key":"text"}`),
		instead("bad value", `{"key":1}`, `{"key":0}`), instead("bad value", `{"key":1}`, `{"key":-1}`),
	)
}

// Where a body may have several shapes, faults are of the shape that is sent.
func TestFaultsAreOfTheShapeThatIsSent(t *testing.T) {
	t.Parallel()
	d, err := parse([]byte(faulty))
	if err != nil {
		t.Fatal(err)
	}
	for sent, want := range map[string][]string{
		`{"parts":["a"]}`:        {`fine: {}`, `fine: {"parts":null}`, `wrong type: 7`, `wrong type: {"parts":7}`, `wrong type: {"parts":[7]}`},
		`{"parts":{"part":"a"}}`: {`fine: {}`, `fine: {"parts":null}`, `missing field: {"parts":{"part":""}}`, `missing field: {"parts":{"part":null}}`, `missing field: {"parts":{}}`, `wrong type: 7`, `wrong type: {"parts":7}`, `wrong type: {"parts":{"part":7}}`},
		`{"thing":{"parts":["a"]}}`: {`missing field: {"thing":null}`, `missing field: {}`, `wrong type: 7`, `wrong type: {"thing":7}`, `fine: {"thing":{}}`, `fine: {"thing":{"parts":null}}`,
			`wrong type: {"thing":{"parts":7}}`, `wrong type: {"thing":{"parts":[7]}}`},
	} {
		faults, err := d.Faults("PUT", "/things/{id}", sent)
		if err != nil {
			t.Errorf("%s: %v", sent, err)
		}
		var got []string
		for _, f := range faults {
			got = append(got, fmt.Sprintf("%s: %s", f.Kind, f.Body))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", sent, got, want)
		}
	}
}

func TestFaultsNeedAllThatIsDocumented(t *testing.T) {
	t.Parallel()
	d, err := parse([]byte(faulty))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ method, target, body string }{
		{"GET", "/things?size=3", ""},
		{"PUT", "/things", ""},
		{"GET", "/nothing", ""},
		{"POST", "/things", "{"},
		{"POST", "/things", `{"age":1,"kind":"new","more":{},"name":"a","note":"n"}`},
		{"POST", "/things", `{"age":1,"kind":"new","more":{},"name":"a","note":"n","tags":[]}`},
	} {
		if faults, err := d.Faults(c.method, c.target, c.body); err == nil {
			t.Errorf("%s %s %s: %d faults, want an error", c.method, c.target, c.body, len(faults))
		}
	}
}
