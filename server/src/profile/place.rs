//! Where in the file something stands, and what is wrong or doubtful about it.

use std::fmt;
use std::ops::Range;

/// One thing to put right, or to think about, with its place. Lines and columns count from 1; columns count characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flaw {
    pub line: usize,
    pub column: usize,
    pub message: String,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

/// Collects flaws against one text.
#[derive(Debug)]
pub struct Flaws<'a> {
    text: &'a str,
    pub errors: Vec<Flaw>,
    pub warnings: Vec<Flaw>,
}

impl<'a> Flaws<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, errors: Vec::new(), warnings: Vec::new() }
    }

    pub fn error(&mut self, span: Range<usize>, message: impl Into<String>) {
        let flaw = self.at(span, message.into());
        self.errors.push(flaw);
    }

    pub fn warn(&mut self, span: Range<usize>, message: impl Into<String>) {
        let flaw = self.at(span, message.into());
        self.warnings.push(flaw);
    }

    fn at(&self, span: Range<usize>, message: String) -> Flaw {
        let before = &self.text[..self.text.floor_char_boundary(span.start.min(self.text.len()))];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Flaw { line, column, message }
    }
}

/// `; did you mean "…"?` when one of `known` is close enough to be what was meant.
pub fn did_you_mean<'k>(written: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    nearest(written, known).map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default()
}

/// The known word that `written` most resembles, if any does.
pub fn nearest<'k>(written: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    known
        .into_iter()
        .map(|word| (strsim::jaro_winkler(written, word), word))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| word)
}
