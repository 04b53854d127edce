package store

// Versions is the table that goose makes and keeps, unlike on each engine.
const Versions = "goose_db_version"

// Global lists every table whose key does not begin with an account. All
// others distribute by account: their keys contain it and every query names
// it.
var Global = map[string]GlobalTable{
	"code_directory": {"folded", "a click knows only the code: it is looked up to find the account"},
	"key_directory":  {"hash", "a call knows only its key: it is looked up to find the account"},
	"account":        {"", "a server reads all of its accounts when it starts, and asks for one by its slug"},
	"node":           {"", "the numbers of running processes belong to the database, not to an account"},
	Versions:         {"", "goose keeps here which migrations have run, in a table of its own making"},
}

// GlobalTable says how a table that has no account in its key is kept.
type GlobalTable struct {
	// Key is the column that a directory is looked up and distributed by. It is
	// empty where the table is the server's own, and not distributed.
	Key string
	Why string
}
