//! Under which circumstances figures came to be: kept beside them, so that a report can be put together of several runs.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::record::Record;

/// One run of this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) machine: String,
    pub(crate) compiler: String,
    pub(crate) commit: String,
    /// What was measured with: the arguments of the program.
    pub(crate) arguments: String,
}

impl Run {
    /// This one.
    pub(crate) fn now() -> Self {
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu
            .lines()
            .find_map(|line| line.strip_prefix("model name"))
            .map_or("unknown processor", |model| model.trim_start_matches([' ', '\t', ':']));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        // The run that is resumed is the same.
        let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--resume").collect();
        let mode = if cfg!(debug_assertions) { ", WITHOUT OPTIMISATION" } else { "" };
        Self {
            machine: format!("{cores} cores of {model}, {} memory, allocator of {}{mode}", memory(), libc()),
            compiler: first_line("rustc", &["--version"]),
            commit: first_line("git", &["describe", "--always", "--dirty"]),
            arguments: arguments.join(" "),
        }
    }

    /// One line of JSON, before the lines of its figures.
    pub(crate) fn to_json(&self) -> String {
        let Self { machine, compiler, commit, arguments } = self;
        json!({ "run": { "machine": machine, "compiler": compiler, "commit": commit, "arguments": arguments } })
            .to_string()
    }

    fn from_json(line: &Value) -> Option<Self> {
        let run = line.get("run")?;
        let text = |key: &str| run.get(key).and_then(Value::as_str).unwrap_or("unknown").to_owned();
        Some(Self {
            machine: text("machine"),
            compiler: text("compiler"),
            commit: text("commit"),
            arguments: text("arguments"),
        })
    }
}

/// Reads what `--json` wrote: the runs and their figures. Of a figure that was measured twice the later one counts.
pub(crate) fn read(path: &Path, runs: &mut Vec<Run>, records: &mut Vec<Record>) -> io::Result<()> {
    let wrong = |number: usize, problem: &str| {
        let message = format!("{}:{}: {problem}", path.display(), number + 1);
        io::Error::new(io::ErrorKind::InvalidData, message)
    };
    for (number, line) in fs::read_to_string(path)?.lines().enumerate() {
        let value: Value = serde_json::from_str(line).map_err(|error| wrong(number, &error.to_string()))?;
        if let Some(run) = Run::from_json(&value) {
            if !runs.contains(&run) {
                runs.push(run);
            }
            continue;
        }
        let record = Record::from_json(&value).ok_or_else(|| wrong(number, "this is no figure"))?;
        match records.iter_mut().find(|known| known.is_of_the_same(&record)) {
            Some(known) => *known = record,
            None => records.push(record),
        }
    }
    Ok(())
}

/// Reads what an interrupted run has written, which has to be this one.
pub(crate) fn resume(path: &Path, now: &Run, records: &mut Vec<Record>) -> io::Result<()> {
    let mut runs = Vec::new();
    read(path, &mut runs, records)?;
    match runs.iter().find(|run| *run != now) {
        None => Ok(()),
        Some(other) => Err(io::Error::other(format!(
            "{}: cannot be resumed, it is of another run\n  there: {}\n  now:   {}",
            path.display(),
            other.to_json(),
            now.to_json()
        ))),
    }
}

/// What the machine has, in whole GiB.
fn memory() -> String {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib: Option<f64> = total.and_then(|size| size.trim().trim_end_matches(" kB").parse().ok());
    kib.map_or_else(|| "unknown".to_owned(), |kib| format!("{:.0} GiB", kib / (1024.0 * 1024.0)))
}

/// The C library, whose allocator this program has.
fn libc() -> String {
    first_line("getconf", &["GNU_LIBC_VERSION"])
}

fn first_line(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_the_later_figure_counts() {
        let run = Run { machine: "m".into(), compiler: "c".into(), commit: "x".into(), arguments: "--quick".into() };
        let record = |peer: &str, median: f64| Record {
            suite: "hash".into(),
            workload: "get hit".into(),
            key: "u64".into(),
            n: 10,
            threads: 1,
            peer: peer.into(),
            unit: "ns".into(),
            median,
            min: 1.0,
            max: 9.0,
        };
        let lines = [
            run.to_json(),
            record("a", 2.0).to_json(),
            record("b", 3.0).to_json(),
            run.to_json(),
            record("a", 4.0).to_json(),
        ];
        let path = std::env::temp_dir().join(format!("manicule-peers-run-{}.jsonl", std::process::id()));
        fs::write(&path, lines.join("\n")).unwrap();
        let (mut runs, mut records) = (Vec::new(), Vec::new());
        read(&path, &mut runs, &mut records).unwrap();
        fs::write(&path, "{\"n\":1}").unwrap();
        assert!(read(&path, &mut runs, &mut records).unwrap_err().to_string().ends_with(":1: this is no figure"));
        fs::write(&path, lines.join("\n")).unwrap();
        let mut resumed = Vec::new();
        resume(&path, &run, &mut resumed).unwrap();
        assert_eq!(resumed.len(), 2);
        let other = Run { commit: "y".into(), ..run.clone() };
        assert!(resume(&path, &other, &mut resumed).unwrap_err().to_string().contains("it is of another run"));
        fs::remove_file(&path).unwrap();
        assert_eq!(runs, [run]);
        let found: Vec<(&str, f64)> = records.iter().map(|record| (record.peer.as_str(), record.median)).collect();
        assert_eq!(found, [("a", 4.0), ("b", 3.0)]);
    }
}
