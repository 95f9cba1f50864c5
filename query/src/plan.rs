//! What a statement asks for: the tree that the binder makes and the router answers.
//!
//! Each node feeds rows to the one above it. `Scan`, `Values`, `Project`, `Aggregate` and `SetOperation` fill a slot of
//! their own (see [`expr`](crate::expr)); the others pass on what is below them.

use manicule_engine::{ColumnType, TableId};

mod walk;

use crate::expr::{AggregateCall, Expr};

/// A query: a tree and the shape of what it gives.
#[derive(Clone, Debug)]
pub struct Query {
    /// The tree. Its output slot's first `columns.len()` columns are the result; further ones were needed to sort.
    pub plan: LogicalPlan,
    /// The columns of the result.
    pub columns: Vec<OutputColumn>,
    /// The slots of outer queries that it reads; empty if it is not correlated.
    pub outer_slots: Vec<usize>,
}

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputColumn {
    /// Its name: the alias, the column's name or the expression's text.
    pub name: String,
    /// Its type where it is known before the rows are.
    pub column_type: Option<ColumnType>,
}

/// A relational expression.
#[derive(Clone, Debug)]
pub enum LogicalPlan {
    /// One row without columns: a SELECT without FROM.
    Unit,
    /// All rows of a table.
    Scan {
        /// The table.
        table: TableId,
        /// The slot that holds the current row.
        slot: usize,
    },
    /// Rows written out.
    Values {
        /// The rows, all of one width.
        rows: Vec<Vec<Expr>>,
        /// The slot that holds the current row.
        slot: usize,
    },
    /// The rows for which the predicate is true.
    Filter {
        /// Where the rows come from.
        input: Box<LogicalPlan>,
        /// The predicate; neither false nor NULL passes.
        predicate: Expr,
    },
    /// Pairs of rows.
    Join {
        /// The left side.
        left: Box<LogicalPlan>,
        /// The right side.
        right: Box<LogicalPlan>,
        /// What happens to rows without a partner.
        kind: JoinKind,
        /// What makes a pair; every pair without it.
        on: Option<Expr>,
    },
    /// Computed columns.
    Project {
        /// Where the rows come from.
        input: Box<LogicalPlan>,
        /// One expression for each column.
        expressions: Vec<Expr>,
        /// The slot that holds the computed row.
        slot: usize,
    },
    /// One row for each group, or just one without GROUP BY. Columns: the group's keys, then the aggregates.
    Aggregate {
        /// Where the rows come from.
        input: Box<LogicalPlan>,
        /// The keys.
        group_by: Vec<Expr>,
        /// The aggregates.
        aggregates: Vec<AggregateCall>,
        /// The slot that holds the group's row.
        slot: usize,
    },
    /// Each row of the input's output slot once, compared by its first `columns` columns. NULL equals NULL here.
    Distinct {
        /// Where the rows come from.
        input: Box<LogicalPlan>,
        /// How many columns make a row; later ones are only there to sort by.
        columns: usize,
    },
    /// The rows in order. The keys read the input's output slot.
    Sort {
        /// Where the rows come from.
        input: Box<LogicalPlan>,
        /// The first key decides, then the second.
        keys: Vec<SortKey>,
    },
    /// Some of the rows.
    Limit {
        /// Where the rows come from.
        input: Box<LogicalPlan>,
        /// How many at most; all without it. Reads no column.
        limit: Option<Expr>,
        /// How many are passed over first. Reads no column.
        offset: Option<Expr>,
    },
    /// Two queries of the same width made one.
    SetOperation {
        /// Which.
        kind: SetOperationKind,
        /// Whether duplicates stay.
        all: bool,
        /// The left query.
        left: Box<LogicalPlan>,
        /// The right query.
        right: Box<LogicalPlan>,
        /// How many columns each has.
        columns: usize,
        /// The slot that holds the current row.
        slot: usize,
    },
}

/// What happens to rows without a partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinKind {
    /// They are dropped.
    Inner,
    /// Left ones stay, with NULLs on the right.
    Left,
    /// Those of both sides stay, with NULLs on the other.
    Full,
}

/// How two queries are made one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetOperationKind {
    /// Rows of either.
    Union,
    /// Rows of both.
    Intersect,
    /// Rows of the left that are not in the right.
    Except,
}

/// A key to sort by.
#[derive(Clone, Debug)]
pub struct SortKey {
    /// What is compared.
    pub expr: Expr,
    /// Whether the greatest comes first.
    pub descending: bool,
    /// Whether NULLs come first. Where nothing is said they count as the smallest values.
    pub nulls_first: bool,
}

/// A statement that reads or changes rows.
#[derive(Clone, Debug)]
pub enum Statement {
    /// SELECT.
    Query(Query),
    /// INSERT.
    Insert(Insert),
    /// UPDATE.
    Update(Update),
    /// DELETE.
    Delete(Delete),
}

/// A statement as the binder hands it over.
#[derive(Clone, Debug)]
pub struct Bound {
    /// What it does.
    pub statement: Statement,
    /// How many slots its frame has.
    pub slot_count: usize,
    /// For each parameter the type of the column that it is compared with or put into, where there is one.
    pub parameters: Vec<Option<ColumnType>>,
    /// The version of the catalog that it was bound to; with another it must be bound again.
    pub catalog_version: u64,
}

/// INSERT.
#[derive(Clone, Debug)]
pub struct Insert {
    /// The table.
    pub table: TableId,
    /// Gives whole rows in the table's column order: defaults filled in, values already of the columns' types or to be
    /// stored as such (an integer into a REAL column becomes a real).
    pub source: Query,
    /// What happens to a row whose key is there already.
    pub on_conflict: OnConflict,
    /// What must not be false, over `slot`.
    pub checks: Vec<Check>,
    /// The columns of the result, over `slot`; none without RETURNING.
    pub returning: Option<Returning>,
    /// The slot that holds the new row for checks and RETURNING.
    pub slot: usize,
}

/// What INSERT does with a row whose unique key is there already.
#[derive(Clone, Debug)]
pub enum OnConflict {
    /// The statement fails and leaves nothing behind.
    Fail,
    /// The new row is passed over.
    DoNothing {
        /// The columns of the unique index in question; empty for any.
        columns: Vec<usize>,
    },
    /// The rows that are in the way are deleted: INSERT OR REPLACE.
    Replace,
    /// The row that is in the way is changed: ON CONFLICT (…) DO UPDATE SET ….
    Update {
        /// The columns of the unique index in question; empty for any.
        columns: Vec<usize>,
        /// Column and new value, over `existing` and `slot` (EXCLUDED).
        assignments: Vec<(usize, Expr)>,
        /// Whether the row is changed at all.
        condition: Option<Expr>,
        /// The slot that holds the row that is in the way.
        existing: usize,
    },
}

/// A CHECK constraint.
#[derive(Clone, Debug)]
pub struct Check {
    /// Its text, for the message.
    pub sql: String,
    /// The condition; a row passes unless it is false.
    pub predicate: Expr,
}

/// What RETURNING gives.
#[derive(Clone, Debug)]
pub struct Returning {
    /// One expression for each column.
    pub expressions: Vec<Expr>,
    /// The columns of the result.
    pub columns: Vec<OutputColumn>,
}

/// UPDATE.
#[derive(Clone, Debug)]
pub struct Update {
    /// The table.
    pub table: TableId,
    /// The slot of the table in `input`.
    pub slot: usize,
    /// The rows to change: `Scan`, perhaps joined with others below a `Filter`. A row that comes again is changed once.
    pub input: LogicalPlan,
    /// Column and new value, over the row as it was.
    pub assignments: Vec<(usize, Expr)>,
    /// What must not be false, over `slot` with the new row in it.
    pub checks: Vec<Check>,
    /// The columns of the result, over `slot` with the new row in it.
    pub returning: Option<Returning>,
}

/// DELETE.
#[derive(Clone, Debug)]
pub struct Delete {
    /// The table.
    pub table: TableId,
    /// The slot of the table in `input`.
    pub slot: usize,
    /// The rows to delete: `Scan`, perhaps joined with others below a `Filter`.
    pub input: LogicalPlan,
    /// The columns of the result, over `slot` with the old row in it.
    pub returning: Option<Returning>,
}
