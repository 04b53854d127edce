package engine

import (
	"context"
	"math"
	"slices"
	"time"

	"grapevine/engine/ledger"
	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
)

// LedgerOf names a ledger.
type LedgerOf struct {
	CustomerID string
	Custom     bool // the id names a ledger of its own, not a customer
	Currency   string
}

// Balance is how a ledger stands at a moment: what is due to expire is no
// longer in it, whether it is posted or not.
type Balance struct {
	Currency  string
	Total     money.Amount
	CreatedAt time.Time
	ChangedAt time.Time // of the newest entry
	ExpiresAt time.Time // earliest of the active credits; zero: none expires
	// Credits are the active ones in the order they are spent, then those that
	// ended, newest first: at most CreditsListed.
	Credits []model.Credit
}

// CreditsListed bounds how many credits of a ledger are told.
const CreditsListed = 1000

// LedgerBalance tells how a ledger stands. Fails with NotFound
// (LedgerUnknown), CurrencyUnknown.
func (e *Engine) LedgerBalance(ctx context.Context, account model.AccountID, of LedgerOf) (*Balance, error) {
	if err := e.knowsCurrency(ctx, account, of.Currency); err != nil {
		return nil, err
	}
	var b *Balance
	err := e.store.View(ctx, account, func(tx *store.Tx) error {
		head, err := e.ledgerOf(tx, of)
		if err != nil {
			return err
		}
		b, err = balanceOf(tx, head, e.now())
		return err
	})
	return b, err
}

func (e *Engine) ledgerOf(tx *store.Tx, of LedgerOf) (*model.Ledger, error) {
	holder := e.customHolder(of.CustomerID)
	if !of.Custom {
		found, err := tx.Look(store.Lookup{CustomerID: of.CustomerID})
		if err != nil {
			return nil, err
		}
		holder = store.PersonHolder(found.ByCustomer) // nobody has no ledger
	}
	return tx.Ledger(holder, of.Currency)
}

func balanceOf(tx *store.Tx, head *model.Ledger, now time.Time) (*Balance, error) {
	left := *head
	var active, over []model.Credit
	for behind := (*model.Credit)(nil); len(active) < CreditsListed; {
		page, err := tx.ActiveCredits(head.Holder, head.Currency, behind, CreditsListed)
		if err != nil {
			return nil, err
		}
		left.Balance = ledger.Balance(left, page, now)
		over = over[:0]
		for _, c := range page {
			if ledger.Expired(c, now) {
				c.EndedAt, c.Ended = c.ExpiresAt, model.CreditExpired
				over = append(over, c)
			} else {
				active = append(active, c)
			}
		}
		if len(page) < CreditsListed {
			break
		}
		behind = &page[len(page)-1]
	}
	b := &Balance{Currency: head.Currency, Total: left.Balance, CreatedAt: head.CreatedAt}
	if len(active) > 0 {
		b.ExpiresAt = active[0].ExpiresAt
	}
	slices.Reverse(over)
	b.Credits = slices.Concat(active, over)
	if room := CreditsListed - len(b.Credits); room > 0 {
		ended, err := tx.EndedCredits(head.Holder, head.Currency, room)
		if err != nil {
			return nil, err
		}
		b.Credits = append(b.Credits, ended...)
	}
	b.Credits = b.Credits[:min(len(b.Credits), CreditsListed)]
	newest, err := tx.Entries(head.Holder, head.Currency, math.MaxInt64, 1)
	if len(newest) > 0 {
		b.ChangedAt = newest[0].At
	}
	return b, err
}

// LedgerEntry is one movement of a ledger, as the merchant reads it.
type LedgerEntry struct {
	model.Entry
	Role   model.Role // of the reward that it posts; "" is none
	Source string     // the name of the earning rule or the redemption behind it
}

// entriesRead is how many entries are read at once.
const entriesRead = 500

// LedgerEntries calls each for every entry of a ledger that was made after a
// time, newest first; it reads them piece by piece, and holds no transaction
// meanwhile. Fails with NotFound (LedgerUnknown), CurrencyUnknown, and with
// what each returns.
func (e *Engine) LedgerEntries(ctx context.Context, account model.AccountID, of LedgerOf, after time.Time, each func(LedgerEntry) error) error {
	if err := e.knowsCurrency(ctx, account, of.Currency); err != nil {
		return err
	}
	for before := int64(math.MaxInt64); ; {
		var page []LedgerEntry
		err := e.store.View(ctx, account, func(tx *store.Tx) (err error) {
			page, err = e.entriesBefore(tx, account, of, before)
			return err
		})
		if err != nil {
			return err
		}
		for _, entry := range page {
			if !entry.At.After(after) {
				// Numbers follow locks, and times are taken before: an older time
				// may stand behind a newer one for as long as a transaction lives.
				if entry.At.Before(after.Add(-store.WriteLimit)) {
					return nil
				}
				continue
			}
			if err := each(entry); err != nil {
				return err
			}
		}
		if len(page) < entriesRead {
			return nil
		}
		before = page[len(page)-1].Number
	}
}

func (e *Engine) entriesBefore(tx *store.Tx, account model.AccountID, of LedgerOf, before int64) ([]LedgerEntry, error) {
	head, err := e.ledgerOf(tx, of)
	if err != nil {
		return nil, err
	}
	list, err := tx.Entries(head.Holder, head.Currency, before, entriesRead)
	if err != nil {
		return nil, err
	}
	page := make([]LedgerEntry, len(list))
	for i, n := range list {
		page[i] = LedgerEntry{Entry: n.Entry, Role: n.Role}
		if page[i].Source, err = e.sourceOf(tx, account, n); err != nil {
			return nil, err
		}
	}
	return page, nil
}

// sourceOf is the name of the earning rule or redemption behind an entry, as
// it was then.
func (e *Engine) sourceOf(tx *store.Tx, account model.AccountID, n store.SourcedEntry) (string, error) {
	if n.Role != model.AsEarner {
		return e.redemptionName(tx, account, n.Version, n.Redemption)
	}
	settings, err := e.settingsIn(tx, account, n.Version)
	if err != nil {
		return "", err
	}
	at := slices.IndexFunc(settings.Earning, func(r model.EarningRule) bool { return r.ID == n.Rule })
	if at < 0 {
		return "", nil
	}
	return settings.Earning[at].Name, nil
}
