package engine

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"

	"grapevine/model"
	"grapevine/store"
)

// errAccountTaken tells that another process made an account meanwhile.
var errAccountTaken = errors.New("another process took the account's id or slug")

// Apply makes the database say what the project says of one account, found by
// its slug and made where there is none, and fills in the ids, codes and keys
// that the project leaves out. What says so already is not touched, so that
// applying twice changes nothing. It fails, with nothing applied, with Conflict
// where a code or a key is another account's.
func (e *Engine) Apply(ctx context.Context, p *model.Project) (*model.Applied, error) {
	var made *newAccount
	for try := 1; ; try++ {
		account, err := e.store.AccountBySlug(ctx, p.Settings.Slug)
		if model.KindOf(err) == model.NotFound {
			if made, err = e.newAccount(ctx, made, p.Settings.Slug); err == nil {
				account = &made.Account
			}
		} else {
			made = nil
		}
		if err != nil {
			return nil, fmt.Errorf("look for account %q: %w", p.Settings.Slug, err)
		}
		applied, err := e.applyTo(ctx, account.ID, made, p)
		if errors.Is(err, errAccountTaken) && try < 5 {
			continue
		}
		return applied, err
	}
}

// applyTo applies a project to one account.
func (e *Engine) applyTo(ctx context.Context, account model.AccountID, made *newAccount, p *model.Project) (*model.Applied, error) {
	var done *applying
	err := e.store.InTx(ctx, account, func(tx *store.Tx) error {
		done = &applying{engine: e, tx: tx, now: e.now(), project: p.Clone()}
		return done.run(made)
	})
	if err != nil {
		return nil, err
	}
	if err := e.fillBatches(ctx, account, done); err != nil {
		return nil, fmt.Errorf("add coupons: %w", err)
	}
	if _, err := e.loadConfig(ctx, account, done.account.Changed); err != nil {
		return nil, err
	}
	*p = *done.project
	return &model.Applied{Account: account, PublicKey: done.account.PublicKey, Changed: done.changed}, nil
}

// newAccount is an account to be made, with the key that signs in its name.
type newAccount struct {
	model.Account
	privateKey string // PEM
}

// newAccount takes the next free id. The key of an earlier try is kept: making
// one takes a good part of a second.
func (e *Engine) newAccount(ctx context.Context, earlier *newAccount, slug string) (*newAccount, error) {
	id, err := e.store.NextAccountID(ctx)
	if err != nil {
		return nil, err
	}
	made := &newAccount{}
	if earlier != nil {
		*made = *earlier
	} else if err := made.makeKey(e.newKey); err != nil {
		return nil, err
	}
	made.ID, made.Slug = id, slug
	made.Version, made.Changed, made.CreatedAt = 1, 1, e.now()
	return made, nil
}

func (a *newAccount) makeKey(newKey func() (*rsa.PrivateKey, error)) error {
	key, err := newKey()
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	a.privateKey = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	a.PublicKey = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
	return nil
}

// applying is one project on its way into the database, in one transaction.
type applying struct {
	engine  *Engine
	tx      *store.Tx
	now     time.Time
	project *model.Project
	account *model.Account
	stored  stored
	codes   [][]string // of each batch, that are still to be added
	changed bool       // something is written that every node must read
}

// stored is what the database says before the project is applied.
type stored struct {
	settings  *model.Settings // nil: the account is new
	campaigns []model.Campaign
	batches   []model.Batch
	endpoints []model.Endpoint
	keys      []openKey

	history *history // read when it is needed
}

// campaign returns a stored campaign, which is there.
func (s *stored) campaign(id model.CampaignID) *model.Campaign {
	at := slices.IndexFunc(s.campaigns, func(c model.Campaign) bool { return c.ID == id })
	return &s.campaigns[at]
}

// history is all that the account's configuration ever said.
type history struct {
	settings  []model.Settings // newest first
	campaigns []model.Campaign // the newest of a campaign first
}

func (a *applying) run(made *newAccount) error {
	steps := []func() error{
		func() error { return a.begin(made) },
		a.load, a.identify, a.refer,
		a.applyKeys, a.applyCampaigns, a.applyBatches, a.applyEndpoints, a.applySettings,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	if a.changed && a.stored.settings != nil {
		a.account.Changed++
		a.tx.SetAccount(a.account.Version)
	}
	return nil
}

// begin makes the account or locks it, so that two applies of one account run
// one after the other.
func (a *applying) begin(made *newAccount) (err error) {
	if made == nil {
		a.account, err = a.tx.LockAccount()
		return err
	}
	ok, err := a.tx.CreateAccount(&made.Account)
	if err != nil {
		return err
	}
	if !ok {
		return errAccountTaken
	}
	account := made.Account
	a.account, a.changed = &account, true
	return a.putKey(model.Key{Use: model.AccountKey, Value: made.privateKey, Secret: true})
}

// load reads what the database says.
func (a *applying) load() (err error) {
	if a.changed { // made just now
		return nil
	}
	if a.stored.settings, err = a.tx.SettingsVersion(a.account.Version); err != nil {
		return err
	}
	if a.stored.campaigns, err = a.tx.Campaigns(); err != nil {
		return err
	}
	if a.stored.batches, err = a.tx.Batches(); err != nil {
		return err
	}
	if a.stored.endpoints, err = a.tx.Endpoints(); err != nil {
		return err
	}
	a.stored.keys, err = a.openKeys()
	return err
}

// history reads what earlier versions said, in which an entry that comes back
// finds its id.
func (a *applying) history() (_ *history, err error) {
	if a.stored.history != nil {
		return a.stored.history, nil
	}
	h := &history{}
	if a.stored.settings != nil {
		if h.settings, err = a.tx.SettingsHistory(); err != nil {
			return nil, err
		}
		if h.campaigns, err = a.tx.CampaignHistory(); err != nil {
			return nil, err
		}
	}
	a.stored.history = h
	return h, nil
}

// applySettings adds a version of the settings where they differ.
func (a *applying) applySettings() error {
	settings := &a.project.Settings
	if have := a.stored.settings; have != nil {
		settings.Version = have.Version
		settings.Currencies = withPoints(settings.Currencies, have.Currencies)
		if same, err := sameSpec(have, settings); err != nil || same {
			return err
		}
		settings.Version++
	} else {
		settings.Version = a.account.Version
	}
	a.account.Version, a.changed = settings.Version, true
	return a.tx.AddSettings(settings, a.now)
}

// withPoints keeps the points that left the file as they were last: what people
// hold of them can still be read and spent, and what was promised be posted.
func withPoints(file, have []model.PointRules) []model.PointRules {
	for _, left := range have {
		named := func(r model.PointRules) bool { return r.Code == left.Code }
		if !isISO(left.Code) && !slices.ContainsFunc(file, named) {
			file = append(file, left)
		}
	}
	return file
}

// sameSpec tells whether two versions say the same. What is stored was read
// into the types of this program, so a field that is new here and left out of
// the file is no difference.
func sameSpec(one, two any) (bool, error) {
	first, err := json.Marshal(one)
	if err != nil {
		return false, err
	}
	second, err := json.Marshal(two)
	return string(first) == string(second), err
}

// applyEndpoints adds the endpoints that are new and ends those of the file
// that are no longer in it. Where rewards of a campaign are asked about stays
// when the campaign is archived: what is pending in it goes on.
func (a *applying) applyEndpoints() error {
	listed := map[model.Endpoint]bool{}
	for _, p := range a.project.Endpoints {
		listed[endpointKey(p)] = true
	}
	offered := map[model.CampaignID]bool{}
	for _, c := range a.project.Campaigns {
		offered[c.ID] = true
	}
	known := map[model.Endpoint]model.EndpointID{}
	for _, have := range a.stored.endpoints {
		switch {
		case !have.FromFile:
		case listed[endpointKey(have)]:
			known[endpointKey(have)] = have.ID
		case have.Topic == model.RewardQuestioned && !offered[have.Campaign]:
		default:
			a.tx.EndEndpoint(have.ID)
			a.changed = true
		}
	}
	last := model.EndpointID(firstID - 1)
	if a.stored.settings != nil {
		highest, err := a.tx.LastEndpoint()
		if err != nil {
			return err
		}
		last = max(last, highest)
	}
	for i := range a.project.Endpoints {
		p := &a.project.Endpoints[i]
		p.FromFile = true
		if id, ok := known[endpointKey(*p)]; ok {
			p.ID = id
			continue
		}
		last++
		p.ID = last
		a.tx.AddEndpoint(*p)
		a.changed = true
	}
	return nil
}

// endpointKey is what makes two endpoints the same one.
func endpointKey(p model.Endpoint) model.Endpoint {
	return model.Endpoint{Dialect: p.Dialect, Event: p.Event, URL: p.URL, Campaign: p.Campaign}
}
