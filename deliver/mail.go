package deliver

import (
	"context"

	"grapevine/engine"
	"grapevine/model"
)

// openMails begins an attempt of each mail. One that cannot be begun does not
// hold up the others.
func (r *Runner) openMails(ctx context.Context, q model.Queue, jobs []model.Job) []engine.Posting {
	postings, err := r.engine.StartMails(ctx, q, jobs)
	if err == nil {
		return postings
	}
	if len(jobs) == 1 {
		r.retry(ctx, jobs[0], err)
		return nil
	}
	for _, j := range jobs {
		postings = append(postings, r.openMails(ctx, q, []model.Job{j})...)
	}
	return postings
}

// mail makes one attempt of a mail and records what came of it.
func (r *Runner) mail(ctx context.Context, p engine.Posting) {
	m, err := Compose(&p, r.dkim)
	if err != nil {
		r.retry(ctx, p.Job, err)
		return
	}
	outcome, said := r.mailer.Send(ctx, m)
	state, next, err := r.engine.EndMail(ctx, &p, outcome, said)
	if err != nil {
		r.settled(ctx, p.Job, err)
		return
	}
	// What the server said names the recipient, whom the log is not to know.
	log := r.log.With("account", p.Job.Account, "mail", p.Mail, "attempt", p.Attempt)
	switch state {
	case model.MailSent:
		log.DebugContext(ctx, "mail sent")
	case model.MailWaiting:
		log.InfoContext(ctx, "mail not taken", "again_at", next)
	default:
		log.InfoContext(ctx, "mail given up", "state", state)
	}
}
