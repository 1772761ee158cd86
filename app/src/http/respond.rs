//! Answers: bytes with the headers that every answer carries, and pages kept ready in three encodings.

use std::io::Write;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use server::crypto::sha256_hex;

pub const HTML: &str = "text/html; charset=utf-8";

/// For pages: our own style sheet, pictures and fonts; no script at all.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// For the few pages with a script: files of this server only, none inline, and WebAssembly.
const SCRIPT_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'";

/// For everything else: nothing.
pub const BARE_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// What every answer carries, whatever it is (OWASP HTTP Headers Cheat Sheet).
pub static EVERY_ANSWER: [(HeaderName, HeaderValue); 7] = [
    (HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff")),
    (HeaderName::from_static("referrer-policy"), HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("x-frame-options"), HeaderValue::from_static("DENY")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("origin-agent-cluster"), HeaderValue::from_static("?1")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()"),
    ),
];

/// A page made for one request.
pub fn html(status: StatusCode, page: String) -> Response {
    let mut response = bytes(status, HTML, "no-cache", page);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    response
}

/// The same with our own script and the program that it loads, and nobody else's.
pub fn html_with_script(status: StatusCode, page: String) -> Response {
    let mut response = html(status, page);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(SCRIPT_POLICY));
    response
}

/// Anything else made for one request.
pub fn bytes(status: StatusCode, kind: &'static str, cache: &'static str, content: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Body::from(content.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(BARE_POLICY));
    headers.extend(EVERY_ANSWER.iter().cloned());
    response
}

/// A file to keep, piece by piece as it is made.
pub fn download(kind: &'static str, name: &str, body: Body) -> Response {
    let mut response = bytes(StatusCode::OK, kind, "no-store", "");
    *response.body_mut() = body;
    if let Ok(named) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        response.headers_mut().insert(CONTENT_DISPOSITION, named);
    }
    response
}

/// Which encodings a client takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Identity,
    Gzip,
    Brotli,
}

impl Encoding {
    /// The smallest that the client takes; a quality of zero is a refusal (RFC 9110 section 12.5.3).
    pub fn wanted(headers: &HeaderMap) -> Self {
        let Some(accepted) = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()) else {
            return Self::Identity;
        };
        let takes = |name: &str| {
            accepted.split(',').any(|part| {
                let (coding, quality) = part.split_once(';').map_or((part, ""), |(coding, quality)| (coding, quality));
                let refused = quality.trim().strip_prefix("q=").and_then(|q| q.trim().parse::<f32>().ok()) == Some(0.0);
                coding.trim().eq_ignore_ascii_case(name) && !refused
            })
        };
        match (takes("br"), takes("gzip")) {
            (true, _) => Self::Brotli,
            (false, true) => Self::Gzip,
            (false, false) => Self::Identity,
        }
    }
}

/// Bytes that are sent many times: encoded once, with their headers, and an entity tag each.
#[derive(Clone, Debug)]
pub struct Rendered {
    variants: Arc<[(Bytes, HeaderMap); 3]>,
}

impl Rendered {
    pub fn page(page: String) -> Self {
        Self::new(page.into_bytes(), HTML, "no-cache", PAGE_POLICY)
    }

    pub fn new(content: Vec<u8>, kind: &str, cache: &'static str, policy: &'static str) -> Self {
        let tag = &sha256_hex(&content)[..24];
        let variant = |encoding, content: Vec<u8>, suffix: &str| {
            let mut headers = HeaderMap::with_capacity(16);
            headers.extend(EVERY_ANSWER.iter().cloned());
            headers.insert(
                CONTENT_TYPE,
                HeaderValue::from_str(kind).unwrap_or(HeaderValue::from_static("application/octet-stream")),
            );
            headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
            headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
            headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
            if let Ok(tag) = HeaderValue::from_str(&format!("\"{tag}{suffix}\"")) {
                headers.insert(ETAG, tag);
            }
            if let Some(encoding) = encoding {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
            }
            (Bytes::from(content), headers)
        };
        let (zipped, squeezed) = (gzip(&content), brotli(&content));
        Self {
            variants: Arc::new([
                variant(None, content, ""),
                variant(Some("gzip"), zipped, "-g"),
                variant(Some("br"), squeezed, "-b"),
            ]),
        }
    }

    /// The whole answer, or 304 when the client has it already.
    pub fn answer(&self, request: &HeaderMap) -> Response {
        let (content, headers) = &self.variants[match Encoding::wanted(request) {
            Encoding::Identity => 0,
            Encoding::Gzip => 1,
            Encoding::Brotli => 2,
        }];
        let known = request.get(IF_NONE_MATCH).is_some_and(|known| matches(known, headers.get(ETAG)));
        let mut response = Response::new(if known { Body::empty() } else { Body::from(content.clone()) });
        headers.clone_into(response.headers_mut());
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response.headers_mut().remove(CONTENT_TYPE);
            response.headers_mut().remove(CONTENT_ENCODING);
        }
        response
    }
}

/// Weak comparison (RFC 9110 section 13.1.2).
pub(super) fn matches(known: &HeaderValue, tag: Option<&HeaderValue>) -> bool {
    let (Ok(known), Some(Ok(tag))) = (known.to_str(), tag.map(HeaderValue::to_str)) else { return false };
    known.split(',').map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    // Writing to memory does not fail.
    let _ = encoder.write_all(content);
    encoder.finish().unwrap_or_default()
}

fn brotli(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    // 9 of 11: within a percent or two of the smallest at a twentieth of the time.
    let settings = brotli::enc::BrotliEncoderParams { quality: 9, lgwin: 22, ..Default::default() };
    let _ = brotli::BrotliCompress(&mut &content[..], &mut out, &settings);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepting(text: &str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_str(text).expect("value"))])
    }

    #[test]
    fn the_smallest_encoding_that_is_taken_is_sent() {
        assert_eq!(Encoding::wanted(&accepting("gzip, deflate, br")), Encoding::Brotli);
        assert_eq!(Encoding::wanted(&accepting("br;q=0, gzip;q=0.5")), Encoding::Gzip);
        assert_eq!(Encoding::wanted(&accepting("identity")), Encoding::Identity);
        assert_eq!(Encoding::wanted(&HeaderMap::new()), Encoding::Identity);
    }

    #[test]
    fn what_the_client_has_already_is_not_sent_again() {
        let rendered = Rendered::page("<p>hello</p>".into());
        let first = rendered.answer(&HeaderMap::new());
        let tag = first.headers().get(ETAG).expect("tag").clone();
        let again = rendered.answer(&HeaderMap::from_iter([(IF_NONE_MATCH, tag)]));
        assert_eq!((first.status(), again.status()), (StatusCode::OK, StatusCode::NOT_MODIFIED));
    }
}
