package engine

import (
	"context"
	"slices"

	"grapevine/engine/letter"
	"grapevine/model"
)

// ShareMessage is what a campaign proposes to say with a link, in the names
// that stand in its mails.
func ShareMessage(account string, c *model.Campaign, link string) (subject, text string) {
	fill := letter.Filling{Account: account, Campaign: c.Name, Link: link}
	return letter.Fill(c.Share.Subject, fill), letter.Fill(c.Share.Text, fill)
}

// Shareable is a link on its way to a network.
type Shareable struct {
	URL           string
	Subject, Text string // as the campaign proposes
}

// ShareTo records that the owner of a code takes their link to a network, and
// says what is shared there; with counted false it only says so. Fails with
// NotFound where nobody has the code, its campaign is not live, or offers no
// such network.
func (e *Engine) ShareTo(ctx context.Context, code, network string, who Who, counted bool) (*Shareable, error) {
	l, err := e.linkByCode(ctx, model.FoldCode(code))
	if err != nil {
		return nil, err
	}
	if !l.campaign.Live(e.now()) || l.Participant == 0 || !slices.Contains(l.campaign.Channels, network) {
		return nil, &model.Error{Kind: model.NotFound, Reason: model.CodeUnknown, Field: "code", Msg: "there is nothing to share"}
	}
	if counted {
		if _, err := e.RecordShare(ctx, l.account, Share{Who: who, Code: l.Shown, Channel: network}); err != nil {
			return nil, err
		}
	}
	s := &Shareable{URL: e.linkTo(l.cfg, l.Shown)}
	s.Subject, s.Text = ShareMessage(l.cfg.Settings.Name, l.campaign, s.URL)
	return s, nil
}

// LinkOf is the address of a code, wherever it is. Fails with NotFound.
func (e *Engine) LinkOf(ctx context.Context, code string) (string, error) {
	l, err := e.linkByCode(ctx, model.FoldCode(code))
	if err != nil {
		return "", err
	}
	return e.linkTo(l.cfg, l.Shown), nil
}

// LinkBase is what stands before the codes in an account's links.
func (e *Engine) LinkBase(ctx context.Context, account model.AccountID) (string, error) {
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return "", err
	}
	return e.linkTo(cfg, ""), nil
}
