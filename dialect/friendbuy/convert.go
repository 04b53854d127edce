package friendbuy

import (
	"encoding/json"
	"math"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"grapevine/engine"
	"grapevine/engine/address"
	"grapevine/engine/zone"
	"grapevine/model"
	"grapevine/money"
)

// Everything here is values in, values out. Missing fields and wrong types
// are Malformed, values that cannot be are Invalid.

// shown is a time as every body has it: UTC, three places, always present.
func shown(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// shownIfAny is "" for the zero time, which bodies leave out.
func shownIfAny(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return shown(t)
}

// first is the first thing wrong; nil is nothing.
func first(faults ...error) error {
	for _, err := range faults {
		if err != nil {
			return err
		}
	}
	return nil
}

func malformed(field, msg string) error {
	return &model.Error{Kind: model.Malformed, Field: field, Msg: field + " " + msg}
}

func invalid(field, msg string) error {
	return &model.Error{Kind: model.Invalid, Field: field, Msg: field + " " + msg}
}

func required[T ~string](field string, value T) error {
	if value == "" {
		return malformed(field, "is required")
	}
	return nil
}

// validEmail passes an address that is missing.
func validEmail(field, text string) error {
	if text != "" && !address.Valid(text) {
		return invalid(field, "must be an e-mail address")
	}
	return nil
}

// validUUID passes a UUID that is missing.
func validUUID(field, text string) error {
	if text == "" || len(text) == 36 && uuid.Validate(text) == nil {
		return nil
	}
	return invalid(field, "must be a UUID")
}

// oneOf passes a value that is missing.
func oneOf(field, value string, values ...string) error {
	if value == "" {
		return nil
	}
	for _, v := range values {
		if value == v {
			return nil
		}
	}
	return invalid(field, "must be one of "+strings.Join(values, ", "))
}

// amount is the number as an amount that is not negative; a missing one is 0.
func (n numberJSON) amount(field string) (money.Amount, error) {
	if n == "" {
		return 0, nil
	}
	a, err := money.Parse(string(n))
	if err != nil {
		return 0, &model.Error{Kind: model.Invalid, Field: field, Msg: field + " is out of range", Err: err}
	}
	if a < 0 {
		return 0, invalid(field, "must not be negative")
	}
	return a, nil
}

// integer is the number as a whole one, also when it is written 1.0.
func (n numberJSON) integer(field string) (int64, error) {
	a, err := n.amount(field)
	if err != nil {
		return 0, err
	}
	exact, _ := strconv.ParseFloat(string(n), 64) // an amount is rounded: 0.00001 would be whole
	if exact != math.Trunc(exact) {
		return 0, malformed(field, "must be a whole number")
	}
	return int64(a / money.Unit), nil
}

// instant reads an ISO date, with or without a time; a missing one is zero. In
// UTC it has to have a year of four digits still: it is shown with one.
func instant(field, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil && 0 <= t.UTC().Year() && t.UTC().Year() <= 9999 {
			return t.UTC().Truncate(time.Millisecond), nil
		}
	}
	return time.Time{}, invalid(field, "must be an ISO date")
}

// rawJSON is v as JSON, for what the engine keeps without reading it.
func rawJSON(v any) (json.RawMessage, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, &model.Error{Kind: model.Internal, Msg: "cannot be kept", Err: err}
	}
	return raw, nil
}

// raw is nil where nothing is to be kept.
func (d detailJSON) raw() (json.RawMessage, error) {
	raw, err := rawJSON(d)
	if string(raw) == "{}" {
		return nil, err
	}
	return raw, err
}

func (in authorizationJSON) check() error {
	return first(required("key", in.Key), required("secret", in.Secret))
}

// who is the person of a call that carries a merchant's key. An address that
// is none is kept out: shops send whatever a proxy told them.
func (in personJSON) who() engine.Who {
	who := engine.Who{
		Email:      in.Email,
		CustomerID: in.CustomerID,
		FirstName:  in.FirstName,
		LastName:   in.LastName,
		Agent:      in.UserAgent,
		Server:     true,
	}
	if ip, err := netip.ParseAddr(strings.TrimSpace(in.IPAddress)); err == nil {
		who.IP = ip.Unmap().WithZone("").String()
	}
	return who
}

func (in referralJSON) referral() engine.Referral {
	return engine.Referral{CouponCode: in.CouponCode, AttributionID: in.AttributionID, ReferralCode: in.ReferralCode}
}

func (in profileJSON) check() error {
	var badZone error
	if in.Timezone != nil && !zone.Known(*in.Timezone) {
		badZone = invalid("timezone", "must be the name of a time zone")
	}
	return first(
		in.Birthday.check(),
		badZone,
		oneOf("loyaltyStatus", in.LoyaltyStatus, "in", "out", "blocked"))
}

func (in *birthdayJSON) check() error {
	if in == nil {
		return nil
	}
	if err := first(required("birthday.day", in.Day), required("birthday.month", in.Month)); err != nil {
		return err
	}
	day, dayErr := in.Day.integer("birthday.day")
	month, monthErr := in.Month.integer("birthday.month")
	year, yearErr := in.Year.integer("birthday.year")
	if err := first(dayErr, monthErr, yearErr); err != nil {
		return err
	}
	if in.Year == "" {
		year = 2000 // a leap year: who was born on 29 February may keep the year
	}
	if year < 1000 || year > 9999 {
		return invalid("birthday.year", "must have four digits")
	}
	if month < 1 || month > 12 {
		return invalid("birthday.month", "must be 1 to 12")
	}
	if day < 1 || day > daysIn(year, month) {
		return invalid("birthday.day", "is not a day of that month")
	}
	return nil
}

func daysIn(year, month int64) int64 {
	return int64(time.Date(int(year), time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day())
}

// extra is what is kept in the person's profile, by the names it was sent by.
// What was not sent is left as it is; nil leaves everything.
func extra(sent map[string]any) (map[string]json.RawMessage, error) {
	var kept map[string]json.RawMessage
	for name, value := range sent {
		raw, err := rawJSON(value)
		if err != nil {
			return nil, err
		}
		switch string(raw) {
		case "null", `""`, "{}":
			continue
		}
		if kept == nil {
			kept = map[string]json.RawMessage{}
		}
		kept[name] = raw
	}
	return kept, nil
}

func (in profileJSON) sent() map[string]any {
	return map[string]any{"timezone": in.Timezone, "birthday": in.Birthday}
}

// customerID is the customer id that some shops put among a custom event's
// properties, as a text or a number.
func (s scalarsJSON) customerID() string {
	raw := s["customerId"]
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var number numberJSON
	if len(raw) > 0 && json.Unmarshal(raw, &number) == nil {
		return string(number)
	}
	return ""
}

// query is the scalars as a query, in one order however they were sent.
func (s scalarsJSON) query() string {
	values := url.Values{}
	for name, raw := range s {
		var text string
		switch {
		case string(raw) == "null":
			continue
		case raw[0] != '"':
			text = string(raw)
		case json.Unmarshal(raw, &text) != nil:
			continue // the body was valid JSON: a text in it can be read
		}
		values.Set(name, text)
	}
	return values.Encode()
}
