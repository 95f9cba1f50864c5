//! The shell as a process: what it writes where, and how it ends.

#[path = "support/file.rs"]
mod file;
#[path = "support/shell.rs"]
mod shell;

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use file::file;
use shell::run;

/// One row of every type, one of NULLs, one of awkward texts.
const AWKWARD: &str = "
CREATE TABLE t (i INTEGER, r REAL, s TEXT, b BOOLEAN, x BLOB, d DATE, m TIMESTAMP);
INSERT INTO t VALUES
    (1, 2.5, 'plain', true, x'00ff', DATE '2013-01-01', TIMESTAMP '2013-01-01 10:00:00'),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (-20, 1e300, 'a \"b\", c|d', false, x'', DATE '0001-12-31', TIMESTAMP '2013-01-01 10:00:00.5');
SELECT * FROM t;
";

/// Runs statements; they must succeed and say nothing but their results.
fn results(arguments: &[&str], sql: &str) -> String {
    let run = run(arguments, sql.as_bytes());
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{sql}");
    run.stdout
}

#[test]
fn table_mode() {
    let expected = "\
┌──────┬──────────┬────────────┬───────┬─────────┬────────────┬────────────────────────────┐
│    i │        r │ s          │ b     │ x       │ d          │ m                          │
├──────┼──────────┼────────────┼───────┼─────────┼────────────┼────────────────────────────┤
│    1 │      2.5 │ plain      │ true  │ x'00ff' │ 2013-01-01 │ 2013-01-01 10:00:00        │
│ NULL │     NULL │ NULL       │ NULL  │ NULL    │ NULL       │ NULL                       │
│  -20 │ 1.0e+300 │ a \"b\", c|d │ false │ x''     │ 0001-12-31 │ 2013-01-01 10:00:00.500000 │
└──────┴──────────┴────────────┴───────┴─────────┴────────────┴────────────────────────────┘
";
    assert_eq!(results(&[], AWKWARD), expected);
}

#[test]
fn csv_mode() {
    let expected = "\
i,r,s,b,x,d,m
1,2.5,plain,true,x'00ff',2013-01-01,2013-01-01 10:00:00
,,,,,,
-20,1.0e+300,\"a \"\"b\"\", c|d\",false,x'',0001-12-31,2013-01-01 10:00:00.500000
";
    assert_eq!(results(&["--mode", "csv"], AWKWARD), expected);
}

#[test]
fn json_mode() {
    let expected = r#"[
  {"i":1,"r":2.5,"s":"plain","b":true,"x":"00ff","d":"2013-01-01","m":"2013-01-01 10:00:00"},
  {"i":null,"r":null,"s":null,"b":null,"x":null,"d":null,"m":null},
  {"i":-20,"r":1e+300,"s":"a \"b\", c|d","b":false,"x":"","d":"0001-12-31","m":"2013-01-01 10:00:00.500000"}
]
"#;
    assert_eq!(results(&["--mode", "json"], AWKWARD), expected);
}

#[test]
fn jsonl_mode() {
    let expected = r#"{"i":1,"r":2.5,"s":"plain","b":true,"x":"00ff","d":"2013-01-01","m":"2013-01-01 10:00:00"}
{"i":null,"r":null,"s":null,"b":null,"x":null,"d":null,"m":null}
{"i":-20,"r":1e+300,"s":"a \"b\", c|d","b":false,"x":"","d":"0001-12-31","m":"2013-01-01 10:00:00.500000"}
"#;
    assert_eq!(results(&["--mode", "jsonl"], AWKWARD), expected);
}

#[test]
fn markdown_mode() {
    let expected = "\
| i | r | s | b | x | d | m |
| ---: | ---: | :--- | :--- | :--- | :--- | :--- |
| 1 | 2.5 | plain | true | x'00ff' | 2013-01-01 | 2013-01-01 10:00:00 |
| NULL | NULL | NULL | NULL | NULL | NULL | NULL |
| -20 | 1.0e+300 | a \"b\", c\\|d | false | x'' | 0001-12-31 | 2013-01-01 10:00:00.500000 |
";
    assert_eq!(results(&["--mode", "markdown"], AWKWARD), expected);
}

#[test]
fn line_mode() {
    let expected = "\
i = 1
r = 2.5
s = plain
b = true
x = x'00ff'
d = 2013-01-01
m = 2013-01-01 10:00:00

i = NULL
r = NULL
s = NULL
b = NULL
x = NULL
d = NULL
m = NULL

i = -20
r = 1.0e+300
s = a \"b\", c|d
b = false
x = x''
d = 0001-12-31
m = 2013-01-01 10:00:00.500000
";
    assert_eq!(results(&["--mode", "line"], AWKWARD), expected);
}

#[test]
fn control_characters_do_not_reach_a_table() {
    let sql = "CREATE TABLE t (s TEXT); INSERT INTO t VALUES ('a\u{1b}[2J\nb'); SELECT s FROM t;";
    assert!(results(&[], sql).contains("│ a\\x1b[2J\\nb │"));
    assert_eq!(results(&["--mode", "csv"], sql), "s\n\"a\u{1b}[2J\nb\"\n");
}

#[test]
fn control_characters_do_not_reach_a_message() {
    let sql = "CREATE TABLE t (s TEXT UNIQUE); INSERT INTO t VALUES ('a\u{1b}[2J\u{9b}b'), ('a\u{1b}[2J\u{9b}b');";
    let run = run(&[], sql.as_bytes());
    assert!(run.stderr.contains("(s) = (a\\x1b[2J\\x9bb) is already there"), "{:?}", run.stderr);
}

#[test]
fn results_and_messages_are_kept_apart_and_a_failure_stops_the_batch() {
    let sql = "SELECT 1 AS one;\nSELECT 2 AS two;\nSELECT nothing\nFROM nowhere;\nSELECT 3 AS three;\n";
    let run = run(&["--mode", "csv"], sql.as_bytes());
    assert_eq!(run.status, 1);
    assert_eq!(run.stdout, "one\n1\ntwo\n2\n");
    assert!(run.stderr.starts_with("stdin:3: error"), "{}", run.stderr);
    assert!(run.stderr.contains("nowhere"), "{}", run.stderr);
}

#[test]
fn the_last_semicolon_may_be_missing() {
    assert_eq!(results(&["--mode", "csv"], "SELECT 1 AS a;\nSELECT\n2 AS b"), "a\n1\nb\n2\n");
    assert_eq!(results(&["--mode", "csv", "-c", "SELECT 1 AS a"], ""), "a\n1\n");
    assert_eq!(results(&["--mode", "csv"], "-- nothing\n;;\n/* at all */"), "");
    assert_eq!(results(&[], "-- a comment; /*\n.mode\n/* another\n*/\n.mode\n"), "table\ntable\n");
}

#[test]
fn commands_and_files_run_in_the_order_given() {
    let path =
        file("order.sql", b"\xef\xbb\xbfINSERT INTO t VALUES (2);\r\n.mode jsonl\nSELECT a FROM t ORDER BY a;\n");
    let path = path.to_str().unwrap();
    let output = results(
        &["-c", "CREATE TABLE t (a INTEGER)", "-c", "INSERT INTO t VALUES (1)", "-f", path, "-c", "SELECT 3 AS a"],
        "",
    );
    assert_eq!(output, "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
}

#[test]
fn a_failing_file_is_named_with_its_line() {
    let path = file("failing.sql", b"SELECT 1;\n\n-- a comment\nSELEKT 2;\nSELECT 3;\n");
    let run = run(&["--mode", "csv", "-f", path.to_str().unwrap()], b"");
    assert_eq!((run.status, run.stdout.lines().count()), (1, 2));
    assert!(run.stderr.contains("failing.sql:4: error"), "{}", run.stderr);
}

#[test]
fn exit_statuses() {
    assert_eq!(run(&["-c", "SELECT 1"], b"").status, 0);
    assert_eq!(run(&["-c", "SELECT 1/0"], b"").status, 1);
    assert_eq!(run(&["-c", ".nonsense"], b"").status, 1);
    assert_eq!(run(&["-f", "no such file.sql"], b"").status, 1);
    assert_eq!(run(&["--nonsense"], b"").status, 2);
    assert_eq!(run(&["--mode", "xml"], b"").status, 2);
    assert_eq!(run(&["one", "two"], b"").status, 2);
}

#[test]
fn a_database_in_a_directory_is_there_again() {
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("again.db");
    // What an earlier run of the test left.
    let _ = std::fs::remove_dir_all(&directory);
    let path = directory.to_str().unwrap();
    let first = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); CREATE INDEX t_a ON t USING HASH (a);
        INSERT INTO t VALUES (1, 'x'), (2, 'y'); UPDATE t SET a = 'z' WHERE id = 1;";
    assert_eq!(results(&[path], first), "");
    assert_eq!(results(&[path, "--mode", "csv"], "SELECT id FROM t WHERE a = 'z';"), "id\n1\n");
    let file = file("no_directory.db", b"this is a file");
    let refused = run(&[file.to_str().unwrap(), "-c", "SELECT 1"], b"");
    assert_eq!((refused.status, refused.stdout.as_str()), (1, ""), "{}", refused.stderr);
}

#[test]
fn text_that_is_not_utf_8_is_refused_by_its_line() {
    let run = run(&["--mode", "csv"], b"SELECT 1 AS a;\nSELECT '\xff';\n");
    assert_eq!((run.status, run.stdout.as_str()), (1, "a\n1\n"));
    assert!(run.stderr.contains("stdin:2: ") && run.stderr.contains("0xff"), "{}", run.stderr);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_manicule"))
        .args(["--demo", "--mode", "csv", "-c", "SELECT * FROM flights"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::with_capacity(64, child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("id,year,month"));
    let mut messages = String::new();
    child.stderr.take().unwrap().read_to_string(&mut messages).unwrap();
    assert_eq!(messages, "");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn every_mode_stops_for_a_reader_that_goes_away() {
    for mode in ["table", "json", "jsonl", "markdown", "line"] {
        let values: Vec<String> = (0..400).map(|x| format!("({x})")).collect();
        let sql = format!("CREATE TABLE t (x INTEGER); INSERT INTO t VALUES {};", values.join(","));
        // More than a pipe holds, of which nobody reads any.
        let query = "SELECT a.x, b.x, 'some text that takes its place in the pipe' AS s FROM t AS a, t AS b LIMIT 9000";
        let mut child = Command::new(env!("CARGO_BIN_EXE_manicule"))
            .args(["--mode", mode, "-c", &sql, "-c", query])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let mut messages = String::new();
        child.stderr.take().unwrap().read_to_string(&mut messages).unwrap();
        assert_eq!((messages.as_str(), child.wait().unwrap().code()), ("", Some(0)), "{mode}");
    }
}

#[test]
fn a_transaction_in_a_file_that_fails_is_not_committed() {
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("half.db");
    // What an earlier run of the test left.
    let _ = std::fs::remove_dir_all(&directory);
    let path = directory.to_str().unwrap();
    let script = "CREATE TABLE t (id INTEGER PRIMARY KEY);\nINSERT INTO t VALUES (1);\nBEGIN;\nINSERT INTO t VALUES (2);\n\
        INSERT INTO t VALUES (1);\nCOMMIT;\nSELECT 'never' AS s;\n";
    let failed = run(&[path, "--mode", "csv"], script.as_bytes());
    assert_eq!((failed.status, failed.stdout.as_str()), (1, ""));
    assert!(failed.stderr.starts_with("stdin:5: error[23505]"), "{}", failed.stderr);
    assert_eq!(results(&[path, "--mode", "csv"], "SELECT id FROM t;"), "id\n1\n");
}

/// Runs the shell on a file, with so much memory at most that a line of a gigabyte does not fit.
#[cfg(target_os = "linux")]
fn run_in_little_memory(arguments: &[&str]) -> shell::Run {
    let output = Command::new("sh")
        .args(["-c", "ulimit -v 700000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_manicule")])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the shell starts");
    let text = |bytes| String::from_utf8(bytes).expect("it writes UTF-8");
    shell::Run {
        status: output.status.code().expect("it exits by itself"),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_line_of_a_gigabyte_is_refused() {
    // Of these files only the first line takes space on the disk.
    let huge = |name: &str, start: &[u8]| {
        let path = file(name, start);
        std::fs::File::options().write(true).open(&path).unwrap().set_len(1 << 30).unwrap();
        path
    };
    let script = huge("gigabyte.sql", b"SELECT 1 AS a;\nSELECT 2 ");
    let refused = run_in_little_memory(&["--mode", "csv", "-f", script.to_str().unwrap()]);
    assert_eq!((refused.status, refused.stdout.as_str()), (1, "a\n1\n"), "{}", refused.stderr);
    assert!(refused.stderr.contains("gigabyte.sql:2: a statement of more than 64 MiB"), "{}", refused.stderr);
    let table = huge("gigabyte.csv", b"a,b\n1,2\n3,");
    let refused = run_in_little_memory(&["-c", &format!(".import '{}' t", table.display()), "-c", "SELECT 1"]);
    assert_eq!((refused.status, refused.stdout.as_str()), (1, ""), "{}", refused.stderr);
    let message = "gigabyte.csv:3: a field of more than 16 MiB begins here";
    assert!(refused.stderr.contains(message), "{}", refused.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_a_failure() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_manicule"))
        .args(["--mode", "csv", "-c", "SELECT 1 AS a"])
        .stdin(Stdio::null())
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("cannot write the result: "));
}

#[test]
fn footers_say_how_the_rows_were_found() {
    let sql = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);
        CREATE INDEX t_a ON t USING HASH (a);
        INSERT INTO t VALUES (1, 'x'), (2, 'y');
        .footer on
        SELECT * FROM t WHERE id = 2;
        SELECT * FROM t WHERE a = 'x';
        UPDATE t SET a = 'z' WHERE id = 1;
        CREATE TABLE u (a INTEGER);
        SELECT 1;";
    // Commands begin their line.
    let sql: String = sql.lines().map(|line| format!("{}\n", line.trim())).collect();
    let run = run(&["--mode", "csv"], sql.as_bytes());
    assert_eq!(run.status, 0, "{}", run.stderr);
    let lines: Vec<&str> = run.stderr.lines().collect();
    assert_eq!(lines[0], "1 row  via t_pkey (hash)");
    assert_eq!(lines[1], "1 row  via t_a (multi, covering)");
    assert!(lines[2].starts_with("1 row changed"), "{}", lines[2]);
    assert_eq!(lines[3], "ok");
    assert_eq!(lines[4], "1 row");
    assert_eq!(lines.len(), 5);
}

#[test]
fn a_table_is_cut_and_the_notice_is_no_result() {
    let sql = "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES ".to_owned()
        + &(0..10_001).map(|a| format!("({a})")).collect::<Vec<_>>().join(",")
        + "; SELECT a FROM t;";
    let run = run(&[], sql.as_bytes());
    assert_eq!((run.status, run.stdout.lines().count()), (0, 10_004));
    assert!(run.stderr.starts_with("10,000 of 10,001 rows shown"), "{}", run.stderr);
}

#[test]
fn parameters() {
    let sql = ".param set 1 41\n.param set $2 'it''s'\nSELECT $1 + 1 AS a, $2 AS b;\nSELECT ? AS a, ? AS b;\n.param\n.param clear\n";
    let expected = "a,b\n42,it's\na,b\n41,it's\nparameter,value\n$1,41\n$2,it's\n";
    assert_eq!(results(&["--mode", "csv"], sql), expected);
    let sql = ".param set 1 1\n.param set 2 2\nSELECT ?2 AS a, ?2 + ?1 AS b;\nSELECT :x + :x AS a, :y::TEXT AS b;\nSELECT 3 AS [?];\n";
    assert_eq!(results(&["--mode", "csv"], sql), "a,b\n2,3\na,b\n2,2\n?\n3\n");
    let run = run(&["-c", "SELECT ?"], b"");
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("takes 1 parameter, but 0 are set"), "{}", run.stderr);
}

#[test]
fn output_and_export_write_files() {
    let out = file("output.csv", b"");
    let export = file("export.jsonl", b"");
    let sql = format!(
        "CREATE TABLE t (a INTEGER);\nINSERT INTO t VALUES (1), (2);\n.output '{}'\nSELECT a FROM t;\n.output\n.export '{}' SELECT a FROM t WHERE a > 1\nSELECT 3 AS a;\n",
        out.display(),
        export.display()
    );
    let run = run(&["--mode", "csv"], sql.as_bytes());
    assert_eq!((run.status, run.stdout.as_str()), (0, "a\n3\n"), "{}", run.stderr);
    assert!(run.stderr.starts_with("1 row written to "), "{}", run.stderr);
    assert_eq!(std::fs::read_to_string(out).unwrap(), "a\n1\n2\n");
    assert_eq!(std::fs::read_to_string(export).unwrap(), "{\"a\":2}\n");
}

#[test]
fn files_that_read_one_another_come_to_an_end() {
    let path = file("endless.sql", b"");
    std::fs::write(&path, format!(".read '{}'\n", path.display())).unwrap();
    let run = run(&["-f", path.to_str().unwrap()], b"");
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("more than 16 files"), "{}", run.stderr);
}

#[test]
fn a_file_is_kept_when_its_export_fails() {
    let path = file("kept.csv", b"precious");
    let export = |what: &str| run(&["-c", &format!(".export '{}' {what}", path.display())], b"");
    for what in ["nothing", "SELEC 1", "SELECT 1 / (n - 2) FROM (SELECT 1 AS n UNION SELECT 2)"] {
        assert_eq!(export(what).status, 1, "{what}");
        assert_eq!(std::fs::read(&path).unwrap(), b"precious", "{what}");
    }
    assert_eq!(export("SELECT 1 AS a WHERE false").status, 0);
    assert_eq!(std::fs::read(&path).unwrap(), b"a\n");
    let nowhere = run(&["-c", ".export /nowhere/x.csv SELECT 1"], b"");
    assert_eq!((nowhere.status, nowhere.stderr.starts_with("/nowhere/x.csv: ")), (1, true), "{}", nowhere.stderr);
}

#[test]
fn a_statement_of_the_command_line_may_begin_with_a_comment() {
    let ran = run(&["--mode", "csv", "-c", "-- one\nSELECT 1 AS a", "-c", "-- nothing"], b"");
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "a\n1\n"), "{}", ran.stderr);
}

#[test]
fn a_backup_is_opened_like_any_database() {
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("backup of t");
    let _ = std::fs::remove_dir_all(&directory);
    let backup = format!(".backup '{}'", directory.display());
    let made = run(&["-c", "CREATE TABLE t (a INTEGER)", "-c", "INSERT INTO t VALUES (7)", "-c", &backup], b"");
    assert_eq!(made.status, 0, "{}", made.stderr);
    let read = run(&[directory.to_str().unwrap(), "--mode", "csv", "-c", "SELECT a FROM t"], b"");
    assert_eq!((read.status, read.stdout.as_str()), (0, "a\n7\n"), "{}", read.stderr);
    let again = run(&["-c", &backup], b"");
    assert_eq!(again.status, 1);
    assert!(again.stderr.contains("there is a database already"), "{}", again.stderr);
}

#[test]
fn names_of_tables_may_be_quoted() {
    let csv = file("quoted.csv", b"");
    let sql = format!(
        "CREATE TABLE \"my \"\"t\"\"\" (a INTEGER);
INSERT INTO \"my \"\"t\"\"\" VALUES (7);
.export '{0}' \"my \"\"t\"\"\"
.import '{0}' \"my \"\"t\"\"\"
CREATE TABLE \"select\" (a INTEGER);
.export '{0}' \"select\"
.export '{0}' select
",
        csv.display()
    );
    for command in [".schema", ".describe", ".indexes"] {
        let named = |name: &str| run(&["--mode", "csv"], format!("{sql}{command} {name}\n").as_bytes());
        let (quoted, bare) = (named("\"my \"\"t\"\"\""), named("my \"t\""));
        assert_eq!((quoted.status, &quoted.stdout), (0, &bare.stdout), "{command}: {}", quoted.stderr);
    }
    let count = run(&["--mode", "csv"], format!("{sql}.tables\n").as_bytes());
    assert!(count.stdout.contains("\"my \"\"t\"\"\",2,1,0\nselect,0,1,0"), "{}{}", count.stdout, count.stderr);
}

#[test]
fn the_schema_has_views_after_those_that_they_read() {
    let sql = "CREATE TABLE t (c INTEGER);
CREATE VIEW \"z 1\" AS SELECT c FROM t;
CREATE VIEW y AS SELECT c AS a FROM \"z 1\";
CREATE VIEW a AS SELECT y.a FROM \"z 1\" JOIN Y ON y.a = c;
";
    let schema = results(&[], &format!("{sql}.schema\n"));
    assert_eq!(results(&[], &format!("{schema}\n.schema\n")), schema);
}

#[test]
fn the_schema_can_be_run_again() {
    let sql =
        "CREATE TABLE \"my table\" (id INTEGER PRIMARY KEY, \"select\" TEXT NOT NULL DEFAULT 'it''s', u REAL UNIQUE);
CREATE UNIQUE INDEX m_s ON \"my table\" USING TREE (\"select\");
CREATE INDEX m_b ON \"my table\" USING HASH (\"select\", u);
";
    let schema = results(&[], &format!("{sql}.schema\n"));
    assert_eq!(results(&[], &format!("{schema}\n.schema\n")), schema);
    assert!(schema.contains("\"select\" TEXT NOT NULL DEFAULT 'it''s'"), "{schema}");
    for word in ["async", "concurrently", "constraint", "current_date", "foreign", "interval", "localtime", "trim"] {
        let sql = "CREATE TABLE \"?\" (\"?\" INTEGER PRIMARY KEY);\nCREATE INDEX \"?\" ON \"?\" (\"?\");\n";
        let schema = results(&[], &format!("{}.schema\n", sql.replace('?', word)));
        assert_eq!(results(&[], &format!("{schema}\n.schema\n")), schema);
    }
}

#[test]
fn a_computed_default_is_in_the_schema_as_it_was_written() {
    let sql = "CREATE TABLE t (day DATE DEFAULT CURRENT_DATE, due DATE DEFAULT (CURRENT_DATE + INTERVAL '7 days'), one INTEGER DEFAULT (0 + 1),
                               CHECK (extract(year FROM day) > 2000 AND due - INTERVAL '1' YEAR < day));
               ALTER TABLE t ADD COLUMN at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP;\n";
    let schema = results(&[], &format!("{sql}.schema\n"));
    assert_eq!(results(&[], &format!("{schema}\n.schema\n")), schema);
    for column in [
        "day DATE DEFAULT (CURRENT_DATE)",
        "due DATE DEFAULT (CURRENT_DATE + INTERVAL '7 days')",
        "one INTEGER DEFAULT 1",
    ] {
        assert!(schema.contains(column), "{schema}");
    }
    assert!(schema.contains("at TIMESTAMP NOT NULL DEFAULT (CURRENT_TIMESTAMP)"), "{schema}");
}

#[test]
fn the_demo_is_described() {
    let output =
        results(&["--demo", "--mode", "csv"], ".tables\n.indexes flights\n\\d airlines\n.index flights_dest\n");
    for line in [
        "flights,27004,20,5",
        "flights_pkey,flights,id,unique,HashIndex and TreeIndex,27004",
        "flights_dest,flights,dest,\"\",\"MultiIndex, hash directory\",94",
        "carrier,TEXT,not null,primary key",
        "     keys  94 different, 27,004 entries, 27,004 rows in the table",
    ] {
        assert!(output.lines().any(|found| found == line), "no line {line} in\n{output}");
    }
}

#[test]
fn the_demo_is_there_whole_or_not_at_all() {
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("half of the demo");
    let _ = std::fs::remove_dir_all(&directory);
    let directory = directory.to_str().unwrap();
    let refused = run(&[directory, "--demo", "--memory-limit", "2MB", "-c", "SELECT 1"], b"");
    assert_eq!((refused.status, refused.stdout.as_str()), (1, ""), "{}", refused.stderr);
    assert_eq!(results(&[directory, "--mode", "csv", "-c", ".tables"], ""), "name,rows,columns,indexes\n");
    let again = results(&[directory, "--demo", "--mode", "csv", "-c", ".tables"], "");
    assert!(again.contains("flights,27004,20,5"), "{again}");
}

#[test]
fn help_fits_a_terminal() {
    let help = results(&[], ".help\n");
    assert!(help.lines().all(|line| line.chars().count() <= 110), "{help}");
    assert!(results(&[], ".help import\n").starts_with(".import FILE TABLE"));
}
