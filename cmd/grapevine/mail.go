package main

import "grapevine/app"

// mail has the commands about mail.
type mail struct {
	Preview previewMail `cmd:"" help:"Print a mail as it would be sent, with made-up names."`
}

type previewMail struct {
	database
	Account   string `placeholder:"SLUG" help:"Whose mail; needed where there are several accounts."`
	File      string `short:"f" placeholder:"FILE" help:"Take the wording from a project file that is not applied yet; - is stdin."`
	Campaign  string `placeholder:"ID|NAME" help:"The campaign that the mail is about, by number or name; the one of the lowest number."`
	Message   string `placeholder:"TEXT" help:"What somebody writes who shares."`
	PublicURL string `name:"public-url" default:"https://grapevine.example.com" placeholder:"URL" help:"Where the links of the mail lead (${default})."`
	As        string `enum:"text,html,eml" default:"text" placeholder:"text|html|eml" help:"Which part of it, or all of it as a file that mail programs open (${default})."`
	Kind      string `arg:"" enum:"share,reminder,notify,confirmation,invitation,rejection,friend_invitation,reward,stock" help:"share, reminder, notify, confirmation, invitation, rejection, friend_invitation, reward or stock."`
}

func (m *previewMail) Run(p *process) error {
	return app.PreviewMail(p.ctx, m.config(p), app.Preview{
		File: m.File, Account: m.Account, Campaign: m.Campaign, Kind: m.Kind, Message: m.Message, As: m.As, PublicURL: m.PublicURL,
	}, p.stdin, p.stdout)
}
