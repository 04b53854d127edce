package store

import (
	"encoding/json"
	"fmt"
	"slices"

	"grapevine/model"
)

// cardBody is the part of a card that nobody looks for.
type cardBody struct {
	Groups  []string          `json:"groups,omitempty"`
	Extra   map[string]string `json:"extra,omitempty"`
	Answers []model.Answer    `json:"answers,omitempty"`
}

// Cards finds what was told of participants; of most there is nothing.
func (tx *Tx) Cards(ids []model.ParticipantID) (map[model.ParticipantID]*model.Card, error) {
	found := map[model.ParticipantID]*model.Card{}
	for chunk := range slices.Chunk(ids, mostListed) {
		if err := tx.run(tx.cards(found, chunk)); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// cards asks for what was told of participants, at least one.
func (tx *Tx) cards(found map[model.ParticipantID]*model.Card, ids []model.ParticipantID) Statement {
	listed := few(ids)
	return tx.ask(`SELECT participant_id, var1, var2, var3, body
		FROM card
		WHERE account_id = $1 AND participant_id IN (`+in(2, len(listed))+`)`,
		func(r Row) error {
			var id model.ParticipantID
			var c model.Card
			var text string
			if err := r.Scan(&id, &c.Vars[0], &c.Vars[1], &c.Vars[2], &text); err != nil {
				return err
			}
			var body cardBody
			if err := json.Unmarshal([]byte(text), &body); err != nil {
				return fmt.Errorf("card of participant %d: %w", id, err)
			}
			c.Groups, c.Extra, c.Answers = body.Groups, body.Extra, body.Answers
			found[id] = &c
			return nil
		}, listed...)
}

// SaveCard queues what is told of a participant.
func (tx *Tx) SaveCard(id model.ParticipantID, c *model.Card) error {
	body, err := json.Marshal(cardBody{c.Groups, c.Extra, c.Answers})
	if err != nil {
		return fmt.Errorf("card of participant %d: %w", id, err)
	}
	tx.write(`INSERT INTO card (account_id, participant_id, var1, var2, var3, body)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (account_id, participant_id) DO UPDATE
		SET var1 = excluded.var1, var2 = excluded.var2, var3 = excluded.var3, body = excluded.body`,
		id, c.Vars[0], c.Vars[1], c.Vars[2], string(body))
	return nil
}

// WithVar lists the participants of a campaign one of whose three texts is
// this one, by id.
func (tx *Tx) WithVar(campaign model.CampaignID, text string) ([]model.ParticipantID, error) {
	return as[model.ParticipantID](tx.ids(`SELECT a.id
		FROM (
			SELECT participant_id AS id FROM card WHERE account_id = $1 AND var1 = $2 AND var1 <> ''
			UNION
			SELECT participant_id FROM card WHERE account_id = $1 AND var2 = $2 AND var2 <> ''
			UNION
			SELECT participant_id FROM card WHERE account_id = $1 AND var3 = $2 AND var3 <> ''
		) k
		JOIN participant a ON a.account_id = $1 AND a.id = k.id
		WHERE a.campaign_id = $3
		ORDER BY a.id`, text, campaign))
}
