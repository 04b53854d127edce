package engine

import (
	"fmt"
	"slices"

	"grapevine/model"
)

// useInvitation counts that an invitation code of the campaign's own lets a
// locked participant in, which it does where this call makes them active for the
// first time; otherwise the campaign only has to have it. What is counted stays
// so when the person leaves. It comes before whatever else locks, as many may
// wait for one code. It fails with InvitationInvalid.
func (t *turn) useInvitation(p *model.Participant, person model.PersonID, code string, comesIn bool) error {
	if code == "" {
		return nil
	}
	campaign, err := t.cfg.Campaign(p.Campaign)
	if err != nil {
		return err
	}
	use := model.InvitationUse{Campaign: campaign.ID, Code: model.FoldCode(code)}
	at := slices.IndexFunc(campaign.InvitationCodes, func(c model.InvitationCode) bool { return c.Code == use.Code })
	if at < 0 {
		return invitationInvalid("the campaign does not have the invitation code")
	}
	if !comesIn {
		return nil
	}
	free, err := t.tx.UseInvitation(use, campaign.InvitationCodes[at].Uses)
	if err != nil {
		return err
	}
	if !free {
		return invitationInvalid("the invitation code is used up")
	}
	event := t.happened(model.InvitationUsed, person)
	event.Subject, event.Facts.Invitation = int64(p.ID), &use
	return nil
}

func invitationInvalid(msg string) error {
	return &model.Error{Kind: model.Invalid, Reason: model.InvitationInvalid, Field: "invitation_code", Msg: msg}
}

// invitations holds how often invitation codes were used against the events
// that used them.
func (v *verifier) invitations(used map[model.InvitationUse]int64) error {
	name := func(use model.InvitationUse) string { return fmt.Sprintf("%d/%s", use.Campaign, use.Code) }
	err := v.tx.InvitationUses(func(use model.InvitationUse, uses int64) {
		v.report.Checked["invitation_use"]++
		if want := used[use]; uses != want {
			v.report.differ("invitation_use", name(use), "uses", uses, want)
		}
		delete(used, use)
	})
	for use, want := range used {
		v.report.differ("invitation_use", name(use), "uses", "missing", want)
	}
	return err
}
