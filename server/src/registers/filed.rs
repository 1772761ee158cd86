//! How a record lies in the database: its row, its tokens, what is unique of it, and what it counts for. Put there and taken away in one
//! place, so that none of the four is forgotten.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;
use uuid::Uuid;

use super::act::State;
use super::content::Content;
use super::keys::{Keys, unique_row};
use super::shape::{naming, slot};
use super::tokens::Tokens;
use super::value::key;
use crate::clock::{from_ms, to_ms};
use crate::entity::{act, file, record, record_change, record_count, record_token, record_unique};
use crate::guard::{AccountId, Bulk, Change};
use crate::identity::Refusal;
use crate::profile::format::{FieldKind, Register};

/// What all records of a register count under, beside their values and months.
pub(crate) const EVERY: &str = "*all";
pub(crate) const MONTH: &str = "*month";

/// Counts that go up and down with what is put there and taken away.
#[derive(Debug, Default)]
pub(crate) struct Counts(BTreeMap<(String, String, i64), i64>);

impl Counts {
    /// `by` is 1 for a record that comes and -1 for one that goes.
    fn add(&mut self, register: &Register, slots: &[Option<i64>; 5], made_at_ms: i64, by: i64) {
        let mut add = |what: &str, value: i64| {
            *self.0.entry((register.id.get_ref().clone(), what.to_owned(), value)).or_default() += by;
        };
        add(EVERY, 0);
        add(MONTH, month(from_ms(made_at_ms)));
        for field in register.fields.iter().filter(|field| field.kind == FieldKind::Choice) {
            let held = slot(field).and_then(|slot| slots.get(slot - 1).copied().flatten());
            if let Some(value) = held {
                add(field.id.get_ref(), value);
            }
        }
    }

    pub(crate) async fn write(self, change: &Change) -> Result<(), Refusal> {
        for ((register, what, value), by) in self.0.into_iter().filter(|(_, by)| *by != 0) {
            let row = record_count::ActiveModel {
                tenant_id: ActiveValue::NotSet,
                register: ActiveValue::Set(register),
                what: ActiveValue::Set(what),
                value: ActiveValue::Set(value),
                count: ActiveValue::Set(by),
            };
            let keys = [
                record_count::Column::TenantId,
                record_count::Column::Register,
                record_count::Column::What,
                record_count::Column::Value,
            ];
            let count = Expr::col((record_count::Entity, record_count::Column::Count)).add(by);
            let added = OnConflict::columns(keys).value(record_count::Column::Count, count).to_owned();
            change.upsert(row, added).await?;
        }
        Ok(())
    }
}

/// Year and month as one number: 202611.
pub(crate) fn month(at: OffsetDateTime) -> i64 {
    i64::from(at.year()) * 100 + i64::from(u8::from(at.month()))
}

/// A record that is to lie in the database.
#[derive(Debug)]
pub(crate) struct New {
    pub id: Uuid,
    pub content: Content,
    pub unit: Option<Uuid>,
    pub made_by: AccountId,
    pub made_at_ms: i64,
    pub changed_at_ms: i64,
    pub version: i32,
    pub act: Option<Uuid>,
}

/// Where records of one register are put in one change.
pub(crate) struct Shelf<'a> {
    change: &'a Change,
    register: &'a Register,
    tokens: Tokens,
    counts: Counts,
}

impl std::fmt::Debug for Shelf<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shelf({})", self.register.id.get_ref())
    }
}

/// The rows of records, made where there is no database: sealing and hashing can be done beside the writer.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    records: Vec<record::ActiveModel>,
    keys: Keys,
    counts: Counts,
}

pub(crate) fn slots(register: &Register, content: &Content) -> [Option<i64>; 5] {
    let mut slots = [None; 5];
    for field in &register.fields {
        if let (Some(at), Some(value)) = (slot(field), content.first(field.id.get_ref()))
            && let Some(place) = slots.get_mut(at - 1)
        {
            *place = key(field, value);
        }
    }
    slots
}

impl Rows {
    pub(crate) fn add(&mut self, change: &Sealing<'_>, register: &Register, new: &New) -> Result<(), Refusal> {
        let slots = slots(register, &new.content);
        let set = ActiveValue::Set::<Option<i64>>;
        let [k1, k2, k3, k4, k5] = slots;
        self.records.push(record::ActiveModel {
            tenant_id: ActiveValue::NotSet,
            id: ActiveValue::Set(new.id),
            register: ActiveValue::Set(register.id.get_ref().clone()),
            unit_id: ActiveValue::Set(new.unit),
            content: ActiveValue::Set(new.content.seal(change.ring, change.tenant, new.id)?),
            k1: set(k1),
            k2: set(k2),
            k3: set(k3),
            k4: set(k4),
            k5: set(k5),
            version: ActiveValue::Set(new.version),
            made_at_ms: ActiveValue::Set(new.made_at_ms),
            made_by: ActiveValue::Set(new.made_by.0),
            changed_at_ms: ActiveValue::Set(new.changed_at_ms),
            act_id: ActiveValue::Set(new.act),
            removed_at_ms: ActiveValue::Set(None),
        });
        self.keys.add(change.tokens, register, new.id, &new.content);
        self.counts.add(register, &slots, new.made_at_ms, 1);
        Ok(())
    }

    /// The records made into statements of what `bulk` is for, and their keys, which are still to be written.
    pub(crate) fn ready(self, mut bulk: Bulk) -> Result<(Ready, Keys), Refusal> {
        bulk.rows(self.records)?;
        Ok((Ready { bulk, counts: self.counts }, self.keys))
    }

    pub(crate) async fn write(self, change: &Change) -> Result<(), Refusal> {
        let (records, keys) = self.ready(change.bulk())?;
        records.write(change).await?;
        keys.write(change).await
    }
}

/// Rows of records to which only the database is missing, without their keys.
#[derive(Debug)]
pub(crate) struct Ready {
    bulk: Bulk,
    counts: Counts,
}

impl Ready {
    pub(crate) async fn write(self, change: &Change) -> Result<(), Refusal> {
        change.insert_bulk(self.bulk).await?;
        self.counts.write(change).await
    }
}

/// What it takes to make rows without a database.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sealing<'a> {
    pub tenant: crate::guard::TenantId,
    pub ring: &'a crate::vault::Keyring,
    pub tokens: &'a Tokens,
}

impl<'a> Shelf<'a> {
    pub(crate) fn of(change: &'a Change, register: &'a Register) -> Result<Self, Refusal> {
        let tokens = change.ring().tokens()?;
        Ok(Self { change, register, tokens, counts: Counts::default() })
    }

    fn sealing(&self) -> Sealing<'_> {
        Sealing { tenant: self.change.tenant(), ring: self.change.ring(), tokens: &self.tokens }
    }

    pub(crate) fn open(&self, row: &record::Model) -> Result<Content, Refusal> {
        Ok(Content::open(self.change.ring(), self.change.tenant(), row.id, &row.content)?)
    }

    /// The fields whose value another record of the register has.
    pub(crate) async fn taken(&self, content: &Content, own: Option<Uuid>) -> Result<Vec<String>, Refusal> {
        let mut taken = Vec::new();
        for (field, token) in self.tokens.uniques(self.register, content) {
            let same = record_unique::Entity::find().filter(record_unique::Column::Token.eq(token));
            if self.change.one(same).await?.is_some_and(|row| Some(row.record_id) != own) {
                taken.push(field);
            }
        }
        Ok(taken)
    }

    pub(crate) async fn put(&mut self, new: &New) -> Result<(), Refusal> {
        let mut rows = Rows::default();
        rows.add(&self.sealing(), self.register, new)?;
        rows.write(self.change).await
    }

    /// Whoever changes a record that is still being imported is asked to wait: what it is found by would be written after it, as it was before.
    async fn demand_whole(&self, row: &record::Model) -> Result<(), Refusal> {
        let Some(act) = row.act_id else { return Ok(()) };
        let coming =
            act::Entity::find().filter(act::Column::Id.eq(act)).filter(act::Column::State.eq(State::Running.word()));
        if self.change.one(coming).await?.is_none() {
            return Ok(());
        }
        Err(Refusal::Conflict(
            "This is still being imported, and nothing was saved. Try again when that is done.".into(),
        ))
    }

    /// Puts other content in a record's place: the row is changed, and of tokens only what differs.
    pub(crate) async fn replace(
        &mut self,
        row: &record::Model,
        before: &Content,
        after: &Content,
        unit: Option<Uuid>,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        self.demand_whole(row).await?;
        self.put_in_place(row, before, after, unit, now).await
    }

    /// Nobody's departure waits for an import. That is safe for whoever came to the record by the one token that differs: it is written already.
    pub(crate) async fn put_in_place(
        &mut self,
        row: &record::Model,
        before: &Content,
        after: &Content,
        unit: Option<Uuid>,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        let (was, is) = (slots(self.register, before), slots(self.register, after));
        let sealed = after.seal(self.change.ring(), self.change.tenant(), row.id)?;
        let mut set = record::Entity::update_many()
            .col_expr(record::Column::Content, Expr::value(sealed))
            .col_expr(record::Column::UnitId, Expr::value(unit))
            .col_expr(record::Column::Version, Expr::value(row.version + 1))
            .col_expr(record::Column::ChangedAtMs, Expr::value(to_ms(now)))
            .filter(record::Column::Id.eq(row.id))
            .filter(record::Column::Version.eq(row.version));
        let columns =
            [record::Column::K1, record::Column::K2, record::Column::K3, record::Column::K4, record::Column::K5];
        for (column, value) in columns.into_iter().zip(is) {
            set = set.col_expr(column, Expr::value(value));
        }
        if self.change.update(set).await? == 0 {
            return Err(changed_meanwhile());
        }
        let (old, new) = (self.tokens.of(self.register, before), self.tokens.of(self.register, after));
        self.drop_tokens(row.id, old.difference(&new).copied()).await?;
        self.add_tokens(row.id, new.difference(&old).copied()).await?;
        let (old, new) = (self.tokens.uniques(self.register, before), self.tokens.uniques(self.register, after));
        if old != new {
            self.drop_uniques(row.id, old.into_iter().map(|(_, token)| token)).await?;
            self.change.insert_many(new.into_iter().map(|(_, token)| unique_row(token, row.id)).collect()).await?;
        }
        self.counts.add(self.register, &was, row.made_at_ms, -1);
        self.counts.add(self.register, &is, row.made_at_ms, 1);
        Ok(())
    }

    /// Takes a record into the bin: it is found no more, and what was unique of it is free again.
    pub(crate) async fn remove(
        &mut self,
        row: &record::Model,
        content: &Content,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        self.mark(row, Some(to_ms(now)), now).await?;
        self.unfind(row, content).await
    }

    /// Says since when a record lies in the bin, or that it does not.
    async fn mark(&self, row: &record::Model, removed: Option<i64>, now: OffsetDateTime) -> Result<(), Refusal> {
        self.demand_whole(row).await?;
        let set = record::Entity::update_many()
            .col_expr(record::Column::RemovedAtMs, Expr::value(removed))
            .col_expr(record::Column::Version, Expr::value(row.version + 1))
            .col_expr(record::Column::ChangedAtMs, Expr::value(to_ms(now)))
            .filter(record::Column::Id.eq(row.id))
            .filter(record::Column::Version.eq(row.version));
        if self.change.update(set).await? == 0 { Err(changed_meanwhile()) } else { Ok(()) }
    }

    /// Destroys a record that is in no bin.
    pub(crate) async fn destroy(&mut self, row: &record::Model, content: &Content) -> Result<(), Refusal> {
        self.change.delete(record::Entity::delete_many().filter(record::Column::Id.eq(row.id))).await?;
        self.unfind(row, content).await
    }

    async fn unfind(&mut self, row: &record::Model, content: &Content) -> Result<(), Refusal> {
        self.drop_tokens(row.id, self.tokens.of(self.register, content)).await?;
        self.drop_uniques(row.id, self.tokens.uniques(self.register, content).into_iter().map(|(_, token)| token))
            .await?;
        self.counts.add(self.register, &slots(self.register, content), row.made_at_ms, -1);
        Ok(())
    }

    /// Brings a record back from the bin.
    pub(crate) async fn bring_back(
        &mut self,
        row: &record::Model,
        content: &Content,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        self.mark(row, None, now).await?;
        self.add_tokens(row.id, self.tokens.of(self.register, content)).await?;
        let uniques = self.tokens.uniques(self.register, content).into_iter();
        self.change.insert_many(uniques.map(|(_, token)| unique_row(token, row.id)).collect()).await?;
        self.counts.add(self.register, &slots(self.register, content), row.made_at_ms, 1);
        Ok(())
    }

    async fn add_tokens(&self, record: Uuid, tokens: impl IntoIterator<Item = i64>) -> Result<(), Refusal> {
        let tokens: Vec<_> = tokens.into_iter().map(|token| (token, record)).collect();
        let mut bulk = self.change.bulk();
        bulk.tokens(&tokens)?;
        Ok(self.change.insert_bulk(bulk).await?)
    }

    async fn drop_tokens(&self, record: Uuid, tokens: impl IntoIterator<Item = i64>) -> Result<(), Refusal> {
        let tokens: BTreeSet<i64> = tokens.into_iter().collect();
        if tokens.is_empty() {
            return Ok(());
        }
        let gone = record_token::Entity::delete_many()
            .filter(record_token::Column::Token.is_in(tokens))
            .filter(record_token::Column::RecordId.eq(record));
        self.change.delete(gone).await?;
        Ok(())
    }

    async fn drop_uniques(&self, record: Uuid, tokens: impl Iterator<Item = Vec<u8>>) -> Result<(), Refusal> {
        let tokens: Vec<Vec<u8>> = tokens.collect();
        if tokens.is_empty() {
            return Ok(());
        }
        let gone = record_unique::Entity::delete_many()
            .filter(record_unique::Column::Token.is_in(tokens))
            .filter(record_unique::Column::RecordId.eq(record));
        self.change.delete(gone).await?;
        Ok(())
    }

    /// Before the change is committed: what it all comes to.
    pub(crate) async fn count(self) -> Result<(), Refusal> {
        self.counts.write(self.change).await
    }
}

pub(crate) fn changed_meanwhile() -> Refusal {
    Refusal::Conflict("Somebody changed this record meanwhile, and nothing was saved. Open it again.".into())
}

/// Puts a record with nothing but a name there, for whoever looks whether records are kept as they should be.
pub(crate) async fn plant(
    change: &Change,
    register: &Register,
    name: &str,
    by: AccountId,
    now: OffsetDateTime,
) -> Result<Uuid, Refusal> {
    let mut content = Content::default();
    if let Some(field) = naming(register) {
        content.set(field.id.get_ref(), vec![name.to_owned()]);
    }
    let (id, at) = (Uuid::now_v7(), to_ms(now));
    let new = New { id, content, unit: None, made_by: by, made_at_ms: at, changed_at_ms: at, version: 1, act: None };
    let mut shelf = Shelf::of(change, register)?;
    shelf.put(&new).await?;
    shelf.count().await?;
    Ok(id)
}

/// Destroys all records of an organisation, with everything about them.
pub(crate) async fn erase(change: &Change) -> Result<(), Refusal> {
    change.delete(record::Entity::delete_many()).await?;
    change.delete(record_token::Entity::delete_many()).await?;
    change.delete(record_unique::Entity::delete_many()).await?;
    change.delete(record_change::Entity::delete_many()).await?;
    change.delete(record_count::Entity::delete_many()).await?;
    change.delete(act::Entity::delete_many()).await?;
    change.delete(file::Entity::delete_many()).await?;
    Ok(())
}
