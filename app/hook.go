package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"grapevine/deliver"
	"grapevine/engine"
	"grapevine/model"
)

// ListHooks prints the endpoints of an account, and how much waits for each.
// Like all commands about hooks it takes slug "" where there is one account.
func ListHooks(ctx context.Context, c Config, slug string, out io.Writer) error {
	return reading(ctx, c, func(ctx context.Context, p *program) error {
		account, err := p.account(ctx, slug)
		if err != nil {
			return err
		}
		hooks, err := p.core.Hooks(ctx, account)
		for _, h := range hooks {
			state := "listens"
			switch {
			case h.Paused:
				state = "paused"
			case h.Circuit.Open():
				state = fmt.Sprintf("fails: %d tries in a row, the next after %s", h.Circuit.Failures, shownAt(h.Circuit.ProbeAt))
			}
			fmt.Fprintf(out, "%d\t%s\t%d waiting\t%s.%s\t%s\n", h.ID, state, h.Waiting, h.Dialect, h.Event, h.URL)
		}
		return err
	})
}

// PauseHook holds back what an endpoint is told; paused false lets it go.
func PauseHook(ctx context.Context, c Config, slug string, id int64, paused bool, out io.Writer) error {
	return writing(ctx, c, writes, func(ctx context.Context, p *program) error {
		account, err := p.account(ctx, slug)
		if err != nil {
			return err
		}
		change, state := p.core.ResumeEndpoint, "listens"
		if paused {
			change, state = p.core.PauseEndpoint, "is paused"
		}
		if err := change(ctx, account, model.EndpointID(id)); err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "endpoint %d %s\n", id, state)
		return err
	})
}

// ErrNotAccepted says that an endpoint did not accept a test, as was printed.
var ErrNotAccepted = errors.New("the endpoint did not accept it")

// TestHook sends an endpoint its newest message, or an empty one, and prints
// what was sent and what came back. The delivery log knows nothing of it. It
// fails with ErrNotAccepted where a real delivery would not have arrived.
func TestHook(ctx context.Context, c Config, slug string, id int64, allowPrivate bool, out io.Writer) error {
	return reading(ctx, c, func(ctx context.Context, p *program) error {
		account, err := p.account(ctx, slug)
		if err != nil {
			return err
		}
		s, err := p.core.HookSample(ctx, account, model.EndpointID(id))
		if err != nil {
			return err
		}
		renderer, ok := renderers(ServeConfig{})[s.Endpoint.Dialect]
		if !ok {
			return fmt.Errorf("nobody writes for %s", s.Endpoint.Dialect)
		}
		header, got, verdict := deliver.Try(ctx, deliver.NewClient(allowPrivate), renderer, s, p.now)
		fmt.Fprintf(out, "POST %s\n", s.Endpoint.URL)
		for _, name := range slices.Sorted(maps.Keys(header)) {
			fmt.Fprintf(out, "%s: %s\n", name, header.Get(name))
		}
		answer := map[model.Verdict]string{
			model.Accepted: "accepted", model.Refused: "refused", model.ReceiverGone: "gone, and a real delivery would end the endpoint",
		}[verdict]
		if answer == "" {
			answer = "not accepted, and a real delivery would be tried again"
		}
		if got.Error != "" {
			answer += ": " + got.Error
		}
		_, err = fmt.Fprintf(out, "\n%s\n\nstatus %d after %v, %s\n%s\n", s.Delivery.Body, got.Status, got.Took, answer, got.Excerpt)
		if err == nil && verdict != model.Accepted {
			err = ErrNotAccepted
		}
		return err
	})
}

// Deliveries says which are meant.
type Deliveries struct {
	Endpoint int64     // 0: to any
	Event    string    // of what is told, as the project file says it or by the dialect's name alone; "" is any
	From, To time.Time // when they were made; a zero To is now
	Size     int       // how many at most
	Bodies   bool      // show the requests, too
}

func (d Deliveries) query(p *program) engine.LogQuery {
	q := engine.LogQuery{Endpoint: model.EndpointID(d.Endpoint), Event: d.Event, From: d.From, To: d.To, Size: d.Size}
	if q.To.IsZero() {
		q.To = p.now()
	}
	return q
}

// HookLog prints deliveries with their attempts, newest first.
func HookLog(ctx context.Context, c Config, slug string, which Deliveries, out io.Writer) error {
	return reading(ctx, c, func(ctx context.Context, p *program) error {
		account, err := p.account(ctx, slug)
		if err != nil {
			return err
		}
		log, err := p.core.DeliveryLog(ctx, account, which.query(p))
		for _, d := range log {
			fmt.Fprintf(out, "%s\t%s\t%s\t%s.%s\tendpoint %d\t%d items\n", d.UUID, shownAt(d.At), d.State, d.To.Dialect, d.To.Event, d.To.ID, d.Items)
			if which.Bodies {
				fmt.Fprintf(out, "  POST %s\n  %s\n", d.To.URL, d.Body)
			}
			for _, a := range d.Attempts {
				fmt.Fprintf(out, "  %d\t%s\t%d\t%v\t%s\t%q\n", a.Number, shownAt(a.At), a.Status, a.Took, a.Error, a.Excerpt)
			}
		}
		return err
	})
}

// Replay sends one delivery that has ended once more, or, without its UUID, all
// that a query asks for.
func Replay(ctx context.Context, c Config, slug, uuid string, which Deliveries, out io.Writer) error {
	return writing(ctx, c, writes, func(ctx context.Context, p *program) error {
		account, err := p.account(ctx, slug)
		if err != nil {
			return err
		}
		n := 1
		if uuid != "" {
			err = p.core.Replay(ctx, account, uuid)
		} else {
			n, err = p.core.ReplayAll(ctx, account, which.query(p))
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%d to be sent again\n", n)
		return err
	})
}

// reading runs a command that only reads.
func reading(ctx context.Context, c Config, command func(context.Context, *program) error) error {
	p, err := open(ctx, c, reads, "")
	if err != nil {
		return err
	}
	return errors.Join(command(ctx, p), p.close())
}

func shownAt(t time.Time) string { return t.UTC().Format(time.RFC3339) }
