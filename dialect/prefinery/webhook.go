package prefinery

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
)

// signingSecret is the use of the key that signs webhooks.
const signingSecret = "prefinery.signing_secret"

// The documented schedule: so many retries, each after five seconds and the
// fourth power of the number of tries so far, some two days in all.
const (
	retries = 15
	pause   = 5 * time.Second
)

// Renderer tells merchants of testers, points and rewards as Prefinery does.
// Safe for concurrent use.
type Renderer struct{}

// Fits is one: each webhook is about one object.
func (Renderer) Fits(*model.Endpoint) int64 { return 1 }

// Timeout is how long a receiver may take, as documented.
func (Renderer) Timeout() time.Duration { return 15 * time.Second }

// eventJSON is what all webhooks have in common.
type eventJSON struct {
	ID        int64  `json:"id"`
	Event     string `json:"event"`
	BetaID    int64  `json:"beta_id"`
	CreatedAt stamp  `json:"created_at"`
	Data      any    `json:"data"`
}

type referralJSON struct {
	Referrer *testerJSON `json:"referrer"`
	Friend   testerJSON  `json:"friend"`
}

// leaverJSON is what is left of a tester who is no more.
type leaverJSON struct {
	ID   int64  `json:"id"`
	UUID string `json:"uuid"`
}

type toldPointJSON struct {
	ID        int64           `json:"id"`
	Quantity  money.Amount    `json:"quantity"`
	Activity  string          `json:"activity"`
	Reason    *string         `json:"reason"`
	UserID    int64           `json:"user_id"`
	CreatedAt stamp           `json:"created_at"`
	User      *rewardUserJSON `json:"user"`
}

// Body writes a webhook. Its id is the delivery's number, which stays the same
// over all tries.
func (Renderer) Body(d *model.Delivery, to *model.Endpoint, told []engine.Told, cfg *engine.Config) ([]byte, error) {
	event := eventJSON{ID: int64(d.ID), Event: to.Event, CreatedAt: stamp{d.At}}
	switch t := &told[0]; {
	case t.Participant != nil:
		p := t.Participant
		in := scope{campaign: p.Campaign.Campaign, cfg: cfg}
		event.BetaID, event.Data = int64(p.Campaign.ID), testerToJSON(p, in)
		if to.Topic == model.ReferralMade {
			referral := referralJSON{Friend: testerToJSON(p, in)}
			if p.Referrer != nil {
				referrer := testerToJSON(p.Referrer, in)
				referral.Referrer = &referrer
			}
			event.Data = referral
		}
	case t.Left != nil:
		event.BetaID, event.Data = int64(t.Left.Campaign), leaverJSON{int64(t.Left.ID), t.Left.UUID}
	case t.Reward != nil && t.Reward.In != nil:
		w := t.Reward
		event.BetaID = int64(w.In.ID)
		event.Data = rewardToJSON(&engine.RewardView{Reward: w.Reward, Of: w.In.Rule(w.Rule), Receiver: w.Owner})
	case t.Point != nil:
		event.BetaID, event.Data = int64(t.Point.Campaign), toldPointToJSON(t.Point)
	default:
		return nil, fmt.Errorf("no webhook tells of it as %s", to.Event)
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(event)
	return bytes.TrimSpace(text.Bytes()), err
}

// activities are what the documentation calls what points are for, where it
// differs from our word.
var activities = map[model.Activity]string{model.PointsForSignUp: "signup"}

func toldPointToJSON(p *engine.ToldPoint) toldPointJSON {
	activity, other := activities[p.Activity]
	if !other {
		activity = string(p.Activity)
	}
	return toldPointJSON{
		ID: int64(p.ID), Quantity: p.Quantity, Activity: activity, Reason: orNull(p.Note), UserID: int64(p.Participant), CreatedAt: stamp{p.At},
		User: userToJSON(p.Owner),
	}
}

// Header signs a webhook: the digest is of the time of this try and the body.
func (Renderer) Header(d *model.Delivery, _ *model.Endpoint, now time.Time, secret func(use string) string) http.Header {
	at := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret(signingSecret)))
	mac.Write([]byte(at + "." + d.Body))
	header := http.Header{}
	header.Set("Content-Type", "application/json")
	header.Set("X-Prefinery-Signature", "t="+at+",v1="+hex.EncodeToString(mac.Sum(nil)))
	return header
}

// Judge accepts 200 and 201. Only 429 asks for another try; 410 ends the
// endpoint.
func (Renderer) Judge(_ *model.Endpoint, status int) model.Verdict {
	switch status {
	case http.StatusOK, http.StatusCreated:
		return model.Accepted
	case http.StatusTooManyRequests:
		return model.TryAgain
	case http.StatusGone:
		return model.ReceiverGone
	}
	return model.Refused
}

// Next waits longer each time.
func (Renderer) Next(d *model.Delivery, _ *model.Endpoint, now time.Time) (time.Time, bool) {
	n := d.Tries
	return now.Add(pause + time.Duration(n*n*n*n)*time.Second), n <= retries
}
