//! `.index`: what it says of an index, as text and as a picture.

#[path = "support/file.rs"]
mod file;
#[path = "support/shell.rs"]
mod shell;

use file::file;
use shell::run;

/// A table of two thousand keys in five groups.
fn setup() -> String {
    let rows: Vec<String> = (0..2000).map(|id| format!("({id}, {})", id % 5)).collect();
    let table = "CREATE TABLE t (id INTEGER PRIMARY KEY, grp INTEGER);\nCREATE INDEX t_grp ON t USING HASH (grp);";
    format!("{table}\nINSERT INTO t VALUES {};\n", rows.join(","))
}

/// The lines that `.index` writes.
fn index(arguments: &str) -> Vec<String> {
    let run = run(&[], format!("{}\n.index {arguments}\n", setup()).as_bytes());
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{arguments}");
    run.stdout.lines().map(str::to_owned).collect()
}

/// The second word of the line that begins with this one, as a number.
fn number(lines: &[String], label: &str) -> u64 {
    let line = lines.iter().find(|line| line.split_whitespace().next() == Some(label));
    let line = line.unwrap_or_else(|| panic!("no line {label} in {lines:#?}"));
    let word = line.split_whitespace().nth(1).map(|word| word.replace(',', ""));
    word.and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("no number in {line}"))
}

#[test]
fn a_unique_index_shows_its_tree_and_its_hash() {
    let lines = index("t_pkey");
    assert!(
        lines.contains(&"     keys  2,000 different, 2,000 entries, 2,000 rows in the table".to_owned()),
        "{lines:#?}"
    );
    assert!(number(&lines, "leaves") >= 2000 / 8, "{lines:#?}");
    assert_eq!(number(&lines, "root"), 1);
    assert!(lines.iter().any(|line| line.contains("leaves by their entries")));
    assert!(lines.iter().any(|line| line.contains("entries by the probes that find them")));
    // Nearly all of them are found at once.
    let first = lines.iter().find(|line| line.trim_start().starts_with("1 probe ")).unwrap();
    let found: u64 = first.split_whitespace().nth(2).unwrap().replace(',', "").parse().unwrap();
    assert!((1900..=2000).contains(&found), "{first}");
}

#[test]
fn an_index_of_lists_shows_how_long_they_are() {
    let lines = index("t_grp");
    assert!(lines.contains(&"     keys  5 different, 2,000 entries, 2,000 rows in the table".to_owned()), "{lines:#?}");
    assert!(
        lines.contains(&"           keys by the length of their list; the longest has 400".to_owned()),
        "{lines:#?}"
    );
    assert_eq!(number(&lines, "256–511"), 5);
    assert_eq!(number(&lines, "128–255"), 0);
}

#[test]
fn the_picture_is_a_file_with_the_same_counts() {
    let path = file("t_pkey.svg", b"");
    let run = run(&[], format!("{}\n.index t_pkey\n.index t_pkey --svg '{}'\n", setup(), path.display()).as_bytes());
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(run.stderr.starts_with("t_pkey drawn to "), "{}", run.stderr);
    let lines: Vec<String> = run.stdout.lines().map(str::to_owned).collect();
    let svg = std::fs::read_to_string(path).unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    let levels: Vec<_> = document.descendants().filter(|node| node.attribute("class") == Some("level")).collect();
    assert!(levels.len() >= 4, "a tree of order 8 with 2,000 keys has at least four levels");
    for level in levels {
        let name = level.attribute("data-level").unwrap();
        let nodes = level.children().filter_map(|cell| cell.attribute("data-nodes")?.parse::<u64>().ok()).sum::<u64>();
        let text = match name.strip_prefix("level ") {
            // The name is two words.
            Some(_) => lines.iter().find(|line| line.trim_start().starts_with(name)).unwrap(),
            None => lines.iter().find(|line| line.trim_start().starts_with(&format!("{name} "))).unwrap(),
        };
        let shown = text.trim_start()[name.len()..].split_whitespace().next().unwrap().replace(',', "");
        assert_eq!(shown.parse::<u64>().unwrap(), nodes, "{text}");
    }
}

#[test]
fn wrong_words_are_named() {
    for (arguments, message) in [
        ("", "usage: .index NAME [--svg FILE]"),
        ("t_pkey --svg", "usage: .index NAME [--svg FILE]"),
        ("t_pkey --png x.png", "usage: .index NAME [--svg FILE]"),
        ("t_pky", "there is no index t_pky; did you mean t_pkey?"),
        ("t_pkey --svg /no/such/folder/x.svg", "/no/such/folder/x.svg: No such file or directory"),
    ] {
        let run = run(&["-c", "CREATE TABLE t (a INTEGER PRIMARY KEY)", "-c", &format!(".index {arguments}")], b"");
        assert_eq!((run.status, run.stdout.as_str()), (1, ""));
        assert!(run.stderr.contains(message), "{arguments}: {}", run.stderr);
    }
}

#[test]
fn advice_names_the_index_and_both_costs() {
    let rows: Vec<String> = (0..2000).map(|id| format!("({id}, {})", id % 50)).collect();
    let script = format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, grp INTEGER);\nINSERT INTO t VALUES {};\n{}",
        rows.join(","),
        ".advise SELECT id FROM t WHERE grp = 3;\n.advise SELECT grp FROM t WHERE id = 3\n.advise SELECT 1\n"
    );
    let result = run(&[], script.as_bytes());
    assert_eq!((result.status, result.stderr.as_str()), (0, ""));
    let expected = "\
CREATE INDEX t_grp ON t USING HASH (grp);
      now  cost 2,000  via full scan of t, 2,000 rows
  with it  cost   124  via t_grp (multi, covering)
A cost of 1 is a row read in a full scan. Both plans are the router's, made on a copy.
Nothing to gain: no index makes this twice as cheap.
      now  cost 7  via t_pkey (hash)
Nothing to gain: no index makes this twice as cheap.
      now  cost 0  without a table
";
    assert_eq!(result.stdout, expected);
    let wrong = run(&["-c", ".advise SELECT 1 FORM t"], b"");
    assert_eq!(wrong.status, 1);
    assert!(wrong.stderr.contains("SELECT 1 FORM t\n  |"), "{}", wrong.stderr);
    assert!(run(&["-c", ".advise"], b"").stderr.contains("usage: .advise STATEMENT"));
}
