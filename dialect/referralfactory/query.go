package referralfactory

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"grapevine/engine/sheet"
	"grapevine/engine/zone"
	"grapevine/model"
	"grapevine/money"
	"grapevine/web"
)

// Pages, as documented.
const (
	defaultPerPage = 25
	mostPerPage    = 250
	// mostPage keeps the number of a row within what can be counted.
	mostPage = math.MaxInt64 / mostPerPage / 2
)

// field is a field that lists filter and sort by.
type field struct {
	name string
	// filter is what rows must meet that compare so with a value; days are those
	// of a zone. It returns why the value cannot be compared, if so.
	filter func(op sheet.Op, value string, days *time.Location) ([]sheet.Condition, string)
	order  sheet.Order
}

// resource is what can be asked of a kind of rows.
type resource struct {
	fields    []field
	plain     []string // all fields of a row, in the order in which they are shown
	relations []relation
}

// relation is a row that a row can be shown with.
type relation struct {
	name   string
	fields []string
}

// query is what a call asks of a list, or of one row.
type query struct {
	where   []sheet.Condition
	by      sheet.Order
	asked   map[string]bool // fields that are filtered or sorted by
	page    int
	perPage int
	with    map[string]bool
	only    []string            // fields of the rows; nil: all
	onlyOf  map[string][]string // fields of relations
}

func (q *query) skip() int { return (q.page - 1) * q.perPage }

var (
	operators = map[string]sheet.Op{
		"": sheet.Equal, "equal": sheet.Equal, "gt": sheet.Greater, "lt": sheet.Less,
		"gte": sheet.GreaterEqual, "lte": sheet.LessEqual, "like": sheet.Contains,
	}
	filterName = regexp.MustCompile(`^filters\[([^\[\]]*)\](?:\[([^\[\]]*)\])?(.*)$`)
)

// readQuery reads the parameters of a call. Unknown ones are ignored.
func (a *API) readQuery(r *http.Request, account model.AccountID, of *resource) (*query, error) {
	cfg, err := a.core.Config(r.Context(), account)
	if err != nil {
		return nil, err
	}
	days, known := zone.Load(cfg.Settings.Timezone)
	if !known {
		days = time.UTC
	}
	values, err := web.ReadQuery(r)
	if err != nil {
		return nil, err
	}
	q := &query{asked: map[string]bool{}, by: sheet.Order{Column: sheet.ID}, with: map[string]bool{}, onlyOf: map[string][]string{}}
	var wrong faults
	refuseLists(values, &wrong)
	q.readFilters(values, of, days, &wrong)
	q.readOrder(values, of, &wrong)
	q.readWith(values, of, &wrong)
	q.readFields(values, of, &wrong)
	q.page = int(wholeNumber(values, "page", 1, mostPage, &wrong))
	q.perPage = min(int(wholeNumber(values, "per_page", defaultPerPage, math.MaxInt32, &wrong)), mostPerPage)
	return q, wrong.err()
}

// refuseLists refuses lists and objects where the documentation has a text.
func refuseLists(values url.Values, wrong *faults) {
	for _, name := range sortedNames(values) {
		of, _, list := strings.Cut(name, "[")
		isOrder := name == "order[field]" || name == "order[direction]"
		if list && !isOrder && (of == "page" || of == "per_page" || of == "order" || of == "fields" || strings.HasPrefix(of, "fields.")) {
			wrong.add(http.StatusUnprocessableEntity, name, called(of)+" must be a string.")
		}
	}
}

// wholeNumber is a parameter that counts from 1.
func wholeNumber(values url.Values, name string, otherwise, most int64, wrong *faults) int64 {
	text := values.Get(name)
	if !values.Has(name) || text == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 || n > most {
		wrong.add(http.StatusUnprocessableEntity, name, fmt.Sprintf("%s must be a whole number from 1 on.", called(name)))
		return otherwise
	}
	return n
}

func (q *query) readFilters(values url.Values, of *resource, days *time.Location, wrong *faults) {
	parts := map[string]map[string]string{}
	for name, texts := range values {
		m := filterName.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		if m[3] != "" || m[2] == "" || len(texts) > 1 {
			wrong.add(http.StatusUnprocessableEntity, name, "A filter has one field, one operator and one value.")
			continue
		}
		if parts[m[1]] == nil {
			parts[m[1]] = map[string]string{}
		}
		parts[m[1]][m[2]] = texts[0]
	}
	for _, index := range sortedNames(parts) {
		at, part := "filters."+index, parts[index]
		f := of.field(part["field"])
		op, known := operators[part["operator"]]
		_, sent := part["value"]
		switch {
		case f == nil:
			wrong.add(http.StatusUnprocessableEntity, at+".field", "There is no field "+quoted(part["field"])+" to filter by.")
		case !known:
			wrong.add(http.StatusUnprocessableEntity, at+".operator", "The operator must be equal, gt, lt, gte, lte or like.")
		case !sent:
			wrong.add(http.StatusUnprocessableEntity, at+".value", "The value is required.")
		default:
			conditions, why := f.filter(op, part["value"], days)
			if why != "" {
				wrong.add(http.StatusUnprocessableEntity, at+".value", "The value "+quoted(part["value"])+" "+why)
			}
			q.where = append(q.where, conditions...)
			q.asked[f.name] = true
		}
	}
}

// quoted is a text from outside in a message, cut to what is worth showing.
func quoted(text string) string {
	if len(text) > 60 {
		text = strings.ToValidUTF8(text[:60], "") + "…"
	}
	return `"` + text + `"`
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (of *resource) field(name string) *field {
	if i := slices.IndexFunc(of.fields, func(f field) bool { return f.name == name }); i >= 0 {
		return &of.fields[i]
	}
	return nil
}

func (q *query) readOrder(values url.Values, of *resource, wrong *faults) {
	if !values.Has("order[field]") {
		if values.Has("order[direction]") || values.Has("order") {
			wrong.add(http.StatusUnprocessableEntity, "order.field", "The field to order by is required.")
		}
		return
	}
	f := of.field(values.Get("order[field]"))
	if f == nil {
		wrong.add(http.StatusUnprocessableEntity, "order.field", "There is no field "+quoted(values.Get("order[field]"))+" to order by.")
		return
	}
	q.by = f.order
	q.asked[f.name] = true
	switch values.Get("order[direction]") {
	case "", "asc":
	case "desc":
		q.by.Down = true
	default:
		wrong.add(http.StatusUnprocessableEntity, "order.direction", "The direction must be asc or desc.")
	}
}

func (q *query) readWith(values url.Values, of *resource, wrong *faults) {
	for _, name := range sortedNames(values) {
		if name != "with" && !strings.HasPrefix(name, "with[") {
			continue
		}
		for _, text := range values[name] {
			for _, one := range strings.Split(text, ",") {
				q.relate(strings.TrimSpace(one), of, wrong)
			}
		}
	}
}

func (q *query) relate(name string, of *resource, wrong *faults) {
	switch {
	case name == "":
	case name == "all":
		for _, r := range of.relations {
			q.with[r.name] = true
		}
	case of.relation(name) == nil:
		wrong.add(http.StatusUnprocessableEntity, "with", "There is no relation "+quoted(name)+".")
	default:
		q.with[name] = true
	}
}

func (of *resource) relation(name string) *relation {
	if i := slices.IndexFunc(of.relations, func(r relation) bool { return r.name == name }); i >= 0 {
		return &of.relations[i]
	}
	return nil
}

func (q *query) readFields(values url.Values, of *resource, wrong *faults) {
	for _, name := range sortedNames(values) {
		of, have := of, of.plain
		if name != "fields" {
			relationName, ok := strings.CutPrefix(name, "fields.")
			if !ok {
				continue
			}
			r := of.relation(relationName)
			if r == nil {
				wrong.add(http.StatusUnprocessableEntity, name, "There is no relation "+quoted(relationName)+".")
				continue
			}
			have = r.fields
		}
		chosen := []string{}
		for _, one := range strings.Split(strings.Join(values[name], ","), ",") {
			one = strings.TrimSpace(one)
			switch {
			case one == "" || slices.Contains(chosen, one):
			case !slices.Contains(have, one):
				wrong.add(http.StatusUnprocessableEntity, name, "There is no field "+quoted(one)+".")
			default:
				chosen = append(chosen, one)
			}
		}
		if len(chosen) == 0 {
			continue
		}
		if name == "fields" {
			q.only = chosen
		} else {
			q.onlyOf[strings.TrimPrefix(name, "fields.")] = chosen
		}
	}
}

// The kinds of fields. A number or time of 0 is null where empty says so, and
// null compares with nothing.

func numberField(name string, column int, empty bool, unit int64) field {
	return field{name: name, order: sheet.Order{Column: column}, filter: func(op sheet.Op, value string, _ *time.Location) ([]sheet.Condition, string) {
		if op == sheet.Contains {
			show := func(n int64) string { return shownNumber(n, unit) }
			return notNull(column, empty, sheet.Shown(column, show, op, value)), ""
		}
		c, ok := compareNumber(column, op, value, unit)
		if !ok {
			return nil, "is not a number."
		}
		return notNull(column, empty, c), ""
	}}
}

func notNull(column int, empty bool, c sheet.Condition) []sheet.Condition {
	if empty {
		return []sheet.Condition{sheet.Not(column, 0), c}
	}
	return []sheet.Condition{c}
}

func shownNumber(n, unit int64) string {
	if unit == 1 {
		return strconv.FormatInt(n, 10)
	}
	return money.Amount(n).String()
}

// compareNumber compares a column, that counts in 1/unit, with a decimal.
func compareNumber(column int, op sheet.Op, value string, unit int64) (sheet.Condition, bool) {
	value = strings.TrimSpace(value)
	if n, err := strconv.ParseInt(value, 10, 64); err == nil && unit == 1 {
		return sheet.Compared(column, op, n), true
	}
	a, err := money.Parse(value)
	if err != nil {
		return sheet.Condition{}, false
	}
	n, rest := int64(a), int64(0)
	if unit == 1 {
		n, rest = int64(a)/int64(money.Unit), int64(a)%int64(money.Unit)
		if rest < 0 {
			n-- // the whole number below
		}
	}
	if rest != 0 {
		switch op {
		case sheet.Equal:
			return sheet.None(), true
		case sheet.Less:
			op = sheet.LessEqual
		case sheet.GreaterEqual:
			op = sheet.Greater
		}
	}
	return sheet.Compared(column, op, n), true
}

func flagField(name string, column int) field {
	return field{name: name, order: sheet.Order{Column: column}, filter: func(op sheet.Op, value string, _ *time.Location) ([]sheet.Condition, string) {
		n := int64(-1)
		switch strings.ToLower(strings.TrimSpace(value)) {
		case "1", "true":
			n = 1
		case "0", "false":
			n = 0
		}
		if n < 0 {
			return nil, "is not 1 or 0."
		}
		if op == sheet.Contains {
			op = sheet.Equal
		}
		return []sheet.Condition{sheet.Compared(column, op, n)}, ""
	}}
}

// moments are the ways to write a time, but for a day, and how long what each
// names lasts: all of it is meant, so that what is after it begins with the
// next.
var moments = []struct {
	layout string
	lasts  time.Duration
}{
	{"2006-01-02 15:04", time.Minute}, {"2006-01-02T15:04", time.Minute},
	{time.DateTime, time.Second}, {"2006-01-02T15:04:05", time.Second}, {time.RFC3339, time.Second},
}

// span is what a value names, in milliseconds, its end excluded. A day is one
// of a zone; times without a zone are of UTC, as they are shown.
func span(value string, days *time.Location) (from, to int64, ok bool) {
	value = strings.TrimSpace(value)
	if t, err := time.ParseInLocation(time.DateOnly, value, days); err == nil {
		return t.UnixMilli(), t.AddDate(0, 0, 1).UnixMilli(), true
	}
	for _, m := range moments {
		if t, err := time.Parse(m.layout, value); err == nil {
			lasts := m.lasts
			if strings.Contains(value, ".") { // any of them may have a fraction
				lasts = time.Millisecond
			}
			return t.UnixMilli(), t.UnixMilli() + lasts.Milliseconds(), true
		}
	}
	return 0, 0, false
}

func momentField(name string, column int, empty bool) field {
	return field{name: name, order: sheet.Order{Column: column}, filter: func(op sheet.Op, value string, days *time.Location) ([]sheet.Condition, string) {
		if op == sheet.Contains {
			show := func(n int64) string { return shown(time.UnixMilli(n)) }
			return notNull(column, empty, sheet.Shown(column, show, op, value)), ""
		}
		from, to, ok := span(value, days)
		if !ok {
			return nil, "is not a day or a time, such as 2021-12-31."
		}
		var c sheet.Condition
		switch op {
		case sheet.Less:
			c = sheet.Compared(column, sheet.Less, from)
		case sheet.LessEqual:
			c = sheet.Compared(column, sheet.Less, to)
		case sheet.Greater:
			c = sheet.Compared(column, sheet.GreaterEqual, to)
		case sheet.GreaterEqual:
			c = sheet.Compared(column, sheet.GreaterEqual, from)
		default:
			c = sheet.Between(column, from, to-1)
		}
		return notNull(column, empty, c), ""
	}}
}

// textField compares without regard to case; the column is folded.
func textField(name string, column int) field {
	return field{name: name, order: sheet.Order{Column: column, Text: true}, filter: func(op sheet.Op, value string, _ *time.Location) ([]sheet.Condition, string) {
		return []sheet.Condition{sheet.Text(column, op, strings.ToLower(value))}, ""
	}}
}

// textOrNullField is a text that is null where there is none, and null compares
// with nothing.
func textOrNullField(name string, column int) field {
	f := textField(name, column)
	compared := f.filter
	f.filter = func(op sheet.Op, value string, days *time.Location) ([]sheet.Condition, string) {
		conditions, why := compared(op, value, days)
		return append([]sheet.Condition{sheet.Text(column, sheet.Greater, "")}, conditions...), why
	}
	return f
}

// namedField is a number that stands for one of a few texts; it is null where it
// stands for none.
func namedField(name string, column int, names map[int64]string) field {
	order := sheet.Order{Column: column, Key: rankOf(names)}
	return field{name: name, order: order, filter: func(op sheet.Op, value string, _ *time.Location) ([]sheet.Condition, string) {
		meant := map[int64]bool{}
		for n, text := range names {
			meant[n] = text != "" && sheet.Compares(strings.ToLower(text), op, strings.ToLower(value))
		}
		return []sheet.Condition{sheet.OneOf(column, meant)}, ""
	}}
}

// rankOf sorts numbers by the texts that they stand for.
func rankOf(names map[int64]string) func(int64) int64 {
	texts := []string{}
	for _, text := range names {
		texts = append(texts, strings.ToLower(text))
	}
	slices.Sort(texts)
	rank := make(map[int64]int64, len(names))
	for n, text := range names {
		at, _ := slices.BinarySearch(texts, strings.ToLower(text))
		rank[n] = int64(at + 1)
	}
	return func(n int64) int64 { return rank[n] }
}
