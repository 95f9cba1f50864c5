//! The few rows that stand for all: at the head of the report, and in the README.

use std::fmt::Write as _;
use std::ops::Range;

use super::losses::Match;
use super::{grouped, line};
use crate::record::{Record, short};
use crate::run::Run;

/// What the README has before the tables and behind them.
pub(super) const BEGIN: &str = "<!-- The tables of docs/benchmarks.md, put here by the program that makes it: -->";
pub(super) const END: &str = "<!-- So far the tables of docs/benchmarks.md. -->";

/// Where in the README the tables are.
pub(super) fn between_marks(readme: &str) -> Option<Range<usize>> {
    let begin = readme.find(BEGIN)? + BEGIN.len();
    let end = begin + readme[begin..].find(END)?;
    Some(begin..end)
}

/// The largest size of which these rows tell.
const ENTRIES_MAX: u64 = 1_000_000;

/// One row: what it is called here, and which figure it is.
struct Headline {
    name: &'static str,
    suite: &'static str,
    workload: &'static str,
    threads: u64,
}

const fn row(name: &'static str, suite: &'static str, workload: &'static str) -> Headline {
    Headline { name, suite, workload, threads: 1 }
}

const STRUCTURES: [Headline; 15] = [
    row("`HashIndex` get", "hash", "get hit"),
    row("`HashIndex` get, sixteen at a time", "hash", "get many 16"),
    row("`HashIndex` 95 % reads", "hash", "mix 95/5"),
    row("`HashIndex` insert", "hash", "insert"),
    row("`HashIndex` remove", "hash", "remove"),
    row("`TreeIndex` get", "tree", "get hit"),
    row("`TreeIndex` get, sixteen at a time", "tree", "get many 16"),
    row("`TreeIndex` range of 100", "tree", "range 100"),
    row("`TreeIndex` insert", "tree", "insert"),
    row("`TreeIndex` remove", "tree", "remove"),
    row("`MultiIndex` get, lists of 10", "multi", "get"),
    row("`MultiIndex` sum of a list of 1,000", "multi", "sum list 1000"),
    row("`MultiIndex` add one to a list of 10", "multi", "add one, list 10"),
    row("`MultiIndex` add one to a list of 1,000", "multi", "add one, list 1000"),
    row("`MultiIndex` remove one of 100,000", "multi", "remove one, list 100000"),
];

const STATEMENTS: [Headline; 9] = [
    row("point by primary key", "sql", "point by primary key"),
    Headline { name: "the same on two threads", suite: "sql", workload: "point by primary key", threads: 2 },
    row("a hundred rows by a non-unique index", "sql", "point by non-unique index"),
    row("a hundred ids by a range, from the index alone", "sql", "range of 100 by secondary index"),
    row("first ten by an indexed column", "sql", "top 10 by indexed column"),
    row("join of 1,000 keys", "sql", "indexed join of 1000 keys"),
    row("full scan with a filter", "sql", "full scan with filter"),
    row("insert with two indexes, all in one transaction", "sql", "insert with two indexes"),
    row("insert one row and commit, three indexes, without SQL", "engine", "commit one row"),
];

impl Headline {
    /// The figures of all peers, at the largest size there is up to [`ENTRIES_MAX`].
    fn figures<'r>(&self, records: &'r [Record]) -> Vec<&'r Record> {
        let is_of = |record: &&Record| {
            let of_workload = record.suite == self.suite && record.workload == self.workload;
            of_workload && record.threads == self.threads && record.key != "string20" && record.n <= ENTRIES_MAX
        };
        let found: Vec<&Record> = records.iter().filter(is_of).collect();
        let largest = found.iter().map(|record| record.n).max();
        found.into_iter().filter(|record| Some(record.n) == largest).collect()
    }
}

/// Both tables, and how they are to be read.
pub(super) fn tables(runs: &[Run], records: &[Record]) -> String {
    let mut out = caption(runs, records);
    line(&mut out, "| | Manicule | best other concurrent structure | without synchronisation |\n|---|--:|--:|--:|");
    for (headline, figures) in measured(&STRUCTURES, records) {
        let yardsticks = figures.iter().copied().filter(|record| record.is_yardstick() && record.peer != "~machine");
        let yardstick = yardsticks.min_by(|one, other| one.median.total_cmp(&other.median));
        let yardstick = yardstick.map_or(String::new(), |record| named(record, &figure(record)));
        let [ours, other] = duel(&figures);
        line(&mut out, &format!("| {} | {ours} | {other} | {yardstick} |", headline.name));
    }
    line(&mut out, "\n| prepared SQL, rows in memory | Manicule | SQLite |\n|---|--:|--:|");
    for (headline, figures) in measured(&STATEMENTS, records) {
        let [ours, other] = duel(&figures);
        line(&mut out, &format!("| {} | {ours} | {} |", headline.name, other.trim_end_matches(" `SQLite`")));
    }
    out
}

/// The rows of which both we and a rival have a figure.
fn measured<'h, 'r>(
    headlines: &'h [Headline],
    records: &'r [Record],
) -> impl Iterator<Item = (&'h Headline, Vec<&'r Record>)> {
    let both = headlines.iter().map(|headline| (headline, headline.figures(records)));
    both.filter(|(_, figures)| Match::of(figures).is_some())
}

fn caption(runs: &[Run], records: &[Record]) -> String {
    let all = STRUCTURES.iter().chain(&STATEMENTS).flat_map(|headline| headline.figures(records));
    let entries = all.map(|record| record.n).max().unwrap_or(0);
    let short = if runs.iter().any(|run| run.arguments.contains("--quick")) { " short" } else { "" };
    let machine = runs.first().map_or("an unknown machine", |run| run.machine.as_str());
    let mut out = String::new();
    writeln!(
        out,
        "{} entries, `u64` keys, one thread, on {machine}.\nA figure is the median of the{short} rounds, with the least and the \
         most of them in brackets. Less is better; bold is who was ahead in\nevery round.\n",
        grouped(entries)
    )
    .expect("writing to a String never fails");
    out
}

/// Ours and the best rival's cell; bold is the one whose worst round is better than the other's best.
fn duel(figures: &[&Record]) -> [String; 2] {
    let Some(found) = Match::of(figures) else { return [String::new(), String::new()] };
    let bold = |text: String, ahead: bool| if ahead { format!("**{text}**") } else { text };
    let told_apart = !found.is_within_the_spread();
    let ours = bold(figure(found.ours), told_apart && found.factor() < 1.0);
    let rival = bold(figure(found.rival), told_apart && found.factor() > 1.0);
    [ours, named(found.rival, &rival)]
}

fn named(record: &Record, figure: &str) -> String {
    format!("{figure} `{}`", record.peer.trim_start_matches('~'))
}

/// The median with its unit, and the least and the most in the same unit.
fn figure(record: &Record) -> String {
    let (divisor, unit) = match record.median {
        _ if record.unit != "ns" => (1.0, record.unit.as_str()),
        median if median >= 1e6 => (1e6, "ms"),
        median if median >= 1e3 => (1e3, "µs"),
        _ => (1.0, "ns"),
    };
    let [median, min, max] = [record.median, record.min, record.max].map(|value| short(value / divisor));
    format!("{median} {unit} ({min}–{max})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(peer: &str, n: u64, [min, median, max]: [f64; 3]) -> Record {
        let [suite, workload, key, unit] = ["hash", "get hit", "u64", "ns"].map(str::to_owned);
        Record { suite, workload, key, n, threads: 1, peer: peer.to_owned(), unit, median, min, max }
    }

    fn cells(records: &[Record]) -> [String; 2] {
        duel(&STRUCTURES[0].figures(records))
    }

    #[test]
    fn who_is_ahead_in_every_round_is_bold() {
        let ours = record("manicule", 10, [40.0, 50.0, 60.0]);
        let near = [ours.clone(), record("near", 10, [55.0, 70.0, 80.0])];
        assert_eq!(cells(&near), ["50.0 ns (40.0–60.0)", "70.0 ns (55.0–80.0) `near`"]);
        let slow = [ours.clone(), record("slow", 10, [2000.0, 2500.0, 3000.0])];
        assert_eq!(cells(&slow), ["**50.0 ns (40.0–60.0)**", "2.50 µs (2.00–3.00) `slow`"]);
        let fast = [ours, record("fast", 10, [1.0, 2.0, 3.0]), record("~alone", 10, [0.1, 0.2, 0.3])];
        assert_eq!(cells(&fast), ["50.0 ns (40.0–60.0)", "**2.00 ns (1.00–3.00)** `fast`"]);
    }

    #[test]
    fn the_largest_size_up_to_a_million_is_shown() {
        let of = |n| [record("manicule", n, [1.0, n as f64, 9e9]), record("other", n, [1.0, n as f64, 9e9])];
        let records: Vec<Record> = [10, 1_000_000, 10_000_000].into_iter().flat_map(of).collect();
        assert!(STRUCTURES[0].figures(&records).iter().all(|record| record.n == 1_000_000));
    }

    /// The README's tables are those of the report, which are those of the records.
    #[test]
    fn the_readme_has_the_tables_of_the_report() {
        let read = |page: &str| {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(page);
            std::fs::read_to_string(path).expect("the page is there")
        };
        let (readme, report) = (read("README.md"), read("docs/benchmarks.md"));
        let tables = readme[between_marks(&readme).expect("the README has the marks")].trim();
        assert!(tables.lines().count() > 20, "{tables}");
        assert!(
            report.contains(&format!("## In short\n\n{tables}\n")),
            "README.md shows other figures than docs/benchmarks.md"
        );
    }
}
