package friendbuy

import (
	"cmp"
	"context"
	"slices"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/web"
)

// Names that besides leaves out: they are kept elsewhere.
var (
	actorNames    = []string{"id", "email", "name", "firstName", "lastName"}
	referralNames = []string{"couponCode", "attributionId", "referralCode"}
	profileNames  = []string{"timezone", "loyaltyStatus", "birthday", "isNewCustomer", "customerSince", "age"}
	widgetNames   = []string{"campaignId", "widgetId", "widgetConfigId", "customerId"}
)

// track records what a page pushed as an event. Names that the vendor has no
// meaning for are events of the merchant's own.
func (c *intake) track(ctx context.Context, i int, e intakeEventJSON) error {
	switch e.Name {
	case "":
		return required("name", e.Name)
	case "page":
		return c.page(i, e)
	case "customer", "email":
		return c.customer(ctx, i, e)
	case "email_capture":
		return c.capture(ctx, i, e)
	case "sign_up":
		return c.signUp(ctx, i, e)
	case "purchase":
		return c.purchase(ctx, i, e)
	}
	return c.custom(ctx, i, e)
}

func (c *intake) page(i int, e intakeEventJSON) error {
	var in struct {
		Name string `json:"name"`
	}
	if err := web.UnmarshalJSON(e.Payload, &in); err != nil {
		return err
	}
	sight := engine.Sight{Who: c.who(e, actorJSON{}), Kind: model.PageReached}
	sight.Browser.Page = cmp.Or(in.Name, sight.Browser.Page)
	return c.see(i, e, sight, "name")
}

// see puts a sight aside.
func (c *intake) see(i int, e intakeEventJSON, sight engine.Sight, used ...string) (err error) {
	if sight.Detail, err = e.besides(used); err != nil {
		return err
	}
	c.sights, c.seen = append(c.sights, sight), append(c.seen, i)
	return nil
}

// inWidget is a widget that was seen or used.
func (c *intake) inWidget(i int, e intakeEventJSON) error {
	var in inWidgetJSON
	if err := web.UnmarshalJSON(e.Payload, &in); err != nil {
		return err
	}
	sight := engine.Sight{Kind: model.WidgetViewed, Campaign: in.CampaignID, Widget: c.widget(e, in.WidgetID, in.WidgetConfigID)}
	if err := first(required("widgetId", sight.Widget), validUUID("campaignId", in.CampaignID), validEmail("email", in.Email)); err != nil {
		return err
	}
	if e.Type == "widget_action" {
		if err := required("actionName", in.ActionName); err != nil {
			return err
		}
		sight.Kind = model.WidgetActed
		sight.Action = &engine.WidgetAction{Name: in.ActionName, Screen: in.ScreenName, Component: in.ComponentName}
	}
	in.ID = in.CustomerID
	sight.Who = c.who(e, in.actorJSON)
	return c.see(i, e, sight, slices.Concat(actorNames, widgetNames, []string{"actionName", "screenName", "componentName"})...)
}

// widget is the widget that an event happened in: by its id, else by the name
// that the page knows it by.
func (c *intake) widget(e intakeEventJSON, ids ...string) string {
	return cmp.Or(cmp.Or(ids...), e.Metadata.over(c.sent.Metadata).WidgetDisplayName)
}

// share is a link that somebody sends on.
func (c *intake) share(ctx context.Context, i int, e intakeEventJSON) error {
	var in sentOnJSON
	if err := web.UnmarshalJSON(e.Payload, &in); err != nil {
		return err
	}
	if err := first(validUUID("campaignId", in.CampaignID), validEmail("email", in.Email), oneOf("channel", in.Channel, channels...)); err != nil {
		return err
	}
	in.ID = in.CustomerID
	share := engine.Share{
		Who: c.who(e, in.actorJSON), Code: in.ReferralCode, Campaign: in.CampaignID, Channel: unsaidChannel(in.Channel),
		Bare: in.Channel == bareLink, Widget: cmp.Or(in.WidgetID, in.WidgetConfigID),
	}
	if cmp.Or(share.Code, share.Campaign, share.Widget) == "" {
		return malformed("campaignId", "is required")
	}
	if in.Recipients != nil {
		share.Mail = &engine.ShareMail{Message: in.Message}
		for _, to := range in.Recipients {
			share.Mail.To = append(share.Mail.To, engine.Recipient(to))
		}
	}
	shared, err := c.core.RecordShare(ctx, c.account, share)
	if err != nil {
		return err
	}
	if share.Mail != nil && !shared.Repeated {
		c.results[i].Mailed = &shared.Mailed
	}
	c.recorded(i, &shared.Recorded)
	c.results[i].Link, c.results[i].ReferralCode = shared.Link.URL, shared.Link.Code
	return nil
}

// customer tells who is there; of `email` only the address is known.
func (c *intake) customer(ctx context.Context, i int, e intakeEventJSON) error {
	var in describedJSON
	if err := web.UnmarshalJSON(e.Payload, &in); err != nil {
		return err
	}
	if e.Name == "customer" && in.ID == "" {
		return required("id", in.ID)
	}
	more, err := e.others(slices.Concat(actorNames, profileNames))
	if err != nil {
		return err
	}
	who, err := c.described(e, in, more)
	if err != nil {
		return err
	}
	saved, err := c.core.SaveCustomer(ctx, c.account, engine.Customer{Who: who})
	if err != nil {
		return err
	}
	// Whether somebody was there before is not told: anybody could ask.
	c.recorded(i, &engine.Recorded{UUID: saved.UUID, At: saved.At, Repeated: saved.Repeated})
	return nil
}

// described is who an event names, with all that it tells of them.
func (c *intake) described(e intakeEventJSON, in describedJSON, more scalarsJSON) (engine.Who, error) {
	_, ageErr := in.Age.integer("age")
	if err := first(required("email", in.Email), validEmail("email", in.Email), ageErr, in.profileJSON.check()); err != nil {
		return engine.Who{}, err
	}
	sent := in.sent()
	sent["isNewCustomer"], sent["customerSince"], sent["additionalProperties"] = in.IsNewCustomer, in.CustomerSince, more
	if in.Age != "" {
		sent["age"] = in.Age
	}
	who := c.who(e, in.actorJSON)
	who.Loyalty = model.LoyaltyStatus(in.LoyaltyStatus)
	var err error
	who.Extra, err = extra(sent)
	return who, err
}

func (c *intake) capture(ctx context.Context, i int, e intakeEventJSON) error {
	var in capturedJSON
	if err := web.UnmarshalJSON(e.Payload, &in); err != nil {
		return err
	}
	if err := first(required("email", in.Email), validEmail("email", in.Email)); err != nil {
		return err
	}
	in.ID = in.CustomerID
	return c.join(ctx, i, e, in.CampaignID, engine.Join{
		Who: c.who(e, in.actorJSON), Referral: in.referral(), Kind: model.EmailCapture,
		Widget: c.widget(e, in.WidgetID), Newsletter: in.NewsletterOptIn,
	}, slices.Concat(actorNames, referralNames, widgetNames, []string{"newsletterOptIn"}))
}

func (c *intake) signUp(ctx context.Context, i int, e intakeEventJSON) error {
	var in describedJSON
	if err := web.UnmarshalJSON(e.Payload, &in); err != nil {
		return err
	}
	if err := required("id", in.ID); err != nil {
		return err
	}
	who, err := c.described(e, in, nil)
	if err != nil {
		return err
	}
	return c.join(ctx, i, e, in.CampaignID, engine.Join{Who: who, Referral: in.referral(), Kind: model.SignUp},
		slices.Concat(actorNames, referralNames, profileNames, []string{"campaignId"}))
}

func (c *intake) join(ctx context.Context, i int, e intakeEventJSON, campaign string, j engine.Join, used []string) (err error) {
	if err := validUUID("campaignId", campaign); err != nil {
		return err
	}
	if campaign != "" {
		in, err := c.cfg.CampaignByUUID(campaign)
		if err != nil {
			return err
		}
		j.Campaign = in.ID
	}
	if j.Detail, err = e.besides(used); err != nil {
		return err
	}
	joined, err := c.core.Join(ctx, c.account, j)
	if err != nil {
		return err
	}
	c.recorded(i, &joined.Recorded)
	return nil
}

func (c *intake) purchase(ctx context.Context, i int, e intakeEventJSON) error {
	var in orderJSON
	if err := web.UnmarshalJSON(e.Payload, &in); err != nil {
		return err
	}
	if err := required("id", in.ID); err != nil {
		return err
	}
	if in.IsNewCustomer == nil {
		in.IsNewCustomer = in.Customer.IsNewCustomer
	}
	for n := range in.Products {
		if p := &in.Products[n]; p.SKU == "" {
			p.SKU = "unknown"
		}
	}
	more, err := e.others(slices.Concat(referralNames, []string{"id", "amount", "currency", "isNewCustomer", "products", "giftCardCodes", "customer"}))
	if err != nil {
		return err
	}
	purchase, err := purchaseJSON{
		personJSON: personJSON{Email: in.Customer.Email}, referralJSON: in.referralJSON,
		OrderID: string(in.ID), Amount: in.Amount, Currency: in.Currency, IsNewCustomer: in.IsNewCustomer,
		Products: in.Products, GiftCardCodes: in.GiftCardCodes, Additional: more,
	}.purchase()
	if err != nil {
		return err
	}
	purchase.Who = c.who(e, in.Customer.actorJSON)
	recorded, err := c.core.RecordPurchase(ctx, c.account, purchase)
	if err != nil {
		return err
	}
	c.recorded(i, recorded)
	return nil
}

// custom is an event of the merchant's own. All that it has is kept.
func (c *intake) custom(ctx context.Context, i int, e intakeEventJSON) error {
	var in ownEventJSON
	if err := web.UnmarshalJSON(e.Payload, &in); err != nil {
		return err
	}
	if err := validEmail("email", in.Email); err != nil {
		return err
	}
	detail, err := e.besides(nil)
	if err != nil {
		return err
	}
	recorded, err := c.core.RecordCustom(ctx, c.account, engine.CustomEvent{
		Who: c.who(e, actorJSON{ID: in.CustomerID, Email: in.Email}), Referral: in.referral(), Name: e.Name,
		DeduplicationID: in.DeduplicationID, NewCustomer: in.IsNewCustomer, Detail: detail,
	})
	if err != nil {
		return err
	}
	c.recorded(i, recorded)
	return nil
}
