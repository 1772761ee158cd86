//! The end of an account, by the word of whoever it belongs to: closed at once, and after the profile's window nothing of the person is left.
//! What an organisation keeps of their work stays under a pseudonym.

use std::collections::BTreeMap;

use contract::permission::Permission;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Select};
use time::{Duration, OffsetDateTime};

use super::certificate::{self, Gone, Kind};
use super::{Round, holds, places, unguessable};
use crate::audit::Event;
use crate::audit::log::{Action, Event as Told};
use crate::clock::{from_ms, to_ms};
use crate::entity::{
    account, account_chain, account_entry, calendar_key, departure, invitation, membership, personal_copy, reach,
    session, token,
};
use crate::exports::personal;
use crate::guard::{AccountId, Actor, Operator, PERSON_KIND, PlatformChange, SignedIn, TenantId, Visitor};
use crate::identity::record::{Action as Own, Entry};
use crate::identity::{Accounts, Origin, Refusal, profile, second_factor, sign_in};
use crate::mail::{Letter, queue};
use crate::organisations::{leaving, names, roles};
use crate::reviews;

#[derive(Clone, Copy, Debug)]
pub struct Form<'a> {
    pub password: &'a str,
    /// Of whoever has a second factor.
    pub code: Option<&'a str>,
}

/// What stands in the way of an account's end, and what will put it off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// Days until everything is gone.
    pub days: u32,
    /// Organisations that would be left without anybody who can manage their members.
    pub alone_in: Vec<String>,
    /// What the law requires to be kept, by organisation.
    pub holds: Vec<(String, holds::Shown)>,
}

/// What asking for the end of one's account would come to.
///
/// # Errors
/// When the database does not answer.
pub async fn outlook(
    owner: &SignedIn,
    visitor: &Visitor,
    accounts: &Accounts,
    now: OffsetDateTime,
) -> Result<Outlook, Refusal> {
    let days = accounts.profile.policy.retention.account_days.map_or(0, std::num::NonZeroU32::get);
    let mut outlook = Outlook { days, ..Outlook::default() };
    for here in owner.belongs.iter().filter(|here| !here.is_help) {
        let name = names::of_organisation(accounts, here);
        let sealer = accounts.sealer(here.tenant, &Origin::of_program()).await?;
        let entering = visitor.entering(here.tenant, Actor::Person(owner.account), sealer);
        // A look: dropped, never committed.
        let look = visitor.enter(entering).await?;
        if here.closed.is_none() && here.permissions.contains(&Permission::MembersManage) {
            match roles::keeps_an_administrator(&look, &accounts.profile, owner.account.0).await {
                Ok(()) => {}
                Err(Refusal::Conflict(_)) => outlook.alone_in.push(name.clone()),
                Err(other) => return Err(other),
            }
        }
        let held = look.all(holds::now_in_force(here.tenant, now)).await?;
        let about = held.into_iter().filter(|row| row.subject == owner.account.0 || row.subject == here.tenant.0);
        for row in about {
            outlook.holds.extend(holds::open_row(&look, &row).map(|shown| (name.clone(), shown)));
        }
    }
    Ok(outlook)
}

/// Ends one's own account: nobody signs in to it any more, and its clock runs.
///
/// # Errors
/// [`Refusal::NotProven`] when password or code is wrong, [`Refusal::Conflict`] while an organisation would be left without an administrator.
pub async fn ask(
    owner: &SignedIn,
    visitor: &Visitor,
    accounts: &Accounts,
    form: Form<'_>,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    if owner.is_operator {
        return Err(Refusal::Conflict("A seat of the vendor's staff is taken away by the vendor.".into()));
    }
    sign_in::same_person(owner, accounts, "password", form.password, origin, now).await?;
    if owner.enrolled {
        second_factor::prove(owner, accounts, form.code.unwrap_or_default(), origin, now).await?;
    }
    let outlook = outlook(owner, visitor, accounts, now).await?;
    if !outlook.alone_in.is_empty() {
        return Err(Refusal::Conflict(format!(
            "You are the last person who can manage the members of {}. Give somebody else your role there, or cancel its subscription, and come back.",
            outlook.alone_in.join(", ")
        )));
    }
    let certificate = unguessable()?;
    let at = now + Duration::days(outlook.days.into());
    let change = owner.begin().await?;
    let set = account::Entity::update_many()
        .col_expr(account::Column::DisabledAtMs, Expr::value(Some(to_ms(now))))
        .col_expr(account::Column::DeleteAskedAtMs, Expr::value(Some(to_ms(now))))
        .col_expr(account::Column::DeleteAtMs, Expr::value(Some(to_ms(at))))
        .col_expr(account::Column::CertificateId, Expr::value(Some(certificate)))
        .filter(account::Column::Id.eq(owner.account.0))
        .filter(account::Column::DeleteAtMs.is_null());
    if change.update(set).await? != 1 {
        return Err(Refusal::Conflict("The end of this account was asked for already.".into()));
    }
    let own = owner.account.0;
    change.delete(session::Entity::delete_many().filter(session::Column::AccountId.eq(own))).await?;
    change.delete(token::Entity::delete_many().filter(token::Column::AccountId.eq(own))).await?;
    let letter = Letter::AccountEnds { at, proof: accounts.link(&format!("/certificates/{certificate}")) };
    queue::put(&change, accounts, &profile::open_address(accounts, owner)?, &letter, now).await?;
    let entry = Entry::of(accounts, Some(owner.account), Own::DeletionAsked, origin, now)?;
    change.commit(&entry.happened()).await?;
    accounts.bell.notify_one();
    Ok(())
}

/// Whose time is over, of one kind of account.
pub(crate) fn over(kind: &str, now: OffsetDateTime) -> Select<account::Entity> {
    account::Entity::find().filter(account::Column::Kind.eq(kind)).filter(account::Column::DeleteAtMs.lte(to_ms(now)))
}

/// Erases whoever is due.
pub(crate) async fn due(
    operator: &Operator,
    accounts: &Accounts,
    now: OffsetDateTime,
    round: &mut Round,
) -> Result<(), Refusal> {
    for row in operator.all(over(PERSON_KIND, now)).await? {
        let id = row.id;
        match erase(operator, accounts, &row, now).await {
            Ok(true) => round.erased += 1,
            Ok(false) => round.held += 1,
            Err(cause) => {
                round.broken += 1;
                tracing::error!(account = %id, %cause, "the end of an account stopped; it goes on with the next round");
            }
        }
    }
    Ok(())
}

/// Takes the person out of every organisation, then away. Whether it did; a legal hold keeps them.
///
/// Everything before the last transaction can be done again; the account's row goes last, so that a crash leaves it due.
pub(crate) async fn erase(
    operator: &Operator,
    accounts: &Accounts,
    row: &account::Model,
    now: OffsetDateTime,
) -> Result<bool, Refusal> {
    if is_held(operator, row, now).await? {
        return Ok(false);
    }
    let places = places::of(operator, row).await?;
    let mut rows = BTreeMap::new();
    let mut held_until = None;
    for tenant in &places {
        held_until = held_until.max(holds::last_end_of(operator, *tenant, row.id).await?);
        take_out(operator, accounts, *tenant, row, now, &mut rows).await?;
    }
    // Before the row goes: afterwards nothing would lead to them.
    accounts.blobs.remove_below(&personal::folder(AccountId(row.id))).await?;
    let change = operator.begin().await?;
    let copies = uproot(&change, row, &mut rows).await?;
    let certificate = match row.certificate_id {
        Some(id) => id,
        None => unguessable()?,
    };
    let proof = Gone {
        id: certificate,
        kind: Kind::Account,
        subject: row.id,
        slug_sha256: None,
        asked_at: from_ms(row.delete_asked_at_ms.unwrap_or_default()),
        due_at: from_ms(row.delete_at_ms.unwrap_or_default()),
        rows,
        files: copies.len() as u64,
        file_bytes: copies.iter().map(|copy| u64::try_from(copy.bytes).unwrap_or(0)).sum(),
        keys: Vec::new(),
        held_until: held_until.map(from_ms),
        kept_records: None,
    };
    certificate::issue(&change, &accounts.vault, proof, now).await?;
    change.commit(Event::AccountErased { account: row.id, certificate }, now).await?;
    Ok(true)
}

/// Takes the account's own rows away, and counts them. The copies that the person had made are told.
pub(crate) async fn uproot(
    change: &PlatformChange,
    row: &account::Model,
    rows: &mut BTreeMap<String, u64>,
) -> Result<Vec<personal_copy::Model>, Refusal> {
    let copies = change.all(personal_copy::Entity::find().filter(personal_copy::Column::AccountId.eq(row.id))).await?;
    let own = account::Entity::delete_many().filter(account::Column::Id.eq(row.id));
    let sessions = change.count(session::Entity::find().filter(session::Column::AccountId.eq(row.id))).await?;
    change.delete(token::Entity::delete_many().filter(token::Column::AddressIndex.eq(&row.address_index))).await?;
    // Factors, devices, sessions and links go with the account's own row; its record goes after it, for only then may it go.
    let gone = change.delete(own).await?;
    let entries = account_entry::Entity::delete_many().filter(account_entry::Column::AccountId.eq(row.id));
    let entries = change.delete(entries).await?;
    change.delete(account_chain::Entity::delete_many().filter(account_chain::Column::AccountId.eq(row.id))).await?;
    for (table, number) in
        [("account", gone), ("account_entry", entries), ("session", sessions), ("personal_copy", copies.len() as u64)]
    {
        *rows.entry(table.to_owned()).or_insert(0) += number;
    }
    Ok(copies)
}

/// Whether a legal hold keeps somebody: one on them, or one on an organisation that they belong to.
pub(crate) async fn is_held(operator: &Operator, row: &account::Model, now: OffsetDateTime) -> Result<bool, Refusal> {
    for tenant in places::of(operator, row).await? {
        if holds::of_person(operator, tenant, row.id, now).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What one organisation knows of somebody: membership and reach, an invitation to their address, and the name on the receipt of a departure.
async fn take_out(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    row: &account::Model,
    now: OffsetDateTime,
    rows: &mut BTreeMap<String, u64>,
) -> Result<(), Refusal> {
    let sealer = accounts.sealer(tenant, &Origin::of_program()).await?;
    let change = operator.begin_in(tenant, Actor::System, sealer).await?;
    let id = row.id;
    let reached = change.delete(reach::Entity::delete_many().filter(reach::Column::AccountId.eq(id))).await?;
    let belonged =
        change.delete(membership::Entity::delete_many().filter(membership::Column::AccountId.eq(id))).await?;
    let keys = calendar_key::Entity::delete_many().filter(calendar_key::Column::AccountId.eq(id));
    change.delete(keys).await?;
    let reviewed = reviews::forget(&change, accounts, row).await?;
    let address = invitation::Column::AddressIndex.eq(&row.address_index);
    let asked = change.delete(invitation::Entity::delete_many().filter(address)).await?;
    let left = change.all(departure::Entity::find().filter(departure::Column::AccountId.eq(id))).await?;
    let called = names::called(&BTreeMap::new(), id);
    for departed in &left {
        let sealed = change.seal(&leaving::name_place(tenant, departed.id), called.as_bytes())?;
        let set = departure::Entity::update_many()
            .col_expr(departure::Column::Name, Expr::value(sealed))
            .filter(departure::Column::Id.eq(departed.id));
        change.update(set).await?;
    }
    let touched = reached + belonged + asked + reviewed + left.len() as u64;
    if touched == 0 {
        return Ok(());
    }
    for (table, number) in [("reach", reached), ("membership", belonged), ("invitation", asked)] {
        *rows.entry(table.to_owned()).or_insert(0) += number;
    }
    Ok(change.commit(&Told::of(Action::PersonErased, id), now).await?)
}
