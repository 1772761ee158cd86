//! An access review of many grants: taken down, paged through, and decided about ten thousand at a time.

use std::time::Instant;

use sea_orm::{ActiveModelTrait, ActiveValue, IntoActiveModel};
use serde::Serialize;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{Crowd, Seat, Waiting, all, origin};
use crate::audit::log::Sealer;
use crate::clock::to_ms;
use crate::entity::{membership, reach, session, unit};
use crate::guard::{AccountId, Asks, TenantId, rights};
use crate::identity::Refusal;
use crate::organisations::{founding, units};
use crate::reviews::{self, Form, Kind, ManyForm, Narrowing};
use crate::staged::archives::{memory, settle_memory};

/// Units that every member is let to: of five grants one is a membership.
const UNITS: usize = 4;

/// Decided about at once.
const TOGETHER: usize = 10_000;

/// Pages that are timed.
const PAGES: usize = 300;

/// What was measured.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Measured {
    pub grants: u64,
    pub freeze_s: f64,
    pub page_p50_ms: f64,
    pub page_p99_ms: f64,
    pub decided: u64,
    pub sessions_ended: u64,
    pub decide_s: f64,
    pub close_s: f64,
    /// The most that was held in memory from taking down to closing, over what was held before.
    pub peak_over_idle_mib: f64,
}

fn milliseconds(times: &[f64], of_hundred: usize) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    let at = (times.len() * of_hundred / 100).min(times.len().saturating_sub(1));
    times.get(at).copied().unwrap_or(0.0) * 1000.0
}

impl Crowd {
    /// Makes an organisation of so many grants, reviews them, and says how long each part took.
    ///
    /// # Errors
    /// When the database does not take it, or the review is refused.
    pub async fn review(&self, grants: usize) -> Result<Measured, Refusal> {
        let slug = format!("reviewed-{}", &Uuid::now_v7().simple().to_string()[20..]);
        let session = self.reviewed(&slug, grants / (UNITS + 1)).await?;
        let caller = self.caller(&session).await?;
        let barred = |barred| Refusal::Conflict(format!("{barred:?}"));
        let manager = caller.may::<rights::ReviewsManage>(&slug, Asks::ToDo).map_err(barred)?;
        let reviewer = caller.may::<rights::ReviewsDecide>(&slug, Asks::ToDo).map_err(barred)?;
        let now = OffsetDateTime::now_utc();
        let due = (now + Duration::days(30)).date().to_string();
        let form = Form { name: "Measured", due: &due, ..Form::default() };
        let mut measured = Measured::default();
        let held = settle_memory();
        let began = Instant::now();
        let id = reviews::open(&manager, &self.accounts, &form, &origin(), now).await?;
        measured.freeze_s = began.elapsed().as_secs_f64();
        let mut times = Vec::new();
        for _ in 0..PAGES {
            let began = Instant::now();
            let campaign = reviews::campaign(&reviewer, &self.accounts, id, now).await?;
            let page = reviews::items(&reviewer, &self.accounts, id, &Narrowing::default(), None, now).await?;
            times.push(began.elapsed().as_secs_f64());
            measured.grants = campaign.map_or(0, |campaign| campaign.counts.items);
            if page.is_none_or(|page| page.items.is_empty()) {
                return Err(Refusal::NotFound);
            }
        }
        measured.page_p50_ms = milliseconds(&times, 50);
        measured.page_p99_ms = milliseconds(&times, 99);
        let review = id.to_string();
        let narrowing = Narrowing { kind: Some(Kind::Membership), role: Some(self.plain(0)?), ..Narrowing::default() };
        let mut many =
            ManyForm { review: &review, narrowing, decision: "revoke", note: Some("Measured"), ..ManyForm::default() };
        many.sure = Some(TOGETHER.min(grants / (UNITS + 1) / 2) as u64);
        let began = Instant::now();
        let done = reviews::decide_many(&reviewer, &self.accounts, &many, &origin(), now).await?;
        measured.decide_s = began.elapsed().as_secs_f64();
        (measured.decided, measured.sessions_ended) = (done.decided, done.sessions);
        let began = Instant::now();
        let caller = self.caller(&session).await?;
        let manager = caller.may::<rights::ReviewsManage>(&slug, Asks::ToDo).map_err(barred)?;
        reviews::close(&manager, &self.accounts, &review, &origin(), now).await?;
        measured.close_s = began.elapsed().as_secs_f64();
        measured.peak_over_idle_mib = memory("VmHWM:") - held;
        Ok(measured)
    }

    /// An organisation of so many grants with a review that has just begun, for a browser: whose it is, and where the page lies.
    ///
    /// # Errors
    /// When the database does not take it, or the review is refused.
    pub async fn reviewing(&self, grants: usize) -> Result<(Seat, Uuid), Refusal> {
        let slug = format!("reviewing-{}", &Uuid::now_v7().simple().to_string()[20..]);
        let session = self.reviewed(&slug, grants / (UNITS + 1)).await?;
        let caller = self.caller(&session).await?;
        let barred = |barred| Refusal::Conflict(format!("{barred:?}"));
        let manager = caller.may::<rights::ReviewsManage>(&slug, Asks::ToDo).map_err(barred)?;
        let now = OffsetDateTime::now_utc();
        let due = (now + Duration::days(30)).date().to_string();
        let form = Form { name: "Measured", due: &due, ..Form::default() };
        let id = reviews::open(&manager, &self.accounts, &form, &origin(), now).await?;
        Ok((Seat { slug, session }, id))
    }

    fn plain(&self, which: usize) -> Result<String, Refusal> {
        let mut plain = self.accounts.profile.roles.iter().filter(|(_, role)| !role.privileged);
        let role = plain.nth(which).map(|(name, _)| name.clone());
        role.ok_or_else(|| Refusal::Conflict("the profile has not two plain roles".into()))
    }

    /// So many members of two plain roles by turns, each let to the same units; those of the first are signed in.
    async fn reviewed(&self, slug: &str, members: usize) -> Result<String, Refusal> {
        let mut waiting = Waiting::default();
        let administrator = self.person(&mut waiting, true)?;
        let (tenant, sealer) = self.organisation(&mut waiting, slug, administrator)?;
        let roles = [self.plain(0)?, self.plain(1)?];
        let mut people = Vec::new();
        for nth in 0..members {
            let member = self.person(&mut waiting, nth % 3 == 0)?;
            waiting.memberships.push(membership::ActiveModel {
                tenant_id: ActiveValue::Set(tenant.0),
                scope: ActiveValue::Set("some".to_owned()),
                ..founding::first_member(member, &roles[nth % 2], self.now - Duration::days(60))
            });
            people.push((nth, member));
        }
        let change = self.operator.begin_account().await?;
        waiting.write(&change).await?;
        let session = self.session(&change, administrator).await?;
        let ids: Vec<Uuid> = (0..UNITS).map(|_| Uuid::now_v7()).collect();
        change.enter(tenant).await?;
        all(&change, self.units_of(tenant, &sealer, &ids)?).await?;
        let reaches = people.iter().flat_map(|(_, member)| {
            ids.iter().map(|target| reach::ActiveModel {
                tenant_id: ActiveValue::Set(tenant.0),
                ..units::reaches(member.0, ("unit", *target), administrator.0, self.now)
            })
        });
        all(&change, reaches.collect()).await?;
        let signed_in = people.iter().filter(|(nth, _)| nth % 2 == 0).map(|(_, member)| self.signed_in(*member));
        let signed_in: Result<Vec<_>, Refusal> = signed_in.collect();
        all(&change, signed_in?).await?;
        // As in an organisation that was not made a second ago.
        for table in ["account", "totp", "session", "membership", "unit", "reach"] {
            change.learn(table).await?;
        }
        change.commit_housekeeping().await?;
        Ok(session)
    }

    fn units_of(&self, tenant: TenantId, sealer: &Sealer, ids: &[Uuid]) -> Result<Vec<unit::ActiveModel>, Refusal> {
        let row = |(nth, id): (usize, &Uuid)| {
            Ok(unit::ActiveModel {
                tenant_id: ActiveValue::Set(tenant.0),
                id: ActiveValue::Set(*id),
                name: ActiveValue::Set(
                    sealer.key.seal(&units::name_place(tenant, *id), format!("Unit {nth}").as_bytes())?,
                ),
                name_index: ActiveValue::Set(format!("unit-{nth}")),
                made_at_ms: ActiveValue::Set(to_ms(self.now)),
            })
        };
        ids.iter().enumerate().map(row).collect()
    }

    fn signed_in(&self, member: AccountId) -> Result<session::ActiveModel, Refusal> {
        let row = session::Model {
            id_hash: format!("measured-{}", Uuid::now_v7().simple()),
            public_id: Uuid::now_v7(),
            account_id: member.0,
            factor_at_ms: None,
            password_at_ms: to_ms(self.now),
            created_at_ms: to_ms(self.now),
            seen_at_ms: to_ms(self.now),
            idle_until_ms: to_ms(self.now + Duration::HOUR),
            ends_at_ms: to_ms(self.now + Duration::HOUR),
            origin: self.accounts.vault.seal(&format!("account/{}/origin", member.0), b"{}")?,
            data: String::new(),
        };
        Ok(row.into_active_model().reset_all())
    }
}
