package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"net/url"
	"slices"
	"strings"
	"time"

	"grapevine/engine/code"
	"grapevine/model"
	"grapevine/store"
)

// LinkRequest asks for a person's link in a campaign.
type LinkRequest struct {
	Who
	Campaign string // UUID
	Seed     string // what the code is to be; "" is as the campaign says
	Prefix   *string
	Short    bool // leaves out the name
	Channel  string
	Widget   string // UUID
	Params   string // query that the landing address gets, encoded
	Detail   json.RawMessage

	apart string // keeps the link apart from others of its place
}

// Link is a person's link.
type Link struct {
	Code         string
	URL          string
	MadeAt       time.Time
	Email        string
	CustomerID   string
	CampaignUUID string
}

// Links gives each person their link in a campaign, and makes them
// participants; all or none. There is one link per
// person, campaign, channel, widget and parameters: a repeat without a seed
// returns it, a new seed makes another beside it. Fails with NotFound.
func (e *Engine) Links(ctx context.Context, account model.AccountID, requests []LinkRequest) ([]Link, error) {
	var links []Link
	err := e.inTurn(ctx, account, func(t *turn) error {
		links = make([]Link, len(requests))
		order, err := t.lockAll(requests)
		if err != nil {
			return err
		}
		for _, i := range order {
			r := requests[i]
			made, err := t.link(r)
			if err != nil {
				return err
			}
			links[i] = Link{
				Code: made.Shown, URL: e.linkTo(t.cfg, made.Shown), MadeAt: made.MadeAt,
				Email: r.Email, CustomerID: r.CustomerID, CampaignUUID: r.Campaign,
			}
		}
		return nil
	})
	return links, err
}

// lockAll returns the order in which a batch is worked off, so that two never
// wait for each other: who is known is locked by id, and who is new will be
// named in the order of their names.
func (t *turn) lockAll(requests []LinkRequest) ([]int, error) {
	order := make([]int, len(requests))
	for i := range order {
		order[i] = i
	}
	if len(requests) == 1 {
		return order, nil
	}
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := requests[i].Who, requests[j].Who
		return cmp.Or(cmp.Compare(model.FoldEmail(a.Email), model.FoldEmail(b.Email)), cmp.Compare(a.CustomerID, b.CustomerID))
	})
	var known []model.PersonID
	for _, r := range requests {
		found, err := t.tx.Look(t.lookup(occurrence{Who: r.Who}, 0))
		if err != nil {
			return nil, err
		}
		known = append(known, found.ByCustomer, found.ByEmail)
	}
	_, err := t.tx.LockPersons(known...)
	return order, err
}

func (t *turn) link(r LinkRequest) (*model.Code, error) {
	found, err := t.tx.Look(t.lookup(occurrence{Who: r.Who}, 0))
	if err != nil {
		return nil, err
	}
	made, _, err := t.findLink(r, found)
	return made, err
}

// findLink is the link that a request asks for, made where there is none, and
// its owner, whose lock is held.
func (t *turn) findLink(r LinkRequest, found *store.Found) (*model.Code, model.PersonID, error) {
	if err := cmp.Or(r.Who.check(), tooLong("seed", r.Seed), tooLong("widget", r.Widget)); err != nil {
		return nil, 0, err
	}
	campaign, err := t.cfg.CampaignByUUID(r.Campaign)
	if err != nil {
		return nil, 0, err
	}
	if campaign, err = t.offered(campaign.ID); err != nil {
		return nil, 0, err
	}
	actor := t.identify(found, r.Who)
	if actor.id == 0 {
		return nil, 0, &model.Error{Kind: model.Invalid, Reason: model.PersonUnknown, Field: "email", Msg: "neither an e-mail address nor a customer id says whose link it is"}
	}
	if err := t.enter(actor, r.Who, nil); err != nil {
		return nil, 0, err
	}
	// Who held the lock before may have made them a participant, or ended that.
	parts, err := t.partsOf(actor)
	if err != nil {
		return nil, 0, err
	}
	made, fresh, err := t.linkIn(campaign, partIn(parts, campaign.ID), actor, r)
	if err != nil || !fresh {
		return made, actor.id, err
	}
	return made, actor.id, t.note(t.happened(model.LinkMade, 0), occurrence{
		Who: r.Who, kind: model.LinkMade, detail: eventDetail{CodeID: made.ID, Sent: r.Detail},
	}, &store.Found{}, actor)
}

// linkIn finds the participant's link for the request, or makes it, and the
// participant where there is none.
func (t *turn) linkIn(campaign *model.Campaign, p *model.Participant, a actor, r LinkRequest) (made *model.Code, fresh bool, err error) {
	if p == nil {
		p, made, err = t.newParticipant(campaign, a.id, "link", "", r)
		if err == nil {
			t.addParticipant(p)
		}
		return made, true, err
	}
	codes, err := t.tx.CodesOf(p.ID)
	if err != nil {
		return nil, false, err
	}
	place, seed := r.place(), t.seedOf(r)
	at := slices.IndexFunc(codes, func(c model.Code) bool { return c.Seed == seed })
	if at < 0 && r.Seed == "" { // any link of that place will do
		at = slices.IndexFunc(codes, func(c model.Code) bool { return c.Place == place })
	}
	if at >= 0 {
		return &codes[at], false, nil
	}
	made, err = t.makeLink(campaign, p, r)
	return made, true, err
}

// place is where a link is used. There is one link for each, unless a seed
// asks for another.
func (r LinkRequest) place() string {
	return r.Channel + "\x1f" + strings.ToLower(r.Widget) + "\x1f" + r.Params + r.apart
}

// seedOf tells two requests of one place apart that want other codes.
func (t *turn) seedOf(r LinkRequest) string {
	return t.e.secret.Digest("link", r.place(), code.Clean(r.Seed))
}

// makeLink makes a code as the request wishes, else as the campaign says.
func (t *turn) makeLink(campaign *model.Campaign, p *model.Participant, r LinkRequest) (*model.Code, error) {
	prefix := campaign.CodeStyle.Prefix
	if r.Prefix != nil {
		prefix = *r.Prefix
	}
	candidates, named := code.Candidates(prefix, r.Seed), code.Clean(r.Seed) != "" || r.Prefix != nil && code.Clean(*r.Prefix) != ""
	if r.Seed == "" && !r.Short && campaign.CodeStyle.Seed == "first_name" {
		mailbox, _, _ := strings.Cut(r.Email, "@")
		if letters := code.Letters(r.FirstName, mailbox); letters != "" {
			candidates, named = code.Vanity(prefix, letters), true
		}
	}
	c := &model.Code{
		ID: model.CodeID(t.id()), Campaign: campaign.ID, Participant: p.ID, Person: p.Person, Seed: t.seedOf(r), Place: r.place(),
		Channel: r.Channel, Params: r.Params, Named: named, MadeAt: t.now,
	}
	return t.makeCode(c, candidates)
}

// makeCode takes the first free code of some.
func (t *turn) makeCode(c *model.Code, candidates iter.Seq[string]) (*model.Code, error) {
	for candidate := range candidates {
		if model.Reserved(candidate) {
			continue
		}
		c.Shown, c.Folded = candidate, model.FoldCode(candidate)
		free, err := t.tx.InsertCode(c)
		if err != nil || free {
			return c, err
		}
	}
	return nil, &model.Error{Kind: model.Conflict, Reason: model.CodeTaken, Field: "seed", Msg: "no free code like this one"}
}

// StandingParam is the parameter that makes somebody's link one to their own
// standing: the page that it leads to gets it, too.
const StandingParam = "check"

// standingLink is the link by which a participant of that UUID looks how they
// stand.
func standingLink(link, uuid string) string { return link + "?" + StandingParam + "=" + uuid }

// linkTo is the address of a code: on the account's own link host, or below
// the server's public URL.
func (e *Engine) linkTo(cfg *Config, shown string) string {
	base := cfg.Settings.LinkURL
	if base == "" {
		base = e.linkURL
	}
	return strings.TrimSuffix(base, "/") + "/" + url.PathEscape(shown)
}
