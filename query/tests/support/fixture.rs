//! A small database, plans by hand, and one way to run them.

use std::ops::ControlFlow;

use manicule_engine::{
    Column, ColumnType, Database, IndexColumn, IndexDefinition, IndexMethod, Row, TableDefinition, TableId, Value,
};
use manicule_query::expr::{AggregateCall, AggregateFunction, BinaryOperator as Op, Expr};
use manicule_query::plan::{Bound, JoinKind, LogicalPlan, OutputColumn, Query, SortKey, Statement};
use manicule_query::{DivisionByZero, Error, ExecutionContext, PhysicalPlan, PlanOptions, Result, Routing, Settings};

/// A row of a result.
pub(crate) type Values = Vec<Value<'static>>;

/// Numbers without order, the same in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub(crate) fn one<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

/// The columns of `items`.
pub(crate) const ID: usize = 0;
pub(crate) const A: usize = 1;
pub(crate) const B: usize = 2;
pub(crate) const C: usize = 3;
pub(crate) const D: usize = 4;
pub(crate) const E: usize = 5;
pub(crate) const ITEM_COLUMNS: usize = 6;

/// A database with `items(id, a, b, c, d, e)`, many indexes and many NULLs, and `parts(id, item, name)`.
pub(crate) struct Fixture {
    pub(crate) database: Database,
    pub(crate) items: TableId,
    pub(crate) parts: TableId,
}

fn index(name: &str, columns: &[(usize, bool)], unique: bool, method: IndexMethod) -> IndexDefinition {
    let columns = columns.iter().map(|&(column, descending)| IndexColumn { column, descending }).collect();
    IndexDefinition { name: name.into(), columns, unique, method }
}

/// What `a` and the other columns of the item `id` are.
pub(crate) fn item(id: usize) -> Values {
    let null_or = |is_null: bool, value: Value<'static>| if is_null { Value::Null } else { value };
    vec![
        Value::from(id as i64),
        null_or(id % 7 == 3, Value::from((id * 13 % 20) as i64 - 5)),
        null_or(id % 11 == 5, Value::from((id * 7 % 30) as f64 / 2.0 - 4.0)),
        null_or(id % 5 == 4, Value::text(["Ab", "abc", "ABD", "b", "Bc", "", "zz", "a%c"][id * 5 % 8].to_owned())),
        Value::from((id * 31 % 97) as i64),
        null_or(id.is_multiple_of(3), Value::Date((id % 40) as i32)),
    ]
}

impl Fixture {
    pub(crate) fn new(item_count: usize) -> Self {
        let database = Database::in_memory();
        let column = |name: &str, column_type| Column::new(name, column_type);
        let items = database
            .create_table(TableDefinition {
                name: "items".into(),
                columns: vec![
                    column("id", ColumnType::Integer),
                    column("a", ColumnType::Integer),
                    column("b", ColumnType::Real),
                    column("c", ColumnType::Text),
                    Column { not_null: true, ..column("d", ColumnType::Integer) },
                    column("e", ColumnType::Date),
                ],
                primary_key: vec![ID],
                ..TableDefinition::default()
            })
            .unwrap();
        let parts = database
            .create_table(TableDefinition {
                name: "parts".into(),
                columns: vec![
                    column("id", ColumnType::Integer),
                    column("item", ColumnType::Integer),
                    column("name", ColumnType::Text),
                ],
                primary_key: vec![0],
                ..TableDefinition::default()
            })
            .unwrap();
        for definition in [
            index("items_a", &[(A, false)], false, IndexMethod::Hash),
            index("items_b", &[(B, false)], false, IndexMethod::Tree),
            index("items_c", &[(C, false)], false, IndexMethod::Tree),
            index("items_a_d", &[(A, false), (D, true)], false, IndexMethod::Tree),
            index("items_e_a", &[(E, false), (A, false)], false, IndexMethod::Tree),
            index("items_d", &[(D, true), (ID, false)], true, IndexMethod::Tree),
        ] {
            database.create_index(items, definition).unwrap();
        }
        database.create_index(parts, index("parts_item", &[(1, false)], false, IndexMethod::Hash)).unwrap();
        let mut transaction = database.begin();
        for id in 0..item_count {
            transaction.insert(items, Row::new(&item(id))).unwrap();
        }
        for id in 0..item_count * 2 {
            let item =
                if id.is_multiple_of(9) { Value::Null } else { Value::from((id * 17 % (item_count + 9)) as i64) };
            let name = Value::text(format!("part {}", id % 4));
            transaction.insert(parts, Row::new(&[Value::from(id as i64), item, name])).unwrap();
        }
        transaction.commit().unwrap();
        Self { database, items, parts }
    }

    pub(crate) fn items_in(&self, slot: usize) -> LogicalPlan {
        LogicalPlan::Scan { table: self.items, slot }
    }

    pub(crate) fn parts_in(&self, slot: usize) -> LogicalPlan {
        LogicalPlan::Scan { table: self.parts, slot }
    }

    pub(crate) fn bound(&self, plan: LogicalPlan, width: usize, parameters: usize) -> Bound {
        let columns = (0..width).map(|column| OutputColumn { name: format!("c{column}"), column_type: None }).collect();
        self.statement(Statement::Query(Query { plan, columns, outer_slots: Vec::new() }), parameters)
    }

    pub(crate) fn statement(&self, statement: Statement, parameters: usize) -> Bound {
        let catalog_version = self.database.schema_version();
        Bound { statement, slot_count: 24, parameters: vec![None; parameters], catalog_version }
    }

    pub(crate) fn plan(&self, bound: &Bound, routing: Routing) -> PhysicalPlan {
        let snapshot = self.database.snapshot();
        PhysicalPlan::new(bound.clone(), &snapshot.view(), &PlanOptions { routing }).unwrap()
    }

    /// Plans and runs a query.
    pub(crate) fn query(&self, bound: &Bound, parameters: &[Value<'_>], routing: Routing) -> Result<Vec<Values>> {
        self.run(&self.plan(bound, routing), parameters)
    }

    /// Runs a query with SQLite's division by zero.
    pub(crate) fn run(&self, plan: &PhysicalPlan, parameters: &[Value<'_>]) -> Result<Vec<Values>> {
        let snapshot = self.database.snapshot();
        let settings = Settings { division_by_zero: DivisionByZero::Null };
        let context = ExecutionContext { parameters, settings, ..ExecutionContext::default() };
        let mut rows = Vec::new();
        plan.query(&snapshot.view(), &context, |row| {
            rows.push(owned(row));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(rows)
    }

    /// Runs a change in a transaction of its own.
    pub(crate) fn change(&self, statement: Statement, parameters: &[Value<'_>]) -> Result<(u64, Vec<Values>)> {
        let bound = self.statement(statement, parameters.len());
        let plan = self.plan(&bound, Routing::Automatic);
        let mut transaction = self.database.begin();
        let mut rows = Vec::new();
        let context = ExecutionContext { parameters, ..ExecutionContext::default() };
        let count = plan.change(&mut transaction, &context, |row| {
            rows.push(owned(row));
            Ok(ControlFlow::Continue(()))
        })?;
        transaction.commit().map_err(Error::from)?;
        Ok((count, rows))
    }

    /// All rows of a table.
    pub(crate) fn rows(&self, table: TableId) -> Vec<Values> {
        let snapshot = self.database.snapshot();
        let view = snapshot.view();
        let mut rows = Vec::new();
        let _ = view.scan(table, |_, row| {
            rows.push(row.values().map(Value::into_owned).collect());
            ControlFlow::<()>::Continue(())
        });
        rows
    }

    /// Runs a query routed and as a full scan, asserts that both give the same rows, and gives them, sorted.
    pub(crate) fn same_both_ways(&self, plan: LogicalPlan, width: usize, parameters: &[Value<'_>]) -> Vec<Values> {
        let bound = self.bound(plan, width, parameters.len());
        let routed = self.plan(&bound, Routing::Automatic);
        let mut by_route = self.run(&routed, parameters).unwrap();
        let mut by_scan = self.query(&bound, parameters, Routing::FullScan).unwrap();
        by_route.sort();
        by_scan.sort();
        assert_eq!(by_route, by_scan, "{}", routed.explain(manicule_query::ExplainFormat::Text));
        by_route
    }
}

pub(crate) fn owned(row: &[Value<'_>]) -> Values {
    row.iter().map(|value| value.as_borrowed().into_owned()).collect()
}

pub(crate) fn column(slot: usize, column: usize) -> Expr {
    Expr::column(slot, column)
}

pub(crate) fn literal(value: impl Into<Value<'static>>) -> Expr {
    Expr::literal(value)
}

pub(crate) fn compare(operator: Op, left: Expr, right: Expr) -> Expr {
    Expr::binary(operator, left, right)
}

pub(crate) fn equal(left: Expr, right: Expr) -> Expr {
    compare(Op::Equal, left, right)
}

pub(crate) fn filter(input: LogicalPlan, predicate: Expr) -> LogicalPlan {
    LogicalPlan::Filter { input: Box::new(input), predicate }
}

pub(crate) fn project(input: LogicalPlan, expressions: Vec<Expr>, slot: usize) -> LogicalPlan {
    LogicalPlan::Project { input: Box::new(input), expressions, slot }
}

/// All columns of the items in `from`.
pub(crate) fn all_items(input: LogicalPlan, from: usize, slot: usize) -> LogicalPlan {
    project(input, (0..ITEM_COLUMNS).map(|position| column(from, position)).collect(), slot)
}

pub(crate) fn join(left: LogicalPlan, right: LogicalPlan, kind: JoinKind, on: Option<Expr>) -> LogicalPlan {
    LogicalPlan::Join { left: Box::new(left), right: Box::new(right), kind, on }
}

pub(crate) fn sort(input: LogicalPlan, keys: Vec<(Expr, bool)>) -> LogicalPlan {
    let keys = keys.into_iter().map(|(expr, descending)| SortKey { expr, descending, nulls_first: !descending });
    LogicalPlan::Sort { input: Box::new(input), keys: keys.collect() }
}

pub(crate) fn limit(input: LogicalPlan, limit: Option<Expr>, offset: Option<Expr>) -> LogicalPlan {
    LogicalPlan::Limit { input: Box::new(input), limit, offset }
}

pub(crate) fn call(function: AggregateFunction, argument: Option<Expr>) -> AggregateCall {
    AggregateCall::new(function, argument)
}

pub(crate) fn aggregate(
    input: LogicalPlan,
    group_by: Vec<Expr>,
    aggregates: Vec<AggregateCall>,
    slot: usize,
) -> LogicalPlan {
    LogicalPlan::Aggregate { input: Box::new(input), group_by, aggregates, slot }
}

pub(crate) fn subquery(plan: LogicalPlan, width: usize, outer_slots: Vec<usize>) -> Box<Query> {
    let columns = (0..width).map(|column| OutputColumn { name: format!("s{column}"), column_type: None }).collect();
    Box::new(Query { plan, columns, outer_slots })
}
