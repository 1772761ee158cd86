//! A review as one signed archive that an auditor verifies without us: what was found, what was decided, what came of it, and the entries of the
//! log, each proven to stand under a signed head.

mod page;
mod proof;

use std::fmt::Write as _;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::bench::Bench;
use super::freeze;
use super::items::{Item, described, of_review};
use super::report::{Report, report};
use crate::clock::rfc3339;
use crate::entity::{review, review_item};
use crate::exports::ExportError;
use crate::exports::archive::{Archive, Sink};
use crate::exports::table::{Cell, Written, head};
use crate::guard::{Allowed, TenantDb, rights};
use crate::identity::{Accounts, Refusal};
use crate::organisations::names;

/// Items that are read at once.
const PAGE: u64 = 2000;

/// What stands before the list of everything when it is signed, so that a signature of something else never fits.
pub const SIGNED: &[u8] = b"avouch-review/1\n";

const COLUMNS: &[&str] = &[
    "id",
    "kind",
    "account",
    "who",
    "address",
    "role",
    "target",
    "privileged",
    "orphaned",
    "granted_by",
    "granted_at",
    "ends_at",
    "last_used",
    "second_factor",
    "recommendation",
    "reason",
    "previous",
    "decision",
    "new_role",
    "decided_by",
    "decided_at",
    "note",
    "bulk",
    "silent",
    "state",
];

/// The archive of one review. `None`: there is no such review here, or it has not begun.
///
/// # Errors
/// When the database does not answer, or something sealed does not open.
pub async fn archive(
    reader: &Allowed<rights::ReviewsRead>,
    accounts: &Accounts,
    id: Uuid,
    now: OffsetDateTime,
) -> Result<Option<Vec<u8>>, Refusal> {
    let Some(report) = report(reader, accounts, id, now).await? else { return Ok(None) };
    let view = reader.read().await?;
    let Some(row) = view.one(review::Entity::find().filter(review::Column::Id.eq(id))).await? else { return Ok(None) };
    if row.opened_at_ms.is_none() {
        return Ok(None);
    }
    let organisation = names::of_organisation(accounts, reader.here());
    let making = Making { view: &view, accounts, row: &row, report: &report, organisation, now };
    match making.all().await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(ExportError::Refused(refusal)) => Err(refusal),
        Err(ExportError::Database(error)) => Err(error.into()),
        Err(other) => Err(Refusal::Database(sea_orm::DbErr::Custom(other.to_string()))),
    }
}

struct Making<'a> {
    view: &'a TenantDb,
    accounts: &'a Accounts,
    row: &'a review::Model,
    report: &'a Report,
    organisation: String,
    now: OffsetDateTime,
}

impl Making<'_> {
    async fn all(&self) -> Result<Vec<u8>, ExportError> {
        let mut archive = Archive::new(Sink::Memory(Vec::new()), None, self.now);
        let said = serde_json::to_string_pretty(&self.said()).unwrap_or_default() + "\n";
        archive.put("report.json", said.as_bytes()).await?;
        let shown = self.items(&mut archive).await?;
        self.population(&mut archive).await?;
        archive.put("report.html", page::page(&self.organisation, self.report, &shown).as_bytes()).await?;
        proof::write(&mut archive, self.view, self.accounts, self.row).await?;
        archive.put("VERIFY.txt", VERIFY.as_bytes()).await?;
        self.sign(&mut archive).await?;
        match archive.finish().await?.sink {
            Sink::Memory(bytes) => Ok(bytes),
            Sink::Blob(_) => Err(ExportError::Broken("the archive went somewhere else")),
        }
    }

    /// Every item with everything about it, as lines of JSON and as a table. The first of them, for the page.
    async fn items(&self, archive: &mut Archive<'_>) -> Result<Vec<Item>, ExportError> {
        let bench = Bench::of(self.view, self.accounts, self.row).await?;
        let mut section = archive.section("items", "items", head(COLUMNS.iter().copied())).await?;
        let (mut shown, mut after) = (Vec::new(), Uuid::nil());
        loop {
            let rows = review_item::Entity::find()
                .filter(of_review(self.row.id))
                .filter(review_item::Column::Id.gt(after))
                .order_by_asc(review_item::Column::Id)
                .limit(PAGE);
            let rows = self.view.all(rows).await?;
            let Some(last) = rows.last().map(|row| row.id) else { break };
            after = last;
            let items = described(self.view, self.accounts, &bench, self.row, rows, None).await?;
            let mut written = Written::default();
            for item in &items {
                written.row(COLUMNS, &cells(item));
            }
            archive.rows(&mut section, written).await?;
            shown.extend(items.into_iter().take(page::MOST.saturating_sub(shown.len())));
        }
        archive.close(section).await?;
        Ok(shown)
    }

    /// The lines over which the hash of the population goes.
    async fn population(&self, archive: &mut Archive<'_>) -> Result<(), ExportError> {
        let (mut lines, mut after) = (Vec::new(), Uuid::nil());
        while let Some((text, last)) = freeze::lines(self.view, self.row.id, after).await? {
            lines.push(Ok(text.into_bytes()));
            after = last;
        }
        archive.stream("population.txt", futures::stream::iter(lines)).await?;
        Ok(())
    }

    fn said(&self) -> serde_json::Value {
        let Report { campaign, since, drift, reviewers, .. } = self.report;
        let at = |at: Option<OffsetDateTime>| at.map(rfc3339);
        let reviewers: Vec<_> = reviewers
            .iter()
            .map(|one| {
                json!({
                    "account": one.account, "who": one.who, "decided": one.decided, "keep": one.keep, "revoke": one.revoke,
                    "change": one.change, "bulk": one.bulk, "keep_percent": one.keep_percent(),
                    "bulk_percent": one.bulk_percent(), "median_seconds_between_single_decisions": one.median_seconds,
                })
            })
            .collect();
        let drift: Vec<_> = drift
            .iter()
            .map(|one| json!({ "item": one.item.id, "who": one.item.who, "how": one.how.said() }))
            .collect();
        json!({
            "format": "avouch-review/1",
            "made_at": rfc3339(self.now),
            "organisation": self.organisation,
            "profile": self.accounts.profile.id,
            "review": {
                "id": campaign.id, "name": campaign.name, "scope": campaign.scope.word(), "scope_of": campaign.scope.of(),
                "status": campaign.status.word(), "by_itself": campaign.by_itself, "silence": campaign.silence.word(),
                "effect": campaign.effect.word(), "made_by": campaign.made_by, "opened_at": at(campaign.opened),
                "due_at": rfc3339(campaign.due), "closed_at": at(campaign.closed), "closed_by": campaign.closed_by,
                "stages": campaign.stages, "overdue": campaign.overdue,
            },
            "completeness": {
                "grants": campaign.found.grants(), "items": campaign.found.items(), "by_source": campaign.found.sources,
                "every_grant_is_an_item": self.report.complete, "population_sha256": campaign.population_sha256,
            },
            "counts": campaign.counts,
            "changed_since_it_began": since,
            "drift": drift,
            "decided_late": self.report.late,
            "decided_by_silence": self.report.silent,
            "spared_by_the_rule_of_the_last_administrator": self.report.spared,
            "privileged": self.report.privileged,
            "privileged_that_stayed": self.report.privileged_kept,
            "half_was_decided_within_ms": self.report.median_decide_ms,
            "reviewers": reviewers,
        })
    }

    /// The list of everything with its hashes, and the signature over it.
    async fn sign(&self, archive: &mut Archive<'_>) -> Result<(), ExportError> {
        let manifest = json!({
            "format": "avouch-review/1",
            "made_by": concat!("avouch ", env!("CARGO_PKG_VERSION")),
            "review": self.row.id,
            "made_at": rfc3339(self.now),
            "parts": archive.parts(),
        });
        let text = serde_json::to_string_pretty(&manifest).unwrap_or_default() + "\n";
        let key = self.accounts.vault.signing();
        let signature = json!({
            "algorithm": "Ed25519",
            "key": key.public_hex(),
            "signature": key.sign_hex(&[SIGNED, text.as_bytes()].concat()),
        });
        let mut signed = String::new();
        let _ = writeln!(signed, "{}", serde_json::to_string_pretty(&signature).unwrap_or_default());
        archive.put("manifest.json", text.as_bytes()).await?;
        archive.put("manifest.sig", signed.as_bytes()).await?;
        Ok(())
    }
}

fn cells(item: &Item) -> Vec<Cell> {
    let text = |text: &Option<String>| Cell::text(text.clone());
    let word = |word: &str| Cell::Text(word.to_owned());
    let yes = |yes: bool| Cell::Number(yes.into());
    let at = |at: Option<OffsetDateTime>| Cell::at(at.map(crate::clock::to_ms));
    vec![
        Cell::Id(item.id),
        word(item.kind.word()),
        Cell::id(item.account),
        word(&item.who),
        word(&item.address),
        text(&item.role),
        text(&item.target),
        yes(item.privileged),
        yes(item.orphaned),
        text(&item.granted_by),
        at(Some(item.granted_at)),
        at(item.ends_at),
        at(item.last_used),
        yes(item.second_factor),
        word(item.recommendation.word()),
        word(item.reason.word()),
        item.previous.map_or(Cell::Nothing, |previous| word(previous.word())),
        item.decision.map_or(Cell::Nothing, |decision| word(decision.word())),
        text(&item.new_role),
        text(&item.decided_by),
        at(item.decided_at),
        text(&item.note),
        yes(item.bulk),
        yes(item.silent),
        word(item.state.word()),
    ]
}

const VERIFY: &str = "How to verify this archive without us

1. manifest.sig holds a public key and an Ed25519 signature (RFC 8032). It is over the bytes \"avouch-review/1\\n\" followed by
   manifest.json as it is. Compare the key with the one that we publish.
2. manifest.json lists every other file with its SHA-256.
3. population.txt has a line for each grant as it was found when the review began. Its SHA-256 is the population_sha256 of report.json, which
   also stands in the sealed detail of the entry that tells of the beginning.
4. log/entries.jsonl has the entries of this review in full. log/chain.jsonl has a line for each entry of the log between the beginning of the
   review and the signed head: its number and its leaf, SHA-256(0x00 || the canonical bytes of the entry). Beginning from the hash in
   log/before.json, hash = SHA-256(0x02 || hash before || leaf) leads to the hash of log/head.json, whose signature is by the same key. The leaf
   of each entry in entries.jsonl, computed anew, is the one in chain.jsonl: so the entry stands in the log where it says.
";
