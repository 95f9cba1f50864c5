//! `.index`: all about one index, as text or as a picture.

use std::path::Path;

use manicule::{IndexSchema, IndexStatistics, TableSchema};

use super::catalog::unknown;
use super::{closest, first_word, usage};
use crate::error::{Error, Result};
use crate::shape::{self, Picture};
use crate::shell::{self, Flow, Shell};
use crate::{schema, text};

pub(super) fn index(shell: &mut Shell, arguments: &str) -> Result<Flow> {
    let (name, rest) = first_word(arguments).ok_or_else(|| usage(".index"))?;
    let file = match first_word(rest) {
        None if rest.is_empty() => None,
        Some(("--svg", file)) => Some(svg_file(file)?),
        _ => return Err(usage(".index")),
    };
    let database = shell.backend.database().clone();
    let mut reader = database.reader();
    let view = reader.view();
    let catalog = view.catalog();
    let (table, index) = catalog.index(name).ok_or_else(|| {
        let names = catalog.tables().flat_map(|table| table.indexes.iter().map(|index| index.name.as_str()));
        unknown("index", name, closest(name, names))
    })?;
    let statistics = view.index_statistics(index.id).expect("the index is in the catalog of the same view");
    let facts = facts(table, index, &statistics, view.row_count(table.id));
    let picture = Picture::of(&statistics);
    match file {
        None => {
            let mut lines: Vec<String> = facts.iter().map(|(name, value)| format!("{name:>9}  {value}")).collect();
            lines.extend(shape::to_text(&picture));
            shell.write_text(&lines.join("\n"))?;
        }
        Some(path) => {
            let facts: Vec<String> = facts.iter().skip(1).map(|(name, value)| format!("{name}: {value}")).collect();
            let svg = shape::to_svg(&picture, &index.name, &facts);
            std::fs::write(path, svg).map_err(|error| Error::file(path, error))?;
            shell::note(&format!("{} drawn to {}", index.name, path.display()));
        }
    }
    Ok(Flow::Continue)
}

/// The one word after `--svg`.
fn svg_file(rest: &str) -> Result<&Path> {
    match first_word(rest) {
        Some((file, "")) => Ok(Path::new(file)),
        _ => Err(usage(".index")),
    }
}

/// What is known of an index, by name.
fn facts(
    table: &TableSchema,
    index: &IndexSchema,
    statistics: &IndexStatistics,
    rows: u64,
) -> [(&'static str, String); 8] {
    let (keys, entries) = (text::grouped(statistics.keys), counted_entries(statistics.entries));
    [
        ("index", index.name.clone()),
        ("on", format!("{} ({})", table.name, schema::key_columns(table, index))),
        ("structure", schema::structures(index).to_owned()),
        ("unique", if index.unique { "yes" } else { "no" }.to_owned()),
        ("made by", made_by(table, index)),
        ("answers", answers(index).to_owned()),
        ("keys", format!("{keys} different, {entries}, {} in the table", text::counted(rows, "row"))),
        ("memory", text::size(statistics.memory_bytes)),
    ]
}

fn counted_entries(entries: u64) -> String {
    format!("{} {}", text::grouped(entries), if entries == 1 { "entry" } else { "entries" })
}

fn made_by(table: &TableSchema, index: &IndexSchema) -> String {
    let is_primary = index.columns.iter().map(|part| part.column).eq(table.primary_key.iter().copied());
    match schema::create_index(table, index) {
        Some(sql) => sql,
        None if is_primary => "PRIMARY KEY".to_owned(),
        None => "UNIQUE constraint".to_owned(),
    }
}

/// Which conditions the index serves.
fn answers(index: &IndexSchema) -> &'static str {
    match (index.has_hash(), index.has_tree()) {
        (true, false) => "= and IN on the whole key",
        (false, true) => "=, IN, <, <=, >, >=, BETWEEN, LIKE 'prefix%', ORDER BY, MIN, MAX",
        _ => "=, IN (hash), and <, <=, >, >=, BETWEEN, LIKE 'prefix%', ORDER BY, MIN, MAX (tree)",
    }
}
