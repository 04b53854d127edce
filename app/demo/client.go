package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"sync"
	"time"
)

// client calls the API as a shop's own server does.
type client struct {
	server  string
	account *account

	mu      sync.Mutex
	token   string
	expires time.Time
}

// authorize gets a token, or keeps the one it has while that is good.
func (c *client) authorize(ctx context.Context) (token string, expires time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Until(c.expires) > time.Minute {
		return c.token, c.expires, nil
	}
	var got struct {
		Token   string    `json:"token"`
		Expires time.Time `json:"expires"`
	}
	keys := c.account.Keys.Friendbuy
	err = c.send(ctx, http.MethodPost, "/v1/authorization", nil, map[string]string{"key": keys.Key, "secret": keys.Secret}, &got)
	if err == nil {
		c.token, c.expires = got.Token, got.Expires
	}
	return c.token, c.expires, err
}

// call makes a call that needs a token; one that sends nothing asks.
func (c *client) call(ctx context.Context, path string, in, out any) error {
	token, _, err := c.authorize(ctx)
	if err != nil {
		return err
	}
	method := http.MethodPost
	if in == nil {
		method = http.MethodGet
	}
	return c.send(ctx, method, path, http.Header{"Authorization": {"Bearer " + token}}, in, out)
}

func (c *client) send(ctx context.Context, method, path string, header http.Header, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, method, c.server+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	maps.Copy(r.Header, header)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return err
	}
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, text)
	}
	return json.Unmarshal(text, out)
}

// person is somebody of the demo.
type person struct {
	Name       string `json:"firstName"`
	Email      string `json:"email"`
	CustomerID string `json:"customerId"`
}

// link is somebody's link.
type link struct {
	URL  string `json:"link"`
	Code string `json:"referralCode"`
}

func (c *client) link(ctx context.Context, p person) (link, error) {
	var got link
	err := c.call(ctx, "/v1/personal-referral-link", struct {
		person
		CampaignID string `json:"campaignId"`
	}{p, c.account.Campaigns[0].UUID}, &got)
	return got, err
}

// order is what somebody buys.
type order struct {
	ID      string
	By      person
	Product product
	Ref     string // the code that the friend came by; may be empty
}

// purchase reports an order and returns the id of its event. The address and
// browser of the buyer are left out: everybody who tries the demo sits at the
// same machine, and would be taken for one person who refers themselves.
func (c *client) purchase(ctx context.Context, o order) (event string, err error) {
	type item struct {
		SKU      string      `json:"sku"`
		Name     string      `json:"name"`
		Quantity int         `json:"quantity"`
		Price    json.Number `json:"price"`
	}
	var got struct {
		EventID string `json:"eventId"`
	}
	err = c.call(ctx, "/v1/event/purchase", struct {
		person
		OrderID      string      `json:"orderId"`
		Amount       json.Number `json:"amount"`
		Currency     string      `json:"currency"`
		ReferralCode string      `json:"referralCode,omitempty"`
		Products     []item      `json:"products"`
	}{
		o.By, o.ID, json.Number(o.Product.Price), "USD", o.Ref,
		[]item{{o.Product.SKU, o.Product.Name, 1, json.Number(o.Product.Price)}},
	}, &got)
	return got.EventID, err
}

// spend takes credit from somebody's ledger and returns what is left.
func (c *client) spend(ctx context.Context, p person, amount string) (left json.Number, err error) {
	var got struct {
		Total json.Number `json:"total"`
	}
	err = c.call(ctx, "/v1/ledger-adjustment", map[string]any{
		"customerId":     p.CustomerID,
		"currency":       "USD",
		"value":          json.Number(amount),
		"adjustmentType": "remove",
		"description":    "spent in the shop",
	}, &got)
	return got.Total, err
}
