//! Random queries of one table in the shapes that the router has ways of its own for: pages, lists in an order, sets under
//! LIMIT. Every order is total, so that LIMIT leaves one answer.

use crate::expr::{Generator, Relation};
use crate::pair::Statement;
use crate::random::Random;
use crate::schema::{Column, Table};

/// Stands before the rows of a list of rows: SQLite says VALUES there.
const ROWS: &str = "\u{1}";

/// A column that rows are ordered by.
struct Key {
    column: Column,
    is_descending: bool,
}

/// A page of a table.
pub(crate) fn random(random: &mut Random, tables: &[Table]) -> Statement {
    let table = random.one(tables).clone();
    let mut generator = Generator::new(random, tables);
    generator.budget = 0;
    generator.scope.push(Relation { alias: table.name.clone(), columns: table.columns.clone() });
    let keys = keys(generator.random, &table);
    let names: Vec<&str> = keys.iter().map(|key| key.column.name.as_str()).collect();
    let (names, condition) = (names.join(", "), condition(&mut generator, &table, &keys));
    let page = format!("SELECT {names} FROM {} WHERE {condition}", table.name);
    let body = match generator.random.below(8) {
        0 => page.replacen("SELECT", "SELECT DISTINCT", 1),
        1 | 2 => with_other(&mut generator, &table, &page, &names, &keys),
        _ => page,
    };
    let order: Vec<String> = keys
        .iter()
        .enumerate()
        .map(|(position, key)| format!("{}{}", position + 1, if key.is_descending { " DESC" } else { "" }))
        .collect();
    let mut sql = format!("{body} ORDER BY {}", order.join(", "));
    if generator.random.percent(85) {
        sql = format!("{sql} LIMIT {}", generator.random.below(8));
        if generator.random.percent(20) {
            sql = format!("{sql} OFFSET {}", generator.random.below(4));
        }
    }
    let theirs = Some(sql.replace(ROWS, "VALUES "));
    let ours = sql.replace(ROWS, "");
    Statement { theirs, parameters: generator.parameters, is_total: true, ..Statement::new(ours) }
}

/// Some columns in any order, mostly with the primary key last; they are all that is asked for, so the order is total.
fn keys(random: &mut Random, table: &Table) -> Vec<Key> {
    let mut positions: Vec<usize> = Vec::new();
    for _ in 0..1 + random.below(3) {
        let position = random.below(table.columns.len());
        if !positions.contains(&position) {
            positions.push(position);
        }
    }
    if table.has_key && random.percent(70) {
        positions.retain(|&position| position != 0);
        positions.push(0);
    }
    let (same, first) = (random.percent(70), random.percent(50));
    positions
        .into_iter()
        .map(|position| Key {
            column: table.columns[position].clone(),
            is_descending: if same { first } else { random.percent(50) },
        })
        .collect()
}

/// One to three conditions that all hold.
fn condition(generator: &mut Generator<'_>, table: &Table, keys: &[Key]) -> String {
    let terms: Vec<String> = (0..1 + generator.random.below(3))
        .map(|_| {
            let column = generator.random.one(&table.columns).clone();
            match generator.random.below(8) {
                0 | 1 => equal(generator, &column),
                2 | 3 => list(generator, &column),
                4 => after(generator, keys),
                5 => rows(generator, keys),
                6 => {
                    let alternatives: Vec<String> =
                        (0..2 + generator.random.below(2)).map(|_| alternative(generator, &column)).collect();
                    format!("({})", alternatives.join(" OR "))
                }
                _ => generator.condition(1),
            }
        })
        .collect();
    terms.join(" AND ")
}

fn equal(generator: &mut Generator<'_>, column: &Column) -> String {
    format!("{} = {}", column.name, generator.constant(column.kind))
}

fn list(generator: &mut Generator<'_>, column: &Column) -> String {
    let values: Vec<String> = (0..1 + generator.random.below(6)).map(|_| generator.constant(column.kind)).collect();
    let not = if generator.random.percent(15) { "NOT " } else { "" };
    format!("{} {not}IN ({})", column.name, values.join(", "))
}

/// A range or a value of the column, now and then with something beside it.
fn alternative(generator: &mut Generator<'_>, column: &Column) -> String {
    let Column { name, kind, .. } = column;
    match generator.random.below(4) {
        0 => equal(generator, column),
        1 => format!("{name} BETWEEN {} AND {}", generator.constant(*kind), generator.constant(*kind)),
        2 => format!("{name} {} {}", generator.random.one(&["<", ">="]), generator.constant(*kind)),
        _ => format!("({} AND {})", equal(generator, column), generator.condition(0)),
    }
}

/// What comes after a row in the order of the first keys, written out or as a row value.
fn after(generator: &mut Generator<'_>, keys: &[Key]) -> String {
    let Some([first, second]) = keys.first_chunk() else { return alternative(generator, &keys[0].column) };
    let (a, b) = (&first.column.name, &second.column.name);
    let [to_a, to_b] = [first, second].map(|key| if key.is_descending { "<" } else { ">" });
    let (x, y) = (generator.constant(first.column.kind), generator.constant(second.column.kind));
    let or_equal = if generator.random.percent(30) { "=" } else { "" };
    match generator.random.percent(50) {
        true => format!("({a} {to_a} {x} OR ({a} = {x} AND {b} {to_b}{or_equal} {y}))"),
        false => format!("({a}, {b}) {to_a}{or_equal} ({x}, {y})"),
    }
}

/// A list of rows of the first keys.
fn rows(generator: &mut Generator<'_>, keys: &[Key]) -> String {
    let Some([first, second]) = keys.first_chunk() else { return list(generator, &keys[0].column) };
    let row = |generator: &mut Generator<'_>| {
        format!("({}, {})", generator.constant(first.column.kind), generator.constant(second.column.kind))
    };
    let rows: Vec<String> = (0..1 + generator.random.below(3)).map(|_| row(generator)).collect();
    let not = if generator.random.percent(15) { "NOT " } else { "" };
    format!("({}, {}) {not}IN ({ROWS}{})", first.column.name, second.column.name, rows.join(", "))
}

/// The page without, with, or only where it has them, the rows of another query.
fn with_other(generator: &mut Generator<'_>, table: &Table, page: &str, names: &str, keys: &[Key]) -> String {
    let condition = condition(generator, table, keys);
    let first = &keys[0].column;
    match generator.random.below(4) {
        0 => format!("{page} EXCEPT SELECT {names} FROM {} WHERE {condition}", table.name),
        1 => format!("{page} INTERSECT SELECT {names} FROM {} WHERE {condition}", table.name),
        2 => format!("{page} UNION SELECT {names} FROM {} WHERE {condition}", table.name),
        _ => {
            let (name, partner) = (&first.name, partner(generator, first));
            format!("{page} AND {name} NOT IN (SELECT {partner})")
        }
    }
}

/// A column of that kind of any table, with its FROM.
fn partner(generator: &mut Generator<'_>, column: &Column) -> String {
    let mut found = Vec::new();
    for table in generator.tables {
        let of_kind = table.columns.iter().filter(|other| other.kind == column.kind);
        found.extend(of_kind.map(|other| {
            let name = &other.name;
            format!("x.{name} FROM {} AS x WHERE x.{name} IS NOT NULL", table.name)
        }));
    }
    let partner = generator.random.one(&found).clone();
    let name = partner.split(' ').next().unwrap_or_default().to_owned();
    // Few rows, so that not everything is left out.
    format!("{partner} AND {name} < {}", generator.constant(column.kind))
}
