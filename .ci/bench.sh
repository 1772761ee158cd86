#!/usr/bin/env bash
# The measured comparisons. Needs a machine that is doing nothing else; takes about eight minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
.ci/setup.sh bench
.ci/build.sh
. .ci/env.sh
cargo build --release --quiet --example bare --features ssr
exec node end2end/bench/run.mjs --avouch "$CARGO_TARGET_DIR/release/avouch" --bare "$CARGO_TARGET_DIR/release/examples/bare" "$@"
