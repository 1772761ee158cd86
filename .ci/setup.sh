#!/usr/bin/env bash
# Installs what is missing, and nothing else: .ci/setup.sh run|test|bench
#
# Every step is skipped when its result is there, says what it does and about how
# long it takes on two cores, and says what to do by hand when it fails.
set -euo pipefail
. "$(dirname "$0")/env.sh"
wanted=${1:-run}
cd "$AVOUCH_ROOT"
mkdir -p "$AVOUCH_CACHE/tools/bin"

say() { printf 'setup: %s\n' "$*" >&2; }
by_hand() { printf 'setup: that did not work. By hand: %s\n' "$*" >&2; exit 2; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# apt NAME... installs the Debian packages that are missing.
apt_fresh=
apt() {
  local missing=() name
  for name in "$@"; do
    dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${missing[*]} from the distribution (about a minute)"
  if [ -z "$apt_fresh" ]; then as_root apt-get update -qq >/dev/null 2>&1 || true; apt_fresh=yes; fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null \
    || by_hand "apt-get install ${missing[*]}"
}

# tool NAME VERSION ARGS... puts a cargo tool of exactly that version into our folder.
tool() {
  local name=$1 version=$2; shift 2
  local stamp=$AVOUCH_CACHE/tools/$name-$version.done
  [ -e "$stamp" ] && return 0
  say "building $name $version (two to six minutes, once)"
  CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0 CARGO_TARGET_DIR=$AVOUCH_CACHE/tools/target \
    cargo install --quiet --debug --force --root "$AVOUCH_CACHE/tools" --version "=$version" "$@" "$name" \
    || by_hand "cargo install --version =$version $* $name"
  touch "$stamp"
}

# npm_in FOLDER installs exactly what the lock file names.
npm_in() {
  local folder=$AVOUCH_ROOT/$1
  local stamp=$folder/node_modules/.from-lock
  cmp -s "$folder/package-lock.json" "$stamp" && return 0
  say "installing the npm packages of $1 (under a minute)"
  (cd "$folder" && npm install --no-save --no-audit --no-fund --loglevel=error >/dev/null) || by_hand "cd $1 && npm install"
  cp "$folder/package-lock.json" "$stamp"
}

# pgTAP for the PostgreSQL that the checks start, which is the newest installed; however it came there.
pgtap() {
  local version
  version=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1 | cut -d/ -f5)
  [ -e "/usr/share/postgresql/$version/extension/pgtap.control" ] || apt "postgresql-$version-pgtap"
}

has_wasm() { [ -d "$("$1" --print sysroot 2>/dev/null)/lib/rustlib/wasm32-unknown-unknown/lib" ]; }

# The distribution ships the compiler and the source of its library; the wasm32
# half of the library is built from that source.
rust_from_distribution() {
  say "building the wasm32 library from the distribution's Rust source (about two minutes, once)"
  apt rustc-web cargo-web rust-web-src rust-web-llvm rust-web-clippy rustfmt-web lld-22
  local scratch sysroot
  scratch=$(mktemp -d)
  sysroot=$(/usr/bin/rustc --print sysroot)
  mkdir -p "$scratch/src"
  printf '[package]\nname = "wasm-std"\nversion = "0.0.0"\nedition = "2021"\n[lib]\ncrate-type = ["cdylib"]\n' >"$scratch/Cargo.toml"
  : >"$scratch/src/lib.rs"
  (cd "$scratch" && env -u RUSTUP_TOOLCHAIN RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc CARGO_TARGET_DIR="$scratch/target" \
    /usr/bin/cargo build --quiet --release -Zbuild-std=std,panic_abort --target wasm32-unknown-unknown) \
    || by_hand "rustup toolchain install $RUST_VERSION --target wasm32-unknown-unknown"
  rm -f "$scratch"/target/wasm32-unknown-unknown/release/deps/libwasm_std*.rlib
  as_root mkdir -p "$sysroot/lib/rustlib/wasm32-unknown-unknown/lib"
  as_root cp "$scratch"/target/wasm32-unknown-unknown/release/deps/*.rlib "$sysroot/lib/rustlib/wasm32-unknown-unknown/lib/"
  rm -rf "$scratch"
  mkdir -p "$AVOUCH_CACHE/toolchain/bin"
  local name
  for name in cargo rustc rustdoc cargo-clippy clippy-driver cargo-fmt rustfmt; do
    ln -sf "/usr/bin/$name" "$AVOUCH_CACHE/toolchain/bin/$name"
  done
  if command -v rustup >/dev/null 2>&1; then rustup toolchain link avouch-distribution /usr; fi
}

rust() {
  if [ -e "$AVOUCH_CACHE/toolchain/bin/rustc" ] && has_wasm "$AVOUCH_CACHE/toolchain/bin/rustc"; then return 0; fi
  if [ "${AVOUCH_RUST:-rustup}" = rustup ] && command -v rustup >/dev/null 2>&1; then
    has_wasm rustc && rustup which cargo-clippy >/dev/null 2>&1 && return 0
    say "asking rustup for Rust $RUST_VERSION with wasm32 (under a minute)"
    RUSTUP_MAX_RETRIES=1 timeout 300 rustup toolchain install "$RUST_VERSION" --no-self-update --profile minimal \
      -c clippy -c rustfmt -t wasm32-unknown-unknown >/dev/null 2>&1 && return 0
    say "rustup could not bring it; taking the distribution's"
  fi
  rust_from_distribution
  . .ci/env.sh
}

apt build-essential pkg-config lld curl ca-certificates
command -v npm >/dev/null 2>&1 || apt nodejs npm
rust
tool wasm-bindgen-cli "$WASM_BINDGEN_VERSION"
tool cargo-leptos "$CARGO_LEPTOS_VERSION" --locked --no-default-features --features no_downloads
npm_in .
# cargo-leptos insists on a wasm-opt. Measured, it makes what is sent (brotli) no smaller, so this one hands the file through.
cat >"$AVOUCH_CACHE/tools/bin/wasm-opt" <<'SHIM'
#!/bin/sh
# Hands the input through: "wasm-opt IN … -o OUT".
in= out=
[ "$1" = --version ] && { echo "wasm-opt version 0 (hands through)"; exit 0; }
while [ $# -gt 0 ]; do
  case $1 in
  -o) out=$2; shift ;;
  --output=*) out=${1#*=} ;;
  -*) ;;
  *) in=$1 ;;
  esac
  shift
done
[ "$in" = "$out" ] || cp "$in" "$out"
SHIM
chmod +x "$AVOUCH_CACHE/tools/bin/wasm-opt"

case $wanted in
run) ;;
test | bench)
  apt chromium fonts-dejavu-core postgresql postgresql-contrib openssl
  [ "$(uname)" != Linux ] || command -v strace >/dev/null 2>&1 || apt strace
  pgtap
  command -v python3 >/dev/null 2>&1 || apt python3
  command -v cargo-nextest >/dev/null 2>&1 || tool cargo-nextest "$NEXTEST_VERSION" --locked
  tool cargo-deny "$CARGO_DENY_VERSION" --locked
  npm_in end2end
  ;;&
bench)
  apt nginx-light libnginx-mod-http-brotli-static wrk
  npm_in end2end/bench
  ;;
esac
