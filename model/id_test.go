package model_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"grapevine/model"
)

func TestIDsRiseWhateverTheClockDoes(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	now := model.Epoch.Add(1000 * time.Hour)
	maker := model.NewMaker(func() time.Time { return now }, 7, 0, model.Milli(now)+1_000_000)
	last := int64(0)
	for range 100_000 {
		if chance.IntN(50) == 0 {
			now = now.Add(time.Duration(chance.IntN(21)-10) * time.Millisecond)
		}
		id, err := maker.Next()
		if err != nil {
			t.Fatal(err)
		}
		if id <= last {
			t.Fatalf("id %d follows %d", id, last)
		}
		if id>>53 != 0 {
			t.Fatalf("id %d has more than 53 bits", id)
		}
		last = id
	}
}

func TestIDsStayBetweenAfterAndMark(t *testing.T) {
	now := model.Epoch.Add(time.Hour)
	start := model.Milli(now)
	maker := model.NewMaker(func() time.Time { return now }, 3, start+10, start+12)
	given := 0
	for {
		id, err := maker.Next()
		if err != nil {
			break
		}
		if milli := id >> 13; milli != start+11 {
			t.Fatalf("id of millisecond %d, want %d", milli, start+11)
		}
		given++
	}
	if given != 256 {
		t.Errorf("%d ids in a millisecond, want 256", given)
	}

	now = now.Add(time.Hour)
	if _, err := maker.Next(); err == nil {
		t.Error("an id beyond the mark was given")
	}
	if got := maker.Reached(); got != start+11 {
		t.Errorf("reached %d after a refusal, want %d", got, start+11)
	}
	maker.Extend(start + 2*time.Hour.Milliseconds())
	if _, err := maker.Next(); err != nil {
		t.Errorf("after the mark was moved: %v", err)
	}
	reached := maker.Stop()
	maker.Extend(start + 3*time.Hour.Milliseconds())
	if id, err := maker.Next(); err == nil {
		t.Errorf("id %d was given after Stop", id)
	}
	if want := start + time.Hour.Milliseconds(); reached != want {
		t.Errorf("stopped at %d, want %d", reached, want)
	}
}
