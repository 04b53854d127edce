package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"grapevine/deliver"
	"grapevine/model"
)

// Preview says which mail is to be seen.
type Preview struct {
	File      string // a project file that is not applied yet; "" is what the database says
	Account   string // slug; "" where there is one
	Campaign  string // number or name; "" is the one of the lowest number
	Kind      string
	Message   string // in a sender's words
	As        string // text, html, eml
	PublicURL string // where links of the mail lead
}

// PreviewMail prints a mail of a kind as it would be sent, with made-up names.
func PreviewMail(ctx context.Context, c Config, v Preview, in io.Reader, out io.Writer) (err error) {
	if v.PublicURL, err = publicURL(v.PublicURL, ""); err != nil {
		return err
	}
	if v.File != "" {
		dir, err := os.MkdirTemp("", "grapevine-preview-")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		c.Database, c.SecretFile, v.Account = "sqlite:"+filepath.Join(dir, "preview.db"), "", ""
		if err := Apply(ctx, c, v.File, in, io.Discard, io.Discard); err != nil {
			return err
		}
	}
	p, err := open(ctx, c, reads, v.PublicURL)
	if err != nil {
		return err
	}
	return errors.Join(p.preview(ctx, v, out), p.close())
}

func (p *program) preview(ctx context.Context, v Preview, out io.Writer) error {
	account, err := p.account(ctx, v.Account)
	if err != nil {
		return err
	}
	mail, err := p.core.PreviewMail(ctx, account, model.MailKind(v.Kind), v.Campaign, v.Message)
	if err != nil {
		return err
	}
	switch v.As {
	case "html":
		_, err = io.WriteString(out, mail.Letter.HTML)
	case "eml":
		var m *deliver.Message
		if m, err = deliver.Compose(mail, nil); err == nil {
			_, err = out.Write(m.Data)
		}
	default:
		_, err = fmt.Fprintf(out, "From: %s\nTo: %s\nSubject: %s\n\n%s", mail.From.String(), mail.To, mail.Letter.Subject, mail.Letter.Text)
	}
	return err
}
