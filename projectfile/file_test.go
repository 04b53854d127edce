package projectfile_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"grapevine/model"
	"grapevine/projectfile"
)

// TestMistakesAreToldWithTheirLine has a file a case, and each line that its
// mistakes are told in.
func TestMistakesAreToldWithTheirLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file string
		want       []string
	}{
		{"nothing", "", []string{"f:1: account: expected a text; the file is empty"}},
		{"only a remark", "# hello\n", []string{"f:1: account: expected a text; the file is empty"}},
		{"a list", "- account\n", []string{"f:1: file: expected names with values, such as account: Acme"}},
		{"no UTF-8", "account: A\nslug: \xff\n", []string{"f:2: file: expected UTF-8"}},
		{"a tab", "account:\n\t- b\n", []string{"f:2: file: expected YAML: found character that cannot start any token"}},
		{"an open bracket", "account: A\norigins: [a,\nslug: b\ncurrency: USD\n", []string{"f:4: file: expected YAML: did not find expected ',' or ']'"}},
		{"an open quote", "account: A\nslug: 'b\ncurrency: USD\n", []string{"f:2: file: expected YAML: found unexpected end of stream"}},
		{"wrong indentation", "account: A\ncampaigns:\n  - name: x\n    rewards:\n    - name: y\n     to: z\n", []string{"f:6: file: expected YAML: did not find expected key"}},
		{"two documents", "account: A\n---\naccount: B\n", []string{"f:2: file: expected one document, got another one after it"}},
		{"a tag", "account: !!str A\n", []string{
			"f:1: account: expected a value without a tag, got !!str",
			"f:1: account: expected the company's name; it is required",
		}},
		{"an alias of itself", "account: A\norigins: &x [*x]\n", nil},

		{"a required name", "slug: a\n", []string{"f:1: account: expected the company's name; it is required"}},
		{"a required name that is empty", "slug: a\naccount: ''\n", []string{"f:2: account: expected the company's name; it is required"}},
		{"a name twice, and what else is wrong", "account: A\nslug: B\naccount: C\n", []string{
			`f:2: slug: expected lower-case letters, digits and hyphens, got "B"`,
			"f:3: account: expected each name once; line 1 has it too",
		}},
		{"an unknown name", "account: A\ncurency: USD\n", []string{"f:2: curency: expected a known name: did you mean currency?"}},
		{"a name like no other", "account: A\nkeys:\n  friendbuy:\n    xyzzy: 1\n", []string{
			"f:4: keys.friendbuy.xyzzy: expected a known name: one of merchant_id, key, secret, signing_secret, public_key",
		}},
		{"a merge key", "account: A\nloyalty: {<<: {auto_opt_in: true}}\n", []string{"f:2: loyalty.<<: expected a known name: one of auto_opt_in"}},
		{"no slug to be made", "account: 株式会社\n", []string{
			"f:1: slug: expected lower-case letters, digits and hyphens; the account's name has none to make it from",
		}},
		{"a control character", "account: \"A\\0\"\n", []string{`f:1: account: expected a text without control characters, got "A\x00"`}},
		{"two lines", "account: |\n  A\n  B\n", []string{`f:1: account: expected a text on one line, got "A\nB\n"`}},
		{"a list for a text", "account: [A]\n", []string{"f:1: account: expected a text, got a list"}},
		{"a text for a mapping", "account: A\nloyalty: yes\n", []string{`f:2: loyalty: expected names with values, got "yes"`}},
		{"a mapping for a list", "account: A\ncampaigns: {name: x}\n", []string{"f:2: campaigns: expected a list, got names with values"}},
		{"an entry that is nothing", "account: A\ncampaigns:\n  -\n", []string{
			"f:3: campaigns[0]: expected names with values, got nothing",
			"f:3: campaigns[0].name: expected the campaign's name; it is required",
		}},

		{"addresses", `account: A
site: ftp://shop.example.com
origins: [https://a.example, "https://b.example/path", b.example]
link_url: https://go.example.com/?a=b
callbacks: {email_authorization: "https://user:pass@example.com"}
webhooks: [{on: friendbuy.advocateReward, url: "http://"}]
campaigns: [{name: x, landing: "javascript:alert(1)"}]
`, []string{
			`f:2: site: expected an address such as https://shop.example.com/page, got "ftp://shop.example.com"`,
			`f:3: origins[1]: expected an origin such as https://shop.example.com, got "https://b.example/path"`,
			`f:3: origins[2]: expected an origin such as https://shop.example.com, got "b.example"`,
			`f:4: link_url: expected an address without ? and #, such as https://go.example.com, got "https://go.example.com/?a=b"`,
			`f:5: callbacks.email_authorization: expected an address such as https://shop.example.com/page, got "https://user:pass@example.com"`,
			`f:6: webhooks[0].url: expected an address such as https://shop.example.com/page, got "http://"`,
			`f:7: campaigns[0].landing: expected an address such as https://shop.example.com/page, got "javascript:alert(1)"`,
		}},
		{"currencies", `account: A
currency: usd
currencies:
  - {code: eur}
  - {code: XXX}
  - {code: Points, cap: -1}
  - {code: Points}
  - {code: USD, expires_after: -1h}
  - {cap: 5}
  - {code: Stars, cap: 0.00004}
redemptions:
  - {name: r, cost: 0.00004, currency: Stars}
  - {name: s, cost: 1.50000, currency: Stars}
earning:
  - {name: a, on: sign_up, amount: 1, currency: Coins}
  - {name: b, on: sign_up, amount: 1}
`, []string{
			`f:2: currency: expected an ISO 4217 code such as USD, got "usd"`,
			`f:4: currencies[0].code: expected ISO 4217 codes in upper case, and not XXX, got "eur"`,
			`f:5: currencies[1].code: expected ISO 4217 codes in upper case, and not XXX, got "XXX"`,
			`f:6: currencies[2].cap: expected a decimal number of at least 0, got "-1"`,
			`f:7: currencies[3].code: expected a value of its own, which currencies[2].code does not have, got "Points"`,
			`f:8: currencies[4].expires_after: expected a duration of at least 0s, got "-1h"`,
			`f:9: currencies[5].code: expected a currency's name; it is required`,
			`f:10: currencies[6].cap: expected a decimal number of at most four places, got "0.00004"`,
			`f:12: redemptions[0].cost: expected a decimal number of at most four places, got "0.00004"`,
			`f:15: earning[0].currency: expected an ISO 4217 code such as USD, or a code of currencies, got "Coins"`,
			`f:16: earning[1].currency: expected a currency, got nothing`,
		}},
		{"a zone that only some machines have", `account: A
timezone: right/UTC
`, []string{`f:2: timezone: expected an IANA time zone such as America/Los_Angeles, got "right/UTC"`}},
		{"zones, languages and switches", `account: A
timezone: Local
loyalty: {auto_opt_in: "true"}
campaigns:
  - {name: x, lang: klingon-x, fbuy: 1, confirm_email: no}
`, []string{
			`f:2: timezone: expected an IANA time zone such as America/Los_Angeles, got "Local"`,
			`f:3: loyalty.auto_opt_in: expected true or false, got "true"`,
			`f:5: campaigns[0].lang: expected a language such as en or pt-BR, got "klingon-x"`,
			`f:5: campaigns[0].fbuy: expected true or false, got "1"`,
			`f:5: campaigns[0].confirm_email: expected true or false, got "no"`,
		}},
		{"keys, without their values", `account: A
keys:
  friendbuy: {merchant_id: secret-1, signing_secret: [secret-2]}
  irefer:
    license_key: W4qLsecret-3
  referral_factory: {inbound_token: secret/4}
  prefinery: {api_key: secret 5}
prefinery_keys:
  - {name: a, api_key: secret-6, permissions: []}
  - {name: a, api_key: secret-6, permissions: [users:fly]}
  - {permissions: [users:read]}
`, []string{
			"f:3: keys.friendbuy.merchant_id: expected a UUID",
			"f:3: keys.friendbuy.signing_secret: expected a text, got a list",
			"f:5: keys.irefer.license_key: expected 32 characters, letters and digits, that start with W4qL",
			"f:6: keys.referral_factory.inbound_token: expected letters, digits, -, _, . and ~, as it stands in addresses",
			"f:7: keys.prefinery.api_key: expected letters, digits and signs without blanks",
			"f:9: prefinery_keys[0].permissions: expected what the key may do, such as users:read; it is required",
			`f:10: prefinery_keys[1].permissions[0]: expected projects:read, projects:delete, users:create, users:read, users:update, users:delete, ` +
				`rewards:create, rewards:read, rewards:update, suppressions:create, suppressions:read, suppressions:delete, friend_invitations:create, ` +
				`points:create or points:read, got "users:fly"`,
			"f:10: prefinery_keys[1].api_key: expected a key of its own, which prefinery_keys[0].api_key does not have",
			"f:11: prefinery_keys[2].name: expected the key's name; it is required",
		}},
		{"coupons", `account: A
coupons:
  - {batch: x, codes: [A, B, A], campaign: None}
  - {batch: x, generate: -1}
  - {codes: [B, ""], prefix: a b}
  - {batch: y, id: 0, generate: 1000001}
  - {batch: z, id: 1.5}
redemptions:
  - {name: r, cost: 0, currency: USD, coupons: nope}
  - {id: not-a-uuid, name: s, cost: five, currency: USD}
`, []string{
			`f:3: coupons[0].campaign: expected the name of a campaign of this file, which has none, got "None"`,
			`f:3: coupons[0].codes[2]: expected a value of its own, which coupons[0].codes[0] does not have, got "A"`,
			`f:4: coupons[1].generate: expected a whole number from 0 to 1000000, got "-1"`,
			`f:4: coupons[1].batch: expected a value of its own, which coupons[0].batch does not have, got "x"`,
			`f:5: coupons[2].batch: expected the batch's name; it is required`,
			`f:5: coupons[2].codes[1]: expected a text, got nothing`,
			`f:5: coupons[2].prefix: expected letters, digits, - and _, at most 32, got "a b"`,
			`f:5: coupons[2].codes[0]: expected a value of its own, which coupons[0].codes[1] does not have, got "B"`,
			`f:6: coupons[3].id: expected a whole number of at least 1, got "0"`,
			`f:6: coupons[3].generate: expected a whole number from 0 to 1000000, got "1000001"`,
			`f:7: coupons[4].id: expected a whole number of at least 1, got "1.5"`,
			`f:9: redemptions[0].cost: expected a decimal number of more than 0, got "0"`,
			`f:9: redemptions[0].coupons: expected the name of a batch of this file, got "nope"`,
			`f:10: redemptions[1].id: expected a UUID, got "not-a-uuid"`,
			`f:10: redemptions[1].cost: expected a decimal number of at least 0, got "five"`,
		}},
		{"loyalty", `account: A
tiers:
  - {name: Gold, points: 1e3, currency: USD}
  - {name: Gold, points: "100", currency: USD}
earning:
  - {name: a, on: sign_up, currency: USD}
  - {name: b, on: sign_up, amount: 1, per_unit: 1, currency: USD}
  - {name: c, on: sign_up, per_unit: 1, currency: USD}
  - {name: c, amount: 0, currency: USD}
blocked: {emails: [mailinator.com], ips: [10.0.0.0/8, "10.1.*", "::1", 10.0.0.999]}
fraud: {same_ip: maybe, similar_email: 101, similar_mail: 1}
`, []string{
			`f:4: tiers[1].points: expected a decimal number of at least 0, got "100"`,
			`f:4: tiers[1].name: expected a value of its own, which tiers[0].name does not have, got "Gold"`,
			`f:6: earning[0].amount: expected either amount or per_unit`,
			`f:7: earning[1].amount: expected either amount or per_unit`,
			`f:8: earning[2].per_unit: expected on: purchase, the only event with units, got "sign_up"`,
			`f:9: earning[3].on: expected what is rewarded, such as sign_up or purchase; it is required`,
			`f:9: earning[3].name: expected a value of its own, which earning[2].name does not have, got "c"`,
			`f:9: earning[3].amount: expected a decimal number of more than 0, got "0"`,
			`f:10: blocked.emails[0]: expected an address, in which * stands for any characters, got "mailinator.com"`,
			`f:10: blocked.ips[3]: expected an IP address, a range such as 10.0.0.0/8, or one with *, got "10.0.0.999"`,
			`f:11: fraud.similar_mail: expected a known name: did you mean similar_email?`,
			`f:11: fraud.same_ip: expected true or false, got "maybe"`,
			`f:11: fraud.similar_email: expected a whole number from 0 to 100, got "101"`,
		}},
		{"campaigns", `account: A
campaigns:
  - name: One
    id: 1
    uuid: 9
    code: API
    status: live
    starts_at: 2026-03-01T00:00:00Z
    ends_at: 2026-03-01T00:00:00+01:00
    link_param: fbuy
    attribution_window: 0h
    leaderboard: score
    skip_ahead: -1
    points: {sign_up: -1}
    idle_after: 30 days
    questions: [{id: 1}, {id: 1, text: How?}]
    limits: {signups_per_ip: many, ip_safelist: ["("]}
    code_style: {seed: last_name, prefix: "a/"}
    channels: [email, email, fax]
    share: {subject: "a\nb", text: "{{.Link"}
    widgets: [{type: popup}, {name: W, id: 1}]
  - {name: One, id: 1, code: a.b, starts_at: yesterday}
  - {id: 9007199254740992, code: x, project_token: p}
  - {name: Three, code: X, project_token: p}
  - name: Four
    invitation_codes:
      - {code: PRESS, uses: 0}
      - {code: press, uses: 1}
      - {code: a b}
      - {uses: many, limit: 1}
  - {name: Five, invitation_codes: [{code: PRESS, uses: 1}]}
`, []string{
			`f:5: campaigns[0].uuid: expected a UUID, got "9"`,
			`f:6: campaigns[0].code: expected a code that is no part of this server's own addresses, got "API"`,
			`f:7: campaigns[0].status: expected draft, launched or paused, got "live"`,
			`f:9: campaigns[0].ends_at: expected a time after starts_at, got "2026-03-01T00:00:00+01:00"`,
			`f:10: campaigns[0].link_param: expected another name than fbuy, which the signed attribution has, got "fbuy"`,
			`f:11: campaigns[0].attribution_window: expected a duration of at least 1ms, got "0h"`,
			`f:12: campaigns[0].leaderboard: expected referrals, points, joined or skip_ahead, got "score"`,
			`f:13: campaigns[0].skip_ahead: expected a whole number from 0 to 2147483647, got "-1"`,
			`f:14: campaigns[0].points.sign_up: expected a decimal number of at least 0, got "-1"`,
			`f:15: campaigns[0].idle_after: expected a duration such as 720h, got "30 days"`,
			`f:16: campaigns[0].questions[0].text: expected the question; it is required`,
			`f:16: campaigns[0].questions[1].id: expected a value of its own, which campaigns[0].questions[0].id does not have, got "1"`,
			`f:17: campaigns[0].limits.signups_per_ip: expected a whole number from 0 to 2147483647, got "many"`,
			`f:17: campaigns[0].limits.ip_safelist[0]: expected an IP address or a regular expression, got "("`,
			`f:18: campaigns[0].code_style.seed: expected random or first_name, got "last_name"`,
			`f:18: campaigns[0].code_style.prefix: expected letters, digits, - and _, at most 32, got "a/"`,
			`f:19: campaigns[0].channels[1]: expected a value of its own, which campaigns[0].channels[0] does not have, got "email"`,
			`f:19: campaigns[0].channels[2]: expected email, facebook, twitter, linkedin, whatsapp, messenger, sms, purl, generic or snap, got "fax"`,
			`f:20: campaigns[0].share.subject: expected a text on one line, got "a\nb"`,
			`f:20: campaigns[0].share.text: expected a text whose {{ }} is a template, got "{{.Link"`,
			`f:21: campaigns[0].widgets[0].name: expected the widget's name; it is required`,
			`f:21: campaigns[0].widgets[0].type: expected advocateShare or emailCapture, got "popup"`,
			`f:21: campaigns[0].widgets[1].id: expected a UUID, got "1"`,
			`f:22: campaigns[1].code: expected letters, digits, - and _, at most 64, got "a.b"`,
			`f:22: campaigns[1].starts_at: expected a time such as 2026-03-01T00:00:00Z, got "yesterday"`,
			`f:22: campaigns[1].name: expected a value of its own, which campaigns[0].name does not have, got "One"`,
			`f:22: campaigns[1].id: expected a value of its own, which campaigns[0].id does not have, got "1"`,
			`f:23: campaigns[2].name: expected the campaign's name; it is required`,
			`f:23: campaigns[2].id: expected a whole number from 1 to 9007199254740991, got "9007199254740992"`,
			`f:24: campaigns[3].code: expected a value of its own, which campaigns[2].code does not have, got "X"`,
			`f:24: campaigns[3].project_token: expected a value of its own, which campaigns[2].project_token does not have, got "p"`,
			`f:27: campaigns[4].invitation_codes[0].uses: expected a whole number of at least 1, got "0"`,
			`f:28: campaigns[4].invitation_codes[1].code: expected a value of its own, which campaigns[4].invitation_codes[0].code does not have, got "press"`,
			`f:29: campaigns[4].invitation_codes[2].code: expected letters, digits, - and _, at most 64, got "a b"`,
			`f:29: campaigns[4].invitation_codes[2].uses: expected how many it lets in; it is required`,
			`f:30: campaigns[4].invitation_codes[3].limit: expected a known name: one of code, uses`,
			`f:30: campaigns[4].invitation_codes[3].code: expected the code; it is required`,
			`f:30: campaigns[4].invitation_codes[3].uses: expected a whole number of at least 1, got "many"`,
		}},
		{"rewards", `account: A
campaigns:
  - name: One
    rewards:
      - {name: a, descriptor: d, id: 7, to: everyone, on: purchase}
      - {name: a, descriptor: d, id: 7, to: both}
      - {on: /thanks}
      - {name: b, to: friend, on: x, after: 0, limit: -1, repeat: sometimes}
      - {name: c, to: friend, on: x, hold: -1s, issue: later, validate_url: here, when: {min_amount: ten, skus: x}}
      - {name: e, to: friend, on: x, points: {friend: .5}, value: {type: coupon, amount: 1_000, coupons: none}}
      - {name: f, to: friend, on: x, value: {type: ledger, amount: 0}}
      - {name: g, to: friend, on: x, value: {type: ledger, amount: 1, unit: Points}}
  - {name: Two, rewards: [{name: a, id: 7, to: both, on: x, descriptor: a b}]}
  - name: Three
    rewards:
      - {name: Ten off, to: friend, on: x}
      - {name: ten OFF!, to: friend, on: x}
      - {name: Other, descriptor: ten_off, to: friend, on: x}
      - {name: ありがとう, to: friend, on: x}
      - {name: さようなら, to: friend, on: x}
`, []string{
			`f:5: campaigns[0].rewards[0].to: expected advocate, friend, both or customer, got "everyone"`,
			`f:6: campaigns[0].rewards[1].on: expected what is rewarded, such as sign_up, purchase or a page such as /thanks; it is required`,
			`f:6: campaigns[0].rewards[1].id: expected a value of its own, which campaigns[0].rewards[0].id does not have, got "7"`,
			`f:6: campaigns[0].rewards[1].descriptor: expected a value of its own, which campaigns[0].rewards[0].descriptor does not have, got "d"`,
			`f:7: campaigns[0].rewards[2].name: expected the reward's name; it is required`,
			`f:7: campaigns[0].rewards[2].to: expected advocate, friend, both or customer; it is required`,
			`f:8: campaigns[0].rewards[3].after: expected a whole number of at least 1, got "0"`,
			`f:8: campaigns[0].rewards[3].repeat: expected true or false, got "sometimes"`,
			`f:8: campaigns[0].rewards[3].limit: expected a whole number of at least 0, got "-1"`,
			`f:9: campaigns[0].rewards[4].hold: expected a duration of at least 0s, got "-1s"`,
			`f:9: campaigns[0].rewards[4].validate_url: expected an address such as https://shop.example.com/page, got "here"`,
			`f:9: campaigns[0].rewards[4].when.min_amount: expected a decimal number of at least 0, got "ten"`,
			`f:9: campaigns[0].rewards[4].when.skus: expected a list, got "x"`,
			`f:9: campaigns[0].rewards[4].issue: expected manual or auto, got "later"`,
			`f:10: campaigns[0].rewards[5].points.friend: expected a decimal number of at least 0, got ".5"`,
			`f:10: campaigns[0].rewards[5].value.type: expected discount, credit, ledger, giftCard, cash, product, integration or other, got "coupon"`,
			`f:10: campaigns[0].rewards[5].value.coupons: expected the name of a batch of this file, which has none, got "none"`,
			`f:10: campaigns[0].rewards[5].value.amount: expected a decimal number of at least 0, got "1_000"`,
			`f:11: campaigns[0].rewards[6].value.amount: expected a decimal number of more than 0, got "0"`,
			`f:12: campaigns[0].rewards[7].value.unit: expected an ISO 4217 code such as USD, or a code of currencies, got "Points"`,
			`f:13: campaigns[1].rewards[0].descriptor: expected letters, digits, -, _ and ., got "a b"`,
			`f:13: campaigns[1].rewards[0].id: expected a value of its own, which campaigns[0].rewards[0].id does not have, got "7"`,
			`f:17: campaigns[2].rewards[1].name: expected a descriptor beside it, as ten_off, which is made of it, is that of campaigns[2].rewards[0]`,
			`f:18: campaigns[2].rewards[2].descriptor: expected a value of its own, which campaigns[2].rewards[0] does not have, got "ten_off"`,
			`f:20: campaigns[2].rewards[4].name: expected a descriptor beside it, as reward, which is made of it, is that of campaigns[2].rewards[3]`,
		}},
		{"webhooks and mail", `account: A
webhooks:
  - {on: friendbuy.advocateRewards, url: "https://a.example"}
  - {on: prefinery.tester_created, url: "https://a.example", campaign: One}
  - {on: prefinery.tester_created, url: "https://a.example", campaign: Two}
  - {on: prefinery.tester_created, url: "https://a.example", campaign: One}
  - {url: "https://a.example"}
  - {on: friendbuy.emailCapture}
campaigns: [{name: One}]
email: {from: hello, reminders: {after: soon}}
`, []string{
			`f:3: webhooks[0].on: expected a known event, got "friendbuy.advocateRewards": did you mean friendbuy.advocateReward?`,
			`f:5: webhooks[2].campaign: expected the name of a campaign of this file, got "Two"`,
			`f:6: webhooks[3].url: expected each webhook once; webhooks[1] is the same`,
			`f:7: webhooks[4].on: expected what is told, such as friendbuy.advocateReward; it is required`,
			`f:8: webhooks[5].url: expected an address; it is required`,
			`f:10: email.from: expected an address such as Acme <hello@shop.example.com>, got "hello"`,
			`f:10: email.reminders.after: expected a duration such as 720h, got "soon"`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := projectfile.Parse("f", []byte(c.file))
			var problems *projectfile.Problems
			if !errors.As(err, &problems) {
				t.Fatalf("got %v, want problems", err)
			}
			got := strings.Split(err.Error(), "\n")
			if c.want != nil {
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("problems:\n%s", diff)
				}
			}
			for _, line := range got {
				if strings.Contains(line, "secret-") {
					t.Errorf("%q shows a key", line)
				}
			}
		})
	}
}

func TestTooMuchIsRefused(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'j'; c++ {
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+",", 10) + "]\n"
	}
	for name, file := range map[string]string{
		"large":        "account: " + strings.Repeat("x", projectfile.MaxSize),
		"deep":         "account: A\norigins: " + deep,
		"many aliases": "account: A\n" + bomb,
		"long text":    "account: " + strings.Repeat("x", 301),
		"longer text":  "account: A\ncampaigns: [{name: x, share: {text: " + strings.Repeat("x", 5001) + "}}]",
		"mistakes":     "account: A\norigins: [" + strings.Repeat("x,", 5000) + "]",
	} {
		_, err := projectfile.Parse("f", []byte(file))
		if err == nil {
			t.Errorf("%s: read without a problem", name)
		} else if lines := strings.Count(err.Error(), "\n"); lines > 201 {
			t.Errorf("%s: told in %d lines", name, lines)
		}
	}
}

func TestApplyErrorsAreTracedToTheirLine(t *testing.T) {
	t.Parallel()
	f, err := projectfile.Parse("acme.yaml", []byte("account: A\ncampaigns:\n  - name: One\n    code: one\nkeys:\n  friendbuy:\n    key: k\n"))
	if err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]string{
		"campaigns[0].code":      "acme.yaml:4: campaigns[0].code: expected a code that is free",
		"keys.friendbuy.key":     "acme.yaml:7: keys.friendbuy.key: expected a code that is free",
		"keys.irefer.api_key":    "acme.yaml:6: keys.irefer.api_key: expected a code that is free",
		"campaigns[7].code":      "acme.yaml:3: campaigns[7].code: expected a code that is free",
		"campaigns[0].rewards.x": "acme.yaml:3: campaigns[0].rewards.x: expected a code that is free",
	} {
		got := f.Explain(&model.Error{Kind: model.Conflict, Field: field, Msg: "a code that is free"})
		if got.Error() != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	one, two := &model.Error{Field: "campaigns[0].code", Msg: "another"}, &model.Error{Field: "keys.friendbuy.key", Msg: "another"}
	if got, want := f.Explain(errors.Join(one, two)).Error(), "acme.yaml:4: campaigns[0].code: expected another\nacme.yaml:7: keys.friendbuy.key: expected another"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	other := errors.New("disk full")
	if got := f.Explain(other); got != other {
		t.Errorf("got %v, want the error as it was", got)
	}
}
