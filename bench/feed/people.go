package feed

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"grapevine/model"
	"grapevine/store"
)

// Crowd is who is filled into a campaign.
type Crowd struct {
	Campaign int64
	Waits    bool // they have applied; else they are active
	First    int  // the number of the first of them
	People   int
	// Qualified is every how-manieth of them is qualified; 0: nobody is.
	Qualified int
}

// spacing is what lies between the ids of people who came one after the other.
const spacing = 1 << 19

// Participant is the id of somebody by number; of their person too.
func Participant(number int) int64 { return int64(number+1) * spacing }

// Code is the code of somebody by number.
func Code(number int) string { return fmt.Sprint("w", codeBase+number) }

const codeBase = 10_000_000

// numbered are the people of a piece: $2 is the number of the first, $3 of the
// last, $4 the first of their crowd, and $5 is the campaign.
const numbered = `WITH RECURSIVE n(g) AS (SELECT CAST($2 AS BIGINT) UNION ALL SELECT g + 1 FROM n WHERE g < $3),
	o(i, id, at, code, campaign, brought) AS (
		SELECT g - $4, (g + 1) * 524288, 1767225600000 + g * 10000, 10000000 + g, CAST($5 AS BIGINT),
			CASE WHEN g % 10 < 3 THEN g * 7919 % 50 ELSE 0 END
		FROM n
	)`

// rows are the tables of a person who takes part, each filled by one statement.
// Everybody has an address, a name, a code and a browser; one in five was
// brought by another, three in ten brought others.
var rows = []string{
	`INSERT INTO person (account_id, id, alias_of, aliases, purchases, turns, loyalty, created_at, erased_at)
	` + numbered + ` SELECT CAST($1 AS BIGINT), id, 0, 0, 0, 1, '', at, 0 FROM o`,
	`INSERT INTO identity (account_id, kind, value, person_id, shown, main, at)
	` + numbered + ` SELECT CAST($1 AS BIGINT), 2, 'person-' || CAST(code AS TEXT) || '@example.com', id, 'person-' || CAST(code AS TEXT) || '@example.com', 1, at FROM o`,
	`INSERT INTO profile (account_id, person_id, first_name, last_name, ip, agent, body)
	` + numbered + ` SELECT CAST($1 AS BIGINT), id, 'Ada', 'Byron', '192.0.2.1', 'Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0 Safari/537.36', '' FROM o`,
	`INSERT INTO code_directory (account_id, folded)
	` + numbered + ` SELECT CAST($1 AS BIGINT), 'w' || CAST(code AS TEXT) FROM o`,
	`INSERT INTO code (account_id, folded, id, shown, campaign_id, participant_id, person_id, seed, place, channel, params, named, made_at)
	` + numbered + ` SELECT CAST($1 AS BIGINT), 'w' || CAST(code AS TEXT), id, 'w' || CAST(code AS TEXT), campaign, id, id, '', '', 'purl', '', 0, at FROM o`,
	`INSERT INTO participant (account_id, id, uuid, campaign_id, person_id, code_id, referrer_id, referred_at,
		signed_up_at, captured_at, confirmed_at, qualified_at, source, joined_at,
		state, state_before, imported_at, applied_at, invited_at, active_at, seen_at, points, referrals, invited_by, invitations, changed_at)
	` + numbered + ` SELECT CAST($1 AS BIGINT), id, CAST(code AS TEXT) || '-0000-4000-8000-' || CAST(100000000000 + code AS TEXT), campaign, id, id,
		CASE WHEN i % 5 = 4 THEN id - 524288 * (i / 2) ELSE 0 END, CASE WHEN i % 5 = 4 THEN at ELSE 0 END,
		at, 0, at, CASE WHEN CAST($7 AS BIGINT) > 0 THEN CASE WHEN i % CAST($7 AS BIGINT) = 0 THEN at ELSE 0 END ELSE 0 END, '', at, CAST($6 AS TEXT), '', 0, at, 0, CASE WHEN CAST($6 AS TEXT) = 'active' THEN at ELSE 0 END, 0, brought * 10000, brought, 0, 0, at FROM o`,
	`INSERT INTO tally (account_id, subject_id, what, slot, n)
	` + numbered + ` SELECT CAST($1 AS BIGINT), id, 'click', 0, 2 * brought FROM o WHERE brought > 0`,
}

// counted tells of a crowd what is counted of a campaign.
const counted = `INSERT INTO tally (account_id, subject_id, what, slot, n) VALUES ($1, $2, 'joined', 0, $3)`

// FillPeople writes crowds.
func (f *Feed) FillPeople(ctx context.Context, crowds []Crowd, progress io.Writer) error {
	started, all := time.Now(), 0
	for _, c := range crowds {
		state := model.StateActive
		if c.Waits {
			state = model.StateApplied
		}
		last := c.First + c.People - 1
		for from := c.First; from <= last; from += 4 * size {
			to := min(from+4*size-1, last)
			statements := make([]store.Statement, len(rows))
			for i, sql := range rows {
				statements[i] = store.Statement{SQL: sql, Args: []any{int64(f.account), from, to, c.First, c.Campaign}}
				if i == 5 {
					statements[i].Args = append(statements[i].Args, string(state), c.Qualified)
				}
			}
			if err := f.write(ctx, statements); err != nil {
				return fmt.Errorf("write people: %w", err)
			}
		}
		if err := f.write(ctx, []store.Statement{{SQL: counted, Args: []any{int64(f.account), store.OfCampaign(model.CampaignID(c.Campaign)), c.People}}}); err != nil {
			return fmt.Errorf("count people: %w", err)
		}
		all += c.People
	}
	fmt.Fprintf(progress, "  %d people in %v\n", all, time.Since(started).Round(time.Second))
	return nil
}

func (f *Feed) write(ctx context.Context, statements []store.Statement) error {
	return f.store.Engine().Update(ctx, func(store.Conn) ([]store.Statement, error) { return slices.Clone(statements), nil })
}

// Joined is when somebody joined, by number.
func Joined(number int) time.Time { return time.UnixMilli(1767225600000 + int64(number)*10000).UTC() }
