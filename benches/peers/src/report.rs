//! `benchmarks.md` and its plots, made from the records of one run or of several.

mod headlines;
mod losses;
mod plots;
mod versions;

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use crate::measure::DRAWN;
use crate::record::{Record, distinct, short, standing};
use crate::run::Run;

const METHOD: &str = "\
All peers run in one process, with the same keys, the same hasher for every hash map (ahash) and the same allocator (the
system's, with a counter around it). A round builds, reads, writes and takes down each peer in turn, and the order turns by one from
round to round. A figure is the median of the rounds, and behind it stands half of the distance between the smallest and the
largest, in percent. Times are per operation and thread, so less is better, but for what is counted per second. A peer whose name
begins with `~` is a yardstick without synchronisation, on one thread. Readers hold a guard or a snapshot for a whole pass where
the peer has one. No table is sized in advance. Before each pass the collectors free what the one before has left.

Each figure is a line of [benchmarks.jsonl](benchmarks.jsonl); `--from docs/benchmarks.jsonl --from report.jsonl --report docs` puts those of a
later run in the place of the same ones there.
";

/// What is said of a largest size at which little was measured.
const LARGEST: &str = "\
Of the largest size only what is drawn against the size is measured, on one thread, and not with strings, nor in the suites `engine`
and `publish`.
";

/// Writes `benchmarks.md` and all figures behind it, `benchmarks.jsonl`, into `folder`, and the plots into `folder/benchmarks`.
pub(crate) fn write(folder: &Path, runs: &[Run], records: &[Record]) -> io::Result<()> {
    let pictures = folder.join("benchmarks");
    clear(&pictures)?;
    let mut page = String::from("# Benchmarks\n\n");
    push(&mut page, &circumstances(runs));
    push(&mut page, METHOD);
    let largest = records.iter().map(|record| record.n).max();
    if records.iter().filter(|record| Some(record.n) == largest).all(|record| DRAWN.contains(&record.workload.as_str()))
    {
        push(&mut page, LARGEST);
    }
    push(&mut page, "## In short\n");
    push(&mut page, &headlines::tables(runs, records));
    push(&mut page, &losses::summary(records));
    push(&mut page, &losses::list(records));
    push(&mut page, "## Plots\n");
    for (name, plot) in plots::all(records) {
        if let Some(svg) = plot.to_svg() {
            fs::write(pictures.join(format!("{name}.svg")), svg)?;
            push(&mut page, &format!("![{}](benchmarks/{name}.svg)\n", plot.title));
        }
    }
    for sheet in sheets(records) {
        push(&mut page, &table(&sheet));
        if let Some(left_out) = left_out(&sheet, records) {
            push(&mut page, &left_out);
        }
    }
    push(&mut page, &versions::section());
    fs::write(folder.join("benchmarks.md"), page)?;
    let lines: Vec<String> = runs.iter().map(Run::to_json).chain(records.iter().map(Record::to_json)).collect();
    fs::write(folder.join("benchmarks.jsonl"), lines.join("\n") + "\n")
}

/// Puts the tables of `In short` where the README has its own.
pub(crate) fn write_into_readme(readme: &Path, runs: &[Run], records: &[Record]) -> io::Result<()> {
    let text = fs::read_to_string(readme)?;
    let marks = headlines::between_marks(&text).ok_or_else(|| {
        let message = format!("{}: there is no `{}` … `{}`", readme.display(), headlines::BEGIN, headlines::END);
        io::Error::new(io::ErrorKind::InvalidData, message)
    })?;
    let tables = headlines::tables(runs, records);
    fs::write(readme, format!("{}\n{tables}\n{}", &text[..marks.start], &text[marks.end..]))
}

/// Makes the folder of the plots, without those of an older report.
fn clear(pictures: &Path) -> io::Result<()> {
    fs::create_dir_all(pictures)?;
    for entry in fs::read_dir(pictures)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "svg") {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn push(page: &mut String, paragraph: &str) {
    page.push_str(paragraph);
    page.push('\n');
}

/// The machine, the compiler, the commit and the commands.
fn circumstances(runs: &[Run]) -> String {
    let place = |run: &Run| format!("{}; {}; commit `{}`.", run.machine, run.compiler, run.commit);
    let command = |run: &Run| format!("cargo run --release -p manicule-peers -- {}", run.arguments);
    let (places, commands) = (without_repeats(runs.iter().map(place)), without_repeats(runs.iter().map(command)));
    let measured =
        if places.is_empty() { "Nobody wrote down where this was measured.".to_owned() } else { places.join("\n\n") };
    let again =
        if commands.is_empty() { String::new() } else { format!("To rerun:\n\n```sh\n{}\n```\n", commands.join("\n")) };
    format!("{measured}\n\n{again}")
}

/// Each line once, where it first stands.
fn without_repeats(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut kept = Vec::new();
    for line in lines {
        if !kept.contains(&line) {
            kept.push(line);
        }
    }
    kept
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

/// Which peers have figures at a smaller size and none at this.
fn left_out(sheet: &[&Record], records: &[Record]) -> Option<String> {
    let first = sheet[0];
    let is_like = |record: &&Record| record.suite == first.suite && record.key == first.key;
    let is_smaller = |record: &&Record| record.threads == first.threads && record.n < first.n;
    let smaller: Vec<&Record> = records.iter().filter(is_like).filter(is_smaller).collect();
    let (there, here) = (peers(&smaller), peers(sheet));
    let missing: Vec<String> =
        there.iter().filter(|peer| !here.contains(peer)).map(|peer| format!("`{peer}`")).collect();
    (!missing.is_empty())
        .then(|| format!("Left out, because they take too long at this size: {}.\n", missing.join(", ")))
}

fn cell(record: &Record) -> String {
    let figure = short(record.median);
    let figure = if record.peer == "manicule" { format!("**{figure}**") } else { figure };
    format!("{figure} ±{:.0}%", record.spread())
}

fn line(out: &mut String, text: &str) {
    writeln!(out, "{text}").expect("writing to a String never fails");
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
