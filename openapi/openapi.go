// Package openapi holds a description of each vendor's API as this server
// speaks it, one hand-written OpenAPI document a dialect. The documents are
// served as they are, and the tests of the dialects hold every exchange
// against them (openapi/checktest).
package openapi

import "embed"

// Documents are the documents, by their dialect's name and ".yaml".
//
//go:embed *.yaml
var Documents embed.FS
