//! What each form of an organisation does: the proof, then the use case.

use contract::access::Act;
use contract::problem::Problem;
use server::guard::{Asks, rights, rule};
use server::organisations::{founding, help, invitations, leaving, members, ownership, reset, roles, units};
use server::retention::{closing, holds};

use crate::http::fields::Fields;
use crate::http::people::Done;
use crate::http::visit::Visit;

pub async fn create(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let founder = visit.prove::<rule::SignedIn>()?;
    let (visitor, accounts) = (&visit.site.visitor, &visit.site.accounts);
    let slug = founding::create(&founder, visitor, accounts, fields.get("name"), &visit.origin, visit.now).await?;
    Ok(Done { told: Some(("slug", slug.clone().into())), ..Done::go(format!("/o/{slug}")) })
}

pub async fn accept(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let answer = invitations::Answer {
        token: fields.get("token"),
        name: fields.optional("name"),
        password: fields.optional("password"),
    };
    let (visitor, accounts) = (&visit.site.visitor, &visit.site.accounts);
    let caller = visit.caller.as_ref();
    invitations::accept(visitor, accounts, caller, &answer, &visit.origin, visit.now).await?;
    Ok(Done::go(if caller.is_some() { "/organisations?done=joined" } else { "/sign-in?done=joined" }))
}

/// Every act that names its organisation in its address.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "whoever calls this has matched every act; the rest goes on to the next function"
)]
pub async fn perform(act: Act, visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let (accounts, origin, now) = (&visit.site.accounts, &visit.origin, visit.now);
    let to = |page: &str, done: &str| Ok(Done::go(format!("/o/{}/{page}?done={done}", visit.param("slug"))));
    match act {
        Act::InviteMember => {
            let manager = visit.may::<rights::MembersManage>(Asks::ToDo)?;
            let form = invitations::Form {
                email: fields.get("email"),
                role: fields.get("role"),
                unit: fields.optional("unit"),
            };
            invitations::invite(&manager, accounts, &form, origin, now).await?;
            to("members", "invited")
        }
        Act::ResendInvitation => {
            let manager = visit.may::<rights::MembersManage>(Asks::ToDo)?;
            invitations::resend(&manager, accounts, fields.get("invitation"), origin, now).await?;
            to("members", "invited")
        }
        Act::WithdrawInvitation => {
            let manager = visit.may::<rights::MembersManage>(Asks::ToDo)?;
            invitations::withdraw(&manager, accounts, fields.get("invitation"), origin, now).await?;
            to("members", "withdrawn")
        }
        Act::ChangeRole => {
            let manager = visit.may::<rights::MembersManage>(Asks::ToDo)?;
            members::change_role(&manager, accounts, fields.get("member"), fields.get("role"), origin, now).await?;
            to("members", "role")
        }
        Act::OffboardMember => {
            let manager = visit.may::<rights::MembersManage>(Asks::ToDo)?;
            let form = leaving::Form {
                member: fields.get("member"),
                successor: fields.optional("successor"),
                at: fields.optional("at"),
            };
            let ended = leaving::offboard(&manager, accounts, &form, origin, now).await?;
            to("departures", if matches!(ended, leaving::Ended::Now(_)) { "offboarded" } else { "planned" })
        }
        Act::CancelOffboarding => {
            let manager = visit.may::<rights::MembersManage>(Asks::ToDo)?;
            leaving::cancel(&manager, accounts, fields.get("departure"), origin, now).await?;
            to("departures", "called-off")
        }
        Act::ResetMemberMfa => {
            let actor = visit.may::<rights::MfaReset>(Asks::ToDo)?;
            reset::member_mfa(&actor, accounts, fields.get("member"), fields.get("reason"), origin, now).await?;
            to("members", "mfa-reset")
        }
        Act::GrantReach => {
            let manager = visit.may::<rights::UnitsManage>(Asks::ToDo)?;
            let target = (fields.optional("unit"), fields.optional("record"));
            members::grant_reach(&manager, accounts, fields.get("member"), target, origin, now).await?;
            to(&format!("members/{}", fields.get("member")), "saved")
        }
        Act::WithdrawReach => {
            let manager = visit.may::<rights::UnitsManage>(Asks::ToDo)?;
            members::withdraw_reach(&manager, accounts, fields.get("member"), fields.get("target"), origin, now)
                .await?;
            to(&format!("members/{}", fields.get("member")), "saved")
        }
        _ => arrange(act, visit, fields).await,
    }
}

/// What arranges the organisation itself.
#[expect(clippy::wildcard_enum_match_arm, reason = "whoever calls this has matched every act")]
async fn arrange(act: Act, visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let (accounts, origin, now) = (&visit.site.accounts, &visit.origin, visit.now);
    let to = |page: &str, done: &str| Ok(Done::go(format!("/o/{}/{page}?done={done}", visit.param("slug"))));
    match act {
        Act::TransferOwnership => {
            let owner = visit.may::<rights::OrganisationManage>(Asks::ToDo)?;
            ownership::transfer(&owner, accounts, fields.get("member"), fields.get("role"), origin, now).await?;
            Ok(Done::go(format!("/o/{}", visit.param("slug"))))
        }
        Act::RenameOrganisation => {
            let owner = visit.may::<rights::OrganisationManage>(Asks::ToDo)?;
            ownership::rename(&owner, accounts, fields.get("name"), origin, now).await?;
            to("settings", "saved")
        }
        Act::RequestExport => super::export::request(visit, fields).await,
        Act::CreateRole => {
            let giver = visit.may::<rights::RolesManage>(Asks::ToDo)?;
            roles::create(&giver, accounts, fields.get("name"), fields.get("permissions"), origin, now).await?;
            to("roles", "made")
        }
        Act::DeleteRole => {
            let remover = visit.may::<rights::RolesManage>(Asks::ToDo)?;
            roles::delete(&remover, accounts, fields.get("role"), origin, now).await?;
            to("roles", "removed")
        }
        Act::CreateUnit => {
            let manager = visit.may::<rights::UnitsManage>(Asks::ToDo)?;
            units::create(&manager, accounts, fields.get("name"), origin, now).await?;
            to("units", "made")
        }
        Act::DeleteUnit => {
            let manager = visit.may::<rights::UnitsManage>(Asks::ToDo)?;
            units::delete(&manager, accounts, fields.get("unit"), origin, now).await?;
            to("units", "removed")
        }
        Act::OpenHelp => {
            let giver = visit.may::<rights::HelpGrant>(Asks::ToDo)?;
            let form = help::Form {
                operator: fields.get("operator"),
                role: fields.get("role"),
                hours: fields.get("hours"),
                reason: fields.get("reason"),
            };
            help::open(&giver, accounts, &form, origin, now).await?;
            to("settings", "help")
        }
        Act::EndHelp => {
            let giver = visit.may::<rights::HelpEnd>(Asks::ToDo)?;
            help::end(&giver, accounts, fields.get("grant"), origin, now).await?;
            to(if giver.here().closed.is_some() { "billing" } else { "settings" }, "help-ended")
        }
        Act::CancelSubscription => {
            let owner = visit.may::<rights::BillingManage>(Asks::ToDo)?;
            closing::cancel(&owner, accounts, origin, now).await?;
            to("billing", "cancelled")
        }
        Act::RestoreOrganisation => {
            let owner = visit.may::<rights::BillingManage>(Asks::ToDo)?;
            closing::restore(&owner, accounts, origin, now).await?;
            to("billing", "reopened")
        }
        Act::PlaceHold | Act::LiftHold => hold(act, visit, fields).await,
        // The table leads no other act here.
        _ => Err(Problem::NotFound),
    }
}

async fn hold(act: Act, visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let (accounts, origin, now) = (&visit.site.accounts, &visit.origin, visit.now);
    let owner = visit.may::<rights::OrganisationManage>(Asks::ToDo)?;
    let done = if act == Act::LiftHold {
        holds::lift(&owner, accounts, fields.get("hold"), origin, now).await?;
        "lifted"
    } else {
        let form = holds::Form {
            kind: fields.get("kind"),
            subject: fields.optional("subject"),
            basis: fields.get("basis"),
            scope: fields.get("scope"),
            until: fields.get("until"),
        };
        holds::place(&owner, accounts, &form, origin, now).await?;
        "held"
    };
    Ok(Done::go(format!("/o/{}/settings?done={done}", visit.param("slug"))))
}
