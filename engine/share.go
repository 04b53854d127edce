package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"grapevine/model"
	"grapevine/store"
)

// Share is a link that its owner sends on to others.
type Share struct {
	Who
	Code     string // of the link; "" is the sharer's own for the channel
	Campaign string // UUID; "" where code or widget tell
	Channel  string // one of model.Channels; "" is the link's, if it has one
	Bare     bool   // by no network, whatever the link is made for
	Widget   string // id, or name in the campaign
	Params   string // query that the landing address gets, encoded
	Detail   json.RawMessage
	Mail     *ShareMail // to friends, by the channel email; nil: whoever shares sends it on themselves
}

// LinkShared is a share that is counted and durable.
type LinkShared struct {
	Recorded
	Link   Link
	Mailed int // to how many friends a mail goes
}

// RecordShare records that a link was shared. Without a code it finds the
// sharer's link for campaign, channel and widget, or makes it, and makes the
// sharer a participant. What just a browser says of somebody gets a link of
// that browser's own: it earns for the same person, and tells nothing of whom
// it names. Fails with NotFound where code, campaign or widget are not known or
// not live.
func (e *Engine) RecordShare(ctx context.Context, account model.AccountID, s Share) (*LinkShared, error) {
	if err := cmp.Or(s.Who.check(), tooLong("code", s.Code), s.Mail.check()); err != nil {
		return nil, err
	}
	if s.Channel != "" && !slices.Contains(model.Channels, s.Channel) {
		return nil, &model.Error{Kind: model.Invalid, Field: "channel", Msg: "channel must be one of " + strings.Join(model.Channels, ", ")}
	}
	var answer *LinkShared
	err := e.inTurn(ctx, account, func(t *turn) error {
		event := t.happened(model.Shared, 0)
		found, err := t.tx.Look(t.lookup(occurrence{Who: s.Who, Referral: Referral{ReferralCode: s.Code}, kind: model.Shared}, event.ID))
		if err != nil {
			return err
		}
		first := found.First
		if first != nil {
			t.events = nil
			// Whoever sends it again asks for their link once more: nothing but the
			// names they give now says whose that is.
			if found, err = t.tx.Look(t.lookup(occurrence{Who: s.Who, Referral: Referral{ReferralCode: s.Code}}, 0)); err != nil {
				return err
			}
		}
		code, sharer, err := t.shared(s, found)
		if err != nil {
			return err
		}
		campaign, err := t.cfg.Campaign(code.Campaign)
		if err != nil {
			return err
		}
		answer = &LinkShared{Link: Link{
			Code: code.Shown, URL: t.e.linkTo(t.cfg, code.Shown), MadeAt: code.MadeAt,
			Email: s.Email, CustomerID: s.CustomerID, CampaignUUID: campaign.UUID,
		}}
		if first != nil {
			answer.Recorded = Recorded{Event: first.ID, UUID: first.UUID, At: first.At, Repeated: true}
			return nil
		}
		answer.Recorded = Recorded{Event: event.ID, UUID: event.UUID, At: t.now}
		event.Person, event.Turn = sharer, t.turnOf(sharer)
		channel := cmp.Or(s.Channel, code.Channel)
		if s.Bare {
			channel = ""
		}
		listed := sharedIn(campaign, channel, s.Widget)
		t.list(event, listed)
		if err := t.scoreShare(event, campaign, code.Participant, sharer, channel); err != nil {
			return err
		}
		detail := eventDetail{IP: s.IP, Agent: clip(s.Agent), CodeID: code.ID, Sent: s.Detail}
		detail.told(s.Browser)
		if s.Mail != nil {
			if answer.Mailed, err = t.shareByMail(s.Mail, event, listed, code); err != nil {
				return err
			}
		}
		return t.keep(event, detail)
	})
	return answer, err
}

// shared is the link that was shared and its owner, whose lock is held.
func (t *turn) shared(s Share, found *store.Found) (*model.Code, model.PersonID, error) {
	if s.Code != "" {
		h := t.byOwner(found.Code, model.ViaCode, t.now)
		if h == nil {
			return nil, 0, &model.Error{Kind: model.NotFound, Reason: model.CodeUnknown, Field: "code", Msg: "nobody has this code, or its campaign is not live"}
		}
		return &found.Code.Code, h.advocate, t.stand(nil, []model.PersonID{h.advocate}, false)
	}
	campaign, widget := s.Campaign, ""
	if s.Widget != "" {
		in, w, err := t.cfg.Widget(s.Campaign, s.Widget)
		if err != nil {
			return nil, 0, err
		}
		campaign, widget = in.UUID, w.ID
	}
	code, owner, err := t.findLink(LinkRequest{
		Who: s.Who, Campaign: campaign, Channel: s.Channel, Widget: widget, Params: s.Params, apart: s.ownLink(),
	}, found)
	return code, owner, err
}

// ownLink keeps the links apart that browsers get for whom they only name.
func (w Who) ownLink() string {
	if w.vouched() {
		return ""
	}
	return "\x1f" + strconv.FormatInt(int64(w.Visitor), 10)
}
