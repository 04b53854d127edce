package app

import (
	"context"

	"grapevine/engine"
	"grapevine/model"
)

// rehearsal is an import that changes nothing. As nothing of a line is there
// for the next ones, it remembers what those before would have brought.
type rehearsal struct {
	core *engine.Engine

	emails, uuids, codes map[string]bool
	ids                  map[model.ParticipantID]bool
	refused              map[int64]bool
}

func newRehearsal(core *engine.Engine) *rehearsal {
	return &rehearsal{
		core: core, emails: map[string]bool{}, uuids: map[string]bool{}, codes: map[string]bool{},
		ids: map[model.ParticipantID]bool{}, refused: map[int64]bool{},
	}
}

// people is ImportPeople for lines whose like did not come before.
func (r *rehearsal) people(ctx context.Context, account model.AccountID, i engine.Import) ([]engine.Refusal, error) {
	var refused []engine.Refusal
	lines := i.Lines
	i.Lines = nil
	for _, l := range lines {
		if field, msg := r.repeats(&l); msg != "" {
			refused = append(refused, engine.Refusal{Line: l.Number, Field: field, Msg: msg})
		} else {
			i.Lines = append(i.Lines, l)
		}
	}
	more, err := r.core.ImportPeople(ctx, account, i)
	refused = append(refused, more...)
	for _, no := range refused {
		r.refused[no.Line] = true
	}
	for _, l := range lines {
		if r.refused[l.Number] {
			continue
		}
		r.emails[model.FoldEmail(l.Email)], r.uuids[l.UUID], r.codes[model.FoldCode(l.Code)], r.ids[l.ID] = true, true, true, true
	}
	return refused, err
}

// repeats says what of a line came before.
func (r *rehearsal) repeats(l *engine.ImportLine) (field, msg string) {
	switch {
	case r.emails[model.FoldEmail(l.Email)]:
		return "email", "takes part already"
	case l.ID != 0 && r.ids[l.ID]:
		return "id", "is that of another participant"
	case l.UUID != "" && r.uuids[l.UUID]:
		return "uuid", "is that of another participant"
	case l.Code != "" && r.codes[model.FoldCode(l.Code)]:
		return "code", "is taken: somebody has it, or had it"
	}
	return "", ""
}

// referrers names the lines whose referrer neither the file nor the campaign
// has.
func (r *rehearsal) referrers(ctx context.Context, account model.AccountID, i engine.Import) ([]engine.Refusal, error) {
	var refused []engine.Refusal
	for _, l := range i.Lines {
		if r.refused[l.Number] || l.ReferrerCode == "" && l.ReferrerEmail == "" {
			continue
		}
		email, code := model.FoldEmail(l.ReferrerEmail), model.FoldCode(l.ReferrerCode)
		self, there := email == model.FoldEmail(l.Email), r.emails[email]
		if code != "" {
			self, there = code == model.FoldCode(l.Code), r.codes[code]
		}
		if !there && !self {
			naming := engine.Naming{Campaign: i.Campaign, Email: l.ReferrerEmail}
			if code != "" {
				naming = engine.Naming{Code: code}
			}
			id, err := r.core.FindParticipant(ctx, account, naming)
			if err == nil && code != "" {
				there, err = r.takesPart(ctx, account, i.Campaign, id)
			} else {
				there = err == nil
			}
			if err != nil && model.KindOf(err) != model.NotFound {
				return nil, err
			}
		}
		if self || !there {
			refused = append(refused, engine.Refusal{Line: l.Number, Field: "referrer", Msg: "is nobody else who takes part in the campaign; the person would be there without"})
		}
	}
	return refused, nil
}

func (r *rehearsal) takesPart(ctx context.Context, account model.AccountID, campaign model.CampaignID, id model.ParticipantID) (bool, error) {
	v, err := r.core.ViewParticipant(ctx, account, id, engine.Relations{})
	return err == nil && v.Participant.Campaign == campaign, err
}
