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

/// What the shell is called by in the README.
const SHELL: &str = "cargo run --release -- ";

/// The words of a command line, of which some are in double quotes.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('"').enumerate();
    let words = parts.flat_map(|(place, part)| match place % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    });
    words.collect()
}

#[test]
fn every_command_runs() {
    let readme = readme();
    let blocks = readme.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let commands: Vec<&str> = blocks.flat_map(str::lines).map(|line| line.split(" #").next().unwrap_or(line)).collect();
    assert!(commands.len() >= 3, "{commands:?}");
    for command in commands {
        match command.trim().strip_prefix(SHELL) {
            Some(arguments) => {
                let words = words(arguments);
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                // A database in a directory would be left behind.
                assert!(words[0].starts_with('-'), "{command}");
                let run = run(&words, b"");
                assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{command}");
                if words.contains(&"-c") {
                    let first = "id,carrier,flight,origin,dest,dep_time\n1,UA,1545,EWR,IAH,517\n";
                    assert!(run.stdout.starts_with(first), "{}", run.stdout);
                    assert_eq!(run.stdout.lines().count(), 16);
                }
            }
            None => assert_eq!(command.trim(), "cargo test", "nothing here runs this command"),
        }
    }
}
