package store

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// query is the text of a Statement as it is when a function makes it run.
type query struct {
	at    token.Position // of the call, or of the Statement, that fixed the text
	fn    string         // where that is
	text  string
	bound bool // its arguments begin with the account
}

// follower finds out which texts reach a Statement, through the parameters,
// variables, constants and functions of the package. Where an engine or a count
// decides, one text stands for all.
type follower struct {
	fset   *token.FileSet
	consts map[string]ast.Expr
	funcs  map[string]*ast.FuncDecl // methods as they are called: tx.write
	calls  map[string][]called
	errs   []error
}

type called struct {
	call *ast.CallExpr
	by   *ast.FuncDecl
}

// readQueries finds the queries of the package in a folder.
func readQueries(folder string) ([]query, error) {
	files := map[string]string{}
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		files[name] = string(text)
	}
	return followQueries(files)
}

// followQueries finds the queries of a package's files. It fails where it
// cannot tell what a query says.
func followQueries(files map[string]string) (all []query, err error) {
	f := &follower{token.NewFileSet(), map[string]ast.Expr{}, map[string]*ast.FuncDecl{}, map[string][]called{}, nil}
	for name, text := range files {
		file, err := parser.ParseFile(f.fset, name, text, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		f.index(file)
	}
	for _, name := range slices.Sorted(maps.Keys(f.funcs)) {
		fn := f.funcs[name]
		ast.Inspect(fn, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				all = append(all, f.statement(n, fn)...)
			case *ast.AssignStmt:
				for _, left := range n.Lhs {
					if s, ok := left.(*ast.SelectorExpr); ok && s.Sel.Name == "SQL" {
						f.fail(left, "the text of a Statement is set apart from it")
					}
				}
			}
			return true
		})
	}
	return all, errors.Join(f.errs...)
}

func (f *follower) fail(n ast.Node, format string, args ...any) {
	f.errs = append(f.errs, fmt.Errorf("%s: %s", f.fset.Position(n.Pos()), fmt.Sprintf(format, args...)))
}

// index notes what a file declares, and who calls what.
func (f *follower) index(file *ast.File) {
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok && d.Tok == token.CONST {
					for i, value := range v.Values {
						f.consts[v.Names[i].Name] = value
					}
				}
			}
		case *ast.FuncDecl:
			name := d.Name.Name
			if d.Recv != nil && len(d.Recv.List[0].Names) > 0 {
				name = d.Recv.List[0].Names[0].Name + "." + name
			}
			f.funcs[name] = d
			ast.Inspect(d, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					f.calls[callee(call)] = append(f.calls[callee(call)], called{call, d})
				}
				return true
			})
		}
	}
}

// callee is what a call calls, as it is written: tx.write.
func callee(call *ast.CallExpr) string {
	var name func(ast.Expr) string
	name = func(e ast.Expr) string {
		switch e := e.(type) {
		case *ast.Ident:
			return e.Name
		case *ast.SelectorExpr:
			return name(e.X) + "." + e.Sel.Name
		}
		return "?"
	}
	return name(call.Fun)
}

// statement finds the queries of a Statement that fn makes.
func (f *follower) statement(s *ast.CompositeLit, fn *ast.FuncDecl) (all []query) {
	fields := map[string]ast.Expr{}
	for _, e := range s.Elts {
		if pair, ok := e.(*ast.KeyValueExpr); ok {
			if name, ok := pair.Key.(*ast.Ident); ok {
				fields[name.Name] = pair.Value
			}
		}
	}
	if fields["SQL"] == nil {
		return nil
	}
	args, ok := fields["Args"].(*ast.CallExpr)
	q := query{at: f.fset.Position(s.Pos()), bound: ok && callee(args) == "tx.args"}
	for _, text := range f.texts(fields["SQL"], fn) {
		q.text = text
		all = append(all, f.fill(q, fn)...)
	}
	return all
}

// hole stands in a text for what a parameter brings.
func hole(parameter string) string { return "‹" + parameter + "›" }

var holes = regexp.MustCompile(`‹(\w+)›`)

// fill puts in what those who call fn pass for its parameters, and those who
// call them.
func (f *follower) fill(q query, fn *ast.FuncDecl) (all []query) {
	missing := holes.FindStringSubmatch(q.text)
	if missing == nil {
		q.fn = fn.Name.Name
		return []query{q}
	}
	callers := f.calls[f.nameOf(fn)]
	if len(callers) == 0 {
		f.fail(fn, "nobody in this package passes %s of %s, which is SQL", missing[1], fn.Name.Name)
	}
	for _, c := range callers {
		for _, text := range f.pass(q.text, c.call, fn, c.by) {
			filled := query{at: f.fset.Position(c.call.Pos()), text: text, bound: q.bound}
			all = append(all, f.fill(filled, c.by)...)
		}
	}
	return all
}

func (f *follower) nameOf(fn *ast.FuncDecl) string {
	for name, decl := range f.funcs {
		if decl == fn {
			return name
		}
	}
	return ""
}

// pass puts the arguments of a call of fn into the holes of a text.
func (f *follower) pass(text string, call *ast.CallExpr, fn, by *ast.FuncDecl) []string {
	all := []string{text}
	for i, parameter := range parameters(fn) {
		if strings.Contains(text, hole(parameter)) {
			all = combine(all, f.texts(call.Args[i], by), func(text, arg string) string {
				return strings.ReplaceAll(text, hole(parameter), arg)
			})
		}
	}
	return all
}

func parameters(fn *ast.FuncDecl) (names []string) {
	for _, field := range fn.Type.Params.List {
		for _, name := range field.Names {
			names = append(names, name.Name)
		}
	}
	return names
}

// combine joins each of a with each of b.
func combine(a, b []string, join func(a, b string) string) (all []string) {
	for _, a := range a {
		for _, b := range b {
			all = append(all, join(a, b))
		}
	}
	return all
}

// texts are all that an expression in fn can be, with holes for parameters.
func (f *follower) texts(e ast.Expr, fn *ast.FuncDecl) []string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil {
			return []string{text}
		}
	case *ast.BinaryExpr:
		return combine(f.texts(e.X, fn), f.texts(e.Y, fn), func(a, b string) string { return a + b })
	case *ast.Ident:
		if values := assigned(e.Name, fn); values != nil {
			var all []string
			for _, value := range values {
				all = append(all, f.texts(value, fn)...)
			}
			return all
		}
		if slices.Contains(parameters(fn), e.Name) {
			return []string{hole(e.Name)}
		}
		if value := f.consts[e.Name]; value != nil {
			return f.texts(value, fn)
		}
	case *ast.CallExpr:
		switch name := callee(e); {
		case name == "tx.engine.ForUpdate", name == "tx.engine.ForShare", name == "tx.engine.SkipLocked":
			return []string{""}
		case name == "in":
			return []string{in(2, 1)}
		case name == "tuples":
			return []string{tuples(2, 6)}
		case name == "insertSQL":
			table, columns, tail := hole("table"), hole("columns"), hole("tail")
			return f.pass(insertSQL(table, columns, 1, 1, tail), e, &ast.FuncDecl{Type: insertType}, fn)
		case f.funcs[name] != nil && len(f.funcs[name].Body.List) == 1:
			if result, ok := f.funcs[name].Body.List[0].(*ast.ReturnStmt); ok && len(result.Results) == 1 {
				var all []string
				for _, text := range f.texts(result.Results[0], f.funcs[name]) {
					all = append(all, f.pass(text, e, f.funcs[name], fn)...)
				}
				return all
			}
		}
	}
	f.fail(e, "what becomes SQL here cannot be followed")
	return nil
}

// insertType is the type of insertSQL.
var insertType = func() *ast.FuncType {
	e, err := parser.ParseExpr(`func(table, columns string, rows, width int, tail string) string`)
	if err != nil {
		panic(err)
	}
	return e.(*ast.FuncType)
}()

// assigned lists what a function assigns to a variable or constant of its own.
func assigned(name string, fn *ast.FuncDecl) (values []ast.Expr) {
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				if id, ok := left.(*ast.Ident); ok && id.Name == name && len(n.Rhs) == len(n.Lhs) {
					values = append(values, n.Rhs[i])
				}
			}
		case *ast.ValueSpec:
			for i, id := range n.Names {
				if id.Name == name && i < len(n.Values) {
					values = append(values, n.Values[i])
				}
			}
		}
		return true
	})
	return values
}
