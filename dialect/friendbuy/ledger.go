package friendbuy

import (
	"net/http"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/web"
)

func (a *API) postLedgerAdjustment(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	return a.adjustLedger(w, r, account, adjustmentJSON.adjustment)
}

// postLedgerAdjustmentCustom is 201 for the first adjustment of an id.
func (a *API) postLedgerAdjustmentCustom(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	return a.adjustLedger(w, r, account, adjustmentJSON.customAdjustment)
}

func (a *API) adjustLedger(w http.ResponseWriter, r *http.Request, account model.AccountID, convert func(adjustmentJSON) (engine.Adjustment, error)) error {
	var in adjustmentJSON
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	adjustment, err := convert(in)
	if err != nil {
		return err
	}
	got, err := a.core.AdjustLedger(r.Context(), account, adjustment)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if adjustment.Custom && got.Created {
		status = http.StatusCreated
	}
	return web.WriteJSON(w, status, adjustedToJSON(got))
}

func (in adjustmentJSON) adjustment() (engine.Adjustment, error) {
	return in.adjust("customerId", in.CustomerID)
}

func (in adjustmentJSON) customAdjustment() (engine.Adjustment, error) {
	a, err := in.adjust("customCustomerId", in.CustomCustomerID)
	a.Custom = true
	return a, err
}

// adjust reads an adjustment of the ledger that an id in a field names.
func (in adjustmentJSON) adjust(field, id string) (engine.Adjustment, error) {
	if err := first(
		required(field, id),
		required("currency", in.Currency),
		required("value", in.Value),
		required("adjustmentType", in.AdjustmentType),
		required("description", in.Description),
		oneOf("adjustmentType", in.AdjustmentType, "add", "remove"),
	); err != nil {
		return engine.Adjustment{}, err
	}
	value, err := in.Value.amount("value")
	if err != nil {
		return engine.Adjustment{}, err
	}
	if value == 0 {
		return engine.Adjustment{}, invalid("value", "must be more than 0")
	}
	expires, err := instant("expirationDate", in.ExpirationDate)
	return engine.Adjustment{
		CustomerID: id,
		Currency:   in.Currency,
		Add:        in.AdjustmentType == "add",
		Value:      value,
		Note:       in.Description,
		ExpiresAt:  expires,
	}, err
}

func adjustedToJSON(a *engine.Adjusted) adjustedJSON {
	out := adjustedJSON{
		Currency:       a.Currency,
		Value:          a.Value,
		Total:          a.Total,
		Description:    a.Note,
		CreatedOn:      shown(a.At),
		LedgerCap:      a.Cap,
		ExpirationDate: shownIfAny(a.ExpiresAt),
		CreditDetails:  []creditJSON{},
	}
	for _, c := range a.Credits {
		out.CreditDetails = append(out.CreditDetails, creditToJSON(c))
	}
	return out
}

func (a *API) getLedgerBalance(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	return a.ledgerBalance(w, r, account, "customerId", false)
}

func (a *API) getLedgerBalanceCustom(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	return a.ledgerBalance(w, r, account, "customCustomerId", true)
}

func (a *API) ledgerBalance(w http.ResponseWriter, r *http.Request, account model.AccountID, field string, custom bool) error {
	of, err := ledgerOf(r, field, custom)
	if err != nil {
		return err
	}
	got, err := a.core.LedgerBalance(r.Context(), account, of)
	if model.ReasonOf(err) == model.LedgerUnknown {
		return noLedger(w, of.CustomerID)
	}
	if err != nil {
		return err
	}
	out := balanceJSON{
		Currency: got.Currency, Total: got.Total, CreatedOn: shown(got.CreatedAt),
		ExpirationDate: shownIfAny(got.ExpiresAt), CreditDetails: []creditJSON{},
	}
	for _, c := range got.Credits {
		out.CreditDetails = append(out.CreditDetails, creditToJSON(c))
	}
	return web.WriteJSON(w, http.StatusOK, out)
}

// ledgerOf is the ledger that a query names by the id in field.
func ledgerOf(r *http.Request, field string, custom bool) (engine.LedgerOf, error) {
	query := r.URL.Query()
	of := engine.LedgerOf{CustomerID: query.Get(field), Custom: custom, Currency: query.Get("currency")}
	switch {
	case of.CustomerID == "":
		return of, invalid(field, "is required")
	case of.Currency == "":
		return of, invalid("currency", "is required")
	}
	return of, nil
}

// noLedger is the one error that has neither code nor reference.
func noLedger(w http.ResponseWriter, id string) error {
	return web.WriteJSON(w, http.StatusNotFound, noLedgerJSON{Error: "Not found", Message: "No ledger found for customer with id: " + id})
}

// getLedgerEntries writes entries as they are read: a ledger may have any
// number of them.
func (a *API) getLedgerEntries(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	of, err := ledgerOf(r, "customerId", false)
	if err != nil {
		return err
	}
	text := r.URL.Query().Get("createdAfter")
	if text == "" {
		return invalid("createdAfter", "is required")
	}
	after, err := instant("createdAfter", text)
	if err != nil {
		return err
	}
	list := web.NewList(w, http.StatusOK)
	err = a.core.LedgerEntries(r.Context(), account, of, after, func(e engine.LedgerEntry) error {
		return list.Add(entryJSON{
			CustomerID: of.CustomerID, Currency: of.Currency, CreatedOn: shown(e.At), Total: e.Balance, Value: e.Amount,
			Description: describeEntry(e), SourceName: e.Source,
		})
	})
	if model.ReasonOf(err) == model.LedgerUnknown {
		return noLedger(w, of.CustomerID)
	}
	if err != nil {
		return err
	}
	return list.End()
}

// describeEntry is what the merchant said with an adjustment, else what
// happened.
func describeEntry(e engine.LedgerEntry) string {
	switch {
	case e.Note != "":
		return e.Note
	case e.Kind == model.EntryAdd && e.Role == model.AsEarner:
		return "Crediting via earning event"
	case e.Kind == model.EntryAdd:
		return "Crediting via reward"
	}
	return entryDescriptions[e.Kind]
}

var entryDescriptions = map[model.EntryKind]string{
	model.EntryRedeem:  "Debiting via redeem request",
	model.EntryExpire:  "Debiting via expiration",
	model.EntryReverse: "Debiting via revoked reward",
	model.EntryMoveIn:  "Crediting via merged customer",
	model.EntryMoveOut: "Debiting via merged customer",
}

// creditToJSON shows what is left of a credit that is active, so that these
// sum up to the total, and of one that has ended what it was.
func creditToJSON(c model.Credit) creditJSON {
	out := creditJSON{
		EarnedOn: shown(c.EarnedAt),
		Status:   "active",
		Amount:   c.Remaining,
		ExpireOn: shownIfAny(c.ExpiresAt),
	}
	if !c.EndedAt.IsZero() {
		out.Status, out.Amount = "expired", c.Amount // a revoked reward's credit, too, has run out
	}
	if c.Ended == model.CreditRedeemed {
		out.Status, out.RedeemedOn = "redeemed", shown(c.EndedAt)
	}
	return out
}
