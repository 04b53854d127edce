package engine

import (
	"cmp"
	"crypto/rsa"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"grapevine/engine/fraud"
	"grapevine/engine/secret"
	"grapevine/model"
	"grapevine/money"
)

// Config is what holds for an account, as one moment of the database says. It
// is never changed: whoever holds one may read it without a lock, and a use
// case holds the same one to its end.
type Config struct {
	ID        model.AccountID
	Settings  model.Settings
	PublicKey string // PEM

	changed    int64
	privateKey *rsa.PrivateKey
	keys       map[string]model.Key // by secret.Hash of use and value
	secrets    map[string]string    // use -> value of the key with all permissions
	campaigns  []*model.Campaign    // by id, archived ones too
	batches    []model.Batch
	endpoints  []model.Endpoint
	blocked    []string // codes, folded
	checks     fraud.Checks
	safelists  map[model.CampaignID]*fraud.Safelist         // of all campaigns
	everyRule  atomic.Pointer[map[model.RuleID]*model.Rule] // see EveryRule; nil until somebody asks
}

// Campaign returns the campaign of that id, archived or not. It fails with
// NotFound.
func (c *Config) Campaign(id model.CampaignID) (*model.Campaign, error) {
	at, found := slices.BinarySearchFunc(c.campaigns, id, func(have *model.Campaign, id model.CampaignID) int {
		return cmp.Compare(have.ID, id)
	})
	if !found {
		return nil, campaignUnknown(id)
	}
	return c.campaigns[at], nil
}

// CampaignByUUID returns the campaign of that UUID, archived or not. It fails
// with NotFound.
func (c *Config) CampaignByUUID(uuid string) (*model.Campaign, error) {
	for _, have := range c.campaigns {
		if strings.EqualFold(have.UUID, uuid) {
			return have, nil
		}
	}
	return nil, campaignUnknown(uuid)
}

// CampaignByProjectToken returns the campaign whose pages carry that token. It
// fails with NotFound.
func (c *Config) CampaignByProjectToken(token string) (*model.Campaign, error) {
	for _, have := range c.campaigns {
		if have.ProjectToken == token && !have.Archived {
			return have, nil
		}
	}
	return nil, campaignUnknown(token)
}

func campaignUnknown(key any) error {
	return &model.Error{Kind: model.NotFound, Reason: model.CampaignUnknown, Msg: fmt.Sprintf("campaign %v is not known", key)}
}

// Campaigns returns all campaigns that are not archived, by id.
func (c *Config) Campaigns() []*model.Campaign {
	return slices.DeleteFunc(slices.Clone(c.campaigns), func(have *model.Campaign) bool { return have.Archived })
}

// AllCampaigns returns all campaigns, by id: people go on to take part in those
// that are archived.
func (c *Config) AllCampaigns() []*model.Campaign { return c.campaigns }

// Live returns the campaigns that attribute and reward at a time, by id.
func (c *Config) Live(at time.Time) []*model.Campaign {
	var live []*model.Campaign
	for _, have := range c.campaigns {
		if have.Live(at) {
			live = append(live, have)
		}
	}
	return live
}

// LedgerRules returns the cap of a currency, 0 for none, and after how long
// its credits expire, 0 for never.
func (c *Config) LedgerRules(currency string) (limit money.Amount, expires time.Duration) {
	for _, rules := range c.Settings.Currencies {
		if rules.Code == currency {
			return rules.Cap, rules.ExpiresAfter
		}
	}
	return 0, 0
}

// Batches returns the account's coupon batches by id, their sizes as they were
// when the configuration was read.
func (c *Config) Batches() []model.Batch { return c.batches }

// Endpoints returns who is told of a topic in a campaign; campaign 0 is what
// belongs to none.
func (c *Config) Endpoints(topic model.Topic, campaign model.CampaignID) []model.Endpoint {
	var told []model.Endpoint
	for _, p := range c.endpoints {
		if p.Topic == topic && (p.Campaign == 0 || p.Campaign == campaign) {
			told = append(told, p)
		}
	}
	return told
}

// Tells reports whether somebody is told of a topic, in whatever campaign.
func (c *Config) Tells(topic model.Topic) bool {
	return slices.ContainsFunc(c.endpoints, func(p model.Endpoint) bool { return p.Topic == topic })
}

// Endpoint returns the endpoint of that id. It fails with Gone where it has
// ended.
func (c *Config) Endpoint(id model.EndpointID) (model.Endpoint, error) {
	for _, p := range c.endpoints {
		if p.ID == id {
			return p, nil
		}
	}
	return model.Endpoint{}, &model.Error{Kind: model.Gone, Msg: fmt.Sprintf("endpoint %d has ended", id)}
}

// Secret returns the value of the account's main key for a use, or "" where
// it has none.
func (c *Config) Secret(use string) string { return c.secrets[use] }

// Key returns the key that has a value for a use, with its name and
// permissions. It fails with Unauthenticated.
func (c *Config) Key(use, value string) (model.Key, error) {
	return c.keyByHash(secret.Hash(use, value))
}

func (c *Config) keyByHash(hash string) (model.Key, error) {
	k, ok := c.keys[hash]
	if !ok {
		return model.Key{}, keyUnknown()
	}
	return k, nil
}

func keyUnknown() error {
	return &model.Error{Kind: model.Unauthenticated, Reason: model.KeyUnknown, Msg: "the key is not known"}
}

// PrivateKey signs in the account's name.
func (c *Config) PrivateKey() *rsa.PrivateKey { return c.privateKey }

// blockedAddress tells whether the account wants nothing of an e-mail address.
func (c *Config) blockedAddress(email string) bool {
	return email != "" && len(c.checks.Blocked(fraud.Party{Emails: []string{model.FoldEmail(email)}})) > 0
}

// BlockedCode tells whether the account blocks a code. Case makes no
// difference, and "*" stands for any run of characters.
func (c *Config) BlockedCode(code string) bool {
	folded := model.FoldCode(code)
	return slices.ContainsFunc(c.blocked, func(pattern string) bool { return fraud.Matches(pattern, folded) })
}
