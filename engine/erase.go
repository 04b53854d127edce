package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"grapevine/model"
	"grapevine/store"
)

// Whom names somebody by any of their names. Two names may be those of two
// persons: then both are meant.
type Whom struct {
	Email      string
	CustomerID string
}

// persons finds who is meant, each as who they are now.
func (w Whom) persons(tx *store.Tx) ([]model.PersonID, error) {
	found, err := tx.Look(store.Lookup{CustomerID: w.CustomerID, Email: model.FoldEmail(w.Email)})
	if err != nil {
		return nil, err
	}
	persons := []model.PersonID{found.ByCustomer, found.ByEmail}
	slices.Sort(persons)
	return slices.DeleteFunc(slices.Compact(persons), func(id model.PersonID) bool { return id == 0 }), nil
}

// Erasure is an erasure that was asked for.
type Erasure struct {
	ID    string // UUID of the event that says so
	Known bool   // there was somebody to erase
}

// Erase makes everybody whom the names mean, and who was merged into them,
// nobody: from its commit on their names are not known, and who comes with them
// is somebody new. Whatever else was told of them goes in pieces after it, in a
// job, within seconds. What sums rest on stays: events, rewards, ledgers,
// coupons. It cannot be undone.
func (e *Engine) Erase(ctx context.Context, account model.AccountID, w Whom) (*Erasure, error) {
	var asked *Erasure
	err := e.inTurn(ctx, account, func(t *turn) error {
		persons, err := w.persons(t.tx)
		if err != nil {
			return err
		}
		if t.persons, err = t.tx.LockPersons(persons...); err != nil {
			return err
		}
		asked = &Erasure{Known: len(persons) > 0}
		if err := t.eraseStranger(w.Email); err != nil {
			return err
		}
		if !asked.Known {
			persons = []model.PersonID{0}
		}
		for _, person := range persons {
			event := t.happened(model.Erased, person)
			if asked.ID == "" {
				asked.ID = event.UUID
			}
			if person != 0 {
				if err := t.erase(person, 0); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return asked, err
}

// erase takes the names of a locked person, and leaves the rest to a job. gone
// is the participant that they were until just now, 0 for none.
func (t *turn) erase(person model.PersonID, gone model.ParticipantID) error {
	group, err := t.tx.Group(t.persons[person])
	if err != nil {
		return err
	}
	names, err := t.tx.Identities(group)
	if err != nil {
		return err
	}
	left := erasing{Gone: gone}
	if err := t.tx.VoidMailsOf(group, t.now); err != nil {
		return err
	}
	for _, n := range names {
		if n.Kind == model.Email {
			if err := t.tx.VoidMailsTo(t.e.addressHash(n.Value), t.now); err != nil {
				return err
			}
			left.Addresses = append(left.Addresses, t.e.addressHash(n.Value))
		}
		// A merchant may call a ledger of its own by a name of the person.
		for _, name := range []string{n.Value, n.Shown} {
			if holder := t.e.customHolder(name); !slices.Contains(left.Ledgers, holder) {
				left.Ledgers = append(left.Ledgers, holder)
			}
		}
	}
	parts, err := t.tx.Parts(person)
	if err != nil {
		return err
	}
	for _, p := range parts {
		t.tellLeft(&p.Participant)
	}
	t.tx.EraseNames(group, t.now)
	t.shows(person, inAllLists)
	t.jobs = append(t.jobs, left.job(t.id(), person, t.now))
	return nil
}

// eraseStranger takes what mails say to an address that is nobody's: friends
// get shares of whom nothing else is known.
func (t *turn) eraseStranger(email string) error {
	folded := model.FoldEmail(email)
	if folded == "" {
		return nil
	}
	owner, err := t.tx.PersonsNamed(model.Email, []string{folded})
	if err != nil || owner[folded] != 0 {
		return err
	}
	hash := t.e.addressHash(folded)
	if err := t.tx.VoidMailsTo(hash, t.now); err != nil {
		return err
	}
	t.jobs = append(t.jobs, (&erasing{Addresses: []string{hash}}).job(t.id(), 0, t.now))
	return nil
}

// erasing is the payload of a job that erases a person: how far it is.
type erasing struct {
	Ledgers   []string            `json:"ledgers,omitempty"`   // holders by a name of the person, digested
	Addresses []string            `json:"addresses,omitempty"` // of the person, digested
	Gone      model.ParticipantID `json:"gone,omitempty"`      // who has no row any more
	Step      int                 `json:"step,omitempty"`
	Of        int                 `json:"of,omitempty"`    // whom of the group
	After     int64               `json:"after,omitempty"` // what of theirs is done
}

func (x *erasing) job(id int64, person model.PersonID, now time.Time) model.Job {
	payload, err := json.Marshal(x)
	if err != nil {
		panic(err) // numbers and texts always marshal
	}
	return model.Job{ID: model.JobID(id), Kind: model.JobErase, Subject: int64(person), Payload: string(payload), RunAt: now}
}

const (
	erasePiece  = 500              // rows that one transaction looks at
	eraseAtOnce = 10 * time.Second // a job's lease is longer: what is left then is another job's
)

// goOnErasing does pieces of an erasure, each in a transaction of its own.
// Doing one again changes nothing.
func (e *Engine) goOnErasing(ctx context.Context, job model.Job) error {
	var x erasing
	if err := json.Unmarshal([]byte(job.Payload), &x); err != nil {
		return fmt.Errorf("job %d: %w", job.ID, err)
	}
	person := model.PersonID(job.Subject)
	var group []model.PersonID
	err := e.store.View(ctx, job.Account, func(tx *store.Tx) (err error) {
		group, err = tx.Group(&model.Person{ID: person, Aliases: 1})
		return err
	})
	if err != nil {
		return err
	}
	steps := []func(*store.Tx, *erasing, model.PersonID) (after int64, more bool, err error){
		eraseCodes, eraseEvents, eraseReceived, eraseAdvocated, eraseAsFriend, eraseVisits, eraseNotes, erasePoints, eraseInvited, e.eraseMails, eraseParts,
	}
	if person == 0 { // an address that is nobody's
		steps = append(steps[:0], e.eraseMails)
	}
	for began := e.now(); x.Step < len(steps); x.Step, x.Of = x.Step+1, 0 {
		for x.Of < len(group) {
			if e.now().Sub(began) > eraseAtOnce {
				return e.eraseLater(ctx, job, &x)
			}
			var after int64
			var more bool
			err := e.store.InTx(ctx, job.Account, func(tx *store.Tx) (err error) {
				after, more, err = steps[x.Step](tx, &x, group[x.Of])
				return err
			})
			if err != nil {
				return err
			}
			if x.After = after; !more {
				x.Of, x.After = x.Of+1, 0
			}
		}
		if x.Step == 0 { // this node forgets the links at once, others with their next look
			if err := e.Refresh(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// eraseLater leaves the rest to a job of its own.
func (e *Engine) eraseLater(ctx context.Context, job model.Job, x *erasing) error {
	id, err := e.newID()
	if err != nil {
		return err
	}
	return e.store.InTx(ctx, job.Account, func(tx *store.Tx) error {
		tx.Enqueue(x.job(id, model.PersonID(job.Subject), e.now()))
		return nil
	})
}

// eraseCodes ends what a person's codes say of them.
func eraseCodes(tx *store.Tx, _ *erasing, person model.PersonID) (int64, bool, error) {
	n, err := tx.EraseCodes(person, erasePiece)
	if n > 0 {
		tx.Touch()
	}
	return 0, n == erasePiece, err
}

// eraseEvents deletes what was sent with a person's events, and redacts what
// tells of the rewards that these brought.
func eraseEvents(tx *store.Tx, x *erasing, person model.PersonID) (int64, bool, error) {
	events, err := tx.EventIDs(person, model.EventID(x.After), erasePiece)
	if err != nil || len(events) == 0 {
		return 0, false, err
	}
	store.DeleteDetails(tx, events)
	rewards, err := tx.RewardsOfEvents(events)
	if err != nil {
		return 0, false, err
	}
	if err := store.Redact(tx, events); err != nil {
		return 0, false, err
	}
	return int64(events[len(events)-1]), len(events) == erasePiece, store.Redact(tx, rewards)
}

// eraseReceived redacts what tells of a person's own rewards, and of the
// person.
func eraseReceived(tx *store.Tx, x *erasing, person model.PersonID) (int64, bool, error) {
	rewards, err := tx.RewardIDs(person, model.RewardID(x.After), erasePiece)
	if err != nil {
		return 0, false, err
	}
	if x.After == 0 {
		if err := store.Redact(tx, []model.PersonID{person}); err != nil {
			return 0, false, err
		}
	}
	if len(rewards) == 0 {
		return 0, false, nil
	}
	return int64(rewards[len(rewards)-1]), len(rewards) == erasePiece, store.Redact(tx, rewards)
}

// eraseParts redacts what tells of who a person was in campaigns, and of those
// whom they brought there: it names who did.
func eraseParts(tx *store.Tx, x *erasing, person model.PersonID) (int64, bool, error) {
	parts, err := tx.PartsAround(person, x.Gone, model.ParticipantID(x.After), erasePiece)
	if err != nil || len(parts) == 0 {
		return 0, false, err
	}
	return int64(parts[len(parts)-1]), len(parts) >= erasePiece, store.Redact(tx, parts)
}

// eraseAdvocated redacts what tells of what friends did, of their rewards, and
// who brought them.
func eraseAdvocated(tx *store.Tx, x *erasing, person model.PersonID) (int64, bool, error) {
	events, last, err := tx.Advocated(person, model.ConversionID(x.After), erasePiece)
	if err != nil || len(events) == 0 {
		return 0, false, err
	}
	rewards, err := tx.RewardsOfEvents(events)
	if err != nil {
		return 0, false, err
	}
	if err := store.Redact(tx, events); err != nil {
		return 0, false, err
	}
	return int64(last), len(events) == erasePiece, store.Redact(tx, rewards)
}

// eraseAsFriend redacts what tells advocates' rewards that a later friend
// brought, and names those who count before.
func eraseAsFriend(tx *store.Tx, _ *erasing, person model.PersonID) (int64, bool, error) {
	counted, err := tx.CountedFor(person)
	if err != nil || len(counted) == 0 {
		return 0, false, err
	}
	versions, err := tx.CampaignHistory()
	if err != nil {
		return 0, false, err
	}
	for _, r := range counted {
		asked := int64(0) // how many friends a reward names at most
		for i := range versions {
			if rule := versions[i].Rule(r.Rule); rule != nil {
				asked = max(asked, rule.After)
			}
		}
		if asked <= 1 {
			continue // the one whose event brought it
		}
		rewards, err := tx.RewardsNumbered(r.Advocate, r.Rule, r.Number, r.Number+asked)
		if err == nil {
			err = store.Redact(tx, rewards)
		}
		if err != nil {
			return 0, false, err
		}
	}
	return 0, false, nil
}

// eraseVisits deletes what was sent with the clicks of a person's browsers,
// and with what those did before anybody was known, and forgets whose they are.
func eraseVisits(tx *store.Tx, x *erasing, person model.PersonID) (int64, bool, error) {
	visitors, err := tx.VisitorsOf(person, 1)
	if err != nil || len(visitors) == 0 {
		return 0, false, err
	}
	visits, err := tx.Visited(visitors[0], x.After, erasePiece)
	if err != nil {
		return 0, false, err
	}
	store.DeleteDetails(tx, visits)
	if len(visits) == erasePiece {
		return visits[erasePiece-1], true, nil
	}
	tx.ForgetVisitor(visitors[0], person)
	return 0, true, nil
}

// erasePoints takes the giver's own words out of what a person has points for,
// and redacts what tells of it.
func erasePoints(tx *store.Tx, x *erasing, person model.PersonID) (int64, bool, error) {
	points, err := tx.ErasePoints(person, model.PointID(x.After), erasePiece)
	if err != nil || len(points) == 0 {
		return 0, false, err
	}
	return int64(points[len(points)-1]), len(points) == erasePiece, store.Redact(tx, points)
}

// eraseInvited deletes what was said with the invitations by which somebody
// came.
func eraseInvited(tx *store.Tx, _ *erasing, person model.PersonID) (int64, bool, error) {
	invitations, err := tx.InvitationsTo(person)
	store.DeleteDetails(tx, invitations)
	return 0, false, err
}

// eraseNotes takes the merchant's own words out of a person's ledgers.
func eraseNotes(tx *store.Tx, x *erasing, person model.PersonID) (int64, bool, error) {
	holders := []string{store.PersonHolder(person)}
	if x.Of == 0 {
		holders = append(holders, x.Ledgers...)
	}
	heads, err := tx.Ledgers(holders)
	to, more := x.After+erasePiece, false
	for _, h := range heads {
		tx.EraseNotes(h.Holder, h.Currency, x.After, to)
		more = more || h.Entries > to
	}
	return to, more, err
}

// eraseMails takes what mails say that a person got or had sent to others, and
// of suppressions whose address they keep mail from. It comes back until there
// is nothing: a mail may be left meanwhile by what began before.
func (e *Engine) eraseMails(tx *store.Tx, x *erasing, person model.PersonID) (int64, bool, error) {
	n, err := tx.EraseMailsOf(person, erasePiece, e.now())
	if err != nil || n > 0 {
		return 0, true, err
	}
	if x.Of > 0 {
		return 0, false, nil
	}
	for _, address := range x.Addresses {
		tx.EraseSuppression(address)
		to, err := tx.EraseMailsTo(address, erasePiece, e.now())
		if err != nil {
			return 0, false, err
		}
		n += to
	}
	return 0, n > 0, nil
}
