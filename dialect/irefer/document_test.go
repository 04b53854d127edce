package irefer_test

import (
	"fmt"
	"os"
	"testing"

	"grapevine/openapi/checktest"
)

// document is what every exchange of these tests is held against.
var document *checktest.Document

func TestMain(m *testing.M) {
	var err error
	if document, err = checktest.Open("irefer.yaml"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(document.Run(m))
}
