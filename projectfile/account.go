package projectfile

import (
	"fmt"
	"slices"
	"strings"

	"grapevine/model"
)

// project reads the whole file.
func (r *reader) project(root *node) *model.Project {
	s := r.open(root, "")
	p := &model.Project{}
	// What is referred to comes first.
	currencies := r.currencies(s, &p.Settings)
	batches := r.batches(s, p)
	campaigns := r.campaignNames(s)

	r.settings(s, &p.Settings)
	r.keys(s, p)
	r.redemptions(s, &p.Settings, currencies, batches)
	r.tiers(s, &p.Settings, currencies)
	r.earning(s, &p.Settings, currencies)
	r.campaigns(s, p, &refs{currencies: currencies, batches: batches, account: p.Settings.Currency})
	r.webhooks(s, p, campaigns)
	r.questions(s, p)
	return p
}

// settings reads what holds for the whole account.
func (r *reader) settings(s section, to *model.Settings) {
	to.Name = s.need("account", "the company's name", oneLine)
	to.Slug = s.text("slug", slugForm)
	if !s.has("slug") && to.Name != "" {
		if to.Slug = machineName(to.Name, "-", 50); to.Slug == "" {
			s.fail("slug", "expected lower-case letters, digits and hyphens; the account's name has none to make it from")
		}
	}
	to.Site = s.text("site", webURL)
	for _, o := range s.texts("origins", origin) {
		to.Origins = append(to.Origins, asSent(o))
	}
	to.LinkURL = strings.TrimRight(s.text("link_url", baseURL), "/")
	if to.Currency = s.text("currency", iso); to.Currency == "" {
		to.Currency = "USD"
	}
	if to.Timezone = s.text("timezone", timezone); to.Timezone == "" {
		to.Timezone = "UTC"
	}
	to.AutoOptIn = s.section("loyalty").flag("auto_opt_in", false)
	s.integer("account_id", 0, 1, mostID) // shown by apply, never read

	blocked := s.section("blocked")
	to.Blocked.Emails = blocked.texts("emails", mailPattern)
	to.Blocked.IPs = blocked.texts("ips", ipRange)
	to.Blocked.Codes = blocked.texts("codes")

	checks := s.section("fraud")
	to.Fraud = model.FraudChecks{
		SameCookie:     checks.flag("same_cookie", true),
		SameIPAndAgent: checks.flag("same_ip_and_agent", true),
		SameIP:         checks.flag("same_ip", false),
		SameEmail:      checks.flag("same_email", true),
		SimilarEmail:   int(checks.integer("similar_email", 100, 0, 100)),
		SameCustomerID: checks.flag("same_customer_id", true),
	}

	to.EmailAuthorization = s.section("callbacks").text("email_authorization", webURL)
	email := s.section("email")
	to.Email.From = email.text("from", oneLine, mailbox)
	to.Email.Bounces = email.text("bounces", bareAddress)
	to.Email.RemindersAfter = email.section("reminders").duration("after", 0, 0)
	to.Email.PerMinute = email.count("per_minute", 0)
	to.Email.Rewards = email.flag("rewards", false)
	to.Email.Alerts = email.text("alerts", bareAddress)
	for _, kind := range model.MailKinds {
		c := email.section("wording").section(string(kind))
		if w := (model.Share{Subject: c.text("subject", oneLine), Text: c.text("text")}); w != (model.Share{}) {
			if to.Email.Wording == nil {
				to.Email.Wording = map[model.MailKind]model.Share{}
			}
			to.Email.Wording[kind] = w
		}
	}
}

// currencies reads the currencies that have rules, and returns the names of
// those that are not ISO 4217's.
func (r *reader) currencies(s section, to *model.Settings) map[string]bool {
	points := map[string]bool{}
	codes := newUnique(r)
	for _, c := range s.sections("currencies") {
		code := c.need("code", "a currency's name", oneLine, pointsForm)
		codes.add(c, "code", strings.ToLower(code))
		if code != "" && iso(code) != "" {
			if iso(strings.ToUpper(code)) == "" || strings.EqualFold(code, "XXX") {
				c.wrong("code", "ISO 4217 codes in upper case, and not XXX")
			}
			points[code] = true
		}
		to.Currencies = append(to.Currencies, model.PointRules{
			Code:         code,
			Cap:          c.amount("cap"),
			ExpiresAfter: c.duration("expires_after", 0, 0),
		})
	}
	return points
}

// currency reads a currency: one of ISO 4217, or one of this file.
func (s section) currency(name string, points map[string]bool) string {
	return s.text(name, func(value string) string {
		if points[value] || iso(value) == "" {
			return ""
		}
		return "an ISO 4217 code such as USD, or a code of currencies"
	})
}

func (s section) needCurrency(name string, points map[string]bool) string {
	if !s.has(name) {
		s.wrong(name, "a currency")
		return ""
	}
	return s.currency(name, points)
}

// mostCoupons bounds a batch.
const mostCoupons = 1_000_000

// batches reads the coupon batches, and returns their names.
func (r *reader) batches(s section, p *model.Project) map[string]bool {
	known := map[string]bool{}
	named, ids, codes := newUnique(r), newUnique(r), newUnique(r)
	campaigns := r.campaignNames(s)
	for _, c := range s.sections("coupons") {
		b := model.Batch{
			Name:     c.need("batch", "the batch's name", oneLine),
			ID:       model.BatchID(c.id("id")),
			Codes:    c.texts("codes", oneLine),
			Generate: c.integer("generate", 0, 0, mostCoupons),
			Prefix:   c.text("prefix", prefixForm),
			In:       c.reference("campaign", "a campaign", campaigns),
		}
		named.add(c, "batch", b.Name)
		ids.add(c, "id", number64(int64(b.ID)))
		codes.addItems(c, "codes")
		known[b.Name] = true
		p.Batches = append(p.Batches, b)
	}
	return known
}

// reference reads the name of another entry of the file.
func (s section) reference(name, what string, known map[string]bool) string {
	return s.text(name, func(value string) string {
		if known[value] {
			return ""
		}
		if len(known) == 0 {
			return "the name of " + what + " of this file, which has none"
		}
		return "the name of " + what + " of this file"
	})
}

func (r *reader) redemptions(s section, to *model.Settings, currencies, batches map[string]bool) {
	ids, unnamed := newUnique(r), newUnique(r)
	for _, c := range s.sections("redemptions") {
		v := model.Redemption{
			ID:       strings.ToLower(c.text("id", isUUID)),
			Name:     c.need("name", "the redemption's name", oneLine),
			Cost:     c.positive("cost"),
			Currency: c.needCurrency("currency", currencies),
			Coupons:  c.reference("coupons", "a batch", batches),
		}
		ids.add(c, "id", v.ID)
		if v.ID == "" {
			unnamed.add(c, "name", v.Name)
		}
		to.Redemption = append(to.Redemption, v)
	}
}

func (r *reader) tiers(s section, to *model.Settings, currencies map[string]bool) {
	ids, unnamed := newUnique(r), newUnique(r)
	for _, c := range s.sections("tiers") {
		v := model.Tier{
			ID:       strings.ToLower(c.text("id", isUUID)),
			Name:     c.need("name", "the tier's name", oneLine),
			Points:   c.amount("points"),
			Currency: c.needCurrency("currency", currencies),
		}
		ids.add(c, "id", v.ID)
		if v.ID == "" {
			unnamed.add(c, "name", v.Name)
		}
		to.Tiers = append(to.Tiers, v)
	}
}

func (r *reader) earning(s section, to *model.Settings, currencies map[string]bool) {
	named := newUnique(r)
	for _, c := range s.sections("earning") {
		v := model.EarningRule{
			Name:     c.need("name", "the rule's name", oneLine),
			On:       c.need("on", "what is rewarded, such as sign_up or purchase", oneLine),
			Currency: c.needCurrency("currency", currencies),
		}
		named.add(c, "name", v.Name)
		switch fixed, rate := c.has("amount"), c.has("per_unit"); {
		case fixed == rate:
			c.fail("amount", "expected either amount or per_unit")
		case fixed:
			v.Amount = c.positive("amount")
		default:
			v.PerUnit = c.positive("per_unit")
			if v.On != "purchase" && v.On != "" {
				c.fail("per_unit", "expected on: purchase, the only event with units, got %s", shorten(v.On))
			}
		}
		to.Earning = append(to.Earning, v)
	}
}

// webhooks reads who is told of what.
func (r *reader) webhooks(s section, p *model.Project, campaigns map[string]bool) {
	type target struct{ on, url, campaign string }
	seen := map[target]int{}
	for i, c := range s.sections("webhooks") {
		on := c.need("on", "what is told, such as friendbuy.advocateReward", oneLine)
		t := target{on, c.need("url", "an address", webURL), c.reference("campaign", "a campaign", campaigns)}
		hook, known := webhooks[on]
		switch {
		case on == "":
		case !known:
			c.fail("on", "expected a known event, got %s: %s", shorten(on), suggest(on, webhookNames()))
		case hook.issue != 0:
			r.unused = append(r.unused, problem{line: c.line, path: join(c.path, "on"), text: on + " has no effect yet"})
		}
		if first, twice := seen[t]; twice && on != "" && t.url != "" {
			c.fail("url", "expected each webhook once; webhooks[%d] is the same", first)
		} else {
			seen[t] = i
		}
		dialect, event, _ := strings.Cut(on, ".")
		p.Endpoints = append(p.Endpoints, model.Endpoint{
			Dialect: dialect, Event: event, Topic: hook.topic, URL: t.url, In: t.campaign,
		})
	}
}

// questions are the addresses that rewards are validated at: one for each
// campaign and address.
func (r *reader) questions(s section, p *model.Project) {
	if url := p.Settings.EmailAuthorization; url != "" {
		p.Endpoints = append(p.Endpoints, model.Endpoint{Dialect: "friendbuy", Event: "emailAuth", Topic: model.RecipientsQuestioned, URL: url})
	}
	event := validations[s.section("callbacks").oneOf("validation", currentForm, currentForm, legacyForm)]
	for i := range p.Campaigns {
		c := &p.Campaigns[i]
		asked := map[string]bool{}
		for _, rule := range c.Rules {
			if rule.ValidateURL == "" || asked[rule.ValidateURL] {
				continue
			}
			asked[rule.ValidateURL] = true
			p.Endpoints = append(p.Endpoints, model.Endpoint{
				Dialect: "friendbuy", Event: event, Topic: model.RewardQuestioned, URL: rule.ValidateURL, In: c.Name,
			})
		}
	}
}

const (
	currentForm = "current"
	legacyForm  = "legacy" // as before September 2021
)

var validations = map[string]string{currentForm: "rewardValidation", legacyForm: "purchaseValidation"}

// webhook is what a dialect's event is to us.
type webhook struct {
	topic model.Topic
	issue int // that makes it be sent; 0: it is
}

var webhooks = map[string]webhook{
	"friendbuy.advocateReward":      {model.AdvocateRewardEarned, 0},
	"friendbuy.friendIncentive":     {model.FriendRewardEarned, 0},
	"friendbuy.loyaltyReward":       {model.LoyaltyRewardEarned, 0},
	"friendbuy.emailCapture":        {model.EmailCaptured, 0},
	"friendbuy.emailOptOut":         {model.EmailOptedOut, 0},
	"prefinery.tester_created":      {model.PersonAdded, 0},
	"prefinery.tester_applied":      {model.PersonApplied, 0},
	"prefinery.tester_updated":      {model.PersonChanged, 0},
	"prefinery.tester_imported":     {model.PersonImported, 0},
	"prefinery.tester_deleted":      {model.PersonDeleted, 0},
	"prefinery.tester_invited":      {model.PersonInvited, 0},
	"prefinery.tester_active":       {model.PersonActivated, 0},
	"prefinery.tester_unsubscribed": {model.PersonUnsubscribed, 0},
	"prefinery.tester_rejected":     {model.PersonRejected, 0},
	"prefinery.tester_suspended":    {model.PersonSuspended, 0},
	"prefinery.tester_confirmed":    {model.PersonConfirmed, 0},
	"prefinery.referral_created":    {model.ReferralMade, 0},
	"prefinery.points_earned":       {model.PointsEarned, 0},
	"prefinery.points_revoked":      {model.PointsRevoked, 0},
	"prefinery.reward_earned":       {model.RewardEarned, 0},
	"prefinery.reward_delivered":    {model.RewardDelivered, 0},
	"prefinery.reward_revoked":      {model.RewardRevoked, 0},
	"referral_factory.coupons_low":  {model.CouponsLow, 0},
}

func webhookNames() []string {
	var all []string
	for name := range webhooks {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func number64(id int64) string {
	if id == 0 {
		return ""
	}
	return fmt.Sprint(id)
}
