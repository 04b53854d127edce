// Command grapevine is the server and its tools. It turns flags into a call of
// app; what a command does is said there.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/lmittmann/tint"
	"github.com/mattn/go-isatty"

	"grapevine/app"
	walk "grapevine/app/demo"
)

// commands is the command line. Each flag is also a variable: GRAPEVINE_ and
// its name in upper case.
type commands struct {
	Serve   serve   `cmd:"" help:"Run the server."`
	Apply   apply   `cmd:"" help:"Make the database say what a project file says."`
	Verify  verify  `cmd:"" help:"Recompute every figure from the events and print what differs."`
	Reward  reward  `cmd:"" help:"Change one reward."`
	Import  imports `cmd:"" help:"Bring in people from elsewhere."`
	Export  export  `cmd:"" help:"Write what an account has, as a table or as JSON lines."`
	Hook    hook    `cmd:"" help:"See and steer what merchants are told."`
	Mail    mail    `cmd:"" help:"See what mails say."`
	Unblock unblock `cmd:"" help:"Let an address call again that a rate limit has blocked."`
	Demo    demo    `cmd:"" help:"Walk one referral through a server of its own, and stay up to try."`
	Version version `cmd:"" help:"Print the version."`
}

// process is what commands take from the process they run in.
type process struct {
	ctx    context.Context
	stdin  io.Reader
	stdout io.Writer
	stderr *os.File
}

// log makes the log, on stderr: stdout belongs to what commands answer.
func (p *process) log(format string) *slog.Logger {
	terminal := isatty.IsTerminal(p.stderr.Fd())
	if format == "text" || format == "" && terminal {
		return slog.New(tint.NewTextHandler(p.stderr, &tint.Options{NoColor: !terminal, TimeFormat: time.TimeOnly}))
	}
	return slog.New(slog.NewJSONHandler(p.stderr, &slog.HandlerOptions{ReplaceAttr: withUnit}))
}

// withUnit writes a duration as the text log does, and not as a bare number.
func withUnit(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// database is what every command needs that works on one.
type database struct {
	Database   string `default:"sqlite:grapevine.db" placeholder:"sqlite:FILE|postgres://…" help:"The database (${default})."`
	SecretFile string `placeholder:"FILE" help:"What seals the keys in the database; FILE.secret beside an SQLite database."`
	Log        string `enum:"json,text," default:"" placeholder:"json|text" help:"How to log; text on a terminal, json elsewhere."`
}

func (d *database) config(p *process) app.Config {
	return app.Config{Database: d.Database, SecretFile: d.SecretFile, Log: p.log(d.Log)}
}

type serve struct {
	database
	Listen            string         `default:":8080" placeholder:"HOST:PORT" help:"Where to listen (${default})."`
	PublicURL         string         `name:"public-url" placeholder:"URL" help:"Where visitors reach the server; the address it listens on."`
	TLSCert           string         `name:"tls-cert" placeholder:"FILE" and:"tls" help:"Serve HTTPS with this certificate."`
	TLSKey            string         `name:"tls-key" placeholder:"FILE" and:"tls" help:"The certificate's key."`
	TrustProxy        []netip.Prefix `placeholder:"CIDR" help:"Proxies whose X-Forwarded-… headers are believed."`
	SMTP              string         `name:"smtp" placeholder:"smtp[s]://USER:PASSWORD@HOST:PORT" help:"The mail server that mail is handed to; without one it is written to a folder."`
	MailDir           string         `placeholder:"DIR" help:"The folder that mail is written to; FILE.mail beside an SQLite database."`
	DKIMKey           string         `name:"dkim-key" placeholder:"FILE" and:"dkim" help:"Sign mail with this private key."`
	DKIMSelector      string         `name:"dkim-selector" placeholder:"NAME" and:"dkim" help:"Where the DNS has its public half: NAME._domainkey."`
	AllowPrivateHooks bool           `help:"Let webhooks go to private addresses."`
	RateLimits        string         `enum:"documented,off" default:"documented" placeholder:"documented|off" help:"Whether callers are held to the documented number of calls (${default})."`
	WebhookRetryEvery time.Duration  `default:"15m" placeholder:"15m" help:"How long to wait before a webhook is tried again (${default})."`
	WebhookGiveUp     time.Duration  `default:"24h" placeholder:"24h" help:"How long to try a webhook (${default})."`
	ValidationGiveUp  time.Duration  `default:"72h" placeholder:"72h" help:"How long to ask whether a reward is to be given (${default})."`
}

// Validate refuses what no schedule can be made of.
func (s *serve) Validate() error {
	switch {
	case s.WebhookRetryEvery <= 0:
		return errors.New("--webhook-retry-every must be more than 0s")
	case s.WebhookGiveUp < 0:
		return errors.New("--webhook-give-up must not be less than 0s")
	case s.ValidationGiveUp < 0:
		return errors.New("--validation-give-up must not be less than 0s")
	}
	return nil
}

func (s *serve) Run(p *process) error {
	return app.Serve(p.ctx, app.ServeConfig{
		Config:            s.config(p),
		Listen:            s.Listen,
		PublicURL:         s.PublicURL,
		TLSCert:           s.TLSCert,
		TLSKey:            s.TLSKey,
		TrustProxy:        s.TrustProxy,
		SMTP:              s.SMTP,
		MailDir:           s.MailDir,
		DKIMKey:           s.DKIMKey,
		DKIMSelector:      s.DKIMSelector,
		AllowPrivateHooks: s.AllowPrivateHooks,
		RateLimits:        s.RateLimits == "documented",
		WebhookRetryEvery: s.WebhookRetryEvery,
		WebhookGiveUp:     s.WebhookGiveUp,
		ValidationGiveUp:  s.ValidationGiveUp,
		Ready:             func(url string) { fmt.Fprintf(p.stdout, "serving %s\n", url) },
	})
}

type apply struct {
	database
	File string `short:"f" required:"" placeholder:"FILE" help:"The project file; - is stdin."`
}

func (a *apply) Run(p *process) error {
	return app.Apply(p.ctx, a.config(p), a.File, p.stdin, p.stdout, p.stderr)
}

type verify struct {
	database
	Account string `placeholder:"SLUG" help:"Verify this account only."`
}

func (v *verify) Run(p *process) error {
	return app.Verify(p.ctx, v.config(p), v.Account, p.stdout)
}

// reward has a command for each change.
type reward struct {
	Approve approveReward `cmd:"" help:"Let a reward pass whatever held or refused it."`
	Reject  rejectReward  `cmd:"" help:"Refuse a reward that is pending."`
	Deliver deliverReward `cmd:"" help:"Say that a reward was handed over."`
	Revoke  revokeReward  `cmd:"" help:"Take a reward back."`
}

type rewardByID struct {
	database
	Account string `placeholder:"SLUG" help:"Whose reward it is; needed where there are several accounts."`
	ID      string `arg:"" help:"The reward's number or UUID."`
}

func (r *rewardByID) change(p *process, change app.RewardChange) error {
	return app.ChangeReward(p.ctx, r.config(p), r.Account, r.ID, change, p.stdout)
}

type (
	approveReward struct{ rewardByID }
	rejectReward  struct{ rewardByID }
	deliverReward struct{ rewardByID }
	revokeReward  struct{ rewardByID }
)

func (r *approveReward) Run(p *process) error { return r.change(p, app.Approve) }
func (r *rejectReward) Run(p *process) error  { return r.change(p, app.Reject) }
func (r *deliverReward) Run(p *process) error { return r.change(p, app.Deliver) }
func (r *revokeReward) Run(p *process) error  { return r.change(p, app.Revoke) }

// imports has a command for each thing that can be imported.
type imports struct {
	People importPeople `cmd:"" help:"Make the people of a CSV file participants of a campaign."`
}

type importPeople struct {
	database
	Account  string `placeholder:"SLUG" help:"Whose campaign it is; needed where there are several accounts."`
	Campaign int64  `required:"" placeholder:"ID" help:"The campaign's number."`
	Notify   bool   `help:"Send the mails that they would have got."`
	DryRun   bool   `help:"Check the file and change nothing."`
	File     string `arg:"" help:"A CSV file with a header."`
}

func (i *importPeople) Run(p *process) error {
	c := app.ImportConfig{
		Config: i.config(p), Account: i.Account, Campaign: i.Campaign, File: i.File, Notify: i.Notify, DryRun: i.DryRun,
	}
	if isatty.IsTerminal(p.stderr.Fd()) {
		c.Progress = p.stderr
	}
	return app.ImportPeople(p.ctx, c, p.stdout, p.stderr)
}

type export struct {
	database
	Account string `placeholder:"SLUG" help:"Whose rows; needed where there are several accounts."`
	Format  string `enum:"csv,jsonl" default:"csv" placeholder:"csv|jsonl" help:"How to write them (${default})."`
	What    string `arg:"" enum:"people,rewards,events,retention" help:"people, rewards, events, or retention: how many checked in, by day."`
}

func (e *export) Run(p *process) error {
	return app.Export(p.ctx, e.config(p), e.Account, e.What, app.ExportFormat(e.Format), p.stdout)
}

type unblock struct {
	database
	Account string `placeholder:"SLUG" help:"Only for calls of this account."`
	Address string `arg:"" help:"The IP address."`
}

func (u *unblock) Run(p *process) error {
	return app.Unblock(p.ctx, u.config(p), u.Account, u.Address, p.stdout)
}

type demo struct {
	Once bool `help:"End after the walk."`
}

func (d *demo) Run(p *process) error {
	terminal := isatty.IsTerminal(p.stderr.Fd())
	log := slog.New(tint.NewTextHandler(p.stderr, &tint.Options{Level: slog.LevelWarn, NoColor: !terminal}))
	return walk.Run(p.ctx, walk.Config{Once: d.Once, Out: p.stdout, Log: log})
}

type version struct{}

func (*version) Run(p *process) error {
	_, err := fmt.Fprintln(p.stdout, "grapevine", app.Version())
	return err
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(&process{ctx: ctx, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}, os.Args[1:]))
}

// run runs one command and returns how the process exits: 0 when all is well,
// 1 when not, 2 when what was given to it cannot be.
func run(p *process, args []string) (code int) {
	exited := -1
	parser, err := kong.New(&commands{},
		kong.Name("grapevine"),
		kong.Description("Referral and loyalty marketing that you host yourself."),
		kong.DefaultEnvars("GRAPEVINE"),
		kong.Writers(p.stdout, p.stderr),
		kong.Exit(func(code int) { exited = code }),
	)
	if err != nil {
		panic(err) // the commands above are wrong
	}
	command, err := parser.Parse(args)
	if exited >= 0 { // --help was asked for
		return exited
	}
	if err != nil {
		fmt.Fprintf(p.stderr, "grapevine: %v\n", err)
		return 2
	}
	return exitCode(p, command.Run(p))
}

// exitCode tells what went wrong, unless that was told already.
func exitCode(p *process, err error) int {
	if err == nil {
		return 0
	}
	if errors.Is(err, app.ErrDiffers) || errors.Is(err, app.ErrNotAccepted) {
		return 1
	}
	if input, ok := errors.AsType[*app.InputError](err); ok {
		fmt.Fprintln(p.stderr, input)
		return 2
	}
	fmt.Fprintf(p.stderr, "grapevine: %v\n", err)
	return 1
}
