package engine

import (
	"context"
	"slices"
	"strings"
	"text/template"

	"grapevine/model"
)

// ShareMessage is what a campaign proposes to say with a link.
func ShareMessage(c *model.Campaign, link string) (subject, text string) {
	return fillIn(c.Share.Subject, link), fillIn(c.Share.Text, link)
}

// fillIn writes a template of the project file. One that names what there is
// not stays as it was written: whoever reads it sees what is wrong.
func fillIn(text, link string) string {
	if !strings.Contains(text, "{{") {
		return text
	}
	t, err := template.New("").Option("missingkey=zero").Parse(text)
	if err != nil {
		return text
	}
	var b strings.Builder
	if err := t.Execute(&b, map[string]string{"Link": link}); err != nil {
		return text
	}
	return b.String()
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
	s.Subject, s.Text = ShareMessage(l.campaign, s.URL)
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
