package referralfactory_test

import (
	"net/http"
	"testing"

	"grapevine/dialect/dialecttest"
)

// TestExchanges plays the documented exchanges.
func TestExchanges(t *testing.T) {
	t.Parallel()
	dialecttest.Exchanges(t, func(t *testing.T, d *dialecttest.Stage) (http.Handler, map[string]string) {
		return document.Watch(t, enter(t, d, nil).handler), nil
	})
}
