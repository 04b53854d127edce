package model_test

import (
	"slices"
	"testing"

	"grapevine/model"
)

func TestReservedWordsAreFoundInAnyCase(t *testing.T) {
	t.Parallel()
	if !slices.IsSorted(model.ReservedWords) {
		t.Error("ReservedWords is not sorted, and is searched as if it were")
	}
	for _, word := range model.ReservedWords {
		if word != model.FoldCode(word) {
			t.Errorf("%q is not folded", word)
		}
	}
	for code, want := range map[string]bool{"api": true, "API": true, "Webhook": true, "apis": false, "": false, "evergreen": false} {
		if got := model.Reserved(code); got != want {
			t.Errorf("Reserved(%q) = %v, want %v", code, got, want)
		}
	}
}
