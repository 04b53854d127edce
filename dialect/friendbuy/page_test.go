package friendbuy

import (
	"bytes"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/engine/secret"
	"grapevine/model"
)

func testPages(of string) pages {
	return newPages(engine.New(engine.Settings{Secret: secret.New(bytes.Repeat([]byte(of), secret.Size))}))
}

const (
	aYear    = "fromDate=2020-01-05T01%3A07%3A38.509Z&toDate=2021-01-05T01%3A07%3A38.509Z"
	campaign = "ef9befc6-18f1-418c-8914-5ee8d09bb5aa"
)

func TestListsAreAskedFor(t *testing.T) {
	t.Parallel()
	from := time.Date(2020, 1, 5, 1, 7, 38, 509e6, time.UTC)
	to := from.AddDate(1, 0, 0)
	for _, c := range []struct {
		name  string
		terms terms
		query string
		want  engine.ListQuery
	}{
		{"by dates", clickTerms, aYear, engine.ListQuery{From: from, To: to, Size: 200}},
		{"by one moment", clickTerms, "fromDate=2020-01-05&toDate=2020-01-05T01:00:00%2B01:00",
			engine.ListQuery{From: from.Truncate(24 * time.Hour), To: from.Truncate(24 * time.Hour), Size: 200}},
		{"by dates finer than milliseconds", clickTerms, "fromDate=2020-01-05T01:07:38.5099Z&toDate=2021-01-05T01:07:38.5091Z",
			engine.ListQuery{From: from, To: to, Size: 200}},
		{"in small pages", clickTerms, aYear + "&pageSize=1", engine.ListQuery{From: from, To: to, Size: 1}},
		{"in large pages", clickTerms, aYear + "&pageSize=1000", engine.ListQuery{From: from, To: to, Size: 1000}},
		{"by campaign", clickTerms, aYear + "&campaignId=" + strings.ToUpper(campaign), engine.ListQuery{From: from, To: to, Size: 200, Campaign: campaign}},
		{"by nothing, written out", clickTerms, aYear + "&campaignId=&channel=&pageToken=&pageSize=", engine.ListQuery{From: from, To: to, Size: 200}},
		{"by what it does not know", clickTerms, aYear + "&advocateEmail=nobody&widgetType=1", engine.ListQuery{From: from, To: to, Size: 200}},
		{"by channel", shareTerms, aYear + "&channel=facebook", engine.ListQuery{From: from, To: to, Size: 200, Channel: "facebook"}},
		{"by links that no network shares", shareTerms, aYear + "&channel=purl", engine.ListQuery{From: from, To: to, Size: 200, Direct: true}},
		{"by widget", widgetViewTerms, aYear + "&widgetName=Post+Purchase&widgetType=emailCapture",
			engine.ListQuery{From: from, To: to, Size: 200, Widget: "Post Purchase", Kind: model.EmailCaptureView}},
		{"by recipient", rewardTerms, aYear + "&recipientType=friend&advocateEmail=a%2Bb@example.com&advocateCustomerId=c-1",
			engine.ListQuery{From: from, To: to, Size: 200, Kind: "friend", Email: "a+b@example.com", CustomerID: "c-1"}},
		{"by type of capture", captureTerms, aYear + "&emailCaptureType=advocate&email=a@example.com",
			engine.ListQuery{From: from, To: to, Size: 200, Kind: model.CapturedAdvocate, Email: "a@example.com"}},
		{"by currency", headTerms, "currency=Points", engine.ListQuery{Size: 200, Kind: "Points"}},
	} {
		page, err := testPages("k").asked(parsed(t, c.query), c.terms, "scope")
		if err != nil {
			t.Errorf("a list asked for %s: %v", c.name, err)
			continue
		}
		if diff := cmp.Diff(c.want, page.query(c.terms)); diff != "" {
			t.Errorf("a list asked for %s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestListsAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		terms terms
		query string
		field string
	}{
		{clickTerms, "", "fromDate"},
		{clickTerms, "toDate=2021-01-05T01:07:38Z", "fromDate"},
		{clickTerms, "fromDate=2021-01-05T01:07:38Z", "toDate"},
		{clickTerms, "fromDate=&toDate=2021-01-05T01:07:38Z", "fromDate"},
		{clickTerms, "fromDate=yesterday&toDate=2021-01-05T01:07:38Z", "fromDate"},
		{clickTerms, "fromDate=2021-01-05T01:07:38Z&toDate=2021-13-05T01:07:38Z", "toDate"},
		{clickTerms, "fromDate=2021-01-05T01:07:38.510Z&toDate=2021-01-05T01:07:38.509Z", "toDate"},
		{clickTerms, aYear + "&pageSize=0", "pageSize"},
		{clickTerms, aYear + "&pageSize=1001", "pageSize"},
		{clickTerms, aYear + "&pageSize=ten", "pageSize"},
		{clickTerms, aYear + "&campaignId=Evergreen", "campaignId"},
		{widgetViewTerms, aYear + "&widgetType=AdvocateShare", "widgetType"},
		{shareTerms, aYear + "&advocateEmail=nobody", "advocateEmail"},
		{customerTerms, aYear + "&email=nobody", "email"},
		{friendTerms, aYear + "&friendEmail=nobody", "friendEmail"},
		{rewardTerms, aYear + "&recipientType=customer", "recipientType"},
		{captureTerms, aYear + "&emailCaptureType=other", "emailCaptureType"},
		{headTerms, "", "currency"},
	} {
		_, err := testPages("k").asked(parsed(t, c.query), c.terms, "scope")
		wantFault(t, c.query, err, model.Invalid, c.field)
	}
}

func TestPageTokensCarryTheirQuery(t *testing.T) {
	t.Parallel()
	p := testPages("k")
	first, err := p.asked(parsed(t, aYear+"&pageSize=7&campaignId="+campaign+"&channel=sms"), clickTerms, "scope")
	if err != nil {
		t.Fatal(err)
	}
	row := engine.Cursor{At: time.Date(2020, 6, 1, 0, 0, 0, 1e6, time.UTC), ID: 42}
	token, err := p.after(row, first, "scope")
	if err != nil {
		t.Fatal(err)
	}
	want := first.query(clickTerms)
	want.After = row
	for _, beside := range []string{
		"", "&channel=sms", "&channel=sms&campaignId=" + campaign, "&channel=",
		"&fromDate=2000-01-01&toDate=1999-01-01&pageSize=many", // what a token fixes is not read
	} {
		next, err := p.asked(parsed(t, "pageToken="+token+beside), clickTerms, "scope")
		if err != nil {
			t.Errorf("a token beside %q: %v", beside, err)
			continue
		}
		if diff := cmp.Diff(want, next.query(clickTerms)); diff != "" {
			t.Errorf("a token beside %q (-want +got):\n%s", beside, diff)
		}
	}
	for _, beside := range []string{"&channel=email", "&campaignId=0a1b2c3d-0000-4000-8000-000000000001", "&campaignId=Evergreen"} {
		_, err := p.asked(parsed(t, "pageToken="+token+beside), clickTerms, "scope")
		name, _, _ := strings.Cut(beside[1:], "=")
		wantFault(t, "a token beside "+beside, err, model.Malformed, name)
	}
	_, err = p.asked(parsed(t, "pageToken="+token+"&advocateEmail=a@example.com"), shareTerms, "scope")
	wantFault(t, "a token of a list that was not filtered so", err, model.Malformed, "advocateEmail")
}

func TestPageTokensOpenOnlyTheirList(t *testing.T) {
	t.Parallel()
	p := testPages("k")
	token, err := p.after(engine.Cursor{ID: 1}, &asked{Size: 1}, "/v1/analytics/clicks 1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.open(token, "/v1/analytics/clicks 1"); err != nil {
		t.Fatalf("a token does not open its own list: %v", err)
	}
	refused := func(what, token, scope string, p pages) {
		t.Helper()
		_, err := p.open(token, scope)
		wantFault(t, what, err, model.Malformed, "pageToken")
	}
	refused("another account", token, "/v1/analytics/clicks 2", p)
	refused("another list", token, "/v1/analytics/shares 1", p)
	refused("another server", token, "/v1/analytics/clicks 1", testPages("x"))
	refused("no token", "next", "/v1/analytics/clicks 1", p)
	refused("a token of the vendor's", "eyJzZWFyY2hBZnRlciI6WzE1OTY1NzE5NDM0NDldfQ", "/v1/analytics/clicks 1", p)
	refused("a longer one", token+"A", "/v1/analytics/clicks 1", p)
	refused("a shorter one", token[:len(token)-1], "/v1/analytics/clicks 1", p)
	refused("one with a break in it", token[:4]+"\n"+token[4:], "/v1/analytics/clicks 1", p)
	for i := range token { // wherever it is changed, also in bits that base64 does not use
		for _, c := range []byte("AB_") {
			if changed := token[:i] + string(c) + token[i+1:]; changed != token {
				refused("a changed one", changed, "/v1/analytics/clicks 1", p)
			}
		}
	}
}

func TestPageTokensTellNothing(t *testing.T) {
	t.Parallel()
	p := testPages("k")
	page := &asked{Size: 1, Filters: map[string]string{"email": "ann@example.com"}}
	one, err := p.after(engine.Cursor{ID: 1}, page, "scope")
	if err != nil {
		t.Fatal(err)
	}
	other, err := p.after(engine.Cursor{ID: 1}, page, "scope")
	if err != nil {
		t.Fatal(err)
	}
	if one == other {
		t.Error("two tokens of the same page are the same: they can be compared with guesses")
	}
	if url.QueryEscape(one) != one {
		t.Errorf("%q has to be escaped in an address", one)
	}
}

func parsed(t *testing.T, text string) url.Values {
	t.Helper()
	values, err := url.ParseQuery(text)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func wantFault(t *testing.T, what string, err error, kind model.Kind, field string) {
	t.Helper()
	var known *model.Error
	if !errors.As(err, &known) || known.Kind != kind || known.Field != field {
		t.Errorf("%s: got %v, want %s of %q", what, err, kind, field)
	}
}
