//! What the owner's login must be allowed beyond owning the tables, asked of PostgreSQL before something fails for want of it.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Statement,
};

use super::database::{OpenError, Store, Where, admin, unreachable};
use super::tenant::TenantId;
use crate::entity::organisation;
use crate::profile::policy::Isolation;

/// A superuser is allowed all of it. The name comes quoted, as a statement takes it.
const ALLOWED: &str = "select quote_ident(rolname::text), rolcreatedb or rolsuper, rolcreaterole or rolsuper, \
    rolbypassrls or rolsuper, pg_has_role(current_user, 'pg_signal_backend', 'member') \
    from pg_roles where rolname = current_user";

/// The statements by which a superuser would give the owner's login what it lacks for this mode, and for copies and their drill if there are any.
/// Empty on SQLite, which has no logins.
///
/// # Errors
/// When the database does not let the owner in.
pub async fn owner_lacks(place: &Where, mode: Isolation, copies: bool) -> Result<Vec<String>, OpenError> {
    let Where::Postgres { admin_url, .. } = place else { return Ok(Vec::new()) };
    let owner = admin(admin_url).await.map_err(|error| unreachable(&error))?;
    let row = owner.query_one_raw(Statement::from_string(DbBackend::Postgres, ALLOWED)).await;
    owner.close().await?;
    let row = row?.ok_or_else(|| DbErr::Custom("the owner's login is not in pg_roles".into()))?;
    let login: String = row.try_get_by_index(0)?;
    let allowed = |column: usize| row.try_get_by_index::<bool>(column);
    let dedicated = mode == Isolation::Dedicated;
    let asked = [
        (dedicated || copies, allowed(1)?, format!("alter role {login} createdb")),
        (dedicated, allowed(2)?, format!("alter role {login} createrole")),
        (copies && mode == Isolation::RowLevel, allowed(3)?, format!("alter role {login} bypassrls")),
        (dedicated, allowed(4)?, format!("grant pg_signal_backend to {login}")),
    ];
    Ok(asked.into_iter().filter(|(needed, has, _)| *needed && !has).map(|(.., statement)| statement).collect())
}

impl Store {
    /// Where each organisation has a database of its own on a server: that the owner gets in and may make more of them, and that the newest
    /// one opens. Without this, a customer would be the first to find out.
    ///
    /// # Errors
    /// Says what to set.
    pub async fn reaches_its_own(&self) -> Result<(), OpenError> {
        let (Some(own), Where::Postgres { .. }) = (&self.own, &self.place) else { return Ok(()) };
        let lacks = owner_lacks(&self.place, self.mode, false).await;
        if let Err(OpenError::Unreachable(said)) = lacks {
            return Err(OpenError::OwnerShutOut(said));
        }
        let lacks = lacks?;
        if !lacks.is_empty() {
            return Err(OpenError::OwnerWeak(lacks.join("; ")));
        }
        let newest = organisation::Entity::find()
            .filter(organisation::Column::Slug.not_like(".%"))
            .filter(organisation::Column::PurgeBeganAtMs.is_null())
            .order_by_desc(organisation::Column::CreatedAtMs)
            .limit(1);
        let Some(newest) = newest.one(&self.read).await? else { return Ok(()) };
        match own.get(TenantId(newest.id)).await.map_err(|error| unreachable(&error)) {
            Ok(_) => Ok(()),
            Err(error) => Err(OpenError::OwnShut(error.to_string())),
        }
    }
}
