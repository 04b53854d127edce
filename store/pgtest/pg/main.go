// Command pg runs a command beside a private PostgreSQL, whose address the
// command finds in GRAPEVINE_TEST_POSTGRES:
//
//	go run ./store/pgtest/pg -- go test ./...
//
// The server ends with the command. If GRAPEVINE_TEST_POSTGRES is set, that
// PostgreSQL is used. With -optional, a machine without PostgreSQL runs the
// command all the same, with GRAPEVINE_TEST_SKIP=postgres, and says so.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"grapevine/store/pgtest"
)

func main() {
	optional := flag.Bool("optional", false, "do without PostgreSQL where there is none")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: pg [-optional] -- COMMAND [ARGUMENT...]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	code, err := run(flag.Args(), *optional)
	if err != nil {
		fmt.Fprintln(os.Stderr, "pg:", err)
	}
	os.Exit(code)
}

func run(command []string, optional bool) (code int, err error) {
	// Ctrl-C reaches the command, too. This process stays to stop the server.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)

	env := os.Environ()
	if os.Getenv(pgtest.EnvURL) == "" {
		cluster, err := pgtest.Start(context.Background())
		switch {
		case err == nil:
			defer func() {
				if stop := cluster.Stop(); stop != nil && err == nil {
					code, err = 1, stop
				}
			}()
			env = append(env, pgtest.EnvURL+"="+cluster.URL)
		case optional && errors.Is(err, pgtest.ErrMissing):
			env = append(env, pgtest.EnvSkip+"=postgres "+os.Getenv(pgtest.EnvSkip))
			defer fmt.Fprintln(os.Stderr, "pg: there is no PostgreSQL on this machine: its tests did NOT run")
		default:
			return 1, err
		}
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = os.Stdin, os.Stdout, os.Stderr, env
	if err := cmd.Start(); err != nil {
		return 127, err
	}
	go func() {
		for s := range signals {
			if s != syscall.SIGINT {
				cmd.Process.Signal(s)
			}
		}
	}()
	err = cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return max(exit.ExitCode(), 1), nil
	}
	return 0, err
}
