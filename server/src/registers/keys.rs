//! What records are found by, written in the order in which it lies.

use sea_orm::ActiveValue;
use uuid::Uuid;

use super::content::Content;
use super::tokens::Tokens;
use crate::entity::record_unique;
use crate::guard::Change;
use crate::identity::Refusal;
use crate::profile::format::Register;

/// What records are found by, and what is unique of them. Those of many records lie all over the index: written in the order of the keys, each
/// of its pages is written once; written record by record, a million records cost thirty times their own size.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    uniques: Vec<(Vec<u8>, Uuid)>,
    tokens: Vec<(i64, Uuid)>,
}

impl Keys {
    pub(crate) fn add(&mut self, tokens: &Tokens, register: &Register, record: Uuid, content: &Content) {
        self.tokens.extend(tokens.of(register, content).into_iter().map(|token| (token, record)));
        self.uniques.extend(tokens.uniques(register, content).into_iter().map(|(_, token)| (token, record)));
    }

    pub(crate) fn len(&self) -> usize {
        self.uniques.len() + self.tokens.len()
    }

    pub(crate) fn append(&mut self, mut more: Self) {
        self.uniques.append(&mut more.uniques);
        self.tokens.append(&mut more.tokens);
    }

    /// In the order in which they lie, at most so many in each.
    pub(crate) fn pieces(mut self, at_most: usize) -> Vec<Self> {
        self.uniques.sort_unstable();
        self.tokens.sort_unstable();
        let uniques = self.uniques.chunks(at_most).map(|some| Self { uniques: some.to_vec(), tokens: Vec::new() });
        let tokens = self.tokens.chunks(at_most).map(|some| Self { uniques: Vec::new(), tokens: some.to_vec() });
        uniques.chain(tokens).collect()
    }

    pub(crate) async fn write(mut self, change: &Change) -> Result<(), Refusal> {
        self.tokens.sort_unstable();
        let mut bulk = change.bulk();
        bulk.rows(self.uniques.into_iter().map(|(token, record)| unique_row(token, record)).collect())?;
        bulk.tokens(&self.tokens)?;
        Ok(change.insert_bulk(bulk).await?)
    }
}

pub(crate) fn unique_row(token: Vec<u8>, record: Uuid) -> record_unique::ActiveModel {
    record_unique::ActiveModel {
        tenant_id: ActiveValue::NotSet,
        token: ActiveValue::Set(token),
        record_id: ActiveValue::Set(record),
    }
}
