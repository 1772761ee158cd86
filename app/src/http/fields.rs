//! The body of a change as named texts: a form or one JSON object, nothing nested, nothing twice, nothing that the row does not name.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use contract::access::{Endpoint, FURTHER};
use contract::problem::Problem;
use futures::future::ready;
use futures::stream::once;
use serde_json::Value;

use super::csrf;

#[derive(Clone, Debug, Default)]
pub struct Fields(BTreeMap<String, String>, Option<File>);

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
        let broken = |_| Problem::field("body", "the parts of the form cannot be read");
        let mut parts = multer::Multipart::new(once(ready(Ok::<_, std::io::Error>(body))), boundary);
        let (mut fields, mut file) = (BTreeMap::new(), None);
        while let Some(part) = parts.next_field().await.map_err(broken)? {
            let name = part.name().unwrap_or_default().to_owned();
            if name == FILE {
                let named = part.file_name().unwrap_or_default().to_owned();
                let bytes = part.bytes().await.map_err(broken)?;
                // A field for a file that was left empty comes without a name and without content.
                file = (!bytes.is_empty()).then_some(File { name: named, bytes });
            } else {
                put(&mut fields, row, name, &part.text().await.map_err(broken)?)?;
            }
        }
        Ok(Self(fields, file))
    }

    pub fn file(&self) -> Option<&File> {
        self.1.as_ref()
    }

    fn of_texts(kind: &Kind, body: &Bytes, row: &Endpoint) -> Result<Self, Problem> {
        let pairs: Vec<(String, String)> = match kind {
            Kind::Form | Kind::Parts(_) => form_urlencoded::parse(body).into_owned().collect(),
            Kind::Json => match serde_json::from_slice(body) {
                Ok(Value::Object(object)) => object.into_iter().map(text).collect::<Result<_, _>>()?,
                Ok(_) | Err(_) => return Err(Problem::field("body", "send one JSON object of texts")),
            },
        };
        let mut fields = BTreeMap::new();
        for (name, value) in pairs {
            put(&mut fields, row, name, &value)?;
        }
        Ok(Self(fields, None))
    }

    /// Exactly the fields of the row, none of the rest.
    ///
    /// # Errors
    /// Names the field that is unknown or missing.
    pub fn fit(&self, row: &Endpoint) -> Result<(), Problem> {
        let further = row.fields.contains(&FURTHER);
        let known = |name: &str| further || row.fields.contains(&name) || name == csrf::FIELD;
        if let Some(unknown) = self.0.keys().find(|name| !known(name)) {
            return Err(Problem::field(unknown, format!("there is no field \"{}\" here", shown(unknown))));
        }
        let missing = row.fields.iter().find(|name| !row.optional.contains(name) && self.get(name).is_empty());
        missing.map_or(Ok(()), |name| Err(Problem::field(name, "fill this in")))
    }

    /// What was sent, or nothing.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    pub fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// What a row with further fields got beside those that it names.
    pub fn further(&self, row: &Endpoint) -> BTreeMap<String, String> {
        let named = |name: &str| row.fields.contains(&name) || name == csrf::FIELD;
        self.0.iter().filter(|(name, _)| !named(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    pub fn token(&self) -> Option<&str> {
        self.optional(csrf::FIELD)
    }

    /// What may be shown again: everything but secrets.
    pub fn shown_again(&self) -> BTreeMap<String, String> {
        let secret = |name: &str| matches!(name, "password" | "current_password" | "code" | csrf::FIELD);
        self.0.iter().filter(|(name, _)| !secret(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// A name that somebody made up, short and in one line.
fn shown(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric() || "_-".contains(*c)).take(32).collect()
}

fn text((name, value): (String, Value)) -> Result<(String, String), Problem> {
    match value {
        Value::String(text) => Ok((name, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Err(Problem::field(&name, "this has to be a text"))
        }
    }
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
        assert_eq!((read.get("nature"), read.fit(edit)), ("\nA\nB", Ok(())));
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
        assert_eq!(read(&Kind::Form, full).expect("read").fit(row), Ok(()));
        for extra in ["role=Owner", "organisation_id=1", "is_admin=true", "disabled_at_ms=1"] {
            let fields = Fields::of_texts(&Kind::Form, &Bytes::from(format!("{full}&{extra}")), row).expect("read");
            assert!(matches!(fields.fit(row), Err(Problem::Invalid { .. })), "{extra}");
        }
        assert!(read(&Kind::Form, "email=a").expect("read").fit(row).is_err());
    }

    #[test]
    fn what_is_nested_twice_or_no_object_is_refused() {
        for bad in ["[]", "1", "{", "{\"a\":{\"b\":\"c\"}}", "{\"a\":1}", ""] {
            assert!(read(&Kind::Json, bad).is_err(), "{bad}");
        }
        assert!(read(&Kind::Form, "a=1&a=2").is_err());
    }

    #[test]
    fn secrets_are_not_shown_again() {
        let fields = read(&Kind::Form, "email=a&password=b&current_password=c&code=d&csrf=e").expect("read");
        assert_eq!(fields.shown_again().keys().collect::<Vec<_>>(), ["email"]);
    }
}
