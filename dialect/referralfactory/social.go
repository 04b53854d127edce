package referralfactory

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"net/http"
	"net/url"
	"strings"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"

	"grapevine/engine"
	"grapevine/web"
)

// composers lead to where each network lets people write. A text names the
// link itself where the network takes only a text.
var composers = map[string]func(s *engine.Shareable) string{
	"email": func(s *engine.Shareable) string {
		return "mailto:?" + mailQuery("subject", s.Subject) + "&" + mailQuery("body", textWithLink(s))
	},
	"sms": func(s *engine.Shareable) string { return "sms:?&" + mailQuery("body", textWithLink(s)) },
	"whatsapp": func(s *engine.Shareable) string {
		return "https://api.whatsapp.com/send?text=" + url.QueryEscape(textWithLink(s))
	},
	"facebook": func(s *engine.Shareable) string {
		return "https://www.facebook.com/sharer/sharer.php?u=" + url.QueryEscape(s.URL)
	},
	"twitter": func(s *engine.Shareable) string {
		return "https://twitter.com/intent/tweet?text=" + url.QueryEscape(textWithLink(s))
	},
	"linkedin": func(s *engine.Shareable) string {
		return "https://www.linkedin.com/sharing/share-offsite/?url=" + url.QueryEscape(s.URL)
	},
	"messenger": func(s *engine.Shareable) string { return "fb-messenger://share/?link=" + url.QueryEscape(s.URL) },
	"snap": func(s *engine.Shareable) string {
		return "https://www.snapchat.com/share?link=" + url.QueryEscape(s.URL)
	},
}

// mailQuery is a parameter of a mailto or sms address, where a plus is a plus.
func mailQuery(name, value string) string { return name + "=" + url.PathEscape(value) }

func textWithLink(s *engine.Shareable) string {
	if strings.Contains(s.Text, s.URL) {
		return s.Text
	}
	return strings.TrimSpace(s.Text + " " + s.URL)
}

// getSocial takes somebody to a network's composer. Who only looks, as HEAD
// does, shares nothing.
func (a *API) getSocial(w http.ResponseWriter, r *http.Request) error {
	network := r.PathValue("network")
	compose, known := composers[network]
	if !known {
		return unknownURL(w, r)
	}
	who := engine.Who{IP: web.ClientIP(r), Agent: strings.ToValidUTF8(r.UserAgent(), "?")}
	s, err := a.core.ShareTo(r.Context(), r.PathValue("code"), network, who, r.Method != http.MethodHead)
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Location", compose(s))
	header.Set("Cache-Control", "no-store")
	header.Set("X-Robots-Tag", "noindex")
	w.WriteHeader(http.StatusFound)
	return nil
}

const (
	qrSide = 256 // pixels
	quiet  = 32  // around them: without it many cameras see no code
)

// getQR draws a link.
func (a *API) getQR(w http.ResponseWriter, r *http.Request) error {
	link, err := a.core.LinkOf(r.Context(), r.PathValue("code"))
	if err != nil {
		return err
	}
	drawn, err := drawQR(link)
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Content-Type", "image/png")
	header.Set("Cache-Control", "public, max-age=3600")
	_, err = w.Write(drawn)
	return err
}

func drawQR(link string) ([]byte, error) {
	code, err := qr.Encode(link, qr.M, qr.Auto)
	if err != nil {
		return nil, err
	}
	if code, err = barcode.Scale(code, qrSide, qrSide); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = png.Encode(&b, framed(code))
	return b.Bytes(), err
}

// framed is an image with the quiet zone around it.
func framed(code image.Image) image.Image {
	side := code.Bounds().Dx() + 2*quiet
	on := image.NewGray(image.Rect(0, 0, side, side))
	draw.Draw(on, on.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.Draw(on, code.Bounds().Add(image.Pt(quiet, quiet)), code, code.Bounds().Min, draw.Src)
	return on
}
