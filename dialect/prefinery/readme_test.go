package prefinery_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"grapevine/openapi"
)

// The README lists each call of the document once, as offered, with the
// permission that TestPermissionsOpenTheirCallsOnly finds it needs.
func TestReadmeListsEveryCall(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{} // call -> permission
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z]+ /\\S+)` \\| [^|]*\\| yes[^|]*\\| (\\S+) \\|$").FindAllStringSubmatch(string(readme), -1) {
		listed[row[1]] = row[2]
	}
	ids := regexp.MustCompile(`/(?:ADA|FIRST|SECOND|STOPPED)\b`)
	needed := map[string]string{}
	for _, o := range operations {
		path, _, _ := strings.Cut(strings.TrimPrefix(o.target, "/api/v2"), "?")
		path = strings.NewReplacer("/12", "/{beta}", "/13", "/{beta}").Replace(path)
		needed[o.method+" "+ids.ReplaceAllString(path, "/{id}")] = o.permission
	}
	if diff := cmp.Diff(needed, listed); diff != "" {
		t.Errorf("the README differs from the calls there are (-called +listed):\n%s", diff)
	}

	document, err := openapi.Documents.ReadFile("prefinery.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	path := ""
	for _, line := range regexp.MustCompile(`(?m)^  (/\S+):$|^    (get|post|put|patch|delete):$`).FindAllStringSubmatch(string(document), -1) {
		if line[1] != "" {
			path = strings.TrimPrefix(line[1], "/api/v2")
			continue
		}
		documented = append(documented, strings.ToUpper(line[2])+" "+path)
	}
	slices.Sort(documented)
	if diff := cmp.Diff(documented, slices.Sorted(maps.Keys(listed))); diff != "" {
		t.Errorf("the README differs from the document (-documented +listed):\n%s", diff)
	}
}
