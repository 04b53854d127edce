package app

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-message/mail"

	"grapevine/model"
)

const worded = `
account: Acme
slug: acme
site: https://shop.example.com
currency: EUR
email:
  from: Acme Shop <hello@shop.example.com>
  wording:
    reward: {subject: "Für {{.Name}}", text: "{{.Reward}} & mehr: {{.Coupon}}"}
campaigns:
  - {name: Evergreen, id: 11, status: launched, lang: de, share: {subject: "Schau mal", text: "{{.Sender}} empfiehlt {{.Account}}: {{.Link}}"}}
  - {name: Spring, id: 12, status: draft}
`

// preview prints a mail and returns it.
func preview(t *testing.T, c Config, v Preview) string {
	t.Helper()
	v.PublicURL = "https://grapevine.example"
	var out bytes.Buffer
	if err := PreviewMail(t.Context(), c, v, nil, &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestMailIsSeenBeforeItIsSent(t *testing.T) {
	t.Parallel()
	c := place(t)
	applyText(t, c, worded)
	for name, want := range map[Preview][]string{
		{Kind: "share"}: {"Subject: Schau mal\n", `From: "Ann Advocate via Acme Shop" <hello@shop.example.com>`, "To: bea@example.com\n",
			"\n\nAnn Advocate empfiehlt Acme: https://grapevine.example/mail/click/", "No more mail like this: https://grapevine.example/mail/unsubscribe/"},
		{Kind: "share", Message: "Für dich!"}:           {"\n\nFür dich!\n"},
		{Kind: "share", As: "html"}:                     {`<html lang="de">`, `href="https://grapevine.example/mail/click/`, "Have a look</a>"},
		{Kind: "reward"}:                                {"Subject: Für Bea\n", "10 EUR & mehr: THANKS-10\n"},
		{Kind: "reward", As: "html"}:                    {"10 EUR &amp; mehr"},
		{Kind: "invitation", Campaign: "Spring"}:        {"Subject: You are invited to Spring\n", "Hello Bea,"},
		{Kind: "notify", Campaign: "12"}:                {"You get this because somebody signed you up for Spring."},
		{Kind: "confirmation"}:                          {"https://grapevine.example/confirm/"},
		{Kind: "rejection"}:                             {"thank you for your interest in Evergreen"},
		{Kind: "friend_invitation", Message: "Come in"}: {"Come in\n\nAnn Advocate invites you to Evergreen."},
		{Kind: "reminder"}:                              {"A few days ago Ann Advocate sent you something from Acme."},
	} {
		got := preview(t, c, name)
		for _, text := range want {
			if !strings.Contains(got, text) {
				t.Errorf("%+v lacks %q:\n%s", name, text, got)
			}
		}
		if strings.Contains(got, "{{") {
			t.Errorf("%+v: something is not filled in:\n%s", name, got)
		}
	}
	if got := preview(t, c, Preview{Kind: "confirmation"}); strings.Contains(got, "unsubscribe") {
		t.Errorf("nobody orders off what they asked for:\n%s", got)
	}
}

// Every kind is worded as the account says, with all that it may say.
func TestEveryKindOfMailIsWordedByTheAccount(t *testing.T) {
	t.Parallel()
	c := place(t)
	const text = "{{.Account}}/{{.Campaign}}/{{.Name}}/{{.Sender}}/{{.Message}}/{{.Reward}}/{{.Coupon}}/{{.Invitation}}/{{.Position}}/{{.Referrals}}/{{.Var1}}/{{.Link}}/{{.Other}}"
	words := ""
	for _, kind := range model.MailKinds {
		words += fmt.Sprintf("    %s: {subject: \"%s for {{.Name}}\", text: %q}\n", kind, kind, text)
	}
	applyText(t, c, "account: Acme\nsite: https://shop.example.com\nkeys: {prefinery: {decoder_key: hush}}\nemail:\n  wording:\n"+words+
		"campaigns: [{name: Evergreen, id: 11, status: launched}]\n")
	const (
		click   = "https://grapevine.example/mail/click/"
		friend  = "Acme/Evergreen/Bea/Ann Advocate/Hi!/"
		asked   = "Acme/Evergreen/Bea/A friend/"
		nothing = "/{{.Other}}" // where there is no link
		code    = "4e2067b653"  // SHA-1 of hushbea@example.com
		nobody  = "////"        // how who takes no part stands
		stands  = "/7/3/one/"
	)
	for _, kind := range model.MailKinds {
		want := map[model.MailKind]string{
			model.ShareMail:            friend + "//" + nobody + click,
			model.ReminderMail:         friend + "//" + nobody + click,
			model.NotifyMail:           asked + "///" + stands + click,
			model.ConfirmationMail:     asked + "///" + stands + "https://grapevine.example/confirm/",
			model.InvitationMail:       asked + "///" + code + stands + click,
			model.FriendInvitationMail: friend + "//" + code + stands + click,
			model.RejectionMail:        asked + "///" + stands + nothing,
			model.RewardMail:           asked + "/10 USD/THANKS-10/" + stands + nothing,
			model.StockMail:            asked + "85 percent of the codes of a batch are used: 15 of 100 are left.///" + nobody + nothing,
		}[kind]
		got := preview(t, c, Preview{Kind: string(kind), Message: "Hi!"})
		if !strings.Contains(got, "Subject: "+string(kind)+" for Bea\n") || want == "" || !strings.Contains(got, want) {
			t.Errorf("%s: want %q in\n%s", kind, want, got)
		}
	}
}

func TestPreviewIsAMailThatProgramsOpen(t *testing.T) {
	t.Parallel()
	c := place(t)
	applyText(t, c, worded)
	r, err := mail.CreateReader(strings.NewReader(preview(t, c, Preview{Kind: "share", As: "eml"})))
	if err != nil {
		t.Fatal(err)
	}
	if r.Header.Get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" {
		t.Errorf("%v", r.Header)
	}
	for _, want := range []string{"text/plain", "text/html"} {
		part, err := r.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		if kind, _, _ := part.Header.(*mail.InlineHeader).ContentType(); kind != want {
			t.Errorf("a part is %s, want %s", kind, want)
		}
	}
}

// A file that is not applied is looked at beside the database, and leaves
// nothing behind.
func TestPreviewOfAFileThatIsNotApplied(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	c := place(t)
	got := preview(t, c, Preview{Kind: "reward", File: write(t, worded)})
	if !strings.Contains(got, "Subject: Für Bea\n") {
		t.Errorf("got\n%s", got)
	}
	if _, err := os.Stat(strings.TrimPrefix(c.Database, "sqlite:")); !os.IsNotExist(err) {
		t.Errorf("the database: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "grapevine-preview-*")); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	for name, v := range map[string]Preview{
		"is called":  {Kind: "share", Campaign: "Autumn", File: write(t, worded)},
		"that kind":  {Kind: "newsletter", File: write(t, worded)},
		"no account": {Kind: "share"},
	} {
		applied := place(t)
		if v.File == "" {
			if p, err := open(t.Context(), applied, begins, ""); err != nil || p.close() != nil {
				t.Fatal(err)
			}
		}
		if err := PreviewMail(t.Context(), applied, v, nil, new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
