package engine

import (
	"context"
	"strings"
	"time"

	"grapevine/engine/sheet"
	"grapevine/model"
	"grapevine/store"
)

// Numbers of participants on the sheet that lists filter and sort; their ids
// are those of the rows. Times are milliseconds, flags 0 or 1, and a number of
// 0 stands for nothing in referrers and times.
const (
	PeopleCampaign = iota
	PeoplePerson
	PeopleReferrer
	PeopleJoinedAt
	PeopleConfirmed
	PeopleQualifiedAt
	PeopleQualified
	PeopleUnsubscribedAt
	PeopleUnsubscribed
	PeopleReferrals // whom they brought, confirmed
	PeopleConverted // whom they brought, qualified
	PeopleReach     // visits of their links: see PeopleQuery
	PeopleOrigin    // an Origin
	peopleNumbers
)

// Texts of participants on the sheet, folded: see model.FoldEmail, FoldName
// and model.FoldCode.
const (
	PeopleEmail = iota
	PeopleFirstName
	PeopleCode
	PeopleName  // first and last, with a blank between
	PeopleExtra // what else was sent of the person, a part each: see PeopleQuery
	peopleTexts
)

// FoldName is the form in which names are compared.
func FoldName(name string) string { return strings.ToLower(name) }

// Origin is where a participant came from.
type Origin int64

// The origins.
const (
	CameAlone Origin = iota + 1
	CameReferred
	CameAdded    // by a person of the merchant's
	CameByServer // a call of the merchant's said so
)

// What a participant's Source says of those whom nobody brought; anything else
// is somebody who came alone.
const (
	SourceAdded  = "added"
	SourceServer = "server"
	// SourceInvited is of whom another participant invited.
	SourceInvited = "invitation"
)

// OriginOf tells where a participant came from.
func OriginOf(referrer model.ParticipantID, source string) Origin {
	switch {
	case referrer != 0:
		return CameReferred
	case source == SourceAdded:
		return CameAdded
	case source == SourceServer:
		return CameByServer
	}
	return CameAlone
}

// PeopleQuery asks for a page of participants.
type PeopleQuery struct {
	Where []sheet.Condition
	By    sheet.Order
	Skip  int
	Size  int
	Reach bool // PeopleReach is asked for
	Extra bool // PeopleExtra is
	With  Relations
}

// ListPeople lists a page of an account's participants, and tells how many
// there are on all pages.
func (e *Engine) ListPeople(ctx context.Context, account model.AccountID, q PeopleQuery) (*Listed[ParticipantView], error) {
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return nil, err
	}
	began := e.now()
	var listed *Listed[ParticipantView]
	err = e.project(ctx, account, people{e}, func(tx *store.Tx, p *projection) error {
		if q.Extra {
			if err := p.describe(tx, e.now()); err != nil {
				return err
			}
		}
		if q.Reach {
			if err := p.reach(tx, e.now()); err != nil {
				return err
			}
		}
		found, total := p.selected(q.Where, q.By, q.Skip, q.Size)
		ids := make([]model.ParticipantID, len(found))
		for i, id := range found {
			ids[i] = model.ParticipantID(id)
		}
		views, err := e.viewParticipants(tx, cfg, ids, q.With)
		if err == nil && q.With.Place {
			err = e.withPlaces(tx, began, cfg, views)
		}
		listed = &Listed[ParticipantView]{Rows: make([]ParticipantView, len(views)), Total: int64(total), More: len(ids) == q.Size && total-q.Skip > q.Size}
		for i, v := range views {
			listed.Rows[i] = *v
		}
		return err
	})
	return listed, err
}

// people is where participants come from.
type people struct{ e *Engine }

func (people) lists() int64        { return store.InPeople }
func (people) empty() *sheet.Sheet { return sheet.New(peopleNumbers, peopleTexts) }

// all looks addresses up as they were suppressed, and by their hashes only
// where there are some of which no more is known: to hash a million takes a
// second.
func (s people) all(tx *store.Tx, p *projection) error {
	since, erased := map[string]int64{}, map[string]int64{}
	err := tx.EverySuppression(func(s model.Suppression) {
		if s.Email == "" {
			erased[s.Address] = s.At.UnixMilli()
		} else {
			since[model.FoldEmail(s.Email)] = s.At.UnixMilli()
		}
	})
	if err != nil {
		return err
	}
	return tx.EveryEntry(func(e store.PersonEntry) error {
		e.UnsubscribedAt = since[model.FoldEmail(e.Email)]
		if e.UnsubscribedAt == 0 && len(erased) > 0 && e.Email != "" {
			e.UnsubscribedAt = erased[s.e.addressHash(e.Email)]
		}
		p.putPerson(e)
		return nil
	})
}

func (s people) of(tx *store.Tx, persons []model.PersonID) (func(*projection), error) {
	var entries []store.PersonEntry
	var emails []string
	err := tx.EntriesOf(persons, func(e store.PersonEntry) error {
		entries, emails = append(entries, e), append(emails, e.Email)
		return nil
	})
	if err != nil {
		return nil, err
	}
	since, err := s.e.unsubscribed(tx, emails)
	return func(p *projection) {
		for i, e := range entries {
			if at := since[i]; !at.IsZero() {
				e.UnsubscribedAt = at.UnixMilli()
			}
			p.putPerson(e)
		}
	}, err
}

// unsubscribed tells since when addresses get no mail, the zero time for one
// that does.
func (e *Engine) unsubscribed(tx *store.Tx, emails []string) ([]time.Time, error) {
	since, hashes := make([]time.Time, len(emails)), make([]string, len(emails))
	for i, email := range emails {
		hashes[i] = e.addressHash(email)
	}
	suppressed, err := tx.Suppressed(hashes)
	for i, email := range emails {
		if email != "" {
			since[i] = suppressed[hashes[i]].At
		}
	}
	return since, err
}

// drop keeps whom the participant brought, for the counts of who they are
// taken off from when they change.
func (people) drop(p *projection, participant model.ParticipantID) {
	id := int64(participant)
	p.count(p.erased[id], -1)
	delete(p.erased, id)
	if !p.sheet.Has(id) {
		return
	}
	p.count(p.broughtAs(id), -1)
	p.orphans[id] = p.brought(id)
	p.sheet.Drop(id)
}

func (p *projection) brought(id int64) [2]int64 {
	return [2]int64{p.sheet.Number(id, PeopleReferrals), p.sheet.Number(id, PeopleConverted)}
}

// brought is what somebody counts as for who brought them.
type brought struct{ referrer, confirmed, qualified int64 }

func (p *projection) broughtAs(id int64) brought {
	return brought{p.sheet.Number(id, PeopleReferrer), p.sheet.Number(id, PeopleConfirmed), p.sheet.Number(id, PeopleQualified)}
}

// count counts somebody for who brought them, or takes that back.
func (p *projection) count(b brought, by int64) {
	if b.referrer == 0 {
		return
	}
	if p.sheet.Has(b.referrer) {
		p.sheet.Add(b.referrer, PeopleReferrals, by*b.confirmed)
		p.sheet.Add(b.referrer, PeopleConverted, by*b.qualified)
		return
	}
	had := p.orphans[b.referrer]
	p.orphans[b.referrer] = [2]int64{had[0] + by*b.confirmed, had[1] + by*b.qualified}
}

func (p *projection) putPerson(e store.PersonEntry) {
	id := int64(e.Participant)
	if e.Erased { // they are in no list, and go on to count for who brought them
		p.source.drop(p, e.Participant)
		p.erased[id] = brought{int64(e.Referrer), flag(e.ConfirmedAt), flag(e.QualifiedAt)}
		p.count(p.erased[id], 1)
		return
	}
	counts := p.orphans[id]
	if p.sheet.Has(id) {
		p.count(p.broughtAs(id), -1)
		counts = p.brought(id)
	} else {
		delete(p.orphans, id)
	}
	numbers := [peopleNumbers]int64{
		PeopleCampaign: int64(e.Campaign), PeoplePerson: int64(e.Person), PeopleReferrer: int64(e.Referrer), PeopleJoinedAt: e.JoinedAt,
		PeopleConfirmed: flag(e.ConfirmedAt), PeopleQualifiedAt: e.QualifiedAt, PeopleQualified: flag(e.QualifiedAt),
		PeopleUnsubscribedAt: e.UnsubscribedAt, PeopleUnsubscribed: flag(e.UnsubscribedAt),
		PeopleReferrals: counts[0], PeopleConverted: counts[1], PeopleReach: p.sheet.Number(id, PeopleReach), PeopleOrigin: int64(OriginOf(e.Referrer, e.Source)),
	}
	texts := [peopleTexts]string{
		PeopleEmail: model.FoldEmail(e.Email), PeopleFirstName: FoldName(e.FirstName), PeopleCode: e.Code,
		PeopleName: FoldName(model.Profile{FirstName: e.FirstName, LastName: e.LastName}.Name()),
	}
	if p.described {
		texts[PeopleExtra] = partsOf(e.Body)
	}
	p.sheet.Put(sheet.Row{ID: id, Numbers: numbers[:], Texts: texts[:]})
	p.count(p.broughtAs(id), 1)
}

// flag is 1 of a time, and 0 of none.
func flag(milli int64) int64 {
	if milli == 0 {
		return 0
	}
	return 1
}
