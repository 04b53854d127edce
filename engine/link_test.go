package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/store"
)

const linking = `
account: Acme
slug: %s
site: https://shop.example.com
blocked: {codes: [evil*]}
campaigns:
  - {name: First, status: launched, code: %[1]s-first}
  - {name: Named, status: launched, code_style: {seed: first_name, prefix: go-}}
`

// codes makes links and returns their codes.
func (s *stage) codes(requests ...engine.LinkRequest) []string {
	s.t.Helper()
	links, err := s.core.Links(context.Background(), s.account, requests)
	if err != nil {
		s.t.Fatal(err)
	}
	var codes []string
	for _, l := range links {
		codes = append(codes, l.Code)
	}
	return codes
}

func TestOneLinkPerPlaceAndSeed(t *testing.T) {
	onBoth(t, fmt.Sprintf(linking, "acme"), func(t *testing.T, s *stage) {
		first, named := s.project.Campaigns[0].UUID, s.project.Campaigns[1].UUID
		request := engine.LinkRequest{Who: server("", "ann@example.com"), Campaign: first, Channel: "email"}
		plain := s.codes(request)[0]
		if got := s.codes(request, request); !slices.Equal(got, []string{plain, plain}) {
			t.Errorf("asked again: %v, want %s", got, plain)
		}
		seen := map[string]string{plain: "the first"}
		for name, change := range map[string]func(*engine.LinkRequest){
			"another campaign": func(r *engine.LinkRequest) { r.Campaign = named },
			"another channel":  func(r *engine.LinkRequest) { r.Channel = "facebook" },
			"a widget":         func(r *engine.LinkRequest) { r.Widget = "FF83C064-0776-4B99-ADCC-C2B93AF11B78" },
			"parameters":       func(r *engine.LinkRequest) { r.Params = "utm=x" },
			"a seed":           func(r *engine.LinkRequest) { r.Seed = "annie" },
			"another person":   func(r *engine.LinkRequest) { r.Email = "ben@example.com" },
		} {
			r := request
			change(&r)
			got := s.codes(r, r)
			if got[0] != got[1] || seen[got[0]] != "" {
				t.Errorf("%s: %v, which is %q", name, got, seen[got[0]])
			}
			seen[got[0]] = name
		}
		// Same widget and person in another spelling.
		r := request
		r.Widget, r.Email, r.Campaign = "ff83c064-0776-4b99-adcc-c2b93af11b78", "Ann@Example.com", strings.ToUpper(first)
		if got := s.codes(r)[0]; seen[got] != "a widget" {
			t.Errorf("in another spelling it is %q", seen[got])
		}
		// A seed adds a link beside the others; without one the first is meant.
		if got := s.codes(request)[0]; got != plain {
			t.Errorf("after a seed was asked for: %s, want %s", got, plain)
		}
		seeded := request
		seeded.Seed = "Annie!"
		if got := s.codes(seeded)[0]; seen[got] != "a seed" {
			t.Errorf("the same seed in another spelling is %q", seen[got])
		}
		for code := range seen {
			if _, err := s.core.Click(t.Context(), engine.Visit{Code: code}); err != nil {
				t.Errorf("%s does not work: %v", code, err)
			}
		}
	})
}

func TestCodesAreWhatWasWishedFor(t *testing.T) {
	onBoth(t, fmt.Sprintf(linking, "acme"), func(t *testing.T, s *stage) {
		first, named := s.project.Campaigns[0].UUID, s.project.Campaigns[1].UUID
		vip, none := "VIP-", ""
		ask := func(email string, r engine.LinkRequest) string {
			r.Who = engine.Who{Email: email, FirstName: r.FirstName, Server: true}
			return s.codes(r)[0]
		}
		for _, tt := range []struct {
			claim, got, want string // a want that ends in * is a beginning
		}{
			{"a free seed is the code", ask("a@example.com", engine.LinkRequest{Campaign: first, Seed: "Big Spender_9"}), "bigspender_9"},
			{"a taken one gets a suffix", ask("b@example.com", engine.LinkRequest{Campaign: first, Seed: "BIGSPENDER_9"}), "bigspender_9-*"},
			{"a campaign's own code is taken", ask("c@example.com", engine.LinkRequest{Campaign: first, Seed: "acme-first"}), "acme-first-*"},
			{"a reserved word is taken", ask("d@example.com", engine.LinkRequest{Campaign: first, Seed: "api"}), "api-*"},
			{"a prefix goes before a seed", ask("e@example.com", engine.LinkRequest{Campaign: first, Seed: "eve", Prefix: &vip}), "vip-eve"},
			{"a prefix goes before a made code", ask("f@example.com", engine.LinkRequest{Campaign: first, Prefix: &vip}), "vip-*"},
			{"the campaign's style makes it", ask("g@example.com", engine.LinkRequest{Campaign: named, Who: engine.Who{FirstName: "Gwen"}}), "go-gwen*"},
			{"a campaign's style takes a few letters", ask("g2@example.com", engine.LinkRequest{Campaign: named, Who: engine.Who{FirstName: "Anna-Maria"}}), "go-annama*"},
			{"a campaign's style takes the address of who has no name", ask("lea.m@example.com", engine.LinkRequest{Campaign: named}), "go-leam*"},
			{"short leaves out the name", ask("h@example.com", engine.LinkRequest{Campaign: named, Who: engine.Who{FirstName: "Hal"}, Short: true}), "go-*"},
			{"an empty prefix is none", ask("i@example.com", engine.LinkRequest{Campaign: named, Seed: "ida", Prefix: &none}), "ida"},
		} {
			begins, open := strings.CutSuffix(tt.want, "*")
			if tt.got != tt.want && !(open && strings.HasPrefix(tt.got, begins) && tt.got != begins) {
				t.Errorf("%s: %q, want %q", tt.claim, tt.got, tt.want)
			}
		}
		if short := ask("j@example.com", engine.LinkRequest{Campaign: named, Who: engine.Who{FirstName: "Joan"}, Short: true}); strings.Contains(short, "joan") {
			t.Errorf("short has the name: %s", short)
		}
		if got := ask("k@example.com", engine.LinkRequest{Campaign: first, Seed: "Ивана"}); len(got) < 8 {
			t.Errorf("a seed that comes to nothing: %q, want a made code", got)
		}
	})
}

// A link makes its person a participant, who keeps the main code beside it.
func TestLinkMakesAParticipant(t *testing.T) {
	onBoth(t, fmt.Sprintf(linking, "acme"), func(t *testing.T, s *stage) {
		code := s.link("ann@example.com", 0)
		s.view(func(tx *store.Tx) error {
			owner, err := tx.CodeOwner(code)
			if err != nil {
				return err
			}
			parts, err := tx.Parts(owner.Advocate)
			if len(parts) != 1 || parts[0].ID != owner.Participant || !parts[0].SignedUpAt.IsZero() {
				t.Errorf("%d participants: %+v", len(parts), parts)
			}
			return err
		})
		if diff := cmp.Diff([]string{"link"}, s.story("ann@example.com")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestBadBatchOfLinksMakesNothing(t *testing.T) {
	onBoth(t, fmt.Sprintf(linking, "acme"), func(t *testing.T, s *stage) {
		good := engine.LinkRequest{Who: server("", "ann@example.com"), Campaign: s.project.Campaigns[0].UUID, Seed: "ann"}
		for _, tt := range []struct {
			bad    engine.LinkRequest
			kind   model.Kind
			reason model.Reason
		}{
			{engine.LinkRequest{Who: server("", "ben@example.com"), Campaign: "00000000-0000-4000-8000-000000000000"}, model.NotFound, model.CampaignUnknown},
			{engine.LinkRequest{Campaign: good.Campaign}, model.Invalid, model.PersonUnknown},
		} {
			_, err := s.core.Links(t.Context(), s.account, []engine.LinkRequest{good, tt.bad})
			fails(t, err, tt.kind, tt.reason)
		}
		if s.personOf("ann@example.com") != 0 {
			t.Error("the good request of a bad batch made somebody")
		}
		if got := s.codes(good)[0]; got != "ann" {
			t.Errorf("its code was taken: %s", got)
		}
	})
}

func TestParallelRequestsGetOneLink(t *testing.T) {
	onBoth(t, fmt.Sprintf(linking, "acme"), func(t *testing.T, s *stage) {
		for round := range 4 {
			email := fmt.Sprintf("ann-%d@example.com", round)
			if round%2 == 1 {
				s.know(fmt.Sprint("c-", round), email)
			}
			codes := parallel(t, 16, func(i int) (string, error) {
				links, err := s.core.Links(context.Background(), s.account, []engine.LinkRequest{{
					Who: server(fmt.Sprint("c-", round), email), Campaign: s.project.Campaigns[0].UUID, Channel: "email",
				}})
				if err != nil {
					return "", err
				}
				return links[0].Code, nil
			})
			slices.Sort(codes)
			if codes = slices.Compact(codes); len(codes) != 1 {
				t.Errorf("round %d: links %v, want one", round, codes)
			}
		}
	})
}

// Batches that name the same people in another order, and one seed by many,
// wait for each other and come to an end.
func TestParallelBatchesAndSeeds(t *testing.T) {
	onBoth(t, fmt.Sprintf(linking, "acme"), func(t *testing.T, s *stage) {
		people := []string{"ann", "ben", "cal", "dan"}
		all := parallel(t, 8, func(i int) ([]string, error) {
			var requests []engine.LinkRequest
			for _, name := range people {
				requests = append(requests, engine.LinkRequest{Who: server("", name+"@example.com"), Campaign: s.project.Campaigns[0].UUID, Seed: "wanted"})
			}
			if i%2 == 1 {
				slices.Reverse(requests)
			}
			links, err := s.core.Links(context.Background(), s.account, requests)
			if i%2 == 1 {
				slices.Reverse(links)
			}
			var codes []string
			for _, l := range links {
				codes = append(codes, l.Code)
			}
			return codes, err
		})
		for _, codes := range all {
			if diff := cmp.Diff(all[0], codes); diff != "" {
				t.Error(diff)
			}
		}
		distinct := slices.Clone(all[0])
		slices.Sort(distinct)
		if len(slices.Compact(distinct)) != len(people) || !slices.Contains(all[0], "wanted") {
			t.Errorf("codes %v", all[0])
		}
	})
}
