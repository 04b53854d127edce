package store

import (
	"slices"
	"time"

	"grapevine/model"
	"grapevine/money"
)

// Holding is what somebody holds of one rule's rewards in one state.
type Holding struct {
	ID       model.HoldingID
	Person   model.PersonID // as in the rewards
	Rule     model.RuleID
	Role     model.Role
	State    model.RewardState // earned, delivered, or revoked after delivery
	Campaign model.CampaignID
	N        int64
	Amount   money.Amount // of all together
	IssuedAt time.Time    // when the last one was delivered
}

const holdingColumns = `h.id, h.person_id, h.rule_id, h.role, h.state, h.campaign_id, h.n, h.amount, h.issued_at`

func scanHolding(r Row, h *Holding, after ...any) error {
	var issued int64
	err := r.Scan(append([]any{&h.ID, &h.Person, &h.Rule, &h.Role, &h.State, &h.Campaign, &h.N, &h.Amount, &issued}, after...)...)
	h.IssuedAt = at(issued)
	return err
}

// Hold queues what is added to holdings, or taken off. Ids are for those that
// are not there yet. The persons are locked.
func (tx *Tx) Hold(added []Holding) {
	rows := make([][]any, len(added))
	for i, h := range added {
		rows[i] = []any{h.Person, h.Rule, string(h.Role), string(h.State), h.ID, h.Campaign, h.N, int64(h.Amount), ms(h.IssuedAt)}
	}
	tx.insert("holding", "person_id, rule_id, role, state, id, campaign_id, n, amount, issued_at", rows,
		`ON CONFLICT (account_id, person_id, rule_id, role, state) DO UPDATE
		SET n = holding.n + excluded.n, amount = holding.amount + excluded.amount,
			issued_at = CASE WHEN excluded.issued_at > holding.issued_at THEN excluded.issued_at ELSE holding.issued_at END`)
}

// HoldingEntry is a holding with who receives it, as lists sort and filter.
type HoldingEntry struct {
	Holding
	Receiver  model.PersonID      // who the person is by now
	Recipient model.ParticipantID // who they are in the campaign; 0: they take no part
	Email     string
	FirstName string
	Erased    bool // nobody is behind the person any more
	merged    bool
}

const holdingQuery = `SELECT ` + holdingColumns + `, COALESCE(a.id, 0), ` + nameColumns + `
		FROM holding h
		JOIN person p ON p.account_id = h.account_id AND p.id = h.person_id
		LEFT JOIN profile f ON f.account_id = h.account_id AND f.person_id = h.person_id
		LEFT JOIN participant a ON a.account_id = h.account_id AND a.campaign_id = h.campaign_id AND a.person_id = h.person_id
		WHERE h.account_id = $1`

// EveryHolding calls each for all holdings, those that have come to nothing
// too.
func (tx *Tx) EveryHolding(each func(HoldingEntry) error) error {
	return tx.holdings(each, holdingQuery)
}

// HoldingsOf calls each for the holdings of persons, and of those who were
// merged with them.
func (tx *Tx) HoldingsOf(persons []model.PersonID, each func(HoldingEntry) error) error {
	all, err := tx.grown(persons)
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(all, mostListed) {
		listed := few(chunk)
		if err := tx.holdings(each, holdingQuery+` AND h.person_id IN (`+in(2, len(listed))+`)`, listed...); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) holdings(each func(HoldingEntry) error, sql string, args ...any) error {
	var merged []HoldingEntry
	err := tx.read(sql, func(r Row) error {
		var h HoldingEntry
		if err := scanHolding(r, &h.Holding, &h.Recipient, &h.FirstName, &h.Email, &h.merged, &h.Erased); err != nil {
			return err
		}
		if h.merged && !h.Erased {
			merged = append(merged, h)
			return nil
		}
		h.Receiver = h.Person
		return each(h)
	}, args...)
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(merged, mostListed) {
		if err := tx.mergedHoldings(chunk, each); err != nil {
			return err
		}
	}
	return nil
}

// mergedHoldings finds who is behind holdings of persons who were merged.
func (tx *Tx) mergedHoldings(merged []HoldingEntry, each func(HoldingEntry) error) error {
	persons := make([]model.PersonID, len(merged))
	for i, h := range merged {
		persons[i] = h.Person
	}
	known, err := tx.Contacts(persons)
	if err != nil {
		return err
	}
	for _, h := range merged {
		c := known[h.Person]
		h.Receiver, h.Email, h.FirstName = c.Person, c.Email, c.Profile.FirstName
		if h.Recipient == 0 {
			parts, err := tx.Parts(c.Person)
			if err != nil {
				return err
			}
			if at := slices.IndexFunc(parts, func(p Part) bool { return p.Campaign == h.Campaign }); at >= 0 {
				h.Recipient = parts[at].ID
			}
		}
		if err := each(h); err != nil {
			return err
		}
	}
	return nil
}

// HoldingOff is a holding that differs from the rewards that it is made of.
type HoldingOff struct {
	Person model.PersonID
	Rule   model.RuleID
	Role   model.Role
	State  model.RewardState
	N      [2]int64 // as kept, as counted
	Amount [2]int64
}

// HoldingsOff counts rewards again, and lists the holdings that say something
// else.
func (tx *Tx) HoldingsOff() ([]HoldingOff, error) {
	var off []HoldingOff
	err := tx.read(`SELECT person_id, rule_id, role, state, CAST(SUM(n) AS BIGINT), CAST(SUM(rewards) AS BIGINT),
			CAST(SUM(amount) AS BIGINT), CAST(SUM(worth) AS BIGINT)
		FROM (
			SELECT person_id, rule_id, role, state, n, amount, 0 AS rewards, 0 AS worth
			FROM holding
			WHERE account_id = $1
			UNION ALL
			SELECT person_id, rule_id, role, state, 0, 0, 1, amount
			FROM reward
			WHERE account_id = $1 AND role IN ('advocate', 'friend')
				AND (state IN ('earned', 'delivered') OR (state = 'revoked' AND delivered_at <> 0))
		) held
		GROUP BY person_id, rule_id, role, state
		HAVING SUM(n) <> SUM(rewards) OR SUM(amount) <> SUM(worth)
		ORDER BY person_id, rule_id, role, state`,
		func(r Row) error {
			var h HoldingOff
			err := r.Scan(&h.Person, &h.Rule, &h.Role, &h.State, &h.N[0], &h.N[1], &h.Amount[0], &h.Amount[1])
			off = append(off, h)
			return err
		})
	return off, err
}
