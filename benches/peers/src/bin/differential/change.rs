//! Random INSERT, UPDATE and DELETE.

use crate::expr::{Generator, Relation};
use crate::pair::Statement;
use crate::query;
use crate::random::Random;
use crate::schema::{Column, Kind, Table, stored};

/// A statement that changes rows. `id` is a key that is probably new.
pub(crate) fn random(random: &mut Random, tables: &[Table], id: usize) -> Statement {
    let table = random.one(tables).clone();
    let mut generator = Generator::new(random, tables);
    generator.takes_parameters = false;
    generator.budget = 2;
    let mut sql = match generator.random.below(10) {
        0..=4 => insert(&mut generator, &table, id),
        5 => update_from(&mut generator, &table).unwrap_or_else(|| update(&mut generator, &table)),
        6 | 7 => update(&mut generator, &table),
        _ => delete(&mut generator, &table),
    };
    if generator.random.percent(20) {
        let columns: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        sql = format!("{sql} RETURNING {}", columns.join(", "));
    }
    Statement::new(sql)
}

fn insert(generator: &mut Generator<'_>, table: &Table, id: usize) -> String {
    let verb = *generator.random.one(&["INSERT", "INSERT", "INSERT", "INSERT OR REPLACE", "INSERT OR IGNORE"]);
    let head = format!("{verb} INTO {}", table.name);
    if generator.random.percent(20) && !table.has_key {
        // Rows of the table itself again, changed.
        let alias = generator.alias();
        generator.scope.push(Relation { alias: alias.clone(), columns: table.columns.clone() });
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|column| match column.not_null {
                true => format!("{alias}.{}", column.name),
                false => generator.expr(column.kind, 1),
            })
            .collect();
        return format!(
            "{head} SELECT {} FROM {} AS {alias} WHERE {} ORDER BY {} LIMIT 3",
            columns.join(", "),
            table.name,
            generator.condition(1),
            (1..=table.columns.len()).map(|position| position.to_string()).collect::<Vec<_>>().join(", ")
        );
    }
    let rows: Vec<String> = (0..1 + generator.random.below(3)).map(|row| values(generator, table, id + row)).collect();
    let mut sql = format!("{head} VALUES {}", rows.join(", "));
    if verb == "INSERT" && generator.random.percent(35) {
        sql.push_str(&on_conflict(generator, table));
    }
    sql
}

fn values(generator: &mut Generator<'_>, table: &Table, id: usize) -> String {
    // A key that may be there already.
    let id = if generator.random.percent(60) { id } else { generator.random.below(id + 1) };
    let mut fields = Vec::new();
    for (position, column) in table.columns.iter().enumerate() {
        fields.push(match column.kind {
            Kind::Integer if position == 0 && table.has_key => id.to_string(),
            Kind::Text if position == 0 && table.has_key => format!("'k{id}'"),
            kind => {
                let keeps_rule = generator.random.percent(95);
                stored(generator.random, kind, column.not_null && keeps_rule)
            }
        });
    }
    format!("({})", fields.join(", "))
}

fn on_conflict(generator: &mut Generator<'_>, table: &Table) -> String {
    // SQLite does not find an index of several columns with an integer primary key among them.
    let is_found = |unique: &&Vec<usize>| unique.len() == 1 || !(table.has_key && unique.contains(&0));
    let targets: Vec<Vec<usize>> = table.unique.iter().filter(is_found).cloned().collect();
    if targets.is_empty() || generator.random.percent(30) {
        return " ON CONFLICT DO NOTHING".into();
    }
    let unique = generator.random.one(&targets).clone();
    let names: Vec<&str> = unique.iter().map(|&column| table.columns[column].name.as_str()).collect();
    let target = names.join(", ");
    if generator.random.percent(25) {
        return format!(" ON CONFLICT ({target}) DO NOTHING");
    }
    let mut free: Vec<usize> =
        (0..table.columns.len()).filter(|column| !table.unique.concat().contains(column)).collect();
    if free.is_empty() {
        free = unique;
    }
    let column = table.columns[*generator.random.one(&free)].clone();
    let old = Relation { alias: table.name.clone(), columns: table.columns.clone() };
    // SQLite takes nothing beside them for a value of the column's type.
    let excluded = table.columns.iter().map(|column| Column { is_stored: false, ..column.clone() });
    let new = Relation { alias: "excluded".into(), columns: excluded.collect() };
    generator.scope.extend([old, new]);
    let value = match column.kind {
        Kind::Date => format!("excluded.{}", column.name),
        kind => generator.expr(kind, 1),
    };
    let condition =
        if generator.random.percent(30) { format!(" WHERE {}", generator.condition(0)) } else { String::new() };
    generator.scope.clear();
    format!(" ON CONFLICT ({target}) DO UPDATE SET {} = {value}{condition}", column.name)
}

fn update(generator: &mut Generator<'_>, table: &Table) -> String {
    generator.scope.push(Relation { alias: table.name.clone(), columns: table.columns.clone() });
    let mut assignments = Vec::new();
    // No subqueries here: SQLite's see rows that the statement has changed already.
    let budget = std::mem::take(&mut generator.budget);
    for _ in 0..1 + generator.random.below(2) {
        let column = generator.random.one(&table.columns).clone();
        if assignments.iter().any(|(name, _)| *name == column.name) {
            continue;
        }
        let value = match column.kind {
            Kind::Date => stored(generator.random, Kind::Date, column.not_null),
            kind => generator.expr(kind, 1),
        };
        assignments.push((column.name, value));
    }
    generator.budget = budget;
    let assignments: Vec<String> = assignments.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    format!("UPDATE {} SET {} WHERE {}", table.name, assignments.join(", "), generator.condition(2))
}

/// UPDATE … FROM a table by its primary key, so that a row meets one row at most.
fn update_from(generator: &mut Generator<'_>, table: &Table) -> Option<String> {
    let others: Vec<&Table> =
        generator.tables.iter().filter(|other| other.has_key && other.name != table.name).collect();
    let other = *others.get(generator.random.below(others.len().max(1)))?;
    let key = &other.columns[0];
    let by = table.columns.iter().find(|column| column.kind == key.kind)?;
    let column = generator.random.one(&table.columns).clone();
    let value = other.columns.iter().find(|other| other.kind == column.kind)?;
    let alias = generator.alias();
    generator.scope.push(Relation { alias: table.name.clone(), columns: table.columns.clone() });
    generator.scope.push(Relation { alias: alias.clone(), columns: other.columns.clone() });
    generator.budget = 0;
    Some(format!(
        "UPDATE {} SET {} = {alias}.{} FROM {} AS {alias} WHERE {alias}.{} = {}.{} AND ({})",
        table.name,
        column.name,
        value.name,
        other.name,
        key.name,
        table.name,
        by.name,
        generator.condition(1)
    ))
}

fn delete(generator: &mut Generator<'_>, table: &Table) -> String {
    generator.scope.push(Relation { alias: table.name.clone(), columns: table.columns.clone() });
    let first = generator.condition(2);
    // Mostly few rows, so that the tables do not stay empty.
    let rest = if generator.random.percent(85) { format!(" AND {}", generator.condition(0)) } else { String::new() };
    let subquery = if generator.budget > 0 && generator.random.percent(10) {
        format!(" AND EXISTS ({})", query::exists(generator))
    } else {
        String::new()
    };
    format!("DELETE FROM {} WHERE {first}{rest}{subquery}", table.name)
}
