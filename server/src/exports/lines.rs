//! A section of an archive, row by row.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::ExportError;
use super::table::ms_of;
use super::zip::Content;
use super::zip::Contents;

/// A line longer than this is none of ours: a record has at most a few dozen fields of five pages.
const LONGEST: usize = 8 * 1024 * 1024;

/// The rows that are still to come.
pub(crate) struct Lines {
    section: String,
    content: Option<Content>,
    buffer: Vec<u8>,
    at: usize,
}

impl Lines {
    /// A section that is not there has no rows.
    pub(crate) fn of(contents: &Contents, section: &str, file: Option<&str>) -> Result<Self, ExportError> {
        let content = file.map(|file| contents.content(file)).transpose()?;
        Ok(Self { section: section.to_owned(), content, buffer: Vec::new(), at: 0 })
    }

    pub(crate) fn next(&mut self) -> Result<Option<Row>, ExportError> {
        loop {
            if let Some(end) = self.buffer[self.at..].iter().position(|byte| *byte == b'\n') {
                let line = &self.buffer[self.at..self.at + end];
                let row = serde_json::from_slice(line).map_err(|_| self.odd())?;
                self.at += end + 1;
                return Ok(Some(Row { section: self.section.clone(), cells: row }));
            }
            self.buffer.drain(..self.at);
            self.at = 0;
            let Some(piece) = self.content.as_mut().map(Content::piece).transpose()?.flatten() else {
                self.content = None;
                return if self.buffer.is_empty() { Ok(None) } else { Err(self.odd()) };
            };
            self.buffer.extend_from_slice(&piece);
            if self.buffer.len() > LONGEST {
                return Err(self.odd());
            }
        }
    }

    /// As many as that, or what is left.
    pub(crate) fn some(&mut self, most: usize) -> Result<Vec<Row>, ExportError> {
        let mut rows = Vec::new();
        while rows.len() < most {
            match self.next()? {
                Some(row) => rows.push(row),
                None => break,
            }
        }
        Ok(rows)
    }

    fn odd(&self) -> ExportError {
        ExportError::Archive(format!("a line of {} cannot be read", self.section))
    }
}

/// One row.
pub(crate) struct Row {
    section: String,
    cells: Map<String, Value>,
}

impl Row {
    fn odd(&self, column: &str) -> ExportError {
        ExportError::Archive(format!("{} has a row whose {column} does not fit", self.section))
    }

    fn there(&self, column: &str) -> Option<&Value> {
        self.cells.get(column).filter(|value| !value.is_null())
    }

    pub(crate) fn text(&self, column: &str) -> Result<String, ExportError> {
        self.text_or_none(column)?.ok_or_else(|| self.odd(column))
    }

    pub(crate) fn text_or_none(&self, column: &str) -> Result<Option<String>, ExportError> {
        match self.there(column) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(self.odd(column)),
        }
    }

    pub(crate) fn id(&self, column: &str) -> Result<Uuid, ExportError> {
        self.id_or_none(column)?.ok_or_else(|| self.odd(column))
    }

    pub(crate) fn id_or_none(&self, column: &str) -> Result<Option<Uuid>, ExportError> {
        let text = self.text_or_none(column)?;
        text.map(|text| text.parse().map_err(|_| self.odd(column))).transpose()
    }

    pub(crate) fn at(&self, column: &str) -> Result<i64, ExportError> {
        self.at_or_none(column)?.ok_or_else(|| self.odd(column))
    }

    pub(crate) fn at_or_none(&self, column: &str) -> Result<Option<i64>, ExportError> {
        let text = self.text_or_none(column)?;
        text.map(|text| ms_of(&text).ok_or_else(|| self.odd(column))).transpose()
    }

    pub(crate) fn number(&self, column: &str) -> Result<i64, ExportError> {
        self.there(column).and_then(Value::as_i64).ok_or_else(|| self.odd(column))
    }

    pub(crate) fn small(&self, column: &str) -> Result<i32, ExportError> {
        i32::try_from(self.number(column)?).map_err(|_| self.odd(column))
    }

    /// JSON of any form, read as what it has to be.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<Option<T>, ExportError> {
        let value = self.there(column).cloned();
        value.map(|value| serde_json::from_value(value).map_err(|_| self.odd(column))).transpose()
    }
}
