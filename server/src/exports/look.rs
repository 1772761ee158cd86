//! Archives for the self-test: made at once and in memory, and looked at as somebody would who was given one.

use std::collections::BTreeMap;

use flate2::{Decompress, FlushDecompress, Status};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::approval::{Approval, Statement, permits};
use super::archive::{Archive, Sink};
use super::making::{Making, classes_of};
use super::manifest::{Manifest, Named, Snapshot};
use super::progress::Progress;
use super::table::instant;
use super::{ExportError, classes, work};
use crate::crypto::seal::SecretKey;
use crate::crypto::sha256_hex;
use crate::guard::{Operator, TenantId};
use crate::identity::Accounts;
use crate::profile::Profile;
use crate::profile::format::Register;
use crate::vault::Vault;

/// An archive as it was found.
#[derive(Debug)]
pub(crate) struct Taken {
    /// Rows by section; those of all registers together, and the entries of the log.
    pub(crate) rows: BTreeMap<String, u64>,
    /// Every file of it, one after the other.
    pub(crate) text: String,
}

/// Makes an archive of a small organisation and reads it again.
pub(crate) async fn at_once(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    masked: bool,
    now: OffsetDateTime,
) -> Result<Taken, ExportError> {
    let source = work::source(operator, accounts, tenant, masked, now).await?;
    let archive = Archive::new(Sink::Memory(Vec::new()), None, now);
    let (finished, manifest) = Making::new(source, archive, Progress::unwatched()).all().await?;
    let Sink::Memory(bytes) = finished.sink else { return Err(ExportError::Broken("it was written elsewhere")) };
    let files = files(&bytes)?;
    let text =
        |name: &str| files.get(name).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
    for part in &manifest.parts {
        let content = files.get(&part.file).ok_or_else(|| ExportError::Archive(format!("{} is missing", part.file)))?;
        if sha256_hex(content) != part.sha256 {
            return Err(ExportError::Archive(format!("{} has another hash than its list says", part.file)));
        }
    }
    let mut rows = BTreeMap::new();
    for section in &manifest.sections {
        let lines = text(&section.file).lines().count() as u64;
        if lines != section.rows {
            return Err(ExportError::Archive(format!("{} has {lines} lines and not {}", section.name, section.rows)));
        }
        let name = section.name.split('/').next().unwrap_or_default();
        *rows.entry(name.to_owned()).or_default() += lines;
    }
    rows.insert("log".to_owned(), text("log/entries.jsonl").lines().count() as u64);
    let all = files.values().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect();
    Ok(Taken { rows, text: all })
}

/// Whether an archive that came over the network is whole: its list is signed and every part is as it says.
pub(crate) fn holds(bytes: &[u8]) -> Result<(), String> {
    let files = files(bytes).map_err(|error| error.to_string())?;
    let part = |name: &str| files.get(name).map(Vec::as_slice).unwrap_or_default();
    let (manifest, _) = Manifest::verified(part(super::manifest::FILE), part(super::manifest::SIGNATURE))
        .map_err(|error| error.to_string())?;
    let wrong = manifest.parts.iter().find(|listed| sha256_hex(part(&listed.file)) != listed.sha256);
    wrong.map_or(Ok(()), |wrong| Err(format!("{} is not as the signed list says", wrong.file)))
}

/// Reads a small archive from its beginning: each content ends by itself, as deflate does.
fn files(bytes: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, ExportError> {
    let cut = || ExportError::Archive("it is cut off".to_owned());
    let (mut rest, mut files) = (bytes, BTreeMap::new());
    while rest.starts_with(b"PK\x03\x04") {
        let length = |at: usize| rest.get(at..at + 2).map(|two| usize::from(u16::from_le_bytes([two[0], two[1]])));
        let (name, extra) = (length(26).ok_or_else(cut)?, length(28).ok_or_else(cut)?);
        let named = rest.get(30..30 + name).ok_or_else(cut)?;
        let packed = rest.get(30 + name + extra..).ok_or_else(cut)?;
        let (content, used) = inflated(packed).ok_or_else(cut)?;
        files.insert(String::from_utf8_lossy(named).into_owned(), content);
        // Mark, check and two sizes of eight bytes.
        rest = rest.get(30 + name + extra + used + 24..).ok_or_else(cut)?;
    }
    Ok(files)
}

/// A content, and how many bytes of the archive it took.
fn inflated(packed: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut content, mut inflate) = (Vec::new(), Decompress::new(false));
    loop {
        content.reserve(64 * 1024);
        let (used, before) = (usize::try_from(inflate.total_in()).ok()?, content.len());
        match inflate.decompress_vec(packed.get(used..)?, &mut content, FlushDecompress::None).ok()? {
            Status::StreamEnd => return Some((content, usize::try_from(inflate.total_in()).ok()?)),
            Status::Ok | Status::BufError if content.len() > before => {}
            Status::Ok | Status::BufError => return None,
        }
    }
}

fn manifest(masked: bool) -> Manifest {
    Manifest {
        format: super::manifest::FORMAT.to_owned(),
        made_by: String::new(),
        schema: Vec::new(),
        profile: String::new(),
        environment: "production".to_owned(),
        masked,
        organisation: Named { id: Uuid::nil(), slug: String::new(), name: String::new() },
        made_at: String::new(),
        snapshot: Snapshot { databases: 1, note: String::new() },
        sections: Vec::new(),
        left_out: Vec::new(),
        parts: Vec::new(),
        content_sha256: String::new(),
    }
}

/// Offers a test instance archives of production that it must not take, and one that it may. How many were refused, or which was not.
pub(crate) fn judged(vault: &Vault, now: OffsetDateTime) -> Result<usize, String> {
    let (ours, theirs) = (Uuid::now_v7(), Uuid::now_v7());
    let (archive, key) = (sha256_hex(b"this archive"), vault.signing().public_hex());
    let approval = |archive: &str, approvers: &[Uuid], until: OffsetDateTime| {
        let statement = Statement {
            archive_sha256: archive.to_owned(),
            purposes: vec!["a look".to_owned()],
            expires_at: instant(crate::clock::to_ms(until)),
            approvers: approvers.to_vec(),
        };
        Approval::of(&statement, vault).text()
    };
    let later = now + Duration::days(1);
    let good = approval(&archive, &[ours, theirs], later);
    let changed = good.replace("a look", "a book");
    let stranger = crate::crypto::sign::SigningKey::new(&SecretKey::new([7; 32])).map_err(|error| error.to_string())?;
    let ask = |masked: bool, key: &str, approval: Option<&str>| {
        permits(&manifest(masked), key, &archive, "test", approval.map(str::as_bytes), now).is_ok()
    };
    let offered = [
        ("with people in it", ask(false, &key, Some(&good))),
        ("that nobody approved", ask(true, &key, None)),
        (
            "of which another was approved",
            ask(true, &key, Some(&approval(&sha256_hex(b"another"), &[ours, theirs], later))),
        ),
        ("that one person approved", ask(true, &key, Some(&approval(&archive, &[ours], later)))),
        ("that one person approved twice", ask(true, &key, Some(&approval(&archive, &[ours, ours], later)))),
        ("whose approval has run out", ask(true, &key, Some(&approval(&archive, &[ours, theirs], now)))),
        ("whose approval was changed", ask(true, &key, Some(&changed))),
        ("that another key approved", ask(true, &stranger.public_hex(), Some(&good))),
    ];
    if let Some((which, _)) = offered.iter().find(|(_, taken)| *taken) {
        return Err((*which).to_owned());
    }
    if ask(true, &key, Some(&good)) { Ok(offered.len()) } else { Err("only when nobody approved it".to_owned()) }
}

/// Whether what nobody classified stops a masked archive; how many fields of the profile are classified, or what is wrong.
pub(crate) fn stops_at_unknown(profile: &Profile) -> Result<usize, String> {
    if !matches!(classes_of("members", &["account_id", "nickname"]), Err(ExportError::Unclassified(_))) {
        return Err("A column that nobody classified went into a masked archive.".to_owned());
    }
    let unknown = |register: &Register| {
        let fields = register.fields.iter().find(|field| classes::field(register, field).is_none());
        fields.map(|field| format!("{}.{}", register.id.get_ref(), field.id.get_ref()))
    };
    if let Some(field) = profile.registers.iter().find_map(unknown) {
        return Err(format!("Nobody has said whether {field} is personal: a masked archive stops there."));
    }
    if let Some(register) = profile.registers.first() {
        let mut content = BTreeMap::from([("nickname".to_owned(), vec!["probe".to_owned()])]);
        let mask = super::mask::Mask::new().map_err(|error| error.to_string())?;
        if mask.content(register, &mut content).is_ok() {
            return Err("A field that nobody classified went into a masked archive.".to_owned());
        }
    }
    Ok(profile.registers.iter().map(|register| register.fields.len()).sum())
}
