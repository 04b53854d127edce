package model

// Card is what was told of a participant beside the person's profile.
type Card struct {
	Vars    [3]string         // texts that mean something to the merchant; found by what they are
	Groups  []string          // in the order given
	Extra   map[string]string // by the names that whoever told it has for it
	Answers []Answer          // by question
}

// Answer is what a participant answered to a question of the campaign's.
type Answer struct {
	Question int64  `json:"q"`
	Text     string `json:"a"`
}
