#!/usr/bin/env bash
# The release build: style sheet, browser half and program, in the cache folder. Skipped when nothing has changed.
set -euo pipefail
cd "$(dirname "$0")/.."
.ci/setup.sh run
. .ci/env.sh
site=$CARGO_TARGET_DIR/release/site
stamp=$CARGO_TARGET_DIR/release/avouch.sources
# Names, sizes and contents of everything that a build reads: a new clone of the same sources builds nothing.
sources=$(find Cargo.toml Cargo.lock package-lock.json .ci/env.sh src app server migrations style public -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum)
if [ -x "$CARGO_TARGET_DIR/release/avouch" ] && [ -e "$site/pkg/avouch.css" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$sources" ]; then
  exit 0
fi
printf 'build: compiling (about ten minutes the first time, under two after a change)\n' >&2
LEPTOS_SITE_ROOT=$site cargo leptos build --release >&2
printf '%s' "$sources" >"$stamp"
