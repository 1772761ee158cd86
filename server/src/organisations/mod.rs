//! Organisations: how they are made, who belongs to them and how far, how somebody leaves, and where their subscription stands.

pub mod dashboard;
mod due;
pub mod founding;
pub mod help;
pub mod invitations;
pub mod leaving;
pub mod members;
pub mod names;
mod offer;
pub mod outlook;
pub mod ownership;
pub mod reach;
pub mod reset;
pub mod roles;
pub mod standing;
pub mod tell;
pub mod units;
pub mod upkeep;

use uuid::Uuid;

use crate::guard::{AccountId, TenantId};
use crate::identity::Refusal;

/// What a form names, as the id that it has to be.
pub(crate) fn id(field: &'static str, text: &str) -> Result<Uuid, Refusal> {
    text.parse().map_err(|_| unknown(field))
}

/// The same answer for what does not exist and for what belongs to somebody else.
pub(crate) fn unknown(field: &'static str) -> Refusal {
    let said = match field {
        "member" | "successor" => "there is no such member here",
        "role" => "there is no such role here",
        "unit" => "there is no such unit here",
        "invitation" => "there is no such invitation here; it may have been answered or withdrawn",
        _ => "there is no such thing here",
    };
    Refusal::Field(field, said.into())
}

pub(crate) fn name_place(tenant: TenantId) -> String {
    format!("organisation/{}/name", tenant.0)
}

pub(crate) fn address_of(account: AccountId) -> String {
    format!("account/{}/address", account.0)
}
