package deliver

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/store"
)

// The receiver answers in turn; the last answer stands for all that follow.
func TestAnswerDecidesAReward(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers []int
		after   time.Duration // of the first question
		asked   int
		state   model.RewardState
		reason  string
		ended   model.DeliveryState
	}{
		"yes":                  {[]int{200}, 0, 1, model.Earned, "", model.DeliveryDelivered},
		"no":                   {[]int{400}, 0, 1, model.Rejected, engine.ValidationRefused, model.DeliveryRefused},
		"yes in the end":       {[]int{503, 404, 201, 200}, 45 * time.Minute, 4, model.Earned, "", model.DeliveryDelivered},
		"no in the end":        {[]int{500, 400}, 15 * time.Minute, 2, model.Rejected, engine.ValidationRefused, model.DeliveryRefused},
		"no answer":            {[]int{500}, 24 * time.Hour, 97, model.Failed, engine.ValidationUnanswered, model.DeliveryFailed},
		"waits between tries":  {[]int{500, 200}, 14 * time.Minute, 1, model.Pending, engine.Validating, model.DeliverySending},
		"a redirect is no yes": {[]int{302, 400}, 15 * time.Minute, 2, model.Rejected, engine.ValidationRefused, model.DeliveryRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, open func() store.Engine) {
				asked := 0
				r := newReceiver(t, func(w http.ResponseWriter, _ string) {
					w.WriteHeader(c.answers[min(asked, len(c.answers)-1)])
					asked++
				})
				s := newStage(t, open)
				s.ask(r.URL)
				s.purchase()
				first := s.now()
				for next := s.step(); !next.IsZero() && !next.After(first.Add(c.after)); next = s.step() {
					s.clock.Set(next)
				}
				w := s.onlyReward()
				if w.State != c.state || w.Why.Reason != c.reason || asked != c.asked {
					t.Errorf("the reward is %s for %q after %d questions, want %s for %q after %d", w.State, w.Why.Reason, asked, c.state, c.reason, c.asked)
				}
				if w.Place != (c.state == model.Earned || c.state == model.Pending) {
					t.Errorf("the place is taken: %v", w.Place)
				}
				if d := s.deliveries()[0]; d.State != c.ended {
					t.Errorf("the question is %s, want %s", d.State, c.ended)
				}
				s.verify()
			})
		})
	}
}

func TestAnswerAfterADecisionChangesNothing(t *testing.T) {
	t.Parallel()
	test := func(t *testing.T, open func() store.Engine, decide func(*stage), then int, want model.RewardState) {
		status := http.StatusServiceUnavailable
		r := newReceiver(t, func(w http.ResponseWriter, _ string) { w.WriteHeader(status) })
		s := newStage(t, open)
		s.ask(r.URL)
		s.purchase()
		next := s.step()
		decide(s)
		status = then
		s.clock.Set(next)
		s.step()
		if w := s.onlyReward(); w.State != want {
			t.Errorf("the reward is %s, want %s", w.State, want)
		}
		if len(r.bodies()) != 2 {
			t.Errorf("asked %d times, want 2", len(r.bodies()))
		}
		s.verify()
	}
	approve := func(s *stage) {
		_, err := s.engine.ApproveReward(t.Context(), s.account, s.onlyReward().ID)
		must(t, err)
	}
	reject := func(s *stage) {
		_, err := s.engine.RejectReward(t.Context(), s.account, s.onlyReward().ID)
		must(t, err)
	}
	onBoth(t, func(t *testing.T, open func() store.Engine) {
		test(t, open, approve, http.StatusBadRequest, model.Earned)
	})
	t.Run("rejected", func(t *testing.T) { test(t, onSQLite(t), reject, http.StatusOK, model.Rejected) })
}

// What the campaign asks no longer is for a person to decide.
func TestQuestionEndsWithItsAddress(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, status(http.StatusServiceUnavailable))
	s := newStage(t, onSQLite(t))
	s.ask(r.URL)
	s.purchase()
	next := s.step()
	s.ask("")
	s.clock.Set(next)
	if next := s.step(); !next.IsZero() || len(r.bodies()) != 1 {
		t.Errorf("asked %d times, and again at %v", len(r.bodies()), next)
	}
	if w := s.onlyReward(); w.State != model.Pending {
		t.Errorf("the reward is %s", w.State)
	}
	s.verify()
}

// What was pending in a campaign that is archived goes on: the question that is
// under way, and the one that a hold kept back.
func TestQuestionOutlivesItsCampaign(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, open func() store.Engine) {
		answer := http.StatusServiceUnavailable
		r := newReceiver(t, func(w http.ResponseWriter, _ string) { w.WriteHeader(answer) })
		for name, hold := range map[string]time.Duration{"asked before": 0, "asked after": time.Minute} {
			s := newStage(t, open)
			s.project.Campaigns[0].Rules[0].Hold = hold
			s.ask(r.URL)
			s.purchase()
			next := s.step()
			archived := s.project.Clone()
			archived.Campaigns, archived.Endpoints = nil, nil
			for range 2 { // the second time changes nothing
				_, err := s.engine.Apply(t.Context(), archived.Clone())
				must(t, err)
			}
			answer = http.StatusOK
			for range 3 {
				if next.IsZero() {
					break
				}
				s.clock.Set(next)
				next = s.step()
			}
			if w := s.onlyReward(); w.State != model.Earned {
				t.Errorf("%s: the reward is %s", name, w.State)
			}
			s.verify()
			answer = http.StatusServiceUnavailable
		}
	})
}

// A question that is under way when the form of questions changes is asked in
// the other form, as often as the last answer demands.
func TestQuestionIsAskedAnewInItsOtherForm(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, open func() store.Engine) {
		s := newStage(t, open)
		answers := []int{500, 500, 200}
		asked := 0
		r := newReceiver(t, func(w http.ResponseWriter, _ string) {
			w.WriteHeader(answers[min(asked, len(answers)-1)])
			asked++
		})
		s.ask(r.URL)
		s.purchase()
		next := s.step()
		s.project.Endpoints[0].Event, s.project.Endpoints[0].ID = "askOtherwise", 0
		_, err := s.engine.Apply(t.Context(), s.project.Clone())
		must(t, err)
		for range 4 {
			if next.IsZero() {
				break
			}
			s.clock.Set(next)
			next = s.step()
		}
		if w := s.onlyReward(); w.State != model.Earned || asked != 3 {
			t.Errorf("after %d questions the reward is %s", asked, w.State)
		}
		var states []model.DeliveryState
		for _, d := range s.deliveries() {
			states = append(states, d.State)
		}
		slices.Sort(states)
		if want := []model.DeliveryState{model.DeliveryDelivered, model.DeliveryFailed}; !slices.Equal(states, want) {
			t.Errorf("the questions are %v, want %v", states, want)
		}
		s.verify()
	})
}

// ask has the campaign's reward validated at an address; "" ends that.
func (s *stage) ask(address string) {
	s.t.Helper()
	s.project.Campaigns[0].Rules[0].ValidateURL = address
	s.project.Endpoints = nil
	if address != "" {
		s.project.Endpoints = []model.Endpoint{{Dialect: "plain", Event: "ask", Topic: model.RewardQuestioned, URL: address, Campaign: s.project.Campaigns[0].ID, In: s.project.Campaigns[0].Name}}
	}
	_, err := s.engine.Apply(s.t.Context(), s.project.Clone())
	must(s.t, err)
}

// onlyReward is the reward of the one purchase.
func (s *stage) onlyReward() *model.Reward {
	s.t.Helper()
	var rewards []*model.Reward
	must(s.t, s.store.View(s.t.Context(), s.account, func(tx *store.Tx) error {
		found, err := tx.Look(store.Lookup{CustomerID: "ada"})
		if err != nil {
			return err
		}
		rewards, err = tx.RewardsOf([]model.PersonID{found.ByCustomer})
		return err
	}))
	if len(rewards) != 1 {
		s.t.Fatalf("%d rewards, want 1", len(rewards))
	}
	return rewards[0]
}

func (s *stage) verify() {
	s.t.Helper()
	report, err := s.engine.Verify(s.t.Context(), s.account)
	must(s.t, err)
	if diff := cmp.Diff([]engine.Difference(nil), report.Differences); diff != "" {
		s.t.Error(diff)
	}
}
