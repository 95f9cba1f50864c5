//! INSERT where the key is there already: pass over, replace, or change what is there.

use std::ops::ControlFlow;

use manicule_engine::{IndexSchema, Row, RowBuf, RowId, TableSchema, Transaction, Value, View};
use smallvec::SmallVec;

use super::{Change, Rows, changed_row};
use crate::error::Result;
use crate::evaluate::passes;
use crate::expr::Expr;
use crate::frame::{Answers, Frame, Run, Slot};
use crate::physical::InsertAction;
use crate::plan::OnConflict;

/// How an existing row is changed: `DO UPDATE SET … WHERE …`.
struct Resolution<'c> {
    assignments: &'c [(usize, Expr)],
    condition: Option<&'c Expr>,
    existing: usize,
    /// The row that is in the way.
    row_id: RowId,
    /// The row that could not be inserted.
    excluded: &'c Row,
}

impl Change<'_> {
    /// Inserts a row, or does what the statement says where its key is there. Gives the row that was inserted or changed, as it is
    /// then if somebody asks for it.
    pub(super) fn insert_or_resolve(
        &self,
        insert: &InsertAction,
        table: &TableSchema,
        transaction: &mut Transaction,
        row: RowBuf,
    ) -> Result<Option<(RowId, Option<RowBuf>)>> {
        check_not_null(table, &row)?;
        let keep = |row: &RowBuf| insert.returning.as_ref().map(|_| row.clone());
        let (columns, rows_max): (&[usize], usize) = match &insert.on_conflict {
            OnConflict::DoNothing { columns } | OnConflict::Update { columns, .. } => (columns, 1),
            OnConflict::Fail | OnConflict::Replace => (&[], usize::MAX),
        };
        let in_the_way = rows_in_the_way(&transaction.view(), (table, columns), &row, rows_max);
        match &insert.on_conflict {
            OnConflict::DoNothing { .. } if !in_the_way.is_empty() => return Ok(None),
            OnConflict::Replace => {
                for row_id in in_the_way {
                    transaction.delete(insert.table, row_id)?;
                }
            }
            OnConflict::Update { assignments, condition, existing, .. } if !in_the_way.is_empty() => {
                let row_id = in_the_way[0];
                let condition = condition.as_ref();
                let resolution = Resolution { assignments, condition, existing: *existing, row_id, excluded: &row };
                let Some(changed) = self.resolve(insert, table, &resolution, transaction)? else {
                    return Ok(None);
                };
                let kept = keep(&changed);
                transaction.update(insert.table, row_id, changed)?;
                return Ok(Some((row_id, kept)));
            }
            OnConflict::Fail | OnConflict::DoNothing { .. } | OnConflict::Update { .. } => {}
        }
        let kept = keep(&row);
        Ok(Some((transaction.insert(insert.table, row)?, kept)))
    }

    /// The existing row as DO UPDATE changes it; `None` if its WHERE is not true. A subquery that reads no outer row is run
    /// when it is first asked for, and not again for the rows after.
    fn resolve(
        &self,
        insert: &InsertAction,
        table: &TableSchema,
        resolution: &Resolution<'_>,
        transaction: &Transaction,
    ) -> Result<Option<RowBuf>> {
        let row_id = resolution.row_id;
        let view = transaction.view();
        let Some(row) = view.row(insert.table, row_id) else { return Ok(None) };
        let mut run = Run::new(self.plan, &view, self.context, self.parameters);
        run.answers = Answers::Kept(&self.answers);
        let mut frame = Frame::new(&run, self.plan.slot_count);
        frame.slots[resolution.existing] = Slot::Stored(row_id, row);
        frame.slots[insert.slot] = Slot::Stored(row_id, resolution.excluded);
        if let Some(condition) = resolution.condition
            && !passes(condition, &frame)?
        {
            return Ok(None);
        }
        let changed = changed_row(table, row, resolution.assignments, &frame)?;
        self.check(&insert.checks, table, transaction, Rows { slot: insert.slot, rows: &[(row_id, changed.clone())] })?;
        Ok(Some(changed))
    }
}

/// A row with NULL where none may be is refused also if it would not have been inserted.
fn check_not_null(table: &TableSchema, row: &Row) -> Result<()> {
    let refused =
        table.columns.iter().enumerate().find(|(column, schema)| schema.not_null && row.get(*column).is_null());
    refused.map_or(Ok(()), |(_, column)| {
        let (table, column) = (table.name.clone(), column.name.clone());
        Err(manicule_engine::Error::NotNullViolation { table, column }.into())
    })
}

/// The first `rows_max` rows with the same key in a unique index: in any, or in the one on exactly `columns`.
fn rows_in_the_way(
    view: &View<'_>,
    (table, columns): (&TableSchema, &[usize]),
    row: &Row,
    rows_max: usize,
) -> SmallVec<[RowId; 2]> {
    let mut found = SmallVec::new();
    for index in table.indexes.iter().filter(|index| index.unique && is_on(index, columns)) {
        if found.len() >= rows_max {
            break;
        }
        let key: SmallVec<[Value<'_>; 4]> = index.columns.iter().map(|column| row.get(column.column)).collect();
        if key.iter().any(Value::is_null) {
            continue;
        }
        let _ = view.lookup(index.id, &key, |row_id, _| {
            if !found.contains(&row_id) {
                found.push(row_id);
            }
            ControlFlow::<()>::Continue(())
        });
    }
    found
}

/// Whether an index has exactly these columns, in whatever order; any has if none are named.
fn is_on(index: &IndexSchema, columns: &[usize]) -> bool {
    columns.is_empty()
        || (index.columns.len() == columns.len() && index.columns.iter().all(|key| columns.contains(&key.column)))
}
