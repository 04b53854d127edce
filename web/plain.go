package web

import (
	"errors"
	"fmt"
	"net/http"

	"grapevine/model"
)

// plainStatus is what kinds of errors are where no facade says otherwise.
var plainStatus = map[model.Kind]int{
	model.Malformed:       http.StatusBadRequest,
	model.Invalid:         http.StatusUnprocessableEntity,
	model.Unauthenticated: http.StatusUnauthorized,
	model.Denied:          http.StatusForbidden,
	model.NotFound:        http.StatusNotFound,
	model.Conflict:        http.StatusConflict,
	model.Gone:            http.StatusGone,
	model.Limited:         http.StatusTooManyRequests,
	model.Internal:        http.StatusInternalServerError,
}

// Plain answers an error as a line of text with its reference.
func Plain(w http.ResponseWriter, r *http.Request, err error) {
	status := plainStatus[model.KindOf(err)]
	text := http.StatusText(status)
	var known *model.Error
	if errors.As(err, &known) && known.Kind != model.Internal {
		text = known.Msg
	}
	if id := RequestID(r.Context()); id != "" {
		text = fmt.Sprintf("%s (reference %s)", text, id)
	}
	http.Error(w, text, status)
}
