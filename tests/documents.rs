//! What the documents show is true: their SQL runs.

#[path = "support/demo.rs"]
mod demo;

use std::fs;
use std::path::Path;

use manicule::{Session, split_statements};

/// The code blocks of that language in a document, each with the line it begins at.
fn blocks(document: &str, language: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut lines = document.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if line.trim() == format!("```{language}") {
            let block: Vec<&str> =
                lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```").collect();
            blocks.push((number + 2, block.join("\n")));
        }
    }
    blocks
}

#[test]
fn every_statement_of_the_dialect_runs() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/dialect.md");
    let document = fs::read_to_string(path).expect("the document is there");
    let mut session = Session::new(&demo::database());
    let mut statement_count = 0;
    let mut wrong = Vec::new();
    for (line, block) in blocks(&document, "sql") {
        for statement in split_statements(&block) {
            let statement = statement.expect("the block is well formed");
            statement_count += 1;
            if let Err(error) = session.execute(statement.text) {
                let line = line + block[..statement.offset].matches('\n').count();
                wrong.push(format!("docs/dialect.md:{line}: {}", error.render(statement.text)));
            }
        }
    }
    assert!(statement_count > 35, "only {statement_count} statements were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
