//! Last days of reviews as a calendar (RFC 5545): for whoever is signed in, or at a secret address that a calendar program asks.

use contract::permission::Permission;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::OffsetDateTime;
use uuid::Uuid;

use super::campaigns::opened_name;
use crate::audit::log::{Action, Event};
use crate::clock::{from_ms, to_ms};
use crate::crypto::secret::Ticket;
use crate::entity::{account, calendar_key, membership, organisation, review};
use crate::guard::{Actor, Allowed, Right, Visitor, rights};
use crate::identity::{Accounts, Origin, Refusal};
use crate::organisations::roles;

/// Reviews of one calendar.
const MOST: u64 = 200;

/// A secret address is asked by programs all day: its last use is written down once an hour.
const NOTED_EVERY_MS: i64 = 3_600_000;

/// Makes the secret of one's own calendar; the one before is dead. It is shown once.
///
/// # Errors
/// When the database does not answer.
pub async fn share(
    reviewer: &Allowed<rights::ReviewsDecide>,
    accounts: &Accounts,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<Ticket, Refusal> {
    let ticket = Ticket::random()?;
    let change = reviewer.begin(accounts, origin).await?;
    let row = calendar_key::ActiveModel {
        tenant_id: ActiveValue::NotSet,
        account_id: ActiveValue::Set(reviewer.account.0),
        token_hash: ActiveValue::Set(ticket.hash()),
        made_at_ms: ActiveValue::Set(to_ms(now)),
        used_at_ms: ActiveValue::Set(None),
    };
    let keys = [calendar_key::Column::TenantId, calendar_key::Column::AccountId];
    let columns = [calendar_key::Column::TokenHash, calendar_key::Column::MadeAtMs, calendar_key::Column::UsedAtMs];
    change.upsert(row, OnConflict::columns(keys).update_columns(columns).to_owned()).await?;
    change.commit(&Event::of(Action::CalendarShared, reviewer.account.0), now).await?;
    Ok(ticket)
}

/// Takes the secret address of one's own calendar away.
///
/// # Errors
/// [`Refusal::Conflict`] when there is none.
pub async fn unshare(
    reviewer: &Allowed<rights::ReviewsDecide>,
    accounts: &Accounts,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let change = reviewer.begin(accounts, origin).await?;
    let own = calendar_key::Column::AccountId.eq(reviewer.account.0);
    if change.delete(calendar_key::Entity::delete_many().filter(own)).await? == 0 {
        return Err(Refusal::Conflict("There is no secret address of your calendar.".into()));
    }
    Ok(change.commit(&Event::of(Action::CalendarClosed, reviewer.account.0), now).await?)
}

/// The calendar for whoever is signed in.
///
/// # Errors
/// When the database does not answer.
pub async fn calendar<R: Right>(
    reader: &Allowed<R>,
    accounts: &Accounts,
    now: OffsetDateTime,
) -> Result<String, Refusal> {
    let view = reader.read().await?;
    let rows = view.all(begun()).await?;
    let ring = accounts.vault.within(&view).await?;
    let days = rows.iter().map(|row| day(accounts, &reader.here().slug, row, opened_name(&ring, row)));
    Ok(ics(&accounts.profile.name, &days.collect::<Vec<_>>(), now))
}

/// The calendar for whoever has its secret address. `None`: there is no such address, or whoever made it may not see reviews any more.
///
/// # Errors
/// When the database does not answer.
pub async fn feed(
    visitor: &Visitor,
    accounts: &Accounts,
    (slug, token): (&str, &str),
    now: OffsetDateTime,
) -> Result<Option<String>, Refusal> {
    let Some(ticket) = Ticket::parse(token) else { return Ok(None) };
    let Some(tenant) = visitor.tenant_of(slug).await? else { return Ok(None) };
    let sealer = accounts.sealer(tenant, &Origin::of_program()).await?;
    let change = visitor.enter(visitor.entering(tenant, Actor::System, sealer)).await?;
    let held = calendar_key::Entity::find().filter(calendar_key::Column::TokenHash.eq(ticket.hash()));
    let Some(key) = change.one(held).await? else { return Ok(None) };
    let member = membership::Entity::find().filter(membership::Column::AccountId.eq(key.account_id));
    let Some(member) = change.one(member).await? else { return Ok(None) };
    let rows = change.unscoped("the organisation's own row, and the account of whoever made the address");
    let house = rows.one(organisation::Entity::find_by_id(tenant.0)).await?;
    let person = rows.one(account::Entity::find_by_id(key.account_id)).await?;
    let over = member.ends_at_ms.is_some_and(|at| at <= to_ms(now));
    let there = house.is_some_and(|house| house.closed_at_ms.is_none()) && !over;
    if !there || person.is_none_or(|person| person.disabled_at_ms.is_some()) {
        return Ok(None);
    }
    let may = roles::permissions(&change, &accounts.profile, &member.role).await?;
    if !may.is_some_and(|may| may.contains(&Permission::ReviewsRead)) {
        return Ok(None);
    }
    let due = change.all(begun()).await?;
    let days: Vec<Day> = due.iter().map(|row| day(accounts, slug, row, opened_name(change.ring(), row))).collect();
    if key.used_at_ms.is_none_or(|at| to_ms(now) - at >= NOTED_EVERY_MS) {
        let set = calendar_key::Entity::update_many()
            .col_expr(calendar_key::Column::UsedAtMs, Expr::value(Some(to_ms(now))))
            .filter(calendar_key::Column::AccountId.eq(key.account_id));
        change.update(set).await?;
        change.commit_housekeeping().await?;
    }
    Ok(Some(ics(&accounts.profile.name, &days, now)))
}

fn begun() -> sea_orm::Select<review::Entity> {
    review::Entity::find()
        .filter(review::Column::OpenedAtMs.is_not_null())
        .order_by_desc(review::Column::DueAtMs)
        .limit(MOST)
}

/// One last day.
#[derive(Clone, Debug)]
struct Day {
    id: Uuid,
    name: String,
    due: OffsetDateTime,
    closed: bool,
    page: String,
}

fn day(accounts: &Accounts, slug: &str, row: &review::Model, name: String) -> Day {
    Day {
        id: row.id,
        name,
        due: from_ms(row.due_at_ms),
        closed: row.closed_at_ms.is_some(),
        page: accounts.link(&format!("/o/{slug}/reviews/{}", row.id)),
    }
}

/// The calendar as text: lines end with CR LF and are folded after 75 bytes (RFC 5545 section 3.1).
fn ics(brand: &str, days: &[Day], now: OffsetDateTime) -> String {
    let mut out = String::new();
    for head in ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Avouch//Access reviews//EN", "CALSCALE:GREGORIAN"] {
        line(&mut out, head);
    }
    line(&mut out, &format!("X-WR-CALNAME:{}", escaped(&format!("Access reviews · {brand}"))));
    for day in days {
        line(&mut out, "BEGIN:VEVENT");
        line(&mut out, &format!("UID:review-{}@avouch", day.id));
        line(&mut out, &format!("DTSTAMP:{}", stamp(now)));
        line(&mut out, &format!("DTSTART:{}", stamp(day.due)));
        let said = if day.closed { "Closed" } else { "Due" };
        line(&mut out, &format!("SUMMARY:{}", escaped(&format!("{said}: access review {}", day.name))));
        line(&mut out, &format!("URL:{}", day.page));
        line(&mut out, "TRANSP:TRANSPARENT");
        line(&mut out, "END:VEVENT");
    }
    line(&mut out, "END:VCALENDAR");
    out
}

fn stamp(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

/// Text in a value (RFC 5545 section 3.3.11): nothing that people typed becomes a line of its own.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '\\' | ';' | ',' => out.extend(['\\', letter]),
            '\n' => out.push_str("\\n"),
            other if other.is_control() => {}
            other => out.push(other),
        }
    }
    out
}

/// Bytes of one line.
const WIDE: usize = 75;

fn line(out: &mut String, text: &str) {
    let mut width = 0;
    for letter in text.chars() {
        if width + letter.len_utf8() > WIDE {
            out.push_str("\r\n ");
            width = 1;
        }
        out.push(letter);
        width += letter.len_utf8();
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::START;

    fn calendar(name: &str) -> String {
        let day = Day {
            id: Uuid::nil(),
            name: name.to_owned(),
            due: START,
            closed: false,
            page: "https://a.example/x".into(),
        };
        ics("Aertous", &[day], START)
    }

    #[test]
    fn what_people_typed_becomes_no_line_of_its_own() {
        let text = calendar("a\r\nATTENDEE:x; b, c\\d");
        assert!(text.contains("SUMMARY:Due: access review a\\nATTENDEE:x\\; b\\, c\\\\d\r\n"), "{text}");
    }

    #[test]
    fn no_line_is_longer_than_75_bytes_and_folding_is_undone_by_taking_it_out() {
        let name = "ä".repeat(200);
        let text = calendar(&name);
        assert!(text.split("\r\n").all(|line| line.len() <= 75), "{text}");
        assert!(text.replace("\r\n ", "").contains(&name));
    }

    #[test]
    fn instants_are_in_utc() {
        assert!(calendar("x").contains("DTSTART:20261121T120000Z\r\n"));
    }
}
