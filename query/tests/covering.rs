//! Scans that an index covers: the rows of the full scan, whatever else goes on, and EXPLAIN says which they are.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/fixture.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "each test file uses its part of the fixture, and a test may unwrap")]
mod fixture;

use std::ops::ControlFlow;

use fixture::*;
use manicule_engine::{Row, RowId, Value, View};
use manicule_query::expr::{AggregateFunction, BinaryOperator as Op, Expr};
use manicule_query::plan::{JoinKind, LogicalPlan};
use manicule_query::{ExecutionContext, ExplainFormat, PhysicalPlan, PlanOptions, Routing};

/// A condition on one or two columns that have an index together.
fn condition(random: &mut Random, slot: usize) -> (Expr, Vec<usize>) {
    let value = |random: &mut Random, of: usize| item(random.below(60))[of].clone();
    let one = |random: &mut Random, of: usize| {
        let subject = column(slot, of);
        match random.below(6) {
            0 | 1 => equal(subject, Expr::Literal(value(random, of))),
            2 => compare(Op::Less, subject, Expr::Literal(value(random, of))),
            3 => Expr::InList {
                operand: Box::new(subject),
                list: (0..4).map(|_| Expr::Literal(value(random, of))).collect(),
                negated: false,
            },
            4 => Expr::IsNull { operand: Box::new(subject), negated: false },
            _ => {
                let bounds = [value(random, of), value(random, of)].map(|value| Box::new(Expr::Literal(value)));
                let [low, high] = bounds;
                Expr::Between { operand: Box::new(subject), low, high, negated: false }
            }
        }
    };
    let columns = random.one(&[vec![ID], vec![A], vec![B], vec![C], vec![D], vec![E], vec![A, D], vec![E, A]]).clone();
    let mut parts: Vec<Expr> = columns.iter().map(|&of| one(random, of)).collect();
    if random.below(4) == 0 {
        parts.push(compare(Op::NotEqual, column(slot, columns[0]), Expr::Literal(value(random, columns[0]))));
    }
    (Expr::and(parts), columns)
}

/// A query that an index may cover: counts, columns of the condition, ends, EXISTS.
fn query(fixture: &Fixture, random: &mut Random) -> (LogicalPlan, usize) {
    let (predicate, columns) = condition(random, 0);
    let rows = filter(fixture.items_in(0), predicate);
    let of = *random.one(&columns);
    match random.below(6) {
        0 | 1 => {
            let calls = vec![call(AggregateFunction::CountRows, None)];
            (project(aggregate(rows, Vec::new(), calls, 1), vec![column(1, 0)], 2), 1)
        }
        2 => {
            let end = *random.one(&[AggregateFunction::Min, AggregateFunction::Max]);
            let calls = vec![call(end, Some(column(0, of)))];
            (project(aggregate(rows, Vec::new(), calls, 1), vec![column(1, 0)], 2), 1)
        }
        3 => {
            let calls =
                vec![call(AggregateFunction::CountRows, None), call(AggregateFunction::Count, Some(column(0, of)))];
            let grouped = aggregate(rows, vec![column(0, of)], calls, 1);
            (project(grouped, (0..3).map(|position| column(1, position)).collect(), 2), 3)
        }
        4 => {
            // The parts whose item is there.
            let is_it = equal(column(0, ID), column(3, 1));
            let found = project(filter(fixture.items_in(0), is_it), vec![literal(1)], 1);
            let exists = Expr::Exists { query: subquery(found, 1, vec![3]), negated: random.below(2) == 0 };
            (project(filter(fixture.parts_in(3), exists), vec![column(3, 0)], 4), 1)
        }
        // The id is beside every key, as long as ids count up.
        _ => {
            let columns = columns.iter().chain((random.below(2) == 0).then_some(&ID));
            let columns: Vec<Expr> = columns.map(|&of| column(0, of)).collect();
            let width = columns.len();
            (project(rows, columns, 1), width)
        }
    }
}

fn run(plan: &PhysicalPlan, view: &View<'_>) -> Vec<Values> {
    let mut rows = Vec::new();
    let context = ExecutionContext::default();
    plan.query(view, &context, |row| {
        rows.push(owned(row));
        Ok(ControlFlow::Continue(()))
    })
    .unwrap();
    rows.sort();
    rows
}

#[test]
fn covered_queries_agree_with_the_full_scan_beside_changes() {
    let fixture = Fixture::new(150);
    let mut random = Random(0x0dd_c0de);
    let mut covered = 0;
    let mut held = fixture.database.snapshot();
    for round in 0..240_u64 {
        if round.is_multiple_of(8) {
            let change = |transaction: &mut manicule_engine::Transaction| {
                let (id, like) = (round * 7 % 150, (round as usize * 11) % 150);
                let mut values = item(like);
                values[ID] = Value::from(id as i64);
                values[D] = Value::from(round as i64 - 300);
                transaction.update(fixture.items, RowId(id), Row::new(&values))
            };
            fixture.database.run(change).unwrap();
        }
        if round.is_multiple_of(64) {
            held = fixture.database.snapshot();
        }
        if round % 16 > 8 {
            fixture.database.vacuum();
        }
        let mut transaction = fixture.database.begin();
        transaction.delete(fixture.items, RowId(round % 150)).unwrap();
        let (plan, width) = query(&fixture, &mut random);
        let bound = fixture.bound(plan, width, 0);
        let now = fixture.database.snapshot();
        for view in [now.view(), held.view(), transaction.view()] {
            let plan = |routing| PhysicalPlan::new(bound.clone(), &view, &PlanOptions { routing }).unwrap();
            let (routed, scan) = (plan(Routing::Automatic), plan(Routing::FullScan));
            let text = routed.explain(ExplainFormat::Text);
            assert_eq!(run(&routed, &view), run(&scan, &view), "{text}");
            assert_eq!(text.contains(" covering "), routed.via().contains(", covering)"), "{text}");
            covered += u64::from(text.contains(" covering "));
        }
    }
    assert!(covered > 240, "{covered} of 720 were covered");
}

fn count_of(fixture: &Fixture, predicate: Expr) -> PhysicalPlan {
    let calls = vec![call(AggregateFunction::CountRows, None)];
    let counted = aggregate(filter(fixture.items_in(0), predicate), Vec::new(), calls, 1);
    fixture.plan(&fixture.bound(project(counted, vec![column(1, 0)], 2), 1, 0), Routing::Automatic)
}

fn analyzed(fixture: &Fixture, plan: &PhysicalPlan, format: ExplainFormat) -> String {
    let snapshot = fixture.database.snapshot();
    plan.explain_analyze(&snapshot.view(), &ExecutionContext::default(), format).unwrap()
}

#[test]
fn explain_says_that_an_index_covers_a_scan_and_how_many_rows_were_read() {
    let fixture = Fixture::new(300);
    let count = (0..300).filter(|&id| item(id)[A] == Value::from(4)).count();
    let plan = count_of(&fixture, equal(column(0, A), literal(4)));
    assert_eq!(plan.via(), "via items_a (multi, covering)");
    let text = analyzed(&fixture, &plan, ExplainFormat::Text);
    assert!(text.contains("MultiIndex covering lookup on items using items_a"), "{text}");
    assert!(text.contains(&format!("actual {count} rows,")) && text.contains("rows read: 0\n"), "{text}");
    let json = analyzed(&fixture, &plan, ExplainFormat::Json);
    assert!(json.contains("\"Node Type\":\"Index Only Scan\"") && json.contains("\"Heap Fetches\":\"0\""), "{json}");
    let change = |transaction: &mut manicule_engine::Transaction| {
        transaction.update(fixture.items, RowId(0), Row::new(&item(0)))
    };
    fixture.database.run(change).unwrap();
    let text = analyzed(&fixture, &plan, ExplainFormat::Text);
    assert!(text.contains(&format!("actual {count} rows,")), "{text}");
    assert!(text.contains(&format!("rows read: {count}\n")), "{text}");
    fixture.database.vacuum();
    assert!(analyzed(&fixture, &plan, ExplainFormat::Text).contains("rows read: 0\n"));
}

#[test]
fn an_index_covers_what_its_keys_give_back() {
    let fixture = Fixture::new(300);
    let via = |of: &[usize], predicate: Expr| {
        let plan = project(filter(fixture.items_in(0), predicate), of.iter().map(|&of| column(0, of)).collect(), 1);
        fixture.plan(&fixture.bound(plan, of.len(), 0), Routing::Automatic).via()
    };
    let few = |of, value: Value<'static>| compare(Op::Less, column(0, of), Expr::Literal(value));
    assert_eq!(via(&[A, D], few(A, Value::from(-3))), "via items_a_d (multi, covering)");
    assert_eq!(via(&[A, E], few(A, Value::from(-3))), "via items_a_d (multi)", "the index has no e");
    assert_eq!(via(&[A, ID], few(A, Value::from(-3))), "via items_a_d (multi, covering)", "the row id tells the id");
    assert_eq!(via(&[C], few(C, Value::from("A"))), "via items_c (multi, covering)");
    assert_eq!(via(&[B], few(B, Value::from(-3.5))), "via items_b (multi)", "0.0 and -0.0 have one key");
    assert_eq!(via(&[D, ID], equal(column(0, D), literal(9))), "via items_d (tree, covering)");
    let residual = Expr::And(vec![few(A, Value::from(-3)), compare(Op::NotEqual, column(0, E), literal(1))]);
    assert_eq!(via(&[A], residual), "via items_a_d (multi)", "the condition reads another column");
    assert_eq!(via(&[A], equal(column(0, ID), literal(3))), "via items_pkey (hash)");
    let renumber = |transaction: &mut manicule_engine::Transaction| {
        let mut values = item(0);
        values[ID] = Value::from(-1);
        transaction.update(fixture.items, RowId(0), Row::new(&values))
    };
    fixture.database.run(renumber).unwrap();
    assert_eq!(via(&[A, ID], few(A, Value::from(-3))), "via items_a_d (multi)", "the ids do not count up any more");
}

#[test]
fn both_sides_of_a_join_may_be_covered() {
    let fixture = Fixture::new(300);
    let on = equal(column(1, 1), column(0, ID));
    let few = filter(fixture.items_in(0), compare(Op::Less, column(0, ID), literal(9)));
    let plan = join(few, fixture.parts_in(1), JoinKind::Inner, Some(on));
    let plan = project(plan, vec![column(0, ID), column(1, 1)], 2);
    let rows = fixture.same_both_ways(plan.clone(), 2, &[]);
    assert!(rows.len() > 10 && rows.iter().all(|row| row[0] == row[1]));
    let via = fixture.plan(&fixture.bound(plan, 2, 0), Routing::Automatic).via();
    assert_eq!(via, "via items_pkey (tree, covering) + parts_item (multi, covering)");
}

#[test]
fn rows_are_counted_in_the_index_however_many_where_none_has_to_be_looked_at() {
    let fixture = Fixture::new(300);
    let most = || compare(Op::Greater, column(0, D), literal(3));
    assert_eq!(count_of(&fixture, most()).via(), "via items_d (tree, covering)");
    let and_more = Expr::And(vec![most(), compare(Op::NotEqual, column(0, A), literal(3))]);
    assert_eq!(count_of(&fixture, and_more).via(), "via full scan of items, 300 rows");
    let change = |transaction: &mut manicule_engine::Transaction| {
        transaction.update(fixture.items, RowId(0), Row::new(&item(0)))
    };
    fixture.database.run(change).unwrap();
    assert_eq!(count_of(&fixture, most()).via(), "via full scan of items, 300 rows");
    fixture.database.vacuum();
    assert_eq!(count_of(&fixture, most()).via(), "via items_d (tree, covering)");
}

#[test]
fn all_rows_are_counted_by_their_number_at_any_snapshot() {
    let fixture = Fixture::new(300);
    let calls = || vec![call(AggregateFunction::CountRows, None)];
    let count = project(aggregate(fixture.items_in(0), Vec::new(), calls(), 1), vec![column(1, 0)], 2);
    let bound = fixture.bound(count, 1, 0);
    let plan = fixture.plan(&bound, Routing::Automatic);
    assert_eq!(plan.via(), "via row count of items");
    assert_eq!(fixture.plan(&bound, Routing::FullScan).via(), "via full scan of items, 300 rows");
    let text = analyzed(&fixture, &plan, ExplainFormat::Text);
    assert!(text.contains("Row count of items") && text.contains("full scan, while some rows have older"), "{text}");
    assert!(text.contains("actual 300 rows,") && text.contains("rows read: 0\n"), "{text}");

    let held = fixture.database.snapshot();
    let mut transaction = fixture.database.begin();
    (0..100).for_each(|id| transaction.delete(fixture.items, RowId(id)).unwrap());
    let number = |view: &View<'_>| run(&plan, view)[0][0].clone();
    assert_eq!(number(&transaction.view()), Value::from(200), "its own changes");
    assert_eq!(number(&fixture.database.snapshot().view()), Value::from(300), "not yet committed");
    transaction.commit().unwrap();
    assert_eq!(number(&held.view()), Value::from(300), "an older snapshot");
    let text = analyzed(&fixture, &plan, ExplainFormat::Text);
    assert!(text.contains("actual 200 rows,") && text.contains("rows read: 200\n"), "{text}");
    drop(held);
    fixture.database.vacuum();
    assert!(analyzed(&fixture, &plan, ExplainFormat::Text).contains("rows read: 0\n"));

    let grouped = aggregate(fixture.items_in(0), vec![column(0, A)], calls(), 1);
    let grouped = project(grouped, vec![column(1, 1)], 2);
    assert_eq!(
        fixture.plan(&fixture.bound(grouped, 1, 0), Routing::Automatic).via(),
        "via full scan of items, 200 rows"
    );
}
