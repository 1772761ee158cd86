//! The pages of the second factor: giving it, setting it up, its backup codes.

use contract::access::Act;
use contract::problem::Problem;
use leptos::prelude::*;
use server::guard::rule;
use server::identity::{backup_codes, enrolment};

use super::pages::Middle;
use super::shown_once;
use crate::http::people::Typed;
use crate::http::visit::Visit;
use crate::ui::form::{Input, form, hidden, input, trouble};

const CODE: Input = Input::new("code", "Code of your authenticator app", "text", "one-time-code")
    .hint("Six digits; each code works once.");
const BACKUP: Input = Input::new("code", "Backup code", "text", "off")
    .prefix("b")
    .hint("One of the codes that you kept when you set up the app.");

pub fn code(visit: &Visit, typed: &Typed) -> Middle {
    Middle::new(
        "Enter your code",
        view! {
            <h1>"Enter your code"</h1>
            {trouble(typed)}
            {both(visit, typed, String::new())}
            <p class="small">"Lost both? "<a class="link" href="/help#h-lost">"What to do then"</a></p>
        },
    )
}

/// A code, or a backup code instead.
fn both(visit: &Visit, typed: &Typed, next: String) -> impl IntoView + use<> {
    let token = &visit.token.text;
    let untroubled = Typed::default();
    view! {
        {form(Act::EnterCode, token, "Go on", view! { {input(CODE, typed)}{hidden("next", next.clone())} })}
        <details class="instead">
            <summary>"Use a backup code instead"</summary>
            {form(Act::EnterBackupCode, token, "Use the backup code", view! { {input(BACKUP, &untroubled)}{hidden("next", next)} })}
        </details>
    }
}

pub fn confirm(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let person = visit.prove::<rule::SignedIn>()?;
    let next = contract::text::local_path(&typed.value("next")).unwrap_or_default().to_owned();
    let fields = if person.enrolled {
        both(visit, typed, next).into_any()
    } else {
        let password = Input::new("password", "Password", "password", "current-password");
        form(Act::ConfirmPassword, &visit.token.text, "Go on", view! { {input(password, typed)}{hidden("next", next)} })
            .into_any()
    };
    let why = if person.enrolled { "your second factor" } else { "your password" };
    Ok(Middle::new(
        "Confirm that it is you",
        view! {
            <h1>"Confirm that it is you"</h1>
            <p>"What you want to do needs "{why}" once more. Afterwards you go on where you were."</p>
            {trouble(typed)}
            {fields}
        },
    ))
}

pub fn enrol(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let enroller = visit.prove::<rule::Enroller>()?;
    let offer = enrolment::offer(&enroller, &visit.site.accounts)?;
    let groups: Vec<String> =
        offer.base32.as_bytes().chunks(4).map(|group| String::from_utf8_lossy(group).into_owned()).collect();
    let why = match (enroller.enrolled, enroller.must_have_factor) {
        (true, _) => "This replaces the app that you use now; its codes and your backup codes stop working.",
        (false, true) => "Your account needs a second factor before you go on.",
        (false, false) => "A second factor keeps others out even if they know your password.",
    };
    let field = Input { label: "The code that the app shows now", ..CODE };
    Ok(Middle::new(
        "Set up your authenticator app",
        view! {
            <h1>"Set up your authenticator app"</h1>
            <p>{why}" "<a class="link" href="/help#h-app">"What is that?"</a></p>
            {trouble(typed)}
            <ol class="steps">
                <li>
                    <h2>"Add the key to your app"</h2>
                    <div class="key">
                        {picture(&offer.picture)}
                        <div>
                            <p>"Scan the picture, or "<a class="link" data-totp-uri=offer.uri.clone() href=offer.uri.clone()>"open the app on this device"</a>", or type the key:"</p>
                            <p class="secret" data-totp-secret=offer.base32>{groups.into_iter().map(|group| view! { <span>{group}</span>" " }).collect_view()}</p>
                            <p class="small">"Time-based, six digits, SHA-1, every "{visit.site.profile.policy.mfa.code_seconds.get()}" seconds."</p>
                        </div>
                    </div>
                </li>
                <li>
                    <h2>"Prove that it works"</h2>
                    {form(Act::ConfirmTotp, &visit.token.text, "Finish", input(field, typed))}
                </li>
            </ol>
        },
    ))
}

/// The key as a picture: dark squares on white in any colour scheme, with the quiet zone of four squares that readers need.
fn picture(rows: &[Vec<bool>]) -> impl IntoView + use<> {
    let size = rows.len() + 8;
    let mut path = String::new();
    for (y, row) in rows.iter().enumerate() {
        for (x, _) in row.iter().enumerate().filter(|(_, dark)| **dark) {
            use std::fmt::Write;
            let _ = write!(path, "M{} {}h1v1h-1z", x + 4, y + 4);
        }
    }
    view! {
        <svg class="qr" viewBox=format!("0 0 {size} {size}") role="img" aria-label="QR code with the key, for the camera of your app">
            <rect width=size height=size fill="#fff"/>
            <path d=path fill="#000"/>
        </svg>
    }
}

pub async fn backup_codes(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let reader = visit.prove::<rule::SignedIn>()?;
    if let Some((codes, gone)) = shown_once::take(&visit.site, reader.binding(), &visit.headers, visit.now) {
        let next = reader.next().unwrap_or_else(|| "/account".into());
        let mut middle = Middle::new("Your backup codes", new_codes(codes, next)).with_script();
        middle.cookies.extend(gone);
        return Ok(middle);
    }
    let left = backup_codes::left(&reader).await?;
    let view = if reader.enrolled {
        let all = visit.site.profile.policy.mfa.backup_codes.get();
        view! {
            <h1>"Backup codes"</h1>
            <p>"You have "<b data-backup-codes-left=left>{left}" of "{all}</b>" backup codes left. Each lets you in once when your app is not at hand. They are kept as hashes, so they cannot be shown again."</p>
            {trouble(typed)}
            <h2>"Make new ones"</h2>
            <p>"The old ones stop working at once."</p>
            {form(Act::RegenerateBackupCodes, &visit.token.text, "Make new backup codes", input(CODE, typed))}
        }
        .into_any()
    } else {
        view! {
            <h1>"Backup codes"</h1>
            <p>"Backup codes belong to a second factor, and your account has none yet."</p>
            <p class="go"><a class="btn btn-primary" href="/account/mfa/enrol">"Set up an authenticator app"</a></p>
        }
        .into_any()
    };
    Ok(Middle::new("Backup codes", view))
}

fn new_codes(codes: Vec<String>, next: String) -> impl IntoView {
    let file = format!("data:text/plain;charset=utf-8,{}", codes.join("%0A"));
    let number = codes.len();
    view! {
        <h1>"Keep these backup codes"</h1>
        <p>"Each of the "{number}" codes lets you in once when your app is not at hand. They are shown "<b>"this once"</b>": write them down, print this page, or keep them in your password manager."</p>
        <ul class="codes">
            {codes.into_iter().map(|code| view! { <li><code data-backup-code=code.clone()>{code.clone()}</code></li> }).collect_view()}
        </ul>
        <p class="go no-print">
            <button class="btn" type="button" data-copy hidden>"Copy"</button>" "
            <button class="btn" type="button" data-print hidden>"Print"</button>" "
            <a class="btn" href=file download="backup-codes.txt">"Download as a file"</a>" "
            <a class="btn btn-primary" href=next>"I have kept them: go on"</a>
        </p>
        <p class="small" id="copied" role="status"></p>
        <noscript><p class="small">"To print, use the print command of your browser; to copy, select the list."</p></noscript>
    }
}
