//! Which profile a database is of, asked before anything of it is opened, so that a refusal changes nothing.

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, Statement};

use super::database::{Where, sqlite};

/// A look needs one page.
const CACHE_KIB: u32 = 100;

/// The profile that the database says it is of. `None` when it says nothing: it is not there yet, older than that record, or does not
/// answer, which the opening tells in its own words.
pub async fn recorded_profile(place: &Where) -> Option<String> {
    let database = look(place).await?.ok()?;
    let ask = Statement::from_string(database.get_database_backend(), "select profile from instance");
    let answer = database.query_one_raw(ask).await;
    // It was only looked at: what closing says changes nothing.
    let _ = database.close().await;
    answer.ok()??.try_get_by_index(0).ok()
}

async fn look(place: &Where) -> Option<Result<DatabaseConnection, DbErr>> {
    match place {
        Where::Embedded(folder) => {
            let file = folder.join("avouch.db");
            if !file.is_file() {
                return None;
            }
            Some(sqlite(&file, "rw", 1, CACHE_KIB).await)
        }
        Where::Postgres { url, .. } => {
            let mut options = ConnectOptions::new(url);
            options.max_connections(1).sqlx_logging(false).connect_timeout(std::time::Duration::from_secs(5));
            Some(Database::connect(options).await)
        }
    }
}
