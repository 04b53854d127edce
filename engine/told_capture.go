package engine

import (
	"cmp"
	"encoding/json"
	"time"

	"grapevine/model"
	"grapevine/store"
)

// ToldCapture is an address that was left by somebody who welcomes newsletters.
// What was erased is empty.
type ToldCapture struct {
	Event       string // UUID
	At          time.Time
	Email, Name string          // as they were left
	In          *model.Campaign // as it is; nil: none
	Code        string          // by which they came; "" where they came by none
	Channel     string          // of the code
	Advocate    Contact         // who referred them; empty where nobody did
	Attribution string          // as it was sent
	Reward      *model.Reward   // what they get for it; nil: nothing
	Coupon      string          // that came with it
	Sent        json.RawMessage // what else was sent
}

// tellCapture tells of an address that was left in a campaign, nil for none,
// if newsletters are welcome there.
func (t *turn) tellCapture(event model.EventID, campaign *model.Campaign, newsletter *bool) {
	if newsletter == nil || !*newsletter {
		return
	}
	var in model.CampaignID
	if campaign != nil {
		in = campaign.ID
	}
	t.tell(model.EmailCaptured, in, int64(event), nil)
}

// tellHeldCaptures tells of the addresses that somebody left in a campaign
// before theirs was confirmed.
func (t *turn) tellHeldCaptures(person model.PersonID, campaign *model.Campaign) error {
	if len(t.cfg.Endpoints(model.EmailCaptured, campaign.ID)) == 0 {
		return nil
	}
	left, err := t.tx.CapturesOf(t.group(person), campaign.ID)
	for _, c := range left {
		var detail eventDetail
		if err := readDetail(c.Detail, &detail); err != nil {
			return err
		}
		t.tellCapture(c.ID, campaign, detail.Newsletter)
	}
	return err
}

// toldCaptures reads captures.
func (e *Engine) toldCaptures(tx *store.Tx, cfg *Config, events []model.EventID) (map[model.EventID]*ToldCapture, error) {
	captures, err := tx.Captures(events)
	if err != nil {
		return nil, err
	}
	told := make(map[model.EventID]*ToldCapture, len(captures))
	codes := make([]model.CodeID, len(captures))
	for i, c := range captures {
		var detail eventDetail
		if err := readDetail(c.Detail, &detail); err != nil {
			return nil, err
		}
		t := &ToldCapture{
			Event: c.UUID, At: c.At, Email: detail.Email, Name: detail.Name, Attribution: detail.Attribution, Sent: detail.Sent,
		}
		if c.Campaign != 0 {
			if t.In, err = cfg.Campaign(c.Campaign); err != nil {
				return nil, err
			}
		}
		// One that counts for nobody, as the second of a person, was sent with a
		// code all the same.
		told[c.ID], codes[i] = t, cmp.Or(c.Code, detail.CodeID)
	}
	shown, err := tx.CodesByID(codes)
	if err != nil {
		return nil, err
	}
	advocates := make([]model.PersonID, len(captures))
	for i, c := range captures {
		advocates[i] = cmp.Or(c.Advocate, shown[codes[i]].Person)
	}
	known, err := tx.Contacts(advocates)
	if err != nil {
		return nil, err
	}
	for i, c := range captures {
		code := shown[codes[i]]
		told[c.ID].Code, told[c.ID].Channel = code.Shown, code.Channel
		told[c.ID].Advocate = contact(known[advocates[i]])
	}
	return told, incentives(tx, events, told)
}

// incentives fills in what those got who left their address.
func incentives(tx *store.Tx, events []model.EventID, told map[model.EventID]*ToldCapture) error {
	brought, err := tx.RewardsOfEvents(events)
	if err != nil {
		return err
	}
	rewards, coupons, err := tx.Rewards(brought)
	for _, w := range rewards {
		if w.Role != model.AsAdvocate && w.Role != model.AsEarner && (w.State == model.Earned || w.State == model.Delivered) {
			told[w.Event].Reward, told[w.Event].Coupon = w, coupons[w.ID]
		}
	}
	return err
}
