package model

import "time"

// Job is work that a transaction leaves for after its commit. It runs at
// least once, so its handler is idempotent.
type Job struct {
	ID      JobID
	Account AccountID
	Kind    string
	Lane    int64 // the endpoint that is told; 0 for work inside the house
	Subject int64
	Payload string // JSON; may be empty
	RunAt   time.Time
	Attempt int64  // raised by every claim: the fencing token
	Error   string // of the last try
}

// Kinds of jobs.
const (
	JobTell        = "tell"         // subject: what is told of; lane: endpoint
	JobDeliver     = "deliver"      // subject: delivery; lane: endpoint
	JobHoldOver    = "hold_over"    // subject: reward
	JobExpire      = "expire"       // payload: ledger
	JobBatchFilled = "batch_filled" // subject: coupon batch
	JobStock       = "stock"        // subject: coupon batch; payload: at which percentage of use it is
	JobErase       = "erase"        // subject: person; payload: how far it is
	JobMail        = "mail"         // subject: mail
	JobSuspend     = "suspend"      // subject: participant whose address there is not
	JobRemind      = "remind"       // subject: mail of a share
)

// Queue is the jobs of one account, kind and lane. Queues never wait for each
// other.
type Queue struct {
	Account AccountID
	Kind    string
	Lane    int64
}

// Queue is where j waits.
func (j *Job) Queue() Queue { return Queue{Account: j.Account, Kind: j.Kind, Lane: j.Lane} }

// DeliveryState is where a delivery stands.
type DeliveryState string

const (
	DeliveryOpen      DeliveryState = "open" // items may still join
	DeliverySending   DeliveryState = "sending"
	DeliveryDelivered DeliveryState = "delivered"
	DeliveryRefused   DeliveryState = "refused" // the receiver wants no other try
	DeliveryFailed    DeliveryState = "failed"  // given up, kept for replay
	DeliveryVoid      DeliveryState = "void"    // what it told of was gone before its first attempt
)

// Delivery is one message to one endpoint.
type Delivery struct {
	ID       DeliveryID
	UUID     string // the same over all attempts
	Endpoint EndpointID
	State    DeliveryState
	Items    int64
	Body     string // frozen by the first attempt
	Redacted int64  // how often somebody whom it tells of was erased
	Attempts int64
	Tries    int64 // attempts since it was replayed
	At       time.Time
	FirstAt  time.Time // of the first attempt
	Since    time.Time // of the first since it was replayed: a schedule counts from here
	EndedAt  time.Time
}

// Attempt is one try of a delivery.
type Attempt struct {
	Delivery DeliveryID
	Number   int64
	At       time.Time
	Took     time.Duration
	Status   int // 0: no answer came
	Excerpt  string
	Error    string
}

// Verdict is what an answer means for a delivery.
type Verdict int

// The verdicts.
const (
	TryAgain     Verdict = iota // as if no answer had come
	Accepted                    // it is delivered
	Refused                     // the receiver wants no other try
	ReceiverGone                // nor any other delivery
)
