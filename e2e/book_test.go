//go:build e2e

package e2e_test

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// book is what the shop itself knows of its orders, kept outside the program
// that is killed.
type book struct {
	mu     sync.Mutex
	events map[int]string // of the orders that were answered
	unsure map[int]bool   // orders that were sent and not answered
	faults []string
	last   int
}

func newBook() *book {
	return &book{events: map[int]string{}, unsure: map[int]bool{}}
}

// next numbers a new order.
func (b *book) next() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	return b.last
}

// codeOf is the code that an order names, the same at each repeat.
func codeOf(codes []string, order int) string { return codes[order%len(codes)] }

// place sends an order and writes down what came of it. It tells whether an
// answer came.
func (b *book) place(p *shop, codes []string, order int) bool {
	event, answered, err := p.buy(order, codeOf(codes, order))
	b.mu.Lock()
	defer b.mu.Unlock()
	switch first, known := b.events[order]; {
	case err != nil:
		b.faults = append(b.faults, err.Error())
	case !answered:
		if !known {
			b.unsure[order] = true
		}
	case known && first != event:
		b.faults = append(b.faults, fmt.Sprintf("order %d is event %s and event %s", order, first, event))
	default:
		b.events[order] = event
		delete(b.unsure, order)
	}
	return answered
}

// repeat sends every order again, those that were answered and those that were
// not. The first must be known by the event they got, and all must be answered.
func (b *book) repeat(t *testing.T, p *shop, codes []string) (orders []int) {
	t.Helper()
	b.mu.Lock()
	for order := range b.events {
		orders = append(orders, order)
	}
	for order := range b.unsure {
		orders = append(orders, order)
	}
	t.Logf("%d orders answered, %d not", len(b.events), len(b.unsure))
	b.mu.Unlock()

	queue := make(chan int, len(orders))
	for _, order := range orders {
		queue <- order
	}
	close(queue)
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for order := range queue {
				b.place(p, codes, order)
			}
		})
	}
	group.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	for order := range b.unsure {
		t.Errorf("order %d was not answered though the server runs", order)
	}
	for _, f := range b.faults {
		t.Error(f)
	}
	return orders
}

// customer places orders, one after the other, until stop is closed. Each
// fifth goes out twice at once, and one that was not answered is sent again,
// twice at once, until it is.
func (b *book) customer(p *shop, codes []string, stop <-chan struct{}) {
	for {
		order := b.next()
		copies := 1
		if order%5 == 0 {
			copies = 2
		}
		for !b.placeTogether(p, codes, order, copies) {
			copies = 2
			if !pause(stop, 20*time.Millisecond) {
				return
			}
		}
		if !pause(stop, 8*time.Millisecond) {
			return
		}
	}
}

// placeTogether sends copies of an order in parallel, and tells whether one of
// them was answered.
func (b *book) placeTogether(p *shop, codes []string, order, copies int) bool {
	answered := make(chan bool, copies)
	for range copies {
		go func() { answered <- b.place(p, codes, order) }()
	}
	any := false
	for range copies {
		if <-answered {
			any = true
		}
	}
	return any
}

// pause waits, and tells whether to go on.
func pause(stop <-chan struct{}, d time.Duration) bool {
	select {
	case <-stop:
		return false
	case <-time.After(d):
		return true
	}
}
