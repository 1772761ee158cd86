//! A review of the seats as one signed archive, made of the same parts as that of an organisation's review.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Found, SeatItem, SeatReport, population, report};
use crate::audit::{self, heads};
use crate::clock::rfc3339;
use crate::entity::platform_entry;
use crate::exports::ExportError;
use crate::exports::archive::Archive;
use crate::exports::table::{Cell, Written, head};
use crate::guard::Staff;
use crate::identity::{Accounts, Refusal};
use crate::reviews::archive::proof::NOT_SIGNED;
use crate::reviews::archive::{page, signed};
use crate::reviews::words::Decision;

/// Entries that are read at once.
const PAGE: u64 = 2000;

const COLUMNS: &[&str] = &[
    "id",
    "account",
    "who",
    "address",
    "granted_at",
    "last_used",
    "second_factor",
    "recommendation",
    "reason",
    "previous",
    "decision",
    "decided_by",
    "decided_at",
    "note",
    "silent",
    "state",
    "note_salt",
    "explained_by",
    "explained_by_account",
    "explained_at",
    "explanation",
    "explanation_salt",
];

/// The archive of one review of the seats. `None`: there is no such review.
///
/// # Errors
/// When the database does not answer.
pub async fn archive(
    staff: &Staff,
    accounts: &Accounts,
    id: Uuid,
    now: OffsetDateTime,
) -> Result<Option<Vec<u8>>, Refusal> {
    let Some(found) = Found::read(staff, accounts, id).await? else { return Ok(None) };
    let report = report::of(staff, accounts, &found, now).await?;
    let making = Making { staff, accounts, found: &found, report: &report, now };
    Ok(Some(making.all().await.map_err(signed::refused)?))
}

struct Making<'a> {
    staff: &'a Staff,
    accounts: &'a Accounts,
    found: &'a Found,
    report: &'a SeatReport,
    now: OffsetDateTime,
}

impl Making<'_> {
    async fn all(&self) -> Result<Vec<u8>, ExportError> {
        let mut archive = signed::begin(self.now);
        let said = serde_json::to_string_pretty(&self.said()).unwrap_or_default() + "\n";
        archive.put("report.json", said.as_bytes()).await?;
        self.items(&mut archive).await?;
        archive.put("population.txt", population(&self.found.items).as_bytes()).await?;
        archive.put("report.html", self.page().as_bytes()).await?;
        self.log(&mut archive).await?;
        archive.put("VERIFY.txt", VERIFY.as_bytes()).await?;
        signed::sign(&mut archive, self.accounts, self.found.row.id, self.now).await?;
        signed::finish(archive).await
    }

    async fn items(&self, archive: &mut Archive<'_>) -> Result<(), ExportError> {
        let mut section = archive.section("items", "items", head(COLUMNS.iter().copied())).await?;
        let mut written = Written::default();
        for item in &self.report.items {
            written.row(COLUMNS, &cells(item));
        }
        archive.rows(&mut section, written).await?;
        archive.close(section).await?;
        Ok(())
    }

    fn page(&self) -> String {
        page::page(&page::Printed {
            title: format!("Review of the seats at {}: {}", self.accounts.profile.name, self.report.review.name),
            facts: facts(self.report),
            reviewers: &self.report.reviewers,
            head: HEAD,
            rows: self.report.items.iter().take(page::MOST).map(printed).collect(),
            of: self.report.items.len() as u64,
        })
    }

    fn said(&self) -> serde_json::Value {
        let SeatReport { review, made_by, closed_by, found, since, drift, reviewers, late, silent, .. } = self.report;
        let drift: Vec<_> = drift
            .iter()
            .map(|one| json!({ "item": one.item.id, "who": one.item.who, "how": one.how.said() }))
            .collect();
        json!({
            "format": signed::FORMAT,
            "made_at": rfc3339(self.now),
            "profile": self.accounts.profile.id,
            "review": {
                "id": review.id, "name": review.name, "scope": "seats", "status": review.status.word(),
                "by_itself": review.by_itself, "silence": review.silence.word(), "made_by": made_by,
                "opened_at": rfc3339(review.opened), "due_at": rfc3339(review.due),
                "closed_at": review.closed.map(rfc3339), "closed_by": closed_by, "overdue": review.overdue,
            },
            "completeness": {
                "grants": found.grants(), "items": found.items(), "by_source": found.sources,
                "every_grant_is_an_item": found.grants() == found.items(),
                "population_sha256": review.population_sha256,
            },
            "counts": review.counts,
            "changed_since_it_began": since,
            "drift": drift,
            "decided_late": late,
            "decided_by_silence": silent,
            "half_was_decided_within_ms": self.report.median_decide_ms,
            "reviewers": signed::reviewers(reviewers),
        })
    }

    /// The platform's log from the beginning of the review to a signed head, and of it what tells of the review.
    async fn log(&self, archive: &mut Archive<'_>) -> Result<(), ExportError> {
        let (first, last) = self.span().await?;
        let Some(head) = heads::of_platform(&self.accounts.vault, last) else {
            archive.put("log/README.txt", NOT_SIGNED.as_bytes()).await?;
            return Ok(());
        };
        let (mut chain, mut entries, mut after) = (Vec::new(), String::new(), first - 1);
        loop {
            let rows = platform_entry::Entity::find()
                .filter(platform_entry::Column::Seq.gt(after))
                .filter(platform_entry::Column::Seq.lte(head.seq))
                .order_by_asc(platform_entry::Column::Seq)
                .limit(PAGE);
            let rows = self.staff.all(rows).await?;
            let Some(end) = rows.last().map(|row| row.seq) else { break };
            after = end;
            entries.extend(rows.iter().filter(|row| self.concerns(row)).map(audit::line));
            chain.push(Ok(rows.iter().map(audit::line).collect::<String>().into_bytes()));
        }
        archive.stream("log/chain.jsonl", futures::stream::iter(chain)).await?;
        archive.put("log/entries.jsonl", entries.as_bytes()).await?;
        let head = serde_json::to_string(&head).unwrap_or_default() + "\n";
        archive.put("log/head.json", head.as_bytes()).await?;
        let key = self.accounts.vault.signing().public_hex() + "\n";
        archive.put("log/public-key.txt", key.as_bytes()).await?;
        Ok(())
    }

    /// The entry that tells of the beginning, and the one that tells of the end; while there is none, the newest that is about this review.
    async fn span(&self) -> Result<(i64, i64), ExportError> {
        let id = self.found.row.id.to_string();
        let mut about = vec![id.clone()];
        if self.found.row.closed_at_ms.is_none() {
            let seats = self.found.items.iter().flat_map(|item| [item.id, item.account_id]);
            about.extend(seats.map(|subject| subject.to_string()));
        }
        let told = platform_entry::Entity::find()
            .filter(platform_entry::Column::Subject.is_in(about))
            .order_by_asc(platform_entry::Column::Seq);
        let told = self.staff.all(told).await?;
        let first = told.iter().find(|entry| entry.subject == id);
        first
            .zip(told.last())
            .map(|(first, last)| (first.seq, last.seq))
            .ok_or(ExportError::Broken("the log does not tell of this review"))
    }

    /// Whether an entry is about this review, one of its items, or a seat that was among them.
    fn concerns(&self, entry: &platform_entry::Model) -> bool {
        let Ok(subject) = entry.subject.parse::<Uuid>() else { return false };
        let items = &self.found.items;
        subject == self.found.row.id || items.iter().any(|item| subject == item.id || subject == item.account_id)
    }
}

/// What a printed report says of the whole review.
fn facts(report: &SeatReport) -> Vec<page::Fact> {
    let SeatReport { review, since, .. } = report;
    let counts = &review.counts;
    vec![
        ("Where it stands", review.status.said().to_owned()),
        ("Began", rfc3339(review.opened)),
        ("Due", rfc3339(review.due)),
        ("Closed", review.closed.map_or_else(|| "not yet".to_owned(), rfc3339)),
        ("Seats found", report.found.grants().to_string()),
        ("Items", counts.items.to_string()),
        ("SHA-256 of what was found", review.population_sha256.clone()),
        ("Kept", counts.keep.to_string()),
        ("Revoked", counts.revoke.to_string()),
        ("Gone before it was decided, or settled so", counts.gone.to_string()),
        ("Differed, and that was settled", counts.changed.to_string()),
        ("Not decided", counts.pending.to_string()),
        ("Decided by silence", report.silent.to_string()),
        ("Decided late", report.late.to_string()),
        ("Given since it began", since.added.to_string()),
        ("Gone since it began", since.gone.to_string()),
        ("Differs from what was decided", report.drift.len().to_string()),
    ]
}

const HEAD: &[&str] = &["Who", "Address", "Granted", "Recommended", "Decision", "By", "Why", "State", "Explained"];

/// One seat as a row of the printed report.
fn printed(item: &SeatItem) -> Vec<String> {
    let settled = item.settled.as_ref();
    let by = if item.silent { Some("silence") } else { item.decided_by.as_deref() };
    vec![
        item.who.clone(),
        item.address.clone(),
        rfc3339(item.granted_at),
        format!("{}: {}", item.recommendation.said(), item.reason.said()),
        item.decision.map_or("Not decided", Decision::said).to_owned(),
        by.unwrap_or_default().to_owned(),
        item.note.clone().unwrap_or_default(),
        item.state.said().to_owned(),
        settled.map_or_else(String::new, |one| format!("By {}, {}: {}", one.by, rfc3339(one.at), one.reason)),
    ]
}

fn cells(item: &SeatItem) -> Vec<Cell> {
    let settled = item.settled.as_ref();
    let word = |word: &str| Cell::Text(word.to_owned());
    let yes = |yes: bool| Cell::Number(yes.into());
    let at = |at: Option<OffsetDateTime>| Cell::at(at.map(crate::clock::to_ms));
    vec![
        Cell::Id(item.id),
        Cell::Id(item.account),
        word(&item.who),
        word(&item.address),
        at(Some(item.granted_at)),
        at(item.last_used),
        yes(item.second_factor),
        word(item.recommendation.word()),
        word(item.reason.word()),
        item.previous.map_or(Cell::Nothing, |previous| word(previous.word())),
        item.decision.map_or(Cell::Nothing, |decision| word(decision.word())),
        Cell::text(item.decided_by.clone()),
        at(item.decided_at),
        Cell::text(item.note.clone()),
        yes(item.silent),
        word(item.state.word()),
        Cell::text(item.note_salt.clone()),
        Cell::text(settled.map(|settled| settled.by.clone())),
        Cell::id(settled.map(|settled| settled.account)),
        at(settled.map(|settled| settled.at)),
        Cell::text(settled.map(|settled| settled.reason.clone())),
        Cell::text(settled.and_then(|settled| settled.salt.clone())),
    ]
}

const VERIFY: &str = "How to verify this archive without us

1. manifest.sig holds a public key and an Ed25519 signature (RFC 8032). It is over the bytes \"avouch-review/1\\n\" followed by
   manifest.json as it is. Compare the key with the one that we publish at /keys of our address, and for programs at
   /.well-known/avouch-keys.json there.
2. manifest.json lists every other file with its SHA-256.
3. population.txt has a line for each seat as it was found when the review began: item, account, granted (ms), last used (ms), second factor.
   Its SHA-256 is the population_sha256 of report.json, and stands in the entry that tells of the beginning.
4. log/chain.jsonl has every entry of our own log from the beginning of the review to the signed head, in full; log/entries.jsonl has those of
   them that are about this review. Each hash is SHA-256 over previous_hash, seq, at_ms, actor, action, subject and detail, as text, each after
   its length in bytes as a 64-bit big-endian number; the next entry names it as its previous_hash. The last one is the hash of
   log/head.json, whose signature is by the same key.
5. Each seat of items.jsonl that people decided on has an entry seat-decided, in which it is the subject; the last one that no seat-reopened
   follows names whoever decided and what, at the time of the item. Each that was taken away has an entry operator-removed about its account
   after that, and each that differed and was settled one seat-drift-settled.
6. The last word of the detail of seat-decided is SHA-256(\"avouch-note/1\\n\" || salt || reason) in hexadecimal, with note_salt and note of the
   seat; that of seat-drift-settled is the same with explanation_salt and explanation. An entry of an earlier release has no such word, and an
   archive of one has only the reason of what was said last, as note.
";
