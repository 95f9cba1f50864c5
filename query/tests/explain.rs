//! EXPLAIN names what runs: structure, index, key, residual, and why other indexes are left alone.

#[path = "support/fixture.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "each test file uses its part of the fixture, and a test may unwrap")]
mod fixture;

use fixture::*;
use manicule_engine::Value;
use manicule_query::expr::{BinaryOperator as Op, Expr};
use manicule_query::plan::{JoinKind, LogicalPlan};
use manicule_query::{ExecutionContext, ExplainFormat, PhysicalPlan, Routing};

fn plan(fixture: &Fixture, input: LogicalPlan, parameters: usize) -> PhysicalPlan {
    fixture.plan(&fixture.bound(all_items(input, 0, 8), ITEM_COLUMNS, parameters), Routing::Automatic)
}

/// The text and the footer of a query over the items with one condition.
fn explained(fixture: &Fixture, predicate: Expr, parameters: usize) -> (String, String) {
    let plan = plan(fixture, filter(fixture.items_in(0), predicate), parameters);
    (plan.explain(ExplainFormat::Text), plan.via())
}

fn at(of: usize) -> Expr {
    column(0, of)
}

fn between(of: usize, low: i64, high: i64) -> Expr {
    let (low, high) = (Box::new(literal(low)), Box::new(literal(high)));
    Expr::Between { operand: Box::new(at(of)), low, high, negated: false }
}

fn is_in(of: usize, list: &[i64]) -> Expr {
    let list = list.iter().map(|&item| literal(item)).collect();
    Expr::InList { operand: Box::new(at(of)), list, negated: false }
}

fn like(pattern: &'static str) -> Expr {
    Expr::Like { operand: Box::new(at(C)), pattern: Box::new(literal(pattern)), escape: None, negated: false }
}

#[test]
fn each_question_goes_to_the_structure_that_answers_it() {
    let fixture = Fixture::new(300);
    for (predicate, title, fact, via) in [
        (
            equal(at(ID), literal(7)),
            "HashIndex lookup on items using items_pkey",
            "key: id = 7",
            "via items_pkey (hash)",
        ),
        (
            equal(at(ID), Expr::Parameter(0)),
            "HashIndex lookup on items using items_pkey",
            "key: id = $1",
            "via items_pkey (hash)",
        ),
        (
            between(ID, 5, 9),
            "TreeIndex range on items using items_pkey",
            "bounds: id >= 5 AND id <= 9",
            "via items_pkey (tree)",
        ),
        (equal(at(A), literal(4)), "MultiIndex lookup on items using items_a", "key: a = 4", "via items_a (multi)"),
        (
            is_in(ID, &[3, 1, 3]),
            "HashIndex lookup of 3 keys on items using items_pkey",
            "key: id IN (3, 1, 3)",
            "via items_pkey (hash)",
        ),
        (
            Expr::Or(vec![equal(at(ID), literal(3)), equal(at(A), literal(4))]),
            "Union of paths on items",
            "filter: id = 3 OR a = 4",
            "via items_pkey (hash) + items_a (multi)",
        ),
        (
            Expr::And(vec![equal(at(A), literal(4)), compare(Op::Less, at(D), literal(20))]),
            "MultiIndex range on items using items_a_d",
            "bounds: a = 4 AND d < 20",
            "via items_a_d (multi)",
        ),
        (
            compare(Op::Greater, at(D), Expr::Parameter(0)),
            "TreeIndex range on items using items_d",
            "bounds: d > $1",
            "via items_d (tree)",
        ),
        (
            like("zz%"),
            "MultiIndex range on items using items_c",
            "bounds: c >= 'zz' AND c < 'z{'",
            "via items_c (multi)",
        ),
        (
            compare(Op::Greater, at(D), literal(3)),
            "Full scan of items, 300 rows",
            "Not used: items_d (tree) on items: keeps est",
            "via full scan of items, 300 rows",
        ),
    ] {
        let (text, footer) = explained(&fixture, predicate, usize::from(fact.contains('$')));
        assert!(text.contains(title) && text.contains(fact), "{title}; {fact}; {text}");
        assert_eq!(footer, via, "{text}");
    }
}

#[test]
fn every_other_index_has_a_reason() {
    let fixture = Fixture::new(300);
    let (text, _) = explained(&fixture, equal(column(0, A), literal(4)), 0);
    for reason in [
        "Not used: items_pkey (hash) on items: no predicate on id",
        "Not used: items_a_d (multi) on items: finds est",
        "Not used: items_d (tree) on items: no predicate on d",
    ] {
        assert!(text.contains(reason), "{reason}: {text}");
    }
    let (text, _) = explained(&fixture, compare(Op::Less, column(0, A), literal(-4)), 0);
    assert!(text.contains("items_a (multi) on items: answers only equality on a"), "{text}");
    assert!(text.contains("MultiIndex range on items using items_a_d"), "{text}");
}

#[test]
fn joins_show_their_way() {
    let fixture = Fixture::new(300);
    let on = equal(column(1, 1), column(0, ID));
    let few = filter(fixture.items_in(0), equal(column(0, ID), literal(4)));
    let text = plan(&fixture, join(few, fixture.parts_in(1), JoinKind::Inner, Some(on.clone())), 0)
        .explain(ExplainFormat::Text);
    assert!(text.contains("Nested loop"), "{text}");
    assert!(text.contains("MultiIndex covering lookup on parts using parts_item"), "{text}");
    let all = plan(&fixture, join(fixture.items_in(0), fixture.parts_in(1), JoinKind::Inner, Some(on)), 0);
    assert!(all.explain(ExplainFormat::Text).contains("Hash join"), "{}", all.explain(ExplainFormat::Text));
    assert_eq!(all.via(), "via full scan of items, 300 rows + full scan of parts, 600 rows");
}

#[test]
fn an_order_is_taken_from_an_index() {
    let fixture = Fixture::new(300);
    let ordered = |of, descending| {
        let rows = sort(all_items(fixture.items_in(0), 0, 8), vec![(column(8, of), descending)]);
        let bound = fixture.bound(limit(rows, Some(literal(5)), None), ITEM_COLUMNS, 0);
        fixture.plan(&bound, Routing::Automatic).explain(ExplainFormat::Text)
    };
    let text = ordered(B, true);
    assert!(text.contains("using items_b, backward") && !text.contains("Sort"), "{text}");
    let text = ordered(D, true);
    assert!(text.contains("using items_d") && !text.contains("backward") && !text.contains("Sort"), "{text}");
    assert!(ordered(A, false).contains("using items_a_d"));
}

#[test]
fn analysis_counts_what_ran() {
    let fixture = Fixture::new(300);
    let input = filter(fixture.items_in(0), equal(column(0, A), Expr::Parameter(0)));
    let plan = plan(&fixture, input, 1);
    let snapshot = fixture.database.snapshot();
    let context = ExecutionContext { parameters: &[Value::from(4)], ..ExecutionContext::default() };
    let text = plan.explain_analyze(&snapshot.view(), &context, ExplainFormat::Text).unwrap();
    let count = (0..300).filter(|&id| item(id)[A] == Value::from(4)).count();
    assert!(text.contains("MultiIndex lookup on items using items_a"), "{text}");
    assert!(text.contains(&format!("actual {count} rows")) && text.contains("Execution time"), "{text}");
    let json = plan.explain_analyze(&snapshot.view(), &context, ExplainFormat::Json).unwrap();
    assert!(json.starts_with("[{\"Plan\":{\"Node Type\":\"Index Scan\""), "{json}");
    assert!(
        json.contains("\"Index Name\":\"items_a\"") && json.contains(&format!("\"Actual Rows\":{count}")),
        "{json}"
    );
    assert_eq!(json.matches('{').count(), json.matches('}').count());
}

#[test]
fn rewrites_are_named() {
    let fixture = Fixture::new(10);
    let predicate = Expr::negated(Expr::Or(vec![
        compare(Op::Less, column(0, A), compare(Op::Add, literal(1), literal(2))),
        equal(column(0, D), literal(4)),
    ]));
    let (text, _) = explained(&fixture, predicate, 0);
    assert!(text.contains("a >= 3") && text.contains("d <> 4"), "{text}");
    assert!(text.contains("Rewritten by: fold_constants, push_negations_down"), "{text}");
}

#[test]
fn an_outer_join_whose_nulls_are_thrown_away_is_an_inner_join() {
    let fixture = Fixture::new(50);
    let on = equal(column(1, 1), column(0, ID));
    let joined = join(fixture.items_in(0), fixture.parts_in(1), JoinKind::Left, Some(on));
    let text = plan(&fixture, filter(joined, equal(column(1, 0), literal(3))), 0).explain(ExplainFormat::Text);
    assert!(text.contains("simplify_outer_joins") && !text.contains(", left"), "{text}");
    assert!(text.contains("HashIndex lookup on parts using parts_pkey"), "{text}");
}

#[test]
fn a_chain_of_64_tables_is_planned_in_a_moment() {
    let fixture = Fixture::new(20);
    let mut plan = fixture.items_in(0);
    let mut conditions = vec![equal(column(0, ID), literal(3))];
    for slot in 1..64 {
        plan = join(plan, fixture.items_in(slot), JoinKind::Inner, None);
        conditions.push(equal(column(slot, ID), column(slot - 1, ID)));
    }
    conditions.reverse();
    let plan = project(filter(plan, Expr::And(conditions)), vec![column(63, ID), column(0, ID)], 64);
    let mut bound = fixture.bound(plan, 2, 0);
    bound.slot_count = 65;
    let rows = fixture.query(&bound, &[], Routing::Automatic).unwrap();
    assert_eq!(rows, [[Value::from(3), Value::from(3)]]);
}
