//! Every access path gives the rows of the full scan, whatever the condition.

#[path = "support/fixture.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "each test file uses its part of the fixture, and a test may unwrap")]
mod fixture;

use fixture::*;
use manicule_engine::{ColumnType, Value};
use manicule_query::expr::{BinaryOperator as Op, Expr};
use manicule_query::plan::{JoinKind, LogicalPlan};
use manicule_query::{ExplainFormat, Routing};

/// A constant near the values of the column, now and then of another kind.
fn constant(random: &mut Random, of: usize) -> Value<'static> {
    let other = random.below(12);
    if other == 0 {
        return random
            .one(&[
                Value::Null,
                Value::from(3.5),
                Value::from(true),
                Value::from("5"),
                Value::from(1e300),
                Value::from(-1e300),
                Value::from(i64::MAX),
                Value::from(i64::MIN),
                Value::Timestamp(86_400_000_000 * 5 + 1),
                Value::from(f64::NAN),
            ])
            .clone();
    }
    item(random.below(60))[of].clone()
}

fn operand(random: &mut Random, of: usize, parameters: &mut Vec<Value<'static>>) -> Expr {
    let value = constant(random, of);
    if random.below(3) == 0 {
        parameters.push(value);
        return Expr::Parameter(parameters.len() - 1);
    }
    Expr::Literal(value)
}

fn condition(random: &mut Random, depth: usize, slot: usize, parameters: &mut Vec<Value<'static>>) -> Expr {
    if depth > 0 && random.below(2) == 0 {
        let parts = (0..2 + random.below(2)).map(|_| condition(random, depth - 1, slot, parameters)).collect();
        return match random.below(5) {
            0 | 1 => Expr::And(parts),
            2 | 3 => Expr::Or(parts),
            _ => Expr::negated(Expr::And(parts)),
        };
    }
    let of = random.below(ITEM_COLUMNS);
    let subject = Box::new(column(slot, of));
    let negated = random.below(4) == 0;
    match random.below(9) {
        0..=2 => {
            let operators = [Op::Equal, Op::Equal, Op::Less, Op::LessOrEqual, Op::Greater, Op::GreaterOrEqual];
            let operator = *random.one(&operators);
            let value = operand(random, of, parameters);
            if negated { compare(operator, value, *subject) } else { compare(operator, *subject, value) }
        }
        3 => {
            let (low, high) = (operand(random, of, parameters), operand(random, of, parameters));
            Expr::Between { operand: subject, low: Box::new(low), high: Box::new(high), negated }
        }
        4 | 5 => {
            let list = (0..random.below(12)).map(|_| operand(random, of, parameters)).collect();
            Expr::InList { operand: subject, list, negated }
        }
        6 => Expr::IsNull { operand: subject, negated },
        7 => {
            let pattern = *random.one(&["a%", "A_", "b", "%c", "", "zz%", "a!%c", "Ab%d"]);
            let subject = Box::new(column(slot, C));
            Expr::Like { operand: subject, pattern: Box::new(literal(pattern)), escape: None, negated }
        }
        _ => {
            let operator = *random.one(&[Op::Is, Op::IsNot, Op::NotEqual]);
            compare(operator, *subject, operand(random, of, parameters))
        }
    }
}

/// A second opinion on conditions, with none of the rewrites: true, false or unknown.
fn holds(expr: &Expr, row: &Values, parameters: &[Value<'static>]) -> Option<bool> {
    let value = |expr: &Expr| match expr {
        Expr::Literal(value) => value.clone(),
        Expr::Parameter(position) => parameters[*position].clone(),
        Expr::Column(column) => row[column.column].clone(),
        other => panic!("{other:?} is no operand"),
    };
    let not_if = |truth: Option<bool>, negated: &bool| truth.map(|truth| truth != *negated);
    let equals =
        |left: &Value<'_>, right: &Value<'_>| (!left.is_null() && !right.is_null()).then(|| order(left, right).is_eq());
    match expr {
        Expr::And(parts) => {
            let parts: Vec<_> = parts.iter().map(|part| holds(part, row, parameters)).collect();
            if parts.contains(&Some(false)) { Some(false) } else { parts.iter().all(Option::is_some).then_some(true) }
        }
        Expr::Or(parts) => {
            let parts: Vec<_> = parts.iter().map(|part| holds(part, row, parameters)).collect();
            if parts.contains(&Some(true)) { Some(true) } else { parts.iter().all(Option::is_some).then_some(false) }
        }
        Expr::Unary { operand, .. } => holds(operand, row, parameters).map(|truth| !truth),
        Expr::IsNull { operand, negated } => Some(value(operand).is_null() != *negated),
        Expr::Between { operand, low, high, negated } => {
            let at = |operator, bound: &Expr| {
                holds(&compare(operator, operand.as_ref().clone(), bound.clone()), row, parameters)
            };
            let both = [at(Op::GreaterOrEqual, low), at(Op::LessOrEqual, high)];
            let within = if both.contains(&Some(false)) {
                Some(false)
            } else {
                both.iter().all(Option::is_some).then_some(true)
            };
            not_if(within, negated)
        }
        Expr::InList { operand, list, negated } => {
            let operand = value(operand);
            let found: Vec<_> = list.iter().map(|item| equals(&operand, &value(item))).collect();
            let found = if found.contains(&Some(true)) {
                Some(true)
            } else {
                found.iter().all(Option::is_some).then_some(false)
            };
            not_if(found, negated)
        }
        Expr::Like { operand, pattern, negated, .. } => match (value(operand), value(pattern)) {
            (Value::Text(text), Value::Text(pattern)) => {
                let (text, pattern) = (text.to_lowercase(), pattern.to_lowercase());
                not_if(Some(is_like(text.as_bytes(), pattern.as_bytes())), negated)
            }
            _ => None,
        },
        Expr::Binary { operator, left, right } => compared(*operator, &value(left), &value(right)),
        other => panic!("{other:?} is no condition"),
    }
}

fn compared(operator: Op, left: &Value<'_>, right: &Value<'_>) -> Option<bool> {
    match operator {
        Op::Is | Op::IsNot => Some(order(left, right).is_eq() == (operator == Op::Is)),
        _ if left.is_null() || right.is_null() => None,
        Op::Equal => Some(order(left, right).is_eq()),
        Op::NotEqual => Some(order(left, right).is_ne()),
        Op::Less => Some(order(left, right).is_lt()),
        Op::LessOrEqual => Some(order(left, right).is_le()),
        Op::Greater => Some(order(left, right).is_gt()),
        _ => Some(order(left, right).is_ge()),
    }
}

fn order(left: &Value<'_>, right: &Value<'_>) -> std::cmp::Ordering {
    let number = |value: &Value<'_>| match value {
        Value::Boolean(boolean) => Value::from(i64::from(*boolean)),
        Value::Date(days) => Value::Timestamp(i64::from(*days) * 86_400_000_000),
        other => other.clone().into_owned(),
    };
    number(left).cmp(&number(right))
}

/// LIKE by its definition, for short ASCII texts.
fn is_like(text: &[u8], pattern: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'%', rest @ ..] => (0..=text.len()).any(|taken| is_like(&text[taken..], rest)),
        [b'_', rest @ ..] => !text.is_empty() && is_like(&text[1..], rest),
        [first, rest @ ..] => text.first() == Some(first) && is_like(&text[1..], rest),
    }
}

#[test]
fn conditions_keep_the_rows_that_a_second_opinion_keeps() {
    let fixture = Fixture::new(150);
    let items: Vec<Values> = (0..150).map(item).collect();
    let mut random = Random(31_337);
    for _ in 0..700 {
        let mut parameters = Vec::new();
        let predicate = condition(&mut random, 3, 0, &mut parameters);
        let expected: Vec<Values> =
            items.iter().filter(|row| holds(&predicate, row, &parameters) == Some(true)).cloned().collect();
        let plan = all_items(filter(fixture.items_in(0), predicate.clone()), 0, 1);
        let bound = fixture.bound(plan, ITEM_COLUMNS, parameters.len());
        let routed = fixture.plan(&bound, Routing::Automatic);
        let mut rows = fixture.run(&routed, &parameters).unwrap();
        rows.sort();
        assert_eq!(rows, expected, "{predicate:?} {parameters:?} {}", routed.explain(ExplainFormat::Text));
    }
}

#[test]
fn every_route_agrees_with_the_full_scan() {
    let fixture = Fixture::new(150);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..700 {
        let mut parameters = Vec::new();
        let predicate = condition(&mut random, 2, 0, &mut parameters);
        let plan = all_items(filter(fixture.items_in(0), predicate), 0, 1);
        fixture.same_both_ways(plan, ITEM_COLUMNS, &parameters);
    }
}

#[test]
fn every_route_agrees_on_a_tiny_and_on_an_empty_table() {
    for count in [0, 3] {
        let fixture = Fixture::new(count);
        let mut random = Random(77);
        for _ in 0..150 {
            let mut parameters = Vec::new();
            let predicate = condition(&mut random, 1, 0, &mut parameters);
            let plan = all_items(filter(fixture.items_in(0), predicate), 0, 1);
            fixture.same_both_ways(plan, ITEM_COLUMNS, &parameters);
        }
    }
}

#[test]
fn orders_with_limits_agree_with_the_full_scan() {
    let fixture = Fixture::new(120);
    let mut random = Random(4242);
    for _ in 0..300 {
        let mut parameters = Vec::new();
        let plan = fixture.items_in(0);
        let plan = match random.below(3) {
            0 => plan,
            _ => filter(plan, condition(&mut random, 1, 0, &mut parameters)),
        };
        let mut keys: Vec<(Expr, bool)> =
            (0..1 + random.below(2)).map(|_| (column(1, random.below(ITEM_COLUMNS)), random.below(2) == 0)).collect();
        // The id last: the order is total, so the first rows are the same.
        keys.push((column(1, ID), false));
        let plan = sort(all_items(plan, 0, 1), keys);
        let plan = match random.below(3) {
            0 => plan,
            _ => limit(plan, Some(literal(random.below(20) as i64)), Some(literal(random.below(5) as i64))),
        };
        let bound = fixture.bound(plan, ITEM_COLUMNS, parameters.len());
        let routed = fixture.plan(&bound, Routing::Automatic);
        let by_route = fixture.run(&routed, &parameters).unwrap();
        let by_scan = fixture.query(&bound, &parameters, Routing::FullScan).unwrap();
        assert_eq!(by_route, by_scan, "{}", routed.explain(ExplainFormat::Text));
    }
}

#[test]
fn joins_agree_with_the_full_scan() {
    let fixture = Fixture::new(60);
    let mut random = Random(99);
    for round in 0..120 {
        let mut parameters = Vec::new();
        let on = match round % 3 {
            0 => equal(column(0, ID), column(1, 1)),
            1 => Expr::And(vec![equal(column(1, 1), column(0, A)), compare(Op::Less, column(1, 0), literal(50))]),
            _ => equal(column(0, D), column(1, 0)),
        };
        let kind = if round % 2 == 0 { JoinKind::Inner } else { JoinKind::Left };
        let plan = join(fixture.items_in(0), fixture.parts_in(1), kind, Some(on));
        let plan = filter(plan, condition(&mut random, 1, 0, &mut parameters));
        let mut columns: Vec<Expr> = (0..ITEM_COLUMNS).map(|position| column(0, position)).collect();
        columns.extend((0..3).map(|position| column(1, position)));
        fixture.same_both_ways(project(plan, columns, 2), 9, &parameters);
    }
}

#[test]
fn comma_joins_of_three_tables_agree_with_the_full_scan() {
    let fixture = Fixture::new(40);
    let mut random = Random(7);
    for _ in 0..60 {
        let mut parameters = Vec::new();
        let pairs = join(fixture.items_in(0), fixture.parts_in(1), JoinKind::Inner, None);
        let plan = join(pairs, fixture.items_in(2), JoinKind::Inner, None);
        let predicate = Expr::And(vec![
            equal(column(0, ID), column(1, 1)),
            equal(column(2, A), column(0, A)),
            condition(&mut random, 1, 0, &mut parameters),
            condition(&mut random, 1, 2, &mut parameters),
        ]);
        let plan = project(filter(plan, predicate), vec![column(0, ID), column(1, 0), column(2, ID)], 3);
        fixture.same_both_ways(plan, 3, &parameters);
    }
}

#[test]
fn texts_given_for_dates_find_their_rows() {
    let fixture = Fixture::new(50);
    let plan = all_items(filter(fixture.items_in(0), equal(column(0, E), Expr::Parameter(0))), 0, 1);
    let mut bound = fixture.bound(plan, ITEM_COLUMNS, 1);
    bound.parameters[0] = Some(ColumnType::Date);
    let rows = fixture.query(&bound, &[Value::from("1970-01-02")], Routing::Automatic).unwrap();
    assert_eq!(rows.iter().map(|row| row[ID].clone()).collect::<Vec<_>>(), [Value::from(1), Value::from(41)]);
}

/// `column IN (SELECT part.item FROM parts WHERE condition)`.
fn is_among_parts(fixture: &Fixture, of: usize, condition: Expr) -> Expr {
    let parts = project(filter(fixture.parts_in(4), condition), vec![column(4, 1)], 5);
    Expr::InQuery { operand: Box::new(column(0, of)), query: subquery(parts, 1, Vec::new()), negated: false }
}

/// The explanation of all items with that condition, whose rows must be those of the full scan.
fn routed(fixture: &Fixture, predicate: Expr) -> String {
    let plan = all_items(filter(fixture.items_in(0), predicate), 0, 1);
    fixture.same_both_ways(plan.clone(), ITEM_COLUMNS, &[]);
    fixture.plan(&fixture.bound(plan, ITEM_COLUMNS, 0), Routing::Automatic).explain(ExplainFormat::Text)
}

#[test]
fn an_index_is_asked_for_the_values_of_a_subquery() {
    let fixture = Fixture::new(400);
    let few = compare(Op::Less, column(4, 0), literal(9));
    let text = routed(&fixture, is_among_parts(&fixture, ID, few.clone()));
    assert!(text.contains("HashIndex lookup of subquery 1 on items using items_pkey"), "{text}");
    assert!(text.contains("key: items.id IN (subquery 1)"), "{text}");
    let either = Expr::Or(vec![is_among_parts(&fixture, ID, few), equal(column(0, D), literal(5))]);
    let text = routed(&fixture, either);
    assert!(text.contains("Union of paths") && text.contains("lookup of subquery 1"), "{text}");
}

#[test]
fn a_subquery_of_many_values_leaves_the_table_to_a_scan() {
    let fixture = Fixture::new(400);
    // More rows than a scan costs by any index, with NULL among the values; and none at all.
    for of in [ID, A, D] {
        routed(&fixture, is_among_parts(&fixture, of, compare(Op::GreaterOrEqual, column(4, 0), literal(0))));
        routed(&fixture, is_among_parts(&fixture, of, compare(Op::Less, column(4, 0), literal(0))));
        let not = Expr::negated(is_among_parts(&fixture, of, compare(Op::Less, column(4, 0), literal(20))));
        routed(&fixture, not);
    }
}

#[test]
fn a_join_of_one_row_beside_a_table_is_still_sorted() {
    let fixture = Fixture::new(30);
    let one = project(LogicalPlan::Unit, vec![literal(1)], 2);
    let pairs = join(fixture.items_in(0), one, JoinKind::Inner, None);
    let plan = sort(project(pairs, vec![column(0, D), column(2, 0)], 3), vec![(column(3, 0), false)]);
    for routing in [Routing::Automatic, Routing::FullScan] {
        let rows = fixture.query(&fixture.bound(plan.clone(), 2, 0), &[], routing).unwrap();
        assert_eq!(rows.len(), 30);
        assert!(rows.is_sorted());
    }
}
