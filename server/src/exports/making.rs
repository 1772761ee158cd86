//! The whole of an archive, section after section, out of one snapshot.

use std::sync::Arc;

use futures::future::BoxFuture;
use time::OffsetDateTime;

use super::ExportError;
use super::archive::{Archive, Finished, Section, SectionSaid};
use super::classes::{self, Class};
use super::manifest::{self, Manifest};
use super::mask::Mask;
use super::progress::Progress;
use super::table::{self, Cell, Written};
use super::{attached, log, people, records, reviews, words};
use crate::entity::organisation;
use crate::guard::{Leaves, TENANT_TABLES, TenantDb};
use crate::identity::Accounts;
use crate::vault::Keyring;

/// What an archive is made of.
#[derive(Clone, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) view: Arc<TenantDb>,
    pub(crate) accounts: &'a Accounts,
    pub(crate) ring: Arc<Keyring>,
    pub(crate) organisation: organisation::Model,
    /// Only for a masked archive.
    pub(crate) mask: Option<Arc<Mask>>,
    pub(crate) now: OffsetDateTime,
    pub(crate) schema: Vec<String>,
}

/// An archive on its way: what it is made of, where it goes, and how far it is.
#[derive(Debug)]
pub(crate) struct Making<'a> {
    pub(crate) source: Source<'a>,
    pub(crate) archive: Archive<'a>,
    pub(crate) progress: Progress,
    sections: Vec<SectionSaid>,
    left_out: Vec<String>,
}

/// A section whose rows are cells.
#[derive(Debug)]
pub(crate) struct Rows {
    section: Section,
    columns: &'static [&'static str],
    classes: Option<Vec<Class>>,
}

impl<'a> Making<'a> {
    pub(crate) fn new(source: Source<'a>, archive: Archive<'a>, progress: Progress) -> Self {
        Self { source, archive, progress, sections: Vec::new(), left_out: Vec::new() }
    }

    /// Makes all of it.
    pub(crate) fn all(mut self) -> BoxFuture<'a, Result<(Finished, Manifest), ExportError>> {
        // Boxed: with all sections in it, the future is large.
        Box::pin(async move {
            people::write(&mut self).await?;
            reviews::write(&mut self).await?;
            records::write(&mut self).await?;
            attached::write(&mut self).await?;
            log::write(&mut self).await?;
            self.end().await
        })
    }

    /// Begins a section, if this archive has it.
    pub(crate) async fn begin(
        &mut self,
        name: &'static str,
        columns: &'static [&'static str],
    ) -> Result<Option<Rows>, ExportError> {
        if !self.has(name) {
            return Ok(None);
        }
        let classes = self.source.mask.is_some().then(|| classes_of(name, columns)).transpose()?;
        let head = table::head(columns.iter().copied());
        let section = self.archive.section(name, &format!("data/{name}"), head).await?;
        Ok(Some(Rows { section, columns, classes }))
    }

    /// Whether this archive has a section. A masked one has what was classified column by column, and says what it left out.
    pub(crate) fn has(&mut self, name: &str) -> bool {
        let has = self.source.mask.is_none() || classes::masked_has(name);
        if !has {
            self.left_out.push(name.to_owned());
        }
        has
    }

    pub(crate) async fn rows(&mut self, rows: &mut Rows, page: Vec<Vec<Cell>>) -> Result<(), ExportError> {
        let mut written = Written::default();
        for cells in page {
            let cells = self.masked(rows, cells);
            written.row(rows.columns, &cells);
        }
        let count = written.rows;
        self.archive.rows(&mut rows.section, written).await?;
        self.progress.on(count).await
    }

    fn masked(&self, rows: &Rows, cells: Vec<Cell>) -> Vec<Cell> {
        match (&rows.classes, &self.source.mask) {
            (Some(classes), Some(mask)) => {
                cells.into_iter().zip(classes).map(|(cell, class)| mask.cell(*class, cell)).collect()
            }
            (None, _) | (_, None) => cells,
        }
    }

    pub(crate) async fn close(&mut self, rows: Rows) -> Result<(), ExportError> {
        self.close_section(rows.section).await
    }

    pub(crate) async fn close_section(&mut self, section: Section) -> Result<(), ExportError> {
        let said = self.archive.close(section).await?;
        self.sections.push(said);
        Ok(())
    }

    /// What is small, as one page.
    pub(crate) async fn small(
        &mut self,
        name: &'static str,
        columns: &'static [&'static str],
        page: Vec<Vec<Cell>>,
    ) -> Result<(), ExportError> {
        if let Some(mut rows) = self.begin(name, columns).await? {
            self.rows(&mut rows, page).await?;
            self.close(rows).await?;
        }
        Ok(())
    }

    /// The words for people, and the list of everything with its signature.
    async fn end(mut self) -> Result<(Finished, Manifest), ExportError> {
        let named = manifest::organisation(&self.source)?;
        let readme = words::readme(&named, &self.sections, self.source.mask.is_some());
        self.archive.put("README.txt", readme.as_bytes()).await?;
        let page = words::page(&named, &self.sections, &self.source.now);
        self.archive.put("index.html", page.as_bytes()).await?;
        let manifest = Manifest::of(&self.source, named, self.sections, self.left_out, self.archive.parts().to_vec());
        let (text, signature) = manifest.signed(&self.source.accounts.vault);
        self.archive.put(manifest::FILE, text.as_bytes()).await?;
        self.archive.put(manifest::SIGNATURE, signature.as_bytes()).await?;
        Ok((self.archive.finish().await?, manifest))
    }
}

/// What each column is.
///
/// # Errors
/// [`ExportError::Unclassified`] with the first of which nobody said it.
pub(crate) fn classes_of(section: &str, columns: &[&str]) -> Result<Vec<Class>, ExportError> {
    let class = |column: &&str| {
        classes::column(section, column).ok_or_else(|| ExportError::Unclassified(format!("{section}.{column}")))
    };
    columns.iter().map(class).collect()
}

/// Every table that goes along has a section here. One without would not be missed in a test but stop the build.
pub(crate) const SECTIONS: &[&str] = &[
    "organisation",
    "roles",
    "units",
    "members",
    "reach",
    "invitations",
    "departures",
    "help",
    "holds",
    "days",
    "reviews",
    "review-reviewers",
    "review-items",
    "review-votes",
    "review-notes",
    "records",
    "history",
    "acts",
    "files",
    "log",
    "heads",
    "former-log",
];

const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    one.len() == other.len()
}

const fn written(section: &str) -> bool {
    let mut at = 0;
    while at < SECTIONS.len() {
        if same(SECTIONS[at], section) {
            return true;
        }
        at += 1;
    }
    false
}

const _: () = {
    let mut at = 0;
    while at < TENANT_TABLES.len() {
        if let Leaves::As(section) = TENANT_TABLES[at].leaves {
            assert!(written(section), "a table leaves in a section that no archive has");
        }
        at += 1;
    }
};
