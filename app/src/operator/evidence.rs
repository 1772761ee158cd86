//! Evidence of the vendor: put on record, looked over, and withdrawn where it was wrong.

use contract::access::{Act, Page};
use contract::claim::Kind;
use contract::problem::Problem;
use leptos::prelude::*;
use server::clock::parse_date;
use server::guard::Person;
use server::problem::internal;
use server::profile::{Binding, Claim, Profile, figures};
use server::trust::evidence::{self, EvidenceError, LARGEST_FILE, NewEvidence};
use server::trust::recorded::{self, Recorded, Withdrawn};
use server::trust::withdrawn::{self, LONGEST_REASON, WithdrawError};

use crate::http::fields::Fields;
use crate::http::people::{Done, Typed};
use crate::http::visit::Visit;
use crate::identity::pages::{Middle, done};
use crate::organisation::frame::{badge, button, form, form_with_file, select, small, when};
use crate::ui::entry::{Entry, area};
use crate::ui::form::{Input, hidden, input, trouble};
use crate::ui::list::{empty, table};

/// How many records the page shows.
const RECORDS: u64 = 50;

pub async fn page(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let staff = visit.staff()?;
    let records = recorded::newest(&staff.operator(), &visit.site.accounts, RECORDS).await;
    let records = records.map_err(|cause| internal(&cause))?;
    let taking: Vec<&Claim> = taking(&visit.site.profile).collect();
    let claims = taking.iter().map(|claim| (claim.id.clone(), format!("{}, {}", claim.id, wanted(claim)))).collect();
    let limit = format!(
        "Kept sealed; its SHA-256 is published. The whole form may have {} here; the command line takes files of up to {} MiB.",
        most(visit.site.profile.policy.limits.upload_kib.get()),
        LARGEST_FILE / 1024 / 1024
    );
    let wrong = typed.problem.as_ref().and_then(|problem| problem.blames_field("file"));
    let date = Input::new("date", "Day of the evidence", "date", "off")
        .hint("No day that has yet to come. The claim holds from it for as long as stands beside the claim.");
    let note = Input::new("note", "What it shows", "text", "off")
        .hint("In a sentence: who did what, and what came of it. Kept sealed.");
    let fields = view! {
        {select("e-claim", "claim", "Claim", claims, &typed.value("claim"), true)}
        {input(date, typed)}
        {input(note, typed)}
        {names(&taking, typed)}
        <div class="field"><label for="e-file">"File"</label><p class="small" id="e-file-hint">{limit}</p>
            <input id="e-file" name="file" type="file" aria-describedby="e-file-hint"/>
            {wrong.map(|said| view! { <p class="wrong">{crate::ui::form::sentence(&said)}</p> })}</div>
    };
    let view = view! {
        <p><a class="link" href="/operator">"Operator"</a></p>
        <h1>"Evidence"</h1>
        {done(typed)}
        {trouble(typed)}
        <section aria-labelledby="h-record"><h2 id="h-record">"Record evidence"</h2>
            {form_with_file(visit, Act::RecordEvidence, button("Record it"), fields)}
        </section>
        <section aria-labelledby="h-recorded"><h2 id="h-recorded">"On record"</h2>{on_record(visit, &staff, &records, typed)}</section>
    };
    Ok(Middle::new("Evidence", view).wide())
}

/// The claims that take evidence.
fn taking(profile: &Profile) -> impl Iterator<Item = &Claim> {
    profile.claims.iter().filter(|claim| claim.binding.kind() == Kind::Evidenced && claim.withdrawn.is_none())
}

/// What a record of this claim must name.
fn required(binding: &Binding) -> &[String] {
    match binding {
        Binding::Evidence { requires, .. } => requires,
        Binding::Milestone { .. } | Binding::Checks { .. } | Binding::Coming { .. } | Binding::Published { .. } => &[],
    }
}

/// For how long a record holds, and what it must name.
fn wanted(claim: &Claim) -> String {
    let holds = match &claim.binding {
        Binding::Evidence { cadence_days, .. } => {
            format!("a record holds for {}", figures::count(cadence_days.get().into(), "day"))
        }
        Binding::Milestone { date, .. } => format!("a milestone of {date}"),
        Binding::Checks { .. } | Binding::Coming { .. } | Binding::Published { .. } => String::new(),
    };
    match required(&claim.binding) {
        [] => holds,
        names => format!("{holds} and names: {}", names.join(", ")),
    }
}

/// Where a claim wants something named: one line for each.
fn names(taking: &[&Claim], typed: &Typed) -> Option<AnyView> {
    let first = taking.iter().find(|claim| !required(&claim.binding).is_empty())?;
    let lines: Vec<String> = required(&first.binding).iter().map(|name| format!("{name}: …")).collect();
    let entry = Entry {
        name: "names".into(),
        label: "What it names".into(),
        hint: format!(
            "Only for claims whose record names something: one line for each, such as for {}: {}",
            first.id,
            lines.join(" / ")
        ),
        value: typed.value("names"),
        wrong: typed.problem.as_ref().and_then(|problem| problem.blames_field("names")),
        ..Entry::default()
    };
    Some(area(&entry, 3))
}

fn on_record(visit: &Visit, staff: &Person, records: &[Recorded], typed: &Typed) -> AnyView {
    if records.is_empty() {
        return empty(
            "Nothing is on record",
            "Each record stands here with who made it and until when it holds.",
            None,
        );
    }
    let rows = records
        .iter()
        .map(|record| {
            let by = by(record.by.as_ref());
            let href = format!("/trust/claims/{}", record.claim);
            let (until, last) = if let Some(gone) = &record.withdrawn {
                (badge("Withdrawn", "failing"), taken_back(staff, gone))
            } else {
                let until = record.until.map_or_else(|| "Reached, and stays so".to_owned(), |date| date.to_string());
                (until.into_any(), withdrawing(visit, record, typed))
            };
            view! {
                <tr data-evidence=record.id.to_string()>
                    <th scope="row"><a class="link" href=href>{record.claim.clone()}</a></th>
                    <td>{record.dated.clone()}</td>
                    <td>{until}</td>
                    <td>{record.says.clone()}{record.file.clone().map(|file| view! { <span class="small">{file}</span> })}</td>
                    <td>{by}<span class="small">{when(staff, record.at)}</span></td>
                    <td>{last}</td>
                </tr>
            }
            .into_any()
        })
        .collect();
    table("Records", &["Claim", "Dated", "Holds until", "What it shows", "Recorded by", ""], rows)
}

fn by(person: Option<&String>) -> String {
    person.cloned().unwrap_or_else(|| "The command line".to_owned())
}

fn taken_back(staff: &Person, gone: &Withdrawn) -> AnyView {
    let said = format!("{}, {}: {}", by(gone.by.as_ref()), when(staff, gone.at), gone.reason);
    view! { <span class="small">{said}</span> }.into_any()
}

fn withdrawing(visit: &Visit, record: &Recorded, typed: &Typed) -> AnyView {
    let id = record.id.to_string();
    let refused = typed.problem.is_some() && typed.value("evidence") == id;
    let reason = if refused { typed.value("reason") } else { String::new() };
    let wrong = typed.problem.as_ref().filter(|_| refused).and_then(|problem| problem.blames_field("reason"));
    let field = format!("why-{id}");
    let inner = view! {
        {hidden("evidence", id)}
        <div class="field"><label for=field.clone()>"Why it counts no longer"</label>
            <p class="small">"It stays on record, and the reason in the platform's log."</p>
            <input class="input" id=field name="reason" value=reason required maxlength=LONGEST_REASON.to_string() autocomplete="off"/>
            {wrong.map(|said| view! { <p class="wrong">{crate::ui::form::sentence(&said)}</p> })}</div>
    };
    let of_what = format!("{} of {}", record.claim, record.dated);
    let form = form(visit, Act::WithdrawEvidence, small("Withdraw it", &of_what), inner);
    view! { <details open=refused><summary>"Withdraw"</summary>{form}</details> }.into_any()
}

fn most(kib: u32) -> String {
    if kib.is_multiple_of(1024) { format!("{} MiB", kib / 1024) } else { format!("{kib} KiB") }
}

pub async fn record(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let staff = visit.staff()?;
    let dated = parse_date(fields.get("date")).map_err(|said| Problem::field("date", said))?;
    let note = fields.get("note").trim();
    if note.is_empty() {
        return Err(Problem::field("note", "say in a sentence what it shows"));
    }
    let lines = fields.get("names").lines().filter(|line| !line.trim().is_empty());
    let named = lines.map(|line| {
        let (name, value) =
            line.split_once(':').ok_or_else(|| Problem::field("names", "write each line as name: value"))?;
        Ok::<_, Problem>((name.trim().to_owned(), value.trim().to_owned()))
    });
    let new = NewEvidence {
        claim: fields.get("claim").to_owned(),
        dated: Some(dated),
        note: Some(note.to_owned()),
        fields: named.collect::<Result<_, Problem>>()?,
        by: Some(staff.account),
        file: fields.file().map(|file| (file.name.clone(), file.bytes.to_vec())),
        ..NewEvidence::default()
    };
    let (operator, vault) = (staff.operator(), &visit.site.accounts.vault);
    evidence::add(&operator, vault, &visit.site.profile, new, visit.now).await.map_err(|error| not_recorded(&error))?;
    Ok(Done::go("/operator?done=evidence"))
}

/// Beside the field in which somebody looks for what is wrong.
fn not_recorded(error: &EvidenceError) -> Problem {
    let field = match error {
        EvidenceError::NoDate | EvidenceError::InTheFuture(_) | EvidenceError::LongAgo(_) => "date",
        EvidenceError::ShowsNothing => "note",
        EvidenceError::Empty | EvidenceError::WrongKind | EvidenceError::TooLarge => "file",
        EvidenceError::Incomplete { claim, missing } => {
            return Problem::field(
                "names",
                format!("a record for {claim} names its {missing}: add the line {missing}: …"),
            );
        }
        EvidenceError::NoSuchClaim(_)
        | EvidenceError::Enforced(_)
        | EvidenceError::Published(_)
        | EvidenceError::Withdrawn(_)
        | EvidenceError::ExpiryOfNothing
        | EvidenceError::CertificateForEver => "claim",
        EvidenceError::Vault(_) | EvidenceError::Seal(_) | EvidenceError::Database(_) => return internal(error),
    };
    Problem::field(field, error.to_string())
}

pub async fn withdraw(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let staff = visit.staff()?;
    let (profile, record) = (&visit.site.profile, fields.get("evidence"));
    withdrawn::withdraw(&staff.operator(), profile, record, fields.get("reason"), Some(staff.account), visit.now)
        .await
        .map_err(|error| match &error {
            WithdrawError::NoSuchRecord => Problem::NotFound,
            WithdrawError::Already => Problem::Conflict { message: crate::ui::form::sentence(&error.to_string()) },
            WithdrawError::NoReason | WithdrawError::LongReason => Problem::field("reason", error.to_string()),
            WithdrawError::Database(cause) => internal(cause),
        })?;
    Ok(Done::go(format!("{}?done=evidence-withdrawn", Page::OperateEvidence.row().path)))
}
