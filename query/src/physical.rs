//! How a statement is answered: the tree that the router makes, EXPLAIN prints and the executor runs.
//!
//! A [`PhysicalPlan`] owns all it needs, borrows from no snapshot and is never changed once it is made: threads share it,
//! and what EXPLAIN names is what runs, as there is one object for both.

use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

use manicule_engine::{
    Catalog, ColumnType, Direction, IndexId, ROW_BYTES_MAX, Row, TableId, Transaction, Value, View, WithNumber,
};

use crate::context::{ExecutionContext, PlanOptions};
use crate::error::{Error, Result};
use crate::execute;
use crate::explain;
use crate::expr::{AggregateCall, Expr, SubqueryForm};
use crate::plan::{
    Bound as BoundStatement, Check, JoinKind, OnConflict, OutputColumn, Returning, SetOperationKind, SortKey, Statement,
};
use crate::route;

/// How a statement is answered: owned, free of any snapshot, shared by threads, kept as long as the catalog stays.
#[derive(Debug)]
pub struct PhysicalPlan {
    pub(crate) action: Action,
    pub(crate) subplans: Vec<Subplan>,
    pub(crate) slot_count: usize,
    pub(crate) node_count: usize,
    pub(crate) columns: Vec<OutputColumn>,
    pub(crate) parameters: Vec<Option<ColumnType>>,
    pub(crate) catalog: Arc<Catalog>,
    /// The passes of the rewriter that changed something.
    pub(crate) rewrites: Vec<&'static str>,
    /// The tables that it reads by more than one whole key, with how many rows each had.
    pub(crate) table_rows: Vec<(TableId, u64)>,
    /// The short way, where the plan is nothing but a lookup by a whole key.
    pub(crate) point: Option<PointLookup>,
}

/// So many columns make no row too large, however large their values are that were computed.
const COLUMNS_OF_ANY_SIZE: usize = 32;
const _: () = assert!(COLUMNS_OF_ANY_SIZE * crate::evaluate::VALUE_BYTES_MAX < ROW_BYTES_MAX);

/// How EXPLAIN writes a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExplainFormat {
    /// An indented tree.
    #[default]
    Text,
    /// PostgreSQL's JSON shape.
    Json,
}

impl PhysicalPlan {
    /// Rewrites and routes a bound statement.
    ///
    /// # Errors
    ///
    /// [`Error::CatalogChanged`] if it was bound to another catalog than the view's.
    pub fn new(bound: BoundStatement, view: &View<'_>, options: &PlanOptions) -> Result<Self> {
        if view.catalog().version() != bound.catalog_version {
            return Err(Error::CatalogChanged);
        }
        route::plan_statement(bound, view, options)
    }

    /// The columns of the result; none for a change without RETURNING.
    pub fn columns(&self) -> &[OutputColumn] {
        &self.columns
    }

    /// The version of the catalog that it was planned with; with another it must be planned again.
    pub fn catalog_version(&self) -> u64 {
        self.catalog.version()
    }

    /// For each parameter the type of the column that it is compared with or put into, where there is one.
    pub fn parameters(&self) -> &[Option<ColumnType>] {
        &self.parameters
    }

    /// Whether it only reads: [`query`](Self::query) runs it; otherwise [`change`](Self::change) does.
    pub fn is_query(&self) -> bool {
        matches!(self.action, Action::Query(_))
    }

    /// How the rows are found, in a few words, for the line below a result: `flights_tailnum (multi)`, `full scan of
    /// flights, 27,004 rows`, several joined by ` + `. Empty where no table is read.
    pub fn via(&self) -> String {
        explain::via(self)
    }

    /// The plan as EXPLAIN shows it.
    pub fn explain(&self, format: ExplainFormat) -> String {
        explain::explain(self, format, None)
    }

    /// Runs a query; `on_row` gets each row and says whether it wants another. The values borrow from the rows and hold
    /// until `on_row` returns. A lookup by a whole key allocates nothing.
    ///
    /// # Errors
    ///
    /// Those of the expressions, of the limits and of `on_row`.
    pub fn query(
        &self,
        view: &View<'_>,
        context: &ExecutionContext<'_>,
        mut on_row: impl FnMut(&[Value<'_>]) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        self.check_parameters(context)?;
        let mut on_row = checked(&mut on_row);
        match &self.point {
            Some(point) => execute::query_point(point, view, context, on_row),
            None => execute::query(self, view, context, &mut on_row),
        }
    }

    /// Runs a change and gives the number of rows it changed; `on_row` gets the rows of RETURNING.
    ///
    /// # Errors
    ///
    /// Those of [`query`](Self::query), violated constraints and conflicts; the transaction is then as it was before.
    pub fn change(
        &self,
        transaction: &mut Transaction,
        context: &ExecutionContext<'_>,
        mut on_row: impl FnMut(&[Value<'_>]) -> Result<ControlFlow<()>>,
    ) -> Result<u64> {
        self.check_parameters(context)?;
        let mut on_row = checked(&mut on_row);
        execute::change(self, transaction, context, &mut on_row)
    }

    /// Runs a change, drops the rows of RETURNING, and shows the plan with what was counted and measured. The change is
    /// made as by [`change`](Self::change).
    ///
    /// # Errors
    ///
    /// Those of [`change`](Self::change).
    pub fn explain_analyze_change(
        &self,
        transaction: &mut Transaction,
        context: &ExecutionContext<'_>,
        format: ExplainFormat,
    ) -> Result<String> {
        self.check_parameters(context)?;
        let analysis = execute::analyze_change(self, transaction, context)?;
        Ok(explain::explain(self, format, Some(&analysis)))
    }

    /// Runs a query, drops its rows, and shows the plan with what was counted and measured.
    ///
    /// # Errors
    ///
    /// Those of [`query`](Self::query); [`Error::WrongStatementKind`] for a change.
    pub fn explain_analyze(
        &self,
        view: &View<'_>,
        context: &ExecutionContext<'_>,
        format: ExplainFormat,
    ) -> Result<String> {
        self.check_parameters(context)?;
        let analysis = execute::analyze(self, view, context)?;
        Ok(explain::explain(self, format, Some(&analysis)))
    }

    /// Whether a table that it reads has become eight times larger or smaller since it was made, so that another plan may
    /// be better. It still gives the right rows. Costs one look at each table's row count.
    #[inline]
    pub fn is_outdated(&self, view: &View<'_>) -> bool {
        /// Fewer rows than this make no difference.
        const ROWS_MIN: u64 = 64;
        self.table_rows.iter().any(|&(table, then)| {
            let (then, now) = (then.max(ROWS_MIN), view.row_count(table).max(ROWS_MIN));
            now / 8 >= then || then / 8 >= now
        })
    }

    #[inline]
    fn check_parameters(&self, context: &ExecutionContext<'_>) -> Result<()> {
        let (expected, found) = (self.parameters.len(), context.parameters.len());
        if expected == found { Ok(()) } else { Err(Error::ParameterCount { expected, found }) }
    }
}

/// The result's columns of a statement.
pub(crate) fn result_columns(statement: &Statement) -> Vec<OutputColumn> {
    let of = |returning: &Option<Returning>| returning.as_ref().map(|r| r.columns.clone()).unwrap_or_default();
    match statement {
        Statement::Query(query) => query.columns.clone(),
        Statement::Insert(insert) => of(&insert.returning),
        Statement::Update(update) => of(&update.returning),
        Statement::Delete(delete) => of(&delete.returning),
    }
}

/// What a statement does with its rows.
#[derive(Debug)]
pub(crate) enum Action {
    Query(Output),
    Insert(InsertAction),
    Update(UpdateAction),
    Delete(DeleteAction),
}

/// A tree and where its result is.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) root: Node,
    /// How many columns of the output slot are the result.
    pub(crate) width: usize,
    pub(crate) slot: usize,
}

#[derive(Debug)]
pub(crate) struct InsertAction {
    pub(crate) table: TableId,
    pub(crate) source: Output,
    pub(crate) on_conflict: OnConflict,
    pub(crate) checks: Vec<Check>,
    pub(crate) returning: Option<Returning>,
    pub(crate) slot: usize,
}

#[derive(Debug)]
pub(crate) struct UpdateAction {
    pub(crate) table: TableId,
    pub(crate) slot: usize,
    pub(crate) input: Node,
    pub(crate) assignments: Vec<(usize, Expr)>,
    pub(crate) checks: Vec<Check>,
    pub(crate) returning: Option<Returning>,
}

#[derive(Debug)]
pub(crate) struct DeleteAction {
    pub(crate) table: TableId,
    pub(crate) slot: usize,
    pub(crate) input: Node,
    pub(crate) returning: Option<Returning>,
}

/// The plan of a subquery.
#[derive(Debug)]
pub(crate) struct Subplan {
    pub(crate) form: SubqueryForm,
    pub(crate) output: Output,
    /// The slots of outer queries that it reads; none: it is run once.
    pub(crate) outer_slots: Vec<usize>,
}

/// A step of the plan.
#[derive(Debug)]
pub(crate) struct Node {
    /// Its number, in the order in which the steps were made: the place of its counters.
    pub(crate) id: usize,
    /// How many rows it is expected to give.
    pub(crate) rows: f64,
    pub(crate) kind: NodeKind,
}

impl Node {
    /// The steps whose rows it takes.
    pub(crate) fn inputs(&self) -> Vec<&Node> {
        match &self.kind {
            NodeKind::Unit | NodeKind::Scan(_) | NodeKind::Values { .. } => Vec::new(),
            NodeKind::Filter { input, .. }
            | NodeKind::Project { input, .. }
            | NodeKind::Aggregate { input, .. }
            | NodeKind::Distinct { input, .. }
            | NodeKind::Limit { input, .. } => vec![input],
            NodeKind::Sort(sort) => vec![&sort.input],
            NodeKind::NestedLoop(join) => vec![&join.left, &join.right],
            NodeKind::HashJoin(join) => vec![&join.left, &join.right],
            NodeKind::SetOperation(operation) => vec![&operation.left, &operation.right],
        }
    }
}

/// What a step does. The frame's slots are its input and output, as in [`LogicalPlan`](crate::plan::LogicalPlan).
#[derive(Debug)]
pub(crate) enum NodeKind {
    Unit,
    Scan(TableScan),
    Values {
        rows: Vec<Vec<Expr>>,
        slot: usize,
    },
    Filter {
        input: Box<Node>,
        predicate: Expr,
    },
    NestedLoop(NestedLoop),
    HashJoin(HashJoin),
    Project {
        input: Box<Node>,
        expressions: Vec<Expr>,
        slot: usize,
    },
    Aggregate {
        input: Box<Node>,
        group_by: Vec<Expr>,
        aggregates: Vec<AggregateCall>,
        slot: usize,
        /// Whether the rows of a group come one after another, so that no table of groups is needed.
        in_order: bool,
    },
    Distinct {
        input: Box<Node>,
        columns: usize,
        slot: usize,
    },
    Sort(Sort),
    Limit {
        input: Box<Node>,
        limit: Option<Expr>,
        offset: Option<Expr>,
    },
    SetOperation(SetOperation),
}

/// Reading a table.
#[derive(Debug)]
pub(crate) struct TableScan {
    pub(crate) table: TableId,
    pub(crate) slot: usize,
    pub(crate) path: AccessPath,
    /// What the path does not prove.
    pub(crate) residual: Option<Expr>,
    /// The index of the path has all that is read of the rows; of a full scan they are only counted.
    pub(crate) covering: Option<Covering>,
    /// How many rows the table had when the plan was made.
    pub(crate) table_rows: u64,
    /// What reading it is expected to cost, in rows of a full scan.
    pub(crate) cost: f64,
    /// The indexes that are not used, and why.
    pub(crate) not_used: Vec<(IndexId, NotUsed)>,
}

/// Where a covering index has the columns that are read.
#[derive(Debug)]
pub(crate) struct Covering {
    /// Their positions in the key and in the table; none where it is enough that there is a row.
    pub(crate) columns: Vec<(usize, usize)>,
    /// Whether one of them is the row's number, behind the key.
    pub(crate) with_number: WithNumber,
}

impl Covering {
    /// Where a column that is read is in the key.
    pub(crate) fn position(&self, column: usize) -> usize {
        let place = self.columns.iter().find(|(_, covered)| *covered == column);
        place.expect("the index has every column that is read").0
    }
}

/// For each row of the left side the right side is read.
#[derive(Debug)]
pub(crate) struct NestedLoop {
    pub(crate) left: Box<Node>,
    pub(crate) right: Box<Node>,
    pub(crate) kind: JoinKind,
    pub(crate) on: Option<Expr>,
    /// The slots that are NULL beside a right row without a partner, where such rows stay.
    pub(crate) left_slots: Vec<usize>,
    pub(crate) right_slots: Vec<usize>,
    pub(crate) right_side: RightSide,
}

/// How often the right side of a nested loop is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RightSide {
    /// For each row of the left side: its path depends on it, or it is a table's rows as they lie there.
    EachTime,
    /// Once; the rows are kept.
    Once,
}

/// The right side's rows are put in a hash table, the left side's look themselves up in it.
#[derive(Debug)]
pub(crate) struct HashJoin {
    pub(crate) left: Box<Node>,
    pub(crate) right: Box<Node>,
    pub(crate) kind: JoinKind,
    pub(crate) left_keys: Vec<Expr>,
    pub(crate) right_keys: Vec<Expr>,
    /// For each key whether NULL matches NULL: `IS` rather than `=`.
    pub(crate) nulls_match: Vec<bool>,
    pub(crate) on: Option<Expr>,
    /// The slots that are NULL beside a right row without a partner, where such rows stay.
    pub(crate) left_slots: Vec<usize>,
    pub(crate) right_slots: Vec<usize>,
}

/// Rows put in order.
#[derive(Debug)]
pub(crate) struct Sort {
    pub(crate) input: Box<Node>,
    pub(crate) keys: Vec<SortKey>,
    /// What of the order the input has already.
    pub(crate) presorted: Option<Presorted>,
    /// By how many of the first keys each path is sorted, where the input is a union of such.
    pub(crate) keys_of_paths: usize,
    /// The slots that are kept with each row.
    pub(crate) slots: Vec<usize>,
    /// LIMIT and OFFSET above it, if only the first rows are wanted.
    pub(crate) top: Option<(Expr, Option<Expr>)>,
}

/// The first keys by which rows come in order: only groups of rows that are equal in these are sorted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Presorted {
    /// How many keys.
    pub(crate) keys: usize,
    /// About how many rows are equal in them.
    pub(crate) group_rows: f64,
}

/// Two results made one.
#[derive(Debug)]
pub(crate) struct SetOperation {
    pub(crate) kind: SetOperationKind,
    pub(crate) all: bool,
    pub(crate) left: Box<Node>,
    pub(crate) right: Box<Node>,
    pub(crate) left_slot: usize,
    pub(crate) right_slot: usize,
    pub(crate) columns: usize,
    pub(crate) slot: usize,
}

/// How the rows of a table are found.
#[derive(Clone, Debug)]
pub(crate) enum AccessPath {
    /// All of them.
    FullScan,
    /// By whole keys: one value or several for each column of the index, in all combinations.
    Lookup(IndexLookup),
    /// By order.
    Range(IndexRange),
    /// By each row that a subquery gives.
    Members(IndexMembers),
    /// By several paths of which no one is enough; each row once.
    Union(Vec<AccessPath>),
}

/// Lookup by each row of a subquery that reads no outer row. It proves nothing: how many values there are is known only
/// when it runs, and where they have many rows the whole table is read, which then costs less.
#[derive(Clone, Debug)]
pub(crate) struct IndexMembers {
    pub(crate) index: IndexId,
    /// Where the subquery's rows have the value of each of these columns of the index, and the column's type.
    pub(crate) columns: Vec<(usize, ColumnType)>,
    /// The position of the subquery's plan among the statement's subplans.
    pub(crate) subplan: usize,
    pub(crate) by: MembersBy,
}

/// What of an index a subquery's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MembersBy {
    /// Its whole key.
    Key,
    /// The first columns of a tree of more.
    FirstColumns,
}

/// Lookup by whole keys.
#[derive(Clone, Debug)]
pub(crate) struct IndexLookup {
    pub(crate) index: IndexId,
    pub(crate) columns: Vec<KeyColumn>,
}

impl IndexLookup {
    /// Whether each column has one value.
    pub(crate) fn has_one_key(&self) -> bool {
        self.columns.iter().all(|column| column.values.len() == 1)
    }
}

/// The values of a key's column.
#[derive(Clone, Debug)]
pub(crate) struct KeyColumn {
    pub(crate) column_type: ColumnType,
    pub(crate) values: Vec<Expr>,
}

/// A part of an index, in its order.
#[derive(Clone, Debug)]
pub(crate) struct IndexRange {
    pub(crate) index: IndexId,
    pub(crate) prefix: Vec<(ColumnType, KeyPart)>,
    /// The bounds of the column after the prefix.
    pub(crate) lower: Bound<Expr>,
    pub(crate) upper: Bound<Expr>,
    /// The bounds of the columns after that one, where it equals its own: `(a, b) > (1, 2)`.
    pub(crate) lower_rest: Vec<(ColumnType, Expr)>,
    pub(crate) upper_rest: Vec<(ColumnType, Expr)>,
    /// The type of that column; `None` where there are no bounds.
    pub(crate) bounded: Option<ColumnType>,
    /// Whether the NULLs of the column after the prefix are left out.
    pub(crate) skips_nulls: bool,
    pub(crate) direction: Direction,
}

impl IndexRange {
    /// All of an index.
    pub(crate) fn whole(index: IndexId) -> Self {
        Self {
            index,
            prefix: Vec::new(),
            lower: Bound::Unbounded,
            upper: Bound::Unbounded,
            lower_rest: Vec::new(),
            upper_rest: Vec::new(),
            bounded: None,
            skips_nulls: false,
            direction: Direction::Forward,
        }
    }
}

/// What a column of a range's prefix equals.
#[derive(Clone, Debug)]
pub(crate) enum KeyPart {
    Equals(Expr),
    IsNull,
}

/// Why an index is not used.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum NotUsed {
    /// The statement says nothing about its first column.
    NoPredicate,
    /// It answers equality on all its columns only.
    EqualityOnly,
    /// It would keep so much of the table that reading it whole is cheaper.
    KeepsMuch { rows: f64 },
    /// Another path finds fewer rows.
    FindsMore { rows: f64 },
    /// Full scans are asked for.
    Forced,
}

/// `Project(Scan)` or `Project(Limit(Scan))` by one whole key, columns and constants only: run without frame, tree or
/// allocation.
#[derive(Debug)]
pub(crate) struct PointLookup {
    pub(crate) index: IndexId,
    pub(crate) key: Vec<PointKey>,
    pub(crate) columns: Vec<usize>,
    /// Where the index has the columns, if it is not unique and has them all. A unique one leads to its only row at once.
    pub(crate) in_key: Option<InKey>,
    /// How many rows are wanted at most, if the query says.
    pub(crate) limit: Option<PointValue>,
}

/// The columns of a point lookup in the keys of its index.
#[derive(Debug)]
pub(crate) struct InKey {
    pub(crate) positions: Vec<usize>,
    pub(crate) with_number: WithNumber,
}

/// A column of a point lookup's key.
#[derive(Debug)]
pub(crate) struct PointKey {
    pub(crate) column_type: ColumnType,
    pub(crate) value: PointValue,
}

/// Where a value of a point lookup comes from.
#[derive(Debug)]
pub(crate) enum PointValue {
    Parameter(usize),
    Literal(Value<'static>),
}

/// Hands rows on to `on_row`, but refuses one that nobody could keep, which only one of many columns is.
#[inline]
fn checked(
    on_row: &mut impl FnMut(&[Value<'_>]) -> Result<ControlFlow<()>>,
) -> impl FnMut(&[Value<'_>]) -> execute::Flow {
    |row| {
        if row.len() >= COLUMNS_OF_ANY_SIZE
            && let Err(error) = Row::check_size(row)
        {
            return execute::wanted(Err(error.into()));
        }
        execute::wanted(on_row(row))
    }
}
