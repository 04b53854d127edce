package demo

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"grapevine/app"
)

// walk is one referral on its way: Ann shares, Bea buys.
type walk struct {
	account *account
	shop    *shop
	server  string
	place   app.Config
	mailDir string

	link    link
	mailed  string // address that Bea's mail leads to
	landing *url.URL
	order   *placed
}

var ann = person{Name: "Ann", Email: "ann@example.com", CustomerID: "ann-1"}

const (
	beaEmail = "bea@example.com"
	beaName  = "Bea"
)

// step is one thing that happens; it returns what there is to tell.
type step struct {
	name string
	do   func(context.Context) (string, error)
}

// run walks and tells of each step. It stops at the first that fails.
func (w *walk) run(ctx context.Context, out io.Writer) error {
	steps := []step{
		{"authorize", w.authorize},
		{"link", w.makeLink},
		{"mail", w.mail},
		{"click", w.click},
		{"landing", w.land},
		{"purchase", w.buy},
		{"reward", w.earn},
		{"coupon", w.thank},
		{"webhook", w.hear},
		{"mails", w.mails},
		{"again", w.repeat},
		{"ledger", w.spend},
		{"verify", w.verify},
	}
	for i, s := range steps {
		bounded, cancel := context.WithTimeout(ctx, stepLimit)
		text, err := s.do(bounded)
		cancel()
		if err != nil {
			fmt.Fprintf(out, "%3d  %-10s FAILED: %v\n", i+1, s.name, err)
			return fmt.Errorf("demo: step %s: %w", s.name, err)
		}
		fmt.Fprintf(out, "%3d  %-10s %s\n", i+1, s.name, strings.ReplaceAll(text, "\n", "\n                "))
	}
	return nil
}

func (w *walk) authorize(ctx context.Context) (string, error) {
	_, expires, err := w.shop.api().authorize(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("the shop's server has a token, good for %d minutes", int(time.Until(expires).Round(time.Minute).Minutes())), nil
}

func (w *walk) makeLink(ctx context.Context) (string, error) {
	var err error
	w.link, err = w.shop.api().link(ctx, ann)
	return "Ann shares " + w.link.URL, err
}

// click follows the link of the mail as a browser does, up to the shop's
// address.
func (w *walk) click(ctx context.Context) (string, error) {
	link, _, err := follow(ctx, w.mailed)
	if err != nil {
		return "", err
	}
	if link.String() != w.link.URL {
		return "", fmt.Errorf("the mail leads to %s, want %s", link, w.link.URL)
	}
	var cookies []*http.Cookie
	if w.landing, cookies, err = follow(ctx, w.link.URL); err != nil {
		return "", err
	}
	if len(cookies) == 0 {
		return "", errors.New("the visitor got no cookie")
	}
	query := w.landing.Query()
	if query.Get("ref") != w.link.Code {
		return "", fmt.Errorf("%s does not carry the code %s", w.landing, w.link.Code)
	}
	payload, err := attested(query.Get("fbuy"), w.account.Keys.Friendbuy.PublicKey)
	if err != nil {
		return "", err
	}
	query.Del("fbuy")
	w.landing.RawQuery = query.Encode()
	return fmt.Sprintf("Bea follows it and is sent to %s\nits signed attribution, verified: %s", w.landing, payload), nil
}

// follow makes one step of a way, and tells where that leads.
func follow(ctx context.Context, address string) (*url.URL, []*http.Cookie, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, err
	}
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusFound {
		return nil, nil, fmt.Errorf("%s: got %s, want a redirect", address, answer.Status)
	}
	to, err := answer.Location()
	return to, answer.Cookies(), err
}

// attested verifies a signed attribution with the account's public key, and
// returns what it says.
func attested(token, publicKey string) (string, error) {
	block, _ := pem.Decode([]byte(publicKey))
	if block == nil {
		return "", errors.New("apply printed no public key")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return "", err
	}
	key, ok := parsed.(*rsa.PublicKey)
	if !ok {
		return "", fmt.Errorf("the public key is a %T", parsed)
	}
	head, signature, _ := cutLast(token, ".")
	_, payload, _ := strings.Cut(head, ".")
	sum := sha256.Sum256([]byte(head))
	raw, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil {
		return "", fmt.Errorf("the signature of fbuy cannot be read: %w", err)
	}
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], raw); err != nil {
		return "", fmt.Errorf("the signature of fbuy is wrong: %w", err)
	}
	text, err := base64.RawURLEncoding.DecodeString(payload)
	return string(text), err
}

func cutLast(s, sep string) (before, after string, found bool) {
	at := strings.LastIndex(s, sep)
	if at < 0 {
		return s, "", false
	}
	return s[:at], s[at+len(sep):], true
}

func (w *walk) land(ctx context.Context) (string, error) {
	text, err := visit(ctx, http.MethodGet, w.landing.String(), nil)
	if err != nil {
		return "", err
	}
	if !strings.Contains(text, "Ann sent you") {
		return "", errors.New("the shop does not know who sent Bea")
	}
	return "the shop greets her: Ann sent you, $10 are waiting", nil
}

// buy sends the form of the shop's page; the shop's server calls the API.
func (w *walk) buy(ctx context.Context) (string, error) {
	_, err := visit(ctx, http.MethodPost, w.shop.url+"/buy", url.Values{
		"sku": {"PACK-35"}, "email": {beaEmail}, "name": {beaName}, "ref": {w.link.Code},
	})
	if err != nil {
		return "", err
	}
	w.shop.mu.Lock()
	defer w.shop.mu.Unlock()
	for _, p := range w.shop.orders {
		if p.By.Email == beaEmail && p.Event != "" {
			w.order = &p
			return fmt.Sprintf("Bea buys a %s for $%s; the shop reports order %s, recorded as event %s", p.Product.Name, p.Product.Price, p.ID, p.Event), nil
		}
	}
	return "", errors.New("the shop has no order of Bea's")
}

// visit opens a page of the shop, and whatever that leads to.
func visit(ctx context.Context, method, address string, form url.Values) (string, error) {
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s", method, address, answer.Status)
	}
	return string(text), err
}

func (w *walk) earn(ctx context.Context) (string, error) {
	t, err := w.shop.hooks.wait(ctx, "advocateReward")
	if err != nil {
		return "", err
	}
	if t.Email != ann.Email || len(t.Friends) != 1 || t.Friends[0].Email != beaEmail {
		return "", fmt.Errorf("the reward is %+v, want one for Ann, brought by Bea", t)
	}
	return fmt.Sprintf("Ann earned %s %s of store credit, reward %s", t.Amount, t.Unit, t.RewardID), nil
}

func (w *walk) thank(ctx context.Context) (string, error) {
	t, err := w.shop.hooks.wait(ctx, "friendIncentive")
	if err != nil {
		return "", err
	}
	if t.Email != beaEmail || t.Coupon == "" {
		return "", fmt.Errorf("the reward is %+v, want a coupon for Bea", t)
	}
	return fmt.Sprintf("Bea earned %s %s off her next order, code %s", t.Amount, t.Unit, t.Coupon), nil
}

// hear tells how the shop knows: it keeps nothing whose signature is wrong.
func (w *walk) hear(ctx context.Context) (string, error) {
	var lines []string
	for _, t := range w.shop.hooks.all() {
		lines = append(lines, fmt.Sprintf("the shop was told by webhook %s, delivery %s, HMAC signature verified", t.Event, t.Delivery))
	}
	forged, err := http.NewRequestWithContext(ctx, http.MethodPost, w.shop.url+"/hooks/rewards", bytes.NewReader([]byte(`{"data":[{}]}`)))
	if err != nil {
		return "", err
	}
	forged.Header.Set("X-Friendbuy-Hmac-SHA256", base64.StdEncoding.EncodeToString(make([]byte, 32)))
	answer, err := http.DefaultClient.Do(forged)
	if err != nil {
		return "", err
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusUnauthorized {
		return "", fmt.Errorf("a forged webhook got %s", answer.Status)
	}
	return strings.Join(append(lines, "a forged one was refused"), "\n"), nil
}

func (w *walk) repeat(ctx context.Context) (string, error) {
	event, err := w.shop.api().purchase(ctx, w.order.order)
	if err != nil {
		return "", err
	}
	if event != w.order.Event {
		return "", fmt.Errorf("the repeated order is event %s, want %s again", event, w.order.Event)
	}
	return "order " + w.order.ID + " sent twice is the same event, and earns nothing more", nil
}

func (w *walk) spend(ctx context.Context) (string, error) {
	left, err := w.shop.api().spend(ctx, ann, "4.00")
	if err != nil {
		return "", err
	}
	if left != "6" {
		return "", fmt.Errorf("%s are left, want 6", left)
	}
	return "Ann spends $4 of her credit, $" + left.String() + " are left", nil
}

func (w *walk) verify(ctx context.Context) (string, error) {
	var report bytes.Buffer
	if err := app.Verify(ctx, w.place, "", &report); err != nil {
		return "", fmt.Errorf("%w\n%s", err, &report)
	}
	return strings.TrimSpace(report.String()), nil
}

// invite prints what to try.
func (w *walk) invite(out io.Writer) {
	keys := w.account.Keys.Friendbuy
	fmt.Fprintf(out, `
Your turn:

  the shop, as Ann's friend   %[1]s
  what webhooks told it       %[2]s/hooks
  the mails, as files         %[8]s
  the server                  %[3]s
  its health, its figures     %[3]s/readyz  %[3]s/metrics

  key             %[4]s
  secret          %[5]s
  signing secret  %[6]s
  merchant id     %[7]s
  campaign        %[9]s

  curl -s %[3]s/v1/authorization -H 'Content-Type: application/json' \
    -d '{"key":"%[4]s","secret":"%[5]s"}'

Ctrl-C ends the demo and removes everything.
`, w.link.URL, w.shop.url, w.server, keys.Key, keys.Secret, keys.SigningSecret, keys.MerchantID, w.mailDir, w.account.Campaigns[0].UUID)
}
