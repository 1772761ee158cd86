# Two commands for everybody: make run, make test. The rest is for developers.
SHELL := /bin/bash
PROFILE ?= aertous
IN_ENV := . .ci/env.sh &&

.PHONY: run test check watch bench fmt lists build setup

run: build ## install what is missing, build, and serve PROFILE on http://127.0.0.1:3000
	@$(IN_ENV) exec env -u AVOUCH_ROOT -u AVOUCH_CACHE "$$CARGO_TARGET_DIR/release/avouch" serve --profile "$(PROFILE)" --accept-unavailable

test: ## every check there is; closes with a line "N passed, N failed"
	@.ci/test.sh

check: ## formatting, lints and unit tests, for before a commit
	@.ci/check.sh

watch: ## rebuild and restart on every change
	@.ci/setup.sh run && $(IN_ENV) LEPTOS_SITE_ROOT="$$CARGO_TARGET_DIR/debug/site" cargo leptos watch

bench: ## the measured comparisons, as a table
	@.ci/bench.sh

fmt: ## format everything
	@.ci/setup.sh run && $(IN_ENV) cargo fmt --all

lists: ## write server/lists anew from the newest packages; review, then commit
	@node .ci/lists.mjs

build:
	@.ci/build.sh

setup:
	@.ci/setup.sh test
