#!/usr/bin/env bash
# The measured comparisons. Needs a machine that is doing nothing else; takes about eighteen minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
.ci/setup.sh bench
.ci/build.sh
. .ci/env.sh
. .ci/steps.sh
cargo build --release --quiet --example bare --features ssr
cargo build --release --quiet -p server --example crowd --features testing
trap stop_postgres EXIT
start_postgres on
built=$CARGO_TARGET_DIR/release
node end2end/bench/run.mjs --avouch "$built/avouch" --bare "$built/examples/bare" --crowd "$built/examples/crowd" --postgres "$postgres_url" "$@"
