package deliver

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/emersion/go-message/mail"
	"github.com/emersion/go-msgauth/dkim"

	"grapevine/engine"
)

// Message is a mail as it goes out.
type Message struct {
	From string // where bounces go to
	To   string
	Name string // of a file that it may be written to
	Data []byte
}

// Compose writes a mail, and signs it if there is a key. Sent again it says the
// same under the same Message-ID.
func Compose(p *engine.Posting, key *DKIM) (*Message, error) {
	var h mail.Header
	h.SetAddressList("From", []*mail.Address{{Name: p.From.Name, Address: p.From.Address}})
	h.SetAddressList("To", []*mail.Address{{Address: p.To}})
	h.SetSubject(p.Letter.Subject)
	h.SetDate(p.At)
	h.SetMessageID(p.MessageID)
	h.Set("Auto-Submitted", "auto-generated")
	// What services that send for others hand back with what became of a mail.
	h.Set("X-PM-Metadata-mail", p.Token)
	if p.Unsubscribe != "" {
		h.Set("List-Unsubscribe", "<"+p.Unsubscribe+">")
		h.Set("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	}
	var b bytes.Buffer
	parts, err := mail.CreateInlineWriter(&b, h)
	if err != nil {
		return nil, err
	}
	for _, part := range []struct{ kind, text string }{{"text/plain", p.Letter.Text}, {"text/html", p.Letter.HTML}} {
		if err := addPart(parts, part.kind, part.text); err != nil {
			return nil, err
		}
	}
	if err := parts.Close(); err != nil {
		return nil, err
	}
	m := &Message{From: p.Bounces, To: p.To, Name: fmt.Sprintf("%d.eml", p.Mail), Data: b.Bytes()}
	if key != nil {
		m.Data, err = key.sign(m.Data, p.From.Address)
	}
	return m, err
}

func addPart(parts *mail.InlineWriter, kind, text string) error {
	var h mail.InlineHeader
	h.SetContentType(kind, map[string]string{"charset": "utf-8"})
	w, err := parts.CreatePart(h)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, strings.ReplaceAll(text, "\n", "\r\n")); err != nil {
		return err
	}
	return w.Close()
}

// DKIM signs mail in the name of the domain that it comes from.
type DKIM struct {
	Selector string
	Key      crypto.Signer
}

// ParseDKIM reads a private key, RSA or Ed25519, in PEM.
func ParseDKIM(text []byte, selector string) (*DKIM, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("want a private key in PEM")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return &DKIM{selector, key}, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("want a private key in PEM: %w", err)
	}
	switch key := parsed.(type) {
	case *rsa.PrivateKey:
		return &DKIM{selector, key}, nil
	case ed25519.PrivateKey:
		return &DKIM{selector, key}, nil
	}
	return nil, fmt.Errorf("want an RSA or Ed25519 key, got %T", parsed)
}

// signed are the headers that are signed. What stands there twice is signed as
// often as it is there and once more: nobody can add another one on the way.
var signed = []string{
	"From", "From", "Subject", "Subject", "List-Unsubscribe", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Unsubscribe-Post",
	"To", "Date", "Message-ID", "MIME-Version", "Content-Type",
}

func (k *DKIM) sign(data []byte, from string) ([]byte, error) {
	var b bytes.Buffer
	err := dkim.Sign(&b, bytes.NewReader(data), &dkim.SignOptions{
		Domain: from[strings.LastIndexByte(from, '@')+1:], Selector: k.Selector, Signer: k.Key, Hash: crypto.SHA256,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
		HeaderKeys: signed,
	})
	return b.Bytes(), err
}
