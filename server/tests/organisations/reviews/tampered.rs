//! An archive is not believed even from whoever has the key that signs it: what it says has to be what the log says.

use std::path::{Path, PathBuf};
use std::process::Command;

use server::identity::Refusal;
use server::operators;
use server::reviews::seats;
use server::testing::World;
use time::Duration;
use uuid::Uuid;

use super::seats::{OLGA, OTTO, PETRA, keep, of, opened, seat, staff};
use super::*;

/// Changes an archive as it is told to, in all its parts if need be, and makes its list agree. What is left to do is the signature.
const FORGER: &str = r#"
import csv, hashlib, io, json, sys, zipfile
source, target, deed = sys.argv[1:]
files = {one: zipfile.ZipFile(source).read(one) for one in zipfile.ZipFile(source).namelist()}
whole = dict(files)

def swap(name, old, new):
    assert old.encode() in files[name], name
    files[name] = files[name].replace(old.encode(), new.encode(), 1)

def items(change):
    rows = [json.loads(line) for line in files["items.jsonl"].splitlines()]
    columns = list(rows[0])
    change(rows)
    files["items.jsonl"] = "".join(json.dumps(row) + "\n" for row in rows).encode()
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, columns)
    table.writeheader()
    table.writerows(rows)
    files["items.csv"] = text.getvalue().encode()
    said = json.loads(files["report.json"])
    for word in ("keep", "revoke"):
        said["counts"][word] = sum(row["decision"] == word for row in rows)
    for word in ("pending", "applied", "gone", "changed", "ended"):
        said["counts"][word] = sum(row["state"] == word for row in rows)
    said["counts"]["items"] = len(rows)
    said["counts"]["ended_otherwise"] = sum(row["state"] == "gone" and bool(row["decision"]) for row in rows)
    said["counts"]["alone"] = sum(row["decision"] == "keep" and bool(row.get("nobody_else_could_decide")) for row in rows)
    kept = {row["id"].encode() for row in rows}
    lines = [line for line in files["population.txt"].splitlines(True) if line.split(b"\t")[0] in kept]
    files["population.txt"] = b"".join(lines)
    said["completeness"]["population_sha256"] = hashlib.sha256(files["population.txt"]).hexdigest()
    files["report.json"] = json.dumps(said).encode()

def one(rows, decision):
    return next(row for row in rows if row["decision"] == decision and not row["silent"])

def entries(change, *names):
    for name in names or ("log/entries.jsonl", "log/chain.jsonl"):
        files[name] = b"".join(change(files[name].splitlines(True)))

exec(deed)
assert files != whole or not deed, deed
told = json.loads(files["manifest.json"])
for part in told["parts"]:
    content = files[part["file"]]
    part["bytes"], part["sha256"] = len(content), hashlib.sha256(content).hexdigest()
files["manifest.json"] = (json.dumps(told, indent=2) + "\n").encode()
with zipfile.ZipFile(target, "w") as out:
    for name, content in files.items():
        out.writestr(name, content)
sys.stdout.buffer.write(files["manifest.json"])
"#;

const SIGNER: &str = r#"
import sys, zipfile
source, target, signature = sys.argv[1:]
archive = zipfile.ZipFile(source)
with zipfile.ZipFile(target, "w") as out:
    for name in archive.namelist():
        out.writestr(name, signature if name == "manifest.sig" else archive.read(name))
"#;

fn python(script: &str, paths: [&Path; 2], last: &str) -> Vec<u8> {
    let done = Command::new("python3").args(["-c", script]).args(paths).arg(last).output().expect("python3");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    done.stdout
}

/// The archive after a deed, signed anew by whoever has the key, or with the signature that it had.
pub fn forged(world: &World, path: &Path, deed: &str, has_key: bool) -> PathBuf {
    let (changed, target) = (path.with_extension("changed.zip"), path.with_extension("forged.zip"));
    let list = python(FORGER, [path, &changed], deed);
    if !has_key {
        return changed;
    }
    let key = world.vault.signing();
    let signature = key.sign_hex(&[b"avouch-review/1\n".as_slice(), &list].concat());
    let signature = format!(r#"{{"algorithm": "Ed25519", "key": "{}", "signature": "{signature}"}}"#, key.public_hex());
    python(SIGNER, [&changed, &target], &signature);
    target
}

pub fn refused(path: &Path, why: &str, deed: &str) {
    let said = archived::verified(path);
    let told = String::from_utf8_lossy(&said.stderr);
    assert!(!said.status.success() && told.contains("does not hold") && told.contains(why), "{deed}: {why}: {told}");
}

/// A closed review of three seats: Olga kept Otto's and took Petra's, and silence kept Olga's own.
async fn of_seats(world: &mut World) -> PathBuf {
    let (olga, otto, petra) = (seat(world, OLGA).await, seat(world, OTTO).await, seat(world, PETRA).await);
    let id = opened(world, &olga).await;
    let by = staff(world, &olga).await;
    world.now += Duration::minutes(3);
    keep(world, &by, &of(world, &by, id, &otto).await).await.expect("keep");
    world.now += Duration::minutes(2);
    let item = of(world, &by, id, &petra).await.id.to_string();
    seats::decide(&by, world.accounts(), (&item, "revoke"), Some("Left"), world.now).await.expect("revoke");
    seats::close(&by, world.accounts(), &id.to_string(), world.now).await.expect("close");
    taken(world, &by, id, "seats.zip").await
}

async fn taken(world: &World, by: &server::guard::Staff, id: Uuid, name: &str) -> PathBuf {
    let archive = seats::archive(by, world.accounts(), id, world.now).await.expect("made").expect("a review");
    let path = world.folder.join(name);
    std::fs::write(&path, archive).expect("written");
    path
}

/// What somebody does to the archive, and of what it is convicted although it is signed.
const DEEDS: &[(&str, &str)] = &[
    ("items(lambda rows: one(rows, 'keep').update(decision='revoke', state='applied'))", "the log says otherwise"),
    ("items(lambda rows: one(rows, 'revoke').update(decision='keep', state='decided'))", "the log says otherwise"),
    ("items(lambda rows: one(rows, 'revoke').update(decision=None, state='gone'))", "was decided on"),
    ("items(lambda rows: one(rows, 'revoke').update(state='decided'))", "and was not"),
    ("items(lambda rows: one(rows, 'revoke').update(silent=1, decided_by=None))", "was decided on"),
    ("items(lambda rows: one(rows, 'keep').update(decided_by='petra'))", "the log says otherwise"),
    ("items(lambda rows: one(rows, 'keep').update(decided_at='2026-11-21T12:04:00.000Z'))", "the log says otherwise"),
    (
        "items(lambda rows: next(row for row in rows if row['silent']).update(silent=0, decided_by='olga'))",
        "nothing in the log",
    ),
    ("items(lambda rows: one(rows, 'keep').update(state='gone'))", "was settled"),
    ("items(lambda rows: one(rows, 'keep').update(note='Whatever'))", "another reason"),
    ("items(lambda rows: one(rows, 'keep').update(state='changed'))", "was settled"),
    ("items(lambda rows: rows.remove(one(rows, 'keep')))", "the log"),
    ("items(lambda rows: rows.append(rows.pop(0)))", "the items are not those that were found"),
    ("swap('items.csv', 'Left', 'Needed')", "items.csv says otherwise"),
    ("swap('report.json', '\"revoke\": 1', '\"revoke\": 0')", "the counts: revoke"),
    ("entries(lambda rows: [rows[0], rows[2], rows[1], *rows[3:]], 'log/entries.jsonl')", "not what the log has"),
    ("entries(lambda rows: rows[:-1], 'log/entries.jsonl')", "not what the log has"),
    (
        "entries(lambda rows: [row for row in rows if b'operator-removed' not in row], 'log/entries.jsonl')",
        "not what the log has",
    ),
    ("entries(lambda rows: [rows[0], rows[2], rows[1], *rows[3:]])", "what stands before"),
    ("entries(lambda rows: [row for row in rows if b' keep' not in row])", "what stands before"),
    ("entries(lambda rows: rows[:-1])", "the log does not tell of the end"),
    ("entries(lambda rows: rows[1:])", "the log does not tell of the beginning"),
    ("entries(lambda rows: [row.replace(b' keep', b' revoke') for row in rows])", "entry "),
    ("entries(lambda rows: [row.replace(b'operator-removed', b'operator-added') for row in rows])", "entry "),
    ("swap('log/head.json', '\"seq\":', '\"seq\":1')", "the signature of the head"),
];

#[tokio::test]
async fn an_archive_of_the_seats_that_says_otherwise_than_the_log_does_not_hold_whoever_signed_it() {
    let mut world = world("stratuslog").await;
    let path = of_seats(&mut world).await;
    archived::holds(&path);
    archived::holds(&forged(&world, &path, "", true));
    for (deed, why) in DEEDS {
        refused(&forged(&world, &path, deed, true), why, deed);
        refused(&forged(&world, &path, deed, false), "the signature of the list", deed);
    }
}

#[tokio::test]
async fn nothing_stands_before_or_behind_what_was_signed() {
    let mut world = world("stratuslog").await;
    let path = of_seats(&mut world).await;
    let whole = std::fs::read(&path).expect("the archive");
    let zip = |parts: &[&[u8]]| {
        let target = path.with_extension("junk.zip");
        std::fs::write(&target, parts.concat()).expect("written");
        target
    };
    let (whole, note): (&[u8], &[u8]) = (&whole, b"Read this");
    archived::holds(&zip(&[whole]));
    for parts in [[note, whole], [whole, note], [b"PK\x03\x04".as_slice(), whole], [whole, whole]] {
        refused(&zip(&parts), "before or behind the archive", "something beside the archive");
    }
}

#[tokio::test]
async fn what_was_taken_back_and_settled_in_a_review_of_the_seats_holds_as_the_log_tells_it() {
    let mut world = world("stratuslog").await;
    let (olga, otto, petra) = (seat(&world, OLGA).await, seat(&world, OTTO).await, seat(&world, PETRA).await);
    let id = opened(&world, &olga).await;
    let by = staff(&world, &olga).await;
    let item = of(&world, &by, id, &otto).await;
    keep(&world, &by, &item).await.expect("keep");
    seats::undo(&by, &item.id.to_string(), world.now).await.expect("undo");
    world.now += Duration::hours(1);
    crate::entries::sign(&world).await;
    archived::holds(&taken(&world, &by, id, "open.zip").await);
    keep(&world, &by, &item).await.expect("keep");
    let unsigned = taken(&world, &by, id, "unsigned.zip").await;
    refused(&unsigned, "not been signed since", "a decision after the last signature");
    operators::remove(&world.operator(), world.accounts(), OTTO, world.now).await.expect("removed");
    let refusal = seats::close(&by, world.accounts(), &id.to_string(), world.now).await;
    assert!(matches!(refusal, Err(Refusal::Conflict(_))), "{refusal:?}");
    let settled = (item.id.to_string(), false);
    seats::resolve(&by, world.accounts(), (&settled.0, settled.1), "He left", world.now).await.expect("settled");
    operators::remove(&world.operator(), world.accounts(), PETRA, world.now).await.expect("removed");
    seats::close(&by, world.accounts(), &id.to_string(), world.now).await.expect("close");
    let said = archived::holds(&taken(&world, &by, id, "closed.zip").await);
    assert!(said.contains("seat-reopened") && said.contains("seat-drift-settled"), "{said}");
    assert_eq!(of(&world, &by, id, &petra).await.decision, None);
    let item = of(&world, &by, id, &otto).await;
    let settled = item.settled.expect("explained");
    let both = (item.note.as_deref(), settled.reason.as_str(), settled.account);
    assert_eq!(both, (Some("Needed"), "He left", olga.account.0));
    for (deed, why) in [
        ("one(rows, 'keep').update(note='He left')", "another reason"),
        ("one(rows, 'keep').update(explanation='Whatever')", "another explanation"),
        ("one(rows, 'keep').update(explained_by_account=one(rows, 'keep')['account'])", "otherwise of who explained"),
        ("one(rows, 'keep').update(explained_at=None)", "another reason"),
    ] {
        let deed = format!("items(lambda rows: {deed})");
        refused(&forged(&world, &world.folder.join("closed.zip"), &deed, true), why, &deed);
    }
}

#[tokio::test]
async fn an_organisations_archive_that_says_otherwise_than_the_log_does_not_hold_whoever_signed_it() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let (grace, eve) =
        (joins(&world, &ada, GRACE, "Employee").await, joins_as(&world, &ada, EVE, "Employee", "Eve").await);
    let id = review(&world, &ada).await;
    revoke(&world, &ada, item_of(&world, &ada, id, &grace).await.id).await.expect("revoke");
    decide(&world, &ada, item_of(&world, &ada, id, &eve).await.id, "keep", None, None).await.expect("keep");
    let manager = may::<rights::ReviewsManage>(&world, &ada).await;
    reviews::close(&manager, world.accounts(), &id.to_string(), &here(), world.now).await.expect("close");
    let path = archived::archive(&world, &ada, id).await;
    archived::holds(&path);
    for (deed, why) in [
        ("items(lambda rows: one(rows, 'revoke').update(decision='keep'))", "was done"),
        ("items(lambda rows: one(rows, 'keep').update(decision='revoke', state='applied'))", "was done"),
        ("items(lambda rows: one(rows, 'keep').update(state='ended'))", "could have ended"),
        ("items(lambda rows: one(rows, 'revoke').update(decided_by='Eve'))", "decided on so"),
        ("items(lambda rows: one(rows, 'keep').update(decided_at='2026-11-21T11:00:00.000Z'))", "decided on so"),
        (
            "items(lambda rows: next(row for row in rows if row['silent']).update(silent=0, decided_by='Ada Lovelace'))",
            "decided on so",
        ),
        ("items(lambda rows: one(rows, 'revoke').update(note='Whatever'))", "another reason"),
        ("items(lambda rows: rows.append(rows.pop(0)))", "the items are not those that were found"),
        ("swap('items.csv', 'Not needed any more', 'Needed')", "items.csv says otherwise"),
        (
            "entries(lambda rows: [row for row in rows if b'item-decided' not in row], 'log/entries.jsonl')",
            "decided on so",
        ),
        ("entries(lambda rows: rows[:-1], 'log/chain.jsonl')", "entry "),
    ] {
        refused(&forged(&world, &path, deed, true), why, deed);
    }
}
