package prefinery

import (
	"net/http"
	"strconv"
	"time"

	"grapevine/model"
	"grapevine/web"
)

// limit is how often something may be called, and by whom: by all of an
// account together, or for each beta apart.
type limit struct {
	*model.RateLimit
	perBeta bool
}

// The limits that are documented.
var (
	betaLimit    = limit{&model.RateLimit{Name: "prefinery.betas", Calls: 90, Window: 15 * time.Minute}, false}
	testersLimit = limit{&model.RateLimit{Name: "prefinery.testers", Calls: 60, Window: time.Minute}, true}
	companyLimit = limit{&model.RateLimit{Name: "prefinery.company_testers", Calls: 180, Window: time.Minute}, false}
	pointsLimit  = limit{&model.RateLimit{Name: "prefinery.points", Calls: 60, Window: time.Minute}, true}
	rewardsLimit = limit{&model.RateLimit{Name: "prefinery.rewards", Calls: 60, Window: time.Minute}, true}
)

func uses(limits []limit, r *http.Request) []web.Use {
	list := make([]web.Use, len(limits))
	for i, l := range limits {
		list[i].Limit = l.RateLimit
		if l.perBeta {
			list[i].Subject = strconv.FormatInt(number(r.PathValue("beta")), 10) // as it is read: 012 is 12
		}
	}
	return list
}
