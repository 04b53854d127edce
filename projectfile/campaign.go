package projectfile

import (
	"slices"
	"strings"
	"time"

	"grapevine/model"
)

// refs is what entries of a campaign may refer to.
type refs struct {
	currencies map[string]bool // that are not ISO 4217's
	batches    map[string]bool
	account    string // its currency
}

// campaignNames returns the names that other entries may refer to.
func (r *reader) campaignNames(s section) map[string]bool {
	known := map[string]bool{}
	if n := s.value("campaigns"); n != nil {
		for _, item := range n.items {
			if name := item.get("name"); name != nil && name.text != "" {
				known[name.text] = true
			}
		}
	}
	return known
}

// campaignUnique holds what no two campaigns of a file may share.
type campaignUnique struct {
	names, ids, uuids, codes, tokens, rewards, widgets, questions *unique
}

func (r *reader) campaigns(s section, p *model.Project, refs *refs) {
	u := campaignUnique{
		newUnique(r), newUnique(r), newUnique(r), newUnique(r), newUnique(r), newUnique(r), newUnique(r), newUnique(r),
	}
	for _, c := range s.sections("campaigns") {
		campaign := r.campaign(c, refs, &u)
		u.names.add(c, "name", campaign.Name)
		u.ids.add(c, "id", number64(int64(campaign.ID)))
		u.uuids.add(c, "uuid", campaign.UUID)
		u.codes.add(c, "code", model.FoldCode(campaign.Code))
		u.tokens.add(c, "project_token", campaign.ProjectToken)
		p.Campaigns = append(p.Campaigns, campaign)
	}
}

// Words that a campaign may have.
var (
	statuses     = []string{string(model.Draft), string(model.Launched), string(model.Paused)}
	leaderboards = []string{"referrals", "points", "joined", "skip_ahead"}
	seeds        = []string{"random", "first_name"}
	channels     = []string{"email", "facebook", "twitter", "linkedin", "whatsapp", "messenger", "sms", "purl"}
	allChannels  = append(channels[:len(channels):len(channels)], "generic", "snap")
)

func (r *reader) campaign(s section, refs *refs, u *campaignUnique) model.Campaign {
	c := model.Campaign{
		Name:              s.need("name", "the campaign's name", oneLine),
		ID:                model.CampaignID(s.id("id")),
		UUID:              strings.ToLower(s.text("uuid", isUUID)),
		Code:              s.text("code", codeForm, notReserved),
		ProjectToken:      s.text("project_token", codeForm),
		Status:            model.Status(s.oneOf("status", string(model.Draft), statuses...)),
		Lang:              s.text("lang", isLanguage),
		StartsAt:          s.time("starts_at"),
		EndsAt:            s.time("ends_at"),
		Landing:           s.text("landing", webURL),
		LinkParam:         s.text("link_param", paramForm, notTheirs),
		SignedLinks:       s.flag("fbuy", true),
		AttributionWindow: s.duration("attribution_window", 2160*time.Hour, time.Millisecond),
		ConfirmEmail:      s.flag("confirm_email", false),
		Leaderboard:       s.oneOf("leaderboard", "referrals", leaderboards...),
		SkipAhead:         s.count("skip_ahead", 10),
		IdleAfter:         s.duration("idle_after", 720*time.Hour, 0),
		FriendInvitations: s.count("friend_invitations", 5),
	}
	keepText(&c.Lang, "en")
	keepText(&c.LinkParam, "ref")
	if !c.StartsAt.IsZero() && !c.EndsAt.IsZero() && !c.EndsAt.After(c.StartsAt) {
		s.wrong("ends_at", "a time after starts_at")
	}
	points := s.section("points")
	c.Points = model.ActionPoints{SignUp: points.amount("sign_up"), Share: points.amount("share"), Referral: points.amount("referral")}
	limits := s.section("limits")
	c.Limits = model.Limits{
		SignupsPerIP:   limits.count("signups_per_ip", 0),
		ReferralsPerIP: limits.count("referrals_per_ip", 0),
		IPSafelist:     limits.texts("ip_safelist", regularExpression),
	}
	style := s.section("code_style")
	c.CodeStyle = model.CodeStyle{Seed: style.oneOf("seed", "random", seeds...), Prefix: style.text("prefix", prefixForm)}
	share := s.section("share")
	c.Share = model.Share{Subject: share.text("subject", oneLine, isTemplate), Text: share.text("text", isTemplate)}
	c.Channels = s.channels()
	c.InvitationCodes = r.invitationCodes(s)
	for _, q := range s.sections("questions") {
		question := model.Question{ID: q.id("id"), Text: q.need("text", "the question")}
		u.questions.add(q, "id", number64(question.ID))
		c.Questions = append(c.Questions, question)
	}
	r.rewards(s, &c, refs, u)
	r.widgets(s, &c, u)
	return c
}

func keepText(field *string, otherwise string) {
	if *field == "" {
		*field = otherwise
	}
}

// notTheirs keeps the code's parameter apart from the signed one beside it.
func notTheirs(value string) string {
	if value == "fbuy" {
		return "another name than fbuy, which the signed attribution has"
	}
	return ""
}

func (s section) channels() []string {
	if !s.has("channels") {
		return channels
	}
	newUnique(s.r).addItems(s, "channels")
	return s.texts("channels", func(value string) string {
		if slices.Contains(allChannels, value) {
			return ""
		}
		return orList(allChannels)
	})
}

func (r *reader) invitationCodes(s section) (codes []model.InvitationCode) {
	own := newUnique(r)
	for _, i := range s.sections("invitation_codes") {
		code := model.InvitationCode{Code: model.FoldCode(i.need("code", "the code", codeForm)), Uses: i.integer("uses", 0, 1, mostID)}
		if !i.has("uses") {
			i.fail("uses", "expected how many it lets in; it is required")
		}
		own.add(i, "code", code.Code)
		codes = append(codes, code)
	}
	return codes
}

func (r *reader) widgets(s section, c *model.Campaign, u *campaignUnique) {
	unnamed := newUnique(r)
	for _, w := range s.sections("widgets") {
		widget := model.Widget{
			ID:   strings.ToLower(w.text("id", isUUID)),
			Name: w.need("name", "the widget's name", oneLine),
			Type: w.oneOf("type", "advocateShare", "advocateShare", "emailCapture"),
		}
		u.widgets.add(w, "id", widget.ID)
		if widget.ID == "" {
			unnamed.add(w, "name", widget.Name)
		}
		c.Widgets = append(c.Widgets, widget)
	}
}

// Words that a reward may have.
var (
	recipients = []string{string(model.ToAdvocate), string(model.ToFriend), string(model.ToBoth), string(model.ToCustomer)}
	valueTypes = []string{
		string(model.Discount), string(model.CreditValue), string(model.LedgerValue), string(model.GiftCard),
		string(model.Cash), string(model.Product), string(model.Integration), string(model.OtherValue),
	}
)

func (r *reader) rewards(s section, c *model.Campaign, refs *refs, u *campaignUnique) {
	descriptors := newUnique(r)
	for _, w := range s.sections("rewards") {
		rule := r.reward(w, refs)
		u.rewards.add(w, "id", number64(int64(rule.ID)))
		if rule.Descriptor != "" {
			descriptors.add(w, "descriptor", rule.Descriptor)
		} else if rule.Name != "" {
			rule.Descriptor = w.describe(rule.Name, descriptors)
		}
		c.Rules = append(c.Rules, rule)
	}
}

// describe makes a descriptor of a reward's name. It makes no second one of
// equal names: which reward got which would depend on their order.
func (s section) describe(name string, used *unique) string {
	made := machineName(name, "_", 60)
	keepText(&made, "reward")
	if other, taken := used.seen[made]; taken {
		s.fail("name", "expected a descriptor beside it, as %s, which is made of it, is that of %s", made, other)
	} else {
		used.seen[made] = s.path
	}
	return made
}

func (r *reader) reward(s section, refs *refs) model.Rule {
	rule := model.Rule{
		Name:        s.need("name", "the reward's name", oneLine),
		Descriptor:  s.text("descriptor", descriptorForm),
		ID:          model.RuleID(s.id("id")),
		Description: s.text("description"),
		To:          model.Recipient(s.oneOf("to", "", recipients...)),
		On:          s.need("on", "what is rewarded, such as sign_up, purchase or a page such as /thanks", oneLine),
		After:       s.integer("after", 1, 1, mostID),
		Repeat:      s.flag("repeat", false),
		Limit:       s.integer("limit", 0, 0, mostID),
		Hold:        s.duration("hold", 0, 0),
		ValidateURL: s.text("validate_url", webURL),
	}
	if !s.has("to") {
		s.fail("to", "expected %s; it is required", orList(recipients))
	}
	when := s.section("when")
	rule.When = model.Condition{
		MinAmount: when.amount("min_amount"), NewCustomer: when.flag("new_customer", false), SKUs: when.texts("skus", oneLine),
	}
	points := s.section("points")
	rule.Points = model.SidePoints{Referrer: points.amount("referrer"), Friend: points.amount("friend")}
	rule.Value = s.section("value").worth(refs)
	otherwise := "manual"
	if rule.Value.Type == model.LedgerValue {
		otherwise = "auto"
	}
	rule.Auto = s.oneOf("issue", otherwise, "manual", "auto") == "auto"
	return rule
}

// worth reads the value of a reward.
func (s section) worth(refs *refs) model.Value {
	v := model.Value{
		Type:    model.ValueType(s.oneOf("type", string(model.OtherValue), valueTypes...)),
		Label:   s.text("label", oneLine),
		Coupons: s.reference("coupons", "a batch", refs.batches),
	}
	if v.Type == model.LedgerValue {
		v.Amount = s.positive("amount")
		v.Unit = s.currency("unit", refs.currencies)
		keepText(&v.Unit, refs.account)
	} else {
		v.Amount = s.amount("amount")
		v.Unit = s.text("unit", oneLine)
	}
	return v
}
