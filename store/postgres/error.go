package postgres

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"grapevine/store"
)

// Codes of PostgreSQL (SQLSTATE) that mean something to us.
const (
	uniqueViolation      = "23505"
	notNullViolation     = "23502"
	foreignKeyViolation  = "23503"
	checkViolation       = "23514"
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	queryCanceled        = "57014" // by statement_timeout
	lockNotAvailable     = "55P03" // by lock_timeout
	idleTimeout          = "25P03"
)

// translate gives an error of the driver the meaning that store has for it.
func translate(err error) error {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return err
	}
	switch pg.Code {
	case uniqueViolation:
		return fmt.Errorf("%w: %w", store.ErrUnique, err)
	case notNullViolation, foreignKeyViolation, checkViolation:
		return fmt.Errorf("%w: %w", store.ErrCheck, err)
	case queryCanceled, lockNotAvailable, idleTimeout:
		return fmt.Errorf("%w: %w", store.ErrSlow, err)
	}
	return err
}

// inTheWay reports whether err is due to other transactions, which undid this one.
func inTheWay(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == serializationFailure || pg.Code == deadlockDetected)
}

// interrupted is an error whose reason is why, not what the driver made of it.
func interrupted(why, err error) error {
	if errors.Is(err, why) {
		return err
	}
	return fmt.Errorf("%w: %v", why, err)
}
