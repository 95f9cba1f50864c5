//! Random queries.

use crate::expr::{Generator, Relation};
use crate::pair::Statement;
use crate::random::Random;
use crate::schema::{Column, KINDS, Kind, Table};

/// A query of any shape.
pub(crate) fn random(random: &mut Random, tables: &[Table]) -> Statement {
    let mut generator = Generator::new(random, tables);
    generator.takes_with = true;
    let kinds: Vec<Kind> = (0..1 + generator.random.below(4)).map(|_| *generator.random.one(&KINDS)).collect();
    let mut sql = match generator.random.below(12) {
        0..=6 => select(&mut generator, &kinds),
        7..=9 => grouped(&mut generator, &kinds),
        _ => compound(&mut generator, &kinds),
    };
    if !generator.with.is_empty() {
        sql = format!("WITH {} {sql}", generator.with.join(", "));
    }
    let mut statement = Statement::new("");
    if generator.random.percent(50) {
        order(&mut generator, kinds.len(), &mut sql, &mut statement);
    }
    statement.ours = sql;
    statement.parameters = generator.parameters;
    statement
}

/// ORDER BY some or all of the columns; LIMIT only where one order is left.
fn order(generator: &mut Generator<'_>, width: usize, sql: &mut String, statement: &mut Statement) {
    let mut columns: Vec<usize> = (0..width).collect();
    for position in (1..width).rev() {
        columns.swap(position, generator.random.below(position + 1));
    }
    statement.is_total = generator.random.percent(75);
    if !statement.is_total {
        columns.truncate(1 + generator.random.below(width));
    }
    let keys: Vec<String> = columns
        .iter()
        .map(|column| {
            let direction = *generator.random.one(&["", "", " DESC", " ASC", " NULLS LAST", " DESC NULLS FIRST"]);
            format!("{}{direction}", column + 1)
        })
        .collect();
    *sql = format!("{sql} ORDER BY {}", keys.join(", "));
    statement.ordered_by = columns;
    if statement.is_total && generator.random.percent(60) {
        *sql = format!("{sql} LIMIT {}", generator.random.below(8));
        if generator.random.percent(30) {
            *sql = format!("{sql} OFFSET {}", generator.random.below(4));
        }
    }
}

/// Runs `make` with a FROM of its own and gives what it made with the text of FROM and WHERE.
fn with_from(generator: &mut Generator<'_>, make: impl FnOnce(&mut Generator<'_>) -> String) -> (String, String) {
    let outer = generator.scope.len();
    let around = std::mem::replace(&mut generator.own_scope, outer);
    let mut sql = String::new();
    if generator.random.percent(97) {
        sql = format!(" FROM {}", from(generator, outer));
    }
    if generator.random.percent(75) && generator.scope.len() > outer {
        let depth = 1 + generator.random.below(3);
        sql = format!("{sql} WHERE {}", generator.condition(depth));
    }
    let made = make(generator);
    generator.scope.truncate(outer);
    generator.own_scope = around;
    (made, sql)
}

const WAYS: [&str; 8] =
    [", ", " JOIN ", " JOIN ", " LEFT JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN ", " CROSS JOIN "];

fn from(generator: &mut Generator<'_>, outer: usize) -> String {
    let mut sql = relation(generator);
    while generator.budget > 0 && generator.scope.len() < outer + 3 && generator.random.percent(35) {
        generator.budget -= 1;
        let way = *generator.random.one(&WAYS);
        let takes_on = !matches!(way, ", " | " CROSS JOIN ");
        if takes_on
            && generator.scope.len() == outer + 1
            && generator.random.percent(20)
            && let Some(joined) = using(generator, outer)
        {
            sql = format!("{sql}{way}{joined}");
            continue;
        }
        sql = format!("{sql}{way}{}", relation(generator));
        if takes_on {
            // ON sees the relations of this FROM alone.
            let hidden: Vec<Relation> = generator.scope.drain(..outer).collect();
            sql = format!("{sql} ON {}", on(generator));
            generator.scope.splice(..0, hidden);
        }
    }
    sql
}

/// The first table of this FROM again, by a column of it: only then both have one of that name.
fn using(generator: &mut Generator<'_>, outer: usize) -> Option<String> {
    let first = generator.scope[outer].columns.clone();
    let table = generator.tables.iter().find(|table| table.columns[0].name == first[0].name)?;
    let alias = generator.alias();
    generator.scope.push(Relation { alias: alias.clone(), columns: first.clone() });
    Some(format!("{} AS {alias} USING ({})", table.name, generator.random.one(&first).name))
}

/// A condition for a join: mostly an equality between its sides.
fn on(generator: &mut Generator<'_>) -> String {
    let last = generator.scope.len() - 1;
    let right = generator.scope[last].clone();
    let column = generator.random.one(&right.columns).clone();
    let partners: Vec<String> = generator.scope[..last]
        .iter()
        .flat_map(|relation| {
            let same = relation.columns.iter().filter(|other| other.kind == column.kind);
            same.map(|other| format!("{}.{}", relation.alias, other.name))
        })
        .collect();
    if partners.is_empty() || generator.random.percent(15) {
        return generator.condition(1);
    }
    let partner = generator.random.one(&partners).clone();
    let equality = format!("{}.{} = {partner}", right.alias, column.name);
    if generator.random.percent(30) { format!("{equality} AND {}", generator.condition(0)) } else { equality }
}

/// A table or a subquery, with its alias in scope.
fn relation(generator: &mut Generator<'_>) -> String {
    let alias = generator.alias();
    if generator.budget > 1 && generator.random.percent(12) {
        generator.budget -= 2;
        let kinds: Vec<Kind> = (0..1 + generator.random.below(3)).map(|_| *generator.random.one(&KINDS)).collect();
        // A subquery in FROM sees nothing of its neighbours.
        let (hidden, own_scope) = (std::mem::take(&mut generator.scope), std::mem::take(&mut generator.own_scope));
        let sql = if generator.random.percent(60) { select(generator, &kinds) } else { grouped(generator, &kinds) };
        (generator.scope, generator.own_scope) = (hidden, own_scope);
        let column = |(position, kind): (usize, &Kind)| Column {
            name: format!("x{position}"),
            kind: *kind,
            not_null: false,
            is_stored: false,
        };
        generator
            .scope
            .push(Relation { alias: alias.clone(), columns: kinds.iter().enumerate().map(column).collect() });
        if generator.takes_with && generator.random.percent(40) {
            generator.with.push(format!("w{alias} AS ({sql})"));
            return format!("w{alias} AS {alias}");
        }
        return format!("({sql}) AS {alias}");
    }
    let table = generator.random.one(generator.tables).clone();
    generator.scope.push(Relation { alias: alias.clone(), columns: table.columns });
    format!("{} AS {alias}", table.name)
}

/// SELECT with columns of these kinds, named x0, x1 and so on.
fn select(generator: &mut Generator<'_>, kinds: &[Kind]) -> String {
    let distinct = if generator.random.percent(20) { "DISTINCT " } else { "" };
    let (columns, rest) = with_from(generator, |generator| {
        let columns =
            kinds.iter().enumerate().map(|(position, &kind)| format!("{} AS x{position}", generator.expr(kind, 2)));
        columns.collect::<Vec<_>>().join(", ")
    });
    format!("SELECT {distinct}{columns}{rest}")
}

/// SELECT with groups: each column is a key or an aggregate.
fn grouped(generator: &mut Generator<'_>, kinds: &[Kind]) -> String {
    let (made, rest) = with_from(generator, |generator| {
        let has_keys = generator.random.percent(75);
        let (mut columns, mut keys) = (Vec::new(), Vec::new());
        for (position, &kind) in kinds.iter().enumerate() {
            let key = if has_keys && generator.random.percent(50) { generator.column(kind) } else { None };
            let text = match key {
                Some(key) => {
                    keys.push((key.clone(), kind));
                    key
                }
                None => aggregate(generator, kind),
            };
            columns.push(format!("{text} AS x{position}"));
        }
        let mut tail = String::new();
        if !keys.is_empty() {
            let names: Vec<&str> = keys.iter().map(|(key, _)| key.as_str()).collect();
            tail = format!(" GROUP BY {}", names.join(", "));
            if generator.random.percent(35) {
                let kind = *generator.random.one(&[Kind::Integer, Kind::Real, Kind::Text, Kind::Date]);
                let (subject, kind) = match generator.random.percent(70) {
                    true => (aggregate(generator, kind), kind),
                    false => generator.random.one(&keys).clone(),
                };
                let operator = *generator.random.one(&["<", ">", "=", "<>", ">="]);
                tail = format!("{tail} HAVING {subject} {operator} {}", generator.constant(kind));
            }
        }
        format!("{}\u{0}{tail}", columns.join(", "))
    });
    let (columns, tail) = made.split_once('\u{0}').unwrap_or((&made, ""));
    format!("SELECT {columns}{rest}{tail}")
}

/// An aggregate of the innermost query that gives a value of the kind. It reads no outer row: an aggregate that does
/// nothing else belongs to the outer query in SQLite.
fn aggregate(generator: &mut Generator<'_>, kind: Kind) -> String {
    let own_scope = std::mem::take(&mut generator.own_scope);
    let outer: Vec<Relation> = generator.scope.drain(..own_scope).collect();
    let mut made = aggregate_of_scope(generator, kind);
    if !made.starts_with('(') && generator.random.percent(12) {
        made = format!("{made} FILTER (WHERE {})", generator.condition(1));
    }
    generator.scope.splice(..0, outer);
    generator.own_scope = own_scope;
    made
}

fn aggregate_of_scope(generator: &mut Generator<'_>, kind: Kind) -> String {
    let distinct = if generator.random.percent(20) { "DISTINCT " } else { "" };
    let end = *generator.random.one(&["min", "max"]);
    let depth = usize::from(generator.random.percent(30));
    match (kind, generator.random.below(6)) {
        (Kind::Integer, 0) => "count(*)".into(),
        (Kind::Integer, 1 | 2) => {
            let of = *generator.random.one(&KINDS);
            format!("count({distinct}{})", generator.expr(of, depth))
        }
        (Kind::Integer, 3) => format!("sum({distinct}{})", generator.expr(kind, depth)),
        (Kind::Real, 0) => format!("avg({distinct}{})", generator.expr(Kind::Integer, depth)),
        (Kind::Real, 1) => format!("sum({distinct}{})", generator.expr(kind, depth)),
        (Kind::Real, 2) => format!("total({})", generator.expr(kind, depth)),
        (Kind::Integer | Kind::Real, _) if generator.random.percent(10) => {
            format!("({end}({}) + count(*))", generator.expr(kind, depth))
        }
        _ => format!("{end}({})", generator.expr(kind, depth)),
    }
}

/// Two or three queries joined by one set operation or two.
fn compound(generator: &mut Generator<'_>, kinds: &[Kind]) -> String {
    let mut sql = select(generator, kinds);
    for position in 0..1 + generator.random.below(2) {
        // INTERSECT comes first with ours, from left to right in SQLite.
        let operators = ["UNION", "UNION ALL", "EXCEPT", "INTERSECT"];
        let operator = *generator.random.one(&operators[..if position == 0 { 4 } else { 3 }]);
        sql = format!("{sql} {operator} {}", select(generator, kinds));
    }
    sql
}

/// A query of one row and one column of the kind.
pub(crate) fn scalar(generator: &mut Generator<'_>, kind: Kind) -> String {
    generator.budget -= 1;
    let (column, rest) = with_from(generator, |generator| aggregate(generator, kind));
    format!("SELECT {column}{rest}")
}

/// A query of one column, for IN.
pub(crate) fn column(generator: &mut Generator<'_>, kind: Kind) -> String {
    generator.budget -= 1;
    let (column, rest) = with_from(generator, |generator| generator.expr(kind, 1));
    format!("SELECT {column}{rest}")
}

/// A query for EXISTS.
pub(crate) fn exists(generator: &mut Generator<'_>) -> String {
    generator.budget -= 1;
    let (_, rest) = with_from(generator, |_| String::new());
    format!("SELECT 1{rest}")
}
