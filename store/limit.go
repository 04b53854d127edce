package store

import "time"

// WriteLimit bounds a writing transaction from its first statement to its
// commit. What follows a table relies on it: who re-reads an overlap of more
// than this misses no row that was committed late.
const WriteLimit = 5 * time.Second
