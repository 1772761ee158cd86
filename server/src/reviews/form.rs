//! What somebody asks for when a review is opened, checked before anything is done.

use std::collections::BTreeSet;

use contract::permission::Permission;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::words::{Effect, Scope, Silence, WhenDue};
use crate::entity::{membership, unit};
use crate::guard::Change;
use crate::identity::address::Address;
use crate::identity::{Accounts, Refusal, sign_up};
use crate::organisations::{members, roles};

/// Stages of one review; two pairs of eyes and one to spare.
const MOST_STAGES: usize = 3;

/// A review is to be done within a year.
const LONGEST: Duration = Duration::days(366);

/// What a form says. What is left empty is the first choice of its kind.
#[derive(Clone, Debug, Default)]
pub struct Form<'a> {
    pub name: &'a str,
    /// `all`, `role:NAME`, `unit:ID`, `privileged` or `unused`.
    pub scope: &'a str,
    /// Of each stage, people by their id or address. No stage: one, in which everybody decides who may.
    pub reviewers: &'a [Vec<&'a str>],
    /// Who decides when nobody of the reviewers can.
    pub fallback: Option<&'a str>,
    /// The last day, as 2026-12-31, in the profile's time zone.
    pub due: &'a str,
    pub silence: &'a str,
    pub effect: &'a str,
    /// `wait` or `close`.
    pub when_due: &'a str,
    /// Whether it waits to be begun.
    pub draft: bool,
}

/// A form that fits.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) scope: Scope,
    pub(crate) stages: Vec<BTreeSet<Uuid>>,
    pub(crate) fallback: Option<Uuid>,
    pub(crate) due: OffsetDateTime,
    pub(crate) silence: Silence,
    pub(crate) effect: Effect,
    pub(crate) when_due: WhenDue,
}

impl Wanted {
    /// # Errors
    /// [`Refusal::Field`] with the first that does not fit.
    pub(crate) async fn read(
        change: &Change,
        accounts: &Accounts,
        form: &Form<'_>,
        now: OffsetDateTime,
    ) -> Result<Self, Refusal> {
        let name = members::short("name", form.name)?;
        let scope = scope(change, accounts, form.scope).await?;
        let silence = choice("silence", form.silence, Silence::Keep, Silence::parse)?;
        let effect = choice("effect", form.effect, Effect::AtOnce, Effect::parse)?;
        let when_due = choice("when_due", form.when_due, WhenDue::Wait, WhenDue::parse)?;
        let due = due(accounts, form.due, now)?;
        if form.reviewers.len() > MOST_STAGES {
            return Err(Refusal::Field("reviewer", format!("a review has at most {MOST_STAGES} stages")));
        }
        let able = roles::with(change, &accounts.profile, Permission::ReviewsDecide).await?;
        let mut stages = Vec::new();
        for named in form.reviewers {
            let mut stage = BTreeSet::new();
            for text in named.iter().filter(|text| !text.trim().is_empty()) {
                stage.insert(reviewer(change, accounts, "reviewer", text, &able).await?);
            }
            if !stage.is_empty() || form.reviewers.len() > 1 {
                stages.push(stage);
            }
        }
        let fallback = match form.fallback.filter(|text| !text.trim().is_empty()) {
            None => None,
            Some(text) => Some(reviewer(change, accounts, "fallback", text, &able).await?),
        };
        Ok(Self { name, scope, stages, fallback, due, silence, effect, when_due })
    }

    pub(crate) fn stage_count(&self) -> i32 {
        i32::try_from(self.stages.len().max(1)).unwrap_or(1)
    }
}

pub(crate) fn choice<T>(
    field: &'static str,
    text: &str,
    first: T,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, Refusal> {
    if text.is_empty() {
        return Ok(first);
    }
    parse(text).ok_or_else(|| Refusal::Field(field, "choose one of those that are offered".into()))
}

async fn scope(change: &Change, accounts: &Accounts, text: &str) -> Result<Scope, Refusal> {
    let scope = Scope::parse(text).ok_or_else(|| Refusal::Field("scope", "choose what is to be reviewed".into()))?;
    match &scope {
        Scope::All | Scope::Privileged | Scope::Unused => {}
        Scope::Role(name) => {
            let known = roles::permissions(change, &accounts.profile, name).await?;
            let held = membership::Entity::find().filter(membership::Column::Role.eq(name));
            if known.is_none() && change.count(held).await? == 0 {
                return Err(Refusal::Field("scope", "there is no such role here".into()));
            }
        }
        Scope::Unit(id) => {
            let there = unit::Entity::find().filter(unit::Column::Id.eq(*id));
            if change.one(there).await?.is_none() {
                return Err(Refusal::Field("scope", "there is no such unit here".into()));
            }
        }
    }
    Ok(scope)
}

/// The end of a day where the profile's office is.
pub(crate) fn due(accounts: &Accounts, text: &str, now: OffsetDateTime) -> Result<OffsetDateTime, Refusal> {
    let wrong = || Refusal::Field("due", "write the day as 2026-12-31".into());
    let date: jiff::civil::Date = text.trim().parse().map_err(|_| wrong())?;
    let zone = jiff::tz::TimeZone::get(&accounts.profile.policy.calendar.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let next = date.tomorrow().map_err(|_| wrong())?.to_zoned(zone).map_err(|_| wrong())?;
    let due = OffsetDateTime::from_unix_timestamp(next.timestamp().as_second() - 1).map_err(|_| wrong())?;
    if due <= now {
        return Err(Refusal::Field("due", "choose a day that is still to come".into()));
    }
    if due > now + LONGEST {
        return Err(Refusal::Field("due", "choose a day within a year".into()));
    }
    Ok(due)
}

/// A member who may decide, by id or by address.
pub(crate) async fn reviewer(
    change: &Change,
    accounts: &Accounts,
    field: &'static str,
    text: &str,
    able: &[String],
) -> Result<Uuid, Refusal> {
    let text = text.trim();
    let unknown = || Refusal::Field(field, "there is no such member here".into());
    let account = if let Ok(id) = text.parse::<Uuid>() {
        id
    } else {
        let address = Address::parse(text).map_err(|_| unknown())?;
        let rows = change.unscoped("the account of an address that a manager typed; its membership is asked for next");
        let found = rows.one(sign_up::of_index(&address.index(accounts.vault.hashes()))).await?;
        found.ok_or_else(unknown)?.id
    };
    let member = membership::Entity::find()
        .filter(membership::Column::AccountId.eq(account))
        .filter(membership::Column::Kind.eq("member"));
    let member = change.one(member).await?.ok_or_else(unknown)?;
    if !able.contains(&member.role) {
        return Err(Refusal::Field(field, "this person's role does not let them decide in reviews".into()));
    }
    Ok(account)
}
