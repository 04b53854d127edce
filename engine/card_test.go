package engine_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/store"
)

const asking = `
account: Acme
site: https://shop.example.com
campaigns:
  - name: First
    status: launched
    questions: [{id: 31, text: How did you hear of us?}, {id: 32, text: What for?}]
`

// card is what is told of a participant.
func (s *stage) card(id model.ParticipantID) (card *model.Card) {
	s.t.Helper()
	s.view(func(tx *store.Tx) error {
		cards, err := tx.Cards([]model.ParticipantID{id})
		card = cards[id]
		return err
	})
	return card
}

func (s *stage) tells(id model.ParticipantID, c engine.CardChange) error {
	return s.core.ChangeParticipant(context.Background(), s.account, id, engine.Change{Card: &c})
}

func TestAnswersAreToQuestionsOfTheCampaign(t *testing.T) {
	onBoth(t, asking, func(t *testing.T, s *stage) {
		ann := s.begin("ann@example.com", "", "")
		pro, groups := "pro", []string{"Press", "VIP"}
		if err := s.tells(ann, engine.CardChange{
			Vars: [3]*string{&pro}, Groups: &groups, Answers: []model.Answer{{Question: 31, Text: "Email"}, {Question: 32, Text: "Work"}},
		}); err != nil {
			t.Fatal(err)
		}
		if err := s.tells(ann, engine.CardChange{Answers: []model.Answer{{Question: 31, Text: "A friend"}}}); err != nil {
			t.Fatal(err)
		}
		err := s.tells(ann, engine.CardChange{Answers: []model.Answer{{Question: 33, Text: "Ann's"}}})
		fails(t, err, model.Invalid, "")
		want := &model.Card{
			Vars: [3]string{"pro"}, Groups: groups, Answers: []model.Answer{{Question: 31, Text: "A friend"}, {Question: 32, Text: "Work"}},
		}
		if diff := cmp.Diff(want, s.card(ann)); diff != "" {
			t.Error(diff)
		}
		s.erase(engine.Whom{Email: "ann@example.com"})
		s.run()
		if left := s.card(ann); left != nil {
			t.Errorf("erasing left %+v", left)
		}
	})
}
