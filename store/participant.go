package store

import (
	"maps"
	"slices"
	"time"

	"grapevine/model"
)

const participantColumns = `a.id, a.uuid, a.campaign_id, a.person_id, a.code_id, a.referrer_id, a.referred_at,
	a.signed_up_at, a.captured_at, a.confirmed_at, a.qualified_at, a.source, a.joined_at,
	a.state, a.state_before, a.imported_at, a.applied_at, a.invited_at, a.active_at, a.seen_at, a.points, a.referrals, a.invited_by, a.invitations, a.changed_at`

func scanParticipant(r Row, p *model.Participant, after ...any) error {
	return intoParticipant(p, after...).scan(r)
}

// participantRow is where a row of participantColumns goes, and what follows
// them. Many rows are read through the same one.
type participantRow struct {
	*model.Participant
	referred, signedUp, captured, confirmed, qualified, joined int64
	imported, applied, invited, active, seen, changed          int64
	to                                                         []any
}

func intoParticipant(p *model.Participant, after ...any) *participantRow {
	row := &participantRow{Participant: p}
	row.to = append([]any{&p.ID, &p.UUID, &p.Campaign, &p.Person, &p.Code, &p.Referrer, &row.referred,
		&row.signedUp, &row.captured, &row.confirmed, &row.qualified, &p.Source, &row.joined,
		&p.State, &p.StateBefore, &row.imported, &row.applied, &row.invited, &row.active, &row.seen,
		&p.Points, &p.Referrals, &p.InvitedBy, &p.Invitations, &row.changed}, after...)
	return row
}

func (p *participantRow) scan(r Row) error {
	err := r.Scan(p.to...)
	p.ReferredAt, p.SignedUpAt, p.CapturedAt = at(p.referred), at(p.signedUp), at(p.captured)
	p.ConfirmedAt, p.QualifiedAt, p.JoinedAt = at(p.confirmed), at(p.qualified), at(p.joined)
	p.ImportedAt, p.AppliedAt, p.InvitedAt = at(p.imported), at(p.applied), at(p.invited)
	p.ActiveAt, p.SeenAt, p.ChangedAt = at(p.active), at(p.seen), at(p.changed)
	return err
}

// Part is a participant with the person who brought them.
type Part struct {
	model.Participant
	Advocate model.PersonID // of the referrer, resolved; 0: nobody brought them, or who did was erased
	Silent   bool           // the referrer is suspended
}

// Parts lists where a person takes part, those merged into them included,
// oldest first.
func (tx *Tx) Parts(person model.PersonID) ([]Part, error) {
	all, err := tx.PartsOfEach([]model.PersonID{person})
	return all[0], err
}

// PartsOfEach is Parts for several persons, in one round trip.
func (tx *Tx) PartsOfEach(persons []model.PersonID) ([][]Part, error) {
	all := make([][]Part, len(persons))
	asked := make([]Statement, len(persons))
	for i, person := range persons {
		asked[i] = tx.parts(person, &all[i])
	}
	return all, tx.run(asked...)
}

func (tx *Tx) parts(person model.PersonID, parts *[]Part) Statement {
	return tx.ask(`SELECT `+participantColumns+`,
			`+behind+`, CASE WHEN r.state = 'suspended' THEN 1 ELSE 0 END
		FROM person g
		JOIN participant a ON a.account_id = g.account_id AND a.person_id = g.id
		LEFT JOIN participant r ON r.account_id = a.account_id AND r.id = a.referrer_id
		LEFT JOIN person p ON p.account_id = r.account_id AND p.id = r.person_id
		WHERE g.account_id = $1 AND (g.id = $2 OR (g.alias_of = $2 AND g.alias_of <> 0))
		ORDER BY a.id`,
		func(r Row) error {
			var p Part
			err := scanParticipant(r, &p.Participant, &p.Advocate, &p.Silent)
			*parts = append(*parts, p)
			return err
		}, person)
}

// Seat is how somebody takes part in a campaign.
type Seat struct {
	Participant model.ParticipantID
	Campaign    model.CampaignID
	State       model.State // as of the last change: see Participant.StateAt
}

// Seats lists how persons take part, each with those who are one with them
// by a merge.
func (tx *Tx) Seats(persons []model.PersonID) (map[model.PersonID][]Seat, error) {
	found := map[model.PersonID][]Seat{}
	persons = distinct(persons)
	if len(persons) == 0 {
		return found, nil
	}
	owner, err := tx.owners(persons)
	if err != nil || len(owner) == 0 {
		return found, err
	}
	listed := few(slices.Sorted(maps.Keys(owner)))
	err = tx.read(`SELECT person_id, id, campaign_id, state
		FROM participant
		WHERE account_id = $1 AND person_id IN (`+in(2, len(listed))+`)
		ORDER BY id`,
		func(r Row) error {
			var person model.PersonID
			var s Seat
			err := r.Scan(&person, &s.Participant, &s.Campaign, &s.State)
			found[owner[person]] = append(found[owner[person]], s)
			return err
		}, listed...)
	for _, id := range persons {
		found[id] = found[owner[id]]
	}
	return found, err
}

// Participant finds one by id, with the person they are now. It fails with
// NotFound.
func (tx *Tx) Participant(id model.ParticipantID) (*model.Participant, model.PersonID, error) {
	var found *model.Participant
	var person model.PersonID
	err := tx.read(`SELECT `+participantColumns+`, `+canonical+`
		FROM participant a
		JOIN person p ON p.account_id = a.account_id AND p.id = a.person_id
		WHERE a.account_id = $1 AND a.id = $2`,
		func(r Row) error {
			found = &model.Participant{}
			return scanParticipant(r, found, &person)
		}, id)
	if err == nil && found == nil {
		err = missing(model.ParticipantUnknown, "participant", id)
	}
	return found, person, err
}

// ParticipantByUUID finds the id that goes with a UUID. It fails with NotFound.
func (tx *Tx) ParticipantByUUID(uuid string) (model.ParticipantID, error) {
	found, err := as[model.ParticipantID](tx.ids(`SELECT id
		FROM participant
		WHERE account_id = $1 AND uuid = $2`, uuid))
	if err == nil && len(found) == 0 {
		err = missing(model.ParticipantUnknown, "participant", uuid)
	}
	if err != nil {
		return 0, err
	}
	return found[0], nil
}

// CountIdle counts the active participants of a campaign who were last seen at
// a time or before.
func (tx *Tx) CountIdle(campaign model.CampaignID, seen time.Time) (int64, error) {
	var n int64
	err := tx.read(`SELECT COUNT(*)
		FROM participant
		WHERE account_id = $1 AND campaign_id = $2 AND state = 'active' AND seen_at <= $3`,
		func(r Row) error { return r.Scan(&n) }, campaign, ms(seen))
	return n, err
}

// AddReferrals queues that a participant brought so many more.
func (tx *Tx) AddReferrals(id model.ParticipantID, n int64) {
	tx.write(`UPDATE participant
		SET referrals = referrals + $3
		WHERE account_id = $1 AND id = $2`, id, n)
}

// InsertParticipant queues a new participant.
func (tx *Tx) InsertParticipant(p *model.Participant) {
	tx.write(`INSERT INTO participant (account_id, id, uuid, campaign_id, person_id, code_id, referrer_id, referred_at,
			signed_up_at, captured_at, confirmed_at, qualified_at, source, joined_at,
			state, state_before, imported_at, applied_at, invited_at, active_at, seen_at, points, referrals, invited_by, invitations, changed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)`,
		p.ID, p.UUID, p.Campaign, p.Person, p.Code, p.Referrer, ms(p.ReferredAt),
		ms(p.SignedUpAt), ms(p.CapturedAt), ms(p.ConfirmedAt), ms(p.QualifiedAt), p.Source, ms(p.JoinedAt),
		p.State, p.StateBefore, ms(p.ImportedAt), ms(p.AppliedAt), ms(p.InvitedAt), ms(p.ActiveAt), ms(p.SeenAt), p.Points, p.Referrals, p.InvitedBy, p.Invitations, ms(p.ChangedAt))
}

// UpdateParticipant queues the fields of a participant that may change. Who
// brought them changes once, from nobody to somebody. Points are added to by
// AddPoints.
func (tx *Tx) UpdateParticipant(p *model.Participant) {
	tx.write(`UPDATE participant
		SET referrer_id = $3, referred_at = $4, signed_up_at = $5, captured_at = $6, confirmed_at = $7, qualified_at = $8, source = $9,
			state = $10, state_before = $11, imported_at = $12, applied_at = $13, invited_at = $14, active_at = $15, seen_at = $16, invitations = $17, changed_at = $18
		WHERE account_id = $1 AND id = $2`,
		p.ID, p.Referrer, ms(p.ReferredAt), ms(p.SignedUpAt), ms(p.CapturedAt), ms(p.ConfirmedAt), ms(p.QualifiedAt), p.Source,
		p.State, p.StateBefore, ms(p.ImportedAt), ms(p.AppliedAt), ms(p.InvitedAt), ms(p.ActiveAt), ms(p.SeenAt), p.Invitations, ms(p.ChangedAt))
}

// DeleteParticipant queues that a participant is no more, and that their codes
// are nobody's. No one else gets them, unless they are released.
func (tx *Tx) DeleteParticipant(id model.ParticipantID) {
	tx.write(`DELETE FROM code
		WHERE account_id = $1 AND participant_id = $2`, id)
	tx.write(`DELETE FROM card
		WHERE account_id = $1 AND participant_id = $2`, id)
	tx.write(`DELETE FROM participant
		WHERE account_id = $1 AND id = $2`, id)
}

// ReleaseCode queues that a code is free on the server.
func (tx *Tx) ReleaseCode(folded string) {
	tx.write(`DELETE FROM code_directory
		WHERE folded = $2 AND account_id = $1`, folded)
}

// InsertCode takes a code on the server and adds it to the account. It
// returns false, and adds nothing, when somebody has the code already.
func (tx *Tx) InsertCode(c *model.Code) (bool, error) {
	n, err := tx.change(`INSERT INTO code_directory (account_id, folded)
		VALUES ($1, $2)
		ON CONFLICT DO NOTHING`, c.Folded)
	if err != nil || n == 0 {
		return false, err
	}
	tx.write(`INSERT INTO code (account_id, folded, id, shown, campaign_id, participant_id, person_id, seed, place, channel, params, named, made_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		c.Folded, c.ID, c.Shown, c.Campaign, c.Participant, c.Person, c.Seed, c.Place, c.Channel, c.Params, c.Named, ms(c.MadeAt))
	return true, nil
}

// CodesOf lists a participant's codes, oldest first.
func (tx *Tx) CodesOf(participant model.ParticipantID) ([]model.Code, error) {
	var codes []model.Code
	err := tx.read(`SELECT folded, id, shown, campaign_id, participant_id, person_id, seed, place, channel, params, named, made_at
		FROM code
		WHERE account_id = $1 AND participant_id = $2
		ORDER BY made_at, folded`,
		func(r Row) error {
			var c model.Code
			var made int64
			err := r.Scan(&c.Folded, &c.ID, &c.Shown, &c.Campaign, &c.Participant, &c.Person, &c.Seed, &c.Place, &c.Channel, &c.Params, &c.Named, &made)
			c.MadeAt = at(made)
			codes = append(codes, c)
			return err
		}, participant)
	return codes, err
}
