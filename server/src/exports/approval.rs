//! Keeping production's data out of development and test. Such an instance takes an archive of production only when people were taken out of it,
//! and when two different people of the vendor's staff have said yes to exactly this file, for a purpose and for a time.

use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::ExportError;
use super::manifest::Manifest;
use super::table::{instant, ms_of};
use crate::audit::Event;
use crate::clock::{from_ms, to_ms};
use crate::crypto::sign;
use crate::entity::export_approval;
use crate::guard::Staff;
use crate::identity::{Accounts, Refusal};
use crate::vault::Vault;

/// What an instance with real data calls itself.
const PRODUCTION: &str = "production";

/// Two pairs of eyes.
const NEEDED: usize = 2;

/// The longest time for which a test may hold such data.
pub const MOST_DAYS: i64 = 90;

const SIGNED: &[u8] = b"avouch-approval/1\n";

/// What two people approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Statement {
    pub(crate) archive_sha256: String,
    pub(crate) purposes: Vec<String>,
    pub(crate) expires_at: String,
    /// The accounts of whoever approved, on the instance that signs.
    pub(crate) approvers: Vec<Uuid>,
}

/// The file that goes with the archive: the statement as it was signed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Approval {
    statement: String,
    key: String,
    signature: String,
}

impl Approval {
    pub(crate) fn of(statement: &Statement, vault: &Vault) -> Self {
        let statement = serde_json::to_string(statement).unwrap_or_default();
        let signature = vault.signing().sign_hex(&message(&statement));
        Self { statement, key: vault.signing().public_hex(), signature }
    }

    pub(crate) fn text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// What it says, if the key that signed the archive signed it too.
    fn read(text: &[u8], key: &str) -> Result<Statement, &'static str> {
        let read: Self = serde_json::from_slice(text).map_err(|_| "the approval cannot be read")?;
        if read.key != key {
            return Err("the approval was signed by another instance than the archive");
        }
        if !sign::verifies(&read.key, &message(&read.statement), &read.signature) {
            return Err("the signature of the approval does not hold");
        }
        serde_json::from_str(&read.statement).map_err(|_| "the approval cannot be read")
    }
}

fn message(statement: &str) -> Vec<u8> {
    [SIGNED, statement.as_bytes()].concat()
}

/// Whether this instance may take an archive in.
///
/// # Errors
/// [`ExportError::Archive`] with why not.
pub(crate) fn permits(
    manifest: &Manifest,
    key: &str,
    sha256: &str,
    here: &str,
    approval: Option<&[u8]>,
    now: OffsetDateTime,
) -> Result<(), ExportError> {
    if here == PRODUCTION || manifest.environment != PRODUCTION {
        return Ok(());
    }
    let refused =
        |why: &str| Err(ExportError::Archive(format!("it is of production, and this instance is for {here}: {why}")));
    if !manifest.masked {
        return refused(
            "people have to be taken out of it first; ask for a masked copy on the organisation's export page",
        );
    }
    let Some(approval) = approval else {
        return refused("two of the staff have to approve it; give what they signed with --approval");
    };
    let statement = match Approval::read(approval, key) {
        Ok(statement) => statement,
        Err(why) => return refused(why),
    };
    let approvers: std::collections::BTreeSet<Uuid> = statement.approvers.iter().copied().collect();
    if statement.archive_sha256 != sha256 {
        return refused("the approval is of another archive");
    }
    if approvers.len() < NEEDED {
        return refused("two different people have to approve it");
    }
    if ms_of(&statement.expires_at).is_none_or(|until| from_ms(until) <= now) {
        return refused("the approval has run out");
    }
    Ok(())
}

/// Says yes to one archive, as one of the staff.
///
/// # Errors
/// [`Refusal::Field`] for what is no hash, purpose or number of days.
pub async fn approve(
    staff: &Staff,
    accounts: &Accounts,
    archive: &str,
    purpose: &str,
    days: &str,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let archive = archive.trim().to_ascii_lowercase();
    if archive.len() != 64 || !archive.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Refusal::Field("archive", "give the archive's SHA-256: 64 hexadecimal digits".into()));
    }
    let purpose = contract::text::ShortText::parse(purpose).map_err(|said| Refusal::Field("purpose", said.into()))?;
    let days: i64 = days.trim().parse().unwrap_or(0);
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(Refusal::Field("days", format!("give a number of days from 1 to {MOST_DAYS}")));
    }
    let change = staff.begin_platform().await?;
    let mine = export_approval::Entity::delete_many()
        .filter(export_approval::Column::ArchiveSha256.eq(&archive))
        .filter(export_approval::Column::OperatorId.eq(staff.account.0));
    change.delete(mine).await?;
    let sealed = accounts.vault.seal(&place(&archive, staff.account.0), purpose.as_str().as_bytes())?;
    let row = export_approval::ActiveModel {
        archive_sha256: ActiveValue::Set(archive.clone()),
        operator_id: ActiveValue::Set(staff.account.0),
        purpose: ActiveValue::Set(sealed),
        at_ms: ActiveValue::Set(to_ms(now)),
        expires_at_ms: ActiveValue::Set(to_ms(now + Duration::days(days))),
    };
    change.insert(row).await?;
    Ok(change.commit(Event::ArchiveApproved { operator: staff.account.0, archive }, now).await?)
}

fn place(archive: &str, operator: Uuid) -> String {
    format!("approval/{archive}/{operator}/purpose")
}

/// An archive that somebody approved.
#[derive(Clone, Debug)]
pub struct Approved {
    pub archive: String,
    pub by: usize,
    pub purposes: Vec<String>,
    pub until: OffsetDateTime,
    /// What goes with the archive, as soon as enough have approved.
    pub file: Option<String>,
}

/// What was approved and has not run out.
///
/// # Errors
/// When the database does not answer.
pub async fn list(staff: &Staff, accounts: &Accounts, now: OffsetDateTime) -> Result<Vec<Approved>, Refusal> {
    let rows = export_approval::Entity::find()
        .filter(export_approval::Column::ExpiresAtMs.gt(to_ms(now)))
        .order_by_asc(export_approval::Column::AtMs);
    let mut by_archive: std::collections::BTreeMap<String, Vec<export_approval::Model>> =
        std::collections::BTreeMap::new();
    for row in staff.all(rows).await? {
        by_archive.entry(row.archive_sha256.clone()).or_default().push(row);
    }
    by_archive.into_iter().map(|(archive, rows)| together(accounts, archive, &rows)).collect()
}

fn together(accounts: &Accounts, archive: String, rows: &[export_approval::Model]) -> Result<Approved, Refusal> {
    let open = |row: &export_approval::Model| {
        let plain = accounts.vault.open_sealed(&place(&archive, row.operator_id), &row.purpose)?;
        Ok::<_, Refusal>(String::from_utf8_lossy(&plain).into_owned())
    };
    let purposes = rows.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    // It ends when the first of them said it should.
    let until = rows.iter().map(|row| row.expires_at_ms).min().unwrap_or(0);
    let statement = Statement {
        archive_sha256: archive.clone(),
        purposes: purposes.clone(),
        expires_at: instant(until),
        approvers: rows.iter().map(|row| row.operator_id).collect(),
    };
    let file = (rows.len() >= NEEDED).then(|| Approval::of(&statement, &accounts.vault).text());
    Ok(Approved { archive, by: rows.len(), purposes, until: from_ms(until), file })
}
