// Package deliver runs jobs: work that a transaction left for after its
// commit. It tells merchants over HTTP, in the words of renderers that it is
// given, and hands everything else back to the engine. It knows no dialect, no
// SQL and no rule: what a message says and how often it is tried is the
// renderer's, what happened is the engine's.
package deliver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"grapevine/engine"
	"grapevine/model"
)

const (
	// poll is how often the database is asked for work that no kick told of:
	// what other processes left, and what became due.
	poll = time.Second
	// breath is the least time between two looks at what is due. It is longer
	// where a look takes long, because much is due: breaths of that time.
	breath  = 20 * time.Millisecond
	breaths = 4
	// perEndpoint is how many requests one endpoint gets at once: a slow one
	// holds up no more than that.
	perEndpoint = 8
	// outside and inside are how many jobs run at once, of those that wait for
	// other people's servers and of those that do not.
	outside = 512
	inside  = 8
)

// Config is what a Runner is made of.
type Config struct {
	Engine    *engine.Engine
	Renderers map[string]Renderer // by dialect
	// RunJob runs a job that is not about telling; it is Engine.RunJob.
	RunJob func(context.Context, model.Job) (handled bool, err error)
	Client *http.Client // see NewClient
	Mailer Mailer
	DKIM   *DKIM // nil: mail is not signed
	Now    func() time.Time
	Log    *slog.Logger
}

// Runner runs due jobs, those of different queues side by side. Any number of
// runners, in any number of processes, may share a database.
type Runner struct {
	engine    *engine.Engine
	renderers map[string]Renderer
	runJob    func(context.Context, model.Job) (bool, error)
	client    *http.Client
	mailer    Mailer
	dkim      *DKIM
	now       func() time.Time
	log       *slog.Logger

	kick    chan struct{}
	outside chan struct{} // a slot for each job that may wait for others' servers
	inside  chan struct{} // a slot for each other one
	working sync.WaitGroup

	mu    sync.Mutex
	lanes map[model.Queue]*lane
}

// lane is a queue that is worked on.
type lane struct {
	width int // most jobs that run at once
	slots chan struct{}
	done  chan struct{} // a job was, or another should be claimed

	claiming bool // a goroutine claims; guarded by Runner.mu, as all that follows
	running  int  // slots that are taken

	// Of deliveries:
	more  sync.Cond        // something is ready, or nothing will be
	idle  int              // slots in which more is waited for
	quick bool             // the receiver answers at once
	ready []engine.Sending // begun, for the slots that are free next
	ended []*engine.Ended  // made, to be recorded together
	// recording is how many of those before are being recorded.
	recording int
}

// New makes a runner.
func New(c Config) *Runner {
	return &Runner{
		engine: c.Engine, renderers: c.Renderers, runJob: c.RunJob, client: c.Client, mailer: c.Mailer, dkim: c.DKIM, now: c.Now, log: c.Log,
		kick:    make(chan struct{}, 1),
		outside: make(chan struct{}, outside),
		inside:  make(chan struct{}, inside),
		lanes:   map[model.Queue]*lane{},
	}
}

// Kick tells the runner that a transaction left a job. It never blocks.
func (r *Runner) Kick(model.AccountID) {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

// Run runs jobs until ctx ends. Then it claims no more, lets those that run
// come to their end, and returns when all have.
func (r *Runner) Run(ctx context.Context) {
	defer r.working.Wait()
	wake := time.NewTimer(0)
	defer wake.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-wake.C:
			wake.Reset(r.look(ctx))
		case <-r.kick:
			// What was just left is gathered before it is told.
			r.pause(ctx, wake)
		}
	}
}

// pause lets what follows a kick gather, then makes wake fire.
func (r *Runner) pause(ctx context.Context, wake *time.Timer) {
	gather := time.NewTimer(engine.Gather)
	defer gather.Stop()
	select {
	case <-ctx.Done():
	case <-wake.C:
	case <-gather.C:
	}
	wake.Reset(0)
}

// look starts work on what is due and returns after what time to look again.
func (r *Runner) look(ctx context.Context) time.Duration {
	began := r.now()
	due, err := r.engine.DueQueues(ctx)
	if err != nil {
		r.trouble(ctx, "look for work", err)
		return poll
	}
	for _, q := range due {
		r.start(ctx, q)
	}
	next, err := r.engine.NextJob(ctx)
	if err != nil {
		r.trouble(ctx, "look for work to come", err)
	}
	if err != nil || next.IsZero() {
		return poll
	}
	now := r.now()
	return min(poll, max(next.Sub(now), breath, breaths*now.Sub(began)))
}

// Step runs all that is due at this moment, and what comes of it, and returns
// when the next job is due; zero is never. It is Run without waiting, for one
// who drives the clock.
func (r *Runner) Step(ctx context.Context) (next time.Time, err error) {
	const rounds = 10_000
	for range rounds {
		due, err := r.engine.DueQueues(ctx)
		if err != nil {
			return time.Time{}, err
		}
		if len(due) == 0 {
			return r.engine.NextJob(ctx)
		}
		for _, q := range due {
			r.start(ctx, q)
		}
		r.working.Wait()
		if err := ctx.Err(); err != nil {
			return time.Time{}, err
		}
	}
	return time.Time{}, fmt.Errorf("work is still due after %d rounds", rounds)
}

// start works on a queue, unless that is being done.
func (r *Runner) start(ctx context.Context, q model.Queue) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.lanes[q]
	if l == nil {
		l = r.newLane(q)
		r.lanes[q] = l
	}
	if l.claiming {
		return
	}
	l.claiming = true
	work := r.work
	if q.Kind == model.JobDeliver {
		work = r.feed
	}
	r.working.Go(func() { work(ctx, q, l) })
}

func (r *Runner) newLane(q model.Queue) *lane {
	l := &lane{width: perEndpoint, slots: r.inside, done: make(chan struct{}, 1)}
	l.more.L = &r.mu
	switch q.Kind {
	case model.JobTell:
		l.width = 1 // each gathers as much as there is
	case model.JobDeliver, model.JobMail:
		l.slots = r.outside
	}
	return l
}

// work claims jobs of a queue and runs them, until it has none left.
func (r *Runner) work(ctx context.Context, q model.Queue, l *lane) {
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		l.claiming = false
		r.forget(q, l)
	}()
	for {
		n := r.reserve(ctx, l)
		if n == 0 {
			return
		}
		jobs, more := r.take(ctx, q, n)
		idle := max(0, n-len(jobs))
		r.release(q, l, idle)
		if len(jobs) > 0 {
			r.run(ctx, q, l, n-idle, jobs)
		}
		if !more {
			return
		}
	}
}

// forget drops a lane that nobody works on. The caller holds the lock.
func (r *Runner) forget(q model.Queue, l *lane) {
	if !l.claiming && l.running == 0 {
		delete(r.lanes, q)
	}
}

// reserve waits until the lane may run more jobs, and until slots are free for
// at least one. It returns for how many; 0 when ctx has ended.
func (r *Runner) reserve(ctx context.Context, l *lane) int {
	for {
		r.mu.Lock()
		room := l.width - l.running
		r.mu.Unlock()
		if room > 0 {
			return r.fill(ctx, l, room, true)
		}
		select {
		case <-l.done:
		case <-ctx.Done():
			return 0
		}
	}
}

// fill takes up to n slots. If it has to it waits for the first, in turn with
// other lanes.
func (r *Runner) fill(ctx context.Context, l *lane, n int, wait bool) int {
	taken := 0
	if wait {
		select {
		case l.slots <- struct{}{}:
			taken = 1
		case <-ctx.Done():
			return 0
		}
	}
	for free := true; free && taken < n; {
		select {
		case l.slots <- struct{}{}:
			taken++
		default:
			free = false
		}
	}
	r.mu.Lock()
	l.running += taken
	r.mu.Unlock()
	return taken
}

// release gives n slots back.
func (r *Runner) release(q model.Queue, l *lane, n int) {
	for range n {
		<-l.slots
	}
	r.mu.Lock()
	l.running -= n
	r.forget(q, l)
	r.mu.Unlock()
	l.tell()
}

// tell wakes the goroutine that claims.
func (l *lane) tell() {
	select {
	case l.done <- struct{}{}:
	default:
	}
}

// take claims up to n jobs of a queue, and says whether there may be more.
// Tells are done with here: they need no slot of their own.
func (r *Runner) take(ctx context.Context, q model.Queue, n int) (jobs []model.Job, more bool) {
	if ctx.Err() != nil {
		return nil, false
	}
	claim := context.WithoutCancel(ctx) // one whose answer is lost would hold its jobs up
	if q.Kind == model.JobTell {
		told, more, err := r.engine.GatherTells(claim, q, r.fits)
		if err != nil {
			r.trouble(ctx, "gather what is told", err, "account", q.Account, "endpoint", q.Lane)
			return nil, false
		}
		if told > 0 {
			r.start(ctx, model.Queue{Account: q.Account, Kind: model.JobDeliver, Lane: q.Lane})
		}
		return nil, more
	}
	jobs, err := r.engine.ClaimJobs(claim, q, n)
	if err != nil {
		r.trouble(ctx, "claim jobs", err, "account", q.Account, "kind", q.Kind, "lane", q.Lane)
	}
	return jobs, err == nil && len(jobs) == n
}

// run starts claimed jobs in n slots, which they give back when they are done.
func (r *Runner) run(ctx context.Context, q model.Queue, l *lane, n int, jobs []model.Job) {
	finish := context.WithoutCancel(ctx)
	if ctx.Err() != nil {
		if err := r.engine.ReturnJobs(finish, jobs); err != nil {
			r.trouble(finish, "return jobs", err, "account", q.Account, "kind", q.Kind, "lane", q.Lane)
		}
		r.release(q, l, n)
		return
	}
	each := func(do func()) {
		r.working.Go(func() {
			defer r.release(q, l, 1)
			do()
		})
	}
	switch q.Kind {
	case model.JobMail:
		postings := r.openMails(finish, q, jobs)
		r.release(q, l, len(jobs)-len(postings))
		for _, p := range postings {
			each(func() { r.mail(finish, p) })
		}
	default:
		for _, j := range jobs {
			each(func() { r.runInside(finish, j) })
		}
	}
}

// runInside runs a job of the engine's.
func (r *Runner) runInside(ctx context.Context, j model.Job) {
	handled, err := r.guarded(ctx, j)
	switch {
	case err != nil:
		r.retry(ctx, j, err)
	case !handled:
		r.settled(ctx, j, r.engine.BuryJob(ctx, j, "nobody knows this kind of job"))
	default:
		r.settled(ctx, j, r.engine.FinishJob(ctx, j))
	}
}

// guarded runs a job and turns a panic into an error.
func (r *Runner) guarded(ctx context.Context, j model.Job) (handled bool, err error) {
	defer rescue(&err)
	return r.runJob(ctx, j)
}

// rescue turns a panic into an error, deferred.
func rescue(err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
	}
}

// retry makes a job that failed in the house due again, later each time.
func (r *Runner) retry(ctx context.Context, j model.Job, cause error) {
	const most = 15 * time.Minute
	wait := most
	if j.Attempt < 10 {
		wait = min(most, time.Second<<j.Attempt)
	}
	r.trouble(ctx, "run a job", cause, "account", j.Account, "kind", j.Kind, "job", j.ID, "again_in", wait)
	r.settled(ctx, j, r.engine.RetryJob(ctx, j, r.now().Add(wait), clean(cause.Error())))
}

// settled reports trouble with the record of a job's end. A lost lease is
// none: whoever has the job records it.
func (r *Runner) settled(ctx context.Context, j model.Job, err error) {
	if errors.Is(err, engine.ErrLeaseLost) {
		r.log.InfoContext(ctx, "a job took longer than its lease", "account", j.Account, "kind", j.Kind, "job", j.ID)
	} else if err != nil {
		r.trouble(ctx, "record the end of a job", err, "account", j.Account, "kind", j.Kind, "job", j.ID)
	}
}

// trouble logs what went wrong here, but what ends with ctx.
func (r *Runner) trouble(ctx context.Context, what string, err error, about ...any) {
	if ctx.Err() == nil {
		r.log.ErrorContext(ctx, what, append(about, "err", err)...)
	}
}
