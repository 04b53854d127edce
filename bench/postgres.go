package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	tpcbScale   = 20
	tpcbClients = 16
)

// pgbench runs PostgreSQL's own load program and returns what it printed.
func (c *cluster) pgbench(args ...string) (string, error) {
	cmd := exec.Command(c.program, append(args, "-h", c.url.Hostname(), "-p", c.url.Port(), "-U", c.url.User.Username(), strings.TrimPrefix(c.url.Path, "/"))...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("pgbench: %w: %s", err, tail(out, 2000))
	}
	return string(out), nil
}

// prepareTPCB makes the tables of pgbench's default transaction.
func (c *cluster) prepareTPCB() error {
	_, err := c.pgbench("-i", "-q", "-s", strconv.Itoa(tpcbScale))
	return err
}

// tpcb runs pgbench's default transaction.
func (c *cluster) tpcb(length time.Duration) (*round, error) {
	out, err := c.pgbench("-c", strconv.Itoa(tpcbClients), "-j", "2", "-T", seconds(warm+length))
	if err != nil {
		return nil, err
	}
	return readPgbench(out)
}

const rowTables = `
DROP TABLE IF EXISTS hot_ledger, hot_entry;
CREATE TABLE hot_ledger (
  account_id BIGINT NOT NULL, holder TEXT NOT NULL, currency TEXT NOT NULL,
  balance BIGINT NOT NULL CHECK (balance >= 0), entries BIGINT NOT NULL,
  PRIMARY KEY (account_id, holder, currency)
);
CREATE TABLE hot_entry (
  account_id BIGINT NOT NULL, holder TEXT NOT NULL, currency TEXT NOT NULL, number BIGINT NOT NULL,
  amount BIGINT NOT NULL, balance BIGINT NOT NULL CHECK (balance >= 0), note TEXT NOT NULL, at BIGINT NOT NULL,
  PRIMARY KEY (account_id, holder, currency, number)
);
INSERT INTO hot_ledger VALUES (1, 'p1', 'USD', 0, 0);
`

// rowStatement adjusts a ledger and keeps the entry, in one statement.
const rowStatement = `WITH moved AS (
  UPDATE hot_ledger SET balance = balance + 10000, entries = entries + 1
  WHERE account_id = 1 AND holder = 'p1' AND currency = 'USD'
  RETURNING entries, balance
)
INSERT INTO hot_entry SELECT 1, 'p1', 'USD', entries, 10000, balance, 'load', 1767225600000 FROM moved;
`

// prepareRow makes the tables of row.
func (c *cluster) prepareRow() error {
	_, err := c.script("prepare", rowTables, "-n", "-c", "1", "-t", "1")
	return err
}

// row has all clients adjust one row, each time with one prepared statement.
func (c *cluster) row(clients int, length time.Duration) (*round, error) {
	out, err := c.script("row", rowStatement, "-n", "-M", "prepared", "-c", strconv.Itoa(clients), "-j", "2", "-T", seconds(warm+length))
	if err != nil {
		return nil, err
	}
	return readPgbench(out)
}

func (c *cluster) script(name, sql string, args ...string) (string, error) {
	file := filepath.Join(c.dir, name+".sql")
	if err := os.WriteFile(file, []byte(sql), 0o600); err != nil {
		return "", err
	}
	return c.pgbench(append(args, "-f", file)...)
}

var (
	tps     = regexp.MustCompile(`(?m)^tps = ([0-9.]+)`)
	failing = regexp.MustCompile(`(?m)^number of failed transactions: ([1-9][0-9]*)`)
)

// readPgbench reads the rate out of what pgbench prints.
func readPgbench(out string) (*round, error) {
	if m := failing.FindStringSubmatch(out); m != nil {
		return nil, fmt.Errorf("pgbench: %s failed transactions", m[1])
	}
	m := tps.FindStringSubmatch(out)
	if m == nil {
		return nil, fmt.Errorf("pgbench printed no rate: %.500s", out)
	}
	rate, err := strconv.ParseFloat(m[1], 64)
	return &round{Rate: rate}, err
}

func seconds(d time.Duration) string {
	return strconv.Itoa(max(1, int(d.Seconds()+0.5)))
}
