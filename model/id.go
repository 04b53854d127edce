// Package model is the vocabulary that every part of Grapevine shares: types,
// ids and errors. It knows no SQL, no HTTP and no vendor.
package model

import (
	"fmt"
	"sync"
	"time"
)

// Ids of runtime rows are 53-bit integers, safe in JSON, made by Maker. Ids
// of configuration come from the project file.
type (
	AccountID     int64
	CampaignID    int64
	RuleID        int64 // a reward as the project file describes it
	BatchID       int64 // a coupon batch
	CouponID      int64
	PersonID      int64
	ParticipantID int64
	CodeID        int64
	VisitorID     int64
	ClickID       int64
	AttributionID int64
	EventID       int64
	ConversionID  int64
	RewardID      int64
	HoldingID     int64
	EntryID       int64 // one ledger entry
	CreditID      int64
	EndpointID    int64
	DeliveryID    int64
	JobID         int64
	PointID       int64
	FacetID       int64 // see Facet
	MailID        int64
	SuppressionID int64
)

// Epoch is when ids begin: their upper 40 bits count milliseconds from here.
var Epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Nodes is how many processes can make ids at once.
const Nodes = 32

// BitsBelowMilli are the bits of an id below its milliseconds.
const BitsBelowMilli = nodeBits + counterBits

const (
	counterBits = 8
	nodeBits    = 5
	perMilli    = 1 << counterBits
)

// Maker makes ids: 40 bits of milliseconds since Epoch, 5 of node, 8 of
// counter. A full millisecond borrows from the next, and ids never go
// backwards, whatever the clock does. Safe for concurrent use.
type Maker struct {
	now func() time.Time

	mu      sync.Mutex
	node    int64
	milli   int64 // of the id given last
	counter int64
	mark    int64 // no id may reach this millisecond; 0 after Stop
}

// NewMaker makes ids for a node number that the caller leases. Ids begin
// above the millisecond after, which an earlier holder may have used, and
// stay below mark until Extend moves it.
func NewMaker(now func() time.Time, node int, after, mark int64) *Maker {
	return &Maker{now: now, node: int64(node), milli: after, counter: perMilli - 1, mark: mark}
}

// Extend allows ids up to the millisecond mark, after the lease row holds it.
func (m *Maker) Extend(mark int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mark != 0 {
		m.mark = max(m.mark, mark)
	}
}

// Reached is the millisecond of the last id given, or the one that ids begin
// above.
func (m *Maker) Reached() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.milli
}

// Stop makes Next fail from here on, so that the node number can be given
// back, and returns what Reached stays at.
func (m *Maker) Stop() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mark = 0
	return m.milli
}

// Next returns an id above every id it returned before. It fails when the
// lease of the node number was not renewed: another process may hold it.
func (m *Maker) Next() (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	milli, counter := m.milli, m.counter+1
	if now := Milli(m.now()); now > milli {
		milli, counter = now, 0
	} else if counter == perMilli {
		milli, counter = milli+1, 0
	}
	if milli >= m.mark {
		return 0, fmt.Errorf("node %d: lease ended at %d, id of %d asked for", m.node, m.mark, milli)
	}
	m.milli, m.counter = milli, counter
	return m.milli<<BitsBelowMilli | m.node<<counterBits | m.counter, nil
}

// Milli is t in milliseconds since Epoch, as ids carry it.
func Milli(t time.Time) int64 { return t.UnixMilli() - Epoch.UnixMilli() }
