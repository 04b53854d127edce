package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"grapevine/model"
)

// RewardChange is what a person does to a reward.
type RewardChange string

const (
	Approve RewardChange = "approve"
	Reject  RewardChange = "reject"
	Deliver RewardChange = "deliver"
	Revoke  RewardChange = "revoke"
)

// ChangeReward changes the reward of that id, an integer or a UUID, and prints
// its state. slug may be empty where there is one account.
func ChangeReward(ctx context.Context, c Config, slug, id string, change RewardChange, out io.Writer) error {
	return writing(ctx, c, writes, func(ctx context.Context, p *program) error {
		account, err := p.account(ctx, slug)
		if err != nil {
			return err
		}
		reward, err := p.core.RewardByID(ctx, account, id)
		if err != nil {
			return err
		}
		changes := map[RewardChange]func(context.Context, model.AccountID, model.RewardID) (*model.Reward, error){
			Approve: p.core.ApproveReward,
			Reject:  p.core.RejectReward,
			Deliver: p.core.DeliverReward,
			Revoke:  p.core.RevokeReward,
		}
		reward, err = changes[change](ctx, account, reward.ID)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "reward %d is %s\n", reward.ID, reward.State)
		return nil
	})
}

// writing runs a command that writes.
func writing(ctx context.Context, c Config, a access, command func(context.Context, *program) error) error {
	p, err := open(ctx, c, a, "")
	if err != nil {
		return err
	}
	err = p.keepNode(ctx, func(ctx context.Context) error { return command(ctx, p) })
	return errors.Join(err, p.close())
}

// account finds the account that a command is about.
func (p *program) account(ctx context.Context, slug string) (model.AccountID, error) {
	if slug != "" {
		account, err := p.core.AccountBySlug(ctx, slug)
		if err != nil {
			return 0, err
		}
		return account.ID, nil
	}
	accounts, err := p.core.Accounts(ctx)
	if err != nil {
		return 0, err
	}
	switch len(accounts) {
	case 0:
		return 0, errNoAccount
	case 1:
		return accounts[0].ID, nil
	}
	slugs := make([]string, len(accounts))
	for i, a := range accounts {
		slugs[i] = a.Slug
	}
	return 0, fmt.Errorf("the database has several accounts, name one with --account: %s", strings.Join(slugs, ", "))
}

// Version is the version of the program, and the revision it was built from.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && !strings.Contains(version, s.Value[:min(12, len(s.Value))]) {
			version += " " + s.Value
		}
	}
	return version + " " + info.GoVersion
}
