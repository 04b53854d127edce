package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"grapevine/store"
)

// maxStatements bounds the prepared statements that one connection keeps.
const maxStatements = 400

// session is what a connection remembers: its prepared statements. It speaks
// the pipeline of the wire protocol, in which a statement that is not prepared
// yet is prepared on the way, without a round trip of its own. One goroutine at
// a time may use it.
type session struct {
	conn    *pgconn.PgConn
	stmts   map[string]*stmt
	clock   uint64 // counts uses of statements
	names   uint64 // counts names of statements
	written int64  // rows, by the transaction that goes on
	row     row
	inRow   bool
}

// stmt is a prepared statement.
type stmt struct {
	text        string
	types       []uint32                     // of its arguments
	description *pgconn.StatementDescription // nil until the server has answered
	name        string
	used        uint64
}

// sessionOf returns the session of a connection.
func sessionOf(conn *pgxpool.Conn) *session {
	const key = "grapevine"
	pg := conn.Conn().PgConn()
	if s, ok := pg.CustomData()[key].(*session); ok {
		return s
	}
	s := &session{conn: pg, stmts: make(map[string]*stmt)}
	pg.CustomData()[key] = s
	return s
}

// run sends the statements in one go and reads the answers, until one fails.
func (s *session) run(ctx context.Context, statements []store.Statement) (err error) {
	if s.inRow {
		return errors.New("a statement was run from the Row of another")
	}
	args, err := encode(statements)
	if err != nil {
		return err
	}
	p := s.conn.StartPipeline(ctx)
	defer func() {
		// Close reads what is left, so that the connection can be used again.
		if closed := p.Close(); err == nil && closed != nil {
			err = translate(closed)
		}
	}()
	preparing := s.send(p, statements, args)
	defer func() {
		for _, t := range preparing {
			if t.description == nil && s.stmts[t.text] == t {
				delete(s.stmts, t.text)
			}
		}
	}()
	if err := p.Sync(); err != nil {
		return translate(err)
	}
	return s.receive(p, statements, preparing)
}

// send puts the statements into the pipeline, and returns those that are
// prepared on the way.
func (s *session) send(p *pgconn.Pipeline, statements []store.Statement, args []arguments) (preparing []*stmt) {
	for i := range statements {
		text, a := statements[i].SQL, &args[i]
		t := s.stmts[text]
		if t == nil || !slices.Equal(t.types, a.types) {
			t = s.prepare(p, text, a.types)
			preparing = append(preparing, t)
		}
		s.clock++
		t.used = s.clock
		if t.description != nil {
			p.SendQueryStatement(t.description, a.values, binaryFormat, binaryFormat)
		} else {
			p.SendQueryPrepared(t.name, a.values, binaryFormat, binaryFormat)
		}
	}
	return preparing
}

// prepare makes a statement with arguments of the given types. The types are
// those of the Go values: what PostgreSQL would infer is not always a BIGINT.
func (s *session) prepare(p *pgconn.Pipeline, text string, types []uint32) *stmt {
	if len(s.stmts) >= maxStatements {
		for text, t := range s.stmts { // forget the half that was used longest ago
			if s.clock-t.used >= maxStatements/2 {
				p.SendDeallocate(t.name)
				delete(s.stmts, text)
			}
		}
	}
	s.names++
	t := &stmt{text: text, types: slices.Clone(types), name: "s" + strconv.FormatUint(s.names, 10)}
	s.stmts[text] = t
	p.SendPrepare(t.name, text, t.types)
	return t
}

// receive reads the answers to send.
func (s *session) receive(p *pgconn.Pipeline, statements []store.Statement, preparing []*stmt) error {
	text := ""
	for {
		if len(statements) > 0 {
			text = statements[0].SQL
		}
		result, err := p.GetResults()
		if err != nil {
			return fmt.Errorf("%w\n%s", translate(err), text)
		}
		switch r := result.(type) {
		case *pgconn.StatementDescription:
			r.Name = preparing[0].name
			preparing[0].description = r
			preparing = preparing[1:]
		case *pgconn.ResultReader:
			if err := s.read(r, &statements[0]); err != nil {
				return fmt.Errorf("%w\n%s", err, text)
			}
			statements = statements[1:]
		case *pgconn.PipelineSync, nil:
			return nil
		}
	}
}

// read hands over the rows of one statement.
func (s *session) read(r *pgconn.ResultReader, statement *store.Statement) error {
	if statement.Row != nil {
		for r.NextRow() {
			if err := s.hand(r, statement.Row); err != nil {
				return err
			}
		}
	}
	tag, err := r.Close()
	if err != nil {
		return translate(err)
	}
	affected := int64(0)
	if !tag.Select() {
		affected = tag.RowsAffected()
	}
	s.written += affected
	if statement.Affected != nil {
		*statement.Affected = affected
	}
	switch {
	case tag.String() == "":
		return errors.New("statement is empty")
	case statement.SQL == commit && tag.String() != commit: // PostgreSQL's answer if it had failed before
		return errors.New("the transaction was rolled back")
	}
	return nil
}

// hand gives the row of r to each, which may panic.
func (s *session) hand(r *pgconn.ResultReader, each func(store.Row) error) error {
	s.inRow, s.row = true, row{fields: r.FieldDescriptions(), values: r.Values()}
	defer func() { s.inRow, s.row = false, row{} }()
	return each(&s.row)
}
