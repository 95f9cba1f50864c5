//! `.import`: what it takes, what it refuses, and that it takes nothing of what it refuses.

#[path = "support/file.rs"]
mod file;
#[path = "support/shell.rs"]
mod shell;

use file::file;
use shell::{Run, run};

/// Imports this content as table `t` and then runs `sql`.
fn import(name: &str, content: &[u8], sql: &str) -> Run {
    let path = file(name, content);
    run(&["--mode", "csv"], format!(".import '{}' t\n{sql}\n", path.display()).as_bytes())
}

/// Imports content that must be refused: the message without the folder.
fn refusal(name: &str, content: &[u8]) -> String {
    let run = import(name, content, "");
    assert_eq!((run.status, run.stdout.as_str()), (1, ""), "{}", run.stderr);
    run.stderr[run.stderr.find(name).unwrap_or_else(|| panic!("no file in {}", run.stderr))..].trim_end().to_owned()
}

#[test]
fn types_are_inferred_from_all_values_and_shown() {
    let content = b"id,price,paid,day,at,name,code\n1,2,true,2013-01-01,2013-01-01T10:00:00Z,\"a, b\",007\n2,NA,,NA,2013-01-02,,8\n3,2.5,false,2013-12-31,2013-01-02 01:02,\"c\"\"d\",9\n";
    let run = import("types.csv", content, "SELECT * FROM t ORDER BY id;");
    assert_eq!(run.status, 0, "{}", run.stderr);
    let create = "CREATE TABLE t (\n    id INTEGER,\n    price REAL,\n    paid BOOLEAN,\n    day DATE,\n    at TIMESTAMP,\n    name TEXT,\n    code TEXT\n);\n3 rows of ";
    assert!(run.stderr.starts_with(create), "{}", run.stderr);
    let expected = "id,price,paid,day,at,name,code\n1,2.0,true,2013-01-01,2013-01-01 10:00:00,\"a, b\",007\n2,,,,2013-01-02 00:00:00,,8\n3,2.5,false,2013-12-31,2013-01-02 01:02:00,\"c\"\"d\",9\n";
    assert_eq!(run.stdout, expected);
}

#[test]
fn marks_breaks_quotes_and_delimiters() {
    let query = "SELECT a, b FROM t ORDER BY a;";
    let expected = "a,b\n1,\"x\ny\"\n2,z\n";
    for (name, content) in [
        ("unix.csv", &b"a,b\n1,\"x\ny\"\n2,z\n"[..]),
        ("mark.csv", b"\xef\xbb\xbfa,b\n1,\"x\ny\"\n2,z"),
        ("windows.csv", b"a,b\r\n1,\"x\ny\"\r\n2,z\r\n"),
        ("mac.csv", b"a,b\r1,\"x\ny\"\r2,z"),
        ("semicolons.csv", b"a;b\n1;\"x\ny\"\n\n2;z\n\n"),
        ("tabs.tsv", b"a\tb\n1\t\"x\ny\"\n2\tz\n"),
    ] {
        let run = import(name, content, query);
        assert_eq!((run.status, run.stdout.as_str()), (0, expected), "{name}: {}", run.stderr);
    }
}

#[test]
fn what_is_wrong_is_named_by_file_line_and_column() {
    assert_eq!(refusal("short.csv", b"a,b\n1,2\n\"x\ny\",2\n3\n"), "short.csv:5: 1 field, but the header has 2");
    assert_eq!(refusal("long.csv", b"a,b\n1,2,3\n"), "long.csv:2: 3 fields, but the header has 2");
    assert_eq!(
        refusal("open.csv", b"a,b\n1,2\n3,\"open\n5,6\n"),
        "open.csv:3: the quote that opens here is never closed"
    );
    assert_eq!(
        refusal("latin.csv", b"a,name\n1,x\n2,Z\xfcrich\n"),
        "latin.csv:3: column name: the byte 0xfc is not UTF-8; save the file as UTF-8"
    );
    assert_eq!(refusal("utf16.csv", b"\xff\xfea\0,\0b\0"), "utf16.csv:1: the file is in UTF-16; save it as UTF-8");
    assert_eq!(refusal("zero.csv", b"a\nx\0y\n"), "zero.csv:2: column a: a zero byte, which no text may hold");
    assert_eq!(refusal("twice.csv", b"a,A\n1,2\n"), "twice.csv:1: two columns are named A");
    assert_eq!(refusal("empty.csv", b""), "empty.csv:1: the file is empty; its first line must name the columns");
    let wide = vec![b','; 1_000_000];
    assert_eq!(refusal("wide.csv", &wide), "wide.csv:1: 1,000,001 columns; at most 1024 are allowed");
}

#[test]
fn a_huge_field_is_refused() {
    let mut content = b"a\n\"".to_vec();
    content.resize(20 << 20, b'x');
    assert_eq!(refusal("huge.csv", &content), "huge.csv:2: a field of more than 16 MiB begins here");
}

#[test]
fn nothing_is_taken_of_what_is_refused() {
    let path = file("refused.csv", b"a,b\n1,x\n2,y\n3\n");
    let sql = format!(".import '{}' t\n", path.display());
    let first = run(&["--mode", "csv", "-c", sql.trim()], b"");
    assert_eq!(first.status, 1);
    // The same in a session that goes on: the table has not been made, and one that was there is as it was.
    let path = path.display();
    let taken = file("taken.csv", b"b,id\nz,7\n,8\n");
    let doubled = file("doubled.csv", b"id,b\n8,again\n9,more\n");
    let script = format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, b TEXT DEFAULT 'd');\nINSERT INTO t VALUES (1, 'one');\n.import '{}' t\nSELECT * FROM t ORDER BY id;\n.import '{}' t\n",
        taken.display(),
        doubled.display()
    );
    let second = run(&["--mode", "csv"], script.as_bytes());
    assert_eq!((second.status, second.stdout.as_str()), (1, "id,b\n1,one\n7,z\n8,\n"), "{}", second.stderr);
    assert!(second.stderr.contains("duplicate key in t"), "{}", second.stderr);
    let third = run(&["--mode", "csv"], format!("CREATE TABLE t (a INTEGER);\n.import '{path}' t\n").as_bytes());
    assert!(third.stderr.contains("refused.csv:1: table t has no column b; it has a"), "{}", third.stderr);
}

#[test]
fn values_must_be_of_the_types_of_a_table_that_is_there() {
    let path = file("typed.csv", b"id,day\n1,2013-01-01\n2,2013-02-30\n");
    let script = format!("CREATE TABLE t (id INTEGER, day DATE);\n.import '{}' t\n", path.display());
    let run = run(&[], script.as_bytes());
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("typed.csv:3: column day: '2013-02-30' is not DATE"), "{}", run.stderr);
}

#[test]
fn a_row_that_no_check_admits_is_refused() {
    let path = file("checked.csv", b"a,b\n3,x\n-1,y\n");
    let script = format!(
        "CREATE TABLE t (a INTEGER CHECK (a > 0), b TEXT, c INTEGER DEFAULT 7);\n.import '{}' t\n",
        path.display()
    );
    let ran = run(&[], script.as_bytes());
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("checked.csv:3: a row of t does not satisfy CHECK (a > 0)"), "{}", ran.stderr);
    let fits = file("fits.csv", b"b,a\nx,3\n");
    let script = format!("{}\nSELECT a, b, c FROM t;\n", script.replace("checked.csv", "fits.csv"));
    assert!(fits.exists());
    let ran = run(&["--mode", "csv"], script.as_bytes());
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "a,b,c\n3,x,7\n"), "{}", ran.stderr);
}

#[test]
fn a_table_that_is_there_takes_what_insert_takes() {
    let path = file(
        "stored.csv",
        b"i,r,b,d\n007,12345678901234567890,t,2013-01-01\n +2 ,007,0,\n1e3,1,F,2013-01-01\n2.0,,1,\n",
    );
    let script = format!(
        "CREATE TABLE t (i INTEGER, r REAL, b BOOLEAN, d TIMESTAMP);\n.import '{}' t\nSELECT * FROM t;\n",
        path.display()
    );
    let ran = run(&["--mode", "csv"], script.as_bytes());
    let expected = "i,r,b,d\n7,1.2345678901234567e+19,true,2013-01-01 00:00:00\n2,7.0,false,\n\
                    1000,1.0,false,2013-01-01 00:00:00\n2,,true,\n";
    assert_eq!((ran.status, ran.stdout.as_str()), (0, expected), "{}", ran.stderr);
    for (column, value) in [("i", "1.5"), ("i", "99999999999999999999"), ("r", "1e400"), ("b", "yes"), ("d", "today")] {
        let path = file("not stored.csv", format!("{column}\n{value}\n").as_bytes());
        let create = "CREATE TABLE t (i INTEGER, r REAL, b BOOLEAN, d TIMESTAMP)";
        let ran = run(&["-c", create, "-c", &format!(".import '{}' t", path.display())], b"");
        assert!(ran.stderr.contains(&format!("column {column}: '{value}' is not ")), "{}", ran.stderr);
    }
}

#[test]
fn names_that_no_sql_could_say_are_refused() {
    let (longest, longer) = ("é".repeat(64), format!("{}x", "é".repeat(64)));
    let ran = import("long.csv", format!("{longest}\n1\n").as_bytes(), &format!("SELECT {longest} FROM t;"));
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let column = refusal("longer.csv", format!("a,{longer}\n1,2\n").as_bytes());
    assert_eq!(column, "longer.csv:1: the name of column 2 has more than 128 bytes");
    let path = file("long table.csv", b"a\n1\n");
    let ran = run(&["-c", &format!(".import '{}' {longer}", path.display())], b"");
    assert_eq!((ran.status, ran.stderr.as_str()), (1, "the name of a table has at most 128 bytes\n"));
}

#[test]
fn what_is_exported_is_imported_alike() {
    let csv = file("again.csv", b"");
    let script = format!(
        ".mode csv\n.export '{0}' flights\nDROP TABLE flights;\n.import '{0}' flights\nSELECT count(*) AS n, sum(distance) AS d, count(tailnum) AS t, min(time_hour) AS h FROM flights;\n",
        csv.display()
    );
    let query = "SELECT count(*) AS n, sum(distance) AS d, count(tailnum) AS t, min(time_hour) AS h FROM flights";
    let before = run(&["--demo", "--mode", "csv", "-c", query], b"");
    let after = run(&["--demo"], script.as_bytes());
    assert_eq!((after.status, &after.stdout), (0, &before.stdout), "{}", after.stderr);
}

#[test]
fn null_and_texts_that_look_like_it_are_exported_and_imported_alike() {
    let csv = file("nulls.csv", b"");
    let script = format!(
        ".mode csv
         CREATE TABLE t (a TEXT);
         INSERT INTO t VALUES (NULL), ('x'), (''), ('NA'), ('\"'), (NULL);
         .export '{0}' t
         CREATE TABLE u (a TEXT);
         .import '{0}' u
         SELECT a, a IS NULL AS n FROM u;",
        csv.display()
    );
    let script: String = script.lines().map(|line| format!("{}\n", line.trim_start())).collect();
    let ran = run(&[], script.as_bytes());
    let expected = "a,n\n,true\nx,false\n\"\",false\n\"NA\",false\n\"\"\"\",false\n,true\n";
    assert_eq!((ran.status, ran.stdout.as_str()), (0, expected), "{}", ran.stderr);
    assert_eq!(std::fs::read_to_string(&csv).unwrap(), "a\n\nx\n\"\"\n\"NA\"\n\"\"\"\"\n\n");
    // Where everything is in quotes, what is no text can still be lacking.
    let ran =
        import("quotes.csv", b"\"i\",\"s\"\n\"1\",\"\"\n\"\",\"NA\"\n\"NA\",\"x\"\n", "SELECT i, s FROM t ORDER BY s;");
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "i,s\n1,\"\"\n,\"NA\"\n,x\n"), "{}", ran.stderr);
}

#[test]
fn a_pipe_is_imported() {
    let ran = run(&["--mode", "csv", "-c", ".import /dev/stdin t", "-c", "SELECT a, b FROM t"], b"a,b\n1,x\n2,y\n");
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "a,b\n1,x\n2,y\n"), "{}", ran.stderr);
}

/// A spreadsheet takes such cells for formulas. They are text, and come back as they were: nothing is put before them
/// unless the query does it.
#[test]
fn what_a_spreadsheet_would_compute_is_exported_as_it_is() {
    let cells = ["=1+1", "+1+1", "-1+1", "@sum(a)", "=cmd|''/C calc''!A0", "\t=1", "=\"a\",1"];
    let csv = file("formulas.csv", b"");
    let script = format!(
        ".mode csv
         CREATE TABLE t (cell TEXT);
         INSERT INTO t VALUES ('{}');
         .export '{1}' t
         CREATE TABLE u (cell TEXT);
         .import '{1}' u
         SELECT count(*) AS n FROM t JOIN u ON t.cell = u.cell;
         SELECT CASE WHEN substr(cell, 1, 1) IN ('=', '+', '-', '@') THEN '''' || cell ELSE cell END AS safe
         FROM t WHERE cell LIKE '=1%';",
        cells.join("'), ('"),
        csv.display()
    );
    let script: String = script.lines().map(|line| format!("{}\n", line.trim_start())).collect();
    let ran = run(&[], script.as_bytes());
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "n\n7\nsafe\n'=1+1\n"), "{}", ran.stderr);
    let exported = std::fs::read_to_string(&csv).unwrap();
    assert!(exported.starts_with("cell\n=1+1\n+1+1\n-1+1\n@sum(a)\n"), "{exported}");
}

#[test]
fn rows_without_a_number_are_given_one() {
    for check in ["", " CHECK (name <> 'z')"] {
        let table = format!("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT{check});");
        for (name, content, expected) in [
            ("lacking.csv", &b"name\na\nb\n"[..], "id,name\n1,a\n2,b\n"),
            ("some.csv", b"id,name\n5,a\n,b\n2,c\n", "id,name\n2,c\n5,a\n6,b\n"),
        ] {
            let path = file(name, content);
            let script = format!("{table}\n.import '{}' t\nSELECT * FROM t ORDER BY id;\n", path.display());
            let run = run(&["--mode", "csv"], script.as_bytes());
            assert_eq!((run.status, run.stdout.as_str()), (0, expected), "{}", run.stderr);
        }
    }
}

#[test]
fn rows_without_a_column_get_what_its_default_computes() {
    let content = b"name\na\nb\nc\n";
    for (columns, expected) in [
        ("name TEXT, day DATE DEFAULT CURRENT_DATE, n INTEGER DEFAULT (random())", "3,1,true,3\n"),
        ("n INTEGER DEFAULT (random()), name TEXT, day DATE DEFAULT (date('now'))", "3,1,true,3\n"),
    ] {
        let path = file("computed.csv", content);
        let script = format!(
            "CREATE TABLE t ({columns});\n.import '{}' t
             SELECT count(name), count(DISTINCT day), max(day) = CURRENT_DATE, count(DISTINCT n) FROM t;\n",
            path.display()
        );
        let run = run(&["--mode", "csv"], script.as_bytes());
        assert!(run.status == 0 && run.stdout.ends_with(expected), "{}{}", run.stdout, run.stderr);
    }
    let path = file("given.csv", b"n,name,day\n1,a,2013-01-01\n,b,\n");
    let script = format!(
        "CREATE TABLE t (name TEXT, day DATE DEFAULT CURRENT_DATE, n INTEGER DEFAULT (random()));\n.import '{}' t
         SELECT * FROM t ORDER BY name;\n",
        path.display()
    );
    let run = run(&["--mode", "csv"], script.as_bytes());
    assert_eq!((run.status, run.stdout.as_str()), (0, "name,day,n\na,2013-01-01,1\nb,,\n"), "{}", run.stderr);
}
