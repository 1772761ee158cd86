//! Who is who: one account for an address whatever its case, and work addresses only where the profile says so.

use contract::permission::Permission;
use sea_orm::{ActiveModelTrait, DbErr, IntoActiveModel};
use uuid::Uuid;

use super::mfa::LookError;
use super::probe::{Form, Probe, ProbeError};
use super::walk::{self, Walk};
use super::{Instance, Seen, cast};
use crate::guard::AccountId;
use crate::identity::address::Address;
use crate::identity::stand_in::{As, StandIn, row};

pub async fn unique(instance: &Instance) -> Result<Seen, LookError> {
    let now = instance.clock.now();
    let Some(role) = instance.profile.roles.keys().next() else {
        return Ok(Seen::Failing("There are no roles.".into()));
    };
    let person = StandIn::make(&instance.operator, &instance.accounts, role, As::Unenrolled, now).await?;
    let seen = second(instance, &person.address).await;
    person.remove(&instance.operator).await?;
    seen
}

async fn second(instance: &Instance, address: &str) -> Result<Seen, LookError> {
    let Ok(again) = Address::parse(&address.to_uppercase()) else {
        return Ok(Seen::Failing("An address in upper case is not taken for one.".into()));
    };
    let twin = row(&instance.accounts, AccountId(Uuid::now_v7()), again.as_str(), instance.clock.now())?;
    // Never committed: whatever the database says, nothing stays.
    let change = instance.operator.begin_account().await?;
    let refused = change.insert(twin.into_active_model().reset_all()).await;
    Ok(match refused {
        Err(error) if is_duplicate(&error) => {
            Seen::Upheld("A second account with the same address in another case was refused by the database.".into())
        }
        Err(error) => return Err(error.into()),
        Ok(()) => Seen::Failing("A second account with the same address in another case can be written.".into()),
    })
}

fn is_duplicate(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(sea_orm::SqlErr::UniqueConstraintViolation(_)))
}

/// Ways to write four personal domains, as somebody would who wants to get past a list.
const SPELLINGS: &[&str] = &[
    "probe@gmail.com",
    "probe@YAHOO.com",
    "probe+work@proton.me",
    "probe@mail.outlook.com",
    "probe@googlemail.com",
    "probe@gmail.com.",
    "probe@gm\u{430}il.com",
    "probe@hotmail.co.uk",
];

pub async fn work_addresses(instance: &Instance) -> Result<Seen, ProbeError> {
    if !instance.profile.policy.sign_up.work_addresses_only {
        return Ok(Seen::Unavailable("This profile takes personal addresses.".into()));
    }
    let at_a_time = instance.profile.policy.limits.forms_per_minute.get() as usize;
    for some in SPELLINGS.chunks(at_a_time) {
        let mut probe = Probe::connect(&instance.serving).await?;
        let form = Form::from_page(&mut probe, "/sign-up", None).await?;
        for address in some {
            if blamed(&form, &mut probe, address).await?.as_deref() != Some("email") {
                return Ok(Seen::Failing(format!("A sign-up with {address} is not refused.")));
            }
        }
    }
    let mut probe = Probe::connect(&instance.serving).await?;
    let form = Form::from_page(&mut probe, "/sign-up", None).await?;
    if blamed(&form, &mut probe, "probe@organisation.example").await?.as_deref() != Some("password") {
        return Ok(Seen::Failing("The address of an organisation does not pass the gate.".into()));
    }
    Ok(Seen::Upheld(format!(
        "{} spellings of personal addresses were refused; the address of an organisation passed the gate.",
        SPELLINGS.len()
    )))
}

/// The field that a sign-up with a password too short for anybody is refused for. Nothing is written either way.
async fn blamed(form: &Form, probe: &mut Probe, address: &str) -> Result<Option<String>, ProbeError> {
    let fields = [("email", address), ("name", "probe"), ("organisation", "probe"), ("password", "short")];
    Ok(walk::blamed(&form.send(probe, "/api/sign-up", &fields).await?))
}

pub async fn invitations(instance: &Instance) -> Result<Seen, LookError> {
    if !instance.profile.policy.sign_up.work_addresses_only {
        return Ok(Seen::Unavailable("This profile takes personal addresses.".into()));
    }
    let Some(role) = cast::with(&instance.profile, Permission::MembersManage) else {
        return Ok(cast::nobody(Permission::MembersManage, true));
    };
    let now = instance.clock.now();
    let mut house = StandIn::make(&instance.operator, &instance.accounts, role, As::SteppedUp, now).await?;
    let seen = invited(instance, &mut house, role).await;
    house.remove(&instance.operator).await?;
    seen
}

async fn invited(instance: &Instance, house: &mut StandIn, role: &str) -> Result<Seen, LookError> {
    house.settle().await?;
    let mut walk = Walk::begin(instance).await?;
    let form = walk.form(house.session).await?;
    let path = format!("/api/o/{}/invite-member", house.slug());
    for address in SPELLINGS {
        let answer = walk.send(&form, &path, &[("email", address), ("role", role)]).await?;
        if walk::blamed(&answer).as_deref() != Some("email") {
            let status = answer.status.as_u16();
            return Ok(Seen::Failing(format!("An invitation of {address} is answered {status}.")));
        }
    }
    // To a role that does not exist, so that nobody is written to.
    let fields = [("email", "probe@organisation.example"), ("role", "No such role")];
    let answer = walk.send(&form, &path, &fields).await?;
    Ok(if walk::blamed(&answer).as_deref() == Some("role") {
        Seen::Upheld(format!(
            "Invitations of {} spellings of personal addresses were refused with 422; the address of an organisation passed the gate.",
            SPELLINGS.len()
        ))
    } else {
        Seen::Failing("The address of an organisation does not pass the gate of invitations.".into())
    })
}
