//! A large file that can be taken along in parts (RFC 9110 section 14): whoever was cut off goes on where they were.

use axum::body::Body;
use axum::http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_RANGE, RANGE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;

use super::respond;

/// What of a file is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    All,
    /// First byte, and the one after the last.
    Part(u64, u64),
    /// Nothing that is there.
    Beyond,
}

/// The first byte that is asked for, before it is known how many there are.
pub fn first(headers: &HeaderMap) -> u64 {
    let range = headers.get(RANGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let first = range.strip_prefix("bytes=").and_then(|range| range.split('-').next());
    first.and_then(|first| first.trim().parse().ok()).unwrap_or(0)
}

/// One range, of the file that the client has begun. Several at once, or of another file, are all of it: a server may ignore them.
pub fn wanted(headers: &HeaderMap, tag: &str, bytes: u64) -> Wanted {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let Some(range) = text(RANGE).and_then(|range| range.strip_prefix("bytes=")) else { return Wanted::All };
    if text(IF_RANGE).is_some_and(|known| known != tag) {
        return Wanted::All;
    }
    let Some((first, last)) = range.split_once('-') else { return Wanted::All };
    match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), _) if first >= bytes => Wanted::Beyond,
        (Ok(first), Ok(last)) if last >= first => Wanted::Part(first, last.saturating_add(1).min(bytes)),
        (Ok(first), Err(_)) if last.trim().is_empty() => Wanted::Part(first, bytes),
        (Err(_), Ok(0)) if first.trim().is_empty() => Wanted::Beyond,
        (Err(_), Ok(newest)) if first.trim().is_empty() => Wanted::Part(bytes.saturating_sub(newest), bytes),
        (Ok(_) | Err(_), Ok(_) | Err(_)) => Wanted::All,
    }
}

/// The answer around the bytes that are sent.
pub fn answer(kind: &'static str, name: &str, tag: &str, bytes: u64, wanted: Wanted, body: Body) -> Response {
    let mut response = respond::download(kind, name, body);
    let (status, length, range) = match wanted {
        Wanted::All => (StatusCode::OK, bytes, None),
        Wanted::Part(first, end) => {
            (StatusCode::PARTIAL_CONTENT, end - first, Some(format!("bytes {first}-{}/{bytes}", end.saturating_sub(1))))
        }
        Wanted::Beyond => (StatusCode::RANGE_NOT_SATISFIABLE, 0, Some(format!("bytes */{bytes}"))),
    };
    *response.status_mut() = status;
    let head = response.headers_mut();
    head.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    head.insert(CONTENT_LENGTH, HeaderValue::from(length));
    if let Ok(tag) = HeaderValue::from_str(tag) {
        head.insert(ETAG, tag);
    }
    if let Some(Ok(range)) = range.map(|range| HeaderValue::from_str(&range)) {
        head.insert(CONTENT_RANGE, range);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(range: &str, if_range: Option<&str>) -> Wanted {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::from_str(range).expect("value"));
        if let Some(known) = if_range {
            headers.insert(IF_RANGE, HeaderValue::from_str(known).expect("value"));
        }
        wanted(&headers, "\"a\"", 100)
    }

    #[test]
    fn a_range_of_the_file_is_that_part_of_it() {
        assert_eq!(asked("bytes=0-9", None), Wanted::Part(0, 10));
        assert_eq!(asked("bytes=90-", None), Wanted::Part(90, 100));
        assert_eq!(asked("bytes=90-500", None), Wanted::Part(90, 100));
        assert_eq!(asked("bytes=-10", None), Wanted::Part(90, 100));
        assert_eq!(asked("bytes=-500", None), Wanted::Part(0, 100));
    }

    #[test]
    fn what_lies_beyond_the_end_is_refused_and_what_is_no_range_is_all_of_it() {
        assert_eq!(asked("bytes=100-", None), Wanted::Beyond);
        assert_eq!(asked("bytes=-0", None), Wanted::Beyond);
        for odd in ["bytes=9-1", "bytes=a-b", "bytes=0-1,3-4", "items=0-1", "bytes=-"] {
            assert_eq!(asked(odd, None), Wanted::All, "{odd}");
        }
    }

    #[test]
    fn a_range_of_another_file_begins_anew() {
        assert_eq!(asked("bytes=50-", Some("\"a\"")), Wanted::Part(50, 100));
        assert_eq!(asked("bytes=50-", Some("\"b\"")), Wanted::All);
    }
}
