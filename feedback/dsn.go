package feedback

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/emersion/go-message"

	"grapevine/engine"
)

// readDSN reads a message that a mail server sent back, as it arrived: a
// delivery status notification (RFC 3464), or a complaint (RFC 5965). A mail
// server hands it over with what its alias calls, such as curl.
func readDSN(_ *API, _ context.Context, _ *http.Request, body []byte) ([]engine.MailReturn, error) {
	report, err := message.Read(bytes.NewReader(body))
	if err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
		return nil, malformed(err)
	}
	parts := report.MultipartReader()
	if parts == nil {
		return nil, nil // an answer by a person, or by their absence
	}
	var d dsn
	for _, name := range []string{"To", "Delivered-To", "X-Original-To"} {
		d.named(report.Header.Get(name))
	}
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			return d.news(), nil
		}
		if err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
			return nil, malformed(err)
		}
		if err := d.part(part); err != nil {
			return nil, malformed(err)
		}
	}
}

// dsn is what is found in such a message.
type dsn struct {
	tokens     []string // where a token may be, the likeliest first
	recipients []textproto.MIMEHeader
	complaint  textproto.MIMEHeader
}

func (d *dsn) part(part *message.Entity) error {
	kind, _, err := part.Header.ContentType()
	if err != nil {
		return nil // a part without a type is none of those that we read
	}
	switch kind {
	case "message/delivery-status", "message/global-delivery-status":
		groups, err := readGroups(part.Body)
		if err == nil && len(groups) > 1 { // the first is about the message
			d.recipients = append(d.recipients, groups[1:]...)
		}
		return err
	case "message/feedback-report":
		groups, err := readGroups(part.Body)
		if err == nil && len(groups) > 0 {
			d.complaint = groups[0]
		}
		return err
	case "message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers":
		header, err := textproto.NewReader(bufio.NewReader(part.Body)).ReadMIMEHeader()
		if err != nil && !errors.Is(err, io.EOF) {
			return nil // what it is about may come cut
		}
		d.named(header.Get("Message-Id"))
		d.named(header.Get("Return-Path"))
	}
	return nil
}

func (d *dsn) named(text string) {
	if text != "" {
		d.tokens = append(d.tokens, tokenIn(text))
	}
}

// readGroups reads groups of fields, which empty lines part.
func readGroups(r io.Reader) ([]textproto.MIMEHeader, error) {
	fields := textproto.NewReader(bufio.NewReader(r))
	var groups []textproto.MIMEHeader
	for {
		group, err := fields.ReadMIMEHeader()
		if len(group) > 0 {
			groups = append(groups, group)
		}
		if errors.Is(err, io.EOF) || len(groups) > 100 {
			return groups, nil
		}
		if err != nil {
			return groups, err
		}
	}
}

func (d *dsn) news() (all []engine.MailReturn) {
	if d.complaint != nil {
		if strings.EqualFold(d.complaint.Get("Feedback-Type"), "not-spam") {
			return nil
		}
		return d.each(engine.MailReturn{News: engine.MailIsSpam, Address: addressIn(d.complaint.Get("Original-Rcpt-To"))})
	}
	for _, about := range d.recipients {
		if !strings.EqualFold(about.Get("Action"), "failed") { // delayed, relayed, delivered, expanded
			continue
		}
		one := engine.MailReturn{
			News: engine.MailDidNotArrive, Said: about.Get("Diagnostic-Code"), Address: addressIn(about.Get("Final-Recipient")),
		}
		if original := addressIn(about.Get("Original-Recipient")); original != "" {
			one.Address = original
		}
		if status, _, _ := strings.Cut(strings.TrimSpace(about.Get("Status")), " "); engine.NoMailbox(status) {
			one.News = engine.MailHasNoMailbox
		}
		all = append(all, d.each(one)...)
	}
	return all
}

// each is news under the first token that looks like one.
func (d *dsn) each(one engine.MailReturn) []engine.MailReturn {
	for _, token := range d.tokens {
		if len(token) == tokenLength {
			one.Token = token
			break
		}
	}
	return []engine.MailReturn{one}
}

// tokenLength is how long tokens of mails are.
const tokenLength = 42

// addressIn is the address of a field such as "rfc822; ann@example.com".
func addressIn(field string) string {
	if _, after, typed := strings.Cut(field, ";"); typed {
		field = after
	}
	return strings.Trim(field, "<> \t")
}
