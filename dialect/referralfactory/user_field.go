package referralfactory

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"grapevine/engine"
	"grapevine/engine/sheet"
	"grapevine/model"
)

// usersOf is users with the fields that depend on the account: what is made of
// a code and of how its campaign is set up.
func (a *API) usersOf(r *http.Request, account model.AccountID) (*resource, error) {
	base, err := a.core.LinkBase(r.Context(), account)
	if err != nil {
		return nil, err
	}
	cfg, err := a.core.Config(r.Context(), account)
	if err != nil {
		return nil, err
	}
	sharing, message := map[int64][]string{}, map[int64][]string{}
	for _, c := range cfg.AllCampaigns() {
		for _, network := range offered(c) {
			sharing[int64(c.ID)] = append(sharing[int64(c.ID)], network, strings.ToLower(a.public)+"/"+ownCode+"/socials/"+network)
		}
		subject, text := engine.ShareMessage(cfg.Settings.Name, c, base+ownCode)
		message[int64(c.ID)] = []string{strings.ToLower(subject), strings.ToLower(text)}
	}
	base = strings.ToLower(base)
	of := *users
	of.fields = append(append([]field{}, users.fields...),
		field{
			name: "url", order: sheet.Order{Column: engine.PeopleCode, Text: true},
			filter: func(op sheet.Op, value string, _ *time.Location) ([]sheet.Condition, string) {
				show := func(code string) string { return base + code }
				return []sheet.Condition{sheet.ShownText(engine.PeopleCode, show, op, strings.ToLower(value))}, ""
			},
		},
		madeField("sharing", sharing),
		madeField("sharing_message", message),
	)
	return &of, nil
}

// ownCode stands for the code of a user in a text that is made for all users
// of a campaign.
const ownCode = "\x00"

// madeField is a field with several texts that a campaign makes of a code: one
// of them has to meet a filter. Rows are sorted by what their campaigns say.
func madeField(name string, made map[int64][]string) field {
	wording := map[int64]string{}
	for campaign, texts := range made {
		wording[campaign] = strings.Join(texts, "\n")
	}
	show := func(campaign int64, code string) []string {
		code = strings.ToLower(url.PathEscape(code))
		texts := make([]string, len(made[campaign]))
		for i, text := range made[campaign] {
			texts[i] = strings.ReplaceAll(text, ownCode, code)
		}
		return texts
	}
	together := func(campaign int64, code string) []string {
		return []string{strings.ReplaceAll(wording[campaign], ownCode, strings.ToLower(url.PathEscape(code)))}
	}
	return field{
		name: name, order: sheet.Order{Column: engine.PeopleCampaign, Key: rankOf(wording)},
		filter: func(op sheet.Op, value string, _ *time.Location) ([]sheet.Condition, string) {
			made := show
			if op == sheet.Contains { // in any of them is in all together
				made = together
			}
			return []sheet.Condition{sheet.ShownBy(engine.PeopleCampaign, engine.PeopleCode, made, op, strings.ToLower(value))}, ""
		},
	}
}

// extraField is what else was sent of people: one of its values has to meet a
// filter.
func extraField(name string) field {
	return field{
		name: name, order: sheet.Order{Column: engine.PeopleExtra, Text: true},
		filter: func(op sheet.Op, value string, _ *time.Location) ([]sheet.Condition, string) {
			return []sheet.Condition{sheet.Parted(engine.PeopleExtra, op, strings.ToLower(value))}, ""
		},
	}
}
