package engine

import (
	"fmt"
	"slices"

	"github.com/google/uuid"

	"grapevine/engine/code"
	"grapevine/model"
)

// firstID is where the ids of configuration begin that we make: those that
// somebody brings along are often small.
const firstID = 1001

// Lengths of what is made for a campaign.
const (
	codeLength  = 8
	tokenLength = 8
)

// ids gives the smallest ids that an account never used.
type ids struct {
	used map[int64]bool
	last int64
}

func (n *ids) next() int64 {
	n.last = max(n.last, firstID)
	for n.used[n.last] {
		n.last++
	}
	n.used[n.last] = true
	return n.last
}

// useAll marks the ids of a campaign, and of what is in it.
func (n *ids) useAll(c *model.Campaign) {
	n.used[int64(c.ID)] = true
	for _, r := range c.Rules {
		n.used[int64(r.ID)] = true
	}
	for _, q := range c.Questions {
		n.used[q.ID] = true
	}
}

// generate makes the ids, codes and tokens that are still missing.
func (a *applying) generate() error {
	if a.settled() {
		return nil
	}
	h, err := a.history()
	if err != nil {
		return err
	}
	if err := a.refuseMovedRules(h); err != nil {
		return err
	}
	p := a.project
	n := a.usedIDs(h)
	for i := range p.Campaigns {
		c := &p.Campaigns[i]
		give(n, &c.ID)
		keep(&c.UUID, uuid.NewString())
		for c.Code == "" || model.Reserved(c.Code) {
			c.Code = code.Random(codeLength)
		}
		keep(&c.ProjectToken, code.Random(tokenLength))
		for r := range c.Rules {
			give(n, &c.Rules[r].ID)
		}
		for w := range c.Widgets {
			keep(&c.Widgets[w].ID, uuid.NewString())
		}
		for q := range c.Questions {
			give(n, &c.Questions[q].ID)
		}
	}
	for i := range p.Batches {
		give(n, &p.Batches[i].ID)
	}
	for i := range p.Settings.Redemption {
		keep(&p.Settings.Redemption[i].ID, uuid.NewString())
	}
	for i := range p.Settings.Tiers {
		keep(&p.Settings.Tiers[i].ID, uuid.NewString())
	}
	for i := range p.Settings.Earning {
		give(n, &p.Settings.Earning[i].ID)
	}
	return nil
}

func give[T ~int64](n *ids, id *T) {
	if *id == 0 {
		*id = T(n.next())
	}
}

// settled tells whether every id of the project is in what is stored, so that
// nothing is to be made and no earlier version needs to be asked.
func (a *applying) settled() bool {
	for i := range a.project.Campaigns {
		c := &a.project.Campaigns[i]
		if c.Version == 0 || lacksIDs(c) {
			return false
		}
		have := a.stored.campaign(c.ID)
		if slices.ContainsFunc(c.Rules, func(r model.Rule) bool { return have.Rule(r.ID) == nil }) {
			return false
		}
	}
	return !slices.ContainsFunc(a.project.Batches, func(b model.Batch) bool { return b.ID == 0 }) &&
		!settingsLackIDs(&a.project.Settings)
}

// usedIDs are those of the project and of all that was ever stored: deliveries,
// rewards and limits refer to them.
func (a *applying) usedIDs(h *history) *ids {
	n := &ids{used: map[int64]bool{}}
	for i := range a.project.Campaigns {
		n.useAll(&a.project.Campaigns[i])
	}
	for i := range h.campaigns {
		n.useAll(&h.campaigns[i])
	}
	for _, batches := range [][]model.Batch{a.project.Batches, a.stored.batches} {
		for _, b := range batches {
			n.used[int64(b.ID)] = true
		}
	}
	for _, s := range h.settings {
		for _, r := range s.Earning {
			n.used[int64(r.ID)] = true
		}
	}
	return n
}

// refuseMovedRules fails with Conflict where the file gives a reward an id that
// another campaign's reward has or had: limits are counted by it.
func (a *applying) refuseMovedRules(h *history) error {
	owners := map[model.RuleID]string{}
	for _, s := range h.settings {
		for _, r := range s.Earning {
			owners[r.ID] = "an earning rule"
		}
	}
	campaigns := map[model.RuleID]model.CampaignID{}
	for _, c := range h.campaigns {
		for _, r := range c.Rules {
			campaigns[r.ID] = c.ID
			owners[r.ID] = fmt.Sprintf("a reward of campaign %d", c.ID)
		}
	}
	for i, c := range a.project.Campaigns {
		for j, r := range c.Rules {
			if owner, taken := owners[r.ID]; taken && campaigns[r.ID] != c.ID {
				return idTaken(fmt.Sprintf("%s.rewards[%d]", campaignPath(i), j), int64(r.ID), owner)
			}
		}
	}
	return nil
}
