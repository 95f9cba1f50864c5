//! What the documents show is true: their SQL runs, and nothing is shown that no test looks at.
//!
//! | language | in | looked at by |
//! |---|---|---|
//! | `rust` | README, `docs/` | the doctests of the crate, which takes the documents in |
//! | `rust` | `adapters/gluesql/` | the doctests of that crate |
//! | `sql` | `docs/` | this file |
//! | `sql` | `tests/scripts/isolation/` | the tests of isolation, which begin with it |
//! | `sh` | README | the shell's tests, which run every command |
//! | `sh` | `docs/benchmarks.md`, the peers' README | the peers' tests, which read the command lines |
//! | `text` | README | the shell's tests: the first is a session that it really has |
//! | `text` | `docs/` | nobody: they are drawings |
//! | `toml` | `docs/benchmarks.md` | nobody: it is made by a program |

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

/// All documents of the repository, by their path.
fn documents() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.to_owned()];
    let mut documents = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let entry = entry.expect("it can be read");
            let (path, is_folder) = (entry.path(), entry.file_type().is_ok_and(|kind| kind.is_dir()));
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if is_folder && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if name.ends_with(".md") {
                let text = fs::read_to_string(&path).expect("it can be read");
                let path = path.strip_prefix(root).expect("it lies below the root");
                documents.push((path.to_string_lossy().into_owned(), text));
            }
        }
    }
    documents
}

#[test]
fn every_code_block_is_looked_at() {
    let mut block_count = 0;
    for (path, text) in documents() {
        let mut is_inside = false;
        for (number, line) in text.lines().enumerate() {
            let Some(language) = line.trim().strip_prefix("```") else { continue };
            is_inside = !is_inside;
            if !is_inside {
                continue;
            }
            block_count += 1;
            let is_known = match language {
                "rust" => {
                    path.starts_with("docs/") || ["README.md", "adapters/gluesql/README.md"].contains(&path.as_str())
                }
                "sql" => ["docs/dialect.md", "tests/scripts/isolation/README.md"].contains(&path.as_str()),
                "sh" => ["README.md", "docs/benchmarks.md", "benches/peers/README.md"].contains(&path.as_str()),
                "text" => path == "README.md" || path.starts_with("docs/"),
                "toml" => path == "docs/benchmarks.md",
                _ => false,
            };
            assert!(is_known, "{path}:{}: no test looks at this block of {language:?}", number + 1);
        }
        assert!(!is_inside, "{path}: a block is not closed");
    }
    assert!(block_count >= 12, "only {block_count} blocks were found");
}

#[test]
fn every_document_is_compiled() {
    let library = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("it is there");
    for (path, _) in
        documents().into_iter().filter(|(path, text)| path.starts_with("docs/") && text.contains("```rust"))
    {
        assert!(library.contains(&path), "src/lib.rs does not take in {path}, so its code is not compiled");
    }
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
