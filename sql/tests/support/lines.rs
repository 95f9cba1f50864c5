//! The rows of a query as text.

use manicule_engine::Row;
use manicule_sql::Session;

/// The rows in their order, each its values with commas between them. A query that fails ends the test, its error rendered.
#[track_caller]
pub(crate) fn lines(session: &mut Session, sql: &str) -> Vec<String> {
    let rows = session.query(sql, &[]).unwrap_or_else(|error| panic!("{}", error.render(sql)));
    let line = |row: &Row| row.values().map(|value| value.to_string()).collect::<Vec<_>>().join(",");
    rows.iter().map(line).collect()
}
