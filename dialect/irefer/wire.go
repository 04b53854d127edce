package irefer

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/web"
)

// errorJSON is the one shape of an error.
type errorJSON struct {
	Error string `json:"error"`
	Code  string `json:"error_code"`
}

// failOf answers errors of a method. They are 200 all the same: pages read
// them in the callback of a success, which another status never reaches. What
// is our own fault is not the caller's input, and says so to whoever watches.
func failOf(name string) web.Fail {
	return func(w http.ResponseWriter, r *http.Request, err error) {
		status := http.StatusOK
		if model.KindOf(err) == model.Internal {
			status = http.StatusInternalServerError
		}
		// Where the answer cannot be sent, there is nobody left to tell.
		_ = write(w, r, status, errorJSON{Error: "input missing or incorrect", Code: "irefer_api_" + name + "_err_401"})
	}
}

// callbackName is what a page may name its callback: nothing that could be
// read as more than a name.
var callbackName = regexp.MustCompile(`\A[A-Za-z_$][A-Za-z0-9_$]*(\.[A-Za-z_$][A-Za-z0-9_$]*)*\z`)

const longestCallback = 128

// write answers with JSON, or calls the page's callback with it.
func write(w http.ResponseWriter, r *http.Request, status int, body any) error {
	w.Header().Set("Cache-Control", "no-store")
	callback := r.URL.Query().Get("callback")
	if len(callback) > longestCallback || !callbackName.MatchString(callback) {
		callback = ""
	}
	if list, ok := body.(rows); ok {
		return writeRows(w, callback, list)
	}
	if callback == "" {
		return web.WriteJSON(w, status, body)
	}
	text, err := json.Marshal(body) // escapes what could end a script
	if err != nil {
		return err
	}
	begin(w, status, callback)
	_, err = io.WriteString(w, "/**/"+callback+"("+string(text)+");")
	return err
}

// begin says what follows: JSON, or a script that calls back.
func begin(w http.ResponseWriter, status int, callback string) {
	if callback == "" {
		w.Header().Set("Content-Type", "application/json")
	} else {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
	}
	w.WriteHeader(status)
}

// writeRows answers rows as they are read. An error before the first is
// answered as an error; after it, the answer breaks off, so that nobody takes
// it for whole.
func writeRows(w http.ResponseWriter, callback string, list rows) error {
	out := bufio.NewWriterSize(w, 64<<10)
	begun := false
	open := func() {
		begun = true
		begin(w, http.StatusOK, callback)
		if callback != "" {
			out.WriteString("/**/" + callback + "(")
		}
		out.WriteByte('[')
	}
	err := list(func(row any) error {
		text, err := json.Marshal(row)
		if err != nil {
			return err
		}
		if begun {
			out.WriteByte(',')
		} else {
			open()
		}
		_, err = out.Write(text)
		return err
	})
	if err != nil {
		if begun {
			panic(http.ErrAbortHandler)
		}
		return err
	}
	if !begun {
		open()
	}
	out.WriteByte(']')
	if callback != "" {
		out.WriteString(");")
	}
	return out.Flush()
}

// wellFormed refuses what cannot be kept: text that is none.
func wellFormed(r *http.Request) error {
	query, err := queryOf(r)
	if err != nil {
		return err
	}
	for name, values := range query {
		for _, value := range append(values, name) {
			if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
				return &model.Error{Kind: model.Malformed, Field: name, Msg: "a parameter is not UTF-8 text"}
			}
		}
	}
	return nil
}

// numberOf reads an id.
func numberOf(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id <= 0 {
		return 0, &model.Error{Kind: model.Invalid, Field: "campaign_id", Msg: "campaign_id must be a number", Err: err}
	}
	return id, nil
}

func required(field, value string) error {
	if value == "" {
		return &model.Error{Kind: model.Malformed, Field: field, Msg: field + " is required"}
	}
	return nil
}

// text is null where there is none.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// shown is a time as every body has it: UTC, whole seconds.
func shown(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// offerJSON is a reward that referrals lead to.
type offerJSON struct {
	Signups     string `json:"signups_count"`
	Heading     string `json:"reward_heading"`
	Description string `json:"reward_description"`
}

func offerToJSON(r *model.Rule) offerJSON {
	return offerJSON{Signups: strconv.FormatInt(max(r.After, 1), 10), Heading: r.Name, Description: r.Description}
}

func offersToJSON(c *model.Campaign) []offerJSON {
	offers := []offerJSON{}
	for _, r := range engine.Offered(c) {
		offers = append(offers, offerToJSON(r))
	}
	return offers
}

// none is the name of a reward that there is not.
const none = "None"

func flag(yes bool) string {
	if yes {
		return "1"
	}
	return "0"
}

// referrerJSON is the answer of referrerStats.
type referrerJSON struct {
	Campaign        string      `json:"campaign_name"`
	Email           string      `json:"email"`
	Confirmed       string      `json:"confirmed"`
	Link            string      `json:"referral_link"`
	Referrals       int64       `json:"referrals_made"`
	Last            string      `json:"reward_last"`
	LastDescription string      `json:"reward_last_description"`
	Next            string      `json:"reward_next"`
	NextDescription string      `json:"reward_next_description"`
	Remaining       int64       `json:"reward_next_referrals_remaining"`
	Earned          []offerJSON `json:"rewards_earned"`
	Offered         []offerJSON `json:"rewards_offered"`
}

func referrerToJSON(p *engine.Participation) referrerJSON {
	out := referrerJSON{
		Campaign: p.Campaign.Name, Email: p.Person.Email, Confirmed: flag(!p.Participant.ConfirmedAt.IsZero()),
		Link: p.Landing, Referrals: p.Referrals, Last: none, Next: none, Earned: []offerJSON{}, Offered: offersToJSON(p.Campaign),
	}
	for _, w := range p.Earned {
		out.Earned = append(out.Earned, offerToJSON(w.Rule))
		out.Last, out.LastDescription = w.Rule.Name, w.Rule.Description
	}
	if p.Next != nil {
		out.Next, out.NextDescription, out.Remaining = p.Next.Rule.Name, p.Next.Rule.Description, p.Next.Referrals
	}
	return out
}

// signupJSON is the answer of newSignup.
type signupJSON struct {
	Campaign        string      `json:"campaign_name"`
	Email           string      `json:"email"`
	Confirmed       string      `json:"confirmed"`
	Link            string      `json:"referral_link"`
	Referrer        *string     `json:"referrer"`
	Next            string      `json:"reward_next"`
	NextDescription string      `json:"reward_next_description"`
	Required        int64       `json:"reward_next_referrals_required"`
	Offered         []offerJSON `json:"rewards_offered"`
}

func signupToJSON(p *engine.Participation) signupJSON {
	of := referrerToJSON(p)
	return signupJSON{
		Campaign: of.Campaign, Email: of.Email, Confirmed: of.Confirmed, Link: of.Link, Referrer: text(p.Referrer.Email),
		Next: of.Next, NextDescription: of.NextDescription, Required: of.Remaining, Offered: of.Offered,
	}
}

// actionJSON is the answer of newSpecificAction.
type actionJSON struct {
	Campaign   string `json:"campaign_name"`
	ExternalID string `json:"external_id"`
}
