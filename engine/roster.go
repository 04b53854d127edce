package engine

import (
	"context"
	"encoding/json"

	"grapevine/model"
	"grapevine/store"
)

// RosterEntry is a participant with all that is known of them.
type RosterEntry struct {
	model.Participant
	Code      string // the main code, as it is shown
	Person    Known
	IP        string
	Extra     map[string]json.RawMessage // what else was sent of the person
	Referrer  Known                      // empty where nobody brought them
	Referrals int64                      // whom they brought and who counts
}

// rosterPage is how many participants are read at a time.
const rosterPage = 500

// Roster passes all participants of a campaign, newest first, some at a time.
// Each lot is read for itself: whoever joins meanwhile is not among them.
func (e *Engine) Roster(ctx context.Context, account model.AccountID, campaign model.CampaignID, pass func([]RosterEntry) error) error {
	for before := model.ParticipantID(0); ; {
		var lot []RosterEntry
		err := e.store.View(ctx, account, func(tx *store.Tx) error {
			participants, err := tx.Roster(campaign, before, rosterPage)
			if err != nil {
				return err
			}
			lot, err = rosterOf(tx, participants)
			return err
		})
		if err != nil || len(lot) == 0 {
			return err
		}
		before = lot[len(lot)-1].ID
		if err := pass(lot); err != nil {
			return err
		}
	}
}

func rosterOf(tx *store.Tx, participants []store.Enrolled) ([]RosterEntry, error) {
	var persons []model.PersonID
	for _, p := range participants {
		persons = append(persons, p.Person, p.Advocate)
	}
	known, err := tx.Contacts(persons)
	if err != nil {
		return nil, err
	}
	bodies, err := tx.ProfileBodies(persons)
	if err != nil {
		return nil, err
	}
	lot := make([]RosterEntry, len(participants))
	for i, p := range participants {
		contact := known[p.Person]
		lot[i] = RosterEntry{
			Participant: p.Participant, Code: p.Code, Person: knownAs(contact), IP: contact.Profile.IP,
			Referrer: knownAs(known[p.Advocate]), Referrals: p.Participant.Referrals,
		}
		if body := bodies[contact.Person]; body != "" {
			if err := json.Unmarshal([]byte(body), &lot[i].Extra); err != nil {
				return nil, err
			}
		}
	}
	return lot, nil
}

// RewardEntry is a reward of an advocate or a friend with all that is known of
// who receives it.
type RewardEntry struct {
	model.Reward
	Rule        *model.Rule         // in the version it was made under
	Person      Known               // who receives it
	Participant model.ParticipantID // as whom they take part; 0: they do not
	Code        string              // their main code, as it is shown
}

// RewardRoster passes what advocates and friends earned in a campaign and
// still have, newest first, some at a time.
func (e *Engine) RewardRoster(ctx context.Context, account model.AccountID, campaign model.CampaignID, pass func([]RewardEntry) error) error {
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return err
	}
	c, err := cfg.Campaign(campaign)
	if err != nil {
		return err
	}
	for after := (Cursor{}); ; {
		page, err := e.ListRewards(ctx, account, ListQuery{Campaign: c.UUID, Size: rosterPage, After: after})
		if err != nil {
			return err
		}
		var lot []RewardEntry
		for i := range page.Rows {
			row := &page.Rows[i]
			if row.Reward.State != model.Earned && row.Reward.State != model.Delivered {
				continue
			}
			entry := RewardEntry{Reward: row.Reward, Person: row.Advocate}
			if row.Reward.Role == model.AsFriend {
				entry.Person = row.Friend
			}
			lot = append(lot, entry)
		}
		if err := e.completeRewards(ctx, account, campaign, lot); err != nil {
			return err
		}
		if err := pass(lot); err != nil {
			return err
		}
		if after = page.Next; !page.More {
			return nil
		}
	}
}

func (e *Engine) completeRewards(ctx context.Context, account model.AccountID, campaign model.CampaignID, lot []RewardEntry) error {
	if len(lot) == 0 {
		return nil
	}
	return e.store.View(ctx, account, func(tx *store.Tx) error {
		persons := make([]model.PersonID, len(lot))
		for i, entry := range lot {
			persons[i] = entry.Person.Person
		}
		parts, err := tx.EnrolledAs(campaign, persons)
		if err != nil {
			return err
		}
		for i := range lot {
			if lot[i].Rule, err = e.ruleOf(tx, account, &lot[i].Reward); err != nil {
				return err
			}
			if p, ok := parts[lot[i].Person.Person]; ok {
				lot[i].Participant, lot[i].Code = p.ID, p.Code
			}
		}
		return nil
	})
}
