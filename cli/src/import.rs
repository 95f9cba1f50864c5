//! CSV files into tables.
//!
//! A file is read twice. The first pass decides the type of each column by all of its values, or checks them against
//! the columns of a table that is there already; whatever is wrong with the file is found there, before anything has
//! changed. The second pass inserts the rows in one transaction. So a file is taken whole or not at all, and no
//! column turns out to be of another type in the last line.
//!
//! ```text
//! bytes ─▶ reader: records, their lines ─▶ infer: types, values ─▶ Inserter
//! ```

mod infer;
mod reader;

use std::io::Read;

use manicule::{
    Column, ColumnType, Database, Prepared, Row, Session, TableId, TableSchema, Transaction, Value, limits,
};

use crate::error::{CsvError, Error, Result};
use crate::text::{is_sayable, quoted_name};

pub(crate) use infer::parse_value;
use infer::{Inference, is_null, stored_value};
use reader::Text;
pub(crate) use reader::{Reader, Source};

/// The most columns a file may have.
const COLUMNS_MAX: usize = 1024;

/// Told how many bytes have been read, now and then.
pub(crate) type Progress<'p> = &'p mut dyn FnMut(u64) -> Result<()>;

/// Reads the whole file for its columns, with the types that fit all values.
///
/// # Errors
///
/// Whatever is wrong with the file, with its line: another number of fields than the header has, a field without its
/// closing quote, text that is not UTF-8, two columns of one name.
pub(crate) fn survey(source: &Source<'_>, progress: Progress<'_>) -> Result<Vec<Column>> {
    let mut reader = Reader::open(source)?;
    let names = header(&mut reader)?;
    let mut inferences = vec![Inference::default(); names.len()];
    let mut row_count = 0;
    while reader.next_record()? {
        check_width(&reader, names.len())?;
        for (inference, field) in inferences.iter_mut().zip(text(&reader, &names)?.fields()) {
            inference.see(field);
        }
        row_count += 1;
        report(&reader, row_count, progress)?;
    }
    let columns = names.into_iter().zip(inferences);
    Ok(columns.map(|(name, inference)| Column::new(name, inference.column_type())).collect())
}

/// Reads the whole file and checks that its rows fit a table: how many there are.
///
/// # Errors
///
/// As for [`survey`], and a header that does not name the table's columns, and a value that is not of its column's type.
pub(crate) fn check(source: &Source<'_>, table: &TableSchema, progress: Progress<'_>) -> Result<u64> {
    let mut reader = Reader::open(source)?;
    let names = header(&mut reader)?;
    let positions = positions(&reader, &names, table)?;
    let mut row_count = 0;
    while reader.next_record()? {
        check_width(&reader, names.len())?;
        for (at, (field, position)) in text(&reader, &names)?.fields().zip(&positions).enumerate() {
            read_value(&reader, (at, field), &table.columns[*position])?;
        }
        row_count += 1;
        report(&reader, row_count, progress)?;
    }
    Ok(row_count)
}

/// Inserts all rows of the file in one transaction: how many there were.
///
/// # Errors
///
/// As for [`check`], and what the table refuses: a key that is there twice, NULL in a column that takes none, a row that does
/// not satisfy a CHECK. The table is then as it was.
pub(crate) fn load(database: &Database, source: &Source<'_>, table: TableId, progress: Progress<'_>) -> Result<u64> {
    let catalog = database.catalog();
    let table = catalog
        .table_by_id(table)
        .ok_or_else(|| manicule::EngineError::NotFound { what: "table", name: format!("{table:?}") })?;
    let mut reader = Reader::open(source)?;
    let names = header(&mut reader)?;
    let positions = positions(&reader, &names, table)?;
    let defaults: Vec<Value<'static>> = table.columns.iter().map(|column| column.default.clone()).collect();
    let mut inserter = Inserter::begin(database, table, &positions)?;
    let mut row_count = 0;
    while reader.next_record()? {
        check_width(&reader, names.len())?;
        let mut values: Vec<Value<'_>> = defaults.iter().map(Value::as_borrowed).collect();
        for (at, (field, position)) in text(&reader, &names)?.fields().zip(&positions).enumerate() {
            values[*position] = read_value(&reader, (at, field), &table.columns[*position])?;
        }
        inserter.insert(table, &mut values).map_err(|refusal| problem(&reader, &refusal))?;
        row_count += 1;
        report(&reader, row_count, progress)?;
    }
    inserter.commit()?;
    Ok(row_count)
}

/// What puts rows into a table, in one transaction that is rolled back unless it is committed.
enum Inserter {
    /// As they are.
    Plain(Box<Transaction>),
    /// By INSERT, which takes twice as long and alone knows CHECK constraints and computed defaults. The session is its own, so that no setting
    /// of the user's is in the way.
    Checked(Box<Session>, Prepared),
}

impl Inserter {
    /// `given`: the columns that the file has.
    fn begin(database: &Database, table: &TableSchema, given: &[usize]) -> Result<Self> {
        let is_computed = |column: &usize| table.columns[*column].default_sql.is_some() && !given.contains(column);
        let columns = 0..table.columns.len();
        if table.checks.is_empty() && !columns.clone().any(|column| is_computed(&column)) {
            return Ok(Self::Plain(Box::new(database.begin())));
        }
        let failed = |error: manicule::Error| Error::Command(error.to_string());
        let mut session = Box::new(Session::new(database));
        session.execute("BEGIN").map_err(failed)?;
        let value = |column| if is_computed(&column) { "DEFAULT".to_owned() } else { format!("?{}", column + 1) };
        let values: Vec<String> = columns.map(value).collect();
        let insert = format!("INSERT INTO {} VALUES ({})", quoted_name(&table.name), values.join(", "));
        let insert = session.prepare(&insert);
        Ok(Self::Checked(session, insert.map_err(failed)?))
    }

    /// Inserts a row, which is given its number if it comes without one, or says why not.
    fn insert(&mut self, table: &TableSchema, values: &mut [Value<'_>]) -> std::result::Result<(), String> {
        match self {
            Self::Plain(transaction) => {
                if let Some(number) = table.number().filter(|number| values[*number].is_null()) {
                    let next = transaction.next_number(table.id, 0).map_err(|error| error.to_string())?;
                    values[number] = Value::Integer(next);
                }
                transaction.insert(table.id, Row::new(values)).map_err(|error| error.to_string())?;
            }
            Self::Checked(session, insert) => {
                let values = &values[..insert.parameter_count()];
                session.execute_prepared(insert, values).map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }

    fn commit(self) -> Result<()> {
        match self {
            Self::Plain(transaction) => {
                transaction.commit()?;
            }
            Self::Checked(mut session, _) => {
                session.execute("COMMIT").map_err(|error| Error::Command(error.to_string()))?;
            }
        }
        Ok(())
    }
}

/// The names of the columns, which the first record gives.
fn header(reader: &mut Reader<impl Read>) -> Result<Vec<String>> {
    if !reader.next_record()? {
        return Err(problem(reader, "the file is empty; its first line must name the columns"));
    }
    if reader.field_count() > COLUMNS_MAX {
        let count = crate::text::grouped(reader.field_count() as u64);
        return Err(problem(reader, &format!("{count} columns; at most {COLUMNS_MAX} are allowed")));
    }
    let mut names: Vec<String> = Vec::with_capacity(reader.field_count());
    for column in 0..reader.field_count() {
        let position = format!("number {}", column + 1);
        let name = field(reader, column, &position)?.trim();
        let name = if name.is_empty() { format!("column{}", column + 1) } else { name.to_owned() };
        if !is_sayable(&name) {
            let problem = format!("the name of column {} has more than {} bytes", column + 1, limits::NAME_BYTES_MAX);
            return Err(self::problem(reader, &problem));
        }
        if names.iter().any(|other| other.eq_ignore_ascii_case(&name)) {
            return Err(problem(reader, &format!("two columns are named {name}")));
        }
        names.push(name);
    }
    if names.len() == 1 {
        reader.take_empty_records();
    }
    Ok(names)
}

/// Which column of the table each column of the file is.
fn positions(reader: &Reader<impl Read>, names: &[String], table: &TableSchema) -> Result<Vec<usize>> {
    names
        .iter()
        .map(|name| {
            table.column_index(name).ok_or_else(|| {
                let columns: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
                problem(reader, &format!("table {} has no column {name}; it has {}", table.name, columns.join(", ")))
            })
        })
        .collect()
}

fn check_width(reader: &Reader<impl Read>, expected: usize) -> Result<()> {
    let found = reader.field_count();
    if found == expected {
        return Ok(());
    }
    let found = crate::text::counted(found as u64, "field");
    Err(problem(reader, &format!("{found}, but the header has {expected}")))
}

/// The record as text.
fn text<'r>(reader: &'r Reader<impl Read>, names: &[String]) -> Result<Text<'r>> {
    reader.text().ok_or_else(|| {
        let wrong = names.iter().enumerate().find_map(|(column, name)| field(reader, column, name).err());
        wrong.expect("a record whose fields are text is text")
    })
}

/// A field as text.
fn field<'r>(reader: &'r Reader<impl Read>, column: usize, name: &str) -> Result<&'r str> {
    let bytes = reader.field(column);
    let wrong = |problem: String| CsvError {
        path: reader.path().to_owned(),
        line: reader.line(),
        column: Some(name.to_owned()),
        problem,
    };
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let byte = bytes[error.valid_up_to()];
        wrong(format!("the byte 0x{byte:02x} is not UTF-8; save the file as UTF-8"))
    })?;
    if text.contains('\0') {
        return Err(wrong("a zero byte, which no text may hold".to_owned()).into());
    }
    Ok(text)
}

/// The value of a field. One in quotes is text where the column takes any, also if it is empty.
fn read_value<'r>(reader: &Reader<impl Read>, (at, field): (usize, &'r str), column: &Column) -> Result<Value<'r>> {
    if is_null(field) && !(column.column_type == ColumnType::Text && reader.is_quoted(at)) {
        return Ok(Value::Null);
    }
    let value = parse_value(field, column.column_type).or_else(|| stored_value(field, column.column_type));
    value.ok_or_else(|| {
        let shown: String = field.chars().take(40).collect();
        let error = CsvError {
            path: reader.path().to_owned(),
            line: reader.line(),
            column: Some(column.name.clone()),
            problem: format!("'{}' is not {}", crate::text::escape_controls(&shown), column.column_type),
        };
        error.into()
    })
}

fn problem(reader: &Reader<impl Read>, problem: &str) -> crate::error::Error {
    CsvError { path: reader.path().to_owned(), line: reader.line(), column: None, problem: problem.to_owned() }.into()
}

fn report(reader: &Reader<impl Read>, row_count: u64, progress: Progress<'_>) -> Result<()> {
    if row_count.is_multiple_of(4096) { progress(reader.bytes_read()) } else { Ok(()) }
}
