//! The prompt.
//!
//! A statement of many lines is one entry: it is edited as a whole, and Up recalls it as a whole, also from an earlier
//! session. Ctrl-C clears what was typed, or stops what runs; only Ctrl-D and `.quit` leave.

mod helper;

use std::env;
use std::io;
use std::path::PathBuf;

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{ColorMode, CompletionType, Config, Editor};

use crate::error::Error;
use crate::shell::{self, Flow, Shell};
use crate::{batch, interrupt};
use helper::Helper;

const PROMPT: &str = "manicule> ";
/// How many statements are remembered.
const HISTORY_ENTRIES_MAX: usize = 10_000;

/// Reads and runs statements until the user leaves.
///
/// # Errors
///
/// A terminal that cannot be used.
pub(crate) fn run(shell: &mut Shell) -> Result<(), Error> {
    let wrong = |error: ReadlineError| Error::Command(format!("the terminal cannot be used: {error}"));
    let has_colour = anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never;
    let config = Config::builder()
        .max_history_size(HISTORY_ENTRIES_MAX)
        .and_then(|config| config.history_ignore_dups(true))
        .map_err(wrong)?
        .history_ignore_space(true)
        .completion_type(CompletionType::List)
        .color_mode(if has_colour { ColorMode::Enabled } else { ColorMode::Disabled })
        .build();
    let mut editor: Editor<Helper, FileHistory> = Editor::with_config(config).map_err(wrong)?;
    editor.set_helper(Some(Helper::new(shell.backend.database().clone())));
    let history = history_path();
    if let Some(path) = &history {
        // The first session has no history to read.
        let _ = editor.load_history(path);
    }
    let token = shell.backend.cancel_handle();
    interrupt::install(move || token.cancel());
    shell::note(concat!("Manicule ", env!("CARGO_PKG_VERSION"), ". .help lists the commands; Ctrl-D leaves."));
    loop {
        let text = match editor.readline(PROMPT) {
            Ok(text) => text,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => return Ok(()),
            // A paste in another encoding must not end the session, which may have a transaction open.
            Err(ReadlineError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
                shell::note("what was typed is not UTF-8, and was dropped");
                continue;
            }
            Err(error) => return Err(wrong(error)),
        };
        if text.trim().is_empty() {
            continue;
        }
        remember(&mut editor, &text, history.as_ref());
        match batch::run_text(shell, command_in_words(&text).as_deref().unwrap_or(&text)) {
            Ok(Flow::Continue) => {}
            Ok(Flow::Quit) => return Ok(()),
            Err(error) => shell::note(&error.to_string()),
        }
    }
}

/// The command that is meant by what people type out of habit from other shells, with or without a semicolon.
fn command_in_words(text: &str) -> Option<String> {
    let text = text.trim().trim_end_matches(';');
    let (verb, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    match (verb.to_ascii_lowercase().as_str(), rest.trim()) {
        ("exit" | "quit", "") => Some(".quit".to_owned()),
        ("help", "") => Some(".help".to_owned()),
        ("show", rest) if rest.eq_ignore_ascii_case("tables") => Some(".tables".to_owned()),
        ("describe" | "desc", table) if table.starts_with('"') || !table.contains(char::is_whitespace) => {
            Some(format!(".describe {table}"))
        }
        _ => None,
    }
}

/// Adds the text to the history, and to its file at once, so that a session that ends badly loses nothing.
fn remember(editor: &mut Editor<Helper, FileHistory>, text: &str, path: Option<&PathBuf>) {
    let is_new = editor.add_history_entry(text.trim_end()).unwrap_or(false);
    if let (true, Some(path)) = (is_new, path) {
        // A history that cannot be written is no reason to disturb the session.
        let _ = editor.append_history(path);
    }
}

/// `MANICULE_HISTORY` if it is set, where the empty value means no file; else a file in the user's state directory.
fn history_path() -> Option<PathBuf> {
    if let Some(path) = env::var_os("MANICULE_HISTORY") {
        return (!path.is_empty()).then(|| PathBuf::from(path));
    }
    let state = env::var_os("XDG_STATE_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    let directory = state.or_else(|| env::home_dir().map(|home| home.join(".local").join("state")))?.join("manicule");
    std::fs::create_dir_all(&directory).ok()?;
    Some(directory.join("history"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_other_shells_are_commands() {
        let commands = ["exit", "QUIT;", " help ; ", "SHOW TABLES;", "describe flights;", "desc"].map(command_in_words);
        let expected = [".quit", ".quit", ".help", ".tables", ".describe flights", ".describe "];
        assert_eq!(commands.each_ref().map(|command| command.as_deref().unwrap_or("none")), expected);
        let statements = ["SELECT 1", "exit now", "show", "describe a b", "explain SELECT 1", "helpless"];
        assert_eq!(statements.map(command_in_words), [const { None }; 6]);
    }
}
