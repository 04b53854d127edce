package projectfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"grapevine/model"
)

// Complete is the file as JSON: same names, nesting and order, with every id,
// UUID, code and key that the file leaves out, as applying p filled them in,
// and with the account's id and public key. It is a project file itself, and
// applying it changes nothing.
func (f *File) Complete(p *model.Project, applied *model.Applied) ([]byte, error) {
	root := f.root.clone()
	c := &completer{}
	c.fill(root, "slug", p.Settings.Slug)
	c.keys(root, p, applied)
	c.each(root, "coupons", len(p.Batches), func(n *node, i int) {
		c.fill(n, "id", p.Batches[i].ID)
	})
	c.each(root, "redemptions", len(p.Settings.Redemption), func(n *node, i int) {
		c.fill(n, "id", p.Settings.Redemption[i].ID)
	})
	c.each(root, "tiers", len(p.Settings.Tiers), func(n *node, i int) {
		c.fill(n, "id", p.Settings.Tiers[i].ID)
	})
	c.each(root, "campaigns", len(p.Campaigns), func(n *node, i int) {
		c.campaign(n, &p.Campaigns[i])
	})
	c.set(root, "account_id", applied.Account)
	if c.err != nil {
		return nil, c.err
	}
	var compact, out bytes.Buffer
	root.writeJSON(&compact)
	if err := json.Indent(&out, compact.Bytes(), "", "  "); err != nil {
		return nil, fmt.Errorf("write the completed file: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// completer fills in a tree that is its own.
type completer struct{ err error }

func (c *completer) keys(root *node, p *model.Project, applied *model.Applied) {
	keys := c.section(root, "keys")
	narrow := 0
	for _, k := range p.Keys {
		at := slices.IndexFunc(keyFields, func(f keyField) bool { return f.use() == k.Use })
		if at < 0 || len(k.Permissions) > 0 {
			c.fill(root.get("prefinery_keys").items[narrow], "api_key", k.Value)
			narrow++
			continue
		}
		f := keyFields[at]
		c.fill(c.section(keys, f.dialect), f.name, k.Value)
	}
	c.set(c.section(keys, "friendbuy"), "public_key", applied.PublicKey)
}

func (c *completer) campaign(n *node, campaign *model.Campaign) {
	c.fill(n, "id", campaign.ID)
	c.fill(n, "uuid", campaign.UUID)
	c.fill(n, "code", campaign.Code)
	c.fill(n, "project_token", campaign.ProjectToken)
	c.each(n, "questions", len(campaign.Questions), func(n *node, i int) {
		c.fill(n, "id", campaign.Questions[i].ID)
	})
	c.each(n, "rewards", len(campaign.Rules), func(n *node, i int) {
		c.fill(n, "descriptor", campaign.Rules[i].Descriptor)
		c.fill(n, "id", campaign.Rules[i].ID)
	})
	c.each(n, "widgets", len(campaign.Widgets), func(n *node, i int) {
		c.fill(n, "id", campaign.Widgets[i].ID)
	})
}

// each calls fill for the entries of a list, which the project has in the same
// order.
func (c *completer) each(n *node, name string, count int, fill func(n *node, i int)) {
	entries := n.get(name)
	if entries == nil || entries.kind == null {
		return
	}
	if len(entries.items) != count {
		c.err = fmt.Errorf("complete %s: the file has %d, the project %d", name, len(entries.items), count)
		return
	}
	for i, item := range entries.items {
		fill(item, i)
	}
}

// section returns the mapping of a name, which it makes where it is left out.
func (c *completer) section(n *node, name string) *node {
	if have := n.get(name); have != nil && have.kind == mapping {
		return have
	}
	made := &node{kind: mapping}
	n.put(name, made)
	return made
}

// fill gives a name a value where the file has none.
func (c *completer) fill(n *node, name string, value any) {
	if have := n.get(name); have == nil || have.empty() {
		c.set(n, name, value)
	}
}

func (c *completer) set(n *node, name string, value any) {
	made := &node{kind: text, text: fmt.Sprint(value)}
	if _, isText := value.(string); !isText {
		made.kind = number
	}
	n.put(name, made)
}

// put sets a value in its place, or appends it.
func (n *node) put(name string, value *node) {
	for i := range n.entries {
		if n.entries[i].name == name {
			n.entries[i].value = value
			return
		}
	}
	n.entries = append(n.entries, entry{name: name, value: value})
}

func (n *node) clone() *node {
	c := *n
	c.items = make([]*node, len(n.items))
	for i, item := range n.items {
		c.items[i] = item.clone()
	}
	c.entries = make([]entry, len(n.entries))
	for i, e := range n.entries {
		c.entries[i] = entry{name: e.name, line: e.line, value: e.value.clone()}
	}
	return &c
}

// writeJSON writes a checked tree: its numbers are numbers of JSON.
func (n *node) writeJSON(out *bytes.Buffer) {
	switch n.kind {
	case null:
		out.WriteString("null")
	case boolean:
		if n.text[0] == 't' || n.text[0] == 'T' {
			out.WriteString("true")
		} else {
			out.WriteString("false")
		}
	case number:
		out.WriteString(n.text)
	case text:
		writeString(out, n.text)
	case list:
		out.WriteByte('[')
		for i, item := range n.items {
			if i > 0 {
				out.WriteByte(',')
			}
			item.writeJSON(out)
		}
		out.WriteByte(']')
	case mapping:
		out.WriteByte('{')
		for i, e := range n.entries {
			if i > 0 {
				out.WriteByte(',')
			}
			writeString(out, e.name)
			out.WriteByte(':')
			e.value.writeJSON(out)
		}
		out.WriteByte('}')
	}
}

// writeString leaves <, > and & as they are: an address stays readable.
func writeString(out *bytes.Buffer, s string) {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(s) // a string in a buffer cannot fail
	out.Truncate(out.Len() - 1)
}
