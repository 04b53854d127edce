package prefinery

import (
	"bytes"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"grapevine/engine"
	"grapevine/engine/address"
	"grapevine/model"
	"grapevine/web"
)

// testerInput is a tester as a call sends one. All fields may be missing.
type testerInput struct {
	Email          scalar            `json:"email"`
	Status         scalar            `json:"status"`
	ReferrerID     scalar            `json:"referrer_id"`
	InvitationCode scalar            `json:"invitation_code"`
	Groups         *groups           `json:"groups"`
	Profile        map[string]scalar `json:"profile"`
	Responses      responses         `json:"responses"`
}

// restored is the status that a suspended tester is sent, to be what they were.
const restored = "unsuspended"

// extras are the fields of a profile that are kept as they are, with how many
// characters are kept of them; 0 is all. What is longer is cut and never refused.
var extras = map[string]int{
	"employer": 0, "jobtitle": 0, "address_line1": 0, "address_line2": 0, "city": 0, "state": 0, "postal_code": 0, "country": 0,
	"telephone": 0, "http_referrer": 0, "utm_source": 25, "utm_medium": 25, "utm_campaign": 25, "utm_term": 50, "utm_content": 25,
	"browser_name": 0, "browser_version": 0, "os_name": 0, "os_version": 0,
}

// describe fills in what is told of the person.
func (t *testerInput) describe(who *engine.Who) {
	who.FirstName, who.LastName = t.Profile["first_name"].trimmed(), t.Profile["last_name"].trimmed()
	who.IP, who.Agent = t.Profile["ip"].trimmed(), t.Profile["user_agent"].trimmed()
}

// card is what is told of the tester beside; nil is nothing.
func (t *testerInput) card() *engine.CardChange {
	c := engine.CardChange{Extra: map[string]*string{}, Answers: t.Responses}
	if t.Groups != nil {
		list := []string(*t.Groups)
		c.Groups = &list
	}
	for name, value := range t.Profile {
		if at := strings.Index("123", strings.TrimPrefix(name, "custom_var")); at >= 0 && len(name) == len("custom_var1") {
			text := value.text // null takes it away
			c.Vars[at] = &text
			continue
		}
		most, known := extras[name]
		switch {
		case !known:
		case value.text == "":
			c.Extra[name] = nil
		default:
			text := value.text
			if runes := []rune(text); most > 0 && len(runes) > most {
				text = string(runes[:most])
			}
			c.Extra[name] = &text
		}
	}
	if c.Vars == [3]*string{} && c.Groups == nil && len(c.Extra) == 0 && len(c.Answers) == 0 {
		return nil
	}
	return &c
}

// change is what an update asks for.
func (t *testerInput) change(v *engine.ParticipantView, in scope) (*engine.Change, error) {
	c := &engine.Change{Card: t.card(), NoBlocked: true, Invitation: t.sharedCode(v.Email, in)}
	if email := t.Email.trimmed(); t.Email.sent && model.FoldEmail(email) != model.FoldEmail(v.Email) {
		if !address.Valid(email) {
			return nil, &coded{2303, "Email is invalid"}
		}
		c.Email = &email
	}
	switch status := t.Status.trimmed(); {
	case !t.Status.sent:
	case status == restored:
		c.Restored = true
	case slices.Contains(model.States, model.State(status)):
		state := model.State(status)
		c.State = &state
	default:
		return nil, &coded{2304, "Status is invalid"}
	}
	for name, to := range map[string]**string{"first_name": &c.FirstName, "last_name": &c.LastName, "ip": &c.IP, "user_agent": &c.Agent} {
		if value, is := t.Profile[name]; is {
			text := value.trimmed() // null takes it away
			*to = &text
		}
	}
	return c, nil
}

func profileToJSON(v *engine.ParticipantView) profileJSON {
	p := profileJSON{FirstName: orNull(v.FirstName), LastName: orNull(v.LastName), IP: orNull(v.IP), UserAgent: orNull(v.Agent)}
	if v.Card == nil {
		return p
	}
	p.CustomVar1, p.CustomVar2, p.CustomVar3 = orNull(v.Card.Vars[0]), orNull(v.Card.Vars[1]), orNull(v.Card.Vars[2])
	for name, to := range map[string]**string{
		"employer": &p.Employer, "jobtitle": &p.Jobtitle, "address_line1": &p.AddressLine1, "address_line2": &p.AddressLine2,
		"city": &p.City, "state": &p.State, "postal_code": &p.PostalCode, "country": &p.Country, "telephone": &p.Telephone,
		"http_referrer": &p.HTTPReferrer, "utm_source": &p.UTMSource, "utm_medium": &p.UTMMedium, "utm_campaign": &p.UTMCampaign,
		"utm_term": &p.UTMTerm, "utm_content": &p.UTMContent, "browser_name": &p.BrowserName, "browser_version": &p.BrowserVersion,
		"os_name": &p.OSName, "os_version": &p.OSVersion,
	} {
		*to = orNull(v.Card.Extra[name])
	}
	return p
}

// InvitationCode is the code that belongs to an address: the first digits of
// a digest of the decoder key and the address.
func InvitationCode(cfg *engine.Config, email string) string {
	sum := sha1.Sum([]byte(cfg.Secret(useDecoder) + email))
	return hex.EncodeToString(sum[:5])
}

const useDecoder = "prefinery.decoder_key"

// isInvitationCode tells whether a code belongs to an address, as it was sent
// or in lower case.
func isInvitationCode(code, email string, in scope) bool {
	given := []byte(strings.ToLower(strings.TrimSpace(code)))
	asSent := subtle.ConstantTimeCompare(given, []byte(InvitationCode(in.cfg, email)))
	folded := subtle.ConstantTimeCompare(given, []byte(InvitationCode(in.cfg, model.FoldEmail(email))))
	return asSent|folded == 1
}

// sharedCode is the invitation code that was sent, where it is not the one of
// this address alone.
func (t *testerInput) sharedCode(email string, in scope) string {
	code := t.InvitationCode.trimmed()
	if isInvitationCode(code, email, in) {
		return ""
	}
	return code
}

// groups are names, joined by commas or in a list.
type groups []string

// UnmarshalJSON reads them. They are shown joined by commas, so that one in a
// list joins two names as well.
func (g *groups) UnmarshalJSON(raw []byte) error {
	var sent []scalar
	if raw[0] != '[' {
		raw = slices.Concat([]byte("["), raw, []byte("]"))
	}
	if err := web.UnmarshalJSON(raw, &sent); err != nil {
		return err
	}
	*g = groups{}
	for _, joined := range sent {
		for name := range strings.SplitSeq(joined.text, ",") {
			if name = strings.TrimSpace(name); name != "" && !slices.Contains(*g, name) {
				*g = append(*g, name)
			}
		}
	}
	return nil
}

// responses are answers to questions: a list, a list below `response`, or a
// single one there.
type responses []model.Answer

// UnmarshalJSON reads them.
func (l *responses) UnmarshalJSON(raw []byte) error {
	raw = bytes.TrimSpace(raw)
	if bytes.HasPrefix(raw, []byte("{")) {
		var below struct {
			Response json.RawMessage `json:"response"`
		}
		if err := web.UnmarshalJSON(raw, &below); err != nil {
			return err
		}
		if raw = bytes.TrimSpace(below.Response); len(raw) == 0 || raw[0] == 'n' { // or null
			return malformed("responses", "responses must be a list, or a list below response.")
		}
		if raw[0] == '{' {
			raw = slices.Concat([]byte("["), raw, []byte("]"))
		}
	}
	var sent []struct {
		QuestionID scalar `json:"question_id"`
		Answer     scalar `json:"answer"`
	}
	if err := web.UnmarshalJSON(raw, &sent); err != nil {
		return err
	}
	*l = nil
	for _, s := range sent {
		id, err := strconv.ParseInt(s.QuestionID.trimmed(), 10, 64)
		if err != nil {
			return malformed("responses", "question_id must be a number.")
		}
		*l = append(*l, model.Answer{Question: id, Text: s.Answer.text})
	}
	return nil
}
