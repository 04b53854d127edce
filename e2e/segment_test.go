//go:build e2e

package e2e_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	_ "embed"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The client under test is what Segment runs for its customers, as published.
// fast-uri is pinned because later ones want a newer Node.
const segmentPackages = `{
  "private": true,
  "dependencies": {"@segment/action-destinations": "3.387.0"},
  "overrides": {"fast-uri": "3.0.6"}
}`

// merchantHost is the name that the client has built in.
const merchantHost = "mapi.fbot.me"

//go:embed testdata/segment.js
var segmentScript []byte

//go:embed testdata/redirect.js
var redirectScript []byte

// TestSegmentDestination has a client that nobody here wrote call the binary,
// unmodified: only its name lookup is told where the server is, and Node which
// certificate to believe. What it sent is read back from the lists.
func TestSegmentDestination(t *testing.T) {
	folder := installSegment(t)
	onEachEngine(t, func(t *testing.T, d database) {
		d.apply(t, segmentProject)
		certificate := makeCertificate(t, merchantHost)
		s := d.start(t, freeAddr(t), "--tls-cert", certificate.cert, "--tls-key", certificate.key)
		s.url, s.http = "https://"+s.addr, certificate.client()
		s.awaitReady(t)
		m := openMerchant(t, s)
		link := m.must(t, "POST", "/v1/personal-referral-link", fmt.Sprintf(`{"email": "ann@example.com", "customerId": "ann", "firstName": "Ann", `+
			`"lastName": "Bee", "campaignId": %q, "seed": "ann"}`, campaignUUID), http.StatusOK)
		code, _ := link["referralCode"].(string)

		segment := &segment{folder: folder, server: s.addr, certificate: certificate.cert}
		const browser = `"context": {"ip": "203.0.113.9", "userAgent": "Mozilla/5.0", "page": {"url": "https://shop.example.com/", "title": "Shop"}}`
		segment.run(t, []step{
			{Call: "testAuthentication"},
			{Call: "action", Action: "trackCustomer", Event: `{"type": "identify", "userId": "cleo", "anonymousId": "a-1", ` + browser + `, "traits": {
				"email": "cleo@example.com", "firstName": "Cleo", "lastName": "Day", "age": 40, "birthday": "1986-02-28", "language": "en", "loyaltyStatus": "in",
				"isNewCustomer": true, "customerSince": "2026-01-01T00:00:00Z", "friendbuyAttributes": {"shoe": "7"},
				"address": {"country": "US", "state": "CA", "city": "Los Angeles", "postalCode": 90001}}}`},
			{Call: "action", Action: "trackCustomer", Event: `{"type": "identify", "userId": "cleo", "traits": {"email": "cleo@example.com", "lastName": "Dee"}}`},
			{Call: "action", Action: "trackSignUp", Event: `{"type": "track", "event": "Signed Up", "userId": "bob", ` + browser + `, "properties": {
				"email": "bob@example.com", "firstName": "Bob", "lastName": "Cole", "birthday": "1990-10-01", "age": "36", "loyaltyStatus": "in", "referralCode": "` + code + `"}}`},
			{Call: "action", Action: "trackPurchase", Event: `{"type": "track", "event": "Order Completed", "userId": "bob", ` + browser + `, "properties": {
				"order_id": "o-1", "total": 57.870000000000005, "currency": "USD", "email": "bob@example.com", "referralCode": "` + code + `", "isNewCustomer": true,
				"giftCardCodes": "G-1", "products": [{"sku": 7, "name": "Tent", "quantity": "2", "price": 24.99, "category": "camp", "image_url": "https://shop.example.com/tent.png"}, {"price": 7.89}]}}`},
			{Call: "action", Action: "trackCustomEvent", Event: `{"type": "track", "event": "store_visit", "userId": "bob", ` + browser + `, "properties": {
				"email": "bob@example.com", "referralCode": "` + code + `", "deduplicationId": "visit-1", "shop": "Berlin", "floor": 2}}`},
		}, func(i int, o outcome) {
			if !o.OK {
				t.Errorf("step %d was refused: %s", i, o.Error)
			}
		})
		// As published, it sends no token with a deletion, which the service it
		// was written for refuses as well.
		segment.run(t, []step{{Call: "onDelete", Event: `{"type": "delete", "userId": "bob"}`}}, func(_ int, o outcome) {
			if o.OK || !strings.Contains(o.Error, "401") {
				t.Errorf("a deletion without a token: %+v", o)
			}
		})
		segment.secret = "guessed"
		segment.run(t, []step{{Call: "testAuthentication"}}, func(_ int, o outcome) {
			if o.OK || !strings.Contains(o.Error, "401") {
				t.Errorf("a wrong secret: %+v", o)
			}
		})

		cleo := m.must(t, "GET", "/v1/customers?id=cleo", "", http.StatusOK)
		has(t, "the customer", cleo, map[string]any{"id": "cleo", "email": "cleo@example.com", "name": "Cleo Dee"})
		friend := map[string]any{
			"customerId": "bob", "email": "bob@example.com", "name": "Bob Cole", "campaignId": campaignUUID, "ipAddress": "203.0.113.9",
			"advocateCustomerId": "ann", "advocateEmail": "ann@example.com", "advocateName": "Ann Bee", "referralCode": code, "newCustomer": true,
		}
		has(t, "the sign-up", only(t, "sign-ups", m.list(t, "account-sign-ups", "&email=bob@example.com")), friend)
		bought := only(t, "purchases", m.list(t, "purchases", "&customerId=bob"))
		has(t, "the order", bought, friend)
		has(t, "the order", bought, map[string]any{"orderId": "o-1", "amount": 57.87})
		products, _ := bought["products"].([]any)
		if len(products) != 2 {
			t.Fatalf("the order has %v, want two products", bought["products"])
		}
		tent, _ := products[0].(map[string]any)
		has(t, "a product", tent, map[string]any{"sku": "7", "name": "Tent", "quantity": 2, "price": 24.99})
		unnamed, _ := products[1].(map[string]any)
		has(t, "an unnamed product", unnamed, map[string]any{"sku": "unknown", "name": "unknown", "quantity": 1, "price": 7.89})
		earned := map[string]any{}
		for _, reward := range m.list(t, "rewards/referral", "&advocateCustomerId=ann") {
			earned[fmt.Sprint(reward["trigger"])] = reward["rewardAmount"]
		}
		has(t, "what the advocate earned", earned, map[string]any{"sign_up": 1, "purchase": 10, "store_visit": 5})
		data := m.must(t, "GET", "/v1/user-data?customerId=bob", "", http.StatusOK)
		has(t, "what is known of the friend", data, map[string]any{
			"emails": []string{"bob@example.com"}, "customerIds": []string{"bob"}, "names": []string{"Bob Cole"},
			"ipAddresses": []string{"203.0.113.9"}, "userAgents": []string{"Mozilla/5.0"},
		})
		if events, _ := data["trackedEvents"].([]any); len(events) != 3 {
			t.Errorf("the friend has %v, want three events", data["trackedEvents"])
		}
		s.stop(t)
		d.command(t, "verify")
	})
}

var segmentProject = strings.Replace(project("https://hooks.example.com/", ""), "    rewards:\n", `    rewards:
      - {name: For a sign-up, to: advocate, on: sign_up, repeat: true, issue: auto, value: {type: ledger, amount: 1, unit: USD}}
      - {name: For a visit, to: advocate, on: store_visit, repeat: true, issue: auto, value: {type: ledger, amount: 5, unit: USD}}
`, 1)

// installSegment installs the client into a folder of its own. Where npm
// cannot be had, GRAPEVINE_TEST_SKIP says so.
func installSegment(t *testing.T) (folder string) {
	t.Helper()
	if strings.Contains(os.Getenv("GRAPEVINE_TEST_SKIP"), "npm") {
		t.Skip("GRAPEVINE_TEST_SKIP has npm")
	}
	folder = t.TempDir()
	for name, text := range map[string][]byte{
		"package.json": []byte(segmentPackages), "segment.js": segmentScript, "redirect.js": redirectScript,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	install := exec.CommandContext(ctx, "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = folder
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm cannot install the client: %v (GRAPEVINE_TEST_SKIP=npm does without)\n%s", err, out)
	}
	return folder
}

// segment runs the client, in a process of its own each time.
type segment struct {
	folder      string
	server      string // its address
	certificate string
	secret      string // "" is the right one
}

// step is one call of the client, with an event as JSON.
type step struct{ Call, Action, Event string }

// outcome is what came of a step.
type outcome struct {
	OK    bool   `json:"ok"`
	Error string `json:"error"`
}

func (g *segment) run(t *testing.T, steps []step, each func(i int, o outcome)) {
	t.Helper()
	sent := map[string]any{"settings": map[string]string{"authKey": apiKey, "authSecret": apiSecret}}
	if g.secret != "" {
		sent["settings"] = map[string]string{"authKey": apiKey, "authSecret": g.secret}
	}
	var calls []map[string]any
	for _, s := range steps {
		call := map[string]any{"call": s.Call, "action": s.Action}
		if s.Event != "" {
			call["event"] = json.RawMessage(s.Event)
		}
		calls = append(calls, call)
	}
	sent["steps"] = calls
	in, err := json.Marshal(sent)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	node := exec.CommandContext(ctx, "node", "--require", "./redirect.js", "segment.js")
	node.Dir = g.folder
	node.Env = append(os.Environ(), "REDIRECT_FROM="+merchantHost, "REDIRECT_TO="+g.server, "NODE_EXTRA_CA_CERTS="+g.certificate)
	node.Stdin = bytes.NewReader(in)
	var stderr bytes.Buffer
	node.Stderr = &stderr
	out, err := node.Output()
	if err != nil {
		t.Fatalf("the client ended with %v\n%s%s", err, out, stderr.Bytes())
	}
	var outcomes []outcome
	if err := json.Unmarshal(out, &outcomes); err != nil || len(outcomes) != len(steps) {
		t.Fatalf("the client made %d of %d steps: %v\n%s%s", len(outcomes), len(steps), err, out, stderr.Bytes())
	}
	for i, o := range outcomes {
		each(i, o)
	}
}

// certificate is one that signed itself, in files.
type certificate struct {
	cert, key string
	pool      *x509.CertPool
}

func makeCertificate(t *testing.T, host string) *certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: host},
		DNSNames:              []string{host},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := &certificate{cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem"), pool: x509.NewCertPool()}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	c.pool.AppendCertsFromPEM(public)
	for name, text := range map[string][]byte{c.cert: public, c.key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func (c *certificate) client() *http.Client {
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: c.pool}}}
}
