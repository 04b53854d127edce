package engine

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"grapevine/engine/secret"
	"grapevine/model"
	"grapevine/store"
)

// openKey is a stored key with its value.
type openKey struct {
	store.SealedKey
	value string
}

func (a *applying) openKeys() ([]openKey, error) {
	sealed, err := a.tx.Keys()
	if err != nil {
		return nil, err
	}
	keys := make([]openKey, len(sealed))
	for i, k := range sealed {
		value, err := a.engine.secret.Open(k.Sealed)
		if err != nil {
			return nil, fmt.Errorf("open key %s of account %d: %w", k.Use, a.account.ID, err)
		}
		keys[i] = openKey{SealedKey: k, value: value}
	}
	return keys, nil
}

// applyKeys puts the file's keys in force, and ends those that are no longer
// in it.
func (a *applying) applyKeys() error {
	for i := range a.project.Keys {
		a.completeKey(&a.project.Keys[i])
	}
	listed := map[string]bool{}
	var taken []error // all of them are told: who copies an account's file has many
	for _, k := range a.project.Keys {
		listed[a.keyHash(k.Use, k.Value)] = true
		switch err := a.applyKey(k); {
		case err == nil:
		case model.KindOf(err) == model.Conflict:
			taken = append(taken, err)
		default:
			return err
		}
	}
	if len(taken) > 0 {
		return errors.Join(taken...)
	}
	for _, have := range a.stored.keys {
		if have.Use != model.AccountKey && !listed[have.Hash] {
			a.tx.EndKey(have.Hash)
			a.tx.ReleaseKey(secret.Hash(have.Use, have.value))
			a.changed = true
		}
	}
	return nil
}

// completeKey gives a key that the file leaves out the stored value, unless the
// file says that it is another one's, or makes one.
func (a *applying) completeKey(k *model.Key) {
	if k.Value != "" {
		return
	}
	for _, have := range a.stored.keys {
		given := slices.ContainsFunc(a.project.Keys, func(other model.Key) bool { return other.Use == have.Use && other.Value == have.value })
		if have.Use == k.Use && have.Name == k.Name && (len(have.Permissions) == 0) == (len(k.Permissions) == 0) && !given {
			k.Value = have.value
			return
		}
	}
	k.Value = makeKey(k.Form)
}

func makeKey(form model.KeyForm) string {
	if form.UUID {
		return uuid.NewString()
	}
	raw := make([]byte, (form.Hex+1)/2)
	if _, err := rand.Read(raw); err != nil {
		panic(err) // crypto/rand never fails on the systems that Go supports
	}
	return form.Prefix + hex.EncodeToString(raw)[:form.Hex]
}

func (a *applying) applyKey(k model.Key) error {
	hash := a.keyHash(k.Use, k.Value)
	at := slices.IndexFunc(a.stored.keys, func(have openKey) bool { return have.Hash == hash })
	if at >= 0 {
		have := a.stored.keys[at]
		if have.Name == k.Name && slices.Equal(have.Permissions, k.Permissions) {
			return nil
		}
	} else if !k.Secret {
		ours, err := a.tx.ClaimKey(secret.Hash(k.Use, k.Value))
		if err != nil {
			return err
		}
		if !ours {
			return keyTaken(k.Path)
		}
	}
	a.changed = true
	return a.putKey(k)
}

func (a *applying) putKey(k model.Key) error {
	sealed, err := a.engine.secret.Seal(k.Value)
	if err != nil {
		return err
	}
	return a.tx.PutKey(store.SealedKey{
		Hash: a.keyHash(k.Use, k.Value), Use: k.Use, Sealed: sealed, Name: k.Name, Permissions: k.Permissions,
	})
}

// keyHash identifies a key within its account. It is keyed, as a signing secret
// may be short enough to be found by trying.
func (a *applying) keyHash(use, value string) string {
	return a.engine.secret.Digest("account_key", use, value)
}
