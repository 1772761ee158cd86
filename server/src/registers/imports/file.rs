//! The file: its columns, and its rows field by field.

use uuid::Uuid;

use super::super::edit::UNIT;
use super::super::shape::Shape;
use super::super::value;
use super::MOST_ROWS;
use crate::identity::Refusal;
use crate::profile::format::{Field, FieldKind};

/// Rows with something wrong that a report lists. The others are counted.
const LISTED: usize = 500;

/// One value that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Of the file, counted from 1, as editors and spreadsheets do.
    pub line: u64,
    pub field: String,
    pub said: String,
}

/// What became of a file, or would.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub rows: u64,
    pub wrong: Vec<Wrong>,
    pub wrong_count: u64,
    /// What names the first few records.
    pub sample: Vec<String>,
    /// The import, if there is one.
    pub act: Option<Uuid>,
    /// It is not done yet.
    pub goes_on: bool,
}

impl Report {
    pub(super) fn add(&mut self, line: u64, wrong: Vec<(String, String)>) {
        for (field, said) in wrong {
            self.wrong_count += 1;
            self.wrong.push(Wrong { line, field, said });
        }
        // What must be the only one is looked for last, and may stand in a line before all others.
        if self.wrong.len() >= 2 * LISTED {
            self.settle();
        }
    }

    /// The first of them by their lines.
    pub(super) fn settle(&mut self) {
        self.wrong.sort_by_key(|wrong| wrong.line);
        self.wrong.truncate(LISTED);
    }
}

/// Values by the place of their field in the register, and the unit as it is typed.
#[derive(Debug, Default)]
pub(super) struct Typed {
    pub values: Vec<(usize, Vec<String>)>,
    pub unit: Option<String>,
}

#[derive(Debug)]
pub(super) struct Row {
    pub line: u64,
    pub typed: Typed,
    pub wrong: Vec<(String, String)>,
}

/// What a column is for.
#[derive(Clone, Copy, Debug)]
enum Column {
    Field(usize),
    Unit,
    /// An id, as an export has it. New records get new ones.
    Passed,
}

fn refuse(said: impl Into<String>) -> Refusal {
    Refusal::Field("file", said.into())
}

pub(super) fn read(shape: &Shape<'_>, bytes: &[u8]) -> Result<Vec<Row>, Refusal> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|_| refuse("this is no text in UTF-8; save it as CSV in UTF-8"))?;
    let first = text.lines().next().unwrap_or_default();
    let delimiter = if first.contains(',') || !first.contains(';') { b',' } else { b';' };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|_| refuse("the first line cannot be read"))?.clone();
    let columns = columns(shape, &header)?;
    let mut rows = Vec::new();
    let mut record = csv::StringRecord::new();
    loop {
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => rows.push(row(shape, &columns, &record)),
            Err(_) => {
                return Err(refuse(format!(
                    "after line {} the file cannot be read; is a quote missing?",
                    reader.position().line()
                )));
            }
        }
        if rows.len() > MOST_ROWS {
            return Err(refuse(format!("at most {MOST_ROWS} rows in one file")));
        }
    }
    if rows.is_empty() {
        Err(refuse("there is no row below the first line, which names the columns"))
    } else {
        Ok(rows)
    }
}

/// Columns are called by the fields' ids or labels, in any order and case.
fn columns(shape: &Shape<'_>, header: &csv::StringRecord) -> Result<Vec<Column>, Refusal> {
    let same = |a: &str, b: &str| a.trim().to_lowercase() == b.trim().to_lowercase();
    let mut columns = Vec::new();
    let mut unknown = Vec::new();
    let mut taken = std::collections::BTreeSet::new();
    for name in header {
        let named = |field: &Field| same(field.id.get_ref(), name) || same(&field.label, name);
        let field = shape.register.fields.iter().position(|field| shape.reads(field) && named(field));
        let column = match field {
            Some(at) => Column::Field(at),
            None if same(name, UNIT) => Column::Unit,
            None if same(name, "id") => Column::Passed,
            None => {
                unknown.push(name.to_owned());
                continue;
            }
        };
        if let Column::Field(at) = column
            && !taken.insert(at)
        {
            return Err(refuse(format!("two columns are called \"{name}\"")));
        }
        columns.push(column);
    }
    if unknown.is_empty() {
        return Ok(columns);
    }
    let known: Vec<&str> = shape.fields().map(|field| field.id.get_ref().as_str()).collect();
    Err(refuse(format!("no field is called {}; the fields are {}", unknown.join(", "), known.join(", "))))
}

fn row(shape: &Shape<'_>, columns: &[Column], record: &csv::StringRecord) -> Row {
    let line = record.position().map_or(0, csv::Position::line);
    let mut typed = Typed::default();
    let mut wrong = Vec::new();
    if record.len() != columns.len() {
        let said = format!("this row has {} values, the first line names {}", record.len(), columns.len());
        return Row { line, typed, wrong: vec![("row".to_owned(), said)] };
    }
    for (at, field) in shape.register.fields.iter().enumerate() {
        let of = columns.iter().position(|column| matches!(column, Column::Field(found) if *found == at));
        let text = of.and_then(|of| record.get(of)).unwrap_or_default();
        let text = undefused(text);
        let id = field.id.get_ref();
        if !text.is_empty() && !shape.writes(field) {
            wrong.push((id.clone(), "your role does not permit changing this".to_owned()));
        } else if !text.is_empty() && field.kind == FieldKind::File {
            wrong.push((id.clone(), "attach a file on the record's own page".to_owned()));
        } else if field.kind != FieldKind::File {
            match value::parse(shape.reading(), field, text) {
                Ok(values) if values.is_empty() => {}
                Ok(values) => typed.values.push((at, values)),
                Err(said) => wrong.push((id.clone(), said)),
            }
        }
    }
    let unit = columns.iter().position(|column| matches!(column, Column::Unit));
    typed.unit = unit.and_then(|at| record.get(at)).map(|text| text.trim().to_owned());
    Row { line, typed, wrong }
}

/// An export puts a quote before what a spreadsheet would take for a formula; it comes off again.
fn undefused(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@', '\t', '\r']) => rest,
        Some(_) | None => text,
    }
}
