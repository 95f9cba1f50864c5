//! `benchmarks.md` and its plots, made from the records of one run.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use crate::plot::{Line, Plot};
use crate::record::{Record, best_rival, distinct, is_rate, short, standing};

/// The workloads that are worth a picture.
const PICTURED: [&str; 8] =
    ["get hit", "get miss", "get many 16", "insert", "upsert", "mix 95/5", "range 100", "bytes per entry"];

const METHOD: &str = "\
All peers run in one process, with the same keys and the same allocator (the system's). A round builds, reads, writes
and takes down each peer in turn, and the order turns by one from round to round; a cell is the median of the rounds, for
ours with the smallest and the largest. Times are per operation and thread. A peer whose name begins with `~` is a
yardstick without synchronisation, on one thread. Readers hold a guard or a snapshot for a whole pass where the peer has one.
No table is sized in advance.
";

/// Writes `benchmarks.md` into `folder`, and the plots into `folder/benchmarks`.
pub(crate) fn write(folder: &Path, records: &[Record]) -> io::Result<()> {
    let pictures = folder.join("benchmarks");
    fs::create_dir_all(&pictures)?;
    let mut page = String::from("# Benchmarks\n\n");
    push(&mut page, &circumstances());
    push(&mut page, METHOD);
    push(&mut page, &losses(records));
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

/// The machine, the commit and the command.
fn circumstances() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown processor", |model| model.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let commit = first_line("git", &["describe", "--always", "--dirty"]);
    let compiler = first_line("rustc", &["--version"]);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    format!(
        "{cores}-core machine ({model}), {compiler}, commit `{commit}`. To rerun:\n\n```sh\ncargo run --release -p \
         manicule-peers -- {}\n```\n",
        arguments.join(" ")
    )
}

fn first_line(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or("unknown").to_owned()
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

fn row<'r>(sheet: &[&'r Record], workload: &str) -> Vec<&'r Record> {
    sheet.iter().copied().filter(|record| record.workload == workload).collect()
}

fn table(sheet: &[&Record]) -> String {
    let first = sheet[0];
    let peers = distinct(sheet, |record| &record.peer);
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
    if record.peer == "manicule" {
        format!("**{}** ({}–{})", short(record.median), short(record.min), short(record.max))
    } else {
        short(record.median)
    }
}

fn line(out: &mut String, text: &str) {
    writeln!(out, "{text}").expect("writing to a String never fails");
}

/// The rows in which a concurrent rival is ahead of us.
fn losses(records: &[Record]) -> String {
    let mut out = String::from("## Where we lose\n\n");
    for sheet in sheets(records) {
        for workload in distinct(&sheet, |record| &record.workload) {
            let row = row(&sheet, workload);
            let ours = row.iter().find(|record| record.peer == "manicule");
            let (Some(ours), Some(rival)) = (ours, best_rival(&row)) else { continue };
            let behind = if is_rate(&ours.unit) { ours.median < rival.median } else { ours.median > rival.median };
            if behind {
                let place = format!("{}, {}, n = {}, threads = {}", ours.suite, ours.key, ours.n, ours.threads);
                let (mine, best) = (short(ours.median), short(rival.median));
                line(&mut out, &format!("- {place}: {workload}: {mine} against {best} {} ({})", ours.unit, rival.peer));
            }
        }
    }
    out
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
                let name = format!("{suite}-{key}-{}", workload.replace([' ', '/'], "-"));
                let alone: Vec<&Record> = row.iter().copied().filter(|record| record.threads == 1).collect();
                let title = format!("{suite}, {key}: {workload}, one thread, against entries");
                plots.push((format!("{name}-by-size"), plot(title, &alone, |record| record.n.to_string())));
                let largest = row.iter().map(|record| record.n).max().unwrap_or(0);
                let large: Vec<&Record> = row.into_iter().filter(|record| record.n == largest).collect();
                let title = format!("{suite}, {key}: {workload}, n = {largest}, against threads");
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
        let title = format!("publish, {readers}, n = {largest}, percentiles of the latency");
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
    let peers = distinct(records, |record| &record.peer).into_iter().filter(|peer| *peer != "~machine");
    let line =
        |peer: &str| Line { name: peer.to_owned(), heights: places.iter().map(|name| height(peer, name)).collect() };
    let lines = peers.map(line).collect();
    let unit = records.first().map_or(String::new(), |record| record.unit.clone());
    Plot { title, unit, places, lines }
}

/// The rivals' versions, out of this package's own manifest.
fn versions() -> String {
    let manifest = include_str!("../Cargo.toml");
    let dependencies = manifest.split("[dependencies]").nth(1).and_then(|rest| rest.split("\n[").next()).unwrap_or("");
    format!("## Versions\n\n```toml\n{}\n```\n", dependencies.trim())
}
