//! Taking down everything that grants anything, in one transaction: a statement for each source, whatever the number of grants. What is found is
//! counted against the sources, and hashed.

use std::collections::BTreeMap;

use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, EntityTrait, FromQueryResult, Order, QueryFilter, QueryOrder, QuerySelect,
    Select,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

use self::source::Cells;
use super::rules::UNUSED;
use super::words::{Kind, Scope};
use crate::clock::to_ms;
use crate::crypto::hex;
use crate::entity::{calendar_key, custom_role, invitation, membership, reach, review, review_item};
use crate::guard::{Change, Reads, TenantDb};
use crate::identity::{Accounts, Refusal};
use crate::organisations::roles;

mod source;
#[cfg(test)]
mod tests;

/// Items that are hashed at once.
const PAGE: u64 = 5000;

/// How many grants one source had, and how many of them became items: all of them, unless the review is about some.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    pub kind: String,
    pub grants: u64,
    pub items: u64,
}

/// What was found when a review began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    pub sources: Vec<Source>,
    /// How many have the same role.
    pub roles: BTreeMap<String, u64>,
}

impl Found {
    pub fn grants(&self) -> u64 {
        self.sources.iter().map(|source| source.grants).sum()
    }

    pub fn items(&self) -> u64 {
        self.sources.iter().map(|source| source.items).sum()
    }
}

/// What is taken down, and how.
#[derive(Debug)]
pub(crate) struct Freezing<'a> {
    pub(crate) change: &'a Change,
    pub(crate) review: Uuid,
    pub(crate) scope: &'a Scope,
    pub(crate) now: OffsetDateTime,
    pub(crate) privileged: Vec<String>,
    /// The review before this one, for what was decided then.
    pub(crate) before: Option<Uuid>,
    pub(crate) backend: DbBackend,
}

/// The roles with which one may do much: those that the profile calls so, and the organisation's own that decide about others.
pub(crate) async fn privileged(rows: &impl Reads, accounts: &Accounts) -> Result<Vec<String>, Refusal> {
    let own = rows.rows(custom_role::Entity::find()).await?;
    let all = roles::all(&accounts.profile, own);
    let much = all.into_iter().filter(|role| role.privileged || role.permissions.iter().any(|may| may.administers()));
    Ok(much.map(|role| role.name).collect())
}

/// The items of a review, what was found, and the hash over them.
pub(crate) async fn population(
    change: &Change,
    accounts: &Accounts,
    review: Uuid,
    scope: &Scope,
    now: OffsetDateTime,
) -> Result<(Found, String), Refusal> {
    let freezing = Freezing {
        change,
        review,
        scope,
        now,
        privileged: privileged(change, accounts).await?,
        before: before(change).await?,
        backend: change.backend(),
    };
    let mut found = Found::default();
    for (kind, select, all) in [
        (Kind::Membership, freezing.memberships("member"), freezing.grants("member").await?),
        (Kind::Help, freezing.memberships("help"), freezing.grants("help").await?),
    ] {
        freezing.take(&mut found, kind, select, all).await?;
    }
    let all = change.count(reach::Entity::find()).await?;
    freezing.take(&mut found, Kind::Reach, freezing.reaches(), all).await?;
    let all = change.count(invitation::Entity::find()).await?;
    freezing.take(&mut found, Kind::Invitation, freezing.invitations(), all).await?;
    let all = change.count(calendar_key::Entity::find()).await?;
    freezing.take(&mut found, Kind::Token, freezing.tokens(), all).await?;
    found.roles = freezing.roles().await?;
    Ok((found, digest(change, review).await?))
}

/// The newest review that came to its end.
async fn before(change: &Change) -> Result<Option<Uuid>, Refusal> {
    let last = review::Entity::find()
        .filter(review::Column::ClosedAtMs.is_not_null())
        .order_by_desc(review::Column::ClosedAtMs)
        .limit(1);
    Ok(change.one(last).await?.map(|row| row.id))
}

#[derive(Debug, FromQueryResult)]
struct Group {
    role: Option<String>,
    number: i64,
}

impl Freezing<'_> {
    async fn grants(&self, kind: &str) -> Result<u64, Refusal> {
        Ok(self.change.count(membership::Entity::find().filter(membership::Column::Kind.eq(kind))).await?)
    }

    async fn take<E: crate::guard::Tenanted>(
        &self,
        found: &mut Found,
        kind: Kind,
        select: Option<(Select<E>, Cells)>,
        grants: u64,
    ) -> Result<(), Refusal> {
        let items = match select {
            None => 0,
            Some((select, cells)) => {
                let rows = cells.onto(select, self, found.items());
                self.change.fill::<E, review_item::Entity>(source::COLUMNS.iter().copied(), rows).await?
            }
        };
        if *self.scope == Scope::All && items != grants {
            let said = format!("{items} items of {grants} grants ({}) were taken down", kind.word());
            return Err(sea_orm::DbErr::Custom(said).into());
        }
        found.sources.push(Source { kind: kind.word().to_owned(), grants, items });
        Ok(())
    }

    /// How many have the same role.
    async fn roles(&self) -> Result<BTreeMap<String, u64>, Refusal> {
        let groups = review_item::Entity::find()
            .select_only()
            .column(review_item::Column::Role)
            .column_as(review_item::Column::Id.count(), "number")
            .filter(review_item::Column::ReviewId.eq(self.review))
            .filter(review_item::Column::Kind.eq(Kind::Membership.word()))
            .group_by(review_item::Column::Role);
        let groups: Vec<Group> = self.change.all_as(groups).await?;
        Ok(groups.into_iter().filter_map(|group| Some((group.role?, u64::try_from(group.number).ok()?))).collect())
    }

    fn unused_since(&self) -> i64 {
        to_ms(self.now - UNUSED)
    }

    /// The condition of the scope, where the source has a role, a unit and a last use.
    fn within(
        &self,
        role: Option<SimpleExpr>,
        unit: Option<&dyn Fn(Uuid) -> SimpleExpr>,
        unused: &str,
    ) -> Option<Condition> {
        let all = Condition::all();
        match self.scope {
            Scope::All => Some(all),
            Scope::Role(name) => Some(all.add(role?.eq(name.as_str()))),
            Scope::Unit(id) => Some(all.add(unit?(*id))),
            Scope::Privileged => Some(all.add(role?.is_in(self.privileged.iter().map(String::as_str)))),
            Scope::Unused => Some(all.add(Expr::cust(unused.to_owned()))),
        }
    }
}

/// What is hashed of an item: what was found, and nothing of what was decided.
#[derive(Debug, FromQueryResult)]
struct Canonical {
    id: Uuid,
    kind: String,
    account_id: Option<Uuid>,
    target_id: Option<Uuid>,
    target_kind: Option<String>,
    role: Option<String>,
    granted_at_ms: i64,
    ends_at_ms: Option<i64>,
    last_used_ms: Option<i64>,
    has_factor: i32,
    privileged: i32,
    orphaned: i32,
    advice: String,
    reason: String,
}

/// A line for each item, fields between tabs, an absent one as a hyphen: what `report.json` gives, so that anybody can hash it again.
fn line(row: &Canonical) -> String {
    let id = |id: Option<Uuid>| id.map_or_else(|| "-".to_owned(), |id| id.to_string());
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let ms = |ms: Option<i64>| ms.map_or_else(|| "-".to_owned(), |ms| ms.to_string());
    format!(
        "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n",
        row.id,
        row.kind,
        id(row.account_id),
        id(row.target_id),
        text(&row.target_kind),
        text(&row.role),
        row.granted_at_ms,
        ms(row.ends_at_ms),
        ms(row.last_used_ms),
        row.has_factor,
        row.privileged,
        row.orphaned,
        row.advice,
        row.reason
    )
}

/// SHA-256 over the lines of all items in the order of their ids.
pub(crate) async fn digest(change: &Change, review: Uuid) -> Result<String, Refusal> {
    let (mut all, mut after) = (Sha256::new(), Uuid::nil());
    loop {
        let page: Vec<Canonical> = change.all_as(hashed(review, after)).await?;
        let Some(last) = page.last().map(|row| row.id) else { break };
        after = last;
        for row in &page {
            all.update(line(row));
        }
    }
    Ok(hex(&all.finalize()))
}

/// The next lines of what was hashed, and where they end.
pub(crate) async fn lines(view: &TenantDb, review: Uuid, after: Uuid) -> Result<Option<(String, Uuid)>, Refusal> {
    let page: Vec<Canonical> = view.all_as(hashed(review, after)).await?;
    let last = page.last().map(|row| row.id);
    Ok(last.map(|last| (page.iter().map(line).collect(), last)))
}

/// The next items as they are hashed.
fn hashed(review: Uuid, after: Uuid) -> Select<review_item::Entity> {
    review_item::Entity::find()
        .select_only()
        .columns(source::HASHED.iter().copied())
        .filter(super::items::of_review(review))
        .filter(review_item::Column::Id.gt(after))
        .order_by(review_item::Column::Id, Order::Asc)
        .limit(PAGE)
}

/// What is recommended and why, as `rules::advice` says it.
fn advised(conditions: [(SimpleExpr, &'static str); 4], otherwise: &'static str) -> SimpleExpr {
    let mut case = CaseStatement::new();
    for (condition, word) in conditions {
        case = case.case(condition, Expr::value(word));
    }
    case.finally(Expr::value(otherwise)).into()
}
