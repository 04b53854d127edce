package engine

import (
	"context"
	"net/url"
	"sync"
	"time"

	"github.com/google/uuid"

	"grapevine/model"
	"grapevine/store"
)

// link is a code with all that a click on it needs. It is kept in memory: what
// a code leads to changes only with the account's configuration.
type link struct {
	store.Owner
	account  model.AccountID
	cfg      *Config
	campaign *model.Campaign

	before, after string // landing address around where the signed attribution goes
	domain        string // of the landing address, without port
	broken        error  // why the link leads nowhere
}

// linkByCode finds a code on the server. Fails with NotFound.
func (e *Engine) linkByCode(ctx context.Context, folded string) (*link, error) {
	if l, ok := e.links.get(folded); ok {
		if cfg, err := e.Config(ctx, l.account); err == nil && cfg == l.cfg {
			return l, nil
		}
	}
	account, err := e.store.CodeAccount(ctx, folded)
	if err != nil {
		return nil, err
	}
	l := &link{account: account}
	if l.cfg, err = e.Config(ctx, account); err != nil {
		return nil, err
	}
	err = e.store.View(ctx, account, func(tx *store.Tx) error {
		owner, err := tx.CodeOwner(folded)
		if err == nil {
			l.Owner = *owner
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if l.campaign, err = l.cfg.Campaign(l.Campaign); err != nil {
		return nil, err
	}
	l.lead()
	e.links.put(folded, l)
	return l, nil
}

// lead works out the landing address: the campaign's page, or the account's,
// with the link's own parameters and the code.
func (l *link) lead() {
	page := l.campaign.Landing
	if page == "" {
		page = l.cfg.Settings.Site
	}
	u, err := url.Parse(page)
	if err != nil || u.Host == "" {
		l.broken = &model.Error{Kind: model.Invalid, Field: "landing", Msg: "the link leads nowhere: neither the campaign nor the account names a page", Err: err}
		return
	}
	for _, more := range []string{l.Params, url.QueryEscape(l.campaign.LinkParam) + "=" + url.QueryEscape(l.Shown)} {
		if more != "" && u.RawQuery != "" {
			u.RawQuery += "&"
		}
		u.RawQuery += more
	}
	if u.Path == "" {
		u.Path = "/"
	}
	if u.Fragment != "" {
		l.after = "#" + u.EscapedFragment()
	}
	u.Fragment, u.RawFragment = "", ""
	l.before, l.domain = u.String(), u.Hostname()
}

// landing is where a counted click goes. Who owns the link gets no attribution.
func (e *Engine) landing(l *link, c counted) (string, error) {
	if c.self || c.signed == nil {
		return l.before + l.after, nil
	}
	return c.signed.landing(e, l)
}

// LinkSigner writes the query parameter that tells a shop's page of the
// attribution behind a click: the account's, of that UUID, for a landing page
// of that domain, from that time on.
type LinkSigner func(cfg *Config, attribution, domain string, at time.Time) (string, error)

// signed is the attribution of one code in one minute, shared by that minute's
// clicks. Signing costs more than all else in a click, so it is done once.
type signed struct {
	attribution string
	minute      int64

	once sync.Once
	url  string
	err  error
}

// landing is where clicks of the minute go.
func (s *signed) landing(e *Engine, l *link) (string, error) {
	s.once.Do(func() {
		var parameter string
		parameter, s.err = e.signLink(l.cfg, s.attribution, l.domain, time.Unix(s.minute*60, 0).UTC())
		s.url = l.before + "&" + parameter + l.after
	})
	return s.url, s.err
}

// signatures keeps what was signed in the newest minute, by link.
type signatures struct {
	mu     sync.RWMutex
	minute int64
	kept   map[*link]*signed
}

func (c *signatures) get(l *link, minute int64) *signed {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.minute != minute {
		return nil
	}
	return c.kept[l]
}

func (c *signatures) put(l *link, s *signed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.minute > c.minute {
		c.minute, c.kept = s.minute, map[*link]*signed{}
	}
	if s.minute == c.minute {
		c.kept[l] = s
	}
}

// attest gives each click of a group the attribution of its code and minute.
// The minute's first click inserts it, and all nodes share that one.
func (t *turn) attest(clicks []*click, results []result[counted]) error {
	fresh := map[int64]map[model.CodeID]string{}
	for i, c := range clicks {
		if !c.signs || results[i].out.self {
			continue
		}
		if results[i].out.signed = t.e.signatures.get(c.link, c.minute); results[i].out.signed != nil {
			continue
		}
		if fresh[c.minute] == nil {
			fresh[c.minute] = map[model.CodeID]string{}
		}
		if fresh[c.minute][c.link.ID] == "" {
			fresh[c.minute][c.link.ID] = uuid.NewString()
		}
	}
	for minute, uuids := range fresh {
		shared, err := t.tx.Attributions(minute, uuids)
		if err != nil {
			return err
		}
		made := map[model.CodeID]*signed{}
		for i, c := range clicks {
			if !c.signs || c.minute != minute || results[i].out.self || results[i].out.signed != nil {
				continue
			}
			if made[c.link.ID] == nil {
				made[c.link.ID] = &signed{attribution: shared[c.link.ID], minute: minute}
				results[i].out.fresh = true
			}
			results[i].out.signed = made[c.link.ID]
		}
	}
	return nil
}
