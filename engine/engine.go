// Package engine holds the use cases and the rules of referral and loyalty
// marketing: join, record, qualify, link, click, reward, adjust, tell. It
// knows no vendor, no HTTP and no SQL; a rule that stands in a dialect is in
// the wrong place, as the other three lack it.
package engine

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"grapevine/engine/secret"
	"grapevine/model"
	"grapevine/store"
)

// Settings is what an Engine is made of.
type Settings struct {
	Store *store.Store
	// Secret seals keys and signs what comes back to us.
	Secret *secret.Box
	// Now is the clock and NewID the id maker: both come from outside.
	Now   func() time.Time
	NewID func() (int64, error)
	// LinkURL is the base of referral links of accounts that name none.
	LinkURL string
	// PublicURL is where visitors reach the server's own pages.
	PublicURL string
	// SignLink signs the attribution that rides on landing addresses; nil
	// leaves it out.
	SignLink LinkSigner
	// InvitationCode is the code that lets somebody in who has an address; nil
	// has none.
	InvitationCode func(cfg *Config, email string) string
	// NewKey makes the key by which an account signs; nil makes one of RSA with
	// 2048 bits, which takes a good part of a second.
	NewKey func() (*rsa.PrivateKey, error)
	Log    *slog.Logger
}

// Engine runs the use cases. Safe for concurrent use.
type Engine struct {
	store   *store.Store
	secret  *secret.Box
	clock   func() time.Time
	newID   func() (int64, error)
	linkURL string
	log     *slog.Logger

	publicURL string
	mailKey   []byte

	configs configs
	slot    atomic.Int64 // spreads counters over their slots

	adjustments gather[ledgerKey, Adjustment, *Adjusted]

	newKey     func() (*rsa.PrivateKey, error)
	signLink   LinkSigner
	invitation func(cfg *Config, email string) string
	cookieMACs sync.Pool            // of hash.Hash under the key of visitor cookies
	links      cache[string, *link] // by folded code
	sponsors   cache[sponsorKey, *sponsor]
	facets     cache[facetKey, model.FacetID] // that are in the database
	unrolled   sync.Map                       // model.AccountID to the minute of the last listed rows, until that is rolled
	rolledAll  atomic.Int64                   // when Roll last saw to all accounts, in milliseconds
	signatures signatures
	projected  projections
	waiting    waitlists
	clicks     gather[model.AccountID, *click, counted]
	sights     gather[model.AccountID, []*sight, []Recorded]
	views      gather[viewKey, viewing, *ParticipantView]
	viewed     cache[viewedKey, *recalled]
	endings    gather[model.AccountID, []*Ended, []model.Job]
	records    gather[model.AccountID, *occurrence, *Recorded]
}

// New makes an engine. Its owner calls Refresh every few seconds, so that
// what other processes apply is seen here.
func New(s Settings) *Engine {
	e := &Engine{
		store: s.Store, secret: s.Secret, clock: s.Now, newID: s.NewID, linkURL: s.LinkURL, log: s.Log,
		newKey: s.NewKey, signLink: s.SignLink, invitation: s.InvitationCode,
		publicURL: s.PublicURL, mailKey: s.Secret.Key("mail"),
	}
	if e.invitation == nil {
		e.invitation = func(*Config, string) string { return "" }
	}
	if e.newKey == nil {
		e.newKey = func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }
	}
	cookieKey := s.Secret.Key("visitor cookie")
	e.cookieMACs.New = func() any { return hmac.New(sha256.New, cookieKey) }
	e.links.limit, e.sponsors.limit, e.facets.limit, e.viewed.limit = 200_000, 50_000, 50_000, 4_000
	e.adjustments.run, e.adjustments.max = e.adjustTogether, adjustGroup
	e.clicks.run, e.clicks.max = e.clickTogether, clickGroup
	e.sights.run, e.sights.max = e.sightsTogether, sightGroup
	e.views.run, e.views.max = e.viewTogether, viewGroup
	e.endings.run, e.endings.max, e.endings.lanes = e.endTogether, endGroup, endLanes
	e.records.run, e.records.max, e.records.lanes = e.recordTogether, recordGroup, recordLanes
	return e
}

// now is the time of a transaction: whole milliseconds of UTC.
func (e *Engine) now() time.Time { return e.clock().UTC().Truncate(time.Millisecond) }

// newIDs makes n ids, rising.
func (e *Engine) newIDs(n int) ([]int64, error) {
	ids := make([]int64, n)
	for i := range ids {
		id, err := e.newID()
		if err != nil {
			return nil, &model.Error{Kind: model.Internal, Msg: "no id can be made", Err: err}
		}
		ids[i] = id
	}
	return ids, nil
}
