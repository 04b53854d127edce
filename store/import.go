package store

import (
	"slices"

	"grapevine/model"
)

// ImportProgress tells how far a file was imported into a campaign: the last
// line of people, and the last of referrers; 0 is none.
func (tx *Tx) ImportProgress(campaign model.CampaignID, file string) (people, referrers int64, err error) {
	err = tx.read(`SELECT people, referrers
		FROM import
		WHERE account_id = $1 AND campaign_id = $2 AND file = $3`,
		func(r Row) error { return r.Scan(&people, &referrers) }, campaign, file)
	return people, referrers, err
}

// KeepImported queues how far a file is imported; 0 says nothing.
func (tx *Tx) KeepImported(campaign model.CampaignID, file string, people, referrers int64) {
	tx.write(`INSERT INTO import (account_id, campaign_id, file, people, referrers)
		VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (account_id, campaign_id, file) DO UPDATE
		SET people = CASE WHEN excluded.people > import.people THEN excluded.people ELSE import.people END,
			referrers = CASE WHEN excluded.referrers > import.referrers THEN excluded.referrers ELSE import.referrers END`,
		campaign, file, people, referrers)
}

// KeepRefused queues that lines of a file were refused.
func (tx *Tx) KeepRefused(campaign model.CampaignID, file string, lines []int64) {
	rows := make([][]any, len(lines))
	for i, line := range lines {
		rows[i] = []any{campaign, file, line}
	}
	tx.insert("import_refused", "campaign_id, file, line", rows, "ON CONFLICT DO NOTHING")
}

// Refused tells which lines of a file, from one to another, were refused.
func (tx *Tx) Refused(campaign model.CampaignID, file string, from, to int64) (map[int64]bool, error) {
	refused := map[int64]bool{}
	err := tx.read(`SELECT line
		FROM import_refused
		WHERE account_id = $1 AND campaign_id = $2 AND file = $3 AND line >= $4 AND line <= $5`,
		func(r Row) error {
			var line int64
			err := r.Scan(&line)
			refused[line] = true
			return err
		}, campaign, file, from, to)
	return refused, err
}

// UUIDsThere tells which UUIDs are participants'.
func (tx *Tx) UUIDsThere(uuids []string) (map[string]bool, error) {
	there := map[string]bool{}
	for chunk := range slices.Chunk(uuids, 64) {
		listed := few(chunk)
		err := tx.read(`SELECT uuid
			FROM participant
			WHERE account_id = $1 AND uuid IN (`+in(2, len(listed))+`)`,
			func(r Row) error {
				var uuid string
				err := r.Scan(&uuid)
				there[uuid] = true
				return err
			}, listed...)
		if err != nil {
			return nil, err
		}
	}
	return there, nil
}

// ParticipantsThere tells which ids are participants'.
func (tx *Tx) ParticipantsThere(ids []model.ParticipantID) (map[model.ParticipantID]bool, error) {
	there := map[model.ParticipantID]bool{}
	for chunk := range slices.Chunk(ids, 64) {
		listed := few(chunk)
		err := tx.read(`SELECT id
			FROM participant
			WHERE account_id = $1 AND id IN (`+in(2, len(listed))+`)`,
			func(r Row) error {
				var id model.ParticipantID
				err := r.Scan(&id)
				there[id] = true
				return err
			}, listed...)
		if err != nil {
			return nil, err
		}
	}
	return there, nil
}

// OwnersOf finds who has the codes that a map names, in one round trip; who
// has none stays nil.
func (tx *Tx) OwnersOf(codes map[string]*Owner) error {
	lookups := make([]Lookup, 0, len(codes))
	for _, folded := range sortedKeys(codes) {
		lookups = append(lookups, Lookup{Code: folded})
	}
	found, err := tx.LookAll(lookups)
	for i := range found {
		codes[lookups[i].Code] = found[i].Code
	}
	return err
}
