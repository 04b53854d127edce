package demo

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-message/mail"
)

// letter is a mail that the server wrote into the folder, as there is no mail
// server to hand it to.
type letter struct {
	file, to, subject string
	text              string
}

// share has a page of the shop share Ann's link by mail, as the widget of a
// shop does.
func (c *client) share(ctx context.Context, origin string, of link, to person, message string) error {
	var got struct {
		Results []struct {
			Status int    `json:"status"`
			Error  string `json:"error"`
			Mailed int    `json:"mailed"`
		} `json:"results"`
	}
	err := c.send(ctx, http.MethodPost, "/v1/intake/"+c.account.Keys.Friendbuy.MerchantID, http.Header{"Origin": {origin}}, map[string]any{
		"events": []any{map[string]any{
			"id": "5f0c1e52-8d0b-4c7a-9a55-2f1d2f4d7c10", "type": "share",
			"payload": map[string]any{
				"channel": "email", "referralCode": of.Code, "message": message,
				"recipients": []any{map[string]string{"email": to.Email, "name": to.Name}},
			},
		}},
	}, &got)
	if err == nil && (len(got.Results) != 1 || got.Results[0].Mailed != 1) {
		err = fmt.Errorf("the share was answered %+v", got)
	}
	return err
}

// mailed is what became of mails that shared a link.
type mailed struct {
	Recipients   int `json:"recipients"`
	Delivered    int `json:"delivered"`
	UniqueClicks int `json:"uniqueClicks"`
}

// mailed asks what became of the mails of today, wherever it is today.
func (c *client) mailed(ctx context.Context) (mailed, error) {
	var got struct {
		ShareEmails mailed `json:"shareEmails"`
	}
	now := time.Now().UTC()
	query := url.Values{
		"fromDate": {now.AddDate(0, 0, -1).Format(time.DateOnly)}, "toDate": {now.AddDate(0, 0, 1).Format(time.DateOnly)}, "zone": {"Etc/UTC"},
	}
	err := c.call(ctx, "/v1/analytics/email-metrics?"+query.Encode(), nil, &got)
	return got.ShareEmails, err
}

// letters are the mails in a folder, oldest first.
func letters(folder string) ([]letter, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.eml"))
	if err != nil {
		return nil, err
	}
	slices.Sort(files) // ids of one length, which grow
	var all []letter
	for _, file := range files {
		l, err := readLetter(file)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		all = append(all, *l)
	}
	return all, nil
}

func readLetter(file string) (*letter, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := mail.CreateReader(f)
	if err != nil {
		return nil, err
	}
	l := &letter{file: file}
	to, err := r.Header.AddressList("To")
	if err != nil || len(to) != 1 {
		return nil, fmt.Errorf("it goes to %v, %v", to, err)
	}
	l.to = to[0].Address
	if l.subject, err = r.Header.Subject(); err != nil {
		return nil, err
	}
	part, err := r.NextPart() // plain text comes first
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(part.Body)
	l.text = string(text)
	return l, err
}

// awaitLetters waits until so many mails are there.
func (w *walk) awaitLetters(ctx context.Context, n int) ([]letter, error) {
	for {
		all, err := letters(w.mailDir)
		if err != nil || len(all) >= n {
			return all, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%d mails were written, want %d", len(all), n)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

var linkInMail = regexp.MustCompile(`https?://\S+/mail/click/\S+`)

// mail has Ann share her link by mail, and reads what Bea gets.
func (w *walk) mail(ctx context.Context) (string, error) {
	bea := person{Name: beaName, Email: beaEmail}
	if err := w.shop.api().share(ctx, w.shop.url, w.link, bea, "Look what I found!"); err != nil {
		return "", err
	}
	all, err := w.awaitLetters(ctx, 1)
	if err != nil {
		return "", err
	}
	got := all[0]
	if w.mailed = linkInMail.FindString(got.text); got.to != beaEmail || w.mailed == "" || !strings.Contains(got.text, "Look what I found!") {
		return "", fmt.Errorf("%s got\n%s", got.to, got.text)
	}
	return fmt.Sprintf("Ann mails it to Bea: %q\nno mail server is named, so the mail is a file: %s", got.subject, filepath.Base(got.file)), nil
}

// mails lists all that was written by the end, and what of it was counted.
func (w *walk) mails(ctx context.Context) (string, error) {
	all, err := w.awaitLetters(ctx, 3) // Bea's from Ann, and one for each reward
	if err != nil {
		return "", err
	}
	lines := []string{fmt.Sprintf("%d mails are in %s", len(all), w.mailDir)}
	for _, l := range all {
		lines = append(lines, fmt.Sprintf("to %s: %s", l.to, l.subject))
	}
	counted, err := w.shop.api().mailed(ctx)
	if err != nil {
		return "", err
	}
	if counted.Recipients != 1 || counted.Delivered != 1 || counted.UniqueClicks != 1 {
		return "", fmt.Errorf("counted %+v", counted)
	}
	return strings.Join(append(lines, "of Ann's share: 1 recipient, 1 delivered, 1 followed"), "\n"), nil
}
