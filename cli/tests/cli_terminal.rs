//! The shell at a terminal: history, completion, Ctrl-C, and the lines below results.
#![cfg(target_os = "linux")]

#[path = "support/file.rs"]
mod file;
#[path = "support/terminal.rs"]
mod terminal;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use file::file;
use terminal::{CONTROL_C, CONTROL_D, ENTER, TAB, Terminal, UP};

const PLANETS: &str = "CREATE TABLE planet (id INTEGER PRIMARY KEY, title TEXT, radius_km INTEGER);";

/// A history that is not there yet.
fn no_history(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    // The one of an earlier run.
    let _ = std::fs::remove_file(&path);
    path
}

#[test]
fn a_statement_of_many_lines_is_recalled_whole_in_a_later_session() {
    let history = no_history("recall.history");
    let mut terminal = Terminal::start(&[], &history);
    // Without its semicolon a statement goes on in the next line.
    terminal.press("SELECT 'first' AS one,");
    terminal.press(ENTER);
    terminal.press("       'second' AS two");
    terminal.press(ENTER);
    terminal.run(";", "│ first │ second │");
    terminal.run(".mode", "table");
    terminal.press(CONTROL_D);
    terminal.wait_for_end();

    let mut terminal = Terminal::start(&[], &history);
    terminal.press(UP);
    terminal.wait("the last command", |screen| screen.ends_with("manicule> .mode"));
    terminal.press(UP);
    let lines = "manicule> SELECT 'first' AS one,\n       'second' AS two\n;";
    terminal.wait("the statement", |screen| screen.ends_with(lines));
    terminal.run("", "│ first │ second │");
    terminal.press(".quit");
    terminal.press(ENTER);
    terminal.wait_for_end();
}

#[test]
fn keywords_tables_columns_and_commands_are_completed() {
    let mut terminal = Terminal::start(&[], &no_history("completion.history"));
    terminal.run(PLANETS, "ok");
    let completes = |terminal: &mut Terminal, typed: &str, expected: &str| {
        terminal.press(typed);
        terminal.press(TAB);
        let expected = format!("manicule> {expected}");
        terminal.wait(&expected, |screen| screen.ends_with(&expected));
        terminal.press(CONTROL_C);
        terminal.wait("an empty prompt", |screen| screen.ends_with("manicule>"));
    };
    completes(&mut terminal, "SELE", "SELECT");
    completes(&mut terminal, "sele", "select");
    completes(&mut terminal, "SELECT * FROM pla", "SELECT * FROM planet");
    completes(&mut terminal, "UPDATE planet SET rad", "UPDATE planet SET radius_km");
    completes(&mut terminal, "SELECT * FROM planet AS p WHERE p.ti", "SELECT * FROM planet AS p WHERE p.title");
    completes(&mut terminal, ".ta", ".tables");
    completes(&mut terminal, ".index planet_", ".index planet_pkey");
    completes(&mut terminal, ".schema pl", ".schema planet");
}

#[test]
fn the_line_below_a_result_says_which_index_answered() {
    let mut terminal = Terminal::start(&[], &no_history("via.history"));
    terminal.run(PLANETS, "ok");
    terminal.run("INSERT INTO planet VALUES (1, 'Mercury', 2440), (2, 'Venus', 6052);", "2 rows changed");
    terminal.run("SELECT title FROM planet WHERE id = 2;", "via planet_pkey (hash)");
    terminal.run("SELECT title FROM planet WHERE id > 1;", "via planet_pkey (tree)");
    let screen = terminal.run("SELECT id FROM planet WHERE title = 'Venus';", "via full scan of planet, 2 rows");
    let below = screen.lines().find(|line| line.contains("(hash)")).unwrap();
    // The number of rows, the time, the way.
    let parts: Vec<&str> = below.split("  ").collect();
    assert_eq!((parts[0], parts[2]), ("1 row", "via planet_pkey (hash)"), "{below}");
    assert!(parts[1].ends_with(" ms"), "{below}");
}

#[test]
fn a_table_wider_than_the_terminal_is_cut_and_says_so() {
    let mut terminal = Terminal::start(&["--demo"], &no_history("wide.history"));
    let screen = terminal.run("SELECT * FROM flights WHERE id = 7111;", "via flights_pkey (hash)");
    let lines: Vec<&str> = screen.lines().filter(|line| line.starts_with(['┌', '│', '└'])).collect();
    assert_eq!(lines.len(), 4, "{screen}");
    assert!(lines.iter().all(|line| line.chars().count() <= 110), "{screen}");
    assert!(lines[1].starts_with("│   id │ year │") && lines[1].contains("│ … │"), "{screen}");
    assert!(screen.contains("columns left out to fit the terminal; name those you want, or .mode line shows all"));
    // What others type.
    terminal.run("show tables", "│ flights");
    terminal.run("describe airlines;", "│ airlines_pkey │");
    terminal.press("exit");
    terminal.press(ENTER);
    terminal.wait_for_end();
}

#[test]
fn control_c_clears_the_line_or_stops_what_runs_and_never_leaves() {
    let mut terminal = Terminal::start(&[], &no_history("cancel.history"));
    terminal.press("SELECT half of");
    terminal.wait("what was typed", |screen| screen.ends_with("half of"));
    terminal.press(CONTROL_C);
    terminal.wait("an empty prompt", |screen| screen.ends_with("manicule>"));
    terminal.run("CREATE TABLE t (x INTEGER);", "ok");
    let values: Vec<String> = (0..30).map(|x| format!("({x})")).collect();
    terminal.run(&format!("INSERT INTO t VALUES {};", values.join(",")), "30 rows changed");
    let endless = "SELECT count(*) FROM t AS a, t AS b, t AS c, t AS d, t AS e, t AS f, t AS g \
                   WHERE a.x + b.x + c.x + d.x + e.x + f.x + g.x < 0;";
    // The machine may be busy elsewhere, but not each time in the same moment.
    let mut times = Vec::new();
    while times.len() < 20 && times.iter().min().is_none_or(|least| *least > Duration::from_millis(100)) {
        times.push(cancel(&mut terminal, endless));
    }
    println!("from the key to the prompt: {times:?}");
    assert!(
        times.last().is_some_and(|last| *last <= Duration::from_millis(100)),
        "from the key to the prompt: {times:?}"
    );
    terminal.run("SELECT 41 + 1 AS answer;", "│     42 │");
}

/// Runs a statement that takes for ever, and stops it: the time from the key to the prompt.
fn cancel(terminal: &mut Terminal, statement: &str) -> Duration {
    terminal.press(statement);
    terminal.press(ENTER);
    terminal.wait_until_busy();
    // A signal that comes before the statement has begun does not stop it.
    let tries = (0..60).filter_map(|_| terminal.time_to_prompt(CONTROL_C, Duration::from_secs(1)));
    tries.take(1).next().expect("the statement is stopped")
}

#[test]
fn bytes_that_are_no_text_do_not_end_the_session() {
    let mut terminal = Terminal::start(&[], &no_history("bytes.history"));
    terminal.run("CREATE TABLE t (x INTEGER);", "ok");
    terminal.run("INSERT INTO t VALUES (41);", "1 row changed");
    terminal.press(b"SELECT 'caf\xe9';");
    terminal.wait("the message", |screen| screen.contains("is not UTF-8") && screen.ends_with("manicule>"));
    terminal.run("SELECT x + 1 AS answer FROM t;", "│     42 │");
}

#[test]
fn an_import_shows_its_progress() {
    let rows: String = (0..60_000).map(|row| format!("{row},name {row},{}.5\n", row % 100)).collect();
    let path = file("progress.csv", format!("id,name,price\n{rows}").as_bytes());
    let mut terminal = import_with_progress(&path, "60,000 rows of ");
    terminal.run("SELECT name FROM goods WHERE id = 59999;", "│ name 59999 │");
}

#[test]
fn an_import_of_all_flights_of_2013_shows_its_progress() {
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/nycflights13/flights.csv.xz");
    if !packed.exists() {
        println!("SKIPPED: {} is not there", packed.display());
        return;
    }
    let Ok(unpacked) = Command::new("xz").args(["-dc"]).arg(&packed).output() else {
        println!("SKIPPED: xz is not installed");
        return;
    };
    let mut terminal = import_with_progress(&file("flights.csv", &unpacked.stdout), "336,776 rows of ");
    terminal.run("SELECT count(*) FROM goods WHERE tailnum = 'N14228';", "│      111 │");
}

/// Imports a file into the table `goods`, and has seen the bars come and go.
fn import_with_progress(path: &Path, done: &str) -> Terminal {
    let history = no_history(&format!("{}.history", path.display()));
    let mut terminal = Terminal::start(&[], &history);
    let screen = terminal.run(&format!(".import '{}' goods", path.display()), done);
    for message in ["checking [", "loading  [", "━"] {
        terminal.wait_for_output(message);
    }
    assert!(!screen.contains("━"), "{screen}");
    terminal
}

#[test]
fn a_statement_beyond_the_memory_limit_changes_nothing_and_the_shell_goes_on() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("limited.db");
    // What an earlier run of the test left.
    let _ = std::fs::remove_dir_all(&directory);
    let path = directory.to_str().unwrap();
    let mut terminal = Terminal::start(&[path, "--memory-limit", "2MB"], &no_history("memory.history"));
    terminal.run("CREATE TABLE t (x INTEGER PRIMARY KEY, s TEXT);", "ok");
    let values: Vec<String> = (0..100).map(|x| format!("({x},'a')")).collect();
    terminal.run(&format!("INSERT INTO t VALUES {};", values.join(",")), "100 rows changed");
    let pairs = "FROM t AS a, t AS b WHERE a.x < 100 AND b.x < 50";
    let insert =
        |first: u32| format!("INSERT INTO t SELECT {first} + a.x + 100 * b.x, 'a text of some length' {pairs};");
    terminal.run(&insert(100_000), "5,000 rows changed");
    terminal.run("SELECT count(*) || ' rows' AS before FROM t;", "│ 5100 rows │");
    terminal.run(&insert(200_000).replace("50;", "40;"), "4,000 rows changed");
    terminal.run(&insert(300_000), "the database would take more than its limit of 2000000 bytes");
    terminal.run("SELECT count(*) || ' rows' AS after FROM t;", "│ 9100 rows │");
    // What a statement holds for itself is limited too.
    terminal.run("SELECT a.s FROM t AS a, t AS b ORDER BY 1;", "more memory than its limit of 2000000 bytes");
    terminal.run("DELETE FROM t WHERE x > 200000;", "3,999 rows changed");
    terminal.run("SELECT count(*) || ' are left' AS rest FROM t;", "│ 5101 are left │");
    terminal.press(CONTROL_D);
    terminal.wait_for_end();
    let mut terminal = Terminal::start(&[path], &no_history("memory.history"));
    terminal.run("SELECT count(*) || ' are there' AS rest FROM t;", "│ 5101 are there │");
}

/// A paste of megabytes on one line, and one of more lines than the line editor can count rows.
#[test]
fn a_very_long_paste_is_taken_and_the_shell_goes_on() {
    let is_full = std::env::var("HOSTILE_FULL").is_ok_and(|full| full != "0");
    let bytes = if is_full { 4 << 20 } else { 1 << 14 };
    let mut terminal = Terminal::start(&[], &no_history("paste.history"));
    for text in ["x".repeat(bytes), "\n".repeat(70_000)] {
        // A terminal says where a paste begins and ends.
        let pasted = format!("\x1b[200~SELECT length('{text}') AS pasted;\x1b[201~");
        terminal.run(&pasted, &format!("│ {:>6} │", text.len()));
    }
    terminal.run("SELECT 41 + 1 AS answer;", "│     42 │");
}
