package friendbuy

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"grapevine/engine"
)

// fbuyHeader is the header of every `fbuy` value: a JWS of a text, RS256 by
// the account's key.
var fbuyHeader = base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256"}`))

// SignLink is the `fbuy` parameter of a landing address. Its payload has eight
// parts: merchant, profile, global id, attribution, domain, epoch, customer,
// e-mail. The value is shared by all clicks of a minute, so those of a visitor
// (two, three, seven and eight) are empty.
func SignLink(cfg *engine.Config, attribution, domain string, at time.Time) (string, error) {
	payload := strings.Join([]string{
		cfg.Secret(useMerchantID), "", "", attribution, domain, strconv.FormatInt(at.Unix(), 10), "", "",
	}, ":")
	signed := fbuyHeader + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, cfg.PrivateKey(), crypto.SHA256, digest[:])
	if err != nil {
		return "", err
	}
	return "fbuy=" + signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}
