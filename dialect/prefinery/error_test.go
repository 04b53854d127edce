package prefinery

import (
	"encoding/json"
	"strings"
	"testing"

	"grapevine/model"
)

func TestErrorsCoverKindsAndReasons(t *testing.T) {
	for _, k := range model.Kinds {
		if kinds[k] == 0 {
			t.Errorf("no status for kind %q", k)
		}
	}
	for _, r := range model.Reasons {
		if _, ok := reasons[r]; !ok {
			t.Errorf("nothing is said of reason %q", r)
		}
	}
	for reason, r := range reasons {
		for _, family := range []int{testerFamily, invitationFamily, rewardFamily, suppressionFamily, pointFamily} {
			if code := r.in(family); code != 0 && code/100 != family/100 {
				t.Errorf("%s has %d in the family %d", reason, code, family)
			}
		}
	}
}

// What the log makes much of is what is our fault.
func TestRefusedValuesAreNoFaultOfOurs(t *testing.T) {
	refused := &coded{2302, "Email is required"}
	if kind := model.KindOf(refused); kind != model.Invalid {
		t.Errorf("a refused value is %s", kind)
	}
	if again := within(rewardFamily, refused); again != error(refused) {
		t.Errorf("%v became %v", refused, again)
	}
}

func TestGroupsAreNamesWithoutCommas(t *testing.T) {
	for sent, want := range map[string]string{
		`"Press, VIP,,Press"`: "Press VIP", `["Press,VIP"," ","Press"]`: "Press VIP", `[]`: "", `""`: "", `5`: "5", `[1,null]`: "1",
	} {
		var got groups
		if err := json.Unmarshal([]byte(sent), &got); err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: got %q, %v; want %q", sent, got, err, want)
		}
	}
}

func TestFormsAreReadAsJSON(t *testing.T) {
	for form, want := range map[string]string{
		"a=1&b[c]=2&b[d][e]=3":            `{"a":"1","b":{"c":"2","d":{"e":"3"}}}`,
		"l[]=1&l[]=2":                     `{"l":["1","2"]}`,
		"l[][a]=1&l[][b]=2&l[][a]=3":      `{"l":[{"a":"1","b":"2"},{"a":"3"}]}`,
		"a%5Bb%5D=x+y%26z":                `{"a":{"b":"x y\u0026z"}}`,
		"&a=&":                            `{"a":""}`,
		"a=1&a=2":                         `{"a":"2"}`,
		"a[b]=1&a=2":                      "",
		"a=1&a[b]=2":                      "",
		"a[]=1&a[][b]=2":                  "",
		"a=%zz":                           "",
		"a=%00":                           "",
		"a=%ff":                           "",
		"a[b][c][d][e][f][g][h][i][j]=1":  "",
		"a[b]=1&a[]=2":                    "",
		"l[][a][b]=1&l[][a][c]=2&l[][x]=": `{"l":[{"a":{"b":"1"}},{"a":{"c":"2"},"x":""}]}`,
	} {
		got, err := formJSON(form)
		if (err != nil) != (want == "") || string(got) != want {
			t.Errorf("%s: got %s, %v; want %s", form, got, err, want)
		}
	}
}
