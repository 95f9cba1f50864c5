//! The SQL suite: the database in memory beside SQLite in memory, both with prepared statements.
//!
//! One table of `n` rows: `item(id INTEGER PRIMARY KEY, category INTEGER, score INTEGER, name TEXT)`, with an index on
//! `category` (a hundred rows each) and one on `score` (no two alike), and a table of 1,000 keys to join. SQLite's
//! statements are its own recommended way: prepared once, the journal off, a connection for each thread.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::key::{draw, scramble};
use crate::measure::{Plan, parallel, per_operation};
use crate::record::Sheet;

mod manicule;
mod sqlite;

/// The rows of the suite's tables, in order.
const WORKLOADS: &[&str] = &[
    "insert with two indexes",
    "point by primary key",
    "point by non-unique index",
    "range of 100 by secondary index",
    "top 10 by indexed column",
    "indexed join of 1000 keys",
    "full scan with filter",
];

/// Rows that share a category.
const CATEGORY_ROWS: usize = 100;
/// Keys in the table that is joined.
const WANTED: usize = 1000;

/// The statements, the same text for both.
pub(crate) mod text {
    pub(crate) const CREATE: [&str; 4] = [
        "CREATE TABLE item (id INTEGER PRIMARY KEY, category INTEGER, score INTEGER, name TEXT)",
        "CREATE INDEX item_category ON item (category)",
        "CREATE INDEX item_score ON item (score)",
        "CREATE TABLE wanted (item INTEGER PRIMARY KEY)",
    ];
    pub(crate) const INSERT: &str = "INSERT INTO item VALUES (?, ?, ?, ?)";
    pub(crate) const INSERT_WANTED: &str = "INSERT INTO wanted VALUES (?)";
    pub(crate) const POINT: &str = "SELECT score FROM item WHERE id = ?";
    pub(crate) const NON_UNIQUE: &str = "SELECT score FROM item WHERE category = ?";
    pub(crate) const RANGE: &str = "SELECT id FROM item WHERE score >= ? AND score < ?";
    pub(crate) const TOP: &str = "SELECT score FROM item WHERE score >= ? ORDER BY score LIMIT 10";
    pub(crate) const JOIN: &str = "SELECT i.score FROM wanted w JOIN item i ON i.id = w.item";
    pub(crate) const SCAN: &str = "SELECT id FROM item WHERE name = ? AND score % 7 = ?";
}

/// The queries of the suite; each gives one column of integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Query {
    Point,
    NonUnique,
    Range,
    Top,
    Join,
    Scan,
}

impl Query {
    const ALL: [Self; 6] = [Self::Point, Self::NonUnique, Self::Range, Self::Top, Self::Join, Self::Scan];

    pub(crate) fn sql(self) -> &'static str {
        match self {
            Self::Point => text::POINT,
            Self::NonUnique => text::NON_UNIQUE,
            Self::Range => text::RANGE,
            Self::Top => text::TOP,
            Self::Join => text::JOIN,
            Self::Scan => text::SCAN,
        }
    }

    fn workload(self) -> &'static str {
        match self {
            Self::Point => "point by primary key",
            Self::NonUnique => "point by non-unique index",
            Self::Range => "range of 100 by secondary index",
            Self::Top => "top 10 by indexed column",
            Self::Join => "indexed join of 1000 keys",
            Self::Scan => "full scan with filter",
        }
    }

    /// How often it runs in one pass: often enough for most of it to be no first touch.
    fn repetitions(self, plan: &Plan) -> usize {
        match self {
            Self::Point => plan.operations,
            Self::NonUnique | Self::Range => (plan.operations / 32).min(1 << 12),
            Self::Top => plan.operations / 8,
            Self::Join => plan.operations / 4096,
            Self::Scan => 2_000_000 / plan.n,
        }
        .clamp(2, 1 << 18)
    }

    /// Its parameters at one step.
    pub(crate) fn parameters(self, step: usize, n: usize) -> Parameters {
        let low = draw(step, n) as i64;
        match self {
            Self::Point => Parameters::One(low),
            Self::NonUnique => Parameters::One(low % categories(n)),
            Self::Range => Parameters::Two(low * 3, low * 3 + 300),
            Self::Top => Parameters::One(low * 3),
            Self::Join => Parameters::None,
            Self::Scan => Parameters::Named("name 5", 3),
        }
    }
}

/// What is bound to a query.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Parameters {
    None,
    One(i64),
    Two(i64, i64),
    Named(&'static str, i64),
}

/// One row of the table.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) id: i64,
    pub(crate) category: i64,
    pub(crate) score: i64,
    pub(crate) name: String,
}

fn categories(n: usize) -> i64 {
    (n / CATEGORY_ROWS).max(1) as i64
}

/// The rows in the order of their ids; the scores are a permutation of the multiples of three.
fn items(n: usize) -> Vec<Item> {
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_unstable_by_key(|place| scramble(*place as u64));
    let row = |(id, place): (usize, usize)| Item {
        id: id as i64,
        category: (scramble(id as u64 + 1_000_000_007) % categories(n) as u64) as i64,
        score: place as i64 * 3,
        name: format!("name {}", id % 10),
    };
    order.into_iter().enumerate().map(row).collect()
}

/// A database under test.
pub(crate) trait SqlPeer: Sync + Sized {
    const NAME: &'static str;

    type Session<'a>: SqlSession
    where
        Self: 'a;

    /// An empty database with the tables and indexes, for so many threads that read.
    fn new(threads: usize) -> Self;

    /// Fills the tables in one transaction, through prepared statements; the time of the items alone.
    fn fill(&self, items: &[Item], wanted: &[i64]) -> Duration;

    /// Runs `work` with a session of this thread; no two threads share one.
    fn with_session<R>(&self, work: impl FnOnce(&mut Self::Session<'_>) -> R) -> R;
}

/// A thread's session with the query prepared.
pub(crate) trait SqlSession {
    fn prepare(&mut self, query: Query);

    /// Runs the prepared query; how many rows it gave, and the sum of their column.
    fn run(&mut self, parameters: Parameters) -> (usize, i64);
}

/// Runs the suite.
pub(crate) fn run(plan: &Plan) -> Sheet {
    let mut sheet = Sheet::new("sql", "rows", plan.n, plan.threads).in_order(WORKLOADS);
    let rows = items(plan.n);
    let wanted: Vec<i64> = (0..WANTED.min(plan.n)).map(|place| (place * (plan.n / WANTED).max(1)) as i64).collect();
    let peers: [(&str, Turn); 2] = [("manicule", round::<manicule::Manicule>), ("SQLite", round::<sqlite::Sqlite>)];
    for number in 0..plan.rounds {
        let mut answers: Option<Answers> = None;
        for place in plan.rotation(number, peers.len()) {
            let (name, peer) = peers[place];
            if !plan.wants_peer(name) {
                continue;
            }
            let given = peer(plan, &rows, &wanted, &mut sheet);
            if answers.replace(given.clone()).is_some_and(|others| others != given) {
                eprintln!("WRONG: sql: {name} gives other answers than its rival");
            }
        }
        crate::measure::note_round(plan, number, &mut sheet);
    }
    sheet
}

/// What each query gave, over all its repetitions on one thread.
type Answers = Vec<(usize, i64)>;

/// One peer's turn.
type Turn = fn(&Plan, &[Item], &[i64], &mut Sheet) -> Answers;

fn round<P: SqlPeer>(plan: &Plan, rows: &[Item], wanted: &[i64], sheet: &mut Sheet) -> Answers {
    let peer = P::new(plan.threads);
    let elapsed = peer.fill(rows, wanted);
    if plan.threads == 1 {
        sheet.add("insert with two indexes", P::NAME, "ns", per_operation(elapsed, rows.len()));
    }
    let mut answers = Vec::new();
    for query in Query::ALL.into_iter().filter(|query| plan.wants(query.workload())) {
        let repetitions = query.repetitions(plan);
        let all = |session: &mut P::Session<'_>| {
            (0..repetitions).fold((0, 0_i64), |(count, sum), step| {
                let (rows, total) = session.run(black_box(query.parameters(step, plan.n)));
                (count + rows, sum.wrapping_add(total))
            })
        };
        let elapsed = parallel(plan.threads, |_, start| {
            peer.with_session(|session| {
                session.prepare(query);
                start.wait();
                let begun = Instant::now();
                black_box(all(session));
                begun.elapsed()
            })
        });
        sheet.add(query.workload(), P::NAME, "ns", per_operation(elapsed, repetitions));
        answers.push(peer.with_session(|session| {
            session.prepare(query);
            all(session)
        }));
    }
    answers
}
