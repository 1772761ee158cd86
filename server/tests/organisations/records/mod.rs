//! What organisations keep: made, found, changed, removed, imported, undone; and never seen by anybody else.

mod acts;
mod apart;
mod found;
mod imports;
mod planned;
mod single;

pub use apart::count;
use server::guard::rights;
use server::identity::Refusal;
use server::registers::edit::{self, Typed};
use server::registers::list::{self, Listed, Query};
use server::registers::record::{self, Whole};
use server::registers::shape::Shape;
use server::testing::World;
use uuid::Uuid;

use crate::common::*;

/// A profile, a register of it, and what a record of that needs.
type Simple = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// In each mode, a register in which nobody has to be named.
pub const SIMPLE: &[Simple] = &[
    (
        "aertous",
        "policies",
        &[("title", "Zoë's Café"), ("edition", "1"), ("status", "Draft"), ("next_review", "2027-01-01")],
    ),
    ("stratuslog", "aircraft", &[("registration", "N123AB"), ("model", "Cessna 172"), ("status", "Available")]),
    ("stack-aero", "clients", &[("name", "Łukasz Aviation"), ("category", "Broker")]),
];

pub fn typed(fields: &[(&str, &str)]) -> Typed {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub async fn try_make(world: &World, who: &Somebody, register: &str, fields: &[(&str, &str)]) -> Result<Uuid, Refusal> {
    let editor = may::<rights::RecordsWrite>(world, who).await;
    edit::create(&editor, world.accounts(), register, &typed(fields), &here(), world.now).await
}

pub async fn make(world: &World, who: &Somebody, register: &str, fields: &[(&str, &str)]) -> Uuid {
    try_make(world, who, register, fields).await.expect("a record")
}

pub async fn change(
    world: &World,
    who: &Somebody,
    register: &str,
    id: Uuid,
    fields: &[(&str, &str)],
) -> Result<(), Refusal> {
    let editor = may::<rights::RecordsWrite>(world, who).await;
    edit::edit(&editor, world.accounts(), register, id, None, &typed(fields), &here(), world.now).await
}

pub async fn remove(world: &World, who: &Somebody, register: &str, id: Uuid) -> Result<(), Refusal> {
    let remover = may::<rights::RecordsDelete>(world, who).await;
    edit::remove(&remover, world.accounts(), register, id, &here(), world.now).await
}

pub async fn restore(world: &World, who: &Somebody, register: &str, id: Uuid) -> Result<(), Refusal> {
    let remover = may::<rights::RecordsDelete>(world, who).await;
    edit::restore(&remover, world.accounts(), register, id, &here(), world.now).await
}

pub async fn seen(world: &World, who: &Somebody, register: &str, id: Uuid) -> Option<Whole> {
    let reader = may::<rights::RecordsRead>(world, who).await;
    let shape = Shape::of(&reader, world.accounts(), register).expect("a register");
    record::whole(&reader, world.accounts(), &shape, id).await.expect("a look")
}

pub async fn try_listed(world: &World, who: &Somebody, register: &str, query: &Query) -> Result<Listed, Refusal> {
    let reader = may::<rights::RecordsRead>(world, who).await;
    let shape = Shape::of(&reader, world.accounts(), register)?;
    list::list(&reader, world.accounts(), &shape, query).await
}

/// Every id of a list, from its first page to its last.
pub async fn ids(world: &World, who: &Somebody, register: &str, query: &Query) -> Vec<Uuid> {
    let (mut query, mut ids) = (query.clone(), Vec::new());
    loop {
        let page = try_listed(world, who, register, &query).await.expect("a list");
        ids.extend(page.lines.iter().map(|line| line.id));
        match page.next {
            Some(next) => query.after = Some(next),
            None => return ids,
        }
    }
}

pub async fn search(world: &World, who: &Somebody, register: &str, words: &str) -> Vec<Uuid> {
    ids(world, who, register, &Query { search: words.to_owned(), ..Query::default() }).await
}

/// The fields that are to blame.
pub fn blamed(refused: &Result<impl std::fmt::Debug, Refusal>) -> Vec<String> {
    match refused {
        Err(Refusal::Fields(errors)) => errors.iter().map(|(field, _)| field.clone()).collect(),
        Err(Refusal::Field(field, _)) => vec![(*field).to_owned()],
        _ => Vec::new(),
    }
}
