//! From the list of what waits beside the changes that it records, into the log in an organisation's own database.

use std::collections::BTreeSet;
use std::sync::Arc;

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};
use uuid::Uuid;

use super::{TenantDb, TenantId, enter};
use crate::audit::log;
use crate::entity::{delivered, outbox};
use crate::guard::Store;
use crate::guard::change::Rows;

/// Events of one transaction of the organisation's own database: as many entries as one statement takes.
const TOGETHER: u64 = 3000;

/// Takes what waits for an organisation's own log there, in the order in which it was put, each event once. How many that were.
///
/// A batch is marked, appended and committed there, and only then taken off the list here. Who is killed in between leaves a batch that is marked
/// already: the next one finds nothing new in it.
pub(in crate::guard) async fn deliver(store: &Arc<Store>, tenant: TenantId) -> Result<usize, DbErr> {
    let Some(shelves) = &store.own else { return Ok(0) };
    let mut number = 0;
    loop {
        let view = TenantDb::open(store, tenant, None).await?;
        let waiting = outbox::Entity::find().order_by_asc(outbox::Column::Id).limit(TOGETHER);
        let waiting = view.all(waiting).await?;
        drop(view);
        if waiting.is_empty() {
            return Ok(number);
        }
        let own = Rows::begin(&shelves.get(tenant).await?.write).await?;
        appended(store, &own, tenant, &waiting).await?;
        own.commit().await?;
        taken_off(store, tenant, &waiting).await?;
        number += waiting.len();
        if (waiting.len() as u64) < TOGETHER {
            return Ok(number);
        }
    }
}

async fn appended(store: &Store, own: &Rows, tenant: TenantId, waiting: &[outbox::Model]) -> Result<(), DbErr> {
    // All marks before the first entry: two who deliver at once wait for each other here, and never with the head of the log in hand.
    let new = marked(own, tenant, waiting).await?;
    let decoded = |row: &outbox::Model| {
        log::Written::decoded(&row.event)
            .ok_or_else(|| DbErr::Custom("an event on its way to a log cannot be read".into()))
    };
    let written: Result<Vec<_>, _> = waiting.iter().filter(|row| new.contains(&row.id)).map(decoded).collect();
    let written = written?;
    match written.as_slice() {
        [one] => log::append(own, &store.ends, tenant, one).await,
        _ => log::append_all(own, &store.ends, tenant, written.into_iter().map(Ok)).await,
    }
}

/// Those of them that were not delivered before.
async fn marked(own: &Rows, tenant: TenantId, waiting: &[outbox::Model]) -> Result<BTreeSet<Uuid>, DbErr> {
    let marks = waiting
        .iter()
        .map(|row| delivered::ActiveModel { tenant_id: ActiveValue::Set(tenant.0), id: ActiveValue::Set(row.id) });
    let nothing = OnConflict::columns([delivered::Column::TenantId, delivered::Column::Id]).do_nothing().to_owned();
    let mut insert = delivered::Entity::insert_many(marks).into_query();
    insert.on_conflict(nothing).returning_col(delivered::Column::Id);
    own.connection().query_all(&insert).await?.iter().map(|row| row.try_get("", "id")).collect()
}

async fn taken_off(store: &Store, tenant: TenantId, waiting: &[outbox::Model]) -> Result<(), DbErr> {
    let gone = Rows::begin(&store.write).await?;
    enter(gone.connection(), tenant, None).await?;
    let there = outbox::Column::Id.is_in(waiting.iter().map(|row| row.id));
    gone.delete(outbox::Entity::delete_many().filter(outbox::Column::TenantId.eq(tenant.0)).filter(there)).await?;
    gone.commit().await
}
