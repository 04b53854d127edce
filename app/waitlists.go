package app

import (
	"context"
	"fmt"
	"time"

	"grapevine/engine"
)

// ranks lets waitlists follow what happens.
func (p *program) ranks() chore {
	collector := pacer{percent: normal}
	return chore{
		every: engine.WaitlistsEvery, atMost: 10 * engine.WaitlistsEvery,
		do: func(ctx context.Context) error {
			defer func() { collector.pace(p.core.WaitlistsSize()) }()
			return p.core.KeepWaitlists(ctx)
		},
		fails: "waitlists do not follow", works: "waitlists follow again",
	}
}

// checkWaitlists fails where a waitlist of this node is behind what is promised.
func (p *program) checkWaitlists(context.Context) error {
	if behind := p.core.WaitlistsBehind(); behind > 0 {
		return fmt.Errorf("a waitlist is %s behind", behind.Round(time.Second))
	}
	return nil
}
