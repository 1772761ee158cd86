//! What is on record, as the vendor's staff see it: what it says, who put it there, and until when it holds.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use crate::clock::{from_ms, parse_date};
use crate::entity::{account, evidence, evidence_withdrawal};
use crate::guard::Operator;
use crate::identity::Accounts;
use crate::organisations::names;
use crate::profile::{Binding, Profile};

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub id: Uuid,
    pub claim: String,
    pub dated: String,
    pub says: String,
    pub file: Option<String>,
    /// The last day on which it holds; `None` where it reached a milestone, which stays reached.
    pub until: Option<Date>,
    pub at: OffsetDateTime,
    /// `None`: it was recorded at the command line.
    pub by: Option<String>,
    /// Since when it counts no longer.
    pub withdrawn: Option<Withdrawn>,
}

/// Who withdrew a record, when and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawn {
    pub at: OffsetDateTime,
    pub by: Option<String>,
    pub reason: String,
}

/// The last day on which evidence of a day holds for this claim, as far as the profile's cadence says.
pub fn holds_until(binding: &Binding, dated: Date) -> Option<Date> {
    match binding {
        Binding::Evidence { cadence_days, .. } => {
            Some(dated.saturating_add(Duration::days(i64::from(cadence_days.get()))))
        }
        Binding::Milestone { .. } | Binding::Checks { .. } | Binding::Coming { .. } | Binding::Published { .. } => None,
    }
}

/// The newest records of this profile.
///
/// # Errors
/// When the database does not answer.
pub async fn newest(operator: &Operator, accounts: &Accounts, most: u64) -> Result<Vec<Recorded>, DbErr> {
    let profile: &Profile = &accounts.profile;
    let rows = evidence::Entity::find()
        .filter(evidence::Column::Profile.eq(&profile.id))
        .order_by_desc(evidence::Column::RecordedAtMs)
        .limit(most);
    let rows = operator.all(rows).await?;
    let of_these = evidence_withdrawal::Column::EvidenceId.is_in(rows.iter().map(|row| row.id));
    let gone = operator.all(evidence_withdrawal::Entity::find().filter(of_these)).await?;
    let mut gone: BTreeMap<Uuid, _> = gone.into_iter().map(|row| (row.evidence_id, row)).collect();
    let ids: Vec<Uuid> =
        rows.iter().map(|row| row.recorded_by).chain(gone.values().map(|row| row.withdrawn_by)).flatten().collect();
    let people = operator.all(account::Entity::find().filter(account::Column::Id.is_in(ids))).await?;
    let people: BTreeMap<Uuid, _> = people.iter().map(|row| (row.id, names::open(accounts, row))).collect();
    let open = |id: Uuid, column: &str, sealed: Option<Vec<u8>>| {
        let opened = accounts.vault.open_sealed(&format!("evidence/{id}/{column}"), &sealed?).ok()?;
        Some(String::from_utf8_lossy(&opened).into_owned())
    };
    let recorded = |row: evidence::Model| {
        let dated = parse_date(&row.dated).ok();
        let expires = row.expires.as_deref().and_then(|text| parse_date(text).ok());
        let claim = profile.claim(&row.claim);
        let holds = claim.zip(dated).and_then(|(claim, dated)| holds_until(&claim.binding, dated));
        Recorded {
            id: row.id,
            says: open(row.id, "note", row.note).unwrap_or_default(),
            file: open(row.id, "file_name", row.file_name),
            // A certificate that ends before the next record is due ends what it shows.
            until: holds.into_iter().chain(expires).min(),
            at: from_ms(row.recorded_at_ms),
            by: row.recorded_by.map(|id| names::called(&people, id)),
            withdrawn: gone.remove(&row.id).map(|gone| Withdrawn {
                at: from_ms(gone.at_ms),
                by: gone.withdrawn_by.map(|id| names::called(&people, id)),
                reason: gone.reason,
            }),
            claim: row.claim,
            dated: row.dated,
        }
    };
    Ok(rows.into_iter().map(recorded).collect())
}
