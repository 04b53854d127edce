package engine

import (
	"fmt"
	"strings"

	"grapevine/engine/secret"
	"grapevine/model"
)

// refer replaces names by the ids of what they name. The file was checked: a
// name that is not there is a bug of who read it.
func (a *applying) refer() error {
	p := a.project
	campaigns := map[string]model.CampaignID{"": 0}
	for _, c := range p.Campaigns {
		campaigns[c.Name] = c.ID
	}
	batches := map[string]model.BatchID{"": 0}
	for _, b := range p.Batches {
		batches[b.Name] = b.ID
	}
	var unknown []string
	campaign := func(name string) model.CampaignID {
		id, ok := campaigns[name]
		if !ok {
			unknown = append(unknown, fmt.Sprintf("campaign %q", name))
		}
		return id
	}
	batch := func(name string) model.BatchID {
		id, ok := batches[name]
		if !ok {
			unknown = append(unknown, fmt.Sprintf("batch %q", name))
		}
		return id
	}
	for i := range p.Batches {
		p.Batches[i].Campaign = campaign(p.Batches[i].In)
	}
	for i := range p.Endpoints {
		p.Endpoints[i].Campaign = campaign(p.Endpoints[i].In)
	}
	for i := range p.Settings.Redemption {
		p.Settings.Redemption[i].Batch = batch(p.Settings.Redemption[i].Coupons)
	}
	for _, c := range p.Campaigns {
		for i := range c.Rules {
			c.Rules[i].Value.Batch = batch(c.Rules[i].Value.Coupons)
		}
	}
	if len(unknown) > 0 {
		return &model.Error{Kind: model.Invalid, Msg: "the project does not have " + strings.Join(unknown, ", ")}
	}
	return nil
}

// applyCampaigns adds a version of each campaign that differs, and archives
// those that are no longer in the file.
func (a *applying) applyCampaigns() error {
	a.freeUUIDs()
	inFile := map[model.CampaignID]bool{}
	codes := map[string]int{}
	for i := range a.project.Campaigns {
		c := &a.project.Campaigns[i]
		inFile[c.ID] = true
		if other, taken := codes[model.FoldCode(c.Code)]; taken {
			return codeTaken(campaignPath(i), c.Code, fmt.Sprintf("campaign %q of this file", a.project.Campaigns[other].Name))
		}
		codes[model.FoldCode(c.Code)] = i
		if err := a.applyCampaign(c, campaignPath(i)); err != nil {
			return err
		}
	}
	for i := range a.stored.campaigns {
		if s := &a.stored.campaigns[i]; !inFile[s.ID] && !s.Archived {
			s.Archived, a.changed = true, true
			a.tx.SetCampaign(s)
		}
	}
	a.releaseTokens()
	return nil
}

// freeUUIDs takes the UUIDs from campaigns that get other ones: two may swap
// theirs, and each is written alone.
func (a *applying) freeUUIDs() {
	for _, c := range a.project.Campaigns {
		if c.Version == 0 {
			continue
		}
		if have := *a.stored.campaign(c.ID); have.UUID != c.UUID {
			have.UUID = fmt.Sprintf("between two, of %d", c.ID)
			a.tx.SetCampaign(&have)
		}
	}
}

func (a *applying) applyCampaign(c *model.Campaign, path string) error {
	if c.Version == 0 {
		c.Version, a.changed = 1, true
		if err := a.claimNames(c, path); err != nil {
			return err
		}
		return a.tx.AddCampaign(c, a.now)
	}
	have := a.stored.campaign(c.ID)
	same, err := sameSpec(have, c)
	if err != nil || same && !have.Archived {
		return err
	}
	if err := a.claimNames(c, path); err != nil {
		return err
	}
	c.Archived, a.changed = false, true
	if !same {
		c.Version++
		if err := a.tx.AddCampaignVersion(c, a.now); err != nil {
			return err
		}
	}
	a.tx.SetCampaign(c)
	return nil
}

// claimNames takes a campaign's code and project token on this server.
func (a *applying) claimNames(c *model.Campaign, path string) error {
	ours, err := a.tx.ClaimCode(model.FoldCode(c.Code))
	if err != nil {
		return err
	}
	if !ours {
		return codeTaken(path, c.Code, "another account")
	}
	id, err := a.engine.newID()
	if err != nil {
		return err
	}
	free, err := a.tx.SetJoinCode(model.CodeID(id), c.Code, c.ID, a.now)
	if err != nil {
		return err
	}
	if !free {
		return codeTaken(path, c.Code, "somebody who takes part")
	}
	ours, err = a.tx.ClaimKey(secret.Hash(model.ProjectToken, c.ProjectToken))
	if err == nil && !ours {
		err = keyTaken(path + ".project_token")
	}
	return err
}

func codeTaken(path, code, whose string) error {
	return &model.Error{Kind: model.Conflict, Reason: model.CodeTaken, Field: path + ".code",
		Msg: fmt.Sprintf("a code that is free: %q is that of %s", code, whose)}
}

// keyTaken names no value: it may be a secret.
func keyTaken(path string) error {
	return &model.Error{Kind: model.Conflict, Reason: model.KeyTaken, Field: path,
		Msg: "a value of its own: another account on this server has this one"}
}

// releaseTokens frees the project tokens that campaigns had and no longer have.
func (a *applying) releaseTokens() {
	used := map[string]bool{}
	inFile := map[model.CampaignID]bool{}
	for _, c := range a.project.Campaigns {
		used[c.ProjectToken], inFile[c.ID] = true, true
	}
	for _, s := range a.stored.campaigns {
		if !inFile[s.ID] {
			used[s.ProjectToken] = true // archived ones come back with theirs
		}
	}
	for _, s := range a.stored.campaigns {
		if !used[s.ProjectToken] {
			a.tx.ReleaseKey(secret.Hash(model.ProjectToken, s.ProjectToken))
		}
	}
}
