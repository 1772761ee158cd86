#!/usr/bin/env bash
# Whether PostgreSQL itself keeps organisations apart in row-level mode: .ci/row-security.sh AVOUCH_BINARY POSTGRES_URL
#
# POSTGRES_URL is a superuser's, postgres://LOGIN@HOST:PORT/DATABASE. A database and logins are made there and dropped again; nothing else
# is touched. Prints TAP; ends with 1 on anything that is not ok, on a wrong plan, and when a login is let in that row security would not hold.
set -uo pipefail
[ $# = 2 ] || { echo "usage: .ci/row-security.sh AVOUCH_BINARY POSTGRES_URL" >&2; exit 2; }
program=$(realpath "$1") postgres=$2
suite=$(cd "$(dirname "$0")/.." && pwd)/server/tests/row_security.sql
scratch=$(mktemp -d)
server=
bad=0
unset ${!AVOUCH_@}
# A name of our own, since the server may be somebody's; Avouch takes plain letters, digits and underscores.
name=avouch_rows_$$
owner=${name}_owner serving=${name}_serving above=${name}_above
word=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')

complain() { printf 'FAILED: %s\n' "$*"; bad=1; }
give_up() { printf 'row-security: %s\n' "$*" >&2; exit 2; }
sql() { psql -XqAt -v ON_ERROR_STOP=1 "$@"; }
# url LOGIN: our database as that login.
url() { printf '%s://%s:%s@%s/%s%s' "$scheme" "$1" "$word" "$host" "$name" "$options"; }
clean() {
  [ -z "$server" ] || kill "$server" 2>/dev/null
  sql "$postgres" -c "drop database if exists $name with (force)" -c "drop role if exists $above, $serving, $owner" >/dev/null 2>&1
  rm -rf "$scratch"
}

case $postgres in *://*@*/*) ;; *) give_up "the server is given as postgres://LOGIN@HOST:PORT/DATABASE" ;; esac
scheme=${postgres%%://*}
place=${postgres##*@}
host=${place%%/*}
options=
case $place in *\?*) options=\?${place#*\?} ;; esac
superuser=${postgres%@*}@$host/$name$options

[ "$(sql "$postgres" -c "select rolsuper from pg_roles where rolname = current_user" 2>&1)" = t ] || give_up "the server does not answer, or the login is no superuser's"
[ "$(sql "$postgres" -c "select count(*) from pg_available_extensions where name = 'pgtap'")" = 1 ] || give_up "the server has no pgTAP; run .ci/setup.sh test"
trap clean EXIT
cd "$scratch" || exit 2

sql "$postgres" <<ROLES || give_up "the database and its logins could not be made"
set client_min_messages = warning;
create role $owner login nosuperuser nobypassrls nocreatedb nocreaterole password '$word';
create role $serving login nosuperuser nobypassrls nocreatedb nocreaterole password '$word';
create role $above login nosuperuser bypassrls nocreatedb nocreaterole password '$word' in role $serving;
create database $name owner $owner;
ROLES

# The program makes the tables as the owner, and serves as somebody who owns nothing.
export AVOUCH_PROFILE=stratuslog AVOUCH_ENVIRONMENT=test AVOUCH_DATA=$scratch/data AVOUCH_LISTEN=127.0.0.1:0
AVOUCH_ADMIN_DATABASE_URL=$(url "$owner")
AVOUCH_DATABASE_URL=$(url "$serving")
export AVOUCH_ADMIN_DATABASE_URL AVOUCH_DATABASE_URL
"$program" migrate >"$scratch/migrated" 2>&1 || { cat "$scratch/migrated"; complain "avouch migrate ended with an error"; exit 1; }

# refused WORDS URL: avouch serve with this login ends with 2 and one line that has these words.
refused() {
  local words=$1 out got
  out=$(AVOUCH_DATABASE_URL=$2 timeout 30 "$program" serve 2>&1 >/dev/null); got=$?
  [ "$got" = 2 ] || complain "serving as a login that $words ended with $got, not 2 (124 is: it went on serving)"
  case $out in *"the serving login $words"*) ;; *) complain "\"the serving login $words\" was not said: $out" ;; esac
  [ "$(printf '%s\n' "$out" | grep -vc WARN)" = 1 ] || complain "more than one line was said: $out"
  case $out in *"$word"*) complain "a password is repeated: $out" ;; esac
}
refused 'owns tables' "$(url "$owner")"
refused 'is a superuser' "$superuser"
refused 'has BYPASSRLS' "$(url "$above")"

# The login that is meant for it is let in, so those were not refused for something else.
port=$(node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')
AVOUCH_LISTEN=127.0.0.1:$port "$program" serve >served 2>errors &
server=$!
for _ in $(seq 100); do curl -fs "http://127.0.0.1:$port/readyz" >/dev/null && break; sleep 0.1; done
curl -fs "http://127.0.0.1:$port/readyz" >/dev/null || complain "the serving login was not let in: $(cat errors)"
kill -TERM $server 2>/dev/null; wait $server
server=

# Two organisations with a row in every table, by the catalog: a value is made from table, column and organisation, and a column that
# points somewhere has the value that is made there. A superuser does it: row security would hold the owner.
sql "$superuser" <<'ROWS' || give_up "the tables could not be filled"
create function pg_temp.made(of_table oid, number int2, tenant uuid, nth int) returns text language plpgsql as $$
declare
  a pg_attribute;
  kind text;
  target record;
  seed text := md5(format('%s/%s/%s', tenant, of_table::regclass, number));
begin
  select * into a from pg_attribute where attrelid = of_table and attnum = number;
  if a.attname = 'tenant_id' or (of_table = 'organisation'::regclass and a.attname = 'id') then return tenant; end if;
  select f.confrelid, f.confkey[array_position(f.conkey, number)] as number into target
    from pg_constraint f where f.contype = 'f' and f.conrelid = of_table and number = any (f.conkey) limit 1;
  if found and target is distinct from row(of_table, number) then return pg_temp.made(target.confrelid, target.number, tenant, nth); end if;
  kind := format_type(a.atttypid, null);
  return case
    when kind = 'uuid' then seed
    when kind in ('smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision') then nth::text
    when kind in ('text', 'character varying', 'character') then left(seed, coalesce(nullif(a.atttypmod, -1) - 4, 32))
    when kind = 'bytea' then '\x' || seed
    when kind = 'boolean' then 'true'
    when kind = 'date' or kind like 'timestamp%' then '2026-01-01'
    when kind in ('json', 'jsonb') then '{}'
    else format('no value is known for the type %s of %s.%s', kind, of_table::regclass, a.attname)
  end;
end $$;
create temp table waiting as
  select c.oid as of_table, o.tenant, o.nth
  from pg_class c, (values (1, '018f3c1e-7a2b-7c3d-8e4f-5a6b7c8d9e01'::uuid), (2, '018f3c1e-7a2b-7c3d-8e4f-5a6b7c8d9e02')) o (nth, tenant)
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname <> 'seaql_migrations';
do $$
declare
  next record;
  before bigint;
  made jsonb;
begin
  loop
    select count(*) into before from waiting;
    exit when before = 0;
    for next in select * from waiting loop
      select jsonb_object_agg(attname, pg_temp.made(attrelid, attnum, next.tenant, next.nth)) into made
        from pg_attribute where attrelid = next.of_table and attnum > 0 and not attisdropped and attgenerated = '';
      begin
        -- The one row of a table that has only one is there already.
        execute format('insert into %1$s overriding system value select * from jsonb_populate_record(null::public.%1$s, $1) on conflict do nothing', next.of_table::regclass) using made;
        delete from waiting where of_table = next.of_table and tenant = next.tenant;
      exception when foreign_key_violation then
        null; -- What it points to comes later.
      end;
    end loop;
    if before = (select count(*) from waiting) then
      raise exception 'these point to nothing that could be made: %', (select string_agg(distinct of_table::regclass::text, ', ') from waiting);
    end if;
  end loop;
end $$;
ROWS

sql -v serving="$serving" -v owner="$owner" -f "$suite" "$superuser" | tee tap
[ "${PIPESTATUS[0]}" = 0 ] || complain "the suite did not come to its end"
planned=$(sed -n 's/^1\.\.\([0-9]*\)$/\1/p' tap)
ran=$(grep -cE '^(not )?ok ' tap)
[ -n "$planned" ] && [ "$ran" = "$planned" ] || complain "$ran of ${planned:-no} planned tests ran"
grep -q '^not ok ' tap && complain "$(grep -c '^not ok ' tap) of $ran tests are not ok"
exit $bad
