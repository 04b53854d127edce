package letter

import (
	"strings"
	"testing"

	"grapevine/model"
)

const link = "https://go.example.com/mail/click/abc"

func TestLettersSayWhatTheyAreTold(t *testing.T) {
	t.Parallel()
	full := Filling{
		Account: "Acme & Sons", Campaign: "Spring", Name: "Bea", Sender: "Ann <b>", Message: "One\n\n\n\ntwo {{.Coupon}}", Reward: "10 USD", Coupon: "TEN", Invitation: "c0de", Link: link,
	}
	for name, c := range map[string]struct {
		wording Wording
		fill    Filling
		subject string
		text    string
		html    []string
	}{
		"names are filled in": {Wording{"{{.Name}}: {{ .Reward }}", "{{.Coupon}} {{Account}} {{.Invitation}} {{.Link}}"}, full,
			"Bea: 10 USD", "TEN Acme & Sons c0de " + link, []string{"TEN Acme &amp; Sons c0de <a href=\"" + link + "\">go.example.com</a>"}},
		"how they stand is filled in": {
			Wording{"{{.Position}}", "{{.Referrals}} {{.Var1}}{{.Var3}} {{.Var4}} {{.StandingLink}}"},
			Filling{Link: link, Standing: Standing{Position: "7", Referrals: "3", StandingLink: "https://go.example.com/ann?check=1&x", Vars: [3]string{"<one>", "two"}}},
			"7", "3 <one> {{.Var4}} https://go.example.com/ann?check=1&x\n\n" + link,
			[]string{`3 &lt;one&gt; {{.Var4}} <a href="https://go.example.com/ann?check=1&amp;x">go.example.com</a>`},
		},
		"a coupon stands in the account's words": {Wording{"x", "Dein Gutschein: {{.Coupon}}\n{{.Reward}}"}, Filling{Reward: "10 EUR", Coupon: "TEN"},
			"x", "Dein Gutschein: TEN\n10 EUR", nil},
		"no words are made about no coupon": {Wording{"x", "{{.Reward}}: {{.Coupon}}\n\nDein Gutschein: {{ .Coupon }}\n\nDanke"}, Filling{Reward: "10 EUR"},
			"x", "10 EUR: \n\nDanke", nil},
		"nobody stands nowhere": {Wording{"x", "Place {{.Position}}, {{.StandingLink}}."}, Filling{}, "x", "Place , .", nil},
		"what is no name stays": {Wording{"{{.Nme}}", "{{.Price}} {{if .Name}}"}, Filling{},
			"{{.Nme}}", "{{.Price}} {{if .Name}}", []string{"{{.Price}} {{if .Name}}"}},
		"what was filled in is no name": {Wording{"x", "{{.Message}}"}, Filling{Message: "two {{.Coupon}}", Coupon: "TEN"},
			"x", "two {{.Coupon}}", []string{"two {{.Coupon}}"}},
		"markup of a stranger is text": {Wording{"x", "{{.Sender}}"}, full,
			"x", "Ann <b>\n\n" + link, []string{"Ann &lt;b&gt;"}},
		"a link that is not named comes after": {Wording{"x", "Look!"}, full,
			"x", "Look!\n\n" + link, []string{"Look!"}},
		"a link that the text has is not said twice": {Wording{"x", "At " + link}, full,
			"x", "At " + link, nil},
		"lines stay, gaps close": {Wording{"x", "a\nb\n \n\n\nc"}, Filling{},
			"x", "a\nb\n\nc", []string{"a<br>\nb</p>", "c</p>"}},
		"a subject is one line": {Wording{"a\r\nBcc: {{.Name}}", "x"}, Filling{Name: "b\nc"},
			"a Bcc: b c", "x", nil},
		"who has no name is greeted": {Wording{"{{.Sender}}", "Hello {{.Name}}"}, Filling{},
			"A friend", "Hello there", nil},
		"what stands for the link cannot be sent": {Wording{"x", "{{.Message}}"}, Filling{Message: linkMark + "!", Link: link},
			"x", "link!\n\n" + link, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := Write(c.wording, c.fill, Frame{Lang: "en", Why: "Why."})
			if err != nil {
				t.Fatal(err)
			}
			if l.Subject != c.subject {
				t.Errorf("subject %q, want %q", l.Subject, c.subject)
			}
			if text, _, _ := strings.Cut(l.Text, "\n\n-- \nWhy.\n"); text != c.text {
				t.Errorf("text %q, want %q", l.Text, c.text)
			}
			for _, want := range c.html {
				if !strings.Contains(l.HTML, want) {
					t.Errorf("HTML lacks %q:\n%s", want, l.HTML)
				}
			}
		})
	}
}

func TestEveryKindHasWordsOfOurs(t *testing.T) {
	t.Parallel()
	fill := Filling{Account: "Acme", Campaign: "Spring", Name: "Bea", Sender: "Ann", Message: "Hi", Reward: "10 USD", Coupon: "TEN", Link: link}
	for _, kind := range model.MailKinds {
		frame := FrameOf(kind, "de", fill)
		frame.Unsubscribe, frame.Pixel = "https://x.example/no", "https://x.example/p.gif"
		l, err := Write(Default(kind), fill, frame)
		if err != nil || l.Subject == "" || strings.Contains(l.Text+l.HTML+l.Subject, "{{") {
			t.Errorf("%s: %+v, %v", kind, l, err)
			continue
		}
		for _, want := range []string{`lang="de"`, frame.Unsubscribe, frame.Pixel} {
			if !strings.Contains(l.HTML, want) {
				t.Errorf("%s: HTML lacks %q", kind, want)
			}
		}
		if frame.Why == "" || !strings.Contains(l.Text, frame.Why) || !strings.Contains(l.Text, frame.Unsubscribe) {
			t.Errorf("%s: the text does not say why it came, or how to order it off:\n%s", kind, l.Text)
		}
	}
}

// Whatever strangers write is no markup, and no further header.
func FuzzLetter(f *testing.F) {
	f.Add("<script>", "a\nb", "{{.Link}}")
	f.Add(linkMark, "\x00", "javascript:alert(1)")
	f.Fuzz(func(t *testing.T, name, sender, message string) {
		l, err := Write(Default(model.ShareMail), Filling{Account: "Acme", Name: name, Sender: sender, Message: message, Link: link}, Frame{})
		if err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(l.Subject, "\r\n") {
			t.Errorf("subject %q", l.Subject)
		}
		body := l.HTML[strings.Index(l.HTML, "<body"):]
		for _, tag := range []string{"<script", "<img", "<b>", "<iframe"} {
			if strings.Contains(strings.ToLower(body), tag) {
				t.Errorf("HTML has %s:\n%s", tag, body)
			}
		}
		if n := strings.Count(body, "<a "); n != strings.Count(body, `<a href="`+link+`"`) {
			t.Errorf("a link that is not ours:\n%s", body)
		}
	})
}
