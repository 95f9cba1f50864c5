//! Ours: one database in memory, a session for each thread.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use ::manicule::{Database, Prepared, Session, Value};

use super::{Item, Parameters, Query, SqlPeer, SqlSession, text};

/// A database in memory.
pub(crate) struct Manicule(Database);

/// A session and its prepared query.
pub(crate) struct Open {
    session: Session,
    prepared: Option<Prepared>,
}

impl SqlPeer for Manicule {
    const NAME: &'static str = "manicule";
    type Session<'a> = Open;

    fn new(_threads: usize) -> Self {
        let database = Database::in_memory();
        let mut session = Session::new(&database);
        for statement in text::CREATE {
            session.execute(statement).expect("the tables are new");
        }
        Self(database)
    }

    fn fill(&self, items: &[Item], wanted: &[i64]) -> Duration {
        let mut session = Session::new(&self.0);
        session.execute("BEGIN").expect("no transaction is open");
        let insert = session.prepare(text::INSERT_WANTED).expect("the table exists");
        for item in wanted {
            session.execute_prepared(&insert, &[Value::from(*item)]).expect("the keys differ");
        }
        let insert = session.prepare(text::INSERT).expect("the table exists");
        let begun = Instant::now();
        for item in items {
            let (id, category) = (Value::from(item.id), Value::from(item.category));
            let (score, name) = (Value::from(item.score), Value::from(item.name.as_str()));
            session.execute_prepared(&insert, &[id, category, score, name]).expect("the keys differ");
        }
        session.execute("COMMIT").expect("a transaction is open");
        begun.elapsed()
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut Open) -> R) -> R {
        work(&mut Open { session: Session::new(&self.0), prepared: None })
    }
}

impl SqlSession for Open {
    fn prepare(&mut self, query: Query) {
        self.prepared = Some(self.session.prepare(query.sql()).expect("the query is right"));
    }

    fn run(&mut self, parameters: Parameters) -> (usize, i64) {
        let prepared = self.prepared.as_ref().expect("a query was prepared");
        let (mut count, mut sum) = (0, 0_i64);
        let on_row = |row: &[Value<'_>]| {
            count += 1;
            if let Value::Integer(integer) = row[0] {
                sum = sum.wrapping_add(integer);
            }
            ControlFlow::Continue(())
        };
        let ran = match parameters {
            Parameters::None => self.session.query_prepared(prepared, &[], on_row),
            Parameters::One(value) => self.session.query_prepared(prepared, &[Value::from(value)], on_row),
            Parameters::Two(low, high) => {
                self.session.query_prepared(prepared, &[Value::from(low), Value::from(high)], on_row)
            }
            Parameters::Named(name, value) => {
                self.session.query_prepared(prepared, &[Value::from(name), Value::from(value)], on_row)
            }
        };
        ran.expect("the query runs");
        (count, sum)
    }
}
