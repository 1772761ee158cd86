//! Taking an archive in: into an instance that does not have the organisation yet, whole or not at all. Every hash and the signature are compared
//! before anything is written. Ids stay; what was sealed is sealed anew with a key of this instance; the log of the time before comes along
//! as it is, and a new one begins.

mod kept;
mod people;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

use super::manifest::{FILE, Manifest, SIGNATURE};
use super::zip::Contents;
use super::{ExportError, approval, attached, former};
use crate::audit::log::{Action, Event, Sealer};
use crate::crypto::hex;
use crate::entity::organisation;
use crate::guard::{Actor, Change, Operator, TenantId};
use crate::identity::{Accounts, Origin};
use crate::profile::policy::Isolation;
use crate::vault::NewKey;

/// What is to be taken in, and how.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    pub file: &'a Path,
    /// Another address than the one it had.
    pub slug: Option<&'a str>,
    /// What two of the staff approved, for an archive of another environment.
    pub approval: Option<&'a [u8]>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    pub slug: String,
    pub members: u64,
    /// Members who had an account here already.
    pub linked: u64,
    pub records: u64,
    pub sha256: String,
}

/// A manifest of a megabyte lists about seven thousand files.
const LARGEST_MANIFEST: usize = 64 * 1024 * 1024;

/// A verified archive, and whose it is to become.
pub(crate) struct Taking<'a> {
    pub(crate) accounts: &'a Accounts,
    pub(crate) contents: Contents,
    pub(crate) manifest: Manifest,
    pub(crate) slug: String,
    pub(crate) tenant: TenantId,
    pub(crate) now: OffsetDateTime,
    /// Members whose account has another id here.
    pub(crate) moved: BTreeMap<Uuid, Uuid>,
    pub(crate) imported: Imported,
}

impl Taking<'_> {
    pub(crate) fn who(&self, id: Uuid) -> Uuid {
        self.moved.get(&id).copied().unwrap_or(id)
    }

    pub(crate) fn lines(&self, section: &str) -> Result<super::lines::Lines, ExportError> {
        let file = self.manifest.section(section).map(|section| section.file.as_str());
        super::lines::Lines::of(&self.contents, section, file)
    }
}

/// Takes an archive in.
///
/// # Errors
/// [`ExportError::Archive`] says what is wrong with it, or why it may not be used here. Then nothing was written.
pub async fn import(
    operator: &Operator,
    accounts: &Accounts,
    wanted: &Wanted<'_>,
    now: OffsetDateTime,
) -> Result<Imported, ExportError> {
    let path = wanted.file.to_owned();
    let (contents, manifest, key, sha256) = tokio::task::spawn_blocking(move || verified(&path))
        .await
        .map_err(|_| ExportError::Broken("the archive could not be read"))??;
    fits(accounts, &manifest)?;
    approval::permits(&manifest, &key, &sha256, accounts.vault.environment(), wanted.approval, now)?;
    let tenant = TenantId(manifest.organisation.id);
    let slug = wanted.slug.unwrap_or(&manifest.organisation.slug).to_owned();
    is_new(operator, tenant, &slug).await?;
    if operator.own_is_of_another(tenant).await? {
        let said = "another instance on this database server keeps this organisation in a database of its own; take it in on another server";
        return Err(ExportError::Archive(said.into()));
    }
    let imported = Imported { slug: slug.clone(), members: 0, linked: 0, records: 0, sha256 };
    let taking = Taking { accounts, contents, manifest, slug, tenant, now, moved: BTreeMap::new(), imported };
    // What an earlier try left behind, which nobody could see.
    clear(operator, accounts, tenant).await?;
    let taken = take(operator, taking).await;
    if taken.is_err() {
        clear(operator, accounts, tenant).await?;
    }
    taken
}

type Verified = (Contents, Manifest, String, String);

/// Reads all of it once: every file has the length and hash that the signed manifest says, and there is no other.
fn verified(path: &Path) -> Result<Verified, ExportError> {
    let mut contents = Contents::open(path)?;
    let (text, signature) = (contents.whole(FILE, LARGEST_MANIFEST)?, contents.whole(SIGNATURE, 4096)?);
    let (manifest, key) = Manifest::verified(&text, &signature)?;
    let wrong = |file: &str| ExportError::Archive(format!("{file} is not as it was signed"));
    let known: std::collections::BTreeSet<&str> = manifest.parts.iter().map(|part| part.file.as_str()).collect();
    if let Some(other) = contents.names().find(|name| ![FILE, SIGNATURE].contains(name) && !known.contains(name)) {
        return Err(ExportError::Archive(format!("{other} is in it and not in its manifest")));
    }
    for part in &manifest.parts {
        let (mut content, mut sum, mut bytes) = (contents.content(&part.file)?, Sha256::new(), 0);
        while let Some(piece) = content.piece()? {
            sum.update(&piece);
            bytes += piece.len() as u64;
        }
        if bytes != part.bytes || hex(&sum.finalize()) != part.sha256 {
            return Err(wrong(&part.file));
        }
    }
    let listed =
        |file: &str, sha256: &str| manifest.parts.iter().any(|part| part.file == file && part.sha256 == sha256);
    if let Some(section) = manifest.sections.iter().find(|section| !listed(&section.file, &section.sha256)) {
        return Err(wrong(&section.file));
    }
    let sha256 = of_file(path)?;
    Ok((contents, manifest, key, sha256))
}

fn of_file(path: &Path) -> Result<String, ExportError> {
    use std::io::Read;
    let (mut file, mut sum, mut buffer) = (std::fs::File::open(path)?, Sha256::new(), vec![0; 256 * 1024]);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hex(&sum.finalize()));
        }
        sum.update(&buffer[..read]);
    }
}

/// The same product on both sides: another profile has other registers and other roles.
fn fits(accounts: &Accounts, manifest: &Manifest) -> Result<(), ExportError> {
    let here = &accounts.profile.id;
    if manifest.profile == *here {
        return Ok(());
    }
    Err(ExportError::Archive(format!("it is of the profile {}, and this instance serves {here}", manifest.profile)))
}

async fn is_new(operator: &Operator, tenant: TenantId, slug: &str) -> Result<(), ExportError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if slug.is_empty() || slug.len() > 64 || !slug.chars().all(plain) {
        return Err(ExportError::Archive(format!("\"{slug}\" cannot be an address; give another with --slug")));
    }
    let there = organisation::Column::Id.eq(tenant.0).or(organisation::Column::Slug.eq(slug));
    match operator.all(organisation::Entity::find().filter(there)).await?.first() {
        None => Ok(()),
        Some(row) if row.id == tenant.0 => Err(ExportError::Archive("this organisation is here already".into())),
        Some(_) => {
            Err(ExportError::Archive(format!("another organisation has the address {slug}; give one with --slug")))
        }
    }
}

async fn clear(operator: &Operator, accounts: &Accounts, tenant: TenantId) -> Result<(), ExportError> {
    operator.remove_own(tenant).await?;
    accounts.blobs.remove_below(&tenant.0.to_string()).await?;
    Ok(())
}

async fn take(operator: &Operator, mut taking: Taking<'_>) -> Result<Imported, ExportError> {
    let (tenant, now) = (taking.tenant, taking.now);
    let NewKey { row, ring } = taking.accounts.vault.new_key(tenant, now)?;
    let location = operator.provision(tenant).await?;
    let sealer = Sealer { key: Arc::clone(&ring), place: Origin::of_program().place, trace: None };
    let former = former::take(&taking, &ring).await?;
    attached::take(&taking, &ring).await?;
    let own = operator.store().mode() == Isolation::Dedicated;
    // Who they are is known first: a record may name somebody who has another id here.
    let change = operator.begin_in(tenant, Actor::System, sealer.clone()).await?;
    people::write(&mut taking, &change, row, location, former).await?;
    if own {
        // In a database of its own, which nobody knows of before the organisation is committed.
        let kept = operator.begin_kept(tenant, Actor::System, sealer).await?;
        kept::write(&mut taking, &kept).await?;
        kept.commit_housekeeping().await?;
    } else {
        kept::write(&mut taking, &change).await?;
    }
    change.commit(&event(&taking), now).await?;
    Ok(taking.imported)
}

fn event(taking: &Taking<'_>) -> Event {
    let Taking { manifest, imported, tenant, .. } = taking;
    Event::of(Action::OrganisationImported, tenant.0)
        .with("archive", imported.sha256.clone())
        .with("made-at", manifest.made_at.clone())
        .with("environment", manifest.environment.clone())
        .with("members", imported.members.to_string())
        .with("records", imported.records.to_string())
}

/// For `insert_many`: rows of one batch.
pub(crate) const BATCH: usize = 500;

/// Whoever imports holds the writer of the database: a change that is dropped leaves nothing.
pub(crate) type Into<'a> = &'a Change;
