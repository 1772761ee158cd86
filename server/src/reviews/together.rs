//! What goes along with one decision about many: counted before it is confirmed, so that nobody learns it afterwards.

use std::collections::BTreeSet;

use contract::permission::Permission;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::bench;
use super::many::Light;
use super::words::{Decision, Effect, Kind};
use crate::entity::{account, calendar_key, departure, membership, reach, review, session, token};
use crate::guard::{Change, TenantDb};
use crate::identity::{Accounts, Refusal};
use crate::organisations::names;
use crate::registers::handover;

/// What else happens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Together {
    /// Items that go on to another stage, where nothing happens to them yet.
    onward: u64,
    at_close: bool,
    sessions: u64,
    /// Links in letters: invitations and new passwords.
    links: u64,
    grants: u64,
    addresses: u64,
    invitations: u64,
    records: u64,
    /// Ends that were planned with a successor of their own.
    planned: u64,
    successor: Option<String>,
    /// Whose membership ends.
    leaving: BTreeSet<Uuid>,
}

fn counted(number: u64, one: &str, many: &str) -> Option<String> {
    match number {
        0 => None,
        1 => Some(format!("1 {one}")),
        more => Some(format!("{more} {many}")),
    }
}

impl Together {
    /// Everything but the records, which may lie elsewhere.
    pub(crate) async fn of(
        change: &Change,
        accounts: &Accounts,
        review: &review::Model,
        decision: Decision,
        rows: &[Light],
    ) -> Result<Self, Refusal> {
        let (now, later): (Vec<&Light>, Vec<&Light>) = rows.iter().partition(|row| row.stage >= review.stages);
        let mut all = Self {
            onward: later.len() as u64,
            at_close: Effect::stored(&review.effect) == Effect::AtClose,
            ..Self::default()
        };
        let people = |kinds: &[Kind]| -> BTreeSet<Uuid> {
            let rows = now.iter().filter(|row| kinds.contains(&Kind::stored(&row.kind)));
            rows.filter_map(|row| row.account_id).collect()
        };
        match decision {
            Decision::Keep => {}
            Decision::Change => all.sessions = sessions(change, people(&[Kind::Membership])).await?,
            Decision::Revoke => all.revoked(change, accounts, &now, people).await?,
        }
        Ok(all)
    }

    async fn revoked(
        &mut self,
        change: &Change,
        accounts: &Accounts,
        rows: &[&Light],
        people: impl Fn(&[Kind]) -> BTreeSet<Uuid>,
    ) -> Result<(), Refusal> {
        self.sessions = sessions(change, people(&[Kind::Membership, Kind::Help, Kind::Reach])).await?;
        self.leaving = people(&[Kind::Membership]);
        let (whole, leaving) = (people(&[Kind::Membership, Kind::Help]), self.leaving.iter().copied());
        let unscoped = change.unscoped("the links that lead to the accounts of those who leave, counted");
        self.links = unscoped.count(token::Entity::find().filter(token::Column::AccountId.is_in(leaving))).await?;
        let theirs = reach::Entity::find().filter(reach::Column::AccountId.is_in(whole.iter().copied()));
        let alone = |kind: Kind| {
            let apart = |row: &&&Light| row.account_id.is_none_or(|id| !whole.contains(&id));
            rows.iter().filter(|row| row.kind == kind.word()).filter(apart).count() as u64
        };
        self.grants = change.count(theirs).await? + alone(Kind::Reach);
        let keys = calendar_key::Column::AccountId.is_in(whole.iter().copied());
        let keys = change.count(calendar_key::Entity::find().filter(keys)).await?;
        self.addresses = keys + alone(Kind::Token);
        self.invitations = rows.iter().filter(|row| row.kind == Kind::Invitation.word()).count() as u64;
        self.heirs(change, accounts).await
    }

    /// Who takes over what those who leave are named in: as it is done then (`effect::leavers`).
    async fn heirs(&mut self, change: &Change, accounts: &Accounts) -> Result<(), Refusal> {
        let leaving = || self.leaving.iter().copied();
        // Few ends are planned, and many may leave: more than twice as many values as people are too many for one statement.
        let plans = departure::Entity::find()
            .filter(departure::Column::DoneAtMs.is_null())
            .filter(departure::Column::SuccessorId.is_not_null());
        let leaves = |person: Uuid| self.leaving.contains(&person);
        let plans = change.all(plans).await?;
        let plans = plans.iter().filter(|row| leaves(row.account_id) && !row.successor_id.is_some_and(leaves));
        let planned = plans.count() as u64;
        let managing = bench::roles_with(change, accounts, Permission::MembersManage).await?;
        let longest = membership::Entity::find()
            .filter(membership::Column::Kind.eq("member"))
            .filter(membership::Column::Role.is_in(managing))
            .filter(membership::Column::AccountId.is_not_in(leaving()))
            .order_by_asc(membership::Column::SinceMs)
            .order_by_asc(membership::Column::AccountId)
            .limit(1);
        let heir = match change.one(longest).await? {
            None => None,
            Some(heir) => {
                let rows = change.unscoped("the name of whoever takes over");
                rows.one(account::Entity::find_by_id(heir.account_id)).await?
            }
        };
        self.planned = planned;
        self.successor = heir.map(|row| names::open(accounts, &row).name);
        Ok(())
    }

    /// With the records that name those who leave.
    pub(crate) async fn with_records(mut self, view: &TenantDb, accounts: &Accounts) -> Result<Self, Refusal> {
        self.records = handover::total(view, accounts, self.leaving.iter().copied()).await?;
        Ok(self)
    }

    /// Each in a sentence.
    pub(crate) fn said(&self) -> Vec<String> {
        let heir = self.successor.as_deref().map_or_else(|| "nobody, as nobody is left".to_owned(), str::to_owned);
        let ends = |number: u64, one: &str, many: &str, does: [&str; 2]| {
            counted(number, one, many).map(|said| format!("{said} {}.", does[usize::from(number != 1)]))
        };
        let parts = [
            ends(self.sessions, "session", "sessions", ["ends", "end"]),
            ends(self.links, "link in a letter", "links in letters", ["dies", "die"]),
            ends(self.grants, "grant to a unit or a record", "grants to units or records", ["goes", "go"]),
            ends(self.addresses, "secret address of a calendar", "secret addresses of calendars", ["goes", "go"]),
            ends(self.invitations, "invitation", "invitations", ["is withdrawn", "are withdrawn"]),
            counted(self.records, "record that names them moves", "records that name them move")
                .map(|said| format!("{said} to {heir}.")),
            counted(self.planned, "end was planned", "ends were planned")
                .filter(|_| self.records > 0)
                .map(|said| format!("{said} with another successor, who takes over then.")),
            counted(self.onward, "item goes", "items go")
                .map(|said| format!("{said} on to the next stage, where somebody else decides; nothing ends yet.")),
        ];
        let mut parts: Vec<String> = parts.into_iter().flatten().collect();
        if self.at_close && !parts.is_empty() {
            parts.insert(0, "It happens when the review is closed. As things are now:".to_owned());
        }
        parts
    }
}

async fn sessions(change: &Change, people: BTreeSet<Uuid>) -> Result<u64, Refusal> {
    let rows = change.unscoped("the sessions that would end, counted");
    Ok(rows.count(session::Entity::find().filter(session::Column::AccountId.is_in(people))).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_along_is_said_in_words_that_fit_its_number() {
        let all = Together { sessions: 1, records: 2, successor: Some("Ada".into()), ..Together::default() };
        assert_eq!(all.said(), ["1 session ends.", "2 records that name them move to Ada."]);
        assert!(Together { at_close: true, ..Together::default() }.said().is_empty());
        let later = Together { at_close: true, grants: 3, ..Together::default() };
        assert_eq!(later.said()[1], "3 grants to units or records go.");
    }
}
