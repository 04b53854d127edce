package engine

import (
	"context"
	"fmt"
	"slices"

	"grapevine/model"
	"grapevine/store"
)

// CardChange is what is told of a participant; what is nil stays as it is.
type CardChange struct {
	Vars    [3]*string
	Groups  *[]string
	Extra   map[string]*string // nil takes the entry away
	Answers []model.Answer     // each replaces what was answered to the same question
}

// check refuses what cannot be kept.
func (c *CardChange) check() error {
	if c == nil {
		return nil
	}
	for i, v := range c.Vars {
		if v != nil {
			if err := tooLong(fmt.Sprintf("custom_variable_%d", i+1), *v); err != nil {
				return err
			}
		}
	}
	return nil
}

// FindByVar lists the participants of a campaign one of whose three texts is
// this one.
func (e *Engine) FindByVar(ctx context.Context, account model.AccountID, campaign model.CampaignID, text string) ([]model.ParticipantID, error) {
	var ids []model.ParticipantID
	err := e.store.View(ctx, account, func(tx *store.Tx) (err error) {
		ids, err = tx.WithVar(campaign, text)
		return err
	})
	return ids, err
}

// changeCard takes in what is told of a participant, whose person is locked.
// It fails with Invalid for an answer to a question that the campaign does not
// ask.
func (t *turn) changeCard(p *model.Participant, change *CardChange) error {
	cards, err := t.tx.Cards([]model.ParticipantID{p.ID})
	if err != nil {
		return err
	}
	campaign, err := t.cfg.Campaign(p.Campaign)
	if err != nil {
		return err
	}
	card := cards[p.ID]
	if card == nil {
		card = &model.Card{}
	}
	for i, v := range change.Vars {
		if v != nil {
			card.Vars[i] = *v
		}
	}
	if change.Groups != nil {
		card.Groups = *change.Groups
	}
	for name, text := range change.Extra {
		switch {
		case text == nil:
			delete(card.Extra, name)
		case card.Extra == nil:
			card.Extra = map[string]string{name: *text}
		default:
			card.Extra[name] = *text
		}
	}
	for _, answer := range change.Answers {
		if !slices.ContainsFunc(campaign.Questions, func(q model.Question) bool { return q.ID == answer.Question }) {
			return &model.Error{Kind: model.Invalid, Field: "answers", Msg: fmt.Sprintf("the campaign does not ask question %d", answer.Question)}
		}
		same := func(a model.Answer) bool { return a.Question == answer.Question }
		if at := slices.IndexFunc(card.Answers, same); at >= 0 {
			card.Answers[at] = answer
			continue
		}
		card.Answers = append(card.Answers, answer)
	}
	return t.tx.SaveCard(p.ID, card)
}
