package engine

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"unicode/utf8"

	"grapevine/model"
	"grapevine/store"
)

// Who is what a call says of a person.
type Who struct {
	Email      string
	CustomerID string
	FirstName  string
	LastName   string
	IP         string          // of the person: from a body or a browser, never a server's own
	Agent      string          // likewise
	Visitor    model.VisitorID // the browser; 0 where none is known
	Server     bool            // the call carried a merchant's key: it may merge two persons
	Signed     bool            // a browser sent it, and the merchant signed e-mail and customer id
	Browser    *Browser        // what a browser told beside it; nil for a server's call
	// Loyalty is whether they take part in the loyalty programme, as the call
	// says; "" says nothing of it.
	Loyalty model.LoyaltyStatus
	// Extra is anything else of the person, kept in the profile; nil leaves
	// what is there.
	Extra map[string]json.RawMessage
}

// vouched reports whether the merchant says who it is, and not just anybody
// with a browser.
func (w Who) vouched() bool { return w.Server || w.Signed }

// Longest is how many bytes an identity, a name or a code may have: they stand
// in keys, and a key has to fit a page of the database.
const Longest = 255

// tooLong refuses a text that is longer than Longest.
func tooLong(field, text string) error {
	if len(text) <= Longest {
		return nil
	}
	return &model.Error{Kind: model.Invalid, Field: field, Msg: fmt.Sprintf("%s is longer than %d bytes", strings.ReplaceAll(field, "_", " "), Longest)}
}

// noText refuses by what nobody can be called. The database would, too, but of
// several who are asked for together it refuses all.
func noText(field, text string) error {
	if utf8.ValidString(text) && !strings.Contains(text, "\x00") {
		return nil
	}
	return &model.Error{Kind: model.Malformed, Field: field, Msg: fmt.Sprintf("%s is no text", strings.ReplaceAll(field, "_", " "))}
}

// clip cuts what a browser says of itself to what is worth keeping.
func clip(agent string) string { return cut(agent, 1024) }

// check refuses what cannot be kept of a person.
func (w Who) check() error {
	return cmp.Or(
		noText("email", w.Email), noText("customer_id", w.CustomerID), tooLong("email", w.Email), tooLong("customer_id", w.CustomerID),
		tooLong("first_name", w.FirstName), tooLong("last_name", w.LastName), w.Browser.check(), validLoyalty(w.Loyalty),
	)
}

// actor is who acts in an event, as far as the identities tell.
type actor struct {
	id     model.PersonID // 0: nobody is known
	fresh  bool           // made by this event
	buys   bool           // the event is a purchase of theirs
	weak   model.PersonID // found by an e-mail alone, and given a customer id by this event; 0 is none
	merge  model.PersonID // found to be the same person; 0 is none
	robs   model.PersonID // has, by a browser's word alone, the e-mail that the merchant says is the actor's; 0 is nobody
	naming []model.Identity
	// confirms is an e-mail that the merchant names and that is not the main
	// one: it is, if all the others are a browser's word. "" is none.
	confirms string
}

// identify decides who the person is. A customer id is the strong identity,
// an e-mail the weak one: two persons become one only when a server's call
// names both and at most one of them has customer ids; otherwise the customer
// id decides, and the e-mail stays where it was. What nobody vouches for adds
// no name to somebody who is there: a stranger's browser could take part as
// them from then on.
func (t *turn) identify(found *store.Found, who Who) actor {
	customer := model.Identity{Kind: model.CustomerID, Value: who.CustomerID, Shown: who.CustomerID}
	email := model.Identity{Kind: model.Email, Value: model.FoldEmail(who.Email), Shown: who.Email}
	mayName := who.vouched() && found.EmailIsFree
	var a actor
	if found.ByEmail != found.ByCustomer && who.CustomerID != "" && who.vouched() && !found.EmailIsFree && !found.EmailIsVouched {
		a.robs, found.ByEmail = found.ByEmail, 0
	}
	switch {
	case found.ByCustomer != 0:
		a.id = found.ByCustomer
		switch {
		case found.ByEmail == 0 && who.Email != "" && who.vouched():
			a.naming = append(a.naming, email)
		case found.ByEmail != 0 && found.ByEmail != a.id && mayName && who.Server:
			a.merge, a.weak = found.ByEmail, found.ByEmail
		}
	case who.CustomerID != "" && found.ByEmail != 0 && mayName:
		a.id, a.weak = found.ByEmail, found.ByEmail
		customer.Main = true
		a.naming = append(a.naming, customer)
	case who.CustomerID != "":
		a.id, a.fresh = model.PersonID(t.id()), true
		customer.Main = true
		a.naming = append(a.naming, customer)
		if who.Email != "" && found.ByEmail == 0 {
			email.Main = who.vouched()
			a.naming = append(a.naming, email)
		}
	case found.ByEmail != 0:
		a.id = found.ByEmail
	case who.Email != "":
		a.id, a.fresh = model.PersonID(t.id()), true
		email.Main = who.vouched()
		a.naming = append(a.naming, email)
	}
	for i := range a.naming {
		a.naming[i].Person = a.id
	}
	theirs := found.ByEmail == 0 || found.ByEmail == a.id || found.ByEmail == a.merge
	if who.vouched() && !a.fresh && theirs && !found.EmailIsMain {
		a.confirms = email.Value
	}
	return a
}

// changesWho reports whether the event makes two persons one, or takes a name
// from somebody else.
func (a actor) changesWho() bool { return a.merge != 0 || a.robs != 0 }

// known is the actor as somebody the database has rows of; 0 for a person
// whom this event makes.
func (a actor) known() model.PersonID {
	if a.fresh {
		return 0
	}
	return a.id
}

// admit writes the actor: a new person, new names, a merge. The locks are
// held.
func (t *turn) admit(a actor, who Who) error {
	if a.id == 0 {
		return nil
	}
	if a.fresh {
		p := &model.Person{ID: a.id, Turns: 1, CreatedAt: t.now}
		if a.buys {
			p.Purchases = 1
		}
		if t.persons == nil {
			t.persons = map[model.PersonID]*model.Person{}
		}
		t.persons[a.id] = p
		t.tx.InsertPerson(p)
	}
	if a.buys && !a.fresh {
		t.tx.CountPurchase(a.id)
	}
	if a.robs != 0 { // so rare that it may lock out of order, and run again for it
		if _, err := t.tx.LockPersons(a.robs); err != nil {
			return err
		}
		t.tx.DeleteIdentity(model.Identity{Kind: model.Email, Value: model.FoldEmail(who.Email), Person: a.robs})
	}
	t.tx.InsertIdentities(a.naming, t.now.UnixMilli())
	if !a.fresh && len(a.naming) > 0 {
		t.shows(a.id, inAllLists)
		t.renews(a.id)
	}
	if a.merge != 0 {
		if err := t.merge(a.merge, a.id); err != nil {
			return err
		}
	}
	if a.confirms != "" {
		t.tx.ConfirmEmail(a.id, t.group(a.id), a.confirms)
	}
	if !who.vouched() {
		who.Loyalty = model.LoyaltyUnsaid
	}
	t.settleLoyalty(a.id, who.Loyalty)
	if who.Visitor != 0 {
		t.tx.KnowVisitor(who.Visitor, a.id, t.now)
	}
	return t.describe(a, who)
}

// describe keeps what was sent of a person; what was not sent stays. Of
// somebody who is there, only the merchant tells.
func (t *turn) describe(a actor, who Who) error {
	if !a.fresh && !who.vouched() {
		return nil
	}
	p := model.Profile{Person: a.id, FirstName: who.FirstName, LastName: who.LastName, IP: who.IP, Agent: clip(who.Agent)}
	if who.Extra != nil {
		extra := map[string]json.RawMessage{}
		if !a.fresh {
			had, err := t.tx.Profile(a.id)
			if err != nil {
				return err
			}
			if had.Body != "" {
				if err := json.Unmarshal([]byte(had.Body), &extra); err != nil {
					return err
				}
			}
		}
		maps.Copy(extra, who.Extra)
		body, err := json.Marshal(extra)
		if err != nil {
			return &model.Error{Kind: model.Malformed, Msg: "what was sent of the person is no JSON", Err: err}
		}
		p.Body = string(body)
	}
	if (p.Name() != "" || p.Body != "") && !a.fresh {
		t.tx.ChangeIfDescribed(t.id(), p)
	}
	if p == (model.Profile{Person: a.id}) {
		return nil
	}
	if err := t.renewsProfile(a, p); err != nil {
		return err
	}
	t.tx.SaveProfile(p)
	return nil
}

// merge makes one person an alias of another. Nothing is rewritten: limits
// count over both, and each ledger moves by two entries.
func (t *turn) merge(from, into model.PersonID) error {
	event := t.happened(model.Merged, into)
	event.Subject = int64(from)
	t.tx.Alias(from, into)
	t.shows(into, inAllLists)
	t.groups[into] = append(t.group(into), t.group(from)...)
	kept, gone := t.persons[into], t.persons[from]
	kept.Aliases += gone.Aliases + 1
	kept.Purchases += gone.Purchases
	if status := kept.Loyalty.Stricter(gone.Loyalty); status != kept.Loyalty {
		kept.Loyalty = status
		t.tx.SetLoyalty(into, status)
	}
	for _, key := range sortedBy(t.books, func(a, b bookKey) int { return compare3(0, 0, 0, 0, a.holder+a.currency, b.holder+b.currency) }) {
		if key.holder != store.PersonHolder(from) {
			continue
		}
		source, err := t.book(from, key.currency)
		if err != nil {
			return err
		}
		target, err := t.book(into, key.currency)
		if err != nil {
			return err
		}
		t.countLedger(source.Head, -1)
		if err := source.MoveTo(target); err != nil {
			return err
		}
		t.saveBook(source)
		t.saveBook(target)
		t.tx.MoveCredits(key.currency, source.Head.Holder, target.Head.Holder, t.now)
		if next := target.Head.NextExpiry; !next.IsZero() {
			t.jobs = append(t.jobs, expiryJob(t.id(), target.Head, next))
		}
	}
	return nil
}
