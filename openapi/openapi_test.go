package openapi_test

import (
	"io/fs"
	"testing"

	"grapevine/openapi"
	"grapevine/openapi/checktest"
)

func TestDocumentsAreValid(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(openapi.Documents, "*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	for _, name := range names {
		if _, err := checktest.Open(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
