package irefer

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"grapevine/engine"
	"grapevine/engine/address"
	"grapevine/model"
)

// networks are the letters by which a page says where a lead came from.
var networks = map[string]string{"t": "twitter", "f": "facebook", "l": "linkedin", "w": "whatsapp", "e": "email"}

// queryOf reads the parameters of a call.
func queryOf(r *http.Request) (url.Values, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, &model.Error{Kind: model.Malformed, Msg: "the parameters cannot be read", Err: err}
	}
	return query, nil
}

// referrerStats tells how somebody does.
func (a *API) referrerStats(c *call) (any, error) {
	campaign, email, err := c.participant()
	if err != nil {
		return nil, err
	}
	p, err := a.core.Participation(c.Context(), c.account, campaign.ID, email)
	if err != nil {
		return nil, err
	}
	return referrerToJSON(p), nil
}

// participant is the campaign and the e-mail address that a call names.
func (c *call) participant() (*model.Campaign, string, error) {
	campaign, err := c.campaign()
	if err != nil {
		return nil, "", err
	}
	email := c.param("email")
	if !address.Valid(email) {
		return nil, "", &model.Error{Kind: model.Invalid, Field: "email", Msg: "email must be an e-mail address"}
	}
	return campaign, email, nil
}

// infos are what a merchant asks of a lead beside name and phone.
var infos = []string{"phone", "info_1", "info_2", "info_3", "info_4", "info_5"}

// newSignup makes somebody a participant. Who takes part already is answered
// and not changed.
func (a *API) newSignup(c *call) (any, error) {
	campaign, email, err := c.participant()
	if err != nil {
		return nil, err
	}
	who := engine.Who{Email: email, IP: c.ip, Agent: c.agent, Server: c.server}
	who.FirstName, who.LastName = splitName(c.param("name"))
	for _, name := range infos {
		if value := c.param(name); value != "" {
			if who.Extra == nil {
				who.Extra = map[string]json.RawMessage{}
			}
			if who.Extra[name], err = json.Marshal(value); err != nil {
				return nil, err
			}
		}
	}
	_, err = a.core.Join(c.Context(), c.account, engine.Join{
		Who: who, Referral: engine.Referral{ReferralCode: c.param("referrer_code")}, Kind: model.SignUp,
		Campaign: campaign.ID, Source: networks[strings.ToLower(c.param("source"))], OnlyNew: true,
	})
	if err != nil {
		return nil, err
	}
	p, err := a.core.Participation(c.Context(), c.account, campaign.ID, email)
	if err != nil {
		return nil, err
	}
	return signupToJSON(p), nil
}

// splitName splits a name at its first blank.
func splitName(name string) (first, last string) {
	first, last, _ = strings.Cut(strings.TrimSpace(name), " ")
	return first, strings.TrimSpace(last)
}

// newSpecificAction records that somebody whom a code brought reached a page.
// Who that is need not take part, nor have an e-mail address.
func (a *API) newSpecificAction(c *call) (any, error) {
	campaign, err := c.campaign()
	if err != nil {
		return nil, err
	}
	external, action, code := c.param("external_id"), c.param("action"), c.param("referrer_code")
	for field, value := range map[string]string{"external_id": external, "action": action, "referrer_code": code} {
		if err := required(field, value); err != nil {
			return nil, err
		}
	}
	status, err := a.core.ReferralStatus(c.Context(), c.account, code)
	if err != nil {
		return nil, err
	}
	if status.CampaignUUID != campaign.UUID {
		return nil, &model.Error{Kind: model.Invalid, Reason: model.ReferrerUnknown, Field: "referrer_code", Msg: "the code belongs to another campaign"}
	}
	who := engine.Who{IP: c.ip, Agent: c.agent, Server: c.server}
	if address.Valid(external) {
		who.Email = external
	} else {
		who.CustomerID = external
	}
	_, err = a.core.RecordPage(c.Context(), c.account, engine.Page{
		Who: who, Referral: engine.Referral{ReferralCode: code}, URL: action, DeduplicationID: c.param("campaign_id") + " " + external,
	})
	if err != nil {
		return nil, err
	}
	return actionJSON{Campaign: campaign.Name, ExternalID: external}, nil
}
