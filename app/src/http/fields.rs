//! The body of a change as named texts: a form or one JSON object, nothing nested, nothing twice, nothing that the row does not name.

use std::collections::BTreeMap;
use std::fmt;

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use contract::access::{Endpoint, FURTHER};
use contract::problem::Problem;
use futures::future::ready;
use futures::stream::once;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::csrf;
use super::pairs::{self, shown};

#[derive(Clone, Debug, Default)]
pub struct Fields {
    texts: BTreeMap<String, String>,
    file: Option<File>,
    /// What JSON has that is no text: its name, and what it is.
    odd: BTreeMap<String, &'static str>,
}

/// A file that came with a form: its name as the browser says it, and its bytes.
#[derive(Clone, Debug)]
pub struct File {
    pub name: String,
    pub bytes: Bytes,
}

/// The field of a file.
const FILE: &str = "file";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Form,
    Json,
    /// A form with a file, by the boundary between its parts.
    Parts(String),
}

/// The type of the body, if it is one that we take: a browser sends no other without asking first.
///
/// # Errors
/// [`Problem::OtherType`].
pub fn kind(headers: &HeaderMap, row: &Endpoint) -> Result<Kind, Problem> {
    let named = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match named.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/x-www-form-urlencoded" => Ok(Kind::Form),
        "application/json" => Ok(Kind::Json),
        "multipart/form-data" if row.fields.contains(&FILE) => {
            multer::parse_boundary(named).map(Kind::Parts).map_err(|_| Problem::OtherType)
        }
        _ => Err(Problem::OtherType),
    }
}

/// What stands between the values of a field that may be sent several times: boxes of one name that are ticked come one by one, and a set
/// is what they mean. Other fields are sent once.
fn joint(row: &Endpoint, name: &str) -> Option<char> {
    match name {
        "permissions" => Some(' '),
        "records" | "requirements" | "items" | "reviewer" | "second" | "third" => Some('\n'),
        csrf::FIELD => None,
        name => (row.fields.contains(&FURTHER) && !row.fields.contains(&name)).then_some('\n'),
    }
}

/// Puts one more value where it belongs.
fn put(fields: &mut BTreeMap<String, String>, row: &Endpoint, name: String, value: &str) -> Result<(), Problem> {
    match (fields.get_mut(&name), joint(row, &name)) {
        (Some(before), Some(joint)) => {
            before.push(joint);
            before.push_str(value);
        }
        (Some(_), None) => {
            return Err(Problem::field(&name, format!("the field \"{}\" was sent twice", shown(&name))));
        }
        (None, _) => {
            fields.insert(name, value.to_owned());
        }
    }
    Ok(())
}

impl Fields {
    /// # Errors
    /// When the body is not what its type says, or names a field twice.
    pub async fn read(kind: &Kind, body: &Bytes, row: &Endpoint) -> Result<Self, Problem> {
        match kind {
            Kind::Form | Kind::Json => Self::of_texts(kind, body, row),
            Kind::Parts(boundary) => Self::of_parts(boundary, body.clone(), row).await,
        }
    }

    /// Texts as in any form, and at most one file.
    async fn of_parts(boundary: &str, body: Bytes, row: &Endpoint) -> Result<Self, Problem> {
        let broken = |_| Problem::unreadable("the parts of the form cannot be read");
        let mut parts = multer::Multipart::new(once(ready(Ok::<_, std::io::Error>(body))), boundary);
        let (mut fields, mut file) = (BTreeMap::new(), None);
        while let Some(part) = parts.next_field().await.map_err(broken)? {
            let name = part.name().unwrap_or_default().to_owned();
            if name == FILE {
                let named = part.file_name().unwrap_or_default().to_owned();
                let bytes = part.bytes().await.map_err(broken)?;
                // A field for a file that was left empty comes without a name and without content. A file with a name that is empty is one.
                file = (!bytes.is_empty() || !named.is_empty()).then_some(File { name: named, bytes });
            } else {
                let text = String::from_utf8(part.bytes().await.map_err(broken)?.into());
                put(&mut fields, row, name.clone(), &text.map_err(|_| no_text(&name))?)?;
            }
        }
        Ok(Self { texts: fields, file, ..Self::default() })
    }

    /// The texts of a form with a file of which only the beginning is there.
    pub async fn before_the_cut(kind: &Kind, body: Bytes, row: &Endpoint) -> Self {
        let Kind::Parts(boundary) = kind else { return Self::default() };
        let mut parts = multer::Multipart::new(once(ready(Ok::<_, std::io::Error>(body))), boundary);
        let mut fields = BTreeMap::new();
        while let Ok(Some(part)) = parts.next_field().await {
            let name = part.name().unwrap_or_default().to_owned();
            if name == FILE {
                continue;
            }
            let text = part.bytes().await.ok().and_then(|bytes| String::from_utf8(bytes.into()).ok());
            let Some(Ok(())) = text.map(|text| put(&mut fields, row, name, &text)) else { break };
        }
        Self { texts: fields, ..Self::default() }
    }

    pub fn file(&self) -> Option<&File> {
        self.file.as_ref()
    }

    fn of_texts(kind: &Kind, body: &Bytes, row: &Endpoint) -> Result<Self, Problem> {
        let (mut texts, mut odd) = (BTreeMap::new(), BTreeMap::new());
        match kind {
            Kind::Form | Kind::Parts(_) => {
                for (name, value) in pairs::pairs(body).map_err(|name| no_text(&name))? {
                    put(&mut texts, row, name, &value)?;
                }
            }
            Kind::Json => {
                for (name, value) in object(body)? {
                    if let Value::String(text) = value {
                        put(&mut texts, row, name, &text)?;
                    } else {
                        odd.insert(name, what_it_is(&value));
                    }
                }
            }
        }
        Ok(Self { texts, file: None, odd })
    }

    /// Exactly the fields of the row, none of the rest, and all of them texts. Where a row takes further fields, `there` says whether one of
    /// that name is there.
    ///
    /// # Errors
    /// Names the fields that are unknown, of another kind or missing.
    pub fn fit(&self, row: &Endpoint, there: impl Fn(&str) -> bool) -> Result<(), Problem> {
        let named = |name: &str| row.fields.contains(&name) || name == csrf::FIELD;
        let further = row.fields.contains(&FURTHER);
        let unknown = self.texts.keys().filter(|name| !further && !named(name)).map(|name| (name, no_field(name)));
        let odd = self.odd.iter().map(|(name, what)| {
            let known = named(name) || (further && there(name));
            let kind = || format!("this has to be a text in quotes; {what} was sent");
            (name, if known { kind() } else { no_field(name) })
        });
        let mut errors: Vec<(String, String)> = unknown.chain(odd).map(|(name, said)| (name.clone(), said)).collect();
        match errors.len() {
            0 => {}
            1 => {
                let (name, said) = errors.remove(0);
                return Err(Problem::field(&name, said));
            }
            _ => return Err(Problem::InvalidFields { errors }),
        }
        let missing = row.fields.iter().find(|name| !row.optional.contains(name) && self.get(name).is_empty());
        missing.map_or(Ok(()), |name| Err(Problem::field(name, "fill this in")))
    }

    /// What was sent, or nothing.
    pub fn get(&self, name: &str) -> &str {
        self.texts.get(name).map(String::as_str).unwrap_or_default()
    }

    pub fn optional(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// What a row with further fields got beside those that it names.
    pub fn further(&self, row: &Endpoint) -> BTreeMap<String, String> {
        let named = |name: &str| row.fields.contains(&name) || name == csrf::FIELD;
        self.texts.iter().filter(|(name, _)| !named(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    pub fn token(&self) -> Option<&str> {
        self.optional(csrf::FIELD)
    }

    /// What may be shown again: everything but secrets.
    pub fn shown_again(&self) -> BTreeMap<String, String> {
        let secret = |name: &str| matches!(name, "password" | "current_password" | "code" | csrf::FIELD);
        self.texts.iter().filter(|(name, _)| !secret(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

fn no_field(name: &str) -> String {
    format!("there is no field \"{}\" here", shown(name))
}

fn no_text(name: &str) -> Problem {
    match shown(name).as_str() {
        "" => Problem::unreadable("a name in it is no text in UTF-8"),
        name => Problem::unreadable(format!("what stands in \"{name}\" is no text in UTF-8")),
    }
}

/// What a value of JSON is, if it is no text.
fn what_it_is(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// One object, name by name, with what it says twice.
struct Object(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Named)
    }
}

struct Named;

impl<'de> Visitor<'de> for Named {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one JSON object of texts")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Object, M::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Object(pairs))
    }
}

fn object(body: &[u8]) -> Result<Vec<(String, Value)>, Problem> {
    serde_json::from_slice(body).map(|Object(pairs)| pairs).map_err(|error| {
        if error.is_data() {
            return Problem::field("body", "send one JSON object of texts");
        }
        let place = format!("line {}, column {}", error.line(), error.column());
        Problem::unreadable(format!("this is no JSON in UTF-8; it cannot be read from {place} on"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::access::ENDPOINTS;

    fn row(name: &str) -> &'static Endpoint {
        ENDPOINTS.iter().find(|row| row.name == name).expect("row")
    }

    fn read(kind: &Kind, body: &'static str) -> Result<Fields, Problem> {
        Fields::of_texts(kind, &Bytes::from_static(body.as_bytes()), row("sign-up"))
    }

    #[test]
    fn boxes_of_one_name_are_one_set_where_the_profile_names_the_fields_and_nowhere_else() {
        let of = |row: &Endpoint, body: &'static str| {
            Fields::of_texts(&Kind::Form, &Bytes::from_static(body.as_bytes()), row)
        };
        let edit = row("edit-record");
        let read = of(edit, "record=1&nature=&nature=A&nature=B&csrf=x").expect("read");
        assert_eq!((read.get("nature"), read.fit(edit, |_| true)), ("\nA\nB", Ok(())));
        assert_eq!(read.further(edit).keys().collect::<Vec<_>>(), ["nature"]);
        for twice in ["record=1&record=2", "version=1&version=2", "csrf=1&csrf=2"] {
            assert!(of(edit, twice).is_err(), "{twice}");
        }
        assert_eq!(of(row("delete-records"), "records=1&records=2").expect("read").get("records"), "1\n2");
        assert!(of(row("create-unit"), "name=1&name=2").is_err());
    }

    #[test]
    fn a_field_that_the_row_does_not_name_is_refused() {
        let row = row("sign-up");
        let full = "email=a&name=b&organisation=c&password=d&csrf=e";
        assert_eq!(read(&Kind::Form, full).expect("read").fit(row, |_| false), Ok(()));
        for extra in ["role=Owner", "organisation_id=1", "is_admin=true", "disabled_at_ms=1"] {
            let fields = Fields::of_texts(&Kind::Form, &Bytes::from(format!("{full}&{extra}")), row).expect("read");
            assert!(matches!(fields.fit(row, |_| false), Err(Problem::Invalid { .. })), "{extra}");
        }
        assert!(read(&Kind::Form, "email=a").expect("read").fit(row, |_| false).is_err());
    }

    #[test]
    fn what_is_nested_twice_or_no_object_is_refused() {
        for (bad, status) in
            [("[]", 422), ("1", 422), ("{", 400), ("", 400), ("{} x", 400), ("{\"a\":\"\\ud800\"}", 400)]
        {
            assert_eq!(read(&Kind::Json, bad).expect_err(bad).status(), status, "{bad}");
        }
        for bad in ["{\"email\":{\"b\":\"c\"}}", "{\"email\":1}"] {
            assert!(read(&Kind::Json, bad).expect("JSON").fit(row("sign-up"), |_| false).is_err(), "{bad}");
        }
        assert!(read(&Kind::Json, "{\"email\":\"a\",\"email\":\"b\"}").is_err());
        assert!(read(&Kind::Form, "a=1&a=2").is_err());
    }

    #[test]
    fn what_is_no_text_in_utf_8_is_refused_and_never_replaced() {
        let of = |kind: &Kind, body: &'static [u8]| Fields::of_texts(kind, &Bytes::from_static(body), row("sign-up"));
        for body in [b"name=%FF".as_slice(), b"name=\xff", b"%C3=x", b"name=%ED%A0%80"] {
            assert_eq!(of(&Kind::Form, body).expect_err("no text").status(), 400, "{body:?}");
        }
        assert_eq!(of(&Kind::Json, b"{\"name\":\"\xff\"}").expect_err("no text").status(), 400);
        let kept = of(&Kind::Form, "name=%EF%BF%BDß".as_bytes()).expect("text");
        assert_eq!(kept.get("name"), "\u{fffd}ß", "somebody may have typed it");
    }

    #[test]
    fn json_with_a_name_that_is_not_there_is_told_so_whatever_stands_in_it() {
        let said = |row: &Endpoint, body: &'static str, there: &str| {
            let read = Fields::of_texts(&Kind::Json, &Bytes::from_static(body.as_bytes()), row).expect("JSON");
            read.fit(row, |name| name == there)
                .expect_err("odd")
                .blames()
                .into_iter()
                .map(|(_, said)| said)
                .collect::<Vec<_>>()
        };
        let (sign_up, edit) = (row("sign-up"), row("edit-record"));
        assert_eq!(said(sign_up, "{\"nope\":1}", ""), ["there is no field \"nope\" here"]);
        assert_eq!(said(sign_up, "{\"email\":1}", ""), ["this has to be a text in quotes; a number was sent"]);
        assert_eq!(said(edit, "{\"nope\":[]}", "hobbs"), ["there is no field \"nope\" here"]);
        assert_eq!(said(edit, "{\"hobbs\":7}", "hobbs"), ["this has to be a text in quotes; a number was sent"]);
        assert_eq!(said(sign_up, "{\"nope\":\"x\",\"email\":null}", "").len(), 2);
    }

    #[test]
    fn secrets_are_not_shown_again() {
        let fields = read(&Kind::Form, "email=a&password=b&current_password=c&code=d&csrf=e").expect("read");
        assert_eq!(fields.shown_again().keys().collect::<Vec<_>>(), ["email"]);
    }
}
