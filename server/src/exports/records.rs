//! Records, register by register, with a column for each field; what they said before; and what was done to many at once. Reading, opening and
//! writing down go on side by side: while one page is compressed the next is opened and the one after that is read.

mod history;

use std::collections::BTreeSet;
use std::sync::Arc;

use sea_orm::{
    ColumnTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QueryResult, QuerySelect, Select,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::ExportError;
use super::classes::Class;
use super::making::{Making, Source, classes_of};
use super::mask::Mask;
use super::table::{self, Cell, Written, json_text};
use crate::entity::{act, record};
use crate::guard::{TenantDb, TenantId};
use crate::profile::format::{FieldKind, Register};
use crate::registers::content::{self, Content, Said};
use crate::vault::Keyring;

/// Records that are read at once: a few hundred kilobytes.
const PAGE: u64 = 1000;

/// Pages that wait to be compressed.
const AHEAD: usize = 2;

pub(crate) const RECORDS: &[&str] =
    &["id", "unit_id", "version", "made_at", "made_by", "changed_at", "removed_at", "act_id"];
pub(crate) const HISTORY: &[&str] = &["record_id", "version", "kind", "at", "changed_by", "act_id"];
pub(crate) const ACTS: &[&str] = &[
    "id",
    "kind",
    "register",
    "state",
    "made_at",
    "made_by",
    "rows",
    "done_rows",
    "first_id",
    "last_id",
    "touched_at",
    "trouble",
];

/// The column of what the profile has no field for any more.
const OTHER: &str = "other";

pub(crate) async fn write(making: &mut Making<'_>) -> Result<(), ExportError> {
    let profile = Arc::clone(&making.source.accounts.profile);
    let mut schema = Vec::new();
    let (in_lists, in_the_bin) = (in_lists(&making.source).await?, in_the_bin(&making.source).await?);
    let known = profile.registers.iter().map(|register| register.id.get_ref());
    // Those of the profile, and any that the profile has no more and the organisation still has.
    for id in known.chain(&in_lists).chain(&in_the_bin).collect::<BTreeSet<_>>() {
        let register = profile.registers.iter().find(|register| register.id.get_ref() == id);
        schema.push(described(id, register));
        of_register(making, id, register, in_the_bin.contains(id)).await?;
    }
    let schema = serde_json::to_string_pretty(&serde_json::json!({ "registers": schema })).unwrap_or_default();
    making.archive.put("data/records/schema.json", schema.as_bytes()).await?;
    history::history(making).await?;
    acts(making).await
}

#[derive(FromQueryResult)]
struct Named {
    register: String,
}

/// The registers of what is in lists: a step in their index for each. All names at once would be those of all records, one by one.
async fn in_lists(source: &Source<'_>) -> Result<BTreeSet<String>, ExportError> {
    let (mut found, mut after) = (BTreeSet::new(), String::new());
    loop {
        let next = record::Entity::find()
            .select_only()
            .column(record::Column::Register)
            .filter(record::Column::RemovedAtMs.is_null())
            .filter(record::Column::Register.gt(after.as_str()))
            .order_by_asc(record::Column::Register)
            .limit(1);
        let Some(Named { register }) = source.view.all_as(next).await?.pop() else { return Ok(found) };
        found.insert(register.clone());
        after = register;
    }
}

/// The registers of what is in the bin.
async fn in_the_bin(source: &Source<'_>) -> Result<BTreeSet<String>, ExportError> {
    let removed = record::Entity::find().select_only().column(record::Column::Register).distinct();
    let removed = removed.filter(record::Column::RemovedAtMs.is_not_null());
    let removed: Vec<Named> = source.view.all_as(removed).await?;
    Ok(removed.into_iter().map(|named| named.register).collect())
}

/// What the columns of a register are called and what they hold.
fn described(id: &str, register: Option<&Register>) -> serde_json::Value {
    let fields = register.map(|register| register.fields.as_slice()).unwrap_or_default();
    let fields: Vec<_> = fields
        .iter()
        .map(|field| {
            serde_json::json!({
                "id": field.id.get_ref(),
                "label": field.label,
                "kind": kind(field.kind),
                "personal": field.personal,
                "unit": field.unit,
                "links_to": field.links_to.as_ref().map(|to| to.get_ref().clone()),
            })
        })
        .collect();
    serde_json::json!({ "id": id, "title": register.map(|register| &register.title), "fields": fields })
}

const fn kind(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Text => "text",
        FieldKind::LongText => "long-text",
        FieldKind::Number => "number",
        FieldKind::Date => "date",
        FieldKind::Instant => "instant",
        FieldKind::Choice => "choice",
        FieldKind::Choices => "choices",
        FieldKind::Person => "person",
        FieldKind::Link => "link",
        FieldKind::File => "file",
        FieldKind::Requirement => "requirement",
    }
}

/// What it takes to open a page and to write it down, away from the database.
#[derive(Clone, Debug)]
struct Form {
    tenant: TenantId,
    ring: Arc<Keyring>,
    id: String,
    /// The register's own fields in their order, and whether they are numbers.
    fields: Arc<[(String, bool)]>,
    register: Option<Arc<Register>>,
    mask: Option<(Arc<Mask>, Arc<[Class]>)>,
}

async fn of_register(
    making: &mut Making<'_>,
    id: &str,
    register: Option<&Register>,
    in_the_bin: bool,
) -> Result<(), ExportError> {
    let fields = register.map(|register| register.fields.as_slice()).unwrap_or_default();
    let fields: Vec<(String, bool)> =
        fields.iter().map(|field| (field.id.get_ref().clone(), field.kind == FieldKind::Number)).collect();
    let source = &making.source;
    let mask = source.mask.clone().map(|mask| Ok::<_, ExportError>((mask, classes_of("records", RECORDS)?.into())));
    let form = Form {
        tenant: source.view.tenant(),
        ring: Arc::clone(&source.ring),
        id: id.to_owned(),
        fields: fields.into(),
        register: register.cloned().map(Arc::new),
        mask: mask.transpose()?,
    };
    let columns = RECORDS.iter().copied().chain(form.fields.iter().map(|(id, _)| id.as_str())).chain([OTHER]);
    let head = table::head(columns);
    let mut section = making.archive.section(&format!("records/{id}"), &format!("data/records/{id}"), head).await?;
    let mut pages = read_ahead(&making.source.view, form, in_the_bin);
    while let Some(page) = pages.recv().await {
        let written = page?.await.map_err(|_| ExportError::Broken("a page could not be written down"))??;
        let rows = written.rows;
        making.archive.rows(&mut section, written).await?;
        making.progress.on(rows).await?;
    }
    making.close_section(section).await
}

type Page = Result<JoinHandle<Result<Written, ExportError>>, ExportError>;

/// Reads page after page of the snapshot and has each opened and written down on a thread of its own, in their order.
fn read_ahead(view: &Arc<TenantDb>, form: Form, in_the_bin: bool) -> mpsc::Receiver<Page> {
    let (pages, taken) = mpsc::channel(AHEAD);
    let view = Arc::clone(view);
    tokio::spawn(async move {
        let mut after = Uuid::nil();
        loop {
            let rows = match view.all_as::<_, Kept>(after_record(&form.id, in_the_bin, after)).await {
                Ok(rows) => rows,
                Err(error) => {
                    let _ = pages.send(Err(error.into())).await;
                    return;
                }
            };
            let Some(last) = rows.last().map(|row| row.id) else { return };
            after = last;
            let form = form.clone();
            let page = tokio::task::spawn_blocking(move || form.page(rows));
            if pages.send(Ok(page)).await.is_err() {
                return;
            }
        }
    });
    taken
}

/// What of a record is written down. The other columns are numbers that the content has as well.
struct Kept {
    id: Uuid,
    unit_id: Option<Uuid>,
    content: Vec<u8>,
    version: i32,
    made_at_ms: i64,
    made_by: Uuid,
    changed_at_ms: i64,
    act_id: Option<Uuid>,
    removed_at_ms: Option<i64>,
}

const KEPT: [record::Column; 9] = [
    record::Column::Id,
    record::Column::UnitId,
    record::Column::Content,
    record::Column::Version,
    record::Column::MadeAtMs,
    record::Column::MadeBy,
    record::Column::ChangedAtMs,
    record::Column::ActId,
    record::Column::RemovedAtMs,
];

/// By place: looking a column up by its name costs as much as reading it, and there are nine for each of a million records.
impl FromQueryResult for Kept {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        Ok(Self {
            id: row.try_get_by_index(0)?,
            unit_id: row.try_get_by_index(1)?,
            content: row.try_get_by_index(2)?,
            version: row.try_get_by_index(3)?,
            made_at_ms: row.try_get_by_index(4)?,
            made_by: row.try_get_by_index(5)?,
            changed_at_ms: row.try_get_by_index(6)?,
            act_id: row.try_get_by_index(7)?,
            removed_at_ms: row.try_get_by_index(8)?,
        })
    }
}

/// What is in lists has an index by register. Where some are in the bin, the records of all registers are gone through.
fn after_record(register: &str, in_the_bin: bool, after: Uuid) -> Select<record::Entity> {
    let all = record::Entity::find()
        .select_only()
        .columns(KEPT)
        .filter(record::Column::Register.eq(register))
        .filter(record::Column::Id.gt(after))
        .order_by_asc(record::Column::Id)
        .limit(PAGE);
    if in_the_bin { all } else { all.filter(record::Column::RemovedAtMs.is_null()) }
}

impl Form {
    fn page(&self, rows: Vec<Kept>) -> Result<Written, ExportError> {
        let mut written = Written::default();
        for row in rows {
            self.row(&row, &mut written)?;
        }
        Ok(written)
    }

    fn row(&self, row: &Kept, written: &mut Written) -> Result<(), ExportError> {
        let mut plain = content::plain(&self.ring, self.tenant, row.id, &row.content)?;
        let &Kept { id, unit_id, content: _, version, made_at_ms, made_by, changed_at_ms, act_id, removed_at_ms } = row;
        let mut cells = vec![
            Cell::Id(id),
            Cell::id(unit_id),
            Cell::Number(version.into()),
            Cell::At(made_at_ms),
            Cell::Id(made_by),
            Cell::At(changed_at_ms),
            Cell::at(removed_at_ms),
            Cell::id(act_id),
        ];
        if let Some((mask, classes)) = &self.mask {
            let known = self.register.as_deref().ok_or_else(|| ExportError::Unclassified(self.id.clone()))?;
            let mut content = Content::parse(&plain)?;
            mask.content(known, &mut content.0)?;
            plain = content.bytes().into();
            cells = cells.into_iter().zip(classes.iter()).map(|(cell, class)| mask.cell(*class, cell)).collect();
        }
        Self::line(&cells, &plain, written);
        self.cells(&cells, &Said::of(&plain)?, written);
        written.end();
        Ok(())
    }

    fn line(cells: &[Cell], plain: &[u8], written: &mut Written) {
        written.object(RECORDS.iter().copied().zip(cells));
        // What the record says goes into the same object.
        written.lines.truncate(written.lines.len() - 2);
        written.lines.extend_from_slice(b",\"fields\":");
        written.lines.extend_from_slice(plain);
        written.lines.extend_from_slice(b"}\n");
    }

    fn cells(&self, cells: &[Cell], said: &Said<'_>, written: &mut Written) {
        for (at, cell) in cells.iter().enumerate() {
            written.separate(at);
            written.cell(cell);
        }
        for (field, number) in self.fields.iter() {
            written.separate(1);
            match said.cell(field) {
                None => {}
                // A number is never a formula: it is written as it is.
                Some(value) if *number && plain_number(&value) => written.table.extend_from_slice(value.as_bytes()),
                Some(value) => table::csv_text(&value, &mut written.table),
            }
        }
        written.separate(1);
        let other = said.beside(|id| self.fields.iter().any(|(known, _)| known == id));
        if !other.is_empty() {
            table::csv_text(&serde_json::to_string(&other).unwrap_or_default(), &mut written.table);
        }
    }
}

fn plain_number(value: &str) -> bool {
    let digits = value.strip_prefix('-').unwrap_or(value);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

fn fields(content: &Content, out: &mut Vec<u8>) {
    out.push(b'{');
    for (at, (field, values)) in content.0.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        json_text(field, out);
        out.extend_from_slice(b":[");
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            json_text(value, out);
        }
        out.push(b']');
    }
    out.push(b'}');
}

async fn acts(making: &mut Making<'_>) -> Result<(), ExportError> {
    let Some(mut open) = making.begin("acts", ACTS).await? else { return Ok(()) };
    let mut after = Uuid::nil();
    loop {
        let rows = act::Entity::find().filter(act::Column::Id.gt(after)).order_by_asc(act::Column::Id).limit(PAGE);
        let rows = making.source.view.all(rows).await?;
        let Some(last) = rows.last().map(|row| row.id) else { break };
        after = last;
        making.rows(&mut open, rows.into_iter().map(done_to_many).collect()).await?;
    }
    making.close(open).await
}

fn done_to_many(row: act::Model) -> Vec<Cell> {
    let act::Model {
        tenant_id: _,
        id,
        kind,
        register,
        state,
        made_at_ms,
        made_by,
        rows,
        done_rows,
        first_id,
        last_id,
        touched_at_ms,
        trouble,
    } = row;
    vec![
        Cell::Id(id),
        Cell::Text(kind),
        Cell::Text(register),
        Cell::Text(state),
        Cell::At(made_at_ms),
        Cell::Id(made_by),
        Cell::Number(rows),
        Cell::Number(done_rows),
        Cell::id(first_id),
        Cell::id(last_id),
        Cell::At(touched_at_ms),
        Cell::text(trouble),
    ]
}
