package sheet

// SetNear says how many rows are moved for one that is put.
func (s *Sheet) SetNear(rows int) { s.near = rows }
