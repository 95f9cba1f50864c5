//! Reading `.test` files of SQLite's sqllogictest.
//!
//! A file is a list of records separated by blank lines: a statement that must work or must not, or a query and its
//! result. Lines `skipif X` and `onlyif X` before a record say for which engine it is.

/// The engine that the runner takes part as.
const ENGINE: &str = "sqlite";

/// One record.
#[derive(Debug)]
pub(crate) struct Record<'t> {
    /// Its first line, from 1.
    pub(crate) line: usize,
    pub(crate) kind: Kind<'t>,
}

/// What a record asks for.
#[derive(Debug)]
pub(crate) enum Kind<'t> {
    Statement {
        sql: String,
        is_error: bool,
    },
    Query {
        sql: String,
        /// `I`, `R` or `T` for each column.
        types: &'t str,
        sort: Sort,
        label: Option<&'t str>,
        /// The lines below `----`.
        expected: Vec<&'t str>,
    },
    /// The rest of the file is not for this engine.
    Halt,
}

/// The order in which results are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    None,
    Rows,
    Values,
}

/// All records for this engine; those for others are left out.
pub(crate) fn records(text: &str) -> Vec<Record<'_>> {
    let mut records = Vec::new();
    let mut lines = text.lines().enumerate().peekable();
    let mut is_ours = true;
    while let Some((number, line)) = lines.next() {
        let mut words = line.split_whitespace();
        let (first, second) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        if first.starts_with('#') {
            continue;
        }
        let kind = match first {
            "skipif" => {
                is_ours &= second != ENGINE;
                continue;
            }
            "onlyif" => {
                is_ours &= second == ENGINE;
                continue;
            }
            "halt" => Kind::Halt,
            "statement" => Kind::Statement { sql: sql(&mut lines).0, is_error: second == "error" },
            "query" => {
                let sort = match words.next() {
                    Some("rowsort") => Sort::Rows,
                    Some("valuesort") => Sort::Values,
                    _ => Sort::None,
                };
                let (sql, has_result) = sql(&mut lines);
                let expected = if has_result { result(&mut lines) } else { Vec::new() };
                Kind::Query { sql, types: second, sort, label: words.next(), expected }
            }
            // Blank lines end a record; `hash-threshold 8` and `control` are how the runner works anyway.
            _ => continue,
        };
        if is_ours {
            records.push(Record { line: number + 1, kind });
        }
        is_ours = true;
    }
    records
}

/// The lines of a statement, and whether a result follows.
fn sql<'t>(lines: &mut impl Iterator<Item = (usize, &'t str)>) -> (String, bool) {
    let mut sql = String::new();
    for (_, line) in lines {
        match line.trim_end() {
            "" => return (sql, false),
            "----" => return (sql, true),
            line => {
                sql.push_str(line);
                sql.push('\n');
            }
        }
    }
    (sql, false)
}

fn result<'t>(lines: &mut impl Iterator<Item = (usize, &'t str)>) -> Vec<&'t str> {
    lines.map(|(_, line)| line).take_while(|line| !line.is_empty()).collect()
}
