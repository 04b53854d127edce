package app

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"grapevine/engine"
)

// ExportFormat is how an export is written.
type ExportFormat string

// The formats.
const (
	CSV       ExportFormat = "csv"   // a table with a header
	JSONLines ExportFormat = "jsonl" // an object a line
)

// Export writes what an account has of one kind, row by row, as one moment of
// the database says. slug may be empty where there is one account.
func Export(ctx context.Context, c Config, slug, what string, format ExportFormat, out io.Writer) (err error) {
	p, err := open(ctx, c, reads, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	account, err := p.account(ctx, slug)
	if err != nil {
		return err
	}
	buffer := bufio.NewWriterSize(out, 64<<10)
	write := linesTo(buffer)
	if format == CSV {
		write = tableTo(buffer, engine.Export(what).Columns())
	}
	if err := p.core.Export(ctx, account, engine.Export(what), write); err != nil {
		return fmt.Errorf("export %s: %w", what, err)
	}
	return buffer.Flush()
}

// tableTo writes rows of CSV below a header.
func tableTo(out *bufio.Writer, header []string) func([]engine.Field) error {
	table := csv.NewWriter(out)
	_ = table.Write(header) // an error stays with the writer, and comes with Flush
	table.Flush()
	return func(row []engine.Field) error {
		cells := make([]string, len(row))
		for i, f := range row {
			cells[i] = f.Text()
		}
		if err := table.Write(cells); err != nil {
			return err
		}
		table.Flush()
		return table.Error()
	}
}

// linesTo writes each row as an object on a line, its fields in their order.
func linesTo(out *bufio.Writer) func([]engine.Field) error {
	return func(row []engine.Field) error {
		var line bytes.Buffer
		encoder := json.NewEncoder(&line)
		encoder.SetEscapeHTML(false)
		for i, f := range row {
			line.WriteByte("{,"[min(i, 1)])
			if err := encoder.Encode(f.Name); err != nil {
				return err
			}
			line.Truncate(line.Len() - 1) // the encoder ends with a newline
			line.WriteByte(':')
			value := f.Value
			if at, ok := value.(time.Time); ok {
				value = engine.Field{Value: at}.Text()
			}
			if err := encoder.Encode(value); err != nil {
				return err
			}
			line.Truncate(line.Len() - 1)
		}
		line.WriteString("}\n")
		_, err := out.Write(line.Bytes())
		return err
	}
}
