package engine

import (
	"grapevine/model"
	"grapevine/store"
)

// ToldOptOut is somebody who wants no more mail, said by a mail that they got.
type ToldOptOut struct {
	Email string          // "" once whose it is was erased
	In    *model.Campaign // of the mail, as it is; nil: none
}

// toldOptOuts reads what opt-outs are about: the mails by which they came.
func (e *Engine) toldOptOuts(tx *store.Tx, cfg *Config, ids []model.MailID) (map[model.MailID]*ToldOptOut, error) {
	mails, err := tx.Mails(ids)
	if err != nil {
		return nil, err
	}
	told := make(map[model.MailID]*ToldOptOut, len(mails))
	for _, m := range mails {
		o := &ToldOptOut{Email: m.Recipient}
		if m.Campaign != 0 {
			if o.In, err = cfg.Campaign(m.Campaign); err != nil {
				return nil, err
			}
		}
		told[m.ID] = o
	}
	return told, nil
}
