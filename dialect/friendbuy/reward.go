package friendbuy

import (
	"net/http"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/web"
)

func (a *API) getRedemptionOptions(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	options, err := a.core.Redemptions(r.Context(), account)
	if err != nil {
		return err
	}
	out := redemptionOptionsJSON{Records: []redemptionOptionJSON{}}
	for _, o := range options {
		out.Records = append(out.Records, redemptionOptionJSON{ID: o.ID, Name: o.Name, LedgerAmount: o.Cost, LedgerCurrency: o.Currency})
	}
	return web.WriteJSON(w, http.StatusOK, out)
}

func (a *API) postRedeem(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	var in redeemJSON
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	if err := first(
		required("redemptionOptionId", in.RedemptionOptionID),
		required("customerId", in.CustomerID),
		validUUID("redemptionOptionId", in.RedemptionOptionID),
	); err != nil {
		return err
	}
	got, err := a.core.Redeem(r.Context(), account, in.CustomerID, in.RedemptionOptionID)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusAccepted, redeemedJSON{CouponCode: got.Coupon, NewLedgerTotal: got.Total})
}

func (a *API) getCoupons(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	query := r.URL.Query()
	q := engine.CouponQuery{CustomerID: query.Get("customerId"), Email: query.Get("email")}
	status := query.Get("status")
	if err := first(
		oneOf("status", status, couponDistributed, couponRedeemed),
		validEmail("email", q.Email),
	); err != nil {
		return err
	}
	if q.CustomerID == "" && q.Email == "" {
		return invalid("customerId", "or email is required")
	}
	if status != "" {
		used := status == couponRedeemed
		q.Used = &used
	}
	coupons, err := a.core.Coupons(r.Context(), account, q)
	if err != nil {
		return err
	}
	out := couponsJSON{Records: []couponJSON{}}
	for _, c := range coupons {
		out.Records = append(out.Records, couponToJSON(c))
	}
	return web.WriteJSON(w, http.StatusOK, out)
}

// What has become of a coupon.
const (
	couponDistributed = "distributed"
	couponRedeemed    = "redeemed"
)

func couponToJSON(c engine.Coupon) couponJSON {
	out := couponJSON{
		Code: c.Code, Status: couponDistributed, DistributedOn: shown(c.HandedAt), RedeemedOn: shownIfAny(c.UsedAt), RedemptionOptionName: c.Redemption,
	}
	if !c.UsedAt.IsZero() {
		out.Status = couponRedeemed
	}
	return out
}
