package friendbuy

import (
	"fmt"
	"net/http"
	"strings"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/web"
)

// mostInABatch is how many links one call may ask for.
const mostInABatch = 10

// channels are the documented ones and those that a campaign may offer.
var channels = append([]string{bareLink}, model.Channels...)

// bareLink is the vendor's channel of a link that is shared by no network.
const bareLink = "purl"

// postPersonalReferralLink always answers 200: whether the link was there
// before is not told.
func (a *API) postPersonalReferralLink(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	var in linkJSON
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	request, err := in.request("")
	if err != nil {
		return err
	}
	links, err := a.core.Links(r.Context(), account, []engine.LinkRequest{request})
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, linkToJSON(links[0]))
}

func (a *API) postPersonalReferralLinkBatch(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	var in linkBatchJSON
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	requests, err := in.requests()
	if err != nil {
		return err
	}
	links, err := a.core.Links(r.Context(), account, requests)
	if err != nil {
		return err
	}
	out := linkBatchMadeJSON{Purls: []batchedLinkJSON{}}
	for _, l := range links {
		out.Purls = append(out.Purls, batchedLinkJSON{
			linkMadeJSON: linkToJSON(l),
			Email:        l.Email,
			CampaignID:   l.CampaignUUID,
			CustomerID:   l.CustomerID,
		})
	}
	return web.WriteJSON(w, http.StatusOK, out)
}

func linkToJSON(l engine.Link) linkMadeJSON {
	return linkMadeJSON{Link: l.URL, ReferralCode: l.Code, CreatedOn: shown(l.MadeAt)}
}

func (in linkBatchJSON) requests() ([]engine.LinkRequest, error) {
	if in.Requests == nil {
		return nil, malformed("requests", "is required")
	}
	if len(in.Requests) > mostInABatch {
		return nil, &model.Error{
			Kind:   model.Invalid,
			Reason: model.BatchTooLarge,
			Field:  "requests",
			Msg:    fmt.Sprintf("requests must not be more than %d", mostInABatch),
		}
	}
	requests := make([]engine.LinkRequest, len(in.Requests))
	for i, one := range in.Requests {
		var err error
		if requests[i], err = one.request(fmt.Sprintf("requests[%d].", i)); err != nil {
			return nil, err
		}
	}
	return requests, nil
}

// unsaidChannel is a channel as we have it: the vendor has a word for a link
// that is shared by no network.
func unsaidChannel(channel string) string {
	if channel == bareLink {
		return ""
	}
	return channel
}

// request names fields at fault with where the request stands before them.
func (in linkJSON) request(at string) (engine.LinkRequest, error) {
	if err := first(
		required(at+"email", in.Email),
		required(at+"campaignId", in.CampaignID),
		validEmail(at+"email", in.Email),
		validUUID(at+"campaignId", in.CampaignID),
		validUUID(at+"widgetId", in.WidgetID),
		oneOf(at+"channel", in.Channel, channels...),
	); err != nil {
		return engine.LinkRequest{}, err
	}
	detail, err := detailJSON{EventURL: in.EventURL, EventPage: in.EventPage}.raw()
	if err != nil {
		return engine.LinkRequest{}, err
	}
	channel := in.Channel
	if channel == bareLink {
		channel = ""
	}
	return engine.LinkRequest{
		Who:      in.who(),
		Campaign: strings.ToLower(in.CampaignID),
		Seed:     in.Seed,
		Prefix:   in.Prefix,
		Short:    in.Short,
		Channel:  unsaidChannel(in.Channel),
		Widget:   strings.ToLower(in.WidgetID),
		Params:   in.Destination.query(),
		Detail:   detail,
	}, nil
}
