package engine

import (
	"context"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"grapevine/engine/letter"
	"grapevine/model"
)

// PreviewMail writes a mail of a kind as the account words it, to nobody and
// with made-up names: what is sent goes through the same hands. campaign is a
// number or a name; "" is the one of the lowest number. message is in a sender's words, and may
// be empty. Fails with Invalid for a kind that there is not, and with NotFound
// for such a campaign.
func (e *Engine) PreviewMail(ctx context.Context, account model.AccountID, kind model.MailKind, campaign, message string) (*Posting, error) {
	if !slices.Contains(model.MailKinds, kind) {
		return nil, &model.Error{Kind: model.Invalid, Field: "kind", Msg: "there is no mail of that kind"}
	}
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return nil, err
	}
	var in model.CampaignID
	for _, c := range cfg.Campaigns() {
		if campaign == "" || c.Name == campaign || strconv.FormatInt(int64(c.ID), 10) == campaign {
			in = c.ID
			break
		}
	}
	if in == 0 && campaign != "" {
		return nil, &model.Error{Kind: model.NotFound, Field: "campaign", Msg: "no campaign is called that"}
	}
	p := &Posting{At: e.now(), To: "bea@example.com", Token: e.mailToken(account, 0)}
	mail := &model.Mail{Kind: kind, Campaign: in}
	about := cfg.campaignOf(mail)
	fill := letter.Filling{
		Account: cfg.Settings.Name, Campaign: about.Name, Name: "Bea", Link: e.mailLink(cfg, about, mail, "ANN123"),
	}
	if kind == model.InvitationMail || kind == model.FriendInvitationMail {
		fill.Invitation = e.invitation(cfg, p.To)
	}
	switch kind {
	case model.ShareMail, model.ReminderMail, model.StockMail:
	default:
		fill.Standing = letter.Standing{
			Position: "7", Referrals: "3", StandingLink: standingLink(e.linkTo(cfg, "ANN123"), uuid.Nil.String()), Vars: [3]string{"one", "two", "three"},
		}
	}
	switch kind {
	case model.ShareMail, model.ReminderMail, model.FriendInvitationMail:
		fill.Sender, fill.Message = "Ann Advocate", message
	case model.StockMail:
		fill.Message = "85 percent of the codes of a batch are used: 15 of 100 are left."
	case model.RewardMail:
		fill.Reward, fill.Coupon = "10 "+cfg.Settings.Currency, "THANKS-10"
	}
	return p, e.write(p, cfg, about, kind, fill)
}
