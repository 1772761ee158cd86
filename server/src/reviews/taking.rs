//! Nobody takes away more than they have: a review revokes and changes no access that whoever decides could not end on the page of the members.

use std::collections::{BTreeMap, BTreeSet};

use contract::permission::Permission;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::words::{Decision, Kind, State};
use crate::entity::{custom_role, membership, review_item};
use crate::guard::{Belonging, Change};
use crate::identity::{Accounts, Refusal};
use crate::organisations::roles::{self, Role};

/// What of somebody's access goes by the role that they have.
const BY_ROLE: [Kind; 2] = [Kind::Membership, Kind::Reach];

/// The members whose role may more than that of whoever takes away, and who could do that instead.
pub(crate) struct Beyond {
    members: BTreeMap<Uuid, String>,
    roles: Vec<Role>,
}

impl Beyond {
    pub(crate) async fn of(change: &Change, accounts: &Accounts, taker: &Belonging) -> Result<Self, Refusal> {
        let own = change.all(custom_role::Entity::find()).await?;
        let roles = roles::all(&accounts.profile, own);
        let more = roles.iter().filter(|role| !role.permissions.is_subset(&taker.permissions));
        let more: Vec<&str> = more.map(|role| role.name.as_str()).collect();
        if more.is_empty() {
            return Ok(Self { members: BTreeMap::new(), roles });
        }
        let members = membership::Entity::find()
            .filter(membership::Column::Kind.eq("member"))
            .filter(membership::Column::Role.is_in(more));
        let members = change.all(members).await?;
        Ok(Self { members: members.into_iter().map(|row| (row.account_id, row.role)).collect(), roles })
    }

    /// Whether such a thing of somebody is out of their hands.
    pub(crate) fn has(&self, kind: &str, account: Option<Uuid>) -> bool {
        BY_ROLE.iter().any(|known| known.word() == kind) && account.is_some_and(|id| self.members.contains_key(&id))
    }

    /// Refuses to take it away, and says who can.
    pub(crate) fn refuse(&self, row: &review_item::Model) -> Result<(), Refusal> {
        if !self.has(&row.kind, row.account_id) {
            return Ok(());
        }
        let held = row.account_id.and_then(|id| self.members.get(&id)).map_or("", String::as_str);
        Err(Refusal::Conflict(format!(
            "The role {held} may more than yours, so you cannot take this away or change it. {}",
            self.who(held, Permission::ReviewsDecide)
        )))
    }

    fn who(&self, held: &str, permission: Permission) -> String {
        let wanted = self.roles.iter().find(|role| role.name == held);
        let wanted: BTreeSet<Permission> = wanted.map(|role| role.permissions.clone()).unwrap_or_default();
        let can = self
            .roles
            .iter()
            .filter(|role| role.permissions.contains(&permission) && wanted.is_subset(&role.permissions));
        let can: Vec<&str> = can.map(|role| role.name.as_str()).collect();
        format!("Somebody with one of these roles can: {}.", can.join(", "))
    }

    /// The same of what silence takes away when somebody closes a review.
    pub(crate) async fn silent(&self, change: &Change, review: Uuid) -> Result<(), Refusal> {
        if self.members.is_empty() {
            return Ok(());
        }
        let goes = review_item::Entity::find()
            .filter(super::items::of_review(review))
            .filter(review_item::Column::Silent.eq(1))
            .filter(review_item::Column::Decision.eq(Decision::Revoke.word()))
            .filter(review_item::Column::State.eq(State::Decided.word()))
            .filter(review_item::Column::Kind.is_in(BY_ROLE.map(Kind::word)));
        let goes = change.all(goes).await?;
        let Some(first) = goes.iter().find(|row| self.has(&row.kind, row.account_id)) else { return Ok(()) };
        let held = first.account_id.and_then(|id| self.members.get(&id)).map_or("", String::as_str);
        Err(Refusal::Conflict(format!(
            "Nobody decided on somebody with the role {held}, which may more than yours; closing the review would take it away. {}",
            self.who(held, Permission::ReviewsManage)
        )))
    }
}
