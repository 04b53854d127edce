package referralfactory

import (
	"net/http"
	"strconv"
	"strings"

	"grapevine/engine"
	"grapevine/engine/sheet"
	"grapevine/model"
)

var campaignPlain = []string{"id", "name", "url", "code", "reach", "live", "status", "lang", "starts_at", "ends_at"}

// The columns of the sheet of campaigns.
const (
	campaignReach = iota
	campaignLive
	campaignStarts
	campaignEnds
	campaignNumbers
)

const (
	campaignName = iota
	campaignURL
	campaignCode
	campaignStatus
	campaignLang
	campaignTexts
)

// A campaign has itself as a relation, as the documentation asks for it so.
var campaigns = &resource{
	plain:     campaignPlain,
	relations: []relation{{"campaign", campaignPlain}},
	fields: []field{
		numberField("id", sheet.ID, false, 1),
		textField("name", campaignName),
		textField("url", campaignURL),
		textField("code", campaignCode),
		numberField("reach", campaignReach, false, 1),
		flagField("live", campaignLive),
		textField("status", campaignStatus),
		textField("lang", campaignLang),
		momentField("starts_at", campaignStarts, true),
		momentField("ends_at", campaignEnds, true),
	},
}

func (a *API) getCampaigns(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	q, err := a.readQuery(r, account, campaigns)
	if err != nil {
		return err
	}
	views, err := a.core.ViewCampaigns(r.Context(), account)
	if err != nil {
		return err
	}
	all, byID := sheet.New(campaignNumbers, campaignTexts), map[int64]*engine.CampaignView{}
	for i := range views {
		c := &views[i]
		byID[int64(c.ID)] = c
		row := sheet.Row{ID: int64(c.ID), Numbers: make([]int64, campaignNumbers), Texts: make([]string, campaignTexts)}
		row.Numbers[campaignReach] = c.Reach
		if c.Live {
			row.Numbers[campaignLive] = 1
		}
		if !c.StartsAt.IsZero() {
			row.Numbers[campaignStarts] = c.StartsAt.UnixMilli()
		}
		if !c.EndsAt.IsZero() {
			row.Numbers[campaignEnds] = c.EndsAt.UnixMilli()
		}
		for at, text := range map[int]string{
			campaignName: c.Name, campaignURL: c.URL, campaignCode: c.Code, campaignStatus: string(c.Status), campaignLang: c.Lang,
		} {
			row.Texts[at] = strings.ToLower(text)
		}
		all.Put(row)
	}
	ids, total := all.Select(q.where, q.by, q.skip(), q.perPage)
	var rows []object
	for _, id := range ids {
		rows = append(rows, campaignWith(byID[id], q))
	}
	return q.listed(w, r, rows, total, closing(http.StatusOK, nil)...)
}

func (a *API) getCampaign(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	q, err := a.readQuery(r, account, campaigns)
	if err != nil {
		return err
	}
	id, err := pathID(r, "campaign")
	if err != nil {
		return err
	}
	c, err := a.core.ViewCampaign(r.Context(), account, model.CampaignID(id))
	if err != nil {
		return err
	}
	return single(w, http.StatusOK, campaignWith(c, q), nil)
}

// pathID is the number in a path. What is none names nothing.
func pathID(r *http.Request, what string) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id <= 0 {
		return 0, &model.Error{Kind: model.NotFound, Msg: "The " + what + " is not known."}
	}
	return id, nil
}

// campaignWith is a campaign as a call asked for it.
func campaignWith(c *engine.CampaignView, q *query) object {
	return campaignToJSON(c).only(q.only).with(q, "campaign", func() object { return campaignToJSON(c) })
}

func campaignToJSON(c *engine.CampaignView) object {
	return object{
		{"id", c.ID}, {"name", c.Name}, {"url", c.URL}, {"code", c.Code}, {"reach", c.Reach}, {"live", c.Live},
		{"status", c.Status}, {"lang", c.Lang}, {"starts_at", shownOrNull(c.StartsAt)}, {"ends_at", shownOrNull(c.EndsAt)},
	}
}
