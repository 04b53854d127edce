package store

import "grapevine/model"

const endpointColumns = `id, dialect, event, topic, url, campaign_id, origins, rule_id, from_file, paused, failures, probe_at, probe_job, ended`

func scanEndpoint(r Row) (p model.Endpoint, ended bool, err error) {
	var probe int64
	err = r.Scan(&p.ID, &p.Dialect, &p.Event, &p.Topic, &p.URL, &p.Campaign, &p.Origins, &p.Rule, &p.FromFile, &p.Paused,
		&p.Circuit.Failures, &probe, &p.Circuit.Next, &ended)
	p.Circuit.ProbeAt = at(probe)
	return p, ended, err
}

// Endpoints returns the account's addresses that are told of something, but
// those that have ended, by id.
func (tx *Tx) Endpoints() ([]model.Endpoint, error) {
	var all []model.Endpoint
	err := tx.read(`
SELECT `+endpointColumns+`
FROM endpoint
WHERE account_id = $1
	AND ended = 0
ORDER BY id`, func(row Row) error {
		p, _, err := scanEndpoint(row)
		all = append(all, p)
		return err
	})
	return all, err
}

// LastEndpoint is the highest id of an endpoint, ended ones included: ids are
// not given twice.
func (tx *Tx) LastEndpoint() (model.EndpointID, error) {
	var last model.EndpointID
	err := tx.read(`
SELECT COALESCE(MAX(id), 0)
FROM endpoint
WHERE account_id = $1`, func(row Row) error { return row.Scan(&last) })
	return last, err
}

// AddEndpoint adds an address that is told of something.
func (tx *Tx) AddEndpoint(p model.Endpoint) {
	tx.write(`
INSERT INTO endpoint (account_id, id, dialect, event, topic, url, campaign_id, origins, rule_id, from_file, paused, failures, probe_at, probe_job, ended)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 0, 0, 0, 0)`, p.ID, p.Dialect, p.Event, p.Topic, p.URL, p.Campaign, p.Origins, p.Rule, p.FromFile)
}

// EndEndpoint ends an endpoint. Its row stays: deliveries refer to it.
func (tx *Tx) EndEndpoint(id model.EndpointID) {
	tx.write(`
UPDATE endpoint
SET ended = 1
WHERE account_id = $1
	AND id = $2`, id)
}
