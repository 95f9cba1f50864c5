//! Which figures are drawn: cost against size, cost against threads, and the percentiles of latencies.

use super::{grouped, peers, row};
use crate::measure::{DRAWN, PERCENTILES};
use crate::plot::{Line, Plot};
use crate::record::{Record, distinct};

/// The plots of all suites, each with the name of its file.
pub(super) fn all(records: &[Record]) -> Vec<(String, Plot)> {
    let all: Vec<&Record> = records.iter().collect();
    let mut plots = Vec::new();
    for suite in distinct(&all, |record| &record.suite) {
        for key in distinct(&all, |record| &record.key) {
            let here: Vec<&Record> = all.iter().copied().filter(|r| r.suite == suite && r.key == key).collect();
            let subject = format!("{suite}, {key}");
            let drawn = DRAWN.iter().map(|workload| (*workload, row(&here, workload)));
            for (workload, row) in drawn.filter(|(_, row)| !row.is_empty()) {
                plots.push(by_size(&subject, workload, &row));
                plots.push(by_threads(&subject, workload, &row));
            }
            plots.extend(by_percentile(&subject, &here));
        }
    }
    plots
}

/// Cost against size, on one thread.
fn by_size(subject: &str, workload: &str, row: &[&Record]) -> (String, Plot) {
    let mut alone: Vec<&Record> = row.iter().copied().filter(|record| record.threads == 1).collect();
    alone.sort_by_key(|record| record.n);
    let title = format!("{subject}: {workload}, one thread, against entries");
    (file_name(subject, workload, "by-size"), plot(title, &alone, |record| grouped(record.n)))
}

/// Cost against threads, at the largest size that was measured with more than one number of them.
fn by_threads(subject: &str, workload: &str, row: &[&Record]) -> (String, Plot) {
    let largest = row.iter().filter(|record| record.threads > 1).map(|record| record.n).max().unwrap_or(0);
    let mut large: Vec<&Record> = row.iter().copied().filter(|record| record.n == largest).collect();
    large.sort_by_key(|record| record.threads);
    let title = format!("{subject}: {workload}, {} entries, against threads", grouped(largest));
    (file_name(subject, workload, "by-threads"), plot(title, &large, |record| record.threads.to_string()))
}

/// Each latency of which percentiles were kept, at the largest size.
fn by_percentile(subject: &str, records: &[&Record]) -> Vec<(String, Plot)> {
    let latencies: Vec<&Record> = records.iter().copied().filter(|record| split(record).is_some()).collect();
    let largest = latencies.iter().map(|record| record.n).max().unwrap_or(0);
    let mut plots = Vec::new();
    for name in distinct(&latencies, |record| split(record).map_or("", |(name, _)| name)) {
        let of_name = |record: &&Record| record.n == largest && split(record).is_some_and(|(other, _)| other == name);
        let chosen: Vec<&Record> = latencies.iter().copied().filter(of_name).collect();
        let title = format!("{subject}: {name}, {} entries, by percentile of the latency", grouped(largest));
        let percentile = |record: &Record| split(record).map_or("", |(_, label)| label).to_owned();
        plots.push((file_name(subject, name, "by-percentile"), plot(title, &chosen, percentile)));
    }
    plots
}

/// The name of a latency and which percentile of it this is.
fn split(record: &Record) -> Option<(&str, &str)> {
    let (name, label) = record.workload.rsplit_once(' ')?;
    let known = PERCENTILES.iter().any(|(known, _)| *known == label);
    known.then_some((name.trim_end_matches(','), label))
}

fn file_name(subject: &str, workload: &str, against: &str) -> String {
    format!("{subject} {workload} {against}").replace(',', "").replace([' ', '/'], "-")
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
