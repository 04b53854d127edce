package engine

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"grapevine/engine/letter"
	"grapevine/model"
)

// filling is what a mail fills in.
func (d *desk) filling(m *model.Mail, campaign *model.Campaign) (letter.Filling, error) {
	var body mailBody
	if m.Body != "" {
		if err := json.Unmarshal([]byte(m.Body), &body); err != nil {
			return letter.Filling{}, fmt.Errorf("body of mail %d: %w", m.ID, err)
		}
	}
	fill := letter.Filling{
		Account: d.cfg.Settings.Name, Campaign: campaign.Name,
		Name: cmp.Or(body.Name, d.contacts[m.Person].Profile.FirstName), Message: body.Message,
		Link:     d.e.mailLink(d.cfg, campaign, m, d.codes[m.Code]),
		Standing: standingOf(d.recipients[m.ID]),
	}
	if m.Sender != 0 {
		sender := d.contacts[m.Sender].Profile
		fill.Sender = strings.TrimSpace(sender.FirstName + " " + sender.LastName)
	}
	var err error
	switch m.Kind {
	case model.InvitationMail, model.FriendInvitationMail:
		fill.Invitation = d.e.invitation(d.cfg, m.Recipient)
	case model.RewardMail:
		err = d.fillReward(m, &fill)
	}
	return fill, err
}

// campaignOf is the campaign of a mail. The account stands for it in mail of
// none, and of one that is not there any more.
func (c *Config) campaignOf(m *model.Mail) *model.Campaign {
	if campaign, err := c.Campaign(m.Campaign); err == nil {
		return campaign
	}
	return &model.Campaign{Name: c.Settings.Name, Lang: "en"}
}

// wordingOf is how an account words a kind of mail in a campaign. What a
// sender wrote stands in place of a text that has no room for it.
func wordingOf(cfg *Config, campaign *model.Campaign, kind model.MailKind, message bool) letter.Wording {
	own := cfg.Settings.Email.Wording[kind]
	w := letter.Wording{Subject: own.Subject, Text: own.Text}
	if kind == model.ShareMail {
		w = letter.Wording{Subject: campaign.Share.Subject, Text: campaign.Share.Text}.Or(w)
	}
	if message && w.Text != "" && !strings.Contains(w.Text, ".Message") {
		w.Text = "{{.Message}}"
	}
	return w.Or(letter.Default(kind))
}

// mailLink is where a mail leads; "" is nowhere.
func (e *Engine) mailLink(cfg *Config, campaign *model.Campaign, m *model.Mail, code string) string {
	switch m.Kind {
	case model.ShareMail, model.ReminderMail, model.NotifyMail:
		if code != "" {
			return e.linkTo(cfg, code)
		}
	case model.ConfirmationMail:
		return e.publicURL + "/confirm/" + e.ConfirmationToken(cfg.ID, m.Participant)
	case model.InvitationMail, model.FriendInvitationMail:
		return cmp.Or(campaign.Landing, cfg.Settings.Site)
	}
	return ""
}

// fillReward says what somebody earned.
func (d *desk) fillReward(m *model.Mail, fill *letter.Filling) error {
	told, err := d.e.toldRewards(d.tx, d.cfg.ID, []model.RewardID{model.RewardID(m.Subject)})
	if err != nil || len(told) == 0 {
		return err
	}
	w := told[0].Reward
	fill.Reward, fill.Coupon = told[0].Info, told[0].Coupon
	if fill.Reward == "" {
		fill.Reward = strings.TrimSpace(w.Amount.String() + " " + w.Unit)
	}
	return nil
}
