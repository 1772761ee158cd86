#!/usr/bin/env bash
# Every check the project has. Goes on after a failure, names each, and closes with "N passed, N failed".
#
# AVOUCH_ADVISORIES   a folder with the RustSec advisories, where the live ones cannot be reached
# AVOUCH_PROMISES     the list of promises that the shipped profiles must hold
set -uo pipefail
cd "$(dirname "$0")/.."
.ci/setup.sh test || exit 2
. .ci/env.sh
. .ci/steps.sh
make_room
log=$(mktemp -d)
trap 'stop_postgres; rm -rf "$log"' EXIT

step "formatting" cargo fmt --all --check
step "lints, native" cargo clippy --quiet --workspace --all-targets --features avouch/ssr,app/ssr -- -D warnings
step "lints, wasm32" cargo clippy --quiet -p avouch --lib --features hydrate --target wasm32-unknown-unknown -- -D warnings
step "no server crate in the browser's half" wasm_graph_is_clean
step "advisories, licences, sources" dependencies
step "no file longer than its room" long_files
# Without the list of promises, the one test that needs it is shown as skipped.
listed=()
[ -z "${AVOUCH_PROMISES:-}" ] || listed=(--run-ignored all)
tests "tests on SQLite" cargo nextest run "${listed[@]}" --cargo-quiet --workspace --features avouch/ssr,app/ssr --no-fail-fast
start_postgres && export AVOUCH_TEST_DATABASE_URL=$postgres_url
tests "tests on PostgreSQL" cargo nextest run --cargo-quiet --workspace --features avouch/ssr,app/ssr --no-fail-fast
unset AVOUCH_TEST_DATABASE_URL
step "release build" .ci/build.sh
step "size of the browser's half" wasm_is_small
step "the command line" .ci/command-line.sh "$CARGO_TARGET_DIR/release/avouch" "$postgres_url"
step "row security in PostgreSQL (pgTAP)" .ci/row-security.sh "$CARGO_TARGET_DIR/release/avouch" "$postgres_url"
step "the second verifier of the log" python3 server/tests/verify_log_test.py
journeys "journeys in Chromium"
finish
