package friendbuy

import (
	"strconv"
	"testing"
)

func TestTokensAreNotRememberedWithoutEnd(t *testing.T) {
	t.Parallel()
	tokens := &tokens{verified: map[string]grant{}}
	for i := range 3 * mostRemembered {
		tokens.remember(strconv.Itoa(i), grant{})
		if len(tokens.verified) > mostRemembered {
			t.Fatalf("%d tokens are remembered", len(tokens.verified))
		}
	}
	if _, ok := tokens.verified[strconv.Itoa(3*mostRemembered-1)]; !ok {
		t.Error("the last token is forgotten")
	}
}
