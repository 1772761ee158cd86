//! How far a member's view of the records goes: everything, or some units and some named records. In row-level mode PostgreSQL leaves the
//! others out as well.

use sea_orm::{ColumnTrait, Condition};
use uuid::Uuid;

use crate::entity::record;
use crate::guard::Belonging;

/// What a list is narrowed by.
pub(crate) fn condition(reader: &Belonging) -> Condition {
    #[cfg(any(test, feature = "testing"))]
    if crate::staged::lacks_filter("record") {
        return Condition::all();
    }
    match reader.reach() {
        None => Condition::all(),
        Some(reached) => Condition::any()
            .add(record::Column::UnitId.is_in(reached.iter().copied()))
            .add(record::Column::Id.is_in(reached.iter().copied())),
    }
}

/// Whether somebody may put a record into this unit, or into none.
pub(crate) fn takes(editor: &Belonging, unit: Option<Uuid>) -> bool {
    editor.reach().is_none_or(|reached| unit.is_some_and(|unit| reached.contains(&unit)))
}
