package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/model"
	"grapevine/store"
)

// message is an open delivery of two items to endpoint 5.
func message(id model.DeliveryID) model.Delivery {
	return model.Delivery{ID: id, UUID: fmt.Sprintf("uuid %d", id), Endpoint: 5, State: model.DeliveryOpen, Items: 2, At: noon}
}

// post leaves a delivery with the items 10 and 20.
func (j *jobs) post(d model.Delivery) {
	j.t.Helper()
	j.in(account, func(tx *store.Tx) error {
		tx.InsertDeliveries([]model.Delivery{d})
		tx.InsertItems([]store.Item{{Delivery: d.ID, Subject: 20}, {Delivery: d.ID, Subject: 10}})
		return nil
	})
}

// begin begins an attempt of a delivery, as it was read, and reports whether it
// could.
func (j *jobs) begin(d model.Delivery) (ok bool) {
	j.t.Helper()
	d.Attempts++
	d.Tries++
	j.in(account, func(tx *store.Tx) error {
		began, err := tx.StartDeliveries([]model.Delivery{d})
		ok = err == nil && began[0]
		return err
	})
	return ok
}

func (j *jobs) open(fewerThan int64) (id model.DeliveryID) {
	j.t.Helper()
	j.in(account, func(tx *store.Tx) error {
		d, err := tx.OpenDelivery(5, fewerThan)
		id = d.ID
		return err
	})
	return id
}

func testJoin(t *testing.T, j *jobs) {
	d := message(1)
	j.post(d)
	j.post(message(2))
	if got := j.open(100); got != 1 {
		t.Errorf("open delivery is %d, want the oldest, 1", got)
	}
	if got := j.open(2); got != 0 {
		t.Errorf("open delivery with fewer than two items is %d, want none", got)
	}
	d.Body, d.FirstAt = "frozen", noon
	if !j.begin(d) {
		t.Fatal("the first attempt could not begin")
	}
	if got := j.open(100); got != 2 {
		t.Errorf("open delivery is %d, want 2: the first is closed", got)
	}
	d.State = model.DeliverySending
	j.in(account, func(tx *store.Tx) error {
		got, err := tx.DeliveriesByID([]model.DeliveryID{1, 9})
		if diff := cmp.Diff([]model.Delivery{d}, got); diff != "" {
			t.Errorf("deliveries (-want +got):\n%s", diff)
		}
		return err
	})
	j.in(account, func(tx *store.Tx) error {
		tx.EndDeliveries([]model.DeliveryID{1}, model.DeliveryDelivered, noon.Add(time.Second))
		return nil
	})
	if j.begin(d) {
		t.Error("a delivery that has ended began again")
	}
}

func testGrown(t *testing.T, j *jobs) {
	d := message(1)
	j.post(d)
	j.in(account, func(tx *store.Tx) error {
		tx.GrowDelivery(1, 1)
		tx.InsertItems([]store.Item{{Delivery: 1, Subject: 15}, {Delivery: 1, Subject: 10}})
		return nil
	})
	if j.begin(d) {
		t.Error("a delivery began with the body of fewer items than it has")
	}
	d.Items = 3
	if !j.begin(d) {
		t.Error("a delivery whose items are all in its body could not begin")
	}
	j.in(account, func(tx *store.Tx) error {
		items, err := tx.Items([]model.DeliveryID{1})
		want := []store.Item{{Delivery: 1, Subject: 10}, {Delivery: 1, Subject: 15}, {Delivery: 1, Subject: 20}}
		if diff := cmp.Diff(want, items); diff != "" {
			t.Errorf("items (-want +got):\n%s", diff)
		}
		return err
	})
}

func testRedacted(t *testing.T, j *jobs) {
	d := message(1)
	d.Body = "about 20"
	j.post(d)
	if !j.begin(d) {
		t.Fatal("the first attempt could not begin")
	}
	j.in(account, func(tx *store.Tx) error { return store.Redact(tx, []int64{20}) })
	read := func() (now model.Delivery) {
		t.Helper()
		j.in(account, func(tx *store.Tx) error {
			list, err := tx.DeliveriesByID([]model.DeliveryID{1})
			now = list[0]
			return err
		})
		return now
	}
	now := read()
	if now.Body != "" || now.Redacted != 1 {
		t.Errorf("got body %q, redacted %d times, want none, once", now.Body, now.Redacted)
	}
	d.State = model.DeliverySending
	if j.begin(d) {
		t.Error("a delivery began with a body from before somebody in it was erased")
	}
	now.Body = "about nobody"
	if !j.begin(now) {
		t.Error("a delivery could not begin with the body that was written anew")
	}
	if got := read().Body; got != "about nobody" {
		t.Errorf("the body is %q", got)
	}
}

// testCounted has an attempt counted, or a try taken off again, between the
// reading of a delivery and its next attempt: of one whose body stands, and of
// one whose body is written anew.
func testCounted(t *testing.T, j *jobs) {
	counted := func(tx *store.Tx, id model.DeliveryID) {
		tx.CountAttempts([]model.DeliveryID{id}, model.DeliverySending, noon, time.Time{})
	}
	takenOff := func(tx *store.Tx, id model.DeliveryID) {
		tx.Send(store.Unsent{Jobs: []model.JobID{1}, Deliveries: []model.DeliveryID{id}}, noon)
	}
	id := model.DeliveryID(0)
	for name, change := range map[string]func(*store.Tx, model.DeliveryID){"counted": counted, "taken off": takenOff} {
		for _, stands := range []bool{true, false} {
			id++
			d := message(id)
			j.post(d)
			d.Body, d.FirstAt = "frozen", noon
			if !j.begin(d) {
				t.Fatal("the first attempt could not begin")
			}
			j.in(account, func(tx *store.Tx) error {
				counted(tx, id)
				if stands {
					return nil
				}
				return store.Redact(tx, []int64{10})
			})
			var read []model.Delivery
			j.in(account, func(tx *store.Tx) (err error) {
				read, err = tx.DeliveriesByID([]model.DeliveryID{id})
				return err
			})
			d = read[0]
			d.Body = "as it will be sent"
			j.in(account, func(tx *store.Tx) error { change(tx, id); return nil })
			if j.begin(d) {
				t.Errorf("its body stands: %v; an attempt began of a delivery of which one was %s since it was read", stands, name)
			}
		}
	}
}

func testAttempts(t *testing.T, j *jobs) {
	first := model.Attempt{Delivery: 1, Number: 1, At: noon, Took: 1500 * time.Millisecond, Status: 503, Excerpt: "busy…", Error: "answered 503"}
	other := model.Attempt{Delivery: 1, Number: 2, At: noon.Add(time.Hour)}
	fresh := model.Delivery{ID: 1, UUID: "first", Endpoint: 1, State: model.DeliverySending, At: noon}
	begun := model.Delivery{ID: 2, UUID: "second", Endpoint: 1, State: model.DeliverySending, At: noon, Since: noon}
	j.in(account, func(tx *store.Tx) error {
		tx.InsertDeliveries([]model.Delivery{fresh, begun})
		tx.InsertAttempts([]model.Attempt{first, other})
		got, err := tx.Attempts(1)
		if diff := cmp.Diff([]model.Attempt{first, other}, got); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
		return err
	})
	later := noon.Add(time.Minute)
	j.in(account, func(tx *store.Tx) error {
		tx.DelaySchedules(nil)
		tx.CountAttempts([]model.DeliveryID{1, 2}, model.DeliverySending, later, time.Time{})
		tx.CountAttempts([]model.DeliveryID{1}, model.DeliveryDelivered, noon.Add(time.Hour), noon.Add(2*time.Hour))
		tx.DelaySchedules([]model.DeliveryID{2}) // too late: it had an attempt
		return nil
	})
	fresh.State, fresh.Attempts, fresh.Tries, fresh.Since, fresh.EndedAt = model.DeliveryDelivered, 2, 2, later, noon.Add(2*time.Hour)
	begun.Attempts, begun.Tries = 1, 1
	j.in(account, func(tx *store.Tx) error {
		got, err := tx.DeliveriesByID([]model.DeliveryID{1, 2})
		if diff := cmp.Diff([]model.Delivery{fresh, begun}, got); diff != "" {
			t.Errorf("deliveries (-want +got):\n%s", diff)
		}
		return err
	})
}
