package engine

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash"
	"net/url"

	"github.com/google/uuid"

	"grapevine/model"
	"grapevine/store"
)

// Visit is somebody following a link.
type Visit struct {
	Code      string
	Cookie    string // the visitor's, "" for a new one
	IP        string
	Agent     string
	Uncounted bool // a prefetch or a link scanner: it is sent on and not counted
	// Standing is what the link has as StandingParam. A UUID there says that
	// somebody looks how they stand, which counts for no friend.
	Standing string
}

// Landing is where a visitor goes.
type Landing struct {
	URL    string
	Cookie string // to set; "" keeps the one that the visitor has
}

// Click counts a visit of a link and tells where it leads. The click is
// durable before it returns. Fails with NotFound where nobody has the code or
// its campaign is not live, and with Invalid where the link leads nowhere.
func (e *Engine) Click(ctx context.Context, v Visit) (*Landing, error) {
	l, err := e.linkByCode(ctx, model.FoldCode(v.Code))
	if err != nil {
		return nil, err
	}
	now := e.now()
	if !l.campaign.Live(now) || l.cfg.BlockedCode(l.Folded) {
		return nil, &model.Error{Kind: model.NotFound, Reason: model.CodeUnknown, Field: "code", Msg: "the link is no longer in use"}
	}
	if l.broken != nil {
		return nil, l.broken
	}
	if v.Standing != "" && uuid.Validate(v.Standing) == nil {
		return &Landing{URL: l.before + "&" + StandingParam + "=" + url.QueryEscape(v.Standing) + l.after}, nil
	}
	if v.Uncounted || l.Silent {
		return &Landing{URL: l.before + l.after}, nil
	}
	c := click{link: l, visit: v, minute: now.Unix() / 60, signs: l.campaign.SignedLinks && l.Participant != 0 && e.signLink != nil}
	c.visitor, c.returning = e.visitorOf(l.account, v.Cookie)
	landing := &Landing{}
	if !c.returning {
		id, err := e.newID()
		if err != nil {
			return nil, &model.Error{Kind: model.Internal, Msg: "no id can be made", Err: err}
		}
		c.visitor = model.VisitorID(id)
		landing.Cookie = e.visitorCookie(l.account, c.visitor)
	}
	counted, err := e.clicks.do(ctx, l.account, &c)
	if err != nil {
		return nil, err
	}
	landing.URL, err = e.landing(l, counted)
	return landing, err
}

// click is a visit on its way to the database.
type click struct {
	link      *link
	visit     Visit
	visitor   model.VisitorID
	returning bool
	minute    int64 // of Unix time
	signs     bool  // the campaign's links carry a signed attribution
}

// counted is what became of a click.
type counted struct {
	self   bool    // the visitor owns the link
	signed *signed // nil: the address carries none
	fresh  bool    // signed is new: kept once it is committed
}

// clickGroup bounds how many clicks share a transaction.
const clickGroup = 256

// clickTogether writes a group of clicks of one account.
func (e *Engine) clickTogether(account model.AccountID, clicks []*click) ([]result[counted], error) {
	var results []result[counted]
	ctx, cancel := context.WithTimeout(context.Background(), groupWait)
	defer cancel()
	err := e.inTurn(ctx, account, func(t *turn) error {
		results = make([]result[counted], len(clicks))
		rows := make([]model.Click, len(clicks))
		followed := make(map[int64]int64, len(clicks)+1)
		owns, err := t.owns(clicks)
		if err != nil {
			return err
		}
		var facet model.Facet
		var listed model.FacetID // under facet, that of most clicks in a row
		for i, c := range clicks {
			results[i].out.self = owns[i]
			if in := clickedIn(c.link, owns[i]); in != facet {
				facet, listed = in, t.facet(in)
			}
			rows[i] = model.Click{
				ID: model.ClickID(t.id()), Code: c.link.ID, Campaign: c.link.Campaign,
				Participant: c.link.Participant, Visitor: c.visitor, Self: owns[i], Facet: listed, At: t.now, Detail: clickDetail(c.visit),
			}
			followed[store.OfCampaign(c.link.Campaign)]++
			if c.link.Participant != 0 {
				followed[int64(c.link.Participant)]++
			}
		}
		t.tx.InsertClicks(rows)
		t.tx.CountLater(t.id(), tallyClick, followed)
		return t.attest(clicks, results)
	})
	if err != nil {
		return nil, err
	}
	for i, r := range results {
		if r.out.fresh {
			e.signatures.put(clicks[i].link, r.out.signed)
		}
	}
	return results, nil
}

// owns tells of each click whether the visitor, who was here before, owns the
// link.
func (t *turn) owns(clicks []*click) ([]bool, error) {
	owns := make([]bool, len(clicks))
	var visitors []model.VisitorID
	for _, c := range clicks {
		if c.returning && c.link.Participant != 0 {
			visitors = append(visitors, c.visitor)
		}
	}
	persons, err := t.tx.Visitors(visitors)
	if err != nil || len(persons) == 0 {
		return owns, err
	}
	for i, c := range clicks {
		person, known := persons[c.visitor]
		if !c.returning || !known {
			continue
		}
		owner, err := t.tx.Canonical(c.link.Person)
		if err != nil {
			return nil, err
		}
		owns[i] = person == owner
	}
	return owns, nil
}

// clickDetail is the erasable part of a click.
func clickDetail(v Visit) string {
	if v.IP == "" && v.Agent == "" {
		return ""
	}
	v.Agent = clip(v.Agent)
	body, err := json.Marshal(struct {
		IP    string `json:"ip,omitempty"`
		Agent string `json:"agent,omitempty"`
	}{v.IP, v.Agent})
	if err != nil {
		return ""
	}
	return string(body)
}

// A visitor's cookie carries its account, signed, so that it needs no lookup
// and cannot be made up.

func (e *Engine) visitorCookie(account model.AccountID, id model.VisitorID) string {
	raw := make([]byte, 8+8, 8+8+sha256.Size)
	binary.BigEndian.PutUint64(raw, uint64(account))
	binary.BigEndian.PutUint64(raw[8:], uint64(id))
	return base64.RawURLEncoding.EncodeToString(e.signCookie(raw))
}

const cookieMAC = 12

// signCookie appends a signature to what a cookie says. Making its key ready
// takes longer than signing, so that is kept.
func (e *Engine) signCookie(says []byte) []byte {
	mac := e.cookieMACs.Get().(hash.Hash)
	defer e.cookieMACs.Put(mac)
	mac.Reset()
	mac.Write(says)
	return mac.Sum(says)[:len(says)+cookieMAC]
}

// visitorOf reads a cookie; one of another account, or made up, is nobody's.
func (e *Engine) visitorOf(account model.AccountID, cookie string) (model.VisitorID, bool) {
	const size = 8 + 8 + cookieMAC
	if base64.RawURLEncoding.DecodedLen(len(cookie)) != size {
		return 0, false
	}
	raw := make([]byte, size)
	if _, err := base64.RawURLEncoding.Decode(raw, []byte(cookie)); err != nil {
		return 0, false
	}
	says := append(make([]byte, 0, 16+sha256.Size), raw[:16]...)
	if !hmac.Equal(raw, e.signCookie(says)) || binary.BigEndian.Uint64(raw) != uint64(account) {
		return 0, false
	}
	return model.VisitorID(binary.BigEndian.Uint64(raw[8:])), true
}
