//! Legal holds: what the law requires to be kept is kept, on a basis, for a scope and until a day, and whoever asks for deletion sees it.

use std::collections::BTreeSet;

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, Select};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::audit::log::{Action, Event};
use crate::clock::{from_ms, parse_date, rfc3339, to_ms};
use crate::entity::{departure, legal_hold, membership, organisation, record};
use crate::guard::{Actor, Allowed, Change, Operator, Right, TenantDb, TenantId, rights};
use crate::identity::{Accounts, Origin, Refusal};
use crate::organisations::names;
use crate::vault::Keyring;

/// Most characters of a basis or a scope.
const TEXT: usize = 300;

/// What a hold is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Organisation,
    Person,
    Record,
}

impl Kind {
    pub const ALL: &[Self] = &[Self::Organisation, Self::Person, Self::Record];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Organisation => "organisation",
            Self::Person => "person",
            Self::Record => "record",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.word() == word)
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Form<'a> {
    pub kind: &'a str,
    /// The id of the person or the record; nothing for the organisation.
    pub subject: Option<&'a str>,
    pub basis: &'a str,
    pub scope: &'a str,
    /// The last day, such as 2027-04-30; the hold ends with it, in UTC.
    pub until: &'a str,
}

/// A form whose every field fits.
struct Wanted {
    kind: Kind,
    subject: Uuid,
    basis: String,
    scope: String,
    ends_at: OffsetDateTime,
}

impl Form<'_> {
    fn read(&self, tenant: TenantId, now: OffsetDateTime) -> Result<Wanted, Refusal> {
        let kind = Kind::parse(self.kind)
            .ok_or_else(|| Refusal::Field("kind", "choose organisation, person or record".into()))?;
        let subject = match (kind, self.subject) {
            (Kind::Organisation, _) => tenant.0,
            (Kind::Person | Kind::Record, Some(id)) => id.trim().parse().map_err(|_| nobody())?,
            (Kind::Person | Kind::Record, None) => return Err(nobody()),
        };
        let ends_at = parse_date(self.until).map_err(|said| Refusal::Field("until", said))?;
        let ends_at = ends_at.next_day().unwrap_or(ends_at).midnight().assume_utc();
        if ends_at <= now {
            return Err(Refusal::Field("until", "a hold ends on a day that is still to come".into()));
        }
        let basis = text("basis", self.basis, "say which law or order requires it")?;
        let scope = text("scope", self.scope, "say what has to be kept")?;
        Ok(Wanted { kind, subject, basis, scope, ends_at })
    }
}

fn nobody() -> Refusal {
    Refusal::Field("subject", "there is no such person or record here".into())
}

fn text(field: &'static str, text: &str, empty: &str) -> Result<String, Refusal> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Refusal::Field(field, empty.into()));
    }
    if text.chars().count() > TEXT || text.chars().any(char::is_control) {
        return Err(Refusal::Field(field, format!("at most {TEXT} characters in one line")));
    }
    Ok(text.to_owned())
}

/// Places a hold on one's own organisation, on somebody in it, or on a record.
///
/// # Errors
/// [`Refusal::Field`] when basis, scope or end is missing, or there is no such person or record; [`Refusal::Conflict`] when its purge has begun.
pub async fn place(
    owner: &Allowed<rights::OrganisationManage>,
    accounts: &Accounts,
    form: &Form<'_>,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<Uuid, Refusal> {
    let wanted = form.read(owner.here().tenant, now)?;
    exists(&owner.read().await?, &wanted).await?;
    let actor = if owner.is_operator { Actor::Operator(owner.account) } else { Actor::Person(owner.account) };
    write(owner.begin(accounts, origin).await?, wanted, actor, now).await
}

/// The same by the vendor, who is bound by the law as well, also on an organisation that is closed.
///
/// # Errors
/// See [`place`]; [`Refusal::Field`] on `organisation` when there is none.
pub async fn place_by_operator(
    operator: &Operator,
    accounts: &Accounts,
    slug: &str,
    form: &Form<'_>,
    now: OffsetDateTime,
) -> Result<Uuid, Refusal> {
    let tenant = of_slug(operator, slug).await?;
    let wanted = form.read(tenant, now)?;
    exists(&operator.view(tenant).await?, &wanted).await?;
    let sealer = accounts.sealer(tenant, &Origin::of_program()).await?;
    write(operator.begin_in(tenant, Actor::System, sealer).await?, wanted, Actor::System, now).await
}

async fn of_slug(operator: &Operator, slug: &str) -> Result<TenantId, Refusal> {
    let row = organisation::Entity::find()
        .filter(organisation::Column::Slug.eq(slug))
        .filter(organisation::Column::PurgeBeganAtMs.is_null());
    let row = operator.all(row).await?.into_iter().next();
    row.map(|row| TenantId(row.id))
        .ok_or_else(|| Refusal::Field("organisation", format!("there is no organisation \"{slug}\"")))
}

/// The same answer for what does not exist and for what belongs to somebody else.
async fn exists(view: &TenantDb, wanted: &Wanted) -> Result<(), Refusal> {
    let id = wanted.subject;
    let found = match wanted.kind {
        Kind::Organisation => 1,
        Kind::Person => {
            view.count(membership::Entity::find().filter(membership::Column::AccountId.eq(id))).await?
                + view.count(departure::Entity::find().filter(departure::Column::AccountId.eq(id))).await?
        }
        Kind::Record => view.count(record::Entity::find().filter(record::Column::Id.eq(id))).await?,
    };
    if found == 0 { Err(nobody()) } else { Ok(()) }
}

async fn write(change: Change, wanted: Wanted, actor: Actor, now: OffsetDateTime) -> Result<Uuid, Refusal> {
    let (id, tenant) = (Uuid::now_v7(), change.tenant());
    // Held, as whoever condemns it does: either the hold is seen there, or what was begun is seen here.
    let own = change.unscoped("the organisation's own row, held").one_held(of_id(tenant)).await?;
    if own.is_none_or(|own| own.purge_began_at_ms.is_some()) {
        return Err(Refusal::Conflict("It is too late: what was kept here is being destroyed.".into()));
    }
    let Wanted { kind, subject, basis, scope, ends_at } = wanted;
    let row = legal_hold::ActiveModel {
        tenant_id: ActiveValue::NotSet,
        id: ActiveValue::Set(id),
        kind: ActiveValue::Set(kind.word().to_owned()),
        subject: ActiveValue::Set(subject),
        basis: ActiveValue::Set(change.seal(&sealed_at(tenant, id, "basis"), basis.as_bytes())?),
        scope: ActiveValue::Set(change.seal(&sealed_at(tenant, id, "scope"), scope.as_bytes())?),
        placed_kind: ActiveValue::Set(actor.kind().to_owned()),
        placed_by: ActiveValue::Set(actor.id()),
        placed_at_ms: ActiveValue::Set(to_ms(now)),
        ends_at_ms: ActiveValue::Set(to_ms(ends_at)),
        lifted_at_ms: ActiveValue::Set(None),
    };
    change.insert(row).await?;
    let event = Event::of(Action::HoldPlaced, subject).with("kind", kind.word()).with("until", rfc3339(ends_at));
    change.commit(&event, now).await?;
    Ok(id)
}

/// The row that a hold and a purge wait for each other at.
pub(crate) fn of_id(tenant: TenantId) -> Select<organisation::Entity> {
    organisation::Entity::find().filter(organisation::Column::Id.eq(tenant.0))
}

pub(crate) fn sealed_at(tenant: TenantId, id: Uuid, what: &str) -> String {
    format!("hold/{}/{id}/{what}", tenant.0)
}

/// Lifts a hold before its end.
///
/// # Errors
/// [`Refusal::Field`] when there is none in force of this id.
pub async fn lift(
    owner: &Allowed<rights::OrganisationManage>,
    accounts: &Accounts,
    hold: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let change = owner.begin(accounts, origin).await?;
    let row = change.one(named(hold)?).await?.ok_or_else(no_hold)?;
    if row.placed_kind != "person" {
        return Err(Refusal::Conflict("We placed this hold, so it is for us to lift it.".into()));
    }
    take_off(change, &row, now).await
}

/// The same by the vendor.
///
/// # Errors
/// See [`lift`].
pub async fn lift_by_operator(
    operator: &Operator,
    accounts: &Accounts,
    slug: &str,
    hold: &str,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let tenant = of_slug(operator, slug).await?;
    let sealer = accounts.sealer(tenant, &Origin::of_program()).await?;
    let change = operator.begin_in(tenant, Actor::System, sealer).await?;
    let row = change.one(named(hold)?).await?.ok_or_else(no_hold)?;
    take_off(change, &row, now).await
}

fn no_hold() -> Refusal {
    Refusal::Field("hold", "there is no such hold here".into())
}

fn named(hold: &str) -> Result<Select<legal_hold::Entity>, Refusal> {
    let id: Uuid = hold.parse().map_err(|_| no_hold())?;
    Ok(legal_hold::Entity::find()
        .filter(legal_hold::Column::Id.eq(id))
        .filter(legal_hold::Column::LiftedAtMs.is_null()))
}

async fn take_off(change: Change, row: &legal_hold::Model, now: OffsetDateTime) -> Result<(), Refusal> {
    let set = legal_hold::Entity::update_many()
        .col_expr(legal_hold::Column::LiftedAtMs, Expr::value(Some(to_ms(now))))
        .filter(legal_hold::Column::Id.eq(row.id));
    change.update(set).await?;
    Ok(change.commit(&Event::of(Action::HoldLifted, row.subject).with("kind", &row.kind), now).await?)
}

/// One hold as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub id: Uuid,
    pub kind: Kind,
    pub subject: Uuid,
    pub basis: String,
    pub scope: String,
    pub placed_by: String,
    /// Whether the organisation placed it, and may lift it.
    pub own: bool,
    pub placed: OffsetDateTime,
    pub ends: OffsetDateTime,
    pub lifted: Option<OffsetDateTime>,
}

impl Shown {
    pub fn in_force(&self, now: OffsetDateTime) -> bool {
        self.lifted.is_none() && self.ends > now
    }
}

/// All holds of an organisation, those that end last first.
///
/// # Errors
/// When the database does not answer.
pub async fn list<R: Right>(reader: &Allowed<R>, accounts: &Accounts) -> Result<Vec<Shown>, Refusal> {
    shown(&reader.read().await?, accounts).await
}

/// The same for the vendor.
///
/// # Errors
/// See [`place_by_operator`].
pub async fn list_by_operator(operator: &Operator, accounts: &Accounts, slug: &str) -> Result<Vec<Shown>, Refusal> {
    let tenant = of_slug(operator, slug).await?;
    shown(&operator.view(tenant).await?, accounts).await
}

pub(crate) async fn shown(view: &TenantDb, accounts: &Accounts) -> Result<Vec<Shown>, Refusal> {
    let rows = view.all(legal_hold::Entity::find().order_by_desc(legal_hold::Column::EndsAtMs)).await?;
    let people = names::of(view, accounts, rows.iter().map(|row| row.placed_by)).await?;
    let ring = accounts.vault.within(view).await?;
    let shown = |row: legal_hold::Model| {
        let by = names::called(&people, row.placed_by);
        opened(view.tenant(), &ring, &row, by)
    };
    Ok(rows.into_iter().filter_map(shown).collect())
}

fn opened(tenant: TenantId, ring: &Keyring, row: &legal_hold::Model, placed_by: String) -> Option<Shown> {
    let open = |what: &str, sealed: &[u8]| {
        ring.open(&sealed_at(tenant, row.id, what), sealed)
            .map(|plain| String::from_utf8_lossy(&plain).into_owned())
            .unwrap_or_default()
    };
    Some(Shown {
        id: row.id,
        kind: Kind::parse(&row.kind)?,
        subject: row.subject,
        basis: open("basis", &row.basis),
        scope: open("scope", &row.scope),
        placed_by,
        own: row.placed_kind == "person",
        placed: from_ms(row.placed_at_ms),
        ends: from_ms(row.ends_at_ms),
        lifted: row.lifted_at_ms.map(from_ms),
    })
}

/// One hold as whoever it concerns sees it: not by whom it was placed.
pub(crate) fn open_row(look: &Change, row: &legal_hold::Model) -> Option<Shown> {
    opened(look.tenant(), look.ring(), row, String::new())
}

/// The holds of an organisation that are in force.
pub(crate) fn now_in_force(tenant: TenantId, now: OffsetDateTime) -> Select<legal_hold::Entity> {
    legal_hold::Entity::find()
        .filter(legal_hold::Column::TenantId.eq(tenant.0))
        .filter(legal_hold::Column::LiftedAtMs.is_null())
        .filter(legal_hold::Column::EndsAtMs.gt(to_ms(now)))
}

/// The records that these holds keep; nothing where one of them keeps all there is: the trail of a person runs through the whole log.
pub(super) fn records(held: &[legal_hold::Model]) -> Option<BTreeSet<Uuid>> {
    held.iter().map(|row| (Kind::parse(&row.kind) == Some(Kind::Record)).then_some(row.subject)).collect()
}

/// Whether these are the same holds.
pub(super) fn same(some: &[legal_hold::Model], others: &[legal_hold::Model]) -> bool {
    let ids = |rows: &[legal_hold::Model]| rows.iter().map(|row| row.id).collect::<BTreeSet<_>>();
    ids(some) == ids(others)
}

/// Whether all that is left of an organisation is held, so that nothing of it is due.
pub(crate) async fn keep_all(
    operator: &Operator,
    row: &organisation::Model,
    now: OffsetDateTime,
) -> Result<bool, DbErr> {
    let tenant = TenantId(row.id);
    let held = operator.view(tenant).await?.all(now_in_force(tenant, now)).await?;
    Ok(!held.is_empty() && (row.reduced_at_ms.is_some() || records(&held).is_none()))
}

/// Whether somebody is held in an organisation: by a hold on them, or on all of it while they belong to it.
pub(crate) async fn of_person(
    operator: &Operator,
    tenant: TenantId,
    person: Uuid,
    now: OffsetDateTime,
) -> Result<bool, DbErr> {
    let view = operator.view(tenant).await?;
    let held = view.all(now_in_force(tenant, now)).await?;
    if held.iter().any(|row| row.subject == person) {
        return Ok(true);
    }
    let belongs = membership::Entity::find().filter(membership::Column::AccountId.eq(person));
    Ok(held.iter().any(|row| row.subject == tenant.0) && view.count(belongs).await? > 0)
}

/// When the last hold ended, if there was one.
pub(crate) async fn last_end(operator: &Operator, tenant: TenantId) -> Result<Option<i64>, DbErr> {
    let rows = operator.view(tenant).await?.all(legal_hold::Entity::find()).await?;
    Ok(rows.iter().map(|row| row.lifted_at_ms.unwrap_or(row.ends_at_ms)).max())
}

/// The same of the holds on one person.
pub(crate) async fn last_end_of(operator: &Operator, tenant: TenantId, person: Uuid) -> Result<Option<i64>, DbErr> {
    let own = legal_hold::Entity::find().filter(legal_hold::Column::Subject.eq(person));
    let rows = operator.view(tenant).await?.all(own).await?;
    Ok(rows.iter().map(|row| row.lifted_at_ms.unwrap_or(row.ends_at_ms)).max())
}
