package engine_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
)

// joins has two campaigns that reward what joins raise, one whose rule is for
// whoever acts, and one that is paused.
const joins = `
account: Acme
site: https://shop.example.com
currencies: [{code: Points}]
loyalty: {auto_opt_in: true}
earning:
  - {name: Welcome, on: sign_up, amount: 40, currency: Points}
campaigns:
  - name: First
    code: first-campaign
    status: launched
    attribution_window: 720h
    rewards:
      - {name: Signed, to: advocate, on: sign_up, repeat: true, value: {type: cash, amount: 1, unit: USD}}
      - {name: Captured, to: advocate, on: email_capture, repeat: true, value: {type: cash, amount: 1, unit: USD}}
      - {name: Invited, to: friend, on: invited, repeat: true, value: {type: cash, amount: 1, unit: USD}}
      - {name: Bought, to: advocate, on: purchase, repeat: true, value: {type: cash, amount: 1, unit: USD}}
  - name: Second
    status: launched
    rewards:
      - {name: Signed here, to: advocate, on: sign_up, repeat: true, value: {type: cash, amount: 1, unit: USD}}
      - {name: Hello, to: customer, on: sign_up, repeat: true, value: {type: cash, amount: 1, unit: USD}}
`

func TestSignUpIsRaisedOncePerPersonAndCampaign(t *testing.T) {
	onBoth(t, joins, func(t *testing.T, s *stage) {
		ann, ben := s.link("ann@example.com", 0), s.link("ben@example.com", 1)
		first := s.signUp(server("c-1", "c-1@example.com"), ann)
		again := s.signUp(server("c-1", "c-1@example.com"), ann)
		if !first.Created || again.Created || again.Participant != first.Participant || again.Event == first.Event {
			t.Errorf("first %+v, again %+v", first, again)
		}
		s.signUp(server("c-1", "c-1@example.com"), ben)
		want := []string{
			"sign_up, First by code of ann",
			"  advocate signed earned", "  customer hello earned", "  earning Welcome delivered",
			"invited, First by code of ann", "  friend invited earned",
			"sign_up",
			// Another campaign: its own rules see the sign-up, and what the
			// customer or the account gives once was given.
			"sign_up, Second by code of ben", "  advocate signed_here earned",
			"invited, Second by code of ben",
		}
		if diff := cmp.Diff(want, s.story("c-1")); diff != "" {
			t.Error(diff)
		}
		if got := s.balance("c-1", "Points"); got != 40*money.Unit {
			t.Errorf("earned %v for signing up, want 40 once", got)
		}
	})
}

func TestSignUpCountsAfterACaptureAndAfterALink(t *testing.T) {
	onBoth(t, joins, func(t *testing.T, s *stage) {
		ann := s.link("ann@example.com", 0)
		bea := engine.Who{Email: "bea@example.com"}
		captured := s.joinAs(engine.Join{Who: bea, Referral: by(ann), Kind: model.EmailCapture})
		s.joinAs(engine.Join{Who: bea, Referral: by(ann), Kind: model.EmailCapture})
		signed := s.joinAs(engine.Join{Who: bea, Referral: by(ann), Kind: model.SignUp})
		if !captured.Created || signed.Created || signed.Participant != captured.Participant {
			t.Errorf("captured %+v, signed up %+v", captured, signed)
		}
		want := []string{
			"email_capture, First by code of ann", "  advocate captured earned",
			"invited, First by code of ann", "  friend invited earned",
			"email_capture",
			"sign_up, First by code of ann",
			"  advocate signed earned", "  customer hello earned", "  earning Welcome delivered",
		}
		if diff := cmp.Diff(want, s.story("bea@example.com")); diff != "" {
			t.Error(diff)
		}
		p := s.participant(captured.Participant)
		if p.CapturedAt.IsZero() || p.SignedUpAt.IsZero() {
			t.Errorf("captured at %v, signed up at %v", p.CapturedAt, p.SignedUpAt)
		}

		s.link("cal@example.com", 0)
		s.signUp(engine.Who{Email: "cal@example.com"}, ann)
		want = []string{
			"link", // raises nothing
			"sign_up, First by code of ann",
			"  advocate signed earned", "  customer hello earned", "  earning Welcome delivered",
			"invited, First by code of ann", "  friend invited earned",
		}
		if diff := cmp.Diff(want, s.story("cal@example.com")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestFirstJoinWithAReferrerFixesIt(t *testing.T) {
	onBoth(t, joins, func(t *testing.T, s *stage) {
		ann, ben := s.link("ann@example.com", 0), s.link("ben@example.com", 0)
		c := server("c-1", "c-1@example.com")
		// A purchase or event never changes who referred a person.
		s.buy("o-1", "c-1", ben, "1")
		first := s.joinAs(engine.Join{Who: c, Kind: model.SignUp, Campaign: s.project.Campaigns[0].ID})
		if p := s.participant(first.Participant); p.Referrer != 0 {
			t.Errorf("participant %d is the referrer, though the join named none", p.Referrer)
		}
		s.wait(time.Hour)
		s.signUp(c, ann)
		s.wait(time.Hour)
		s.signUp(c, ben)
		p := s.participant(first.Participant)
		if got := s.participant(p.Referrer); got.Person != s.personOf("ann@example.com") || !p.ReferredAt.Equal(noon.Add(time.Hour)) {
			t.Errorf("participant %d referred at %v, want ann after an hour", p.Referrer, p.ReferredAt)
		}
		bought := s.buy("o-2", "c-1", "", "1")
		if got := s.via(bought.Event); got != "referrer ann@example.com" {
			t.Errorf("a purchase without a code counts by %q", got)
		}
		if got := s.via(s.buy("o-3", "c-1", ben, "1").Event); got != "code ben@example.com" {
			t.Errorf("a purchase with another's code counts by %q", got)
		}
		s.wait(718 * time.Hour) // 719 after the sign-up with ann's code
		if got := s.via(s.buy("o-4", "c-1", "", "1").Event); got != "referrer ann@example.com" {
			t.Errorf("just inside the window a purchase counts by %q", got)
		}
		s.wait(time.Hour)
		if got := s.via(s.buy("o-5", "c-1", "", "1").Event); got != "" {
			t.Errorf("when the window is over a purchase counts by %q", got)
		}
		if n := s.tally(store.OfCampaign(s.project.Campaigns[0].ID), "referred"); n != 1 {
			t.Errorf("%d referred, want 1", n)
		}
	})
}

func TestWindowOfAJoinCountsFromItsClick(t *testing.T) {
	onBoth(t, joins, func(t *testing.T, s *stage) {
		ann := s.link("ann@example.com", 0)
		visitor, _ := s.follow(ann, "")
		s.wait(700 * time.Hour)
		c := server("c-1", "c-1@example.com")
		c.Visitor = visitor
		joined := s.signUp(c, "")
		if p := s.participant(joined.Participant); !p.ReferredAt.Equal(noon) {
			t.Errorf("the window opened at %v, want the time of the click", p.ReferredAt)
		}
		s.wait(20 * time.Hour)
		if got := s.via(s.buy("o-1", "c-1", "", "1").Event); got != "" {
			t.Errorf("after the click's window a purchase counts by %q", got)
		}
	})
}

func TestJoinLinkOfACampaignJoinsItUnreferred(t *testing.T) {
	onBoth(t, joins, func(t *testing.T, s *stage) {
		joined := s.signUp(server("c-1", "c-1@example.com"), "First-Campaign")
		p := s.participant(joined.Participant)
		if !joined.Created || p.Campaign != s.project.Campaigns[0].ID || p.Referrer != 0 {
			t.Errorf("joined %+v as %+v", joined, p)
		}
		if got := s.via(joined.Event); got != "" {
			t.Errorf("a join link counts for %q", got)
		}
	})
}

func TestSignUpWithoutACampaignIsKept(t *testing.T) {
	onBoth(t, joins, func(t *testing.T, s *stage) {
		for _, code := range []string{"", "nobody"} {
			joined := s.signUp(server("c-1", "c-1@example.com"), code)
			if joined.Participant != 0 || joined.Created || joined.UUID == "" {
				t.Errorf("with code %q: %+v", code, joined)
			}
		}
		// It was no sign-up to a campaign: the first that names one still counts there.
		s.signUp(server("c-1", "c-1@example.com"), s.link("ben@example.com", 1))
		want := []string{
			"sign_up", "  customer hello earned", "  earning Welcome delivered",
			"sign_up",
			"sign_up, Second by code of ben", "  advocate signed_here earned",
			"invited, Second by code of ben",
		}
		if diff := cmp.Diff(want, s.story("c-1")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestOwnCodeBringsNobody(t *testing.T) {
	onBoth(t, joins, func(t *testing.T, s *stage) {
		ann := s.link("ann@example.com", 0)
		joined := s.signUp(engine.Who{Email: "ann@example.com"}, ann)
		if p := s.participant(joined.Participant); p.Referrer != 0 {
			t.Errorf("ann brought herself: %+v", p)
		}
		want := []string{
			"link",
			"sign_up, First by code of ann",
			"  advocate signed rejected self_referral", "  customer hello earned", "  earning Welcome delivered",
		}
		if diff := cmp.Diff(want, s.story("ann@example.com")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestCampaignThatIsNotLiveTakesNothingNew(t *testing.T) {
	const file = `
account: Acme
site: https://shop.example.com
campaigns:
  - name: First
    status: %s
    ends_at: %s
    rewards:
      - {name: Held, to: advocate, on: purchase, repeat: true, hold: 1h, value: {type: cash, amount: 1, unit: USD}}
      - {name: Hello, to: customer, on: sign_up, value: {type: cash, amount: 1, unit: USD}}
`
	onBoth(t, fmt.Sprintf(file, "launched", "null"), func(t *testing.T, s *stage) {
		ann := s.link("ann@example.com", 0)
		s.signUp(server("c-1", "c-1@example.com"), ann)
		held := s.buy("o-1", "c-1", ann, "1")
		for _, changed := range []string{
			fmt.Sprintf(file, "paused", "null"),
			fmt.Sprintf(file, "draft", "null"),
			fmt.Sprintf(file, "launched", noon.Add(time.Minute).Format(time.RFC3339)),
		} {
			s.apply(changed)
			if s.now.Equal(noon) {
				s.wait(time.Minute) // ends_at is the first moment that is over
			}
			campaign := s.project.Campaigns[0]
			_, err := s.core.Join(t.Context(), s.account, engine.Join{Who: server("c-2", ""), Kind: model.SignUp, Campaign: campaign.ID})
			fails(t, err, model.NotFound, model.CampaignNotLive)
			_, err = s.core.Links(t.Context(), s.account, []engine.LinkRequest{{Who: server("c-2", ""), Campaign: campaign.UUID}})
			fails(t, err, model.NotFound, model.CampaignNotLive)
			_, err = s.core.Click(t.Context(), engine.Visit{Code: ann})
			fails(t, err, model.NotFound, model.CodeUnknown)
			_, err = s.core.ReferralStatus(t.Context(), s.account, ann)
			fails(t, err, model.NotFound, model.CodeUnknown)
			// Its codes count as unknown in events, and who was brought before
			// brings nothing more.
			for i, code := range []string{ann, ""} {
				bought := s.buy(fmt.Sprint(campaign.Status, campaign.EndsAt, i), "c-1", code, "1")
				if got := s.via(bought.Event); got != "" {
					t.Errorf("%s: code %q still counts for %q", campaign.Status, code, got)
				}
			}
			joined := s.signUp(server("c-3", ""), ann)
			if got := s.rewards(joined.Event); joined.Participant != 0 || got != nil {
				t.Errorf("%s: a sign-up with its code: %+v, %v", campaign.Status, joined, got)
			}
		}
		// What was pending goes on.
		s.wait(time.Hour)
		s.run()
		if diff := cmp.Diff([]string{"advocate held earned"}, s.rewards(held.Event)); diff != "" {
			t.Error(diff)
		}
		_, err := s.core.Join(t.Context(), s.account, engine.Join{Who: server("c-2", ""), Kind: model.SignUp, Campaign: 1})
		fails(t, err, model.NotFound, model.CampaignUnknown)
	})
}

// However many joins with different codes arrive at once, one of them fixes
// who brought the person, and only that one invites.
func TestParallelJoinsFixOneReferrer(t *testing.T) {
	onBoth(t, joins, func(t *testing.T, s *stage) {
		for round := range 4 {
			var codes []string
			for i := range 6 {
				codes = append(codes, s.link(fmt.Sprintf("ann-%d@example.com", i), 0))
			}
			email := fmt.Sprintf("friend-%d@example.com", round)
			if round%2 == 1 {
				s.link(email, 0) // a participant already
			}
			all := parallel(t, len(codes), func(i int) (model.ParticipantID, error) {
				joined, err := s.core.Join(context.Background(), s.account, engine.Join{
					Who: engine.Who{Email: email}, Referral: by(codes[i]), Kind: model.SignUp,
				})
				if err != nil {
					return 0, err
				}
				return joined.Participant, nil
			})
			for _, id := range all {
				if id != all[0] {
					t.Fatalf("two participants: %d and %d", id, all[0])
				}
			}
			invited, signed := 0, 0
			for _, line := range s.story(email) {
				switch {
				case len(line) > 7 && line[:7] == "invited":
					invited++
				case len(line) > 8 && line[:8] == "sign_up,":
					signed++
				}
			}
			if invited != 1 || signed != 1 {
				t.Errorf("invited %d times, signed up %d times, want once each: %v", invited, signed, s.story(email))
			}
		}
		if n := s.tally(store.OfCampaign(s.project.Campaigns[0].ID), "referred"); n != 4 {
			t.Errorf("%d referred, want 4", n)
		}
	})
}

// Where addresses are to be confirmed, a join raises nothing yet; who brought
// the person is fixed all the same.
func TestJoinThatWaitsForConfirmationRaisesNothing(t *testing.T) {
	onBoth(t, strings.Replace(joins, "code: first-campaign", "confirm_email: true", 1), func(t *testing.T, s *stage) {
		joined := s.signUp(server("c-1", "c-1@example.com"), s.link("ann@example.com", 0))
		s.joinAs(engine.Join{Who: server("c-1", "c-1@example.com"), Kind: model.EmailCapture, Referral: by(s.link("ann@example.com", 0))})
		if diff := cmp.Diff([]string{"sign_up", "email_capture"}, s.story("c-1")); diff != "" {
			t.Error(diff)
		}
		if p := s.participant(joined.Participant); p.Referrer == 0 {
			t.Error("nobody brought them")
		}
		// Other campaigns ask for nothing.
		s.signUp(server("c-1", "c-1@example.com"), s.link("ben@example.com", 1))
		want := []string{
			"sign_up", "email_capture",
			"sign_up, Second by code of ben", "  advocate signed_here earned", "  customer hello earned", "  earning Welcome delivered",
			"invited, Second by code of ben",
		}
		if diff := cmp.Diff(want, s.story("c-1")); diff != "" {
			t.Error(diff)
		}
	})
}

// A call that only takes new people leaves those alone who take part, however
// they came to.
func TestJoinOfNewPeopleOnly(t *testing.T) {
	onBoth(t, joins, func(t *testing.T, s *stage) {
		first := s.project.Campaigns[0].ID
		ann := s.link("ann@example.com", 0)
		join := func(email string) *engine.Joined {
			return s.joinAs(engine.Join{
				Who: engine.Who{Email: email, FirstName: "Other"}, Referral: by(ann), Kind: model.SignUp, Campaign: first, OnlyNew: true,
			})
		}
		if again := join("ann@example.com"); again.Created || again.Participant == 0 || again.Event != 0 {
			t.Errorf("who has a link: %+v", again)
		}
		var wait sync.WaitGroup
		var mu sync.Mutex
		made := map[model.ParticipantID]int{}
		for range 8 {
			wait.Go(func() {
				joined := join("bob@example.com")
				mu.Lock()
				defer mu.Unlock()
				made[joined.Participant] += 0
				if joined.Created {
					made[joined.Participant]++
				}
			})
		}
		wait.Wait()
		if len(made) != 1 || !slices.Contains(slices.Collect(maps.Values(made)), 1) {
			t.Errorf("participants, and how often they were made: %v", made)
		}
	})
}

// What a join was held back for is raised when the address is confirmed, once,
// for who brought them.
func TestConfirmationRaisesWhatWasHeldBack(t *testing.T) {
	onBoth(t, strings.Replace(joins, "code: first-campaign", "confirm_email: true", 1), func(t *testing.T, s *stage) {
		ann := s.link("ann@example.com", 0)
		joined := s.signUp(server("c-1", "c-1@example.com"), ann)
		s.joinAs(engine.Join{Who: server("c-1", "c-1@example.com"), Kind: model.EmailCapture, Referral: by(ann)})
		token := s.core.ConfirmationToken(s.account, joined.Participant)
		c, err := s.core.Confirmation(t.Context(), token)
		if err != nil || c.Done || c.Email != "c-1@example.com" || c.Campaign != s.project.Campaigns[0].Name {
			t.Fatalf("before: %+v, %v", c, err)
		}
		s.mu.Lock()
		s.now = s.now.Add(3000 * time.Hour) // long after the window of the referral
		s.mu.Unlock()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() { must(s.core.Confirm(t.Context(), token)) })
		}
		wait.Wait()
		want := []string{
			"sign_up", "email_capture", "state",
			"sign_up, First by referrer of ann", "  advocate signed earned", "  customer hello earned", "  earning Welcome delivered",
			"invited, First by referrer of ann", "  friend invited earned",
			"email_capture, First by referrer of ann", "  advocate captured earned",
		}
		if diff := cmp.Diff(want, s.story("c-1")); diff != "" {
			t.Error(diff)
		}
		if c, err := s.core.Confirmation(t.Context(), token); err != nil || !c.Done {
			t.Errorf("after: %+v, %v", c, err)
		}
		for _, wrong := range []string{"", "x", token[:len(token)-1] + "_", s.core.ConfirmationToken(s.account+1, joined.Participant)[:20] + token[20:]} {
			if err := s.core.Confirm(t.Context(), wrong); model.KindOf(err) != model.NotFound {
				t.Errorf("token %q: %v", wrong, err)
			}
		}
	})
}

// A join that names its campaign is none to another, whatever code it carries
// and whoever brought the person there.
func TestJoinRaisesOnlyInTheCampaignItNames(t *testing.T) {
	onBoth(t, joins, func(t *testing.T, s *stage) {
		first := s.project.Campaigns[0].ID
		ben := s.link("ben@example.com", 1)
		s.joinAs(engine.Join{Who: server("c-1", ""), Referral: by(ben), Kind: model.EmailCapture})
		s.joinAs(engine.Join{Who: server("c-1", ""), Kind: model.SignUp, Campaign: first})
		joined := s.joinAs(engine.Join{Who: server("c-2", ""), Referral: by(ben), Kind: model.SignUp, Campaign: first})
		if p := s.participant(joined.Participant); p.Campaign != first || p.Referrer != 0 {
			t.Errorf("joined %+v", p)
		}
		for _, name := range []string{"c-1", "c-2"} {
			for _, line := range s.story(name) {
				if strings.HasPrefix(line, "sign_up,") {
					t.Errorf("%s: %s", name, line)
				}
			}
		}
		s.signUp(server("c-1", ""), "")
		if got := s.story("c-1"); !slices.Contains(got, "sign_up, Second by referrer of ben") {
			t.Errorf("a sign-up that names no campaign counts where somebody brought the person: %v", got)
		}
	})
}
