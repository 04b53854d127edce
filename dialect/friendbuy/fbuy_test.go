package friendbuy_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"grapevine/dialect/friendbuy"
)

func TestFbuyIsSignedForTheMerchant(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	cfg, err := s.core.Config(t.Context(), s.account)
	if err != nil {
		t.Fatal(err)
	}
	got, err := friendbuy.SignLink(cfg, "an-attribution", "shop.example.com", time.Unix(1772366400, 0))
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(strings.TrimPrefix(got, "fbuy="), ".")
	if len(parts) != 3 {
		t.Fatalf("%s has %d parts, want 3", got, len(parts))
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	const want = "7b0f4a52-1111-4222-8333-444455556666:::an-attribution:shop.example.com:1772366400::"
	if string(payload) != want {
		t.Errorf("payload %s, want %s", payload, want)
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(cfg.PublicKey))
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(public.(*rsa.PublicKey), crypto.SHA256, digest[:], signature); err != nil {
		t.Errorf("the public key that apply shows does not check it: %v", err)
	}
}
