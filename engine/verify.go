package engine

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"sort"

	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
)

// Report is what verify found in one account.
type Report struct {
	Checked     map[string]int64 // rows by table; a table without any is left out
	Differences []Difference
}

// Difference is a row that says something else than the events behind it.
type Difference struct {
	Table string
	Key   string
	What  string
	Got   string
	Want  string
}

func (d Difference) String() string {
	return fmt.Sprintf("%s %s: %s is %s, the events say %s", d.Table, d.Key, d.What, d.Got, d.Want)
}

func (r *Report) differ(table string, key any, what string, got, want any) {
	r.Differences = append(r.Differences, Difference{table, fmt.Sprint(key), what, fmt.Sprint(got), fmt.Sprint(want)})
}

// Verify computes every balance, counter, reward and coupon of an account
// again from its events, in one snapshot, and reports what differs. Answers
// that were recorded are taken as given, and the rules are replayed over them
// in the versions that were in force.
func (e *Engine) Verify(ctx context.Context, account model.AccountID) (*Report, error) {
	report := &Report{Checked: map[string]int64{}}
	err := e.store.View(ctx, account, func(tx *store.Tx) error {
		*report = Report{Checked: map[string]int64{}}
		v := &verifier{tx: tx, report: report, posted: map[model.RewardID]posting{}, spent: map[model.EventID]spending{}}
		for _, check := range []func() error{v.ledgers, v.tallies, v.holdings, v.facts, v.replay, v.leftovers, v.lists} {
			if err := check(); err != nil {
				return err
			}
		}
		maps.DeleteFunc(report.Checked, func(_ string, n int64) bool { return n == 0 })
		return nil
	})
	return report, err
}

// verifier is one run of verify.
type verifier struct {
	tx     *store.Tx
	report *Report
	posted map[model.RewardID]posting // by ledger entries; what no reward explains is left
	spent  map[model.EventID]spending // by ledger entries; what no redemption explains is left
	past   *past
}

// posting is what the ledgers say of a reward.
type posting struct {
	added, reversed money.Amount
	at              string // holder, currency and number of an entry
}

// spending is what a ledger says of a redemption.
type spending struct {
	bookKey
	amount money.Amount
	at     string // as in posting
}

type total struct {
	entries int64
	balance money.Amount
}

// ledgers adds up all entries and compares running balances, totals and
// credits.
func (v *verifier) ledgers() error {
	totals := map[bookKey]total{}
	err := v.tx.AllEntries(func(e model.Entry) error {
		v.report.Checked["ledger_entry"]++
		key := bookKey{e.Holder, e.Currency}
		t := totals[key]
		t.entries++
		t.balance += e.Amount
		name := fmt.Sprintf("%s %s %d", e.Holder, e.Currency, e.Number)
		if e.Number != t.entries {
			v.report.differ("ledger_entry", name, "number", e.Number, t.entries)
			t.entries = e.Number
		}
		if e.Balance != t.balance {
			v.report.differ("ledger_entry", name, "balance", e.Balance, t.balance)
			t.balance = e.Balance
		}
		totals[key] = t
		v.post(e, name)
		return nil
	})
	if err != nil {
		return err
	}
	credits := map[bookKey]store.CreditSum{}
	if err := v.tx.AllCredits(func(c store.CreditSum) error {
		credits[bookKey{c.Holder, c.Currency}] = c
		return nil
	}); err != nil {
		return err
	}
	if err := v.tx.AllLedgers(func(h model.Ledger) error {
		v.report.Checked["ledger"]++
		v.ledger(h, totals[bookKey{h.Holder, h.Currency}], credits[bookKey{h.Holder, h.Currency}])
		delete(totals, bookKey{h.Holder, h.Currency})
		return nil
	}); err != nil {
		return err
	}
	for key, t := range totals {
		v.report.differ("ledger", key.holder+" "+key.currency, "balance", "missing", t.balance)
	}
	return nil
}

func (v *verifier) post(e model.Entry, name string) {
	if e.Event != 0 || e.Kind == model.EntryRedeem {
		v.spent[e.Event] = spending{bookKey{e.Holder, e.Currency}, -e.Amount, name}
	}
	if e.Reward == 0 {
		return
	}
	p := v.posted[e.Reward]
	switch e.Kind {
	case model.EntryAdd:
		p.added += e.Amount
	case model.EntryReverse:
		p.reversed -= e.Amount
	default:
		return
	}
	p.at = name
	v.posted[e.Reward] = p
}

func (v *verifier) ledger(h model.Ledger, t total, c store.CreditSum) {
	name := h.Holder + " " + h.Currency
	if h.Balance != t.balance {
		v.report.differ("ledger", name, "balance", h.Balance, t.balance)
	}
	if h.Entries != t.entries {
		v.report.differ("ledger", name, "entries", h.Entries, t.entries)
	}
	if c.Active != t.balance {
		v.report.differ("credit", name, "sum of what is active", c.Active, t.balance)
	}
	next := int64(0)
	if !h.NextExpiry.IsZero() {
		next = h.NextExpiry.UnixMilli()
	}
	if next != c.NextExpiry {
		v.report.differ("ledger", name, "next expiry", next, c.NextExpiry)
	}
}

// tallies counts again what reports count.
func (v *verifier) tallies() error {
	off, err := v.tx.TalliesOff()
	for _, t := range off {
		v.report.differ("tally", fmt.Sprintf("%d %s", t.Subject, t.What), "sum", t.Got, t.Want)
	}
	if err != nil {
		return err
	}
	referrals, err := v.tx.ReferralsOff()
	for _, p := range referrals {
		v.report.differ("participant", p[0], "referrals", p[1], p[2])
	}
	return err
}

// holdings counts again what people hold.
func (v *verifier) holdings() error {
	off, err := v.tx.HoldingsOff()
	for _, h := range off {
		name := fmt.Sprintf("%d rule %d %s %s", h.Person, h.Rule, h.Role, h.State)
		v.report.differ("holding", name, "number and amount", fmt.Sprint(h.N[0], h.Amount[0]), fmt.Sprint(h.N[1], h.Amount[1]))
	}
	return err
}

// facts gathers what the events say of coupons, network addresses and
// invitation codes, and holds the rows of these against it.
func (v *verifier) facts() error {
	handed := map[model.CouponRef]int64{}
	uses := map[model.CouponRef]int64{}
	came := map[int64][2]int64{}
	invited := map[model.InvitationUse]int64{}
	err := v.tx.Facts(func(e *model.Event) error {
		if used := e.Facts.IP; used != nil {
			came[used.ID] = plusUse(came[used.ID], used)
		}
		if used := e.Facts.Invitation; used != nil {
			invited[*used]++
		}
		for _, h := range e.Facts.Handed {
			handed[h.CouponRef] = int64(h.Reward)
		}
		switch {
		case e.Facts.Coupon == nil:
		case e.Kind == model.CouponHandedOut:
			handed[*e.Facts.Coupon] = e.Subject
		case e.Kind == model.Redeemed:
			handed[*e.Facts.Coupon] = int64(e.ID)
		case e.Kind == model.CouponReturned:
			uses[*e.Facts.Coupon] -= e.Facts.Uses
		default:
			uses[*e.Facts.Coupon]++
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := cmp.Or(v.ipUses(came), v.invitations(invited)); err != nil {
		return err
	}
	return v.coupons(handed, uses)
}

// coupons compares codes that were handed out, used or voided with the
// rewards and redemptions that hold them and the events about them.
func (v *verifier) coupons(handed, uses map[model.CouponRef]int64) error {
	if err := v.tx.CouponsHeld(func(h store.CouponHeld) error {
		v.report.Checked["coupon"]++
		v.coupon(h, handed[h.CouponRef], uses[h.CouponRef])
		delete(handed, h.CouponRef)
		delete(uses, h.CouponRef)
		return nil
	}); err != nil {
		return err
	}
	for c, holder := range handed {
		v.report.differ("coupon", couponName(c), "holder", 0, holder)
	}
	for c, n := range uses {
		if n != 0 {
			v.report.differ("coupon", couponName(c), "uses", 0, n)
		}
	}
	lost, err := v.tx.RewardsWithLostCoupon()
	for _, id := range lost {
		v.report.differ("reward", id, "coupon", "held by another", "its own")
	}
	if err != nil {
		return err
	}
	off, err := v.tx.BatchesOff()
	for _, b := range off {
		v.report.differ("coupon_batch", b[0], "size", b[1], b[2])
	}
	return err
}

func (v *verifier) coupon(h store.CouponHeld, handedTo, uses int64) {
	name := couponName(h.CouponRef)
	if h.Holder != handedTo {
		v.report.differ("coupon", name, "holder", h.Holder, handedTo)
		return
	}
	bought := h.BoughtBy != 0
	if !bought && (h.HolderState == "" || h.HolderHas != h.CouponRef) {
		v.report.differ("coupon", name, "holder", fmt.Sprintf("reward %d with coupon %s", h.Holder, couponName(h.HolderHas)), "a reward that has it")
		return
	}
	if !h.PersonHasIt {
		v.report.differ("coupon", name, "person", h.Person, "who its holder is of")
	}
	if h.Friend != (h.HolderRole == model.AsFriend) {
		v.report.differ("coupon", name, "friend's", h.Friend, !h.Friend)
	}
	if h.Uses != uses {
		v.report.differ("coupon", name, "uses", h.Uses, uses)
	}
	if used := uses > 0; h.Used != used {
		v.report.differ("coupon", name, "used", h.Used, used)
	}
	if void := h.HolderState == model.Revoked && !h.Used; h.Voided != void && (h.Voided || void) && !(h.Voided && h.HolderState == model.Revoked) {
		v.report.differ("coupon", name, "void", h.Voided, void)
	}
}

func couponName(c model.CouponRef) string { return fmt.Sprintf("%d/%d", c.Batch, c.ID) }

// leftovers are rows that nothing explains: ledger entries of no reward,
// friends who count without a conversion, names of who was erased.
func (v *verifier) leftovers() error {
	named, err := v.tx.NamedErased()
	for _, id := range named {
		v.report.differ("person", id, "name", "there", "erased")
	}
	if err != nil {
		return err
	}
	points, err := v.tx.StrayPoints()
	for _, p := range points {
		v.report.differ("point", p.ID, "quantity", p.Quantity, "none: what it is for does not stand")
	}
	if err != nil {
		return err
	}
	invited, err := v.tx.InvitedByNone()
	for _, id := range invited {
		v.report.differ("participant", id, "invited by", "an event", "none: that invited somebody else")
	}
	if err != nil {
		return err
	}
	seen, err := v.tx.StrayImpressions()
	for _, event := range seen {
		v.report.differ("impression", event, "event", event, "one that saw a form")
	}
	if err != nil {
		return err
	}
	stray, err := v.tx.StrayReferrals()
	for _, r := range stray {
		v.report.differ("referral", fmt.Sprintf("%d friend %d rule %d", r.Advocate, r.Friend, r.Rule), "number", r.Number, "none: no conversion")
	}
	var ids []model.RewardID
	for id := range v.posted {
		ids = append(ids, id)
	}
	sort.Slice(ids, func(i, j int) bool { return ids[i] < ids[j] })
	for _, id := range ids {
		v.report.differ("ledger_entry", v.posted[id].at, "reward", id, "none that posts")
	}
	for _, id := range sortedBy(v.spent, func(a, b model.EventID) int { return cmp.Compare(a, b) }) {
		v.report.differ("ledger_entry", v.spent[id].at, "redemption", id, "none that spends")
	}
	return err
}
