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

use measure::Plan;
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
    /// Entries, one or more sizes separated by commas [default: 10000,1000000; with --quick 10000].
    #[arg(long, value_delimiter = ',')]
    n: Vec<usize>,
    /// Threads, one or more numbers separated by commas [default: 1,2].
    #[arg(long, value_delimiter = ',')]
    threads: Vec<usize>,
    /// Three rounds of short passes: shows that everything runs, not how fast.
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
    /// Writes benchmarks.md and its plots there.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Measures nothing: the report is put together of what --json has written, at whichever moments.
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "report")]
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

impl Arguments {
    fn plans(&self) -> Vec<Plan> {
        let sizes = match (self.n.as_slice(), self.quick) {
            ([], true) => vec![10_000],
            ([], false) => vec![10_000, 1_000_000],
            (sizes, _) => sizes.to_vec(),
        };
        let threads = if self.threads.is_empty() { vec![1, 2] } else { self.threads.clone() };
        let plan = |n: usize, threads: usize| Plan {
            n: n.max(16),
            threads: threads.max(1),
            rounds: self.rounds.unwrap_or(if self.quick { 3 } else { 5 }).max(1),
            operations: if self.quick { n.clamp(1 << 12, 1 << 15) } else { n.clamp(1 << 18, 1 << 21) },
            workload: self.workload.clone(),
            peer: self.peer.clone(),
        };
        sizes.iter().flat_map(|n| threads.iter().map(move |threads| plan(*n, *threads))).collect()
    }

    fn wants(&self, suite: Suite) -> bool {
        self.suite == suite || self.suite == Suite::All
    }

    fn wants_key(&self, key: &str) -> bool {
        self.key.as_ref().is_none_or(|wanted| wanted == key)
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
        runs.push(Run::now());
        measure(arguments, &runs[0], &mut records)?;
    }
    for path in &arguments.from {
        run::read(path, &mut runs, &mut records)?;
    }
    match &arguments.report {
        Some(folder) => report::write(folder, &runs, &records),
        None => Ok(()),
    }
}

/// Runs what is asked for.
fn measure(arguments: &Arguments, run: &Run, records: &mut Vec<Record>) -> io::Result<()> {
    if let Some(path) = &arguments.json {
        append(path, [run.to_json()])?;
    }
    let plans = arguments.plans();
    for plan in &plans {
        if arguments.wants(Suite::Sql) {
            keep(sql::run(plan), arguments, records)?;
        }
        for suite in [Suite::Hash, Suite::Tree, Suite::Multi] {
            if arguments.wants(suite) {
                run_structure(suite, plan, arguments, records)?;
            }
        }
    }
    // These choose their threads themselves.
    for plan in plans.iter().filter(|plan| plan.threads == plans[0].threads) {
        if arguments.wants(Suite::Publish) {
            keep(publish::run(plan), arguments, records)?;
        }
        if arguments.wants(Suite::Engine) {
            keep(engine::run(plan), arguments, records)?;
        }
    }
    Ok(())
}

/// One suite at one size and number of threads, for each kind of key.
fn run_structure(suite: Suite, plan: &Plan, arguments: &Arguments, records: &mut Vec<Record>) -> io::Result<()> {
    type Run = fn(&Plan) -> Sheet;
    let (words, strings): (Run, Option<Run>) = match suite {
        Suite::Hash => (hash::run_u64, Some(hash::run_string)),
        Suite::Tree => (tree::run_u64, Some(tree::run_string)),
        Suite::Multi => (multi::run, None),
        Suite::Publish | Suite::Engine | Suite::Sql | Suite::All => return Ok(()),
    };
    if arguments.wants_key("u64") {
        keep(words(plan), arguments, records)?;
    }
    if let Some(strings) = strings.filter(|_| arguments.wants_key("string20")) {
        keep(strings(plan), arguments, records)?;
    }
    Ok(())
}

/// Prints a finished sheet and appends it to the JSON file, so that a run that is stopped keeps what it has.
fn keep(sheet: Sheet, arguments: &Arguments, records: &mut Vec<Record>) -> io::Result<()> {
    let new = sheet.into_records();
    print_table(&mut io::stdout().lock(), &new)?;
    if let Some(path) = &arguments.json {
        append(path, new.iter().map(Record::to_json))?;
    }
    records.extend(new);
    Ok(())
}

fn append(path: &Path, lines: impl IntoIterator<Item = String>) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    lines.into_iter().try_for_each(|line| writeln!(file, "{line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

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
