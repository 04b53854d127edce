package engine

import (
	"time"

	"grapevine/model"
	"grapevine/store"
)

// trail knows where links of an account led at any time.
type trail struct {
	e       *Engine
	tx      *store.Tx
	cfg     *Config
	history *[]store.Since // of the settings, campaign 0, and of campaigns; newest first
	known   map[led]string
}

// led is all that an address depends on.
type led struct {
	campaign     *model.Campaign
	settings     *model.Settings
	code, params string
}

// ledTo asks since when the versions of an account have been in force, with
// what is asked next.
func (e *Engine) ledTo(tx *store.Tx, cfg *Config) *trail {
	return &trail{e, tx, cfg, tx.VersionsSince(), map[led]string{}}
}

// where is the address that a click was sent to, without what was signed; ""
// where nobody has its code any more.
func (t *trail) where(campaign model.CampaignID, click *store.ListedClick, at time.Time) (string, error) {
	if click.Code == "" {
		return "", nil
	}
	c, err := t.campaign(campaign, at)
	if err != nil {
		return "", err
	}
	settings, err := t.settings(at)
	if err != nil {
		return "", err
	}
	key := led{c, settings, click.Code, click.Params}
	to, known := t.known[key]
	if !known {
		l := &link{cfg: &Config{Settings: *settings}, campaign: c}
		l.Shown, l.Params = click.Code, click.Params
		l.lead()
		to = l.before + l.after
		t.known[key] = to
	}
	return to, nil
}

// version is the one that was in force at a time, else the oldest.
func (t *trail) version(campaign model.CampaignID, at time.Time) (version int64) {
	for _, since := range *t.history {
		if since.Campaign == campaign {
			if version = since.Version; !since.At.After(at) {
				return version
			}
		}
	}
	return version
}

func (t *trail) campaign(id model.CampaignID, at time.Time) (*model.Campaign, error) {
	version := t.version(id, at)
	if current, err := t.cfg.Campaign(id); err == nil && current.Version == version {
		return current, nil
	}
	return keepVersion(t.e, versionKey{t.cfg.ID, id, version}, func() (*model.Campaign, error) {
		return t.tx.CampaignVersion(id, version)
	})
}

func (t *trail) settings(at time.Time) (*model.Settings, error) {
	version := t.version(0, at)
	if t.cfg.Settings.Version == version {
		return &t.cfg.Settings, nil
	}
	return keepVersion(t.e, versionKey{t.cfg.ID, 0, version}, func() (*model.Settings, error) {
		return t.tx.SettingsVersion(version)
	})
}
