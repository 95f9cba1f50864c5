//! What a run leaves behind: one record for each workload and peer, as a table and as JSON lines.

use std::io::{self, Write};

use serde_json::{Value, json};

/// The median of one workload of one peer, with its spread over the rounds.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) suite: String,
    pub(crate) workload: String,
    pub(crate) key: String,
    pub(crate) n: u64,
    pub(crate) threads: u64,
    pub(crate) peer: String,
    pub(crate) unit: String,
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Record {
    /// Whether the peer is a yardstick without synchronisation, or the machine itself.
    pub(crate) fn is_yardstick(&self) -> bool {
        self.peer.starts_with('~')
    }

    /// Whether it is the same figure, measured perhaps at another moment.
    pub(crate) fn is_of_the_same(&self, other: &Self) -> bool {
        let place = |record: &Self| (record.n, record.threads);
        place(self) == place(other)
            && self.suite == other.suite
            && self.key == other.key
            && self.workload == other.workload
            && self.peer == other.peer
    }

    /// Half of what lies between the smallest and the largest round, in percent of the median.
    pub(crate) fn spread(&self) -> f64 {
        if self.median > 0.0 { (self.max - self.min) / 2.0 / self.median * 100.0 } else { 0.0 }
    }

    /// Reads a line of JSON again.
    pub(crate) fn from_json(line: &Value) -> Option<Self> {
        let text = |key: &str| Some(line.get(key)?.as_str()?.to_owned());
        let count = |key: &str| line.get(key)?.as_u64();
        let figure = |key: &str| line.get(key)?.as_f64();
        Some(Self {
            suite: text("suite")?,
            workload: text("workload")?,
            key: text("key")?,
            n: count("n")?,
            threads: count("threads")?,
            peer: text("peer")?,
            unit: text("unit")?,
            median: figure("median")?,
            min: figure("min")?,
            max: figure("max")?,
        })
    }

    /// One line of JSON.
    pub(crate) fn to_json(&self) -> String {
        let rounded = |value: f64| (value * 1000.0).round() / 1000.0;
        json!({
            "suite": self.suite, "workload": self.workload, "key": self.key, "n": self.n, "threads": self.threads,
            "peer": self.peer, "unit": self.unit,
            "median": rounded(self.median), "min": rounded(self.min), "max": rounded(self.max),
        })
        .to_string()
    }
}

#[derive(Debug)]
struct Series {
    workload: String,
    peer: String,
    unit: &'static str,
    values: Vec<f64>,
}

/// The samples of one suite at one size and number of threads.
#[derive(Debug)]
pub(crate) struct Sheet {
    suite: &'static str,
    key: &'static str,
    n: usize,
    threads: usize,
    /// The workloads in the order of the table's rows; others follow.
    order: &'static [&'static str],
    series: Vec<Series>,
}

impl Sheet {
    pub(crate) fn new(suite: &'static str, key: &'static str, n: usize, threads: usize) -> Self {
        Self { suite, key, n, threads, order: &[], series: Vec::new() }
    }

    /// Gives the order of the table's rows.
    pub(crate) fn in_order(self, order: &'static [&'static str]) -> Self {
        Self { order, ..self }
    }

    /// Adds one round's value.
    pub(crate) fn add(&mut self, workload: &str, peer: &str, unit: &'static str, value: f64) {
        let known = self.series.iter_mut().find(|series| series.workload == workload && series.peer == peer);
        match known {
            Some(series) => series.values.push(value),
            None => {
                let (workload, peer) = (workload.to_owned(), peer.to_owned());
                self.series.push(Series { workload, peer, unit, values: vec![value] });
            }
        }
    }

    /// Medians and spreads.
    pub(crate) fn into_records(mut self) -> Vec<Record> {
        let order = self.order;
        let place = |series: &Series| order.iter().position(|name| *name == series.workload).unwrap_or(order.len());
        self.series.sort_by_key(place);
        let (suite, key) = (self.suite, self.key);
        let (n, threads) = (self.n as u64, self.threads as u64);
        let summarise = |mut series: Series| {
            series.values.sort_by(f64::total_cmp);
            let values = &series.values;
            let middle = values.len() / 2;
            let even = values.len().is_multiple_of(2);
            let median = if even { f64::midpoint(values[middle - 1], values[middle]) } else { values[middle] };
            let (min, max) = (values[0], values[values.len() - 1]);
            let (suite, key, unit) = (suite.to_owned(), key.to_owned(), series.unit.to_owned());
            Record { suite, workload: series.workload, key, n, threads, peer: series.peer, unit, median, min, max }
        };
        self.series.into_iter().map(summarise).collect()
    }
}

/// The names that `name` gives for the records, each once, in order.
pub(crate) fn distinct<'r>(records: &[&'r Record], name: impl Fn(&'r Record) -> &'r str) -> Vec<&'r str> {
    let mut names = Vec::new();
    for record in records {
        if !names.contains(&name(record)) {
            names.push(name(record));
        }
    }
    names
}

/// A figure as tables show it: three digits that matter.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1e6 => format!("{:.2}M", value / 1e6),
        size if size >= 1e4 => format!("{:.1}k", value / 1e3),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The first concurrent peer that is not ours, by median: the lowest, or for rates the highest.
pub(crate) fn best_rival<'r>(row: &[&'r Record]) -> Option<&'r Record> {
    let rivals = row.iter().filter(|record| !record.is_yardstick() && !record.peer.starts_with("manicule"));
    let better = |a: &&&Record, b: &&&Record| {
        let order = a.median.total_cmp(&b.median);
        if is_rate(&a.unit) { order.reverse() } else { order }
    };
    rivals.min_by(better).copied()
}

/// Whether more is better.
pub(crate) fn is_rate(unit: &str) -> bool {
    unit.ends_with("/s")
}

/// Prints one sheet: a row for each workload, a column for each peer, and how ours stands beside the best.
pub(crate) fn print_table(out: &mut impl Write, records: &[Record]) -> io::Result<()> {
    let Some(first) = records.first() else { return Ok(()) };
    writeln!(out, "\n{} · {} · n = {} · threads = {}", first.suite, first.key, first.n, first.threads)?;
    let all: Vec<&Record> = records.iter().collect();
    let peers = distinct(&all, |record| &record.peer);
    let workloads = distinct(&all, |record| &record.workload);
    let wide = workloads.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    write!(out, "{:wide$} {:>9}", "", "unit")?;
    for peer in &peers {
        write!(out, "  {peer:>8}")?;
    }
    writeln!(out, "  ours : best other")?;
    for workload in workloads {
        let row: Vec<&Record> = all.iter().copied().filter(|record| record.workload == workload).collect();
        write!(out, "{workload:wide$} {:>9}", row[0].unit)?;
        for peer in &peers {
            let cell = row.iter().find(|record| record.peer == *peer).map_or(String::new(), |r| short(r.median));
            write!(out, "  {cell:>width$}", width = peer.chars().count().max(8))?;
        }
        writeln!(out, "  {}", standing(&row))?;
    }
    Ok(())
}

/// How ours stands beside the best concurrent rival: `0.84 × scc::HashIndex`.
pub(crate) fn standing(row: &[&Record]) -> String {
    let ours = row.iter().find(|record| record.peer == "manicule");
    let ours = ours.or_else(|| row.iter().find(|record| record.peer.starts_with("manicule")));
    match (ours, best_rival(row)) {
        (Some(ours), Some(rival)) if rival.median > 0.0 => {
            format!("{} × {}", short(ours.median / rival.median), rival.peer)
        }
        _ => String::new(),
    }
}
