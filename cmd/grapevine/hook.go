package main

import (
	"errors"
	"time"

	"grapevine/app"
)

// hook has the commands about endpoints and what they are told.
type hook struct {
	List   listHooks  `cmd:"" help:"List the endpoints, and how much waits for each."`
	Test   testHook   `cmd:"" help:"Send an endpoint its newest message and print what comes back; nothing is recorded."`
	Log    hookLog    `cmd:"" help:"List deliveries with their attempts, newest first."`
	Replay replay     `cmd:"" help:"Send deliveries that have ended once more, with the same ids and bytes."`
	Pause  pauseHook  `cmd:"" help:"Hold back what an endpoint is told."`
	Resume resumeHook `cmd:"" help:"Let a paused endpoint hear what was held back, and all that follows."`
}

type ofAccount struct {
	database
	Account string `placeholder:"SLUG" help:"Whose endpoints; needed where there are several accounts."`
}

type listHooks struct{ ofAccount }

func (l *listHooks) Run(p *process) error {
	return app.ListHooks(p.ctx, l.config(p), l.Account, p.stdout)
}

type testHook struct {
	ofAccount
	AllowPrivateHooks bool  `help:"Let it go to a private address."`
	ID                int64 `arg:"" help:"The endpoint's number."`
}

func (h *testHook) Run(p *process) error {
	return app.TestHook(p.ctx, h.config(p), h.Account, h.ID, h.AllowPrivateHooks, p.stdout)
}

// asked are flags that say which deliveries are meant.
type asked struct {
	Endpoint int64     `placeholder:"ID" help:"Only those to this endpoint."`
	Event    string    `placeholder:"EVENT" help:"Only those that tell of this, such as friendbuy.advocateReward."`
	From     time.Time `placeholder:"TIME" help:"Only those made from then on, such as 2026-03-01T12:00:00Z."`
	To       time.Time `placeholder:"TIME" help:"Only those made until then."`
}

func (a *asked) query(size int) app.Deliveries {
	return app.Deliveries{Endpoint: a.Endpoint, Event: a.Event, From: a.From, To: a.To, Size: size}
}

type hookLog struct {
	ofAccount
	asked
	Limit  int  `default:"50" help:"How many at most (${default})."`
	Bodies bool `help:"Print what was sent, too."`
}

func (l *hookLog) Run(p *process) error {
	q := l.query(l.Limit)
	q.Bodies = l.Bodies
	return app.HookLog(p.ctx, l.config(p), l.Account, q, p.stdout)
}

type replay struct {
	ofAccount
	asked
	ID string `arg:"" optional:"" help:"The delivery's UUID; without it, all that the flags mean."`
}

// Validate keeps a forgotten id from sending again all there ever was.
func (r *replay) Validate() error {
	if r.ID == "" && r.asked == (asked{}) {
		return errors.New("name a delivery, or say by --endpoint, --event, --from and --to which are meant")
	}
	return nil
}

func (r *replay) Run(p *process) error {
	return app.Replay(p.ctx, r.config(p), r.Account, r.ID, r.query(0), p.stdout)
}

type pauseHook struct {
	ofAccount
	ID int64 `arg:"" help:"The endpoint's number."`
}

func (h *pauseHook) Run(p *process) error {
	return app.PauseHook(p.ctx, h.config(p), h.Account, h.ID, true, p.stdout)
}

type resumeHook struct{ pauseHook }

func (h *resumeHook) Run(p *process) error {
	return app.PauseHook(p.ctx, h.config(p), h.Account, h.ID, false, p.stdout)
}
