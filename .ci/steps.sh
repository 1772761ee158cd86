# Sourced by the scripts that check: runs steps, counts, and says what came of each.

passed=0 failed=0 skipped=0 postgres_url= postgres_folder=

heading() { printf '\n== %s\n' "$*"; }

# step NAME COMMAND...: one check, passed or failed. Status 77 means skipped, with a reason in its output.
step() {
  local name=$1; shift
  heading "$name"
  "$@"
  case $? in
  0) passed=$((passed + 1)) ;;
  77) skipped=$((skipped + 1)); printf '-- skipped: %s\n' "$name" ;;
  *) failed=$((failed + 1)); printf -- '-- FAILED: %s\n' "$name" ;;
  esac
}

# Every build leaves another few hundred megabytes of our own crates behind, and a full disk fails a check for a
# reason that is not the code's. What libraries were compiled to stays; only ours is compiled again.
make_room() {
  local free
  free=$(df -Pk "$CARGO_TARGET_DIR" 2>/dev/null | awk 'NR == 2 { print int($4 / 1048576) }')
  [ "${free:-99}" -lt 20 ] || return 0
  printf 'room: %s GiB free on the disk, so what earlier builds of this project left is removed\n' "$free" >&2
  rm -rf "$CARGO_TARGET_DIR"/*/incremental
  cargo metadata --no-deps --format-version 1 | node -e '
    for (const p of JSON.parse(require("fs").readFileSync(0)).packages) console.log("-p", p.name)' | xargs cargo clean --quiet
}

# tests NAME COMMAND...: a nextest run, each of whose tests counts.
tests() {
  local name=$1 out status ran bad; shift
  heading "$name"
  out=$log/nextest
  "$@" --status-level fail --final-status-level fail 2>&1 | tee "$out"
  status=${PIPESTATUS[0]}
  ran=$(grep -oE '[0-9]+ passed' "$out" | tail -1 | grep -oE '[0-9]+'); bad=$(grep -E 'Summary' "$out" | grep -oE '[0-9]+ (failed|timed out)' | grep -oE '[0-9]+' | paste -sd+ | bc)
  passed=$((passed + ${ran:-0})) failed=$((failed + ${bad:-0}))
  if [ "$status" -ne 0 ] && [ "${bad:-0}" = 0 ] || [ "${ran:-0}" = 0 ]; then
    failed=$((failed + 1)); printf -- '-- FAILED: %s\n' "$name"
  fi
}

# journeys NAME: the browser's tests against the release build.
journeys() {
  local out=$PWD/end2end/results/results.json counts
  heading "$1"
  rm -f "$out"
  (cd end2end && AVOUCH_BIN=$CARGO_TARGET_DIR/release/avouch npx --no-install playwright test)
  counts=$(node -e 'const s=JSON.parse(require("fs").readFileSync(process.argv[1])).stats;console.log(s.expected+s.flaky,s.unexpected,s.skipped)' "$out" 2>/dev/null) || counts="0 1 0"
  set -- $counts
  [ "$1" -gt 0 ] || set -- 0 1 0
  passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

finish() {
  printf '\n'
  if [ "$skipped" -gt 0 ]; then printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"; else printf '%s passed, %s failed\n' "$passed" "$failed"; fi
  [ "$failed" -eq 0 ]
}

# What the browser downloads must not drag in what only the server needs.
wasm_graph_is_clean() {
  local found
  found=$(cargo tree -p avouch --features hydrate --no-default-features --target wasm32-unknown-unknown -e normal,no-proc-macro --prefix none |
    awk '{print $1}' | sort -u | grep -xE 'tokio|axum|sqlx.*|sea-orm.*|rand|getrandom|hyper|server|migrations|rustls|ring|aes-gcm')
  [ -z "$found" ] || { printf 'in the WASM graph: %s\n' "$found"; return 1; }
}

# 100 kB with brotli: one island is 65, a page of four forms 121 (measured); there is none yet.
wasm_is_small() {
  local file size
  file=$(ls "$CARGO_TARGET_DIR"/release/site/pkg/*.wasm 2>/dev/null | head -1)
  [ -n "$file" ] || { echo "there is no .wasm"; return 1; }
  size=$(node -e 'const z=require("zlib"),f=require("fs");console.log(z.brotliCompressSync(f.readFileSync(process.argv[1])).length)' "$file")
  printf '%s bytes with brotli, of 100000 allowed\n' "$size"
  [ "$size" -le 100000 ]
}

# Files are one to two hundred lines; past 450 one is a place to cut.
long_files() {
  local long
  long=$(git ls-files '*.rs' | xargs wc -l | awk '$2 != "total" && $1 > 450 {print $1, $2}')
  [ -z "$long" ] || { printf 'too long:\n%s\n' "$long"; return 1; }
}

dependencies() {
  local config=$log/deny.toml copy name said deny=(cargo deny --workspace --offline --config "$log/deny.toml")
  if [ -z "${AVOUCH_ADVISORIES:-}" ]; then
    if timeout 60 cargo deny --workspace fetch db >/dev/null 2>&1; then cargo deny --workspace check; return; fi
    echo "the live advisories cannot be reached; set AVOUCH_ADVISORIES to a copy"
    cargo deny --workspace check bans licenses sources || return 1
    return 77
  fi
  sed "s|^\[advisories\]|&\ndb-path = \"$log/advisories\"|" deny.toml >"$config"
  # cargo-deny looks at every platform's crates; a build fetches this one's only.
  cargo fetch --quiet --locked || return 1
  # cargo-deny reads a checkout under a name of its own; it tells the name when the checkout is not there.
  said=$("${deny[@]}" check advisories 2>&1)
  name=$(grep -oE 'advisory-db-[0-9a-f]+' <<<"$said" | head -1)
  [ -n "$name" ] || { printf 'cargo-deny did not name its checkout:\n%s\n' "$said"; return 1; }
  copy=$log/advisories/$name
  mkdir -p "$log/advisories" && cp -r "$AVOUCH_ADVISORIES" "$copy" && chmod -R u+w "$copy"
  git -C "$copy" init -q && git -C "$copy" add -A && git -C "$copy" -c user.name=x -c user.email=x@localhost commit -qm snapshot || return 1
  "${deny[@]}" check
}

# A PostgreSQL of our own, on a free port, in a scratch folder. Tests do not wait for the disk; `on` measures as it is used.
start_postgres() {
  local bin port fsync=${1:-off} as=()
  bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
  postgres_folder=$(mktemp -d)
  port=$(node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')
  if [ "$(id -u)" = 0 ]; then chown postgres "$postgres_folder"; as=(runuser -u postgres --); fi
  (
    cd / || exit 1
    "${as[@]}" "$bin/initdb" -D "$postgres_folder/data" -U postgres -A trust --no-sync >/dev/null &&
      "${as[@]}" "$bin/pg_ctl" -D "$postgres_folder/data" -w -o "-p $port -k $postgres_folder -c listen_addresses=127.0.0.1 -c fsync=$fsync -c max_connections=200" -l "$postgres_folder/log" start >/dev/null
  ) || { echo "PostgreSQL did not start"; return 1; }
  postgres_url=postgres://postgres@127.0.0.1:$port/postgres
}

stop_postgres() {
  local bin as=()
  [ -n "$postgres_folder" ] && [ -d "$postgres_folder/data" ] || return 0
  bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
  [ "$(id -u)" = 0 ] && as=(runuser -u postgres --)
  (cd / && "${as[@]}" "$bin/pg_ctl" -D "$postgres_folder/data" -m immediate stop >/dev/null 2>&1)
  rm -rf "$postgres_folder"
}
