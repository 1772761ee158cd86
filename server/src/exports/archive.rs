//! An archive while it is being written. Contents go through the compressor beside the reading of the database, and out to where the archive lies;
//! nothing of it is held but what is on its way.

use std::future::ready;
use std::time::Duration;

use futures::channel::mpsc;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tokio::time::timeout;

use super::ExportError;
use super::packing::Packing;
use super::table::Written;
use super::zip::{Frame, Summed};
use crate::blobs::{Blobs, Sealing};
use crate::crypto::hex;
use crate::vault::Keyring;

/// A compressed table up to this size waits in memory for its place in the archive; a larger one waits sealed beside it.
const WAITS_IN_MEMORY: usize = 4 * 1024 * 1024;

/// What goes out at once to whoever takes an archive along.
const PIECE: usize = 64 * 1024;

/// Where an archive goes.
#[derive(Debug)]
pub(crate) enum Sink {
    Blob(Box<Sealing>),
    /// To whoever takes it along, as it is made.
    Out(Outlet),
    /// For what is known to be small.
    Memory(Vec<u8>),
}

impl Sink {
    async fn push(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        match self {
            Self::Blob(sealing) => sealing.push(bytes).await?,
            Self::Out(outlet) => outlet.push(bytes).await?,
            Self::Memory(all) => all.extend_from_slice(bytes),
        }
        Ok(())
    }
}

/// The near end of a way out. Whoever makes the archive waits until what was made before was taken.
#[derive(Debug)]
pub(crate) struct Outlet {
    pieces: mpsc::Sender<Vec<u8>>,
    held: Vec<u8>,
}

impl Outlet {
    async fn push(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        for part in bytes.chunks(PIECE) {
            self.held.extend_from_slice(part);
            if self.held.len() >= PIECE {
                self.flush().await?;
            }
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), ExportError> {
        let piece = std::mem::take(&mut self.held);
        if piece.is_empty() {
            return Ok(());
        }
        self.pieces.send(piece).await.map_err(|_| ExportError::Stopped)
    }
}

/// How long taking an archive along may take: what it is made from is held still meanwhile. A hundred thousand items are some ten megabytes, which
/// a slow line (128 kbit/s) brings over in eleven minutes.
const TAKEN_WITHIN: Duration = Duration::from_mins(15);

/// An archive that is made while it is taken along: nothing is made ahead, and nothing goes on when nobody takes it any more, or when whoever does
/// stands still. What fails in the middle ends it there, without the list of everything that a whole one has.
pub(crate) fn taken_along<F>(make: impl FnOnce(Sink) -> F) -> BoxStream<'static, Result<Vec<u8>, ExportError>>
where
    F: Future<Output = Result<(), ExportError>> + Send + 'static,
{
    let (pieces, taken) = mpsc::channel(1);
    let made = timeout(TAKEN_WITHIN, make(Sink::Out(Outlet { pieces, held: Vec::new() })));
    // A task of its own: whoever stands still asks for nothing more, and what is held has to be let go all the same.
    let made = tokio::spawn(made).map(|made| match made {
        Ok(Ok(made)) => made,
        Ok(Err(_)) => Err(ExportError::Stopped),
        Err(_) => Err(ExportError::Broken("an archive was given up")),
    });
    let failed = stream::once(made).filter_map(|made| ready(made.err().map(Err)));
    stream::select(taken.map(Ok), failed).boxed()
}

/// One file of the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) file: String,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

/// Where what does not fit into memory waits, sealed.
#[derive(Clone, Debug)]
pub(crate) struct Aside<'a> {
    pub(crate) blobs: &'a Blobs,
    pub(crate) keys: &'a Keyring,
    pub(crate) at: String,
}

/// An archive being written.
#[derive(Debug)]
pub(crate) struct Archive<'a> {
    sink: Sink,
    frame: Frame,
    sha256: Sha256,
    bytes: u64,
    aside: Option<Aside<'a>>,
    parts: Vec<Part>,
}

/// What an archive came to.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) sink: Sink,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

/// A section being written: its lines go out at once, its table waits for its turn.
#[derive(Debug)]
pub(crate) struct Section {
    name: String,
    file: String,
    lines: Packing,
    table: Packing,
    waiting: Waiting,
    rows: u64,
}

#[derive(Debug)]
enum Waiting {
    Memory(Vec<u8>),
    Aside(Box<Sealing>),
}

/// What a section came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SectionSaid {
    pub(crate) name: String,
    pub(crate) rows: u64,
    pub(crate) file: String,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    pub(crate) table: Part,
}

impl<'a> Archive<'a> {
    pub(crate) fn new(sink: Sink, aside: Option<Aside<'a>>, now: OffsetDateTime) -> Self {
        Self { sink, frame: Frame::new(now), sha256: Sha256::new(), bytes: 0, aside, parts: Vec::new() }
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    async fn out(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        self.sha256.update(bytes);
        self.bytes += bytes.len() as u64;
        self.sink.push(bytes).await
    }

    async fn begin(&mut self, file: &str) -> Result<(), ExportError> {
        let head = self.frame.begin(file);
        self.out(&head).await
    }

    async fn packed(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        self.frame.wrote(bytes.len());
        self.out(bytes).await
    }

    async fn end(&mut self, file: &str, summed: Summed) -> Result<Part, ExportError> {
        let tail = self.frame.end(&summed);
        self.out(&tail).await?;
        let part = Part { file: file.to_owned(), bytes: summed.plain, sha256: summed.sha256 };
        self.parts.push(part.clone());
        Ok(part)
    }

    /// A file that is at hand as a whole.
    pub(crate) async fn put(&mut self, file: &str, content: &[u8]) -> Result<Part, ExportError> {
        let pieces = futures::stream::iter([Ok(content.to_vec())]);
        self.stream(file, pieces).await
    }

    /// A file that was packed elsewhere.
    pub(crate) async fn put_packed(&mut self, file: &str, packed: &[u8], summed: Summed) -> Result<Part, ExportError> {
        self.begin(file).await?;
        self.packed(packed).await?;
        self.end(file, summed).await
    }

    /// A file that comes piece by piece.
    pub(crate) async fn stream(
        &mut self,
        file: &str,
        mut pieces: impl futures::Stream<Item = Result<Vec<u8>, ExportError>> + Unpin,
    ) -> Result<Part, ExportError> {
        self.begin(file).await?;
        let mut packing = Packing::begin();
        while let Some(piece) = pieces.next().await {
            let packed = packing.push(piece?).await?;
            self.packed(&packed).await?;
        }
        let (rest, summed) = packing.finish().await?;
        self.packed(&rest).await?;
        self.end(file, summed).await
    }

    /// Begins a section. `file` is its place without the ending.
    pub(crate) async fn section(&mut self, name: &str, file: &str, head: Vec<u8>) -> Result<Section, ExportError> {
        self.begin(&format!("{file}.jsonl")).await?;
        let mut section = Section {
            name: name.to_owned(),
            file: file.to_owned(),
            lines: Packing::begin(),
            table: Packing::begin(),
            waiting: Waiting::Memory(Vec::new()),
            rows: 0,
        };
        self.rows(&mut section, Written { table: head, ..Written::default() }).await?;
        Ok(section)
    }

    /// More rows of a section, its lines and its table side by side.
    pub(crate) async fn rows(&mut self, section: &mut Section, written: Written) -> Result<(), ExportError> {
        let Written { lines, table, rows } = written;
        section.rows += rows;
        let lines = section.lines.push(lines).await?;
        self.packed(&lines).await?;
        let table = section.table.push(table).await?;
        self.wait(&mut section.waiting, &table).await
    }

    async fn wait(&mut self, waiting: &mut Waiting, packed: &[u8]) -> Result<(), ExportError> {
        match waiting {
            Waiting::Aside(sealing) => sealing.push(packed).await?,
            Waiting::Memory(held) => {
                held.extend_from_slice(packed);
                if let (true, Some(aside)) = (held.len() > WAITS_IN_MEMORY, &self.aside) {
                    let mut sealing = aside.blobs.seal(aside.keys, &aside.at)?;
                    sealing.push(held).await?;
                    *waiting = Waiting::Aside(Box::new(sealing));
                }
            }
        }
        Ok(())
    }

    /// Ends a section: the last of its lines, then its table.
    pub(crate) async fn close(&mut self, section: Section) -> Result<SectionSaid, ExportError> {
        let Section { name, file, lines, table, mut waiting, rows } = section;
        let (rest, summed) = lines.finish().await?;
        self.packed(&rest).await?;
        let lines = self.end(&format!("{file}.jsonl"), summed).await?;
        let (rest, summed) = table.finish().await?;
        self.wait(&mut waiting, &rest).await?;
        let file = format!("{file}.csv");
        self.begin(&file).await?;
        match waiting {
            Waiting::Memory(held) => self.packed(&held).await?,
            Waiting::Aside(sealing) => self.fetch(*sealing).await?,
        }
        let table = self.end(&file, summed).await?;
        let Part { file, bytes, sha256 } = lines;
        Ok(SectionSaid { name, rows, file, bytes, sha256, table })
    }

    /// Takes what waited beside the archive in, and lets go of it there.
    async fn fetch(&mut self, sealing: Sealing) -> Result<(), ExportError> {
        let Some(aside) = self.aside.clone() else {
            return Err(ExportError::Broken("nothing waits beside this archive"));
        };
        sealing.finish().await?;
        let opening = aside.blobs.open_sealed(aside.keys, &aside.at).await?;
        let mut pieces = opening.stream(0..opening.bytes())?;
        while let Some(piece) = pieces.next().await {
            self.packed(&piece?).await?;
        }
        Ok(aside.blobs.remove(&aside.at).await?)
    }

    /// Writes the list of everything and the last piece for whoever takes it along.
    pub(crate) async fn hand_over(self) -> Result<(), ExportError> {
        match self.finish().await?.sink {
            Sink::Out(mut outlet) => outlet.flush().await,
            Sink::Blob(_) | Sink::Memory(_) => Err(ExportError::Broken("nobody takes this archive along")),
        }
    }

    /// Writes the list of everything. What lies in a store appears there only when its sealing is finished.
    pub(crate) async fn finish(mut self) -> Result<Finished, ExportError> {
        let list = std::mem::take(&mut self.frame).finish();
        self.out(&list).await?;
        Ok(Finished { sink: self.sink, bytes: self.bytes, sha256: hex(&self.sha256.finalize()) })
    }
}
