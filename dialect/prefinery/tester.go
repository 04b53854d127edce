package prefinery

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"grapevine/engine"
	"grapevine/engine/address"
	"grapevine/engine/sheet"
	"grapevine/model"
	"grapevine/web"
)

// shownWith are the relations that a tester is shown with.
var shownWith = engine.Relations{BroughtBy: true, Place: true}

func (a *API) listTesters(w http.ResponseWriter, r *http.Request, in scope) error {
	at, err := page(r)
	if err != nil {
		return err
	}
	found, err := a.findTesters(r, in, at)
	if err != nil {
		return err
	}
	return writePage(w, at, testersToJSON(in, found.Rows), found.Total)
}

// findTesters is a page of who meets all filters, newest first. Who has
// exactly the address that is looked for with `email` comes before who has it
// as a part of theirs.
func (a *API) findTesters(r *http.Request, in scope, at int) (*engine.Listed[engine.ParticipantView], error) {
	asked := r.URL.Query()
	q := engine.PeopleQuery{
		Where: []sheet.Condition{sheet.Compared(engine.PeopleCampaign, sheet.Equal, int64(in.campaign.ID))},
		By:    sheet.Order{Column: engine.PeopleJoinedAt, Down: true},
		Skip:  (at - 1) * perPage, Size: perPage, With: shownWith,
	}
	text := func(column int, op sheet.Op, value string) {
		q.Where = append(q.Where, sheet.Text(column, op, value))
	}
	for _, filter := range []struct {
		name   string
		column int
		op     sheet.Op
		fold   func(string) string
	}{
		{"email_is", engine.PeopleEmail, sheet.Equal, model.FoldEmail},
		{"email_contains", engine.PeopleEmail, sheet.Contains, model.FoldEmail},
		{"email", engine.PeopleEmail, sheet.Contains, model.FoldEmail},
		{"name", engine.PeopleName, sheet.Contains, engine.FoldName},
		{"referral_code", engine.PeopleCode, sheet.Equal, model.FoldCode},
	} {
		if value := strings.TrimSpace(asked.Get(filter.name)); value != "" {
			text(filter.column, filter.op, filter.fold(value))
		}
	}
	if value := asked.Get("custom_vars"); value != "" {
		ids, err := a.core.FindByVar(r.Context(), in.account, in.campaign.ID, value)
		if err != nil {
			return nil, err
		}
		set := make(map[int64]bool, len(ids))
		for _, id := range ids {
			set[int64(id)] = true
		}
		q.Where = append(q.Where, sheet.OneOf(sheet.ID, set))
	}
	if email := model.FoldEmail(asked.Get("email")); email != "" {
		return a.exactFirst(r.Context(), in.account, q, email)
	}
	return a.core.ListPeople(r.Context(), in.account, q)
}

// exactFirst lists who has an address before all who have it as a part of
// theirs.
func (a *API) exactFirst(ctx context.Context, account model.AccountID, q engine.PeopleQuery, email string) (*engine.Listed[engine.ParticipantView], error) {
	exact := q
	exact.Where = append(slices.Clone(q.Where), sheet.Text(engine.PeopleEmail, sheet.Equal, email))
	exact.Skip, exact.Size = 0, 1
	first, err := a.core.ListPeople(ctx, account, exact)
	if err != nil || len(first.Rows) == 0 {
		if err != nil {
			return nil, err
		}
		return a.core.ListPeople(ctx, account, q)
	}
	q.Where = append(slices.Clone(q.Where), sheet.Not(sheet.ID, int64(first.Rows[0].ID)))
	if q.Skip == 0 {
		q.Size--
	} else {
		q.Skip--
	}
	others, err := a.core.ListPeople(ctx, account, q)
	if err != nil {
		return nil, err
	}
	if q.Skip == 0 && q.Size < perPage {
		others.Rows = append(first.Rows, others.Rows...)
	}
	others.Total++
	return others, nil
}

func (a *API) showTester(w http.ResponseWriter, r *http.Request, in scope) error {
	v, err := a.tester(r, in)
	if err != nil {
		return err
	}
	return a.writeTester(w, in, v, http.StatusOK)
}

// tester is whom a path means, by number or UUID. It fails with NotFound, also
// for who takes part in another beta.
func (a *API) tester(r *http.Request, in scope) (*engine.ParticipantView, error) {
	named := r.PathValue("id")
	v, err := a.find(r.Context(), in, named, engine.Naming{ID: model.ParticipantID(number(named))})
	if model.KindOf(err) == model.NotFound {
		return nil, notFound("There is no such user.")
	}
	return v, err
}

// find is who is named, where they take part in the beta. It fails with
// NotFound.
func (a *API) find(ctx context.Context, in scope, named string, otherwise engine.Naming) (*engine.ParticipantView, error) {
	naming := otherwise
	if id, err := uuid.Parse(named); err == nil && len(named) == 36 {
		naming = engine.Naming{UUID: id.String()}
	}
	v, err := a.core.ViewNamed(ctx, in.account, naming, shownWith)
	if err == nil && v.Participant.Campaign != in.campaign.ID {
		return nil, notFound("There is no such user.")
	}
	return v, err
}

// verifyTester tells whether an invitation code is that tester's.
func (a *API) verifyTester(w http.ResponseWriter, r *http.Request, in scope) error {
	v, err := a.tester(r, in)
	if err != nil {
		return err
	}
	if !isInvitationCode(r.URL.Query().Get("invitation_code"), v.Email, in) {
		return notFound("The invitation code is not this user's.")
	}
	return a.writeTester(w, in, v, http.StatusOK)
}

func (a *API) createTester(w http.ResponseWriter, r *http.Request, in scope) error {
	var sent testerInput
	if err := read(r, "tester", &sent); err != nil {
		return err
	}
	join, err := a.join(r.Context(), in, &sent)
	if err != nil {
		return within(testerFamily, err)
	}
	joined, err := a.core.Join(r.Context(), in.account, *join)
	if err != nil {
		return within(testerFamily, err)
	}
	if !joined.Created {
		return within(testerFamily, &model.Error{Kind: model.Conflict, Reason: model.EmailTaken, Field: "email", Msg: "the address takes part already"})
	}
	return a.writeTesterByID(w, r, in, joined.Participant, http.StatusCreated)
}

// join is what a new tester's fields ask for.
func (a *API) join(ctx context.Context, in scope, sent *testerInput) (*engine.Join, error) {
	email := sent.Email.trimmed()
	if email == "" {
		return nil, &coded{2302, "Email is required"}
	}
	if !address.Valid(email) {
		return nil, &coded{2303, "Email is invalid"}
	}
	j := &engine.Join{
		Who:  engine.Who{Email: email, Server: true},
		Kind: model.SignUp, Campaign: in.campaign.ID, Source: engine.SourceServer, OnlyNew: true, NoBlocked: true,
		Invitation: sent.sharedCode(email, in), Card: sent.card(),
	}
	sent.describe(&j.Who)
	if sent.Status.sent {
		state := model.State(sent.Status.trimmed())
		if !slices.Contains(model.States, state) {
			return nil, &coded{2304, "Status is invalid"}
		}
		j.State = state
	}
	if named := sent.ReferrerID.trimmed(); named != "" {
		referrer, err := a.referrer(ctx, in, named)
		if err != nil {
			return nil, err
		}
		j.ReferralCode = referrer.Shown
	}
	return j, nil
}

// referrer is whom a referrer_id names: by code, number, UUID or address. A
// code that is made of digits wins over a number.
func (a *API) referrer(ctx context.Context, in scope, named string) (*engine.ParticipantView, error) {
	namings := []engine.Naming{{Code: named}, {ID: model.ParticipantID(number(named))}}
	if strings.Contains(named, "@") {
		namings = []engine.Naming{{Campaign: in.campaign.ID, Email: named}}
	}
	for _, naming := range namings {
		v, err := a.find(ctx, in, named, naming)
		if model.KindOf(err) == model.NotFound {
			continue
		}
		return v, err
	}
	return nil, &model.Error{Kind: model.NotFound, Reason: model.ReferrerUnknown, Field: "referrer_id", Msg: "nobody here has this code, id or address"}
}

func (a *API) updateTester(w http.ResponseWriter, r *http.Request, in scope) error {
	v, err := a.tester(r, in)
	if err != nil {
		return err
	}
	var sent testerInput
	if err := read(r, "tester", &sent); err != nil {
		return err
	}
	change, err := sent.change(v, in)
	if err != nil {
		return err
	}
	if named := sent.ReferrerID.trimmed(); named != "" {
		referrer, err := a.referrer(r.Context(), in, named)
		if err != nil {
			return within(testerFamily, err)
		}
		change.ReferralCode = referrer.Shown
	}
	if err := a.core.ChangeParticipant(r.Context(), in.account, v.ID, *change); err != nil {
		return within(testerFamily, err)
	}
	return a.writeTesterByID(w, r, in, v.ID, http.StatusOK)
}

func (a *API) deleteTester(w http.ResponseWriter, r *http.Request, in scope) error {
	v, err := a.tester(r, in)
	if err != nil {
		return err
	}
	if err := a.core.RemoveParticipant(r.Context(), in.account, v.ID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// writeTesterByID answers a tester as they are by now.
func (a *API) writeTesterByID(w http.ResponseWriter, r *http.Request, in scope, id model.ParticipantID, status int) error {
	v, err := a.core.ViewParticipant(r.Context(), in.account, id, shownWith)
	if err != nil {
		return err
	}
	return a.writeTester(w, in, v, status)
}

func (a *API) writeTester(w http.ResponseWriter, in scope, v *engine.ParticipantView, status int) error {
	by := madeBy{in.cfg}
	body := v.Made(by)
	if body == nil {
		if !v.Keeps() {
			return web.WriteJSON(w, status, testerToJSON(v, in))
		}
		var err error
		if body, err = web.EncodeJSON(testerToJSON(v, in)); err != nil {
			return err
		}
		v.Keep(by, body)
	}
	return web.WriteEncoded(w, status, body)
}

// madeBy is what a tester is shown by: beside the view, all of it is said by the
// account's configuration, which has the campaign that the tester takes part in.
type madeBy struct{ cfg *engine.Config }

func testersToJSON(in scope, views []engine.ParticipantView) []testerJSON {
	rows := make([]testerJSON, len(views))
	for i := range views {
		rows[i] = testerToJSON(&views[i], in)
	}
	return rows
}

func testerToJSON(v *engine.ParticipantView, in scope) testerJSON {
	t := testerJSON{
		ID: int64(v.ID), UUID: v.UUID, Email: orNull(v.Email), Status: string(v.Standing),
		ImportedAt: stamp{v.ImportedAt}, AppliedAt: stamp{v.AppliedAt}, InvitedAt: stamp{v.InvitedAt}, JoinedAt: stamp{v.ActiveAt},
		ShareClicksCount: v.Reach, ShareSignupsCount: v.Referrals,
		FriendInvitationsAllowed: int64(in.campaign.FriendInvitations), FriendInvitationsCount: v.Invitations,
		FriendInvitationsRemaining: max(0, int64(in.campaign.FriendInvitations)-v.Invitations),
		ReferralCode:               orNull(v.Shown), IPAddress: orNull(v.IP), CreatedAt: stamp{v.JoinedAt}, UpdatedAt: stamp{v.ChangedAt},
		Profile: profileToJSON(v), Responses: []responseJSON{},
	}
	if v.Email != "" {
		t.InvitationCode = orNull(InvitationCode(in.cfg, v.Email))
	}
	if v.Shown != "" {
		t.ShareLink, t.ShareStatusLink = &v.URL, orNull(v.StandingURL())
	}
	if at := v.Place; at != nil {
		ahead, behind := at.Position-1, at.Length-at.Position
		t.WaitlistPosition, t.WaitlistAhead, t.WaitlistBehind, t.WaitlistLength = &at.Position, &ahead, &behind, &at.Length
	}
	t.ReferredBy = orNull(v.BroughtBy)
	if v.Suppressed.Reason == model.Unsubscribed {
		t.UnsubscribedAt = stamp{v.Suppressed.At}
	}
	if v.Card != nil {
		t.Groups = strings.Join(v.Card.Groups, ",")
		for _, answer := range v.Card.Answers {
			t.Responses = append(t.Responses, responseJSON{QuestionID: answer.Question, Answer: answer.Text})
		}
		slices.SortFunc(t.Responses, func(a, b responseJSON) int { return cmp.Compare(a.QuestionID, b.QuestionID) })
	}
	return t
}
