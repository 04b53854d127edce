package irefer_test

import (
	"net/http"
	"testing"

	"grapevine/dialect/dialecttest"
	"grapevine/dialect/irefer"
)

// TestExchanges plays the documented exchanges.
func TestExchanges(t *testing.T) {
	t.Parallel()
	dialecttest.Exchanges(t, func(t *testing.T, s *dialecttest.Stage) (http.Handler, map[string]string) {
		return document.Watch(t, s.Front(irefer.New(s.Core))), nil
	})
}
