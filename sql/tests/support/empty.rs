//! A session of an empty database.

use manicule_engine::Database;
use manicule_sql::Session;

pub(crate) fn session() -> Session {
    Session::new(&Database::in_memory())
}

/// The rows as text, a line each.
#[track_caller]
pub(crate) fn rows(session: &mut Session, sql: &str) -> String {
    let rows = session.query(sql, &[]).unwrap_or_else(|error| panic!("{}", error.render(sql)));
    let line = |row: &manicule_engine::Row| row.values().map(|value| value.to_string()).collect::<Vec<_>>().join(",");
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
