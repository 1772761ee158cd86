//! Attached files in an archive: byte for byte what was uploaded, and back again elsewhere.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use serde_json::Value;
use server::crypto::sha256_hex;
use server::exports::asking::Kind;
use server::exports::import::{Wanted, import};
use server::files::{self, Onto};
use server::guard::rights;
use server::testing::World;
use uuid::Uuid;

use crate::common::*;
use crate::download::record;
use crate::moving::arrived;
use crate::reading::*;

/// What was uploaded: one of no byte would be refused, one of many pieces, and one of another kind.
fn uploads() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let pdf = [b"%PDF-1.7\n".as_slice(), &b"1 0 obj\n<<>>\nendobj\n".repeat(40), b"%%EOF\n"].concat();
    vec![
        ("short.txt", "text/plain", b"x".to_vec()),
        ("Flight plan.txt", "text/plain", b"the eagle lands at noon\n".repeat(20_000)),
        ("Contract.pdf", "application/pdf", pdf),
    ]
}

async fn attach(world: &World, by: &Somebody, record: Uuid, (name, kind, content): (&str, &str, Vec<u8>)) -> Uuid {
    let editor = may::<rights::RecordsWrite>(world, by).await;
    let accepted = files::accept(1024, name, kind, content.into()).expect("a file");
    let onto = Onto { record, field: None };
    files::attach(&editor, world.accounts(), onto, &accepted, &here(), world.now).await.expect("attached")
}

async fn content(world: &World, by: &Somebody, file: Uuid) -> Vec<u8> {
    let reader = may::<rights::RecordsRead>(world, by).await;
    let open = files::open(&reader, world.accounts(), file, &here(), world.now).await.expect("a file");
    let pieces: Vec<_> = open.read(0..open.file.bytes).expect("all of it").try_collect().await.expect("read");
    pieces.concat()
}

/// What the signed list says of the files, by their hash.
fn listed(found: &Value) -> BTreeMap<String, u64> {
    let parts = found["manifest"]["parts"].as_array().expect("parts").iter();
    let of_files = parts.filter(|part| part["file"].as_str().is_some_and(|file| file.starts_with("files/")));
    let said =
        |part: &Value| (part["sha256"].as_str().expect("a hash").to_owned(), part["bytes"].as_u64().expect("bytes"));
    of_files.map(said).collect()
}

#[tokio::test]
async fn files_leave_as_they_were_uploaded_and_come_back_as_they_left() {
    for (mode, _) in MODES {
        let (from, to) = (world(mode).await, world(mode).await);
        let ada = ada(&from).await;
        let record: Uuid = record(&from, &ada, "With files", "p@school.example").await.parse().expect("an id");
        let mut sent = BTreeMap::new();
        for upload in uploads() {
            let bytes = upload.2.clone();
            sent.insert(attach(&from, &ada, record, upload).await, bytes);
        }
        let first = archive(&from, &ada, Kind::Whole).await;
        let found = read(&from, &first);
        let expected: BTreeMap<String, u64> =
            sent.values().map(|bytes| (sha256_hex(bytes), bytes.len() as u64)).collect();
        assert_eq!(listed(&found), expected, "{mode}: in the manifest");
        let there = found["files"].as_object().expect("files").values();
        let there = there.map(|said| (said[0].as_str().expect("a hash").to_owned(), said[1].as_u64().expect("bytes")));
        assert_eq!(there.collect::<BTreeMap<_, _>>(), expected, "{mode}: as Python reads them");
        assert_eq!(found["sections"]["files"].as_array().map(Vec::len), Some(sent.len()), "{mode}");

        // What a masked archive may not have is not in it.
        let masked = read(&from, &archive(&from, &ada, Kind::Masked).await);
        assert!(listed(&masked).is_empty() && !masked.to_string().contains("Flight plan"), "{mode}");

        let path = file(&to, "taken.zip", &first);
        from.stage_on_another_server(ada.tenant).await;
        let wanted = Wanted { file: &path, slug: None, approval: None };
        import(&to.operator(), to.accounts(), &wanted, to.now).await.expect("import");
        let moved = arrived(&to, &ada).await;
        for (id, bytes) in &sent {
            assert!(content(&to, &moved, *id).await == *bytes, "{mode}: {id}");
        }
        let again = read(&to, &archive(&to, &moved, Kind::Whole).await);
        assert_eq!(again["manifest"]["content_sha256"], found["manifest"]["content_sha256"], "{mode}");
        assert_eq!((listed(&again), &again["sections"]["files"]), (expected, &found["sections"]["files"]), "{mode}");
        assert_eq!(again["files"], found["files"], "{mode}: under the same names");
    }
}
