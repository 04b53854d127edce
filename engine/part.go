package engine

import (
	"slices"

	"grapevine/model"
	"grapevine/store"
)

// standPart locks a participant's person, and who brought them, who may have
// been erased, or have left; where nobody did, who is said to have. It fails with
// NotFound, also where the participant's person was.
func (t *turn) standPart(id model.ParticipantID, said *hit) (p *model.Participant, person, advocate model.PersonID, err error) {
	if p, person, err = t.tx.Participant(id); err != nil {
		return nil, 0, 0, err
	}
	if p.Referrer != 0 {
		if _, advocate, err = t.tx.Participant(p.Referrer); err != nil && model.ReasonOf(err) != model.ParticipantUnknown {
			return nil, 0, 0, err
		}
	}
	c := encounter{friends: []model.PersonID{person}, advocates: []model.PersonID{advocate}, ledgers: true, erased: true}
	if p.Referrer == 0 && said != nil && said.advocate != advocate {
		c.advocates, c.referrers = []model.PersonID{said.advocate}, []model.ParticipantID{said.referrer}
	}
	if err = t.judge(c); err == nil && t.persons[person].Erased {
		err = &model.Error{Kind: model.NotFound, Reason: model.ParticipantUnknown, Msg: "the participant is not known"}
	}
	return p, person, advocate, err
}

// lockPart is standPart, with the participant as they are under the locks: who
// held them before may have changed them, fixed who brought them, or suspended
// who did.
func (t *turn) lockPart(id model.ParticipantID) (p *model.Participant, person, advocate model.PersonID, err error) {
	return t.lockPartOf(id, nil)
}

// lockPartOf is lockPart, with who is said to have brought the participant, where
// nobody did.
func (t *turn) lockPartOf(id model.ParticipantID, said *hit) (p *model.Participant, person, advocate model.PersonID, err error) {
	was, person, advocate, err := t.standPart(id, said)
	if err != nil {
		return nil, 0, 0, err
	}
	if p, _, err = t.tx.Participant(id); err == nil && p.Referrer != was.Referrer {
		err = store.ErrAgain
	}
	if err != nil || advocate == 0 {
		return p, person, advocate, err
	}
	plays, err := t.plays(p.Referrer)
	if !plays {
		t.silent = advocate
	}
	return p, person, advocate, err
}

// behind is who a referral of a locked person counts for: nobody once they are
// erased, or suspended.
func (t *turn) behind(advocate model.PersonID) model.PersonID {
	if p := t.persons[advocate]; p != nil && p.Erased || advocate == t.silent {
		return 0
	}
	return advocate
}

// partIn is where somebody takes part in a campaign; nil is nowhere.
func partIn(parts []store.Part, campaign model.CampaignID) *model.Participant {
	for i := range parts {
		if parts[i].Campaign == campaign {
			return &parts[i].Participant
		}
	}
	return nil
}

// broughtTo reports whether somebody was brought to a campaign, as whichever of
// the participants that a merge made one person's.
func broughtTo(campaign *model.Campaign, parts []store.Part) bool {
	return slices.ContainsFunc(parts, func(p store.Part) bool { return p.Campaign == campaign.ID && p.Referrer != 0 })
}
