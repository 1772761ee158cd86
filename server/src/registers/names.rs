//! What stands behind the ids in a record: people by name and address, records by what names them, files by their names.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::content::Content;
use super::reached;
use super::shape::{Shape, find, naming};
use super::value::{kept_instant, wall};
use crate::entity::{membership, record, record_token};
use crate::guard::{Allowed, Belonging, Person, Right, TenantDb};
use crate::identity::address::Address;
use crate::identity::moment::moment;
use crate::identity::{Accounts, Refusal};
use crate::organisations::names::{self, Named};
use crate::profile::format::{Field, FieldKind};
use crate::zone::Zone;

/// The people and records that some contents name.
#[derive(Clone, Debug, Default)]
pub struct Behind {
    people: BTreeMap<Uuid, Named>,
    /// Register and name.
    records: BTreeMap<Uuid, (String, String)>,
    /// How the reader writes dates, and in which zone.
    style: String,
    zone: String,
}

impl Behind {
    pub(crate) async fn of<'a>(
        view: &TenantDb,
        accounts: &Accounts,
        (person, reader): (&Person, &Belonging),
        fields: &[&Field],
        contents: impl Iterator<Item = &'a Content> + Clone,
    ) -> Result<Self, Refusal> {
        let ids = |kind: FieldKind| -> BTreeSet<Uuid> {
            let of_kind = fields.iter().filter(|field| field.kind == kind);
            let values = of_kind.flat_map(|field| contents.clone().flat_map(|content| content.all(field.id.get_ref())));
            values.filter_map(|value| value.parse().ok()).collect()
        };
        let people = names::of(view, accounts, ids(FieldKind::Person)).await?;
        let records = named_records(view, accounts, reader, ids(FieldKind::Link)).await?;
        Ok(Self { people, records, style: person.date_style.clone(), zone: person.time_zone.clone() })
    }

    /// As people read it.
    pub fn said(&self, field: &Field, value: &str) -> String {
        match field.kind {
            FieldKind::Person => value.parse().map_or_else(|_| value.to_owned(), |id| names::called(&self.people, id)),
            FieldKind::Link => match value.parse::<Uuid>().ok().and_then(|id| self.records.get(&id)) {
                Some((_, name)) => name.clone(),
                None => "A record that is gone, or out of your reach".to_owned(),
            },
            FieldKind::Number => match &field.unit {
                Some(unit) => format!("{value} {unit}"),
                None => value.to_owned(),
            },
            FieldKind::Instant => {
                kept_instant(value).map_or_else(|| value.to_owned(), |at| moment(at, &self.style, &self.zone))
            }
            FieldKind::Text
            | FieldKind::LongText
            | FieldKind::Date
            | FieldKind::Choice
            | FieldKind::Choices
            | FieldKind::File
            | FieldKind::Requirement => value.to_owned(),
        }
    }

    /// As it is typed: the address of a person, the name of a record.
    pub fn typed(&self, field: &Field, value: &str) -> String {
        match field.kind {
            FieldKind::Person => {
                let named = value.parse::<Uuid>().ok().and_then(|id| self.people.get(&id));
                named.map_or_else(|| value.to_owned(), |named| named.address.clone())
            }
            FieldKind::Link => {
                let known = value.parse::<Uuid>().ok().and_then(|id| self.records.get(&id));
                known.map_or_else(|| value.to_owned(), |(_, name)| name.clone())
            }
            // As a browser's field for date and time writes it, in the reader's zone.
            FieldKind::Instant => {
                kept_instant(value).map_or_else(|| value.to_owned(), |at| wall(Zone::named(&self.zone).local(at)))
            }
            FieldKind::Text
            | FieldKind::LongText
            | FieldKind::Number
            | FieldKind::Date
            | FieldKind::Choice
            | FieldKind::Choices
            | FieldKind::File
            | FieldKind::Requirement => value.to_owned(),
        }
    }

    /// Where a link leads, if the record is there and in reach.
    pub fn register_of(&self, value: &str) -> Option<&str> {
        let (register, _) = self.records.get(&value.parse::<Uuid>().ok()?)?;
        Some(register)
    }
}

/// What names the records of these ids, as far as they are there and in reach.
pub(crate) async fn named_records(
    view: &TenantDb,
    accounts: &Accounts,
    reader: &Belonging,
    ids: BTreeSet<Uuid>,
) -> Result<BTreeMap<Uuid, (String, String)>, Refusal> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let ring = accounts.vault.within(view).await?;
    let rows = record::Entity::find()
        .filter(record::Column::Id.is_in(ids))
        .filter(record::Column::RemovedAtMs.is_null())
        .filter(reached::condition(reader));
    let mut named = BTreeMap::new();
    for row in view.all(rows).await? {
        let content = Content::open(&ring, view.tenant(), row.id, &row.content)?;
        let name = name_of(&accounts.profile, &row.register, &content);
        named.insert(row.id, (row.register, name));
    }
    Ok(named)
}

/// Members to choose from, by name.
///
/// # Errors
/// When the database does not answer.
pub async fn people<R: Right>(
    reader: &Allowed<R>,
    accounts: &Accounts,
    most: u64,
) -> Result<Vec<(Uuid, Named)>, Refusal> {
    let view = reader.read().await?;
    let rows = membership::Entity::find().filter(membership::Column::Kind.eq("member")).limit(most);
    let ids: Vec<Uuid> = view.all(rows).await?.into_iter().map(|row| row.account_id).collect();
    let mut people: Vec<(Uuid, Named)> = names::of(&view, accounts, ids).await?.into_iter().collect();
    people.sort_by(|(_, one), (_, other)| one.name.cmp(&other.name));
    Ok(people)
}

/// Records of a register to choose from, the newest `most` of them by name. None where this person may not read the register.
///
/// # Errors
/// When the database does not answer.
pub async fn newest<R: Right>(
    reader: &Allowed<R>,
    accounts: &Accounts,
    register: &str,
    most: u64,
) -> Result<Vec<(Uuid, String)>, Refusal> {
    let Ok(shape) = Shape::of(reader, accounts, register) else { return Ok(Vec::new()) };
    let readable = naming(shape.register).is_some_and(|field| shape.reads(field));
    if !readable {
        return Ok(Vec::new());
    }
    let view = reader.read().await?;
    let ring = accounts.vault.within(&view).await?;
    let rows = record::Entity::find()
        .filter(record::Column::Register.eq(register))
        .filter(record::Column::RemovedAtMs.is_null())
        .filter(reached::condition(reader.here()))
        .order_by_desc(record::Column::Id)
        .limit(most);
    let mut newest = Vec::new();
    for row in view.all(rows).await? {
        let content = Content::open(&ring, view.tenant(), row.id, &row.content)?;
        newest.push((row.id, name_of(&accounts.profile, register, &content)));
    }
    newest.sort_by(|(_, one), (_, other)| one.cmp(other));
    Ok(newest)
}

/// What names a record in lists and links.
pub(crate) fn name_of(profile: &crate::profile::Profile, register: &str, content: &Content) -> String {
    let naming = find(profile, register).and_then(naming);
    naming.and_then(|field| content.first(field.id.get_ref())).unwrap_or("Without a name").to_owned()
}

/// Finds the people and records that somebody means by an address or a name. What was found once is remembered for a long import.
#[derive(Debug)]
pub(crate) struct Finder<'a> {
    view: &'a TenantDb,
    accounts: &'a Accounts,
    reader: &'a Belonging,
    people: BTreeMap<String, Option<Uuid>>,
    records: BTreeMap<(String, String), Result<Uuid, String>>,
}

impl<'a> Finder<'a> {
    pub(crate) fn new(view: &'a TenantDb, accounts: &'a Accounts, reader: &'a Belonging) -> Self {
        Self { view, accounts, reader, people: BTreeMap::new(), records: BTreeMap::new() }
    }

    /// The ids behind what was typed. `Err` is a sentence about the field.
    pub(crate) async fn find(
        &mut self,
        field: &Field,
        values: Vec<String>,
    ) -> Result<Result<Vec<String>, String>, Refusal> {
        let mut found = Vec::new();
        for value in values {
            let id = match field.kind {
                FieldKind::Person => {
                    self.person(&value).await?.ok_or_else(|| "nobody here has this address".to_owned())
                }
                FieldKind::Link => {
                    let to = field.links_to.as_ref().map(|to| to.get_ref().clone()).unwrap_or_default();
                    self.record(&to, &value).await?
                }
                FieldKind::Text
                | FieldKind::LongText
                | FieldKind::Number
                | FieldKind::Date
                | FieldKind::Instant
                | FieldKind::Choice
                | FieldKind::Choices
                | FieldKind::File
                | FieldKind::Requirement => {
                    found.push(value);
                    continue;
                }
            };
            match id {
                Ok(id) => found.push(id.to_string()),
                Err(said) => return Ok(Err(said)),
            }
        }
        Ok(Ok(found))
    }

    async fn person(&mut self, typed: &str) -> Result<Option<Uuid>, Refusal> {
        if let Some(known) = self.people.get(typed) {
            return Ok(*known);
        }
        let members = membership::Entity::find().filter(membership::Column::Kind.eq("member"));
        let id = match typed.parse::<Uuid>() {
            Ok(id) => Some(id),
            Err(_) => self.account_of(typed).await?,
        };
        let found = match id {
            Some(id) => self.view.one(members.filter(membership::Column::AccountId.eq(id))).await?,
            None => None,
        };
        let found = found.map(|row| row.account_id);
        self.people.insert(typed.to_owned(), found);
        Ok(found)
    }

    async fn account_of(&self, address: &str) -> Result<Option<Uuid>, Refusal> {
        let Ok(address) = Address::parse(address) else { return Ok(None) };
        let index = address.index(self.accounts.vault.hashes());
        let row = crate::entity::account::Entity::find().filter(crate::entity::account::Column::AddressIndex.eq(index));
        let rows = self.view.unscoped("somebody by an address that a member typed; only members count", row).await?;
        Ok(rows.first().map(|row| row.id))
    }

    async fn record(&mut self, register: &str, typed: &str) -> Result<Result<Uuid, String>, Refusal> {
        let key = (register.to_owned(), typed.to_owned());
        if let Some(known) = self.records.get(&key) {
            return Ok(known.clone());
        }
        let found = self.look_up(register, typed).await?;
        self.records.insert(key, found.clone());
        Ok(found)
    }

    async fn look_up(&self, register: &str, typed: &str) -> Result<Result<Uuid, String>, Refusal> {
        let named: Vec<Uuid> = match typed.parse::<Uuid>() {
            Ok(id) => vec![id],
            Err(_) => by_name(self.view, self.accounts, register, typed).await?,
        };
        let rows = record::Entity::find()
            .filter(record::Column::Register.eq(register))
            .filter(record::Column::Id.is_in(named))
            .filter(record::Column::RemovedAtMs.is_null())
            .filter(reached::condition(self.reader))
            .limit(2);
        Ok(match self.view.all(rows).await?.as_slice() {
            [one] => Ok(one.id),
            [] => Err(format!("no record called \"{typed}\" is there")),
            _ => Err(format!("several records are called \"{typed}\"; write the id of the one that you mean")),
        })
    }
}

/// The records whose name is this, whatever its case.
pub(crate) async fn by_name(
    view: &TenantDb,
    accounts: &Accounts,
    register: &str,
    name: &str,
) -> Result<Vec<Uuid>, Refusal> {
    let token = accounts.vault.within(view).await?.tokens()?.name(register, name);
    let rows = record_token::Entity::find().filter(record_token::Column::Token.eq(token)).limit(3);
    Ok(view.all(rows).await?.into_iter().map(|row| row.record_id).collect())
}
