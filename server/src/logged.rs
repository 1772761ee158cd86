//! The newest part of what this program wrote to its log, so that it can be looked at for what must never be there.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// Bytes that are kept.
const KEPT: usize = 256 * 1024;

static NEWEST: Mutex<Option<VecDeque<u8>>> = Mutex::new(None);

/// Standard error, with its newest part kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watched;

impl Write for Watched {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = std::io::stderr().write(bytes)?;
        let mut newest = NEWEST.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = newest.get_or_insert_default();
        kept.extend(bytes.iter().take(written));
        let over = kept.len().saturating_sub(KEPT);
        kept.drain(..over);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

/// From now on it is known that the log goes through here, even if nothing is ever written.
pub fn watch() {
    NEWEST.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default();
}

/// Whether the newest part holds this text; `None` when nobody watches the log in this process.
pub fn holds(text: &str) -> Option<bool> {
    let mut newest = NEWEST.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = newest.as_mut()?.make_contiguous();
    Some(kept.windows(text.len()).any(|window| window == text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_logged_is_found() {
        watch();
        writeln!(Watched, "a line with marker-word in it").expect("write");
        assert_eq!((holds("marker-word"), holds("another-word")), (Some(true), Some(false)));
    }
}
