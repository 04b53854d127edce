package app

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"grapevine/model"
	"grapevine/store/pgtest"
)

// limit is when a test gives up.
const limit = 20 * time.Second

// running is a server that a test started.
type running struct {
	url  string
	stop func() error // asks it to stop, and waits until it has
}

// start serves on a database of its own, unless c names one.
func start(t *testing.T, c ServeConfig) *running {
	t.Helper()
	if c.Database == "" {
		c.Database = "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	}
	c.Listen, c.Log, c.AllowPrivateHooks, c.RateLimits = "127.0.0.1:0", quiet, true, true
	c.WebhookRetryEvery, c.WebhookGiveUp, c.ValidationGiveUp = time.Minute, time.Hour, time.Hour
	ready := make(chan string, 1)
	c.Ready = func(url string) { ready <- url }
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, c) }()
	r := &running{stop: func() error {
		cancel()
		select {
		case err := <-ended:
			ended <- err
			return err
		case <-time.After(limit):
			return fmt.Errorf("the server has not stopped after %v", limit)
		}
	}}
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
	select {
	case r.url = <-ready:
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	case <-time.After(limit):
		t.Fatal("the server is not ready")
	}
	return r
}

// get returns the status and the body of an answer.
func get(t *testing.T, client *http.Client, url string) (int, string) {
	t.Helper()
	r, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

func TestServerTellsOperatorsHowItIs(t *testing.T) {
	t.Parallel()
	s := start(t, ServeConfig{})
	for path, want := range map[string]string{
		"/healthz": `{"status":"ok"}`,
		"/readyz":  `{"checks":{"config":"ok","database":"ok","jobs":"ok","node":"ok","waitlists":"ok"},"status":"ready"}`,
	} {
		if status, body := get(t, http.DefaultClient, s.url+path); status != 200 || body != want {
			t.Errorf("%s: got %d %s, want %s", path, status, body, want)
		}
	}
	status, body := get(t, http.DefaultClient, s.url+"/metrics")
	if status != 200 {
		t.Errorf("/metrics: got %d", status)
	}
	for _, want := range []string{
		`grapevine_http_request_seconds_count{method="GET",route="/readyz/",status="2xx"} 1`,
		"grapevine_jobs_due 0",
		"grapevine_jobs_dead 0",
		"grapevine_endpoints_failing 0",
		"grapevine_store_commits_total ",
		"go_goroutines ",
		"process_resident_memory_bytes ",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("/metrics lacks %q", want)
		}
	}
	if status, body := get(t, http.DefaultClient, s.url+"/widget/v2/none.js"); status != 404 || body != "404 page not found\n" {
		t.Errorf("a path that nobody serves: got %d %s", status, body)
	}
}

func TestServerStopsWhenItsRequestsAreDone(t *testing.T) {
	t.Parallel()
	s := start(t, ServeConfig{})
	address := strings.TrimPrefix(s.url, "http://")
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	// The server waits for the rest of this body.
	body := `{"key":"nobody's","secret":"none"}`
	fmt.Fprintf(conn, "POST /v1/authorization HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(body))
	reader := bufio.NewReader(conn)
	if line, err := reader.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("got %q, %v", line, err)
	}

	stopped := make(chan error, 1)
	go func() { stopped <- s.stop() }()
	for deadline := time.Now().Add(limit); ; {
		other, err := net.Dial("tcp", address)
		if err != nil {
			break // it takes no more
		}
		other.Close()
		if time.Now().After(deadline) {
			t.Fatal("the server still takes connections")
		}
	}
	select {
	case err := <-stopped:
		t.Fatalf("the server ended with a request in its hands: %v", err)
	default:
	}
	io.WriteString(conn, body)
	if _, err := reader.ReadString('\n'); err != nil { // the blank line after 100
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("got %s, want 401", answer.Status)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestServerGivesItsNodeNumberBack(t *testing.T) {
	t.Parallel()
	database := "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	first := start(t, ServeConfig{Config: Config{Database: database}})
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	p, err := open(t.Context(), Config{Database: database, Log: quiet}, writes, "")
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	for range model.Nodes - 1 { // all that are left
		if _, err := p.store.LeaseNode(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTwoServersShareADatabase(t *testing.T) {
	t.Parallel()
	database := "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	for range 2 {
		s := start(t, ServeConfig{Config: Config{Database: database}})
		if status, body := get(t, http.DefaultClient, s.url+"/readyz"); status != 200 {
			t.Errorf("got %d %s", status, body)
		}
	}
}

func TestServerSpeaksTLS(t *testing.T) {
	t.Parallel()
	cert, key, pool := certificate(t)
	s := start(t, ServeConfig{TLSCert: cert, TLSKey: key})
	if !strings.HasPrefix(s.url, "https://127.0.0.1:") {
		t.Errorf("address %s", s.url)
	}
	for _, http2 := range []bool{false, true} {
		client := &http.Client{Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{RootCAs: pool},
			ForceAttemptHTTP2: http2,
		}}
		answer, err := client.Get(s.url + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != 200 || (answer.ProtoMajor == 2) != http2 {
			t.Errorf("HTTP/2 %v: got %s %s", http2, answer.Proto, answer.Status)
		}
		client.CloseIdleConnections()
	}
}

// certificate makes one for loopback.
func certificate(t *testing.T) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "test"},
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:         true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	pool = x509.NewCertPool()
	parsed, err := x509.ParseCertificate(cert)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(parsed)
	return write("cert.pem", "CERTIFICATE", cert), write("key.pem", "PRIVATE KEY", private), pool
}

func TestServerDoesNotStart(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := "sqlite:" + filepath.Join(folder, "test.db")
	for name, c := range map[string]struct {
		config ServeConfig
		want   string
	}{
		"no such kind of database":   {ServeConfig{Config: Config{Database: "mysql://u:hidden@h/d"}}, "sqlite:FILE or postgres://…"},
		"PostgreSQL without secret":  {ServeConfig{Config: Config{Database: "postgres://localhost/x"}}, "--secret-file"},
		"a folder that is not there": {ServeConfig{Config: Config{Database: "sqlite:" + filepath.Join(folder, "none", "x.db")}}, "no such file or directory"},
		"a folder":                   {ServeConfig{Config: Config{Database: "sqlite:" + folder}}, "is a directory"},
		"a certificate without key":  {ServeConfig{Config: Config{Database: file}, TLSCert: "cert.pem"}, "--tls-key"},
		"a public URL that is none":  {ServeConfig{Config: Config{Database: file}, PublicURL: "example.com"}, "--public-url"},
	} {
		t.Run(name, func(t *testing.T) {
			c.config.Listen, c.config.Log = "127.0.0.1:0", quiet
			c.config.Ready = func(string) { t.Error("it is ready") }
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			err := Serve(ctx, c.config)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "hidden") {
				t.Errorf("the error shows a password: %v", err)
			}
		})
	}
}

func TestCommandsThatReadMakeNoDatabase(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "test.db")
	err := Verify(t.Context(), Config{Database: "sqlite:" + file, Log: quiet}, "", io.Discard)
	if err == nil || !strings.Contains(err.Error(), "there is no database") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a database was made")
	}
}

func TestCommandsThatReadMakeNoSecret(t *testing.T) {
	t.Parallel()
	c := Config{Database: pgtest.URL(t), SecretFile: filepath.Join(t.TempDir(), "secret"), Log: quiet}
	err := Verify(t.Context(), c, "", io.Discard)
	if err == nil || !strings.Contains(err.Error(), "apply a project file first") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(c.SecretFile); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the secret file: %v, want none", err)
	}
}

func TestServerWithAnotherSecretThanApplysIsNotReady(t *testing.T) {
	t.Parallel()
	c := Config{Database: pgtest.URL(t), SecretFile: filepath.Join(t.TempDir(), "one"), Log: quiet}
	s := start(t, ServeConfig{Config: c})
	c.SecretFile = filepath.Join(t.TempDir(), "other")
	applyText(t, c, acme)
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		status, body := get(t, http.DefaultClient, s.url+"/readyz")
		if status == http.StatusServiceUnavailable && strings.Contains(body, `"config":"failed"`) {
			return
		}
		if time.Since(began) > 5*time.Second {
			t.Fatalf("got %d %s", status, body)
		}
	}
}
