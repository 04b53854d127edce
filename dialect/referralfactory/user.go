package referralfactory

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"grapevine/engine"
	"grapevine/engine/sheet"
	"grapevine/model"
)

var userPlain = []string{
	"id", "first_name", "email", "referrer_id", "campaign_id", "qualified", "qualified_at", "unsubscribed", "unsubscribed_at",
	"code", "url", "meta", "sharing", "sharing_message", "reach", "referrals_count", "converted_referrals_count", "source", "date", "qr",
}

// sources is what the documentation calls where people came from.
var sources = map[int64]string{
	int64(engine.CameAlone): "Direct", int64(engine.CameReferred): "Referred", int64(engine.CameAdded): "Added", int64(engine.CameByServer): "API",
}

// users have the fields that do not depend on the account: see usersOf.
var users = &resource{
	plain: userPlain,
	fields: []field{
		numberField("id", sheet.ID, false, 1),
		numberField("campaign_id", engine.PeopleCampaign, false, 1),
		numberField("referrer_id", engine.PeopleReferrer, true, 1),
		flagField("qualified", engine.PeopleQualified),
		momentField("qualified_at", engine.PeopleQualifiedAt, true),
		flagField("unsubscribed", engine.PeopleUnsubscribed),
		momentField("unsubscribed_at", engine.PeopleUnsubscribedAt, true),
		textField("first_name", engine.PeopleFirstName),
		textField("email", engine.PeopleEmail),
		textField("code", engine.PeopleCode),
		numberField("reach", engine.PeopleReach, false, 1),
		numberField("referrals_count", engine.PeopleReferrals, false, 1),
		numberField("converted_referrals_count", engine.PeopleConverted, false, 1),
		namedField("source", engine.PeopleOrigin, sources),
		momentField("date", engine.PeopleJoinedAt, false),
		extraField("meta"),
	},
	relations: []relation{
		{"campaign", campaignPlain}, {"referrer", userPlain},
		{"rewards_due", userRewardPlain}, {"rewards_issued", userRewardPlain}, {"coupon", couponPlain},
	},
}

func (a *API) getUsers(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	of, err := a.usersOf(r, account)
	if err != nil {
		return err
	}
	q, err := a.readQuery(r, account, of)
	if err != nil {
		return err
	}
	listed, err := a.core.ListPeople(r.Context(), account, engine.PeopleQuery{
		Where: q.where, By: q.by, Skip: q.skip(), Size: q.perPage, Reach: q.asked["reach"], Extra: q.asked["meta"],
		With: engine.Relations{Referrer: q.with["referrer"], Due: q.with["rewards_due"], Issued: q.with["rewards_issued"], Coupon: q.with["coupon"]},
	})
	if err != nil {
		return err
	}
	var rows []object
	for i := range listed.Rows {
		rows = append(rows, a.userWith(&listed.Rows[i], q))
	}
	return q.listed(w, r, rows, int(listed.Total), closing(http.StatusOK, nil)...)
}

// getUser shows the rewards without being asked, as the documentation does.
func (a *API) getUser(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	q, err := a.readQuery(r, account, users)
	if err != nil {
		return err
	}
	id, err := pathID(r, "user")
	if err != nil {
		return err
	}
	if q.only == nil {
		q.with["rewards_due"], q.with["rewards_issued"] = true, true
	}
	return a.showUser(w, r, account, model.ParticipantID(id), q, http.StatusOK, nil)
}

// showUser answers one user.
func (a *API) showUser(w http.ResponseWriter, r *http.Request, account model.AccountID, id model.ParticipantID, q *query, status int, message any) error {
	v, err := a.core.ViewParticipant(r.Context(), account, id, engine.Relations{Referrer: true, Due: true, Issued: true, Coupon: q.with["coupon"]})
	if err != nil {
		return err
	}
	return single(w, status, a.userWith(v, q), message)
}

// changed is how a user is shown after a call that changed them.
func changed() *query {
	return &query{with: map[string]bool{"campaign": true, "referrer": true}}
}

func (a *API) postUser(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	in, err := readInput(r)
	if err != nil {
		return err
	}
	id, err := a.addUser(r, account, in)
	if err != nil {
		return err
	}
	return a.showUser(w, r, account, id, changed(), http.StatusCreated, "User successfully added.")
}

// addUser makes a user of what was sent, with or without a referrer.
func (a *API) addUser(r *http.Request, account model.AccountID, in *input) (model.ParticipantID, error) {
	in.need("first_name")
	in.need("email")
	in.need("campaign_id")
	join := engine.Join{
		Who:  engine.Who{FirstName: in.text("first_name"), Email: in.email("email"), Server: true},
		Kind: model.SignUp, Campaign: model.CampaignID(in.id("campaign_id")), Source: engine.SourceServer, OnlyNew: true,
	}
	referrer, code := model.ParticipantID(in.id("referrer_id")), in.text("referrer_code")
	notify := in.flag("notify")
	join.Notify = notify != nil && *notify
	if err := in.err(); err != nil {
		return 0, err
	}
	if _, err := a.core.ViewCampaign(r.Context(), account, join.Campaign); model.ReasonOf(err) == model.CampaignUnknown {
		return 0, unprocessable("campaign_id", "The selected campaign id is not known.")
	}
	if referrer != 0 || code != "" {
		var err error
		if join.ReferralCode, err = a.referrer(r, account, join.Campaign, referrer, code); err != nil {
			return 0, err
		}
	}
	joined, err := a.core.Join(r.Context(), account, join)
	if err != nil {
		return 0, err
	}
	if !joined.Created {
		return 0, unprocessable("email", "The email already exists in this campaign.")
	}
	return joined.Participant, nil
}

// referrer is the code of the user of a campaign who is meant by id, else by
// code.
func (a *API) referrer(r *http.Request, account model.AccountID, campaign model.CampaignID, id model.ParticipantID, code string) (string, error) {
	field := "referrer_id"
	if id == 0 {
		field = "referrer_code"
		found, err := a.core.FindParticipant(r.Context(), account, engine.Naming{Code: code})
		if err != nil && model.KindOf(err) != model.NotFound {
			return "", err
		}
		id = found
	}
	v, err := a.core.ViewParticipant(r.Context(), account, id, engine.Relations{})
	switch {
	case model.KindOf(err) == model.NotFound && err != nil, err == nil && v.Participant.Campaign != campaign:
		return "", unprocessable(field, "The selected "+strings.ReplaceAll(field, "_", " ")+" is not that of a user of this campaign.")
	case err != nil:
		return "", err
	}
	return v.Shown, nil
}

func (a *API) putUser(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	id, err := pathID(r, "user")
	if err != nil {
		return err
	}
	in, err := readInput(r)
	if err != nil {
		return err
	}
	var c engine.Change
	for field, to := range map[string]**string{"first_name": &c.FirstName, "email": &c.Email} {
		if !in.has(field) || !in.need(field) {
			continue
		}
		text := in.text(field)
		if field == "email" {
			text = in.email(field)
		}
		*to = &text
	}
	c.Qualified = in.flag("qualified")
	if err := in.err(); err != nil {
		return err
	}
	if err := a.core.ChangeParticipant(r.Context(), account, model.ParticipantID(id), c); err != nil {
		return err
	}
	return a.showUser(w, r, account, model.ParticipantID(id), changed(), http.StatusOK, "User successfully updated.")
}

func (a *API) deleteUser(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	id, err := pathID(r, "user")
	if err != nil {
		return err
	}
	v, err := a.core.ViewParticipant(r.Context(), account, model.ParticipantID(id), engine.Relations{})
	if err != nil {
		return err
	}
	if err := a.core.RemoveParticipant(r.Context(), account, v.ID); err != nil {
		return err
	}
	return single(w, http.StatusOK, a.userToJSON(v), "User successfully deleted.")
}

// userWith is a user as a call asked for it.
func (a *API) userWith(v *engine.ParticipantView, q *query) object {
	return a.userToJSON(v).only(q.only).
		with(q, "campaign", func() object { return campaignToJSON(v.Campaign) }).
		with(q, "referrer", func() object {
			if v.Referrer == nil {
				return nil
			}
			return a.userToJSON(v.Referrer)
		}).
		withRewards(q, "rewards_due", v, v.Due).
		withRewards(q, "rewards_issued", v, v.Issued).
		with(q, "coupon", func() object {
			if v.Coupon == nil {
				return nil
			}
			return couponToJSON(v.Coupon)
		})
}

func (a *API) userToJSON(v *engine.ParticipantView) object {
	meta := any(struct{}{})
	if len(v.Extra) > 0 {
		meta = v.Extra
	}
	subject, text := engine.ShareMessage(v.Campaign.Account, v.Campaign.Campaign, v.URL)
	return object{
		{"id", v.ID}, {"first_name", v.FirstName}, {"email", v.Email},
		{"referrer_id", orNull(v.Participant.Referrer)}, {"campaign_id", v.Participant.Campaign},
		{"qualified", !v.QualifiedAt.IsZero()}, {"qualified_at", shownOrNull(v.QualifiedAt)},
		{"unsubscribed", !v.Suppressed.At.IsZero()}, {"unsubscribed_at", shownOrNull(v.Suppressed.At)},
		{"code", v.Shown}, {"url", v.URL}, {"meta", meta},
		{"sharing", a.sharing(v)}, {"sharing_message", object{{"subject", subject}, {"text", text}}},
		{"reach", v.Reach}, {"referrals_count", v.Referrals}, {"converted_referrals_count", v.Converted},
		{"source", sources[int64(v.Origin)]}, {"date", shown(v.JoinedAt)},
		{"qr", object{{"url", a.public + "/" + url.PathEscape(v.Shown) + "/qr.png"}}},
	}
}

// sharing lists the networks that the campaign offers.
func (a *API) sharing(v *engine.ParticipantView) []object {
	list := []object{}
	for _, network := range offered(v.Campaign.Campaign) {
		list = append(list, object{{"social", network}, {"url", a.public + "/" + url.PathEscape(v.Shown) + "/socials/" + network}})
	}
	return list
}

// offered are the networks that a campaign offers and that there are here.
func offered(c *model.Campaign) (networks []string) {
	for _, channel := range c.Channels {
		if _, known := composers[channel]; known {
			networks = append(networks, channel)
		}
	}
	return networks
}

// errIs tells whether a use case refused for a reason.
func errIs(err error, reason model.Reason) bool {
	var known *model.Error
	return errors.As(err, &known) && known.Reason == reason
}
