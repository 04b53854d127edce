package engine

import (
	"context"
	"fmt"

	"grapevine/model"
	"grapevine/store"
)

// longestAddress is how many bytes the address of an endpoint may have.
const longestAddress = 5000

// AddEndpoint adds an address that is told of a topic, until it is ended. Each
// call adds another. Fails with NotFound where campaign or rule are not known, and
// with Invalid where the address is too long.
func (e *Engine) AddEndpoint(ctx context.Context, account model.AccountID, p model.Endpoint) (model.EndpointID, error) {
	if len(p.URL) > longestAddress {
		return 0, &model.Error{Kind: model.Invalid, Field: "url", Msg: fmt.Sprintf("the address is longer than %d bytes", longestAddress)}
	}
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return 0, err
	}
	if p.Campaign != 0 {
		if _, err := cfg.Campaign(p.Campaign); err != nil {
			return 0, err
		}
	}
	if p.Rule != 0 && !cfg.promises(p.Rule) {
		return 0, &model.Error{Kind: model.NotFound, Reason: model.RewardUnknown, Field: "reward", Msg: "the reward is not known"}
	}
	err = e.store.InTx(ctx, account, func(tx *store.Tx) error {
		if _, err := tx.LockAccount(); err != nil { // ids are given one after the other
			return err
		}
		last, err := tx.LastEndpoint()
		if err != nil {
			return err
		}
		p.ID, p.FromFile = last+1, false
		tx.AddEndpoint(p)
		tx.Touch()
		return nil
	})
	if err != nil {
		return 0, err
	}
	return p.ID, e.Refresh(ctx)
}

// promises reports whether a campaign that is not archived has a rule.
func (c *Config) promises(id model.RuleID) bool {
	for _, campaign := range c.Campaigns() {
		if campaign.Rule(id) != nil {
			return true
		}
	}
	return false
}

// EndEndpoints ends the endpoints of a dialect that were not made by the
// project file and are meant. Fails with NotFound where there is none.
func (e *Engine) EndEndpoints(ctx context.Context, account model.AccountID, dialect string, meant func(model.Endpoint) bool) error {
	err := e.store.InTx(ctx, account, func(tx *store.Tx) error {
		if _, err := tx.LockAccount(); err != nil {
			return err
		}
		all, err := tx.Endpoints()
		if err != nil {
			return err
		}
		ended := false
		for _, p := range all {
			if p.Dialect == dialect && !p.FromFile && meant(p) {
				tx.EndEndpoint(p.ID)
				ended = true
			}
		}
		if !ended {
			return &model.Error{Kind: model.NotFound, Msg: "the hook is not known, or has ended"}
		}
		tx.Touch()
		return nil
	})
	if err != nil {
		return err
	}
	return e.Refresh(ctx)
}

// tellQualified tells that a participant is qualified, once: who is qualified
// again is not told of again.
func (t *turn) tellQualified(p *model.Participant, person model.PersonID, event *model.Event) error {
	if len(t.cfg.Endpoints(model.PersonQualified, p.Campaign)) == 0 {
		return nil
	}
	told := store.Raising{Campaign: p.Campaign, Role: model.AsFriend}
	seen, err := t.tx.Raised(t.group(person), model.Qualified)
	if err != nil || seen[told] {
		return err
	}
	t.tx.InsertRaised(person, model.Qualified, event.ID, map[store.Raising]bool{told: true})
	t.tellOf(p, model.PersonQualified)
	return nil
}

// Bit is the origin in a set of origins.
func (o Origin) Bit() int64 { return 1 << o }
