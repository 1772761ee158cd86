//! What each endpoint does: the proof, then the use case. Reached only through `http::people`, after the access table, the token and the fields.

use contract::access::{Act, Stage};
use contract::problem::Problem;
use contract::text::local_path;
use serde_json::json;
use server::audit::log::Action as Told;
use server::crypto::secret::BackupCode;
use server::guard::{SessionId, rule};
use server::identity::Refusal;
use server::identity::second_factor::Factor;
use server::identity::sign_up::{self, Confirmed};
use server::identity::{backup_codes, enrolment, profile, recovery, second_factor, sessions, sign_in};
use server::organisations::tell;

use super::shown_once;
use crate::http::cookie;
use crate::http::fields::Fields;
use crate::http::people::Done;
use crate::http::visit::{SESSION, Visit};
use crate::operator;
use crate::organisation::doing;
use crate::registers;
use crate::retention;
use crate::reviews;

/// Where somebody who is all the way in goes on.
const HOME: &str = "/account";

pub async fn perform(act: Act, visit: &mut Visit, fields: &Fields) -> Result<Done, Problem> {
    match act {
        Act::SignUp => sign_up(visit, fields).await,
        Act::VerifyEmail => verify_email(visit, fields).await,
        Act::SignIn => sign_in(visit, fields).await,
        Act::RequestReset => request_reset(visit, fields).await,
        Act::ResetPassword => reset_password(visit, fields).await,
        Act::EnterCode => enter(visit, Factor::Code(fields.get("code")), fields).await,
        Act::EnterBackupCode => enter(visit, Factor::BackupCode(fields.get("code")), fields).await,
        Act::ConfirmTotp => confirm_totp(visit, fields).await,
        Act::ConfirmPassword => confirm_password(visit, fields).await,
        Act::RemoveTotp => remove_totp(visit).await,
        Act::RegenerateBackupCodes => regenerate(visit, fields).await,
        Act::RevokeSession => revoke_session(visit, fields).await,
        Act::RevokeOtherSessions => revoke_others(visit).await,
        Act::SignOut => sign_out(visit, fields).await,
        Act::ChangePassword => change_password(visit, fields).await,
        Act::ChangeProfile => change_profile(visit, fields).await,
        Act::ChangeEmail => change_email(visit, fields).await,
        Act::DeleteAccount => retention::account::delete(visit, fields).await,
        Act::KeepAccount => retention::account::keep(visit, fields).await,
        Act::AcceptInvitation => doing::accept(visit, fields).await,
        Act::CreateOrganisation => doing::create(visit, fields).await,
        Act::RequestCopy => super::export::request(visit).await,
        Act::ApproveCopy => operator::approve(visit, fields).await,
        Act::SaveComponent => operator::recovery::save(visit, fields).await,
        Act::RecordEvidence => operator::evidence::record(visit, fields).await,
        Act::WithdrawEvidence => operator::evidence::withdraw(visit, fields).await,
        Act::RequestExport
        | Act::InviteMember
        | Act::ResendInvitation
        | Act::WithdrawInvitation
        | Act::ChangeRole
        | Act::OffboardMember
        | Act::CancelOffboarding
        | Act::ResetMemberMfa
        | Act::TransferOwnership
        | Act::RenameOrganisation
        | Act::CreateRole
        | Act::DeleteRole
        | Act::CreateUnit
        | Act::DeleteUnit
        | Act::GrantReach
        | Act::WithdrawReach
        | Act::OpenHelp
        | Act::EndHelp
        | Act::CancelSubscription
        | Act::RestoreOrganisation
        | Act::PlaceHold
        | Act::LiftHold => Box::pin(doing::perform(act, visit, fields)).await,
        Act::CreateRecord
        | Act::EditRecord
        | Act::DeleteRecord
        | Act::RestoreRecord
        | Act::EditRecords
        | Act::DeleteRecords
        | Act::UndoAct
        | Act::AttachFile
        | Act::RemoveFile
        | Act::ImportRecords
        | Act::MapRequirements => Box::pin(registers::doing::perform(act, visit, fields)).await,
        Act::OpenReview
        | Act::StartReview
        | Act::DiscardReview
        | Act::DecideItem
        | Act::DecideItems
        | Act::UndoDecision
        | Act::ShareCalendar
        | Act::CloseCalendar
        | Act::UndoDecisions
        | Act::ResolveDrift
        | Act::CommentItem
        | Act::ReassignItems
        | Act::DelegateReview
        | Act::CloseReview
        | Act::OpenSeatReview
        | Act::DecideSeat
        | Act::UndoSeat
        | Act::ResolveSeatDrift
        | Act::CloseSeatReview => Box::pin(reviews::doing::perform(act, visit, fields)).await,
    }
}

async fn sign_up(visit: &mut Visit, fields: &Fields) -> Result<Done, Problem> {
    // The link is good for this browser; the mark is set whoever has the address.
    let mark = visit.mark_device();
    let form = sign_up::Form {
        email: fields.get("email"),
        name: fields.get("name"),
        organisation: fields.get("organisation"),
        password: fields.get("password"),
    };
    sign_up::request(&visit.site.visitor, &visit.site.accounts, &form, &visit.origin, visit.now).await?;
    Ok(Done { cookies: mark.into_iter().collect(), ..Done::go("/sign-up/sent") })
}

async fn verify_email(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let (visitor, accounts) = (&visit.site.visitor, &visit.site.accounts);
    Ok(match sign_up::confirm(visitor, accounts, fields.get("token"), &visit.origin, visit.now).await? {
        Confirmed::Done => Done::go("/sign-in?done=confirmed"),
        Confirmed::ChoosePassword(link) => {
            Done::go(link.strip_prefix(&visit.site.accounts.public_url).unwrap_or("/sign-in/forgot"))
        }
    })
}

async fn sign_in(visit: &mut Visit, fields: &Fields) -> Result<Done, Problem> {
    let mark = visit.mark_device();
    let next = fields.optional("next").and_then(local_path);
    let form = sign_in::Form { email: fields.get("email"), password: fields.get("password"), next };
    let (visitor, accounts) = (&visit.site.visitor, &visit.site.accounts);
    let old = visit.session_hash.as_deref();
    let id = match sign_in::with_password(visitor, accounts, &form, old, &visit.origin, visit.now).await {
        // The day on which it is erased, and the button with which it is not.
        Err(Refusal::Leaving { keep, .. }) => return Ok(Done::go(keep)),
        entered => entered?,
    };
    let now_in = visitor.caller(&visit.site.profile, &id.hash(), visit.now).await.ok().flatten();
    let stage = now_in.as_ref().map_or(Stage::SignedOut, |caller| caller.person().stage);
    if let (Some(caller), Stage::Complete | Stage::SteppedUp) = (&now_in, stage) {
        tell::organisations(visitor, accounts, caller.person(), Told::SignedIn, &visit.origin, visit.now).await?;
    }
    let to = match stage {
        Stage::PasswordGiven => "/sign-in/code",
        Stage::Enrolling => "/account/mfa/enrol",
        Stage::SignedOut | Stage::Complete | Stage::SteppedUp => next.unwrap_or(HOME),
    };
    Ok(Done { cookies: visit.cookies(id).into_iter().chain(mark).collect(), ..Done::go(to) })
}

async fn request_reset(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let (visitor, accounts) = (&visit.site.visitor, &visit.site.accounts);
    recovery::request(visitor, accounts, fields.get("email"), &visit.origin, visit.now).await?;
    Ok(Done::go("/sign-in/sent"))
}

async fn reset_password(visit: &mut Visit, fields: &Fields) -> Result<Done, Problem> {
    let mark = visit.mark_device();
    let (visitor, accounts) = (&visit.site.visitor, &visit.site.accounts);
    recovery::reset(visitor, accounts, fields.get("token"), fields.get("password"), &visit.origin, visit.now).await?;
    Ok(Done { cookies: mark.into_iter().collect(), ..Done::go("/sign-in?done=password") })
}

async fn enter(visit: &mut Visit, factor: Factor<'_>, fields: &Fields) -> Result<Done, Problem> {
    let mark = visit.mark_device();
    let holder = visit.prove::<rule::CodeHolder>()?;
    let next = fields.optional("next").and_then(local_path).map(str::to_owned).or_else(|| holder.next());
    let first = holder.stage == Stage::PasswordGiven;
    let (visitor, accounts) = (&visit.site.visitor, &visit.site.accounts);
    let given = second_factor::give(&holder, accounts, factor, &visit.origin, visit.now).await;
    let action = match &given {
        Ok(_) if first => Some(Told::SignedIn),
        Err(Refusal::NotProven { .. }) => Some(Told::FactorRefused),
        Ok(_) | Err(_) => None,
    };
    if let Some(action) = action {
        tell::organisations(visitor, accounts, &holder, action, &visit.origin, visit.now).await?;
    }
    let id = given?;
    let to = next.unwrap_or_else(|| HOME.to_owned());
    Ok(Done { cookies: visit.cookies(id).into_iter().chain(mark).collect(), ..Done::go(to) })
}

async fn confirm_totp(visit: &mut Visit, fields: &Fields) -> Result<Done, Problem> {
    let mark = visit.mark_device();
    let enroller = visit.prove::<rule::Enroller>()?;
    let (id, codes) =
        enrolment::confirm(&enroller, &visit.site.accounts, fields.get("code"), &visit.origin, visit.now).await?;
    let (visitor, accounts) = (&visit.site.visitor, &visit.site.accounts);
    tell::organisations(visitor, accounts, &enroller, Told::FactorEnrolled, &visit.origin, visit.now).await?;
    if enroller.stage == Stage::Enrolling {
        tell::organisations(visitor, accounts, &enroller, Told::SignedIn, &visit.origin, visit.now).await?;
    }
    Ok(with_codes(visit, Some(id), mark, &codes))
}

/// On to the page that shows the codes; a program is given them at once.
fn with_codes(
    visit: &Visit,
    id: Option<SessionId>,
    mark: Option<axum::http::HeaderValue>,
    codes: &[BackupCode],
) -> Done {
    let binding = match id {
        Some(id) => id.hash(),
        None => visit.caller.as_ref().map(|caller| caller.person().binding().to_owned()).unwrap_or_default(),
    };
    let cookies = id.map(|id| visit.cookies(id)).unwrap_or_default();
    let shown: Vec<String> = codes.iter().map(BackupCode::shown).collect();
    Done {
        cookies: cookies
            .into_iter()
            .chain(mark)
            .chain(shown_once::put(&visit.site, &binding, codes, visit.now))
            .collect(),
        told: Some(("backup_codes", json!(shown))),
        ..Done::go("/account/backup-codes")
    }
}

async fn confirm_password(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let person = visit.prove::<rule::SignedIn>()?;
    let next = fields.optional("next").and_then(local_path).unwrap_or(HOME);
    let id = sign_in::confirm_password(&person, &visit.site.accounts, fields.get("password"), &visit.origin, visit.now)
        .await?;
    Ok(Done { cookies: visit.cookies(id), ..Done::go(next) })
}

async fn remove_totp(visit: &Visit) -> Result<Done, Problem> {
    let owner = visit.prove::<rule::Fresh>()?;
    let id = enrolment::remove(&owner, &visit.site.accounts, &visit.origin, visit.now).await?;
    let (visitor, accounts) = (&visit.site.visitor, &visit.site.accounts);
    tell::organisations(visitor, accounts, &owner, Told::FactorRemoved, &visit.origin, visit.now).await?;
    Ok(Done { cookies: visit.cookies(id), ..Done::go("/account?done=factor-removed") })
}

async fn regenerate(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let owner = visit.prove::<rule::SignedIn>()?;
    let codes =
        backup_codes::regenerate(&owner, &visit.site.accounts, fields.get("code"), &visit.origin, visit.now).await?;
    Ok(with_codes(visit, None, None, &codes))
}

async fn revoke_session(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let owner = visit.prove::<rule::SignedIn>()?;
    sessions::revoke(&owner, &visit.site.accounts, fields.get("session"), &visit.origin, visit.now).await?;
    Ok(Done::go("/account/sessions?done=revoked"))
}

async fn revoke_others(visit: &Visit) -> Result<Done, Problem> {
    let owner = visit.prove::<rule::SignedIn>()?;
    sessions::revoke_others(&owner, &visit.site.accounts, &visit.origin, visit.now).await?;
    Ok(Done::go("/account/sessions?done=others"))
}

async fn sign_out(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let leaver = visit.prove::<rule::AnySession>()?;
    sessions::sign_out(&leaver, &visit.site.accounts, fields.optional("session"), &visit.origin, visit.now).await?;
    let gone = cookie::build(SESSION, "", 0).ok();
    Ok(Done { cookies: gone.into_iter().collect(), ..Done::go("/sign-in?done=signed-out") })
}

async fn change_password(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let owner = visit.prove::<rule::SignedIn>()?;
    let (visitor, accounts) = (&visit.site.visitor, &visit.site.accounts);
    let (current, new) = (fields.get("current_password"), fields.get("password"));
    let id = recovery::change_password(&owner, visitor, accounts, current, new, &visit.origin, visit.now).await?;
    Ok(Done { cookies: visit.cookies(id), ..Done::go("/account?done=password") })
}

async fn change_profile(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let owner = visit.prove::<rule::SignedIn>()?;
    let form = profile::Form {
        name: fields.get("name"),
        date_style: fields.get("date_style"),
        time_zone: fields.get("time_zone"),
    };
    profile::change(&owner, &visit.site.accounts, &form, &visit.origin, visit.now).await?;
    Ok(Done::go("/account?done=profile"))
}

async fn change_email(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let owner = visit.prove::<rule::Fresh>()?;
    sign_up::change_address(&owner, &visit.site.accounts, fields.get("email"), &visit.origin, visit.now).await?;
    Ok(Done::go("/account?done=address-asked"))
}
