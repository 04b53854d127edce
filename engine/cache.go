package engine

import (
	"sync"
	"sync/atomic"
)

// cache keeps values in memory, bounded: when it is full it begins anew. It
// does not know when a value is outdated; who asks has to.
type cache[K comparable, V any] struct {
	limit int64
	kept  sync.Map
	count atomic.Int64
}

func (c *cache[K, V]) get(key K) (V, bool) {
	kept, ok := c.kept.Load(key)
	if !ok {
		var none V
		return none, false
	}
	return kept.(V), true
}

// drop forgets a value.
func (c *cache[K, V]) drop(key K) {
	if _, had := c.kept.LoadAndDelete(key); had {
		c.count.Add(-1)
	}
}

func (c *cache[K, V]) put(key K, value V) {
	if c.count.Add(1) > c.limit {
		c.kept.Clear()
		c.count.Store(1)
	}
	c.kept.Store(key, value)
}
