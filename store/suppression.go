package store

import (
	"slices"

	"grapevine/model"
)

const suppressionColumns = `id, address, email, reason, at`

func scanSuppression(r Row) (model.Suppression, error) {
	var s model.Suppression
	var since int64
	err := r.Scan(&s.ID, &s.Address, &s.Email, &s.Reason, &since)
	s.At = at(since)
	return s, err
}

// Suppressed finds which of some addresses, given as hashes, get no mail.
func (tx *Tx) Suppressed(addresses []string) (map[string]model.Suppression, error) {
	found := map[string]model.Suppression{}
	for chunk := range slices.Chunk(addresses, 64) {
		if err := tx.run(tx.suppressed(found, chunk)); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// suppressed asks which of some addresses, at least one, are suppressed.
func (tx *Tx) suppressed(found map[string]model.Suppression, addresses []string) Statement {
	listed := few(addresses)
	return tx.ask(`SELECT `+suppressionColumns+`
		FROM suppression
		WHERE account_id = $1 AND address IN (`+in(2, len(listed))+`)`,
		func(r Row) error {
			s, err := scanSuppression(r)
			found[s.Address] = s
			return err
		}, listed...)
}

// Suppression finds a suppression that is not erased. It fails with NotFound.
func (tx *Tx) Suppression(id model.SuppressionID) (*model.Suppression, error) {
	var found *model.Suppression
	err := tx.suppressionRows(func(s model.Suppression) { found = &s }, `SELECT `+suppressionColumns+`
		FROM suppression
		WHERE account_id = $1 AND id = $2 AND email <> ''`, id)
	if err == nil && found == nil {
		err = missing("", "suppression", id)
	}
	return found, err
}

// Suppressions lists suppressions that are not erased, newest first, from an
// offset on.
func (tx *Tx) Suppressions(offset, limit int) ([]model.Suppression, error) {
	var list []model.Suppression
	err := tx.suppressionRows(func(s model.Suppression) { list = append(list, s) }, `SELECT `+suppressionColumns+`
		FROM suppression
		WHERE account_id = $1 AND email <> ''
		ORDER BY id DESC
		LIMIT $2 OFFSET $3`, limit, offset)
	return list, err
}

// EverySuppression calls each for all suppressions, those that were erased too.
func (tx *Tx) EverySuppression(each func(model.Suppression)) error {
	return tx.suppressionRows(each, `SELECT `+suppressionColumns+`
		FROM suppression
		WHERE account_id = $1`)
}

// CountSuppressions counts the suppressions that are not erased.
func (tx *Tx) CountSuppressions() (n int64, err error) {
	err = tx.read(`SELECT COUNT(*)
		FROM suppression
		WHERE account_id = $1 AND email <> ''`,
		func(r Row) error { return r.Scan(&n) })
	return n, err
}

func (tx *Tx) suppressionRows(each func(model.Suppression), sql string, args ...any) error {
	return tx.read(sql, func(r Row) error {
		s, err := scanSuppression(r)
		each(s)
		return err
	}, args...)
}

// NameSuppression gives a suppression that was erased, and holds, the text of
// its address again. It reports whether there was one.
func (tx *Tx) NameSuppression(address, email string) (bool, error) {
	n, err := tx.change(`UPDATE suppression
		SET email = $3
		WHERE account_id = $1 AND address = $2 AND email = ''`, address, email)
	return n == 1, err
}

// Suppress keeps mail from an address, whose text comes back where it was
// erased. It reports whether that is new; a suppression that holds stays as it
// is, but for a reason that is stronger.
func (tx *Tx) Suppress(s model.Suppression) (bool, error) {
	n, err := tx.change(`INSERT INTO suppression (account_id, `+suppressionColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT DO NOTHING`, s.ID, s.Address, s.Email, string(s.Reason), ms(s.At))
	if err != nil || n == 1 {
		return n == 1, err
	}
	tx.write(`UPDATE suppression
		SET email = CASE WHEN email = '' THEN $3 ELSE email END,
			reason = CASE WHEN reason IN ('manual', 'hard_bounce') THEN $4 ELSE reason END,
			at = CASE WHEN reason IN ('manual', 'hard_bounce') AND $4 IN ('unsubscribed', 'spam_complaint') THEN $5 ELSE at END
		WHERE account_id = $1 AND address = $2`, s.Address, s.Email, string(s.Reason), ms(s.At))
	return false, nil
}

// Unsuppress lets an address get mail again, unless its owner wants none. It
// reports whether it did.
func (tx *Tx) Unsuppress(id model.SuppressionID) (bool, error) {
	n, err := tx.change(`DELETE FROM suppression
		WHERE account_id = $1 AND id = $2 AND reason IN ('manual', 'hard_bounce')`, id)
	return n == 1, err
}

// EraseSuppression queues that a suppression, which holds, says no longer of
// whom.
func (tx *Tx) EraseSuppression(address string) {
	tx.write(`UPDATE suppression
		SET email = ''
		WHERE account_id = $1 AND address = $2`, address)
}
