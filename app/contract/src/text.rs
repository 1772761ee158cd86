//! Texts that are checked once, where they enter, and carried as their own types after that.

/// An address that mail can be sent to. The shape only; whether anybody reads it, only mail can tell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// At most 254 octets in all and 64 before the at sign (RFC 5321 section 4.5.3.1), no white
    /// space, no control characters, and a domain with a dot.
    ///
    /// # Errors
    /// Says in a few words what is wrong.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let Some((local, domain)) = text.rsplit_once('@') else {
            return Err("an e-mail address has an @ in it");
        };
        if local.is_empty() || local.len() > 64 || text.len() > 254 {
            return Err("an e-mail address has 1 to 64 characters before the @ and at most 254 in all");
        }
        let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
        if local.starts_with('.') || local.ends_with('.') || local.contains("..") {
            return Err("the part before the @ has a full stop too many");
        }
        if !local.chars().all(atom) {
            return Err("the part before the @ has a character that does not belong there");
        }
        let label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        let named = domain.rsplit('.').next().is_some_and(|top| top.chars().any(|c| c.is_ascii_alphabetic()));
        if !domain.contains('.') || !named || !domain.split('.').all(label) {
            return Err("the part after the @ is not a domain name");
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A short text of a person's own: a name of somebody or something. One line, 1 to 120 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShortText(String);

impl ShortText {
    /// White space around it goes; control characters and marks that turn the writing direction are refused, because they
    /// would let a text look like another.
    ///
    /// # Errors
    /// Says in a few words what is wrong.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        let hidden = |c: char| c.is_control() || misleads(c);
        match (text.chars().count(), text.chars().any(hidden)) {
            (0, _) => Err("write something here"),
            (121.., _) => Err("that is longer than 120 characters"),
            (_, true) => Err("there is an invisible character in it; type it again"),
            (_, false) => Ok(Self(text.to_owned())),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a character cannot be seen, or turns the writing direction, and so would let a text look like another.
pub fn misleads(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Where somebody may be sent on: a path on this site, or nowhere.
pub fn local_path(path: &str) -> Option<&str> {
    let local = path.starts_with('/') && !path.starts_with("//") && path.len() <= 512;
    let clean = path.chars().all(|c| c.is_ascii_graphic() && !"\\\"<>".contains(c)) && !path.contains("/api/");
    (local && clean).then_some(path)
}

/// Whether `text` is a name that can stand in an address: a–z, 0–9 and single hyphens inside, at most 63.
pub fn is_slug(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && !text.contains("--")
        && text.split('-').all(|part| !part.is_empty())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// Whether `text` can be a claim's id: 1 to 32 letters, digits and hyphens. Anything else is not worth a query.
pub fn is_claim_id(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// Whether a link may be shown: `https`, or a path on this site. Everything else (`javascript:`, `data:`, `//host`) is refused.
pub fn is_safe_link(url: &str) -> bool {
    let local = url.starts_with('/') && !url.starts_with("//") && !url.contains('\\');
    let clean = url.chars().all(|c| c.is_ascii_graphic());
    clean && (local || url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_a_name_and_a_domain() {
        for bad in [
            "",
            "a",
            ".a@b.c",
            "a.@b.c",
            "a..b@c.de",
            "a@127.0.0.1",
            "@b.c",
            "a@b",
            "a b@c.d",
            "a@c..d",
            "a@-c.d",
            "a@b.c\r\nBcc: x@y.z",
            "ä@b.c",
        ] {
            assert!(EmailAddress::parse(bad).is_err(), "{bad:?}");
        }
        assert!(EmailAddress::parse("first.last+tag@sub.example.com").is_ok());
    }

    #[test]
    fn somebody_is_sent_on_within_this_site_only() {
        let outside = [
            "//evil.example",
            "/\\evil",
            "https://evil.example",
            "\\\\evil",
            "/a\r\nSet-Cookie: x=1",
            "javascript:alert(1)",
            "",
            "evil",
            "/a b",
            "/\t/evil",
            "/api/sign-out",
            "\u{2f}\u{ff0f}evil",
            "/ä",
        ];
        for bad in outside {
            assert_eq!(local_path(bad), None, "{bad:?}");
        }
        assert_eq!(local_path("/account?x=1#y"), Some("/account?x=1#y"));
    }

    #[test]
    fn a_short_text_is_one_visible_line() {
        for bad in ["", "  ", "a\nb", "a\u{202e}b", &"x".repeat(121)] {
            assert!(ShortText::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(ShortText::parse(" Ada Löwe ").map(|name| name.as_str().to_owned()), Ok("Ada Löwe".to_owned()));
    }

    #[test]
    fn a_link_leads_to_https_or_stays_here() {
        for bad in [
            "javascript:alert(1)",
            "http://a.b",
            "//evil.example",
            "/\\evil",
            "data:text/html,x",
            "",
            "https://",
            "/a b",
        ] {
            assert!(!is_safe_link(bad), "{bad:?}");
        }
        assert!(is_safe_link("/privacy") && is_safe_link("https://a.example/x?y=z"));
    }
}
