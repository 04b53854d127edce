package engine

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"sync"

	"grapevine/engine/fraud"
	"grapevine/engine/secret"
	"grapevine/model"
	"grapevine/store"
)

// configs is what an engine remembers of accounts' configuration.
type configs struct {
	current  sync.Map // model.AccountID -> *Config
	keys     sync.Map // hash -> model.AccountID: whose key it was when last looked up
	versions sync.Map // versionKey -> *model.Campaign or *model.Settings: versions never change

	loading sync.Mutex // held while a Config is read, so that the newest is kept
}

type versionKey struct {
	account  model.AccountID
	campaign model.CampaignID // 0: the account's settings
	version  int64
}

// Config returns what holds for an account. It fails with NotFound where there
// is no such account. What another process applied shows after Refresh.
func (e *Engine) Config(ctx context.Context, account model.AccountID) (*Config, error) {
	if c, ok := e.configs.current.Load(account); ok {
		return c.(*Config), nil
	}
	return e.loadConfig(ctx, account, 0)
}

// Refresh reads again what changed since it was read. Its owner calls it every
// two seconds, which puts in force here what any process applied.
func (e *Engine) Refresh(ctx context.Context) error {
	accounts, err := e.store.Accounts(ctx)
	if err != nil {
		return fmt.Errorf("look for changed accounts: %w", err)
	}
	var failed []error
	for _, a := range accounts {
		have, ok := e.configs.current.Load(a.ID)
		if !ok || have.(*Config).changed >= a.Changed {
			continue
		}
		if _, err := e.loadConfig(ctx, a.ID, a.Changed); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// loadConfig reads an account's configuration and keeps it for Config, unless
// somebody else did meanwhile, and saw the change that is asked for.
func (e *Engine) loadConfig(ctx context.Context, account model.AccountID, changed int64) (*Config, error) {
	e.configs.loading.Lock()
	defer e.configs.loading.Unlock()
	if have, ok := e.configs.current.Load(account); ok && have.(*Config).changed >= changed {
		return have.(*Config), nil
	}
	var c *Config
	err := e.store.View(ctx, account, func(tx *store.Tx) (err error) {
		c, err = e.readConfig(tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the configuration of account %d: %w", account, err)
	}
	e.configs.current.Store(account, c)
	return c, nil
}

func (e *Engine) readConfig(tx *store.Tx) (*Config, error) {
	account, err := tx.Account()
	if err != nil {
		return nil, err
	}
	settings, err := tx.SettingsVersion(account.Version)
	if err != nil {
		return nil, err
	}
	c := &Config{ID: account.ID, Settings: *settings, PublicKey: account.PublicKey, changed: account.Changed}
	for _, code := range settings.Blocked.Codes {
		c.blocked = append(c.blocked, model.FoldCode(code))
	}
	c.checks = fraud.Checks{FraudChecks: settings.Fraud, Blocks: fraud.NewBlocks(settings.Blocked)}
	campaigns, err := tx.Campaigns()
	if err != nil {
		return nil, err
	}
	c.safelists = make(map[model.CampaignID]*fraud.Safelist, len(campaigns))
	for i := range campaigns {
		c.campaigns = append(c.campaigns, &campaigns[i])
		c.safelists[campaigns[i].ID] = fraud.NewSafelist(campaigns[i].Limits.IPSafelist)
	}
	if c.batches, err = tx.Batches(); err != nil {
		return nil, err
	}
	if c.endpoints, err = tx.Endpoints(); err != nil {
		return nil, err
	}
	return c, e.readKeys(tx, c)
}

// readKeys opens the account's keys, and enters its campaigns' project tokens
// among them.
func (e *Engine) readKeys(tx *store.Tx, c *Config) error {
	sealed, err := tx.Keys()
	if err != nil {
		return err
	}
	c.keys, c.secrets = map[string]model.Key{}, map[string]string{}
	for _, k := range sealed {
		value, err := e.secret.Open(k.Sealed)
		if err != nil {
			return fmt.Errorf("open key %s of account %d: %w", k.Use, c.ID, err)
		}
		if k.Use == model.AccountKey {
			if c.privateKey, err = parsePrivateKey(value); err != nil {
				return err
			}
			continue
		}
		c.keys[secret.Hash(k.Use, value)] = model.Key{Use: k.Use, Value: value, Name: k.Name, Permissions: k.Permissions}
		if len(k.Permissions) == 0 {
			c.secrets[k.Use] = value
		}
	}
	for _, campaign := range c.campaigns {
		if !campaign.Archived {
			c.keys[secret.Hash(model.ProjectToken, campaign.ProjectToken)] = model.Key{Use: model.ProjectToken, Value: campaign.ProjectToken}
		}
	}
	return nil
}

func parsePrivateKey(text string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("the account's private key is no PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parse the account's private key: %w", err)
	}
	rsaKey, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("the account's private key is a %T", key)
	}
	return rsaKey, nil
}

// Authenticate returns whose key a value is. It fails with Unauthenticated
// where it is nobody's. An ended key stops working with the next Refresh.
func (e *Engine) Authenticate(ctx context.Context, use, value string) (model.AccountID, error) {
	hash := secret.Hash(use, value)
	if account, ok := e.configs.keys.Load(hash); ok {
		if e.holdsKey(ctx, account.(model.AccountID), hash) == nil {
			return account.(model.AccountID), nil
		}
		e.configs.keys.Delete(hash) // ended, or another account's by now
	}
	account, err := e.store.AccountByKey(ctx, hash)
	if err != nil {
		return 0, err
	}
	if err := e.holdsKey(ctx, account, hash); err != nil {
		return 0, err
	}
	e.configs.keys.Store(hash, account)
	return account, nil
}

// holdsKey asks the configuration, which Refresh keeps up to date: the
// directory is read once for a key and would go on vouching for an ended one.
func (e *Engine) holdsKey(ctx context.Context, account model.AccountID, hash string) error {
	c, err := e.Config(ctx, account)
	if err != nil {
		return err
	}
	_, err = c.keyByHash(hash)
	return err
}

// AccountBySlug finds an account. It fails with NotFound.
func (e *Engine) AccountBySlug(ctx context.Context, slug string) (*model.Account, error) {
	return e.store.AccountBySlug(ctx, slug)
}

// Accounts returns all accounts, by id.
func (e *Engine) Accounts(ctx context.Context) ([]model.Account, error) { return e.store.Accounts(ctx) }

// CampaignVersion returns a campaign as it was in a version: decisions name the
// one they were made under. It fails with NotFound.
func (e *Engine) CampaignVersion(ctx context.Context, account model.AccountID, id model.CampaignID, version int64) (*model.Campaign, error) {
	return versionOf(ctx, e, versionKey{account, id, version}, func(tx *store.Tx) (*model.Campaign, error) {
		return tx.CampaignVersion(id, version)
	})
}

// SettingsVersion returns an account's settings as they were in a version. It
// fails with NotFound.
func (e *Engine) SettingsVersion(ctx context.Context, account model.AccountID, version int64) (*model.Settings, error) {
	return versionOf(ctx, e, versionKey{account, 0, version}, func(tx *store.Tx) (*model.Settings, error) {
		return tx.SettingsVersion(version)
	})
}

// versionOf reads what never changes, once.
func versionOf[T any](ctx context.Context, e *Engine, key versionKey, read func(*store.Tx) (*T, error)) (*T, error) {
	return keepVersion(e, key, func() (found *T, err error) {
		err = e.store.View(ctx, key.account, func(tx *store.Tx) (err error) {
			found, err = read(tx)
			return err
		})
		return found, err
	})
}

func keepVersion[T any](e *Engine, key versionKey, read func() (*T, error)) (*T, error) {
	if known, ok := e.configs.versions.Load(key); ok {
		return known.(*T), nil
	}
	found, err := read()
	if err != nil {
		return nil, err
	}
	e.configs.versions.Store(key, found)
	return found, nil
}
