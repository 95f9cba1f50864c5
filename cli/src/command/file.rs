//! The commands that read and write files.

use std::fs::File;
use std::io::{self, BufReader, IsTerminal};
use std::path::Path;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use manicule::{Database, TableDefinition, TableId};

use super::{first_word, only_name, usage};
use crate::error::{Error, Result};
use crate::import::{self, Source};
use crate::output::Mode;
use crate::shell::{self, Flow, Shell};
use crate::{batch, interrupt, schema, text};

/// How deep files may `.read` one another.
const READ_DEPTH_MAX: usize = 16;

pub(super) fn read(shell: &mut Shell, arguments: &str) -> Result<Flow> {
    let Some((name, "")) = first_word(arguments) else {
        return Err(usage(".read"));
    };
    if shell.read_depth == READ_DEPTH_MAX {
        return Err(Error::Command(format!("more than {READ_DEPTH_MAX} files read one another")));
    }
    let file = File::open(name).map_err(|error| Error::file(Path::new(name), error))?;
    shell.read_depth += 1;
    let flow = batch::run(shell, Some(name), BufReader::new(file));
    shell.read_depth -= 1;
    flow.map_err(|failure| match failure.place {
        Some(place) if !failure.error.is_broken_pipe() => Error::Command(format!("{place}: {}", failure.error)),
        _ => failure.error,
    })
}

pub(super) fn backup(shell: &mut Shell, arguments: &str) -> Result<Flow> {
    let Some((directory, "")) = first_word(arguments) else {
        return Err(usage(".backup"));
    };
    shell.backend.database().backup(directory)?;
    shell::note(&format!("all that is committed was written to {directory}"));
    Ok(Flow::Continue)
}

pub(super) fn export(shell: &mut Shell, arguments: &str) -> Result<Flow> {
    let (name, what) = first_word(arguments).filter(|(_, what)| !what.is_empty()).ok_or_else(|| usage(".export"))?;
    let path = Path::new(name);
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    let mode = Mode::of_extension(&extension).ok_or_else(|| {
        Error::Command(format!(
            "the name {name} does not say how to write; it must end in .csv, .json, .jsonl, .md or .txt"
        ))
    })?;
    let sql = match only_name(what) {
        Some(table) => format!("SELECT * FROM {}", text::quoted_name(&table)),
        None => what.to_owned(),
    };
    let row_count = shell.export(path, mode, &sql)?;
    shell::note(&format!("{} written to {name}", text::counted(row_count, "row")));
    Ok(Flow::Continue)
}

pub(super) fn import(shell: &mut Shell, arguments: &str) -> Result<Flow> {
    let (file, rest) = first_word(arguments).ok_or_else(|| usage(".import"))?;
    let table = &*only_name(rest).ok_or_else(|| usage(".import"))?;
    if !text::is_sayable(table) {
        return Err(Error::Command(format!(
            "the name of a table has at most {} bytes",
            manicule::limits::NAME_BYTES_MAX
        )));
    }
    if shell.backend.is_in_transaction() {
        let message = "an import is a transaction of its own; COMMIT or ROLLBACK first";
        return Err(Error::Command(message.to_owned()));
    }
    let started = Instant::now();
    let path = Path::new(file);
    let row_count = import_file(shell.backend.database(), path, table)?;
    let (rows, elapsed) = (text::counted(row_count, "row"), shell::elapsed(started.elapsed()));
    shell::note(&format!("{rows} of {file} imported into {table}  {elapsed}"));
    Ok(Flow::Continue)
}

/// Reads the file into the table of that name, which is made if it is not there.
fn import_file(database: &Database, path: &Path, table: &str) -> Result<u64> {
    let unreadable = |error| Error::file(path, error);
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    // A pipe can be read but once.
    let piped = if metadata.is_file() { None } else { Some(std::fs::read(path).map_err(unreadable)?) };
    let source = piped.as_ref().map_or(Source::File(path), |bytes| Source::Bytes(path, bytes));
    let bar = progress_bar(piped.as_ref().map_or(metadata.len(), |bytes| bytes.len() as u64));
    let mut progress = |bytes: u64| {
        bar.set_position(bytes);
        if interrupt::is_pressed() { Err(Error::Cancelled) } else { Ok(()) }
    };
    bar.set_message("checking");
    let existing = database.catalog().table(table).map(|table| table.id);
    let result = match existing {
        Some(id) => {
            let catalog = database.catalog();
            let schema = catalog.table_by_id(id).expect("the catalog was asked for this table just now");
            import::check(&source, schema, &mut progress).and_then(|_| {
                bar.set_message("loading ");
                import::load(database, &source, id, &mut progress)
            })
        }
        None => import::survey(&source, &mut progress).and_then(|columns| {
            let definition = TableDefinition { name: table.to_owned(), columns, ..TableDefinition::default() };
            let id = database.create_table(definition)?;
            bar.suspend(|| show_schema(database, id));
            bar.set_message("loading ");
            let loaded = import::load(database, &source, id, &mut progress);
            if loaded.is_err() {
                database.drop_table(id)?;
            }
            loaded
        }),
    };
    bar.finish_and_clear();
    result
}

fn show_schema(database: &Database, table: TableId) {
    if let Some(table) = database.catalog().table_by_id(table) {
        shell::note(&schema::create_table(table));
    }
}

/// A bar on a terminal; nothing elsewhere.
fn progress_bar(bytes: u64) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("{msg} [{wide_bar}] {binary_bytes}/{binary_total_bytes}")
        .expect("the template is well formed")
        .progress_chars("━╸ ");
    ProgressBar::new(bytes).with_style(style)
}
