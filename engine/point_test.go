package engine_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
)

// scores gives points for everything.
const scores = `
account: Acme
site: https://shop.example.com
campaigns:
  - name: First
    status: launched
    leaderboard: points
    points: {sign_up: 1, share: 2, referral: 10}
    rewards:
      - {name: Each, to: advocate, on: qualified, repeat: true, issue: auto, points: {referrer: 100}, value: {type: cash, amount: 1, unit: USD}}
      - {name: Thanks, to: friend, on: qualified, points: {friend: 50}, value: {type: cash, amount: 1, unit: USD}}
      - {name: Held, to: advocate, on: trial, hold: 24h, points: {referrer: 1000}, value: {type: cash, amount: 1, unit: USD}}
  - name: Careful
    status: launched
    confirm_email: true
    points: {sign_up: 1, referral: 10}
`

// log is the log of points of a campaign, oldest first, as "activity quantity".
func (s *stage) log(campaign int, email string) []string {
	s.t.Helper()
	log, err := s.core.Points(context.Background(), s.account, s.project.Campaigns[campaign].ID, email, 0, 100)
	if err != nil {
		s.t.Fatal(err)
	}
	if log.Total != int64(len(log.Points)) {
		s.t.Errorf("total %d of %d", log.Total, len(log.Points))
	}
	var list []string
	for _, p := range slices.Backward(log.Points) {
		list = append(list, fmt.Sprint(p.Activity, " ", p.Quantity))
	}
	return list
}

func (s *stage) has(id model.ParticipantID, points string) {
	s.t.Helper()
	if got := s.part(id).Points; got != amountOf(s.t, points) {
		s.t.Errorf("participant %d has %v points, want %s", id, got, points)
	}
}

func (s *stage) expectLog(campaign int, email string, want ...string) {
	s.t.Helper()
	if diff := cmp.Diff(want, s.log(campaign, email)); diff != "" {
		s.t.Errorf("points of %s: %s", email, diff)
	}
}

func TestPointsComeWithWhatIsDoneAndGoWithIt(t *testing.T) {
	onBoth(t, scores, func(t *testing.T, s *stage) {
		ann := s.begin("ann@example.com", "", "")
		s.expectLog(0, "ann@example.com", "sign_up 1")
		code := s.link("ann@example.com", 0)
		friend := s.begin("bob@example.com", "", code)
		s.begin("bob@example.com", "", code) // again: nothing more
		s.expectLog(0, "ann@example.com", "sign_up 1", "referral 10")
		s.qualify(friend, true)
		s.expectLog(0, "bob@example.com", "sign_up 1", "friend_reward 50")
		s.expectLog(0, "ann@example.com", "sign_up 1", "referral 10", "reward 100")
		s.qualify(friend, false)
		s.has(friend, "1")
		s.has(ann, "11")
		s.qualify(friend, true)
		s.expectLog(0, "bob@example.com", "sign_up 1", "friend_reward 50", "friend_reward -50", "friend_reward 50")
		s.has(ann, "111")

		if err := s.core.RemoveParticipant(t.Context(), s.account, friend); err != nil {
			t.Fatal(err)
		}
		s.expectLog(0, "bob@example.com")
		s.has(ann, "101") // the reward was delivered, and stays with its points; the referral is none any more
		s.expectLog(0, "", s.log(0, "ann@example.com")...)
		s.expectLog(0, "nobody@example.com")
	})
}

func TestPointsOfARewardComeOnceItIsEarned(t *testing.T) {
	onBoth(t, scores, func(t *testing.T, s *stage) {
		ann := s.begin("ann@example.com", "", "")
		s.begin("bob@example.com", "", s.link("ann@example.com", 0))
		s.custom(engine.CustomEvent{Who: server("", "bob@example.com"), Name: "trial"})
		s.has(ann, "11")
		s.wait(25 * time.Hour)
		s.run()
		s.has(ann, "1011")
		w := s.rewardsFor("ann@example.com")[0]
		if _, err := s.core.RevokeReward(t.Context(), s.account, w.ID); err != nil {
			t.Fatal(err)
		}
		s.has(ann, "11")
	})
}

func TestPointsWaitForTheConfirmation(t *testing.T) {
	onBoth(t, scores, func(t *testing.T, s *stage) {
		ann := s.joinedIn(1, "ann@example.com", "")
		s.confirm(ann)
		bob := s.joinedIn(1, "bob@example.com", s.link("ann@example.com", 1))
		s.has(bob, "0")
		s.has(ann, "1")
		s.confirm(bob)
		s.has(bob, "1")
		s.has(ann, "11")
		s.confirm(bob)
		s.has(ann, "11")

		carl := s.joinedIn(1, "carl@example.com", s.link("ann@example.com", 1))
		s.come(ann, model.StateSuspended)
		s.confirm(carl)
		s.has(carl, "1")
		s.has(ann, "11") // who is suspended brings nobody
	})
}

func (s *stage) joinedIn(campaign int, email, code string) model.ParticipantID {
	s.t.Helper()
	return s.joinAs(engine.Join{Who: server("", email), Referral: by(code), Kind: model.SignUp, Campaign: s.project.Campaigns[campaign].ID}).Participant
}

func (s *stage) confirm(id model.ParticipantID) {
	s.t.Helper()
	if err := s.core.Confirm(context.Background(), s.core.ConfirmationToken(s.account, id)); err != nil {
		s.t.Fatal(err)
	}
}

// However often and at once somebody shares on a network, it counts once.
func TestEachNetworkGivesPointsOnce(t *testing.T) {
	onBoth(t, scores, func(t *testing.T, s *stage) {
		ann := s.begin("ann@example.com", "", "")
		code := s.link("ann@example.com", 0)
		nodes := []*engine.Engine{s.core, s.node(2)}
		networks := []string{"facebook", "sms", "twitter"}
		parallel(t, 24, func(i int) (*engine.LinkShared, error) {
			return nodes[i%2].RecordShare(context.Background(), s.account, engine.Share{
				Who: engine.Who{Visitor: model.VisitorID(i + 1)}, Code: code, Channel: networks[i%3],
			})
		})
		s.share(engine.Share{Code: code, Bare: true}) // by no network
		s.has(ann, "7")
		s.expectLog(0, "", "sign_up 1", "share 2", "share 2", "share 2")
	})
}

func TestPointsAreGivenAndTakenByHand(t *testing.T) {
	onBoth(t, scores, func(t *testing.T, s *stage) {
		ctx := context.Background()
		ann := s.begin("ann@example.com", "", "")
		version := s.part(ann).ChangedAt
		s.wait(time.Hour)
		given, err := s.core.GivePoints(ctx, s.account, engine.Bonus{Participant: ann, Quantity: 10 * money.Unit, Reason: "spoke at a meetup"})
		if err != nil {
			t.Fatal(err)
		}
		if given.Activity != model.PointsByHand || given.Note != "spoke at a meetup" || !given.At.Equal(s.clock()) {
			t.Errorf("%+v", given)
		}
		if !s.part(ann).ChangedAt.After(version) {
			t.Error("the row's version stands still")
		}
		if _, err := s.core.GivePoints(ctx, s.account, engine.Bonus{Participant: ann, Quantity: -30 * money.Unit}); err != nil {
			t.Fatal(err)
		}
		s.has(ann, "-19") // below zero

		other := s.joinedIn(1, "ann@example.com", "")
		for _, tt := range []struct {
			b      engine.Bonus
			kind   model.Kind
			reason model.Reason
		}{
			{engine.Bonus{Participant: ann}, model.Invalid, ""},
			{engine.Bonus{Participant: ann, Quantity: 2_000_000_000 * money.Unit}, model.Invalid, ""},
			{engine.Bonus{Participant: ann, Quantity: 1, Reason: string(make([]byte, 2000))}, model.Invalid, ""},
			{engine.Bonus{Participant: other, Quantity: 1}, model.Invalid, model.PointsUnused},
			{engine.Bonus{Participant: 7, Quantity: 1}, model.NotFound, model.ParticipantUnknown},
		} {
			_, err := s.core.GivePoints(ctx, s.account, tt.b)
			fails(t, err, tt.kind, tt.reason)
		}
		s.has(ann, "-19")
	})
}

// Points that come from all sides at once add up to exactly what was given.
func TestPointsAddUpWhoeverGivesThem(t *testing.T) {
	onBoth(t, scores, func(t *testing.T, s *stage) {
		ctx := context.Background()
		ann := s.begin("ann@example.com", "", "")
		code := s.link("ann@example.com", 0)
		nodes := []*engine.Engine{s.core, s.node(2)}
		parallel(t, 40, func(i int) (any, error) {
			core := nodes[i%2]
			switch i % 4 {
			case 0:
				return core.GivePoints(ctx, s.account, engine.Bonus{Participant: ann, Quantity: money.Unit})
			case 1:
				return core.GivePoints(ctx, s.account, engine.Bonus{Participant: ann, Quantity: -money.Unit})
			case 2:
				seen := model.StateActive
				return nil, core.ChangeParticipant(ctx, s.account, ann, engine.Change{State: &seen})
			default:
				return core.Join(ctx, s.account, engine.Join{
					Who: server("", fmt.Sprint("friend", i, "@example.com")), Referral: by(code), Kind: model.SignUp, Campaign: s.project.Campaigns[0].ID,
				})
			}
		})
		s.has(ann, "101")
	})
}

func TestPointsAreToldOf(t *testing.T) {
	onBoth(t, scores+`
webhooks:
  - {on: prefinery.points_earned, url: "https://shop.example.com/earned"}
  - {on: prefinery.points_revoked, url: "https://shop.example.com/revoked", campaign: First}
`, func(t *testing.T, s *stage) {
		s.begin("ann@example.com", "", "")
		friend := s.begin("bob@example.com", "", s.link("ann@example.com", 0))
		if err := s.core.RemoveParticipant(t.Context(), s.account, friend); err != nil {
			t.Fatal(err)
		}
		told := 0
		s.wait(time.Hour)
		queues, err := s.core.DueQueues(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range queues {
			if q.Kind == model.JobTell {
				n, _, err := s.core.GatherTells(t.Context(), q, together)
				if err != nil {
					t.Fatal(err)
				}
				told += n
			}
		}
		if told != 4 { // two sign-ups, a referral, and that it is taken back
			t.Errorf("told of %d points", told)
		}
	})
}

func TestVerifyNamesDamagedPoints(t *testing.T) {
	onBoth(t, scores, func(t *testing.T, s *stage) {
		s.damaged = true
		s.begin("ann@example.com", "", "")
		friend := s.begin("bob@example.com", "", s.link("ann@example.com", 0))
		s.qualify(friend, true)
		if report := s.verify(); len(report.Differences) != 0 || report.Checked["point"] != 5 {
			t.Fatalf("before any damage: %+v", report)
		}
		for _, tt := range []struct{ damage, undo, want string }{
			{"UPDATE participant SET points = points + 1", "UPDATE participant SET points = points - 1", "participant points"},
			{"UPDATE point SET quantity = quantity + 1", "UPDATE point SET quantity = quantity - 1", "point entry"},
			{"UPDATE point SET subject_id = subject_id + 1", "UPDATE point SET subject_id = subject_id - 1", "point quantity"},
			{"UPDATE tally SET n = n + 1 WHERE what = 'points'", "UPDATE tally SET n = n - 1 WHERE what = 'points'", "tally sum"},
			{"UPDATE event SET amount = amount + 1 WHERE kind = 'points'", "UPDATE event SET amount = amount - 1 WHERE kind = 'points'", "event points"},
			{"DELETE FROM event WHERE kind = 'points'", "", "point quantity"},
		} {
			s.raw(tt.damage)
			if report := s.verify(); !names(report, tt.want) {
				t.Errorf("%s: verify says %v, want it to name %s", tt.damage, report.Differences, tt.want)
			}
			if tt.undo != "" {
				s.raw(tt.undo)
				if report := s.verify(); len(report.Differences) != 0 {
					t.Fatalf("%s: %v", tt.undo, report.Differences)
				}
			}
		}
	})
}
