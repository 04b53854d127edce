package engine

import (
	"cmp"
	"slices"

	"grapevine/engine/rule"
	"grapevine/model"
	"grapevine/store"
)

// past is what replaying needs of the whole account: the versions that were
// in force, the names of events, and who was merged into whom when.
type past struct {
	tx       *store.Tx
	names    map[int64]string
	aliases  map[model.PersonID][]model.PersonID // into to all that became it
	merges   map[model.PersonID][]merging        // into, in order of turns
	versions map[model.InForce]*model.Campaign
	settings map[int64]*model.Settings
}

type merging struct {
	turn int64
	from model.PersonID
}

func newPast(tx *store.Tx) (*past, error) {
	p := &past{
		tx: tx, aliases: map[model.PersonID][]model.PersonID{}, merges: map[model.PersonID][]merging{},
		versions: map[model.InForce]*model.Campaign{}, settings: map[int64]*model.Settings{},
	}
	var err error
	if p.names, err = tx.EventNames(); err != nil {
		return nil, err
	}
	aliases, err := tx.Aliases()
	if err != nil {
		return nil, err
	}
	for _, a := range aliases {
		p.aliases[a.AliasOf] = append(p.aliases[a.AliasOf], a.ID)
	}
	// Somebody who took others in and was then merged is an alias by now, and
	// keeps their merges.
	merged, err := tx.Merges()
	for _, m := range merged {
		p.merges[m.Person] = append(p.merges[m.Person], merging{m.Turn, model.PersonID(m.Subject)})
	}
	for _, list := range p.merges {
		slices.SortFunc(list, func(a, b merging) int { return cmp.Compare(a.turn, b.turn) })
	}
	return p, err
}

func (p *past) campaign(id model.CampaignID, version int64) (*model.Campaign, error) {
	key := model.InForce{Campaign: id, Version: version}
	if c := p.versions[key]; c != nil {
		return c, nil
	}
	c, err := p.tx.CampaignVersion(id, version)
	p.versions[key] = c
	return c, err
}

func (p *past) settingsAt(version int64) (*model.Settings, error) {
	if s := p.settings[version]; s != nil {
		return s, nil
	}
	s, err := p.tx.SettingsVersion(version)
	if err != nil {
		return nil, err
	}
	p.settings[version] = s
	return s, nil
}

// groupAt is a person with everyone merged into them by a turn of theirs.
func (p *past) groupAt(id model.PersonID, turn int64) []model.PersonID {
	group := []model.PersonID{id}
	for _, m := range p.merges[id] {
		if m.turn <= turn {
			group = append(group, p.groupAt(m.from, int64(^uint64(0)>>1))...)
		}
	}
	return group
}

// recall is an event as a rule saw it: what is erasable answered then, and
// the answer stands in the facts.
func (p *past) recall(event *model.Event, r *model.Rule) rule.Happening {
	h := rule.Happening{Kind: event.Kind, Name: p.names[event.Name]}
	if slices.Contains(event.Facts.SKUs, r.ID) {
		h.SKUs = r.When.SKUs
	}
	if slices.Contains(event.Facts.Pages, r.ID) {
		h.Page = r.On
		if n := len(r.On); n > 0 && r.On[n-1] == '*' {
			h.Page = r.On[:n-1]
		}
	}
	return h
}
