package app

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"grapevine/web"
)

// health answers what operators ask: is the process there, can it work.
type health struct {
	checks   []check
	stopping atomic.Bool
}

// check is one thing without which the server cannot work.
type check struct {
	name string
	ok   func(context.Context) error
}

// readyWait bounds all checks together.
const readyWait = 2 * time.Second

// alive says that the process answers.
func (h *health) alive(w http.ResponseWriter, _ *http.Request) error {
	return web.WriteJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// ready says whether requests should come here, and if not, why. What a check
// ran into may name hosts and files, so it is told to the log only.
func (h *health) ready(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), readyWait)
	defer cancel()
	status, code := "ready", http.StatusOK
	results := map[string]string{}
	var failed error
	for _, c := range h.checks {
		results[c.name] = "ok"
		if err := c.ok(ctx); err != nil {
			results[c.name] = "failed"
			failed = err
		}
	}
	switch {
	case h.stopping.Load():
		status, code = "stopping", http.StatusServiceUnavailable
	case failed != nil:
		status, code = "not ready", http.StatusServiceUnavailable
	}
	if err := web.WriteJSON(w, code, map[string]any{"status": status, "checks": results}); err != nil {
		return err
	}
	return failed
}
