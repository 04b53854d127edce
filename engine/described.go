package engine

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"grapevine/engine/sheet"
	"grapevine/store"
)

// describe takes what else was sent of people onto the sheet, from the first
// question about it on: it may be more than all the rest, and few ask for it.
func (p *projection) describe(tx *store.Tx, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.described {
		return nil
	}
	p.described = true
	err := p.read(tx, now)
	p.described = err == nil
	return err
}

// partsOf are the values of an object, folded, in the order of their names;
// what is no text is as JSON writes it, and null is nothing.
func partsOf(body string) string {
	var values map[string]any
	if body == "" || json.Unmarshal([]byte(body), &values) != nil {
		return ""
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		part, isText := values[name].(string)
		if !isText && values[name] != nil {
			part = string(mustJSON(values[name]))
		}
		if part = strings.ReplaceAll(part, sheet.Part, ""); part != "" {
			parts = append(parts, strings.ToLower(part))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return sheet.Part + strings.Join(parts, sheet.Part) + sheet.Part
}
