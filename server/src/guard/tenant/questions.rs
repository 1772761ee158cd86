//! Several numbers of one organisation, asked for in one statement for each database that they lie in: whoever goes through thousands of
//! organisations asks little in most of them.

use sea_orm::sea_query::{Alias, Expr, Query, SelectStatement};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, QueryFilter, QuerySelect, QueryTrait, Select};

use super::{TenantDb, TenantId, Tenanted, of, view};

/// A number, or nothing where there is no row: the one column of the first row of a selection.
#[derive(Debug)]
pub(crate) struct Question {
    own: bool,
    asked: SelectStatement,
}

impl Question {
    /// The filter is added here, as for every read of an organisation's rows.
    fn of<E: Tenanted>(tenant: TenantId, select: Select<E>) -> Self {
        Self { own: E::OWN, asked: select.filter(of::<E>(tenant)).into_query() }
    }

    /// The smallest of a column.
    pub(crate) fn first<E: Tenanted>(tenant: TenantId, select: Select<E>, column: E::Column) -> Self {
        Self::of(tenant, select.select_only().column_as(column.min(), "first"))
    }

    /// The largest of a column.
    pub(crate) fn last<E: Tenanted>(tenant: TenantId, select: Select<E>, column: E::Column) -> Self {
        Self::of(tenant, select.select_only().column_as(column.max(), "last"))
    }

    /// Something if there is a row.
    pub(crate) fn any<E: Tenanted>(tenant: TenantId, select: Select<E>) -> Self {
        Self::of(tenant, select.select_only().expr(Expr::value(1_i64)).limit(1))
    }

    /// A column of the first row.
    pub(crate) fn column<E: Tenanted>(tenant: TenantId, select: Select<E>, column: E::Column) -> Self {
        Self::of(tenant, select.select_only().column(column).limit(1))
    }
}

impl TenantDb {
    /// The answers in the order of the questions.
    pub(crate) async fn answers(&self, questions: Vec<Question>) -> Result<Vec<Option<i64>>, DbErr> {
        let mut answers = vec![None; questions.len()];
        let (own, shared): (Vec<_>, Vec<_>) =
            questions.into_iter().enumerate().partition(|(_, question)| question.own && self.store.own.is_some());
        for (place, answer) in asked(&self.rows, shared).await? {
            answers[place] = answer;
        }
        if let (false, Some(shelves)) = (own.is_empty(), &self.store.own) {
            let rows = self.own.get_or_try_init(|| async { view(&shelves.get(self.tenant).await?.read).await }).await?;
            for (place, answer) in asked(rows, own).await? {
                answers[place] = answer;
            }
        }
        Ok(answers)
    }
}

async fn asked(
    rows: &DatabaseTransaction,
    questions: Vec<(usize, Question)>,
) -> Result<Vec<(usize, Option<i64>)>, DbErr> {
    let mut all = Query::select();
    let mut places = Vec::with_capacity(questions.len());
    for (place, question) in questions {
        places.push((place, format!("n{place}")));
        all.expr_as(Expr::from(question.asked), Alias::new(format!("n{place}")));
    }
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let row = rows.query_one(&all).await?.ok_or_else(|| DbErr::Custom("a question had no answer".into()))?;
    places.into_iter().map(|(place, name)| Ok((place, row.try_get("", &name)?))).collect()
}
