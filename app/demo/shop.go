package demo

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

//go:embed shop/*.html
var shopFiles embed.FS

var shopPages = template.Must(template.ParseFS(shopFiles, "shop/*.html"))

// product is something the shop sells.
type product struct {
	SKU, Name, About, Price string
}

var products = []product{
	{"TENT-2", "Nook tent", "Two friends, three seasons, one kilo and a half.", "189.00"},
	{"PACK-35", "Ridge pack, 35 l", "Carries a weekend and does not show it.", "64.00"},
	{"MUG-1", "Ember mug", "Enamel, dents with dignity.", "18.50"},
}

func productBySKU(sku string) (product, bool) {
	for _, p := range products {
		if p.SKU == sku {
			return p, true
		}
	}
	return product{}, false
}

// shop is a small shop: a page where friends land, a server that reports
// orders, and a receiver of webhooks. It keeps everything in memory.
type shop struct {
	url    string
	log    *slog.Logger
	server *http.Server
	done   chan struct{}
	hooks  *hooks

	mu     sync.Mutex
	client *client // nil until the shop is open
	orders []placed
	people map[string]person // by e-mail
}

// placed is an order that was reported.
type placed struct {
	order
	Event string
	Link  string // the buyer's own
}

func openShop(address string, log *slog.Logger) (*shop, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	s := &shop{url: "http://" + listener.Addr().String(), log: log, done: make(chan struct{}), people: map[string]person{}}
	s.hooks = newHooks(func() string { return s.api().account.Keys.Friendbuy.SigningSecret })
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.front)
	mux.HandleFunc("POST /buy", s.buy)
	mux.HandleFunc("GET /orders/{id}", s.thanks)
	mux.HandleFunc("GET /hooks", s.heard)
	mux.Handle("POST /hooks/rewards", s.hooks)
	s.server = &http.Server{
		Handler:           http.NewCrossOriginProtection().Handler(mux),
		ReadHeaderTimeout: stepLimit,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	go func() {
		defer close(s.done)
		if err := s.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the shop broke down", "err", err)
		}
	}()
	return s, nil
}

// open tells the shop whose keys it has and where the API is.
func (s *shop) open(a *account, server string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.client = &client{server: server, account: a}
}

func (s *shop) api() *client {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client == nil {
		return &client{account: new(account)}
	}
	return s.client
}

func (s *shop) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), stepLimit)
	defer cancel()
	err := s.server.Shutdown(ctx)
	<-s.done
	return err
}

// front is where friends land.
func (s *shop) front(w http.ResponseWriter, r *http.Request) {
	ref := r.URL.Query().Get("ref")
	s.page(w, http.StatusOK, "front", map[string]any{
		"Products": products,
		"Ref":      ref,
		"Friend":   firstName(ref),
	})
}

// firstName is the name in a code that was made from one: four characters that
// nobody can guess come after it.
func firstName(code string) string {
	name := code[:max(0, len(code)-4)]
	if name == "" {
		return ""
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// buy takes an order, reports it, and gives the buyer a link of their own.
func (s *shop) buy(w http.ResponseWriter, r *http.Request) {
	item, ok := productBySKU(r.FormValue("sku"))
	email := strings.TrimSpace(r.FormValue("email"))
	if !ok || email == "" {
		s.page(w, http.StatusBadRequest, "trouble", "Something is missing in the order.")
		return
	}
	p, err := s.order(r.Context(), item, email, strings.TrimSpace(r.FormValue("name")), r.FormValue("ref"))
	if err != nil {
		s.log.Error("an order was not taken", "err", err)
		s.page(w, http.StatusBadGateway, "trouble", err.Error())
		return
	}
	http.Redirect(w, r, "/orders/"+p.ID, http.StatusSeeOther)
}

func (s *shop) order(ctx context.Context, item product, email, name, ref string) (*placed, error) {
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	s.mu.Lock()
	by, known := s.people[strings.ToLower(email)]
	if !known {
		by = person{Name: name, Email: email, CustomerID: fmt.Sprintf("c-%d", len(s.people)+1)}
		s.people[strings.ToLower(email)] = by
	}
	p := placed{order: order{ID: fmt.Sprintf("o-%d", 1001+len(s.orders)), By: by, Product: item, Ref: ref}}
	s.orders = append(s.orders, p)
	at := len(s.orders) - 1
	s.mu.Unlock()

	api := s.api()
	var err error
	if p.Event, err = api.purchase(ctx, p.order); err != nil {
		return nil, err
	}
	own, err := api.link(ctx, by)
	if err != nil {
		return nil, err
	}
	p.Link = own.URL
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orders[at] = p
	return &p, nil
}

// thanks shows an order and what came of it. Rewards are told by webhook, a
// moment later.
func (s *shop) thanks(w http.ResponseWriter, r *http.Request) {
	p, ok := s.orderByID(r.PathValue("id"))
	if !ok {
		s.page(w, http.StatusNotFound, "trouble", "There is no such order.")
		return
	}
	var about []told
	for _, t := range s.hooks.all() {
		mine := strings.EqualFold(t.Email, p.By.Email)
		for _, f := range t.Friends {
			mine = mine || strings.EqualFold(f.Email, p.By.Email)
		}
		if mine {
			about = append(about, t)
		}
	}
	s.page(w, http.StatusOK, "thanks", map[string]any{
		"Order":   p,
		"Told":    about,
		"Waiting": p.Ref != "" && len(about) == 0,
	})
}

func (s *shop) orderByID(id string) (placed, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.orders {
		if p.ID == id && p.Event != "" {
			return p, true
		}
	}
	return placed{}, false
}

// heard lists what webhooks told.
func (s *shop) heard(w http.ResponseWriter, _ *http.Request) {
	s.page(w, http.StatusOK, "hooks", s.hooks.all())
}

func (s *shop) page(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := shopPages.ExecuteTemplate(&b, name+".html", data); err != nil {
		s.log.Error("a page of the shop is wrong", "page", name, "err", err)
		http.Error(w, "the page is wrong", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// Time is how the pages show when something was heard.
func (t told) Time() string { return t.At.Format(time.TimeOnly) }
