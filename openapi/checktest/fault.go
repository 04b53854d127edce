package checktest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// Kind is what is wrong with a request.
type Kind string

const (
	// Fine is a request that lacks something it need not have.
	Fine             Kind = "fine"
	MissingField     Kind = "missing field"
	WrongType        Kind = "wrong type"
	BadValue         Kind = "bad value"
	MissingParameter Kind = "missing parameter"
	BadParameter     Kind = "bad parameter"
)

// Fault is a request that differs in one thing from one that succeeds.
type Fault struct {
	Kind   Kind
	What   string
	Target string
	Body   string
}

// Faults makes of a request that succeeds all those that the document tells to
// be wrong, and those that it tells to be fine still. The request must have
// all that is documented, or else there would be something that was not tried.
func (d *Document) Faults(method, target, body string) ([]Fault, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	item := d.spec.Paths.Find(u.Path) // also as the document writes it, with {names}
	if item == nil || item.GetOperation(method) == nil {
		return nil, fmt.Errorf("%s %s is not documented", method, u.Path)
	}
	operation := item.GetOperation(method)
	m := &maker{}
	for _, p := range operation.Parameters {
		if p.Value.In != openapi3.ParameterInQuery {
			continue
		}
		if err := m.parameter(*u, body, p.Value); err != nil {
			return nil, err
		}
	}
	if operation.RequestBody == nil {
		return m.faults, nil
	}
	var sent any
	if err := json.Unmarshal([]byte(body), &sent); err != nil {
		return nil, err
	}
	schema := operation.RequestBody.Value.Content.Get("application/json").Schema.Value
	err = m.value("", schema, sent, func(kind Kind, what string, changed any) {
		text, err := json.Marshal(changed)
		if err != nil {
			panic(err) // it came out of JSON
		}
		m.faults = append(m.faults, Fault{kind, what, target, string(text)})
	})
	return m.faults, err
}

// maker gathers faults.
type maker struct{ faults []Fault }

// change takes a value that has one thing wrong, within all of the body.
type change func(kind Kind, what string, changed any)

func (m *maker) parameter(u url.URL, body string, p *openapi3.Parameter) error {
	sent := u.Query()
	if !sent.Has(p.Name) && p.Required {
		return fmt.Errorf("the request has no %s", p.Name)
	}
	with := func(kind Kind, what string, values ...string) {
		query := maps.Clone(sent)
		query[p.Name] = values
		changed := u
		changed.RawQuery = query.Encode()
		m.faults = append(m.faults, Fault{kind, p.Name + " " + what, changed.String(), body})
	}
	if p.Required {
		with(MissingParameter, "missing")
		with(MissingParameter, "empty", "")
	}
	for _, bad := range badValues(p.Schema.Value, nil) {
		with(BadParameter, fmt.Sprint(bad), fmt.Sprint(bad))
	}
	if permits(p.Schema.Value, "integer") || permits(p.Schema.Value, "boolean") {
		with(BadParameter, "no such type", "many")
	}
	return nil
}

// value makes faults of one value and of what is in it.
func (m *maker) value(at string, schema *openapi3.Schema, sent any, with change) error {
	if wrong, ok := wrongType(schema); ok {
		with(WrongType, at+" "+fmt.Sprintf("%T", wrong), wrong)
	}
	if permits(schema, "integer") && !permits(schema, "number") {
		with(WrongType, at+" no whole number", 1.5)
	}
	for _, bad := range badValues(schema, sent) {
		with(BadValue, at+" "+short(bad), bad)
	}
	switch sent := sent.(type) {
	case map[string]any:
		schema = described(schema, sent)
		if more := schema.AdditionalProperties.Schema; more != nil {
			return m.more(at, more.Value, sent, with)
		}
		if at != "" {
			at += "."
		}
		return m.fields(at, schema, sent, with)
	case []any:
		if len(sent) == 0 {
			return fmt.Errorf("the request's %s is empty", at)
		}
		schema = described(schema, sent)
		return m.value(at+"[0]", schema.Items.Value, sent[0], func(kind Kind, what string, changed any) {
			items := slices.Clone(sent)
			items[0] = changed
			with(kind, what, items)
		})
	}
	return nil
}

// fields makes faults of an object's fields.
func (m *maker) fields(at string, schema *openapi3.Schema, sent map[string]any, with change) error {
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		if schema.Properties[name].Value.Always != nil {
			continue // false: it is told to be missing
		}
		value, ok := sent[name]
		if !ok {
			return fmt.Errorf("the request has no %s", at+name)
		}
		property := schema.Properties[name].Value
		set := func(kind Kind, what string, changed any) {
			object := maps.Clone(sent)
			object[name] = changed
			with(kind, what, object)
		}
		without := maps.Clone(sent)
		delete(without, name)
		if slices.Contains(schema.Required, name) {
			with(MissingField, at+name+" missing", without)
			set(MissingField, at+name+" null", nil)
			if permits(property, "string") {
				set(MissingField, at+name+" empty", "")
			}
		} else {
			with(Fine, at+name+" missing", without)
			set(Fine, at+name+" null", nil)
			if permits(property, "string") {
				kind := Fine
				if property.MinLength > 0 {
					kind = BadValue
				}
				set(kind, at+name+" empty", "")
			}
		}
		if err := m.value(at+name, property, value, set); err != nil {
			return err
		}
	}
	return nil
}

// described is the part of a schema that says what is in an object or a list;
// the schema itself where no part does.
func described(schema *openapi3.Schema, sent any) *openapi3.Schema {
	for _, part := range parts(schema) {
		switch sent := sent.(type) {
		case map[string]any:
			if len(part.Properties) > 0 && describes(part, sent) {
				return part
			}
		case []any:
			if part.Items != nil {
				return part
			}
		}
	}
	return schema
}

// more makes faults of an object whose fields have any name.
func (m *maker) more(at string, schema *openapi3.Schema, sent map[string]any, with change) error {
	wrong, ok := wrongType(schema)
	if !ok {
		return nil
	}
	object := maps.Clone(sent)
	object["more"] = wrong
	with(WrongType, at+".more "+fmt.Sprintf("%T", wrong), object)
	return nil
}

// wrongType is a value of a type that the schema does not permit.
func wrongType(schema *openapi3.Schema) (any, bool) {
	for _, c := range []struct {
		name  string
		value any
	}{
		{"integer", 7}, {"string", "text"}, {"boolean", true}, {"object", map[string]any{}}, {"array", []any{}},
	} {
		if !permits(schema, c.name) {
			return c.value, true
		}
	}
	return nil, false
}

// permits looks for a type in a schema that may say it in its parts.
func permits(schema *openapi3.Schema, kind string) bool {
	known := false
	for _, part := range parts(schema) {
		if part.Type != nil {
			known = true
			if part.Type.Includes(kind) || kind == "integer" && part.Type.Includes("number") {
				return true
			}
		}
		for _, value := range part.Enum {
			known = true
			if _, ok := value.(string); ok && kind == "string" {
				return true
			}
		}
	}
	return !known
}

// badValues are of the right type and cannot be.
func badValues(schema *openapi3.Schema, sent any) (bad []any) {
	for _, part := range parts(schema) {
		switch {
		case len(part.Enum) > 0:
			bad = append(bad, "no-such-value")
		case part.Format != "" && permits(schema, "string"):
			bad = append(bad, "no-"+part.Format)
		case part.Pattern != "":
			bad = append(bad, "no-match")
		}
		if part.Min != nil {
			bad = append(bad, *part.Min-1)
		}
		if part.Max != nil {
			bad = append(bad, *part.Max+1)
		}
		if part.ExclusiveMin.Value != nil {
			bad = append(bad, *part.ExclusiveMin.Value, *part.ExclusiveMin.Value-1)
		}
		if items, ok := sent.([]any); ok && len(items) > 0 && part.MaxItems != nil {
			bad = append(bad, slices.Repeat(items[:1], int(*part.MaxItems)+1))
		}
	}
	return bad
}

// parts are a schema and what it is put together of.
func parts(schema *openapi3.Schema) []*openapi3.Schema {
	all := []*openapi3.Schema{schema}
	for _, more := range slices.Concat(schema.AllOf, schema.AnyOf, schema.OneOf) {
		all = append(all, parts(more.Value)...)
	}
	return all
}

// short keeps the name of a fault readable.
func short(value any) string {
	text := fmt.Sprint(value)
	if len(text) > 40 {
		text = text[:40] + "…"
	}
	return strings.ReplaceAll(text, "\n", " ")
}
