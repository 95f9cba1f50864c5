//! A session of an empty database.

#[path = "lines.rs"]
mod lines;

use lines::lines;
use manicule_engine::Database;
use manicule_sql::Session;

pub(crate) fn session() -> Session {
    Session::new(&Database::in_memory())
}

/// The rows as text, with line ends between them.
#[track_caller]
pub(crate) fn rows(session: &mut Session, sql: &str) -> String {
    lines(session, sql).join("\n")
}
