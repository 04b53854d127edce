package feedback

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"

	"grapevine/engine"
	"grapevine/model"
)

// readSES reads what Amazon SES tells by way of SNS, wrapped or bare, or asks
// to be confirmed.
func (a *API) readSES(ctx context.Context, _ *http.Request, body []byte) ([]engine.MailReturn, error) {
	var envelope struct {
		Type         string
		Message      string
		SubscribeURL string
	}
	if err := json.Unmarshal(body, &envelope); err != nil {
		return nil, malformed(err)
	}
	switch envelope.Type {
	case "SubscriptionConfirmation":
		if !isSNS(envelope.SubscribeURL) {
			return nil, &model.Error{Kind: model.Invalid, Field: "SubscribeURL", Msg: "SubscribeURL is no address of SNS"}
		}
		return nil, a.get(ctx, envelope.SubscribeURL)
	case "Notification":
		body = []byte(envelope.Message)
	case "":
	default:
		return nil, nil
	}
	var event sesEvent
	if err := json.Unmarshal(body, &event); err != nil {
		return nil, malformed(err)
	}
	return event.news(), nil
}

var snsHost = regexp.MustCompile(`^sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$`)

func isSNS(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https" && u.Port() == "" && snsHost.MatchString(u.Hostname())
}

type sesEvent struct {
	NotificationType string `json:"notificationType"`
	EventType        string `json:"eventType"`
	Mail             struct {
		Source string `json:"source"` // where bounces go to
	} `json:"mail"`
	Bounce struct {
		BounceType string         `json:"bounceType"`
		Recipients []sesRecipient `json:"bouncedRecipients"`
	} `json:"bounce"`
	Complaint struct {
		Recipients []sesRecipient `json:"complainedRecipients"`
	} `json:"complaint"`
}

type sesRecipient struct {
	EmailAddress   string `json:"emailAddress"`
	Status         string `json:"status"`
	DiagnosticCode string `json:"diagnosticCode"`
}

func (e *sesEvent) news() (all []engine.MailReturn) {
	token := tokenIn(e.Mail.Source)
	switch {
	case e.NotificationType == "Bounce" || e.EventType == "Bounce":
		for _, r := range e.Bounce.Recipients {
			one := engine.MailReturn{News: engine.MailDidNotArrive, Token: token, Address: r.EmailAddress, Said: r.DiagnosticCode}
			if e.Bounce.BounceType == "Permanent" {
				one.News = engine.MailHasNoMailbox
			}
			all = append(all, one)
		}
	case e.NotificationType == "Complaint" || e.EventType == "Complaint":
		for _, r := range e.Complaint.Recipients {
			all = append(all, engine.MailReturn{News: engine.MailIsSpam, Token: token, Address: r.EmailAddress})
		}
	}
	return all
}

// readSendGrid reads a batch of SendGrid's event webhook. Of what it counts
// itself, opens and clicks, we know from our own.
func readSendGrid(_ *API, _ context.Context, _ *http.Request, body []byte) (all []engine.MailReturn, _ error) {
	var events []struct {
		Event  string `json:"event"`
		Email  string `json:"email"`
		SMTPID string `json:"smtp-id"`
		Type   string `json:"type"`
		Reason string `json:"reason"`
	}
	if err := json.Unmarshal(body, &events); err != nil {
		return nil, malformed(err)
	}
	for _, e := range events {
		one := engine.MailReturn{Token: tokenIn(e.SMTPID), Address: e.Email, Said: e.Reason}
		switch e.Event {
		case "bounce":
			one.News = engine.MailHasNoMailbox
			if e.Type == "blocked" {
				one.News = engine.MailDidNotArrive
			}
		case "dropped":
			one.News = engine.MailDidNotArrive
			if slices.Contains([]string{"Bounced Address", "Invalid"}, e.Reason) {
				one.News = engine.MailHasNoMailbox
			}
		case "spamreport":
			one.News = engine.MailIsSpam
		case "unsubscribe", "group_unsubscribe":
			one.News = engine.MailIsUnwanted
		default:
			continue
		}
		all = append(all, one)
	}
	return all, nil
}

// readPostmark reads what Postmark tells, one thing a call.
func readPostmark(_ *API, _ context.Context, _ *http.Request, body []byte) ([]engine.MailReturn, error) {
	var e struct {
		RecordType        string
		Type              string
		Email             string
		Recipient         string
		Details           string
		SuppressSending   bool
		SuppressionReason string
		Metadata          map[string]string
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return nil, malformed(err)
	}
	one := engine.MailReturn{Token: e.Metadata["mail"], Address: e.Email + e.Recipient, Said: e.Details}
	kind := e.Type
	if e.RecordType == "SubscriptionChange" {
		if !e.SuppressSending {
			return nil, nil
		}
		kind = e.SuppressionReason
	} else if e.RecordType == "SpamComplaint" {
		kind = e.RecordType
	}
	switch kind {
	case "HardBounce", "BadEmailAddress":
		one.News = engine.MailHasNoMailbox
	case "SpamComplaint":
		one.News = engine.MailIsSpam
	case "ManualSuppression", "Unsubscribe":
		one.News = engine.MailIsUnwanted
	case "SoftBounce", "Blocked", "DnsError", "SpamNotification", "SMTPApiError", "Undeliverable":
		one.News = engine.MailDidNotArrive
	default: // opened, clicked, delivered, out of office
		return nil, nil
	}
	return []engine.MailReturn{one}, nil
}
