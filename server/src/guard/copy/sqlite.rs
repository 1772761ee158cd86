//! SQLite: its online backup copies all pages within one read transaction, so that writers go on and the copy is of one moment.

use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, params};

use super::{Contents, Copied, CopyError, KEYS, LogEnd, ORGANISATIONS, RowSum, TableSum, WrappedKey};

/// The platform's file.
const PLATFORM: &str = "avouch.db";

/// Tries while a checkpoint holds the file, each a tenth of a second.
const TRIES: u32 = 100;

/// Threads that read one table (measured on two cores: more do not help).
const READERS: i64 = 2;

/// Below this many rows a table is read by one.
const SMALL: i64 = 10_000;

pub(super) fn copy_all(data: &Path, folder: &Path, own: bool) -> Result<Vec<Copied>, CopyError> {
    let mut copied = vec![copy(data, folder, PLATFORM.to_owned())?];
    if own {
        std::fs::create_dir_all(folder.join("organisations"))?;
        for location in locations(&folder.join(PLATFORM))? {
            copied.push(copy(data, folder, format!("organisations/{location}.db"))?);
        }
    }
    Ok(copied)
}

fn locations(platform: &Path) -> Result<Vec<String>, CopyError> {
    let connection = open(platform)?;
    let mut statement = connection.prepare(ORGANISATIONS)?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn copy(data: &Path, folder: &Path, name: String) -> Result<Copied, CopyError> {
    let file = folder.join(&name);
    let source = open(&data.join(&name))?;
    let mut target = Connection::open(&file)?;
    // A copy that a power cut spoils is made again.
    target.pragma_update(None, "synchronous", "OFF")?;
    pages(&source, &mut target)?;
    drop(source);
    strip(&target)?;
    drop(target);
    let contents = look(&file)?;
    Ok(Copied { name, file, contents })
}

fn pages(source: &Connection, target: &mut Connection) -> Result<(), CopyError> {
    let backup = Backup::new(source, target)?;
    for _ in 0..TRIES {
        // All pages in one step: in several, every write in between would begin the copy anew.
        match backup.step(-1)? {
            StepResult::Done => return Ok(()),
            StepResult::More | StepResult::Busy | StepResult::Locked | _ => {
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }
    Err(CopyError::Busy)
}

/// Takes the data keys out of a copy and overwrites where they stood.
fn strip(target: &Connection) -> Result<(), CopyError> {
    // Out of the write-ahead log into one file, without a journal that would keep what is deleted.
    target.pragma_update_and_check(None, "journal_mode", "MEMORY", |_| Ok(()))?;
    target.pragma_update_and_check(None, "secure_delete", "ON", |_| Ok(()))?;
    let has = target.prepare("select 1 from sqlite_master where name = ?1")?.exists([KEYS])?;
    if has {
        target.execute(&format!("delete from {KEYS}"), [])?;
    }
    Ok(())
}

fn open(file: &Path) -> Result<Connection, CopyError> {
    let connection =
        Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    Ok(connection)
}

pub(super) fn look(file: &Path) -> Result<Contents, CopyError> {
    let connection = open(file)?;
    let names: Vec<String> = texts(
        &connection,
        "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by name",
    )?;
    let tables = sums(file, &connection, names.into_iter().filter(|name| name != KEYS))?;
    let has = |table: &str| tables.iter().any(|known| known.name == table);
    let mut heads = Vec::new();
    if has("log_head") {
        heads.extend(ends(
            &connection,
            "select lower(hex(tenant_id)), seq, lower(hex(hash)) from log_head order by tenant_id",
        )?);
    }
    if has("platform_entry") {
        let newest = "select 'platform', seq, hash from platform_entry order by seq desc limit 1";
        heads.extend(ends(&connection, newest)?);
    }
    let schema = texts(&connection, "select version from seaql_migrations order by version")?;
    Ok(Contents { schema, tables, heads })
}

fn texts(connection: &Connection, sql: &str) -> Result<Vec<String>, CopyError> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn ends(connection: &Connection, sql: &str) -> Result<Vec<LogEnd>, CopyError> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok(LogEnd { log: row.get(0)?, seq: row.get(1)?, hash: row.get(2)? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Reads every table. One whose key is the table can only be read in one go: those are read by a thread of their own, beside the others.
fn sums(file: &Path, connection: &Connection, names: impl Iterator<Item = String>) -> Result<Vec<TableSum>, CopyError> {
    let (mut keyed, mut others) = (Vec::new(), Vec::new());
    for name in names {
        let wr: i64 =
            connection.query_row("select wr from pragma_table_list where name = ?1", [&name], |row| row.get(0))?;
        if wr == 1 { keyed.push(name) } else { others.push(name) }
    }
    let in_one_go = || -> Result<Vec<TableSum>, CopyError> {
        let connection = open(file)?;
        let of = |name: String| Ok(rows_sum(&connection, &format!("select * from \"{name}\""), [])?.named(name));
        keyed.into_iter().map(of).collect()
    };
    let mut tables = std::thread::scope(|scope| {
        let beside = scope.spawn(in_one_go);
        let here: Result<Vec<_>, _> = others.into_iter().map(|name| sum(file, connection, name)).collect();
        let broken = |_| CopyError::Files(std::io::Error::other("a reader broke"));
        let mut tables = beside.join().map_err(broken)??;
        tables.extend(here?);
        Ok::<_, CopyError>(tables)
    })?;
    tables.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(tables)
}

/// Reads a table, a large one by several threads with a range of rows each.
fn sum(file: &Path, connection: &Connection, name: String) -> Result<TableSum, CopyError> {
    let range = format!("select min(rowid), max(rowid) from \"{name}\"");
    let range: (Option<i64>, Option<i64>) = connection.query_row(&range, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (Some(first), Some(last)) = range else { return Ok(RowSum::default().named(name)) };
    let span = last.saturating_sub(first);
    if span < SMALL {
        return Ok(range_sum(connection, &name, first, last)?.named(name));
    }
    let step = span / READERS + 1;
    let parts: Vec<Result<RowSum, CopyError>> = std::thread::scope(|scope| {
        let begun: Vec<_> = (0..READERS)
            .map(|which| {
                let from = first.saturating_add(step.saturating_mul(which));
                let (to, name) = (from.saturating_add(step - 1).min(last), name.as_str());
                scope.spawn(move || range_sum(&open(file)?, name, from, to))
            })
            .collect();
        let broken = |_| CopyError::Files(std::io::Error::other("a reader broke"));
        begun.into_iter().map(|reader| reader.join().map_err(broken)?).collect()
    });
    let mut whole = RowSum::default();
    for part in parts {
        whole.merge(&part?);
    }
    Ok(whole.named(name))
}

fn range_sum(connection: &Connection, name: &str, from: i64, to: i64) -> Result<RowSum, CopyError> {
    rows_sum(connection, &format!("select * from \"{name}\" where rowid between ?1 and ?2"), [from, to])
}

fn rows_sum(connection: &Connection, sql: &str, values: impl rusqlite::Params) -> Result<RowSum, CopyError> {
    let mut statement = connection.prepare(sql)?;
    let columns = statement.column_count();
    let (mut sum, mut row_bytes) = (RowSum::default(), Vec::with_capacity(1024));
    let mut rows = statement.query(values)?;
    while let Some(row) = rows.next()? {
        row_bytes.clear();
        for column in 0..columns {
            encode(row.get_ref(column)?, &mut row_bytes);
        }
        sum.add(&row_bytes);
    }
    Ok(sum)
}

/// Kind, length, bytes: no two rows share an encoding.
fn encode(value: ValueRef<'_>, into: &mut Vec<u8>) {
    let (kind, bytes): (u8, &[u8]) = match value {
        ValueRef::Null => (0, &[]),
        ValueRef::Integer(number) => {
            into.push(1);
            into.extend(number.to_be_bytes());
            return;
        }
        ValueRef::Real(number) => {
            into.push(2);
            into.extend(number.to_be_bytes());
            return;
        }
        ValueRef::Text(bytes) => (3, bytes),
        ValueRef::Blob(bytes) => (4, bytes),
    };
    into.push(kind);
    into.extend((bytes.len() as u64).to_be_bytes());
    into.extend(bytes);
}

pub(super) fn put_keys(file: &Path, keys: &[WrappedKey]) -> Result<(), CopyError> {
    let mut connection = open(file)?;
    let all = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    for key in keys {
        let wrapped = crate::crypto::unhex(&key.wrapped).ok_or(CopyError::Address)?;
        all.execute(
            "insert into data_key (id, owner, environment, wrapped, made_at_ms) values (?1, ?2, ?3, ?4, ?5)",
            params![key.id.as_bytes().as_slice(), key.owner, key.environment, wrapped, key.made_at_ms],
        )?;
    }
    Ok(all.commit()?)
}
