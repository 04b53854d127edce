package engine

import (
	"context"
	"time"

	"grapevine/engine/sheet"
	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
)

// Numbers of holdings on the sheet that lists filter and sort; their ids are
// those of the rows.
const (
	HeldRule      = iota
	HeldPerson    // as in the rewards
	HeldRole      // HeldAsAdvocate or HeldAsFriend
	HeldState     // HeldDue, HeldIssued or HeldRevoked
	HeldRecipient // a participant; 0: they take no part in the campaign
	HeldCount
	HeldAmount   // of all together, in units of money.Amount
	HeldIssuedAt // milliseconds; 0: not yet
	heldNumbers
)

// Texts of holdings on the sheet, folded.
const (
	HeldEmail = iota
	HeldFirstName
	heldTexts
)

// What HeldRole and HeldState say.
const (
	HeldAsAdvocate = 1
	HeldAsFriend   = 2

	HeldDue     = 1
	HeldIssued  = 2
	HeldRevoked = 3
)

var heldStates = map[model.RewardState]int64{model.Earned: HeldDue, model.Delivered: HeldIssued, model.Revoked: HeldRevoked}

// HoldingView is what somebody holds of one rule's rewards in one state.
type HoldingView struct {
	ID        model.HoldingID
	Rule      *model.Rule
	Campaign  model.CampaignID
	Role      model.Role
	State     model.RewardState // earned, delivered, or revoked after delivery
	N         int64
	Amount    money.Amount // of all together
	IssuedAt  time.Time    // when the last one was delivered
	Recipient model.ParticipantID
	Email     string
	FirstName string
	Receiver  *ParticipantView // where it was asked for, and there is one
}

// HoldingsQuery asks for a page of what people hold.
type HoldingsQuery struct {
	Where    []sheet.Condition
	By       sheet.Order
	Skip     int
	Size     int
	Receiver bool // with the recipient
}

// ListHoldings lists a page of what people hold, and tells how much there is on
// all pages.
func (e *Engine) ListHoldings(ctx context.Context, account model.AccountID, q HoldingsQuery) (*Listed[HoldingView], error) {
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return nil, err
	}
	var listed *Listed[HoldingView]
	err = e.project(ctx, account, held{}, func(tx *store.Tx, p *projection) error {
		found, total := p.selected(q.Where, q.By, q.Skip, q.Size)
		ids, persons := p.holders(found)
		views, err := e.viewHoldings(tx, cfg, ids, persons, q.Receiver)
		listed = &Listed[HoldingView]{Rows: views, Total: int64(total), More: len(ids) == q.Size && total-q.Skip > q.Size}
		return err
	})
	return listed, err
}

// holders are whose some holdings are.
func (p *projection) holders(found []int64) ([]model.HoldingID, []model.PersonID) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	ids, persons := make([]model.HoldingID, len(found)), make([]model.PersonID, len(found))
	for i, id := range found {
		ids[i], persons[i] = model.HoldingID(id), model.PersonID(p.sheet.Number(id, HeldPerson))
	}
	return ids, persons
}

// viewHoldings reads holdings in the order asked, with whose they are.
func (e *Engine) viewHoldings(tx *store.Tx, cfg *Config, ids []model.HoldingID, persons []model.PersonID, receiver bool) ([]HoldingView, error) {
	entries := map[model.HoldingID]store.HoldingEntry{}
	err := tx.HoldingsOf(persons, func(h store.HoldingEntry) error { entries[h.ID] = h; return nil })
	if err != nil {
		return nil, err
	}
	views := make([]HoldingView, 0, len(ids))
	for _, id := range ids {
		h, ok := entries[id]
		if !ok {
			continue
		}
		v, err := e.viewHolding(tx, cfg, h)
		if err != nil {
			return nil, err
		}
		views = append(views, v)
	}
	if !receiver {
		return views, nil
	}
	recipients := make([]model.ParticipantID, 0, len(views))
	for _, v := range views {
		recipients = append(recipients, v.Recipient)
	}
	shown, err := e.viewParticipantsByID(tx, cfg, recipients, false)
	for i := range views {
		views[i].Receiver = shown[views[i].Recipient]
	}
	return views, err
}

func (e *Engine) viewHolding(tx *store.Tx, cfg *Config, h store.HoldingEntry) (HoldingView, error) {
	r, err := e.ruleByID(tx, cfg, h.Campaign, h.Rule)
	return HoldingView{
		ID: h.ID, Rule: r, Campaign: h.Campaign, Role: h.Role, State: h.State, N: h.N, Amount: h.Amount, IssuedAt: h.IssuedAt,
		Recipient: h.Recipient, Email: h.Email, FirstName: h.FirstName,
	}, err
}

// ruleByID is a rule as it is, or as it was last.
func (e *Engine) ruleByID(tx *store.Tx, cfg *Config, id model.CampaignID, rule model.RuleID) (*model.Rule, error) {
	campaign, err := cfg.Campaign(id)
	if err != nil {
		return nil, err
	}
	for r := campaign.Rule(rule); ; r = campaign.Rule(rule) {
		if r != nil || campaign.Version == 1 {
			return r, nil
		}
		before := campaign.Version - 1
		campaign, err = versionIn(e, versionKey{cfg.ID, id, before}, func() (*model.Campaign, error) {
			return tx.CampaignVersion(id, before)
		})
		if err != nil {
			return nil, err
		}
	}
}

// EveryRule finds the rules that the account's campaigns have, and those they
// had, as they were last: what people hold is of any of them. It reads them once
// for each configuration. They are not to be changed.
func (e *Engine) EveryRule(ctx context.Context, account model.AccountID) (map[model.RuleID]*model.Rule, error) {
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return nil, err
	}
	if known := cfg.everyRule.Load(); known != nil {
		return *known, nil
	}
	all := map[model.RuleID]*model.Rule{}
	err = e.store.View(ctx, account, func(tx *store.Tx) error {
		history, err := tx.CampaignHistory()
		for _, version := range history { // newest first
			for _, r := range version.Rules {
				if all[r.ID] == nil {
					all[r.ID] = &r
				}
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	cfg.everyRule.Store(&all)
	return all, nil
}

// held is where holdings come from.
type held struct{}

func (held) lists() int64        { return store.InHoldings }
func (held) empty() *sheet.Sheet { return sheet.New(heldNumbers, heldTexts) }

func (held) all(tx *store.Tx, p *projection) error {
	return tx.EveryHolding(func(h store.HoldingEntry) error { p.putHolding(h); return nil })
}

func (held) of(tx *store.Tx, persons []model.PersonID) (func(*projection), error) {
	var entries []store.HoldingEntry
	err := tx.HoldingsOf(persons, func(h store.HoldingEntry) error {
		entries = append(entries, h)
		return nil
	})
	return func(p *projection) {
		for _, h := range entries {
			p.putHolding(h)
		}
	}, err
}

func (held) drop(*projection, model.ParticipantID) {}

// putHolding leaves out what came to nothing, and what nobody holds.
func (p *projection) putHolding(h store.HoldingEntry) {
	if h.N == 0 || h.Erased {
		p.sheet.Drop(int64(h.ID))
		return
	}
	role := int64(HeldAsAdvocate)
	if h.Role == model.AsFriend {
		role = HeldAsFriend
	}
	numbers := [heldNumbers]int64{
		HeldRule: int64(h.Rule), HeldPerson: int64(h.Person), HeldRole: role, HeldState: heldStates[h.State], HeldRecipient: int64(h.Recipient),
		HeldCount: h.N, HeldAmount: int64(h.Amount),
	}
	if !h.IssuedAt.IsZero() {
		numbers[HeldIssuedAt] = h.IssuedAt.UnixMilli()
	}
	p.sheet.Put(sheet.Row{ID: int64(h.ID), Numbers: numbers[:], Texts: []string{model.FoldEmail(h.Email), FoldName(h.FirstName)}})
}
