package projectfile

import (
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"text/template"

	"github.com/google/uuid"
	"golang.org/x/text/currency"
	"golang.org/x/text/language"

	"grapevine/engine/zone"
	"grapevine/model"
)

// matching makes a check of a pattern.
func matching(pattern, expected string) check {
	re := regexp.MustCompile(pattern)
	return func(value string) string {
		if re.MatchString(value) {
			return ""
		}
		return expected
	}
}

var (
	slugForm       = matching(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`, "lower-case letters, digits and hyphens")
	codeForm       = matching(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`, "letters, digits, - and _, at most 64")
	prefixForm     = matching(`^[A-Za-z0-9_-]{1,32}$`, "letters, digits, - and _, at most 32")
	descriptorForm = matching(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$`, "letters, digits, -, _ and .")
	paramForm      = matching(`^[A-Za-z0-9_.-]{1,64}$`, "a query parameter's name: letters, digits, -, _ and .")
	licenseForm    = matching(`^W4qL[A-Za-z0-9]{28}$`, "32 characters, letters and digits, that start with W4qL")
	pointsForm     = matching(`^[A-Za-z][A-Za-z0-9 _.-]{0,31}$`, "a currency's name: letters, digits and blanks, at most 32")
	tokenForm      = matching(`^[!-~]+$`, "letters, digits and signs without blanks")
	segmentForm    = matching(`^[A-Za-z0-9_.~-]+$`, "letters, digits, -, _, . and ~, as it stands in addresses")
)

func notReserved(value string) string {
	if model.Reserved(value) {
		return "a code that is no part of this server's own addresses"
	}
	return ""
}

func isUUID(value string) string {
	if _, err := uuid.Parse(value); err != nil || len(value) != 36 {
		return "a UUID"
	}
	return ""
}

// mostURL is what browsers and mail programs still follow.
const mostURL = 2000

// webURL holds that a value is an address that a browser or our sender can go
// to. One with a user and password would put these into logs.
func webURL(value string) string {
	const expected = "an address such as https://shop.example.com/page"
	u, err := url.Parse(value)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil || u.Opaque != "" ||
		len(value) > mostURL || strings.ContainsAny(value, " \t\n\"<>\\^`{|}") {
		return expected
	}
	return ""
}

// baseURL is a webURL that something is appended to.
func baseURL(value string) string {
	u, err := url.Parse(value)
	if err != nil || webURL(value) != "" || strings.ContainsAny(value, "?#") || u.RawQuery != "" {
		return "an address without ? and #, such as https://go.example.com"
	}
	return ""
}

// origin is what a browser sends as Origin.
func origin(value string) string {
	u, err := url.Parse(value)
	if err != nil || baseURL(value) != "" || strings.Trim(u.Path, "/") != "" {
		return "an origin such as https://shop.example.com"
	}
	return ""
}

// asSent is an origin as browsers write it: in lower case, and without the port
// that its scheme has anyway.
func asSent(origin string) string {
	origin = strings.ToLower(strings.TrimRight(origin, "/"))
	if strings.HasPrefix(origin, "https:") {
		return strings.TrimSuffix(origin, ":443")
	}
	return strings.TrimSuffix(origin, ":80")
}

func timezone(value string) string {
	if _, known := zone.Load(value); !known {
		return "an IANA time zone such as America/Los_Angeles"
	}
	return ""
}

func isLanguage(value string) string {
	if _, err := language.Parse(value); err != nil {
		return "a language such as en or pt-BR"
	}
	return ""
}

// iso holds that a value is an ISO 4217 code, in upper case. XXX is no
// currency.
func iso(value string) string {
	if _, err := currency.ParseISO(value); err != nil || value != strings.ToUpper(value) || value == "XXX" {
		return "an ISO 4217 code such as USD"
	}
	return ""
}

func mailbox(value string) string {
	a, err := mail.ParseAddress(value)
	if err != nil || !strings.Contains(a.Address[strings.LastIndex(a.Address, "@")+1:], ".") {
		return "an address such as Acme <hello@shop.example.com>"
	}
	return ""
}

// bareAddress is a mailbox without a name beside it.
func bareAddress(value string) string {
	if a, err := mail.ParseAddress(value); err != nil || a.Address != value || mailbox(value) != "" {
		return "an address such as bounces@shop.example.com"
	}
	return ""
}

func mailPattern(value string) string {
	if !strings.Contains(value, "@") || strings.ContainsAny(value, " \t\n") {
		return "an address, in which * stands for any characters"
	}
	return ""
}

var ipPattern = regexp.MustCompile(`^[0-9A-Fa-f.:]*\*[0-9A-Fa-f.:*]*$`)

func ipRange(value string) string {
	if _, err := netip.ParseAddr(value); err == nil {
		return ""
	}
	if _, err := netip.ParsePrefix(value); err == nil || ipPattern.MatchString(value) {
		return ""
	}
	return "an IP address, a range such as 10.0.0.0/8, or one with *"
}

func regularExpression(value string) string {
	if _, err := regexp.Compile(value); err != nil {
		return "an IP address or a regular expression"
	}
	return ""
}

func isTemplate(value string) string {
	if _, err := template.New("").Parse(value); err != nil {
		return "a text whose {{ }} is a template"
	}
	return ""
}

// machineName makes a slug or descriptor of a name: letters and digits, the
// rest one separator.
func machineName(name, separator string, most int) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(name) {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			gap = b.Len() > 0
			continue
		}
		if gap {
			b.WriteString(separator)
			gap = false
		}
		if b.Len() >= most {
			break
		}
		b.WriteRune(r)
	}
	return strings.TrimRight(b.String(), separator)
}
