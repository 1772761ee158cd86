//! The tokens of many records in one statement. They are most of what an import writes: as single values they cost more than the rows
//! themselves, in memory asked for and given back.

use std::fmt::Write;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use uuid::Uuid;

use super::change::Rows;
use super::tenant::TenantId;

/// Tokens of one statement: about half a megabyte of text.
const AT_ONCE: usize = 20_000;

/// FAIL keeps no journal of the statement's own: whoever finds a token twice gives the whole change up.
const SQLITE: &str = "insert or fail into record_token (tenant_id, token, record_id) \
                      select ?1, value, substr(?3, key * 16 + 1, 16) from json_each(?2)";

const POSTGRES: &str = "insert into record_token (tenant_id, token, record_id) select $1, token, record \
                        from unnest(string_to_array($2, ',')::bigint[], string_to_array($3, ',')::uuid[]) as t (token, record)";

impl Rows {
    pub(super) async fn insert_tokens(&self, tenant: TenantId, tokens: &[(i64, Uuid)]) -> Result<(), DbErr> {
        let backend = self.connection().get_database_backend();
        for some in tokens.chunks(AT_ONCE) {
            let tokens = listed(some.iter().map(|(token, _)| token));
            let statement = if backend == DbBackend::Postgres {
                let records = listed(some.iter().map(|(_, record)| record));
                Statement::from_sql_and_values(backend, POSTGRES, [tenant.0.into(), tokens.into(), records.into()])
            } else {
                let records: Vec<u8> = some.iter().flat_map(|(_, record)| *record.as_bytes()).collect();
                let values = [tenant.0.into(), format!("[{tokens}]").into(), records.into()];
                Statement::from_sql_and_values(backend, SQLITE, values)
            };
            self.connection().execute_raw(statement).await?;
        }
        Ok(())
    }
}

fn listed(values: impl Iterator<Item = impl std::fmt::Display>) -> String {
    let mut list = String::new();
    for value in values {
        let comma = if list.is_empty() { "" } else { "," };
        let _ = write!(list, "{comma}{value}");
    }
    list
}
