//! One section as two texts: JSON Lines for programs, and a table (RFC 4180) for people. The same rows in both.

use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::clock::from_ms;

/// One value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Nothing,
    Id(Uuid),
    Text(String),
    Number(i64),
    /// Milliseconds since 1970; written as RFC 3339 with three digits after the point.
    At(i64),
    /// JSON already.
    Json(String),
}

impl Cell {
    pub(crate) fn id(id: Option<Uuid>) -> Self {
        id.map_or(Self::Nothing, Self::Id)
    }

    pub(crate) fn at(ms: Option<i64>) -> Self {
        ms.map_or(Self::Nothing, Self::At)
    }

    pub(crate) fn text(text: Option<String>) -> Self {
        text.map_or(Self::Nothing, Self::Text)
    }

    fn json(&self, out: &mut Vec<u8>) {
        match self {
            Self::Nothing => out.extend_from_slice(b"null"),
            Self::Id(id) => quoted(out, |out| hyphenated(*id, out)),
            Self::Text(text) => json_text(text, out),
            Self::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Self::At(ms) => quoted(out, |out| out.extend_from_slice(instant(*ms).as_bytes())),
            Self::Json(json) => out.extend_from_slice(json.as_bytes()),
        }
    }

    fn csv(&self, out: &mut Vec<u8>) {
        match self {
            Self::Nothing => {}
            Self::Id(id) => hyphenated(*id, out),
            Self::Text(text) | Self::Json(text) => csv_text(text, out),
            Self::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Self::At(ms) => out.extend_from_slice(instant(*ms).as_bytes()),
        }
    }
}

fn quoted(out: &mut Vec<u8>, inner: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    inner(out);
    out.push(b'"');
}

fn hyphenated(id: Uuid, out: &mut Vec<u8>) {
    let mut text = Uuid::encode_buffer();
    out.extend_from_slice(id.hyphenated().encode_lower(&mut text).as_bytes());
}

pub(crate) fn json_text(text: &str, out: &mut Vec<u8>) {
    // Writing to memory does not fail.
    let _ = text.serialize(&mut serde_json::Serializer::new(out));
}

/// An instant to the millisecond, so that reading it back gives the same number.
pub(crate) fn instant(ms: i64) -> String {
    let at = from_ms(ms);
    let (date, time) = (at.date(), at.time());
    let mut text = String::with_capacity("2026-11-22T12:00:00.000Z".len());
    // Digit by digit: an archive of a million records writes four million of these, and the general way takes ten times as long.
    let parts = [
        (date.year().unsigned_abs(), 4, '-'),
        (u8::from(date.month()).into(), 2, '-'),
        (date.day().into(), 2, 'T'),
        (time.hour().into(), 2, ':'),
        (time.minute().into(), 2, ':'),
        (time.second().into(), 2, '.'),
        (time.millisecond().into(), 3, 'Z'),
    ];
    if date.year() < 0 {
        text.push('-');
    }
    for (number, digits, after) in parts {
        for place in (0..digits).rev() {
            text.push(char::from_digit(number / 10_u32.pow(place) % 10, 10).unwrap_or('0'));
        }
        text.push(after);
    }
    text
}

/// The other way round.
pub(crate) fn ms_of(text: &str) -> Option<i64> {
    let at = OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()?;
    Some(crate::clock::to_ms(at))
}

/// What a spreadsheet would take for a formula (OWASP, CSV Injection).
const FORMULA: &[u8] = b"=+-@\t\r";

/// A text as a cell: quoted where it must be, and defused by a leading apostrophe where a spreadsheet would compute it. An apostrophe of its own
/// gets one more, so that taking one away always gives back what was there.
pub(crate) fn csv_text(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let first = bytes.first().copied();
    let defused = first.is_some_and(|first| FORMULA.contains(&first) || first == b'\'');
    let quoted = defused || bytes.iter().any(|byte| matches!(byte, b'"' | b',' | b'\n' | b'\r'));
    let padded = first == Some(b' ') || bytes.last() == Some(&b' ');
    if !(quoted || padded) {
        out.extend_from_slice(bytes);
        return;
    }
    out.push(b'"');
    if defused {
        out.push(b'\'');
    }
    for byte in bytes {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

/// Some rows, written.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) lines: Vec<u8>,
    pub(crate) table: Vec<u8>,
    pub(crate) rows: u64,
}

impl Written {
    pub(crate) fn row(&mut self, columns: &[&str], cells: &[Cell]) {
        self.object(columns.iter().copied().zip(cells));
        for (at, cell) in cells.iter().enumerate() {
            self.separate(at);
            cell.csv(&mut self.table);
        }
        self.end();
    }

    /// The line of JSON alone.
    pub(crate) fn object<'a>(&mut self, cells: impl Iterator<Item = (&'a str, &'a Cell)>) {
        for (at, (column, cell)) in cells.enumerate() {
            self.lines.push(if at == 0 { b'{' } else { b',' });
            json_text(column, &mut self.lines);
            self.lines.push(b':');
            cell.json(&mut self.lines);
        }
        self.lines.extend_from_slice(b"}\n");
    }

    /// Before every cell but the first.
    pub(crate) fn separate(&mut self, at: usize) {
        if at > 0 {
            self.table.push(b',');
        }
    }

    pub(crate) fn cell(&mut self, cell: &Cell) {
        cell.csv(&mut self.table);
    }

    pub(crate) fn end(&mut self) {
        self.table.extend_from_slice(b"\r\n");
        self.rows += 1;
    }
}

/// The first line of a table.
pub(crate) fn head<'a>(columns: impl Iterator<Item = &'a str>) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, column) in columns.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        csv_text(column, &mut out);
    }
    out.extend_from_slice(b"\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(text: &str) -> String {
        let mut out = Vec::new();
        csv_text(text, &mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_cell_that_would_be_a_formula_is_defused_and_can_be_undone() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "'"] {
            let cell = csv(text);
            assert_eq!(cell, format!("\"'{text}\""), "{text:?}");
        }
        assert_eq!(csv("a=1"), "a=1");
    }

    #[test]
    fn quotes_commas_and_lines_are_quoted() {
        assert_eq!(csv("a,b"), "\"a,b\"");
        assert_eq!(csv("say \"hi\"\r\nthere"), "\"say \"\"hi\"\"\r\nthere\"");
        assert_eq!(csv(" padded "), "\" padded \"");
    }

    #[test]
    fn a_negative_number_is_no_formula() {
        let mut written = Written::default();
        written.row(&["n"], &[Cell::Number(-5)]);
        assert_eq!((written.table, written.lines), (b"-5\r\n".to_vec(), b"{\"n\":-5}\n".to_vec()));
    }

    #[test]
    fn an_instant_comes_back_as_it_was() {
        for ms in [0, 1, 999, 1_763_726_400_123, -62_000_000_000_000] {
            assert_eq!(ms_of(&instant(ms)), Some(ms));
        }
    }
}
