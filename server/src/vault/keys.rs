//! The data keys: how old each is, and new ones.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::audit::log::{Action, Event};
use crate::clock::from_ms;
use crate::crypto::keys::MasterKey;
use crate::entity::data_key;
use crate::guard::{Actor, Operator, TenantId};
use crate::identity::{Accounts, Origin, Refusal};
use crate::vault::VaultError;

/// One key as an operator sees it.
#[derive(Clone, Debug)]
pub struct Listed {
    pub id: Uuid,
    pub owner: String,
    pub days: i64,
    /// Whether it seals what is written now. The others only open what they sealed.
    pub in_use: bool,
}

/// Opens the platform's keys with a master key, and makes none: how many there are.
///
/// # Errors
/// `KeyError::Wrong` when the master key is not the one that the data was sealed with.
pub async fn open(operator: &Operator, master: &MasterKey, environment: &'static str) -> Result<usize, VaultError> {
    let owned = data_key::Column::Owner.is_in([super::PLATFORM, super::HASHES, super::SIGNATURES]);
    let rows = operator.all(data_key::Entity::find().filter(owned)).await?;
    for row in &rows {
        super::open_row(master, environment, row)?;
    }
    Ok(rows.len())
}

/// All keys, by owner, newest first.
///
/// # Errors
/// When the database does not answer.
pub async fn list(operator: &Operator, now: OffsetDateTime) -> Result<Vec<Listed>, sea_orm::DbErr> {
    let rows = data_key::Entity::find().order_by_asc(data_key::Column::Owner).order_by_desc(data_key::Column::MadeAtMs);
    let rows = operator.all(rows).await?;
    let of_owner = |owner: &str| rows.iter().filter(|row| row.owner == owner).cloned().collect::<Vec<_>>();
    let listed = |row: &data_key::Model| Listed {
        id: row.id,
        days: (now - from_ms(row.made_at_ms)).whole_days(),
        owner: row.owner.clone(),
        in_use: active(&of_owner(&row.owner), |row| super::heard_of(row, now)) == Some(row.id),
    };
    Ok(rows.iter().map(listed).collect())
}

/// Which of one owner's keys seals: the newest that every instance has heard of, or else the oldest.
pub(super) fn active(rows: &[data_key::Model], known: impl Fn(&data_key::Model) -> bool) -> Option<Uuid> {
    let by_age = |row: &&data_key::Model| (row.made_at_ms, row.id);
    let newest = rows.iter().filter(|row| known(row)).max_by_key(by_age);
    newest.or_else(|| rows.iter().min_by_key(by_age)).map(|row| row.id)
}

/// Whose key is to be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which<'a> {
    Platform,
    Organisation(&'a str),
    All,
}

/// Gives each owner a new key; an organisation's log says so. How many.
///
/// # Errors
/// [`Refusal::Field`] when there is no organisation of that slug.
pub async fn rotate(
    operator: &Operator,
    accounts: &Accounts,
    which: Which<'_>,
    now: OffsetDateTime,
) -> Result<usize, Refusal> {
    let mut made = 0;
    if matches!(which, Which::Platform | Which::All) {
        accounts.vault.rotate(None, now).await?;
        made += 1;
    }
    let wanted = |slug: &str| match which {
        Which::All => true,
        Which::Organisation(one) => one == slug,
        Which::Platform => false,
    };
    for row in operator.organisations().await?.into_iter().filter(|row| wanted(&row.slug)) {
        let tenant = TenantId(row.id);
        let key = accounts.vault.rotate(Some(tenant), now).await?;
        let sealer = accounts.sealer(tenant, &Origin::of_program()).await?;
        let change = operator.begin_in(tenant, Actor::System, sealer).await?;
        change.commit(&Event::of(Action::KeyRotated, key), now).await?;
        made += 1;
    }
    match which {
        Which::Organisation(slug) if made == 0 => {
            Err(Refusal::Field("organisation", format!("there is no organisation \"{slug}\"")))
        }
        Which::Organisation(_) | Which::Platform | Which::All => Ok(made),
    }
}
