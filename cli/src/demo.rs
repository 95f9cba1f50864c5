//! The demo: real tables that travel inside the binary.
//!
//! All flights that left New York City in January 2013, with their airlines, airports and planes; `cli/data/README.md` says
//! where they come from. They are loaded as `.import` loads any file, then indexed.

use std::io::Read;
use std::path::Path;

use manicule::{Database, IndexColumn, IndexDefinition, IndexMethod, TableDefinition, TableId};

use crate::error::{Error, Result};
use crate::import::{self, Source};

/// A table of the demo.
struct Demo {
    name: &'static str,
    /// Its CSV file, compressed with gzip or not.
    file: &'static str,
    bytes: &'static [u8],
    primary_key: &'static str,
}

const TABLES: [Demo; 4] = [
    Demo {
        name: "airlines",
        file: "airlines.csv",
        bytes: include_bytes!("../data/airlines.csv"),
        primary_key: "carrier",
    },
    Demo { name: "airports", file: "airports.csv", bytes: include_bytes!("../data/airports.csv"), primary_key: "faa" },
    Demo { name: "planes", file: "planes.csv", bytes: include_bytes!("../data/planes.csv"), primary_key: "tailnum" },
    Demo {
        name: "flights",
        file: "flights_2013_01.csv.gz",
        bytes: include_bytes!("../data/flights_2013_01.csv.gz"),
        primary_key: "id",
    },
];

/// The indexes of the flights: name, column, method.
const INDEXES: [(&str, &str, IndexMethod); 4] = [
    ("flights_tailnum", "tailnum", IndexMethod::Hash),
    ("flights_dest", "dest", IndexMethod::Hash),
    ("flights_dep_time", "dep_time", IndexMethod::Tree),
    ("flights_dep_delay", "dep_delay", IndexMethod::Tree),
];

/// Loads all tables and makes their indexes, or none of them.
///
/// # Errors
///
/// A table of the same name that is there already, too little memory, a disk that fails.
pub(crate) fn load(database: &Database) -> Result<()> {
    let mut made = Vec::new();
    let loaded = load_all(database, &mut made);
    if loaded.is_err() {
        made.into_iter().try_for_each(|table| database.drop_table(table))?;
    }
    loaded
}

/// Loads all; `made` gets each table as soon as it is there.
fn load_all(database: &Database, made: &mut Vec<TableId>) -> Result<()> {
    TABLES.iter().try_for_each(|demo| load_table(database, demo, made))?;
    let catalog = database.catalog();
    let flights = catalog.table("flights").expect("the flights were loaded just now");
    for (name, column, method) in INDEXES {
        let position = flights.column_index(column).expect("the flights have the columns of their file");
        let columns = vec![IndexColumn { column: position, descending: false }];
        database.create_index(flights.id, IndexDefinition { name: name.to_owned(), columns, unique: false, method })?;
    }
    Ok(())
}

fn load_table(database: &Database, demo: &Demo, made: &mut Vec<TableId>) -> Result<()> {
    let path = Path::new(demo.file);
    let mut unpacked = Vec::new();
    let bytes = if demo.file.ends_with(".gz") {
        let mut decoder = flate2::read::GzDecoder::new(demo.bytes);
        decoder.read_to_end(&mut unpacked).map_err(|error| Error::file(path, error))?;
        &unpacked[..]
    } else {
        demo.bytes
    };
    let source = Source::Bytes(path, bytes);
    let columns = import::survey(&source, &mut |_| Ok(()))?;
    let key = columns.iter().position(|column| column.name == demo.primary_key);
    let table = database.create_table(TableDefinition {
        name: demo.name.to_owned(),
        columns,
        primary_key: key.into_iter().collect(),
        ..TableDefinition::default()
    })?;
    made.push(table);
    import::load(database, &source, table, &mut |_| Ok(()))?;
    Ok(())
}
