package engine

import (
	"context"
	"time"

	"github.com/google/uuid"

	"grapevine/engine/address"
	"grapevine/engine/code"
	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
)

// ImportLine is somebody who is moved in from elsewhere.
type ImportLine struct {
	Number        int64 // of the line, for who reads the report
	Email         string
	CustomerID    string
	FirstName     string
	LastName      string
	ID            model.ParticipantID // 0: a new one
	UUID          string              // "": a new one
	Code          string              // as it is shown; "": a new one
	ReferrerCode  string              // who brought them, by code or address; both "": nobody
	ReferrerEmail string
	State         model.State // "": imported
	JoinedAt      time.Time   // zero: now
	QualifiedAt   time.Time
	Points        money.Amount // that they had
	Card          *model.Card  // what is told of the participant; nil: nothing
}

// Import is a part of a file of people for a campaign.
type Import struct {
	Campaign model.CampaignID
	File     string // digest of the file: what it brings is brought once
	Lines    []ImportLine
	// Notify sends the mails and tells the merchant as if they had come by
	// themselves. No import earns anything.
	Notify bool
	DryRun bool // check and change nothing
}

// ImportLines is how many lines one call takes.
const ImportLines = 200

// Refusal is a line that was not imported, or not all of it.
type Refusal struct {
	Line  int64
	Field string
	Msg   string
}

// ImportProgress tells how far a file was imported before: the last line whose
// person is there, and the last whose referrer was looked for. Fails with
// NotFound.
func (e *Engine) ImportProgress(ctx context.Context, account model.AccountID, campaign model.CampaignID, file string) (people, referrers int64, err error) {
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return 0, 0, err
	}
	if _, err := cfg.Campaign(campaign); err != nil {
		return 0, 0, err
	}
	err = e.store.View(ctx, account, func(tx *store.Tx) (err error) {
		people, referrers, err = tx.ImportProgress(campaign, file)
		return err
	})
	return people, referrers, err
}

// ImportPeople makes people participants of a campaign, with the numbers,
// codes and dates that they had elsewhere, and keeps how far it came in the
// same transaction. It returns the lines that it left out. Fails with NotFound.
func (e *Engine) ImportPeople(ctx context.Context, account model.AccountID, i Import) ([]Refusal, error) {
	return e.importing(ctx, account, i, func(m *importing) error {
		if err := m.people(); err != nil {
			return err
		}
		lines := make([]int64, len(m.refused))
		for n, r := range m.refused {
			lines[n] = r.Line
		}
		m.t.tx.KeepRefused(i.Campaign, i.File, lines)
		m.t.tx.KeepImported(i.Campaign, i.File, i.Lines[len(i.Lines)-1].Number, 0)
		return nil
	})
}

// ImportReferrers fixes who brought the people of lines that were imported: the
// referrer may come later in a file. It returns the lines that name nobody.
// Fails with NotFound.
func (e *Engine) ImportReferrers(ctx context.Context, account model.AccountID, i Import) ([]Refusal, error) {
	return e.importing(ctx, account, i, func(m *importing) error {
		if err := m.referrers(); err != nil {
			return err
		}
		m.t.tx.KeepImported(i.Campaign, i.File, 0, i.Lines[len(i.Lines)-1].Number)
		return nil
	})
}

// importing is one call in one transaction.
type importing struct {
	t        *turn
	campaign *model.Campaign
	Import
	refused []Refusal
}

func (e *Engine) importing(ctx context.Context, account model.AccountID, i Import, do func(*importing) error) ([]Refusal, error) {
	var refused []Refusal
	if len(i.Lines) == 0 {
		return nil, nil
	}
	err := e.inTurn(ctx, account, func(t *turn) error {
		campaign, err := t.cfg.Campaign(i.Campaign)
		if err != nil {
			return err
		}
		t.silently = !i.Notify
		m := &importing{t: t, campaign: campaign, Import: i}
		if err := do(m); err != nil {
			return err
		}
		if refused = m.refused; i.DryRun {
			return errNothing
		}
		return nil
	})
	if err == errNothing { // a dry run changes nothing
		err = nil
	}
	return refused, err
}

func (m *importing) refuse(l *ImportLine, field, msg string) {
	m.refused = append(m.refused, Refusal{l.Number, field, msg})
}

// known are the persons whom lines name, and as which participants they are
// there.
type known struct {
	byEmail, byCustomer map[string]model.PersonID
	parts               map[model.PersonID]store.Enrolled
}

func (m *importing) known(also ...string) (*known, error) {
	var emails, customers []string
	for i := range m.Lines {
		emails = append(emails, model.FoldEmail(m.Lines[i].Email))
		if id := m.Lines[i].CustomerID; id != "" {
			customers = append(customers, id)
		}
	}
	k := &known{}
	var err error
	if k.byEmail, err = m.t.tx.PersonsNamed(model.Email, append(emails, also...)); err != nil {
		return nil, err
	}
	if k.byCustomer, err = m.t.tx.PersonsNamed(model.CustomerID, customers); err != nil {
		return nil, err
	}
	var persons []model.PersonID
	for _, found := range []map[string]model.PersonID{k.byEmail, k.byCustomer} {
		for _, id := range found {
			persons = append(persons, id)
		}
	}
	if len(persons) == 0 {
		k.parts = map[model.PersonID]store.Enrolled{}
		return k, nil
	}
	locked, err := m.t.tx.LockPersons(persons...)
	if err != nil {
		return nil, err
	}
	if m.t.persons == nil {
		m.t.persons = map[model.PersonID]*model.Person{}
	}
	for id, p := range locked {
		m.t.persons[id] = p
	}
	k.parts, err = m.t.tx.EnrolledAs(m.Campaign, persons)
	return k, err
}

// people makes the persons and participants of the lines.
func (m *importing) people() error {
	k, err := m.known()
	if err != nil {
		return err
	}
	numbers, uuids, err := m.taken()
	if err != nil {
		return err
	}
	for i := range m.Lines {
		l := &m.Lines[i]
		if field, msg := l.wrong(); msg != "" {
			m.refuse(l, field, msg)
			continue
		}
		email := model.FoldEmail(l.Email)
		person, other := k.byCustomer[l.CustomerID], k.byEmail[email]
		if l.CustomerID == "" || person == 0 {
			person = other
		}
		switch {
		case other != 0 && other != person:
			m.refuse(l, "customer_id", "belongs to another person than the address")
			continue
		case k.parts[person].ID != 0:
			m.refuse(l, "email", "takes part already")
			continue
		case numbers[l.ID]:
			m.refuse(l, "id", "is that of another participant")
			continue
		case uuids[l.UUID]:
			m.refuse(l, "uuid", "is that of another participant")
			continue
		}
		made, err := m.take(l, person, k)
		if err != nil {
			return err
		}
		if made != nil {
			k.parts[made.Person] = store.Enrolled{Participant: *made}
			numbers[l.ID], uuids[l.UUID] = l.ID != 0, l.UUID != ""
		}
	}
	return nil
}

// wrong is the first thing about a line that cannot be.
func (l *ImportLine) wrong() (field, msg string) {
	who := Who{Email: l.Email, CustomerID: l.CustomerID, FirstName: l.FirstName, LastName: l.LastName}
	switch {
	case !address.Valid(l.Email):
		return "email", "is no e-mail address"
	case who.check() != nil:
		return "email", who.check().Error()
	case l.ID < 0:
		return "id", "is no number of a participant"
	case l.Points > mostPoints || l.Points < -mostPoints:
		return "points", "are more than a billion"
	case l.UUID != "" && uuid.Validate(l.UUID) != nil:
		return "uuid", "is no UUID"
	case l.Code != "" && (code.Clean(l.Code) != model.FoldCode(l.Code) || model.Reserved(l.Code)):
		return "code", "cannot be a code: letters, digits, - and _, at most 54, and no word of ours"
	}
	return "", ""
}

// taken tells which of the lines' numbers and UUIDs are participants' already.
func (m *importing) taken() (numbers map[model.ParticipantID]bool, uuids map[string]bool, err error) {
	var ids []model.ParticipantID
	var names []string
	for i := range m.Lines {
		if id := m.Lines[i].ID; id > 0 {
			ids = append(ids, id)
		}
		if name := m.Lines[i].UUID; name != "" {
			names = append(names, name)
		}
	}
	if numbers, err = m.t.tx.ParticipantsThere(ids); err == nil {
		uuids, err = m.t.tx.UUIDsThere(names)
	}
	return numbers, uuids, err
}

// take makes a line's participant, and the person where there is none. It
// returns nil where the code is somebody else's.
func (m *importing) take(l *ImportLine, person model.PersonID, k *known) (*model.Participant, error) {
	t := m.t
	joined := l.JoinedAt
	if joined.IsZero() {
		joined = t.now
	}
	p := &model.Participant{ID: l.ID, UUID: l.UUID, Campaign: m.Campaign, Person: person, Source: SourceAdded, JoinedAt: joined, QualifiedAt: l.QualifiedAt}
	if p.ID == 0 {
		p.ID = model.ParticipantID(t.id())
	}
	if p.UUID == "" {
		p.UUID = uuid.NewString()
	}
	a := actor{id: person}
	email := model.Identity{Kind: model.Email, Value: model.FoldEmail(l.Email), Shown: l.Email}
	customer := model.Identity{Kind: model.CustomerID, Value: l.CustomerID, Shown: l.CustomerID}
	if person == 0 {
		a.id, a.fresh, email.Main, customer.Main = model.PersonID(t.id()), true, true, true
		p.Person = a.id
	}
	free, err := m.code(l, p)
	if err != nil || !free {
		return nil, err
	}
	if k.byEmail[email.Value] == 0 {
		a.naming = append(a.naming, email)
		k.byEmail[email.Value] = a.id
	}
	if l.CustomerID != "" && k.byCustomer[l.CustomerID] == 0 {
		a.naming = append(a.naming, customer)
		k.byCustomer[l.CustomerID] = a.id
	}
	for i := range a.naming {
		a.naming[i].Person = a.id
	}
	if err := t.admit(a, Who{FirstName: l.FirstName, LastName: l.LastName, Server: true}); err != nil {
		return nil, err
	}
	m.begin(p, l.State)
	t.tallyIn(m.Campaign, tallyJoined, 1)
	if !p.QualifiedAt.IsZero() {
		t.countQualified(p, 1)
	}
	t.addParticipant(p)
	if l.Card != nil {
		if err := t.tx.SaveCard(p.ID, l.Card); err != nil {
			return nil, err
		}
	}
	t.score(m.campaign, p.Person, model.Point{Participant: p.ID, Activity: model.PointsByHand, Quantity: l.Points})
	return p, nil
}

// code gives a participant the code they had, or a new one.
func (m *importing) code(l *ImportLine, p *model.Participant) (free bool, err error) {
	t := m.t
	if l.Code == "" {
		c, err := t.makeLink(m.campaign, p, LinkRequest{Who: Who{FirstName: l.FirstName, Email: l.Email}})
		if err != nil {
			return false, err
		}
		p.Code = c.ID
		return true, nil
	}
	c := &model.Code{
		ID: model.CodeID(t.id()), Folded: model.FoldCode(l.Code), Shown: l.Code, Campaign: m.Campaign, Participant: p.ID, Person: p.Person,
		Seed: t.seedOf(LinkRequest{}), Place: LinkRequest{}.place(), Named: true, MadeAt: p.JoinedAt,
	}
	if free, err = t.tx.InsertCode(c); err == nil && !free {
		m.refuse(l, "code", "is taken: somebody has it, or had it")
	}
	p.Code = c.ID
	return free, err
}

// begin puts a participant into the state they had, through one that people
// begin in.
func (m *importing) begin(p *model.Participant, state model.State) {
	steps := map[model.State][]model.State{
		"":                   {model.StateImported},
		model.StateIdle:      {model.StateActive},
		model.StateRejected:  {model.StateImported, model.StateRejected},
		model.StateSuspended: {model.StateImported, model.StateSuspended},
	}[state]
	if steps == nil {
		steps = []model.State{state}
	}
	if state != model.StateUnconfirmed {
		p.ConfirmedAt = p.JoinedAt
	}
	was := model.State("")
	for i, step := range steps {
		if was != "" {
			m.t.countState(p, -1)
		}
		if p.State = step; step == model.StateSuspended {
			p.StateBefore = was
		}
		m.t.countState(p, 1)
		if first := reachedAt(p, step); first != nil {
			*first = p.JoinedAt
		}
		if step == model.StateActive {
			p.SeenAt = p.JoinedAt
		}
		if mail, ok := mails[step]; ok && m.Notify && i == len(steps)-1 {
			m.t.mailTo(p, mail)
		}
		event := m.t.recordState(p, p.Person, was)
		event.At = p.JoinedAt
		was = step
	}
	m.t.tellState(p)
}

// referrers fixes who brought the people of the lines. Where somebody was
// brought before, that stands.
func (m *importing) referrers() error {
	var addresses []string
	codes := map[string]*store.Owner{}
	for i := range m.Lines {
		l := &m.Lines[i]
		switch {
		case l.ReferrerCode != "":
			codes[model.FoldCode(l.ReferrerCode)] = nil
		case l.ReferrerEmail != "":
			addresses = append(addresses, model.FoldEmail(l.ReferrerEmail))
		}
	}
	k, err := m.known(addresses...)
	if err != nil {
		return err
	}
	if err := m.t.tx.OwnersOf(codes); err != nil {
		return err
	}
	refused, err := m.t.tx.Refused(m.Campaign, m.File, m.Lines[0].Number, m.Lines[len(m.Lines)-1].Number)
	if err != nil {
		return err
	}
	for i := range m.Lines {
		l := &m.Lines[i]
		if l.ReferrerCode == "" && l.ReferrerEmail == "" || refused[l.Number] {
			continue
		}
		part, there := k.parts[k.byEmail[model.FoldEmail(l.Email)]]
		if !there || part.Referrer != 0 {
			continue // they have left, or somebody brought them meanwhile
		}
		referrer := k.parts[k.byEmail[model.FoldEmail(l.ReferrerEmail)]].ID
		if l.ReferrerCode != "" {
			referrer = 0
			if owner := codes[model.FoldCode(l.ReferrerCode)]; owner != nil && owner.Campaign == m.Campaign {
				referrer = owner.Participant
			}
		}
		if referrer == 0 || referrer == part.ID {
			m.refuse(l, "referrer", "is nobody else who takes part in the campaign; the person is there without")
			continue
		}
		p := part.Participant
		p.Referrer, p.ReferredAt = referrer, p.JoinedAt
		if !p.ConfirmedAt.IsZero() {
			m.t.countReferred(&p)
		}
		if !p.QualifiedAt.IsZero() {
			m.t.tallyOf(referrer, tallyQualified, 1)
		}
		m.t.saveParticipant(&p)
	}
	return nil
}
