package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"grapevine/projectfile"
)

// InputError says that what a command was given cannot be. Its text says where
// and why, a line each.
type InputError struct{ err error }

func (e *InputError) Error() string { return e.err.Error() }
func (e *InputError) Unwrap() error { return e.err }

// Apply makes the database say what a project file says, and writes the file,
// completed, as JSON to out. "-" reads in. What has no effect is named in
// messages. It fails with *InputError, nothing applied, where the file is not
// right.
func Apply(ctx context.Context, c Config, name string, in io.Reader, out, messages io.Writer) error {
	text, err := readProject(name, in)
	if err != nil {
		return err
	}
	file, err := projectfile.Parse(name, text)
	if err != nil {
		return &InputError{err}
	}
	return writing(ctx, c, begins, func(ctx context.Context, p *program) error {
		project := file.Project()
		applied, err := p.core.Apply(ctx, project)
		if err != nil {
			return explained(file.Explain(err))
		}
		for _, warning := range file.Warnings() {
			fmt.Fprintln(messages, warning)
		}
		completed, err := file.Complete(project, applied)
		if err != nil {
			return err
		}
		_, err = out.Write(completed)
		return err
	})
}

func explained(err error) error {
	if problems, ok := errors.AsType[*projectfile.Problems](err); ok {
		return &InputError{problems}
	}
	return err
}

func readProject(name string, in io.Reader) ([]byte, error) {
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, projectfile.MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return text, nil
}
