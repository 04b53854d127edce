package engine

import (
	"strings"

	"grapevine/model"
)

// Browser is what a browser tells of where something happened. All of it is
// its own word: it is kept with the event until the person is erased, and
// decides nothing.
type Browser struct {
	// EventID is a UUID that the browser made for the event: one that it sends
	// again is the same event, even if it forgot by then who it was. "" never
	// repeats.
	EventID string
	URL     string // of the page
	Title   string
	Page    string // what the merchant calls the page
	Device  *Device
}

// Device is what a browser tells of what it runs on.
type Device struct {
	Language   string `json:"language,omitempty"`
	ColorDepth int    `json:"colorDepth,omitempty"`
	Platform   string `json:"platform,omitempty"`
	ScreenSize string `json:"screenSize,omitempty"`
}

func (b *Browser) check() error {
	if b == nil {
		return nil
	}
	return tooLong("id", b.EventID)
}

// key is what makes a browser's event happen once.
func (w Who) key() []string {
	if w.Browser == nil || w.Browser.EventID == "" {
		return nil
	}
	return []string{"", "browser", w.Browser.EventID}
}

// told adds to a detail what a browser told, cut to what is worth keeping.
func (d *eventDetail) told(b *Browser) {
	if b == nil {
		return
	}
	d.URL, d.Title, d.PageName = cut(b.URL, 2048), cut(b.Title, 512), cut(b.Page, Longest)
	if b.Device != nil {
		device := *b.Device
		device.Language, device.Platform, device.ScreenSize = cut(device.Language, 64), cut(device.Platform, 128), cut(device.ScreenSize, 64)
		d.Device = &device
	}
}

// cut keeps the first bytes of a text.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "")
}

// Visitor finds out which browser of an account a token stands for: the first
// that is the account's and was signed by us counts. Without one it is a new
// visitor. It returns the token by which the browser is known again.
func (e *Engine) Visitor(account model.AccountID, tokens ...string) (model.VisitorID, string, error) {
	for _, token := range tokens {
		if id, ok := e.visitorOf(account, token); ok {
			return id, token, nil
		}
	}
	id, err := e.newID()
	if err != nil {
		return 0, "", &model.Error{Kind: model.Internal, Msg: "no id can be made", Err: err}
	}
	return model.VisitorID(id), e.visitorCookie(account, model.VisitorID(id)), nil
}
