//! A review as one signed archive that an auditor verifies without us: what was found, what was decided, what came of it, and the entries of the
//! log, each proven to stand under a signed head.

pub(super) mod page;
pub(super) mod proof;
pub(super) mod signed;

use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::bench::Bench;
use super::freeze;
use super::items::{Item, described, of_review};
use super::report::{self, Report};
use super::words::Decision;
use crate::clock::rfc3339;
use crate::entity::{review, review_item};
use crate::exports::ExportError;
use crate::exports::archive::{Archive, Sink, taken_along};
use crate::exports::table::{Cell, Written, head};
use crate::guard::{Allowed, TenantDb, rights};
use crate::identity::{Accounts, Refusal};
use crate::organisations::names;

/// Items that are read at once.
const PAGE: u64 = 2000;

const COLUMNS: &[&str] = &[
    "id",
    "kind",
    "account",
    "who",
    "address",
    "role",
    "target",
    "target_id",
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
    "nobody_else_could_decide",
    "note_salt",
    "ended_otherwise_at",
    "explained_by",
    "explained_by_account",
    "explained_at",
    "explanation",
    "explanation_salt",
];

/// An archive, piece by piece as it is made.
pub type Pieces = BoxStream<'static, Result<Vec<u8>, Refusal>>;

/// The archive of one review, made while it is taken along: however many items it has, only some pages of them are held at once. All of it is what
/// stood at the instant when it was asked for, whatever is decided while it is on its way.
/// `None`: there is no such review here, or it has not begun.
///
/// # Errors
/// When the database does not answer, or something sealed does not open.
pub async fn archive(
    reader: Allowed<rights::ReviewsRead>,
    accounts: &Accounts,
    id: Uuid,
    now: OffsetDateTime,
) -> Result<Option<Pieces>, Refusal> {
    let view = reader.snapshot().await?;
    let Some(row) = view.one(review::Entity::find().filter(review::Column::Id.eq(id))).await? else { return Ok(None) };
    if row.opened_at_ms.is_none() {
        return Ok(None);
    }
    let report = report::of(&view, &reader, accounts, row.clone(), now).await?;
    let bench = Bench::of(&view, accounts, &row).await?;
    let organisation = names::of_organisation(accounts, reader.here());
    let making = Making { view, accounts: accounts.clone(), row, report, bench, organisation, now };
    let pieces = taken_along(move |sink| making.all(sink));
    Ok(Some(pieces.map_err(signed::refused).boxed()))
}

/// How items are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum As {
    Lines,
    Table,
}

#[derive(Debug)]
struct Making {
    view: TenantDb,
    accounts: Accounts,
    row: review::Model,
    report: Report,
    bench: Bench,
    organisation: String,
    now: OffsetDateTime,
}

impl Making {
    async fn all(self, sink: Sink) -> Result<(), ExportError> {
        let mut archive = Archive::new(sink, None, self.now);
        let said = serde_json::to_string_pretty(&self.said()).unwrap_or_default() + "\n";
        archive.put("report.json", said.as_bytes()).await?;
        let shown = self.page(Uuid::nil()).await?.map(|(items, _)| items).unwrap_or_default();
        archive.put("report.html", self.printed(&shown).as_bytes()).await?;
        drop(shown);
        self.items(&mut archive, "items.jsonl", As::Lines).await?;
        self.items(&mut archive, "items.csv", As::Table).await?;
        self.population(&mut archive).await?;
        proof::write(&mut archive, &self.view, &self.accounts, &self.row).await?;
        archive.put("VERIFY.txt", VERIFY.as_bytes()).await?;
        signed::sign(&mut archive, &self.accounts, self.row.id, self.now).await?;
        archive.hand_over().await
    }

    fn printed(&self, items: &[Item]) -> String {
        let campaign = &self.report.campaign;
        page::page(&page::Printed {
            title: format!("Access review {} of {}", campaign.name, self.organisation),
            facts: facts(&self.report),
            reviewers: &self.report.reviewers,
            head: HEAD,
            rows: items.iter().take(page::MOST).map(printed).collect(),
            of: campaign.counts.items,
        })
    }

    /// The next items, and where they end.
    async fn page(&self, after: Uuid) -> Result<Option<(Vec<Item>, Uuid)>, ExportError> {
        let rows = review_item::Entity::find()
            .filter(of_review(self.row.id))
            .filter(review_item::Column::Id.gt(after))
            .order_by_asc(review_item::Column::Id)
            .limit(PAGE);
        let rows = self.view.all(rows).await?;
        let Some(last) = rows.last().map(|row| row.id) else { return Ok(None) };
        let items = described(&self.view, &self.accounts, &self.bench, &self.row, rows, None).await?;
        Ok(Some((items, last)))
    }

    /// Every item with everything about it. Read once for the lines and once for the table: neither waits in memory for the other.
    async fn items(&self, archive: &mut Archive<'_>, file: &str, how: As) -> Result<(), ExportError> {
        let first = if how == As::Table { head(COLUMNS.iter().copied()) } else { Vec::new() };
        let pages = stream::try_unfold((Uuid::nil(), Some(first)), move |(after, first)| async move {
            if let Some(first) = first {
                return Ok(Some((first, (after, None))));
            }
            let Some((items, last)) = self.page(after).await? else { return Ok(None) };
            let mut written = Written::default();
            for item in &items {
                written.row(COLUMNS, &cells(item));
            }
            let text = if how == As::Table { written.table } else { written.lines };
            Ok(Some((text, (last, None))))
        });
        archive.stream(file, pages.boxed()).await?;
        Ok(())
    }

    /// The lines over which the hash of the population goes.
    async fn population(&self, archive: &mut Archive<'_>) -> Result<(), ExportError> {
        let pages = stream::try_unfold(Uuid::nil(), move |after| async move {
            let lines = freeze::lines(&self.view, self.row.id, after).await?;
            Ok(lines.map(|(text, last)| (text.into_bytes(), last)))
        });
        archive.stream("population.txt", pages.boxed()).await?;
        Ok(())
    }

    fn said(&self) -> serde_json::Value {
        let Report { campaign, since, drift, reviewers, explained, .. } = &self.report;
        let explained: Vec<_> = explained.iter().filter_map(explanation).collect();
        let at = |at: Option<OffsetDateTime>| at.map(rfc3339);
        let drift: Vec<_> = drift
            .iter()
            .map(|one| json!({ "item": one.item.id, "who": one.item.who, "how": one.how.said() }))
            .collect();
        json!({
            "format": signed::FORMAT,
            "made_at": rfc3339(self.now),
            "organisation": self.organisation,
            "profile": self.accounts.profile.id,
            "review": {
                "id": campaign.id, "name": campaign.name, "scope": campaign.scope.word(), "scope_of": campaign.scope.of(),
                "status": campaign.status.word(), "by_itself": campaign.by_itself, "silence": campaign.silence.word(),
                "effect": campaign.effect.word(), "made_by": campaign.made_by, "opened_at": at(campaign.opened),
                "due_at": rfc3339(campaign.due), "closed_at": at(campaign.closed), "closed_by": campaign.closed_by,
                "stages": campaign.stages, "overdue": campaign.overdue, "when_due": campaign.when_due.word(),
            },
            "completeness": {
                "grants": campaign.found.grants(), "items": campaign.found.items(), "by_source": campaign.found.sources,
                "every_grant_is_an_item": self.report.complete, "population_sha256": campaign.population_sha256,
            },
            "counts": campaign.counts,
            "changed_since_it_began": since,
            "drift": drift,
            "differed_and_explained": self.report.explained_count,
            "explained": explained,
            "decided_late": self.report.late,
            "decided_by_silence": self.report.silent,
            "kept_because_nobody_else_could_decide": campaign.counts.alone,
            "spared_by_the_rule_of_the_last_administrator": self.report.spared,
            "privileged": self.report.privileged,
            "privileged_that_stayed": self.report.privileged_kept,
            "half_was_decided_within_ms": self.report.median_decide_ms,
            "reviewers": signed::reviewers(reviewers),
        })
    }
}

/// One explained difference, as `report.json` says it.
fn explanation(item: &Item) -> Option<serde_json::Value> {
    let (became, settled) = item.differed()?;
    Some(json!({
        "item": item.id, "who": item.who, "kind": item.kind.word(), "decision": item.decision.map(Decision::word),
        "decided_by": item.decided_by, "decided_at": item.decided_at.map(rfc3339), "note": item.note, "became": became.said(rfc3339),
        "ended_otherwise_at": settled.ended.map(rfc3339), "explained_by": settled.by,
        "explained_by_account": settled.account, "explained_at": rfc3339(settled.at), "explanation": settled.reason,
    }))
}

/// What a printed report says of the whole review.
fn facts(report: &Report) -> Vec<page::Fact> {
    let campaign = &report.campaign;
    let at = |at: Option<OffsetDateTime>| at.map_or_else(|| "not yet".to_owned(), rfc3339);
    vec![
        ("Where it stands", campaign.status.said().to_owned()),
        ("Began", at(campaign.opened)),
        ("Due", rfc3339(campaign.due)),
        ("Closed", at(campaign.closed)),
        ("Grants found", campaign.found.grants().to_string()),
        ("Items", campaign.counts.items.to_string()),
        ("SHA-256 of what was found", campaign.population_sha256.clone().unwrap_or_default()),
        ("Decided to be kept", campaign.counts.keep.to_string()),
        ("Revoked", campaign.counts.revoke.to_string()),
        ("Role changed", campaign.counts.change.to_string()),
        ("Gone before it was decided", (campaign.counts.gone - campaign.counts.ended_otherwise).to_string()),
        ("Was to stay, ended otherwise, explained", campaign.counts.ended_otherwise.to_string()),
        ("Differs otherwise, explained", campaign.counts.changed.to_string()),
        ("Kept, and ended with the membership", campaign.counts.ended.to_string()),
        ("Not decided", campaign.counts.pending.to_string()),
        ("Decided by silence", report.silent.to_string()),
        ("Kept: nobody else could decide", campaign.counts.alone.to_string()),
        ("Decided late", report.late.to_string()),
        ("Given since it began", report.since.added.to_string()),
        ("Gone since it began", report.since.gone.to_string()),
        ("Changed since it began", report.since.changed.to_string()),
        ("Differs from what was decided", report.drift.len().to_string()),
        ("Privileged", report.privileged.to_string()),
        (
            "Privileged that stayed",
            report.privileged_kept.map_or_else(|| "not yet".to_owned(), |kept| kept.to_string()),
        ),
    ]
}

const HEAD: &[&str] = &["Who", "What", "Role", "Granted", "Recommended", "Decision", "By", "Why", "State"];

/// One item as a row of the printed report.
fn printed(item: &Item) -> Vec<String> {
    let by = match (item.silent, item.alone) {
        (true, true) => Some("silence: nobody else could decide"),
        (true, false) => Some("silence"),
        (false, _) => item.decided_by.as_deref(),
    };
    let giver = item.granted_by.as_ref().map(|by| format!(", by {by}")).unwrap_or_default();
    vec![
        item.who.clone(),
        item.kind.said().to_owned(),
        item.role.clone().unwrap_or_default(),
        format!("{}{giver}", rfc3339(item.granted_at)),
        format!("{}: {}", item.recommendation.said(), item.reason.said()),
        item.decision.map_or("Not decided", Decision::said).to_owned(),
        by.unwrap_or_default().to_owned(),
        item.note.clone().unwrap_or_default(),
        stands(item),
    ]
}

/// Where an item stands; and where that is not what was decided, why.
fn stands(item: &Item) -> String {
    match item.differed() {
        None => item.state.said().to_owned(),
        Some((became, settled)) => {
            let (became, at) = (sentence(&became.said(rfc3339)), rfc3339(settled.at));
            format!("{became}. Explained by {}, {at}: {}", settled.by, settled.reason)
        }
    }
}

fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn cells(item: &Item) -> Vec<Cell> {
    let text = |text: &Option<String>| Cell::text(text.clone());
    let word = |word: &str| Cell::Text(word.to_owned());
    let yes = |yes: bool| Cell::Number(yes.into());
    let at = |at: Option<OffsetDateTime>| Cell::at(at.map(crate::clock::to_ms));
    let settled = item.settled.as_ref();
    vec![
        Cell::Id(item.id),
        word(item.kind.word()),
        Cell::id(item.account),
        word(&item.who),
        word(&item.address),
        text(&item.role),
        text(&item.target),
        Cell::id(item.target_id),
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
        yes(item.alone),
        text(&item.note_salt),
        at(settled.and_then(|settled| settled.ended)),
        text(&settled.map(|settled| settled.by.clone())),
        Cell::id(settled.map(|settled| settled.account)),
        at(settled.map(|settled| settled.at)),
        text(&settled.map(|settled| settled.reason.clone())),
        text(&settled.and_then(|settled| settled.salt.clone())),
    ]
}

const VERIFY: &str = "How to verify this archive without us

1. manifest.sig holds a public key and an Ed25519 signature (RFC 8032). It is over the bytes \"avouch-review/1\\n\" followed by
   manifest.json as it is. Compare the key with the one that we publish at /keys of our address, and for programs at
   /.well-known/avouch-keys.json there. The program verify_review.py, which lies at /keys too, does all of this:
   python3 verify_review.py ARCHIVE KEY
2. manifest.json lists every other file with its SHA-256.
3. population.txt has a line for each grant as it was found when the review began. Its SHA-256 is the population_sha256 of report.json, which
   also stands in the sealed detail of the entry that tells of the beginning.
4. log/entries.jsonl has the entries of this review in full: one for each decision, and one for each grant that was taken away or changed. What
   happened to people's access besides in that time stands there too. log/chain.jsonl has a line for each entry of the log between the beginning of
   the review and the signed head: its number and its leaf, SHA-256(0x00 || the canonical bytes of the entry). Beginning from the hash in
   log/before.json, hash = SHA-256(0x02 || hash before || leaf) leads to the hash of log/head.json, whose signature is by the same key. The leaf
   of each entry in entries.jsonl, computed anew, is the one in chain.jsonl: so the entry stands in the log where it says. Where there is only
   log/README.txt, it says why there is no such proof.
5. Each item of items.jsonl that people decided on has an entry item-decided of its own, in which it is the subject, by whoever decided and at that
   time. Each that is applied has one that tells of what was done, about its account, or its target_id where there is no account. What is ended
   was to be kept, and hung on a membership of the same account that was revoked: the entry of that membership's end is that of its own.
6. The detail of an entry item-decided or drift-resolved begins with the byte 0xd1 and 32 bytes, before what is sealed. They are SHA-256(
   \"avouch-note/1\\n\" || salt || reason) with note_salt and note of the item, or explanation_salt and explanation; 32 zero bytes stand for no reason.
   So the log convicts whoever writes another reason. An entry of an earlier release has no such bytes.
7. What was to be kept and is gone, or differs otherwise (changed), has an entry drift-resolved by explained_by_account at explained_at, and
   where ended_otherwise_at is given, an entry of that instant that tells of the end of the access.
";
