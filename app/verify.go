package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"grapevine/model"
)

// ErrDiffers says that verify found differences. Each was printed.
var ErrDiffers = errors.New("the figures differ from the events")

// Verify recomputes the figures of one account, or of all where slug is
// empty, and prints each that differs. It fails with ErrDiffers.
func Verify(ctx context.Context, c Config, slug string, out io.Writer) (err error) {
	p, err := open(ctx, c, reads, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	accounts, err := p.core.Accounts(ctx)
	if err != nil {
		return err
	}
	if len(accounts) == 0 {
		return errNoAccount
	}
	if slug != "" {
		account, err := p.core.AccountBySlug(ctx, slug)
		if err != nil {
			return err
		}
		accounts = []model.Account{*account}
	}
	differ := false
	for _, a := range accounts {
		report, err := p.core.Verify(ctx, a.ID)
		if err != nil {
			return fmt.Errorf("verify account %s: %w", a.Slug, err)
		}
		for _, d := range report.Differences {
			fmt.Fprintf(out, "%s: %s\n", a.Slug, d)
		}
		fmt.Fprintf(out, "%s: %s; %s\n", a.Slug, checked(report.Checked), differences(len(report.Differences)))
		differ = differ || len(report.Differences) > 0
	}
	if differ {
		return ErrDiffers
	}
	return nil
}

// checked says how many rows of which table were looked at.
func checked(counts map[string]int64) string {
	if len(counts) == 0 {
		return "nothing to check"
	}
	var parts []string
	for _, table := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", table, counts[table]))
	}
	return "checked " + strings.Join(parts, ", ")
}

func differences(n int) string {
	switch n {
	case 0:
		return "no difference"
	case 1:
		return "1 difference"
	}
	return fmt.Sprintf("%d differences", n)
}
