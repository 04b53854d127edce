package friendbuy

import (
	"net/http"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/web"
)

func (a *API) getReferralStatus(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	code := r.URL.Query().Get("code")
	if code == "" {
		return invalid("code", "is required")
	}
	got, err := a.core.ReferralStatus(r.Context(), account, code)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, referralStatusToJSON(got))
}

func referralStatusToJSON(s *engine.ReferralStatus) referralStatusJSON {
	return referralStatusJSON{
		ReferralCode: referralCodeJSON{Code: s.Code, Status: "active"},
		CampaignID:   s.CampaignUUID,
		Advocate: advocateJSON{
			Email:         s.Email,
			CustomerID:    s.CustomerID,
			Name:          s.Name,
			RewardDetails: valueToJSON(s.Advocate),
		},
		FriendIncentive: friendIncentiveJSON{valueJSON: valueToJSON(s.Friend), Description: s.FriendDescription},
	}
}

// valueToJSON shows {} for no value: the objects are always there.
func valueToJSON(v *model.Value) valueJSON {
	if v == nil {
		return valueJSON{}
	}
	return valueJSON{Amount: &v.Amount, Value: v.Unit}
}
