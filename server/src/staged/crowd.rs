//! Many people and organisations, for measuring: written in batches, with the product's own rows, seals and hashes.

mod ending;
mod records;
mod reviews;

pub use self::reviews::Measured;

use std::time::{Duration as Span, Instant};

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::audit::heads::{self, Walked};
use crate::audit::log::{self, Action, Event, Hash, Sealer};
use crate::clock::to_ms;
use crate::crypto::totp::TotpSecret;
use crate::entity::{account, data_key, entry, log_head, membership, organisation, session, totp};
use crate::guard::{AccountChange, AccountId, Actor, Asks, Operator, PERSON_KIND, Rows, TenantId, rights, rule};
use crate::identity::address::Address;
use crate::identity::second_factor::secret_place;
use crate::identity::{Accounts, Origin, Refusal, sessions, sign_up};
use crate::organisations::{founding, members, upkeep};

/// Rows of one statement: SQLite takes 32,766 values, and an account has 14.
const BATCH: usize = 1000;

/// Organisations of one transaction.
const TOGETHER: usize = 500;

/// How far back a big organisation's log goes.
const DAYS: i64 = 60;

/// Where the big organisation is found.
pub const BIG: &str = "big";

/// A signed-in person, by what their cookie holds, and the organisation that they may look at.
#[derive(Clone, Debug, Serialize)]
pub struct Seat {
    pub slug: String,
    pub session: String,
}

/// What is measured, and whom it acts for.
#[derive(Debug)]
pub struct Crowd {
    pub operator: Operator,
    pub accounts: Accounts,
    pub now: OffsetDateTime,
}

/// Rows that are waiting to be written together.
#[derive(Debug, Default)]
struct Waiting {
    accounts: Vec<account::ActiveModel>,
    factors: Vec<totp::ActiveModel>,
    organisations: Vec<organisation::ActiveModel>,
    keys: Vec<data_key::ActiveModel>,
    memberships: Vec<membership::ActiveModel>,
    entries: Vec<entry::ActiveModel>,
    heads: Vec<log_head::ActiveModel>,
}

impl Waiting {
    async fn write(self, change: &AccountChange) -> Result<(), Refusal> {
        let Self { accounts, factors, organisations, keys, memberships, entries, heads } = self;
        all(change, accounts).await?;
        all(change, factors).await?;
        all(change, organisations).await?;
        all(change, keys).await?;
        all(change, memberships).await?;
        all(change, entries).await?;
        all(change, heads).await
    }
}

async fn all<A: ActiveModelTrait + Send>(rows: &Rows, waiting: Vec<A>) -> Result<(), Refusal> {
    let mut waiting = waiting.into_iter().peekable();
    while waiting.peek().is_some() {
        rows.insert_many(waiting.by_ref().take(BATCH).collect()).await?;
    }
    Ok(())
}

/// What a person of the crowd comes from.
fn origin() -> Origin {
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    Origin::new([127, 0, 0, 1].into(), "crowd".into(), agent, None)
}

impl Crowd {
    /// `number` organisations of one founder each, in shared databases. The first `seats` founders are signed in.
    ///
    /// # Errors
    /// When the database does not take them.
    pub async fn organisations(&self, number: usize, seats: usize) -> Result<Vec<Seat>, Refusal> {
        let mut taken = Vec::new();
        for first in (0..number).step_by(TOGETHER) {
            let mut waiting = Waiting::default();
            let mut founders = Vec::new();
            for nth in first..number.min(first + TOGETHER) {
                let slug = format!("acme-{nth}");
                let founder = self.person(&mut waiting, true)?;
                self.organisation(&mut waiting, &slug, founder)?;
                founders.push((nth, slug, founder));
            }
            let change = self.operator.begin_account().await?;
            waiting.write(&change).await?;
            for (_, slug, founder) in founders.into_iter().filter(|(nth, _, _)| *nth < seats) {
                taken.push(Seat { slug, session: self.session(&change, founder).await? });
            }
            change.commit_housekeeping().await?;
        }
        Ok(taken)
    }

    /// One organisation of `members`, every other one with a second factor, whose log has `entries` of the last sixty days; with the tallies
    /// of thirty days. Its first administrator is signed in.
    ///
    /// # Errors
    /// When the database does not take it.
    pub async fn big(&self, members: usize, entries: i64) -> Result<Seat, Refusal> {
        let mut waiting = Waiting::default();
        let administrator = self.person(&mut waiting, true)?;
        let (tenant, sealer) = self.organisation(&mut waiting, BIG, administrator)?;
        let roles: Vec<&String> =
            self.accounts.profile.roles.iter().filter(|(_, role)| !role.privileged).map(|(name, _)| name).collect();
        let mut people = vec![administrator];
        for nth in 1..members {
            let member = self.person(&mut waiting, nth % 2 == 0)?;
            let role = roles.get(nth % roles.len().max(1)).map_or("", |role| role.as_str());
            waiting.memberships.push(membership::ActiveModel {
                tenant_id: ActiveValue::Set(tenant.0),
                ..founding::first_member(member, role, self.now - Duration::days(DAYS))
            });
            people.push(member);
        }
        // Its log is another than that of those who were just founded.
        waiting.entries.clear();
        waiting.heads.clear();
        let (mut seq, mut hash) = (0, log::genesis(tenant));
        while seq < entries {
            let row = self.entry(tenant, &sealer, (seq, &hash), &people, entries)?;
            (seq, hash) = (row.seq, row.hash.as_slice().try_into().unwrap_or_default());
            waiting.entries.push(row.into_active_model().reset_all());
        }
        waiting.heads.push(head(tenant, seq, hash));
        let change = self.operator.begin_account().await?;
        waiting.write(&change).await?;
        let session = self.session(&change, administrator).await?;
        change.commit_housekeeping().await?;
        for day in (0..30).rev() {
            upkeep::count(&self.operator, &self.accounts, tenant, self.now - Duration::days(day)).await?;
        }
        Ok(Seat { slug: BIG.to_owned(), session })
    }

    /// Mostly sign-ins, as logs are, one as long after the other.
    fn entry(
        &self,
        tenant: TenantId,
        sealer: &Sealer,
        after: (i64, &Hash),
        people: &[AccountId],
        entries: i64,
    ) -> Result<entry::Model, Refusal> {
        let pick = |step: i64| {
            let nth = usize::try_from(after.0.wrapping_mul(step)).unwrap_or(0) % people.len();
            people.get(nth).map_or(Uuid::nil(), |person| person.0)
        };
        let (actor, other) = (pick(7919), pick(104_729));
        let event = match after.0 % 10 {
            0 => Event::of(Action::RoleChanged, other).with("from", "Employee").with("to", "Analyst"),
            1 => Event::refused(Action::FactorRefused, actor),
            2 => Event::refused(Action::AccessDenied, actor).with("what", "members_manage"),
            _ => Event::of(Action::SignedIn, actor),
        };
        let at = self.now - Duration::milliseconds((entries - after.0) * (DAYS * 86_400_000 / entries.max(1)));
        let written = log::write(sealer, tenant, Actor::Person(AccountId(actor)), &event, at)?;
        Ok(log::after(after, tenant, &written))
    }

    /// Organisations as people make them, one after the other: how long each took, in milliseconds, and its founder, signed in.
    ///
    /// # Errors
    /// When one cannot be made.
    pub async fn found(&self, number: usize) -> Result<Vec<(f64, Seat)>, Refusal> {
        let (visitor, mut made) = (self.operator.visitor(), Vec::new());
        for nth in 0..number {
            let mut waiting = Waiting::default();
            let founder = self.person(&mut waiting, true)?;
            let change = self.operator.begin_account().await?;
            waiting.write(&change).await?;
            let session = self.session(&change, founder).await?;
            change.commit_housekeeping().await?;
            let caller = self.caller(&session).await?;
            let signed_in = caller.prove::<rule::SignedIn>().map_err(|_| Refusal::SignedOut)?;
            let (name, began) = (format!("Founded {nth}"), Instant::now());
            let slug =
                founding::create(&signed_in, &visitor, &self.accounts, &name, &origin(), OffsetDateTime::now_utc())
                    .await?;
            made.push((began.elapsed().as_secs_f64() * 1000.0, Seat { slug, session }));
        }
        Ok(made)
    }

    /// Walks the big organisation's log: how many entries, in what time, and in what time the same bytes are hashed and nothing else.
    ///
    /// # Errors
    /// When the database does not answer. A log that does not hold is a conflict.
    pub async fn verify(&self) -> Result<(i64, Span, Span), Refusal> {
        let tenant = self.tenant(BIG).await?;
        let began = Instant::now();
        let walked = heads::verify(&self.operator, &self.accounts, tenant).await?;
        let took = began.elapsed();
        let entries = match walked {
            Walked::Holds { entries, .. } => entries,
            Walked::Broken { at, why } => return Err(Refusal::Conflict(format!("entry {at}: {why}"))),
        };
        let some = entry::Entity::find().order_by_asc(entry::Column::Seq).limit(20_000);
        let rows = self.operator.view(tenant).await?.all(some).await?;
        let bytes: Vec<Vec<u8>> = rows
            .iter()
            .map(|row| {
                let mut bytes = vec![0];
                log::canonical(row, |part| bytes.extend(part));
                bytes
            })
            .collect();
        let (began, mut previous) = (Instant::now(), log::genesis(tenant));
        for leaf in &bytes {
            let leaf = Sha256::digest(leaf);
            previous = Sha256::new().chain_update([2]).chain_update(previous).chain_update(leaf).finalize().into();
        }
        let alone = began.elapsed();
        if rows.last().is_none_or(|row| row.hash != previous) {
            return Err(Refusal::Conflict("the bare hashes are of other bytes".into()));
        }
        let times = f64::from(u32::try_from(entries).unwrap_or(0)) / f64::from(u32::try_from(rows.len()).unwrap_or(1));
        Ok((entries, took, alone.mul_f64(times)))
    }

    /// Changes of role as an administrator makes them, and as many appends to the same log, each in a change of its own: the time of the
    /// former whole, and of the latter without beginning and committing.
    ///
    /// # Errors
    /// When a change is refused.
    pub async fn append(&self, number: usize, seat: &Seat) -> Result<(Span, Span), Refusal> {
        let tenant = self.tenant(&seat.slug).await?;
        let caller = self.caller(&seat.session).await?;
        let manager = caller
            .may::<rights::MembersManage>(&seat.slug, Asks::ToDo)
            .map_err(|barred| Refusal::Conflict(format!("{barred:?}")))?;
        let plain: Vec<&String> =
            self.accounts.profile.roles.iter().filter(|(_, role)| !role.privileged).map(|(name, _)| name).collect();
        let (Some(one), Some(other)) = (plain.first(), plain.get(1)) else {
            return Err(Refusal::Conflict("the profile has not two plain roles".into()));
        };
        let somebody = membership::Entity::find().filter(membership::Column::Role.eq(one.as_str()));
        let somebody = self.operator.view(tenant).await?.one(somebody).await?.ok_or(Refusal::SignedOut)?.account_id;
        let (mut whole, mut appended) = (Span::ZERO, Span::ZERO);
        for nth in 0..number {
            let (from, to) = if nth % 2 == 0 { (one, other) } else { (other, one) };
            let began = Instant::now();
            members::change_role(&manager, &self.accounts, &somebody.to_string(), to, &origin(), self.now).await?;
            whole += began.elapsed();
            let sealer = self.accounts.sealer(tenant, &origin()).await?;
            let change = self.operator.begin_in(tenant, Actor::System, sealer).await?;
            let event = Event::of(Action::RoleChanged, somebody).with("from", from.as_str()).with("to", to.as_str());
            let began = Instant::now();
            change.also(&event, self.now).await?;
            appended += began.elapsed();
            change.commit_housekeeping().await?;
        }
        Ok((whole, appended))
    }

    /// The schedule's round through all organisations, as the server makes one each minute.
    ///
    /// # Errors
    /// When the list of organisations cannot be read, or a round breaks.
    pub async fn round(&self) -> Result<Span, Refusal> {
        let began = Instant::now();
        let round = upkeep::all(&self.operator, &self.accounts, self.now).await?;
        if round.broken > 0 {
            return Err(Refusal::Conflict(format!("the round broke in {} organisations", round.broken)));
        }
        Ok(began.elapsed())
    }

    fn person(&self, waiting: &mut Waiting, enrolled: bool) -> Result<AccountId, Refusal> {
        let address = Address::parse(&format!("p{}@acme.example", Uuid::now_v7().simple()))
            .map_err(|error| Refusal::Conflict(format!("{error:?}")))?;
        let (index, hash) = (address.index(self.accounts.vault.hashes()), self.accounts.hasher.nobody().to_owned());
        let row = sign_up::person(
            &self.accounts,
            PERSON_KIND,
            (address.as_str(), &index),
            "Ada Lovelace",
            hash,
            self.now - Duration::days(DAYS),
        )?;
        let account = AccountId(row.id);
        waiting.accounts.push(row.into_active_model().reset_all());
        if enrolled {
            let secret = TotpSecret::new([7; 20]);
            waiting.factors.push(totp::ActiveModel {
                account_id: ActiveValue::Set(account.0),
                secret: ActiveValue::Set(self.accounts.vault.seal(&secret_place(account), secret.bytes())?),
                last_step: ActiveValue::Set(0),
                confirmed_at_ms: ActiveValue::Set(to_ms(self.now - Duration::days(DAYS))),
            });
        }
        Ok(account)
    }

    fn organisation(
        &self,
        waiting: &mut Waiting,
        slug: &str,
        founder: AccountId,
    ) -> Result<(TenantId, Sealer), Refusal> {
        let tenant = TenantId(Uuid::now_v7());
        let key = self.accounts.vault.new_key(tenant, self.now)?;
        let row = founding::row(&self.accounts, tenant, slug, slug, self.now)?;
        waiting.organisations.push(row.into_active_model().reset_all());
        waiting.keys.push(key.row);
        let role = &self.accounts.profile.policy.sign_up.first_role;
        waiting.memberships.push(membership::ActiveModel {
            tenant_id: ActiveValue::Set(tenant.0),
            ..founding::first_member(founder, role, self.now - Duration::days(DAYS))
        });
        let sealer = Sealer { key: key.ring, place: origin().place, trace: None };
        let event = Event::of(Action::OrganisationMade, tenant.0).with("role", role);
        let written = log::write(&sealer, tenant, Actor::Person(founder), &event, self.now)?;
        let row = log::after((0, &log::genesis(tenant)), tenant, &written);
        waiting.heads.push(head(tenant, row.seq, row.hash.as_slice().try_into().unwrap_or_default()));
        waiting.entries.push(row.into_active_model().reset_all());
        Ok((tenant, sealer))
    }

    /// A session that has just been stepped up.
    async fn session(&self, change: &AccountChange, account: AccountId) -> Result<String, Refusal> {
        let now = OffsetDateTime::now_utc();
        let id = sessions::begin(change, &self.accounts, account, None, &origin(), now).await?;
        let set = session::Entity::update_many()
            .col_expr(session::Column::FactorAtMs, Expr::value(Some(to_ms(now))))
            .filter(session::Column::IdHash.eq(id.hash()));
        change.update(set).await?;
        Ok(id.text())
    }

    async fn caller(&self, session: &str) -> Result<crate::guard::Caller, Refusal> {
        let id = crate::guard::SessionId::parse(session).ok_or(Refusal::SignedOut)?;
        let caller =
            self.operator.visitor().caller(&self.accounts.profile, &id.hash(), OffsetDateTime::now_utc()).await?;
        caller.ok_or(Refusal::SignedOut)
    }

    async fn tenant(&self, slug: &str) -> Result<TenantId, Refusal> {
        let found = self.operator.visitor().tenant_of(slug).await?;
        found.ok_or_else(|| Refusal::Conflict(format!("there is no organisation {slug}")))
    }
}

fn head(tenant: TenantId, seq: i64, hash: Hash) -> log_head::ActiveModel {
    log_head::ActiveModel {
        tenant_id: ActiveValue::Set(tenant.0),
        seq: ActiveValue::Set(seq),
        hash: ActiveValue::Set(hash.to_vec()),
    }
}
