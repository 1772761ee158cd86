//! The one builder of cookies: nothing else writes `Set-Cookie`.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

/// A cookie of this host only, for the whole site, out of reach of scripts and of other sites' requests.
///
/// # Errors
/// When the value has a character that a cookie cannot carry (RFC 6265 section 4.1.1).
pub fn build(name: &str, value: &str, lasts_seconds: u32) -> Result<HeaderValue, &'static str> {
    let token = |c: char| c.is_ascii_graphic() && !"\"(),/:;<=>?@[\\]{}".contains(c);
    let octet = |c: char| c.is_ascii_graphic() && !"\",;\\".contains(c);
    if name.is_empty() || !name.chars().all(token) || !value.chars().all(octet) {
        return Err("a cookie's name and value are letters, digits and a few signs");
    }
    let line = format!("__Host-{name}={value}; Path=/; Max-Age={lasts_seconds}; Secure; HttpOnly; SameSite=Lax");
    HeaderValue::from_str(&line).map_err(|_| "a cookie's name and value are letters, digits and a few signs")
}

/// One of our own cookies, as the browser sent it back.
pub fn read(headers: &HeaderMap, name: &str) -> Option<String> {
    let wanted = format!("__Host-{name}");
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == wanted).map(|(_, value)| value.to_owned())
}

#[cfg(test)]
mod tests {
    use server::controls::web_hygiene::missing_attribute;

    use super::build;

    #[test]
    fn every_cookie_carries_secure_httponly_and_samesite() {
        let cookie = build("session", "abc", 60).expect("cookie");
        assert_eq!(missing_attribute(cookie.to_str().expect("text")), None);
    }

    #[test]
    fn a_value_cannot_add_an_attribute_or_a_header() {
        for bad in ["a; Domain=evil.example", "a\r\nSet-Cookie: b=c", "a,b", "\"a\""] {
            assert!(build("session", bad, 60).is_err(), "{bad:?}");
        }
        assert!(build("se;ssion", "a", 60).is_err());
    }
}
