//! A session of ours and a connection of SQLite's that are told the same.

use manicule::{Database, Outcome, Routing, Session, Value};
use rusqlite::types::{Value as TheirValue, ValueRef};
use rusqlite::{Connection, params_from_iter};

/// A statement for both.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) ours: String,
    /// The same in SQLite's words, where they differ.
    pub(crate) theirs: Option<String>,
    pub(crate) parameters: Vec<Value<'static>>,
    /// How many of the first columns the rows are ordered by; all of them: the rows come in one order only.
    pub(crate) ordered_by: Vec<usize>,
    pub(crate) is_total: bool,
}

impl Statement {
    pub(crate) fn new(sql: impl Into<String>) -> Self {
        Self { ours: sql.into(), theirs: None, parameters: Vec::new(), ordered_by: Vec::new(), is_total: false }
    }

    fn theirs(&self) -> &str {
        self.theirs.as_deref().unwrap_or(&self.ours)
    }

    pub(crate) fn is_query(&self) -> bool {
        self.ours.starts_with("SELECT") || self.ours.starts_with("WITH")
    }

    fn is_change(&self) -> bool {
        ["INSERT", "UPDATE", "DELETE", "REPLACE"].iter().any(|verb| self.ours.starts_with(verb))
    }
}

/// A value, the same from either side.
#[derive(Clone, Debug)]
pub(crate) enum Field {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

impl Field {
    /// A form that is equal where the values are.
    fn shown(&self) -> String {
        match self {
            Self::Null => "NULL".into(),
            Self::Integer(integer) => integer.to_string(),
            // -0.0 equals 0.0; the last digits of a sum depend on the order of its terms.
            Self::Real(real) => format!("{:.12e}", real + 0.0),
            Self::Text(text) => format!("'{text}'"),
            Self::Blob(bytes) => format!("x{bytes:?}"),
        }
    }
}

impl From<Value<'_>> for Field {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Integer(integer) => Self::Integer(integer),
            Value::Boolean(boolean) => Self::Integer(boolean.into()),
            Value::Real(real) => Self::Real(real),
            Value::Text(text) => Self::Text(text.into_owned()),
            Value::Blob(bytes) => Self::Blob(bytes.into_owned()),
            other => Self::Text(other.to_string()),
        }
    }
}

/// What a side said.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Rows(Vec<Vec<String>>),
    Changed(u64),
    Done,
    /// The code where there is one, and the message.
    Failed(&'static str, String),
}

/// How the answers compare.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    Same,
    /// They differ as the dialect page says, by that rule.
    Named(&'static str),
    /// Both refuse.
    BothFailed,
    /// One of them took too long: a product of many tables, say.
    TooLong,
    Different(String),
}

/// How many steps SQLite may take for a statement: about as many as ours does in its time.
const STEPS_MAX: i32 = 20_000_000;

/// Both sides.
pub(crate) struct Pair {
    pub(crate) database: Database,
    session: Session,
    connection: Connection,
}

impl Pair {
    pub(crate) fn new() -> Self {
        Self::on(&Database::in_memory())
    }

    /// A new session on a database of ours, beside an empty one of SQLite's.
    pub(crate) fn on(database: &Database) -> Self {
        let mut session = Session::new(database);
        let settings = "SET division_by_zero = null; SET statement_timeout = 2000";
        session.execute(settings).expect("the settings exist");
        let mut connection = Connection::open_in_memory().expect("SQLite opens in memory");
        connection.progress_handler(STEPS_MAX, Some(|| true)).expect("the connection is open");
        Self { database: database.clone(), session, connection }
    }

    /// Only SQLite's side: to make it equal to a database of ours that is there.
    pub(crate) fn tell_theirs(&self, sql: &str) {
        self.connection.execute_batch(sql).unwrap_or_else(|error| panic!("SQLite refuses {sql}: {error}"));
    }

    /// The rows of a table on SQLite's side, as SQL constants; none if there is no such table.
    pub(crate) fn their_rows(&self, table: &str) -> Vec<String> {
        let sql = format!("SELECT * FROM {table}");
        let Ok(mut statement) = self.connection.prepare(&sql) else { return Vec::new() };
        let width = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            let field = |column| match row.get_ref_unwrap(column) {
                ValueRef::Null => "NULL".to_owned(),
                ValueRef::Integer(integer) => integer.to_string(),
                ValueRef::Real(real) => format!("{real:?}"),
                ValueRef::Text(text) => format!("'{}'", String::from_utf8_lossy(text).replace('\'', "''")),
                ValueRef::Blob(_) => unreachable!("no column holds blobs"),
            };
            Ok((0..width).map(field).collect::<Vec<_>>().join(", "))
        };
        statement.query_map([], row).expect("the table can be read").map(|row| row.expect("a row")).collect()
    }

    /// Runs a statement on both sides. What a query answers is asked again as a full scan; a change goes by `routing`.
    pub(crate) fn run(&mut self, statement: &Statement, routing: Routing) -> Verdict {
        if statement.is_query() {
            let theirs = self.theirs(statement);
            let by_route = compare(statement, &self.ours(statement, Routing::Automatic), &theirs);
            if matches!(by_route, Verdict::TooLong) {
                return by_route;
            }
            if let Verdict::Different(difference) = by_route {
                return Verdict::Different(format!("routed: {difference}{}", self.plan(statement)));
            }
            return match compare(statement, &self.ours(statement, Routing::FullScan), &theirs) {
                Verdict::Different(difference) => Verdict::Different(format!("full scan: {difference}")),
                _ => by_route,
            };
        }
        if !statement.is_change() {
            return compare(statement, &self.ours(statement, routing), &self.theirs(statement));
        }
        self.tell_theirs("SAVEPOINT differential");
        let verdict = compare(statement, &self.ours(statement, routing), &self.theirs(statement));
        // What ours refuses, by a rule that is named, must not happen there either.
        if matches!(verdict, Verdict::Named(_)) {
            self.tell_theirs("ROLLBACK TO differential");
        }
        self.tell_theirs("RELEASE differential");
        verdict
    }

    fn plan(&mut self, statement: &Statement) -> String {
        let explained = self.session.query(&format!("EXPLAIN {}", statement.ours), &statement.parameters);
        let lines: Vec<String> = match &explained {
            Ok(rows) => rows.iter().map(|row| row.get(0).to_string()).collect(),
            Err(error) => vec![error.to_string()],
        };
        format!("\n  plan:\n    {}", lines.join("\n    "))
    }

    fn ours(&mut self, statement: &Statement, routing: Routing) -> Answer {
        self.session.set_routing(routing);
        let answer = if statement.parameters.is_empty() {
            self.session.execute(&statement.ours).map(|mut outcomes| outcomes.pop())
        } else {
            let rows = self.session.query(&statement.ours, &statement.parameters);
            rows.map(|rows| Some(Outcome::Rows(rows)))
        };
        match answer {
            Ok(Some(Outcome::Rows(rows))) => Answer::Rows(
                rows.iter().map(|row| row.values().map(|value| Field::from(value).shown()).collect()).collect(),
            ),
            Ok(Some(Outcome::Changed(count))) => Answer::Changed(count),
            Ok(_) => Answer::Done,
            Err(error) => Answer::Failed(error.sqlstate(), error.to_string()),
        }
    }

    fn theirs(&self, statement: &Statement) -> Answer {
        match self.ask_theirs(statement) {
            Ok(answer) => answer,
            Err(error) => Answer::Failed("", error.to_string()),
        }
    }

    fn ask_theirs(&self, statement: &Statement) -> rusqlite::Result<Answer> {
        let mut prepared = self.connection.prepare_cached(statement.theirs())?;
        let parameters = params_from_iter(statement.parameters.iter().map(their_value));
        let width = prepared.column_count();
        if width == 0 {
            let count = prepared.execute(parameters)?;
            return Ok(if statement.is_change() { Answer::Changed(count as u64) } else { Answer::Done });
        }
        let mut rows = prepared.query(parameters)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push((0..width).map(|column| their_field(row.get_ref_unwrap(column)).shown()).collect());
        }
        Ok(Answer::Rows(found))
    }
}

fn their_value(value: &Value<'static>) -> TheirValue {
    match Field::from(value.clone()) {
        Field::Null => TheirValue::Null,
        Field::Integer(integer) => TheirValue::Integer(integer),
        Field::Real(real) => TheirValue::Real(real),
        Field::Text(text) => TheirValue::Text(text),
        Field::Blob(bytes) => TheirValue::Blob(bytes),
    }
}

fn their_field(value: ValueRef<'_>) -> Field {
    match value {
        ValueRef::Null => Field::Null,
        ValueRef::Integer(integer) => Field::Integer(integer),
        ValueRef::Real(real) => Field::Real(real),
        ValueRef::Text(text) => Field::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Field::Blob(bytes.to_vec()),
    }
}

/// A change of keys that passes through a duplicate and ends without one.
pub(crate) const JUDGED_AT_END: &str = "an UPDATE of unique keys is judged at its end";

/// What the dialect page says of a statement that ours refuses and SQLite does not.
fn rule(sqlstate: &str) -> Option<&'static str> {
    match sqlstate {
        "22003" => Some("a result out of range is an error"),
        "22P02" => Some("a text that says no value of the type is an error"),
        "42804" => Some("a column takes values of its type only"),
        _ => None,
    }
}

fn compare(statement: &Statement, ours: &Answer, theirs: &Answer) -> Verdict {
    let differ = || Verdict::Different(format!("\n  ours   {}\n  theirs {}", excerpt(ours), excerpt(theirs)));
    match (ours, theirs) {
        (Answer::Failed("57014", _), _) => Verdict::TooLong,
        (_, Answer::Failed(_, message)) if message.starts_with("interrupted") => Verdict::TooLong,
        (Answer::Failed(..), Answer::Failed(..)) => Verdict::BothFailed,
        // It ignores duplicates alone.
        (Answer::Failed("23502", _), Answer::Changed(_) | Answer::Rows(_)) if statement.ours.contains("OR IGNORE") => {
            Verdict::Named("INSERT OR IGNORE passes over duplicates only")
        }
        (Answer::Failed(sqlstate, _), _) => rule(sqlstate).map_or_else(differ, Verdict::Named),
        // A change of a key that passes through a duplicate is judged at its end, not row by row.
        (Answer::Changed(_) | Answer::Rows(_), Answer::Failed(_, message))
            if statement.ours.starts_with("UPDATE") && message.starts_with("UNIQUE constraint") =>
        {
            Verdict::Named(JUDGED_AT_END)
        }
        (Answer::Rows(ours), Answer::Rows(theirs)) if same_rows(statement, ours, theirs) => Verdict::Same,
        (Answer::Changed(ours), Answer::Changed(theirs)) if ours == theirs => Verdict::Same,
        (Answer::Done, Answer::Done) => Verdict::Same,
        _ => differ(),
    }
}

/// Whether the rows are the same, in the same order as far as the statement says one.
fn same_rows(statement: &Statement, ours: &[Vec<String>], theirs: &[Vec<String>]) -> bool {
    if statement.is_total {
        return ours == theirs;
    }
    let keys = |rows: &[Vec<String>]| -> Vec<Vec<String>> {
        rows.iter().map(|row| statement.ordered_by.iter().map(|&key| row[key].clone()).collect()).collect()
    };
    let sorted = |rows: &[Vec<String>]| {
        let mut rows = rows.to_vec();
        rows.sort();
        rows
    };
    keys(ours) == keys(theirs) && sorted(ours) == sorted(theirs)
}

fn excerpt(answer: &Answer) -> String {
    let text = match answer {
        Answer::Rows(rows) => {
            let rows: Vec<String> = rows.iter().take(12).map(|row| row.join(" | ")).collect();
            rows.join("\n         ")
        }
        other => format!("{other:?}"),
    };
    match answer {
        Answer::Rows(rows) => format!("{} rows\n         {text}", rows.len()),
        _ => text,
    }
}
