package projectfile

import (
	"slices"

	"grapevine/model"
)

// keyField is one key of a dialect: its use is its path below keys.
type keyField struct {
	dialect, name string
	form          model.KeyForm
	secret        bool // only read, never looked up by
	check         check
}

var (
	anUUID = model.KeyForm{UUID: true}
	random = model.KeyForm{Hex: 40}
)

// keyFields are the keys that every account has, in the file's order.
var keyFields = []keyField{
	{"friendbuy", "merchant_id", anUUID, false, isUUID},
	{"friendbuy", "key", anUUID, false, plain},
	{"friendbuy", "secret", anUUID, true, plain},
	{"friendbuy", "signing_secret", random, true, plain},
	{"referral_factory", "token", random, false, tokenForm},
	{"referral_factory", "inbound_token", random, false, segmentForm},
	{"irefer", "license_key", model.KeyForm{Prefix: "W4qL", Hex: 28}, false, licenseForm},
	{"irefer", "api_key", random, true, plain},
	{"prefinery", "api_key", random, false, tokenForm},
	{"prefinery", "signing_secret", random, true, plain},
	{"prefinery", "identity_secret", random, true, plain},
	{"prefinery", "decoder_key", random, true, plain},
	{"mail", "events_token", random, false, segmentForm},
}

// use is by what name a key is looked up.
func (f keyField) use() string { return f.dialect + "." + f.name }

// narrowKeyUse is the use of prefinery_keys: they are sent in the same place
// as the key with all permissions.
const narrowKeyUse = "prefinery.api_key"

// permissions are what a narrower key may be allowed.
var permissions = []string{
	"projects:read", "projects:delete", "users:create", "users:read", "users:update", "users:delete",
	"rewards:create", "rewards:read", "rewards:update", "suppressions:create", "suppressions:read", "suppressions:delete",
	"friend_invitations:create", "points:create", "points:read",
}

// keys reads the keys of all dialects. Those that are left out are in the
// project without a value.
func (r *reader) keys(s section, p *model.Project) {
	all := s.section("keys")
	sections := map[string]section{}
	for _, f := range keyFields {
		c, opened := sections[f.dialect]
		if !opened {
			c = all.section(f.dialect)
			sections[f.dialect] = c
		}
		p.Keys = append(p.Keys, model.Key{
			Use: f.use(), Value: c.secretText(f.name, f.check), Form: f.form, Secret: f.secret, Path: join(c.path, f.name),
		})
	}
	sections["friendbuy"].text("public_key") // shown by apply, never read

	used, unnamed := newUnique(r), newUnique(r)
	for _, k := range p.Keys {
		if k.Use == narrowKeyUse {
			used.seen[k.Value] = k.Path
		}
	}
	for _, c := range s.sections("prefinery_keys") {
		k := model.Key{
			Use:         narrowKeyUse,
			Name:        c.need("name", "the key's name", oneLine),
			Value:       c.secretText("api_key", tokenForm),
			Permissions: c.texts("permissions", allowed),
			Form:        random,
			Path:        join(c.path, "api_key"),
		}
		if !c.has("permissions") {
			c.fail("permissions", "expected what the key may do, such as users:read; it is required")
		}
		if other, taken := used.seen[k.Value]; taken && k.Value != "" {
			c.fail("api_key", "expected a key of its own, which %s does not have", other)
		}
		used.seen[k.Value] = k.Path
		if k.Value == "" {
			unnamed.add(c, "name", k.Name)
		}
		p.Keys = append(p.Keys, k)
	}
}

func allowed(value string) string {
	if slices.Contains(permissions, value) {
		return ""
	}
	return orList(permissions)
}

// secretText is text whose value is in no message.
func (s section) secretText(name string, c check) string {
	n := s.value(name)
	if n == nil || n.kind == list || n.kind == mapping {
		return s.text(name)
	}
	n.kind = text
	for _, c := range []check{plain, c} {
		if expected := c(n.text); expected != "" && n.text != "" {
			s.fail(name, "expected %s", expected)
			return ""
		}
	}
	return n.text
}
