//! The pages for people, by their row in the access table, and the frame around them.

use axum::http::HeaderValue;
use contract::access::{Act, Page, Stage};
use contract::problem::Problem;
use leptos::prelude::*;

use super::{account, entrance, export, factors};
use crate::http::people::Typed;
use crate::http::visit::Visit;
use crate::ui::form;
use crate::ui::layout::{Head, document};
use crate::{organisation, registers, retention, reviews};
use axum::response::Response;
use server::audit::view::Form;

/// What a page came to.
#[derive(Debug)]
pub enum Shown {
    Page {
        html: String,
        cookies: Vec<HeaderValue>,
        script: bool,
    },
    /// This page is not for this person now.
    Elsewhere(String),
    /// Not a page but something to keep.
    Download(Response),
}

/// The middle of a page, and the cookies that it sets beside the token's.
pub struct Middle {
    pub title: String,
    pub view: AnyView,
    pub cookies: Vec<HeaderValue>,
    /// Whether something on it needs script.
    pub script: bool,
    /// Tables and pictures want more room than forms.
    pub wide: bool,
    /// Whether it is drawn again by itself in a moment: only while something on it is on its way.
    pub again: bool,
}

impl Middle {
    pub fn new(title: impl Into<String>, view: impl IntoView + 'static) -> Self {
        Self {
            title: title.into(),
            view: view.into_any(),
            cookies: Vec::new(),
            script: false,
            wide: false,
            again: false,
        }
    }

    /// The same, with room for tables and pictures.
    #[must_use]
    pub fn wide(self) -> Self {
        Self { wide: true, ..self }
    }

    /// The same, drawn again in a moment for as long as something is on its way.
    #[must_use]
    pub fn again(self, again: bool) -> Self {
        Self { again, ..self }
    }

    /// The same, on a page with something that needs script.
    #[must_use]
    pub fn with_script(self) -> Self {
        Self { script: true, ..self }
    }
}

pub async fn page(page: Page, visit: &Visit, typed: &Typed) -> Result<Shown, Problem> {
    let middle = match page {
        Page::Help => entrance::help(visit),
        Page::SignUp => entrance::sign_up(visit, typed),
        Page::SignUpSent => entrance::sign_up_sent(visit),
        Page::VerifyEmail => entrance::verify_email(visit, typed).await?,
        Page::SignIn => entrance::sign_in(visit, typed),
        Page::Forgot => entrance::forgot(visit, typed),
        Page::ForgotSent => entrance::forgot_sent(visit),
        Page::Reset => entrance::reset(visit, typed).await?,
        Page::KeepAccount => retention::account::keeping(visit, typed).await?,
        Page::Code if visit.stage() != Stage::PasswordGiven => return Ok(Shown::Elsewhere("/account".into())),
        Page::Code => factors::code(visit, typed),
        Page::Enrol => factors::enrol(visit, typed)?,
        Page::BackupCodes => factors::backup_codes(visit, typed).await?,
        Page::Confirm => factors::confirm(visit, typed)?,
        Page::DeleteAccount => retention::account::page(visit, typed).await?,
        Page::Account => account::account(visit, typed).await?,
        Page::Sessions => account::sessions(visit, typed).await?,
        Page::AuditCsv => return organisation::log::download(visit, typed, Form::Csv).await.map(Shown::Download),
        Page::AuditJson => {
            return organisation::log::download(visit, typed, Form::JsonLines).await.map(Shown::Download);
        }
        Page::AuditHeads => return organisation::log::heads(visit).await.map(Shown::Download),
        Page::ExportArchive => return organisation::export::archive(visit).await,
        Page::AccountCopy => return export::copy(visit).await,
        Page::AccountExport => export::page(visit, typed).await?,
        Page::File => return registers::files::download(visit).await.map(Shown::Download),
        Page::ReviewsCalendar => return reviews::calendar::file(visit).await.map(Shown::Download),
        Page::ReviewArchive => return reviews::report::archive(visit).await.map(Shown::Download),
        Page::OperateReviewArchive => return reviews::seats::archive(visit).await.map(Shown::Download),
        Page::Reviews
        | Page::Review
        | Page::ReviewReport
        | Page::OperateReviews
        | Page::OperateReview
        | Page::OperateReviewReport => reviews::middle(page, visit, typed).await?,
        Page::Invitation
        | Page::Organisations
        | Page::Dashboard
        | Page::Members
        | Page::Member
        | Page::Departures
        | Page::Roles
        | Page::Units
        | Page::Registers
        | Page::Register
        | Page::RecordNew
        | Page::RecordsImport
        | Page::RecordsSchedule
        | Page::RecordsBin
        | Page::Record
        | Page::RecordEdit
        | Page::Frameworks
        | Page::Framework
        | Page::Audit
        | Page::Export
        | Page::Billing
        | Page::Settings
        | Page::Operate
        | Page::OperateOrganisation
        | Page::OperateEvidence
        | Page::OperateApprovals
        | Page::OperateMail => organisation::middle(page, visit, typed).await?,
        // These are for everybody and made elsewhere.
        Page::Home
        | Page::Trust
        | Page::TrustJson
        | Page::TrustClaim
        | Page::TrustHistory
        | Page::TrustFeed
        | Page::TrustBadge
        | Page::Calendar
        | Page::Certificate
        | Page::CertificateFile
        | Page::Privacy
        | Page::PrivacyVersion
        | Page::Terms
        | Page::TermsVersion
        | Page::SecurityTxt
        | Page::Robots
        | Page::Icon
        | Page::Asset
        | Page::Health
        | Page::Ready
        | Page::Keys
        | Page::KeysJson
        | Page::Verifier => return Err(Problem::NotFound),
    };
    Ok(framed(visit, middle))
}

pub fn framed(visit: &Visit, middle: Middle) -> Shown {
    let Middle { title, view, cookies, script, wide, again } = middle;
    let name = visit.site.profile.name.clone();
    let title = format!("{title} · {name}");
    let head = Head {
        title: &title,
        description: None,
        canonical: None,
        style: visit.site.assets.style(),
        script: script.then(|| visit.site.assets.script()),
        again,
    };
    let (stage, token) = (visit.stage(), visit.token.text.clone());
    let body = view! {
        <header class="bar-top">
            <a class="brand" href="/">{name}</a>
            {navigation(visit)}
            {(stage != Stage::SignedOut).then(|| form::with_button(
                Act::SignOut,
                &token,
                view! { <button class="btn btn-sm" type="submit">"Sign out"</button> },
                (),
            ))}
        </header>
        {organisation::frame::banner(visit)}
        {organisation::frame::navigation(visit)}
        <main id="main" class=if wide { "people wide" } else { "people" }>{view}</main>
        <footer class="foot">
            <p><a class="link" href="/help">"Help"</a>" · "<a class="link" href="/trust">"Trust page"</a>" · "<a class="link" href="/privacy">"Privacy"</a></p>
        </footer>
    };
    Shown::Page { html: document(&head, body), cookies, script }
}

fn navigation(visit: &Visit) -> Option<AnyView> {
    let inside = matches!(visit.stage(), Stage::Complete | Stage::SteppedUp);
    let operates = visit.caller.as_ref().is_some_and(|caller| caller.person().is_operator);
    let organisations = organisation::frame::capital(&visit.site.profile.organisations);
    inside.then(|| {
        view! {
            <nav aria-label="Your account">
                <a class="link" href="/organisations">{organisations}</a>
                {operates.then(|| view! { <a class="link" href="/operator">"Operator"</a> })}
                <a class="link" href="/account">"Account"</a>
                <a class="link" href="/account/sessions">"Sessions"</a>
                <a class="link" href="/account/backup-codes">"Backup codes"</a>
            </nav>
        }
        .into_any()
    })
}

/// What has just been done, by the word that the redirect carries.
pub fn done(typed: &Typed) -> Option<impl IntoView + use<>> {
    let said = match typed.value("done").as_str() {
        "confirmed" => "Your address is confirmed. Sign in to go on.",
        "password" => "Your password is changed. Every other session was ended.",
        "signed-out" => "You are signed out.",
        "profile" => "Your settings are saved.",
        "address-asked" => "We have written to the new address. Your address changes when the link there is used.",
        "factor-removed" => "Your second factor was taken away. Every other session was ended.",
        "revoked" => "The session was ended.",
        "others" => "All other sessions were ended.",
        "joined" => "You have joined. Sign in to go on.",
        "invited" => "The invitation is on its way.",
        "withdrawn" => "The invitation was withdrawn; its link is dead.",
        "role" => "The role was changed. It counts from their next request on.",
        "offboarded" => "Access was ended. The receipt is below.",
        "planned" => "The end of access is planned. You can call it off until then.",
        "called-off" => "The planned end of access was called off.",
        "mfa-reset" => "The second factor was reset. The member was told and signed out.",
        "transferred" => "The organisation was handed over.",
        "saved" => "Saved.",
        "made" => "Made.",
        "attached" => "The file is attached.",
        "restored" => "It is back.",
        "undone" => "It was undone. Records that were changed since kept their change.",
        "mapped" => "The requirements are mapped.",
        "removed" => "Removed.",
        "help" => "They are let in until the hour that you chose.",
        "help-ended" => "Help was ended.",
        "export" => "It is being made. This page shows how far it is.",
        "copy" => "Your copy is ready below.",
        "approved" => "Your approval is on record.",
        "cancelled" => "The subscription is cancelled. Nobody sees what is in here any more.",
        "reopened" => "Everything is back as it was.",
        "held" => "The hold is in force.",
        "lifted" => "The hold was lifted.",
        "account-ends" => "Your account is closed. To keep it after all, sign in again before it is erased.",
        "account-kept" => "Your account stays, as it was. Sign in to go on.",
        "evidence" => "The evidence is on record. The page shows it within a second.",
        "evidence-withdrawn" => "The record is withdrawn. Its claim is decided without it within a second.",
        "review-opened" => "The review is open. Its reviewers were written to.",
        "review-drafted" => "The draft is kept. Nobody was written to.",
        "review-discarded" => "The draft is gone.",
        "review-closed" => "The review is closed. What follows is its report.",
        "decided" => "The decision is recorded.",
        "decided-many" => "The decisions are recorded.",
        "calendar-ended" => "That address of your calendar is dead.",
        "settled" => "That is settled, and the report says how.",
        "taken-back" => "The decision was taken back.",
        "remarked" => "Your remark stands beside it.",
        "reassigned" => "Somebody else decides now, and was written to.",
        "delegated" => "What you had to decide was handed on.",
        _ => return None,
    };
    Some(view! { <p class="notice" role="status">{said}</p> })
}
