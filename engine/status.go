package engine

import (
	"context"

	"grapevine/model"
	"grapevine/store"
)

// ReferralStatus is what a code stands for.
type ReferralStatus struct {
	Code              string
	CampaignUUID      string
	Email             string // the advocate's; "" where none is known
	CustomerID        string
	Name              string
	Advocate          *model.Value // of the campaign's first reward for advocates; nil: none
	Friend            *model.Value // of its first reward for friends
	FriendDescription string
}

// ReferralStatus tells what a code stands for. Fails with NotFound for a code
// that nobody has here or whose campaign is not live, and with Invalid for a
// blocked one.
func (e *Engine) ReferralStatus(ctx context.Context, account model.AccountID, code string) (*ReferralStatus, error) {
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return nil, err
	}
	folded := model.FoldCode(code)
	if cfg.BlockedCode(folded) {
		return nil, &model.Error{Kind: model.Invalid, Reason: model.CodeBlocked, Field: "code", Msg: "the code is blocked"}
	}
	sponsor, err := e.sponsorOf(ctx, cfg, folded)
	if err != nil {
		return nil, err
	}
	campaign, err := cfg.Campaign(sponsor.Campaign)
	if err != nil {
		return nil, err
	}
	if !campaign.Live(e.now()) {
		return nil, &model.Error{Kind: model.NotFound, Reason: model.CodeUnknown, Field: "code", Msg: "the code's campaign is not live"}
	}
	status := &ReferralStatus{
		Code: sponsor.Shown, CampaignUUID: campaign.UUID, Email: sponsor.Email, CustomerID: sponsor.CustomerID,
		Name: model.Profile{FirstName: sponsor.FirstName, LastName: sponsor.LastName}.Name(),
	}
	for i := range campaign.Rules {
		r := &campaign.Rules[i]
		if status.Advocate == nil && (r.To == model.ToAdvocate || r.To == model.ToBoth) {
			status.Advocate = &r.Value
		}
		if status.Friend == nil && (r.To == model.ToFriend || r.To == model.ToBoth) {
			status.Friend, status.FriendDescription = &r.Value, r.Description
			if status.FriendDescription == "" {
				status.FriendDescription = r.Name
			}
		}
	}
	return status, nil
}

type sponsorKey struct {
	account model.AccountID
	folded  string
}

// sponsor is a code's owner as they were read under a configuration.
type sponsor struct {
	*store.Sponsor
	cfg *Config
}

// sponsorOf finds the owner of a code. Whatever changes a person takes a turn,
// so one who has taken none since is who they were: one short question instead
// of all that their names are read from.
func (e *Engine) sponsorOf(ctx context.Context, cfg *Config, folded string) (*store.Sponsor, error) {
	key := sponsorKey{cfg.ID, folded}
	known, ok := e.sponsors.get(key)
	var found *store.Sponsor
	fresh := false
	err := e.store.View(ctx, cfg.ID, func(tx *store.Tx) error {
		if ok && known.cfg == cfg {
			turns, err := tx.Turns(known.Person)
			if err != nil {
				return err
			}
			if turns == known.Turns {
				found = known.Sponsor
				return nil
			}
		}
		var err error
		found, err = tx.Sponsor(folded)
		fresh = true
		return err
	})
	if err == nil && fresh && found.Turns != 0 {
		e.sponsors.put(key, &sponsor{found, cfg})
	}
	return found, err
}

// SigningKey is a key for what we sign and get back, by purpose. All nodes
// with the same secret file have the same.
func (e *Engine) SigningKey(purpose string) []byte { return e.secret.Key(purpose) }
