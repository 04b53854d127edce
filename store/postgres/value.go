package postgres

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"grapevine/store"
	"grapevine/store/value"
)

// binaryFormat says that all arguments, or all columns, are in binary.
var binaryFormat = []int16{pgtype.BinaryFormatCode}

// arguments are those of one statement, as they go over the wire.
type arguments struct {
	values [][]byte
	types  []uint32
}

// encode makes the arguments of all statements.
func encode(statements []store.Statement) ([]arguments, error) {
	n := 0
	for i := range statements {
		n += len(statements[i].Args)
	}
	all := make([]arguments, len(statements))
	values, types, data := make([][]byte, 0, n), make([]uint32, 0, n), make([]byte, 0, 16*n)
	for i := range statements {
		from := len(values)
		for j, arg := range statements[i].Args {
			v, err := value.Of(arg)
			if err != nil {
				return nil, fmt.Errorf("$%d: %w\n%s", j+1, err, statements[i].SQL)
			}
			start := len(data)
			switch v.Kind {
			case value.Int:
				data = binary.BigEndian.AppendUint64(data, uint64(v.Int))
				types = append(types, pgtype.Int8OID)
			case value.Text:
				data = append(data, v.Data...)
				types = append(types, pgtype.TextOID)
			case value.Bytes:
				data = append(data, v.Data...)
				types = append(types, pgtype.ByteaOID)
			}
			values = append(values, data[start:len(data):len(data)])
		}
		all[i] = arguments{values[from:], types[from:]}
	}
	return all, nil
}

// row is the row that a statement stands on.
type row struct {
	fields []pgconn.FieldDescription // nil outside of a call of Row
	values [][]byte
}

func (r *row) Scan(dest ...any) error {
	if r.values == nil {
		return errors.New("a row was kept beyond its call")
	}
	if len(dest) != len(r.values) {
		return fmt.Errorf("row has %d columns, got %d destinations", len(r.values), len(dest))
	}
	for i, d := range dest {
		if err := scan(r.fields[i].DataTypeOID, r.values[i], d); err != nil {
			return fmt.Errorf("column %d: %w", i+1, err)
		}
	}
	return nil
}

// scan decodes one column in binary.
func scan(oid uint32, b []byte, dest any) error {
	if b == nil {
		return errors.New("is NULL")
	}
	switch oid {
	case pgtype.Int8OID:
		return value.SetInt(dest, int64(binary.BigEndian.Uint64(b)))
	case pgtype.Int4OID:
		return value.SetInt(dest, int64(int32(binary.BigEndian.Uint32(b))))
	case pgtype.Int2OID:
		return value.SetInt(dest, int64(int16(binary.BigEndian.Uint16(b))))
	case pgtype.BoolOID:
		return value.SetInt(dest, int64(b[0]))
	case pgtype.TextOID, pgtype.VarcharOID, pgtype.BPCharOID, pgtype.NameOID, pgtype.UnknownOID:
		return value.SetText(dest, b)
	case pgtype.ByteaOID:
		return value.SetBytes(dest, b)
	case pgtype.NumericOID:
		return errors.New("is a NUMERIC: CAST it to BIGINT")
	}
	return fmt.Errorf("has a type (%d) that is no integer, text or bytes", oid)
}
