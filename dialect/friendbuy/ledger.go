package friendbuy

import (
	"net/http"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/web"
)

func (a *API) postLedgerAdjustment(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	var in adjustmentJSON
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	adjustment, err := in.adjustment()
	if err != nil {
		return err
	}
	got, err := a.core.AdjustLedger(r.Context(), account, adjustment)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, adjustedToJSON(got))
}

func (in adjustmentJSON) adjustment() (engine.Adjustment, error) {
	if err := first(
		required("customerId", in.CustomerID),
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
		CustomerID: in.CustomerID,
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
		out.Status, out.Amount = string(c.Ended), c.Amount
	}
	if c.Ended == model.CreditRedeemed {
		out.RedeemedOn = shown(c.EndedAt)
	}
	return out
}
