package prefinery

import (
	"net/http"
	"slices"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/web"
)

// statuses are the states in which a reward is shown.
var statuses = []model.RewardState{model.Earned, model.Delivered, model.Revoked}

func (a *API) listRewards(w http.ResponseWriter, r *http.Request, in scope) error {
	at, err := page(r)
	if err != nil {
		return err
	}
	q := engine.RewardsQuery{
		Campaign: in.campaign.ID, States: statuses, Email: r.URL.Query().Get("email"), Skip: (at - 1) * perPage, Size: perPage,
	}
	if status := model.RewardState(r.URL.Query().Get("status")); status != "" {
		if !slices.Contains(statuses, status) {
			return &coded{2608, "Status must be earned, delivered or revoked"}
		}
		q.States = []model.RewardState{status}
	}
	listed, err := a.core.ListCampaignRewards(r.Context(), in.account, q)
	if err != nil {
		return err
	}
	return writePage(w, at, rewardsToJSON(listed.Rows), listed.Total)
}

func (a *API) showReward(w http.ResponseWriter, r *http.Request, in scope) error {
	v, err := a.reward(r, in)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, rewardToJSON(v))
}

// reward is the one that a path means. It fails with NotFound, also for one of
// another beta, or that is not yet earned.
func (a *API) reward(r *http.Request, in scope) (*engine.RewardView, error) {
	v, err := a.core.ViewReward(r.Context(), in.account, model.RewardID(number(r.PathValue("id"))))
	if model.KindOf(err) == model.NotFound || err == nil && !isShown(v, in) {
		return nil, notFound("There is no such reward.")
	}
	return v, err
}

// isShown tells whether a reward is one of a beta's.
func isShown(v *engine.RewardView, in scope) bool {
	return v.Campaign == in.campaign.ID && (v.Role == model.AsAdvocate || v.Role == model.AsFriend) && slices.Contains(statuses, v.State)
}

func (a *API) createReward(w http.ResponseWriter, r *http.Request, in scope) error {
	var sent struct {
		Email             scalar `json:"email"`
		Descriptor        scalar `json:"descriptor"`
		SkipQuantityCheck scalar `json:"skip_quantity_check"`
	}
	if err := read(r, "reward", &sent); err != nil {
		return err
	}
	to, err := a.rewarded(r, in, sent.Email)
	if err != nil {
		return err
	}
	if sent.Descriptor.trimmed() == "" {
		return &coded{2604, "Descriptor is required"}
	}
	force, ok := sent.SkipQuantityCheck.truth()
	if !ok {
		return &coded{2601, "skip_quantity_check must be true or false"}
	}
	given, err := a.core.GrantReward(r.Context(), in.account, engine.Grant{
		Participant: to, Descriptor: sent.Descriptor.trimmed(), Force: force,
	})
	if err != nil {
		return within(rewardFamily, err)
	}
	return a.writeReward(w, r, in, given.ID, http.StatusCreated)
}

// rewarded is the tester who has an address that was sent.
func (a *API) rewarded(r *http.Request, in scope, email scalar) (model.ParticipantID, error) {
	if email.trimmed() == "" {
		return 0, &coded{2602, "Email is required"}
	}
	id, err := a.core.FindParticipant(r.Context(), in.account, engine.Naming{Campaign: in.campaign.ID, Email: email.trimmed()})
	if model.KindOf(err) == model.NotFound {
		return 0, &coded{2603, "Email was not found"}
	}
	return id, err
}

// triggerRewards records what a friend did, which counts once for each in the
// beta, and answers what that earned at once.
func (a *API) triggerRewards(w http.ResponseWriter, r *http.Request, in scope) error {
	var sent struct {
		Email scalar `json:"email"`
		Event scalar `json:"event"`
	}
	if err := read(r, "reward", &sent); err != nil {
		return err
	}
	if _, err := a.rewarded(r, in, sent.Email); err != nil {
		return err
	}
	if sent.Event.trimmed() == "" {
		return &coded{2607, "Event is required"}
	}
	done, err := a.core.RecordCustom(r.Context(), in.account, engine.CustomEvent{
		Who: engine.Who{Email: sent.Email.trimmed(), Server: true}, Name: sent.Event.trimmed(), Once: true, Campaign: in.campaign.ID,
	})
	if err != nil {
		return within(rewardFamily, err)
	}
	earned, err := a.core.ViewRewardsOf(r.Context(), in.account, done.Event)
	if err != nil {
		return err
	}
	earned = slices.DeleteFunc(earned, func(v engine.RewardView) bool { return !isShown(&v, in) })
	return web.WriteJSON(w, http.StatusOK, rewardsToJSON(earned))
}

func (a *API) updateReward(w http.ResponseWriter, r *http.Request, in scope) error {
	v, err := a.reward(r, in)
	if err != nil {
		return err
	}
	var sent struct {
		Status scalar `json:"status"`
	}
	if err := read(r, "reward", &sent); err != nil {
		return err
	}
	switch model.RewardState(sent.Status.trimmed()) {
	case model.Delivered:
		_, err = a.core.DeliverReward(r.Context(), in.account, v.ID)
	case model.Revoked:
		_, err = a.core.RevokeEarned(r.Context(), in.account, v.ID)
	default:
		return &coded{2608, "Status must be delivered or revoked"}
	}
	if err != nil {
		return within(rewardFamily, err)
	}
	return a.writeReward(w, r, in, v.ID, http.StatusOK)
}

func (a *API) writeReward(w http.ResponseWriter, r *http.Request, in scope, id model.RewardID, status int) error {
	v, err := a.core.ViewReward(r.Context(), in.account, id)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, status, rewardToJSON(v))
}

func rewardsToJSON(views []engine.RewardView) []rewardJSON {
	list := make([]rewardJSON, len(views))
	for i := range views {
		list[i] = rewardToJSON(&views[i])
	}
	return list
}

func rewardToJSON(v *engine.RewardView) rewardJSON {
	out := rewardJSON{
		ID: int64(v.ID), Descriptor: v.Of.Descriptor, Name: v.Of.Name, Type: typeOf(v.Of), UserRole: "referrer",
		Status: string(v.State), EarnedAt: stamp{v.EarnedAt}, DeliveredAt: stamp{v.DeliveredAt},
	}
	if v.Role == model.AsFriend {
		out.UserRole = "friend"
	}
	if v.State == model.Revoked {
		out.RevokedAt = stamp{v.EndedAt}
	}
	if v.Receiver != nil {
		id := int64(v.Receiver.ID)
		out.UserID, out.User = &id, userToJSON(v.Receiver)
	}
	return out
}

// userToJSON is a tester as they are shown with what is theirs.
func userToJSON(v *engine.ParticipantView) *rewardUserJSON {
	return &rewardUserJSON{
		ID: int64(v.ID), Email: orNull(v.Email), ReferralCode: orNull(v.Shown),
		Profile: rewardNamesJSON{FirstName: orNull(v.FirstName), LastName: orNull(v.LastName)},
	}
}

// typeOf is what a rule's rewards are called here.
func typeOf(r *model.Rule) string {
	switch {
	case r.To != model.ToAdvocate:
		return "DoubleSided"
	case r.After > 1 && !r.Repeat:
		return "Milestone"
	}
	return "SingleSided"
}
