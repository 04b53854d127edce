package referralfactory

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"grapevine/engine"
	"grapevine/engine/sheet"
	"grapevine/model"
	"grapevine/money"
)

// What the documentation calls whom a reward is for.
const (
	forReferring = "Person Referring (Direct User)"
	forInvited   = "Person Invited (Referred User)"
)

var (
	rewardPlain     = []string{"id", "campaign_id", "name", "reward_for", "type", "value", "when_referral"}
	userRewardPlain = []string{"reward_id", "reward_name", "reward_value", "rewards_total", "rewards_value", "referrer_name", "referrer_email", "issued_at", "in_cart"}
	heldPlain       = []string{
		"id", "reward_id", "reward_for", "reward_type", "reward_when_referral", "reward_value",
		"recipient_id", "recipient_first_name", "recipient_email", "total_due", "total_value", "status", "issued_at",
	}
)

// The columns of the sheet of rewards.
const (
	rewardCampaign = iota
	rewardValue
	rewardNumbers
)

const (
	rewardName = iota
	rewardFor
	rewardType
	rewardWhen
	rewardTexts
)

var rewards = &resource{
	plain: rewardPlain,
	fields: []field{
		numberField("id", sheet.ID, false, 1),
		numberField("campaign_id", rewardCampaign, false, 1),
		textField("name", rewardName),
		textOrNullField("reward_for", rewardFor),
		textOrNullField("type", rewardType),
		numberField("value", rewardValue, false, int64(money.Unit)),
		textOrNullField("when_referral", rewardWhen),
	},
	relations: []relation{{"campaign", campaignPlain}},
}

// promise is a reward of a campaign as it is promised.
type promise struct {
	*model.Rule
	in *engine.CampaignView
}

// promises are the rewards that campaigns promise to who refers and who is
// referred, by id.
func (a *API) promises(r *http.Request, account model.AccountID) (map[int64]promise, error) {
	views, err := a.core.ViewCampaigns(r.Context(), account)
	if err != nil {
		return nil, err
	}
	all := map[int64]promise{}
	for i := range views {
		for j := range views[i].Rules {
			if rule := &views[i].Rules[j]; rule.To != model.ToCustomer {
				all[int64(rule.ID)] = promise{rule, &views[i]}
			}
		}
	}
	return all, nil
}

func (a *API) getRewards(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	q, err := a.readQuery(r, account, rewards)
	if err != nil {
		return err
	}
	promised, err := a.promises(r, account)
	if err != nil {
		return err
	}
	ids, total := rewardSheet(promised).Select(q.where, q.by, q.skip(), q.perPage)
	var rows []object
	for _, id := range ids {
		p := promised[id]
		rows = append(rows, rewardToJSON(p.Rule, p.in.ID).only(q.only).with(q, "campaign", func() object { return campaignToJSON(p.in) }))
	}
	return q.listed(w, r, rows, total, closing(http.StatusOK, "Paginated rewards response")...)
}

func rewardSheet(promised map[int64]promise) *sheet.Sheet {
	all := sheet.New(rewardNumbers, rewardTexts)
	for id, p := range promised {
		row := sheet.Row{ID: id, Numbers: make([]int64, rewardNumbers), Texts: make([]string, rewardTexts)}
		row.Numbers[rewardCampaign], row.Numbers[rewardValue] = int64(p.in.ID), int64(p.Value.Amount)
		row.Texts[rewardName] = strings.ToLower(p.Name)
		row.Texts[rewardFor] = strings.ToLower(isFor(p.To))
		row.Texts[rewardType] = strings.ToLower(typeOf(p.Rule))
		row.Texts[rewardWhen] = whenReferral(p.On)
		all.Put(row)
	}
	return all
}

func isFor(to model.Recipient) string {
	switch to {
	case model.ToAdvocate:
		return forReferring
	case model.ToFriend:
		return forInvited
	}
	return ""
}

func roleFor(role model.Role) string {
	if role == model.AsFriend {
		return forInvited
	}
	return forReferring
}

func typeOf(r *model.Rule) string {
	if r.Value.Label != "" {
		return r.Value.Label
	}
	return string(r.Value.Type)
}

// whenReferral is what the documentation calls what a reward is for: that
// somebody came, or that they did what they came for. It has no word for
// events of a merchant's own.
func whenReferral(on string) string {
	switch on {
	case string(model.Invited), string(model.SignUp), string(model.EmailCapture):
		return "invited"
	case string(model.Qualified), string(model.Purchase):
		return "converted"
	}
	return ""
}

func rewardToJSON(r *model.Rule, campaign model.CampaignID) object {
	return object{
		{"id", r.ID}, {"campaign_id", campaign}, {"name", r.Name}, {"reward_for", textOrNull(isFor(r.To))},
		{"type", textOrNull(typeOf(r))}, {"value", r.Value.Amount}, {"when_referral", textOrNull(whenReferral(r.On))},
	}
}

// statuses is what the documentation calls how far rewards are.
var statuses = map[int64]string{engine.HeldDue: "Due", engine.HeldIssued: "Issued", engine.HeldRevoked: "Revoked"}

var heldRelations = []relation{{"reward", rewardPlain}, {"recipient", userPlain}}

// heldOf is what can be asked of rewards due and issued. What their rows tell
// of the reward is the rule's, which need not be promised any more.
func heldOf(rules map[model.RuleID]*model.Rule) *resource {
	values := sheet.New(1, 0)
	types, whens := map[int64]string{}, map[int64]string{}
	for of, rule := range rules {
		id := int64(of)
		values.Put(sheet.Row{ID: id, Numbers: []int64{int64(rule.Value.Amount)}})
		types[id], whens[id] = typeOf(rule), whenReferral(rule.On)
	}
	value := numberField("reward_value", 0, false, int64(money.Unit))
	return &resource{
		plain: heldPlain, relations: heldRelations,
		fields: []field{
			numberField("id", sheet.ID, false, 1),
			numberField("reward_id", engine.HeldRule, false, 1),
			namedField("reward_for", engine.HeldRole, map[int64]string{engine.HeldAsAdvocate: forReferring, engine.HeldAsFriend: forInvited}),
			namedField("reward_type", engine.HeldRule, types),
			namedField("reward_when_referral", engine.HeldRule, whens),
			{
				name:  "reward_value",
				order: sheet.Order{Column: engine.HeldRule, Key: func(rule int64) int64 { return values.Number(rule, 0) }},
				filter: func(op sheet.Op, text string, days *time.Location) ([]sheet.Condition, string) {
					conditions, why := value.filter(op, text, days)
					ids, _ := values.Select(conditions, sheet.Order{Column: sheet.ID}, 0, values.Len())
					set := map[int64]bool{}
					for _, id := range ids {
						set[id] = true
					}
					return []sheet.Condition{sheet.OneOf(engine.HeldRule, set)}, why
				},
			},
			numberField("recipient_id", engine.HeldRecipient, true, 1),
			textField("recipient_first_name", engine.HeldFirstName),
			textField("recipient_email", engine.HeldEmail),
			numberField("total_due", engine.HeldCount, false, 1),
			numberField("total_value", engine.HeldAmount, false, int64(money.Unit)),
			namedField("status", engine.HeldState, statuses),
			momentField("issued_at", engine.HeldIssuedAt, true),
		},
	}
}

func (a *API) getRewardsDue(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	return a.listHeld(w, r, account, engine.HeldDue)
}

func (a *API) getRewardsIssued(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	return a.listHeld(w, r, account, engine.HeldIssued, engine.HeldRevoked)
}

func (a *API) listHeld(w http.ResponseWriter, r *http.Request, account model.AccountID, states ...int64) error {
	rules, err := a.core.EveryRule(r.Context(), account)
	if err != nil {
		return err
	}
	q, err := a.readQuery(r, account, heldOf(rules))
	if err != nil {
		return err
	}
	shown := sheet.Between(engine.HeldState, slices.Min(states), slices.Max(states))
	listed, err := a.core.ListHoldings(r.Context(), account, engine.HoldingsQuery{
		Where: append([]sheet.Condition{shown}, q.where...), By: q.by, Skip: q.skip(), Size: q.perPage, Receiver: q.with["recipient"],
	})
	if err != nil {
		return err
	}
	var rows []object
	for i := range listed.Rows {
		h := &listed.Rows[i]
		rows = append(rows, heldToJSON(h).only(q.only).
			with(q, "reward", func() object { return rewardToJSON(h.Rule, h.Campaign) }).
			with(q, "recipient", func() object {
				if h.Receiver == nil {
					return nil
				}
				return a.userToJSON(h.Receiver)
			}))
	}
	return q.listed(w, r, rows, int(listed.Total))
}

var statusOfHeld = map[model.RewardState]string{model.Earned: "Due", model.Delivered: "Issued", model.Revoked: "Revoked"}

func heldToJSON(h *engine.HoldingView) object {
	return object{
		{"id", h.ID}, {"reward_id", h.Rule.ID}, {"reward_for", roleFor(h.Role)}, {"reward_type", textOrNull(typeOf(h.Rule))},
		{"reward_when_referral", textOrNull(whenReferral(h.Rule.On))}, {"reward_value", h.Rule.Value.Amount},
		{"recipient_id", orNull(h.Recipient)}, {"recipient_first_name", h.FirstName}, {"recipient_email", h.Email},
		{"total_due", h.N}, {"total_value", h.Amount}, {"status", statusOfHeld[h.State]}, {"issued_at", shownOrNull(h.IssuedAt)},
	}
}

// withRewards adds what a user holds. The referrer of a reward is who refers:
// the user, or, for what a referred user gets, who brought them.
func (o object) withRewards(q *query, name string, v *engine.ParticipantView, held []engine.HoldingView) object {
	if !q.with[name] {
		return o
	}
	list := []object{}
	for _, h := range held {
		referrer := v
		if h.Role == model.AsFriend {
			referrer = v.Referrer
		}
		var by, email any
		if referrer != nil {
			by, email = referrer.FirstName, referrer.Email
		}
		list = append(list, object{
			{"reward_id", h.Rule.ID}, {"reward_name", h.Rule.Name}, {"reward_value", h.Rule.Value.Amount},
			{"rewards_total", h.N}, {"rewards_value", h.Amount}, {"referrer_name", by}, {"referrer_email", email},
			{"issued_at", shownOrNull(h.IssuedAt)}, {"in_cart", false},
		}.only(q.onlyOf[name]))
	}
	return append(o, member{name, list})
}
