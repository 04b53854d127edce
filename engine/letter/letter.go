// Package letter writes mails: an account's wording, or ours where it has
// none, as plain text and as HTML. It is pure, and sends nothing.
package letter

import (
	"bytes"
	"cmp"
	_ "embed"
	"html"
	"html/template"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Wording is how an account words a mail: texts in which names such as
// {{.Link}} stand for what each mail fills in. What is no such name stays as
// it is written, so that whoever reads it sees what is wrong.
type Wording struct{ Subject, Text string }

// Or is w, with what it leaves empty from another.
func (w Wording) Or(other Wording) Wording {
	if strings.TrimSpace(w.Subject) == "" {
		w.Subject = other.Subject
	}
	if strings.TrimSpace(w.Text) == "" {
		w.Text = other.Text
	}
	return w
}

// Filling is what a mail fills in. Any of it may be empty.
type Filling struct {
	Account, Campaign string
	Name              string // of the recipient
	Sender            string // who asked for the mail to be sent
	Message           string // in the sender's words
	Reward, Coupon    string
	Invitation        string // code that lets the recipient in
	Link              string
	Standing
}

// Standing is how the recipient stands in the campaign.
type Standing struct {
	Position     string // on the waitlist
	Referrals    string // how many friends they brought
	StandingLink string // where they see it
	Vars         [3]string
}

// Letter is a mail as it is read.
type Letter struct{ Subject, Text, HTML string }

// Frame is what stands around the wording.
type Frame struct {
	Lang        string
	Button      string // what the link of the mail is called; "" shows none
	Why         string // says why somebody gets the mail
	Unsubscribe string // address; "" leaves it out
	Pixel       string // address; "" leaves it out
}

var variable = regexp.MustCompile(`\{\{\s*\.?([A-Za-z]+[1-3]?)\s*\}\}`)

// SaysStanding tells whether a wording says how the recipient stands.
func (w Wording) SaysStanding() bool {
	for _, found := range variable.FindAllStringSubmatch(w.Subject+w.Text, -1) {
		if _, is := (Standing{}).values()[found[1]]; is {
			return true
		}
	}
	return false
}

// Write writes a mail. A link that the text does not name comes after it, and
// a line about nothing but the coupon is left out where there is none.
func Write(w Wording, fill Filling, frame Frame) (*Letter, error) {
	if fill.Coupon == "" {
		w.Text = withoutCoupon(w.Text)
	}
	values := fill.values()
	named := false
	body := strings.TrimSpace(variable.ReplaceAllStringFunc(w.Text, func(found string) string {
		name := variable.FindStringSubmatch(found)[1]
		switch {
		case name == "Link" && fill.Link != "":
			named = true
			return linkMark
		case name == "StandingLink" && fill.StandingLink != "":
			return standingMark
		}
		return values.of(name, found)
	}))
	if fill.Link != "" && !named && !strings.Contains(body, fill.Link) {
		body = strings.TrimSpace(body + "\n\n" + linkMark)
	}
	body = blankLines.ReplaceAllString(body, "\n\n")
	subject := variable.ReplaceAllStringFunc(w.Subject, func(found string) string {
		return values.of(variable.FindStringSubmatch(found)[1], found)
	})
	plain := strings.NewReplacer(linkMark, fill.Link, standingMark, fill.StandingLink)
	l := &Letter{Subject: oneLine(subject), Text: frame.text(plain.Replace(body))}
	var page bytes.Buffer
	err := pages.Execute(&page, view{Frame: frame, Subject: l.Subject, Link: fill.Link, Paragraphs: paragraphs(body, fill), Account: fill.Account})
	l.HTML = page.String()
	return l, err
}

// Fill fills in a text that is no mail, such as one for a network. Unlike in a
// mail, which marks its links by it, a NUL in what is filled in stays: who looks
// for texts has one stand for a link.
func Fill(text string, fill Filling) string {
	if !strings.Contains(text, "{{") {
		return text
	}
	values := fill.values()
	return variable.ReplaceAllStringFunc(text, func(found string) string {
		if value, known := values[variable.FindStringSubmatch(found)[1]]; known {
			return value
		}
		return found
	})
}

func withoutCoupon(text string) string {
	lines := slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool {
		names := variable.FindAllStringSubmatch(line, -1)
		return len(names) > 0 && !slices.ContainsFunc(names, func(found []string) bool { return found[1] != "Coupon" })
	})
	return strings.Join(lines, "\n")
}

// Marks stand for links while a body is written: no text from outside has them.
const (
	linkMark     = "\x00link\x00"
	standingMark = "\x00standing\x00"
)

var blankLines = regexp.MustCompile(`\n[ \t]*\n[ \t\n]*`)

type values map[string]string

func (f Filling) values() values {
	all := f.Standing.values()
	maps.Copy(all, values{
		"Account": f.Account, "Campaign": f.Campaign, "Name": cmp.Or(f.Name, "there"), "Sender": cmp.Or(f.Sender, "A friend"), "Message": f.Message,
		"Reward": f.Reward, "Coupon": f.Coupon, "Invitation": f.Invitation, "Link": f.Link,
	})
	return all
}

func (s Standing) values() values {
	return values{
		"Position": s.Position, "Referrals": s.Referrals, "StandingLink": s.StandingLink, "Var1": s.Vars[0], "Var2": s.Vars[1], "Var3": s.Vars[2],
	}
}

func (v values) of(name, otherwise string) string {
	if value, known := v[name]; known {
		return strings.ReplaceAll(value, "\x00", "")
	}
	return otherwise
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// text is the plain part of a mail.
func (f Frame) text(body string) string {
	var b strings.Builder
	b.WriteString(body + "\n\n-- \n" + f.Why + "\n")
	if f.Unsubscribe != "" {
		b.WriteString("No more mail like this: " + f.Unsubscribe + "\n")
	}
	return b.String()
}

//go:embed letter.html
var pageHTML string

var pages = template.Must(template.New("letter").Parse(pageHTML))

type view struct {
	Frame
	Subject, Link, Account string
	Paragraphs             []template.HTML
}

// paragraphs are what a body says, as HTML. The link alone in one is left to
// the button.
func paragraphs(body string, fill Filling) []template.HTML {
	var list []template.HTML
	links := strings.NewReplacer(linkMark, anchor(fill.Link), standingMark, anchor(fill.StandingLink))
	for _, text := range strings.Split(body, "\n\n") {
		if text = strings.TrimSpace(text); text == "" || text == linkMark {
			continue
		}
		escaped := strings.ReplaceAll(html.EscapeString(text), "\n", "<br>\n")
		list = append(list, template.HTML(links.Replace(escaped)))
	}
	return list
}

func anchor(link string) string {
	return `<a href="` + html.EscapeString(link) + `">` + html.EscapeString(short(link)) + `</a>`
}

// short is a link as people read it.
func short(link string) string {
	_, rest, found := strings.Cut(link, "://")
	if !found {
		return link
	}
	host, _, _ := strings.Cut(rest, "/")
	return host
}
