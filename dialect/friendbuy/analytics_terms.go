package friendbuy

import (
	"slices"
	"strings"

	"grapevine/engine"
	"grapevine/model"
)

// How each list may be asked for, in the order of the vendor's tables.

var (
	widgetViewTerms = terms{filters: []filter{byCampaign, byWidgetName, byType("widgetType", widgetTypes)}}
	shareTerms      = terms{filters: []filter{byCampaign, byEmail("advocateEmail"), byCustomerID("advocateCustomerId"), byChannel}}
	clickTerms      = terms{filters: []filter{byCampaign, byChannel}}
	customerTerms   = terms{filters: []filter{byCampaign, byCustomerID("customerId"), byEmail("email")}} // of who signed up or bought
	advocateTerms   = terms{filters: []filter{byCampaign, byCustomerID("advocateCustomerId"), byEmail("advocateEmail")}}
	friendTerms     = terms{filters: []filter{byCampaign, byCustomerID("friendCustomerId"), byEmail("friendEmail")}}
	rewardTerms     = terms{filters: []filter{
		byCampaign, byCustomerID("advocateCustomerId"), byEmail("advocateEmail"), byType("recipientType", recipientTypes),
	}}
	captureTerms = terms{filters: []filter{byCampaign, byType("emailCaptureType", captureTypes), byEmail("email")}}
	headTerms    = terms{undated: true, filters: []filter{byCurrency}}
)

var (
	byCampaign = filter{name: "campaignId", check: validUUID, set: func(q *engine.ListQuery, value string) { q.Campaign = strings.ToLower(value) }}
	byChannel  = filter{name: "channel", set: setChannel}
	byCurrency = filter{name: "currency", required: true, set: func(q *engine.ListQuery, value string) { q.Kind = value }}

	byWidgetName = filter{name: "widgetName", set: func(q *engine.ListQuery, value string) { q.Widget = value }}
)

func setChannel(q *engine.ListQuery, value string) {
	if q.Direct = value == bareLink; !q.Direct {
		q.Channel = value
	}
}

func byEmail(name string) filter {
	return filter{name: name, check: validEmail, set: func(q *engine.ListQuery, value string) { q.Email = value }}
}

func byCustomerID(name string) filter {
	return filter{name: name, set: func(q *engine.ListQuery, value string) { q.CustomerID = value }}
}

// byType takes one of a list of words, each with ours.
func byType(name string, ours []word) filter {
	var theirs []string
	for _, w := range ours {
		theirs = append(theirs, w.theirs)
	}
	return filter{
		name:  name,
		check: func(name, value string) error { return oneOf(name, value, theirs...) },
		set:   func(q *engine.ListQuery, value string) { q.Kind = ours[slices.Index(theirs, value)].ours },
	}
}

// said is the vendor's word for one of ours.
func said(words []word, ours string) string {
	for _, w := range words {
		if w.ours == ours {
			return w.theirs
		}
	}
	return ""
}

// word is a word of the vendor's and ours for the same.
type word struct{ theirs, ours string }

var (
	widgetTypes    = []word{{"advocateShare", model.AdvocateShareView}, {"emailCapture", model.EmailCaptureView}}
	recipientTypes = []word{{"advocate", string(model.AsAdvocate)}, {"friend", string(model.AsFriend)}}
	captureTypes   = []word{{"advocate", model.CapturedAdvocate}, {"friend", model.CapturedFriend}}
)
