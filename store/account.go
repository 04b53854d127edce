package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"grapevine/model"
)

const accountColumns = `id, slug, version, changed, public_key, created_at`

func scanAccount(row Row, a *model.Account) error {
	var created int64
	if err := row.Scan(&a.ID, &a.Slug, &a.Version, &a.Changed, &a.PublicKey, &created); err != nil {
		return err
	}
	a.CreatedAt = at(created)
	return nil
}

// Accounts returns all accounts of this server, by id.
func (s *Store) Accounts(ctx context.Context) ([]model.Account, error) {
	return s.accounts(ctx, `
SELECT `+accountColumns+`
FROM account
ORDER BY id`)
}

// AccountBySlug fails with NotFound where no account has that slug.
func (s *Store) AccountBySlug(ctx context.Context, slug string) (*model.Account, error) {
	found, err := s.accounts(ctx, `
SELECT `+accountColumns+`
FROM account
WHERE slug = $1`, slug)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, missing("", "account", slug)
	}
	return &found[0], nil
}

// NextAccountID is the smallest id above all accounts. Another process may
// take it first: CreateAccount tells.
func (s *Store) NextAccountID(ctx context.Context) (model.AccountID, error) {
	var id model.AccountID
	err := s.ask(ctx, `
SELECT COALESCE(MAX(id), 0) + 1
FROM account`, func(row Row) error { return row.Scan(&id) })
	return id, err
}

// AccountByKey returns whose key has that hash. It fails with Unauthenticated
// where nobody's has.
func (s *Store) AccountByKey(ctx context.Context, hash string) (model.AccountID, error) {
	var id model.AccountID
	err := s.ask(ctx, `
SELECT account_id
FROM key_directory
WHERE hash = $1`, func(row Row) error { return row.Scan(&id) }, hash)
	if err == nil && id == 0 {
		err = &model.Error{Kind: model.Unauthenticated, Reason: model.KeyUnknown, Msg: "the key is not known"}
	}
	return id, err
}

func (s *Store) accounts(ctx context.Context, sql string, args ...any) ([]model.Account, error) {
	var all []model.Account
	err := s.ask(ctx, sql, func(row Row) error {
		var a model.Account
		if err := scanAccount(row, &a); err != nil {
			return err
		}
		all = append(all, a)
		return nil
	}, args...)
	return all, err
}

// ask runs one query that names no account, on a table that has none in its key.
func (s *Store) ask(ctx context.Context, sql string, row func(Row) error, args ...any) error {
	return s.engine.View(ctx, func(conn Conn) error {
		return conn.Run(ctx, Statement{SQL: sql, Args: args, Row: row})
	})
}

// CreateAccount makes the row of the transaction's account. It returns false,
// and makes nothing, where another has taken the id or the slug.
func (tx *Tx) CreateAccount(a *model.Account) (bool, error) {
	n, err := tx.change(`
INSERT INTO account (id, slug, version, changed, public_key, created_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING`,
		a.Slug, a.Version, a.Changed, a.PublicKey, ms(a.CreatedAt))
	return n == 1, err
}

// Account returns the transaction's account. It fails with NotFound.
func (tx *Tx) Account() (*model.Account, error) { return tx.readAccount("") }

// LockAccount is Account, and holds up every other transaction that locks it:
// two applies of one account run one after the other.
func (tx *Tx) LockAccount() (*model.Account, error) { return tx.readAccount(tx.engine.ForUpdate()) }

func (tx *Tx) readAccount(suffix string) (*model.Account, error) {
	var a model.Account
	err := tx.read(`
SELECT `+accountColumns+`
FROM account
WHERE id = $1 `+suffix, func(row Row) error { return scanAccount(row, &a) })
	if err == nil && a.ID == 0 {
		err = missing("", "account", tx.account)
	}
	return &a, err
}

// SettingsVersion returns the account's settings as they were in a version. It
// fails with NotFound.
func (tx *Tx) SettingsVersion(version int64) (*model.Settings, error) {
	found, err := tx.settings(`
SELECT spec, version
FROM account_version
WHERE account_id = $1
	AND version = $2`, version)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, missing("", "version of the settings", version)
	}
	return &found[0], nil
}

// SettingsHistory returns every version of the account's settings, newest
// first.
func (tx *Tx) SettingsHistory() ([]model.Settings, error) {
	return tx.settings(`
SELECT spec, version
FROM account_version
WHERE account_id = $1
ORDER BY version DESC`)
}

func (tx *Tx) settings(sql string, args ...any) ([]model.Settings, error) {
	var all []model.Settings
	err := tx.read(sql, func(row Row) error {
		var s model.Settings
		if err := scanSpec(row, &s, &s.Version); err != nil {
			return err
		}
		all = append(all, s)
		return nil
	}, args...)
	return all, err
}

// AddSettings adds a version of the settings. It is in force once SetAccount
// names it.
func (tx *Tx) AddSettings(s *model.Settings, now time.Time) error {
	spec, err := json.Marshal(s)
	if err != nil {
		return err
	}
	tx.write(`
INSERT INTO account_version (account_id, version, spec, at)
VALUES ($1, $2, $3, $4)`, s.Version, string(spec), ms(now))
	return nil
}

// SetAccount says which settings are in force, and tells every node to reload.
func (tx *Tx) SetAccount(version int64) {
	tx.write(`
UPDATE account
SET version = $2, changed = changed + 1
WHERE id = $1`, version)
}

// scanSpec reads the one column of a row, JSON, into what it describes, and
// further columns after it.
func scanSpec(row Row, spec any, more ...any) error {
	var text string
	if err := row.Scan(append([]any{&text}, more...)...); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(text), spec); err != nil {
		return fmt.Errorf("read a stored %T: %w", spec, err)
	}
	return nil
}

// SealedKey is one of the account's keys as it is kept.
type SealedKey struct {
	Hash        string // keyed, of use and value
	Use         string
	Sealed      string // the value
	Name        string
	Permissions []string
}

// Keys returns the account's keys.
func (tx *Tx) Keys() ([]SealedKey, error) {
	var all []SealedKey
	err := tx.read(`
SELECT permissions, hash, name_of_use, sealed, name
FROM account_key
WHERE account_id = $1
ORDER BY name_of_use, name, hash`, func(row Row) error {
		var k SealedKey
		if err := scanSpec(row, &k.Permissions, &k.Hash, &k.Use, &k.Sealed, &k.Name); err != nil {
			return err
		}
		all = append(all, k)
		return nil
	})
	return all, err
}

// PutKey adds a key, or gives the one of that hash another name or other
// permissions.
func (tx *Tx) PutKey(k SealedKey) error {
	permissions, err := json.Marshal(k.Permissions)
	if err != nil {
		return err
	}
	tx.write(`
INSERT INTO account_key (account_id, hash, name_of_use, sealed, name, permissions)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (account_id, hash) DO UPDATE
SET name = excluded.name, permissions = excluded.permissions`,
		k.Hash, k.Use, k.Sealed, k.Name, string(permissions))
	return nil
}

// EndKey removes a key.
func (tx *Tx) EndKey(hash string) {
	tx.write(`
DELETE FROM account_key
WHERE account_id = $1
	AND hash = $2`, hash)
}

// ClaimKey enters a hash into the directory of keys for this account. It
// returns false where it is another account's.
func (tx *Tx) ClaimKey(hash string) (bool, error) {
	return tx.claim(`
INSERT INTO key_directory (hash, account_id)
VALUES ($2, $1)
ON CONFLICT DO NOTHING`, `
SELECT account_id
FROM key_directory
WHERE hash = $1`, hash)
}

// ReleaseKey removes a hash of this account from the directory of keys.
func (tx *Tx) ReleaseKey(hash string) {
	tx.write(`
DELETE FROM key_directory
WHERE hash = $2
	AND account_id = $1`, hash)
}

// ClaimCode enters a folded code into the directory of codes for this account.
// It returns false where it is another account's.
func (tx *Tx) ClaimCode(folded string) (bool, error) {
	return tx.claim(`
INSERT INTO code_directory (folded, account_id)
VALUES ($2, $1)
ON CONFLICT DO NOTHING`, `
SELECT account_id
FROM code_directory
WHERE folded = $1`, folded)
}

// claim inserts an entry of a directory and reads whose it is.
func (tx *Tx) claim(insert, owner, entry string) (bool, error) {
	var found model.AccountID
	err := tx.run(
		Statement{SQL: insert, Args: tx.args([]any{entry})},
		Statement{SQL: owner, Args: []any{entry}, Row: func(row Row) error { return row.Scan(&found) }},
	)
	return found == tx.account, err
}
