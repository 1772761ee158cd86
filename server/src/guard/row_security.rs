//! Row-level mode: PostgreSQL keeps organisations apart, whatever the program asks for. The tenant is set for one transaction; unset means
//! no rows. The serving login is neither owner nor superuser, and row security is forced, so that nobody is above it.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};

use super::database::OpenError;
use super::tables::TENANT_TABLES;

/// The tenant that the transaction named; null, which equals nothing, if it named none.
const HERE: &str = "nullif(current_setting('avouch.tenant', true), '')::uuid";

/// Where somebody belongs is found before it is known which organisation they ask for: by the session that they hold.
const OWN_SESSION: &str =
    "(select s.account_id from session s where s.id_hash = nullif(current_setting('avouch.session', true), ''))";

/// The units and records that the transaction is narrowed to; null if it is not. A selection of its own, which is made once for a
/// statement and not for every row.
const REACH: &str = "(select nullif(current_setting('avouch.reach', true), '')::uuid[])";

/// Whether a row is in reach by one of these columns: its own id, or that of the unit in which it lies.
fn reached(columns: &[&str]) -> String {
    let by: Vec<String> = columns.iter().map(|column| format!("{column} = any ({REACH}::uuid[])")).collect();
    format!("({REACH} is null or {})", by.join(" or "))
}

/// Which rows of a table the transaction may see and write.
fn rule(table: &str) -> String {
    let here = format!("tenant_id = {HERE}");
    match table {
        "unit" => format!("{here} and {}", reached(&["id"])),
        "record" => format!("{here} and {}", reached(&["id", "unit_id"])),
        // The history of a record that is out of reach is so too.
        "record_change" => format!("{here} and ({REACH} is null or record_id in (select r.id from record r))"),
        _ => here,
    }
}

/// By what a row of a table is found for whoever holds the session, before it is known which organisation they ask for.
fn by_session(table: &str) -> Option<String> {
    match table {
        "membership" | "reach" => Some(format!("account_id = {OWN_SESSION}")),
        "custom_role" => {
            Some(format!("tenant_id in (select m.tenant_id from membership m where m.account_id = {OWN_SESSION})"))
        }
        _ => None,
    }
}

/// One policy for everything, or where the session shows rows too, one for each command: it is a way to look and not to act. It is one
/// condition with a branch, because two policies are joined with "or", which PostgreSQL then asks of every row and takes for rare.
fn policies(table: &str) -> Vec<String> {
    let rule = rule(table);
    let policy = |name: &str, rest: &str| format!("create policy {name} on \"{table}\" {rest}");
    let Some(by_session) = by_session(table) else {
        return vec![policy("tenant", &format!("using ({rule}) with check ({rule})"))];
    };
    let once = format!("(select {HERE})");
    let seen = format!("case when {once} is not null then tenant_id = {once} else {by_session} end");
    vec![
        policy("own_session", &format!("for select using ({seen})")),
        policy("tenant_insert", &format!("for insert with check ({rule})")),
        policy("tenant_update", &format!("for update using ({rule}) with check ({rule})")),
        policy("tenant_delete", &format!("for delete using ({rule})")),
    ]
}

/// Every name that a policy of ours has or had.
const NAMES: &[&str] = &["tenant", "own_session", "tenant_insert", "tenant_update", "tenant_delete"];

/// Puts row security on every tenant table, or takes it off: all at once, so that nobody meets a table without its policy.
pub(super) async fn put(admin: &DatabaseConnection, on: bool) -> Result<(), DbErr> {
    let mut statements = Vec::new();
    for table in TENANT_TABLES.iter().map(|table| table.name) {
        statements.extend(NAMES.iter().map(|name| format!("drop policy if exists {name} on \"{table}\"")));
        let (enable, force) = if on { ("enable", "force") } else { ("disable", "no force") };
        statements.push(format!("alter table \"{table}\" {enable} row level security, {force} row level security"));
        if on {
            statements.extend(policies(table));
        }
    }
    let all = super::tenant::view(admin).await?;
    for statement in statements {
        all.execute_raw(Statement::from_string(DbBackend::Postgres, statement)).await?;
    }
    all.commit().await
}

/// Refuses a login that row security would not hold, and a table on which it is not in force.
pub(super) async fn in_force(connection: &DatabaseConnection) -> Result<(), OpenError> {
    if let Some(why) = overpowered(connection).await? {
        return Err(OpenError::Overpowered(why));
    }
    match unsecured(connection).await?.into_iter().next() {
        Some(table) => Err(OpenError::Unsecured(table)),
        None => Ok(()),
    }
}

/// Refuses a database that was brought up for row-level mode: a program that does not count on it would miss rows.
pub(super) async fn off(connection: &DatabaseConnection) -> Result<(), OpenError> {
    match tables(connection, "relrowsecurity").await?.into_iter().next() {
        Some(table) => Err(OpenError::Secured(table)),
        None => Ok(()),
    }
}

/// Why this login stands above row security, if it does.
pub(super) async fn overpowered(connection: &DatabaseConnection) -> Result<Option<&'static str>, DbErr> {
    let ask = |sql: &str| connection.query_one_raw(Statement::from_string(DbBackend::Postgres, sql.to_owned()));
    let role = ask("select rolsuper, rolbypassrls from pg_roles where rolname = current_user").await?;
    if let Some(role) = role {
        if role.try_get_by_index::<bool>(0)? {
            return Ok(Some("is a superuser"));
        }
        if role.try_get_by_index::<bool>(1)? {
            return Ok(Some("has BYPASSRLS"));
        }
    }
    // Whoever may become a role that stands above row security stands above it too.
    let above = ask("select 1 from pg_roles r where (r.rolsuper or r.rolbypassrls) and pg_has_role(current_user, r.oid, 'MEMBER') limit 1").await?;
    if above.is_some() {
        return Ok(Some("may become a role that is above row security"));
    }
    let owned = ask("select 1 from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace and pg_has_role(current_user, relowner, 'MEMBER') limit 1").await?;
    Ok(owned.map(|_| "owns tables"))
}

/// The tenant tables on which row security is not enabled and forced.
pub(super) async fn unsecured(connection: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    tables(connection, "not (relrowsecurity and relforcerowsecurity)").await
}

/// The tenant tables of which the catalogue says this.
async fn tables(connection: &DatabaseConnection, says: &str) -> Result<Vec<String>, DbErr> {
    let list = TENANT_TABLES.iter().map(|table| format!("'{}'", table.name)).collect::<Vec<_>>().join(",");
    let sql = format!(
        "select relname::text from pg_class where relnamespace = 'public'::regnamespace and relname in ({list}) and {says}"
    );
    let rows = connection.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    rows.iter().map(|row| row.try_get_by_index::<String>(0)).collect()
}
