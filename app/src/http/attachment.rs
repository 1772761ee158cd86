//! A file to keep, whole or the part that was asked for: an interrupted download goes on where it stopped. Never shown in place: whatever a
//! browser makes of it, it runs nothing and belongs to nobody's page.

use std::ops::Range;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY, ETAG, IF_NONE_MATCH,
    IF_RANGE, RANGE,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;

use super::respond::{bytes, matches};

/// Also where somebody manages to open it: no script, no origin, nothing loaded.
const FILE_POLICY: &str = "sandbox; default-src 'none'; frame-ancestors 'none'";

/// What a client is told of a file before its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Attachment<'a> {
    pub name: &'a str,
    pub media_type: &'static str,
    pub bytes: u64,
    /// Of the content: two that have the same are the same.
    pub sha256: &'a str,
    pub kept: Kept,
}

/// Whether a browser may keep a file beside the one that the person saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It asks each time whether the file is still the same.
    Asking,
    Never,
}

impl Kept {
    const fn header(self) -> &'static str {
        match self {
            Self::Asking => "private, no-cache",
            Self::Never => "no-store",
        }
    }
}

/// How a request for a file is to be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    Whole,
    Part(Range<u64>),
    /// The client has it already.
    Nothing,
    /// There is no such part.
    NoSuchPart,
}

/// The first byte that is asked for, before it is known how many there are: it stands in the log.
pub fn first(request: &HeaderMap) -> u64 {
    match request.get(RANGE).and_then(|range| part(range.to_str().ok()?)) {
        Some(Part::From(first) | Part::Between(first, _)) => first,
        Some(Part::Last(_)) | None => 0,
    }
}

impl Attachment<'_> {
    fn tag(&self) -> String {
        format!("\"{}\"", self.sha256)
    }

    /// What of the file a request asks for (RFC 9110 sections 13.1 and 14.2). Several parts at once, and what is not understood, get the whole.
    pub fn wanted(&self, request: &HeaderMap) -> Wanted {
        let tag = HeaderValue::from_str(&self.tag()).ok();
        if request.get(IF_NONE_MATCH).is_some_and(|known| matches(known, tag.as_ref())) {
            return Wanted::Nothing;
        }
        // A part is of use only to whoever has the rest of the same file.
        if request.get(IF_RANGE).is_some_and(|known| Some(known) != tag.as_ref()) {
            return Wanted::Whole;
        }
        match request.get(RANGE).and_then(|range| part(range.to_str().ok()?)) {
            None => Wanted::Whole,
            Some(part) => part.of(self.bytes).map_or(Wanted::NoSuchPart, Wanted::Part),
        }
    }

    /// The answer, with `body` for exactly what was wanted; it is not looked at where nothing is sent.
    pub fn answer(&self, wanted: &Wanted, body: Body) -> Response {
        let (status, sent, said) = match wanted {
            Wanted::Whole => (StatusCode::OK, Some(0..self.bytes), None),
            Wanted::Part(part) => {
                let said = format!("bytes {}-{}/{}", part.start, part.end.saturating_sub(1), self.bytes);
                (StatusCode::PARTIAL_CONTENT, Some(part.clone()), Some(said))
            }
            Wanted::Nothing => (StatusCode::NOT_MODIFIED, None, None),
            Wanted::NoSuchPart => (StatusCode::RANGE_NOT_SATISFIABLE, None, Some(format!("bytes */{}", self.bytes))),
        };
        let mut response = bytes(status, self.media_type, self.kept.header(), "");
        let headers = response.headers_mut();
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(FILE_POLICY));
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        let texts = [
            (ETAG, Some(self.tag())),
            (CONTENT_DISPOSITION, Some(disposition(self.name))),
            (CONTENT_RANGE, said),
            (CONTENT_LENGTH, sent.as_ref().map(|sent| (sent.end - sent.start).to_string())),
        ];
        for (name, text) in texts {
            if let Some(value) = text.and_then(|text| HeaderValue::from_str(&text).ok()) {
                headers.insert(name, value);
            }
        }
        if sent.is_some() {
            *response.body_mut() = body;
        }
        response
    }
}

/// A part as it was asked for.
#[derive(Clone, Copy, Debug)]
enum Part {
    From(u64),
    Between(u64, u64),
    Last(u64),
}

impl Part {
    /// Cut to what there is; `None` where there is nothing of it.
    fn of(self, length: u64) -> Option<Range<u64>> {
        let range = match self {
            Self::From(first) => first..length,
            Self::Between(first, last) => first..last.saturating_add(1).min(length),
            Self::Last(number) => length.saturating_sub(number)..length,
        };
        (range.start < range.end).then_some(range)
    }
}

fn part(header: &str) -> Option<Part> {
    let (unit, asked) = header.split_once('=')?;
    let (first, last) = asked.trim().split_once('-')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let number = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse::<u64>().ok())?;
    match (first, last) {
        ("", last) => Some(Part::Last(number(last)?)),
        (first, "") => Some(Part::From(number(first)?)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Part::Between(first, last))
        }
    }
}

/// To be kept and not shown, under this name: in ASCII for old programs (RFC 6266), and as it is (RFC 8187).
fn disposition(name: &str) -> String {
    use std::fmt::Write;
    let plain: String = name
        .chars()
        .map(|letter| if matches!(letter, ' '..='~') && !matches!(letter, '"' | '\\' | '%') { letter } else { '_' })
        .collect();
    let exact = name.bytes().fold(String::new(), |mut text, byte| {
        // The characters that need no escape (RFC 8187 section 3.2.1).
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    });
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: Attachment<'static> = Attachment {
        name: "Über \"uns\"\r\n.pdf",
        media_type: "application/pdf",
        bytes: 1000,
        sha256: "ab12",
        kept: Kept::Never,
    };

    fn asking(headers: &[(axum::http::HeaderName, &'static str)]) -> Wanted {
        FILE.wanted(&headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect())
    }

    #[test]
    fn a_part_is_sent_as_it_was_asked_for_and_no_further_than_the_file_goes() {
        for (asked, range) in [
            ("bytes=0-0", 0..1),
            ("bytes=0-499", 0..500),
            ("bytes=500-", 500..1000),
            ("bytes=-100", 900..1000),
            ("bytes=-5000", 0..1000),
            ("bytes=999-5000", 999..1000),
            ("BYTES=1-18446744073709551615", 1..1000),
        ] {
            assert_eq!(asking(&[(RANGE, asked)]), Wanted::Part(range), "{asked}");
        }
        for asked in ["bytes=1000-", "bytes=1000-2000", "bytes=-0"] {
            assert_eq!(asking(&[(RANGE, asked)]), Wanted::NoSuchPart, "{asked}");
        }
        for odd in
            ["bytes=5-2", "bytes=0-1,5-6", "bytes=a-b", "bytes=+1-2", "bytes=-", "lines=1-2", "bytes", "bytes=--1"]
        {
            assert_eq!(asking(&[(RANGE, odd)]), Wanted::Whole, "{odd}");
        }
    }

    #[test]
    fn the_first_byte_is_known_before_the_file_is() {
        for (asked, byte) in [("bytes=5-", 5), ("bytes=7-9", 7), ("bytes=-3", 0), ("bytes=9-7", 0), ("nonsense", 0)] {
            let headers = [(RANGE, HeaderValue::from_static(asked))].into_iter().collect();
            assert_eq!(first(&headers), byte, "{asked}");
        }
        assert_eq!(first(&HeaderMap::new()), 0);
    }

    #[test]
    fn a_part_of_another_edition_is_not_sent() {
        assert_eq!(asking(&[(RANGE, "bytes=5-"), (IF_RANGE, "\"ab12\"")]), Wanted::Part(5..1000));
        for other in ["\"cd34\"", "W/\"ab12\"", "Sat, 21 Nov 2026 12:00:00 GMT"] {
            assert_eq!(asking(&[(RANGE, "bytes=5-"), (IF_RANGE, other)]), Wanted::Whole, "{other}");
        }
        assert_eq!(asking(&[(IF_NONE_MATCH, "\"ab12\""), (RANGE, "bytes=5-")]), Wanted::Nothing);
    }

    #[test]
    fn a_file_is_to_be_kept_and_can_run_nothing() {
        let response = FILE.answer(&Wanted::Part(10..20), Body::from("0123456789"));
        let said = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
        for (name, value) in [
            ("content-range", "bytes 10-19/1000"),
            ("content-length", "10"),
            ("accept-ranges", "bytes"),
            ("etag", "\"ab12\""),
            ("content-type", "application/pdf"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "sandbox; default-src 'none'; frame-ancestors 'none'"),
            (
                "content-disposition",
                "attachment; filename=\"_ber _uns___.pdf\"; filename*=UTF-8''%C3%9Cber%20%22uns%22%0D%0A.pdf",
            ),
        ] {
            assert_eq!(said(name), value, "{name}");
        }
    }

    #[tokio::test]
    async fn where_nothing_is_sent_there_is_no_body() {
        for (wanted, status, range) in [
            (Wanted::Nothing, StatusCode::NOT_MODIFIED, None),
            (Wanted::NoSuchPart, StatusCode::RANGE_NOT_SATISFIABLE, Some("bytes */1000")),
        ] {
            let response = FILE.answer(&wanted, Body::from("secret"));
            assert_eq!(response.status(), status);
            let said = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
            assert_eq!(said, range);
            assert!(axum::body::to_bytes(response.into_body(), 100).await.expect("a body").is_empty());
        }
    }
}
