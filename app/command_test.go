package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"grapevine/store"
	"grapevine/store/pgtest"
)

const acme = `
account: Acme
slug: acme
site: https://shop.example.com
keys:
  friendbuy: {key: 3fa85f64-5717-4562-b3fc-2c963f66afa6, secret: "95eb1c78", signing_secret: sign}
campaigns:
  - name: Evergreen
    uuid: ef9befc6-18f1-418c-8914-5ee8d09bb5aa
    status: launched
    rewards:
      - {name: Ten, to: advocate, on: purchase, value: {type: credit, amount: 10, unit: USD}}
`

// place is a database of a test's own.
func place(t *testing.T) Config {
	return Config{Database: "sqlite:" + filepath.Join(t.TempDir(), "test.db"), Log: quiet}
}

// write makes a project file.
func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "acme.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func applyText(t *testing.T, c Config, text string) string {
	t.Helper()
	var out, messages bytes.Buffer
	if err := Apply(t.Context(), c, write(t, text), nil, &out, &messages); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestApplyPrintsTheFileCompleted(t *testing.T) {
	t.Parallel()
	c := place(t)
	first := applyText(t, c, acme)
	var got struct {
		AccountID int64 `json:"account_id"`
		Keys      struct {
			Friendbuy map[string]string
		}
		Campaigns []struct{ ID int64 }
	}
	if err := json.Unmarshal([]byte(first), &got); err != nil {
		t.Fatalf("%v in %s", err, first)
	}
	if got.AccountID == 0 || len(got.Campaigns) != 1 || got.Campaigns[0].ID == 0 || !strings.Contains(got.Keys.Friendbuy["public_key"], "PUBLIC KEY") {
		t.Errorf("not complete: %s", first)
	}
	if second := applyText(t, c, acme); second != first {
		t.Errorf("applied twice it prints %s, want %s", second, first)
	}
}

func TestApplyReadsStdin(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := Apply(t.Context(), place(t), "-", strings.NewReader(acme), &out, io.Discard); err != nil || out.Len() == 0 {
		t.Errorf("got %q, %v", &out, err)
	}
}

func TestApplyRefusesAFileThatIsNotRight(t *testing.T) {
	t.Parallel()
	c := place(t)
	var out bytes.Buffer
	err := Apply(t.Context(), c, write(t, strings.Replace(acme, "site:", "sight:", 1)), nil, &out, io.Discard)
	input, ok := errors.AsType[*InputError](err)
	if !ok || !strings.Contains(input.Error(), "acme.yaml:4: sight") {
		t.Errorf("got %v, want an error of line 4", err)
	}
	if out.Len() > 0 {
		t.Errorf("printed %s", &out)
	}
}

func TestApplySaysWhichKeysAreAnothersAlready(t *testing.T) {
	t.Parallel()
	c := place(t)
	two := strings.Replace(acme, "campaigns:", "  referral_factory: {token: rf-token}\ncampaigns:", 1)
	applyText(t, c, two)
	other := strings.Replace(two, "slug: acme", "slug: other", 1)
	err := Apply(t.Context(), c, write(t, other), nil, io.Discard, io.Discard)
	_, ok := errors.AsType[*InputError](err)
	for _, line := range []string{"acme.yaml:6: keys.friendbuy.key: ", "acme.yaml:7: keys.referral_factory.token: "} {
		if !ok || !strings.Contains(err.Error(), line) {
			t.Errorf("got %v, want %s", err, line)
		}
	}
}

func TestSecretOfADatabaseIsNotReplaced(t *testing.T) {
	t.Parallel()
	c := place(t)
	applyText(t, c, acme)
	secretFile := strings.TrimPrefix(c.Database, "sqlite:") + ".secret"
	if err := os.Remove(secretFile); err != nil {
		t.Fatal(err)
	}
	err := Apply(t.Context(), c, write(t, acme), nil, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "is missing") {
		t.Errorf("without the secret: got %v", err)
	}
	if err := makeSecret(secretFile); err != nil {
		t.Fatal(err)
	}
	err = Apply(t.Context(), c, write(t, acme), nil, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "sealed with another secret") {
		t.Errorf("with another secret: got %v", err)
	}
}

// ask makes a request that succeeds, and returns the answer's text. A kind of ""
// is left to the server to tell.
func ask(t *testing.T, method, url, authorization, kind, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", authorization)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %d %s %v", method, url, answer.StatusCode, text, err)
	}
	return string(text)
}

// call posts JSON and returns what is answered.
func call(t *testing.T, url, token, body string) map[string]any {
	t.Helper()
	var got map[string]any
	if err := json.Unmarshal([]byte(ask(t, "POST", url, token, "", body)), &got); err != nil {
		t.Fatal(err)
	}
	return got
}

// refer makes a purchase that earns Ann a reward, and returns its number.
func refer(t *testing.T, c Config, url string) string {
	t.Helper()
	token, _ := call(t, url+"/v1/authorization", "", `{"key":"3fa85f64-5717-4562-b3fc-2c963f66afa6","secret":"95eb1c78"}`)["token"].(string)
	code, _ := call(t, url+"/v1/personal-referral-link", token,
		`{"email":"ann@example.com","campaignId":"ef9befc6-18f1-418c-8914-5ee8d09bb5aa"}`)["referralCode"].(string)
	call(t, url+"/v1/event/purchase", token,
		`{"orderId":"o-1","email":"bea@example.com","amount":30,"currency":"USD","referralCode":"`+code+`"}`)
	return rewardOf(t, c)
}

// rewardOf is the number of the only reward that there is.
func rewardOf(t *testing.T, c Config) string {
	t.Helper()
	p, err := open(t.Context(), c, reads, "")
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	id := ""
	err = p.store.Engine().View(t.Context(), func(conn store.Conn) error {
		return conn.Run(t.Context(), store.Statement{
			SQL: `SELECT uuid FROM reward`,
			Row: func(row store.Row) error { return row.Scan(&id) },
		})
	})
	if err != nil || id == "" {
		t.Fatalf("reward %q: %v", id, err)
	}
	return id
}

func onBoth(t *testing.T, test func(*testing.T, Config)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, place(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, Config{Database: pgtest.URL(t), SecretFile: filepath.Join(t.TempDir(), "secret"), Log: quiet})
	})
}

func TestRewardIsChangedBesideARunningServer(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, c Config) {
		applyText(t, c, acme)
		s := start(t, ServeConfig{Config: c})
		id := refer(t, c, s.url)
		change := func(change RewardChange) (string, error) {
			var out bytes.Buffer
			err := ChangeReward(t.Context(), c, "", id, change, &out)
			return out.String(), err
		}
		for _, step := range []struct {
			change RewardChange
			want   string
		}{
			{Deliver, "is delivered"},
			{Revoke, "is revoked"},
		} {
			if got, err := change(step.change); err != nil || !strings.Contains(got, step.want) {
				t.Errorf("%s: got %q, %v", step.change, got, err)
			}
		}
		if got, err := change(Deliver); err == nil {
			t.Errorf("a revoked reward was delivered: %s", got)
		}
	})
}

func TestAccountIsNamedWhereThereAreSeveral(t *testing.T) {
	t.Parallel()
	c := place(t)
	err := ChangeReward(t.Context(), c, "", "1", Deliver, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "there is no database") {
		t.Errorf("without a database: got %v", err)
	}
	applyText(t, c, acme)
	applyText(t, c, "account: Other\nslug: other\n")
	err = ChangeReward(t.Context(), c, "", "1", Deliver, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "acme, other") {
		t.Errorf("without an account: got %v", err)
	}
	err = ChangeReward(t.Context(), c, "other", "1", Deliver, io.Discard)
	if err == nil || strings.Contains(err.Error(), "--account") {
		t.Errorf("a reward that is not there: got %v", err)
	}
}

func TestWhatIsAppliedIsInForceWithinFiveSeconds(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, c Config) {
		applyText(t, c, acme)
		s := start(t, ServeConfig{Config: c})
		status := func(secret string) int {
			r, err := http.Post(s.url+"/v1/authorization", "application/json",
				strings.NewReader(`{"key":"3fa85f64-5717-4562-b3fc-2c963f66afa6","secret":"`+secret+`"}`))
			if err != nil {
				t.Fatal(err)
			}
			r.Body.Close()
			return r.StatusCode
		}
		if got := status("95eb1c78"); got != http.StatusOK {
			t.Fatalf("got %d", got)
		}
		applyText(t, c, strings.Replace(acme, "95eb1c78", "another", 1))
		for began := time.Now(); status("another") != http.StatusOK; time.Sleep(50 * time.Millisecond) {
			if time.Since(began) > 5*time.Second {
				t.Fatal("the new secret does not work after five seconds")
			}
		}
		if got := status("95eb1c78"); got != http.StatusUnauthorized {
			t.Errorf("the old secret: got %d", got)
		}
	})
}

func TestVerifyNamesWhatDiffers(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, c Config) {
		applyText(t, c, acme)
		refer(t, c, start(t, ServeConfig{Config: c}).url)
		var out bytes.Buffer
		if err := Verify(t.Context(), c, "", &out); err != nil || !strings.Contains(out.String(), "no difference") {
			t.Fatalf("got %v: %s", err, &out)
		}
		p, err := open(t.Context(), c, reads, "")
		if err != nil {
			t.Fatal(err)
		}
		defer p.close()
		err = p.store.Engine().Update(t.Context(), func(store.Conn) ([]store.Statement, error) {
			return []store.Statement{{SQL: `UPDATE reward SET amount = amount + 1`}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		out.Reset()
		err = Verify(t.Context(), c, "acme", &out)
		if said := out.String(); !errors.Is(err, ErrDiffers) || !strings.Contains(said, "acme: reward ") || !strings.Contains(said, "acme: holding ") ||
			!strings.Contains(said, "2 differences\n") {
			t.Errorf("got %v: %s", err, &out)
		}
	})
}
