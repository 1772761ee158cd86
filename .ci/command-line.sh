#!/usr/bin/env bash
# The program from outside: exit statuses, one clear line, nothing written when refused.
set -uo pipefail
program=$1 postgres=${2:-}
scratch=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$scratch"' EXIT
cd "$scratch"
bad=0
unset ${!AVOUCH_@}
# Whoever uses the default port on this machine is not disturbed.
export AVOUCH_LISTEN=127.0.0.1:0
complaints=()
complain() { printf 'FAILED: %s\n' "$*"; complaints+=("$*"); bad=1; }

# expect STATUS WORDS COMMAND...: that status, one line on standard error with these words.
expect() {
  local status=$1 words=$2 out got; shift 2
  out=$("$@" 2>&1 >/dev/null); got=$?
  [ "$got" = "$status" ] || complain "$* ended with $got, not $status: $out"
  case $out in *"$words"*) ;; *) complain "$* did not say \"$words\": $out" ;; esac
  [ "$status" = 0 ] || [ "$(printf '%s\n' "$out" | grep -vc WARN)" = 1 ] || complain "$* said more than one line: $out"
}
free_port() { node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})'; }

# Refused before anything is written.
expect 2 'there is no profile "nonsense"' "$program" serve --data new --profile nonsense
expect 2 'did you mean "aertous"' "$program" serve --data new --profile aertus
expect 2 'not of the form' "$program" serve --data new --listen nowhere
expect 2 'development, test or production' "$program" serve --data new --environment prod
expect 2 'clock file' "$program" serve --data new --clock-file clock
expect 2 'master key' "$program" serve --data new --environment production --listen 127.0.0.1:0
expect 2 'literal secret is refused' "$program" serve --data new --master-key c2VjcmV0
expect 2 'production needs TLS' env K=x "$program" serve --data new --environment production --master-key env:K
expect 2 'goes when the data goes' env K=x "$program" serve --data new --environment production --master-key env:K --backup-to new/backups
expect 2 'a bucket of its own' env K=x "$program" serve --data new --environment production --master-key env:K --objects s3://one/live --backup-to s3://one/copies
expect 2 'both a certificate' "$program" serve --data new --tls-cert a.pem
expect 2 'cannot be used for TLS' "$program" serve --data new --tls-cert a.pem --tls-key b.pem
expect 2 'postgres://' "$program" serve --data new --database-url mysql://x
expect 2 'without a path' "$program" serve --data new --public-url https://a.example/b
[ ! -e new ] || complain "something was written although the start was refused"
"$program" serve --nonsense >/dev/null 2>&1; [ $? = 2 ] || complain "an unknown option does not end with 2"
printf 'master_key = "c2VjcmV0"\n' >avouch.toml
expect 2 'literal secret is refused' "$program" serve --data new
printf 'listn = "127.0.0.1:1"\n' >avouch.toml
expect 2 'avouch.toml:1:1: unknown field `listn`; did you mean "listen"?' "$program" serve --data new
printf 'database_url = "postgres://a:secret-word@127.0.0.1/x"\n' >avouch.toml
expect 2 'give a reference' "$program" serve --data new
rm avouch.toml
for url in 'postgres://a:secret-word/x@h/d' 'mysql://a:secret-word@h/d' 'postgres://a:secret-word@127.0.0.1:1/d'; do
  out=$("$program" serve --data scratched --database-url "$url" 2>&1); [ $? = 2 ] || complain "$url was not refused"
  case $out in *secret-word*) complain "a password is repeated: $out" ;; esac
done
expect 2 'is not there' env "$program" serve --data new --master-key env:NOT_SET
touch file && expect 2 'cannot be written' "$program" serve --data file --listen 127.0.0.1:0

# A profile with a mistake.
sed 's/purge_days = 90/purge_dayz = 90/' "$OLDPWD/server/profiles/aertous.toml" >bad.toml
cp -r "$OLDPWD/server/profiles/aertous" .
expect 2 'bad.toml:' "$program" serve --data new --profile bad.toml
out=$("$program" profile check bad.toml 2>/dev/null); [ $? = 3 ] || complain "a bad profile does not end the check with 3"
case $out in *'did you mean "purge_days"?'*) ;; *) complain "no suggestion: $out" ;; esac
for profile in aertous stack-aero stratuslog; do "$program" profile check $profile >/dev/null || complain "$profile has errors"; done

# A running server, and the commands beside it.
port=$(free_port)
export AVOUCH_DATA=$scratch/data AVOUCH_LISTEN=127.0.0.1:$port AVOUCH_ENVIRONMENT=test AVOUCH_CLOCK_FILE=$scratch/clock
echo 0 >clock
AVOUCH_MASTERKEY=env:NOTHING "$program" serve >served 2>errors &
server=$!
for _ in $(seq 100); do curl -fs "http://127.0.0.1:$port/readyz" >/dev/null && break; sleep 0.1; done
grep -q 'AVOUCH_MASTERKEY is not a setting.*did you mean "AVOUCH_MASTER_KEY"' errors || complain "a misspelt setting is not told: $(cat errors)"
grep -q $'\033' errors && complain "the log has colours in a file"
grep -q "Open http://127.0.0.1:$port/trust first" served || complain "the server does not say what to open"
expect 2 'stop what listens there' "$program" serve --data other
"$program" tick >tick.out || complain "tick failed"
node -e 'for (const line of require("fs").readFileSync("tick.out","utf8").trim().split("\n")) JSON.parse(line)' || complain "tick prints something else than JSON lines"
"$program" selftest --json >selftest.out; [ $? = 0 ] || complain "selftest found something failing: $(cat selftest.out)"
node -e 'const t=JSON.parse(require("fs").readFileSync("selftest.out"));if(!t.running_server||t.checks.length<10)process.exit(1)' || complain "selftest did not look at the running server"
"$program" evidence add --claim P060 --date 2026-01-02 --note tested >/dev/null || complain "evidence was refused"
record=$("$program" evidence add --claim P060 --date 2026-01-03 --note wrong | awk '{print $2}')
expect 2 'say why' "$program" evidence withdraw "$record" --reason ' '
expect 2 'no such record' "$program" evidence withdraw nonsense --reason typo
"$program" evidence withdraw "$record" --reason 'another year' >/dev/null || complain "evidence cannot be withdrawn"
expect 2 'withdrawn already' "$program" evidence withdraw "$record" --reason again
"$program" evidence list | grep -q "$record P060 of 2026-01-03 withdrawn .*another year" || complain "withdrawn evidence is not listed"
expect 2 'rests on a control' "$program" evidence add --claim P065 --date 2026-01-02
expect 2 'not of stratuslog' "$program" evidence add --profile stratuslog --claim P161 --date 2026-01-02
expect 2 'not of stratuslog' "$program" selftest --profile stratuslog
# Another profile is refused by whatever would open the data, and by a start before it listens for anybody.
for command in 'serve --listen 127.0.0.1:0 --accept-unavailable' 'audit verify' 'migrate' 'backup --to copies' 'keys list'; do
  expect 2 'not of stratuslog' "$program" $command --profile stratuslog
done
expect 2 'is not a date' "$program" evidence add --claim P060 --date yesterday
expect 2 'neither a note nor a file' "$program" evidence add --claim P060 --date 2026-01-02
expect 2 'look at the year' "$program" evidence add --claim P060 --date 1026-01-02 --note tested
expect 2 'mandatory' "$program" control off transport/tls --reason x
expect 2 'did you mean "web-hygiene/rate-limits"' "$program" control off web-hygiene/rate-limit --reason x
"$program" audit verify >/dev/null || complain "the logs do not hold"
"$program" doctor >doctor.out || complain "the doctor found trouble: $(cat doctor.out)"
grep -q 'MiB are free' doctor.out && grep -q 'opens this data' doctor.out || complain "the doctor tells neither disk nor key: $(cat doctor.out)"
# What is there and would not work is trouble.
head -c 32 /dev/urandom | base64 >other.key
diagnose() {
  local words=$1 out; shift
  out=$("$@" doctor 2>&1); [ $? = 3 ] || complain "$* doctor does not end with 3: $out"
  case $out in *"$words"*) ;; *) complain "$* doctor did not say \"$words\": $out" ;; esac
}
diagnose 'not the one that this data was sealed with' "$program" --master-key file:other.key
diagnose 'cannot be reached' "$program" --mail smtp://127.0.0.1:1
diagnose 'no letter can be written' "$program" --mail dir:/proc/nowhere
diagnose '/proc/nowhere' "$program" --backup-to /proc/nowhere
diagnose 'did you mean "AVOUCH_DATA"' env AVOUCH_DATTA=x "$program"
if mkdir small && mount -t tmpfs -o size=8m tmpfs small 2>/dev/null; then
  diagnose 'make room' "$program" --data small
  umount small
fi
"$program" keys list | grep -q '^platform  .*in use' || complain "the list of keys does not tell which is in use"
"$program" migrate --status >/dev/null || complain "migrate --status failed"
expect 3 'pending' "$program" migrate --status --data other
expect 2 'there is no database yet' "$program" profile adopt --data other
expect 2 'there is no database yet' "$program" billing standing --organisation acme lapsed --data other
[ ! -e other/avouch.db ] || complain "a command that asks for what is there made a new instance"
expect 2 'not 64 hexadecimal digits' "$program" certificate verify certificate.json --key zz
kill -TERM $server; wait $server; [ $? = 0 ] || complain "SIGTERM does not end with 0"
grep -qiE 'panick|backtrace' errors && complain "the server panicked: $(cat errors)"

# Without a server, a control that fails ends the self-test with 3.
"$program" control off web-hygiene/rate-limits --reason drill >/dev/null
expect 3 'web-hygiene/rate-limits' "$program" selftest
"$program" control on web-hygiene/rate-limits >/dev/null

# Keys and databases that do not fit.
cp data/master.key kept && head -c 32 /dev/urandom | base64 >data/master.key
expect 2 'not the one that this data was sealed with' "$program" serve
cp kept data/master.key
expect 2 'belongs to the environment' "$program" serve --environment development --clock-file ''
rm -f data/avouch.db-*; head -c 9000 /dev/urandom >data/avouch.db
expect 2 'is damaged' "$program" serve

# The same on PostgreSQL.
if [ -n "$postgres" ]; then
  export AVOUCH_DATABASE_URL=$postgres AVOUCH_DATA=$scratch/pg
  # The schedule makes the first backup, and drills it: without one, the checks of both fail.
  "$program" tick >/dev/null || complain "tick fails on PostgreSQL"
  "$program" selftest >/dev/null || complain "selftest fails on PostgreSQL"
  "$program" evidence add --claim P060 --date 2026-01-02 --note tested >/dev/null || complain "evidence was refused on PostgreSQL"
  "$program" audit verify >/dev/null || complain "the logs do not hold on PostgreSQL"
  # What is not adopted is left as it was, and another mode than the profile's is told.
  expect 2 'the serving login is a superuser' "$program" profile adopt --profile stratuslog
  psql -qAt "$postgres" -c "select count(*) from pg_class where relrowsecurity" | grep -q '^0$' || complain "a profile that was not adopted put row security on"
  psql -q "$postgres" -c "alter table membership enable row level security"
  out=$("$program" doctor 2>&1)
  case $out in *'row security is on for membership'*) ;; *) complain "the doctor does not tell another mode: $out" ;; esac
  psql -q "$postgres" -c "alter table membership disable row level security"
  # The serving login owns nothing: it may lengthen the chains and not rewrite them.
  psql -q "$postgres" -c "create role serving login" -c "create database split owner postgres"
  split=${postgres%/*}/split
  AVOUCH_DATABASE_URL=${split/postgres@/serving@} AVOUCH_ADMIN_DATABASE_URL=$split AVOUCH_DATA=$scratch/split "$program" tick >/dev/null || complain "tick fails with a login that owns nothing"
  AVOUCH_DATABASE_URL=${split/postgres@/serving@} AVOUCH_ADMIN_DATABASE_URL=$split AVOUCH_DATA=$scratch/split "$program" selftest >/dev/null || complain "selftest fails with a login that owns nothing"
  psql -q "${split/postgres@/serving@}" -c "update trust_change set reason = 'x'" 2>/dev/null && complain "the serving login can rewrite the history"
  psql -qAt "$split" -c "select count(*) from trust_change" | grep -q '^0$' && complain "nothing was written with a login that owns nothing"
  expect 2 'cannot be opened' "$program" serve --database-url postgres://postgres@127.0.0.1:1/none
fi
# Said again where somebody who reads only the end will find it.
[ $bad = 0 ] || printf 'FAILED: %s\n' "${complaints[@]}"
exit $bad
