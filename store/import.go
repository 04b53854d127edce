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
	folded := sortedKeys(codes)
	found := make([]*Owner, len(folded))
	asked := make([]Statement, len(folded))
	for i, code := range folded {
		asked[i] = tx.ownerOf(code, &found[i])
	}
	err := tx.run(asked...)
	for i, code := range folded {
		codes[code] = found[i]
	}
	return err
}
