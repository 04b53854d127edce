package friendbuy

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"grapevine/engine"
	"grapevine/engine/zone"
	"grapevine/model"
	"grapevine/web"
)

func (a *API) getEmailMetrics(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	values, err := web.ReadQuery(r)
	if err != nil {
		return err
	}
	asked, err := metricsQuery(values)
	if err != nil {
		return err
	}
	got, err := a.core.EmailMetrics(r.Context(), account, asked)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, metricsToJSON(values.Get("zone"), asked, got))
}

func metricsQuery(values url.Values) (engine.MetricsQuery, error) {
	var q engine.MetricsQuery
	for _, name := range []string{"fromDate", "toDate", "zone"} {
		if values.Get(name) == "" {
			return q, invalid(name, "is required")
		}
	}
	from, fromErr := wholeDate("fromDate", values.Get("fromDate"))
	to, toErr := wholeDate("toDate", values.Get("toDate"))
	if err := first(fromErr, toErr); err != nil {
		return q, err
	}
	if to.Before(from) {
		return q, invalid("toDate", "must not be before fromDate")
	}
	in, known := zone.Load(values.Get("zone"))
	if !known {
		return q, invalid("zone", "must be the name of a time zone")
	}
	campaign, widget, series := values.Get("campaignId"), values.Get("widgetId"), values.Get("includeSeries")
	err := first(
		validUUID("campaignId", campaign),
		validUUID("widgetId", widget),
		oneOf("includeSeries", series, "true", "false"))
	return engine.MetricsQuery{
		From: from, To: to, Zone: in, ByDay: series == "true",
		Campaign: strings.ToLower(campaign), Widget: strings.ToLower(widget),
	}, err
}

// wholeDate reads a date that has no time.
func wholeDate(field, text string) (time.Time, error) {
	date, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return date, invalid(field, "must be a whole date, as 2021-04-07")
	}
	return date, nil
}

func metricsToJSON(zone string, q engine.MetricsQuery, m *engine.EmailMetrics) emailMetricsJSON {
	out := emailMetricsJSON{
		FromDate: q.From.Format(time.DateOnly), ToDate: q.To.Format(time.DateOnly), Zone: zone,
		emailsJSON: emailsToJSON(m.Emails),
	}
	for _, day := range m.Days {
		out.Series = append(out.Series, emailDayJSON{Date: day.Date.Format(time.DateOnly), emailsJSON: emailsToJSON(day.Emails)})
	}
	return out
}

func emailsToJSON(e engine.Emails) emailsJSON {
	return emailsJSON{ShareEmails: countsToJSON(e.Shares), ReminderEmails: countsToJSON(e.Reminders)}
}

func countsToJSON(c engine.EmailCounts) emailCountsJSON {
	return emailCountsJSON{
		TotalOpens: c.Opens, UniqueOpens: c.Opened, UniqueClicks: c.Clicked, TotalClicks: c.Clicks,
		Shares: c.Shares, Recipients: c.Recipients, Delivered: c.Delivered, Bounced: c.Bounced, Spam: c.Spam,
	}
}
