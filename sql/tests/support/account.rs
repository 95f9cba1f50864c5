//! A session over a table of three accounts.

#[path = "lines.rs"]
mod lines;

use lines::lines;
use manicule_engine::Database;
use manicule_sql::Session;

pub(crate) fn database() -> (Database, Session) {
    let database = Database::in_memory();
    let mut session = Session::new(&database);
    session
        .execute(
            "CREATE TABLE account (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, balance INTEGER DEFAULT 0 CHECK (balance >= 0));
             CREATE INDEX account_owner ON account (owner);
             INSERT INTO account VALUES (1, 'ann', 100), (2, 'bob', 50), (3, 'ann', 7);",
        )
        .expect("the table is new");
    (database, session)
}

/// The rows as text, with blanks between them.
#[track_caller]
pub(crate) fn rows(session: &mut Session, sql: &str) -> String {
    lines(session, sql).join(" ")
}

#[track_caller]
pub(crate) fn error(session: &mut Session, sql: &str) -> String {
    let error = session.execute(sql).expect_err(sql);
    format!("{} {error}", error.sqlstate())
}
