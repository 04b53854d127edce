package referralfactory

import (
	"net/http"
	"time"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/web"
)

var (
	couponPlain = []string{"id", "referral_id", "name", "batch_id", "issued_at", "used_at"}
	batchPlain  = []string{"id", "name", "campaign_id", "created_at"}
)

var coupons = &resource{plain: couponPlain, relations: []relation{{"referral", userPlain}, {"batch", batchPlain}}}

func (a *API) getCoupon(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	q, err := a.readQuery(r, account, coupons)
	if err != nil {
		return err
	}
	c, err := a.core.ViewCoupon(r.Context(), account, r.PathValue("name"))
	if err != nil {
		return err
	}
	row := couponToJSON(c).only(q.only).
		with(q, "referral", func() object {
			if c.Holder == nil {
				return nil
			}
			return a.userToJSON(c.Holder)
		}).
		with(q, "batch", func() object { return batchToJSON(&c.BatchRow) })
	return single(w, http.StatusOK, row, "Single Coupon Response")
}

// postCouponQualification takes the field by its name, and as the
// documentation's table misspells it.
func (a *API) postCouponQualification(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	in, err := readInput(r)
	if err != nil {
		return err
	}
	field := "qualified"
	if in.has("qualifed") && !in.has(field) {
		field = "qualifed"
	}
	in.need(field)
	qualified := in.flag(field)
	if err := in.err(); err != nil {
		return err
	}
	if _, err := a.core.QualifyNamed(r.Context(), account, engine.Naming{Coupon: r.PathValue("name")}, *qualified); err != nil {
		return err
	}
	message := "Coupon marked as used and related user marked as qualified successfully."
	if !*qualified {
		message = "Coupon marked as unused and related user marked as unqualified successfully."
	}
	return web.WriteJSON(w, http.StatusOK, object(closing(http.StatusOK, message)))
}

func couponToJSON(c *engine.CouponView) object {
	var holder any
	if c.Holder != nil {
		holder = c.Holder.ID
	}
	return object{
		{"id", c.ID}, {"referral_id", holder}, {"name", c.Code}, {"batch_id", c.Batch},
		{"issued_at", shownOrNull(c.IssuedAt)}, {"used_at", shownOrNull(c.UsedAt)},
	}
}

func batchToJSON(b *model.Batch) object {
	return object{
		{"id", b.ID}, {"name", b.Name}, {"campaign_id", orNull(b.Campaign)}, {"created_at", b.CreatedAt.UTC().Format(time.DateOnly)},
	}
}
