# What each target needs is said by `make help`; the scripts in ci/ do the work.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# The binary is static, so the tests are too. Only the race detector needs cgo.
export CGO_ENABLED ?= 0

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
RACY := ./store/... ./engine/... ./deliver/... ./app/...

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: test
test: ## every test, on SQLite, a PostgreSQL of its own and Chromium (installed if missing and allowed)
	@ci/test -timeout 10m ./...

.PHONY: quick
quick: ## SQLite only, no browser, offline, under a minute
	@GRAPEVINE_TEST_SKIP=postgres,chromium ci/test -short -timeout 2m ./...

.PHONY: check
check: gofmt vet staticcheck tidy licences race fuzz ## gofmt, vet, staticcheck, go.mod, licences, race detector, fuzzing
	@echo "check: all passed"

.PHONY: e2e
e2e: ## the tests that need the built binary (build tag e2e), on both engines; some need npm or dkimpy
	@ci/test -tags e2e -timeout 15m ./...

.PHONY: bench
bench: ## load the binary and print ratios to what this machine can do
	@go run ./bench

.PHONY: gofmt vet staticcheck tidy licences race fuzz
gofmt:
	@unformatted=$$(gofmt -l .); \
	if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi

vet:
	@go vet -tags e2e ./...

staticcheck:
	@go run $(STATICCHECK) -tags e2e ./...

tidy:
	@go mod tidy -diff

licences:
	@go run ./ci/licences

race:
	@ci/race -short -timeout 14m $(RACY)

fuzz:
	@ci/fuzz 3s
