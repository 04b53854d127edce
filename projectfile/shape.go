package projectfile

import (
	"regexp"
	"slices"
)

// key is a name that a mapping may have.
type key struct {
	name  string
	issue int // that gives it its effect; 0: it has one
}

// shape says which names each mapping may have, in the order in which the file
// is documented. [] stands for any entry of a list.
var shape = map[string][]key{
	"": {
		{"account", 0}, {"slug", 0}, {"site", 0}, {"origins", 0}, {"link_url", 0}, {"currency", 0}, {"timezone", 0},
		{"loyalty", 0}, {"keys", 0}, {"prefinery_keys", 0}, {"currencies", 0}, {"coupons", 0}, {"redemptions", 0},
		{"tiers", 0}, {"earning", 0}, {"blocked", 0}, {"fraud", 0}, {"campaigns", 0}, {"webhooks", 0}, {"callbacks", 0}, {"email", 0},
		{"account_id", 0},
	},
	"loyalty": {{"auto_opt_in", 0}},
	"keys":    {{"friendbuy", 0}, {"referral_factory", 0}, {"irefer", 0}, {"prefinery", 0}, {"mail", 0}},
	"keys.friendbuy": {
		{"merchant_id", 0}, {"key", 0}, {"secret", 0}, {"signing_secret", 0}, {"public_key", 0},
	},
	"keys.referral_factory": {{"token", 0}, {"inbound_token", 0}},
	"keys.irefer":           {{"license_key", 0}, {"api_key", 0}},
	"keys.prefinery":        {{"api_key", 0}, {"signing_secret", 0}, {"identity_secret", 5}, {"decoder_key", 0}},
	"keys.mail":             {{"events_token", 0}},
	"prefinery_keys[]":      {{"name", 0}, {"api_key", 0}, {"permissions", 0}},
	"currencies[]":          {{"code", 0}, {"cap", 0}, {"expires_after", 0}},
	"coupons[]":             {{"batch", 0}, {"codes", 0}, {"id", 0}, {"campaign", 0}, {"generate", 0}, {"prefix", 0}},
	"redemptions[]":         {{"id", 0}, {"name", 0}, {"cost", 0}, {"currency", 0}, {"coupons", 0}},
	"tiers[]":               {{"id", 0}, {"name", 0}, {"points", 0}, {"currency", 0}},
	"earning[]":             {{"name", 0}, {"on", 0}, {"amount", 0}, {"per_unit", 0}, {"currency", 0}},
	"blocked":               {{"emails", 0}, {"ips", 0}, {"codes", 0}},
	"fraud": {
		{"same_cookie", 0}, {"same_ip_and_agent", 0}, {"same_ip", 0}, {"same_email", 0}, {"similar_email", 0}, {"same_customer_id", 0},
	},
	"campaigns[]": {
		{"name", 0}, {"id", 0}, {"uuid", 0}, {"code", 0}, {"project_token", 5}, {"status", 0}, {"lang", 0}, {"starts_at", 0},
		{"ends_at", 0}, {"landing", 0}, {"link_param", 0}, {"fbuy", 0}, {"attribution_window", 0}, {"confirm_email", 0},
		{"leaderboard", 0}, {"skip_ahead", 0}, {"points", 0}, {"idle_after", 0}, {"friend_invitations", 0}, {"invitation_codes", 0},
		{"questions", 0}, {"limits", 0}, {"code_style", 0}, {"channels", 0}, {"share", 0}, {"rewards", 0}, {"widgets", 0},
	},
	"campaigns[].points":             {{"sign_up", 0}, {"share", 0}, {"referral", 0}},
	"campaigns[].invitation_codes[]": {{"code", 0}, {"uses", 0}},
	"campaigns[].questions[]":        {{"id", 0}, {"text", 0}},
	"campaigns[].limits":             {{"signups_per_ip", 0}, {"referrals_per_ip", 0}, {"ip_safelist", 0}},
	"campaigns[].code_style":         {{"seed", 0}, {"prefix", 0}},
	"campaigns[].share":              {{"subject", 0}, {"text", 0}},
	"campaigns[].rewards[]": {
		{"name", 0}, {"descriptor", 0}, {"id", 0}, {"description", 0}, {"to", 0}, {"on", 0}, {"after", 0}, {"repeat", 0},
		{"limit", 0}, {"when", 0}, {"hold", 0}, {"validate_url", 0}, {"issue", 0}, {"points", 0}, {"value", 0},
	},
	"campaigns[].rewards[].when":   {{"min_amount", 0}, {"new_customer", 0}, {"skus", 0}},
	"campaigns[].rewards[].points": {{"referrer", 0}, {"friend", 0}},
	"campaigns[].rewards[].value":  {{"type", 0}, {"amount", 0}, {"unit", 0}, {"label", 0}, {"coupons", 0}},
	"campaigns[].widgets[]":        {{"id", 0}, {"name", 0}, {"type", 0}},
	"webhooks[]":                   {{"on", 0}, {"url", 0}, {"campaign", 0}},
	"callbacks":                    {{"email_authorization", 0}, {"validation", 0}},
	"email": {
		{"from", 0}, {"bounces", 0}, {"reminders", 0}, {"per_minute", 0}, {"rewards", 0}, {"alerts", 0}, {"wording", 0},
	},
	"email.reminders": {{"after", 0}},
	"email.wording": {
		{"share", 0}, {"reminder", 0}, {"notify", 0}, {"confirmation", 0}, {"invitation", 0}, {"rejection", 0}, {"friend_invitation", 0}, {"reward", 0}, {"stock", 0},
	},
	"email.wording.share":             words,
	"email.wording.reminder":          words,
	"email.wording.notify":            words,
	"email.wording.confirmation":      words,
	"email.wording.invitation":        words,
	"email.wording.rejection":         words,
	"email.wording.friend_invitation": words,
	"email.wording.reward":            words,
	"email.wording.stock":             words,
}

// words are how a mail is worded.
var words = []key{{"subject", 0}, {"text", 0}}

var index = regexp.MustCompile(`\[[0-9]+\]`)

// shapeOf returns what the mapping at a path may have.
func shapeOf(path string) []key { return shape[index.ReplaceAllString(path, "[]")] }

func names(keys []key) []string {
	all := make([]string, len(keys))
	for i, k := range keys {
		all[i] = k.name
	}
	return all
}

func position(keys []key, name string) int {
	return slices.IndexFunc(keys, func(k key) bool { return k.name == name })
}
