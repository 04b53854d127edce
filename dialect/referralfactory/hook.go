package referralfactory

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"grapevine/engine"
	"grapevine/model"
)

// Renderer tells the hooks that the n8n node registers, and those of the
// project file. Safe for concurrent use.
type Renderer struct {
	api           *API
	every, giveUp time.Duration
}

// NewRenderer makes a renderer. What a hook does not take is tried again every
// so often, until it is given up so long after the first try. publicURL is the
// base of the addresses by which people share.
func NewRenderer(publicURL string, every, giveUp time.Duration) Renderer {
	return Renderer{&API{public: publicURL}, every, giveUp}
}

// Fits is one: a hook starts a workflow for each.
func (r Renderer) Fits(*model.Endpoint) int64 { return 1 }

// Timeout is how long a workflow may take to begin.
func (r Renderer) Timeout() time.Duration { return 10 * time.Second }

// Body writes what happened to a user, a reward that was issued, or a batch of
// coupons, as the calls show them.
func (r Renderer) Body(_ *model.Delivery, to *model.Endpoint, told []engine.Told, _ *engine.Config) ([]byte, error) {
	var data object
	switch t := &told[0]; {
	case t.Participant != nil && to.Event != rewardIssued:
		data = r.api.userWith(t.Participant, &query{with: map[string]bool{
			"campaign": true, "referrer": true, "rewards_due": true, "rewards_issued": true,
		}})
	case t.Reward != nil && to.Event == rewardIssued:
		data = r.issued(t.Reward)
	case t.Stock != nil:
		data = object{
			{"percent", t.Stock.Percent}, {"coupons", t.Stock.Size}, {"unused", t.Stock.Left}, {"batch", batchToJSON(t.Stock.Batch)},
		}
	default:
		return nil, fmt.Errorf("no hook is told of it as %s", to.Event)
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(object{{"event", to.Event}, {"data", data}})
	return bytes.TrimSpace(text.Bytes()), err
}

// issued is the row that a reward was added to. Of somebody who was erased
// meanwhile only the reward is left.
func (r Renderer) issued(w *engine.ToldReward) object {
	var recipient any
	row := object{{"reward_id", w.Rule}, {"status", statusOfHeld[w.State]}}
	if w.Held != nil {
		row = heldToJSON(w.Held)
	}
	if w.Owner != nil {
		recipient = r.api.userToJSON(w.Owner)
	}
	return append(row, member{"reward", rewardToJSON(w.In.Rule(w.Rule), w.In.ID)}, member{"recipient", recipient})
}

// Header says what the body is. Hooks are not signed: their addresses are the
// secret.
func (r Renderer) Header(*model.Delivery, *model.Endpoint, time.Time, func(string) string) http.Header {
	return http.Header{"Content-Type": {"application/json"}}
}

// Judge accepts every 2xx.
func (r Renderer) Judge(_ *model.Endpoint, status int) model.Verdict {
	if status >= 200 && status < 300 {
		return model.Accepted
	}
	return model.TryAgain
}

// Next keeps to the raster that the first try began.
func (r Renderer) Next(d *model.Delivery, _ *model.Endpoint, now time.Time) (time.Time, bool) {
	next := d.Since.Add((now.Sub(d.Since)/r.every + 1) * r.every)
	return next, !next.After(d.Since.Add(r.giveUp))
}
