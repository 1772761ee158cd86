//! The proof that something is gone: what, when, how much, and which keys; signed, and chained to the certificate before it, so that none can be
//! left out later. No personal data is in it.

use std::collections::BTreeMap;

use sea_orm::sea_query::ExprTrait;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::clock::{from_ms, rfc3339, to_ms};
use crate::crypto::{sha256_hex, sign};
use crate::entity::{account, certificate, organisation};
use crate::guard::{Operator, PlatformChange, Visitor};
use crate::identity::Refusal;
use crate::vault::Vault;

/// Raised when the fields change.
const FORMAT: &str = "avouch-certificate/1";

/// Before the first certificate there is none.
const NONE_BEFORE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Organisation,
    Account,
}

impl Kind {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Organisation => "organisation",
            Self::Account => "account",
        }
    }
}

/// What is certified. The order of the fields is the order in which they are signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    pub format: String,
    pub id: Uuid,
    /// Without a gap, from 1.
    pub number: i64,
    pub kind: Kind,
    pub subject: Uuid,
    /// SHA-256 of the organisation's address, by which its owner knows that it is theirs.
    pub slug_sha256: Option<String>,
    pub asked_at: String,
    pub due_at: String,
    pub destroyed_at: String,
    pub window_days: i64,
    /// How many rows of which table there were.
    pub rows: BTreeMap<String, u64>,
    pub files: u64,
    pub file_bytes: u64,
    /// The ids of the data keys that are gone: what they sealed, in whichever copy, opens no more.
    pub keys: Vec<Uuid>,
    /// Until when a legal hold put it off, if one did.
    pub held_until: Option<String>,
    /// How many records legal holds keep until then, where everything else is gone. Not in a certificate of all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_records: Option<u64>,
    pub previous_sha256: String,
}

/// A certificate with its signature, as it is downloaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    pub certificate: Certificate,
    pub public_key: String,
    pub signature: String,
}

/// Why a certificate proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("it is not a certificate of this program")]
    Unreadable,
    #[error("it was signed with another key")]
    OtherKey,
    #[error("its signature does not hold: it was changed, or never signed")]
    Forged,
}

impl Signed {
    /// # Errors
    /// [`Invalid::Unreadable`].
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let signed: Self = serde_json::from_str(text).map_err(|_| Invalid::Unreadable)?;
        if signed.certificate.format == FORMAT { Ok(signed) } else { Err(Invalid::Unreadable) }
    }

    /// Whether the certificate is as it was signed with this key.
    ///
    /// # Errors
    /// See [`Invalid`].
    pub fn verify(&self, public_key: &str) -> Result<(), Invalid> {
        if self.public_key != public_key {
            return Err(Invalid::OtherKey);
        }
        let body = self.certificate.body();
        if sign::verifies(public_key, body.as_bytes(), &self.signature) { Ok(()) } else { Err(Invalid::Forged) }
    }

    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

impl Certificate {
    /// What is signed: the fields in their order, without white space.
    fn body(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What is known of something that is gone, before it is certified.
#[derive(Clone, Debug)]
pub(crate) struct Gone {
    pub(crate) id: Uuid,
    pub(crate) kind: Kind,
    pub(crate) subject: Uuid,
    pub(crate) slug_sha256: Option<String>,
    pub(crate) asked_at: OffsetDateTime,
    pub(crate) due_at: OffsetDateTime,
    pub(crate) rows: BTreeMap<String, u64>,
    pub(crate) files: u64,
    pub(crate) file_bytes: u64,
    pub(crate) keys: Vec<Uuid>,
    pub(crate) held_until: Option<OffsetDateTime>,
    pub(crate) kept_records: Option<u64>,
}

fn newest() -> sea_orm::Select<certificate::Entity> {
    certificate::Entity::find().order_by_desc(certificate::Column::Seq).limit(1)
}

/// Signs and writes the certificate, in the change that makes the end of it. One that is there already stays.
pub(crate) async fn issue(
    change: &PlatformChange,
    vault: &Vault,
    gone: Gone,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    // Of an organisation there may be one already, of what was destroyed before the rest.
    let same = certificate::Entity::find()
        .filter(certificate::Column::Subject.eq(gone.subject))
        .filter(certificate::Column::Id.eq(gone.id).or(certificate::Column::Kind.eq(Kind::Account.word())));
    if change.one(same).await?.is_some() {
        return Ok(());
    }
    let before = change.one(newest()).await?;
    let number = before.as_ref().map_or(1, |row| row.seq + 1);
    let Gone {
        id,
        kind,
        subject,
        slug_sha256,
        asked_at,
        due_at,
        rows,
        files,
        file_bytes,
        keys,
        held_until,
        kept_records,
    } = gone;
    let certificate = Certificate {
        format: FORMAT.to_owned(),
        id,
        number,
        kind,
        subject,
        slug_sha256,
        asked_at: rfc3339(asked_at),
        due_at: rfc3339(due_at),
        destroyed_at: rfc3339(now),
        window_days: (due_at - asked_at).whole_days(),
        rows,
        files,
        file_bytes,
        keys,
        held_until: held_until.map(rfc3339),
        kept_records,
        previous_sha256: before.map_or_else(|| NONE_BEFORE.to_owned(), |row| sha256_hex(row.body.as_bytes())),
    };
    let body = certificate.body();
    let row = certificate::Model {
        id,
        seq: number,
        kind: kind.word().to_owned(),
        subject,
        at_ms: to_ms(now),
        public_key: vault.signing().public_hex(),
        signature: vault.signing().sign_hex(body.as_bytes()),
        body,
    };
    Ok(change.insert(row.into_active_model().reset_all()).await?)
}

fn signed(row: &certificate::Model) -> Result<Signed, Invalid> {
    let certificate = serde_json::from_str(&row.body).map_err(|_| Invalid::Unreadable)?;
    Ok(Signed { certificate, public_key: row.public_key.clone(), signature: row.signature.clone() })
}

/// What stands where a proof was promised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    Issued(Box<Signed>),
    /// Not yet: until then what it is about can still be brought back.
    Pending(Option<OffsetDateTime>),
    /// Not yet, because legal holds keep some of it. The certificate of what was destroyed already is this one.
    Held(Uuid),
}

/// The certificate of this id, or that it is still to come.
///
/// # Errors
/// When the database does not answer.
pub async fn find(visitor: &Visitor, id: &str) -> Result<Option<Proof>, Refusal> {
    let Ok(id) = id.parse::<Uuid>() else { return Ok(None) };
    if let Some(row) = visitor.all(certificate::Entity::find_by_id(id)).await?.first() {
        return Ok(signed(row).ok().map(|signed| Proof::Issued(Box::new(signed))));
    }
    let closed = organisation::Entity::find().filter(organisation::Column::CertificateId.eq(id));
    if let Some(row) = visitor.all(closed).await?.first() {
        return Ok(Some(match row.reduced_certificate_id {
            Some(first) => Proof::Held(first),
            None => Proof::Pending(row.purge_at_ms.map(from_ms)),
        }));
    }
    let leaving = account::Entity::find().filter(account::Column::CertificateId.eq(id));
    let leaving = visitor.all(leaving).await?;
    Ok(leaving.first().map(|row| Proof::Pending(row.delete_at_ms.map(from_ms))))
}

/// Walks all certificates in their order: how many there are.
///
/// # Errors
/// The number of the first that does not hold.
pub(crate) async fn verify_all(operator: &Operator, vault: &Vault) -> Result<Result<i64, i64>, DbErr> {
    let rows = operator.all(certificate::Entity::find().order_by_asc(certificate::Column::Seq)).await?;
    let (mut expected, mut previous) = (1, NONE_BEFORE.to_owned());
    for row in rows {
        let holds = signed(&row).is_ok_and(|signed| {
            let told = &signed.certificate;
            signed.verify(&vault.signing().public_hex()).is_ok()
                && (told.number, told.id, told.subject) == (row.seq, row.id, row.subject)
                && told.previous_sha256 == previous
        });
        if !holds || row.seq != expected {
            return Ok(Err(expected));
        }
        previous = sha256_hex(row.body.as_bytes());
        expected += 1;
    }
    Ok(Ok(expected - 1))
}
