//! Manicule's indexes beside every structure they replace, in one process.
//!
//! `cargo run --release -p manicule-peers -- --suite hash --n 1000000 --threads 1`; see the package's README for what
//! the suites measure, and what they do not.

mod allocator;
mod key;
mod measure;
mod plot;
mod point;
mod reclaim;
mod record;
mod report;
mod run;

mod engine;
mod hash;
mod multi;
mod publish;
mod sql;
mod tree;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use measure::{Plan, Scope};
use record::{Record, Sheet, print_table};
use run::Run;

#[global_allocator]
static ALLOCATOR: allocator::Counting = allocator::Counting;

/// Manicule's indexes beside their rivals, all in one process, interleaved round by round.
#[derive(Debug, Parser)]
#[command(name = "manicule-peers", version)]
struct Arguments {
    /// What to measure.
    #[arg(long, value_enum, default_value = "all")]
    suite: Suite,
    /// Entries, one or more sizes separated by commas [default: 10000,1000000; with --quick 10000; with --report
    /// 10000,100000,1000000,10000000].
    #[arg(long, value_delimiter = ',')]
    n: Vec<usize>,
    /// Threads, one or more numbers separated by commas [default: 1,2].
    #[arg(long, value_delimiter = ',')]
    threads: Vec<usize>,
    /// Of larger sizes only what is drawn against the size is measured, on one thread and without the slowest peers; strings
    /// are measured up to a tenth of it [default: no limit; with --report 1000000].
    #[arg(long, value_name = "N")]
    whole_up_to: Option<usize>,
    /// Three rounds of short passes, two of the largest sizes: shows that everything runs, and about how fast.
    #[arg(long)]
    quick: bool,
    /// Only this kind of key: u64 or string20.
    #[arg(long)]
    key: Option<String>,
    /// Only the workloads whose name contains this.
    #[arg(long)]
    workload: Option<String>,
    /// Only the peers whose name contains this.
    #[arg(long)]
    peer: Option<String>,
    /// Rounds; at least five make a figure [default: 5; with --quick 3].
    #[arg(long)]
    rounds: Option<usize>,
    /// Appends one line of JSON for the run, and one for each workload and peer.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Goes on where the same run, of the same commit, was interrupted: tables that are in the file of --json are not
    /// measured again.
    #[arg(long, requires = "json")]
    resume: bool,
    /// Writes benchmarks.md, its figures and its plots there; older plots in DIR/benchmarks go.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Puts the report's first tables into this file too, between its two comments that say so.
    #[arg(long, value_name = "FILE", requires = "report")]
    readme: Option<PathBuf>,
    /// Measures nothing: the report is put together of what --json has written, at whichever moments.
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "report", conflicts_with = "json")]
    from: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Suite {
    /// Unordered maps.
    Hash,
    /// Ordered maps.
    Tree,
    /// Maps from a key to many values.
    Multi,
    /// How long the writer of a left-right map waits when it publishes.
    Publish,
    /// Transactions and durability, beside SQLite and plain maps.
    Engine,
    /// The database beside SQLite.
    Sql,
    /// Every suite.
    All,
}

/// A suite with one kind of key: at each size and number of threads it makes one table.
struct Part {
    suite: Suite,
    name: &'static str,
    key: &'static str,
    /// The number of threads, if it is always the same.
    threads: Option<usize>,
    run: fn(&Plan) -> Sheet,
}

impl Part {
    const fn new(suite: Suite, name: &'static str, key: &'static str, run: fn(&Plan) -> Sheet) -> Self {
        Self { suite, name, key, threads: None, run }
    }

    const fn with_threads(self, threads: usize) -> Self {
        Self { threads: Some(threads), ..self }
    }

    /// Whether the plan is worth its time where all is measured up to that size.
    fn is_worth(&self, plan: &Plan, whole_up_to: usize) -> bool {
        match self.key {
            STRINGS => plan.n <= whole_up_to / 10,
            _ => plan.scope == Scope::Whole || self.threads.is_none(),
        }
    }

    /// Whether it is this part's table of that plan.
    fn is_of(&self, plan: &Plan, record: &Record) -> bool {
        record.suite == self.name
            && record.key == self.key
            && record.n == plan.n as u64
            && record.threads == self.threads.unwrap_or(plan.threads) as u64
    }
}

const WORDS: &str = "u64";
const STRINGS: &str = "string20";
const ROWS: &str = "rows";

/// In the order of the report.
const PARTS: [Part; 8] = [
    Part::new(Suite::Sql, "sql", ROWS, sql::run),
    Part::new(Suite::Engine, "engine", ROWS, engine::run).with_threads(1),
    Part::new(Suite::Hash, "hash", WORDS, hash::run_u64),
    Part::new(Suite::Hash, "hash", STRINGS, hash::run_string),
    Part::new(Suite::Tree, "tree", WORDS, tree::run_u64),
    Part::new(Suite::Tree, "tree", STRINGS, tree::run_string),
    Part::new(Suite::Multi, "multi", WORDS, multi::run),
    Part::new(Suite::Publish, "publish", WORDS, publish::run).with_threads(publish::THREADS),
];

impl Arguments {
    fn plans(&self) -> Vec<Plan> {
        let sizes = match (self.n.as_slice(), self.quick) {
            ([], _) if self.report.is_some() => vec![10_000, 100_000, 1_000_000, 10_000_000],
            ([], true) => vec![10_000],
            ([], false) => vec![10_000, 1_000_000],
            (sizes, _) => sizes.to_vec(),
        };
        let threads = if self.threads.is_empty() { vec![1, 2] } else { self.threads.clone() };
        let plan = |threads: usize, n: usize| {
            let scope = if n > self.whole_up_to() { Scope::Drawn } else { Scope::Whole };
            let rounds = match (self.quick, scope) {
                (true, Scope::Drawn) => 2,
                (true, Scope::Whole) => 3,
                (false, _) => 5,
            };
            Plan {
                n: n.max(16),
                threads: threads.max(1),
                rounds: self.rounds.unwrap_or(rounds).max(1),
                operations: if self.quick { n.clamp(1 << 12, 1 << 15) } else { n.clamp(1 << 18, 1 << 21) },
                scope,
                workload: self.workload.clone(),
                peer: self.peer.clone(),
            }
        };
        let plans = threads.iter().flat_map(|threads| sizes.iter().map(move |n| plan(*threads, *n)));
        plans.filter(|plan| plan.scope == Scope::Whole || plan.threads == threads[0]).collect()
    }

    fn whole_up_to(&self) -> usize {
        self.whole_up_to.unwrap_or(if self.report.is_some() { 1_000_000 } else { usize::MAX })
    }

    fn wants(&self, part: &Part) -> bool {
        let of_key = self.key.as_ref().is_none_or(|wanted| wanted == part.key || part.key == ROWS);
        of_key && (self.suite == part.suite || self.suite == Suite::All)
    }

    /// All tables that are to be measured.
    fn tables(&self) -> Vec<(&'static Part, Plan)> {
        let plans = self.plans();
        let of_part = |part: &'static Part| {
            // Whoever chooses its threads itself runs once for all of them.
            let wanted = |plan: &&Plan| part.threads.is_none() || plan.threads == plans[0].threads;
            let plans: Vec<Plan> =
                plans.iter().filter(wanted).filter(|plan| part.is_worth(plan, self.whole_up_to())).cloned().collect();
            plans.into_iter().map(move |plan| (part, plan))
        };
        PARTS.iter().filter(|part| self.wants(part)).flat_map(of_part).collect()
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("manicule-peers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> io::Result<()> {
    let (mut runs, mut records) = (Vec::new(), Vec::new());
    if arguments.from.is_empty() {
        measure(arguments, &mut runs, &mut records)?;
    }
    for path in &arguments.from {
        run::read(path, &mut runs, &mut records)?;
    }
    if let Some(folder) = &arguments.report {
        report::write(folder, &runs, &records)?;
    }
    match &arguments.readme {
        Some(readme) => report::write_into_readme(readme, &runs, &records),
        None => Ok(()),
    }
}

/// Runs what is asked for and is not there yet.
fn measure(arguments: &Arguments, runs: &mut Vec<Run>, records: &mut Vec<Record>) -> io::Result<()> {
    let now = Run::now();
    match &arguments.json {
        Some(path) if arguments.resume && path.exists() => run::resume(path, &now, records)?,
        Some(path) => append(path, &[now.to_json()])?,
        None => {}
    }
    runs.push(now);
    let mut tables = arguments.tables();
    tables.retain(|(part, plan)| !records.iter().any(|record| part.is_of(plan, record)));
    let count = tables.len();
    for (number, (part, plan)) in tables.into_iter().enumerate() {
        let threads = part.threads.unwrap_or(plan.threads);
        eprintln!(
            "table {} of {count}: {} · {} · n = {} · threads = {threads}",
            number + 1,
            part.name,
            part.key,
            plan.n
        );
        keep((part.run)(&plan), arguments, records)?;
    }
    Ok(())
}

/// Prints a finished sheet and appends it to the JSON file, so that a run that is stopped keeps what it has.
fn keep(sheet: Sheet, arguments: &Arguments, records: &mut Vec<Record>) -> io::Result<()> {
    let new = sheet.into_records();
    print_table(&mut io::stdout().lock(), &new)?;
    if let Some(path) = &arguments.json {
        let lines: Vec<String> = new.iter().map(Record::to_json).collect();
        append(path, &lines)?;
    }
    records.extend(new);
    Ok(())
}

/// Appends the lines in one piece: a table is in the file whole or not at all.
fn append(path: &Path, lines: &[String]) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_measures_everything_up_to_a_million_and_beyond_it_what_is_drawn() {
        let arguments = Arguments::parse_from(["manicule-peers", "--quick", "--report", "docs"]);
        let tables = arguments.tables();
        let sizes = |suite: Suite, key: &str, threads: usize| -> Vec<usize> {
            let is_of =
                |(part, plan): &&(&Part, Plan)| part.suite == suite && part.key == key && plan.threads == threads;
            tables.iter().filter(is_of).map(|(_, plan)| plan.n).collect()
        };
        let [small, middle, large, largest] = [10_000, 100_000, 1_000_000, 10_000_000];
        assert_eq!(sizes(Suite::Tree, WORDS, 1), [small, middle, large, largest]);
        assert_eq!(sizes(Suite::Tree, WORDS, 2), [small, middle, large]);
        assert_eq!(sizes(Suite::Tree, STRINGS, 2), [small, middle]);
        assert_eq!(sizes(Suite::Sql, ROWS, 1), [small, middle, large, largest]);
        assert_eq!(sizes(Suite::Engine, ROWS, 1), [small, middle, large]);
        assert_eq!(sizes(Suite::Publish, WORDS, 1), [small, middle, large]);
        assert!(tables.iter().all(|(_, plan)| (plan.n == largest) == (plan.scope == Scope::Drawn)));
    }

    #[test]
    fn the_commands_of_the_documents_are_understood() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut count = 0;
        for page in ["README.md", "../../docs/benchmarks.md"] {
            // The report is there once it has been made.
            let Ok(text) = std::fs::read_to_string(folder.join(page)) else { continue };
            let prefix = "cargo run --release -p manicule-peers -- ";
            for line in text.lines().filter_map(|line| line.strip_prefix(prefix)) {
                let words = line.split(" #").next().unwrap_or(line).split_whitespace();
                let read = Arguments::try_parse_from(std::iter::once("manicule-peers").chain(words));
                assert!(read.is_ok(), "{page}: {line}: {}", read.unwrap_err());
                count += 1;
            }
        }
        assert!(count >= 3, "the README shows how to run this program");
    }
}
