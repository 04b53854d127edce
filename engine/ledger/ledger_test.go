package ledger

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"grapevine/model"
	"grapevine/money"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// ids makes ids that rise.
type ids int64

func (n *ids) next() (int64, error) { *n++; return int64(*n), nil }

// A shelf is what a database keeps of a ledger: each turn opens it, moves it
// and writes back what the book says, and nothing else.
type shelf struct {
	head    model.Ledger
	credits []model.Credit
	entries []model.Entry
}

func (s *shelf) active() []model.Credit {
	var active []model.Credit
	for _, c := range s.credits {
		if c.EndedAt.IsZero() {
			active = append(active, c)
		}
	}
	slices.SortFunc(active, func(a, b model.Credit) int {
		return cmp.Or(byExpiry(a.ExpiresAt, b.ExpiresAt), a.EarnedAt.Compare(b.EarnedAt), cmp.Compare(a.ID, b.ID))
	})
	return active
}

// window is how many credits are read at once.
const window = 3

// open opens the book of a turn as the engine does: what is due is posted.
func (s *shelf) open(t *testing.T, now time.Time, n *ids) *Book {
	t.Helper()
	b := Open(s.head, now, n.next, s)
	if b.Due() {
		if err := b.Expire(); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func (s *shelf) First(b *Book) ([]model.Credit, bool, error) {
	s.save(b)
	active := s.active()
	return slices.Clone(active[:min(window, len(active))]), len(active) < window, nil
}

func (s *shelf) Spend(b *Book, atMost money.Amount) (spent money.Amount, err error) {
	s.save(b)
	for _, c := range s.active() {
		if spent+c.Remaining > atMost {
			break
		}
		spent += c.Remaining
		s.end(c.ID, b.now)
	}
	return spent, nil
}

func (s *shelf) Lapse(b *Book, until time.Time) (left money.Amount, err error) {
	s.save(b)
	for _, c := range s.active() {
		if Expired(c, until) {
			left += c.Remaining
			s.end(c.ID, b.now)
		}
	}
	return left, nil
}

func (s *shelf) end(id model.CreditID, now time.Time) {
	i := slices.IndexFunc(s.credits, func(c model.Credit) bool { return c.ID == id })
	s.credits[i].Remaining, s.credits[i].EndedAt = 0, now
}

func (s *shelf) save(b *Book) {
	s.head = b.Head
	s.entries = append(s.entries, b.Entries...)
	s.credits = append(s.credits, b.Added...)
	for _, c := range b.Changed {
		i := slices.IndexFunc(s.credits, func(have model.Credit) bool { return have.ID == c.ID })
		s.credits[i] = c
	}
	b.Saved()
}

// naive is the same ledger, told in the plainest way: a list of credits that
// is searched from end to end.
type naive struct{ credits []lump }

type lump struct {
	left    money.Amount
	expires time.Time
	reward  model.RewardID
	seq     int
}

func (n *naive) expire(now time.Time) {
	n.credits = slices.DeleteFunc(n.credits, func(l lump) bool {
		return l.left == 0 || (!l.expires.IsZero() && !l.expires.After(now))
	})
}

func (n *naive) balance() (sum money.Amount) {
	for _, l := range n.credits {
		sum += l.left
	}
	return sum
}

func (n *naive) add(l lump, limit money.Amount) money.Amount {
	if room := limit - n.balance(); limit > 0 && l.left > room {
		l.left = max(0, room)
	}
	n.credits = append(n.credits, l)
	return l.left
}

// first is what is spent next: what expires first, then what is oldest.
func (n *naive) first() *lump {
	var first *lump
	for i := range n.credits {
		l := &n.credits[i]
		switch {
		case l.left == 0:
		case first == nil, first.expires.IsZero() && !l.expires.IsZero():
			first = l
		case l.expires.IsZero() && !first.expires.IsZero():
		case l.expires.Before(first.expires), l.expires.Equal(first.expires) && l.seq < first.seq:
			first = l
		}
	}
	return first
}

func (n *naive) remove(amount money.Amount) bool {
	if n.balance() < amount {
		return false
	}
	for amount > 0 {
		l := n.first()
		take := min(amount, l.left)
		l.left -= take
		amount -= take
	}
	return true
}

func (n *naive) takeBack(reward model.RewardID) (sum money.Amount) {
	for i := range n.credits {
		if n.credits[i].reward == reward {
			sum += n.credits[i].left
			n.credits[i].left = 0
		}
	}
	return sum
}

// Whatever happens to two ledgers, they stand as the naive ones do: balances,
// caps, what is spent first, what a reward takes back, and when the next
// credit expires.
func TestLedgerIsTheNaiveOne(t *testing.T) {
	for seed := range uint64(300) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			chance := rand.New(rand.NewPCG(seed, 7))
			var n ids
			var shelves [2]shelf
			var models [2]naive
			for i := range shelves {
				shelves[i].head = model.Ledger{Holder: fmt.Sprint("p", i), Currency: "Points", CreatedAt: noon}
			}
			limit := money.Amount(chance.IntN(3) * 400)
			now := noon
			for step := range 120 {
				now = now.Add(time.Minute + time.Duration(chance.IntN(3))*time.Hour)
				at := chance.IntN(2)
				s, m := &shelves[at], &models[at]
				m.expire(now)
				if chance.IntN(40) == 0 {
					move(t, &shelves, &models, now, &n)
				} else {
					turn(t, chance, s, m, now, &n, limit, step)
				}
				for i := range shelves {
					agree(t, &shelves[i], &models[i], now)
				}
				if t.Failed() {
					t.Fatalf("seed %d, step %d", seed, step)
				}
			}
		})
	}
}

// turn does one to three things in one book.
func turn(t *testing.T, chance *rand.Rand, s *shelf, m *naive, now time.Time, n *ids, limit money.Amount, step int) {
	t.Helper()
	b := s.open(t, now, n)
	for i := range 1 + chance.IntN(3) {
		w := chance.IntN(5)
		amount := money.Amount(1 + chance.IntN(120))
		reward := model.RewardID(chance.IntN(2) * (10*step + i))
		switch {
		case w < 3:
			l := lump{left: amount, reward: reward, seq: 10*step + i}
			if chance.IntN(2) == 0 {
				l.expires = now.Add(time.Duration(1+chance.IntN(40)) * time.Hour)
			}
			want := m.add(l, limit)
			got, err := b.Add(Addition{Kind: model.EntryAdd, Amount: amount, Cap: limit, ExpiresAt: l.expires, Reward: reward})
			if err != nil || got.Amount != want {
				t.Fatalf("add %v: %v, %v; want %v", amount, got, err, want)
			}
		case w == 3:
			before := *b
			_, err := b.Remove(Removal{Kind: model.EntryRemove, Amount: amount})
			if m.remove(amount) != (err == nil) {
				t.Fatalf("remove %v of %v: %v", amount, m.balance(), err)
			}
			if err != nil && (model.ReasonOf(err) != model.BalanceShort || before.Head != b.Head || len(before.Entries) != len(b.Entries)) {
				t.Fatalf("a refused removal changed the book: %v", err)
			}
		default:
			s.save(b)
			active := s.active()
			at := slices.IndexFunc(active, func(c model.Credit) bool { return c.Reward != 0 })
			if at < 0 {
				continue
			}
			c := active[at]
			if got, err := b.TakeBack(c); err != nil || got != m.takeBack(c.Reward) {
				t.Fatalf("take back %+v: %v, %v", c, got, err)
			}
		}
	}
	s.save(b)
}

// move moves the first ledger into the second, as a merge does.
func move(t *testing.T, shelves *[2]shelf, models *[2]naive, now time.Time, n *ids) {
	t.Helper()
	from, to := shelves[0].open(t, now, n), shelves[1].open(t, now, n)
	if err := from.MoveTo(to); err != nil {
		t.Fatal(err)
	}
	shelves[0].save(from)
	shelves[1].save(to)
	for i, c := range shelves[0].credits {
		if c.EndedAt.IsZero() {
			shelves[0].credits[i].EndedAt = now
			c.Holder, c.Amount = to.Head.Holder, c.Remaining
			shelves[1].credits = append(shelves[1].credits, c)
		}
	}
	models[0].expire(now)
	models[1].expire(now)
	models[1].credits = append(models[1].credits, models[0].credits...)
	models[0].credits = nil
}

// agree compares a shelf with its model, and with itself: the entries add up
// to the balance, and so do the credits.
func agree(t *testing.T, s *shelf, m *naive, now time.Time) {
	t.Helper()
	m.expire(now)
	if got := Balance(s.head, s.active(), now); got != m.balance() {
		t.Errorf("balance %v, want %v", got, m.balance())
	}
	var sum, left money.Amount
	for i, e := range s.entries {
		sum += e.Amount
		if e.Number != int64(i+1) || e.Balance != sum || sum < 0 {
			t.Errorf("entry %d is %+v after a sum of %v", i, e, sum)
		}
	}
	var next time.Time
	for _, c := range s.active() {
		left += c.Remaining
		if c.Remaining <= 0 || c.Remaining > c.Amount {
			t.Errorf("active credit %+v", c)
		}
		if !c.ExpiresAt.IsZero() && (next.IsZero() || c.ExpiresAt.Before(next)) {
			next = c.ExpiresAt
		}
	}
	if s.head.Balance != sum || s.head.Balance != left || s.head.Entries != int64(len(s.entries)) {
		t.Errorf("head %+v; entries add up to %v, credits to %v", s.head, sum, left)
	}
	// It may be too early where a credit ended that expired first, never late.
	if !next.IsZero() && (s.head.NextExpiry.IsZero() || s.head.NextExpiry.After(next)) {
		t.Errorf("next expiry %v, want %v", s.head.NextExpiry, next)
	}
}
