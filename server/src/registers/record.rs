//! One record: what it says, what leads to it, and who changed which field when.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::OffsetDateTime;
use uuid::Uuid;

use super::content::Content;
use super::names::{Behind, name_of};
use super::reached;
use super::shape::{Shape, all};
use crate::clock::from_ms;
use crate::entity::{record, record_change, record_token};
use crate::guard::{Allowed, Right, TenantDb, rights};
use crate::identity::{Accounts, Refusal};
use crate::organisations::names;
use crate::profile::format::Field;

/// Changes that a page shows, newest first.
const CHANGES_SHOWN: u64 = 100;
/// Records that lead to one, as many as a page shows; lists show them all.
const LEADING_SHOWN: u64 = 50;

/// One record as one reader may see it.
#[derive(Clone, Debug)]
pub struct Whole {
    pub id: Uuid,
    pub version: i32,
    pub unit: Option<Uuid>,
    pub content: Content,
    pub behind: Behind,
    pub made_at: OffsetDateTime,
    pub made_by: String,
    pub changed_at: OffsetDateTime,
    pub removed_at: Option<OffsetDateTime>,
    /// Newest first.
    pub history: Vec<Change>,
    /// Records whose links lead here: register, id and name.
    pub leading: Vec<(String, Uuid, String)>,
}

/// What somebody did to a record at one time.
#[derive(Clone, Debug)]
pub struct Change {
    pub kind: Kind,
    pub at: OffsetDateTime,
    pub by: String,
    /// Label of the field, before, after.
    pub fields: Vec<(String, String, String)>,
}

macro_rules! kinds {
    ($($name:ident $word:literal),*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind { $($name),* }

        impl Kind {
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$name),)* _ => None }
            }
        }
    };
}

kinds! { Changed "changed", Removed "removed", Restored "restored", Undone "undone" }

/// The row of a record that somebody may read.
pub(crate) async fn row<R: Right>(
    reader: &Allowed<R>,
    view: &TenantDb,
    register: &str,
    id: Uuid,
) -> Result<Option<record::Model>, Refusal> {
    let row = record::Entity::find()
        .filter(record::Column::Id.eq(id))
        .filter(record::Column::Register.eq(register))
        .filter(reached::condition(reader.here()));
    Ok(view.one(row).await?)
}

/// One record with its history. `None`: unknown, of another register, out of reach, or not this person's to see in the bin.
///
/// # Errors
/// When the database does not answer, or something does not open.
pub async fn whole(
    reader: &Allowed<rights::RecordsRead>,
    accounts: &Accounts,
    shape: &Shape<'_>,
    id: Uuid,
) -> Result<Option<Whole>, Refusal> {
    let view = reader.read().await?;
    let Some(row) = row(reader, &view, shape.id(), id).await? else { return Ok(None) };
    if row.removed_at_ms.is_some() && !shape.deletes() {
        return Ok(None);
    }
    let ring = accounts.vault.within(&view).await?;
    let content = Content::open(&ring, view.tenant(), row.id, &row.content)?;
    let changes = record_change::Entity::find()
        .filter(record_change::Column::RecordId.eq(id))
        .order_by_desc(record_change::Column::Version)
        .limit(CHANGES_SHOWN);
    let mut earlier = Vec::new();
    for change in view.all(changes).await? {
        let before = match &change.content {
            Some(sealed) => Some(Content::open_earlier(&ring, view.tenant(), id, change.version, sealed)?),
            None => None,
        };
        earlier.push((change, before));
    }
    let fields: Vec<&Field> = shape.fields().collect();
    let contents = std::iter::once(&content).chain(earlier.iter().filter_map(|(_, before)| before.as_ref()));
    let behind = Behind::of(&view, accounts, (reader, reader.here()), &fields, contents).await?;
    let people: Vec<Uuid> = earlier.iter().map(|(row, _)| row.changed_by).chain([row.made_by]).collect();
    let people = names::of(&view, accounts, people).await?;
    let history = history(&fields, &behind, &content, earlier, |id| names::called(&people, id));
    let leading = leading(reader, accounts, &view, id).await?;
    Ok(Some(Whole {
        id,
        version: row.version,
        unit: row.unit_id,
        content,
        behind,
        made_at: from_ms(row.made_at_ms),
        made_by: names::called(&people, row.made_by),
        changed_at: from_ms(row.changed_at_ms),
        removed_at: row.removed_at_ms.map(from_ms),
        history,
        leading,
    }))
}

/// Each change says what was before it; what was after is what the next one says was before.
fn history(
    fields: &[&Field],
    behind: &Behind,
    content: &Content,
    earlier: Vec<(record_change::Model, Option<Content>)>,
    called: impl Fn(Uuid) -> String,
) -> Vec<Change> {
    let mut after = content.clone();
    let mut changes = Vec::new();
    for (row, before) in earlier {
        let said = |content: &Content, field: &Field| {
            let values = content.all(field.id.get_ref()).iter();
            values.map(|value| behind.said(field, value)).collect::<Vec<_>>().join(", ")
        };
        let mut differing = Vec::new();
        if let Some(before) = before {
            for field in fields.iter().filter(|field| before.all(field.id.get_ref()) != after.all(field.id.get_ref())) {
                differing.push((field.label.clone(), said(&before, field), said(&after, field)));
            }
            after = before;
        }
        changes.push(Change {
            kind: Kind::parse(&row.kind).unwrap_or(Kind::Changed),
            at: from_ms(row.at_ms),
            by: called(row.changed_by),
            fields: differing,
        });
    }
    changes
}

/// Records of any register that this reader sees and whose links lead to this one.
async fn leading(
    reader: &Allowed<rights::RecordsRead>,
    accounts: &Accounts,
    view: &TenantDb,
    id: Uuid,
) -> Result<Vec<(String, Uuid, String)>, Refusal> {
    let ring = accounts.vault.within(view).await?;
    let token = ring.tokens()?.link(id);
    let rows = record_token::Entity::find()
        .filter(record_token::Column::Token.eq(token))
        .order_by_desc(record_token::Column::RecordId)
        .limit(LEADING_SHOWN);
    let ids: Vec<Uuid> = view.all(rows).await?.into_iter().map(|row| row.record_id).collect();
    let open: BTreeMap<&str, Shape<'_>> =
        all(reader, &accounts.profile).into_iter().map(|shape| (shape.id(), shape)).collect();
    let rows = record::Entity::find()
        .filter(record::Column::Id.is_in(ids))
        .filter(record::Column::RemovedAtMs.is_null())
        .filter(reached::condition(reader.here()))
        .order_by_desc(record::Column::Id);
    let mut leading = Vec::new();
    for row in view.all(rows).await?.into_iter().filter(|row| open.contains_key(row.register.as_str())) {
        let content = Content::open(&ring, view.tenant(), row.id, &row.content)?;
        // A link in a field that this reader may not see is not told by the other end either.
        let seen =
            open[row.register.as_str()].fields().any(|field| content.all(field.id.get_ref()).contains(&id.to_string()));
        if seen {
            let name = name_of(&accounts.profile, &row.register, &content);
            leading.push((row.register, row.id, name));
        }
    }
    Ok(leading)
}
