//! An organisation's log: what is worth an entry, and the entry.
//!
//! An entry says who, when, what, on what, and how it came out; ids only, so that names can be forgotten without breaking the chain. What is
//! confidential of it (from where, the reason, what it was before) is sealed with the organisation's key, and the chain covers the sealed
//! bytes: whoever has no key can still verify. What a reader without a key has to compare with, as the hash of a reason, stands open before them.

use std::collections::BTreeMap;
use std::sync::Arc;

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveModelTrait, ActiveValue, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::clock::to_ms;
use crate::crypto::seal::SealError;
use crate::entity::{entry, log_head};
use crate::guard::{Actor, LogEnds, Rows, TenantId, Together};
use crate::identity::origin::Place;
use crate::identity::trace::Trace;
use crate::vault::Keyring;

/// How an act came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Done,
    Refused,
}

impl Outcome {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

macro_rules! actions {
    ($($name:ident $word:literal $said:literal;)*) => {
        /// Everything in an organisation that is worth an entry.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Action { $($name),* }

        impl Action {
            pub const ALL: &[Self] = &[$(Self::$name),*];

            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            /// As people read it.
            pub const fn said(self) -> &'static str {
                match self { $(Self::$name => $said),* }
            }
        }
    };
}

actions! {
    OrganisationMade "organisation-made" "The organisation was made";
    OrganisationRenamed "organisation-renamed" "The organisation was renamed";
    OwnershipTransferred "ownership-transferred" "The organisation was handed over";
    MemberInvited "member-invited" "Somebody was invited";
    InvitationResent "invitation-resent" "An invitation was sent again";
    InvitationWithdrawn "invitation-withdrawn" "An invitation was withdrawn";
    MemberJoined "member-joined" "Somebody joined";
    RoleChanged "role-changed" "A member's role was changed";
    ReachGranted "reach-granted" "A member was let to a unit or a record";
    ReachWithdrawn "reach-withdrawn" "A member's reach was narrowed";
    MemberOffboarded "member-offboarded" "A member's access was ended";
    OffboardingPlanned "offboarding-planned" "The end of a member's access was set for a date";
    OffboardingCancelled "offboarding-cancelled" "A planned end of access was called off";
    MfaReset "mfa-reset" "A member's second factor was reset";
    SignedIn "signed-in" "A member signed in";
    FactorRefused "factor-refused" "A member's code was refused";
    FactorEnrolled "factor-enrolled" "A member set up a second factor";
    FactorRemoved "factor-removed" "A member took their second factor away";
    AccessDenied "access-denied" "Something that the role does not permit was refused";
    RoleMade "role-made" "A role was made";
    RoleRemoved "role-removed" "A role was removed";
    UnitMade "unit-made" "A unit was made";
    UnitRemoved "unit-removed" "A unit was removed";
    LogExported "log-exported" "The log was taken along";
    StandingChanged "standing-changed" "The standing of the subscription changed";
    HelpOpened "help-opened" "The vendor's staff was let in to help";
    HelpEnded "help-ended" "Help by the vendor's staff ended";
    OperatorLooked "operator-looked" "The vendor's staff looked at what is kept about the organisation";
    OperatorRefused "operator-refused" "The vendor's staff was refused";
    KeyRotated "key-rotated" "A new key seals what is written from now on";
    RecordMade "record-made" "A record was made";
    RecordChanged "record-changed" "A record was changed";
    RecordRemoved "record-removed" "A record was removed";
    RecordRestored "record-restored" "A removed record was brought back";
    RecordsImported "records-imported" "Records were imported";
    RecordsChanged "records-changed" "Many records were changed at once";
    RecordsRemoved "records-removed" "Many records were removed at once";
    RecordsHandedOver "records-handed-over" "Records of somebody who left went to a successor";
    ActUndone "act-undone" "A change of many records was undone";
    FileAttached "file-attached" "A file was attached";
    FileRemoved "file-removed" "A file was removed";
    FileOpened "file-opened" "A file was taken along";
    ExportRequested "export-requested" "An export of everything was asked for";
    ExportMade "export-made" "An export of everything was made";
    ExportDownloaded "export-downloaded" "An export was downloaded";
    ExportExpired "export-expired" "An export was removed after its time";
    OrganisationImported "organisation-imported" "The organisation came from an archive";
    SubscriptionCancelled "subscription-cancelled" "The subscription was cancelled: everything is hidden and will be destroyed";
    OrganisationRestored "organisation-restored" "The organisation was brought back before its end";
    OrganisationReduced "organisation-reduced" "Everything but what legal holds keep was destroyed";
    HoldPlaced "hold-placed" "A legal hold was placed";
    HoldLifted "hold-lifted" "A legal hold was lifted";
    RecordsExpired "records-expired" "Records past their time were destroyed";
    PersonErased "person-erased" "A person's data was erased";
    LogPruned "log-pruned" "Entries past their retention were pruned";
    ReviewDrafted "review-drafted" "An access review was drafted";
    ReviewOpened "review-opened" "An access review began";
    ReviewDiscarded "review-discarded" "A draft of an access review was thrown away";
    ItemDecided "item-decided" "Somebody's access was reviewed";
    ItemReopened "item-reopened" "A decision about somebody's access was taken back";
    ItemReassigned "item-reassigned" "A part of an access review was given to somebody else";
    ReviewDelegated "review-delegated" "A reviewer was given a stand-in";
    ReviewNoted "review-noted" "A remark was made in an access review";
    DriftResolved "drift-resolved" "What differed from a decision of an access review was settled";
    ReviewReminded "review-reminded" "Reviewers were reminded of an access review";
    ReviewEscalated "review-escalated" "An access review was not done in time";
    ReviewHeldBack "review-held-back" "An access review did not close by itself";
    ReviewClosed "review-closed" "An access review was closed";
    CalendarShared "calendar-shared" "Somebody made a secret address for their calendar";
    CalendarClosed "calendar-closed" "The secret address of a calendar was taken away";
}

impl Action {
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.word() == word)
    }
}

/// Something that happened. No value of it is ever a secret.
#[derive(Clone, Debug)]
pub struct Event {
    pub action: Action,
    pub subject: Uuid,
    pub outcome: Outcome,
    facts: BTreeMap<&'static str, String>,
    digest: Option<Hash>,
}

impl Event {
    pub fn of(action: Action, subject: Uuid) -> Self {
        Self { action, subject, outcome: Outcome::Done, facts: BTreeMap::new(), digest: None }
    }

    pub fn refused(action: Action, subject: Uuid) -> Self {
        Self { outcome: Outcome::Refused, ..Self::of(action, subject) }
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.facts.insert(name, value.into());
        self
    }

    /// With the hash of something that is kept elsewhere. It is not sealed, so what it is of has to have been salted.
    #[must_use]
    pub fn over(mut self, digest: Hash) -> Self {
        self.digest = Some(digest);
        self
    }
}

/// First byte of the confidential part of an entry that has a hash standing open: this, the 32 bytes of the hash, then what is sealed, which begins
/// with 1 or 2 (`crypto::seal`, `vault`).
const WITH_DIGEST: u8 = 0xd1;

/// What is sealed of an entry, without the hash that may stand before it.
fn sealed_of(detail: &[u8]) -> &[u8] {
    match detail.split_first() {
        Some((&WITH_DIGEST, rest)) if rest.len() > size_of::<Hash>() => &rest[size_of::<Hash>()..],
        Some(_) | None => detail,
    }
}

/// Seals what is confidential of the entries that one request causes.
#[derive(Clone, Debug)]
pub struct Sealer {
    pub(crate) key: Arc<Keyring>,
    pub(crate) place: Place,
    /// The key of whoever acts, where somebody does.
    pub(crate) trace: Option<Trace>,
}

/// What is confidential of an entry.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Detail {
    #[serde(default)]
    pub place: Place,
    /// The place under the key of whoever acted, which is erased with them; then `place` says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) traced: Option<String>,
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
}

/// An entry that has yet to find its place in the chain.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Written {
    at_ms: i64,
    actor_kind: String,
    actor: Uuid,
    action: String,
    subject: Uuid,
    outcome: String,
    detail: Vec<u8>,
}

impl Written {
    pub(crate) fn encoded(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub(crate) fn decoded(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// What the sealed part of an entry is bound to: known before the entry has its number.
fn place(tenant: TenantId, at_ms: i64, action: &str, subject: Uuid) -> String {
    format!("entry/{}/{at_ms}/{action}/{subject}/detail", tenant.0)
}

pub(crate) fn write(
    sealer: &Sealer,
    tenant: TenantId,
    actor: Actor,
    event: &Event,
    at: OffsetDateTime,
) -> Result<Written, DbErr> {
    let facts = event.facts.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let (at_ms, action) = (to_ms(at), event.action.word());
    let bound_to = place(tenant, at_ms, action, event.subject);
    let broken = |error: SealError| DbErr::Custom(error.to_string());
    let detail = match sealer.trace.as_ref().filter(|_| sealer.place != Place::default()) {
        Some(trace) => {
            let traced = trace.seal(&bound_to, &sealer.place).map_err(broken)?;
            Detail { place: Place::default(), traced: Some(traced), facts }
        }
        None => Detail { place: sealer.place.clone(), traced: None, facts },
    };
    let plain = serde_json::to_vec(&detail).unwrap_or_default();
    let sealed = sealer.key.seal(&bound_to, &plain).map_err(broken)?;
    let detail = match event.digest {
        Some(digest) => [[WITH_DIGEST].as_slice(), &digest, &sealed].concat(),
        None => sealed,
    };
    Ok(Written {
        at_ms,
        actor_kind: actor.kind().to_owned(),
        actor: actor.id(),
        action: action.to_owned(),
        subject: event.subject,
        outcome: event.outcome.word().to_owned(),
        detail,
    })
}

/// Opens the sealed part of an entry. What cannot be opened any more is shown as empty: from where somebody acted opens with the key of
/// their account only.
pub(crate) fn open_detail(key: &Keyring, trace: Option<&Trace>, row: &entry::Model) -> Detail {
    let place = place(TenantId(row.tenant_id), row.at_ms, &row.action, row.subject);
    let opened = key.open(&place, sealed_of(&row.detail)).ok().and_then(|plain| serde_json::from_slice(&plain).ok());
    let mut detail: Detail = opened.unwrap_or_default();
    if let (Some(traced), Some(trace)) = (&detail.traced, trace) {
        detail.place = trace.open(&place, traced);
    }
    detail
}

/// Whether the sealed part of an entry opens.
pub(crate) fn detail_opens(key: &Keyring, row: &entry::Model) -> bool {
    key.open(&place(TenantId(row.tenant_id), row.at_ms, &row.action, row.subject), sealed_of(&row.detail)).is_ok()
}

/// The entry that follows the one of this number and hash.
pub(crate) fn after((seq, previous): (i64, &Hash), tenant: TenantId, written: &Written) -> entry::Model {
    let Written { at_ms, actor_kind, actor, action, subject, outcome, detail } = written.clone();
    let mut row = entry::Model {
        tenant_id: tenant.0,
        seq: seq + 1,
        at_ms,
        actor_kind,
        actor,
        action,
        subject,
        outcome,
        detail,
        hash: Vec::new(),
    };
    row.hash = link(previous, &row).to_vec();
    row
}

/// Appends inside the transaction that is recorded. The head's row is what writers wait for, whether the end of the log was guessed or read.
pub(crate) async fn append(rows: &Rows, ends: &LogEnds, tenant: TenantId, written: &Written) -> Result<(), DbErr> {
    if let Some(end) = ends.guess(tenant) {
        let row = after((end.0, &end.1), tenant, written);
        if rows.follow(end, &row).await? {
            ends.saw(&row);
            return Ok(());
        }
    }
    let row = append_held(rows, tenant, written).await?;
    ends.saw(&row);
    Ok(())
}

async fn append_held(rows: &Rows, tenant: TenantId, written: &Written) -> Result<entry::Model, DbErr> {
    let head = log_head::Entity::find().filter(log_head::Column::TenantId.eq(tenant.0));
    let head = rows.one_held(head).await?;
    let (seq, previous) = head.as_ref().map_or((0, genesis(tenant)), |head| (head.seq, as_hash(&head.hash)));
    let row = after((seq, &previous), tenant, written);
    let moved = log_head::ActiveModel {
        tenant_id: ActiveValue::Set(tenant.0),
        seq: ActiveValue::Set(row.seq),
        hash: ActiveValue::Set(row.hash.clone()),
    };
    rows.insert(row.clone().into_active_model().reset_all()).await?;
    let conflict = OnConflict::column(log_head::Column::TenantId)
        .update_columns([log_head::Column::Seq, log_head::Column::Hash])
        .to_owned();
    rows.upsert(moved, conflict).await?;
    Ok(row)
}

/// Entries of one statement: about a megabyte.
const TOGETHER: usize = 1000;

/// How many of those lie ready while the database writes one.
const AHEAD: usize = 2;

/// Many entries of one act, in few statements: the head is held, and moved once. They are sealed and chained on a thread of their own while the
/// database writes those before them.
pub(crate) async fn append_all(
    rows: &Rows,
    ends: &LogEnds,
    tenant: TenantId,
    mut written: impl Iterator<Item = Result<Written, DbErr>> + Send + 'static,
) -> Result<(), DbErr> {
    let Some(first) = written.next() else { return Ok(()) };
    // The first one holds the head until the end of the transaction.
    let mut last = append_held(rows, tenant, &first?).await?;
    let (ready, mut parts) = mpsc::channel(AHEAD);
    let mut end = last.clone();
    let chaining = spawn_blocking(move || {
        loop {
            let mut entries = Vec::with_capacity(TOGETHER);
            for one in written.by_ref().take(TOGETHER) {
                end = after((end.seq, &as_hash(&end.hash)), tenant, &one?);
                entries.push(end.clone());
            }
            // Nobody waits for more when one of them could not be written.
            if entries.is_empty() || ready.blocking_send((Together::of(&entries)?, end.clone())).is_err() {
                return Ok::<_, DbErr>(());
            }
        }
    });
    while let Some((part, end)) = parts.recv().await {
        rows.put_in(tenant, part).await?;
        last = end;
    }
    chaining.await.map_err(|broken| DbErr::Custom(broken.to_string()))??;
    let moved = log_head::Entity::update_many()
        .col_expr(log_head::Column::Seq, Expr::value(last.seq))
        .col_expr(log_head::Column::Hash, Expr::value(last.hash.clone()))
        .filter(log_head::Column::TenantId.eq(tenant.0));
    rows.update(moved).await?;
    ends.saw(&last);
    Ok(())
}

pub type Hash = [u8; 32];

fn as_hash(bytes: &[u8]) -> Hash {
    bytes.try_into().unwrap_or_default()
}

/// What the first entry of an organisation's log follows.
pub fn genesis(tenant: TenantId) -> Hash {
    Sha256::new().chain_update(b"avouch-log/1").chain_update(tenant.0.as_bytes()).finalize().into()
}

/// The canonical bytes of an entry: each field after its length in bytes, 32 bits big-endian, in the order of the table.
pub(crate) fn canonical(row: &entry::Model, mut put: impl FnMut(&[u8])) {
    let mut field = |bytes: &[u8]| {
        put(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        put(bytes);
    };
    let entry::Model { tenant_id, seq, at_ms, actor_kind, actor, action, subject, outcome, detail, hash: _ } = row;
    field(b"avouch-entry/1");
    field(tenant_id.as_bytes());
    field(&seq.to_be_bytes());
    field(&at_ms.to_be_bytes());
    field(actor_kind.as_bytes());
    field(actor.as_bytes());
    field(action.as_bytes());
    field(subject.as_bytes());
    field(outcome.as_bytes());
    field(detail);
}

/// The hash of an entry after the one before it. The inner hash is the leaf hash of RFC 6962 section 2.1, so that a Merkle tree can be put over
/// the same entries; 2 separates the outer one from its leaves (0) and nodes (1).
pub(crate) fn link(previous: &Hash, row: &entry::Model) -> Hash {
    Sha256::new().chain_update([2]).chain_update(previous).chain_update(leaf(row)).finalize().into()
}

/// What an entry is in the chain: enough to walk over it without showing it.
pub(crate) fn leaf(row: &entry::Model) -> Hash {
    let mut leaf = Sha256::new_with_prefix([0]);
    canonical(row, |bytes| leaf.update(bytes));
    leaf.finalize().into()
}
