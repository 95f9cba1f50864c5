//! SQLite's sqllogictest corpus, file by file, against a session of ours.
//!
//! The files lie under the folder that `SLT_DIR` names, or under `../shared/slt`; without them there is nothing to do, and
//! that is said. For each directory the run prints how many records passed, asked for something that is not supported, or
//! came out wrong, and fails if one did. A debug build runs the first queries of each file only, unless `SLT_ALL` is set;
//! `SLT_ROUTING=full_scan` runs without indexes; `SLT_ONLY=text` runs the files whose path has it.

#[path = "slt/files.rs"]
mod files;
#[path = "slt/record.rs"]
mod record;
#[path = "slt/run.rs"]
mod run;
#[path = "slt/value.rs"]
mod value;

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use manicule::Routing;
use run::{Tally, run_records, session};

/// How many files run at once.
const THREADS: usize = 2;

/// How many queries of each file a debug build runs.
const DEBUG_QUERIES_MAX: usize = 60;

/// The sum of a directory.
#[derive(Default)]
struct Directory {
    files: usize,
    tally: Tally,
    elapsed: Duration,
}

fn main() -> ExitCode {
    if env::args().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let root = files::root(env!("CARGO_MANIFEST_DIR"));
    let mut files = files::test_files(&root);
    let only = env::var("SLT_ONLY").unwrap_or_default();
    files.retain(|file| file.to_string_lossy().contains(&only));
    if files.is_empty() {
        println!("sqlite_logic: no .test files under {}; nothing was run (set SLT_DIR)", root.display());
        return ExitCode::SUCCESS;
    }
    // The longest first, so that no thread is left with one at the end.
    files.sort_by_key(|file| std::cmp::Reverse(fs::metadata(file).map_or(0, |metadata| metadata.len())));
    let start = Instant::now();
    let directories = run_files(&root, files);
    report(&directories, start.elapsed())
}

fn run_files(root: &Path, files: Vec<PathBuf>) -> BTreeMap<String, Directory> {
    let is_whole = !cfg!(debug_assertions) || env::var_os("SLT_ALL").is_some();
    let queries_max = if is_whole { usize::MAX } else { DEBUG_QUERIES_MAX };
    let routing = match env::var("SLT_ROUTING").as_deref() {
        Ok("full_scan") => Routing::FullScan,
        _ => Routing::Automatic,
    };
    let files = Mutex::new(files.into_iter());
    let next_file = || files.lock().expect("no thread panics with the lock").next();
    let directories = Mutex::new(BTreeMap::<String, Directory>::new());
    let run_rest = || {
        while let Some(file) = next_file() {
            let Ok(text) = fs::read_to_string(&file) else { continue };
            let name = file.strip_prefix(root).unwrap_or(&file).to_string_lossy().into_owned();
            let start = Instant::now();
            let tally = run_records(&name, &record::records(&text), queries_max, &mut session(routing));
            let mut directories = directories.lock().expect("no thread panics with the lock");
            add(directories.entry(directory_of(&name)).or_default(), tally, start.elapsed());
        }
    };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(run_rest);
        }
    });
    directories.into_inner().expect("all threads have ended")
}

/// `index/between/1/slt_good_0.test` is counted under `index/between`.
fn directory_of(name: &str) -> String {
    let parts: Vec<&str> = name.split('/').collect();
    match parts.as_slice() {
        [first, second, _, ..] => format!("{first}/{second}"),
        [first, ..] => (*first).to_owned(),
        [] => String::new(),
    }
}

fn add(directory: &mut Directory, tally: Tally, elapsed: Duration) {
    directory.files += 1;
    directory.tally.passed += tally.passed;
    directory.tally.unsupported += tally.unsupported;
    directory.tally.wrong += tally.wrong;
    directory.tally.notes.extend(tally.notes);
    directory.elapsed += elapsed;
}

fn report(directories: &BTreeMap<String, Directory>, elapsed: Duration) -> ExitCode {
    let mut total = Directory::default();
    println!(
        "{:<22} {:>5} {:>8} {:>11} {:>6} {:>8}",
        "directory", "files", "passed", "unsupported", "wrong", "seconds"
    );
    for (name, directory) in directories {
        line(name, directory);
        total.files += directory.files;
        total.tally.passed += directory.tally.passed;
        total.tally.unsupported += directory.tally.unsupported;
        total.tally.wrong += directory.tally.wrong;
        total.elapsed += directory.elapsed;
    }
    line("total", &total);
    println!("{:.1} s on {THREADS} threads", elapsed.as_secs_f64());
    for note in directories.values().flat_map(|directory| &directory.tally.notes) {
        println!("{note}");
    }
    if total.tally.wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn line(name: &str, directory: &Directory) {
    let Directory { files, tally, elapsed } = directory;
    println!(
        "{name:<22} {files:>5} {:>8} {:>11} {:>6} {:>8.2}",
        tally.passed,
        tally.unsupported,
        tally.wrong,
        elapsed.as_secs_f64()
    );
}
