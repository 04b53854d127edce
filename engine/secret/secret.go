// Package secret is what the secret file is good for: it seals what must be
// read again, and makes keys and keyed digests. It knows nothing of what it
// seals, where that is kept, or where the secret file lies.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"sync"
)

// Size is the length of a master secret in bytes.
const Size = 32

// ErrSealed tells that a sealed text was made with another secret, or changed.
var ErrSealed = errors.New("sealed with another secret, or damaged")

// sealPurpose keeps the sealing key apart from every key that Key gives out.
const sealPurpose = "seal/v1"

// digestLength is 132 bits: enough that no two inputs ever share a digest.
const digestLength = 22

// Box holds one master secret. Nothing it makes reveals it. Safe for
// concurrent use.
type Box struct {
	master  []byte
	seal    cipher.AEAD
	digests sync.Map // purpose -> *sync.Pool of hash.Hash
}

// New makes a Box of a master secret of Size bytes. It panics on any other
// length: a short secret is a bug of the caller that reads the secret file.
func New(master []byte) *Box {
	if len(master) != Size {
		panic(fmt.Sprintf("secret: master has %d bytes, not %d", len(master), Size))
	}
	b := &Box{master: append([]byte{}, master...)}
	block, err := aes.NewCipher(b.derive(sealPurpose))
	if err != nil {
		panic(err) // a key of 32 bytes fits
	}
	if b.seal, err = cipher.NewGCM(block); err != nil {
		panic(err) // the block size of AES fits
	}
	return b
}

// Seal encrypts a text with AES-256-GCM. The same text is sealed differently
// each time. It fails only where the machine gives no random bytes.
func (b *Box) Seal(plain string) (string, error) {
	nonce := make([]byte, b.seal.NonceSize(), b.seal.NonceSize()+len(plain)+b.seal.Overhead())
	if _, err := rand.Read(nonce); err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b.seal.Seal(nonce, nonce, []byte(plain), nil)), nil
}

// Open decrypts what Seal made. It fails with ErrSealed on anything else.
func (b *Box) Open(sealed string) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil || len(raw) < b.seal.NonceSize() {
		return "", ErrSealed
	}
	plain, err := b.seal.Open(nil, raw[:b.seal.NonceSize()], raw[b.seal.NonceSize():], nil)
	if err != nil {
		return "", ErrSealed
	}
	return string(plain), nil
}

// Key returns 32 bytes that only this secret and this purpose give.
func (b *Box) Key(purpose string) []byte { return b.derive("key/v1/" + purpose) }

// Digest is the keyed hash of parts under a purpose: who does not have the
// secret cannot find out what was hashed by trying. Parts are joined by their
// lengths, so that ("ab", "c") and ("a", "bc") differ.
func (b *Box) Digest(purpose string, parts ...string) string {
	pool := b.pool(purpose)
	mac := pool.Get().(hash.Hash)
	defer pool.Put(mac)
	mac.Reset()

	var room [128]byte
	joined := room[:0]
	for _, part := range parts {
		joined = binary.AppendUvarint(joined, uint64(len(part)))
		joined = append(joined, part...)
	}
	mac.Write(joined)
	var sum [sha256.Size]byte
	return base64.RawURLEncoding.EncodeToString(mac.Sum(sum[:0]))[:digestLength]
}

// pool keeps the keyed hashes of a purpose: to derive a key for each digest
// would cost several times the digest.
func (b *Box) pool(purpose string) *sync.Pool {
	if p, ok := b.digests.Load(purpose); ok {
		return p.(*sync.Pool)
	}
	key := b.derive("digest/v1/" + purpose)
	p, _ := b.digests.LoadOrStore(purpose, &sync.Pool{New: func() any { return hmac.New(sha256.New, key) }})
	return p.(*sync.Pool)
}

func (b *Box) derive(info string) []byte {
	key, err := hkdf.Key(sha256.New, b.master, nil, info, Size)
	if err != nil {
		panic(err) // only for lengths that SHA-256 cannot give
	}
	return key
}

// Hash is the plain SHA-256 of a use and a value, for directories that are
// looked up by random keys.
func Hash(use, value string) string {
	joined := binary.AppendUvarint(make([]byte, 0, 96), uint64(len(use)))
	joined = append(append(joined, use...), value...)
	sum := sha256.Sum256(joined)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
