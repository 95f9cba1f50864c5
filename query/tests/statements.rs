//! What statements give: aggregates, sets, subqueries, limits, changes.

#[path = "support/fixture.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "each test file uses its part of the fixture, and a test may unwrap")]
mod fixture;

use std::ops::ControlFlow;
use std::time::Instant;

use fixture::*;
use manicule_engine::Value;
use manicule_query::expr::{AggregateFunction, BinaryOperator as Op, Expr, Function};
use manicule_query::plan::{
    Check, Delete, Insert, JoinKind, LogicalPlan, OnConflict, OutputColumn, Returning, SetOperationKind, Statement,
    Update,
};
use manicule_query::{CancellationToken, Error, ExecutionContext, Limits, Routing};

fn integers(rows: &[Values]) -> Vec<Option<i64>> {
    rows.iter()
        .map(|row| match &row[0] {
            Value::Integer(integer) => Some(*integer),
            Value::Null => None,
            other => panic!("{other} is no integer"),
        })
        .collect()
}

fn values(rows: &[&[Value<'static>]], slot: usize) -> LogicalPlan {
    let rows = rows.iter().map(|row| row.iter().cloned().map(Expr::Literal).collect()).collect();
    LogicalPlan::Values { rows, slot }
}

/// One column of constants.
fn list(items: &[Option<i64>], slot: usize) -> LogicalPlan {
    let rows = items.iter().map(|item| vec![Expr::Literal(Value::from(*item))]).collect();
    LogicalPlan::Values { rows, slot }
}

fn expression(expr: Expr) -> Result<Value<'static>, Error> {
    let fixture = Fixture::new(0);
    let bound = fixture.bound(project(LogicalPlan::Unit, vec![expr], 0), 1, 0);
    let plan = fixture.plan(&bound, Routing::Automatic);
    let mut result = Value::Null;
    let snapshot = fixture.database.snapshot();
    plan.query(&snapshot.view(), &ExecutionContext::default(), |row| {
        result = row[0].as_borrowed().into_owned();
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(result)
}

#[test]
fn aggregates_pass_over_nulls() {
    let fixture = Fixture::new(0);
    let input = list(&[Some(3), None, Some(1), Some(3)], 0);
    let mut calls: Vec<_> = [
        AggregateFunction::CountRows,
        AggregateFunction::Count,
        AggregateFunction::Sum,
        AggregateFunction::Total,
        AggregateFunction::Average,
        AggregateFunction::Min,
        AggregateFunction::Max,
        AggregateFunction::GroupConcat,
    ]
    .into_iter()
    .map(|function| call(function, (function != AggregateFunction::CountRows).then(|| column(0, 0))))
    .collect();
    for function in [AggregateFunction::Count, AggregateFunction::Sum, AggregateFunction::GroupConcat] {
        let mut distinct = call(function, Some(column(0, 0)));
        distinct.distinct = true;
        calls.push(distinct);
    }
    let width = calls.len();
    let rows = fixture.same_both_ways(aggregate(input, Vec::new(), calls.clone(), 1), width, &[]);
    let expected = [
        Value::from(4),
        Value::from(3),
        Value::from(7),
        Value::from(7.0),
        Value::from(7.0 / 3.0),
        Value::from(1),
        Value::from(3),
        Value::from("3,1,3"),
        Value::from(2),
        Value::from(4),
        Value::from("3,1"),
    ];
    assert_eq!(rows, [expected]);
    let none = fixture.same_both_ways(aggregate(list(&[], 0), Vec::new(), calls, 1), width, &[]);
    assert_eq!(none[0][..4], [Value::from(0), Value::from(0), Value::Null, Value::from(0.0)]);
}

#[test]
fn sums_of_integers_fail_only_where_the_result_does_not_fit() {
    let fixture = Fixture::new(0);
    let sum = |items: &[Option<i64>]| {
        let plan = aggregate(list(items, 0), Vec::new(), vec![call(AggregateFunction::Sum, Some(column(0, 0)))], 1);
        fixture.query(&fixture.bound(plan, 1, 0), &[], Routing::Automatic)
    };
    assert_eq!(sum(&[Some(i64::MAX), Some(1), Some(-2)]).unwrap(), [[Value::from(i64::MAX - 1)]]);
    assert!(matches!(sum(&[Some(i64::MAX), Some(1)]), Err(Error::IntegerOverflow { .. })));
}

#[test]
fn groups_come_with_their_keys_and_having_is_a_filter() {
    let fixture = Fixture::new(100);
    let groups = aggregate(fixture.items_in(0), vec![column(0, A)], vec![call(AggregateFunction::CountRows, None)], 1);
    let having = filter(groups, compare(Op::Greater, column(1, 1), literal(3)));
    let rows = fixture.same_both_ways(project(having, vec![column(1, 0), column(1, 1)], 2), 2, &[]);
    let count = |key: &Value<'_>| (0..100).filter(|&id| item(id)[A] == *key).count() as i64;
    assert!(rows.len() > 1 && rows.iter().all(|row| row[1] == Value::from(count(&row[0]))), "{rows:?}");
    assert!(rows[0][0].is_null(), "the NULLs are one group");
}

#[test]
fn minimum_and_maximum_read_one_row_of_an_index() {
    let fixture = Fixture::new(200);
    for (function, of) in [(AggregateFunction::Min, B), (AggregateFunction::Max, B), (AggregateFunction::Max, D)] {
        let plan = aggregate(fixture.items_in(0), Vec::new(), vec![call(function, Some(column(0, of)))], 1);
        let bound = fixture.bound(plan.clone(), 1, 0);
        let rows = fixture.same_both_ways(plan, 1, &[]);
        let existing = (0..200).map(|id| item(id)[of].clone()).filter(|value| !value.is_null());
        let expected = if function == AggregateFunction::Min { existing.min() } else { existing.max() };
        assert_eq!(rows[0][0], expected.unwrap());
        let text = fixture.plan(&bound, Routing::Automatic).explain(manicule_query::ExplainFormat::Text);
        // A REAL does not come back from its key.
        let range = if of == B { "Index range on items" } else { "Index covering range on items" };
        assert!(text.contains("Limit") && text.contains(range), "{text}");
    }
}

#[test]
fn set_operations_hold_null_equal_to_null() {
    let fixture = Fixture::new(0);
    let run = |kind, all| {
        let plan = LogicalPlan::SetOperation {
            kind,
            all,
            left: Box::new(list(&[Some(1), None, None, Some(2), Some(2)], 0)),
            right: Box::new(list(&[None, Some(2), Some(3)], 1)),
            columns: 1,
            slot: 2,
        };
        integers(&fixture.same_both_ways(plan, 1, &[]))
    };
    assert_eq!(run(SetOperationKind::Union, false), [None, Some(1), Some(2), Some(3)]);
    assert_eq!(run(SetOperationKind::Union, true).len(), 8);
    assert_eq!(run(SetOperationKind::Intersect, false), [None, Some(2)]);
    assert_eq!(run(SetOperationKind::Intersect, true), [None, Some(2)]);
    assert_eq!(run(SetOperationKind::Except, false), [Some(1)]);
    assert_eq!(run(SetOperationKind::Except, true), [None, Some(1), Some(2)]);
}

#[test]
fn distinct_keeps_each_row_once_and_its_order() {
    let fixture = Fixture::new(0);
    let input = list(&[Some(2), None, Some(1), Some(2), None], 0);
    let plan = LogicalPlan::Distinct { input: Box::new(project(input, vec![column(0, 0)], 1)), columns: 1 };
    let rows = fixture.query(&fixture.bound(plan, 1, 0), &[], Routing::Automatic).unwrap();
    assert_eq!(integers(&rows), [Some(2), None, Some(1)]);
}

#[test]
fn in_a_query_follows_three_valued_logic() {
    let fixture = Fixture::new(0);
    let run = |operand: Option<i64>, rows: &[Option<i64>], negated| {
        let query = subquery(list(rows, 1), 1, Vec::new());
        let operand = Box::new(Expr::Literal(Value::from(operand)));
        let plan = project(LogicalPlan::Unit, vec![Expr::InQuery { operand, query, negated }], 2);
        fixture.query(&fixture.bound(plan, 1, 0), &[], Routing::Automatic).unwrap()[0][0].clone()
    };
    for (operand, rows, expected) in [
        (Some(1), &[Some(1), None][..], Value::from(true)),
        (Some(2), &[Some(1), None], Value::Null),
        (Some(2), &[Some(1)], Value::from(false)),
        (None, &[Some(1)], Value::Null),
        (None, &[], Value::from(false)),
        (Some(1), &[], Value::from(false)),
    ] {
        assert_eq!(run(operand, rows, false), expected, "{operand:?} IN {rows:?}");
        let negated = match expected {
            Value::Boolean(boolean) => Value::from(!boolean),
            other => other,
        };
        assert_eq!(run(operand, rows, true), negated, "{operand:?} NOT IN {rows:?}");
    }
}

#[test]
fn correlated_subqueries_see_the_outer_row() {
    let fixture = Fixture::new(40);
    let correlated = |slot| filter(fixture.parts_in(slot), equal(column(slot, 1), column(0, ID)));
    let exists = Expr::Exists { query: subquery(correlated(1), 3, vec![0]), negated: false };
    let count = aggregate(correlated(2), Vec::new(), vec![call(AggregateFunction::CountRows, None)], 3);
    let count = Expr::Scalar(subquery(count, 1, vec![0]));
    let plan = project(filter(fixture.items_in(0), exists), vec![column(0, ID), count], 4);
    let rows = fixture.same_both_ways(plan, 2, &[]);
    let parts = fixture.rows(fixture.parts);
    let expected: Vec<Values> = (0..40)
        .map(|id| (id, parts.iter().filter(|part| part[1] == Value::from(id)).count() as i64))
        .filter(|(_, count)| *count > 0)
        .map(|(id, count)| vec![Value::from(id), Value::from(count)])
        .collect();
    assert_eq!(rows, expected);
}

#[test]
fn left_joins_keep_rows_without_a_partner() {
    let fixture = Fixture::new(30);
    let on = Expr::And(vec![equal(column(1, 1), column(0, ID)), equal(column(1, 2), literal("part 1"))]);
    let joined = join(fixture.items_in(0), fixture.parts_in(1), JoinKind::Left, Some(on));
    let alone = filter(joined, Expr::IsNull { operand: Box::new(column(1, 0)), negated: false });
    let rows = fixture.same_both_ways(project(alone, vec![column(0, ID)], 2), 1, &[]);
    let parts = fixture.rows(fixture.parts);
    let has = |id: i64| parts.iter().any(|part| part[1] == Value::from(id) && part[2] == Value::from("part 1"));
    assert_eq!(integers(&rows), (0..30).filter(|&id| !has(id)).map(Some).collect::<Vec<_>>());
}

#[test]
fn limits_of_rows() {
    let fixture = Fixture::new(0);
    let run = |count: Option<i64>, offset: Option<i64>| {
        let input = list(&[Some(1), Some(2), Some(3)], 0);
        let plan = limit(input, count.map(literal), offset.map(literal));
        let rows = fixture.query(&fixture.bound(plan, 1, 0), &[], Routing::Automatic)?;
        Ok::<_, Error>(rows.len())
    };
    assert_eq!(run(Some(2), None).unwrap(), 2);
    assert_eq!(run(Some(0), None).unwrap(), 0);
    assert_eq!(run(None, Some(1)).unwrap(), 2);
    assert_eq!(run(Some(i64::MAX), Some(i64::MAX)).unwrap(), 0);
    assert!(matches!(run(Some(-1), None), Err(Error::InvalidRowCount { clause: "LIMIT", .. })));
    assert!(matches!(run(Some(1), Some(-1)), Err(Error::InvalidRowCount { clause: "OFFSET", .. })));
}

#[test]
fn a_limit_inside_ends_only_its_own_input() {
    let fixture = Fixture::new(0);
    let inner = project(limit(list(&[Some(1), Some(2)], 1), Some(literal(1)), None), vec![column(1, 0)], 2);
    let pairs = join(list(&[Some(7), Some(8), Some(9)], 0), inner, JoinKind::Inner, None);
    let plan = limit(project(pairs, vec![column(0, 0), column(2, 0)], 3), Some(literal(2)), None);
    let rows = fixture.query(&fixture.bound(plan, 2, 0), &[], Routing::Automatic).unwrap();
    assert_eq!(integers(&rows), [Some(7), Some(8)]);
}

#[test]
fn expressions_fail_as_they_should() {
    let binary = |operator, left: i64, right: i64| compare(operator, literal(left), literal(right));
    for (expr, sqlstate) in [
        (binary(Op::Divide, 1, 0), "22012"),
        (binary(Op::Remainder, 1, 0), "22012"),
        (binary(Op::Add, i64::MAX, 1), "22003"),
        (binary(Op::Divide, i64::MIN, -1), "22003"),
        (compare(Op::Multiply, literal(1e308), literal(10)), "22003"),
        (Expr::Function { function: Function::Abs, arguments: vec![literal(i64::MIN)] }, "22003"),
        (compare(Op::Add, literal("a"), literal(1)), "42804"),
    ] {
        let text = format!("{expr:?}");
        assert_eq!(expression(expr).unwrap_err().sqlstate(), sqlstate, "{text}");
    }
    assert_eq!(expression(binary(Op::Divide, -7, 2)).unwrap(), Value::from(-3));
    assert_eq!(expression(binary(Op::Remainder, i64::MIN, -1)).unwrap(), Value::from(0));
    // A branch that is not taken does not fail.
    let case = Expr::Case {
        operand: None,
        branches: vec![(literal(false), binary(Op::Divide, 1, 0))],
        otherwise: Some(Box::new(literal(5))),
    };
    assert_eq!(expression(case).unwrap(), Value::from(5));
}

#[test]
fn a_replacement_that_would_fill_the_memory_is_refused() {
    let mut text = literal("a".repeat(1000));
    for _ in 0..4 {
        let arguments = vec![text, literal("a"), literal("a".repeat(1000))];
        text = Expr::Function { function: Function::Replace, arguments };
    }
    assert!(matches!(expression(text), Err(Error::ValueTooLarge { .. })));
}

fn endless(fixture: &Fixture) -> LogicalPlan {
    let pair = join(fixture.items_in(0), fixture.items_in(1), JoinKind::Inner, None);
    let triple = join(pair, fixture.items_in(2), JoinKind::Inner, None);
    let all = join(triple, fixture.items_in(3), JoinKind::Inner, None);
    project(all, vec![column(0, ID)], 4)
}

#[test]
fn a_run_ends_at_its_limits() {
    let fixture = Fixture::new(200);
    let plan = fixture.plan(&fixture.bound(endless(&fixture), 1, 0), Routing::Automatic);
    // By an expression, as the order of a column would come from its index.
    let key = compare(Op::Add, column(4, 0), literal(1));
    let sorted = sort(endless(&fixture), vec![(key, false)]);
    let sorted = fixture.plan(&fixture.bound(sorted, 1, 0), Routing::Automatic);
    let token = CancellationToken::new();
    token.cancel();
    let snapshot = fixture.database.snapshot();
    let run = |plan: &manicule_query::PhysicalPlan, limits| {
        let context = ExecutionContext { limits, ..ExecutionContext::default() };
        plan.query(&snapshot.view(), &context, |_| Ok(ControlFlow::Continue(()))).unwrap_err().sqlstate()
    };
    assert_eq!(run(&plan, Limits { token: Some(&token), ..Limits::default() }), "57014");
    let deadline = Some(Instant::now() + std::time::Duration::from_millis(20));
    assert_eq!(run(&plan, Limits { deadline, ..Limits::default() }), "57014");
    assert_eq!(run(&sorted, Limits { memory_bytes_max: Some(1 << 20), ..Limits::default() }), "53200");
}

fn insert(fixture: &Fixture, rows: &[&[Value<'static>]], on_conflict: OnConflict) -> Insert {
    let columns = (0..3).map(|column| OutputColumn { name: format!("c{column}"), column_type: None }).collect();
    let source = manicule_query::plan::Query { plan: values(rows, 1), columns, outer_slots: Vec::new() };
    let name = |expr| Returning {
        expressions: vec![expr],
        columns: vec![OutputColumn { name: "name".into(), column_type: None }],
    };
    Insert {
        table: fixture.parts,
        source,
        on_conflict,
        checks: vec![Check { sql: "id < 1000".into(), predicate: compare(Op::Less, column(0, 0), literal(1000)) }],
        returning: Some(name(column(0, 2))),
        slot: 0,
    }
}

#[test]
fn inserts_coerce_check_and_return() {
    let fixture = Fixture::new(3);
    let new = insert(&fixture, &[&[Value::from(100.0), Value::Null, Value::from("new")]], OnConflict::Fail);
    let (count, returned) = fixture.change(Statement::Insert(new), &[]).unwrap();
    assert_eq!((count, returned), (1, vec![vec![Value::from("new")]]));
    assert!(matches!(fixture.rows(fixture.parts).last().unwrap()[0], Value::Integer(100)));
    let two: &[&[Value<'static>]] =
        &[&[Value::from(101), Value::Null, Value::Null], &[Value::from(1000), Value::Null, Value::Null]];
    let refused = fixture.change(Statement::Insert(insert(&fixture, two, OnConflict::Fail)), &[]);
    assert_eq!(refused.unwrap_err().sqlstate(), "23514");
    let twice: &[&[Value<'static>]] =
        &[&[Value::from(101), Value::Null, Value::Null], &[Value::from(100), Value::Null, Value::Null]];
    let refused = fixture.change(Statement::Insert(insert(&fixture, twice, OnConflict::Fail)), &[]);
    assert_eq!(refused.unwrap_err().sqlstate(), "23505");
    assert_eq!(fixture.rows(fixture.parts).len(), 7);
}

#[test]
fn a_failing_statement_leaves_its_transaction_as_it_was() {
    let fixture = Fixture::new(3);
    let twice: &[&[Value<'static>]] =
        &[&[Value::from(500), Value::Null, Value::Null], &[Value::from(500), Value::Null, Value::Null]];
    let statement = Statement::Insert(insert(&fixture, twice, OnConflict::Fail));
    let plan = fixture.plan(&fixture.statement(statement, 0), Routing::Automatic);
    let mut transaction = fixture.database.begin();
    let failed = plan.change(&mut transaction, &ExecutionContext::default(), |_| Ok(ControlFlow::Continue(())));
    assert_eq!(failed.unwrap_err().sqlstate(), "23505");
    assert!(!transaction.has_changes());
}

#[test]
fn conflicts_are_resolved_as_asked() {
    let fixture = Fixture::new(3);
    let rows: &[&[Value<'static>]] = &[
        &[Value::from(2), Value::from(7), Value::from("x")],
        &[Value::from(50), Value::from(7), Value::from("y")],
        &[Value::from(50), Value::from(8), Value::from("z")],
    ];
    let part = |id: i64| fixture.rows(fixture.parts).into_iter().find(|row| row[0] == Value::from(id));
    let (count, _) = fixture
        .change(Statement::Insert(insert(&fixture, rows, OnConflict::DoNothing { columns: Vec::new() })), &[])
        .unwrap();
    assert_eq!((count, part(2).unwrap()[2].clone(), part(50).unwrap()[2].clone()), (1, "part 2".into(), "y".into()));
    let (count, _) = fixture.change(Statement::Insert(insert(&fixture, rows, OnConflict::Replace)), &[]).unwrap();
    assert_eq!((count, part(2).unwrap()[2].clone(), part(50).unwrap()[1].clone()), (3, "x".into(), 8.into()));
    let update = OnConflict::Update {
        columns: vec![0],
        assignments: vec![(2, compare(Op::Concat, column(5, 2), column(0, 2)))],
        condition: Some(compare(Op::Greater, column(5, 0), literal(10))),
        existing: 5,
    };
    let (count, returned) = fixture.change(Statement::Insert(insert(&fixture, rows, update)), &[]).unwrap();
    assert_eq!((count, returned.len()), (2, 2));
    assert_eq!((part(2).unwrap()[2].clone(), part(50).unwrap()[2].clone()), ("x".into(), "zyz".into()));
    assert_eq!(fixture.rows(fixture.parts).len(), 7);
}

#[test]
fn updates_read_the_rows_as_they_were() {
    let fixture = Fixture::new(20);
    // Every id moves up by one: each new key was another row's key before.
    let update = Update {
        table: fixture.items,
        slot: 0,
        input: fixture.items_in(0),
        assignments: vec![
            (ID, compare(Op::Add, column(0, ID), literal(1))),
            (B, compare(Op::Add, column(0, ID), literal(0))),
        ],
        checks: Vec::new(),
        returning: None,
    };
    assert_eq!(fixture.change(Statement::Update(update), &[]).unwrap().0, 20);
    let rows = fixture.rows(fixture.items);
    assert!(rows.iter().all(|row| row[ID]
        == Value::from(match row[B] {
            Value::Real(real) => real as i64 + 1,
            _ => panic!("an integer put into a REAL column is a real"),
        })));
    let plan = all_items(filter(fixture.items_in(0), equal(column(0, ID), literal(20))), 0, 1);
    assert_eq!(fixture.same_both_ways(plan, ITEM_COLUMNS, &[]).len(), 1);
}

#[test]
fn deletes_find_their_rows_by_an_index_and_return_them() {
    let fixture = Fixture::new(40);
    let wanted = filter(fixture.items_in(0), equal(column(0, A), Expr::Parameter(0)));
    let returning = Some(Returning {
        expressions: vec![column(0, ID)],
        columns: vec![OutputColumn { name: "id".into(), column_type: None }],
    });
    let delete = Delete { table: fixture.items, slot: 0, input: wanted, returning };
    let (count, mut returned) = fixture.change(Statement::Delete(delete), &[Value::from(8)]).unwrap();
    returned.sort();
    let expected: Vec<Values> =
        (0..40).filter(|&id| item(id)[A] == Value::from(8)).map(|id| vec![Value::from(id as i64)]).collect();
    assert_eq!((count, &returned), (expected.len() as u64, &expected));
    assert_eq!(fixture.rows(fixture.items).len(), 40 - expected.len());
}

#[test]
fn the_number_of_parameters_is_checked() {
    let fixture = Fixture::new(1);
    let plan = all_items(filter(fixture.items_in(0), equal(column(0, ID), Expr::Parameter(0))), 0, 1);
    let error = fixture.query(&fixture.bound(plan, ITEM_COLUMNS, 1), &[], Routing::Automatic).unwrap_err();
    assert!(matches!(error, Error::ParameterCount { expected: 1, found: 0 }));
}

#[test]
fn a_plan_knows_when_its_tables_have_outgrown_it() {
    let fixture = Fixture::new(10);
    let plan = all_items(filter(fixture.items_in(0), compare(Op::Less, column(0, D), literal(3))), 0, 1);
    let plan = fixture.plan(&fixture.bound(plan, ITEM_COLUMNS, 0), Routing::Automatic);
    assert!(!plan.is_outdated(&fixture.database.snapshot().view()));
    let mut transaction = fixture.database.begin();
    for id in 100..700 {
        transaction.insert(fixture.items, manicule_engine::Row::new(&item(id))).unwrap();
    }
    transaction.commit().unwrap();
    assert!(plan.is_outdated(&fixture.database.snapshot().view()));
}

#[test]
fn long_chains_of_operators_need_little_stack() {
    // On the two mebibytes of a test's thread.
    let sum = (0..1000).fold(literal(0), |sum, _| compare(Op::Add, sum, Expr::column(0, 0)));
    let fixture = Fixture::new(0);
    let plan = project(list(&[Some(2)], 0), vec![sum], 1);
    let rows = fixture.query(&fixture.bound(plan, 1, 0), &[], Routing::Automatic).unwrap();
    assert_eq!(integers(&rows), [Some(2000)]);
}
