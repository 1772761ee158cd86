//! How far a member's view of the records goes: everything, or some units and some named records.

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::entity::{reach, record};
use crate::guard::{Allowed, Right, TenantDb};
use crate::identity::Refusal;

/// What somebody reaches who does not reach everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Part {
    pub units: Vec<Uuid>,
    pub records: Vec<Uuid>,
}

/// Everything, or only some.
#[derive(Clone, Debug)]
pub(crate) enum Reach {
    All,
    Only(Part),
}

impl Reach {
    pub(crate) async fn of<R: Right>(reader: &Allowed<R>, view: &TenantDb) -> Result<Self, Refusal> {
        if reader.here().reaches_all {
            return Ok(Self::All);
        }
        let rows = reach::Entity::find().filter(reach::Column::AccountId.eq(reader.account.0));
        let mut some = Part::default();
        for row in view.all(rows).await? {
            if row.kind == "unit" { some.units.push(row.target) } else { some.records.push(row.target) }
        }
        Ok(Self::Only(some))
    }

    /// What a list is narrowed by.
    pub(crate) fn condition(&self) -> Condition {
        match self {
            Self::All => Condition::all(),
            Self::Only(some) => Condition::any()
                .add(record::Column::UnitId.is_in(some.units.iter().copied()))
                .add(record::Column::Id.is_in(some.records.iter().copied())),
        }
    }

    pub(crate) fn covers(&self, row: &record::Model) -> bool {
        match self {
            Self::All => true,
            Self::Only(some) => {
                some.records.contains(&row.id) || row.unit_id.is_some_and(|unit| some.units.contains(&unit))
            }
        }
    }

    /// Whether somebody may put a record into this unit, or into none.
    pub(crate) fn takes(&self, unit: Option<Uuid>) -> bool {
        match self {
            Self::All => true,
            Self::Only(some) => unit.is_some_and(|unit| some.units.contains(&unit)),
        }
    }
}
