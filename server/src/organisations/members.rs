//! The members of an organisation: listed by page, and changed one at a time.

use std::collections::BTreeMap;

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, FromQueryResult, JoinType, Order, QueryFilter, QueryOrder, QuerySelect,
    RelationDef, Select, UpdateMany,
};
use time::OffsetDateTime;
use uuid::Uuid;

pub use super::reach::{grant_reach, withdraw_reach};
use super::{names, roles, unknown};
use crate::audit::log::{Action, Event};
use crate::clock::{from_ms, to_ms};
use crate::entity::{account, membership, reach, totp};
use crate::guard::{Allowed, Change, Right, TenantDb, rights};
use crate::identity::address::Address;
use crate::identity::{Accounts, Origin, Refusal};

/// How many members a page shows.
pub const PAGE: u64 = 50;

/// Which members, in which order.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// A whole address: names and addresses are sealed, so parts of them cannot be looked for.
    pub address: Option<String>,
    pub role: Option<String>,
    /// `yes` or `no`.
    pub factor: Option<String>,
    pub sort: Sort,
    /// Where the page before ended.
    pub after: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    #[default]
    Joined,
    Role,
    Seen,
}

impl Sort {
    pub const ALL: [Self; 3] = [Self::Joined, Self::Role, Self::Seen];

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.word() == word)
    }

    pub const fn word(self) -> &'static str {
        match self {
            Self::Joined => "",
            Self::Role => "role",
            Self::Seen => "seen",
        }
    }
}

/// One member.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent fact about a member")]
pub struct Member {
    pub account: Uuid,
    pub name: String,
    pub address: String,
    pub role: String,
    pub enrolled: bool,
    pub needs_factor: bool,
    pub reaches_all: bool,
    pub is_help: bool,
    pub ends_at: Option<OffsetDateTime>,
    pub since: OffsetDateTime,
    pub seen: Option<OffsetDateTime>,
}

/// A page of members, and where the next one begins.
#[derive(Clone, Debug)]
pub struct Listed {
    pub members: Vec<Member>,
    pub next: Option<String>,
}

#[derive(Debug, FromQueryResult)]
struct Row {
    account_id: Uuid,
    role: String,
    since_ms: i64,
    member_kind: String,
    scope: String,
    ends_at_ms: Option<i64>,
    name: Vec<u8>,
    address: Vec<u8>,
    account_kind: String,
    seen_at_ms: Option<i64>,
    must_enrol: i32,
    confirmed_at_ms: Option<i64>,
}

fn everything() -> Select<membership::Entity> {
    let person: RelationDef = membership::Entity::belongs_to(account::Entity)
        .from(membership::Column::AccountId)
        .to(account::Column::Id)
        .into();
    let factor: RelationDef = membership::Entity::belongs_to(totp::Entity)
        .from(membership::Column::AccountId)
        .to(totp::Column::AccountId)
        .into();
    membership::Entity::find()
        .select_only()
        .columns([
            membership::Column::AccountId,
            membership::Column::Role,
            membership::Column::SinceMs,
            membership::Column::Scope,
            membership::Column::EndsAtMs,
        ])
        .column_as(membership::Column::Kind, "member_kind")
        .columns([
            account::Column::Name,
            account::Column::Address,
            account::Column::SeenAtMs,
            account::Column::MustEnrol,
        ])
        .column_as(account::Column::Kind, "account_kind")
        .column(totp::Column::ConfirmedAtMs)
        .join(JoinType::InnerJoin, person)
        .join(JoinType::LeftJoin, factor)
}

impl Row {
    fn open(self, accounts: &Accounts) -> Member {
        let model = |kind: String| (kind, self.name.clone(), self.address.clone());
        let (kind, name, address) = model(self.account_kind.clone());
        let open = |place: String, sealed: &[u8]| {
            accounts.vault.open_sealed(&place, sealed).map(|plain| String::from_utf8_lossy(&plain).into_owned())
        };
        Member {
            account: self.account_id,
            name: open(format!("account/{}/name", self.account_id), &name).unwrap_or_default(),
            address: open(format!("account/{}/address", self.account_id), &address).unwrap_or_default(),
            needs_factor: self.must_enrol != 0
                || kind == crate::guard::OPERATOR_KIND
                || accounts.profile.demands_factor([self.role.as_str()]),
            role: self.role,
            enrolled: self.confirmed_at_ms.is_some(),
            reaches_all: self.scope == "all",
            is_help: self.member_kind == "help",
            ends_at: self.ends_at_ms.map(from_ms),
            since: from_ms(self.since_ms),
            seen: self.seen_at_ms.map(from_ms),
        }
    }
}

/// One page of members.
///
/// # Errors
/// [`Refusal::Field`] on `after` when it is no place in this list.
pub async fn list<R: Right>(reader: &Allowed<R>, accounts: &Accounts, query: &Query) -> Result<Listed, Refusal> {
    let view = reader.read().await?;
    let rows: Vec<Row> = view.all_as(narrowed(accounts, query)?.limit(PAGE + 1)).await?;
    let more = rows.len() as u64 > PAGE;
    let members: Vec<Row> = rows.into_iter().take(usize::try_from(PAGE).unwrap_or(usize::MAX)).collect();
    let next = members.last().filter(|_| more).map(|last| place(query.sort, last));
    Ok(Listed { members: members.into_iter().map(|row| row.open(accounts)).collect(), next })
}

/// Where a page ends: what it is sorted by, and the person, who makes it one place.
fn place(sort: Sort, row: &Row) -> String {
    let by = match sort {
        Sort::Joined => row.since_ms.to_string(),
        Sort::Role => row.role.clone(),
        Sort::Seen => row.seen_at_ms.unwrap_or(0).to_string(),
    };
    format!("{}~{by}", row.account_id.simple())
}

fn narrowed(accounts: &Accounts, query: &Query) -> Result<Select<membership::Entity>, Refusal> {
    let mut rows = everything();
    if let Some(text) = &query.address {
        let index =
            Address::parse(text).map_or_else(|_| String::new(), |address| address.index(accounts.vault.hashes()));
        rows = rows.filter(account::Column::AddressIndex.eq(index));
    }
    if let Some(role) = &query.role {
        rows = rows.filter(membership::Column::Role.eq(role));
    }
    match query.factor.as_deref() {
        Some("yes") => rows = rows.filter(totp::Column::ConfirmedAtMs.is_not_null()),
        Some("no") => rows = rows.filter(totp::Column::ConfirmedAtMs.is_null()),
        Some(_) | None => {}
    }
    let wrong = || Refusal::Field("after", "this is no place in the list; start from the first page".into());
    let after = query
        .after
        .as_deref()
        .map(|text| {
            let (id, by) = text.split_once('~').ok_or_else(wrong)?;
            Ok::<_, Refusal>((id.parse::<Uuid>().map_err(|_| wrong())?, by.to_owned()))
        })
        .transpose()?;
    let id = membership::Column::AccountId;
    let number = |by: &str| by.parse::<i64>().map_err(|_| wrong());
    Ok(match query.sort {
        Sort::Joined => {
            if let Some((last, by)) = after {
                let by = number(&by)?;
                let later = membership::Column::SinceMs.gt(by);
                let same = membership::Column::SinceMs.eq(by).and(id.gt(last));
                rows = rows.filter(Condition::any().add(later).add(same));
            }
            rows.order_by(membership::Column::SinceMs, Order::Asc).order_by(id, Order::Asc)
        }
        Sort::Role => {
            if let Some((last, by)) = after {
                let same = membership::Column::Role.eq(&by).and(id.gt(last));
                rows = rows.filter(Condition::any().add(membership::Column::Role.gt(&by)).add(same));
            }
            rows.order_by(membership::Column::Role, Order::Asc).order_by(id, Order::Asc)
        }
        Sort::Seen => {
            let seen = || Expr::col((account::Entity, account::Column::SeenAtMs)).if_null(0_i64);
            if let Some((last, by)) = after {
                let by = number(&by)?;
                let same = seen().eq(by).and(id.gt(last));
                rows = rows.filter(Condition::any().add(seen().lt(by)).add(same));
            }
            rows.order_by(seen(), Order::Desc).order_by(id, Order::Asc)
        }
    })
}

/// One member, with what they reach.
#[derive(Clone, Debug)]
pub struct Whole {
    pub member: Member,
    pub units: Vec<(Uuid, String)>,
    pub records: Vec<Uuid>,
}

/// One member of this organisation.
///
/// # Errors
/// When the database does not answer. `None`: nobody here has this id.
pub async fn whole<R: Right>(
    reader: &Allowed<R>,
    accounts: &Accounts,
    account: Uuid,
) -> Result<Option<Whole>, Refusal> {
    let view = reader.read().await?;
    let rows: Vec<Row> = view.all_as(everything().filter(membership::Column::AccountId.eq(account))).await?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let reached = view.all(reach::Entity::find().filter(reach::Column::AccountId.eq(account))).await?;
    let units = super::units::of(&view, accounts, reader.here()).await?;
    let of_kind = |kind: &str| reached.iter().filter(|row| row.kind == kind).map(|row| row.target).collect::<Vec<_>>();
    let in_reach = of_kind("unit");
    Ok(Some(Whole {
        member: row.open(accounts),
        units: units.into_iter().filter(|unit| in_reach.contains(&unit.id)).map(|unit| (unit.id, unit.name)).collect(),
        records: of_kind("record"),
    }))
}

/// The membership that a form names, held until the change ends.
pub(crate) async fn named(change: &Change, field: &'static str, text: &str) -> Result<membership::Model, Refusal> {
    let id = super::id(field, text)?;
    let rows = membership::Entity::find()
        .filter(membership::Column::AccountId.eq(id))
        .filter(membership::Column::TenantId.eq(change.tenant().0));
    let row = change.unscoped("held under the organisation's own filter").one_held(rows).await?;
    match row {
        None => Err(unknown(field)),
        // Their account is the vendor's: nothing but the end of the help is in a customer's hand.
        Some(row) if row.kind == "help" => {
            Err(Refusal::Conflict("This is help by the vendor's staff. End it on the page of the settings.".into()))
        }
        Some(row) => Ok(row),
    }
}

/// Changes somebody's role. It counts from their next request on.
///
/// # Errors
/// [`Refusal::Field`] when there is no such member or role, or either may more than whoever asks; [`Refusal::Conflict`] for the last
/// administrator.
pub async fn change_role(
    manager: &Allowed<rights::MembersManage>,
    accounts: &Accounts,
    member: &str,
    role: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let change = manager.begin(accounts, origin).await?;
    let row = named(&change, "member", member).await?;
    roles::within_reach_of(&change, &accounts.profile, manager.here(), &row.role).await?;
    roles::within_reach(&change, &accounts.profile, manager.here(), role).await?;
    if row.role == role {
        return Err(Refusal::Field("role", "this is their role already".into()));
    }
    let managing = roles::with(&change, &accounts.profile, contract::permission::Permission::MembersManage).await?;
    if managing.contains(&row.role) && !managing.iter().any(|name| name == role) {
        roles::keeps_an_administrator(&change, &accounts.profile, row.account_id).await?;
    }
    set_role(&change, row.account_id, role, (manager.account.0, now)).await?;
    let event = Event::of(Action::RoleChanged, row.account_id).with("from", &row.role).with("to", role);
    change.commit(&event, now).await?;
    Ok(())
}

pub(crate) async fn set_role(
    change: &Change,
    account: Uuid,
    role: &str,
    by: (Uuid, OffsetDateTime),
) -> Result<(), Refusal> {
    let set = with_role(membership::Entity::update_many(), role, by).filter(membership::Column::AccountId.eq(account));
    change.update(set).await?;
    Ok(())
}

/// The columns of a role that somebody gives now.
pub(crate) fn with_role(
    rows: UpdateMany<membership::Entity>,
    role: &str,
    (by, now): (Uuid, OffsetDateTime),
) -> UpdateMany<membership::Entity> {
    rows.col_expr(membership::Column::Role, Expr::value(role))
        .col_expr(membership::Column::GrantedBy, Expr::value(Some(by)))
        .col_expr(membership::Column::GrantedAtMs, Expr::value(Some(to_ms(now))))
}

/// Members by role and how many of them have a second factor, in two statements.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    pub by_role: BTreeMap<String, u64>,
    pub members: u64,
    pub enrolled: u64,
    pub lacking: u64,
}

#[derive(Debug, FromQueryResult)]
struct Group {
    role: String,
    members: i64,
    enrolled: i64,
}

pub(crate) async fn counts(view: &TenantDb, accounts: &Accounts) -> Result<Counts, Refusal> {
    let factor: RelationDef = membership::Entity::belongs_to(totp::Entity)
        .from(membership::Column::AccountId)
        .to(totp::Column::AccountId)
        .into();
    let groups = membership::Entity::find()
        .select_only()
        .column(membership::Column::Role)
        .column_as(membership::Column::AccountId.count(), "members")
        .column_as(totp::Column::AccountId.count(), "enrolled")
        .join(JoinType::LeftJoin, factor)
        .filter(membership::Column::Kind.eq("member"))
        .group_by(membership::Column::Role);
    let mut counts = Counts::default();
    for Group { role, members, enrolled } in view.all_as::<membership::Entity, Group>(groups).await? {
        let (members, enrolled) = (u64::try_from(members).unwrap_or(0), u64::try_from(enrolled).unwrap_or(0));
        counts.members += members;
        counts.enrolled += enrolled;
        if accounts.profile.demands_factor([role.as_str()]) {
            counts.lacking += members.saturating_sub(enrolled);
        }
        counts.by_role.insert(role, members);
    }
    Ok(counts)
}

pub(crate) fn short(field: &'static str, text: &str) -> Result<String, Refusal> {
    contract::text::ShortText::parse(text)
        .map(|text| text.as_str().to_owned())
        .map_err(|said| Refusal::Field(field, said.into()))
}

/// The people of an organisation as a choice: for a successor.
///
/// # Errors
/// When the database does not answer.
pub async fn choice<R: Right>(
    reader: &Allowed<R>,
    accounts: &Accounts,
    most: u64,
) -> Result<Vec<(Uuid, String)>, Refusal> {
    let view = reader.read().await?;
    let rows = membership::Entity::find().filter(membership::Column::Kind.eq("member")).limit(most);
    let ids: Vec<Uuid> = view.all(rows).await?.into_iter().map(|row| row.account_id).collect();
    let people = names::of(&view, accounts, ids).await?;
    let mut people: Vec<(Uuid, String)> =
        people.into_iter().map(|(id, named)| (id, format!("{} ({})", named.name, named.address))).collect();
    people.sort_by(|a, b| a.1.cmp(&b.1));
    Ok(people)
}
