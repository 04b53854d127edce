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

// exports are what a row of each export has, and who passes the rows.
var exports = map[Export]struct {
	columns []string
	write   func(context.Context, *exporter) error
}{
	ExportPeople: {[]string{
		"email", "id", "uuid", "campaign_id", "code", "referrer_code", "status", "created_at", "first_name", "last_name", "customer_id", "qualified_at",
		"confirmed_at", "points", "source", "referrals", "groups", "custom_var1", "custom_var2", "custom_var3", "seen_at",
	}, exportPeople},
	ExportRewards: {[]string{
		"id", "uuid", "campaign_id", "rule", "trigger", "role", "state", "reason", "email", "customer_id", "friend_email", "friend_customer_id", "type",
		"amount", "unit", "coupon", "created_at", "earned_at", "delivered_at", "ended_at",
	}, exportRewards},
	ExportEvents: {[]string{
		"id", "uuid", "kind", "name", "email", "customer_id", "subject", "amount", "currency", "created_at", "detail",
	}, exportEvents},
	ExportRetention: {[]string{
		"campaign_id", "campaign", "day", "check_ins", "participants",
	}, exportRetention},
}

// Columns are the names of a row's fields, in their order: an account that has
// nothing has them too.
func (what Export) Columns() []string { return exports[what].columns }

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
	export, known := exports[what]
	if !known {
		return &model.Error{Kind: model.Invalid, Field: "what", Msg: fmt.Sprintf("%q cannot be exported: there are people, rewards, events and retention", what)}
	}
	return e.store.View(ctx, account, func(tx *store.Tx) error {
		return export.write(ctx, &exporter{e: e, tx: tx, account: account, columns: export.columns, pass: pass})
	})
}

// exporter is one export.
type exporter struct {
	e       *Engine
	tx      *store.Tx
	account model.AccountID
	columns []string
	pass    func([]Field) error
}

// row passes one row, a value for each column.
func (x *exporter) row(values ...any) error {
	row := make([]Field, len(values))
	for i, v := range values {
		row[i] = Field{x.columns[i], v}
	}
	return x.pass(row)
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
			if err := x.row(
				p.Person.Email, int64(p.ID), p.UUID, int64(p.Campaign),
				p.Code, participants[i].ReferrerCode, string(p.State), when(p.JoinedAt),
				name.FirstName, name.LastName, p.Person.CustomerID,
				when(p.QualifiedAt), when(p.ConfirmedAt), p.Points, p.Source, p.Referrals,
				strings.Join(card.Groups, ","), card.Vars[0], card.Vars[1], card.Vars[2],
				when(p.SeenAt),
			); err != nil {
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
			if err := x.row(
				int64(w.ID), w.UUID, int64(w.Campaign), rule, told.Trigger,
				string(w.Role), string(w.State), w.Why.Reason,
				receiver.Email, receiver.CustomerID, friend.Email, friend.CustomerID,
				string(w.Kind), w.Amount, w.Unit, coupons[w.ID],
				when(w.At), when(w.EarnedAt), when(w.DeliveredAt), when(w.EndedAt),
			); err != nil {
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
			if err := x.row(
				int64(event.ID), event.UUID, string(event.Kind), names[event.Name],
				actor.Email, actor.CustomerID, event.Subject,
				amount, event.Currency, when(event.At), detail,
			); err != nil {
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
			if err := x.row(
				int64(c.ID), c.Name, d.Day.Format(time.DateOnly),
				d.CheckIns, d.Came,
			); err != nil {
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
