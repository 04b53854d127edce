package engine

import (
	"fmt"
	"slices"

	"grapevine/model"
)

// identify finds out which entry of the file is which stored one, and gives
// ids, codes and tokens to those that have none.
func (a *applying) identify() error {
	if err := a.matchCampaigns(); err != nil {
		return err
	}
	if err := a.matchBatches(); err != nil {
		return err
	}
	if err := a.matchSettings(); err != nil {
		return err
	}
	for i := range a.project.Campaigns {
		if err := a.matchParts(&a.project.Campaigns[i], campaignPath(i)); err != nil {
			return err
		}
	}
	return a.generate()
}

func campaignPath(i int) string { return fmt.Sprintf("campaigns[%d]", i) }

// match pairs entries of a file with stored ones, each at most once. rules say
// what makes a pair, the strongest first, which is the id. The first names of
// them are identifiers, not mere titles: a stored entry that an id claims while
// such a rule gives it to another entry of the file is a mistake in the file,
// and taken is the one with the id.
func match[F, S any](file []F, have []S, identifiers int, rules ...func(*F, *S) bool) (pairs []int, taken int) {
	pairs = slices.Repeat([]int{-1}, len(file))
	owners := slices.Repeat([]int{-1}, len(have))
	byID := make([]bool, len(have))
	for strength, pair := range rules {
		for i := range file {
			for j := range have {
				if pairs[i] >= 0 {
					break
				}
				if !pair(&file[i], &have[j]) {
					continue
				}
				switch {
				case owners[j] < 0:
					pairs[i], owners[j], byID[j] = j, i, strength == 0
				case byID[j] && strength < identifiers:
					return nil, owners[j]
				}
			}
		}
	}
	return pairs, -1
}

// idTaken is the error of an entry whose id is that of another one.
func idTaken(path string, id int64, whose string) error {
	return &model.Error{Kind: model.Conflict, Field: path + ".id",
		Msg: fmt.Sprintf("an id that is free or this entry's own: %d is that of %s", id, whose)}
}

func (a *applying) matchCampaigns() error {
	// One that is offered wins over an archived one of the same name.
	have := slices.Clone(a.stored.campaigns)
	slices.SortStableFunc(have, func(x, y model.Campaign) int {
		return compareBool(x.Archived, y.Archived)
	})
	pairs, taken := match(a.project.Campaigns, have, 3,
		func(f, s *model.Campaign) bool { return f.ID == s.ID },
		func(f, s *model.Campaign) bool { return f.ID == 0 && f.UUID != "" && f.UUID == s.UUID },
		func(f, s *model.Campaign) bool {
			return f.ID == 0 && f.Code != "" && model.FoldCode(f.Code) == model.FoldCode(s.Code)
		},
		func(f, s *model.Campaign) bool { return f.ID == 0 && f.Name == s.Name },
	)
	if taken >= 0 {
		return idTaken(campaignPath(taken), int64(a.project.Campaigns[taken].ID), "another campaign of this file")
	}
	for i, j := range pairs {
		if j < 0 {
			continue
		}
		c, s := &a.project.Campaigns[i], &have[j]
		c.ID, c.Version, c.Archived = s.ID, s.Version, s.Archived
		keep(&c.UUID, s.UUID)
		keep(&c.Code, s.Code)
		keep(&c.ProjectToken, s.ProjectToken)
	}
	for i, c := range a.project.Campaigns {
		for j, s := range have {
			at := slices.Index(pairs, j) // where it is in the file
			if c.UUID == s.UUID && c.ID != s.ID && (at < 0 || a.project.Campaigns[at].UUID == s.UUID) {
				return &model.Error{Kind: model.Conflict, Field: campaignPath(i) + ".uuid",
					Msg: fmt.Sprintf("a uuid of its own: %s is that of campaign %d", c.UUID, s.ID)}
			}
		}
	}
	return nil
}

// keep fills in what the file leaves out.
func keep[T comparable](field *T, stored T) {
	var none T
	if *field == none {
		*field = stored
	}
}

func compareBool(x, y bool) int {
	switch {
	case x == y:
		return 0
	case y:
		return -1
	}
	return 1
}

func (a *applying) matchBatches() error {
	pairs, taken := match(a.project.Batches, a.stored.batches, 2,
		func(f, s *model.Batch) bool { return f.ID == s.ID },
		func(f, s *model.Batch) bool { return f.ID == 0 && f.Name == s.Name },
	)
	if taken >= 0 {
		return idTaken(fmt.Sprintf("coupons[%d]", taken), int64(a.project.Batches[taken].ID), "another batch of this file")
	}
	for i, j := range pairs {
		if j >= 0 {
			a.project.Batches[i].ID = a.stored.batches[j].ID
			a.project.Batches[i].Size = a.stored.batches[j].Size
		}
	}
	for i, b := range a.project.Batches {
		for _, s := range a.stored.batches {
			if b.Name == s.Name && b.ID != s.ID {
				return &model.Error{Kind: model.Conflict, Field: fmt.Sprintf("coupons[%d].batch", i),
					Msg: fmt.Sprintf("a name of its own: %q is that of batch %d", b.Name, s.ID)}
			}
		}
	}
	return nil
}

// matchSettings gives redemptions, tiers and earning rules the ids they have in
// the settings in force, or had in the last ones that knew them.
func (a *applying) matchSettings() error {
	if a.stored.settings == nil {
		return nil
	}
	settings := &a.project.Settings
	matchSettings(settings, a.stored.settings)
	if !settingsLackIDs(settings) {
		return nil
	}
	h, err := a.history()
	if err != nil {
		return err
	}
	for i := range h.settings {
		matchSettings(settings, &h.settings[i])
	}
	return nil
}

func settingsLackIDs(s *model.Settings) bool {
	return slices.ContainsFunc(s.Redemption, func(r model.Redemption) bool { return r.ID == "" }) ||
		slices.ContainsFunc(s.Tiers, func(t model.Tier) bool { return t.ID == "" }) ||
		slices.ContainsFunc(s.Earning, func(r model.EarningRule) bool { return r.ID == 0 })
}

func matchSettings(settings, have *model.Settings) {
	redemptions, _ := match(settings.Redemption, have.Redemption, 1,
		func(f, s *model.Redemption) bool { return f.ID == s.ID },
		func(f, s *model.Redemption) bool { return f.ID == "" && f.Name == s.Name },
	)
	for i, j := range redemptions {
		if j >= 0 {
			settings.Redemption[i].ID = have.Redemption[j].ID
		}
	}
	tiers, _ := match(settings.Tiers, have.Tiers, 1,
		func(f, s *model.Tier) bool { return f.ID == s.ID },
		func(f, s *model.Tier) bool { return f.ID == "" && f.Name == s.Name },
	)
	for i, j := range tiers {
		if j >= 0 {
			settings.Tiers[i].ID = have.Tiers[j].ID
		}
	}
	earning, _ := match(settings.Earning, have.Earning, 1,
		func(f, s *model.EarningRule) bool { return f.ID == s.ID },
		func(f, s *model.EarningRule) bool { return f.ID == 0 && f.Name == s.Name },
	)
	for i, j := range earning {
		if j >= 0 {
			settings.Earning[i].ID = have.Earning[j].ID
		}
	}
}

// matchParts gives the rules, widgets and questions of a campaign the ids they
// have in its newest version, or had in the last one that knew them.
func (a *applying) matchParts(c *model.Campaign, path string) error {
	if c.Version == 0 {
		return nil
	}
	if err := matchVersion(c, a.stored.campaign(c.ID), path); err != nil {
		return err
	}
	if !lacksIDs(c) {
		return nil
	}
	h, err := a.history()
	if err != nil {
		return err
	}
	for i := range h.campaigns {
		if old := &h.campaigns[i]; old.ID == c.ID && old.Version != c.Version {
			if err := matchVersion(c, old, path); err != nil {
				return err
			}
		}
	}
	return nil
}

func lacksIDs(c *model.Campaign) bool {
	return slices.ContainsFunc(c.Rules, func(r model.Rule) bool { return r.ID == 0 }) ||
		slices.ContainsFunc(c.Widgets, func(w model.Widget) bool { return w.ID == "" }) ||
		slices.ContainsFunc(c.Questions, func(q model.Question) bool { return q.ID == 0 })
}

func matchVersion(c, s *model.Campaign, path string) error {
	rules, taken := match(c.Rules, s.Rules, 2,
		func(f, s *model.Rule) bool { return f.ID == s.ID },
		func(f, s *model.Rule) bool { return f.ID == 0 && f.Descriptor == s.Descriptor },
		func(f, s *model.Rule) bool { return f.ID == 0 && f.Name == s.Name },
	)
	if taken >= 0 {
		return idTaken(fmt.Sprintf("%s.rewards[%d]", path, taken), int64(c.Rules[taken].ID), "another reward of this campaign")
	}
	for i, j := range rules {
		if j >= 0 {
			c.Rules[i].ID = s.Rules[j].ID
		}
	}
	widgets, _ := match(c.Widgets, s.Widgets, 1,
		func(f, s *model.Widget) bool { return f.ID == s.ID },
		func(f, s *model.Widget) bool { return f.ID == "" && f.Name == s.Name },
	)
	for i, j := range widgets {
		if j >= 0 {
			c.Widgets[i].ID = s.Widgets[j].ID
		}
	}
	questions, _ := match(c.Questions, s.Questions, 1,
		func(f, s *model.Question) bool { return f.ID == s.ID },
		func(f, s *model.Question) bool { return f.ID == 0 && f.Text == s.Text },
	)
	for i, j := range questions {
		if j >= 0 {
			c.Questions[i].ID = s.Questions[j].ID
		}
	}
	return nil
}
