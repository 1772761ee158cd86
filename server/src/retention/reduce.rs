//! The purge of an organisation of which legal holds keep single records. Those are sealed anew under a key that was made for them; everything
//! else is destroyed, and with it the keys that opened all of it. As in a whole purge, every step can be done again.

mod anew;

use std::collections::BTreeSet;

use contract::permission::Permission;
use futures::future::BoxFuture;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::certificate::{self, Gone, Kind};
use super::{holds, purge as whole};
use crate::audit::heads;
use crate::audit::log::{Action, Event};
use crate::clock::{from_ms, to_ms};
use crate::entity::{
    custom_role, data_key, delivered, entry, environment, file, legal_hold, log_head, membership, organisation, outbox,
    purge, record, record_change, signed_head,
};
use crate::files::attached::blob_of;
use crate::guard::{Actor, Operator, Stays, TENANT_TABLES, TenantDb, TenantId, TenantTable, Tenanted};
use crate::identity::{Accounts, Origin, Refusal};
use crate::organisations::roles;
use crate::vault::{NewKey, owner_of};

/// What is done, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Memberships of those who may not take the rest along, with their sessions and links.
    Entrances,
    /// What stays, under its new key.
    Sealing,
    Keys,
    Rows,
    Log,
    Files,
    Certificate,
}

impl Step {
    pub const ALL: &[Self] =
        &[Self::Entrances, Self::Sealing, Self::Keys, Self::Rows, Self::Log, Self::Files, Self::Certificate];
}

/// What stays, as it was decided when it began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Keeps {
    /// The key under which it is from now on.
    key: Uuid,
    holds: Vec<Uuid>,
    records: Vec<Uuid>,
    /// Whoever may take it along.
    members: Vec<Uuid>,
    /// The organisation's own roles by which they may.
    roles: Vec<String>,
    until_ms: i64,
}

impl Keeps {
    pub(crate) fn of(row: &purge::Model) -> Result<Option<Self>, Refusal> {
        let read = |text: &String| serde_json::from_str(text);
        let keeps = row.keeps.as_ref().map(read).transpose();
        keeps.map_err(|_| Refusal::Conflict("what a purge leaves cannot be read".into()))
    }

    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What stays of a table; nothing where all of it does. A table that is not named here goes, so that a new one is not forgotten.
    fn of_table(&self, table: &TenantTable) -> Option<Stays> {
        let ids = |column, ids: &[Uuid]| Stays { column, values: ids.iter().map(|id| (*id).into()).collect() };
        Some(match table.name {
            // The log is pruned as always, through a signed head; what waits for it gets there, and where it lies is still asked.
            entry::Entity::NAME
            | signed_head::Entity::NAME
            | log_head::Entity::NAME
            | delivered::Entity::NAME
            | outbox::Entity::NAME
            | environment::Entity::NAME => return None,
            membership::Entity::NAME => ids("account_id", &self.members),
            custom_role::Entity::NAME => {
                Stays { column: "name", values: self.roles.iter().map(|name| name.as_str().into()).collect() }
            }
            legal_hold::Entity::NAME => ids("id", &self.holds),
            record::Entity::NAME => ids("id", &self.records),
            record_change::Entity::NAME | file::Entity::NAME => ids("record_id", &self.records),
            _ => ids("tenant_id", &[]),
        })
    }

    fn files(&self) -> Select<file::Entity> {
        file::Entity::find().filter(file::Column::RecordId.is_in(self.records.iter().copied()))
    }
}

/// What stays of an organisation that is due, and the key for it. Nothing where all of it stays: something is held that is no record, or the
/// rest is gone already.
pub(crate) async fn planned(
    operator: &Operator,
    accounts: &Accounts,
    row: &organisation::Model,
    held: &[legal_hold::Model],
    now: OffsetDateTime,
) -> Result<Option<(Keeps, NewKey)>, Refusal> {
    let Some(wanted) = holds::records(held).filter(|_| row.reduced_at_ms.is_none()) else { return Ok(None) };
    let tenant = TenantId(row.id);
    let view = operator.view(tenant).await?;
    let records = view.all(record::Entity::find().filter(record::Column::Id.is_in(wanted))).await?;
    let (members, roles) = who_may_export(&view, accounts, now).await?;
    drop(view);
    let key = accounts.vault.new_key(tenant, now)?;
    let keeps = Keeps {
        key: key.ring.active(),
        holds: held.iter().map(|hold| hold.id).collect(),
        records: records.into_iter().map(|row| row.id).collect(),
        members,
        roles,
        until_ms: held.iter().map(|hold| hold.ends_at_ms).max().unwrap_or_default(),
    };
    Ok(Some((keeps, key)))
}

/// The members who may take everything along, and the organisation's own roles among theirs.
async fn who_may_export(
    view: &TenantDb,
    accounts: &Accounts,
    now: OffsetDateTime,
) -> Result<(Vec<Uuid>, Vec<String>), Refusal> {
    let may: Vec<roles::Role> = roles::of(view, &accounts.profile).await?;
    let may: BTreeSet<String> = may
        .into_iter()
        .filter(|role| role.permissions.contains(&Permission::ExportCreate))
        .map(|role| role.name)
        .collect();
    let lasts = membership::Column::EndsAtMs.is_null().or(membership::Column::EndsAtMs.gt(to_ms(now)));
    let members = membership::Entity::find()
        .filter(membership::Column::Kind.eq("member"))
        .filter(membership::Column::Role.is_in(may))
        .filter(lasts);
    let members = view.all(members).await?;
    let theirs: BTreeSet<&str> = members.iter().map(|row| row.role.as_str()).collect();
    let own = custom_role::Entity::find().filter(custom_role::Column::Name.is_in(theirs));
    let roles = view.all(own).await?.into_iter().map(|row| row.name).collect();
    Ok((members.into_iter().map(|row| row.account_id).collect(), roles))
}

/// Goes through the steps up to and with `last`. Tests stop in the middle, as a crash would.
pub(crate) async fn go_on(
    operator: &Operator,
    accounts: &Accounts,
    row: &purge::Model,
    keeps: &Keeps,
    last: Step,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let tenant = TenantId(row.id);
    // What this process had read before it was closed does not have the new key.
    accounts.vault.forget(tenant);
    for step in Step::ALL.iter().filter(|step| **step <= last) {
        // Boxed: with all steps in it, the future is large.
        let doing: BoxFuture<'_, Result<(), Refusal>> = match step {
            Step::Entrances => Box::pin(whole::entrances(operator, row, &keeps.members, now)),
            Step::Sealing => Box::pin(anew::all(operator, accounts, tenant, keeps)),
            Step::Keys => Box::pin(keys(operator, accounts, tenant, keeps)),
            Step::Rows => Box::pin(rows(operator, tenant, keeps)),
            Step::Log => Box::pin(log(operator, accounts, row, keeps, now)),
            Step::Files => Box::pin(files(operator, accounts, tenant, keeps)),
            Step::Certificate => Box::pin(certify(operator, accounts, row, keeps, now)),
        };
        doing.await?;
    }
    Ok(())
}

fn other_keys(tenant: TenantId, keeps: &Keeps) -> sea_orm::DeleteMany<data_key::Entity> {
    data_key::Entity::delete_many()
        .filter(data_key::Column::Owner.eq(owner_of(tenant)))
        .filter(data_key::Column::Id.ne(keeps.key))
}

/// Only what is held opens from here on. It is looked at once more before: without the new key it would be lost.
async fn keys(operator: &Operator, accounts: &Accounts, tenant: TenantId, keeps: &Keeps) -> Result<(), Refusal> {
    anew::all(operator, accounts, tenant, keeps).await?;
    let change = operator.begin_account().await?;
    change.delete(other_keys(tenant, keeps)).await?;
    change.commit_housekeeping().await?;
    accounts.vault.forget(tenant);
    Ok(())
}

async fn rows(operator: &Operator, tenant: TenantId, keeps: &Keeps) -> Result<(), Refusal> {
    for table in TENANT_TABLES {
        if let Some(stays) = keeps.of_table(table) {
            whole::in_pieces(operator, tenant, table, Some(&stays)).await?;
        }
    }
    Ok(())
}

/// The log says what happened, and lets go of everything before it.
async fn log(
    operator: &Operator,
    accounts: &Accounts,
    row: &purge::Model,
    keeps: &Keeps,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let (tenant, told) = (TenantId(row.id), Action::OrganisationReduced);
    operator.deliver(tenant).await?;
    let said =
        entry::Entity::find().filter(entry::Column::Action.eq(told.word())).order_by_desc(entry::Column::Seq).limit(1);
    if operator.view(tenant).await?.one(said.clone()).await?.is_none() {
        let sealer = accounts.sealer(tenant, &Origin::of_program()).await?;
        let change = operator.begin_kept(tenant, Actor::System, sealer).await?;
        let event = Event::of(told, tenant.0)
            .with("records", keeps.records.len().to_string())
            .with("certificate", row.certificate_id.to_string());
        change.commit(&event, now).await?;
    }
    // Bound, so that the view is over before the next one is asked for.
    let said = operator.view(tenant).await?.one(said).await?;
    if let Some(said) = said {
        heads::prune_before(operator, accounts, tenant, said.seq, now).await?;
    }
    Ok(())
}

/// What lies in the store and is no held record's: where each is, and its bytes.
async fn strays(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    keeps: &Keeps,
) -> Result<Vec<String>, Refusal> {
    let held = operator.view(tenant).await?.all(keeps.files()).await?;
    let held: BTreeSet<String> = held.into_iter().map(|row| blob_of(tenant, row.id)).collect();
    let there = accounts.blobs.below(&tenant.0.to_string()).await?;
    Ok(there.into_iter().map(|found| found.at).filter(|at| !held.contains(at)).collect())
}

async fn files(operator: &Operator, accounts: &Accounts, tenant: TenantId, keeps: &Keeps) -> Result<(), Refusal> {
    for at in strays(operator, accounts, tenant, keeps).await? {
        accounts.blobs.remove(&at).await?;
    }
    for folder in whole::folders(accounts, tenant) {
        whole::absent(tokio::fs::remove_dir_all(&folder).await)?;
    }
    Ok(operator.tidy_own(tenant).await?)
}

/// Looks whether anything is left beside what is held, and if nothing is, ends it with the certificate of the rest.
async fn certify(
    operator: &Operator,
    accounts: &Accounts,
    row: &purge::Model,
    keeps: &Keeps,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let tenant = TenantId(row.id);
    let mut left = 0;
    for table in TENANT_TABLES {
        if let Some(stays) = keeps.of_table(table) {
            left += operator.rows_but(tenant, table, &stays).await?;
        }
    }
    let files: u64 = whole::folders(accounts, tenant).map(|folder| whole::measured(&folder).0).sum();
    let files = files + strays(operator, accounts, tenant, keeps).await?.len() as u64;
    if left + files > 0 {
        return Err(Refusal::Conflict(format!("{left} rows and {files} files are left")));
    }
    let gone = gone(operator, accounts, row, keeps).await?;
    let change = operator.begin().await?;
    // Another instance may have come to the end first: one certificate is enough.
    if change.one(purge::Entity::find_by_id(row.id)).await?.is_none() {
        return Ok(());
    }
    change.delete(other_keys(tenant, keeps)).await?;
    certificate::issue(&change, &accounts.vault, gone, now).await?;
    let set = organisation::Entity::update_many()
        .col_expr(organisation::Column::PurgeBeganAtMs, Expr::value(None::<i64>))
        .col_expr(organisation::Column::ReducedAtMs, Expr::value(Some(to_ms(now))))
        .col_expr(organisation::Column::ReducedCertificateId, Expr::value(Some(row.certificate_id)))
        .filter(organisation::Column::Id.eq(row.id));
    change.update(set).await?;
    change.delete(purge::Entity::delete_many().filter(purge::Column::Id.eq(row.id))).await?;
    let event = crate::audit::Event::OrganisationReduced { organisation: row.id, certificate: row.certificate_id };
    change.commit(event, now).await?;
    accounts.vault.forget(tenant);
    Ok(())
}

/// What was there and is there no more.
async fn gone(operator: &Operator, accounts: &Accounts, row: &purge::Model, keeps: &Keeps) -> Result<Gone, Refusal> {
    let tenant = TenantId(row.id);
    let found: whole::Found = serde_json::from_str(&row.found).unwrap_or_default();
    let mut rows = found.rows;
    for (table, left) in operator.rows_of(tenant).await? {
        if let Some(number) = rows.get_mut(table) {
            *number = number.saturating_sub(left);
        }
    }
    rows.retain(|_, number| *number > 0);
    let left = accounts.blobs.below(&tenant.0.to_string()).await?;
    let bytes = left.iter().map(|blob| blob.bytes).sum();
    Ok(Gone {
        id: row.certificate_id,
        kind: Kind::Organisation,
        subject: row.id,
        slug_sha256: Some(row.slug_sha256.clone()),
        asked_at: from_ms(row.closed_at_ms),
        due_at: from_ms(row.due_at_ms),
        rows,
        files: found.files.saturating_sub(left.len() as u64),
        file_bytes: found.file_bytes.saturating_sub(bytes),
        keys: found.keys,
        held_until: Some(from_ms(keeps.until_ms)),
        kept_records: Some(keeps.records.len() as u64),
    })
}
