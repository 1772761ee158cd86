use std::fmt::{Display, Formatter};
use std::sync::Mutex;

use futures::stream::{self, BoxStream};
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, PutMultipartOptions, PutOptions,
    PutPayload, PutResult, UploadPart,
};
use uuid::Uuid;

use super::*;
use crate::crypto::stream::{CHUNK, Header, SEALED_CHUNK};
use crate::guard::TenantId;
use crate::testing::World;
use crate::vault::Keyring;

const AT: &str = "acme/file/1";

struct Place {
    world: World,
    blobs: Blobs,
    keys: Arc<Keyring>,
}

async fn place() -> Place {
    let world = World::new().await;
    let blobs = Blobs::open(&super::Place::below(&world.folder)).expect("a folder");
    let keys = world.vault.new_key(TenantId(Uuid::now_v7()), world.now).expect("keys").ring;
    Place { world, blobs, keys }
}

impl Place {
    fn file(&self, at: &str) -> std::path::PathBuf {
        self.world.folder.join(FOLDER).join(at)
    }

    async fn reads(&self, at: &str) -> Result<Vec<u8>, BlobError> {
        let opening = self.blobs.open_sealed(&self.keys, at).await?;
        let pieces: Vec<bytes::Bytes> = opening.stream(0..opening.bytes())?.try_collect().await?;
        Ok(pieces.concat())
    }
}

/// Bytes that differ everywhere, the same in every run.
fn content(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

/// Lengths and places around every border there is.
fn borders() -> Vec<usize> {
    let around = |at: usize| [at.saturating_sub(1), at, at + 1];
    [0, CHUNK, 2 * CHUNK, 16 * CHUNK, 17 * CHUNK].into_iter().flat_map(around).collect()
}

#[tokio::test]
async fn what_was_put_is_read_back_whatever_its_length_and_however_it_came() {
    let place = place().await;
    for length in borders() {
        let plain = content(length);
        for piece in [1 + length / 7, CHUNK, length + 1] {
            let mut sealing = place.blobs.seal(&place.keys, AT).expect("seal");
            for part in plain.chunks(piece) {
                sealing.push(part).await.expect("push");
            }
            let lies = sealing.finish().await.expect("finish");
            assert_eq!(std::fs::metadata(place.file(AT)).expect("a file").len(), lies);
            assert!(place.reads(AT).await.expect("read") == plain, "{length} in pieces of {piece}");
        }
    }
}

#[tokio::test]
async fn any_part_that_is_read_equals_that_part_of_the_whole() {
    let place = place().await;
    let plain = content(18 * CHUNK + 77);
    place.blobs.put(&place.keys, AT, &plain).await.expect("put");
    let opening = place.blobs.open_sealed(&place.keys, AT).await.expect("open");
    let mut ranges = Vec::new();
    for start in borders() {
        ranges.extend(borders().into_iter().filter(|end| *end >= start).map(|end| start..end));
    }
    ranges.extend((0..64).map(|step| (step * 17_713)..(plain.len() - step * 701)));
    for range in ranges {
        let wanted = range.start as u64..range.end as u64;
        let pieces: Vec<bytes::Bytes> = opening.stream(wanted).expect("a range").try_collect().await.expect("read");
        assert!(pieces.concat() == plain[range.clone()], "{range:?}");
    }
    assert!(matches!(opening.stream(0..opening.bytes() + 1), Err(BlobError::OutOfRange)));
}

#[tokio::test]
async fn nothing_of_the_plain_content_lies_below_the_data_folder() {
    let place = place().await;
    let marker = b"the eagle lands at noon";
    let plain = marker.repeat(40_000);
    place.blobs.put(&place.keys, AT, &plain).await.expect("put");
    assert!(!place.world.holds(marker).await);
    assert!(place.world.bytes_on_disk().len() > plain.len());
}

#[tokio::test]
async fn what_was_cut_reordered_changed_or_moved_is_refused() {
    let place = place().await;
    let plain = content(4 * CHUNK);
    place.blobs.put(&place.keys, AT, &plain).await.expect("put");
    let lies = std::fs::read(place.file(AT)).expect("a file");
    let chunk = |number: usize| {
        let begins = Header::BYTES + number * SEALED_CHUNK;
        lies[begins..(begins + SEALED_CHUNK).min(lies.len())].to_vec()
    };
    let header = lies[..Header::BYTES].to_vec();
    let mut flipped = lies.clone();
    flipped[Header::BYTES + SEALED_CHUNK + 9] ^= 1;
    let forged = [
        ("cut at a border", lies[..lies.len() - SEALED_CHUNK].to_vec()),
        ("cut in a chunk", lies[..lies.len() - 5].to_vec()),
        ("only a header", header.clone()),
        ("empty", Vec::new()),
        ("reordered", [header.clone(), chunk(1), chunk(0), chunk(2), chunk(3)].concat()),
        ("one chunk twice", [header.clone(), chunk(0), chunk(0), chunk(2), chunk(3)].concat()),
        ("one left out", [header.clone(), chunk(0), chunk(1), chunk(3)].concat()),
        ("one more", [header, chunk(0), chunk(1), chunk(2), chunk(3), chunk(3)].concat()),
        ("changed", flipped),
    ];
    for (how, bytes) in forged {
        std::fs::write(place.file(AT), bytes).expect("tamper");
        assert!(place.reads(AT).await.is_err(), "{how}");
    }
    std::fs::write(place.file(AT), &lies).expect("put back");
    assert!(place.reads(AT).await.expect("read") == plain);
    std::fs::write(place.file("acme/file/2"), &lies).expect("move");
    assert!(matches!(place.reads("acme/file/2").await, Err(BlobError::Seal(_))));
}

#[tokio::test]
async fn one_organisations_keys_do_not_open_what_another_put() {
    let place = place().await;
    place.blobs.put(&place.keys, AT, b"ours").await.expect("put");
    let others = place.world.vault.new_key(TenantId(Uuid::now_v7()), place.world.now).expect("keys").ring;
    assert!(matches!(place.blobs.open_sealed(&others, AT).await, Err(BlobError::Seal(_))));
}

#[tokio::test]
async fn what_is_dropped_in_the_middle_leaves_nothing() {
    let place = place().await;
    let mut sealing = place.blobs.seal(&place.keys, AT).expect("seal");
    sealing.push(&content(PART + 3 * CHUNK)).await.expect("push");
    let halves = || std::fs::read_dir(place.file("acme/file")).map_or(0, Iterator::count);
    assert_eq!(halves(), 1);
    drop(sealing);
    // It is taken back by a task of its own.
    for _ in 0..500 {
        if halves() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(halves(), 0);
    assert!(matches!(place.reads(AT).await, Err(BlobError::Missing)));
    assert_eq!(place.blobs.below("acme").await.expect("list"), Vec::new());
}

#[tokio::test]
async fn half_a_file_that_a_killed_process_left_goes_after_an_hour_and_not_before() {
    let place = place().await;
    place.blobs.put(&place.keys, AT, b"whole").await.expect("put");
    let half = place.file("acme/file/2#1");
    std::fs::write(&half, b"half").expect("half");
    assert_eq!(place.blobs.sweep_halves().expect("sweep"), 0);
    let long_ago = SystemTime::now() - Duration::from_hours(2);
    for file in [half.clone(), place.file(AT)] {
        std::fs::File::options().write(true).open(file).and_then(|file| file.set_modified(long_ago)).expect("time");
    }
    assert_eq!(place.blobs.sweep_halves().expect("sweep"), 1);
    assert!(!half.exists() && place.file(AT).exists());
}

#[tokio::test]
async fn all_below_a_name_is_found_and_removed_and_its_neighbours_are_not() {
    let place = place().await;
    for at in ["a/file/1", "a/file/2", "a/export/1", "ab/file/1"] {
        place.blobs.put(&place.keys, at, b"x").await.expect("put");
    }
    let mut names: Vec<String> =
        place.blobs.below("a").await.expect("list").into_iter().map(|found| found.at).collect();
    names.sort();
    assert_eq!(names, ["a/export/1", "a/file/1", "a/file/2"]);
    assert_eq!(place.blobs.remove_below("a").await.expect("remove"), 3);
    assert_eq!(place.blobs.below("ab").await.expect("list").len(), 1);
    place.blobs.remove("a/file/1").await.expect("what is gone may be removed again");
    assert!(place.blobs.path("a/../../etc").is_err() && place.blobs.path("/a//b").is_err());
}

/// Takes parts, remembers their sizes, and forgets them.
#[derive(Clone, Debug, Default)]
struct Counting(Arc<Mutex<Vec<usize>>>);

impl Display for Counting {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("Counting")
    }
}

#[async_trait::async_trait]
impl MultipartUpload for Counting {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.0.lock().expect("lock").push(data.content_length());
        Box::pin(async { Ok(()) })
    }

    async fn complete(&mut self) -> object_store::Result<PutResult> {
        Ok(PutResult { e_tag: None, version: None, extensions: object_store::Extensions::default() })
    }

    async fn abort(&mut self) -> object_store::Result<()> {
        Ok(())
    }
}

fn not_here<T>() -> object_store::Result<T> {
    Err(object_store::Error::NotImplemented { operation: "it".into(), implementer: "Counting".into() })
}

#[async_trait::async_trait]
impl ObjectStore for Counting {
    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> object_store::Result<PutResult> {
        not_here()
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        Ok(Box::new(self.clone()))
    }

    async fn get_opts(&self, _: &Path, _: GetOptions) -> object_store::Result<GetResult> {
        not_here()
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        stream::empty().boxed()
    }

    fn list(&self, _: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        stream::empty().boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> object_store::Result<ListResult> {
        not_here()
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> object_store::Result<()> {
        not_here()
    }
}

#[tokio::test]
async fn a_gibibyte_goes_through_while_less_than_three_parts_of_it_are_held() {
    let place = place().await;
    let counting = Counting::default();
    let blobs = Blobs::over(Arc::new(counting.clone()), Path::default());
    let mut sealing = blobs.seal(&place.keys, AT).expect("seal");
    let (piece, mut most) = (vec![7; 1024 * 1024], 0);
    for _ in 0..1024 {
        sealing.push(&piece).await.expect("push");
        most = most.max(sealing.held());
    }
    let lies = sealing.finish().await.expect("finish");
    let parts = counting.0.lock().expect("lock").clone();
    assert_eq!(parts.iter().sum::<usize>() as u64, lies);
    let (last, others) = parts.split_last().expect("parts");
    assert!(others.iter().all(|part| *part == PART) && *last <= PART);
    // One part that fills up, at most twice as large by growing, and beside it one on its way.
    assert!(most + PART <= 3 * PART + 2 * SEALED_CHUNK, "{most}");
}
