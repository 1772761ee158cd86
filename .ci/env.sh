# Sourced by every script, so that all of them build with the same compiler,
# flags and folders: a changed variable would rebuild everything.
#
# AVOUCH_CACHE   where tools and build outputs are kept, outside the clone
#                (default: the user's cache folder, avouch/)

AVOUCH_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
AVOUCH_CACHE=${AVOUCH_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/avouch}
export AVOUCH_ROOT AVOUCH_CACHE

# Pinned together; see Cargo.toml for the crate that wasm-bindgen must equal.
RUST_VERSION=1.96.0
CARGO_LEPTOS_VERSION=0.3.11
WASM_BINDGEN_VERSION=0.2.130
NEXTEST_VERSION=0.9.143
CARGO_DENY_VERSION=0.20.2

export CARGO_TARGET_DIR=$AVOUCH_CACHE/target
# Leptos reads this at compile time; cargo-leptos sets the same value.
export LEPTOS_OUTPUT_NAME=avouch
# C code (ring, SQLite) is rebuilt, with all above it, when one of these changes.
export CC=cc CFLAGS= CXXFLAGS=
# What the allocator keeps for later use goes back to the system after a second instead of ten: an archive of a million records
# takes 46 MiB so, and 61 otherwise (400,000 records, measured).
export JEMALLOC_SYS_WITH_MALLOC_CONF=dirty_decay_ms:1000,muzzy_decay_ms:0
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS RUSTC_WRAPPER CARGO_BUILD_TARGET

# First on PATH: our tools, then a compiler that setup.sh linked in where rustup
# could not bring one, then the npm tools of the clone.
export PATH=$AVOUCH_CACHE/tools/bin:$AVOUCH_CACHE/toolchain/bin:$AVOUCH_ROOT/node_modules/.bin:$PATH
if command -v rustup >/dev/null 2>&1; then
  # Linked by setup.sh: cargo finds its subcommands through rustup, so PATH alone would mix two compilers.
  if [ -e "$AVOUCH_CACHE/toolchain/bin/rustc" ]; then export RUSTUP_TOOLCHAIN=avouch-distribution; else export RUSTUP_TOOLCHAIN=$RUST_VERSION; fi
fi
