//! The compressor on a thread of its own: while one piece goes through it the next is made, and no more than that waits.

use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use super::ExportError;
use super::zip::{Deflating, Summed};

const BROKE: ExportError = ExportError::Broken("the compressor broke");

/// A content on its way through the compressor.
#[derive(Debug)]
pub(crate) struct Packing {
    pieces: mpsc::Sender<Vec<u8>>,
    /// Without a bound, so that neither end waits for the other: it is emptied with every piece that goes in.
    packed: mpsc::UnboundedReceiver<Vec<u8>>,
    summed: JoinHandle<std::io::Result<Summed>>,
}

impl Packing {
    pub(crate) fn begin() -> Self {
        let (pieces, mut coming) = mpsc::channel::<Vec<u8>>(1);
        let (out, packed) = mpsc::unbounded_channel();
        let summed = spawn_blocking(move || {
            let mut deflating = Deflating::new();
            while let Some(piece) = coming.blocking_recv() {
                // An archive that was given up takes nothing more, and sends nothing more.
                let _ = out.send(deflating.push(&piece)?);
            }
            let (rest, summed) = deflating.finish()?;
            let _ = out.send(rest);
            Ok(summed)
        });
        Self { pieces, packed, summed }
    }

    /// One piece more. What came out meanwhile, of this one or of those before.
    pub(crate) async fn push(&mut self, piece: Vec<u8>) -> Result<Vec<u8>, ExportError> {
        self.pieces.send(piece).await.map_err(|_| BROKE)?;
        Ok(what_came(&mut self.packed))
    }

    /// The last of it, and what it was.
    pub(crate) async fn finish(self) -> Result<(Vec<u8>, Summed), ExportError> {
        let Self { pieces, mut packed, summed } = self;
        drop(pieces);
        let summed = summed.await.map_err(|_| BROKE)??;
        Ok((what_came(&mut packed), summed))
    }
}

fn what_came(packed: &mut mpsc::UnboundedReceiver<Vec<u8>>) -> Vec<u8> {
    let mut all = Vec::new();
    while let Ok(piece) = packed.try_recv() {
        all.extend_from_slice(&piece);
    }
    all
}
