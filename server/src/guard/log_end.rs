//! Where logs were last seen to end. It is a guess and never believed: the entry goes in by the same statement that finds the head of the log
//! where it was guessed to be and moves it, or not at all. So an append is one round, not three, and costs a change little.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, Value};
use serde::Serialize;
use uuid::Uuid;

use super::change::Rows;
use super::tenant::TenantId;
use crate::audit::log::Hash;
use crate::crypto::hex;
use crate::entity::entry;

/// About a megabyte. Beyond that all are forgotten, and each is read once more.
const MOST: usize = 10_000;

/// The last number and hash of each log. What another instance appended, or a change that was not committed, makes a guess wrong, and a wrong
/// one costs the reading that it would have saved.
#[derive(Debug, Default)]
pub struct LogEnds(Mutex<HashMap<Uuid, (i64, Hash)>>);

impl LogEnds {
    pub(crate) fn guess(&self, tenant: TenantId) -> Option<(i64, Hash)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&tenant.0).copied()
    }

    pub(crate) fn saw(&self, row: &entry::Model) {
        let Ok(hash) = Hash::try_from(row.hash.as_slice()) else { return };
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ends.len() >= MOST && !ends.contains_key(&row.tenant_id) {
            ends.clear();
        }
        ends.insert(row.tenant_id, (row.seq, hash));
    }
}

const MOVED: &str = "update log_head set seq = $2, hash = $3 where tenant_id = $1 and seq = $4 and hash = $5";
static POSTGRES: LazyLock<String> = LazyLock::new(|| {
    let row = "tenant_id, $2, $3, $6, $7, $8, $9, $10, $11, $12";
    format!("with moved as ({MOVED} returning tenant_id) insert into entry ({COLUMNS}) select {row} from moved")
});
static SQLITE: LazyLock<String> = LazyLock::new(|| {
    let row = "$1, $2, $3, $6, $7, $8, $9, $10, $11, $12";
    format!("{MOVED}; insert into entry ({COLUMNS}) select {row} where changes() = 1")
});
/// Many rows as one value: a statement with a value for each column of each row takes the database longer to read than to do.
static POSTGRES_MANY: LazyLock<String> = LazyLock::new(|| {
    let row = "$1, (e->>0)::bigint, decode(e->>1, 'hex'), (e->>2)::bigint, e->>3, (e->>4)::uuid, e->>5, (e->>6)::uuid, e->>7, decode(e->>8, 'hex')";
    format!("insert into entry ({COLUMNS}) select {row} from jsonb_array_elements($2::text::jsonb) as e")
});
static SQLITE_MANY: LazyLock<String> = LazyLock::new(|| {
    let row = "$1, value->>0, unhex(value->>1), value->>2, value->>3, unhex(value->>4, '-'), value->>5, unhex(value->>6, '-'), value->>7, unhex(value->>8)";
    format!("insert into entry ({COLUMNS}) select {row} from json_each($2)")
});
const COLUMNS: &str = "tenant_id, seq, hash, at_ms, actor_kind, actor, action, subject, outcome, detail";

impl Rows {
    /// Puts an entry behind the one of this number and hash, if that is where the log ends. On PostgreSQL whoever appends meanwhile is waited
    /// for at the head's row, and then the log ends elsewhere.
    pub(crate) async fn follow(&self, (seq, hash): (i64, Hash), row: &entry::Model) -> Result<bool, DbErr> {
        let backend = self.connection().get_database_backend();
        let sql: &str = match backend {
            DbBackend::Postgres => &POSTGRES,
            DbBackend::Sqlite | DbBackend::MySql | _ => &SQLITE,
        };
        let entry::Model {
            tenant_id,
            seq: next,
            at_ms,
            actor_kind,
            actor,
            action,
            subject,
            outcome,
            detail,
            hash: own,
        } = row.clone();
        let values: [Value; 12] = [
            tenant_id.into(),
            next.into(),
            own.into(),
            seq.into(),
            hash.to_vec().into(),
            at_ms.into(),
            actor_kind.into(),
            actor.into(),
            action.into(),
            subject.into(),
            outcome.into(),
            detail.into(),
        ];
        let done = self.connection().execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        Ok(done.rows_affected() > 0)
    }

    /// Puts entries in whose places are known: the head of their log is held by this change.
    pub(crate) async fn put_in(&self, tenant: TenantId, entries: Together) -> Result<(), DbErr> {
        let backend = self.connection().get_database_backend();
        let sql: &str = match backend {
            DbBackend::Postgres => &POSTGRES_MANY,
            DbBackend::Sqlite | DbBackend::MySql | _ => &SQLITE_MANY,
        };
        let values: [Value; 2] = [tenant.0.into(), entries.0.into()];
        self.connection().execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        Ok(())
    }
}

/// Many entries as the one value that a statement takes.
#[derive(Debug)]
pub struct Together(String);

impl Together {
    pub(crate) fn of(entries: &[entry::Model]) -> Result<Self, DbErr> {
        let rows: Vec<_> = entries.iter().map(listed).collect();
        serde_json::to_string(&rows).map(Self).map_err(|error| DbErr::Custom(error.to_string()))
    }
}

fn listed(row: &entry::Model) -> impl Serialize {
    let entry::Model { tenant_id: _, seq, at_ms, actor_kind, actor, action, subject, outcome, detail, hash } = row;
    (*seq, hex(hash), *at_ms, actor_kind.clone(), *actor, action.clone(), *subject, outcome.clone(), hex(detail))
}
