package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/projectfile"
	"grapevine/store"
)

// while holds persons as another call of theirs does, begins acts one after
// the other, and lets them go on once all of them wait. Whoever read something
// before they waited finds it changed by those who came first.
func (s *stage) while(persons []string, acts ...func() error) {
	s.t.Helper()
	s.held(func(tx *store.Tx) error {
		var ids []model.PersonID
		for _, name := range persons {
			found, err := tx.Look(store.Lookup{CustomerID: name, Email: name})
			if err != nil {
				return err
			}
			ids = append(ids, max(found.ByCustomer, found.ByEmail))
		}
		_, err := tx.LockPersons(ids...)
		return err
	}, acts...)
}

// held is while for whatever locks hold takes.
func (s *stage) held(hold func(*store.Tx) error, acts ...func() error) {
	s.t.Helper()
	enough := errors.New("the locks are let go")
	done := make([]chan error, len(acts))
	began := false
	err := s.store.InTx(context.Background(), s.account, func(tx *store.Tx) error {
		if err := hold(tx); err != nil {
			return err
		}
		if began {
			return enough
		}
		began = true
		for i, act := range acts {
			done[i] = make(chan error, 1)
			go func() { done[i] <- act() }()
			time.Sleep(150 * time.Millisecond) // until it waits: too short a time makes the test pass, not fail
		}
		return enough
	})
	if !errors.Is(err, enough) {
		s.t.Fatal(err)
	}
	for i := range done {
		if err := <-done[i]; err != nil {
			s.t.Fatalf("act %d: %v", i, err)
		}
	}
}

func (s *stage) remove(id model.ParticipantID) func() error {
	return func() error { return s.core.RemoveParticipant(context.Background(), s.account, id) }
}

// Who asks for a link while they are taken out of the campaign takes part anew,
// or is taken out with the link: no code is a participant's who is not there.
func TestLinkBesideARemovalIsAParticipants(t *testing.T) {
	onBoth(t, scores, func(t *testing.T, s *stage) {
		s.know("ann", "ann@example.com") // and stays a person
		ann := s.begin("ann@example.com", "", "")
		var links []engine.Link
		s.while([]string{"ann@example.com"}, s.remove(ann), func() (err error) {
			links, err = s.core.Links(context.Background(), s.account, []engine.LinkRequest{{
				Who: engine.Who{Email: "ann@example.com", Server: true}, Campaign: s.project.Campaigns[0].UUID,
			}})
			return err
		})
		s.view(func(tx *store.Tx) error {
			owner, err := tx.CodeOwner(model.FoldCode(links[0].Code))
			if err != nil {
				return err
			}
			_, _, err = tx.Participant(owner.Participant)
			return err
		})
	})
}

// A friend who joins while who brought them is taken out of the campaign brings
// nobody points.
func TestJoinBesideARemovalOfTheAdvocate(t *testing.T) {
	onBoth(t, scores, func(t *testing.T, s *stage) {
		s.know("ann", "ann@example.com")
		ann := s.begin("ann@example.com", "", "")
		code := s.link("ann@example.com", 0)
		var friend *engine.Joined
		s.while([]string{"ann@example.com"}, s.remove(ann), func() (err error) {
			friend, err = s.core.Join(context.Background(), s.account, engine.Join{
				Who: server("", "bob@example.com"), Referral: by(code), Kind: model.SignUp, Campaign: s.project.Campaigns[0].ID,
			})
			return err
		})
		s.expectLog(0, "bob@example.com", "sign_up 1")
		s.expectLog(0, "", "sign_up 1")
		s.qualify(friend.Participant, true)
		if err := s.remove(friend.Participant)(); err != nil {
			t.Error(err)
		}
	})
}

// The link of somebody who was erased is shared on: nobody gets points for it.
func TestShareOfAnErasedOwnersLinkBringsNoPoints(t *testing.T) {
	onBoth(t, scores, func(t *testing.T, s *stage) {
		s.begin("ann@example.com", "", "")
		code := s.link("ann@example.com", 0)
		s.erase(engine.Whom{Email: "ann@example.com"})
		s.run()
		s.share(engine.Share{Who: engine.Who{Visitor: 7}, Code: code, Channel: model.Channels[0]})
		s.expectLog(0, "", "sign_up 1")
	})
}

// Codes may be added while a reward finds that there are none, and before it
// is there to be seen waiting.
func TestCodesAddedBesideARewardThatFindsNone(t *testing.T) {
	onBoth(t, rewarding, func(t *testing.T, s *stage) {
		code := s.link("ann@example.com", 0)
		var bought *engine.Recorded
		buy := func() (err error) {
			bought, err = s.core.RecordCustom(context.Background(), s.account, engine.CustomEvent{Who: server("friend", ""), Referral: by(code), Name: "empty"})
			return err
		}
		add := func() error {
			parsed, err := projectfile.Parse("stage.yaml", []byte(strings.Replace(rewarding, "codes: []", "codes: [LATE-1]", 1)))
			if err == nil {
				_, err = s.core.Apply(context.Background(), parsed.Project())
			}
			if err == nil {
				s.run()
			}
			return err
		}
		s.held(func(*store.Tx) error { return nil }, func() error {
			if s.store.Engine().Name() == "sqlite" { // whose writer is alone
				return errors.Join(buy(), add())
			}
			done := make(chan error, 2)
			err := s.store.Engine().Update(context.Background(), func(c store.Conn) ([]store.Statement, error) {
				// What the purchase writes last waits for this.
				if err := c.Run(context.Background(), store.Statement{SQL: `LOCK TABLE reward IN SHARE MODE`}); err != nil {
					return nil, err
				}
				for _, act := range []func() error{buy, add} {
					go func() { done <- act() }()
					time.Sleep(300 * time.Millisecond)
				}
				return nil, nil
			})
			return errors.Join(err, <-done, <-done)
		})
		s.run()
		if got := s.rewards(bought.Event); len(got) != 1 || got[0] != "advocate empty earned" {
			t.Errorf("rewards %v", got)
		}
	})
}

const heard = `
account: Acme
campaigns:
  - name: First
    status: launched
    rewards: [{name: Cash, to: advocate, on: cash, repeat: true, value: {type: cash, amount: 1, unit: USD}}]
webhooks: [{on: friendbuy.advocateReward, url: "https://shop.example.com/rewards"}]
`

// A delivery that has nothing left to tell ends, and not with what joins it at
// that moment.
func TestTellBesideTheEndOfADeliveryIsTold(t *testing.T) {
	onBoth(t, heard, func(t *testing.T, s *stage) {
		s.damaged = true // nothing takes a reward away, so the test does
		ctx := context.Background()
		lost := s.earn("cash")
		s.wait(time.Second)
		queues, err := s.core.DueQueues(ctx)
		if err != nil || len(queues) != 1 {
			t.Fatal(queues, err)
		}
		tells := queues[0]
		gather := func() error {
			_, _, err := s.core.GatherTells(ctx, tells, together)
			return err
		}
		if err := gather(); err != nil {
			t.Fatal(err)
		}
		s.raw(fmt.Sprintf("DELETE FROM reward WHERE id = %d", lost.ID))
		kept := s.earn("cash")
		s.wait(time.Second)
		q := model.Queue{Account: tells.Account, Kind: model.JobDeliver, Lane: tells.Lane}
		jobs, err := s.core.ClaimJobs(ctx, q, 1)
		if err != nil || len(jobs) != 1 {
			t.Fatal(jobs, err)
		}
		s.held(func(tx *store.Tx) error {
			_, err := tx.HoldJobs(jobs)
			return err
		}, func() error {
			_, err := s.core.StartDeliveries(ctx, q, jobs, nil, nil)
			return err
		}, gather)
		var told []model.RewardID
		for _, of := range s.hear() {
			for _, one := range of {
				told = append(told, one.Reward.ID)
			}
		}
		if len(told) != 1 || told[0] != kept.ID {
			t.Errorf("told of %v, want %d", told, kept.ID)
		}
	})
}

// A list that is being read for the first time, which takes long, holds up no
// other: nor does keeping the lists meanwhile.
func TestListsAnswerBesideOneThatIsRead(t *testing.T) {
	onBoth(t, scores, func(t *testing.T, s *stage) {
		s.begin("ann@example.com", "", "")
		if s.store.Engine().Name() == "sqlite" { // nothing there holds up who reads
			return
		}
		ctx := context.Background()
		done := make(chan error, 2)
		err := s.store.Engine().Update(ctx, func(c store.Conn) ([]store.Statement, error) {
			if err := c.Run(ctx, store.Statement{SQL: `LOCK TABLE holding IN ACCESS EXCLUSIVE MODE`}); err != nil {
				return nil, err
			}
			go func() {
				_, err := s.core.ListHoldings(ctx, s.account, engine.HoldingsQuery{Size: 10})
				done <- err
			}()
			time.Sleep(300 * time.Millisecond)
			go func() { done <- s.core.KeepLists(ctx) }()
			time.Sleep(300 * time.Millisecond)
			answered := make(chan error, 1)
			go func() {
				_, err := s.core.ListPeople(ctx, s.account, engine.PeopleQuery{Size: 10})
				answered <- err
			}()
			select {
			case err := <-answered:
				return nil, err
			case <-time.After(3 * time.Second):
				return nil, errors.New("the list of people waits for the list of holdings")
			}
		})
		if err := errors.Join(err, <-done, <-done); err != nil {
			t.Error(err)
		}
	})
}
