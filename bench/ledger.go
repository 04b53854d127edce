package main

import (
	"net/http"
)

const hotCustomer = "customer-1"

// adjustments is a load on one customer's ledger. In turns a connection adds
// and takes away what it added, so that the balance is never short.
func (b *bench) adjustments(addr, token string) *load {
	body := func(kind string) []byte {
		return []byte(`{"customerId":"` + hotCustomer + `","currency":"USD","value":1,"adjustmentType":"` + kind + `","description":"load"}`)
	}
	build := func(kind string) []byte {
		return request(nil, http.MethodPost, "/v1/ledger-adjustment", addr, token, body(kind))
	}
	add, remove := build("add"), build("remove")
	return &load{addr: addr, conns: b.conns, want: http.StatusOK, next: func(w *caller) []byte {
		if b.adds || w.calls%2 == 0 {
			return add
		}
		return remove
	}}
}

// ledger measures what one hot ledger can take.
func (b *bench) ledger() error {
	pg, err := b.postgres()
	if err != nil {
		return err
	}
	if err := pg.prepareRow(); err != nil {
		return err
	}
	limit := &side{Name: "one statement on one row", run: func() (*round, error) { return pg.row(b.conns, b.length()) }}
	synced, err := b.syncTime()
	if err != nil {
		return err
	}

	var sides []*side
	var servers []*server
	for _, engine := range b.engines() {
		s, err := b.ledgerServer(engine)
		if err != nil {
			return err
		}
		defer s.stop()
		servers = append(servers, s)
		sides = append(sides, &side{Name: "ledger adjustment, " + engine, run: func() (*round, error) {
			token, err := s.authorize()
			if err != nil {
				return nil, err
			}
			return b.adjustments(s.addr, token).run(s.process, after(warm, b.length()))
		}})
	}
	if err := interleave(b.rounds, b.out, append(sides, limit)...); err != nil {
		return err
	}
	for i, s := range servers {
		notes, err := memoryNote(s.process)
		if err != nil {
			return err
		}
		want := 4.0
		if s.database.engine == "postgres" {
			want = 0.8
		}
		b.add(result{Name: "one hot ledger, " + s.database.engine, Sync: synced, Ours: sides[i], Limit: limit, Notes: notes,
			Goals: []goal{rateGoal(sides[i], limit, want)}})
	}
	return nil
}

// ledgerServer starts a server that knows the customer.
func (b *bench) ledgerServer(engine string) (*server, error) {
	d, err := b.database(engine, "ledger")
	if err != nil {
		return nil, err
	}
	if err := b.apply(d, clickProject()); err != nil {
		return nil, err
	}
	s, err := b.serve(d)
	if err != nil {
		return nil, err
	}
	token, err := s.authorize()
	if err == nil {
		err = s.once(token, http.MethodPost, "/v1/customer", map[string]string{
			"customerId": hotCustomer, "email": "customer-1@example.com",
		}, nil)
	}
	if err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}
