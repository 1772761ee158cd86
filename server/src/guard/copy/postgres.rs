//! PostgreSQL: pg_dump and pg_restore, its own tools. The rows are summed in the very snapshot that is dumped.

use std::path::Path;
use std::process::Stdio;

use futures::StreamExt;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection, PgRow};
use sea_orm::sqlx::{self, AssertSqlSafe, Connection, Row};

use super::{Contents, Copied, CopyError, KEYS, LogEnd, ORGANISATIONS, RowSum, TableSum, WrappedKey};

pub(super) async fn copy_all(admin_url: &str, folder: &Path, own: bool) -> Result<Vec<Copied>, CopyError> {
    std::fs::create_dir_all(folder.join("postgres"))?;
    let mut copied = vec![copy(admin_url, folder, "platform").await?];
    if own {
        let mut platform = connect(admin_url).await?;
        let rows = query(&mut platform, ORGANISATIONS).await?;
        for row in rows {
            let location: String = row.try_get(0)?;
            copied.push(copy(&at(admin_url, &location)?, folder, &location).await?);
        }
        platform.close().await?;
    }
    Ok(copied)
}

/// The same server, another database.
pub(super) fn at(url: &str, database: &str) -> Result<String, CopyError> {
    let (scheme, rest) = url.split_once("://").ok_or(CopyError::Address)?;
    let (place, query) =
        rest.split_once('?').map_or((rest, String::new()), |(place, query)| (place, format!("?{query}")));
    let (login, server) = place.rsplit_once('@').map_or(("", place), |(login, server)| (login, server));
    let host = server.split('/').next().unwrap_or_default();
    let at = if login.is_empty() { "" } else { "@" };
    Ok(format!("{scheme}://{login}{at}{host}/{database}{query}"))
}

async fn connect(url: &str) -> Result<PgConnection, CopyError> {
    let options: PgConnectOptions = url.parse().map_err(|_| CopyError::Address)?;
    Ok(PgConnection::connect_with(&options).await?)
}

async fn run(connection: &mut PgConnection, sql: &str) -> Result<(), CopyError> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await?;
    Ok(())
}

async fn query(connection: &mut PgConnection, sql: &str) -> Result<Vec<PgRow>, CopyError> {
    Ok(sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await?)
}

pub(super) async fn statement(url: &str, sql: &str) -> Result<(), CopyError> {
    let mut connection = connect(url).await?;
    run(&mut connection, sql).await?;
    Ok(connection.close().await?)
}

/// What every look has in common, so that the same row is written the same way. Without row security: filtered, it would be an error and not
/// a smaller table.
const LOOK: &str = "begin isolation level repeatable read read only; set local row_security = off; set local bytea_output = hex; \
     set local datestyle = 'ISO'; set local timezone = 'UTC'; set local extra_float_digits = 1";

async fn copy(url: &str, folder: &Path, stem: &str) -> Result<Copied, CopyError> {
    let name = format!("postgres/{stem}.dump");
    let file = folder.join(&name);
    let mut connection = connect(url).await?;
    run(&mut connection, LOOK).await?;
    let snapshot: String =
        query(&mut connection, "select pg_export_snapshot()").await?.first().ok_or(CopyError::Address)?.try_get(0)?;
    let snapshot = format!("--snapshot={snapshot}");
    let exclude = format!("--exclude-table-data=public.{KEYS}");
    // What is sealed does not compress.
    let options = ["--format=custom", "--compress=0", "--no-owner", "--no-privileges", &snapshot, &exclude, "--file"];
    let (dumped, contents) = tokio::join!(tool("pg_dump", url, &options, Some(&file), None), contents(&mut connection));
    dumped?;
    let contents = contents?;
    connection.close().await?;
    Ok(Copied { name, file, contents })
}

/// Runs one of PostgreSQL's programs. The password goes in its environment: what stands on a command line, everybody on the machine sees.
async fn tool(
    tool: &'static str,
    url: &str,
    options: &[&str],
    output: Option<&Path>,
    input: Option<&Path>,
) -> Result<(), CopyError> {
    let address = url::Url::parse(url).map_err(|_| CopyError::Address)?;
    let plain = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let mut bare = address.clone();
    bare.set_password(None).map_err(|()| CopyError::Address)?;
    let mut command = tokio::process::Command::new(tool);
    command.args(options).args(output).arg("--dbname").arg(bare.as_str()).args(input);
    if let Some(password) = address.password() {
        command.env("PGPASSWORD", plain(password));
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let ran = match command.output().await {
        Ok(ran) => ran,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(CopyError::NoTool(tool)),
        Err(error) => return Err(error.into()),
    };
    if ran.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ran.stderr).lines().next().unwrap_or_default().to_owned();
    Err(CopyError::Tool { tool, said })
}

pub(super) async fn look(url: &str) -> Result<Contents, CopyError> {
    let mut connection = connect(url).await?;
    run(&mut connection, LOOK).await?;
    let found = contents(&mut connection).await?;
    connection.close().await?;
    Ok(found)
}

async fn contents(connection: &mut PgConnection) -> Result<Contents, CopyError> {
    let names = "select tablename::text from pg_tables where schemaname = 'public' order by tablename";
    let names = texts(&query(connection, names).await?)?;
    let mut tables = Vec::new();
    for name in names.into_iter().filter(|name| name != KEYS) {
        tables.push(sum(connection, name).await?);
    }
    let has = |table: &str| tables.iter().any(|known| known.name == table);
    let mut heads = Vec::new();
    if has("log_head") {
        let sql = "select replace(tenant_id::text, '-', ''), seq, encode(hash, 'hex') from log_head order by tenant_id";
        heads.extend(ends(&query(connection, sql).await?)?);
    }
    if has("platform_entry") {
        let sql = "select 'platform', seq, hash from platform_entry order by seq desc limit 1";
        heads.extend(ends(&query(connection, sql).await?)?);
    }
    let schema = texts(&query(connection, "select version::text from seaql_migrations order by version").await?)?;
    Ok(Contents { schema, tables, heads })
}

fn texts(rows: &[PgRow]) -> Result<Vec<String>, CopyError> {
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

fn ends(rows: &[PgRow]) -> Result<Vec<LogEnd>, CopyError> {
    let end = |row: &PgRow| Ok(LogEnd { log: row.try_get(0)?, seq: row.try_get(1)?, hash: row.try_get(2)? });
    Ok(rows.iter().map(end).collect::<Result<_, sqlx::Error>>()?)
}

/// Each line that COPY writes is one row: line breaks inside a value are escaped.
async fn sum(connection: &mut PgConnection, name: String) -> Result<TableSum, CopyError> {
    let mut lines = connection.copy_out_raw(&format!("copy (select * from \"{name}\") to stdout")).await?;
    let (mut sum, mut carried) = (RowSum::default(), Vec::new());
    while let Some(bytes) = lines.next().await {
        let bytes = bytes?;
        let mut rest = bytes.as_ref();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end);
            if carried.is_empty() {
                sum.add(line);
            } else {
                carried.extend_from_slice(line);
                sum.add(&carried);
                carried.clear();
            }
            rest = &after[1..];
        }
        carried.extend_from_slice(rest);
    }
    drop(lines);
    Ok(sum.named(name))
}

pub(super) async fn refuse_unless_empty(url: &str) -> Result<(), CopyError> {
    let mut connection = connect(url).await?;
    let sql = "select count(*) from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'";
    let tables: i64 = query(&mut connection, sql).await?.first().ok_or(CopyError::Address)?.try_get(0)?;
    connection.close().await?;
    if tables == 0 { Ok(()) } else { Err(CopyError::NotEmpty("the database".into())) }
}

/// Logins and databases are of the whole cluster, whichever of its databases is asked.
pub(super) async fn refuse_if_taken(url: &str, names: Vec<String>) -> Result<(), CopyError> {
    let mut connection = connect(url).await?;
    let taken = sqlx::query(
        "select wanted.name from unnest($1::text[]) as wanted (name) where wanted.name in \
         (select rolname::text from pg_roles union all select datname::text from pg_database) limit 1",
    )
    .bind(names)
    .fetch_optional(&mut connection)
    .await?;
    connection.close().await?;
    taken.map_or(Ok(()), |row| Err(CopyError::Taken(row.try_get(0)?)))
}

pub(super) async fn fill(url: &str, dump: &Path) -> Result<(), CopyError> {
    let options = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"];
    tool("pg_restore", url, &options, None, Some(dump)).await
}

pub(super) async fn put_keys(url: &str, keys: &[WrappedKey]) -> Result<(), CopyError> {
    let mut connection = connect(url).await?;
    run(&mut connection, "begin").await?;
    for key in keys {
        let wrapped = crate::crypto::unhex(&key.wrapped).ok_or(CopyError::Address)?;
        sqlx::query("insert into data_key (id, owner, environment, wrapped, made_at_ms) values ($1, $2, $3, $4, $5)")
            .bind(key.id)
            .bind(&key.owner)
            .bind(&key.environment)
            .bind(wrapped)
            .bind(key.made_at_ms)
            .execute(&mut connection)
            .await?;
    }
    run(&mut connection, "commit").await?;
    Ok(connection.close().await?)
}
