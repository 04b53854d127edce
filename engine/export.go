package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
)

// Export is what can be exported.
type Export string

// The exports.
const (
	ExportPeople  Export = "people"  // a row for each participant; they can be imported again
	ExportRewards Export = "rewards" // whatever their state
	ExportEvents  Export = "events"  // with what is kept of each, until its person is erased
	// ExportRetention has a row for each campaign and day on which somebody
	// checked in: how often, and how many did.
	ExportRetention Export = "retention"
)

// Field is a named value of an exported row: a string, an int64, a bool, a
// money.Amount, a time.Time, a json.RawMessage, or nil.
type Field struct {
	Name  string
	Value any
}

// exportPage is how many rows are read at a time.
const exportPage = 500

// Export passes everything of one kind that an account has, oldest first, as
// one moment of the database says. All rows have the same fields in one order.
// It fails with Invalid for a kind that there is not.
func (e *Engine) Export(ctx context.Context, account model.AccountID, what Export, pass func([]Field) error) error {
	exports := map[Export]func(context.Context, *exporter) error{
		ExportPeople:    exportPeople,
		ExportRewards:   exportRewards,
		ExportEvents:    exportEvents,
		ExportRetention: exportRetention,
	}
	export, known := exports[what]
	if !known {
		return &model.Error{Kind: model.Invalid, Field: "what", Msg: fmt.Sprintf("%q cannot be exported: there are people, rewards, events and retention", what)}
	}
	return e.store.View(ctx, account, func(tx *store.Tx) error {
		return export(ctx, &exporter{e: e, tx: tx, account: account, pass: pass})
	})
}

// exporter is one export.
type exporter struct {
	e       *Engine
	tx      *store.Tx
	account model.AccountID
	pass    func([]Field) error
}

// when is nil for no time.
func when(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

func exportPeople(_ context.Context, x *exporter) error {
	for above := model.ParticipantID(0); ; {
		participants, err := x.tx.EnrolledAbove(above, exportPage)
		if err != nil || len(participants) == 0 {
			return err
		}
		above = participants[len(participants)-1].ID
		lot, err := rosterOf(x.tx, participants)
		if err != nil {
			return err
		}
		names, err := x.names(lot)
		if err != nil {
			return err
		}
		ids := make([]model.ParticipantID, len(lot))
		for i := range lot {
			ids[i] = lot[i].ID
		}
		cards, err := x.tx.Cards(ids)
		if err != nil {
			return err
		}
		for i := range lot {
			p := &lot[i]
			name := names[p.Person.Person]
			card := cards[p.ID]
			if card == nil {
				card = &model.Card{}
			}
			if err := x.pass([]Field{
				{"email", p.Person.Email}, {"id", int64(p.ID)}, {"uuid", p.UUID}, {"campaign_id", int64(p.Campaign)},
				{"code", p.Code}, {"referrer_code", participants[i].ReferrerCode}, {"status", string(p.State)}, {"created_at", when(p.JoinedAt)},
				{"first_name", name.FirstName}, {"last_name", name.LastName}, {"customer_id", p.Person.CustomerID},
				{"qualified_at", when(p.QualifiedAt)}, {"confirmed_at", when(p.ConfirmedAt)}, {"points", p.Points}, {"source", p.Source}, {"referrals", p.Referrals},
				{"groups", strings.Join(card.Groups, ",")}, {"custom_var1", card.Vars[0]}, {"custom_var2", card.Vars[1]}, {"custom_var3", card.Vars[2]},
				{"seen_at", when(p.SeenAt)},
			}); err != nil {
				return err
			}
		}
	}
}

// names are the profiles of a lot's people.
func (x *exporter) names(lot []RosterEntry) (map[model.PersonID]model.Profile, error) {
	ids := make([]model.PersonID, len(lot))
	for i := range lot {
		ids[i] = lot[i].Person.Person
	}
	contacts, err := x.tx.Contacts(ids)
	names := make(map[model.PersonID]model.Profile, len(contacts))
	for id, c := range contacts {
		names[id] = c.Profile
	}
	return names, err
}

func exportRewards(_ context.Context, x *exporter) error {
	for above := model.RewardID(0); ; {
		rewards, coupons, err := x.tx.RewardsAbove(above, exportPage)
		if err != nil || len(rewards) == 0 {
			return err
		}
		above = rewards[len(rewards)-1].ID
		var persons []model.PersonID
		for _, w := range rewards {
			persons = append(persons, w.Person, w.Friend)
		}
		contacts, err := x.tx.Contacts(persons)
		if err != nil {
			return err
		}
		for _, w := range rewards {
			told := ToldReward{Reward: w}
			if _, err := x.e.describe(x.tx, x.account, &told); err != nil {
				return err
			}
			rule := told.Info // of an earning rule, its name
			if told.In != nil {
				rule = told.In.Rule(w.Rule).Descriptor
			}
			receiver, friend := knownAs(contacts[w.Person]), knownAs(contacts[w.Friend])
			if err := x.pass([]Field{
				{"id", int64(w.ID)}, {"uuid", w.UUID}, {"campaign_id", int64(w.Campaign)}, {"rule", rule}, {"trigger", told.Trigger},
				{"role", string(w.Role)}, {"state", string(w.State)}, {"reason", w.Why.Reason},
				{"email", receiver.Email}, {"customer_id", receiver.CustomerID}, {"friend_email", friend.Email}, {"friend_customer_id", friend.CustomerID},
				{"type", string(w.Kind)}, {"amount", w.Amount}, {"unit", w.Unit}, {"coupon", coupons[w.ID]},
				{"created_at", when(w.At)}, {"earned_at", when(w.EarnedAt)}, {"delivered_at", when(w.DeliveredAt)}, {"ended_at", when(w.EndedAt)},
			}); err != nil {
				return err
			}
		}
	}
}

func exportEvents(_ context.Context, x *exporter) error {
	names, err := x.tx.EventNames()
	if err != nil {
		return err
	}
	for above := model.EventID(0); ; {
		events, details, err := x.tx.EventsAbove(above, exportPage)
		if err != nil || len(events) == 0 {
			return err
		}
		above = events[len(events)-1].ID
		persons := make([]model.PersonID, len(events))
		for i, event := range events {
			persons[i] = event.Person
		}
		contacts, err := x.tx.Contacts(persons)
		if err != nil {
			return err
		}
		for _, event := range events {
			actor := knownAs(contacts[event.Person])
			var amount, detail any
			if event.Currency != "" {
				amount = event.Amount
			}
			if body := details[event.ID]; body != "" {
				detail = json.RawMessage(body)
			}
			if err := x.pass([]Field{
				{"id", int64(event.ID)}, {"uuid", event.UUID}, {"kind", string(event.Kind)}, {"name", names[event.Name]},
				{"email", actor.Email}, {"customer_id", actor.CustomerID}, {"subject", event.Subject},
				{"amount", amount}, {"currency", event.Currency}, {"created_at", when(event.At)}, {"detail", detail},
			}); err != nil {
				return err
			}
		}
	}
}

func exportRetention(_ context.Context, x *exporter) error {
	campaigns, err := x.tx.Campaigns()
	if err != nil {
		return err
	}
	for _, c := range campaigns {
		days, err := x.tx.CheckInsByDay(c.ID, math.MinInt64, math.MaxInt64)
		if err != nil {
			return err
		}
		for _, d := range retentionOf(days) {
			if err := x.pass([]Field{
				{"campaign_id", int64(c.ID)}, {"campaign", c.Name}, {"day", d.Day.Format(time.DateOnly)},
				{"check_ins", d.CheckIns}, {"participants", d.Came},
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// Text is a value as a cell of a table has it: times in UTC to the
// millisecond, nothing for nil.
func (f Field) Text() string {
	switch v := f.Value.(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case bool:
		return strconv.FormatBool(v)
	case money.Amount:
		return v.String()
	case time.Time:
		return v.UTC().Format("2006-01-02T15:04:05.000Z")
	case json.RawMessage:
		return string(v)
	}
	return ""
}
