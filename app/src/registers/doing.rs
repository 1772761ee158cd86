//! What each form of a register does: the proof, then the use case.

use contract::access::{Act, Page};
use contract::problem::Problem;
use server::guard::{Asks, rights};
use server::registers::edit::{self, Typed};
use server::registers::{act, bulk, coverage};
use uuid::Uuid;

use super::list::done_path;
use super::{files, frame, import};
use crate::http::fields::Fields;
use crate::http::people::Done;
use crate::http::visit::Visit;
use crate::organisation::frame::row_of;

fn id(fields: &Fields, name: &'static str) -> Result<Uuid, Problem> {
    // What is no id is the id of nothing.
    fields.get(name).trim().parse().map_err(|_| Problem::NotFound)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "whoever calls this has matched every act")]
pub async fn perform(act: Act, visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    match act {
        Act::CreateRecord => create(visit, fields).await,
        Act::EditRecord => edit(visit, fields).await,
        Act::DeleteRecord => delete(visit, fields).await,
        Act::RestoreRecord => restore(visit, fields).await,
        Act::EditRecords => edit_many(visit, fields).await,
        Act::DeleteRecords => delete_many(visit, fields).await,
        Act::UndoAct => undo(visit, fields).await,
        Act::AttachFile => files::attach(visit, fields).await,
        Act::RemoveFile => files::remove(visit, fields).await,
        Act::ImportRecords => import::perform(visit, fields).await,
        Act::MapRequirements => map(visit, fields).await,
        // The table leads no other act here.
        _ => Err(Problem::NotFound),
    }
}

async fn create(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let editor = visit.may::<rights::RecordsWrite>(Asks::ToDo)?;
    let (accounts, register) = (&visit.site.accounts, visit.param("register"));
    let typed: Typed = fields.further(row_of(Act::CreateRecord));
    let id = edit::create(&editor, accounts, register, &typed, &visit.origin, visit.now).await?;
    let next = format!("{}?done=made", frame::record_path(visit, register, id));
    Ok(Done { told: Some(("record", id.to_string().into())), ..Done::go(next) })
}

async fn edit(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let editor = visit.may::<rights::RecordsWrite>(Asks::ToDo)?;
    let (accounts, register, record) = (&visit.site.accounts, visit.param("register"), id(fields, "record")?);
    let version = fields.optional("version").map(str::parse).transpose();
    let version = version.map_err(|_| Problem::field("version", "this is no version; open the record again"))?;
    let typed: Typed = fields.further(row_of(Act::EditRecord));
    edit::edit(&editor, accounts, register, record, version, &typed, &visit.origin, visit.now).await?;
    Ok(Done::go(format!("{}?done=saved", frame::record_path(visit, register, record))))
}

async fn delete(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let remover = visit.may::<rights::RecordsDelete>(Asks::ToDo)?;
    let (accounts, register) = (&visit.site.accounts, visit.param("register"));
    let record = id(fields, "record")?;
    edit::remove(&remover, accounts, register, record, &visit.origin, visit.now).await?;
    // The list says how to bring it back.
    Ok(Done::go(format!("{}&removed={record}", done_path(visit, "removed"))))
}

async fn restore(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let remover = visit.may::<rights::RecordsDelete>(Asks::ToDo)?;
    let (accounts, register, record) = (&visit.site.accounts, visit.param("register"), id(fields, "record")?);
    edit::restore(&remover, accounts, register, record, &visit.origin, visit.now).await?;
    Ok(Done::go(format!("{}?done=restored", frame::record_path(visit, register, record))))
}

async fn edit_many(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let editor = visit.may::<rights::RecordsWrite>(Asks::ToDo)?;
    let (accounts, register) = (&visit.site.accounts, visit.param("register"));
    let ids = bulk::ids(fields.get("records"))?;
    let field = fields.get("field");
    let typed: Typed = [(field.to_owned(), fields.get("value").to_owned())].into();
    let changed = bulk::edit(&editor, accounts, register, &ids, &typed, &visit.origin, visit.now).await;
    let changed = changed.map_err(|refusal| about_value(refusal.into(), field))?;
    Ok(Done { told: Some(("changed", changed.into())), ..Done::go(done_path(visit, "saved")) })
}

/// What is wrong with the field that was chosen is said beside the value.
fn about_value(problem: Problem, chosen: &str) -> Problem {
    match problem.blames_field(chosen) {
        Some(said) => Problem::field("value", said),
        None => problem,
    }
}

async fn delete_many(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let remover = visit.may::<rights::RecordsDelete>(Asks::ToDo)?;
    let (accounts, register) = (&visit.site.accounts, visit.param("register"));
    let ids = bulk::ids(fields.get("records"))?;
    let removed = bulk::remove(&remover, accounts, register, &ids, &visit.origin, visit.now).await?;
    Ok(Done { told: Some(("removed", removed.into())), ..Done::go(done_path(visit, "removed")) })
}

async fn undo(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let editor = visit.may::<rights::RecordsWrite>(Asks::ToDo)?;
    let (accounts, register) = (&visit.site.accounts, visit.param("register"));
    let undone = act::undo(&editor, accounts, register, id(fields, "act")?, &visit.origin, visit.now).await?;
    Ok(Done { told: Some(("undone", undone.into())), ..Done::go(done_path(visit, "undone")) })
}

async fn map(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let editor = visit.may::<rights::RecordsWrite>(Asks::ToDo)?;
    let accounts = &visit.site.accounts;
    let framework = visit.param("framework");
    coverage::framework(accounts, framework).ok_or(Problem::NotFound)?;
    // The page is about one catalogue, so its identifiers stand alone.
    let named = fields.get("requirements").split(['\n', ';', ' ']).map(str::trim).filter(|part| !part.is_empty());
    let named: Vec<String> =
        named.map(|part| if part.contains(':') { part.to_owned() } else { format!("{framework}:{part}") }).collect();
    coverage::map(&editor, accounts, fields.get("record"), &named.join("\n"), &visit.origin, visit.now).await?;
    Ok(Done::go(format!("{}?done=mapped", visit.path_of(Page::Framework))))
}
