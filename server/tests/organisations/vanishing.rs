//! What is taken away in the very instant in which somebody opens it, and what the store lost.

use std::fmt::{Display, Formatter};
use std::sync::{Arc, Mutex};

use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result,
};
use sea_orm::{ConnectionTrait, DatabaseConnection};
use server::blobs::{BlobError, Blobs};
use server::files::{self, Onto};
use server::guard::rights;
use server::identity::{Accounts, Refusal};

use crate::common::*;
use crate::records::{SIMPLE, make};

/// A store that has nothing any more once it is told to, and runs a statement when it is asked the next time.
#[derive(Debug)]
struct Vanishing {
    inner: InMemory,
    gone: Mutex<Option<&'static str>>,
    database: DatabaseConnection,
}

impl Display for Vanishing {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vanishing")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Vanishing {
    async fn put_opts(&self, at: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.inner.put_opts(at, payload, options).await
    }

    async fn put_multipart_opts(&self, at: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(at, options).await
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        let gone = *self.gone.lock().expect("lock");
        let Some(sql) = gone else { return self.inner.get_opts(at, options).await };
        self.database.execute_raw(statement(&self.database, sql, Vec::new())).await.expect(sql);
        Err(object_store::Error::NotFound { path: at.to_string(), source: "it was taken away".into() })
    }

    fn delete_stream(&self, all: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(all)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[tokio::test]
async fn a_file_that_is_taken_away_while_somebody_opens_it_is_none_and_one_that_the_store_lost_is_told() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let (_, register, fields) = SIMPLE[0];
    let onto = Onto { record: make(&world, &ada, register, fields).await, field: None };
    let store = Arc::new(Vanishing { inner: InMemory::new(), gone: Mutex::default(), database: world.behind().await });
    let blobs = Blobs::over(Arc::clone(&store) as Arc<dyn ObjectStore>, Path::default());
    let accounts = Accounts { blobs, ..world.accounts().clone() };
    let accepted = files::accept(1024, "notes.txt", "text/plain", "notes".into()).expect("a text");
    let editor = may::<rights::RecordsWrite>(&world, &ada).await;
    let id = files::attach(&editor, &accounts, onto, &accepted, &here(), world.now).await.expect("attached");
    let reader = may::<rights::RecordsRead>(&world, &ada).await;
    files::open(&reader, &accounts, id, &here(), world.now).await.expect("it is there");

    *store.gone.lock().expect("lock") = Some("select 1");
    let lost = files::open(&reader, &accounts, id, &here(), world.now).await.map(|_| ());
    assert!(matches!(lost, Err(Refusal::Blob(BlobError::Missing))), "{lost:?}");
    *store.gone.lock().expect("lock") = Some("update file set removed_at_ms = 1");
    let taken = files::open(&reader, &accounts, id, &here(), world.now).await.map(|_| ());
    assert!(matches!(taken, Err(Refusal::NotFound)), "{taken:?}");
}
