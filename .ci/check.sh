#!/usr/bin/env bash
# What belongs before a commit: formatting, lints, and the tests on SQLite. Under a minute when warm.
set -uo pipefail
cd "$(dirname "$0")/.."
.ci/setup.sh run || exit 2
. .ci/env.sh
. .ci/steps.sh
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
step "formatting" cargo fmt --all --check
step "lints, native" cargo clippy --quiet --workspace --all-targets --features avouch/ssr,app/ssr -- -D warnings
tests "tests on SQLite" cargo nextest run --cargo-quiet --workspace --features avouch/ssr,app/ssr --no-fail-fast
finish
