//! Does Manicule answer random statements as SQLite does?
//!
//! `cargo run --release -p manicule-peers --bin differential -- --statements 100000 --seed 1`
//!
//! Round after round: random tables (kinds, NULLs, duplicates, keys or none, some empty), random indexes (unique, of several
//! columns, DESC, hash or tree), then random queries and changes, transactions and savepoints, told to a session of ours
//! and to SQLite in memory. Now and then a transaction is open on the side, with changes of its own; it must see what it
//! saw, and the others must not see it. Every query is asked routed and as a forced full scan; after every change the
//! tables are compared.
//!
//! Reals are quarters and integers small, so that sums are exact. What ours refuses by a rule that `docs/dialect.md`
//! names is counted by the rule, and taken back on SQLite's side. Anything else that differs is printed as a script, as
//! short as leaving out statements makes it, with what repeats it.

#![forbid(unsafe_code)]

mod change;
mod expr;
mod page;
mod pair;
mod play;
mod query;
mod random;
mod schema;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use manicule::Routing;

use pair::{Statement, Verdict};
use play::{Player, Step, minimise};
use random::Random;
use schema::Table;

/// Runs random statements on Manicule and on SQLite and compares.
#[derive(Debug, Parser)]
#[command(name = "differential")]
struct Arguments {
    /// How many statements are compared.
    #[arg(long, default_value_t = 10_000)]
    statements: usize,
    /// Another seed gives other statements.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only this round.
    #[arg(long)]
    round: Option<u64>,
    /// Ends after so many differences.
    #[arg(long, default_value_t = 10)]
    differences: usize,
    /// Prints every statement and what came of it.
    #[arg(long)]
    verbose: bool,
}

/// What came of all statements.
#[derive(Default)]
struct Tally {
    statements: usize,
    same: usize,
    both_failed: usize,
    too_long: usize,
    named: BTreeMap<&'static str, usize>,
    different: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (begin, mut tally) = (Instant::now(), Tally::default());
    let rounds = arguments.round.map_or(0..=u64::MAX, |round| round..=round);
    for round in rounds {
        if tally.statements >= arguments.statements || tally.different >= arguments.differences {
            break;
        }
        Round::new(&arguments, round).run(&mut tally);
    }
    println!(
        "seed {}: {} statements, {} the same, {} refused by both, {} given up as too long, {} different, {:.0} s",
        arguments.seed,
        tally.statements,
        tally.same,
        tally.both_failed,
        tally.too_long,
        tally.different,
        begin.elapsed().as_secs_f64()
    );
    for (rule, count) in &tally.named {
        println!("  {count} named by the dialect page: {rule}");
    }
    if tally.different == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How many steps a round has, after its tables are made.
const STEPS: usize = 80;

/// Tables and what happens to them.
struct Round<'a> {
    arguments: &'a Arguments,
    number: u64,
    random: Random,
    tables: Vec<Table>,
    player: Player,
    steps: Vec<Step>,
    next_id: usize,
    indexes: usize,
    is_in_transaction: bool,
    savepoints: usize,
    is_side_open: bool,
}

impl<'a> Round<'a> {
    fn new(arguments: &'a Arguments, number: u64) -> Self {
        let mut random = Random::new(Random::new(arguments.seed).next() ^ number);
        let tables: Vec<Table> = (0..1 + random.below(3)).map(|table| Table::random(&mut random, table)).collect();
        let names: Vec<String> = tables.iter().map(|table| table.name.clone()).collect();
        Self {
            arguments,
            number,
            random,
            tables,
            player: Player::new(&names),
            steps: Vec::new(),
            next_id: 0,
            indexes: 0,
            is_in_transaction: false,
            savepoints: 0,
            is_side_open: false,
        }
    }

    /// Runs until something differs or all is done.
    fn run(&mut self, tally: &mut Tally) {
        for step in self.beginning() {
            if !self.take(step, tally) {
                return;
            }
        }
        for _ in 0..STEPS {
            let step = self.next_step();
            if !self.take(step, tally) {
                return;
            }
        }
    }

    /// The tables with their first rows and indexes.
    fn beginning(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        for number in 0..self.tables.len() {
            let table = self.tables[number].clone();
            steps.push(Step::run(table.create()));
            let mut later = Vec::new();
            for _ in 0..self.random.below(4) {
                let step = self.index(number);
                if self.random.percent(50) { steps.push(step) } else { later.push(step) }
            }
            let rows = *self.random.one(&[0, 1, 4, 8, 15, 30, 70]);
            for id in 0..rows {
                steps.push(Step::run(table.insert(&mut self.random, id)));
            }
            self.next_id = self.next_id.max(rows);
            steps.extend(later);
        }
        steps
    }

    fn index(&mut self, table: usize) -> Step {
        self.indexes += 1;
        let index = self.tables[table].index(&mut self.random, self.indexes);
        self.tables[table].unique.extend(index.unique);
        let statement = Statement { theirs: Some(index.theirs), ..Statement::new(index.ours) };
        Step::Run { statement, routing: Routing::Automatic }
    }

    fn next_step(&mut self) -> Step {
        let aside = self.is_side_open && self.random.percent(30);
        let routing = *self.random.one(&[Routing::Automatic, Routing::Automatic, Routing::FullScan]);
        let statement = match self.random.below(100) {
            0..=7 => match self.transaction() {
                Some(step) => return step,
                None => query::random(&mut self.random, &self.tables),
            },
            8 | 9 if !self.is_in_transaction => {
                let table = self.random.below(self.tables.len());
                return self.index(table);
            }
            10..=34 => {
                self.next_id += 3;
                change::random(&mut self.random, &self.tables, self.next_id)
            }
            35..=54 => page::random(&mut self.random, &self.tables),
            _ => query::random(&mut self.random, &self.tables),
        };
        if aside { Step::RunAside { statement, routing } } else { Step::Run { statement, routing } }
    }

    /// BEGIN, COMMIT and the like, as they are possible now.
    fn transaction(&mut self) -> Option<Step> {
        let sql = match (self.is_in_transaction, self.random.below(6)) {
            (false, 0..=2) => {
                self.is_in_transaction = true;
                "BEGIN".to_owned()
            }
            (false, 3) if !self.is_side_open => {
                self.is_side_open = true;
                return Some(Step::OpenSide);
            }
            (false, _) if self.is_side_open => {
                self.is_side_open = false;
                return Some(Step::CloseSide);
            }
            (false, _) => return None,
            (true, 0..=2) => {
                self.savepoints += 1;
                format!("SAVEPOINT s{}", self.savepoints)
            }
            (true, 3) if self.savepoints > 0 => format!("ROLLBACK TO s{}", self.savepoints),
            (true, end) => {
                self.is_in_transaction = false;
                self.savepoints = 0;
                if end == 4 { "COMMIT" } else { "ROLLBACK" }.to_owned()
            }
        };
        Some(Step::run(sql))
    }

    /// Takes a step and counts what came of it; whether the round goes on.
    fn take(&mut self, step: Step, tally: &mut Tally) -> bool {
        let verdict = match self.player.play(&step) {
            verdict @ (Verdict::Different(_) | Verdict::TooLong | Verdict::Named(pair::JUDGED_AT_END)) => verdict,
            verdict => match self.player.check_tables(matches!(step, Step::RunAside { .. })) {
                Verdict::Different(difference) => Verdict::Different(difference),
                _ => verdict,
            },
        };
        if self.arguments.verbose {
            println!("{}\n  {verdict:?}", step.shown());
        }
        self.steps.push(step);
        tally.statements += 1;
        match verdict {
            Verdict::Same => tally.same += 1,
            Verdict::BothFailed => tally.both_failed += 1,
            Verdict::TooLong => {
                tally.too_long += 1;
                return false;
            }
            Verdict::Named(rule) => {
                *tally.named.entry(rule).or_default() += 1;
                // Only ours has done it: the two are not the same any more.
                return rule != pair::JUDGED_AT_END;
            }
            Verdict::Different(difference) => {
                tally.different += 1;
                self.report(&difference);
                return false;
            }
        }
        true
    }

    fn report(&self, difference: &str) {
        let names: Vec<String> = self.tables.iter().map(|table| table.name.clone()).collect();
        let (steps, shorter) = minimise(&names, self.steps.clone());
        println!("-- DIFFERENT: --seed {} --round {}", self.arguments.seed, self.number);
        steps.iter().for_each(|step| println!("{}", step.shown()));
        println!("{}\n", shorter.as_deref().unwrap_or(difference));
    }
}
