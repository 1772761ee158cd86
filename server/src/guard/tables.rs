//! The tables of organisations: where each lies, and what becomes of it when an organisation takes everything along.

use sea_orm::{EntityTrait, Iterable, PrimaryKeyToColumn};

use crate::entity::{
    act, calendar_key, custom_role, delivered, departure, entry, environment, export, file, former_log, help_grant,
    invitation, legal_hold, log_head, membership, outbox, reach, record, record_change, record_count, record_token,
    record_unique, review, review_count, review_item, review_note, review_reviewer, review_vote, signed_head, tally,
    unit,
};

/// A table whose rows belong to one organisation each.
pub trait Tenanted: EntityTrait {
    const TENANT: Self::Column;
    const NAME: &'static str;
    /// Whether it lies in the organisation's own database where there is one.
    const OWN: bool;
}

/// What becomes of a table when an organisation takes everything along. A table without a rule does not compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaves {
    /// In this section of the archive.
    As(&'static str),
    /// Not in the archive, for this reason.
    Not(&'static str),
}

/// One table of organisations.
#[derive(Clone, Copy, Debug)]
pub struct TenantTable {
    pub name: &'static str,
    pub own: bool,
    pub leaves: Leaves,
    /// The columns of its key after the tenant's: in this order its rows are destroyed.
    pub(super) key: fn() -> Vec<&'static str>,
    #[cfg(test)]
    every: fn() -> Vec<&'static str>,
}

#[cfg(test)]
impl TenantTable {
    pub(crate) fn columns(&self) -> Vec<String> {
        (self.every)().into_iter().map(str::to_owned).collect()
    }
}

#[cfg(test)]
fn columns_of<E: EntityTrait>() -> Vec<&'static str> {
    E::Column::iter().map(|column| sea_orm::IdenStatic::as_str(&column)).collect()
}

macro_rules! tenanted {
    ($($table:ident $own:literal $leaves:ident $what:literal;)*) => {
        $(impl Tenanted for $table::Entity {
            const TENANT: Self::Column = $table::Column::TenantId;
            const NAME: &'static str = stringify!($table);
            const OWN: bool = $own;
        })*
        /// Every table that belongs to organisations. Row security is put on these, and a test compares them with the schema.
        pub const TENANT_TABLES: &[TenantTable] = &[$(TenantTable {
            name: <$table::Entity as Tenanted>::NAME,
            own: $own,
            leaves: Leaves::$leaves($what),
            key: key_of::<$table::Entity>,
            #[cfg(test)]
            every: columns_of::<$table::Entity>,
        }),*];
    };
}

fn key_of<E: Tenanted>() -> Vec<&'static str> {
    let columns = E::PrimaryKey::iter().map(|key| sea_orm::IdenStatic::as_str(&key.into_column()));
    columns.filter(|column| *column != "tenant_id").collect()
}

tenanted! {
    membership false As "members";
    custom_role false As "roles";
    unit false As "units";
    reach false As "reach";
    invitation false As "invitations";
    departure false As "departures";
    help_grant false As "help";
    tally false As "days";
    legal_hold false As "holds";
    review false As "reviews";
    review_reviewer false As "review-reviewers";
    review_item false As "review-items";
    review_count false Not "computed from the review's items";
    review_vote false As "review-votes";
    review_note false As "review-notes";
    calendar_key false Not "the secrets of addresses of calendars, of which each person makes a new one";
    outbox false Not "events on their way to the log, which has them before an archive is made";
    environment false Not "where the organisation's own database is";
    export false Not "the archives themselves";
    former_log false As "former-log";
    entry true As "log";
    signed_head true As "heads";
    log_head true Not "the newest entry of the log says the same";
    delivered true Not "which events have reached the log, which has them";
    record true As "records";
    record_token true Not "keyed tokens, computed from the records";
    record_unique true Not "keyed tokens, computed from the records";
    record_change true As "history";
    record_count true Not "computed from the records";
    act true As "acts";
    file true As "files";
}
