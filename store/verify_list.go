package store

import (
	"grapevine/model"
)

// Unlisted is a row that carries another facet than it should.
type Unlisted struct {
	Table string
	ID    int64
	Facet model.FacetID
}

// FacetsOff lists rows whose facet is none of the account's, is of another
// list or of another campaign than the row. Rewards are not among them: their
// facet is replayed with them.
func (tx *Tx) FacetsOff() ([]Unlisted, error) {
	var all []Unlisted
	err := tx.read(`SELECT kept, id, facet_id
		FROM (
			SELECT 'click' AS kept, k.id AS id, k.facet_id AS facet_id
			FROM click k
			LEFT JOIN facet f ON f.account_id = k.account_id AND f.list = 'click' AND f.id = k.facet_id
			WHERE k.account_id = $1
				AND (f.id IS NULL OR f.campaign_id <> k.campaign_id OR CASE WHEN f.kind = 'self' THEN 1 ELSE 0 END <> k.self)
			UNION ALL
			SELECT 'conversion', v.id, v.facet_id
			FROM conversion v
			LEFT JOIN facet f ON f.account_id = v.account_id AND f.list = CASE WHEN v.kind = 'page' THEN 'action' ELSE v.kind END AND f.id = v.facet_id
			WHERE v.account_id = $1
				AND (CASE WHEN v.kind IN ('sign_up', 'purchase', 'page') THEN 1 ELSE 0 END <> CASE WHEN v.facet_id <> 0 THEN 1 ELSE 0 END
					OR v.facet_id <> 0 AND (f.id IS NULL OR f.campaign_id <> v.campaign_id))
			UNION ALL
			SELECT 'event', e.id, e.facet_id
			FROM event e
			LEFT JOIN facet f ON f.account_id = e.account_id AND f.id = e.facet_id AND f.list =
				CASE WHEN e.kind = 'widget_viewed' THEN 'view' WHEN e.kind = 'shared' THEN 'share' WHEN e.kind = 'email_capture' THEN 'capture'
					WHEN e.kind = 'sign_up' THEN 'join' WHEN e.kind = 'page_viewed' THEN 'page' ELSE '' END
			WHERE e.account_id = $1
				AND f.id IS NULL AND (e.facet_id <> 0 OR e.kind IN ('widget_viewed', 'shared'))
			UNION ALL
			SELECT 'mail_mark', k.id, k.facet_id
			FROM mail_mark k
			LEFT JOIN mail m ON m.account_id = k.account_id AND m.id = k.mail_id
			LEFT JOIN facet f ON f.account_id = k.account_id AND f.list = 'mail' AND f.id = k.facet_id
			WHERE k.account_id = $1
				AND (m.id IS NULL OR f.id IS NULL OR f.campaign_id <> m.campaign_id OR f.kind <> m.kind || ' ' || k.mark)
		) rows
		ORDER BY kept, id`,
		func(r Row) error {
			var u Unlisted
			err := r.Scan(&u.Table, &u.ID, &u.Facet)
			all = append(all, u)
			return err
		})
	return all, err
}

// CountsOfFacet lists what is counted of a facet, by level and bucket.
func (tx *Tx) CountsOfFacet(id model.FacetID) ([]Count, error) {
	var counts []Count
	err := tx.read(`SELECT level, bucket, n
		FROM facet_count
		WHERE account_id = $1 AND facet_id = $2 AND n <> 0
		ORDER BY level, bucket`,
		func(r Row) error {
			c := Count{Facet: id}
			err := r.Scan(&c.Level, &c.Bucket, &c.N)
			counts = append(counts, c)
			return err
		}, id)
	return counts, err
}

// StrayCounts lists facets that something is counted of though the account
// has none such.
func (tx *Tx) StrayCounts() ([]model.FacetID, error) {
	var ids []model.FacetID
	err := tx.read(`SELECT DISTINCT n.facet_id
		FROM facet_count n
		WHERE n.account_id = $1 AND NOT EXISTS (SELECT 1 FROM facet f WHERE f.account_id = $1 AND f.id = n.facet_id)
		ORDER BY n.facet_id`,
		func(r Row) error {
			var id model.FacetID
			err := r.Scan(&id)
			ids = append(ids, id)
			return err
		})
	return ids, err
}

// MarkedMinutes lists the minutes of a facet that will be counted again.
func (tx *Tx) MarkedMinutes(id model.FacetID) (map[int64]bool, error) {
	marked := map[int64]bool{}
	err := tx.read(`SELECT DISTINCT minute
		FROM recount
		WHERE account_id = $1 AND facet_id = $2`,
		func(r Row) error {
			var minute int64
			err := r.Scan(&minute)
			marked[minute] = true
			return err
		}, id)
	return marked, err
}
