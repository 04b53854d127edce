package friendbuy

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/web"
)

// What the project file's keys are called where they are looked up.
const (
	useKey        = "friendbuy.key"
	useSecret     = "friendbuy.secret"
	useMerchantID = "friendbuy.merchant_id"
)

const (
	tokenLife   = 20 * time.Minute
	tokenIssuer = "grapevine/friendbuy"

	// mostRemembered bounds the memory for tokens that were verified.
	mostRemembered = 4096
)

// postAuthorization gives a token for a key pair.
func (a *API) postAuthorization(w http.ResponseWriter, r *http.Request) error {
	var in authorizationJSON
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	if err := in.check(); err != nil {
		return err
	}
	token, expires, err := a.tokens.issue(r.Context(), in.Key, in.Secret)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, tokenJSON{TokenType: "Bearer", Token: token, Expires: shown(expires)})
}

// tokens makes and verifies bearer tokens. A token names its account and is
// bound to the key pair it was given for, so that it ends when the pair does.
// Safe for concurrent use.
type tokens struct {
	core *engine.Engine
	now  func() time.Time
	sign []byte // signs tokens
	mark []byte // makes marks of key pairs

	mu       sync.RWMutex
	verified map[string]grant // by token; guarded by mu
}

// grant is what a verified token allows.
type grant struct {
	account model.AccountID
	pair    pair
	until   time.Time
}

// pair is a key pair as the project file has it.
type pair struct{ key, secret string }

// claims is the payload of a token. Its subject is the account.
type claims struct {
	jwt.RegisteredClaims
	Pair string `json:"pair"`
}

func newTokens(core *engine.Engine, now func() time.Time) *tokens {
	return &tokens{
		core:     core,
		now:      now,
		sign:     core.SigningKey("friendbuy token"),
		mark:     core.SigningKey("friendbuy key pair"),
		verified: map[string]grant{},
	}
}

// issue fails with Unauthenticated when key and secret are no pair.
func (t *tokens) issue(ctx context.Context, key, secret string) (token string, expires time.Time, err error) {
	account, err := t.core.Authenticate(ctx, useKey, key)
	if err != nil {
		if model.KindOf(err) == model.Internal {
			return "", time.Time{}, err
		}
		return "", time.Time{}, unauthenticated("unknown key, or a secret that does not belong to it", err)
	}
	config, err := t.core.Config(ctx, account)
	if err != nil {
		return "", time.Time{}, err
	}
	given := pair{key: key, secret: secret}
	if inForce := pairOf(config); !t.equal(given, inForce) {
		return "", time.Time{}, unauthenticated("unknown key, or a secret that does not belong to it", nil)
	}
	// Tokens carry whole seconds.
	issued := t.now().UTC().Truncate(time.Second)
	expires = issued.Add(tokenLife)
	token, err = jwt.NewWithClaims(jwt.SigningMethodHS256, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    tokenIssuer,
			Subject:   strconv.FormatInt(int64(account), 10),
			IssuedAt:  jwt.NewNumericDate(issued),
			ExpiresAt: jwt.NewNumericDate(expires),
		},
		Pair: t.markOf(given),
	}).SignedString(t.sign)
	return token, expires, err
}

// account fails with Unauthenticated when an Authorization header carries no
// token that is valid now. The word Bearer may be missing.
func (t *tokens) account(ctx context.Context, header string) (model.AccountID, error) {
	token := bearer(header)
	if token == "" {
		return 0, unauthenticated("a bearer token is required", nil)
	}
	t.mu.RLock()
	given, ok := t.verified[token]
	t.mu.RUnlock()
	if !ok {
		return t.verify(ctx, token)
	}
	if !t.now().Before(given.until) {
		return 0, unauthenticated("the token has expired", nil)
	}
	config, err := t.config(ctx, given.account)
	if err != nil {
		return 0, err
	}
	if pairOf(config) != given.pair {
		return 0, unauthenticated("the token's key pair has ended", nil)
	}
	return given.account, nil
}

// verify reads a token that was not seen before, and remembers it.
func (t *tokens) verify(ctx context.Context, token string) (model.AccountID, error) {
	var c claims
	_, err := jwt.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return t.sign, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithIssuer(tokenIssuer),
		jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(t.now))
	if err != nil {
		return 0, unauthenticated("the token is not valid, or has expired", err)
	}
	id, err := strconv.ParseInt(c.Subject, 10, 64)
	if err != nil {
		return 0, unauthenticated("the token is not valid, or has expired", err)
	}
	account := model.AccountID(id)
	config, err := t.config(ctx, account)
	if err != nil {
		return 0, err
	}
	inForce := pairOf(config)
	if !hmac.Equal([]byte(t.markOf(inForce)), []byte(c.Pair)) {
		return 0, unauthenticated("the token's key pair has ended", nil)
	}
	t.remember(token, grant{account: account, pair: inForce, until: c.ExpiresAt.Time})
	return account, nil
}

// remember forgets everything else once there is no more room: to verify
// anew costs microseconds, and expired tokens are forgotten with it.
func (t *tokens) remember(token string, g grant) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.verified) >= mostRemembered {
		clear(t.verified)
	}
	t.verified[token] = g
}

// config is the configuration of a token's account, which may have ended.
func (t *tokens) config(ctx context.Context, account model.AccountID) (*engine.Config, error) {
	config, err := t.core.Config(ctx, account)
	if model.KindOf(err) == model.NotFound {
		return nil, unauthenticated("the token's key pair has ended", err)
	}
	return config, err
}

// equal takes the same time whichever characters differ.
func (t *tokens) equal(a, b pair) bool {
	return subtle.ConstantTimeCompare([]byte(t.markOf(a)), []byte(t.markOf(b))) == 1
}

// markOf stands for a key pair in a token without telling it.
func (t *tokens) markOf(p pair) string {
	mac := hmac.New(sha256.New, t.mark)
	mac.Write([]byte(strconv.Itoa(len(p.key)) + ":" + p.key + p.secret))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

func pairOf(c *engine.Config) pair {
	return pair{key: c.Secret(useKey), secret: c.Secret(useSecret)}
}

// bearer is the token of an Authorization header.
func bearer(header string) string {
	const word = "bearer "
	if len(header) >= len(word) && strings.EqualFold(header[:len(word)], word) {
		header = header[len(word):]
	}
	return strings.TrimSpace(header)
}

func unauthenticated(msg string, cause error) error {
	return &model.Error{Kind: model.Unauthenticated, Msg: msg, Err: cause}
}
