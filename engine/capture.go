package engine

import "grapevine/model"

// detail is the erasable part of a join. An address that was left is listed as
// it was left.
func (j Join) detail() eventDetail {
	d := eventDetail{Sent: j.Detail}
	if j.Kind == model.EmailCapture {
		d.Name, d.Email = model.Profile{FirstName: j.FirstName, LastName: j.LastName}.Name(), j.Email
		d.Newsletter = j.Newsletter
	}
	return d
}
