//! Forms are ours only: a signed token that stands in a cookie and again in the form, bound to the session it was made for; and what
//! the browser itself says of where a request comes from.

use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, HeaderValue};
use server::clock::to_ms;
use server::crypto::secret::{MacKey, Ticket};
use time::{Duration, OffsetDateTime};

use super::{Site, cookie};

pub const COOKIE: &str = "csrf";
pub const FIELD: &str = "csrf";
pub const HEADER: &str = "x-csrf-token";

/// How long a form that lies open can be sent. Half-way through, a new page brings a new token.
const LASTS: Duration = Duration::hours(12);

/// What the token of somebody without a session is bound to.
const NOBODY: &str = "visitor";

/// The token that a page's forms carry, and the cookie to set if the browser does not have it.
#[derive(Clone, Debug)]
pub struct Token {
    pub text: String,
    pub cookie: Option<HeaderValue>,
}

/// The token for this request: the browser's own while it is good for a while, else a new one.
pub fn token(site: &Site, headers: &HeaderMap, binding: Option<&str>, now: OffsetDateTime) -> Token {
    let hashes = site.accounts.vault.hashes();
    let held =
        cookie::read(headers, COOKIE).filter(|held| age(hashes, held, binding, now).is_some_and(|age| age < LASTS / 2));
    if let Some(held) = held {
        return Token { text: held, cookie: None };
    }
    let text = make(hashes, binding, now);
    Token { cookie: set(&text), text }
}

/// A new token for a session that has just got a new id.
pub fn renewed(site: &Site, binding: &str, now: OffsetDateTime) -> Option<HeaderValue> {
    set(&make(site.accounts.vault.hashes(), Some(binding), now))
}

fn set(text: &str) -> Option<HeaderValue> {
    cookie::build(COOKIE, text, u32::try_from(LASTS.whole_seconds()).unwrap_or(u32::MAX)).ok()
}

fn make(hashes: &MacKey, binding: Option<&str>, now: OffsetDateTime) -> String {
    // Without randomness a token is still bound to the session and the instant.
    let nonce = Ticket::random().map_or_else(|_| String::new(), |ticket| ticket.text()[..32].to_owned());
    let issued = format!("{:x}", to_ms(now));
    let proof = proof(hashes, &issued, &nonce, binding);
    format!("{issued}.{nonce}.{proof}")
}

fn proof(hashes: &MacKey, issued: &str, nonce: &str, binding: Option<&str>) -> String {
    let bound = binding.unwrap_or(NOBODY);
    hashes.mac_hex("csrf/1", &[issued.as_bytes(), nonce.as_bytes(), bound.as_bytes()])
}

/// How old a token is, if it was made here for this session and its time is not over.
fn age(hashes: &MacKey, text: &str, binding: Option<&str>, now: OffsetDateTime) -> Option<Duration> {
    let mut parts = text.split('.');
    let (issued, nonce, shown) = (parts.next()?, parts.next()?, parts.next()?);
    let bound = binding.unwrap_or(NOBODY);
    let ours = hashes.matches("csrf/1", &[issued.as_bytes(), nonce.as_bytes(), bound.as_bytes()], shown);
    let issued = i64::from_str_radix(issued, 16).ok()?;
    let age = Duration::milliseconds(to_ms(now).checked_sub(issued)?);
    (ours && parts.next().is_none() && !age.is_negative() && age < LASTS).then_some(age)
}

/// Whether a request that changes something was sent from one of our own pages by the browser that got it.
pub fn holds(
    site: &Site,
    headers: &HeaderMap,
    shown: Option<&str>,
    binding: Option<&str>,
    now: OffsetDateTime,
) -> bool {
    let (Some(held), Some(shown)) = (cookie::read(headers, COOKIE), shown) else { return false };
    held == shown && age(site.accounts.vault.hashes(), &held, binding, now).is_some()
}

/// What the browser says: a request from another site, or another origin, is none of ours. A program that says nothing is judged
/// by its token alone.
pub fn same_origin(site: &Site, headers: &HeaderMap) -> bool {
    let text = |value: &HeaderValue| value.to_str().map(str::to_owned).unwrap_or_default();
    let from = headers.get("sec-fetch-site").map(text);
    if from.as_deref().is_some_and(|from| !matches!(from, "same-origin" | "none")) {
        return false;
    }
    let Some(origin) = headers.get(ORIGIN).map(text) else { return true };
    // Under a strict referrer policy a browser names no origin even to ourselves; then its other word counts.
    if origin == "null" {
        return from.is_some();
    }
    let settings = &site.settings;
    let scheme = settings.serving.public_url.split("://").next().unwrap_or("https");
    let host = origin.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://"));
    host.is_some_and(|host| settings.hosts.iter().any(|known| known.eq_ignore_ascii_case(host)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use server::crypto::seal::SecretKey;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-21 12:00 UTC);

    #[test]
    fn a_token_is_good_for_its_session_and_its_time_only() {
        let hashes = MacKey::new(SecretKey::new([1; 32]));
        let text = make(&hashes, Some("session-a"), NOW);
        assert!(age(&hashes, &text, Some("session-a"), NOW).is_some());
        assert!(age(&hashes, &text, Some("session-b"), NOW).is_none());
        assert!(age(&hashes, &text, None, NOW).is_none());
        assert!(age(&hashes, &text, Some("session-a"), NOW + LASTS).is_none());
        assert!(age(&hashes, &text, Some("session-a"), NOW - Duration::seconds(1)).is_none());
    }

    #[test]
    fn every_changed_byte_of_a_token_is_noticed() {
        let hashes = MacKey::new(SecretKey::new([1; 32]));
        let text = make(&hashes, None, NOW);
        for at in 0..text.len() {
            for bit in 0..7 {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let Ok(changed) = String::from_utf8(bytes) else { continue };
                assert!(age(&hashes, &changed, None, NOW).is_none(), "byte {at}, bit {bit}");
            }
        }
    }
}
