package store

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"grapevine/model"
)

const rewardColumns = `id, uuid, event_id, rule_id, role, campaign_id, version, conversion_id, person_id, friend_id,
	state, place, number, kind, amount, unit, batch_id, coupon_id, due_at, why, facet_id, at, earned_at, delivered_at, ended_at`

// InsertRewards queues new rewards. The key of event, rule and role makes an
// event reward once.
func (tx *Tx) InsertRewards(rewards []*model.Reward) error {
	rows := make([][]any, len(rewards))
	for i, w := range rewards {
		why, err := json.Marshal(w.Why)
		if err != nil {
			return fmt.Errorf("why of reward %d: %w", w.ID, err)
		}
		rows[i] = []any{w.ID, w.UUID, w.Event, w.Rule, string(w.Role), w.Campaign, w.Version, w.Conversion, w.Person, w.Friend,
			string(w.State), w.Place, w.Number, string(w.Kind), int64(w.Amount), w.Unit, w.Batch, w.Coupon,
			ms(w.DueAt), string(why), w.Facet, ms(w.At), ms(w.EarnedAt), ms(w.DeliveredAt), ms(w.EndedAt)}
	}
	tx.insert("reward", rewardColumns, rows, "")
	return nil
}

// UpdateReward queues what may change of a reward.
func (tx *Tx) UpdateReward(w *model.Reward) error {
	why, err := json.Marshal(w.Why)
	if err != nil {
		return fmt.Errorf("why of reward %d: %w", w.ID, err)
	}
	tx.write(`UPDATE reward
		SET state = $3, place = $4, coupon_id = $5, why = $6, earned_at = $7, delivered_at = $8, ended_at = $9, due_at = $10, facet_id = $11
		WHERE account_id = $1 AND id = $2`,
		w.ID, string(w.State), w.Place, w.Coupon, string(why), ms(w.EarnedAt), ms(w.DeliveredAt), ms(w.EndedAt), ms(w.DueAt), w.Facet)
	return nil
}

func scanReward(r Row, w *model.Reward) error {
	var due, made, earned, delivered, ended int64
	var why string
	err := r.Scan(&w.ID, &w.UUID, &w.Event, &w.Rule, &w.Role, &w.Campaign, &w.Version, &w.Conversion, &w.Person, &w.Friend,
		&w.State, &w.Place, &w.Number, &w.Kind, &w.Amount, &w.Unit, &w.Batch, &w.Coupon,
		&due, &why, &w.Facet, &made, &earned, &delivered, &ended)
	if err != nil {
		return err
	}
	w.MadeFor = w.Person
	w.DueAt, w.At, w.EarnedAt, w.DeliveredAt, w.EndedAt = at(due), at(made), at(earned), at(delivered), at(ended)
	if err := json.Unmarshal([]byte(why), &w.Why); err != nil {
		return fmt.Errorf("why of reward %d: %w", w.ID, err)
	}
	return nil
}

func (tx *Tx) rewards(where string, args ...any) ([]*model.Reward, error) {
	var list []*model.Reward
	err := tx.read(`SELECT `+rewardColumns+`
		FROM reward
		WHERE account_id = $1 AND `+where,
		func(r Row) error {
			w := &model.Reward{}
			list = append(list, w)
			return scanReward(r, w)
		}, args...)
	return list, err
}

// Reward finds a reward. It fails with NotFound.
func (tx *Tx) Reward(id model.RewardID) (*model.Reward, error) {
	list, err := tx.rewards(`id = $2`, id)
	if err == nil && len(list) == 0 {
		return nil, missing(model.RewardUnknown, "reward", id)
	}
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// RewardByName finds a reward by its id, or, slowly, by its UUID: an index of
// random keys would cost each purchase more than a person's question is worth.
// It fails with NotFound.
func (tx *Tx) RewardByName(name string) (*model.Reward, error) {
	where, arg := `uuid = $2`, any(name)
	if id, err := strconv.ParseInt(name, 10, 64); err == nil {
		where, arg = `id = $2`, id
	}
	list, err := tx.rewards(where, arg)
	if err == nil && len(list) == 0 {
		return nil, missing(model.RewardUnknown, "reward", name)
	}
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// LockReward finds a reward and holds it until the commit. Who receives it is
// locked before: see LockPersons.
func (tx *Tx) LockReward(id model.RewardID) (*model.Reward, error) {
	list, err := tx.rewards(`id = $2`+tx.engine.ForUpdate(), id)
	if err == nil && len(list) == 0 {
		return nil, missing(model.RewardUnknown, "reward", id)
	}
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// RewardsOfEvent lists what an event led to, by role and rule.
func (tx *Tx) RewardsOfEvent(event model.EventID) ([]*model.Reward, error) {
	return tx.rewards(`event_id = $2
		ORDER BY role, rule_id`, event)
}

// RewardsBrought lists the rewards that the events of friends brought in a
// campaign, newest first.
func (tx *Tx) RewardsBrought(friends []model.PersonID, campaign model.CampaignID) ([]*model.Reward, error) {
	return tx.rewards(`campaign_id = $2 AND conversion_id <> 0 AND event_id IN (SELECT e.id
			FROM event e
			WHERE e.account_id = $1 AND e.person_id IN (`+in(3, len(friends))+`))
		ORDER BY id DESC`, append([]any{campaign}, anys(friends)...)...)
}

// OpenRewards lists the rewards of a group of persons, as advocates and
// friends in a campaign, that are pending or earned, newest first.
func (tx *Tx) OpenRewards(group []model.PersonID, campaign model.CampaignID) ([]*model.Reward, error) {
	return tx.rewards(`campaign_id = $2 AND role IN ('advocate', 'friend') AND state IN ('pending', 'earned') AND person_id IN (`+in(3, len(group))+`)
		ORDER BY id DESC`, append([]any{campaign}, anys(group)...)...)
}

// RewardsFor lists the rewards of a group of persons under one rule and role,
// newest first.
func (tx *Tx) RewardsFor(group []model.PersonID, rule model.RuleID, role model.Role) ([]*model.Reward, error) {
	return tx.rewards(`rule_id = $2 AND role = $3 AND person_id IN (`+in(4, len(group))+`)
		ORDER BY id DESC`, append([]any{rule, string(role)}, anys(group)...)...)
}

// RewardsIn lists what persons earned in a campaign as advocates or friends and
// still have, oldest first. Somebody may have earned as an alias of another.
func (tx *Tx) RewardsIn(group []model.PersonID, campaign model.CampaignID) ([]*model.Reward, error) {
	return tx.rewards(`campaign_id = $2 AND role IN ('advocate', 'friend') AND state IN ('earned', 'delivered')
		AND person_id IN (`+in(3, len(group))+`)
		ORDER BY id`, append([]any{campaign}, anys(group)...)...)
}

// Waiting lists pending rewards that will need a coupon of a batch, oldest
// first, from after on.
func (tx *Tx) Waiting(batch model.BatchID, after model.RewardID, limit int) ([]*model.Reward, error) {
	return tx.rewards(`batch_id = $2 AND state = 'pending' AND batch_id <> 0 AND id > $3
		ORDER BY id
		LIMIT $4`, batch, after, limit)
}

// Progress is how far somebody has come under one rule in one role.
type Progress struct {
	Rule    model.RuleID
	Role    model.Role
	Person  model.PersonID
	Friends int64 // referrals counted
	Places  int64 // rewards that count for limit, after and repeat
}

// Progresses lists how far persons have come. The caller holds their locks.
func (tx *Tx) Progresses(persons []model.PersonID) ([]Progress, error) {
	statement, list := tx.progresses(persons)
	if statement == nil {
		return nil, nil
	}
	err := tx.run(*statement)
	return *list, err
}

func (tx *Tx) progresses(persons []model.PersonID) (*Statement, *[]Progress) {
	list := &[]Progress{}
	if len(persons) == 0 {
		return nil, list
	}
	listed := few(persons)
	statement := tx.ask(`SELECT rule_id, role, person_id, friends, places
		FROM progress
		WHERE account_id = $1 AND person_id IN (`+in(2, len(listed))+`)`,
		func(r Row) error {
			var p Progress
			err := r.Scan(&p.Rule, &p.Role, &p.Person, &p.Friends, &p.Places)
			*list = append(*list, p)
			return err
		}, listed...)
	return &statement, list
}

// SaveProgress queues how far persons have come.
func (tx *Tx) SaveProgress(list []Progress) {
	rows := make([][]any, len(list))
	for i, p := range list {
		rows[i] = []any{p.Rule, string(p.Role), p.Person, p.Friends, p.Places}
	}
	tx.insert("progress", "rule_id, role, person_id, friends, places", rows, `ON CONFLICT (account_id, person_id, rule_id, role) DO UPDATE
		SET friends = excluded.friends, places = excluded.places`)
}

// Referral is a friend who counts for an advocate under a rule.
type Referral struct {
	Rule     model.RuleID
	Advocate model.PersonID
	Friend   model.PersonID
	Number   int64 // first, second … friend of the advocate
}

// referrals asks under which rules friends count for advocates.
func (tx *Tx) referrals(advocates, friends []model.PersonID) (*Statement, *[]Referral) {
	list := &[]Referral{}
	if len(advocates) == 0 || len(friends) == 0 {
		return nil, list
	}
	listed := few(friends) // who brought a friend are few
	statement := tx.ask(`SELECT rule_id, person_id, friend_id, number
		FROM referral
		WHERE account_id = $1 AND friend_id IN (`+in(2, len(listed))+`)`,
		func(r Row) error {
			var f Referral
			err := r.Scan(&f.Rule, &f.Advocate, &f.Friend, &f.Number)
			if slices.Contains(advocates, f.Advocate) {
				*list = append(*list, f)
			}
			return err
		}, listed...)
	return &statement, list
}

// InsertReferrals queues friends who count from now on.
func (tx *Tx) InsertReferrals(list []Referral) {
	rows := make([][]any, len(list))
	for i, f := range list {
		rows[i] = []any{f.Rule, f.Advocate, f.Friend, f.Number}
	}
	tx.insert("referral", "rule_id, person_id, friend_id, number", rows, "")
}

// DeleteReferrals queues that a friend no longer counts for anyone under the
// rules.
func (tx *Tx) DeleteReferrals(friends []model.PersonID, advocates []model.PersonID, rules []model.RuleID) {
	if len(rules) == 0 || len(friends) == 0 || len(advocates) == 0 {
		return
	}
	tx.write(`DELETE FROM referral
		WHERE account_id = $1 AND person_id IN (`+in(2, len(advocates))+`)
			AND friend_id IN (`+in(2+len(advocates), len(friends))+`)
			AND rule_id IN (`+in(2+len(advocates)+len(friends), len(rules))+`)`,
		append(append(anys(advocates), anys(friends)...), anys(rules)...)...)
}
