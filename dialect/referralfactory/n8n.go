package referralfactory

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/web"
)

// The calls of the vendor's n8n node. What it registers is told of joins,
// qualifications and issued rewards by jobs.

// dialect is what endpoints of ours are kept under.
const dialect = "referral_factory"

// Events that the node listens to.
const (
	userJoin      = "user.join"
	userQualified = "user.qualified"
	rewardIssued  = "reward_issued"
)

func (a *API) getNodeTest(w http.ResponseWriter, _ *http.Request, _ model.AccountID) error {
	return web.WriteJSON(w, http.StatusOK, object{{"success", true}})
}

func (a *API) getNodeCampaigns(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	views, err := a.core.ViewCampaigns(r.Context(), account)
	if err != nil {
		return err
	}
	list := []object{}
	for _, c := range views {
		list = append(list, object{{"id", c.ID}, {"name", c.Name}})
	}
	return web.WriteJSON(w, http.StatusOK, object{{"campaigns", list}})
}

func (a *API) getNodeSources(w http.ResponseWriter, _ *http.Request, _ model.AccountID) error {
	list := []object{}
	for _, origin := range []engine.Origin{engine.CameAlone, engine.CameReferred, engine.CameAdded, engine.CameByServer} {
		list = append(list, object{{"id", sources[int64(origin)]}, {"name", sources[int64(origin)]}})
	}
	return web.WriteJSON(w, http.StatusOK, object{{"sources", list}})
}

func (a *API) getNodeRewards(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	promised, err := a.promises(r, account)
	if err != nil {
		return err
	}
	list := []object{}
	ids := make([]int64, 0, len(promised))
	for id := range promised {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		list = append(list, object{{"id", id}, {"name", promised[id].Name}})
	}
	return web.WriteJSON(w, http.StatusOK, object{{"rewards", list}})
}

// hookURL is where a hook is told; only an address that can be called will do.
func (in *input) hookURL() string {
	in.need("url")
	text := in.text("url")
	if u, err := url.Parse(text); text != "" && (err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https") {
		in.add(http.StatusBadRequest, "url", "The url field must be an address.")
	}
	return text
}

func (a *API) postNodeWebhook(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	in, err := readInput(r)
	if err != nil {
		return err
	}
	hook := model.Endpoint{Dialect: dialect, URL: in.hookURL(), Event: in.text("event"), Campaign: model.CampaignID(in.id("campaign_id"))}
	switch hook.Event {
	case userJoin:
		hook.Topic, hook.Origins = model.PersonJoined, in.origins()
	case userQualified:
		hook.Topic = model.PersonQualified
	default:
		in.add(http.StatusUnprocessableEntity, "event", "The event field must be user.join or user.qualified.")
	}
	if err := in.err(); err != nil {
		return err
	}
	return a.addHook(w, r, account, hook, http.StatusCreated)
}

// origins are the sources of a hook: those that were referred, unless it asks
// for others.
func (in *input) origins() int64 {
	named := in.list("sources")
	if len(named) == 0 {
		return engine.CameReferred.Bit()
	}
	var set int64
	for _, name := range named {
		known := false
		for origin, source := range sources {
			if strings.EqualFold(source, strings.TrimSpace(name)) {
				set, known = set|engine.Origin(origin).Bit(), true
			}
		}
		if !known {
			in.add(http.StatusUnprocessableEntity, "sources", "There is no source "+quoted(name)+".")
		}
	}
	return set
}

func (a *API) addHook(w http.ResponseWriter, r *http.Request, account model.AccountID, hook model.Endpoint, status int) error {
	id, err := a.core.AddEndpoint(r.Context(), account, hook)
	if errIs(err, model.CampaignUnknown) {
		return unprocessable("campaign_id", "The selected campaign id is not known.")
	}
	if err != nil {
		return err
	}
	return web.WriteJSON(w, status, object{{"webhook", object{{"id", id}}}})
}

func (a *API) deleteNodeWebhook(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	id, err := pathID(r, "webhook")
	if err != nil {
		return err
	}
	return a.endHooks(w, r, account, func(p model.Endpoint) bool { return p.ID == model.EndpointID(id) })
}

func (a *API) endHooks(w http.ResponseWriter, r *http.Request, account model.AccountID, meant func(model.Endpoint) bool) error {
	if err := a.core.EndEndpoints(r.Context(), account, dialect, meant); err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, object{{"success", true}})
}

// putNodeReward registers who is told that a reward was issued, one of those
// that are listed. The reward is named by the path, and may be by the body too.
func (a *API) putNodeReward(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	id, err := pathID(r, "reward")
	if err != nil {
		return err
	}
	promised, err := a.promises(r, account)
	if err != nil {
		return err
	}
	if _, listed := promised[id]; !listed {
		return &model.Error{Kind: model.NotFound, Reason: model.RewardUnknown, Msg: "The reward is not known."}
	}
	in, err := readInput(r)
	if err != nil {
		return err
	}
	hook := model.Endpoint{Dialect: dialect, URL: in.hookURL(), Event: rewardIssued, Topic: model.RewardDelivered, Rule: model.RuleID(id)}
	if event := in.text("event"); event != "" && event != rewardIssued {
		in.add(http.StatusUnprocessableEntity, "event", "The event field must be reward_issued.")
	}
	if also := in.id("reward_id"); also != 0 && also != id {
		in.add(http.StatusUnprocessableEntity, "reward_id", "The reward id field names another reward than the address.")
	}
	if err := in.err(); err != nil {
		return err
	}
	return a.addHook(w, r, account, hook, http.StatusOK)
}

// deleteNodeReward ends the hooks of a reward, and never the reward.
func (a *API) deleteNodeReward(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	id, err := pathID(r, "reward")
	if err != nil {
		return err
	}
	return a.endHooks(w, r, account, func(p model.Endpoint) bool { return p.Event == rewardIssued && p.Rule == model.RuleID(id) })
}

func (a *API) postNodeQualify(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	in, err := readInput(r)
	if err != nil {
		return err
	}
	return a.qualifyNamed(w, r, account, in)
}
