//! The files of a record: attached, listed with what proves that they are unchanged, sent whole or in parts, removed.

use axum::body::Body;
use axum::response::Response;
use contract::access::Act;
use contract::permission::Permission;
use contract::problem::Problem;
use leptos::prelude::*;
use server::files::{self, Attached, Onto};
use server::guard::{Asks, rights};
use server::problem::internal;
use server::profile::format::{Field, FieldKind};
use server::registers::shape::Shape;
use uuid::Uuid;

use super::frame;
use crate::http::attachment::{Attachment, Kept, Wanted};
use crate::http::fields::Fields;
use crate::http::people::{Done, Typed};
use crate::http::visit::Visit;
use crate::organisation::frame as organisation;
use crate::ui::chart::number;
use crate::ui::entry::{Entry, choose};
use crate::ui::form::{hidden, sentence};
use crate::ui::list::table;

/// The files that this person may put somewhere.
fn writable<'a>(shape: &Shape<'a>) -> Vec<&'a Field> {
    shape.fields().filter(|field| field.kind == FieldKind::File && shape.writes(field)).collect()
}

/// What hangs on a record, and the form for more.
pub fn section(
    visit: &Visit,
    shape: &Shape<'_>,
    record: Uuid,
    attached: &[Attached],
    typed: &Typed,
) -> Option<AnyView> {
    let writes = organisation::may(visit, Permission::RecordsWrite) && shape.writes_any();
    let fields = writable(shape);
    let takes = writes && !fields.is_empty();
    if attached.is_empty() && !takes {
        return None;
    }
    let rows: Vec<AnyView> = attached.iter().map(|file| row(visit, shape, record, file, writes)).collect();
    let list = (!rows.is_empty()).then(|| table("Files of this record", &["File", "Size", "SHA-256", ""], rows));
    let form = takes.then(|| form(visit, record, &fields, typed));
    Some(
        view! {
            <section aria-labelledby="h-files">
                <h2 id="h-files">"Files"</h2>
                {list}
                {form}
            </section>
        }
        .into_any(),
    )
}

fn row(visit: &Visit, shape: &Shape<'_>, record: Uuid, file: &Attached, writes: bool) -> AnyView {
    let href = format!("/o/{}/files/{}", visit.param("slug"), file.id);
    let (name, sha256) = (file.name.clone(), file.sha256.clone());
    let field = file.field.as_deref().and_then(|id| shape.field(id));
    let label = field.map(|field| field.label.clone()).unwrap_or_default();
    let may = writes && field.is_none_or(|field| shape.writes(field));
    let remove = may.then(|| {
        let fields = view! { {hidden("record", record.to_string())}{hidden("attachment", file.id.to_string())} };
        organisation::form(visit, Act::RemoveFile, organisation::small("Remove", &name), fields)
    });
    view! {
        <tr data-file=file.id.to_string()>
            <th scope="row"><a class="link" href=href>{name.clone()}</a><span class="small">{label}</span></th>
            <td class="number">{format!("{} bytes", number(file.bytes))}</td>
            <td><code class="hash">{sha256}</code></td>
            <td>{remove}</td>
        </tr>
    }
    .into_any()
}

fn form(visit: &Visit, record: Uuid, fields: &[&Field], typed: &Typed) -> AnyView {
    let limit = number(visit.site.profile.policy.limits.upload_kib.get().into());
    let wrong = typed.problem.as_ref().and_then(|problem| problem.blames_field("file"));
    let at_fault = wrong.is_some().then_some("true");
    let described = if wrong.is_some() { "f-file-hint f-file-wrong" } else { "f-file-hint" };
    let place = match fields {
        [one] => hidden("field", one.id.get_ref().clone()).into_any(),
        several => {
            let options: Vec<(String, String)> =
                several.iter().map(|field| (field.id.get_ref().clone(), field.label.clone())).collect();
            choose(&Entry::new("field", "What it is", typed, String::new()).required(true), &options)
        }
    };
    let inner = view! {
        {hidden("record", record.to_string())}
        {place}
        <div class="field">
            <label for="f-file">"Attach a file"</label>
            <p class="small" id="f-file-hint">{format!("At most {limit} KiB. {}", server::files::TAKEN)}</p>
            <input class="input" id="f-file" name="file" type="file" required aria-invalid=at_fault aria-describedby=described/>
            {wrong.map(|said| view! { <p class="wrong" id="f-file-wrong">{sentence(&said)}</p> })}
        </div>
    };
    organisation::form_with_file(visit, Act::AttachFile, organisation::button("Attach"), inner)
}

fn record_of(fields: &Fields) -> Result<Uuid, Problem> {
    fields.get("record").trim().parse().map_err(|_| Problem::NotFound)
}

pub async fn attach(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let editor = visit.may::<rights::RecordsWrite>(Asks::ToDo)?;
    let shape = frame::shape(visit, &editor)?;
    let record = record_of(fields)?;
    let sent = fields.file().ok_or_else(|| Problem::field("file", "choose a file"))?;
    // Where a register has one place for a file, whoever names none means that.
    let one = writable(&shape).first().map(|field| field.id.get_ref().as_str());
    let onto = Onto { record, field: fields.optional("field").or(one) };
    let limit_kib = visit.site.profile.policy.limits.upload_kib.get();
    let accepted = files::accept(limit_kib, &sent.name, "", sent.bytes.clone())?;
    let id = files::attach(&editor, &visit.site.accounts, onto, &accepted, &visit.origin, visit.now).await?;
    let next = format!("{}?done=attached", frame::record_path(visit, shape.id(), record));
    Ok(Done { told: Some(("file", id.to_string().into())), ..Done::go(next) })
}

pub async fn remove(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let editor = visit.may::<rights::RecordsWrite>(Asks::ToDo)?;
    let (record, accounts) = (record_of(fields)?, &visit.site.accounts);
    let id = fields.get("attachment").trim().parse().map_err(|_| Problem::NotFound)?;
    files::remove(&editor, accounts, id, &visit.origin, visit.now).await?;
    Ok(Done::go(format!("{}?done=removed", frame::record_path(visit, visit.param("register"), record))))
}

/// A file to keep, as much of it as was asked for.
pub async fn download(visit: &Visit) -> Result<Response, Problem> {
    let reader = visit.may::<rights::RecordsRead>(Asks::ToSee)?;
    let id = visit.param("file").parse().map_err(|_| Problem::NotFound)?;
    let open = files::open(&reader, &visit.site.accounts, id, &visit.origin, visit.now).await?;
    let Attached { name, kind, bytes, sha256, .. } = &open.file;
    let attachment = Attachment { name, media_type: kind.media_type(), bytes: *bytes, sha256, kept: Kept::Asking };
    let wanted = attachment.wanted(&visit.headers);
    let range = match &wanted {
        Wanted::Whole => Some(0..*bytes),
        Wanted::Part(range) => Some(range.clone()),
        Wanted::Nothing | Wanted::NoSuchPart => None,
    };
    let body = match range {
        Some(range) => Body::from_stream(open.read(range).map_err(|cause| internal(&cause))?),
        None => Body::empty(),
    };
    Ok(attachment.answer(&wanted, body))
}
