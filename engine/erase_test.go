package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/engine/secret"
	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
	"grapevine/store/storetest"
)

func (s *stage) erase(w engine.Whom) *engine.Erasure {
	s.t.Helper()
	asked, err := s.core.Erase(context.Background(), s.account, w)
	if err != nil {
		s.t.Fatal(err)
	}
	return asked
}

// leftOfErased counts details of events of those who were erased, and what
// else is theirs and would tell who they were.
func (s *stage) leftOfErased() (n int64) {
	s.t.Helper()
	for _, of := range []string{
		`event e ON e.account_id = p.account_id AND e.person_id = p.id
			JOIN detail d ON d.account_id = e.account_id AND d.id = e.id`,
		`identity i ON i.account_id = p.account_id AND i.person_id = p.id`,
		`profile f ON f.account_id = p.account_id AND f.person_id = p.id`,
		`visitor v ON v.account_id = p.account_id AND v.person_id = p.id`,
		`code c ON c.account_id = p.account_id AND c.person_id = p.id AND (c.named = 1 OR c.params <> '' OR c.place <> '' OR c.seed <> '')`,
		`ledger_entry l ON l.account_id = p.account_id AND l.holder = 'p' || CAST(p.id AS TEXT) AND l.note <> ''`,
		`participant a ON a.account_id = p.account_id AND a.person_id = p.id
			JOIN point o ON o.account_id = a.account_id AND o.participant_id = a.id AND o.note <> ''`,
	} {
		s.ask(`SELECT COUNT(*) FROM person p JOIN `+of+` WHERE p.account_id = $1 AND p.erased_at <> 0`, func(r store.Row) error {
			var left int64
			err := r.Scan(&left)
			n += left
			return err
		})
	}
	return n
}

// What comes in beside an erasure is erased with the person, or is somebody
// new's: nothing of it is left of who was erased.
func TestEventsBesideAnErasureAreErasedOrSomebodyNews(t *testing.T) {
	onBoth(t, merges, func(t *testing.T, s *stage) {
		nodes := []*engine.Engine{s.core, s.node(2)}
		s.know("c-1", "ann@example.com")
		first := s.personOf("c-1")
		ctx := context.Background()
		who := server("c-1", "ann@example.com")
		who.FirstName, who.IP = "Ann", "192.0.2.1"
		parallel(t, 48, func(i int) (any, error) {
			core := nodes[i%2]
			switch i % 6 {
			case 0:
				if i < 12 {
					return core.Erase(ctx, s.account, engine.Whom{Email: "ann@example.com"})
				}
				return core.SaveCustomer(ctx, s.account, engine.Customer{Who: who})
			case 1:
				return core.Links(ctx, s.account, []engine.LinkRequest{{Who: who, Campaign: s.project.Campaigns[0].UUID, Seed: fmt.Sprint("ann-", i)}})
			case 2:
				_, errs := core.RecordSights(ctx, s.account, []engine.Sight{{Who: who, Kind: model.PageReached}})
				return nil, errs[0]
			case 3:
				id, err := core.FindParticipant(ctx, s.account, engine.Naming{Campaign: s.project.Campaigns[0].ID, Email: "ann@example.com"})
				if err == nil {
					_, err = core.GivePoints(ctx, s.account, engine.Bonus{Participant: id, Quantity: money.Unit, Reason: "Ann's"})
				}
				if err != nil && model.KindOf(err) != model.NotFound {
					return nil, err
				}
				_, err = core.AdjustLedger(ctx, s.account, engine.Adjustment{CustomerID: "c-1", Currency: "USD", Add: true, Value: money.Unit, Note: "Ann's"})
				if model.ReasonOf(err) == model.PersonUnknown {
					err = nil // just erased
				}
				return nil, err
			default:
				return core.RecordPurchase(ctx, s.account, engine.Purchase{
					Who: who, OrderID: fmt.Sprint("o-", i), Amount: money.Unit, Currency: "USD", Detail: json.RawMessage(`{"to":"Ann"}`),
				})
			}
		})
		s.erase(engine.Whom{CustomerID: "c-1"})
		s.run()
		if left := s.leftOfErased(); left != 0 {
			t.Errorf("%d rows are left of who was erased", left)
		}
		s.know("c-1", "ann@example.com")
		if again := s.personOf("c-1"); again == 0 || again == first {
			t.Errorf("who comes again is %d, and was %d", again, first)
		}
	})
}

// An erasure that takes longer than a job may goes on in another.
func TestErasingGoesOnInPieces(t *testing.T) {
	onBoth(t, merges, func(t *testing.T, s *stage) {
		s.know("c-1", "")
		s.know("", "ann@example.com")
		s.linkOf(server("", "ann@example.com"), 0)
		_, cookie := s.follow(s.linkOf(server("bob", ""), 0), "")
		visitor, _, err := s.core.Visitor(s.account, cookie)
		if err != nil {
			t.Fatal(err)
		}
		who := server("c-1", "ann@example.com")
		who.Visitor = visitor
		const events = 1203
		for i := range events {
			s.custom(engine.CustomEvent{Who: who, Name: "seen", DeduplicationID: fmt.Sprint(i)})
			if i < 600 {
				s.follow(s.linkOf(server("bob", ""), 0), cookie)
			}
		}
		details := s.rows("detail")
		s.erase(engine.Whom{Email: "ann@example.com"})

		var mu sync.Mutex
		now := s.clock()
		slow := engine.New(engine.Settings{
			NewKey: oneKey, Store: s.store, Secret: secret.New(bytes.Repeat([]byte("s"), secret.Size)),
			Now: func() time.Time {
				mu.Lock()
				defer mu.Unlock()
				now = now.Add(6 * time.Second)
				return now
			},
			NewID: model.NewMaker(s.clock, 7, 0, 1<<40).Next, Log: slog.New(slog.DiscardHandler),
		})
		jobs := 0
		for range 100 {
			claimed, err := slow.ClaimJobs(t.Context(), model.Queue{Account: s.account, Kind: model.JobErase}, 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, j := range claimed {
				jobs++
				if _, err := slow.RunJob(t.Context(), j); err != nil {
					t.Fatal(err)
				}
				if jobs == 2 { // each may run twice
					if _, err := slow.RunJob(t.Context(), j); err != nil {
						t.Fatal(err)
					}
				}
				if err := slow.FinishJob(t.Context(), j); err != nil {
					t.Fatal(err)
				}
			}
			if len(claimed) == 0 {
				break
			}
		}
		if jobs < 3 {
			t.Errorf("it took %d jobs", jobs)
		}
		if left := s.leftOfErased(); left != 0 {
			t.Errorf("%d rows are left", left)
		}
		if got := s.rows("detail"); details-got < events+600 {
			t.Errorf("%d details went, want %d", details-got, events+600)
		}
	})
}

func TestBothNamesMayBeTwoPersons(t *testing.T) {
	onBoth(t, merges, func(t *testing.T, s *stage) {
		s.know("c-1", "one@example.com")
		s.know("c-2", "two@example.com")
		s.know("c-3", "three@example.com")
		if asked := s.erase(engine.Whom{CustomerID: "nobody", Email: "no@example.com"}); asked.Known || asked.ID == "" {
			t.Errorf("of nobody: %+v", asked)
		}
		if asked := s.erase(engine.Whom{CustomerID: "c-1", Email: "TWO@example.com"}); !asked.Known {
			t.Errorf("of two: %+v", asked)
		}
		if s.personOf("c-1") != 0 || s.personOf("c-2") != 0 || s.personOf("c-3") == 0 {
			t.Error("the wrong ones were erased")
		}
		if n := s.count(model.Erased); n != 3 {
			t.Errorf("%d events tell of erasing, want 3", n)
		}
	})
}

// What an erased advocate left goes on, and nothing more comes to nobody.
func TestFriendsOfTheErasedKeepTheirs(t *testing.T) {
	onBoth(t, qualifying, func(t *testing.T, s *stage) {
		s.know("ann", "ann@example.com")
		ann := s.link("ann@example.com", 0)
		if strings.Contains(ann, "ann") {
			t.Fatalf("code %q is a name", ann)
		}
		before := s.bring("c-1", ann)
		s.qualify(before, true)
		unqualified := s.bring("c-2", ann)
		person := s.personOf("ann")
		s.erase(engine.Whom{CustomerID: "ann"})
		s.run()

		rewards := func() (n int) {
			s.view(func(tx *store.Tx) error {
				list, err := tx.RewardsOf([]model.PersonID{person})
				n = len(list)
				return err
			})
			return n
		}
		had := rewards()
		after := s.bring("c-3", ann)
		for _, friend := range []model.ParticipantID{unqualified, after} {
			s.qualify(friend, true)
		}
		for _, friend := range []string{"c-2", "c-3"} {
			if got := s.standing(friend); got["thanks earned"] != 1 {
				t.Errorf("%s has %v", friend, got)
			}
		}
		if got := rewards(); got != had {
			t.Errorf("nobody has %d rewards, had %d", got, had)
		}
		// Taking back and going on are about what was.
		s.qualify(before, false)
		if got := s.standing("c-1"); got["thanks revoked"] != 1 {
			t.Errorf("c-1 has %v", got)
		}
		s.wait(25 * time.Hour)
		s.run()
	})
}

func TestErasedParticipantIsUnknown(t *testing.T) {
	onBoth(t, qualifying, func(t *testing.T, s *stage) {
		friend := s.bring("c-1", s.link("ann@example.com", 0))
		s.erase(engine.Whom{CustomerID: "c-1"})
		err := s.core.Qualify(t.Context(), s.account, friend, true)
		fails(t, err, model.NotFound, model.ParticipantUnknown)
		err = s.core.Confirm(t.Context(), s.core.ConfirmationToken(s.account, friend))
		fails(t, err, model.NotFound, model.ParticipantUnknown)
	})
}

func TestEveryNodeForgetsTheLink(t *testing.T) {
	onBoth(t, qualifying, func(t *testing.T, s *stage) {
		other := s.node(2)
		code := s.codes(engine.LinkRequest{Who: server("ann", ""), Campaign: s.project.Campaigns[0].UUID, Seed: "anna-lena"})[0]
		for _, core := range []*engine.Engine{s.core, other} {
			if _, err := core.Click(t.Context(), engine.Visit{Code: code}); err != nil {
				t.Fatal(err)
			}
			if _, err := core.ReferralStatus(t.Context(), s.account, code); err != nil {
				t.Fatal(err)
			}
		}
		s.erase(engine.Whom{CustomerID: "ann"})
		s.run()
		if err := other.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, core := range []*engine.Engine{s.core, other} {
			_, err := core.Click(t.Context(), engine.Visit{Code: code})
			fails(t, err, model.NotFound, model.CodeUnknown)
			_, err = core.ReferralStatus(t.Context(), s.account, code)
			fails(t, err, model.NotFound, model.CodeUnknown)
		}
		if again := s.codes(engine.LinkRequest{Who: server("bea", ""), Campaign: s.project.Campaigns[0].UUID, Seed: "anna-lena"})[0]; again != code {
			t.Errorf("the code is not free: %s", again)
		}
	})
}

// namely writes bodies that say who is told of.
func namely(_ *model.Delivery, _ *model.Endpoint, told []engine.Told, _ *engine.Config) ([]byte, error) {
	var text strings.Builder
	for _, t := range told {
		fmt.Fprintf(&text, "%s of %s brought %v; ", t.Reward.Receiver.Email, t.Reward.Advocate.Email, t.Reward.Friends)
	}
	return []byte(text.String()), nil
}

// send makes an attempt of every delivery that is due, and returns the bodies
// by what they say of.
func (s *stage) send(render engine.Render, a model.Attempt) (bodies []string) {
	s.t.Helper()
	ctx := context.Background()
	s.wait(time.Second)
	for range 10 {
		queues, err := s.core.DueQueues(ctx)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, q := range queues {
			switch q.Kind {
			case model.JobTell:
				_, _, err = s.core.GatherTells(ctx, q, together)
			case model.JobDeliver:
				var jobs []model.Job
				if jobs, err = s.core.ClaimJobs(ctx, q, 100); err != nil {
					break
				}
				var sendings []engine.Sending
				sendings, err = s.core.StartDeliveries(ctx, q, jobs, render, nil)
				for _, to := range sendings {
					bodies = append(bodies, to.Delivery.Body)
					o := engine.Outcome{Attempt: a, State: model.DeliverySending, Next: s.clock().Add(time.Minute)}
					if lost, err := s.core.EndDeliveries(ctx, []*engine.Ended{{Sending: &to, Outcome: o}}); err != nil || len(lost) > 0 {
						s.t.Fatal(lost, err)
					}
				}
			}
			if err != nil {
				s.t.Fatal(err)
			}
		}
	}
	return bodies
}

// What was written of somebody before they were erased is not sent after it,
// whenever the erasure comes: also while it is being written.
func TestNothingIsSentOfTheErased(t *testing.T) {
	onBoth(t, tellingFile, func(t *testing.T, s *stage) {
		s.know("ann", "ann@example.com")
		code := s.link("ann@example.com", 0)
		for i := range 3 { // the reward for three friends names all of them
			s.buy(fmt.Sprint("o-", i), fmt.Sprint("friend-", i), code, "10")
		}
		sent := strings.Join(s.send(namely, model.Attempt{Status: 500, Excerpt: "no friend-0 here"}), "\n")
		if strings.Count(sent, "friend-0@") < 3 || !strings.Contains(sent, "ann@") {
			t.Fatalf("sent: %s", sent)
		}
		s.erase(engine.Whom{CustomerID: "friend-0"})
		s.run()
		s.ask(`SELECT COUNT(*) FROM attempt WHERE account_id = $1 AND excerpt <> ''`, func(r store.Row) error {
			var n int
			err := r.Scan(&n)
			if n != 0 {
				t.Errorf("%d answers are kept", n)
			}
			return err
		})
		once := sync.OnceFunc(func() { // Ann goes while the bodies are written
			s.erase(engine.Whom{CustomerID: "ann"})
			s.run()
		})
		s.wait(time.Minute)
		sent = strings.Join(s.send(func(d *model.Delivery, to *model.Endpoint, told []engine.Told, cfg *engine.Config) ([]byte, error) {
			body, err := namely(d, to, told, cfg)
			once()
			return body, err
		}, model.Attempt{Status: 500}), "\n")
		if strings.Contains(sent, "friend-0") || strings.Contains(sent, "ann@") || !strings.Contains(sent, "friend-1@") {
			t.Errorf("sent: %s", sent)
		}
	})
}

// An answer that comes back after the erasure is kept without its text.
func TestAnswersAboutTheErasedAreNotKept(t *testing.T) {
	onBoth(t, tellingFile, func(t *testing.T, s *stage) {
		s.buy("o-1", "bob", s.link("ann@example.com", 0), "10")
		s.send(namely, model.Attempt{Status: 500})
		s.wait(2 * time.Minute)
		ctx := context.Background()
		queues, err := s.core.DueQueues(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var sendings []engine.Sending
		for _, q := range queues {
			if q.Kind != model.JobDeliver {
				continue
			}
			jobs, err := s.core.ClaimJobs(ctx, q, 10)
			if err != nil {
				t.Fatal(err)
			}
			began, err := s.core.StartDeliveries(ctx, q, jobs, namely, nil)
			if err != nil {
				t.Fatal(err)
			}
			sendings = append(sendings, began...)
		}
		s.erase(engine.Whom{CustomerID: "bob"})
		s.run()
		if len(sendings) < 2 {
			t.Fatalf("%d are on their way", len(sendings))
		}
		for _, to := range sendings {
			o := engine.Outcome{Attempt: model.Attempt{Status: 200, Excerpt: "thanks, bob"}, State: model.DeliveryDelivered}
			if lost, err := s.core.EndDeliveries(ctx, []*engine.Ended{{Sending: &to, Outcome: o}}); err != nil || len(lost) > 0 {
				t.Fatal(lost, err)
			}
		}
		s.view(func(tx *store.Tx) error {
			for _, to := range sendings {
				attempts, err := tx.Attempts(to.Delivery.ID)
				if err != nil {
					return err
				}
				if last := attempts[len(attempts)-1]; last.Status != 200 || strings.Contains(last.Excerpt, "bob") {
					t.Errorf("kept: %+v", last)
				}
			}
			return nil
		})
	})
}

// The clear text of a code stands in one place.
func TestOthersCallACodeByItsID(t *testing.T) {
	onBoth(t, merges, func(t *testing.T, s *stage) {
		code := s.codes(engine.LinkRequest{Who: server("ann", ""), Campaign: s.project.Campaigns[0].UUID, Seed: "anna-lena"})[0]
		bought := s.buy("o-1", "bob", strings.ToUpper(code), "1")
		if kept := s.kept(bought.Event); kept["code"] != nil || kept["code_id"] == nil {
			t.Errorf("the event keeps %v", kept)
		}
		unknown := s.buy("o-2", "bob", "never-made", "1")
		if kept := s.kept(unknown.Event); kept["code"] != "never-made" {
			t.Errorf("the event keeps %v", kept)
		}
	})
}

// Who leaves the only campaign they were in is erased, their name of a code
// included.
func TestWhoLeavesTakesTheirNameAlong(t *testing.T) {
	onBoth(t, merges, func(t *testing.T, s *stage) {
		s.codes(engine.LinkRequest{Who: server("", "ann@example.com"), Campaign: s.project.Campaigns[0].UUID, Seed: "anna-lena"})
		var id model.ParticipantID
		s.ask(`SELECT id FROM participant WHERE account_id = $1`, func(r store.Row) error { return r.Scan(&id) })
		if err := s.core.RemoveParticipant(t.Context(), s.account, id); err != nil {
			t.Fatal(err)
		}
		s.run()
		for mark, places := range storetest.Find(t, s.store.Engine(), "anna-lena", "ann@example.com") {
			t.Errorf("%s is left in %v", mark, places)
		}
	})
}
