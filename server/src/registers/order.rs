//! The order of a list, piece by piece, so that each piece is a range of one index: choice after choice as the profile declares them, and those
//! without a value last, whichever way the list goes.

use sea_orm::sea_query::{Expr, ExprTrait, SimpleExpr};
use sea_orm::{ColumnTrait, Order, QueryFilter, QueryOrder, Select};
use uuid::Uuid;

use super::list::{column, held};
use super::shape::slot;
use super::value::choice_key;
use crate::entity::record;
use crate::profile::format::{Field, FieldKind};

/// What stands in a place where there is no value.
const NONE: &str = "none";

/// Where a page ended: the record, and what the list is sorted by there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    last: Uuid,
    by: Option<i64>,
}

impl Place {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (last, by) = text.split_once('~')?;
        let by = if by == NONE { None } else { Some(by.parse().ok()?) };
        Some(Self { last: last.parse().ok()?, by })
    }
}

/// A part of a list whose records one index has in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    /// All there are, as they were made.
    Every,
    /// Those with a value, by it.
    Valued,
    Exactly(i64),
    /// Between two choices of the list: what the profile declared once and declares no more.
    Between(Option<i64>, Option<i64>),
    Without,
}

impl Piece {
    fn holds(self, by: Option<i64>) -> bool {
        match self {
            Self::Every => true,
            Self::Valued => by.is_some(),
            Self::Exactly(value) => by == Some(value),
            Self::Between(low, high) => {
                by.is_some_and(|by| low.is_none_or(|low| low < by) && high.is_none_or(|high| by < high))
            }
            Self::Without => by.is_none(),
        }
    }
}

/// How a list goes on from one record to the next.
#[derive(Clone, Debug)]
pub(super) struct Sequence {
    /// The slot that it is sorted by; none for the newest first.
    slot: Option<usize>,
    order: Order,
    pieces: Vec<Piece>,
}

/// What a list is narrowed to in the slot that it is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Narrowed {
    No,
    ToSome,
    ToOne(i64),
}

impl Sequence {
    pub(super) fn newest_first() -> Self {
        Self { slot: None, order: Order::Desc, pieces: vec![Piece::Every] }
    }

    /// By a clear field; `None` for one that is not.
    pub(super) fn by(field: &Field, order: Order, narrowed: Narrowed) -> Option<Self> {
        let slot = Some(slot(field)?);
        let pieces = match narrowed {
            Narrowed::ToOne(value) => vec![Piece::Exactly(value)],
            Narrowed::ToSome => vec![Piece::Valued],
            Narrowed::No if field.kind == FieldKind::Choice => choices(field, &order),
            Narrowed::No => vec![Piece::Valued, Piece::Without],
        };
        Some(Self { slot, order, pieces })
    }

    /// The pieces that come after a place, the first of them from there on. None where this order has no such place.
    pub(super) fn steps(&self, after: Option<Place>) -> Option<Vec<Step<'_>>> {
        let first = match after {
            None => 0,
            Some(place) => self.pieces.iter().position(|piece| piece.holds(place.by))?,
        };
        let step =
            |(at, piece): (usize, &Piece)| Step { sequence: self, piece: *piece, after: after.filter(|_| at == 0) };
        Some(self.pieces[first..].iter().enumerate().map(step).collect())
    }

    /// Where a page that ends with this record ends.
    pub(super) fn place(&self, row: &record::Model) -> String {
        let by = self.slot.and_then(|slot| held(row, slot));
        format!("{}~{}", row.id.simple(), by.map_or_else(|| NONE.to_owned(), |by| by.to_string()))
    }
}

/// Choice after choice; what the profile no longer declares is between them in the database and after them in the list.
fn choices(field: &Field, order: &Order) -> Vec<Piece> {
    let mut keys: Vec<i64> = field.choices.iter().map(|choice| choice_key(choice)).collect();
    if *order == Order::Desc {
        keys.reverse();
    }
    let declared: Vec<Piece> = keys.iter().copied().map(Piece::Exactly).collect();
    keys.sort_unstable();
    let edges = |keys: &[i64]| keys.iter().copied().map(Some).collect::<Vec<_>>();
    let lows = std::iter::once(None).chain(edges(&keys));
    let highs = edges(&keys).into_iter().chain([None]);
    let mut gaps: Vec<Piece> = lows.zip(highs).map(|(low, high)| Piece::Between(low, high)).collect();
    if *order == Order::Desc {
        gaps.reverse();
    }
    declared.into_iter().chain(gaps).chain([Piece::Without]).collect()
}

/// One question to the database.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step<'a> {
    sequence: &'a Sequence,
    piece: Piece,
    after: Option<Place>,
}

impl Step<'_> {
    /// `led` is the record's id in the table that leads to the rows, where another than theirs does.
    pub(super) fn of(self, rows: Select<record::Entity>, led: Option<&SimpleExpr>) -> Select<record::Entity> {
        let Some(column) = self.sequence.slot.map(column) else { return self.by_id(rows, led) };
        match self.piece {
            Piece::Every => self.by_id(rows, led),
            Piece::Exactly(value) => self.by_id(rows.filter(column.eq(value)), led),
            Piece::Without => self.by_id(rows.filter(column.is_null()), led),
            Piece::Valued => self.by_value(rows.filter(column.is_not_null()), column),
            Piece::Between(low, high) => {
                let rows = rows.filter(column.is_not_null());
                let rows = low.map_or(rows.clone(), |low| rows.filter(column.gt(low)));
                let rows = high.map_or(rows.clone(), |high| rows.filter(column.lt(high)));
                self.by_value(rows, column)
            }
        }
    }

    fn by_id(self, mut rows: Select<record::Entity>, led: Option<&SimpleExpr>) -> Select<record::Entity> {
        let (order, own) = (self.sequence.order.clone(), Expr::col((record::Entity, record::Column::Id)));
        if let Some(Place { last, .. }) = self.after {
            for id in led.into_iter().cloned().chain([own.clone()]) {
                rows = rows.filter(if order == Order::Asc { id.gt(last) } else { id.lt(last) });
            }
        }
        rows.order_by(led.cloned().unwrap_or(own), order)
    }

    fn by_value(self, rows: Select<record::Entity>, column: record::Column) -> Select<record::Entity> {
        let (order, id) = (self.sequence.order.clone(), record::Column::Id);
        let rows = match self.after {
            Some(Place { last, by: Some(by) }) => {
                let pair = Expr::tuple([Expr::col((record::Entity, column)), Expr::col((record::Entity, id))]);
                let place = Expr::tuple([Expr::value(by), Expr::value(last)]);
                rows.filter(if order == Order::Asc { pair.gt(place) } else { pair.lt(place) })
            }
            Some(Place { by: None, .. }) | None => rows,
        };
        rows.order_by(column, order.clone()).order_by(id, order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::format::Register;

    fn status() -> Field {
        let text = "id = \"r\"\ntitle = \"R\"\n[[fields]]\nid = \"s\"\nlabel = \"S\"\nkind = \"choice\"\nclear = true\nslot = 2\n\
                    choices = [\"Planned\", \"In place\", \"Retired\"]";
        let register: Register = toml::from_str(text).expect("a register");
        register.fields.into_iter().next().expect("a field")
    }

    #[test]
    fn every_value_there_can_be_is_in_one_piece_and_in_no_other() {
        let field = status();
        let known: Vec<i64> = field.choices.iter().map(|choice| choice_key(choice)).collect();
        for order in [Order::Asc, Order::Desc] {
            let sequence = Sequence::by(&field, order, Narrowed::No).expect("clear");
            let near = known.iter().flat_map(|key| [*key - 1, *key, *key + 1]);
            let values = near.chain([i64::MIN, 0, i64::MAX]).map(Some).chain([None]);
            for value in values {
                let holding = sequence.pieces.iter().filter(|piece| piece.holds(value)).count();
                assert_eq!(holding, 1, "{value:?}");
            }
        }
    }

    #[test]
    fn choices_come_as_the_profile_declares_them_and_what_is_without_comes_last_both_ways() {
        let field = status();
        let exactly = |choice: &str| Piece::Exactly(choice_key(choice));
        let up = Sequence::by(&field, Order::Asc, Narrowed::No).expect("clear").pieces;
        assert_eq!(up[..3], [exactly("Planned"), exactly("In place"), exactly("Retired")]);
        let down = Sequence::by(&field, Order::Desc, Narrowed::No).expect("clear").pieces;
        assert_eq!(down[..3], [exactly("Retired"), exactly("In place"), exactly("Planned")]);
        assert_eq!((up.last(), down.last()), (Some(&Piece::Without), Some(&Piece::Without)));
    }

    #[test]
    fn a_place_is_read_back_and_goes_on_in_its_own_piece() {
        let id = Uuid::now_v7();
        let place = |text: String| Place::parse(&text);
        assert_eq!(place(format!("{}~-7", id.simple())), Some(Place { last: id, by: Some(-7) }));
        assert_eq!(place(format!("{}~none", id.simple())), Some(Place { last: id, by: None }));
        for bad in ["", "x", "~", "x~1", "~none"] {
            assert_eq!(Place::parse(bad), None, "{bad}");
        }
        let sequence = Sequence::by(&status(), Order::Asc, Narrowed::No).expect("clear");
        let steps = sequence.steps(Some(Place { last: id, by: None })).expect("a place");
        assert_eq!(steps.len(), 1);
        assert_eq!((steps[0].piece, steps[0].after.is_some()), (Piece::Without, true));
        let narrowed = Sequence::by(&status(), Order::Asc, Narrowed::ToOne(7)).expect("clear");
        assert!(narrowed.steps(Some(Place { last: id, by: Some(8) })).is_none());
    }
}
