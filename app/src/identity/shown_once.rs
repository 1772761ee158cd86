//! Backup codes on their way from the change that made them to the page that shows them: sealed in a cookie that only this session
//! can open, for two minutes, gone when shown. The server keeps nothing but their hashes.

use axum::http::{HeaderMap, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use server::crypto::secret::BackupCode;
use time::OffsetDateTime;

use crate::http::{Site, cookie};

pub const COOKIE: &str = "shown-once";
const LASTS_SECONDS: u32 = 120;

fn place(session_hash: &str) -> String {
    format!("shown-once/{session_hash}")
}

pub fn put(site: &Site, session_hash: &str, codes: &[BackupCode], now: OffsetDateTime) -> Option<HeaderValue> {
    let until = now.unix_timestamp() + i64::from(LASTS_SECONDS);
    let text = format!("{until} {}", codes.iter().map(BackupCode::shown).collect::<Vec<_>>().join(" "));
    let sealed = site.accounts.vault.seal(&place(session_hash), text.as_bytes()).ok()?;
    cookie::build(COOKIE, &URL_SAFE_NO_PAD.encode(sealed), LASTS_SECONDS).ok()
}

/// The codes, and the cookie that takes them away.
pub fn take(
    site: &Site,
    session_hash: &str,
    headers: &HeaderMap,
    now: OffsetDateTime,
) -> Option<(Vec<String>, Option<HeaderValue>)> {
    let sealed = URL_SAFE_NO_PAD.decode(cookie::read(headers, COOKIE)?).ok()?;
    let plain = site.accounts.vault.open_sealed(&place(session_hash), &sealed).ok()?;
    let text = String::from_utf8_lossy(&plain);
    let mut words = text.split(' ');
    // A cookie that was kept beyond its time opens and shows nothing.
    let until: i64 = words.next()?.parse().ok()?;
    if now.unix_timestamp() > until {
        return None;
    }
    let codes = words.map(str::to_owned).collect();
    Some((codes, cookie::build(COOKIE, "", 0).ok()))
}
