package main

import (
	"context"
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"

	"grapevine/store/pgtest"
)

// cluster is the run's own PostgreSQL, durable as it is by default.
type cluster struct {
	url     *url.URL
	program string // pgbench
	dir     string // for its scripts
}

// postgres returns the run's PostgreSQL, and starts it the first time.
func (b *bench) postgres() (*cluster, error) {
	if b.pg != nil {
		return b.pg, nil
	}
	pg, err := pgtest.Start(context.Background())
	if err != nil {
		return nil, err
	}
	b.atEnd(func() { pg.Stop() })
	address, err := url.Parse(pg.URL)
	if err != nil {
		return nil, err
	}
	program, err := findPgbench(pg.Bin)
	if err != nil {
		return nil, err
	}
	b.pg = &cluster{url: address, program: program, dir: b.dir}
	return b.pg, nil
}

// findPgbench looks beside the server, where links to it lead, and in PATH.
func findPgbench(bin string) (string, error) {
	folders := []string{bin}
	if real, err := filepath.EvalSymlinks(filepath.Join(bin, "postgres")); err == nil {
		folders = append(folders, filepath.Dir(real))
	}
	for _, folder := range folders {
		if program, err := exec.LookPath(filepath.Join(folder, "pgbench")); err == nil {
			return program, nil
		}
	}
	return exec.LookPath("pgbench")
}

// create makes an empty database and returns its address.
func (c *cluster) create(name string) (string, error) {
	if _, err := c.script("create", "CREATE DATABASE "+name+";", "-n", "-c", "1", "-t", "1"); err != nil {
		return "", err
	}
	address := *c.url
	address.Path = "/" + name
	return address.String(), nil
}

// database says where a measure's server keeps what it knows.
func (b *bench) database(engine, name string) (database, error) {
	file := filepath.Join(b.dir, name+"-"+engine)
	d := database{engine: engine, dsn: "sqlite:" + file + ".db", secret: file + ".secret"}
	if engine == "sqlite" {
		return d, nil
	}
	pg, err := b.postgres()
	if err != nil {
		return database{}, err
	}
	if d.dsn, err = pg.create(name); err != nil {
		return database{}, fmt.Errorf("make a database for %s: %w", name, err)
	}
	return d, nil
}
