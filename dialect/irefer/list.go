package irefer

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"

	"grapevine/engine"
	"grapevine/model"
)

// figuresJSON is the answer of campaignStats.
type figuresJSON struct {
	Campaign   string      `json:"campaign_name"`
	Views      string      `json:"total_views"`
	SignUps    int64       `json:"signups_total"`
	Today      int64       `json:"signups_today"`
	Conversion string      `json:"conversion"`
	Referrals  int64       `json:"referrals"`
	Facebook   int64       `json:"facebook_referrals"`
	WhatsApp   int64       `json:"whatsapp_referrals"`
	Twitter    int64       `json:"twitter_referrals"`
	LinkedIn   int64       `json:"linkedin_referrals"`
	Email      int64       `json:"email_referrals"`
	Offered    []offerJSON `json:"rewards_offered"`
}

// campaignStats tells how a campaign does.
func (a *API) campaignStats(c *call) (any, error) {
	campaign, err := c.campaign()
	if err != nil {
		return nil, err
	}
	f, err := a.core.CampaignFigures(c.Context(), c.account, campaign.ID)
	if err != nil {
		return nil, err
	}
	return figuresJSON{
		Campaign: campaign.Name, Views: strconv.FormatInt(f.Views, 10), SignUps: f.SignUps, Today: f.Today,
		Conversion: conversion(f), Referrals: f.Referred,
		Facebook: f.ByChannel["facebook"], WhatsApp: f.ByChannel["whatsapp"], Twitter: f.ByChannel["twitter"],
		LinkedIn: f.ByChannel["linkedin"], Email: f.ByChannel["email"], Offered: offersToJSON(campaign),
	}, nil
}

// conversion is computed from the two figures that are shown beside it.
func conversion(f *engine.CampaignFigures) string {
	if f.Views == 0 {
		return "0.0%"
	}
	return fmt.Sprintf("%.1f%%", 100*float64(f.SignUps)/float64(f.Views))
}

// rows passes the rows of an answer, which may be too many to hold.
type rows func(pass func(row any) error) error

// participantJSON is a row of referrers.
type participantJSON struct {
	ID        string  `json:"id"`
	Campaign  string  `json:"campaign_id"`
	Link      string  `json:"referral_link"`
	Referrer  *string `json:"referrer_email"`
	Name      *string `json:"name"`
	Email     *string `json:"email"`
	Phone     *string `json:"phone"`
	Info1     *string `json:"info_1"`
	Info2     *string `json:"info_2"`
	Info3     *string `json:"info_3"`
	Info4     *string `json:"info_4"`
	Info5     *string `json:"info_5"`
	CreatedAt string  `json:"created_at"`
	IP        *string `json:"ip"`
	Network   string  `json:"source_network"`
	Referrals string  `json:"referrals_count"`
}

// referrers lists the participants of a campaign.
func (a *API) referrers(c *call) (any, error) {
	campaign, err := c.campaign()
	if err != nil {
		return nil, err
	}
	return rows(func(pass func(any) error) error {
		return a.core.Roster(c.Context(), c.account, campaign.ID, func(lot []engine.RosterEntry) error {
			for i := range lot {
				if err := pass(participantToJSON(&lot[i])); err != nil {
					return err
				}
			}
			return nil
		})
	}), nil
}

func participantToJSON(p *engine.RosterEntry) participantJSON {
	info := func(name string) *string {
		var value string
		if json.Unmarshal(p.Extra[name], &value) != nil {
			return nil // nothing, or what another dialect keeps under the name
		}
		return text(value)
	}
	row := participantJSON{
		ID: id(p.ID), Campaign: id(p.Campaign), Link: p.Code, Referrer: text(p.Referrer.Email), Name: text(p.Person.Name), Email: text(p.Person.Email),
		Phone: info("phone"), Info1: info("info_1"), Info2: info("info_2"), Info3: info("info_3"), Info4: info("info_4"), Info5: info("info_5"),
		CreatedAt: shown(p.JoinedAt), IP: text(p.IP), Referrals: strconv.FormatInt(p.Referrals, 10),
	}
	for _, network := range networks {
		if p.Source == network {
			row.Network = network
		}
	}
	return row
}

func id[T ~int64](n T) string { return strconv.FormatInt(int64(n), 10) }

// rewardJSON is a row of rewards.
type rewardJSON struct {
	ID          string  `json:"id"`
	Campaign    string  `json:"campaign_id"`
	TriggeredAt string  `json:"triggered_at"`
	Recipient   string  `json:"recipient_id"`
	Email       *string `json:"recipient_email"`
	Name        *string `json:"recipient_name"`
	Code        *string `json:"recipient_referral_code"`
	Referrals   string  `json:"referrals_made"`
	Reward      string  `json:"reward_id"`
	Heading     string  `json:"reward_heading"`
	Description string  `json:"reward_description"`
	Signups     string  `json:"reward_signups_count"`
	Quantity    string  `json:"reward_quantity"`
	Delivery    string  `json:"reward_delivery"`
	Goal        string  `json:"reward_goal_type"`
	To          string  `json:"reward_to"`
}

// rewards lists what was earned in a campaign and not taken back.
func (a *API) rewards(c *call) (any, error) {
	campaign, err := c.campaign()
	if err != nil {
		return nil, err
	}
	return rows(func(pass func(any) error) error {
		return a.core.RewardRoster(c.Context(), c.account, campaign.ID, func(lot []engine.RewardEntry) error {
			for i := range lot {
				if err := pass(rewardToJSON(&lot[i])); err != nil {
					return err
				}
			}
			return nil
		})
	}), nil
}

// How a reward's rule reads here. The spelling of the first is the vendor's.
const (
	toReferrer = "REFFERER"
	toReferred = "REFERRED"
)

func rewardToJSON(w *engine.RewardEntry) rewardJSON {
	row := rewardJSON{
		ID: id(w.ID), Campaign: id(w.Campaign), TriggeredAt: shown(w.At), Recipient: "", Email: text(w.Person.Email), Name: text(w.Person.Name),
		Code: text(w.Code), Referrals: strconv.FormatInt(w.Number, 10), Reward: id(w.Rule.ID), Heading: w.Rule.Name, Description: w.Rule.Description,
		Signups: strconv.FormatInt(max(w.Rule.After, 1), 10), Quantity: "SINGLE", Delivery: "ONCE", Goal: "STANDARD", To: toReferrer,
	}
	if w.Participant != 0 {
		row.Recipient = id(w.Participant)
	}
	if w.Rule.To == model.ToBoth {
		row.Quantity = "DOUBLE"
	}
	if w.Rule.Repeat {
		row.Delivery = "EACHTIME"
	}
	if engine.OnPage(w.Rule) {
		row.Goal = "SPECIFIC"
	}
	if w.Role == model.AsFriend {
		row.To = toReferred
	}
	return row
}

// actionRowJSON is a row of specificActionSignups.
type actionRowJSON struct {
	ID        string  `json:"id"`
	Campaign  string  `json:"campaign_id"`
	Referrer  *string `json:"referrer_email"`
	Referred  *string `json:"referred_person"`
	Action    *string `json:"specific_action"`
	CreatedAt string  `json:"created_at"`
	IP        *string `json:"ip"`
}

// actionPage is how many actions are read at a time.
const actionPage = 500

// specificActionSignups lists pages that were reached by whom a code brought.
func (a *API) specificActionSignups(c *call) (any, error) {
	campaign, err := c.campaign()
	if err != nil {
		return nil, err
	}
	return rows(func(pass func(any) error) error {
		for after := (engine.Cursor{}); ; {
			page, err := a.core.ListActions(c.Context(), c.account, engine.ListQuery{Campaign: campaign.UUID, Size: actionPage, After: after})
			if err != nil {
				return err
			}
			for _, did := range page.Rows {
				if err := pass(actionRowJSON{
					ID: id(did.ID), Campaign: id(campaign.ID), Referrer: text(did.Advocate.Email),
					Referred: text(cmp.Or(did.Person.Email, did.Person.CustomerID)), Action: text(did.Page), CreatedAt: shown(did.At), IP: text(did.IP),
				}); err != nil {
					return err
				}
			}
			if after = page.Next; !page.More {
				return nil
			}
		}
	}), nil
}
