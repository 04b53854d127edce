package engine_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
)

// server is who a merchant's own call names.
func server(customer, email string) engine.Who {
	return engine.Who{CustomerID: customer, Email: email, Server: true}
}

// by names a referral by its code.
func by(code string) engine.Referral { return engine.Referral{ReferralCode: code} }

// joinAs makes somebody join as a test says.
func (s *stage) joinAs(j engine.Join) *engine.Joined {
	s.t.Helper()
	joined, err := s.core.Join(context.Background(), s.account, j)
	if err != nil {
		s.t.Fatal(err)
	}
	return joined
}

// signUp signs a person up with a code, in the campaign of the code.
func (s *stage) signUp(who engine.Who, code string) *engine.Joined {
	s.t.Helper()
	return s.joinAs(engine.Join{Who: who, Referral: by(code), Kind: model.SignUp})
}

// custom records a custom event.
func (s *stage) custom(c engine.CustomEvent) *engine.Recorded {
	s.t.Helper()
	recorded, err := s.core.RecordCustom(context.Background(), s.account, c)
	if err != nil {
		s.t.Fatal(err)
	}
	return recorded
}

// view reads the stage's account.
func (s *stage) view(read func(*store.Tx) error) {
	s.t.Helper()
	if err := s.store.View(context.Background(), s.account, read); err != nil {
		s.t.Fatal(err)
	}
}

// personOf is who has a customer id or an e-mail address; 0 is nobody.
func (s *stage) personOf(name string) (id model.PersonID) {
	s.t.Helper()
	s.view(func(tx *store.Tx) error {
		found, err := tx.Look(store.Lookup{CustomerID: name, Email: model.FoldEmail(name)})
		if err == nil {
			id = cmp.Or(found.ByCustomer, found.ByEmail)
		}
		return err
	})
	return id
}

// codeID is what rows call a code.
func (s *stage) codeID(shown string) (id model.CodeID) {
	s.t.Helper()
	s.view(func(tx *store.Tx) error {
		owner, err := tx.CodeOwner(model.FoldCode(shown))
		if err == nil {
			id = owner.ID
		}
		return err
	})
	return id
}

// story lists what a person did and what it led to, in order: each event, who
// it counted for and by what, and the rewards it brought. How they stand in the
// loyalty programme is another story.
func (s *stage) story(name string) []string {
	s.t.Helper()
	person := s.personOf(name)
	var list []string
	s.view(func(tx *store.Tx) error {
		group, err := tx.Group(&model.Person{ID: person, Aliases: 1})
		if err != nil {
			return err
		}
		events, err := tx.EventsOf(group)
		slices.SortFunc(events, func(a, b *model.Event) int { return cmp.Compare(a.ID, b.ID) })
		for _, e := range events {
			if e.Kind == model.LoyaltyChanged {
				continue
			}
			list = append(list, strings.Join(append([]string{string(e.Kind)}, s.counted(tx, e.ID)...), ", "))
			for _, reward := range s.rewards(e.ID) {
				list = append(list, "  "+reward)
			}
		}
		return err
	})
	return list
}

// counted lists for whom an event counts.
func (s *stage) counted(tx *store.Tx, event model.EventID) []string {
	s.t.Helper()
	conversions, err := tx.ConversionsOfEvent(event)
	if err != nil {
		s.t.Fatal(err)
	}
	var list []string
	for _, c := range conversions {
		contacts, err := tx.Contacts([]model.PersonID{c.Person})
		if err != nil {
			s.t.Fatal(err)
		}
		name := ""
		for _, campaign := range s.project.Campaigns {
			if campaign.ID == c.Campaign {
				name = campaign.Name
			}
		}
		who, _, _ := strings.Cut(cmp.Or(contacts[c.Person].Email, contacts[c.Person].CustomerID), "@")
		list = append(list, name+" by "+string(c.Via)+" of "+who)
	}
	return list
}

// participant reads a participant.
func (s *stage) participant(id model.ParticipantID) (p *model.Participant) {
	s.t.Helper()
	s.view(func(tx *store.Tx) (err error) {
		p, _, err = tx.Participant(id)
		return err
	})
	return p
}

// tally reads a counter.
func (s *stage) tally(subject int64, what string) (n int64) {
	s.t.Helper()
	s.view(func(tx *store.Tx) (err error) {
		n, err = tx.Counted(subject, what)
		return err
	})
	return n
}

// fails checks the kind and the reason of an error.
func fails(t testing.TB, err error, kind model.Kind, reason model.Reason) {
	t.Helper()
	var e *model.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Reason != reason {
		t.Errorf("%v, want %s %s", err, kind, reason)
	}
}

// follow follows a link and returns the visitor and the cookie: of somebody
// new, or what somebody known has.
func (s *stage) follow(code, cookie string) (model.VisitorID, string) {
	s.t.Helper()
	landing, err := s.core.Click(context.Background(), engine.Visit{Code: code, Cookie: cookie, IP: "192.0.2.1", Agent: "test"})
	if err != nil {
		s.t.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(cmp.Or(landing.Cookie, cookie))
	if err != nil || len(raw) < 16 {
		s.t.Fatalf("cookie %q: %v", landing.Cookie, err)
	}
	return model.VisitorID(binary.BigEndian.Uint64(raw[8:])), cmp.Or(landing.Cookie, cookie)
}

// linkOf gives a person their link in a campaign and returns the code.
func (s *stage) linkOf(who engine.Who, campaign int) string {
	s.t.Helper()
	links, err := s.core.Links(context.Background(), s.account, []engine.LinkRequest{{Who: who, Campaign: s.project.Campaigns[campaign].UUID}})
	if err != nil {
		s.t.Fatal(err)
	}
	return links[0].Code
}

// adjust takes whole units from a customer's ledger; less than none are added,
// until a time.
func (s *stage) adjust(customer, currency string, take money.Amount, until time.Time) *engine.Adjusted {
	s.t.Helper()
	a := engine.Adjustment{CustomerID: customer, Currency: currency, Value: take * money.Unit}
	if take < 0 {
		a.Add, a.Value, a.ExpiresAt = true, -take*money.Unit, until
	}
	adjusted, err := s.core.AdjustLedger(context.Background(), s.account, a)
	if err != nil {
		s.t.Fatal(err)
	}
	return adjusted
}

// rewardsFor lists the rewards of a person and of who was merged into them.
func (s *stage) rewardsFor(name string) (list []*model.Reward) {
	s.t.Helper()
	person := s.personOf(name)
	s.view(func(tx *store.Tx) error {
		group, err := tx.Group(&model.Person{ID: person, Aliases: 1})
		if err == nil {
			list, err = tx.RewardsOf(group)
		}
		return err
	})
	return list
}
