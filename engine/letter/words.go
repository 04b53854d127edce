package letter

import "grapevine/model"

// form is how we word a kind of mail, for accounts that do not.
type form struct {
	Wording
	button string
	why    string // with variables
}

var forms = map[model.MailKind]form{
	model.ShareMail: {
		Wording{"{{.Sender}} thought of you", "{{.Message}}\n\n{{.Sender}} likes {{.Account}}, and thinks that you may too. Have a look:\n\n{{.Link}}"},
		"Have a look", "{{.Sender}} asked {{.Account}} to send you this.",
	},
	model.ReminderMail: {
		Wording{"Still there for you, from {{.Account}}", "A few days ago {{.Sender}} sent you something from {{.Account}}. It is still there for you:\n\n{{.Link}}"},
		"Have a look", "{{.Sender}} asked {{.Account}} to send you this. We will not remind you again.",
	},
	model.NotifyMail: {
		Wording{"Your link for {{.Campaign}}", "Hello {{.Name}},\n\nyou take part in {{.Campaign}}. This is your own link, for everybody you would like to bring along:\n\n{{.Link}}"},
		"Open your link", "You get this because somebody signed you up for {{.Campaign}}.",
	},
	model.ConfirmationMail: {
		Wording{"Please confirm your address", "Hello {{.Name}},\n\nplease confirm that this address is yours. Then you take part in {{.Campaign}}:\n\n{{.Link}}\n\nIf you did not sign up, do nothing, and nothing happens."},
		"Confirm the address", "You get this because somebody entered this address at {{.Account}}.",
	},
	model.InvitationMail: {
		Wording{"You are invited to {{.Campaign}}", "Hello {{.Name}},\n\nit is your turn: {{.Account}} invites you to {{.Campaign}}.\n\n{{.Link}}"},
		"Come in", "You get this because you signed up for {{.Campaign}}.",
	},
	model.RejectionMail: {
		Wording{"About {{.Campaign}}", "Hello {{.Name}},\n\nthank you for your interest in {{.Campaign}}. We are sorry that there is no place for you this time."},
		"", "You get this because you signed up for {{.Campaign}}.",
	},
	model.FriendInvitationMail: {
		Wording{"{{.Sender}} invites you to {{.Campaign}}", "{{.Message}}\n\n{{.Sender}} invites you to {{.Campaign}}. You need not wait:\n\n{{.Link}}"},
		"Come in", "{{.Sender}} asked {{.Account}} to send you this.",
	},
	model.RewardMail: {
		Wording{"You have earned a reward", "Hello {{.Name}},\n\n{{.Account}} has something for you: {{.Reward}}\n\nYour code: {{.Coupon}}"},
		"", "You get this because you take part in {{.Campaign}}.",
	},
	model.StockMail: {
		Wording{"{{.Account}}: coupons run low", "{{.Message}}\n\nWho earns one when none is left waits until codes are added."},
		"", "You get this because the settings of {{.Account}} name this address for it.",
	},
}

// Default is how we word a kind of mail.
func Default(kind model.MailKind) Wording { return forms[kind].Wording }

// FrameOf is what stands around a kind of mail.
func FrameOf(kind model.MailKind, lang string, fill Filling) Frame {
	f := forms[kind]
	values := fill.values()
	why := variable.ReplaceAllStringFunc(f.why, func(found string) string {
		return values.of(variable.FindStringSubmatch(found)[1], found)
	})
	return Frame{Lang: lang, Button: f.button, Why: why}
}
