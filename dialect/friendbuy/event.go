package friendbuy

import (
	"fmt"
	"net/http"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/web"
)

func (a *API) postPurchaseEvent(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	var in purchaseJSON
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	purchase, err := in.purchase()
	if err != nil {
		return err
	}
	got, err := a.core.RecordPurchase(r.Context(), account, purchase)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusCreated, recordedToJSON(got))
}

func (a *API) postSignUpEvent(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	var in signUpJSON
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	join, err := in.join()
	if err != nil {
		return err
	}
	got, err := a.core.Join(r.Context(), account, join)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusCreated, recordedToJSON(&got.Recorded))
}

func (a *API) postCustomEvent(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	var in customEventJSON
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	event, err := in.event()
	if err != nil {
		return err
	}
	got, err := a.core.RecordCustom(r.Context(), account, event)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusCreated, recordedToJSON(got))
}

func recordedToJSON(r *engine.Recorded) recordedJSON {
	return recordedJSON{EventID: r.UUID, CreatedOn: shown(r.At)}
}

// purchase needs neither an address nor a customer id: an event of nobody
// known is attributed by its code alone.
func (in purchaseJSON) purchase() (engine.Purchase, error) {
	if err := first(
		required("orderId", in.OrderID),
		required("amount", in.Amount),
		required("currency", in.Currency),
		validProducts(in.Products),
		validEmail("email", in.Email),
	); err != nil {
		return engine.Purchase{}, err
	}
	amount, err := in.Amount.amount("amount")
	if err != nil {
		return engine.Purchase{}, err
	}
	detail, err := detailJSON{Products: in.Products, GiftCardCodes: in.GiftCardCodes, Additional: in.Additional}.raw()
	if err != nil {
		return engine.Purchase{}, err
	}
	skus := make([]string, len(in.Products))
	for i, p := range in.Products {
		skus[i] = p.SKU
	}
	return engine.Purchase{
		Who:         in.who(),
		Referral:    in.referral(),
		OrderID:     in.OrderID,
		Amount:      amount,
		Currency:    in.Currency,
		NewCustomer: in.IsNewCustomer,
		SKUs:        skus,
		Detail:      detail,
	}, nil
}

func validProducts(products []productJSON) error {
	for i, p := range products {
		at := fmt.Sprintf("products[%d].", i)
		_, quantityErr := p.Quantity.integer(at + "quantity")
		_, priceErr := p.Price.amount(at + "price")
		if err := first(required(at+"sku", p.SKU), quantityErr, priceErr); err != nil {
			return err
		}
	}
	return nil
}

func (in signUpJSON) join() (engine.Join, error) {
	if err := first(
		required("email", in.Email),
		required("customerId", in.CustomerID),
		validEmail("email", in.Email),
		in.profileJSON.check(),
	); err != nil {
		return engine.Join{}, err
	}
	detail, err := detailJSON{Additional: in.Additional}.raw()
	if err != nil {
		return engine.Join{}, err
	}
	who := in.who()
	who.Loyalty = model.LoyaltyStatus(in.LoyaltyStatus)
	if who.Extra, err = extra(in.sent()); err != nil {
		return engine.Join{}, err
	}
	return engine.Join{Who: who, Referral: in.referral(), Kind: model.SignUp, Detail: detail}, nil
}

func (in customEventJSON) event() (engine.CustomEvent, error) {
	if in.CustomerID == "" {
		in.CustomerID = in.Additional.customerID()
	}
	if err := first(
		required("email", in.Email),
		required("eventType", in.EventType),
		validEmail("email", in.Email),
	); err != nil {
		return engine.CustomEvent{}, err
	}
	detail, err := detailJSON{Additional: in.Additional}.raw()
	if err != nil {
		return engine.CustomEvent{}, err
	}
	return engine.CustomEvent{
		Who:             in.who(),
		Referral:        in.referral(),
		Name:            in.EventType,
		DeduplicationID: in.DeduplicationID,
		NewCustomer:     in.IsNewCustomer,
		Detail:          detail,
	}, nil
}
