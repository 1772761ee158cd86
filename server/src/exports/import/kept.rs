//! Records, what they said before, and acts. Tokens, what is unique and counts are computed from what the records say, by the code that
//! computes them for any record.

use sea_orm::ActiveValue;
use uuid::Uuid;

use super::{BATCH, Into, Taking};
use crate::entity::{act, record, record_change};
use crate::exports::lines::Row;
use crate::exports::{ExportError, attached};
use crate::guard::AccountId;
use crate::profile::format::{FieldKind, Register};
use crate::registers::content::Content;
use crate::registers::{New, Rows, Sealing, Tokens, slots};

pub(super) async fn write(taking: &mut Taking<'_>, change: Into<'_>) -> Result<(), ExportError> {
    let tokens = change.ring().tokens()?;
    let profile = std::sync::Arc::clone(&taking.accounts.profile);
    let sections: Vec<String> = taking.manifest.sections.iter().map(|section| section.name.clone()).collect();
    for section in sections.iter().filter_map(|name| name.strip_prefix("records/")) {
        let register = profile.registers.iter().find(|register| register.id.get_ref() == section);
        let register = register.ok_or_else(|| ExportError::Archive(format!("there is no register {section} here")))?;
        records(taking, change, register, &tokens).await?;
    }
    history(taking, change).await?;
    acts(taking, change).await?;
    attached::rows(taking, change).await
}

async fn records(
    taking: &mut Taking<'_>,
    change: Into<'_>,
    register: &Register,
    tokens: &Tokens,
) -> Result<(), ExportError> {
    let mut lines = taking.lines(&format!("records/{}", register.id.get_ref()))?;
    loop {
        let batch = lines.some(BATCH)?;
        if batch.is_empty() {
            return Ok(());
        }
        let mut there = Rows::default();
        let mut in_the_bin = Vec::new();
        let sealing = Sealing { tenant: taking.tenant, ring: change.ring(), tokens };
        for row in &batch {
            let new = read(taking, register, row)?;
            match row.at_or_none("removed_at")? {
                None => there.add(&sealing, register, &new)?,
                Some(removed) => in_the_bin.push(removed_row(taking, change, register, &new, removed)?),
            }
        }
        taking.imported.records += batch.len() as u64;
        there.write(change).await?;
        change.insert_many(in_the_bin).await?;
    }
}

fn read(taking: &Taking<'_>, register: &Register, row: &Row) -> Result<New, ExportError> {
    let mut content: Content = row.json("fields")?.unwrap_or_default();
    rename(taking, register, &mut content);
    Ok(New {
        id: row.id("id")?,
        content,
        unit: row.id_or_none("unit_id")?,
        made_by: AccountId(taking.who(row.id("made_by")?)),
        made_at_ms: row.at("made_at")?,
        changed_at_ms: row.at("changed_at")?,
        version: row.small("version")?,
        act: row.id_or_none("act_id")?,
    })
}

/// People who have another id here are called by that.
fn rename(taking: &Taking<'_>, register: &Register, content: &mut Content) {
    for field in register.fields.iter().filter(|field| field.kind == FieldKind::Person) {
        let named = content.all(field.id.get_ref()).iter();
        let named =
            named.map(|value| value.parse::<Uuid>().map_or_else(|_| value.clone(), |id| taking.who(id).to_string()));
        content.set(field.id.get_ref(), named.collect());
    }
}

/// What lies in the bin is found by nothing and counts for nothing; it keeps its numbers for when it comes back.
fn removed_row(
    taking: &Taking<'_>,
    change: Into<'_>,
    register: &Register,
    new: &New,
    removed: i64,
) -> Result<record::ActiveModel, ExportError> {
    let [k1, k2, k3, k4, k5] = slots(register, &new.content).map(ActiveValue::Set);
    Ok(record::ActiveModel {
        tenant_id: ActiveValue::NotSet,
        id: ActiveValue::Set(new.id),
        register: ActiveValue::Set(register.id.get_ref().clone()),
        unit_id: ActiveValue::Set(new.unit),
        content: ActiveValue::Set(new.content.seal(change.ring(), taking.tenant, new.id)?),
        k1,
        k2,
        k3,
        k4,
        k5,
        version: ActiveValue::Set(new.version),
        made_at_ms: ActiveValue::Set(new.made_at_ms),
        made_by: ActiveValue::Set(new.made_by.0),
        changed_at_ms: ActiveValue::Set(new.changed_at_ms),
        act_id: ActiveValue::Set(new.act),
        removed_at_ms: ActiveValue::Set(Some(removed)),
    })
}

async fn history(taking: &Taking<'_>, change: Into<'_>) -> Result<(), ExportError> {
    let mut lines = taking.lines("history")?;
    loop {
        let batch = lines.some(BATCH)?;
        if batch.is_empty() {
            return Ok(());
        }
        let rows = batch.iter().map(|row| before(taking, change, row)).collect::<Result<Vec<_>, _>>()?;
        change.insert_many(rows).await?;
    }
}

fn before(taking: &Taking<'_>, change: Into<'_>, row: &Row) -> Result<record_change::ActiveModel, ExportError> {
    let (id, version) = (row.id("record_id")?, row.small("version")?);
    let content: Option<Content> = row.json("fields")?;
    let sealed = content.map(|content| content.seal_earlier(change.ring(), taking.tenant, id, version)).transpose()?;
    Ok(record_change::ActiveModel {
        tenant_id: ActiveValue::NotSet,
        record_id: ActiveValue::Set(id),
        version: ActiveValue::Set(version),
        kind: ActiveValue::Set(row.text("kind")?),
        at_ms: ActiveValue::Set(row.at("at")?),
        changed_by: ActiveValue::Set(taking.who(row.id("changed_by")?)),
        act_id: ActiveValue::Set(row.id_or_none("act_id")?),
        content: ActiveValue::Set(sealed),
    })
}

async fn acts(taking: &Taking<'_>, change: Into<'_>) -> Result<(), ExportError> {
    let mut lines = taking.lines("acts")?;
    while let Some(row) = lines.next()? {
        let done = act::ActiveModel {
            tenant_id: ActiveValue::NotSet,
            id: ActiveValue::Set(row.id("id")?),
            kind: ActiveValue::Set(row.text("kind")?),
            register: ActiveValue::Set(row.text("register")?),
            state: ActiveValue::Set(row.text("state")?),
            made_at_ms: ActiveValue::Set(row.at("made_at")?),
            made_by: ActiveValue::Set(taking.who(row.id("made_by")?)),
            rows: ActiveValue::Set(row.number("rows")?),
            done_rows: ActiveValue::Set(row.number("done_rows")?),
            first_id: ActiveValue::Set(row.id_or_none("first_id")?),
            last_id: ActiveValue::Set(row.id_or_none("last_id")?),
            touched_at_ms: ActiveValue::Set(row.at("touched_at")?),
            trouble: ActiveValue::Set(row.text_or_none("trouble")?),
        };
        change.insert(done).await?;
    }
    Ok(())
}
