//! The README's session is one that the shell really has.

#[path = "support/shell.rs"]
mod shell;

use std::fs;
use std::path::Path;

use shell::run;

const PROMPT: &str = "manicule> ";

fn readme() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    fs::read_to_string(path).expect("the README is there")
}

/// A line of the session without its time, which is another in each run, and without the numbers of estimates.
fn without_time(line: &str) -> String {
    let parts = line.split("  ").filter(|part| !part.ends_with(" ms"));
    let line = parts.collect::<Vec<_>>().join("  ");
    match line.split_once("est ") {
        Some((before, estimate)) => {
            format!("{before}est {}", estimate.trim_start_matches(|c: char| c.is_ascii_digit() || c == ','))
        }
        None => line,
    }
}

#[test]
fn the_session_shows_what_the_shell_writes() {
    let readme = readme();
    let session = readme.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).expect("there is one");
    let statements: Vec<&str> = session.lines().filter_map(|line| line.strip_prefix(PROMPT)).collect();
    assert!(statements.len() >= 3);
    let shown = session.lines().filter(|line| !line.starts_with(PROMPT)).map(without_time);
    // Results go to standard output, the lines below them to standard error.
    let (notes, results): (Vec<String>, Vec<String>) = shown.partition(|line| line.contains("  via "));
    let run = run(&["--demo", "-c", ".footer on", "-f", "-"], statements.join("\n").as_bytes());
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(run.stdout.lines().map(without_time).collect::<Vec<_>>(), results);
    assert_eq!(run.stderr.lines().collect::<Vec<_>>(), notes);
}

#[test]
fn the_query_of_the_two_commands_runs() {
    let readme = readme();
    let command = readme.lines().find(|line| line.contains("--demo -c")).expect("the README has the command");
    let sql = command.split('"').nth(1).expect("the statement is quoted");
    let run = run(&["--demo", "-c", sql, "--mode", "csv"], b"");
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    assert!(
        run.stdout.starts_with("id,carrier,flight,origin,dest,dep_time\n1,UA,1545,EWR,IAH,517\n"),
        "{}",
        run.stdout
    );
    assert_eq!(run.stdout.lines().count(), 16);
}
