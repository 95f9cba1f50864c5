//! What a history has to be: by dependencies, and by timestamps.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::time::Duration;

use adya::{History, Opts, Report, Workload};
use manicule_engine::{Isolation, Timestamp};

use super::world::{Record, Step};

pub(super) fn options(model: &str) -> Opts {
    Opts { models: vec![model.to_owned()], timeout: Duration::from_secs(3600), ..Opts::default() }
}

/// Has `adya` look for what the model forbids.
pub(super) fn judge(records: &[Record], workload: Workload, model: &str) -> Report {
    let mut lines: Vec<(u64, String)> = Vec::new();
    let mut order = HashMap::new();
    for record in records {
        let kind = if record.committed.is_some() { "ok" } else { "fail" };
        let [begin, end] = record.moments;
        lines.push((begin, line(record, "invoke", begin, workload)));
        lines.push((end, line(record, kind, end, workload)));
        if let Some(timestamp) = record.committed.as_ref().and_then(|committed| committed.timestamp) {
            order.insert(end, timestamp.0 as i64);
        }
    }
    lines.sort();
    let text: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
    let history = History::from_json(&text.join("\n")).expect("the lines are a history");
    let transaction_order = (workload == Workload::RwRegister).then_some(order);
    adya::check(&history, workload, &Opts { transaction_order, ..options(model) })
}

/// A transaction as the history has it; what it will find is not known when it is invoked.
fn line(record: &Record, kind: &str, index: u64, workload: Workload) -> String {
    let mut steps = Vec::new();
    for step in &record.steps {
        steps.push(match (step, workload) {
            (Step::Write { key, value }, Workload::ListAppend) => format!("[\"append\",{key},{value}]"),
            (Step::Write { key, value }, Workload::RwRegister) => format!("[\"w\",{key},{value}]"),
            (Step::Read { key, .. }, _) if kind != "ok" => format!("[\"r\",{key},null]"),
            (Step::Read { key, found }, Workload::ListAppend) => format!("[\"r\",{key},{found:?}]"),
            (Step::Read { key, found }, Workload::RwRegister) => match found.first() {
                Some(value) => format!("[\"r\",{key},{value}]"),
                None => format!("[\"r\",{key},null]"),
            },
        });
    }
    let mut line = String::new();
    write!(
        line,
        "{{\"type\":\"{kind}\",\"process\":{},\"index\":{index},\"value\":[{}]}}",
        record.thread,
        steps.join(",")
    )
    .expect("a string takes everything");
    line
}

/// Each key's writes by the timestamp of their commits.
type Versions = BTreeMap<u64, BTreeMap<Timestamp, Vec<u64>>>;

/// What a key holds at a moment.
fn at(versions: &Versions, key: u64, moment: Timestamp, workload: Workload) -> Vec<u64> {
    let writes =
        versions.get(&key).into_iter().flat_map(|writes| writes.range(..=moment)).flat_map(|(_, values)| values);
    match workload {
        Workload::ListAppend => writes.copied().collect(),
        Workload::RwRegister => writes.copied().last().into_iter().collect(),
    }
}

/// Every read gives what was committed at the snapshot, and its own writes; if serializable, what was committed just before
/// its own commit. Nobody else has written a key between the snapshot and the commit of one who wrote it. A snapshot sees
/// all that was acknowledged before its begin.
pub(super) fn check_timestamps(records: &[Record], workload: Workload, isolation: Isolation) {
    let mut versions = Versions::new();
    for (record, timestamp) in written(records) {
        for step in &record.steps {
            if let Step::Write { key, value } = step {
                versions.entry(*key).or_default().entry(timestamp).or_default().push(*value);
            }
        }
    }
    for record in records.iter().filter(|record| record.committed.is_some()) {
        check_reads(record, record.snapshot, &versions, workload);
    }
    for (record, timestamp) in written(records) {
        let before = Timestamp(timestamp.0 - 1);
        if isolation == Isolation::Serializable {
            check_reads(record, before, &versions, workload);
        }
        for key in
            record.steps.iter().filter_map(|step| if let Step::Write { key, .. } = step { Some(key) } else { None })
        {
            let between = Timestamp(record.snapshot.0 + 1)..=before;
            let overtaken = record.snapshot < before && versions[key].range(between).next().is_some();
            assert!(!overtaken, "a write of {key} between snapshot and commit of {record:?}");
        }
    }
    check_recency(records);
}

fn written(records: &[Record]) -> impl Iterator<Item = (&Record, Timestamp)> {
    records.iter().filter_map(|record| Some((record, record.committed.as_ref()?.timestamp?)))
}

fn check_reads(record: &Record, moment: Timestamp, versions: &Versions, workload: Workload) {
    let mut own: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for step in &record.steps {
        match step {
            Step::Write { key, value } => own.entry(*key).or_default().push(*value),
            Step::Read { key, found } => {
                let mut expected = at(versions, *key, moment, workload);
                expected.extend(own.get(key).into_iter().flatten());
                if workload == Workload::RwRegister {
                    expected = expected.last().copied().into_iter().collect();
                }
                assert_eq!(*found, expected, "key {key} at {moment} in {record:?}");
            }
        }
    }
}

fn check_recency(records: &[Record]) {
    let mut moments: Vec<(u64, Option<Timestamp>, &Record)> = Vec::new();
    for record in records {
        moments.push((record.moments[0], None, record));
    }
    moments.extend(written(records).map(|(record, timestamp)| (record.moments[1], Some(timestamp), record)));
    moments.sort_by_key(|(moment, ..)| *moment);
    let mut acknowledged = Timestamp(0);
    for (_, committed, record) in moments {
        match committed {
            Some(timestamp) => acknowledged = acknowledged.max(timestamp),
            None => assert!(record.snapshot >= acknowledged, "{record:?} does not see the commit at {acknowledged}"),
        }
    }
}
