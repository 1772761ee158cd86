//! What an upload has to pass. The order is the order of cost: its size while it comes, then its name, then its bytes.

use bytes::Bytes;
use contract::problem::Problem;

use super::kind::{Kind, TAKEN};
use super::{images, name};
use crate::crypto::sha256_hex;
use crate::identity::Refusal;

/// Why an upload is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unacceptable {
    #[error("nothing was in it")]
    Empty,
    #[error("larger than {limit_kib} KiB")]
    TooLarge { limit_kib: u32 },
    #[error("of no kind that is taken")]
    NotTaken,
    /// What it is called or said to be is not what it is.
    #[error("said to be {said:?} and is {is:?}")]
    Contradicts { said: String, is: Kind },
    #[error("a broken picture: {0}")]
    Broken(#[from] images::Broken),
}

impl Unacceptable {
    /// For the person who sent it.
    fn said(&self) -> String {
        match self {
            Self::Empty => "This file is empty. Choose another one.".into(),
            Self::TooLarge { limit_kib } => format!("This file is larger than {limit_kib} KiB."),
            Self::NotTaken => format!("This kind of file is not taken. {TAKEN}"),
            Self::Contradicts { said, is } => {
                let usual = is.endings().first().copied().unwrap_or_default();
                format!(
                    "This file says that it is {said}, and its content is {usual}. Rename it, or save it again as what it is."
                )
            }
            Self::Broken(broken) => format!("This picture cannot be read: {broken}. Open it and save it again."),
        }
    }
}

impl From<Unacceptable> for Refusal {
    fn from(why: Unacceptable) -> Self {
        match why {
            Unacceptable::TooLarge { limit_kib } => Self::TooLarge(limit_kib),
            Unacceptable::NotTaken | Unacceptable::Contradicts { .. } => Self::NotTaken("file", why.said()),
            Unacceptable::Empty | Unacceptable::Broken(_) => Self::Field("file", why.said()),
        }
    }
}

impl From<Unacceptable> for Problem {
    fn from(why: Unacceptable) -> Self {
        Refusal::from(why).into()
    }
}

/// An upload that is coming in. Never holds more than the limit.
#[derive(Debug)]
pub struct Gathering {
    limit_kib: u32,
    content: Vec<u8>,
}

impl Gathering {
    pub fn new(limit_kib: u32) -> Self {
        Self { limit_kib, content: Vec::new() }
    }

    /// # Errors
    /// [`Unacceptable::TooLarge`] with the first byte too many; whoever reads stops there.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Unacceptable> {
        let limit = self.limit_kib as usize * 1024;
        if self.content.len() + bytes.len() > limit {
            self.content = Vec::new();
            return Err(Unacceptable::TooLarge { limit_kib: self.limit_kib });
        }
        self.content.extend_from_slice(bytes);
        Ok(())
    }

    /// See [`accept`].
    ///
    /// # Errors
    /// See [`Unacceptable`].
    pub fn finish(self, sent_name: &str, declared: &str) -> Result<Accepted, Unacceptable> {
        accept(self.limit_kib, sent_name, declared, self.content.into())
    }
}

/// A file that may be kept, as it will be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    pub name: String,
    pub kind: Kind,
    pub content: Bytes,
    /// Of the content as it is kept: without a picture's metadata.
    pub sha256: String,
}

/// Looks at a whole upload: the name that was sent with it, what it was declared as (or nothing), and its bytes.
///
/// # Errors
/// See [`Unacceptable`].
pub fn accept(limit_kib: u32, sent_name: &str, declared: &str, content: Bytes) -> Result<Accepted, Unacceptable> {
    if content.is_empty() {
        return Err(Unacceptable::Empty);
    }
    if content.len() > limit_kib as usize * 1024 {
        return Err(Unacceptable::TooLarge { limit_kib });
    }
    let name = name::cleaned(sent_name);
    let ending = name::ending(&name);
    let kind = Kind::sniffed(&content, &ending).ok_or(Unacceptable::NotTaken)?;
    if !ending.is_empty() && Kind::by_ending(&ending) != Some(kind) {
        return Err(Unacceptable::Contradicts { said: format!(".{ending}"), is: kind });
    }
    if !kind.declared_as(declared) {
        let said = declared.chars().filter(char::is_ascii_graphic).take(80).collect();
        return Err(Unacceptable::Contradicts { said, is: kind });
    }
    let content = match kind {
        Kind::Png => images::png(&content)?.into(),
        Kind::Jpeg => images::jpeg(&content)?.into(),
        Kind::Webp => images::webp(&content)?.into(),
        Kind::Pdf | Kind::Text | Kind::Csv | Kind::Markdown | Kind::Docx | Kind::Xlsx | Kind::Odt => content,
    };
    let usual = kind.endings().first().copied().unwrap_or_default();
    Ok(Accepted { name: name::ending_in(&name, usual), kind, sha256: sha256_hex(&content), content })
}

#[cfg(test)]
mod tests;
