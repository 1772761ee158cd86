//! What is on record, read in one go: the newest findings, the evidence, the newest entry of each claim, the switches.

use std::collections::BTreeMap;

use contract::claim::{Kind, State};
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, Select};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::clock::{from_ms, parse_date};
use crate::controls::{Check, Seen};
use crate::entity::{check_switch, evidence, evidence_withdrawal, finding, trust_change};
use crate::guard::Visitor;
use crate::trust::history::Change;

/// What one run of a check saw, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub seen: Seen,
    pub at: OffsetDateTime,
    pub took_ms: i64,
}

/// One dated record, as far as it is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub id: Uuid,
    pub dated: Date,
    pub recorded_at: OffsetDateTime,
    /// What it certifies, and until when.
    pub certifies: Option<(String, Option<Date>)>,
    pub file_sha256: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Newest first.
    pub findings: BTreeMap<Check, Vec<Finding>>,
    /// By claim, newest date first; without what was withdrawn.
    pub records: BTreeMap<String, Vec<Record>>,
    /// The newest entry of each claim's history.
    pub newest: BTreeMap<String, Change>,
    pub switched_off: BTreeMap<Check, (OffsetDateTime, String)>,
}

impl Facts {
    /// Reads what is on record for a profile.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn read(visitor: &Visitor, profile: &str) -> Result<Self, DbErr> {
        let mut facts = Self { switched_off: switches(visitor).await?, ..Self::default() };
        let findings = finding::Entity::find()
            .filter(finding::Column::Profile.eq(profile))
            .order_by_desc(finding::Column::CheckedAtMs);
        for row in visitor.all(findings).await? {
            let Some(check) = Check::by_path(&row.check_path) else { continue };
            facts.findings.entry(check).or_default().push(Finding::from(row));
        }
        let evidence = evidence::Entity::find()
            .filter(evidence::Column::Profile.eq(profile))
            .filter(evidence::Column::Id.not_in_subquery(withdrawn()))
            .order_by_desc(evidence::Column::Dated);
        for row in visitor.all(evidence).await? {
            let claim = row.claim.clone();
            facts.records.entry(claim).or_default().extend(Record::read(row));
        }
        for row in visitor.all(newest_of_each_claim(profile)).await? {
            if let Some(change) = Change::read(row) {
                facts.newest.insert(change.claim.clone(), change);
            }
        }
        Ok(facts)
    }

    /// Certificates on record that have not expired on `today`, each once.
    pub fn certifications(&self, today: Date) -> Vec<(String, Option<Date>)> {
        let mut held: Vec<_> = self
            .records
            .values()
            .flatten()
            .filter(|record| record.dated <= today)
            .filter_map(|record| record.certifies.clone())
            .filter(|(_, expires)| expires.is_some_and(|expires| expires >= today))
            .collect();
        // Of a certificate that was renewed, the one that lasts longest.
        held.sort_by(|a, b| (&a.0, b.1).cmp(&(&b.0, a.1)));
        held.dedup_by(|a, b| a.0 == b.0);
        held
    }
}

fn withdrawn() -> SelectStatement {
    Query::select().column(evidence_withdrawal::Column::EvidenceId).from(evidence_withdrawal::Entity).to_owned()
}

/// The newest entry of each claim's history.
pub(crate) fn newest_of_each_claim(profile: &str) -> Select<trust_change::Entity> {
    let last = Query::select()
        .expr(Expr::col(trust_change::Column::Seq).max())
        .from(trust_change::Entity)
        .and_where(Expr::col(trust_change::Column::Profile).eq(profile))
        .group_by_col(trust_change::Column::Claim)
        .to_owned();
    trust_change::Entity::find()
        .filter(trust_change::Column::Profile.eq(profile))
        .filter(trust_change::Column::Seq.in_subquery(last))
}

async fn switches(visitor: &Visitor) -> Result<BTreeMap<Check, (OffsetDateTime, String)>, DbErr> {
    let rows = visitor.all(check_switch::Entity::find()).await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| Some((Check::by_path(&row.check_path)?, (from_ms(row.off_since_ms), row.reason))))
        .collect())
}

impl From<finding::Model> for Finding {
    fn from(row: finding::Model) -> Self {
        let finding::Model { outcome, said, checked_at_ms, took_ms, id: _, profile: _, check_path: _ } = row;
        let seen = match outcome.as_str() {
            "upheld" => Seen::Upheld(said),
            "unavailable" => Seen::Unavailable(said),
            // A word that nobody wrote proves nothing.
            _ => Seen::Failing(said),
        };
        Self { seen, at: from_ms(checked_at_ms), took_ms }
    }
}

impl Record {
    fn read(row: evidence::Model) -> Option<Self> {
        let evidence::Model { id, dated, recorded_at_ms, certifies, expires, file_sha256, .. } = row;
        let expires = expires.and_then(|text| parse_date(&text).ok());
        Some(Self {
            id,
            dated: parse_date(&dated).ok()?,
            recorded_at: from_ms(recorded_at_ms),
            certifies: certifies.map(|name| (name, expires)),
            file_sha256,
        })
    }
}

impl Change {
    pub(crate) fn read(row: trust_change::Model) -> Option<Self> {
        let trust_change::Model {
            profile: _,
            seq,
            claim,
            kind,
            from_state,
            to_state,
            sentence,
            reason,
            at_ms,
            since_ms,
            previous_hash: _,
            hash,
        } = row;
        Some(Self {
            seq,
            claim,
            kind: Kind::parse(&kind)?,
            from: from_state.as_deref().and_then(State::parse),
            to: State::parse(&to_state)?,
            sentence,
            reason,
            at: from_ms(at_ms),
            since: from_ms(since_ms),
            hash,
        })
    }
}
