//! A large organisation for measuring its archive: records and files written in batches, with the product's own rows and seals.

use std::io::Write;
use std::time::Instant;

use futures::TryStreamExt;
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde::Serialize;
use uuid::Uuid;

use super::crowd::Crowd;
use crate::audit::log::Sealer;
use crate::exports::zip::{Contents, Deflating};
use crate::exports::{ExportError, work};
use crate::files::accept::accept;
use crate::guard::{AccountId, Actor, TenantId};
use crate::identity::Origin;
use crate::organisations::founding;
use crate::profile::format::{Field, FieldKind, Register};
use crate::registers::content::Content;
use crate::registers::{New, Rows, Sealing};
use contract::standing::Standing;

/// Records of one transaction.
const BATCH: usize = 2_000;

/// Bytes of each attached file.
const FILE_BYTES: usize = 20_000;

/// What making an archive took.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    pub records: usize,
    pub files: usize,
    pub seconds: f64,
    /// Bytes of everything in it before it was compressed, in millions.
    pub raw_mb: f64,
    pub archive_mb: f64,
    pub mb_per_second: f64,
    /// The same bytes through the same compressor and nothing else, on one thread.
    pub compressor_mb_per_second: f64,
    /// The most memory that the process held while it made the archive, over what it held before, in MiB.
    pub peak_over_idle_mib: f64,
}

impl Crowd {
    /// An organisation with so many records of the profile's first register and so many files.
    ///
    /// # Errors
    /// When the database or the store does not take it.
    pub async fn filled(&self, records: usize, files: usize) -> Result<TenantId, ExportError> {
        let (accounts, tenant) = (&self.accounts, TenantId(Uuid::now_v7()));
        let location = self.operator.provision(tenant).await?;
        let key = accounts.vault.new_key(tenant, self.now)?;
        let mut row = founding::row(accounts, tenant, &format!("filled-{}", tenant.0.simple()), "Filled", self.now)?;
        Standing::Active.word().clone_into(&mut row.standing);
        let change = self.operator.begin_account().await?;
        change.insert(row.into_active_model().reset_all()).await?;
        change.insert(key.row).await?;
        change.commit_housekeeping().await?;
        if let Some(location) = location {
            let sealer = accounts.sealer(tenant, &Origin::of_program()).await?;
            let change = self.operator.begin_in(tenant, Actor::System, sealer).await?;
            let row = crate::entity::environment::ActiveModel {
                location: sea_orm::ActiveValue::Set(location),
                ..Default::default()
            };
            change.insert(row).await?;
            change.commit_housekeeping().await?;
        }
        let sealer = accounts.sealer(tenant, &Origin::of_program()).await?;
        let last = self.records(tenant, &sealer, records).await?;
        self.files(tenant, &sealer, files, last).await?;
        Ok(tenant)
    }

    async fn records(&self, tenant: TenantId, sealer: &Sealer, number: usize) -> Result<Uuid, ExportError> {
        let register = self.accounts.profile.registers.first().ok_or(ExportError::Broken("there is no register"))?;
        let (tokens, mut last) = (sealer.key.tokens()?, Uuid::nil());
        for begins in (0..number).step_by(BATCH) {
            let change = self.operator.begin_kept(tenant, Actor::System, sealer.clone()).await?;
            let mut rows = Rows::default();
            let sealing = Sealing { tenant, ring: &sealer.key, tokens: &tokens };
            for which in begins..number.min(begins + BATCH) {
                last = Uuid::now_v7();
                let at = crate::clock::to_ms(self.now);
                let new = New {
                    id: last,
                    content: content(register, which),
                    unit: None,
                    made_by: AccountId(Uuid::nil()),
                    made_at_ms: at,
                    changed_at_ms: at,
                    version: 1,
                    act: None,
                };
                rows.add(&sealing, register, &new)?;
            }
            rows.write(&change).await?;
            change.commit_housekeeping().await?;
        }
        Ok(last)
    }

    async fn files(&self, tenant: TenantId, sealer: &Sealer, number: usize, record: Uuid) -> Result<(), ExportError> {
        use crate::files::attached::blob_of;
        let limit = self.accounts.profile.policy.limits.upload_kib.get();
        for begins in (0..number).step_by(500) {
            let change = self.operator.begin_kept(tenant, Actor::System, sealer.clone()).await?;
            for which in begins..number.min(begins + 500) {
                let text = words(which).repeat(FILE_BYTES / words(which).len());
                let accepted = accept(limit, &format!("note {which}.txt"), "text/plain", text.into());
                let accepted = accepted.map_err(|_| ExportError::Broken("a file was not taken"))?;
                let id = Uuid::now_v7();
                self.accounts.blobs.put(&sealer.key, &blob_of(tenant, id), &accepted.content).await?;
                let by = AccountId(Uuid::nil());
                change.insert(crate::files::row_for(&change, id, record, &accepted, by, self.now)?).await?;
            }
            change.commit_housekeeping().await?;
        }
        Ok(())
    }

    /// Makes an archive as the server does, then pushes the same bytes through the compressor alone.
    ///
    /// # Errors
    /// When it cannot be made or read again.
    pub async fn archive(&self, tenant: TenantId, records: usize, files: usize) -> Result<Measured, ExportError> {
        let (before, began) = (settle_memory(), Instant::now());
        let made = work::one_for_measuring(&self.operator, &self.accounts, tenant, self.now).await?;
        let seconds = began.elapsed().as_secs_f64();
        let peak = memory("VmHWM:") - before;
        let path = std::env::temp_dir().join(format!("avouch-measured-{}.zip", tenant.0.simple()));
        let ring = self.accounts.vault.tenant(tenant).await?;
        let opening = self.accounts.blobs.open_sealed(&ring, &made).await?;
        let mut file = std::fs::File::create(&path)?;
        let mut pieces = opening.stream(0..opening.bytes())?;
        while let Some(piece) = pieces.try_next().await? {
            file.write_all(&piece)?;
        }
        let (raw, alone) = alone(&path)?;
        std::fs::remove_file(&path)?;
        self.accounts.blobs.remove(&made).await?;
        // To the kilobyte: a 32-bit number of these is exact, and four terabytes.
        let mega = |bytes: u64| f64::from(u32::try_from(bytes / 1000).unwrap_or(u32::MAX)) / 1000.0;
        Ok(Measured {
            records,
            files,
            seconds,
            raw_mb: mega(raw),
            archive_mb: mega(opening.bytes()),
            mb_per_second: mega(raw) / seconds,
            compressor_mb_per_second: mega(raw) / alone,
            peak_over_idle_mib: peak,
        })
    }
}

/// How many bytes there are, and how many seconds the compressor took for them.
fn alone(path: &std::path::Path) -> Result<(u64, f64), ExportError> {
    let contents = Contents::open(path)?;
    let (mut bytes, mut seconds) = (0, 0.0);
    for name in contents.names() {
        let (mut content, mut deflating) = (contents.content(name)?, Deflating::new());
        while let Some(piece) = content.piece()? {
            let began = Instant::now();
            deflating.push(&piece)?;
            seconds += began.elapsed().as_secs_f64();
            bytes += piece.len() as u64;
        }
        deflating.finish()?;
    }
    Ok((bytes, seconds))
}

/// A line of what Linux tells of this process, in MiB.
pub(super) fn memory(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

/// Forgets the highest mark so far, and says what is held now.
pub(super) fn settle_memory() -> f64 {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    memory("VmRSS:")
}

fn words(which: usize) -> String {
    let heads =
        ["review", "supplier", "agreement", "finding", "measure", "owner", "system", "backup", "access", "training"];
    let mut text = format!("{which} ");
    for at in 0..12 {
        text.push_str(heads[(which * 7 + at * 3 + which / 11) % heads.len()]);
        text.push(' ');
    }
    text
}

fn content(register: &Register, which: usize) -> Content {
    let mut content = Content::default();
    for field in &register.fields {
        let value = value(field, which);
        content.set(field.id.get_ref(), value.into_iter().collect());
    }
    content
}

fn value(field: &Field, which: usize) -> Option<String> {
    match field.kind {
        FieldKind::Text => Some(format!("{} {which}", field.label)),
        FieldKind::LongText => Some(words(which)),
        FieldKind::Number => Some((which % 977).to_string()),
        FieldKind::Date => Some(format!("2026-{:02}-{:02}", which % 12 + 1, which % 28 + 1)),
        FieldKind::Instant => Some(format!("2026-{:02}-{:02}T10:00:00Z", which % 12 + 1, which % 28 + 1)),
        FieldKind::Choice | FieldKind::Choices => field.choices.get(which % field.choices.len().max(1)).cloned(),
        FieldKind::Person | FieldKind::Link | FieldKind::File | FieldKind::Requirement => None,
    }
}
