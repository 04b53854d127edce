package engine

import (
	"strings"
	"testing"

	"grapevine/model"
	"grapevine/store"
)

// What is kept of thousands of people takes little memory, whatever they say.
func TestLargeViewsAreNotKept(t *testing.T) {
	e, cfg := &Engine{}, &Config{}
	e.viewed.limit = 10
	big := strings.Repeat("a", mostRecalled)
	for i, c := range []struct {
		view ParticipantView
		kept bool
	}{
		{ParticipantView{}, true},
		{ParticipantView{Extra: []byte(big)}, true},
		{ParticipantView{Extra: []byte(big + "a")}, false},
		{ParticipantView{Card: &model.Card{Vars: [3]string{big, "a"}}}, false},
		{ParticipantView{Card: &model.Card{Groups: []string{big, "a"}}}, false},
		{ParticipantView{Card: &model.Card{Extra: map[string]string{"a": big}}}, false},
		{ParticipantView{Card: &model.Card{Answers: []model.Answer{{Text: big}, {Text: "a"}}}}, false},
	} {
		v := &c.view
		v.ID, v.read.version = model.ParticipantID(i+1), store.Version{Turns: 1}
		e.remember(cfg, v, Relations{BroughtBy: true}, 0)
		if _, kept := e.viewed.get(viewedKey{cfg.ID, v.ID}); kept != c.kept {
			t.Errorf("view %d: kept %v, want %v", i, kept, c.kept)
		}
	}
}
