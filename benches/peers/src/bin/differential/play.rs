//! Steps, and two pairs that play them: one that most is told to, and one with a transaction open on the side.

use manicule::Routing;

use crate::pair::{Pair, Statement, Verdict};

/// What happens next.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Run {
        statement: Statement,
        routing: Routing,
    },
    /// A transaction begins on the side. It sees what is there now, until it is rolled back.
    OpenSide,
    RunAside {
        statement: Statement,
        routing: Routing,
    },
    CloseSide,
}

impl Step {
    pub(crate) fn run(sql: impl Into<String>) -> Self {
        Self::Run { statement: Statement::new(sql), routing: Routing::Automatic }
    }

    /// The step as a line of a script.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Run { statement, routing } => line("", statement, *routing),
            Self::OpenSide => "-- on the side: BEGIN;".into(),
            Self::RunAside { statement, routing } => line("-- on the side: ", statement, *routing),
            Self::CloseSide => "-- on the side: ROLLBACK;".into(),
        }
    }
}

fn line(head: &str, statement: &Statement, routing: Routing) -> String {
    let parameters =
        if statement.parameters.is_empty() { String::new() } else { format!(" -- {:?}", statement.parameters) };
    let scanned = if routing == Routing::FullScan { " -- as a full scan" } else { "" };
    format!("{head}{};{parameters}{scanned}", statement.ours)
}

/// Plays steps.
pub(crate) struct Player {
    main: Pair,
    side: Option<Pair>,
    /// What made the schema, in SQLite's words.
    schema: Vec<String>,
    tables: Vec<String>,
}

impl Player {
    pub(crate) fn new(tables: &[String]) -> Self {
        Self { main: Pair::new(), side: None, schema: Vec::new(), tables: tables.to_vec() }
    }

    pub(crate) fn play(&mut self, step: &Step) -> Verdict {
        match step {
            Step::Run { statement, routing } => {
                let verdict = self.main.run(statement, *routing);
                if statement.ours.starts_with("CREATE") && matches!(verdict, Verdict::Same) {
                    self.schema.push(statement.theirs.clone().unwrap_or_else(|| statement.ours.clone()));
                }
                verdict
            }
            Step::RunAside { statement, routing } => match &mut self.side {
                Some(side) => side.run(statement, *routing),
                None => Verdict::Same,
            },
            Step::OpenSide => {
                self.side = Some(self.open_side());
                Verdict::Same
            }
            Step::CloseSide => {
                self.side = None;
                Verdict::Same
            }
        }
    }

    fn open_side(&self) -> Pair {
        let mut side = Pair::on(&self.main.database);
        self.schema.iter().for_each(|sql| side.tell_theirs(sql));
        for table in &self.tables {
            for row in self.main.their_rows(table) {
                side.tell_theirs(&format!("INSERT INTO {table} VALUES ({row})"));
            }
        }
        side.run(&Statement::new("BEGIN"), Routing::Automatic);
        side
    }

    /// Whether both sides of a pair hold the same rows.
    pub(crate) fn check_tables(&mut self, aside: bool) -> Verdict {
        for table in self.tables.clone() {
            let statement = Statement::new(format!("SELECT * FROM {table}"));
            let pair = if aside { self.side.as_mut() } else { Some(&mut self.main) };
            let Some(pair) = pair else { return Verdict::Same };
            if let Verdict::Different(difference) = pair.run(&statement, Routing::FullScan) {
                return Verdict::Different(format!("afterwards, {table}: {difference}"));
            }
        }
        Verdict::Same
    }
}

/// Plays all steps; what the last one comes to, or the tables after it. `None` if an earlier one differs.
fn last_verdict(tables: &[String], steps: &[Step]) -> Option<Verdict> {
    let mut player = Player::new(tables);
    let (last, before) = steps.split_last()?;
    for step in before {
        if let Verdict::Different(_) = player.play(step) {
            return None;
        }
    }
    Some(match player.play(last) {
        Verdict::Different(difference) => Verdict::Different(difference),
        _ => player.check_tables(matches!(last, Step::RunAside { .. })),
    })
}

/// The steps without those that the difference of the last one does not need, and the difference.
pub(crate) fn minimise(tables: &[String], mut steps: Vec<Step>) -> (Vec<Step>, Option<String>) {
    let mut width = steps.len() / 2;
    while width > 0 {
        let mut start = 0;
        while start + 1 < steps.len() {
            let end = (start + width).min(steps.len() - 1);
            let shorter: Vec<Step> = steps[..start].iter().chain(&steps[end..]).cloned().collect();
            if matches!(last_verdict(tables, &shorter), Some(Verdict::Different(_))) {
                steps = shorter;
            } else {
                start = end;
            }
        }
        width /= 2;
    }
    let difference = match last_verdict(tables, &steps) {
        Some(Verdict::Different(difference)) => Some(difference),
        _ => None,
    };
    (steps, difference)
}
