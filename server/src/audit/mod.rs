//! What is worth a record, and the record: the platform's own hash-chained log, and in `log` that of each organisation.

pub mod heads;
pub mod log;
pub mod verifiers;
pub mod view;
pub mod walk;

use std::collections::BTreeSet;

use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::chain::{self, GENESIS};
use crate::clock::to_ms;
use crate::controls::Check;
use crate::entity::platform_entry;
use crate::guard::{Operator, PlatformChange, Visitor};

/// Everything that changes what the platform publishes or holds. No variant carries a secret.
#[derive(Clone, Debug)]
pub enum Event {
    DataKeyMade {
        key: Uuid,
    },
    EvidenceRecorded {
        claim: String,
        evidence: Uuid,
        /// One of the staff; nobody in particular at the command line.
        by: Option<Uuid>,
    },
    EvidenceWithdrawn {
        claim: String,
        evidence: Uuid,
        by: Option<Uuid>,
        reason: String,
    },
    CheckSwitchedOff {
        check: Check,
        reason: String,
    },
    CheckSwitchedOn {
        check: Check,
    },
    OperatorAdded {
        operator: Uuid,
    },
    OperatorRemoved {
        operator: Uuid,
    },
    /// Every seat of the vendor's staff is to be looked at anew.
    SeatReviewOpened {
        review: Uuid,
        items: usize,
        /// Over what was found.
        population_sha256: String,
    },
    SeatDecided {
        item: Uuid,
        operator: Uuid,
        decision: &'static str,
        /// Of the reason, in hexadecimal, with its salt.
        note_sha256: String,
    },
    /// A decision about a seat was taken back.
    SeatReopened {
        item: Uuid,
        operator: Uuid,
    },
    /// A seat was not what was decided: that was accepted, or the seat was taken away again.
    SeatDriftSettled {
        item: Uuid,
        operator: Uuid,
        again: bool,
        note_sha256: String,
    },
    SeatReviewClosed {
        review: Uuid,
    },
    /// One of the staff said yes to using a masked archive in a test.
    ArchiveApproved {
        operator: Uuid,
        archive: String,
    },
    /// One of the staff opened what is kept about an organisation.
    OrganisationLookedAt {
        operator: Uuid,
        organisation: Uuid,
    },
    /// From here on there is no way back.
    PurgeBegan {
        organisation: Uuid,
    },
    OrganisationPurged {
        organisation: Uuid,
        certificate: Uuid,
    },
    /// Everything of it was destroyed but what legal holds keep.
    OrganisationReduced {
        organisation: Uuid,
        certificate: Uuid,
    },
    AccountErased {
        account: Uuid,
        certificate: Uuid,
    },
    BackupBegun {
        backup: Uuid,
        object: String,
    },
    /// At how many destinations it lies now, and at how many it does not.
    BackupEnded {
        backup: Uuid,
        good: usize,
        failed: usize,
    },
    /// Let go at one destination, after its time.
    BackupPruned {
        backup: Uuid,
        object: String,
        destination: String,
    },
    DrillDone {
        drill: Uuid,
        good: bool,
    },
    /// A destination of backups was given the newest keyring.
    KeyringWritten {
        destination: String,
        digest: String,
    },
    /// This data is of this profile from now on: at the first start, or when somebody changed it on purpose.
    ProfileTaken {
        profile: String,
        before: Option<String>,
    },
    /// This instance was brought back from a copy.
    Restored {
        object: String,
    },
    /// An organisation whose key was destroyed before the copy was brought back in which it still stood.
    GoneFromCopy {
        organisation: Uuid,
    },
    ComponentSaved {
        component: String,
        objectives: String,
    },
    /// With the head of the public history after it: number and hash of its last entry.
    ClaimsChanged {
        profile: String,
        head: String,
        claims: Vec<String>,
    },
}

impl Event {
    pub const fn action(&self) -> &'static str {
        match self {
            Self::DataKeyMade { .. } => "data-key-made",
            Self::EvidenceRecorded { .. } => "evidence-recorded",
            Self::EvidenceWithdrawn { .. } => "evidence-withdrawn",
            Self::CheckSwitchedOff { .. } => "check-switched-off",
            Self::CheckSwitchedOn { .. } => "check-switched-on",
            Self::OperatorAdded { .. } => "operator-added",
            Self::OperatorRemoved { .. } => "operator-removed",
            Self::SeatReviewOpened { .. } => "seat-review-opened",
            Self::SeatDecided { .. } => "seat-decided",
            Self::SeatReopened { .. } => "seat-reopened",
            Self::SeatDriftSettled { .. } => "seat-drift-settled",
            Self::SeatReviewClosed { .. } => "seat-review-closed",
            Self::ArchiveApproved { .. } => "archive-approved",
            Self::OrganisationLookedAt { .. } => "organisation-looked-at",
            Self::PurgeBegan { .. } => "purge-began",
            Self::OrganisationPurged { .. } => "organisation-purged",
            Self::OrganisationReduced { .. } => "organisation-reduced",
            Self::AccountErased { .. } => "account-erased",
            Self::BackupBegun { .. } => "backup-begun",
            Self::BackupEnded { .. } => "backup-ended",
            Self::BackupPruned { .. } => "backup-pruned",
            Self::DrillDone { .. } => "drill-done",
            Self::KeyringWritten { .. } => "keyring-written",
            Self::ProfileTaken { .. } => "profile-taken",
            Self::Restored { .. } => "restored",
            Self::GoneFromCopy { .. } => "gone-from-copy",
            Self::ComponentSaved { .. } => "component-saved",
            Self::ClaimsChanged { .. } => "claims-changed",
        }
    }

    fn subject(&self) -> String {
        match self {
            Self::DataKeyMade { key } => key.to_string(),
            Self::EvidenceRecorded { claim, .. } | Self::EvidenceWithdrawn { claim, .. } => claim.clone(),
            Self::CheckSwitchedOff { check, .. } | Self::CheckSwitchedOn { check } => check.path(),
            Self::SeatReviewOpened { review, .. } | Self::SeatReviewClosed { review } => review.to_string(),
            Self::SeatDecided { item, .. } | Self::SeatReopened { item, .. } | Self::SeatDriftSettled { item, .. } => {
                item.to_string()
            }
            Self::ArchiveApproved { archive, .. } => archive.clone(),
            Self::OperatorAdded { operator } | Self::OperatorRemoved { operator } => operator.to_string(),
            Self::OrganisationLookedAt { organisation, .. }
            | Self::PurgeBegan { organisation }
            | Self::GoneFromCopy { organisation }
            | Self::OrganisationPurged { organisation, .. }
            | Self::OrganisationReduced { organisation, .. } => organisation.to_string(),
            Self::AccountErased { account, .. } => account.to_string(),
            Self::BackupBegun { backup, .. } | Self::BackupEnded { backup, .. } | Self::BackupPruned { backup, .. } => {
                backup.to_string()
            }
            Self::DrillDone { drill, .. } => drill.to_string(),
            // The digest fits where an address may not.
            Self::KeyringWritten { digest, .. } => digest.clone(),
            Self::Restored { object } => object.clone(),
            Self::ComponentSaved { component, .. } => component.clone(),
            Self::ProfileTaken { profile, .. } | Self::ClaimsChanged { profile, .. } => profile.clone(),
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::DataKeyMade { .. }
            | Self::CheckSwitchedOn { .. }
            | Self::OperatorAdded { .. }
            | Self::OperatorRemoved { .. }
            | Self::SeatReviewClosed { .. }
            | Self::PurgeBegan { .. }
            | Self::Restored { .. }
            | Self::GoneFromCopy { .. } => String::new(),
            Self::OrganisationPurged { certificate, .. }
            | Self::OrganisationReduced { certificate, .. }
            | Self::AccountErased { certificate, .. } => certificate.to_string(),
            Self::SeatReviewOpened { items, population_sha256, .. } => format!("{items} seats {population_sha256}"),
            Self::SeatReopened { operator, .. } => operator.to_string(),
            Self::SeatDriftSettled { operator, again, note_sha256, .. } => {
                format!("{operator} {} {note_sha256}", if *again { "again" } else { "accepted" })
            }
            Self::SeatDecided { operator, decision, note_sha256, .. } => format!("{operator} {decision} {note_sha256}"),
            Self::BackupBegun { object, .. } => object.clone(),
            Self::BackupPruned { object, destination, .. } => format!("{object} at {destination}"),
            Self::BackupEnded { good, failed, .. } => format!("{good} good {failed} failed"),
            Self::ProfileTaken { before, .. } => before.clone().unwrap_or_default(),
            Self::DrillDone { good, .. } => if *good { "good" } else { "failed" }.to_owned(),
            Self::KeyringWritten { destination, .. } => destination.clone(),
            Self::ComponentSaved { objectives, .. } => objectives.clone(),
            Self::ArchiveApproved { operator, .. } | Self::OrganisationLookedAt { operator, .. } => {
                operator.to_string()
            }
            Self::EvidenceRecorded { evidence, by: None, .. } => evidence.to_string(),
            Self::EvidenceRecorded { evidence, by: Some(by), .. } => format!("{evidence} by {by}"),
            Self::EvidenceWithdrawn { evidence, by: None, reason, .. } => format!("{evidence}: {reason}"),
            Self::EvidenceWithdrawn { evidence, by: Some(by), reason, .. } => format!("{evidence} by {by}: {reason}"),
            Self::CheckSwitchedOff { reason, .. } => reason.clone(),
            Self::ClaimsChanged { head, claims, .. } => format!("{head} {}", claims.join(" ")),
        }
    }
}

/// Appends the event to the log, inside the change that it records.
pub(crate) async fn append(
    change: &PlatformChange,
    actor: &str,
    event: &Event,
    at: OffsetDateTime,
) -> Result<(), sea_orm::DbErr> {
    let last = change.one(platform_entry::Entity::find().order_by_desc(platform_entry::Column::Seq)).await?;
    let (seq, previous_hash) = last.map_or((1, GENESIS.to_owned()), |entry| (entry.seq + 1, entry.hash));
    let mut entry = platform_entry::Model {
        seq,
        at_ms: to_ms(at),
        actor: actor.to_owned(),
        action: event.action().to_owned(),
        subject: event.subject(),
        detail: event.detail(),
        previous_hash,
        hash: String::new(),
    };
    entry.hash = hash_of(&entry);
    change.insert(entry.into_active_model().reset_all()).await
}

fn hash_of(entry: &platform_entry::Model) -> String {
    let platform_entry::Model { seq, at_ms, actor, action, subject, detail, previous_hash, hash: _ } = entry;
    chain::link(previous_hash, &[&seq.to_string(), &at_ms.to_string(), actor, action, subject, detail])
}

/// An entry as a line of what is taken along: with what its hash is over.
pub(crate) fn line(entry: &platform_entry::Model) -> String {
    let platform_entry::Model { seq, at_ms, actor, action, subject, detail, previous_hash, hash } = entry;
    let line = serde_json::json!({
        "seq": seq, "at_ms": at_ms, "actor": actor, "action": action, "subject": subject, "detail": detail,
        "previous_hash": previous_hash, "hash": hash,
    });
    format!("{line}\n")
}

/// The checks that the log says are switched off, in the order of `Check`.
pub(crate) async fn switched_off(operator: &Operator) -> Result<Vec<String>, sea_orm::DbErr> {
    let switches = platform_entry::Column::Action.is_in(["check-switched-off", "check-switched-on"]);
    let entries = platform_entry::Entity::find().filter(switches).order_by_asc(platform_entry::Column::Seq);
    let mut off = BTreeSet::new();
    for entry in operator.all(entries).await? {
        let Some(check) = Check::by_path(&entry.subject) else { continue };
        if entry.action == "check-switched-off" {
            off.insert(check);
        } else {
            off.remove(&check);
        }
    }
    Ok(off.into_iter().map(Check::path).collect())
}

/// The head of a profile's public history, as the log last recorded it.
pub(crate) async fn recorded_head(visitor: &Visitor, profile: &str) -> Result<Option<(i64, String)>, sea_orm::DbErr> {
    let newest = platform_entry::Entity::find()
        .filter(platform_entry::Column::Action.eq("claims-changed"))
        .filter(platform_entry::Column::Subject.eq(profile))
        .order_by_desc(platform_entry::Column::Seq)
        .limit(1);
    let entry = visitor.all(newest).await?.into_iter().next();
    Ok(entry.and_then(|entry| {
        let mut words = entry.detail.split(' ');
        Some((words.next()?.parse().ok()?, words.next()?.to_owned()))
    }))
}

/// Walks the platform's log from its first entry.
///
/// # Errors
/// When the database does not answer. A broken chain is not an error but an answer: the number of its first bad entry.
pub async fn verify_platform(operator: &Operator) -> Result<Result<i64, i64>, sea_orm::DbErr> {
    let entries = operator.all(platform_entry::Entity::find().order_by_asc(platform_entry::Column::Seq)).await?;
    let mut previous = GENESIS.to_owned();
    let mut expected = 1;
    for entry in entries {
        if entry.seq != expected || entry.previous_hash != previous || entry.hash != hash_of(&entry) {
            return Ok(Err(expected));
        }
        previous = entry.hash;
        expected += 1;
    }
    Ok(Ok(expected - 1))
}
