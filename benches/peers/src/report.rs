//! `benchmarks.md` and its plots, made from the records of one run or of several.

mod losses;

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use crate::plot::{Line, Plot};
use crate::record::{Record, distinct, short, standing};
use crate::run::Run;

/// The workloads that are worth a picture.
const PICTURED: [&str; 18] = [
    "get hit",
    "get miss",
    "get many 16",
    "insert",
    "upsert",
    "mix 95/5",
    "range 100",
    "insert p99.9",
    "bytes per entry",
    "sum list 10",
    "add one and publish, list 10",
    "point by primary key",
    "point by non-unique index",
    "range of 100 by secondary index",
    "top 10 by indexed column",
    "indexed join of 1000 keys",
    "full scan with filter",
    "insert with two indexes",
];

const METHOD: &str = "\
All peers run in one process, with the same keys, the same hasher for every hash map (ahash) and the same allocator (the
system's, with a counter around it). A round builds, reads, writes and takes down each peer in turn, and the order turns by one from
round to round. A figure is the median of the rounds, and behind it stands half of the distance between the smallest and the
largest, in percent. Times are per operation and thread, so less is better, but for what is counted per second. A peer whose name
begins with `~` is a yardstick without synchronisation, on one thread. Readers hold a guard or a snapshot for a whole pass where
the peer has one. No table is sized in advance.
";

/// Writes `benchmarks.md` into `folder`, and the plots into `folder/benchmarks`.
pub(crate) fn write(folder: &Path, runs: &[Run], records: &[Record]) -> io::Result<()> {
    let pictures = folder.join("benchmarks");
    fs::create_dir_all(&pictures)?;
    let mut page = String::from("# Benchmarks\n\n");
    push(&mut page, &circumstances(runs));
    push(&mut page, METHOD);
    push(&mut page, &losses::summary(records));
    push(&mut page, &losses::list(records));
    push(&mut page, "## Plots\n");
    for (name, plot) in plots(records) {
        if let Some(svg) = plot.to_svg() {
            fs::write(pictures.join(format!("{name}.svg")), svg)?;
            push(&mut page, &format!("![{}](benchmarks/{name}.svg)\n", plot.title));
        }
    }
    for sheet in sheets(records) {
        push(&mut page, &table(&sheet));
    }
    push(&mut page, &versions());
    fs::write(folder.join("benchmarks.md"), page)
}

fn push(page: &mut String, paragraph: &str) {
    page.push_str(paragraph);
    page.push('\n');
}

/// The machine, the compiler, the commit and the commands.
fn circumstances(runs: &[Run]) -> String {
    let mut places: Vec<String> = Vec::new();
    for run in runs {
        let place = format!("{}; {}; commit `{}`.", run.machine, run.compiler, run.commit);
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let commands = runs.iter().map(|run| format!("cargo run --release -p manicule-peers -- {}", run.arguments));
    let commands: Vec<String> = commands.collect();
    let measured =
        if places.is_empty() { "Nobody wrote down where this was measured.".to_owned() } else { places.join("\n\n") };
    let again =
        if commands.is_empty() { String::new() } else { format!("To rerun:\n\n```sh\n{}\n```\n", commands.join("\n")) };
    format!("{measured}\n\n{again}")
}

/// The records of one suite, key, size and number of threads, in the order in which they were measured.
fn sheets(records: &[Record]) -> Vec<Vec<&Record>> {
    let mut sheets: Vec<Vec<&Record>> = Vec::new();
    let place = |record: &Record| (record.suite.clone(), record.key.clone(), record.n, record.threads);
    for record in records {
        match sheets.iter_mut().find(|sheet| place(sheet[0]) == place(record)) {
            Some(sheet) => sheet.push(record),
            None => sheets.push(vec![record]),
        }
    }
    sheets
}

/// The names of all peers: ours first, and then in the order in which they were measured.
fn peers<'r>(records: &[&'r Record]) -> Vec<&'r str> {
    let mut peers = distinct(records, |record| &record.peer);
    peers.sort_by_key(|peer| (*peer != "manicule", !peer.starts_with("manicule")));
    peers
}

fn row<'r>(sheet: &[&'r Record], workload: &str) -> Vec<&'r Record> {
    sheet.iter().copied().filter(|record| record.workload == workload).collect()
}

fn table(sheet: &[&Record]) -> String {
    let first = sheet[0];
    let peers = peers(sheet);
    let mut out = format!("## {}: {}, n = {}, threads = {}\n\n", first.suite, first.key, first.n, first.threads);
    let names: Vec<String> = peers.iter().map(|peer| format!("`{peer}`")).collect();
    line(&mut out, &format!("| | unit | {} | ours : best other |", names.join(" | ")));
    line(&mut out, &format!("|---|---{}|---|", "|--:".repeat(peers.len())));
    for workload in distinct(sheet, |record| &record.workload) {
        let row = row(sheet, workload);
        let cells =
            peers.iter().map(|peer| row.iter().find(|record| record.peer == *peer).map_or(String::new(), |r| cell(r)));
        let cells: Vec<String> = cells.collect();
        line(&mut out, &format!("| {workload} | {} | {} | {} |", row[0].unit, cells.join(" | "), standing(&row)));
    }
    out
}

fn cell(record: &Record) -> String {
    let figure = short(record.median);
    let figure = if record.peer == "manicule" { format!("**{figure}**") } else { figure };
    format!("{figure} ±{:.0}%", record.spread())
}

fn line(out: &mut String, text: &str) {
    writeln!(out, "{text}").expect("writing to a String never fails");
}

/// Cost against size on one thread, cost against threads at each size, and the percentiles of publication.
fn plots(records: &[Record]) -> Vec<(String, Plot)> {
    let all: Vec<&Record> = records.iter().collect();
    let mut plots = Vec::new();
    for suite in distinct(&all, |record| &record.suite) {
        for key in distinct(&all, |record| &record.key) {
            let here: Vec<&Record> = all.iter().copied().filter(|r| r.suite == suite && r.key == key).collect();
            if suite == "publish" {
                plots.extend(percentile_plots(&here));
                continue;
            }
            for workload in PICTURED {
                let row = row(&here, workload);
                let name = format!("{suite}-{key}-{}", workload.replace(',', "").replace([' ', '/'], "-"));
                let alone: Vec<&Record> = row.iter().copied().filter(|record| record.threads == 1).collect();
                let title = format!("{suite}, {key}: {workload}, one thread, against entries");
                plots.push((format!("{name}-by-size"), plot(title, &alone, |record| grouped(record.n))));
                let largest = row.iter().map(|record| record.n).max().unwrap_or(0);
                let large: Vec<&Record> = row.into_iter().filter(|record| record.n == largest).collect();
                let title = format!("{suite}, {key}: {workload}, {} entries, against threads", grouped(largest));
                plots.push((format!("{name}-by-threads"), plot(title, &large, |record| record.threads.to_string())));
            }
        }
    }
    plots
}

fn percentile_plots(records: &[&Record]) -> Vec<(String, Plot)> {
    let largest = records.iter().map(|record| record.n).max().unwrap_or(0);
    let of = |readers: &str| {
        let chosen: Vec<&Record> =
            records.iter().copied().filter(|r| r.n == largest && r.workload.starts_with(readers)).collect();
        let title = format!("publish: {readers}, {} entries, by percentile of the latency", grouped(largest));
        let percentile = |record: &Record| record.workload.rsplit(' ').next().unwrap_or_default().to_owned();
        (format!("publish-{}", readers.replace(' ', "-")), plot(title, &chosen, percentile))
    };
    ["no reader", "two busy readers", "a sleeping reader"].map(of).into()
}

fn plot(title: String, records: &[&Record], place: impl Fn(&Record) -> String) -> Plot {
    let mut places: Vec<String> = Vec::new();
    for record in records {
        if !places.contains(&place(record)) {
            places.push(place(record));
        }
    }
    let height = |peer: &str, name: &String| {
        records.iter().find(|record| record.peer == peer && place(record) == *name).map(|record| record.median)
    };
    let peers = peers(records).into_iter().filter(|peer| *peer != "~machine");
    let line =
        |peer: &str| Line { name: peer.to_owned(), heights: places.iter().map(|name| height(peer, name)).collect() };
    let lines = peers.map(line).collect();
    let unit = records.first().map_or(String::new(), |record| record.unit.clone());
    Plot { title, unit, places, lines }
}

/// A count with commas.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let groups: Vec<&str> = (0..digits.len())
        .filter(|place| *place == 0 || (digits.len() - place).is_multiple_of(3))
        .map(|start| &digits[start..(start + if start == 0 { (digits.len() - 1) % 3 + 1 } else { 3 })])
        .collect();
    groups.join(",")
}

/// The rivals' versions, out of this package's own manifest.
fn versions() -> String {
    let manifest = include_str!("../Cargo.toml");
    let dependencies = manifest.split("[dependencies]").nth(1).and_then(|rest| rest.split("\n[").next()).unwrap_or("");
    format!("## Versions\n\n```toml\n{}\n```\n", dependencies.trim())
}
