//! The tables of the demo, loaded from `cli/data/` through the front door.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use manicule::{ColumnType, Database, Row, Session, Value, time};

/// Tables, keys and indexes as `manicule --demo` has them.
const SCHEMA: &str = "
CREATE TABLE airlines (carrier TEXT PRIMARY KEY, name TEXT);
CREATE TABLE airports (
    faa TEXT PRIMARY KEY, name TEXT, lat REAL, lon REAL, alt INTEGER, tz INTEGER, dst TEXT, tzone TEXT);
CREATE TABLE planes (
    tailnum TEXT PRIMARY KEY, year INTEGER, type TEXT, manufacturer TEXT, model TEXT, engines INTEGER, seats INTEGER,
    speed INTEGER, engine TEXT);
CREATE TABLE flights (
    id INTEGER PRIMARY KEY, year INTEGER, month INTEGER, day INTEGER, dep_time INTEGER, sched_dep_time INTEGER,
    dep_delay INTEGER, arr_time INTEGER, sched_arr_time INTEGER, arr_delay INTEGER, carrier TEXT, flight INTEGER,
    tailnum TEXT, origin TEXT, dest TEXT, air_time INTEGER, distance INTEGER, hour INTEGER, minute INTEGER,
    time_hour TIMESTAMP);
";

const INDEXES: &str = "
CREATE INDEX flights_tailnum ON flights USING HASH (tailnum);
CREATE INDEX flights_dest ON flights USING HASH (dest);
CREATE INDEX flights_dep_time ON flights USING TREE (dep_time);
CREATE INDEX flights_dep_delay ON flights USING TREE (dep_delay);
";

const FILES: [(&str, &str); 4] = [
    ("airlines", "airlines.csv"),
    ("airports", "airports.csv"),
    ("planes", "planes.csv"),
    ("flights", "flights_2013_01.csv.gz"),
];

/// A database with the demo's tables and indexes.
pub(crate) fn database() -> Database {
    let database = Database::in_memory();
    fill(&database);
    database
}

/// Makes the demo's tables and indexes in an empty database.
pub(crate) fn fill(database: &Database) {
    let mut session = Session::new(database);
    session.execute(SCHEMA).expect("the schema is well formed");
    for (table, file) in FILES {
        load(database, table, file);
    }
    session.execute(INDEXES).expect("the indexes can be made");
}

fn load(database: &Database, table: &str, file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("cli/data").join(file);
    let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let is_compressed = path.extension().is_some_and(|extension| extension == "gz");
    let input: Box<dyn Read> = if is_compressed { Box::new(GzDecoder::new(file)) } else { Box::new(file) };
    let schema = database.catalog().table(table).expect("the schema has the table").clone();
    let mut transaction = database.begin();
    for record in csv::Reader::from_reader(input).records() {
        let record = record.expect("the data is well formed");
        let fields = schema.columns.iter().zip(&record);
        let values: Vec<Value<'_>> = fields.map(|(column, field)| value(field, column.column_type)).collect();
        transaction.insert(schema.id, Row::new(&values)).expect("the row fits its table");
    }
    transaction.commit().expect("nobody else writes");
}

fn value(field: &str, column_type: ColumnType) -> Value<'_> {
    match column_type {
        _ if field == "NA" => Value::Null,
        ColumnType::Integer => Value::Integer(field.parse().expect("an integer")),
        ColumnType::Real => Value::Real(field.parse().expect("a real")),
        ColumnType::Timestamp => Value::Timestamp(time::parse_timestamp(field).expect("a timestamp")),
        _ => Value::text(field),
    }
}
