package engine

import (
	"cmp"
	"slices"

	"grapevine/engine/rule"
	"grapevine/model"
	"grapevine/store"
)

// replayPage is how many persons are replayed at a time.
const replayPage = 200

// replay takes every decision again, person by person, each in the order of
// the turns that were taken under that person's lock.
func (v *verifier) replay() error {
	past, err := newPast(v.tx)
	if err != nil {
		return err
	}
	v.past = past
	for after := model.PersonID(0); ; {
		page, err := v.tx.Grown(after, replayPage)
		if err != nil || len(page) == 0 {
			return err
		}
		after = page[len(page)-1].ID
		if err := v.replayPage(page); err != nil {
			return err
		}
	}
}

func (v *verifier) replayPage(page []model.Person) error {
	var ids []model.PersonID
	grown := map[model.PersonID]model.PersonID{}
	persons := map[model.PersonID]model.Person{}
	for _, p := range page {
		persons[p.ID] = p
		for _, id := range append([]model.PersonID{p.ID}, v.past.aliases[p.ID]...) {
			ids = append(ids, id)
			grown[id] = p.ID
		}
	}
	lives, err := v.lives(ids, grown)
	if err != nil {
		return err
	}
	for _, p := range page {
		life := lives[p.ID]
		if life == nil {
			life = newLife(v, p.ID)
		}
		if err := life.relive(); err != nil {
			return err
		}
		life.compare(p)
		if err := life.comparePoints(); err != nil {
			return err
		}
	}
	v.report.Checked["person"] += int64(len(page))
	return nil
}

// moment is one thing in somebody's life, in the order of turns.
type moment struct {
	turn  int64
	id    int64
	event *model.Event     // an event of theirs
	conv  *store.Converted // or one that counts for them as an advocate
}

// after is 0 for a merge, and 1 for a change of the loyalty status: whatever
// else came in that turn was decided after them.
func (m moment) after() int {
	switch {
	case m.event == nil:
	case m.event.Kind == model.Merged:
		return 0
	case m.event.Kind == model.LoyaltyChanged:
		return 1
	}
	return 2
}

// life is one person with all who became them.
type life struct {
	v         *verifier
	id        model.PersonID
	moments   map[model.PersonID][]moment
	brought   map[model.EventID][]*store.Converted // of their own events
	rewards   map[rewardKey]*model.Reward          // as they are
	progress  map[progressKey]store.Progress       // as it is
	referrals map[referralKey]int64                // as they are
	parts     []*model.Participant                 // as they are
	states    map[model.ParticipantID][]*model.Event
	came      map[model.ParticipantID][]*model.Event
	invited   map[model.ParticipantID]int64 // how many friends
	days      map[cameOn]int64              // as they are
	silent    map[model.ParticipantID]bool  // who is suspended at the moment
	scored    map[model.ParticipantID][]*model.Event
	points    []model.Point // as they are

	expected  map[model.RewardID]*model.Reward // as they should be
	reached   map[progressKey]store.Progress
	counted   map[referralKey]int64
	purchases map[model.PersonID]int64
	loyalty   map[model.PersonID]model.LoyaltyStatus
	joined    map[model.PersonID][]model.PersonID // groups at the moment
}

type rewardKey struct {
	event model.EventID
	rule  model.RuleID
	role  model.Role
}

func newLife(v *verifier, id model.PersonID) *life {
	return &life{
		v: v, id: id, moments: map[model.PersonID][]moment{}, brought: map[model.EventID][]*store.Converted{},
		rewards: map[rewardKey]*model.Reward{}, progress: map[progressKey]store.Progress{}, referrals: map[referralKey]int64{},
		states: map[model.ParticipantID][]*model.Event{}, scored: map[model.ParticipantID][]*model.Event{},
		came: map[model.ParticipantID][]*model.Event{}, invited: map[model.ParticipantID]int64{}, days: map[cameOn]int64{}, silent: map[model.ParticipantID]bool{}, expected: map[model.RewardID]*model.Reward{}, reached: map[progressKey]store.Progress{}, counted: map[referralKey]int64{},
		purchases: map[model.PersonID]int64{}, loyalty: map[model.PersonID]model.LoyaltyStatus{}, joined: map[model.PersonID][]model.PersonID{},
	}
}

// lives reads what happened to a page of persons, and what is written of
// them.
func (v *verifier) lives(ids []model.PersonID, grown map[model.PersonID]model.PersonID) (map[model.PersonID]*life, error) {
	lives := map[model.PersonID]*life{}
	of := func(id model.PersonID) *life {
		id = grown[id]
		if lives[id] == nil {
			lives[id] = newLife(v, id)
		}
		return lives[id]
	}
	for chunk := range slices.Chunk(ids, replayPage) {
		events, err := v.tx.EventsOf(chunk)
		if err != nil {
			return nil, err
		}
		for _, e := range events {
			l := of(e.Person)
			l.moments[e.Person] = append(l.moments[e.Person], moment{turn: e.Turn, id: int64(e.ID), event: e})
		}
		v.report.Checked["event"] += int64(len(events))
		counted, err := v.tx.ConvertedFor(chunk)
		if err != nil {
			return nil, err
		}
		for _, c := range counted {
			l := of(c.Person)
			l.moments[c.Person] = append(l.moments[c.Person], moment{turn: c.Turn, id: int64(c.ID), conv: c})
		}
		v.report.Checked["conversion"] += int64(len(counted))
		brought, err := v.tx.ConvertedBy(chunk)
		if err != nil {
			return nil, err
		}
		for _, c := range brought {
			l := of(c.Of.Person)
			l.brought[c.Event] = append(l.brought[c.Event], c)
		}
		if err := v.written(chunk, of); err != nil {
			return nil, err
		}
	}
	return lives, nil
}

func (v *verifier) written(chunk []model.PersonID, of func(model.PersonID) *life) error {
	rewards, err := v.tx.RewardsOf(chunk)
	if err != nil {
		return err
	}
	for _, w := range rewards {
		of(w.Person).rewards[rewardKey{w.Event, w.Rule, w.Role}] = w
	}
	v.report.Checked["reward"] += int64(len(rewards))
	progress, err := v.tx.Progresses(chunk)
	if err != nil {
		return err
	}
	for _, p := range progress {
		of(p.Person).progress[progressKey{p.Person, p.Rule, p.Role}] = p
	}
	if err := v.parts(chunk, of); err != nil {
		return err
	}
	if err := v.points(chunk, of); err != nil {
		return err
	}
	if err := v.checkIns(chunk, of); err != nil {
		return err
	}
	referrals, err := v.tx.ReferralsOf(chunk)
	for _, r := range referrals {
		of(r.Advocate).referrals[referralKey{r.Rule, r.Advocate, r.Friend}] = r.Number
	}
	return err
}

// relive goes through the lives that became this person, each up to the
// merge that ended it.
func (l *life) relive() error { return l.reliveAs(l.id) }

func (l *life) reliveAs(id model.PersonID) error {
	l.joined[id] = []model.PersonID{id}
	moments := l.moments[id]
	slices.SortFunc(moments, func(a, b moment) int {
		return cmp.Or(cmp.Compare(a.turn, b.turn), cmp.Compare(a.after(), b.after()), cmp.Compare(a.id, b.id))
	})
	for _, m := range moments {
		var err error
		switch {
		case m.conv != nil:
			err = l.advocated(m.conv)
		case m.event.Kind == model.Merged:
			from := model.PersonID(m.event.Subject)
			err = l.reliveAs(from)
			l.joined[id] = append(l.joined[id], l.joined[from]...)
			l.purchases[id] += l.purchases[from]
			l.loyalty[id] = l.loyalty[id].Stricter(l.loyalty[from])
		default:
			err = l.lived(m.event)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// advocated judges the rules for whom a conversion counts for.
func (l *life) advocated(c *store.Converted) error {
	if l.silent[c.Advocate] {
		l.v.report.differ("conversion", c.ID, "advocate", c.Advocate, "nobody: who that is was suspended")
	}
	campaign, err := l.v.past.campaign(c.Campaign, c.Version)
	if err != nil {
		return err
	}
	for i := range campaign.Rules {
		r := &campaign.Rules[i]
		if !rule.Applies(r, model.AsAdvocate) || !rule.Concerns(r, l.v.past.recall(&c.Of, r)) {
			continue
		}
		on, err := l.caseOf(&c.Of, r, model.AsAdvocate, c.Person)
		if err != nil {
			return err
		}
		on.Fraud = fraudOf(suspicions(&c.Of, c.Campaign, model.AsAdvocate, c.Person == c.Friend))
		friends := l.v.past.groupAt(c.Friend, c.Of.Turn)
		on.Number = l.numberOf(r.ID, c.Person, friends)
		if countsAlready(&c.Of, model.AsAdvocate, on) {
			continue
		}
		verdict := rule.Judge(r, on)
		if verdict.Counts {
			l.advance(c.Person, r.ID, model.AsAdvocate, 1, 0)
			if c.Friend != 0 {
				l.counted[referralKey{r.ID, c.Person, c.Friend}] = verdict.Number
			}
		}
		l.expect(&c.Of, r, model.AsAdvocate, c.Person, c.Friend, campaign, verdict)
	}
	return nil
}

func (l *life) numberOf(id model.RuleID, advocate model.PersonID, friends []model.PersonID) int64 {
	for _, a := range l.joined[advocate] {
		for _, f := range friends {
			if number := l.counted[referralKey{id, a, f}]; number != 0 {
				return number
			}
		}
	}
	return 0
}

// lived judges the rules for who acted, or repeats what an event changed.
func (l *life) lived(e *model.Event) error {
	switch e.Kind {
	case model.Purchase:
		l.purchases[e.Person]++
	case model.Uncounted:
		l.uncounted(e)
		return nil
	case model.LoyaltyChanged:
		l.loyalty[e.Person] = e.Facts.Loyalty
		return nil
	case model.Redeemed:
		return l.redeemed(e)
	case model.PointsMoved:
		l.scored[model.ParticipantID(e.Subject)] = append(l.scored[model.ParticipantID(e.Subject)], e)
		return nil
	case model.RewardGranted:
		return l.granted(e)
	case model.CheckedIn:
		l.came[model.ParticipantID(e.Subject)] = append(l.came[model.ParticipantID(e.Subject)], e)
		return nil
	case model.FriendInvited:
		l.invited[e.Facts.By]++
		return nil
	case model.StateChanged:
		l.silent[model.ParticipantID(e.Subject)] = e.Facts.State == model.StateSuspended
		l.states[model.ParticipantID(e.Subject)] = append(l.states[model.ParticipantID(e.Subject)], e)
		return nil
	case model.CouponHandedOut, model.HoldOver, model.RewardApproved, model.RewardRejected, model.RewardIssued, model.RewardTakenBack,
		model.RewardValidated, model.RewardRefused, model.RewardUnanswered:
		return l.moved(e)
	}
	for _, c := range l.brought[e.ID] {
		campaign, err := l.v.past.campaign(c.Campaign, c.Version)
		if err != nil {
			return err
		}
		if err := l.acted(e, campaign, model.AsFriend, c.Person == c.Friend); err != nil {
			return err
		}
	}
	for _, in := range e.Facts.Campaigns {
		campaign, err := l.v.past.campaign(in.Campaign, in.Version)
		if err != nil {
			return err
		}
		if err := l.acted(e, campaign, model.AsCustomer, false); err != nil {
			return err
		}
	}
	return l.earnedOwn(e)
}

func (l *life) acted(e *model.Event, campaign *model.Campaign, role model.Role, self bool) error {
	for i := range campaign.Rules {
		r := &campaign.Rules[i]
		if !rule.Applies(r, role) || !rule.Concerns(r, l.v.past.recall(e, r)) {
			continue
		}
		on, err := l.caseOf(e, r, role, e.Person)
		if err != nil {
			return err
		}
		on.Fraud = fraudOf(suspicions(e, campaign.ID, role, self))
		if countsAlready(e, role, on) {
			continue
		}
		verdict := rule.Judge(r, on)
		if verdict.Counts && role == model.AsCustomer {
			l.advance(e.Person, r.ID, role, 1, 0)
		}
		friend := e.Person
		if role == model.AsCustomer {
			friend = 0
		}
		l.expect(e, r, role, e.Person, friend, campaign, verdict)
	}
	return nil
}

func (l *life) caseOf(e *model.Event, r *model.Rule, role model.Role, recipient model.PersonID) (rule.Case, error) {
	settings, err := l.v.past.settingsAt(e.Version)
	if err != nil {
		return rule.Case{}, err
	}
	on := rule.Case{
		Role: role, Amount: e.Amount, Currency: e.Currency, AccountCurrency: settings.Currency,
		NewCustomer: e.Facts.NewCustomer != nil && *e.Facts.NewCustomer,
	}
	for _, id := range l.joined[recipient] {
		p := l.reached[progressKey{id, r.ID, role}]
		on.Friends += p.Friends
		on.Places += p.Places
	}
	return on, nil
}

func (l *life) advance(person model.PersonID, id model.RuleID, role model.Role, friends, places int64) {
	key := progressKey{person, id, role}
	p := l.reached[key]
	p.Person, p.Rule, p.Role = person, id, role
	p.Friends += friends
	p.Places += places
	l.reached[key] = p
}

// earnedOwn repeats the account's earning rules, which see the events of who
// takes part in loyalty and is not blocked: all that may repeat, and the first of the others.
func (l *life) earnedOwn(e *model.Event) error {
	settings, err := l.v.past.settingsAt(e.Version)
	if err != nil {
		return err
	}
	in := l.loyalty[e.Person] == model.LoyaltyIn && len(settings.Earning) > 0 && len(suspicions(e, 0, model.AsEarner, false)) == 0
	repeats := e.Kind == model.Purchase || e.Kind == model.Custom || e.Kind == model.PageReached
	if own := e.Facts.Own; own && !in || !own && in && repeats {
		l.v.report.differ("event", e.ID, "seen by the earning rules", own, in)
	}
	if !e.Facts.Own {
		return nil
	}
	for i := range settings.Earning {
		earning := &settings.Earning[i]
		r := earningRule(earning)
		if !rule.Concerns(r, l.v.past.recall(e, r)) {
			continue
		}
		amount, err := earned(earning, e, settings.Currency)
		if err != nil {
			return err
		}
		if amount == 0 {
			continue
		}
		r.Auto = true
		r.Value = model.Value{Type: model.LedgerValue, Amount: amount, Unit: earning.Currency}
		l.expect(e, r, model.AsEarner, e.Person, 0, &model.Campaign{Version: settings.Version}, rule.Verdict{Row: true, State: model.Earned})
	}
	return nil
}
