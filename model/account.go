package model

import (
	"slices"
	"time"
)

// Account is a company that uses this server.
type Account struct {
	ID        AccountID
	Slug      string
	Version   int64 // of the settings in force
	Changed   int64 // raised by every change of the configuration
	PublicKey string
	CreatedAt time.Time
}

// Applied is what applying a project came to, beside the ids in it.
type Applied struct {
	Account   AccountID
	PublicKey string // PEM
	Changed   bool   // false: the database said so already
}

// Clone returns a project whose entries can be filled in without touching p.
func (p *Project) Clone() *Project {
	c := *p
	c.Settings.Redemption = slices.Clone(p.Settings.Redemption)
	c.Settings.Tiers = slices.Clone(p.Settings.Tiers)
	c.Settings.Earning = slices.Clone(p.Settings.Earning)
	c.Keys = slices.Clone(p.Keys)
	c.Batches = slices.Clone(p.Batches)
	c.Endpoints = slices.Clone(p.Endpoints)
	c.Campaigns = slices.Clone(p.Campaigns)
	for i := range c.Campaigns {
		campaign := &c.Campaigns[i]
		campaign.Rules = slices.Clone(campaign.Rules)
		campaign.Widgets = slices.Clone(campaign.Widgets)
		campaign.Questions = slices.Clone(campaign.Questions)
	}
	return &c
}
