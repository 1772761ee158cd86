//! Help by the vendor's staff, with the customer's hand on the switch: an ordinary role with an end, given by a member for a reason.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{members, names, roles, unknown};
use crate::audit::log::{Action, Event};
use crate::clock::{from_ms, to_ms};
use crate::entity::{help_grant, membership, reach};
use crate::guard::{Actor, Allowed, Change, OPERATOR_KIND, Operator, Right, TenantId, rights};
use crate::identity::address::Address;
use crate::identity::sign_up;
use crate::identity::{Accounts, Origin, Refusal};

/// Longer than a long weekend is not help but a seat.
const LONGEST_HOURS: i64 = 72;

#[derive(Debug)]
pub struct Form<'a> {
    pub operator: &'a str,
    pub role: &'a str,
    pub hours: &'a str,
    pub reason: &'a str,
}

/// Lets one of the vendor's staff in.
///
/// # Errors
/// [`Refusal::Field`] when nobody of the staff has this address, the role may more than the giver's, or the hours are not 1 to 72.
pub async fn open(
    giver: &Allowed<rights::HelpGrant>,
    accounts: &Accounts,
    form: &Form<'_>,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let reason = members::short("reason", form.reason)?;
    let hours = form.hours.parse::<i64>().ok().filter(|hours| (1..=LONGEST_HOURS).contains(hours));
    let hours = hours.ok_or_else(|| Refusal::Field("hours", format!("help lasts 1 to {LONGEST_HOURS} hours")))?;
    let address = Address::parse(form.operator).map_err(|said| Refusal::Field("operator", said.into()))?;
    let change = giver.begin(accounts, origin).await?;
    let rows = change.unscoped("an account of the vendor's staff");
    let person = rows.one(sign_up::of_index(&address.index(accounts.vault.hashes()))).await?;
    let person = person.filter(|row| row.kind == OPERATOR_KIND && row.disabled_at_ms.is_none());
    let person = person.ok_or_else(|| Refusal::Field("operator", "nobody of the staff has this address".into()))?;
    roles::within_reach(&change, &accounts.profile, giver.here(), form.role).await?;
    let member = membership::Entity::find().filter(membership::Column::AccountId.eq(person.id));
    if let Some(before) = change.one(member).await? {
        if before.ends_at_ms.is_none_or(|at| at > to_ms(now)) {
            return Err(Refusal::Conflict("They are let in already. End that first.".into()));
        }
        take_out(&change, person.id, now).await?;
    }
    let (id, ends) = (Uuid::now_v7(), now + Duration::hours(hours));
    change
        .insert(membership::ActiveModel {
            tenant_id: ActiveValue::NotSet,
            account_id: ActiveValue::Set(person.id),
            role: ActiveValue::Set(form.role.to_owned()),
            since_ms: ActiveValue::Set(to_ms(now)),
            kind: ActiveValue::Set("help".to_owned()),
            scope: ActiveValue::Set("all".to_owned()),
            ends_at_ms: ActiveValue::Set(Some(to_ms(ends))),
            granted_by: ActiveValue::Set(Some(giver.account.0)),
            granted_at_ms: ActiveValue::Set(Some(to_ms(now))),
        })
        .await?;
    change
        .insert(help_grant::ActiveModel {
            tenant_id: ActiveValue::NotSet,
            id: ActiveValue::Set(id),
            account_id: ActiveValue::Set(person.id),
            role: ActiveValue::Set(form.role.to_owned()),
            reason: ActiveValue::Set(change.seal(&place(change.tenant(), id), reason.as_bytes())?),
            given_by: ActiveValue::Set(giver.account.0),
            given_at_ms: ActiveValue::Set(to_ms(now)),
            ends_at_ms: ActiveValue::Set(to_ms(ends)),
            ended_at_ms: ActiveValue::Set(None),
        })
        .await?;
    let event = Event::of(Action::HelpOpened, person.id)
        .with("role", form.role)
        .with("hours", hours.to_string())
        .with("reason", reason);
    Ok(change.commit(&event, now).await?)
}

pub(crate) fn place(tenant: TenantId, id: Uuid) -> String {
    format!("help/{}/{id}/reason", tenant.0)
}

async fn take_out(change: &Change, account: Uuid, now: OffsetDateTime) -> Result<(), Refusal> {
    change.delete(reach::Entity::delete_many().filter(reach::Column::AccountId.eq(account))).await?;
    let gone = membership::Entity::delete_many()
        .filter(membership::Column::AccountId.eq(account))
        .filter(membership::Column::Kind.eq("help"));
    change.delete(gone).await?;
    let set = help_grant::Entity::update_many()
        .col_expr(help_grant::Column::EndedAtMs, Expr::value(Some(to_ms(now))))
        .filter(help_grant::Column::AccountId.eq(account))
        .filter(help_grant::Column::EndedAtMs.is_null());
    change.update(set).await?;
    Ok(())
}

/// Ends help at once, in every standing: letting the vendor in can be paused by a lapse, showing it out cannot.
///
/// # Errors
/// [`Refusal::Field`] when there is none that is still open.
pub async fn end(
    giver: &Allowed<rights::HelpEnd>,
    accounts: &Accounts,
    grant: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let id = super::id("grant", grant)?;
    let change = giver.begin(accounts, origin).await?;
    let open = help_grant::Entity::find()
        .filter(help_grant::Column::Id.eq(id))
        .filter(help_grant::Column::EndedAtMs.is_null());
    let row = change.one(open).await?.ok_or_else(|| unknown("grant"))?;
    take_out(&change, row.account_id, now).await?;
    Ok(change.commit(&Event::of(Action::HelpEnded, row.account_id), now).await?)
}

/// Takes out what has run out: it has let nobody in since.
pub(crate) async fn run_out(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    now: OffsetDateTime,
) -> Result<usize, Refusal> {
    let over = help_grant::Entity::find()
        .filter(help_grant::Column::EndedAtMs.is_null())
        .filter(help_grant::Column::EndsAtMs.lte(to_ms(now)));
    let rows = operator.view(tenant).await?.all(over).await?;
    for row in &rows {
        let sealer = accounts.sealer(tenant, &Origin::of_program()).await?;
        let change = operator.begin_in(tenant, Actor::System, sealer).await?;
        take_out(&change, row.account_id, now).await?;
        change.commit(&Event::of(Action::HelpEnded, row.account_id).with("why", "its time was over"), now).await?;
    }
    Ok(rows.len())
}

/// One grant as the page shows it.
#[derive(Clone, Debug)]
pub struct Shown {
    pub id: Uuid,
    pub who: String,
    pub role: String,
    pub reason: String,
    pub given_by: String,
    pub given: OffsetDateTime,
    pub ends: OffsetDateTime,
    pub ended: Option<OffsetDateTime>,
}

/// The newest grants.
///
/// # Errors
/// When the database does not answer.
pub async fn list<R: Right>(reader: &Allowed<R>, accounts: &Accounts, most: u64) -> Result<Vec<Shown>, Refusal> {
    let view = reader.read().await?;
    let rows = view.all(help_grant::Entity::find().order_by_desc(help_grant::Column::GivenAtMs).limit(most)).await?;
    let ids: Vec<Uuid> = rows.iter().flat_map(|row| [row.account_id, row.given_by]).collect();
    let people = names::of(&view, accounts, ids).await?;
    let ring = accounts.vault.within(&view).await?;
    let reason = |row: &help_grant::Model| {
        let plain = ring.open(&place(view.tenant(), row.id), &row.reason);
        plain.map(|plain| String::from_utf8_lossy(&plain).into_owned()).unwrap_or_default()
    };
    Ok(rows
        .iter()
        .map(|row| Shown {
            id: row.id,
            who: names::called(&people, row.account_id),
            role: row.role.clone(),
            reason: reason(row),
            given_by: names::called(&people, row.given_by),
            given: from_ms(row.given_at_ms),
            ends: from_ms(row.ends_at_ms),
            ended: row.ended_at_ms.map(from_ms),
        })
        .collect())
}
