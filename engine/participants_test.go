package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/engine/sheet"
	"grapevine/model"
	"grapevine/store"
)

const peopleFile = `
account: Acme
site: https://shop.example.com
coupons: [{batch: ten-off, codes: [TEN-1, TEN-2, TEN-3, TEN-4]}]
campaigns:
  - name: First
    status: launched
    rewards:
      - {name: Each, to: advocate, on: qualified, repeat: true, value: {type: cash, amount: 10, unit: USD}}
      - {name: Auto, to: advocate, on: qualified, repeat: true, issue: auto, value: {type: cash, amount: 3, unit: USD}}
      - {name: Held, to: advocate, on: sign_up, repeat: true, hold: 24h, value: {type: cash, amount: 1, unit: USD}}
      - {name: Thanks, to: friend, on: sign_up, value: {type: discount, amount: 10, unit: USD, coupons: ten-off}}
  - {name: Second, status: launched, rewards: [{name: Other, to: both, on: purchase, value: {type: cash, amount: 1, unit: USD}}]}
`

// people lists participants as one node sees them.
func (s *stage) people(core *engine.Engine, q engine.PeopleQuery) *engine.Listed[engine.ParticipantView] {
	s.t.Helper()
	if q.Size == 0 {
		q.Size = 1000
	}
	listed, err := core.ListPeople(context.Background(), s.account, q)
	if err != nil {
		s.t.Fatal(err)
	}
	return listed
}

// holdings lists what people hold.
func (s *stage) holdings(core *engine.Engine, q engine.HoldingsQuery) *engine.Listed[engine.HoldingView] {
	s.t.Helper()
	q.Size = 1000
	listed, err := core.ListHoldings(context.Background(), s.account, q)
	if err != nil {
		s.t.Fatal(err)
	}
	return listed
}

func number(column int, n int64) sheet.Condition { return sheet.Compared(column, sheet.Equal, n) }

func milli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func ofTime(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return 1
}

// agree holds that what a node filters by is what the database says of every
// participant and of all that they hold.
func (s *stage) agree(what string, core *engine.Engine) {
	s.t.Helper()
	all := s.people(core, engine.PeopleQuery{With: engine.Relations{Due: true, Issued: true}})
	if int(all.Total) != len(all.Rows) {
		s.t.Fatalf("%s: %d of %d rows are there", what, len(all.Rows), all.Total)
	}
	held := 0
	for _, v := range all.Rows {
		found := s.people(core, engine.PeopleQuery{Reach: true, Where: []sheet.Condition{
			number(sheet.ID, int64(v.ID)), number(engine.PeopleCampaign, int64(v.Participant.Campaign)), number(engine.PeopleReferrer, int64(v.Participant.Referrer)),
			number(engine.PeopleJoinedAt, milli(v.JoinedAt)), number(engine.PeopleConfirmed, ofTime(v.ConfirmedAt)),
			number(engine.PeopleQualifiedAt, milli(v.QualifiedAt)), number(engine.PeopleQualified, ofTime(v.QualifiedAt)),
			number(engine.PeopleUnsubscribedAt, milli(v.Suppressed.At)), number(engine.PeopleUnsubscribed, ofTime(v.Suppressed.At)),
			number(engine.PeopleReferrals, v.Referrals), number(engine.PeopleConverted, v.Converted), number(engine.PeopleReach, v.Reach),
			number(engine.PeopleOrigin, int64(v.Origin)), sheet.Text(engine.PeopleEmail, sheet.Equal, model.FoldEmail(v.Email)),
			sheet.Text(engine.PeopleFirstName, sheet.Equal, engine.FoldName(v.FirstName)), sheet.Text(engine.PeopleCode, sheet.Equal, model.FoldCode(v.Shown)),
		}})
		if found.Total != 1 {
			s.t.Fatalf("%s: the list does not say of %+v what the database does", what, v)
		}
		for _, h := range append(v.Due, v.Issued...) {
			state := map[model.RewardState]int64{model.Earned: engine.HeldDue, model.Delivered: engine.HeldIssued, model.Revoked: engine.HeldRevoked}[h.State]
			found := s.holdings(core, engine.HoldingsQuery{Where: []sheet.Condition{
				number(sheet.ID, int64(h.ID)), number(engine.HeldRule, int64(h.Rule.ID)), number(engine.HeldRecipient, int64(v.ID)),
				number(engine.HeldState, state), number(engine.HeldCount, h.N), number(engine.HeldAmount, int64(h.Amount)), number(engine.HeldIssuedAt, milli(h.IssuedAt)),
				sheet.Text(engine.HeldEmail, sheet.Equal, model.FoldEmail(v.Email)), sheet.Text(engine.HeldFirstName, sheet.Equal, engine.FoldName(v.FirstName)),
			}})
			if found.Total != 1 {
				s.t.Fatalf("%s: the list does not say of %+v what the database does", what, h)
			}
			held++
		}
	}
	if all := s.holdings(core, engine.HoldingsQuery{Where: []sheet.Condition{sheet.Not(engine.HeldRecipient, 0)}}); int(all.Total) != held {
		s.t.Fatalf("%s: %d holdings are listed, participants have %d", what, all.Total, held)
	}
}

// Whatever happens, on whichever node, the lists of each node say what the
// database does at once, and so does a node that reads them anew.
func TestListsInMemoryFollowWhatHappens(t *testing.T) {
	onBoth(t, peopleFile, func(t *testing.T, s *stage) {
		ctx := context.Background()
		nodes := []*engine.Engine{s.core, s.node(2)}
		chance := rand.New(rand.NewPCG(5, 6))
		codes := []string{""}
		who := func() engine.Who {
			n := chance.IntN(12)
			w := engine.Who{Email: fmt.Sprintf("P%d@Example.com", n), FirstName: fmt.Sprintf("Name %d", chance.IntN(3)), Server: true}
			switch chance.IntN(4) {
			case 0:
				w.CustomerID = fmt.Sprint("c-", n)
			case 1:
				w = engine.Who{CustomerID: fmt.Sprint("c-", n), Email: fmt.Sprintf("p%d@example.com", chance.IntN(12)), Server: true}
			}
			return w
		}
		var suppressed []model.SuppressionID
		for step := range 150 {
			core := nodes[chance.IntN(2)]
			s.wait(time.Duration(chance.IntN(3)) * time.Second)
			rows := s.people(core, engine.PeopleQuery{}).Rows
			any := func() engine.ParticipantView { return rows[chance.IntN(len(rows))] }
			var did string
			var err error
			switch action := chance.IntN(11); {
			case action < 3 || len(rows) == 0:
				did = "join"
				_, err = core.Join(ctx, s.account, engine.Join{Who: who(), Kind: model.SignUp, Campaign: s.project.Campaigns[chance.IntN(2)].ID,
					Referral: engine.Referral{ReferralCode: codes[chance.IntN(len(codes))]}})
			case action == 3:
				did = "qualify"
				err = core.Qualify(ctx, s.account, any().ID, chance.IntN(3) > 0)
			case action == 4:
				did = "customer"
				w := who()
				if w.CustomerID == "" {
					w.CustomerID = "c-1"
				}
				_, err = core.SaveCustomer(ctx, s.account, engine.Customer{Who: w})
			case action == 5:
				did = "purchase"
				_, err = core.RecordPurchase(ctx, s.account, engine.Purchase{Who: who(), OrderID: fmt.Sprint("o-", step), Amount: 10000, Currency: "USD",
					Referral: engine.Referral{ReferralCode: codes[chance.IntN(len(codes))]}})
			case action == 6:
				did = "click"
				_, err = core.Click(ctx, engine.Visit{Code: any().Shown})
			case action == 7:
				did = "change"
				name, email := fmt.Sprint("Changed ", step), fmt.Sprintf("changed%d@example.com", step)
				err = core.ChangeParticipant(ctx, s.account, any().ID, engine.Change{FirstName: &name, Email: &email})
			case action == 8 && step%3 == 0:
				did = "remove"
				err = core.RemoveParticipant(ctx, s.account, any().ID)
			case action == 9 && len(suppressed) > 0 && chance.IntN(2) == 0:
				did = "let mail through again"
				err = core.Unsuppress(ctx, s.account, suppressed[0])
				suppressed = suppressed[1:]
			case action == 9:
				did = "suppress mail"
				var made *model.Suppression
				if made, err = core.Suppress(ctx, s.account, any().Email, model.SuppressedManually); err == nil {
					suppressed = append(suppressed, made.ID)
				} else if model.KindOf(err) != model.Internal { // suppressed already, or without an address
					err = nil
				}
			default:
				did = "move a reward"
				held := s.rewardsOfAnyone()
				if len(held) == 0 {
					continue
				}
				id := held[chance.IntN(len(held))]
				switch chance.IntN(3) {
				case 0:
					_, err = core.DeliverReward(ctx, s.account, id)
				case 1:
					_, err = core.ApproveReward(ctx, s.account, id)
				default:
					_, err = core.RevokeReward(ctx, s.account, id)
				}
				if model.ReasonOf(err) == model.TransitionForbidden {
					err = nil
				}
			}
			if err != nil {
				t.Fatalf("step %d, %s: %v", step, did, err)
			}
			if action := step % 8; action == 0 {
				s.agree(fmt.Sprintf("step %d, after %s", step, did), nodes[0])
				s.agree(fmt.Sprintf("step %d, after %s, elsewhere", step, did), nodes[1])
			}
			codes = []string{""}
			for _, v := range s.people(core, engine.PeopleQuery{}).Rows {
				codes = append(codes, v.Shown)
			}
		}
		s.agree("in the end, read anew", s.node(3))
		s.wait(time.Hour)
		if err := s.core.KeepLists(ctx); err != nil {
			t.Fatal(err)
		}
		s.agree("after an hour", s.core)
		s.agree("after an hour, elsewhere", nodes[1])
	})
}

func (s *stage) rewardsOfAnyone() (ids []model.RewardID) {
	s.t.Helper()
	persons := map[model.PersonID]bool{}
	for _, v := range s.people(s.core, engine.PeopleQuery{}).Rows {
		persons[v.Person] = true
	}
	err := s.store.View(context.Background(), s.account, func(tx *store.Tx) error {
		for id := range persons {
			list, err := tx.RewardsOf([]model.PersonID{id})
			if err != nil {
				return err
			}
			for _, w := range list {
				ids = append(ids, w.ID)
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	slices.Sort(ids)
	return ids
}

// Lists are asked for while people join, on several nodes: each shows who had
// joined before it was asked.
func TestListsAreAskedForWhilePeopleJoin(t *testing.T) {
	onBoth(t, peopleFile, func(t *testing.T, s *stage) {
		nodes := []*engine.Engine{s.core, s.node(2), s.node(3)}
		parallel(t, 24, func(k int) (bool, error) {
			core, email := nodes[k%3], fmt.Sprintf("p%d@example.com", k)
			joined, err := core.Join(context.Background(), s.account, engine.Join{
				Who: engine.Who{Email: email, Server: true}, Kind: model.SignUp, Campaign: s.project.Campaigns[0].ID, OnlyNew: true})
			if err != nil {
				return false, err
			}
			for _, asked := range nodes {
				listed, err := asked.ListPeople(context.Background(), s.account, engine.PeopleQuery{Size: 5, Reach: k%2 == 0,
					Where: []sheet.Condition{sheet.Text(engine.PeopleEmail, sheet.Equal, email)}})
				if err != nil {
					return false, err
				}
				if listed.Total != 1 || listed.Rows[0].ID != joined.Participant {
					return false, fmt.Errorf("%s is listed %d times", email, listed.Total)
				}
				if err := asked.KeepLists(context.Background()); err != nil {
					return false, err
				}
			}
			return true, nil
		})
		for i, core := range nodes {
			s.agree(fmt.Sprint("node ", i), core)
		}
	})
}
