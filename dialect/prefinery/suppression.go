package prefinery

import (
	"context"
	"net/http"
	"strings"

	"grapevine/engine/address"
	"grapevine/model"
	"grapevine/web"
)

// suppressionReasons are the reasons in the words of this API.
var suppressionReasons = map[model.SuppressionReason]string{
	model.SuppressedManually: "Manual", model.Unsubscribed: "Unsubscribe", model.HardBounce: "HardBounce", model.SpamComplaint: "SpamComplaint",
}

func (a *API) listSuppressions(w http.ResponseWriter, r *http.Request, in scope) error {
	at, err := page(r)
	if err != nil {
		return err
	}
	skip := (at - 1) * perPage
	if email := strings.TrimSpace(r.URL.Query().Get("email")); email != "" {
		found, err := a.core.Suppressed(r.Context(), in.account, email)
		if err != nil {
			return err
		}
		var list []model.Suppression
		if s, is := found[email]; is && s.Email != "" {
			list = append(list, s)
		}
		return a.writeSuppressions(w, r, in, at, list[min(skip, len(list)):], int64(len(list)))
	}
	list, total, err := a.core.Suppressions(r.Context(), in.account, skip, perPage)
	if err != nil {
		return err
	}
	return a.writeSuppressions(w, r, in, at, list, total)
}

func (a *API) writeSuppressions(w http.ResponseWriter, r *http.Request, in scope, at int, list []model.Suppression, total int64) error {
	rows, err := a.suppressionsToJSON(r.Context(), in, list...)
	if err != nil {
		return err
	}
	return writePage(w, at, rows, total)
}

func (a *API) showSuppression(w http.ResponseWriter, r *http.Request, in scope) error {
	s, err := a.suppression(r, in)
	if err != nil {
		return err
	}
	return a.writeSuppression(w, r, in, s, http.StatusOK)
}

// suppression is the one that a path means. It fails with NotFound.
func (a *API) suppression(r *http.Request, in scope) (*model.Suppression, error) {
	s, err := a.core.Suppression(r.Context(), in.account, model.SuppressionID(number(r.PathValue("id"))))
	if model.KindOf(err) == model.NotFound {
		return nil, notFound("There is no such suppression.")
	}
	return s, err
}

func (a *API) createSuppression(w http.ResponseWriter, r *http.Request, in scope) error {
	var sent struct {
		Email  scalar `json:"email"`
		Reason scalar `json:"reason"`
	}
	if err := read(r, "suppression", &sent); err != nil {
		return err
	}
	email := sent.Email.trimmed()
	switch {
	case email == "":
		return &coded{2703, "Email is required"}
	case !address.Valid(email):
		return &coded{2701, "Email is invalid"}
	}
	reason := model.SuppressedManually
	switch sent.Reason.trimmed() {
	case "", suppressionReasons[model.SuppressedManually]:
	case suppressionReasons[model.Unsubscribed]:
		reason = model.Unsubscribed
	default:
		return &coded{2701, "Reason must be Manual or Unsubscribe"}
	}
	made, err := a.core.Suppress(r.Context(), in.account, email, reason)
	if err != nil {
		return within(suppressionFamily, err)
	}
	return a.writeSuppression(w, r, in, made, http.StatusCreated)
}

func (a *API) deleteSuppression(w http.ResponseWriter, r *http.Request, in scope) error {
	s, err := a.suppression(r, in)
	if err != nil {
		return err
	}
	err = a.core.Unsuppress(r.Context(), in.account, s.ID)
	if model.ReasonOf(err) == model.TransitionForbidden {
		return &coded{2704, "Only suppressions that are manual or a hard bounce can be deleted"}
	}
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

func (a *API) writeSuppression(w http.ResponseWriter, r *http.Request, in scope, s *model.Suppression, status int) error {
	rows, err := a.suppressionsToJSON(r.Context(), in, *s)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, status, rows[0])
}

// suppressionsToJSON is suppressions as they are shown, with whose address
// each is in the beta.
func (a *API) suppressionsToJSON(ctx context.Context, in scope, list ...model.Suppression) ([]suppressionJSON, error) {
	emails := make([]string, len(list))
	for i, s := range list {
		emails[i] = s.Email
	}
	users, err := a.core.ParticipantsAt(ctx, in.account, in.campaign.ID, emails...)
	if err != nil {
		return nil, err
	}
	rows := make([]suppressionJSON, len(list))
	for i, s := range list {
		rows[i] = suppressionJSON{ID: int64(s.ID), Email: s.Email, Reason: suppressionReasons[s.Reason], SuppressedAt: stamp{s.At}}
		if user, is := users[s.Email]; is {
			id := int64(user)
			rows[i].UserID = &id
		}
	}
	return rows, nil
}
