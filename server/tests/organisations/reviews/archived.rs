//! The archive of a review, verified by somebody who has none of our code.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use futures::TryStreamExt;
use server::guard::rights;
use server::reviews::{self, ManyForm};
use server::testing::World;
use uuid::Uuid;

use super::*;

/// The archive, taken along piece by piece.
async fn pieces(world: &World, by: &Somebody, review: Uuid) -> Vec<Vec<u8>> {
    let reader = may::<rights::ReviewsRead>(world, by).await;
    let pieces = reviews::archive(reader, world.accounts(), review, world.now).await.expect("database");
    pieces.expect("a review").try_collect().await.expect("pieces")
}

pub async fn archive(world: &World, by: &Somebody, review: Uuid) -> PathBuf {
    let path = world.folder.join("review.zip");
    std::fs::write(&path, pieces(world, by, review).await.concat()).expect("written");
    path
}

/// One file of the archive.
pub async fn part(world: &World, by: &Somebody, review: Uuid, name: &str) -> String {
    let path = archive(world, by, review).await;
    let script = "import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))";
    let read = Command::new("python3").args(["-c", script]).arg(path).arg(name).output().expect("python3");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    String::from_utf8(read.stdout).expect("a text")
}

pub fn verified(path: &Path) -> Output {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/verify_review.py");
    Command::new("python3").arg(script).arg(path).output().expect("python3")
}

/// What the verifier says of an archive that holds.
pub fn holds(path: &Path) -> String {
    let said = verified(path);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8_lossy(&said.stdout).into_owned()
}

/// Copies an archive with one text in one of its files replaced, and sometimes with the list made to agree.
const FORGER: &str = r"
import hashlib, json, sys, zipfile
source, target, name, old, new, agree = sys.argv[1:]
files = {one: zipfile.ZipFile(source).read(one) for one in zipfile.ZipFile(source).namelist()}
assert old.encode() in files[name], name
files[name] = files[name].replace(old.encode(), new.encode(), 1)
if agree == 'yes':
    told = json.loads(files['manifest.json'])
    for part in told['parts']:
        if part['file'] == name:
            part['bytes'], part['sha256'] = len(files[name]), hashlib.sha256(files[name]).hexdigest()
    files['manifest.json'] = (json.dumps(told, indent=2) + '\n').encode()
with zipfile.ZipFile(target, 'w') as out:
    for one, content in files.items():
        out.writestr(one, content)
";

fn forged(path: &Path, (name, old, new): (&str, &str, &str), agree: bool) -> PathBuf {
    let target = path.with_extension("forged.zip");
    let agree = if agree { "yes" } else { "no" };
    let mut forger = Command::new("python3");
    forger.args(["-c", FORGER]).arg(path).arg(&target).args([name, old, new, agree]);
    let made = forger.output().expect("python3");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    target
}

async fn closed(world: &World, plain: &str) -> (Somebody, Uuid) {
    let ada = ada(world).await;
    let grace = joins(world, &ada, GRACE, plain).await;
    let id = review(world, &ada).await;
    revoke(world, &ada, item_of(world, &ada, id, &grace).await.id).await.expect("revoke");
    let manager = may::<rights::ReviewsManage>(world, &ada).await;
    reviews::close(&manager, world.accounts(), &id.to_string(), &here(), world.now).await.expect("close");
    (ada, id)
}

#[tokio::test]
async fn an_auditor_verifies_the_archive_without_the_product() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let (ada, id) = closed(&world, plain).await;
        let said = holds(&archive(&world, &ada, id).await);
        assert!(said.contains("2 items") && said.contains("member-offboarded"), "{mode}: {said}");
    }
}

#[tokio::test]
async fn an_archive_in_which_anything_was_changed_does_not_hold() {
    let world = world("aertous").await;
    let (ada, id) = closed(&world, "Employee").await;
    let path = archive(&world, &ada, id).await;
    holds(&path);
    for forgery in [
        ("report.json", "\"revoke\": 1", "\"revoke\": 0"),
        ("report.html", "Revoked", "Spared"),
        ("items.jsonl", "\"revoke\"", "\"keep\""),
        ("items.csv", "revoke", "keep"),
        ("population.txt", "membership", "invitation"),
        ("log/entries.jsonl", "item-decided", "item-opened"),
        ("log/chain.jsonl", "\"leaf\":\"", "\"leaf\":\"00"),
        ("log/head.json", "\"seq\":", "\"seq\":1"),
        ("manifest.json", "\"bytes\": ", "\"bytes\": 1"),
    ] {
        for agree in [false, true] {
            let said = verified(&forged(&path, forgery, agree));
            let why = String::from_utf8_lossy(&said.stderr);
            assert!(!said.status.success(), "{forgery:?}");
            assert!(why.contains("does not hold"), "{forgery:?}: {why}");
        }
    }
}

#[tokio::test]
async fn whoever_has_the_right_key_finds_an_archive_that_was_signed_with_another() {
    let world = world("aertous").await;
    let (ada, id) = closed(&world, "Employee").await;
    let path = archive(&world, &ada, id).await;
    let signature: serde_json::Value =
        serde_json::from_str(&part(&world, &ada, id, "manifest.sig").await).expect("a signature");
    let key = signature["key"].as_str().expect("a key").to_owned();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/verify_review.py");
    for (named, holds) in [(key.clone(), true), (key.to_uppercase(), true), ("0".repeat(64), false)] {
        let said = Command::new("python3").arg(script).arg(&path).arg(&named).output().expect("python3");
        assert_eq!(said.status.success(), holds, "{named}: {}", String::from_utf8_lossy(&said.stderr));
    }
    assert!(String::from_utf8_lossy(&verified(&path).stderr).contains(&key), "without one it says which it was");
}

#[tokio::test]
async fn an_archive_that_was_cut_short_does_not_open() {
    let world = world("aertous").await;
    let (ada, id) = closed(&world, "Employee").await;
    let path = archive(&world, &ada, id).await;
    let whole = std::fs::read(&path).expect("file");
    std::fs::write(&path, &whole[..whole.len() - 100]).expect("file");
    assert!(!verified(&path).status.success());
}

#[tokio::test]
async fn a_review_that_goes_on_is_proven_as_far_as_the_log_is_signed() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    let id = review(&world, &ada).await;
    decide(&world, &ada, item_of(&world, &ada, id, &grace).await.id, "keep", None, None).await.expect("keep");
    let said = verified(&archive(&world, &ada, id).await);
    let why = String::from_utf8_lossy(&said.stderr);
    assert!(!said.status.success() && why.contains("has not been signed since"), "{why}");
    world.now += time::Duration::hours(1);
    crate::entries::sign(&world).await;
    let ada = ada.again(&world).await;
    let said = holds(&archive(&world, &ada, id).await);
    assert!(said.contains("review-opened item-decided"), "{said}");
}

/// What stands in each part of an archive of how many items were kept so far, according to that part.
const KEPT: &str = r#"
import csv, io, json, re, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
said = json.loads(archive.read("report.json"))["counts"]["keep"]
lines = [json.loads(line) for line in archive.read("items.jsonl").splitlines()]
table = list(csv.DictReader(io.StringIO(archive.read("items.csv").decode())))
printed = re.search("Decided to be kept</th><td>([0-9]+)<", archive.read("report.html").decode()).group(1)
shown = archive.read("report.html").decode().count("<td>Keep</td>")
kept = [sum(item["decision"] == "keep" for item in items) for items in (lines, table)]
print(said, printed, min(shown, 1), *kept)
"#;

fn kept(path: &Path) -> String {
    let read = Command::new("python3").args(["-c", KEPT]).arg(path).output().expect("python3");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    String::from_utf8(read.stdout).expect("a text").trim().to_owned()
}

#[tokio::test]
async fn an_archive_says_the_same_in_all_its_parts_whatever_is_decided_while_it_is_on_its_way() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let grace = joins(&world, &ada, GRACE, plain).await;
        let id = review(&world, &ada).await;
        let reader = may::<rights::ReviewsRead>(&world, &ada).await;
        let pieces = reviews::archive(reader, world.accounts(), id, world.now).await.expect("database");
        // Nobody has taken any of it yet, and it is what stood when it was asked for.
        decide(&world, &ada, item_of(&world, &ada, id, &grace).await.id, "keep", None, None).await.expect("keep");
        let pieces: Vec<Vec<u8>> = pieces.expect("a review").try_collect().await.expect("pieces");
        let path = world.folder.join("early.zip");
        std::fs::write(&path, pieces.concat()).expect("written");
        assert_eq!(kept(&path), "0 0 0 0 0", "{mode}");
        assert_eq!(kept(&archive(&world, &ada, id).await), "1 1 1 1 1", "{mode}");
    }
}

#[tokio::test]
async fn what_is_decided_between_two_pieces_of_an_archive_is_in_none_of_them() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    world.crowd(ada.tenant, 2500, &["Employee"]).await;
    let id = review(&world, &ada).await;
    let reader = may::<rights::ReviewsRead>(&world, &ada).await;
    let pieces = reviews::archive(reader, world.accounts(), id, world.now).await.expect("database");
    let mut pieces = pieces.expect("a review");
    let mut taken = pieces.try_next().await.expect("a piece").expect("the first");
    let reviewer = may::<rights::ReviewsDecide>(&world, &ada).await;
    let review = id.to_string();
    let form = ManyForm { review: &review, decision: "keep", sure: Some(2500), ..ManyForm::default() };
    reviews::decide_many(&reviewer, world.accounts(), &form, &here(), world.now).await.expect("kept");
    let mut rest = 0;
    while let Some(piece) = pieces.try_next().await.expect("a piece") {
        taken.extend(piece);
        rest += 1;
    }
    assert!(rest > 0, "it was not over yet");
    let path = world.folder.join("between.zip");
    std::fs::write(&path, taken).expect("written");
    assert_eq!(kept(&path), "0 0 0 0 0");
}

#[tokio::test]
async fn of_a_review_that_goes_on_no_archive_says_it_is_proven_before_its_last_decision_is_signed() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    let id = review(&world, &ada).await;
    world.now += time::Duration::hours(1);
    crate::entries::sign(&world).await;
    let ada = ada.again(&world).await;
    decide(&world, &ada, item_of(&world, &ada, id, &grace).await.id, "keep", None, None).await.expect("keep");
    let said = verified(&archive(&world, &ada, id).await);
    let why = String::from_utf8_lossy(&said.stderr);
    assert!(!said.status.success() && why.contains("has not been signed since"), "{why}");
}

#[tokio::test]
async fn a_large_archive_goes_out_piece_by_piece_and_lacks_nothing() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    // More than one page of items and of entries.
    world.crowd(ada.tenant, 2500, &["Employee"]).await;
    let id = review(&world, &ada).await;
    let reviewer = may::<rights::ReviewsDecide>(&world, &ada).await;
    let review = id.to_string();
    let form =
        ManyForm { review: &review, decision: "revoke", note: Some("Over"), sure: Some(2500), ..ManyForm::default() };
    reviews::decide_many(&reviewer, world.accounts(), &form, &here(), world.now).await.expect("revoked");
    let manager = may::<rights::ReviewsManage>(&world, &ada).await;
    reviews::close(&manager, world.accounts(), &review, &here(), world.now).await.expect("close");
    let pieces = pieces(&world, &ada, id).await;
    let largest = pieces.iter().map(Vec::len).max().unwrap_or(0);
    assert!(pieces.len() > 5 && largest < 128 * 1024, "{} pieces, the largest of {largest}", pieces.len());
    let path = world.folder.join("large.zip");
    std::fs::write(&path, pieces.concat()).expect("written");
    let said = holds(&path);
    assert!(said.contains("2501 items"), "{}", said.get(..80).unwrap_or(&said));
    assert_eq!(said.matches("item-decided").count(), 2500);
    assert_eq!(said.matches("member-offboarded").count(), 2500);
}
