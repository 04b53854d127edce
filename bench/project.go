package main

import (
	"fmt"
	"strings"
)

const (
	merchantID   = "7b0f4a52-1111-4222-8333-444455556666"
	apiKey       = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
	apiSecret    = "95eb1c78-f77e-4c55-828e-17ed3e0163a2"
	campaignUUID = "ef9befc6-18f1-418c-8914-5ee8d09bb5aa"
)

const project = `account: Load
slug: load
site: https://shop.example.com
keys:
  friendbuy:
    merchant_id: ` + merchantID + `
    key: ` + apiKey + `
    secret: ` + apiSecret + `
    signing_secret: a-signing-secret
%s
campaigns:
  - name: Evergreen
    uuid: ` + campaignUUID + `
    status: launched
    landing: https://shop.example.com/welcome
    fbuy: true
    rewards:%s
`

// clickProject is a campaign whose links are clicked and whose codes are asked
// for; it promises rewards, but nobody earns one.
func clickProject() string {
	return fmt.Sprintf(project, "", `
      - name: Ten off for you
        to: advocate
        on: purchase
        value: {type: discount, amount: 10, unit: USD}
      - name: Five off for a friend
        to: friend
        on: purchase
        value: {type: discount, amount: 5, unit: USD}`)
}

// purchaseProject is a campaign in which every purchase of a friend hands out a
// coupon, posts a ledger entry and tells a webhook of both.
func purchaseProject(coupons int, hook string) string {
	return fmt.Sprintf(project, strings.TrimSpace(fmt.Sprintf(`
coupons:
  - {batch: ten-off, generate: %d, prefix: TEN-}
webhooks:
  - {on: friendbuy.advocateReward, url: %q}
  - {on: friendbuy.friendIncentive, url: %q}`, coupons, hook, hook)), `
      - name: Ten off for you
        to: advocate
        on: purchase
        repeat: true
        issue: auto
        value: {type: discount, amount: 10, unit: USD, coupons: ten-off}
      - name: Five for a friend
        to: friend
        on: purchase
        value: {type: ledger, amount: 5, unit: USD}`)
}
