//! Names and values as an address or a form writes them (WHATWG URL, application/x-www-form-urlencoded): UTF-8 or nothing. What is no text is
//! refused, and never replaced by something that only looks like one.

use contract::problem::Problem;

/// All pairs in their order.
///
/// # Errors
/// The name of the value that is no UTF-8, as far as it can be told, or nothing where the name is none.
pub fn pairs(bytes: &[u8]) -> Result<Vec<(String, String)>, String> {
    let parts = bytes.split(|byte| *byte == b'&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let at = part.iter().position(|byte| *byte == b'=');
            let (name, value) = at.map_or((part, &[][..]), |at| (&part[..at], &part[at + 1..]));
            let name = text(name).ok_or_else(String::new)?;
            text(value).map(|value| (name.clone(), value)).ok_or(name)
        })
        .collect()
}

/// The pairs of an address.
///
/// # Errors
/// [`Problem::NotUnderstood`], with the way to the same address without them.
pub fn of_query(query: &str, path: &str) -> Result<Vec<(String, String)>, Problem> {
    pairs(query.as_bytes()).map_err(|name| Problem::NotUnderstood {
        name: if name.is_empty() { "address".into() } else { shown(&name) },
        message: "this is no text in UTF-8".into(),
        instead: path.to_owned(),
    })
}

/// A name that somebody made up, short and in one line.
pub fn shown(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric() || "_-".contains(*c)).take(32).collect()
}

fn text(part: &[u8]) -> Option<String> {
    let mut plain = Vec::with_capacity(part.len());
    let mut rest = part;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, after) {
            (b'+', _) => plain.push(b' '),
            (b'%', [high, low, after @ ..]) => match hex(*high, *low) {
                Some(byte) => {
                    plain.push(byte);
                    rest = after;
                }
                None => plain.push(b'%'),
            },
            (byte, _) => plain.push(*byte),
        }
    }
    String::from_utf8(plain).ok()
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? * 16 + digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_text_is_read_as_the_standard_says() {
        for text in ["a=1&b=2", "a+b=c%20d", "=&a&&b=", "%41=%C3%BC&x=%EF%BF%BD", "a=%zz%4&b=%", "a==b", "ü=ü"] {
            let standard: Vec<_> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
            assert_eq!(pairs(text.as_bytes()), Ok(standard), "{text}");
        }
    }

    #[test]
    fn what_is_no_text_is_refused_by_its_name() {
        assert_eq!(pairs(b"a=1&name=%FF"), Err("name".to_owned()));
        assert_eq!(pairs(b"name=x\xc3"), Err("name".to_owned()));
        assert_eq!(pairs(b"%C3=x"), Err(String::new()));
        assert_eq!(pairs(b"name=%ED%A0%80"), Err("name".to_owned()), "half of a pair of UTF-16");
    }
}
