-- Row-level mode: whether PostgreSQL itself keeps organisations apart, whatever the program asks for (pgTAP).
--
-- For a database that was made for this and in which two organisations have rows in every tenant table; .ci/row-security.sh makes one.
-- As a superuser: psql -XqAt -v serving=LOGIN -v owner=LOGIN -f server/tests/row_security.sql
-- What it prints is TAP; whoever reads it compares the lines with the plan, since pgTAP's own count goes with what is rolled back here.
--
-- No tenant table is named here: they are what has a column tenant_id, so a new one is looked at without a change to this file.

\set ON_ERROR_STOP on
set client_min_messages = warning;
set lc_messages = 'C';
-- pgTAP brings views of its own, so it stays out of the schema that is looked at.
create schema tap;
create extension pgtap schema tap;
grant usage on schema tap to public;
set search_path = public, tap;

-- What may differ from the rules, and why. One that nothing needs any more is a failure.
create temp table exempt (kind text, what text, reason text, primary key (kind, what));
insert into exempt values
  ('unique', 'environment (location)', 'one database belongs to one organisation, so a location may be there once among all'),
  ('foreign key', 'membership (account_id) -> account (id)', 'a person is no organisation''s row'),
  ('policy', 'membership.own_session', 'where somebody belongs is found before it is known which organisation they ask for'),
  ('policy', 'custom_role.own_session', 'what somebody may is found together with where they belong'),
  ('policy', 'reach.own_session', 'and how far they get'),
  ('function', 'avouch_learn(regclass)', 'it has a table counted for the planner, which only an owner may; it tells nothing and changes no row');

create temp table tenant_table as
  select c.oid, c.oid::regclass::text as name
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p');

create function pg_temp.columns(of_table oid, numbers int2[]) returns text language sql as $$
  select string_agg(coalesce(a.attname, '(expression)'), ', ' order by n.place)
  from unnest(numbers) with ordinality n (number, place)
  left join pg_attribute a on a.attrelid = of_table and a.attnum = n.number
$$;
create function pg_temp.is_exempt(what_kind text, which text) returns boolean language sql as $$
  select exists (select from exempt e where e.kind = what_kind and e.what = which)
$$;

create temp view tenant_policy as
  select t.name, p.polname, p.polpermissive, p.polcmd,
    -- What is read by the tenant or by nothing else, and what is written likewise.
    p.polpermissive and p.polroles = '{0}'
      and (p.polcmd = 'a' or coalesce(pg_get_expr(p.polqual, p.polrelid) ~ 'avouch\.tenant', false))
      and (p.polcmd in ('r', 'd') or coalesce(pg_get_expr(p.polwithcheck, p.polrelid) ~ 'avouch\.tenant', false))
      and concat(pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) !~ 'avouch\.session' as is_the_rule
  from tenant_table t join pg_policy p on p.polrelid = t.oid;
-- Unique indexes, and foreign keys, that do not begin with tenant_id.
create temp view odd_unique as
  select t.name || ' (' || pg_temp.columns(t.oid, string_to_array(i.indkey::text, ' ')::int2[]) || ')' as what
  from tenant_table t join pg_index i on i.indrelid = t.oid and i.indisunique
  where pg_temp.columns(t.oid, array[i.indkey[0]]) <> 'tenant_id';
create temp view odd_foreign_key as
  select format('%s (%s) -> %s (%s)', t.name, pg_temp.columns(t.oid, f.conkey), f.confrelid::regclass, pg_temp.columns(f.confrelid, f.confkey)) as what
  from tenant_table t join pg_constraint f on f.conrelid = t.oid and f.contype = 'f'
  where pg_temp.columns(t.oid, f.conkey[1:1]) <> 'tenant_id'
    or not (pg_temp.columns(f.confrelid, f.confkey[1:1]) = 'tenant_id'
      or (f.confrelid = 'organisation'::regclass and pg_temp.columns(f.confrelid, f.confkey) = 'id' and cardinality(f.conkey) = 1));

-- What is there, as somebody sees it who stands above row security.
create temp table tenant as
  select (array_agg(id order by id))[1] as a, (array_agg(id order by id))[2] as b from organisation;
create function pg_temp.rows_of(name text, whose text) returns text[] language plpgsql as $$
declare found text[];
begin
  execute format('select coalesce(array_agg(r::text order by r::text), ''{}'') from %s r where %s', name, whose) into found;
  return found;
end $$;
create function pg_temp.one_row(name text, whose uuid) returns jsonb language plpgsql as $$
declare found jsonb;
begin
  execute format('select to_jsonb(r) from %s r where tenant_id = %L limit 1', name, whose) into found;
  return found;
end $$;
create temp table sample as
  select t.name, pg_temp.rows_of(t.name, format('tenant_id = %L', a)) as of_a, pg_temp.rows_of(t.name, format('tenant_id = %L', b)) as of_b,
    pg_temp.one_row(t.name, a) as one_of_a, pg_temp.one_row(t.name, b) as one_of_b
  from tenant_table t, tenant;
grant select on tenant_table, exempt, tenant, sample to public;

-- What comes of a statement: how many rows, or the refusal.
create function pg_temp.attempt(statement text) returns text language plpgsql as $$
declare touched bigint;
begin
  execute statement;
  get diagnostics touched = row_count;
  return touched || ' rows';
exception when others then
  return sqlerrm;
end $$;
create function pg_temp.insertion(name text, new_row jsonb) returns text language sql as $$
  select format('insert into %1$s select * from jsonb_populate_record(null::public.%1$s, %2$L)', name, new_row)
$$;

-- Tables of which a narrowed member sees only what they reach, by the catalog. A record's history has no id of its own: it is seen where its
-- record is, and the record of a row that was made up here is nowhere.
create temp table narrowed_table as
  select s.*, of_rows.ids from sample s, tenant,
    lateral (select array[s.one_of_a->>'id'] as ids) of_rows
  where s.one_of_a ? 'id' and exists (select from pg_policy p where p.polrelid = s.name::regclass and p.polname = 'tenant'
    and pg_get_expr(p.polqual, p.polrelid) ~ 'avouch\.reach' and pg_get_expr(p.polwithcheck, p.polrelid) ~ 'avouch\.reach');
grant select on narrowed_table to public;

select plan((32 + 9 * count(*) + 5 * (select count(*) from narrowed_table))::int) from tenant_table;

-- What the catalog says of the tables.
select isnt_empty('select name from tenant_table', 'there are tenant tables');
select is_empty($$
  select t.name from tenant_table t join pg_class c using (oid) where not (c.relrowsecurity and c.relforcerowsecurity)
$$, 'every tenant table has row security, enabled and forced');
select is_empty($$
  select t.name, command from tenant_table t, unnest(array['r', 'a', 'w', 'd']) command
  where not exists (select from tenant_policy p where p.name = t.name and p.is_the_rule and p.polcmd in ('*', command))
    and not (command = 'r' and pg_temp.is_exempt('policy', t.name || '.own_session'))
$$, 'every tenant table has a policy for every command that names avouch.tenant for what is read and for what is written, or shows by the session for a written reason');
select is_empty($$
  select name, polname from tenant_policy
  where polpermissive and not is_the_rule and not (polcmd = 'r' and pg_temp.is_exempt('policy', name || '.' || polname))
$$, 'every other policy only shows, and for a written reason');
select is_empty($$
  select t.name from tenant_table t left join pg_constraint p on p.conrelid = t.oid and p.contype = 'p'
  where pg_temp.columns(t.oid, p.conkey[1:1]) is distinct from 'tenant_id'
$$, 'every primary key of a tenant table begins with tenant_id');
select is_empty($$
  select what from odd_unique where not pg_temp.is_exempt('unique', what)
$$, 'every unique index of a tenant table begins with tenant_id, or is exempt for a written reason');
select is_empty($$
  select what from odd_foreign_key where not pg_temp.is_exempt('foreign key', what)
$$, 'every foreign key of a tenant table stays within the organisation, or is exempt for a written reason');
select is_empty($$
  select conrelid::regclass, conname from pg_constraint
  where contype = 'f' and conrelid not in (select oid from tenant_table)
    and (confrelid = 'organisation'::regclass or confrelid in (select oid from tenant_table))
$$, 'whatever points to an organisation or its rows is a tenant table');
select is_empty($$
  select c.oid::regclass from pg_class c
  where c.relnamespace = 'public'::regnamespace and c.relkind = 'v'
    and not coalesce((select option_value::boolean from pg_options_to_table(c.reloptions) where option_name = 'security_invoker'), false)
$$, 'every view asks with the rights of whoever asks (security_invoker)');
select is_empty($$
  select c.oid::regclass from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'm'
$$, 'nothing is kept in a materialised view, which has no row security');
select is_empty($$
  select p.oid::regprocedure from pg_proc p where p.pronamespace = 'public'::regnamespace and p.prosecdef
    and not pg_temp.is_exempt('function', p.oid::regprocedure::text)
$$, 'no function lends the rights of its owner (security definer)');
select is_empty($$
  select kind, what from exempt where (kind, what) not in (
    select 'unique', what from odd_unique
    union select 'foreign key', what from odd_foreign_key
    union select 'policy', name || '.' || polname from tenant_policy where not is_the_rule
    union select 'function', p.oid::regprocedure::text from pg_proc p where p.pronamespace = 'public'::regnamespace and p.prosecdef)
$$, 'no exemption outlives its use');

-- What the catalog says of the serving login.
select set_config('looked_at.serving', :'serving', false) as serving \gset ignored_
select is_empty($$
  select can from pg_roles, lateral (values ('rolsuper', rolsuper), ('rolbypassrls', rolbypassrls), ('rolreplication', rolreplication),
    ('rolcreaterole', rolcreaterole), ('rolcreatedb', rolcreatedb)) as attribute (can, it_can)
  where rolname = current_setting('looked_at.serving') and it_can
$$, 'the serving login is no superuser, has no BYPASSRLS and nothing that leads there');
select is_empty($$
  select c.relname from pg_class c
  where c.relnamespace = 'public'::regnamespace and pg_has_role(current_setting('looked_at.serving'), c.relowner, 'MEMBER')
  union all
  select p.proname from pg_proc p
  where p.pronamespace = 'public'::regnamespace and pg_has_role(current_setting('looked_at.serving'), p.proowner, 'MEMBER')
$$, 'it owns no table and no function, nor can it become who does');
select is_empty($$
  select rolname from pg_roles
  where rolname <> current_setting('looked_at.serving') and pg_has_role(current_setting('looked_at.serving'), oid, 'MEMBER')
$$, 'it can become nobody else');
select results_eq($$
  select right_to from unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) with ordinality u (right_to, place)
  where has_table_privilege(current_setting('looked_at.serving'), 'entry', right_to) order by place
$$, array['SELECT', 'INSERT', 'DELETE'], 'of the log it may read, lengthen and prune: no UPDATE, no TRUNCATE');
select ok(not has_any_column_privilege(:'serving', 'entry', 'UPDATE'), 'nor may it update a single column of the log');
select is_empty($$
  select t.name, right_to from tenant_table t, unnest(array['TRUNCATE', 'REFERENCES', 'TRIGGER']) right_to
  where has_table_privilege(current_setting('looked_at.serving'), t.oid, right_to)
$$, 'it may empty no tenant table, nor hang a trigger or a key on one: those are not held by row security');
select is_empty($$
  select c.oid::regclass, a.privilege_type from pg_class c, aclexplode(c.relacl) a where c.relnamespace = 'public'::regnamespace and a.grantee = 0
$$, 'everybody else has been given nothing');

-- What happens. Without rows to hide, none of it would say anything.
select ok(cardinality(of_a) > 0 and cardinality(of_b) > 0, name || ': two organisations have rows') from sample order by name;

begin;
set local role :"serving";
select is(pg_temp.rows_of(name, 'true'), '{}', name || ': with no tenant set there are no rows') from sample order by name;
select alike(pg_temp.attempt(pg_temp.insertion(name, one_of_a)), '%row-level security policy%', name || ': with no tenant set nothing comes in')
  from sample order by name;
rollback;

begin;
set local role :"owner";
select is(pg_temp.rows_of(name, 'true'), '{}', name || ': with no tenant set the owner sees no rows either') from sample order by name;
rollback;

begin;
set local role :"serving";
select set_config('avouch.tenant', a::text, true) from tenant \gset ignored_
select is(pg_temp.rows_of(name, 'true'), of_a, name || ': an organisation has its own rows and no others') from sample order by name;
select alike(pg_temp.attempt(pg_temp.insertion(name, one_of_b)), '%row-level security policy%', name || ': a row for another organisation is refused')
  from sample order by name;
select alike(
    pg_temp.attempt(format('update %s set tenant_id = %L', name, b)),
    case when has_table_privilege(name, 'UPDATE') then '%row-level security policy%' else 'permission denied%' end,
    name || ': a row is not handed to another organisation')
  from sample, tenant order by name;
rollback;

-- Everything is tried on the rows of B from within A; then B is looked at from above.
begin;
set local role :"serving";
select set_config('avouch.tenant', a::text, true) from tenant \gset ignored_
create temp table tried on commit drop as
  select name, attempt.statement, pg_temp.attempt(attempt.statement) as outcome
  from sample, tenant, lateral (values
    (format('update %s set tenant_id = tenant_id where tenant_id = %L', name, b)),
    (format('delete from %s where tenant_id = %L', name, b))) as attempt (statement);
select is_empty(
    format($$select statement, outcome from tried where name = %L and outcome <> '0 rows' and outcome not like 'permission denied%%'$$, name),
    name || ': another organisation''s rows cannot be found to be changed or removed')
  from sample order by name;
select count(pg_temp.attempt('delete from ' || name)) from sample \gset ignored_
reset role;
select is(pg_temp.rows_of(name, format('tenant_id = %L', b)), of_b, name || ': removing everything removes nothing of another organisation')
  from sample, tenant order by name;
rollback;

-- The tenant of one transaction is not that of the next on the same connection.
begin;
set local role :"serving";
select set_config('avouch.tenant', a::text, true) from tenant \gset ignored_
commit;
begin;
set local role :"serving";
select is(nullif(current_setting('avouch.tenant', true), ''), null, 'after a commit no tenant is set');
select is_empty($$ select name from sample where pg_temp.rows_of(name, 'true') <> '{}' $$, 'and no table shows a row');
rollback;
begin;
set local role :"serving";
select set_config('avouch.tenant', a::text, true) from tenant \gset ignored_
rollback;
begin;
set local role :"serving";
select is_empty($$ select name from sample where pg_temp.rows_of(name, 'true') <> '{}' $$, 'nor after a rollback');
rollback;

-- A member who reaches only some: the transaction says which, and PostgreSQL shows and takes no others.
select ok(exists (select from narrowed_table where name = 'unit'), 'units are held to what a narrowed member reaches');
begin;
set local role :"serving";
select set_config('avouch.tenant', a::text, true), set_config('avouch.reach', '{}', true) from tenant \gset ignored_
select is(pg_temp.rows_of(name, 'true'), '{}', name || ': who reaches nothing sees nothing') from narrowed_table order by name;
select alike(pg_temp.attempt(pg_temp.insertion(name, jsonb_set(one_of_a, '{id}', to_jsonb(gen_random_uuid())))), '%row-level security policy%',
    name || ': nor makes what they do not reach')
  from narrowed_table order by name;
select is(array[pg_temp.attempt(format('update %s set tenant_id = tenant_id', name)), pg_temp.attempt('delete from ' || name)], array['0 rows', '0 rows'],
    name || ': nor changes or removes anything')
  from narrowed_table order by name;
select set_config('avouch.reach', array_agg(id)::text, true) from narrowed_table, unnest(ids) id \gset ignored_
select is(cardinality(pg_temp.rows_of(name, 'true')), 1, name || ': who reaches one row sees that one') from narrowed_table order by name;
select set_config('avouch.tenant', b::text, true) from tenant \gset ignored_
select is(pg_temp.rows_of(name, 'true'), '{}', name || ': what is reached in one organisation is not reached in another') from narrowed_table order by name;
commit;
begin;
set local role :"serving";
select set_config('avouch.tenant', a::text, true) from tenant \gset ignored_
select is_empty($$ select name from narrowed_table where pg_temp.rows_of(name, 'true') <> of_a $$, 'the next transaction on the connection is not narrowed');
rollback;

-- A session shows where its holder belongs, before it is known which organisation they ask for. It is a way to look and not to act.
begin;
create temp table holder on commit drop as
  select s.id_hash, s.account_id from session s join membership m using (account_id), tenant where m.tenant_id = a limit 1;
grant select on holder to public;
set local role :"serving";
select set_config('avouch.session', id_hash, true) from holder \gset ignored_
select results_eq('select distinct account_id from membership', 'select account_id from holder', 'a session shows its holder''s memberships and nobody else''s');
select is_empty($$
  select name from sample s where pg_temp.rows_of(name, 'true') <> '{}'
    and not exists (select from exempt e where e.kind = 'policy' and e.what like s.name || '.%')
$$, 'and no table but those that are exempt');
select is_empty($$
  select statement, outcome from (
    select statement, pg_temp.attempt(statement) as outcome
    from sample, unnest(array['update ' || name || ' set tenant_id = tenant_id', 'delete from ' || name]) statement) tried
  where outcome <> '0 rows' and outcome not like 'permission denied%'
$$, 'and changes nothing');
select set_config('avouch.tenant', b::text, true) from tenant \gset ignored_
select is_empty($$ select name from sample where pg_temp.rows_of(name, 'true') <> of_b $$, 'once a tenant is named, the session shows nothing beside it');
rollback;

-- The log is written once, and what goes of it is what a signed head covers. Beyond the grants, this holds for the owner.
create function pg_temp.head(whose jsonb, seq bigint) returns text language sql as $$
  select pg_temp.insertion('signed_head', whose || jsonb_build_object('kind', 'pruned', 'seq', seq))
$$;
begin;
set local role :"owner";
select set_config('avouch.tenant', a::text, true) from tenant \gset ignored_
select is(pg_temp.attempt('update entry set at_ms = at_ms'), 'entries are final', 'an entry cannot be changed, not even by the owner');
select is(pg_temp.attempt('delete from entry'), 'entries are kept', 'nor removed');
rollback;
begin;
select pg_temp.attempt(pg_temp.head(one_of_b, 9000)) from sample where name = 'signed_head' \gset others_
set local role :"serving";
select set_config('avouch.tenant', a::text, true) from tenant \gset ignored_
select pg_temp.attempt(pg_temp.head(h.one_of_a, (e.one_of_a->>'seq')::bigint - 1)) from sample h, sample e
  where h.name = 'signed_head' and e.name = 'entry' \gset earlier_
select is(array[:'others_attempt', :'earlier_attempt', pg_temp.attempt('delete from entry')], array['1 rows', '1 rows', 'entries are kept'],
  'neither another organisation''s head nor one of earlier entries lets an entry go');
rollback;
begin;
set local role :"serving";
select set_config('avouch.tenant', a::text, true) from tenant \gset ignored_
select pg_temp.attempt(pg_temp.head(h.one_of_a, (select max(seq) from entry))) from sample h where h.name = 'signed_head' \gset own_
select is(array[:'own_attempt', pg_temp.attempt('delete from entry')], array['1 rows', cardinality(of_a) || ' rows'], 'once a signed head of what was pruned is there, they may go')
  from sample where name = 'entry';
rollback;
