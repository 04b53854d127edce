package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strings"
	"time"

	"grapevine/engine/zone"
	"grapevine/model"
	"grapevine/store"
)

// CampaignFigures is how a campaign does.
type CampaignFigures struct {
	Views     int64            // of its links and its pages
	SignUps   int64            // that count
	Today     int64            // of them, since midnight in the account's zone
	Referred  int64            // of them, those whom somebody brought
	ByChannel map[string]int64 // of those, by where they came from; "" is nowhere known
}

// CampaignFigures counts how a campaign does. It fails with NotFound.
func (e *Engine) CampaignFigures(ctx context.Context, account model.AccountID, campaign model.CampaignID) (*CampaignFigures, error) {
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return nil, err
	}
	if _, err := cfg.Campaign(campaign); err != nil {
		return nil, err
	}
	midnight, err := cfg.midnight(e.now())
	if err != nil {
		return nil, err
	}
	var f *CampaignFigures
	err = e.store.View(ctx, account, func(tx *store.Tx) error {
		f = &CampaignFigures{ByChannel: map[string]int64{}}
		for _, list := range []model.List{model.Clicks, model.PageViews} {
			if err := f.count(tx, list, campaign, 0, func(_ model.Facet, n int64) { f.Views += n }); err != nil {
				return err
			}
		}
		if err := f.count(tx, model.Joins, campaign, midnight.UnixMilli(), func(_ model.Facet, n int64) { f.Today += n }); err != nil {
			return err
		}
		return f.count(tx, model.Joins, campaign, 0, func(of model.Facet, n int64) {
			f.SignUps += n
			if of.Kind == model.JoinedReferred {
				f.Referred += n
				f.ByChannel[of.Channel] += n
			}
		})
	})
	return f, err
}

// count counts a campaign's rows of a list from a time on, facet by facet.
func (f *CampaignFigures) count(tx *store.Tx, list model.List, campaign model.CampaignID, from int64, add func(model.Facet, int64)) error {
	facets, err := tx.Facets(list)
	if err != nil {
		return err
	}
	for id, of := range facets {
		if of.Campaign != campaign {
			continue
		}
		n, err := tx.CountRows(list, []model.FacetID{id}, from, math.MaxInt64)
		if err != nil {
			return err
		}
		add(of, n)
	}
	return nil
}

// midnight is when the day of a time began in the account's zone.
func (c *Config) midnight(now time.Time) (time.Time, error) {
	in, known := zone.Load(c.Settings.Timezone)
	if !known {
		return time.Time{}, fmt.Errorf("the account's time zone %q is not known", c.Settings.Timezone)
	}
	year, month, day := now.In(in).Date()
	return time.Date(year, month, day, 0, 0, 0, 0, in), nil
}

// SeePage counts a view of a page of the merchant's in the campaigns that it
// is of.
func (e *Engine) SeePage(ctx context.Context, account model.AccountID, address string) error {
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return err
	}
	var sights []Sight
	for _, campaign := range cfg.campaignsOfPage(e.now(), address) {
		sights = append(sights, Sight{Kind: model.PageReached, Campaign: campaign.UUID, Who: Who{Browser: &Browser{URL: address}}})
	}
	_, errs := e.RecordSights(ctx, account, sights)
	return errors.Join(errs...)
}

// campaignsOfPage are the live campaigns that a page of the merchant's is of:
// those whose landing page it is, else the only one there is.
func (c *Config) campaignsOfPage(now time.Time, address string) []*model.Campaign {
	page, err := url.Parse(address)
	if err != nil {
		return nil
	}
	live := c.Live(now)
	var its []*model.Campaign
	for _, campaign := range live {
		landing, err := url.Parse(campaign.Landing)
		if err == nil && landing.Host != "" && strings.EqualFold(landing.Host, page.Host) && samePath(landing.Path, page.Path) {
			its = append(its, campaign)
		}
	}
	if len(its) == 0 && len(live) == 1 {
		return live
	}
	return its
}

func samePath(a, b string) bool { return strings.TrimSuffix(a, "/") == strings.TrimSuffix(b, "/") }
